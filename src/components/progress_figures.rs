//! The figures of a broadcast, and which platform does not tell them.

use leptos::prelude::*;
use omocast_contract::audience::ChannelCount;
use omocast_contract::{Broadcast, Channel, DeliveryStatus, Progress};

use crate::components::error_text::channel_names;
use crate::components::reason_text::status_text;
use crate::i18n::{Key, PluralKey, number, t, t_count, t_with};

/// Sent, delivered, read, failed, skipped, and unknown where there is any.
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
) -> impl IntoView {
    let total: u64 = channels.iter().map(|count| count.customers).sum();
    let silent = move |tells: fn(Channel) -> bool| -> Vec<Channel> {
        channels
            .iter()
            .map(|count| count.channel)
            .filter(|&channel| !tells(channel))
            .collect()
    };
    let no_delivered = silent(Channel::tells_delivered);
    let no_read = silent(Channel::tells_read);
    let messages = move || {
        let count = progress.with(Progress::accepted) * u64::from(message_count);
        t_count(PluralKey::BroadcastMessageCount, count, &[])
    };
    let has_unknown = Memo::new(move |_| progress.with(|progress| progress.unknown > 0));
    view! {
        <dl class="progress-figures">
            {figure(|| status_text(DeliveryStatus::Sent), progress, Progress::accepted, "", messages)}
            {figure(
                || status_text(DeliveryStatus::Delivered),
                progress,
                Progress::arrived,
                "",
                move || not_told(&no_delivered, total.saturating_sub(tells_delivered)),
            )}
            {figure(
                || status_text(DeliveryStatus::Read),
                progress,
                |progress| progress.read,
                "",
                move || not_told(&no_read, total.saturating_sub(tells_read)),
            )}
            {figure(|| t(Key::BroadcastFailed), progress, |progress| progress.failed, "bad", String::new)}
            {figure(
                || status_text(DeliveryStatus::Skipped),
                progress,
                |progress| progress.skipped,
                "",
                || t(Key::BroadcastExcluded),
            )}
            {move || {
                has_unknown.get().then(|| {
                    figure(
                        || status_text(DeliveryStatus::Unknown),
                        progress,
                        |progress| progress.unknown,
                        "warn",
                        String::new,
                    )
                })
            }}
        </dl>
    }
    .into_any()
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

fn figure(
    name: fn() -> String,
    progress: Signal<Progress>,
    value: fn(&Progress) -> u64,
    tone: &'static str,
    note: impl Fn() -> String + Send + 'static,
) -> AnyView {
    let value = Memo::new(move |_| progress.with(value));
    view! {
        <div class="progress-figures__figure">
            <dt class="progress-figures__name">{name}</dt>
            <dd
                class="progress-figures__number"
                data-tone=move || (value.get() > 0 && !tone.is_empty()).then_some(tone)
            >
                {move || number(value.get())}
            </dd>
            <dd class="progress-figures__note">{note}</dd>
        </div>
    }
    .into_any()
}

/// The figures of a broadcast whose progress may move on.
pub fn figures_of(broadcast: &Broadcast, progress: Signal<Progress>) -> AnyView {
    view! {
        <ProgressFigures
            progress
            message_count=broadcast.summary.message_count
            channels=broadcast.channels.clone()
            tells_delivered=broadcast.tells_delivered
            tells_read=broadcast.tells_read
        />
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    fn story(progress: Progress, line: u64, whatsapp: u64) -> AnyView {
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
