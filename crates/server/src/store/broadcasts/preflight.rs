//! The check before sending (發送前檢查), and how long handing over takes.

use std::collections::BTreeMap;

use omocast_contract::api::{
    PreflightCustomer, PreflightPage, PreflightQuery, parse_preflight_cursor,
};
use omocast_contract::control::Preflight;
use omocast_contract::{
    AccountId, BroadcastRequest, Channel, Medium, OutgoingMessage, Problem, ProblemCode, Reason,
    Source, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};

use super::{Checked, check};
use crate::config::Pace;
use crate::error::AppResult;
use crate::store::accounts::quotas;
use crate::store::audience::{Scoped, count_wabas, push_audience, push_reason};
use crate::store::{Member, Store, read_id, read_time, read_word};

/// Customers in one page.
const PAGE: usize = 50;

impl Store {
    /// Checks a broadcast as [`Store::create_broadcast`] does, and makes nothing.
    ///
    /// Where nobody is reached, or an account has too little left, it says so in numbers in place of refusing.
    pub async fn preflight_broadcast(
        &self,
        member: &Member,
        request: &BroadcastRequest,
        starts_at: Option<Timestamp>,
        hold: i64,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<Preflight> {
        let mut connection = self.reader.acquire().await?;
        let Checked {
            sorted, situation, ..
        } = check(&mut connection, member, request, now, starts_at).await?;
        let needed = sorted.by_account(&situation);
        let mut count = sorted.count.clone();
        count.wabas = count_wabas(&mut connection, member, &sorted, &situation).await?;
        Ok(Preflight {
            count,
            seconds: seconds_for(&mut connection, &needed, request.content.messages(), pace)
                .await?,
            hold,
            quotas: match starts_at {
                None => quotas(&mut connection, &needed, now).await?,
                Some(_) => Vec::new(),
            },
        })
    }

    /// One page of the customers of a group of [`Store::preflight_broadcast`], newest message first.
    pub async fn list_preflight_customers(
        &self,
        member: &Member,
        request: &BroadcastRequest,
        starts_at: Option<Timestamp>,
        asked: &PreflightQuery,
        now: Timestamp,
    ) -> AppResult<PreflightPage> {
        let after = match &asked.after {
            None => None,
            Some(cursor) => Some(
                parse_preflight_cursor(cursor)
                    .ok_or_else(|| Problem::new(ProblemCode::MalformedRequest).at("after"))?,
            ),
        };
        let mut connection = self.reader.acquire().await?;
        let Checked {
            sorted, situation, ..
        } = check(&mut connection, member, request, now, starts_at).await?;
        // As the lists are ordered, so that a page is read from their index and no further.
        let (event, at) = match request.audience.source {
            Source::MyEvents => ("e.id", "e.last_message_at"),
            Source::BoundCustomers => ("e.event_id", "e.last_contact_at"),
        };
        let mut sql = QueryBuilder::new("select e.customer_id, c.name, e.channel, ");
        sql.push(event).push(" as event_id, ");
        sql.push(at).push(" as last_message_at");
        push_audience(&mut sql, member, &request.audience, Scoped::Sendable);
        sql.push(" and ");
        push_reason(&mut sql, &sorted, &situation, |_| true);
        sql.push(" is ").push_bind(asked.reason.map(Reason::as_str));
        if let Some((before, customer)) = after {
            sql.push(" and (").push(at).push(", e.customer_id) < (");
            sql.push_bind(before.0).push(", ");
            sql.push_bind(customer.to_string()).push(")");
        }
        sql.push(" order by ").push(at);
        sql.push(" desc, e.customer_id desc limit ");
        sql.push_bind(PAGE as i64 + 1);
        let found = sql.build().fetch_all(&mut *connection).await?;
        let rows = found
            .iter()
            .take(PAGE)
            .map(customer)
            .collect::<Result<Vec<_>, _>>()?;
        let has_more = found.len() > PAGE;
        let next = rows.last().filter(|_| has_more);
        let next = next.map(PreflightCustomer::cursor);
        Ok(PreflightPage { rows, next })
    }
}

fn customer(row: &SqliteRow) -> Result<PreflightCustomer, sqlx::Error> {
    Ok(PreflightCustomer {
        customer: read_id(row, "customer_id")?,
        event: read_id(row, "event_id")?,
        name: row.try_get("name")?,
        channel: read_word(row, "channel", Channel::parse)?,
        last_message_at: read_time(row, "last_message_at")?,
    })
}

/// How many seconds it takes to hand `messages` over to so many customers of each account, but for accounts that
/// have stopped. Accounts send side by side, so the slowest says.
pub(super) async fn seconds_for(
    connection: &mut SqliteConnection,
    customers: &BTreeMap<AccountId, u64>,
    messages: &[OutgoingMessage],
    pace: &Pace,
) -> Result<u64, sqlx::Error> {
    let ids: Vec<_> = customers.keys().collect();
    let accounts = query(
        "select id, channel from account where paused_at is null and id in (select value from json_each($1))",
    )
    .bind(serde_json::to_string(&ids).expect("ids are JSON"))
    .fetch_all(connection)
    .await?;
    let mut longest = 0;
    for row in &accounts {
        let channel = read_word(row, "channel", Channel::parse)?;
        let customers = customers
            .get(&read_id(row, "id")?)
            .copied()
            .unwrap_or_default();
        let turns = customers * turns(channel, messages, pace);
        longest = longest.max(turns.div_ceil(u64::from(pace.of(channel).max(1))));
    }
    Ok(longest)
}

/// How many turns of an account's pace one customer's messages take.
fn turns(channel: Channel, messages: &[OutgoingMessage], pace: &Pace) -> u64 {
    if channel == Channel::Line {
        // All in one push.
        return 1;
    }
    let weights = messages
        .iter()
        .map(|message| u64::from(pace.weight(channel, message.medium() == Medium::Video)));
    // A template is one message.
    weights.sum::<u64>().max(1)
}
