//! Bound customers (綁定顧客): who is bound to whom, and the lists of them.
//!
//! A bound customer always has an event, so that what is sent to them stands in a thread and 「聊天」 has one to open.
//! Who never wrote gets one when they are bound: ended, since nobody works on it, and nobody's, so that no
//! salesperson's 已結束 fills with conversations in which nothing was said. It is found there from the first
//! broadcast on, and wakes with the customer's first message as any other.
//! `push_filter` says in SQL what [`Filter::keeps`] says; a test holds them together.

use omocast_contract::api::{
    BoundCustomerPage, BoundCustomerQuery, BoundCustomerRow, PageStart, Seller,
    parse_bound_customer_cursor,
};
use omocast_contract::binding::{digits, may_broadcast, searched_digits};
use omocast_contract::{
    AccountId, Binding, BoundView, Channel, CustomerId, EventId, EventStatus, Filter, MemberId,
    Pick, Plan, Problem, ProblemCode, Role, ShopId, TeamId, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::deliveries::Changes;
use super::events::{like_pattern, push_tags, push_words};
use super::{
    Member, Store, fold_name, read_count, read_id, read_id_or_none, read_time, read_time_or_none,
    read_word,
};
use crate::error::{AppError, AppResult};

/// The seller and the shop that a customer is bound to: whose lists they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoundTo {
    pub seller: MemberId,
    pub shop: ShopId,
}

/// Where a query has what the filter goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub(super) channel: &'static str,
    pub(super) customer: &'static str,
    pub(super) shop: &'static str,
}

/// Of a list, as `binding b`.
const LISTED: Columns = Columns {
    channel: "b.channel",
    customer: "b.customer_id",
    shop: "b.shop_id",
};

impl Store {
    /// One page of a list. The member sees the view: that is asked before.
    pub async fn list_bound_customers(
        &self,
        member: &Member,
        asked: &BoundCustomerQuery,
    ) -> AppResult<BoundCustomerPage> {
        let mut count = QueryBuilder::new("select count(*) as total from binding b where ");
        push_view(&mut count, member, asked.view);
        push_filter(&mut count, LISTED, &asked.filter);
        let counted = count.build().fetch_one(&self.reader).await?;

        let mut sql = QueryBuilder::new("with page as (select b.customer_id from binding b where ");
        push_view(&mut sql, member, asked.view);
        push_filter(&mut sql, LISTED, &asked.filter);
        let offset = match &asked.from {
            PageStart::First => 0,
            PageStart::Row(row) => *row,
            PageStart::After(cursor) => {
                let Some((at, customer)) = parse_bound_customer_cursor(cursor) else {
                    return Err(Problem::new(ProblemCode::MalformedRequest)
                        .at("from.after")
                        .into());
                };
                sql.push(" and (b.last_contact_at, b.customer_id) < (");
                sql.push_bind(at.0)
                    .push(", ")
                    .push_bind(customer.to_string())
                    .push(")");
                0
            }
        };
        sql.push(" order by b.last_contact_at desc, b.customer_id desc limit ")
            .push_bind(i64::from(asked.limit));
        sql.push(" offset ")
            .push_bind(i64::try_from(offset).unwrap_or(i64::MAX));
        sql.push(
            ") select b.customer_id, b.member_id, b.shop_id, b.event_id, b.channel, b.bound_at, b.last_contact_at,
                      c.name, c.phone, c.is_blocked, a.id as account_id, a.name as account, s.name as shop,
                      b.last_inbound_at, m.role as seller_role, m.name as seller_name,
                      (select json_group_array(tag) from (
                          select tag from customer_tag where customer_id = c.id order by tag)) as tags
               from page p join binding b on b.customer_id = p.customer_id
               join customer c on c.id = b.customer_id
               join account a on a.id = c.account_id
               join shop s on s.id = b.shop_id
               join member m on m.id = b.member_id
               order by b.last_contact_at desc, b.customer_id desc",
        );
        let rows = sql.build().fetch_all(&self.reader).await?;
        Ok(BoundCustomerPage {
            rows: rows
                .iter()
                .map(|row| bound_customer(row, asked.view))
                .collect::<Result<_, _>>()?,
            total: read_count(&counted, "total")?,
        })
    }

    /// Binds a customer of the team to one of its sellers, in a shop that the seller works in.
    /// Who is bound to somebody else stays with them.
    pub async fn bind_customer(
        &self,
        team: TeamId,
        customer: CustomerId,
        to: BoundTo,
        now: Timestamp,
    ) -> AppResult<Changes> {
        let mut tx = self.begin_write().await?;
        let row = query(
            "select a.channel, m.role, t.plan
             from customer c join account a on a.id = c.account_id join team t on t.id = c.team_id
             join member m on m.id = $3 and m.team_id = c.team_id
             join member_shop ms on ms.member_id = m.id and ms.shop_id = $4
             where c.id = $1 and c.team_id = $2",
        )
        .bind(customer.to_string())
        .bind(team.to_string())
        .bind(to.seller.to_string())
        .bind(to.shop.to_string())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(AppError::NotFound)?;
        if !read_word(&row, "channel", Channel::parse)?.has_bindings() {
            return Err(ProblemCode::ChannelNotChosen.into());
        }
        read_word(&row, "role", Role::parse)?.may_broadcast(read_word(
            &row,
            "plan",
            Plan::parse,
        )?)?;
        let mut changes = Changes::default();
        if insert_binding(&mut tx, team, customer, to, now).await? {
            changes.add_bound(team, to);
        } else {
            let before = find_bound(&mut tx, customer).await?;
            may_broadcast(before.map(|before| before.seller), to.seller)?;
        }
        tx.commit().await?;
        Ok(changes)
    }

    /// Unbinds a customer of the team, and ends the event that the seller follows of them.
    pub async fn unbind_customer(
        &self,
        team: TeamId,
        customer: CustomerId,
        now: Timestamp,
    ) -> AppResult<Changes> {
        let mut tx = self.begin_write().await?;
        let row = query(
            "delete from binding where customer_id = $1 and team_id = $2 returning member_id, shop_id, event_id",
        )
        .bind(customer.to_string())
        .bind(team.to_string())
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(ProblemCode::CustomerNotBound)?;
        let was = bound_to(&row)?;
        let event: EventId = read_id(&row, "event_id")?;
        let mut changes = Changes::default();
        changes.add_bound(team, was);
        // What a colleague follows, or nobody, has nothing to do with the binding.
        let ended = query(
            "update event set status = $3, ended_at = $4, unread = 0
             where id = $1 and owner_id = $2 and status = $5",
        )
        .bind(event.to_string())
        .bind(was.seller.to_string())
        .bind(EventStatus::Ended.as_str())
        .bind(now.0)
        .bind(EventStatus::InProgress.as_str())
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() > 0 {
            changes.add_event(event, team, [was.seller]);
        }
        tx.commit().await?;
        Ok(changes)
    }

    /// Adds somebody to a WhatsApp number of the team by their own number, with country code, or finds them.
    /// Who has a name already keeps it.
    pub async fn create_contact(
        &self,
        team: TeamId,
        account: AccountId,
        phone: &str,
        name: &str,
        now: Timestamp,
    ) -> AppResult<CustomerId> {
        // WhatsApp names people by the digits of their number.
        let digits = digits(phone);
        if digits.is_empty() {
            return Err(Problem::new(ProblemCode::MalformedRequest)
                .at("phone")
                .into());
        }
        let row = query(
            "insert into customer (id, team_id, account_id, external_id, name, name_folded, phone, phone_digits, created_at)
             select $1, a.team_id, a.id, $4, $5, $6, $7, $4, $8 from account a
             where a.id = $2 and a.team_id = $3 and a.channel = 'whatsapp'
             on conflict (account_id, external_id) do update
             set name = case name when '' then excluded.name else name end,
                 name_folded = case name when '' then excluded.name_folded else name_folded end,
                 phone = coalesce(phone, excluded.phone), phone_digits = coalesce(phone_digits, excluded.phone_digits)
             returning coalesce(same_as, id) as id",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(account.to_string())
        .bind(team.to_string())
        .bind(&digits)
        .bind(name.trim())
        .bind(fold_name(name.trim()))
        .bind(phone)
        .bind(now.0)
        .fetch_optional(&mut *self.writer.turn().await?)
        .await?
        .ok_or(AppError::NotFound)?;
        Ok(read_id(&row, "id")?)
    }

    /// Whose lists the customer of an event is in.
    pub async fn find_bound_of_event(
        &self,
        event: EventId,
    ) -> Result<Option<BoundTo>, sqlx::Error> {
        let row = query(
            "select b.member_id, b.shop_id from event e join binding b on b.customer_id = e.customer_id where e.id = $1",
        )
        .bind(event.to_string())
        .fetch_optional(&self.reader)
        .await?;
        row.as_ref().map(bound_to).transpose()
    }
}

/// Which bound customers a view shows to a member, as a condition on `binding b`.
fn push_view(sql: &mut QueryBuilder<Sqlite>, member: &Member, view: BoundView) {
    match view {
        BoundView::Mine => {
            sql.push("b.member_id = ").push_bind(member.id.to_string());
        }
        BoundView::Team => {
            sql.push("b.shop_id in (");
            let mut shops = sql.separated(", ");
            for shop in &member.shops {
                shops.push_bind(shop.id.to_string());
            }
            sql.push(")");
        }
    }
}

/// What the funnel keeps, as a further condition.
pub(super) fn push_filter(sql: &mut QueryBuilder<Sqlite>, columns: Columns, filter: &Filter) {
    let Columns {
        channel,
        customer,
        shop,
    } = columns;
    if !filter.channels.is_empty() {
        sql.push(" and ").push(channel).push(" in (");
        push_words(sql, filter.channels.iter().map(|channel| channel.as_str()));
        sql.push(")");
    }
    if !filter.shops.is_empty() {
        sql.push(" and ").push(shop).push(" in (");
        let mut shops = sql.separated(", ");
        for shop in &filter.shops {
            shops.push_bind(shop.to_string());
        }
        sql.push(")");
    }
    let search = fold_name(filter.name.trim());
    if !search.is_empty() {
        sql.push(" and exists (select 1 from customer fc where fc.id = ")
            .push(customer);
        sql.push(" and (fc.name_folded like ")
            .push_bind(like_pattern(&search))
            .push(r" escape '\'");
        if let Some(digits) = searched_digits(&search) {
            sql.push(" or fc.phone_digits like ")
                .push_bind(like_pattern(&digits))
                .push(r" escape '\'");
        }
        sql.push("))");
    }
    if let Some(waba) = &filter.waba {
        sql.push(" and exists (select 1 from customer fc join account fa on fa.id = fc.account_id where fc.id = ");
        sql.push(customer)
            .push(" and fa.waba_id = ")
            .push_bind(waba.0.clone())
            .push(")");
    }
    push_tags(sql, customer, &filter.tags);
}

/// Refuses customers named one by one who are not there for the member's eyes, and names the first;
/// for a broadcast those who are not bound to the member, too.
pub(super) async fn check_picked(
    connection: &mut SqliteConnection,
    member: &Member,
    pick: &Pick,
    is_for_broadcast: bool,
) -> AppResult<()> {
    let Pick::Only(ids) = pick else {
        return Ok(());
    };
    let rows = query(
        "select c.id, b.member_id, b.shop_id from json_each($1) picked join customer c on c.id = picked.value
         left join binding b on b.customer_id = c.id where c.team_id = $2",
    )
    .bind(serde_json::to_string(ids).expect("ids are JSON"))
    .bind(member.team_id.to_string())
    .fetch_all(connection)
    .await?;
    let mut found = std::collections::HashMap::with_capacity(rows.len());
    for row in &rows {
        let bound = bound_to_or_none(row)?;
        let seller = bound.map(|bound| bound.seller);
        // Whoever was unbound meanwhile may have been chosen before; the reason is told.
        if bound.is_none_or(|bound| member.finds_bound(bound)) {
            found.insert(read_id::<CustomerId>(row, "id")?, seller);
        }
    }
    for (at, id) in ids.iter().enumerate() {
        let checked = match found.get(&id.customer()) {
            None => Err(ProblemCode::NotFound),
            Some(&seller) if is_for_broadcast => may_broadcast(seller, member.id),
            Some(_) => Ok(()),
        };
        checked.map_err(|code| Problem::new(code).at(format!("audience.pick[{at}]")))?;
    }
    Ok(())
}

impl Member {
    /// Whether the member finds a customer in 我的名單 or 團隊名單.
    pub fn finds_bound(&self, customer: BoundTo) -> bool {
        let is_mine = customer.seller == self.id && self.role.sees_bound(BoundView::Mine);
        let is_in_shops = self.shops.iter().any(|shop| shop.id == customer.shop);
        is_mine || is_in_shops && self.role.sees_bound(BoundView::Team)
    }
}

/// Whether the member finds a customer in 我的名單 or 團隊名單, and so may open the thread from there, whoever follows it.
pub(super) async fn sees_bound(
    connection: &mut SqliteConnection,
    member: &Member,
    customer: CustomerId,
) -> Result<bool, sqlx::Error> {
    let bound = find_bound(connection, customer).await?;
    Ok(bound.is_some_and(|bound| member.finds_bound(bound)))
}

/// Whose lists a customer is in, of a row that may have no binding.
pub(super) fn bound_to_or_none(row: &SqliteRow) -> Result<Option<BoundTo>, sqlx::Error> {
    let seller: Option<MemberId> = read_id_or_none(row, "member_id")?;
    let shop: Option<ShopId> = read_id_or_none(row, "shop_id")?;
    Ok(seller
        .zip(shop)
        .map(|(seller, shop)| BoundTo { seller, shop }))
}

/// Whose lists a customer is in.
pub(super) async fn find_bound(
    connection: &mut SqliteConnection,
    customer: CustomerId,
) -> Result<Option<BoundTo>, sqlx::Error> {
    let row = query("select member_id, shop_id from binding where customer_id = $1")
        .bind(customer.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(bound_to).transpose()
}

/// Binds the customer who asked for `seller` by their code to them, in their first shop.
/// None for somebody who has no bound customers: of another role, without a shop, of a team without the plan.
pub(super) async fn bind_by_code(
    tx: &mut SqliteConnection,
    team: TeamId,
    channel: Channel,
    customer: CustomerId,
    seller: MemberId,
    now: Timestamp,
) -> Result<Option<BoundTo>, sqlx::Error> {
    if !channel.has_bindings() {
        return Ok(None);
    }
    let row = query(
        "select m.role, t.plan, s.id as shop_id from member m join team t on t.id = m.team_id
         join member_shop ms on ms.member_id = m.id join shop s on s.id = ms.shop_id
         where m.id = $1 and m.team_id = $2 order by s.code limit 1",
    )
    .bind(seller.to_string())
    .bind(team.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let plan = read_word(&row, "plan", Plan::parse)?;
    if read_word(&row, "role", Role::parse)?
        .may_broadcast(plan)
        .is_err()
    {
        return Ok(None);
    }
    let shop = read_id(&row, "shop_id")?;
    insert_binding(tx, team, customer, BoundTo { seller, shop }, now).await?;
    // Mode 固定: who is bound already stays with their seller.
    find_bound(tx, customer).await
}

/// Binds a customer who is bound to nobody; tells whether it did.
async fn insert_binding(
    tx: &mut SqliteConnection,
    team: TeamId,
    customer: CustomerId,
    to: BoundTo,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    query(
        "insert into event (id, team_id, customer_id, account_id, channel, status, last_message_at, created_at, ended_at)
         select $1, c.team_id, c.id, c.account_id, a.channel, $4, $5, $5, $5
         from customer c join account a on a.id = c.account_id where c.id = $2 and c.team_id = $3
         on conflict (customer_id) do nothing",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(customer.to_string())
    .bind(team.to_string())
    .bind(EventStatus::Ended.as_str())
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    let done = query(
        "insert into binding (customer_id, team_id, member_id, shop_id, event_id, channel, bound_at, last_contact_at, last_inbound_at)
         select e.customer_id, e.team_id, $3, $4, e.id, e.channel, $5, e.last_message_at, e.last_inbound_at
         from event e where e.customer_id = $1 and e.team_id = $2
         on conflict (customer_id) do nothing",
    )
    .bind(customer.to_string())
    .bind(team.to_string())
    .bind(to.seller.to_string())
    .bind(to.shop.to_string())
    .bind(now.0)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) fn bound_to(row: &SqliteRow) -> Result<BoundTo, sqlx::Error> {
    Ok(BoundTo {
        seller: read_id(row, "member_id")?,
        shop: read_id(row, "shop_id")?,
    })
}

fn bound_customer(row: &SqliteRow, view: BoundView) -> Result<BoundCustomerRow, sqlx::Error> {
    let seller = match view {
        BoundView::Mine => None,
        BoundView::Team => Some(Seller {
            role: read_word(row, "seller_role", Role::parse)?,
            name: row.try_get("seller_name")?,
        }),
    };
    Ok(BoundCustomerRow {
        binding: Binding {
            customer: read_id(row, "customer_id")?,
            member: read_id(row, "member_id")?,
            shop: read_id(row, "shop_id")?,
            bound_at: read_time(row, "bound_at")?,
        },
        name: row.try_get("name")?,
        phone: row.try_get("phone")?,
        channel: read_word(row, "channel", Channel::parse)?,
        account: row.try_get("account")?,
        account_id: read_id(row, "account_id")?,
        shop: row.try_get("shop")?,
        last_contact_at: read_time(row, "last_contact_at")?,
        last_inbound_at: read_time_or_none(row, "last_inbound_at")?,
        event: Some(read_id(row, "event_id")?),
        is_blocked: row.try_get("is_blocked")?,
        tags: read_word(row, "tags", |text| serde_json::from_str(text).ok())?,
        seller,
    })
}
