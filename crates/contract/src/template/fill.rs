//! What a sender wrote into a template, what is wrong with it, and what each customer gets.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::slot::{Part, Place, SlotId};
use super::text::TemplateText;
use super::{HeaderKind, ParameterFormat, Template, TemplateButton, TemplateHeader};
use crate::limit::{
    MAX_CARD_BODY, MAX_TEMPLATE_BODY, MAX_TEMPLATE_HEADER, MAX_TEMPLATE_URL, media_limit,
};
use crate::link::find_links;
use crate::text::is_blank;
use crate::variable::{check_fallback, fill_name, uses_name};
use crate::{Channel, MediaFacts, MediaId, ProblemCode, TemplateId, Timestamp};

/// What a sender wrote into a template: the same for every recipient, but for `{{customer_name}}` in a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TemplateFill {
    /// The template.
    pub template: TemplateId,
    /// Its `updated_at` when it was chosen: a template that says something else by now is not sent.
    pub as_of: Timestamp,
    /// A value for each of its slots, such as `body.1`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub values: BTreeMap<SlotId, String>,
    /// An upload for each of its headers that takes one, such as `header` or `cards[0].header`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, MediaId>))]
    pub media: BTreeMap<Place, MediaId>,
}

impl TemplateFill {
    /// Nothing written yet.
    pub fn of(template: &Template) -> Self {
        Self {
            template: template.id,
            as_of: template.updated_at,
            values: BTreeMap::new(),
            media: BTreeMap::new(),
        }
    }

    /// Whether a value says the customer's name.
    pub fn uses_name(&self) -> bool {
        self.values.values().any(|value| uses_name(value))
    }
}

/// What is wrong with a template that was filled in, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Where.
    pub at: TemplateField,
    /// What is wrong.
    pub code: ProblemCode,
}

/// What a [`TemplateProblem`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateField {
    /// The template as such.
    Template,
    /// One of its texts as a whole, once it is filled in.
    Text(Place),
    /// One value.
    Value(SlotId),
    /// The upload of one header.
    Media(Place),
    /// What customers without a name are called.
    NameFallback,
}

/// The field in an answer of the server:
/// `template`, `template.body`, `template.values.body.1`, `template.media.header` or `name_fallback`.
impl fmt::Display for TemplateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template => f.write_str("template"),
            Self::Text(place) => write!(f, "template.{place}"),
            Self::Value(slot) => write!(f, "template.values.{slot}"),
            Self::Media(place) => write!(f, "template.media.{place}"),
            Self::NameFallback => f.write_str("name_fallback"),
        }
    }
}

impl TemplateProblem {
    /// The field in an answer of the server.
    pub fn field(&self) -> String {
        self.at.to_string()
    }
}

/// Everything that is wrong with `fill`: the template first, then its parts in the order of reading.
/// `media` tells what is known of an upload; none when there is no such upload.
///
/// Meta refuses values that are empty or hold a newline, a tab or four spaces in a row (errors 100 and 132012),
/// and texts that are too long once filled in (132005); with a link in a value the message fails.
pub fn check_fill(
    template: &Template,
    fill: &TemplateFill,
    media: impl Fn(MediaId) -> Option<MediaFacts>,
    name_fallback: Option<&str>,
) -> Vec<TemplateProblem> {
    let mut problems = Vec::new();
    let mut refuse = |at, code| problems.push(TemplateProblem { at, code });
    if let Err(code) = template.may_be_sent() {
        refuse(TemplateField::Template, code);
    }
    if fill.template != template.id || fill.as_of != template.updated_at {
        refuse(TemplateField::Template, ProblemCode::TemplateChanged);
    }

    let fallback = name_fallback.unwrap_or_default();
    let mut known = Vec::new();
    for (place, text) in template.texts() {
        let id = |name: &str| SlotId {
            place,
            name: name.to_owned(),
        };
        for name in text.variables() {
            let slot = id(name);
            let value = fill.values.get(&slot).map_or("", String::as_str);
            if let Err(code) = check_value(place, value, fallback) {
                refuse(TemplateField::Value(slot.clone()), code);
            }
            known.push(slot);
        }
        let value = |name: &str| fill.values.get(&id(name)).map(String::as_str);
        if text.filled_length(value) > longest(place) {
            refuse(TemplateField::Text(place), ProblemCode::TemplateTooLong);
        }
    }
    for slot in fill.values.keys().filter(|slot| !known.contains(slot)) {
        refuse(
            TemplateField::Value(slot.clone()),
            ProblemCode::TemplateSlotUnknown,
        );
    }

    let headers = template.media_slots();
    for header in &headers {
        let checked = match fill.media.get(&header.place) {
            None => Err(ProblemCode::TemplateMediaMissing),
            Some(&id) => check_header(header.kind, media(id)),
        };
        if let Err(code) = checked {
            refuse(TemplateField::Media(header.place), code);
        }
    }
    let is_header = |place: &Place| headers.iter().any(|header| header.place == *place);
    for &place in fill.media.keys().filter(|place| !is_header(place)) {
        refuse(
            TemplateField::Media(place),
            ProblemCode::TemplateSlotUnknown,
        );
    }

    if fill.uses_name()
        && let Err(code) = check_fallback(name_fallback)
    {
        refuse(TemplateField::NameFallback, code);
    }
    problems
}

/// Characters that a text may have once it is filled in.
pub fn longest(place: Place) -> usize {
    match (place.card, place.part) {
        (_, Part::Header) => MAX_TEMPLATE_HEADER,
        (None, Part::Body) => MAX_TEMPLATE_BODY,
        (Some(_), Part::Body) => MAX_CARD_BODY,
        (_, Part::Button(_)) => MAX_TEMPLATE_URL,
    }
}

fn check_value(place: Place, value: &str, fallback: &str) -> Result<(), ProblemCode> {
    if is_blank(value) {
        return Err(ProblemCode::TemplateValueMissing);
    }
    if matches!(place.part, Part::Button(_)) {
        // The end of an address: it has no spaces, and a name does not belong into other sites' logs.
        let is_end = !value.contains(|c: char| c.is_whitespace() || c.is_control());
        return if is_end && !uses_name(value) {
            Ok(())
        } else {
            Err(ProblemCode::TemplateLinkInvalid)
        };
    }
    if !is_one_line(value) {
        return Err(ProblemCode::TemplateValueNotOneLine);
    }
    let has_link = |text: &str| !find_links(text).is_empty();
    if has_link(value) || has_link(&fill_value(value, "", fallback)) {
        return Err(ProblemCode::TemplateValueHasLink);
    }
    Ok(())
}

/// No newline, no tab, and never four spaces in a row.
fn is_one_line(value: &str) -> bool {
    let mut spaces = 0;
    value.chars().all(|c| {
        spaces = if c.is_whitespace() { spaces + 1 } else { 0 };
        spaces < 4 && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
    })
}

fn check_header(kind: HeaderKind, facts: Option<MediaFacts>) -> Result<(), ProblemCode> {
    let facts = facts.ok_or(ProblemCode::MediaNotFound)?;
    let medium = kind.medium();
    if facts.medium != medium {
        return Err(ProblemCode::TemplateMediaWrongKind);
    }
    let is_taken = facts
        .file_type
        .is_none_or(|file_type| file_type.is_taken_by(Channel::Whatsapp));
    if !is_taken {
        return Err(ProblemCode::FileTypeNotSupported);
    }
    if media_limit(medium, Channel::Whatsapp).is_some_and(|most| facts.bytes > most) {
        return Err(ProblemCode::MediaTooLarge);
    }
    Ok(())
}

/// A template as one customer gets it, with the values that Meta is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FilledTemplate {
    /// What stands above the body.
    pub header: Option<FilledHeader>,
    /// Its text.
    pub body: FilledText,
    /// The small print under the body; empty when it has none.
    pub footer: String,
    /// Its buttons, in their order.
    pub buttons: Vec<FilledButton>,
    /// The cards of a carousel, in their order.
    pub cards: Vec<FilledCard>,
}

/// A text that is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FilledText {
    /// What the customer sees.
    pub text: String,
    /// The values of its variables: all of them, in the order Meta wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
}

/// The value of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Parameter {
    /// The variable's name; none where values go by their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value.
    pub value: String,
}

/// What stands above the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FilledHeader {
    /// A line of text.
    Text {
        /// The line.
        text: FilledText,
    },
    /// An upload.
    Media {
        /// Which kind.
        kind: HeaderKind,
        /// The upload; none while none is chosen.
        media: Option<MediaId>,
    },
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FilledButton {
    /// Answers with its own words.
    QuickReply {
        /// What stands on it.
        text: String,
    },
    /// Opens a page.
    Url {
        /// What stands on it.
        text: String,
        /// The page's address.
        url: FilledText,
    },
    /// Calls a number.
    Phone {
        /// What stands on it.
        text: String,
        /// The number with country code.
        phone: String,
    },
    /// Something omocast can't send; seen in a preview at most.
    Unsupported {
        /// What stands on it.
        text: String,
    },
}

/// One card of a carousel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FilledCard {
    /// Which kind of upload it shows.
    pub kind: HeaderKind,
    /// The upload; none while none is chosen.
    pub media: Option<MediaId>,
    /// Its text.
    pub body: FilledText,
    /// Its buttons, in their order.
    pub buttons: Vec<FilledButton>,
}

/// The template as the customer called `name` gets it; those without a name are called `fallback`.
///
/// For a fill in which [`check_fill`] finds nothing, Meta takes every value whatever the name is:
/// a name is put in one line, and one that would make a link is left out for `fallback`.
/// What is not filled in yet stays as it is written (`{{1}}`), for the preview.
pub fn fill(
    template: &Template,
    fill: &TemplateFill,
    name: &str,
    fallback: &str,
) -> FilledTemplate {
    let filler = Filler {
        format: template.format,
        fill,
        name,
        fallback,
    };
    let header = match &template.header {
        Some(TemplateHeader::Text { text }) => Some(FilledHeader::Text {
            text: filler.text(Place::of(Part::Header), text),
        }),
        Some(TemplateHeader::Media { kind }) => Some(FilledHeader::Media {
            kind: *kind,
            media: filler.media(None),
        }),
        Some(TemplateHeader::Unsupported { .. }) | None => None,
    };
    let cards = template.cards.iter().enumerate();
    FilledTemplate {
        header,
        body: filler.text(Place::of(Part::Body), &template.body),
        footer: template.footer.clone(),
        buttons: filler.buttons(None, &template.buttons),
        cards: cards
            .map(|(at, card)| {
                let body = Place {
                    card: Some(at),
                    part: Part::Body,
                };
                FilledCard {
                    kind: card.header,
                    media: filler.media(Some(at)),
                    body: filler.text(body, &card.body),
                    buttons: filler.buttons(Some(at), &card.buttons),
                }
            })
            .collect(),
    }
}

struct Filler<'a> {
    format: ParameterFormat,
    fill: &'a TemplateFill,
    name: &'a str,
    fallback: &'a str,
}

impl Filler<'_> {
    fn text(&self, place: Place, text: &TemplateText) -> FilledText {
        let values: Vec<(&str, String)> = text
            .variables()
            .into_iter()
            .filter_map(|name| {
                let slot = SlotId {
                    place,
                    name: name.to_owned(),
                };
                let value = self
                    .fill
                    .values
                    .get(&slot)
                    .filter(|value| !is_blank(value))?;
                Some((name, fill_value(value, self.name, self.fallback)))
            })
            .collect();
        let value = |wanted: &str| {
            let found = values.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let filled = text.filled(value);
        // The address of a button has one variable at most, whose value goes without a name.
        let is_named =
            self.format == ParameterFormat::Named && !matches!(place.part, Part::Button(_));
        let parameters = values
            .into_iter()
            .map(|(name, value)| Parameter {
                name: is_named.then(|| name.to_owned()),
                value,
            })
            .collect();
        FilledText {
            text: filled,
            parameters,
        }
    }

    fn media(&self, card: Option<usize>) -> Option<MediaId> {
        let part = Part::Header;
        self.fill.media.get(&Place { card, part }).copied()
    }

    fn buttons(&self, card: Option<usize>, buttons: &[TemplateButton]) -> Vec<FilledButton> {
        let fill = |(at, button): (usize, &TemplateButton)| match button.clone() {
            TemplateButton::QuickReply { text } => FilledButton::QuickReply { text },
            TemplateButton::Phone { text, phone } => FilledButton::Phone { text, phone },
            TemplateButton::Unsupported { text, .. } => FilledButton::Unsupported { text },
            TemplateButton::Url { text, url } => {
                let part = Part::Button(at);
                let url = self.text(Place { card, part }, &url);
                FilledButton::Url { text, url }
            }
        };
        buttons.iter().enumerate().map(fill).collect()
    }
}

/// A value as one customer gets it.
fn fill_value(value: &str, name: &str, fallback: &str) -> String {
    if !uses_name(value) {
        return value.to_owned();
    }
    let fallback = in_one_line(fallback);
    let filled = fill_name(value, &in_one_line(name), &fallback);
    if find_links(&filled).is_empty() {
        filled
    } else {
        fill_name(value, "", &fallback)
    }
}

/// A name with one space wherever it has white space.
fn in_one_line(name: &str) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = name.split(is_gap).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

impl FilledTemplate {
    /// Everything in it that may hold links: its texts, then the addresses of its buttons.
    pub fn texts(&self) -> Vec<&str> {
        let cards = self.cards.iter();
        let buttons = self.buttons.iter();
        let buttons = buttons.chain(cards.flat_map(|card| &card.buttons));
        let urls = buttons.filter_map(|button| match button {
            FilledButton::Url { url, .. } => Some(url.text.as_str()),
            FilledButton::QuickReply { .. }
            | FilledButton::Phone { .. }
            | FilledButton::Unsupported { .. } => None,
        });
        self.words().chain(urls).collect()
    }

    /// Its texts in one, a line for each: for the thread, the list and the search. Buttons are left out.
    pub fn text(&self) -> String {
        self.words().collect::<Vec<_>>().join("\n")
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let header = match &self.header {
            Some(FilledHeader::Text { text }) => text.text.as_str(),
            Some(FilledHeader::Media { .. }) | None => "",
        };
        [header, &self.body.text, &self.footer]
            .into_iter()
            .chain(self.cards.iter().map(|card| card.body.text.as_str()))
            .filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::template::tests::{template, text};
    use crate::template::{TemplateCard, TemplateStatus};
    use crate::text::{TextUnit, length};
    use crate::variable::CUSTOMER_NAME;
    use crate::{FileType, Medium};

    const IMAGE: MediaId = MediaId(Uuid::from_u128(1));
    const LARGE_IMAGE: MediaId = MediaId(Uuid::from_u128(2));
    const VIDEO: MediaId = MediaId(Uuid::from_u128(3));
    const PDF: MediaId = MediaId(Uuid::from_u128(4));
    const ZIP: MediaId = MediaId(Uuid::from_u128(5));

    /// What is known of the uploads of these tests.
    fn facts(id: MediaId) -> Option<MediaFacts> {
        let (medium, megabytes, file_type) = match id {
            IMAGE => (Medium::Image, 5, None),
            LARGE_IMAGE => (Medium::Image, 6, None),
            VIDEO => (Medium::Video, 17, None),
            PDF => (Medium::File, 64, Some(FileType::Pdf)),
            ZIP => (Medium::File, 1, Some(FileType::Zip)),
            _ => return None,
        };
        Some(MediaFacts {
            medium,
            bytes: megabytes << 20,
            file_type,
        })
    }

    fn filled(template: &Template, values: &[(&str, &str)]) -> TemplateFill {
        let values = values
            .iter()
            .map(|&(slot, value)| (slot.parse().expect("a slot"), value.to_owned()));
        TemplateFill {
            values: values.collect(),
            ..TemplateFill::of(template)
        }
    }

    fn with_media(template: &Template, media: &[(&str, MediaId)]) -> TemplateFill {
        let media = media
            .iter()
            .map(|&(place, id)| (place.parse().expect("a place"), id));
        TemplateFill {
            media: media.collect(),
            ..TemplateFill::of(template)
        }
    }

    #[track_caller]
    fn check(template: &Template, fill: &TemplateFill, expected: &[(&str, ProblemCode)]) {
        check_with(template, fill, Some("貴賓"), expected);
    }

    #[track_caller]
    fn check_with(
        template: &Template,
        fill: &TemplateFill,
        name_fallback: Option<&str>,
        expected: &[(&str, ProblemCode)],
    ) {
        let found: Vec<_> = check_fill(template, fill, facts, name_fallback)
            .iter()
            .map(|problem| (problem.field(), problem.code))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|&(field, code)| (field.to_owned(), code))
            .collect();
        assert_eq!(found, expected);
    }

    /// A value of the body, or of a button's address.
    #[track_caller]
    fn check_one(slot: &str, value: &str, expected: Option<ProblemCode>) {
        let template = Template {
            buttons: vec![TemplateButton::Url {
                text: "看更多".to_owned(),
                url: text("https://example.com/{{1}}"),
            }],
            ..template("您好{{1}}。")
        };
        let mut values = vec![("body.1", "好"), ("buttons[0].1", "sale")];
        values.retain(|&(other, _)| other != slot);
        values.push((slot, value));
        let field = format!("template.values.{slot}");
        let expected: Vec<_> = expected
            .iter()
            .map(|&code| (field.as_str(), code))
            .collect();
        check(&template, &filled(&template, &values), &expected);
    }

    #[test]
    fn every_slot_needs_a_value() {
        let template = template("{{1}} {{2}}");
        check(
            &template,
            &filled(&template, &[("body.2", "好")]),
            &[("template.values.body.1", ProblemCode::TemplateValueMissing)],
        );
        for blank in ["", " ", "\u{3000}", "\u{200b}", "\n"] {
            check_one("body.1", blank, Some(ProblemCode::TemplateValueMissing));
        }
    }

    #[test]
    fn a_value_is_one_line() {
        for value in [
            "a\nb",
            "a\tb",
            "a\rb",
            "a\u{2028}b",
            "a    b",
            "a \u{3000}  b",
        ] {
            check_one("body.1", value, Some(ProblemCode::TemplateValueNotOneLine));
        }
        check_one("body.1", "a   b", None);
    }

    #[test]
    fn a_value_of_a_text_has_no_link() {
        for value in [
            "https://example.com",
            "請看 shop.tw/1 喔",
            "www.example.com",
        ] {
            check_one("body.1", value, Some(ProblemCode::TemplateValueHasLink));
        }
        check_one("body.1", "9.5 折", None);
        check_one("buttons[0].1", "example.com", None);
    }

    #[test]
    fn the_word_for_those_without_a_name_makes_no_link() {
        let template = template("您好{{1}}。");
        let fill = filled(&template, &[("body.1", "{{customer_name}}")]);
        check_with(
            &template,
            &fill,
            Some("shop.tw"),
            &[("template.values.body.1", ProblemCode::TemplateValueHasLink)],
        );
    }

    #[test]
    fn the_end_of_an_address_has_no_spaces_and_no_name() {
        for value in ["a b", "a\nb", "u={{customer_name}}"] {
            check_one(
                "buttons[0].1",
                value,
                Some(ProblemCode::TemplateLinkInvalid),
            );
        }
        check_one("buttons[0].1", "sale?utm=line&a=1", None);
    }

    #[test]
    fn a_name_needs_a_word_for_those_without() {
        let template = template("您好{{1}}。");
        let fill = filled(&template, &[("body.1", "{{customer_name}}")]);
        check(&template, &fill, &[]);
        check_with(
            &template,
            &fill,
            None,
            &[("name_fallback", ProblemCode::NameFallbackMissing)],
        );
        check_with(
            &template,
            &filled(&template, &[("body.1", "您")]),
            None,
            &[],
        );
    }

    #[test]
    fn a_value_that_the_template_does_not_ask_for_is_refused() {
        let template = template("您好");
        let mut fill = filled(&template, &[("body.1", "好")]);
        fill.media = with_media(&template, &[("header", IMAGE)]).media;
        check(
            &template,
            &fill,
            &[
                ("template.values.body.1", ProblemCode::TemplateSlotUnknown),
                ("template.media.header", ProblemCode::TemplateSlotUnknown),
            ],
        );
    }

    #[track_caller]
    fn check_length(template: &Template, slot: &str, most: usize, field: &str) {
        for (length, expected) in [
            (most, &[][..]),
            (most + 1, &[(field, ProblemCode::TemplateTooLong)][..]),
        ] {
            let fill = filled(template, &[(slot, &"中".repeat(length))]);
            check(template, &fill, expected);
        }
    }

    #[test]
    fn a_body_has_1024_characters_once_filled_in() {
        check_length(&template("您好{{1}}"), "body.1", 1_022, "template.body");
    }

    #[test]
    fn a_header_has_60_characters_once_filled_in() {
        let template = Template {
            header: Some(TemplateHeader::Text {
                text: text("特賣{{1}}"),
            }),
            ..template("您好")
        };
        check_length(&template, "header.1", 58, "template.header");
    }

    #[test]
    fn a_card_has_160_characters_once_filled_in() {
        let mut template = carousel(1);
        template.cards[0].body = text("{{1}}");
        let mut fill = with_media(&template, &[("cards[0].header", IMAGE)]);
        fill.values = filled(&template, &[("cards[0].body.1", &"中".repeat(161))]).values;
        check(
            &template,
            &fill,
            &[("template.cards[0].body", ProblemCode::TemplateTooLong)],
        );
    }

    #[test]
    fn a_name_counts_as_the_longest_in_a_template_too() {
        let template = template(&format!("{}{{{{1}}}}", "中".repeat(990)));
        check(
            &template,
            &filled(&template, &[("body.1", CUSTOMER_NAME)]),
            &[("template.body", ProblemCode::TemplateTooLong)],
        );
    }

    #[track_caller]
    fn check_media(kind: HeaderKind, id: Option<MediaId>, expected: Option<ProblemCode>) {
        let template = Template {
            header: Some(TemplateHeader::Media { kind }),
            ..template("您好")
        };
        let media: Vec<_> = id.into_iter().map(|id| ("header", id)).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|code| ("template.media.header", code))
            .collect();
        check(&template, &with_media(&template, &media), &expected);
    }

    #[test]
    fn a_media_header_needs_its_upload_each_time() {
        let missing = Some(ProblemCode::TemplateMediaMissing);
        check_media(HeaderKind::Image, None, missing);
        check_media(HeaderKind::Image, Some(IMAGE), None);
        let unknown = MediaId(Uuid::from_u128(99));
        check_media(
            HeaderKind::Image,
            Some(unknown),
            Some(ProblemCode::MediaNotFound),
        );
    }

    #[test]
    fn a_media_header_takes_uploads_of_its_kind() {
        let wrong = Some(ProblemCode::TemplateMediaWrongKind);
        check_media(HeaderKind::Image, Some(PDF), wrong);
        check_media(HeaderKind::Video, Some(IMAGE), wrong);
        check_media(HeaderKind::Document, Some(IMAGE), wrong);
        check_media(HeaderKind::Document, Some(PDF), None);
        check_media(
            HeaderKind::Document,
            Some(ZIP),
            Some(ProblemCode::FileTypeNotSupported),
        );
    }

    #[test]
    fn a_media_header_takes_what_whatsapp_takes() {
        let too_large = Some(ProblemCode::MediaTooLarge);
        check_media(HeaderKind::Image, Some(LARGE_IMAGE), too_large);
        check_media(HeaderKind::Video, Some(VIDEO), too_large);
    }

    #[test]
    fn each_card_needs_an_upload() {
        let template = carousel(2);
        check(
            &template,
            &with_media(&template, &[("cards[1].header", IMAGE)]),
            &[(
                "template.media.cards[0].header",
                ProblemCode::TemplateMediaMissing,
            )],
        );
    }

    #[test]
    fn a_template_that_is_paused_or_changed_is_refused() {
        let before = template("您好");
        let paused = Template {
            status: TemplateStatus::Paused,
            ..before.clone()
        };
        check(
            &paused,
            &TemplateFill::of(&before),
            &[("template", ProblemCode::TemplateNotApproved)],
        );
        let changed = Template {
            updated_at: Timestamp(2),
            ..before.clone()
        };
        check(
            &changed,
            &TemplateFill::of(&before),
            &[("template", ProblemCode::TemplateChanged)],
        );
    }

    fn carousel(cards: usize) -> Template {
        Template {
            cards: vec![
                TemplateCard {
                    header: HeaderKind::Image,
                    body: text("秋裝"),
                    buttons: Vec::new(),
                };
                cards
            ],
            ..template("您好")
        }
    }

    fn parameters(text: &FilledText) -> Vec<(Option<&str>, &str)> {
        text.parameters
            .iter()
            .map(|parameter| (parameter.name.as_deref(), parameter.value.as_str()))
            .collect()
    }

    #[test]
    fn numbers_are_told_in_their_order() {
        let template = template("{{2}}、{{1}}、{{2}}");
        let sent = filled(&template, &[("body.1", "甲"), ("body.2", "乙")]);
        let body = fill(&template, &sent, "", "").body;
        assert_eq!(body.text, "乙、甲、乙");
        assert_eq!(parameters(&body), [(None, "甲"), (None, "乙")]);
    }

    #[test]
    fn names_are_told_with_their_values() {
        let template = Template {
            format: ParameterFormat::Named,
            buttons: vec![TemplateButton::Url {
                text: "看更多".to_owned(),
                url: text("https://example.com/{{1}}"),
            }],
            ..template("{{order_id}}、{{day}}")
        };
        let values = [
            ("body.order_id", "A-17"),
            ("body.day", "週日"),
            ("buttons[0].1", "a"),
        ];
        let filled = fill(&template, &filled(&template, &values), "", "");
        assert_eq!(
            parameters(&filled.body),
            [(Some("order_id"), "A-17"), (Some("day"), "週日")]
        );
        let [FilledButton::Url { url, .. }] = &filled.buttons[..] else {
            panic!("{:?}", filled.buttons);
        };
        assert_eq!(url.text, "https://example.com/a");
        assert_eq!(parameters(url), [(None, "a")]);
    }

    #[track_caller]
    fn check_name(name: &str, expected: &str) {
        let template = template("{{1}}您好");
        let sent = filled(&template, &[("body.1", CUSTOMER_NAME)]);
        assert_eq!(fill(&template, &sent, name, "貴賓").body.text, expected);
    }

    #[test]
    fn each_customer_is_called_by_name() {
        check_name("怡君", "怡君您好");
        check_name("", "貴賓您好");
    }

    #[test]
    fn a_name_that_meta_would_refuse_is_put_right_or_left_out() {
        check_name("王\n\n\n\n小明", "王 小明您好");
        check_name("amy    chang", "amy chang您好");
        check_name("shop.tw", "貴賓您好");
    }

    #[test]
    fn what_is_not_filled_in_stays_as_it_is_written() {
        let template = Template {
            header: Some(TemplateHeader::Media {
                kind: HeaderKind::Image,
            }),
            ..template("{{1}}您好")
        };
        let filled = fill(&template, &TemplateFill::of(&template), "", "");
        assert_eq!(filled.body.text, "{{1}}您好");
        assert_eq!(
            filled.header,
            Some(FilledHeader::Media {
                kind: HeaderKind::Image,
                media: None
            })
        );
    }

    #[test]
    fn the_thread_shows_every_text() {
        let template = Template {
            header: Some(TemplateHeader::Text {
                text: text("特賣")
            }),
            footer: "回覆取消訂閱".to_owned(),
            buttons: vec![TemplateButton::Url {
                text: "看更多".to_owned(),
                url: text("https://example.com/"),
            }],
            ..carousel(1)
        };
        let filled = fill(&template, &TemplateFill::of(&template), "", "");
        assert_eq!(filled.text(), "特賣\n您好\n回覆取消訂閱\n秋裝");
        assert_eq!(filled.texts().last(), Some(&"https://example.com/"));
    }

    #[test]
    fn a_fill_is_written_by_the_names_of_its_slots() {
        let template = template("{{1}}");
        let mut fill = filled(&template, &[("body.1", "好")]);
        fill.media = with_media(&template, &[("cards[0].header", IMAGE)]).media;
        let written = serde_json::json!({
            "template": template.id,
            "as_of": "1970-01-01T00:00:00.001Z",
            "values": { "body.1": "好" },
            "media": { "cards[0].header": IMAGE },
        });
        assert_eq!(serde_json::to_value(&fill).unwrap(), written);
        assert_eq!(
            serde_json::from_value::<TemplateFill>(written).unwrap(),
            fill
        );
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            1 => "\\PC{0,12}",
            4 => Just(CUSTOMER_NAME.to_owned()),
            1 => "[a-z]{1,5}\\.(com|tw)",
            1 => "[ \u{3000}]{1,3}",
            1 => "(www\\.|https://)",
            3 => "[a中。]{1,8}",
        ]
    }

    fn words() -> impl Strategy<Value = String> {
        prop::collection::vec(piece(), 1..4).prop_map(|pieces| pieces.concat())
    }

    fn name() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![piece(), "[\n\t\0 ]{1,5}".prop_map(String::from)],
            0..4,
        )
        .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_passes_the_check_is_taken_for_every_name(
            values in prop::collection::vec(words(), 2),
            fallback in "[a中.]{1,4}",
            name in name(),
            format in prop::sample::select(vec![ParameterFormat::Positional, ParameterFormat::Named]),
        ) {
            let template = Template {
                header: Some(TemplateHeader::Text { text: text("嗨{{1}}") }),
                format,
                ..template("{{2}}您好{{1}}，{{2}}")
            };
            let sent = filled(&template, &[("header.1", "好"), ("body.1", &values[0]), ("body.2", &values[1])]);
            if !check_fill(&template, &sent, facts, Some(&fallback)).is_empty() {
                return Ok(());
            }
            let filled = fill(&template, &sent, &name, &fallback);
            prop_assert_eq!(filled.body.parameters.len(), 2);
            for parameter in &filled.body.parameters {
                prop_assert!(!is_blank(&parameter.value));
                prop_assert!(is_one_line(&parameter.value), "{:?}", parameter.value);
                prop_assert!(find_links(&parameter.value).is_empty(), "{:?}", parameter.value);
                prop_assert_eq!(parameter.name.is_some(), format == ParameterFormat::Named);
            }
            prop_assert!(length(&filled.body.text, TextUnit::Char) <= MAX_TEMPLATE_BODY);
            let [first, second] = &filled.body.parameters[..] else { unreachable!() };
            prop_assert_eq!(&filled.body.text, &format!("{1}您好{0}，{1}", first.value, second.value));
        }
    }
}
