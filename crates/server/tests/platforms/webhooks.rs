//! What the platforms post.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use omocast_contract::message::MessageContent;
use omocast_contract::{BroadcastId, Channel, DeliveryStatus, EventStatus, EventView, Role};
use omocast_sandbox::Receipts;
use omocast_server::router;
use omocast_server::store::deliveries::{Outcome, RecipientKey, Then, Told};
use omocast_server::store::inbound::About;
use omocast_server::webhooks::fuzzing::{is_readable, is_signed, take_in};
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{
    APP_SECRET, LINE, LINE_SECRET, NUMBER, OTHER_NUMBER, PAGE, PAGE_SECRET, SCOPED, SITE, Setup,
    World, customer, line_users, utterance, whatsapp_users,
};

pub(crate) fn hmac(secret: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_ref());
    mac.finalize().into_bytes().to_vec()
}

async fn post(
    world: &World,
    path: &str,
    header: &str,
    signature: String,
    body: String,
) -> StatusCode {
    let request = Request::post(path)
        .header(header, signature)
        .body(Body::from(body))
        .unwrap();
    router::router(world.app.clone())
        .oneshot(request)
        .await
        .unwrap()
        .status()
}

async fn post_line(world: &World, events: Value) -> StatusCode {
    let body = json!({ "destination": LINE, "events": events }).to_string();
    let signature = STANDARD.encode(hmac(LINE_SECRET, &body));
    post(
        world,
        &format!("/webhooks/line/{}", world.line),
        "x-line-signature",
        signature,
        body,
    )
    .await
}

async fn post_whatsapp(world: &World, number: &str, value: Value) -> StatusCode {
    post_whatsapp_field(world, number, "messages", value).await
}

pub(crate) async fn post_whatsapp_field(
    world: &World,
    number: &str,
    field: &str,
    mut value: Value,
) -> StatusCode {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({ "display_phone_number": "1", "phone_number_id": number });
    let entry = json!([{ "id": "1", "changes": [{ "field": field, "value": value }] }]);
    let body = json!({ "object": "whatsapp_business_account", "entry": entry }).to_string();
    let hex: String = hmac(APP_SECRET, &body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = format!("/webhooks/whatsapp/{}", world.whatsapp);
    post(
        world,
        &path,
        "x-hub-signature-256",
        format!("sha256={hex}"),
        body,
    )
    .await
}

fn line_event(kind: &str, user: &str, at: i64) -> Value {
    json!({
        "type": kind,
        "mode": "active",
        "timestamp": at,
        "webhookEventId": uuid::Uuid::now_v7().to_string(),
        "deliveryContext": { "isRedelivery": false },
        "source": { "type": "user", "userId": user },
    })
}

fn line_text(user: &str, id: &str, text: &str, at: i64) -> Value {
    let mut event = line_event("message", user, at);
    event["message"] = json!({ "type": "text", "id": id, "quoteToken": "q", "text": text });
    event
}

/// Waits until everything posted so far is processed: a later message of somebody else is there.
async fn until_processed(world: &World, count: usize) {
    world.until_pending(count).await;
}

#[tokio::test]
async fn an_address_that_is_no_accounts_is_not_found() {
    let world = World::new().await;
    for path in [
        format!("/webhooks/line/{}", world.whatsapp),
        format!("/webhooks/web/{}", uuid::Uuid::nil()),
        "/webhooks/line/x".to_owned(),
    ] {
        assert_eq!(
            post(&world, &path, "x", String::new(), String::new()).await,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn meta_shakes_hands_with_who_knows_the_token() {
    let world = World::new().await;
    world.sandbox.handshake(NUMBER).await.unwrap();
    let path = format!(
        "/webhooks/whatsapp/{}?hub.mode=subscribe&hub.challenge=1&hub.verify_token=x",
        world.whatsapp
    );
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router::router(world.app.clone())
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_customer_who_writes_waits_in_pending_with_their_name() {
    let mut world = World::new().await;
    world.start_webhooks();
    let (line, whatsapp) = (&line_users(1)[0], &whatsapp_users(1)[0]);
    for (account, user) in [(LINE, line.as_str()), (NUMBER, whatsapp), (SITE, "visitor")] {
        world.sandbox.add_customer(account, customer(user));
        world
            .sandbox
            .say(vec![utterance(account, user, "請問\n有貨嗎")])
            .await
            .unwrap();
    }
    let rows = world.until_pending(3).await;
    for row in &rows {
        assert_eq!(
            (row.last_text.as_str(), row.unread, row.status),
            ("請問 有貨嗎", 1, EventStatus::Pending)
        );
        assert!(row.name.starts_with("顧客 "), "{}", row.name);
        assert!(row.last_inbound_at.is_some());
    }
}

#[tokio::test]
async fn the_same_webhook_twice_changes_nothing() {
    let mut world = World::new().await;
    let events = json!([
        line_text("U1", "1", "嗨", world.now().0),
        line_event("follow", "U1", world.now().0)
    ]);
    for _ in 0..2 {
        assert_eq!(post_line(&world, events.clone()).await, StatusCode::OK);
    }
    world.start_webhooks();
    assert_eq!(
        post_line(&world, json!([line_text("U2", "2", "嗨", world.now().0)])).await,
        StatusCode::OK
    );
    let rows = world.until_pending(2).await;
    assert!(rows.iter().all(|row| row.unread == 1), "{rows:?}");
}

#[tokio::test]
async fn what_is_not_known_is_answered_and_left() {
    let mut world = World::new().await;
    let unknown = json!([line_event("somethingNew", "U1", 1), 7, { "type": 1 }]);
    assert_eq!(post_line(&world, unknown).await, StatusCode::OK);
    assert_eq!(post_line(&world, json!([])).await, StatusCode::OK);
    assert_eq!(
        post_line(&world, json!([line_text("U2", "2", "嗨", world.now().0)])).await,
        StatusCode::OK
    );
    world.start_webhooks();
    until_processed(&world, 1).await;
    assert!(
        world
            .app
            .store
            .due_webhooks(world.now(), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_hundred_events_at_once_are_a_hundred_customers() {
    let mut world = World::new().await;
    let users = line_users(100);
    for user in &users {
        world.sandbox.add_customer(LINE, customer(user));
    }
    let now = world.now().0;
    let events: Vec<_> = users
        .iter()
        .map(|user| line_text(user, &format!("m{user}"), "嗨", now))
        .collect();
    post_line(&world, json!(events)).await;
    world.start_webhooks();
    let rows = world.until_pending(100).await;
    assert!(rows.iter().all(|row| row.name.starts_with("顧客 ")));
}

#[tokio::test]
async fn messages_may_come_in_any_order() {
    let mut world = World::new().await;
    let now = world.now().0;
    post_line(
        &world,
        json!([
            line_text("U1", "2", "後", now),
            line_text("U1", "1", "先", now - 5_000)
        ]),
    )
    .await;
    // A time to come is none: it would keep a window open for ever.
    post_line(
        &world,
        json!([line_text("U2", "3", "嗨", now + 1_000_000_000)]),
    )
    .await;
    world.start_webhooks();
    let rows = world.until_pending(2).await;
    let row = rows.iter().find(|row| row.last_text == "後").unwrap();
    assert_eq!((row.last_message_at.0, row.unread), (now, 2));
    assert!(rows.iter().all(|row| row.last_inbound_at.unwrap().0 <= now));
}

#[tokio::test]
async fn blocking_and_coming_back_in_any_order() {
    let mut world = World::new().await;
    let now = world.now().0;
    let texts = json!([
        line_text("U1", "1", "嗨", now - 9),
        line_text("U2", "2", "嗨", now - 9)
    ]);
    post_line(&world, texts).await;
    // U1 has gone for good, U2 has come back, and the platform tells it the other way round.
    post_line(
        &world,
        json!([
            line_event("unfollow", "U1", now - 1),
            line_event("follow", "U1", now - 2)
        ]),
    )
    .await;
    post_line(
        &world,
        json!([
            line_event("follow", "U2", now - 1),
            line_event("unfollow", "U2", now - 2)
        ]),
    )
    .await;
    post_line(&world, json!([line_text("U3", "3", "嗨", now)])).await;
    world.start_webhooks();
    let rows = world.until_pending(3).await;
    let blocked = rows.iter().filter(|row| row.is_blocked).count();
    assert_eq!(blocked, 1);
}

#[tokio::test]
async fn a_message_taken_back_is_hidden_even_when_it_comes_later() {
    let mut world = World::new().await;
    let now = world.now().0;
    let unsend = |id: &str| {
        let mut event = line_event("unsend", "U1", now);
        event["unsend"] = json!({ "messageId": id });
        event
    };
    post_line(
        &world,
        json!([
            line_text("U1", "1", "秘密", now - 2),
            unsend("1"),
            unsend("2")
        ]),
    )
    .await;
    post_line(&world, json!([line_text("U1", "2", "秘密", now)])).await;
    post_line(&world, json!([line_text("U2", "3", "嗨", now)])).await;
    world.start_webhooks();
    let rows = world.until_pending(2).await;
    let row = rows.iter().find(|row| row.last_text == "[unsent]").unwrap();
    let mut member = world.member().await;
    member.role = omocast_contract::Role::Admin;
    let thread = world
        .app
        .store
        .find_thread(&member, row.id, None)
        .await
        .unwrap();
    let hidden = MessageContent::Unsupported {
        kind: "unsent".to_owned(),
    };
    assert_eq!(thread.messages.len(), 2);
    assert!(
        thread
            .messages
            .iter()
            .all(|message| message.content == hidden),
        "{:?}",
        thread.messages
    );
}

#[tokio::test]
async fn numbers_of_one_app_share_an_address_and_strangers_are_not_believed() {
    let mut world = World::new().await;
    let message = |id: &str, from: &str| {
        json!({
            "contacts": [{ "profile": { "name": "Ken" }, "wa_id": from }],
            "messages": [{ "from": from, "id": id, "timestamp": "1700000000", "type": "text", "text": { "body": "嗨" } }],
        })
    };
    assert_eq!(
        post_whatsapp(&world, "999", message("wamid.1", "886911111111")).await,
        StatusCode::OK
    );
    assert_eq!(
        post_whatsapp(&world, OTHER_NUMBER, message("wamid.2", "886922222222")).await,
        StatusCode::OK
    );
    assert_eq!(
        post_whatsapp(&world, NUMBER, message("wamid.3", "886933333333")).await,
        StatusCode::OK
    );
    world.start_webhooks();
    let rows = world.until_pending(2).await;
    let mut accounts: Vec<_> = rows.iter().map(|row| row.account.as_str()).collect();
    accounts.sort_unstable();
    assert_eq!(accounts, [NUMBER, OTHER_NUMBER]);
}

#[tokio::test]
async fn an_ended_event_wakes_with_the_customers_next_words() {
    let mut world = World::new().await;
    let users = line_users(1);
    world.customers(LINE, &users).await;
    let row = world.events(EventView::Mine).await.remove(0);
    let member = world.member().await;
    let now = world.now();
    world
        .app
        .store
        .act_on_event(&member, row.id, omocast_contract::EventAction::End, now)
        .await
        .unwrap();
    world
        .sandbox
        .say(vec![utterance(LINE, &users[0], "還在嗎")])
        .await
        .unwrap();
    let rows = world.until_pending(1).await;
    assert_eq!(
        (rows[0].owner_id, rows[0].last_text.as_str()),
        (None, "還在嗎")
    );
}

#[tokio::test]
async fn what_was_signed_but_makes_no_sense_is_kept_aside() {
    let mut world = World::new().await;
    let body = "not json".to_owned();
    let signature = STANDARD.encode(hmac(LINE_SECRET, &body));
    let path = format!("/webhooks/line/{}", world.line);
    assert_eq!(
        post(&world, &path, "x-line-signature", signature, body).await,
        StatusCode::OK
    );
    post_line(&world, json!([line_text("U2", "2", "嗨", world.now().0)])).await;
    world.start_webhooks();
    until_processed(&world, 1).await;
    assert!(
        world
            .app
            .store
            .due_webhooks(world.now(), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world.app.store.next_webhook_at(world.now()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn what_was_given_up_is_kept_for_a_while_and_then_forgotten() {
    let world = World::new().await;
    let (store, now) = (&world.app.store, world.now());
    let count = async || -> i64 {
        sqlx::query_scalar("select count(*) from webhook")
            .fetch_one(store.raw())
            .await
            .unwrap()
    };
    for is_given_up in [true, false] {
        store.create_webhook(world.line, b"{", now).await.unwrap();
        let webhook = store.due_webhooks(now, 1).await.unwrap().remove(0);
        let again_at = (!is_given_up).then(|| now.plus(1_000));
        store
            .postpone_webhook(webhook.id, 1, again_at)
            .await
            .unwrap();
    }
    store.delete_old_webhooks(now).await.unwrap();
    assert_eq!(count().await, 2);
    store.delete_old_webhooks(now.plus(1)).await.unwrap();
    assert_eq!(count().await, 1, "what is still tried is never forgotten");
}

/// Posts a body that Meta signed.
async fn post_meta(world: &World, path: &str, secret: &str, body: String) -> StatusCode {
    let hex: String = hmac(secret, &body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let signature = format!("sha256={hex}");
    post(world, path, "x-hub-signature-256", signature, body).await
}

/// Everything that was posted is processed or given up, and nothing waits to be tried again.
pub(crate) async fn until_nothing_is_left(world: &World) {
    world.until_taken_in().await;
    let next = world.app.store.next_webhook_at(world.now()).await.unwrap();
    assert_eq!(next, None, "something is tried again");
}

#[tokio::test]
async fn of_statuses_that_come_at_once_one_that_cannot_be_taken_in_holds_no_other_up() {
    const NEVER: Duration = Duration::from_secs(86_400);
    let mut world = World::with(Setup {
        receipts: Receipts {
            delivered_after: NEVER,
            read_after: NEVER,
            read_share: 0.0,
        },
        ..Setup::default()
    })
    .await;
    let users = whatsapp_users(3);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    let store = &world.app.store;
    let sent: Vec<String> =
        sqlx::query_scalar("select external_id from delivery order by external_id")
            .fetch_all(store.raw())
            .await
            .unwrap();
    let refusal = format!(
        "create trigger refusal before update on delivery when new.external_id = '{}' and new.status = 'read'
         begin select raise(abort, 'refused'); end",
        sent[1]
    );
    sqlx::query(sqlx::AssertSqlSafe(refusal))
        .execute(store.raw())
        .await
        .unwrap();
    for id in &sent {
        let status =
            json!({ "id": id, "status": "read", "timestamp": "1700000000", "recipient_id": "1" });
        let value = json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "1", "phone_number_id": NUMBER },
            "statuses": [status],
        });
        let entry = json!([{ "id": "1", "changes": [{ "field": "messages", "value": value }] }]);
        let body = json!({ "object": "whatsapp_business_account", "entry": entry }).to_string();
        store
            .create_webhook(world.whatsapp, body.as_bytes(), world.now())
            .await
            .unwrap();
    }
    world.app.wake.webhooks.notify_one();
    let read = async || world.find(broadcast).await.summary.progress.read;
    world
        .until("the others are taken in", || {
            Box::pin(async { read().await == 2 })
        })
        .await;
    sqlx::query("drop trigger refusal")
        .execute(store.raw())
        .await
        .unwrap();
    world.advance(Duration::from_secs(60));
    world.app.wake.webhooks.notify_one();
    world
        .until("it is tried again", || {
            Box::pin(async { read().await == 3 })
        })
        .await;
}

#[tokio::test]
async fn a_status_tells_of_its_own_accounts_message_and_of_the_broadcast_that_it_names() {
    let mut world = World::new().await;
    world.customers(LINE, &line_users(1)).await;
    world.customers(NUMBER, &whatsapp_users(2)).await;
    let broadcast = world.broadcast(&["一"]).await;
    let (store, owner, now) = (&world.app.store, Uuid::now_v7(), world.now());
    let mut keys = Vec::new();
    for account in [world.line, world.whatsapp] {
        let claim = store.claim_recipients(account, owner, now, 10);
        keys.extend(
            claim
                .await
                .unwrap()
                .recipients
                .into_iter()
                .map(|one| one.key),
        );
    }
    let sent = keys.iter().map(|&key| Outcome {
        key,
        told: vec![Told {
            position: 0,
            status: DeliveryStatus::Sent,
            reason: None,
            code: None,
            external_id: None,
        }],
        then: Then::Done,
        by: Some(owner),
        account: None,
    });
    let sent: Vec<_> = sent.collect();
    store.record_outcomes(&sent, now).await.unwrap();
    let [on_line, of_another, right] = keys.try_into().unwrap();
    let of_another = RecipientKey {
        broadcast: BroadcastId(Uuid::nil()),
        ..of_another
    };
    let statuses = [on_line, of_another, right].map(|key| {
        let about = About::Delivery { key, position: 0 };
        json!({
            "id": "wamid.1", "status": "read", "timestamp": "1700000000", "recipient_id": "886900000009",
            "biz_opaque_callback_data": about.to_opaque(),
        })
    });
    let value = json!({ "statuses": statuses });
    assert_eq!(post_whatsapp(&world, NUMBER, value).await, StatusCode::OK);
    world.start_webhooks();
    until_nothing_is_left(&world).await;
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!((progress.sent, progress.read), (2, 1));
}

#[tokio::test]
async fn what_is_told_of_messages_that_nobody_sent_changes_nothing() {
    let mut world = World::new().await;
    let now = world.now().0;
    let statuses: Vec<_> = ["sent", "delivered", "read", "failed", "pondered"]
        .iter()
        .map(|status| {
            json!({
                "id": "wamid.nobody", "status": status, "timestamp": "1700000000", "recipient_id": "886900000009",
                "biz_opaque_callback_data": format!("{}.1.0", Uuid::nil()),
            })
        })
        .collect();
    let value = json!({ "statuses": statuses });
    assert_eq!(post_whatsapp(&world, NUMBER, value).await, StatusCode::OK);
    let event = |what: &str, content: Value| json!({ "sender": { "id": "7" }, "recipient": { "id": PAGE }, "timestamp": now, what: content });
    let events = [
        event(
            "delivery",
            json!({ "mids": ["m_nobody"], "watermark": now }),
        ),
        event("read", json!({ "watermark": now })),
        event(
            "message",
            json!({ "mid": "m_nobody", "is_echo": true, "metadata": "x" }),
        ),
        event("pondered", json!({ "mid": "m_nobody" })),
    ];
    let entry = json!([{ "id": PAGE, "time": now, "messaging": events }]);
    let body = json!({ "object": "page", "entry": entry }).to_string();
    let path = format!("/webhooks/facebook/{}", world.page);
    assert_eq!(
        post_meta(&world, &path, PAGE_SECRET, body).await,
        StatusCode::OK
    );
    for field in [
        "account_alerts",
        "message_template_quality_update",
        "pondered",
    ] {
        let value = json!({ "event": "X" });
        let status = post_whatsapp_field(&world, NUMBER, field, value).await;
        assert_eq!(status, StatusCode::OK, "{field}");
    }
    post_line(&world, json!([line_text("U2", "2", "嗨", now)])).await;
    world.start_webhooks();
    let rows = world.until_pending(1).await;
    assert_eq!(rows.len(), 1, "nobody else is known");
    until_nothing_is_left(&world).await;
}

#[tokio::test]
async fn a_handshake_is_answered_to_who_knows_the_token_and_asks_as_meta_does() {
    let world = World::new().await;
    let ask = async |channel: &str, account, query: &str| {
        let path = format!("/webhooks/{channel}/{account}?{query}");
        let request = Request::get(path).body(Body::empty()).unwrap();
        let router = router::router(world.app.clone());
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await;
        (status, body.unwrap())
    };
    let right = "hub.mode=subscribe&hub.verify_token=verify&hub.challenge=1158201444";
    for (channel, account) in [
        ("whatsapp", world.whatsapp),
        ("facebook", world.page),
        ("instagram", world.instagram),
    ] {
        let (status, body) = ask(channel, account, right).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"1158201444"[..]));
        for wrong in [
            "",
            "hub.mode=subscribe&hub.verify_token=other&hub.challenge=1",
            "hub.mode=subscribe&hub.challenge=1",
            "hub.mode=unsubscribe&hub.verify_token=verify&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=verify",
            "hub.mode=subscribe&hub.verify_token=verify&hub.challenge=%3Cscript%3E",
        ] {
            let (status, _) = ask(channel, account, wrong).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{channel}: {wrong}");
        }
    }
    let (status, _) = ask("line", world.line, right).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let (status, _) = ask("whatsapp", world.line, right).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn who_hides_their_number_writes_and_is_written_to() {
    let mut world = World::new().await;
    let hidden = SCOPED.to_owned();
    world.customers(NUMBER, std::slice::from_ref(&hidden)).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["嗨"]).await;
    world.until_completed(broadcast).await;
    world
        .until("it is read", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.read == 1 })
        })
        .await;
    assert_eq!(world.on_phone(NUMBER, &hidden), ["嗨"]);
}

/// What is kept in `fuzz/corpus` for fuzzing to begin with, by the name of the file.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let files = std::fs::read_dir(format!("{folder}/{target}")).unwrap();
    let files = files.map(|file| {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    });
    files.collect()
}

#[tokio::test]
async fn whatever_is_recorded_of_a_platform_is_read_and_can_be_shown() {
    let world = World::new().await;
    let mut admin = world.member().await;
    admin.role = Role::Admin;
    let targets = [
        ("line", Channel::Line),
        ("whatsapp", Channel::Whatsapp),
        ("messenger", Channel::Facebook),
        ("web", Channel::Web),
    ];
    for (target, channel) in targets {
        for (name, body) in corpus(target) {
            assert!(is_readable(channel, &body), "{target}/{name}");
            for account in [world.line, world.whatsapp, world.page, world.web] {
                let taken = take_in(&world.app, account, &body).await;
                assert!(taken.is_ok(), "{target}/{name}: {taken:?}");
            }
        }
    }
    world
        .app
        .store
        .update_role(world.member, Role::Admin)
        .await
        .unwrap();
    for view in EventView::ALL {
        for row in world.events(view).await {
            assert!(serde_json::to_string(&row).is_ok(), "{row:?}");
            let thread = world.app.store.find_thread(&admin, row.id, None).await;
            let thread = thread.unwrap();
            assert!(serde_json::to_string(&thread).is_ok(), "{thread:?}");
        }
    }
}

#[test]
fn of_what_is_recorded_only_the_right_signature_is_one() {
    for (name, data) in corpus("signature") {
        let end = data.iter().position(|byte| *byte == b'\n').unwrap();
        let is_right = is_signed("Jefe", &data[..end], &data[end + 1..]);
        assert_eq!(is_right, name == "right", "{name}");
    }
}
