//! omocast's own web chat.

use hmac::{Hmac, KeyInit, Mac};
use omocast_sandbox::PhoneMessageKind;
use serde_json::{Value, json};

use crate::support::{SITE, VISITOR, World, answer, utterance};

pub(crate) fn hex_hmac(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn send(world: &World, body: &Value) -> reqwest::RequestBuilder {
    let body = body.to_string();
    world
        .http
        .post(format!("{}/web/{SITE}/messages", world.base))
        .header(
            "X-Omocast-Signature",
            format!("sha256={}", hex_hmac("web-secret", body.as_bytes())),
        )
        .body(body)
}

#[tokio::test]
async fn a_signed_message_reaches_the_visitor_once() {
    let world = World::new().await;
    let body = json!({ "visitor_id": VISITOR, "id": "m1", "text": "您好" });
    for _ in 0..2 {
        assert_eq!(
            answer(send(&world, &body)).await,
            (200, json!({ "id": "m1" }))
        );
    }
    let phone = world.sandbox.messages(SITE, VISITOR);
    assert_eq!(phone.len(), 1);
    assert_eq!(phone[0].kind, PhoneMessageKind::Text("您好".into()));
}

#[tokio::test]
async fn what_is_not_a_message_is_refused() {
    let world = World::new().await;
    let cases = [
        (json!({ "visitor_id": VISITOR, "id": "m" }), 422),
        (json!({ "visitor_id": VISITOR, "id": "m", "text": "" }), 422),
        (
            json!({ "visitor_id": VISITOR, "id": "m", "text": "x", "image_url": "http://a/" }),
            422,
        ),
        (
            json!({ "visitor_id": "nobody", "id": "m", "text": "x" }),
            404,
        ),
        (json!({ "text": "x" }), 400),
    ];
    for (body, status) in cases {
        assert_eq!(answer(send(&world, &body)).await.0, status, "{body}");
    }
    let body = json!({ "visitor_id": VISITOR, "id": "m", "text": "x" });
    let unsigned = send(&world, &body)
        .header("X-Omocast-Signature", "")
        .body("{}");
    assert_eq!(answer(unsigned).await.0, 401);
}

#[tokio::test]
async fn an_image_must_be_reachable() {
    let world = World::new().await;
    for name in ["good.png", "missing.png"] {
        let body = json!({ "visitor_id": VISITOR, "id": name, "image_url": world.picture(name) });
        assert_eq!(answer(send(&world, &body)).await.0, 200);
    }
    world.sandbox.settle().await;
    let phone = world.sandbox.messages(SITE, VISITOR);
    assert_eq!(phone[0].problem, None);
    assert!(phone[1].problem.is_some());
}

#[tokio::test]
async fn a_visitors_words_arrive_signed() {
    let world = World::new().await;
    world
        .sandbox
        .say(vec![utterance(SITE, VISITOR, "有貨嗎？")])
        .await
        .unwrap();
    let webhook = world.product.webhooks().pop().unwrap();
    let signature = format!("sha256={}", hex_hmac("web-secret", &webhook.bytes));
    assert_eq!(webhook.header("x-omocast-signature"), signature);
    let body = webhook.json();
    assert_eq!(body["site_id"], SITE);
    let message = &body["messages"][0];
    assert_eq!(message["visitor_id"], VISITOR);
    assert_eq!(message["name"], "訪客");
    assert_eq!(message["text"], "有貨嗎？");
    assert!(message["timestamp"].is_i64());
}
