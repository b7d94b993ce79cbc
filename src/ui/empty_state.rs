//! There is nothing here, and what to do about it.

use leptos::prelude::*;

use super::{Icon, IconView};

#[component]
pub fn EmptyState(
    #[prop(default = Icon::Inbox)] icon: Icon,
    /// That there is nothing, in a few words.
    #[prop(into)]
    title: Signal<String>,
    /// Why, or what to do.
    #[prop(optional, into)]
    hint: Option<Signal<String>>,
    /// A way out: a button or a link.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state__icon">
                <IconView icon />
            </span>
            <p class="empty-state__title">{move || title.get()}</p>
            {hint.map(|hint| view! { <p class="empty-state__hint">{move || hint.get()}</p> })}
            {children.map(|children| view! { <div class="empty-state__actions">{children()}</div> })}
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::{Button, Story};
    vec![
        Story::new("title alone", || {
            view! { <EmptyState title="沒有處理中的事件" /> }.into_any()
        }),
        Story::new("with a way out", || {
            view! {
                <EmptyState icon=Icon::Filter title="沒有符合篩選的顧客" hint="放寬條件，或清除篩選。">
                    <Button>"清除篩選"</Button>
                </EmptyState>
            }
            .into_any()
        }),
    ]
}
