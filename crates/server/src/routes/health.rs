//! Whether the process lives, and whether it can work.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;

/// The process answers.
pub const HEALTHZ: &str = "/healthz";
/// The database answers and the workers run.
pub const READYZ: &str = "/readyz";

const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and the workers run; else what does not.
pub async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(PATIENCE, app.store.ping()).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => {
            return (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            );
        }
    }
    if app.health.broken_workers.load(Ordering::SeqCst) > 0 {
        return (StatusCode::SERVICE_UNAVAILABLE, "a worker has stopped\n");
    }
    if app.health.silent_worker(Instant::now()).is_some() {
        return (StatusCode::SERVICE_UNAVAILABLE, "a worker hangs\n");
    }
    (StatusCode::OK, "ok\n")
}
