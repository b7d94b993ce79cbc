//! Who somebody is, at a glance: the first letter of their name.

use leptos::prelude::*;

use super::{Icon, IconView};

/// The first letter; decoration, because the name stands beside it.
#[component]
pub fn Avatar(
    #[prop(into)] name: Signal<String>,
    /// A badge on its corner.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <span class="avatar">
            <span class="avatar__letter" aria-hidden="true">
                {move || match name.with(|name| initial(name)) {
                    Some(letter) => letter.into_any(),
                    None => view! { <IconView icon=Icon::User /> }.into_any(),
                }}
            </span>
            {children.map(|children| children())}
        </span>
    }
    .into_any()
}

/// The first letter or sign of a name, in capitals.
pub fn initial(name: &str) -> Option<String> {
    let first = name.chars().find(|letter| letter.is_alphanumeric())?;
    Some(first.to_uppercase().collect())
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![Story::new("names", || {
        view! {
            <div class="gallery__row">
                <Avatar name="陳怡君" />
                <Avatar name="amy Chang" />
                <Avatar name="🌸小花" />
                <Avatar name="" />
            </div>
        }
        .into_any()
    })]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letter_is_taken_not_an_emoji() {
        assert_eq!(initial("陳怡君").as_deref(), Some("陳"));
        assert_eq!(initial(" amy").as_deref(), Some("A"));
        assert_eq!(initial("🌸小花").as_deref(), Some("小"));
        assert_eq!(initial("🌸"), None);
    }
}
