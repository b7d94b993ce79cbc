//! An in-memory backend for the gallery, the browser tests and a demo without a server. Never part of a release build.
//!
//! It applies the contract's rules and invents none. Error states are reached by what one writes:
//! a text, a filter's name or a file's name with `fail-500`, one with `offline`, a file's name with `full`,
//! the e-mail `fail@…`.
//! A broadcast whose text has `fail-check` can't be checked before it is sent, one with `fail-quota` needs more than
//! the account has left, one with `fail-pause` waits for an account, one with `fail-some` fails for some who may be
//! retried, and one with `fail-overdue` that is put off does not begin.

mod audience;
mod backend;
mod bound_customers;
mod broadcasts;
mod control;
mod demo_data;
mod drafts;
mod events;
mod options;
mod saved_replies;
pub(crate) mod templates;
mod test_customers;
mod uploads;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::set_timeout;
use omocast_contract::api::{CountQuery, PreflightQuery, SavedReplyQuery, TemplateQuery, path};
use omocast_contract::live::LiveEvent;
use omocast_contract::media::DETECT_BYTES;
use omocast_contract::{
    BroadcastKind, Channel, DraftId, EventId, MediaId, Problem, ProblemCode, Reason, SavedReplyId,
    WabaId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::JsFuture;

use super::{ApiError, Call, Method, Reply, Transport, Upload};
use crate::i18n;
use crate::live::{LiveNews, StopListening};
use backend::Backend;
pub use options::FakeOptions;
use uploads::Arrived;

type Listener = (u64, u64, Rc<dyn Fn(LiveNews)>);

thread_local! {
    // A listener never leaves its thread, but a transport must be `Send`: so they live here, by the fake's number.
    static LISTENERS: RefCell<Vec<Listener>> = const { RefCell::new(Vec::new()) };
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The in-memory backend as a transport. Clones are the same backend, so that a test can look in.
#[derive(Clone)]
pub struct FakeTransport {
    number: u64,
    state: Arc<Mutex<State>>,
}

struct State {
    backend: Backend,
    calls: Vec<Call>,
    /// The answer of the next call to a path.
    failures: Vec<(String, ApiError)>,
    is_offline: bool,
}

impl FakeTransport {
    pub fn new(options: FakeOptions) -> Self {
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            state: Arc::new(Mutex::new(State {
                backend: Backend::new(options, i18n::now()),
                calls: Vec::new(),
                failures: Vec::new(),
                is_offline: false,
            })),
        }
    }

    /// The demo as the page's address asks for it; see [`FakeOptions::from_query`].
    pub fn of_address() -> Self {
        let query = leptos::prelude::window().location().search();
        Self::new(FakeOptions::from_query(&query.unwrap_or_default()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Lets the next call to this path fail.
    pub fn fail_next(&self, path: &str, error: ApiError) {
        self.state().failures.push((path.to_owned(), error));
    }

    /// Time passes: broadcasts move on, and the listeners hear of it.
    pub fn tick(&self) {
        let told = self.state().backend.tick(i18n::now());
        for event in told {
            self.tell(LiveNews::Event(event));
        }
    }

    /// A customer writes.
    pub fn receive(&self, event: EventId, text: &str) {
        let received = self.state().backend.receive(event, text, i18n::now());
        if received.is_ok() {
            self.tell(LiveNews::Event(LiveEvent::EventChanged { event }));
        }
    }

    /// The member writes their code as a customer of this channel.
    pub fn bind_test_customer(&self, channel: Channel, name: &str) {
        self.state().backend.bind_test_customer(channel, name);
    }

    /// Somebody else changes the saved reply of this title.
    pub fn change_saved_reply(&self, title: &str) {
        self.state().backend.meddle_with_saved_reply(title, false);
    }

    /// Somebody else deletes the saved reply of this title.
    pub fn remove_saved_reply(&self, title: &str) {
        self.state().backend.meddle_with_saved_reply(title, true);
    }

    /// Somebody changes the template of this title at Meta.
    pub fn change_template(&self, title: &str) {
        self.state().backend.change_template(title);
    }

    /// Another device writes into a draft.
    pub fn change_draft(&self, id: DraftId, text: &str) {
        self.state().backend.change_draft(id, text, i18n::now());
    }

    /// Another device sends or deletes a draft.
    pub fn remove_draft(&self, id: DraftId) {
        self.state().backend.forget_draft(id);
    }

    /// The server is not reached any more, or is again.
    pub fn set_offline(&self, is_offline: bool) {
        self.state().is_offline = is_offline;
    }

    /// Tells the listeners something.
    pub fn tell(&self, news: LiveNews) {
        // A copy, because a listener may stop listening.
        let listeners: Vec<Listener> = LISTENERS.with_borrow(Clone::clone);
        for (fake, _, listener) in listeners {
            if fake == self.number {
                listener(news.clone());
            }
        }
    }

    fn answer(&self, call: &Call) -> Result<String, ApiError> {
        let mut state = self.state();
        state.calls.push(call.clone());
        if let Some(at) = state
            .failures
            .iter()
            .position(|(path, _)| *path == call.path)
        {
            return Err(state.failures.remove(at).1);
        }
        let is_asked = |body: &String| body.contains("offline");
        if state.is_offline || call.body.as_ref().is_some_and(is_asked) {
            return Err(ApiError::Offline(
                "the demo was asked to be offline".to_owned(),
            ));
        }
        dispatch(&mut state.backend, call).map_err(refused)
    }
}

fn refused(problem: Problem) -> ApiError {
    if problem.code == ProblemCode::SignedOut {
        ApiError::SignedOut
    } else {
        ApiError::Problem(problem)
    }
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Problem> {
    let body = call.body.as_deref().unwrap_or_default();
    serde_json::from_str(body).map_err(|_| Problem::new(ProblemCode::MalformedRequest))
}

fn write<T: Serialize>(answer: T) -> Result<String, Problem> {
    serde_json::to_string(&answer).map_err(|_| Problem::new(ProblemCode::Internal))
}

/// The id in a path, if the path is of this pattern.
fn id_in<T: std::str::FromStr>(path: &str, pattern: &str) -> Option<T> {
    let (before, after) = pattern.split_once("{id}")?;
    path.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

fn query<T: std::str::FromStr>(call: &Call, name: &str) -> Option<T> {
    call.query
        .iter()
        .find(|(known, _)| *known == name)?
        .1
        .parse()
        .ok()
}

fn dispatch(backend: &mut Backend, call: &Call) -> Result<String, Problem> {
    let now = i18n::now();
    match (call.method, call.path.as_str()) {
        (Method::Post, path::SESSION) => write(backend.sign_in(&read(call)?)?),
        (Method::Get, path::SESSION) => write(backend.find_session()?),
        (Method::Delete, path::SESSION) => {
            backend.sign_out();
            Ok(String::new())
        }
        (Method::Post, path::EVENTS) => write(backend.list_events(&read(call)?)?),
        (Method::Post, path::BOUND_CUSTOMERS) => write(backend.list_bound_customers(&read(call)?)?),
        (Method::Get, path::EVENT_COUNTS) => write(backend.count_events()?),
        (Method::Post, path::EVENTS_BULK) => write(backend.act_on_events(&read(call)?)?),
        (Method::Get, path::TAGS) => write(backend.list_tags()?),
        (Method::Post, path::AUDIENCE_COUNT) => {
            let kind = query::<String>(call, "kind").and_then(|kind| BroadcastKind::parse(&kind));
            let asked = CountQuery {
                kind: kind.unwrap_or_default(),
                template: query(call, "template"),
            };
            write(backend.count_audience(&read(call)?, &asked, now)?)
        }
        (Method::Get, path::TEMPLATES) => {
            let wanted = TemplateQuery {
                waba: WabaId(query(call, "waba").unwrap_or_default()),
                search: query(call, "search").unwrap_or_default(),
                category: query(call, "category"),
                after: query(call, "after"),
            };
            write(backend.list_templates(&wanted)?)
        }
        (Method::Post, path::TEMPLATES_SYNC) => write(backend.sync_templates(&read(call)?, now)?),
        (Method::Post, path::BROADCASTS) => {
            let key = call.idempotency_key.as_deref().unwrap_or_default();
            write(backend.create_broadcast(read(call)?, key, now)?)
        }
        (Method::Post, path::BROADCAST_PREFLIGHT) => {
            write(backend.preflight_broadcast(&read(call)?, now)?)
        }
        (Method::Post, path::BROADCAST_PREFLIGHT_CUSTOMERS) => {
            let asked = PreflightQuery {
                reason: query::<String>(call, "reason").and_then(|reason| Reason::parse(&reason)),
                after: query(call, "after"),
            };
            write(backend.list_preflight_customers(&read(call)?, &asked, now)?)
        }
        (Method::Get, path::BROADCASTS) => write(backend.list_broadcasts(query(call, "after"))?),
        (Method::Post, path::BROADCAST_TEST) => write(backend.send_test(&read(call)?)?),
        (Method::Get, path::TEST_CUSTOMERS) => write(backend.list_test_customers()?),
        (Method::Post, path::TEST_CODE) => write(backend.create_test_code(now)?),
        (Method::Get, path::DRAFTS) => write(backend.list_drafts()?),
        (Method::Get, path::SAVED_REPLIES) => {
            let wanted = SavedReplyQuery {
                search: query(call, "search").unwrap_or_default(),
                category: query(call, "category"),
                after: query(call, "after"),
            };
            write(backend.list_saved_replies(&wanted)?)
        }
        (Method::Post, path::SAVED_REPLIES) => write(backend.create_saved_reply(read(call)?, now)?),
        (method, address) => {
            if let Some(id) = id_in(address, path::EVENT_MESSAGES) {
                return write(backend.send_reply(id, &read(call)?, now)?);
            }
            if let Some(id) = id_in(address, path::EVENT_ACTION) {
                return write(backend.act_on_event(id, read(call)?)?);
            }
            if let Some(id) = id_in(address, path::BROADCAST_CONTROL) {
                return write(backend.control_broadcast(id, read(call)?, now)?);
            }
            if let Some(id) = id_in(address, path::BROADCAST_RETRY) {
                let key = call.idempotency_key.as_deref().unwrap_or_default();
                return write(backend.retry_broadcast(id, key, now)?);
            }
            if let Some(id) = id_in(address, path::BROADCAST_RECIPIENTS) {
                let wanted = omocast_contract::api::RecipientQuery {
                    standing: query::<String>(call, "standing")
                        .and_then(|standing| omocast_contract::Standing::parse(&standing)),
                    reason: query::<String>(call, "reason")
                        .and_then(|reason| omocast_contract::Reason::parse(&reason)),
                    got: query(call, "got"),
                    of: query(call, "of"),
                    after: query(call, "after"),
                };
                return write(backend.list_recipients(id, &wanted)?);
            }
            if let Some(id) = id_in::<DraftId>(address, path::DRAFT) {
                return match method {
                    Method::Put => write(backend.update_draft(id, read(call)?, now)?),
                    Method::Delete => backend.delete_draft(id).map(|()| String::new()),
                    Method::Get | Method::Post => write(backend.find_draft(id)?),
                };
            }
            if let Some(id) = id_in::<SavedReplyId>(address, path::SAVED_REPLY) {
                return match method {
                    Method::Put => write(backend.update_saved_reply(id, read(call)?, now)?),
                    Method::Delete => backend.delete_saved_reply(id).map(|()| String::new()),
                    Method::Get | Method::Post => write(backend.find_saved_reply(id)?),
                };
            }
            let unbound = Channel::ALL
                .into_iter()
                .find(|&channel| address == path::test_customer(channel));
            if let (Method::Delete, Some(channel)) = (method, unbound) {
                return backend
                    .delete_test_customer(channel)
                    .map(|()| String::new());
            }
            match (
                method,
                id_in(address, path::EVENT),
                id_in(address, path::BROADCAST),
            ) {
                (Method::Get, Some(id), _) => {
                    write(backend.find_thread(id, query(call, "before"))?)
                }
                (Method::Get, None, Some(id)) => write(backend.find_broadcast(id)?),
                _ => Err(Problem::new(ProblemCode::NotFound)),
            }
        }
    }
}

async fn sleep(milliseconds: u32) {
    let (done, is_done) = oneshot::channel();
    let wake = move || {
        // Nobody waits any more: then nobody needs to know.
        let _ = done.send(());
    };
    set_timeout(wake, Duration::from_millis(milliseconds.into()));
    let _ = is_done.await;
}

impl Transport for FakeTransport {
    fn send(&self, call: Call) -> Reply {
        let fake = self.clone();
        Box::pin(async move {
            let delay = fake.state().backend.options.delay;
            if delay > 0 {
                sleep(delay).await;
            }
            fake.answer(&call)
        })
    }

    fn upload(&self, upload: Upload) -> Reply {
        let fake = self.clone();
        Box::pin(async move {
            let delay = fake.state().backend.options.delay;
            for step in 1..=8_u32 {
                // Without a delay, too, others have their turn: an upload can be stopped between two steps.
                sleep(delay).await;
                (upload.on_progress)(f64::from(step) / 8.0);
                let is_asked = upload.name.contains("offline");
                if step == 4 && (is_asked || fake.state().is_offline) {
                    return Err(ApiError::Offline(
                        "the demo was asked to be offline".to_owned(),
                    ));
                }
            }
            let head = head_of(&upload.file).await;
            let address = |blob| web_sys::Url::create_object_url_with_blob(blob).ok();
            let arrived = Arrived {
                name: upload.name,
                head,
                bytes: upload.file.size() as u64,
                url: address(&upload.file).unwrap_or_default(),
                preview_url: upload.preview.as_ref().and_then(address),
            };
            let mut state = fake.state();
            if let Some(at) = state
                .failures
                .iter()
                .position(|(path, _)| path == path::MEDIA)
            {
                return Err(state.failures.remove(at).1);
            }
            let kept = state.backend.keep_media(arrived);
            kept.and_then(write).map_err(refused)
        })
    }

    fn listen(&self, tell: Rc<dyn Fn(LiveNews)>) -> StopListening {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if self.state().backend.options.is_connected {
            tell(LiveNews::Connected);
        }
        LISTENERS.with_borrow_mut(|listeners| listeners.push((self.number, id, tell)));
        let fake = self.clone();
        let pace = self.state().backend.options.tick_every;
        let ticking = pace.and_then(|pace| {
            set_interval_with_handle(move || fake.tick(), Duration::from_millis(pace.into())).ok()
        });
        Box::new(move || {
            if let Some(ticking) = ticking {
                ticking.clear();
            }
            LISTENERS.with_borrow_mut(|listeners| listeners.retain(|(_, known, _)| *known != id));
        })
    }

    fn media_url(&self, id: MediaId) -> String {
        self.state().backend.media_url(id).unwrap_or_default()
    }

    fn preview_url(&self, id: MediaId) -> String {
        self.state().backend.preview_url(id).unwrap_or_default()
    }
}

/// The first bytes of a file; none of one that can't be read.
async fn head_of(file: &web_sys::Blob) -> Vec<u8> {
    let Ok(head) = file.slice_with_f64_and_f64(0.0, DETECT_BYTES as f64) else {
        return Vec::new();
    };
    let bytes = JsFuture::from(head.array_buffer()).await;
    bytes.map_or_else(
        |_| Vec::new(),
        |bytes| js_sys::Uint8Array::new(&bytes).to_vec(),
    )
}

#[cfg(test)]
mod tests {
    use omocast_contract::{OutgoingMessage, Timestamp};

    use super::backend::Backend;
    use super::options::FakeOptions;

    pub(super) const NOW: Timestamp = Timestamp(1_795_000_000_000);

    pub(super) fn backend() -> Backend {
        Backend::new(FakeOptions::default(), NOW)
    }

    pub(super) fn text(text: &str) -> OutgoingMessage {
        OutgoingMessage::Text {
            text: text.to_owned(),
        }
    }
}
