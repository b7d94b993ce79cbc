//! WhatsApp's marks in a text: `*bold*`, `_italic_`, `~strike~` and ```` ```mono``` ````.

use super::html::escape;

const FENCE: &str = "```";

/// The text as HTML; everything else is escaped.
pub(super) fn formatted(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(FENCE) {
        let inside = &rest[start + FENCE.len()..];
        let Some(end) = inside.find(FENCE).filter(|end| *end > 0) else {
            break;
        };
        html.push_str(&lines(&rest[..start]));
        html.push_str(&format!("<code>{}</code>", escape(&inside[..end])));
        rest = &inside[end + FENCE.len()..];
    }
    html.push_str(&lines(rest));
    html
}

/// No mark reaches over the end of a line.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(line).collect();
    lines.join("\n")
}

fn line(text: &str) -> String {
    let mut html = String::new();
    let mut before = None;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let marked = tag(character)
            .filter(|_| !before.is_some_and(is_word))
            .and_then(|tag| Some((tag, marked(character, after)?)));
        if let Some((tag, (inside, beyond))) = marked {
            html.push_str(&format!("<{tag}>{}</{tag}>", line(inside)));
            rest = beyond;
        } else {
            html.push_str(&escape(&rest[..character.len_utf8()]));
            rest = after;
        }
        before = Some(character);
    }
    html
}

fn tag(mark: char) -> Option<&'static str> {
    match mark {
        '*' => Some("strong"),
        '_' => Some("em"),
        '~' => Some("s"),
        _ => None,
    }
}

/// What is between the mark and its twin, and what comes after: the twin follows something, and no word follows it.
fn marked(mark: char, text: &str) -> Option<(&str, &str)> {
    if text.starts_with(char::is_whitespace) {
        return None;
    }
    text.match_indices(mark).find_map(|(at, _)| {
        let (inside, twin) = text.split_at(at);
        let beyond = &twin[mark.len_utf8()..];
        let closes = !inside.is_empty()
            && !inside.ends_with(char::is_whitespace)
            && !beyond.starts_with(is_word);
        closes.then_some((inside, beyond))
    })
}

/// Chinese is written without spaces, so only Latin letters and digits glue a mark to a word.
fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(formatted(text), expected);
    }

    #[test]
    fn marks_become_tags() {
        check(
            "*粗體* _斜體_ ~刪除~",
            "<strong>粗體</strong> <em>斜體</em> <s>刪除</s>",
        );
        check("滿*三千*送", "滿<strong>三千</strong>送");
        check("*_兩者_*", "<strong><em>兩者</em></strong>");
        check(
            "```a*b*<c>```*d*",
            "<code>a*b*&lt;c&gt;</code><strong>d</strong>",
        );
    }

    #[test]
    fn a_mark_alone_is_a_character() {
        for text in ["2*3*4", "* a *", "*a", "a_b_c", "*a\nb*", "``````", "**"] {
            check(text, text);
        }
    }

    #[test]
    fn nothing_becomes_markup_by_itself() {
        check("*<b>*", "<strong>&lt;b&gt;</strong>");
        check("```<i>", "```&lt;i&gt;");
    }
}
