//! A sandbox on a port of its own, a product that takes its webhooks, and a shelf of pictures.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use omocast_sandbox::{
    Account, Customer, InstagramRoute, Receipts, Sandbox, SandboxConfig, Utterance,
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

pub(crate) const LINE: &str = "U00000000000000000000000000000001";
pub(crate) const MAY: &str = "Uaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const STRANGER: &str = "Uffffffffffffffffffffffffffffffff";
pub(crate) const NUMBER: &str = "200000000000001";
pub(crate) const WABA: &str = "100000000000001";
pub(crate) const KEN: &str = "886912345678";
pub(crate) const SITE: &str = "site-1";
pub(crate) const VISITOR: &str = "visitor 訪客/1";

pub(crate) const PAGE: &str = "300000000000001";
/// An Instagram account that is spoken for by itself.
pub(crate) const INSTAGRAM: &str = "400000000000001";
/// An Instagram account that is spoken for by the page.
pub(crate) const LINKED_INSTAGRAM: &str = "400000000000002";
/// Somebody's page-scoped id.
pub(crate) const ANNA: &str = "7000000000000001";
/// Somebody's Instagram-scoped ids.
pub(crate) const IVY: &str = "17841400000000001";
pub(crate) const IRIS: &str = "17841400000000002";

pub(crate) const MP4: &[u8] = b"\0\0\0\x18ftypisom and the rest";
pub(crate) const PDF: &[u8] = b"%PDF-1.4 and the rest";
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

/// A webhook as the product got it.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Webhook {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Product {
    webhooks: Arc<Mutex<Vec<Webhook>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    challenge_answer: Arc<Mutex<Option<String>>>,
    fetched: Arc<Mutex<Vec<String>>>,
}

impl Product {
    pub(crate) fn webhooks(&self) -> Vec<Webhook> {
        self.webhooks.lock().unwrap().clone()
    }

    pub(crate) fn forget(&self) {
        self.webhooks.lock().unwrap().clear();
    }

    /// The next webhooks are answered so.
    pub(crate) fn answer_next(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn answer_challenge(&self, answer: &str) {
        *self.challenge_answer.lock().unwrap() = Some(answer.to_owned());
    }

    /// The names of the media that were fetched.
    pub(crate) fn fetched(&self) -> Vec<String> {
        self.fetched.lock().unwrap().clone()
    }

    /// What was told of pages and Instagram accounts so far, in order.
    pub(crate) fn page_events(&self) -> Vec<Value> {
        let entries = self.webhooks().into_iter().flat_map(|webhook| {
            let entries = webhook.json()["entry"].take();
            entries.as_array().cloned().unwrap_or_default()
        });
        entries
            .map(|mut entry| entry["messaging"][0].take())
            .filter(|event| !event.is_null())
            .collect()
    }

    /// All WhatsApp statuses so far, in order.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        let values = self.webhooks().into_iter().flat_map(|webhook| {
            let statuses = webhook.json()["entry"][0]["changes"][0]["value"]["statuses"].take();
            statuses.as_array().cloned().unwrap_or_default()
        });
        values.collect()
    }

    fn router(self) -> Router {
        Router::new()
            .route("/hooks/{platform}", post(take_webhook).get(take_handshake))
            .route("/pictures/{name}", get(picture))
            .with_state(self)
    }
}

async fn take_webhook(
    State(product): State<Product>,
    Path(platform): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> StatusCode {
    product.webhooks.lock().unwrap().push(Webhook {
        path: platform,
        headers,
        bytes,
    });
    let status = product.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

async fn take_handshake(
    State(product): State<Product>,
    Query(parameters): Query<std::collections::HashMap<String, String>>,
) -> Response {
    if parameters["hub.mode"] != "subscribe" || parameters["hub.verify_token"] != "verify" {
        return StatusCode::FORBIDDEN.into_response();
    }
    let answer = product.challenge_answer.lock().unwrap().clone();
    answer
        .unwrap_or_else(|| parameters["hub.challenge"].clone())
        .into_response()
}

async fn picture(State(product): State<Product>, Path(name): Path<String>) -> Response {
    product.fetched.lock().unwrap().push(name.clone());
    match name.as_str() {
        "good.png" => PNG.into_response(),
        "film.mp4" => MP4.into_response(),
        "list.pdf" => PDF.into_response(),
        "list.zip" => b"PK\x03\x04".into_response(),
        "huge.mp4" => {
            let mut bytes = MP4.to_vec();
            bytes.resize(25 * 1024 * 1024 + 1, 0);
            bytes.into_response()
        }
        "large.png" => {
            let mut bytes = PNG.to_vec();
            bytes.resize(6 * 1024 * 1024, 0);
            bytes.into_response()
        }
        "text.png" => "<html>".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) product: Product,
    /// `http://host:port` of the sandbox.
    pub(crate) base: String,
    /// `http://host:port` of the product.
    pub(crate) product_base: String,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn accounts(monthly_limit: Option<u64>) -> Vec<Account> {
    vec![
        Account::Line {
            name: "Lativ <LINE>".into(),
            destination: LINE.into(),
            channel_access_token: "line-token".into(),
            channel_secret: "line-secret".into(),
            webhook_url: "http://unset.invalid/hooks/line".into(),
            monthly_limit,
        },
        Account::Facebook {
            name: "Lativ".into(),
            page_id: PAGE.into(),
            access_token: "page-token".into(),
            app_secret: "fb-secret".into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/hooks/facebook".into(),
        },
        Account::Instagram {
            name: "lativ".into(),
            ig_id: INSTAGRAM.into(),
            route: InstagramRoute::Login,
            access_token: "ig-token".into(),
            app_secret: "ig-secret".into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/hooks/instagram".into(),
        },
        Account::Instagram {
            name: "lativ_outlet".into(),
            ig_id: LINKED_INSTAGRAM.into(),
            route: InstagramRoute::Page {
                page_id: PAGE.into(),
            },
            access_token: "page-token".into(),
            app_secret: "fb-secret".into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/hooks/instagram".into(),
        },
        Account::Whatsapp {
            name: "Lativ".into(),
            waba_id: WABA.into(),
            phone_number_id: NUMBER.into(),
            display_phone_number: "+886 2 5555 0001".into(),
            access_token: "wa-token".into(),
            app_secret: "wa-secret".into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/hooks/whatsapp".into(),
        },
        Account::Web {
            name: "Lativ 網站".into(),
            site_id: SITE.into(),
            secret: "web-secret".into(),
            webhook_url: "http://unset.invalid/hooks/web".into(),
        },
    ]
}

pub(crate) fn customer(id: &str, name: &str) -> Customer {
    Customer {
        id: id.into(),
        name: name.into(),
        phone: None,
        read_receipts: true,
    }
}

pub(crate) fn utterance(account: &str, user: &str, text: &str) -> Utterance {
    Utterance {
        account: account.into(),
        user: user.into(),
        text: text.into(),
        at_ms: None,
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

impl World {
    /// May, Ken and a visitor exist; Ken has just written.
    pub(crate) async fn new() -> Self {
        Self::with(None, None).await
    }

    pub(crate) async fn with(monthly_limit: Option<u64>, state: Option<PathBuf>) -> Self {
        let accounts = accounts(monthly_limit);
        Self::of(SandboxConfig {
            state,
            accounts,
            receipts: Receipts::immediate(),
        })
        .await
    }

    pub(crate) async fn with_receipts(receipts: Receipts) -> Self {
        Self::of(SandboxConfig {
            state: None,
            accounts: accounts(None),
            receipts,
        })
        .await
    }

    pub(crate) async fn of(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::new(config).await.unwrap();
        let product = Product::default();
        let product_base = serve(product.clone().router()).await;
        sandbox.set_webhook_base(&product_base);
        let base = serve(sandbox.router()).await;
        sandbox.add_customer(LINE, customer(MAY, "林小美"));
        sandbox.add_customer(NUMBER, customer(KEN, "Ken"));
        sandbox.add_customer(SITE, customer(VISITOR, "訪客"));
        sandbox.add_customer(PAGE, customer(ANNA, "Anna Chen"));
        sandbox.add_customer(INSTAGRAM, customer(IVY, "Ivy"));
        sandbox.add_customer(LINKED_INSTAGRAM, customer(IRIS, "Iris"));
        sandbox
            .say(vec![utterance(NUMBER, KEN, "hi")])
            .await
            .unwrap();
        product.forget();
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder()
            .redirect(redirects)
            .build()
            .unwrap();
        Self {
            sandbox,
            product,
            base,
            product_base,
            http,
        }
    }

    pub(crate) fn picture(&self, name: &str) -> String {
        format!("{}/pictures/{name}", self.product_base)
    }

    /// Somebody writes, and the product forgets it.
    pub(crate) async fn say(&self, account: &str, user: &str, text: &str) {
        self.sandbox
            .say(vec![utterance(account, user, text)])
            .await
            .unwrap();
        self.product.forget();
    }

    /// A call about the page; `messages` and so on.
    pub(crate) fn page_post(&self, edge: &str) -> RequestBuilder {
        let url = format!("{}/graph/v26.0/{PAGE}/{edge}", self.base);
        self.http.post(url).bearer_auth("page-token")
    }

    /// A call about the Instagram account that is spoken for by itself.
    pub(crate) fn instagram_post(&self, edge: &str) -> RequestBuilder {
        let url = format!("{}/graph-instagram/v26.0/{INSTAGRAM}/{edge}", self.base);
        self.http.post(url).bearer_auth("ig-token")
    }

    pub(crate) fn message_page(&self, to: &str, message: Value) -> RequestBuilder {
        let body = json!({
            "recipient": { "id": to },
            "messaging_type": "UPDATE",
            "message": message,
        });
        self.page_post("messages").json(&body)
    }

    pub(crate) fn message_instagram(&self, to: &str, message: Value) -> RequestBuilder {
        let body = json!({ "recipient": { "id": to }, "message": message });
        self.instagram_post("messages").json(&body)
    }

    pub(crate) fn line_post(&self, path: &str) -> RequestBuilder {
        self.http
            .post(format!("{}/line/v2/bot/{path}", self.base))
            .bearer_auth("line-token")
    }

    pub(crate) fn line_get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}/line/v2/bot/{path}", self.base))
            .bearer_auth("line-token")
    }

    pub(crate) fn push(&self, to: &str, messages: Value) -> RequestBuilder {
        let body = json!({ "to": to, "messages": messages });
        check_schema("line-messaging", "PushMessageRequest", &body);
        self.line_post("message/push").json(&body)
    }

    pub(crate) fn graph_post(&self, edge: &str) -> RequestBuilder {
        let url = format!("{}/graph/v23.0/{NUMBER}/{edge}", self.base);
        self.http.post(url).bearer_auth("wa-token")
    }

    pub(crate) fn graph_get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}/graph/v23.0/{path}", self.base))
            .bearer_auth("wa-token")
    }

    pub(crate) fn whatsapp(&self, to: &str, kind: &str, content: Value) -> RequestBuilder {
        self.graph_post("messages").json(&json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "type": kind,
            kind: content,
        }))
    }
}

/// Sends, and gives status and JSON.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// Checks against a definition of the derived schemas, where they are at hand.
#[track_caller]
pub(crate) fn check_schema(schema: &str, definition: &str, value: &Value) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs/derived");
    let path = format!("{folder}/{schema}.schema.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test that checks less has to say so")]
        {
            eprintln!("skipped: no {path}");
        }
        return;
    };
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    schema["$ref"] = format!("#/$defs/{definition}").into();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{value:#}\nis no {definition}: {errors:#?}"
    );
}
