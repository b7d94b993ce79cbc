//! Lists of events, single events, and what members do to them.
//!
//! `push_view` and `may_see` say the same, once for lists in SQL and once for a single event;
//! `push_filter` says in SQL what [`Filter::keeps`] says. Tests hold both pairs together.

use std::collections::HashSet;

use omocast_contract::api::{
    BulkRefusal, BulkResult, EventCounts, EventPage, EventQuery, EventRow, PageStart, parse_cursor,
};
use omocast_contract::event::Transition;
use omocast_contract::member::Scope;
use omocast_contract::{
    Channel, EventAction, EventId, EventStatus, EventView, Filter, Medium, MemberId, Problem,
    ProblemCode, Role, TagFilter, TagMatch, TeamId, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};

use super::bindings::sees_bound;
use super::{
    Member, Store, read_count, read_id, read_id_or_none, read_time, read_time_or_none, read_word,
};
use crate::error::{AppError, AppResult};

/// What [`EventRow`] is made of, for `event e` with its customer, account and owner.
const ROW: &str = "select e.id, e.customer_id, c.name, e.channel, a.name as account, e.account_id, e.status,
    m.name as owner, e.owner_id, e.last_text, e.last_medium, e.last_message_at, e.last_inbound_at, e.unread, c.is_blocked,
    (select json_group_array(tag) from (select tag from customer_tag where customer_id = c.id order by tag)) as tags";
const ROW_JOINS: &str = "join customer c on c.id = e.customer_id
    join account a on a.id = e.account_id
    left join member m on m.id = e.owner_id";

/// An event that a member did something to.
#[derive(Clone, Debug)]
pub struct ChangedEvent {
    pub event: EventId,
    /// Who owned it before, and who owns it now.
    pub owners: Vec<MemberId>,
}

impl Store {
    /// One page of a list. The member sees the view: that is asked before.
    pub async fn list_events(&self, member: &Member, asked: &EventQuery) -> AppResult<EventPage> {
        let mut count = QueryBuilder::new("select count(*) as total, coalesce(sum(e.channel in (");
        push_words(
            &mut count,
            Channel::ALL
                .into_iter()
                .filter(|c| c.takes_broadcasts())
                .map(Channel::as_str),
        );
        count.push(")), 0) as selectable from event e where ");
        push_view(&mut count, member, asked.view);
        push_filter(&mut count, member.team_id, &asked.filter);
        let counted = count.build().fetch_one(&self.reader).await?;

        let mut sql = QueryBuilder::new("with page as (select e.id from event e where ");
        push_view(&mut sql, member, asked.view);
        push_filter(&mut sql, member.team_id, &asked.filter);
        let offset = match &asked.from {
            PageStart::First => 0,
            PageStart::Row(row) => *row,
            PageStart::After(cursor) => {
                let Some((at, id)) = parse_cursor(cursor) else {
                    return Err(Problem::new(ProblemCode::MalformedRequest)
                        .at("from.after")
                        .into());
                };
                sql.push(" and (e.last_message_at, e.id) < (");
                sql.push_bind(at.0)
                    .push(", ")
                    .push_bind(id.to_string())
                    .push(")");
                0
            }
        };
        sql.push(" order by e.last_message_at desc, e.id desc limit ")
            .push_bind(i64::from(asked.limit));
        sql.push(" offset ")
            .push_bind(i64::try_from(offset).unwrap_or(i64::MAX))
            .push(") ");
        sql.push(ROW)
            .push(" from page p join event e on e.id = p.id ")
            .push(ROW_JOINS);
        sql.push(" order by e.last_message_at desc, e.id desc");
        let rows = sql.build().fetch_all(&self.reader).await?;
        Ok(EventPage {
            rows: rows.iter().map(event_row).collect::<Result<_, _>>()?,
            total: read_count(&counted, "total")?,
            selectable: read_count(&counted, "selectable")?,
        })
    }

    /// How many events each view has that the member sees.
    pub async fn count_events(&self, member: &Member) -> Result<EventCounts, sqlx::Error> {
        let mut counts = EventCounts::default();
        for view in EventView::ALL {
            if !member.role.sees(view) {
                continue;
            }
            let mut sql = QueryBuilder::new("select count(*) as total from event e where ");
            push_view(&mut sql, member, view);
            let row = sql.build().fetch_one(&self.reader).await?;
            let slot = match view {
                EventView::Mine => &mut counts.mine,
                EventView::Team => &mut counts.team,
                EventView::Pending => &mut counts.pending,
                EventView::Ended => &mut counts.ended,
            };
            *slot = Some(read_count(&row, "total")?);
        }
        Ok(counts)
    }

    /// One event that the member sees.
    pub async fn find_event(&self, member: &Member, event: EventId) -> AppResult<EventRow> {
        let mut connection = self.reader.acquire().await?;
        find_event(&mut connection, member, event).await
    }

    /// Does something to one event.
    pub async fn act_on_event(
        &self,
        member: &Member,
        event: EventId,
        action: EventAction,
        now: Timestamp,
    ) -> AppResult<(EventRow, ChangedEvent)> {
        let mut tx = self.begin_write().await?;
        let changed = act(&mut tx, member, event, action, now).await?;
        let row = find_event_of_team(&mut tx, member, event).await?;
        tx.commit().await?;
        Ok((row, changed))
    }

    /// Does something to many events: those that refuse do not hinder the others.
    pub async fn act_on_events(
        &self,
        member: &Member,
        events: &[EventId],
        action: EventAction,
        now: Timestamp,
    ) -> AppResult<(BulkResult, Vec<ChangedEvent>)> {
        let mut tx = self.begin_write().await?;
        let mut result = BulkResult {
            done: 0,
            refused: Vec::new(),
        };
        let mut changed = Vec::new();
        let mut seen = HashSet::new();
        for &event in events.iter().filter(|&&event| seen.insert(event)) {
            match act(&mut tx, member, event, action, now).await {
                Ok(change) => {
                    result.done += 1;
                    changed.push(change);
                }
                Err(error @ AppError::Internal(_)) => return Err(error),
                Err(refused) => result.refused.push(BulkRefusal {
                    event,
                    problem: refused.problem(),
                }),
            }
        }
        tx.commit().await?;
        Ok((result, changed))
    }

    /// The names of the team's tags.
    pub async fn list_tags(&self, member: &Member) -> Result<Vec<String>, sqlx::Error> {
        let rows = query("select name from tag where team_id = $1 order by name")
            .bind(member.team_id.to_string())
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| row.try_get("name")).collect()
    }

    /// Nothing of an event is unread any more; tells whether anything was.
    pub async fn mark_read(&self, event: EventId) -> Result<bool, sqlx::Error> {
        let done = query("update event set unread = 0 where id = $1 and unread > 0")
            .bind(event.to_string())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Whether a member sees an event. `is_in_shops` tells whether its owner works in a shop of the member's.
pub(super) fn may_see(
    role: Role,
    member: MemberId,
    status: EventStatus,
    owner: Option<MemberId>,
    is_in_shops: bool,
) -> bool {
    seen_in(role, member, status, owner, is_in_shops).is_some()
}

/// The view in which a member sees an event, as [`may_see`] says whether they do.
pub(super) fn seen_in(
    role: Role,
    member: MemberId,
    status: EventStatus,
    owner: Option<MemberId>,
    is_in_shops: bool,
) -> Option<EventView> {
    let is_mine = owner == Some(member);
    let view = match status {
        EventStatus::Pending => EventView::Pending,
        EventStatus::InProgress if is_mine => EventView::Mine,
        EventStatus::InProgress => EventView::Team,
        EventStatus::Ended => EventView::Ended,
    };
    let is_seen = role.sees(view)
        && match view {
            EventView::Mine | EventView::Pending => true,
            EventView::Team | EventView::Ended => match role.events_seen() {
                Scope::Team => true,
                Scope::Shops => is_mine || is_in_shops,
                Scope::Own => is_mine,
                Scope::None => false,
            },
        };
    is_seen.then_some(view)
}

/// Who works in a shop of the member's.
pub(super) async fn colleagues_of(
    connection: &mut SqliteConnection,
    member: MemberId,
) -> Result<HashSet<MemberId>, sqlx::Error> {
    let rows = query(
        "select distinct b.member_id from member_shop a join member_shop b on b.shop_id = a.shop_id
         where a.member_id = $1",
    )
    .bind(member.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| read_id(row, "member_id")).collect()
}

/// Which events a view shows to a member, as a condition on `event e`.
pub(super) fn push_view(sql: &mut QueryBuilder<Sqlite>, member: &Member, view: EventView) {
    let (team, me) = (member.team_id.to_string(), member.id.to_string());
    match (view, member.role.events_seen()) {
        (EventView::Mine, _) => {
            sql.push("e.owner_id = ")
                .push_bind(me)
                .push(" and e.status = 'in_progress'");
        }
        (EventView::Pending, _) => {
            sql.push("e.team_id = ")
                .push_bind(team)
                .push(" and e.status = 'pending'");
        }
        (EventView::Ended, Scope::Own) => {
            sql.push("e.owner_id = ")
                .push_bind(me)
                .push(" and e.status = 'ended'");
        }
        (EventView::Team | EventView::Ended, scope) => {
            let status = if view == EventView::Team {
                "in_progress"
            } else {
                "ended"
            };
            sql.push("e.team_id = ")
                .push_bind(team)
                .push(" and e.status = ")
                .push_bind(status);
            if view == EventView::Team {
                sql.push(" and e.owner_id <> ").push_bind(me.clone());
            }
            match scope {
                Scope::Team => {}
                Scope::Shops => {
                    sql.push(" and e.owner_id in (select ")
                        .push_bind(me.clone());
                    sql.push(
                        " union select b.member_id from member_shop a join member_shop b on b.shop_id = a.shop_id where a.member_id = ",
                    );
                    sql.push_bind(me).push(")");
                }
                Scope::Own | Scope::None => {
                    sql.push(" and e.owner_id = ").push_bind(me);
                }
            }
        }
    }
}

/// What the funnel keeps, as a further condition on `event e`.
pub(super) fn push_filter(sql: &mut QueryBuilder<Sqlite>, team: TeamId, filter: &Filter) {
    // Shops are those of bound customers: an event has none.
    if !filter.shops.is_empty() {
        sql.push(" and false");
    }
    if let Some(waba) = &filter.waba {
        // Asked once for all rows, because nothing in it is of the row.
        sql.push(" and e.account_id in (select fa.id from account fa where fa.team_id = ");
        sql.push_bind(team.to_string()).push(" and fa.waba_id = ");
        sql.push_bind(waba.0.clone()).push(")");
    }
    if !filter.channels.is_empty() {
        sql.push(" and e.channel in (");
        push_words(sql, filter.channels.iter().map(|channel| channel.as_str()));
        sql.push(")");
    }
    let name = super::fold_name(filter.name.trim());
    if !name.is_empty() {
        sql.push(" and exists (select 1 from customer fc where fc.id = e.customer_id and fc.name_folded like ");
        sql.push_bind(like_pattern(&name)).push(r" escape '\')");
    }
    push_tags(sql, "e.customer_id", &filter.tags);
}

/// What the funnel's tags keep, as a further condition on the customer whose id is in `customer`.
pub(super) fn push_tags(
    sql: &mut QueryBuilder<Sqlite>,
    customer: &'static str,
    filter: &TagFilter,
) {
    if filter.tags.is_empty() {
        return;
    }
    let tagged = |sql: &mut QueryBuilder<Sqlite>, begin: &'static str| {
        sql.push(begin)
            .push(" (select 1 from customer_tag ft where ft.customer_id = ")
            .push(customer)
            .push(" and ft.tag ");
    };
    let wanted = serde_json::to_string(&filter.tags).expect("texts are JSON");
    match filter.matching {
        TagMatch::Any => {
            tagged(sql, " and exists");
            sql.push("in (select value from json_each(")
                .push_bind(wanted)
                .push(")))");
        }
        TagMatch::None => {
            tagged(sql, " and not exists");
            sql.push("in (select value from json_each(")
                .push_bind(wanted)
                .push(")))");
        }
        TagMatch::All => {
            for tag in &filter.tags {
                tagged(sql, " and exists");
                sql.push("= ").push_bind(tag.clone()).push(")");
            }
        }
    }
}

pub(super) fn like_pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for character in part.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

pub(super) fn push_words(
    sql: &mut QueryBuilder<Sqlite>,
    words: impl Iterator<Item = &'static str>,
) {
    let mut list = sql.separated(", ");
    for word in words {
        list.push_bind(word);
    }
}

/// One event that the member sees.
pub(super) async fn find_event(
    connection: &mut SqliteConnection,
    member: &Member,
    event: EventId,
) -> AppResult<EventRow> {
    let row = find_event_of_team(connection, member, event).await?;
    if is_in_lists(connection, member, &row).await?
        || sees_bound(connection, member, row.customer).await?
    {
        Ok(row)
    } else {
        Err(AppError::NotFound)
    }
}

/// Whether an event is in one of the lists of events that the member's role sees.
async fn is_in_lists(
    connection: &mut SqliteConnection,
    member: &Member,
    row: &EventRow,
) -> Result<bool, sqlx::Error> {
    let in_shops = match (member.role.events_seen(), row.owner_id) {
        (Scope::Shops, Some(owner)) => shares_shop(connection, member.id, owner).await?,
        (Scope::Shops | Scope::Team | Scope::Own | Scope::None, _) => false,
    };
    Ok(may_see(
        member.role,
        member.id,
        row.status,
        row.owner_id,
        in_shops,
    ))
}

/// One event of the member's team, whether the member sees it or not.
async fn find_event_of_team(
    connection: &mut SqliteConnection,
    member: &Member,
    event: EventId,
) -> AppResult<EventRow> {
    let mut sql = QueryBuilder::new(ROW);
    sql.push(" from event e ")
        .push(ROW_JOINS)
        .push(" where e.id = ")
        .push_bind(event.to_string());
    sql.push(" and e.team_id = ")
        .push_bind(member.team_id.to_string());
    let row = sql
        .build()
        .fetch_optional(connection)
        .await?
        .ok_or(AppError::NotFound)?;
    Ok(event_row(&row)?)
}

async fn shares_shop(
    connection: &mut SqliteConnection,
    member: MemberId,
    other: MemberId,
) -> Result<bool, sqlx::Error> {
    let row = query(
        "select exists (
            select 1 from member_shop a join member_shop b on b.shop_id = a.shop_id
            where a.member_id = $1 and b.member_id = $2
        ) as shared",
    )
    .bind(member.to_string())
    .bind(other.to_string())
    .fetch_one(connection)
    .await?;
    row.try_get("shared")
}

async fn act(
    connection: &mut SqliteConnection,
    member: &Member,
    event: EventId,
    action: EventAction,
    now: Timestamp,
) -> AppResult<ChangedEvent> {
    let before = find_event(connection, member, event).await?;
    // That the customer is bound to the member opens the thread, and lets them follow what nobody follows;
    // a colleague's event it does not take away.
    let is_colleagues = before.owner_id.is_some_and(|owner| owner != member.id);
    if is_colleagues && !is_in_lists(connection, member, &before).await? {
        return Err(ProblemCode::EventNotYours.into());
    }
    let Transition { status, owner } = action.apply(before.status, before.owner_id, member.id)?;
    let followed_at =
        (owner == Some(member.id) && status == EventStatus::InProgress).then_some(now.0);
    let ended_at = (status == EventStatus::Ended).then_some(now.0);
    query(
        "update event set status = $1, owner_id = $2, followed_at = coalesce($3, followed_at), ended_at = $4,
                unread = case when $1 = 'ended' then 0 else unread end
         where id = $5",
    )
    .bind(status.as_str())
    .bind(owner.map(|owner| owner.to_string()))
    .bind(followed_at)
    .bind(ended_at)
    .bind(event.to_string())
    .execute(connection)
    .await?;
    let mut owners: Vec<MemberId> = before.owner_id.into_iter().chain(owner).collect();
    owners.dedup();
    Ok(ChangedEvent { event, owners })
}

fn event_row(row: &SqliteRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow {
        id: read_id(row, "id")?,
        customer: read_id(row, "customer_id")?,
        name: row.try_get("name")?,
        channel: read_word(row, "channel", Channel::parse)?,
        account: row.try_get("account")?,
        account_id: read_id(row, "account_id")?,
        status: read_word(row, "status", EventStatus::parse)?,
        owner: row.try_get("owner")?,
        owner_id: read_id_or_none(row, "owner_id")?,
        last_text: row.try_get("last_text")?,
        last_medium: read_word(row, "last_medium", Medium::parse)?,
        last_message_at: read_time(row, "last_message_at")?,
        last_inbound_at: read_time_or_none(row, "last_inbound_at")?,
        unread: row.try_get("unread")?,
        is_blocked: row.try_get("is_blocked")?,
        tags: read_word(row, "tags", |text| serde_json::from_str(text).ok())?,
    })
}
