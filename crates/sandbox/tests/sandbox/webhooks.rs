//! Webhooks as the platforms send them: signed over the raw bytes, batched, and tried again.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use omocast_sandbox::Disorder;
use serde_json::json;

use crate::support::{KEN, LINE, MAY, NUMBER, STRANGER, World, check_schema, utterance};
use crate::web::hex_hmac;

#[tokio::test]
async fn line_signs_the_raw_bytes_in_base64() {
    let world = World::new().await;
    world
        .sandbox
        .say(vec![utterance(LINE, MAY, "請問有貨嗎 😀")])
        .await
        .unwrap();
    let webhook = world.product.webhooks().pop().unwrap();
    assert_eq!(webhook.path, "line");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"line-secret").unwrap();
    mac.update(&webhook.bytes);
    let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(webhook.header("x-line-signature"), expected);
    check_schema("line-webhook", "CallbackRequest", &webhook.json());
}

#[tokio::test]
async fn a_new_line_customer_follows_first() {
    let world = World::new().await;
    world
        .sandbox
        .say(vec![
            utterance(LINE, STRANGER, "a"),
            utterance(LINE, STRANGER, "b"),
        ])
        .await
        .unwrap();
    let body = world.product.webhooks().pop().unwrap().json();
    check_schema("line-webhook", "CallbackRequest", &body);
    assert_eq!(body["destination"], LINE);
    let kinds: Vec<_> = body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["type"])
        .collect();
    assert_eq!(kinds, ["follow", "message", "message"]);
    assert_eq!(body["events"][0]["follow"], json!({ "isUnblocked": false }));
    assert_eq!(body["events"][2]["message"]["text"], "b");
}

#[tokio::test]
async fn meta_signs_the_escaped_bytes_in_hex() {
    let world = World::new().await;
    world
        .sandbox
        .say(vec![utterance(NUMBER, KEN, "您好😀")])
        .await
        .unwrap();
    let webhook = world.product.webhooks().pop().unwrap();
    assert!(webhook.bytes.is_ascii());
    let text = std::str::from_utf8(&webhook.bytes).unwrap();
    assert!(text.contains("\\u60a8\\u597d\\ud83d\\ude00"), "{text}");
    let expected = format!("sha256={}", hex_hmac("wa-secret", &webhook.bytes));
    assert_eq!(webhook.header("x-hub-signature-256"), expected);
    let body = webhook.json();
    check_schema("whatsapp-webhook", "WebhookPayload", &body);
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(value["metadata"]["phone_number_id"], NUMBER);
    assert_eq!(
        value["contacts"][0],
        json!({ "profile": { "name": "Ken" }, "wa_id": KEN })
    );
    assert_eq!(value["messages"][0]["text"]["body"], "您好😀");
}

#[tokio::test]
async fn many_words_at_once_come_in_batches_of_a_hundred() {
    let world = World::new().await;
    let said = (0..250)
        .map(|number| utterance(NUMBER, KEN, &number.to_string()))
        .collect();
    world.sandbox.say(said).await.unwrap();
    let mut texts = Vec::new();
    let mut sizes = Vec::new();
    for webhook in world.product.webhooks() {
        let body = webhook.json();
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!(value["contacts"].as_array().unwrap().len(), 1);
        let messages = value["messages"].as_array().unwrap();
        sizes.push(messages.len());
        texts.extend(
            messages
                .iter()
                .map(|message| message["text"]["body"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(sizes, [100, 100, 50]);
    let expected: Vec<_> = (0..250).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn a_refused_webhook_comes_again() {
    let world = World::new().await;
    world.product.answer_next(&[500, 503]);
    world
        .sandbox
        .say(vec![utterance(LINE, MAY, "x")])
        .await
        .unwrap();
    let webhooks = world.product.webhooks();
    assert_eq!(webhooks.len(), 3);
    let redelivery = |number: usize| {
        webhooks[number].json()["events"][0]["deliveryContext"]["isRedelivery"].clone()
    };
    assert_eq!(
        (redelivery(0), redelivery(1), redelivery(2)),
        (json!(false), json!(true), json!(true))
    );
    let id = |number: usize| webhooks[number].json()["events"][0]["webhookEventId"].clone();
    assert_eq!(id(0), id(2));
}

#[tokio::test]
async fn nobody_writes_who_cannot() {
    let world = World::new().await;
    world.sandbox.block(LINE, MAY);
    world.sandbox.settle().await;
    world.product.forget();
    for said in [
        utterance(LINE, MAY, "blocked"),
        utterance(LINE, "somebody", "x"),
        utterance(NUMBER, "+886", "x"),
        utterance("nowhere", MAY, "x"),
        utterance(NUMBER, KEN, "  "),
    ] {
        assert!(
            world.sandbox.say(vec![said.clone()]).await.is_err(),
            "{said:?}"
        );
    }
    assert!(world.product.webhooks().is_empty());
}

#[tokio::test]
async fn the_handshake_wants_its_challenge_back() {
    let world = World::new().await;
    world.sandbox.handshake(NUMBER).await.unwrap();
    world.product.answer_challenge("7");
    assert!(world.sandbox.handshake(NUMBER).await.is_err());
    assert!(world.sandbox.handshake(LINE).await.is_err());
}

#[tokio::test]
async fn statuses_of_a_number_go_out_together() {
    let world = World::new().await;
    let sends = (0..40).map(|_| world.whatsapp(KEN, "text", json!({ "body": "x" })).send());
    futures::future::join_all(sends).await;
    world.sandbox.settle().await;
    assert_eq!(world.product.statuses().len(), 120);
    let webhooks = world.product.webhooks();
    assert!(webhooks.len() < 60, "{} webhooks", webhooks.len());
}

#[tokio::test]
async fn statuses_may_be_lost_or_come_twice_among_others_that_nobody_knows() {
    let world = World::new().await;
    let send_twenty = async || {
        world.product.forget();
        let sends = (0..20).map(|_| world.whatsapp(KEN, "text", json!({ "body": "x" })).send());
        futures::future::join_all(sends).await;
        world.sandbox.settle().await;
        world.product.statuses()
    };
    let lost = Disorder {
        lost: 1.0,
        ..Disorder::default()
    };
    world.sandbox.set_disorder(lost);
    assert_eq!(send_twenty().await.len(), 0);
    let doubled = Disorder {
        doubled: 1.0,
        batch: 1_000,
        ..Disorder::default()
    };
    world.sandbox.set_disorder(doubled);
    assert_eq!(send_twenty().await.len(), 120);
    let strays = Disorder {
        lost: 0.5,
        has_strays: true,
        ..Disorder::default()
    };
    world.sandbox.set_disorder(strays);
    let statuses = send_twenty().await;
    let strays = statuses
        .iter()
        .filter(|status| status["recipient_id"] != KEN);
    assert!(strays.count() >= 2);
    assert!(statuses.iter().any(|status| status["status"] == "pondered"));
}

#[tokio::test]
async fn any_body_is_posted_as_the_platform_would() {
    let world = World::new().await;
    let status = |number: usize| json!({ "id": format!("wamid.{number}"), "status": "read" });
    let statuses: Vec<_> = (0..1_000).map(status).collect();
    let body =
        json!({ "object": "whatsapp_business_account", "entry": [{ "statuses": statuses }] });
    world
        .sandbox
        .post_webhook(NUMBER, body.clone())
        .await
        .unwrap();
    let webhook = world.product.webhooks().pop().unwrap();
    assert_eq!(webhook.json(), body);
    let expected = format!("sha256={}", hex_hmac("wa-secret", &webhook.bytes));
    assert_eq!(webhook.header("x-hub-signature-256"), expected);
}
