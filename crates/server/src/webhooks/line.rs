//! LINE's webhooks. Types that are not known are left out: LINE adds new ones without asking.

use omocast_contract::{Medium, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::read_time;
use crate::store::inbound::{Change, Contact, InboundContent, InboundMedia, InboundMessage};
use crate::store::known_as::KnownAs;

#[derive(Deserialize)]
struct Webhook {
    /// Empty when LINE only checks the address. Read one by one, so that an odd one spoils no other.
    #[serde(default)]
    events: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Option<i64>,
    source: Option<Source>,
    message: Option<Message>,
    unsend: Option<Unsend>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    user_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    file_name: Option<String>,
    content_provider: Option<ContentProvider>,
}

#[derive(Deserialize)]
struct ContentProvider {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unsend {
    message_id: String,
}

/// What a webhook says. Groups and rooms are left out: they are no customer.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Change>, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    let events = webhook
        .events
        .into_iter()
        .filter_map(|event| serde_json::from_value(event).ok());
    Ok(events.filter_map(change).collect())
}

fn change(event: Event) -> Option<Change> {
    let at = read_time(event.timestamp);
    let source = event.source.filter(|source| source.kind == "user")?;
    let customer = Contact {
        known_as: KnownAs::by(source.user_id?),
        name: String::new(),
        phone: None,
    };
    match event.kind.as_str() {
        "message" => Some(Change::Message(message(event.message?, customer, at))),
        "follow" => Some(Change::Blocked {
            customer,
            is_blocked: false,
            at,
        }),
        "unfollow" => Some(Change::Blocked {
            customer,
            is_blocked: true,
            at,
        }),
        "unsend" => Some(Change::Unsent {
            external_id: event.unsend?.message_id,
        }),
        _ => None,
    }
}

fn message(message: Message, customer: Contact, at: Timestamp) -> InboundMessage {
    let medium = match message.kind.as_str() {
        "image" => Some(Medium::Image),
        "video" => Some(Medium::Video),
        "audio" | "file" => Some(Medium::File),
        _ => None,
    };
    let content = match (medium, message.text) {
        (Some(medium), _) => {
            let is_with_line = message
                .content_provider
                .is_none_or(|provider| provider.kind == "line");
            InboundContent::Media(InboundMedia {
                medium,
                reference: is_with_line.then(|| message.id.clone()),
                name: message.file_name.unwrap_or_default(),
                caption: String::new(),
            })
        }
        (None, Some(text)) if message.kind == "text" => InboundContent::Text(text),
        (None, _) => InboundContent::Other(message.kind),
    };
    InboundMessage {
        customer,
        external_id: message.id,
        at,
        content,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channels::tests::check_schema;

    const USER: &str = "U0123456789abcdef0123456789abcdef";

    fn event(kind: &str) -> Value {
        json!({
            "type": kind,
            "mode": "active",
            "timestamp": 1_700_000_000_000_i64,
            "webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR",
            "deliveryContext": { "isRedelivery": false },
            "source": { "type": "user", "userId": USER },
        })
    }

    fn event_with(kind: &str, field: &str, value: Value) -> Value {
        let mut event = event(kind);
        event[field] = value;
        event
    }

    #[track_caller]
    fn parse_events(events: &[Value]) -> Vec<Change> {
        let body = json!({ "destination": USER, "events": events });
        parse(body.to_string().as_bytes()).unwrap()
    }

    #[track_caller]
    fn check_content(message: Value, expected: InboundContent) {
        let event = event_with("message", "message", message);
        check_schema(
            "line-webhook",
            "CallbackRequest",
            &json!({ "destination": USER, "events": [event] }),
        );
        let changes = parse_events(&[event]);
        let [Change::Message(message)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(message.content, expected);
        assert_eq!(message.at, Timestamp(1_700_000_000_000));
        assert_eq!(message.customer.known_as.external_id, USER);
    }

    fn media(medium: Medium, reference: &str, name: &str) -> InboundContent {
        InboundContent::Media(InboundMedia {
            medium,
            reference: Some(reference.into()),
            name: name.into(),
            caption: String::new(),
        })
    }

    #[test]
    fn messages_are_texts_media_and_the_rest() {
        check_content(
            json!({ "type": "text", "id": "1", "text": "嗨", "quoteToken": "q" }),
            InboundContent::Text("嗨".into()),
        );
        check_content(
            json!({ "type": "image", "id": "2", "quoteToken": "q", "contentProvider": { "type": "line" } }),
            media(Medium::Image, "2", ""),
        );
        check_content(
            json!({
                "type": "video", "id": "4", "quoteToken": "q", "duration": 1_000,
                "contentProvider": { "type": "line" },
            }),
            media(Medium::Video, "4", ""),
        );
        check_content(
            json!({ "type": "file", "id": "5", "fileName": "型錄.pdf", "fileSize": 9 }),
            media(Medium::File, "5", "型錄.pdf"),
        );
        check_content(
            json!({
                "type": "sticker", "id": "3", "quoteToken": "q", "packageId": "1", "stickerId": "1",
                "stickerResourceType": "STATIC",
            }),
            InboundContent::Other("sticker".into()),
        );
    }

    #[test]
    fn following_and_blocking() {
        let changes = parse_events(&[
            event_with("follow", "follow", json!({ "isUnblocked": true })),
            event("unfollow"),
        ]);
        let blocked: Vec<_> = changes
            .iter()
            .map(|change| {
                matches!(
                    change,
                    Change::Blocked {
                        is_blocked: true,
                        ..
                    }
                )
            })
            .collect();
        assert_eq!(blocked, [false, true]);
    }

    #[test]
    fn a_message_taken_back() {
        let changes = parse_events(&[event_with("unsend", "unsend", json!({ "messageId": "7" }))]);
        assert_eq!(
            changes,
            [Change::Unsent {
                external_id: "7".into()
            }]
        );
    }

    #[test]
    fn what_is_not_known_spoils_nothing() {
        let group = event_with(
            "message",
            "source",
            json!({ "type": "group", "groupId": "C1" }),
        );
        let known = event("unfollow");
        let events = [
            event("membership"),
            group,
            json!({ "odd": 1 }),
            json!(7),
            event("message"),
            known,
        ];
        assert_eq!(parse_events(&events).len(), 1);
        assert_eq!(parse_events(&[]), []);
    }

    #[test]
    fn what_is_no_webhook_is_an_error() {
        for body in ["", "[1]", "{\"events\":1}", "\u{0}"] {
            assert!(parse(body.as_bytes()).is_err(), "{body:?}");
        }
    }
}
