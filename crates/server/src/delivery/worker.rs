//! One account's lane: claims recipients in small batches and hands them over side by side,
//! each recipient's messages in their order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use omocast_contract::{BroadcastId, Channel, DeliveryStatus, OutgoingMessage, Reason, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use uuid::Uuid;

use super::pace::Pace;
use super::{GRACE, ToRecord, Worker};
use crate::channels::{Account, Outbound, SendOutcome};
use crate::media::Variant;
use crate::store::deliveries::{ClaimedRecipient, LEASE, Outcome, RecipientKey, Then, Told};
use crate::store::inbound::About;

/// After this many attempts that came to nothing, a recipient is given up.
const ATTEMPTS: u32 = 8;
/// No wait between two attempts is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How many recipients of one account are handed over at a time.
fn side_by_side(channel: Channel) -> usize {
    match channel {
        // A thousand pushes a second at a tenth of a second each.
        Channel::Line => 100,
        Channel::Whatsapp | Channel::Facebook | Channel::Instagram | Channel::Web => 32,
    }
}

/// An account that the platform takes nothing more from.
#[derive(Clone, Debug)]
struct Stopped {
    reason: Reason,
    code: String,
}

pub(super) struct Lane {
    sender: Arc<Sender>,
    more: Arc<Notify>,
    /// The messages of the broadcasts in hand.
    messages: HashMap<BroadcastId, Arc<[Outbound]>>,
}

impl Lane {
    pub(super) fn new(
        worker: Arc<Worker>,
        account: Account,
        pace: Arc<Pace>,
        outcomes: mpsc::Sender<ToRecord>,
        more: Arc<Notify>,
    ) -> Self {
        let sender = Arc::new(Sender {
            worker,
            account,
            pace,
            outcomes,
        });
        Self {
            sender,
            more,
            messages: HashMap::new(),
        }
    }

    /// Runs until nothing is left to claim, the account is stopped, or the server stops.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let sender = self.sender.clone();
        let Sender {
            worker, account, ..
        } = &*sender;
        let at_once = side_by_side(account.channel);
        let mut waiting: VecDeque<ClaimedRecipient> = VecDeque::new();
        let mut sending: JoinSet<Option<Stopped>> = JoinSet::new();
        let mut leased: HashMap<Id, RecipientKey> = HashMap::new();
        let mut stopped: Option<Stopped> = None;
        let mut is_empty = false;
        let renew_every = Duration::from_millis(LEASE.unsigned_abs()) / 3;
        let mut renew = interval_at(Instant::now() + renew_every, renew_every);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if worker.shutdown.is_requested() || stopped.is_some() {
                break;
            }
            if waiting.is_empty() && !is_empty {
                let claim = worker
                    .app
                    .store
                    .claim_recipients(account.id, worker.owner, worker.app.now(), at_once)
                    .await?;
                is_empty = claim.is_empty;
                waiting.extend(claim.recipients);
                worker.settle_up(claim.changes).await?;
            }
            while sending.len() < at_once
                && let Some(recipient) = waiting.pop_front()
            {
                let key = recipient.key;
                let messages = self.find_messages(key.broadcast).await?;
                let sender = sender.clone();
                let task =
                    sending.spawn(async move { sender.hand_over(recipient, &messages).await });
                leased.insert(task.id(), key);
            }
            if waiting.is_empty() && sending.len() < at_once && !is_empty {
                continue;
            }
            if sending.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(sent) = sending.join_next_with_id() => {
                    let (id, outcome) = sent?;
                    leased.remove(&id);
                    stopped = outcome;
                }
                () = self.more.notified() => is_empty = false,
                () = worker.shutdown.requested() => {}
                _ = renew.tick() => {
                    let keys: Vec<_> =
                        leased.values().copied().chain(waiting.iter().map(|each| each.key)).collect();
                    worker.app.store.renew_leases(&keys, worker.owner, worker.app.now()).await?;
                }
            }
        }
        self.wind_up(waiting, sending, stopped).await
    }

    /// Lets go of what was not begun, and waits for what was.
    async fn wind_up(
        &self,
        waiting: VecDeque<ClaimedRecipient>,
        mut sending: JoinSet<Option<Stopped>>,
        mut stopped: Option<Stopped>,
    ) -> anyhow::Result<()> {
        let Sender {
            worker, account, ..
        } = &*self.sender;
        let store = &worker.app.store;
        store
            .release_recipients(waiting, worker.owner, worker.app.now())
            .await?;
        let ending = async {
            while let Some(sent) = sending.join_next().await {
                stopped = sent?.or(stopped.take());
            }
            anyhow::Ok(())
        };
        if timeout(GRACE, ending).await.is_err() {
            // Their leases end, and whoever takes them over does what is right for their channel.
            tracing::warn!(account = %account.id, "requests without an answer were left behind");
        }
        if let Some(Stopped { reason, code }) = stopped {
            self.sender.all_recorded().await;
            worker.stop_account(account.id, reason, &code).await?;
        }
        Ok(())
    }

    async fn find_messages(&mut self, broadcast: BroadcastId) -> anyhow::Result<Arc<[Outbound]>> {
        if let Some(messages) = self.messages.get(&broadcast) {
            return Ok(messages.clone());
        }
        let app = &self.sender.worker.app;
        let (messages, accepted_at) = app
            .store
            .broadcast_messages(broadcast)
            .await?
            .unwrap_or_default();
        let outbound = |message| outbound(app, message, accepted_at);
        let messages: Arc<[Outbound]> = messages.into_iter().map(outbound).collect();
        if self.messages.len() >= 16 {
            self.messages.clear();
        }
        self.messages.insert(broadcast, messages.clone());
        Ok(messages)
    }
}

/// A repeated push must be the same to the byte, so addresses are counted from when the broadcast was accepted.
fn outbound(app: &crate::app::App, message: OutgoingMessage, accepted_at: Timestamp) -> Outbound {
    match message {
        OutgoingMessage::Text { text } => Outbound::Text(text),
        OutgoingMessage::Image { media } => Outbound::Image {
            original_url: app.media.public_url(media, Variant::Original, accepted_at),
            preview_url: app.media.public_url(media, Variant::Preview, accepted_at),
        },
    }
}

/// What one request needs.
struct Sender {
    worker: Arc<Worker>,
    account: Account,
    pace: Arc<Pace>,
    outcomes: mpsc::Sender<ToRecord>,
}

impl Sender {
    async fn hand_over(
        &self,
        recipient: ClaimedRecipient,
        messages: &[Outbound],
    ) -> Option<Stopped> {
        if recipient
            .positions
            .iter()
            .any(|&position| message_at(messages, position).is_none())
        {
            // Can't be while broadcasts are made as they are; were it so, trying again would never end.
            let told = recipient.positions.iter().map(|&position| Told {
                position,
                status: DeliveryStatus::Failed,
                reason: Some(Reason::Other),
                code: Some("no_message".into()),
                external_id: None,
            });
            self.tell(recipient.key, told.collect(), Then::Done).await;
            return None;
        }
        match self.account.channel {
            Channel::Line => self.hand_over_together(recipient, messages).await,
            Channel::Whatsapp | Channel::Facebook | Channel::Instagram | Channel::Web => {
                self.hand_over_one_by_one(recipient, messages).await
            }
        }
    }

    /// All messages in one request, which may be repeated.
    async fn hand_over_together(
        &self,
        recipient: ClaimedRecipient,
        messages: &[Outbound],
    ) -> Option<Stopped> {
        let key = recipient.key;
        let chosen: Vec<_> = recipient
            .positions
            .iter()
            .filter_map(|&at| message_at(messages, at))
            .collect();
        let chosen: Vec<Outbound> = chosen.into_iter().cloned().collect();
        let retry_key = Uuid::new_v5(&key.broadcast.0, key.customer.0.as_bytes());
        self.pace.turn().await;
        let connectors = &self.worker.app.connectors;
        let outcomes = connectors
            .send(&self.account, &recipient.to, &chosen, retry_key, "")
            .await;
        let mut told = Vec::new();
        for (&position, outcome) in recipient.positions.iter().zip(outcomes) {
            match self.judge(&recipient, outcome) {
                Judged::Told(mut what) => {
                    what.position = position;
                    told.push(what);
                }
                // One request: what holds for one of its messages holds for all.
                Judged::PutBack(then) => {
                    self.tell(key, Vec::new(), then).await;
                    return None;
                }
                Judged::Stopped(stopped, then) => {
                    self.tell(key, Vec::new(), then).await;
                    return Some(stopped);
                }
            }
        }
        self.tell(key, told, Then::Done).await;
        None
    }

    /// A request for each message, none of which may be repeated when it got no answer.
    async fn hand_over_one_by_one(
        &self,
        recipient: ClaimedRecipient,
        messages: &[Outbound],
    ) -> Option<Stopped> {
        let key = recipient.key;
        let store = &self.worker.app.store;
        for (at, &position) in recipient.positions.iter().enumerate() {
            let later = &recipient.positions[at + 1..];
            let message = message_at(messages, position)?;
            self.pace.turn().await;
            let begun = store
                .begin_delivery(key, position, self.worker.owner, self.worker.app.now())
                .await;
            let wait = match begun {
                Ok(true) => None,
                // Somebody else has it, or a webhook settled it: whoever claims them next sees what is left.
                Ok(false) => Some(0),
                Err(error) => {
                    tracing::error!("a delivery could not be begun: {error}");
                    Some(5_000)
                }
            };
            if let Some(wait) = wait {
                // Not noted, so not sent.
                let then = Then::PutBack {
                    not_before: self.worker.app.now().plus(wait),
                    attempts: recipient.attempts,
                    reason: None,
                    code: None,
                    may_have_arrived: recipient.may_have_arrived,
                };
                self.tell(key, Vec::new(), then).await;
                return None;
            }
            let opaque = About::Delivery { key, position }.to_opaque();
            let connectors = &self.worker.app.connectors;
            let message = std::slice::from_ref(message);
            let request_key = Uuid::new_v5(&key.broadcast.0, opaque.as_bytes());
            let outcome = connectors
                .send(&self.account, &recipient.to, message, request_key, &opaque)
                .await;
            let nothing = || SendOutcome::Unknown {
                code: "no_outcome".to_owned(),
            };
            let outcome = outcome.into_iter().next().unwrap_or_else(nothing);
            match self.judge(&recipient, outcome) {
                Judged::Told(mut told) => {
                    told.position = position;
                    let has_failed = told.status == DeliveryStatus::Failed;
                    let mut all = vec![told];
                    if has_failed {
                        all.extend(later.iter().map(|&position| Told {
                            position,
                            status: DeliveryStatus::Skipped,
                            reason: Some(Reason::EarlierMessageFailed),
                            code: None,
                            external_id: None,
                        }));
                    }
                    let is_over = has_failed || later.is_empty();
                    self.tell(key, all, if is_over { Then::Done } else { Then::Nothing })
                        .await;
                    if is_over {
                        return None;
                    }
                }
                Judged::PutBack(then) => {
                    self.tell(key, Vec::new(), then).await;
                    return None;
                }
                Judged::Stopped(stopped, then) => {
                    self.tell(key, Vec::new(), then).await;
                    return Some(stopped);
                }
            }
        }
        None
    }

    fn judge(&self, recipient: &ClaimedRecipient, outcome: SendOutcome) -> Judged {
        let told = |status, reason, code, external_id: Option<String>| {
            Judged::Told(Told {
                position: 0,
                status,
                reason,
                code,
                external_id,
            })
        };
        let now = self.worker.app.now();
        match outcome {
            SendOutcome::Accepted { external_id } => {
                let id = Some(external_id).filter(|id| !id.is_empty());
                told(DeliveryStatus::Sent, None, None, id)
            }
            SendOutcome::Refused { reason, code } => {
                told(DeliveryStatus::Failed, Some(reason), Some(code), None)
            }
            SendOutcome::Unknown { code } => told(
                DeliveryStatus::Unknown,
                Some(Reason::NoAnswer),
                Some(code),
                None,
            ),
            SendOutcome::Retry {
                after,
                reason,
                code,
                slows_account,
                may_have_arrived,
            } => {
                if slows_account {
                    self.pace.pause(after);
                }
                let may_have_arrived = may_have_arrived || recipient.may_have_arrived;
                let attempts = recipient.attempts + 1;
                if attempts >= ATTEMPTS {
                    return if may_have_arrived {
                        told(
                            DeliveryStatus::Unknown,
                            Some(Reason::NoAnswer),
                            Some(code),
                            None,
                        )
                    } else {
                        told(DeliveryStatus::Failed, Some(reason), Some(code), None)
                    };
                }
                let wait = (after * 2_u32.pow(attempts - 1)).min(LONGEST_WAIT);
                let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                Judged::PutBack(Then::PutBack {
                    not_before: now.plus(wait),
                    attempts,
                    reason: Some(reason),
                    code: Some(code),
                    may_have_arrived,
                })
            }
            SendOutcome::AccountStopped { reason, code } => Judged::Stopped(
                Stopped {
                    reason,
                    code: code.clone(),
                },
                // They are failed together with all others of the account; should that not happen, they are tried again.
                Then::PutBack {
                    not_before: now.plus(LEASE),
                    attempts: recipient.attempts,
                    reason: Some(reason),
                    code: Some(code),
                    may_have_arrived: recipient.may_have_arrived,
                },
            ),
        }
    }

    async fn tell(&self, key: RecipientKey, told: Vec<Told>, then: Then) {
        // Nobody receives only when the worker has been torn down, and then the lease ends.
        let outcome = Outcome {
            key,
            told,
            then,
            by: Some(self.worker.owner),
        };
        drop(self.outcomes.send(ToRecord::Outcome(outcome)).await);
    }

    /// Waits until every outcome told so far is recorded.
    async fn all_recorded(&self) {
        let (recorded, wait) = oneshot::channel();
        if self
            .outcomes
            .send(ToRecord::Barrier(recorded))
            .await
            .is_ok()
        {
            // An error means that the worker has been torn down.
            drop(wait.await);
        }
    }
}

/// What an outcome means for the recipient.
enum Judged {
    Told(Told),
    PutBack(Then),
    Stopped(Stopped, Then),
}

fn message_at(messages: &[Outbound], position: u32) -> Option<&Outbound> {
    messages.get(usize::try_from(position).ok()?)
}
