//! A dialog over the page, by the browser's own `<dialog>`: it holds the focus, closes with Esc, and gives the focus back.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use super::{Icon, IconButton, Show, ToastHost, Toasts, unique_id};
use crate::i18n::{Key, phrase};

#[component]
pub fn Dialog(
    /// Whether it is shown. Who holds it closes it, when `on_close` asks.
    #[prop(into)]
    open: Signal<bool>,
    #[prop(into)] title: Signal<String>,
    /// Esc, the cross or a click beside it.
    #[prop(into)]
    on_close: Callback<()>,
    /// Whether a click beside it leaves it alone: where one could lose what was entered.
    #[prop(optional)]
    is_kept_open: bool,
    /// The buttons at its foot, the primary one last.
    #[prop(optional, into)]
    footer: Option<DialogFooter>,
    children: ChildrenFn,
) -> impl IntoView {
    let title_id = StoredValue::new(unique_id());
    let dialog = NodeRef::<html::Dialog>::new();
    let footer = StoredValue::new(footer.map(|footer| footer.0));
    // An effect, because showing a dialog modally is a method of the element and not an attribute.
    Effect::new(move |_| {
        let is_open = open.get();
        let Some(dialog) = dialog.get() else {
            return;
        };
        if is_open && !dialog.open() {
            // Fails only when it is not in the page, and then there is nothing to show.
            let _ = dialog.show_modal();
        } else if !is_open && dialog.open() {
            dialog.close();
        }
    });
    let cancel = move |event: ev::Event| {
        // Its holder decides; the effect above closes it.
        event.prevent_default();
        on_close.run(());
    };
    let click = move |event: ev::MouseEvent| {
        // The backdrop belongs to the dialog element; what is in it fills it.
        let is_beside =
            event.target().is_some() && event.target() == dialog.get_untracked().map(Into::into);
        if is_beside && !is_kept_open {
            on_close.run(());
        }
    };
    // The browser's way back leaves what is under it, so it leaves the dialog too.
    let back = window_event_listener(ev::popstate, move |_| {
        if open.try_get_untracked() == Some(true) {
            on_close.try_run(());
        }
    });
    on_cleanup(move || back.remove());
    // What lies outside an open dialog can't be pressed: its notices are in it.
    let has_notices = use_context::<Toasts>().is_some();
    view! {
        <dialog
            class="dialog"
            aria-labelledby=title_id.get_value()
            node_ref=dialog
            on:cancel=cancel
            on:mousedown=click
        >
            <Show when=open>
                <div class="dialog__body">
                    <header class="dialog__head">
                        <h2 class="dialog__title" id=title_id.get_value()>
                            {move || title.get()}
                        </h2>
                        <IconButton
                            icon=Icon::X
                            label=phrase(Key::UiClose)
                            on_click=on_close
                        />
                    </header>
                    <div class="dialog__content">{children()}</div>
                    {footer
                        .with_value(|footer| {
                            footer
                                .as_ref()
                                .map(|footer| view! { <footer class="dialog__foot">{footer()}</footer> })
                        })}
                </div>
                {has_notices.then(|| view! { <ToastHost is_in_dialog=true /> })}
            </Show>
        </dialog>
    }
    .into_any()
}

/// Something to be drawn each time a dialog is shown.
pub struct DialogFooter(Box<dyn Fn() -> AnyView + Send + Sync>);

impl<F, V> From<F> for DialogFooter
where
    F: Fn() -> V + Send + Sync + 'static,
    V: IntoView + 'static,
{
    fn from(view: F) -> Self {
        Self(Box::new(move || view().into_any()))
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::{Button, ButtonKind, Story};
    vec![
        Story::new("a question", || {
            let open = RwSignal::new(false);
            view! {
                <Button on_click=move || open.set(true)>"開啟對話框"</Button>
                <Dialog
                    open
                    title="確認發送？"
                    on_close=Callback::new(move |()| open.set(false))
                    footer=move || {
                        view! {
                            <Button on_click=move || open.set(false)>"取消"</Button>
                            <Button kind=ButtonKind::Primary on_click=move || open.set(false)>
                                "發送給 1,146 位"
                            </Button>
                        }
                    }
                >
                    <p>"3 則訊息將發送給 1,146 位顧客，55 位略過。"</p>
                </Dialog>
            }
            .into_any()
        }),
        Story::new("long", || {
            let open = RwSignal::new(false);
            view! {
                <Button on_click=move || open.set(true)>"開啟長內容"</Button>
                <Dialog
                    open
                    title="使用說明"
                    on_close=Callback::new(move |()| open.set(false))
                >
                    {(1..40).map(|n| view! { <p>{n.to_string()} " 僅能向處理中的事件發送。"</p> }).collect_view()}
                </Dialog>
            }
            .into_any()
        }),
    ]
}
