//! Broadcasts being handed over: claiming recipients, and recording what became of each delivery.
//!
//! Whatever tells of a delivery, the worker or a webhook, goes through `settle`: it merges by the contract's rules,
//! so that neither depends on which of them comes first.

mod threads;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use omocast_contract::api::Media;
use omocast_contract::control::GIVE_UP_AFTER;
use omocast_contract::limit::{pair_counted, pair_turn};
use omocast_contract::live::LiveEvent;
use omocast_contract::reach::{Outgoing, Standing, Tie};
use omocast_contract::{
    AccountId, BroadcastId, BroadcastKind, BroadcastStatus, Channel, CustomerId, DeliveryStatus,
    EventId, EventStatus, LogEvent, MemberId, OutgoingMessage, Plan, Progress, Reach, Reason, Role,
    SentTemplate, Source, TeamId, Timestamp,
};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::accounts::{HELD, WRONG_CLOCK, pause};
use super::bindings::BoundTo;
use super::broadcasts::log::log;
use super::media::media_of;
use super::opt_outs::stop_marketing;
use super::receipts::Reached;
use super::templates::{outgoing_of, sent_template};
use super::{
    Store, read_id, read_id_or_none, read_time, read_time_or_none, read_word, read_word_or_none,
};
use threads::write_messages;

pub(super) use threads::{TEMPLATE, find_text};

/// How long a claimed recipient stays with the worker that claimed them, unless it renews.
pub const LEASE: i64 = 60_000;

/// How long LINE knows a retry key (a day), less what a request may take.
const RETRY_KEY_LIFE: i64 = omocast_contract::timestamp::DAY - 5 * 60_000;

/// Recipients handled by one statement: far below SQLite's limit of variables.
const CHUNK: usize = 200;

/// An account with recipients to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountWithWork {
    pub id: AccountId,
    /// Whether it has stopped: then one recipient shows whether it is mended.
    pub is_paused: bool,
}

/// Names a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey {
    pub broadcast: BroadcastId,
    pub customer: CustomerId,
}

/// A recipient with what is left to hand over to them.
#[derive(Clone, Debug)]
pub struct ClaimedRecipient {
    pub key: RecipientKey,
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
        not_before: Timestamp,
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
    pub accepted_at: Timestamp,
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
                from account where paused_at is null
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

    /// Takes up to `limit` recipients of one account for `owner`, until the lease ends.
    ///
    /// Each is checked again on the way: who can't be reached any more is skipped, with the reason.
    pub async fn claim_recipients(
        &self,
        account: AccountId,
        owner: Uuid,
        now: Timestamp,
        limit: usize,
    ) -> Result<Claim, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let rows = query(
            "select r.broadcast_id, r.customer_id, r.channel, r.attempts, r.first_attempt_at, r.name,
                    c.external_id, c.is_blocked, c.marketing_stopped_at, c.pair_busy_until, b.starts_at, b.status as broadcast_status, b.kind, e.status, e.owner_id, e.last_inbound_at,
                    bound.member_id as seller_id, b.source, b.member_id, m.role, t.plan
             from recipient r
             join customer c on c.id = r.customer_id
             join event e on e.id = r.event_id
             left join binding bound on bound.customer_id = r.customer_id
             join broadcast b on b.id = r.broadcast_id
             join member m on m.id = b.member_id
             join team t on t.id = b.team_id
             where r.account_id = $1 and r.is_open = 1 and r.not_before <= $2
               -- Between the end of its hold and its start a broadcast can still be taken back.
               and b.status in ('sending', 'stopped')
               -- A worker that was held up past its own lease still knows whom it has in hand.
               and (r.lease_owner is null or r.lease_owner <> $4)
             order by r.not_before, r.broadcast_id limit $3",
        )
        .bind(account.to_string())
        .bind(now.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(owner.to_string())
        .fetch_all(&mut *tx)
        .await?;
        if rows.is_empty() {
            return Ok(Claim {
                is_empty: true,
                ..Claim::default()
            });
        }
        let keys = rows.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
        let mut deliveries = load_deliveries(&mut tx, &keys).await?;
        let mut claim = Claim::default();
        let mut outcomes = Vec::new();
        let mut with_key = Vec::new();
        let mut outgoing: HashMap<BroadcastId, Outgoing> = HashMap::new();
        for (row, key) in rows.iter().zip(keys) {
            let member: MemberId = read_id(row, "member_id")?;
            let channel = read_word(row, "channel", Channel::parse)?;
            let first_attempt_at = read_time_or_none(row, "first_attempt_at")?;
            let role = read_word(row, "role", Role::parse)?;
            let plan = read_word(row, "plan", Plan::parse)?;
            let standing = Standing {
                channel,
                tie: match read_word(row, "source", Source::parse)? {
                    Source::MyEvents => Tie::Event {
                        status: read_word(row, "status", EventStatus::parse)?,
                        is_owner: read_id_or_none(row, "owner_id")? == Some(member),
                    },
                    Source::BoundCustomers => Tie::Binding {
                        is_bound: read_id_or_none(row, "seller_id")? == Some(member),
                    },
                },
                last_inbound_at: read_time_or_none(row, "last_inbound_at")?,
                is_blocked: row.try_get::<i64, _>("is_blocked")? != 0,
                has_opted_out: row
                    .try_get::<Option<i64>, _>("marketing_stopped_at")?
                    .is_some(),
            };
            let outgoing = match read_word(row, "kind", BroadcastKind::parse)? {
                BroadcastKind::Messages => Outgoing::Messages,
                BroadcastKind::Template => match outgoing.get(&key.broadcast) {
                    Some(&known) => known,
                    None => {
                        let asked = outgoing_of(&mut tx, key.broadcast).await?;
                        outgoing.insert(key.broadcast, asked);
                        asked
                    }
                },
            };
            let has_waited_too_long = now.since(read_time(row, "starts_at")?) > GIVE_UP_AFTER;
            let status = read_word(row, "broadcast_status", BroadcastStatus::parse)?;
            let reach = match role.may_broadcast(plan) {
                // Put back by somebody who had them in hand when it was stopped.
                _ if status.is_over() => Reach::Skipped(Reason::Stopped),
                Ok(()) if has_waited_too_long => Reach::Skipped(Reason::WaitedTooLong),
                Ok(()) => standing.reach(outgoing, now),
                Err(_) => Reach::Skipped(Reason::SenderNotAllowed),
            };
            let has_key = channel == Channel::Line;
            let all = deliveries.remove(&key).unwrap_or_default();
            let attempts = u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX);
            let plan = plan_hand_over(&all, reach, has_key, first_attempt_at, now);
            if channel == Channel::Whatsapp && !plan.positions.is_empty() {
                let messages = i64::try_from(plan.positions.len()).unwrap_or(i64::MAX);
                let busy_until = read_time(row, "pair_busy_until")?;
                if let Err(not_before) = pair_turn(busy_until, now, messages) {
                    outcomes.push(Outcome {
                        key,
                        told: plan.told,
                        then: Then::PutBack {
                            not_before,
                            attempts,
                            reason: Some(Reason::RateLimited),
                            code: None,
                            may_have_arrived: false,
                        },
                        by: None,
                    });
                    continue;
                }
            }
            let then = if plan.positions.is_empty() {
                Then::Done
            } else {
                Then::Nothing
            };
            if !plan.told.is_empty() || plan.positions.is_empty() {
                outcomes.push(Outcome {
                    key,
                    told: plan.told,
                    then,
                    by: None,
                });
            }
            if !plan.positions.is_empty() {
                if has_key {
                    with_key.push(key);
                }
                claim.recipients.push(ClaimedRecipient {
                    key,
                    to: row.try_get("external_id")?,
                    name: row.try_get("name")?,
                    attempts,
                    may_have_arrived: first_attempt_at.is_some(),
                    positions: plan.positions,
                });
            }
        }
        claim.changes = settle(&mut tx, &outcomes, now).await?;
        let claimed: Vec<_> = claim
            .recipients
            .iter()
            .map(|recipient| recipient.key)
            .collect();
        lease(&mut tx, &claimed, owner, now).await?;
        begin_all(&mut tx, &with_key, now).await?;
        claim
            .changes
            .broadcasts
            .extend(claimed.iter().map(|key| key.broadcast));
        tx.commit().await?;
        if !with_key.is_empty() {
            // When the first attempt was, tells how long the platform knows its key.
            self.make_durable().await?;
        }
        Ok(claim)
    }

    /// Notes that messages are about to be sent: from now on nobody can say that they were not.
    /// False for one that must not be sent: another has taken the recipient over, or it is settled.
    pub async fn begin_deliveries(
        &self,
        begun: &[Begun],
        now: Timestamp,
    ) -> Result<Vec<bool>, sqlx::Error> {
        let mut builder = QueryBuilder::new("with v (b, c, p, o) as (");
        builder.push_values(begun, |mut row, begun| {
            row.push_bind(begun.key.broadcast.to_string())
                .push_bind(begun.key.customer.to_string())
                .push_bind(i64::from(begun.position))
                .push_bind(begun.owner.to_string());
        });
        builder
            .push(") update delivery set status = 'sending', updated_at = ")
            .push_bind(now.0)
            .push(", sent_at = ")
            .push_bind(now.0);
        builder.push(
            " from v join recipient r on r.broadcast_id = v.b and r.customer_id = v.c and r.lease_owner = v.o
             where delivery.broadcast_id = v.b and delivery.customer_id = v.c and delivery.position = v.p
               and delivery.status = 'queued'
             returning delivery.broadcast_id, delivery.customer_id, delivery.position",
        );
        let rows = builder.build().fetch_all(&self.writer).await?;
        let mut noted = BTreeSet::new();
        for row in &rows {
            noted.insert((read_key(row)?, row.try_get::<i64, _>("position")?));
        }
        // A power cut must not make the next worker send them again.
        self.make_durable().await?;
        Ok(begun
            .iter()
            .map(|begun| noted.contains(&(begun.key, i64::from(begun.position))))
            .collect())
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
            let mut builder = with_keys(keys);
            builder
                .push(" update recipient set not_before = ")
                .push_bind(now.plus(LEASE).0);
            builder
                .push(" from v where recipient.broadcast_id = v.b and recipient.customer_id = v.c");
            builder
                .push(" and is_open = 1 and lease_owner = ")
                .push_bind(owner.to_string());
            builder.build().execute(&self.writer).await?;
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
        for (recipients, first_attempt) in [(tried, ""), (untried, ", first_attempt_at = null")] {
            let keys: Vec<_> = recipients.iter().map(|recipient| recipient.key).collect();
            for keys in keys.chunks(CHUNK) {
                let mut builder = with_keys(keys);
                builder.push(" update delivery set status = 'queued' from v join recipient r on r.broadcast_id = v.b");
                builder
                    .push(" and r.customer_id = v.c and r.lease_owner = ")
                    .push_bind(owner.to_string());
                builder.push(" where delivery.broadcast_id = v.b and delivery.customer_id = v.c and delivery.status = 'sending'");
                builder.build().execute(&mut *tx).await?;
                let mut builder = with_keys(keys);
                builder
                    .push(" update recipient set lease_owner = null, not_before = ")
                    .push_bind(now.0);
                builder.push(first_attempt);
                builder.push(", status = case status when 'sending' then 'queued' else status end");
                builder.push(
                    " from v where recipient.broadcast_id = v.b and recipient.customer_id = v.c",
                );
                builder
                    .push(" and is_open = 1 and lease_owner = ")
                    .push_bind(owner.to_string());
                builder.build().execute(&mut *tx).await?;
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
            "select messages, template, name_fallback, created_at from broadcast where id = $1",
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
            accepted_at: read_time(&row, "created_at")?,
        }))
    }
}

/// What a claimed recipient is to get, and what is settled without asking the platform.
struct HandOver {
    positions: Vec<u32>,
    told: Vec<Told>,
}

fn plan_hand_over(
    deliveries: &[Delivery],
    reach: Reach,
    has_retry_key: bool,
    first_attempt_at: Option<Timestamp>,
    now: Timestamp,
) -> HandOver {
    let tell = |delivery: &Delivery, status, reason| Told {
        position: delivery.position,
        status,
        reason: Some(reason),
        code: None,
        external_id: None,
    };
    let open = deliveries
        .iter()
        .filter(|delivery| !delivery.status.is_settled());
    if has_retry_key && let Some(first) = first_attempt_at {
        // All its messages went out in one request that may have been accepted: the same key finds out,
        // whatever has become of the event since, but only while the platform knows the key.
        return if now.since(first) < RETRY_KEY_LIFE {
            let positions = open.map(|delivery| delivery.position).collect();
            HandOver {
                positions,
                told: Vec::new(),
            }
        } else {
            let told = open
                .map(|delivery| tell(delivery, DeliveryStatus::Unknown, Reason::NoAnswer))
                .collect();
            HandOver {
                positions: Vec::new(),
                told,
            }
        };
    }
    let mut hand_over = HandOver {
        positions: Vec::new(),
        told: Vec::new(),
    };
    let has_failed = deliveries
        .iter()
        .any(|delivery| delivery.status == DeliveryStatus::Failed);
    for delivery in open {
        if delivery.status == DeliveryStatus::Sending && !has_retry_key {
            // Whoever was sending it is gone, and did not learn what became of it.
            hand_over
                .told
                .push(tell(delivery, DeliveryStatus::Unknown, Reason::NoAnswer));
        } else if has_failed {
            let reason = Reason::EarlierMessageFailed;
            hand_over
                .told
                .push(tell(delivery, DeliveryStatus::Skipped, reason));
        } else {
            match reach {
                Reach::Open => hand_over.positions.push(delivery.position),
                Reach::Skipped(reason) => {
                    // What may be retried was not the customer's to miss.
                    let status = if reason.may_be_retried() {
                        DeliveryStatus::Failed
                    } else {
                        DeliveryStatus::Skipped
                    };
                    hand_over.told.push(tell(delivery, status, reason));
                }
            }
        }
    }
    hand_over
}

/// A row of `delivery`.
#[derive(Clone, Debug)]
struct Delivery {
    position: u32,
    status: DeliveryStatus,
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

fn read_key(row: &sqlx::sqlite::SqliteRow) -> Result<RecipientKey, sqlx::Error> {
    Ok(RecipientKey {
        broadcast: read_id(row, "broadcast_id")?,
        customer: read_id(row, "customer_id")?,
    })
}

/// `with v (b, c) as (values …)`: the rows a statement is about.
fn with_keys(keys: &[RecipientKey]) -> QueryBuilder<Sqlite> {
    let mut builder = QueryBuilder::new("with v (b, c) as (");
    builder.push_values(keys, |mut row, key| {
        row.push_bind(key.broadcast.to_string())
            .push_bind(key.customer.to_string());
    });
    builder.push(")");
    builder
}

async fn load_deliveries(
    tx: &mut SqliteConnection,
    keys: &[RecipientKey],
) -> Result<HashMap<RecipientKey, Vec<Delivery>>, sqlx::Error> {
    let mut loaded: HashMap<RecipientKey, Vec<Delivery>> = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(CHUNK) {
        let mut builder = with_keys(keys);
        builder.push(
            " select d.broadcast_id, d.customer_id, d.position, d.status, d.reason, d.platform_code, d.external_id,
                     d.sent_at
              from v cross join delivery d on d.broadcast_id = v.b and d.customer_id = v.c
              order by d.position",
        );
        for row in builder.build().fetch_all(&mut *tx).await? {
            loaded.entry(read_key(&row)?).or_default().push(Delivery {
                position: u32::try_from(row.try_get::<i64, _>("position")?).unwrap_or(u32::MAX),
                status: read_word(&row, "status", DeliveryStatus::parse)?,
                reason: read_word_or_none(&row, "reason", Reason::parse)?,
                code: row.try_get("platform_code")?,
                external_id: row.try_get("external_id")?,
                sent_at: read_time_or_none(&row, "sent_at")?,
                is_changed: false,
                is_new: false,
            });
        }
    }
    Ok(loaded)
}

/// Leases recipients to a worker, and shows them as being handed over.
async fn lease(
    tx: &mut SqliteConnection,
    keys: &[RecipientKey],
    owner: Uuid,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for keys in keys.chunks(CHUNK) {
        let mut builder = with_keys(keys);
        builder
            .push(" update recipient set lease_owner = ")
            .push_bind(owner.to_string());
        builder.push(", not_before = ").push_bind(now.plus(LEASE).0);
        builder.push(", updated_at = ").push_bind(now.0);
        builder.push(", reason = null, platform_code = null");
        builder.push(", status = case status when 'queued' then 'sending' else status end");
        builder.push(" from v where recipient.broadcast_id = v.b and recipient.customer_id = v.c");
        builder.build().execute(&mut *tx).await?;
    }
    Ok(())
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
            (recipient.key.customer, until)
        })
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let mut builder = QueryBuilder::new("with v (c, u) as (");
    builder.push_values(pairs, |mut row, (customer, until)| {
        row.push_bind(customer.to_string()).push_bind(until.0);
    });
    builder.push(") update customer set pair_busy_until = v.u from v where customer.id = v.c");
    builder.build().execute(tx).await.map(drop)
}

/// Notes that all messages of these recipients are about to be sent, each recipient's in one request with a key.
async fn begin_all(
    tx: &mut SqliteConnection,
    keys: &[RecipientKey],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for keys in keys.chunks(CHUNK) {
        let mut builder = with_keys(keys);
        builder
            .push(" update delivery set status = 'sending', updated_at = ")
            .push_bind(now.0);
        builder.push(" from v where delivery.broadcast_id = v.b and delivery.customer_id = v.c and status = 'queued'");
        builder.build().execute(&mut *tx).await?;
        let mut builder = with_keys(keys);
        builder
            .push(" update recipient set first_attempt_at = ")
            .push_bind(now.0);
        builder.push(" from v where recipient.broadcast_id = v.b and recipient.customer_id = v.c");
        builder.push(" and first_attempt_at is null");
        builder.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// A row of `recipient`, with what became of it.
struct Recipient {
    key: RecipientKey,
    event: EventId,
    account: AccountId,
    channel: Channel,
    pair_busy_until: Timestamp,
    status: DeliveryStatus,
    reason: Option<Reason>,
    code: Option<String>,
    is_open: bool,
    not_before: i64,
    attempts: i64,
    lease_owner: Option<String>,
    first_attempt_at: Option<i64>,
    name: Option<String>,
    reached: Reached,
    is_changed: bool,
    deliveries: Vec<Delivery>,
}

impl Recipient {
    fn take(&mut self, outcome: &Outcome) {
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
        let is_taken_over = outcome
            .by
            .is_some_and(|by| self.lease_owner != Some(by.to_string()));
        match &outcome.then {
            Then::Nothing => {}
            _ if is_taken_over => {}
            Then::Done => {
                self.is_changed |= self.lease_owner.take().is_some();
            }
            Then::PutBack {
                not_before,
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
                self.not_before = not_before.0;
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

/// Merges what was told into deliveries, recipients, threads and events.
pub(super) async fn settle(
    tx: &mut SqliteConnection,
    outcomes: &[Outcome],
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    let mut by_recipient: BTreeMap<RecipientKey, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        by_recipient.entry(outcome.key).or_default().push(outcome);
    }
    let keys: Vec<_> = by_recipient.keys().copied().collect();
    for keys in keys.chunks(CHUNK) {
        let mut recipients = load_recipients(tx, keys).await?;
        for recipient in &mut recipients {
            for outcome in by_recipient.get(&recipient.key).into_iter().flatten() {
                recipient.take(outcome);
            }
        }
        write_deliveries(tx, &recipients, now).await?;
        write_recipients(tx, &recipients, now).await?;
        write_messages(tx, &recipients, now, &mut changes).await?;
        count_pairs(tx, &recipients, now).await?;
        stop_marketing(tx, &newly_failed(&recipients, Reason::OptedOut), now).await?;
        mark_unreachable(tx, &newly_failed(&recipients, Reason::Unreachable), now).await?;
        for (account, reason, code) in newly_stopped(&recipients) {
            let paused = pause(tx, account, reason, &code, now).await?;
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
    keys: &[RecipientKey],
) -> Result<Vec<Recipient>, sqlx::Error> {
    let mut deliveries = load_deliveries(tx, keys).await?;
    let mut builder = with_keys(keys);
    builder.push(
        " select r.broadcast_id, r.customer_id, r.event_id, r.account_id, r.channel, c.pair_busy_until, r.status, r.reason, r.platform_code,
                 r.is_open, r.not_before, r.attempts, r.lease_owner, r.first_attempt_at, r.name,
                 c.delivered_until, c.read_until
          from v cross join recipient r on r.broadcast_id = v.b and r.customer_id = v.c
          join customer c on c.id = r.customer_id",
    );
    let rows = builder.build().fetch_all(&mut *tx).await?;
    rows.iter()
        .map(|row| {
            let key = read_key(row)?;
            Ok(Recipient {
                key,
                event: read_id(row, "event_id")?,
                account: read_id(row, "account_id")?,
                channel: read_word(row, "channel", Channel::parse)?,
                pair_busy_until: read_time(row, "pair_busy_until")?,
                status: read_word(row, "status", DeliveryStatus::parse)?,
                reason: read_word_or_none(row, "reason", Reason::parse)?,
                code: row.try_get("platform_code")?,
                is_open: row.try_get::<i64, _>("is_open")? != 0,
                not_before: row.try_get("not_before")?,
                attempts: row.try_get("attempts")?,
                lease_owner: row.try_get("lease_owner")?,
                first_attempt_at: row.try_get("first_attempt_at")?,
                name: row.try_get("name")?,
                reached: Reached {
                    delivered_until: read_time(row, "delivered_until")?,
                    read_until: read_time(row, "read_until")?,
                },
                is_changed: false,
                deliveries: deliveries.remove(&key).unwrap_or_default(),
            })
        })
        .collect()
}

async fn write_deliveries(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let changed: Vec<_> = recipients
        .iter()
        .flat_map(|recipient| {
            recipient
                .deliveries
                .iter()
                .map(move |delivery| (recipient.key, delivery))
        })
        .filter(|(_, delivery)| delivery.is_changed)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut builder = QueryBuilder::new("with v (b, c, p, s, r, k, x) as (");
    builder.push_values(changed, |mut row, (key, delivery)| {
        row.push_bind(key.broadcast.to_string())
            .push_bind(key.customer.to_string())
            .push_bind(i64::from(delivery.position))
            .push_bind(delivery.status.as_str())
            .push_bind(delivery.reason.map(Reason::as_str))
            .push_bind(delivery.code.clone())
            .push_bind(delivery.external_id.clone());
    });
    builder.push(
        ") update delivery set status = v.s, reason = v.r, platform_code = v.k, external_id = v.x, updated_at = ",
    );
    builder.push_bind(now.0);
    builder.push(" from v where delivery.broadcast_id = v.b and delivery.customer_id = v.c and delivery.position = v.p");
    builder.build().execute(tx).await?;
    Ok(())
}

async fn write_recipients(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let changed: Vec<_> = recipients
        .iter()
        .filter(|recipient| recipient.is_changed)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut builder = QueryBuilder::new("with v (b, c, s, r, k, o, n, a, l, f) as (");
    builder.push_values(changed, |mut row, recipient| {
        row.push_bind(recipient.key.broadcast.to_string())
            .push_bind(recipient.key.customer.to_string())
            .push_bind(recipient.status.as_str())
            .push_bind(recipient.reason.map(Reason::as_str))
            .push_bind(recipient.code.clone())
            .push_bind(i64::from(recipient.is_open))
            .push_bind(recipient.not_before)
            .push_bind(recipient.attempts)
            .push_bind(recipient.lease_owner.clone())
            .push_bind(recipient.first_attempt_at);
    });
    builder.push(
        ") update recipient set status = v.s, reason = v.r, platform_code = v.k, is_open = v.o, not_before = v.n,
             attempts = v.a, lease_owner = v.l, first_attempt_at = v.f, updated_at = ",
    );
    builder.push_bind(now.0);
    builder.push(" from v where recipient.broadcast_id = v.b and recipient.customer_id = v.c");
    builder.build().execute(tx).await?;
    Ok(())
}

/// Customers whom the platform was asked to send something, and whom it refused for a reason just now.
fn newly_failed(recipients: &[Recipient], reason: Reason) -> Vec<CustomerId> {
    recipients
        .iter()
        .filter(|recipient| {
            let mut deliveries = recipient.deliveries.iter();
            deliveries.any(|delivery| delivery.failed_now() && delivery.reason == Some(reason))
        })
        .map(|recipient| recipient.key.customer)
        .collect()
}

/// Accounts of which the platform tells after accepting a message that nothing of them arrives.
fn newly_stopped(recipients: &[Recipient]) -> BTreeSet<(AccountId, Reason, String)> {
    let mut stopped = BTreeSet::new();
    for recipient in recipients {
        for delivery in &recipient.deliveries {
            if let Some(reason) = delivery.reason
                && delivery.failed_now()
                && reason.is_of_account()
            {
                let code = delivery.code.clone().unwrap_or_default();
                stopped.insert((recipient.account, reason, code));
            }
        }
    }
    stopped
}

/// Notes who can't be reached until they write again.
async fn mark_unreachable(
    tx: &mut SqliteConnection,
    customers: &[CustomerId],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if customers.is_empty() {
        return Ok(());
    }
    query(
        "update customer set is_blocked = 1, block_changed_at = $2
         where id in (select value from json_each($1)) and block_changed_at < $2",
    )
    .bind(serde_json::to_string(customers).expect("ids are JSON"))
    .bind(now.0)
    .execute(tx)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000 * omocast_contract::timestamp::DAY);

    fn deliveries(statuses: &[DeliveryStatus]) -> Vec<Delivery> {
        (0..)
            .zip(statuses)
            .map(|(position, &status)| Delivery {
                position,
                status,
                reason: None,
                code: None,
                external_id: None,
                sent_at: None,
                is_changed: false,
                is_new: false,
            })
            .collect()
    }

    use DeliveryStatus::{Failed, Queued, Sending, Sent as Accepted, Skipped, Unknown};

    #[track_caller]
    fn check(
        statuses: &[DeliveryStatus],
        reach: Reach,
        first_attempt_at: Option<Timestamp>,
        has_retry_key: bool,
        positions: &[u32],
        told: &[(u32, DeliveryStatus)],
    ) {
        let plan = plan_hand_over(
            &deliveries(statuses),
            reach,
            has_retry_key,
            first_attempt_at,
            NOW,
        );
        let actual: Vec<_> = plan
            .told
            .iter()
            .map(|told| (told.position, told.status))
            .collect();
        assert_eq!(
            (plan.positions.as_slice(), actual.as_slice()),
            (positions, told)
        );
    }

    #[test]
    fn what_waits_is_handed_over_in_order() {
        check(&[Queued, Queued], Reach::Open, None, false, &[0, 1], &[]);
        check(&[Accepted, Queued], Reach::Open, None, false, &[1], &[]);
    }

    #[test]
    fn who_cannot_be_reached_any_more_is_skipped() {
        let reach = Reach::Skipped(Reason::EventEnded);
        check(
            &[Queued, Queued],
            reach,
            None,
            true,
            &[],
            &[(0, Skipped), (1, Skipped)],
        );
        check(
            &[Accepted, Queued],
            reach,
            None,
            false,
            &[],
            &[(1, Skipped)],
        );
    }

    #[test]
    fn what_a_dead_worker_was_sending_is_not_sent_again_without_a_key() {
        check(
            &[Sending, Queued],
            Reach::Open,
            None,
            false,
            &[1],
            &[(0, Unknown)],
        );
    }

    #[test]
    fn what_a_dead_worker_was_sending_is_sent_again_with_its_key() {
        let reach = Reach::Skipped(Reason::EventEnded);
        check(&[Sending, Sending], reach, Some(NOW), true, &[0, 1], &[]);
    }

    #[test]
    fn a_key_that_the_platform_has_forgotten_is_not_used() {
        let long_ago = NOW.plus(-omocast_contract::timestamp::DAY);
        check(
            &[Sending],
            Reach::Open,
            Some(long_ago),
            true,
            &[],
            &[(0, Unknown)],
        );
    }

    #[test]
    fn nothing_follows_a_message_that_failed() {
        check(
            &[Failed, Queued],
            Reach::Open,
            None,
            false,
            &[],
            &[(1, Skipped)],
        );
    }
}
