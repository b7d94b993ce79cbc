//! A server and the stand-ins, each on a port of its own, with a member who broadcasts.

#[path = "schemas.rs"]
mod schemas;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use omocast_contract::api::{EventQuery, EventRow, Media, PageStart, RecipientQuery};
use omocast_contract::control::PausedAccount;
use omocast_contract::media::detect;
use omocast_contract::{
    AccountId, Audience, Broadcast, BroadcastId, BroadcastRequest, BroadcastStatus, Channel,
    Content, Control, Controlled, EventAction, EventView, Filter, MediaId, Medium, MemberId,
    OutgoingMessage, Pick, Plan, Recipient, Role, Surface, TeamId, Timestamp,
};
use omocast_sandbox::{
    Account, Customer, InstagramRoute, PhoneMessageKind, Receipts, Sandbox, SandboxConfig,
    Utterance,
};
use omocast_server::app::{App, Clock};
use omocast_server::channels::{Connectors, Credentials, Uploads, http_client_with_timeout};
use omocast_server::config::{Config, Endpoints, Pace};
use omocast_server::media::Variant;
use omocast_server::secrets::Secrets;
use omocast_server::shutdown::{Shutdown, Trigger};
use omocast_server::store::{
    Begins, CreatedBroadcast, Member, NewAccount, NewMember, Once, Store, StoredMedia,
};
use omocast_server::{delivery, router, templates, webhooks};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use schemas::check_requests;

pub(crate) const LINE: &str = "U00000000000000000000000000000001";
pub(crate) const NUMBER: &str = "200000000000001";
/// The WhatsApp Business account of both numbers.
pub(crate) const WABA: &str = "100000000000001";
/// What WhatsApp calls somebody whose number it does not tell.
pub(crate) const SCOPED: &str = "TW.13491208655302741918";
pub(crate) const OTHER_NUMBER: &str = "200000000000002";
pub(crate) const SITE: &str = "site-1";
pub(crate) const PAGE: &str = "300000000000001";
/// An Instagram account that is spoken for by itself.
pub(crate) const INSTAGRAM: &str = "400000000000001";
/// An Instagram account that is spoken for by the page.
pub(crate) const LINKED_INSTAGRAM: &str = "400000000000002";
pub(crate) const PAGE_SECRET: &str = "fb-secret";
pub(crate) const APP_SECRET: &str = "wa-secret";
pub(crate) const LINE_SECRET: &str = "line-secret";

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something to be asked again and again.
type Check<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) app: App,
    pub(crate) member: MemberId,
    pub(crate) line: AccountId,
    pub(crate) whatsapp: AccountId,
    pub(crate) web: AccountId,
    pub(crate) page: AccountId,
    pub(crate) instagram: AccountId,
    /// `http://host:port` of the stand-ins.
    pub(crate) platforms: String,
    pub(crate) team: TeamId,
    fetched: Fetched,
    now: Arc<AtomicI64>,
    workers: Vec<(Trigger, JoinHandle<()>)>,
    _folder: tempfile::TempDir,
}

/// The paths under which platforms fetched media.
type Fetched = Arc<Mutex<Vec<String>>>;

pub(crate) struct Setup {
    pub(crate) timeout: Duration,
    pub(crate) line_token: &'static str,
    pub(crate) receipts: Receipts,
    pub(crate) monthly_limit: Option<u64>,
    pub(crate) pace: Pace,
    /// How long an accepted broadcast is held, in milliseconds.
    pub(crate) hold: i64,
    /// Whether the clock runs by itself: for measurements.
    pub(crate) is_clock_running: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(20),
            line_token: "line-token",
            receipts: Receipts::immediate(),
            monthly_limit: None,
            pace: Pace::default(),
            hold: 0,
            is_clock_running: false,
        }
    }
}

pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

/// Where stand-ins take what is for the platforms.
pub(crate) fn endpoints(platforms: &str) -> Endpoints {
    Endpoints {
        line: format!("{platforms}/line"),
        line_data: format!("{platforms}/line-data"),
        graph: format!("{platforms}/graph"),
        graph_instagram: format!("{platforms}/graph-instagram"),
        graph_version: "v26.0".to_owned(),
        web: format!("{platforms}/web"),
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test that has failed says why.
        if !std::thread::panicking() {
            check_requests(&self.sandbox.requests());
        }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::new(SandboxConfig {
            state: None,
            accounts: platform_accounts(setup.monthly_limit),
            receipts: setup.receipts,
        })
        .await
        .unwrap();
        let platforms = serve(sandbox.router()).await;
        let product = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let product_base = format!("http://{}", product.local_addr().unwrap());
        let mut config = Config::for_tests(folder.path());
        config.public_url = product_base.clone();
        (config.pace, config.hold) = (setup.pace, setup.hold);
        config.endpoints = endpoints(&platforms);
        let endpoints = config.endpoints.clone();
        let store = Store::open(&folder.path().join("omocast.db"))
            .await
            .unwrap();
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let now = Arc::new(AtomicI64::new(i64::try_from(real).unwrap()));
        let clock = if setup.is_clock_running {
            Clock::System
        } else {
            Clock::fixed(now.clone())
        };
        let mut app = App::new(store, config, Secrets::new([7; 32]), clock).unwrap();
        app.connectors = Connectors::new(
            http_client_with_timeout(setup.timeout).unwrap(),
            endpoints,
            Uploads::new(app.store.clone(), app.clock.clone()),
        );

        let team = app
            .store
            .create_team("Lativ", Plan::Omo, "Asia/Taipei", app.now())
            .await
            .unwrap();
        let member = NewMember {
            team_id: team,
            name: "小美".to_owned(),
            email: "may@example.com".to_owned(),
            password_hash: String::new(),
            role: Role::SalesRep,
            staff_code: None,
            shops: Vec::new(),
        };
        let member = app.store.create_member(member, app.now()).await.unwrap();
        let account = |channel, external_id: &str| NewAccount {
            team_id: team,
            channel,
            name: external_id.to_owned(),
            external_id: external_id.to_owned(),
            waba_id: (channel == Channel::Whatsapp).then(|| WABA.to_owned()),
            display_phone: None,
        };
        let line = Credentials::Line {
            channel_access_token: setup.line_token.to_owned(),
            channel_secret: LINE_SECRET.to_owned(),
        };
        let whatsapp = Credentials::Whatsapp {
            access_token: "wa-token".to_owned(),
            app_secret: APP_SECRET.to_owned(),
            verify_token: "verify".to_owned(),
        };
        let web = Credentials::Web {
            secret: "web-secret".to_owned(),
        };
        let line = app
            .create_account(account(Channel::Line, LINE), &line)
            .await
            .unwrap();
        app.create_account(account(Channel::Whatsapp, OTHER_NUMBER), &whatsapp)
            .await
            .unwrap();
        let whatsapp = app
            .create_account(account(Channel::Whatsapp, NUMBER), &whatsapp)
            .await
            .unwrap();
        let web = app
            .create_account(account(Channel::Web, SITE), &web)
            .await
            .unwrap();
        let facebook = Credentials::Facebook {
            access_token: "page-token".to_owned(),
            app_secret: PAGE_SECRET.to_owned(),
            verify_token: "verify".to_owned(),
        };
        let page = app
            .create_account(account(Channel::Facebook, PAGE), &facebook)
            .await
            .unwrap();
        let by_login = Credentials::Instagram {
            access_token: "ig-token".to_owned(),
            app_secret: "ig-secret".to_owned(),
            verify_token: "verify".to_owned(),
            page_id: None,
        };
        let instagram = app
            .create_account(account(Channel::Instagram, INSTAGRAM), &by_login)
            .await
            .unwrap();
        let by_page = Credentials::Instagram {
            access_token: "page-token".to_owned(),
            app_secret: PAGE_SECRET.to_owned(),
            verify_token: "verify".to_owned(),
            page_id: Some(PAGE.to_owned()),
        };
        app.create_account(account(Channel::Instagram, LINKED_INSTAGRAM), &by_page)
            .await
            .unwrap();
        let fetched = Fetched::default();
        let router = router::router(app.clone()).layer(note_fetches(fetched.clone()));
        tokio::spawn(async move {
            axum::serve(
                product,
                router.into_make_service_with_connect_info::<std::net::SocketAddr>(),
            )
            .await
        });
        let addresses = [
            ("line", line),
            ("whatsapp", whatsapp),
            ("web", web),
            // One app, one address: what is about the linked account comes to the page's.
            ("facebook", page),
            ("instagram", instagram),
        ];
        point_webhooks(&sandbox, &product_base, &addresses).await;
        Self {
            sandbox,
            app,
            member,
            line,
            whatsapp,
            web,
            page,
            instagram,
            platforms,
            team,
            fetched,
            now,
            workers: Vec::new(),
            _folder: folder,
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        self.app.wake.webhooks.notify_one();
        self.app.wake.deliveries.notify_one();
        self.app.wake.templates.notify_one();
    }

    /// Somebody sets the machine's clock back.
    pub(crate) fn set_back(&self, by: Duration) {
        self.now
            .fetch_sub(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        self.app.wake.deliveries.notify_one();
    }

    pub(crate) fn start_webhooks(&mut self) {
        let (trigger, shutdown) = Shutdown::channel();
        self.workers.push((
            trigger,
            tokio::spawn(webhooks::run(self.app.clone(), shutdown)),
        ));
    }

    pub(crate) fn start_templates(&mut self) {
        let (trigger, shutdown) = Shutdown::channel();
        self.workers.push((
            trigger,
            tokio::spawn(templates::run(self.app.clone(), shutdown)),
        ));
    }

    pub(crate) fn start_delivery(&mut self) {
        let (trigger, shutdown) = Shutdown::channel();
        self.workers.push((
            trigger,
            tokio::spawn(delivery::run(self.app.clone(), shutdown)),
        ));
    }

    /// The worker started last dies in the middle of whatever it is doing.
    pub(crate) async fn kill_last(&mut self) {
        let (_trigger, worker) = self.workers.pop().unwrap();
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
    }

    /// The worker started last is asked to stop, and does.
    pub(crate) async fn stop_last(&mut self) {
        let (trigger, worker) = self.workers.pop().unwrap();
        trigger.stop();
        timeout(PATIENCE, worker).await.unwrap().unwrap();
    }

    pub(crate) async fn member(&self) -> Member {
        self.app
            .store
            .find_member(self.member)
            .await
            .unwrap()
            .unwrap()
    }

    /// Asks again whenever something was told to the open pages, until the answer is yes.
    pub(crate) async fn until<'a>(&self, what: &str, is_so: impl Fn() -> Check<'a>) {
        let mut notices = self.app.live.subscribe();
        let waiting = async {
            while !is_so().await {
                // A notice missed is a notice all the same; now and then something changes without one.
                drop(timeout(Duration::from_millis(200), notices.recv()).await);
            }
        };
        assert!(
            timeout(PATIENCE, waiting).await.is_ok(),
            "waited in vain until {what}"
        );
    }

    /// Waits until every webhook that came is processed.
    pub(crate) async fn until_taken_in(&self) {
        self.until("all webhooks are taken in", || {
            Box::pin(async {
                let due = self.app.store.due_webhooks(self.now(), 1).await;
                due.unwrap().is_empty()
            })
        })
        .await;
    }

    pub(crate) async fn events(&self, view: EventView) -> Vec<EventRow> {
        let member = self.member().await;
        let mut rows = Vec::new();
        let mut from = PageStart::First;
        loop {
            let query = EventQuery {
                view,
                filter: Filter::default(),
                from,
                limit: 200,
            };
            let page = self.app.store.list_events(&member, &query).await.unwrap();
            let Some(last) = page.rows.last() else {
                return rows;
            };
            from = PageStart::After(last.cursor());
            rows.extend(page.rows);
        }
    }

    /// Waits until this many events wait for somebody.
    pub(crate) async fn until_pending(&self, count: usize) -> Vec<EventRow> {
        let admin = self.member().await;
        self.app
            .store
            .update_role(self.member, Role::Admin)
            .await
            .unwrap();
        self.until("the webhooks are processed", || {
            Box::pin(async { self.events(EventView::Pending).await.len() >= count })
        })
        .await;
        let rows = self.events(EventView::Pending).await;
        self.app
            .store
            .update_role(self.member, admin.role)
            .await
            .unwrap();
        rows
    }

    /// Customers write, and the member follows their events.
    pub(crate) async fn customers(&mut self, account: &str, users: &[String]) {
        if self.workers.is_empty() {
            self.start_webhooks();
        }
        for user in users {
            self.sandbox.add_customer(account, customer(user));
        }
        let said = users
            .iter()
            .map(|user| utterance(account, user, "嗨"))
            .collect();
        self.sandbox.say(said).await.unwrap();
        let rows = self.until_pending(users.len()).await;
        self.follow(&rows).await;
    }

    pub(crate) async fn follow(&self, rows: &[EventRow]) {
        let mut member = self.member().await;
        member.role = Role::Admin;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        for ids in ids.chunks(500) {
            let now = self.app.now();
            let (result, _) = self
                .app
                .store
                .act_on_events(&member, ids, EventAction::Follow, now)
                .await
                .unwrap();
            assert_eq!(result.refused, []);
        }
    }

    pub(crate) async fn broadcast(&self, texts: &[&str]) -> BroadcastId {
        let messages = texts.iter().map(|text| text_message(text)).collect();
        self.broadcast_messages(messages).await
    }

    /// Broadcasts to everybody; on a phone, where more media are offered.
    pub(crate) async fn broadcast_messages(&self, messages: Vec<OutgoingMessage>) -> BroadcastId {
        let audience = Audience {
            pick: Pick::AllExcept(Vec::new()),
            ..Audience::default()
        };
        self.broadcast_to(audience, messages).await
    }

    pub(crate) async fn broadcast_to(
        &self,
        audience: Audience,
        messages: Vec<OutgoingMessage>,
    ) -> BroadcastId {
        let begins = Begins::AfterHold(self.app.config.hold);
        self.broadcast_as(begins, audience, messages).await
    }

    pub(crate) async fn broadcast_as(
        &self,
        begins: Begins,
        audience: Audience,
        messages: Vec<OutgoingMessage>,
    ) -> BroadcastId {
        let request = BroadcastRequest {
            audience,
            content: Content::Messages(messages),
            surface: Surface::App,
            name_fallback: None,
            draft: None,
            send_at: None,
        };
        let created = self.create(&request, begins).await;
        self.app.wake.deliveries.notify_one();
        match created {
            CreatedBroadcast::New(broadcast) => broadcast.summary.id,
            CreatedBroadcast::Repeated(_) => panic!("the key is new"),
        }
    }

    /// Accepts a request as the route does.
    pub(crate) async fn create(
        &self,
        request: &BroadcastRequest,
        begins: Begins,
    ) -> CreatedBroadcast {
        let once = Once {
            key: &uuid::Uuid::now_v7().to_string(),
            hash: "",
        };
        let (member, now) = (self.member().await, self.app.now());
        let pace = &self.app.config.pace;
        let store = &self.app.store;
        let created = store.create_broadcast(&member, request, once, begins, pace, now);
        created.await.unwrap()
    }

    pub(crate) async fn find(&self, broadcast: BroadcastId) -> Broadcast {
        let member = self.member().await;
        self.app
            .store
            .find_broadcast(&member, broadcast, &self.app.config.pace, self.app.now())
            .await
            .unwrap()
    }

    pub(crate) async fn until_completed(&self, broadcast: BroadcastId) -> Broadcast {
        self.until_status(broadcast, BroadcastStatus::Completed)
            .await
    }

    /// Waits until a broadcast stands like this.
    pub(crate) async fn until_status(
        &self,
        broadcast: BroadcastId,
        status: BroadcastStatus,
    ) -> Broadcast {
        self.until("the broadcast stands as it should", || {
            Box::pin(async move { self.find(broadcast).await.summary.status == status })
        })
        .await;
        self.find(broadcast).await
    }

    /// Waits until an account of a broadcast has stopped, and tells how.
    pub(crate) async fn until_paused(&self, broadcast: BroadcastId) -> PausedAccount {
        self.until("an account has stopped", || {
            Box::pin(async move { !self.find(broadcast).await.summary.paused.is_empty() })
        })
        .await;
        self.find(broadcast).await.summary.paused.remove(0)
    }

    /// The member does something with a broadcast, as the route does it.
    pub(crate) async fn control(&self, broadcast: BroadcastId, control: Control) -> Controlled {
        let (member, now) = (self.member().await, self.app.now());
        let (store, pace) = (&self.app.store, &self.app.config.pace);
        let controlled = store.control_broadcast(&member, broadcast, control, now, pace, now);
        let controlled = controlled.await.unwrap();
        self.app.wake.deliveries.notify_one();
        controlled
    }

    /// The member sends again what failed.
    pub(crate) async fn retry(&self, broadcast: BroadcastId) -> Broadcast {
        let once = Once {
            key: &uuid::Uuid::now_v7().to_string(),
            hash: "",
        };
        let (member, now) = (self.member().await, self.app.now());
        let (store, pace) = (&self.app.store, &self.app.config.pace);
        let begins = Begins::AfterHold(0);
        let made = store.retry_broadcast(&member, broadcast, once, begins, pace, now);
        let CreatedBroadcast::New(broadcast) = made.await.unwrap() else {
            panic!("the key is new");
        };
        self.app.wake.deliveries.notify_one();
        broadcast
    }

    pub(crate) async fn recipients(&self, broadcast: BroadcastId) -> Vec<Recipient> {
        let member = self.member().await;
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let query = RecipientQuery {
                after,
                ..RecipientQuery::default()
            };
            let page = self
                .app
                .store
                .list_recipients(&member, broadcast, &query)
                .await
                .unwrap();
            all.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    /// What the team wrote to a customer, in the order the phone shows it.
    pub(crate) fn on_phone(&self, account: &str, user: &str) -> Vec<String> {
        let messages = self.sandbox.messages(account, user);
        messages
            .into_iter()
            .filter(|message| !message.from_customer)
            .map(|message| match message.kind {
                PhoneMessageKind::Text(text) => text,
                PhoneMessageKind::Image { .. } => "[image]".to_owned(),
                PhoneMessageKind::Video { .. } => "[video]".to_owned(),
                PhoneMessageKind::File { name, .. } => format!("[file] {name}"),
                PhoneMessageKind::Template(template) => format!("[template] {}", template.body),
            })
            .collect()
    }

    /// An upload of the member, as the browser makes it.
    pub(crate) async fn upload(&self, name: &str, bytes: &[u8]) -> MediaId {
        let id = MediaId(uuid::Uuid::now_v7());
        let store = &self.app.media;
        store.save(id, Variant::Original, bytes).await.unwrap();
        let found = detect(name, bytes).unwrap();
        let has_preview = found.medium == Medium::Video;
        if has_preview {
            store.save(id, Variant::Preview, JPEG).await.unwrap();
        }
        let stored = StoredMedia {
            media: Media {
                id,
                name: name.to_owned(),
                mime: found.mime.to_owned(),
                bytes: bytes.len() as u64,
                medium: found.medium,
                file_type: found.file_type,
                has_preview,
            },
            preview_mime: has_preview.then(|| "image/jpeg".to_owned()),
        };
        self.app
            .store
            .create_media(self.team, self.member, &stored, self.now())
            .await
            .unwrap();
        id
    }

    /// How often platforms fetched a piece of media from us.
    pub(crate) fn fetches(&self) -> usize {
        self.fetched.lock().unwrap().len()
    }

    /// How often media were uploaded to platforms.
    pub(crate) fn uploads(&self) -> usize {
        let requests = self.sandbox.requests();
        let uploads = requests.iter().filter(|request| {
            request.path.ends_with("/media") || request.path.ends_with("/message_attachments")
        });
        uploads.count()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.now()
    }
}

pub(crate) fn text_message(text: &str) -> OutgoingMessage {
    OutgoingMessage::Text {
        text: text.to_owned(),
    }
}

fn note_fetches(
    fetched: Fetched,
) -> axum::middleware::FromFnLayer<
    impl Fn(axum::extract::Request, axum::middleware::Next) -> Noted + Clone + Send + Sync + 'static,
    (),
    (axum::extract::Request,),
> {
    axum::middleware::from_fn(
        move |request: axum::extract::Request, next: axum::middleware::Next| -> Noted {
            let fetched = fetched.clone();
            Box::pin(async move {
                let path = request.uri().path();
                if path.starts_with("/m/") {
                    fetched.lock().unwrap().push(path.to_owned());
                }
                next.run(request).await
            })
        },
    )
}

type Noted = Pin<Box<dyn Future<Output = axum::response::Response> + Send>>;

/// The stand-ins are told where the product listens: each account has an address of its own.
async fn point_webhooks(sandbox: &Sandbox, product: &str, addresses: &[(&str, AccountId)]) {
    let mut gate = Router::new();
    for (channel, account) in addresses {
        let to = format!("{product}/webhooks/{channel}/{account}");
        gate = gate.route(&format!("/{channel}"), forward(to));
    }
    sandbox.set_webhook_base(&serve(gate).await);
}

/// Passes a request on as it is: the accounts' ids are not known when the stand-ins are set up.
fn forward(to: String) -> axum::routing::MethodRouter {
    let client = reqwest::Client::new();
    axum::routing::any(move |request: axum::extract::Request| {
        let (to, client) = (to.clone(), client.clone());
        async move {
            let query = request
                .uri()
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default();
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut headers = parts.headers;
            headers.remove("host");
            headers.remove("content-length");
            let sent = client
                .request(parts.method, to + &query)
                .headers(headers)
                .body(body)
                .send()
                .await
                .unwrap();
            let status = axum::http::StatusCode::from_u16(sent.status().as_u16()).unwrap();
            (status, sent.bytes().await.unwrap())
        }
    })
}

pub(crate) fn platform_accounts(monthly_limit: Option<u64>) -> Vec<Account> {
    let whatsapp = |id: &str| Account::Whatsapp {
        name: "Lativ".into(),
        waba_id: WABA.into(),
        phone_number_id: id.into(),
        display_phone_number: "+886 2 5555 0001".into(),
        access_token: "wa-token".into(),
        app_secret: APP_SECRET.into(),
        verify_token: "verify".into(),
        webhook_url: "http://unset.invalid/whatsapp".into(),
    };
    vec![
        Account::Line {
            name: "Lativ".into(),
            destination: LINE.into(),
            channel_access_token: "line-token".into(),
            channel_secret: LINE_SECRET.into(),
            webhook_url: "http://unset.invalid/line".into(),
            monthly_limit,
        },
        Account::Facebook {
            name: "Lativ".into(),
            page_id: PAGE.into(),
            access_token: "page-token".into(),
            app_secret: PAGE_SECRET.into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/facebook".into(),
        },
        Account::Instagram {
            name: "lativ".into(),
            ig_id: INSTAGRAM.into(),
            route: InstagramRoute::Login,
            access_token: "ig-token".into(),
            app_secret: "ig-secret".into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/instagram".into(),
        },
        Account::Instagram {
            name: "lativ_outlet".into(),
            ig_id: LINKED_INSTAGRAM.into(),
            route: InstagramRoute::Page {
                page_id: PAGE.into(),
            },
            access_token: "page-token".into(),
            app_secret: PAGE_SECRET.into(),
            verify_token: "verify".into(),
            webhook_url: "http://unset.invalid/facebook".into(),
        },
        whatsapp(NUMBER),
        whatsapp(OTHER_NUMBER),
        Account::Web {
            name: "Lativ".into(),
            site_id: SITE.into(),
            secret: "web-secret".into(),
            webhook_url: "http://unset.invalid/web".into(),
        },
    ]
}

/// The shortest that the platforms, and we, take for what they are.
pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0 and the rest";
pub(crate) const MP4: &[u8] = b"\0\0\0\x18ftypisom and the rest";
pub(crate) const PDF: &[u8] = b"%PDF-1.4 and the rest";

pub(crate) fn customer(id: &str) -> Customer {
    Customer {
        id: id.into(),
        name: format!("顧客 {id}"),
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

pub(crate) fn line_users(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("U{number:032x}").replace("U0", "Ua"))
        .collect()
}

pub(crate) fn whatsapp_users(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("8869{:08}", 10_000_000 + number))
        .collect()
}

/// Page-scoped ids, or Instagram-scoped ones.
pub(crate) fn page_users(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{}", 7_000_000_000_000_000_u64 + number as u64))
        .collect()
}
