//! Limits: how much a message, a broadcast or an upload may hold.

use crate::text::TextUnit;
use crate::{Channel, Medium, Timestamp};

/// Messages in one broadcast (the seed: 總共五則).
pub const MAX_MESSAGES: usize = 5;

/// Characters of a customer's name or a tag in a search.
pub const MAX_SEARCH_CHARS: usize = 100;

/// Shops that a search names.
pub const MAX_SHOPS: usize = 500;

/// Events or customers named one by one in an audience.
/// More than this many ticks by hand are better said as 全選 without the rest.
pub const MAX_PICKED: usize = 10_000;

/// Events one bulk action (跟進, 結束, 重啟) may hold.
pub const MAX_BULK: usize = 500;

/// Drafts one member keeps.
pub const MAX_DRAFTS: usize = 100;

/// Characters of one text in a draft: far more than any channel takes, so that nothing is lost while
/// a text is being shortened.
pub const MAX_DRAFT_TEXT: usize = 10_000;

/// Characters of one text in a saved reply (預存回覆 says 1,000).
pub const MAX_SAVED_REPLY_TEXT: usize = 1_000;

/// Characters of the title or the category of a saved reply.
pub const MAX_TITLE: usize = 60;

/// Characters of an uploaded file's name; a longer one is cut before its ending.
pub const MAX_FILE_NAME: usize = 100;

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

const MB: u64 = 1024 * 1024;

/// Largest upload in bytes that the platform takes; none where it has no such message.
///
/// Images: LINE 10 MB (Messaging API reference, image message); Messenger and Instagram 8 MB by URL
/// (saving assets, attachment upload); WhatsApp 5 MB (Cloud API, media).
/// Videos: LINE 200 MB (Messaging API reference, video message); Messenger and Instagram 25 MB;
/// WhatsApp 16 MB.
/// Files: Messenger 25 MB; Instagram 25 MB; WhatsApp 100 MB.
/// The web chat is our own and takes images as WhatsApp does.
pub fn media_limit(medium: Medium, channel: Channel) -> Option<u64> {
    let megabytes = match (medium, channel) {
        (Medium::Text | Medium::Emoji | Medium::SavedReply, _) => return None,
        (Medium::Image, Channel::Line) => 10,
        (Medium::Image, Channel::Facebook | Channel::Instagram) => 8,
        (Medium::Image, Channel::Whatsapp | Channel::Web) => 5,
        (Medium::Video, Channel::Line) => 200,
        (Medium::Video, Channel::Facebook | Channel::Instagram) => 25,
        (Medium::Video, Channel::Whatsapp) => 16,
        (Medium::File, Channel::Facebook | Channel::Instagram) => 25,
        (Medium::File, Channel::Whatsapp) => 100,
        (Medium::Video, Channel::Web) | (Medium::File, Channel::Line | Channel::Web) => {
            return None;
        }
    };
    Some(megabytes * MB)
}

/// Bytes of one upload that the server takes, whatever the channel; 0 for what is not uploaded.
pub fn max_upload(medium: Medium) -> u64 {
    match medium {
        Medium::Image => 10 * MB,
        Medium::Video => 50 * MB,
        Medium::File => 64 * MB,
        Medium::Text | Medium::Emoji | Medium::SavedReply => 0,
    }
}

/// Bytes of one upload of any kind: what is announced to be larger is refused before it is read.
pub const MAX_UPLOAD_BYTES: u64 = 64 * MB;

/// Longest caption of an image, video or file in characters; none where the channel has no captions
/// and the words are a message of their own.
///
/// Source: WhatsApp 1,024 characters (Cloud API, media messages).
/// LINE, Messenger and Instagram have no captions.
pub fn caption_limit(channel: Channel) -> Option<usize> {
    match channel {
        Channel::Whatsapp => Some(MAX_CAPTION),
        Channel::Line | Channel::Facebook | Channel::Instagram | Channel::Web => None,
    }
}

/// Characters of the longest caption that any channel takes.
pub const MAX_CAPTION: usize = 1_024;

/// Characters of a template's body once it is filled in (Cloud API, template components).
pub const MAX_TEMPLATE_BODY: usize = 1_024;

/// Characters of a template's text header once it is filled in (Cloud API, template components).
pub const MAX_TEMPLATE_HEADER: usize = 60;

/// Characters of a carousel card's body once it is filled in (Cloud API, media card carousel templates).
pub const MAX_CARD_BODY: usize = 160;

/// Characters of the address of a template's link button once it is filled in (Cloud API, template components).
pub const MAX_TEMPLATE_URL: usize = 2_000;

/// Largest preview of an image or a video in bytes: LINE shows it before the original is opened (1 MB).
pub const MAX_PREVIEW_BYTES: u64 = MB;

/// WhatsApp takes one message to the same customer in this time, in milliseconds (Cloud API, pair rate limit).
pub const PAIR_INTERVAL: i64 = 6_000;
/// How many messages to the same customer WhatsApp lends in advance (Cloud API, pair rate limit).
pub const PAIR_BURST: i64 = 45;

/// Until when WhatsApp's count for a customer runs, once they were sent `messages` more.
pub fn pair_counted(busy_until: Timestamp, now: Timestamp, messages: i64) -> Timestamp {
    // A count from a clock that was wrong is forgotten.
    let is_sound = busy_until.since(now) <= PAIR_BURST * PAIR_INTERVAL;
    let from = if is_sound { busy_until.max(now) } else { now };
    from.plus(messages * PAIR_INTERVAL)
}

/// Whether WhatsApp takes `messages` more to a customer whose count runs until `busy_until`, or when it does.
pub fn pair_turn(busy_until: Timestamp, now: Timestamp, messages: i64) -> Result<(), Timestamp> {
    let until = pair_counted(busy_until, now, messages);
    let earliest = until.plus(-PAIR_BURST * PAIR_INTERVAL);
    if earliest > now {
        Err(earliest)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_of_whatsapp_gets_a_burst_and_then_one_message_in_six_seconds() {
        let now = Timestamp(1_000_000);
        let mut busy = Timestamp(0);
        for _ in 0..9 {
            assert_eq!(pair_turn(busy, now, 5), Ok(()));
            busy = pair_counted(busy, now, 5);
        }
        assert_eq!(pair_turn(busy, now, 1), Err(now.plus(PAIR_INTERVAL)));
        assert_eq!(pair_turn(busy, now.plus(PAIR_INTERVAL), 1), Ok(()));
    }

    #[test]
    fn a_clock_that_was_wrong_holds_nobody_up() {
        let now = Timestamp(1_000_000);
        let wrong = now.plus(3_600_000_000);
        assert_eq!(pair_turn(wrong, now, 1), Ok(()));
        assert_eq!(pair_counted(wrong, now, 1), now.plus(PAIR_INTERVAL));
    }

    /// Columns: LINE, Facebook, Instagram, WhatsApp, web; in megabytes.
    #[track_caller]
    fn check(medium: Medium, row: [Option<u64>; 5]) {
        for (channel, expected) in Channel::ALL.into_iter().zip(row) {
            assert_eq!(
                media_limit(medium, channel),
                expected.map(|megabytes| megabytes * MB),
                "{medium:?} {channel:?}"
            );
        }
    }

    #[test]
    fn each_platform_takes_uploads_of_its_own_size() {
        check(
            Medium::Image,
            [Some(10), Some(8), Some(8), Some(5), Some(5)],
        );
        check(
            Medium::Video,
            [Some(200), Some(25), Some(25), Some(16), None],
        );
        check(Medium::File, [None, Some(25), Some(25), Some(100), None]);
        check(Medium::Text, [None; 5]);
    }

    #[test]
    fn every_medium_that_a_channel_takes_and_that_is_uploaded_has_a_limit() {
        use crate::Surface;
        for channel in Channel::ALL {
            for medium in [Medium::Image, Medium::Video, Medium::File] {
                for surface in [Surface::Web, Surface::App] {
                    assert!(
                        !medium.is_supported(surface, channel)
                            || media_limit(medium, channel).is_some(),
                        "{medium:?} {channel:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_upload_is_larger_than_what_is_read_at_all() {
        for medium in Medium::ALL {
            assert!(max_upload(medium) <= MAX_UPLOAD_BYTES, "{medium:?}");
        }
    }

    #[test]
    fn only_whatsapp_has_captions() {
        let with: Vec<_> = Channel::ALL
            .into_iter()
            .filter(|&channel| caption_limit(channel).is_some())
            .collect();
        assert_eq!(with, [Channel::Whatsapp]);
    }
}
