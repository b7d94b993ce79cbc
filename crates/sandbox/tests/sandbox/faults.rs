//! Failures on demand.

use std::time::Duration;

use omocast_sandbox::Fault;
use serde_json::json;

use crate::support::{KEN, LINE, MAY, NUMBER, World, answer};

fn text() -> serde_json::Value {
    json!([{ "type": "text", "text": "x" }])
}

#[tokio::test]
async fn a_timeout_after_accept_delivers_and_never_answers() {
    let world = World::new().await;
    world.sandbox.fail_next(Fault::TimeoutAfterAccept);
    let error = world
        .push(MAY, text())
        .timeout(Duration::from_secs(1))
        .send()
        .await;
    assert!(error.unwrap_err().is_timeout());
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 1);
    assert_eq!(world.sandbox.requests().last().unwrap().status, None);
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
}

#[tokio::test]
async fn a_reset_delivers_nothing_and_answers_nothing() {
    let world = World::new().await;
    world.sandbox.fail_next(Fault::ConnectionReset);
    assert!(world.push(MAY, text()).send().await.is_err());
    assert!(world.sandbox.messages(LINE, MAY).is_empty());
    assert_eq!(world.sandbox.requests().last().unwrap().status, None);
}

#[tokio::test]
async fn a_status_and_a_rate_limit_have_the_platforms_shape() {
    let world = World::new().await;
    world.sandbox.set_fault(LINE, MAY, Some(Fault::Status(500)));
    let (status, body) = answer(world.push(MAY, text())).await;
    assert_eq!((status, body["message"].is_string()), (500, true));
    world.sandbox.set_fault(LINE, MAY, Some(Fault::RateLimited));
    let (status, body) = answer(world.push(MAY, text())).await;
    assert_eq!(status, 429);
    assert_eq!(
        body["message"],
        "The API rate limit has been exceeded. Try again later."
    );
    world.sandbox.set_fault(LINE, MAY, None);
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    assert_eq!(world.sandbox.requests().last().unwrap().status, Some(200));

    world
        .sandbox
        .set_fault(NUMBER, KEN, Some(Fault::RateLimited));
    let (status, body) = answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(130_429)));
    world
        .sandbox
        .set_fault(NUMBER, KEN, Some(Fault::Status(503)));
    let (status, body) = answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!(131_000)));
}

#[tokio::test]
async fn a_slow_answer_comes() {
    let world = World::new().await;
    world
        .sandbox
        .fail_next(Fault::Slow(Duration::from_millis(50)));
    let started = std::time::Instant::now();
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn the_controls_do_over_http_what_the_library_does() {
    let world = World::new().await;
    let post = |path: &str, body: serde_json::Value| {
        world
            .http
            .post(format!("{}/control/{path}", world.base))
            .json(&body)
            .send()
    };
    let fault =
        json!({ "account": LINE, "user": MAY, "fault": { "kind": "status", "value": 500 } });
    assert_eq!(post("faults", fault).await.unwrap().status(), 204);
    assert_eq!(answer(world.push(MAY, text())).await.0, 500);
    let slow = json!({ "kind": "slow", "value": 1 });
    assert_eq!(post("fail-next", slow).await.unwrap().status(), 204);
    let said = json!([{ "account": LINE, "user": MAY, "text": "hi" }]);
    assert_eq!(post("say", said).await.unwrap().status(), 204);
    assert_eq!(world.product.webhooks().len(), 1);
    let requests = answer(world.http.get(format!("{}/control/requests", world.base)))
        .await
        .1;
    assert_eq!(requests[0]["path"], "/line/v2/bot/message/push");
    assert_eq!(requests[0]["status"], 500);
    assert_eq!(requests[0]["body"]["to"], MAY);
}
