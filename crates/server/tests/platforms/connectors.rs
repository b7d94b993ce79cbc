//! The connectors against the stand-ins: what they send is taken.

use omocast_contract::Reason;
use omocast_sandbox::Fault;
use omocast_server::channels::{FetchError, Outbound, SendOutcome};
use uuid::Uuid;

use crate::support::{LINE, NUMBER, SITE, World, customer, line_users, utterance, whatsapp_users};

fn text(text: &str) -> Outbound {
    Outbound::Text(text.to_owned())
}

#[tokio::test]
async fn a_repeated_push_reaches_the_customer_once() {
    let world = World::new().await;
    let account = world.app.find_account(world.line).await.unwrap().unwrap();
    let user = &line_users(1)[0];
    world.sandbox.add_customer(LINE, customer(user));
    let key = Uuid::from_u128(1);
    let messages = [text("一"), text("二")];
    let first = world
        .app
        .connectors
        .send(&account, user, &messages, key, "")
        .await;
    let again = world
        .app
        .connectors
        .send(&account, user, &messages, key, "")
        .await;
    assert!(matches!(
        first.as_slice(),
        [SendOutcome::Accepted { .. }, SendOutcome::Accepted { .. }]
    ));
    assert_eq!(first, again);
    assert_eq!(world.on_phone(LINE, user), ["一", "二"]);
    let last = world.sandbox.requests().pop().unwrap();
    assert_eq!(last.status, Some(409));
    assert_eq!(last.headers["x-line-retry-key"], key.to_string());
}

#[tokio::test]
async fn a_whatsapp_message_says_what_it_is_about() {
    let world = World::new().await;
    let account = world
        .app
        .find_account(world.whatsapp)
        .await
        .unwrap()
        .unwrap();
    let user = &whatsapp_users(1)[0];
    world.sandbox.add_customer(NUMBER, customer(user));
    world
        .sandbox
        .say(vec![utterance(NUMBER, user, "嗨")])
        .await
        .unwrap();
    let sent = world
        .app
        .connectors
        .send(&account, user, &[text("嗨")], Uuid::nil(), "opaque")
        .await;
    assert!(
        matches!(sent.as_slice(), [SendOutcome::Accepted { .. }]),
        "{sent:?}"
    );
    let body = world.sandbox.requests().pop().unwrap().body;
    assert_eq!(body["biz_opaque_callback_data"], "opaque");
    assert_eq!(body["recipient_type"], "individual");
}

#[tokio::test]
async fn a_visitor_of_the_web_chat_gets_an_answer_once() {
    let world = World::new().await;
    let account = world.app.find_account(world.web).await.unwrap().unwrap();
    world.sandbox.add_customer(SITE, customer("訪客/1"));
    let key = Uuid::from_u128(2);
    for _ in 0..2 {
        let sent = world
            .app
            .connectors
            .send(&account, "訪客/1", &[text("嗨")], key, "")
            .await;
        assert_eq!(sent, [SendOutcome::accepted(key)]);
    }
    assert_eq!(world.on_phone(SITE, "訪客/1"), ["嗨"]);
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_whatsapp_in_the_dark_only() {
    let world = World::new().await;
    let user = &whatsapp_users(1)[0];
    let whatsapp = world
        .app
        .find_account(world.whatsapp)
        .await
        .unwrap()
        .unwrap();
    world.sandbox.fail_next(Fault::ConnectionReset);
    let sent = world
        .app
        .connectors
        .send(&whatsapp, user, &[text("嗨")], Uuid::nil(), "")
        .await;
    assert!(
        matches!(sent.as_slice(), [SendOutcome::Unknown { .. }]),
        "{sent:?}"
    );
    let line = world.app.find_account(world.line).await.unwrap().unwrap();
    world.sandbox.fail_next(Fault::ConnectionReset);
    let sent = world
        .app
        .connectors
        .send(&line, "U1", &[text("嗨")], Uuid::nil(), "")
        .await;
    assert!(
        matches!(
            sent.as_slice(),
            [SendOutcome::Retry {
                may_have_arrived: true,
                ..
            }]
        ),
        "{sent:?}"
    );
}

#[tokio::test]
async fn who_is_unknown_to_line_cannot_be_reached() {
    let world = World::new().await;
    let account = world.app.find_account(world.line).await.unwrap().unwrap();
    let stranger = &line_users(1)[0];
    let sent = world
        .app
        .connectors
        .send(&account, stranger, &[text("嗨")], Uuid::nil(), "")
        .await;
    assert!(
        matches!(
            sent.as_slice(),
            [SendOutcome::Refused {
                reason: Reason::Unreachable,
                ..
            }]
        ),
        "{sent:?}"
    );
    assert_eq!(
        world.app.connectors.profile(&account, stranger).await,
        Ok(None)
    );
    world.sandbox.add_customer(LINE, customer(stranger));
    let profile = world
        .app
        .connectors
        .profile(&account, stranger)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(profile.name, format!("顧客 {stranger}"));
}

#[tokio::test]
async fn an_image_that_the_platform_no_longer_has_is_gone() {
    let world = World::new().await;
    for account in [world.line, world.whatsapp] {
        let account = world.app.find_account(account).await.unwrap().unwrap();
        let fetched = world.app.connectors.fetch_media(&account, "123").await;
        assert!(matches!(fetched, Err(FetchError::Gone(_))), "{fetched:?}");
    }
}
