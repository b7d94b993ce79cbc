//! What is known of uploads and of received images, and what uses them; the files are elsewhere.

use std::collections::HashMap;

use omocast_contract::api::Media;
use omocast_contract::{
    FileType, MediaFacts, MediaId, Medium, MemberId, OutgoingMessage, TeamId, Timestamp,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection, query};

use super::{Store, read_count, read_id, read_word, read_word_or_none};

/// Uploads looked at by one statement when those that nothing uses are deleted.
const CHUNK: i64 = 500;

const MEDIA: &str = "select m.id, m.name, m.mime, m.bytes, m.medium, m.file_type, m.preview_mime";

/// An upload with what only the server needs to know.
#[derive(Clone, Debug)]
pub struct StoredMedia {
    pub media: Media,
    /// What its preview is; none where it has none of its own.
    pub preview_mime: Option<String>,
}

impl Store {
    /// Records an upload whose files are in their places.
    pub async fn create_media(
        &self,
        team: TeamId,
        member: MemberId,
        stored: &StoredMedia,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let StoredMedia {
            media,
            preview_mime,
        } = stored;
        query(
            "insert into media (id, team_id, member_id, name, mime, bytes, medium, file_type, preview_mime, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(media.id.to_string())
        .bind(team.to_string())
        .bind(member.to_string())
        .bind(&media.name)
        .bind(&media.mime)
        .bind(i64::try_from(media.bytes).unwrap_or(i64::MAX))
        .bind(media.medium.as_str())
        .bind(media.file_type.map(FileType::as_str))
        .bind(preview_mime)
        .bind(now.0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(())
    }

    /// An upload of the team.
    pub async fn find_media(
        &self,
        team: TeamId,
        id: MediaId,
    ) -> Result<Option<StoredMedia>, sqlx::Error> {
        let mut sql = QueryBuilder::new(MEDIA);
        sql.push(" from media m where m.id = ")
            .push_bind(id.to_string());
        sql.push(" and m.team_id = ").push_bind(team.to_string());
        let row = sql.build().fetch_optional(&self.reader).await?;
        row.as_ref().map(stored).transpose()
    }

    /// An upload of whatever team: for those who have its signed address.
    pub async fn find_public_media(&self, id: MediaId) -> Result<Option<StoredMedia>, sqlx::Error> {
        let mut sql = QueryBuilder::new(MEDIA);
        sql.push(" from media m where m.id = ")
            .push_bind(id.to_string());
        let row = sql.build().fetch_optional(&self.reader).await?;
        row.as_ref().map(stored).transpose()
    }

    /// Forgets the uploads made before `before` that no draft, saved reply, broadcast or message uses,
    /// and tells which they were.
    pub async fn delete_unused_media(
        &self,
        before: Timestamp,
    ) -> Result<Vec<MediaId>, sqlx::Error> {
        const UNUSED: &str = "not exists (select 1 from media_use u where u.media_id = media.id)
            and not exists (select 1 from message x where x.media_id = media.id)";
        let mut deleted = Vec::new();
        let mut after = (i64::MIN, String::new());
        loop {
            // Looked for beside the writer, which has others to serve.
            let mut sql = QueryBuilder::new("select id, created_at, (");
            sql.push(UNUSED)
                .push(") as is_unused from media where created_at < ");
            sql.push_bind(before.0).push(" and (created_at, id) > (");
            sql.push_bind(after.0).push(", ").push_bind(after.1.clone());
            sql.push(") order by created_at, id limit ")
                .push_bind(CHUNK);
            let rows = sql.build().fetch_all(&self.reader).await?;
            let Some(last) = rows.last() else {
                return Ok(deleted);
            };
            after = (last.try_get("created_at")?, last.try_get("id")?);
            let mut unused = Vec::new();
            for row in &rows {
                if row.try_get::<bool, _>("is_unused")? {
                    unused.push(row.try_get::<String, _>("id")?);
                }
            }
            if unused.is_empty() {
                continue;
            }
            let mut sql =
                QueryBuilder::new("delete from media where id in (select value from json_each(");
            sql.push_bind(serde_json::to_string(&unused).expect("texts are JSON"));
            sql.push(")) and ").push(UNUSED).push(" returning id");
            let delete = sql.build();
            let rows = delete.fetch_all(&mut *self.writer.turn().await?).await?;
            for row in &rows {
                deleted.push(read_id(row, "id")?);
            }
        }
    }

    /// Which of `ids` are known.
    pub async fn known_media(&self, ids: &[MediaId]) -> Result<Vec<MediaId>, sqlx::Error> {
        let rows = query("select m.id from json_each($1) asked join media m on m.id = asked.value")
            .bind(serde_json::to_string(ids).expect("ids are JSON"))
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| read_id(row, "id")).collect()
    }

    /// What the rules must know of those uploads of the team that `messages` use.
    pub async fn media_facts(
        &self,
        team: TeamId,
        messages: &[OutgoingMessage],
    ) -> Result<HashMap<MediaId, MediaFacts>, sqlx::Error> {
        let mut connection = self.reader.acquire().await?;
        media_facts(&mut connection, team, media_in(messages)).await
    }

    /// Those uploads of the team that `messages` use.
    pub async fn media_of_messages(
        &self,
        team: TeamId,
        messages: &[OutgoingMessage],
    ) -> Result<Vec<Media>, sqlx::Error> {
        let mut connection = self.reader.acquire().await?;
        media_of_team(&mut connection, team, media_in(messages)).await
    }
}

/// The uploads that messages hold.
pub(super) fn media_in(messages: &[OutgoingMessage]) -> impl Iterator<Item = MediaId> + Send {
    messages.iter().filter_map(OutgoingMessage::media)
}

async fn media_of_team(
    connection: &mut SqliteConnection,
    team: TeamId,
    ids: impl Iterator<Item = MediaId> + Send,
) -> Result<Vec<Media>, sqlx::Error> {
    let mut sql = QueryBuilder::new(MEDIA);
    sql.push(" from json_each(")
        .push_bind(as_json(ids))
        .push(") asked join media m on m.id = asked.value where m.team_id = ")
        .push_bind(team.to_string());
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(|row| Ok(stored(row)?.media)).collect()
}

/// What the rules must know of those of `ids` that are uploads of the team.
pub(super) async fn media_facts(
    connection: &mut SqliteConnection,
    team: TeamId,
    ids: impl Iterator<Item = MediaId> + Send,
) -> Result<HashMap<MediaId, MediaFacts>, sqlx::Error> {
    let media = media_of_team(connection, team, ids).await?;
    Ok(media
        .into_iter()
        .map(|media| (media.id, media.facts()))
        .collect())
}

/// Notes which uploads of the team a draft, saved reply or broadcast uses, in place of what it used before.
pub(super) async fn use_media(
    connection: &mut SqliteConnection,
    team: TeamId,
    holder: &str,
    ids: impl Iterator<Item = MediaId> + Send,
) -> Result<(), sqlx::Error> {
    release_media(connection, holder).await?;
    query(
        "insert into media_use (holder_id, media_id)
         select $1, m.id from json_each($2) asked join media m on m.id = asked.value where m.team_id = $3",
    )
    .bind(holder)
    .bind(as_json(ids))
    .bind(team.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a draft or a saved reply, which goes, uses nothing any more.
pub(super) async fn release_media(
    connection: &mut SqliteConnection,
    holder: &str,
) -> Result<(), sqlx::Error> {
    query("delete from media_use where holder_id = $1")
        .bind(holder)
        .execute(connection)
        .await?;
    Ok(())
}

/// The uploads that a draft, a saved reply or a broadcast uses.
pub(super) async fn media_of(
    connection: &mut SqliteConnection,
    holder: &str,
) -> Result<Vec<Media>, sqlx::Error> {
    let mut all = media_of_all(connection, &[holder]).await?;
    Ok(all.remove(holder).unwrap_or_default())
}

/// The uploads that each of several uses.
pub(super) async fn media_of_all(
    connection: &mut SqliteConnection,
    holders: &[&str],
) -> Result<HashMap<String, Vec<Media>>, sqlx::Error> {
    let mut sql = QueryBuilder::new(MEDIA);
    sql.push(", u.holder_id from json_each(");
    sql.push_bind(serde_json::to_string(holders).expect("texts are JSON"));
    sql.push(
        ") asked join media_use u on u.holder_id = asked.value join media m on m.id = u.media_id",
    );
    let mut all: HashMap<String, Vec<Media>> = HashMap::new();
    for row in sql.build().fetch_all(connection).await? {
        all.entry(row.try_get("holder_id")?)
            .or_default()
            .push(stored(&row)?.media);
    }
    Ok(all)
}

/// Each upload once, as JSON.
fn as_json(ids: impl Iterator<Item = MediaId>) -> String {
    let mut ids: Vec<MediaId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    serde_json::to_string(&ids).expect("ids are JSON")
}

fn stored(row: &SqliteRow) -> Result<StoredMedia, sqlx::Error> {
    let preview_mime: Option<String> = row.try_get("preview_mime")?;
    Ok(StoredMedia {
        media: Media {
            id: read_id(row, "id")?,
            name: row.try_get("name")?,
            mime: row.try_get("mime")?,
            bytes: read_count(row, "bytes")?,
            medium: read_word(row, "medium", Medium::parse)?,
            file_type: read_word_or_none(row, "file_type", FileType::parse)?,
            has_preview: preview_mime.is_some(),
        },
        preview_mime,
    })
}
