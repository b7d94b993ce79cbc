//! What platforms call customers. WhatsApp has two ids for one person: the phone number, and an id of its own for each
//! business (BSUID). A webhook tells either or both, and who takes a username may be told without the number from then on.

use omocast_contract::binding::digits;
use omocast_contract::{AccountId, CustomerId, EventId, MemberId, TeamId, Timestamp};
use sqlx::{Row as _, SqliteConnection, query};

use super::bindings::find_bound;
use super::deliveries::Changes;
use super::{read_id, read_id_or_none};

/// What a platform calls a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAs {
    /// Of WhatsApp the number, or the business-scoped id where no number is told.
    pub external_id: String,
    /// WhatsApp's business-scoped id, where it is told.
    pub scoped_id: Option<String>,
}

impl KnownAs {
    /// Of a platform that has one id for each customer.
    pub fn by(external_id: impl Into<String>) -> Self {
        Self {
            external_id: external_id.into(),
            scoped_id: None,
        }
    }

    /// The two ids, where both are told.
    pub fn both(&self) -> Option<(&str, &str)> {
        let scoped = self.scoped_id.as_deref()?;
        (scoped != self.external_id).then_some((self.external_id.as_str(), scoped))
    }
}

/// Whom a platform means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nobody,
    One(CustomerId),
    /// One person who was taken for two until now.
    Two {
        /// Known by the number.
        first: CustomerId,
        /// Known by the business-scoped id.
        second: CustomerId,
    },
}

/// Whom these ids name.
pub(super) async fn find_known(
    tx: &mut SqliteConnection,
    account: AccountId,
    known_as: &KnownAs,
) -> Result<Known, sqlx::Error> {
    let row = query(
        "select (select coalesce(same_as, id) from customer where account_id = $1 and external_id = $2) as first,
                coalesce((select id from customer where account_id = $1 and scoped_id = $3),
                         (select coalesce(same_as, id) from customer where account_id = $1 and external_id = $3)) as second",
    )
    .bind(account.to_string())
    .bind(&known_as.external_id)
    .bind(&known_as.scoped_id)
    .fetch_one(tx)
    .await?;
    let first = read_id_or_none(&row, "first")?;
    let second = read_id_or_none(&row, "second")?;
    Ok(match (first, second) {
        (Some(first), Some(second)) if first != second && known_as.both().is_some() => {
            Known::Two { first, second }
        }
        // A scoped id may have been the address of somebody who turned out to be the same person as another.
        (_, Some(customer)) | (Some(customer), None) => Known::One(customer),
        (None, None) => Known::Nobody,
    })
}

/// Notes the ids of a customer, so that either finds them from now on.
pub(super) async fn learn(
    tx: &mut SqliteConnection,
    account: AccountId,
    customer: CustomerId,
    known_as: &KnownAs,
) -> Result<(), sqlx::Error> {
    let Some((number, scoped)) = known_as.both() else {
        return Ok(());
    };
    query("update customer set scoped_id = $2 where id = $1 and scoped_id is not $2")
        .bind(customer.to_string())
        .bind(scoped)
        .execute(&mut *tx)
        .await?;
    // A number may stand with somebody who turned out to be the same person: it leads here from there.
    query(
        "update customer set external_id = $2, phone = $2, phone_digits = $4 where id = $1 and external_id <> $2
         and not exists (select 1 from customer where account_id = $3 and external_id = $2)",
    )
    .bind(customer.to_string())
    .bind(number)
    .bind(account.to_string())
    .bind(digits(number))
    .execute(tx)
    .await?;
    Ok(())
}

/// Those of `told` whose two ids are not known to be one person's.
pub(super) async fn find_news(
    tx: &mut SqliteConnection,
    account: AccountId,
    told: impl Iterator<Item = &KnownAs>,
) -> Result<Vec<KnownAs>, sqlx::Error> {
    let told: Vec<_> = told.filter_map(KnownAs::both).collect();
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let rows = query(
        "select distinct t.value ->> 0 as number, t.value ->> 1 as scoped from json_each($1) t
         where not exists (select 1 from customer where account_id = $2 and external_id = t.value ->> 0
                           and scoped_id = t.value ->> 1)",
    )
    .bind(serde_json::to_string(&told).expect("texts are JSON"))
    .bind(account.to_string())
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(KnownAs {
                external_id: row.try_get("number")?,
                scoped_id: Some(row.try_get("scoped")?),
            })
        })
        .collect()
}

/// Makes one person of two customers. `kept` is known by the number; whatever comes and goes from now on is theirs.
///
/// What was said and who follows it, tags and binding go over to them. The other stays, ended, only because a broadcast
/// may have gone to both and is counted so. Nothing is written to them again, whatever anybody does with their event:
/// that both have the phone number would not do, since then either is reached while the other can't be,
/// say because they stopped marketing.
pub(super) async fn unite(
    tx: &mut SqliteConnection,
    team: TeamId,
    kept: CustomerId,
    other: CustomerId,
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    tell(tx, team, [kept, other], &mut changes).await?;
    for sql in UNITE {
        query(sql)
            .bind(kept.to_string())
            .bind(other.to_string())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
    }
    tell(tx, team, [kept, other], &mut changes).await?;
    Ok(changes)
}

/// `$1` is kept, `$2` the other, `$3` now.
const UNITE: [&str; 12] = [
    // With a twin, because only among those somebody who is left out is looked for.
    "update customer set same_as = $1, scoped_id = null, has_twin = 1 where id = $2 or same_as = $2",
    // What was said of marketing last counts.
    "update customer set name = case customer.name when '' then o.name else customer.name end,
            name_folded = case customer.name when '' then o.name_folded else customer.name_folded end,
            created_at = min(customer.created_at, o.created_at),
            marketing_stopped_at = case when o.marketing_changed_at > customer.marketing_changed_at
                                   then o.marketing_stopped_at else customer.marketing_stopped_at end,
            marketing_changed_at = max(customer.marketing_changed_at, o.marketing_changed_at),
            pair_busy_until = max(customer.pair_busy_until, o.pair_busy_until),
            is_blocked = customer.is_blocked and not exists (
                select 1 from event where customer_id = $2 and last_inbound_at > customer.block_changed_at)
     from customer o where customer.id = $1 and o.id = $2",
    "update or ignore customer_tag set customer_id = $1 where customer_id = $2",
    "update test_customer set customer_id = $1 where customer_id = $2",
    "update event set customer_id = $1
     where customer_id = $2 and not exists (select 1 from event where customer_id = $1)",
    "update message set event_id = (select id from event where customer_id = $1)
     where event_id = (select id from event where customer_id = $2)",
    // Who has the conversation in hand goes on with it; where both are, whoever knew the number.
    "update event set (status, owner_id, followed_at, ended_at) =
            (select status, owner_id, followed_at, ended_at from (
                 select e.*, e.customer_id <> $1 as is_other from event e where e.customer_id in ($1, $2)
             ) order by case status when 'in_progress' then 0 when 'pending' then 1 else 2 end, is_other limit 1),
            (last_text, last_medium, last_message_at) =
            (select last_text, last_medium, last_message_at from event where customer_id in ($1, $2)
             order by last_message_at desc limit 1),
            (last_inbound_at, unread) =
            (select max(last_inbound_at), sum(unread) from event where customer_id in ($1, $2))
     where customer_id = $1",
    "update event set status = 'ended', ended_at = coalesce(ended_at, $3), unread = 0 where customer_id = $2",
    // Who was left out under one id, and is to get it under the other, gets it.
    "delete from recipient where customer_id = $1 and status = 'skipped'
     and not exists (select 1 from delivery where recipient_id = recipient.id)
     and broadcast_id in (select broadcast_id from recipient where customer_id = $2 and is_open = 1)",
    // Except those of broadcasts that went to both.
    "update or ignore recipient set customer_id = $1, event_id = (select id from event where customer_id = $1)
     where customer_id = $2",
    "update or ignore binding set (customer_id, event_id, last_contact_at, last_inbound_at) =
            (select customer_id, id, last_message_at, last_inbound_at from event where customer_id = $1)
     where customer_id = $2",
    "delete from binding where customer_id = $2",
];

/// Adds the events of the customers to what changed, for whoever has them in a list.
async fn tell(
    tx: &mut SqliteConnection,
    team: TeamId,
    customers: [CustomerId; 2],
    changes: &mut Changes,
) -> Result<(), sqlx::Error> {
    for customer in customers {
        let event = query("select id, owner_id from event where customer_id = $1")
            .bind(customer.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(event) = event else { continue };
        let owner: Option<MemberId> = read_id_or_none(&event, "owner_id")?;
        let bound = find_bound(tx, customer).await?;
        changes.add_event_of(read_id::<EventId>(&event, "id")?, team, owner, bound);
    }
    Ok(())
}
