//! What must outlive a power cut.
//!
//! SQLite writes its log without waiting for the disk (`synchronous = normal`), which is quick, and safe when a process
//! dies, but a power cut takes the last commits back. Most of them may go: what they say is told again or found out.
//! Not so that a message is about to be sent, or that a request was accepted: those wait for the disk, many at a time.

use std::fs::File;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// Brings SQLite's log to the disk.
#[derive(Debug)]
pub(super) struct Durable {
    log: PathBuf,
    /// How many have asked.
    asked: AtomicU64,
    /// How many of them, counted from the first, have got what they asked for.
    served: Mutex<u64>,
}

impl Durable {
    /// Of the database file `path`.
    pub(super) fn new(path: &std::path::Path) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self {
            log: log.into(),
            asked: AtomicU64::new(0),
            served: Mutex::new(0),
        }
    }

    /// Waits until everything that is committed by now is on the disk. Those who ask at the same time share one wait.
    pub(super) async fn sync(&self) -> std::io::Result<()> {
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = self.served.lock().await;
        if *served >= ticket {
            return Ok(());
        }
        let asked = self.asked.load(Ordering::SeqCst);
        let log = self.log.clone();
        let synced = spawn_blocking(move || match File::options().append(true).open(log) {
            Ok(file) => file.sync_data(),
            // All of it is in the database itself, which SQLite brought to the disk before it removed the log.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        });
        synced.await.map_err(std::io::Error::other)??;
        *served = asked;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_share_one_wait_and_each_gets_theirs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("db-wal"), "log").unwrap();
        let durable = Durable::new(&folder.path().join("db"));
        let all = futures::future::join_all((0..100).map(|_| durable.sync())).await;
        assert!(all.into_iter().all(|synced| synced.is_ok()));
        assert_eq!(*durable.served.lock().await, 100);
    }

    #[tokio::test]
    async fn without_a_log_there_is_nothing_to_wait_for() {
        let folder = tempfile::tempdir().unwrap();
        let durable = Durable::new(&folder.path().join("db"));
        durable.sync().await.unwrap();
    }
}
