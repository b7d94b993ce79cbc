//! Visitors of omocast's own web chat: a tiny protocol, signed with one secret in both directions.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::account::{Account, Platform};
use crate::media::Medium;
use crate::state::{Customer, PhoneMessage, PhoneMessageKind};
use crate::webhooks::hex_signature;
use crate::{Sandbox, faults};

const TEXT_LIMIT: usize = 5_000;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/{site}/messages", post(receive))
        .fallback(async || Refusal(StatusCode::NOT_FOUND, "not_found", "no such path"))
}

struct Refusal(StatusCode, &'static str, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.1, "message": self.2 } });
        (self.0, Json(body)).into_response()
    }
}

#[derive(Deserialize)]
struct OutboundMessage {
    visitor_id: String,
    id: String,
    text: Option<String>,
    image_url: Option<String>,
}

async fn receive(
    State(sandbox): State<Sandbox>,
    Path(site): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(Account::Web { secret, .. }) = sandbox.account(&site) else {
        return Refusal(StatusCode::NOT_FOUND, "unknown_site", "no such site").into_response();
    };
    let signature = headers
        .get("x-omocast-signature")
        .map_or(&[][..], |value| value.as_bytes());
    if !bool::from(signature.ct_eq(hex_signature(&secret, &body).as_bytes())) {
        return Refusal(
            StatusCode::UNAUTHORIZED,
            "bad_signature",
            "the signature does not match",
        )
        .into_response();
    }
    let Ok(message) = serde_json::from_slice::<OutboundMessage>(&body) else {
        return Refusal(StatusCode::BAD_REQUEST, "bad_request", "not a message").into_response();
    };
    let visitor = message.visitor_id.clone();
    let accept = || match sandbox.accept_web_message(&site, message) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    sandbox
        .under_fault(&site, &[&visitor], refuse_on_demand, accept)
        .await
}

fn refuse_on_demand(refusal: faults::Refusal) -> Response {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = if status == StatusCode::TOO_MANY_REQUESTS {
        "rate_limited"
    } else {
        "failed"
    };
    Refusal(status, code, "refused on demand").into_response()
}

impl Sandbox {
    fn accept_web_message(&self, site: &str, message: OutboundMessage) -> Result<Value, Refusal> {
        let unprocessable = |code, text| Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, code, text));
        let kind = match (message.text, message.image_url) {
            (Some(text), None) if text.is_empty() => {
                return unprocessable("empty_text", "the text is empty");
            }
            (Some(text), None) if text.chars().count() > TEXT_LIMIT => {
                return unprocessable("text_too_long", "the text has more than 5000 characters");
            }
            (Some(text), None) => PhoneMessageKind::Text(text),
            (None, Some(url)) => PhoneMessageKind::Image {
                preview: url.clone(),
                url,
            },
            (None, None) | (Some(_), Some(_)) => {
                return unprocessable("one_content", "give either text or image_url");
            }
        };
        let id = message.id;
        let visitor = message.visitor_id;
        let now = self.now_ms();
        let picture = kind.url().map(str::to_owned);
        let is_new = self.change(|state| {
            let unknown = || Refusal(StatusCode::NOT_FOUND, "unknown_visitor", "no such visitor");
            let account = state.get_mut(site).ok_or_else(unknown)?;
            let customers = &mut account.ledger.customers;
            let customer = customers.get_mut(&visitor).ok_or_else(unknown)?;
            if customer.message_mut(&id).is_some() {
                return Ok(false);
            }
            customer.insert(PhoneMessage {
                id: id.clone(),
                from_customer: false,
                pending: picture.is_some(),
                kind,
                caption: None,
                at_ms: now,
                read: false,
                problem: None,
                callback_data: None,
            });
            account.tally.accept(&visitor, 1);
            Ok(true)
        })?;
        self.phone_changed(site, &visitor);
        let answer = json!({ "id": id });
        if let Some(url) = picture.filter(|_| is_new) {
            let sandbox = self.clone();
            let site = site.to_owned();
            self.spawn(async move {
                let verdict = sandbox.check_link(&url, Platform::Web, Medium::Image).await;
                sandbox.media_checked(&site, &visitor, &id, verdict);
            });
        }
        Ok(answer)
    }
}

pub(crate) fn webhook(site_id: &str, messages: &[Value]) -> Value {
    json!({ "site_id": site_id, "messages": messages })
}

pub(crate) fn inbound_text(visitor: &Customer, id: &str, text: &str, at_ms: i64) -> Value {
    json!({
        "id": id,
        "visitor_id": visitor.id,
        "name": visitor.name,
        "text": text,
        "timestamp": at_ms,
    })
}
