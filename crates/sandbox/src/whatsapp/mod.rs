//! The WhatsApp Cloud API: sending, and what comes in, with Meta's refusals.

mod content;
mod numbers;
mod statuses;
mod templates;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::account::{Account, Platform};
use crate::faults::Refusal;
use crate::graph::GraphError;
use crate::ids;
use crate::media::{Medium, Wanted};
use crate::receipts::OnPhone;
use crate::state::{
    AccountState, Bucket, Customer, CustomerState, Marketing, PhoneMessage, PhoneMessageKind,
};
use content::{Content, Source, invalid, missing, read_content, wrong_parameter};
use numbers::product_missing;
use statuses::Outcome;

pub use templates::{
    HeaderFormat, Notice, ParameterFormat, PhoneButton, PhoneCard, PhoneHeader, PhoneTemplate,
    Press, Template, TemplateButton, TemplateCard, TemplateCategory, TemplateComponent,
    TemplateQuality, TemplateStatus,
};

pub(crate) use numbers::{number_fields, phone_numbers, upload};
pub(crate) use statuses::Pricing;
pub(crate) use templates::{Templates, message_templates};

fn rate_limited() -> GraphError {
    GraphError::whatsapp(
        130_429,
        "Rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number in a short period \
         of time.",
    )
}

fn pair_limited() -> GraphError {
    GraphError::whatsapp(
        131_056,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number to the same phone \
         number in a short period of time.",
    )
}

fn refuse_on_demand(refusal: Refusal) -> Response {
    match refusal {
        Refusal::RateLimited => rate_limited(),
        Refusal::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            GraphError::whatsapp(131_000, "Something went wrong", "refused on demand")
                .with_status(status)
        }
        Refusal::Code { code, .. } => {
            GraphError::whatsapp(code, "Refused on demand", "refused on demand")
        }
        Refusal::Locked => GraphError::whatsapp(
            131_031,
            "Business Account locked",
            "The WhatsApp Business Account associated with the app has been restricted or disabled for violating a \
             platform policy.",
        ),
        Refusal::Unpaid => GraphError::whatsapp(
            131_042,
            "Business eligibility payment issue",
            "There was an error related to your payment method.",
        ),
    }
    .into_response()
}

/// `POST /{number}/messages`: a message, or a mark that one was read.
pub(crate) async fn send(sandbox: &Sandbox, number_id: &str, body: Map<String, Value>) -> Response {
    if body.get("messaging_product").and_then(Value::as_str) != Some("whatsapp") {
        return product_missing().into_response();
    }
    if body.contains_key("status") {
        return match sandbox.mark_read_by_business(number_id, &body) {
            Ok(()) => Json(json!({ "success": true })).into_response(),
            Err(error) => error.into_response(),
        };
    }
    let to = addressee(&body);
    let user = sandbox.with(|state| state.get(number_id)?.user_of(&to));
    let to = user.unwrap_or(to);
    let accept = || match sandbox.accept_message(number_id, &body, &to) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => error.into_response(),
    };
    sandbox
        .under_fault(number_id, &[&to], refuse_on_demand, accept)
        .await
}

/// Who a message is for: a number, or else the business-scoped id of somebody who hides theirs.
fn addressee(body: &Map<String, Value>) -> String {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    match text("to") {
        Some(number) => digits(number),
        None => text("recipient").unwrap_or_default().to_owned(),
    }
}

/// `TW.13491208655302741918`: a country, and up to 128 letters and digits.
pub(crate) fn is_scoped_id(user: &str) -> bool {
    user.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Tells who somebody is, under the names that a number and a business-scoped id have there.
fn name(told: &mut Value, user: &str, customer: Option<&CustomerState>, names: [&str; 2]) {
    let [number, scoped] = names;
    let identity = customer.map(|customer| &customer.identity);
    match identity.map(|identity| (&identity.scoped_id, identity.has_username)) {
        Some((Some(scoped_id), has_username)) => {
            told[scoped] = scoped_id.as_str().into();
            if !has_username {
                told[number] = user.into();
            }
        }
        _ if is_scoped_id(user) => told[scoped] = user.into(),
        _ => told[number] = user.into(),
    }
}

/// Meta reads a number with its plus sign, spaces and dashes.
fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// What the phone shows of a piece of media.
fn shown(medium: Medium, url: String, name: String) -> PhoneMessageKind {
    match medium {
        Medium::Image | Medium::Preview => PhoneMessageKind::Image {
            preview: url.clone(),
            url,
        },
        Medium::Video => PhoneMessageKind::Video { url, preview: None },
        Medium::Audio | Medium::File => PhoneMessageKind::File { url, name },
    }
}

/// A link that is looked at once a message is accepted.
type Link = (Medium, String);

/// A piece of media of a message, found.
struct Placed {
    url: String,
    name: String,
    link: Option<Link>,
}

/// An uploaded file must be the account's own, not expired, and of the right kind; a link is looked at later.
fn place_media(
    account: &AccountState,
    medium: Medium,
    source: Source,
    filename: Option<String>,
    now: i64,
) -> Result<Placed, GraphError> {
    let id = match source {
        Source::Id(id) => id,
        Source::Link(link) => {
            return Ok(Placed {
                url: link.clone(),
                name: filename.unwrap_or_else(|| crate::media::name_in_link(&link)),
                link: Some((medium, link)),
            });
        }
    };
    let life = Platform::Whatsapp.media_life();
    let media = account
        .ledger
        .media
        .get(&id)
        .filter(|media| now - media.at_ms < life);
    let Some(media) = media else {
        return Err(wrong_parameter(&format!(
            "Param id: media {id} does not exist or has expired."
        )));
    };
    let takes_it =
        Wanted::by(Platform::Whatsapp, medium).is_some_and(|wanted| wanted.takes(&media.mime_type));
    if !takes_it {
        return Err(wrong_parameter(&format!(
            "Param id: media {id} is of a type that this message cannot hold."
        )));
    }
    Ok(Placed {
        url: format!("/phone/media/{}/{id}", account.config.id()),
        name: filename.unwrap_or_else(|| media.name.clone()),
        link: None,
    })
}

impl Sandbox {
    fn accept_message(
        &self,
        number_id: &str,
        body: &Map<String, Value>,
        to: &str,
    ) -> Result<Value, GraphError> {
        let now = self.now_ms();
        let is_number = body.contains_key("to");
        let input = body.get(if is_number { "to" } else { "recipient" });
        let input = input.and_then(Value::as_str).unwrap_or("");
        let callback_data = body.get("biz_opaque_callback_data").cloned();
        let id = ids::wamid(to);
        let mut is_template = false;
        let mut pricing = Pricing::Service;
        let outcome = self.change(|state| {
            let account = state
                .get_mut(number_id)
                .ok_or_else(|| GraphError::unsupported(number_id))?;
            if !account.send_rate.take(now) {
                return Err(rate_limited());
            }
            if input.is_empty() {
                return Err(missing("The parameter to is required."));
            }
            if is_number && !(7..=15).contains(&to.len()) {
                return Err(invalid(
                    "to must be a phone number in international format.",
                ));
            }
            if !is_number && !is_scoped_id(input) {
                return Err(invalid("recipient must be a business-scoped user ID."));
            }
            let mut links = Vec::new();
            let (kind, caption) = match read_content(body)? {
                Content::Text(text) => (PhoneMessageKind::Text(text), None),
                Content::Media {
                    medium,
                    source,
                    caption,
                    filename,
                } => {
                    let placed = place_media(account, medium, source, filename, now)?;
                    links.extend(placed.link);
                    (shown(medium, placed.url, placed.name), caption)
                }
                Content::Template(asked) => {
                    let waba = account.config.waba().unwrap_or("");
                    let stored = self
                        .lock_templates()
                        .find(waba, &asked.name, &asked.language)?;
                    let template = stored.sendable()?;
                    let window_open = account
                        .ledger
                        .customers
                        .get(to)
                        .is_some_and(|customer| customer.window_open(now));
                    let filled = asked.fill(template)?;
                    let (shown, found) =
                        templates::place(filled, template, account, window_open, now)?;
                    links = found;
                    (PhoneMessageKind::Template(shown), None)
                }
            };
            let template_category = kind.template().map(|template| template.category);
            is_template = template_category.is_some();
            let Some(customer) = account.ledger.customers.get_mut(to) else {
                return Ok(Outcome::Undeliverable);
            };
            let pair = account
                .pairs
                .entry(to.to_owned())
                .or_insert_with(|| Bucket::of(account.pair_rate));
            if !pair.take(now) {
                return Err(pair_limited());
            }
            if template_category.is_none() && !customer.window_open(now) {
                return Ok(Outcome::WindowClosed);
            }
            if template_category == Some(TemplateCategory::Marketing) {
                match customer.marketing {
                    Marketing::Taken => {}
                    Marketing::Stopped => return Ok(Outcome::MarketingStopped),
                    Marketing::Capped => return Ok(Outcome::MarketingCapped),
                }
            }
            pricing = Pricing::of(&kind);
            if customer.blocked {
                return Ok(Outcome::Blocked);
            }
            customer.insert(PhoneMessage {
                id: id.clone(),
                from_customer: false,
                kind,
                caption,
                at_ms: now,
                read: false,
                pending: !links.is_empty(),
                problem: None,
                callback_data: callback_data.clone(),
            });
            Ok(Outcome::Arrives { links })
        })?;
        self.with(|state| {
            if let Some(account) = state.get_mut(number_id) {
                account.tally.accept(to, 1);
            }
        });
        self.phone_changed(number_id, to);
        let message = OnPhone {
            account: number_id.to_owned(),
            user: to.to_owned(),
            id: id.clone(),
            at_ms: now,
            callback_data,
            pricing,
        };
        self.follow_up(message, outcome);
        let mut sent = json!({ "id": id });
        if is_template {
            sent["message_status"] = "accepted".into();
        }
        let mut contact = json!({ "input": input });
        self.with(|state| {
            let account = state.get(number_id);
            let customer = account.and_then(|account| account.ledger.customers.get(to));
            name(&mut contact, to, customer, CONTACT_NAMES);
        });
        Ok(json!({
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "messages": [sent],
        }))
    }

    /// The business has read what the customer wrote, and everything before.
    fn mark_read_by_business(
        &self,
        number_id: &str,
        body: &Map<String, Value>,
    ) -> Result<(), GraphError> {
        if body.get("status").and_then(Value::as_str) != Some("read") {
            return Err(invalid("status must be read."));
        }
        let Some(id) = body.get("message_id").and_then(Value::as_str) else {
            return Err(missing("The parameter message_id is required."));
        };
        let unknown = || invalid("message_id does not name a received message.");
        let user = ids::user_of_wamid(id).ok_or_else(unknown)?;
        self.change(|state| {
            let customer = state
                .get_mut(number_id)
                .and_then(|account| account.customer_mut(&user))
                .ok_or_else(unknown)?;
            let read = customer
                .messages
                .iter()
                .position(|message| message.id == id && message.from_customer)
                .ok_or_else(unknown)?;
            for message in &mut customer.messages[..=read] {
                message.read |= message.from_customer;
            }
            Ok(())
        })?;
        self.phone_changed(number_id, &user);
        Ok(())
    }
}

fn metadata(account: &Account) -> Value {
    let Account::Whatsapp {
        phone_number_id,
        display_phone_number,
        ..
    } = account
    else {
        return Value::Null;
    };
    json!({ "display_phone_number": display_phone_number, "phone_number_id": phone_number_id })
}

pub(crate) fn webhook(account: &Account, mut value: Value) -> Value {
    let Account::Whatsapp { waba_id, .. } = account else {
        return Value::Null;
    };
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = metadata(account);
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": waba_id, "changes": [{ "field": "messages", "value": value }] }],
    })
}

const CONTACT_NAMES: [&str; 2] = ["wa_id", "user_id"];

fn contact(customer: &CustomerState) -> Value {
    let Customer {
        id, name: words, ..
    } = &customer.customer;
    let mut contact = json!({ "profile": { "name": words } });
    name(&mut contact, id, Some(customer), CONTACT_NAMES);
    contact
}

/// What a customer wrote, and who it was.
fn inbound(customer: &CustomerState, mut message: Value) -> Value {
    let names = ["from", "from_user_id"];
    name(&mut message, &customer.customer.id, Some(customer), names);
    json!({ "contact": contact(customer), "message": message })
}

/// One message and who wrote it; `messages_webhook` takes them apart.
pub(crate) fn inbound_text(customer: &CustomerState, id: &str, text: &str, at_ms: i64) -> Value {
    let message = json!({
        "id": id,
        "timestamp": (at_ms / 1_000).to_string(),
        "type": "text",
        "text": { "body": text },
    });
    inbound(customer, message)
}

/// As [`inbound_text`], for a quick reply of the message `of`: its payload and text.
pub(crate) fn inbound_button(
    account: &Account,
    customer: &CustomerState,
    id: &str,
    of: &str,
    (payload, text): (&str, &str),
    at_ms: i64,
) -> Value {
    let business = match account {
        Account::Whatsapp {
            display_phone_number,
            ..
        } => digits(display_phone_number),
        Account::Line { .. }
        | Account::Facebook { .. }
        | Account::Instagram { .. }
        | Account::Web { .. } => String::new(),
    };
    let message = json!({
        "context": { "from": business, "id": of },
        "id": id,
        "timestamp": (at_ms / 1_000).to_string(),
        "type": "button",
        "button": { "payload": payload, "text": text },
    });
    inbound(customer, message)
}

/// As [`inbound_text`], with an uploaded file: its id, type, digest and name.
pub(crate) fn inbound_media(
    customer: &CustomerState,
    id: &str,
    kind: &str,
    (media, mime_type, sha256, name): (&str, &str, &str, &str),
    at_ms: i64,
) -> Value {
    let kind = if kind == "file" { "document" } else { kind };
    let mut content = json!({ "id": media, "mime_type": mime_type, "sha256": sha256 });
    if kind == "document" {
        content["filename"] = name.into();
    }
    let message = json!({
        "id": id,
        "timestamp": (at_ms / 1_000).to_string(),
        "type": kind,
        kind: content,
    });
    inbound(customer, message)
}

pub(crate) fn messages_webhook(account: &Account, inbound: &[Value]) -> Value {
    let mut contacts: Vec<&Value> = Vec::new();
    for item in inbound {
        if !contacts.contains(&&item["contact"]) {
            contacts.push(&item["contact"]);
        }
    }
    let messages: Vec<_> = inbound.iter().map(|item| &item["message"]).collect();
    webhook(
        account,
        json!({ "contacts": contacts, "messages": messages }),
    )
}
