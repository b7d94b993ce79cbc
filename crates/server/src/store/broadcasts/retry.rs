//! Sends again what failed and may be retried: as a broadcast of its own, linked to the first.

use std::collections::BTreeMap;

use omocast_contract::control::check_retry;
use omocast_contract::{
    AccountId, BroadcastId, BroadcastStatus, LogEvent, MemberId, ProblemCode, Reason, Timestamp,
};
use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::log::log;
use super::{Begins, CreatedBroadcast, Once, check_scope, find_broadcast, find_earlier};
use crate::config::Pace;
use crate::error::AppResult;
use crate::store::accounts::is_any_short;
use crate::store::{Member, Store, read_count, read_id, read_word};

/// The recipients `r` of the broadcast `$1` whose failure may be retried, by the reasons of the list `$2`,
/// and was not yet: a retry of which they got nothing, because it was stopped before it was their turn, does not count.
const RETRYABLE: &str = " from recipient r
    where r.broadcast_id = $1 and r.status = 'failed' and r.reason in (select value from json_each($2))
      and not exists (
        select 1 from broadcast later join recipient again
            on again.broadcast_id = later.id and again.customer_id = r.customer_id
        where later.retry_of = $1 and (again.status <> 'skipped' or exists (
            select 1 from delivery d where d.recipient_id = again.id
            and d.status <> 'skipped')))";

fn reasons() -> String {
    let reasons = Reason::ALL
        .into_iter()
        .filter(|reason| reason.may_be_retried());
    let words: Vec<_> = reasons.map(Reason::as_str).collect();
    serde_json::to_string(&words).expect("words are JSON")
}

fn with_retryable(before: &str, after: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{before}{RETRYABLE}{after}"))
}

/// How many recipients' failures may be retried, and were not yet.
pub(super) async fn count_retryable(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<u64, sqlx::Error> {
    let row = query(with_retryable("select count(*) as customers", ""))
        .bind(id.to_string())
        .bind(reasons())
        .fetch_one(connection)
        .await?;
    read_count(&row, "customers")
}

/// How many they are by account.
async fn count_by_account(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<BTreeMap<AccountId, u64>, sqlx::Error> {
    let counted = with_retryable(
        "select r.account_id, count(*) as customers",
        " group by r.account_id",
    );
    let rows = query(counted)
        .bind(id.to_string())
        .bind(reasons())
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((read_id(row, "account_id")?, read_count(row, "customers")?)))
        .collect()
}

impl Store {
    /// Makes a broadcast of what failed in another and may be retried, once for each key.
    ///
    /// A customer gets those messages again that failed or were not tried after them, and none that arrived or may have.
    pub async fn retry_broadcast(
        &self,
        member: &Member,
        original: BroadcastId,
        once: Once<'_>,
        begins: Begins,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<CreatedBroadcast> {
        let mut tx = self.begin_write().await?;
        check_scope(&mut tx, member, original).await?;
        if let Some(earlier) = find_earlier(&mut tx, member, once).await? {
            let broadcast = find_broadcast(&mut tx, earlier, pace, now).await?;
            return Ok(CreatedBroadcast::Repeated(broadcast));
        }
        let row = query("select status, member_id from broadcast where id = $1")
            .bind(original.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let sender: MemberId = read_id(&row, "member_id")?;
        check_retry(
            read_word(&row, "status", BroadcastStatus::parse)?,
            sender == member.id,
        )?;
        let needed = count_by_account(&mut tx, original).await?;
        if needed.is_empty() {
            return Err(ProblemCode::NothingToRetry.into());
        }
        if is_any_short(&mut tx, &needed, now).await? {
            return Err(ProblemCode::QuotaShort.into());
        }
        let id = BroadcastId(Uuid::now_v7());
        query(
            "insert into broadcast (id, team_id, member_id, idempotency_key, request_hash, title, messages, message_count,
                                    audience, status, created_at, name_fallback, links_official, links_other,
                                    kind, template_id, template, source, starts_at, retry_of)
             select $2, team_id, member_id, $3, $4, title, messages, message_count,
                    audience, $5, $6, name_fallback, links_official, links_other,
                    kind, template_id, template, source, $7, id
             from broadcast where id = $1",
        )
        .bind(original.to_string())
        .bind(id.to_string())
        .bind(once.key)
        .bind(once.hash)
        .bind(begins.status().as_str())
        .bind(now.0)
        .bind(begins.at(now).0)
        .execute(&mut *tx)
        .await?;
        query("insert into media_use (holder_id, media_id) select $2, media_id from media_use where holder_id = $1")
            .bind(original.to_string())
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        query(with_retryable(
            "insert into recipient (broadcast_id, customer_id, event_id, account_id, channel, name, status, updated_at,
                                    is_open, not_before, message_bits)
             select $3, r.customer_id, r.event_id, r.account_id, r.channel, r.name, 'queued', $4, 1, $5, (
                select case count(*) when 0 then r.message_bits else sum(case
                    when d.status = 'failed' and d.reason in (select value from json_each($2)) then 1 << d.position
                    when d.status = 'skipped' and d.reason = 'earlier_message_failed' then 1 << d.position
                    else 0 end) end
                from delivery d where d.recipient_id = r.id
             )",
            "",
        ))
        .bind(original.to_string())
        .bind(reasons())
        .bind(id.to_string())
        .bind(now.0)
        .bind(begins.at(now).0)
        .execute(&mut *tx)
        .await?;
        let recipients = needed.values().sum();
        let retried = LogEvent::Retried {
            broadcast: id,
            recipients,
        };
        log(&mut tx, original, Some(member.id), &retried, now).await?;
        let accepted = LogEvent::Accepted { recipients };
        log(&mut tx, id, Some(member.id), &accepted, now).await?;
        let broadcast = find_broadcast(&mut tx, id, pace, now).await?;
        tx.commit().await?;
        self.make_durable().await?;
        Ok(CreatedBroadcast::New(broadcast))
    }
}
