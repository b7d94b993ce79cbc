//! The LINE Messaging API: sending, quota, profiles and media, with LINE's refusals.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::account::{Account, Platform, is_line_user_id};
use crate::clock::DAY_MS;
use crate::media::{BadMedia, Medium};
use crate::state::{AcceptedRequest, AccountState, PhoneMessage, PhoneMessageKind};
use crate::trouble::Trouble;
use crate::{Sandbox, faults, ids};

const BODY_LIMIT: usize = 2 * 1024 * 1024;
const TEXT_LIMIT: usize = 5_000;
const URL_LIMIT: usize = 2_000;

const MONTHLY_LIMIT: &str = "You have reached your monthly limit.";
const NOT_AVAILABLE: &str = "Access to this API is not available for your account";
const RATE_LIMIT: &str = "The API rate limit has been exceeded. Try again later.";

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/v2/bot/message/push", post(push))
        .route("/v2/bot/message/multicast", post(multicast))
        .route("/v2/bot/message/validate/push", post(validate))
        .route("/v2/bot/message/validate/multicast", post(validate))
        .route("/v2/bot/message/quota", get(quota))
        .route("/v2/bot/message/quota/consumption", get(quota_consumption))
        .route("/v2/bot/profile/{user}", get(profile))
        .route("/v2/bot/info", get(bot_info))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(name_request))
}

pub(crate) fn data_router() -> Router<Sandbox> {
    Router::new()
        .route("/v2/bot/message/{message}/content", get(content))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(name_request))
}

#[derive(Clone)]
struct RequestId(String);

/// Every response of LINE carries the id of its request.
async fn name_request(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    let value = HeaderValue::from_str(&id).expect("a UUID is a header value");
    response.headers_mut().insert("x-line-request-id", value);
    response
}

/// An answer that is not a success, in LINE's shape.
struct Refusal {
    status: StatusCode,
    body: Value,
    /// The request that a repeated retry key was first accepted with.
    accepted_request: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, message: &str) -> Self {
        Self {
            status,
            body: json!({ "message": message }),
            accepted_request: None,
        }
    }

    fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn errors(errors: Errors) -> Self {
        let count = errors.0.len();
        Self {
            status: StatusCode::BAD_REQUEST,
            body: json!({
                "message": format!("The request body has {count} error(s)"),
                "details": errors.0,
            }),
            accepted_request: None,
        }
    }

    fn rate_limited() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, RATE_LIMIT)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(id) = self
            .accepted_request
            .and_then(|id| HeaderValue::try_from(id).ok())
        {
            response
                .headers_mut()
                .insert("x-line-accepted-request-id", id);
        }
        response
    }
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Not found")
}

async fn method_not_allowed() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

fn refuse_on_demand(fault: faults::Refusal) -> Response {
    match fault {
        faults::Refusal::RateLimited | faults::Refusal::Status(429) => {
            return Refusal::rate_limited().into_response();
        }
        faults::Refusal::Locked | faults::Refusal::Unpaid => {
            return Refusal::new(StatusCode::FORBIDDEN, NOT_AVAILABLE).into_response();
        }
        faults::Refusal::Status(_) | faults::Refusal::Code { .. } => {}
    }
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::new(status, status.canonical_reason().unwrap_or("Error")).into_response()
}

impl Sandbox {
    /// The id of the account whose channel access token the request carries.
    fn line_account(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let account = self.with(|state| {
            state.values().find_map(|account| match &account.config {
                Account::Line {
                    destination,
                    channel_access_token,
                    ..
                } if token == Some(channel_access_token.as_str())
                    && account.trouble != Some(Trouble::TokenRevoked) =>
                {
                    Some(destination.clone())
                }
                Account::Line { .. }
                | Account::Facebook { .. }
                | Account::Instagram { .. }
                | Account::Whatsapp { .. }
                | Account::Web { .. } => None,
            })
        });
        account.ok_or_else(|| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "Authentication failed due to the following reason: invalid token. Confirm that the access token in \
                 the authorization header is valid.",
            )
        })
    }
}

fn read_json(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type",
        ));
    }
    if body.len() > BODY_LIMIT {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request entity too large",
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(&format!(
            "The request body could not be parsed as JSON (line: {}, column: {})",
            error.line(),
            error.column()
        ))
    })
}

fn read_retry_key(headers: &HeaderMap) -> Result<Option<Uuid>, Refusal> {
    let Some(value) = headers.get("x-line-retry-key") else {
        return Ok(None);
    };
    // The hyphenated form only: `Uuid` alone would also read braces and URNs.
    value
        .to_str()
        .ok()
        .filter(|value| value.len() == 36)
        .and_then(|value| Uuid::try_parse(value).ok())
        .map(Some)
        .ok_or_else(|| Refusal::bad_request("The X-Line-Retry-Key header is not a valid UUID"))
}

#[derive(Default)]
struct Errors(Vec<Value>);

impl Errors {
    fn push(&mut self, property: impl Into<String>, message: &str) {
        self.0
            .push(json!({ "message": message, "property": property.into() }));
    }

    fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Refusal::errors(self))
        }
    }
}

fn validate_messages(body: &Map<String, Value>, errors: &mut Errors) {
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if !(1..=5).contains(&messages.len()) {
        errors.push("messages", "Size must be between 1 and 5");
        return;
    }
    for (number, message) in messages.iter().enumerate() {
        validate_message(message, &format!("messages[{number}]"), errors);
    }
}

fn validate_message(message: &Value, at: &str, errors: &mut Errors) {
    match message["type"].as_str() {
        Some("text" | "textV2") => {
            require_text(message, at, "text", TEXT_LIMIT, errors);
        }
        Some("image" | "video") => {
            require_url(message, at, "originalContentUrl", errors);
            require_url(message, at, "previewImageUrl", errors);
        }
        Some("audio") => {
            require_url(message, at, "originalContentUrl", errors);
            if !message["duration"].is_u64() {
                errors.push(format!("{at}.duration"), "May not be null");
            }
        }
        Some("sticker") => {
            require_text(message, at, "packageId", 20, errors);
            require_text(message, at, "stickerId", 20, errors);
        }
        Some("location") => {
            require_text(message, at, "title", 100, errors);
            require_text(message, at, "address", 100, errors);
            for property in ["latitude", "longitude"] {
                if !message[property].is_number() {
                    errors.push(format!("{at}.{property}"), "May not be null");
                }
            }
        }
        Some(kind @ ("flex" | "template" | "imagemap")) => {
            require_text(message, at, "altText", 1_500, errors);
            let content = match kind {
                "flex" => "contents",
                "template" => "template",
                _ => "baseSize",
            };
            if !message[content].is_object() {
                errors.push(format!("{at}.{content}"), "May not be null");
            }
        }
        Some(_) => errors.push(
            format!("{at}.type"),
            "Must be one of the following values: [text, textV2, sticker, image, video, audio, location, imagemap, \
             template, flex]",
        ),
        None => errors.push(format!("{at}.type"), "May not be empty"),
    }
}

fn require_text(message: &Value, at: &str, property: &str, limit: usize, errors: &mut Errors) {
    match message[property].as_str() {
        None | Some("") => errors.push(format!("{at}.{property}"), "May not be empty"),
        // LINE counts UTF-16 code units.
        Some(text) if text.encode_utf16().count() > limit => errors.push(
            format!("{at}.{property}"),
            &format!("Length must be between 0 and {limit}"),
        ),
        Some(_) => {}
    }
}

fn require_url(message: &Value, at: &str, property: &str, errors: &mut Errors) {
    match message[property].as_str() {
        None | Some("") => errors.push(format!("{at}.{property}"), "May not be empty"),
        Some(url) if url.chars().count() > URL_LIMIT => errors.push(
            format!("{at}.{property}"),
            &format!("Length must be between 0 and {URL_LIMIT}"),
        ),
        Some(url) if !is_media_url(url) => {
            errors.push(format!("{at}.{property}"), "Must specify a valid HTTPS URL");
        }
        Some(_) => {}
    }
}

/// HTTPS and percent-encoded; plain HTTP on the loopback only, where no platform could reach anyway.
fn is_media_url(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else {
        return false;
    };
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    visible && url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

async fn push(
    State(sandbox): State<Sandbox>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let read = || {
        let account = sandbox.line_account(&headers)?;
        let body = read_json(&headers, &body)?;
        let retry_key = read_retry_key(&headers)?;
        let to = body
            .get("to")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned();
        Ok::<_, Refusal>((account, body, retry_key, to))
    };
    let (account, body, retry_key, to) = match read() {
        Ok(read) => read,
        Err(refusal) => return refusal.into_response(),
    };
    let accept = || sandbox.accept_push(&account, &body, &to, retry_key, &request_id.0);
    sandbox
        .under_fault(&account, &[&to], refuse_on_demand, accept)
        .await
}

async fn multicast(
    State(sandbox): State<Sandbox>,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let read = || {
        let account = sandbox.line_account(&headers)?;
        let body = read_json(&headers, &body)?;
        let retry_key = read_retry_key(&headers)?;
        Ok::<_, Refusal>((account, body, retry_key))
    };
    let (account, body, retry_key) = match read() {
        Ok(read) => read,
        Err(refusal) => return refusal.into_response(),
    };
    let to: Vec<&str> = body
        .get("to")
        .and_then(Value::as_array)
        .map(|to| to.iter().map(|user| user.as_str().unwrap_or("")).collect())
        .unwrap_or_default();
    let accept = || sandbox.accept_multicast(&account, &body, &to, retry_key, &request_id.0);
    sandbox
        .under_fault(&account, &to, refuse_on_demand, accept)
        .await
}

impl Sandbox {
    fn accept_push(
        &self,
        account_id: &str,
        body: &Map<String, Value>,
        to: &str,
        retry_key: Option<Uuid>,
        request_id: &str,
    ) -> Response {
        let now = self.now_ms();
        let accepted = self.change(|state| {
            let account = state.get_mut(account_id).ok_or_else(lost_account)?;
            if !account.send_rate.take(now) {
                return Err(Refusal::rate_limited());
            }
            let mut errors = Errors::default();
            validate_messages(body, &mut errors);
            if to.is_empty() {
                errors.push("to", "May not be empty");
            }
            errors.check()?;
            if !is_line_user_id(to) {
                return Err(Refusal::bad_request(
                    "The property, 'to', in the request body is invalid (line: -, column: -)",
                ));
            }
            repeated(account, retry_key, body, now)?;
            let Some(customer) = account.ledger.customers.get(to) else {
                return Err(Refusal::bad_request("Failed to send messages"));
            };
            check_quota(account, now, u64::from(!customer.blocked))?;
            let messages = phone_messages(body, || self.next_number());
            let sent: Vec<_> = messages
                .iter()
                .map(|(id, _)| json!({ "id": id, "quoteToken": ids::opaque_token() }))
                .collect();
            let sent = json!(sent);
            deliver(account, to, messages, now);
            remember(
                account,
                retry_key,
                body,
                request_id,
                Some(sent.clone()),
                now,
            );
            Ok(json!({ "sentMessages": sent }))
        });
        match accepted {
            Ok(answer) => {
                self.phone_changed(account_id, to);
                Json(answer).into_response()
            }
            Err(refusal) => refusal.into_response(),
        }
    }

    fn accept_multicast(
        &self,
        account_id: &str,
        body: &Map<String, Value>,
        to: &[&str],
        retry_key: Option<Uuid>,
        request_id: &str,
    ) -> Response {
        let now = self.now_ms();
        let accepted = self.change(|state| {
            let account = state.get_mut(account_id).ok_or_else(lost_account)?;
            if !account.multicast_rate.take(now) {
                return Err(Refusal::rate_limited());
            }
            let mut errors = Errors::default();
            validate_messages(body, &mut errors);
            if !(1..=500).contains(&to.len()) {
                errors.push("to", "Size must be between 1 and 500");
            }
            for (number, user) in to.iter().enumerate() {
                if !is_line_user_id(user) {
                    errors.push(format!("to[{number}]"), "Must specify a valid user ID");
                }
            }
            errors.check()?;
            repeated(account, retry_key, body, now)?;
            let customers = &account.ledger.customers;
            let reached = to.iter().filter(|user| {
                customers
                    .get(**user)
                    .is_some_and(|customer| !customer.blocked)
            });
            let reached: Vec<&str> = reached.copied().collect();
            check_quota(account, now, reached.len() as u64)?;
            for user in &reached {
                let messages = phone_messages(body, || self.next_number());
                deliver(account, user, messages, now);
            }
            remember(account, retry_key, body, request_id, None, now);
            Ok(reached)
        });
        match accepted {
            Ok(reached) => {
                for user in reached {
                    self.phone_changed(account_id, user);
                }
                Json(json!({})).into_response()
            }
            Err(refusal) => refusal.into_response(),
        }
    }

    /// The customer looks at the phone: LINE fetches what the messages there link to, and marks what cannot be shown.
    pub(crate) async fn fetch_line_media(&self, account_id: &str, user: &str) {
        let waiting: Vec<_> = self.with(|state| {
            let customer = state
                .get_mut(account_id)
                .filter(|account| account.config.platform() == Platform::Line)
                .and_then(|account| account.customer_mut(user));
            let messages = customer.map_or(&[][..], |customer| &customer.messages);
            let waiting = messages.iter().filter(|message| message.pending);
            waiting
                .map(|message| (message.id.clone(), message.kind.clone()))
                .collect()
        });
        for (id, kind) in waiting {
            let verdict = self.check_line_media(&kind).await;
            self.media_checked(account_id, user, &id, verdict);
        }
    }

    async fn check_line_media(&self, kind: &PhoneMessageKind) -> Result<(), BadMedia> {
        let (medium, url, preview) = match kind {
            PhoneMessageKind::Image { url, preview } => (Medium::Image, url, Some(preview)),
            PhoneMessageKind::Video { url, preview } => (Medium::Video, url, preview.as_ref()),
            PhoneMessageKind::Text(_)
            | PhoneMessageKind::File { .. }
            | PhoneMessageKind::Template(_) => return Ok(()),
        };
        if let Some(preview) = preview {
            self.check_link(preview, Platform::Line, Medium::Preview)
                .await?;
        }
        self.check_link(url, Platform::Line, medium).await
    }
}

fn lost_account() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
}

/// 409 when the key was accepted within a day. LINE does not say what it makes of a repeat that says something else;
/// it is counted, because a sender who does that takes one message for another.
fn repeated(
    account: &mut AccountState,
    retry_key: Option<Uuid>,
    content: &Map<String, Value>,
    now: i64,
) -> Result<(), Refusal> {
    let accepted = retry_key
        .and_then(|key| account.ledger.retry_keys.get(&key))
        .filter(|accepted| now - accepted.at_ms < DAY_MS);
    let Some(accepted) = accepted else {
        return Ok(());
    };
    if accepted
        .content
        .as_ref()
        .is_some_and(|first| first != content)
    {
        account.tally.count_changed_repeat();
    }
    let mut body = json!({ "message": "The retry key is already accepted" });
    if let Some(sent) = &accepted.sent_messages {
        body["sentMessages"] = sent.clone();
    }
    Err(Refusal {
        status: StatusCode::CONFLICT,
        body,
        accepted_request: Some(accepted.request_id.clone()),
    })
}

fn remember(
    account: &mut AccountState,
    retry_key: Option<Uuid>,
    content: &Map<String, Value>,
    request_id: &str,
    sent_messages: Option<Value>,
    at_ms: i64,
) {
    if let Some(key) = retry_key {
        let accepted = AcceptedRequest {
            request_id: request_id.to_owned(),
            content: Some(content.clone()),
            sent_messages,
            at_ms,
        };
        account.ledger.retry_keys.insert(key, accepted);
    }
}

/// Counts recipients, not messages; who blocks the account is not counted.
fn check_quota(account: &AccountState, now: i64, recipients: u64) -> Result<(), Refusal> {
    let Account::Line {
        monthly_limit: Some(limit),
        ..
    } = &account.config
    else {
        return Ok(());
    };
    if account.ledger.quota.used(now) + recipients > *limit {
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, MONTHLY_LIMIT));
    }
    Ok(())
}

fn phone_messages(
    body: &Map<String, Value>,
    next_id: impl Fn() -> String,
) -> Vec<(String, PhoneMessageKind)> {
    let messages = body.get("messages").and_then(Value::as_array);
    messages
        .into_iter()
        .flatten()
        .map(|message| (next_id(), phone_message(message)))
        .collect()
}

/// What the phone shows for it; the types omocast does not send are named only.
fn phone_message(message: &Value) -> PhoneMessageKind {
    let text = |property: &str| message[property].as_str().unwrap_or("").to_owned();
    match message["type"].as_str().unwrap_or("") {
        "text" | "textV2" => PhoneMessageKind::Text(text("text")),
        "image" => PhoneMessageKind::Image {
            url: text("originalContentUrl"),
            preview: text("previewImageUrl"),
        },
        "location" => PhoneMessageKind::Text(format!("[位置] {}", text("title"))),
        "flex" | "template" | "imagemap" => PhoneMessageKind::Text(text("altText")),
        "sticker" => PhoneMessageKind::Text("[貼圖]".to_owned()),
        "video" => PhoneMessageKind::Video {
            url: text("originalContentUrl"),
            preview: Some(text("previewImageUrl")),
        },
        _ => PhoneMessageKind::Text("[語音]".to_owned()),
    }
}

/// Puts the messages on the phone, unless its owner blocks the account, and counts the recipient.
fn deliver(
    account: &mut AccountState,
    user: &str,
    messages: Vec<(String, PhoneMessageKind)>,
    now: i64,
) {
    let Some(customer) = account.ledger.customers.get_mut(user) else {
        return;
    };
    account.tally.accept(user, messages.len());
    if customer.blocked {
        return;
    }
    for (id, kind) in messages {
        customer.insert(PhoneMessage {
            id,
            from_customer: false,
            pending: kind.url().is_some(),
            kind,
            caption: None,
            at_ms: now,
            read: false,
            problem: None,
            callback_data: None,
        });
    }
    account.ledger.quota.add(now, 1);
}

async fn validate(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    let check = || {
        sandbox.line_account(&headers)?;
        let mut errors = Errors::default();
        validate_messages(&read_json(&headers, &body)?, &mut errors);
        errors.check()
    };
    check().map(|()| Json(json!({}))).into_response()
}

async fn quota(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    let account = match sandbox.line_account(&headers) {
        Ok(id) => sandbox.account(&id),
        Err(refusal) => return refusal.into_response(),
    };
    let answer = match account {
        Some(Account::Line {
            monthly_limit: Some(limit),
            ..
        }) => {
            json!({ "type": "limited", "value": limit })
        }
        _ => json!({ "type": "none" }),
    };
    Json(answer).into_response()
}

async fn quota_consumption(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    let now = sandbox.now_ms();
    let used = sandbox.line_account(&headers).map(|id| {
        sandbox.with(|state| {
            state
                .get(&id)
                .map_or(0, |account| account.ledger.quota.used(now))
        })
    });
    used.map(|used| Json(json!({ "totalUsage": used })))
        .into_response()
}

/// Only of friends: 404 for who is unknown or blocks the account.
async fn profile(
    State(sandbox): State<Sandbox>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Response {
    let profile = || {
        let id = sandbox.line_account(&headers)?;
        let name = sandbox.with(|state| {
            let customer = state.get(&id)?.ledger.customers.get(&user)?;
            (!customer.blocked).then(|| customer.customer.name.clone())
        });
        let name = name.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Not found"))?;
        Ok::<_, Refusal>(Json(
            json!({ "displayName": name, "userId": user, "language": "zh-TW" }),
        ))
    };
    profile().into_response()
}

async fn bot_info(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    let info = sandbox.line_account(&headers).map(|id| {
        let name = sandbox
            .account(&id)
            .map(|account| account.name().to_owned());
        Json(json!({
            "userId": id,
            "basicId": "@sandbox",
            "displayName": name,
            "chatMode": "bot",
            "markAsReadMode": "auto",
        }))
    });
    info.into_response()
}

/// Media that customers sent from their phones.
async fn content(
    State(sandbox): State<Sandbox>,
    Path(message): Path<String>,
    headers: HeaderMap,
) -> Response {
    let content = || {
        let id = sandbox.line_account(&headers)?;
        sandbox
            .with(|state| {
                let account = state.get(&id)?;
                let media_type = account.ledger.media.get(&message)?.mime_type.clone();
                Some((
                    [(header::CONTENT_TYPE, media_type)],
                    account.media_bytes.get(&message)?.clone(),
                ))
            })
            .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Not found"))
    };
    content().into_response()
}

pub(crate) fn webhook(destination: &str, events: &[Value]) -> Value {
    json!({ "destination": destination, "events": events })
}

fn event(kind: &str, user: &str, at_ms: i64) -> Value {
    json!({
        "type": kind,
        "mode": "active",
        "timestamp": at_ms,
        "webhookEventId": ids::ulid(at_ms),
        "deliveryContext": { "isRedelivery": false },
        "source": { "type": "user", "userId": user },
    })
}

pub(crate) fn text_event(user: &str, id: &str, text: &str, at_ms: i64) -> Value {
    let mut event = event("message", user, at_ms);
    event["replyToken"] = ids::opaque_token().into();
    event["message"] = json!({
        "type": "text",
        "id": id,
        "quoteToken": ids::opaque_token(),
        "text": text,
    });
    event
}

/// An image, a video, an audio, or a file with its name and size.
pub(crate) fn media_event(
    user: &str,
    id: &str,
    kind: &str,
    (name, size): (&str, usize),
    at_ms: i64,
) -> Value {
    let mut event = event("message", user, at_ms);
    event["replyToken"] = ids::opaque_token().into();
    event["message"] = match kind {
        "file" => json!({ "type": kind, "id": id, "fileName": name, "fileSize": size }),
        "image" => json!({
            "type": kind,
            "id": id,
            "quoteToken": ids::opaque_token(),
            "contentProvider": { "type": "line" },
        }),
        _ => json!({
            "type": kind,
            "id": id,
            "quoteToken": ids::opaque_token(),
            "duration": 1_000,
            "contentProvider": { "type": "line" },
        }),
    };
    if matches!(kind, "file" | "audio")
        && let Some(message) = event["message"].as_object_mut()
    {
        message.remove("quoteToken");
    }
    event
}

pub(crate) fn follow_event(user: &str, at_ms: i64, is_unblocked: bool) -> Value {
    let mut event = event("follow", user, at_ms);
    event["replyToken"] = ids::opaque_token().into();
    event["follow"] = json!({ "isUnblocked": is_unblocked });
    event
}

pub(crate) fn unfollow_event(user: &str, at_ms: i64) -> Value {
    event("unfollow", user, at_ms)
}
