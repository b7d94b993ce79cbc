//! The WhatsApp Cloud API: sending, uploads and the number's own fields, with Meta's refusals.

mod statuses;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::account::Account;
use crate::clock::DAY_MS;
use crate::ids;
use crate::media::picture_type;
use crate::state::{Customer, PhoneMessage, PhoneMessageKind, StoredMedia};
use crate::webhooks::sha256_hex;
use crate::{snapshot, whatsapp::statuses::Outcome};

const TEXT_LIMIT: usize = 4_096;
const CAPTION_LIMIT: usize = 1_024;
const CALLBACK_DATA_LIMIT: usize = 512;
const IMAGE_LIMIT: usize = 5 * 1024 * 1024;

pub(crate) use statuses::read_by_customer;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/lookaside/{media}", get(download))
        .route("/{version}/{node}", get(node))
        .route("/{version}/{node}/messages", post(messages))
        .route("/{version}/{node}/media", post(upload))
        .route("/{version}/{node}/phone_numbers", get(phone_numbers))
        .route(
            "/{version}/{node}/message_templates",
            get(message_templates),
        )
        .route("/{version}/{node}/subscribed_apps", post(subscribe))
        .fallback(async || GraphError::unsupported("").into_response())
        .method_not_allowed_fallback(async || GraphError::unsupported("").into_response())
        .layer(DefaultBodyLimit::disable())
}

/// An answer that is not a success, in the Graph API's shape.
struct GraphError {
    status: StatusCode,
    code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    message: String,
    details: Option<String>,
}

impl GraphError {
    fn new(code: u32, message: &str, details: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            subcode: None,
            kind: "OAuthException",
            message: format!("(#{code}) {message}"),
            details: Some(details.to_owned()),
        }
    }

    fn missing(details: &str) -> Self {
        Self::new(131_008, "Required parameter is missing", details)
    }

    fn invalid(details: &str) -> Self {
        Self::new(131_009, "Parameter value is not valid", details)
    }

    fn rate_limited() -> Self {
        Self::new(
            130_429,
            "Rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number in a short \
             period of time.",
        )
    }

    fn pair_limited() -> Self {
        Self::new(
            131_056,
            "(Business Account, Consumer Account) pair rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number to the same \
             phone number in a short period of time.",
        )
    }

    fn bad_token() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: 190,
            subcode: None,
            kind: "OAuthException",
            message: "Invalid OAuth access token - Cannot parse access token".to_owned(),
            details: None,
        }
    }

    fn unsupported(node: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: 100,
            subcode: Some(33),
            kind: "GraphMethodException",
            message: format!(
                "Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation."
            ),
            details: None,
        }
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": format!("A{}", ids::opaque_token()),
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(details) = self.details {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

fn refuse_on_demand(status: Option<u16>) -> Response {
    let Some(status) = status else {
        return GraphError::rate_limited().into_response();
    };
    let mut error = GraphError::new(131_000, "Something went wrong", "refused on demand");
    error.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    error.into_response()
}

#[derive(Default, Deserialize)]
struct Parameters {
    access_token: Option<String>,
    fields: Option<String>,
}

fn token_of(headers: &HeaderMap, parameters: &Parameters) -> Option<String> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned)
        .or_else(|| parameters.access_token.clone())
}

impl Sandbox {
    /// The accounts a token opens; a token that opens none is an authentication error.
    fn whatsapp_accounts(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Vec<Account>, GraphError> {
        let token = token_of(headers, parameters).ok_or_else(GraphError::bad_token)?;
        let accounts: Vec<_> = self.with(|state| {
            let configs = state.values().map(|account| &account.config);
            configs
                .filter(|config| {
                    matches!(config, Account::Whatsapp { access_token, .. } if *access_token == token)
                })
                .cloned()
                .collect()
        });
        if accounts.is_empty() {
            Err(GraphError::bad_token())
        } else {
            Ok(accounts)
        }
    }

    /// The number a path names, if the token opens it.
    fn whatsapp_number(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        number_id: &str,
    ) -> Result<Account, GraphError> {
        self.whatsapp_accounts(headers, parameters)?
            .into_iter()
            .find(|account| account.id() == number_id)
            .ok_or_else(|| GraphError::unsupported(number_id))
    }
}

async fn messages(
    State(sandbox): State<Sandbox>,
    Path((_version, number_id)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let read = || {
        sandbox.whatsapp_number(&headers, &parameters, &number_id)?;
        let body: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| {
            GraphError::new(
                100,
                "Invalid parameter",
                "The request body is not a JSON object.",
            )
        })?;
        if body.get("messaging_product").and_then(Value::as_str) != Some("whatsapp") {
            return Err(GraphError::new(
                100,
                "The parameter messaging_product is required.",
                "messaging_product must be whatsapp.",
            ));
        }
        Ok(body)
    };
    let body = match read() {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    if body.contains_key("status") {
        return match sandbox.mark_read_by_business(&number_id, &body) {
            Ok(()) => Json(json!({ "success": true })).into_response(),
            Err(error) => error.into_response(),
        };
    }
    let to = digits(body.get("to").and_then(Value::as_str).unwrap_or(""));
    let accept = || match sandbox.accept_message(&number_id, &body, &to) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => error.into_response(),
    };
    sandbox
        .under_fault(&number_id, &[&to], refuse_on_demand, accept)
        .await
}

/// Meta reads a number with its plus sign, spaces and dashes.
fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

enum Content {
    Text(String),
    ImageById {
        id: String,
        caption: Option<String>,
    },
    ImageByLink {
        link: String,
        caption: Option<String>,
    },
}

fn read_content(body: &Map<String, Value>) -> Result<Content, GraphError> {
    match body.get("recipient_type").map(Value::as_str) {
        None | Some(Some("individual")) => {}
        Some(_) => return Err(GraphError::invalid("recipient_type must be individual.")),
    }
    match body.get("biz_opaque_callback_data") {
        None => {}
        Some(Value::String(data)) if data.chars().count() <= CALLBACK_DATA_LIMIT => {}
        Some(_) => {
            return Err(GraphError::invalid(
                "biz_opaque_callback_data must be a string of at most 512 characters.",
            ));
        }
    }
    match body.get("type").map_or(Some("text"), Value::as_str) {
        Some("text") => read_text(body),
        Some("image") => read_image(body),
        // No template is approved here, so none can be sent.
        Some("template") => {
            let name = body
                .get("template")
                .and_then(|template| template["name"].as_str());
            let mut error = GraphError::new(
                132_001,
                "Template name does not exist in the translation",
                &format!("template name ({}) does not exist", name.unwrap_or("")),
            );
            error.status = StatusCode::NOT_FOUND;
            Err(error)
        }
        Some(kind) => Err(GraphError::new(
            131_051,
            "Unsupported message type",
            &format!("Message type {kind} is not supported (by this sandbox, or at all)."),
        )),
        None => Err(GraphError::invalid("type must be a string.")),
    }
}

fn read_text(body: &Map<String, Value>) -> Result<Content, GraphError> {
    let Some(text) = body.get("text").filter(|text| text.is_object()) else {
        return Err(GraphError::missing(
            "The parameter text is required for type text.",
        ));
    };
    if !matches!(text.get("preview_url"), None | Some(Value::Bool(_))) {
        return Err(GraphError::invalid(
            "text['preview_url'] must be a boolean.",
        ));
    }
    match text["body"].as_str() {
        None | Some("") => Err(GraphError::missing(
            "The parameter text['body'] is required.",
        )),
        Some(body) if body.chars().count() > TEXT_LIMIT => Err(GraphError::new(
            100,
            "Invalid parameter",
            "Param text['body'] must be at most 4096 characters long.",
        )),
        Some(body) => Ok(Content::Text(body.to_owned())),
    }
}

fn read_image(body: &Map<String, Value>) -> Result<Content, GraphError> {
    let Some(image) = body.get("image").filter(|image| image.is_object()) else {
        return Err(GraphError::missing(
            "The parameter image is required for type image.",
        ));
    };
    let caption = image["caption"].as_str().map(str::to_owned);
    if caption
        .as_ref()
        .is_some_and(|caption| caption.chars().count() > CAPTION_LIMIT)
    {
        return Err(GraphError::new(
            100,
            "Invalid parameter",
            "Param image['caption'] must be at most 1024 characters long.",
        ));
    }
    match (image["id"].as_str(), image["link"].as_str()) {
        (Some(id), None) => Ok(Content::ImageById {
            id: id.to_owned(),
            caption,
        }),
        (None, Some(link)) if is_link(link) => Ok(Content::ImageByLink {
            link: link.to_owned(),
            caption,
        }),
        (None, Some(_)) => Err(GraphError::new(
            100,
            "Invalid parameter",
            "Param image['link'] is not a valid URI.",
        )),
        (None, None) | (Some(_), Some(_)) => Err(GraphError::invalid(
            "image needs exactly one of id and link.",
        )),
    }
}

fn is_link(text: &str) -> bool {
    reqwest::Url::parse(text)
        .is_ok_and(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
}

impl Sandbox {
    fn accept_message(
        &self,
        number_id: &str,
        body: &Map<String, Value>,
        to: &str,
    ) -> Result<Value, GraphError> {
        let now = self.now_ms();
        let input = body.get("to").and_then(Value::as_str).unwrap_or("");
        let callback_data = body.get("biz_opaque_callback_data").cloned();
        let id = ids::wamid(to);
        let outcome = self.change(|state| {
            let account = state
                .get_mut(number_id)
                .ok_or_else(|| GraphError::unsupported(number_id))?;
            if !account.send_rate.take(now) {
                return Err(GraphError::rate_limited());
            }
            if input.is_empty() {
                return Err(GraphError::missing("The parameter to is required."));
            }
            if !(7..=15).contains(&to.len()) {
                return Err(GraphError::invalid(
                    "to must be a phone number in international format.",
                ));
            }
            let content = read_content(body)?;
            if let Content::ImageById { id, .. } = &content {
                let known = account.ledger.media.get(id);
                if known.is_none_or(|media| now - media.at_ms >= 30 * DAY_MS) {
                    return Err(GraphError::new(
                        100,
                        "Invalid parameter",
                        &format!("Param image['id']: media {id} does not exist or has expired."),
                    ));
                }
            }
            let Some(customer) = account.ledger.customers.get_mut(to) else {
                return Ok(Outcome::Undeliverable);
            };
            if !customer.pair.take(now) {
                return Err(GraphError::pair_limited());
            }
            if !customer.window_open(now) {
                return Ok(Outcome::WindowClosed);
            }
            if customer.blocked {
                return Ok(Outcome::Blocked);
            }
            let (kind, caption, link) = match content {
                Content::Text(text) => (PhoneMessageKind::Text(text), None, None),
                Content::ImageById { id, caption } => {
                    let url = format!("/phone/media/{number_id}/{id}");
                    (
                        PhoneMessageKind::Image {
                            preview: url.clone(),
                            url,
                        },
                        caption,
                        None,
                    )
                }
                Content::ImageByLink { link, caption } => {
                    let kind = PhoneMessageKind::Image {
                        url: link.clone(),
                        preview: link.clone(),
                    };
                    (kind, caption, Some(link))
                }
            };
            customer.insert(PhoneMessage {
                id: id.clone(),
                from_customer: false,
                kind,
                caption,
                at_ms: now,
                read: false,
                pending: link.is_some(),
                problem: None,
                callback_data: callback_data.clone(),
            });
            Ok(Outcome::Arrives { link })
        })?;
        self.phone_changed(number_id, to);
        self.follow_up(number_id, to, &id, callback_data, outcome);
        Ok(json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": input, "wa_id": to }],
            "messages": [{ "id": id }],
        }))
    }

    /// The business has read what the customer wrote, and everything before.
    fn mark_read_by_business(
        &self,
        number_id: &str,
        body: &Map<String, Value>,
    ) -> Result<(), GraphError> {
        if body.get("status").and_then(Value::as_str) != Some("read") {
            return Err(GraphError::invalid("status must be read."));
        }
        let Some(id) = body.get("message_id").and_then(Value::as_str) else {
            return Err(GraphError::missing("The parameter message_id is required."));
        };
        let unknown = || GraphError::invalid("message_id does not name a received message.");
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

/// Multipart: `file`, `type` and `messaging_product`. The id lives 30 days.
async fn upload(
    State(sandbox): State<Sandbox>,
    Path((_version, number_id)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if let Err(error) = sandbox.whatsapp_number(&headers, &parameters, &number_id) {
        return error.into_response();
    }
    let bytes = match read_upload(request).await {
        Ok(bytes) => bytes,
        Err(error) => return error.into_response(),
    };
    let Some(mime_type) = picture_type(&bytes) else {
        return GraphError::new(
            100,
            "Param file must be a file with one of the following types: image/jpeg, image/png.",
            "The sandbox keeps pictures only, and knows them by their first bytes.",
        )
        .into_response();
    };
    if bytes.len() > IMAGE_LIMIT {
        return GraphError::new(
            131_053,
            "Media upload error",
            "The image is larger than 5 MB, the maximum allowed.",
        )
        .into_response();
    }
    let id = sandbox.next_number();
    if let Some(folder) = sandbox.folder()
        && let Err(error) = snapshot::save_media(folder, &id, &bytes).await
    {
        tracing::warn!("an upload was not saved: {error}");
    }
    let media = StoredMedia {
        mime_type: mime_type.to_owned(),
        sha256: sha256_hex(&bytes),
        size: bytes.len(),
        at_ms: sandbox.now_ms(),
    };
    sandbox.change(|state| {
        if let Some(account) = state.get_mut(&number_id) {
            account.ledger.media.insert(id.clone(), media);
            account.media_bytes.insert(id.clone(), bytes);
        }
    });
    Json(json!({ "id": id })).into_response()
}

async fn read_upload(request: Request) -> Result<Bytes, GraphError> {
    let invalid = |details: &str| GraphError::new(100, "Invalid parameter", details);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| invalid("The request is not multipart/form-data."))?;
    let (mut file, mut product, mut kind) = (None, None, None);
    loop {
        let field = form
            .next_field()
            .await
            .map_err(|_| invalid("The form cannot be read."))?;
        let Some(field) = field else { break };
        let name = field.name().unwrap_or("").to_owned();
        // Meta takes the type from the form or from the part itself.
        let part_type = field.content_type().map(str::to_owned);
        let value = field
            .bytes()
            .await
            .map_err(|_| invalid("The form cannot be read."))?;
        match name.as_str() {
            "file" => {
                kind = kind.or(part_type);
                file = Some(value);
            }
            "type" => kind = String::from_utf8(value.to_vec()).ok(),
            "messaging_product" => product = Some(value),
            _ => {}
        }
    }
    if product.as_deref() != Some(b"whatsapp") {
        return Err(GraphError::new(
            100,
            "The parameter messaging_product is required.",
            "messaging_product must be whatsapp.",
        ));
    }
    if kind.is_none() {
        return Err(invalid("The parameter type is required."));
    }
    file.ok_or_else(|| invalid("The parameter file is required."))
}

/// A number, a WhatsApp Business account or an uploaded file.
async fn node(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let find = || {
        let accounts = sandbox.whatsapp_accounts(&headers, &parameters)?;
        let fields = |value| select_fields(value, parameters.fields.as_deref());
        for account in &accounts {
            if account.id() == node {
                return Ok(fields(number_fields(account)));
            }
            if let Account::Whatsapp { waba_id, name, .. } = account
                && *waba_id == node
            {
                return Ok(fields(json!({ "id": waba_id, "name": name })));
            }
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.unwrap_or("localhost");
        sandbox
            .with(|state| {
                let media = accounts
                    .iter()
                    .find_map(|account| state.get(account.id())?.ledger.media.get(&node))?;
                Some(json!({
                    "messaging_product": "whatsapp",
                    "url": format!("http://{host}/graph/lookaside/{node}"),
                    "mime_type": media.mime_type,
                    "sha256": media.sha256,
                    "file_size": media.size,
                    "id": node,
                }))
            })
            .ok_or_else(|| GraphError::unsupported(&node))
    };
    find().map(Json).into_response()
}

fn number_fields(account: &Account) -> Value {
    let Account::Whatsapp {
        name,
        phone_number_id,
        display_phone_number,
        ..
    } = account
    else {
        return Value::Null;
    };
    json!({
        "id": phone_number_id,
        "display_phone_number": display_phone_number,
        "verified_name": name,
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": { "level": "STANDARD" },
        "whatsapp_business_manager_messaging_limit": "TIER_100K",
    })
}

/// `?fields=a,b` leaves the id and what is named.
fn select_fields(mut value: Value, fields: Option<&str>) -> Value {
    if let (Some(fields), Some(object)) = (fields, value.as_object_mut()) {
        object.retain(|name, _| name == "id" || fields.split(',').any(|field| field == name));
    }
    value
}

/// The accounts behind a token, if one of them belongs to the WhatsApp Business account.
fn of_waba(accounts: Vec<Account>, node: &str) -> Result<Vec<Account>, GraphError> {
    let accounts: Vec<_> = accounts
        .into_iter()
        .filter(|account| matches!(account, Account::Whatsapp { waba_id, .. } if waba_id == node))
        .collect();
    if accounts.is_empty() {
        Err(GraphError::unsupported(node))
    } else {
        Ok(accounts)
    }
}

async fn phone_numbers(
    State(sandbox): State<Sandbox>,
    Path((_version, waba)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let numbers = sandbox
        .whatsapp_accounts(&headers, &parameters)
        .and_then(|accounts| of_waba(accounts, &waba))
        .map(|accounts| {
            let numbers: Vec<_> = accounts.iter().map(number_fields).collect();
            Json(json!({ "data": numbers }))
        });
    numbers.into_response()
}

async fn message_templates(
    State(sandbox): State<Sandbox>,
    Path((_version, waba)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let templates = sandbox
        .whatsapp_accounts(&headers, &parameters)
        .and_then(|accounts| of_waba(accounts, &waba))
        .map(|_| Json(json!({ "data": [] })));
    templates.into_response()
}

async fn subscribe(
    State(sandbox): State<Sandbox>,
    Path((_version, waba)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let subscribed = sandbox
        .whatsapp_accounts(&headers, &parameters)
        .and_then(|accounts| of_waba(accounts, &waba))
        .map(|_| Json(json!({ "success": true })));
    subscribed.into_response()
}

/// Where a media's `url` leads; the same token opens it.
async fn download(
    State(sandbox): State<Sandbox>,
    Path(media): Path<String>,
    headers: HeaderMap,
) -> Response {
    let find = || {
        let accounts = sandbox.whatsapp_accounts(&headers, &Parameters::default())?;
        sandbox
            .with(|state| {
                accounts.iter().find_map(|account| {
                    let account = state.get(account.id())?;
                    let kind = account.ledger.media.get(&media)?.mime_type.clone();
                    let bytes = account.media_bytes.get(&media)?.clone();
                    Some(([(header::CONTENT_TYPE, kind)], bytes))
                })
            })
            .ok_or_else(|| GraphError::unsupported(&media))
    };
    find().into_response()
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

fn webhook(account: &Account, mut value: Value) -> Value {
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

/// One message and who wrote it; `messages_webhook` takes them apart.
pub(crate) fn inbound_text(customer: &Customer, id: &str, text: &str, at_ms: i64) -> Value {
    json!({
        "contact": { "profile": { "name": customer.name }, "wa_id": customer.id },
        "message": {
            "from": customer.id,
            "id": id,
            "timestamp": (at_ms / 1_000).to_string(),
            "type": "text",
            "text": { "body": text },
        },
    })
}

pub(crate) fn messages_webhook(account: &Account, inbound: &[Value]) -> Value {
    let mut contacts: Vec<&Value> = Vec::new();
    for item in inbound {
        if !contacts
            .iter()
            .any(|contact| contact["wa_id"] == item["contact"]["wa_id"])
        {
            contacts.push(&item["contact"]);
        }
    }
    let messages: Vec<_> = inbound.iter().map(|item| &item["message"]).collect();
    webhook(
        account,
        json!({ "contacts": contacts, "messages": messages }),
    )
}
