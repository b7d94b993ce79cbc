//! The table of endpoints.

use omocast_contract::api::{
    ActionRequest, BoundCustomerPage, BoundCustomerQuery, BroadcastPage, BulkRequest, BulkResult,
    Drafts, EventCounts, EventPage, EventQuery, EventRow, Me, Media, PreflightPage, RecipientPage,
    SavedReplyPage, SignIn, Tags, TemplatePage, TemplateSync, TemplateSyncRequest, Thread, path,
};
use omocast_contract::live::LiveEvent;
use omocast_contract::message::Message;
use omocast_contract::test_send::{TestCode, TestCustomers, TestResult, TestSend};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastRequest, Control, Controlled, Draft, DraftEdit,
    OutgoingMessage, Preflight, ProblemCode, SavedReply, SavedReplyEdit,
};
use utoipa::ToSchema;

use ProblemCode::{
    AudienceEmpty, AudienceUnreachable, BroadcastNotOver, BroadcastNotYours, BroadcastOver,
    BroadcastStarted, CaptionNotSupported, CaptionTooLong, ChannelNotChosen, ChannelsMixed,
    CustomerBlocked, CustomerNotBound, CustomerNotYours, DraftChanged, DraftGone,
    EventAlreadyYours, EventEnded, EventNotEnded, EventNotFollowed, EventNotYours,
    FileTypeNotSupported, FileTypeRefused, FilterTooLong, IdempotencyKeyMissing,
    IdempotencyKeyReused, MalformedRequest, MediaNotFound, MediaTooLarge, MediumNotSupported,
    NameFallbackMissing, NameFallbackTooLong, NoMessages, NotAVideo, NotAnImage, NotFound,
    NothingToRetry, PlanLacksOmo, PlatformRefused, PreviewMissing, QuotaShort, RequestTooLarge,
    RoleMayNotBroadcast, RoleMayNotSee, SavedReplyAudienceNotAllowed, SavedReplyChanged,
    SavedReplyForNobody, ScheduleTimeSkipped, ScheduleTooFar, ScheduleTooSoon, StorageFull,
    TemplateChanged, TemplateLinkInvalid, TemplateMediaMissing, TemplateMediaWrongKind,
    TemplateNotApproved, TemplateNotSupported, TemplateSlotUnknown, TemplateTooLong,
    TemplateValueHasLink, TemplateValueMissing, TemplateValueNotOneLine, TextEmpty, TextTooLong,
    TitleEmpty, TitleTooLong, TooManyAttempts, TooManyDrafts, TooManyMessages, TooManyPicked,
    TooManyTests, UploadEmpty, UploadTooLarge, WabaConflict, WebChannelNotSupported, WindowClosed,
    WrongCredentials,
};

/// What an endpoint takes.
pub(super) enum Takes {
    Nothing,
    Json(String),
    Upload,
}

/// What an endpoint gives.
pub(super) enum Gives {
    Nothing,
    Json(String),
    /// The bytes of an upload, or a part of them.
    Upload,
    Stream(String),
    Description,
}

pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) takes: Takes,
    pub(super) gives: Gives,
    pub(super) statuses: &'static [u16],
    /// Query parameters, each with the format of its text.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// Whether an `Idempotency-Key` is taken, and whether it is required.
    pub(super) key: Option<bool>,
    /// Besides those that every endpoint has.
    pub(super) refusals: &'static [ProblemCode],
    /// Besides those that it shares with another.
    pub(super) more: &'static [ProblemCode],
}

pub(super) fn shape<T: ToSchema>() -> String {
    T::name().into_owned()
}

fn takes<T: ToSchema>() -> Takes {
    Takes::Json(shape::<T>())
}

fn gives<T: ToSchema>() -> Gives {
    Gives::Json(shape::<T>())
}

fn get(path: &'static str, name: &'static str, does: &'static str, gives: Gives) -> Endpoint {
    let takes = Takes::Nothing;
    Endpoint {
        path,
        method: "get",
        name,
        does,
        takes,
        gives,
        statuses: &[200],
        query: &[],
        key: None,
        refusals: &[],
        more: &[],
    }
}

fn post(
    path: &'static str,
    name: &'static str,
    does: &'static str,
    takes: Takes,
    gives: Gives,
) -> Endpoint {
    Endpoint {
        method: "post",
        takes,
        refusals: &[MalformedRequest, RequestTooLarge],
        ..get(path, name, does, gives)
    }
}

/// Why a broadcast is not sent, and its check not made.
const BROADCAST_REFUSALS: &[ProblemCode] = &[
    MalformedRequest,
    RequestTooLarge,
    RoleMayNotBroadcast,
    PlanLacksOmo,
    AudienceEmpty,
    ChannelNotChosen,
    ChannelsMixed,
    CustomerNotYours,
    CustomerNotBound,
    TooManyPicked,
    FilterTooLong,
    NotFound,
    EventNotYours,
    EventEnded,
    EventNotFollowed,
    WebChannelNotSupported,
    NoMessages,
    TooManyMessages,
    TextEmpty,
    TextTooLong,
    MediumNotSupported,
    MediaNotFound,
    MediaTooLarge,
    FileTypeNotSupported,
    CaptionNotSupported,
    CaptionTooLong,
    NameFallbackMissing,
    NameFallbackTooLong,
    TemplateNotApproved,
    TemplateNotSupported,
    TemplateChanged,
    TemplateValueMissing,
    TemplateValueNotOneLine,
    TemplateValueHasLink,
    TemplateLinkInvalid,
    TemplateTooLong,
    TemplateSlotUnknown,
    TemplateMediaMissing,
    TemplateMediaWrongKind,
    WabaConflict,
    ScheduleTooSoon,
    ScheduleTooFar,
    ScheduleTimeSkipped,
];

/// Why a saved reply is not kept.
const SAVED_REPLY: &[ProblemCode] = &[
    MalformedRequest,
    RequestTooLarge,
    SavedReplyAudienceNotAllowed,
    SavedReplyForNobody,
    NotFound,
    TitleEmpty,
    TitleTooLong,
    NoMessages,
    TooManyMessages,
    TextEmpty,
    TextTooLong,
    CaptionNotSupported,
    MediaNotFound,
    StorageFull,
];

/// The same for one that was there before.
const CHANGED_SAVED_REPLY: &[ProblemCode] = &[
    MalformedRequest,
    RequestTooLarge,
    SavedReplyAudienceNotAllowed,
    SavedReplyForNobody,
    NotFound,
    SavedReplyChanged,
    TitleEmpty,
    TitleTooLong,
    NoMessages,
    TooManyMessages,
    TextEmpty,
    TextTooLong,
    CaptionNotSupported,
    MediaNotFound,
    StorageFull,
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                WrongCredentials,
                TooManyAttempts,
            ],
            ..post(
                path::SESSION,
                "createSession",
                "Signs in.",
                takes::<SignIn>(),
                gives::<Me>(),
            )
        },
        get(
            path::SESSION,
            "findSession",
            "Tells who is signed in.",
            gives::<Me>(),
        ),
        Endpoint {
            method: "delete",
            statuses: &[204],
            ..get(path::SESSION, "deleteSession", "Signs out.", Gives::Nothing)
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                FilterTooLong,
                RoleMayNotSee,
            ],
            ..post(
                path::EVENTS,
                "listEvents",
                "One page of a list of events.",
                takes::<EventQuery>(),
                gives::<EventPage>(),
            )
        },
        get(
            path::EVENT_COUNTS,
            "countEvents",
            "How many events each list has.",
            gives::<EventCounts>(),
        ),
        Endpoint {
            refusals: &[MalformedRequest, RequestTooLarge, TooManyPicked],
            ..post(
                path::EVENTS_BULK,
                "actOnEvents",
                "Does something to many events; those that refuse are named.",
                takes::<BulkRequest>(),
                gives::<BulkResult>(),
            )
        },
        Endpoint {
            query: &[("before", "uuid")],
            refusals: &[NotFound, MalformedRequest],
            ..get(
                path::EVENT,
                "findThread",
                "An event with its newest messages, or those before one.",
                gives::<Thread>(),
            )
        },
        Endpoint {
            statuses: &[201, 200],
            key: Some(false),
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                NotFound,
                EventNotYours,
                EventNotFollowed,
                EventEnded,
                CustomerBlocked,
                WindowClosed,
                TextEmpty,
                TextTooLong,
                MediumNotSupported,
                MediaNotFound,
                MediaTooLarge,
                FileTypeNotSupported,
                CaptionNotSupported,
                CaptionTooLong,
                NameFallbackMissing,
                IdempotencyKeyMissing,
                IdempotencyKeyReused,
                PlatformRefused,
            ],
            ..post(
                path::EVENT_MESSAGES,
                "createMessage",
                "Writes to the customer; 200 when the same was sent before.",
                takes::<OutgoingMessage>(),
                gives::<Message>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                NotFound,
                EventNotYours,
                EventAlreadyYours,
                EventEnded,
                EventNotEnded,
            ],
            ..post(
                path::EVENT_ACTION,
                "actOnEvent",
                "Follows, ends or reopens an event.",
                takes::<ActionRequest>(),
                gives::<EventRow>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                FilterTooLong,
                RoleMayNotSee,
                PlanLacksOmo,
            ],
            ..post(
                path::BOUND_CUSTOMERS,
                "listBoundCustomers",
                "One page of a list of bound customers.",
                takes::<BoundCustomerQuery>(),
                gives::<BoundCustomerPage>(),
            )
        },
        get(path::TAGS, "listTags", "The team's tags.", gives::<Tags>()),
        Endpoint {
            query: &[("kind", "BroadcastKind"), ("template", "uuid")],
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                AudienceEmpty,
                ChannelNotChosen,
                ChannelsMixed,
                TooManyPicked,
                FilterTooLong,
                NotFound,
            ],
            ..post(
                path::AUDIENCE_COUNT,
                "countAudience",
                "How many customers would be reached, and how many skipped and why.",
                takes::<Audience>(),
                gives::<AudienceCount>(),
            )
        },
        Endpoint {
            statuses: &[201, 200],
            key: Some(true),
            refusals: BROADCAST_REFUSALS,
            more: &[
                IdempotencyKeyMissing,
                IdempotencyKeyReused,
                AudienceUnreachable,
                QuotaShort,
            ],
            ..post(
                path::BROADCASTS,
                "createBroadcast",
                "Makes a broadcast; 200 when it was made before with this key.",
                takes::<BroadcastRequest>(),
                gives::<Broadcast>(),
            )
        },
        Endpoint {
            query: &[("after", "uuid")],
            refusals: &[RoleMayNotSee, MalformedRequest],
            ..get(
                path::BROADCASTS,
                "listBroadcasts",
                "A page of broadcasts, newest first.",
                gives::<BroadcastPage>(),
            )
        },
        Endpoint {
            refusals: &[RoleMayNotSee, NotFound],
            ..get(
                path::BROADCAST,
                "findBroadcast",
                "One broadcast.",
                gives::<Broadcast>(),
            )
        },
        Endpoint {
            refusals: BROADCAST_REFUSALS,
            ..post(
                path::BROADCAST_PREFLIGHT,
                "preflightBroadcast",
                "The check before sending: who would be reached, and what it takes.",
                takes::<BroadcastRequest>(),
                gives::<Preflight>(),
            )
        },
        Endpoint {
            query: &[("reason", "Reason"), ("after", "text")],
            refusals: BROADCAST_REFUSALS,
            ..post(
                path::BROADCAST_PREFLIGHT_CUSTOMERS,
                "listPreflightCustomers",
                "A page of the customers whom the check before sending counts as skipped for a reason, or as reached.",
                takes::<BroadcastRequest>(),
                gives::<PreflightPage>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RoleMayNotSee,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NotFound,
                ScheduleTooSoon,
                ScheduleTooFar,
                ScheduleTimeSkipped,
                BroadcastOver,
                BroadcastStarted,
                BroadcastNotYours,
                QuotaShort,
            ],
            ..post(
                path::BROADCAST_CONTROL,
                "controlBroadcast",
                "Stops or takes back a broadcast, puts it off, begins it, or tries its accounts again.",
                takes::<Control>(),
                gives::<Controlled>(),
            )
        },
        Endpoint {
            statuses: &[201, 200],
            key: Some(true),
            refusals: &[
                IdempotencyKeyMissing,
                IdempotencyKeyReused,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NotFound,
                BroadcastNotOver,
                BroadcastNotYours,
                NothingToRetry,
                QuotaShort,
            ],
            ..post(
                path::BROADCAST_RETRY,
                "retryBroadcast",
                "Sends again what failed and may be retried; 200 when it was made before with this key.",
                Takes::Nothing,
                gives::<Broadcast>(),
            )
        },
        Endpoint {
            query: &[("standing", "Standing"), ("after", "uuid")],
            refusals: &[RoleMayNotSee, NotFound, MalformedRequest],
            ..get(
                path::BROADCAST_RECIPIENTS,
                "listRecipients",
                "A page of recipients.",
                gives::<RecipientPage>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NoMessages,
                TooManyMessages,
                TextEmpty,
                TextTooLong,
                MediumNotSupported,
                MediaNotFound,
                MediaTooLarge,
                FileTypeNotSupported,
                CaptionNotSupported,
                CaptionTooLong,
                NameFallbackMissing,
                NameFallbackTooLong,
                TooManyTests,
            ],
            ..post(
                path::BROADCAST_TEST,
                "sendTest",
                "Sends messages to one's own test customers.",
                takes::<TestSend>(),
                gives::<TestResult>(),
            )
        },
        Endpoint {
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo],
            ..get(
                path::TEST_CUSTOMERS,
                "listTestCustomers",
                "One's own test customers.",
                gives::<TestCustomers>(),
            )
        },
        Endpoint {
            statuses: &[201],
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo],
            ..post(
                path::TEST_CODE,
                "createTestCode",
                "Gives a code to be written to an account by who is to be one's test customer.",
                Takes::Nothing,
                gives::<TestCode>(),
            )
        },
        Endpoint {
            method: "delete",
            statuses: &[204],
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo, NotFound],
            ..get(
                path::TEST_CUSTOMER,
                "deleteTestCustomer",
                "Unbinds the test customer of a channel.",
                Gives::Nothing,
            )
        },
        Endpoint {
            query: &[("search", "text"), ("category", "text"), ("after", "text")],
            refusals: &[MalformedRequest, FilterTooLong],
            ..get(
                path::SAVED_REPLIES,
                "listSavedReplies",
                "A page of the saved replies that apply to the member, the last changed first.",
                gives::<SavedReplyPage>(),
            )
        },
        Endpoint {
            statuses: &[201],
            refusals: SAVED_REPLY,
            ..post(
                path::SAVED_REPLIES,
                "createSavedReply",
                "Makes a saved reply.",
                takes::<SavedReplyEdit>(),
                gives::<SavedReply>(),
            )
        },
        Endpoint {
            refusals: &[NotFound],
            ..get(
                path::SAVED_REPLY,
                "findSavedReply",
                "A saved reply.",
                gives::<SavedReply>(),
            )
        },
        Endpoint {
            method: "put",
            refusals: CHANGED_SAVED_REPLY,
            ..post(
                path::SAVED_REPLY,
                "updateSavedReply",
                "Changes a saved reply that nobody changed meanwhile.",
                takes::<SavedReplyEdit>(),
                gives::<SavedReply>(),
            )
        },
        Endpoint {
            method: "delete",
            statuses: &[204],
            refusals: &[NotFound],
            ..get(
                path::SAVED_REPLY,
                "deleteSavedReply",
                "Deletes a saved reply.",
                Gives::Nothing,
            )
        },
        Endpoint {
            query: &[
                ("waba", "text"),
                ("search", "text"),
                ("category", "text"),
                ("after", "text"),
            ],
            refusals: &[
                MalformedRequest,
                FilterTooLong,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NotFound,
            ],
            ..get(
                path::TEMPLATES,
                "listTemplates",
                "A page of the templates that may be sent and that apply to the member, the last changed first.",
                gives::<TemplatePage>(),
            )
        },
        Endpoint {
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NotFound,
            ],
            ..post(
                path::TEMPLATES_SYNC,
                "syncTemplates",
                "Reads the templates of an account from Meta now, unless that was done a moment ago.",
                takes::<TemplateSyncRequest>(),
                gives::<TemplateSync>(),
            )
        },
        Endpoint {
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo],
            ..get(
                path::DRAFTS,
                "listDrafts",
                "One's own drafts, the last changed first.",
                gives::<Drafts>(),
            )
        },
        Endpoint {
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo, NotFound],
            ..get(path::DRAFT, "findDraft", "A draft.", gives::<Draft>())
        },
        Endpoint {
            method: "put",
            refusals: &[
                MalformedRequest,
                RequestTooLarge,
                RoleMayNotBroadcast,
                PlanLacksOmo,
                NotFound,
                TooManyMessages,
                TextTooLong,
                NameFallbackTooLong,
                TooManyPicked,
                FilterTooLong,
                DraftChanged,
                DraftGone,
                TooManyDrafts,
                StorageFull,
            ],
            ..post(
                path::DRAFT,
                "updateDraft",
                "Keeps a draft, a new one or one that was not changed meanwhile.",
                takes::<DraftEdit>(),
                gives::<Draft>(),
            )
        },
        Endpoint {
            method: "delete",
            statuses: &[204],
            refusals: &[RoleMayNotBroadcast, PlanLacksOmo, NotFound],
            ..get(
                path::DRAFT,
                "deleteDraft",
                "Deletes a draft.",
                Gives::Nothing,
            )
        },
        Endpoint {
            statuses: &[201],
            refusals: &[
                MalformedRequest,
                NotAnImage,
                NotAVideo,
                FileTypeRefused,
                UploadEmpty,
                UploadTooLarge,
                PreviewMissing,
                StorageFull,
            ],
            ..post(
                path::MEDIA,
                "createMedia",
                "Uploads an image, a video or a file.",
                Takes::Upload,
                gives::<Media>(),
            )
        },
        Endpoint {
            statuses: &[200, 206],
            refusals: &[NotFound],
            ..get(
                path::MEDIA_FILE,
                "findMedia",
                "An upload, whole or in part.",
                Gives::Upload,
            )
        },
        Endpoint {
            statuses: &[200, 206],
            refusals: &[NotFound],
            ..get(
                path::MEDIA_PREVIEW,
                "findMediaPreview",
                "What is shown of an upload before it is opened.",
                Gives::Upload,
            )
        },
        get(
            path::LIVE,
            "listen",
            "What happens, as it happens.",
            Gives::Stream(shape::<LiveEvent>()),
        ),
        get(
            path::OPENAPI,
            "describe",
            "This description.",
            Gives::Description,
        ),
    ]
}
