//! Message templates as Meta tells of them: the list of a WhatsApp Business account, read page by page.

use omocast_contract::template::text::{Sample, Segment, TemplateText};
use omocast_contract::template::{
    HeaderKind, ParameterFormat, TemplateButton, TemplateCard, TemplateHeader,
};
use omocast_contract::{Reason, TemplateCategory, TemplateStatus, WabaId};
use reqwest::Url;
use serde_json::Value;

use super::verdict;
use crate::channels::{Account, Connectors, Credentials, SendOutcome, ask, graph, is_plain};
use crate::store::templates::{ListedTemplate, TemplateParts};

/// Templates in one page: fifty carousels still fit into what an answer may be.
const PAGE: &str = "50";
/// Meta lets an account have 6,000 names; more pages than this are a list that never ends.
const MOST_PAGES: usize = 500;
const FIELDS: &str = "id,name,language,status,category,parameter_format,components";

/// Why the templates could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListed {
    pub reason: Reason,
    pub code: String,
}

impl Connectors {
    /// Every template of a WhatsApp Business account, in every language and whatever its status.
    pub async fn list_templates(
        &self,
        account: &Account,
        waba: &WabaId,
    ) -> Result<Vec<ListedTemplate>, NotListed> {
        let refused = |code: &str| NotListed {
            reason: Reason::AccountNotConnected,
            code: code.to_owned(),
        };
        let Credentials::Whatsapp { access_token, .. } = &account.credentials else {
            return Err(refused("not_of_whatsapp"));
        };
        if !is_plain(&waba.0) {
            return Err(refused("not_an_id"));
        }
        let address = self.graph(&format!("{}/message_templates", waba.0));
        let mut templates = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut asked = vec![("fields", FIELDS), ("limit", PAGE)];
            asked.extend(after.as_deref().map(|after| ("after", after)));
            let page = Url::parse_with_params(&address, &asked).map_err(|_| unreadable())?;
            let request = self.client.get(page).bearer_auth(access_token);
            let answer = ask(request).await;
            let page = match answer {
                Ok(answer) if (200..300).contains(&answer.status) => answer.body,
                refused => return Err(not_listed(graph::outcome(refused, |_| None, verdict))),
            };
            let data = page.as_ref().and_then(|page| page["data"].as_array());
            let (Some(page), Some(data)) = (&page, data) else {
                return Err(unreadable());
            };
            templates.extend(data.iter().filter_map(read_template));
            let next = next_cursor(page)?;
            match next {
                None => return Ok(templates),
                Some(next) if after.as_deref() == Some(next) => return Err(unreadable()),
                Some(next) => after = Some(next.to_owned()),
            }
        }
        Err(unreadable())
    }
}

/// Where the next page begins; none on the last. Meta's own address of it holds a token, and the cursor says the same.
/// A page after which there is more, but which does not say where, is no end: what is not listed counts as deleted.
fn next_cursor(page: &Value) -> Result<Option<&str>, NotListed> {
    if page["paging"]["next"].is_null() {
        return Ok(None);
    }
    let cursor = page["paging"]["cursors"]["after"].as_str();
    cursor.map(Some).ok_or_else(unreadable)
}

fn unreadable() -> NotListed {
    NotListed {
        reason: Reason::PlatformFault,
        code: "unreadable".to_owned(),
    }
}

fn not_listed(outcome: SendOutcome) -> NotListed {
    let (reason, code) = match outcome {
        SendOutcome::Refused { reason, code }
        | SendOutcome::Retry { reason, code, .. }
        | SendOutcome::AccountStopped { reason, code } => (reason, code),
        SendOutcome::TemplateStopped { code, .. } => (Reason::TemplateStopped, code),
        SendOutcome::Unknown { code } => (Reason::NoAnswer, code),
        SendOutcome::Accepted { .. } => return unreadable(),
    };
    NotListed { reason, code }
}

/// Meta's word for where a template stands; what a webhook calls an event is the same word, or a way back.
pub fn read_status(word: &str) -> Option<TemplateStatus> {
    match word {
        "UNARCHIVED" | "REINSTATED" | "UNPAUSED" => Some(TemplateStatus::Approved),
        word => TemplateStatus::parse(&word.to_lowercase()),
    }
}

/// None for what has no name, language or id, and so can't be told from others.
fn read_template(told: &Value) -> Option<ListedTemplate> {
    let text = |field: &str| told[field].as_str().filter(|text| !text.is_empty());
    let (name, language, id) = (text("name")?, text("language")?, text("id")?);
    let lower = |field: &str| text(field).map(str::to_lowercase).unwrap_or_default();
    Some(ListedTemplate {
        platform_id: id.to_owned(),
        name: name.to_owned(),
        language: language.to_owned(),
        // Of a kind that is not known, customers may have opted out.
        meta_category: TemplateCategory::parse(&lower("category"))
            .unwrap_or(TemplateCategory::Marketing),
        // What is not known is not sent.
        status: text("status")
            .and_then(read_status)
            .unwrap_or(TemplateStatus::Disabled),
        format: ParameterFormat::parse(&lower("parameter_format")).unwrap_or_default(),
        parts: read_parts(&told["components"]),
    })
}

fn read_parts(components: &Value) -> TemplateParts {
    let mut parts = TemplateParts::default();
    let mut has_body = false;
    for component in list(components) {
        match kind_of(component).as_str() {
            "HEADER" => parts.header = Some(read_header(component)),
            "BODY" => {
                has_body = true;
                parts.body = read_text(component, "body_text");
            }
            "FOOTER" => parts.footer = words(component, "text"),
            "BUTTONS" => parts.buttons.extend(read_buttons(component)),
            "CAROUSEL" => {
                parts.cards = list(&component["cards"]).iter().map(read_card).collect();
            }
            // It may need a parameter that nobody would give.
            other => parts.buttons.push(unsupported(other)),
        }
    }
    if !has_body {
        parts.buttons.push(unsupported("NO_BODY"));
    }
    parts
}

fn unsupported(kind: &str) -> TemplateButton {
    TemplateButton::Unsupported {
        text: String::new(),
        kind: kind.to_owned(),
    }
}

fn read_header(component: &Value) -> TemplateHeader {
    let format = words(component, "format").to_uppercase();
    match (format.as_str(), header_kind(&format)) {
        ("TEXT", _) => TemplateHeader::Text {
            text: read_text(component, "header_text"),
        },
        (_, Some(kind)) => TemplateHeader::Media { kind },
        (_, None) => TemplateHeader::Unsupported { kind: format },
    }
}

fn header_kind(format: &str) -> Option<HeaderKind> {
    Some(match format {
        "IMAGE" => HeaderKind::Image,
        "VIDEO" => HeaderKind::Video,
        "DOCUMENT" => HeaderKind::Document,
        _ => return None,
    })
}

fn read_card(card: &Value) -> TemplateCard {
    let mut read = TemplateCard {
        header: HeaderKind::Image,
        body: TemplateText::default(),
        buttons: Vec::new(),
    };
    for component in list(&card["components"]) {
        match kind_of(component).as_str() {
            "HEADER" => match read_header(component) {
                TemplateHeader::Media { kind } => read.header = kind,
                TemplateHeader::Text { .. } => read.buttons.push(unsupported("TEXT")),
                TemplateHeader::Unsupported { kind } => read.buttons.push(unsupported(&kind)),
            },
            "BODY" => read.body = read_text(component, "body_text"),
            "BUTTONS" => read.buttons.extend(read_buttons(component)),
            other => read.buttons.push(unsupported(other)),
        }
    }
    read
}

fn read_buttons(component: &Value) -> impl Iterator<Item = TemplateButton> {
    list(&component["buttons"]).iter().map(|button| {
        let text = words(button, "text");
        match kind_of(button).as_str() {
            "QUICK_REPLY" => TemplateButton::QuickReply { text },
            "URL" => TemplateButton::Url {
                text,
                url: read_url(button),
            },
            "PHONE_NUMBER" => TemplateButton::Phone {
                text,
                phone: words(button, "phone_number"),
            },
            other => TemplateButton::Unsupported {
                text,
                kind: other.to_owned(),
            },
        }
    })
}

/// A text with its samples: by their order, or by their names under `<field>_named_params`.
fn read_text(component: &Value, field: &str) -> TemplateText {
    let mut text = TemplateText {
        pattern: words(component, "text"),
        samples: Vec::new(),
    };
    let example = &component["example"];
    let named = list(&example[format!("{field}_named_params")]);
    let mut samples: Vec<Sample> = named
        .iter()
        .map(|sample| Sample {
            name: words(sample, "param_name"),
            value: words(sample, "example"),
        })
        .collect();
    if samples.is_empty() {
        // A body's are a list in a list.
        let given = list(&example[field]);
        let given = match given.first() {
            Some(Value::Array(first)) => first,
            _ => given,
        };
        samples = text
            .variables()
            .into_iter()
            .zip(given)
            .filter_map(|(name, value)| Some(sample(name, value.as_str()?)))
            .collect();
    }
    text.samples = samples;
    text
}

fn sample(name: &str, value: &str) -> Sample {
    Sample {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// Meta tells the whole address as the sample, or only its end.
fn read_url(button: &Value) -> TemplateText {
    let mut url = TemplateText {
        pattern: words(button, "url"),
        samples: Vec::new(),
    };
    let given = match &button["example"] {
        Value::Array(samples) => samples.first().and_then(Value::as_str),
        example => example.as_str(),
    };
    if let (Some(name), Some(given)) = (url.variables().first(), given) {
        let before = match url.segments().first() {
            Some(Segment::Words(words)) => *words,
            Some(Segment::Variable(_)) | None => "",
        };
        let value = given.strip_prefix(before).unwrap_or(given);
        url.samples = vec![sample(name, value)];
    }
    url
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn words(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn kind_of(value: &Value) -> String {
    words(value, "type").to_uppercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(components: Value) -> TemplateParts {
        let told = json!({
            "id": "1", "name": "a", "language": "zh_TW", "status": "APPROVED", "category": "UTILITY",
            "parameter_format": "POSITIONAL", "components": components,
        });
        read_template(&told).unwrap().parts
    }

    fn samples(text: &TemplateText) -> Vec<(&str, &str)> {
        let samples = text.samples.iter();
        samples
            .map(|sample| (sample.name.as_str(), sample.value.as_str()))
            .collect()
    }

    #[test]
    fn a_page_that_is_not_the_last_says_where_the_next_begins() {
        let page = |paging: Value| json!({ "data": [], "paging": paging });
        let more = page(json!({ "next": "https://x", "cursors": { "after": "c" } }));
        assert_eq!(next_cursor(&more).ok().flatten(), Some("c"));
        for last in [
            page(json!({ "cursors": { "after": "c" } })),
            json!({ "data": [] }),
        ] {
            assert!(matches!(next_cursor(&last), Ok(None)));
        }
        assert!(next_cursor(&page(json!({ "next": "https://x" }))).is_err());
    }

    #[test]
    fn a_template_is_read_with_what_stands_for_its_variables() {
        let parts = read(json!([
            { "type": "HEADER", "format": "TEXT", "text": "{{1}} 您好", "example": { "header_text": ["怡君"] } },
            { "type": "BODY", "text": "訂單 {{1}} 到 {{2}}", "example": { "body_text": [["A1", "信義店"]] } },
            { "type": "FOOTER", "text": "ATELIER" },
            { "type": "BUTTONS", "buttons": [
                { "type": "QUICK_REPLY", "text": "好" },
                { "type": "URL", "text": "看", "url": "https://a.example/{{1}}", "example": ["https://a.example/coat"] },
                { "type": "PHONE_NUMBER", "text": "打", "phone_number": "+886255500101" },
            ] },
        ]));
        let Some(TemplateHeader::Text { text }) = &parts.header else {
            panic!("{parts:?}");
        };
        assert_eq!(samples(text), [("1", "怡君")]);
        assert_eq!(samples(&parts.body), [("1", "A1"), ("2", "信義店")]);
        assert_eq!(parts.footer, "ATELIER");
        let [
            TemplateButton::QuickReply { .. },
            TemplateButton::Url { url, .. },
            TemplateButton::Phone { phone, .. },
        ] = &parts.buttons[..]
        else {
            panic!("{parts:?}");
        };
        assert_eq!(samples(url), [("1", "coat")]);
        assert_eq!(phone, "+886255500101");
    }

    #[test]
    fn named_variables_have_named_samples() {
        let named = json!([{ "param_name": "order_id", "example": "A1" }]);
        let parts = read(json!([
            { "type": "BODY", "text": "訂單 {{order_id}}", "example": { "body_text_named_params": named } },
        ]));
        assert_eq!(samples(&parts.body), [("order_id", "A1")]);
    }

    #[test]
    fn cards_have_their_own_parts() {
        let card = json!({ "components": [
            { "type": "HEADER", "format": "VIDEO" },
            { "type": "BODY", "text": "風衣" },
            { "type": "BUTTONS", "buttons": [{ "type": "QUICK_REPLY", "text": "要" }] },
        ] });
        let parts = read(json!([
            { "type": "BODY", "text": "新品" },
            { "type": "CAROUSEL", "cards": [card.clone(), card] },
        ]));
        let expected = TemplateCard {
            header: HeaderKind::Video,
            body: TemplateText {
                pattern: "風衣".into(),
                samples: Vec::new(),
            },
            buttons: vec![TemplateButton::QuickReply { text: "要".into() }],
        };
        assert_eq!(parts.cards, [expected.clone(), expected]);
    }

    #[test]
    fn what_is_not_known_is_kept_as_not_to_be_sent() {
        let body = json!({ "type": "BODY", "text": "好" });
        let location = read(json!([{ "type": "HEADER", "format": "LOCATION" }, body.clone()]));
        let kind = "LOCATION".to_owned();
        assert_eq!(location.header, Some(TemplateHeader::Unsupported { kind }));
        let code = json!({ "type": "BUTTONS", "buttons": [{ "type": "COPY_CODE", "text": "抄" }] });
        let offer = json!({ "type": "LIMITED_TIME_OFFER" });
        for odd in [
            json!([body.clone(), code]),
            json!([body.clone(), offer]),
            json!([]),
        ] {
            let parts = read(odd);
            assert!(
                matches!(parts.buttons[..], [TemplateButton::Unsupported { .. }]),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn every_status_of_meta_is_known_and_others_are_not_sent() {
        for status in TemplateStatus::ALL {
            assert_eq!(read_status(&status.as_str().to_uppercase()), Some(status));
        }
        assert_eq!(read_status("REINSTATED"), Some(TemplateStatus::Approved));
        let odd = json!({ "id": "1", "name": "a", "language": "en", "status": "FLYING", "category": "ODD" });
        let odd = read_template(&odd).unwrap();
        assert_eq!(
            (odd.status, odd.meta_category),
            (TemplateStatus::Disabled, TemplateCategory::Marketing)
        );
        assert!(read_template(&json!({ "id": "1", "language": "en" })).is_none());
    }
}
