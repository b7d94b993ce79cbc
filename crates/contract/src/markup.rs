//! WhatsApp's markup in a text: `*bold*`, `_italic_`, `~strike~` and three backticks around monospace.

/// How a piece of a text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// Between two `*`.
    pub is_bold: bool,
    /// Between two `_`.
    pub is_italic: bool,
    /// Between two `~`.
    pub is_strike: bool,
    /// Between two rows of three backticks; nothing in it is markup.
    pub is_mono: bool,
}

/// A piece of a text in one style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// The piece as it was written; never empty.
    pub text: &'a str,
    /// How it is shown.
    pub style: Style,
    /// Whether it is the markup itself, which customers do not see.
    pub is_mark: bool,
}

const MONO: &str = "```";
const MARKS: [char; 3] = ['*', '_', '~'];

/// The pieces of `text` in their order; put together again, marks and all, they are the text.
///
/// A mark opens before something that is no space and after something that is no letter or digit, and closes
/// the other way round, in the same line and around something; monospace may span lines.
/// What is not closed is plain text.
/// WhatsApp documents only the marks; where a mark may stand is what its apps do.
pub fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    push_runs(text, 0..text.len(), Style::default(), &mut runs);
    runs
}

/// `text` as customers see it: without the marks.
pub fn plain(text: &str) -> String {
    runs(text)
        .into_iter()
        .filter(|run| !run.is_mark)
        .map(|run| run.text)
        .collect()
}

/// The runs of `range`, which is all that a mark in it may close in: so nothing ever overlaps.
fn push_runs<'a>(
    text: &'a str,
    range: std::ops::Range<usize>,
    style: Style,
    runs: &mut Vec<Run<'a>>,
) {
    let mut words_from = range.start;
    let mut at = range.start;
    // Before these bytes it is known that nothing closes, so that a row of opening marks is not searched again and again.
    let mut nothing_closes_before = [range.start; MARKS.len()];
    let mut mono_may_close = true;
    while at < range.end {
        let rest = &text[at..range.end];
        let found = if rest.starts_with(MONO) && mono_may_close {
            let close = mono_close(text, at, range.end);
            mono_may_close = close.is_some() || rest[MONO.len()..].contains(MONO);
            close.map(|close| (MONO, close))
        } else {
            let mark = MARKS.iter().position(|&mark| rest.starts_with(mark));
            mark.filter(|&mark| !is_on(style, mark))
                .filter(|&mark| at >= nothing_closes_before[mark] && opens(text, at, range.end))
                .and_then(|mark| match mark_close(text, at, range.end) {
                    Ok(close) => Some((&text[at..=at], close)),
                    Err(searched) => {
                        nothing_closes_before[mark] = searched;
                        None
                    }
                })
        };
        let Some((mark, close)) = found else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        push(&text[words_from..at], style, false, runs);
        let inside = at + mark.len()..close;
        push(&text[at..inside.start], style, true, runs);
        if mark == MONO {
            let style = Style {
                is_mono: true,
                ..style
            };
            push(&text[inside], style, false, runs);
        } else {
            push_runs(text, inside, with(style, mark), runs);
        }
        at = close + mark.len();
        push(&text[close..at], style, true, runs);
        words_from = at;
    }
    push(&text[words_from..range.end], style, false, runs);
}

fn push<'a>(text: &'a str, style: Style, is_mark: bool, runs: &mut Vec<Run<'a>>) {
    if !text.is_empty() {
        runs.push(Run {
            text,
            style,
            is_mark,
        });
    }
}

fn is_on(style: Style, mark: usize) -> bool {
    [style.is_bold, style.is_italic, style.is_strike][mark]
}

fn with(style: Style, mark: &str) -> Style {
    Style {
        is_bold: style.is_bold || mark == "*",
        is_italic: style.is_italic || mark == "_",
        is_strike: style.is_strike || mark == "~",
        is_mono: style.is_mono,
    }
}

/// Where the monospace that opens at `at` closes.
fn mono_close(text: &str, at: usize, end: usize) -> Option<usize> {
    let from = at + MONO.len();
    let length = text[from..end].find(MONO)?;
    (!text[from..from + length].trim().is_empty()).then_some(from + length)
}

/// Whether the mark at `at` may open something.
fn opens(text: &str, at: usize, end: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + 1..end].chars().next();
    !before.is_some_and(char::is_alphanumeric) && after.is_some_and(|c| !c.is_whitespace())
}

/// Where what the mark at `at` opens is closed, or how far nothing closes it.
fn mark_close(text: &str, at: usize, end: usize) -> Result<usize, usize> {
    let mark = text.as_bytes()[at];
    let mut next = at + 1;
    while next < end {
        let rest = &text[next..end];
        if rest.starts_with('\n') {
            return Err(next);
        }
        if rest.starts_with(MONO)
            && let Some(close) = mono_close(text, next, end)
        {
            next = close + MONO.len();
            continue;
        }
        let is_close = text.as_bytes()[next] == mark
            && next > at + 1
            && !text[..next].ends_with(char::is_whitespace)
            && !rest[1..].starts_with(char::is_alphanumeric);
        if is_close {
            return Ok(next);
        }
        next += rest.chars().next().map_or(1, char::len_utf8);
    }
    Err(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each run as its text after the letters of its style; marks are left out.
    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(String, &str)> = runs(text)
            .into_iter()
            .filter(|run| !run.is_mark)
            .map(|run| {
                let Style {
                    is_bold,
                    is_italic,
                    is_strike,
                    is_mono,
                } = run.style;
                let letters = [
                    (is_bold, 'b'),
                    (is_italic, 'i'),
                    (is_strike, 's'),
                    (is_mono, 'm'),
                ];
                let style = letters.iter().filter(|(is_on, _)| *is_on);
                (style.map(|(_, letter)| letter).collect(), run.text)
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|&(style, text)| (style.to_owned(), text))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn four_marks_are_known() {
        check("*a*", &[("b", "a")]);
        check("_a_", &[("i", "a")]);
        check("~a~", &[("s", "a")]);
        check("```a```", &[("m", "a")]);
        check(
            "全館 *八折* 起",
            &[("", "全館 "), ("b", "八折"), ("", " 起")],
        );
    }

    #[test]
    fn one_mark_may_stand_in_another() {
        check("*a _b_ c*", &[("b", "a "), ("bi", "b"), ("b", " c")]);
        check("*_~a~_*", &[("bis", "a")]);
        check("*```a```*", &[("bm", "a")]);
    }

    #[test]
    fn marks_that_cross_never_overlap() {
        check("*a _b* c_", &[("b", "a _b"), ("", " c_")]);
    }

    #[test]
    fn nothing_in_monospace_is_markup() {
        check("```*a*\n_b_```", &[("m", "*a*\n_b_")]);
        check("*a ```b*``` c*", &[("b", "a "), ("bm", "b*"), ("b", " c")]);
    }

    #[test]
    fn what_is_not_closed_is_plain() {
        for text in [
            "*a", "a*", "* a *", "**", "*a\nb*", "2*3*4", "a_b_c", "```", "``````", "~",
        ] {
            check(text, &[("", text)]);
        }
    }

    #[test]
    fn a_plain_text_has_no_marks() {
        assert_eq!(plain("*全館八折*，_只到週日_"), "全館八折，只到週日");
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                "[*_~`]{1,4}",
                Just("```".to_owned()),
                "[a中 \n，👩]{0,3}",
                "\\PC{0,5}",
            ],
            0..24,
        )
        .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_character_is_lost(text in text()) {
            let together: String = runs(&text).into_iter().map(|run| run.text).collect();
            prop_assert_eq!(together, text);
        }

        #[test]
        fn marks_open_and_close_in_turn(text in text()) {
            let mut open: Vec<&str> = Vec::new();
            for run in runs(&text) {
                prop_assert!(!run.text.is_empty());
                if !run.is_mark {
                    let Style { is_bold, is_italic, is_strike, is_mono } = run.style;
                    for (is_on, mark) in [(is_bold, "*"), (is_italic, "_"), (is_strike, "~"), (is_mono, "```")] {
                        prop_assert_eq!(is_on, open.contains(&mark));
                    }
                } else if open.last() == Some(&run.text) {
                    open.pop();
                } else {
                    prop_assert!(!open.contains(&run.text), "{} in itself", run.text);
                    open.push(run.text);
                }
            }
            prop_assert!(open.is_empty());
        }

        #[test]
        fn a_text_without_marks_is_one_run(text in "[^*_~`]{1,40}") {
            let plain = Run { text: &text, style: Style::default(), is_mark: false };
            prop_assert_eq!(runs(&text), vec![plain]);
        }
    }

    #[test]
    fn a_long_row_of_opening_marks_takes_no_time() {
        let text = " *a".repeat(100_000);
        assert_eq!(runs(&text).len(), 1);
    }
}
