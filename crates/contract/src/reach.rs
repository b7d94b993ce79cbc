//! Whether a message will arrive, and the reasons why one was not sent or did not.

use serde::{Deserialize, Serialize};

use crate::timestamp::DAY;
use crate::{BroadcastKind, Channel, EventStatus, Template, TemplateCategory, Timestamp};

/// What is known of a customer when somebody wants to write to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the customer is.
    pub channel: Channel,
    /// By what the sender may write to them.
    pub tie: Tie,
    /// When the customer last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// Whether the customer has blocked the account.
    pub is_blocked: bool,
    /// Whether the customer asked for no more marketing.
    pub has_opted_out: bool,
}

/// By what a sender may write to a customer: what the customer was chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// An event (對話事件), which must be the sender's own and in progress.
    Event {
        /// Where it stands.
        status: EventStatus,
        /// Whether it belongs to the sender.
        is_owner: bool,
    },
    /// A binding (綁定顧客), whatever became of the customer's events.
    Binding {
        /// Whether the customer is still bound to the sender.
        is_bound: bool,
    },
}

/// What is to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Messages, for which the channel's window must be open.
    Messages,
    /// A WhatsApp template, which needs no window.
    Template {
        /// What Meta takes it for; none while none is chosen yet.
        category: Option<TemplateCategory>,
        /// Whether it can't be sent any more, or says something else than when it was chosen.
        is_stopped: bool,
    },
}

impl Outgoing {
    /// A template that is still to be chosen: for the count while customers are being chosen.
    pub const ANY_TEMPLATE: Self = Self::Template {
        category: None,
        is_stopped: false,
    };

    /// A template that was chosen when its `updated_at` was `as_of`.
    pub fn of_template(template: &Template, as_of: Timestamp) -> Self {
        Self::Template {
            category: Some(template.meta_category),
            is_stopped: template.may_be_sent().is_err() || template.updated_at != as_of,
        }
    }

    /// Whether customers who asked for no more marketing are left out.
    /// A broadcast is marketing unless Meta approved it as something else.
    fn is_marketing(self) -> bool {
        match self {
            Self::Messages => true,
            Self::Template { category, .. } => category == Some(TemplateCategory::Marketing),
        }
    }
}

/// Whether a broadcast would be handed over to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It would.
    Open,
    /// It would be skipped, for this reason.
    Skipped(Reason),
}

impl Reach {
    /// The same through an account that takes nothing for now, for this reason.
    /// What is wrong with the customer stays the reason: it would hold with the account mended.
    #[must_use]
    pub fn through(self, stopped: Option<Reason>) -> Self {
        match (self, stopped) {
            (Self::Open, Some(reason)) => Self::Skipped(reason),
            (reach, _) => reach,
        }
    }
}

/// Why a customer is skipped, or a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 網頁渠道不支援.
    WebChannel,
    /// A template goes to customers of WhatsApp alone.
    NotWhatsapp,
    /// The event is no longer in progress.
    EventEnded,
    /// The event belongs to somebody else by now.
    NotOwner,
    /// The customer is no longer bound to the sender.
    NotBound,
    /// The customer has blocked the account.
    Blocked,
    /// More than 24 hours since the customer wrote (WhatsApp, Facebook, Instagram).
    WindowClosed,
    /// The customer never wrote, so the platform's window never opened.
    NeverWrote,
    /// The template was paused, disabled, deleted or changed since it was chosen.
    TemplateStopped,
    /// The sender's role or the team's plan no longer allows broadcasts.
    SenderNotAllowed,
    /// An earlier message of the same broadcast to this customer was not accepted.
    EarlierMessageFailed,
    /// The platform knows no such customer, or the customer cannot be reached there.
    Unreachable,
    /// The platform held the message back to protect its users, such as in an experiment.
    HeldBackByPlatform,
    /// The customer gets no more marketing of any brand from Meta for some time.
    MarketingCap,
    /// The customer asked for no more marketing.
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
    /// The account's payment or registration needs mending.
    AccountPayment,
    /// The platform asked to slow down, again and again.
    RateLimited,
    /// The platform had a passing fault, again and again.
    PlatformFault,
    /// The platform did not answer; sending again could reach the customer twice.
    NoAnswer,
    /// The same person gets it on another channel or number.
    Duplicate,
    /// The broadcast was stopped, or taken back, before it was this customer's turn.
    Stopped,
    /// It waited for a stopped account until nobody expected it any more.
    WaitedTooLong,
    /// A refusal that omocast has no words for.
    Other,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 28] = [
        Self::WebChannel,
        Self::NotWhatsapp,
        Self::EventEnded,
        Self::NotOwner,
        Self::NotBound,
        Self::Blocked,
        Self::WindowClosed,
        Self::NeverWrote,
        Self::TemplateStopped,
        Self::SenderNotAllowed,
        Self::EarlierMessageFailed,
        Self::Unreachable,
        Self::HeldBackByPlatform,
        Self::MarketingCap,
        Self::OptedOut,
        Self::MediaRefused,
        Self::ContentRefused,
        Self::AccountNotConnected,
        Self::MonthlyLimit,
        Self::AccountRestricted,
        Self::AccountPayment,
        Self::RateLimited,
        Self::PlatformFault,
        Self::NoAnswer,
        Self::Duplicate,
        Self::Stopped,
        Self::WaitedTooLong,
        Self::Other,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebChannel => "web_channel",
            Self::NotWhatsapp => "not_whatsapp",
            Self::EventEnded => "event_ended",
            Self::NotOwner => "not_owner",
            Self::NotBound => "not_bound",
            Self::Blocked => "blocked",
            Self::WindowClosed => "window_closed",
            Self::NeverWrote => "never_wrote",
            Self::TemplateStopped => "template_stopped",
            Self::SenderNotAllowed => "sender_not_allowed",
            Self::EarlierMessageFailed => "earlier_message_failed",
            Self::Unreachable => "unreachable",
            Self::HeldBackByPlatform => "held_back_by_platform",
            Self::MarketingCap => "marketing_cap",
            Self::OptedOut => "opted_out",
            Self::MediaRefused => "media_refused",
            Self::ContentRefused => "content_refused",
            Self::AccountNotConnected => "account_not_connected",
            Self::MonthlyLimit => "monthly_limit",
            Self::AccountRestricted => "account_restricted",
            Self::AccountPayment => "account_payment",
            Self::RateLimited => "rate_limited",
            Self::PlatformFault => "platform_fault",
            Self::NoAnswer => "no_answer",
            Self::Duplicate => "duplicate",
            Self::Stopped => "stopped",
            Self::WaitedTooLong => "waited_too_long",
            Self::Other => "other",
        }
    }

    /// Reads [`Reason::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// Whether it is about the account and not about the customer: nothing more of the account would arrive.
    pub fn is_of_account(self) -> bool {
        matches!(
            self,
            Self::AccountNotConnected
                | Self::AccountRestricted
                | Self::AccountPayment
                | Self::MonthlyLimit
        )
    }

    /// Whether it may have passed when a broadcast that was put off begins: then it is not skipped before.
    pub fn may_pass(self) -> bool {
        match self {
            Self::WindowClosed
            | Self::NeverWrote
            | Self::Blocked
            | Self::OptedOut
            | Self::TemplateStopped
            | Self::AccountNotConnected
            | Self::MonthlyLimit
            | Self::AccountRestricted
            | Self::AccountPayment => true,
            Self::WebChannel
            | Self::NotWhatsapp
            | Self::EventEnded
            | Self::NotOwner
            | Self::NotBound
            | Self::SenderNotAllowed
            | Self::EarlierMessageFailed
            | Self::Unreachable
            | Self::HeldBackByPlatform
            | Self::MarketingCap
            | Self::MediaRefused
            | Self::ContentRefused
            | Self::RateLimited
            | Self::PlatformFault
            | Self::NoAnswer
            | Self::Duplicate
            | Self::Stopped
            | Self::WaitedTooLong
            | Self::Other => false,
        }
    }

    /// Whether a message that failed for it may be sent again: the cause may be mended, and the platform is certain
    /// that it did not arrive. Never what is `unknown`, never what the customer or the platform's policy refused.
    pub fn may_be_retried(self) -> bool {
        match self {
            Self::AccountNotConnected
            | Self::MonthlyLimit
            | Self::AccountRestricted
            | Self::AccountPayment
            | Self::RateLimited
            | Self::PlatformFault
            | Self::WaitedTooLong => true,
            Self::WebChannel
            | Self::NotWhatsapp
            | Self::EventEnded
            | Self::NotOwner
            | Self::NotBound
            | Self::Blocked
            | Self::WindowClosed
            | Self::NeverWrote
            | Self::TemplateStopped
            | Self::SenderNotAllowed
            | Self::EarlierMessageFailed
            | Self::Unreachable
            | Self::HeldBackByPlatform
            | Self::MarketingCap
            | Self::OptedOut
            | Self::MediaRefused
            | Self::ContentRefused
            | Self::NoAnswer
            | Self::Duplicate
            | Self::Stopped
            | Self::Other => false,
        }
    }

    /// Whether a template would reach a customer of `channel` whom messages do not.
    pub fn is_no_bar_to_a_template(self, channel: Channel) -> bool {
        channel == Channel::Whatsapp && matches!(self, Self::WindowClosed | Self::NeverWrote)
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
    pub fn reach(self, outgoing: Outgoing, now: Timestamp) -> Reach {
        if !self.channel.takes_broadcasts() {
            return Reach::Skipped(Reason::WebChannel);
        }
        let is_template = matches!(outgoing, Outgoing::Template { .. });
        if is_template && !BroadcastKind::Template.goes_to(self.channel) {
            return Reach::Skipped(Reason::NotWhatsapp);
        }
        match self.tie {
            Tie::Event { status, .. } if status != EventStatus::InProgress => {
                return Reach::Skipped(Reason::EventEnded);
            }
            Tie::Event { is_owner, .. } if !is_owner => return Reach::Skipped(Reason::NotOwner),
            Tie::Binding { is_bound } if !is_bound => return Reach::Skipped(Reason::NotBound),
            Tie::Event { .. } | Tie::Binding { .. } => {}
        }
        if self.is_blocked {
            return Reach::Skipped(Reason::Blocked);
        }
        if self.has_opted_out && outgoing.is_marketing() {
            return Reach::Skipped(Reason::OptedOut);
        }
        match outgoing {
            Outgoing::Messages => window(self.channel, self.last_inbound_at, now),
            Outgoing::Template {
                is_stopped: true, ..
            } => Reach::Skipped(Reason::TemplateStopped),
            Outgoing::Template { .. } => Reach::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TemplateStatus;
    use crate::timestamp::HOUR;

    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn open() -> Standing {
        Standing {
            channel: Channel::Line,
            tie: Tie::Event {
                status: EventStatus::InProgress,
                is_owner: true,
            },
            last_inbound_at: Some(NOW),
            is_blocked: false,
            has_opted_out: false,
        }
    }

    /// A customer of WhatsApp who has not written for long.
    fn silent() -> Standing {
        Standing {
            channel: Channel::Whatsapp,
            last_inbound_at: Some(NOW.plus(-30 * DAY)),
            ..open()
        }
    }

    const MARKETING: Outgoing = Outgoing::Template {
        category: Some(TemplateCategory::Marketing),
        is_stopped: false,
    };

    #[track_caller]
    fn check(standing: Standing, outgoing: Outgoing, expected: Result<(), Reason>) {
        let expected = expected.map_or_else(Reach::Skipped, |()| Reach::Open);
        assert_eq!(standing.reach(outgoing, NOW), expected);
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
            .reach(Outgoing::Messages, NOW),
            expected
        );
    }

    #[test]
    fn a_stopped_account_is_the_reason_where_nothing_else_is() {
        let stopped = Some(Reason::MonthlyLimit);
        assert_eq!(
            Reach::Open.through(stopped),
            Reach::Skipped(Reason::MonthlyLimit)
        );
        assert_eq!(Reach::Open.through(None), Reach::Open);
        let blocked = Reach::Skipped(Reason::Blocked);
        assert_eq!(blocked.through(stopped), blocked);
    }

    #[test]
    fn what_may_have_arrived_and_what_was_refused_is_never_retried() {
        for reason in [
            Reason::NoAnswer,
            Reason::Blocked,
            Reason::OptedOut,
            Reason::WindowClosed,
            Reason::Stopped,
            Reason::Other,
        ] {
            assert!(!reason.may_be_retried(), "{reason:?}");
        }
        assert!(Reason::RateLimited.may_be_retried());
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
            tie: Tie::Binding { is_bound: false },
            ..open()
        };
        for outgoing in [Outgoing::Messages, MARKETING] {
            check(standing, outgoing, Err(Reason::WebChannel));
        }
    }

    #[test]
    fn an_event_that_is_not_in_progress_is_skipped() {
        for status in [EventStatus::Pending, EventStatus::Ended] {
            let tie = Tie::Event {
                status,
                is_owner: true,
            };
            check(
                Standing { tie, ..open() },
                Outgoing::Messages,
                Err(Reason::EventEnded),
            );
            check(
                Standing { tie, ..silent() },
                MARKETING,
                Err(Reason::EventEnded),
            );
        }
    }

    #[test]
    fn somebody_elses_event_is_skipped() {
        let tie = Tie::Event {
            status: EventStatus::InProgress,
            is_owner: false,
        };
        check(
            Standing { tie, ..open() },
            Outgoing::Messages,
            Err(Reason::NotOwner),
        );
        check(
            Standing { tie, ..silent() },
            MARKETING,
            Err(Reason::NotOwner),
        );
    }

    #[test]
    fn a_customer_who_blocked_the_account_is_skipped() {
        let is_blocked = true;
        check(
            Standing {
                is_blocked,
                ..open()
            },
            Outgoing::Messages,
            Err(Reason::Blocked),
        );
        check(
            Standing {
                is_blocked,
                ..silent()
            },
            MARKETING,
            Err(Reason::Blocked),
        );
    }

    #[test]
    fn a_template_needs_no_window() {
        check(silent(), Outgoing::Messages, Err(Reason::WindowClosed));
        check(silent(), MARKETING, Ok(()));
        let never = Standing {
            last_inbound_at: None,
            ..silent()
        };
        check(never, MARKETING, Ok(()));
        for reason in Reason::ALL {
            let is_window = matches!(reason, Reason::WindowClosed | Reason::NeverWrote);
            assert_eq!(reason.is_no_bar_to_a_template(Channel::Whatsapp), is_window);
            assert!(!reason.is_no_bar_to_a_template(Channel::Facebook));
        }
    }

    #[test]
    fn a_template_goes_to_whatsapp_alone() {
        for channel in [Channel::Line, Channel::Facebook, Channel::Instagram] {
            let standing = Standing { channel, ..open() };
            check(standing, MARKETING, Err(Reason::NotWhatsapp));
            check(standing, Outgoing::ANY_TEMPLATE, Err(Reason::NotWhatsapp));
        }
    }

    #[test]
    fn who_opted_out_gets_no_marketing() {
        let standing = Standing {
            has_opted_out: true,
            ..silent()
        };
        let utility = Outgoing::Template {
            category: Some(TemplateCategory::Utility),
            is_stopped: false,
        };
        check(standing, Outgoing::Messages, Err(Reason::OptedOut));
        check(standing, MARKETING, Err(Reason::OptedOut));
        check(standing, utility, Ok(()));
        check(standing, Outgoing::ANY_TEMPLATE, Ok(()));
    }

    #[test]
    fn a_template_that_was_stopped_or_changed_is_not_handed_over() {
        let template = crate::template::tests::template("您好");
        let as_of = template.updated_at;
        check(silent(), Outgoing::of_template(&template, as_of), Ok(()));
        let stopped = Err(Reason::TemplateStopped);
        let later = as_of.plus(1);
        check(silent(), Outgoing::of_template(&template, later), stopped);
        let paused = Template {
            status: TemplateStatus::Paused,
            ..template
        };
        check(silent(), Outgoing::of_template(&paused, as_of), stopped);
    }

    #[test]
    fn a_bound_customer_needs_no_event() {
        let tie = Tie::Binding { is_bound: true };
        check(Standing { tie, ..open() }, Outgoing::Messages, Ok(()));
        check(Standing { tie, ..silent() }, MARKETING, Ok(()));
        let outside = Standing { tie, ..silent() };
        check(outside, Outgoing::Messages, Err(Reason::WindowClosed));
    }

    #[test]
    fn a_customer_unbound_meanwhile_is_skipped() {
        let tie = Tie::Binding { is_bound: false };
        check(
            Standing { tie, ..open() },
            Outgoing::Messages,
            Err(Reason::NotBound),
        );
        check(
            Standing { tie, ..silent() },
            MARKETING,
            Err(Reason::NotBound),
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
