//! How many customers an audience has.

use axum::extract::State;
use omocast_contract::api::CountQuery;
use omocast_contract::{Audience, AudienceCount, Problem};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::request::Asked;
use crate::sessions::SignedIn;

/// Who would get a broadcast, and who would be skipped and why.
pub async fn count_audience(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Asked(asked): Asked<CountQuery>,
    Json(audience): Json<Audience>,
) -> AppResult<Json<AudienceCount>> {
    member.role.may_broadcast(member.plan)?;
    audience
        .check()
        .map_err(|code| Problem::new(code).at("audience"))?;
    app.store
        .count_audience(&member, &audience, &asked, app.now())
        .await
        .map(Json)
}
