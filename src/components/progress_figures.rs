//! The figures of a broadcast, and which platform does not tell them.
//!
//! They count as [`Standing`] does, and so do the tabs over the recipients: a figure is a list that can be read below it.

use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::{Broadcast, Channel, Progress, Standing};

use crate::components::error_text::channel_names;
use crate::components::reason_text::standing_text;
use crate::i18n::{Key, PluralKey, number, t, t_count, t_with};
use crate::ui::reactive;

/// Whether a standing has a figure and a tab: those that are out of the ordinary only where there are any.
pub fn is_told(standing: Standing, progress: &Progress) -> bool {
    match standing {
        Standing::Sent
        | Standing::Delivered
        | Standing::Read
        | Standing::Failed
        | Standing::Skipped => true,
        Standing::Unknown | Standing::Waiting => progress.of(standing) > 0,
    }
}

/// Sent, delivered, read, failed, skipped; unknown and waiting where there is any.
#[component]
pub fn ProgressFigures(
    #[prop(into)] progress: Signal<Progress>,
    /// Messages each recipient gets.
    message_count: u32,
    /// All recipients by channel.
    channels: Vec<ChannelCount>,
    /// Recipients whose platform tells of deliveries.
    tells_delivered: u64,
    /// Recipients whose platform tells of readings.
    tells_read: u64,
    /// Those of the failed who may be sent it again.
    #[prop(into)]
    retryable: Signal<u64>,
    /// Those of the skipped who were not sent it because it was stopped.
    #[prop(optional, into)]
    stopped: Signal<u64>,
    /// Whether it was taken back before anything was handed over.
    #[prop(optional, into)]
    is_cancelled: Signal<bool>,
) -> impl IntoView {
    let silent = move |tells: fn(Channel) -> bool| -> Vec<Channel> {
        channels
            .iter()
            .map(|count| count.channel)
            .filter(|&channel| !tells(channel))
            .collect()
    };
    let no_delivered = silent(Channel::tells_delivered);
    let no_read = silent(Channel::tells_read);
    let sent = |progress: &Progress| progress.of(Standing::Sent);
    let note = move |standing: Standing, progress: &Progress| match standing {
        Standing::Sent => {
            let count = progress.of(standing) * u64::from(message_count);
            t_count(PluralKey::BroadcastMessageCount, count, &[])
        }
        Standing::Delivered => not_told(
            &no_delivered,
            sent(progress).saturating_sub(tells_delivered),
        ),
        Standing::Read => not_told(&no_read, sent(progress).saturating_sub(tells_read)),
        Standing::Skipped => left_out(progress.of(standing), stopped.get(), is_cancelled.get()),
        Standing::Failed if retryable.get() > 0 => {
            let count = number(retryable.get());
            t_with(Key::BroadcastRetryable, &[("count", &count)])
        }
        Standing::Failed | Standing::Unknown | Standing::Waiting => String::new(),
    };
    let figures = move || {
        let progress = progress.get();
        Standing::ALL
            .into_iter()
            .filter(|&standing| is_told(standing, &progress))
            .map(|standing| figure(standing, progress.of(standing), note(standing, &progress)))
            .collect_view()
    };
    let sum = move || {
        let total = number(progress.with(Progress::total));
        t_with(Key::BroadcastSum, &[("total", &total)])
    };
    view! {
        <div class="progress-figures">
            <dl class="progress-figures__list">{reactive(figures)}</dl>
            <p class="progress-figures__sum">{reactive(sum)}</p>
        </div>
    }
    .into_any()
}

/// Why so many were skipped: because they could not be reached, or because it was stopped or taken back before.
fn left_out(skipped: u64, stopped: u64, is_cancelled: bool) -> String {
    let stopped = stopped.min(skipped);
    let (alone, too) = match is_cancelled {
        true => (
            Key::BroadcastUnsentCancelled,
            Key::BroadcastUnsentCancelledToo,
        ),
        false => (Key::BroadcastUnsent, Key::BroadcastUnsentToo),
    };
    if stopped == 0 {
        t(Key::BroadcastExcluded)
    } else if stopped == skipped {
        t(alone)
    } else {
        let (excluded, unsent) = (number(skipped - stopped), number(stopped));
        t_with(too, &[("excluded", &excluded), ("unsent", &unsent)])
    }
}

fn not_told(channels: &[Channel], count: u64) -> String {
    if channels.is_empty() || count == 0 {
        return String::new();
    }
    let names = channel_names(channels.iter().copied());
    t_with(
        Key::BroadcastNotTold,
        &[("channels", &names), ("count", &number(count))],
    )
}

fn figure(standing: Standing, value: u64, note: String) -> AnyView {
    let tone = match standing {
        Standing::Failed => Some("bad"),
        Standing::Unknown => Some("warn"),
        Standing::Sent
        | Standing::Delivered
        | Standing::Read
        | Standing::Skipped
        | Standing::Waiting => None,
    };
    view! {
        <div class="progress-figures__figure">
            <dt class="progress-figures__name">{standing_text(standing)}</dt>
            <dd class="progress-figures__number" data-tone=tone.filter(|_| value > 0)>
                {number(value)}
            </dd>
            <dd class="progress-figures__note">{note}</dd>
        </div>
    }
    .into_any()
}

/// The figures of a broadcast whose progress may move on.
pub fn figures_of(
    broadcast: &Broadcast,
    progress: Signal<Progress>,
    retryable: Signal<u64>,
    stopped: Signal<u64>,
    is_cancelled: Signal<bool>,
) -> AnyView {
    view! {
        <ProgressFigures
            progress
            message_count=broadcast.summary.message_count
            channels=broadcast.channels.clone()
            tells_delivered=broadcast.tells_delivered
            tells_read=broadcast.tells_read
            retryable
            stopped
            is_cancelled
        />
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    fn story(progress: Progress, line: u64, whatsapp: u64) -> AnyView {
        stopped_story(progress, line, whatsapp, 0)
    }
    fn stopped_story(progress: Progress, line: u64, whatsapp: u64, stopped: u64) -> AnyView {
        let channels = vec![
            ChannelCount {
                channel: Channel::Line,
                customers: line,
            },
            ChannelCount {
                channel: Channel::Whatsapp,
                customers: whatsapp,
            },
        ];
        view! {
            <ProgressFigures
                progress
                message_count=3
                channels
                tells_delivered=whatsapp
                tells_read=whatsapp
                retryable=5_u64
                stopped
            />
        }
        .into_any()
    }
    vec![
        Story::new("under way, with unknown outcomes", || {
            story(
                Progress {
                    queued: 312,
                    sent: 523,
                    delivered: 88,
                    read: 214,
                    failed: 9,
                    skipped: 55,
                    unknown: 2,
                    sending: 0,
                },
                513,
                688,
            )
        }),
        Story::new("stopped", || {
            let progress = Progress {
                sent: 120,
                skipped: 1_081,
                ..Progress::default()
            };
            stopped_story(progress, 867, 334, 1_026)
        }),
        Story::new("nothing yet", || {
            story(
                Progress {
                    queued: 1_201,
                    ..Progress::default()
                },
                867,
                334,
            )
        }),
    ]
}
