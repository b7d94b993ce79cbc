//! Drafts of broadcasts: each member's own.

use omocast_contract::draft::{is_blank_draft, title};
use omocast_contract::limit::MAX_DRAFTS;
use omocast_contract::{
    Draft, DraftEdit, DraftId, DraftSummary, MemberId, OutgoingMessage, ProblemCode, Surface,
    Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, query};

use super::media::{media_in, media_of, release_media, use_media};
use super::{Member, Store, read_count, read_id, read_time, read_word, read_word_or_none};
use crate::error::{AppError, AppResult};

impl Store {
    /// The member's drafts in which something is written, the last changed first.
    pub async fn list_drafts(&self, member: &Member) -> Result<Vec<DraftSummary>, sqlx::Error> {
        let rows = query(
            "select id, version, title, messages, updated_at from draft where member_id = $1
             order by updated_at desc, id desc limit $2",
        )
        .bind(member.id.to_string())
        .bind(MAX_DRAFTS as i64)
        .fetch_all(&self.reader)
        .await?;
        let mut drafts = Vec::with_capacity(rows.len());
        for row in &rows {
            let messages = messages(row)?;
            if !is_blank_draft(&messages) {
                drafts.push(DraftSummary {
                    id: read_id(row, "id")?,
                    version: read_count(row, "version")?,
                    updated_at: read_time(row, "updated_at")?,
                    title: row.try_get("title")?,
                    media: messages.iter().map(OutgoingMessage::medium).collect(),
                });
            }
        }
        Ok(drafts)
    }

    /// One draft of the member.
    pub async fn find_draft(&self, member: &Member, id: DraftId) -> AppResult<Draft> {
        let mut connection = self.reader.acquire().await?;
        find_draft(&mut connection, id)
            .await?
            .filter(|(owner, _)| *owner == member.id)
            .map(|(_, draft)| draft)
            .ok_or(AppError::NotFound)
    }

    /// Keeps a draft: a new one, or one that nobody has changed since the version that was edited.
    ///
    /// The same once more, because the first answer was lost, changes nothing and is no conflict.
    pub async fn update_draft(
        &self,
        member: &Member,
        id: DraftId,
        edit: &DraftEdit,
        now: Timestamp,
    ) -> AppResult<Draft> {
        let mut tx = self.begin_write().await?;
        match find_draft(&mut tx, id).await? {
            Some((owner, _)) if owner != member.id => return Err(AppError::NotFound),
            Some((_, draft)) if draft.version == edit.base_version => {}
            Some((_, draft)) => {
                let is_repeated =
                    draft.version == edit.base_version.saturating_add(1) && is_same(&draft, edit);
                return if is_repeated {
                    Ok(draft)
                } else {
                    Err(ProblemCode::DraftChanged.into())
                };
            }
            None if edit.base_version > 0 || is_sent(&mut tx, id).await? => {
                return Err(ProblemCode::DraftGone.into());
            }
            None => {
                delete_blank_drafts(&mut tx, member.id).await?;
                let row = query("select count(*) as drafts from draft where member_id = $1")
                    .bind(member.id.to_string())
                    .fetch_one(&mut *tx)
                    .await?;
                if read_count(&row, "drafts")? >= MAX_DRAFTS as u64 {
                    return Err(ProblemCode::TooManyDrafts.into());
                }
            }
        }
        query(
            "insert into draft (id, team_id, member_id, version, title, audience, messages, name_fallback, surface, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (id) do update set version = excluded.version, title = excluded.title,
                 audience = excluded.audience, messages = excluded.messages, name_fallback = excluded.name_fallback,
                 surface = excluded.surface, updated_at = excluded.updated_at",
        )
        .bind(id.to_string())
        .bind(member.team_id.to_string())
        .bind(member.id.to_string())
        .bind(i64::try_from(edit.base_version.saturating_add(1)).unwrap_or(i64::MAX))
        .bind(title(&edit.messages))
        .bind(edit.audience.as_ref().map(|audience| {
            serde_json::to_string(audience).expect("an audience is JSON")
        }))
        .bind(serde_json::to_string(&edit.messages).expect("messages are JSON"))
        .bind(edit.name_fallback.as_deref())
        .bind(edit.surface.as_str())
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
        let (_, draft) = find_draft(&mut tx, id).await?.ok_or(AppError::NotFound)?;
        tx.commit().await?;
        Ok(draft)
    }

    /// Deletes a draft of the member.
    pub async fn delete_draft(&self, member: &Member, id: DraftId) -> AppResult<()> {
        let mut tx = self.begin_write().await?;
        if !delete_draft(&mut tx, member.id, id).await? {
            return Err(AppError::NotFound);
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Deletes a draft; false where the member has no such draft.
pub(super) async fn delete_draft(
    connection: &mut SqliteConnection,
    member: MemberId,
    id: DraftId,
) -> Result<bool, sqlx::Error> {
    let done = query("delete from draft where id = $1 and member_id = $2")
        .bind(id.to_string())
        .bind(member.to_string())
        .execute(&mut *connection)
        .await?;
    let is_deleted = done.rows_affected() > 0;
    if is_deleted {
        release_media(connection, &id.to_string()).await?;
    }
    Ok(is_deleted)
}

/// Deletes the member's drafts that were emptied: one of them may be open elsewhere, but there is nothing in it to lose.
async fn delete_blank_drafts(
    connection: &mut SqliteConnection,
    member: MemberId,
) -> Result<(), sqlx::Error> {
    let untitled = query("select id, messages from draft where member_id = $1 and title = ''")
        .bind(member.to_string())
        .fetch_all(&mut *connection)
        .await?;
    for row in &untitled {
        if is_blank_draft(&messages(row)?) {
            delete_draft(connection, member, read_id(row, "id")?).await?;
        }
    }
    Ok(())
}

/// Whether a broadcast was made of it: then a save that comes late must not bring it back.
async fn is_sent(connection: &mut SqliteConnection, id: DraftId) -> Result<bool, sqlx::Error> {
    let row = query("select 1 from broadcast where draft_id = $1 limit 1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

fn is_same(draft: &Draft, edit: &DraftEdit) -> bool {
    draft.audience == edit.audience
        && draft.messages == edit.messages
        && draft.name_fallback == edit.name_fallback
        && draft.surface == edit.surface
}

async fn find_draft(
    connection: &mut SqliteConnection,
    id: DraftId,
) -> Result<Option<(MemberId, Draft)>, sqlx::Error> {
    let row = query(
        "select member_id, version, title, audience, messages, name_fallback, surface, updated_at
         from draft where id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let draft = Draft {
        id,
        version: read_count(&row, "version")?,
        updated_at: read_time(&row, "updated_at")?,
        title: row.try_get("title")?,
        audience: read_word_or_none(&row, "audience", |text| serde_json::from_str(text).ok())?,
        messages: messages(&row)?,
        media: media_of(connection, &id.to_string()).await?,
        name_fallback: row.try_get("name_fallback")?,
        surface: read_word(&row, "surface", Surface::parse)?,
    };
    Ok(Some((read_id(&row, "member_id")?, draft)))
}

fn messages(row: &SqliteRow) -> Result<Vec<OutgoingMessage>, sqlx::Error> {
    read_word(row, "messages", |text| serde_json::from_str(text).ok())
}
