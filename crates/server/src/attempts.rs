//! How often somebody may try something within a while, such as signing in: counted in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use omocast_contract::Timestamp;

/// How many are remembered. An attacker with more of them gains attempts, never memory.
const REMEMBERED: usize = 20_000;

/// Attempts at something. An attempt counts from its beginning, so that many at once gain nothing.
#[derive(Debug)]
pub struct Attempts {
    most: u32,
    period: i64,
    of: Mutex<HashMap<String, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Timestamp,
    attempts: u32,
}

impl Attempts {
    /// At most `most` attempts within `period` milliseconds.
    pub fn new(most: u32, period: i64) -> Self {
        Self {
            most,
            period,
            of: Mutex::default(),
        }
    }

    /// Failed attempts to sign in, of one e-mail or from one address.
    pub fn to_sign_in() -> Self {
        Self::new(10, 5 * 60_000)
    }

    /// Counts an attempt of each of `who`, or tells after how many seconds there may be another.
    pub fn begin(&self, who: &[String], now: Timestamp) -> Result<(), i64> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |window: &Window| self.period - now.since(window.began);
        let wait = who
            .iter()
            .filter_map(|key| of.get(key))
            .filter(|window| window.attempts >= self.most && left(window) > 0)
            .map(left)
            .max();
        if let Some(wait) = wait {
            return Err(wait.div_euclid(1_000) + 1);
        }
        if of.len() + who.len() > REMEMBERED {
            of.retain(|_, window| left(window) > 0);
        }
        while of.len() + who.len() > REMEMBERED {
            let Some(oldest) = of
                .iter()
                .min_by_key(|(_, window)| window.began)
                .map(|(key, _)| key.clone())
            else {
                break;
            };
            of.remove(&oldest);
        }
        for key in who {
            let window = of.entry(key.clone()).or_insert(Window {
                began: now,
                attempts: 0,
            });
            if left(window) <= 0 {
                *window = Window {
                    began: now,
                    attempts: 0,
                };
            }
            window.attempts += 1;
        }
        Ok(())
    }

    /// Takes an attempt back that was successful: a shop's staff share one address.
    pub fn succeed(&self, who: &[String]) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        for key in who {
            if let Some(window) = of.get_mut(key) {
                window.attempts = window.attempts.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(email: &str) -> Vec<String> {
        vec![format!("email {email}"), "address 1".to_owned()]
    }

    #[test]
    fn the_eleventh_attempt_waits_until_the_period_is_over() {
        let attempts = Attempts::to_sign_in();
        for at in 0..10 {
            assert_eq!(attempts.begin(&who("a"), Timestamp(at)), Ok(()));
        }
        assert_eq!(attempts.begin(&who("a"), Timestamp(1_000)), Err(300));
        assert!(
            attempts.begin(&who("b"), Timestamp(1_000)).is_err(),
            "the address counts too"
        );
        assert_eq!(attempts.begin(&who("a"), Timestamp(5 * 60_000)), Ok(()));
    }

    #[test]
    fn success_does_not_count() {
        let attempts = Attempts::to_sign_in();
        for at in 0..50 {
            assert_eq!(attempts.begin(&who("a"), Timestamp(at)), Ok(()));
            attempts.succeed(&who("a"));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::to_sign_in();
        for number in 0..REMEMBERED as i64 + 50 {
            attempts
                .begin(&[number.to_string()], Timestamp(number))
                .unwrap();
        }
        assert!(attempts.of.lock().unwrap().len() <= REMEMBERED);
    }
}
