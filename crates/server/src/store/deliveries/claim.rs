//! Claiming recipients: whom a worker hands over next, checked again at this moment.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use omocast_contract::control::GIVE_UP_AFTER;
use omocast_contract::limit::pair_turn;
use omocast_contract::reach::{Outgoing, Standing, Tie};
use omocast_contract::{
    AccountId, BroadcastId, BroadcastKind, BroadcastStatus, Channel, CustomerId, DeliveryStatus,
    EventStatus, MemberId, Plan, Reach, Reason, Role, Source, Timestamp,
};
use serde::Deserialize;
use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::settle::{Delivery, Stored, Unkept, in_order, settle};
use super::{
    Claim, ClaimedRecipient, LEASE, Outcome, RecipientKey, Then, Told, deliveries_of_r, keys_json,
    with_keys,
};
use crate::store::accounts::{is_paused, is_resting};
use crate::store::templates::outgoing_of;
use crate::store::{Store, read_id, read_json, read_time, read_word};

/// How long LINE knows a retry key (a day), less what a request may take.
const RETRY_KEY_LIFE: i64 = omocast_contract::timestamp::DAY - 5 * 60_000;

impl Store {
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
        self.claim(account, owner, now, limit, Wanted::Any).await
    }

    /// The same of an account that has stopped, to see whether it is mended: those of whom no attempt came to nothing go
    /// first, because one who was tried in vain may be what is wrong.
    pub async fn claim_for_trial(
        &self,
        account: AccountId,
        owner: Uuid,
        now: Timestamp,
        limit: usize,
    ) -> Result<Claim, sqlx::Error> {
        let untried = self.claim(account, owner, now, limit, Wanted::Untried);
        let claim = untried.await?;
        if !claim.is_empty {
            return Ok(claim);
        }
        self.claim(account, owner, now, limit, Wanted::AnyOnTrial)
            .await
    }

    async fn claim(
        &self,
        account: AccountId,
        owner: Uuid,
        now: Timestamp,
        limit: usize,
        wanted: Wanted,
    ) -> Result<Claim, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let is_resting = match wanted {
            // Whoever goes on with it is a trial.
            Wanted::Any => is_paused(&mut tx, account).await?,
            Wanted::Untried | Wanted::AnyOnTrial => is_resting(&mut tx, account, now).await?,
        };
        if is_resting {
            return Ok(Claim {
                is_resting: true,
                ..Claim::default()
            });
        }
        let row = query(concat!(
            // In the order of the fields of `Candidate`.
            "select json_group_array(json_array(
                r.broadcast_id, r.id, r.customer_id, r.channel, r.attempts, r.first_attempt_at, r.name, r.message_bits, c.external_id, c.is_blocked,
                c.marketing_stopped_at, c.pair_busy_until, c.same_as is not null, e.status, e.owner_id, e.last_inbound_at, bound.member_id, ",
            deliveries_of_r!(),
            ")) as rows from (
                select r.* from recipient r join broadcast b on b.id = r.broadcast_id
                where r.account_id = $1 and r.is_open = 1 and r.not_before <= $2
                  -- Between the end of its hold and its start a broadcast can still be taken back.
                  and b.status in ('sending', 'stopped')
                  -- A worker that was held up past its own lease still knows whom it has in hand.
                  and (r.lease_owner is null or r.lease_owner <> $4)
                  and (r.attempts = 0 or not $5)
                order by r.not_before, r.broadcast_id limit $3
             ) r
             join customer c on c.id = r.customer_id
             join event e on e.id = r.event_id
             left join binding bound on bound.customer_id = r.customer_id",
        ))
        .bind(account.to_string())
        .bind(now.0)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(owner.to_string())
        .bind(wanted == Wanted::Untried)
        .fetch_one(&mut *tx)
        .await?;
        let candidates: Vec<Candidate> = read_json(&row, "rows")?;
        // An account is on one channel, and so are all of its recipients.
        let Some(channel) = candidates.first().map(|first| first.channel) else {
            return Ok(Claim {
                is_empty: true,
                ..Claim::default()
            });
        };
        let has_key = channel == Channel::Line;
        let mut claim = Claim::default();
        let mut outcomes = Vec::new();
        let mut orders: HashMap<BroadcastId, Order> = HashMap::new();
        for candidate in candidates {
            let key = RecipientKey {
                broadcast: candidate.broadcast,
                number: candidate.number,
            };
            let order = match orders.entry(key.broadcast) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(load_order(&mut tx, key.broadcast).await?),
            };
            let reach = order.reach(&candidate, now);
            let first_attempt_at = candidate.first_attempt_at.map(Timestamp);
            let Candidate { attempts, .. } = candidate;
            let deliveries = in_order(
                candidate.deliveries,
                candidate.message_bits,
                Unkept::WAITING,
            );
            let plan = plan_hand_over(&deliveries, reach, has_key, first_attempt_at, now);
            if channel == Channel::Whatsapp && !plan.positions.is_empty() {
                let messages = i64::try_from(plan.positions.len()).unwrap_or(i64::MAX);
                let busy_until = Timestamp(candidate.pair_busy_until);
                if let Err(not_before) = pair_turn(busy_until, now, messages) {
                    outcomes.push(Outcome {
                        key,
                        told: plan.told,
                        then: Then::PutBack {
                            after: not_before.since(now),
                            attempts,
                            reason: Some(Reason::RateLimited),
                            code: None,
                            may_have_arrived: false,
                        },
                        by: None,
                        account: None,
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
                    account: None,
                });
            }
            if !plan.positions.is_empty() {
                claim.recipients.push(ClaimedRecipient {
                    key,
                    customer: candidate.customer,
                    to: candidate.to,
                    name: candidate.name,
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
        lease(&mut tx, &claimed, owner, has_key, now).await?;
        claim
            .changes
            .broadcasts
            .extend(claimed.iter().map(|key| key.broadcast));
        tx.commit().await?;
        if has_key && !claimed.is_empty() {
            // When the first attempt was, tells how long the platform knows its key.
            self.make_durable().await?;
        }
        Ok(claim)
    }
}

/// Whom a claim is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    AnyOnTrial,
    /// On trial, those of whom no attempt came to nothing.
    Untried,
}

/// A recipient who may be claimed, with what decides whether they are reached.
#[derive(Deserialize)]
struct Candidate {
    broadcast: BroadcastId,
    number: i64,
    customer: CustomerId,
    channel: Channel,
    attempts: u32,
    first_attempt_at: Option<i64>,
    name: Option<String>,
    message_bits: i64,
    to: String,
    is_blocked: i64,
    marketing_stopped_at: Option<i64>,
    pair_busy_until: i64,
    is_same_as_another: i64,
    event_status: EventStatus,
    owner: Option<MemberId>,
    last_inbound_at: Option<i64>,
    seller: Option<MemberId>,
    deliveries: Vec<Stored>,
}

/// What of a broadcast decides whom it reaches.
struct Order {
    status: BroadcastStatus,
    starts_at: Timestamp,
    outgoing: Outgoing,
    source: Source,
    sender: MemberId,
    role: Role,
    plan: Plan,
}

impl Order {
    fn reach(&self, candidate: &Candidate, now: Timestamp) -> Reach {
        let standing = Standing {
            channel: candidate.channel,
            tie: match self.source {
                Source::MyEvents => Tie::Event {
                    status: candidate.event_status,
                    is_owner: candidate.owner == Some(self.sender),
                },
                Source::BoundCustomers => Tie::Binding {
                    is_bound: candidate.seller == Some(self.sender),
                },
            },
            last_inbound_at: candidate.last_inbound_at.map(Timestamp),
            is_blocked: candidate.is_blocked != 0,
            has_opted_out: candidate.marketing_stopped_at.is_some(),
        };
        let has_waited_too_long = now.since(self.starts_at) > GIVE_UP_AFTER;
        match self.role.may_broadcast(self.plan) {
            // Put back by somebody who had them in hand when it was stopped.
            _ if self.status.is_over() => Reach::Skipped(Reason::Stopped),
            Ok(()) if has_waited_too_long => Reach::Skipped(Reason::WaitedTooLong),
            // The broadcast went to the other, too, before they turned out to be one person.
            Ok(()) if candidate.is_same_as_another != 0 => Reach::Skipped(Reason::Duplicate),
            Ok(()) => standing.reach(self.outgoing, now),
            Err(_) => Reach::Skipped(Reason::SenderNotAllowed),
        }
    }
}

async fn load_order(
    tx: &mut SqliteConnection,
    broadcast: BroadcastId,
) -> Result<Order, sqlx::Error> {
    let row = query(
        "select b.status, b.starts_at, b.kind, b.source, b.member_id, m.role, t.plan
         from broadcast b join member m on m.id = b.member_id join team t on t.id = b.team_id where b.id = $1",
    )
    .bind(broadcast.to_string())
    .fetch_one(&mut *tx)
    .await?;
    Ok(Order {
        status: read_word(&row, "status", BroadcastStatus::parse)?,
        starts_at: read_time(&row, "starts_at")?,
        outgoing: match read_word(&row, "kind", BroadcastKind::parse)? {
            BroadcastKind::Messages => Outgoing::Messages,
            BroadcastKind::Template => outgoing_of(tx, broadcast).await?,
        },
        source: read_word(&row, "source", Source::parse)?,
        sender: read_id(&row, "member_id")?,
        role: read_word(&row, "role", Role::parse)?,
        plan: read_word(&row, "plan", Plan::parse)?,
    })
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

/// Leases recipients to a worker, and shows them as being handed over. Where all messages to one go in one request
/// with a key, they are as good as sent from now on.
async fn lease(
    tx: &mut SqliteConnection,
    keys: &[RecipientKey],
    owner: Uuid,
    has_key: bool,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    query(with_keys!(
        "update recipient set lease_owner = $2, not_before = $3, updated_at = $4, reason = null, platform_code = null,
                status = case status when 'queued' then 'sending' else status end,
                first_attempt_at = case when $5 then coalesce(first_attempt_at, $4) else first_attempt_at end
         from v where recipient.id = v.id"
    ))
    .bind(keys_json(keys))
    .bind(owner.to_string())
    .bind(now.plus(LEASE).0)
    .bind(now.0)
    .bind(has_key)
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
            .map(|(position, &status)| Delivery::new(position, status))
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
