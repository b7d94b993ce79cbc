//! Who is signed in. The only place that reacts to a 401.

use leptos::prelude::*;
use omocast_contract::api::Me;
use omocast_contract::{EventView, ProblemCode};
use wasm_bindgen_futures::spawn_local;

use crate::api::{Api, ApiError};
use crate::i18n;

/// What is known of the sign-in.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionState {
    /// Being asked.
    Unknown,
    SignedOut,
    SignedIn(Me),
    /// The server could not be asked.
    Failed(ApiError),
}

/// The context of who is signed in.
#[derive(Clone, Copy)]
pub struct Session {
    state: RwSignal<SessionState>,
    api: StoredValue<Api>,
}

/// Provides the session and asks the server who is signed in.
pub fn provide_session(api: &Api) -> Session {
    let session = Session {
        state: RwSignal::new(SessionState::Unknown),
        api: StoredValue::new(api.clone()),
    };
    let signed_out = api.signed_out();
    // An effect, because the 401 may come of any request of any page.
    Effect::new(move |is_later: Option<()>| {
        signed_out.track();
        if is_later.is_some() {
            session.set(SessionState::SignedOut);
        }
    });
    provide_context(session);
    session.ask();
    session
}

pub fn use_session() -> Session {
    expect_context()
}

/// The member, on a page that is only shown to one. Not reactive: another member means another page.
pub fn use_me() -> Option<Me> {
    use_context::<Session>().and_then(|session| untrack(|| session.me()))
}

impl Session {
    pub fn state(&self) -> SessionState {
        self.state.get()
    }

    /// Who is signed in.
    pub fn me(&self) -> Option<Me> {
        self.state.with(|state| match state {
            SessionState::SignedIn(me) => Some(me.clone()),
            SessionState::Unknown | SessionState::SignedOut | SessionState::Failed(_) => None,
        })
    }

    /// Whether the member may broadcast, or why not.
    pub fn may_broadcast(&self) -> Result<(), ProblemCode> {
        match self.me() {
            Some(me) => me.role.may_broadcast(me.plan),
            None => Err(ProblemCode::SignedOut),
        }
    }

    /// Whether the member sees a list of events.
    pub fn sees(&self, view: EventView) -> bool {
        self.me().is_some_and(|me| me.role.sees(view))
    }

    /// Asks the server who is signed in, at the start and after a failure.
    pub fn ask(&self) {
        let (session, api) = (*self, self.api.get_value());
        session.set(SessionState::Unknown);
        spawn_local(async move {
            session.set(match api.find_session().await {
                Ok(me) => SessionState::SignedIn(me),
                Err(ApiError::SignedOut) => SessionState::SignedOut,
                Err(error) => SessionState::Failed(error),
            });
        });
    }

    /// Takes over who has just signed in.
    pub fn signed_in(&self, me: Me) {
        self.set(SessionState::SignedIn(me));
    }

    pub async fn sign_out(&self) -> Result<(), ApiError> {
        self.api.get_value().sign_out().await?;
        self.set(SessionState::SignedOut);
        Ok(())
    }

    fn set(&self, state: SessionState) {
        if let SessionState::SignedIn(me) = &state {
            i18n::set_time_zone(Some(me.time_zone.clone()));
        }
        self.state.try_set(state);
    }
}
