//! What can be put into a text at the caret: an emoji, and the customer's name.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::variable::CUSTOMER_NAME;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::components::emoji_picker::EmojiPicker;
use crate::i18n::{Key, phrase};
use crate::ui::caret::insert_at_caret;
use crate::ui::{Button, ButtonKind, Icon, Show};

#[component]
pub fn InsertTools(
    /// The field that is written in.
    field: NodeRef<html::Textarea>,
    /// Whether emoji are offered: a phone's keyboard has its own.
    #[prop(into)]
    has_emoji: Signal<bool>,
) -> impl IntoView {
    let insert = move |text: &str| {
        if let Some(field) = field.get_untracked() {
            insert_at_caret(&field, text);
        }
    };
    // The field stays the one that is written in: were it left, what is said of it on leaving would move the button
    // from under the pointer.
    let stay = move |event: ev::MouseEvent| {
        let is_of_tool = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|target| matches!(target.closest("[popover]"), Ok(None)));
        if is_of_tool {
            event.prevent_default();
        }
    };
    view! {
        <span class="insert-tools" on:mousedown=stay>
            <Show when=has_emoji>
                <EmojiPicker on_pick=Callback::new(move |emoji: String| insert(&emoji)) />
            </Show>
            <Button kind=ButtonKind::Quiet icon=Icon::User on_click=move || insert(CUSTOMER_NAME)>
                {phrase(Key::ComposeCustomerName)}
            </Button>
        </span>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(has_emoji: bool) -> AnyView {
        let field = NodeRef::<html::Textarea>::new();
        view! {
            <textarea aria-label="訊息" node_ref=field></textarea>
            <InsertTools field has_emoji=Signal::stored(has_emoji) />
        }
        .into_any()
    }

    vec![
        Story::new("at a desk", || story(true)),
        Story::new("on a phone, without emoji", || story(false)),
    ]
}
