//! The right pane: who the customer is.

use leptos::prelude::*;
use omocast_contract::api::Thread;

use super::conversations::Conversations;
use crate::components::customer_panel::CustomerPanel;
use crate::i18n::{Key, phrase};
use crate::ui::{Icon, IconButton, Skeleton};

/// The pane. On a phone it stands in place of the thread, with a way back.
#[component]
pub fn CustomerPane(page: Conversations, thread: RwSignal<Option<Thread>>) -> impl IntoView {
    let known = Memo::new(move |_| {
        thread.with(|thread| {
            let thread = thread.as_ref()?;
            Some((thread.customer.clone(), thread.event.clone()))
        })
    });
    view! {
        <aside class="customer-pane" aria-label=phrase(Key::CustomerTitle)>
            <header class="customer-pane__bar">
                <span class="customer-pane__back">
                    <IconButton
                        icon=Icon::ChevronLeft
                        label=phrase(Key::UiBack)
                        on_click=move || page.is_customer_shown.set(false)
                    />
                </span>
                <h2 class="customer-pane__title">{phrase(Key::CustomerTitle)}</h2>
            </header>
            <div class="customer-pane__body">
                {move || match known.get() {
                    Some((customer, event)) => view! { <CustomerPanel customer event /> }.into_any(),
                    None => view! { <Skeleton rows=4 /> }.into_any(),
                }}
            </div>
        </aside>
    }
}
