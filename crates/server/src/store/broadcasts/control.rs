//! What is done with an accepted broadcast: begun when it is due, stopped or taken back, put off.

use omocast_contract::control::is_overdue;
use omocast_contract::draft::title;
use omocast_contract::{
    BroadcastId, BroadcastKind, BroadcastStatus, Control, Controlled, DraftId, LogEvent, MemberId,
    OutgoingMessage, ProblemCode, Timestamp,
};
use sqlx::{Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::log::log;
use super::{check_scope, find_broadcast, waiting_by_account};
use crate::config::Pace;
use crate::error::{AppError, AppResult};
use crate::store::accounts::is_any_short;
use crate::store::deliveries::{Changes, Close, close};
use crate::store::media::{media_in, use_media};
use crate::store::{Member, Store, read_count, read_id, read_time, read_word};

/// Recipients of a broadcast that waits for its sender's word are not due before they are put back.
const PARKED: i64 = i64::MAX;

impl Store {
    /// Begins the broadcasts whose hold is over or whose time has come.
    /// One that is too late to begin by itself waits for its sender's word instead.
    pub async fn start_due(&self, now: Timestamp) -> Result<Changes, sqlx::Error> {
        const DUE: &str = "select id, status, starts_at from broadcast
            where status in ('held', 'scheduled') and starts_at <= $1";
        let mut changes = Changes::default();
        // Looked for first, so that there is no write when nothing is due.
        let is_due = query(DUE).bind(now.0).fetch_optional(&self.reader).await?;
        if is_due.is_none() {
            return Ok(changes);
        }
        let mut tx = self.begin_write().await?;
        for row in query(DUE).bind(now.0).fetch_all(&mut *tx).await? {
            let id = read_id(&row, "id")?;
            let status = read_word(&row, "status", BroadcastStatus::parse)?;
            if is_overdue(read_time(&row, "starts_at")?, now) {
                set_status(&mut tx, id, BroadcastStatus::Overdue).await?;
                put_off(&mut tx, id, Timestamp(PARKED)).await?;
                log(&mut tx, id, None, &LogEvent::Overdue, now).await?;
            } else {
                set_status(&mut tx, id, BroadcastStatus::Sending).await?;
                if status == BroadcastStatus::Scheduled {
                    log(&mut tx, id, None, &LogEvent::Started, now).await?;
                }
            }
            changes.broadcasts.insert(id);
        }
        tx.commit().await?;
        Ok(changes)
    }

    /// When the next broadcast begins that has not begun.
    pub async fn next_start_at(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = query(
            "select min(starts_at) as due from broadcast where status in ('held', 'scheduled')",
        )
        .fetch_one(&self.reader)
        .await?;
        Ok(row.try_get::<Option<i64>, _>("due")?.map(Timestamp))
    }

    /// Does with a broadcast what a member asks; `starts_at` is the moment that a `send_at` means.
    pub async fn control_broadcast(
        &self,
        member: &Member,
        id: BroadcastId,
        control: Control,
        starts_at: Timestamp,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<Controlled> {
        let mut tx = self.begin_write().await?;
        check_scope(&mut tx, member, id).await?;
        let row = query("select status, member_id from broadcast where id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let status = read_word(&row, "status", BroadcastStatus::parse)?;
        let sender: MemberId = read_id(&row, "member_id")?;
        control.check(status, sender == member.id)?;
        let mut draft = None;
        match control {
            Control::Stop => {
                let is_cancelled = stop(&mut tx, member, id, now).await?;
                if is_cancelled && sender == member.id {
                    draft = restore_draft(&mut tx, member, id, now).await?;
                }
            }
            Control::Reschedule { .. } | Control::SendNow => {
                if control == Control::SendNow {
                    let needed = waiting_by_account(&mut tx, id).await?;
                    if is_any_short(&mut tx, &needed, now).await? {
                        return Err(ProblemCode::QuotaShort.into());
                    }
                }
                let status = match control {
                    Control::SendNow => BroadcastStatus::Sending,
                    _ => BroadcastStatus::Scheduled,
                };
                set_status(&mut tx, id, status).await?;
                put_off(&mut tx, id, starts_at).await?;
                query("update broadcast set starts_at = $2 where id = $1")
                    .bind(id.to_string())
                    .bind(starts_at.0)
                    .execute(&mut *tx)
                    .await?;
                let event = match control {
                    Control::SendNow => LogEvent::Started,
                    _ => LogEvent::Rescheduled { starts_at },
                };
                log(&mut tx, id, Some(member.id), &event, now).await?;
            }
            Control::TryAccounts => {
                query(
                    "update account set tried_at = $2 where paused_at is not null
                     and id in (select distinct account_id from recipient where broadcast_id = $1 and is_open = 1)",
                )
                .bind(id.to_string())
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
            }
        }
        let broadcast = find_broadcast(&mut tx, id, pace, now).await?;
        tx.commit().await?;
        // Who was told that it is stopped must not see it go on after a power cut.
        self.make_durable().await?;
        Ok(Controlled { broadcast, draft })
    }
}

async fn set_status(
    tx: &mut SqliteConnection,
    id: BroadcastId,
    status: BroadcastStatus,
) -> Result<(), sqlx::Error> {
    query("update broadcast set status = $2 where id = $1")
        .bind(id.to_string())
        .bind(status.as_str())
        .execute(tx)
        .await
        .map(drop)
}

/// Lets recipients wait until `starts_at`.
async fn put_off(
    tx: &mut SqliteConnection,
    id: BroadcastId,
    starts_at: Timestamp,
) -> Result<(), sqlx::Error> {
    query("update recipient set not_before = $2 where broadcast_id = $1 and is_open = 1")
        .bind(id.to_string())
        .bind(starts_at.0)
        .execute(tx)
        .await
        .map(drop)
}

/// Skips what is not handed over yet, and tells whether nothing was: then the broadcast is cancelled.
async fn stop(
    tx: &mut SqliteConnection,
    member: &Member,
    id: BroadcastId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    close(tx, id, Close::Stopped, now).await?;
    // Whoever is still open may have got it, as LINE's retry key will tell; a customer who got a part got something.
    let row = query(
        "select count(*) filter (where is_open = 1 or got) as handed_over,
                count(*) filter (where reason = 'stopped' and not got) as left
         from (
            select r.is_open, r.reason, exists (
                select 1 from delivery d where d.recipient_id = r.id
                and d.status in ('sent', 'delivered', 'read', 'unknown')
            ) as got
            from recipient r where r.broadcast_id = $1
         ) known",
    )
    .bind(id.to_string())
    .fetch_one(&mut *tx)
    .await?;
    let handed_over = read_count(&row, "handed_over")?;
    let left = read_count(&row, "left")?;
    let (status, event) = if handed_over == 0 {
        (BroadcastStatus::Cancelled, LogEvent::Cancelled)
    } else {
        (
            BroadcastStatus::Stopped,
            LogEvent::Stopped { handed_over, left },
        )
    };
    query("update broadcast set status = $2, completed_at = $3 where id = $1")
        .bind(id.to_string())
        .bind(status.as_str())
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
    log(tx, id, Some(member.id), &event, now).await?;
    Ok(status == BroadcastStatus::Cancelled)
}

/// Makes a draft of what a cancelled broadcast said, for its sender to go on with.
async fn restore_draft(
    tx: &mut SqliteConnection,
    member: &Member,
    broadcast: BroadcastId,
    now: Timestamp,
) -> AppResult<Option<DraftId>> {
    let row = query("select kind, retry_of, audience, messages, name_fallback, surface from broadcast where id = $1")
        .bind(broadcast.to_string())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(AppError::NotFound)?;
    // The audience of a retry is that of the first broadcast, most of whom have it already.
    let is_retry = row.try_get::<Option<String>, _>("retry_of")?.is_some();
    if is_retry || read_word(&row, "kind", BroadcastKind::parse)? == BroadcastKind::Template {
        return Ok(None);
    }
    let id = DraftId(Uuid::now_v7());
    let messages: Vec<OutgoingMessage> =
        read_word(&row, "messages", |text| serde_json::from_str(text).ok())?;
    query(
        "insert into draft (id, team_id, member_id, version, title, audience, messages, name_fallback, surface, updated_at)
         values ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(member.team_id.to_string())
    .bind(member.id.to_string())
    .bind(title(&messages))
    .bind(row.try_get::<String, _>("audience")?)
    .bind(row.try_get::<String, _>("messages")?)
    .bind(row.try_get::<Option<String>, _>("name_fallback")?)
    .bind(row.try_get::<String, _>("surface")?)
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    use_media(tx, member.team_id, &id.to_string(), media_in(&messages)).await?;
    Ok(Some(id))
}
