//! WhatsApp's message templates: listed, changed by Meta, sent, refused, and answered by a press of a button.

use std::time::Duration;

use omocast_sandbox::{
    Account, HeaderFormat, Marketing, Notice, PhoneButton, PhoneHeader, PhoneMessageKind,
    PhoneTemplate, Press, Receipts, SandboxConfig, Template, TemplateButton, TemplateCard,
    TemplateCategory, TemplateStatus,
};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{
    KEN, NUMBER, PDF, PNG, WABA, World, accounts, answer, check_schema, customer, utterance,
};
use crate::web::hex_hmac;

/// Somebody who never wrote.
const NEW: &str = "886900000000";

fn hello() -> Template {
    Template::new("hello", "zh_TW", TemplateCategory::Utility).with_body("{{1}} 您好", &["小美"])
}

fn sale() -> Template {
    Template::new("autumn_sale", "zh_TW", TemplateCategory::Marketing)
        .with_media_header(HeaderFormat::Image, "https://example.com/sample.png")
        .with_body("*{{name}}* 您好，秋季新品到了\n_<限時>_", &["小美"])
        .with_footer("點「取消」不再收到")
        .with_buttons(vec![
            TemplateButton::QuickReply {
                text: "取消".into(),
            },
            TemplateButton::Url {
                text: "看看".into(),
                url: "https://shop.example/{{1}}".into(),
                example: Some(vec!["https://shop.example/coat".into()]),
            },
            TemplateButton::PhoneNumber {
                text: "打電話".into(),
                phone_number: "+886255550001".into(),
            },
        ])
}

fn cards() -> Template {
    let card = |text: &str| {
        let buttons = vec![TemplateButton::QuickReply {
            text: "要這件".into(),
        }];
        let sample = "https://example.com/sample.png";
        TemplateCard::new(HeaderFormat::Image, sample, text, &[], buttons)
    };
    Template::new("cards", "zh_TW", TemplateCategory::Marketing)
        .with_body("新品到了", &[])
        .with_cards(vec![card("大衣"), card("圍巾")])
}

impl World {
    fn set_template(&self, template: Template) -> String {
        self.sandbox
            .set_template(WABA, template, Notice::Lost)
            .unwrap()
    }

    async fn send_template(&self, to: &str, name: &str, components: Value) -> (u16, Value) {
        let template = json!({
            "name": name,
            "language": { "code": "zh_TW" },
            "components": components,
        });
        let sent = answer(self.whatsapp(to, "template", template)).await;
        self.sandbox.settle().await;
        sent
    }

    async fn send_hello(&self, to: &str) -> (u16, Value) {
        let body = json!([{ "type": "body", "parameters": [{ "type": "text", "text": "Ken" }] }]);
        self.send_template(to, "hello", body).await
    }

    fn last_template(&self, user: &str) -> PhoneTemplate {
        let last = self.sandbox.messages(NUMBER, user).pop().unwrap();
        match last.kind {
            PhoneMessageKind::Template(template) => template,
            other => panic!("{other:?}"),
        }
    }

    async fn list(&self, query: &str) -> Value {
        let path = format!("{WABA}/message_templates?{query}");
        let (status, list) = answer(self.graph_get(&path)).await;
        assert_eq!(status, 200, "{list}");
        list
    }

    async fn listed(&self, query: &str) -> Vec<String> {
        names(&self.list(query).await)
    }

    async fn control(&self, path: &str, body: Value) -> u16 {
        let url = format!("{}/control/{path}", self.base);
        let sent = self.http.post(url).json(&body).send().await.unwrap();
        self.sandbox.settle().await;
        sent.status().as_u16()
    }

    /// What was told of templates, and the field it was told under.
    fn changes(&self) -> Vec<(String, Value)> {
        let changes = self.product.webhooks().into_iter().map(|webhook| {
            let mut body = webhook.json();
            assert_eq!(body["entry"][0]["id"], WABA);
            let expected = format!("sha256={}", hex_hmac("wa-secret", &webhook.bytes));
            assert_eq!(webhook.header("x-hub-signature-256"), expected);
            let mut change = body["entry"][0]["changes"][0].take();
            let field = change["field"].as_str().unwrap().to_owned();
            (field, change["value"].take())
        });
        changes.collect()
    }
}

/// A message's id as a segment of a path.
fn segment(id: &str) -> String {
    id.replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

fn names(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    let names = data
        .iter()
        .map(|template| template["name"].as_str().unwrap().to_owned());
    names.collect()
}

fn sale_components(image: &Value) -> Value {
    json!([
        { "type": "header", "parameters": [{ "type": "image", "image": image }] },
        {
            "type": "body",
            "parameters": [{ "type": "text", "parameter_name": "name", "text": "Ken" }],
        },
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{ "type": "payload", "payload": "STOP" }],
        },
        {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{ "type": "text", "text": "coat?from=wa" }],
        },
    ])
}

#[track_caller]
fn check_refused(answer: &(u16, Value), status: u16, code: u32) {
    check_schema("whatsapp-send", "GraphAPIError", &answer.1);
    let got = (answer.0, &answer.1["error"]["code"]);
    assert_eq!(got, (status, &json!(code)), "{}", answer.1);
}

#[tokio::test]
async fn the_listing_is_followed_page_by_page() {
    let world = World::new().await;
    for number in 0..60 {
        let name = format!("t{number:02}");
        let template = Template::new(&name, "en", TemplateCategory::Utility).with_body("x", &[]);
        world.set_template(template);
    }
    let first = world.list("").await;
    assert_eq!(names(&first).len(), 25);
    assert!(first["paging"].get("previous").is_none());

    let mut all = Vec::new();
    let mut page = world.list("limit=25&fields=name").await;
    loop {
        all.extend(names(&page));
        let Some(next) = page["paging"]["next"].as_str() else {
            break;
        };
        let next = world.http.get(next).bearer_auth("wa-token");
        page = answer(next).await.1;
    }
    let expected: Vec<_> = (0..60).map(|number| format!("t{number:02}")).collect();
    assert_eq!(all, expected);
    assert_eq!(names(&page), expected[50..]);

    let previous = page["paging"]["previous"].as_str().unwrap();
    let (_, page) = answer(world.http.get(previous)).await;
    assert_eq!(names(&page), expected[25..50]);
    let after = page["paging"]["cursors"]["after"].as_str().unwrap();
    world
        .sandbox
        .delete_template(WABA, "t49", "en", Notice::Lost)
        .unwrap();
    let listed = world.listed(&format!("limit=1&after={after}")).await;
    assert_eq!(listed, ["t50"], "a cursor outlives its template");
}

#[tokio::test]
async fn the_listing_is_filtered() {
    let world = World::new().await;
    world.set_template(hello());
    world.set_template(Template {
        language: "en".into(),
        ..hello()
    });
    world.set_template(sale().with_status(TemplateStatus::Paused));
    assert_eq!(world.listed("name=hello").await, ["hello", "hello"]);
    assert_eq!(
        world.listed("language=zh_TW").await,
        ["hello", "autumn_sale"]
    );
    assert_eq!(world.listed("status=PAUSED").await, ["autumn_sale"]);
    assert_eq!(world.listed("category=MARKETING").await, ["autumn_sale"]);
    assert_eq!(
        world.listed("status=[%22PAUSED%22,%22DISABLED%22]").await,
        ["autumn_sale"]
    );
    assert_eq!(
        world.listed("name_or_content=%E7%A7%8B%E5%AD%A3").await,
        ["autumn_sale"]
    );
    assert!(world.listed("language=ja").await.is_empty());
}

#[tokio::test]
async fn the_listing_tells_the_fields_asked_for() {
    let world = World::new().await;
    let id = world.set_template(sale());
    let list = world.list("").await;
    let template = &list["data"][0];
    assert_eq!(template["id"], id);
    assert_eq!(template["parameter_format"], "NAMED");
    assert_eq!(
        template["components"][1],
        json!({
            "type": "BODY",
            "text": "*{{name}}* 您好，秋季新品到了\n_<限時>_",
            "example": {
                "body_text_named_params": [{ "param_name": "name", "example": "小美" }],
            },
        })
    );
    assert_eq!(
        template["components"][3]["buttons"][1],
        json!({
            "type": "URL",
            "text": "看看",
            "url": "https://shop.example/{{1}}",
            "example": ["https://shop.example/coat"],
        })
    );
    let fields = "fields=quality_score,rejected_reason,sub_category";
    let list = world.list(fields).await;
    assert_eq!(list["data"][0]["quality_score"]["score"], "UNKNOWN");
    assert_eq!(list["data"][0]["rejected_reason"], "NONE");
    assert!(list["data"][0].get("name").is_none());
}

#[tokio::test]
async fn a_listing_graph_would_not_give_is_refused() {
    let world = World::new().await;
    world.set_template(hello());
    for query in [
        "limit=0",
        "limit=x",
        "status=GONE",
        "after=%25",
        "fields=colour",
    ] {
        let path = format!("{WABA}/message_templates?{query}");
        check_refused(&answer(world.graph_get(&path)).await, 400, 100);
    }
    let stranger = world.graph_get("999/message_templates");
    let refused = answer(stranger).await;
    check_refused(&refused, 400, 100);
    assert_eq!(refused.1["error"]["error_subcode"], 33);
    let url = format!("{}/graph/v23.0/{WABA}/message_templates", world.base);
    check_refused(&answer(world.http.get(url)).await, 401, 190);
}

#[tokio::test]
async fn a_template_reaches_who_never_wrote_with_all_its_parts() {
    let world = World::new().await;
    world.sandbox.add_customer(NUMBER, customer(NEW, "New"));
    world.set_template(sale());
    let link = world.picture("good.png");
    let components = sale_components(&json!({ "link": link }));
    check_schema(
        "whatsapp-send",
        "SendMessageRequest",
        &json!({
            "messaging_product": "whatsapp",
            "to": NEW,
            "type": "template",
            "template": {
                "name": "autumn_sale",
                "language": { "code": "zh_TW" },
                "components": components,
            },
        }),
    );
    let (status, sent) = world.send_template(NEW, "autumn_sale", components).await;
    check_schema("whatsapp-send", "MessageResponsePayload", &sent);
    assert_eq!(status, 200);
    assert_eq!(sent["messages"][0]["message_status"], "accepted");

    let shown = world.last_template(NEW);
    assert_eq!(shown.header, Some(PhoneHeader::Image { url: link }));
    assert_eq!(shown.body, "*Ken* 您好，秋季新品到了\n_<限時>_");
    assert_eq!(shown.footer.as_deref(), Some("點「取消」不再收到"));
    assert_eq!(
        shown.buttons[1],
        PhoneButton::Url {
            text: "看看".into(),
            url: "https://shop.example/coat?from=wa".into(),
        }
    );

    let statuses = world.product.statuses();
    assert_eq!(statuses.len(), 3, "{statuses:#?}");
    for status in statuses {
        assert_ne!(status["status"], "failed");
        assert_eq!(
            status["pricing"],
            json!({
                "billable": true,
                "pricing_model": "PMP",
                "category": "marketing",
                "type": "regular",
            })
        );
    }
    for webhook in world.product.webhooks() {
        check_schema("whatsapp-webhook", "WebhookPayload", &webhook.json());
    }

    // It opens no window.
    let text = answer(world.whatsapp(NEW, "text", json!({ "body": "x" }))).await;
    assert_eq!(text.0, 200);
    world.sandbox.settle().await;
    let failed = world.product.statuses().pop().unwrap();
    assert_eq!(failed["errors"][0]["code"], 131_047);
}

#[tokio::test]
async fn a_utility_template_is_free_inside_the_window() {
    let world = World::new().await;
    world.set_template(hello());
    assert_eq!(world.send_hello(KEN).await.0, 200);
    let status = world.product.statuses().pop().unwrap();
    assert_eq!(status["pricing"]["billable"], false);
    assert_eq!(status["pricing"]["category"], "utility");
    world.product.forget();
    world
        .sandbox
        .advance_clock(Duration::from_secs(25 * 60 * 60));
    assert_eq!(world.send_hello(KEN).await.0, 200);
    let status = world.product.statuses().pop().unwrap();
    assert_eq!(status["pricing"]["billable"], true);
}

#[tokio::test]
async fn only_what_is_approved_in_that_language_is_sent() {
    let world = World::new().await;
    check_refused(&world.send_hello(KEN).await, 404, 132_001);
    world.set_template(Template {
        language: "en".into(),
        ..hello()
    });
    let refused = world.send_hello(KEN).await;
    check_refused(&refused, 404, 132_001);
    assert_eq!(
        refused.1["error"]["error_data"]["details"],
        "template name (hello) does not exist in zh_TW"
    );
    for (status, http, code) in [
        (TemplateStatus::Pending, 404, 132_001),
        (TemplateStatus::Paused, 400, 132_015),
        (TemplateStatus::Disabled, 400, 132_016),
    ] {
        world.set_template(hello().with_status(status));
        check_refused(&world.send_hello(KEN).await, http, code);
    }
    world.set_template(hello());
    assert_eq!(world.send_hello(KEN).await.0, 200);
}

#[tokio::test]
async fn a_template_is_asked_for_by_name_and_language() {
    let world = World::new().await;
    world.set_template(hello());
    for (template, code) in [
        (json!({ "language": { "code": "zh_TW" } }), 131_008),
        (json!({ "name": "hello" }), 131_008),
        (
            json!({ "name": 1, "language": { "code": "zh_TW" } }),
            131_009,
        ),
        (
            json!({ "name": "hello", "language": { "code": "zh_TW", "policy": "fallback" } }),
            131_009,
        ),
        (
            json!({ "name": "hello", "language": { "code": "zh_TW" }, "components": {} }),
            131_009,
        ),
        (
            json!({
                "name": "hello",
                "language": { "code": "zh_TW" },
                "components": [{ "type": "footer", "parameters": [] }],
            }),
            100,
        ),
        (
            json!({ "name": "hello", "language": { "code": "zh_TW" } }),
            132_000,
        ),
    ] {
        let refused = answer(world.whatsapp(KEN, "template", template)).await;
        check_refused(&refused, 400, code);
    }
    assert_eq!(world.sandbox.messages(NUMBER, KEN).len(), 1);
}

async fn upload(world: &World, bytes: &[u8]) -> Value {
    let file = Part::bytes(bytes.to_vec()).file_name("型錄.pdf");
    let form = Form::new()
        .text("messaging_product", "whatsapp")
        .text("type", "application/octet-stream")
        .part("file", file);
    let (status, media) = answer(world.graph_post("media").multipart(form)).await;
    assert_eq!(status, 200);
    media["id"].clone()
}

#[tokio::test]
async fn a_headers_upload_is_checked_as_other_media_are() {
    let world = World::new().await;
    world.set_template(sale());
    let picture = upload(&world, PNG).await;
    let file = upload(&world, PDF).await;
    let send = async |id: &Value| {
        let components = sale_components(&json!({ "id": id }));
        world.send_template(KEN, "autumn_sale", components).await
    };
    check_refused(&send(&json!("1")).await, 400, 100);
    check_refused(&send(&file).await, 400, 100);
    assert_eq!(send(&picture).await.0, 200);
    let url = format!("/phone/media/{NUMBER}/{}", picture.as_str().unwrap());
    assert_eq!(
        world.last_template(KEN).header,
        Some(PhoneHeader::Image { url })
    );
    world
        .sandbox
        .advance_clock(Duration::from_secs(30 * 24 * 60 * 60));
    check_refused(&send(&picture).await, 400, 100);
}

#[tokio::test]
async fn a_headers_document_has_a_name() {
    let world = World::new().await;
    let template = Template::new("catalogue", "zh_TW", TemplateCategory::Utility)
        .with_media_header(HeaderFormat::Document, "https://example.com/a.pdf")
        .with_body("型錄在這裡", &[]);
    world.set_template(template);
    let link = world.picture("list.pdf");
    let document = json!({ "link": link, "filename": "秋季型錄.pdf" });
    let components = json!([
        { "type": "header", "parameters": [{ "type": "document", "document": document }] },
    ]);
    let sent = world.send_template(KEN, "catalogue", components).await;
    assert_eq!(sent.0, 200);
    let expected = PhoneHeader::Document {
        url: link,
        name: "秋季型錄.pdf".into(),
    };
    assert_eq!(world.last_template(KEN).header, Some(expected));
}

#[tokio::test]
async fn a_headers_link_that_leads_nowhere_fails_later() {
    let world = World::new().await;
    world.set_template(sale());
    for (name, code) in [("missing.png", 131_052), ("film.mp4", 131_053)] {
        world.product.forget();
        let components = sale_components(&json!({ "link": world.picture(name) }));
        let sent = world.send_template(KEN, "autumn_sale", components).await;
        assert_eq!(sent.0, 200);
        let statuses = world.product.statuses();
        assert_eq!(statuses.len(), 1, "{statuses:#?}");
        assert_eq!(statuses[0]["errors"][0]["code"], code);
        assert!(
            world
                .sandbox
                .messages(NUMBER, KEN)
                .pop()
                .unwrap()
                .problem
                .is_some()
        );
    }
}

#[tokio::test]
async fn who_stopped_marketing_still_gets_utility() {
    let world = World::new().await;
    world.set_template(sale());
    world.set_template(hello());
    let components = sale_components(&json!({ "link": world.picture("good.png") }));
    for (marketing, code) in [
        (Marketing::Stopped, json!(131_050)),
        (Marketing::Capped, json!(131_049)),
        (Marketing::Taken, Value::Null),
    ] {
        let body = json!({ "account": NUMBER, "user": KEN, "marketing": marketing });
        assert_eq!(world.control("marketing", body).await, 204);
        world.product.forget();
        let before = world.sandbox.messages(NUMBER, KEN).len();
        let sent = world
            .send_template(KEN, "autumn_sale", components.clone())
            .await;
        assert_eq!(sent.0, 200);
        assert_eq!(world.product.statuses()[0]["errors"][0]["code"], code);
        let came = world.sandbox.messages(NUMBER, KEN).len() - before;
        assert_eq!(came, usize::from(marketing == Marketing::Taken));
        world.product.forget();
        assert_eq!(world.send_hello(KEN).await.0, 200);
        assert_eq!(world.product.statuses()[0]["errors"], Value::Null);
    }
}

#[tokio::test]
async fn who_blocks_the_business_never_gets_a_template() {
    let world = World::new().await;
    world.set_template(hello());
    world.sandbox.block(NUMBER, KEN);
    assert_eq!(world.send_hello(KEN).await.0, 200);
    let statuses = world.product.statuses();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0]["status"], "sent");
    assert_eq!(world.sandbox.messages(NUMBER, KEN).len(), 1);
}

#[tokio::test]
async fn templates_count_towards_the_pair_rate() {
    let world = World::new().await;
    let plain = Template::new("plain", "zh_TW", TemplateCategory::Utility).with_body("x", &[]);
    world.set_template(plain);
    let template = json!({ "name": "plain", "language": { "code": "zh_TW" } });
    let send = || answer(world.whatsapp(KEN, "template", template.clone()));
    for _ in 0..45 {
        assert_eq!(send().await.0, 200);
    }
    check_refused(&send().await, 400, 131_056);
}

#[tokio::test]
async fn a_pressed_quick_reply_tells_its_payload_and_opens_the_window() {
    let world = World::new().await;
    world.sandbox.add_customer(NUMBER, customer(NEW, "New"));
    world.set_template(sale());
    let components = sale_components(&json!({ "link": world.picture("good.png") }));
    let (_, sent) = world.send_template(NEW, "autumn_sale", components).await;
    let id = sent["messages"][0]["id"].as_str().unwrap();
    world.product.forget();

    let url = format!("{}/phone/{NUMBER}/{NEW}/presses", world.base);
    let press = |button: usize| {
        let body = json!({ "message": id, "card": null, "button": button });
        world.http.post(&url).json(&body)
    };
    assert_eq!(answer(press(0)).await.0, 202);
    world.sandbox.settle().await;
    let body = world.product.webhooks().pop().unwrap().json();
    check_schema("whatsapp-webhook", "WebhookPayload", &body);
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(message["type"], "button");
    assert_eq!(
        message["button"],
        json!({ "payload": "STOP", "text": "取消" })
    );
    assert_eq!(
        message["context"],
        json!({ "from": "886255550001", "id": id })
    );
    let last = world.sandbox.messages(NUMBER, NEW).pop().unwrap();
    assert_eq!(last.kind, PhoneMessageKind::Text("取消".into()));
    assert!(last.from_customer);

    let text = world.whatsapp(NEW, "text", json!({ "body": "x" }));
    assert_eq!(answer(text).await.0, 200);
    assert_eq!(world.sandbox.messages(NUMBER, NEW).len(), 3);
    // A link and nothing at all tell the business nothing.
    for button in [1, 3] {
        assert_eq!(answer(press(button)).await.0, 422);
    }
}

#[tokio::test]
async fn a_carousel_comes_as_cards() {
    let world = World::new().await;
    world.set_template(cards());
    let picture = upload(&world, PNG).await;
    let card = |index: usize, image: Value| {
        json!({
            "card_index": index,
            "components": [
                { "type": "header", "parameters": [{ "type": "image", "image": image }] },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "0",
                    "parameters": [{ "type": "payload", "payload": format!("card-{index}") }],
                },
            ],
        })
    };
    let link = world.picture("good.png");
    let both = [
        card(0, json!({ "id": picture })),
        card(1, json!({ "link": link })),
    ];
    let send = async |cards: &[Value]| {
        let carousel = json!([{ "type": "carousel", "cards": cards }]);
        world.send_template(KEN, "cards", carousel).await
    };
    check_refused(&send(&both[..1]).await, 400, 132_000);
    let (status, sent) = send(&both).await;
    assert_eq!(status, 200);
    let shown = world.last_template(KEN);
    assert_eq!(shown.cards[0].body.as_deref(), Some("大衣"));
    assert_eq!(shown.cards[1].header, PhoneHeader::Image { url: link });

    let id = sent["messages"][0]["id"].as_str().unwrap();
    let picture = format!(
        "{}/phone/{NUMBER}/{KEN}/cards/{}/1",
        world.base,
        segment(id)
    );
    let picture = world.http.get(picture).send().await.unwrap();
    assert_eq!(picture.bytes().await.unwrap(), PNG);

    world.product.forget();
    let press = Press {
        account: NUMBER.into(),
        user: KEN.into(),
        message: id.into(),
        card: Some(1),
        button: 0,
    };
    let pressed = serde_json::to_value(press).unwrap();
    assert_eq!(world.control("press", pressed).await, 204);
    let body = world.product.webhooks().pop().unwrap().json();
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(
        message["button"],
        json!({ "payload": "card-1", "text": "要這件" })
    );
}

#[tokio::test]
async fn the_phone_shows_a_template() {
    let world = World::new().await;
    world.set_template(sale());
    let components = sale_components(&json!({ "link": world.picture("good.png") }));
    let (_, sent) = world.send_template(KEN, "autumn_sale", components).await;
    let id = sent["messages"][0]["id"].as_str().unwrap();

    let url = format!("{}/phone/{NUMBER}/{KEN}", world.base);
    let (_, phone) = answer(world.http.get(format!("{url}/messages"))).await;
    let message = &phone["messages"][1];
    assert_eq!(message["kind"], "template");
    let content = &message["content"];
    assert_eq!(content["name"], "autumn_sale");
    assert_eq!(content["category"], "MARKETING");
    assert_eq!(content["header"]["kind"], "image");
    assert_eq!(
        content["buttons"],
        json!([
            { "kind": "quick_reply", "text": "取消", "payload": "STOP" },
            { "kind": "url", "text": "看看", "url": "https://shop.example/coat?from=wa" },
            { "kind": "phone_number", "text": "打電話", "phone_number": "+886255550001" },
        ])
    );

    let html = world
        .http
        .get(&url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for shown in [
        "<strong>Ken</strong> 您好，秋季新品到了\n<em>&lt;限時&gt;</em>",
        "點「取消」不再收到",
        r#"data-press="0""#,
        r#"href="https://shop.example/coat?from=wa""#,
        r#"href="tel:+886255550001""#,
        &format!("/originals/{}", segment(id)),
    ] {
        assert!(html.contains(shown), "{shown} in {html}");
    }
    let picture = format!("{url}/originals/{}", segment(id));
    let picture = world.http.get(picture).send().await.unwrap();
    assert_eq!(picture.bytes().await.unwrap(), PNG);
}

#[tokio::test]
async fn meta_tells_what_it_decides_about_a_template() {
    let world = World::new().await;
    let pending = json!({
        "name": "hello",
        "language": "zh_TW",
        "status": "PENDING",
        "category": "UTILITY",
        "components": [
            { "type": "BODY", "text": "{{1}} 您好", "example": { "body_text": [["小美"]] } },
        ],
    });
    let url = format!("{}/control/templates", world.base);
    let body = json!({ "waba": WABA, "template": pending });
    let (status, set) = answer(world.http.post(&url).json(&body)).await;
    assert_eq!(status, 200);
    let id: u64 = set["id"].as_str().unwrap().parse().unwrap();
    world.sandbox.settle().await;
    let update = |event: &str, reason: Value| {
        json!({
            "event": event,
            "message_template_id": id,
            "message_template_name": "hello",
            "message_template_language": "zh_TW",
            "message_template_category": "UTILITY",
            "reason": reason,
        })
    };
    let field = "message_template_status_update".to_owned();
    assert_eq!(
        world.changes(),
        [(field.clone(), update("PENDING", json!("NONE")))]
    );

    for (status, reason, event, told) in [
        (
            "REJECTED",
            json!("PROMOTIONAL"),
            "REJECTED",
            json!("PROMOTIONAL"),
        ),
        ("IN_APPEAL", Value::Null, "IN_APPEAL", json!("NONE")),
        ("APPROVED", Value::Null, "APPROVED", json!("NONE")),
        ("ARCHIVED", Value::Null, "ARCHIVED", json!("NONE")),
        ("APPROVED", Value::Null, "UNARCHIVED", json!("NONE")),
        (
            "PENDING_DELETION",
            Value::Null,
            "PENDING_DELETION",
            Value::Null,
        ),
    ] {
        world.product.forget();
        let body = json!({
            "waba": WABA,
            "name": "hello",
            "language": "zh_TW",
            "status": status,
            "reason": reason,
        });
        assert_eq!(world.control("templates/status", body).await, 204);
        assert_eq!(world.changes(), [(field.clone(), update(event, told))]);
        let list = world.list("fields=status,rejected_reason").await;
        assert_eq!(list["data"][0]["status"], status);
    }

    world.product.forget();
    let named = json!({ "waba": WABA, "name": "hello", "language": "zh_TW" });
    assert_eq!(world.control("templates/delete", named.clone()).await, 204);
    assert_eq!(world.changes(), [(field, update("DELETED", json!("NONE")))]);
    assert!(world.listed("").await.is_empty());
    assert_eq!(world.control("templates/delete", named).await, 422);
}

#[tokio::test]
async fn a_pause_tells_how_long_and_its_end_tells_that() {
    let world = World::new().await;
    world.set_template(hello());
    for (status, title) in [
        (TemplateStatus::Paused, "FIRST_PAUSE"),
        (TemplateStatus::Approved, "UNPAUSE"),
    ] {
        world.product.forget();
        world
            .sandbox
            .set_template_status(WABA, "hello", "zh_TW", status, None, Notice::Sent)
            .unwrap();
        world.sandbox.settle().await;
        assert_eq!(world.changes()[0].1["other_info"]["title"], title);
    }
}

#[tokio::test]
async fn an_edited_template_is_told_and_keeps_its_id() {
    let world = World::new().await;
    let id = world.set_template(hello());
    let edited = Template {
        category: TemplateCategory::Marketing,
        ..hello()
    }
    .with_footer("Lativ")
    .with_buttons(vec![
        TemplateButton::QuickReply { text: "好".into() },
        TemplateButton::PhoneNumber {
            text: "打電話".into(),
            phone_number: "+886255550001".into(),
        },
    ]);
    let again = world.sandbox.set_template(WABA, edited, Notice::Sent);
    assert_eq!(again.unwrap(), id);
    world.sandbox.settle().await;
    let mut changes = world.changes();
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    let number: u64 = id.parse().unwrap();
    let named = |mut value: Value| {
        value["message_template_id"] = number.into();
        value["message_template_name"] = "hello".into();
        value["message_template_language"] = "zh_TW".into();
        value
    };
    assert_eq!(
        changes,
        [
            (
                "message_template_components_update".to_owned(),
                named(json!({
                    "message_template_element": "{{1}} 您好",
                    "message_template_footer": "Lativ",
                    "message_template_buttons": [{
                        "message_template_button_type": "PHONE_NUMBER",
                        "message_template_button_text": "打電話",
                        "message_template_button_phone_number": "+886255550001",
                    }],
                }))
            ),
            (
                "template_category_update".to_owned(),
                named(json!({ "previous_category": "UTILITY", "new_category": "MARKETING" }))
            ),
        ]
    );
    let list = world.list("").await;
    assert_eq!(list["data"][0]["previous_category"], "UTILITY");
}

#[tokio::test]
async fn the_business_may_miss_a_change() {
    let world = World::new().await;
    world.set_template(hello());
    let paused = json!({
        "waba": WABA,
        "name": "hello",
        "language": "zh_TW",
        "status": "PAUSED",
        "notice": "lost",
    });
    assert_eq!(world.control("templates/status", paused).await, 204);
    assert!(world.product.webhooks().is_empty());
    check_refused(&world.send_hello(KEN).await, 400, 132_015);
    // What changes nothing is not told either.
    let same = hello().with_status(TemplateStatus::Paused);
    world
        .sandbox
        .set_template(WABA, same, Notice::Sent)
        .unwrap();
    world.sandbox.settle().await;
    assert!(world.product.webhooks().is_empty());
}

#[tokio::test]
async fn the_numbers_of_an_account_share_its_templates() {
    let second = "200000000000002";
    let mut accounts = accounts(None);
    accounts.push(Account::Whatsapp {
        name: "Lativ 二店".into(),
        waba_id: WABA.into(),
        phone_number_id: second.into(),
        display_phone_number: "+886 2 5555 0002".into(),
        access_token: "wa-token".into(),
        app_secret: "wa-secret".into(),
        verify_token: "verify".into(),
        webhook_url: "http://unset.invalid/hooks/whatsapp".into(),
    });
    let world = World::of(SandboxConfig {
        state: None,
        accounts,
        receipts: Receipts::immediate(),
    })
    .await;
    world.sandbox.add_customer(second, customer(KEN, "Ken"));
    world
        .sandbox
        .set_template(WABA, hello(), Notice::Sent)
        .unwrap();
    world.sandbox.settle().await;
    assert_eq!(world.changes().len(), 1, "told once, not for each number");
    for number in [NUMBER, second] {
        let url = format!("{}/graph/v23.0/{number}/messages", world.base);
        let body = json!({
            "messaging_product": "whatsapp",
            "to": KEN,
            "type": "template",
            "template": {
                "name": "hello",
                "language": { "code": "zh_TW" },
                "components": [
                    { "type": "body", "parameters": [{ "type": "text", "text": "Ken" }] },
                ],
            },
        });
        let sent = world.http.post(url).bearer_auth("wa-token").json(&body);
        assert_eq!(answer(sent).await.0, 200);
        let last = world.sandbox.messages(number, KEN).pop().unwrap();
        assert!(last.kind.template().is_some(), "{number}");
    }
}

#[tokio::test]
async fn what_is_no_template_is_not_put_in() {
    let world = World::new().await;
    let no_sample =
        Template::new("hello", "zh_TW", TemplateCategory::Utility).with_body("{{1}} 您好", &[]);
    let set = |waba: &str, template| world.sandbox.set_template(waba, template, Notice::Sent);
    assert!(set(WABA, no_sample).is_err());
    assert!(set("999", hello()).is_err());
    let body = json!({ "waba": "999", "template": hello() });
    assert_eq!(world.control("templates", body).await, 422);
    assert!(world.listed("").await.is_empty());
}

#[tokio::test]
async fn templates_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().to_owned());
    let before = World::with(None, state.clone()).await;
    let id = before.set_template(sale().with_status(TemplateStatus::Paused));
    before
        .sandbox
        .set_marketing(NUMBER, KEN, Marketing::Stopped);
    before.sandbox.save().await.unwrap();

    let after = World::with(None, state).await;
    let list = after.list("").await;
    assert_eq!(list["data"][0]["id"], id);
    assert_eq!(list["data"][0]["status"], "PAUSED");
    after.set_template(sale());
    let components = sale_components(&json!({ "link": after.picture("good.png") }));
    after.send_template(KEN, "autumn_sale", components).await;
    assert_eq!(after.product.statuses()[0]["errors"][0]["code"], 131_050);
}

#[tokio::test]
async fn a_state_from_before_templates_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().to_owned());
    let before = World::with(None, state.clone()).await;
    before
        .sandbox
        .say(vec![utterance(NUMBER, KEN, "留下")])
        .await
        .unwrap();
    before.sandbox.save().await.unwrap();
    let file = folder.path().join("sandbox.json");
    let mut old: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    old.as_object_mut()
        .unwrap()
        .remove("whatsapp:templates")
        .unwrap();
    old[NUMBER]["customers"][KEN]
        .as_object_mut()
        .unwrap()
        .remove("marketing")
        .unwrap();
    std::fs::write(&file, old.to_string()).unwrap();

    let after = World::with(None, state).await;
    let texts: Vec<_> = after
        .sandbox
        .messages(NUMBER, KEN)
        .into_iter()
        .map(|message| message.kind)
        .collect();
    assert!(texts.contains(&PhoneMessageKind::Text("留下".into())));
}
