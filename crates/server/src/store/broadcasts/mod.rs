//! Broadcasts: checked, made in one transaction, and shown with what became of them.

mod control;
pub(super) mod log;
mod preflight;
mod retry;
pub(super) mod said;

use std::collections::{BTreeMap, HashMap, HashSet};

use omocast_contract::audience::ChannelCount;
use omocast_contract::control::check_start;
use omocast_contract::draft::{check_messages, title};
use omocast_contract::link::{count_links, count_links_in};
use omocast_contract::member::Scope;
use omocast_contract::reach::Outgoing;
use omocast_contract::template::fill::{check_fill, fill as filled_in};
use omocast_contract::variable::uses_name;
use omocast_contract::waba::check_waba;
use omocast_contract::{
    AccountId, Broadcast, BroadcastId, BroadcastKind, BroadcastRequest, BroadcastStatus,
    BroadcastSummary, Channel, Content, CustomerId, Delivery, DeliveryStatus, EventStatus,
    EventView, LinkCount, LogEvent, MediaId, MemberId, OutcomeCount, OutgoingMessage, Part,
    Problem, ProblemCode, Progress, Reason, Recipient, SentTemplate, Source, Standing,
    TemplateFill, Timestamp, Waits,
    api::{BroadcastPage, RecipientPage, RecipientQuery},
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::accounts::{is_any_short, paused_accounts, resting_accounts};
use super::audience::{
    Scoped, Situation, Sorted, check_sendable, count_wabas, push_audience, push_reason, sort,
};
use super::bindings::bound_to_or_none;
use super::deliveries::{Unkept, positions};
use super::drafts::delete_draft;
use super::events::{colleagues_of, seen_in};
use super::media::{media_facts, media_in, media_of, use_media};
use super::templates::{find_template, sent_template};
use super::{
    Member, Store, read_count, read_id, read_id_or_none, read_time, read_time_or_none, read_word,
    read_word_or_none,
};
use crate::config::Pace;
use crate::error::{AppError, AppResult};
use log::{log, read_log};
use preflight::seconds_for;
use retry::count_retryable;

/// Broadcasts in one page of the list.
const PAGE: usize = 30;
/// Recipients in one page.
const RECIPIENT_PAGE: usize = 100;

const SUMMARY: &str =
    "select b.id, b.title, b.status, m.name as sender, b.member_id, b.created_at, b.starts_at, b.completed_at, b.retry_of,
    b.message_count, b.messages, b.name_fallback, b.links_official, b.links_other,
    b.kind, b.template from broadcast b join member m on m.id = b.member_id";

/// What came of asking for a broadcast.
#[derive(Clone, Debug)]
pub enum CreatedBroadcast {
    /// It was made.
    New(Broadcast),
    /// The same request with the same key was made before.
    Repeated(Broadcast),
}

impl Store {
    /// Makes a broadcast, once for each key: resolves its audience and puts it into the queue, or refuses and makes nothing.
    ///
    /// All of it is one transaction of the only writer, so two equal requests at once can't both be the first,
    /// and no event changes between the check and the queue.
    pub async fn create_broadcast(
        &self,
        member: &Member,
        request: &BroadcastRequest,
        once: Once<'_>,
        begins: Begins,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<CreatedBroadcast> {
        let mut tx = self.begin_write().await?;
        if let Some(earlier) = find_earlier(&mut tx, member, once).await? {
            let broadcast = find_broadcast(&mut tx, earlier, pace, now).await?;
            return Ok(CreatedBroadcast::Repeated(broadcast));
        }
        let begins_later = match begins {
            Begins::AfterHold(_) => None,
            Begins::At(at) => {
                check_start(at, now).map_err(|code| Problem::new(code).at("send_at"))?;
                Some(at)
            }
        };
        let Checked {
            content,
            sorted,
            situation,
        } = check(&mut tx, member, request, now, begins_later).await?;
        let audience = &request.audience;
        let count = &sorted.count;
        if count.reached_total() == 0 {
            let is_empty = count.skipped_total() == 0;
            let code = if is_empty {
                ProblemCode::AudienceEmpty
            } else {
                ProblemCode::AudienceUnreachable
            };
            return Err(Problem::new(code).at("audience").into());
        }
        let needed = sorted.by_account(&situation);
        // What is left when it begins later nobody knows.
        if begins_later.is_none() && is_any_short(&mut tx, &needed, now).await? {
            return Err(Problem::new(ProblemCode::QuotaShort).at("audience").into());
        }

        let id = BroadcastId(Uuid::now_v7());
        let messages = request.content.messages();
        let sent = content.template.as_ref();
        query(
            "insert into broadcast (id, team_id, member_id, idempotency_key, request_hash, title, messages, message_count,
                                    audience, status, created_at, name_fallback, links_official, links_other, draft_id,
                                    kind, template_id, template, source, starts_at, surface)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $19, $10, $11, $12, $13, $14, $15, $16, $17, $18, $20, $21)",
        )
        .bind(id.to_string())
        .bind(member.team_id.to_string())
        .bind(member.id.to_string())
        .bind(once.key)
        .bind(once.hash)
        .bind(&content.title)
        .bind(serde_json::to_string(messages).expect("messages are JSON"))
        .bind(content.message_count as i64)
        .bind(serde_json::to_string(audience).expect("an audience is JSON"))
        .bind(now.0)
        .bind(request.name_fallback.as_deref())
        .bind(content.links.official)
        .bind(content.links.other)
        .bind(request.draft.map(|draft| draft.to_string()))
        .bind(request.content.kind().as_str())
        .bind(sent.map(|sent| sent.template.id.to_string()))
        .bind(sent.map(|sent| serde_json::to_string(sent).expect("a template is JSON")))
        .bind(audience.source.as_str())
        .bind(begins.status().as_str())
        .bind(begins.at(now).0)
        .bind(request.surface.as_str())
        .execute(&mut *tx)
        .await?;
        let media = content.media.iter().copied();
        use_media(&mut tx, member.team_id, &id.to_string(), media).await?;
        if let Some(draft) = request.draft {
            delete_draft(&mut tx, member.id, draft).await?;
        }

        let mut recipients = QueryBuilder::<Sqlite>::new(
            "insert into recipient (broadcast_id, customer_id, event_id, account_id, channel, name, status, reason, updated_at,
                                    is_open, not_before, message_bits)
             select broadcast_id, customer_id, event_id, account_id, channel, name,
                    case when reason is null then 'queued' else 'skipped' end, reason, now, reason is null, starts_at,
                    message_bits
             from (select ",
        );
        recipients
            .push_bind(id.to_string())
            .push(" as broadcast_id, ")
            .push_bind(now.0)
            .push(" as now, ")
            .push_bind(begins.at(now).0)
            .push(" as starts_at, ")
            .push_bind((1_i64 << content.message_count) - 1)
            .push(" as message_bits, ");
        recipients.push(match audience.source {
            Source::MyEvents => "e.id as event_id, ",
            Source::BoundCustomers => "e.event_id, ",
        });
        recipients.push("e.customer_id, c.account_id, e.channel, ");
        recipients.push(if content.says_name {
            "c.name as name, "
        } else {
            "null as name, "
        });
        push_reason(&mut recipients, &sorted, &situation, |reason| {
            // Who can't be reached as things stand may be when it begins, whenever that is in the end.
            begins_later.is_none() || !reason.may_pass()
        });
        recipients.push(" as reason");
        push_audience(&mut recipients, member, audience, Scoped::Sendable);
        // In the order of the table, which is quicker to write.
        recipients.push(" order by e.customer_id)");
        recipients.build().execute(&mut *tx).await?;

        let recipients = count.reached_total();
        let event = match begins {
            Begins::AfterHold(_) => LogEvent::Accepted { recipients },
            Begins::At(starts_at) => LogEvent::Scheduled {
                starts_at,
                recipients,
            },
        };
        log(&mut tx, id, Some(member.id), &event, now).await?;
        let broadcast = find_broadcast(&mut tx, id, pace, now).await?;
        tx.commit().await?;
        // Or else its sender, who was told that it is accepted, would send another.
        self.make_durable().await?;
        Ok(CreatedBroadcast::New(broadcast))
    }

    /// One page of the broadcasts that the member sees, newest first.
    pub async fn list_broadcasts(
        &self,
        member: &Member,
        after: Option<BroadcastId>,
    ) -> AppResult<BroadcastPage> {
        let mut connection = self.reader.acquire().await?;
        let mut sql = QueryBuilder::new(SUMMARY);
        sql.push(" where ");
        push_scope(&mut sql, member);
        if let Some(after) = after {
            sql.push(" and b.id < ").push_bind(after.to_string());
        }
        sql.push(" order by b.id desc limit ")
            .push_bind(PAGE as i64 + 1);
        let found = sql.build().fetch_all(&mut *connection).await?;
        let ids = found
            .iter()
            .take(PAGE)
            .map(|row| read_id(row, "id"))
            .collect::<Result<Vec<BroadcastId>, _>>()?;
        let mut progress = progress_of(&mut connection, &ids).await?;
        let mut rows = Vec::with_capacity(ids.len());
        for (row, id) in found.iter().zip(&ids) {
            let mut summary = summary(row, progress.remove(id).unwrap_or_default())?;
            if summary.status == BroadcastStatus::Sending {
                let waiting = waiting_by_account(&mut connection, *id).await?;
                summary.paused = paused_accounts(&mut connection, &waiting).await?;
            }
            rows.push(summary);
        }
        let next = (found.len() > PAGE).then(|| ids.last().copied()).flatten();
        Ok(BroadcastPage { rows, next })
    }

    /// One broadcast that the member sees.
    pub async fn find_broadcast(
        &self,
        member: &Member,
        id: BroadcastId,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<Broadcast> {
        let mut connection = self.reader.acquire().await?;
        check_scope(&mut connection, member, id).await?;
        find_broadcast(&mut connection, id, pace, now).await
    }

    /// One page of the recipients of a broadcast that the member sees.
    pub async fn list_recipients(
        &self,
        member: &Member,
        id: BroadcastId,
        asked: &RecipientQuery,
    ) -> AppResult<RecipientPage> {
        let mut connection = self.reader.acquire().await?;
        check_scope(&mut connection, member, id).await?;
        let mut sql = QueryBuilder::new(
            "select r.customer_id, r.event_id, c.name, r.channel, r.status, r.reason, r.platform_code, r.updated_at, r.message_bits,
                    e.status as event_status, e.owner_id, bound.member_id, bound.shop_id
             from recipient r join customer c on c.id = r.customer_id join event e on e.id = r.event_id
             left join binding bound on bound.customer_id = r.customer_id where r.broadcast_id = ",
        );
        sql.push_bind(id.to_string());
        if let Some(standing) = asked.standing {
            sql.push(" and r.status in (");
            let mut statuses = sql.separated(", ");
            for status in standing.statuses() {
                statuses.push_bind(status.as_str());
            }
            sql.push(")");
        }
        if let Some(reason) = asked.reason {
            sql.push(" and r.reason = ").push_bind(reason.as_str());
        }
        // Who has no rows got nothing.
        const KEPT: &str = " and (select count(*) from delivery d where d.recipient_id = r.id";
        if let Some(got) = asked.got {
            sql.push(KEPT)
                .push(" and d.status in (select value from json_each(")
                .push_bind(words_of(Standing::Sent))
                .push("))) = ")
                .push_bind(got);
        }
        if let Some(of) = asked.of {
            sql.push(KEPT).push(") = ").push_bind(of);
        }
        if let Some(after) = asked.after {
            sql.push(" and r.customer_id > ")
                .push_bind(after.to_string());
        }
        sql.push(" order by r.customer_id limit ")
            .push_bind(RECIPIENT_PAGE as i64 + 1);
        let found = sql.build().fetch_all(&mut *connection).await?;
        let colleagues = match member.role.events_seen() {
            Scope::Shops => colleagues_of(&mut connection, member.id).await?,
            Scope::Team | Scope::Own | Scope::None => HashSet::new(),
        };
        let mut rows = found
            .iter()
            .take(RECIPIENT_PAGE)
            .map(|row| recipient(row, member, &colleagues))
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(RecipientPage { rows, next: None });
        };
        let next = (found.len() > RECIPIENT_PAGE).then_some(last.customer);
        let deliveries = query(
            "select r.customer_id, d.status, d.reason, d.platform_code
             from recipient r join delivery d on d.recipient_id = r.id
             where r.broadcast_id = $1 and r.customer_id between $2 and $3 order by r.customer_id, d.position",
        )
        .bind(id.to_string())
        .bind(first.customer.to_string())
        .bind(last.customer.to_string())
        .fetch_all(&mut *connection)
        .await?;
        let places: HashMap<CustomerId, usize> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.customer, at))
            .collect();
        for row in &deliveries {
            if let Some(&at) = places.get(&read_id(row, "customer_id")?) {
                rows[at].deliveries.push(Delivery {
                    status: read_word(row, "status", DeliveryStatus::parse)?,
                    reason: read_word_or_none(row, "reason", Reason::parse)?,
                    platform_code: row.try_get("platform_code")?,
                });
            }
        }
        for (row, found) in rows.iter_mut().zip(&found) {
            if row.deliveries.is_empty() {
                let unkept = Unkept::of(row.status, row.reason, row.platform_code.as_deref());
                let delivery = Delivery {
                    status: unkept.status,
                    reason: unkept.reason,
                    platform_code: unkept.code.map(str::to_owned),
                };
                let messages = positions(found.try_get("message_bits")?);
                row.deliveries = messages.map(|_| delivery.clone()).collect();
            }
        }
        Ok(RecipientPage { rows, next })
    }
}

/// What makes a request that is repeated the same one.
#[derive(Clone, Copy, Debug)]
pub struct Once<'a> {
    /// The `Idempotency-Key`.
    pub key: &'a str,
    /// What was asked, to tell a repeat from a reuse of the key.
    pub hash: &'a str,
}

/// When a broadcast begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// When it has been held for so many milliseconds.
    AfterHold(i64),
    /// At a time.
    At(Timestamp),
}

impl Begins {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::AfterHold(hold) => now.plus(hold),
            Self::At(at) => at,
        }
    }

    fn status(self) -> BroadcastStatus {
        match self {
            Self::AfterHold(0) => BroadcastStatus::Sending,
            Self::AfterHold(_) => BroadcastStatus::Held,
            Self::At(_) => BroadcastStatus::Scheduled,
        }
    }
}

/// The broadcast that the same request made before; refuses a key that was used for another.
async fn find_earlier(
    tx: &mut SqliteConnection,
    member: &Member,
    once: Once<'_>,
) -> AppResult<Option<BroadcastId>> {
    let earlier = query(
        "select id, request_hash from broadcast where member_id = $1 and idempotency_key = $2",
    )
    .bind(member.id.to_string())
    .bind(once.key)
    .fetch_optional(tx)
    .await?;
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    if earlier.try_get::<String, _>("request_hash")? != once.hash {
        return Err(ProblemCode::IdempotencyKeyReused.into());
    }
    Ok(Some(read_id(&earlier, "id")?))
}

/// A request that may be accepted, if somebody is reached.
struct Checked {
    content: CheckedContent,
    sorted: Sorted,
    situation: Situation,
}

/// Refuses what can't be sent, and sorts the audience. `starts_at` is none where it begins at once.
async fn check(
    tx: &mut SqliteConnection,
    member: &Member,
    request: &BroadcastRequest,
    now: Timestamp,
    starts_at: Option<Timestamp>,
) -> AppResult<Checked> {
    let content = match &request.content {
        Content::Messages(messages) => CheckedContent::messages(messages, member),
        Content::Template(fill) => {
            let fallback = request.name_fallback.as_deref();
            check_template(tx, member, fill, fallback).await?
        }
    };
    let audience = &request.audience;
    let at_audience = |code| Problem::new(code).at("audience");
    audience.check().map_err(at_audience)?;
    check_sendable(tx, member, audience).await?;
    let situation = Situation::find(tx, member.team_id, content.outgoing, now, starts_at).await?;
    let sorted = sort(tx, member, audience, &situation, Scoped::Sendable).await?;
    if let Some(sent) = &content.template {
        let wabas = count_wabas(tx, member, &sorted, &situation).await?;
        check_waba(&sent.template.waba.id, &wabas).map_err(at_audience)?;
    }
    if let Content::Messages(messages) = &request.content {
        let facts = media_facts(tx, member.team_id, media_in(messages)).await?;
        let channels = match starts_at {
            None => sorted.count.channels(),
            Some(_) => sorted.count.channels_by_then(),
        };
        let problems = check_messages(
            messages,
            channels,
            request.surface,
            |id| facts.get(&id).copied(),
            request.name_fallback.as_deref(),
        );
        if let Some(found) = problems.into_iter().next() {
            let mut problem = Problem::new(found.code).at(found.field());
            problem.channels = found.channels.iter().collect();
            return Err(problem.into());
        }
    }
    Ok(Checked {
        content,
        sorted,
        situation,
    })
}

/// What a broadcast is to send.
struct CheckedContent {
    outgoing: Outgoing,
    title: String,
    message_count: usize,
    links: LinkCount,
    /// The uploads it uses.
    media: Vec<MediaId>,
    /// Whether it says the customer's name.
    says_name: bool,
    template: Option<SentTemplate>,
}

impl CheckedContent {
    /// Messages, which are checked once it is known which channels they go to.
    fn messages(messages: &[OutgoingMessage], member: &Member) -> Self {
        let mut words = messages.iter().filter_map(OutgoingMessage::words);
        Self {
            outgoing: Outgoing::Messages,
            title: title(messages),
            message_count: messages.len(),
            links: count_links(messages, &member.official_domains),
            media: media_in(messages).collect(),
            says_name: words.any(uses_name),
            template: None,
        }
    }
}

/// A template that was filled in as it should be, and that applies to the member.
async fn check_template(
    tx: &mut SqliteConnection,
    member: &Member,
    fill: &TemplateFill,
    name_fallback: Option<&str>,
) -> AppResult<CheckedContent> {
    let template = find_template(tx, member, fill.template)
        .await
        .map_err(|error| error.at("template"))?;
    let media: Vec<MediaId> = fill.media.values().copied().collect();
    let facts = media_facts(tx, member.team_id, media.iter().copied()).await?;
    let problems = check_fill(&template, fill, |id| facts.get(&id).copied(), name_fallback);
    if let Some(found) = problems.into_iter().next() {
        return Err(Problem::new(found.code).at(found.field()).into());
    }
    // As long as nobody's name makes a link, the links are the same for everybody.
    let filled = filled_in(&template, fill, "", name_fallback.unwrap_or_default());
    Ok(CheckedContent {
        outgoing: Outgoing::of_template(&template, fill.as_of),
        title: template.display_name().to_owned(),
        message_count: 1,
        links: count_links_in(filled.texts(), &member.official_domains),
        media,
        says_name: fill.uses_name(),
        template: Some(SentTemplate {
            template,
            fill: fill.clone(),
        }),
    })
}

/// Which broadcasts a member sees, as a condition on `broadcast b`.
fn push_scope(sql: &mut QueryBuilder<Sqlite>, member: &Member) {
    let (team, me) = (member.team_id.to_string(), member.id.to_string());
    match member.role.broadcasts_seen() {
        Scope::Team => {
            sql.push("b.team_id = ").push_bind(team);
        }
        Scope::Shops => {
            sql.push("b.team_id = ")
                .push_bind(team)
                .push(" and b.member_id in (select ")
                .push_bind(me.clone());
            sql.push(" union select s.member_id from member_shop o join member_shop s on s.shop_id = o.shop_id where o.member_id = ");
            sql.push_bind(me).push(")");
        }
        Scope::Own => {
            sql.push("b.member_id = ").push_bind(me);
        }
        Scope::None => {
            sql.push("false");
        }
    }
}

async fn check_scope(
    connection: &mut SqliteConnection,
    member: &Member,
    id: BroadcastId,
) -> AppResult<()> {
    let mut sql = QueryBuilder::new("select 1 from broadcast b where b.id = ");
    sql.push_bind(id.to_string()).push(" and ");
    push_scope(&mut sql, member);
    sql.build()
        .fetch_optional(connection)
        .await?
        .map(drop)
        .ok_or(AppError::NotFound)
}

async fn find_broadcast(
    connection: &mut SqliteConnection,
    id: BroadcastId,
    pace: &Pace,
    now: Timestamp,
) -> AppResult<Broadcast> {
    let mut sql = QueryBuilder::new(SUMMARY);
    sql.push(" where b.id = ").push_bind(id.to_string());
    let row = sql
        .build()
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(AppError::NotFound)?;
    let counted = progress_of(connection, &[id])
        .await?
        .remove(&id)
        .unwrap_or_default();
    let by_channel = query("select channel, count(*) as customers from recipient where broadcast_id = $1 group by channel")
        .bind(id.to_string())
        .fetch_all(&mut *connection)
        .await?;
    let mut channels = Vec::with_capacity(by_channel.len());
    for row in &by_channel {
        channels.push(ChannelCount {
            channel: read_word(row, "channel", Channel::parse)?,
            customers: read_count(row, "customers")?,
        });
    }
    channels.sort_by_key(|count| count.channel);
    let sent = sent_by_channel(connection, id).await?;
    let those_who = |tells: fn(Channel) -> bool| {
        sent.iter()
            .filter(|count| tells(count.channel))
            .map(|count| count.customers)
            .sum()
    };
    let mut summary = summary(&row, counted)?;
    let messages: Vec<OutgoingMessage> =
        read_word(&row, "messages", |text| serde_json::from_str(text).ok())?;
    let waiting = waiting_by_account(connection, id).await?;
    // Before it begins they may be mended.
    if !summary.status.is_before_start() {
        summary.paused = paused_accounts(connection, &waiting).await?;
    }
    let (due, waits) = match summary.status.is_before_start() {
        true => (waiting, None),
        false => split_waiting(connection, id, waiting, now).await?,
    };
    let seconds_left = seconds_for(connection, &due, &messages, pace).await?;
    Ok(Broadcast {
        outcomes: outcomes_of(connection, id).await?,
        retryable: count_retryable(connection, id).await?,
        retries: retries_of(connection, id).await?,
        seconds_left,
        waits,
        log: read_log(connection, id).await?,
        summary,
        messages,
        template: sent_template(&row)?,
        media: media_of(connection, &id.to_string()).await?,
        name_fallback: row.try_get("name_fallback")?,
        links: LinkCount {
            official: row.try_get("links_official")?,
            other: row.try_get("links_other")?,
        },
        tells_delivered: those_who(Channel::tells_delivered),
        tells_read: those_who(Channel::tells_read),
        channels,
    })
}

/// Recipients who were sent it, whatever came after, by channel.
async fn sent_by_channel(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<Vec<ChannelCount>, sqlx::Error> {
    let rows = query(
        "select channel, count(*) as customers from recipient
         where broadcast_id = $1 and status in (select value from json_each($2)) group by channel",
    )
    .bind(id.to_string())
    .bind(words_of(Standing::Sent))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ChannelCount {
                channel: read_word(row, "channel", Channel::parse)?,
                customers: read_count(row, "customers")?,
            })
        })
        .collect()
}

/// Recipients who did not get it, or not all of it, by what became of them, why, how much they got, and where;
/// the most first.
async fn outcomes_of(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<Vec<OutcomeCount>, sqlx::Error> {
    let rows = query(
        // What each of them got is looked up only where there are several messages to get.
        "select status, reason, channel, got, whole, count(*) as customers from (
            select status, reason, channel, got, case got when 0 then 0 else (
                select count(*) from delivery d where d.recipient_id = bad.id
            ) end as whole
            from (
                select r.id, r.status, r.reason, r.channel, case b.message_count when 1 then 0 else (
                    select count(*) from delivery d where d.recipient_id = r.id
                    and d.status in (select value from json_each($2))
                ) end as got
                from broadcast b join recipient r on r.broadcast_id = b.id
                where b.id = $1 and r.status in ('failed', 'unknown', 'skipped')
            ) bad
         ) known
         group by status, reason, channel, got, whole
         order by customers desc, status, reason, channel, got desc",
    )
    .bind(id.to_string())
    .bind(words_of(Standing::Sent))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OutcomeCount {
                status: read_word(row, "status", DeliveryStatus::parse)?,
                reason: read_word_or_none(row, "reason", Reason::parse)?,
                part: Part::new(row.try_get("got")?, row.try_get("whole")?),
                channel: read_word(row, "channel", Channel::parse)?,
                customers: read_count(row, "customers")?,
            })
        })
        .collect()
}

/// The broadcasts that sent one again, the oldest first.
/// Whoever sees a broadcast sees them, because they are its sender's, too.
async fn retries_of(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<Vec<BroadcastSummary>, sqlx::Error> {
    let mut sql = QueryBuilder::new(SUMMARY);
    sql.push(" where b.retry_of = ").push_bind(id.to_string());
    sql.push(" order by b.id");
    let found = sql.build().fetch_all(&mut *connection).await?;
    let ids = found
        .iter()
        .map(|row| read_id(row, "id"))
        .collect::<Result<Vec<BroadcastId>, _>>()?;
    let mut progress = progress_of(connection, &ids).await?;
    found
        .iter()
        .zip(&ids)
        .map(|(row, id)| summary(row, progress.remove(id).unwrap_or_default()))
        .collect()
}

/// The statuses of those who stand so, as a list in JSON.
fn words_of(standing: Standing) -> String {
    let words: Vec<_> = standing
        .statuses()
        .iter()
        .map(|status| status.as_str())
        .collect();
    serde_json::to_string(&words).expect("words are JSON")
}

/// How many recipients of a broadcast wait, by account.
async fn waiting_by_account(
    connection: &mut SqliteConnection,
    id: BroadcastId,
) -> Result<BTreeMap<AccountId, u64>, sqlx::Error> {
    let rows = query(
        "select account_id, count(*) as customers from recipient where broadcast_id = $1 and is_open = 1 group by account_id",
    )
    .bind(id.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((read_id(row, "account_id")?, read_count(row, "customers")?)))
        .collect()
}

/// Tells those who can be handed over now from those for whom nothing can be done but wait.
async fn split_waiting(
    connection: &mut SqliteConnection,
    id: BroadcastId,
    mut waiting: BTreeMap<AccountId, u64>,
    now: Timestamp,
) -> Result<(BTreeMap<AccountId, u64>, Option<Waits>), sqlx::Error> {
    let mut waits: Option<Waits> = None;
    let mut add = |customers: u64, until: Timestamp| {
        if customers > 0 {
            let before = waits.map_or((0, until), |waits| (waits.customers, waits.until));
            waits = Some(Waits {
                customers: before.0 + customers,
                until: before.1.min(until),
            });
        }
    };
    let ids: Vec<_> = waiting.keys().collect();
    let ids = serde_json::to_string(&ids).expect("ids are JSON");
    for resting in resting_accounts(connection, &ids, now).await? {
        add(
            waiting.remove(&resting.account).unwrap_or_default(),
            resting.until,
        );
    }
    // Whoever is in somebody's hands is not waited for. The plus keeps SQLite at the index of what is due when,
    // in which those who wait are few.
    let rows = query(
        "select r.account_id, count(*) as customers, min(r.not_before) as until
         from json_each($2) asked join recipient r on r.account_id = asked.value
         where +r.broadcast_id = $1 and r.is_open = 1 and r.not_before > $3 and r.lease_owner is null
         group by r.account_id",
    )
    .bind(id.to_string())
    .bind(&ids)
    .bind(now.0)
    .fetch_all(connection)
    .await?;
    for row in &rows {
        if let Some(due) = waiting.get_mut(&read_id(row, "account_id")?) {
            let customers = read_count(row, "customers")?;
            *due = due.saturating_sub(customers);
            add(customers, read_time(row, "until")?);
        }
    }
    Ok((waiting, waits))
}

/// How many recipients of a broadcast stand where.
#[derive(Clone, Copy, Default)]
struct Counted {
    progress: Progress,
    /// Those of the skipped who were not sent it because it was stopped.
    stopped: u64,
}

/// How many recipients of each broadcast stand where.
async fn progress_of(
    connection: &mut SqliteConnection,
    ids: &[BroadcastId],
) -> Result<HashMap<BroadcastId, Counted>, sqlx::Error> {
    let mut all: HashMap<BroadcastId, Counted> = HashMap::new();
    let rows = query(
        "select r.broadcast_id, r.status, count(*) as recipients,
                count(case when r.status = 'skipped' and r.reason = 'stopped' then 1 end) as stopped
         from json_each($1) asked join recipient r on r.broadcast_id = asked.value group by r.broadcast_id, r.status",
    )
    .bind(serde_json::to_string(ids).expect("ids are JSON"))
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let status = read_word(row, "status", DeliveryStatus::parse)?;
        let counted = all.entry(read_id(row, "broadcast_id")?).or_default();
        counted.progress.add(status, read_count(row, "recipients")?);
        counted.stopped += read_count(row, "stopped")?;
    }
    Ok(all)
}

fn summary(row: &SqliteRow, counted: Counted) -> Result<BroadcastSummary, sqlx::Error> {
    Ok(BroadcastSummary {
        id: read_id(row, "id")?,
        kind: read_word(row, "kind", BroadcastKind::parse)?,
        title: row.try_get("title")?,
        status: read_word(row, "status", BroadcastStatus::parse)?,
        sender: row.try_get("sender")?,
        sender_id: read_id(row, "member_id")?,
        created_at: read_time(row, "created_at")?,
        starts_at: read_time(row, "starts_at")?,
        retry_of: read_id_or_none(row, "retry_of")?,
        completed_at: read_time_or_none(row, "completed_at")?,
        message_count: row.try_get("message_count")?,
        progress: counted.progress,
        stopped: counted.stopped,
        paused: Vec::new(),
    })
}

fn recipient(
    row: &SqliteRow,
    member: &Member,
    colleagues: &HashSet<MemberId>,
) -> Result<Recipient, sqlx::Error> {
    let status = read_word(row, "event_status", EventStatus::parse)?;
    let owner: Option<MemberId> = read_id_or_none(row, "owner_id")?;
    let is_in_shops = owner.is_some_and(|owner| colleagues.contains(&owner));
    let in_lists = seen_in(member.role, member.id, status, owner, is_in_shops);
    // A bound customer's thread is opened from 綁定顧客, whoever follows it.
    let bound = bound_to_or_none(row)?.filter(|&bound| member.finds_bound(bound));
    let as_bound = bound.map(|bound| match bound.seller == member.id {
        true => EventView::Mine,
        false => EventView::Team,
    });
    Ok(Recipient {
        view: in_lists.or(as_bound),
        customer: read_id(row, "customer_id")?,
        event: Some(read_id(row, "event_id")?),
        name: row.try_get("name")?,
        channel: read_word(row, "channel", Channel::parse)?,
        status: read_word(row, "status", DeliveryStatus::parse)?,
        reason: read_word_or_none(row, "reason", Reason::parse)?,
        platform_code: row.try_get("platform_code")?,
        updated_at: read_time(row, "updated_at")?,
        deliveries: Vec::new(),
    })
}
