//! A template's parameters as a sending gives them, checked against the template and put in their places.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shown::PhoneButton;
use super::template::{
    BODY_LIMIT, CARD_BODY_LIMIT, HEADER_LIMIT, HeaderFormat, ParameterFormat, Parts, Template,
    TemplateButton,
};
use super::variables::{filled, variables};
use crate::graph::GraphError;
use crate::media::Medium;
use crate::whatsapp::content::{Source, invalid, missing, read_source, wrong_parameter};

/// Longer payloads of a quick reply are refused.
const PAYLOAD_LIMIT: usize = 256;

/// What a sending asks for.
pub(in crate::whatsapp) struct AskedTemplate {
    pub(in crate::whatsapp) name: String,
    pub(in crate::whatsapp) language: String,
    components: Vec<Value>,
}

impl AskedTemplate {
    pub(in crate::whatsapp) fn read(body: &Map<String, Value>) -> Result<Self, GraphError> {
        let Some(template) = body.get("template").and_then(Value::as_object) else {
            return Err(missing(
                "The parameter template is required for type template.",
            ));
        };
        let text = |value: Option<&Value>, name: &str| match value {
            None | Some(Value::Null) => Err(missing(&format!("The parameter {name} is required."))),
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(_) => Err(invalid(&format!("{name} must be a non-empty string."))),
        };
        let name = text(template.get("name"), "template['name']")?;
        let language = template.get("language").unwrap_or(&Value::Null);
        match language["policy"].as_str() {
            None | Some("deterministic") => {}
            Some(_) => return Err(invalid("template['language']['policy'] is deterministic.")),
        }
        let language = text(language.get("code"), "template['language']['code']")?;
        let components = match template.get("components") {
            None => Vec::new(),
            Some(Value::Array(components)) => components.clone(),
            Some(_) => return Err(invalid("template['components'] must be an array.")),
        };
        Ok(Self {
            name,
            language,
            components,
        })
    }

    /// The template with these parameters.
    pub(in crate::whatsapp) fn fill(&self, template: &Template) -> Result<Filled, GraphError> {
        let parts = template.parts();
        let given = Given::read(&self.components, "")?;
        let filler = Filler {
            format: template.parameter_format,
            place: String::new(),
        };
        let header = filler.header(parts.header, given.header)?;
        let body = filler
            .body(parts.body, given.body, BODY_LIMIT)?
            .unwrap_or_default();
        let buttons = filler.buttons(parts.buttons, &given.buttons)?;
        Ok(Filled {
            header,
            body,
            footer: parts.footer.map(str::to_owned),
            buttons,
            cards: filler.cards(&parts, given.cards)?,
        })
    }
}

/// A template whose texts are whole, and whose media are still to be found.
#[derive(Debug)]
pub(in crate::whatsapp) struct Filled {
    pub(super) header: Option<FilledHeader>,
    pub(super) body: String,
    pub(super) footer: Option<String>,
    pub(super) buttons: Vec<PhoneButton>,
    pub(super) cards: Vec<FilledCard>,
}

#[derive(Debug)]
pub(super) enum FilledHeader {
    Text(String),
    Media {
        medium: Medium,
        source: Source,
        filename: Option<String>,
    },
}

#[derive(Debug)]
pub(super) struct FilledCard {
    pub(super) header: FilledHeader,
    pub(super) body: Option<String>,
    pub(super) buttons: Vec<PhoneButton>,
}

fn wrong_count(place: &str, got: usize, expected: usize) -> GraphError {
    GraphError::whatsapp(
        132_000,
        "Number of parameters does not match the expected number of params",
        &format!(
            "{place}: number of localizable_params ({got}) does not match the expected number of params ({expected})"
        ),
    )
}

fn wrong_format(details: &str) -> GraphError {
    GraphError::whatsapp(
        132_012,
        "Parameter format does not match format in the created template",
        details,
    )
}

fn wrong_kind(place: &str, expected: &str, got: &str) -> GraphError {
    let (expected, got) = (expected.to_uppercase(), got.to_uppercase());
    wrong_format(&format!(
        "{place}: Format mismatch, expected {expected}, received {got}"
    ))
}

fn bad_parameter(details: &str) -> GraphError {
    GraphError::whatsapp(
        132_018,
        "There's an issue with the parameters in your template",
        details,
    )
}

/// A button's parameters, under the index of the button.
type GivenButtons<'a> = BTreeMap<usize, (&'a str, &'a [Value])>;

/// The components of a sending by their kind.
#[derive(Default)]
struct Given<'a> {
    header: &'a [Value],
    body: &'a [Value],
    buttons: GivenButtons<'a>,
    cards: Option<&'a [Value]>,
}

impl<'a> Given<'a> {
    fn read(components: &'a [Value], place: &str) -> Result<Self, GraphError> {
        let mut given = Self::default();
        let mut seen = Vec::new();
        for component in components {
            let kind = component["type"].as_str().unwrap_or("").to_lowercase();
            let parameters = match &component["parameters"] {
                Value::Null => &[][..],
                Value::Array(parameters) => parameters,
                _ => {
                    return Err(invalid(&format!(
                        "{place}{kind}: parameters must be an array."
                    )));
                }
            };
            match kind.as_str() {
                "header" => given.header = parameters,
                "body" => given.body = parameters,
                "button" => {
                    let index = index(&component["index"]).ok_or_else(|| {
                        wrong_parameter(&format!("{place}buttons: index must be a number."))
                    })?;
                    let sub_type = component["sub_type"].as_str().ok_or_else(|| {
                        missing(&format!(
                            "{place}buttons: The parameter sub_type is required."
                        ))
                    })?;
                    if given
                        .buttons
                        .insert(index, (sub_type, parameters))
                        .is_some()
                    {
                        return Err(wrong_parameter(&format!(
                            "{place}buttons: Button at index {index} is there twice."
                        )));
                    }
                }
                "carousel" => {
                    let cards = component["cards"]
                        .as_array()
                        .ok_or_else(|| missing("carousel: The parameter cards is required."))?;
                    given.cards = Some(cards);
                }
                _ => {
                    return Err(wrong_parameter(
                        "The type of a component must be one of header, body, button and carousel.",
                    ));
                }
            }
            if kind != "button" {
                if seen.contains(&kind) {
                    return Err(wrong_parameter(&format!("{place}{kind} is there twice.")));
                }
                seen.push(kind);
            }
        }
        Ok(given)
    }
}

/// Meta takes a number, and a number in a string.
fn index(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| number.try_into().ok()),
    }
}

fn kind_of(parameter: &Value) -> &str {
    parameter["type"].as_str().unwrap_or("unknown")
}

fn text_value<'a>(place: &str, parameter: &'a Value) -> Result<&'a str, GraphError> {
    let kind = kind_of(parameter);
    if kind != "text" {
        return Err(wrong_kind(place, "text", kind));
    }
    let Some(text) = parameter["text"]
        .as_str()
        .filter(|text| !text.trim().is_empty())
    else {
        return Err(missing("Parameter of type text is missing text value"));
    };
    // Meta says "more than 4", and refuses four: who keeps to the stricter is right either way.
    if text.contains(['\n', '\r', '\t']) || text.contains("    ") {
        return Err(bad_parameter(&format!(
            "{place}: Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )));
    }
    Ok(text)
}

struct Filler {
    format: ParameterFormat,
    /// Empty, or which card: the beginning of every complaint.
    place: String,
}

impl Filler {
    fn at(&self, part: &str) -> String {
        format!("{}{part}", self.place)
    }

    /// Each variable's value.
    fn values<'a>(
        &self,
        place: &str,
        names: &[&str],
        given: &'a [Value],
    ) -> Result<BTreeMap<String, &'a str>, GraphError> {
        let mut values = BTreeMap::new();
        for (parameter, number) in given.iter().zip(1..) {
            let name = parameter["parameter_name"].as_str().unwrap_or("");
            let name = match self.format {
                ParameterFormat::Named if names.is_empty() => number.to_string(),
                ParameterFormat::Named if name.is_empty() => {
                    return Err(wrong_parameter("Parameter name is missing or empty"));
                }
                ParameterFormat::Named if !names.contains(&name) => {
                    return Err(wrong_format(&format!(
                        "{place}: the template has no parameter {name}"
                    )));
                }
                ParameterFormat::Named => name.to_owned(),
                ParameterFormat::Positional if !name.is_empty() => {
                    return Err(wrong_format(&format!(
                        "{place}: the template's parameters have no names, but one is called {name}"
                    )));
                }
                ParameterFormat::Positional => number.to_string(),
            };
            if values.insert(name.clone(), parameter).is_some() {
                return Err(wrong_format(&format!("{place}: {name} is there twice")));
            }
        }
        if values.len() != names.len() {
            return Err(wrong_count(place, values.len(), names.len()));
        }
        values
            .into_iter()
            .map(|(name, parameter)| Ok((name, text_value(place, parameter)?)))
            .collect()
    }

    fn text(
        &self,
        part: &str,
        text: &str,
        given: &[Value],
        limit: usize,
    ) -> Result<String, GraphError> {
        let place = self.at(part);
        let values = self.values(&place, &variables(text), given)?;
        let whole = filled(text, |name| values.get(name).copied());
        let length = whole.chars().count();
        if length > limit {
            return Err(GraphError::whatsapp(
                132_005,
                "Translated text too long",
                &format!(
                    "{place}: Length of the parameters and the template text is {length}, which exceeds the allowed \
                     length of {limit}"
                ),
            ));
        }
        Ok(whole)
    }

    fn body(
        &self,
        text: Option<&str>,
        given: &[Value],
        limit: usize,
    ) -> Result<Option<String>, GraphError> {
        match text {
            Some(text) => self.text("body", text, given, limit).map(Some),
            None if given.is_empty() => Ok(None),
            None => Err(wrong_count(&self.at("body"), given.len(), 0)),
        }
    }

    fn header(
        &self,
        header: Option<(HeaderFormat, &str)>,
        given: &[Value],
    ) -> Result<Option<FilledHeader>, GraphError> {
        let place = self.at("header");
        let Some((format, text)) = header else {
            return match given {
                [] => Ok(None),
                _ => Err(wrong_count(&place, given.len(), 0)),
            };
        };
        let Some(medium) = format.medium() else {
            let whole = self.text("header", text, given, HEADER_LIMIT)?;
            return Ok(Some(FilledHeader::Text(whole)));
        };
        let expected = format.parameter();
        let parameter = match given {
            [] => return Err(wrong_kind(&place, expected, "unknown")),
            [parameter] => parameter,
            _ => return Err(wrong_count(&place, given.len(), 1)),
        };
        let got = kind_of(parameter);
        if got != expected {
            return Err(wrong_kind(&place, expected, got));
        }
        let media = &parameter[expected];
        if !media.is_object() {
            return Err(missing(&format!(
                "{place}: The parameter {expected} is required for type {expected}."
            )));
        }
        let filename = media["filename"].as_str().map(str::to_owned);
        if filename.is_some() && medium != Medium::File {
            return Err(wrong_parameter(&format!(
                "Param {expected}['filename'] is unexpected."
            )));
        }
        Ok(Some(FilledHeader::Media {
            medium,
            source: read_source(media, expected)?,
            filename,
        }))
    }

    fn buttons(
        &self,
        buttons: &[TemplateButton],
        given: &GivenButtons<'_>,
    ) -> Result<Vec<PhoneButton>, GraphError> {
        for (index, (sub_type, _)) in given {
            let Some(button) = buttons.get(*index) else {
                return Err(bad_parameter(&format!(
                    "{}buttons: Button at index {index} does not exist in the template",
                    self.place
                )));
            };
            let is_of_it = match button {
                TemplateButton::QuickReply { .. } => sub_type.eq_ignore_ascii_case("quick_reply"),
                TemplateButton::Url { .. } => sub_type.eq_ignore_ascii_case("url"),
                // Nothing about it can be filled in.
                TemplateButton::PhoneNumber { .. } => false,
            };
            if !is_of_it {
                return Err(bad_parameter(&format!(
                    "{}buttons: Button at index {index} must be of type {}",
                    self.place,
                    button.kind()
                )));
            }
        }
        buttons
            .iter()
            .enumerate()
            .map(|(index, button)| {
                let parameters = given.get(&index).map(|(_, parameters)| *parameters);
                self.button(index, button, parameters)
            })
            .collect()
    }

    fn button(
        &self,
        index: usize,
        button: &TemplateButton,
        given: Option<&[Value]>,
    ) -> Result<PhoneButton, GraphError> {
        let place = self.at("button");
        let count = given.map_or(0, <[Value]>::len);
        let text = button.text().to_owned();
        Ok(match button {
            TemplateButton::QuickReply { .. } => {
                let payload = match given {
                    None => text.clone(),
                    Some([parameter]) => payload(&place, parameter)?,
                    Some(_) => return Err(wrong_count(&place, count, 1)),
                };
                PhoneButton::QuickReply { text, payload }
            }
            TemplateButton::Url { url, .. } => {
                let url = match (variables(url).first(), given) {
                    (None, None | Some([])) => url.clone(),
                    (None, Some(_)) => return Err(wrong_count(&place, count, 0)),
                    (Some(_), None | Some([])) => {
                        return Err(missing(&format!(
                            "{}buttons: Button at index {index} of type Url requires a parameter",
                            self.place
                        )));
                    }
                    (Some(_), Some([parameter])) => {
                        let suffix = text_value(&place, parameter)?;
                        filled(url, |_| Some(suffix))
                    }
                    (Some(_), Some(_)) => return Err(wrong_count(&place, count, 1)),
                };
                PhoneButton::Url { text, url }
            }
            TemplateButton::PhoneNumber { phone_number, .. } => PhoneButton::PhoneNumber {
                text,
                phone_number: phone_number.clone(),
            },
        })
    }

    fn cards(
        &self,
        parts: &Parts<'_>,
        given: Option<&[Value]>,
    ) -> Result<Vec<FilledCard>, GraphError> {
        let given = given.unwrap_or(&[]);
        if given.len() != parts.cards.len() {
            return Err(GraphError::whatsapp(
                132_000,
                "Number of parameters does not match the expected number of params",
                &format!(
                    "carousel: number of cards ({}) does not match the expected number of cards ({})",
                    given.len(),
                    parts.cards.len()
                ),
            ));
        }
        let mut by_index = BTreeMap::new();
        for card in given {
            let at = index(&card["card_index"]).filter(|at| *at < parts.cards.len());
            let Some(at) = at else {
                return Err(wrong_parameter(&format!(
                    "carousel: card_index must be a number from 0 to {}.",
                    parts.cards.len() - 1
                )));
            };
            if by_index.insert(at, card).is_some() {
                return Err(wrong_parameter(&format!(
                    "carousel: card_index {at} is there twice."
                )));
            }
        }
        by_index
            .into_iter()
            .zip(parts.cards)
            .map(|((at, given), card)| {
                let place = format!("carousel card {at} ");
                let components = given["components"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice);
                let given = Given::read(components, &place)?;
                let filler = Self {
                    format: self.format,
                    place,
                };
                let card = Parts::of(&card.components);
                let header = filler.header(card.header, given.header)?;
                Ok(FilledCard {
                    // A card always has one.
                    header: header.unwrap_or(FilledHeader::Text(String::new())),
                    body: filler.body(card.body, given.body, CARD_BODY_LIMIT)?,
                    buttons: filler.buttons(card.buttons, &given.buttons)?,
                })
            })
            .collect()
    }
}

fn payload(place: &str, parameter: &Value) -> Result<String, GraphError> {
    let kind = kind_of(parameter);
    if kind != "payload" {
        return Err(wrong_kind(place, "payload", kind));
    }
    match parameter["payload"].as_str() {
        None | Some("") => Err(missing(
            "Parameter of type payload is missing payload value",
        )),
        Some(payload) if payload.chars().count() > PAYLOAD_LIMIT => Err(wrong_parameter(
            "A quick reply's payload must be at most 256 characters long.",
        )),
        Some(payload) => Ok(payload.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::template::{TemplateCard, TemplateCategory};
    use super::*;

    fn marketing() -> Template {
        Template::new("autumn", "zh_TW", TemplateCategory::Marketing)
    }

    fn fill(template: &Template, components: Value) -> Result<Filled, GraphError> {
        let body = json!({
            "template": {
                "name": template.name,
                "language": { "code": template.language },
                "components": components,
            },
        });
        AskedTemplate::read(body.as_object().unwrap())?.fill(template)
    }

    #[track_caller]
    fn check(template: &Template, components: Value, code: u32, details: &str) {
        let error = fill(template, components).unwrap_err();
        assert_eq!(
            (error.code, error.details.as_deref()),
            (code, Some(details))
        );
    }

    fn body(parameters: Value) -> Value {
        json!([{ "type": "body", "parameters": parameters }])
    }

    fn text(text: &str) -> Value {
        json!({ "type": "text", "text": text })
    }

    #[test]
    fn values_go_to_the_places_of_their_numbers() {
        let template = marketing().with_body("{{2}}，{{1}}！{{2}}", &["a", "b"]);
        let filled = fill(&template, body(json!([text("一"), text("二")]))).unwrap();
        assert_eq!(filled.body, "二，一！二");
    }

    #[test]
    fn a_count_that_differs_is_told_for_each_part() {
        let template = marketing()
            .with_header("{{1}}", &["a"])
            .with_body("{{1}}{{2}}", &["a", "b"]);
        let header = json!({ "type": "header", "parameters": [text("x")] });
        let with_body =
            |parameters: Value| json!([header, { "type": "body", "parameters": parameters }]);
        let details = |place: &str, got: usize, expected: usize| {
            format!(
                "{place}: number of localizable_params ({got}) does not match the expected number of params ({expected})"
            )
        };
        check(&template, json!([]), 132_000, &details("header", 0, 1));
        check(
            &template,
            with_body(json!([text("x")])),
            132_000,
            &details("body", 1, 2),
        );
        check(
            &template,
            with_body(json!([text("x"), text("y"), text("z")])),
            132_000,
            &details("body", 3, 2),
        );
        let plain = marketing().with_body("x", &[]);
        check(&plain, json!([header]), 132_000, &details("header", 1, 0));
    }

    #[test]
    fn named_parameters_have_known_names_each_once() {
        let template = marketing().with_body("{{name}}：{{order_id}}", &["a", "b"]);
        let named = |name: &str| json!({ "type": "text", "parameter_name": name, "text": name });
        let filled = fill(&template, body(json!([named("order_id"), named("name")]))).unwrap();
        assert_eq!(filled.body, "name：order_id");
        let nameless = json!([named("name"), text("x")]);
        check(
            &template,
            body(nameless),
            100,
            "Parameter name is missing or empty",
        );
        check(
            &template,
            body(json!([named("name"), named("other")])),
            132_012,
            "body: the template has no parameter other",
        );
        check(
            &template,
            body(json!([named("name"), named("name")])),
            132_012,
            "body: name is there twice",
        );
        check(
            &template,
            body(json!([named("name")])),
            132_000,
            "body: number of localizable_params (1) does not match the expected number of params (2)",
        );
        let positional = marketing().with_body("{{1}}", &["a"]);
        check(
            &positional,
            body(json!([named("name")])),
            132_012,
            "body: the template's parameters have no names, but one is called name",
        );
    }

    #[test]
    fn a_value_is_one_line_of_text() {
        let template = marketing().with_body("{{1}}", &["a"]);
        for bad in ["a\nb", "a\tb", "a    b"] {
            check(
                &template,
                body(json!([text(bad)])),
                132_018,
                "body: Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            );
        }
        assert!(fill(&template, body(json!([text("a   b")]))).is_ok());
        for empty in ["", "  "] {
            check(
                &template,
                body(json!([text(empty)])),
                131_008,
                "Parameter of type text is missing text value",
            );
        }
        check(
            &template,
            body(json!([{ "type": "image", "image": { "id": "1" } }])),
            132_012,
            "body: Format mismatch, expected TEXT, received IMAGE",
        );
    }

    #[test]
    fn what_is_too_long_once_filled_in_is_refused() {
        let template = marketing()
            .with_header("十個字的標題在這裡{{1}}", &["a"])
            .with_body("{{1}}！", &["a"]);
        let filled_with = |header: usize, body: usize| {
            json!([
                { "type": "header", "parameters": [text(&"字".repeat(header))] },
                { "type": "body", "parameters": [text(&"字".repeat(body))] },
            ])
        };
        assert!(fill(&template, filled_with(51, 1_023)).is_ok());
        check(
            &template,
            filled_with(52, 1),
            132_005,
            "header: Length of the parameters and the template text is 61, which exceeds the allowed length of 60",
        );
        check(
            &template,
            filled_with(1, 1_024),
            132_005,
            "body: Length of the parameters and the template text is 1025, which exceeds the allowed length of 1024",
        );
    }

    #[test]
    fn a_media_header_is_given_at_every_send() {
        let template = marketing()
            .with_media_header(HeaderFormat::Image, "https://a.example/a.png")
            .with_body("x", &[]);
        let header = |parameters: Value| json!([{ "type": "header", "parameters": parameters }]);
        let mismatch =
            |got: &str| format!("header: Format mismatch, expected IMAGE, received {got}");
        check(&template, json!([]), 132_012, &mismatch("UNKNOWN"));
        check(
            &template,
            header(json!([text("x")])),
            132_012,
            &mismatch("TEXT"),
        );
        let video = json!([{ "type": "video", "video": { "id": "1" } }]);
        check(&template, header(video), 132_012, &mismatch("VIDEO"));
        let image = json!([{ "type": "image", "image": { "id": "1" } }]);
        assert!(fill(&template, header(image)).is_ok());
    }

    fn with_buttons() -> Template {
        marketing().with_body("x", &[]).with_buttons(vec![
            TemplateButton::QuickReply {
                text: "取消".into(),
            },
            TemplateButton::Url {
                text: "看看".into(),
                url: "https://a.example/{{1}}".into(),
                example: Some(vec!["https://a.example/b".into()]),
            },
            TemplateButton::PhoneNumber {
                text: "打電話".into(),
                phone_number: "+886255550001".into(),
            },
        ])
    }

    fn button(sub_type: &str, index: Value, parameter: Value) -> Value {
        json!({ "type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter] })
    }

    #[test]
    fn buttons_are_filled_by_their_index() {
        let payload = json!({ "type": "payload", "payload": "STOP" });
        let components = json!([
            button("URL", json!("1"), text("coat?from=wa")),
            button("quick_reply", json!(0), payload),
        ]);
        let filled = fill(&with_buttons(), components).unwrap();
        assert_eq!(
            filled.buttons[0],
            PhoneButton::QuickReply {
                text: "取消".into(),
                payload: "STOP".into(),
            }
        );
        assert_eq!(
            filled.buttons[1],
            PhoneButton::Url {
                text: "看看".into(),
                url: "https://a.example/coat?from=wa".into(),
            }
        );
    }

    #[test]
    fn a_quick_reply_without_a_payload_says_its_text() {
        let components = json!([button("url", json!(1), text("coat"))]);
        let filled = fill(&with_buttons(), components).unwrap();
        let PhoneButton::QuickReply { payload, .. } = &filled.buttons[0] else {
            panic!("{filled:?}");
        };
        assert_eq!(payload, "取消");
    }

    #[test]
    fn a_button_is_of_the_templates_kind() {
        let check = |components: Value, code: u32, details: &str| {
            check(&with_buttons(), components, code, details);
        };
        check(
            json!([]),
            131_008,
            "buttons: Button at index 1 of type Url requires a parameter",
        );
        check(
            json!([button("url", json!(0), text("x"))]),
            132_018,
            "buttons: Button at index 0 must be of type QuickReply",
        );
        check(
            json!([button("quick_reply", json!(2), text("x"))]),
            132_018,
            "buttons: Button at index 2 must be of type PhoneNumber",
        );
        check(
            json!([button("url", json!("3"), text("x"))]),
            132_018,
            "buttons: Button at index 3 does not exist in the template",
        );
        check(
            json!([button("quick_reply", json!("0"), text("x"))]),
            132_012,
            "button: Format mismatch, expected PAYLOAD, received TEXT",
        );
        let twice = json!({
            "type": "button",
            "sub_type": "url",
            "index": 1,
            "parameters": [text("x"), text("y")],
        });
        check(
            json!([twice]),
            132_000,
            "button: number of localizable_params (2) does not match the expected number of params (1)",
        );
    }

    fn carousel() -> Template {
        let card = |name: &str| {
            let buttons = vec![TemplateButton::Url {
                text: "看看".into(),
                url: "https://a.example/{{1}}".into(),
                example: Some(vec!["https://a.example/b".into()]),
            }];
            TemplateCard::new(
                HeaderFormat::Image,
                "https://a.example/a.png",
                &format!("{name} {{{{1}}}}"),
                &["大衣"],
                buttons,
            )
        };
        marketing()
            .with_body("{{1}}，新品到了", &["Ken"])
            .with_cards(vec![card("甲"), card("乙")])
    }

    fn card(index: usize) -> Value {
        json!({
            "card_index": index,
            "components": [
                {
                    "type": "header",
                    "parameters": [{ "type": "image", "image": { "id": index.to_string() } }],
                },
                { "type": "body", "parameters": [text("外套")] },
                button("url", json!("0"), text("coat")),
            ],
        })
    }

    fn cards(cards: &[Value]) -> Value {
        json!([
            { "type": "body", "parameters": [text("Ken")] },
            { "type": "carousel", "cards": cards },
        ])
    }

    #[test]
    fn every_card_of_a_carousel_is_filled() {
        let filled = fill(&carousel(), cards(&[card(1), card(0)])).unwrap();
        assert_eq!(filled.body, "Ken，新品到了");
        let bodies: Vec<_> = filled
            .cards
            .iter()
            .map(|card| card.body.as_deref())
            .collect();
        assert_eq!(bodies, [Some("甲 外套"), Some("乙 外套")]);
    }

    #[test]
    fn a_carousel_has_the_templates_cards() {
        let check = |given: &[Value], code: u32, details: &str| {
            check(&carousel(), cards(given), code, details);
        };
        check(
            &[card(0)],
            132_000,
            "carousel: number of cards (1) does not match the expected number of cards (2)",
        );
        check(
            &[card(0), card(0)],
            100,
            "carousel: card_index 0 is there twice.",
        );
        check(
            &[card(0), card(2)],
            100,
            "carousel: card_index must be a number from 0 to 1.",
        );
        check(
            &[card(0), json!({ "card_index": 1, "components": [] })],
            132_012,
            "carousel card 1 header: Format mismatch, expected IMAGE, received UNKNOWN",
        );
    }
}
