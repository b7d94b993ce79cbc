//! Customers who want no more marketing: Meta tells when they say so, and when they change their mind;
//! and it refuses what is sent to them all the same.

use omocast_contract::{CustomerId, Timestamp};
use sqlx::{SqliteConnection, query};

use super::known_as::KnownAs;

/// What a customer said of marketing, as the platform tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketingTold {
    pub customer: KnownAs,
    pub is_stopped: bool,
    pub at: Timestamp,
}

/// Takes in what a customer said. Webhooks come in any order: what was said last counts.
pub(super) async fn take_marketing(
    tx: &mut SqliteConnection,
    customer: CustomerId,
    told: &MarketingTold,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let at = told.at.min(now);
    query(
        "update customer set marketing_stopped_at = $2, marketing_changed_at = $3
         where id = $1 and marketing_changed_at <= $3",
    )
    .bind(customer.to_string())
    .bind(told.is_stopped.then_some(at.0))
    .bind(at.0)
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that the platform refused marketing for these customers because they want none, at the times, in milliseconds,
/// when it was sent.
pub(super) async fn stop_marketing(
    tx: &mut SqliteConnection,
    customers: &[(CustomerId, i64)],
) -> Result<(), sqlx::Error> {
    if customers.is_empty() {
        return Ok(());
    }
    query(
        "with v (c, at) as materialized (select value ->> 0, value ->> 1 from jsonb_each($1))
         update customer set marketing_stopped_at = v.at, marketing_changed_at = v.at from v
         where customer.id = v.c and marketing_stopped_at is null and marketing_changed_at < v.at",
    )
    .bind(serde_json::to_string(customers).expect("ids and times are JSON"))
    .execute(tx)
    .await?;
    Ok(())
}
