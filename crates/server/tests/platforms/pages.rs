//! Facebook pages and Instagram accounts: what goes out, what is refused, and what is told.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hmac::{Hmac, KeyInit as _, Mac as _};
use omocast_contract::message::{MessageContent, MessageOrigin};
use omocast_contract::{
    BroadcastId, Channel, Control, DeliveryStatus, EventView, MessageId, Progress, Reason,
};
use omocast_sandbox::{Customer, Fault, Receipts, Utterance};
use omocast_server::channels::SendOutcome;
use omocast_server::router;
use omocast_server::store::ReplyOutcome;
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{
    INSTAGRAM, LINE, LINKED_INSTAGRAM, NUMBER, PAGE, PAGE_SECRET, Setup, World, customer,
    line_users, page_users, text_message, utterance, whatsapp_users,
};

const TEXTS: [&str; 3] = ["一", "二", "三"];

/// Nothing is read by itself.
fn unread() -> Receipts {
    Receipts {
        read_share: 0.0,
        ..Receipts::immediate()
    }
}

async fn progress(world: &World, broadcast: BroadcastId) -> Progress {
    world.find(broadcast).await.summary.progress
}

#[tokio::test]
async fn everybody_gets_every_message_in_order() {
    let mut world = World::new().await;
    let users = page_users(12);
    let (facebook, rest) = users.split_at(4);
    let (by_login, by_page) = rest.split_at(4);
    world.customers(PAGE, facebook).await;
    world.customers(INSTAGRAM, by_login).await;
    world.customers(LINKED_INSTAGRAM, by_page).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world.until_completed(broadcast).await;
    for (account, users) in [
        (PAGE, facebook),
        (INSTAGRAM, by_login),
        (LINKED_INSTAGRAM, by_page),
    ] {
        for user in users {
            assert_eq!(world.on_phone(account, user), TEXTS, "{account}");
        }
    }
    world
        .until("everything is read", || {
            Box::pin(async { progress(&world, broadcast).await.read == 12 })
        })
        .await;
    let event = world.events(EventView::Mine).await.remove(0);
    let thread = world
        .app
        .store
        .find_thread(&world.member().await, event.id, None)
        .await
        .unwrap();
    let read = thread.messages[1..].iter().all(|message| {
        matches!(
            message.origin,
            MessageOrigin::Outbound {
                status: DeliveryStatus::Read,
                ..
            }
        )
    });
    assert!(read, "{thread:?}");
}

#[tokio::test]
async fn facebook_tells_what_arrived_and_instagram_does_not() {
    let mut world = World::with(Setup {
        receipts: unread(),
        ..Setup::default()
    })
    .await;
    let users = page_users(6);
    let (facebook, instagram) = users.split_at(3);
    world.customers(PAGE, facebook).await;
    world.customers(INSTAGRAM, instagram).await;
    world.sandbox.set_disorder(true);
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world.until_completed(broadcast).await;
    world
        .until("the page's messages have arrived", || {
            Box::pin(async {
                let progress = progress(&world, broadcast).await;
                (progress.delivered, progress.sent) == (3, 3)
            })
        })
        .await;
    // The customers look at their phones.
    for (account, users) in [(PAGE, facebook), (INSTAGRAM, instagram)] {
        for user in users {
            let url = format!("{}/phone/{account}/{user}", world.platforms);
            assert!(reqwest::get(url).await.unwrap().status().is_success());
        }
    }
    world
        .until("everything is read", || {
            Box::pin(async { progress(&world, broadcast).await.read == 6 })
        })
        .await;
}

#[tokio::test]
async fn who_is_outside_the_window_is_skipped_without_a_request() {
    let mut world = World::new().await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    world.customers(INSTAGRAM, &users[1..]).await;
    world.customers(LINE, &line_users(1)).await;
    world.advance(Duration::from_secs(24 * 60 * 60));
    world.start_delivery();
    let before = world.sandbox.requests().len();
    let broadcast = world.broadcast(&["一"]).await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(
        (done.summary.progress.skipped, done.summary.progress.sent),
        (2, 1)
    );
    for recipient in world.recipients(broadcast).await {
        if recipient.channel != Channel::Line {
            assert_eq!(recipient.reason, Some(Reason::WindowClosed));
        }
    }
    assert_eq!(world.sandbox.requests().len(), before + 1);
}

async fn check_failed(world: &World, broadcast: BroadcastId, reason: Reason) {
    world.until_completed(broadcast).await;
    for recipient in world.recipients(broadcast).await {
        assert_eq!(
            (recipient.status, recipient.reason),
            (DeliveryStatus::Failed, Some(reason)),
            "{recipient:?}"
        );
    }
}

#[tokio::test]
async fn a_window_that_only_the_platform_sees_closed_fails_with_its_reason() {
    let mut world = World::new().await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    world.customers(INSTAGRAM, &users[1..]).await;
    world
        .sandbox
        .advance_clock(Duration::from_secs(24 * 60 * 60));
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    check_failed(&world, broadcast, Reason::WindowClosed).await;
    // The second and third are not even tried.
    let sent = world.sandbox.requests();
    let sent = sent
        .iter()
        .filter(|request| request.path.ends_with("/messages"));
    assert_eq!(sent.count(), 2);
}

#[tokio::test]
async fn who_blocks_the_page_cannot_be_reached() {
    let mut world = World::new().await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    world.customers(INSTAGRAM, &users[1..]).await;
    world.sandbox.block(PAGE, &users[0]);
    world.sandbox.block(INSTAGRAM, &users[1]);
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    check_failed(&world, broadcast, Reason::Unreachable).await;
}

#[tokio::test]
async fn a_refusal_of_the_account_stops_this_account_alone() {
    for (code, reason) in [
        (190, Reason::AccountNotConnected),
        (368, Reason::AccountRestricted),
    ] {
        let mut world = World::new().await;
        let users = page_users(6);
        world.customers(PAGE, &users[..3]).await;
        world.customers(INSTAGRAM, &users[3..]).await;
        for user in &users[..3] {
            let fault = Some(Fault::Code(code, None));
            world.sandbox.set_fault(PAGE, user, fault);
        }
        world.start_delivery();
        let broadcast = world.broadcast(&["一"]).await;
        let paused = world.until_paused(broadcast).await;
        let expected = (Channel::Facebook, reason, 3);
        assert_eq!((paused.channel, paused.reason, paused.waiting), expected);
        world
            .until("the other account has sent everything", || {
                Box::pin(async { world.find(broadcast).await.summary.progress.waiting() == 3 })
            })
            .await;
        for user in &users[3..] {
            assert_eq!(world.on_phone(INSTAGRAM, user), ["一"]);
        }
        for user in &users[..3] {
            world.sandbox.set_fault(PAGE, user, None);
        }
        world.control(broadcast, Control::TryAccounts).await;
        let done = world.until_completed(broadcast).await;
        assert_eq!(
            (done.summary.progress.accepted(), done.summary.paused),
            (6, vec![])
        );
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_arrives_once() {
    for fault in [
        Fault::RateLimited,
        Fault::Code(2, None),
        Fault::Code(80_006, None),
    ] {
        let mut world = World::new().await;
        let users = page_users(1);
        world.customers(PAGE, &users).await;
        world.sandbox.fail_next(fault.clone());
        world.start_delivery();
        let broadcast = world.broadcast(&["一"]).await;
        world
            .until("it was refused once", || {
                Box::pin(async {
                    let requests = world.sandbox.requests();
                    requests.iter().any(|request| {
                        request.path.ends_with("/messages")
                            && request.status.is_some_and(|status| status >= 400)
                    })
                })
            })
            .await;
        // The clock stands still until somebody moves it.
        world
            .until("it has arrived", || {
                world.advance(Duration::from_secs(10));
                Box::pin(async { progress(&world, broadcast).await.queued == 0 })
            })
            .await;
        world.until_completed(broadcast).await;
        assert_eq!(world.on_phone(PAGE, &users[0]), ["一"], "{fault:?}");
    }
}

#[tokio::test]
async fn an_echo_settles_what_got_no_answer() {
    let mut world = World::with(Setup {
        timeout: Duration::from_millis(800),
        ..Setup::default()
    })
    .await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    world.customers(INSTAGRAM, &users[1..]).await;
    for (account, user) in [(PAGE, &users[0]), (INSTAGRAM, &users[1])] {
        let fault = Some(Fault::TimeoutAfterAccept);
        world.sandbox.set_fault(account, user, fault);
    }
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    // Facebook gives back what we gave along; on Instagram the words tell.
    world
        .until("the echoes are processed", || {
            Box::pin(async { progress(&world, broadcast).await.read == 2 })
        })
        .await;
    for (account, user) in [(PAGE, &users[0]), (INSTAGRAM, &users[1])] {
        assert_eq!(world.on_phone(account, user), ["一"]);
    }
}

#[tokio::test]
async fn an_echo_of_what_was_said_not_to_be_taken_keeps_it_from_going_out_again() {
    let mut world = World::new().await;
    let user = page_users(1).remove(0);
    world
        .customers(LINKED_INSTAGRAM, std::slice::from_ref(&user))
        .await;
    world.start_delivery();
    world.sandbox.fail_next(Fault::Code(2, None));
    let broadcast = world.broadcast(&["一"]).await;
    world
        .until("it is put back", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients[0].reason == Some(Reason::PlatformFault)
            })
        })
        .await;
    let content = json!({ "mid": "m_1", "is_echo": true, "text": "一" });
    let mut echo = message(&world, LINKED_INSTAGRAM, content);
    echo["recipient"]["id"] = user.clone().into();
    post_page(&world, LINKED_INSTAGRAM, &[echo]).await;
    world.until_completed(broadcast).await;
    world.advance(Duration::from_secs(60));
    let recipient = world.recipients(broadcast).await.remove(0);
    assert_eq!(recipient.status, DeliveryStatus::Sent);
    assert!(world.on_phone(LINKED_INSTAGRAM, &user).is_empty());
}

#[tokio::test]
async fn what_is_written_in_the_platforms_own_inbox_is_in_the_thread_once() {
    let mut world = World::new().await;
    let user = page_users(1).remove(0);
    world.customers(PAGE, std::slice::from_ref(&user)).await;
    let event = world.events(EventView::Mine).await.remove(0);
    let echo = |mid: &str| {
        let content = json!({ "mid": mid, "is_echo": true, "text": "由收件匣回覆" });
        let mut echo = message(&world, PAGE, content);
        echo["recipient"]["id"] = user.clone().into();
        echo
    };
    post_page(&world, PAGE, &[echo("inbox-1"), echo("inbox-1")]).await;
    post_page(&world, PAGE, &[echo("inbox-1")]).await;
    world
        .until("it is the last that was said", || {
            Box::pin(async {
                let rows = world.events(EventView::Mine).await;
                rows[0].last_text == "由收件匣回覆"
            })
        })
        .await;
    let member = world.member().await;
    let thread = world.app.store.find_thread(&member, event.id, None);
    let messages = thread.await.unwrap().messages;
    assert_eq!(messages.len(), 2);
    assert!(matches!(
        &messages[1].origin,
        MessageOrigin::Outbound { sender, status: DeliveryStatus::Sent, .. } if sender.is_empty()
    ));
    // It opens no window: the customer said nothing.
    let after = world.events(EventView::Mine).await.remove(0);
    assert_eq!(after.last_inbound_at, event.last_inbound_at);
}

#[tokio::test]
async fn names_are_asked_for_and_may_be_withheld() {
    let mut world = World::new().await;
    let users = page_users(3);
    world.start_webhooks();
    for (account, user) in [(PAGE, &users[0]), (INSTAGRAM, &users[1])] {
        world.sandbox.add_customer(account, customer(user));
    }
    let silent = Customer {
        name: String::new(),
        ..customer(&users[2])
    };
    world.sandbox.add_customer(PAGE, silent);
    let said: Vec<Utterance> = [PAGE, INSTAGRAM, PAGE]
        .iter()
        .zip(&users)
        .map(|(account, user)| utterance(account, user, "嗨"))
        .collect();
    world.sandbox.say(said).await.unwrap();
    let rows = world.until_pending(3).await;
    let mut names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
    names.sort_unstable();
    let expected = [
        String::new(),
        format!("顧客 {}", users[0]),
        format!("顧客 {}", users[1]),
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_reply_is_read_even_if_that_is_told_before_the_answer() {
    let mut world = World::new().await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    let event = world.events(EventView::Mine).await.remove(0);
    let id = MessageId(Uuid::now_v7());
    let text = text_message("有貨");
    let member = world.member().await;
    let store = world.app.store.clone();
    store
        .begin_reply(&member, event.id, world.page, id, &text, world.now())
        .await
        .unwrap();
    let account = world.app.find_account(world.page).await.unwrap().unwrap();
    let sent = world
        .app
        .connectors
        .send(
            &account,
            &users[0],
            &[omocast_server::channels::Outbound::Text("有貨".into())],
            id.0,
            &id.to_string(),
        )
        .await;
    let [SendOutcome::Accepted { external_id, .. }] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    world.sandbox.settle().await;
    // Another customer's message is processed after all that was told before.
    world.customers(PAGE, &users[1..]).await;
    let outcome = ReplyOutcome {
        status: DeliveryStatus::Sent,
        reason: None,
        external_id: Some(external_id.clone()),
    };
    let shown = store
        .finish_reply(event.id, id, &outcome, world.now())
        .await
        .unwrap();
    assert!(
        matches!(
            shown.origin,
            MessageOrigin::Outbound {
                status: DeliveryStatus::Read,
                ..
            }
        ),
        "{shown:?}"
    );
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

async fn post(world: &World, path: &str, signature: String, body: String) -> StatusCode {
    let request = Request::post(path)
        .header("x-hub-signature-256", signature)
        .body(Body::from(body))
        .unwrap();
    router::router(world.app.clone())
        .oneshot(request)
        .await
        .unwrap()
        .status()
}

fn page_webhook(account: &str, events: &[Value]) -> String {
    let entries: Vec<_> = events
        .iter()
        .map(|event| json!({ "id": account, "time": 1, "messaging": [event] }))
        .collect();
    json!({ "object": "page", "entry": entries }).to_string()
}

/// To the page's address, signed by the page's app.
async fn post_page(world: &World, account: &str, events: &[Value]) {
    let body = page_webhook(account, events);
    let path = format!("/webhooks/facebook/{}", world.page);
    let status = post(world, &path, signature(PAGE_SECRET, &body), body).await;
    assert_eq!(status, StatusCode::OK);
}

fn message(world: &World, user: &str, content: Value) -> Value {
    json!({
        "sender": { "id": user },
        "recipient": { "id": PAGE },
        "timestamp": world.now().0,
        "message": content,
    })
}

#[tokio::test]
async fn only_the_apps_own_signature_counts() {
    let world = World::new().await;
    let body = page_webhook(
        PAGE,
        &[message(&world, "7", json!({ "mid": "m", "text": "嗨" }))],
    );
    let path = format!("/webhooks/facebook/{}", world.page);
    for wrong in [
        String::new(),
        "sha256=00".to_owned(),
        signature("other", &body),
        signature(PAGE_SECRET, &body.replace("嗨", "\\u55e8")),
    ] {
        let status = post(&world, &path, wrong, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    // Over the bytes as they are: Meta escapes what is not ASCII.
    let escaped = body.replace("嗨", "\\u55e8");
    let signed = signature(PAGE_SECRET, &escaped);
    assert_eq!(post(&world, &path, signed, escaped).await, StatusCode::OK);
}

#[tokio::test]
async fn the_handshake_gives_the_challenge_back() {
    let world = World::new().await;
    for account in [PAGE, INSTAGRAM, LINKED_INSTAGRAM] {
        world.sandbox.handshake(account).await.unwrap();
    }
    let query = "hub.mode=subscribe&hub.challenge=7&hub.verify_token=wrong";
    let path = format!("/webhooks/instagram/{}?{query}", world.instagram);
    let answer = router::router(world.app.clone())
        .oneshot(Request::get(path).body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_comes_twice_or_is_unknown_changes_nothing() {
    let mut world = World::new().await;
    world.start_webhooks();
    let user = &page_users(1)[0];
    let first = message(&world, user, json!({ "mid": "m1", "text": "嗨" }));
    let mut reaction = message(&world, user, json!({}));
    reaction["reaction"] = json!({ "mid": "m1", "action": "react", "emoji": "❤" });
    reaction.as_object_mut().unwrap().remove("message");
    post_page(&world, PAGE, &[first.clone(), reaction, first.clone()]).await;
    post_page(&world, PAGE, std::slice::from_ref(&first)).await;
    // About a page that is no account of the team.
    post_page(
        &world,
        "999",
        &[message(&world, "8", json!({ "mid": "x", "text": "嗨" }))],
    )
    .await;
    post_page(
        &world,
        PAGE,
        &[message(&world, "9", json!({ "mid": "m9", "text": "再見" }))],
    )
    .await;
    let rows = world.until_pending(2).await;
    assert_eq!(rows.len(), 2);
    let row = rows.iter().find(|row| row.last_text == "嗨").unwrap();
    assert_eq!(row.unread, 1);
    world.follow(std::slice::from_ref(row)).await;
    // Taken back.
    let deleted = message(&world, user, json!({ "mid": "m1", "is_deleted": true }));
    post_page(&world, PAGE, &[deleted]).await;
    let event = row.id;
    world
        .until("the message is taken back", || {
            Box::pin(async {
                let thread = world
                    .app
                    .store
                    .find_thread(&world.member().await, event, None)
                    .await
                    .unwrap();
                matches!(
                    thread.messages.as_slice(),
                    [omocast_contract::message::Message {
                        content: MessageContent::Unsupported { .. },
                        ..
                    }]
                )
            })
        })
        .await;
}

#[tokio::test]
async fn the_linked_instagram_account_writes_to_the_pages_address() {
    let mut world = World::new().await;
    world.start_webhooks();
    let user = &page_users(1)[0];
    let hello = message(&world, user, json!({ "mid": "m", "text": "嗨" }));
    post_page(&world, LINKED_INSTAGRAM, &[hello]).await;
    let rows = world.until_pending(1).await;
    assert_eq!(rows[0].channel, Channel::Instagram);
    // That of another app is not believed, though the signature is right.
    let hello = message(&world, "8", json!({ "mid": "n", "text": "嗨" }));
    post_page(&world, INSTAGRAM, &[hello]).await;
    let late = message(&world, "9", json!({ "mid": "o", "text": "嗨" }));
    post_page(&world, PAGE, &[late]).await;
    let rows = world.until_pending(2).await;
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn the_first_conversation_is_when_the_customer_first_wrote() {
    let mut world = World::new().await;
    world.start_webhooks();
    let now = world.now().0;
    let (page, number) = (page_users(1).remove(0), whatsapp_users(1).remove(0));
    for (account, user) in [(PAGE, &page), (NUMBER, &number)] {
        world.sandbox.add_customer(account, customer(user));
        for at in [now - 60_000, now - 3_600_000] {
            let mut said = utterance(account, user, "嗨");
            said.at_ms = Some(at);
            world.sandbox.say(vec![said]).await.unwrap();
        }
    }
    let rows = world.until_pending(2).await;
    world.follow(&rows).await;
    for row in rows {
        let event = row.id;
        let first = || async {
            let thread = world
                .app
                .store
                .find_thread(&world.member().await, event, None)
                .await
                .unwrap();
            (thread.messages.len(), thread.customer.created_at.0)
        };
        world
            .until("both messages are there", || {
                Box::pin(async { first().await.0 == 2 })
            })
            .await;
        // WhatsApp counts in seconds.
        assert!((first().await.1 - (now - 3_600_000)).abs() < 1_000);
    }
}
