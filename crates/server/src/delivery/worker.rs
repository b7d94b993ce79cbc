//! One account's lane: claims recipients in small batches and hands them over side by side,
//! each recipient's messages in their order.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use omocast_contract::variable::fill_name;
use omocast_contract::{
    AccountId, BroadcastId, Channel, DeliveryStatus, Reason, SentTemplate, TemplateStatus,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use uuid::Uuid;

use super::pace::{Pace, Turn};
use super::{Books, GRACE, ToRecord, Worker, weight_of};
use crate::channels::{Account, Outbound, SendOutcome, Upload};
use crate::outbound::{outbound, outbound_template, upload_of};
use crate::store::deliveries::{
    Begun, Claim, ClaimedRecipient, LEASE, Outcome, RecipientKey, Then, Told,
};
use crate::store::inbound::About;
use crate::store::{HELD, StoreError};

/// After so many faults of a platform in a row an account is left alone for a while, before everybody's attempts are
/// used up, and before more messages are of unknown outcome than need be.
pub(super) const FAULTS: u32 = 10;
/// How soon WhatsApp tells that nothing arrives of what it accepted, as from an account that can't pay.
const WORD_WITHIN: Duration = Duration::from_secs(5);
/// After this many attempts that came to nothing, a recipient is given up.
const ATTEMPTS: u32 = 8;
/// How long whoever could not read or write waits.
pub(super) const BREATH: Duration = Duration::from_secs(1);
/// No wait between two attempts is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The least and the most recipients of one account that are handed over at a time.
const LEAST: usize = 8;
const MOST: usize = 256;
/// Recipients that are claimed at a time where the pace does not say: so many that nobody waits for the next claim.
const MOST_CLAIMED: usize = 512;

/// No wait between two attempts is longer, in milliseconds.
pub(super) fn longest_wait() -> i64 {
    i64::try_from(LONGEST_WAIT.as_millis()).unwrap_or(i64::MAX)
}

/// An account that the platform takes nothing more from.
#[derive(Clone, Debug)]
struct Stopped {
    reason: Reason,
    code: String,
}

/// Why a lane hands nothing more over.
enum Why {
    /// There is nothing to do, or not now.
    Idle,
    Stopped(Stopped),
}

/// A lane that has ended.
pub(super) struct Ended {
    pub(super) account: AccountId,
    /// Faults of the platform since it last took something.
    pub(super) faults: u32,
    pub(super) result: anyhow::Result<()>,
}

/// What a lane has in hand.
#[derive(Default)]
struct Hands {
    claiming: Option<JoinHandle<Result<Claim, StoreError>>>,
    waiting: VecDeque<ClaimedRecipient>,
    sending: JoinSet<AccountState>,
    leased: HashMap<Id, RecipientKey>,
}

impl Hands {
    fn is_empty(&self) -> bool {
        self.claiming.is_none() && self.waiting.is_empty() && self.sending.is_empty()
    }
}

/// What handing over to one recipient tells of the account.
#[derive(Clone, Debug)]
enum AccountState {
    /// The platform judged a message, so it takes messages.
    Takes,
    /// It is too quick: it goes on more slowly.
    Throttled,
    /// It was not asked.
    Silent,
    /// It had a fault, or did not answer.
    Faulty(Stopped),
    /// It takes messages again, but not soon.
    Held,
    /// It takes nothing.
    Stopped(Stopped),
}

pub(super) struct Lane {
    sender: Arc<Sender>,
    more: Arc<Notify>,
    /// Whether the account has stopped, and one recipient is to show whether it is mended.
    is_trial: bool,
    /// Faults of the platform since it last took something: a broadcast to a few may have no more of them in one lane
    /// than there are customers.
    faults: u32,
    /// What the broadcasts in hand say.
    messages: HashMap<BroadcastId, Arc<Content>>,
}

/// What a broadcast says, before names are filled in.
struct Content {
    messages: Vec<Outbound>,
    /// In place of messages: a template with the uploads of its headers.
    template: Option<(SentTemplate, Vec<Upload>)>,
    name_fallback: String,
}

impl Content {
    /// The messages as one recipient gets them.
    fn for_recipient(&self, recipient: &ClaimedRecipient) -> Cow<'_, [Outbound]> {
        if let Some((sent, uploads)) = &self.template {
            let name = recipient.name.as_deref().unwrap_or_default();
            return vec![outbound_template(sent, uploads, name, &self.name_fallback)].into();
        }
        let Some(name) = &recipient.name else {
            return Cow::Borrowed(&self.messages);
        };
        let fill = |words: &str| fill_name(words, name, &self.name_fallback);
        let messages = self.messages.iter().cloned();
        messages.map(|message| message.filled(fill)).collect()
    }
}

impl Lane {
    pub(super) fn new(
        worker: Arc<Worker>,
        account: Account,
        pace: Arc<Pace>,
        books: Books,
        more: Arc<Notify>,
        is_trial: bool,
        faults: u32,
    ) -> Self {
        let sender = Arc::new(Sender {
            worker,
            owner: Uuid::now_v7(),
            account,
            pace,
            books,
        });
        Self {
            sender,
            more,
            is_trial,
            faults,
            messages: HashMap::new(),
        }
    }

    /// Runs until nothing is left to claim, the account is stopped, or the server stops.
    pub(super) async fn run(mut self) -> Ended {
        let mut hands = Hands::default();
        let why = self.work(&mut hands).await;
        let wound_up = self.wind_up(hands, why.as_ref().ok()).await;
        if why.is_err() {
            // Whatever was wrong with the database, it is given time.
            let shutdown = &self.sender.worker.shutdown;
            drop(timeout(BREATH, shutdown.requested()).await);
        }
        Ended {
            account: self.sender.account.id,
            faults: self.faults,
            result: why.and(wound_up),
        }
    }

    /// Hands over until there is a reason not to; `hands` then holds what is still in hand.
    async fn work(&mut self, hands: &mut Hands) -> anyhow::Result<Why> {
        let sender = self.sender.clone();
        let Sender {
            worker, account, ..
        } = &*sender;
        // Few at first: an account whose token is wrong is not asked hundreds of times.
        let mut at_once = if self.is_trial { 1 } else { LEAST };
        let mut is_empty = false;
        let mut has_more = false;
        let renew_every = Duration::from_millis(LEASE.unsigned_abs()) / 3;
        let mut renew = interval_at(Instant::now() + renew_every, renew_every);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !worker.shutdown.is_requested() {
            // While what was claimed goes out, so that nobody waits for the next; on trial one by one.
            let may_claim = !self.is_trial || hands.sending.is_empty();
            let is_low = may_claim && hands.waiting.len() <= at_once;
            if hands.claiming.is_none() && !is_empty && is_low {
                let sender = sender.clone();
                let limit = match at_once {
                    MOST => MOST_CLAIMED,
                    fewer => fewer,
                };
                let is_trial = self.is_trial;
                let claim = async move { sender.claim(limit, is_trial).await };
                hands.claiming = Some(worker.app.store.writing().spawn(claim));
            }
            while hands.sending.len() < at_once
                && let Some(recipient) = hands.waiting.front()
            {
                let key = recipient.key;
                let content = self.find_content(key.broadcast).await?;
                let Some(recipient) = hands.waiting.pop_front() else {
                    break;
                };
                let sender = sender.clone();
                let task = hands.sending.spawn(async move {
                    let messages = content.for_recipient(&recipient);
                    sender.hand_over(recipient, &messages).await
                });
                hands.leased.insert(task.id(), key);
            }
            if hands.is_empty() {
                break;
            }
            tokio::select! {
                claimed = claimed(&mut hands.claiming), if hands.claiming.is_some() => {
                    hands.claiming = None;
                    let claim = claimed?;
                    if claim.is_resting {
                        return Ok(Why::Idle);
                    }
                    // What came after it was asked may not be in it.
                    is_empty = claim.is_empty && !std::mem::take(&mut has_more);
                    hands.waiting.extend(claim.recipients);
                    worker.settle_up(claim.changes).await?;
                }
                Some(sent) = hands.sending.join_next_with_id() => {
                    let (id, state) = sent?;
                    hands.leased.remove(&id);
                    match state {
                        AccountState::Takes => {
                            if std::mem::take(&mut self.is_trial) {
                                sender.wait_for_word().await;
                                if !worker.resume_account(account.id).await? {
                                    return Ok(Why::Idle);
                                }
                            }
                            at_once = sender.side_by_side();
                            self.faults = 0;
                        }
                        AccountState::Throttled => at_once = at_once.min(LEAST),
                        AccountState::Silent => {}
                        AccountState::Faulty(why) => {
                            self.faults += 1;
                            if self.is_trial || self.faults >= FAULTS {
                                return Ok(Why::Stopped(why));
                            }
                        }
                        AccountState::Held => return Ok(Why::Idle),
                        AccountState::Stopped(why) => return Ok(Why::Stopped(why)),
                    }
                }
                () = self.more.notified() => {
                    is_empty = false;
                    has_more = hands.claiming.is_some();
                }
                () = worker.shutdown.requested() => {}
                _ = renew.tick() => {
                    let waiting = hands.waiting.iter().map(|each| each.key);
                    let keys: Vec<_> = hands.leased.values().copied().chain(waiting).collect();
                    worker.app.store.renew_leases(&keys, sender.owner, worker.app.now()).await?;
                }
            }
        }
        Ok(Why::Idle)
    }

    /// Lets go of what was not begun, and waits for what was.
    async fn wind_up(&self, mut hands: Hands, why: Option<&Why>) -> anyhow::Result<()> {
        let Sender {
            worker, account, ..
        } = &*self.sender;
        let mut stopped = match why {
            Some(Why::Stopped(why)) => Some(why.clone()),
            Some(Why::Idle) | None => None,
        };
        // Whatever goes wrong here, what is under way is waited for.
        if let Ok(claim) = claimed(&mut hands.claiming).await {
            hands.waiting.extend(claim.recipients);
            worker.app.announcer.announce(claim.changes);
        }
        let released = worker
            .app
            .store
            .release_recipients(hands.waiting, self.sender.owner, worker.app.now())
            .await;
        if let Err(error) = released {
            // Their leases end.
            tracing::error!(account = %account.id, "recipients were not given back: {error}");
        }
        let ending = async {
            while let Some(sent) = hands.sending.join_next().await {
                if let AccountState::Stopped(why) = sent? {
                    stopped = Some(why);
                }
            }
            anyhow::Ok(())
        };
        // Turns and answers come within a time, so the end does as well; only a server that stops can't wait for it.
        let grace = async {
            worker.shutdown.requested().await;
            sleep(GRACE).await;
        };
        tokio::select! {
            ended = ending => ended?,
            // Their leases end, and whoever takes them over does what is right for their channel.
            () = grace => tracing::warn!(account = %account.id, "requests without an answer were left behind"),
        }
        // Or else the next lane could take what is told and not recorded for a dead one's.
        self.sender.all_recorded().await;
        if let Some(Stopped { reason, code }) = stopped {
            worker.pause_account(account.id, reason, &code).await?;
        }
        Ok(())
    }

    async fn find_content(&mut self, broadcast: BroadcastId) -> anyhow::Result<Arc<Content>> {
        if let Some(content) = self.messages.get(&broadcast) {
            return Ok(content.clone());
        }
        let app = &self.sender.worker.app;
        let found = app.store.broadcast_content(broadcast).await?;
        // A repeated push must be the same to the byte, so addresses are counted from when the broadcast began.
        let content = found.and_then(|found| {
            let (media, at) = (&found.media, found.begun_at);
            Some(Content {
                messages: outbound(&app.media, &found.messages, media, at)?,
                template: found.template.map(|sent| {
                    let uploads = media.iter().map(|media| upload_of(&app.media, media, at));
                    (sent, uploads.collect())
                }),
                name_fallback: found.name_fallback,
            })
        });
        let content = Arc::new(content.unwrap_or(Content {
            messages: Vec::new(),
            template: None,
            name_fallback: String::new(),
        }));
        if self.messages.len() >= 16 {
            self.messages.clear();
        }
        self.messages.insert(broadcast, content.clone());
        Ok(content)
    }
}

/// What one request needs.
struct Sender {
    worker: Arc<Worker>,
    /// Names this lane in its leases. Not the worker: what a lane leaves behind another must be able to take over.
    owner: Uuid,
    account: Account,
    pace: Arc<Pace>,
    books: Books,
}

impl Sender {
    /// How many recipients are handed over at a time: as many as the pace takes in half a second.
    fn side_by_side(&self) -> usize {
        let pace = self.worker.app.config.pace.of(self.account.channel);
        usize::try_from(pace / 2).unwrap_or(MOST).clamp(LEAST, MOST)
    }

    async fn claim(&self, limit: usize, is_trial: bool) -> Result<Claim, StoreError> {
        let app = &self.worker.app;
        let (account, owner, now) = (self.account.id, self.owner, app.now());
        if is_trial {
            return app.store.claim_for_trial(account, owner, now, limit).await;
        }
        app.store.claim_recipients(account, owner, now, limit).await
    }

    async fn hand_over(&self, recipient: ClaimedRecipient, messages: &[Outbound]) -> AccountState {
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
            return AccountState::Silent;
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
    ) -> AccountState {
        let key = recipient.key;
        let chosen: Vec<_> = recipient
            .positions
            .iter()
            .filter_map(|&at| message_at(messages, at))
            .collect();
        let chosen: Vec<Outbound> = chosen.into_iter().cloned().collect();
        let retry_key = Uuid::new_v5(&key.broadcast.0, recipient.customer.0.as_bytes());
        if let Some(held) = self.wait_for_turn(&recipient, 1).await {
            return held;
        }
        self.pace.space().await;
        let connectors = &self.worker.app.connectors;
        let outcomes = connectors
            .send(&self.account, &recipient.to, &chosen, retry_key, "")
            .await;
        let mut told = Vec::new();
        let mut state = AccountState::Silent;
        for (&position, outcome) in recipient.positions.iter().zip(outcomes) {
            let judged = self.judge(&recipient, outcome).await;
            state = judged.1;
            match judged.0 {
                Judged::Told(mut what) => {
                    what.position = position;
                    told.push(what);
                }
                // One request: what holds for one of its messages holds for all.
                Judged::PutBack(then) => {
                    self.tell(key, Vec::new(), then).await;
                    return state;
                }
            }
        }
        self.tell(key, told, Then::Done).await;
        state
    }

    /// Waits for a turn of the account; where that is far ahead, puts the recipient back instead.
    async fn wait_for_turn(
        &self,
        recipient: &ClaimedRecipient,
        weight: u32,
    ) -> Option<AccountState> {
        let after = match self.pace.turn(weight).await {
            Ok(Turn::Now) => return None,
            // The account is held: how long still is with the account.
            Ok(Turn::FarAhead) => HELD,
            Err(error) => {
                tracing::error!("no turn could be taken: {error}");
                5_000
            }
        };
        let then = Then::PutBack {
            after,
            attempts: recipient.attempts,
            reason: Some(Reason::RateLimited),
            code: None,
            may_have_arrived: recipient.may_have_arrived,
        };
        self.tell(recipient.key, Vec::new(), then).await;
        Some(AccountState::Held)
    }

    /// A request for each message, none of which may be repeated when it got no answer.
    async fn hand_over_one_by_one(
        &self,
        recipient: ClaimedRecipient,
        messages: &[Outbound],
    ) -> AccountState {
        let key = recipient.key;
        for (at, &position) in recipient.positions.iter().enumerate() {
            let later = &recipient.positions[at + 1..];
            let Some(message) = message_at(messages, position) else {
                return AccountState::Silent;
            };
            let connectors = &self.worker.app.connectors;
            // Before the message is noted: what goes wrong here was not the message, and may be tried again.
            let prepared = connectors.prepare(&self.account, message).await;
            let outcome = match prepared {
                Ok(()) => {
                    let weight = weight_of(&self.worker.app, &self.account, message);
                    if let Some(held) = self.wait_for_turn(&recipient, weight).await {
                        return held;
                    }
                    match self.send_noted(&recipient, position, message).await {
                        Some(outcome) => outcome,
                        None => return AccountState::Silent,
                    }
                }
                Err(outcome) => outcome,
            };
            if let SendOutcome::TemplateStopped { status, .. } = &outcome {
                self.stop_template(key.broadcast, *status).await;
            }
            let (judged, state) = self.judge(&recipient, outcome).await;
            match judged {
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
                        return state;
                    }
                }
                Judged::PutBack(then) => {
                    self.tell(key, Vec::new(), then).await;
                    return state;
                }
            }
        }
        AccountState::Takes
    }

    /// Notes that a message is about to be sent, and sends it. None when it was not sent: the recipient is put back.
    async fn send_noted(
        &self,
        recipient: &ClaimedRecipient,
        position: u32,
        message: &Outbound,
    ) -> Option<SendOutcome> {
        let key = recipient.key;
        let app = &self.worker.app;
        let wait = match self.note(key, position).await {
            Some(true) => None,
            // Somebody else has it, or a webhook settled it: whoever claims them next sees what is left.
            Some(false) => Some(0),
            None => Some(5_000),
        };
        if let Some(wait) = wait {
            // Not noted, so not sent.
            let then = Then::PutBack {
                after: wait,
                attempts: recipient.attempts,
                reason: None,
                code: None,
                may_have_arrived: recipient.may_have_arrived,
            };
            self.tell(key, Vec::new(), then).await;
            return None;
        }
        let opaque = About::Delivery { key, position }.to_opaque();
        let message = std::slice::from_ref(message);
        let request_key = Uuid::new_v5(&key.broadcast.0, opaque.as_bytes());
        self.pace.space().await;
        let outcomes = app
            .connectors
            .send(&self.account, &recipient.to, message, request_key, &opaque)
            .await;
        let nothing = || SendOutcome::Unknown {
            code: "no_outcome".to_owned(),
        };
        Some(outcomes.into_iter().next().unwrap_or_else(nothing))
    }

    /// What an outcome means for the recipient, and what it tells of the account.
    async fn judge(
        &self,
        recipient: &ClaimedRecipient,
        outcome: SendOutcome,
    ) -> (Judged, AccountState) {
        let told = |status, reason, code, external_id: Option<String>| {
            Judged::Told(Told {
                position: 0,
                status,
                reason,
                code,
                external_id,
            })
        };
        match outcome {
            SendOutcome::Accepted {
                external_id,
                slow_down,
            } => {
                self.pace.took();
                if let Some(pause) = slow_down {
                    self.pause(pause).await;
                }
                let id = Some(external_id).filter(|id| !id.is_empty());
                let told = told(DeliveryStatus::Sent, None, None, id);
                (told, AccountState::Takes)
            }
            SendOutcome::Refused { reason, code } => {
                let told = told(DeliveryStatus::Failed, Some(reason), Some(code), None);
                (told, AccountState::Takes)
            }
            SendOutcome::TemplateStopped { code, .. } => {
                let reason = Some(Reason::TemplateStopped);
                let told = told(DeliveryStatus::Skipped, reason, Some(code), None);
                (told, AccountState::Takes)
            }
            SendOutcome::Unknown { code } => {
                let (reason, shown) = (Reason::NoAnswer, code.clone());
                let told = told(DeliveryStatus::Unknown, Some(reason), Some(shown), None);
                let reason = Reason::PlatformFault;
                (told, AccountState::Faulty(Stopped { reason, code }))
            }
            SendOutcome::Retry {
                after,
                reason,
                code,
                slows_account,
                may_have_arrived,
            } => {
                let state = match reason {
                    Reason::RateLimited if slows_account => AccountState::Throttled,
                    // It judged the message.
                    Reason::RateLimited | Reason::MediaRefused => AccountState::Takes,
                    _ => AccountState::Faulty(Stopped {
                        reason: Reason::PlatformFault,
                        code: code.clone(),
                    }),
                };
                let may_have_arrived = may_have_arrived || recipient.may_have_arrived;
                let mut attempts = recipient.attempts;
                let mut wait = after;
                if slows_account {
                    wait = self.slow_down(after).await;
                }
                // That the account is too quick is not this customer's fault, so none of their attempts.
                if !matches!(state, AccountState::Throttled) {
                    attempts += 1;
                    wait = (after * 2_u32.pow(attempts.min(ATTEMPTS) - 1))
                        .min(LONGEST_WAIT)
                        .max(wait);
                }
                // LINE knows a repeat for a day: until then it does no harm, and is told what became of it.
                if attempts >= ATTEMPTS && self.account.channel != Channel::Line {
                    let (status, reason) = if may_have_arrived {
                        (DeliveryStatus::Unknown, Reason::NoAnswer)
                    } else {
                        (DeliveryStatus::Failed, reason)
                    };
                    return (told(status, Some(reason), Some(code), None), state);
                }
                let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                let put_back = Then::PutBack {
                    after: wait,
                    attempts,
                    reason: Some(reason),
                    code: Some(code),
                    may_have_arrived,
                };
                (Judged::PutBack(put_back), state)
            }
            SendOutcome::AccountStopped { reason, code } => {
                // They wait with all others of the account.
                let put_back = Then::PutBack {
                    after: 0,
                    attempts: recipient.attempts,
                    reason: Some(reason),
                    code: Some(code.clone()),
                    may_have_arrived: recipient.may_have_arrived,
                };
                let stopped = AccountState::Stopped(Stopped { reason, code });
                (Judged::PutBack(put_back), stopped)
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        if let Err(error) = self.pace.pause(pause).await {
            // The platform asks again.
            tracing::error!("a pause was not noted: {error}");
        }
    }

    /// Holds the account that was too quick, and tells for how long.
    async fn slow_down(&self, asked: Duration) -> Duration {
        self.pace.slow_down(asked).await.unwrap_or_else(|error| {
            // The platform asks again.
            tracing::error!("a pause was not noted: {error}");
            asked
        })
    }

    /// Gives a webhook time to say that nothing arrives of what was accepted.
    async fn wait_for_word(&self) {
        if self.account.channel == Channel::Whatsapp {
            let shutdown = &self.worker.shutdown;
            drop(timeout(WORD_WITHIN, shutdown.requested()).await);
        }
    }

    /// Whoever is claimed from now on is skipped, and nobody is offered the template, until the list says otherwise.
    async fn stop_template(&self, broadcast: BroadcastId, status: TemplateStatus) {
        let app = &self.worker.app;
        tracing::warn!(%broadcast, status = status.as_str(), "the template can't be sent any more");
        if let Err(error) = app.store.stop_template(broadcast, status, app.now()).await {
            // The platform refuses the rest as well, so nothing is lost but time.
            tracing::error!("a stopped template was not noted: {error}");
        }
        app.wake.templates.notify_one();
    }

    /// Notes that a message is about to be sent, with others of the moment; none where that could not be written.
    async fn note(&self, key: RecipientKey, position: u32) -> Option<bool> {
        let (noted, answer) = oneshot::channel();
        let begun = Begun {
            key,
            position,
            owner: self.owner,
        };
        self.books.notes.send((begun, noted)).await.ok()?;
        answer.await.ok()
    }

    async fn tell(&self, key: RecipientKey, told: Vec<Told>, then: Then) {
        // Nobody receives only when the worker has been torn down, and then the lease ends.
        let outcome = Outcome {
            key,
            told,
            then,
            by: Some(self.owner),
            account: None,
        };
        drop(self.books.outcomes.send(ToRecord::Outcome(outcome)).await);
    }

    /// Waits until every outcome told so far is recorded.
    async fn all_recorded(&self) {
        let (recorded, wait) = oneshot::channel();
        if self
            .books
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

/// What was asked of the database in the background.
async fn claimed(
    claiming: &mut Option<JoinHandle<Result<Claim, StoreError>>>,
) -> anyhow::Result<Claim> {
    match claiming {
        Some(claim) => Ok(claim.await??),
        None => Ok(Claim::default()),
    }
}

/// What an outcome means for the recipient.
enum Judged {
    Told(Told),
    PutBack(Then),
}

fn message_at(messages: &[Outbound], position: u32) -> Option<&Outbound> {
    messages.get(usize::try_from(position).ok()?)
}
