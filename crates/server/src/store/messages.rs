//! The messages of a conversation, and 1:1 replies.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use omocast_contract::api::{Customer, Media, Thread};
use omocast_contract::limit::MAX_MESSAGES;
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::{
    AccountId, BroadcastId, CustomerId, DeliveryStatus, EventId, MediaId, Medium, MessageId,
    OutgoingMessage, Reason, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::broadcasts::said::{Got, Said};
use super::deliveries::in_thread;
use super::inbound::one_line;
use super::media::media_of_all;
use super::receipts::find_reached;
use super::{Member, Store, read_id, read_id_or_none, read_time, read_word, read_word_or_none};
use crate::error::{AppError, AppResult};

/// Messages in one page of a thread.
const PAGE: usize = 50;

const MESSAGE: &str =
    "select m.id, m.direction, m.kind, m.text, m.media_id, m.at, m.status, m.reason,
    f.name as file_name, f.bytes as file_bytes, coalesce(s.name, '') as sender
    from message m left join member s on s.id = m.member_id left join media f on f.id = m.media_id";

/// A reply that is to be sent, unless it was sent already.
#[derive(Clone, Debug)]
pub enum BegunReply {
    /// Hand it over now.
    New,
    /// The same was asked before: this became of it.
    Repeated(Message),
}

/// What became of a reply.
#[derive(Clone, Debug)]
pub struct ReplyOutcome {
    pub status: DeliveryStatus,
    pub reason: Option<Reason>,
    pub external_id: Option<String>,
}

impl Store {
    /// An event that the member sees, with its customer and up to 50 messages, those before `before` if given.
    pub async fn find_thread(
        &self,
        member: &Member,
        event: EventId,
        before: Option<MessageId>,
    ) -> AppResult<Thread> {
        let event = self.find_event(member, event).await?;
        let row = query("select id, name, phone, created_at from customer where id = $1")
            .bind(event.customer.to_string())
            .fetch_one(&self.reader)
            .await?;
        let customer = Customer {
            id: read_id(&row, "id")?,
            name: row.try_get("name")?,
            phone: row.try_get("phone")?,
            created_at: read_time(&row, "created_at")?,
            tags: event.tags.clone(),
        };
        let mut connection = self.reader.acquire().await?;
        let end = match before {
            Some(before) => find_end(&mut connection, event.id, event.customer, before).await?,
            None => End::OPEN,
        };
        let mut messages = own_messages(&mut connection, event.id, end).await?;
        messages.extend(broadcast_messages(&mut connection, event.customer, end).await?);
        messages.sort_unstable_by_key(|message| Reverse((message.at, message.id)));
        let has_older = messages.len() > PAGE;
        messages.truncate(PAGE);
        messages.reverse();
        Ok(Thread {
            event,
            customer,
            messages,
            has_older,
        })
    }

    /// What the platform calls the customer of an event.
    pub async fn find_address(&self, event: EventId) -> Result<String, sqlx::Error> {
        // Who turned out to be the same person as another is written to there.
        let row = query(
            "select written.external_id from event e join customer c on c.id = e.customer_id
             join customer written on written.id = coalesce(c.same_as, c.id) where e.id = $1",
        )
        .bind(event.to_string())
        .fetch_one(&self.reader)
        .await?;
        row.try_get("external_id")
    }

    /// Records a reply before it is handed over, so that nothing is lost whatever happens.
    /// One with the same id is only begun again if the platform did not take it.
    pub async fn begin_reply(
        &self,
        member: &Member,
        event: EventId,
        account: AccountId,
        id: MessageId,
        content: &OutgoingMessage,
        now: Timestamp,
    ) -> AppResult<BegunReply> {
        let mut tx = self.begin_write().await?;
        let done = query(
            "insert into message (id, team_id, event_id, account_id, direction, kind, text, media_id, at, member_id, status)
             values ($1, $2, $3, $4, 'outbound', $5, $6, $7, $8, $9, 'sending')
             on conflict (id) do update set status = 'sending', reason = null, at = excluded.at
             where message.status = 'failed' and message.event_id = excluded.event_id and message.kind = excluded.kind
                   and message.text = excluded.text and message.media_id is excluded.media_id",
        )
        .bind(id.to_string())
        .bind(member.team_id.to_string())
        .bind(event.to_string())
        .bind(account.to_string())
        .bind(content.medium().as_str())
        .bind(content.words().unwrap_or_default())
        .bind(content.media().map(|media| media.to_string()))
        .bind(now.0)
        .bind(member.id.to_string())
        .execute(&mut *tx)
        .await?;
        let begun = if done.rows_affected() == 1 {
            BegunReply::New
        } else {
            BegunReply::Repeated(find_message(&mut tx, id).await?)
        };
        tx.commit().await?;
        self.make_durable().await?;
        Ok(begun)
    }

    /// Replies begun before `before` whose outcome nobody recorded: the process died meanwhile.
    /// Like every request without an answer, they may or may not have arrived.
    pub async fn settle_abandoned_replies(&self, before: Timestamp) -> Result<u64, sqlx::Error> {
        let done = query(
            "update message set status = 'unknown', reason = $1
             where direction = 'outbound' and status = 'sending' and at < $2",
        )
        .bind(Reason::NoAnswer.as_str())
        .bind(before.0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(done.rows_affected())
    }

    /// Records what became of a reply. What the platform told meanwhile by webhook stays.
    pub async fn finish_reply(
        &self,
        event: EventId,
        id: MessageId,
        outcome: &ReplyOutcome,
        now: Timestamp,
    ) -> AppResult<Message> {
        let mut tx = self.begin_write().await?;
        let before = query("select status, kind, text, at from message where id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let status = read_word(&before, "status", DeliveryStatus::parse)?.after(outcome.status);
        let reason = outcome.reason.filter(|_| status == outcome.status);
        // A receipt for everything up to a time may have overtaken the answer.
        let reached = find_reached(&mut tx, event).await?;
        let status = reached.advance(status, read_time(&before, "at")?);
        query("update message set status = $1, reason = $2, external_id = coalesce($3, external_id) where id = $4")
            .bind(status.as_str())
            .bind(reason.map(Reason::as_str))
            .bind(outcome.external_id.as_deref())
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        if !matches!(status, DeliveryStatus::Failed | DeliveryStatus::Skipped) {
            let text: String = before.try_get("text")?;
            let medium = read_word(&before, "kind", Medium::parse)?;
            query(
                "update event set last_text = $1, last_medium = $2, last_message_at = max(last_message_at, $3), unread = 0
                 where id = $4",
            )
            .bind(one_line(&text))
            .bind(medium.as_str())
            .bind(now.0)
            .bind(event.to_string())
            .execute(&mut *tx)
            .await?;
        }
        let message = find_message(&mut tx, id).await?;
        tx.commit().await?;
        Ok(message)
    }
}

async fn find_message(connection: &mut SqliteConnection, id: MessageId) -> AppResult<Message> {
    let mut sql = QueryBuilder::new(MESSAGE);
    sql.push(" where m.id = ").push_bind(id.to_string());
    let row = sql
        .build()
        .fetch_optional(connection)
        .await?
        .ok_or(AppError::NotFound)?;
    Ok(message(&row)?)
}

fn message(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let text: String = row.try_get("text")?;
    let media = read_id_or_none(row, "media_id")?;
    let caption = || Some(text.clone()).filter(|text| !text.is_empty());
    let content = match Medium::parse(&kind) {
        Some(Medium::Text) => MessageContent::Text { text },
        Some(Medium::Image) => MessageContent::Image {
            media,
            caption: caption(),
        },
        Some(Medium::Video) => MessageContent::Video {
            media,
            caption: caption(),
        },
        Some(Medium::File) => MessageContent::File {
            media,
            name: row
                .try_get::<Option<_>, _>("file_name")?
                .unwrap_or_default(),
            bytes: row
                .try_get::<Option<i64>, _>("file_bytes")?
                .unwrap_or_default()
                .unsigned_abs(),
            caption: caption(),
        },
        Some(Medium::Emoji | Medium::SavedReply) | None => MessageContent::Unsupported { kind },
    };
    let direction: String = row.try_get("direction")?;
    let origin = if direction == "inbound" {
        MessageOrigin::Inbound
    } else {
        MessageOrigin::Outbound {
            sender: row.try_get("sender")?,
            broadcast: None,
            status: read_word(row, "status", DeliveryStatus::parse)?,
            reason: read_word_or_none(row, "reason", Reason::parse)?,
        }
    };
    Ok(Message {
        id: read_id(row, "id")?,
        at: read_time(row, "at")?,
        origin,
        content,
    })
}

/// Before which message a page of a thread ends.
#[derive(Clone, Copy, Debug)]
struct End {
    at: Timestamp,
    id: MessageId,
}

impl End {
    /// After everything.
    const OPEN: Self = Self {
        at: Timestamp(i64::MAX),
        id: MessageId(Uuid::max()),
    };
}

/// Where in the thread a message stands; nothing is before one that is not in it.
async fn find_end(
    connection: &mut SqliteConnection,
    event: EventId,
    customer: CustomerId,
    before: MessageId,
) -> Result<End, sqlx::Error> {
    let row = query(
        "select at from message where id = $1 and event_id = $2
         union all
         select d.sent_at from json_each($3) asked
         join recipient r on r.broadcast_id = asked.value and r.customer_id = $4
         join delivery d on d.recipient_id = r.id and d.position = asked.key",
    )
    .bind(before.to_string())
    .bind(event.to_string())
    .bind(broadcasts_of(before))
    .bind(customer.to_string())
    .fetch_optional(connection)
    .await?;
    let at = row.map(|row| read_time(&row, "at")).transpose()?;
    Ok(End {
        at: at.unwrap_or(Timestamp(i64::MIN)),
        id: before,
    })
}

/// The newest of what the customer wrote and was answered 1:1.
async fn own_messages(
    connection: &mut SqliteConnection,
    event: EventId,
    end: End,
) -> Result<Vec<Message>, sqlx::Error> {
    let mut sql = QueryBuilder::new(MESSAGE);
    sql.push(" where m.event_id = ")
        .push_bind(event.to_string());
    sql.push(" and (m.at, m.id) < (").push_bind(end.at.0);
    sql.push(", ").push_bind(end.id.to_string()).push(")");
    sql.push(" order by m.at desc, m.id desc limit ")
        .push_bind(PAGE as i64 + 1);
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(message).collect()
}

/// The newest that the customer got of broadcasts. They have few: as many as were sent to them.
async fn broadcast_messages(
    connection: &mut SqliteConnection,
    customer: CustomerId,
    end: End,
) -> Result<Vec<Message>, sqlx::Error> {
    let rows = query(
        "select got.*, b.member_id, b.messages, b.template, b.name_fallback, s.name as sender
         from (
            select r.broadcast_id, d.position, d.status, d.reason, d.sent_at, r.name as recipient_name
            from recipient r
            join delivery d on d.recipient_id = r.id
            where r.customer_id = $1
              and (d.status in (select value from json_each($5)) or (d.status = 'failed' and d.external_id is not null))
              and (d.sent_at < $2 or (d.sent_at = $2 and r.broadcast_id < $3 ->> d.position))
            order by d.sent_at desc, r.broadcast_id desc, d.position desc limit $4
         ) got
         join broadcast b on b.id = got.broadcast_id join member s on s.id = b.member_id",
    )
    .bind(customer.to_string())
    .bind(end.at.0)
    .bind(broadcasts_of(end.id))
    .bind(PAGE as i64 + 1)
    .bind(in_thread())
    .fetch_all(&mut *connection)
    .await?;
    let mut said = HashMap::new();
    let mut got = Vec::with_capacity(rows.len());
    for row in &rows {
        let broadcast: BroadcastId = read_id(row, "broadcast_id")?;
        let position = u32::try_from(row.try_get::<i64, _>("position")?).unwrap_or(u32::MAX);
        let said = match said.entry(broadcast) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Said::read(row)?),
        };
        if let Some(message) = said.got(row.try_get("recipient_name")?, position) {
            got.push((row, broadcast, position, message));
        }
    }
    let holders: Vec<_> = said.keys().map(ToString::to_string).collect();
    let holders: Vec<_> = holders.iter().map(String::as_str).collect();
    let files = media_of_all(connection, &holders).await?;
    let files: HashMap<MediaId, Media> = files
        .into_values()
        .flatten()
        .map(|media| (media.id, media))
        .collect();
    got.into_iter()
        .map(|(row, broadcast, position, got)| {
            Ok(Message {
                id: message_id(broadcast, position),
                at: read_time(row, "sent_at")?,
                origin: MessageOrigin::Outbound {
                    sender: row.try_get("sender")?,
                    broadcast: Some(broadcast),
                    status: read_word(row, "status", DeliveryStatus::parse)?,
                    reason: read_word_or_none(row, "reason", Reason::parse)?,
                },
                content: content(got, &files),
            })
        })
        .collect()
}

fn content(got: Got, files: &HashMap<MediaId, Media>) -> MessageContent {
    match got {
        Got::Template(template) => MessageContent::Template { template },
        Got::Message(message) => MessageContent::of_sent(message, |id| files.get(&id).cloned()),
    }
}

/// A message of a broadcast in the thread of one customer. The same number, and its order, for each of them.
fn message_id(broadcast: BroadcastId, position: u32) -> MessageId {
    MessageId(Uuid::from_u128(
        broadcast.0.as_u128().wrapping_add(position.into()),
    ))
}

/// Which broadcast a message would be of, by its place in it: the other way round than [`message_id`], as JSON.
fn broadcasts_of(message: MessageId) -> String {
    let messages = u128::try_from(MAX_MESSAGES).unwrap_or_default();
    let broadcasts =
        (0..messages).map(|position| Uuid::from_u128(message.0.as_u128().wrapping_sub(position)));
    serde_json::to_string(&broadcasts.collect::<Vec<_>>()).expect("ids are JSON")
}
