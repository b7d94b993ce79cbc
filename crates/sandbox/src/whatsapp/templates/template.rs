//! A message template as Meta keeps it: what it consists of, and what it may not be.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::variables::variables;
use crate::media::Medium;

pub(super) const HEADER_LIMIT: usize = 60;
pub(super) const BODY_LIMIT: usize = 1_024;
pub(super) const CARD_BODY_LIMIT: usize = 160;
const FOOTER_LIMIT: usize = 60;
const BUTTON_TEXT_LIMIT: usize = 25;
const BUTTONS_LIMIT: usize = 10;
const CARD_BUTTONS_LIMIT: usize = 2;
const NAME_LIMIT: usize = 512;

/// Whether a template can be sent, and why not: only `Approved` can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    Approved,
    Pending,
    Rejected,
    Paused,
    Disabled,
    InAppeal,
    Archived,
    LimitExceeded,
    Deleted,
    PendingDeletion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateCategory {
    Marketing,
    Utility,
    Authentication,
}

impl TemplateCategory {
    /// As the prices in status webhooks call it.
    pub(crate) fn lower_case(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
        }
    }
}

/// How variables are named: `{{1}}`, or `{{order_id}}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ParameterFormat {
    #[default]
    Positional,
    Named,
}

/// How customers take to a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateQuality {
    Green,
    Yellow,
    Red,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HeaderFormat {
    Text,
    Image,
    Video,
    Document,
}

impl HeaderFormat {
    /// What kind of media goes there; none where it is text.
    pub(super) fn medium(self) -> Option<Medium> {
        match self {
            Self::Text => None,
            Self::Image => Some(Medium::Image),
            Self::Video => Some(Medium::Video),
            Self::Document => Some(Medium::File),
        }
    }

    /// The parameter that fills it.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}

/// A part of a template, in the JSON of Meta's listing. `example` holds the samples that Meta wants for every variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateComponent {
    Header {
        format: HeaderFormat,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<Value>,
    },
    Body {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<Value>,
    },
    Footer {
        text: String,
    },
    Buttons {
        buttons: Vec<TemplateButton>,
    },
    Carousel {
        cards: Vec<TemplateCard>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateButton {
    QuickReply {
        text: String,
    },
    Url {
        text: String,
        /// May end in one variable.
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<Vec<String>>,
    },
    PhoneNumber {
        text: String,
        phone_number: String,
    },
}

impl TemplateButton {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::QuickReply { text } | Self::Url { text, .. } | Self::PhoneNumber { text, .. } => {
                text
            }
        }
    }

    /// As Meta's refusals call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::QuickReply { .. } => "QuickReply",
            Self::Url { .. } => "Url",
            Self::PhoneNumber { .. } => "PhoneNumber",
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let text = self.text();
        ensure!(!text.trim().is_empty(), "a button says nothing");
        ensure!(
            text.chars().count() <= BUTTON_TEXT_LIMIT && variables(text).is_empty(),
            "the button {text:?} has more than {BUTTON_TEXT_LIMIT} characters, or variables"
        );
        match self {
            Self::QuickReply { .. } => {}
            Self::Url { url, example, .. } => {
                let count = variables(url).len();
                ensure!(
                    count == 0
                        || (count == 1 && url.ends_with("}}") && url.matches("{{").count() == 1),
                    "{url} may have one variable, at its end"
                );
                let samples = example.as_ref().map_or(0, Vec::len);
                ensure!(
                    samples == count,
                    "{url} needs {count} samples, not {samples}"
                );
            }
            Self::PhoneNumber { phone_number, .. } => ensure!(
                phone_number.bytes().any(|byte| byte.is_ascii_digit()),
                "{phone_number:?} is no phone number"
            ),
        }
        Ok(())
    }
}

/// One card of a carousel: a header with a picture or a video, a text, and one or two buttons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCard {
    pub components: Vec<TemplateComponent>,
}

impl TemplateCard {
    /// A card with a header of pictures or videos; samples in the order in which the variables appear.
    pub fn new(
        format: HeaderFormat,
        sample_url: &str,
        body: &str,
        samples: &[&str],
        buttons: Vec<TemplateButton>,
    ) -> Self {
        Self {
            components: vec![
                media_header(format, sample_url),
                body_component(body, samples),
                TemplateComponent::Buttons { buttons },
            ],
        }
    }
}

/// One language of a template, as it stands in the table of a WhatsApp Business account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub language: String,
    #[serde(default = "approved")]
    pub status: TemplateStatus,
    pub category: TemplateCategory,
    #[serde(default)]
    pub parameter_format: ParameterFormat,
    pub components: Vec<TemplateComponent>,
    #[serde(default)]
    pub quality: TemplateQuality,
    /// `INVALID_FORMAT`, `PROMOTIONAL` and so on; none unless it was rejected.
    #[serde(default)]
    pub rejected_reason: Option<String>,
    #[serde(default)]
    pub previous_category: Option<TemplateCategory>,
}

fn approved() -> TemplateStatus {
    TemplateStatus::Approved
}

/// The parts by their kind; each is there once at most.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) header: Option<(HeaderFormat, &'a str)>,
    pub(super) body: Option<&'a str>,
    pub(super) footer: Option<&'a str>,
    pub(super) buttons: &'a [TemplateButton],
    pub(super) cards: &'a [TemplateCard],
}

impl<'a> Parts<'a> {
    pub(super) fn of(components: &'a [TemplateComponent]) -> Self {
        let mut parts = Self::default();
        for component in components {
            match component {
                TemplateComponent::Header { format, text, .. } => {
                    parts.header = Some((*format, text.as_deref().unwrap_or("")));
                }
                TemplateComponent::Body { text, .. } => parts.body = Some(text),
                TemplateComponent::Footer { text } => parts.footer = Some(text),
                TemplateComponent::Buttons { buttons } => parts.buttons = buttons,
                TemplateComponent::Carousel { cards } => parts.cards = cards,
            }
        }
        parts
    }

    /// What all cards of a carousel have in common.
    fn shape(&self) -> (Option<HeaderFormat>, bool, Vec<&'static str>) {
        let buttons = self.buttons.iter().map(TemplateButton::kind).collect();
        let header = self.header.map(|(format, _)| format);
        (header, self.body.is_some(), buttons)
    }
}

impl Template {
    /// An approved template without parts.
    pub fn new(name: &str, language: &str, category: TemplateCategory) -> Self {
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            status: TemplateStatus::Approved,
            category,
            parameter_format: ParameterFormat::Positional,
            components: Vec::new(),
            quality: TemplateQuality::Unknown,
            rejected_reason: None,
            previous_category: None,
        }
    }

    #[must_use]
    pub fn with_status(self, status: TemplateStatus) -> Self {
        Self { status, ..self }
    }

    /// Samples in the order in which the variables appear, here and in the other texts.
    #[must_use]
    pub fn with_header(self, text: &str, samples: &[&str]) -> Self {
        let example = match sample_style(text) {
            None => None,
            Some(ParameterFormat::Positional) => Some(json!({ "header_text": samples })),
            Some(ParameterFormat::Named) => {
                Some(json!({ "header_text_named_params": named_samples(text, samples) }))
            }
        };
        self.named_if(text).with(TemplateComponent::Header {
            format: HeaderFormat::Text,
            text: Some(text.to_owned()),
            example,
        })
    }

    #[must_use]
    pub fn with_media_header(self, format: HeaderFormat, sample_url: &str) -> Self {
        self.with(media_header(format, sample_url))
    }

    #[must_use]
    pub fn with_body(self, text: &str, samples: &[&str]) -> Self {
        self.named_if(text).with(body_component(text, samples))
    }

    #[must_use]
    pub fn with_footer(self, text: &str) -> Self {
        let text = text.to_owned();
        self.with(TemplateComponent::Footer { text })
    }

    #[must_use]
    pub fn with_buttons(self, buttons: Vec<TemplateButton>) -> Self {
        self.with(TemplateComponent::Buttons { buttons })
    }

    #[must_use]
    pub fn with_cards(self, cards: Vec<TemplateCard>) -> Self {
        self.with(TemplateComponent::Carousel { cards })
    }

    fn with(mut self, component: TemplateComponent) -> Self {
        self.components.push(component);
        self
    }

    fn named_if(self, text: &str) -> Self {
        match sample_style(text) {
            Some(ParameterFormat::Named) => Self {
                parameter_format: ParameterFormat::Named,
                ..self
            },
            Some(ParameterFormat::Positional) | None => self,
        }
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts::of(&self.components)
    }

    /// What Meta would not have taken in the first place is no template.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        ensure!(
            !self.name.is_empty()
                && self.name.len() <= NAME_LIMIT
                && self.name.bytes().all(is_name),
            "a name has lower-case letters, digits and underscores, not {:?}",
            self.name
        );
        ensure!(!self.language.is_empty(), "the language is missing");
        let parts = self.check_components(&self.components, BODY_LIMIT)?;
        ensure!(parts.body.is_some(), "the body is missing");
        ensure!(
            parts.buttons.len() <= BUTTONS_LIMIT,
            "more than {BUTTONS_LIMIT} buttons"
        );
        let has_carousel = self
            .components
            .iter()
            .any(|component| matches!(component, TemplateComponent::Carousel { .. }));
        if has_carousel {
            ensure!(
                self.components.len() == 2,
                "beside a carousel there is a body, and nothing else"
            );
            self.check_cards(parts.cards)?;
        }
        Ok(())
    }

    fn check_cards(&self, cards: &[TemplateCard]) -> anyhow::Result<()> {
        ensure!(
            self.category == TemplateCategory::Marketing,
            "only marketing has carousels"
        );
        ensure!(
            (2..=10).contains(&cards.len()),
            "a carousel has 2 to 10 cards"
        );
        let mut shapes = Vec::new();
        for card in cards {
            let parts = self.check_components(&card.components, CARD_BODY_LIMIT)?;
            ensure!(
                matches!(
                    parts.header,
                    Some((HeaderFormat::Image | HeaderFormat::Video, _))
                ),
                "a card has a picture or a video on top"
            );
            ensure!(
                parts.footer.is_none() && parts.cards.is_empty(),
                "a card has neither footer nor cards"
            );
            ensure!(
                (1..=CARD_BUTTONS_LIMIT).contains(&parts.buttons.len()),
                "a card has one or two buttons"
            );
            shapes.push(parts.shape());
        }
        ensure!(
            shapes.iter().all(|shape| *shape == shapes[0]),
            "all cards have the same parts"
        );
        Ok(())
    }

    fn check_components<'a>(
        &self,
        components: &'a [TemplateComponent],
        body_limit: usize,
    ) -> anyhow::Result<Parts<'a>> {
        for (at, component) in components.iter().enumerate() {
            let is_same = |other: &TemplateComponent| {
                std::mem::discriminant(other) == std::mem::discriminant(component)
            };
            ensure!(
                !components[..at].iter().any(is_same),
                "a component is there twice"
            );
            match component {
                TemplateComponent::Header {
                    format,
                    text,
                    example,
                } => self.check_header(*format, text.as_deref(), example.as_ref())?,
                TemplateComponent::Body { text, example } => {
                    self.check_text(text, body_limit, example.as_ref(), "body_text")?;
                }
                TemplateComponent::Footer { text } => ensure!(
                    !text.is_empty()
                        && text.chars().count() <= FOOTER_LIMIT
                        && variables(text).is_empty(),
                    "a footer has at most {FOOTER_LIMIT} characters and no variables"
                ),
                TemplateComponent::Buttons { buttons } => {
                    ensure!(!buttons.is_empty(), "no buttons");
                    buttons.iter().try_for_each(TemplateButton::check)?;
                }
                TemplateComponent::Carousel { .. } => {}
            }
        }
        Ok(Parts::of(components))
    }

    fn check_header(
        &self,
        format: HeaderFormat,
        text: Option<&str>,
        example: Option<&Value>,
    ) -> anyhow::Result<()> {
        match (format.medium(), text) {
            (None, Some(text)) => {
                ensure!(
                    variables(text).len() <= 1,
                    "a header has one variable at most"
                );
                self.check_text(text, HEADER_LIMIT, example, "header_text")
            }
            (None, None) => bail!("the header's text is missing"),
            (Some(_), Some(_)) => bail!("a header is either text or media"),
            (Some(_), None) => {
                let sample = example.and_then(|example| example["header_handle"][0].as_str());
                sample.context("the header's sample is missing").map(|_| ())
            }
        }
    }

    fn check_text(
        &self,
        text: &str,
        limit: usize,
        example: Option<&Value>,
        key: &str,
    ) -> anyhow::Result<()> {
        ensure!(
            !text.trim().is_empty() && text.chars().count() <= limit,
            "{text:?} is empty, or has more than {limit} characters"
        );
        let mut names = variables(text);
        let count = names.len();
        let samples = match self.parameter_format {
            ParameterFormat::Positional => {
                names.sort_by_key(|name| name.parse().unwrap_or(0));
                let is_counted = names
                    .iter()
                    .zip(1..)
                    .all(|(name, number)| *name == number.to_string());
                ensure!(is_counted, "variables are counted from {{{{1}}}}: {text:?}");
                example.map_or(0, |example| {
                    let samples = &example[key];
                    // A body's samples are a list of lists.
                    let samples = if samples[0].is_array() {
                        &samples[0]
                    } else {
                        samples
                    };
                    samples.as_array().map_or(0, Vec::len)
                })
            }
            ParameterFormat::Named => {
                ensure!(
                    names.iter().all(|name| {
                        name.starts_with(|first: char| first.is_ascii_lowercase())
                            && !name.contains(|letter: char| letter.is_ascii_uppercase())
                    }),
                    "named variables are in lower case: {text:?}"
                );
                let samples = example.map(|example| &example[format!("{key}_named_params")]);
                samples.and_then(Value::as_array).map_or(0, |samples| {
                    let is_sampled = |name: &&str| {
                        samples.iter().any(|sample| {
                            sample["param_name"] == **name && sample["example"].is_string()
                        })
                    };
                    names.iter().filter(|name| is_sampled(name)).count()
                })
            }
        };
        ensure!(
            samples == count,
            "{text:?} needs {count} samples, not {samples}"
        );
        Ok(())
    }
}

/// How a text's variables are named; none without any.
fn sample_style(text: &str) -> Option<ParameterFormat> {
    let first = *variables(text).first()?;
    Some(if first.bytes().all(|byte| byte.is_ascii_digit()) {
        ParameterFormat::Positional
    } else {
        ParameterFormat::Named
    })
}

fn named_samples(text: &str, samples: &[&str]) -> Vec<Value> {
    variables(text)
        .iter()
        .zip(samples)
        .map(|(name, sample)| json!({ "param_name": name, "example": sample }))
        .collect()
}

fn body_component(text: &str, samples: &[&str]) -> TemplateComponent {
    let example = match sample_style(text) {
        None => None,
        Some(ParameterFormat::Positional) => Some(json!({ "body_text": [samples] })),
        Some(ParameterFormat::Named) => {
            Some(json!({ "body_text_named_params": named_samples(text, samples) }))
        }
    };
    TemplateComponent::Body {
        text: text.to_owned(),
        example,
    }
}

fn media_header(format: HeaderFormat, sample_url: &str) -> TemplateComponent {
    TemplateComponent::Header {
        format,
        text: None,
        example: Some(json!({ "header_handle": [sample_url] })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marketing() -> Template {
        Template::new("autumn_sale", "zh_TW", TemplateCategory::Marketing)
    }

    fn quick_reply(text: &str) -> TemplateButton {
        TemplateButton::QuickReply { text: text.into() }
    }

    fn card(format: HeaderFormat) -> TemplateCard {
        let buttons = vec![quick_reply("看看")];
        TemplateCard::new(format, "https://example.com/a.png", "大衣", &[], buttons)
    }

    #[track_caller]
    fn check_refused(template: &Template) {
        assert!(template.check().is_err(), "{template:#?}");
    }

    #[test]
    fn a_template_is_read_as_meta_lists_it() {
        let listed = json!({
            "name": "autumn_sale",
            "language": "zh_TW",
            "category": "MARKETING",
            "parameter_format": "NAMED",
            "components": [
                { "type": "HEADER", "format": "TEXT", "text": "秋季特賣" },
                {
                    "type": "BODY",
                    "text": "{{name}} 您好",
                    "example": {
                        "body_text_named_params": [{ "param_name": "name", "example": "Mark" }],
                    },
                },
                { "type": "FOOTER", "text": "回覆「取消」不再收到" },
                {
                    "type": "BUTTONS",
                    "buttons": [
                        { "type": "QUICK_REPLY", "text": "取消" },
                        {
                            "type": "URL",
                            "text": "看看",
                            "url": "https://example.com/{{1}}",
                            "example": ["https://example.com/a"],
                        },
                        { "type": "PHONE_NUMBER", "text": "打電話", "phone_number": "+886255550001" },
                    ],
                },
            ],
        });
        let template: Template = serde_json::from_value(listed.clone()).unwrap();
        template.check().unwrap();
        assert_eq!(template.status, TemplateStatus::Approved);
        let again = serde_json::to_value(&template).unwrap();
        assert_eq!(again["components"], listed["components"]);
    }

    #[test]
    fn every_variable_has_a_sample() {
        marketing()
            .with_body("{{1}}、{{2}}", &["a", "b"])
            .check()
            .unwrap();
        marketing().with_body("{{name}}好", &["a"]).check().unwrap();
        marketing()
            .with_header("{{1}}的特賣", &["Lativ"])
            .with_body("x", &[])
            .check()
            .unwrap();
        check_refused(&marketing().with_body("{{1}}、{{2}}", &["a"]));
        check_refused(&marketing().with_body("{{name}}、{{shop}}", &["a"]));
        check_refused(&marketing().with_body("{{2}}", &["a"]));
        check_refused(&marketing().with_body("{{Name}}", &["a"]));
    }

    #[test]
    fn texts_keep_to_metas_limits() {
        check_refused(&marketing());
        check_refused(&marketing().with_body(&"字".repeat(1_025), &[]));
        let with_header = |text: &str| marketing().with_body("x", &[]).with_header(text, &[]);
        with_header(&"字".repeat(60)).check().unwrap();
        check_refused(&with_header(&"字".repeat(61)));
        check_refused(&marketing().with_body("x", &[]).with_footer("{{1}}"));
        check_refused(
            &marketing()
                .with_body("x", &[])
                .with_buttons(vec![quick_reply(&"字".repeat(26))]),
        );
        check_refused(&marketing().with_body("x", &[]).with_body("y", &[]));
        check_refused(
            &Template::new("Sale!", "zh_TW", TemplateCategory::Utility).with_body("x", &[]),
        );
    }

    #[test]
    fn a_link_has_one_variable_at_its_end() {
        let linked = |url: &str, example: Option<Vec<String>>| {
            marketing()
                .with_body("x", &[])
                .with_buttons(vec![TemplateButton::Url {
                    text: "看看".into(),
                    url: url.into(),
                    example,
                }])
        };
        let sample = || Some(vec!["https://a.example/b".to_owned()]);
        linked("https://a.example/", None).check().unwrap();
        linked("https://a.example/{{1}}", sample()).check().unwrap();
        check_refused(&linked("https://a.example/{{1}}", None));
        check_refused(&linked("https://{{1}}.example/", sample()));
        check_refused(&linked("https://a.example/{{1}}{{1}}", sample()));
    }

    #[test]
    fn the_cards_of_a_carousel_are_alike() {
        use HeaderFormat::{Document, Image, Video};
        let with_cards = |formats: &[HeaderFormat]| {
            let cards = formats.iter().map(|format| card(*format)).collect();
            marketing().with_body("秋季新品", &[]).with_cards(cards)
        };
        with_cards(&[Image, Image]).check().unwrap();
        with_cards(&[Video; 10]).check().unwrap();
        check_refused(&with_cards(&[Image]));
        check_refused(&with_cards(&[Image; 11]));
        check_refused(&with_cards(&[Image, Video]));
        check_refused(&with_cards(&[Document, Document]));
        check_refused(&with_cards(&[Image, Image]).with_footer("x"));
        let utility = Template {
            category: TemplateCategory::Utility,
            ..with_cards(&[Image, Image])
        };
        check_refused(&utility);
    }
}
