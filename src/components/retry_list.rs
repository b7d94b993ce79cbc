//! What the retries of a broadcast reached, with the way to each.

use leptos::prelude::*;
use omocast_contract::{BroadcastId, BroadcastStatus, BroadcastSummary, Standing};

use crate::components::reason_text::standing_text;
use crate::i18n::{Key, PluralKey, date_time, number, phrase, t, t_count, t_with};
use crate::ui::{Notice, Row, reactive, rows};

/// A line for each retry; nothing where there was none.
#[component]
pub fn RetryList(
    #[prop(into)] retries: Signal<Vec<BroadcastSummary>>,
    /// The address of a broadcast.
    href_of: fn(BroadcastId) -> String,
) -> impl IntoView {
    let ids = Memo::new(move |_| {
        retries.with(|retries| retries.iter().map(|retry| retry.id).collect::<Vec<_>>())
    });
    view! {
        <div class="retry-list">
            {rows(move || {
                let draw = |id| Row::new(id, move || line(retries, id, href_of));
                ids.get().into_iter().map(draw).collect()
            })}
        </div>
    }
    .into_any()
}

fn line(
    retries: Signal<Vec<BroadcastSummary>>,
    id: BroadcastId,
    href_of: fn(BroadcastId) -> String,
) -> AnyView {
    let words = move || {
        retries.with(|retries| {
            let retry = retries.iter().find(|retry| retry.id == id);
            retry.map(words).unwrap_or_default()
        })
    };
    view! {
        <Notice>
            <span class="retry-list__words">{reactive(words)}</span>
            <a class="retry-list__link" href=href_of(id)>{phrase(Key::BroadcastRetryOpen)}</a>
        </Notice>
    }
    .into_any()
}

fn words(retry: &BroadcastSummary) -> String {
    let time = date_time(retry.created_at);
    if retry.status == BroadcastStatus::Cancelled {
        return t_with(Key::BroadcastRetryCancelled, &[("time", &time)]);
    }
    let progress = &retry.progress;
    let reached = Standing::PARTS
        .into_iter()
        .filter(|&part| progress.of(part) > 0)
        .map(|part| {
            let (status, count) = (standing_text(part), number(progress.of(part)));
            t_with(
                Key::BroadcastSegment,
                &[("status", &status), ("count", &count)],
            )
        })
        .collect::<Vec<_>>()
        .join(&t(Key::ComposeSeparator));
    t_count(
        PluralKey::BroadcastRetryReached,
        progress.total(),
        &[("time", &time), ("reached", &reached)],
    )
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use omocast_contract::{BroadcastKind, Progress};

    use crate::i18n::now;
    use crate::ui::Story;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
        format!("00000000-0000-7000-8000-0000000000{number:02}")
            .parse()
            .expect("it is a UUID")
    }
    fn retry(number: u8, status: BroadcastStatus, progress: Progress) -> BroadcastSummary {
        BroadcastSummary {
            id: id(number),
            kind: BroadcastKind::Messages,
            title: "秋季新品已到店".to_owned(),
            status,
            sender: "林佩珊".to_owned(),
            sender_id: id(9),
            created_at: now(),
            starts_at: now(),
            retry_of: Some(id(8)),
            completed_at: None,
            message_count: 3,
            progress,
            stopped: 0,
            paused: Vec::new(),
        }
    }
    vec![
        Story::new("one taken back, one under way", || {
            let progress = Progress {
                queued: 2,
                delivered: 5,
                failed: 1,
                ..Progress::default()
            };
            let retries = vec![
                retry(1, BroadcastStatus::Cancelled, Progress::default()),
                retry(2, BroadcastStatus::Sending, progress),
            ];
            view! { <RetryList retries href_of=|_| "#".to_owned() /> }.into_any()
        }),
        Story::new("none", || {
            view! { <RetryList retries=Vec::new() href_of=|_| "#".to_owned() /> }.into_any()
        }),
    ]
}
