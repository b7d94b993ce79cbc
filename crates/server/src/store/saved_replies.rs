//! Saved replies (預存回覆): the team's, each seen by those it is offered to.

use omocast_contract::api::{Media, SavedReplyPage, SavedReplyQuery};
use omocast_contract::saved_reply::check_saved_reply;
use omocast_contract::{
    OutgoingMessage, Problem, ProblemCode, SavedReply, SavedReplyAudience, SavedReplyEdit,
    SavedReplyId, ShopId, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, query};
use uuid::Uuid;

use super::media::{media_facts, media_in, media_of, media_of_all, release_media, use_media};
use super::offered::push_offered;
use super::{Member, Store, fold_name, read_count, read_id, read_time, read_word};
use crate::error::{AppError, AppResult};

/// Saved replies in one page.
const PAGE: usize = 30;

const ROW: &str =
    "select r.id, r.author_id, m.name as author_name, r.version, r.title, r.category, r.audience, r.messages,
            r.updated_at
     from saved_reply r join member m on m.id = r.author_id where ";

impl Store {
    /// One page of the saved replies that the member sees, the last changed first.
    pub async fn list_saved_replies(
        &self,
        member: &Member,
        asked: &SavedReplyQuery,
        after: Option<(Timestamp, SavedReplyId)>,
    ) -> AppResult<SavedReplyPage> {
        let mut connection = self.reader.acquire().await?;
        let mut sql = QueryBuilder::new(ROW);
        push_visible(&mut sql, member);
        let search = fold_name(asked.search.trim());
        if !search.is_empty() {
            sql.push(" and instr(r.folded, ")
                .push_bind(search)
                .push(") > 0");
        }
        if let Some(category) = &asked.category {
            sql.push(" and r.category = ")
                .push_bind(category.trim().to_owned());
        }
        if let Some((at, id)) = after {
            sql.push(" and (r.updated_at, r.id) < (").push_bind(at.0);
            sql.push(", ").push_bind(id.to_string()).push(")");
        }
        sql.push(" order by r.updated_at desc, r.id desc limit ")
            .push_bind(PAGE as i64 + 1);
        let found = sql.build().fetch_all(&mut *connection).await?;
        let page = found.get(..PAGE).unwrap_or(&found);
        let ids = page
            .iter()
            .map(|row| row.try_get::<&str, _>("id"))
            .collect::<Result<Vec<_>, _>>()?;
        let mut media = media_of_all(&mut connection, &ids).await?;
        let mut rows = Vec::with_capacity(page.len());
        for (row, id) in page.iter().zip(ids) {
            rows.push(saved_reply(
                row,
                member,
                media.remove(id).unwrap_or_default(),
            )?);
        }
        let next = rows
            .last()
            .filter(|_| found.len() > PAGE)
            .map(SavedReply::cursor);
        Ok(SavedReplyPage {
            rows,
            next,
            categories: categories(&mut connection, member).await?,
        })
    }

    /// One that the member sees.
    pub async fn find_saved_reply(
        &self,
        member: &Member,
        id: SavedReplyId,
    ) -> AppResult<SavedReply> {
        let mut connection = self.reader.acquire().await?;
        find_saved_reply(&mut connection, member, id).await
    }

    /// Makes a saved reply.
    pub async fn create_saved_reply(
        &self,
        member: &Member,
        edit: &SavedReplyEdit,
        now: Timestamp,
    ) -> AppResult<SavedReply> {
        let mut tx = self.begin_write().await?;
        check(&mut tx, member, edit).await?;
        let id = SavedReplyId(Uuid::now_v7());
        query(
            "insert into saved_reply (id, team_id, author_id, version, title, category, audience, messages, folded, updated_at)
             values ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id.to_string())
        .bind(member.team_id.to_string())
        .bind(member.id.to_string())
        .bind(edit.title.trim())
        .bind(edit.category.trim())
        .bind(json(&edit.audience))
        .bind(json(&edit.messages))
        .bind(folded(edit))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        use_media(
            &mut tx,
            member.team_id,
            &id.to_string(),
            media_in(&edit.messages),
        )
        .await?;
        let made = find_saved_reply(&mut tx, member, id).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Changes a saved reply that nobody has changed since the version that was edited.
    pub async fn update_saved_reply(
        &self,
        member: &Member,
        id: SavedReplyId,
        edit: &SavedReplyEdit,
        now: Timestamp,
    ) -> AppResult<SavedReply> {
        let mut tx = self.begin_write().await?;
        let before = find_editable(&mut tx, member, id).await?;
        if before.version != edit.version {
            return Err(ProblemCode::SavedReplyChanged.into());
        }
        check(&mut tx, member, edit).await?;
        query(
            "update saved_reply set version = version + 1, title = $2, category = $3, audience = $4, messages = $5,
                    folded = $6, updated_at = $7 where id = $1",
        )
        .bind(id.to_string())
        .bind(edit.title.trim())
        .bind(edit.category.trim())
        .bind(json(&edit.audience))
        .bind(json(&edit.messages))
        .bind(folded(edit))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        use_media(
            &mut tx,
            member.team_id,
            &id.to_string(),
            media_in(&edit.messages),
        )
        .await?;
        let after = find_saved_reply(&mut tx, member, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Deletes a saved reply.
    pub async fn delete_saved_reply(&self, member: &Member, id: SavedReplyId) -> AppResult<()> {
        let mut tx = self.begin_write().await?;
        find_editable(&mut tx, member, id).await?;
        release_media(&mut tx, &id.to_string()).await?;
        query("delete from saved_reply where id = $1")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Which saved replies a member sees, as a condition on `saved_reply r`:
/// what [`SavedReplyAudience::is_visible_to`] says, in SQL.
fn push_visible(sql: &mut QueryBuilder<Sqlite>, member: &Member) {
    sql.push("r.team_id = ")
        .push_bind(member.team_id.to_string())
        .push(" and (r.author_id = ")
        .push_bind(member.id.to_string())
        .push(" or ");
    push_offered(sql, member, "r.audience");
    sql.push(")");
}

async fn categories(
    connection: &mut SqliteConnection,
    member: &Member,
) -> Result<Vec<String>, sqlx::Error> {
    let mut sql = QueryBuilder::new("select distinct r.category from saved_reply r where ");
    push_visible(&mut sql, member);
    sql.push(" and r.category <> '' order by r.category");
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get("category")).collect()
}

/// Refuses what the contract refuses, and what names a shop of somebody else.
async fn check(
    connection: &mut SqliteConnection,
    member: &Member,
    edit: &SavedReplyEdit,
) -> AppResult<()> {
    let shops = member.shop_ids();
    let at_audience = |code| Problem::new(code).at("audience");
    edit.audience
        .may_be_offered_by(member.viewer(&shops))
        .map_err(at_audience)?;
    if let SavedReplyAudience::Shops { shops } = &edit.audience {
        check_shops(connection, member, shops)
            .await?
            .then_some(())
            .ok_or_else(|| at_audience(ProblemCode::NotFound))?;
    }
    let facts = media_facts(connection, member.team_id, media_in(&edit.messages)).await?;
    match check_saved_reply(edit, |id| facts.get(&id).copied()).first() {
        None => Ok(()),
        Some(found) => Err(Problem::new(found.code()).at(found.field()).into()),
    }
}

/// Whether all are shops of the member's team.
async fn check_shops(
    connection: &mut SqliteConnection,
    member: &Member,
    shops: &[ShopId],
) -> Result<bool, sqlx::Error> {
    let row = query(
        "select not exists (
            select 1 from json_each($1) asked
            where not exists (select 1 from shop s where s.id = asked.value and s.team_id = $2)
         ) as are_ours",
    )
    .bind(json(&shops))
    .bind(member.team_id.to_string())
    .fetch_one(connection)
    .await?;
    row.try_get("are_ours")
}

/// A saved reply of the team; one that is not for this member's eyes is not there.
async fn find_saved_reply(
    connection: &mut SqliteConnection,
    member: &Member,
    id: SavedReplyId,
) -> AppResult<SavedReply> {
    let mut sql = QueryBuilder::new(ROW);
    sql.push("r.id = ").push_bind(id.to_string());
    sql.push(" and ");
    push_visible(&mut sql, member);
    let row = sql
        .build()
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(AppError::NotFound)?;
    let media = media_of(connection, &id.to_string()).await?;
    Ok(saved_reply(&row, member, media)?)
}

async fn find_editable(
    connection: &mut SqliteConnection,
    member: &Member,
    id: SavedReplyId,
) -> AppResult<SavedReply> {
    let found = find_saved_reply(connection, member, id).await?;
    if found.can_edit {
        Ok(found)
    } else {
        Err(AppError::NotFound)
    }
}

fn saved_reply(
    row: &SqliteRow,
    member: &Member,
    media: Vec<Media>,
) -> Result<SavedReply, sqlx::Error> {
    let audience: SavedReplyAudience =
        read_word(row, "audience", |text| serde_json::from_str(text).ok())?;
    let author = read_id(row, "author_id")?;
    let shops = member.shop_ids();
    Ok(SavedReply {
        id: read_id(row, "id")?,
        title: row.try_get("title")?,
        category: row.try_get("category")?,
        can_edit: audience.may_edit(author, member.viewer(&shops)),
        audience,
        messages: read_word(row, "messages", |text| serde_json::from_str(text).ok())?,
        media,
        author,
        author_name: row.try_get("author_name")?,
        updated_at: read_time(row, "updated_at")?,
        version: read_count(row, "version")?,
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has text keys only")
}

/// What the search looks through: the title and the texts.
fn folded(edit: &SavedReplyEdit) -> String {
    let texts = edit.messages.iter().filter_map(OutgoingMessage::words);
    let all: Vec<&str> = [edit.title.trim()].into_iter().chain(texts).collect();
    fold_name(&all.join("\n"))
}
