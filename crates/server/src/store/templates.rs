//! Message templates of WhatsApp Business accounts: as Meta last listed them, and what staff say of them.

use std::collections::BTreeMap;

use omocast_contract::api::{SyncFailure, TemplatePage, TemplateQuery, TemplateSync};
use omocast_contract::reach::Outgoing;
use omocast_contract::template::text::TemplateText;
use omocast_contract::template::{ParameterFormat, TemplateButton, TemplateCard, TemplateHeader};
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    AccountId, BroadcastId, Channel, Reason, SavedReplyAudience, Template, TemplateCategory,
    TemplateId, TemplateStatus, Timestamp, Waba, WabaId,
};
use omocast_contract::{SentTemplate, TeamId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::events::push_words;
use super::offered::push_offered;
use super::teams::SealedAccount;
use super::{
    Member, Store, fold_name, read_count, read_id, read_time, read_time_or_none, read_word,
    read_word_or_none,
};
use crate::error::{AppError, AppResult};

/// Templates in one page.
const PAGE: usize = 30;
/// How long a list that was read is good for, in milliseconds.
const SYNC_EVERY: i64 = HOUR;
/// How soon one that could not be read is tried again.
const SYNC_AGAIN: i64 = HOUR / 12;
/// No account is read more often, whoever asks for it: Meta counts requests, for everybody of an account together.
pub const SYNC_PAUSE: i64 = 10_000;

const ROW: &str = "select t.id, t.waba_id, t.name, t.title, t.language, t.meta_category, t.status, t.format, t.parts,
                          t.category, t.audience, t.updated_at
                   from template t where ";

/// A template as Meta lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTemplate {
    pub platform_id: String,
    pub name: String,
    pub language: String,
    pub meta_category: TemplateCategory,
    pub status: TemplateStatus,
    pub format: ParameterFormat,
    pub parts: TemplateParts,
}

/// What a template says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateParts {
    pub header: Option<TemplateHeader>,
    pub body: TemplateText,
    pub footer: String,
    pub buttons: Vec<TemplateButton>,
    pub cards: Vec<TemplateCard>,
}

/// What Meta told of a template without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateNews {
    pub waba: WabaId,
    pub name: String,
    pub language: String,
    /// Where it stands now; none if something else changed.
    pub status: Option<TemplateStatus>,
}

/// What staff say of a template: Meta knows nothing of it.
#[derive(Clone, Debug)]
pub struct TemplateNotes {
    pub title: String,
    pub category: String,
    pub audience: SavedReplyAudience,
}

impl Store {
    /// One page of the templates of an account that may be sent and that apply to the member, the last changed first.
    pub async fn list_templates(
        &self,
        member: &Member,
        asked: &TemplateQuery,
        after: Option<(Timestamp, TemplateId)>,
    ) -> AppResult<TemplatePage> {
        let mut connection = self.reader.acquire().await?;
        let waba = find_waba(&mut connection, member.team_id, &asked.waba).await?;
        let mut sql = QueryBuilder::new(ROW);
        push_usable(&mut sql, member, &waba.id);
        let search = fold_name(asked.search.trim());
        if !search.is_empty() {
            sql.push(" and instr(t.folded, ")
                .push_bind(search)
                .push(") > 0");
        }
        if let Some(category) = &asked.category {
            sql.push(" and t.category = ")
                .push_bind(category.trim().to_owned());
        }
        if let Some((at, id)) = after {
            sql.push(" and (t.updated_at, t.id) < (").push_bind(at.0);
            sql.push(", ").push_bind(id.to_string()).push(")");
        }
        sql.push(" order by t.updated_at desc, t.id desc limit ")
            .push_bind(PAGE as i64 + 1);
        let found = sql.build().fetch_all(&mut *connection).await?;
        let page = found.get(..PAGE).unwrap_or(&found);
        let rows = page
            .iter()
            .map(|row| template(row, &waba))
            .collect::<Result<Vec<_>, _>>()?;
        let next = rows
            .last()
            .filter(|_| found.len() > PAGE)
            .map(Template::cursor);
        let mut sql = QueryBuilder::new("select distinct t.category from template t where ");
        push_usable(&mut sql, member, &waba.id);
        sql.push(" and t.category <> '' order by t.category");
        let categories = sql.build().fetch_all(&mut *connection).await?;
        Ok(TemplatePage {
            rows,
            next,
            categories: categories
                .iter()
                .map(|row| row.try_get("category"))
                .collect::<Result<_, _>>()?,
            sync: sync_of(&mut connection, member.team_id, &waba.id).await?,
        })
    }

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
        rows.iter().map(super::teams::account).collect()
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
        .execute(&self.writer)
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
        .execute(&self.writer)
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

    /// Says what staff call a template, and who may use it. False if the account has none of this name.
    pub async fn note_template(
        &self,
        team: TeamId,
        waba: &WabaId,
        name: &str,
        language: &str,
        notes: &TemplateNotes,
    ) -> Result<bool, sqlx::Error> {
        let done = query(
            "update template set title = $5, category = $6, audience = $7, folded = $8
             where team_id = $1 and waba_id = $2 and name = $3 and language = $4",
        )
        .bind(team.to_string())
        .bind(&waba.0)
        .bind(name)
        .bind(language)
        .bind(&notes.title)
        .bind(&notes.category)
        .bind(serde_json::to_string(&notes.audience).expect("an audience is JSON"))
        .bind(folded(&notes.title, name))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Which templates of an account a member may send, as a condition on `template t`.
fn push_usable(sql: &mut QueryBuilder<Sqlite>, member: &Member, waba: &WabaId) {
    sql.push("t.team_id = ")
        .push_bind(member.team_id.to_string())
        .push(" and t.waba_id = ")
        .push_bind(waba.0.clone())
        .push(" and ");
    push_sendable(sql);
    sql.push(" and ");
    push_offered(sql, member, "t.audience");
}

/// What [`Template::may_be_sent`] says, as a condition on `template t`.
fn push_sendable(sql: &mut QueryBuilder<Sqlite>) {
    let sendable = TemplateStatus::ALL
        .into_iter()
        .filter(|status| status.may_be_sent());
    sql.push("t.is_supported = 1 and t.status in (");
    push_words(sql, sendable.map(TemplateStatus::as_str));
    sql.push(")");
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

impl ListedTemplate {
    fn as_template(&self, waba: &WabaId) -> Template {
        let TemplateParts {
            header,
            body,
            footer,
            buttons,
            cards,
        } = self.parts.clone();
        Template {
            id: TemplateId(Uuid::nil()),
            waba: Waba {
                id: waba.clone(),
                name: String::new(),
            },
            name: self.name.clone(),
            title: String::new(),
            language: self.language.clone(),
            meta_category: self.meta_category,
            status: self.status,
            format: self.format,
            header,
            body,
            footer,
            buttons,
            cards,
            category: String::new(),
            audience: SavedReplyAudience::Everyone,
            updated_at: Timestamp(0),
        }
    }
}

/// What the search looks through.
fn folded(title: &str, name: &str) -> String {
    fold_name(&format!("{title}\n{name}"))
}

/// The WhatsApp Business accounts of a team by its numbers; a number without one stands for itself.
/// Meta's name of an account is not known, so its numbers' names stand for it.
pub(super) async fn wabas_of_team(
    connection: &mut SqliteConnection,
    team: TeamId,
) -> Result<BTreeMap<AccountId, Waba>, sqlx::Error> {
    let rows = query(
        "select id, name, coalesce(waba_id, '') as waba_id from account
         where team_id = $1 and channel = $2 order by id",
    )
    .bind(team.to_string())
    .bind(Channel::Whatsapp.as_str())
    .fetch_all(connection)
    .await?;
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        let (waba, name): (String, String) = (row.try_get("waba_id")?, row.try_get("name")?);
        names.entry(waba.clone()).or_default().push(name);
        accounts.push((read_id(row, "id")?, waba));
    }
    Ok(accounts
        .into_iter()
        .map(|(account, waba)| {
            let name = names.get(&waba).map(|names| names.join("、"));
            let waba = Waba {
                id: WabaId(waba),
                name: name.unwrap_or_default(),
            };
            (account, waba)
        })
        .collect())
}

/// An account of the team; what is none of its own is not there.
async fn find_waba(
    connection: &mut SqliteConnection,
    team: TeamId,
    id: &WabaId,
) -> AppResult<Waba> {
    let wabas = wabas_of_team(connection, team).await?;
    wabas
        .into_values()
        .find(|waba| waba.id == *id && !id.0.is_empty())
        .ok_or(AppError::NotFound)
}

async fn sync_of(
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

/// A template that applies to the member, whatever its status.
pub(super) async fn find_template(
    connection: &mut SqliteConnection,
    member: &Member,
    id: TemplateId,
) -> AppResult<Template> {
    let mut sql = QueryBuilder::new(ROW);
    sql.push("t.id = ")
        .push_bind(id.to_string())
        .push(" and t.team_id = ")
        .push_bind(member.team_id.to_string())
        .push(" and ");
    push_offered(&mut sql, member, "t.audience");
    let row = sql
        .build()
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(AppError::NotFound)?;
    let waba = WabaId(row.try_get("waba_id")?);
    // Its account may have gone, and then nobody may send it.
    let waba = find_waba(connection, member.team_id, &waba).await?;
    Ok(template(&row, &waba)?)
}

/// What the rule must know of a broadcast at hand-over: whether its template may still be sent, and says the same.
pub(super) async fn outgoing_of(
    connection: &mut SqliteConnection,
    broadcast: BroadcastId,
) -> Result<Outgoing, sqlx::Error> {
    let row = query("select template_id, template from broadcast where id = $1")
        .bind(broadcast.to_string())
        .fetch_one(&mut *connection)
        .await?;
    let Some(sent) = sent_template(&row)? else {
        return Ok(Outgoing::Messages);
    };
    let mut sql = QueryBuilder::new(ROW);
    sql.push("t.id = ").push_bind(sent.template.id.to_string());
    let row = sql.build().fetch_one(connection).await?;
    let now = template(&row, &sent.template.waba)?;
    Ok(Outgoing::of_template(&now, sent.fill.as_of))
}

/// The template of a row of `broadcast`, as it was sent.
pub(super) fn sent_template(row: &SqliteRow) -> Result<Option<SentTemplate>, sqlx::Error> {
    read_word_or_none(row, "template", |text| serde_json::from_str(text).ok())
}

fn template(row: &SqliteRow, waba: &Waba) -> Result<Template, sqlx::Error> {
    let TemplateParts {
        header,
        body,
        footer,
        buttons,
        cards,
    } = read_word(row, "parts", |text| serde_json::from_str(text).ok())?;
    Ok(Template {
        id: read_id(row, "id")?,
        waba: waba.clone(),
        name: row.try_get("name")?,
        title: row.try_get("title")?,
        language: row.try_get("language")?,
        meta_category: read_word(row, "meta_category", TemplateCategory::parse)?,
        status: read_word(row, "status", TemplateStatus::parse)?,
        format: read_word(row, "format", ParameterFormat::parse)?,
        header,
        body,
        footer,
        buttons,
        cards,
        category: row.try_get("category")?,
        audience: read_word(row, "audience", |text| serde_json::from_str(text).ok())?,
        updated_at: read_time(row, "updated_at")?,
    })
}
