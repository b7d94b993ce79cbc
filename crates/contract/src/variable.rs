//! Variables in a text: `{{customer_name}}`, filled in for each recipient.

use crate::ProblemCode;
use crate::text::{TextUnit, is_blank, length};

/// What stands in a text for the customer's name (聯絡人名稱).
pub const CUSTOMER_NAME: &str = "{{customer_name}}";

/// Characters of a name that are filled in; a longer name is cut.
/// The limit of a text counts each variable as if the name were this long, so no name makes it too long.
pub const MAX_FILLED_NAME: usize = 40;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain words.
    Text(&'a str),
    /// The customer's name.
    CustomerName,
}

/// The pieces of `text` in their order; put together again they are the text.
pub fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut pieces = Vec::new();
    for (at, words) in text.split(CUSTOMER_NAME).enumerate() {
        if at > 0 {
            pieces.push(Segment::CustomerName);
        }
        if !words.is_empty() {
            pieces.push(Segment::Text(words));
        }
    }
    pieces
}

/// Whether `text` uses the customer's name.
pub fn uses_name(text: &str) -> bool {
    text.contains(CUSTOMER_NAME)
}

/// `text` as a customer gets it: with their name, or `fallback` where they have none.
pub fn fill_name(text: &str, name: &str, fallback: &str) -> String {
    if !uses_name(text) {
        return text.to_owned();
    }
    let name = cut_name(name).unwrap_or_else(|| cut_name(fallback).unwrap_or_default());
    text.replace(CUSTOMER_NAME, &name)
}

/// A name as it is filled in: one line, at most [`MAX_FILLED_NAME`] characters; none when it is blank.
fn cut_name(name: &str) -> Option<String> {
    let one_line: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let cut: String = one_line.trim().chars().take(MAX_FILLED_NAME).collect();
    // A cut within a joined emoji must not leave the joiner: it would join what follows.
    let cut = cut.trim_end_matches('\u{200d}').trim_end();
    (!is_blank(cut)).then(|| cut.to_owned())
}

/// Length of `text` with each variable at its longest.
pub fn filled_length(text: &str, unit: TextUnit) -> usize {
    let longest = match unit {
        TextUnit::Char => MAX_FILLED_NAME,
        TextUnit::Utf16 => 2 * MAX_FILLED_NAME,
        TextUnit::Byte => 4 * MAX_FILLED_NAME,
    };
    segments(text)
        .into_iter()
        .map(|segment| match segment {
            Segment::Text(words) => length(words, unit),
            Segment::CustomerName => longest,
        })
        .sum()
}

/// Whether what customers without a name are called will do; asked when a message uses the name.
pub fn check_fallback(fallback: Option<&str>) -> Result<(), ProblemCode> {
    match fallback {
        None => Err(ProblemCode::NameFallbackMissing),
        Some(word) if is_blank(word) => Err(ProblemCode::NameFallbackMissing),
        Some(word) if word.chars().count() > MAX_FILLED_NAME => {
            Err(ProblemCode::NameFallbackTooLong)
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Channel;
    use crate::text::fits;

    #[test]
    fn the_name_is_filled_in_wherever_it_stands() {
        let text = "{{customer_name}}您好，{{customer_name}}的{{ customer_name }}{{other}}";
        assert_eq!(
            fill_name(text, "怡君", "貴賓"),
            "怡君您好，怡君的{{ customer_name }}{{other}}"
        );
    }

    #[test]
    fn a_customer_without_a_name_is_called_by_the_fallback() {
        for name in ["", " ", "\u{3000}\n", "\u{200b}"] {
            assert_eq!(
                fill_name("{{customer_name}}您好", name, "貴賓"),
                "貴賓您好",
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_name_is_one_line_and_is_cut() {
        assert_eq!(fill_name(CUSTOMER_NAME, " 王\n小明 ", "貴賓"), "王 小明");
        assert_eq!(
            fill_name(CUSTOMER_NAME, &"王".repeat(41), "貴賓"),
            "王".repeat(40)
        );
        let family = "👩\u{200d}".repeat(30);
        assert!(fill_name(CUSTOMER_NAME, &family, "貴賓").ends_with('👩'));
    }

    #[test]
    fn a_name_that_looks_like_a_variable_is_not_filled_in_again() {
        assert_eq!(
            fill_name(CUSTOMER_NAME, CUSTOMER_NAME, "貴賓"),
            CUSTOMER_NAME
        );
    }

    #[test]
    fn a_text_falls_into_words_and_names() {
        assert_eq!(
            segments("嗨 {{customer_name}}！{{customer_name}}"),
            [
                Segment::Text("嗨 "),
                Segment::CustomerName,
                Segment::Text("！"),
                Segment::CustomerName
            ]
        );
        assert_eq!(segments(""), []);
    }

    #[test]
    fn a_variable_counts_as_the_longest_name() {
        assert_eq!(filled_length("嗨{{customer_name}}", TextUnit::Char), 41);
        assert_eq!(filled_length("嗨{{customer_name}}", TextUnit::Utf16), 81);
        assert_eq!(filled_length("嗨{{customer_name}}", TextUnit::Byte), 163);
    }

    #[test]
    fn the_fallback_is_a_word_of_at_most_forty_characters() {
        assert_eq!(check_fallback(Some("貴賓")), Ok(()));
        assert_eq!(check_fallback(Some(&"貴".repeat(40))), Ok(()));
        assert_eq!(
            check_fallback(Some(&"貴".repeat(41))),
            Err(ProblemCode::NameFallbackTooLong)
        );
        for missing in [None, Some(""), Some(" ")] {
            assert_eq!(
                check_fallback(missing),
                Err(ProblemCode::NameFallbackMissing)
            );
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                "\\PC{0,80}",
                Just(CUSTOMER_NAME.to_owned()),
                Just("中🍂".repeat(100)),
            ],
            0..8,
        )
        .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_filled_text_is_never_longer_than_it_was_counted(text in text(), name in "\\PC{0,60}", fallback in "\\PC{0,60}") {
            let filled = fill_name(&text, &name, &fallback);
            for unit in [TextUnit::Utf16, TextUnit::Char, TextUnit::Byte] {
                prop_assert!(length(&filled, unit) <= filled_length(&text, unit));
            }
        }

        #[test]
        fn what_fits_before_fits_when_filled(text in text(), name in "\\PC{0,60}") {
            // The name itself may look like a variable, so the filled text is measured as it is.
            let filled = fill_name(&text, &name, "貴賓");
            for channel in Channel::ALL {
                let (limit, unit) = crate::limit::text_limit(channel);
                prop_assert!(!fits(&text, channel) || length(&filled, unit) <= limit);
            }
        }

        #[test]
        fn segments_put_together_are_the_text(text in text()) {
            let together: String = segments(&text)
                .into_iter()
                .map(|segment| match segment {
                    Segment::Text(words) => words,
                    Segment::CustomerName => CUSTOMER_NAME,
                })
                .collect();
            prop_assert_eq!(together, text);
        }
    }
}
