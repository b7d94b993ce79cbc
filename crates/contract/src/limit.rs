//! Limits: how much a message, a broadcast or an upload may hold.

use crate::Channel;
use crate::text::TextUnit;

/// Messages in one broadcast (the seed: 總共五則).
pub const MAX_MESSAGES: usize = 5;

/// Characters of a customer's name or a tag in a search.
pub const MAX_SEARCH_CHARS: usize = 100;

/// Events named one by one in an audience or a bulk action.
/// More than this many ticks by hand are better said as 全選 without the rest.
pub const MAX_PICKED: usize = 10_000;

/// Events one bulk action (跟進, 結束, 重啟) may hold.
pub const MAX_BULK: usize = 500;

/// Bytes of one uploaded image that the server takes, whatever the channel.
pub const MAX_UPLOAD_BYTES: u64 = 10 * 1024 * 1024;

/// Longest text of one message, in the unit the platform counts in.
///
/// Sources: LINE 5,000 UTF-16 code units (Messaging API reference, text message);
/// Messenger 2,000 characters (Send API reference);
/// Instagram 1,000 bytes of UTF-8 (Instagram messaging, send messages);
/// WhatsApp 4,096 characters (Cloud API, text messages).
/// The web chat is our own and takes what WhatsApp takes.
pub fn text_limit(channel: Channel) -> (usize, TextUnit) {
    match channel {
        Channel::Line => (5_000, TextUnit::Utf16),
        Channel::Facebook => (2_000, TextUnit::Char),
        Channel::Instagram => (1_000, TextUnit::Byte),
        Channel::Whatsapp | Channel::Web => (4_096, TextUnit::Char),
    }
}

/// Largest image in bytes that the platform takes.
///
/// Sources: LINE 10 MB (Messaging API reference, image message);
/// Messenger and Instagram 8 MB by URL (saving assets, attachment upload);
/// WhatsApp 5 MB (Cloud API, media).
pub fn image_limit(channel: Channel) -> u64 {
    const MB: u64 = 1024 * 1024;
    match channel {
        Channel::Line => 10 * MB,
        Channel::Facebook | Channel::Instagram => 8 * MB,
        Channel::Whatsapp | Channel::Web => 5 * MB,
    }
}

/// Largest preview of an image in bytes: LINE shows it before the image itself is opened (1 MB).
pub const MAX_PREVIEW_BYTES: u64 = 1024 * 1024;
