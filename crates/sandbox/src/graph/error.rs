//! Answers that are not a success, in the Graph API's shape.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::ids;

#[derive(Debug)]
pub(crate) struct GraphError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    kind: &'static str,
    message: String,
    /// WhatsApp's errors carry them in `error_data`.
    pub(crate) details: Option<String>,
    is_transient: bool,
}

impl GraphError {
    /// One of WhatsApp's.
    pub(crate) fn whatsapp(code: u32, message: &str, details: &str) -> Self {
        Self {
            details: Some(details.to_owned()),
            ..Self::new(code, None, message)
        }
    }

    pub(crate) fn new(code: u32, subcode: Option<u32>, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            subcode,
            kind: "OAuthException",
            message: format!("(#{code}) {message}"),
            details: None,
            is_transient: matches!(code, 1 | 2),
        }
    }

    pub(crate) fn bad_token() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            message: "Invalid OAuth access token - Cannot parse access token".to_owned(),
            ..Self::new(190, None, "")
        }
    }

    pub(crate) fn unsupported(node: &str) -> Self {
        Self {
            kind: "GraphMethodException",
            message: format!(
                "Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation."
            ),
            ..Self::new(100, Some(33), "")
        }
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
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
        if self.is_transient {
            error["is_transient"] = true.into();
        }
        if let Some(details) = self.details {
            error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}
