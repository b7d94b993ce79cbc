//! The webhooks of our own web chat.

use serde::Deserialize;

use super::read_time;
use crate::store::inbound::{Change, Contact, InboundContent, InboundMessage};
use crate::store::known_as::KnownAs;

#[derive(Deserialize)]
struct Webhook {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    visitor_id: String,
    #[serde(default)]
    name: String,
    text: Option<String>,
    timestamp: Option<i64>,
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<Change>, serde_json::Error> {
    let webhook: Webhook = serde_json::from_slice(body)?;
    let changes = webhook.messages.into_iter().map(|message| {
        let content = match message.text {
            Some(text) => InboundContent::Text(text),
            None => InboundContent::Other("unsupported".to_owned()),
        };
        Change::Message(InboundMessage {
            customer: Contact {
                known_as: KnownAs::by(message.visitor_id),
                name: message.name,
                phone: None,
            },
            external_id: message.id,
            at: read_time(message.timestamp),
            content,
        })
    });
    Ok(changes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_writes() {
        let body = r#"{"site_id":"s","messages":[{"id":"1","visitor_id":"v","name":"訪客","text":"嗨","timestamp":5}]}"#;
        let changes = parse(body.as_bytes()).unwrap();
        let [Change::Message(message)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!((message.customer.name.as_str(), message.at.0), ("訪客", 5));
        assert_eq!(message.content, InboundContent::Text("嗨".into()));
    }
}
