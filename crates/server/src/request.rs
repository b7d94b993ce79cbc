//! What every request goes through: its id, its line in the log, the headers of every answer, and where writes may come from.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Path, Query, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use omocast_contract::{Problem, ProblemCode};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::app::App;
use crate::error::{AppError, problem_response, tell_request_id};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No script, style, image or request of anybody else; 'wasm-unsafe-eval' compiles the app's own WebAssembly.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Gives a request its id, logs what became of it, and completes its answer.
/// Neither the query nor a body is logged: they may hold what customers wrote.
pub async fn observe(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    // The pattern, because an address may hold a signature.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!("request", id, %method, route);
    let began = Instant::now();
    async move {
        let response = tell_request_id(next.run(request).await, &id);
        let milliseconds = began.elapsed().as_secs_f64() * 1_000.0;
        tracing::info!(
            status = response.status().as_u16(),
            milliseconds,
            "answered"
        );
        complete(response, &id)
    }
    .instrument(span)
    .await
}

fn complete(mut response: Response, id: &str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Refuses writes that another site makes a browser send.
///
/// A browser says where a write comes from: by `Sec-Fetch-Site`, or older ones by `Origin`.
/// What says neither is no browser, and holds no cookie that it was not given.
pub async fn guard_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_read = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_read || comes_from_here(request.headers(), request.uri(), &app.config.public_url) {
        return next.run(request).await;
    }
    problem_response(Problem::new(ProblemCode::WrongOrigin))
}

fn comes_from_here(headers: &HeaderMap, uri: &Uri, public_url: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = text(header::ORIGIN);
    if let Some(origin) = origin {
        let is_public = origin_of(public_url).is_some_and(|ours| ours.eq_ignore_ascii_case(origin));
        let host =
            text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
        let is_host = match (origin.split_once("://"), host) {
            (Some((_, theirs)), Some(ours)) => theirs.eq_ignore_ascii_case(ours),
            _ => false,
        };
        if !is_public && !is_host {
            return false;
        }
    }
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => true,
        // A proxy in front may make our own page look like another site; then the origin decides.
        Some(_) => origin.is_some(),
        None => true,
    }
}

fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    url.get(..scheme.len() + 3 + host.len())
}

/// The address of whoever asks.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub String);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip());
        let told = parts
            .headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok());
        // The last one was written by our own proxy; those before it may be invented.
        let told = told.and_then(|list| list.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
        let address = if app.config.behind_proxy {
            told.or(peer)
        } else {
            peer
        };
        Ok(Self(address.map_or_else(
            || "unknown".to_owned(),
            |address| network(address).to_string(),
        )))
    }
}

/// One subscriber has a /64 of IPv6 addresses to choose from, so they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// An id in the path; what is none leads nowhere.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let found: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        found
            .map(|Path(id)| Self(id))
            .map_err(|_| AppError::NotFound)
    }
}

/// The query of the address.
#[derive(Clone, Copy, Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let found: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        found.map(|Query(asked)| Self(asked)).map_err(|_| {
            Problem::new(ProblemCode::MalformedRequest)
                .at("query")
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected: bool) {
        let map = headers.iter().map(|&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let uri = Uri::from_static("/");
        assert_eq!(
            comes_from_here(&map.collect(), &uri, "https://omocast.example/app"),
            expected,
            "{headers:?}"
        );
    }

    #[test]
    fn our_own_pages_may_write() {
        check(&[("origin", "https://omocast.example")], true);
        check(
            &[
                ("origin", "https://omocast.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            true,
        );
        check(
            &[
                ("origin", "http://127.0.0.1:8080"),
                ("host", "127.0.0.1:8080"),
            ],
            true,
        );
    }

    #[test]
    fn other_sites_may_not() {
        check(&[("origin", "https://evil.example")], false);
        check(
            &[
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            false,
        );
        check(&[("origin", "null"), ("host", "omocast.example")], false);
        check(
            &[
                ("origin", "https://omocast.example.evil.example"),
                ("host", "omocast.example"),
            ],
            false,
        );
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
    }

    #[test]
    fn what_is_no_browser_says_neither() {
        check(&[], true);
        check(&[("host", "omocast.example")], true);
    }

    #[test]
    fn one_ipv6_subscriber_is_one_address() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::2:3".parse().unwrap();
        assert_eq!(network(one), network(other));
    }
}
