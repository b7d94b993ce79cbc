//! WhatsApp's webhooks: messages of customers, and the statuses of ours.

use omocast_contract::{DeliveryStatus, Medium, Reason, WabaId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::read_time;
use crate::channels::{read_template_status, whatsapp_failure_reason};
use crate::store::inbound::{
    About, Change, Contact, InboundContent, InboundMedia, InboundMessage, StatusTold,
};
use crate::store::known_as::KnownAs;
use crate::store::opt_outs::MarketingTold;
use crate::store::templates::TemplateNews;

#[derive(Deserialize)]
struct Webhook<'a> {
    #[serde(default, borrow)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    /// The WhatsApp Business account.
    #[serde(default)]
    id: String,
    #[serde(default, borrow)]
    changes: Vec<FieldChange<'a>>,
}

#[derive(Deserialize)]
struct FieldChange<'a> {
    field: String,
    /// Of many shapes, one for each field.
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct Messages<'a> {
    metadata: Metadata,
    #[serde(default, borrow)]
    contacts: Vec<&'a RawValue>,
    /// Read one by one, so that an odd one spoils no other.
    #[serde(default, borrow)]
    messages: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    statuses: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: String,
}

#[derive(Deserialize)]
struct ContactTold {
    profile: Option<ProfileTold>,
    wa_id: Option<String>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct ProfileTold {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    recipient_id: Option<String>,
    recipient_user_id: Option<String>,
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<StatusError>,
}

#[derive(Deserialize)]
struct StatusError {
    code: i64,
}

#[derive(Deserialize)]
struct Preferences {
    metadata: Metadata,
    #[serde(default)]
    user_preferences: Vec<Value>,
}

#[derive(Deserialize)]
struct TemplateTold {
    message_template_name: String,
    message_template_language: String,
    event: Option<String>,
}

/// What a webhook says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// By the number it is about.
    pub(super) changes: Vec<(String, Vec<Change>)>,
    pub(super) templates: Vec<TemplateNews>,
}

pub(super) fn parse(body: &[u8]) -> Result<Said, serde_json::Error> {
    let webhook: Webhook<'_> = serde_json::from_slice(body)?;
    let mut said = Said::default();
    for Entry { id, changes: told } in webhook.entry {
        for FieldChange { field, value } in told {
            match field.as_str() {
                "messages" => {
                    if let Some(value) = read::<Messages<'_>>(value) {
                        let number = value.metadata.phone_number_id.clone();
                        said.changes.push((number, changes(value)));
                    }
                }
                "user_preferences" => {
                    if let Some(value) = read::<Preferences>(value) {
                        let told = value.user_preferences.iter().filter_map(read_preference);
                        let told = told.map(Change::Marketing).collect();
                        said.changes.push((value.metadata.phone_number_id, told));
                    }
                }
                "message_template_status_update"
                | "message_template_components_update"
                | "template_category_update" => {
                    if let Some(told) = read(value) {
                        said.templates.push(read_news(&id, told));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(said)
}

/// Reads what is of the expected shape; the rest is not ours to understand.
fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

fn read_preference(told: &Value) -> Option<MarketingTold> {
    if told["category"] != "marketing_messages" {
        return None;
    }
    let is_stopped = match told["value"].as_str()? {
        "stop" => true,
        "resume" => false,
        _ => return None,
    };
    let customer = Ids::of(&told["wa_id"], &told["user_id"]).known_as()?;
    // Meta's example is a number; everywhere else its seconds are a text.
    let seconds = &told["timestamp"];
    let seconds = seconds.as_i64().or_else(|| seconds.as_str()?.parse().ok());
    Some(MarketingTold {
        customer,
        is_stopped,
        at: read_time(seconds.map(|seconds| seconds.saturating_mul(1_000))),
    })
}

fn read_news(waba: &str, told: TemplateTold) -> TemplateNews {
    TemplateNews {
        waba: WabaId(waba.to_owned()),
        name: told.message_template_name,
        language: told.message_template_language,
        status: told.event.as_deref().and_then(read_template_status),
    }
}

fn changes(value: Messages<'_>) -> Vec<Change> {
    let contacts: Vec<ContactTold> = value.contacts.into_iter().filter_map(read).collect();
    let messages = value
        .messages
        .into_iter()
        .filter_map(read)
        .filter_map(|message| read_message(&message, &contacts));
    let statuses = value
        .statuses
        .into_iter()
        .filter_map(read)
        .filter_map(|status| read_status(status, &contacts));
    messages
        .map(Change::Message)
        .chain(statuses.map(Change::Status))
        .collect()
}

/// What a webhook calls somebody: by the number, by the business-scoped id, or by both.
struct Ids {
    number: Option<String>,
    scoped: Option<String>,
}

impl Ids {
    fn of(number: &Value, scoped: &Value) -> Self {
        Self {
            number: told_id(number.as_str()),
            scoped: told_id(scoped.as_str()),
        }
    }

    /// Adds the id that only the contacts tell, and finds the contact.
    fn complete<'a>(&mut self, contacts: &'a [ContactTold]) -> Option<&'a ContactTold> {
        let is_same = |told: &Option<String>, own: &Option<String>| own.is_some() && told == own;
        let contact = contacts.iter().find(|contact| {
            is_same(&contact.wa_id, &self.number) || is_same(&contact.user_id, &self.scoped)
        })?;
        let (number, scoped) = (contact.wa_id.as_deref(), contact.user_id.as_deref());
        self.number = self.number.take().or_else(|| told_id(number));
        self.scoped = self.scoped.take().or_else(|| told_id(scoped));
        Some(contact)
    }

    /// Written to is the number, where it is told.
    fn known_as(self) -> Option<KnownAs> {
        Some(KnownAs {
            external_id: self.number.or_else(|| self.scoped.clone())?,
            scoped_id: self.scoped,
        })
    }
}

/// An id that is told. An empty one would make one person of everybody who has it.
fn told_id(id: Option<&str>) -> Option<String> {
    id.filter(|id| !id.is_empty()).map(str::to_owned)
}

fn read_message(message: &Value, contacts: &[ContactTold]) -> Option<InboundMessage> {
    let text = |field: &str| message[field].as_str().map(str::to_owned);
    let mut ids = Ids::of(&message["from"], &message["from_user_id"]);
    let contact = ids.complete(contacts);
    let (id, kind) = (text("id")?, text("type")?);
    let name = contact
        .and_then(|contact| contact.profile.as_ref()?.name.clone())
        .unwrap_or_default();
    let customer = Contact {
        phone: ids.number.clone(),
        known_as: ids.known_as()?,
        name,
    };
    let seconds = text("timestamp").and_then(|seconds| seconds.parse::<i64>().ok());
    let at = read_time(seconds.map(|seconds| seconds.saturating_mul(1_000)));
    let content = read_content(message, &kind)?;
    let message = InboundMessage {
        customer,
        external_id: id,
        at,
        content,
    };
    Some(message)
}

fn read_content(message: &Value, kind: &str) -> Option<InboundContent> {
    let interactive = &message["interactive"];
    let text = match kind {
        "text" => message["text"]["body"].as_str(),
        "button" => message["button"]["text"].as_str(),
        "interactive" => interactive["button_reply"]["title"]
            .as_str()
            .or_else(|| interactive["list_reply"]["title"].as_str()),
        "image" => return Some(read_media(&message["image"], Medium::Image)),
        "video" => return Some(read_media(&message["video"], Medium::Video)),
        "audio" | "document" => return Some(read_media(&message[kind], Medium::File)),
        // Of the platform, not of the customer: a changed number, for example.
        "system" => return None,
        _ => None,
    };
    Some(text.map_or_else(
        || InboundContent::Other(kind.to_owned()),
        |text| InboundContent::Text(text.to_owned()),
    ))
}

fn read_media(media: &Value, medium: Medium) -> InboundContent {
    let text = |field: &str| media[field].as_str().map(str::to_owned);
    InboundContent::Media(InboundMedia {
        medium,
        reference: text("id"),
        name: text("filename").unwrap_or_default(),
        caption: text("caption").unwrap_or_default(),
    })
}

fn read_status(told: Status, contacts: &[ContactTold]) -> Option<StatusTold> {
    let status = match told.status.as_str() {
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" | "played" => DeliveryStatus::Read,
        "failed" => DeliveryStatus::Failed,
        _ => return None,
    };
    let error = told
        .errors
        .first()
        .filter(|_| status == DeliveryStatus::Failed);
    let reason = match (status, error) {
        (_, Some(error)) => Some(whatsapp_failure_reason(error.code)),
        (DeliveryStatus::Failed, None) => Some(Reason::Other),
        _ => None,
    };
    let mut ids = Ids {
        number: told_id(told.recipient_id.as_deref()),
        scoped: told_id(told.recipient_user_id.as_deref()),
    };
    ids.complete(contacts);
    Some(StatusTold {
        external_id: told.id,
        customer: ids.known_as().filter(|ids| ids.both().is_some()),
        about: told
            .biz_opaque_callback_data
            .as_deref()
            .and_then(About::parse),
        status,
        reason,
        code: error.map(|error| error.code.to_string()),
        taken_at: None,
    })
}

#[cfg(test)]
mod tests {
    use omocast_contract::TemplateStatus;
    use serde_json::json;

    use super::*;
    use crate::channels::tests::check_schema;

    const NUMBER: &str = "200000000000001";

    fn scoped(id: &str) -> KnownAs {
        KnownAs {
            external_id: id.into(),
            scoped_id: Some(id.into()),
        }
    }

    fn webhook(mut value: Value) -> Value {
        value["messaging_product"] = "whatsapp".into();
        value["metadata"] =
            json!({ "display_phone_number": "886255550001", "phone_number_id": NUMBER });
        json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }],
        })
    }

    #[track_caller]
    fn parse_value(value: Value) -> Vec<Change> {
        let parsed = parse(webhook(value).to_string().as_bytes()).unwrap();
        let [(number, changes)] = parsed.changes.as_slice() else {
            panic!("{parsed:?}");
        };
        assert_eq!(number, NUMBER);
        changes.clone()
    }

    fn message(kind: &str, content: Value) -> Value {
        json!({
            "from": "886912345678", "id": "wamid.1", "timestamp": "1700000000", "type": kind, kind: content,
        })
    }

    #[track_caller]
    fn check_content(message: Value, expected: &[InboundContent]) {
        let contacts = json!([{ "profile": { "name": "Ken" }, "wa_id": "886912345678" }]);
        let changes = parse_value(json!({ "contacts": contacts, "messages": [message] }));
        let contents: Vec<_> = changes
            .into_iter()
            .map(|change| match change {
                Change::Message(message) => {
                    assert_eq!(message.customer.name, "Ken");
                    assert_eq!(message.customer.phone.as_deref(), Some("886912345678"));
                    message.content
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(contents, expected);
    }

    #[test]
    fn messages_are_texts_images_and_the_rest() {
        let text = |text: &str| InboundContent::Text(text.into());
        let hi = message("text", json!({ "body": "嗨" }));
        let contacts = json!([{ "profile": { "name": "Ken" }, "wa_id": "886912345678" }]);
        let body = webhook(json!({ "contacts": contacts, "messages": [hi.clone()] }));
        check_schema("whatsapp-webhook", "WebhookPayload", &body);
        check_content(hi, &[text("嗨")]);
        check_content(
            message("button", json!({ "payload": "p", "text": "好" })),
            &[text("好")],
        );
        let reply = json!({ "type": "button_reply", "button_reply": { "id": "1", "title": "是" } });
        check_content(message("interactive", reply), &[text("是")]);
        let media = |medium, name: &str, caption: &str| {
            InboundContent::Media(InboundMedia {
                medium,
                reference: Some("9".into()),
                name: name.into(),
                caption: caption.into(),
            })
        };
        check_content(
            message("image", json!({ "id": "9" })),
            &[media(Medium::Image, "", "")],
        );
        check_content(
            message("video", json!({ "id": "9", "caption": "這件" })),
            &[media(Medium::Video, "", "這件")],
        );
        check_content(
            message("document", json!({ "id": "9", "filename": "型錄.pdf" })),
            &[media(Medium::File, "型錄.pdf", "")],
        );
        check_content(
            message("audio", json!({ "id": "9", "voice": true })),
            &[media(Medium::File, "", "")],
        );
        check_content(
            message("sticker", json!({ "id": "9" })),
            &[InboundContent::Other("sticker".into())],
        );
        check_content(message("system", json!({ "body": "changed" })), &[]);
    }

    #[test]
    fn who_has_no_number_is_known_by_the_scoped_id() {
        let user = "TW.13491208655302741918";
        let changes = parse_value(json!({
            "contacts": [{ "profile": { "name": "Ken" }, "user_id": user }],
            "messages": [{
                "from_user_id": user, "id": "wamid.1", "timestamp": "1700000000", "type": "text",
                "text": { "body": "嗨" },
            }],
        }));
        let [Change::Message(message)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        let expected = Contact {
            known_as: scoped(user),
            name: "Ken".into(),
            phone: None,
        };
        assert_eq!(message.customer, expected);
    }

    #[test]
    fn who_is_told_by_both_ids_is_known_by_both() {
        let both = KnownAs {
            external_id: "886912345678".into(),
            scoped_id: Some("TW.1".into()),
        };
        let contacts =
            json!([{ "wa_id": "886900000000" }, { "wa_id": "886912345678", "user_id": "TW.1" }]);
        let message = |from: Value| {
            let mut message = message("text", json!({ "body": "嗨" }));
            message["from"] = from["from"].clone();
            message["from_user_id"] = from["from_user_id"].clone();
            message
        };
        let status = |to: Value| {
            let mut status = json!({ "id": "wamid.2", "status": "sent", "timestamp": "1" });
            status["recipient_id"] = to["from"].clone();
            status["recipient_user_id"] = to["from_user_id"].clone();
            status
        };
        // Whichever of them the message or the status itself tells.
        for told in [
            json!({ "from": "886912345678", "from_user_id": "TW.1" }),
            json!({ "from": "886912345678" }),
            json!({ "from_user_id": "TW.1" }),
        ] {
            let changes = parse_value(json!({
                "contacts": contacts, "messages": [message(told.clone())], "statuses": [status(told)],
            }));
            let [Change::Message(message), Change::Status(status)] = changes.as_slice() else {
                panic!("{changes:?}");
            };
            assert_eq!(message.customer.known_as, both);
            assert_eq!(message.customer.phone.as_deref(), Some("886912345678"));
            assert_eq!(status.customer.as_ref(), Some(&both));
        }
        // An empty id is none.
        let nobody = json!([{ "wa_id": "", "user_id": "TW.1" }]);
        let told = json!({ "from": "", "from_user_id": "TW.1" });
        let changes = parse_value(json!({ "contacts": nobody, "messages": [message(told)] }));
        let [Change::Message(heard)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(heard.customer.known_as, scoped("TW.1"));
        assert_eq!(heard.customer.phone, None);
        let changes =
            parse_value(json!({ "statuses": [status(json!({ "from": "886912345678" }))] }));
        let [Change::Status(status)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(status.customer, None);
    }

    #[test]
    fn statuses_name_what_we_gave_along() {
        let opaque = "00000000-0000-0000-0000-000000000001.2.1";
        let changes = parse_value(json!({ "statuses": [
            { "id": "wamid.1", "status": "read", "timestamp": "1", "biz_opaque_callback_data": opaque },
            { "id": "wamid.2", "status": "failed", "timestamp": "1", "errors": [{ "code": 131_047 }] },
            { "id": "wamid.3", "status": "deleted", "timestamp": "1" },
        ]}));
        let [Change::Status(read), Change::Status(failed)] = changes.as_slice() else {
            panic!("{changes:?}");
        };
        assert_eq!(
            (read.status, read.about),
            (DeliveryStatus::Read, About::parse(opaque))
        );
        assert_eq!(
            (failed.status, failed.reason, failed.code.as_deref()),
            (
                DeliveryStatus::Failed,
                Some(Reason::WindowClosed),
                Some("131047")
            )
        );
    }

    #[test]
    fn customers_stop_marketing_and_take_it_again() {
        let told = |value: Value| {
            let metadata = json!({ "phone_number_id": NUMBER });
            let value = json!({ "metadata": metadata, "user_preferences": value });
            let changes = json!([{ "field": "user_preferences", "value": value }]);
            let body = json!({ "entry": [{ "id": "1", "changes": changes }] });
            let mut said = parse(body.to_string().as_bytes()).unwrap();
            let (number, changes) = said.changes.remove(0);
            assert_eq!(number, NUMBER);
            changes
        };
        let category = "marketing_messages";
        let changes = told(json!([
            { "wa_id": "886912345678", "category": category, "value": "stop", "timestamp": 1_700_000_000 },
            { "user_id": "TW.1", "category": category, "value": "resume", "timestamp": "1700000001" },
            { "wa_id": "886900000000", "user_id": "TW.2", "category": category, "value": "stop", "timestamp": 1_700_000_002 },
            { "wa_id": "1", "category": "other", "value": "stop", "timestamp": 1 },
            { "wa_id": "1", "category": category, "value": "later", "timestamp": 1 },
        ]));
        let both = KnownAs {
            external_id: "886900000000".into(),
            scoped_id: Some("TW.2".into()),
        };
        let expected = [
            (KnownAs::by("886912345678"), true, 0),
            (scoped("TW.1"), false, 1),
            (both, true, 2),
        ];
        let expected = expected.map(|(customer, is_stopped, second)| {
            Change::Marketing(MarketingTold {
                customer,
                is_stopped,
                at: omocast_contract::Timestamp((1_700_000_000 + second) * 1_000),
            })
        });
        assert_eq!(changes, expected);
    }

    #[test]
    fn news_of_templates_name_their_account_and_where_they_stand() {
        let told = |field: &str, event: Value| {
            let value = json!({
                "message_template_id": 7, "message_template_name": "new_arrival",
                "message_template_language": "zh_TW", "event": event,
            });
            json!({ "field": field, "value": value })
        };
        let changes = [
            told("message_template_status_update", json!("PAUSED")),
            told("message_template_status_update", json!("REINSTATED")),
            told("message_template_components_update", Value::Null),
            told("template_category_update", Value::Null),
            json!({ "field": "message_template_status_update", "value": {} }),
        ];
        let entry = json!([{ "id": "100", "changes": changes }]);
        let body = json!({ "object": "whatsapp_business_account", "entry": entry });
        let said = parse(body.to_string().as_bytes()).unwrap();
        let statuses: Vec<_> = said.templates.iter().map(|news| news.status).collect();
        let (paused, approved) = (TemplateStatus::Paused, TemplateStatus::Approved);
        assert_eq!(statuses, [Some(paused), Some(approved), None, None]);
        for news in said.templates {
            assert_eq!(news.waba, WabaId("100".into()));
            assert_eq!((&*news.name, &*news.language), ("new_arrival", "zh_TW"));
        }
    }

    #[test]
    fn what_is_not_known_spoils_nothing() {
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": [
            { "field": "account_update", "value": { "event": "X" } },
            { "field": "messages", "value": 7 },
        ]}]});
        let said = parse(body.to_string().as_bytes()).unwrap();
        assert!(said.changes.is_empty() && said.templates.is_empty());
        let odd = json!({ "messages": [7, {}, message("text", json!({ "body": "嗨" }))], "statuses": [1] });
        assert_eq!(parse_value(odd).len(), 1);
    }
}
