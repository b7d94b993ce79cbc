//! The words for why a customer is skipped or a message failed, for statuses, and for roles. All exhaustive.

use omocast_contract::{BroadcastStatus, DeliveryStatus, Medium, Part, Reason, Role, Standing};

use crate::components::platform_code::code_text;
use crate::i18n::{Key, t, t_with};

/// Why a customer is skipped, or a delivery failed. Reactive on the locale.
pub fn reason_text(reason: Reason) -> String {
    t(match reason {
        Reason::WebChannel => Key::ReasonWebChannel,
        Reason::NotWhatsapp => Key::ReasonNotWhatsapp,
        Reason::EventEnded => Key::ReasonEventEnded,
        Reason::NotOwner => Key::ReasonNotOwner,
        Reason::NotBound => Key::ReasonNotBound,
        Reason::Blocked => Key::ReasonBlocked,
        Reason::WindowClosed => Key::ReasonWindowClosed,
        Reason::NeverWrote => Key::ReasonNeverWrote,
        Reason::TemplateStopped => Key::ReasonTemplateStopped,
        Reason::SenderNotAllowed => Key::ReasonSenderNotAllowed,
        Reason::EarlierMessageFailed => Key::ReasonEarlierMessageFailed,
        Reason::Unreachable => Key::ReasonUnreachable,
        Reason::HeldBackByPlatform => Key::ReasonHeldBackByPlatform,
        Reason::MarketingCap => Key::ReasonMarketingCap,
        Reason::OptedOut => Key::ReasonOptedOut,
        Reason::MediaRefused => Key::ReasonMediaRefused,
        Reason::ContentRefused => Key::ReasonContentRefused,
        Reason::AccountNotConnected => Key::ReasonAccountNotConnected,
        Reason::MonthlyLimit => Key::ReasonMonthlyLimit,
        Reason::AccountRestricted => Key::ReasonAccountRestricted,
        Reason::AccountPayment => Key::ReasonAccountPayment,
        Reason::RateLimited => Key::ReasonRateLimited,
        Reason::PlatformFault => Key::ReasonPlatformFault,
        Reason::NoAnswer => Key::ReasonNoAnswer,
        Reason::Duplicate => Key::ReasonDuplicate,
        Reason::Stopped => Key::ReasonStopped,
        Reason::WaitedTooLong => Key::ReasonWaitedTooLong,
        Reason::Other => Key::ReasonOtherRefusal,
    })
}

/// A reason with the platform's own code, where there is room for nothing but words: 「已逾 24 小時（代碼 131047）」.
pub fn reason_with_code(reason: Reason, code: Option<&str>) -> String {
    let text = reason_text(reason);
    match code.map(code_text) {
        Some(code) => t_with(Key::ReasonWithCode, &[("reason", &text), ("code", &code)]),
        None => text,
    }
}

/// What a customer got of several messages: 「收到 1／3 則」.
pub fn part_text(part: Part) -> String {
    let (got, of) = (part.got.to_string(), part.of.to_string());
    t_with(Key::BroadcastPart, &[("got", &got), ("of", &of)])
}

/// What became of a message or a recipient.
pub fn status_text(status: DeliveryStatus) -> String {
    t(match status {
        DeliveryStatus::Queued => Key::StatusQueued,
        DeliveryStatus::Sending => Key::StatusSending,
        DeliveryStatus::Sent => Key::StatusSent,
        DeliveryStatus::Delivered => Key::StatusDelivered,
        DeliveryStatus::Read => Key::StatusRead,
        DeliveryStatus::Failed => Key::StatusFailed,
        DeliveryStatus::Skipped => Key::StatusSkipped,
        DeliveryStatus::Unknown => Key::StatusUnknown,
    })
}

/// How far recipients have come, for the figures and the lists of the report.
pub fn standing_text(standing: Standing) -> String {
    t(match standing {
        Standing::Waiting => Key::StatusQueued,
        Standing::Sent => Key::StatusSent,
        Standing::Delivered => Key::StatusDelivered,
        Standing::Read => Key::StatusRead,
        Standing::Failed => Key::StatusFailed,
        Standing::Unknown => Key::StatusUnknown,
        Standing::Skipped => Key::StatusSkipped,
    })
}

/// Where a broadcast as a whole stands.
pub fn broadcast_status_text(status: BroadcastStatus) -> String {
    t(match status {
        BroadcastStatus::Held => Key::BroadcastStatusHeld,
        BroadcastStatus::Scheduled => Key::BroadcastStatusScheduled,
        BroadcastStatus::Overdue => Key::BroadcastStatusOverdue,
        BroadcastStatus::Sending => Key::BroadcastStatusSending,
        BroadcastStatus::Stopped => Key::BroadcastStatusStopped,
        BroadcastStatus::Cancelled => Key::BroadcastStatusCancelled,
        BroadcastStatus::Completed => Key::BroadcastStatusCompleted,
    })
}

/// A role's name.
pub fn role_text(role: Role) -> String {
    t(match role {
        Role::Admin => Key::RoleAdmin,
        Role::Supervisor => Key::RoleSupervisor,
        Role::Marketing => Key::RoleMarketing,
        Role::SupportManager => Key::RoleSupportManager,
        Role::SupportAgent => Key::RoleSupportAgent,
        Role::SalesManager => Key::RoleSalesManager,
        Role::SalesRep => Key::RoleSalesRep,
    })
}

/// A kind of content.
pub fn medium_text(medium: Medium) -> String {
    t(match medium {
        Medium::Text => Key::MediumText,
        Medium::Emoji => Key::MediumEmoji,
        Medium::Image => Key::MediumImage,
        Medium::Video => Key::MediumVideo,
        Medium::File => Key::MediumFile,
        Medium::SavedReply => Key::MediumSavedReply,
    })
}
