//! Who did not get a broadcast, or not all of it, and why: a line for each reason, by channel, which opens the list
//! of those customers.

use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::{DeliveryStatus, OutcomeCount, Part, Reason, Standing};

use crate::components::channel_badge::{ChannelBadge, channel_name};
use crate::components::reason_text::{part_text, reason_text, status_text};
use crate::components::status_chip::status_tone;
use crate::i18n::{Key, PluralKey, number, phrase, t, t_count, t_with};
use crate::ui::{Row, Show, reactive, rows};

/// The list; nothing where everybody got it.
#[component]
pub fn OutcomeList(
    #[prop(into)] outcomes: Signal<Vec<OutcomeCount>>,
    /// The customers of this outcome are to be shown.
    on_open: Callback<Outcome>,
) -> impl IntoView {
    let found = Memo::new(move |_| outcomes.with(|outcomes| lines(outcomes)));
    let has_any = Memo::new(move |_| found.with(|lines| !lines.is_empty()));
    let sum = move || found.with(|lines| sum(lines));
    view! {
        <Show when=has_any>
            <section class="outcome-list">
                <h2 class="outcome-list__title">{phrase(Key::BroadcastOutcomes)}</h2>
                <p class="outcome-list__sum">{reactive(sum)}</p>
                <ul class="outcome-list__lines">
                    // A line stays, and so does the focus in it, while its numbers move on.
                    {rows(move || {
                        let draw = |line: &Line| {
                            let outcome = line.outcome;
                            let line = move || line_view(found, outcome, on_open);
                            Row::new(format!("{outcome:?}"), line)
                        };
                        found.with(|lines| lines.iter().map(draw).collect())
                    })}
                </ul>
            </section>
        </Show>
    }
    .into_any()
}

/// What became of those of one line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Failed, unknown or skipped.
    pub status: DeliveryStatus,
    /// Why.
    pub reason: Option<Reason>,
    /// What each of them got nevertheless.
    pub part: Option<Part>,
}

impl Outcome {
    /// The tab that lists them.
    pub fn standing(self) -> Standing {
        match self.status {
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

    /// Why they did not get it, or not all of it, with what they got: 「平台故障、收到 1／3 則」. Reactive on the locale.
    pub fn why(self) -> String {
        let (reason, part) = (self.reason.map(reason_text), self.part.map(part_text));
        let said: Vec<_> = reason.into_iter().chain(part).collect();
        said.join(&t(Key::ComposeSeparator))
    }
}

/// Customers of one outcome, by channel.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    outcome: Outcome,
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
    for counted in outcomes {
        let count = ChannelCount {
            channel: counted.channel,
            customers: counted.customers,
        };
        let outcome = Outcome {
            status: counted.status,
            reason: counted.reason,
            part: counted.part,
        };
        match lines.iter_mut().find(|line| line.outcome == outcome) {
            Some(line) => line.channels.push(count),
            None => lines.push(Line {
                outcome,
                channels: vec![count],
            }),
        }
    }
    lines.sort_by_key(|line| {
        let is_skipped = line.outcome.status == DeliveryStatus::Skipped;
        (is_skipped, std::cmp::Reverse(line.total()))
    });
    lines
}

/// How many got nothing, how many a part, and of how many nobody knows.
fn sum(lines: &[Line]) -> String {
    let (mut nothing, mut part, mut unknown) = (0, 0, 0);
    for line in lines {
        let sum = match (line.outcome.part, line.outcome.status) {
            (Some(_), _) => &mut part,
            (None, DeliveryStatus::Unknown) => &mut unknown,
            (None, _) => &mut nothing,
        };
        *sum += line.total();
    }
    let sums = [
        (PluralKey::BroadcastGotNothing, nothing),
        (PluralKey::BroadcastGotPart, part),
        (PluralKey::BroadcastGotUnknown, unknown),
    ];
    sums.into_iter()
        .filter(|(_, customers)| *customers > 0)
        .map(|(key, customers)| t_count(key, customers, &[]))
        .collect::<Vec<_>>()
        .join(&t(Key::ComposeSeparator))
}

fn line_view(found: Memo<Vec<Line>>, outcome: Outcome, on_open: Callback<Outcome>) -> AnyView {
    let line = Memo::new(move |before: Option<&Line>| {
        let is_this = |line: &&Line| line.outcome == outcome;
        let now = found.with(|lines| lines.iter().find(is_this).cloned());
        // The line is about to go: it shows what it showed.
        now.or_else(|| before.cloned()).unwrap_or(Line {
            outcome,
            channels: Vec::new(),
        })
    });
    let Outcome {
        status,
        reason,
        part,
    } = outcome;
    let why = move || reason.map(reason_text).unwrap_or_default();
    let total = move || number(line.with(Line::total));
    let label = move || {
        let each: Vec<String> = line.with(|line| {
            let name = |count: &ChannelCount| {
                let (channel, customers) = (channel_name(count.channel), number(count.customers));
                t_with(
                    Key::CheckChannel,
                    &[("channel", &channel), ("count", &customers)],
                )
            };
            line.channels.iter().map(name).collect()
        });
        t_with(
            Key::BroadcastOutcome,
            &[
                ("status", &status_text(status)),
                ("reason", &outcome.why()),
                ("count", &total()),
                ("channels", &each.join(&t(Key::ComposeSeparator))),
            ],
        )
    };
    let channels = move || {
        line.get()
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
            .collect_view()
    };
    view! {
        <li>
            <button
                type="button"
                class="outcome-list__line"
                aria-label=reactive(label)
                on:click=move |_| on_open.run(outcome)
            >
                <span class="outcome-list__status" data-tone=status_tone(status).as_str()>
                    {move || status_text(status)}
                </span>
                <span class="outcome-list__why">
                    {reactive(why)}
                    {part
                        .map(|part| {
                            view! {
                                <span class="outcome-list__part">{move || part_text(part)}</span>
                            }
                        })}
                </span>
                <span class="outcome-list__channels">{reactive(channels)}</span>
                <span class="outcome-list__number">{reactive(total)}</span>
            </button>
        </li>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::Channel;

    use crate::ui::Story;

    fn counted(
        status: DeliveryStatus,
        reason: Reason,
        channel: Channel,
        customers: u64,
    ) -> OutcomeCount {
        OutcomeCount {
            status,
            reason: Some(reason),
            part: None,
            channel,
            customers,
        }
    }
    vec![
        Story::new("of every kind", || {
            let outcomes = vec![
                counted(
                    DeliveryStatus::Skipped,
                    Reason::WindowClosed,
                    Channel::Facebook,
                    1_245,
                ),
                counted(
                    DeliveryStatus::Failed,
                    Reason::PlatformFault,
                    Channel::Whatsapp,
                    5,
                ),
                OutcomeCount {
                    part: Part::new(1, 3),
                    ..counted(
                        DeliveryStatus::Failed,
                        Reason::PlatformFault,
                        Channel::Whatsapp,
                        2,
                    )
                },
                counted(
                    DeliveryStatus::Skipped,
                    Reason::WindowClosed,
                    Channel::Whatsapp,
                    48,
                ),
                counted(DeliveryStatus::Failed, Reason::Blocked, Channel::Line, 4),
                counted(
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
