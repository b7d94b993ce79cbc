//! Sending to oneself: binding one's own customer by a code, and what they get.

use axum::http::StatusCode;
use omocast_contract::api::{Thread, path};
use omocast_contract::message::MessageContent;
use omocast_contract::test_send::{
    TestCode, TestCustomers, TestOutcome, TestResult, TestRow, TestSend,
};
use omocast_contract::timestamp::DAY;
use omocast_contract::{
    Channel, EventId, OutgoingMessage, Plan, ProblemCode, Reason, Role, Surface,
};
use omocast_server::store::Store;
use omocast_server::store::inbound::{
    Change, Contact, Fetched, InboundContent, InboundMessage, Inbox,
};
use omocast_server::store::known_as::KnownAs;
use uuid::Uuid;

use crate::line::Line;
use crate::support::{Team, TestApp, User, message_of, text};

/// A customer writes to an account of the team.
async fn receive(app: &TestApp, team: &Team, channel: Channel, customer: &str, words: &str) {
    let message = InboundMessage {
        customer: Contact {
            known_as: KnownAs::by(customer),
            name: "林佩珊".to_owned(),
            phone: None,
        },
        external_id: Uuid::now_v7().to_string(),
        at: app.now(),
        content: InboundContent::Text(words.to_owned()),
    };
    let inbox = Inbox {
        account: team.account(channel),
        team: team.id,
        channel,
        changes: vec![Change::Message(message)],
    };
    app.app
        .store
        .process_webhooks(&[Uuid::now_v7()], &[inbox], &Fetched::default(), app.now())
        .await
        .unwrap();
}

async fn code(user: &User) -> TestCode {
    let answer = user.post(path::TEST_CODE, &()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

async fn bound(user: &User) -> Vec<Channel> {
    let customers: TestCustomers = user.get(path::TEST_CUSTOMERS).await.json();
    customers.rows.into_iter().map(|row| row.channel).collect()
}

async fn event_of(app: &TestApp, channel: Channel) -> EventId {
    let id: String = sqlx::query_scalar(
        "select e.id from event e join test_customer t on t.customer_id = e.customer_id where t.channel = $1",
    )
    .bind(channel.as_str())
    .fetch_one(app.app.store.raw())
    .await
    .unwrap();
    id.parse().unwrap()
}

fn test_of(messages: Vec<OutgoingMessage>, channels: &[Channel]) -> TestSend {
    TestSend {
        messages,
        name_fallback: Some("貴賓".to_owned()),
        surface: Surface::Web,
        channels: channels.to_vec(),
    }
}

#[tokio::test]
async fn who_writes_the_code_becomes_the_members_test_customer() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let other = app.team("OTHER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let TestCode { text, expires_at } = code(&rep).await;
    assert_eq!(expires_at, app.now().plus(15 * 60_000));
    receive(&app, &team, Channel::Line, "U1", &format!("{text} 謝謝")).await;
    receive(&app, &team, Channel::Web, "V1", &text).await;
    receive(&app, &other, Channel::Line, "U2", &text).await;
    assert_eq!(bound(&rep).await, []);

    receive(&app, &team, Channel::Whatsapp, "886912", &text).await;
    receive(&app, &team, Channel::Line, "U1", &text.to_lowercase()).await;
    assert_eq!(bound(&rep).await, [Channel::Line, Channel::Whatsapp]);
    let colleague = app.user(&team, Role::SalesRep, &[]).await;
    assert_eq!(bound(&colleague).await, []);

    // A new code takes the old one's place, and each ends.
    let newer = code(&rep).await.text;
    receive(&app, &team, Channel::Facebook, "F1", &text).await;
    app.advance(15 * 60_000);
    receive(&app, &team, Channel::Instagram, "I1", &newer).await;
    assert_eq!(bound(&rep).await, [Channel::Line, Channel::Whatsapp]);

    let line = path::test_customer(Channel::Line);
    assert_eq!(rep.delete(&line).await.status, StatusCode::NO_CONTENT);
    rep.delete(&line).await.refused(ProblemCode::NotFound, None);
    rep.delete("/api/test-customers/sms")
        .await
        .refused(ProblemCode::NotFound, None);
    assert_eq!(bound(&rep).await, [Channel::Whatsapp]);
}

#[tokio::test]
async fn a_test_arrives_as_a_broadcast_would_and_tells_what_became_of_it() {
    let line = Line::start().await;
    let store = Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.endpoints.line = line.address.clone());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let code = code(&rep).await.text;
    receive(&app, &team, Channel::Whatsapp, "886912", &code).await;
    app.advance(DAY - 1);
    let code = self::code(&rep).await.text;
    receive(&app, &team, Channel::Line, "U1", &code).await;
    app.advance(1);

    let video = rep.video(5_000).await;
    let messages = vec![text("{{customer_name}}您好"), message_of(&video)];
    let channels = [Channel::Facebook, Channel::Whatsapp, Channel::Line];
    let result: TestResult = rep
        .post(path::BROADCAST_TEST, &test_of(messages, &channels))
        .await
        .json();
    let row = |channel, name: &str, outcome| TestRow {
        channel,
        customer_name: name.to_owned(),
        outcome,
    };
    let closed = TestOutcome::Failed {
        reason: Reason::WindowClosed,
    };
    assert_eq!(
        result.rows,
        [
            row(Channel::Line, "林佩珊", TestOutcome::Sent),
            row(Channel::Facebook, "", TestOutcome::NoTestCustomer),
            row(Channel::Whatsapp, "林佩珊", closed),
        ]
    );
    let pushes = line.pushes();
    assert_eq!(pushes.len(), 1, "one push, as a broadcast is");
    assert_eq!(
        (&pushes[0]["to"], &pushes[0]["messages"][0]["text"]),
        (&"U1".into(), &"林佩珊您好".into())
    );
    assert_eq!(pushes[0]["messages"][1]["type"], "video");
    // It is in the thread of that customer, whoever follows it.
    let admin = app.user(&team, Role::Admin, &[]).await;
    let event = event_of(&app, Channel::Line).await;
    let thread: Thread = admin.get(&path::event(event)).await.json();
    let contents: Vec<_> = thread
        .messages
        .into_iter()
        .map(|message| message.content)
        .collect();
    let words = |text: &str| MessageContent::Text {
        text: text.to_owned(),
    };
    assert_eq!(
        contents,
        [
            words(&code),
            words("林佩珊您好"),
            MessageContent::Video {
                media: Some(video.id),
                caption: None
            }
        ]
    );
}

#[tokio::test]
async fn a_test_that_the_platform_refuses_says_why_and_the_rest_is_not_tried() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let code = code(&rep).await.text;
    // Nobody answers for WhatsApp in this test, so its connection is refused.
    receive(&app, &team, Channel::Whatsapp, "886912", &code).await;
    let asked = test_of(vec![text("一"), text("二")], &[Channel::Whatsapp]);
    let result: TestResult = rep.post(path::BROADCAST_TEST, &asked).await.json();
    let TestOutcome::Failed { reason } = result.rows[0].outcome else {
        panic!("{result:?}")
    };
    assert_eq!(reason, Reason::PlatformFault);
    let statuses: Vec<String> =
        sqlx::query_scalar("select status from message where direction = 'outbound' order by id")
            .fetch_all(app.app.store.raw())
            .await
            .unwrap();
    assert_eq!(statuses, ["failed", "skipped"]);
}

#[tokio::test]
async fn a_test_is_checked_as_a_broadcast_is() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let video = rep.video(5_000).await;
    let named = TestSend {
        name_fallback: None,
        ..test_of(vec![text("{{customer_name}}")], &[Channel::Line])
    };
    let cases = [
        (
            test_of(
                vec![message_of(&video)],
                &[Channel::Line, Channel::Instagram],
            ),
            ProblemCode::MediumNotSupported,
            "messages[0]",
        ),
        (
            test_of(vec![], &[Channel::Line]),
            ProblemCode::NoMessages,
            "messages",
        ),
        (
            test_of(vec![text("好")], &[]),
            ProblemCode::MalformedRequest,
            "channels",
        ),
        (
            test_of(vec![text("好")], &[Channel::Web]),
            ProblemCode::MediumNotSupported,
            "messages[0]",
        ),
        (named, ProblemCode::NameFallbackMissing, "name_fallback"),
    ];
    for (asked, code, field) in cases {
        rep.post(path::BROADCAST_TEST, &asked)
            .await
            .refused(code, Some(field));
    }
    let admin = app.user(&team, Role::Admin, &[]).await;
    let fine = test_of(vec![text("好")], &[Channel::Line]);
    for answer in [
        admin.post(path::BROADCAST_TEST, &fine).await,
        admin.post(path::TEST_CODE, &()).await,
        admin.get(path::TEST_CUSTOMERS).await,
        admin.delete(&path::test_customer(Channel::Line)).await,
    ] {
        answer.refused(ProblemCode::RoleMayNotBroadcast, None);
    }
}

#[tokio::test]
async fn ten_tests_a_minute_are_enough() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let colleague = app.user(&team, Role::SalesRep, &[]).await;
    let asked = test_of(vec![text("好")], &[Channel::Line]);
    for _ in 0..10 {
        rep.post(path::BROADCAST_TEST, &asked)
            .await
            .json::<TestResult>();
    }
    let answer = rep.post(path::BROADCAST_TEST, &asked).await;
    answer.refused(ProblemCode::TooManyTests, None);
    assert!(answer.headers.contains_key("retry-after"));
    colleague
        .post(path::BROADCAST_TEST, &asked)
        .await
        .json::<TestResult>();
    app.advance(60_000);
    rep.post(path::BROADCAST_TEST, &asked)
        .await
        .json::<TestResult>();
}
