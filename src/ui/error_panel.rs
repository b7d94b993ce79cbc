//! A panel that could not be loaded, and another try.

use leptos::prelude::*;

use super::{Button, Icon, IconView};
use crate::i18n::{Key, phrase};

#[component]
pub fn ErrorPanel(
    /// What went wrong, in words for people.
    #[prop(into)]
    error: Signal<String>,
    #[prop(optional, into)] on_retry: Option<Callback<()>>,
) -> impl IntoView {
    view! {
        <div class="error-panel" role="alert">
            <span class="error-panel__icon">
                <IconView icon=Icon::CircleAlert />
            </span>
            <p class="error-panel__text">{move || error.get()}</p>
            {on_retry
                .map(|on_retry| {
                    view! {
                        <Button icon=Icon::Refresh on_click=on_retry>
                            {phrase(Key::UiRetry)}
                        </Button>
                    }
                })}
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<super::Story> {
    use super::Story;
    vec![
        Story::new("with another try", || {
            view! { <ErrorPanel error="無法連線，請檢查網路後重試。" on_retry=|| () /> }.into_any()
        }),
        Story::new("without", || {
            view! { <ErrorPanel error="您的角色無法查看此報表。" /> }.into_any()
        }),
    ]
}
