//! Receipts that name a time instead of a message: everything sent before it has arrived, or was read.
//!
//! The time is kept with the customer, and `deliveries::settle` compares with it whatever is recorded later: a receipt
//! may overtake the answer to the very request that it is about.

use omocast_contract::{
    AccountId, CustomerId, DeliveryStatus, EventId, MemberId, TeamId, Timestamp,
};
use sqlx::{Row as _, SqliteConnection, query};

use super::deliveries::{Changes, Outcome, RecipientKey, Then, settle};
use super::inbound::{About, StatusTold, Watermark, WatermarkTold};
use super::{read_id, read_id_or_none, read_time_or_none};

/// How far a platform's clock may be from ours, in milliseconds.
const CLOCKS_DIFFER: i64 = 60_000;

/// How far messages to a customer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) delivered_until: Timestamp,
    pub(super) read_until: Timestamp,
}

impl Reached {
    /// What became of a message that was taken at `sent_at`.
    pub(super) fn status(self, sent_at: Timestamp) -> Option<DeliveryStatus> {
        if sent_at <= self.read_until {
            Some(DeliveryStatus::Read)
        } else if sent_at <= self.delivered_until {
            Some(DeliveryStatus::Delivered)
        } else {
            None
        }
    }

    /// Where a message stands that stood at `status` and was taken at `sent_at`. Only what is known to be sent can have
    /// arrived by then: what may never have been sent proves nothing.
    pub(super) fn advance(self, status: DeliveryStatus, sent_at: Timestamp) -> DeliveryStatus {
        match (status, self.status(sent_at)) {
            (DeliveryStatus::Sent | DeliveryStatus::Delivered, Some(reached)) => {
                status.after(reached)
            }
            _ => status,
        }
    }
}

/// Notes when the platform itself took the account's messages, which a watermark is better compared with than our own
/// clock.
pub(super) async fn note_taken(
    tx: &mut SqliteConnection,
    account: AccountId,
    told: &[&StatusTold],
) -> Result<(), sqlx::Error> {
    let taken: Vec<_> = told
        .iter()
        .filter_map(|told| match (told.about, told.taken_at) {
            (Some(About::Delivery { key, position }), Some(at)) => {
                Some((key.number, key.broadcast, position, at.0))
            }
            _ => None,
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    query(
        "with v (id, b, p, t) as materialized (
            select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from jsonb_each($1)
         )
         update delivery set sent_at = v.t from v
         where delivery.recipient_id = v.id and delivery.position = v.p and sent_at is not null and exists (
            select 1 from recipient r where r.id = v.id and r.broadcast_id = v.b and r.account_id = $2
         )",
    )
    .bind(serde_json::to_string(&taken).expect("ids are JSON"))
    .bind(account.to_string())
    .execute(tx)
    .await
    .map(drop)
}

/// Advances the customers' watermarks, and every message that they pass.
pub(super) async fn take_watermarks(
    tx: &mut SqliteConnection,
    account: AccountId,
    told: &[&WatermarkTold],
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    let mut outcomes = Vec::new();
    for told in told {
        let Some((customer, team, until)) = advance_customer(tx, account, told, now).await? else {
            continue;
        };
        outcomes.extend(passed(tx, customer, told.reach, until).await?);
        advance_replies(tx, customer, team, told.reach, until, &mut changes).await?;
    }
    changes.merge(settle(tx, &outcomes, now).await?);
    Ok(changes)
}

/// Whose watermark advanced, and until when; none if it did not.
async fn advance_customer(
    tx: &mut SqliteConnection,
    account: AccountId,
    told: &WatermarkTold,
    now: Timestamp,
) -> Result<Option<(CustomerId, TeamId, Timestamp)>, sqlx::Error> {
    let named = match &told.message {
        Some(message) => find_time(tx, account, message).await?,
        None => None,
    };
    // What is yet to be sent was not read; the platform's clock may be ahead.
    let until = named.unwrap_or(told.until).min(now.plus(CLOCKS_DIFFER));
    let column = match told.reach {
        Watermark::Delivered => "delivered_until",
        Watermark::Read => "read_until",
    };
    let sql = sqlx::AssertSqlSafe(format!(
        "update customer set {column} = $3 where account_id = $1 and external_id = $2 and {column} < $3
         returning id, team_id"
    ));
    let row = query(sql)
        .bind(account.to_string())
        .bind(&told.customer)
        .bind(until.0)
        .fetch_optional(tx)
        .await?;
    row.map(|row| Ok((read_id(&row, "id")?, read_id(&row, "team_id")?, until)))
        .transpose()
}

/// When a message of ours was sent, by the platform's id of it.
async fn find_time(
    tx: &mut SqliteConnection,
    account: AccountId,
    message: &str,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let row = query(
        "select coalesce(
            (select d.sent_at from delivery d
             join recipient r on r.id = d.recipient_id
             where d.external_id = $2 and r.account_id = $1),
            (select at from message where account_id = $1 and external_id = $2 and direction = 'outbound')
         ) as sent_at",
    )
    .bind(account.to_string())
    .bind(message)
    .fetch_one(tx)
    .await?;
    read_time_or_none(&row, "sent_at")
}

/// Which messages a watermark can move: those that are known to be sent and have not come that far.
fn movable(reach: Watermark) -> &'static str {
    match reach {
        Watermark::Delivered => "('sent')",
        Watermark::Read => "('sent', 'delivered')",
    }
}

/// The recipients with messages that the watermark passes; what becomes of them, `settle` finds out.
async fn passed(
    tx: &mut SqliteConnection,
    customer: CustomerId,
    reach: Watermark,
    until: Timestamp,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let sql = sqlx::AssertSqlSafe(format!(
        "select distinct r.broadcast_id, r.id from recipient r
         join delivery d on d.recipient_id = r.id
         where r.customer_id = $1 and d.status in {} and d.sent_at <= $2",
        movable(reach)
    ));
    let rows = query(sql)
        .bind(customer.to_string())
        .bind(until.0)
        .fetch_all(tx)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Outcome {
                key: RecipientKey {
                    broadcast: read_id(row, "broadcast_id")?,
                    number: row.try_get("id")?,
                },
                told: Vec::new(),
                then: Then::Nothing,
                by: None,
                account: None,
            })
        })
        .collect()
}

async fn advance_replies(
    tx: &mut SqliteConnection,
    customer: CustomerId,
    team: TeamId,
    reach: Watermark,
    until: Timestamp,
    changes: &mut Changes,
) -> Result<(), sqlx::Error> {
    let status = match reach {
        Watermark::Delivered => DeliveryStatus::Delivered,
        Watermark::Read => DeliveryStatus::Read,
    };
    let sql = sqlx::AssertSqlSafe(format!(
        "update message set status = $3
         where event_id = (select id from event where customer_id = $1) and direction = 'outbound'
           and at <= $2 and status in {}
         returning event_id",
        movable(reach)
    ));
    let rows = query(sql)
        .bind(customer.to_string())
        .bind(until.0)
        .bind(status.as_str())
        .fetch_all(&mut *tx)
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let event: EventId = read_id(row, "event_id")?;
    let row = query("select owner_id from event where id = $1")
        .bind(event.to_string())
        .fetch_one(tx)
        .await?;
    let owner: Option<MemberId> = read_id_or_none(&row, "owner_id")?;
    changes.add_event(event, team, owner);
    Ok(())
}

/// How far messages to the customer of an event came.
pub(super) async fn find_reached(
    tx: &mut SqliteConnection,
    event: EventId,
) -> Result<Reached, sqlx::Error> {
    let row = query(
        "select c.delivered_until, c.read_until from event e join customer c on c.id = e.customer_id where e.id = $1",
    )
    .bind(event.to_string())
    .fetch_one(tx)
    .await?;
    Ok(Reached {
        delivered_until: Timestamp(row.try_get("delivered_until")?),
        read_until: Timestamp(row.try_get("read_until")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACHED: Reached = Reached {
        delivered_until: Timestamp(20),
        read_until: Timestamp(10),
    };

    #[test]
    fn a_watermark_passes_what_was_sent_before_it() {
        let advance = |at| REACHED.advance(DeliveryStatus::Sent, Timestamp(at));
        assert_eq!(advance(10), DeliveryStatus::Read);
        assert_eq!(advance(11), DeliveryStatus::Delivered);
        assert_eq!(advance(20), DeliveryStatus::Delivered);
        assert_eq!(advance(21), DeliveryStatus::Sent);
    }

    #[test]
    fn a_watermark_proves_nothing_of_what_may_never_have_been_sent() {
        for status in [
            DeliveryStatus::Queued,
            DeliveryStatus::Sending,
            DeliveryStatus::Unknown,
            DeliveryStatus::Failed,
            DeliveryStatus::Skipped,
        ] {
            assert_eq!(REACHED.advance(status, Timestamp(5)), status);
        }
        let read = REACHED.advance(DeliveryStatus::Read, Timestamp(15));
        assert_eq!(read, DeliveryStatus::Read);
    }
}
