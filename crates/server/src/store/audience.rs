//! Who an audience selects, and how many of them would be reached.
//!
//! Customers are counted in groups that the rule of [`Standing::reach`] treats alike,
//! so the rule itself is asked once for each group and is written nowhere else.

use std::collections::{BTreeMap, HashMap};

use omocast_contract::api::CountQuery;
use omocast_contract::audience::{ChannelCount, SkippedCount};
use omocast_contract::event::may_reply;
use omocast_contract::reach::{Outgoing, Standing, Tie, messaging_window};
use omocast_contract::{
    AccountId, Audience, AudienceCount, BroadcastKind, Channel, EventId, EventStatus, EventView,
    MemberId, Pick, Problem, ProblemCode, Reach, Reason, RowId, Source, Timestamp, WabaCount,
};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};

use super::bindings::{self, Columns};
use super::events::{may_see, push_filter, push_view, push_words};
use super::templates::{find_template, wabas_of_team};
use super::{Member, Store, read_count, read_id, read_id_or_none, read_word};
use crate::error::{AppError, AppResult};

/// Customers whom the rule treats alike.
pub(super) struct Group {
    standing: Standing,
    recency: Recency,
    /// The number they write to, where a template is sent.
    account: Option<AccountId>,
    pub(super) customers: u64,
}

/// When a customer last wrote, as far as the rule cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recency {
    Never = 0,
    InsideWindow = 1,
    OutsideWindow = 2,
}

impl Store {
    /// How many customers would get a broadcast, and how many would be skipped and why.
    pub async fn count_audience(
        &self,
        member: &Member,
        audience: &Audience,
        asked: &CountQuery,
        now: Timestamp,
    ) -> AppResult<AudienceCount> {
        let mut connection = self.reader.acquire().await?;
        check_visible(&mut connection, member, audience).await?;
        let outgoing = match (asked.kind, asked.template) {
            (BroadcastKind::Messages, _) => Outgoing::Messages,
            (BroadcastKind::Template, None) => Outgoing::ANY_TEMPLATE,
            (BroadcastKind::Template, Some(id)) => {
                let template = find_template(&mut connection, member, id).await;
                let template = template.map_err(|error| error.at("template"))?;
                Outgoing::of_template(&template, template.updated_at)
            }
        };
        let scoped = Scoped::AsPicked;
        let groups = count_groups(&mut connection, member, audience, outgoing, now, scoped).await?;
        let mut count = sum(&groups, outgoing, now);
        count.wabas = count_wabas(&mut connection, member, &groups, outgoing, now).await?;
        Ok(count)
    }
}

/// Whose events or customers a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scoped {
    /// For a preview: what is ticked counts whatever became of it, so that its reason can be told.
    AsPicked,
    /// For a broadcast: only the sender's own events in progress, on channels that take broadcasts,
    /// or the customers bound to the sender.
    Sendable,
}

/// Bound customers, as `binding e`.
const BOUND: Columns = Columns {
    channel: "e.channel",
    customer: "e.customer_id",
    shop: "e.shop_id",
};

/// Customers named one by one, who may have been unbound since: `event e`, and `binding b` while they are bound.
const NAMED: Columns = Columns {
    channel: "e.channel",
    customer: "e.customer_id",
    shop: "b.shop_id",
};

/// Whether bound customers are looked for among all, because a preview tells what became of those who are ticked.
fn is_named(audience: &Audience, scoped: Scoped) -> bool {
    matches!((&audience.pick, scoped), (Pick::Only(_), Scoped::AsPicked))
}

/// ` from … where` with who is selected: `customer c` and, by what they were chosen, `event e` or `binding e`,
/// which have channel, customer and last message of the customer alike.
pub(super) fn push_audience(
    sql: &mut QueryBuilder<Sqlite>,
    member: &Member,
    audience: &Audience,
    scoped: Scoped,
) {
    let Audience {
        source,
        filter,
        pick,
    } = audience;
    match source {
        Source::MyEvents => {
            sql.push(" from event e join customer c on c.id = e.customer_id where ");
        }
        Source::BoundCustomers => return push_bound(sql, member, audience, scoped),
    }
    match (pick, scoped) {
        (Pick::Only(_), Scoped::AsPicked) => {
            sql.push("e.team_id = ")
                .push_bind(member.team_id.to_string());
        }
        (Pick::Only(_), Scoped::Sendable) | (Pick::AllExcept(_), _) => {
            push_view(sql, member, EventView::Mine);
            sql.push(" and e.channel in (");
            push_words(
                sql,
                Channel::ALL
                    .into_iter()
                    .filter(|c| c.takes_broadcasts())
                    .map(Channel::as_str),
            );
            sql.push(")");
        }
    }
    push_filter(sql, member.team_id, filter);
    push_pick(sql, "e.id", pick);
}

/// [`push_audience`] of bound customers.
fn push_bound(
    sql: &mut QueryBuilder<Sqlite>,
    member: &Member,
    audience: &Audience,
    scoped: Scoped,
) {
    // Where some are named, a plus keeps SQLite from going through all customers of the team or of the seller.
    let columns = if is_named(audience, scoped) {
        sql.push(
            " from event e join customer c on c.id = e.customer_id
              left join binding b on b.customer_id = e.customer_id where +e.team_id = ",
        );
        sql.push_bind(member.team_id.to_string());
        NAMED
    } else {
        sql.push(" from binding e join customer c on c.id = e.customer_id where ");
        sql.push(match audience.pick {
            Pick::Only(_) => "+e.member_id = ",
            Pick::AllExcept(_) => "e.member_id = ",
        });
        sql.push_bind(member.id.to_string());
        BOUND
    };
    bindings::push_filter(sql, columns, &audience.filter);
    push_pick(sql, columns.customer, &audience.pick);
}

fn push_pick(sql: &mut QueryBuilder<Sqlite>, row: &'static str, pick: &Pick) {
    let (is_among, ids) = match pick {
        Pick::AllExcept(ids) if ids.is_empty() => return,
        Pick::AllExcept(ids) => (" not in", ids),
        Pick::Only(ids) => (" in", ids),
    };
    sql.push(" and ").push(row).push(is_among);
    sql.push(" (select value from json_each(")
        .push_bind(as_json(ids))
        .push("))");
}

/// The groups of an audience.
pub(super) async fn count_groups(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
    outgoing: Outgoing,
    now: Timestamp,
    scoped: Scoped,
) -> AppResult<Vec<Group>> {
    // Asked only where it matters: whom a template reaches depends on the number's business account.
    let account = match outgoing {
        Outgoing::Messages => "null",
        Outgoing::Template { .. } => "c.account_id",
    };
    let mut sql = QueryBuilder::new("select e.channel, ");
    sql.push(match audience.source {
        Source::MyEvents => "e.status, e.owner_id is ",
        Source::BoundCustomers if is_named(audience, scoped) => "null as status, b.member_id is ",
        Source::BoundCustomers => "null as status, e.member_id is ",
    });
    sql.push_bind(member.id.to_string())
        .push(" as is_mine, c.is_blocked, c.marketing_stopped_at is not null as has_opted_out, ");
    sql.push(account).push(" as account_id, ");
    push_recency(&mut sql, now);
    sql.push(" as recency, count(*) as customers");
    push_audience(&mut sql, member, audience, scoped);
    sql.push(" group by 1, 2, 3, 4, 5, 6, 7");
    let rows = sql.build().fetch_all(connection).await?;
    let mut groups = Vec::with_capacity(rows.len());
    for row in &rows {
        let channel = read_word(row, "channel", Channel::parse)?;
        let recency = match row.try_get::<i64, _>("recency")? {
            0 => Recency::Never,
            1 => Recency::InsideWindow,
            _ => Recency::OutsideWindow,
        };
        let standing = Standing {
            channel,
            tie: match audience.source {
                Source::MyEvents => Tie::Event {
                    status: read_word(row, "status", EventStatus::parse)?,
                    is_owner: row.try_get("is_mine")?,
                },
                Source::BoundCustomers => Tie::Binding {
                    is_bound: row.try_get("is_mine")?,
                },
            },
            last_inbound_at: match recency {
                Recency::Never => None,
                Recency::InsideWindow => Some(now),
                Recency::OutsideWindow => Some(window_start(channel, now)),
            },
            is_blocked: row.try_get("is_blocked")?,
            has_opted_out: row.try_get("has_opted_out")?,
        };
        groups.push(Group {
            standing,
            recency,
            account: read_id_or_none(row, "account_id")?,
            customers: read_count(row, "customers")?,
        });
    }
    Ok(groups)
}

/// The count that the groups make together.
pub(super) fn sum(groups: &[Group], outgoing: Outgoing, now: Timestamp) -> AudienceCount {
    let mut count = AudienceCount::default();
    for group in groups {
        let (channel, customers) = (group.standing.channel, group.customers);
        match group.standing.reach(outgoing, now) {
            Reach::Open => match count
                .reached
                .iter_mut()
                .find(|found| found.channel == channel)
            {
                Some(found) => found.customers += customers,
                None => count.reached.push(ChannelCount { channel, customers }),
            },
            Reach::Skipped(reason) => {
                match count
                    .skipped
                    .iter_mut()
                    .find(|found| (found.reason, found.channel) == (reason, channel))
                {
                    Some(found) => found.customers += customers,
                    None => count.skipped.push(SkippedCount {
                        reason,
                        channel,
                        customers,
                    }),
                }
            }
        }
    }
    count.reached.sort_by_key(|found| found.channel);
    count
        .skipped
        .sort_by_key(|found| (found.reason, found.channel));
    count
}

/// The WhatsApp Business accounts of those who would be reached; none where no template is sent.
pub(super) async fn count_wabas(
    connection: &mut SqliteConnection,
    member: &Member,
    groups: &[Group],
    outgoing: Outgoing,
    now: Timestamp,
) -> AppResult<Vec<WabaCount>> {
    let reached = groups
        .iter()
        .filter(|group| group.standing.reach(outgoing, now) == Reach::Open);
    let mut counts: Vec<WabaCount> = Vec::new();
    let mut wabas = None;
    for group in reached {
        let Some(account) = group.account else {
            continue;
        };
        if wabas.is_none() {
            wabas = Some(wabas_of_team(connection, member.team_id).await?);
        }
        let Some(waba) = wabas.as_ref().and_then(|wabas| wabas.get(&account)) else {
            continue;
        };
        match counts.iter_mut().find(|found| found.waba.id == waba.id) {
            Some(found) => found.customers += group.customers,
            None => counts.push(WabaCount {
                waba: waba.clone(),
                customers: group.customers,
            }),
        }
    }
    counts.sort_by(|a, b| a.waba.id.cmp(&b.waba.id));
    Ok(counts)
}

/// Why each customer of a broadcast would be skipped, as an expression over `event e` and `customer c`; null for the others.
pub(super) fn push_reason(
    sql: &mut QueryBuilder<Sqlite>,
    groups: &[Group],
    outgoing: Outgoing,
    now: Timestamp,
) {
    // Those who differ in their account only are alike here.
    let skipped: BTreeMap<String, Reason> = groups
        .iter()
        .filter_map(|group| match group.standing.reach(outgoing, now) {
            Reach::Open => None,
            Reach::Skipped(reason) => Some((group.key(), reason)),
        })
        .collect();
    if skipped.is_empty() {
        sql.push("null");
        return;
    }
    sql.push("case e.channel || c.is_blocked || (c.marketing_stopped_at is not null) || ");
    push_recency(sql, now);
    for (key, reason) in skipped {
        sql.push(" when ")
            .push_bind(key)
            .push(" then ")
            .push_bind(reason.as_str());
    }
    sql.push(" end");
}

impl Group {
    /// What [`push_reason`] tells groups apart by.
    fn key(&self) -> String {
        let Standing {
            channel,
            is_blocked,
            has_opted_out,
            ..
        } = self.standing;
        format!(
            "{}{}{}{}",
            channel.as_str(),
            u8::from(is_blocked),
            u8::from(has_opted_out),
            self.recency as u8
        )
    }
}

/// [`Recency`] as a number, for `event e`.
fn push_recency(sql: &mut QueryBuilder<Sqlite>, now: Timestamp) {
    sql.push("(case when e.last_inbound_at is null then 0 when e.last_inbound_at > case e.channel");
    for channel in Channel::ALL {
        sql.push(" when ")
            .push_bind(channel.as_str())
            .push(" then ")
            .push_bind(window_start(channel, now).0);
    }
    sql.push(" end then 1 else 2 end)");
}

/// The last moment that is outside the window.
fn window_start(channel: Channel, now: Timestamp) -> Timestamp {
    now.plus(-messaging_window(channel).unwrap_or(0))
}

/// Refuses what is named one by one and is not there for the member's eyes.
async fn check_visible(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
) -> AppResult<()> {
    match audience.source {
        Source::MyEvents => check_picked(connection, member, audience, |_| Ok(())).await,
        Source::BoundCustomers => {
            bindings::check_picked(connection, member, &audience.pick, false).await
        }
    }
}

/// Refuses what is named one by one and to which the member may not broadcast, and names the first.
pub(super) async fn check_sendable(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
) -> AppResult<()> {
    if audience.source == Source::BoundCustomers {
        return bindings::check_picked(connection, member, &audience.pick, true).await;
    }
    check_picked(connection, member, audience, |event| {
        may_reply(event.status, event.owner, member.id)?;
        if event.channel.takes_broadcasts() {
            Ok(())
        } else {
            Err(ProblemCode::WebChannelNotSupported)
        }
    })
    .await
}

struct PickedEvent {
    status: EventStatus,
    owner: Option<MemberId>,
    channel: Channel,
}

async fn check_picked(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
    check: impl Fn(&PickedEvent) -> Result<(), ProblemCode>,
) -> AppResult<()> {
    let Pick::Only(ids) = &audience.pick else {
        return Ok(());
    };
    let rows = query(
        "select e.id, e.status, e.owner_id, e.channel, exists (
            select 1 from member_shop a join member_shop b on b.shop_id = a.shop_id
            where a.member_id = $1 and b.member_id = e.owner_id
         ) as is_in_shops
         from json_each($2) picked join event e on e.id = picked.value where e.team_id = $3",
    )
    .bind(member.id.to_string())
    .bind(as_json(ids))
    .bind(member.team_id.to_string())
    .fetch_all(connection)
    .await?;
    let mut found: HashMap<EventId, PickedEvent> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let event = PickedEvent {
            status: read_word(row, "status", EventStatus::parse)?,
            owner: read_id_or_none(row, "owner_id")?,
            channel: read_word(row, "channel", Channel::parse)?,
        };
        if may_see(
            member.role,
            member.id,
            event.status,
            event.owner,
            row.try_get("is_in_shops")?,
        ) {
            found.insert(read_id(row, "id")?, event);
        }
    }
    for (at, id) in ids.iter().enumerate() {
        let checked = found
            .get(&id.event())
            .ok_or(ProblemCode::NotFound)
            .and_then(&check);
        checked.map_err(|code| {
            AppError::from(Problem::new(code).at(format!("audience.pick[{at}]")))
        })?;
    }
    Ok(())
}

fn as_json(ids: &[RowId]) -> String {
    serde_json::to_string(ids).expect("ids are JSON")
}
