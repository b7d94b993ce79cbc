//! Who did not get a broadcast, and why: a line for each reason and channel, which opens the list of those customers.

use leptos::prelude::*;
use omocast_contract::{DeliveryStatus, OutcomeCount, Standing};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::reason_text::{reason_text, status_text};
use crate::components::status_chip::status_tone;
use crate::i18n::{Key, number, phrase, t_with};
use crate::ui::reactive;

/// The list; nothing where everybody got it.
#[component]
pub fn OutcomeList(
    /// The most first.
    #[prop(into)]
    outcomes: Signal<Vec<OutcomeCount>>,
    /// The customers who stand so are to be shown.
    on_open: Callback<Standing>,
) -> impl IntoView {
    reactive(move || {
        let outcomes = outcomes.get();
        if outcomes.is_empty() {
            return ().into_any();
        }
        let lines = outcomes
            .into_iter()
            .map(|outcome| line(outcome, on_open))
            .collect_view();
        view! {
            <section class="outcome-list">
                <h2 class="outcome-list__title">{phrase(Key::BroadcastOutcomes)}</h2>
                <ul class="outcome-list__lines">{lines}</ul>
            </section>
        }
        .into_any()
    })
    .into_any()
}

fn standing(status: DeliveryStatus) -> Standing {
    match status {
        DeliveryStatus::Skipped => Standing::Skipped,
        DeliveryStatus::Unknown => Standing::Unknown,
        DeliveryStatus::Queued
        | DeliveryStatus::Sending
        | DeliveryStatus::Sent
        | DeliveryStatus::Delivered
        | DeliveryStatus::Read
        | DeliveryStatus::Failed => Standing::Failed,
    }
}

fn line(outcome: OutcomeCount, on_open: Callback<Standing>) -> AnyView {
    let OutcomeCount {
        status,
        reason,
        channel,
        customers,
    } = outcome;
    let why = reason.map(reason_text).unwrap_or_default();
    let label = t_with(
        Key::BroadcastOutcome,
        &[
            ("status", &status_text(status)),
            ("reason", &why),
            ("channel", &channel_name(channel)),
            ("count", &number(customers)),
        ],
    );
    view! {
        <li>
            <button
                type="button"
                class="outcome-list__line"
                aria-label=label
                on:click=move |_| on_open.run(standing(status))
            >
                <span class="outcome-list__status" data-tone=status_tone(status).as_str()>
                    {status_text(status)}
                </span>
                <span class="outcome-list__why">{why}</span>
                <ChannelBadge channel is_decoration=true />
                <span class="outcome-list__number">{number(customers)}</span>
            </button>
        </li>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::{Channel, Reason};

    use crate::ui::Story;

    fn outcome(
        status: DeliveryStatus,
        reason: Reason,
        channel: Channel,
        customers: u64,
    ) -> OutcomeCount {
        OutcomeCount {
            status,
            reason: Some(reason),
            channel,
            customers,
        }
    }
    vec![
        Story::new("of every kind", || {
            let outcomes = vec![
                outcome(
                    DeliveryStatus::Skipped,
                    Reason::WindowClosed,
                    Channel::Facebook,
                    1_245,
                ),
                outcome(
                    DeliveryStatus::Failed,
                    Reason::PlatformFault,
                    Channel::Whatsapp,
                    5,
                ),
                outcome(DeliveryStatus::Failed, Reason::Blocked, Channel::Line, 4),
                outcome(
                    DeliveryStatus::Unknown,
                    Reason::NoAnswer,
                    Channel::Instagram,
                    1,
                ),
            ];
            view! { <OutcomeList outcomes on_open=Callback::new(|_| ()) /> }.into_any()
        }),
        Story::new("everybody got it", || {
            view! { <OutcomeList outcomes=Vec::new() on_open=Callback::new(|_| ()) /> }.into_any()
        }),
    ]
}
