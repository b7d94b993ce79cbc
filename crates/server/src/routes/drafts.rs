//! Drafts of broadcasts: kept while they are written, and taken up again on another device.

use axum::extract::State;
use axum::http::StatusCode;
use omocast_contract::api::Drafts;
use omocast_contract::{Draft, DraftEdit, DraftId};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::PathId;
use crate::sessions::SignedIn;

/// The member's drafts.
pub async fn list_drafts(
    State(app): State<App>,
    SignedIn(member): SignedIn,
) -> AppResult<Json<Drafts>> {
    member.role.may_broadcast(member.plan)?;
    Ok(Json(Drafts {
        rows: app.store.list_drafts(&member).await?,
    }))
}

/// One draft.
pub async fn find_draft(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<DraftId>,
) -> AppResult<Json<Draft>> {
    member.role.may_broadcast(member.plan)?;
    app.store.find_draft(&member, id).await.map(Json)
}

/// Keeps a draft; refused when it was changed, sent or deleted elsewhere meanwhile.
pub async fn update_draft(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<DraftId>,
    Json(edit): Json<DraftEdit>,
) -> AppResult<Json<Draft>> {
    member.role.may_broadcast(member.plan)?;
    edit.check()?;
    app.store
        .update_draft(&member, id, &edit, app.now())
        .await
        .map(Json)
}

/// Deletes a draft.
pub async fn delete_draft(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<DraftId>,
) -> AppResult<StatusCode> {
    member.role.may_broadcast(member.plan)?;
    app.store.delete_draft(&member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
