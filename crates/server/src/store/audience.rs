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
    AccountId, Audience, AudienceCount, BroadcastKind, Channel, CustomerId, EventId, EventStatus,
    EventView, MemberId, Pick, Problem, ProblemCode, Reach, Reason, RowId, Source, TeamId,
    Timestamp, WabaCount,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};

use super::accounts::stopped_accounts;
use super::bindings::{self, Columns};
use super::events::{may_see, push_filter, push_view, push_words};
use super::templates::{find_template, wabas_of_team};
use super::{Member, Store, read_count, read_id, read_id_or_none, read_time_or_none, read_word};
use crate::error::{AppError, AppResult};

/// What a broadcast meets: what it sends, when it is handed over, and which accounts take nothing for now.
pub(super) struct Situation {
    pub(super) outgoing: Outgoing,
    pub(super) at: Timestamp,
    pub(super) stopped: HashMap<AccountId, Reason>,
}

impl Situation {
    /// For messages handed over `at` this moment: now, or when a broadcast that is put off begins,
    /// by when an account that stopped may be mended.
    pub(super) async fn find(
        connection: &mut SqliteConnection,
        team: TeamId,
        outgoing: Outgoing,
        now: Timestamp,
        starts_at: Option<Timestamp>,
    ) -> Result<Self, sqlx::Error> {
        let stopped = match starts_at {
            None => stopped_accounts(connection, team, now).await?,
            Some(_) => HashMap::new(),
        };
        Ok(Self {
            outgoing,
            at: starts_at.unwrap_or(now),
            stopped,
        })
    }

    fn reach(&self, standing: Standing, account: AccountId) -> Reach {
        let reach = standing.reach(self.outgoing, self.at);
        reach.through(self.stopped.get(&account).copied())
    }
}

/// Customers whom the rule treats alike.
struct Group {
    standing: Standing,
    recency: Recency,
    account: AccountId,
    customers: u64,
}

/// When a customer last wrote, as far as the rule cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recency {
    Never = 0,
    InsideWindow = 1,
    OutsideWindow = 2,
}

/// A customer who is left out, because the same person is reached otherwise.
struct Duplicate {
    customer: CustomerId,
    channel: Channel,
    account: AccountId,
}

/// An audience sorted into those who will be reached and those who won't.
pub(super) struct Sorted {
    groups: Vec<Group>,
    duplicates: Vec<Duplicate>,
    pub(super) count: AudienceCount,
}

impl Sorted {
    /// How many are reached through each account.
    pub(super) fn by_account(&self, situation: &Situation) -> BTreeMap<AccountId, u64> {
        let mut counts = BTreeMap::new();
        for group in &self.groups {
            if situation.reach(group.standing, group.account) == Reach::Open {
                *counts.entry(group.account).or_default() += group.customers;
            }
        }
        for duplicate in &self.duplicates {
            if let Some(count) = counts.get_mut(&duplicate.account) {
                *count -= 1;
            }
        }
        counts.retain(|_, count| *count > 0);
        counts
    }
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
        let team = member.team_id;
        let situation = Situation::find(&mut connection, team, outgoing, now, None).await?;
        let scoped = Scoped::AsPicked;
        let sorted = sort(&mut connection, member, audience, &situation, scoped).await?;
        let mut count = sorted.count.clone();
        count.wabas = count_wabas(&mut connection, member, &sorted, &situation).await?;
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

/// Sorts an audience into those who will be reached, and those who won't and why.
pub(super) async fn sort(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
    situation: &Situation,
    scoped: Scoped,
) -> AppResult<Sorted> {
    let groups = count_groups(connection, member, audience, situation.at, scoped).await?;
    let duplicates = find_duplicates(connection, member, audience, situation, scoped).await?;
    let count = sum(&groups, &duplicates, situation);
    Ok(Sorted {
        groups,
        duplicates,
        count,
    })
}

/// The status of the event that a customer was chosen by, and whether it or the customer is the member's own.
fn push_tie(sql: &mut QueryBuilder<Sqlite>, member: &Member, audience: &Audience, scoped: Scoped) {
    sql.push(match audience.source {
        Source::MyEvents => "e.status, e.owner_id is ",
        Source::BoundCustomers if is_named(audience, scoped) => "null as status, b.member_id is ",
        Source::BoundCustomers => "null as status, e.member_id is ",
    });
    sql.push_bind(member.id.to_string()).push(" as is_mine");
}

/// A row with what [`push_tie`] selects, and more of the customer, as the rule takes it.
fn read_standing(
    row: &SqliteRow,
    source: Source,
    channel: Channel,
    last_inbound_at: Option<Timestamp>,
) -> Result<Standing, sqlx::Error> {
    Ok(Standing {
        channel,
        tie: match source {
            Source::MyEvents => Tie::Event {
                status: read_word(row, "status", EventStatus::parse)?,
                is_owner: row.try_get("is_mine")?,
            },
            Source::BoundCustomers => Tie::Binding {
                is_bound: row.try_get("is_mine")?,
            },
        },
        last_inbound_at,
        is_blocked: row.try_get("is_blocked")?,
        has_opted_out: row.try_get("has_opted_out")?,
    })
}

/// The groups of an audience.
async fn count_groups(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
    at: Timestamp,
    scoped: Scoped,
) -> AppResult<Vec<Group>> {
    let mut sql = QueryBuilder::new("select e.channel, ");
    push_tie(&mut sql, member, audience, scoped);
    sql.push(", c.is_blocked, c.marketing_stopped_at is not null as has_opted_out, c.account_id, ");
    push_recency(&mut sql, at);
    sql.push(" as recency, count(*) as customers");
    push_audience(&mut sql, member, audience, scoped);
    sql.push(" group by 1, 2, 3, 4, 5, 6, 7");
    let rows = sql.build().fetch_all(connection).await?;
    let mut groups = Vec::with_capacity(rows.len());
    for row in &rows {
        let channel = read_word(row, "channel", Channel::parse)?;
        let (recency, last_inbound_at) = match row.try_get::<i64, _>("recency")? {
            0 => (Recency::Never, None),
            1 => (Recency::InsideWindow, Some(at)),
            _ => (Recency::OutsideWindow, Some(window_start(channel, at))),
        };
        groups.push(Group {
            standing: read_standing(row, audience.source, channel, last_inbound_at)?,
            recency,
            account: read_id(row, "account_id")?,
            customers: read_count(row, "customers")?,
        });
    }
    Ok(groups)
}

/// Those who would be reached, but are the same person as somebody else who is:
/// each person is reached where they wrote last.
async fn find_duplicates(
    connection: &mut SqliteConnection,
    member: &Member,
    audience: &Audience,
    situation: &Situation,
    scoped: Scoped,
) -> AppResult<Vec<Duplicate>> {
    let team = member.team_id.to_string();
    let has_twins = query("select 1 from customer where team_id = $1 and has_twin = 1 limit 1")
        .bind(&team)
        .fetch_optional(&mut *connection)
        .await?;
    if has_twins.is_none() {
        return Ok(Vec::new());
    }
    let mut sql = QueryBuilder::new("select e.channel, ");
    push_tie(&mut sql, member, audience, scoped);
    sql.push(
        ", c.is_blocked, c.marketing_stopped_at is not null as has_opted_out, c.account_id, e.last_inbound_at,
         c.id as customer_id, c.phone_digits, c.same_as is not null as is_other",
    );
    push_audience(&mut sql, member, audience, scoped);
    sql.push(" and e.customer_id in (select id from customer where has_twin = 1 and team_id = ")
        .push_bind(team)
        .push(") order by c.phone_digits, coalesce(e.last_inbound_at, 0) desc, c.id");
    let rows = sql.build().fetch_all(connection).await?;
    let mut duplicates = Vec::new();
    let mut reached = None;
    for row in &rows {
        let channel = read_word(row, "channel", Channel::parse)?;
        let last_inbound_at = read_time_or_none(row, "last_inbound_at")?;
        let account = read_id(row, "account_id")?;
        let standing = read_standing(row, audience.source, channel, last_inbound_at)?;
        if situation.reach(standing, account) != Reach::Open {
            continue;
        }
        let person: Option<String> = row.try_get("phone_digits")?;
        // Who turned out to be the same person as another is written to there alone.
        let is_other: bool = row.try_get("is_other")?;
        if is_other || person.is_some() && person == reached {
            duplicates.push(Duplicate {
                customer: read_id(row, "customer_id")?,
                channel,
                account,
            });
        }
        if !is_other {
            reached = person;
        }
    }
    Ok(duplicates)
}

/// The count that the groups make together.
fn sum(groups: &[Group], duplicates: &[Duplicate], situation: &Situation) -> AudienceCount {
    let mut reached: BTreeMap<Channel, u64> = BTreeMap::new();
    let mut skipped: BTreeMap<(Reason, Channel), u64> = BTreeMap::new();
    for group in groups {
        let channel = group.standing.channel;
        *match situation.reach(group.standing, group.account) {
            Reach::Open => reached.entry(channel).or_default(),
            Reach::Skipped(reason) => skipped.entry((reason, channel)).or_default(),
        } += group.customers;
    }
    for duplicate in duplicates {
        let channel = duplicate.channel;
        if let Some(count) = reached.get_mut(&channel) {
            *count -= 1;
        }
        *skipped.entry((Reason::Duplicate, channel)).or_default() += 1;
    }
    let reached = reached.into_iter().filter(|&(_, customers)| customers > 0);
    AudienceCount {
        reached: reached
            .map(|(channel, customers)| ChannelCount { channel, customers })
            .collect(),
        skipped: skipped
            .into_iter()
            .map(|((reason, channel), customers)| SkippedCount {
                reason,
                channel,
                customers,
            })
            .collect(),
        wabas: Vec::new(),
    }
}

/// The WhatsApp Business accounts of those who would be reached; none where no template is sent.
pub(super) async fn count_wabas(
    connection: &mut SqliteConnection,
    member: &Member,
    sorted: &Sorted,
    situation: &Situation,
) -> AppResult<Vec<WabaCount>> {
    if situation.outgoing == Outgoing::Messages {
        return Ok(Vec::new());
    }
    let by_account = sorted.by_account(situation);
    if by_account.is_empty() {
        return Ok(Vec::new());
    }
    let wabas = wabas_of_team(connection, member.team_id).await?;
    let mut counts: Vec<WabaCount> = Vec::new();
    for (account, customers) in by_account {
        let Some(waba) = wabas.get(&account) else {
            continue;
        };
        match counts.iter_mut().find(|found| found.waba.id == waba.id) {
            Some(found) => found.customers += customers,
            None => counts.push(WabaCount {
                waba: waba.clone(),
                customers,
            }),
        }
    }
    counts.sort_by(|a, b| a.waba.id.cmp(&b.waba.id));
    Ok(counts)
}

/// Why each customer of a broadcast is skipped from the start, as an expression over `event e` and `customer c`;
/// null for the others. `is_final` says which reasons hold.
pub(super) fn push_reason(
    sql: &mut QueryBuilder<Sqlite>,
    sorted: &Sorted,
    situation: &Situation,
    is_final: impl Fn(Reason) -> bool,
) {
    let mut by_group: BTreeMap<String, Reason> = BTreeMap::new();
    let mut by_account: BTreeMap<AccountId, Reason> = BTreeMap::new();
    for group in &sorted.groups {
        let reach = group.standing.reach(situation.outgoing, situation.at);
        match (reach, situation.reach(group.standing, group.account)) {
            (Reach::Skipped(reason), _) if is_final(reason) => {
                // Those who differ in their account only are alike here.
                by_group.insert(group.key(), reason);
            }
            (Reach::Open, Reach::Skipped(reason)) if is_final(reason) => {
                by_account.insert(group.account, reason);
            }
            _ => {}
        }
    }
    if by_group.is_empty() && by_account.is_empty() && sorted.duplicates.is_empty() {
        sql.push("null");
        return;
    }
    sql.push("coalesce(null");
    if !by_group.is_empty() {
        sql.push(", case e.channel || c.is_blocked || (c.marketing_stopped_at is not null) || ");
        push_recency(sql, situation.at);
        push_cases(sql, by_group);
    }
    if !by_account.is_empty() {
        sql.push(", case c.account_id");
        let by_account = by_account.into_iter();
        push_cases(sql, by_account.map(|(id, reason)| (id.to_string(), reason)));
    }
    if !sorted.duplicates.is_empty() {
        let ids: Vec<_> = sorted.duplicates.iter().map(|twin| twin.customer).collect();
        sql.push(", case when c.id in (select value from json_each(")
            .push_bind(serde_json::to_string(&ids).expect("ids are JSON"))
            .push(")) then ")
            .push_bind(Reason::Duplicate.as_str())
            .push(" end");
    }
    // Two arguments at the least, as SQLite wants it.
    sql.push(", null)");
}

/// ` when … then … end`.
fn push_cases(sql: &mut QueryBuilder<Sqlite>, cases: impl IntoIterator<Item = (String, Reason)>) {
    for (key, reason) in cases {
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
