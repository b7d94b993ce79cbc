//! A server over an empty database in memory, a clock that stands still, and users who sign in.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use omocast_contract::api::{IDEMPOTENCY_KEY, Media, SignIn, path};
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{
    AccountId, Audience, Broadcast, BroadcastRequest, Channel, Content, CustomerId, DeliveryStatus,
    EventId, EventStatus, Filter, MemberId, OutgoingMessage, Pick, Plan, Problem, ProblemCode,
    Reason, Role, ShopId, Source, Surface, TeamId, Timestamp, WabaId,
};
use omocast_server::app::{App, Clock};
use omocast_server::channels::Credentials;
use omocast_server::config::Config;
use omocast_server::router::router;
use omocast_server::secrets::Secrets;
use omocast_server::store::deliveries::{Outcome, RecipientKey, Then, Told};
use omocast_server::store::templates::ListedTemplate;
use omocast_server::store::{BoundTo, NewAccount, NewMember, Store, fold_name};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::query;
use tempfile::TempDir;
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const START: Timestamp = Timestamp(20_000 * DAY);
pub(crate) const PASSWORD: &str = "open sesame";

/// Weak on purpose: a test signs in often.
static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| {
    let weak = Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(8, 1, 1, None).unwrap(),
    );
    weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string()
});

pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Router,
    clock: Arc<AtomicI64>,
    folder: TempDir,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_store(Store::in_memory().await.unwrap(), |_| ())
    }

    pub(crate) fn with_store(store: Store, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(START.0));
        let mut config = Config::for_tests(folder.path());
        configure(&mut config);
        let app = App::new(
            store,
            config,
            Secrets::new([7; 32]),
            Clock::fixed(clock.clone()),
        )
        .unwrap();
        Self {
            router: router(app.clone()),
            app,
            clock,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.now()
    }

    pub(crate) fn advance(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// The recipients of a broadcast, in the order of their ids.
    pub(crate) async fn recipients(&self, broadcast: &Broadcast) -> Vec<CustomerId> {
        let ids: Vec<String> = sqlx::query_scalar(
            "select customer_id from recipient where broadcast_id = $1 order by customer_id",
        )
        .bind(broadcast.summary.id.to_string())
        .fetch_all(self.app.store.raw())
        .await
        .unwrap();
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    /// What became of the first messages to a recipient, in their order.
    pub(crate) async fn tell(
        &self,
        broadcast: &Broadcast,
        customer: CustomerId,
        told: &[(DeliveryStatus, Option<Reason>)],
        at: Timestamp,
    ) {
        let told = (0..).zip(told).map(|(position, &(status, reason))| Told {
            position,
            status,
            reason,
            code: None,
            external_id: None,
        });
        let number = sqlx::query_scalar(
            "select id from recipient where broadcast_id = $1 and customer_id = $2",
        )
        .bind(broadcast.summary.id.to_string())
        .bind(customer.to_string())
        .fetch_one(self.app.store.raw());
        let outcome = Outcome {
            key: RecipientKey {
                broadcast: broadcast.summary.id,
                number: number.await.unwrap(),
            },
            told: told.collect(),
            then: Then::Done,
            by: None,
            account: None,
        };
        let store = &self.app.store;
        store.record_outcomes(&[outcome], at).await.unwrap();
    }

    pub(crate) fn nobody(&self) -> User {
        User {
            router: self.router.clone(),
            cookie: None,
            id: MemberId(Uuid::nil()),
        }
    }

    pub(crate) async fn team(&self, name: &str, plan: Plan) -> Team {
        let id = self
            .app
            .store
            .create_team(name, plan, "Asia/Taipei", self.now())
            .await
            .unwrap();
        let mut accounts = Vec::new();
        for (channel, credentials) in credentials() {
            let account = NewAccount {
                team_id: id,
                channel,
                name: format!("{name} {}", channel.as_str()),
                external_id: format!("{name}-{}", channel.as_str()),
                waba_id: None,
                display_phone: None,
            };
            accounts.push((
                channel,
                self.app
                    .create_account(account, &credentials)
                    .await
                    .unwrap(),
            ));
        }
        Team {
            id,
            name: name.to_owned(),
            accounts,
        }
    }

    /// A member who is signed in.
    pub(crate) async fn user(&self, team: &Team, role: Role, shops: &[&str]) -> User {
        let email = format!("{}@omocast.test", Uuid::now_v7());
        let mut user = self.nobody();
        user.id = self.member(team, role, shops, &email).await;
        let sign_in = SignIn {
            email,
            password: PASSWORD.to_owned(),
        };
        let answer = user.post(path::SESSION, &sign_in).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        user.cookie = answer.cookie();
        user
    }

    pub(crate) async fn member(
        &self,
        team: &Team,
        role: Role,
        shops: &[&str],
        email: &str,
    ) -> MemberId {
        let mut ids = Vec::new();
        for code in shops {
            ids.push(
                self.app
                    .store
                    .create_shop(team.id, code, &format!("shop {code}"))
                    .await
                    .unwrap(),
            );
        }
        let member = NewMember {
            team_id: team.id,
            name: format!("{} of {}", role.as_str(), team.name),
            email: email.to_owned(),
            password_hash: PASSWORD_HASH.clone(),
            role,
            staff_code: None,
            shops: ids,
        };
        self.app
            .store
            .create_member(member, self.now())
            .await
            .unwrap()
    }

    /// An event in progress of `owner`, on LINE unless said otherwise.
    pub(crate) async fn event(
        &self,
        team: &Team,
        owner: Option<MemberId>,
        arrange: impl FnOnce(&mut NewEvent),
    ) -> EventId {
        let mut event = NewEvent {
            channel: Channel::Line,
            status: if owner.is_some() {
                EventStatus::InProgress
            } else {
                EventStatus::Pending
            },
            name: "陳怡君".to_owned(),
            tags: Vec::new(),
            last_message_at: self.now().plus(-HOUR),
            last_inbound_at: Some(self.now().plus(-HOUR)),
            is_blocked: false,
            unread: 0,
            account: None,
        };
        arrange(&mut event);
        let (id, customer) = (EventId(Uuid::now_v7()), CustomerId(Uuid::now_v7()));
        let account = event.account.unwrap_or(team.account(event.channel));
        let pool = self.app.store.raw();
        query(
            "insert into customer (id, team_id, account_id, external_id, name, name_folded, is_blocked, created_at)
             values ($1, $2, $3, $1, $4, $5, $6, 0)",
        )
        .bind(customer.to_string())
        .bind(team.id.to_string())
        .bind(account.to_string())
        .bind(&event.name)
        .bind(fold_name(&event.name))
        .bind(event.is_blocked)
        .execute(pool)
        .await
        .unwrap();
        for tag in &event.tags {
            query("insert into customer_tag (customer_id, tag) values ($1, $2) on conflict do nothing")
                .bind(customer.to_string())
                .bind(tag)
                .execute(pool)
                .await
                .unwrap();
            query("insert into tag (team_id, name) values ($1, $2) on conflict do nothing")
                .bind(team.id.to_string())
                .bind(tag)
                .execute(pool)
                .await
                .unwrap();
        }
        query(
            "insert into event (id, team_id, customer_id, account_id, channel, status, owner_id, last_text, last_message_at,
                                last_inbound_at, unread, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, 'hello', $8, $9, $10, 0)",
        )
        .bind(id.to_string())
        .bind(team.id.to_string())
        .bind(customer.to_string())
        .bind(account.to_string())
        .bind(event.channel.as_str())
        .bind(event.status.as_str())
        .bind(owner.map(|owner| owner.to_string()))
        .bind(event.last_message_at.0)
        .bind(event.last_inbound_at.map(|at| at.0))
        .bind(event.unread)
        .execute(pool)
        .await
        .unwrap();
        id
    }

    /// Says to which WhatsApp Business account the team's first number belongs.
    pub(crate) async fn set_waba(&self, team: &Team, waba: &str) {
        query("update account set waba_id = $2 where id = $1")
            .bind(team.account(Channel::Whatsapp).to_string())
            .bind(waba)
            .execute(self.app.store.raw())
            .await
            .unwrap();
    }

    /// Another WhatsApp number of the team.
    pub(crate) async fn number(&self, team: &Team, name: &str, waba: &str) -> AccountId {
        let account = NewAccount {
            team_id: team.id,
            channel: Channel::Whatsapp,
            name: name.to_owned(),
            external_id: format!("{name} of {}", team.name),
            waba_id: Some(waba.to_owned()),
            display_phone: None,
        };
        let credentials = Credentials::Whatsapp {
            access_token: "token".to_owned(),
            app_secret: "secret".to_owned(),
            verify_token: "verify".to_owned(),
        };
        let created = self.app.create_account(account, &credentials);
        created.await.unwrap()
    }

    /// Meta has exactly these templates, and we have read them.
    pub(crate) async fn list_at_meta(&self, team: &Team, waba: &str, templates: &[ListedTemplate]) {
        let (store, waba) = (&self.app.store, WabaId(waba.to_owned()));
        let due = self.now().plus(-DAY);
        store
            .begin_template_sync(team.id, &waba, due)
            .await
            .unwrap();
        store
            .store_templates(team.id, &waba, templates, self.now())
            .await
            .unwrap();
    }

    /// Binds the customer of an event to a seller in the shop with this code.
    pub(crate) async fn bind(
        &self,
        team: &Team,
        event: EventId,
        seller: MemberId,
        shop: &str,
    ) -> CustomerId {
        let customer: String = sqlx::query_scalar("select customer_id from event where id = $1")
            .bind(event.to_string())
            .fetch_one(self.app.store.raw())
            .await
            .unwrap();
        let customer = customer.parse().unwrap();
        let shop = self.shop(team, shop).await;
        let to = BoundTo { seller, shop };
        self.app.bind_customer(team.id, customer, to).await.unwrap();
        customer
    }

    /// The shop with this code.
    pub(crate) async fn shop(&self, team: &Team, code: &str) -> ShopId {
        let name = format!("shop {code}");
        let shop = self.app.store.create_shop(team.id, code, &name).await;
        shop.unwrap()
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(sql)
            .fetch_one(self.app.store.raw())
            .await
            .unwrap()
    }
}

pub(crate) struct NewEvent {
    pub(crate) channel: Channel,
    pub(crate) status: EventStatus,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    pub(crate) last_message_at: Timestamp,
    pub(crate) last_inbound_at: Option<Timestamp>,
    pub(crate) is_blocked: bool,
    pub(crate) unread: i64,
    /// That of the team on the channel unless it is said.
    pub(crate) account: Option<AccountId>,
}

pub(crate) struct Team {
    pub(crate) id: TeamId,
    pub(crate) name: String,
    pub(crate) accounts: Vec<(Channel, AccountId)>,
}

impl Team {
    pub(crate) fn account(&self, channel: Channel) -> AccountId {
        self.accounts
            .iter()
            .find(|(of, _)| *of == channel)
            .unwrap()
            .1
    }
}

fn credentials() -> [(Channel, Credentials); 5] {
    let line = Credentials::Line {
        channel_access_token: "token".to_owned(),
        channel_secret: "secret".to_owned(),
    };
    let whatsapp = Credentials::Whatsapp {
        access_token: "token".to_owned(),
        app_secret: "secret".to_owned(),
        verify_token: "verify".to_owned(),
    };
    let facebook = Credentials::Facebook {
        access_token: "token".to_owned(),
        app_secret: "secret".to_owned(),
        verify_token: "verify".to_owned(),
    };
    let instagram = Credentials::Instagram {
        access_token: "token".to_owned(),
        app_secret: "secret".to_owned(),
        verify_token: "verify".to_owned(),
        page_id: None,
    };
    let web = Credentials::Web {
        secret: "secret".to_owned(),
    };
    [
        (Channel::Line, line),
        (Channel::Facebook, facebook),
        (Channel::Instagram, instagram),
        (Channel::Whatsapp, whatsapp),
        (Channel::Web, web),
    ]
}

/// Somebody with a browser; nobody in particular without a cookie.
#[derive(Clone)]
pub(crate) struct User {
    router: Router,
    pub(crate) cookie: Option<String>,
    pub(crate) id: MemberId,
}

impl User {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send(
            Method::POST,
            path,
            &headers,
            serde_json::to_vec(body).unwrap().into(),
        )
        .await
    }

    pub(crate) async fn broadcast(&self, key: &str, request: &BroadcastRequest) -> Answer {
        self.post_with(path::BROADCASTS, &[(IDEMPOTENCY_KEY, key)], request)
            .await
    }

    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        let headers = [("content-type", "application/json")];
        self.send(Method::PUT, path, &headers, body.into()).await
    }

    pub(crate) async fn upload(&self, parts: &[(&str, &[u8])]) -> Answer {
        let named: Vec<(&str, String, &[u8])> = parts
            .iter()
            .map(|&(field, bytes)| (field, format!("{field}.jpg"), bytes))
            .collect();
        let parts: Vec<(&str, &str, &[u8])> = named
            .iter()
            .map(|(field, name, bytes)| (*field, name.as_str(), *bytes))
            .collect();
        self.upload_named(&parts).await
    }

    /// Uploads parts, each with its field and the file's name.
    pub(crate) async fn upload_named(&self, parts: &[(&str, &str, &[u8])]) -> Answer {
        self.send(
            Method::POST,
            path::MEDIA,
            &[MULTIPART],
            multipart(parts).into(),
        )
        .await
    }

    /// A video, uploaded with its preview.
    pub(crate) async fn video(&self, bytes: usize) -> Media {
        let (video, preview) = (mp4(bytes), png(100));
        let parts: [(&str, &str, &[u8]); 2] =
            [("file", "a.mp4", &video), ("preview", "a.jpg", &preview)];
        let answer = self.upload_named(&parts).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// A file, uploaded.
    pub(crate) async fn file(&self, name: &str, bytes: &[u8]) -> Media {
        let answer = self.upload_named(&[("file", name, bytes)]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// An image of this size, uploaded.
    pub(crate) async fn image(&self, bytes: usize) -> Media {
        let answer = self
            .upload(&[("file", &png(bytes)), ("preview", &png(100))])
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "omocast.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The problem, which has all that every problem has.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.headers.get(header::CONTENT_TYPE).unwrap(),
            "application/problem+json",
            "{self:?}"
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(problem.status, problem.code.status());
        assert!(problem.request_id.is_some());
        problem
    }

    #[track_caller]
    pub(crate) fn refused(&self, code: ProblemCode, field: Option<&str>) {
        let problem = self.problem();
        assert_eq!(
            (problem.code, problem.field.as_deref()),
            (code, field),
            "{problem:?}"
        );
    }

    pub(crate) fn cookie(&self) -> Option<String> {
        let value = self.headers.get(header::SET_COOKIE)?.to_str().ok()?;
        Some(value.split(';').next()?.to_owned())
    }
}

pub(crate) fn text(text: &str) -> OutgoingMessage {
    OutgoingMessage::Text {
        text: text.to_owned(),
    }
}

pub(crate) fn to_all(messages: Vec<OutgoingMessage>) -> BroadcastRequest {
    BroadcastRequest {
        audience: Audience::everything(Filter::default()),
        content: Content::Messages(messages),
        surface: Surface::Web,
        name_fallback: None,
        draft: None,
        send_at: None,
    }
}

pub(crate) const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=x");

/// A multipart body of these parts: field, file's name, bytes.
pub(crate) fn multipart(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, name, bytes) in parts {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}

/// An uploaded image, video or file as a message.
pub(crate) fn message_of(media: &Media) -> OutgoingMessage {
    OutgoingMessage::of_upload(media.medium, media.id).unwrap()
}

/// Looks like an MP4 of this many bytes.
pub(crate) fn mp4(bytes: usize) -> Vec<u8> {
    let mut video = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    video.resize(bytes.max(32), 0);
    video
}

pub(crate) fn only(events: &[EventId]) -> Audience {
    Audience {
        source: Source::MyEvents,
        filter: Filter::default(),
        pick: Pick::Only(events.iter().map(|&event| event.into()).collect()),
    }
}

/// Looks like a PNG of this many bytes.
pub(crate) fn png(bytes: usize) -> Vec<u8> {
    let mut image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    image.resize(bytes.max(16), 0);
    image
}
