//! What WhatsApp accepts, refuses, and tells later.

use std::time::Duration;

use omocast_sandbox::{Identity, PhoneMessageKind};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{KEN, NUMBER, PNG, WABA, World, answer, check_schema, customer, utterance};

#[track_caller]
fn check_error(answer: &(u16, Value), status: u16, code: u32) {
    let (got, body) = answer;
    check_schema("whatsapp-send", "GraphAPIError", body);
    assert_eq!(
        (*got, &body["error"]["code"]),
        (status, &json!(code)),
        "{body}"
    );
    assert!(body["error"]["fbtrace_id"].is_string());
}

/// In the order of their meaning: webhooks may overtake each other.
fn states(statuses: &[Value]) -> Vec<&str> {
    let mut states: Vec<_> = statuses
        .iter()
        .map(|status| status["status"].as_str().unwrap())
        .collect();
    states.sort_by_key(|state| {
        ["sent", "delivered", "read", "failed"]
            .iter()
            .position(|known| known == state)
    });
    states
}

#[tokio::test]
async fn a_text_is_sent_delivered_and_read() {
    let world = World::new().await;
    let body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+886 912-345-678",
        "type": "text",
        "text": { "body": "到貨了", "preview_url": false },
        "biz_opaque_callback_data": "delivery-7",
    });
    check_schema("whatsapp-send", "SendMessageRequest", &body);
    let (status, sent) = answer(world.graph_post("messages").json(&body)).await;
    check_schema("whatsapp-send", "MessageResponsePayload", &sent);
    assert_eq!(status, 200);
    assert_eq!(
        sent["contacts"][0],
        json!({ "input": "+886 912-345-678", "wa_id": KEN })
    );
    world.sandbox.settle().await;
    for webhook in world.product.webhooks() {
        check_schema("whatsapp-webhook", "WebhookPayload", &webhook.json());
    }
    let statuses = world.product.statuses();
    assert_eq!(states(&statuses), ["sent", "delivered", "read"]);
    for status in &statuses {
        assert_eq!(status["id"], sent["messages"][0]["id"]);
        assert_eq!(status["recipient_id"], KEN);
        assert_eq!(status["biz_opaque_callback_data"], "delivery-7");
        assert!(status["timestamp"].as_str().unwrap().parse::<u64>().is_ok());
    }
    let last = world.sandbox.messages(NUMBER, KEN).pop().unwrap();
    assert_eq!(last.kind, PhoneMessageKind::Text("到貨了".into()));
    assert!(last.read);
}

#[tokio::test]
async fn who_hides_read_receipts_is_never_read() {
    let world = World::new().await;
    let mut ken = customer(KEN, "Ken");
    ken.read_receipts = false;
    world.sandbox.add_customer(NUMBER, ken);
    answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await;
    world.sandbox.settle().await;
    assert_eq!(states(&world.product.statuses()), ["sent", "delivered"]);
}

#[tokio::test]
async fn statuses_may_come_twice_and_the_wrong_way_round() {
    let world = World::new().await;
    world.sandbox.set_disorder(true);
    answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await;
    world.sandbox.settle().await;
    let statuses = world.product.statuses();
    assert_eq!(
        states(&statuses),
        ["sent", "sent", "delivered", "delivered", "read", "read"]
    );
    let first = &world.product.webhooks()[0].json()["entry"][0]["changes"][0]["value"]["statuses"];
    assert_eq!(first.as_array().unwrap().last().unwrap()["status"], "sent");
}

async fn check_failed_later(world: &World, to: &str, kind: &str, content: Value, code: u32) {
    world.product.forget();
    assert_eq!(answer(world.whatsapp(to, kind, content)).await.0, 200);
    world.sandbox.settle().await;
    let statuses = world.product.statuses();
    assert_eq!(states(&statuses), ["failed"], "{statuses:#?}");
    assert_eq!(statuses[0]["errors"][0]["code"], code);
    for webhook in world.product.webhooks() {
        check_schema("whatsapp-webhook", "WebhookPayload", &webhook.json());
    }
}

#[tokio::test]
async fn the_window_closes_a_day_after_the_customers_last_words() {
    let world = World::new().await;
    let text = json!({ "body": "x" });
    world
        .sandbox
        .advance_clock(Duration::from_secs(24 * 60 * 60 - 60));
    assert_eq!(
        answer(world.whatsapp(KEN, "text", text.clone())).await.0,
        200
    );
    world.sandbox.settle().await;
    world.sandbox.advance_clock(Duration::from_secs(120));
    check_failed_later(&world, KEN, "text", text.clone(), 131_047).await;
    let before = world.sandbox.messages(NUMBER, KEN).len();
    world
        .sandbox
        .say(vec![utterance(NUMBER, KEN, "again")])
        .await
        .unwrap();
    assert_eq!(answer(world.whatsapp(KEN, "text", text)).await.0, 200);
    assert_eq!(world.sandbox.messages(NUMBER, KEN).len(), before + 2);
}

#[tokio::test]
async fn who_never_wrote_has_no_window() {
    let world = World::new().await;
    world
        .sandbox
        .add_customer(NUMBER, customer("886900000000", "New"));
    check_failed_later(
        &world,
        "886900000000",
        "text",
        json!({ "body": "x" }),
        131_047,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_number_is_undeliverable() {
    let world = World::new().await;
    check_failed_later(
        &world,
        "886999999999",
        "text",
        json!({ "body": "x" }),
        131_026,
    )
    .await;
}

#[tokio::test]
async fn a_linked_image_is_fetched() {
    let world = World::new().await;
    for (name, code) in [
        ("text.png", 131_053),
        ("large.png", 131_053),
        ("missing.png", 131_052),
    ] {
        let image = json!({ "link": world.picture(name) });
        check_failed_later(&world, KEN, "image", image, code).await;
        let last = world.sandbox.messages(NUMBER, KEN).pop().unwrap();
        assert!(
            last.problem.unwrap().starts_with("undeliverable media"),
            "{name}"
        );
    }
    world.product.forget();
    let image = json!({ "link": world.picture("good.png"), "caption": "新品" });
    assert_eq!(answer(world.whatsapp(KEN, "image", image)).await.0, 200);
    world.sandbox.settle().await;
    assert_eq!(
        states(&world.product.statuses()),
        ["sent", "delivered", "read"]
    );
    let last = world.sandbox.messages(NUMBER, KEN).pop().unwrap();
    assert_eq!(
        (last.caption.as_deref(), last.problem),
        (Some("新品"), None)
    );
}

#[tokio::test]
async fn a_document_has_a_name_and_a_video_a_caption() {
    let world = World::new().await;
    let film = json!({ "link": world.picture("film.mp4"), "caption": "走秀" });
    assert_eq!(answer(world.whatsapp(KEN, "video", film)).await.0, 200);
    let list = json!({
        "link": world.picture("list.pdf"),
        "filename": "型錄.pdf",
        "caption": "秋季",
    });
    let body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": KEN,
        "type": "document",
        "document": list,
    });
    check_schema("whatsapp-send", "SendMessageRequest", &body);
    assert_eq!(answer(world.whatsapp(KEN, "document", list)).await.0, 200);
    world.sandbox.settle().await;
    let messages = world.sandbox.messages(NUMBER, KEN);
    let [.., film, list] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    let expected = PhoneMessageKind::Video {
        url: world.picture("film.mp4"),
        preview: None,
    };
    assert_eq!(
        (&film.kind, film.caption.as_deref()),
        (&expected, Some("走秀"))
    );
    let expected = PhoneMessageKind::File {
        url: world.picture("list.pdf"),
        name: "型錄.pdf".into(),
    };
    assert_eq!(
        (&list.kind, list.caption.as_deref()),
        (&expected, Some("秋季"))
    );
    for (kind, name) in [("video", "list.pdf"), ("image", "film.mp4")] {
        let content = json!({ "link": world.picture(name) });
        check_failed_later(&world, KEN, kind, content, 131_053).await;
    }
    let named = json!({ "link": world.picture("film.mp4"), "filename": "a.mp4" });
    check_error(&answer(world.whatsapp(KEN, "video", named)).await, 400, 100);
    let (_, uploaded) = upload(&world, PNG.to_vec()).await;
    let as_video = json!({ "id": uploaded["id"] });
    check_error(
        &answer(world.whatsapp(KEN, "video", as_video)).await,
        400,
        100,
    );
}

async fn upload(world: &World, bytes: Vec<u8>) -> (u16, Value) {
    let file = Part::bytes(bytes)
        .file_name("a.png")
        .mime_str("image/png")
        .unwrap();
    let form = Form::new()
        .text("messaging_product", "whatsapp")
        .text("type", "image/png")
        .part("file", file);
    answer(world.graph_post("media").multipart(form)).await
}

#[tokio::test]
async fn an_upload_lives_thirty_days() {
    let world = World::new().await;
    let (status, media) = upload(&world, PNG.to_vec()).await;
    assert_eq!(status, 200);
    let id = media["id"].as_str().unwrap();
    let (_, found) = answer(world.graph_get(id)).await;
    assert_eq!(found["mime_type"], "image/png");
    let url = found["url"].as_str().unwrap();
    let bytes = world
        .http
        .get(url)
        .bearer_auth("wa-token")
        .send()
        .await
        .unwrap();
    assert_eq!(bytes.bytes().await.unwrap(), PNG);
    assert_eq!(world.http.get(url).send().await.unwrap().status(), 401);

    let send = || world.whatsapp(KEN, "image", json!({ "id": id }));
    assert_eq!(answer(send()).await.0, 200);
    let last = world.sandbox.messages(NUMBER, KEN).pop().unwrap();
    let url = format!("/phone/media/{NUMBER}/{id}");
    assert_eq!(
        last.kind,
        PhoneMessageKind::Image {
            url: url.clone(),
            preview: url.clone()
        }
    );
    let shown = world
        .http
        .get(format!("{}{url}", world.base))
        .send()
        .await
        .unwrap();
    assert_eq!(shown.bytes().await.unwrap(), PNG);

    world
        .sandbox
        .advance_clock(Duration::from_secs(30 * 24 * 60 * 60));
    check_error(&answer(send()).await, 400, 100);
}

#[tokio::test]
async fn an_upload_is_of_a_known_type_and_size() {
    let world = World::new().await;
    check_error(&upload(&world, b"GIF89a".to_vec()).await, 400, 100);
    let mut large = PNG.to_vec();
    large.resize(5 * 1024 * 1024 + 1, 0);
    check_error(&upload(&world, large).await, 400, 131_053);
    check_error(
        &answer(world.graph_post("media").multipart(Form::new())).await,
        400,
        100,
    );
    check_error(
        &answer(world.graph_post("media").json(&json!({}))).await,
        400,
        100,
    );
}

#[tokio::test]
async fn an_invalid_message_is_refused_at_once() {
    let world = World::new().await;
    let cases = [
        ("text", json!({ "body": "" }), 131_008),
        ("text", json!({ "body": "字".repeat(4_097) }), 100),
        (
            "text",
            json!({ "body": "x", "preview_url": "yes" }),
            131_009,
        ),
        ("image", json!({}), 131_009),
        (
            "image",
            json!({ "id": "1", "link": "https://example.com/a.png" }),
            131_009,
        ),
        ("image", json!({ "id": "1" }), 100),
        ("image", json!({ "link": "a.png" }), 100),
        (
            "image",
            json!({ "link": "https://example.com/a", "caption": "x".repeat(1_025) }),
            100,
        ),
        ("carousel", json!({}), 131_051),
    ];
    for (kind, content, code) in cases {
        check_error(&answer(world.whatsapp(KEN, kind, content)).await, 400, code);
    }
    check_error(
        &answer(world.whatsapp("", "text", json!({ "body": "x" }))).await,
        400,
        131_008,
    );
    check_error(
        &answer(world.whatsapp("12", "text", json!({ "body": "x" }))).await,
        400,
        131_009,
    );
    let template = json!({ "name": "hello", "language": { "code": "zh_TW" } });
    check_error(
        &answer(world.whatsapp(KEN, "template", template)).await,
        404,
        132_001,
    );
    let body = json!({ "to": KEN, "type": "text", "text": { "body": "x" } });
    check_error(
        &answer(world.graph_post("messages").json(&body)).await,
        400,
        100,
    );
    check_error(
        &answer(world.graph_post("messages").body("{")).await,
        400,
        100,
    );
    let text = json!({ "body": "字".repeat(4_096) });
    assert_eq!(answer(world.whatsapp(KEN, "text", text)).await.0, 200);
}

#[tokio::test]
async fn a_call_needs_a_token_of_the_number() {
    let world = World::new().await;
    let url = format!("{}/graph/v23.0/{NUMBER}/messages", world.base);
    check_error(&answer(world.http.post(&url)).await, 401, 190);
    check_error(
        &answer(world.http.post(&url).bearer_auth("line-token")).await,
        401,
        190,
    );
    check_error(&answer(world.graph_get("999")).await, 400, 100);
    let by_query = format!("{}/graph/v23.0/{NUMBER}?access_token=wa-token", world.base);
    assert_eq!(answer(world.http.get(by_query)).await.0, 200);
}

#[tokio::test]
async fn a_pair_takes_45_messages_then_one_every_six_seconds() {
    let world = World::new().await;
    let send = || world.whatsapp(KEN, "text", json!({ "body": "x" }));
    for _ in 0..45 {
        assert_eq!(answer(send()).await.0, 200);
    }
    check_error(&answer(send()).await, 400, 131_056);
    world.sandbox.advance_clock(Duration::from_secs(6));
    assert_eq!(answer(send()).await.0, 200);
    check_error(&answer(send()).await, 400, 131_056);
}

#[tokio::test]
async fn a_number_takes_80_messages_a_second() {
    let world = World::new().await;
    let mut codes = Vec::new();
    // More than any machine could spread over a second's refill.
    for burst in 0..20 {
        let sends = (0..20).map(|number| {
            answer(world.whatsapp(
                &format!("88691{burst:03}{number:03}"),
                "text",
                json!({ "body": "x" }),
            ))
        });
        codes.extend(futures::future::join_all(sends).await);
        if let Some(refused) = codes.iter().find(|(status, _)| *status != 200) {
            check_error(refused, 400, 130_429);
            assert!(codes.len() > 80);
            return;
        }
    }
    // A machine too slow to send 400 messages faster than 80 a second.
}

#[tokio::test]
async fn the_business_marks_what_it_has_read() {
    let world = World::new().await;
    let id = world.sandbox.messages(NUMBER, KEN)[0].id.clone();
    let mark = |id: &str| {
        let body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": id });
        world.graph_post("messages").json(&body)
    };
    assert_eq!(answer(mark(&id)).await, (200, json!({ "success": true })));
    assert!(world.sandbox.messages(NUMBER, KEN)[0].read);
    check_error(&answer(mark("wamid.unknown")).await, 400, 131_009);
}

#[tokio::test]
async fn a_number_tells_the_fields_asked_for() {
    let world = World::new().await;
    let path = format!("{NUMBER}?fields=display_phone_number,quality_rating");
    let (_, number) = answer(world.graph_get(&path)).await;
    assert_eq!(
        number,
        json!({
            "id": NUMBER,
            "display_phone_number": "+886 2 5555 0001",
            "quality_rating": "GREEN",
        })
    );
    let (_, numbers) = answer(world.graph_get(&format!("{WABA}/phone_numbers"))).await;
    assert_eq!(numbers["data"][0]["id"], NUMBER);
    let (_, templates) = answer(world.graph_get(&format!("{WABA}/message_templates"))).await;
    assert_eq!(templates["data"], json!([]));
}

#[tokio::test]
async fn who_hides_their_number_is_known_by_a_scoped_id() {
    const HIDDEN: &str = "TW.13491208655302741918";
    let world = World::new().await;
    world
        .sandbox
        .say(vec![utterance(NUMBER, HIDDEN, "嗨")])
        .await
        .unwrap();
    let body = world.product.webhooks().pop().unwrap().json();
    // Meta's published schema is older than scoped ids.
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(value["contacts"][0]["user_id"], HIDDEN);
    assert_eq!(value["messages"][0]["from_user_id"], HIDDEN);
    assert!(value["messages"][0]["from"].is_null());
    let send = |recipient: &str| {
        world.graph_post("messages").json(&json!({
            "messaging_product": "whatsapp",
            "recipient": recipient,
            "type": "text",
            "text": { "body": "x" },
        }))
    };
    let (status, answer_body) = answer(send(HIDDEN)).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer_body["contacts"],
        json!([{ "input": HIDDEN, "user_id": HIDDEN }])
    );
    world.sandbox.settle().await;
    let statuses = world.product.statuses();
    assert_eq!(statuses.len(), 3);
    assert!(
        statuses
            .iter()
            .all(|status| status["recipient_user_id"] == HIDDEN)
    );
    assert_eq!(world.sandbox.messages(NUMBER, HIDDEN).len(), 2);
    let (status, refusal) = answer(send("886912345678")).await;
    assert_eq!((status, &refusal["error"]["code"]), (400, &json!(131_009)));
}

#[tokio::test]
async fn who_takes_a_username_is_told_by_the_scoped_id_alone_and_keeps_their_number() {
    const SCOPED: &str = "TW.13491208655302741918";
    let world = World::new().await;
    let identity = |has_username| Identity {
        scoped_id: Some(SCOPED.into()),
        has_username,
    };
    world.sandbox.add_customer(NUMBER, customer(KEN, "Ken"));
    for has_username in [false, true] {
        world
            .sandbox
            .set_identity(NUMBER, KEN, identity(has_username));
        world
            .sandbox
            .say(vec![utterance(NUMBER, KEN, "嗨")])
            .await
            .unwrap();
        let number = if has_username {
            Value::Null
        } else {
            json!(KEN)
        };
        let body = world.product.webhooks().pop().unwrap().json();
        let value = &body["entry"][0]["changes"][0]["value"];
        let contact = &value["contacts"][0];
        assert_eq!(
            (&contact["wa_id"], &contact["user_id"]),
            (&number, &json!(SCOPED))
        );
        let message = &value["messages"][0];
        assert_eq!(
            (&message["from"], &message["from_user_id"]),
            (&number, &json!(SCOPED))
        );
        // Either names the same phone.
        for (field, id) in [("to", KEN), ("recipient", SCOPED)] {
            let send = world.graph_post("messages").json(&json!({
                "messaging_product": "whatsapp",
                field: id,
                "type": "text",
                "text": { "body": "x" },
            }));
            let (status, body) = answer(send).await;
            assert_eq!(status, 200);
            let contact = &body["contacts"][0];
            assert_eq!(
                (&contact["wa_id"], &contact["user_id"]),
                (&number, &json!(SCOPED))
            );
        }
        world.sandbox.settle().await;
        let status = world.product.statuses().pop().unwrap();
        assert_eq!(
            (
                status.get("recipient_id").unwrap_or(&Value::Null),
                &status["recipient_user_id"]
            ),
            (&number, &json!(SCOPED))
        );
    }
    let messages = world.sandbox.messages(NUMBER, KEN);
    let written = messages.iter().filter(|message| !message.from_customer);
    assert_eq!(written.count(), 4);
}
