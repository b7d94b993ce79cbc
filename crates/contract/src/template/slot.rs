//! Slots: what is still to be filled in before a template can be sent, and where.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::TemplateText;
use super::{HeaderKind, Template, TemplateButton, TemplateHeader};

/// A part of a template that may hold variables or an upload.
/// On the wire `header`, `body`, `buttons[1]`, `cards[0].body`; numbers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    /// The card of a carousel; none for the template itself.
    pub card: Option<usize>,
    /// Which part of it.
    pub part: Part,
}

/// A part of a template or a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What stands above the body.
    Header,
    /// The text.
    Body,
    /// A button, counted from 0 among all buttons.
    Button(usize),
}

/// Names a variable of a template.
/// On the wire the place and the variable's number or name: `body.1`, `cards[0].buttons[1].order_id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotId {
    /// Where it stands.
    pub place: Place,
    /// Its number or name.
    pub name: String,
}

/// A variable to be given a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Which one.
    pub id: SlotId,
    /// What Meta was shown in its place; empty when that is not known.
    pub sample: &'a str,
}

/// A header to be given an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaSlot {
    /// Where it stands.
    pub place: Place,
    /// Which kind of upload it takes.
    pub kind: HeaderKind,
}

impl Place {
    /// A part of the template itself.
    pub fn of(part: Part) -> Self {
        Self { card: None, part }
    }
}

impl Template {
    /// Its texts that may have variables, in the order in which a customer reads them:
    /// header, body, buttons, then card by card.
    pub fn texts(&self) -> Vec<(Place, &TemplateText)> {
        let mut texts = Vec::new();
        if let Some(TemplateHeader::Text { text }) = &self.header {
            texts.push((Place::of(Part::Header), text));
        }
        texts.push((Place::of(Part::Body), &self.body));
        push_urls(&self.buttons, None, &mut texts);
        for (at, card) in self.cards.iter().enumerate() {
            let body = Place {
                card: Some(at),
                part: Part::Body,
            };
            texts.push((body, &card.body));
            push_urls(&card.buttons, Some(at), &mut texts);
        }
        texts
    }

    /// Its variables in the order of [`Template::texts`]; one that stands twice in a text is one slot.
    pub fn slots(&self) -> Vec<Slot<'_>> {
        let mut slots = Vec::new();
        for (place, text) in self.texts() {
            slots.extend(text.variables().into_iter().map(|name| Slot {
                id: SlotId {
                    place,
                    name: name.to_owned(),
                },
                sample: text.sample(name),
            }));
        }
        slots
    }

    /// Its headers that take an upload, that of the template first.
    pub fn media_slots(&self) -> Vec<MediaSlot> {
        let own = match &self.header {
            Some(TemplateHeader::Media { kind }) => Some((None, *kind)),
            Some(TemplateHeader::Text { .. } | TemplateHeader::Unsupported { .. }) | None => None,
        };
        let cards = self.cards.iter().enumerate();
        own.into_iter()
            .chain(cards.map(|(at, card)| (Some(at), card.header)))
            .map(|(card, kind)| MediaSlot {
                place: Place {
                    card,
                    part: Part::Header,
                },
                kind,
            })
            .collect()
    }

    /// Whether there is nothing to fill in, so that the step of editing is skipped.
    pub fn has_nothing_to_edit(&self) -> bool {
        self.slots().is_empty() && self.media_slots().is_empty()
    }
}

fn push_urls<'a>(
    buttons: &'a [TemplateButton],
    card: Option<usize>,
    texts: &mut Vec<(Place, &'a TemplateText)>,
) {
    for (at, button) in buttons.iter().enumerate() {
        if let TemplateButton::Url { url, .. } = button {
            let part = Part::Button(at);
            texts.push((Place { card, part }, url));
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(card) = self.card {
            write!(f, "cards[{card}].")?;
        }
        match self.part {
            Part::Header => f.write_str("header"),
            Part::Body => f.write_str("body"),
            Part::Button(at) => write!(f, "buttons[{at}]"),
        }
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.name)
    }
}

/// A text that names no place or no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASlot;

impl fmt::Display for NotASlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a part of a template, such as body.1 or cards[0].header")
    }
}

impl std::error::Error for NotASlot {}

impl FromStr for Place {
    type Err = NotASlot;

    fn from_str(text: &str) -> Result<Self, NotASlot> {
        let (card, part) = match text.strip_prefix("cards[") {
            Some(rest) => {
                let (number, part) = rest.split_once("].").ok_or(NotASlot)?;
                (Some(number), part)
            }
            None => (None, text),
        };
        let part = match part {
            "header" => Part::Header,
            "body" => Part::Body,
            part => {
                let number = part
                    .strip_prefix("buttons[")
                    .and_then(|rest| rest.strip_suffix(']'));
                Part::Button(index(number.ok_or(NotASlot)?)?)
            }
        };
        let card = card.map(index).transpose()?;
        Ok(Self { card, part })
    }
}

/// Only as it is written by us, so that one slot has one name.
fn index(number: &str) -> Result<usize, NotASlot> {
    let index: usize = number.parse().map_err(|_| NotASlot)?;
    if index.to_string() == number {
        Ok(index)
    } else {
        Err(NotASlot)
    }
}

impl FromStr for SlotId {
    type Err = NotASlot;

    fn from_str(text: &str) -> Result<Self, NotASlot> {
        // Names have no dots.
        let (place, name) = text.rsplit_once('.').ok_or(NotASlot)?;
        if name.is_empty() {
            return Err(NotASlot);
        }
        Ok(Self {
            place: place.parse()?,
            name: name.to_owned(),
        })
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = NotASlot;

            fn try_from(text: String) -> Result<Self, NotASlot> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}

as_text!(Place, SlotId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::TemplateCard;
    use crate::template::tests::{template, text};
    use crate::template::text::Sample;

    fn link(url: &str) -> TemplateButton {
        TemplateButton::Url {
            text: "看更多".to_owned(),
            url: text(url),
        }
    }

    fn quick_reply() -> TemplateButton {
        TemplateButton::QuickReply {
            text: "取消訂閱".to_owned(),
        }
    }

    fn carousel() -> Template {
        Template {
            cards: vec![
                TemplateCard {
                    header: HeaderKind::Image,
                    body: text("{{1}}"),
                    buttons: vec![quick_reply(), link("https://example.com/{{1}}")],
                };
                2
            ],
            ..template("您好")
        }
    }

    #[track_caller]
    fn check(template: &Template, slots: &[&str], media: &[&str]) {
        let found: Vec<_> = template
            .slots()
            .iter()
            .map(|slot| slot.id.to_string())
            .collect();
        assert_eq!(found, slots);
        let found = template.media_slots();
        let found: Vec<_> = found.iter().map(|slot| slot.place.to_string()).collect();
        assert_eq!(found, media);
    }

    #[test]
    fn slots_come_in_the_order_of_reading() {
        let template = Template {
            header: Some(TemplateHeader::Text {
                text: text("{{1}}"),
            }),
            buttons: vec![quick_reply(), link("https://example.com/{{1}}")],
            ..template("{{2}}{{1}}{{2}}")
        };
        check(
            &template,
            &["header.1", "body.1", "body.2", "buttons[1].1"],
            &[],
        );
    }

    #[test]
    fn each_card_has_slots_of_its_own() {
        check(
            &carousel(),
            &[
                "cards[0].body.1",
                "cards[0].buttons[1].1",
                "cards[1].body.1",
                "cards[1].buttons[1].1",
            ],
            &["cards[0].header", "cards[1].header"],
        );
    }

    #[test]
    fn a_media_header_is_to_be_filled() {
        let template = Template {
            header: Some(TemplateHeader::Media {
                kind: HeaderKind::Document,
            }),
            ..template("您好")
        };
        check(&template, &[], &["header"]);
        assert!(!template.has_nothing_to_edit());
    }

    #[test]
    fn a_template_without_slots_has_nothing_to_edit() {
        let template = Template {
            buttons: vec![quick_reply(), link("https://example.com")],
            ..template("您好")
        };
        assert!(template.has_nothing_to_edit());
    }

    #[test]
    fn a_slot_knows_its_sample() {
        let mut template = template("{{day}} {{order_id}}");
        template.body.samples.push(Sample {
            name: "order_id".to_owned(),
            value: "A-17".to_owned(),
        });
        let samples: Vec<_> = template.slots().iter().map(|slot| slot.sample).collect();
        assert_eq!(samples, ["", "A-17"]);
    }

    #[test]
    fn what_names_no_slot_is_refused() {
        for text in [
            "",
            "body",
            "body.",
            "footer.1",
            "buttons[].1",
            "buttons[01].1",
            "buttons[+1].1",
            "buttons[1.1",
            "cards[0]body.1",
            "cards[].body.1",
            "cards[0].cards[0].body.1",
        ] {
            assert_eq!(text.parse::<SlotId>(), Err(NotASlot), "{text}");
        }
    }

    fn place() -> impl Strategy<Value = Place> {
        let part = prop_oneof![
            Just(Part::Header),
            Just(Part::Body),
            (0_usize..20).prop_map(Part::Button)
        ];
        (prop::option::of(0_usize..20), part).prop_map(|(card, part)| Place { card, part })
    }

    proptest! {
        #[test]
        fn slots_read_back(place in place(), name in "[1-9][0-9]?|[a-z_]{1,8}") {
            prop_assert_eq!(place.to_string().parse(), Ok(place));
            let slot = SlotId { place, name };
            prop_assert_eq!(slot.to_string().parse(), Ok(slot.clone()));
            let written = serde_json::to_value(&slot).unwrap();
            prop_assert_eq!(written, slot.to_string());
        }
    }
}
