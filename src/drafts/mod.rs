//! Keeps a draft while it is being written: on this device at once, on the server after a moment.
//!
//! What is written elsewhere meanwhile (another tab, another device) is never overwritten without asking,
//! and what is written here is never lost by it.

pub mod body;
pub mod new_id;
pub mod selection;
pub mod sent_template;
mod shelf;

use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use omocast_contract::{Draft, DraftId, MemberId, ProblemCode};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError};
use crate::components::draft_status::DraftState;
use crate::components::error_text::error_text;
use body::DraftBody;
use new_id::new_id;
use shelf::{Local, Shelf};

/// How long nothing must be written before it goes to the server.
const REST: Duration = Duration::from_millis(800);
/// How long to wait before a server that was not reached is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Has the composer show this draft when it is opened next, as though it had been written there last.
pub fn lay_out(member: MemberId, draft: Draft) {
    Shelf::of(member).keep(&Local {
        id: draft.id,
        version: draft.version,
        is_unsaved: false,
        body: DraftBody::from(draft),
    });
}

/// Keeps the draft that is being written.
#[derive(Clone, Copy)]
pub struct DraftKeeper {
    api: StoredValue<Api>,
    shelf: StoredValue<Shelf>,
    body: Signal<DraftBody>,
    on_open: Callback<DraftBody>,
    state: RwSignal<DraftState>,
    now: StoredValue<Now>,
}

/// Which draft it is, and how far it is kept.
struct Now {
    id: DraftId,
    version: u64,
    /// What the server has; none when it has not got what is written.
    saved: Option<DraftBody>,
    is_saving: bool,
    /// While another draft is being shown, what changes is no edit.
    is_showing: bool,
    /// Grows with each other draft: the answer about an earlier one is let go.
    turn: u64,
    waiting: Option<TimeoutHandle>,
}

impl DraftKeeper {
    /// `on_open` shows another content in place of what is written.
    pub fn new(
        api: Api,
        member: MemberId,
        body: Signal<DraftBody>,
        on_open: Callback<DraftBody>,
    ) -> Self {
        let keeper = Self {
            api: StoredValue::new(api),
            shelf: StoredValue::new(Shelf::of(member)),
            body,
            on_open,
            state: RwSignal::new(DraftState::Idle),
            now: StoredValue::new(Now {
                id: new_id(),
                version: 0,
                saved: Some(DraftBody::default()),
                is_saving: false,
                is_showing: true,
                turn: 0,
                waiting: None,
            }),
        };
        // An effect, because storage and server are things outside that must follow what is written.
        Effect::new(move |_| {
            body.track();
            keeper.changed();
        });
        let listeners = [
            window_event_listener_untyped("storage", move |_| keeper.look_at_news()),
            window_event_listener_untyped("online", move |_| keeper.look()),
            window_event_listener_untyped("pagehide", move |_| keeper.flush()),
            window_event_listener_untyped("visibilitychange", move |_| {
                if document().visibility_state() == web_sys::VisibilityState::Hidden {
                    keeper.flush();
                } else {
                    keeper.look();
                }
            }),
        ];
        on_cleanup(move || {
            listeners.into_iter().for_each(|listener| listener.remove());
            keeper.flush();
        });
        keeper
    }

    /// The draft's id, which is the key under which it is sent, too.
    pub fn id(self) -> DraftId {
        self.now.with_value(|now| now.id)
    }

    pub fn state(self) -> Signal<DraftState> {
        self.state.into()
    }

    /// Shows what was being written on this device, and sends what is not on the server yet.
    pub fn resume(self) {
        let shelf = self.shelf.get_value();
        match shelf.last().and_then(|id| shelf.find(id)) {
            Some(local) => {
                let saved = (!local.is_unsaved).then(|| local.body.clone());
                self.show(local.id, local.version, local.body, saved);
                // Once it is shown: until then what differs is no edit.
                set_timeout(move || self.look(), Duration::ZERO);
            }
            None => self.show(
                new_id(),
                0,
                DraftBody::default(),
                Some(DraftBody::default()),
            ),
        }
        self.send_what_is_left();
    }

    /// Shows another draft; what is written here is kept before.
    pub fn open(self, id: DraftId) {
        spawn_local(async move {
            if let Err(error) = self.open_draft(id).await {
                self.fail(&error);
            }
        });
    }

    /// As [`Self::open`], and tells when there is no such draft any more.
    pub async fn open_draft(self, id: DraftId) -> Result<(), ApiError> {
        let Some(api) = self.api.try_get_value() else {
            return Ok(());
        };
        let draft = api.find_draft(id).await?;
        self.flush();
        self.show_draft(draft);
        Ok(())
    }

    /// Begins a blank one; what is written here is kept before.
    pub fn begin(self) {
        self.flush();
        self.show(
            new_id(),
            0,
            DraftBody::default(),
            Some(DraftBody::default()),
        );
    }

    /// It was sent: the server has removed it.
    pub fn sent(self) {
        let Some(gone) = self.turn_to(new_id(), 0, Some(DraftBody::default())) else {
            return;
        };
        self.state.try_set(DraftState::Idle);
        if let Some(shelf) = self.shelf.try_get_value() {
            shelf.forget(gone);
            shelf.tell(gone, None);
        }
    }

    /// Gives what is written a new id: the one it had was sent already.
    pub fn renew(self) {
        if let Some(gone) = self.turn_to(new_id(), 0, None) {
            self.shelf.with_value(|shelf| shelf.forget(gone));
            self.changed();
        }
    }

    /// Of a draft that was changed in two places, what is written here counts.
    pub fn keep_mine(self) {
        let DraftState::Conflict(theirs) = self.state.get_untracked() else {
            return;
        };
        match theirs {
            Some(theirs) => self.now.update_value(|now| now.version = theirs.version),
            None => {
                let gone = self.turn_to(new_id(), 0, None);
                gone.inspect(|gone| self.shelf.with_value(|shelf| shelf.forget(*gone)));
            }
        }
        self.now.update_value(|now| now.saved = None);
        self.state.set(DraftState::Saving);
        self.changed();
        self.flush();
    }

    /// Of a draft that was changed in two places, what is kept elsewhere counts.
    pub fn take_other(self) {
        let DraftState::Conflict(theirs) = self.state.get_untracked() else {
            return;
        };
        // What is here is given up.
        self.shelf.with_value(|shelf| shelf.forget(self.id()));
        match theirs {
            Some(theirs) => self.show_draft(*theirs),
            None => self.show(
                new_id(),
                0,
                DraftBody::default(),
                Some(DraftBody::default()),
            ),
        }
    }

    /// A draft was deleted from the list: when it is this one, a blank one begins.
    pub fn deleted(self, id: DraftId) {
        self.shelf.with_value(|shelf| {
            shelf.forget(id);
            shelf.tell(id, None);
        });
        if self.id() == id {
            self.show(
                new_id(),
                0,
                DraftBody::default(),
                Some(DraftBody::default()),
            );
        }
    }

    fn show_draft(self, draft: Draft) {
        let (id, version) = (draft.id, draft.version);
        let body = DraftBody::from(draft);
        self.show(id, version, body.clone(), Some(body));
    }

    fn show(self, id: DraftId, version: u64, body: DraftBody, saved: Option<DraftBody>) {
        if self.turn_to(id, version, saved).is_none() {
            return;
        }
        // Whatever was asked about the one before is no question any more.
        self.state.try_set(DraftState::Idle);
        self.now.update_value(|now| now.is_showing = true);
        let turn = self.now.with_value(|now| now.turn);
        self.on_open.run(body);
        // What it looks like once it is shown is what changes are measured by: the composer may keep more or less of it.
        set_timeout(move || self.shown(turn), Duration::ZERO);
    }

    fn shown(self, turn: u64) {
        let Some(body) = self.body.try_get_untracked() else {
            return;
        };
        let is_current = self
            .now
            .try_update_value(|now| {
                if now.turn == turn {
                    now.is_showing = false;
                    if now.saved.is_some() {
                        now.saved = Some(body);
                    }
                }
                now.turn == turn
            })
            .unwrap_or(false);
        if is_current {
            self.changed();
        }
    }

    /// Turns to another draft; tells which one it was before.
    fn turn_to(self, id: DraftId, version: u64, saved: Option<DraftBody>) -> Option<DraftId> {
        self.now.try_update_value(|now| {
            if let Some(waiting) = now.waiting.take() {
                waiting.clear();
            }
            now.turn += 1;
            now.version = version;
            now.saved = saved;
            now.is_saving = false;
            std::mem::replace(&mut now.id, id)
        })
    }

    /// Something may have been written.
    fn changed(self) {
        let (Some(body), Some(shelf)) = (self.body.try_get_untracked(), self.shelf.try_get_value())
        else {
            return;
        };
        let Some((id, version, is_showing, is_saved)) = self.now.try_update_value(|now| {
            let is_saved = now.saved.as_ref().is_some_and(|saved| saved.says_as(&body));
            (now.id, now.version, now.is_showing, is_saved)
        }) else {
            return;
        };
        if is_showing {
            return;
        }
        let is_in_conflict = self
            .state
            .with_untracked(|state| matches!(state, DraftState::Conflict(_)));
        if body.is_blank() && version == 0 || is_saved {
            self.stop_waiting();
            if version == 0 {
                shelf.forget(id);
            } else {
                shelf.keep(&Local {
                    id,
                    version,
                    is_unsaved: false,
                    body,
                });
            }
            if !is_in_conflict {
                self.state.set(if version == 0 {
                    DraftState::Idle
                } else {
                    DraftState::Saved
                });
            }
            return;
        }
        shelf.keep(&Local {
            id,
            version,
            is_unsaved: true,
            body,
        });
        if !is_in_conflict {
            if self.state.get_untracked() != DraftState::Offline {
                self.state.set(DraftState::Saving);
            }
            self.save_after(REST);
        }
    }

    fn stop_waiting(self) -> bool {
        let waiting = self.now.try_update_value(|now| now.waiting.take());
        match waiting.flatten() {
            Some(waiting) => {
                waiting.clear();
                true
            }
            None => false,
        }
    }

    fn save_after(self, wait: Duration) {
        self.stop_waiting();
        let waiting = set_timeout_with_handle(move || self.save(), wait).ok();
        self.now.try_update_value(|now| now.waiting = waiting);
    }

    /// Keeps now what would be kept in a moment.
    pub fn flush(self) {
        if self.stop_waiting() {
            self.save();
        }
    }

    fn save(self) {
        let (Some(body), Some(api), Some(shelf)) = (
            self.body.try_get_untracked(),
            self.api.try_get_value(),
            self.shelf.try_get_value(),
        ) else {
            return;
        };
        let begun = self.now.try_update_value(|now| {
            now.waiting = None;
            let is_free = !now.is_saving;
            now.is_saving = true;
            is_free.then_some((now.id, now.version, now.turn))
        });
        // One after the other: what is written meanwhile follows when this is answered.
        let Some((id, version, turn)) = begun.flatten() else {
            return;
        };
        spawn_local(async move {
            let answer = api.update_draft(id, &body.edit(version)).await;
            if let Ok(draft) = &answer {
                // Whether or not it is still the one that is being written.
                shelf.saved(id, version, draft.version, &body);
                shelf.tell(id, Some(draft.version));
            }
            let is_current = self.now.try_update_value(|now| {
                let is_current = now.turn == turn;
                if is_current {
                    now.is_saving = false;
                }
                is_current
            });
            if is_current == Some(true) {
                self.answered(answer, body).await;
            }
        });
    }

    async fn answered(self, answer: Result<Draft, ApiError>, body: DraftBody) {
        match answer {
            Ok(draft) => {
                self.now.try_update_value(|now| {
                    now.version = draft.version;
                    now.saved = Some(body);
                });
                if self.state.try_get_untracked() == Some(DraftState::Offline) {
                    self.state.set(DraftState::Saving);
                }
                self.changed();
            }
            Err(error) if error.code() == Some(ProblemCode::DraftChanged) => self.compare().await,
            Err(error) if error.code() == Some(ProblemCode::DraftGone) => {
                let was_blank = self.now.try_with_value(|now| {
                    let saved = now.saved.as_ref();
                    now.version > 0 && saved.is_some_and(DraftBody::is_blank)
                });
                // Emptied drafts are deleted without anybody's doing: nothing was lost by that.
                if was_blank == Some(true) {
                    self.renew();
                } else {
                    self.state.try_set(DraftState::Conflict(None));
                }
            }
            // Whoever has to sign in again finds it here.
            Err(ApiError::Offline(_) | ApiError::SignedOut) => {
                self.state.try_set(DraftState::Offline);
                self.save_after(RETRY);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(self, error: &ApiError) {
        let words = untrack(|| error_text(error));
        self.state.try_set(DraftState::Failed(words));
    }

    /// Another tab told something.
    fn look_at_news(self) {
        let Some(news) = self.shelf.try_with_value(Shelf::news).flatten() else {
            return;
        };
        let is_about_this = self
            .now
            .try_with_value(|now| {
                now.id == news.id && news.version.is_none_or(|version| version > now.version)
            })
            .unwrap_or(false);
        if is_about_this {
            self.look();
        }
    }

    /// Looks whether the draft was changed elsewhere.
    fn look(self) {
        if self.state.try_get_untracked() == Some(DraftState::Offline) {
            self.save();
            return;
        }
        let is_worth_it = self
            .now
            .try_with_value(|now| now.version > 0 && !now.is_saving && !now.is_showing)
            .unwrap_or(false);
        if is_worth_it {
            spawn_local(self.compare());
        }
    }

    async fn compare(self) {
        let Some((id, turn)) = self.now.try_with_value(|now| (now.id, now.turn)) else {
            return;
        };
        let Some(api) = self.api.try_get_value() else {
            return;
        };
        let answer = api.find_draft(id).await;
        let (Some(mine), Some(Some((version, is_clean)))) = (
            self.body.try_get_untracked(),
            self.now.try_with_value(|now| {
                let mine = self.body.try_get_untracked().unwrap_or_default();
                let is_clean = now.saved.as_ref().is_some_and(|saved| saved.says_as(&mine));
                (now.turn == turn && !now.is_saving).then_some((now.version, is_clean))
            }),
        ) else {
            return;
        };
        match answer {
            Ok(theirs) if theirs.version <= version => {}
            Ok(theirs) if DraftBody::from(theirs.clone()).says_as(&mine) => {
                self.now.try_update_value(|now| {
                    now.version = theirs.version;
                    now.saved = Some(mine);
                });
                self.state.try_set(DraftState::Saved);
                self.changed();
            }
            Ok(theirs) if is_clean => self.show_draft(theirs),
            Ok(theirs) => self.ask(Some(theirs)),
            Err(error) if error.code() == Some(ProblemCode::NotFound) => self.ask(None),
            // Whether it was changed is seen when it is kept.
            Err(_) => {}
        }
    }

    /// What shall count? Until that is answered, nothing is sent.
    fn ask(self, theirs: Option<Draft>) {
        self.stop_waiting();
        let state = DraftState::Conflict(theirs.map(Box::new));
        self.state.try_set(state);
    }

    /// What other drafts of this device could not be sent is sent now; where it was changed elsewhere, as a new draft.
    fn send_what_is_left(self) {
        let (api, shelf, own) = (self.api.get_value(), self.shelf.get_value(), self.id());
        let left: Vec<Local> = shelf
            .all()
            .into_iter()
            .filter(|local| local.is_unsaved && local.id != own)
            .collect();
        spawn_local(async move {
            for local in left {
                let edit = local.body.edit(local.version);
                let answer = api.update_draft(local.id, &edit).await;
                let is_refused = answer.as_ref().is_err_and(|error| {
                    matches!(
                        error.code(),
                        Some(ProblemCode::DraftChanged | ProblemCode::DraftGone)
                    )
                });
                let is_kept = if is_refused {
                    let edit = local.body.edit(0);
                    api.update_draft(new_id(), &edit).await.is_ok()
                } else {
                    answer.is_ok()
                };
                if is_kept {
                    shelf.forget(local.id);
                }
            }
        });
    }
}
