//! What an account sent comes back (Messenger and Instagram): ours, which got no answer, or somebody's who wrote in
//! the platform's own inbox.

use omocast_contract::{
    AccountId, BroadcastId, CustomerId, DeliveryStatus, EventId, Medium, MemberId, TeamId,
    Timestamp,
};
use sqlx::{Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::bindings::find_bound;
use super::broadcasts::said::find_text;
use super::deliveries::{Changes, Outcome, RecipientKey, Then, Told, settle};
use super::inbound::one_line;
use super::{read_id, read_id_or_none};

/// How much later than our request a platform may say that it took a message, in milliseconds; and how much earlier,
/// by a clock of its own.
const LATER: i64 = 10 * 60_000;
const EARLIER: i64 = 60_000;

/// A message of the account that came back without what we gave along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoTold {
    /// The customer's id on the platform.
    pub customer: String,
    pub external_id: String,
    pub at: Timestamp,
    /// None where it is no text.
    pub text: Option<String>,
}

/// Takes an echo in: once, whenever it comes.
///
/// Instagram gives nothing back by which a message could be known, so one that got no answer is found by its words:
/// the first to this customer, at about that time, of which nothing else is known.
pub(super) async fn take_echo(
    tx: &mut SqliteConnection,
    team: TeamId,
    account: AccountId,
    echo: &EchoTold,
    now: Timestamp,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    let row = query(
        "select c.id, e.id as event_id, e.owner_id,
                exists (select 1 from message where account_id = $1 and external_id = $3)
                or exists (select 1 from delivery where external_id = $3) as is_known
         from customer c join event e on e.customer_id = c.id where c.account_id = $1 and c.external_id = $2",
    )
    .bind(account.to_string())
    .bind(&echo.customer)
    .bind(&echo.external_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(changes) };
    if row.try_get("is_known")? {
        return Ok(changes);
    }
    let customer: CustomerId = read_id(&row, "id")?;
    let event: EventId = read_id(&row, "event_id")?;
    if let Some(outcome) = find_unanswered(tx, customer, echo).await? {
        return settle(tx, &[outcome], now).await;
    }
    let is_reply = settle_reply(tx, event, echo).await?;
    if !is_reply && !insert_message(tx, team, account, event, echo, now).await? {
        return Ok(changes);
    }
    let owner: Option<MemberId> = read_id_or_none(&row, "owner_id")?;
    let bound = find_bound(tx, customer).await?;
    changes.add_event_of(event, team, owner, bound);
    Ok(changes)
}

/// The delivery that got no answer, or has not yet, or one that said it was not taken, and says the same.
async fn find_unanswered(
    tx: &mut SqliteConnection,
    customer: CustomerId,
    echo: &EchoTold,
) -> Result<Option<Outcome>, sqlx::Error> {
    let rows = query(
        "select r.broadcast_id, r.id, d.position from recipient r
         join delivery d on d.recipient_id = r.id
         where r.customer_id = $1 and d.status in ('unknown', 'sending', 'queued') and d.external_id is null
           and d.sent_at between $2 and $3
         order by d.sent_at, d.position",
    )
    .bind(customer.to_string())
    .bind(echo.at.plus(-LATER).0)
    .bind(echo.at.plus(EARLIER).0)
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        let broadcast: BroadcastId = read_id(row, "broadcast_id")?;
        let key = RecipientKey {
            broadcast,
            number: row.try_get("id")?,
        };
        let position = u32::try_from(row.try_get::<i64, _>("position")?).unwrap_or(u32::MAX);
        if find_text(tx, key, position).await? == echo.text {
            return Ok(Some(Outcome {
                key,
                told: vec![Told {
                    position,
                    status: DeliveryStatus::Sent,
                    reason: None,
                    code: None,
                    external_id: Some(echo.external_id.clone()),
                }],
                then: Then::Nothing,
                by: None,
                account: None,
            }));
        }
    }
    Ok(None)
}

/// A reply that got no answer, or has not yet, and says the same; whether there was one.
async fn settle_reply(
    tx: &mut SqliteConnection,
    event: EventId,
    echo: &EchoTold,
) -> Result<bool, sqlx::Error> {
    let settled = query(
        "update message set status = 'sent', reason = null, external_id = $2 where id = (
            select id from message where event_id = $1 and direction = 'outbound'
               and external_id is null and status in ('sending', 'unknown') and at between $4 and $5
               and case when kind = 'text' then text end is $3
            order by at limit 1)",
    )
    .bind(event.to_string())
    .bind(&echo.external_id)
    .bind(echo.text.as_deref())
    .bind(echo.at.plus(-LATER).0)
    .bind(echo.at.plus(EARLIER).0)
    .execute(tx)
    .await?;
    Ok(settled.rows_affected() > 0)
}

/// Shows in the thread what somebody wrote in the platform's own inbox; whether it is new there.
async fn insert_message(
    tx: &mut SqliteConnection,
    team: TeamId,
    account: AccountId,
    event: EventId,
    echo: &EchoTold,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let at = echo.at.min(now);
    let (kind, text) = match &echo.text {
        Some(text) => (Medium::Text.as_str(), text.as_str()),
        None => ("unsupported", ""),
    };
    let inserted = query(
        "insert into message (id, team_id, event_id, account_id, direction, kind, text, at, external_id, status)
         values ($1, $2, $3, $4, 'outbound', $5, $6, $7, $8, 'sent')
         on conflict (account_id, external_id) do nothing",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(team.to_string())
    .bind(event.to_string())
    .bind(account.to_string())
    .bind(kind)
    .bind(text)
    .bind(at.0)
    .bind(&echo.external_id)
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    query(
        "update event set last_text = $2, last_medium = 'text', last_message_at = $3
         where id = $1 and last_message_at <= $3",
    )
    .bind(event.to_string())
    .bind(one_line(text))
    .bind(at.0)
    .execute(tx)
    .await?;
    Ok(true)
}
