//! One broadcast: how far it has come, who did not get it and why, what was sent, and what may be done with it.

use std::time::Duration;

use leptos::html;
use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::control::check_retry;
use omocast_contract::live::LiveEvent;
use omocast_contract::{
    Broadcast, BroadcastId, BroadcastKind, BroadcastStatus, Control, ProblemCode, Progress,
};
use wasm_bindgen_futures::spawn_local;

use super::control::{Controls, held_for, stopped_words, zone};
use super::recipients::{Recipients, recipients_view};
use crate::api::{Api, ApiError, use_api};
use crate::components::broadcast_action::Act;
use crate::components::broadcast_contents::BroadcastContents;
use crate::components::broadcast_log::BroadcastLog;
use crate::components::error_text::error_text;
use crate::components::hold_notice::HoldNotice;
use crate::components::message_bubble::MediaUrls;
use crate::components::outcome_list::OutcomeList;
use crate::components::paused_accounts::PausedAccounts;
use crate::components::progress_figures::figures_of;
use crate::components::progress_meter::ProgressMeter;
use crate::components::retry_list::RetryList;
use crate::components::status_chip::BroadcastStatusChip;
use crate::i18n::{Key, PluralKey, date_time, phrase, t, t_count, t_with};
use crate::live::use_live;
use crate::route::{Route, navigate};
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorPanel, Icon, IconButton, LinkButton, Notice, Show,
    Skeleton, Tone, reactive,
};

/// While it is being sent, what is on screen is asked for again this often at most.
const PACE: Duration = Duration::from_secs(1);

/// The page of one broadcast.
#[component]
pub fn BroadcastPage(id: BroadcastId) -> impl IntoView {
    let api = StoredValue::new(use_api());
    let broadcast = RwSignal::new(None);
    let status = RwSignal::new(BroadcastStatus::Sending);
    let (progress, error) = (RwSignal::new(Progress::default()), RwSignal::new(None));
    let (latest, waiting) = (StoredValue::new(0), StoredValue::new(None));
    let recipients = Recipients::new(id, api);
    let heading = NodeRef::new();
    let followed = Followed {
        id,
        api,
        broadcast,
        error,
        status,
        progress,
        recipients,
        heading,
        latest,
        waiting,
    };
    let page = Page {
        followed,
        controls: Controls::new(
            id,
            api,
            Callback::new(move |broadcast| followed.changed(broadcast)),
        ),
    };
    followed.load();
    recipients.load();
    use_live().on(move |event| followed.follow(&event));
    on_cleanup(move || {
        followed.stop_waiting();
        page.keep_way_back();
    });
    // What had the focus may be gone with the page before.
    followed.keep_focus();

    let title = move || {
        broadcast.with(|broadcast: &Option<Broadcast>| match broadcast {
            Some(broadcast) if broadcast.summary.title.is_empty() => t(Key::BroadcastsUntitled),
            Some(broadcast) => broadcast.summary.title.clone(),
            None => t(Key::BroadcastsTitle),
        })
    };
    let is_there = Memo::new(move |_| broadcast.with(Option::is_some));
    let content = move || {
        if is_there.get() {
            let broadcast = broadcast.get_untracked();
            return broadcast
                .map(|broadcast| content(page, &broadcast))
                .into_any();
        }
        match error.get() {
            None => view! { <Skeleton rows=6 /> }.into_any(),
            Some(error) if error.code() == Some(ProblemCode::NotFound) => view! {
                <EmptyState icon=Icon::CircleHelp title=phrase(Key::BroadcastNotFound)>
                    <LinkButton href=Route::Broadcasts.href()>{phrase(Key::BroadcastBack)}</LinkButton>
                </EmptyState>
            }
            .into_any(),
            Some(error) => view! {
                <ErrorPanel
                    error=Signal::derive(move || error_text(&error))
                    on_retry=move || followed.load()
                />
            }
            .into_any(),
        }
    };
    view! {
        <section class="pane broadcast">
            <header class="pane__bar">
                <IconButton
                    icon=Icon::ChevronLeft
                    label=phrase(Key::BroadcastBack)
                    on_click=|| navigate(Route::Broadcasts)
                />
                <div class="broadcast__heading">
                    <h1 class="broadcast__title" tabindex="-1" node_ref=heading>
                        {reactive(title)}
                    </h1>
                    // Where it stands as a whole is said aloud, not each step on the way.
                    <span role="status">
                        <Show when=is_there>
                            <BroadcastStatusChip status />
                        </Show>
                    </span>
                </div>
                {actions(page)}
            </header>
            <div class="pane__scroll">{reactive(content)}</div>
            {page.controls.dialog(page.concerned())}
        </section>
    }
    .into_any()
}

/// The broadcast as it is known, and how it is kept so.
#[derive(Clone, Copy)]
struct Followed {
    id: BroadcastId,
    api: StoredValue<Api>,
    broadcast: RwSignal<Option<Broadcast>>,
    error: RwSignal<Option<ApiError>>,
    status: RwSignal<BroadcastStatus>,
    progress: RwSignal<Progress>,
    recipients: Recipients,
    heading: NodeRef<html::H1>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
    waiting: StoredValue<Option<TimeoutHandle>>,
}

impl Followed {
    fn load(self) {
        self.error.try_set(None);
        let asked = self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        });
        let (Some(asked), Some(api)) = (asked, self.api.try_get_value()) else {
            return;
        };
        spawn_local(async move {
            let answer = api.find_broadcast(self.id).await;
            if self.latest.try_get_value() != Some(asked) {
                return;
            }
            match answer {
                Ok(broadcast) => self.take(broadcast),
                Err(error) => {
                    self.error.try_set(Some(error));
                }
            }
        });
    }

    fn take(self, broadcast: Broadcast) {
        let has_focus = !is_focus_lost();
        self.stand(broadcast.summary.status, broadcast.summary.progress);
        self.broadcast.try_set(Some(broadcast));
        // A notice or a line that had the focus may be gone. Where nothing had it, nobody is moved.
        if has_focus {
            self.keep_focus();
        }
    }

    /// Something was done with it from here.
    fn changed(self, broadcast: Option<Broadcast>) {
        match broadcast {
            Some(broadcast) => {
                // What was asked before it was done is out of date.
                self.latest.try_update_value(|latest| *latest += 1);
                self.take(broadcast);
            }
            None => self.load(),
        }
        self.recipients.refresh();
        self.keep_focus();
    }

    /// Where what had the focus is gone, it goes to the heading.
    fn keep_focus(self) {
        // By then it is drawn, and a dialog has given the focus back.
        request_animation_frame(move || {
            if is_focus_lost()
                && let Some(heading) = self.heading.try_get_untracked().flatten()
            {
                // Fails on what is not shown.
                let _ = heading.focus();
            }
        });
    }

    fn stand(self, status: BroadcastStatus, progress: Progress) {
        self.status.try_set(status);
        self.progress.try_set(progress);
    }

    fn follow(self, event: &LiveEvent) {
        match event {
            LiveEvent::BroadcastProgress {
                broadcast,
                status,
                progress,
            } if *broadcast == self.id => {
                if self.status.try_get_untracked() != Some(*status) {
                    self.load();
                }
                let has_focus = !is_focus_lost();
                self.stand(*status, *progress);
                if has_focus {
                    self.keep_focus();
                }
                self.refresh_soon();
            }
            LiveEvent::BroadcastProgress { broadcast, .. } if self.is_retried_by(*broadcast) => {
                self.refresh_soon();
            }
            LiveEvent::Missed => self.refresh(),
            LiveEvent::BroadcastProgress { .. }
            | LiveEvent::EventChanged { .. }
            | LiveEvent::BoundCustomersChanged => {}
        }
    }

    fn is_retried_by(self, other: BroadcastId) -> bool {
        let is_so = self.broadcast.try_with_untracked(|broadcast| {
            let retries = broadcast.iter().flat_map(|broadcast| &broadcast.retries);
            retries.into_iter().any(|retry| retry.id == other)
        });
        is_so == Some(true)
    }

    fn refresh(self) {
        self.load();
        self.recipients.refresh();
    }

    fn refresh_soon(self) {
        if self.waiting.try_with_value(Option::is_some) != Some(false) {
            return;
        }
        let wake = move || {
            self.waiting.try_update_value(|waiting| *waiting = None);
            self.refresh();
        };
        let handle = set_timeout_with_handle(wake, PACE).ok();
        self.waiting.set_value(handle);
    }

    fn stop_waiting(self) {
        if let Some(Some(handle)) = self.waiting.try_update_value(Option::take) {
            handle.clear();
        }
    }
}

/// Whether nothing has the focus.
fn is_focus_lost() -> bool {
    let body = document().body().map(Into::into);
    let active = document().active_element();
    active.is_none_or(|active| Some(active) == body)
}

#[derive(Clone, Copy)]
struct Page {
    followed: Followed,
    controls: Controls,
}

impl Page {
    /// What is told of the broadcast, once it is there.
    fn told<T: Default + PartialEq + Send + Sync + 'static>(
        self,
        tell: fn(&Broadcast) -> T,
    ) -> Signal<T> {
        let broadcast = self.followed.broadcast;
        let told = Memo::new(move |_| {
            broadcast.with(|broadcast| broadcast.as_ref().map(tell).unwrap_or_default())
        });
        told.into()
    }

    /// Whether this may be done with it by whoever looks at it.
    fn may(self, control: Control) -> bool {
        let status = self.followed.status.get();
        self.followed.broadcast.with(|broadcast| {
            broadcast.as_ref().is_some_and(|broadcast| {
                let is_sender = self.controls.is_sender(broadcast);
                control.check(status, is_sender).is_ok()
            })
        })
    }

    fn may_retry(self) -> bool {
        let status = self.followed.status.get();
        self.followed.broadcast.with(|broadcast| {
            broadcast.as_ref().is_some_and(|broadcast| {
                broadcast.retryable > 0
                    && check_retry(status, self.controls.is_sender(broadcast)).is_ok()
            })
        })
    }

    /// How many customers an act is about.
    fn concerned(self) -> Signal<u64> {
        Signal::derive(move || match self.followed.status.get() {
            status if status.is_over() => self
                .followed
                .broadcast
                .with(|broadcast| broadcast.as_ref().map_or(0, |found| found.retryable)),
            _ => self.followed.progress.with(Progress::waiting),
        })
    }

    fn keep_way_back(self) {
        let is_held = self.followed.status.try_get_untracked() == Some(BroadcastStatus::Held);
        let left = self.followed.broadcast.try_with_untracked(|broadcast| {
            let mine = broadcast
                .as_ref()
                .filter(|broadcast| self.controls.is_sender(broadcast));
            mine.map(held_for)
        });
        if is_held && let Some(Some(left)) = left {
            self.controls.keep_way_back(left);
        }
    }
}

/// What may be done with it as a whole, at the head of the page.
fn actions(page: Page) -> AnyView {
    let Page { followed, controls } = page;
    let may_stop = Memo::new(move |_| {
        followed.status.get() == BroadcastStatus::Sending && page.may(Control::Stop)
    });
    let may_retry = Memo::new(move |_| page.may_retry());
    let stop = move || {
        let left = followed.progress.with(Progress::waiting);
        t_count(PluralKey::BroadcastStop, left, &[])
    };
    let retry = move || t_count(PluralKey::BroadcastRetry, page.concerned().get(), &[]);
    view! {
        <div class="broadcast__actions">
            <Show when=may_stop>
                <Button
                    kind=ButtonKind::Danger
                    icon=Icon::Square
                    on_click=move || controls.ask(Act::Stop)
                >
                    {reactive(stop)}
                </Button>
            </Show>
            <Show when=may_retry>
                <Button icon=Icon::RotateCcw on_click=move || controls.ask(Act::Retry)>
                    {reactive(retry)}
                </Button>
            </Show>
        </div>
    }
    .into_any()
}

/// What is to be known of it before everything else: that it has not begun, or was ended.
fn news(page: Page) -> AnyView {
    let Page { followed, controls } = page;
    let starts_at = page.told(|broadcast| Some(broadcast.summary.starts_at));
    let is_busy = controls.is_busy;
    let at = move || starts_at.get().map(date_time).unwrap_or_default();
    let stopped = page.told(|broadcast| stopped_words(Key::BroadcastStopped, broadcast));
    let timing = move || {
        // Who may begin it may put it off: `Control::check` makes no difference.
        let may_time = Memo::new(move |_| page.may(Control::SendNow));
        let is_draft = followed.broadcast.with_untracked(|broadcast| {
            broadcast.as_ref().is_some_and(|broadcast| {
                broadcast.summary.kind == BroadcastKind::Messages && controls.is_sender(broadcast)
            })
        });
        view! {
            <span class="broadcast__choices">
                <Show when=may_time>
                    <Button on_click=move || controls.ask(Act::SendNow)>
                        {phrase(Key::CheckNow)}
                    </Button>
                    <Button on_click=move || {
                        if let Some(starts_at) = starts_at.get_untracked() {
                            controls.ask_time(starts_at);
                        }
                    }>
                        {phrase(Key::BroadcastReschedule)}
                    </Button>
                </Show>
                <Button
                    kind=ButtonKind::Danger
                    on_click=move || controls.ask(Act::Cancel { is_draft })
                >
                    {phrase(Key::BroadcastCancel)}
                </Button>
            </span>
        }
        .into_any()
    };
    let zone = StoredValue::new(zone());
    reactive(move || match followed.status.get() {
        BroadcastStatus::Held => view! {
            <HoldNotice
                starts_at=Signal::derive(move || starts_at.get().unwrap_or_default())
                is_busy
                on_undo=Callback::new(move |()| controls.undo())
            />
        }
        .into_any(),
        BroadcastStatus::Scheduled => {
            let words = move || {
                let zone = zone.get_value();
                t_with(Key::BroadcastScheduled, &[("time", &at()), ("zone", &zone)])
            };
            view! {
                <Notice tone=Tone::Action>
                    <span class="broadcast__news">{reactive(words)}</span>
                    {timing()}
                </Notice>
            }
            .into_any()
        }
        BroadcastStatus::Overdue => {
            let words = move || {
                let key = if page.may(Control::SendNow) {
                    Key::BroadcastOverdue
                } else {
                    Key::BroadcastOverdueTheirs
                };
                t_with(key, &[("time", &at())])
            };
            view! {
                <Notice tone=Tone::Warn>
                    <span class="broadcast__news">{reactive(words)}</span>
                    {timing()}
                </Notice>
            }
            .into_any()
        }
        BroadcastStatus::Stopped => view! { <Notice>{move || stopped.get()}</Notice> }.into_any(),
        BroadcastStatus::Cancelled => {
            view! { <Notice>{phrase(Key::BroadcastCancelled)}</Notice> }.into_any()
        }
        BroadcastStatus::Sending | BroadcastStatus::Completed => ().into_any(),
    })
    .into_any()
}

fn content(page: Page, broadcast: &Broadcast) -> AnyView {
    let Page { followed, controls } = page;
    let summary = &broadcast.summary;
    let (sender, at) = (summary.sender.clone(), summary.created_at);
    let sent_by = move || {
        t_with(
            Key::BroadcastSentBy,
            &[("sender", &sender), ("time", &date_time(at))],
        )
    };
    let retry_of = summary.retry_of.map(|first| {
        view! {
            <a class="broadcast__first" href=Route::Broadcast(first).href()>
                {phrase(Key::BroadcastRetryOf)}
            </a>
        }
    });
    let urls = MediaUrls {
        file: Callback::new(move |id| followed.api.with_value(|api| api.media_url(id))),
        preview: Callback::new(move |id| followed.api.with_value(|api| api.preview_url(id))),
    };
    let seconds = page.told(|broadcast| broadcast.seconds_left);
    let seconds_left = Signal::derive(move || {
        let is_going = followed.status.get() == BroadcastStatus::Sending;
        (is_going && seconds.get() > 0).then(|| seconds.get())
    });
    let waits = page.told(|broadcast| broadcast.waits);
    let waits = Signal::derive(move || {
        let is_going = followed.status.get() == BroadcastStatus::Sending;
        waits.get().filter(|_| is_going)
    });
    let stopped = page.told(|broadcast| broadcast.summary.stopped);
    let progress = followed.progress.into();
    view! {
        <div class="broadcast__page">
            <p class="broadcast__sent-by">{reactive(sent_by)} {retry_of}</p>
            {news(page)}
            <RetryList
                retries=page.told(|broadcast| broadcast.retries.clone())
                href_of=|id| Route::Broadcast(id).href()
            />
            <PausedAccounts
                paused=page.told(|broadcast| broadcast.summary.paused.clone())
                is_busy=controls.is_busy
                on_try=Callback::new(move |()| controls.try_accounts())
            />
            <ProgressMeter progress=followed.progress stopped seconds_left waits />
            {figures_of(
                broadcast,
                progress,
                page.told(|broadcast| broadcast.retryable),
                stopped,
                page.told(|broadcast| broadcast.summary.status == BroadcastStatus::Cancelled),
            )}
            <OutcomeList
                outcomes=page.told(|broadcast| broadcast.outcomes.clone())
                on_open=Callback::new(move |outcome| followed.recipients.open(outcome))
            />
            <BroadcastContents
                messages=broadcast.messages.clone()
                template=broadcast.template.clone()
                media=broadcast.media.clone()
                name_fallback=broadcast.name_fallback.clone()
                links=broadcast.links
                urls
            />
            {recipients_view(followed.recipients, progress)}
            <BroadcastLog
                log=page.told(|broadcast| broadcast.log.clone())
                href_of=|id| Route::Broadcast(id).href()
            />
        </div>
    }
    .into_any()
}
