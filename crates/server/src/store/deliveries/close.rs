//! What is left to hand over and is not handed over any more: its sender stopped it, or it has waited too long.

use omocast_contract::{BroadcastId, CustomerId, DeliveryStatus, Reason, Timestamp};
use serde::Deserialize;
use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::settle::{Stored, Unkept, in_order, settle};
use super::{CHUNK, Changes, Outcome, RecipientKey, Then, Told, deliveries_of_r};
use crate::store::read_json;

/// Whose messages are not handed over any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Close {
    /// Everybody's. What is being handed over at this moment goes on, and so does what LINE may have taken:
    /// only asking it again tells.
    Stopped,
    /// Those who wait for accounts that have stopped. What may have arrived is not called failed.
    WaitedTooLong,
}

impl Close {
    /// The recipients `r` that it is about.
    fn whose(self) -> &'static str {
        match self {
            Self::Stopped => "r.first_attempt_at is null",
            Self::WaitedTooLong => {
                "r.account_id in (select id from account where paused_at is not null)"
            }
        }
    }

    /// What becomes of a message that stood so; none where it goes on.
    fn tell(self, status: DeliveryStatus, was_tried: bool) -> Option<(DeliveryStatus, Reason)> {
        match (self, status) {
            (Self::Stopped, DeliveryStatus::Queued) => {
                Some((DeliveryStatus::Skipped, Reason::Stopped))
            }
            (Self::Stopped, _) => None,
            (Self::WaitedTooLong, DeliveryStatus::Queued) if !was_tried => {
                Some((DeliveryStatus::Failed, Reason::WaitedTooLong))
            }
            (Self::WaitedTooLong, _) => Some((DeliveryStatus::Unknown, Reason::NoAnswer)),
        }
    }
}

/// A recipient with something left to hand over.
#[derive(Deserialize)]
struct Open {
    number: i64,
    customer: CustomerId,
    first_attempt_at: Option<i64>,
    message_bits: i64,
    deliveries: Vec<Stored>,
}

/// Settles what is left to hand over of a broadcast.
pub(in crate::store) async fn close(
    tx: &mut SqliteConnection,
    broadcast: BroadcastId,
    close: Close,
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    // The plus keeps SQLite at the index that is in the order of the customers.
    let page = format!(
        "select json_group_array(json_array(r.id, r.customer_id, r.first_attempt_at, r.message_bits, {})) as rows from (
            select * from recipient r
            where r.broadcast_id = $1 and r.customer_id > $2 and +r.is_open = 1 and {}
            order by r.customer_id limit $3
         ) r",
        deliveries_of_r!(),
        close.whose()
    );
    let mut changes = Changes::default();
    let mut after = CustomerId(Uuid::nil());
    loop {
        let row = query(sqlx::AssertSqlSafe(page.as_str()))
            .bind(broadcast.to_string())
            .bind(after.to_string())
            .bind(CHUNK as i64)
            .fetch_one(&mut *tx)
            .await?;
        let rows: Vec<Open> = read_json(&row, "rows")?;
        let Some(last) = rows.iter().map(|row| row.customer).max() else {
            return Ok(changes);
        };
        after = last;
        let outcomes = rows.into_iter().map(|row| row.outcome(broadcast, close));
        let outcomes: Vec<_> = outcomes.collect();
        changes.merge(settle(tx, &outcomes, now).await?);
    }
}

impl Open {
    fn outcome(self, broadcast: BroadcastId, close: Close) -> Outcome {
        let was_tried = self.first_attempt_at.is_some();
        let deliveries = in_order(self.deliveries, self.message_bits, Unkept::WAITING);
        let mut told = Vec::new();
        // Whoever hands something over keeps the recipient.
        let mut then = Then::Done;
        for delivery in deliveries.iter().filter(|each| !each.status.is_settled()) {
            match close.tell(delivery.status, was_tried) {
                Some((status, reason)) => told.push(Told {
                    position: delivery.position,
                    status,
                    reason: Some(reason),
                    code: None,
                    external_id: None,
                }),
                None => then = Then::Nothing,
            }
        }
        Outcome {
            key: RecipientKey {
                broadcast,
                number: self.number,
            },
            told,
            then,
            by: None,
            account: None,
        }
    }
}
