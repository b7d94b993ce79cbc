//! Messages of a conversation, as the thread shows them.

use serde::{Deserialize, Serialize};

use crate::api::Media;
use crate::{
    BroadcastId, DeliveryStatus, FilledTemplate, MediaId, Medium, MessageId, OutgoingMessage,
    Reason, Timestamp,
};

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
        /// The words under it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// A video.
    Video {
        /// The stored file; none where the platform no longer had it.
        media: Option<MediaId>,
        /// The words under it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// A file.
    File {
        /// The stored file; none where the platform no longer had it.
        media: Option<MediaId>,
        /// Its name.
        name: String,
        /// Its size.
        bytes: u64,
        /// The words under it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// A template, as the customer got it.
    Template {
        /// The template.
        template: Box<FilledTemplate>,
    },
    /// Something omocast does not show yet, named by the platform's own word (sticker, location, …).
    Unsupported {
        /// The platform's word.
        kind: String,
    },
}

impl MessageContent {
    /// What the thread shows of a message that was sent; `find` tells what is known of an upload.
    pub fn of_sent(message: OutgoingMessage, find: impl FnOnce(MediaId) -> Option<Media>) -> Self {
        match message {
            OutgoingMessage::Text { text } => Self::Text { text },
            OutgoingMessage::Image { media, caption } => Self::Image {
                media: Some(media),
                caption,
            },
            OutgoingMessage::Video { media, caption } => Self::Video {
                media: Some(media),
                caption,
            },
            OutgoingMessage::File { media, caption } => {
                let (name, bytes) =
                    find(media).map_or_else(Default::default, |file| (file.name, file.bytes));
                Self::File {
                    media: Some(media),
                    name,
                    bytes,
                    caption,
                }
            }
        }
    }

    /// Which medium it is; a template counts as a text, and what omocast does not show yet is told in words.
    pub fn medium(&self) -> Medium {
        match self {
            Self::Text { .. } | Self::Template { .. } | Self::Unsupported { .. } => Medium::Text,
            Self::Image { .. } => Medium::Image,
            Self::Video { .. } => Medium::Video,
            Self::File { .. } => Medium::File,
        }
    }

    /// What a list shows of it in one line: the text, a template's body, the caption, or a file's name; may be empty.
    pub fn words(&self) -> &str {
        match self {
            Self::Text { text } => text,
            Self::Template { template } => &template.body.text,
            Self::Image { caption, .. } | Self::Video { caption, .. } => {
                caption.as_deref().unwrap_or_default()
            }
            Self::File { name, caption, .. } => caption.as_deref().unwrap_or(name),
            Self::Unsupported { .. } => "",
        }
    }
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
