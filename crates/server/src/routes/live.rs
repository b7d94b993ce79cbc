//! The stream of what happens, as server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::HeaderName;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use omocast_contract::live::LiveEvent;
use omocast_contract::member::Scope;
use omocast_contract::{EventView, MemberId, ProblemCode, Timestamp};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tower_sessions::Session;

use crate::app::App;
use crate::error::AppResult;
use crate::live::Notice;
use crate::sessions::{self, SignedIn};
use crate::store::Member;

/// Proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long role and shops of a listener are believed, in milliseconds.
const BELIEVED: i64 = 30_000;

/// What happens, as far as the member may see it, until they sign out or the server stops.
pub async fn listen(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    session: Session,
) -> AppResult<impl IntoResponse> {
    let session = session
        .id()
        .map(sessions::key)
        .ok_or(ProblemCode::SignedOut)?;
    let notices = app.live.subscribe();
    let since = app.now();
    let listener = Listener {
        app,
        member,
        session,
        notices,
        since,
        colleagues: HashMap::new(),
    };
    let events = Sse::new(events(listener)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Proxies that buffer would hold back what happens until they have enough of it.
    Ok((
        [(HeaderName::from_static("x-accel-buffering"), "no")],
        events,
    ))
}

fn events(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    stream::unfold(listener, |mut listener| async move {
        let told = listener.next().await?;
        let json = serde_json::to_string(&told).expect("what is told is JSON");
        Some((Ok(Event::default().data(json)), listener))
    })
}

struct Listener {
    app: App,
    member: Member,
    session: String,
    notices: Receiver<Arc<Notice>>,
    /// When `member` was looked up.
    since: Timestamp,
    /// Whether another member works in a shop of this one.
    colleagues: HashMap<MemberId, bool>,
}

impl Listener {
    /// The next thing to tell; none when the stream is over.
    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            let notice = match self.notices.recv().await {
                Ok(notice) => notice,
                Err(RecvError::Lagged(_)) => return Some(LiveEvent::Missed),
                Err(RecvError::Closed) => return None,
            };
            match &*notice {
                Notice::Stopping => return None,
                Notice::SignedOut { session } if *session == self.session => return None,
                Notice::SignedOut { .. } => {}
                Notice::Everything => {
                    if self.is_fresh().await? {
                        return Some(LiveEvent::Missed);
                    }
                }
                Notice::Event {
                    team,
                    event,
                    owners,
                } => {
                    if *team == self.member.team_id
                        && self.is_fresh().await?
                        && self.hears_of_event(owners).await
                    {
                        return Some(LiveEvent::EventChanged { event: *event });
                    }
                }
                Notice::Events { team, owners } => {
                    if *team == self.member.team_id
                        && self.is_fresh().await?
                        && self.hears_of_event(owners).await
                    {
                        return Some(LiveEvent::Missed);
                    }
                }
                Notice::BoundCustomers { team, lists } => {
                    if *team == self.member.team_id
                        && self.is_fresh().await?
                        && lists.iter().any(|&list| self.member.finds_bound(list))
                    {
                        return Some(LiveEvent::BoundCustomersChanged);
                    }
                }
                Notice::Broadcast {
                    team,
                    sender,
                    progress,
                } => {
                    if *team == self.member.team_id
                        && self.is_fresh().await?
                        && self.hears_of_broadcast(*sender).await
                    {
                        return Some(progress.clone());
                    }
                }
            }
        }
    }

    /// Looks the member up again now and then; none when the session is over.
    async fn is_fresh(&mut self) -> Option<bool> {
        let now = self.app.now();
        if now.since(self.since) < BELIEVED {
            return Some(true);
        }
        self.app
            .store
            .find_session(&self.session, now)
            .await
            .ok()??;
        self.member = self.app.store.find_member(self.member.id).await.ok()??;
        self.since = now;
        self.colleagues.clear();
        Some(true)
    }

    async fn hears_of_event(&mut self, owners: impl IntoIterator<Item = &MemberId>) -> bool {
        let role = self.member.role;
        // Who sees 待處理 must hear when an event leaves it, too.
        if role.sees(EventView::Pending) {
            return true;
        }
        for &owner in owners {
            if self.is_within(role.events_seen(), owner).await {
                return true;
            }
        }
        false
    }

    async fn hears_of_broadcast(&mut self, sender: MemberId) -> bool {
        self.is_within(self.member.role.broadcasts_seen(), sender)
            .await
    }

    async fn is_within(&mut self, scope: Scope, other: MemberId) -> bool {
        let is_me = other == self.member.id;
        match scope {
            Scope::Team => true,
            Scope::Own => is_me,
            Scope::None => false,
            Scope::Shops if is_me => true,
            Scope::Shops => {
                if let Some(&known) = self.colleagues.get(&other) {
                    return known;
                }
                let found = self
                    .app
                    .store
                    .share_shop(self.member.id, other)
                    .await
                    .unwrap_or(false);
                self.colleagues.insert(other, found);
                found
            }
        }
    }
}
