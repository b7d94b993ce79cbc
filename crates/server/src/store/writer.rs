//! The one connection that writes: everybody waits for it, in the order in which they asked.
//!
//! Not a pool of one: between any two transactions a pool tests the connection in a task of its own, and the writer
//! stands idle meanwhile.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, query};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

/// The connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Mutex<Option<SqliteConnection>>>);

/// The connection while it is one's turn.
pub(super) type Turn = OwnedMappedMutexGuard<Option<SqliteConnection>, SqliteConnection>;

impl Writer {
    pub(super) async fn connect(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = options.connect().await?;
        Ok(Self(Arc::new(Mutex::new(Some(connection)))))
    }

    /// Waits for one's turn to write; each statement is a transaction of its own.
    pub(super) async fn turn(&self) -> Result<Turn, sqlx::Error> {
        let connection = self.0.clone().lock_owned().await;
        OwnedMutexGuard::try_map(connection, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)
    }

    /// Waits for one's turn to write, and begins a transaction.
    pub(super) async fn begin(&self) -> Result<WriteTransaction, sqlx::Error> {
        let mut transaction = WriteTransaction(Some(self.turn().await?));
        if let Err(error) = query("begin immediate").execute(&mut *transaction).await {
            transaction.0 = None;
            return Err(error);
        }
        Ok(transaction)
    }

    /// Closes the connection, once nobody has it any more.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        match self.0.lock().await.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// A transaction that writes; rolled back where it is dropped before it is committed.
#[derive(Debug)]
pub(super) struct WriteTransaction(Option<Turn>);

impl WriteTransaction {
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        query("commit").execute(&mut *self).await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for WriteTransaction {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.take() {
            // Nobody writes before that is done. It fails only where SQLite has rolled back by itself, as on a full disk.
            tokio::spawn(async move { query("rollback").execute(&mut *connection).await });
        }
    }
}

impl Deref for WriteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.0.as_ref().expect("it is there until the end")
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.0.as_mut().expect("it is there until the end")
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;

    async fn writer() -> Writer {
        let options = SqliteConnectOptions::new().in_memory(true);
        let writer = Writer::connect(&options).await.unwrap();
        let mut turn = writer.turn().await.unwrap();
        query("create table t (n bigint)")
            .execute(&mut *turn)
            .await
            .unwrap();
        writer
    }

    async fn count(writer: &Writer) -> i64 {
        let mut turn = writer.turn().await.unwrap();
        let row = query("select count(*) as n from t").fetch_one(&mut *turn);
        row.await.unwrap().get("n")
    }

    async fn insert(transaction: &mut WriteTransaction) {
        let insert = query("insert into t values (1)").execute(&mut **transaction);
        insert.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_committed_is_gone_before_the_next_writes() {
        let writer = writer().await;
        let mut dropped = writer.begin().await.unwrap();
        insert(&mut dropped).await;
        drop(dropped);
        assert_eq!(count(&writer).await, 0);

        let mut kept = writer.begin().await.unwrap();
        insert(&mut kept).await;
        kept.commit().await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn whoever_gives_up_while_beginning_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("t.db"))
            .create_if_missing(true);
        let writer = Writer::connect(&options).await.unwrap();
        // While somebody else has the database, `begin` can't be answered: whoever gives up then, gives up under way.
        let mut other = options.connect().await.unwrap();
        let mut held = other.begin_with("begin immediate").await.unwrap();
        query("create table t (n bigint)")
            .execute(&mut *held)
            .await
            .unwrap();
        let mut begin = Box::pin(writer.begin());
        assert!(futures::poll!(&mut begin).is_pending());
        drop(begin);
        held.commit().await.unwrap();

        let mut next = writer.begin().await.unwrap();
        insert(&mut next).await;
        next.commit().await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn nobody_writes_once_it_is_closed() {
        let writer = writer().await;
        writer.close().await.unwrap();
        assert!(writer.begin().await.is_err());
        writer.close().await.unwrap();
    }
}
