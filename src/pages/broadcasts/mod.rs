//! The report of broadcasts (群發訊息報表): what went out, and how it is going.

mod control;
pub mod detail;
mod recipients;

use detail::BroadcastPage;
use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::api;
use omocast_contract::live::LiveEvent;
use omocast_contract::member::Scope;
use omocast_contract::{
    BroadcastId, BroadcastKind, BroadcastStatus, BroadcastSummary, ProblemCode, Standing,
};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError, use_api};
use crate::components::error_text::{error_text, problem_text};
use crate::components::progress_meter::ProgressMeter;
use crate::components::reason_text::{reason_text, standing_text};
use crate::components::status_chip::BroadcastStatusChip;
use crate::i18n::{Key, PluralKey, date_time, moment, number, phrase, t, t_count, t_with};
use crate::live::use_live;
use crate::part::part;
use crate::route::Route;
use crate::session::use_me;
use crate::ui::{
    Button, EmptyState, ErrorPanel, Icon, IconView, LinkButton, Notice, Row, Show, Skeleton, Tone,
    reactive, rows,
};

/// While something is being sent, what else is known of it is asked for again this often at most.
const PACE: Duration = Duration::from_secs(3);

/// Draws the report of all broadcasts, or of one.
pub type BroadcastsDraw = fn(Option<BroadcastId>) -> AnyView;

part! {
    in desk:
    /// The report's part of the app.
    pub fn broadcasts() -> BroadcastsDraw {
        |one| match one {
            None => view! { <BroadcastsPage /> }.into_any(),
            Some(id) => view! { <BroadcastPage id /> }.into_any(),
        }
    }
}

/// The broadcasts that the member may see, newest first.
#[component]
pub fn BroadcastsPage() -> impl IntoView {
    let may_see = use_me().is_some_and(|me| me.role.broadcasts_seen() != Scope::None);
    let content = if may_see {
        report().into_any()
    } else {
        view! {
            <EmptyState
                icon=Icon::Ban
                title=phrase(Key::BroadcastsNotAllowed)
                hint=Signal::derive(|| problem_text(ProblemCode::RoleMayNotSee))
            />
        }
        .into_any()
    };
    view! {
        <section class="pane broadcasts">
            <header class="pane__bar">
                <h1 class="pane__title">{phrase(Key::BroadcastsTitle)}</h1>
            </header>
            <div class="pane__scroll">{content}</div>
        </section>
    }
    .into_any()
}

/// The pages of the list that are loaded.
#[derive(Clone, Copy)]
struct Report {
    api: StoredValue<Api>,
    /// None until the first page is there.
    rows: RwSignal<Option<Vec<BroadcastSummary>>>,
    next: RwSignal<Option<BroadcastId>>,
    is_loading: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Report {
    /// Loads the first page, or the one after what is there.
    fn load(self, is_more: bool) {
        if self.is_loading.try_get_untracked() != Some(false) {
            return;
        }
        self.is_loading.set(true);
        let after = if is_more {
            self.next.get_untracked()
        } else {
            None
        };
        let api = self.api.get_value();
        spawn_local(async move {
            let answer = api.list_broadcasts(after).await;
            self.is_loading.try_set(false);
            match answer {
                Ok(page) => {
                    self.error.try_set(None);
                    self.take(is_more, page);
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    fn take(self, is_more: bool, page: api::BroadcastPage) {
        let last = page.rows.last().map(|row| row.id);
        let is_whole = self.rows.try_update(|rows| match rows {
            Some(rows) if is_more => {
                rows.extend(page.rows);
                true
            }
            // Those of further pages stay as they were loaded.
            Some(rows) if rows.last().map(|row| row.id) < last && page.next.is_some() => {
                let further = rows.drain(..).filter(|row| Some(row.id) < last).collect();
                *rows = [page.rows, further].concat();
                false
            }
            rows => {
                *rows = Some(page.rows);
                true
            }
        });
        if is_whole == Some(true) {
            self.next.try_set(page.next);
        }
    }

    fn load_soon(self) {
        if self.waiting.try_with_value(Option::is_some) != Some(false) {
            return;
        }
        let wake = move || {
            self.waiting.try_update_value(|waiting| *waiting = None);
            self.load(false);
        };
        let handle = set_timeout_with_handle(wake, PACE).ok();
        self.waiting.set_value(handle);
    }

    fn stop_waiting(self) {
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }

    fn follow(self, event: &LiveEvent) {
        match event {
            LiveEvent::BroadcastProgress {
                broadcast,
                status,
                progress,
            } => {
                let is_known = self.rows.try_update(|rows| {
                    let row = rows.iter_mut().flatten().find(|row| row.id == *broadcast);
                    row.map(|row| (row.status, row.progress) = (*status, *progress))
                        .is_some()
                });
                // Sent since this page was loaded: by oneself in another tab, or by a colleague.
                let is_newer = self.rows.try_with_untracked(|rows| {
                    rows.iter().flatten().all(|row| row.id < *broadcast)
                });
                // When it begins is not told with it, nor how many were not sent it because it was stopped.
                let is_more_to_know = matches!(
                    status,
                    BroadcastStatus::Scheduled
                        | BroadcastStatus::Stopped
                        | BroadcastStatus::Cancelled
                );
                if is_more_to_know || is_known == Some(false) && is_newer == Some(true) {
                    self.load(false);
                } else if is_known == Some(true) {
                    // Nor is whether an account has stopped.
                    self.load_soon();
                }
            }
            LiveEvent::Missed => self.load(false),
            LiveEvent::EventChanged { .. } | LiveEvent::BoundCustomersChanged => {}
        }
    }
}

fn report() -> AnyView {
    let report = Report {
        api: StoredValue::new(use_api()),
        rows: RwSignal::new(None),
        next: RwSignal::new(None),
        is_loading: RwSignal::new(false),
        error: RwSignal::new(None),
        waiting: StoredValue::new(None),
    };
    report.load(false);
    on_cleanup(move || report.stop_waiting());
    use_live().on(move |event| report.follow(&event));
    let ids = Memo::new(move |_| {
        report.rows.with(|rows| {
            rows.as_ref()
                .map(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>())
        })
    });
    let has_failed = Memo::new(move |_| report.error.with(Option::is_some));
    let has_next = Memo::new(move |_| report.next.with(Option::is_some));
    let state =
        Memo::new(
            move |_| match (ids.with(|ids| ids.as_ref().map(Vec::len)), has_failed.get()) {
                (None, true) => State::Failed,
                (None, false) => State::Loading,
                (Some(0), _) => State::Empty,
                (Some(_), _) => State::Rows,
            },
        );
    let error = Signal::derive(move || {
        report
            .error
            .get()
            .as_ref()
            .map(error_text)
            .unwrap_or_default()
    });
    reactive(move || match state.get() {
        State::Loading => view! { <Skeleton rows=6 /> }.into_any(),
        State::Failed => {
            view! { <ErrorPanel error on_retry=move || report.load(false) /> }.into_any()
        }
        State::Empty => view! {
            <EmptyState
                icon=Icon::Send
                title=phrase(Key::BroadcastsEmpty)
                hint=phrase(Key::BroadcastsEmptyHint)
            >
                <LinkButton href=Route::HOME.href()>{phrase(Key::BroadcastsEmptyLink)}</LinkButton>
            </EmptyState>
        }
        .into_any(),
        State::Rows => view! {
            <div class="broadcasts__page">
                {table(report, ids)}
                <Show when=has_failed>
                    <Notice tone=Tone::Bad is_alert=true>{move || error.get()}</Notice>
                </Show>
                <Show when=has_next>
                    <Button busy=report.is_loading on_click=move || report.load(true)>
                        {phrase(Key::BroadcastsLoadMore)}
                    </Button>
                </Show>
            </div>
        }
        .into_any(),
    })
    .into_any()
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Loading,
    Failed,
    Empty,
    Rows,
}

fn table(report: Report, ids: Memo<Option<Vec<BroadcastId>>>) -> AnyView {
    let head = |key: Key| {
        view! {
            <th class="broadcasts__head" scope="col" role="columnheader">{phrase(key)}</th>
        }
    };
    view! {
        // The roles are said in words, because a table that is laid out as a list loses them.
        <table class="broadcasts__table" role="table" aria-label=phrase(Key::BroadcastsTitle)>
            <thead class="broadcasts__heads" role="rowgroup">
                <tr role="row">
                    {head(Key::BroadcastsMessage)}
                    {head(Key::BroadcastsSender)}
                    {head(Key::BroadcastsTime)}
                    {head(Key::BroadcastsStatus)}
                    {head(Key::BroadcastsProgress)}
                </tr>
            </thead>
            <tbody class="broadcasts__body" role="rowgroup">
                {rows(move || {
                    let draw = |id| Row::new(id, move || row(report, id));
                    ids.get().into_iter().flatten().map(draw).collect()
                })}
            </tbody>
        </table>
    }
    .into_any()
}

fn row(report: Report, id: BroadcastId) -> AnyView {
    let Some(first) = report
        .rows
        .with_untracked(|rows| rows.iter().flatten().find(|row| row.id == id).cloned())
    else {
        return ().into_any();
    };
    // What never changes is taken from the first; the rest follows.
    let standing = Memo::new(move |before: Option<&_>| {
        let now = report.rows.with(|rows| {
            rows.iter()
                .flatten()
                .find(|row| row.id == id)
                .map(|row| (row.status, row.progress, row.starts_at))
        });
        // The row is about to go: it shows what it showed.
        now.or(before.copied())
            .unwrap_or((first.status, first.progress, first.starts_at))
    });
    let stopped = Memo::new(move |_| {
        report.rows.with(|rows| {
            let row = rows.iter().flatten().find(|row| row.id == id);
            row.map(|row| row.stopped).unwrap_or_default()
        })
    });
    let paused = Memo::new(move |_| {
        report.rows.with(|rows| {
            let row = rows.iter().flatten().find(|row| row.id == id);
            row.map(|row| row.paused.clone()).unwrap_or_default()
        })
    });
    let status = Signal::derive(move || standing.get().0);
    let progress = Signal::derive(move || standing.get().1);
    let starts = move || match standing.get() {
        (BroadcastStatus::Scheduled, _, starts_at) => {
            t_with(Key::BroadcastsStarts, &[("time", &date_time(starts_at))])
        }
        _ => String::new(),
    };
    let waits = move || {
        // What is told of its progress comes before what is told of its accounts.
        let is_going = status.get() == BroadcastStatus::Sending;
        let paused = paused.get().into_iter().filter(|_| is_going);
        paused
            .map(|paused| {
                let words = t_with(
                    Key::BroadcastsWaits,
                    &[
                        ("account", &paused.name),
                        ("reason", &reason_text(paused.reason)),
                        ("waiting", &number(paused.waiting)),
                    ],
                );
                view! {
                    <span class="broadcasts__waits">
                        <IconView icon=Icon::CircleAlert />
                        {words}
                    </span>
                }
            })
            .collect_view()
    };
    let BroadcastSummary {
        title,
        sender,
        created_at,
        message_count,
        kind,
        ..
    } = first;
    let title = move || {
        if title.is_empty() {
            t(Key::BroadcastsUntitled)
        } else {
            title.clone()
        }
    };
    let bad_news = move || {
        let progress = progress.get();
        [Standing::Failed, Standing::Unknown, Standing::Skipped]
            .into_iter()
            .map(|standing| (standing_text(standing), progress.of(standing)))
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| {
                t_with(
                    Key::BroadcastSegment,
                    &[("status", &name), ("count", &number(count))],
                )
            })
            .collect::<Vec<_>>()
            .join("　")
    };
    view! {
        <tr class="broadcasts__row" role="row">
            <td class="broadcasts__cell broadcasts__cell--title" role="cell">
                <a class="broadcasts__link" href=Route::Broadcast(id).href()>{reactive(title)}</a>
                <span class="broadcasts__count">
                    {move || match kind {
                        BroadcastKind::Messages => {
                            t_count(PluralKey::BroadcastMessageCount, message_count.into(), &[])
                        }
                        BroadcastKind::Template => t(Key::TemplateKind),
                    }}
                </span>
            </td>
            <td class="broadcasts__cell broadcasts__cell--sender" role="cell">{sender}</td>
            <td class="broadcasts__cell broadcasts__cell--time" role="cell">
                <time datetime=created_at.to_string() title=move || date_time(created_at)>
                    {move || moment(created_at)}
                </time>
            </td>
            <td class="broadcasts__cell broadcasts__cell--status" role="cell">
                <BroadcastStatusChip status />
                <span class="broadcasts__starts">{reactive(starts)}</span>
                {reactive(waits)}
            </td>
            <td class="broadcasts__cell broadcasts__cell--progress" role="cell">
                <ProgressMeter progress stopped is_mini=true />
                <span class="broadcasts__count">{reactive(bad_news)}</span>
            </td>
        </tr>
    }
    .into_any()
}
