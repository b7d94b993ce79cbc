//! The shape of what is being loaded.

use leptos::prelude::*;

use crate::i18n::{Key, phrase};

#[component]
pub fn Skeleton(
    /// How many rows.
    #[prop(default = 3)]
    rows: usize,
    /// Whether each row begins with a picture.
    #[prop(optional)]
    has_avatar: bool,
) -> impl IntoView {
    let rows = (0..rows)
        .map(|_| {
            view! {
                <span class="skeleton__row">
                    {has_avatar.then(|| view! { <span class="skeleton__avatar"></span> })}
                    <span class="skeleton__lines">
                        <span class="skeleton__line"></span>
                        <span class="skeleton__line skeleton__line--short"></span>
                    </span>
                </span>
            }
        })
        .collect_view();
    view! {
        <div class="skeleton" role="status">
            <span class="visually-hidden">{phrase(Key::UiLoading)}</span>
            <span class="skeleton__rows" aria-hidden="true">
                {rows}
            </span>
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("rows", || view! { <Skeleton /> }.into_any()),
        Story::new("a list", || {
            view! { <Skeleton rows=5 has_avatar=true /> }.into_any()
        }),
    ]
}
