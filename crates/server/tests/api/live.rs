//! The stream of what happens: who hears what, and when it ends.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::StreamExt as _;
use omocast_contract::api::path;
use omocast_contract::live::LiveEvent;
use omocast_contract::{BroadcastId, BroadcastStatus, EventId, MemberId, Plan, Progress, Role};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{TestApp, User};

struct Stream(axum::body::BodyDataStream);

async fn open(app: &TestApp, user: &User) -> Stream {
    let request = Request::get(path::LIVE).header(header::COOKIE, user.cookie.as_deref().unwrap());
    let response = app
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    Stream(response.into_body().into_data_stream())
}

impl Stream {
    /// The next thing told; none at the end.
    async fn next(&mut self) -> Option<LiveEvent> {
        let piece = tokio::time::timeout(Duration::from_secs(10), self.0.next())
            .await
            .expect("it is told, or ends");
        let text = String::from_utf8(piece?.unwrap().to_vec()).unwrap();
        Some(serde_json::from_str(text.strip_prefix("data: ").unwrap().trim()).unwrap())
    }
}

fn event(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

#[tokio::test]
async fn everybody_hears_what_they_may_see() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let other_team = app.team("OTHER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let other = app.user(&team, Role::SalesRep, &["A2"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let supervisor = app.user(&team, Role::Supervisor, &[]).await;
    let stranger = app.user(&other_team, Role::Admin, &[]).await;
    let mut streams = Vec::new();
    for user in [&rep, &other, &manager, &admin, &supervisor, &stranger] {
        streams.push(open(&app, user).await);
    }
    let live = &app.app.live;
    let progress = |number| LiveEvent::BroadcastProgress {
        broadcast: BroadcastId(Uuid::from_u128(number)),
        status: BroadcastStatus::Sending,
        progress: Progress::default(),
    };
    live.event_changed(team.id, event(1), &[rep.id]);
    live.event_changed(team.id, event(2), &[other.id]);
    live.event_changed(team.id, event(3), &[]);
    live.broadcast_progress(team.id, rep.id, progress(4));
    live.broadcast_progress(team.id, other.id, progress(5));
    // Everybody hears the last one, so that nothing has to be waited for in vain.
    let everybody: Vec<MemberId> = [&rep, &other, &manager].map(|user| user.id).to_vec();
    live.event_changed(team.id, event(9), &everybody);
    live.event_changed(other_team.id, event(9), &[]);

    let changed = |number| LiveEvent::EventChanged {
        event: event(number),
    };
    let expected = [
        vec![changed(1), progress(4)],
        vec![changed(2), progress(5)],
        vec![changed(1), progress(4)],
        vec![changed(1), changed(2), changed(3), progress(4), progress(5)],
        vec![changed(1), changed(2), changed(3)],
        vec![],
    ];
    for (stream, expected) in streams.iter_mut().zip(expected) {
        for told in expected.into_iter().chain([changed(9)]) {
            assert_eq!(stream.next().await, Some(told));
        }
    }
}

#[tokio::test]
async fn a_binding_is_told_to_the_seller_and_the_managers_of_the_shop() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let colleague = app.user(&team, Role::SalesRep, &["A1"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let other_manager = app.user(&team, Role::SalesManager, &["A2"]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let mut concerned = [open(&app, &rep).await, open(&app, &manager).await];
    let mut others = [
        open(&app, &colleague).await,
        open(&app, &other_manager).await,
    ];
    let customer = app.bind(&team, event, rep.id, "A1").await;
    app.app.unbind_customer(team.id, customer).await.unwrap();
    let last = EventId(Uuid::from_u128(9));
    let everybody = [&rep, &colleague, &manager, &other_manager].map(|user| user.id);
    app.app.live.event_changed(team.id, last, &everybody);
    for stream in &mut concerned {
        for told in [
            LiveEvent::BoundCustomersChanged,
            // Unbinding ended what the seller followed.
            LiveEvent::EventChanged { event },
            LiveEvent::BoundCustomersChanged,
            LiveEvent::EventChanged { event: last },
        ] {
            assert_eq!(stream.next().await, Some(told));
        }
    }
    for stream in &mut others {
        assert_eq!(
            stream.next().await,
            Some(LiveEvent::EventChanged { event: last })
        );
    }
}

#[tokio::test]
async fn many_events_at_once_are_one_notice() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let other = app.user(&team, Role::SalesRep, &[]).await;
    let mut concerned = open(&app, &rep).await;
    let mut unconcerned = open(&app, &other).await;
    app.app.live.events_changed(team.id, [rep.id].into());
    app.app.live.event_changed(team.id, event(1), &[other.id]);
    assert_eq!(concerned.next().await, Some(LiveEvent::Missed));
    assert_eq!(
        unconcerned.next().await,
        Some(LiveEvent::EventChanged { event: event(1) })
    );
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_with_the_server() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let other = app.user(&team, Role::SalesRep, &[]).await;
    let mut ended = open(&app, &rep).await;
    let mut going = open(&app, &other).await;
    rep.delete(path::SESSION).await;
    assert_eq!(ended.next().await, None);
    app.app.live.event_changed(team.id, event(1), &[other.id]);
    assert_eq!(
        going.next().await,
        Some(LiveEvent::EventChanged { event: event(1) })
    );
    app.app.live.stop();
    assert_eq!(going.next().await, None);
}

#[tokio::test]
async fn who_lags_behind_is_told_so() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let mut stream = open(&app, &rep).await;
    for number in 0..3_000 {
        app.app
            .live
            .event_changed(team.id, event(number), &[rep.id]);
    }
    assert_eq!(stream.next().await, Some(LiveEvent::Missed));
}
