//! Where a broadcast, a recipient or a message stands: a word with a colour that says the same.

use leptos::prelude::*;
use omocast_contract::{BroadcastStatus, DeliveryStatus};

use crate::components::reason_text::{broadcast_status_text, status_text};
use crate::ui::{Chip, Tone};

/// The colour of a status, the same in chips, bars and figures.
pub fn status_tone(status: DeliveryStatus) -> Tone {
    match status {
        DeliveryStatus::Queued | DeliveryStatus::Sending | DeliveryStatus::Skipped => Tone::Neutral,
        DeliveryStatus::Sent => Tone::Action,
        DeliveryStatus::Delivered | DeliveryStatus::Read => Tone::Good,
        DeliveryStatus::Failed => Tone::Bad,
        DeliveryStatus::Unknown => Tone::Warn,
    }
}

/// Where a recipient or one message stands.
#[component]
pub fn StatusChip(status: DeliveryStatus) -> impl IntoView {
    view! {
        <span class="status-chip" data-status=status.as_str()>
            <Chip tone=status_tone(status) text=Signal::derive(move || status_text(status)) />
        </span>
    }
}

/// Where a broadcast as a whole stands.
#[component]
pub fn BroadcastStatusChip(#[prop(into)] status: Signal<BroadcastStatus>) -> impl IntoView {
    let tone = Signal::derive(move || match status.get() {
        BroadcastStatus::Held | BroadcastStatus::Scheduled | BroadcastStatus::Sending => {
            Tone::Action
        }
        BroadcastStatus::Overdue => Tone::Warn,
        BroadcastStatus::Stopped | BroadcastStatus::Cancelled => Tone::Neutral,
        BroadcastStatus::Completed => Tone::Good,
    });
    view! {
        <span class="status-chip" data-status=move || status.get().as_str()>
            <Chip tone text=Signal::derive(move || broadcast_status_text(status.get())) />
        </span>
    }
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    vec![
        Story::new("recipients", || {
            DeliveryStatus::ALL
                .map(|status| view! { <StatusChip status /> " " })
                .collect_view()
                .into_any()
        }),
        Story::new("broadcasts", || {
            BroadcastStatus::ALL
                .map(|status| view! { <BroadcastStatusChip status /> " " })
                .collect_view()
                .into_any()
        }),
    ]
}
