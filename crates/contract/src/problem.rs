//! Problems: every refusal has a code, the same in the browser and on the wire (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::Channel;

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// Why something was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// A short English sentence for logs and API clients; the SPA has its own words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

problem_codes! {
    /// Nobody is signed in.
    SignedOut = "signed_out", 401, "Sign in first.";
    /// E-mail or password is wrong.
    WrongCredentials = "wrong_credentials", 401, "The e-mail or the password is wrong.";
    /// Too many attempts to sign in.
    TooManyAttempts = "too_many_attempts", 429, "Too many attempts. Wait a little.";
    /// The write came from another site.
    WrongOrigin = "wrong_origin", 403, "This request came from another site.";
    /// The role may not broadcast.
    RoleMayNotBroadcast = "role_may_not_broadcast", 403, "This role may not broadcast.";
    /// The team's plan has no broadcasts.
    PlanLacksOmo = "plan_lacks_omo", 403, "Broadcasts need the OMO plan.";
    /// The role may not see this.
    RoleMayNotSee = "role_may_not_see", 403, "This role may not see this.";
    /// There is no such thing, or it is not for this member's eyes.
    NotFound = "not_found", 404, "There is no such thing.";
    /// The address has no endpoint with this method.
    MethodNotAllowed = "method_not_allowed", 405, "This address does not take this method.";
    /// The request is no valid JSON of the expected shape.
    MalformedRequest = "malformed_request", 400, "The request could not be read.";
    /// The request is larger than anything the endpoint takes.
    RequestTooLarge = "request_too_large", 413, "The request is too large.";
    /// A broadcast without an `Idempotency-Key`.
    IdempotencyKeyMissing = "idempotency_key_missing", 400, "Send an Idempotency-Key header of 8 to 100 letters, digits, - or _.";
    /// The same key with another request.
    IdempotencyKeyReused = "idempotency_key_reused", 409, "This Idempotency-Key was used for another request.";
    /// A search that no honest funnel asks.
    FilterTooLong = "filter_too_long", 422, "The filter is too long.";
    /// Nobody is chosen.
    AudienceEmpty = "audience_empty", 422, "Nobody is chosen.";
    /// Everybody chosen would be skipped.
    AudienceUnreachable = "audience_unreachable", 422, "None of the chosen customers can be reached.";
    /// More named one by one than an audience may hold.
    TooManyPicked = "too_many_picked", 422, "Too many customers were ticked one by one. Use select all and the filter.";
    /// Bound customers without a channel that has them.
    ChannelNotChosen = "channel_not_chosen", 422, "Choose LINE or WhatsApp first.";
    /// Bound customers of more than one channel.
    ChannelsMixed = "channels_mixed", 422, "Bound customers get a broadcast on one channel only.";
    /// A customer bound to somebody else.
    CustomerNotYours = "customer_not_yours", 403, "Only customers bound to yourself get your broadcasts.";
    /// A customer bound to nobody.
    CustomerNotBound = "customer_not_bound", 409, "This customer is no longer bound.";
    /// An event is not the member's own.
    EventNotYours = "event_not_yours", 403, "This event belongs to somebody else.";
    /// An event that is one's own already.
    EventAlreadyYours = "event_already_yours", 409, "You follow this event already.";
    /// An event nobody follows yet.
    EventNotFollowed = "event_not_followed", 409, "Follow this event first.";
    /// An event that has ended.
    EventEnded = "event_ended", 409, "This event has ended.";
    /// An event that has not ended.
    EventNotEnded = "event_not_ended", 409, "This event has not ended.";
    /// An event of the web channel in a broadcast.
    WebChannelNotSupported = "web_channel_not_supported", 422, "Broadcasts are not sent to the web channel.";
    /// The channel's window is closed.
    WindowClosed = "window_closed", 409, "More than 24 hours have passed since the customer wrote.";
    /// The customer has blocked the account.
    CustomerBlocked = "customer_blocked", 409, "The customer has blocked this account.";
    /// A broadcast without messages.
    NoMessages = "no_messages", 422, "Write at least one message.";
    /// More than five messages.
    TooManyMessages = "too_many_messages", 422, "A broadcast has at most five messages.";
    /// A text with nothing in it.
    TextEmpty = "text_empty", 422, "The text is empty.";
    /// A text too long for a chosen channel.
    TextTooLong = "text_too_long", 422, "The text is too long for a chosen channel.";
    /// A medium that a chosen channel does not take.
    MediumNotSupported = "medium_not_supported", 422, "A chosen channel does not take this kind of message.";
    /// No such upload, or none of this kind.
    MediaNotFound = "media_not_found", 422, "There is no such upload.";
    /// An upload too large for a chosen channel.
    MediaTooLarge = "media_too_large", 422, "The upload is too large for a chosen channel.";
    /// A kind of file that a chosen channel does not take.
    FileTypeNotSupported = "file_type_not_supported", 422, "A chosen channel does not take this kind of file.";
    /// A caption where a chosen channel has none.
    CaptionNotSupported = "caption_not_supported", 422, "A chosen channel has no captions.";
    /// A caption too long for a chosen channel.
    CaptionTooLong = "caption_too_long", 422, "The caption is too long for a chosen channel.";
    /// A message uses the customer's name, but nothing says how to call those without one.
    NameFallbackMissing = "name_fallback_missing", 422, "Say what customers without a name are called.";
    /// What customers without a name are called is longer than a name may be.
    NameFallbackTooLong = "name_fallback_too_long", 422, "What customers without a name are called is too long.";
    /// The upload is no JPEG or PNG.
    NotAnImage = "not_an_image", 415, "This is not a JPEG or PNG image.";
    /// The upload is no MP4 video.
    NotAVideo = "not_a_video", 415, "This is not an MP4 video.";
    /// A kind of file that is never taken, such as a program.
    FileTypeRefused = "file_type_refused", 415, "This kind of file is not taken.";
    /// The upload has no bytes.
    UploadEmpty = "upload_empty", 422, "The file is empty.";
    /// The upload is larger than any channel takes.
    UploadTooLarge = "upload_too_large", 413, "The file is too large.";
    /// A video came without its preview.
    PreviewMissing = "preview_missing", 422, "A video needs a preview.";
    /// The server has no room left for uploads.
    StorageFull = "storage_full", 507, "There is no room left for uploads.";
    /// A saved reply with a file where a chosen channel takes none from saved replies.
    SavedReplyHasFile = "saved_reply_has_file", 422, "A chosen channel takes no saved reply with a file.";
    /// A saved reply with more messages than there is room for.
    SavedReplyTooLong = "saved_reply_too_long", 422, "The saved reply has more messages than there is room for.";
    /// A saved reply was changed since it was opened.
    SavedReplyChanged = "saved_reply_changed", 409, "Somebody has changed this saved reply meanwhile.";
    /// The member may not offer a saved reply to these.
    SavedReplyAudienceNotAllowed = "saved_reply_audience_not_allowed", 403, "This role may offer saved replies only to oneself or to one's own shops.";
    /// A saved reply offered to no role or no shop.
    SavedReplyForNobody = "saved_reply_for_nobody", 422, "Choose who may use this saved reply.";
    /// A saved reply without a title.
    TitleEmpty = "title_empty", 422, "The title is empty.";
    /// A title or a category too long.
    TitleTooLong = "title_too_long", 422, "The title or the category is too long.";
    /// A template that Meta does not let be sent, or no longer.
    TemplateNotApproved = "template_not_approved", 409, "WhatsApp does not let this template be sent at present.";
    /// A template with a part that can't be sent from here.
    TemplateNotSupported = "template_not_supported", 422, "This template has a part that can't be sent from here.";
    /// A template that says something else by now.
    TemplateChanged = "template_changed", 409, "This template was changed meanwhile. Choose it again.";
    /// A variable of a template without a value.
    TemplateValueMissing = "template_value_missing", 422, "Fill in this variable.";
    /// A value with a newline, a tab or four spaces in a row.
    TemplateValueNotOneLine = "template_value_not_one_line", 422, "A value is one line without tabs and without four spaces in a row.";
    /// A value with a link in it.
    TemplateValueHasLink = "template_value_has_link", 422, "A value can't hold a link.";
    /// The end of a button's address with white space or the customer's name in it.
    TemplateLinkInvalid = "template_link_invalid", 422, "The end of a link has no spaces and no variable.";
    /// A text of a template that is too long once it is filled in.
    TemplateTooLong = "template_too_long", 422, "The text is too long once it is filled in.";
    /// A value or an upload that the template has no place for.
    TemplateSlotUnknown = "template_slot_unknown", 422, "The template has no such variable.";
    /// A header that needs an upload and has none.
    TemplateMediaMissing = "template_media_missing", 422, "The header needs an upload.";
    /// An upload of another kind than the header takes.
    TemplateMediaWrongKind = "template_media_wrong_kind", 422, "The header takes another kind of upload.";
    /// Customers of more than one WhatsApp Business account, or of another than the template's.
    WabaConflict = "waba_conflict", 422, "Choose conversations again. A template can only be sent to customers of the same WhatsApp Business account.";
    /// A broadcast put off to a time that is past, or nearly.
    ScheduleTooSoon = "schedule_too_soon", 422, "Choose a time at least a minute ahead.";
    /// A broadcast put off for too long.
    ScheduleTooFar = "schedule_too_far", 422, "Choose a time within the next 90 days.";
    /// A time that no clock of the team's zone shows, because summer begins.
    ScheduleTimeSkipped = "schedule_time_skipped", 422, "Clocks skip this time on that day. Choose another.";
    /// A broadcast that is over can't be changed.
    BroadcastOver = "broadcast_over", 409, "This broadcast is over.";
    /// A broadcast that has begun can't be put off.
    BroadcastStarted = "broadcast_started", 409, "This broadcast has begun already.";
    /// A broadcast that is not over can't be retried.
    BroadcastNotOver = "broadcast_not_over", 409, "This broadcast is not over yet.";
    /// Another's broadcast.
    BroadcastNotYours = "broadcast_not_yours", 403, "Only its sender may do this.";
    /// Nothing of a broadcast failed that may be retried.
    NothingToRetry = "nothing_to_retry", 409, "Nothing of this broadcast can be retried.";
    /// An account has too little left this month.
    QuotaShort = "quota_short", 422, "The account may not send that many messages any more this month.";
    /// A draft was changed in another tab or on another device.
    DraftChanged = "draft_changed", 409, "This draft was changed elsewhere.";
    /// A draft was sent or deleted meanwhile.
    DraftGone = "draft_gone", 409, "This draft was sent or deleted elsewhere.";
    /// A member's drafts are full.
    TooManyDrafts = "too_many_drafts", 409, "There are too many drafts. Delete one first.";
    /// Too many test sends in a minute.
    TooManyTests = "too_many_tests", 429, "Too many tests. Wait a little.";
    /// A webhook whose signature is missing or wrong.
    WrongSignature = "wrong_signature", 401, "The signature is missing or wrong.";
    /// The platform would not take a 1:1 message.
    PlatformRefused = "platform_refused", 502, "The platform did not take the message.";
    /// Something broke on the server.
    Internal = "internal", 500, "Something went wrong on our side.";
}

impl ProblemCode {
    /// Reads [`ProblemCode::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

/// A refusal on the wire: `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank#` and the code: a stable identifier, no page.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short English sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What a program and the SPA go by.
    pub code: ProblemCode,
    /// Which part of the request is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The channels that would refuse it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// What to quote to support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem with its code's title and status.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            kind: format!("about:blank#{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            field: None,
            channels: Vec::new(),
            request_id: None,
        }
    }

    /// The same, about one field of the request.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_what_serde_writes() {
        for &code in ProblemCode::ALL {
            assert_eq!(ProblemCode::parse(code.as_str()), Some(code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn every_code_is_an_error_status() {
        for &code in ProblemCode::ALL {
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }

    #[test]
    fn a_problem_is_written_as_rfc_9457_has_it() {
        let written =
            serde_json::to_value(Problem::new(ProblemCode::TextEmpty).at("messages[1]")).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank#text_empty",
            "title": "The text is empty.",
            "status": 422,
            "code": "text_empty",
            "field": "messages[1]",
        });
        assert_eq!(written, expected);
    }
}
