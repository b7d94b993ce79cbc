//! Teams, their shops, and their accounts on the channels.

use omocast_contract::{AccountId, Channel, Plan, ShopId, TeamId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{Store, read_id, read_word};

/// An account to be added to a team.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub team_id: TeamId,
    pub channel: Channel,
    pub name: String,
    /// LINE: the bot's user id; WhatsApp: phone number id; web: site id.
    pub external_id: String,
    pub waba_id: Option<String>,
    pub display_phone: Option<String>,
}

/// An account as it is stored; `App` opens it.
pub struct SealedAccount {
    pub id: AccountId,
    pub team_id: TeamId,
    pub channel: Channel,
    pub name: String,
    pub external_id: String,
    pub waba_id: Option<String>,
    pub credentials: String,
}

const ACCOUNT: &str =
    "select id, team_id, channel, name, external_id, waba_id, credentials from account";

impl Store {
    /// Makes a team.
    pub async fn create_team(
        &self,
        name: &str,
        plan: Plan,
        time_zone: &str,
        now: Timestamp,
    ) -> Result<TeamId, sqlx::Error> {
        let id = TeamId(Uuid::now_v7());
        query(
            "insert into team (id, name, plan, time_zone, created_at) values ($1, $2, $3, $4, $5)",
        )
        .bind(id.to_string())
        .bind(name)
        .bind(plan.as_str())
        .bind(time_zone)
        .bind(now.0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(id)
    }

    /// The team with this name, where there is exactly one.
    pub async fn find_team_by_name(&self, name: &str) -> Result<Option<TeamId>, sqlx::Error> {
        let rows = query("select id from team where name = $1 limit 2")
            .bind(name)
            .fetch_all(&self.reader)
            .await?;
        match rows.as_slice() {
            [row] => read_id(row, "id").map(Some),
            _ => Ok(None),
        }
    }

    /// Changes the domains of the team's own sites.
    pub async fn update_official_domains(
        &self,
        team: TeamId,
        domains: &[String],
    ) -> Result<(), sqlx::Error> {
        query("update team set official_domains = $1 where id = $2")
            .bind(serde_json::to_string(domains).expect("texts are JSON"))
            .bind(team.to_string())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Changes what a team has bought.
    pub async fn update_plan(&self, team: TeamId, plan: Plan) -> Result<(), sqlx::Error> {
        query("update team set plan = $1 where id = $2")
            .bind(plan.as_str())
            .bind(team.to_string())
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Makes a shop, or finds the one with this code.
    pub async fn create_shop(
        &self,
        team: TeamId,
        code: &str,
        name: &str,
    ) -> Result<ShopId, sqlx::Error> {
        let row = query(
            "insert into shop (id, team_id, code, name) values ($1, $2, $3, $4)
             on conflict (team_id, code) do update set name = excluded.name returning id",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(team.to_string())
        .bind(code)
        .bind(name)
        .fetch_one(&mut *self.writer.turn().await?)
        .await?;
        read_id(&row, "id")
    }

    /// Adds an account with its sealed credentials; one that is there already gets the new name and credentials,
    /// with which it may be mended.
    pub async fn create_account(
        &self,
        account: NewAccount,
        sealed: &str,
        now: Timestamp,
    ) -> Result<AccountId, sqlx::Error> {
        let row = query(
            "insert into account (id, team_id, channel, name, external_id, waba_id, display_phone, credentials, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (channel, external_id) do update
             set name = excluded.name, waba_id = excluded.waba_id, display_phone = excluded.display_phone,
                 credentials = excluded.credentials, paused_reason = null, paused_code = null, paused_at = null, tries = 0
             where account.team_id = excluded.team_id
             returning id",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(account.team_id.to_string())
        .bind(account.channel.as_str())
        .bind(account.name)
        .bind(account.external_id)
        .bind(account.waba_id)
        .bind(account.display_phone)
        .bind(sealed)
        .bind(now.0)
        .fetch_one(&mut *self.writer.turn().await?)
        .await?;
        read_id(&row, "id")
    }

    /// One account.
    pub async fn find_account(&self, id: AccountId) -> Result<Option<SealedAccount>, sqlx::Error> {
        let sql = joined(ACCOUNT, "where id = $1");
        let row = query(sql)
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// The account with the platform's own id.
    pub async fn find_account_by_external_id(
        &self,
        channel: Channel,
        external_id: &str,
    ) -> Result<Option<SealedAccount>, sqlx::Error> {
        let sql = joined(ACCOUNT, "where channel = $1 and external_id = $2");
        let row = query(sql)
            .bind(channel.as_str())
            .bind(external_id)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(account).transpose()
    }

    /// Every account of a channel, over all teams: for the workers.
    pub async fn list_accounts(&self, channel: Channel) -> Result<Vec<SealedAccount>, sqlx::Error> {
        let sql = joined(ACCOUNT, "where channel = $1 order by id");
        query(sql)
            .bind(channel.as_str())
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(account)
            .collect()
    }
}

fn joined(select: &'static str, rest: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{select} {rest}"))
}

pub(super) fn account(row: &SqliteRow) -> Result<SealedAccount, sqlx::Error> {
    Ok(SealedAccount {
        id: read_id(row, "id")?,
        team_id: read_id(row, "team_id")?,
        channel: read_word(row, "channel", Channel::parse)?,
        name: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        waba_id: row.try_get("waba_id")?,
        credentials: row.try_get("credentials")?,
    })
}
