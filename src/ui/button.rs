//! A button that says what it does, and when it can't, why.

use leptos::ev;
use leptos::prelude::*;

use super::{Icon, IconView, Spinner, Tooltip, reactive, unique_id};

/// How much a button asks for attention. One primary button on a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    Primary,
    #[default]
    Plain,
    Quiet,
    Danger,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button--primary",
            Self::Plain => "button",
            Self::Quiet => "button button--quiet",
            Self::Danger => "button button--danger",
        }
    }
}

/// A button. While it is disabled it can still be reached, so that its reason can be read.
#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    /// Before the words.
    #[prop(optional, into)]
    icon: Option<Icon>,
    /// Why it can't be pressed now; none when it can.
    #[prop(optional, into)]
    disabled_reason: Option<Signal<Option<String>>>,
    /// Whether what it started is still under way. It can't be pressed twice.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it submits the form around it.
    #[prop(optional)]
    is_submit: bool,
    #[prop(optional, into)] on_click: Option<Callback<()>>,
    /// The words.
    children: Children,
) -> impl IntoView {
    let reason_id = unique_id();
    let reason = disabled_reason.unwrap_or_default();
    let is_off = move || reason.with(Option::is_some) || busy.get();
    let described_by = {
        let reason_id = reason_id.clone();
        move || reason.with(Option::is_some).then(|| reason_id.clone())
    };
    let press = move |event: ev::MouseEvent| {
        if untrack(is_off) {
            event.prevent_default();
            event.stop_propagation();
        } else if let Some(on_click) = on_click {
            on_click.run(());
        }
    };
    let button = view! {
        <button
            type=if is_submit { "submit" } else { "button" }
            class=kind.class()
            aria-disabled=move || is_off().then_some("true")
            aria-busy=move || busy.get().then_some("true")
            aria-describedby=reactive(described_by)
            on:click=press
        >
            {move || {
                if busy.get() {
                    Some(view! { <Spinner /> }.into_any())
                } else {
                    icon.map(|icon| view! { <IconView icon /> }.into_any())
                }
            }}
            <span class="button__text">{children()}</span>
        </button>
    }
    .into_any();
    if disabled_reason.is_some() {
        view! { <Tooltip id=reason_id text=reason>{button}</Tooltip> }.into_any()
    } else {
        button
    }
}

/// A link that looks like a button, because it goes somewhere.
#[component]
pub fn LinkButton(
    #[prop(into)] href: Signal<String>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional, into)] icon: Option<Icon>,
    children: Children,
) -> impl IntoView {
    view! {
        <a class=kind.class() href=href>
            {icon.map(|icon| view! { <IconView icon /> })}
            <span class="button__text">{children()}</span>
        </a>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("kinds", || {
            view! {
                <div class="gallery__row">
                    <Button kind=ButtonKind::Primary icon=Icon::Send>"發送給 1,146 位"</Button>
                    <Button icon=Icon::Clock>"排程"</Button>
                    <Button kind=ButtonKind::Quiet icon=Icon::Type>"文字"</Button>
                    <Button kind=ButtonKind::Danger icon=Icon::Trash>"刪除"</Button>
                    <LinkButton href="#here" icon=Icon::Eye>"檢視報表"</LinkButton>
                </div>
            }
            .into_any()
        }),
        Story::new("disabled, with the reason", || {
            view! {
                <div class="gallery__row">
                    <Button kind=ButtonKind::Primary disabled_reason=Some("請先選取顧客".to_owned())>
                        "發送"
                    </Button>
                    <Button disabled_reason=Some("事件已結束".to_owned())>"跟進"</Button>
                </div>
            }
            .into_any()
        }),
        Story::new("busy", || {
            view! {
                <div class="gallery__row">
                    <Button kind=ButtonKind::Primary busy=true>"發送中"</Button>
                    <Button busy=true>"載入中"</Button>
                </div>
            }
            .into_any()
        }),
        Story::new("long words", || {
            view! {
                <Button kind=ButtonKind::Primary icon=Icon::Send>
                    "Send to 1,146 customers of LINE, Facebook, Instagram and WhatsApp"
                </Button>
            }
            .into_any()
        }),
    ]
}
