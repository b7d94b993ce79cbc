//! What is done with a broadcast from its page: taken back, stopped, put off, retried.

use std::time::Duration;

use leptos::prelude::*;
use omocast_contract::{
    Audience, BoundView, Broadcast, BroadcastId, BroadcastKind, BroadcastStatus, Control, DraftId,
    EventView, LocalTime, LogEvent, MemberId, ProblemCode, Source, Timestamp,
};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError};
use crate::components::broadcast_action::{Act, BroadcastAction};
use crate::components::error_text::{error_text, problem_text};
use crate::drafts::new_id::new_id;
use crate::drafts::selection::KeptSelection;
use crate::drafts::{lay_out, sent_template};
use crate::i18n::{self, Key, number, t, t_now, t_with, wall_time};
use crate::route::{Mode, Route, Step, here, navigate};
use crate::session::use_me;
use crate::ui::{Toasts, use_toasts};

/// The question that is open, and what came of it.
#[derive(Clone, Copy)]
pub(super) struct Controls {
    id: BroadcastId,
    api: StoredValue<Api>,
    me: Option<MemberId>,
    toasts: Toasts,
    asked: RwSignal<Option<Act>>,
    pub(super) is_busy: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
    time: RwSignal<String>,
    /// A time that the server refused, and why.
    refused_time: RwSignal<Option<(LocalTime, ProblemCode)>>,
    /// Under which the retry is sent: pressed twice, it is one.
    retry_key: StoredValue<String>,
    /// The broadcast as it stands by now, or none where it is to be loaded again.
    on_changed: Callback<Option<Broadcast>>,
}

impl Controls {
    pub(super) fn new(
        id: BroadcastId,
        api: StoredValue<Api>,
        on_changed: Callback<Option<Broadcast>>,
    ) -> Self {
        Self {
            id,
            api,
            me: use_me().map(|me| me.id),
            toasts: use_toasts(),
            asked: RwSignal::new(None),
            is_busy: RwSignal::new(false),
            error: RwSignal::new(None),
            time: RwSignal::new(String::new()),
            refused_time: RwSignal::new(None),
            retry_key: StoredValue::new(new_id().to_string()),
            on_changed,
        }
    }

    pub(super) fn is_sender(self, broadcast: &Broadcast) -> bool {
        self.me == Some(broadcast.summary.sender_id)
    }

    pub(super) fn ask(self, act: Act) {
        self.error.set(None);
        self.asked.set(Some(act));
    }

    /// Asks for another time than the one it is put off to.
    pub(super) fn ask_time(self, starts_at: Timestamp) {
        self.time.set(untrack(|| wall_time(starts_at)));
        self.refused_time.set(None);
        self.ask(Act::Reschedule);
    }

    fn confirm(self, act: Act) {
        let control = match act {
            Act::Stop | Act::Cancel { .. } => Control::Stop,
            Act::SendNow => Control::SendNow,
            Act::Reschedule => {
                let Some(send_at) = self.time.with_untracked(|time| LocalTime::parse(time)) else {
                    return;
                };
                Control::Reschedule { send_at }
            }
            Act::Retry => return self.retry(),
        };
        self.control(control);
    }

    fn control(self, control: Control) {
        let Some(api) = self.begin() else { return };
        spawn_local(async move {
            let answer = api.control_broadcast(self.id, control).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(controlled) => {
                    self.asked.try_set(None);
                    let (broadcast, draft) = (controlled.broadcast, controlled.draft);
                    if let Some(words) =
                        untrack(|| done_words(control, &broadcast, draft.is_some()))
                    {
                        self.say(words, draft);
                    }
                    self.on_changed.try_run(Some(broadcast));
                }
                Err(error) => self.fail(control, error),
            }
        });
    }

    /// What was done. Whoever cancels has answered a question, and need not want to write:
    /// they are not taken from the page, nor is what they have chosen meanwhile, but the draft is one press away.
    fn say(self, words: String, draft: Option<DraftId>) {
        let (Some(draft), Some(me), Some(api)) = (draft, self.me, self.api.try_get_value()) else {
            self.toasts.show(words);
            return;
        };
        let toasts = self.toasts;
        toasts.offer(words, Key::BroadcastOpenDraft, move || {
            spawn_local(async move {
                let audience = match is_making() {
                    false => lay_out_draft(&api, me, draft).await,
                    true => None,
                };
                match audience {
                    Some(audience) => go_on(me, &audience, BroadcastKind::Messages),
                    None => toasts.show(t_now(Key::BroadcastTakenBackDraft)),
                }
            });
        });
    }

    fn retry(self) {
        let Some(api) = self.begin() else { return };
        let key = self.retry_key.get_value();
        spawn_local(async move {
            let answer = api.retry_broadcast(self.id, &key).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(broadcast) => {
                    self.asked.try_set(None);
                    // Whoever has gone elsewhere meanwhile stays there.
                    if here() == Route::Broadcast(self.id) {
                        navigate(Route::Broadcast(broadcast.summary.id));
                    }
                }
                Err(error) => {
                    self.error.try_set(Some(error));
                    self.on_changed.try_run(None);
                }
            }
        });
    }

    fn begin(self) -> Option<Api> {
        if self.is_busy.get_untracked() {
            return None;
        }
        self.is_busy.set(true);
        self.error.set(None);
        self.api.try_get_value()
    }

    fn fail(self, control: Control, error: ApiError) {
        // What was asked may be out of date.
        self.on_changed.try_run(None);
        match (control, error.code()) {
            (
                Control::Reschedule { send_at },
                Some(
                    code @ (ProblemCode::ScheduleTooSoon
                    | ProblemCode::ScheduleTooFar
                    | ProblemCode::ScheduleTimeSkipped),
                ),
            ) => {
                self.refused_time.try_set(Some((send_at, code)));
            }
            // It has no dialog that could say so.
            (Control::TryAccounts, _) => self.toasts.error(untrack(|| error_text(&error))),
            _ => {
                self.error.try_set(Some(error));
            }
        }
    }

    /// Asks the platforms again.
    pub(super) fn try_accounts(self) {
        self.control(Control::TryAccounts);
    }

    /// Takes back what is still held.
    pub(super) fn undo(self) {
        let (Some(api), Some(me)) = (self.begin(), self.me) else {
            return;
        };
        spawn_local(async move {
            let changed = take_back(&api, me, self.toasts, self.id).await;
            self.is_busy.try_set(false);
            self.on_changed.try_run(changed);
        });
    }

    /// The page is left while it is held: the way back goes along.
    pub(super) fn keep_way_back(self, starts_in: i64) {
        let (Some(api), Some(me)) = (self.api.try_get_value(), self.me) else {
            return;
        };
        let (toasts, id) = (self.toasts, self.id);
        let stay = Duration::from_millis(starts_in.max(0) as u64);
        toasts.undo_for(stay, t_now(Key::BroadcastHeldLeft), move || {
            spawn_local(async move {
                take_back(&api, me, toasts, id).await;
            });
        });
    }

    /// The question.
    pub(super) fn dialog(self, customers: Signal<u64>) -> AnyView {
        let time_error = Signal::derive(move || {
            let (refused, why) = self.refused_time.get()?;
            let is_as_it_was = self.time.with(|time| LocalTime::parse(time)) == Some(refused);
            is_as_it_was.then(|| problem_text(why))
        });
        view! {
            <BroadcastAction
                asked=self.asked
                customers
                zone=zone()
                time=self.time
                time_error
                is_busy=self.is_busy
                error=Signal::derive(move || self.error.get().as_ref().map(error_text))
                on_confirm=Callback::new(move |act| self.confirm(act))
                on_close=Callback::new(move |()| self.asked.set(None))
            />
        }
        .into_any()
    }
}

/// The team's time zone.
pub(super) fn zone() -> String {
    use_me().map(|me| me.time_zone).unwrap_or_default()
}

/// To how many it was handed over when it was stopped, and to how many not.
pub(super) fn stopped_at(broadcast: &Broadcast) -> Option<(u64, u64)> {
    let stops = broadcast.log.iter().rev();
    stops
        .filter_map(|entry| match entry.event {
            LogEvent::Stopped { handed_over, left } => Some((handed_over, left)),
            _ => None,
        })
        .next()
}

pub(super) fn stopped_words(key: Key, broadcast: &Broadcast) -> String {
    let (done, left) = stopped_at(broadcast).unwrap_or_default();
    t_with(key, &[("done", &number(done)), ("left", &number(left))])
}

/// What to say of what was done, besides what the page shows.
fn done_words(control: Control, broadcast: &Broadcast, is_draft: bool) -> Option<String> {
    match (control, broadcast.summary.status) {
        (Control::Stop, BroadcastStatus::Cancelled) => Some(t(if is_draft {
            Key::BroadcastTakenBackDraft
        } else {
            Key::BroadcastTakenBack
        })),
        (Control::Reschedule { .. }, _) => Some(t(Key::BroadcastRescheduled)),
        (Control::TryAccounts, _) => Some(t(Key::BroadcastAgainAsked)),
        (Control::Stop | Control::SendNow, _) => None,
    }
}

/// Takes back what is held, and goes back to where it was made, with all that was made.
/// Tells how the broadcast stands by then, where that is known.
async fn take_back(api: &Api, me: MemberId, toasts: Toasts, id: BroadcastId) -> Option<Broadcast> {
    let controlled = match api.control_broadcast(id, Control::Stop).await {
        Ok(controlled) => controlled,
        Err(error) => {
            toasts.error(untrack(|| error_text(&error)));
            return None;
        }
    };
    let broadcast = controlled.broadcast;
    if broadcast.summary.status != BroadcastStatus::Cancelled {
        toasts.show(untrack(|| stopped_words(Key::BroadcastTooLate, &broadcast)));
        return Some(broadcast);
    }
    if let Some(first) = broadcast.summary.retry_of {
        // There is nothing to write anew: it can be retried again from there.
        toasts.show(t_now(Key::BroadcastTakenBack));
        navigate(Route::Broadcast(first));
        return None;
    }
    let kind = broadcast.summary.kind;
    let audience = match controlled.draft {
        _ if is_making() => None,
        Some(draft) => lay_out_draft(api, me, draft).await,
        None if kind == BroadcastKind::Template => sent_template::take_back(me, id),
        None => None,
    };
    let Some(audience) = audience else {
        let words = match controlled.draft {
            Some(_) => Key::BroadcastTakenBackDraft,
            None => Key::BroadcastTakenBack,
        };
        toasts.show(t_now(words));
        return Some(broadcast);
    };
    toasts.show(t_now(Key::BroadcastTakenBack));
    go_on(me, &audience, kind);
    None
}

/// Whether the next one is being made: nobody is taken from it.
fn is_making() -> bool {
    matches!(
        here(),
        Route::Conversations { mode: Some(_), .. } | Route::Bound { mode: Some(_), .. }
    )
}

/// Lays a draft out for the composer, and tells whom it is for.
async fn lay_out_draft(api: &Api, me: MemberId, draft: DraftId) -> Option<Audience> {
    let draft = api.find_draft(draft).await.ok()?;
    let audience = draft.audience.clone()?;
    lay_out(me, draft);
    Some(audience)
}

/// Goes where a broadcast to these is made, with them chosen.
fn go_on(me: MemberId, audience: &Audience, kind: BroadcastKind) {
    KeptSelection::of(me, audience.source).keep(audience);
    navigate(making(audience.source, kind));
}

/// Where a broadcast to customers of such a list is made.
fn making(source: Source, kind: BroadcastKind) -> Route {
    let mode = Some(Mode::begin(kind).at(Step::Compose));
    match source {
        Source::MyEvents => Route::Conversations {
            view: EventView::Mine,
            event: None,
            mode,
        },
        Source::BoundCustomers => Route::Bound {
            view: BoundView::Mine,
            mode,
        },
    }
}

/// How long it is held yet, in milliseconds.
pub(super) fn held_for(broadcast: &Broadcast) -> i64 {
    broadcast.summary.starts_at.since(i18n::now())
}
