//! The library's interface over HTTP, for end-to-end tests in a browser.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::Sandbox;
use crate::faults::Fault;
use crate::inbound::Utterance;
use crate::request_log::ReceivedRequest;
use crate::state::Customer;

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/control/requests", get(list_requests))
        .route("/control/say", post(say))
        .route("/control/customers", post(add_customer))
        .route("/control/faults", post(set_fault))
        .route("/control/fail-next", post(fail_next))
        .route("/control/block", post(block))
        .route("/control/unblock", post(unblock))
        .route("/control/advance", post(advance))
        .route("/control/settle", post(settle))
}

async fn list_requests(State(sandbox): State<Sandbox>) -> Json<Vec<ReceivedRequest>> {
    Json(sandbox.requests())
}

async fn say(State(sandbox): State<Sandbox>, Json(utterances): Json<Vec<Utterance>>) -> Response {
    match sandbox.say(utterances).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({ "error": format!("{error:#}") })),
        )
            .into_response(),
    }
}

#[derive(Deserialize)]
struct NewCustomer {
    account: String,
    customer: Customer,
}

async fn add_customer(State(sandbox): State<Sandbox>, Json(new): Json<NewCustomer>) -> StatusCode {
    sandbox.add_customer(&new.account, new.customer);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct CustomerFault {
    account: String,
    user: String,
    fault: Option<Fault>,
}

async fn set_fault(State(sandbox): State<Sandbox>, Json(set): Json<CustomerFault>) -> StatusCode {
    sandbox.set_fault(&set.account, &set.user, set.fault);
    StatusCode::NO_CONTENT
}

async fn fail_next(State(sandbox): State<Sandbox>, Json(fault): Json<Fault>) -> StatusCode {
    sandbox.fail_next(fault);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Named {
    account: String,
    user: String,
}

async fn block(State(sandbox): State<Sandbox>, Json(named): Json<Named>) -> StatusCode {
    sandbox.block(&named.account, &named.user);
    StatusCode::NO_CONTENT
}

async fn unblock(State(sandbox): State<Sandbox>, Json(named): Json<Named>) -> StatusCode {
    sandbox.unblock(&named.account, &named.user);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Advance {
    seconds: u64,
}

async fn advance(State(sandbox): State<Sandbox>, Json(advance): Json<Advance>) -> StatusCode {
    sandbox.advance_clock(Duration::from_secs(advance.seconds));
    StatusCode::NO_CONTENT
}

async fn settle(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.settle().await;
    StatusCode::NO_CONTENT
}
