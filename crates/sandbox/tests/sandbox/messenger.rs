//! What Facebook pages and Instagram accounts accept, refuse, and tell later.

use std::time::Duration;

use omocast_sandbox::{Fault, PhoneMessageKind, Platform};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{
    ANNA, INSTAGRAM, IRIS, IVY, LINKED_INSTAGRAM, MP4, PAGE, PDF, PNG, World, answer, customer,
    utterance,
};
use crate::web::hex_hmac;

#[track_caller]
fn check_error(answer: &(u16, Value), status: u16, code: u32, subcode: Option<u32>) {
    let (got, body) = answer;
    let error = &body["error"];
    assert_eq!(
        (*got, &error["code"], error["error_subcode"].as_u64()),
        (status, &json!(code), subcode.map(u64::from)),
        "{body}"
    );
    assert_eq!(error["error_data"], Value::Null);
    assert!(error["fbtrace_id"].is_string() && error["type"].is_string());
}

/// Anna has just written to the page, Ivy and Iris to the Instagram accounts.
async fn world() -> World {
    let world = World::new().await;
    world.say(PAGE, ANNA, "嗨").await;
    world.say(INSTAGRAM, IVY, "嗨").await;
    world.say(LINKED_INSTAGRAM, IRIS, "嗨").await;
    world
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| {
            let known = ["delivery", "read", "message"];
            known
                .into_iter()
                .find(|kind| event.get(*kind).is_some())
                .unwrap()
        })
        .collect()
}

fn shown(world: &World, account: &str, user: &str) -> PhoneMessageKind {
    world.sandbox.messages(account, user).pop().unwrap().kind
}

fn by_url(kind: &str, url: &str) -> Value {
    json!({ "attachment": { "type": kind, "payload": { "url": url } } })
}

#[tokio::test]
async fn a_text_comes_back_as_echo_then_is_delivered_and_read() {
    let world = world().await;
    let message = json!({ "text": "到貨了", "metadata": "delivery-7" });
    let (status, sent) = answer(world.message_page(ANNA, message)).await;
    assert_eq!((status, &sent["recipient_id"]), (200, &json!(ANNA)));
    world.sandbox.settle().await;
    let events = world.product.page_events();
    let mut sorted = kinds(&events);
    sorted.sort_unstable();
    assert_eq!(sorted, ["delivery", "message", "read"]);
    let event = |kind: &str| {
        events
            .iter()
            .find(|event| event.get(kind).is_some())
            .unwrap()
    };
    let echo = event("message");
    assert_eq!(
        (&echo["sender"]["id"], &echo["recipient"]["id"]),
        (&json!(PAGE), &json!(ANNA))
    );
    assert_eq!(echo["message"]["is_echo"], true);
    assert_eq!(echo["message"]["mid"], sent["message_id"]);
    assert_eq!(echo["message"]["metadata"], "delivery-7");
    let at = &echo["timestamp"];
    let delivery = event("delivery");
    assert_eq!(delivery["sender"]["id"], ANNA);
    assert_eq!(delivery["delivery"]["mids"][0], sent["message_id"]);
    assert_eq!(&delivery["delivery"]["watermark"], at);
    assert_eq!(event("read")["read"], json!({ "watermark": at }));
    assert_eq!(
        shown(&world, PAGE, ANNA),
        PhoneMessageKind::Text("到貨了".into())
    );
}

#[tokio::test]
async fn instagram_tells_what_was_read_by_its_id_and_nothing_of_arrival() {
    let world = world().await;
    let message = json!({ "text": "到貨了", "metadata": "delivery-7" });
    let (status, sent) = answer(world.message_instagram(IVY, message)).await;
    assert_eq!(status, 200);
    world.sandbox.settle().await;
    let events = world.product.page_events();
    let mut sorted = kinds(&events);
    sorted.sort_unstable();
    assert_eq!(sorted, ["message", "read"]);
    for event in events {
        assert!(event["message"].get("metadata").is_none());
        if let Some(read) = event.get("read") {
            assert_eq!(read, &json!({ "mid": sent["message_id"] }));
        }
    }
}

#[tokio::test]
async fn webhooks_are_signed_over_the_escaped_bytes() {
    let world = world().await;
    world
        .sandbox
        .say(vec![utterance(INSTAGRAM, IVY, "您好😀")])
        .await
        .unwrap();
    let webhook = world.product.webhooks().pop().unwrap();
    assert!(webhook.bytes.is_ascii());
    assert_eq!(webhook.path, "instagram");
    let expected = format!("sha256={}", hex_hmac("ig-secret", &webhook.bytes));
    assert_eq!(webhook.header("x-hub-signature-256"), expected);
    let body = webhook.json();
    assert_eq!(
        (&body["object"], &body["entry"][0]["id"]),
        (&json!("instagram"), &json!(INSTAGRAM))
    );
    let event = &body["entry"][0]["messaging"][0];
    assert_eq!(event["message"]["text"], "您好😀");
    assert_eq!(event["sender"]["id"], IVY);
}

#[tokio::test]
async fn the_handshake_wants_its_challenge_back() {
    let world = World::new().await;
    for account in [PAGE, INSTAGRAM, LINKED_INSTAGRAM] {
        world.sandbox.handshake(account).await.unwrap();
    }
    world.product.answer_challenge("7");
    assert!(world.sandbox.handshake(PAGE).await.is_err());
}

#[tokio::test]
async fn a_page_speaks_for_the_instagram_account_linked_to_it() {
    let world = world().await;
    let sent = answer(world.message_page(IRIS, json!({ "text": "嗨" }))).await;
    assert_eq!(sent.0, 200, "{sent:?}");
    assert_eq!(
        shown(&world, LINKED_INSTAGRAM, IRIS),
        PhoneMessageKind::Text("嗨".into())
    );
    let log = world.sandbox.requests();
    assert_eq!(log.last().unwrap().platform, Platform::Facebook);
    let url = format!("{}/graph/v26.0/{INSTAGRAM}/messages", world.base);
    check_error(
        &answer(
            world
                .http
                .post(&url)
                .bearer_auth("ig-token")
                .json(&json!({})),
        )
        .await,
        401,
        190,
        None,
    );
}

#[tokio::test]
async fn the_window_closes_a_day_after_the_customers_last_words() {
    let world = world().await;
    let day = Duration::from_secs(24 * 60 * 60);
    world.sandbox.advance_clock(day - Duration::from_secs(60));
    let text = json!({ "text": "x" });
    assert_eq!(answer(world.message_page(ANNA, text.clone())).await.0, 200);
    // Our own words open no window.
    world.sandbox.advance_clock(Duration::from_secs(120));
    let late = answer(world.message_page(ANNA, text.clone())).await;
    check_error(&late, 400, 10, Some(2_018_278));
    let late = answer(world.message_instagram(IVY, text.clone())).await;
    check_error(&late, 400, 10, Some(2_534_022));
    world.say(PAGE, ANNA, "again").await;
    assert_eq!(answer(world.message_page(ANNA, text)).await.0, 200);
}

#[tokio::test]
async fn who_blocks_or_is_unknown_is_not_reached() {
    let world = world().await;
    let text = json!({ "text": "x" });
    world.sandbox.block(PAGE, ANNA);
    let blocked = answer(world.message_page(ANNA, text.clone())).await;
    check_error(&blocked, 400, 551, Some(1_545_041));
    assert!(
        world
            .sandbox
            .say(vec![utterance(PAGE, ANNA, "x")])
            .await
            .is_err()
    );
    world.sandbox.settle().await;
    assert_eq!(world.product.webhooks().len(), 0);
    let nobody = answer(world.message_page("7999999999999999", text)).await;
    check_error(&nobody, 400, 100, Some(2_018_001));
}

#[tokio::test]
async fn what_a_message_may_not_be_is_refused() {
    let world = world().await;
    for (message, subcode) in [
        (json!({}), None),
        (json!({ "text": "" }), None),
        (json!({ "text": "字".repeat(2_001) }), None),
        (
            json!({ "text": "x", "attachment": { "type": "image", "payload": {} } }),
            Some(2_018_191),
        ),
        (
            json!({ "attachment": { "type": "image", "payload": {} } }),
            None,
        ),
        (by_url("image", "a.png"), None),
        (by_url("carousel", "https://example.com/a"), None),
        (json!({ "text": "x", "metadata": "x".repeat(1_001) }), None),
        (
            json!({ "attachment": { "type": "image", "payload": { "attachment_id": "1" } } }),
            None,
        ),
    ] {
        let refused = answer(world.message_page(ANNA, message)).await;
        check_error(&refused, 400, 100, subcode);
    }
    let text = json!({ "text": "字".repeat(2_000) });
    assert_eq!(answer(world.message_page(ANNA, text)).await.0, 200);
    // Instagram counts bytes.
    let long = json!({ "text": "字".repeat(334) });
    check_error(
        &answer(world.message_instagram(IVY, long)).await,
        400,
        100,
        None,
    );
    let fits = json!({ "text": "字".repeat(333) });
    assert_eq!(answer(world.message_instagram(IVY, fits)).await.0, 200);

    let request = |fields: Value| {
        let mut body = json!({ "recipient": { "id": ANNA }, "message": { "text": "x" } });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        world.page_post("messages").json(&body)
    };
    check_error(&answer(request(json!({}))).await, 400, 100, None);
    let tag = |tag: &str| json!({ "messaging_type": "MESSAGE_TAG", "tag": tag });
    for (name, subcode) in [("HUMAN_AGENT", 2_018_276), ("ACCOUNT_UPDATE", 1_893_061)] {
        check_error(&answer(request(tag(name))).await, 400, 100, Some(subcode));
    }
    let nobody = json!({ "messaging_type": "UPDATE", "recipient": {} });
    check_error(&answer(request(nobody)).await, 400, 100, None);
    check_error(
        &answer(world.page_post("messages").body("{")).await,
        400,
        100,
        None,
    );
}

#[tokio::test]
async fn a_call_needs_a_token_of_the_page() {
    let world = world().await;
    let url = format!("{}/graph/v26.0/{PAGE}/messages", world.base);
    check_error(&answer(world.http.post(&url)).await, 401, 190, None);
    let other = world.http.post(&url).bearer_auth("wa-token");
    check_error(&answer(other.json(&json!({}))).await, 400, 100, Some(33));
}

#[tokio::test]
async fn linked_media_are_fetched_before_anything_is_accepted() {
    let world = world().await;
    for (kind, name, subcode) in [
        ("image", "missing.png", 2_018_008),
        ("image", "text.png", 2_018_047),
        ("image", "film.mp4", 2_018_047),
        ("video", "huge.mp4", 2_018_047),
        ("video", "good.png", 2_018_047),
    ] {
        let refused = answer(world.message_page(ANNA, by_url(kind, &world.picture(name)))).await;
        check_error(&refused, 400, 100, Some(subcode));
    }
    let zip = by_url("file", &world.picture("list.zip"));
    assert_eq!(answer(world.message_page(ANNA, zip.clone())).await.0, 200);
    let only_pdf = answer(world.message_instagram(IVY, zip)).await;
    check_error(&only_pdf, 400, 100, Some(2_018_047));
    for (kind, name) in [
        ("image", "good.png"),
        ("video", "film.mp4"),
        ("file", "list.pdf"),
    ] {
        let message = by_url(kind, &world.picture(name));
        assert_eq!(answer(world.message_instagram(IVY, message)).await.0, 200);
        let shown = shown(&world, INSTAGRAM, IVY);
        assert_eq!(shown.url(), Some(world.picture(name).as_str()));
    }
    let fetched = world.product.fetched();
    let message = by_url("image", &world.picture("good.png"));
    assert_eq!(answer(world.message_instagram(IVY, message)).await.0, 200);
    assert_eq!(
        world.product.fetched(),
        fetched,
        "one look is good for a minute"
    );
}

async fn upload(
    world: &World,
    kind: &str,
    name: &str,
    bytes: &[u8],
    platform: &str,
) -> (u16, Value) {
    let attachment = json!({ "attachment": { "type": kind, "payload": { "is_reusable": true } } });
    let form = Form::new()
        .text("platform", platform.to_owned())
        .text("message", attachment.to_string())
        .part(
            "filedata",
            Part::bytes(bytes.to_vec()).file_name(name.to_owned()),
        );
    answer(world.page_post("message_attachments").multipart(form)).await
}

#[tokio::test]
async fn an_attachment_is_uploaded_once_and_sent_for_ninety_days() {
    let world = world().await;
    let (status, uploaded) = upload(&world, "file", "list.pdf", PDF, "messenger").await;
    assert_eq!(status, 200, "{uploaded}");
    let id = uploaded["attachment_id"].as_str().unwrap();
    let file = json!({ "attachment": { "type": "file", "payload": { "attachment_id": id } } });
    assert_eq!(answer(world.message_page(ANNA, file.clone())).await.0, 200);
    let expected = PhoneMessageKind::File {
        url: format!("/phone/media/{PAGE}/{id}"),
        name: "list.pdf".into(),
    };
    assert_eq!(shown(&world, PAGE, ANNA), expected);
    let as_video = json!({ "attachment": { "type": "video", "payload": { "attachment_id": id } } });
    let refused = answer(world.message_page(ANNA, as_video)).await;
    check_error(&refused, 400, 100, Some(2_018_047));
    // An attachment of the page is none of the Instagram account's.
    let foreign = answer(world.message_page(IRIS, file.clone())).await;
    check_error(&foreign, 400, 100, None);
    world
        .sandbox
        .advance_clock(Duration::from_secs(90 * 24 * 60 * 60));
    world.say(PAGE, ANNA, "again").await;
    check_error(
        &answer(world.message_page(ANNA, file)).await,
        400,
        100,
        None,
    );

    let (status, uploaded) = upload(&world, "video", "a.mp4", MP4, "instagram").await;
    assert_eq!(status, 200, "{uploaded}");
    let id = &uploaded["attachment_id"];
    let film = json!({ "attachment": { "type": "video", "payload": { "attachment_id": id } } });
    world.say(LINKED_INSTAGRAM, IRIS, "again").await;
    assert_eq!(answer(world.message_page(IRIS, film)).await.0, 200);
}

#[tokio::test]
async fn an_upload_by_link_is_fetched_at_once() {
    let world = world().await;
    let ask = |name: &str| {
        let payload = json!({ "url": world.picture(name), "is_reusable": true });
        let message = json!({ "attachment": { "type": "image", "payload": payload } });
        world
            .page_post("message_attachments")
            .json(&json!({ "message": message }))
    };
    let (status, uploaded) = answer(ask("good.png")).await;
    assert_eq!(status, 200, "{uploaded}");
    assert!(uploaded["attachment_id"].is_string());
    check_error(&answer(ask("missing.png")).await, 400, 100, Some(2_018_008));
}

#[tokio::test]
async fn an_upload_that_is_not_what_it_says_is_refused() {
    let world = world().await;
    let wrong = upload(&world, "image", "a.png", b"<html>", "messenger").await;
    check_error(&wrong, 400, 100, Some(2_018_047));
    let name = upload(&world, "image", "圖.png", PNG, "messenger").await;
    check_error(&name, 400, 100, None);
    let zip = upload(&world, "file", "a.zip", b"PK\x03\x04", "instagram").await;
    check_error(&zip, 400, 100, Some(2_018_047));
    let nothing = Form::new().text("message", r#"{"attachment":{"type":"image","payload":{}}}"#);
    let nothing = world.page_post("message_attachments").multipart(nothing);
    check_error(&answer(nothing).await, 400, 100, None);
    // graph.instagram.com has no documented uploads.
    let by_login = world.instagram_post("message_attachments").json(&json!({}));
    check_error(&answer(by_login).await, 400, 100, Some(33));
}

#[tokio::test]
async fn a_page_knows_the_names_of_who_wrote_and_consents() {
    let world = world().await;
    let get = |host: &str, user: &str, fields: &str, token: &str| {
        let url = format!("{}/{host}/v26.0/{user}?fields={fields}", world.base);
        world.http.get(url).bearer_auth(token)
    };
    let found = answer(get("graph", ANNA, "name,first_name", "page-token")).await;
    let expected = json!({ "id": ANNA, "name": "Anna Chen", "first_name": "Anna" });
    assert_eq!(found, (200, expected));
    let found = answer(get("graph-instagram", IVY, "name", "ig-token")).await;
    assert_eq!(found, (200, json!({ "id": IVY, "name": "Ivy" })));
    let page = answer(get("graph", PAGE, "name", "page-token")).await;
    assert_eq!(page, (200, json!({ "id": PAGE, "name": "Lativ" })));
    let stranger = answer(get("graph", IVY, "name", "page-token")).await;
    check_error(&stranger, 400, 100, Some(33));
    world.sandbox.add_customer(PAGE, customer(ANNA, ""));
    let silent = answer(get("graph", ANNA, "name", "page-token")).await;
    check_error(&silent, 400, 230, None);
}

#[tokio::test]
async fn faults_are_worded_as_the_platform_does() {
    let world = world().await;
    let text = || world.message_page(ANNA, json!({ "text": "x" }));
    world.sandbox.fail_next(Fault::RateLimited);
    check_error(&answer(text()).await, 400, 613, None);
    world.sandbox.fail_next(Fault::Status(503));
    let (status, body) = answer(text()).await;
    assert_eq!(
        (status, &body["error"]["is_transient"]),
        (503, &json!(true))
    );
    world.sandbox.fail_next(Fault::Code(368, None));
    check_error(&answer(text()).await, 400, 368, None);
    world.sandbox.fail_next(Fault::Code(200, Some(1_545_041)));
    check_error(&answer(text()).await, 400, 200, Some(1_545_041));
    assert_eq!(world.sandbox.messages(PAGE, ANNA).len(), 1);
}

#[tokio::test]
async fn ten_films_a_second_are_enough() {
    let world = world().await;
    let film = by_url("video", &world.picture("film.mp4"));
    let mut codes = Vec::new();
    // More than any machine could spread over a second's refill.
    for _ in 0..10 {
        let sends = (0..10).map(|_| answer(world.message_page(ANNA, film.clone())));
        codes.extend(futures::future::join_all(sends).await);
        if let Some(refused) = codes.iter().find(|(status, _)| *status != 200) {
            check_error(refused, 400, 613, None);
            return;
        }
    }
    // A machine too slow to send 100 films faster than ten a second.
}

#[tokio::test]
async fn opening_the_page_reads_everything_up_to_the_last() {
    let mut config = omocast_sandbox::Receipts::immediate();
    config.read_share = 0.0;
    let world = World::with_receipts(config).await;
    world.say(PAGE, ANNA, "嗨").await;
    for text in ["a", "b"] {
        answer(world.message_page(ANNA, json!({ "text": text }))).await;
    }
    world.sandbox.settle().await;
    world.product.forget();
    let url = format!("{}/phone/{PAGE}/{ANNA}", world.base);
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 200);
    world.sandbox.settle().await;
    let events = world.product.page_events();
    assert_eq!(kinds(&events), ["read"]);
    let last = world.sandbox.messages(PAGE, ANNA).pop().unwrap();
    assert!(last.read);
    assert_eq!(events[0]["read"]["watermark"], last.at_ms);
}
