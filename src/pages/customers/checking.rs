//! The check before sending and the sending itself, of whatever is being made: messages or a template.

use leptos::prelude::*;
use omocast_contract::api::{PreflightPage, PreflightQuery};
use omocast_contract::{
    Audience, Broadcast, BroadcastRequest, Channel, EventView, LocalTime, Preflight, Problem,
    ProblemCode, Reason, Source,
};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError, use_api};
use crate::components::broadcast_check::{BroadcastCheck, CheckEvent, Checked, Opened};
use crate::components::error_text::{error_text, problem_text};
use crate::route::Route;
use crate::session::use_me;

/// What a pane knows of the broadcast that is made in it.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) audience: Signal<Audience>,
    /// As it stands; none where nothing can be sent.
    pub(super) request: Callback<(), Option<BroadcastRequest>>,
    /// Under which it is sent: sent twice, it is one.
    pub(super) key: Callback<(), String>,
    /// What was sent under the key is sent; what stands there now is another broadcast.
    pub(super) on_key_spent: Callback<()>,
    /// Takes a refusal that has a place in the pane, and says whether it has.
    pub(super) on_refused: Callback<(Problem, BroadcastRequest), bool>,
    pub(super) on_sent: Callback<(Broadcast, BroadcastRequest)>,
}

/// The dialog with the check, and what it has found.
#[derive(Clone, Copy)]
pub(super) struct Checking {
    api: StoredValue<Api>,
    made: Made,
    is_open: RwSignal<bool>,
    preflight: RwSignal<Option<Preflight>>,
    is_checking: RwSignal<bool>,
    check_error: RwSignal<Option<ApiError>>,
    /// The groups that were opened since it was checked.
    opened: RwSignal<Vec<Opened>>,
    is_scheduling: RwSignal<bool>,
    time: RwSignal<String>,
    /// When it is to begin; none for at once, and while there is no whole time.
    send_at: Memo<Option<LocalTime>>,
    /// A time that the server refused, and why.
    refused_time: RwSignal<Option<(LocalTime, ProblemCode)>>,
    is_sending: RwSignal<bool>,
    error: RwSignal<Option<ApiError>>,
    /// The number of the latest question: an answer to an older one is let go.
    latest: StoredValue<u64>,
}

impl Checking {
    pub(super) fn new(made: Made) -> Self {
        let (is_scheduling, time) = (RwSignal::new(false), RwSignal::new(String::new()));
        let chosen_time = move || {
            let time = time.with(|time| LocalTime::parse(time));
            time.filter(|_| is_scheduling.get())
        };
        let checking = Self {
            api: StoredValue::new(use_api()),
            made,
            is_open: RwSignal::new(false),
            preflight: RwSignal::new(None),
            is_checking: RwSignal::new(false),
            check_error: RwSignal::new(None),
            opened: RwSignal::new(Vec::new()),
            is_scheduling,
            time,
            send_at: Memo::new(move |_| chosen_time()),
            refused_time: RwSignal::new(None),
            is_sending: RwSignal::new(false),
            error: RwSignal::new(None),
            latest: StoredValue::new(0),
        };
        // An effect, because the server is asked again when a group was left out in the dialog, or another time chosen:
        // by then other windows are open.
        Effect::new(move |_| {
            made.audience.track();
            checking.send_at.track();
            if checking.is_open.get() {
                checking.check();
            }
        });
        checking
    }

    /// Opens the dialog: to send at once, or later.
    pub(super) fn open(self, is_later: bool) {
        self.preflight.set(None);
        self.check_error.set(None);
        self.error.set(None);
        self.is_scheduling.set(is_later);
        self.is_open.set(true);
    }

    /// What is to be checked.
    fn request(self) -> Option<BroadcastRequest> {
        let request = self.made.request.try_run(()).flatten()?;
        let send_at = self.send_at.get_untracked();
        Some(BroadcastRequest { send_at, ..request })
    }

    fn check(self) {
        let (Some(request), Some(api)) = (self.request(), self.api.try_get_value()) else {
            return;
        };
        let Some(asked) = self.latest.try_update_value(|latest| {
            *latest += 1;
            *latest
        }) else {
            return;
        };
        self.is_checking.set(true);
        self.check_error.set(None);
        self.opened.set(Vec::new());
        spawn_local(async move {
            let answer = api.preflight_broadcast(&request).await;
            if self.latest.try_get_value() != Some(asked) {
                return;
            }
            self.is_checking.try_set(false);
            match answer {
                Ok(preflight) => {
                    self.preflight.try_set(Some(preflight));
                }
                Err(error) => {
                    if !self.is_about_time(&error, &request) && !self.is_placed(&error, request) {
                        self.check_error.try_set(Some(error));
                    }
                }
            }
        });
    }

    /// Opens a group, or closes it.
    fn toggle(self, reason: Option<Reason>) {
        let is_known = self.change_opened(reason, |opened| opened.is_open = !opened.is_open);
        if !is_known {
            let opened = Opened {
                reason,
                is_open: true,
                ..Opened::default()
            };
            self.opened.update(|all| all.push(opened));
            self.load_more(reason);
        }
    }

    /// Loads the next page of a group that was opened.
    fn load_more(self, reason: Option<Reason>) {
        let (Some(request), Some(api)) = (self.request(), self.api.try_get_value()) else {
            return;
        };
        let mut after = None;
        self.change_opened(reason, |opened| {
            (opened.is_loading, opened.error) = (true, None);
            after.clone_from(&opened.next);
        });
        // Of what is checked next, the groups are others.
        let asked = self.latest.get_value();
        spawn_local(async move {
            let query = PreflightQuery { reason, after };
            let answer = api.list_preflight_customers(&request, &query).await;
            if self.latest.try_get_value() != Some(asked) {
                return;
            }
            self.change_opened(reason, |opened| {
                opened.is_loading = false;
                match answer {
                    Ok(PreflightPage { rows, next }) => {
                        opened.rows.extend(rows);
                        opened.next = next;
                    }
                    Err(error) => opened.error = Some(error_text(&error)),
                }
            });
        });
    }

    /// Changes a group that was opened, and says whether it was.
    fn change_opened(self, reason: Option<Reason>, change: impl FnOnce(&mut Opened)) -> bool {
        let changed = self.opened.try_update(|all| {
            let opened = all.iter_mut().find(|opened| opened.reason == reason);
            opened.map(change).is_some()
        });
        changed == Some(true)
    }

    /// Whether the chosen time is refused, which its field shows.
    fn is_about_time(self, error: &ApiError, request: &BroadcastRequest) -> bool {
        let (
            Some(
                code @ (ProblemCode::ScheduleTooSoon
                | ProblemCode::ScheduleTooFar
                | ProblemCode::ScheduleTimeSkipped),
            ),
            Some(time),
        ) = (error.code(), request.send_at)
        else {
            return false;
        };
        self.refused_time.try_set(Some((time, code)));
        true
    }

    /// Whether the pane shows it where it belongs; then the dialog is out of the way.
    fn is_placed(self, error: &ApiError, request: BroadcastRequest) -> bool {
        let ApiError::Problem(problem) = error else {
            return false;
        };
        let refused = (problem.clone(), request);
        let is_placed = self.made.on_refused.try_run(refused) == Some(true);
        if is_placed {
            self.is_open.try_set(false);
        }
        is_placed
    }

    fn send(self, send_at: Option<LocalTime>) {
        let (Some(request), Some(key)) = (
            self.made.request.try_run(()).flatten(),
            self.made.key.try_run(()),
        ) else {
            return;
        };
        if self.is_sending.get_untracked() {
            return;
        }
        self.is_sending.set(true);
        self.error.set(None);
        let api = self.api.get_value();
        let request = BroadcastRequest { send_at, ..request };
        spawn_local(async move {
            let answer = api.create_broadcast(&request, &key).await;
            self.is_sending.try_set(false);
            match answer {
                Ok(broadcast) => {
                    self.is_open.try_set(false);
                    self.made.on_sent.try_run((broadcast, request));
                }
                Err(error) => self.fail(error, request),
            }
        });
    }

    fn fail(self, error: ApiError, request: BroadcastRequest) {
        if self.is_about_time(&error, &request) {
            return;
        }
        match error.code() {
            Some(ProblemCode::IdempotencyKeyReused) => {
                self.made.on_key_spent.try_run(());
            }
            // Another broadcast has taken it meanwhile: what is left is to be shown.
            Some(ProblemCode::QuotaShort) => self.check(),
            _ => {}
        }
        if !self.is_placed(&error, request) {
            self.error.try_set(Some(error));
        }
    }

    /// The dialog.
    pub(super) fn dialog(
        self,
        messages: Signal<usize>,
        about: Signal<Option<String>>,
        on_leave_out: Option<Callback<Channel>>,
        on_template: Option<Callback<()>>,
    ) -> AnyView {
        let words = |error: RwSignal<Option<ApiError>>| {
            Signal::derive(move || error.get().as_ref().map(error_text))
        };
        let time = self.time;
        let time_error = Signal::derive(move || {
            let (refused, why) = self.refused_time.get()?;
            let is_as_it_was = time.with(|time| LocalTime::parse(time)) == Some(refused);
            is_as_it_was.then(|| problem_text(why))
        });
        let checked = Checked {
            preflight: self.preflight.into(),
            is_checking: self.is_checking.into(),
            check_error: words(self.check_error),
            opened: self.opened.into(),
            is_scheduling: self.is_scheduling,
            time,
            time_error,
            is_sending: self.is_sending.into(),
            error: words(self.error),
        };
        let audience = self.made.audience;
        // Bound customers are of one channel, without which nobody would be left.
        let may_leave_out = Signal::derive(move || {
            on_leave_out.is_some()
                && audience.with(|audience| audience.source != Source::BoundCustomers)
        });
        let on_event = Callback::new(move |event: CheckEvent| match event {
            CheckEvent::Check => self.check(),
            CheckEvent::Send(time) => self.send(time),
            CheckEvent::LeaveOut(channel) => {
                if let Some(on_leave_out) = on_leave_out {
                    on_leave_out.run(channel);
                }
            }
            CheckEvent::TakeTemplate => {
                self.is_open.set(false);
                if let Some(on_template) = on_template {
                    on_template.run(());
                }
            }
            CheckEvent::Toggle(reason) => self.toggle(reason),
            CheckEvent::LoadMore(reason) => self.load_more(reason),
            CheckEvent::Close => self.is_open.set(false),
        });
        let href_of = |event| {
            let route = Route::Conversations {
                view: EventView::Mine,
                event: Some(event),
                mode: None,
            };
            route.href()
        };
        view! {
            <BroadcastCheck
                open=self.is_open
                checked
                messages
                about
                zone=use_me().map(|me| me.time_zone).unwrap_or_default()
                may_leave_out
                may_take_template=on_template.is_some()
                href_of
                on_event
            />
        }
        .into_any()
    }
}
