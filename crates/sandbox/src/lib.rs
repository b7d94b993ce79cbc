//! Honest stand-ins of the LINE Messaging API, of Meta's Graph API (Messenger, Instagram messaging and the WhatsApp
//! Cloud API), and of the visitors of omocast's web chat.
//!
//! They refuse what the platform refuses, in its own words; keep state; send signed webhooks back; and show each
//! customer's phone as a page (`/phone`) where a person can type as the customer. They know nothing of omocast's
//! contract or server: to them it is just another business using the APIs.
//!
//! The product is configured with the base addresses `/line`, `/line-data`, `/graph`, `/graph-instagram` and `/web` of
//! the address the sandbox listens on.
//!
//! Differences from the platforms, on purpose:
//! - media links may be plain `http` when their host is the loopback (`127.0.0.1`, `localhost`, `[::1]`);
//! - a link is looked at once a minute, however many messages hold it;
//! - Messenger and Instagram take texts, images, videos, sounds and files; templates and quick replies are refused;
//! - WhatsApp's templates are put in by the sandbox's interface, not by Graph; their variables are texts (no currencies
//!   and dates), their buttons quick replies, links and phone numbers;
//! - a webhook may take 10 s to be answered, and is tried six times within some seconds, not for days.

mod account;
mod chance;
mod clock;
mod control;
mod faults;
mod graph;
mod ids;
mod inbound;
mod line;
mod media;
mod messenger;
mod outage;
mod outbox;
mod phone;
mod receipts;
mod request_log;
mod snapshot;
mod state;
mod tally;
mod trouble;
mod web;
mod webhooks;
mod whatsapp;

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::sync::{Semaphore, SemaphorePermit, broadcast, watch};

pub use account::{Account, InstagramRoute, Platform};
pub use faults::{Chaos, Fault};
pub use inbound::Utterance;
pub use outage::Outage;
pub use outbox::Disorder;
pub use request_log::ReceivedRequest;
pub use state::{Customer, Identity, Marketing, PhoneMessage, PhoneMessageKind};
pub use tally::Traffic;
pub use trouble::{Rate, Trouble, Usage};
pub use whatsapp::{
    HeaderFormat, Notice, ParameterFormat, PhoneButton, PhoneCard, PhoneHeader, PhoneTemplate,
    Press, Template, TemplateButton, TemplateCard, TemplateCategory, TemplateComponent,
    TemplateQuality, TemplateStatus,
};

use clock::Clock;
use faults::Faults;
use media::Verdicts;
use outage::Outages;
use request_log::RequestLog;
use snapshot::Snapshot;
use state::{AccountState, State};
use whatsapp::Templates;

const WEBHOOKS_IN_FLIGHT: usize = 50;
const FETCHES_IN_FLIGHT: usize = 32;
const SNAPSHOT_EVERY: Duration = Duration::from_secs(2);

pub struct SandboxConfig {
    /// A folder for the snapshot; `None` keeps everything in memory.
    pub state: Option<PathBuf>,
    pub accounts: Vec<Account>,
    pub receipts: Receipts,
}

/// When Meta's statuses and receipts follow a message, counted from its acceptance.
#[derive(Clone, Debug)]
pub struct Receipts {
    pub delivered_after: Duration,
    pub read_after: Duration,
    /// The share of messages read without the page being opened; which ones depends on the message id alone.
    pub read_share: f64,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            delivered_after: Duration::from_millis(400),
            read_after: Duration::from_millis(1_500),
            read_share: 0.6,
        }
    }
}

impl Receipts {
    /// Everything is delivered and read at once, for tests.
    pub fn immediate() -> Self {
        Self {
            delivered_after: Duration::ZERO,
            read_after: Duration::ZERO,
            read_share: 1.0,
        }
    }
}

/// The stand-ins. Cheap to clone; clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    log: Mutex<RequestLog>,
    faults: Mutex<Faults>,
    outages: Mutex<Outages>,
    verdicts: Mutex<Verdicts>,
    /// Never held while the state is asked for; the other way round is fine.
    templates: Mutex<Templates>,
    clock: Clock,
    receipts: Receipts,
    folder: Option<PathBuf>,
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    webhooks: Semaphore,
    fetches: Semaphore,
    /// Tells open phone pages whose phone changed.
    changes: broadcast::Sender<PhoneOf>,
    /// Work under way: webhooks, statuses to come, media to look at.
    working: watch::Sender<usize>,
    closing: watch::Sender<bool>,
    dirty: AtomicBool,
    saving: tokio::sync::Mutex<()>,
    disorder: Mutex<Disorder>,
    webhook_retries: AtomicU32,
    last_number: AtomicU64,
}

/// Names one customer's phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhoneOf {
    pub(crate) account: String,
    pub(crate) user: String,
}

impl Sandbox {
    pub async fn new(config: SandboxConfig) -> anyhow::Result<Self> {
        let Snapshot {
            templates,
            mut ledgers,
        } = match &config.state {
            Some(folder) => snapshot::load(folder).await?,
            None => Snapshot::default(),
        };
        let mut state = State::new();
        for account in config.accounts {
            let id = account.id().to_owned();
            let ledger = ledgers.remove(&id).unwrap_or_default();
            let mut account = AccountState::new(account, ledger);
            if let Some(folder) = &config.state {
                let ids: Vec<_> = account.ledger.media.keys().cloned().collect();
                for media in ids {
                    if let Some(bytes) = snapshot::load_media(folder, &media).await {
                        account.media_bytes.insert(media, bytes);
                    }
                }
            }
            ensure!(
                state.insert(id.clone(), account).is_none(),
                "two accounts are called {id}"
            );
        }
        let http = reqwest::Client::builder()
            .user_agent("omocast-sandbox")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("no HTTP client")?;
        let clock = Clock::default();
        let first_number = clock.now_ms().unsigned_abs() * 100_000;
        let sandbox = Self(Arc::new(Inner {
            state: Mutex::new(state),
            log: Mutex::default(),
            faults: Mutex::default(),
            outages: Mutex::default(),
            verdicts: Mutex::default(),
            templates: Mutex::new(templates),
            clock,
            receipts: config.receipts,
            folder: config.state,
            http,
            runtime: tokio::runtime::Handle::current(),
            webhooks: Semaphore::new(WEBHOOKS_IN_FLIGHT),
            fetches: Semaphore::new(FETCHES_IN_FLIGHT),
            changes: broadcast::Sender::new(4_096),
            working: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            dirty: AtomicBool::new(false),
            saving: tokio::sync::Mutex::default(),
            disorder: Mutex::default(),
            webhook_retries: AtomicU32::new(webhooks::RETRIES),
            last_number: AtomicU64::new(first_number),
        }));
        sandbox.save_from_time_to_time();
        Ok(sandbox)
    }

    /// Everything, to be served on any listener.
    pub fn router(&self) -> Router {
        let line = line::router().layer(from_fn_with_state(self.clone(), request_log::record_line));
        let line_data =
            line::data_router().layer(from_fn_with_state(self.clone(), request_log::record_line));
        let graph =
            graph::router().layer(from_fn_with_state(self.clone(), request_log::record_graph));
        let graph_instagram = graph::instagram_router().layer(from_fn_with_state(
            self.clone(),
            request_log::record_instagram,
        ));
        let web = web::router().layer(from_fn_with_state(self.clone(), request_log::record_web));
        Router::new()
            .nest("/line", line)
            .nest("/line-data", line_data)
            .nest("/graph", graph)
            .nest("/graph-instagram", graph_instagram)
            .nest("/web", web)
            .merge(phone::router())
            .merge(control::router())
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self.clone())
    }

    /// Serves until `shutdown`, then closes the open pages and saves the state.
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let sandbox = self.clone();
        let closing = async move {
            shutdown.await;
            sandbox.close();
        };
        let serving = axum::serve(listener, self.router()).with_graceful_shutdown(closing);
        let sandbox = self.clone();
        let grace = async move {
            sandbox.closed_or(Duration::MAX).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = grace => Ok(()),
        };
        self.save().await?;
        served.context("the sandbox stopped listening")
    }

    /// Replaces scheme, host and port of all webhook addresses, once the product knows its port.
    pub fn set_webhook_base(&self, base: &str) {
        self.with(|state| {
            for account in state.values_mut() {
                account.config.rebase_webhook(base);
            }
        });
    }

    /// Makes a customer that does not exist yet, without sending anything; one that exists gets the new details.
    pub fn add_customer(&self, account: &str, customer: Customer) {
        self.change(|state| match state.get_mut(account) {
            Some(account) if account.config.accepts_user_id(&customer.id) => {
                let id = customer.id.clone();
                account.customer_or_new(&id).customer = customer;
            }
            Some(_) => tracing::warn!(account, user = customer.id, "not a customer's id here"),
            None => tracing::warn!(account, "no such account"),
        });
    }

    /// Everything the product sent, the last 10,000 requests.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.lock_log().all()
    }

    /// What the customer's phone shows, in order.
    pub fn messages(&self, account: &str, user: &str) -> Vec<PhoneMessage> {
        self.with(|state| {
            state
                .get(account)
                .and_then(|account| account.ledger.customers.get(user))
                .map(|customer| customer.messages.clone())
                .unwrap_or_default()
        })
    }

    /// The customer looks at the phone: what LINE has not fetched yet is fetched.
    pub async fn look_at(&self, account: &str, user: &str) {
        self.fetch_line_media(account, user).await;
    }

    /// The next sending request, whoever it is for, meets this fault.
    pub fn fail_next(&self, fault: Fault) {
        self.lock_faults().push_next(fault);
    }

    /// Every sending to this customer meets this fault, until `None`.
    pub fn set_fault(&self, account: &str, user: &str, fault: Option<Fault>) {
        self.lock_faults().set(account, user, fault);
    }

    /// A share of the account's sendings meets faults, until `None`; without an account, of all that have no chaos of
    /// their own.
    pub fn set_chaos(&self, account: Option<&str>, chaos: Option<Chaos>) {
        self.lock_faults().set_chaos(account, chaos);
    }

    /// Meta's statuses and receipts may come late, twice or not at all, as on the platform; `true` is twice and the
    /// latest first.
    pub fn set_disorder(&self, disorder: impl Into<Disorder>) {
        *lock(&self.0.disorder) = disorder.into();
    }

    /// How often a webhook that is refused, or that nobody takes, is tried again; five times at first, where the
    /// platforms try for days.
    pub fn set_webhook_retries(&self, retries: u32) {
        self.0.webhook_retries.store(retries, Ordering::Relaxed);
    }

    /// Moves the sandbox's clock: windows close, retry keys expire, buckets refill.
    pub fn advance_clock(&self, by: Duration) {
        self.0.clock.advance(by);
    }

    /// Waits until nothing is under way: all webhooks taken or given up, all statuses out.
    pub async fn settle(&self) {
        let mut working = self.0.working.subscribe();
        working
            .wait_for(|count| *count == 0)
            .await
            .expect("the sandbox holds the sender");
    }

    /// Writes the snapshot now, if there is anything new.
    pub async fn save(&self) -> anyhow::Result<()> {
        let Some(folder) = &self.0.folder else {
            return Ok(());
        };
        let _one_at_a_time = self.0.saving.lock().await;
        if !self.0.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let now = self.now_ms();
        let snapshot = self.with(|state| {
            for account in state.values_mut() {
                account.forget_old(now);
            }
            snapshot::encode(state, &self.lock_templates())
        })?;
        let saved = snapshot::save(folder, snapshot).await;
        if saved.is_err() {
            self.0.dirty.store(true, Ordering::Release);
        }
        saved
    }

    fn save_from_time_to_time(&self) {
        let inner = Arc::downgrade(&self.0);
        if self.0.folder.is_none() {
            return;
        }
        self.0.runtime.spawn(async move {
            loop {
                tokio::time::sleep(SNAPSHOT_EVERY).await;
                let Some(inner) = inner.upgrade() else { return };
                if let Err(error) = Self(inner).save().await {
                    tracing::warn!("the sandbox's state was not saved: {error:#}");
                }
            }
        });
    }

    fn close(&self) {
        self.0.closing.send_replace(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.0.closing.borrow()
    }

    /// Sleeps, but not beyond the sandbox's end.
    pub(crate) async fn closed_or(&self, duration: Duration) {
        let mut closing = self.0.closing.subscribe();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    pub(crate) fn receipts(&self) -> &Receipts {
        &self.0.receipts
    }

    pub(crate) fn disorder(&self) -> Disorder {
        lock(&self.0.disorder).clone()
    }

    pub(crate) fn webhook_retries(&self) -> u32 {
        self.0.webhook_retries.load(Ordering::Relaxed)
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    pub(crate) fn folder(&self) -> Option<&PathBuf> {
        self.0.folder.as_ref()
    }

    /// A number no one had before: LINE's message ids, Meta's media ids.
    pub(crate) fn next_number(&self) -> String {
        self.0
            .last_number
            .fetch_add(1, Ordering::Relaxed)
            .to_string()
    }

    pub(crate) fn account(&self, id: &str) -> Option<Account> {
        self.with(|state| state.get(id).map(|account| account.config.clone()))
    }

    /// Reads the state. Never await inside.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut lock(&self.0.state))
    }

    /// Changes the state, so that it is saved.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = self.with(change);
        self.mark_dirty();
        result
    }

    /// There is something new to save.
    pub(crate) fn mark_dirty(&self) {
        self.0.dirty.store(true, Ordering::Release);
    }

    pub(crate) fn phone_changed(&self, account: &str, user: &str) {
        // No receiver only means that no page is open.
        let _ = self.0.changes.send(PhoneOf {
            account: account.to_owned(),
            user: user.to_owned(),
        });
    }

    pub(crate) fn phone_changes(&self) -> broadcast::Receiver<PhoneOf> {
        self.0.changes.subscribe()
    }

    /// Runs work that `settle` waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let working = Working::begin(self);
        self.0.runtime.spawn(async move {
            work.await;
            drop(working);
        });
    }

    pub(crate) async fn webhook_permit(&self) -> SemaphorePermit<'_> {
        self.0
            .webhooks
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    pub(crate) async fn fetch_permit(&self) -> SemaphorePermit<'_> {
        self.0
            .fetches
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    pub(crate) fn lock_log(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.0.log)
    }

    pub(crate) fn lock_faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.0.faults)
    }

    pub(crate) fn lock_outages(&self) -> MutexGuard<'_, Outages> {
        lock(&self.0.outages)
    }

    pub(crate) fn lock_templates(&self) -> MutexGuard<'_, Templates> {
        lock(&self.0.templates)
    }

    pub(crate) fn lock_verdicts(&self) -> MutexGuard<'_, Verdicts> {
        lock(&self.0.verdicts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts as work under way while it lives.
struct Working(Sandbox);

impl Working {
    fn begin(sandbox: &Sandbox) -> Self {
        sandbox.0.working.send_modify(|count| *count += 1);
        Self(sandbox.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.working.send_modify(|count| *count -= 1);
    }
}
