//! The words for everything that may go wrong. Exhaustive: a new code does not compile until it has words.

use omocast_contract::{Channel, DraftProblem, Problem, ProblemCode};

use crate::api::ApiError;
use crate::components::channel_badge::channel_name;
use crate::i18n::{Key, list, t, t_with};

/// Why a call came to nothing, in the reader's words. Reactive on the locale.
pub fn error_text(error: &ApiError) -> String {
    match error {
        ApiError::Problem(problem) => refusal_text(problem),
        ApiError::SignedOut => problem_text(ProblemCode::SignedOut),
        ApiError::Offline(_) => t(Key::ErrorOffline),
        ApiError::BadReply(_) => t(Key::ErrorBadReply),
    }
}

/// A refusal: its words, the channels it is about, and what to quote to support.
pub fn refusal_text(problem: &Problem) -> String {
    let text = channels_text(problem.code, &problem.channels);
    match &problem.request_id {
        Some(request) => t_with(
            Key::ProblemWithRequest,
            &[("problem", &text), ("request", request)],
        ),
        None => text,
    }
}

/// What is wrong with a message that is being written.
pub fn draft_problem_text(problem: &DraftProblem) -> String {
    let channels: Vec<Channel> = problem.channels.iter().collect();
    channels_text(problem.code, &channels)
}

/// Channels' names in a row.
pub fn channel_names(channels: impl IntoIterator<Item = Channel>) -> String {
    let names: Vec<String> = channels.into_iter().map(channel_name).collect();
    list(&names)
}

fn channels_text(code: ProblemCode, channels: &[Channel]) -> String {
    if channels.is_empty() {
        return problem_text(code);
    }
    let names = channel_names(channels.iter().copied());
    let channels = ("channels", names.as_str());
    match code {
        ProblemCode::TextTooLong => t_with(Key::ComposeTooLong, &[channels]),
        ProblemCode::MediaTooLarge => t_with(Key::ComposeTooLarge, &[channels]),
        ProblemCode::MediumNotSupported => t_with(Key::ComposeNotTaken, &[channels]),
        code => t_with(
            Key::ProblemWithChannels,
            &[("problem", &problem_text(code)), channels],
        ),
    }
}

/// The words for a code.
pub fn problem_text(code: ProblemCode) -> String {
    t(match code {
        ProblemCode::SignedOut => Key::ProblemSignedOut,
        ProblemCode::WrongCredentials => Key::ProblemWrongCredentials,
        ProblemCode::TooManyAttempts => Key::ProblemTooManyAttempts,
        ProblemCode::WrongOrigin => Key::ProblemWrongOrigin,
        ProblemCode::RoleMayNotBroadcast => Key::ProblemRoleMayNotBroadcast,
        ProblemCode::PlanLacksOmo => Key::ProblemPlanLacksOmo,
        ProblemCode::RoleMayNotSee => Key::ProblemRoleMayNotSee,
        ProblemCode::NotFound => Key::ProblemNotFound,
        ProblemCode::MethodNotAllowed => Key::ProblemMethodNotAllowed,
        ProblemCode::MalformedRequest => Key::ProblemMalformedRequest,
        ProblemCode::RequestTooLarge => Key::ProblemRequestTooLarge,
        ProblemCode::IdempotencyKeyMissing => Key::ProblemIdempotencyKeyMissing,
        ProblemCode::IdempotencyKeyReused => Key::ProblemIdempotencyKeyReused,
        ProblemCode::FilterTooLong => Key::ProblemFilterTooLong,
        ProblemCode::AudienceEmpty => Key::ProblemAudienceEmpty,
        ProblemCode::AudienceUnreachable => Key::ProblemAudienceUnreachable,
        ProblemCode::TooManyPicked => Key::ProblemTooManyPicked,
        ProblemCode::ChannelNotChosen => Key::ProblemChannelNotChosen,
        ProblemCode::ChannelsMixed => Key::ProblemChannelsMixed,
        ProblemCode::CustomerNotYours => Key::ProblemCustomerNotYours,
        ProblemCode::CustomerNotBound => Key::ProblemCustomerNotBound,
        ProblemCode::EventNotYours => Key::ProblemEventNotYours,
        ProblemCode::EventAlreadyYours => Key::ProblemEventAlreadyYours,
        ProblemCode::EventNotFollowed => Key::ProblemEventNotFollowed,
        ProblemCode::EventEnded => Key::ProblemEventEnded,
        ProblemCode::EventNotEnded => Key::ProblemEventNotEnded,
        ProblemCode::WebChannelNotSupported => Key::ProblemWebChannelNotSupported,
        ProblemCode::WindowClosed => Key::ProblemWindowClosed,
        ProblemCode::CustomerBlocked => Key::ProblemCustomerBlocked,
        ProblemCode::NoMessages => Key::ProblemNoMessages,
        ProblemCode::TooManyMessages => Key::ProblemTooManyMessages,
        ProblemCode::TextEmpty => Key::ProblemTextEmpty,
        ProblemCode::TextTooLong => Key::ProblemTextTooLong,
        ProblemCode::MediumNotSupported => Key::ProblemMediumNotSupported,
        ProblemCode::MediaNotFound => Key::ProblemMediaNotFound,
        ProblemCode::MediaTooLarge => Key::ProblemMediaTooLarge,
        ProblemCode::FileTypeNotSupported => Key::ProblemFileTypeNotSupported,
        ProblemCode::CaptionNotSupported => Key::ProblemCaptionNotSupported,
        ProblemCode::CaptionTooLong => Key::ProblemCaptionTooLong,
        ProblemCode::NameFallbackMissing => Key::ProblemNameFallbackMissing,
        ProblemCode::NameFallbackTooLong => Key::ProblemNameFallbackTooLong,
        ProblemCode::NotAnImage => Key::ProblemNotAnImage,
        ProblemCode::NotAVideo => Key::ProblemNotAVideo,
        ProblemCode::FileTypeRefused => Key::ProblemFileTypeRefused,
        ProblemCode::UploadEmpty => Key::ProblemUploadEmpty,
        ProblemCode::UploadTooLarge => Key::ProblemUploadTooLarge,
        ProblemCode::PreviewMissing => Key::ProblemPreviewMissing,
        ProblemCode::StorageFull => Key::ProblemStorageFull,
        ProblemCode::SavedReplyHasFile => Key::ProblemSavedReplyHasFile,
        ProblemCode::SavedReplyTooLong => Key::ProblemSavedReplyTooLong,
        ProblemCode::SavedReplyChanged => Key::ProblemSavedReplyChanged,
        ProblemCode::SavedReplyAudienceNotAllowed => Key::ProblemSavedReplyAudienceNotAllowed,
        ProblemCode::SavedReplyForNobody => Key::ProblemSavedReplyForNobody,
        ProblemCode::TitleEmpty => Key::ProblemTitleEmpty,
        ProblemCode::TitleTooLong => Key::ProblemTitleTooLong,
        ProblemCode::TemplateNotApproved => Key::ProblemTemplateNotApproved,
        ProblemCode::TemplateNotSupported => Key::ProblemTemplateNotSupported,
        ProblemCode::TemplateChanged => Key::ProblemTemplateChanged,
        ProblemCode::TemplateValueMissing => Key::ProblemTemplateValueMissing,
        ProblemCode::TemplateValueNotOneLine => Key::ProblemTemplateValueNotOneLine,
        ProblemCode::TemplateValueHasLink => Key::ProblemTemplateValueHasLink,
        ProblemCode::TemplateLinkInvalid => Key::ProblemTemplateLinkInvalid,
        ProblemCode::TemplateTooLong => Key::ProblemTemplateTooLong,
        ProblemCode::TemplateSlotUnknown => Key::ProblemTemplateSlotUnknown,
        ProblemCode::TemplateMediaMissing => Key::ProblemTemplateMediaMissing,
        ProblemCode::TemplateMediaWrongKind => Key::ProblemTemplateMediaWrongKind,
        ProblemCode::WabaConflict => Key::ProblemWabaConflict,
        ProblemCode::ScheduleTooSoon => Key::ProblemScheduleTooSoon,
        ProblemCode::ScheduleTooFar => Key::ProblemScheduleTooFar,
        ProblemCode::ScheduleTimeSkipped => Key::ProblemScheduleTimeSkipped,
        ProblemCode::BroadcastOver => Key::ProblemBroadcastOver,
        ProblemCode::BroadcastStarted => Key::ProblemBroadcastStarted,
        ProblemCode::BroadcastNotOver => Key::ProblemBroadcastNotOver,
        ProblemCode::BroadcastNotYours => Key::ProblemBroadcastNotYours,
        ProblemCode::NothingToRetry => Key::ProblemNothingToRetry,
        ProblemCode::QuotaShort => Key::ProblemQuotaShort,
        ProblemCode::DraftChanged => Key::ProblemDraftChanged,
        ProblemCode::DraftGone => Key::ProblemDraftGone,
        ProblemCode::TooManyDrafts => Key::ProblemTooManyDrafts,
        ProblemCode::TooManyTests => Key::ProblemTooManyTests,
        ProblemCode::WrongSignature => Key::ProblemWrongSignature,
        ProblemCode::PlatformRefused => Key::ProblemPlatformRefused,
        ProblemCode::Internal => Key::ProblemInternal,
    })
}
