//! The messages of a conversation, and 1:1 replies.

use omocast_contract::api::{Customer, Thread};
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::template::fill::fill as filled_in;
use omocast_contract::{
    AccountId, DeliveryStatus, EventId, Medium, MessageId, OutgoingMessage, Reason, SentTemplate,
    Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};

use super::deliveries::TEMPLATE;
use super::inbound::one_line;
use super::receipts::find_reached;
use super::templates::sent_template;
use super::{Member, Store, read_id, read_id_or_none, read_time, read_word, read_word_or_none};
use crate::error::{AppError, AppResult};

/// Messages in one page of a thread.
const PAGE: usize = 50;

const MESSAGE: &str = "select m.id, m.direction, m.kind, m.text, m.media_id, m.at, m.broadcast_id, m.status, m.reason,
    f.name as file_name, f.bytes as file_bytes, coalesce(s.name, '') as sender,
    b.template, b.name_fallback, r.name as recipient_name
    from message m left join member s on s.id = m.member_id left join media f on f.id = m.media_id
    left join broadcast b on b.id = m.broadcast_id and m.kind = 'template'
    left join recipient r on r.broadcast_id = b.id
                         and r.customer_id = (select customer_id from event where id = m.event_id)";

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
        let mut sql = QueryBuilder::new(MESSAGE);
        sql.push(" where m.event_id = ")
            .push_bind(event.id.to_string());
        if let Some(before) = before {
            sql.push(" and (m.at, m.id) < (select at, id from message where id = ")
                .push_bind(before.to_string());
            sql.push(" and event_id = ")
                .push_bind(event.id.to_string())
                .push(")");
        }
        sql.push(" order by m.at desc, m.id desc limit ")
            .push_bind(PAGE as i64 + 1);
        let rows = sql.build().fetch_all(&self.reader).await?;
        let has_older = rows.len() > PAGE;
        let messages: Result<_, _> = rows.iter().take(PAGE).rev().map(message).collect();
        Ok(Thread {
            event,
            customer,
            messages: messages?,
            has_older,
        })
    }

    /// What the platform calls the customer of an event.
    pub async fn find_address(&self, event: EventId) -> Result<String, sqlx::Error> {
        let row = query("select c.external_id from event e join customer c on c.id = e.customer_id where e.id = $1")
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
             where direction = 'outbound' and broadcast_id is null and status = 'sending' and at < $2",
        )
        .bind(Reason::NoAnswer.as_str())
        .bind(before.0)
        .execute(&self.writer)
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
        _ if kind == TEMPLATE => template(row, kind)?,
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
            broadcast: read_id_or_none(row, "broadcast_id")?,
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

/// A template as the customer got it: the broadcast holds it once for all of them.
fn template(row: &SqliteRow, kind: String) -> Result<MessageContent, sqlx::Error> {
    let Some(SentTemplate { template, fill }) = sent_template(row)? else {
        return Ok(MessageContent::Unsupported { kind });
    };
    let name: Option<String> = row.try_get("recipient_name")?;
    let fallback: Option<String> = row.try_get("name_fallback")?;
    let (name, fallback) = (name.unwrap_or_default(), fallback.unwrap_or_default());
    Ok(MessageContent::Template {
        template: Box::new(filled_in(&template, &fill, &name, &fallback)),
    })
}
