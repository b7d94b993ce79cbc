//! A word about the thing under the pointer or the focus. What holds it names it by `aria-describedby`.

use leptos::prelude::*;

/// Wraps one control; shows `text` while it is hovered or focused, and nothing when there is none.
#[component]
pub fn Tooltip(
    /// The id that the control's `aria-describedby` names.
    #[prop(into)]
    id: String,
    /// The words.
    #[prop(into)]
    text: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    view! {
        <span class="tooltip">
            {children()}
            {move || {
                text.get()
                    .map(|text| {
                        view! {
                            <span class="tooltip__bubble" role="tooltip" id=id.clone()>
                                {text}
                            </span>
                        }
                    })
            }}
        </span>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::{Button, Story};
    vec![Story::new("on a button", || {
        view! {
            <Button disabled_reason=Some("只能發送給處理中的事件".to_owned())>"發送"</Button>
        }
        .into_any()
    })]
}
