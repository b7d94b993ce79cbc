//! 1:1 replies. Nobody answers for the platforms here, so what is handed over is refused.

use axum::http::StatusCode;
use omocast_contract::api::{IDEMPOTENCY_KEY, Thread, path};
use omocast_contract::message::{MessageContent, MessageOrigin};
use omocast_contract::timestamp::DAY;
use omocast_contract::{Channel, DeliveryStatus, EventStatus, MediaId, OutgoingMessage, Plan, ProblemCode, Role};
use uuid::Uuid;

use crate::support::{TestApp, text};

#[tokio::test]
async fn a_reply_that_the_platform_did_not_take_is_not_lost() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let messages = path::event_messages(event);
    let key = [(IDEMPOTENCY_KEY, "press-0001")];
    for _ in 0..2 {
        // The same key tries the same message again.
        rep.post_with(&messages, &key, &text("hello\nthere")).await.refused(ProblemCode::PlatformRefused, None);
    }
    let thread: Thread = rep.get(&path::event(event)).await.json();
    assert_eq!(thread.messages.len(), 1);
    assert_eq!(thread.messages[0].content, MessageContent::Text { text: "hello\nthere".to_owned() });
    let MessageOrigin::Outbound { status, reason, broadcast, .. } = &thread.messages[0].origin else { panic!("{thread:?}") };
    assert_eq!((*status, *broadcast), (DeliveryStatus::Failed, None));
    assert!(reason.is_some());
    assert_eq!(thread.event.last_text, "hello", "what was not sent is not the last message");
    // Without a key, or with another, it is another message.
    rep.post(&messages, &text("hello")).await.refused(ProblemCode::PlatformRefused, None);
    assert_eq!(app.count("message").await, 2);
    rep.post_with(&messages, &[(IDEMPOTENCY_KEY, "x")], &text("a")).await.refused(ProblemCode::IdempotencyKeyMissing, Some(IDEMPOTENCY_KEY));
}

#[tokio::test]
async fn a_repeat_of_a_sent_reply_sends_nothing() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let key = [(IDEMPOTENCY_KEY, "press-0001")];
    let messages = path::event_messages(event);
    rep.post_with(&messages, &key, &text("hello")).await.refused(ProblemCode::PlatformRefused, None);
    sqlx::query("update message set status = 'sent', reason = null").execute(app.app.store.raw()).await.unwrap();
    let answer = rep.post_with(&messages, &key, &text("hello")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn what_may_not_be_written_is_refused_and_leaves_no_message() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let agent = app.user(&team, Role::SupportAgent, &[]).await;
    let now = app.now();
    let mine = app.event(&team, Some(rep.id), |_| ()).await;
    let ended = app.event(&team, Some(rep.id), |event| event.status = EventStatus::Ended).await;
    let blocked = app.event(&team, Some(rep.id), |event| event.is_blocked = true).await;
    let closed = app
        .event(&team, Some(rep.id), |event| (event.channel, event.last_inbound_at) = (Channel::Whatsapp, Some(now.plus(-DAY))))
        .await;
    let pending = app.event(&team, None, |_| ()).await;
    let hello = text("hello");
    let image = |media| OutgoingMessage::Image { media };
    let none = MediaId(Uuid::from_u128(9));
    let cases = [
        (&rep, ended, &hello, ProblemCode::EventEnded, None),
        (&rep, blocked, &hello, ProblemCode::CustomerBlocked, None),
        (&rep, closed, &hello, ProblemCode::WindowClosed, None),
        (&rep, pending, &hello, ProblemCode::NotFound, None),
        (&agent, pending, &hello, ProblemCode::EventNotFollowed, None),
        (&manager, mine, &hello, ProblemCode::EventNotYours, None),
        (&rep, mine, &text(" "), ProblemCode::TextEmpty, Some("text")),
        (&rep, mine, &text(&"x".repeat(5_001)), ProblemCode::TextTooLong, Some("text")),
        (&rep, mine, &image(none), ProblemCode::MediaNotFound, Some("media")),
    ];
    for (user, event, content, code, field) in cases {
        user.post(&path::event_messages(event), content).await.refused(code, field);
    }
    assert_eq!(app.count("message").await, 0);
}
