//! What LINE accepts and refuses.

use omocast_sandbox::PhoneMessageKind;
use serde_json::{Value, json};

use crate::support::{LINE, MAY, STRANGER, World, answer, check_schema};

fn text(text: &str) -> Value {
    json!([{ "type": "text", "text": text }])
}

fn image(url: &str, preview: &str) -> Value {
    json!([{ "type": "image", "originalContentUrl": url, "previewImageUrl": preview }])
}

/// Pushes to May and expects these details in the refusal.
async fn check_details(messages: Value, expected: &[(&str, &str)]) {
    let world = World::new().await;
    let body = json!({ "to": MAY, "messages": messages });
    let (status, body) = answer(world.line_post("message/push").json(&body)).await;
    check_schema("line-messaging", "ErrorResponse", &body);
    assert_eq!(status, 400);
    assert_eq!(
        body["message"],
        format!("The request body has {} error(s)", expected.len())
    );
    let details: Vec<_> = body["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| {
            (
                detail["property"].as_str().unwrap(),
                detail["message"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(details, expected);
    assert!(world.sandbox.messages(LINE, MAY).is_empty());
}

#[tokio::test]
async fn a_push_reaches_the_phone_and_answers_message_ids() {
    let world = World::new().await;
    let messages = json!([{ "type": "text", "text": "一" }, { "type": "text", "text": "二" }]);
    let response = world.push(MAY, messages).send().await.unwrap();
    assert!(response.headers().contains_key("x-line-request-id"));
    let body: Value = response.json().await.unwrap();
    check_schema("line-messaging", "PushMessageResponse", &body);
    let phone = world.sandbox.messages(LINE, MAY);
    let texts: Vec<_> = phone.iter().map(|message| message.kind.clone()).collect();
    assert_eq!(
        texts,
        [
            PhoneMessageKind::Text("一".into()),
            PhoneMessageKind::Text("二".into())
        ]
    );
    assert_eq!(body["sentMessages"][1]["id"], phone[1].id);
}

#[tokio::test]
async fn a_text_may_have_5000_utf_16_units() {
    let world = World::new().await;
    let (status, _) = answer(world.push(MAY, text(&"😀".repeat(2_500)))).await;
    assert_eq!(status, 200);
    let expected = [("messages[0].text", "Length must be between 0 and 5000")];
    check_details(text(&"😀".repeat(2_501)), &expected).await;
}

#[tokio::test]
async fn every_error_of_a_body_is_named() {
    check_details(
        json!([{ "type": "text", "text": "" }, { "type": "text" }, { "text": "no type" }]),
        &[
            ("messages[0].text", "May not be empty"),
            ("messages[1].text", "May not be empty"),
            ("messages[2].type", "May not be empty"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_push_has_one_to_five_messages() {
    let expected = [("messages", "Size must be between 1 and 5")];
    check_details(json!([]), &expected).await;
    let six: Vec<_> = (0..6)
        .map(|_| json!({ "type": "text", "text": "x" }))
        .collect();
    check_details(json!(six), &expected).await;
    check_details(Value::Null, &expected).await;
}

#[tokio::test]
async fn a_file_message_does_not_exist() {
    let world = World::new().await;
    let body = json!({ "to": MAY, "messages": [{ "type": "file" }] });
    let (status, body) = answer(world.line_post("message/push").json(&body)).await;
    assert_eq!(
        (status, &body["details"][0]["property"]),
        (400, &json!("messages[0].type"))
    );
}

#[tokio::test]
async fn an_image_needs_two_https_links() {
    check_details(
        image("http://example.com/a.png", ""),
        &[
            (
                "messages[0].originalContentUrl",
                "Must specify a valid HTTPS URL",
            ),
            ("messages[0].previewImageUrl", "May not be empty"),
        ],
    )
    .await;
    let long = format!("https://example.com/{}", "a".repeat(2_000));
    check_details(
        image(&long, "https://example.com/圖.png"),
        &[
            (
                "messages[0].originalContentUrl",
                "Length must be between 0 and 2000",
            ),
            (
                "messages[0].previewImageUrl",
                "Must specify a valid HTTPS URL",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_image_is_fetched_when_the_customer_looks() {
    let world = World::new().await;
    let cases = [
        ("good.png", "good.png", None),
        (
            "text.png",
            "good.png",
            Some("undeliverable media: not of a type that is taken here"),
        ),
        (
            "good.png",
            "missing.png",
            Some("undeliverable media: the link could not be fetched"),
        ),
        (
            "large.png",
            "large.png",
            Some("undeliverable media: the file is too large"),
        ),
    ];
    for (original, preview, _) in cases {
        let messages = image(&world.picture(original), &world.picture(preview));
        assert_eq!(answer(world.push(MAY, messages)).await.0, 200);
    }
    world.sandbox.settle().await;
    let phone = world.sandbox.messages(LINE, MAY);
    assert!(phone.iter().all(|message| message.pending));
    assert_eq!(world.product.fetched(), Vec::<String>::new());
    world.sandbox.look_at(LINE, MAY).await;
    let phone = world.sandbox.messages(LINE, MAY);
    assert_eq!(phone.len(), cases.len());
    for (message, (original, _, problem)) in phone.iter().zip(cases) {
        assert!(!message.pending);
        assert_eq!(message.problem.as_deref(), problem, "{original}");
    }
}

#[tokio::test]
async fn a_video_needs_its_preview() {
    let world = World::new().await;
    let video = |url: &str, preview: &str| {
        json!([{
            "type": "video",
            "originalContentUrl": world.picture(url),
            "previewImageUrl": world.picture(preview),
        }])
    };
    for (url, preview, problem) in [
        ("film.mp4", "good.png", None),
        (
            "film.mp4",
            "film.mp4",
            Some("undeliverable media: not of a type that is taken here"),
        ),
        (
            "good.png",
            "good.png",
            Some("undeliverable media: not of a type that is taken here"),
        ),
    ] {
        answer(world.push(MAY, video(url, preview))).await;
        world.sandbox.look_at(LINE, MAY).await;
        let message = world.sandbox.messages(LINE, MAY).pop().unwrap();
        let expected = PhoneMessageKind::Video {
            url: world.picture(url),
            preview: Some(world.picture(preview)),
        };
        assert_eq!(message.kind, expected);
        assert_eq!(message.problem.as_deref(), problem, "{url} {preview}");
    }
    let without = json!([{ "type": "video", "originalContentUrl": world.picture("film.mp4") }]);
    let body = json!({ "to": MAY, "messages": without });
    let (status, refusal) = answer(world.line_post("message/push").json(&body)).await;
    assert_eq!(status, 400);
    assert_eq!(
        refusal["details"][0]["property"],
        "messages[0].previewImageUrl"
    );
}

#[tokio::test]
async fn an_unknown_user_gets_nothing() {
    let world = World::new().await;
    let (status, body) = answer(world.push(STRANGER, text("x"))).await;
    assert_eq!(
        (status, body),
        (400, json!({ "message": "Failed to send messages" }))
    );
    let (status, body) = answer(world.push("someone", text("x"))).await;
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("'to'"), "{body}");
}

#[tokio::test]
async fn a_push_needs_the_channels_token() {
    let world = World::new().await;
    for request in [
        world
            .http
            .post(format!("{}/line/v2/bot/message/push", world.base)),
        world
            .http
            .post(format!("{}/line/v2/bot/message/push", world.base))
            .bearer_auth("other"),
        world.http.get(format!("{}/line/v2/bot/info", world.base)),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("x-line-request-id"));
        let body: Value = response.json().await.unwrap();
        let message = body["message"].as_str().unwrap();
        assert!(message.starts_with("Authentication failed due to the following reason: "));
    }
}

#[tokio::test]
async fn a_body_is_json_of_at_most_two_megabytes() {
    let world = World::new().await;
    let push = || world.line_post("message/push");
    assert_eq!(answer(push().body("{}")).await.0, 415);
    let json = || push().header("content-type", "application/json; charset=utf-8");
    assert_eq!(
        answer(json().body(" ".repeat(2 * 1024 * 1024 + 1))).await.0,
        413
    );
    let (status, body) = answer(json().body("{")).await;
    assert_eq!(status, 400);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("could not be parsed as JSON")
    );
}

#[tokio::test]
async fn a_retry_key_is_accepted_once_a_day() {
    let world = World::new().await;
    let key = "123e4567-e89b-12d3-a456-426614174000";
    let push = || {
        world
            .push(MAY, text("once"))
            .header("X-Line-Retry-Key", key)
    };
    let first = push().send().await.unwrap();
    let request_id = first.headers()["x-line-request-id"].clone();
    let first: Value = first.json().await.unwrap();

    let second = push().send().await.unwrap();
    assert_eq!(second.status(), 409);
    assert_eq!(second.headers()["x-line-accepted-request-id"], request_id);
    assert_ne!(second.headers()["x-line-request-id"], request_id);
    let second: Value = second.json().await.unwrap();
    check_schema("line-messaging", "ErrorResponse", &second);
    assert_eq!(second["message"], "The retry key is already accepted");
    assert_eq!(second["sentMessages"], first["sentMessages"]);
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 1);
    assert_eq!(world.sandbox.requests()[0].headers["x-line-retry-key"], key);

    assert_eq!(world.sandbox.changed_repeats(LINE), 0);
    let changed = world
        .push(MAY, text("something else"))
        .header("X-Line-Retry-Key", key);
    assert_eq!(changed.send().await.unwrap().status(), 409);
    assert_eq!(world.sandbox.changed_repeats(LINE), 1);

    world
        .sandbox
        .advance_clock(std::time::Duration::from_secs(24 * 60 * 60));
    assert_eq!(answer(push()).await.0, 200);
}

#[tokio::test]
async fn a_refused_request_leaves_its_retry_key_free() {
    let world = World::new().await;
    let key = "123e4567-e89b-12d3-a456-426614174000";
    let push = |to| world.push(to, text("x")).header("X-Line-Retry-Key", key);
    assert_eq!(answer(push(STRANGER)).await.0, 400);
    assert_eq!(answer(push(MAY)).await.0, 200);
}

#[tokio::test]
async fn a_retry_key_is_a_uuid() {
    let world = World::new().await;
    for key in [
        "1",
        "{123e4567-e89b-12d3-a456-426614174000}",
        "123e4567e89b12d3a456426614174000",
    ] {
        let request = world.push(MAY, text("x")).header("X-Line-Retry-Key", key);
        assert_eq!(answer(request).await.0, 400, "{key}");
    }
}

#[tokio::test]
async fn the_monthly_limit_counts_recipients() {
    let world = World::with(Some(2), None).await;
    let quota = answer(world.line_get("message/quota")).await.1;
    check_schema("line-messaging", "MessageQuotaResponse", &quota);
    assert_eq!(quota, json!({ "type": "limited", "value": 2 }));
    let five: Vec<_> = (0..5)
        .map(|_| json!({ "type": "text", "text": "x" }))
        .collect();
    for expected in [200, 200, 429] {
        assert_eq!(answer(world.push(MAY, json!(five))).await.0, expected);
    }
    let (_, body) = answer(world.push(MAY, text("x"))).await;
    assert_eq!(body["message"], "You have reached your monthly limit.");
    let used = answer(world.line_get("message/quota/consumption")).await.1;
    check_schema("line-messaging", "QuotaConsumptionResponse", &used);
    assert_eq!(used["totalUsage"], 2);

    world
        .sandbox
        .advance_clock(std::time::Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(answer(world.push(MAY, text("next month"))).await.0, 200);
}

#[tokio::test]
async fn an_account_without_a_limit_says_so() {
    let world = World::new().await;
    assert_eq!(
        answer(world.line_get("message/quota")).await.1,
        json!({ "type": "none" })
    );
}

#[tokio::test]
async fn multicast_answers_nothing_and_skips_who_is_unknown() {
    let world = World::new().await;
    let key = "123e4567-e89b-12d3-a456-426614174000";
    let body = json!({ "to": [MAY, STRANGER], "messages": text("all") });
    check_schema("line-messaging", "MulticastRequest", &body);
    let send = || {
        world
            .line_post("message/multicast")
            .header("X-Line-Retry-Key", key)
            .json(&body)
    };
    assert_eq!(answer(send()).await, (200, json!({})));
    assert_eq!(world.sandbox.messages(LINE, MAY).len(), 1);
    let used = answer(world.line_get("message/quota/consumption")).await.1;
    assert_eq!(used["totalUsage"], 1);
    let (status, body) = answer(send()).await;
    assert_eq!((status, body.get("sentMessages")), (409, None));

    let nobody = json!({ "to": [], "messages": text("x") });
    let (status, body) = answer(world.line_post("message/multicast").json(&nobody)).await;
    assert_eq!(
        (status, &body["details"][0]["property"]),
        (400, &json!("to"))
    );
}

#[tokio::test]
async fn who_blocks_gets_nothing_and_has_no_profile() {
    let world = World::new().await;
    let profile = format!("profile/{MAY}");
    let (status, body) = answer(world.line_get(&profile)).await;
    check_schema("line-messaging", "UserProfileResponse", &body);
    assert_eq!((status, &body["displayName"]), (200, &json!("林小美")));

    world.sandbox.block(LINE, MAY);
    assert_eq!(answer(world.push(MAY, text("x"))).await.0, 200);
    assert!(world.sandbox.messages(LINE, MAY).is_empty());
    let used = answer(world.line_get("message/quota/consumption")).await.1;
    assert_eq!(used["totalUsage"], 0);
    assert_eq!(
        answer(world.line_get(&profile)).await,
        (404, json!({ "message": "Not found" }))
    );
    world.sandbox.settle().await;
    let events = world.product.webhooks()[0].json();
    assert_eq!(events["events"][0]["type"], "unfollow");

    world.sandbox.unblock(LINE, MAY);
    world.sandbox.settle().await;
    let follow = world.product.webhooks()[1].json();
    assert_eq!(
        follow["events"][0]["follow"],
        json!({ "isUnblocked": true })
    );
    assert_eq!(answer(world.line_get(&profile)).await.0, 200);
}

#[tokio::test]
async fn the_account_tells_who_it_is() {
    let world = World::new().await;
    let (_, info) = answer(world.line_get("info")).await;
    assert_eq!(info["userId"], LINE);
    let content = format!("{}/line-data/v2/bot/message/1/content", world.base);
    assert_eq!(
        answer(world.http.get(content).bearer_auth("line-token"))
            .await
            .0,
        404
    );
    assert_eq!(answer(world.line_get("nothing")).await.0, 404);
    assert_eq!(answer(world.line_get("message/push")).await.0, 405);
}

#[tokio::test]
async fn messages_can_be_checked_without_sending() {
    let world = World::new().await;
    let validate = |messages| {
        world
            .line_post("message/validate/push")
            .json(&json!({ "messages": messages }))
    };
    assert_eq!(answer(validate(text("x"))).await, (200, json!({})));
    assert_eq!(answer(validate(text(""))).await.0, 400);
    assert!(world.sandbox.messages(LINE, MAY).is_empty());
}
