//! How fast an account sends.
//!
//! Turns are taken from the database in small blocks, so that however many processes deliver,
//! together they keep to the account's pace. The next block is asked for while the last is used, so that nobody waits
//! for the database. A turn that nobody used in time is lost, never caught up with: what comes late must not come
//! in a burst.

use std::sync::PoisonError;
use std::time::Duration;

use omocast_contract::{AccountId, Timestamp};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
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
/// The timer knows no shorter wait: whoever asked for one would wait for this long.
const TICK: Duration = Duration::from_millis(1);
/// How exactly the timer wakes.
const TIMER: Duration = Duration::from_millis(2);
/// How long an account is held that was too quick; twice as long each time it is so again.
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// Nobody waits longer for a turn, in microseconds: whoever would is put back.
const LONGEST_TURN: i64 = HELD * 1_000;

/// What waiting for a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// Further ahead than anybody waits.
    FarAhead,
}

/// The pace of one account.
#[derive(Debug)]
pub(super) struct Pace {
    account: AccountId,
    store: Store,
    clock: Clock,
    /// Between two turns, in microseconds.
    interval: i64,
    taken: Mutex<Taken>,
    /// Between two requests of this process, and when the next may go out.
    spacing: Duration,
    next: std::sync::Mutex<Instant>,
    held: std::sync::Mutex<Held>,
}

/// How often the account was too quick since it was last taken something from, and until when it is held for that.
#[derive(Debug, Default)]
struct Held {
    times: u32,
    until: Timestamp,
}

/// The turns that this process has taken and not given out.
#[derive(Debug, Default)]
struct Taken {
    /// When the next of them is, in microseconds, and how many there are: less than none when something weighed more.
    first: i64,
    count: i64,
    /// The block after them.
    following: Option<JoinHandle<Result<Turns, StoreError>>>,
}

impl Taken {
    /// Lets go of the turns that nobody used in time.
    fn lose(&mut self, now: i64, interval: i64) {
        let late = now - LATE.max(interval) - self.first;
        if self.count > 0 && late > 0 {
            // Those that come now are in time again.
            let lost = ((now - self.first) / interval).min(self.count);
            self.first += lost * interval;
            self.count -= lost;
        }
    }
}

impl Pace {
    /// At most `per_second` turns a second.
    pub(super) fn new(account: AccountId, store: Store, clock: Clock, per_second: u32) -> Self {
        let interval = 1_000_000 * 1_000 / (i64::from(per_second.max(1)) * (1_000 - KEPT_BACK));
        let interval = interval.max(1);
        Self {
            account,
            store,
            clock,
            interval,
            taken: Mutex::default(),
            spacing: Duration::from_micros(interval.unsigned_abs()),
            next: std::sync::Mutex::new(Instant::now()),
            held: std::sync::Mutex::default(),
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
            if place.saturating_duration_since(Instant::now()) >= TICK {
                sleep_until(place).await;
            }
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
            return Ok(Turn::FarAhead);
        }
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or_default());
        if wait >= TICK {
            sleep(wait).await;
        }
        Ok(Turn::Now)
    }

    async fn take(&self, weight: u32) -> Result<i64, StoreError> {
        let mut taken = self.taken.lock().await;
        loop {
            taken.lose(self.now(), self.interval);
            if taken.count > 0 {
                break;
            }
            // Kept there while it is waited for: whoever stops waiting loses nothing.
            let following = taken.following.get_or_insert_with(|| self.ask());
            let block = following.await;
            taken.following = None;
            let block = block.unwrap_or(Err(StoreError::WorkerCrashed))?;
            let owed = taken.count.min(0);
            taken.first = block.first - owed * self.interval;
            taken.count = i64::from(block.count) + owed;
        }
        let turn = taken.first;
        taken.first += self.interval * i64::from(weight);
        taken.count -= i64::from(weight);
        taken.following.get_or_insert_with(|| self.ask());
        Ok(turn)
    }

    /// Asks for a block of turns.
    fn ask(&self) -> JoinHandle<Result<Turns, StoreError>> {
        let count = u32::try_from(BLOCK / self.interval).unwrap_or(u32::MAX);
        let (account, interval) = (self.account, self.interval);
        let (store, clock) = (self.store.clone(), self.clock.clone());
        tokio::spawn(async move {
            let now = || clock.now_micros();
            store.take_turns(account, count.max(1), interval, now).await
        })
    }

    /// Lets go of turns that were taken by a clock that was wrong.
    pub(super) async fn forget(&self) {
        *self.taken.lock().await = Taken::default();
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Held::default();
    }

    /// Holds the account that was too quick, and tells for how long: as long as the platform asked for, and longer each
    /// time. Meta lengthens what an app that goes on calling has to wait (Graph API, rate limiting).
    pub(super) async fn slow_down(&self, asked: Duration) -> Result<Duration, StoreError> {
        let hold = {
            let now = self.clock.now();
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let left = u64::try_from(held.until.since(now)).unwrap_or_default();
            let left = Duration::from_millis(left);
            if asked <= left {
                return Ok(left);
            }
            let mut hold = asked;
            // What was under way when it was held says nothing new.
            if left.is_zero() {
                let longer = FIRST_HOLD.saturating_mul(2_u32.saturating_pow(held.times));
                hold = longer.min(LONGEST_HOLD).max(asked);
                held.times += 1;
            }
            held.until = now.plus(i64::try_from(hold.as_millis()).unwrap_or(i64::MAX));
            hold
        };
        self.pause(hold).await?;
        Ok(hold)
    }

    /// Something was taken: it is not too quick any more.
    pub(super) fn took(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.times = 0;
    }

    /// Gives no turn for a while, because the platform asked to slow down.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), StoreError> {
        let mut taken = self.taken.lock().await;
        *taken = Taken::default();
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
        let mut all = turns(&one, 2, 1).await;
        all.extend(turns(&other, 2, 1).await);
        all.extend(turns(&one, 2, 1).await);
        all.sort_unstable();
        assert_eq!(all[0], 0);
        let apart: Vec<_> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|apart| *apart >= 102), "{all:?}");
        // Each has asked for one that it did not need yet.
        assert!(all[5] <= 7 * 103, "{all:?}");
    }

    #[tokio::test]
    async fn what_weighs_more_holds_the_next_up() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let pace = pace(&store, account, &clock);
        assert_eq!(turns(&pace, 1, 5).await, [0]);
        assert_eq!(turns(&pace, 2, 1).await, [510, 612]);
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

    #[test]
    fn who_comes_late_loses_the_turns_that_are_over_and_keeps_the_rest() {
        let mut taken = Taken {
            first: 0,
            count: 100,
            following: None,
        };
        taken.lose(LATE, 1_000);
        assert_eq!((taken.first, taken.count), (0, 100));
        taken.lose(LATE + 1, 1_000);
        assert_eq!((taken.first, taken.count), (20_000, 80));
        taken.lose(1_000_000, 1_000);
        assert_eq!(taken.count, 0);
    }

    #[tokio::test]
    async fn a_pause_holds_every_process() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let (one, other) = (pace(&store, account, &clock), pace(&store, account, &clock));
        turns(&one, 1, 1).await;
        one.pause(Duration::from_secs(5)).await.unwrap();
        for pace in [&one, &other] {
            let turn = turns(pace, 1, 1).await[0];
            assert!((5_000..5_500).contains(&turn), "{turn}");
        }
    }

    #[tokio::test]
    async fn who_is_too_quick_again_is_held_longer_until_something_is_taken() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let pace = pace(&store, account, &clock);
        let asked = Duration::from_secs(1);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let hold = Duration::from_secs(seconds);
            assert_eq!(pace.slow_down(asked).await.unwrap(), hold);
            // Those that were under way as well change nothing.
            assert_eq!(pace.slow_down(asked).await.unwrap(), hold);
            let held = i64::try_from(seconds).unwrap() * 1_000;
            let until = clock.load(Ordering::SeqCst) - NOW + held;
            let turn = turns(&pace, 1, 1).await[0];
            assert!((until..until + 500).contains(&turn), "{turn} of {until}");
            clock.fetch_add(held, Ordering::SeqCst);
        }
        pace.took();
        assert_eq!(pace.slow_down(asked).await.unwrap(), asked);
        // What the platform asks for is never cut short.
        let longer = Duration::from_secs(300);
        assert_eq!(pace.slow_down(longer).await.unwrap(), longer);
    }

    #[tokio::test]
    async fn a_clock_that_was_wrong_holds_nobody_up() {
        let (store, account) = account().await;
        let clock = Arc::new(AtomicI64::new(NOW + 86_400_000));
        let pace = pace(&store, account, &clock);
        turns(&pace, 1, 1).await;
        clock.store(NOW, Ordering::SeqCst);
        pace.forget().await;
        // One may have been asked for meanwhile.
        let turn = turns(&pace, 1, 1).await[0];
        assert!((0..500).contains(&turn), "{turn}");
    }
}
