//! The check before sending (發送前檢查), and how long handing over takes.

use std::collections::BTreeMap;

use omocast_contract::control::Preflight;
use omocast_contract::{AccountId, BroadcastRequest, Channel, Medium, OutgoingMessage, Timestamp};
use sqlx::{SqliteConnection, query};

use super::{Checked, check};
use crate::config::Pace;
use crate::error::AppResult;
use crate::store::accounts::quotas;
use crate::store::audience::count_wabas;
use crate::store::{Member, Store, read_id, read_word};

impl Store {
    /// Checks a broadcast as [`Store::create_broadcast`] does, and makes nothing.
    ///
    /// Where nobody is reached, or an account has too little left, it says so in numbers in place of refusing.
    pub async fn preflight_broadcast(
        &self,
        member: &Member,
        request: &BroadcastRequest,
        starts_at: Option<Timestamp>,
        hold: i64,
        pace: &Pace,
        now: Timestamp,
    ) -> AppResult<Preflight> {
        let mut connection = self.reader.acquire().await?;
        let Checked {
            sorted, situation, ..
        } = check(&mut connection, member, request, now, starts_at).await?;
        let needed = sorted.by_account(&situation);
        let mut count = sorted.count.clone();
        count.wabas = count_wabas(&mut connection, member, &sorted, &situation).await?;
        Ok(Preflight {
            count,
            seconds: seconds_for(&mut connection, &needed, request.content.messages(), pace)
                .await?,
            hold,
            quotas: match starts_at {
                None => quotas(&mut connection, &needed, now).await?,
                Some(_) => Vec::new(),
            },
        })
    }
}

/// How many seconds it takes to hand `messages` over to so many customers of each account, but for accounts that
/// have stopped. Accounts send side by side, so the slowest says.
pub(super) async fn seconds_for(
    connection: &mut SqliteConnection,
    customers: &BTreeMap<AccountId, u64>,
    messages: &[OutgoingMessage],
    pace: &Pace,
) -> Result<u64, sqlx::Error> {
    let ids: Vec<_> = customers.keys().collect();
    let accounts = query(
        "select id, channel from account where paused_at is null and id in (select value from json_each($1))",
    )
    .bind(serde_json::to_string(&ids).expect("ids are JSON"))
    .fetch_all(connection)
    .await?;
    let mut longest = 0;
    for row in &accounts {
        let channel = read_word(row, "channel", Channel::parse)?;
        let customers = customers
            .get(&read_id(row, "id")?)
            .copied()
            .unwrap_or_default();
        let turns = customers * turns(channel, messages, pace);
        longest = longest.max(turns.div_ceil(u64::from(pace.of(channel).max(1))));
    }
    Ok(longest)
}

/// How many turns of an account's pace one customer's messages take.
fn turns(channel: Channel, messages: &[OutgoingMessage], pace: &Pace) -> u64 {
    if channel == Channel::Line {
        // All in one push.
        return 1;
    }
    let weights = messages
        .iter()
        .map(|message| u64::from(pace.weight(channel, message.medium() == Medium::Video)));
    // A template is one message.
    weights.sum::<u64>().max(1)
}
