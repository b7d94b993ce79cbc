//! An in-memory backend for the gallery, the browser tests and a demo without a server. Never part of a release build.
//!
//! It applies the contract's rules and invents none. Error states are reached by what one writes:
//! a text, a filter's name or a file's name with `fail-500`, one with `offline`, the e-mail `fail@…`.

mod backend;
mod demo_data;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use leptos::leptos_dom::helpers::set_interval_with_handle;
use leptos::prelude::set_timeout;
use omocast_contract::api::path;
use omocast_contract::live::LiveEvent;
use omocast_contract::{EventId, MediaId, Problem, ProblemCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ApiError, Call, Method, Reply, Transport, Upload};
use crate::i18n;
use crate::live::{LiveNews, StopListening};
use backend::Backend;
pub use backend::FakeOptions;

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
}

impl FakeTransport {
    pub fn new(options: FakeOptions) -> Self {
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            state: Arc::new(Mutex::new(State {
                backend: Backend::new(options, i18n::now()),
                calls: Vec::new(),
                failures: Vec::new(),
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
        let told = self.state().backend.tick();
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
        if call
            .body
            .as_ref()
            .is_some_and(|body| body.contains("offline"))
        {
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
        (Method::Get, path::EVENT_COUNTS) => write(backend.count_events()?),
        (Method::Post, path::EVENTS_BULK) => write(backend.act_on_events(&read(call)?)?),
        (Method::Get, path::TAGS) => write(backend.list_tags()?),
        (Method::Post, path::AUDIENCE_COUNT) => write(backend.count_audience(&read(call)?, now)?),
        (Method::Post, path::BROADCASTS) => {
            let key = call.idempotency_key.as_deref().unwrap_or_default();
            write(backend.create_broadcast(read(call)?, key, now)?)
        }
        (Method::Get, path::BROADCASTS) => write(backend.list_broadcasts(query(call, "after"))?),
        (method, address) => {
            if let Some(id) = id_in(address, path::EVENT_MESSAGES) {
                return write(backend.send_reply(id, &read(call)?, now)?);
            }
            if let Some(id) = id_in(address, path::EVENT_ACTION) {
                return write(backend.act_on_event(id, read(call)?)?);
            }
            if let Some(id) = id_in(address, path::BROADCAST_RECIPIENTS) {
                let wanted = omocast_contract::api::RecipientQuery {
                    status: query::<String>(call, "status")
                        .and_then(|status| omocast_contract::DeliveryStatus::parse(&status)),
                    after: query(call, "after"),
                };
                return write(backend.list_recipients(id, &wanted)?);
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
                if delay > 0 {
                    sleep(delay).await;
                }
                (upload.on_progress)(f64::from(step) / 8.0);
                if step == 4 && upload.name.contains("offline") {
                    return Err(ApiError::Offline(
                        "the demo was asked to be offline".to_owned(),
                    ));
                }
            }
            let url = web_sys::Url::create_object_url_with_blob(&upload.file).unwrap_or_default();
            let (mime, bytes) = (upload.file.type_(), upload.file.size() as u64);
            let mut state = fake.state();
            if let Some(at) = state
                .failures
                .iter()
                .position(|(path, _)| path == path::MEDIA)
            {
                return Err(state.failures.remove(at).1);
            }
            let kept = state.backend.keep_media(&upload.name, &mime, bytes, url);
            kept.and_then(write).map_err(refused)
        })
    }

    fn listen(&self, tell: Rc<dyn Fn(LiveNews)>) -> StopListening {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        tell(LiveNews::Connected);
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
}
