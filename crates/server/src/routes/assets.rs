//! The built SPA: files with their hash in the name are kept for ever, everything else is asked for again.

use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use omocast_contract::{Problem, ProblemCode};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::error::problem_response;

const INDEX: &str = "/index.html";

/// Folders of addresses that are no pages of the SPA.
const NOT_PAGES: [&str; 5] = ["api", "webhooks", "m", "healthz", "readyz"];

/// Answers what no route took: a file of the SPA, or its first page for an address that the SPA itself routes.
pub async fn serve(folder: Option<&Path>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let first = path.split('/').nth(1).unwrap_or_default();
    let not_found = || problem_response(Problem::new(ProblemCode::NotFound));
    let Some(folder) = folder else {
        return not_found();
    };
    if NOT_PAGES.contains(&first) {
        return not_found();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return problem_response(Problem::new(ProblemCode::MethodNotAllowed));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_page = !name.contains('.');
    let asked = if is_page { INDEX } else { path.as_str() };
    let mut found = open(folder, asked, request).await;
    match found.status() {
        StatusCode::NOT_FOUND => return not_found(),
        StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT => {
            let policy = if is_page {
                "no-cache"
            } else if is_hashed(name) {
                "public, max-age=31536000, immutable"
            } else if name.ends_with(".svg") || name.ends_with(".png") {
                // Asked for by each icon that appears: it must be there when the connection is not.
                "public, max-age=3600"
            } else {
                "no-cache"
            };
            found
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
        }
        _ => {}
    }
    found
}

async fn open(folder: &Path, path: &str, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let Ok(uri) = path.parse() else {
        return problem_response(Problem::new(ProblemCode::NotFound));
    };
    parts.uri = uri;
    let files = ServeDir::new(folder)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    match files
        .oneshot(Request::from_parts(parts, Body::empty()))
        .await
    {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    }
}

/// Whether a name has a hash as trunk writes it: `app-0123456789abcdef.css`, `app-0123456789abcdef_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    name.split(['-', '.', '_'])
        .skip(1)
        .any(|part| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_names_are_known() {
        for name in [
            "omocast-5f3a1b2c4d5e6f70.js",
            "omocast-5f3a1b2c4d5e6f70_bg.wasm",
            "ui-abcdef0123456789.css",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "index.html",
            "boot.js",
            "icons.svg",
            "deadbeef.css",
            "zh-Hant.json",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
