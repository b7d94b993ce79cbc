//! Test customers: a member's own customer on a channel, bound by a code that they write to the account.

use omocast_contract::reach::window;
use omocast_contract::test_send::{TestCustomer, asked_test_code};
use omocast_contract::{AccountId, Channel, CustomerId, EventId, Reach, Reason, TeamId, Timestamp};
use sqlx::{Row as _, SqliteConnection, query};

use super::{Member, Store, read_id, read_time_or_none, read_word};
use crate::error::{AppError, AppResult};

/// A member's test customer on one channel, with what is needed to write to them.
#[derive(Clone, Debug)]
pub struct TestTarget {
    pub customer_name: String,
    pub event: EventId,
    pub account: AccountId,
    pub channel: Channel,
    pub is_blocked: bool,
    pub last_inbound_at: Option<Timestamp>,
}

impl TestTarget {
    /// Whether a message would arrive. Whose the event is does not matter: the customer is the member.
    pub fn reach(&self, now: Timestamp) -> Reach {
        if self.is_blocked {
            return Reach::Skipped(Reason::Blocked);
        }
        window(self.channel, self.last_inbound_at, now)
    }
}

impl Store {
    /// Gives a member a code, in place of an earlier one.
    pub async fn create_test_code(
        &self,
        member: &Member,
        code: &str,
        expires_at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query(
            "insert into test_code (member_id, code, expires_at) values ($1, $2, $3)
             on conflict (member_id) do update set code = excluded.code, expires_at = excluded.expires_at",
        )
        .bind(member.id.to_string())
        .bind(code)
        .bind(expires_at.0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(())
    }

    /// The member's test customers, in the order of the channels.
    pub async fn list_test_customers(
        &self,
        member: &Member,
    ) -> Result<Vec<TestCustomer>, sqlx::Error> {
        let rows = query(
            "select t.channel, c.name from test_customer t join customer c on c.id = t.customer_id
             where t.member_id = $1",
        )
        .bind(member.id.to_string())
        .fetch_all(&self.reader)
        .await?;
        let mut customers = rows
            .iter()
            .map(|row| {
                Ok(TestCustomer {
                    channel: read_word(row, "channel", Channel::parse)?,
                    customer_name: row.try_get("name")?,
                })
            })
            .collect::<Result<Vec<_>, sqlx::Error>>()?;
        customers.sort_by_key(|customer| customer.channel);
        Ok(customers)
    }

    /// The member's test customer on one channel.
    pub async fn find_test_target(
        &self,
        member: &Member,
        channel: Channel,
    ) -> Result<Option<TestTarget>, sqlx::Error> {
        let row = query(
            "select c.name, c.is_blocked, e.id, e.account_id, e.last_inbound_at
             from test_customer t join customer c on c.id = t.customer_id join event e on e.customer_id = c.id
             where t.member_id = $1 and t.channel = $2",
        )
        .bind(member.id.to_string())
        .bind(channel.as_str())
        .fetch_optional(&self.reader)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(TestTarget {
            customer_name: row.try_get("name")?,
            event: read_id(&row, "id")?,
            account: read_id(&row, "account_id")?,
            channel,
            is_blocked: row.try_get("is_blocked")?,
            last_inbound_at: read_time_or_none(&row, "last_inbound_at")?,
        }))
    }

    /// Unbinds the member's test customer on one channel.
    pub async fn delete_test_customer(&self, member: &Member, channel: Channel) -> AppResult<()> {
        let done = query("delete from test_customer where member_id = $1 and channel = $2")
            .bind(member.id.to_string())
            .bind(channel.as_str())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        if done.rows_affected() == 0 {
            return Err(AppError::NotFound);
        }
        Ok(())
    }
}

/// Binds the customer who wrote `text` to the member of the team whose code it is, if it is one that still holds.
/// A code binds a customer on each channel until it expires.
pub(super) async fn bind_test_customer(
    connection: &mut SqliteConnection,
    team: TeamId,
    channel: Channel,
    customer: CustomerId,
    text: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let Some(code) = asked_test_code(text).filter(|_| channel.takes_broadcasts()) else {
        return Ok(());
    };
    query(
        "insert into test_customer (member_id, channel, customer_id, bound_at)
         select t.member_id, $3, $4, $5 from test_code t join member m on m.id = t.member_id
         where t.code = $1 and t.expires_at > $5 and m.team_id = $2
         on conflict (member_id, channel) do update set customer_id = excluded.customer_id, bound_at = excluded.bound_at",
    )
    .bind(code)
    .bind(team.to_string())
    .bind(channel.as_str())
    .bind(customer.to_string())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}
