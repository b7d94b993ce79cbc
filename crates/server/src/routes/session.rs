//! Signing in and out.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use omocast_contract::ProblemCode;
use omocast_contract::api::{Me, SignIn};
use tower_sessions::Session;

use crate::app::App;
use crate::error::{AppError, AppResult, Json};
use crate::password;
use crate::request::ClientAddress;
use crate::sessions::{self, SignedIn};
use crate::store::Member;

/// No honest password is longer; hashing one takes time.
const LONGEST_PASSWORD: usize = 1_024;

/// Signs in. A wrong e-mail and a wrong password are told alike and take as long.
pub async fn create_session(
    State(app): State<App>,
    session: Session,
    ClientAddress(address): ClientAddress,
    Json(asked): Json<SignIn>,
) -> AppResult<Response> {
    let email = asked.email.trim().to_lowercase();
    if asked.password.len() > LONGEST_PASSWORD || email.len() > LONGEST_PASSWORD {
        return Err(ProblemCode::WrongCredentials.into());
    }
    let who = [format!("email {email}"), format!("address {address}")];
    if let Err(seconds) = app.attempts.begin(&who, app.now()) {
        let mut response = AppError::from(ProblemCode::TooManyAttempts).into_response();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let found = app.store.find_password(&email).await?;
    let (member, hash) = found.unzip();
    let is_right = password::verify(asked.password, hash).await?;
    let (true, Some(member)) = (is_right, member) else {
        return Err(ProblemCode::WrongCredentials.into());
    };
    app.attempts.succeed(&who);
    sessions::begin(&session, member, app.now()).await?;
    let member = app
        .store
        .find_member(member)
        .await?
        .ok_or(AppError::NotFound)?;
    Ok(Json(me(member)).into_response())
}

/// Tells who is signed in.
pub async fn find_session(SignedIn(member): SignedIn) -> Json<Me> {
    Json(me(member))
}

/// Signs out, and ends the session's stream. Fine for who is not signed in.
pub async fn delete_session(State(app): State<App>, session: Session) -> AppResult<StatusCode> {
    if let Some(name) = sessions::end(&session).await? {
        app.live.signed_out(name);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn me(member: Member) -> Me {
    let Member {
        id,
        name,
        email,
        role,
        team,
        plan,
        time_zone,
        shops,
        official_domains,
        ..
    } = member;
    Me {
        id,
        name,
        email,
        role,
        team,
        plan,
        time_zone,
        shops,
        official_domains,
    }
}
