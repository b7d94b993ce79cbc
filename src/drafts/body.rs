//! What a draft holds, whoever keeps it.

use omocast_contract::api::Media;
use omocast_contract::draft::is_blank_draft;
use omocast_contract::{Audience, Draft, DraftEdit, OutgoingMessage, Surface};
use serde::{Deserialize, Serialize};

/// What a draft holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftBody {
    pub audience: Option<Audience>,
    /// Without those whose upload is not finished.
    pub messages: Vec<OutgoingMessage>,
    pub name_fallback: Option<String>,
    pub surface: Surface,
    /// The uploads that the messages use.
    pub media: Vec<Media>,
}

impl DraftBody {
    /// Whether nothing is written that would be a pity to lose.
    pub fn is_blank(&self) -> bool {
        is_blank_draft(&self.messages)
    }

    /// Whether both say the same; the surface and what is known of uploads is nothing that one writes.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.audience == other.audience
            && self.messages == other.messages
            && self.name_fallback == other.name_fallback
    }

    /// What is sent to keep it.
    pub fn edit(&self, base_version: u64) -> DraftEdit {
        DraftEdit {
            base_version,
            audience: self.audience.clone(),
            messages: self.messages.clone(),
            name_fallback: self.name_fallback.clone(),
            surface: self.surface,
        }
    }
}

impl From<Draft> for DraftBody {
    fn from(draft: Draft) -> Self {
        Self {
            audience: draft.audience,
            messages: draft.messages,
            name_fallback: draft.name_fallback,
            surface: draft.surface,
            media: draft.media,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(texts: &[&str]) -> DraftBody {
        let text = |text: &&str| OutgoingMessage::Text {
            text: (*text).to_owned(),
        };
        DraftBody {
            messages: texts.iter().map(text).collect(),
            ..DraftBody::default()
        }
    }

    #[test]
    fn white_space_alone_is_nothing_to_keep() {
        assert!(DraftBody::default().is_blank() && body(&["", " \n"]).is_blank());
        assert!(!body(&["", "好"]).is_blank());
    }

    #[test]
    fn an_upload_alone_is_worth_keeping() {
        let media = "0190a000-0000-7000-8000-000000000001".parse().unwrap();
        let mut body = DraftBody::default();
        body.messages.push(OutgoingMessage::Image {
            media,
            caption: None,
        });
        assert!(!body.is_blank());
    }

    #[test]
    fn the_surface_is_nothing_that_one_writes() {
        let desk = body(&["好"]);
        let phone = DraftBody {
            surface: Surface::App,
            ..desk.clone()
        };
        assert!(desk.says_as(&phone) && !desk.says_as(&body(&["壞"])));
    }
}
