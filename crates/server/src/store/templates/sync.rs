//! How the list of templates is kept as Meta has it: when it is read, what of it is new, and why it could not be.

use omocast_contract::api::{SyncFailure, TemplateSync};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{BroadcastId, Reason, TeamId, Template, TemplateStatus, Timestamp, WabaId};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};
use uuid::Uuid;

use super::{ListedTemplate, TemplateNews, find_waba, folded, push_sendable};
use crate::error::AppResult;
use crate::store::teams::{SealedAccount, account};
use crate::store::{Store, read_count, read_id, read_time_or_none, read_word_or_none};

/// How long a list that was read is good for, in milliseconds.
const SYNC_EVERY: i64 = HOUR;
/// How soon one that could not be read is tried again.
const SYNC_AGAIN: i64 = HOUR / 12;
/// No account is read more often, whoever asks for it: Meta counts requests, for everybody of an account together.
const SYNC_PAUSE: i64 = 10_000;

impl Store {
    /// How the templates of an account of the team were last read.
    pub async fn template_sync(&self, team: TeamId, waba: &WabaId) -> AppResult<TemplateSync> {
        let mut connection = self.reader.acquire().await?;
        find_waba(&mut connection, team, waba).await?;
        Ok(sync_of(&mut connection, team, waba).await?)
    }

    /// The numbers of a team that speak for a WhatsApp Business account, the oldest first.
    pub async fn list_accounts_of_waba(
        &self,
        team: TeamId,
        waba: &WabaId,
    ) -> Result<Vec<SealedAccount>, sqlx::Error> {
        let rows = query(
            "select id, team_id, channel, name, external_id, waba_id, credentials from account
             where team_id = $1 and waba_id = $2 and channel = 'whatsapp' order by id",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .fetch_all(&self.reader)
        .await?;
        rows.iter().map(account).collect()
    }

    /// The accounts whose templates are to be read now.
    pub async fn due_wabas(&self, now: Timestamp) -> Result<Vec<(TeamId, WabaId)>, sqlx::Error> {
        let rows = query(
            "select distinct a.team_id, a.waba_id from account a
             left join waba w on w.team_id = a.team_id and w.waba_id = a.waba_id
             where a.waba_id is not null and a.channel = 'whatsapp' and coalesce(w.due_at, 0) <= $1",
        )
        .bind(now.0)
        .fetch_all(&self.reader)
        .await?;
        rows.iter()
            .map(|row| Ok((read_id(row, "team_id")?, WabaId(row.try_get("waba_id")?))))
            .collect()
    }

    /// When the templates of the next account are due.
    pub async fn next_template_sync_at(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, sqlx::Error> {
        let row = query("select min(due_at) as due from waba where due_at > $1")
            .bind(now.0)
            .fetch_one(&self.reader)
            .await?;
        read_time_or_none(&row, "due")
    }

    /// Notes that the templates of an account are being read. False if they were a moment ago, or are just now.
    pub async fn begin_template_sync(
        &self,
        team: TeamId,
        waba: &WabaId,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = query(
            "insert into waba (team_id, waba_id, tried_at, due_at) values ($1, $2, $3, $4)
             on conflict (team_id, waba_id) do update set tried_at = excluded.tried_at, due_at = excluded.due_at
             where waba.tried_at is null or waba.tried_at <= $5",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .bind(now.0)
        .bind(now.plus(SYNC_EVERY).0)
        .bind(now.plus(-SYNC_PAUSE).0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes why the templates of an account could not be read; the next try is soon.
    pub async fn fail_template_sync(
        &self,
        team: TeamId,
        waba: &WabaId,
        reason: Reason,
        code: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query(
            "update waba set failure = $3, failure_code = $4, due_at = min(due_at, $5)
             where team_id = $1 and waba_id = $2",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .bind(reason.as_str())
        .bind(code)
        .bind(now.plus(SYNC_AGAIN).0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(())
    }

    /// Takes over the whole list of an account: what is not in it is deleted at Meta.
    pub async fn store_templates(
        &self,
        team: TeamId,
        waba: &WabaId,
        listed: &[ListedTemplate],
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let mut kept = Vec::with_capacity(listed.len());
        for one in listed {
            kept.push(store_template(&mut tx, team, waba, one, now).await?);
        }
        query(
            "update template set status = 'deleted'
             where team_id = $1 and waba_id = $2 and status <> 'deleted'
               and id not in (select value from json_each($3))",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .bind(serde_json::to_string(&kept).expect("texts are JSON"))
        .execute(&mut *tx)
        .await?;
        query(
            "update waba set synced_at = $3, failure = null, failure_code = null
             where team_id = $1 and waba_id = $2",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Takes in what Meta told of templates, and has the accounts read again soon: webhooks come in any order.
    pub async fn take_template_news(
        &self,
        team: TeamId,
        news: &[TemplateNews],
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        for one in news {
            if let Some(status) = one.status {
                query(
                    "update template set status = $5
                     where team_id = $1 and waba_id = $2 and name = $3 and language = $4",
                )
                .bind(team.to_string())
                .bind(&one.waba.0)
                .bind(&one.name)
                .bind(&one.language)
                .bind(status.as_str())
                .execute(&mut *tx)
                .await?;
            }
            make_due(&mut tx, team, &one.waba, now).await?;
        }
        tx.commit().await
    }

    /// Notes that Meta takes no more messages of a broadcast's template, and has the account read again.
    pub async fn stop_template(
        &self,
        broadcast: BroadcastId,
        status: TemplateStatus,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.begin_write().await?;
        let row = query(
            "update template set status = $2 where id = (select template_id from broadcast where id = $1)
             returning team_id, waba_id",
        )
        .bind(broadcast.to_string())
        .bind(status.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = row {
            let waba = WabaId(row.try_get("waba_id")?);
            make_due(&mut tx, read_id(&row, "team_id")?, &waba, now).await?;
        }
        tx.commit().await
    }
}

async fn make_due(
    tx: &mut SqliteConnection,
    team: TeamId,
    waba: &WabaId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    query(
        "insert into waba (team_id, waba_id, due_at) values ($1, $2, $3)
         on conflict (team_id, waba_id) do update
         set due_at = min(waba.due_at, max($3, coalesce(waba.tried_at, 0) + $4))",
    )
    .bind(team.to_string())
    .bind(&waba.0)
    .bind(now.0)
    .bind(SYNC_PAUSE)
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds or changes one template, and tells its id. What says something else than before was changed now;
/// neither its status nor Meta's category is something that it says.
async fn store_template(
    tx: &mut SqliteConnection,
    team: TeamId,
    waba: &WabaId,
    listed: &ListedTemplate,
    now: Timestamp,
) -> Result<String, sqlx::Error> {
    let parts = serde_json::to_string(&listed.parts).expect("parts are JSON");
    let approved = Template {
        status: TemplateStatus::Approved,
        ..listed.as_template(waba)
    };
    let row = query(
        "insert into template (id, team_id, waba_id, platform_id, name, language, meta_category, status, format, parts,
                               is_supported, folded, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (team_id, waba_id, name, language) do update
         set platform_id = excluded.platform_id, meta_category = excluded.meta_category, status = excluded.status,
             format = excluded.format, parts = excluded.parts, is_supported = excluded.is_supported,
             updated_at = case when template.format = excluded.format and template.parts = excluded.parts
                               then template.updated_at else max(excluded.updated_at, template.updated_at + 1) end
         returning id",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(team.to_string())
    .bind(&waba.0)
    .bind(&listed.platform_id)
    .bind(&listed.name)
    .bind(&listed.language)
    .bind(listed.meta_category.as_str())
    .bind(listed.status.as_str())
    .bind(listed.format.as_str())
    .bind(parts)
    .bind(approved.may_be_sent().is_ok())
    .bind(folded("", &listed.name))
    .bind(now.0)
    .fetch_one(tx)
    .await?;
    row.try_get("id")
}

pub(super) async fn sync_of(
    connection: &mut SqliteConnection,
    team: TeamId,
    waba: &WabaId,
) -> Result<TemplateSync, sqlx::Error> {
    let mut sql = QueryBuilder::new("select count(*) as listed, coalesce(sum(");
    push_sendable(&mut sql);
    sql.push("), 0) as sendable from template t where t.status <> 'deleted' and t.team_id = ")
        .push_bind(team.to_string())
        .push(" and t.waba_id = ")
        .push_bind(waba.0.clone());
    let counted = sql.build().fetch_one(&mut *connection).await?;
    let row = query(
        "select synced_at, tried_at, failure, failure_code from waba where team_id = $1 and waba_id = $2",
    )
    .bind(team.to_string())
    .bind(&waba.0)
    .fetch_optional(connection)
    .await?;
    let mut sync = TemplateSync {
        listed: read_count(&counted, "listed")?,
        sendable: read_count(&counted, "sendable")?,
        ..TemplateSync::default()
    };
    if let Some(row) = row {
        sync.synced_at = read_time_or_none(&row, "synced_at")?;
        let tried_at = read_time_or_none(&row, "tried_at")?;
        let reason = read_word_or_none(&row, "failure", Reason::parse)?;
        if let (Some(reason), Some(at)) = (reason, tried_at) {
            sync.failure = Some(SyncFailure {
                reason,
                platform_code: row.try_get("failure_code")?,
                at,
            });
        }
    }
    Ok(sync)
}
