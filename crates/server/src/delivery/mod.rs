//! Hands broadcasts over: recipients are the queue, each account has a lane of its own.
//!
//! No customer gets a message twice and none is forgotten: a recipient is leased before anything is sent, every message
//! is noted as being sent before its request goes out, and what became of it is merged with what webhooks tell.
//! Whoever takes over from a worker that died repeats only what the platform knows to be a repeat.

mod pace;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use omocast_contract::{AccountId, Reason, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::app::App;
use crate::channels::{Account, Outbound};
use crate::shutdown::Shutdown;
use crate::store::StoreError;
use crate::store::deliveries::{AccountWithWork, Begun, Changes, Outcome, Then};
use pace::Pace;
use worker::{BREATH, Ended, FAULTS, Lane, longest_wait};

/// Outcomes that are written together: this many, or what comes within this time.
const OUTCOMES_AT_ONCE: usize = 500;
const OUTCOMES_WITHIN: Duration = Duration::from_millis(10);
/// How often what has waited too long is looked for, in milliseconds.
const GIVEN_UP_EVERY: i64 = 60_000;
/// Messages about to be sent that are noted together at the most.
const NOTES_AT_ONCE: usize = 500;
/// How long requests that are out may still take when the server stops.
const GRACE: Duration = Duration::from_secs(7);

/// What the lanes share.
struct Worker {
    app: App,
    shutdown: Shutdown,
}

impl Worker {
    /// Completes what is complete, and tells what changed.
    async fn settle_up(&self, mut changes: Changes) -> Result<(), StoreError> {
        let completed = self.app.store.complete_broadcasts(self.app.now()).await?;
        changes.broadcasts.extend(completed);
        self.app.announcer.announce(changes);
        Ok(())
    }

    /// Lets what waits for an account wait until it is mended.
    async fn pause_account(
        &self,
        account: AccountId,
        reason: Reason,
        code: &str,
    ) -> Result<(), StoreError> {
        tracing::warn!(%account, reason = reason.as_str(), code, "the account takes nothing for now");
        let changes = self
            .app
            .store
            .pause_account(account, reason, code, self.app.now())
            .await?;
        self.settle_up(changes).await
    }

    /// Goes on with an account that takes messages again; false where it has stopped anew.
    async fn resume_account(&self, account: AccountId) -> Result<bool, StoreError> {
        let (store, now) = (&self.app.store, self.app.now());
        let Some(changes) = store.resume_account(account, now).await? else {
            return Ok(false);
        };
        tracing::info!(%account, "the account takes messages again");
        self.settle_up(changes).await?;
        Ok(true)
    }
}

/// Where lanes have written down what they do.
#[derive(Clone)]
struct Books {
    outcomes: mpsc::Sender<ToRecord>,
    notes: mpsc::Sender<ToNote>,
}

/// What lanes send to be recorded.
enum ToRecord {
    Outcome(Outcome),
    /// Answered once everything sent before is recorded.
    Barrier(oneshot::Sender<()>),
}

/// A message that is about to be sent, and who waits until that is noted: told whether it may be sent.
type ToNote = (Begun, oneshot::Sender<bool>);

/// A lane that is running.
struct Running {
    task: Id,
    /// Says that there is more to claim.
    more: Arc<Notify>,
}

/// What this process knows of an account from one lane to the next.
struct Known {
    pace: Arc<Pace>,
    /// Faults of the platform since it last took something.
    faults: u32,
}

/// Hands over what there is, and whatever comes, until the server stops.
pub async fn run(app: App, shutdown: Shutdown) {
    if let Err(error) = work(app, shutdown).await {
        tracing::error!("delivery broke off: {error:#}");
    }
}

async fn work(app: App, shutdown: Shutdown) -> anyhow::Result<()> {
    let worker = Arc::new(Worker {
        app,
        shutdown: shutdown.clone(),
    });
    let (outcomes, received) = mpsc::channel(1_024);
    let mut recording = JoinSet::new();
    let writing = worker.app.store.writing();
    recording.spawn_on(record(worker.clone(), received), writing);
    let (notes, to_note) = mpsc::channel(1_024);
    recording.spawn_on(note(worker.clone(), to_note), writing);
    let worked = tokio::select! {
        worked = run_lanes(&worker, Books { outcomes, notes }) => worked,
        // Neither ends by itself.
        () = worker.app.announcer.run() => Ok(()),
        _ = recording.join_next() => Err(anyhow::anyhow!("outcomes are no longer recorded")),
    };
    // No lane is left to send an outcome; those that were sent are still written.
    if timeout(GRACE, recording.join_all()).await.is_err() {
        tracing::error!("the last outcomes were not recorded");
    }
    worker.app.announcer.flush().await;
    worked
}

async fn run_lanes(worker: &Arc<Worker>, books: Books) -> anyhow::Result<()> {
    let mut lanes = Lanes {
        worker: worker.clone(),
        books,
        known: HashMap::new(),
        running: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let app = &worker.app;
    let mut watch = Watch(app.now());
    let mut given_up_at = None;
    let mut broken = None;
    while !worker.shutdown.is_requested() {
        app.health.beat("delivery");
        let longest = app.config.role.longest_rest();
        let pause = match look(&mut lanes, &mut watch, &mut given_up_at).await {
            Ok(due) => {
                broken = None;
                due.map_or(longest, |due| {
                    let wait = due.since(app.now()).max(0).unsigned_abs();
                    Duration::from_millis(wait).min(longest)
                })
            }
            Err(error) => {
                // Whatever is wrong with the database, what is under way goes on.
                tracing::error!("what is due is not known: {error:#}");
                broken.get_or_insert_with(|| app.health.break_down());
                BREATH
            }
        };
        tokio::select! {
            () = app.wake.deliveries.notified() => {}
            () = sleep(pause) => {}
            () = worker.shutdown.requested() => {}
            Some(ended) = lanes.tasks.join_next() => lanes.take(ended),
        }
    }
    let ending = async {
        while let Some(ended) = lanes.tasks.join_next().await {
            lanes.take(ended);
        }
    };
    // Each lane keeps to the grace itself; this is for one that hangs all the same.
    drop(timeout(GRACE * 2, ending).await);
    Ok(())
}

/// Begins what is due, ends what has waited too long, and sees to it that every account with work has a lane;
/// tells when something is due that is not due now.
async fn look(
    lanes: &mut Lanes,
    watch: &mut Watch,
    given_up_at: &mut Option<Timestamp>,
) -> anyhow::Result<Option<Timestamp>> {
    let worker = lanes.worker.clone();
    let app = &worker.app;
    let now = app.now();
    if watch.is_set_back(now) {
        tracing::warn!("the clock was set back");
        let hold = app.config.hold;
        app.store
            .forget_the_future(now, longest_wait(), hold)
            .await?;
        for known in lanes.known.values() {
            known.pace.forget().await;
        }
    }
    // Only now: what could not be forgotten is to be.
    watch.0 = now;
    let mut changes = app.store.start_due(now).await?;
    if given_up_at.is_none_or(|at| now.since(at).abs() > GIVEN_UP_EVERY) {
        *given_up_at = Some(now);
        changes.merge(app.store.give_up_waiting(now).await?);
    }
    worker.settle_up(changes).await?;
    for account in app.store.accounts_with_work(now).await? {
        lanes.open(account).await?;
    }
    worker.settle_up(Changes::default()).await?;
    let deliveries = app.store.next_delivery_at(now).await?;
    let starts = app.store.next_start_at().await?;
    Ok(deliveries.into_iter().chain(starts).min())
}

/// What is being handed over, a lane for each account.
struct Lanes {
    worker: Arc<Worker>,
    books: Books,
    known: HashMap<AccountId, Known>,
    running: HashMap<AccountId, Running>,
    tasks: JoinSet<Ended>,
}

impl Lanes {
    /// Opens a lane for an account, or tells the one it has that there is more.
    async fn open(&mut self, with_work: AccountWithWork) -> anyhow::Result<()> {
        let AccountWithWork { id, is_paused } = with_work;
        let worker = &self.worker;
        let app = &worker.app;
        if let Some(lane) = self.running.get(&id) {
            lane.more.notify_one();
            return Ok(());
        }
        let Some(sealed) = app.store.find_account(id).await? else {
            return Ok(());
        };
        let account = match app.open_account(sealed) {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(account = %id, "the credentials can't be read: {error:#}");
                worker
                    .pause_account(id, Reason::AccountNotConnected, "credentials")
                    .await?;
                return Ok(());
            }
        };
        let known = self.known.entry(id).or_insert_with(|| Known {
            pace: Arc::new(pace_of(app, &account)),
            faults: 0,
        });
        if !is_paused && known.faults >= FAULTS {
            // Another process has seen that it is mended.
            known.faults = 0;
        }
        let more = Arc::new(Notify::new());
        let lane = Lane::new(
            worker.clone(),
            account,
            known.pace.clone(),
            self.books.clone(),
            more.clone(),
            is_paused,
            known.faults,
        );
        let task = self.tasks.spawn(lane.run()).id();
        self.running.insert(id, Running { task, more });
        Ok(())
    }

    /// A lane has ended.
    fn take(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended {
                account,
                faults,
                result,
            }) => {
                self.running.remove(&account);
                if let Some(known) = self.known.get_mut(&account) {
                    known.faults = faults;
                }
                if let Err(error) = result {
                    // The others go on; this one begins anew.
                    tracing::error!(%account, "its lane broke off: {error:#}");
                }
            }
            Err(error) => {
                self.running.retain(|_, lane| lane.task != error.id());
                tracing::error!("a lane broke off: {error}");
            }
        }
    }
}

fn pace_of(app: &App, account: &Account) -> Pace {
    Pace::new(
        account.id,
        app.store.clone(),
        app.clock.clone(),
        app.config.pace.of(account.channel),
    )
}

/// How many turns of the account's pace a message takes.
fn weight_of(app: &App, account: &Account, message: &Outbound) -> u32 {
    let is_video = matches!(message, Outbound::Video { .. });
    app.config.pace.weight(account.channel, is_video)
}

/// Notices when the clock was set back: what was put off until a time is then put off for longer than was meant.
struct Watch(Timestamp);

impl Watch {
    /// Clocks that are kept right move by less than this, in milliseconds.
    const TOLERATED: i64 = 5_000;

    fn is_set_back(&self, now: Timestamp) -> bool {
        now.since(self.0) < -Self::TOLERATED
    }
}

/// Notes messages that are about to be sent: whatever came while the last were written goes together.
async fn note(worker: Arc<Worker>, mut received: mpsc::Receiver<ToNote>) {
    let store = &worker.app.store;
    let mut together = Vec::new();
    while received.recv_many(&mut together, NOTES_AT_ONCE).await > 0 {
        let (begun, waiting): (Vec<_>, Vec<_>) = together.drain(..).unzip();
        match store.begin_deliveries(&begun, worker.app.now()).await {
            Ok(noted) => {
                for (waiting, is_noted) in waiting.into_iter().zip(noted) {
                    // Whoever waited may have gone.
                    let _ = waiting.send(is_noted);
                }
            }
            // Nobody is answered, so nothing is sent.
            Err(error) => tracing::error!("deliveries could not be begun: {error}"),
        }
    }
}

/// Writes outcomes, many at once: one transaction each would be most of the work.
async fn record(worker: Arc<Worker>, mut received: mpsc::Receiver<ToRecord>) {
    let mut is_open = true;
    while is_open {
        let mut outcomes = Vec::new();
        let mut barrier = None;
        let mut until = Instant::now() + Duration::from_secs(3_600);
        while outcomes.len() < OUTCOMES_AT_ONCE && barrier.is_none() {
            match timeout_at(until, received.recv()).await {
                Ok(Some(ToRecord::Outcome(outcome))) => {
                    if outcomes.is_empty() {
                        until = Instant::now() + OUTCOMES_WITHIN;
                    }
                    outcomes.push(outcome);
                }
                Ok(Some(ToRecord::Barrier(waiting))) => barrier = Some(waiting),
                Ok(None) => {
                    is_open = false;
                    break;
                }
                Err(_) => break,
            }
        }
        if !outcomes.is_empty() {
            record_together(&worker, &outcomes).await;
        }
        if let Some(barrier) = barrier {
            // Whoever waited may have gone.
            let _ = barrier.send(());
        }
    }
}

async fn record_together(worker: &Worker, outcomes: &[Outcome]) {
    let mut broken = None;
    let changes = loop {
        match worker
            .app
            .store
            .record_outcomes(outcomes, worker.app.now())
            .await
        {
            Ok(changes) => break changes,
            Err(error) => {
                // What was sent must not be forgotten: there is nothing better to do than to try until it is written.
                tracing::error!("outcomes could not be recorded: {error}");
                broken.get_or_insert_with(|| worker.app.health.break_down());
                sleep(Duration::from_secs(1)).await;
            }
        }
    };
    drop(broken);
    if outcomes
        .iter()
        .any(|outcome| matches!(outcome.then, Then::PutBack { .. }))
    {
        // They may be due before anything that was known when the lanes were last looked at.
        worker.app.wake.deliveries.notify_one();
    }
    if let Err(error) = worker.settle_up(changes).await {
        tracing::error!("completed broadcasts were not noted: {error}");
    }
}
