//! What befalls a whole account, and what can be told of it after a run.

use std::time::Duration;

use omocast_sandbox::{Rate, Trouble, Usage};
use serde_json::{Value, json};

use crate::support::{
    ANNA, INSTAGRAM, IRIS, IVY, KEN, LINE, LINKED_INSTAGRAM, MAY, NUMBER, PAGE, World, answer,
};

fn text() -> Value {
    json!([{ "type": "text", "text": "x" }])
}

fn code(answer: (u16, Value)) -> (u16, Value) {
    (answer.0, answer.1["error"]["code"].clone())
}

async fn whatsapp(world: &World) -> (u16, Value) {
    code(answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await)
}

async fn page(world: &World) -> (u16, Value) {
    code(answer(world.message_page(ANNA, json!({ "text": "x" }))).await)
}

async fn instagram(world: &World) -> (u16, Value) {
    code(answer(world.message_instagram(IVY, json!({ "text": "x" }))).await)
}

async fn everybody_has_written() -> World {
    let world = World::new().await;
    for (account, user) in [(PAGE, ANNA), (INSTAGRAM, IVY), (LINKED_INSTAGRAM, IRIS)] {
        world.say(account, user, "hi").await;
    }
    world
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_until_it_is_restored() {
    let world = everybody_has_written().await;
    for account in [LINE, NUMBER, PAGE, INSTAGRAM] {
        let revoked = Some(Trouble::TokenRevoked);
        world.sandbox.set_trouble(account, revoked);
    }
    assert_eq!(answer(world.push(MAY, text())).await.0, 401);
    assert_eq!(answer(world.line_get("info")).await.0, 401);
    let refused = (401, json!(190));
    assert_eq!(whatsapp(&world).await, refused);
    assert_eq!(instagram(&world).await, refused);
    assert_eq!(page(&world).await, refused);
    // It was the page's token.
    assert_eq!(
        code(answer(world.message_page(IRIS, json!({ "text": "x" }))).await),
        refused
    );
    for account in [LINE, NUMBER, PAGE, INSTAGRAM] {
        world.sandbox.set_trouble(account, None);
    }
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    for sent in [
        whatsapp(&world).await,
        page(&world).await,
        instagram(&world).await,
    ] {
        assert_eq!(sent.0, 200);
    }
}

#[tokio::test]
async fn an_account_that_is_locked_or_unpaid_sends_nothing() {
    let world = everybody_has_written().await;
    for account in [LINE, NUMBER, PAGE, INSTAGRAM] {
        world.sandbox.set_trouble(account, Some(Trouble::Locked));
    }
    let (status, body) = answer(world.push(MAY, text())).await;
    assert_eq!(
        (status, &body["message"]),
        (
            403,
            &json!("Access to this API is not available for your account")
        )
    );
    assert_eq!(answer(world.line_get("info")).await.0, 200);
    assert_eq!(whatsapp(&world).await, (400, json!(131_031)));
    assert_eq!(page(&world).await, (400, json!(368)));
    assert_eq!(instagram(&world).await, (400, json!(368)));
    world.sandbox.set_trouble(NUMBER, Some(Trouble::Unpaid));
    assert_eq!(whatsapp(&world).await, (400, json!(131_042)));
    world.sandbox.set_trouble(NUMBER, None);
    assert_eq!(whatsapp(&world).await.0, 200);
}

#[tokio::test]
async fn meta_tells_of_an_accounts_use() {
    let world = World::new().await;
    let usage = Usage {
        call_count: 96,
        estimated_time_to_regain_access: 12,
    };
    world.sandbox.set_usage(NUMBER, Some(usage));
    let sent = world.whatsapp(KEN, "text", json!({ "body": "x" }));
    let sent = sent.send().await.unwrap();
    let header =
        |name: &str| -> Value { serde_json::from_slice(sent.headers()[name].as_bytes()).unwrap() };
    assert_eq!(header("x-app-usage")["call_count"], 96);
    let business = &header("x-business-use-case-usage")[NUMBER][0];
    assert_eq!(business["type"], "whatsapp");
    assert_eq!(business["estimated_time_to_regain_access"], 12);
    world.sandbox.set_usage(NUMBER, None);
    let sent = world.whatsapp(KEN, "text", json!({ "body": "x" }));
    assert!(
        !sent
            .send()
            .await
            .unwrap()
            .headers()
            .contains_key("x-app-usage")
    );
}

#[tokio::test]
async fn rates_are_what_they_are_set_to() {
    let world = World::new().await;
    // So slow that no machine is slower.
    let slow = |burst| Rate {
        burst,
        per_second: 0.001,
    };
    world.sandbox.set_rate(LINE, slow(2.0));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(answer(world.push(MAY, text())).await.0);
    }
    assert_eq!(statuses, [200, 200, 429]);
    world.sandbox.advance_clock(Duration::from_secs(1_000));
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);

    world.sandbox.set_pair_rate(NUMBER, slow(1.0));
    assert_eq!(whatsapp(&world).await.0, 200);
    assert_eq!(whatsapp(&world).await, (400, json!(131_056)));
    world.sandbox.advance_clock(Duration::from_secs(1_000));
    assert_eq!(whatsapp(&world).await.0, 200);
}

#[tokio::test]
async fn the_months_quota_is_used_up_and_raised() {
    let world = World::with(Some(1), None).await;
    let quota = async || {
        let limit = answer(world.line_get("message/quota")).await.1;
        let used = answer(world.line_get("message/quota/consumption")).await.1;
        (limit["value"].clone(), used["totalUsage"].clone())
    };
    assert_eq!(quota().await, (json!(1), json!(0)));
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    assert_eq!(answer(world.push(MAY, text())).await.0, 429);
    assert_eq!(quota().await, (json!(1), json!(1)));
    world.sandbox.set_monthly_limit(LINE, Some(2));
    assert_eq!(answer(world.push(MAY, text())).await.0, 200);
    assert_eq!(quota().await, (json!(2), json!(2)));
    world.sandbox.set_monthly_limit(LINE, None);
    let limit = answer(world.line_get("message/quota")).await.1;
    assert_eq!(limit, json!({ "type": "none" }));
}

#[tokio::test]
async fn every_message_is_counted_however_many_there_are() {
    let world = World::new().await;
    let two = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    for number in 0..120 {
        let key = format!("123e4567-e89b-12d3-a456-{number:012}");
        for status in [200, 409] {
            let push = world
                .push(MAY, two.clone())
                .header("X-Line-Retry-Key", &key);
            assert_eq!(answer(push).await.0, status);
        }
    }
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 200);
    assert_eq!(world.sandbox.accepted(LINE)[MAY], 240);
    let traffic = world.sandbox.traffic(LINE);
    assert_eq!(traffic.sendings, 240);
    assert_eq!(traffic.by_second.iter().sum::<u32>(), 240);
    assert!(traffic.peak > 0 && traffic.peak <= 240);
    world.sandbox.reset_tally();
    assert_eq!(world.sandbox.traffic(LINE).sendings, 0);
}
