//! What the server tells the browser as it happens (server-sent events).

use serde::{Deserialize, Serialize};

use crate::{BroadcastId, BroadcastStatus, EventId, Progress};

/// One server-sent event; its JSON is the `data` field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LiveEvent {
    /// An event has a new message, status or owner: its row, its thread and the counts may have changed.
    EventChanged {
        /// Which one.
        event: EventId,
    },
    /// A broadcast moved on.
    BroadcastProgress {
        /// Which one.
        broadcast: BroadcastId,
        /// Where it stands.
        status: BroadcastStatus,
        /// How many recipients stand where.
        progress: Progress,
    },
    /// Lists of bound customers that the browser may show are not what they were:
    /// somebody was bound or unbound, has blocked the account, or a message went either way.
    BoundCustomersChanged,
    /// The browser has missed something: it should load again what it shows.
    Missed,
}
