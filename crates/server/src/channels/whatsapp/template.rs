//! A filled-in template as Meta wants it to be sent.

use omocast_contract::template::HeaderKind;
use omocast_contract::template::fill::{FilledButton, FilledHeader, FilledText, Parameter};
use omocast_contract::{FilledTemplate, MediaId};
use serde_json::{Value, json};

use super::source;
use crate::channels::OutboundTemplate;
use crate::channels::uploads::Kept;

/// What Meta must be told of a template: only what was filled in (Cloud API, send templates).
pub(super) fn template_body(template: &OutboundTemplate, kept: &Kept) -> Value {
    let FilledTemplate {
        header,
        body,
        buttons,
        cards,
        ..
    } = &template.filled;
    let mut components = Vec::new();
    match header {
        Some(FilledHeader::Text { text }) => components.extend(text_component("header", text)),
        Some(FilledHeader::Media { kind, media }) => {
            components.extend(media_component(template, *kind, *media, kept));
        }
        None => {}
    }
    components.extend(text_component("body", body));
    components.extend(button_components(buttons));
    if !cards.is_empty() {
        let cards = cards.iter().enumerate().map(|(at, card)| {
            let mut components = Vec::new();
            components.extend(media_component(template, card.kind, card.media, kept));
            components.extend(text_component("body", &card.body));
            components.extend(button_components(&card.buttons));
            json!({ "card_index": at, "components": components })
        });
        let cards: Vec<_> = cards.collect();
        components.push(json!({ "type": "carousel", "cards": cards }));
    }
    let mut content = json!({ "name": template.name, "language": { "code": template.language } });
    if !components.is_empty() {
        content["components"] = components.into();
    }
    content
}

fn text_component(part: &str, text: &FilledText) -> Option<Value> {
    let parameters: Vec<_> = text.parameters.iter().map(text_parameter).collect();
    (!parameters.is_empty()).then(|| json!({ "type": part, "parameters": parameters }))
}

fn text_parameter(parameter: &Parameter) -> Value {
    let mut value = json!({ "type": "text", "text": parameter.value });
    if let Some(name) = &parameter.name {
        value["parameter_name"] = name.as_str().into();
    }
    value
}

/// None where the upload is not at hand, which Meta refuses in its own words.
fn media_component(
    template: &OutboundTemplate,
    kind: HeaderKind,
    media: Option<MediaId>,
    kept: &Kept,
) -> Option<Value> {
    let upload = template
        .uploads
        .iter()
        .find(|upload| Some(upload.id) == media)?;
    let mut content = source(upload, kept);
    let kind = match kind {
        HeaderKind::Image => "image",
        HeaderKind::Video => "video",
        HeaderKind::Document => {
            content["filename"] = upload.name.as_str().into();
            "document"
        }
    };
    let parameter = json!({ "type": kind, kind: content });
    Some(json!({ "type": "header", "parameters": [parameter] }))
}

/// Only the ends of addresses are to be told: a quick reply comes back by its own words.
fn button_components(buttons: &[FilledButton]) -> impl Iterator<Item = Value> {
    buttons.iter().enumerate().filter_map(|(at, button)| {
        let FilledButton::Url { url, .. } = button else {
            return None;
        };
        let parameters: Vec<_> = url.parameters.iter().map(text_parameter).collect();
        (!parameters.is_empty()).then(|| {
            json!({
                "type": "button",
                "sub_type": "url",
                "index": at.to_string(),
                "parameters": parameters,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use omocast_contract::template::fill::FilledCard;

    use super::*;
    use crate::channels::Outbound;
    use crate::channels::tests::{check_schema, upload};
    use crate::channels::whatsapp::send_body;

    fn text(text: &str, parameters: &[(Option<&str>, &str)]) -> FilledText {
        let parameters = parameters.iter().map(|(name, value)| Parameter {
            name: name.map(str::to_owned),
            value: (*value).to_owned(),
        });
        FilledText {
            text: text.to_owned(),
            parameters: parameters.collect(),
        }
    }

    fn template(body: FilledText) -> OutboundTemplate {
        OutboundTemplate {
            name: "new_arrival".into(),
            language: "zh_TW".into(),
            filled: FilledTemplate {
                header: None,
                body,
                footer: "ATELIER".into(),
                buttons: Vec::new(),
                cards: Vec::new(),
            },
            uploads: vec![upload("型錄.pdf")],
        }
    }

    fn with_header(kind: HeaderKind) -> OutboundTemplate {
        let mut template = template(text("好", &[]));
        template.filled.header = Some(FilledHeader::Media {
            kind,
            media: Some(upload("").id),
        });
        template
    }

    #[track_caller]
    fn check_template(template: OutboundTemplate, expected: Value) {
        let kept = Kept::one(upload("").id, "77");
        let body = send_body(
            "886912345678",
            &Outbound::Template(template),
            &kept,
            "b.c.0",
        );
        // The derived schema has no carousel, though Meta's guide has.
        if !expected.to_string().contains("carousel") {
            check_schema("whatsapp-send", "SendMessageRequest", &body);
        }
        assert_eq!(body["type"], "template");
        assert_eq!(body["template"]["name"], "new_arrival");
        assert_eq!(body["template"]["language"], json!({ "code": "zh_TW" }));
        assert_eq!(body["template"]["components"], expected);
    }

    #[test]
    fn a_template_with_nothing_to_fill_in_has_no_components() {
        check_template(template(text("好", &[])), Value::Null);
    }

    #[test]
    fn values_go_by_their_order_or_with_their_names() {
        let numbers = text("A1 到 信義店", &[(None, "A1"), (None, "信義店")]);
        let expected = json!([{ "type": "body", "parameters": [
            { "type": "text", "text": "A1" }, { "type": "text", "text": "信義店" },
        ] }]);
        check_template(template(numbers), expected);
        let names = text("A1", &[(Some("order_id"), "A1")]);
        let expected = json!([{ "type": "body", "parameters": [
            { "type": "text", "text": "A1", "parameter_name": "order_id" },
        ] }]);
        check_template(template(names), expected);
    }

    #[test]
    fn a_header_is_a_text_or_an_upload() {
        let mut titled = template(text("好", &[]));
        titled.filled.header = Some(FilledHeader::Text {
            text: text("怡君 您好", &[(None, "怡君")]),
        });
        let header = |parameter| json!([{ "type": "header", "parameters": [parameter] }]);
        check_template(titled, header(json!({ "type": "text", "text": "怡君" })));
        let image = json!({ "type": "image", "image": { "id": "77" } });
        check_template(with_header(HeaderKind::Image), header(image));
        let video = json!({ "type": "video", "video": { "id": "77" } });
        check_template(with_header(HeaderKind::Video), header(video));
        let document = json!({ "id": "77", "filename": "型錄.pdf" });
        let document = json!({ "type": "document", "document": document });
        check_template(with_header(HeaderKind::Document), header(document));
    }

    #[test]
    fn the_end_of_an_address_goes_with_the_place_of_its_button() {
        let mut template = template(text("好", &[]));
        template.filled.buttons = vec![
            FilledButton::QuickReply { text: "好".into() },
            FilledButton::Url {
                text: "看".into(),
                url: text("https://a.example/coat", &[(None, "coat")]),
            },
        ];
        let expected = json!([{ "type": "button", "sub_type": "url", "index": "1", "parameters": [
            { "type": "text", "text": "coat" },
        ] }]);
        check_template(template, expected);
    }

    #[test]
    fn every_card_of_a_carousel_is_told_with_its_upload() {
        let mut template = template(text("新品", &[]));
        let card = || FilledCard {
            kind: HeaderKind::Image,
            media: Some(upload("").id),
            body: text("風衣 9 折", &[(None, "9")]),
            buttons: vec![FilledButton::QuickReply { text: "要".into() }],
        };
        template.filled.cards = vec![card(), card()];
        let components = json!([
            { "type": "header", "parameters": [{ "type": "image", "image": { "id": "77" } }] },
            { "type": "body", "parameters": [{ "type": "text", "text": "9" }] },
        ]);
        let cards = json!([
            { "card_index": 0, "components": components },
            { "card_index": 1, "components": components },
        ]);
        check_template(template, json!([{ "type": "carousel", "cards": cards }]));
    }
}
