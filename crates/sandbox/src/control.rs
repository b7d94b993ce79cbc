//! The library's interface over HTTP, for end-to-end tests in a browser.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::Sandbox;
use crate::account::Platform;
use crate::faults::{Chaos, Fault};
use crate::inbound::Utterance;
use crate::outage::Outage;
use crate::outbox::Disorder;
use crate::request_log::ReceivedRequest;
use crate::state::{Customer, Identity, Marketing};
use crate::tally::Traffic;
use crate::trouble::{Rate, Trouble, Usage};
use crate::whatsapp::{Notice, Press, Template, TemplateStatus};

pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/control/requests", get(list_requests))
        .route("/control/say", post(say))
        .route("/control/customers", post(add_customer))
        .route("/control/faults", post(set_fault))
        .route("/control/fail-next", post(fail_next))
        .route("/control/chaos", post(set_chaos))
        .route("/control/outage", post(set_outage))
        .route("/control/trouble", post(set_trouble))
        .route("/control/usage", post(set_usage))
        .route("/control/rate", post(set_rate))
        .route("/control/pair-rate", post(set_pair_rate))
        .route("/control/monthly-limit", post(set_monthly_limit))
        .route("/control/disorder", post(set_disorder))
        .route("/control/accepted/{account}", get(list_accepted))
        .route("/control/traffic/{account}", get(find_traffic))
        .route("/control/block", post(block))
        .route("/control/unblock", post(unblock))
        .route("/control/marketing", post(set_marketing))
        .route("/control/identity", post(set_identity))
        .route("/control/templates", post(set_template))
        .route("/control/templates/status", post(set_template_status))
        .route("/control/templates/delete", post(delete_template))
        .route("/control/press", post(press))
        .route("/control/advance", post(advance))
        .route("/control/settle", post(settle))
}

async fn list_requests(State(sandbox): State<Sandbox>) -> Json<Vec<ReceivedRequest>> {
    Json(sandbox.requests())
}

async fn say(State(sandbox): State<Sandbox>, Json(utterances): Json<Vec<Utterance>>) -> Response {
    done(sandbox.say(utterances).await)
}

fn done(outcome: anyhow::Result<()>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => impossible(&error),
    }
}

fn impossible(error: &anyhow::Error) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "error": format!("{error:#}") })),
    )
        .into_response()
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

/// A setting of one account; none takes it back, where that can be.
#[derive(Deserialize)]
struct Setting<T> {
    account: String,
    value: T,
}

#[derive(Deserialize)]
struct AnyChaos {
    account: Option<String>,
    chaos: Option<Chaos>,
}

async fn set_chaos(State(sandbox): State<Sandbox>, Json(set): Json<AnyChaos>) -> StatusCode {
    sandbox.set_chaos(set.account.as_deref(), set.chaos);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct NewOutage {
    platform: Platform,
    /// None: the platform is up again.
    outage: Option<Outage>,
    #[serde(default)]
    seconds: u64,
}

async fn set_outage(State(sandbox): State<Sandbox>, Json(new): Json<NewOutage>) -> StatusCode {
    match new.outage {
        Some(outage) => sandbox.go_down(new.platform, outage, Duration::from_secs(new.seconds)),
        None => sandbox.come_back(new.platform),
    }
    StatusCode::NO_CONTENT
}

async fn set_trouble(
    State(sandbox): State<Sandbox>,
    Json(set): Json<Setting<Option<Trouble>>>,
) -> StatusCode {
    sandbox.set_trouble(&set.account, set.value);
    StatusCode::NO_CONTENT
}

async fn set_usage(
    State(sandbox): State<Sandbox>,
    Json(set): Json<Setting<Option<Usage>>>,
) -> StatusCode {
    sandbox.set_usage(&set.account, set.value);
    StatusCode::NO_CONTENT
}

async fn set_rate(State(sandbox): State<Sandbox>, Json(set): Json<Setting<Rate>>) -> StatusCode {
    sandbox.set_rate(&set.account, set.value);
    StatusCode::NO_CONTENT
}

async fn set_pair_rate(
    State(sandbox): State<Sandbox>,
    Json(set): Json<Setting<Rate>>,
) -> StatusCode {
    sandbox.set_pair_rate(&set.account, set.value);
    StatusCode::NO_CONTENT
}

async fn set_monthly_limit(
    State(sandbox): State<Sandbox>,
    Json(set): Json<Setting<Option<u64>>>,
) -> StatusCode {
    sandbox.set_monthly_limit(&set.account, set.value);
    StatusCode::NO_CONTENT
}

async fn set_disorder(
    State(sandbox): State<Sandbox>,
    Json(disorder): Json<Disorder>,
) -> StatusCode {
    sandbox.set_disorder(disorder);
    StatusCode::NO_CONTENT
}

async fn list_accepted(
    State(sandbox): State<Sandbox>,
    Path(account): Path<String>,
) -> Json<BTreeMap<String, u64>> {
    Json(sandbox.accepted(&account))
}

async fn find_traffic(
    State(sandbox): State<Sandbox>,
    Path(account): Path<String>,
) -> Json<Traffic> {
    Json(sandbox.traffic(&account))
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
struct CustomerMarketing {
    account: String,
    user: String,
    marketing: Marketing,
}

async fn set_marketing(
    State(sandbox): State<Sandbox>,
    Json(set): Json<CustomerMarketing>,
) -> StatusCode {
    sandbox.set_marketing(&set.account, &set.user, set.marketing);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct CustomerIdentity {
    account: String,
    user: String,
    identity: Identity,
}

async fn set_identity(
    State(sandbox): State<Sandbox>,
    Json(set): Json<CustomerIdentity>,
) -> StatusCode {
    sandbox.set_identity(&set.account, &set.user, set.identity);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct NewTemplate {
    waba: String,
    template: Template,
    #[serde(default)]
    notice: Notice,
}

async fn set_template(State(sandbox): State<Sandbox>, Json(new): Json<NewTemplate>) -> Response {
    match sandbox.set_template(&new.waba, new.template, new.notice) {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(error) => impossible(&error),
    }
}

#[derive(Deserialize)]
struct NewStatus {
    waba: String,
    name: String,
    language: String,
    status: TemplateStatus,
    reason: Option<String>,
    #[serde(default)]
    notice: Notice,
}

async fn set_template_status(
    State(sandbox): State<Sandbox>,
    Json(new): Json<NewStatus>,
) -> Response {
    done(sandbox.set_template_status(
        &new.waba,
        &new.name,
        &new.language,
        new.status,
        new.reason.as_deref(),
        new.notice,
    ))
}

#[derive(Deserialize)]
struct NamedTemplate {
    waba: String,
    name: String,
    language: String,
    #[serde(default)]
    notice: Notice,
}

async fn delete_template(
    State(sandbox): State<Sandbox>,
    Json(named): Json<NamedTemplate>,
) -> Response {
    done(sandbox.delete_template(&named.waba, &named.name, &named.language, named.notice))
}

async fn press(State(sandbox): State<Sandbox>, Json(press): Json<Press>) -> Response {
    done(sandbox.press(press).await)
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
