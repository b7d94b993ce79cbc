//! What the product is told of a page: what customers write, echoes of its own messages, and receipts.

use serde_json::{Value, json};

use crate::account::{Account, Platform};
use crate::receipts::OnPhone;
use crate::state::Customer;

/// The app that sent it, as echoes name it.
const APP_ID: u64 = 1_234_567_890;

/// One entry for each event: Meta promises no more than one.
pub(crate) fn webhook(account: &Account, events: &[Value]) -> Value {
    let object = match account.platform() {
        Platform::Instagram => "instagram",
        Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => "page",
    };
    let entries: Vec<_> = events
        .iter()
        .map(
            |event| json!({ "id": account.id(), "time": event["timestamp"], "messaging": [event] }),
        )
        .collect();
    json!({ "object": object, "entry": entries })
}

fn event(sender: &str, recipient: &str, at_ms: i64, what: &str, content: Value) -> Value {
    json!({
        "sender": { "id": sender },
        "recipient": { "id": recipient },
        "timestamp": at_ms,
        what: content,
    })
}

pub(crate) fn inbound_text(
    account: &Account,
    customer: &Customer,
    mid: &str,
    text: &str,
    at_ms: i64,
) -> Value {
    let message = json!({ "mid": mid, "text": text });
    event(&customer.id, account.id(), at_ms, "message", message)
}

/// A file of the customer, given by a link that needs no token.
pub(crate) fn inbound_file(
    account: &Account,
    customer: &Customer,
    mid: &str,
    kind: &str,
    url: &str,
    at_ms: i64,
) -> Value {
    let message = json!({
        "mid": mid,
        "attachments": [{ "type": kind, "payload": { "url": url } }],
    });
    event(&customer.id, account.id(), at_ms, "message", message)
}

/// What the business sent comes back. Only Messenger's document that `metadata` does too.
pub(super) fn echo(
    account: &Account,
    message: &OnPhone,
    text: Option<&str>,
    metadata: Option<&str>,
) -> Value {
    let mut content = json!({ "mid": message.id, "is_echo": true });
    if account.platform() == Platform::Facebook {
        content["app_id"] = APP_ID.into();
        if let Some(metadata) = metadata {
            content["metadata"] = metadata.into();
        }
    }
    if let Some(text) = text {
        content["text"] = text.into();
    }
    event(
        account.id(),
        &message.user,
        message.at_ms,
        "message",
        content,
    )
}

/// Facebook alone tells what has arrived: everything before the watermark.
pub(crate) fn delivery(account: &Account, message: &OnPhone) -> Value {
    let content = json!({ "mids": [message.id], "watermark": message.at_ms });
    event(
        &message.user,
        account.id(),
        message.at_ms,
        "delivery",
        content,
    )
}

/// Facebook tells until when everything is read, Instagram the last message that is.
pub(crate) fn read(account: &Account, last: &OnPhone, seen_at_ms: i64) -> Value {
    let content = match account.platform() {
        Platform::Instagram => json!({ "mid": last.id }),
        Platform::Facebook | Platform::Line | Platform::Whatsapp | Platform::Web => {
            json!({ "watermark": last.at_ms })
        }
    };
    event(&last.user, account.id(), seen_at_ms, "read", content)
}
