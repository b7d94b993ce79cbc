//! Broadcasts: making them, and what became of them.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omocast_contract::api::{BroadcastPage, IDEMPOTENCY_KEY, RecipientPage, RecipientQuery};
use omocast_contract::member::Scope;
use omocast_contract::{Broadcast, BroadcastId, BroadcastRequest, Problem, ProblemCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::{Asked, PathId};
use crate::sessions::SignedIn;
use crate::store::{CreatedBroadcast, Member};

/// Makes a broadcast: 201 the first time, 200 for the same request with the same key.
pub async fn create_broadcast(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    headers: HeaderMap,
    Json(request): Json<BroadcastRequest>,
) -> AppResult<(StatusCode, Json<Broadcast>)> {
    member.role.may_broadcast(member.plan)?;
    let key = idempotency_key(&headers)?;
    match app
        .store
        .create_broadcast(&member, &request, key, &hash(&request), app.now())
        .await?
    {
        CreatedBroadcast::Repeated(broadcast) => Ok((StatusCode::OK, Json(broadcast))),
        CreatedBroadcast::New(broadcast) => {
            app.wake.deliveries.notify_one();
            Ok((StatusCode::CREATED, Json(broadcast)))
        }
    }
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
    app.store.find_broadcast(&member, id).await.map(Json)
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
