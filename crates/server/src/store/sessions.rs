//! Sessions of the browser.

use omocast_contract::Timestamp;
use sqlx::{Row as _, query};

use super::Store;

impl Store {
    /// Keeps a new session; false when there is one with this id already.
    pub async fn create_session(
        &self,
        id: &str,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = query("insert into session (id, data, expires_at) values ($1, $2, $3) on conflict (id) do nothing")
            .bind(id)
            .bind(data)
            .bind(expires_at.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Changes a session. One that has ended meanwhile stays ended.
    pub async fn update_session(
        &self,
        id: &str,
        data: &str,
        expires_at: Timestamp,
    ) -> Result<(), sqlx::Error> {
        query("update session set data = $2, expires_at = $3 where id = $1")
            .bind(id)
            .bind(data)
            .bind(expires_at.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// What a session holds and when it ends, if it has not.
    pub async fn find_session(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<(String, Timestamp)>, sqlx::Error> {
        let row = query("select data, expires_at from session where id = $1 and expires_at > $2")
            .bind(id)
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| Ok((row.try_get("data")?, Timestamp(row.try_get("expires_at")?))))
            .transpose()
    }

    /// Ends a session.
    pub async fn delete_session(&self, id: &str) -> Result<(), sqlx::Error> {
        query("delete from session where id = $1")
            .bind(id)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(())
    }

    /// Forgets the sessions that have expired.
    pub async fn delete_expired_sessions(&self, now: Timestamp) -> Result<u64, sqlx::Error> {
        let done = query("delete from session where expires_at <= $1")
            .bind(now.0)
            .execute(&mut *self.writer.turn().await?)
            .await?;
        Ok(done.rows_affected())
    }
}
