//! Deletes uploads that nothing uses, and files that a broken upload or a power cut left behind.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use omocast_contract::timestamp::DAY;

use crate::app::App;

/// How long an upload is kept that no draft, saved reply, broadcast or message uses, in milliseconds:
/// a composer may be left open overnight.
pub const KEPT_UNUSED: i64 = 2 * DAY;

/// Files looked up by one statement.
const CHUNK: usize = 500;

/// Deletes what nobody needs, and tells how many uploads that were.
pub async fn sweep(app: &App) -> anyhow::Result<usize> {
    let before = app.now().plus(-KEPT_UNUSED);
    let deleted = app.store.delete_unused_media(before).await?;
    for id in &deleted {
        app.media.delete(*id).await?;
    }
    let before = UNIX_EPOCH + Duration::from_millis(before.0.max(0).unsigned_abs());
    delete_strays(app, before).await?;
    Ok(deleted.len())
}

/// Files of no upload: the server stopped between writing them and recording them, or forgot the upload first.
async fn delete_strays(app: &App, before: SystemTime) -> anyhow::Result<()> {
    let files = app.media.list_old(before).await?;
    for files in files.chunks(CHUNK) {
        let ids: Vec<_> = files.iter().filter_map(|file| file.upload).collect();
        let known = app.store.known_media(&ids).await?;
        let strays = files
            .iter()
            .filter(|file| file.upload.is_none_or(|id| !known.contains(&id)));
        for stray in strays {
            tokio::fs::remove_file(&stray.path)
                .await
                .with_context(|| format!("deleting {}", stray.path.display()))?;
        }
    }
    Ok(())
}
