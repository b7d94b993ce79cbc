//! The sandbox's own time: the wall clock, which a test may move forward, so that a day can pass at once.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        millis(since_epoch) + self.ahead_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(millis(by), Ordering::Relaxed);
    }
}

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

/// Calendar months since year 0 where LINE counts its quota (UTC+9).
pub(crate) fn quota_month(now_ms: i64) -> i64 {
    let (year, month, _) = civil_date(now_ms + 9 * 60 * 60 * 1000);
    year * 12 + month - 1
}

/// Year, month and day of a UTC time (Howard Hinnant's `civil_from_days`).
pub(crate) fn civil_date(at_ms: i64) -> (i64, i64, i64) {
    let shifted = at_ms.div_euclid(DAY_MS) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(1_709_164_800_000), (2024, 2, 29));
        assert_eq!(civil_date(1_795_391_999_000), (2026, 11, 22));
    }

    #[test]
    fn the_quota_month_turns_at_midnight_in_japan() {
        let last_second_of_november = 1_796_050_799_000;
        assert_eq!(
            quota_month(last_second_of_november) + 1,
            quota_month(last_second_of_november + 1_000)
        );
    }
}
