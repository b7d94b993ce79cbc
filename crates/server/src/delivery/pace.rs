//! How fast an account sends.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives turns out evenly; a short idle time may be caught up with, a long one not.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How far turns may lie in the past.
    slack: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `per_second` turns a second, and never more than a tenth of that at once.
    pub(super) fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let slack = interval * (per_second / 10);
        Self {
            interval,
            slack,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a turn. What weighs more than one holds those who come later up for as much longer.
    pub(super) async fn turn(&self, weight: u32) {
        let turn = self.take(Instant::now(), weight);
        sleep_until(turn).await;
    }

    fn take(&self, now: Instant, weight: u32) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now
            .checked_sub(self.slack)
            .map_or(*next, |earliest| (*next).max(earliest));
        *next = turn + self.interval * weight;
        turn
    }

    /// Gives no turn for a while, because the platform asked to slow down.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_an_interval_apart_however_many_ask() {
        let pace = Pace::new(10);
        let start = *pace.next.lock().unwrap();
        let turns: Vec<_> = (0..5).map(|_| pace.take(start, 1) - start).collect();
        let expected: Vec<_> = (0..5)
            .map(|turn| Duration::from_millis(100) * turn)
            .collect();
        assert_eq!(turns, expected);
    }

    #[test]
    fn what_weighs_more_holds_the_next_up() {
        let pace = Pace::new(10);
        let start = *pace.next.lock().unwrap();
        assert_eq!(pace.take(start, 5), start);
        assert_eq!(pace.take(start, 1) - start, Duration::from_millis(500));
    }

    #[test]
    fn an_idle_time_is_caught_up_with_in_part() {
        let pace = Pace::new(100);
        let late = *pace.next.lock().unwrap() + Duration::from_secs(60);
        let at_once = (0..100).filter(|_| pace.take(late, 1) <= late).count();
        assert_eq!(at_once, 11);
    }

    #[test]
    fn a_pause_holds_everybody() {
        let pace = Pace::new(1_000);
        pace.pause(Duration::from_secs(5));
        let now = Instant::now();
        assert!(pace.take(now, 1) - now > Duration::from_secs(4));
    }
}
