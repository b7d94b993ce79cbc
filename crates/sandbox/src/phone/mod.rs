//! The customers' phones as pages, where a person can read what arrived and type as the customer.

mod html;

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::account::Account;
use crate::inbound::Utterance;
use crate::state::{Customer, PhoneMessageKind};
use crate::whatsapp::read_by_customer;
use crate::{PhoneOf, Sandbox, ids};

/// Customers a list shows.
const LISTED: usize = 100;
/// The largest picture the page shows, in bytes.
const PICTURE_LIMIT: usize = 10 * 1024 * 1024;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/phone", get(list_phones))
        .route("/phone/assets/phone.css", get(css))
        .route("/phone/assets/phone.js", get(js))
        .route("/phone/media/{account}/{media}", get(uploaded_picture))
        .route("/phone/{account}/customers", post(create_customer))
        .route("/phone/{account}/{user}", get(show_phone))
        .route(
            "/phone/{account}/{user}/messages",
            get(list_messages).post(send_message),
        )
        .route("/phone/{account}/{user}/events", get(events))
        .route(
            "/phone/{account}/{user}/pictures/{message}",
            get(linked_picture),
        )
        .route("/phone/{account}/{user}/block", post(block))
        .route("/phone/{account}/{user}/unblock", post(unblock))
}

fn page(body: String) -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
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
    read_by_customer(&sandbox, &account, &user);
    sandbox
        .phone(&account, &user)
        .map_or_else(not_found, |phone| page(html::phone(&phone)))
}

async fn list_messages(
    State(sandbox): State<Sandbox>,
    Path((account, user)): Path<(String, String)>,
) -> Response {
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
            read_by_customer(&sandbox, &of.account, &of.user);
            let phone = sandbox.phone(&of.account, &of.user)?;
            let event = Event::default().data(html::bubbles_json(&phone).to_string());
            Some((Ok(event), (sandbox, of, changes, false)))
        },
    )
}

async fn uploaded_picture(
    State(sandbox): State<Sandbox>,
    Path((account, media)): Path<(String, String)>,
) -> Response {
    let picture = sandbox.with(|state| {
        let account = state.get(&account)?;
        let kind = account.ledger.media.get(&media)?.mime_type.clone();
        Some((
            [(header::CONTENT_TYPE, kind)],
            account.media_bytes.get(&media)?.clone(),
        ))
    });
    picture.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        IntoResponse::into_response,
    )
}

/// The platforms show pictures from their own servers; so the page's pictures come through the sandbox.
async fn linked_picture(
    State(sandbox): State<Sandbox>,
    Path((account, user, message)): Path<(String, String, String)>,
) -> Response {
    let url = sandbox
        .messages(&account, &user)
        .into_iter()
        .find_map(|shown| match shown.kind {
            PhoneMessageKind::Image { preview, .. } if shown.id == message => Some(preview),
            PhoneMessageKind::Image { .. } | PhoneMessageKind::Text(_) => None,
        });
    let Some(url) = url else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(bytes) = sandbox.fetch(&url, PICTURE_LIMIT).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    match crate::media::picture_type(&bytes) {
        Some(kind) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "max-age=3600"),
            ];
            (headers, bytes).into_response()
        }
        None => StatusCode::BAD_GATEWAY.into_response(),
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
