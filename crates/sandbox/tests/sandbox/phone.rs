//! The phone pages.

use std::time::Duration;

use futures::StreamExt;
use omocast_sandbox::PhoneMessageKind;
use serde_json::json;

use crate::support::{
    ANNA, INSTAGRAM, KEN, LINE, MAY, MP4, NUMBER, PAGE, PDF, PNG, SITE, VISITOR, World, answer,
    customer, utterance,
};

const VISITOR_PATH: &str = "visitor%20%E8%A8%AA%E5%AE%A2%2F1";

async fn page(world: &World, path: &str) -> (u16, String) {
    let response = world
        .http
        .get(format!("{}{path}", world.base))
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_list_finds_customers_by_name_and_number() {
    let world = World::new().await;
    let (status, all) = page(&world, "/phone").await;
    assert_eq!(status, 200);
    assert!(all.contains("林小美") && all.contains("Ken") && all.contains("Lativ &lt;LINE&gt;"));
    assert!(all.contains(VISITOR_PATH));
    let (_, found) = page(&world, "/phone?q=%E5%B0%8F%E7%BE%8E").await;
    assert!(found.contains("林小美") && !found.contains(">Ken<"));
    let (_, found) = page(&world, "/phone?q=34567").await;
    assert!(!found.contains("林小美") && found.contains(">Ken<"));
}

#[tokio::test]
async fn the_list_shows_a_hundred_newest_first() {
    let world = World::new().await;
    for number in 0..150 {
        world
            .sandbox
            .add_customer(SITE, customer(&format!("w{number}"), &format!("W{number}")));
    }
    let mut said = utterance(SITE, "w140", "newest");
    said.at_ms = Some(i64::MAX / 1_000_000);
    world.sandbox.say(vec![said]).await.unwrap();
    let (_, list) = page(&world, "/phone?q=w").await;
    assert_eq!(list.matches(r#"<a class="row""#).count(), 100);
    let first = list.find(r#"<a class="row""#).unwrap();
    assert!(list[first..].starts_with(r#"<a class="row" href="/phone/site-1/w140""#));
}

#[tokio::test]
async fn nothing_a_person_writes_becomes_markup() {
    let world = World::new().await;
    let evil = "<script>alert('x')</script>";
    world.sandbox.add_customer(LINE, customer(MAY, evil));
    world
        .sandbox
        .say(vec![utterance(LINE, MAY, evil)])
        .await
        .unwrap();
    answer(world.push(MAY, json!([{ "type": "text", "text": evil }]))).await;
    for path in [
        "/phone".to_owned(),
        format!("/phone?q={evil}"),
        format!("/phone/{LINE}/{MAY}"),
    ] {
        let (status, html) = page(&world, &path).await;
        assert_eq!(status, 200);
        assert!(
            !html.contains("<script>") && html.contains("&lt;script&gt;"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_typed_message_becomes_a_signed_webhook() {
    let world = World::new().await;
    let url = format!("{}/phone/{SITE}/{VISITOR_PATH}/messages", world.base);
    let (status, _) = answer(world.http.post(&url).json(&json!({ "text": " 你好 " }))).await;
    assert_eq!(status, 202);
    world.sandbox.settle().await;
    let webhook = world.product.webhooks().pop().unwrap();
    assert_eq!(webhook.path, "web");
    assert_eq!(webhook.json()["messages"][0]["text"], "你好");
    assert_eq!(webhook.json()["messages"][0]["visitor_id"], VISITOR);
    let (_, phone) = answer(world.http.get(&url)).await;
    assert_eq!(phone["messages"][0]["kind"], "text");
    assert_eq!(phone["messages"][0]["content"], "你好");
    assert_eq!(
        answer(world.http.post(&url).json(&json!({ "text": " " })))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn opening_the_page_reads_what_whatsapp_delivered() {
    let world = World::new().await;
    let mut hidden = customer(KEN, "Ken");
    hidden.read_receipts = false;
    world.sandbox.add_customer(NUMBER, hidden);
    answer(world.whatsapp(KEN, "text", json!({ "body": "x" }))).await;
    answer(world.push(MAY, json!([{ "type": "text", "text": "x" }]))).await;
    world.sandbox.settle().await;
    assert!(!world.sandbox.messages(LINE, MAY)[0].read);
    page(&world, &format!("/phone/{LINE}/{MAY}")).await;
    assert!(world.sandbox.messages(LINE, MAY)[0].read);
    world.sandbox.settle().await;
    assert!(
        world
            .product
            .statuses()
            .iter()
            .all(|status| status["status"] != "read")
    );
}

#[tokio::test]
async fn the_page_is_told_what_arrives() {
    let world = World::new().await;
    let url = format!("{}/phone/{LINE}/{MAY}/events", world.base);
    let mut events = world.http.get(url).send().await.unwrap().bytes_stream();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await;
        String::from_utf8(event.unwrap().unwrap().unwrap().to_vec()).unwrap()
    };
    assert!(next().await.starts_with("data: "));
    answer(world.push(MAY, json!([{ "type": "text", "text": "新品<到貨>" }]))).await;
    let event = next().await;
    assert!(event.contains("新品&lt;到貨&gt;"), "{event}");
}

#[tokio::test]
async fn blocking_from_the_page_tells_the_product() {
    let world = World::new().await;
    let post = |action: &str| {
        world
            .http
            .post(format!("{}/phone/{LINE}/{MAY}/{action}", world.base))
            .send()
    };
    assert_eq!(post("block").await.unwrap().status(), 303);
    let (_, html) = page(&world, &format!("/phone/{LINE}/{MAY}")).await;
    assert!(html.contains("解除封鎖") && !html.contains("data-composer"));
    assert_eq!(post("unblock").await.unwrap().status(), 303);
    world.sandbox.settle().await;
    let kinds: Vec<_> = world
        .product
        .webhooks()
        .iter()
        .map(|webhook| {
            webhook.json()["events"][0]["type"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&"unfollow".to_owned()) && kinds.contains(&"follow".to_owned()));
}

#[tokio::test]
async fn pictures_come_through_the_sandbox() {
    let world = World::new().await;
    let url = world.picture("good.png");
    let image = json!([{ "type": "image", "originalContentUrl": url, "previewImageUrl": url }]);
    answer(world.push(MAY, image)).await;
    world.sandbox.settle().await;
    let message = world.sandbox.messages(LINE, MAY).pop().unwrap();
    assert_eq!(
        message.kind,
        PhoneMessageKind::Image {
            url: url.clone(),
            preview: url
        }
    );
    let path = format!("/phone/{LINE}/{MAY}/previews/{}", message.id);
    assert!(
        page(&world, &format!("/phone/{LINE}/{MAY}"))
            .await
            .1
            .contains(&path)
    );
    let picture = world
        .http
        .get(format!("{}{path}", world.base))
        .send()
        .await
        .unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert_eq!(picture.bytes().await.unwrap(), PNG);
}

#[tokio::test]
async fn a_customer_made_by_hand_has_a_phone() {
    let world = World::new().await;
    for account in [LINE, PAGE, INSTAGRAM, NUMBER, SITE] {
        let url = format!("{}/phone/{account}/customers", world.base);
        let body = "name=%E6%96%B0%E5%AE%A2";
        let request = world
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 303);
        let phone = response.headers()["location"].to_str().unwrap().to_owned();
        assert!(page(&world, &phone).await.1.contains("新客"));
    }
}

#[tokio::test]
async fn an_unknown_phone_is_not_found() {
    let world = World::new().await;
    assert_eq!(page(&world, "/phone/nowhere/nobody").await.0, 404);
    assert_eq!(page(&world, &format!("/phone/{LINE}/nobody")).await.0, 404);
    assert_eq!(
        page(&world, &format!("/phone/{LINE}/nobody/events"))
            .await
            .0,
        404
    );
    let url = format!("{}/phone/{LINE}/nobody/messages", world.base);
    assert_eq!(
        answer(world.http.post(url).json(&json!({ "text": "x" })))
            .await
            .0,
        422
    );
}

async fn send_file(world: &World, account: &str, user: &str, name: &str, bytes: &[u8]) -> u16 {
    let file = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let form = reqwest::multipart::Form::new().part("file", file);
    let url = format!("{}/phone/{account}/{user}/files", world.base);
    let sent = world.http.post(url).multipart(form).send().await.unwrap();
    world.sandbox.settle().await;
    sent.status().as_u16()
}

#[tokio::test]
async fn a_customer_sends_files() {
    let world = World::new().await;
    world.say(PAGE, ANNA, "嗨").await;

    assert_eq!(send_file(&world, LINE, MAY, "a.png", PNG).await, 202);
    let event = world.product.webhooks().pop().unwrap().json()["events"][0].clone();
    assert_eq!(event["message"]["type"], "image");
    let id = event["message"]["id"].as_str().unwrap();
    let url = format!("{}/line-data/v2/bot/message/{id}/content", world.base);
    let content = world.http.get(url).bearer_auth("line-token");
    assert_eq!(content.send().await.unwrap().bytes().await.unwrap(), PNG);

    assert_eq!(send_file(&world, NUMBER, KEN, "型錄.pdf", PDF).await, 202);
    let body = world.product.webhooks().pop().unwrap().json();
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(message["type"], "document");
    assert_eq!(message["document"]["filename"], "型錄.pdf");

    assert_eq!(send_file(&world, PAGE, ANNA, "a.mp4", MP4).await, 202);
    let body = world.product.webhooks().pop().unwrap().json();
    let attachment = &body["entry"][0]["messaging"][0]["message"]["attachments"][0];
    assert_eq!(attachment["type"], "video");
    let url = attachment["payload"]["url"].as_str().unwrap();
    let film = world.http.get(url).send().await.unwrap();
    assert_eq!(film.headers()["content-type"], "video/mp4");
    assert_eq!(film.bytes().await.unwrap(), MP4);
    let part = world
        .http
        .get(url)
        .header("range", "bytes=4-7")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), &b"ftyp"[..]);

    assert_eq!(
        send_file(&world, SITE, VISITOR_PATH, "a.png", PNG).await,
        422
    );
    assert_eq!(send_file(&world, PAGE, ANNA, "a.png", b"").await, 422);
}
