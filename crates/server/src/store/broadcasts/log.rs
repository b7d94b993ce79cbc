//! What was done with a broadcast: who, what and when. Kept as long as the broadcast.

use omocast_contract::{BroadcastId, LogEntry, LogEvent, MemberId, Timestamp};
use sqlx::{Row as _, SqliteConnection, query};

use crate::store::{read_time, read_word};

/// Notes what a member did, or omocast by itself.
pub(in crate::store) async fn log(
    tx: &mut SqliteConnection,
    broadcast: BroadcastId,
    member: Option<MemberId>,
    event: &LogEvent,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    query(
        "insert into broadcast_log (broadcast_id, number, at, member_id, event)
         select $1, coalesce(max(number), 0) + 1, $2, $3, $4 from broadcast_log where broadcast_id = $1",
    )
    .bind(broadcast.to_string())
    .bind(now.0)
    .bind(member.map(|member| member.to_string()))
    .bind(serde_json::to_string(event).expect("an event is JSON"))
    .execute(tx)
    .await
    .map(drop)
}

/// Everything that was done with a broadcast, the oldest first.
pub(super) async fn read_log(
    connection: &mut SqliteConnection,
    broadcast: BroadcastId,
) -> Result<Vec<LogEntry>, sqlx::Error> {
    let rows = query(
        "select l.at, m.name, l.event from broadcast_log l left join member m on m.id = l.member_id
         where l.broadcast_id = $1 order by l.number",
    )
    .bind(broadcast.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LogEntry {
                at: read_time(row, "at")?,
                member: row.try_get("name")?,
                event: read_word(row, "event", |text| serde_json::from_str(text).ok())?,
            })
        })
        .collect()
}
