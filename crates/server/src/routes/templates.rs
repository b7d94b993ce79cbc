//! WhatsApp templates (訊息範本).

use axum::extract::State;
use omocast_contract::api::{
    TemplatePage, TemplateQuery, TemplateSync, TemplateSyncRequest, parse_template_cursor,
};
use omocast_contract::limit::MAX_SEARCH_CHARS;
use omocast_contract::{Problem, ProblemCode};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::Asked;
use crate::sessions::SignedIn;
use crate::templates;

/// One page of those that may be sent and that apply to the member.
pub async fn list_templates(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Asked(asked): Asked<TemplateQuery>,
) -> AppResult<Json<TemplatePage>> {
    member.role.may_broadcast(member.plan)?;
    if asked.search.chars().count() > MAX_SEARCH_CHARS {
        return Err(Problem::new(ProblemCode::FilterTooLong).at("search").into());
    }
    let after = match asked.after.as_deref().map(parse_template_cursor) {
        None => None,
        Some(Some(after)) => Some(after),
        Some(None) => {
            return Err(Problem::new(ProblemCode::MalformedRequest)
                .at("after")
                .into());
        }
    };
    app.store
        .list_templates(&member, &asked, after)
        .await
        .map(Json)
}

/// Reads them from Meta now, and tells what was found or why it could not be.
pub async fn sync_templates(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(asked): Json<TemplateSyncRequest>,
) -> AppResult<Json<TemplateSync>> {
    member.role.may_broadcast(member.plan)?;
    // In a task of its own: a browser that hangs up must not leave the list half read.
    let reading =
        tokio::spawn(
            async move { templates::sync_templates(&app, member.team_id, &asked.waba).await },
        );
    reading.await.map_err(anyhow::Error::from)?.map(Json)
}
