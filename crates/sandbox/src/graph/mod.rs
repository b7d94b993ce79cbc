//! Meta's Graph API, which Facebook pages, Instagram accounts and WhatsApp numbers share: tokens, nodes, and who answers
//! a call.

mod error;
mod form;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use error::GraphError;
pub(crate) use form::UploadForm;

use crate::account::{Account, Platform};
use crate::media::media_type;
use crate::state::StoredMedia;
use crate::trouble::Trouble;
use crate::webhooks::sha256_hex;
use crate::{Sandbox, messenger, snapshot, whatsapp};

/// `graph.facebook.com`.
pub(crate) fn router() -> Router<Sandbox> {
    let whatsapp = Router::new()
        .route("/{version}/{node}/media", post(whatsapp::upload))
        .route(
            "/{version}/{node}/phone_numbers",
            get(whatsapp::phone_numbers),
        )
        .route(
            "/{version}/{node}/message_templates",
            get(whatsapp::message_templates),
        );
    nodes()
        .route("/lookaside/{media}", get(download))
        .merge(whatsapp)
        .fallback(async || GraphError::unsupported("").into_response())
        .method_not_allowed_fallback(async || GraphError::unsupported("").into_response())
        .layer(DefaultBodyLimit::disable())
}

/// `graph.instagram.com`: only Instagram accounts that are spoken for by themselves, and without uploads.
pub(crate) fn instagram_router() -> Router<Sandbox> {
    Router::new()
        .route("/{version}/{node}", get(instagram_node))
        .route("/{version}/{node}/messages", post(instagram_messages))
        .route(
            "/{version}/{node}/subscribed_apps",
            get(instagram_subscribe).post(instagram_subscribe),
        )
        .fallback(async || GraphError::unsupported("").into_response())
        .method_not_allowed_fallback(async || GraphError::unsupported("").into_response())
        .layer(DefaultBodyLimit::disable())
}

fn nodes() -> Router<Sandbox> {
    Router::new()
        .route("/{version}/{node}", get(node))
        .route("/{version}/{node}/messages", post(messages))
        .route(
            "/{version}/{node}/message_attachments",
            post(message_attachments),
        )
        .route(
            "/{version}/{node}/subscribed_apps",
            get(subscribe).post(subscribe),
        )
}

#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    access_token: Option<String>,
    pub(crate) fields: Option<String>,
}

/// A call's token, and by which of Meta's two hosts it came.
pub(crate) struct Caller {
    token: String,
    is_instagram_host: bool,
}

impl Caller {
    fn read(
        headers: &HeaderMap,
        parameters: &Parameters,
        is_instagram_host: bool,
    ) -> Result<Self, GraphError> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned)
            .or_else(|| parameters.access_token.clone())
            .ok_or_else(GraphError::bad_token)?;
        Ok(Self {
            token,
            is_instagram_host,
        })
    }
}

impl Sandbox {
    /// The accounts a token opens; a token that opens none is an authentication error.
    fn accounts_of(&self, caller: &Caller) -> Result<Vec<Account>, GraphError> {
        self.with(|state| {
            let opened = state.values().filter(|account| {
                account.config.is_by_login() == caller.is_instagram_host
                    && account
                        .config
                        .node()
                        .is_some_and(|(_, token)| token == caller.token)
            });
            let opened: Vec<_> = opened.collect();
            // Who shares a token loses it together.
            let is_revoked = opened
                .iter()
                .any(|account| account.trouble == Some(Trouble::TokenRevoked));
            if opened.is_empty() || is_revoked {
                return Err(GraphError::bad_token());
            }
            Ok(opened
                .into_iter()
                .map(|account| account.config.clone())
                .collect())
        })
    }

    /// The accounts that a path's node speaks for, if the token opens it: a page may speak for itself and for the
    /// Instagram account that is linked to it. `me` is whatever the token opens.
    fn accounts_at(&self, caller: &Caller, node: &str) -> Result<Vec<Account>, GraphError> {
        let mut accounts = self.accounts_of(caller)?;
        accounts.retain(|account| {
            node == "me" || account.node().is_some_and(|(own_node, _)| own_node == node)
        });
        if accounts.is_empty() {
            Err(GraphError::unsupported(node))
        } else {
            Ok(accounts)
        }
    }

    /// The WhatsApp number a call is about.
    pub(crate) fn whatsapp_number(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        node: &str,
    ) -> Result<Account, GraphError> {
        let caller = Caller::read(headers, parameters, false)?;
        self.accounts_at(&caller, node)?
            .into_iter()
            .find(|account| account.platform() == Platform::Whatsapp)
            .ok_or_else(|| GraphError::unsupported(node))
    }

    /// The numbers of the WhatsApp Business account a call is about.
    pub(crate) fn numbers_of_waba(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        node: &str,
    ) -> Result<Vec<Account>, GraphError> {
        let caller = Caller::read(headers, parameters, false)?;
        let mut accounts = self.accounts_of(&caller)?;
        accounts.retain(
            |account| matches!(account, Account::Whatsapp { waba_id, .. } if waba_id == node),
        );
        if accounts.is_empty() {
            Err(GraphError::unsupported(node))
        } else {
            Ok(accounts)
        }
    }

    /// Keeps an uploaded file for an account and gives its id.
    pub(crate) async fn keep_upload(&self, account: &str, name: &str, bytes: Bytes) -> String {
        let id = self.next_number();
        if let Some(folder) = self.folder()
            && let Err(error) = snapshot::save_media(folder, &id, &bytes).await
        {
            tracing::warn!("an upload was not saved: {error}");
        }
        let media = StoredMedia {
            mime_type: media_type(&bytes).to_owned(),
            sha256: sha256_hex(&bytes),
            size: bytes.len(),
            at_ms: self.now_ms(),
            name: name.to_owned(),
        };
        self.change(|state| {
            if let Some(account) = state.get_mut(account) {
                account.ledger.media.insert(id.clone(), media);
                account.media_bytes.insert(id.clone(), bytes);
            }
        });
        id
    }
}

async fn messages(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    send(sandbox, &node, &parameters, &headers, body, false).await
}

async fn instagram_messages(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    send(sandbox, &node, &parameters, &headers, body, true).await
}

async fn send(
    sandbox: Sandbox,
    node: &str,
    parameters: &Parameters,
    headers: &HeaderMap,
    body: Bytes,
    is_instagram_host: bool,
) -> Response {
    let read = || {
        let caller = Caller::read(headers, parameters, is_instagram_host)?;
        let accounts = sandbox.accounts_at(&caller, node)?;
        let body: serde_json::Map<String, Value> = serde_json::from_slice(&body).map_err(|_| {
            GraphError::new(
                100,
                None,
                "Invalid parameter: the request body is not a JSON object.",
            )
        })?;
        let account = messenger::speaking_for(&sandbox, &accounts, &body)
            .ok_or_else(|| GraphError::unsupported(node))?;
        Ok::<_, GraphError>((account, body))
    };
    let (account, body) = match read() {
        Ok(read) => read,
        Err(error) => return error.into_response(),
    };
    let mut response = match account.platform() {
        Platform::Whatsapp => whatsapp::send(&sandbox, account.id(), body).await,
        Platform::Facebook | Platform::Instagram => messenger::send(&sandbox, &account, body).await,
        Platform::Line | Platform::Web => GraphError::unsupported(node).into_response(),
    };
    if let Some(usage) = sandbox.with(|state| state.get(account.id())?.usage) {
        usage.write(&account, &mut response);
    }
    response
}

async fn message_attachments(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let accounts = Caller::read(&headers, &parameters, false)
        .and_then(|caller| sandbox.accounts_at(&caller, &node));
    match accounts {
        Ok(accounts) => messenger::upload(&sandbox, &node, &accounts, &headers, request).await,
        Err(error) => error.into_response(),
    }
}

async fn subscribe(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let subscribed = sandbox
        .numbers_of_waba(&headers, &parameters, &node)
        .map(|_| ())
        .or_else(|error| {
            if error.code == 190 {
                return Err(error);
            }
            let caller = Caller::read(&headers, &parameters, false)?;
            sandbox.accounts_at(&caller, &node).map(|_| ())
        });
    subscribed
        .map(|()| Json(json!({ "success": true })))
        .into_response()
}

async fn instagram_subscribe(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    Caller::read(&headers, &parameters, true)
        .and_then(|caller| sandbox.accounts_at(&caller, &node))
        .map(|_| Json(json!({ "success": true })))
        .into_response()
}

/// A number, a WhatsApp Business account, a page, an uploaded file, or a person who wrote to a page.
async fn node(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    find_node(&sandbox, &node, &parameters, &headers, false)
        .map(Json)
        .into_response()
}

async fn instagram_node(
    State(sandbox): State<Sandbox>,
    Path((_version, node)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    find_node(&sandbox, &node, &parameters, &headers, true)
        .map(Json)
        .into_response()
}

fn find_node(
    sandbox: &Sandbox,
    node: &str,
    parameters: &Parameters,
    headers: &HeaderMap,
    is_instagram_host: bool,
) -> Result<Value, GraphError> {
    let caller = Caller::read(headers, parameters, is_instagram_host)?;
    let accounts = sandbox.accounts_of(&caller)?;
    let fields = |value| select_fields(value, parameters.fields.as_deref());
    for account in &accounts {
        let is_own = node == "me" || account.node().is_some_and(|(own_node, _)| own_node == node);
        match account {
            Account::Whatsapp { .. } if is_own => {
                return Ok(fields(whatsapp::number_fields(account)));
            }
            Account::Whatsapp { waba_id, name, .. } if waba_id == node => {
                return Ok(fields(json!({ "id": waba_id, "name": name })));
            }
            Account::Instagram { ig_id, name, .. } if is_own && account.is_by_login() => {
                return Ok(fields(
                    json!({ "id": ig_id, "user_id": ig_id, "name": name, "username": name }),
                ));
            }
            Account::Facebook { page_id, name, .. } if is_own => {
                return Ok(fields(json!({ "id": page_id, "name": name })));
            }
            Account::Facebook { .. }
            | Account::Instagram { .. }
            | Account::Whatsapp { .. }
            | Account::Line { .. }
            | Account::Web { .. } => {}
        }
    }
    if let Some(profile) = messenger::profile(sandbox, &accounts, node) {
        return profile.map(fields);
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    sandbox
        .with(|state| {
            let media = accounts
                .iter()
                .filter(|account| account.platform() == Platform::Whatsapp)
                .find_map(|account| state.get(account.id())?.ledger.media.get(node))?;
            Some(json!({
                "messaging_product": "whatsapp",
                "url": format!("http://{host}/graph/lookaside/{node}"),
                "mime_type": media.mime_type,
                "sha256": media.sha256,
                "file_size": media.size,
                "id": node,
            }))
        })
        .ok_or_else(|| GraphError::unsupported(node))
}

/// `?fields=a,b` leaves the id and what is named.
fn select_fields(mut value: Value, fields: Option<&str>) -> Value {
    if let (Some(fields), Some(object)) = (fields, value.as_object_mut()) {
        object.retain(|name, _| name == "id" || fields.split(',').any(|field| field == name));
    }
    value
}

/// Where a WhatsApp media's `url` leads; the same token opens it.
async fn download(
    State(sandbox): State<Sandbox>,
    Path(media): Path<String>,
    headers: HeaderMap,
) -> Response {
    let find = || {
        let caller = Caller::read(&headers, &Parameters::default(), false)?;
        let accounts = sandbox.accounts_of(&caller)?;
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
