//! A field for the text of a message: the customer's name stands in it as a chip, and links are underlined.
//!
//! What is written in is a plain text area, so that input methods, undo and spelling work as everywhere.
//! A picture of the same text lies over it and covers only the variables; both are laid out by the same rules,
//! so that each chip lies exactly on its `{{…}}`. A variable is one thing to the keys: it is stepped over and taken away whole.

use std::ops::Range;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use omocast_contract::link::{LinkKind, find_links, kind};
use omocast_contract::variable::{CUSTOMER_NAME, Segment, segments};
use web_sys::HtmlTextAreaElement;

use crate::i18n::{Key, phrase};
use crate::ui::{is_composing, reactive};

/// The field. It is not controlled: it is written to only when somebody else changed the text.
#[component]
pub fn RichText(
    #[prop(into)] value: Signal<String>,
    /// What it is for, in words.
    #[prop(into)]
    label: Signal<String>,
    #[prop(into)] placeholder: Signal<String>,
    /// The ids of what describes it.
    #[prop(optional, into)]
    described_by: Signal<String>,
    #[prop(optional, into)] is_invalid: Signal<bool>,
    /// The domains whose links are the brand's own.
    #[prop(optional, into)]
    official_domains: Signal<Vec<String>>,
    /// The element, for its holder.
    #[prop(optional)]
    field: NodeRef<html::Textarea>,
    #[prop(into)] on_input: Callback<String>,
) -> impl IntoView {
    let text = Memo::new(move |_| value.get());
    // An effect, because the field is left alone unless the text was changed by somebody else than the writer.
    Effect::new(move |_| {
        let text = text.get();
        if let Some(field) = field.get()
            && field.value() != text
        {
            field.set_value(&text);
        }
    });
    let written = move |event: ev::Targeted<ev::Event, HtmlTextAreaElement>| {
        let field = event.target();
        let written = field.value();
        // What a key of a phone, a cut or a drop has taken half of goes whole.
        match text.with_untracked(|before| without_halves(before, &written)) {
            Some((whole, caret)) => {
                field.set_value(&whole);
                put_caret(&field, caret);
                on_input.run(whole);
            }
            None => on_input.run(written),
        }
    };
    let press = move |key: ev::KeyboardEvent| {
        if let Some(field) = field.get_untracked()
            && !is_composing(&key)
            && !(key.ctrl_key() || key.alt_key() || key.meta_key() || key.shift_key())
        {
            step(&field, &key);
        }
    };
    let settle = move |_| {
        if let Some(field) = field.get_untracked()
            && let Some(caret) = caret_of(&field)
            && let Some(name) = names(&field.value())
                .into_iter()
                .find(|name| name.start < caret && caret < name.end)
        {
            let is_left = caret - name.start < name.end - caret;
            put_caret(&field, if is_left { name.start } else { name.end });
        }
    };
    let pieces =
        move || text.with(|text| official_domains.with(|official| painted(text, official)));
    view! {
        <div class="rich-text">
            <textarea
                class="rich-text__field"
                rows="1"
                aria-label=move || label.get()
                aria-describedby=move || Some(described_by.get()).filter(|ids| !ids.is_empty())
                aria-invalid=move || is_invalid.get().then_some("true")
                placeholder=move || placeholder.get()
                node_ref=field
                on:input:target=written
                on:keydown=press
                on:click=settle
            ></textarea>
            <div class="rich-text__paint" aria-hidden="true">
                {reactive(pieces)}
                // So that a line break at the end makes a line.
                "\u{200b}"
            </div>
        </div>
    }
    .into_any()
}

/// A part of the picture of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Words(&'a str),
    Link(&'a str, LinkKind),
    Name,
}

fn pieces<'a>(text: &'a str, official_domains: &[String]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for segment in segments(text) {
        let words = match segment {
            Segment::CustomerName => {
                pieces.push(Piece::Name);
                continue;
            }
            Segment::Text(words) => words,
        };
        let mut at = 0;
        for link in find_links(words) {
            if at < link.start {
                pieces.push(Piece::Words(&words[at..link.start]));
            }
            pieces.push(Piece::Link(link.url, kind(&link.host, official_domains)));
            at = link.end;
        }
        if at < words.len() {
            pieces.push(Piece::Words(&words[at..]));
        }
    }
    pieces
}

fn painted(text: &str, official_domains: &[String]) -> Vec<AnyView> {
    pieces(text, official_domains)
        .into_iter()
        .map(|piece| match piece {
            Piece::Words(words) => words.to_owned().into_any(),
            Piece::Link(url, kind) => {
                let kind = match kind {
                    LinkKind::Official => "official",
                    LinkKind::Other => "other",
                };
                let url = url.to_owned();
                view! { <span class="rich-text__link" data-kind=kind>{url}</span> }.into_any()
            }
            Piece::Name => {
                let label = phrase(Key::ComposeCustomerName);
                view! {
                    <span class="rich-text__name" data-label=move || label.get()>{CUSTOMER_NAME}</span>
                }
                .into_any()
            }
        })
        .collect()
}

/// Where the variables stand, as a field counts: in UTF-16 units.
fn names(text: &str) -> Vec<Range<u32>> {
    let mut at = 0;
    let mut names = Vec::new();
    for segment in segments(text) {
        match segment {
            Segment::Text(words) => at += words.encode_utf16().count() as u32,
            Segment::CustomerName => {
                let end = at + CUSTOMER_NAME.len() as u32;
                names.push(at..end);
                at = end;
            }
        }
    }
    names
}

/// An arrow steps over a variable; a key that takes away takes all of it: it is selected first,
/// so that the browser itself takes it away and its undo brings it back.
fn step(field: &HtmlTextAreaElement, key: &ev::KeyboardEvent) {
    let Some(caret) = caret_of(field) else {
        return;
    };
    let names = names(&field.value());
    let before = names.iter().find(|name| name.end == caret);
    let after = names.iter().find(|name| name.start == caret);
    match (key.key().as_str(), before, after) {
        ("Backspace", Some(name), _) | ("Delete", _, Some(name)) => {
            // Fails on no field for text.
            let _ = field.set_selection_range(name.start, name.end);
        }
        ("ArrowLeft", Some(name), _) => {
            key.prevent_default();
            put_caret(field, name.start);
        }
        ("ArrowRight", _, Some(name)) => {
            key.prevent_default();
            put_caret(field, name.end);
        }
        _ => {}
    }
}

/// Where the caret is; none while something is selected.
fn caret_of(field: &HtmlTextAreaElement) -> Option<u32> {
    let start = field.selection_start().ok()??;
    let end = field.selection_end().ok()??;
    (start == end).then_some(start)
}

fn put_caret(field: &HtmlTextAreaElement, at: u32) {
    // Fails on no field for text.
    let _ = field.set_selection_range(at, at);
}

/// If a part of a variable was taken away and nothing written in its place: the text without the rest of it,
/// and where the caret then is.
fn without_halves(before: &str, after: &str) -> Option<(String, u32)> {
    if segments(after).iter().filter(is_name).count()
        >= segments(before).iter().filter(is_name).count()
    {
        return None;
    }
    let (old, new): (Vec<u16>, Vec<u16>) = (
        before.encode_utf16().collect(),
        after.encode_utf16().collect(),
    );
    let taken = old.len().checked_sub(new.len())?;
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    // Anything else than taking away in one place is the writer's own doing.
    if taken == 0 || old[start + taken..] != new[start..] {
        return None;
    }
    let (mut from, mut to) = (start, start + taken);
    for name in names(before) {
        let (begin, end) = (name.start as usize, name.end as usize);
        if begin < to && from < end {
            (from, to) = (from.min(begin), to.max(end));
        }
    }
    if (from, to) == (start, start + taken) {
        return None;
    }
    let whole = [&old[..from], &old[to..]].concat();
    Some((String::from_utf16_lossy(&whole), from as u32))
}

fn is_name(segment: &&Segment<'_>) -> bool {
    matches!(segment, Segment::CustomerName)
}

#[cfg(feature = "preview")]
pub fn stories() -> Vec<crate::ui::Story> {
    use crate::ui::Story;

    fn story(text: &str) -> AnyView {
        let value = RwSignal::new(text.to_owned());
        view! {
            <RichText
                value
                label="訊息"
                placeholder="輸入訊息…"
                official_domains=vec!["shop.example.com".to_owned()]
                on_input=Callback::new(move |text| value.set(text))
            />
        }
        .into_any()
    }
    vec![
        Story::new("empty", || story("")),
        Story::new("the customer's name", || {
            story(
                "{{customer_name}} 您好，秋季新品已到店 🍂 本週六日於信義門市試穿，{{customer_name}}專屬九折優惠！",
            )
        }),
        Story::new("links, official and other", || {
            story(
                "預約試穿：https://shop.example.com/fitting\n地圖：https://maps.example.org/xinyi",
            )
        }),
        Story::new("a long word", || {
            story(
                "https://shop.example.com/a-very-long-address/that-has-no-place-to-break-at-all-and-goes-on-and-on-and-on-to-the-end-of-the-line-and-further",
            )
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_falls_into_words_links_and_names() {
        let official = ["shop.tw".to_owned()];
        assert_eq!(
            pieces("{{customer_name}}看 https://shop.tw/a 與 b.io。", &official),
            [
                Piece::Name,
                Piece::Words("看 "),
                Piece::Link("https://shop.tw/a", LinkKind::Official),
                Piece::Words(" 與 "),
                Piece::Link("b.io", LinkKind::Other),
                Piece::Words("。"),
            ]
        );
    }

    #[test]
    fn places_are_counted_as_a_field_counts() {
        // The leaf counts two.
        assert_eq!(
            names("🍂{{customer_name}}好{{customer_name}}"),
            [2..19, 20..37]
        );
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: Option<(&str, u32)>) {
        let expected = expected.map(|(text, caret)| (text.to_owned(), caret));
        assert_eq!(without_halves(before, after), expected);
    }

    #[test]
    fn half_a_name_goes_whole() {
        check(
            "嗨{{customer_name}}！",
            "嗨{{customer_name}！",
            Some(("嗨！", 1)),
        );
        check(
            "嗨{{customer_name}}！",
            "嗨{customer_name}}！",
            Some(("嗨！", 1)),
        );
        // A selection from within it into the words behind it.
        check("嗨{{customer_name}}你好", "嗨{{cust好", Some(("嗨好", 1)));
    }

    #[test]
    fn what_takes_no_half_is_left_as_it_was_written() {
        check("嗨{{customer_name}}！", "嗨{{customer_name}}", None);
        check("嗨{{customer_name}}！", "嗨！", None);
        check("{{{customer_name}}", "{{customer_name}}", None);
        check("嗨{{customer_name}}", "嗨{{customer_name}}}", None);
        check("", "好", None);
        // Written over: the writer knows.
        check("{{customer_name}}", "{{customer好", None);
    }
}
