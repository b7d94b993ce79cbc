//! What comes to the addresses that platforms post to from somebody else, or from a platform that is not itself:
//! the same holds for all of them.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omocast_contract::{Channel, EventView};
use omocast_server::router;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{
    APP_SECRET, INSTAGRAM, LINE, LINE_SECRET, LINKED_INSTAGRAM, NUMBER, PAGE, PAGE_SECRET, SITE,
    World, whatsapp_users,
};
use crate::webhooks::{hmac, until_nothing_is_left};

/// A way in.
#[derive(Clone, Copy, Debug)]
enum Route {
    Line,
    Facebook,
    InstagramByLogin,
    /// At the address of the page, signed by its app.
    InstagramByPage,
    Whatsapp,
    Web,
}

impl Route {
    const ALL: [Self; 6] = [
        Self::Line,
        Self::Facebook,
        Self::InstagramByLogin,
        Self::InstagramByPage,
        Self::Whatsapp,
        Self::Web,
    ];

    fn channel(self) -> Channel {
        match self {
            Self::Line => Channel::Line,
            Self::Facebook => Channel::Facebook,
            Self::InstagramByLogin | Self::InstagramByPage => Channel::Instagram,
            Self::Whatsapp => Channel::Whatsapp,
            Self::Web => Channel::Web,
        }
    }

    fn path(self, world: &World) -> String {
        let (channel, account) = match self {
            Self::Line => ("line", world.line),
            Self::Facebook | Self::InstagramByPage => ("facebook", world.page),
            Self::InstagramByLogin => ("instagram", world.instagram),
            Self::Whatsapp => ("whatsapp", world.whatsapp),
            Self::Web => ("web", world.web),
        };
        format!("/webhooks/{channel}/{account}")
    }

    fn header(self) -> &'static str {
        match self {
            Self::Line => "x-line-signature",
            Self::Web => "x-omocast-signature",
            _ => "x-hub-signature-256",
        }
    }

    fn secret(self) -> &'static str {
        match self {
            Self::Line => LINE_SECRET,
            Self::Facebook | Self::InstagramByPage => PAGE_SECRET,
            Self::InstagramByLogin => "ig-secret",
            Self::Whatsapp => APP_SECRET,
            Self::Web => "web-secret",
        }
    }

    fn sign(self, secret: &str, body: &[u8]) -> String {
        let signature = hmac(secret, body);
        if let Self::Line = self {
            return STANDARD.encode(signature);
        }
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256={hex}")
    }

    /// Customers write, all in one body.
    fn texts(self, world: &World, users: &[String], text: &str) -> Vec<u8> {
        let at = world.now().0;
        let seconds = (at / 1_000).to_string();
        let each = |update: &dyn Fn(&String) -> Value| users.iter().map(update).collect();
        self.body(each(&|user| match self {
            Self::Line => json!({
                "type": "message", "mode": "active", "timestamp": at, "webhookEventId": user,
                "deliveryContext": { "isRedelivery": false }, "source": { "type": "user", "userId": user },
                "message": { "type": "text", "id": user, "quoteToken": "q", "text": text },
            }),
            Self::Facebook | Self::InstagramByLogin | Self::InstagramByPage => json!({
                "sender": { "id": user }, "recipient": { "id": PAGE }, "timestamp": at,
                "message": { "mid": format!("m_{user}"), "text": text },
            }),
            Self::Whatsapp => json!({
                "from": user, "id": format!("wamid.{user}"), "timestamp": seconds, "type": "text", "text": { "body": text },
            }),
            Self::Web => json!({
                "id": user, "visitor_id": user, "name": "訪客", "text": text, "timestamp": at,
            }),
        }))
    }

    /// What became of messages to customers, all in one body; none where nobody tells such a thing.
    fn receipts(self, users: &[String]) -> Option<Vec<u8>> {
        let each = |update: &dyn Fn(&String) -> Value| users.iter().map(update).collect::<Vec<_>>();
        match self {
            Self::Line | Self::Web => None,
            Self::Facebook | Self::InstagramByLogin | Self::InstagramByPage => {
                Some(self.body(each(&|user| {
                    json!({
                        "sender": { "id": user }, "recipient": { "id": PAGE }, "timestamp": 1,
                        "delivery": { "mids": [format!("m_to_{user}")], "watermark": 1 },
                    })
                })))
            }
            Self::Whatsapp => {
                let statuses = each(&|user| {
                    json!({
                        "id": format!("wamid.to.{user}"), "status": "read", "timestamp": "1", "recipient_id": user,
                    })
                });
                Some(Self::whatsapp("statuses", statuses))
            }
        }
    }

    fn body(self, updates: Vec<Value>) -> Vec<u8> {
        let of_meta = |object: &str, id: &str| {
            let entry = json!([{ "id": id, "time": 1, "messaging": updates }]);
            json!({ "object": object, "entry": entry })
        };
        let body = match self {
            Self::Line => json!({ "destination": LINE, "events": updates }),
            Self::Facebook => of_meta("page", PAGE),
            Self::InstagramByLogin => of_meta("instagram", INSTAGRAM),
            Self::InstagramByPage => of_meta("instagram", LINKED_INSTAGRAM),
            Self::Whatsapp => return Self::whatsapp("messages", updates),
            Self::Web => json!({ "site_id": SITE, "messages": updates }),
        };
        body.to_string().into_bytes()
    }

    fn whatsapp(what: &str, updates: Vec<Value>) -> Vec<u8> {
        let metadata = json!({ "display_phone_number": "1", "phone_number_id": NUMBER });
        let value = json!({ "messaging_product": "whatsapp", "metadata": metadata, what: updates });
        let entry = json!([{ "id": "1", "changes": [{ "field": "messages", "value": value }] }]);
        let body = json!({ "object": "whatsapp_business_account", "entry": entry });
        body.to_string().into_bytes()
    }

    async fn post(self, world: &World, headers: &[(&str, &str)], body: Vec<u8>) -> StatusCode {
        let mut request = Request::post(self.path(world));
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let router = router::router(world.app.clone());
        router.oneshot(request).await.unwrap().status()
    }

    async fn post_signed(self, world: &World, body: Vec<u8>) -> StatusCode {
        let signature = self.sign(self.secret(), &body);
        let headers = [
            ("content-type", "application/json"),
            (self.header(), &signature),
        ];
        self.post(world, &headers, body).await
    }
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_nothing_is_stored() {
    let world = World::new().await;
    for route in Route::ALL {
        let body = route.texts(&world, &whatsapp_users(1), "嗨");
        let right = route.sign(route.secret(), &body);
        let of_another_body = [&body[..], b" "].concat();
        let wrong = [
            route.sign("other", &body),
            route.sign("", &body),
            route.sign(route.secret(), &of_another_body),
            right[..right.len() - 2].to_owned(),
            format!("{right}00"),
            right.replace("sha256=", "sha1="),
            String::new(),
            "sha256=".to_owned(),
        ];
        // LINE's has no such word before it, and is right without.
        for wrong in wrong.into_iter().filter(|wrong| *wrong != right) {
            let headers = [(route.header(), wrong.as_str())];
            let status = route.post(&world, &headers, body.clone()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{route:?}: {wrong}");
        }
        let status = route.post(&world, &[("x-other", &right)], body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{route:?}");
    }
    let stored = world.app.store.due_webhooks(world.now(), 10).await.unwrap();
    assert!(stored.is_empty());
}

#[tokio::test]
async fn a_thousand_updates_may_come_in_one_body() {
    for route in Route::ALL {
        let mut world = World::new().await;
        let users = whatsapp_users(1_000);
        let texts = route.texts(&world, &users, "嗨");
        for body in [Some(texts), route.receipts(&users)].into_iter().flatten() {
            assert_eq!(route.post_signed(&world, body).await, StatusCode::OK);
        }
        world.start_webhooks();
        let rows = world.until_pending(1_000).await;
        assert_eq!(rows.len(), 1_000, "{route:?}");
        for row in rows {
            assert_eq!((row.channel, row.unread), (route.channel(), 1));
        }
        until_nothing_is_left(&world).await;
    }
}

#[tokio::test]
async fn a_large_body_is_taken_and_one_that_is_too_large_is_not() {
    let mut world = World::new().await;
    let users = whatsapp_users(Route::ALL.len());
    for (route, user) in Route::ALL.into_iter().zip(users) {
        let body = |characters| {
            let text = "長".repeat(characters);
            route.texts(&world, std::slice::from_ref(&user), &text)
        };
        let large = body(350_000);
        assert!(large.len() > 1_000_000);
        assert_eq!(route.post_signed(&world, large).await, StatusCode::OK);
        let status = route.post_signed(&world, body(700_000)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{route:?}");
    }
    check_taken(&mut world).await;
}

#[tokio::test]
async fn what_is_signed_is_taken_whatever_it_is_said_to_be() {
    let mut world = World::new().await;
    let kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "?",
        "",
    ];
    let users = whatsapp_users(Route::ALL.len());
    for (route, user) in Route::ALL.into_iter().zip(users) {
        let body = route.texts(&world, &[user], "嗨");
        let signature = route.sign(route.secret(), &body);
        for kind in kinds {
            let headers = [("content-type", kind), (route.header(), &signature)];
            let status = route.post(&world, &headers, body.clone()).await;
            assert_eq!(status, StatusCode::OK, "{route:?}: {kind}");
        }
        let headers = [(route.header(), signature.as_str())];
        let status = route.post(&world, &headers, body).await;
        assert_eq!(status, StatusCode::OK, "{route:?}");
    }
    check_taken(&mut world).await;
}

#[tokio::test]
async fn nonsense_that_is_signed_is_never_tried_again_and_holds_nobody_up() {
    let mut world = World::new().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 20] = [
        b"",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b"not json",
        b"<!doctype html><title>502</title>",
        b"\"\\ud83d\"",
        b"\xff\xfe",
        b"{\"events\":[\"\xff\"]}",
        b"{\"entry\":7}",
        b"{\"entry\":[7]}",
        b"{\"events\":{}}",
        b"{\"events\":[{\"type\":\"message\"",
        b"{\"messages\":[{}]}",
        b"{\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":1}]}]}",
        b"{\"entry\":[{\"id\":1,\"messaging\":[[]]}]}",
        b"{\"entry\":[],\"entry\":[],\"events\":[],\"events\":[]}",
        b"\0",
        deep.as_bytes(),
    ];
    let users = whatsapp_users(Route::ALL.len());
    for (route, user) in Route::ALL.into_iter().zip(users) {
        for body in bodies {
            let status = route.post_signed(&world, body.to_vec()).await;
            let shown = String::from_utf8_lossy(body);
            assert_eq!(status, StatusCode::OK, "{route:?}: {shown:.80}");
        }
        let sense = route.texts(&world, &[user], "嗨");
        assert_eq!(route.post_signed(&world, sense).await, StatusCode::OK);
    }
    check_taken(&mut world).await;
}

/// Of each route one customer wrote once, and all is done.
async fn check_taken(world: &mut World) {
    world.start_webhooks();
    let rows = world.until_pending(Route::ALL.len()).await;
    until_nothing_is_left(world).await;
    let mut taken: Vec<_> = rows.iter().map(|row| (row.channel, row.unread)).collect();
    let mut expected = Route::ALL.map(|route| (route.channel(), 1));
    taken.sort_unstable();
    expected.sort_unstable();
    assert_eq!(taken, expected);
    assert_eq!(world.events(EventView::Mine).await, []);
}
