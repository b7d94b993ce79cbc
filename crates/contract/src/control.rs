//! What may be done with a broadcast once it is accepted: taken back, stopped, put off, retried.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::timestamp::{DAY, HOUR};
use crate::{
    AccountId, BroadcastId, BroadcastStatus, Channel, DraftId, ProblemCode, Reason, Timestamp,
};

/// How long an accepted broadcast is held, so that its sender can take it back, in milliseconds.
pub const HOLD: i64 = 8_000;
/// No installation holds a broadcast longer, in milliseconds.
pub const MAX_HOLD: i64 = 600_000;
/// A broadcast that could not begin within this of its time is overdue: its sender decides, in milliseconds.
pub const OVERDUE_AFTER: i64 = HOUR;
/// No broadcast can be put off less than this, in milliseconds: it would be over before it could be changed.
pub const MIN_AHEAD: i64 = 60_000;
/// No broadcast can be put off longer than this, in milliseconds.
pub const MAX_AHEAD: i64 = 90 * DAY;
/// What waits for a stopped account longer than this is given up, in milliseconds: nobody expects it any more.
pub const GIVE_UP_AFTER: i64 = 3 * DAY;

/// A time on the wall of the team's time zone, to the minute: `2026-11-30T09:00`.
///
/// The server knows the zones, and says which moment is meant.
/// What the clock shows twice, when summer ends, is the first of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year, 1970 to 9999.
    pub year: i16,
    /// The month, 1 to 12.
    pub month: i8,
    /// The day of the month, 1 to 31; whether the month has it, the server knows.
    pub day: i8,
    /// The hour, 0 to 23.
    pub hour: i8,
    /// The minute, 0 to 59.
    pub minute: i8,
}

impl LocalTime {
    /// Reads what `<input type="datetime-local">` gives; seconds are let go.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize, least: i16, most: i16| {
            let digits = text.get(from..to)?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: i16 = is_number.then(|| digits.parse().ok())??;
            (least..=most).contains(&number).then_some(number)
        };
        let small = |from, least, most| Some(number(from, from + 2, least, most)? as i8);
        let marks = [(4, '-'), (7, '-'), (10, 'T'), (13, ':')];
        let is_marked = marks
            .iter()
            .all(|&(at, mark)| text.get(at..=at) == Some(mark.encode_utf8(&mut [0; 4])));
        let rest_is_seconds = match text.get(16..)? {
            "" => true,
            rest => {
                rest.starts_with(':')
                    && rest[1..]
                        .bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'.')
            }
        };
        (is_marked && rest_is_seconds).then_some(())?;
        Some(Self {
            year: number(0, 4, 1970, 9999)?,
            month: small(5, 1, 12)?,
            day: small(8, 1, 31)?,
            hour: small(11, 0, 23)?,
            minute: small(14, 0, 59)?,
        })
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
        } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("expected a time such as 2026-11-30T09:00"))
    }
}

/// Refuses a time that a broadcast can't be put off to.
pub fn check_start(starts_at: Timestamp, now: Timestamp) -> Result<(), ProblemCode> {
    match starts_at.since(now) {
        ahead if ahead < MIN_AHEAD => Err(ProblemCode::ScheduleTooSoon),
        ahead if ahead > MAX_AHEAD => Err(ProblemCode::ScheduleTooFar),
        _ => Ok(()),
    }
}

/// Whether a broadcast that was to begin at `starts_at` is too late to begin by itself.
pub fn is_overdue(starts_at: Timestamp, now: Timestamp) -> bool {
    now.since(starts_at) > OVERDUE_AFTER
}

/// Asks for a change of an accepted broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Control {
    /// 停止, 復原, 取消排程: what is not handed over yet is not handed over any more.
    /// Where nothing was, it is as though it had never been sent.
    Stop,
    /// Puts it off to another time.
    Reschedule {
        /// When, in the team's time zone.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        send_at: LocalTime,
    },
    /// Begins now what is scheduled or overdue.
    SendNow,
    /// Asks the platforms again whether the accounts that stopped take messages.
    TryAccounts,
}

impl Control {
    /// Whether it may be done with a broadcast that stands like this, by its sender or by somebody else who sees it.
    ///
    /// Who sees a broadcast may stop it, because harm is to be ended by whoever sees it first;
    /// only the sender says when it goes out.
    pub fn check(self, status: BroadcastStatus, is_sender: bool) -> Result<(), ProblemCode> {
        use BroadcastStatus::{Cancelled, Completed, Held, Overdue, Scheduled, Sending, Stopped};
        let is_timing = matches!(self, Self::Reschedule { .. } | Self::SendNow);
        if is_timing && !is_sender {
            return Err(ProblemCode::BroadcastNotYours);
        }
        match (self, status) {
            (_, Completed | Stopped | Cancelled) => Err(ProblemCode::BroadcastOver),
            (Self::Stop | Self::TryAccounts, Held | Scheduled | Overdue | Sending) => Ok(()),
            (Self::Reschedule { .. } | Self::SendNow, Scheduled | Overdue) => Ok(()),
            (Self::Reschedule { .. } | Self::SendNow, Held | Sending) => {
                Err(ProblemCode::BroadcastStarted)
            }
        }
    }
}

/// What came of a [`Control`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Controlled {
    /// The broadcast as it stands now.
    pub broadcast: crate::Broadcast,
    /// The draft that holds again what was taken back before anything of it was handed over;
    /// none for a template, which is part of no draft, for a retry, and for whoever is not the sender.
    pub draft: Option<DraftId>,
}

/// Whether a retry is the sender's to make: only of what is over, and only by the sender.
pub fn check_retry(status: BroadcastStatus, is_sender: bool) -> Result<(), ProblemCode> {
    if !is_sender {
        return Err(ProblemCode::BroadcastNotYours);
    }
    match status {
        BroadcastStatus::Completed | BroadcastStatus::Stopped => Ok(()),
        BroadcastStatus::Cancelled => Err(ProblemCode::NothingToRetry),
        BroadcastStatus::Held
        | BroadcastStatus::Scheduled
        | BroadcastStatus::Overdue
        | BroadcastStatus::Sending => Err(ProblemCode::BroadcastNotOver),
    }
}

/// One line of what was done with a broadcast: who, what and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// The member who did it; none where omocast itself did.
    pub member: Option<String>,
    /// What.
    #[serde(flatten)]
    pub event: LogEvent,
}

/// What was done with a broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LogEvent {
    /// 發送 was pressed.
    Accepted {
        /// Those who were to get it.
        recipients: u64,
    },
    /// It was put off.
    Scheduled {
        /// Until when.
        starts_at: Timestamp,
        /// Those who are to get it.
        recipients: u64,
    },
    /// It was put off to another time.
    Rescheduled {
        /// Until when.
        starts_at: Timestamp,
    },
    /// What was put off began.
    Started,
    /// It could not begin at its time, and waits for its sender's word.
    Overdue,
    /// It was taken back before anything was handed over.
    Cancelled,
    /// The rest was stopped.
    Stopped {
        /// Customers to whom something was handed over, or is being.
        handed_over: u64,
        /// Customers who get nothing of it.
        left: u64,
    },
    /// What failed was sent again.
    Retried {
        /// By this broadcast.
        broadcast: BroadcastId,
        /// To so many.
        recipients: u64,
    },
    /// An account takes nothing more for now.
    AccountPaused {
        /// Its name.
        account: String,
        /// Why.
        reason: Reason,
    },
    /// An account takes messages again.
    AccountResumed {
        /// Its name.
        account: String,
    },
    /// Nothing is left to hand over.
    Completed,
}

/// An account that takes nothing for now, and what waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PausedAccount {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub channel: Channel,
    /// Why it stopped.
    pub reason: Reason,
    /// The platform's own code or words, for support.
    pub platform_code: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When omocast asks the platform again.
    pub tried_at: Timestamp,
    /// Customers of this broadcast who wait for it.
    pub waiting: u64,
}

/// What an account may still send this month, and what a broadcast needs of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountQuota {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Where it is: LINE alone has such a quota.
    pub channel: Channel,
    /// What the broadcast needs: LINE counts customers, not messages (LINE, messaging API pricing).
    pub needed: u64,
    /// What is left this month, less what other broadcasts wait to send.
    pub left: u64,
    /// The month's limit.
    pub limit: u64,
}

impl AccountQuota {
    /// Whether the broadcast needs more than is left.
    pub fn is_short(&self) -> bool {
        self.needed > self.left
    }
}

/// The check before sending (發送前檢查): who will be reached and who not, what it takes and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preflight {
    /// Who will be reached, and who skipped and why.
    pub count: crate::AudienceCount,
    /// How long handing over takes at the accounts' pace, in seconds, once it is its turn.
    pub seconds: u64,
    /// How long it can be taken back once it is sent, in milliseconds; 0 for not at all.
    pub hold: i64,
    /// The accounts with a limit for the month; none for a broadcast that is put off, whose month is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotas: Vec<AccountQuota>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use BroadcastStatus::{Cancelled, Completed, Held, Overdue, Scheduled, Sending, Stopped};

    const NOW: Timestamp = Timestamp(1_000 * DAY);
    const LATER: Control = Control::Reschedule {
        send_at: LocalTime {
            year: 2026,
            month: 11,
            day: 30,
            hour: 9,
            minute: 0,
        },
    };

    #[track_caller]
    fn check(control: Control, allowed: &[BroadcastStatus], refused: ProblemCode) {
        for status in [Held, Scheduled, Overdue, Sending] {
            let expected = if allowed.contains(&status) {
                Ok(())
            } else {
                Err(refused)
            };
            assert_eq!(control.check(status, true), expected, "{status:?}");
        }
        for status in [Completed, Stopped, Cancelled] {
            assert_eq!(control.check(status, true), Err(ProblemCode::BroadcastOver));
        }
    }

    #[test]
    fn what_is_not_over_may_be_stopped() {
        let all = [Held, Scheduled, Overdue, Sending];
        check(Control::Stop, &all, ProblemCode::BroadcastOver);
        check(Control::TryAccounts, &all, ProblemCode::BroadcastOver);
    }

    #[test]
    fn what_has_begun_is_not_put_off() {
        let waiting = [Scheduled, Overdue];
        check(LATER, &waiting, ProblemCode::BroadcastStarted);
        check(Control::SendNow, &waiting, ProblemCode::BroadcastStarted);
    }

    #[test]
    fn who_sees_it_may_stop_it_but_not_send_it() {
        assert_eq!(Control::Stop.check(Sending, false), Ok(()));
        for control in [LATER, Control::SendNow] {
            assert_eq!(
                control.check(Scheduled, false),
                Err(ProblemCode::BroadcastNotYours)
            );
        }
        assert_eq!(
            check_retry(Completed, false),
            Err(ProblemCode::BroadcastNotYours)
        );
    }

    #[test]
    fn only_what_is_over_is_retried() {
        assert_eq!(check_retry(Completed, true), Ok(()));
        assert_eq!(check_retry(Stopped, true), Ok(()));
        assert_eq!(
            check_retry(Sending, true),
            Err(ProblemCode::BroadcastNotOver)
        );
        assert_eq!(
            check_retry(Cancelled, true),
            Err(ProblemCode::NothingToRetry)
        );
    }

    #[test]
    fn a_time_is_ahead_and_not_too_far() {
        assert_eq!(check_start(NOW.plus(MIN_AHEAD), NOW), Ok(()));
        assert_eq!(
            check_start(NOW.plus(MIN_AHEAD - 1), NOW),
            Err(ProblemCode::ScheduleTooSoon)
        );
        assert_eq!(
            check_start(NOW.plus(MAX_AHEAD + 1), NOW),
            Err(ProblemCode::ScheduleTooFar)
        );
    }

    #[test]
    fn a_time_of_the_browser_is_read() {
        let nine = LocalTime::parse("2026-11-30T09:00");
        assert_eq!(
            nine.map(|time| time.to_string()).as_deref(),
            Some("2026-11-30T09:00")
        );
        assert_eq!(LocalTime::parse("2026-11-30T09:00:30"), nine);
        for wrong in [
            "",
            "2026-11-30",
            "2026-13-01T09:00",
            "2026-11-30T24:00",
            "2026-11-30 09:00",
            "+026-11-30T09:00",
            "2026-11-30T09:00Z",
            "二〇二六-11-30T09:00",
        ] {
            assert_eq!(LocalTime::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_time_reads_back(year in 1970_i16..=9999, month in 1_i8..=12, day in 1_i8..=31, hour in 0_i8..=23, minute in 0_i8..=59) {
            let time = LocalTime { year, month, day, hour, minute };
            prop_assert_eq!(LocalTime::parse(&time.to_string()), Some(time));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,24}") {
            let _ = LocalTime::parse(&text);
        }
    }
}
