//! What browser and server agree on: ids, wire types, and every rule of the domain.
//!
//! No I/O, no clock, no async: `now` is an argument.
//! A rule that decides whether something is allowed is written here once;
//! the SPA asks it to explain a disabled button, the server asks it to refuse.
#![warn(missing_docs)]

pub mod api;
pub mod audience;
pub mod broadcast;
pub mod channel;
pub mod draft;
pub mod event;
pub mod id;
pub mod limit;
pub mod live;
pub mod media;
pub mod member;
pub mod message;
pub mod problem;
pub mod reach;
pub mod text;
pub mod timestamp;

pub use audience::{Audience, AudienceCount, Filter, Pick, Source, TagFilter, TagMatch};
pub use broadcast::{
    Broadcast, BroadcastRequest, BroadcastStatus, BroadcastSummary, Delivery, DeliveryStatus,
    Progress, Recipient,
};
pub use channel::{Channel, ChannelSet};
pub use draft::{DraftProblem, OutgoingMessage};
pub use event::{EventAction, EventStatus, EventView};
pub use id::{
    AccountId, BroadcastId, CustomerId, EventId, MediaId, MemberId, MessageId, ShopId, TeamId,
};
pub use media::{Medium, Surface};
pub use member::{Plan, Role};
pub use problem::{Problem, ProblemCode};
pub use reach::{Reach, Reason};
pub use timestamp::Timestamp;
