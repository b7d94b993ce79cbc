//! How fast an account sends.
//!
//! Turns are taken from the database in small blocks, so that however many processes deliver,
//! together they keep to the account's pace. A turn that nobody used in time is lost, never caught up with:
//! what comes late must not come in a burst.

use std::sync::PoisonError;
use std::time::Duration;

use omocast_contract::{AccountId, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::Clock;
use crate::store::{HELD, Store, StoreError, Turns};

/// Blocks are for this long: short enough to share, long enough to be no work, in microseconds.
const BLOCK: i64 = 100_000;
/// A turn is lost when it is this late, in microseconds.
const LATE: i64 = 20_000;
/// What is kept of a platform's limit for requests that the network delays and lets arrive together, in thousandths.
const KEPT_BACK: i64 = 20;

/// After so many places taken in vain the machine is too busy for any.
const PLACES: u32 = 5;
/// How exactly the timer wakes.
const TIMER: Duration = Duration::from_millis(2);
/// Nobody waits longer for a turn, in microseconds: whoever would is put back.
const LONGEST_TURN: i64 = HELD * 1_000;

/// What waiting for a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    NotBefore(Timestamp),
}

/// The pace of one account.
#[derive(Debug)]
pub(super) struct Pace {
    account: AccountId,
    store: Store,
    clock: Clock,
    /// Between two turns, in microseconds.
    interval: i64,
    /// The turns that this process has taken and not given out.
    taken: Mutex<Turns>,
    /// Between two requests of this process, and when the next may go out.
    spacing: Duration,
    next: std::sync::Mutex<Instant>,
}

impl Pace {
    /// At most `per_second` turns a second.
    pub(super) fn new(account: AccountId, store: Store, clock: Clock, per_second: u32) -> Self {
        let interval = 1_000_000 * 1_000 / (i64::from(per_second.max(1)) * (1_000 - KEPT_BACK));
        Self {
            account,
            store,
            clock,
            interval: interval.max(1),
            taken: Mutex::new(Turns {
                first: 0,
                interval,
                count: 0,
            }),
            spacing: Duration::from_secs(1) / per_second.max(1),
            next: std::sync::Mutex::new(Instant::now()),
        }
    }

    /// Waits until the last request is far enough away: after their turns requests wait for the disk, together,
    /// and would go out together. Whoever wakes up too late for their place takes another.
    pub(super) async fn space(&self) {
        for _ in 0..PLACES {
            let place = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                let place = (*next).max(Instant::now());
                *next = place + self.spacing;
                place
            };
            sleep_until(place).await;
            if place.elapsed() <= self.spacing + TIMER {
                return;
            }
        }
    }

    /// Waits for a turn, unless it is far ahead. What weighs more than one holds those who come later up for as much longer.
    pub(super) async fn turn(&self, weight: u32) -> Result<Turn, StoreError> {
        let turn = self.take(weight).await?;
        let wait = turn - self.now();
        if wait > LONGEST_TURN {
            return Ok(Turn::NotBefore(Timestamp(turn / 1_000)));
        }
        if let Ok(wait @ 1..) = u64::try_from(wait) {
            sleep(Duration::from_micros(wait)).await;
        }
        Ok(Turn::Now)
    }

    async fn take(&self, weight: u32) -> Result<i64, StoreError> {
        let mut taken = self.taken.lock().await;
        let is_late = taken.first < self.now() - LATE.max(self.interval);
        if taken.count < weight || is_late {
            let block = u32::try_from(BLOCK / self.interval).unwrap_or(u32::MAX);
            let count = block.max(1).max(weight);
            let now = self.clock.now();
            *taken = self
                .store
                .take_turns(self.account, count, self.interval, now)
                .await?;
        }
        let turn = taken.first;
        taken.first += self.interval * i64::from(weight);
        taken.count -= weight;
        Ok(turn)
    }

    /// Lets go of turns that were taken by a clock that was wrong.
    pub(super) async fn forget(&self) {
        self.taken.lock().await.count = 0;
    }

    /// Gives no turn for a while, because the platform asked to slow down.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), StoreError> {
        let mut taken = self.taken.lock().await;
        taken.count = 0;
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let until = self.clock.now().plus(pause);
        self.store.hold_turns(self.account, until).await
    }

    /// This moment, in microseconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now_micros()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use omocast_contract::{Channel, Plan};

    use super::*;
    use crate::store::NewAccount;

    const NOW: i64 = 1_000_000;

    async fn account() -> (Store, AccountId) {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp(NOW);
        let team = store
            .create_team("ATELIER", Plan::Omo, "Asia/Taipei", now)
            .await
            .unwrap();
        let account = NewAccount {
            team_id: team,
            channel: Channel::Line,
            name: "店".into(),
            external_id: "U1".into(),
            waba_id: None,
            display_phone: None,
        };
        let id = store.create_account(account, "", now).await.unwrap();
        (store, id)
    }

    fn pace(store: &Store, account: AccountId, clock: &Arc<AtomicI64>) -> Pace {
        Pace::new(account, store.clone(), Clock::fixed(clock.clone()), 10)
    }

    async fn turns(pace: &Pace, count: usize, weight: u32) -> Vec<i64> {
        let mut turns = Vec::new();
        for _ in 0..count {
            turns.push((pace.take(weight).await.unwrap() - NOW * 1_000) / 1_000);
        }
        turns
    }

    #[tokio::test]
    async fn turns_are_an_interval_apart_however_many_processes_ask() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let (one, other) = (pace(&store, account, &clock), pace(&store, account, &clock));
        assert_eq!(turns(&one, 2, 1).await, [0, 102]);
        assert_eq!(turns(&other, 1, 1).await, [204]);
        assert_eq!(turns(&one, 1, 1).await, [306]);
    }

    #[tokio::test]
    async fn what_weighs_more_holds_the_next_up() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let pace = pace(&store, account, &clock);
        assert_eq!(turns(&pace, 1, 5).await, [0]);
        assert_eq!(turns(&pace, 1, 1).await, [510]);
    }

    #[tokio::test]
    async fn turns_that_nobody_used_are_lost() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let pace = pace(&store, account, &clock);
        turns(&pace, 1, 1).await;
        clock.store(NOW + 60_000, Ordering::SeqCst);
        assert_eq!(turns(&pace, 2, 1).await, [60_000, 60_102]);
    }

    #[tokio::test]
    async fn a_pause_holds_every_process() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let (one, other) = (pace(&store, account, &clock), pace(&store, account, &clock));
        one.pause(Duration::from_secs(5)).await.unwrap();
        assert_eq!(turns(&other, 1, 1).await, [5_000]);
        assert_eq!(turns(&one, 1, 1).await, [5_102]);
    }

    #[tokio::test]
    async fn a_clock_that_was_wrong_holds_nobody_up() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW + 86_400_000));
        let pace = pace(&store, account, &clock);
        turns(&pace, 1, 1).await;
        clock.store(NOW, Ordering::SeqCst);
        pace.forget().await;
        assert_eq!(turns(&pace, 1, 1).await, [0]);
    }
}
