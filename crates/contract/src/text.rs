//! Texts of messages, and how each platform counts them.

use crate::Channel;
use crate::limit::text_limit;
use crate::variable::filled_length;

/// What a platform counts when it limits a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextUnit {
    /// UTF-16 code units: an emoji counts two or more.
    Utf16,
    /// Unicode characters.
    Char,
    /// Bytes of UTF-8: a Chinese character counts three.
    Byte,
}

/// Length of `text` as `unit` counts it.
pub fn length(text: &str, unit: TextUnit) -> usize {
    match unit {
        TextUnit::Utf16 => text.encode_utf16().count(),
        TextUnit::Char => text.chars().count(),
        TextUnit::Byte => text.len(),
    }
}

/// Whether a platform would refuse `text` as empty: nothing but white space or invisible characters.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    })
}

/// Whether `channel` takes a text this long, each variable counted at its longest.
pub fn fits(text: &str, channel: Channel) -> bool {
    let (limit, unit) = text_limit(channel);
    filled_length(text, unit) <= limit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(channel: Channel, filler: &str, most: usize) {
        assert!(
            fits(&filler.repeat(most), channel),
            "{channel:?}: {most} × {filler}"
        );
        assert!(
            !fits(&filler.repeat(most + 1), channel),
            "{channel:?}: {most} × {filler} and one more"
        );
    }

    #[test]
    fn line_counts_utf16_units() {
        check(Channel::Line, "a", 5_000);
        check(Channel::Line, "中", 5_000);
        check(Channel::Line, "🍂", 2_500);
    }

    #[test]
    fn messenger_counts_characters() {
        check(Channel::Facebook, "中", 2_000);
        check(Channel::Facebook, "🍂", 2_000);
    }

    #[test]
    fn instagram_counts_bytes() {
        check(Channel::Instagram, "a", 1_000);
        check(Channel::Instagram, "中", 333);
        check(Channel::Instagram, "🍂", 250);
    }

    #[test]
    fn whatsapp_counts_characters() {
        check(Channel::Whatsapp, "中", 4_096);
        check(Channel::Whatsapp, "🍂", 4_096);
    }

    #[test]
    fn white_space_alone_is_blank() {
        for text in ["", " \n\t", "\u{3000}", "\u{200b}\u{feff}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank(" 好 "));
    }

    proptest! {
        #[test]
        fn a_longer_text_never_fits_where_a_shorter_does_not(text in "\\PC{0,60}", more in "\\PC{0,5}") {
            let longer = format!("{text}{more}");
            for unit in [TextUnit::Utf16, TextUnit::Char, TextUnit::Byte] {
                prop_assert!(length(&longer, unit) >= length(&text, unit));
            }
        }
    }
}
