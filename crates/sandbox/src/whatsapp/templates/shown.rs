//! What a customer's phone shows of a sent template.

use serde::{Deserialize, Serialize};

use super::template::TemplateCategory;

/// A template with its variables filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneTemplate {
    pub name: String,
    pub language: String,
    pub category: TemplateCategory,
    /// Whether Meta charges for it: not for a utility template inside the window.
    pub billable: bool,
    pub header: Option<PhoneHeader>,
    pub body: String,
    pub footer: Option<String>,
    pub buttons: Vec<PhoneButton>,
    /// Of a carousel.
    pub cards: Vec<PhoneCard>,
}

impl PhoneTemplate {
    /// Where the header's content is: the template's own, or that of a card.
    pub(crate) fn media_url(&self, card: Option<usize>) -> Option<&str> {
        let header = match card {
            None => self.header.as_ref(),
            Some(card) => self.cards.get(card).map(|card| &card.header),
        };
        match header? {
            PhoneHeader::Text { .. } => None,
            PhoneHeader::Image { url }
            | PhoneHeader::Video { url }
            | PhoneHeader::Document { url, .. } => Some(url),
        }
    }

    /// The button at a place: of the template, or of a card.
    pub(crate) fn button(&self, card: Option<usize>, button: usize) -> Option<&PhoneButton> {
        match card {
            None => self.buttons.get(button),
            Some(card) => self.cards.get(card)?.buttons.get(button),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PhoneHeader {
    Text { text: String },
    Image { url: String },
    Video { url: String },
    Document { url: String, name: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PhoneButton {
    /// The business is told the payload when the customer presses it.
    QuickReply {
        text: String,
        payload: String,
    },
    Url {
        text: String,
        url: String,
    },
    PhoneNumber {
        text: String,
        phone_number: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneCard {
    pub header: PhoneHeader,
    pub body: Option<String>,
    pub buttons: Vec<PhoneButton>,
}
