//! 1:1 replies. Nobody answers for the platforms, but for a LINE that takes everything where a test says so.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use futures::future::join_all;
use omocast_contract::api::{IDEMPOTENCY_KEY, Thread, path};
use omocast_contract::message::{Message, MessageContent, MessageOrigin};
use omocast_contract::timestamp::DAY;
use omocast_contract::{
    Channel, DeliveryStatus, EventStatus, MediaId, Medium, OutgoingMessage, Plan, ProblemCode,
    Reason, Role,
};
use omocast_server::store::Store;
use uuid::Uuid;

use crate::line::{Line, serve};
use crate::support::{TestApp, message_of, text};

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
        rep.post_with(&messages, &key, &text("hello\nthere"))
            .await
            .refused(ProblemCode::PlatformRefused, None);
    }
    let thread: Thread = rep.get(&path::event(event)).await.json();
    assert_eq!(thread.messages.len(), 1);
    assert_eq!(
        thread.messages[0].content,
        MessageContent::Text {
            text: "hello\nthere".to_owned()
        }
    );
    let MessageOrigin::Outbound {
        status,
        reason,
        broadcast,
        ..
    } = &thread.messages[0].origin
    else {
        panic!("{thread:?}")
    };
    assert_eq!((*status, *broadcast), (DeliveryStatus::Failed, None));
    assert!(reason.is_some());
    assert_eq!(
        thread.event.last_text, "hello",
        "what was not sent is not the last message"
    );
    // Without a key, or with another, it is another message.
    rep.post(&messages, &text("hello"))
        .await
        .refused(ProblemCode::PlatformRefused, None);
    assert_eq!(app.count("message").await, 2);
    rep.post_with(&messages, &[(IDEMPOTENCY_KEY, "x")], &text("a"))
        .await
        .refused(ProblemCode::IdempotencyKeyMissing, Some(IDEMPOTENCY_KEY));
}

#[tokio::test]
async fn a_repeat_of_a_sent_reply_sends_nothing() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let key = [(IDEMPOTENCY_KEY, "press-0001")];
    let messages = path::event_messages(event);
    rep.post_with(&messages, &key, &text("hello"))
        .await
        .refused(ProblemCode::PlatformRefused, None);
    sqlx::query("update message set status = 'sent', reason = null")
        .execute(app.app.store.raw())
        .await
        .unwrap();
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
    let ended = app
        .event(&team, Some(rep.id), |event| {
            event.status = EventStatus::Ended
        })
        .await;
    let blocked = app
        .event(&team, Some(rep.id), |event| event.is_blocked = true)
        .await;
    let closed = app
        .event(&team, Some(rep.id), |event| {
            (event.channel, event.last_inbound_at) = (Channel::Whatsapp, Some(now.plus(-DAY)))
        })
        .await;
    let pending = app.event(&team, None, |_| ()).await;
    let hello = text("hello");
    let image = |media| OutgoingMessage::Image {
        media,
        caption: None,
    };
    let none = MediaId(Uuid::from_u128(9));
    let cases = [
        (&rep, ended, &hello, ProblemCode::EventEnded, None),
        (&rep, blocked, &hello, ProblemCode::CustomerBlocked, None),
        (&rep, closed, &hello, ProblemCode::WindowClosed, None),
        (&rep, pending, &hello, ProblemCode::NotFound, None),
        (&agent, pending, &hello, ProblemCode::EventNotFollowed, None),
        (&manager, mine, &hello, ProblemCode::EventNotYours, None),
        (&rep, mine, &text(" "), ProblemCode::TextEmpty, Some("text")),
        (
            &rep,
            mine,
            &text(&"x".repeat(5_001)),
            ProblemCode::TextTooLong,
            Some("text"),
        ),
        (
            &rep,
            mine,
            &image(none),
            ProblemCode::MediaNotFound,
            Some("media"),
        ),
    ];
    for (user, event, content, code, field) in cases {
        user.post(&path::event_messages(event), content)
            .await
            .refused(code, field);
    }
    assert_eq!(app.count("message").await, 0);
}

#[tokio::test]
async fn a_reply_that_may_have_arrived_is_not_called_failed() {
    let push = post(async || StatusCode::INTERNAL_SERVER_ERROR);
    let address = serve(Router::new().route("/v2/bot/message/push", push)).await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = address);
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let answer = rep.post(&path::event_messages(event), &text("hello")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let sent: Message = answer.json();
    let MessageOrigin::Outbound { status, reason, .. } = &sent.origin else {
        panic!("{sent:?}")
    };
    assert_eq!(
        (*status, *reason),
        (DeliveryStatus::Unknown, Some(Reason::NoAnswer))
    );
}

#[tokio::test]
async fn a_reply_pressed_twice_is_sent_once() {
    let line = Line::start().await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = line.address.clone());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app
        .event(&team, Some(rep.id), |event| event.unread = 2)
        .await;
    let messages = path::event_messages(event);
    let key = [(IDEMPOTENCY_KEY, "press-0001")];
    let content = text("hello\nthere");
    let answers = join_all((0..4).map(|_| rep.post_with(&messages, &key, &content))).await;
    let created: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .collect();
    assert_eq!(created.len(), 1);
    let sent: Message = created[0].json();
    assert!(
        answers
            .iter()
            .all(|answer| answer.json::<Message>().id == sent.id)
    );
    let MessageOrigin::Outbound { status, reason, .. } = &sent.origin else {
        panic!("{sent:?}")
    };
    assert_eq!((*status, *reason), (DeliveryStatus::Sent, None));
    assert_eq!(line.pushes().len(), 1);
    let thread: Thread = rep.get(&path::event(event)).await.json();
    assert_eq!(thread.messages, [sent]);
    assert_eq!(
        (
            thread.event.last_text.as_str(),
            thread.event.last_message_at
        ),
        ("hello there", app.now())
    );
    rep.post_with(&messages, &key, &text("something else"))
        .await
        .refused(ProblemCode::IdempotencyKeyReused, None);

    let image = rep.image(5_000).await.id;
    let answer = rep
        .post(
            &messages,
            &OutgoingMessage::Image {
                media: image,
                caption: None,
            },
        )
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let push = line.pushes()[1].clone();
    let url = push["messages"][0]["originalContentUrl"].as_str().unwrap();
    let file = app
        .nobody()
        .get(url.strip_prefix("http://omocast.test").unwrap())
        .await;
    assert_eq!((file.status, file.body.len()), (StatusCode::OK, 5_000));
}

#[tokio::test]
async fn a_reply_calls_the_customer_by_name_and_needs_one() {
    let line = Line::start().await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = line.address.clone());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let named = app.event(&team, Some(rep.id), |_| ()).await;
    let nameless = app
        .event(&team, Some(rep.id), |event| event.name = String::new())
        .await;
    let greeting = text("{{customer_name}}您好");
    let sent: Message = rep
        .post(&path::event_messages(named), &greeting)
        .await
        .json();
    let expected = MessageContent::Text {
        text: "陳怡君您好".to_owned(),
    };
    assert_eq!(sent.content, expected);
    assert_eq!(line.pushes()[0]["messages"][0]["text"], "陳怡君您好");
    rep.post(&path::event_messages(nameless), &greeting)
        .await
        .refused(ProblemCode::NameFallbackMissing, Some("text"));
}

#[tokio::test]
async fn a_reply_holds_every_medium_that_the_channel_takes() {
    let line = Line::start().await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = line.address.clone());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let messages = path::event_messages(event);
    let video = rep.video(5_000).await;
    let sent: Message = rep.post(&messages, &message_of(&video)).await.json();
    let expected = MessageContent::Video {
        media: Some(video.id),
        caption: None,
    };
    assert_eq!(sent.content, expected);
    let push = &line.pushes()[0]["messages"][0];
    for (field, bytes) in [("originalContentUrl", 5_000), ("previewImageUrl", 100)] {
        let url = push[field].as_str().unwrap();
        let path = url.strip_prefix("http://omocast.test").unwrap();
        assert_eq!(app.nobody().get(path).await.body.len(), bytes, "{field}");
    }
    let thread: Thread = rep.get(&path::event(event)).await.json();
    assert_eq!(thread.event.last_medium, Medium::Video);

    let file = rep.file("a.pdf", b"%PDF-1.7").await;
    rep.post(&messages, &message_of(&file))
        .await
        .refused(ProblemCode::MediumNotSupported, Some("media"));
    let captioned = OutgoingMessage::Video {
        media: video.id,
        caption: Some("好".to_owned()),
    };
    rep.post(&messages, &captioned)
        .await
        .refused(ProblemCode::CaptionNotSupported, Some("caption"));
}

#[tokio::test]
async fn a_reply_whose_process_died_is_of_unknown_outcome() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    rep.post(&path::event_messages(event), &text("hello")).await;
    sqlx::query("update message set status = 'sending'")
        .execute(app.app.store.raw())
        .await
        .unwrap();
    let store = &app.app.store;
    assert_eq!(store.settle_abandoned_replies(app.now()).await.unwrap(), 0);
    assert_eq!(
        store
            .settle_abandoned_replies(app.now().plus(1))
            .await
            .unwrap(),
        1
    );
}
