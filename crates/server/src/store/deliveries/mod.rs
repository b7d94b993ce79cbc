//! Broadcasts being handed over: claiming recipients, and recording what became of each delivery.
//!
//! Whatever tells of a delivery, the worker or a webhook, goes through `settle`: it merges by the contract's rules,
//! so that neither depends on which of them comes first.

mod claim;
mod close;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use omocast_contract::api::Media;
use omocast_contract::live::LiveEvent;
use omocast_contract::{
    AccountId, BroadcastId, BroadcastStatus, CustomerId, DeliveryStatus, EventId, LogEvent,
    MemberId, OutgoingMessage, Progress, Reason, SentTemplate, TeamId, Timestamp,
};
use serde::Serialize;
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::accounts::{HELD, WRONG_CLOCK};
use super::bindings::BoundTo;
use super::broadcasts::log::log;
use super::media::media_of;
use super::templates::sent_template;
use super::{Store, read_id, read_json, read_time, read_time_or_none, read_word};

pub(super) use close::{Close, close};
pub(super) use settle::{Unkept, in_thread, settle};

/// How long a claimed recipient stays with the worker that claimed them, unless it renews.
pub const LEASE: i64 = 60_000;

/// Recipients handled by one statement: so many that few are needed, and that none keeps others waiting for long.
const CHUNK: usize = 500;

/// A statement about the recipients `v (id)` that `$1` lists, as [`keys_json`] writes them.
/// A list is one value: a statement of thousands would be read and planned anew each time.
macro_rules! with_keys {
    ($statement:literal) => {
        concat!(
            "with v (id) as materialized (select value from json_each($1)) ",
            $statement
        )
    };
}

/// What is stored of the deliveries to the recipient `r`, as JSON of the shape of `settle::Stored`.
///
/// Rows that come in hundreds are asked for as one value: the database has a thread of its own, and to hand each row
/// from there to here is several times the work of reading it.
macro_rules! deliveries_of_r {
    () => {
        "(select json_group_array(json_array(d.position, d.status, d.reason, d.platform_code, d.external_id, d.sent_at))
          from delivery d where d.recipient_id = r.id)"
    };
}

use {deliveries_of_r, with_keys};

/// An account with recipients to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountWithWork {
    pub id: AccountId,
    /// Whether it has stopped: then one recipient shows whether it is mended.
    pub is_paused: bool,
}

/// Names a recipient of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey {
    pub broadcast: BroadcastId,
    /// The number of its row. By itself it proves nothing to whoever kept it: after a backup is brought back,
    /// the same may be another's.
    pub number: i64,
}

/// A recipient with what is left to hand over to them.
#[derive(Clone, Debug)]
pub struct ClaimedRecipient {
    pub key: RecipientKey,
    pub customer: CustomerId,
    /// The customer's id on the platform.
    pub to: String,
    /// What the customer was called when the broadcast was accepted; none where no message says it.
    pub name: Option<String>,
    /// Attempts that came to nothing so far.
    pub attempts: u32,
    /// Whether an earlier attempt may have been accepted.
    pub may_have_arrived: bool,
    /// The messages still to be handed over, in their order.
    pub positions: Vec<u32>,
}

/// A message that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    pub key: RecipientKey,
    pub position: u32,
    /// Who has leased the recipient.
    pub owner: Uuid,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claim {
    pub recipients: Vec<ClaimedRecipient>,
    /// What was settled on the way: skipped customers, messages whose outcome nobody will know.
    pub changes: Changes,
    /// Whether there was nothing to claim at all.
    pub is_empty: bool,
    /// Whether the account has stopped and is not to be tried yet: a webhook may have said so, or another process.
    pub is_resting: bool,
}

/// What changed, for those who are told.
#[derive(Debug, Default)]
pub struct Changes {
    pub events: BTreeMap<EventId, ChangedEvent>,
    pub broadcasts: BTreeSet<BroadcastId>,
    /// Whose lists of bound customers changed, by team.
    pub bound: BTreeMap<TeamId, BTreeSet<BoundTo>>,
}

/// Who is told of a changed event.
#[derive(Debug)]
pub struct ChangedEvent {
    pub team: TeamId,
    pub owners: BTreeSet<MemberId>,
}

impl Changes {
    /// Takes the others in.
    pub fn merge(&mut self, others: Self) {
        for (event, changed) in others.events {
            self.add_event(event, changed.team, changed.owners);
        }
        self.broadcasts.extend(others.broadcasts);
        for (team, lists) in others.bound {
            self.bound.entry(team).or_default().extend(lists);
        }
    }

    /// Adds the lists that a bound customer is in.
    pub fn add_bound(&mut self, team: TeamId, list: BoundTo) {
        self.bound.entry(team).or_default().insert(list);
    }

    /// Adds an event with the lists that its customer is in: who has them there may have the thread open,
    /// whoever follows it.
    pub fn add_event_of(
        &mut self,
        event: EventId,
        team: TeamId,
        owners: impl IntoIterator<Item = MemberId>,
        bound: Option<BoundTo>,
    ) {
        let seller = bound.map(|bound| bound.seller);
        self.add_event(event, team, owners.into_iter().chain(seller));
        if let Some(bound) = bound {
            self.add_bound(team, bound);
        }
    }

    /// Adds an event; who owned it at any moment is told.
    pub fn add_event(
        &mut self,
        event: EventId,
        team: TeamId,
        owners: impl IntoIterator<Item = MemberId>,
    ) {
        let changed = self.events.entry(event).or_insert_with(|| ChangedEvent {
            team,
            owners: BTreeSet::new(),
        });
        changed.owners.extend(owners);
    }
}

/// What became of one message.
#[derive(Clone, Debug)]
pub struct Told {
    pub position: u32,
    pub status: DeliveryStatus,
    pub reason: Option<Reason>,
    pub code: Option<String>,
    pub external_id: Option<String>,
}

/// What became of some messages to one recipient.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub key: RecipientKey,
    pub told: Vec<Told>,
    pub then: Then,
    /// The worker that tells: once another has taken the recipient over, its `then` no longer counts.
    pub by: Option<Uuid>,
    /// The account that is told of, where that does not follow from the key: of another's recipient it tells nothing.
    pub account: Option<AccountId>,
}

/// What happens to the recipient's place in the queue.
#[derive(Clone, Debug)]
pub enum Then {
    /// Nothing: the worker goes on with them, or it is not the worker who tells.
    Nothing,
    /// The worker is done with them.
    Done,
    /// To be tried again. What was being sent waits again.
    PutBack {
        /// For how long, in milliseconds: a time would be wrong once the clock is set back.
        after: i64,
        attempts: u32,
        /// Shown while they wait.
        reason: Option<Reason>,
        code: Option<String>,
        /// Whether an earlier request may have been accepted, so that its retry key still counts.
        may_have_arrived: bool,
    },
}

/// Where a broadcast stands, and who is told.
#[derive(Debug)]
pub struct BroadcastState {
    pub team: TeamId,
    pub sender: MemberId,
    pub event: LiveEvent,
}

/// What a broadcast says.
#[derive(Clone, Debug)]
pub struct BroadcastContent {
    pub messages: Vec<OutgoingMessage>,
    /// The uploads that its messages use.
    pub media: Vec<Media>,
    /// The template it sends in place of messages.
    pub template: Option<SentTemplate>,
    /// What customers without a name are called; empty where no message says the name.
    pub name_fallback: String,
    /// Nobody can put it off any more.
    pub begun_at: Timestamp,
}

impl Store {
    /// The accounts that have a recipient to be handed over now, with those that stopped and are to be tried again.
    pub async fn accounts_with_work(
        &self,
        now: Timestamp,
    ) -> Result<Vec<AccountWithWork>, sqlx::Error> {
        let rows = query(
            "select id, paused_at is not null as is_paused from account
             where (paused_at is null or tried_at <= $1) and next_turn_at not between $2 and $3 and exists (
                select 1 from recipient r join broadcast b on b.id = r.broadcast_id
                where r.account_id = account.id and r.is_open = 1 and r.not_before <= $1
                  and b.status in ('sending', 'stopped')
             )",
        )
        .bind(now.0)
        .bind(now.plus(HELD).0.saturating_mul(1_000))
        .bind(now.plus(WRONG_CLOCK).0.saturating_mul(1_000))
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(AccountWithWork {
                    id: read_id(row, "id")?,
                    is_paused: row.try_get("is_paused")?,
                })
            })
            .collect()
    }

    /// When the next recipient is due who is not due now.
    pub async fn next_delivery_at(&self, now: Timestamp) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = query(
            "select min(due) as due from (
                select (select min(not_before) from recipient
                        where account_id = account.id and is_open = 1 and not_before > $1) as due
                from account where paused_at is null or tried_at <= $1
                union all
                select tried_at from account where paused_at is not null and tried_at > $1
                union all
                select next_turn_at / 1000 - $2 from account where next_turn_at / 1000 - $2 > $1
             ) as dues",
        )
        .bind(now.0)
        .bind(HELD)
        .fetch_one(&self.reader)
        .await?;
        read_time_or_none(&row, "due")
    }

    /// Notes that messages are about to be sent: from now on nobody can say that they were not.
    /// False for one that must not be sent: another has taken the recipient over, or it is settled.
    pub async fn begin_deliveries(
        &self,
        begun: &[Begun],
        now: Timestamp,
    ) -> Result<Vec<bool>, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let row = query(
            "select json_group_array(json_array(asked.key, case when d.status is null then r.message_bits end)) as found
             from jsonb_each($1) asked
             join recipient r on r.id = asked.value ->> 0 and r.lease_owner = asked.value ->> 2
             left join delivery d on d.recipient_id = r.id and d.position = asked.value ->> 1
             where d.status is null or d.status = 'queued'",
        )
        .bind(begun_json(begun))
        .fetch_one(&mut *tx)
        .await?;
        // With the messages of those of whom none is kept yet.
        let found: Vec<(usize, Option<i64>)> = read_json(&row, "found")?;
        let mut noted = vec![false; begun.len()];
        let mut rows = Vec::with_capacity(begun.len());
        for (number, unkept) in found {
            let Begun { key, position, .. } = begun[number];
            noted[number] = true;
            for each in positions(unkept.unwrap_or(1 << position)) {
                let sent_at = (each == position).then_some(now.0);
                let status = match sent_at {
                    Some(_) => DeliveryStatus::Sending,
                    None => DeliveryStatus::Queued,
                };
                rows.push((key.number, each, status, sent_at));
            }
        }
        query(
            "insert into delivery (recipient_id, position, status, sent_at, updated_at)
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3, $2 from jsonb_each($1) where true
             on conflict (recipient_id, position) do update
             set status = excluded.status, sent_at = excluded.sent_at, updated_at = excluded.updated_at",
        )
        .bind(json(&rows))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        // A power cut must not make the next worker send them again.
        self.make_durable().await?;
        Ok(noted)
    }

    /// Records what became of messages, all in one transaction.
    pub async fn record_outcomes(
        &self,
        outcomes: &[Outcome],
        now: Timestamp,
    ) -> Result<Changes, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let changes = settle(&mut tx, outcomes, now).await?;
        tx.commit().await?;
        Ok(changes)
    }

    /// Keeps claimed recipients with their worker for another [`LEASE`].
    pub async fn renew_leases(
        &self,
        keys: &[RecipientKey],
        owner: Uuid,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        for keys in keys.chunks(CHUNK) {
            query(with_keys!(
                "update recipient set not_before = $2 from v
                 where recipient.id = v.id and is_open = 1 and lease_owner = $3"
            ))
            .bind(keys_json(keys))
            .bind(now.plus(LEASE).0)
            .bind(owner.to_string())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        }
        Ok(())
    }

    /// Gives back recipients for whom nothing was sent since they were claimed.
    pub async fn release_recipients(
        &self,
        recipients: impl IntoIterator<Item = ClaimedRecipient>,
        owner: Uuid,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        // Where an earlier request may have been accepted, its time is what tells so.
        let (tried, untried): (Vec<_>, Vec<_>) = recipients
            .into_iter()
            .partition(|recipient| recipient.may_have_arrived);
        let mut tx = self.begin_write().await?;
        for (recipients, was_tried) in [(tried, true), (untried, false)] {
            let keys: Vec<_> = recipients.iter().map(|recipient| recipient.key).collect();
            for keys in keys.chunks(CHUNK) {
                query(with_keys!(
                    "update recipient set lease_owner = null, not_before = $2,
                            first_attempt_at = case when $4 then first_attempt_at end,
                            status = case status when 'sending' then 'queued' else status end
                     from v where recipient.id = v.id and is_open = 1 and lease_owner = $3"
                ))
                .bind(keys_json(keys))
                .bind(now.0)
                .bind(owner.to_string())
                .bind(was_tried)
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await
    }

    /// Completes the broadcasts of which nothing is left to hand over, and names them.
    pub async fn complete_broadcasts(
        &self,
        now: Timestamp,
    ) -> Result<Vec<BroadcastId>, sqlx::Error> {
        let is_over = "status = 'sending' and not exists (
            select 1 from recipient where broadcast_id = broadcast.id and is_open = 1)";
        // Looked for first, so that there is no write when there is nothing to complete.
        let sql = sqlx::AssertSqlSafe(format!("select 1 from broadcast where {is_over} limit 1"));
        if query(sql).fetch_optional(&self.reader).await?.is_none() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(format!(
            "update broadcast set status = 'completed', completed_at = $1 where {is_over} returning id"
        ));
        let mut tx = self.begin_write().await?;
        let rows = query(sql).bind(now.0).fetch_all(&mut *tx).await?;
        let completed = rows
            .iter()
            .map(|row| read_id(row, "id"))
            .collect::<Result<Vec<_>, _>>()?;
        for &broadcast in &completed {
            log(&mut tx, broadcast, None, &LogEvent::Completed, now).await?;
        }
        tx.commit().await?;
        Ok(completed)
    }

    /// The broadcasts that are not over.
    pub async fn broadcasts_under_way(&self) -> Result<Vec<BroadcastId>, sqlx::Error> {
        let rows = query(
            "select id from broadcast where status in ('held', 'scheduled', 'overdue', 'sending')",
        )
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| read_id(row, "id")).collect()
    }

    /// Where a broadcast stands.
    pub async fn broadcast_state(
        &self,
        broadcast: BroadcastId,
    ) -> Result<Option<BroadcastState>, sqlx::Error> {
        let rows = query(
            "select b.team_id, b.member_id, b.status as broadcast_status, r.status, count(*) as recipients
             from broadcast b join recipient r on r.broadcast_id = b.id
             where b.id = $1 group by r.status",
        )
        .bind(broadcast.to_string())
        .fetch_all(&self.reader)
        .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut progress = Progress::default();
        for row in &rows {
            let recipients = row.try_get::<i64, _>("recipients")?.unsigned_abs();
            progress.add(read_word(row, "status", DeliveryStatus::parse)?, recipients);
        }
        let status = read_word(first, "broadcast_status", BroadcastStatus::parse)?;
        Ok(Some(BroadcastState {
            team: read_id(first, "team_id")?,
            sender: read_id(first, "member_id")?,
            event: LiveEvent::BroadcastProgress {
                broadcast,
                status,
                progress,
            },
        }))
    }

    /// What a broadcast says, with the uploads it uses.
    pub async fn broadcast_content(
        &self,
        broadcast: BroadcastId,
    ) -> Result<Option<BroadcastContent>, sqlx::Error> {
        let mut connection = self.reader.acquire().await?;
        let row = query(
            "select messages, template, name_fallback, starts_at from broadcast where id = $1",
        )
        .bind(broadcast.to_string())
        .fetch_optional(&mut *connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(BroadcastContent {
            messages: read_word(&row, "messages", |text| serde_json::from_str(text).ok())?,
            media: media_of(&mut connection, &broadcast.to_string()).await?,
            template: sent_template(&row)?,
            name_fallback: row
                .try_get::<Option<String>, _>("name_fallback")?
                .unwrap_or_default(),
            begun_at: read_time(&row, "starts_at")?,
        }))
    }
}

/// The messages that `recipient.message_bits` names, in their order.
pub(super) fn positions(message_bits: i64) -> impl Iterator<Item = u32> {
    (0..i64::BITS).filter(move |position| message_bits & (1 << position) != 0)
}

fn json<T: Serialize>(rows: &[T]) -> String {
    serde_json::to_string(rows).expect("ids and words are JSON")
}

/// Names recipients for a statement made by [`with_keys`].
fn keys_json(keys: &[RecipientKey]) -> String {
    json(&keys.iter().map(|key| key.number).collect::<Vec<_>>())
}

fn begun_json(begun: &[Begun]) -> String {
    let rows: Vec<_> = begun
        .iter()
        .map(
            |Begun {
                 key,
                 position,
                 owner,
             }| (key.number, *position, *owner),
        )
        .collect();
    json(&rows)
}
