//! The lists of bound customers (綁定顧客).

use axum::extract::State;
use omocast_contract::api::{BoundCustomerPage, BoundCustomerQuery};
use omocast_contract::{Problem, ProblemCode};

use crate::app::App;
use crate::error::{AppResult, Json};
use crate::sessions::SignedIn;

const MOST_ROWS: u32 = 200;

/// One page of 我的名單 or 團隊名單.
pub async fn list_bound_customers(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Json(asked): Json<BoundCustomerQuery>,
) -> AppResult<Json<BoundCustomerPage>> {
    if !member.role.sees_bound(asked.view) {
        return Err(Problem::new(ProblemCode::RoleMayNotSee).at("view").into());
    }
    // Whoever sees a list may broadcast, but for the plan, which binding needs as well.
    member.role.may_broadcast(member.plan)?;
    asked
        .filter
        .check()
        .map_err(|code| Problem::new(code).at("filter"))?;
    if !(1..=MOST_ROWS).contains(&asked.limit) {
        return Err(Problem::new(ProblemCode::MalformedRequest)
            .at("limit")
            .into());
    }
    app.store
        .list_bound_customers(&member, &asked)
        .await
        .map(Json)
}
