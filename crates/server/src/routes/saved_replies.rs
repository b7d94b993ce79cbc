//! Saved replies (預存回覆).

use axum::extract::State;
use axum::http::StatusCode;
use omocast_contract::api::{SavedReplyPage, SavedReplyQuery, parse_saved_reply_cursor};
use omocast_contract::limit::MAX_SEARCH_CHARS;
use omocast_contract::{Problem, ProblemCode, SavedReply, SavedReplyEdit, SavedReplyId};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::{Asked, PathId};
use crate::sessions::SignedIn;

/// One page of those that apply to the member.
pub async fn list_saved_replies(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Asked(asked): Asked<SavedReplyQuery>,
) -> AppResult<Json<SavedReplyPage>> {
    if asked.search.chars().count() > MAX_SEARCH_CHARS {
        return Err(Problem::new(ProblemCode::FilterTooLong).at("search").into());
    }
    let after = match asked.after.as_deref().map(parse_saved_reply_cursor) {
        None => None,
        Some(Some(after)) => Some(after),
        Some(None) => {
            return Err(Problem::new(ProblemCode::MalformedRequest)
                .at("after")
                .into());
        }
    };
    app.store
        .list_saved_replies(&member, &asked, after)
        .await
        .map(Json)
}

/// One that applies to the member.
pub async fn find_saved_reply(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<SavedReplyId>,
) -> AppResult<Json<SavedReply>> {
    app.store.find_saved_reply(&member, id).await.map(Json)
}

/// Makes one.
pub async fn create_saved_reply(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(edit): Json<SavedReplyEdit>,
) -> AppResult<(StatusCode, Json<SavedReply>)> {
    let made = app
        .store
        .create_saved_reply(&member, &edit, app.now())
        .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Changes one; refused when somebody else changed it meanwhile.
pub async fn update_saved_reply(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<SavedReplyId>,
    Json(edit): Json<SavedReplyEdit>,
) -> AppResult<Json<SavedReply>> {
    app.store
        .update_saved_reply(&member, id, &edit, app.now())
        .await
        .map(Json)
}

/// Deletes one.
pub async fn delete_saved_reply(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    PathId(id): PathId<SavedReplyId>,
) -> AppResult<StatusCode> {
    app.store.delete_saved_reply(&member, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
