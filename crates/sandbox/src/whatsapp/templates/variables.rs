//! The places in a template's text that are filled in at each send: `{{1}}` or `{{order_id}}`.

use std::borrow::Cow;

enum Piece<'a> {
    Plain(&'a str),
    Variable(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start + 2..].find("}}") else {
            break;
        };
        let (before, after) = rest.split_at(start);
        let name = after[2..2 + length].trim();
        if !before.is_empty() {
            pieces.push(Piece::Plain(before));
        }
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        pieces.push(if is_name {
            Piece::Variable(name)
        } else {
            Piece::Plain(&after[..length + 4])
        });
        rest = &after[length + 4..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// The names, each once, in the order in which they first appear.
pub(super) fn variables(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for piece in pieces(text) {
        if let Piece::Variable(name) = piece
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The text with each variable's value in its place.
pub(super) fn filled<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Plain(plain) => Cow::from(plain),
            Piece::Variable(name) => {
                value(name).map_or_else(|| Cow::from(format!("{{{{{name}}}}}")), Cow::from)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_counts_once_however_often_it_appears() {
        assert_eq!(variables("嗨 {{2}}、{{1}}，{{2}}！"), ["2", "1"]);
        assert_eq!(variables("{{order_id}} {{ name }}"), ["order_id", "name"]);
    }

    #[test]
    fn braces_without_a_name_are_text() {
        for text in ["{{}}", "{{a b}}", "{{1", "{1}", "}}{{"] {
            assert!(variables(text).is_empty(), "{text}");
            assert_eq!(filled(text, |_| Some("x")), text);
        }
    }

    #[test]
    fn every_place_is_filled() {
        let value = |name: &str| (name == "1").then_some("Ken");
        assert_eq!(filled("{{1}}，{{1}}好 {{2}}", value), "Ken，Ken好 {{2}}");
    }
}
