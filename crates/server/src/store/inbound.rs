//! What comes in by webhook: customers, events, messages, statuses.
//!
//! Platforms send everything at least once and in any order, so every change here is harmless when it comes again,
//! and compares the platform's times instead of trusting the order.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use omocast_contract::binding::digits;
use omocast_contract::event::asked_staff_code;
use omocast_contract::{
    AccountId, BroadcastId, Channel, CustomerId, DeliveryStatus, EventId, EventStatus, FileType,
    MediaId, Medium, MemberId, MessageId, Reason, TeamId, Timestamp,
};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::bindings::{BoundTo, bind_by_code, find_bound};
use super::deliveries::{Changes, Outcome, RecipientKey, Then, Told, settle};
use super::echoes::{EchoTold, take_echo};
use super::known_as::{Known, KnownAs, find_known, find_news, learn, unite};
use super::opt_outs::{MarketingTold, take_marketing};
use super::receipts::{note_taken, take_watermarks};
use super::test_customers::bind_test_customer;
use super::{
    Store, fold_name, read_id, read_id_or_none, read_time, read_time_or_none, read_word,
    read_word_or_none,
};

/// A stored webhook.
#[derive(Debug)]
pub struct StoredWebhook {
    pub id: Uuid,
    pub account: AccountId,
    pub body: Vec<u8>,
    /// How often it could not be processed.
    pub attempts: u32,
}

/// What one webhook says of one account.
#[derive(Debug)]
pub struct Inbox {
    pub account: AccountId,
    pub team: TeamId,
    pub channel: Channel,
    pub changes: Vec<Change>,
}

impl Inbox {
    /// Whether it tells of nothing but what became of messages.
    pub fn is_of_statuses(&self) -> bool {
        let mut changes = self.changes.iter();
        changes.all(|change| matches!(change, Change::Status(_)))
    }
}

/// One thing a platform told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A customer wrote.
    Message(InboundMessage),
    /// A customer blocked the account, or took that back.
    Blocked {
        customer: Contact,
        is_blocked: bool,
        at: Timestamp,
    },
    /// A customer took a message back.
    Unsent { external_id: String },
    /// What became of a message of ours.
    Status(StatusTold),
    /// A message of the account came back, and does not say whose it is.
    Echo(EchoTold),
    /// What became of all messages up to a time.
    Watermark(WatermarkTold),
    /// A customer wants no more marketing, or takes it again.
    Marketing(MarketingTold),
}

/// A customer as the platform names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub known_as: KnownAs,
    /// Empty where the platform did not tell.
    pub name: String,
    pub phone: Option<String>,
}

/// A message of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    pub customer: Contact,
    pub external_id: String,
    pub at: Timestamp,
    pub content: InboundContent,
}

/// What a customer's message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundContent {
    Text(String),
    /// An image, a video or a file.
    Media(InboundMedia),
    /// Something that is not shown, by the platform's word.
    Other(String),
}

/// What a customer sent besides words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMedia {
    /// What the platform calls it; what comes may turn out to be something else.
    pub medium: Medium,
    /// By what the platform gives it away; none where it can't be had.
    pub reference: Option<String>,
    /// Empty where the platform does not tell.
    pub name: String,
    /// Empty where there is none.
    pub caption: String,
}

/// What the platform tells of a message of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusTold {
    pub external_id: String,
    /// Whom it was for; none where the platform does not tell, or nothing is learnt from it.
    pub customer: Option<KnownAs>,
    /// What we gave along, and the platform gives back.
    pub about: Option<About>,
    pub status: DeliveryStatus,
    pub reason: Option<Reason>,
    pub code: Option<String>,
    /// When the platform took it, by the platform's clock; none where it does not matter.
    pub taken_at: Option<Timestamp>,
}

/// What the platform tells of all messages of ours to one customer up to a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatermarkTold {
    /// The customer's id on the platform.
    pub customer: String,
    pub reach: Watermark,
    /// Where the platform names a message instead of its time; `until` stands in while that message is not known.
    pub message: Option<String>,
    pub until: Timestamp,
}

/// How far messages came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watermark {
    Delivered,
    Read,
}

/// Names a message of ours, in a text that the platform gives back with its statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A message of a broadcast: it is known even before the platform's id of it is.
    Delivery { key: RecipientKey, position: u32 },
    /// A reply.
    Reply(MessageId),
}

impl About {
    /// `<broadcast>.<recipient>.<position>`, or the message's id.
    pub fn to_opaque(self) -> String {
        match self {
            Self::Delivery { key, position } => {
                format!("{}.{}.{position}", key.broadcast, key.number)
            }
            Self::Reply(message) => message.to_string(),
        }
    }

    /// Reads [`About::to_opaque`] back.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((broadcast, rest)) = text.split_once('.') else {
            return text.parse().ok().map(Self::Reply);
        };
        let (number, position) = rest.split_once('.')?;
        let key = RecipientKey {
            broadcast: broadcast.parse().ok()?,
            number: number.parse().ok()?,
        };
        Some(Self::Delivery {
            key,
            position: position.parse().ok()?,
        })
    }
}

/// What was fetched and stored.
#[derive(Clone, Debug)]
pub struct FetchedMedia {
    pub id: MediaId,
    /// By its content, whatever the platform called it.
    pub medium: Medium,
    pub file_type: Option<FileType>,
    pub name: String,
    pub mime: String,
    pub bytes: u64,
}

/// What was asked of the platform beforehand, because no transaction waits for a platform.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Names by the customer's id on the platform.
    pub names: HashMap<String, String>,
    /// Media by their reference.
    pub media: HashMap<String, FetchedMedia>,
}

impl Fetched {
    /// The files of the media.
    pub fn files(&self) -> Vec<MediaId> {
        self.media.values().map(|media| media.id).collect()
    }
}

/// What processing a webhook did.
#[derive(Debug, Default)]
pub struct Processed {
    pub changes: Changes,
    /// Files that no message shows (any more).
    pub unused: Vec<MediaId>,
}

/// A text as a list shows it: in one line, and no longer than anybody sees there.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 800 {
            break;
        }
    }
    line.chars().take(200).collect()
}

impl Store {
    /// The oldest webhooks that are to be processed.
    pub async fn due_webhooks(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredWebhook>, sqlx::Error> {
        let rows = query(
            "select id, account_id, body, attempts from webhook where not_before <= $1 order by not_before, id limit $2",
        )
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(StoredWebhook {
                    id: read_id(row, "id")?,
                    account: read_id(row, "account_id")?,
                    body: row.try_get("body")?,
                    attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    /// When the next webhook is due that is not due now; none for those that are given up.
    pub async fn next_webhook_at(&self, now: Timestamp) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = query(
            "select min(not_before) as due from webhook where not_before > $1 and not_before < $2",
        )
        .bind(now.0)
        .bind(i64::MAX)
        .fetch_one(&self.reader)
        .await?;
        read_time_or_none(&row, "due")
    }

    /// Puts a webhook off; until the end of time where it is given up, but kept to look into.
    pub async fn postpone_webhook(
        &self,
        id: Uuid,
        attempts: u32,
        not_before: Option<Timestamp>,
    ) -> Result<(), sqlx::Error> {
        query("update webhook set attempts = $2, not_before = $3 where id = $1")
            .bind(id.to_string())
            .bind(i64::from(attempts))
            .bind(not_before.map_or(i64::MAX, |at| at.0))
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Forgets what nobody needs any more: webhooks that were given up, and what was taken back, both before `before`.
    pub async fn delete_old_webhooks(&self, before: Timestamp) -> Result<(), sqlx::Error> {
        query("delete from webhook where not_before = $1 and received_at < $2")
            .bind(i64::MAX)
            .bind(before.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        // No platform brings a message that late.
        query("delete from unsent where at < $1")
            .bind(before.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Those of `users` whose name is known.
    pub async fn find_named(
        &self,
        account: AccountId,
        users: &[String],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let mut named = HashSet::new();
        for users in users.chunks(1_000) {
            let mut builder =
                QueryBuilder::new("select external_id from customer where account_id = ");
            builder
                .push_bind(account.to_string())
                .push(" and name <> '' and external_id in (");
            let mut list = builder.separated(", ");
            for user in users {
                list.push_bind(user);
            }
            builder.push(")");
            for row in builder.build().fetch_all(&self.reader).await? {
                named.insert(row.try_get("external_id")?);
            }
        }
        Ok(named)
    }

    /// Those of `messages` that are stored already.
    pub async fn find_messages(
        &self,
        account: AccountId,
        messages: &[String],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let mut found = HashSet::new();
        for messages in messages.chunks(1_000) {
            let mut builder =
                QueryBuilder::new("select external_id from message where account_id = ");
            builder
                .push_bind(account.to_string())
                .push(" and external_id in (");
            let mut list = builder.separated(", ");
            for message in messages {
                list.push_bind(message);
            }
            builder.push(")");
            for row in builder.build().fetch_all(&self.reader).await? {
                found.insert(row.try_get("external_id")?);
            }
        }
        Ok(found)
    }

    /// Does what webhooks say and forgets them, in one transaction.
    pub async fn process_webhooks(
        &self,
        webhooks: &[Uuid],
        inboxes: &[Inbox],
        fetched: &Fetched,
        now: Timestamp,
    ) -> Result<Processed, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let mut processed = Processed::default();
        let go_together = |one: &Inbox, next: &Inbox| {
            one.account == next.account && one.is_of_statuses() && next.is_of_statuses()
        };
        for inboxes in inboxes.chunk_by(go_together) {
            let changes: Vec<_> = inboxes.iter().flat_map(|inbox| &inbox.changes).collect();
            let mut work = Work {
                inbox: &inboxes[0],
                fetched,
                now,
                processed: &mut processed,
                events: HashMap::new(),
            };
            work.run(&mut tx, &changes).await?;
        }
        query("delete from webhook where id in (select value from json_each($1))")
            .bind(serde_json::to_string(webhooks).expect("ids are JSON"))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(processed)
    }
}

/// An event as it becomes over one webhook; written once at the end.
struct EventWork {
    customer: CustomerId,
    id: EventId,
    is_new: bool,
    status: EventStatus,
    owner: Option<MemberId>,
    /// Who owned it before, to be told as well.
    owner_before: Option<MemberId>,
    /// Whose bound customer it is of.
    bound: Option<BoundTo>,
    last: Option<(String, Medium)>,
    last_message_at: Timestamp,
    last_inbound_at: Option<Timestamp>,
    unread: i64,
    is_changed: bool,
}

/// A customer as the store knows them.
struct CustomerRow {
    id: CustomerId,
    name: String,
    phone: Option<String>,
    is_blocked: bool,
    block_changed_at: Timestamp,
}

struct Work<'a> {
    inbox: &'a Inbox,
    fetched: &'a Fetched,
    now: Timestamp,
    processed: &'a mut Processed,
    events: HashMap<CustomerId, EventWork>,
}

impl Work<'_> {
    async fn run(
        &mut self,
        tx: &mut SqliteConnection,
        changes: &[&Change],
    ) -> Result<(), sqlx::Error> {
        let inbox = self.inbox;
        let mut statuses = Vec::new();
        for &change in changes {
            match change {
                Change::Message(message) => self.take_message(tx, message).await?,
                Change::Blocked {
                    customer,
                    is_blocked,
                    at,
                } => {
                    self.take_block(tx, customer, *is_blocked, *at).await?;
                }
                // After the messages, which may be in the same webhook.
                Change::Unsent { .. } | Change::Watermark(_) | Change::Echo(_) => {}
                Change::Status(told) => statuses.push(told),
                Change::Marketing(told) => {
                    if let Some(customer) = self.find_customer(tx, &told.customer).await? {
                        take_marketing(tx, customer, told, self.now).await?;
                    }
                }
            }
        }
        self.write_events(tx).await?;
        for change in changes {
            if let Change::Unsent { external_id } = change {
                self.take_back(tx, external_id).await?;
            }
        }
        self.take_statuses(tx, &statuses).await?;
        for change in changes {
            if let Change::Echo(echo) = change {
                let changes = take_echo(tx, inbox.team, inbox.account, echo, self.now).await?;
                self.processed.changes.merge(changes);
            }
        }
        // A status may tell the time that a watermark is compared with.
        let watermarks: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Watermark(told) => Some(told),
                _ => None,
            })
            .collect();
        let changes = take_watermarks(tx, inbox.account, &watermarks, self.now).await?;
        self.processed.changes.merge(changes);
        Ok(())
    }

    async fn take_message(
        &mut self,
        tx: &mut SqliteConnection,
        message: &InboundMessage,
    ) -> Result<(), sqlx::Error> {
        // Nobody writes in the future; a wrong clock there must not keep a window open here.
        let at = message.at.min(self.now);
        let customer = self
            .find_or_create_customer(tx, &message.customer, at)
            .await?;
        if customer.is_blocked && at > customer.block_changed_at {
            self.set_blocked(tx, customer.id, false, at).await?;
        }
        let event = match self.events.entry(customer.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(load_event(tx, customer.id, at).await?),
        };
        if event.is_new {
            // The message needs the row to refer to; what it says is written at the end.
            insert_event(tx, self.inbox, event, self.now).await?;
            event.is_new = false;
        }
        let is_unsent = query("select 1 from unsent where account_id = $1 and external_id = $2")
            .bind(self.inbox.account.to_string())
            .bind(&message.external_id)
            .fetch_optional(&mut *tx)
            .await?
            .is_some();
        let media = match &message.content {
            InboundContent::Media(media) => media
                .reference
                .as_ref()
                .and_then(|reference| self.fetched.media.get(reference)),
            InboundContent::Text(_) | InboundContent::Other(_) => None,
        };
        let (kind, text) = match &message.content {
            _ if is_unsent => (UNSENT, ""),
            InboundContent::Text(text) => (Medium::Text.as_str(), text.as_str()),
            InboundContent::Media(told) => (
                media.map_or(told.medium, |media| media.medium).as_str(),
                told.caption.as_str(),
            ),
            InboundContent::Other(kind) => (kind.as_str(), ""),
        };
        if let Some(media) = media {
            query(
                "insert into media (id, team_id, member_id, name, mime, bytes, medium, file_type, created_at)
                 values ($1, $2, null, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing",
            )
            .bind(media.id.to_string())
            .bind(self.inbox.team.to_string())
            .bind(&media.name)
            .bind(&media.mime)
            .bind(i64::try_from(media.bytes).unwrap_or(i64::MAX))
            .bind(media.medium.as_str())
            .bind(media.file_type.map(FileType::as_str))
            .bind(self.now.0)
            .execute(&mut *tx)
            .await?;
        }
        let inserted = query(
            "insert into message (id, team_id, event_id, account_id, direction, kind, text, media_id, at, external_id)
             values ($1, $2, $3, $4, 'inbound', $5, $6, $7, $8, $9)
             on conflict (account_id, external_id) do nothing",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(self.inbox.team.to_string())
        .bind(event.id.to_string())
        .bind(self.inbox.account.to_string())
        .bind(kind)
        .bind(text)
        .bind(media.filter(|_| !is_unsent).map(|media| media.id.to_string()))
        .bind(at.0)
        .bind(&message.external_id)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if let Some(media) = media.filter(|_| inserted == 0 || is_unsent) {
            query("delete from media where id = $1")
                .bind(media.id.to_string())
                .execute(&mut *tx)
                .await?;
            self.processed.unused.push(media.id);
        }
        if inserted == 0 {
            return Ok(());
        }
        event.is_changed = true;
        let status = event.status.after_inbound();
        if status != event.status {
            // Pending again: nobody follows it.
            event.status = status;
            event.owner = None;
        }
        if let InboundContent::Text(text) = &message.content
            && let Some(code) = asked_staff_code(text)
            && let Some(asked) = find_by_staff_code(tx, self.inbox.team, code).await?
        {
            let (team, channel) = (self.inbox.team, self.inbox.channel);
            if event.bound.is_none() {
                let customer = event.customer;
                event.bound = bind_by_code(tx, team, channel, customer, asked, self.now).await?;
            }
            if event.status == EventStatus::Pending {
                event.status = EventStatus::InProgress;
                // Mode 固定: a bound customer stays with their seller, whomever they ask for.
                event.owner = Some(event.bound.map_or(asked, |bound| bound.seller));
            }
        }
        if let InboundContent::Text(text) = &message.content {
            let (team, channel) = (self.inbox.team, self.inbox.channel);
            bind_test_customer(tx, team, channel, event.customer, text, self.now).await?;
        }
        event.unread += 1;
        event.last_inbound_at = event.last_inbound_at.max(Some(at));
        if at >= event.last_message_at {
            event.last_message_at = at;
            event.last = Some(match &message.content {
                _ if is_unsent => (format!("[{UNSENT}]"), Medium::Text),
                InboundContent::Text(text) => (one_line(text), Medium::Text),
                InboundContent::Media(told) => {
                    let medium = media.map_or(told.medium, |media| media.medium);
                    let words = match (told.caption.as_str(), media) {
                        ("", Some(media)) if medium == Medium::File => media.name.as_str(),
                        (caption, _) => caption,
                    };
                    (one_line(words), medium)
                }
                InboundContent::Other(kind) => (format!("[{kind}]"), Medium::Text),
            });
        }
        Ok(())
    }

    /// The customer of these ids, who is known by all of them from now on.
    async fn find_customer(
        &mut self,
        tx: &mut SqliteConnection,
        known_as: &KnownAs,
    ) -> Result<Option<CustomerId>, sqlx::Error> {
        let (account, team) = (self.inbox.account, self.inbox.team);
        let customer = match find_known(tx, account, known_as).await? {
            Known::Nobody => return Ok(None),
            Known::One(customer) => customer,
            Known::Two { first, second } => {
                // What is known of their events so far is written first: it goes over from one to the other.
                self.write_events(tx).await?;
                let changes = unite(tx, team, first, second, self.now).await?;
                self.processed.changes.merge(changes);
                first
            }
        };
        learn(tx, account, customer, known_as).await?;
        Ok(Some(customer))
    }

    async fn find_or_create_customer(
        &mut self,
        tx: &mut SqliteConnection,
        contact: &Contact,
        at: Timestamp,
    ) -> Result<CustomerRow, sqlx::Error> {
        let told = [
            &contact.name,
            self.fetched
                .names
                .get(&contact.known_as.external_id)
                .unwrap_or(&contact.name),
        ];
        let name = told
            .into_iter()
            .find(|name| !name.trim().is_empty())
            .map_or("", |name| name.trim());
        if let Some(id) = self.find_customer(tx, &contact.known_as).await? {
            let row = query("select name, phone, is_blocked, block_changed_at, created_at from customer where id = $1")
                .bind(id.to_string())
                .fetch_one(&mut *tx)
                .await?;
            let customer = CustomerRow {
                id,
                name: row.try_get("name")?,
                phone: row.try_get("phone")?,
                is_blocked: row.try_get::<i64, _>("is_blocked")? != 0,
                block_changed_at: read_time(&row, "block_changed_at")?,
            };
            let is_renamed = !name.is_empty() && name != customer.name;
            let has_new_phone = contact.phone.is_some() && contact.phone != customer.phone;
            // 首次對話 is when the first message was written, whichever came first.
            let is_earlier = at < read_time(&row, "created_at")?;
            if is_renamed || has_new_phone || is_earlier {
                let name = if is_renamed { name } else { &customer.name };
                query(
                    "update customer set name = $2, name_folded = $3, phone = coalesce($4, phone),
                            created_at = min(created_at, $5), phone_digits = coalesce($6, phone_digits)
                     where id = $1",
                )
                .bind(customer.id.to_string())
                .bind(name)
                .bind(fold_name(name))
                .bind(&contact.phone)
                .bind(at.0)
                .bind(contact.phone.as_deref().map(digits))
                .execute(&mut *tx)
                .await?;
            }
            return Ok(customer);
        }
        let id = CustomerId(Uuid::now_v7());
        query(
            "insert into customer (id, team_id, account_id, external_id, name, name_folded, phone, created_at, phone_digits,
                                   scoped_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(id.to_string())
        .bind(self.inbox.team.to_string())
        .bind(self.inbox.account.to_string())
        .bind(&contact.known_as.external_id)
        .bind(name)
        .bind(fold_name(name))
        .bind(&contact.phone)
        .bind(at.0)
        .bind(contact.phone.as_deref().map(digits))
        .bind(&contact.known_as.scoped_id)
        .execute(&mut *tx)
        .await?;
        Ok(CustomerRow {
            id,
            name: name.to_owned(),
            phone: contact.phone.clone(),
            is_blocked: false,
            block_changed_at: Timestamp(0),
        })
    }

    async fn set_blocked(
        &self,
        tx: &mut SqliteConnection,
        customer: CustomerId,
        is_blocked: bool,
        at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let changed = query(
            "update customer set is_blocked = $2, block_changed_at = $3 where id = $1 and block_changed_at < $3",
        )
        .bind(customer.to_string())
        .bind(i64::from(is_blocked))
        .bind(at.0)
        .execute(tx)
        .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn take_block(
        &mut self,
        tx: &mut SqliteConnection,
        contact: &Contact,
        is_blocked: bool,
        at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let at = at.min(self.now);
        let customer = self.find_or_create_customer(tx, contact, at).await?;
        if !self.set_blocked(tx, customer.id, is_blocked, at).await? {
            return Ok(());
        }
        let event = query("select id, owner_id from event where customer_id = $1")
            .bind(customer.id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(event) = event {
            let owner: Option<MemberId> = read_id_or_none(&event, "owner_id")?;
            let bound = find_bound(tx, customer.id).await?;
            self.tell(read_id(&event, "id")?, [owner], bound);
        }
        Ok(())
    }

    async fn write_events(&mut self, tx: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let events: Vec<_> = self.events.drain().map(|(_, event)| event).collect();
        for event in events.into_iter().filter(|event| event.is_changed) {
            let (text, medium) = event.last.clone().unzip();
            query(
                "update event set status = $2, owner_id = $3, last_text = coalesce($4, last_text),
                        last_medium = coalesce($5, last_medium), last_message_at = $6, last_inbound_at = $7,
                        unread = $8,
                        followed_at = case when $3 is null then null when owner_id is $3 then followed_at else $9 end,
                        ended_at = case when $2 = 'ended' then ended_at else null end
                 where id = $1",
            )
            .bind(event.id.to_string())
            .bind(event.status.as_str())
            .bind(event.owner.map(|owner| owner.to_string()))
            .bind(text)
            .bind(medium.map(Medium::as_str))
            .bind(event.last_message_at.0)
            .bind(event.last_inbound_at.map(|at| at.0))
            .bind(event.unread)
            .bind(self.now.0)
            .execute(&mut *tx)
            .await?;
            self.tell(event.id, [event.owner_before, event.owner], event.bound);
        }
        Ok(())
    }

    fn tell<const N: usize>(
        &mut self,
        event: EventId,
        owners: [Option<MemberId>; N],
        bound: Option<BoundTo>,
    ) {
        let owners = owners.into_iter().flatten();
        self.processed
            .changes
            .add_event_of(event, self.inbox.team, owners, bound);
    }

    async fn take_back(
        &mut self,
        tx: &mut SqliteConnection,
        external_id: &str,
    ) -> Result<(), sqlx::Error> {
        query("insert into unsent (account_id, external_id, at) values ($1, $2, $3) on conflict do nothing")
            .bind(self.inbox.account.to_string())
            .bind(external_id)
            .bind(self.now.0)
            .execute(&mut *tx)
            .await?;
        let row = query(
            "select m.id, m.event_id, m.media_id, m.at, e.customer_id, e.owner_id, e.last_message_at
             from message m join event e on e.id = m.event_id
             where m.account_id = $1 and m.external_id = $2 and m.direction = 'inbound' and m.kind <> $3",
        )
        .bind(self.inbox.account.to_string())
        .bind(external_id)
        .bind(UNSENT)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(()) };
        let event: EventId = read_id(&row, "event_id")?;
        query("update message set kind = $2, text = '', media_id = null where id = $1")
            .bind(row.try_get::<String, _>("id")?)
            .bind(UNSENT)
            .execute(&mut *tx)
            .await?;
        if let Some(media) = read_id_or_none::<MediaId>(&row, "media_id")? {
            query("delete from media where id = $1")
                .bind(media.to_string())
                .execute(&mut *tx)
                .await?;
            self.processed.unused.push(media);
        }
        if read_time(&row, "at")? == read_time(&row, "last_message_at")? {
            query("update event set last_text = $2, last_medium = 'text' where id = $1")
                .bind(event.to_string())
                .bind(format!("[{UNSENT}]"))
                .execute(&mut *tx)
                .await?;
        }
        let owner: Option<MemberId> = read_id_or_none(&row, "owner_id")?;
        let bound = find_bound(tx, read_id(&row, "customer_id")?).await?;
        self.tell(event, [owner], bound);
        Ok(())
    }

    async fn take_statuses(
        &mut self,
        tx: &mut SqliteConnection,
        statuses: &[&StatusTold],
    ) -> Result<(), sqlx::Error> {
        let mut outcomes: BTreeMap<RecipientKey, Vec<Told>> = BTreeMap::new();
        for told in statuses {
            let delivery = match told.about {
                Some(About::Delivery { key, position }) => Some((key, position)),
                Some(About::Reply(_)) => None,
                None => find_delivery(tx, self.inbox.account, &told.external_id).await?,
            };
            match delivery {
                Some((key, position)) => outcomes.entry(key).or_default().push(Told {
                    position,
                    status: told.status,
                    reason: told.reason,
                    code: told.code.clone(),
                    external_id: Some(told.external_id.clone()),
                }),
                None => self.take_reply_status(tx, told).await?,
            }
        }
        let outcomes: Vec<_> = outcomes
            .into_iter()
            .map(|(key, told)| Outcome {
                key,
                told,
                then: Then::Nothing,
                by: None,
                // What comes back is checked: it names a delivery of this account or none.
                account: Some(self.inbox.account),
            })
            .collect();
        let told = statuses.iter().filter_map(|told| told.customer.as_ref());
        for known_as in find_news(tx, self.inbox.account, told).await? {
            self.find_customer(tx, &known_as).await?;
        }
        note_taken(tx, self.inbox.account, statuses).await?;
        self.processed
            .changes
            .merge(settle(tx, &outcomes, self.now).await?);
        Ok(())
    }

    async fn take_reply_status(
        &mut self,
        tx: &mut SqliteConnection,
        told: &StatusTold,
    ) -> Result<(), sqlx::Error> {
        let id = match told.about {
            Some(About::Reply(id)) => Some(id.to_string()),
            Some(About::Delivery { .. }) | None => None,
        };
        let row = query(
            "select m.id, m.event_id, m.status, m.reason, e.owner_id
             from message m join event e on e.id = m.event_id
             where m.account_id = $1 and (m.external_id = $2 or m.id = $3) and m.direction = 'outbound'",
        )
        .bind(self.inbox.account.to_string())
        .bind(&told.external_id)
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(()) };
        let before = read_word_or_none(&row, "status", DeliveryStatus::parse)?
            .unwrap_or(DeliveryStatus::Sending);
        let status = before.after(told.status);
        if status == before {
            return Ok(());
        }
        query(
            "update message set status = $2, reason = $3, external_id = coalesce(external_id, $4) where id = $1",
        )
        .bind(row.try_get::<String, _>("id")?)
        .bind(status.as_str())
        .bind(told.reason.map(Reason::as_str))
        .bind(&told.external_id)
        .execute(&mut *tx)
        .await?;
        let owner: Option<MemberId> = read_id_or_none(&row, "owner_id")?;
        // The status of a reply is in the thread alone, in no list.
        self.tell(read_id(&row, "event_id")?, [owner], None);
        Ok(())
    }
}

/// The word for a message that its author took back.
const UNSENT: &str = "unsent";

async fn load_event(
    tx: &mut SqliteConnection,
    customer: CustomerId,
    at: Timestamp,
) -> Result<EventWork, sqlx::Error> {
    let row = query(
        "select id, status, owner_id, last_message_at, last_inbound_at, unread from event where customer_id = $1",
    )
    .bind(customer.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(EventWork {
            customer,
            id: EventId(Uuid::now_v7()),
            is_new: true,
            status: EventStatus::Pending,
            owner: None,
            owner_before: None,
            bound: None,
            last: None,
            last_message_at: at,
            last_inbound_at: None,
            unread: 0,
            is_changed: false,
        });
    };
    let owner = read_id_or_none(&row, "owner_id")?;
    Ok(EventWork {
        customer,
        id: read_id(&row, "id")?,
        is_new: false,
        status: read_word(&row, "status", EventStatus::parse)?,
        owner,
        owner_before: owner,
        bound: find_bound(tx, customer).await?,
        last: None,
        last_message_at: read_time(&row, "last_message_at")?,
        last_inbound_at: read_time_or_none(&row, "last_inbound_at")?,
        unread: row.try_get("unread")?,
        is_changed: false,
    })
}

async fn insert_event(
    tx: &mut SqliteConnection,
    inbox: &Inbox,
    event: &EventWork,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    query(
        "insert into event (id, team_id, customer_id, account_id, channel, status, last_message_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(event.id.to_string())
    .bind(inbox.team.to_string())
    .bind(event.customer.to_string())
    .bind(inbox.account.to_string())
    .bind(inbox.channel.as_str())
    .bind(event.status.as_str())
    .bind(event.last_message_at.0)
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(())
}

async fn find_delivery(
    tx: &mut SqliteConnection,
    account: AccountId,
    external_id: &str,
) -> Result<Option<(RecipientKey, u32)>, sqlx::Error> {
    let row = query(
        "select r.broadcast_id, r.id, d.position
         from delivery d join recipient r on r.id = d.recipient_id
         where d.external_id = $1 and r.account_id = $2",
    )
    .bind(external_id)
    .bind(account.to_string())
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let key = RecipientKey {
        broadcast: read_id::<BroadcastId>(&row, "broadcast_id")?,
        number: row.try_get("id")?,
    };
    let position = u32::try_from(row.try_get::<i64, _>("position")?).unwrap_or(u32::MAX);
    Ok(Some((key, position)))
}

/// The member of the team whose QR code or link the customer used.
async fn find_by_staff_code(
    tx: &mut SqliteConnection,
    team: TeamId,
    code: &str,
) -> Result<Option<MemberId>, sqlx::Error> {
    let row = query("select id from member where team_id = $1 and staff_code = $2")
        .bind(team.to_string())
        .bind(code)
        .fetch_optional(tx)
        .await?;
    row.map(|row| read_id(&row, "id")).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_give_along_reads_back() {
        let id = Uuid::from_u128;
        let key = RecipientKey {
            broadcast: BroadcastId(id(1)),
            number: 2,
        };
        for about in [
            About::Delivery { key, position: 4 },
            About::Reply(MessageId(id(3))),
        ] {
            assert_eq!(About::parse(&about.to_opaque()), Some(about));
        }
        for text in ["", ".", "a.b.c", "somebody else's"] {
            assert_eq!(About::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_shows_one_line() {
        assert_eq!(one_line("  a\n\nb\tc "), "a b c");
        assert_eq!(one_line(&"中".repeat(1_000)).chars().count(), 200);
    }
}
