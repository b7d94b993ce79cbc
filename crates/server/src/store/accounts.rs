//! How accounts fare: which have stopped and when they are tried again, whose turn it is, what is left of a month.
//!
//! All of it is in the database, so that every process that delivers keeps to the same pace and knows the same stops.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use omocast_contract::control::{AccountQuota, GIVE_UP_AFTER, LogEvent, PausedAccount};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{AccountId, BroadcastId, Channel, Reason, TeamId, Timestamp};
use sqlx::{Row as _, SqliteConnection, query};

use super::broadcasts::log::log;
use super::deliveries::{Changes, Close, close};
use super::{Store, read_count, read_id, read_time, read_time_or_none, read_word};

/// How long an account that stopped is left alone before it is tried again: the longer the more often it was in vain.
const REST: [i64; 6] = [10_000, 30_000, 60_000, 5 * 60_000, 15 * 60_000, HOUR];
/// An account whose next turn is further ahead than this is held, in milliseconds: nobody is claimed for it.
pub const HELD: i64 = 10_000;
/// A turn further ahead than the longest pause comes from a clock that was wrong, in milliseconds.
pub(super) const WRONG_CLOCK: i64 = 2 * HOUR;
/// What LINE said of a month is asked again after this, in milliseconds.
const QUOTA_BELIEVED: i64 = 30_000;
/// What LINE said longer ago than this says nothing of today, in milliseconds: a month may have begun.
const QUOTA_KEPT: i64 = 6 * HOUR;

/// Turns of an account's pace, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    pub first: i64,
    pub interval: i64,
    pub count: u32,
}

impl Store {
    /// Takes the next `count` turns of an account, `interval` microseconds apart, for whoever asks first.
    /// The time, in microseconds, is asked for when it is this one's turn to write: turns are lost when they are late.
    pub async fn take_turns(
        &self,
        account: AccountId,
        count: u32,
        interval: i64,
        now: impl FnOnce() -> i64,
    ) -> Result<Turns, sqlx::Error> {
        let mut writer = self.writer.turn().await?;
        let now = now();
        let latest = now.saturating_add(WRONG_CLOCK * 1_000);
        let row = query(
            "update account set next_turn_at =
                 (case when next_turn_at between $2 and $3 then next_turn_at else $2 end) + $4
             where id = $1 returning next_turn_at",
        )
        .bind(account.to_string())
        .bind(now)
        .bind(latest)
        .bind(interval.saturating_mul(i64::from(count)))
        .fetch_one(&mut *writer)
        .await?;
        Ok(Turns {
            first: row.try_get::<i64, _>("next_turn_at")? - interval * i64::from(count),
            interval,
            count,
        })
    }

    /// Gives no turn of an account before a time, because the platform asked to slow down.
    pub async fn hold_turns(
        &self,
        account: AccountId,
        until: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query("update account set next_turn_at = max(next_turn_at, $2) where id = $1")
            .bind(account.to_string())
            .bind(until.0.saturating_mul(1_000))
            .execute(&mut *self.writer.turn().await?)
            .await
            .map(drop)
    }

    /// Lets what waits for an account wait until it is mended: it is tried again now and then.
    pub async fn pause_account(
        &self,
        account: AccountId,
        reason: Reason,
        code: &str,
        now: Timestamp,
    ) -> Result<Changes, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let broadcasts = pause(&mut tx, account, reason, code, now, now).await?;
        tx.commit().await?;
        Ok(Changes {
            broadcasts,
            ..Changes::default()
        })
    }

    /// Goes on with an account that takes messages again; none where it has stopped anew.
    pub async fn resume_account(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<Changes>, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        if is_resting(&mut tx, account, now).await? {
            return Ok(None);
        }
        let resumed = query(
            "update account set paused_reason = null, paused_code = null, paused_at = null, tried_at = $2
             where id = $1 and paused_at is not null returning name",
        )
        .bind(account.to_string())
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(resumed) = resumed else {
            // Another has said so before.
            return Ok(Some(Changes::default()));
        };
        let broadcasts = waiting_broadcasts(&mut tx, account).await?;
        let event = LogEvent::AccountResumed {
            account: resumed.try_get("name")?,
        };
        for &broadcast in &broadcasts {
            log(&mut tx, broadcast, None, &event, now).await?;
        }
        tx.commit().await?;
        Ok(Some(Changes {
            broadcasts,
            ..Changes::default()
        }))
    }

    /// Fails what has waited for stopped accounts longer than anybody expects ([`GIVE_UP_AFTER`]).
    pub async fn give_up_waiting(&self, now: Timestamp) -> Result<Changes, sqlx::Error> {
        const WAITING: &str =
            "select b.id from broadcast b where b.status = 'sending' and b.starts_at < $1
            and exists (select 1 from recipient r join account a on a.id = r.account_id
                        where r.broadcast_id = b.id and r.is_open = 1 and a.paused_at is not null)";
        let long_ago = now.plus(-GIVE_UP_AFTER).0;
        let waiting = query(WAITING)
            .bind(long_ago)
            .fetch_all(&self.reader)
            .await?;
        let mut changes = Changes::default();
        if waiting.is_empty() {
            return Ok(changes);
        }
        let mut tx = self.begin_write().await?;
        for row in &waiting {
            let broadcast: BroadcastId = read_id(row, "id")?;
            changes.merge(close(&mut tx, broadcast, Close::WaitedTooLong, now).await?);
            changes.broadcasts.insert(broadcast);
        }
        tx.commit().await?;
        Ok(changes)
    }

    /// Forgets what a clock that was wrong has put off: the clock was set back.
    pub async fn forget_the_future(
        &self,
        now: Timestamp,
        longest: i64,
        hold: i64,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        for statement in [
            "update recipient set not_before = $1 where is_open = 1 and not_before > $1
             and broadcast_id in (select id from broadcast where status = 'held')",
            "update broadcast set starts_at = $1 where status = 'held' and starts_at > $1",
        ] {
            query(statement)
                .bind(now.plus(hold).0)
                .execute(&mut *tx)
                .await?;
        }
        query(
            "update recipient set not_before = $1 where is_open = 1 and not_before > $2
             and broadcast_id in (select id from broadcast where status in ('sending', 'stopped'))",
        )
        .bind(now.0)
        .bind(now.plus(longest).0)
        .execute(&mut *tx)
        .await?;
        query("update account set next_turn_at = 0, tried_at = min(tried_at, $1), paused_at = min(paused_at, $1)")
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// The LINE accounts of a team of whose month nothing new is known.
    pub async fn quotas_to_read(
        &self,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Vec<AccountId>, sqlx::Error> {
        let rows = query(
            "select id from account where team_id = $1 and channel = 'line' and quota_asked_at not between $2 and $3",
        )
        .bind(team.to_string())
        .bind(now.plus(-QUOTA_BELIEVED).0)
        .bind(now.0)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(|row| read_id(row, "id")).collect()
    }

    /// Keeps what LINE says of the month: its limit, none where there is none, and what is used;
    /// or that it said nothing.
    pub async fn keep_quota(
        &self,
        account: AccountId,
        quota: Option<(Option<u64>, u64)>,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let Some((limit, used)) = quota else {
            return query("update account set quota_asked_at = $2 where id = $1")
                .bind(account.to_string())
                .bind(now.0)
                .execute(&mut *self.writer.turn().await?)
                .await
                .map(drop);
        };
        query("update account set quota_limit = $2, quota_used = $3, quota_read_at = $4, quota_asked_at = $4 where id = $1")
            .bind(account.to_string())
            .bind(limit.map(number))
            .bind(number(used))
            .bind(now.0)
            .execute(&mut *self.writer.turn().await?)
            .await
            .map(drop)
    }
}

/// Whether an account has stopped.
pub(super) async fn is_paused(
    tx: &mut SqliteConnection,
    account: AccountId,
) -> Result<bool, sqlx::Error> {
    query("select 1 from account where id = $1 and paused_at is not null")
        .bind(account.to_string())
        .fetch_optional(tx)
        .await
        .map(|row| row.is_some())
}

/// Whether an account has stopped and is not to be tried yet.
pub(super) async fn is_resting(
    tx: &mut SqliteConnection,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    query("select 1 from account where id = $1 and paused_at is not null and tried_at > $2")
        .bind(account.to_string())
        .bind(now.0)
        .fetch_optional(tx)
        .await
        .map(|row| row.is_some())
}

/// Lets an account rest, and names the broadcasts that wait for it. `sent_at` is when the message was sent that the
/// platform tells of: platforms tell late, and an account may have been mended since.
pub(super) async fn pause(
    tx: &mut SqliteConnection,
    account: AccountId,
    reason: Reason,
    code: &str,
    sent_at: Timestamp,
    now: Timestamp,
) -> Result<BTreeSet<BroadcastId>, sqlx::Error> {
    let row = query("select name, paused_at, tried_at, tries from account where id = $1")
        .bind(account.to_string())
        .fetch_one(&mut *tx)
        .await?;
    let paused_at = read_time_or_none(&row, "paused_at")?;
    let is_paused = paused_at.is_some();
    let tried_at = read_time(&row, "tried_at")?;
    // Another message that went out before it stopped, or before it went on: nothing new.
    if (is_paused && tried_at > now) || sent_at < paused_at.unwrap_or(tried_at) {
        return Ok(BTreeSet::new());
    }
    // One that stops soon after it went on rests longer than the last time.
    let tries = if now.since(tried_at) < HOUR {
        read_count(&row, "tries")?
    } else {
        0
    };
    let rest = usize::try_from(tries)
        .ok()
        .and_then(|tries| REST.get(tries));
    query(
            "update account set paused_reason = $2, paused_code = $3, paused_at = coalesce(paused_at, $4),
                    tried_at = $5, tries = $6 where id = $1",
        )
        .bind(account.to_string())
        .bind(reason.as_str())
        .bind(code)
        .bind(now.0)
        .bind(now.plus(rest.copied().unwrap_or(HOUR)).0)
        .bind(i64::try_from(tries + 1).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?;
    let broadcasts = waiting_broadcasts(tx, account).await?;
    if !is_paused {
        let event = LogEvent::AccountPaused {
            account: row.try_get("name")?,
            reason,
        };
        for &broadcast in &broadcasts {
            log(tx, broadcast, None, &event, now).await?;
        }
    }
    Ok(broadcasts)
}

async fn waiting_broadcasts(
    tx: &mut SqliteConnection,
    account: AccountId,
) -> Result<BTreeSet<BroadcastId>, sqlx::Error> {
    let rows = query(
        "select distinct broadcast_id from recipient where account_id = $1 and is_open = 1
         and broadcast_id in (select id from broadcast where status in ('sending', 'stopped'))",
    )
    .bind(account.to_string())
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| read_id(row, "broadcast_id"))
        .collect()
}

/// The accounts of a team that take nothing, and why, for a broadcast that is made now.
/// Not those that had faults, which pass; one that is to be tried again now may be mended.
pub(super) async fn stopped_accounts(
    connection: &mut SqliteConnection,
    team: TeamId,
    now: Timestamp,
) -> Result<HashMap<AccountId, Reason>, sqlx::Error> {
    let rows = query("select id, paused_reason from account where team_id = $1 and paused_at is not null and tried_at > $2")
        .bind(team.to_string())
        .bind(now.0)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                read_id(row, "id")?,
                read_word(row, "paused_reason", Reason::parse)?,
            ))
        })
        .filter(|found| !matches!(found, Ok((_, reason)) if !reason.is_of_account()))
        .collect()
}

/// The stopped accounts among those that `waiting` counts customers for.
pub(super) async fn paused_accounts(
    connection: &mut SqliteConnection,
    waiting: &BTreeMap<AccountId, u64>,
) -> Result<Vec<PausedAccount>, sqlx::Error> {
    let ids: Vec<_> = waiting.keys().collect();
    let rows = query(
        "select id, name, channel, paused_reason, paused_code, paused_at, tried_at
         from account where paused_at is not null and id in (select value from json_each($1)) order by id",
    )
    .bind(serde_json::to_string(&ids).expect("ids are JSON"))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let account = read_id(row, "id")?;
            Ok(PausedAccount {
                account,
                name: row.try_get("name")?,
                channel: read_word(row, "channel", Channel::parse)?,
                reason: read_word(row, "paused_reason", Reason::parse)?,
                platform_code: row.try_get("paused_code")?,
                since: read_time(row, "paused_at")?,
                tried_at: read_time(row, "tried_at")?,
                waiting: waiting.get(&account).copied().unwrap_or_default(),
            })
        })
        .collect()
}

/// An account that is sent nothing before a time.
pub(super) struct RestingAccount {
    pub(super) account: AccountId,
    pub(super) until: Timestamp,
}

/// Which of the accounts in a list of ids have stopped, or are held back by the platform.
pub(super) async fn resting_accounts(
    connection: &mut SqliteConnection,
    ids: &str,
    now: Timestamp,
) -> Result<Vec<RestingAccount>, sqlx::Error> {
    let rows = query(
        "select id, max(case when paused_at is null then 0 else tried_at end,
                        case when next_turn_at between $2 and $3 then next_turn_at / 1000 else 0 end) as until
         from account where id in (select value from json_each($1))
           and (paused_at is not null or next_turn_at between $2 and $3)",
    )
    .bind(ids)
    .bind(now.plus(HELD).0.saturating_mul(1_000))
    .bind(now.plus(WRONG_CLOCK).0.saturating_mul(1_000))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(RestingAccount {
                account: read_id(row, "id")?,
                until: read_time(row, "until")?,
            })
        })
        .collect()
}

/// Whether an account has too little left this month for so many customers.
pub(super) async fn is_any_short(
    connection: &mut SqliteConnection,
    needed: &BTreeMap<AccountId, u64>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let quotas = quotas(connection, needed, now).await?;
    Ok(quotas.iter().any(AccountQuota::is_short))
}

/// What is left this month of the accounts that a broadcast needs so many messages of, where they have a limit.
pub(super) async fn quotas(
    connection: &mut SqliteConnection,
    needed: &BTreeMap<AccountId, u64>,
    now: Timestamp,
) -> Result<Vec<AccountQuota>, sqlx::Error> {
    let ids: Vec<_> = needed.keys().collect();
    let rows = query(
        "select id, name, channel, quota_limit, coalesce(quota_used, 0) as quota_used,
                (select count(*) from recipient r join broadcast b on b.id = r.broadcast_id
                 where r.account_id = account.id and r.is_open = 1 and b.status in ('held', 'sending', 'stopped')) as waiting
         from account where channel = 'line' and quota_limit is not null and quota_read_at > $2
           and id in (select value from json_each($1)) order by id",
    )
    .bind(serde_json::to_string(&ids).expect("ids are JSON"))
    .bind(now.plus(-QUOTA_KEPT).0)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let account = read_id(row, "id")?;
            let limit = read_count(row, "quota_limit")?;
            let taken = read_count(row, "quota_used")? + read_count(row, "waiting")?;
            Ok(AccountQuota {
                account,
                name: row.try_get("name")?,
                channel: read_word(row, "channel", Channel::parse)?,
                needed: needed.get(&account).copied().unwrap_or_default(),
                left: limit.saturating_sub(taken),
                limit,
            })
        })
        .collect()
}
