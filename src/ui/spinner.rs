//! Something is under way.

use leptos::prelude::*;

use super::{Icon, IconView};

#[component]
pub fn Spinner(
    /// What is under way, for those who listen; none where the words beside it say so.
    #[prop(optional, into)]
    label: Option<Signal<String>>,
) -> impl IntoView {
    view! {
        <span class="spinner" role=label.map(|_| "status")>
            <IconView icon=Icon::LoaderCircle />
            {label.map(|label| view! { <span class="visually-hidden">{move || label.get()}</span> })}
        </span>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![Story::new("turning", || {
        view! { <Spinner label="載入中…" /> }.into_any()
    })]
}
