//! What a run can be judged by afterwards, however long it was: how much each customer was sent, and how quickly.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Sandbox;

const SECOND: Duration = Duration::from_secs(1);

/// How many sendings an account asked for, refused ones too, and how quickly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    pub sendings: u64,
    /// The most in any stretch of one second.
    pub peak: usize,
    /// In each second since the first.
    pub by_second: Vec<u32>,
}

#[derive(Default)]
pub(crate) struct Tally {
    accepted: BTreeMap<String, u64>,
    changed_repeats: u64,
    traffic: Traffic,
    began: Option<Instant>,
    /// The sendings of the last second.
    recent: VecDeque<Instant>,
}

impl Tally {
    pub(crate) fn count_sending(&mut self) {
        self.count_sending_at(Instant::now());
    }

    fn count_sending_at(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let traffic = &mut self.traffic;
        traffic.sendings += 1;
        let second = usize::try_from(now.duration_since(began).as_secs()).unwrap_or(usize::MAX);
        if traffic.by_second.len() <= second {
            traffic.by_second.resize(second + 1, 0);
        }
        traffic.by_second[second] += 1;
        while self
            .recent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= SECOND)
        {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        traffic.peak = traffic.peak.max(self.recent.len());
    }

    /// A retry key came again with something else.
    pub(crate) fn count_changed_repeat(&mut self) {
        self.changed_repeats += 1;
    }

    /// Messages were taken for a customer, wherever they end.
    pub(crate) fn accept(&mut self, user: &str, messages: usize) {
        *self.accepted.entry(user.to_owned()).or_default() += messages as u64;
    }
}

impl Sandbox {
    /// How many messages were accepted for each customer since the start, each repetition counted; those that go
    /// nowhere, because the customer blocks the account or the window is closed, too.
    pub fn accepted(&self, account: &str) -> BTreeMap<String, u64> {
        self.with(|state| {
            let account = state.get(account);
            account.map(|account| account.tally.accepted.clone())
        })
        .unwrap_or_default()
    }

    /// How often a retry key came again with something else than what was accepted with it.
    pub fn changed_repeats(&self, account: &str) -> u64 {
        self.with(|state| {
            let account = state.get(account);
            account.map_or(0, |account| account.tally.changed_repeats)
        })
    }

    /// How many sendings the account asked for since the start, or since the tally was reset, and how quickly.
    pub fn traffic(&self, account: &str) -> Traffic {
        self.with(|state| {
            let account = state.get(account);
            account.map(|account| account.tally.traffic.clone())
        })
        .unwrap_or_default()
    }

    /// Counts from now on.
    pub fn reset_tally(&self) {
        self.with(|state| {
            for account in state.values_mut() {
                account.tally = Tally::default();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_of_any_second_and_not_of_those_of_a_clock() {
        let mut tally = Tally::default();
        let start = Instant::now();
        for at in [0, 900, 950, 1_000, 1_100, 3_000] {
            tally.count_sending_at(start + Duration::from_millis(at));
        }
        assert_eq!(
            tally.traffic,
            Traffic {
                sendings: 6,
                peak: 4,
                by_second: vec![3, 2, 0, 1],
            }
        );
    }
}
