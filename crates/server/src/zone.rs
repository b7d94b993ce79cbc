//! Times on the wall of a team's time zone.

use anyhow::Context as _;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};
use omocast_contract::{LocalTime, ProblemCode, Timestamp};

/// The moment that the clocks of a time zone show like this.
///
/// A time that they skip when summer begins is refused; of one that they show twice, when it ends, the first is meant.
pub(crate) fn moment(
    zone: &str,
    time: LocalTime,
) -> anyhow::Result<Result<Timestamp, ProblemCode>> {
    let zone = TimeZone::get(zone).with_context(|| format!("the time zone {zone}"))?;
    let LocalTime {
        year,
        month,
        day,
        hour,
        minute,
    } = time;
    let Ok(shown) = civil::DateTime::new(year, month, day, hour, minute, 0, 0) else {
        return Ok(Err(ProblemCode::ScheduleTimeSkipped));
    };
    let meant = zone.to_ambiguous_timestamp(shown);
    if let AmbiguousOffset::Gap { .. } = meant.offset() {
        return Ok(Err(ProblemCode::ScheduleTimeSkipped));
    }
    let moment = meant.earlier();
    Ok(moment
        .map(|moment| Timestamp(moment.as_millisecond()))
        .map_err(|_| ProblemCode::ScheduleTooFar))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, time: &str, expected: Option<&str>) {
        let moment = moment(zone, LocalTime::parse(time).unwrap()).unwrap().ok();
        assert_eq!(
            moment,
            expected.map(|text| Timestamp::parse(text).unwrap()),
            "{time} {zone}"
        );
    }

    #[test]
    fn a_wall_clock_shows_the_teams_time() {
        check(
            "Asia/Taipei",
            "2026-11-30T09:00",
            Some("2026-11-30T01:00:00Z"),
        );
        check(
            "Europe/Berlin",
            "2026-07-01T09:00",
            Some("2026-07-01T07:00:00Z"),
        );
        check(
            "Europe/Berlin",
            "2026-12-01T09:00",
            Some("2026-12-01T08:00:00Z"),
        );
    }

    #[test]
    fn summer_begins_with_an_hour_that_is_not_there() {
        check(
            "Europe/Berlin",
            "2026-03-29T01:59",
            Some("2026-03-29T00:59:00Z"),
        );
        check("Europe/Berlin", "2026-03-29T02:30", None);
        check(
            "Europe/Berlin",
            "2026-03-29T03:00",
            Some("2026-03-29T01:00:00Z"),
        );
    }

    #[test]
    fn summer_ends_with_an_hour_that_is_there_twice() {
        check(
            "Europe/Berlin",
            "2026-10-25T02:30",
            Some("2026-10-25T00:30:00Z"),
        );
        check(
            "Europe/Berlin",
            "2026-10-25T03:00",
            Some("2026-10-25T02:00:00Z"),
        );
    }

    #[test]
    fn a_day_that_no_month_has_is_refused() {
        check("Asia/Taipei", "2026-02-30T09:00", None);
    }
}
