//! What belongs to a number besides its messages: uploads, its own fields, and its WhatsApp Business account.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::content::wrong_parameter;
use crate::Sandbox;
use crate::account::{Account, Platform};
use crate::graph::{GraphError, Parameters, UploadForm};
use crate::media::{BadMedia, Medium, Wanted, media_type};

/// Multipart: `file`, `type` and `messaging_product`. The id lives 30 days.
pub(crate) async fn upload(
    State(sandbox): State<Sandbox>,
    Path((_version, number_id)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if let Err(error) = sandbox.whatsapp_number(&headers, &parameters, &number_id) {
        return error.into_response();
    }
    let form = match UploadForm::read(request, "file").await {
        Ok(form) => form,
        Err(details) => return wrong_parameter(details).into_response(),
    };
    if form.fields.get("messaging_product").map(String::as_str) != Some("whatsapp") {
        return product_missing().into_response();
    }
    let Some(file) = form.file else {
        return wrong_parameter("The parameter file is required.").into_response();
    };
    // Meta takes the type from the form or from the part itself.
    if !form.fields.contains_key("type") && file.content_type.is_none() {
        return wrong_parameter("The parameter type is required.").into_response();
    }
    let medium = match media_type(&file.bytes) {
        "image/jpeg" | "image/png" => Medium::Image,
        "video/mp4" | "video/3gpp" => Medium::Video,
        "audio/mpeg" | "audio/ogg" => Medium::Audio,
        _ => Medium::File,
    };
    let checked = Wanted::by(Platform::Whatsapp, medium)
        .ok_or(BadMedia::WrongType)
        .and_then(|wanted| wanted.check(&file.bytes));
    match checked {
        Ok(()) => {}
        Err(BadMedia::TooLarge) => {
            return GraphError::whatsapp(
                131_053,
                "Media upload error",
                "The file is larger than the maximum allowed for its type.",
            )
            .into_response();
        }
        Err(BadMedia::WrongType | BadMedia::Unreachable) => {
            return GraphError::whatsapp(
                100,
                "Param file must be a file with one of the following types: image/jpeg, image/png, video/mp4, \
                 video/3gpp, audio/mpeg, audio/ogg, application/pdf, office documents, text/plain.",
                "The sandbox knows files by their first bytes.",
            )
            .into_response();
        }
    }
    let id = sandbox
        .keep_upload(&number_id, &file.name, file.bytes)
        .await;
    Json(json!({ "id": id })).into_response()
}

pub(super) fn product_missing() -> GraphError {
    GraphError::whatsapp(
        100,
        "The parameter messaging_product is required.",
        "messaging_product must be whatsapp.",
    )
}

pub(crate) fn number_fields(account: &Account) -> Value {
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

pub(crate) async fn phone_numbers(
    State(sandbox): State<Sandbox>,
    Path((_version, waba)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let numbers = sandbox
        .numbers_of_waba(&headers, &parameters, &waba)
        .map(|accounts| {
            let numbers: Vec<_> = accounts.iter().map(number_fields).collect();
            Json(json!({ "data": numbers }))
        });
    numbers.into_response()
}
