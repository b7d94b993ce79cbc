//! The ids by which platforms keep files for us.

use omocast_contract::{AccountId, MediaId, Timestamp};
use sqlx::{Row as _, query};

use super::Store;

/// A file that a platform keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformUpload {
    pub external_id: String,
}

impl Store {
    /// What a platform calls a file of ours, if it still keeps it.
    pub async fn find_platform_upload(
        &self,
        account: AccountId,
        media: MediaId,
        now: Timestamp,
    ) -> Result<Option<PlatformUpload>, sqlx::Error> {
        let row = query(
            "select external_id from platform_upload
             where account_id = $1 and media_id = $2 and expires_at > $3",
        )
        .bind(account.to_string())
        .bind(media.to_string())
        .bind(now.0)
        .fetch_optional(&self.reader)
        .await?;
        row.map(|row| {
            Ok(PlatformUpload {
                external_id: row.try_get("external_id")?,
            })
        })
        .transpose()
    }

    /// Notes what a platform calls a file of ours.
    pub async fn keep_platform_upload(
        &self,
        account: AccountId,
        media: MediaId,
        external_id: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query(
            "insert into platform_upload (account_id, media_id, external_id, created_at, expires_at)
             values ($1, $2, $3, $4, $5)
             on conflict (account_id, media_id) do update set
                external_id = excluded.external_id, created_at = excluded.created_at, expires_at = excluded.expires_at",
        )
        .bind(account.to_string())
        .bind(media.to_string())
        .bind(external_id)
        .bind(now.0)
        .bind(until.0)
        .execute(&mut *self.writer.turn().await?)
        .await?;
        Ok(())
    }

    /// Forgets what the platform called it, if that was noted before `before`; tells whether it is used no more,
    /// because it was forgotten now or before.
    pub async fn forget_platform_upload(
        &self,
        account: AccountId,
        media: MediaId,
        external_id: &str,
        before: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.begin_write().await?;
        query(
            "delete from platform_upload
             where account_id = $1 and media_id = $2 and external_id = $3 and created_at < $4",
        )
        .bind(account.to_string())
        .bind(media.to_string())
        .bind(external_id)
        .bind(before.0)
        .execute(&mut *tx)
        .await?;
        let used = query(
            "select 1 from platform_upload where account_id = $1 and media_id = $2 and external_id = $3",
        )
        .bind(account.to_string())
        .bind(media.to_string())
        .bind(external_id)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(used.is_none())
    }

    /// Forgets those that the platforms no longer keep.
    pub async fn delete_old_platform_uploads(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        query("delete from platform_upload where expires_at <= $1")
            .bind(now.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }
}
