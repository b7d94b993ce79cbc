//! Broadcasts in the threads: each recipient's messages as they got them, and the last one in the lists.

use std::collections::{BTreeSet, HashMap};

use omocast_contract::template::fill::fill as filled_in;
use omocast_contract::variable::fill_name;
use omocast_contract::{
    BroadcastId, DeliveryStatus, EventId, MediaId, Medium, MemberId, OutgoingMessage, Reason,
    SentTemplate, TeamId, Timestamp,
};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::{CHUNK, Changes, Delivery, Recipient, RecipientKey, is_in_thread};
use crate::store::bindings::bound_to_or_none;
use crate::store::inbound::one_line;
use crate::store::templates::sent_template;
use crate::store::{read_id, read_id_or_none, read_word};

/// What a thread needs of a broadcast.
struct Sent {
    team: TeamId,
    member: MemberId,
    messages: Vec<OutgoingMessage>,
    template: Option<SentTemplate>,
    name_fallback: String,
}

/// A message as one recipient got it.
struct Shown {
    kind: &'static str,
    medium: Medium,
    /// The text, or what stands under an upload.
    text: String,
    /// What the list says of it.
    line: String,
    media: Option<MediaId>,
}

/// The kind of a message that is a template: what it shows is in its broadcast.
pub(in crate::store) const TEMPLATE: &str = "template";

/// Shows changed deliveries in the threads, and the last one of each in the lists.
pub(super) async fn write_messages(
    tx: &mut SqliteConnection,
    recipients: &[Recipient],
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), sqlx::Error> {
    let mut sent: HashMap<BroadcastId, Sent> = HashMap::new();
    let mut shown = Vec::new();
    let mut failed = Vec::new();
    let mut last: Vec<(&Recipient, MemberId, String, Medium)> = Vec::new();
    for recipient in recipients {
        let broadcast = recipient.key.broadcast;
        let changed = recipient
            .deliveries
            .iter()
            .filter(|delivery| delivery.is_changed);
        let (in_thread, others): (Vec<_>, Vec<_>) =
            changed.partition(|delivery| is_in_thread(delivery.status));
        let late = others
            .into_iter()
            .filter(|each| each.status == DeliveryStatus::Failed);
        failed.extend(late.map(|delivery| (recipient, delivery)));
        if in_thread.is_empty() {
            continue;
        }
        if let std::collections::hash_map::Entry::Vacant(entry) = sent.entry(broadcast) {
            entry.insert(load_sent(tx, broadcast).await?);
        }
        if in_thread.iter().any(|delivery| delivery.is_new) {
            let newest = in_thread
                .iter()
                .filter(|delivery| delivery.is_new)
                .max_by_key(|each| each.position);
            let shown = newest.zip(sent.get(&broadcast)).and_then(|(each, sent)| {
                let shown = sent.shown(recipient.name.as_deref(), each.position);
                shown.map(|shown| (recipient, sent.member, one_line(&shown.line), shown.medium))
            });
            let Some(shown) = shown else { continue };
            last.push(shown);
        }
        shown.extend(in_thread.into_iter().map(|delivery| (recipient, delivery)));
    }
    let mut rows = Vec::with_capacity(shown.len());
    for (recipient, delivery) in &shown {
        let Some(sent) = sent.get(&recipient.key.broadcast) else {
            continue;
        };
        if let Some(shown) = sent.shown(recipient.name.as_deref(), delivery.position) {
            rows.push((*recipient, *delivery, sent, shown));
        }
    }
    for rows in rows.chunks(1_000) {
        insert_messages(tx, rows, now).await?;
    }
    if !failed.is_empty() {
        let mut builder = QueryBuilder::new("with v (b, e, p, r) as (");
        builder.push_values(&failed, |mut row, (recipient, delivery)| {
            row.push_bind(recipient.key.broadcast.to_string())
                .push_bind(recipient.event.to_string())
                .push_bind(i64::from(delivery.position))
                .push_bind(delivery.reason.map(Reason::as_str));
        });
        builder.push(
            ") update message set status = 'failed', reason = v.r from v
             where message.broadcast_id is not null and message.broadcast_id = v.b and message.event_id = v.e
               and message.position = v.p",
        );
        builder.build().execute(&mut *tx).await?;
    }
    for last in last.chunks(CHUNK) {
        update_lists(tx, last, now).await?;
    }
    let touched = shown.iter().chain(&failed);
    let touched: BTreeSet<EventId> = touched
        .map(|(recipient, _)| recipient.event)
        .filter(|event| !changes.events.contains_key(event))
        .collect();
    tell(tx, &touched, changes).await
}

/// Shows the last message of each recipient in the lists.
///
/// What goes to a bound customer reopens nothing; nobody's ended event becomes the sender's,
/// in whose 已結束 it is found again.
async fn update_lists(
    tx: &mut SqliteConnection,
    last: &[(&Recipient, MemberId, String, Medium)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut builder = QueryBuilder::new("with v (e, t, m, s) as (");
    builder.push_values(last, |mut row, (recipient, sender, text, medium)| {
        row.push_bind(recipient.event.to_string())
            .push_bind(text.clone())
            .push_bind(medium.as_str())
            .push_bind(sender.to_string());
    });
    builder
        .push(") update event set last_text = v.t, last_medium = v.m, last_message_at = ")
        .push_bind(now.0)
        .push(
            ", owner_id = case status when 'ended' then coalesce(owner_id, v.s) else owner_id end
              from v where event.id = v.e and last_message_at <= ",
        )
        .push_bind(now.0);
    builder.build().execute(tx).await.map(drop)
}

/// Notes whose pages hear of these events.
async fn tell(
    tx: &mut SqliteConnection,
    events: &BTreeSet<EventId>,
    changes: &mut Changes,
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let rows = query(
        "select e.id, e.team_id, e.owner_id, b.member_id, b.shop_id
         from json_each($1) asked join event e on e.id = asked.value
         left join binding b on b.customer_id = e.customer_id",
    )
    .bind(serde_json::to_string(events).expect("ids are JSON"))
    .fetch_all(tx)
    .await?;
    for row in &rows {
        let owner: Option<MemberId> = read_id_or_none(row, "owner_id")?;
        let bound = bound_to_or_none(row)?;
        changes.add_event_of(read_id(row, "id")?, read_id(row, "team_id")?, owner, bound);
    }
    Ok(())
}

impl Sent {
    /// What one recipient got: with their name in it.
    fn shown(&self, name: Option<&str>, position: u32) -> Option<Shown> {
        let name = name.unwrap_or_default();
        if let Some(SentTemplate { template, fill }) = &self.template {
            let filled = filled_in(template, fill, name, &self.name_fallback);
            return (position == 0).then(|| Shown {
                kind: TEMPLATE,
                medium: Medium::Text,
                text: filled.text(),
                line: filled.body.text,
                media: None,
            });
        }
        let message = self.messages.get(usize::try_from(position).ok()?)?;
        let words = message.words().unwrap_or_default();
        let text = fill_name(words, name, &self.name_fallback);
        Some(Shown {
            kind: message.medium().as_str(),
            medium: message.medium(),
            line: text.clone(),
            text,
            media: message.media(),
        })
    }
}

/// The words of one delivery as its recipient got them; none where it is no text.
pub(in crate::store) async fn find_text(
    tx: &mut SqliteConnection,
    key: RecipientKey,
    position: u32,
) -> Result<Option<String>, sqlx::Error> {
    let sent = load_sent(tx, key.broadcast).await?;
    let row = query("select name from recipient where broadcast_id = $1 and customer_id = $2")
        .bind(key.broadcast.to_string())
        .bind(key.customer.to_string())
        .fetch_one(tx)
        .await?;
    let shown = sent.shown(row.try_get("name")?, position);
    Ok(shown
        .filter(|shown| shown.medium == Medium::Text)
        .map(|shown| shown.text))
}

async fn load_sent(tx: &mut SqliteConnection, broadcast: BroadcastId) -> Result<Sent, sqlx::Error> {
    let row = query(
        "select team_id, member_id, messages, template, name_fallback from broadcast where id = $1",
    )
    .bind(broadcast.to_string())
    .fetch_one(tx)
    .await?;
    Ok(Sent {
        team: read_id(&row, "team_id")?,
        member: read_id(&row, "member_id")?,
        messages: read_word(&row, "messages", |text| serde_json::from_str(text).ok())?,
        template: sent_template(&row)?,
        name_fallback: row
            .try_get::<Option<String>, _>("name_fallback")?
            .unwrap_or_default(),
    })
}

async fn insert_messages(
    tx: &mut SqliteConnection,
    rows: &[(&Recipient, &Delivery, &Sent, Shown)],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut builder = QueryBuilder::new(
        "insert into message (id, team_id, event_id, account_id, direction, kind, text, media_id, at, external_id,
                              member_id, broadcast_id, position, status, reason) ",
    );
    builder.push_values(rows, |mut row, (recipient, delivery, sent, shown)| {
        row.push_bind(Uuid::now_v7().to_string())
            .push_bind(sent.team.to_string())
            .push_bind(recipient.event.to_string())
            .push_bind(recipient.account.to_string())
            .push_bind("outbound")
            .push_bind(shown.kind)
            .push_bind(shown.text.clone())
            .push_bind(shown.media.map(|media| media.to_string()))
            .push_bind(now.0)
            .push_bind(delivery.external_id.clone())
            .push_bind(sent.member.to_string())
            .push_bind(recipient.key.broadcast.to_string())
            .push_bind(i64::from(delivery.position))
            .push_bind(delivery.status.as_str())
            .push_bind(delivery.reason.map(Reason::as_str));
    });
    builder.push(
        " on conflict (broadcast_id, event_id, position) where broadcast_id is not null do update
          set status = excluded.status, reason = excluded.reason,
              external_id = coalesce(message.external_id, excluded.external_id)
          -- An id that the platform gave twice must not keep everybody's outcomes from being recorded.
          on conflict do nothing",
    );
    builder.build().execute(tx).await?;
    Ok(())
}
