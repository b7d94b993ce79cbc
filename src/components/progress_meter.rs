//! How far a broadcast has come: one number, one bar.

use leptos::prelude::*;
use omocast_contract::{DeliveryStatus, Progress, Waits};

use crate::components::reason_text::status_text;
use crate::i18n::{Key, PluralKey, clock, duration, list, number, phrase, t, t_count, t_with};
use crate::ui::{Meter, Segment, Tone, reactive};

/// The bar, and over it how many customers it was handed over to.
#[component]
pub fn ProgressMeter(
    #[prop(into)] progress: Signal<Progress>,
    /// Those of the skipped who were not sent it because it was stopped.
    #[prop(optional, into)]
    stopped: Signal<u64>,
    /// For a row of a list.
    #[prop(optional)]
    is_mini: bool,
    /// How long the rest takes, in seconds; none where it is not known, or nothing is left.
    #[prop(optional, into)]
    seconds_left: Signal<Option<u64>>,
    /// Those of the rest for whom nothing can be done but wait.
    #[prop(optional, into)]
    waits: Signal<Option<Waits>>,
) -> impl IntoView {
    let total = Memo::new(move |_| progress.with(|progress| progress.meant(stopped.get())));
    let segments = Signal::derive(move || {
        let progress = progress.get();
        let part = |tone, value| Segment { tone, value };
        vec![
            part(Tone::Good, progress.arrived()),
            part(Tone::Action, progress.sent),
            part(Tone::Warn, progress.unknown),
            part(Tone::Bad, progress.failed),
        ]
    });
    let done = move || progress.with(|p| number(p.accepted() + p.failed + p.unknown));
    let number_text = move || {
        t_with(
            Key::BroadcastDoneOf,
            &[("done", &done()), ("total", &number(total.get()))],
        )
    };
    let left = move || {
        let time = seconds_left.get().map(duration);
        let going = time.map(|time| t_with(Key::BroadcastLeft, &[("time", &time)]));
        let waits = waits.get().map(|waits| {
            // What waits may be all that is left.
            let key = match going {
                Some(_) => PluralKey::BroadcastWaitsToo,
                None => PluralKey::BroadcastWaits,
            };
            t_count(key, waits.customers, &[("time", &clock(waits.until))])
        });
        let words: Vec<String> = going.into_iter().chain(waits).collect();
        (!words.is_empty()).then(|| words.join(&t(Key::BroadcastWaitsSeparator)))
    };
    let label = Signal::derive(move || {
        let progress = progress.get();
        let parts: Vec<String> = DeliveryStatus::ALL
            .into_iter()
            .filter(|&status| progress.get(status) > 0)
            .map(|status| {
                let (status_text, count) = (status_text(status), number(progress.get(status)));
                t_with(
                    Key::BroadcastSegment,
                    &[("status", &status_text), ("count", &count)],
                )
            })
            .collect();
        list(&parts)
    });
    view! {
        <div class="progress-meter" class=("progress-meter--mini", is_mini)>
            <p class="progress-meter__words">
                <span class="progress-meter__number">{reactive(number_text)}</span>
                <span class="progress-meter__unit">{phrase(Key::BroadcastHandedOver)}</span>
                {move || {
                    left().map(|left| view! { <span class="progress-meter__unit">{left}</span> })
                }}
            </p>
            <Meter label segments total />
        </div>
    }
    .into_any()
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;
    const UNDER_WAY: Progress = Progress {
        queued: 300,
        sending: 12,
        sent: 523,
        delivered: 88,
        read: 214,
        failed: 9,
        skipped: 55,
        unknown: 2,
    };
    vec![
        Story::new("under way", || {
            view! { <ProgressMeter progress=UNDER_WAY seconds_left=Some(6) /> }.into_any()
        }),
        Story::new("under way, and some wait", || {
            let waits = Waits {
                customers: 12,
                until: crate::i18n::now().plus(120_000),
            };
            view! { <ProgressMeter progress=UNDER_WAY seconds_left=Some(6) waits=Some(waits) /> }
                .into_any()
        }),
        Story::new("the rest waits", || {
            let waits = Waits {
                customers: 12,
                until: crate::i18n::now().plus(120_000),
            };
            view! { <ProgressMeter progress=UNDER_WAY waits=Some(waits) /> }.into_any()
        }),
        Story::new("in a row of a list", || {
            view! { <ProgressMeter progress=UNDER_WAY is_mini=true /> }.into_any()
        }),
        Story::new("not begun", || {
            let progress = Progress {
                queued: 1_146,
                ..Progress::default()
            };
            view! { <ProgressMeter progress /> }.into_any()
        }),
        Story::new("stopped", || {
            let progress = Progress {
                sent: 120,
                skipped: 1_084,
                ..Progress::default()
            };
            view! { <ProgressMeter progress stopped=1_026_u64 /> }.into_any()
        }),
        Story::new("one of 100,000 failed", || {
            let progress = Progress {
                sent: 99_999,
                failed: 1,
                ..Progress::default()
            };
            view! { <ProgressMeter progress /> }.into_any()
        }),
    ]
}
