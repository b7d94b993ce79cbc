//! What is known of uploaded and received images; the files are elsewhere.

use std::collections::HashMap;

use omocast_contract::api::Media;
use omocast_contract::{MediaId, MemberId, TeamId, Timestamp};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};

use super::{Store, read_count, read_id};

impl Store {
    /// Records an image whose file is in its place.
    pub async fn create_media(
        &self,
        team: TeamId,
        member: Option<MemberId>,
        media: &Media,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query("insert into media (id, team_id, member_id, name, mime, bytes, created_at) values ($1, $2, $3, $4, $5, $6, $7)")
            .bind(media.id.to_string())
            .bind(team.to_string())
            .bind(member.map(|member| member.to_string()))
            .bind(&media.name)
            .bind(&media.mime)
            .bind(i64::try_from(media.bytes).unwrap_or(i64::MAX))
            .bind(now.0)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// An image of the team.
    pub async fn find_media(
        &self,
        team: TeamId,
        id: MediaId,
    ) -> Result<Option<Media>, sqlx::Error> {
        let row = query("select id, name, mime, bytes from media where id = $1 and team_id = $2")
            .bind(id.to_string())
            .bind(team.to_string())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Media {
            id: read_id(&row, "id")?,
            name: row.try_get("name")?,
            mime: row.try_get("mime")?,
            bytes: read_count(&row, "bytes")?,
        }))
    }
}

/// The sizes of those of `ids` that are images of the team.
pub(super) async fn image_sizes(
    connection: &mut SqliteConnection,
    team: TeamId,
    ids: impl Iterator<Item = MediaId>,
) -> Result<HashMap<MediaId, u64>, sqlx::Error> {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let mut sql = QueryBuilder::new("select id, bytes from media where team_id = ");
    sql.push_bind(team.to_string())
        .push(" and id in (select value from json_each(");
    sql.push_bind(serde_json::to_string(&ids).expect("texts are JSON"))
        .push("))");
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok((read_id(row, "id")?, read_count(row, "bytes")?)))
        .collect()
}
