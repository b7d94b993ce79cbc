//! A button that is an icon alone. Its label is its name, and shown while it is hovered.

use leptos::ev;
use leptos::prelude::*;

use super::{Icon, IconView, Tooltip, reactive, unique_id};

#[component]
pub fn IconButton(
    icon: Icon,
    /// What it does, in words.
    #[prop(into)]
    label: Signal<String>,
    /// For a switch: whether it is on.
    #[prop(optional, into)]
    pressed: Option<Signal<bool>>,
    /// A number on its corner; the label should say it too.
    #[prop(optional, into)]
    dot: Option<Signal<Option<String>>>,
    /// Why it can't be pressed now; none when it can.
    #[prop(optional, into)]
    disabled_reason: Option<Signal<Option<String>>>,
    #[prop(optional, into)] on_click: Option<Callback<()>>,
) -> impl IntoView {
    let reason_id = unique_id();
    let reason = disabled_reason.unwrap_or_default();
    let is_off = move || reason.with(Option::is_some);
    let described_by = {
        let reason_id = reason_id.clone();
        move || is_off().then(|| reason_id.clone())
    };
    let press = move |event: ev::MouseEvent| {
        if untrack(is_off) {
            event.stop_propagation();
        } else if let Some(on_click) = on_click {
            on_click.run(());
        }
    };
    let button = view! {
        <button
            type="button"
            class="icon-button"
            aria-label=move || label.get()
            title=move || (!is_off()).then(|| label.get())
            aria-pressed=move || pressed.map(|pressed| if pressed.get() { "true" } else { "false" })
            aria-disabled=move || is_off().then_some("true")
            aria-describedby=reactive(described_by)
            on:click=press
        >
            <IconView icon />
            {move || {
                dot.and_then(|dot| dot.get())
                    .map(|dot| view! { <span class="icon-button__dot" aria-hidden="true">{dot}</span> })
            }}
        </button>
    }
    .into_any();
    if disabled_reason.is_some() {
        view! { <Tooltip id=reason_id text=reason>{button}</Tooltip> }.into_any()
    } else {
        button
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![Story::new("states", || {
        let is_on = RwSignal::new(true);
        view! {
            <div class="gallery__row">
                <IconButton icon=Icon::Search label="搜尋" />
                <IconButton
                    icon=Icon::Filter
                    label="篩選（2）"
                    pressed=is_on
                    dot=Some("2".to_owned())
                    on_click=move || is_on.update(|is_on| *is_on = !*is_on)
                />
                <IconButton
                    icon=Icon::More
                    label="更多"
                    disabled_reason=Some("僅限銷售經理、銷售人員".to_owned())
                />
            </div>
        }
        .into_any()
    })]
}
