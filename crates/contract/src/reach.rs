//! Whether a message will arrive, and the reasons why one was not sent or did not.

use serde::{Deserialize, Serialize};

use crate::timestamp::DAY;
use crate::{Channel, EventStatus, Timestamp};

/// What is known of a customer and their event when somebody wants to write to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the event takes place.
    pub channel: Channel,
    /// Where the event stands.
    pub status: EventStatus,
    /// Whether the event belongs to the sender.
    pub is_owner: bool,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Whether the customer has blocked the account.
    pub is_blocked: bool,
}

/// Whether a broadcast would be handed over to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It would.
    Open,
    /// It would be skipped, for this reason.
    Skipped(Reason),
}

/// Why a customer is skipped, or a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 網頁渠道不支援.
    WebChannel,
    /// The event is no longer in progress.
    EventEnded,
    /// The event belongs to somebody else by now.
    NotOwner,
    /// The customer has blocked the account.
    Blocked,
    /// More than 24 hours since the customer wrote (WhatsApp, Facebook, Instagram).
    WindowClosed,
    /// The customer never wrote, so the platform's window never opened.
    NeverWrote,
    /// The sender's role or the team's plan no longer allows broadcasts.
    SenderNotAllowed,
    /// An earlier message of the same broadcast to this customer was not accepted.
    EarlierMessageFailed,
    /// The platform knows no such customer, or the customer cannot be reached there.
    Unreachable,
    /// The platform held the message back to protect its users (marketing limit, experiment).
    HeldBackByPlatform,
    /// The customer asked not to get such messages.
    OptedOut,
    /// The platform could not use the image.
    MediaRefused,
    /// The platform refused the content of the message.
    ContentRefused,
    /// The account's token is invalid, or the account may not send.
    AccountNotConnected,
    /// The account may send no more this month.
    MonthlyLimit,
    /// The platform has locked or limited the account.
    AccountRestricted,
    /// The platform asked to slow down, again and again.
    RateLimited,
    /// The platform had a passing fault, again and again.
    PlatformFault,
    /// The platform did not answer; sending again could reach the customer twice.
    NoAnswer,
    /// A refusal that omocast has no words for.
    Other,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::WebChannel,
        Self::EventEnded,
        Self::NotOwner,
        Self::Blocked,
        Self::WindowClosed,
        Self::NeverWrote,
        Self::SenderNotAllowed,
        Self::EarlierMessageFailed,
        Self::Unreachable,
        Self::HeldBackByPlatform,
        Self::OptedOut,
        Self::MediaRefused,
        Self::ContentRefused,
        Self::AccountNotConnected,
        Self::MonthlyLimit,
        Self::AccountRestricted,
        Self::RateLimited,
        Self::PlatformFault,
        Self::NoAnswer,
        Self::Other,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebChannel => "web_channel",
            Self::EventEnded => "event_ended",
            Self::NotOwner => "not_owner",
            Self::Blocked => "blocked",
            Self::WindowClosed => "window_closed",
            Self::NeverWrote => "never_wrote",
            Self::SenderNotAllowed => "sender_not_allowed",
            Self::EarlierMessageFailed => "earlier_message_failed",
            Self::Unreachable => "unreachable",
            Self::HeldBackByPlatform => "held_back_by_platform",
            Self::OptedOut => "opted_out",
            Self::MediaRefused => "media_refused",
            Self::ContentRefused => "content_refused",
            Self::AccountNotConnected => "account_not_connected",
            Self::MonthlyLimit => "monthly_limit",
            Self::AccountRestricted => "account_restricted",
            Self::RateLimited => "rate_limited",
            Self::PlatformFault => "platform_fault",
            Self::NoAnswer => "no_answer",
            Self::Other => "other",
        }
    }

    /// Reads [`Reason::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// How long after a customer's last message the channel lets a brand write freely, in milliseconds.
/// None where there is no such window.
///
/// Sources: WhatsApp customer service window (Cloud API, messaging limits), Messenger standard messaging
/// and Instagram messaging policies: 24 hours. LINE has no window; the web chat is our own.
pub fn messaging_window(channel: Channel) -> Option<i64> {
    match channel {
        Channel::Whatsapp | Channel::Facebook | Channel::Instagram => Some(DAY),
        Channel::Line | Channel::Web => None,
    }
}

/// Whether a 1:1 message, or a broadcast, is inside the channel's window.
pub fn window(channel: Channel, last_inbound_at: Option<Timestamp>, now: Timestamp) -> Reach {
    let Some(window) = messaging_window(channel) else {
        return Reach::Open;
    };
    match last_inbound_at {
        None => Reach::Skipped(Reason::NeverWrote),
        Some(at) if now.since(at) < window => Reach::Open,
        Some(_) => Reach::Skipped(Reason::WindowClosed),
    }
}

impl Standing {
    /// Whether a broadcast would be handed over, asked before sending and again at hand-over.
    /// What can't be mended comes first, so that the reason shown is the one that counts.
    pub fn reach(self, now: Timestamp) -> Reach {
        if !self.channel.takes_broadcasts() {
            return Reach::Skipped(Reason::WebChannel);
        }
        if self.status != EventStatus::InProgress {
            return Reach::Skipped(Reason::EventEnded);
        }
        if !self.is_owner {
            return Reach::Skipped(Reason::NotOwner);
        }
        if self.is_blocked {
            return Reach::Skipped(Reason::Blocked);
        }
        window(self.channel, self.last_inbound_at, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::HOUR;

    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn open() -> Standing {
        Standing {
            channel: Channel::Line,
            status: EventStatus::InProgress,
            is_owner: true,
            last_inbound_at: Some(NOW),
            is_blocked: false,
        }
    }

    #[track_caller]
    fn check_window(channel: Channel, hours_since_inbound: Option<i64>, expected: Reach) {
        let last_inbound_at = hours_since_inbound.map(|hours| NOW.plus(-hours * HOUR));
        assert_eq!(
            Standing {
                channel,
                last_inbound_at,
                ..open()
            }
            .reach(NOW),
            expected
        );
    }

    #[test]
    fn line_has_no_messaging_window() {
        check_window(Channel::Line, None, Reach::Open);
        check_window(Channel::Line, Some(10_000), Reach::Open);
    }

    #[test]
    fn meta_channels_close_after_a_day() {
        for channel in [Channel::Whatsapp, Channel::Facebook, Channel::Instagram] {
            check_window(channel, Some(23), Reach::Open);
            check_window(channel, Some(24), Reach::Skipped(Reason::WindowClosed));
            check_window(channel, None, Reach::Skipped(Reason::NeverWrote));
        }
    }

    #[test]
    fn the_web_channel_is_skipped_whatever_else_holds() {
        let standing = Standing {
            channel: Channel::Web,
            is_blocked: true,
            is_owner: false,
            ..open()
        };
        assert_eq!(standing.reach(NOW), Reach::Skipped(Reason::WebChannel));
    }

    #[test]
    fn an_event_that_is_not_in_progress_is_skipped() {
        for status in [EventStatus::Pending, EventStatus::Ended] {
            assert_eq!(
                Standing { status, ..open() }.reach(NOW),
                Reach::Skipped(Reason::EventEnded)
            );
        }
    }

    #[test]
    fn somebody_elses_event_is_skipped() {
        assert_eq!(
            Standing {
                is_owner: false,
                ..open()
            }
            .reach(NOW),
            Reach::Skipped(Reason::NotOwner)
        );
    }

    #[test]
    fn a_customer_who_blocked_the_account_is_skipped() {
        assert_eq!(
            Standing {
                is_blocked: true,
                ..open()
            }
            .reach(NOW),
            Reach::Skipped(Reason::Blocked)
        );
    }

    #[test]
    fn names_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
