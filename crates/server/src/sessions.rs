//! Sessions of the browser in our own database, and who is signed in.

use std::future::Future;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{MemberId, ProblemCode, Timestamp};
use sha2::{Digest as _, Sha256};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore, session_store};

use crate::app::{App, Clock};
use crate::error::{AppError, AppResult};
use crate::store::{Member, Store};

pub const COOKIE: &str = "omocast_session";
const MEMBER: &str = "member";
const SEEN: &str = "seen";

/// A session's end moves on with use, but is not written more often than this.
const TOUCH_EVERY: i64 = HOUR;

/// The layer that finds and keeps the session of a request.
pub fn layer(app: &App) -> SessionManagerLayer<Sessions> {
    let days = i64::from(app.config.session_days);
    let sessions = Sessions {
        store: app.store.clone(),
        clock: app.clock.clone(),
        life: days * DAY,
    };
    SessionManagerLayer::new(sessions)
        .with_name(COOKIE)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(app.config.is_https())
        .with_expiry(Expiry::OnInactivity(Duration::days(days)))
}

/// Sessions in the store. Ids are hashed, so that a copy of the database signs nobody in.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    clock: Clock,
    life: i64,
}

impl Sessions {
    fn end(&self) -> Timestamp {
        self.clock.now().plus(self.life)
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        loop {
            let data = encode(record)?;
            if self
                .store
                .create_session(&key(record.id), &data, self.end())
                .await
                .map_err(backend)?
            {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.store
            .update_session(&key(record.id), &encode(record)?, self.end())
            .await
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self
            .store
            .find_session(&key(*id), self.clock.now())
            .await
            .map_err(backend)?;
        let Some((data, end)) = found else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data)
            .map_err(|error| session_store::Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(end.0.div_euclid(1_000))
            .map_err(|error| session_store::Error::Decode(error.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store.delete_session(&key(*id)).await.map_err(backend)
    }
}

fn encode(record: &Record) -> session_store::Result<String> {
    serde_json::to_string(&record.data)
        .map_err(|error| session_store::Error::Encode(error.to_string()))
}

fn backend(error: impl std::error::Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

/// What the store calls a session.
pub fn key(id: Id) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(id.to_string()))
}

/// Signs a member in: under a new id, so that one planted before is worth nothing.
pub async fn begin(session: &Session, member: MemberId, now: Timestamp) -> AppResult<()> {
    session.clear().await;
    session.cycle_id().await.map_err(internal)?;
    session.insert(MEMBER, member).await.map_err(internal)?;
    session.insert(SEEN, now.0).await.map_err(internal)
}

/// Signs out; gives the store's name of the session that ended.
pub async fn end(session: &Session) -> AppResult<Option<String>> {
    let name = session.id().map(key);
    session.flush().await.map_err(internal)?;
    Ok(name)
}

fn internal(error: tower_sessions::session::Error) -> AppError {
    AppError::Internal(error.into())
}

/// The member who is signed in, with role, plan and shops as they are now.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Member);

impl FromRequestParts<App> for SignedIn {
    type Rejection = AppError;

    fn from_request_parts(
        parts: &mut Parts,
        app: &App,
    ) -> impl Future<Output = Result<Self, Self::Rejection>> + Send {
        let session = parts.extensions.get::<Session>().cloned();
        let app = app.clone();
        async move {
            let session =
                session.ok_or_else(|| anyhow::anyhow!("the route has no session layer"))?;
            let Some(id) = session.get::<MemberId>(MEMBER).await.map_err(internal)? else {
                return Err(ProblemCode::SignedOut.into());
            };
            let Some(member) = app.store.find_member(id).await? else {
                return Err(ProblemCode::SignedOut.into());
            };
            let now = app.now();
            let seen = session
                .get::<i64>(SEEN)
                .await
                .map_err(internal)?
                .unwrap_or_default();
            if now.since(Timestamp(seen)) >= TOUCH_EVERY {
                session.insert(SEEN, now.0).await.map_err(internal)?;
            }
            Ok(Self(member))
        }
    }
}
