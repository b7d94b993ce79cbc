//! What workers tell open pages, gathered: a broadcast to 100,000 customers changes as many events,
//! and no page can follow each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use omocast_contract::{BroadcastId, EventId, MemberId, TeamId};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::live::Live;
use crate::store::deliveries::Changes;
use crate::store::{BoundTo, Store};

/// Four notices of a broadcast's progress a second are as much as anybody can read.
const NOTICE_EVERY: Duration = Duration::from_millis(250);
/// More events of a team than this at once are not told one by one: pages load again what they show.
const MANY: usize = 32;
/// How often a team's pages are asked to load again.
const RELOAD_EVERY: Duration = Duration::from_secs(1);

/// Tells open pages what changed, whoever changed it: the first change at once, what follows no more often than
/// four times a second. Where a broadcast ends is always told.
pub struct Announcer {
    store: Store,
    live: Live,
    due: Mutex<Due>,
    wake: Notify,
    /// Whoever has it tells.
    telling: tokio::sync::Mutex<()>,
}

impl Announcer {
    pub(crate) fn new(store: Store, live: Live) -> Self {
        Self {
            store,
            live,
            due: Mutex::default(),
            wake: Notify::new(),
            telling: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn announce(&self, changes: Changes) {
        let Changes {
            events,
            broadcasts,
            bound,
        } = &changes;
        if events.is_empty() && broadcasts.is_empty() && bound.is_empty() {
            return;
        }
        self.with_due(|due| due.add(changes));
        self.wake.notify_one();
    }

    /// Never ends. Where several workers run it one tells, and another goes on when that one is gone.
    pub(crate) async fn run(&self) {
        let _only = self.telling.lock().await;
        // Whoever told before may have left something.
        self.wake.notify_one();
        loop {
            self.wake.notified().await;
            if self.tell(Some(Instant::now())).await {
                self.wake.notify_one();
            }
            sleep(NOTICE_EVERY).await;
        }
    }

    /// Tells now whatever is still to be told.
    pub(crate) async fn flush(&self) {
        self.tell(None).await;
    }

    /// Tells what is due, everything if there is no `now`; whether something is left for later.
    async fn tell(&self, now: Option<Instant>) -> bool {
        let (events, bound, broadcasts, is_left) = self.with_due(|due| {
            let (events, bound) = (due.take_events(now), due.take_bound(now));
            (
                events,
                bound,
                mem::take(&mut due.broadcasts),
                !due.events.is_empty() || !due.bound.is_empty(),
            )
        });
        let live = &self.live;
        for (team, lists) in bound {
            live.bound_customers_changed(team, lists);
        }
        for (team, events) in events {
            if events.len() > MANY {
                live.events_changed(team, events.into_values().flatten().collect());
                continue;
            }
            for (event, owners) in events {
                live.event_changed(team, event, &Vec::from_iter(owners));
            }
        }
        let mut untold = Untold {
            announcer: self,
            broadcasts,
        };
        while let Some(&broadcast) = untold.broadcasts.first() {
            match self.store.broadcast_state(broadcast).await {
                Ok(Some(state)) => live.broadcast_progress(state.team, state.sender, state.event),
                Ok(None) => {}
                Err(error) => tracing::warn!(%broadcast, "its progress is not known: {error}"),
            }
            untold.broadcasts.remove(&broadcast);
        }
        is_left
    }

    fn with_due<T>(&self, act: impl FnOnce(&mut Due) -> T) -> T {
        act(&mut self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Broadcasts that are being told of: still to be told of where that is broken off.
struct Untold<'a> {
    announcer: &'a Announcer,
    broadcasts: BTreeSet<BroadcastId>,
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        if !self.broadcasts.is_empty() {
            let mut left = mem::take(&mut self.broadcasts);
            self.announcer
                .with_due(|due| due.broadcasts.append(&mut left));
            self.announcer.wake.notify_one();
        }
    }
}

/// Changed events of a team, and who owned each.
type Events = BTreeMap<EventId, BTreeSet<MemberId>>;

/// What is to be told.
#[derive(Default)]
struct Due {
    broadcasts: BTreeSet<BroadcastId>,
    events: BTreeMap<TeamId, Events>,
    /// Until when a team's pages are not asked to load again.
    quiet: BTreeMap<TeamId, Instant>,
    /// Whose lists of bound customers changed.
    bound: BTreeMap<TeamId, BTreeSet<BoundTo>>,
    /// Until when a team's pages are not asked to load those again.
    bound_quiet: BTreeMap<TeamId, Instant>,
}

impl Due {
    fn add(&mut self, changes: Changes) {
        for (event, changed) in changes.events {
            let events = self.events.entry(changed.team).or_default();
            events.entry(event).or_default().extend(changed.owners);
        }
        self.broadcasts.extend(changes.broadcasts);
        for (team, lists) in changes.bound {
            self.bound.entry(team).or_default().extend(lists);
        }
    }

    /// Takes each team's changed lists, except those of a team that was told just now:
    /// every message of a bound customer changes them, and a page can only load them again.
    fn take_bound(&mut self, now: Option<Instant>) -> BTreeMap<TeamId, BTreeSet<BoundTo>> {
        let mut taken = mem::take(&mut self.bound);
        let Some(now) = now else { return taken };
        self.bound_quiet.retain(|_, until| *until > now);
        self.bound = taken
            .extract_if(.., |team, _| self.bound_quiet.contains_key(team))
            .collect();
        let told = taken.keys().map(|&team| (team, now + RELOAD_EVERY));
        self.bound_quiet.extend(told);
        taken
    }

    /// Takes each team's events, except those of a team that was asked to load again just now.
    fn take_events(&mut self, now: Option<Instant>) -> BTreeMap<TeamId, Events> {
        let mut taken = mem::take(&mut self.events);
        let Some(now) = now else { return taken };
        self.quiet.retain(|_, until| *until > now);
        self.events = taken
            .extract_if(.., |team, _| self.quiet.contains_key(team))
            .collect();
        let many = taken.iter().filter(|(_, events)| events.len() > MANY);
        self.quiet
            .extend(many.map(|(&team, _)| (team, now + RELOAD_EVERY)));
        taken
    }
}

#[cfg(test)]
mod tests {
    use omocast_contract::ShopId;
    use uuid::Uuid;

    use super::*;

    const TEAM: TeamId = TeamId(Uuid::from_u128(1));
    const OTHER: TeamId = TeamId(Uuid::from_u128(2));

    fn changed(team: TeamId, events: std::ops::Range<u128>) -> Changes {
        let mut changes = Changes::default();
        for event in events {
            let owner = MemberId(Uuid::from_u128(event));
            changes.add_event(EventId(Uuid::from_u128(event)), team, [owner]);
        }
        changes
    }

    fn counts(taken: &BTreeMap<TeamId, Events>) -> Vec<(TeamId, usize)> {
        taken
            .iter()
            .map(|(&team, events)| (team, events.len()))
            .collect()
    }

    #[test]
    fn a_flood_of_one_team_is_told_once_a_second_and_hinders_no_other() {
        let mut due = Due::default();
        let now = Instant::now();
        due.add(changed(TEAM, 0..1_000));
        assert_eq!(counts(&due.take_events(Some(now))), [(TEAM, 1_000)]);

        due.add(changed(TEAM, 1_000..1_001));
        due.add(changed(OTHER, 0..1));
        assert_eq!(counts(&due.take_events(Some(now))), [(OTHER, 1)]);
        assert_eq!(
            counts(&due.take_events(Some(now + RELOAD_EVERY))),
            [(TEAM, 1)]
        );
        assert!(due.events.is_empty() && due.quiet.is_empty());
    }

    #[test]
    fn lists_of_bound_customers_are_told_once_a_second() {
        let list = BoundTo {
            seller: MemberId(Uuid::from_u128(3)),
            shop: ShopId(Uuid::from_u128(4)),
        };
        let bound = |team| {
            let mut changes = Changes::default();
            changes.add_bound(team, list);
            changes
        };
        let mut due = Due::default();
        let now = Instant::now();
        due.add(bound(TEAM));
        due.add(bound(TEAM));
        assert_eq!(due.take_bound(Some(now)), [(TEAM, [list].into())].into());
        due.add(bound(TEAM));
        due.add(bound(OTHER));
        assert_eq!(due.take_bound(Some(now)), [(OTHER, [list].into())].into());
        let later = due.take_bound(Some(now + RELOAD_EVERY));
        assert_eq!(later, [(TEAM, [list].into())].into());
        assert!(due.bound.is_empty());
    }

    #[test]
    fn few_events_are_told_at_once_however_often() {
        let mut due = Due::default();
        let now = Instant::now();
        for _ in 0..3 {
            due.add(changed(TEAM, 0..MANY as u128));
            assert_eq!(counts(&due.take_events(Some(now))), [(TEAM, MANY)]);
        }
    }

    #[test]
    fn the_end_leaves_nothing_untold() {
        let mut due = Due::default();
        due.add(changed(TEAM, 0..1_000));
        due.take_events(Some(Instant::now()));
        due.add(changed(TEAM, 0..1));
        assert_eq!(counts(&due.take_events(None)), [(TEAM, 1)]);
    }

    #[test]
    fn who_gave_an_event_away_hears_of_it() {
        let mut due = Due::default();
        let owners = [1, 2].map(|number| MemberId(Uuid::from_u128(number)));
        for owner in owners {
            let mut changes = Changes::default();
            changes.add_event(EventId(Uuid::from_u128(9)), TEAM, [owner]);
            due.add(changes);
        }
        let told: Vec<_> = due.take_events(None)[&TEAM]
            .values()
            .flatten()
            .copied()
            .collect();
        assert_eq!(told, owners);
    }
}
