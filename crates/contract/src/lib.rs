//! What browser and server agree on: ids, wire types, and every rule of the domain.
//!
//! No I/O, no clock, no async: `now` is an argument.
//! A rule that decides whether something is allowed is written here once;
//! the SPA asks it to explain a disabled button, the server asks it to refuse.
#![warn(missing_docs)]

pub mod api;
pub mod audience;
pub mod binding;
pub mod broadcast;
pub mod channel;
pub mod control;
pub mod draft;
pub mod event;
pub mod id;
pub mod limit;
pub mod link;
pub mod live;
pub mod markup;
pub mod media;
pub mod member;
pub mod message;
pub mod problem;
pub mod reach;
pub mod saved_reply;
pub mod template;
pub mod test_send;
pub mod text;
pub mod timestamp;
pub mod variable;
pub mod waba;

pub use audience::{
    Audience, AudienceCount, Filter, FilterFacts, Pick, Source, TagFilter, TagMatch,
};
pub use binding::{Binding, BoundView};
pub use broadcast::{
    Broadcast, BroadcastKind, BroadcastRequest, BroadcastStatus, BroadcastSummary, Content,
    Delivery, DeliveryStatus, OutcomeCount, Part, Progress, Recipient, SentTemplate, Standing,
    Waits,
};
pub use channel::{Channel, ChannelSet};
pub use control::{Control, Controlled, LocalTime, LogEntry, LogEvent, Preflight};
pub use draft::{Draft, DraftEdit, DraftProblem, DraftSummary, OutgoingMessage};
pub use event::{EventAction, EventStatus, EventView};
pub use id::{
    AccountId, BroadcastId, CustomerId, DraftId, EventId, MediaId, MemberId, MessageId, RowId,
    SavedReplyId, ShopId, TeamId, TemplateId,
};
pub use link::LinkCount;
pub use media::{FileType, MediaFacts, Medium, Surface};
pub use member::{Plan, Role, Shop};
pub use problem::{Problem, ProblemCode};
pub use reach::{Reach, Reason};
pub use saved_reply::{SavedReply, SavedReplyAudience, SavedReplyEdit};
pub use template::fill::{FilledTemplate, TemplateFill, TemplateProblem};
pub use template::{Template, TemplateCategory, TemplateStatus};
pub use timestamp::Timestamp;
pub use waba::{Waba, WabaCount, WabaId};
