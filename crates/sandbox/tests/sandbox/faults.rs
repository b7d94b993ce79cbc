//! Failures on demand.

use std::time::Duration;

use omocast_sandbox::{Chaos, Fault, Outage, Platform};
use serde_json::json;

use crate::support::{KEN, LINE, MAY, NUMBER, World, answer, customer};

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

#[tokio::test]
async fn what_was_accepted_may_be_answered_by_a_reset_or_by_half_an_answer() {
    let world = World::new().await;
    world.sandbox.fail_next(Fault::ResetAfterAccept);
    assert!(world.push(MAY, text()).send().await.is_err());
    world.sandbox.fail_next(Fault::BreakOffAfterAccept);
    let half = world.push(MAY, text()).send().await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 2);
    assert_eq!(world.sandbox.accepted(LINE)[MAY], 2);
}

#[tokio::test]
async fn a_refusal_may_break_off_too() {
    let world = World::new().await;
    world.sandbox.fail_next(Fault::BreakOff(500));
    let half = world.push(MAY, text()).send().await.unwrap();
    assert_eq!(half.status(), 500);
    assert!(half.bytes().await.is_err());
    assert!(world.sandbox.messages(LINE, MAY).is_empty());
}

#[tokio::test]
async fn what_stands_before_a_platform_answers_in_its_own_way() {
    let world = World::new().await;
    let send = async |fault| {
        world.sandbox.fail_next(fault);
        let sent = world.whatsapp(KEN, "text", json!({ "body": "x" }));
        sent.send().await.unwrap()
    };
    let page = send(Fault::Html(502)).await;
    assert_eq!(page.status(), 502);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let elsewhere = send(Fault::Redirect).await;
    assert_eq!(elsewhere.status(), 307);
    assert!(elsewhere.headers().contains_key("location"));
    let nameless = send(Fault::NoCode(400)).await;
    assert_eq!(nameless.status(), 400);
    let body: serde_json::Value = nameless.json().await.unwrap();
    assert!(body["error"].is_object() && body["error"]["code"].is_null());
    let later = send(Fault::RetryAfter(503, 7)).await;
    assert_eq!(
        (later.status().as_u16(), &later.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(world.sandbox.accepted(NUMBER).get(KEN), None);
}

#[tokio::test]
async fn chaos_with_the_same_seed_is_the_same_chaos() {
    let run = async |seed| {
        let world = World::new().await;
        let chaos = Chaos {
            seed,
            shares: vec![(Fault::Status(500), 0.3), (Fault::RateLimited, 0.2)],
        };
        world.sandbox.set_chaos(None, Some(chaos));
        let mut statuses = Vec::new();
        for number in 0..10 {
            let user = format!("U{number:032x}");
            world.sandbox.add_customer(LINE, customer(&user, "x"));
            for _ in 0..5 {
                statuses.push(answer(world.push(&user, text())).await.0);
            }
        }
        world.sandbox.set_chaos(None, None);
        assert_eq!(answer(world.push(MAY, text())).await.0, 200);
        statuses
    };
    let first = run(3).await;
    for status in [200, 429, 500] {
        assert!(first.contains(&status), "{first:?}");
    }
    assert_eq!(run(3).await, first);
    assert_ne!(run(4).await, first);
}

#[tokio::test]
async fn a_platform_that_is_down_takes_nothing_until_its_time_is_over() {
    let world = World::new().await;
    let minute = Duration::from_secs(60);
    world
        .sandbox
        .go_down(Platform::Line, Outage::Unavailable, minute);
    assert_eq!(world.push(MAY, text()).send().await.unwrap().status(), 503);
    let quota = world.line_get("message/quota").send().await.unwrap();
    assert_eq!(quota.status(), 503);
    let sent = world.whatsapp(KEN, "text", json!({ "body": "x" }));
    assert_eq!(answer(sent).await.0, 200, "another platform is up");
    world.sandbox.go_down(Platform::Line, Outage::Reset, minute);
    assert!(world.push(MAY, text()).send().await.is_err());
    world.sandbox.advance_clock(minute);
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    world.sandbox.go_down(Platform::Line, Outage::Reset, minute);
    world.sandbox.come_back(Platform::Line);
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 2);
}
