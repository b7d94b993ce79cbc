//! WhatsApp templates (訊息範本): what Meta approved, what is still to be filled in, and what a customer gets.
//!
//! `text` reads variables, `slot` lists what is to be filled in, `fill` checks and fills.

pub mod fill;
pub mod slot;
pub mod text;

use serde::{Deserialize, Serialize};

use self::text::TemplateText;
use crate::{Medium, ProblemCode, SavedReplyAudience, TemplateId, Timestamp, Waba};

/// A template of a WhatsApp Business account, in one language, as a member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// The account that may send it.
    pub waba: Waba,
    /// Meta's name for it: small letters, digits and `_`.
    pub name: String,
    /// Its name among staff; empty when it has none.
    pub title: String,
    /// Meta's code of its language, such as `zh_TW`.
    pub language: String,
    /// What Meta takes it for.
    pub meta_category: TemplateCategory,
    /// Where it stands at Meta.
    pub status: TemplateStatus,
    /// How its variables are called.
    pub format: ParameterFormat,
    /// What stands above the body.
    pub header: Option<TemplateHeader>,
    /// Its text.
    pub body: TemplateText,
    /// The small print under the body, without variables; empty when it has none.
    pub footer: String,
    /// Its buttons, in their order.
    pub buttons: Vec<TemplateButton>,
    /// The cards of a carousel, in their order; empty when it is none.
    pub cards: Vec<TemplateCard>,
    /// 類別 among staff; empty when it has none.
    pub category: String,
    /// Who may use it.
    pub audience: SavedReplyAudience,
    /// When what it says last changed; its status and its category are not part of that.
    pub updated_at: Timestamp,
}

/// What Meta takes a template for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TemplateCategory {
    /// Offers and news; customers may opt out of these.
    Marketing,
    /// About something the customer did, such as an order.
    Utility,
    /// A code to sign in with.
    Authentication,
}

impl TemplateCategory {
    /// Every category.
    pub const ALL: [Self; 3] = [Self::Marketing, Self::Utility, Self::Authentication];

    /// The name on the wire and in the store; Meta writes it in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
        }
    }

    /// Reads [`TemplateCategory::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|found| found.as_str() == text)
    }
}

/// Where a template stands at Meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TemplateStatus {
    /// It may be sent.
    Approved,
    /// Meta is looking at it.
    Pending,
    /// Meta refused it.
    Rejected,
    /// Customers complained: it rests for some hours.
    Paused,
    /// Customers complained too often.
    Disabled,
    /// The refusal is being looked at again.
    InAppeal,
    /// Put away.
    Archived,
    /// The account has too many templates.
    LimitExceeded,
    /// Deleted.
    Deleted,
    /// Being deleted.
    PendingDeletion,
}

impl TemplateStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Approved,
        Self::Pending,
        Self::Rejected,
        Self::Paused,
        Self::Disabled,
        Self::InAppeal,
        Self::Archived,
        Self::LimitExceeded,
        Self::Deleted,
        Self::PendingDeletion,
    ];

    /// The name on the wire and in the store; Meta writes it in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
            Self::InAppeal => "in_appeal",
            Self::Archived => "archived",
            Self::LimitExceeded => "limit_exceeded",
            Self::Deleted => "deleted",
            Self::PendingDeletion => "pending_deletion",
        }
    }

    /// Reads [`TemplateStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether Meta takes messages of a template that stands here.
    pub fn may_be_sent(self) -> bool {
        self == Self::Approved
    }
}

/// How the variables of a template are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ParameterFormat {
    /// By numbers: `{{1}}`. Meta wants values in the order of the numbers.
    #[default]
    Positional,
    /// By names: `{{order_id}}`. Meta wants the name with each value.
    Named,
}

impl ParameterFormat {
    /// The name on the wire and in the store; Meta writes it in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Positional => "positional",
            Self::Named => "named",
        }
    }

    /// Reads [`ParameterFormat::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Positional, Self::Named]
            .into_iter()
            .find(|format| format.as_str() == text)
    }
}

/// What stands above the body of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TemplateHeader {
    /// A line of text with at most one variable.
    Text {
        /// The line.
        text: TemplateText,
    },
    /// An upload, which is chosen anew for every broadcast.
    Media {
        /// Which kind.
        kind: HeaderKind,
    },
    /// Something omocast can't send yet, named by the platform's own word (LOCATION, GIF, …).
    Unsupported {
        /// The platform's word.
        kind: String,
    },
}

/// A kind of upload above a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HeaderKind {
    /// A JPEG or PNG.
    Image,
    /// An MP4.
    Video,
    /// A PDF or another document that WhatsApp takes.
    Document,
}

impl HeaderKind {
    /// The medium of its upload, whose limits on WhatsApp hold here too.
    pub fn medium(self) -> Medium {
        match self {
            Self::Image => Medium::Image,
            Self::Video => Medium::Video,
            Self::Document => Medium::File,
        }
    }
}

/// A button under a template or a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TemplateButton {
    /// Answers with its own words.
    QuickReply {
        /// What stands on it.
        text: String,
    },
    /// Opens a page.
    Url {
        /// What stands on it.
        text: String,
        /// The page's address; may end in one variable.
        url: TemplateText,
    },
    /// Calls a number.
    Phone {
        /// What stands on it.
        text: String,
        /// The number with country code.
        phone: String,
    },
    /// Something omocast can't send yet, named by the platform's own word (COPY_CODE, FLOW, …).
    Unsupported {
        /// What stands on it.
        text: String,
        /// The platform's word.
        kind: String,
    },
}

impl TemplateButton {
    /// What stands on it.
    pub fn text(&self) -> &str {
        match self {
            Self::QuickReply { text }
            | Self::Url { text, .. }
            | Self::Phone { text, .. }
            | Self::Unsupported { text, .. } => text,
        }
    }
}

/// One card of a carousel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateCard {
    /// Which kind of upload it shows.
    pub header: HeaderKind,
    /// Its text.
    pub body: TemplateText,
    /// Its buttons, in their order.
    pub buttons: Vec<TemplateButton>,
}

impl Template {
    /// What lists call it: its name among staff, else Meta's.
    pub fn display_name(&self) -> &str {
        if self.title.is_empty() {
            &self.name
        } else {
            &self.title
        }
    }

    /// Whether it may be sent: Meta approved it, and omocast knows all its parts.
    /// The list offers only those that may; delivery asks again.
    pub fn may_be_sent(&self) -> Result<(), ProblemCode> {
        if !self.status.may_be_sent() {
            return Err(ProblemCode::TemplateNotApproved);
        }
        let is_known =
            |button: &TemplateButton| !matches!(button, TemplateButton::Unsupported { .. });
        let has_unknown_header = matches!(self.header, Some(TemplateHeader::Unsupported { .. }));
        let mut buttons = self
            .buttons
            .iter()
            .chain(self.cards.iter().flat_map(|card| &card.buttons));
        if has_unknown_header || !buttons.all(is_known) {
            return Err(ProblemCode::TemplateNotSupported);
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::WabaId;

    /// A template that may be sent and has nothing but a body.
    pub(crate) fn template(body: &str) -> Template {
        Template {
            id: TemplateId(Uuid::from_u128(1)),
            waba: Waba {
                id: WabaId("100000000000001".to_owned()),
                name: "Rivage".to_owned(),
            },
            name: "autumn_sale".to_owned(),
            title: String::new(),
            language: "zh_TW".to_owned(),
            meta_category: TemplateCategory::Marketing,
            status: TemplateStatus::Approved,
            format: ParameterFormat::Positional,
            header: None,
            body: text(body),
            footer: String::new(),
            buttons: Vec::new(),
            cards: Vec::new(),
            category: String::new(),
            audience: SavedReplyAudience::Everyone,
            updated_at: Timestamp(1),
        }
    }

    pub(crate) fn text(pattern: &str) -> TemplateText {
        TemplateText {
            pattern: pattern.to_owned(),
            samples: Vec::new(),
        }
    }

    #[test]
    fn only_approved_templates_may_be_sent() {
        for status in TemplateStatus::ALL {
            let template = Template {
                status,
                ..template("您好")
            };
            let expected = match status {
                TemplateStatus::Approved => Ok(()),
                _ => Err(ProblemCode::TemplateNotApproved),
            };
            assert_eq!(template.may_be_sent(), expected, "{status:?}");
        }
    }

    #[test]
    fn a_template_with_a_part_that_is_not_known_is_not_sent() {
        let refused = Err(ProblemCode::TemplateNotSupported);
        let flow = || TemplateButton::Unsupported {
            text: "預約".to_owned(),
            kind: "FLOW".to_owned(),
        };
        let header = Template {
            header: Some(TemplateHeader::Unsupported {
                kind: "LOCATION".to_owned(),
            }),
            ..template("您好")
        };
        let button = Template {
            buttons: vec![flow()],
            ..template("您好")
        };
        let card = Template {
            cards: vec![TemplateCard {
                header: HeaderKind::Image,
                body: text("您好"),
                buttons: vec![flow()],
            }],
            ..template("您好")
        };
        for template in [header, button, card] {
            assert_eq!(template.may_be_sent(), refused);
        }
    }

    #[test]
    fn staff_see_the_title_or_else_metas_name() {
        assert_eq!(template("您好").display_name(), "autumn_sale");
        let titled = Template {
            title: "秋季特賣".to_owned(),
            ..template("您好")
        };
        assert_eq!(titled.display_name(), "秋季特賣");
    }

    #[test]
    fn names_read_back() {
        for status in TemplateStatus::ALL {
            assert_eq!(TemplateStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for category in TemplateCategory::ALL {
            assert_eq!(TemplateCategory::parse(category.as_str()), Some(category));
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
        for format in [ParameterFormat::Positional, ParameterFormat::Named] {
            assert_eq!(ParameterFormat::parse(format.as_str()), Some(format));
            assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
        }
    }
}
