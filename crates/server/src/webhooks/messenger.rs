//! Webhooks of Facebook pages and Instagram accounts, which are of one shape. What is not known is left out: Meta adds
//! new events without asking.

use omocast_contract::{DeliveryStatus, Medium, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::read_time;
use crate::store::echoes::EchoTold;
use crate::store::inbound::{
    About, Change, Contact, InboundContent, InboundMedia, InboundMessage, StatusTold, Watermark,
    WatermarkTold,
};
use crate::store::known_as::KnownAs;

/// More pieces than one message holds: Instagram allows ten images.
const PIECES: usize = 10;

#[derive(Deserialize)]
struct Webhook {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    /// Read one by one, so that an odd one spoils no other.
    #[serde(default)]
    messaging: Vec<Value>,
    /// What another app of the page answers; the customer wrote to the page all the same.
    #[serde(default)]
    standby: Vec<Value>,
}

/// What a webhook says, by the page or the account it is about: `object` is no guide, as Meta's own examples differ.
pub(super) fn parse(body: &[u8]) -> Result<Vec<(String, Vec<Change>)>, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    let mut told: Vec<(String, Vec<Change>)> = Vec::new();
    for entry in webhook.entry {
        let events = entry.messaging.iter().chain(&entry.standby);
        let changes = events.flat_map(|event| read_event(event, &entry.id));
        // Together, so that what belongs to one account is processed as one.
        match told.iter_mut().find(|(id, _)| *id == entry.id) {
            Some((_, others)) => others.extend(changes),
            None => {
                let changes = changes.collect();
                told.push((entry.id, changes));
            }
        }
    }
    told.retain(|(_, changes)| !changes.is_empty());
    Ok(told)
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value[field].as_str()
}

fn read_event(event: &Value, account: &str) -> Vec<Change> {
    let at = read_time(event["timestamp"].as_i64());
    let Some(sender) = text(&event["sender"], "id") else {
        return Vec::new();
    };
    let message = &event["message"];
    if message.is_object() {
        // An echo comes from the page itself.
        if message["is_echo"] == true || sender == account {
            return read_echo(message, event).into_iter().collect();
        }
        return read_message(message, sender, at);
    }
    let postback = &event["postback"];
    if postback.is_object() {
        return read_postback(postback, sender, at).into_iter().collect();
    }
    let delivery = &event["delivery"];
    if delivery.is_object() {
        return read_delivery(delivery, sender);
    }
    let read = &event["read"];
    if read.is_object() {
        return read_read(read, sender, at).into_iter().collect();
    }
    Vec::new()
}

fn contact(user: &str) -> Contact {
    Contact {
        known_as: KnownAs::by(user),
        name: String::new(),
        phone: None,
    }
}

/// The id of a piece: the message's own for the first.
fn piece_id(mid: &str, at: usize) -> String {
    match at {
        0 => mid.to_owned(),
        at => format!("{mid}#{at}"),
    }
}

fn read_message(message: &Value, user: &str, at: Timestamp) -> Vec<Change> {
    let Some(mid) = text(message, "mid") else {
        return Vec::new();
    };
    if message["is_deleted"] == true {
        let pieces = (0..PIECES).map(|at| piece_id(mid, at));
        return pieces
            .map(|external_id| Change::Unsent { external_id })
            .collect();
    }
    let attachments = message["attachments"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let words = text(message, "text")
        .filter(|text| !text.is_empty())
        .map(|text| InboundContent::Text(text.to_owned()));
    let mut contents: Vec<_> = attachments
        .iter()
        .map(read_attachment)
        .chain(words)
        .take(PIECES)
        .collect();
    if contents.is_empty() {
        contents.push(InboundContent::Other("unsupported".to_owned()));
    }
    let pieces = contents.into_iter().enumerate();
    pieces
        .map(|(number, content)| {
            // A millisecond apart, so that a thread keeps their order.
            let later = i64::try_from(number).unwrap_or_default();
            Change::Message(InboundMessage {
                customer: contact(user),
                external_id: piece_id(mid, number),
                at: Timestamp(at.0.saturating_add(later)),
                content,
            })
        })
        .collect()
}

fn read_attachment(attachment: &Value) -> InboundContent {
    let kind = text(attachment, "type").unwrap_or("unsupported");
    let payload = &attachment["payload"];
    let medium = match kind {
        // Until August 2026 stickers came as images too.
        "image" if !payload["sticker_id"].is_null() => None,
        "image" => Some(Medium::Image),
        "video" => Some(Medium::Video),
        "audio" | "file" => Some(Medium::File),
        _ => None,
    };
    let Some(medium) = medium else {
        let kind = if kind == "image" { "sticker" } else { kind };
        return InboundContent::Other(kind.to_owned());
    };
    let reference = text(payload, "url").map(str::to_owned);
    let name = match (kind, &reference) {
        ("file", Some(url)) => name_in(url),
        _ => String::new(),
    };
    InboundContent::Media(InboundMedia {
        medium,
        reference,
        name,
        caption: String::new(),
    })
}

/// A file's name, as its address ends.
fn name_in(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let bytes = percent_decoded(last);
    let name = String::from_utf8_lossy(&bytes).into_owned();
    Some(name)
        .filter(|name| name.contains('.'))
        .unwrap_or_default()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let hex = others
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(hex.unwrap_or(first));
        rest = if hex.is_some() { &others[2..] } else { others };
    }
    bytes
}

/// A button that the customer pressed is what they say.
fn read_postback(postback: &Value, user: &str, at: Timestamp) -> Option<Change> {
    let title = text(postback, "title").filter(|title| !title.is_empty())?;
    Some(Change::Message(InboundMessage {
        customer: contact(user),
        external_id: text(postback, "mid")?.to_owned(),
        at,
        content: InboundContent::Text(title.to_owned()),
    }))
}

/// A message of the account comes back. With what we gave along it is known even if the request got no answer;
/// without, it may be somebody's who wrote in the platform's own inbox.
fn read_echo(message: &Value, event: &Value) -> Option<Change> {
    let external_id = text(message, "mid")?.to_owned();
    let taken_at = event["timestamp"].as_i64();
    let Some(about) = text(message, "metadata").and_then(About::parse) else {
        let words = text(message, "text").filter(|text| !text.is_empty());
        return Some(Change::Echo(EchoTold {
            customer: text(&event["recipient"], "id")?.to_owned(),
            external_id,
            at: read_time(taken_at),
            text: words.map(str::to_owned),
        }));
    };
    Some(Change::Status(StatusTold {
        external_id,
        customer: None,
        about: Some(about),
        status: DeliveryStatus::Sent,
        reason: None,
        code: None,
        taken_at: taken_at.map(Timestamp),
    }))
}

fn read_delivery(delivery: &Value, user: &str) -> Vec<Change> {
    let mids = delivery["mids"].as_array().into_iter().flatten();
    let named = mids.filter_map(Value::as_str).map(|mid| {
        Change::Status(StatusTold {
            external_id: mid.to_owned(),
            customer: None,
            about: None,
            status: DeliveryStatus::Delivered,
            reason: None,
            code: None,
            taken_at: None,
        })
    });
    let watermark = delivery["watermark"].as_i64().map(|until| {
        Change::Watermark(WatermarkTold {
            customer: user.to_owned(),
            reach: Watermark::Delivered,
            message: None,
            until: Timestamp(until),
        })
    });
    named.chain(watermark).collect()
}

/// Facebook names a time, Instagram a message.
fn read_read(read: &Value, user: &str, at: Timestamp) -> Option<Change> {
    let message = text(read, "mid").map(str::to_owned);
    let until = match (&message, read["watermark"].as_i64()) {
        (_, Some(until)) => Timestamp(until),
        (Some(_), None) => at,
        (None, None) => return None,
    };
    Some(Change::Watermark(WatermarkTold {
        customer: user.to_owned(),
        reach: Watermark::Read,
        message,
        until,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "300000000000001";
    const USER: &str = "7000000000000001";
    const OPAQUE: &str = "00000000-0000-0000-0000-000000000001.2.1";

    fn webhook(events: &[Value]) -> Value {
        json!({ "object": "page", "entry": [{ "id": PAGE, "time": 1, "messaging": events }] })
    }

    fn event(what: &str, content: Value) -> Value {
        json!({
            "sender": { "id": USER }, "recipient": { "id": PAGE }, "timestamp": 1_700_000_000_000_i64, what: content,
        })
    }

    #[track_caller]
    fn parse_event(event: Value) -> Vec<Change> {
        let parsed = parse(webhook(&[event]).to_string().as_bytes()).unwrap();
        match parsed.as_slice() {
            [] => Vec::new(),
            [(id, changes)] => {
                assert_eq!(id, PAGE);
                changes.clone()
            }
            others => panic!("{others:?}"),
        }
    }

    #[track_caller]
    fn check_contents(message: Value, expected: &[(&str, InboundContent)]) {
        let changes = parse_event(event("message", message));
        let contents: Vec<_> = changes
            .iter()
            .map(|change| match change {
                Change::Message(message) => {
                    assert_eq!(message.customer, contact(USER));
                    (message.external_id.as_str(), message.content.clone())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(contents, expected);
    }

    fn media(medium: Medium, url: &str, name: &str) -> InboundContent {
        InboundContent::Media(InboundMedia {
            medium,
            reference: Some(url.to_owned()),
            name: name.to_owned(),
            caption: String::new(),
        })
    }

    fn attachment(kind: &str, url: &str) -> Value {
        json!({ "type": kind, "payload": { "url": url } })
    }

    #[test]
    fn messages_are_texts_media_and_the_rest() {
        let words = |text: &str| InboundContent::Text(text.into());
        check_contents(json!({ "mid": "m", "text": "嗨" }), &[("m", words("嗨"))]);
        let sent = [
            attachment("image", "https://cdn/a"),
            attachment("video", "https://cdn/b"),
            attachment("audio", "https://cdn/c"),
            attachment("file", "https://cdn/x/%E5%9E%8B%E9%8C%84.pdf?y=1"),
        ];
        check_contents(
            json!({ "mid": "m", "attachments": sent, "text": "這些" }),
            &[
                ("m", media(Medium::Image, "https://cdn/a", "")),
                ("m#1", media(Medium::Video, "https://cdn/b", "")),
                ("m#2", media(Medium::File, "https://cdn/c", "")),
                (
                    "m#3",
                    media(
                        Medium::File,
                        "https://cdn/x/%E5%9E%8B%E9%8C%84.pdf?y=1",
                        "型錄.pdf",
                    ),
                ),
                ("m#4", words("這些")),
            ],
        );
        for (attachment, kind) in [
            (
                attachment("story_mention", "https://cdn/a"),
                "story_mention",
            ),
            (json!({ "type": "sticker" }), "sticker"),
            (
                json!({ "type": "image", "payload": { "url": "https://cdn/a", "sticker_id": 1 } }),
                "sticker",
            ),
        ] {
            check_contents(
                json!({ "mid": "m", "attachments": [attachment] }),
                &[("m", InboundContent::Other(kind.into()))],
            );
        }
        let unsupported = json!({ "mid": "m", "is_unsupported": true });
        let expected = InboundContent::Other("unsupported".into());
        check_contents(unsupported, &[("m", expected)]);
    }

    #[test]
    fn a_pressed_button_is_what_the_customer_says() {
        let postback = json!({ "mid": "m", "title": "找店員", "payload": "P" });
        let changes = parse_event(event("postback", postback));
        let [Change::Message(message)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(message.content, InboundContent::Text("找店員".into()));
    }

    #[test]
    fn a_message_taken_back_goes_with_all_its_pieces() {
        let changes = parse_event(event("message", json!({ "mid": "m", "is_deleted": true })));
        assert_eq!(changes.len(), PIECES);
        let first = Change::Unsent {
            external_id: "m".into(),
        };
        assert_eq!(changes[0], first);
    }

    #[test]
    fn an_echo_names_what_we_gave_along_and_is_no_message_of_the_customer() {
        let echo = |content: Value| {
            let mut echo = event("message", content);
            echo["sender"]["id"] = PAGE.into();
            echo["recipient"]["id"] = USER.into();
            parse_event(echo)
        };
        let ours = json!({ "mid": "m", "is_echo": true, "text": "嗨", "metadata": OPAQUE });
        let changes = echo(ours);
        let [Change::Status(told)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(
            (told.status, told.about, told.taken_at),
            (
                DeliveryStatus::Sent,
                About::parse(OPAQUE),
                Some(Timestamp(1_700_000_000_000))
            )
        );
        let by_hand = Change::Echo(EchoTold {
            customer: USER.into(),
            external_id: "m".into(),
            at: Timestamp(1_700_000_000_000),
            text: Some("嗨".into()),
        });
        for message in [
            json!({ "mid": "m", "is_echo": true, "text": "嗨" }),
            json!({ "mid": "m", "text": "嗨" }),
            json!({ "mid": "m", "text": "嗨", "metadata": "somebody else's" }),
        ] {
            assert_eq!(echo(message), std::slice::from_ref(&by_hand));
        }
    }

    #[test]
    fn receipts_are_watermarks() {
        let delivery = json!({ "mids": ["m"], "watermark": 7 });
        let changes = parse_event(event("delivery", delivery));
        let [Change::Status(told), Change::Watermark(watermark)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(
            (told.external_id.as_str(), told.status),
            ("m", DeliveryStatus::Delivered)
        );
        assert_eq!(
            (watermark.reach, watermark.until),
            (Watermark::Delivered, Timestamp(7))
        );
        let without_ids = parse_event(event("delivery", json!({ "watermark": 7 })));
        assert_eq!(without_ids.len(), 1);
        let read = |content: Value| parse_event(event("read", content));
        let watermark = |message: Option<&str>, until| {
            Change::Watermark(WatermarkTold {
                customer: USER.into(),
                reach: Watermark::Read,
                message: message.map(str::to_owned),
                until: Timestamp(until),
            })
        };
        assert_eq!(read(json!({ "watermark": 9 })), [watermark(None, 9)]);
        assert_eq!(
            read(json!({ "mid": "m" })),
            [watermark(Some("m"), 1_700_000_000_000)]
        );
        assert_eq!(read(json!({})), []);
    }

    #[test]
    fn each_entry_is_about_its_own_account() {
        let message = |mid: &str| event("message", json!({ "mid": mid, "text": "嗨" }));
        let body = json!({ "object": "instagram", "entry": [
            { "id": "1", "messaging": [message("a")] },
            { "id": "2", "standby": [message("b")] },
            { "id": "1", "messaging": [message("c")] },
        ]});
        let parsed = parse(body.to_string().as_bytes()).unwrap();
        let counts: Vec<_> = parsed
            .iter()
            .map(|(id, changes)| (id.as_str(), changes.len()))
            .collect();
        assert_eq!(counts, [("1", 2), ("2", 1)]);
    }

    #[test]
    fn what_is_not_known_spoils_nothing() {
        for odd in [
            event("reaction", json!({ "mid": "m", "action": "react" })),
            event("message_edit", json!({ "mid": "m", "text": "x" })),
            event("brand_new", json!({})),
            event("message", json!({ "text": "without an id" })),
            json!(7),
            json!({}),
        ] {
            assert_eq!(parse_event(odd), []);
        }
        let good = event("message", json!({ "mid": "m", "text": "嗨" }));
        let parsed = parse(webhook(&[json!(7), good]).to_string().as_bytes()).unwrap();
        assert_eq!(parsed[0].1.len(), 1);
        let other = json!({ "object": "page", "entry": [{ "id": PAGE, "changes": [] }] });
        assert_eq!(parse(other.to_string().as_bytes()).unwrap(), []);
    }
}
