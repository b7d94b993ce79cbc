//! A bounded log of everything the product sent, for assertions.

use std::collections::{BTreeMap, VecDeque};

use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::account::Platform;
use crate::faults::{BrokenOff, NoAnswer};

const KEPT: usize = 10_000;
/// More than any body a platform takes; each platform's own limit is checked by its handlers.
const BUFFERED: usize = 104 * 1024 * 1024;
const HEADERS_OF_INTEREST: [&str; 4] = [
    "content-type",
    "user-agent",
    "x-line-retry-key",
    "x-omocast-signature",
];

/// One request as it came in.
#[derive(Clone, Debug, Serialize)]
pub struct ReceivedRequest {
    pub platform: Platform,
    pub method: String,
    /// The whole path, with the mount point and without the query.
    pub path: String,
    /// Lower-case names; never the authorization.
    pub headers: BTreeMap<String, String>,
    /// `null` when the body was empty or no JSON.
    pub body: Value,
    /// `None` while unanswered, and for good when a fault swallowed the answer.
    pub status: Option<u16>,
    /// Whether a fault broke the answer off in the middle.
    pub is_broken_off: bool,
    pub at_ms: i64,
}

#[derive(Default)]
pub(crate) struct RequestLog {
    dropped: usize,
    requests: VecDeque<ReceivedRequest>,
}

impl RequestLog {
    fn push(&mut self, request: ReceivedRequest) -> usize {
        self.requests.push_back(request);
        if self.requests.len() > KEPT {
            self.requests.pop_front();
            self.dropped += 1;
        }
        self.dropped + self.requests.len() - 1
    }

    fn answer(&mut self, number: usize, status: u16, is_broken_off: bool) {
        let request = number
            .checked_sub(self.dropped)
            .and_then(|at| self.requests.get_mut(at));
        if let Some(request) = request {
            request.status = Some(status);
            request.is_broken_off = is_broken_off;
        }
    }

    pub(crate) fn all(&self) -> Vec<ReceivedRequest> {
        self.requests.iter().cloned().collect()
    }
}

pub(crate) async fn record_line(sandbox: State<Sandbox>, request: Request, next: Next) -> Response {
    record(sandbox, Platform::Line, request, next).await
}

/// By the node of the path: pages and numbers share one host.
pub(crate) async fn record_graph(
    sandbox: State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    let node = request.uri().path().split('/').nth(2).unwrap_or("");
    let platform = sandbox.with(|state| {
        let platforms = state.values().filter_map(|account| {
            let (own_node, _) = account.config.node()?;
            (own_node == node).then(|| account.config.platform())
        });
        // A page first: an Instagram account may share its node.
        platforms.min_by_key(|platform| *platform == Platform::Instagram)
    });
    record(
        sandbox,
        platform.unwrap_or(Platform::Whatsapp),
        request,
        next,
    )
    .await
}

pub(crate) async fn record_instagram(
    sandbox: State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    record(sandbox, Platform::Instagram, request, next).await
}

pub(crate) async fn record_web(sandbox: State<Sandbox>, request: Request, next: Next) -> Response {
    record(sandbox, Platform::Web, request, next).await
}

async fn record(
    State(sandbox): State<Sandbox>,
    platform: Platform,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BUFFERED).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            axum::Json(json!({ "message": "Request entity too large" })),
        )
            .into_response();
    };
    let path = parts
        .extensions
        .get::<OriginalUri>()
        .map_or_else(|| parts.uri.path().to_owned(), |uri| uri.path().to_owned());
    let number = sandbox.lock_log().push(ReceivedRequest {
        platform,
        method: parts.method.to_string(),
        path,
        headers: headers_of_interest(&parts.headers),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        status: None,
        is_broken_off: false,
        at_ms: sandbox.now_ms(),
    });
    let response = match sandbox.outage(platform) {
        Some(response) => response,
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    if response.extensions().get::<NoAnswer>().is_none() {
        let is_broken_off = response.extensions().get::<BrokenOff>().is_some();
        sandbox
            .lock_log()
            .answer(number, response.status().as_u16(), is_broken_off);
    }
    response
}

fn headers_of_interest(headers: &HeaderMap) -> BTreeMap<String, String> {
    HEADERS_OF_INTEREST
        .iter()
        .filter_map(|name| {
            let value = headers.get(*name)?.to_str().ok()?;
            Some(((*name).to_owned(), value.to_owned()))
        })
        .collect()
}
