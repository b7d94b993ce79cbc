//! `POST /{page}/message_attachments`: a file kept for 90 days, by link or in a form.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::bad_media;
use super::content::{is_link, read_medium};
use crate::Sandbox;
use crate::account::{Account, Platform};
use crate::graph::{GraphError, UploadForm};
use crate::media::{BadMedia, Wanted, name_in_link};

pub(crate) async fn upload(
    sandbox: &Sandbox,
    node: &str,
    accounts: &[Account],
    headers: &HeaderMap,
    request: Request,
) -> Response {
    match take(sandbox, node, accounts, headers, request).await {
        Ok(id) => Json(json!({ "attachment_id": id })).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn take(
    sandbox: &Sandbox,
    node: &str,
    accounts: &[Account],
    headers: &HeaderMap,
    request: Request,
) -> Result<String, GraphError> {
    let wrong = |message: &str| GraphError::new(100, None, message);
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let (platform, message, file) = if is_form {
        let form = UploadForm::read(request, "filedata").await.map_err(wrong)?;
        let message = form.fields.get("message").map_or("", String::as_str);
        let message: Value = serde_json::from_str(message)
            .map_err(|_| wrong("Param message must be a JSON object"))?;
        (form.fields.get("platform").cloned(), message, form.file)
    } else {
        let body = to_bytes(request.into_body(), usize::MAX)
            .await
            .map_err(|_| wrong("The request cannot be read"))?;
        let mut body: Value =
            serde_json::from_slice(&body).map_err(|_| wrong("The body is not JSON"))?;
        let platform = body["platform"].as_str().map(str::to_owned);
        (platform, body["message"].take(), None)
    };
    let wanted_platform = match platform.as_deref() {
        Some("instagram") => Platform::Instagram,
        _ => Platform::Facebook,
    };
    let account = accounts
        .iter()
        .find(|account| account.platform() == wanted_platform)
        .ok_or_else(|| GraphError::unsupported(node))?;
    let attachment = &message["attachment"];
    let medium = read_medium(wanted_platform, attachment)?;
    let url = attachment["payload"]["url"].as_str();
    let (name, bytes) = match (file, url) {
        (Some(file), None) => {
            // Meta's page on uploads names this limitation.
            if !file.name.is_ascii() {
                return Err(wrong("File names must be ASCII"));
            }
            Wanted::by(wanted_platform, medium)
                .ok_or(BadMedia::WrongType)
                .and_then(|wanted| wanted.check(&file.bytes))
                .map_err(bad_media)?;
            (file.name, file.bytes)
        }
        (None, Some(url)) if is_link(url) => {
            let bytes = sandbox
                .fetch_wanted(url, wanted_platform, medium)
                .await
                .map_err(bad_media)?;
            (name_in_link(url), bytes)
        }
        (None, Some(_)) => {
            return Err(wrong(
                "Param message[attachment][payload][url] should represent a valid URL",
            ));
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(wrong("Give exactly one of filedata and a url"));
        }
    };
    Ok(sandbox.keep_upload(account.id(), &name, bytes).await)
}
