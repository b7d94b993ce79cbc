//! Who did not get a broadcast, and why: a line for each reason, by channel, which opens the list of those customers.

use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::{DeliveryStatus, OutcomeCount, Reason, Standing};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::reason_text::{reason_text, status_text};
use crate::components::status_chip::status_tone;
use crate::i18n::{Key, number, phrase, t, t_with};
use crate::ui::reactive;

/// The list; nothing where everybody got it.
#[component]
pub fn OutcomeList(
    #[prop(into)] outcomes: Signal<Vec<OutcomeCount>>,
    /// The customers who stand so are to be shown.
    on_open: Callback<Standing>,
) -> impl IntoView {
    reactive(move || {
        let lines = outcomes.with(|outcomes| lines(outcomes));
        if lines.is_empty() {
            return ().into_any();
        }
        let lines = lines
            .into_iter()
            .map(|line| line_view(line, on_open))
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

/// Customers of one outcome, by channel.
struct Line {
    status: DeliveryStatus,
    reason: Option<Reason>,
    channels: Vec<ChannelCount>,
}

impl Line {
    fn total(&self) -> u64 {
        self.channels.iter().map(|count| count.customers).sum()
    }
}

/// What failed before what was skipped, and the most first.
fn lines(outcomes: &[OutcomeCount]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for outcome in outcomes {
        let count = ChannelCount {
            channel: outcome.channel,
            customers: outcome.customers,
        };
        let known = lines
            .iter_mut()
            .find(|line| (line.status, line.reason) == (outcome.status, outcome.reason));
        match known {
            Some(line) => line.channels.push(count),
            None => lines.push(Line {
                status: outcome.status,
                reason: outcome.reason,
                channels: vec![count],
            }),
        }
    }
    lines.sort_by_key(|line| {
        let is_skipped = line.status == DeliveryStatus::Skipped;
        (is_skipped, std::cmp::Reverse(line.total()))
    });
    lines
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

fn line_view(line: Line, on_open: Callback<Standing>) -> AnyView {
    let (status, total) = (line.status, line.total());
    let why = line.reason.map(reason_text).unwrap_or_default();
    let each: Vec<String> = line
        .channels
        .iter()
        .map(|count| {
            let (channel, customers) = (channel_name(count.channel), number(count.customers));
            t_with(
                Key::CheckChannel,
                &[("channel", &channel), ("count", &customers)],
            )
        })
        .collect();
    let label = t_with(
        Key::BroadcastOutcome,
        &[
            ("status", &status_text(status)),
            ("reason", &why),
            ("count", &number(total)),
            ("channels", &each.join(&t(Key::ComposeSeparator))),
        ],
    );
    let channels = line
        .channels
        .into_iter()
        .map(|count| {
            view! {
                <span class="outcome-list__channel">
                    <ChannelBadge channel=count.channel is_decoration=true />
                    {number(count.customers)}
                </span>
            }
        })
        .collect_view();
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
                <span class="outcome-list__channels">{channels}</span>
                <span class="outcome-list__number">{number(total)}</span>
            </button>
        </li>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Channel;

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
                outcome(
                    DeliveryStatus::Skipped,
                    Reason::WindowClosed,
                    Channel::Whatsapp,
                    48,
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
