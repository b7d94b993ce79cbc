//! Message templates of WhatsApp Business accounts: as Meta last listed them, and what staff say of them.

mod sync;

use std::collections::BTreeMap;

use omocast_contract::api::{TemplatePage, TemplateQuery};
use omocast_contract::reach::Outgoing;
use omocast_contract::template::text::TemplateText;
use omocast_contract::template::{ParameterFormat, TemplateButton, TemplateCard, TemplateHeader};
use omocast_contract::{
    AccountId, BroadcastId, Channel, SavedReplyAudience, SentTemplate, TeamId, Template,
    TemplateCategory, TemplateId, TemplateStatus, Timestamp, Waba, WabaId,
};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::events::push_words;
use super::offered::push_offered;
use super::{Member, Store, fold_name, read_id, read_time, read_word, read_word_or_none};
use crate::error::{AppError, AppResult};
use sync::sync_of;

/// Templates in one page.
const PAGE: usize = 30;
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
        .execute(&mut *self.writer.turn().await?)
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
