//! Templates over the stand-in of WhatsApp: how the list is read and kept, and what customers get of them.

use std::time::Duration;

use axum::http::StatusCode;
use omocast_contract::api::{CountQuery, TemplatePage, TemplateQuery, TemplateSync};
use omocast_contract::message::MessageContent;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastId, BroadcastKind, BroadcastRequest, Channel,
    Content, DeliveryStatus, EventView, MediaId, Pick, Reason, Surface, Template as OurTemplate,
    TemplateFill, WabaId,
};
use omocast_sandbox::{
    HeaderFormat, Marketing, Notice, PhoneButton, PhoneHeader, PhoneMessageKind, PhoneTemplate,
    Template, TemplateButton, TemplateCard, TemplateCategory, TemplateStatus,
};
use omocast_server::channels::Credentials;
use omocast_server::store::{Begins, CreatedBroadcast, NewAccount};
use omocast_server::templates::sync_templates;
use serde_json::json;

use crate::support::{APP_SECRET, JPEG, NUMBER, OTHER_NUMBER, PDF, WABA, World, whatsapp_users};
use crate::webhooks::post_whatsapp_field;

/// Longer than an account is left alone after it was read.
const A_WHILE: Duration = Duration::from_secs(11);
const SAMPLE: &str = "https://atelier.example/sample";

fn marketing(name: &str) -> Template {
    Template::new(name, "zh_TW", TemplateCategory::Marketing)
}

pub(crate) fn hello() -> Template {
    marketing("hello").with_body("{{1}} 您好", &["怡君"])
}

impl World {
    pub(crate) fn put(&self, template: Template, notice: Notice) {
        self.sandbox.set_template(WABA, template, notice).unwrap();
    }

    fn set_status(&self, name: &str, status: TemplateStatus, notice: Notice) {
        let set = self
            .sandbox
            .set_template_status(WABA, name, "zh_TW", status, None, notice);
        set.unwrap();
    }

    pub(crate) async fn read_templates(&self) -> TemplateSync {
        self.advance(A_WHILE);
        let waba = WabaId(WABA.to_owned());
        sync_templates(&self.app, self.team, &waba).await.unwrap()
    }

    async fn page(&self) -> TemplatePage {
        let asked = TemplateQuery {
            waba: WabaId(WABA.to_owned()),
            search: String::new(),
            category: None,
            after: None,
        };
        let member = self.member().await;
        let page = self.app.store.list_templates(&member, &asked, None);
        page.await.unwrap()
    }

    async fn names(&self) -> Vec<String> {
        let page = self.page().await;
        page.rows.into_iter().map(|row| row.name).collect()
    }

    async fn template(&self, name: &str) -> OurTemplate {
        let page = self.page().await;
        page.rows.into_iter().find(|row| row.name == name).unwrap()
    }

    /// Sends a template to everybody.
    async fn send_template(
        &self,
        name: &str,
        values: &[(&str, &str)],
        media: &[(&str, MediaId)],
    ) -> BroadcastId {
        let mut fill = TemplateFill::of(&self.template(name).await);
        for (slot, value) in values {
            fill.values
                .insert(slot.parse().unwrap(), (*value).to_owned());
        }
        for (place, media) in media {
            fill.media.insert(place.parse().unwrap(), *media);
        }
        let request = BroadcastRequest {
            audience: Audience {
                pick: Pick::AllExcept(Vec::new()),
                ..Audience::default()
            },
            content: Content::Template(fill),
            surface: Surface::Web,
            name_fallback: Some("貴賓".to_owned()),
            draft: None,
            send_at: None,
        };
        let CreatedBroadcast::New(broadcast) = self.create(&request, Begins::AfterHold(0)).await
        else {
            panic!("the key is new");
        };
        self.app.wake.deliveries.notify_one();
        broadcast.summary.id
    }

    fn last_template(&self, account: &str, user: &str) -> PhoneTemplate {
        let messages = self.sandbox.messages(account, user);
        match messages.into_iter().next_back().map(|message| message.kind) {
            Some(PhoneMessageKind::Template(template)) => template,
            other => panic!("{other:?}"),
        }
    }

    /// Who would get a template now.
    pub(crate) async fn count(&self, name: &str) -> AudienceCount {
        let asked = CountQuery {
            kind: BroadcastKind::Template,
            template: Some(self.template(name).await.id),
        };
        let audience = Audience {
            pick: Pick::AllExcept(Vec::new()),
            ..Audience::default()
        };
        let member = self.member().await;
        let count = self
            .app
            .store
            .count_audience(&member, &audience, &asked, self.now());
        count.await.unwrap()
    }

    /// How often a template was asked to be sent.
    fn template_requests(&self) -> usize {
        let requests = self.sandbox.requests();
        let sent = requests
            .iter()
            .filter(|request| request.path.ends_with("/messages"));
        sent.count()
    }

    async fn check_all(&self, broadcast: BroadcastId, status: DeliveryStatus, reason: Reason) {
        self.until_completed(broadcast).await;
        self.until("the platform has told what became of it", || {
            Box::pin(async move {
                let recipients = self.recipients(broadcast).await;
                recipients.iter().all(|each| each.status == status)
            })
        })
        .await;
        for recipient in self.recipients(broadcast).await {
            assert_eq!(recipient.reason, Some(reason), "{recipient:?}");
        }
    }
}

#[tokio::test]
async fn every_page_in_every_language_and_status_is_read() {
    let world = World::new().await;
    for number in 0..60 {
        let name = format!("t{number:02}");
        world.put(marketing(&name).with_body("您好", &[]), Notice::Lost);
        let english = Template::new(&name, "en", TemplateCategory::Utility);
        world.put(english.with_body("Hello", &[]), Notice::Lost);
    }
    world.set_status("t00", TemplateStatus::Rejected, Notice::Lost);
    let sync = world.read_templates().await;
    assert_eq!((sync.listed, sync.sendable), (120, 119));
    assert_eq!((sync.failure, sync.synced_at), (None, Some(world.now())));
    let requests = world.sandbox.requests();
    let pages = requests
        .iter()
        .filter(|request| request.path.ends_with("/message_templates"));
    assert_eq!(pages.count(), 3);
}

#[tokio::test]
async fn what_meta_tells_of_templates_changes_the_list() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.start_webhooks();
    world.start_templates();
    world
        .until("the templates are read after the start", || {
            Box::pin(async { world.names().await == ["hello"] })
        })
        .await;

    world.set_status("hello", TemplateStatus::Paused, Notice::Sent);
    world
        .until("a paused template is no longer offered", || {
            Box::pin(async { world.names().await.is_empty() })
        })
        .await;
    world.set_status("hello", TemplateStatus::Approved, Notice::Sent);
    world
        .until("it is offered again", || {
            Box::pin(async { world.names().await == ["hello"] })
        })
        .await;

    // What it says by now is read, and so is what was not known before.
    let before = world.template("hello").await;
    world.advance(A_WHILE);
    world.put(
        marketing("hello").with_body("您好，{{1}}", &["怡君"]),
        Notice::Sent,
    );
    world.put(marketing("bye").with_body("再見", &[]), Notice::Sent);
    world
        .until("both are as Meta has them", || {
            Box::pin(async {
                world.advance(A_WHILE);
                let page = world.page().await;
                let changed = |row: &OurTemplate| row.body.pattern == "您好，{{1}}";
                page.rows.len() == 2 && page.rows.iter().any(changed)
            })
        })
        .await;
    assert!(world.template("hello").await.updated_at > before.updated_at);

    let deleted = world
        .sandbox
        .delete_template(WABA, "bye", "zh_TW", Notice::Sent);
    deleted.unwrap();
    world
        .until("a deleted one is gone", || {
            Box::pin(async { world.names().await == ["hello"] })
        })
        .await;
}

#[tokio::test]
async fn a_list_is_read_again_after_an_hour() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.start_templates();
    world
        .until("it is read after the start", || {
            Box::pin(async { world.names().await == ["hello"] })
        })
        .await;
    world.put(marketing("bye").with_body("再見", &[]), Notice::Lost);
    world.advance(Duration::from_secs(3_601));
    world
        .until("it is read again", || {
            Box::pin(async { world.names().await.len() == 2 })
        })
        .await;
}

#[tokio::test]
async fn texts_arrive_filled_in_outside_the_window_from_the_number_of_the_conversation() {
    let mut world = World::new().await;
    let order = Template::new("order", "zh_TW", TemplateCategory::Utility)
        .with_header("{{name}} 您好", &["怡君"])
        .with_body("訂單 {{order_id}} 已到 {{shop}}", &["A1", "信義店"])
        .with_footer("ATELIER");
    let coat = marketing("coat")
        .with_body("{{1}} 您好，{{2}}到貨了", &["怡君", "風衣"])
        .with_buttons(vec![
            TemplateButton::QuickReply {
                text: "幫我留".into(),
            },
            TemplateButton::Url {
                text: "看看".into(),
                url: "https://atelier.example/{{1}}".into(),
                example: Some(vec!["https://atelier.example/coat".into()]),
            },
        ]);
    for template in [
        order,
        coat,
        marketing("plain").with_body("週年慶開始了", &[]),
    ] {
        world.put(template, Notice::Lost);
    }
    world.read_templates().await;
    let users = whatsapp_users(2);
    world.customers(NUMBER, &users[..1]).await;
    world.customers(OTHER_NUMBER, &users[1..]).await;
    let later = Duration::from_secs(25 * 3_600);
    world.sandbox.advance_clock(later);
    world.advance(later);
    world.start_delivery();

    let values = [
        ("header.name", "{{customer_name}}"),
        ("body.order_id", "A-2026"),
        ("body.shop", "中山店"),
    ];
    let sent = world.send_template("order", &values, &[]).await;
    world.until_completed(sent).await;
    for (account, user) in [(NUMBER, &users[0]), (OTHER_NUMBER, &users[1])] {
        let shown = world.last_template(account, user);
        let text = format!("顧客 {user} 您好");
        assert_eq!(shown.header, Some(PhoneHeader::Text { text }));
        assert_eq!(shown.body, "訂單 A-2026 已到 中山店");
        assert_eq!(shown.footer.as_deref(), Some("ATELIER"));
    }

    let values = [
        ("body.1", "{{customer_name}}"),
        ("body.2", "風衣"),
        ("buttons[1].1", "coat-2026"),
    ];
    let sent = world.send_template("coat", &values, &[]).await;
    world.until_completed(sent).await;
    let shown = world.last_template(NUMBER, &users[0]);
    assert_eq!(shown.body, format!("顧客 {} 您好，風衣到貨了", users[0]));
    let url = "https://atelier.example/coat-2026".to_owned();
    let text = "看看".to_owned();
    assert_eq!(shown.buttons[1], PhoneButton::Url { text, url });

    let sent = world.send_template("plain", &[], &[]).await;
    let done: Broadcast = world.until_completed(sent).await;
    assert_eq!(done.summary.progress.accepted(), 2);
    assert_eq!(world.last_template(NUMBER, &users[0]).body, "週年慶開始了");
}

#[tokio::test]
async fn headers_and_cards_arrive_and_each_upload_is_made_once_for_a_number() {
    let mut world = World::new().await;
    let button = || {
        vec![TemplateButton::Url {
            text: "看看".into(),
            url: "https://atelier.example/{{1}}".into(),
            example: Some(vec!["https://atelier.example/a".into()]),
        }]
    };
    let card = |body: &str, samples: &[&str]| {
        TemplateCard::new(HeaderFormat::Image, SAMPLE, body, samples, button())
    };
    let look = marketing("look")
        .with_body("{{1}}新品", &["秋季"])
        .with_cards(vec![
            card("風衣 {{1}}", &["NT$3,980"]),
            card("毛衣 {{1}}", &["NT$1,980"]),
            card("圍巾 {{1}}", &["NT$980"]),
        ]);
    let banner = marketing("banner")
        .with_media_header(HeaderFormat::Image, SAMPLE)
        .with_body("新品上市", &[]);
    let catalog = Template::new("catalog", "zh_TW", TemplateCategory::Utility)
        .with_media_header(HeaderFormat::Document, SAMPLE)
        .with_body("您要的型錄", &[]);
    for template in [look, banner, catalog] {
        world.put(template, Notice::Lost);
    }
    world.read_templates().await;
    let users = whatsapp_users(3);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let (coat, other) = (
        world.upload("coat.jpg", JPEG).await,
        world.upload("other.jpg", JPEG).await,
    );
    let pdf = world.upload("秋季型錄.pdf", PDF).await;

    let sent = world
        .send_template("banner", &[], &[("header", coat)])
        .await;
    world.until_completed(sent).await;
    let shown = world.last_template(NUMBER, &users[2]);
    assert!(matches!(shown.header, Some(PhoneHeader::Image { .. })));
    assert_eq!(world.uploads(), 1);

    let sent = world
        .send_template("catalog", &[], &[("header", pdf)])
        .await;
    world.until_completed(sent).await;
    match world.last_template(NUMBER, &users[0]).header {
        Some(PhoneHeader::Document { name, .. }) => assert_eq!(name, "秋季型錄.pdf"),
        other => panic!("{other:?}"),
    }

    let values = [
        ("body.1", "冬季"),
        ("cards[0].body.1", "NT$3,580"),
        ("cards[1].body.1", "NT$1,780"),
        ("cards[2].body.1", "NT$880"),
        ("cards[0].buttons[0].1", "coat"),
        ("cards[1].buttons[0].1", "sweater"),
        ("cards[2].buttons[0].1", "scarf"),
    ];
    let media = [
        ("cards[0].header", coat),
        ("cards[1].header", other),
        ("cards[2].header", coat),
    ];
    let sent = world.send_template("look", &values, &media).await;
    let done = world.until_completed(sent).await;
    assert_eq!(done.summary.progress.accepted(), 3);
    assert_eq!(world.uploads(), 3, "each file once");
    let shown = world.last_template(NUMBER, &users[1]);
    assert_eq!((shown.body.as_str(), shown.cards.len()), ("冬季新品", 3));
    assert_eq!(shown.cards[1].body.as_deref(), Some("毛衣 NT$1,780"));
    let url = "https://atelier.example/scarf".to_owned();
    let text = "看看".to_owned();
    assert_eq!(shown.cards[2].buttons, [PhoneButton::Url { text, url }]);
    world.sandbox.settle().await;
    for user in &users {
        for message in world.sandbox.messages(NUMBER, user) {
            assert_eq!(message.problem, None, "{message:?}");
        }
    }
}

#[tokio::test]
async fn the_thread_and_the_list_show_what_the_customer_got() {
    let mut world = World::new().await;
    world.put(hello().with_footer("ATELIER"), Notice::Lost);
    world.read_templates().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let sent = world
        .send_template("hello", &[("body.1", "{{customer_name}}")], &[])
        .await;
    world.until_completed(sent).await;
    let events = world.events(EventView::Mine).await;
    let words = format!("顧客 {} 您好", users[0]);
    assert_eq!(events[0].last_text, words);
    let member = world.member().await;
    let thread = world.app.store.find_thread(&member, events[0].id, None);
    let thread = thread.await.unwrap();
    let Some(MessageContent::Template { template }) = thread
        .messages
        .last()
        .map(|message| message.content.clone())
    else {
        panic!("{thread:?}");
    };
    assert_eq!(template.text(), format!("{words}\nATELIER"));
}

#[tokio::test]
async fn who_stopped_marketing_is_left_out_from_then_on() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.read_templates().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world
        .sandbox
        .set_marketing(NUMBER, &users[0], Marketing::Stopped);
    let values = [("body.1", "怡君")];
    let sent = world.send_template("hello", &values, &[]).await;
    world.start_delivery();
    world
        .check_all(sent, DeliveryStatus::Failed, Reason::OptedOut)
        .await;
    let count = world.count("hello").await;
    assert_eq!(count.reached_total(), 0);
    assert_eq!(count.skipped[0].reason, Reason::OptedOut);
}

#[tokio::test]
async fn what_a_customer_said_last_of_marketing_counts() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.read_templates().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    let second = world.now().0 / 1_000 - 100;
    for (value, at, is_reached) in [
        ("stop", second + 1, false),
        ("resume", second + 3, true),
        // It comes late.
        ("stop", second + 2, true),
        ("stop", second + 4, false),
    ] {
        let preference = json!({
            "wa_id": users[0], "category": "marketing_messages", "value": value, "timestamp": at,
        });
        let told = json!({ "user_preferences": [preference] });
        let status = post_whatsapp_field(&world, NUMBER, "user_preferences", told).await;
        assert_eq!(status, StatusCode::OK);
        // Whoever writes afterwards is processed afterwards.
        let later = format!("8869{at:010}");
        world.customers(NUMBER, &[later]).await;
        let count = world.count("hello").await;
        let skipped = u64::from(!is_reached);
        assert_eq!(count.skipped_total(), skipped, "{value} {at}");
    }
}

#[tokio::test]
async fn who_gets_no_more_marketing_for_some_time_may_get_it_later() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.read_templates().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world
        .sandbox
        .set_marketing(NUMBER, &users[0], Marketing::Capped);
    world.start_delivery();
    let values = [("body.1", "怡君")];
    let sent = world.send_template("hello", &values, &[]).await;
    world
        .check_all(sent, DeliveryStatus::Failed, Reason::MarketingCap)
        .await;
    world
        .sandbox
        .set_marketing(NUMBER, &users[0], Marketing::Taken);
    let sent = world.send_template("hello", &values, &[]).await;
    let done = world.until_completed(sent).await;
    assert_eq!(done.summary.progress.accepted(), 1);
}

/// Nobody told us: the refusal itself stops the rest, and blames no customer.
#[tokio::test]
async fn a_template_that_meta_stopped_meanwhile_is_sent_to_nobody() {
    for is_deleted in [false, true] {
        let mut world = World::new().await;
        world.put(hello(), Notice::Lost);
        world.read_templates().await;
        world.customers(NUMBER, &whatsapp_users(80)).await;
        let sent = world
            .send_template("hello", &[("body.1", "怡君")], &[])
            .await;
        if is_deleted {
            let deleted = world
                .sandbox
                .delete_template(WABA, "hello", "zh_TW", Notice::Lost);
            deleted.unwrap();
        } else {
            world.set_status("hello", TemplateStatus::Paused, Notice::Lost);
        }
        world.start_delivery();
        world
            .check_all(sent, DeliveryStatus::Skipped, Reason::TemplateStopped)
            .await;
        assert!(world.names().await.is_empty(), "it is not offered any more");
        let asked = world.template_requests();
        assert!((1..80).contains(&asked), "{asked} of 80 were tried");
        // And the truth is asked for at the next opportunity.
        world.advance(A_WHILE);
        let due = world.app.store.due_wabas(world.now()).await.unwrap();
        assert_eq!(due.len(), 1);
    }
}

#[tokio::test]
async fn a_template_of_which_we_were_told_that_it_stopped_is_not_even_tried() {
    let mut world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.read_templates().await;
    world.customers(NUMBER, &whatsapp_users(3)).await;
    let sent = world
        .send_template("hello", &[("body.1", "怡君")], &[])
        .await;
    world.set_status("hello", TemplateStatus::Paused, Notice::Sent);
    world
        .until("the news are known", || {
            Box::pin(async { world.names().await.is_empty() })
        })
        .await;
    world.start_delivery();
    world
        .check_all(sent, DeliveryStatus::Skipped, Reason::TemplateStopped)
        .await;
    assert_eq!(world.template_requests(), 0);
}

#[tokio::test]
async fn a_token_that_has_expired_is_told_and_another_numbers_is_tried() {
    let world = World::new().await;
    world.put(hello(), Notice::Lost);
    world.read_templates().await;
    world.put(marketing("bye").with_body("再見", &[]), Notice::Lost);
    let expire = async |number: &str| {
        let account = NewAccount {
            team_id: world.team,
            channel: Channel::Whatsapp,
            name: number.to_owned(),
            external_id: number.to_owned(),
            waba_id: Some(WABA.to_owned()),
            display_phone: None,
        };
        let expired = Credentials::Whatsapp {
            access_token: "expired".to_owned(),
            app_secret: APP_SECRET.to_owned(),
            verify_token: "verify".to_owned(),
        };
        world.app.create_account(account, &expired).await.unwrap();
    };
    expire(OTHER_NUMBER).await;
    let sync = world.read_templates().await;
    assert_eq!((sync.failure, sync.sendable), (None, 2));

    expire(NUMBER).await;
    let read_before = sync.synced_at;
    let sync = world.read_templates().await;
    let failure = sync.failure.clone().unwrap();
    assert_eq!(failure.reason, Reason::AccountNotConnected);
    assert_eq!(failure.platform_code.as_deref(), Some("190"));
    assert_eq!((sync.synced_at, sync.sendable), (read_before, 2));
    assert_eq!(world.page().await.sync, sync, "it is kept");
}
