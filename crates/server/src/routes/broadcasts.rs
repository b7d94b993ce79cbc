//! Broadcasts: making them, and what became of them.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omocast_contract::api::{
    BroadcastPage, IDEMPOTENCY_KEY, PreflightPage, PreflightQuery, RecipientPage, RecipientQuery,
};
use omocast_contract::control::check_start;
use omocast_contract::member::Scope;
use omocast_contract::{
    Broadcast, BroadcastId, BroadcastRequest, Control, Controlled, LocalTime, Preflight, Problem,
    ProblemCode, Timestamp,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::{Asked, PathId};
use crate::sessions::SignedIn;
use crate::store::{Begins, CreatedBroadcast, Member, Once};
use crate::zone::moment;

/// Makes a broadcast: 201 the first time, 200 for the same request with the same key.
pub async fn create_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    headers: HeaderMap,
    Json(request): Json<BroadcastRequest>,
) -> AppResult<(StatusCode, Json<Broadcast>)> {
    member.role.may_broadcast(member.plan)?;
    let key = idempotency_key(&headers)?;
    let begins = match start(&member, request.send_at)? {
        None => Begins::AfterHold(app.config.hold),
        Some(at) => Begins::At(at),
    };
    app.read_quotas(member.team_id).await?;
    // The hold begins when it is accepted, however long LINE took.
    let now = app.now();
    let once = Once {
        key,
        hash: &hash(&request),
    };
    let pace = &app.config.pace;
    let created = app
        .store
        .create_broadcast(&member, &request, once, begins, pace, now)
        .await?;
    created_response(&app, created).await
}

/// Checks a broadcast before it is sent (發送前檢查).
pub async fn preflight_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(request): Json<BroadcastRequest>,
) -> AppResult<Json<Preflight>> {
    let starts_at = checked_start(&app, &member, &request)?;
    app.read_quotas(member.team_id).await?;
    let (hold, pace) = (app.config.hold, &app.config.pace);
    app.store
        .preflight_broadcast(&member, &request, starts_at, hold, pace, app.now())
        .await
        .map(Json)
}

/// The customers of one group of the check.
pub async fn list_preflight_customers(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Asked(asked): Asked<PreflightQuery>,
    Json(request): Json<BroadcastRequest>,
) -> AppResult<Json<PreflightPage>> {
    let starts_at = checked_start(&app, &member, &request)?;
    app.store
        .list_preflight_customers(&member, &request, starts_at, &asked, app.now())
        .await
        .map(Json)
}

/// When a broadcast that is to be checked would begin; none for at once.
fn checked_start(
    app: &App,
    member: &Member,
    request: &BroadcastRequest,
) -> AppResult<Option<Timestamp>> {
    member.role.may_broadcast(member.plan)?;
    let starts_at = start(member, request.send_at)?;
    if let Some(starts_at) = starts_at {
        check_start(starts_at, app.now()).map_err(at_send_at)?;
    }
    Ok(starts_at)
}

/// The moment that a time on the team's wall means.
fn start(member: &Member, send_at: Option<LocalTime>) -> AppResult<Option<Timestamp>> {
    let Some(send_at) = send_at else {
        return Ok(None);
    };
    let starts_at = moment(&member.time_zone, send_at)?.map_err(at_send_at)?;
    Ok(Some(starts_at))
}

fn at_send_at(code: ProblemCode) -> Problem {
    Problem::new(code).at("send_at")
}

/// 201 for a new broadcast, of which pages and the worker hear; 200 for one that was there.
async fn created_response(
    app: &App,
    created: CreatedBroadcast,
) -> AppResult<(StatusCode, Json<Broadcast>)> {
    match created {
        CreatedBroadcast::Repeated(broadcast) => Ok((StatusCode::OK, Json(broadcast))),
        CreatedBroadcast::New(broadcast) => {
            app.wake.deliveries.notify_one();
            app.tell_broadcast(broadcast.summary.id).await?;
            Ok((StatusCode::CREATED, Json(broadcast)))
        }
    }
}

/// Stops a broadcast, takes it back, puts it off, begins it, or tries its accounts again.
pub async fn control_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<BroadcastId>,
    Json(control): Json<Control>,
) -> AppResult<Json<Controlled>> {
    check_role(&member)?;
    if control == Control::SendNow {
        app.read_quotas(member.team_id).await?;
    }
    let now = app.now();
    let starts_at = match control {
        Control::Reschedule { send_at } => {
            let starts_at = start(&member, Some(send_at))?.unwrap_or(now);
            check_start(starts_at, now).map_err(at_send_at)?;
            starts_at
        }
        Control::Stop | Control::SendNow | Control::TryAccounts => now,
    };
    if let Control::Reschedule { .. } | Control::SendNow = control {
        member.role.may_broadcast(member.plan)?;
    }
    let pace = &app.config.pace;
    let controlled = app
        .store
        .control_broadcast(&member, id, control, starts_at, pace, now)
        .await?;
    app.wake.deliveries.notify_one();
    app.tell_broadcast(id).await?;
    Ok(Json(controlled))
}

/// Sends again what failed and may be retried: 201 the first time, 200 for the same key.
pub async fn retry_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    headers: HeaderMap,
    PathId(id): PathId<BroadcastId>,
) -> AppResult<(StatusCode, Json<Broadcast>)> {
    member.role.may_broadcast(member.plan)?;
    let once = Once {
        key: idempotency_key(&headers)?,
        hash: &format!("retry {id}"),
    };
    app.read_quotas(member.team_id).await?;
    let begins = Begins::AfterHold(app.config.hold);
    let pace = &app.config.pace;
    let created = app
        .store
        .retry_broadcast(&member, id, once, begins, pace, app.now())
        .await?;
    created_response(&app, created).await
}

/// Which page.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BroadcastQuery {
    after: Option<BroadcastId>,
}

/// 群發訊息報表.
pub async fn list_broadcasts(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Asked(asked): Asked<BroadcastQuery>,
) -> AppResult<Json<BroadcastPage>> {
    check_role(&member)?;
    app.store
        .list_broadcasts(&member, asked.after)
        .await
        .map(Json)
}

/// One broadcast.
pub async fn find_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<BroadcastId>,
) -> AppResult<Json<Broadcast>> {
    check_role(&member)?;
    let pace = &app.config.pace;
    app.store
        .find_broadcast(&member, id, pace, app.now())
        .await
        .map(Json)
}

/// Its recipients.
pub async fn list_recipients(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<BroadcastId>,
    Asked(asked): Asked<RecipientQuery>,
) -> AppResult<Json<RecipientPage>> {
    check_role(&member)?;
    app.store
        .list_recipients(&member, id, &asked)
        .await
        .map(Json)
}

fn check_role(member: &Member) -> AppResult<()> {
    match member.role.broadcasts_seen() {
        Scope::None => Err(ProblemCode::RoleMayNotSee.into()),
        Scope::Team | Scope::Shops | Scope::Own => Ok(()),
    }
}

/// Whether the request has an `Idempotency-Key`, whatever it is.
pub fn is_key_given(headers: &HeaderMap) -> bool {
    headers.contains_key(IDEMPOTENCY_KEY)
}

/// The `Idempotency-Key`: 8 to 100 letters, digits, `-` or `_`.
pub fn idempotency_key(headers: &HeaderMap) -> AppResult<&str> {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_key = (8..=100).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_key {
        Ok(key)
    } else {
        Err(Problem::new(ProblemCode::IdempotencyKeyMissing)
            .at(IDEMPOTENCY_KEY)
            .into())
    }
}

/// Of what the request means, not of how it was written.
fn hash(request: &BroadcastRequest) -> String {
    let meaning = serde_json::to_vec(request).expect("a request is JSON");
    URL_SAFE_NO_PAD.encode(Sha256::digest(meaning))
}
