//! Messages of a conversation, as the thread shows them.

use serde::{Deserialize, Serialize};

use crate::{BroadcastId, DeliveryStatus, MediaId, MessageId, Reason, Timestamp};

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageContent {
    /// A text.
    Text {
        /// The text as it was written.
        text: String,
    },
    /// An image.
    Image {
        /// The stored file; none where the platform no longer had it.
        media: Option<MediaId>,
    },
    /// Something omocast does not show yet, named by the platform's own word (sticker, location, …).
    Unsupported {
        /// The platform's word.
        kind: String,
    },
}

/// Who wrote a message, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "direction", rename_all = "snake_case")]
pub enum MessageOrigin {
    /// The customer wrote it.
    Inbound,
    /// The team wrote it.
    Outbound {
        /// The member's name.
        sender: String,
        /// The broadcast it was part of.
        broadcast: Option<BroadcastId>,
        /// What became of it.
        status: DeliveryStatus,
        /// Why it failed.
        reason: Option<Reason>,
    },
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// When it was written or sent.
    pub at: Timestamp,
    /// Who wrote it.
    pub origin: MessageOrigin,
    /// What it holds.
    pub content: MessageContent,
}
