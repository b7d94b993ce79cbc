//! The customers' phones as pages, where a person can read what arrived and type as the customer.

mod formatting;
mod html;
mod template;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::account::Account;
use crate::graph::UploadForm;
use crate::inbound::Utterance;
use crate::media::media_type;
use crate::state::{Customer, PhoneMessageKind};
use crate::whatsapp::Press;
use crate::{PhoneOf, Sandbox, ids};

/// Customers a list shows.
const LISTED: usize = 100;
/// The largest file the page shows, in bytes: more than any platform takes.
const SHOWN_LIMIT: usize = 200 * 1024 * 1024;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/phone", get(list_phones))
        .route("/phone/assets/phone.css", get(css))
        .route("/phone/assets/phone.js", get(js))
        .route("/phone/media/{account}/{media}", get(uploaded_media))
        .route("/phone/{account}/customers", post(create_customer))
        .route("/phone/{account}/{user}", get(show_phone))
        .route(
            "/phone/{account}/{user}/messages",
            get(list_messages).post(send_message),
        )
        .route("/phone/{account}/{user}/events", get(events))
        .route("/phone/{account}/{user}/files", post(send_file))
        .route(
            "/phone/{account}/{user}/previews/{message}",
            get(linked_preview),
        )
        .route(
            "/phone/{account}/{user}/originals/{message}",
            get(linked_original),
        )
        .route(
            "/phone/{account}/{user}/cards/{message}/{card}",
            get(linked_card),
        )
        .route("/phone/{account}/{user}/presses", post(press))
        .route("/phone/{account}/{user}/block", post(block))
        .route("/phone/{account}/{user}/unblock", post(unblock))
}

fn page(body: String) -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; \
                  form-action 'self'; base-uri 'none'; frame-ancestors 'self'";
    let mut response = Html(body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn css() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("phone.css"),
    )
        .into_response()
}

async fn js() -> Response {
    let kind = "text/javascript; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], include_str!("phone.js")).into_response()
}

#[derive(Default, Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// One account with the customers a search found.
struct Listing {
    account: Account,
    total: usize,
    found: Vec<html::Row>,
}

async fn list_phones(State(sandbox): State<Sandbox>, Query(search): Query<Search>) -> Response {
    let wanted = search.q.trim().to_lowercase();
    let listings: Vec<Listing> = sandbox.with(|state| {
        state
            .values()
            .map(|account| {
                let mut found: Vec<_> = account
                    .ledger
                    .customers
                    .values()
                    .filter(|state| {
                        let customer = &state.customer;
                        wanted.is_empty()
                            || customer.name.to_lowercase().contains(&wanted)
                            || customer.id.to_lowercase().contains(&wanted)
                            || customer
                                .phone
                                .as_ref()
                                .is_some_and(|phone| phone.contains(&wanted))
                    })
                    .collect();
                let newest = |state: &crate::state::CustomerState| {
                    state.messages.last().map(|message| message.at_ms)
                };
                found.sort_by_key(|state| std::cmp::Reverse(newest(state)));
                Listing {
                    account: account.config.clone(),
                    total: account.ledger.customers.len(),
                    found: found.into_iter().take(LISTED).map(html::Row::new).collect(),
                }
            })
            .collect()
    });
    page(html::list(&listings, search.q.trim()))
}

fn not_found() -> Response {
    let mut response = page(html::not_found());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

impl Sandbox {
    fn phone(&self, account: &str, user: &str) -> Option<html::Phone> {
        self.with(|state| {
            let account = state.get(account)?;
            let customer = account.ledger.customers.get(user)?;
            Some(html::Phone {
                account: account.config.clone(),
                customer: customer.customer.clone(),
                blocked: customer.blocked,
                messages: customer.messages.clone(),
            })
        })
    }
}

async fn show_phone(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
    sandbox.look_at(&account, &user).await;
    sandbox.read_by_customer(&account, &user);
    sandbox
        .phone(&account, &user)
        .map_or_else(not_found, |phone| page(html::phone(&phone)))
}

async fn list_messages(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
    sandbox.look_at(&account, &user).await;
    match sandbox.phone(&account, &user) {
        Some(phone) => {
            Json(json!({ "blocked": phone.blocked, "messages": phone.messages })).into_response()
        }
        None => problem(StatusCode::NOT_FOUND, "no such customer"),
    }
}

fn problem(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

#[derive(Deserialize)]
struct TypedMessage {
    text: String,
}

/// Answers once the words are on the phone; the webhook follows on its own.
async fn send_message(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
    Json(message): Json<TypedMessage>,
) -> Response {
    if sandbox.account(&account).is_none() {
        return problem(StatusCode::NOT_FOUND, "no such account");
    }
    let text = message.text.trim();
    if text.chars().count() > 4_000 {
        return problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "more than 4000 characters",
        );
    }
    let utterance = Utterance {
        account,
        user,
        text: text.to_owned(),
        at_ms: None,
    };
    match sandbox.hear(vec![utterance]) {
        Ok(webhooks) => {
            sandbox.post_later(webhooks);
            (StatusCode::ACCEPTED, Json(json!({}))).into_response()
        }
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

/// The bubbles now, and again whenever the phone changes. An open page reads what arrives.
async fn events(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
    if sandbox.phone(&account, &user).is_none() {
        return problem(StatusCode::NOT_FOUND, "no such customer");
    }
    let stream = phone_events(sandbox, PhoneOf { account, user });
    Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response()
}

fn phone_events(
    sandbox: Sandbox,
    of: PhoneOf,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let changes = sandbox.phone_changes();
    futures::stream::unfold(
        (sandbox, of, changes, true),
        async |(sandbox, of, mut changes, first)| {
            if !first {
                loop {
                    let change = tokio::select! {
                        change = changes.recv() => change,
                        () = sandbox.closed_or(Duration::MAX) => return None,
                    };
                    match change {
                        Ok(changed) if changed == of => break,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return None,
                    }
                }
            }
            sandbox.look_at(&of.account, &of.user).await;
            sandbox.read_by_customer(&of.account, &of.user);
            let phone = sandbox.phone(&of.account, &of.user)?;
            let event = Event::default().data(html::bubbles_json(&phone).to_string());
            Some((Ok(event), (sandbox, of, changes, false)))
        },
    )
}

async fn uploaded_media(
    State(sandbox): State<Sandbox>,
    Path((account, media)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let file = sandbox.with(|state| {
        let account = state.get(&account)?;
        let kind = account.ledger.media.get(&media)?.mime_type.clone();
        Some((kind, account.media_bytes.get(&media)?.clone()))
    });
    match file {
        Some((kind, bytes)) => file_response(&headers, &kind, &bytes),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn linked_preview(
    State(sandbox): State<Sandbox>,
    Path((account, user, message)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let url = sandbox.shown_media(&account, &user, &message, |kind| match kind {
        PhoneMessageKind::Image { preview, .. } => Some(preview),
        PhoneMessageKind::Video { preview, .. } => preview,
        PhoneMessageKind::File { .. }
        | PhoneMessageKind::Text(_)
        | PhoneMessageKind::Template(_) => None,
    });
    sandbox.pass_on(url, &headers).await
}

async fn linked_original(
    State(sandbox): State<Sandbox>,
    Path((account, user, message)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let url = sandbox.shown_media(&account, &user, &message, |kind| {
        kind.url().map(str::to_owned)
    });
    sandbox.pass_on(url, &headers).await
}

/// What is on top of a card of a template.
async fn linked_card(
    State(sandbox): State<Sandbox>,
    Path((account, user, message, card)): Path<(String, String, String, usize)>,
    headers: HeaderMap,
) -> Response {
    let url = sandbox.shown_media(&account, &user, &message, |kind| {
        let template = kind.template()?;
        template.media_url(Some(card)).map(str::to_owned)
    });
    sandbox.pass_on(url, &headers).await
}

#[derive(Deserialize)]
struct Pressed {
    message: String,
    card: Option<usize>,
    button: usize,
}

/// The customer presses a quick reply. Answers once it is on the phone; the webhook follows on its own.
async fn press(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
    Json(pressed): Json<Pressed>,
) -> Response {
    let press = Press {
        account,
        user,
        message: pressed.message,
        card: pressed.card,
        button: pressed.button,
    };
    match sandbox.hear_press(&press) {
        Ok(webhooks) => {
            sandbox.post_later(webhooks);
            (StatusCode::ACCEPTED, Json(json!({}))).into_response()
        }
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

impl Sandbox {
    fn shown_media(
        &self,
        account: &str,
        user: &str,
        message: &str,
        url: impl FnOnce(PhoneMessageKind) -> Option<String>,
    ) -> Option<String> {
        let messages = self.messages(account, user);
        let shown = messages.into_iter().find(|shown| shown.id == message)?;
        url(shown.kind)
    }

    /// The platforms show media from their own servers; so what the page shows comes through the sandbox.
    async fn pass_on(&self, url: Option<String>, headers: &HeaderMap) -> Response {
        let Some(url) = url else {
            return StatusCode::NOT_FOUND.into_response();
        };
        match self.fetch(&url, SHOWN_LIMIT).await {
            Ok(bytes) => file_response(headers, media_type(&bytes), &bytes),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}

/// A file, or the part of it that a player asks for.
fn file_response(headers: &HeaderMap, kind: &str, bytes: &Bytes) -> Response {
    let described = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "max-age=3600"),
        (header::ACCEPT_RANGES, "bytes"),
        // What customers and shops send is shown, never run.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let asked = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    match asked.and_then(|range| byte_range(range, bytes.len())) {
        Some((first, last)) => {
            let part = format!("bytes {first}-{last}/{}", bytes.len());
            (
                StatusCode::PARTIAL_CONTENT,
                described,
                [(header::CONTENT_RANGE, part)],
                bytes.slice(first..=last),
            )
                .into_response()
        }
        None => (described, bytes.clone()).into_response(),
    }
}

/// First and last byte of `bytes=a-b`, `bytes=a-`; none for what is not understood, which gets everything.
fn byte_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first: usize = first.parse().ok()?;
    let last = match last {
        "" => length.checked_sub(1)?,
        last => last.parse::<usize>().ok()?.min(length.checked_sub(1)?),
    };
    (first <= last).then_some((first, last))
}

/// The customer sends a file. Answers once it is on the phone; the webhook follows on its own.
async fn send_file(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let form = match UploadForm::read(request, "file").await {
        Ok(form) => form,
        Err(text) => return problem(StatusCode::UNPROCESSABLE_ENTITY, text),
    };
    let Some(file) = form.file.filter(|file| !file.bytes.is_empty()) else {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "no file");
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let base = format!("http://{host}");
    match sandbox
        .hear_file(&account, &user, &file.name, file.bytes, &base)
        .await
    {
        Ok(webhooks) => {
            sandbox.post_later(webhooks);
            (StatusCode::ACCEPTED, Json(json!({}))).into_response()
        }
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

#[derive(Deserialize)]
struct NewCustomer {
    name: String,
}

/// A customer made by hand. The product hears of them when they first write.
async fn create_customer(
    State(sandbox): State<Sandbox>,
    Path(account): Path<String>,
    Form(new): Form<NewCustomer>,
) -> Response {
    let name: String = new.name.trim().chars().take(50).collect();
    let id = match sandbox.account(&account) {
        None => return not_found(),
        Some(_) if name.is_empty() => return Redirect::to("/phone").into_response(),
        Some(Account::Line { .. }) => ids::new_line_user_id(),
        Some(Account::Facebook { .. } | Account::Instagram { .. }) => {
            format!(
                "1{:015}",
                uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000_000
            )
        }
        Some(Account::Whatsapp { .. }) => {
            format!("8869{:08}", uuid::Uuid::new_v4().as_u128() % 100_000_000)
        }
        Some(Account::Web { .. }) => format!("visitor-{}", uuid::Uuid::new_v4().simple()),
    };
    let customer = Customer {
        id: id.clone(),
        name,
        phone: None,
        read_receipts: true,
    };
    sandbox.add_customer(&account, customer);
    Redirect::to(&html::phone_path(&account, &id)).into_response()
}

async fn block(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
    if sandbox.phone(&account, &user).is_none() {
        return not_found();
    }
    sandbox.block(&account, &user);
    Redirect::to(&html::phone_path(&account, &user)).into_response()
}

async fn unblock(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
    if sandbox.phone(&account, &user).is_none() {
        return not_found();
    }
    sandbox.unblock(&account, &user);
    Redirect::to(&html::phone_path(&account, &user)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_gets_the_bytes_it_asks_for() {
        assert_eq!(byte_range("bytes=0-", 10), Some((0, 9)));
        assert_eq!(byte_range("bytes=2-99", 10), Some((2, 9)));
        for odd in ["bytes=9-2", "bytes=12-", "items=1-2", "bytes=-5"] {
            assert_eq!(byte_range(odd, 10), None, "{odd}");
        }
        assert_eq!(byte_range("bytes=0-", 0), None);
    }
}
