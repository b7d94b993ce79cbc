//! What became of deliveries, whoever tells: merged by the contract's rules, and shown in threads and lists.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use omocast_contract::limit::pair_counted;
use omocast_contract::{
    AccountId, BroadcastId, Channel, CustomerId, DeliveryStatus, EventId, EventStatus, MemberId,
    Reason, ShopId, TeamId, Timestamp,
};
use serde::Deserialize;
use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::{
    CHUNK, Changes, Outcome, RecipientKey, Then, Told, deliveries_of_r, json, positions, with_keys,
};
use crate::store::accounts::pause;
use crate::store::bindings::BoundTo;
use crate::store::broadcasts::said::{Said, load_said};
use crate::store::inbound::one_line;
use crate::store::opt_outs::stop_marketing;
use crate::store::read_json;
use crate::store::receipts::Reached;

/// One message to one recipient: a row of `delivery`, or one that is to be.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) position: u32,
    pub(super) status: DeliveryStatus,
    reason: Option<Reason>,
    code: Option<String>,
    external_id: Option<String>,
    /// When it was sent; none where no receipt names times.
    sent_at: Option<Timestamp>,
    is_changed: bool,
    /// Handed over just now, as far as anybody knows.
    is_new: bool,
}

impl Delivery {
    /// One of which nothing more is known.
    pub(super) fn new(position: u32, status: DeliveryStatus) -> Self {
        Self {
            position,
            status,
            reason: None,
            code: None,
            external_id: None,
            sent_at: None,
            is_changed: false,
            is_new: false,
        }
    }

    fn take(&mut self, told: &Told) {
        let before = self.status;
        self.status = before.after(told.status);
        if self.external_id.is_none() && told.external_id.is_some() {
            self.external_id.clone_from(&told.external_id);
            self.is_changed = true;
        }
        if self.status == before {
            return;
        }
        self.is_changed = true;
        self.is_new |= !before.is_settled() && is_in_thread(self.status);
        self.reason = told.reason;
        self.code.clone_from(&told.code);
    }

    /// Whether the thread shows another message, or shows it otherwise.
    fn is_thread_changed(&self) -> bool {
        self.is_changed && (is_in_thread(self.status) || self.status == DeliveryStatus::Failed)
    }

    /// Whether it failed just now.
    fn failed_now(&self) -> bool {
        self.is_changed && self.status == DeliveryStatus::Failed
    }

    /// A receipt for everything up to a time may have come before it was known when this was sent.
    fn compare(&mut self, reached: Reached) {
        let Some(sent_at) = self.sent_at else { return };
        let status = reached.advance(self.status, sent_at);
        self.is_changed |= status != self.status;
        self.status = status;
    }
}

/// Whether the thread shows a message: it was handed over, or may have been.
fn is_in_thread(status: DeliveryStatus) -> bool {
    match status {
        DeliveryStatus::Sent
        | DeliveryStatus::Delivered
        | DeliveryStatus::Read
        | DeliveryStatus::Unknown => true,
        DeliveryStatus::Queued
        | DeliveryStatus::Sending
        | DeliveryStatus::Failed
        | DeliveryStatus::Skipped => false,
    }
}

/// The statuses of which the thread shows a message, as a list in JSON. What failed at once was never there;
/// what failed after the platform had taken it was, and has the platform's id.
pub(in crate::store) fn in_thread() -> String {
    let shown = DeliveryStatus::ALL
        .into_iter()
        .filter(|&status| is_in_thread(status));
    json(&shown.collect::<Vec<_>>())
}

/// What is known of each message to a recipient of which none is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Unkept<'a> {
    pub(in crate::store) status: DeliveryStatus,
    pub(in crate::store) reason: Option<Reason>,
    pub(in crate::store) code: Option<&'a str>,
}

impl<'a> Unkept<'a> {
    /// Of messages that wait.
    pub(super) const WAITING: Self = Self {
        status: DeliveryStatus::Queued,
        reason: None,
        code: None,
    };

    /// Of the messages to a recipient who stands so.
    pub(in crate::store) fn of(
        status: DeliveryStatus,
        reason: Option<Reason>,
        code: Option<&'a str>,
    ) -> Self {
        if status.is_settled() {
            Self {
                status,
                reason,
                code,
            }
        } else {
            // The recipient's reason is why they wait.
            Self::WAITING
        }
    }
}

/// A row of `delivery` as `deliveries_of_r` writes it: position, status, reason, platform code, platform id,
/// and when it was sent in milliseconds.
pub(super) type Stored = (
    u32,
    DeliveryStatus,
    Option<Reason>,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// The deliveries to one recipient in the order of the messages. Where none is kept, each of the messages of
/// `message_bits` stands as its recipient does.
pub(super) fn in_order(
    stored: Vec<Stored>,
    message_bits: i64,
    unkept: Unkept<'_>,
) -> Vec<Delivery> {
    if stored.is_empty() {
        let deliveries = positions(message_bits).map(|position| Delivery {
            reason: unkept.reason,
            code: unkept.code.map(str::to_owned),
            ..Delivery::new(position, unkept.status)
        });
        return deliveries.collect();
    }
    let mut deliveries: Vec<_> = stored
        .into_iter()
        .map(
            |(position, status, reason, code, external_id, sent_at)| Delivery {
                reason,
                code,
                external_id,
                sent_at: sent_at.map(Timestamp),
                ..Delivery::new(position, status)
            },
        )
        .collect();
    deliveries.sort_unstable_by_key(|delivery| delivery.position);
    deliveries
}

/// Counts what these customers were sent just now towards WhatsApp's rate for one customer.
async fn count_pairs(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sent = |recipient: &Recipient| {
        let new = recipient.deliveries.iter().filter(|each| each.is_new);
        i64::try_from(new.count()).unwrap_or(i64::MAX)
    };
    let pairs: Vec<_> = recipients
        .iter()
        .filter(|recipient| recipient.channel == Channel::Whatsapp && sent(recipient) > 0)
        .map(|recipient| {
            let until = pair_counted(recipient.pair_busy_until, now, sent(recipient));
            (recipient.customer, until.0)
        })
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    query(
        "with v (c, u) as materialized (select value ->> 0, value ->> 1 from jsonb_each($1))
         update customer set pair_busy_until = v.u from v where customer.id = v.c",
    )
    .bind(json(&pairs))
    .execute(tx)
    .await
    .map(drop)
}

/// Counts what LINE took just now towards the month, of which LINE is asked only now and then.
async fn count_quota(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
) -> Result<(), sqlx::Error> {
    let mut taken: BTreeMap<AccountId, i64> = BTreeMap::new();
    for recipient in recipients {
        // However many messages one customer gets in a request, they count as one.
        if recipient.channel == Channel::Line && recipient.deliveries.iter().any(|each| each.is_new)
        {
            *taken.entry(recipient.account).or_default() += 1;
        }
    }
    for (account, customers) in taken {
        query("update account set quota_used = quota_used + $2 where id = $1")
            .bind(account.to_string())
            .bind(customers)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// A row of `recipient`, with what became of it.
struct Recipient {
    key: RecipientKey,
    customer: CustomerId,
    event: EventId,
    event_status: EventStatus,
    team: TeamId,
    /// Whose event it is, and in whose lists the customer is: who is told.
    owner: Option<MemberId>,
    bound: Option<BoundTo>,
    account: AccountId,
    channel: Channel,
    pair_busy_until: Timestamp,
    status: DeliveryStatus,
    reason: Option<Reason>,
    code: Option<String>,
    is_open: bool,
    not_before: i64,
    attempts: i64,
    lease_owner: Option<Uuid>,
    first_attempt_at: Option<i64>,
    name: Option<String>,
    reached: Reached,
    is_changed: bool,
    /// Whether the deliveries are kept, or stand as the recipient did.
    is_kept: bool,
    deliveries: Vec<Delivery>,
}

/// A row of `recipient` with what is known of its customer, as `load_recipients` asks for it; times are in milliseconds.
#[derive(Deserialize)]
struct StoredRecipient {
    number: i64,
    broadcast: BroadcastId,
    customer: CustomerId,
    event: EventId,
    account: AccountId,
    channel: Channel,
    status: DeliveryStatus,
    reason: Option<Reason>,
    code: Option<String>,
    is_open: i64,
    not_before: i64,
    attempts: i64,
    lease_owner: Option<Uuid>,
    first_attempt_at: Option<i64>,
    name: Option<String>,
    message_bits: i64,
    delivered_until: i64,
    read_until: i64,
    pair_busy_until: i64,
    team: TeamId,
    owner: Option<MemberId>,
    event_status: EventStatus,
    seller: Option<MemberId>,
    shop: Option<ShopId>,
    deliveries: Vec<Stored>,
}

impl From<StoredRecipient> for Recipient {
    fn from(stored: StoredRecipient) -> Self {
        let bound = stored.seller.zip(stored.shop);
        let is_kept = !stored.deliveries.is_empty();
        let unkept = Unkept::of(stored.status, stored.reason, stored.code.as_deref());
        let deliveries = in_order(stored.deliveries, stored.message_bits, unkept);
        Self {
            key: RecipientKey {
                broadcast: stored.broadcast,
                number: stored.number,
            },
            customer: stored.customer,
            event: stored.event,
            event_status: stored.event_status,
            team: stored.team,
            owner: stored.owner,
            bound: bound.map(|(seller, shop)| BoundTo { seller, shop }),
            account: stored.account,
            channel: stored.channel,
            pair_busy_until: Timestamp(stored.pair_busy_until),
            status: stored.status,
            reason: stored.reason,
            code: stored.code,
            is_open: stored.is_open != 0,
            not_before: stored.not_before,
            attempts: stored.attempts,
            lease_owner: stored.lease_owner,
            first_attempt_at: stored.first_attempt_at,
            name: stored.name,
            reached: Reached {
                delivered_until: Timestamp(stored.delivered_until),
                read_until: Timestamp(stored.read_until),
            },
            is_changed: false,
            is_kept,
            deliveries,
        }
    }
}

impl Recipient {
    fn is_thread_changed(&self) -> bool {
        self.deliveries.iter().any(Delivery::is_thread_changed)
    }

    /// The deliveries to be written: all of them once one is to be kept.
    fn to_be_kept(&self) -> impl Iterator<Item = &Delivery> {
        let stands_alone = |each: &Delivery| each.is_changed && !self.says(each);
        let all = !self.is_kept && self.deliveries.iter().any(stands_alone);
        let changed = move |each: &&Delivery| all || (self.is_kept && each.is_changed);
        self.deliveries.iter().filter(changed)
    }

    /// Whether the recipient's row says all that is known of a message.
    fn says(&self, delivery: &Delivery) -> bool {
        let known = Unkept {
            status: delivery.status,
            reason: delivery.reason,
            code: delivery.code.as_deref(),
        };
        known == Unkept::of(self.status, self.reason, self.code.as_deref())
            && delivery.external_id.is_none()
            && !is_in_thread(delivery.status)
    }

    fn take(&mut self, outcome: &Outcome, now: Timestamp) {
        let is_of_another = outcome.account.is_some_and(|of| of != self.account);
        if is_of_another || outcome.key != self.key {
            return;
        }
        for told in &outcome.told {
            let position = told.position;
            let delivery = self
                .deliveries
                .iter_mut()
                .find(|delivery| delivery.position == position);
            if let Some(delivery) = delivery {
                delivery.take(told);
            }
        }
        let is_taken_over = outcome.by.is_some_and(|by| self.lease_owner != Some(by));
        match &outcome.then {
            Then::Nothing => {}
            _ if is_taken_over => {}
            Then::Done => {
                self.is_changed |= self.lease_owner.take().is_some();
            }
            Then::PutBack {
                after,
                attempts,
                reason,
                code,
                may_have_arrived,
            } => {
                for delivery in &mut self.deliveries {
                    if delivery.status == DeliveryStatus::Sending {
                        delivery.status = DeliveryStatus::Queued;
                        delivery.is_changed = true;
                    }
                }
                self.is_changed = true;
                self.lease_owner = None;
                self.not_before = now.plus(*after).0;
                self.attempts = i64::from(*attempts);
                self.reason = *reason;
                self.code.clone_from(code);
                if !may_have_arrived {
                    self.first_attempt_at = None;
                }
            }
        }
        for delivery in &mut self.deliveries {
            delivery.compare(self.reached);
        }
        self.sum_up();
    }

    /// The recipient stands where the contract says that the messages together stand.
    fn sum_up(&mut self) {
        let status = DeliveryStatus::of_recipient(self.deliveries.iter().map(|each| each.status));
        let is_open = self.deliveries.iter().any(|each| !each.status.is_settled());
        let leased = self.lease_owner.is_some();
        // Between two messages to one customer they are being handed over, not waiting.
        let status = match status {
            DeliveryStatus::Queued if leased => DeliveryStatus::Sending,
            other => other,
        };
        if status.is_settled() {
            let worst = self.deliveries.iter().find(|each| each.status == status);
            let (reason, code) =
                worst.map_or((None, None), |each| (each.reason, each.code.clone()));
            self.is_changed |= reason != self.reason || code != self.code;
            (self.reason, self.code) = (reason, code);
        }
        self.is_changed |= status != self.status || is_open != self.is_open;
        (self.status, self.is_open) = (status, is_open);
    }
}

/// Shows the last message of each recipient in the lists, and tells whose pages show the threads.
///
/// What goes to a bound customer reopens nothing; nobody's ended event becomes the sender's,
/// in whose 已結束 it is found again.
async fn show(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), sqlx::Error> {
    let mut said: HashMap<BroadcastId, Said> = HashMap::new();
    let (mut last, mut adopted) = (Vec::new(), Vec::new());
    for recipient in recipients.iter().filter(|each| each.is_thread_changed()) {
        let mut owner = recipient.owner;
        let newest = recipient.deliveries.iter().rfind(|each| each.is_new);
        if let Some(newest) = newest {
            let said = match said.entry(recipient.key.broadcast) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    unknown.insert(load_said(tx, recipient.key.broadcast).await?)
                }
            };
            if let Some((text, medium)) = said.line(recipient.name.as_deref(), newest.position) {
                last.push((recipient.event, one_line(&text), medium));
            }
            if recipient.event_status == EventStatus::Ended && owner.is_none() {
                owner = Some(said.member);
                adopted.push((recipient.event, said.member));
            }
        }
        changes.add_event_of(recipient.event, recipient.team, owner, recipient.bound);
    }
    if !last.is_empty() {
        query(
            "with v (e, t, m) as materialized (select value ->> 0, value ->> 1, value ->> 2 from jsonb_each($1))
             update event set last_text = v.t, last_medium = v.m, last_message_at = $2
             from v where event.id = v.e and last_message_at <= $2",
        )
        .bind(json(&last))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
    }
    if !adopted.is_empty() {
        // Apart from the others, whose owner would be looked up for nothing.
        query(
            "with v (e, o) as materialized (select value ->> 0, value ->> 1 from jsonb_each($1))
             update event set owner_id = v.o from v where event.id = v.e and owner_id is null",
        )
        .bind(json(&adopted))
        .execute(tx)
        .await?;
    }
    Ok(())
}

/// Merges what was told into deliveries, recipients, threads and events.
pub(in crate::store) async fn settle(
    tx: &mut SqliteConnection,
    outcomes: &[Outcome],
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    let mut by_recipient: BTreeMap<i64, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        let number = outcome.key.number;
        by_recipient.entry(number).or_default().push(outcome);
    }
    let numbers: Vec<_> = by_recipient.keys().copied().collect();
    for numbers in numbers.chunks(CHUNK) {
        let mut recipients = load_recipients(tx, numbers).await?;
        for recipient in &mut recipients {
            for outcome in by_recipient
                .get(&recipient.key.number)
                .into_iter()
                .flatten()
            {
                recipient.take(outcome, now);
            }
        }
        write_deliveries(tx, &recipients, now).await?;
        write_recipients(tx, &recipients, now).await?;
        show(tx, &recipients, now, &mut changes).await?;
        count_pairs(tx, &recipients, now).await?;
        count_quota(tx, &recipients).await?;
        stop_marketing(tx, &newly_failed(&recipients, Reason::OptedOut, now)).await?;
        mark_unreachable(tx, &newly_failed(&recipients, Reason::Unreachable, now)).await?;
        for ((account, reason, code), sent_at) in newly_stopped(&recipients, now) {
            let paused = pause(tx, account, reason, &code, sent_at, now).await?;
            changes.broadcasts.extend(paused);
        }
        let changed = recipients.iter().filter(|recipient| recipient.is_changed);
        changes
            .broadcasts
            .extend(changed.map(|recipient| recipient.key.broadcast));
    }
    Ok(changes)
}

async fn load_recipients(
    tx: &mut SqliteConnection,
    numbers: &[i64],
) -> Result<Vec<Recipient>, sqlx::Error> {
    let row = query(concat!(
        with_keys!(
            // In the order of the fields of `StoredRecipient`.
            "select json_group_array(json_array(
                r.id, r.broadcast_id, r.customer_id, r.event_id, r.account_id, r.channel, r.status, r.reason, r.platform_code,
                r.is_open, r.not_before, r.attempts, r.lease_owner, r.first_attempt_at, r.name, r.message_bits,
                c.delivered_until, c.read_until, c.pair_busy_until, e.team_id, e.owner_id, e.status,
                bound.member_id, bound.shop_id, "
        ),
        deliveries_of_r!(),
        ")) as rows
         from v cross join recipient r on r.id = v.id
         join customer c on c.id = r.customer_id
         join event e on e.id = r.event_id
         left join binding bound on bound.customer_id = r.customer_id"
    ))
    .bind(json(numbers))
    .fetch_one(tx)
    .await?;
    let rows: Vec<StoredRecipient> = read_json(&row, "rows")?;
    Ok(rows.into_iter().map(Recipient::from).collect())
}

async fn write_deliveries(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut changed = Vec::new();
    for recipient in recipients {
        for delivery in recipient.to_be_kept() {
            changed.push((
                recipient.key.number,
                delivery.position,
                delivery.status,
                delivery.reason,
                &delivery.code,
                &delivery.external_id,
                // When all went out in one request, it was not noted before.
                delivery
                    .sent_at
                    .or(is_in_thread(delivery.status).then_some(now))
                    .map(|at| at.0),
            ));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    // An update from a list would gather what it writes first.
    query(
        "insert into delivery (recipient_id, position, status, reason, platform_code, external_id, sent_at, updated_at)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, $2
         from jsonb_each($1) where true
         on conflict (recipient_id, position) do update
         set status = excluded.status, reason = excluded.reason, platform_code = excluded.platform_code,
             external_id = excluded.external_id, sent_at = excluded.sent_at, updated_at = excluded.updated_at",
    )
    .bind(json(&changed))
    .bind(now.0)
    .execute(tx)
    .await
    .map(drop)
}

async fn write_recipients(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let changed: Vec<_> = recipients
        .iter()
        .filter(|recipient| recipient.is_changed)
        .map(|recipient| {
            (
                recipient.key.number,
                recipient.status,
                recipient.reason,
                &recipient.code,
                i64::from(recipient.is_open),
                recipient.not_before,
                recipient.attempts,
                recipient.lease_owner,
                recipient.first_attempt_at,
            )
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    query(
        "with v (id, s, r, k, o, n, a, l, f) as materialized (
            select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
                   value ->> 8
            from jsonb_each($1)
         )
         update recipient set status = v.s, reason = v.r, platform_code = v.k, is_open = v.o, not_before = v.n,
                attempts = v.a, lease_owner = v.l, first_attempt_at = v.f, updated_at = $2
         from v where recipient.id = v.id",
    )
    .bind(json(&changed))
    .bind(now.0)
    .execute(tx)
    .await
    .map(drop)
}

/// Customers to whom something failed for a reason just now, and when it was sent, in milliseconds: what they did since
/// may have changed that, because platforms tell late.
fn newly_failed(
    recipients: &[Recipient],
    reason: Reason,
    now: Timestamp,
) -> Vec<(CustomerId, i64)> {
    let failed = recipients.iter().filter_map(|recipient| {
        let mut deliveries = recipient.deliveries.iter();
        let failed =
            deliveries.find(|delivery| delivery.failed_now() && delivery.reason == Some(reason))?;
        Some((recipient.customer, failed.sent_at.unwrap_or(now).0))
    });
    failed.collect()
}

/// Accounts of which the platform tells after accepting a message that nothing of them arrives, and when the last
/// such message was sent.
fn newly_stopped(
    recipients: &[Recipient],
    now: Timestamp,
) -> BTreeMap<(AccountId, Reason, String), Timestamp> {
    let mut stopped = BTreeMap::new();
    for recipient in recipients {
        for delivery in &recipient.deliveries {
            if let Some(reason) = delivery.reason
                && delivery.failed_now()
                && reason.is_of_account()
            {
                let code = delivery.code.clone().unwrap_or_default();
                let sent_at = delivery.sent_at.unwrap_or(now);
                stopped
                    .entry((recipient.account, reason, code))
                    .and_modify(|last: &mut Timestamp| *last = sent_at.max(*last))
                    .or_insert(sent_at);
            }
        }
    }
    stopped
}

/// Notes who can't be reached until they write again.
async fn mark_unreachable(
    tx: &mut SqliteConnection,
    customers: &[(CustomerId, i64)],
) -> Result<(), sqlx::Error> {
    if customers.is_empty() {
        return Ok(());
    }
    query(
        "with v (c, at) as materialized (select value ->> 0, value ->> 1 from jsonb_each($1))
         update customer set is_blocked = 1, block_changed_at = v.at from v
         where customer.id = v.c and block_changed_at < v.at
           and not exists (select 1 from event e where e.customer_id = v.c and e.last_inbound_at >= v.at)",
    )
    .bind(json(customers))
    .execute(tx)
    .await
    .map(drop)
}
