//! Texts of templates: words, and variables such as `{{1}}` or `{{order_id}}`.

use serde::{Deserialize, Serialize};

use crate::text::{TextUnit, length};
use crate::variable::filled_length;

/// A text of a template as Meta approved it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateText {
    /// The text with its variables.
    pub pattern: String,
    /// What Meta was shown in place of the variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

/// What Meta was shown in place of a variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sample {
    /// The variable's number or name.
    pub name: String,
    /// The example.
    pub value: String,
}

/// A piece of a template's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain words.
    Words(&'a str),
    /// A variable, by its number or name.
    Variable(&'a str),
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// The pieces of `pattern` in their order; with `{{` and `}}` around the variables they are the text again.
///
/// A variable is called by a number from 1, or by small letters, digits and `_` (Cloud API, template parameters);
/// other braces are words.
pub fn segments(pattern: &str) -> Vec<Segment<'_>> {
    let mut pieces = Vec::new();
    let (mut words_from, mut at) = (0, 0);
    while let Some(found) = pattern[at..].find(OPEN) {
        let open = at + found;
        // Of three braces the last two open.
        at = open + 1;
        let inside = open + OPEN.len();
        let Some(length) = pattern[inside..].find(CLOSE) else {
            break;
        };
        let name = &pattern[inside..inside + length];
        if !is_name(name) {
            continue;
        }
        if open > words_from {
            pieces.push(Segment::Words(&pattern[words_from..open]));
        }
        pieces.push(Segment::Variable(name));
        at = inside + length + CLOSE.len();
        words_from = at;
    }
    if words_from < pattern.len() {
        pieces.push(Segment::Words(&pattern[words_from..]));
    }
    pieces
}

fn is_name(name: &str) -> bool {
    let is_number =
        !name.starts_with('0') && !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_number || is_word
}

impl TemplateText {
    /// Its pieces in their order.
    pub fn segments(&self) -> Vec<Segment<'_>> {
        segments(&self.pattern)
    }

    /// Its variables, each once, in the order in which Meta wants their values:
    /// numbers by their size, names as they first appear.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for segment in self.segments() {
            match segment {
                Segment::Variable(name) if !names.contains(&name) => names.push(name),
                Segment::Variable(_) | Segment::Words(_) => {}
            }
        }
        // Shorter numbers are smaller; a stable sort leaves names where they are.
        let is_number = |name: &&str| name.starts_with(|c: char| c.is_ascii_digit());
        names.sort_by_key(|name| is_number(name).then(|| (name.len(), name.to_owned())));
        names
    }

    /// What Meta was shown in place of a variable; empty when that is not known.
    pub fn sample(&self, name: &str) -> &str {
        let found = self.samples.iter().find(|sample| sample.name == name);
        found.map_or("", |sample| &sample.value)
    }

    /// The text with each variable as `value` has it; a variable of which it knows nothing stays as it is written.
    pub fn filled<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let mut filled = String::with_capacity(self.pattern.len());
        for segment in self.segments() {
            match segment {
                Segment::Words(words) => filled.push_str(words),
                Segment::Variable(name) => match value(name) {
                    Some(value) => filled.push_str(value),
                    None => {
                        filled.push_str(OPEN);
                        filled.push_str(name);
                        filled.push_str(CLOSE);
                    }
                },
            }
        }
        filled
    }

    /// Characters of the text with each value at its longest: with the longest customer's name in it.
    /// A variable without a value counts nothing.
    pub fn filled_length<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> usize {
        self.segments()
            .into_iter()
            .map(|segment| match segment {
                Segment::Words(words) => length(words, TextUnit::Char),
                Segment::Variable(name) => {
                    value(name).map_or(0, |value| filled_length(value, TextUnit::Char))
                }
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::tests::text;

    #[track_caller]
    fn check(pattern: &str, expected: &[Segment<'_>]) {
        assert_eq!(segments(pattern), expected);
    }

    #[test]
    fn a_text_falls_into_words_and_variables() {
        use Segment::{Variable, Words};
        check(
            "{{1}}您好，訂單{{order_id}}",
            &[Variable("1"), Words("您好，訂單"), Variable("order_id")],
        );
        check("", &[]);
        check("{{{1}}}", &[Words("{"), Variable("1"), Words("}")]);
        check("{{a {{12}}", &[Words("{{a "), Variable("12")]);
    }

    #[test]
    fn other_braces_are_words() {
        for pattern in [
            "{{}}",
            "{{0}}",
            "{{01}}",
            "{{ 1 }}",
            "{{Name}}",
            "{{1a}}",
            "{{姓名}}",
            "{1}",
            "{{1}",
            "{{",
        ] {
            check(pattern, &[Segment::Words(pattern)]);
        }
    }

    #[test]
    fn numbers_go_by_size_and_names_as_they_appear() {
        assert_eq!(
            text("{{10}} {{2}} {{1}} {{2}}").variables(),
            ["1", "2", "10"]
        );
        assert_eq!(text("{{b}} {{a}} {{b}}").variables(), ["b", "a"]);
    }

    #[test]
    fn a_value_stands_wherever_its_variable_does() {
        let value = |name: &str| (name == "1").then_some("{{2}}");
        assert_eq!(
            text("{{1}}、{{2}}、{{1}}").filled(value),
            "{{2}}、{{2}}、{{2}}"
        );
    }

    #[test]
    fn a_text_is_counted_with_the_longest_name_in_it() {
        let value = |name: &str| (name == "1").then_some("{{customer_name}}樣");
        assert_eq!(text("嗨{{1}}").filled_length(value), 42);
        assert_eq!(text("嗨{{2}}").filled_length(value), 1);
    }

    fn pattern() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                "[{}]{1,4}",
                "\\{\\{([1-9]|1[0-9]|[a-z_]{1,4})\\}\\}",
                "[a1中 👩]{0,4}",
                "\\PC{0,5}",
            ],
            0..16,
        )
        .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn segments_put_together_are_the_text(pattern in pattern()) {
            let text = text(&pattern);
            prop_assert_eq!(text.filled(|_| None), pattern);
        }

        #[test]
        fn a_filled_text_holds_every_value_and_no_variable(pattern in pattern()) {
            let text = text(&pattern);
            let filled = text.filled(|_| Some("\u{e000}"));
            let variables = text.segments().into_iter().filter(|s| matches!(s, Segment::Variable(_))).count();
            prop_assert_eq!(filled.matches('\u{e000}').count(), variables + pattern.matches('\u{e000}').count());
            prop_assert_eq!(filled.chars().count(), text.filled_length(|_| Some("\u{e000}")));
        }

        #[test]
        fn variables_are_listed_once(pattern in pattern()) {
            let text = text(&pattern);
            let variables = text.variables();
            let distinct: std::collections::BTreeSet<_> = variables.iter().collect();
            prop_assert_eq!(distinct.len(), variables.len());
            for segment in text.segments() {
                if let Segment::Variable(name) = segment {
                    prop_assert!(variables.contains(&name));
                }
            }
        }
    }
}
