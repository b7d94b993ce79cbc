//! The only place that knows SQL: every query is scoped by team, and by what the member may see.
//!
//! SQLite has one writer: writes go through one connection (`Writer`), so `begin_write` never finds the database
//! locked by this process; reads have a pool of their own and never wait for it (WAL).

mod accounts;
mod audience;
mod bindings;
mod broadcasts;
pub mod deliveries;
mod drafts;
mod durable;
pub mod echoes;
mod events;
pub mod inbound;
mod incoming;
pub mod known_as;
mod media;
mod members;
mod messages;
mod offered;
pub mod opt_outs;
mod receipts;
mod saved_replies;
mod sessions;
mod tags;
mod teams;
pub mod templates;
mod test_customers;
mod uploads;
mod writer;
mod writing;

#[cfg(test)]
mod old_data;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use omocast_contract::{ProblemCode, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row as _, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::error::AppError;
use durable::Durable;
use incoming::Incoming;
use writer::{WriteTransaction, Writer};
use writing::Writing;

pub use accounts::{HELD, Turns};
pub use bindings::BoundTo;
pub use broadcasts::{Begins, CreatedBroadcast, Once};
pub use events::ChangedEvent;
pub use media::StoredMedia;
pub use members::{Member, NewMember};
pub use messages::{BegunReply, ReplyOutcome};
pub use teams::{NewAccount, SealedAccount};
pub use test_customers::TestTarget;

/// What the store fails with, for those who may not name its library.
pub type StoreError = sqlx::Error;

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        /// SQLite's own number for a full disk.
        const FULL: &str = "13";
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(FULL) {
            tracing::error!("there is no room left for the database");
            return ProblemCode::StorageFull.into();
        }
        Self::Internal(error.into())
    }
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    reader: SqlitePool,
    writer: Writer,
    /// Beside both, for tests; it connects when one asks.
    raw: SqlitePool,
    /// None in memory.
    durable: Option<Arc<Durable>>,
    incoming: Arc<Incoming>,
    writing: Arc<Writing>,
    /// Looks whether others have changed anything; none until somebody asks.
    watcher: Arc<Mutex<Option<SqliteConnection>>>,
}

impl Store {
    /// Opens the database file, makes it if it is not there, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        Self::connect(options, Some(Durable::new(path))).await
    }

    /// A database in memory, gone with the last clone.
    pub async fn in_memory() -> Result<Self, sqlx::Error> {
        // By its name the connections share it.
        let options = SqliteConnectOptions::new()
            .filename(format!("/{}", Uuid::now_v7()))
            .vfs("memdb")
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Memory);
        Self::connect(options, None).await
    }

    async fn connect(
        options: SqliteConnectOptions,
        durable: Option<Durable>,
    ) -> Result<Self, sqlx::Error> {
        let options = options
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000")
            // Reads come from the system's page cache without a call for each page.
            .pragma("mmap_size", "1073741824");
        let writer = Writer::connect(&options).await?;
        sqlx::migrate!().run(&mut *writer.turn().await?).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(4)
            // A file does not hang up.
            .test_before_acquire(false)
            .connect_with(options.clone().read_only(true))
            .await?;
        Ok(Self {
            reader,
            writer,
            raw: SqlitePoolOptions::new()
                .max_connections(1)
                .connect_lazy_with(options),
            durable: durable.map(Arc::new),
            incoming: Arc::default(),
            writing: Arc::new(Writing::start().map_err(sqlx::Error::Io)?),
            watcher: Arc::default(),
        })
    }

    /// For tests and benchmarks to arrange what no endpoint makes.
    #[doc(hidden)]
    pub fn raw(&self) -> &SqlitePool {
        &self.raw
    }

    /// Where to run what writes one transaction after another, so that each is over quickly.
    pub fn writing(&self) -> &Handle {
        self.writing.handle()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1")
            .fetch_one(&self.reader)
            .await
            .map(drop)
    }

    /// A number that is another once anybody has changed the database.
    pub async fn version(&self) -> Result<i64, sqlx::Error> {
        // On one connection: it counts what the others have committed.
        let mut connection = self.watcher.lock().await;
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(self.reader.acquire().await?.detach()),
        };
        sqlx::query_scalar("pragma data_version")
            .fetch_one(connection)
            .await
    }

    /// Closes the database when what runs has finished.
    pub async fn close(&self) {
        self.reader.close().await;
        self.raw.close().await;
        if let Err(error) = self.writer.close().await {
            tracing::error!("the database was not closed: {error}");
        }
    }

    /// Waits until what was committed would outlive a power cut.
    async fn make_durable(&self) -> Result<(), sqlx::Error> {
        match &self.durable {
            Some(durable) => durable.sync().await.map_err(sqlx::Error::Io),
            None => Ok(()),
        }
    }

    /// Begins a transaction that writes.
    async fn begin_write(&self) -> Result<WriteTransaction, sqlx::Error> {
        self.writer.begin().await
    }
}

/// Reads a column that holds one of the contract's words.
fn read_word<T>(
    row: &SqliteRow,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| unreadable(column, text))
}

/// Reads a column that holds one of the contract's words, or nothing.
fn read_word_or_none<T>(
    row: &SqliteRow,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, sqlx::Error> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| parse(&text).ok_or_else(|| unreadable(column, text)))
        .transpose()
}

/// Reads a column that holds JSON.
fn read_json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: error.into(),
    })
}

/// Reads a column that holds an id.
fn read_id<T: FromStr>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    read_word(row, column, |text| text.parse().ok())
}

/// Reads a column that holds an id, or nothing.
fn read_id_or_none<T: FromStr>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    read_word_or_none(row, column, |text| text.parse().ok())
}

/// Reads a column that holds a time.
fn read_time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get(column).map(Timestamp)
}

/// Reads a column that holds a time, or nothing.
fn read_time_or_none(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

/// Reads a column that holds a number that is never negative.
fn read_count(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(column).map(i64::unsigned_abs)
}

fn unreadable(column: &str, text: String) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("unexpected {text:?}").into(),
    }
}

/// How names are stored for the search: as [`omocast_contract::Filter::keeps`] compares them.
pub fn fold_name(name: &str) -> String {
    name.to_lowercase()
}
