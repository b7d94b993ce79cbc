//! What other processes change, told to the pages of this one: for a process that answers browsers and leaves the work
//! to others. Whether anything changed the database tells by itself; what, is read again.

use std::collections::HashMap;
use std::time::Duration;

use omocast_contract::BroadcastId;
use omocast_contract::live::LiveEvent;
use tokio::time::sleep;

use crate::app::App;
use crate::shutdown::Shutdown;
use crate::store::StoreError;

/// How often it looks: no page hears of a broadcast's progress more often than four times a second.
const EVERY: Duration = Duration::from_millis(500);
/// Pages load their lists again at every so many looks that found a change.
const LISTS_EVERY: u32 = 4;

/// Follows until the server stops.
pub async fn run(app: App, shutdown: Shutdown) -> Result<(), StoreError> {
    let mut follower = Follower::default();
    while !shutdown.is_requested() {
        app.health.beat("follower");
        follower.look(&app).await?;
        tokio::select! {
            () = sleep(EVERY) => {}
            () = shutdown.requested() => {}
        }
    }
    Ok(())
}

#[derive(Default)]
struct Follower {
    version: Option<i64>,
    /// What was told last of the broadcasts that are under way.
    told: HashMap<BroadcastId, LiveEvent>,
    looks: u32,
    /// Whether something changed since pages were asked to load their lists again.
    is_behind: bool,
}

impl Follower {
    async fn look(&mut self, app: &App) -> Result<(), StoreError> {
        let version = app.store.version().await?;
        let is_changed = self.version.replace(version) != Some(version);
        if is_changed {
            self.is_behind = true;
            self.tell_broadcasts(app).await?;
        }
        self.looks = self.looks.wrapping_add(1);
        if self.is_behind && self.looks.is_multiple_of(LISTS_EVERY) {
            self.is_behind = false;
            app.live.everything_changed();
        }
        Ok(())
    }

    async fn tell_broadcasts(&mut self, app: &App) -> Result<(), StoreError> {
        let under_way = app.store.broadcasts_under_way().await?;
        // Those that have just ended are told once more.
        let ended = self.told.keys().filter(|id| !under_way.contains(id));
        let ended: Vec<_> = ended.copied().collect();
        for &id in under_way.iter().chain(&ended) {
            let Some(state) = app.store.broadcast_state(id).await? else {
                continue;
            };
            if self.told.get(&id) != Some(&state.event) {
                self.told.insert(id, state.event.clone());
                app.live
                    .broadcast_progress(state.team, state.sender, state.event);
            }
        }
        for id in ended {
            self.told.remove(&id);
        }
        Ok(())
    }
}
