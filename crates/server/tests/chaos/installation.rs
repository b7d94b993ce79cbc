//! The program itself, as it is installed: killed and started again over its data, against stand-ins that live on.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use omocast_contract::api::{EventQuery, IDEMPOTENCY_KEY, PageStart, RecipientPage, SignIn, path};
use omocast_contract::{
    AccountId, Audience, Broadcast, BroadcastId, BroadcastRequest, BroadcastStatus, Channel,
    Content, Control, Controlled, EventAction, EventView, Filter, MemberId, OutgoingMessage, Pick,
    Plan, Role, Surface,
};
use omocast_sandbox::{
    Account, Customer, InstagramRoute, Receipts, Sandbox, SandboxConfig, Utterance,
};
use omocast_server::app::App;
use omocast_server::channels::Credentials;
use omocast_server::config::Config;
use omocast_server::password;
use omocast_server::store::{NewAccount, NewMember, Store};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection, query};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::judge::{self, Evidence, MessageTo, Outcome, TEXTS};
use crate::platforms::endpoints;

const PROGRAM: &str = env!("CARGO_BIN_EXE_omocast-server");
const EMAIL: &str = "rep@omocast.test";
const PASSWORD: &str = "open sesame";
const APP_SECRET: &str = "app-secret";

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Looks again and again.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How many customers there are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Crowd {
    pub(crate) line: usize,
    pub(crate) whatsapp: usize,
    pub(crate) facebook: usize,
    pub(crate) instagram: usize,
}

impl Crowd {
    fn of(self, channel: Channel) -> usize {
        match channel {
            Channel::Line => self.line,
            Channel::Whatsapp => self.whatsapp,
            Channel::Facebook => self.facebook,
            Channel::Instagram => self.instagram,
            Channel::Web => 0,
        }
    }
}

pub(crate) fn account_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Line => "U00000000000000000000000000000001",
        Channel::Whatsapp => "200000000000001",
        Channel::Facebook => "300000000000001",
        Channel::Instagram => "400000000000001",
        Channel::Web => "site-1",
    }
}

/// What a platform calls its customers.
pub(crate) fn user(channel: Channel, number: usize) -> String {
    match channel {
        Channel::Line => format!("Ua{number:031x}"),
        Channel::Whatsapp => format!("8869{:08}", 10_000_000 + number),
        Channel::Facebook => format!("7{number:015}"),
        Channel::Instagram => format!("178414{number:011}"),
        Channel::Web => format!("visitor-{number}"),
    }
}

const CHANNELS: [Channel; 4] = [
    Channel::Line,
    Channel::Whatsapp,
    Channel::Facebook,
    Channel::Instagram,
];

/// How quickly each channel may be sent on.
const PACES: [&str; 4] = [
    "OMOCAST_LINE_PACE",
    "OMOCAST_WHATSAPP_PACE",
    "OMOCAST_FACEBOOK_PACE",
    "OMOCAST_INSTAGRAM_PACE",
];

pub(crate) struct Installation {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: TempDir,
    pub(crate) team: Team,
    settings: Vec<(&'static str, String)>,
    platforms: Platforms,
    server: Option<Server>,
    http: reqwest::Client,
    cookie: String,
    /// What servers that were killed had not written down the end of.
    pub(crate) cut_short: HashSet<MessageTo>,
}

/// Who is in the database.
pub(crate) struct Team {
    pub(crate) member: MemberId,
    /// In the order of [`CHANNELS`].
    pub(crate) accounts: Vec<AccountId>,
}

/// The program while it runs; ends with the test, whatever becomes of it.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The stand-ins' address, which may be shut: connections are refused then.
struct Platforms {
    address: std::net::SocketAddr,
    open: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    was_shut: bool,
}

impl Platforms {
    fn serve(listener: TcpListener, sandbox: &Sandbox) -> Self {
        let address = listener.local_addr().unwrap();
        let (shut, until) = oneshot::channel::<()>();
        let serving = axum::serve(listener, sandbox.router())
            .with_graceful_shutdown(async move { drop(until.await) });
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            open: Some((shut, serving)),
            was_shut: false,
        }
    }
}

impl Installation {
    /// A team with a member who follows the events of the whole crowd, each of whom has just written.
    pub(crate) async fn new(crowd: Crowd) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platforms = format!("http://{}", listener.local_addr().unwrap());
        let endpoints = endpoints(&platforms);
        let mut config = Config::for_tests(folder.path());
        config.endpoints = endpoints.clone();
        let app = App::open(config).await.unwrap();
        let (sandbox, team) = set_up(&app, crowd).await;
        let settings = vec![
            ("OMOCAST_LINE_URL", endpoints.line),
            ("OMOCAST_LINE_DATA_URL", endpoints.line_data),
            ("OMOCAST_GRAPH_URL", endpoints.graph),
            ("OMOCAST_GRAPH_INSTAGRAM_URL", endpoints.graph_instagram),
            ("OMOCAST_WEB_URL", endpoints.web),
            ("OMOCAST_HOLD_SECONDS", "0".to_owned()),
        ];
        let platforms = Platforms::serve(listener, &sandbox);
        write_and_follow(app, team.member, &sandbox, crowd).await;
        Self {
            sandbox,
            folder,
            team,
            settings,
            platforms,
            server: None,
            http: reqwest::Client::new(),
            cookie: String::new(),
            cut_short: HashSet::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.push((name, value.to_owned()));
    }

    /// How many sendings a second each account may ask for.
    pub(crate) fn set_pace(&mut self, per_second: u32) {
        for name in PACES {
            self.set(name, &per_second.to_string());
        }
    }

    pub(crate) async fn start(&mut self) {
        let mut command = Command::new(PROGRAM);
        command.arg("serve");
        self.start_as(command).await;
    }

    /// Starts what becomes the program.
    pub(crate) async fn start_as(&mut self, mut command: Command) {
        let mut process = command
            .env("OMOCAST_DATA", self.folder.path())
            .env("OMOCAST_LISTEN", "127.0.0.1:0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (found, address) = oneshot::channel();
        std::thread::spawn(move || {
            let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
                let (_, rest) = line.split_once("listening on ")?;
                Some(rest.split_whitespace().next()?.to_owned())
            });
            drop(found.send(address.unwrap()));
            // A full pipe would stop the server.
            lines.for_each(drop);
        });
        let address = format!("http://{}", address.await.unwrap());
        self.sandbox.set_webhook_base(&address);
        self.server = Some(Server { process, address });
        if self.cookie.is_empty() {
            self.sign_in().await;
        }
    }

    /// From now on the server may write no file larger than so many bytes.
    pub(crate) fn limit_files(&self, bytes: &str) {
        let process = self.server.as_ref().unwrap().process.id();
        let status = Command::new("prlimit")
            .args(["--pid", &process.to_string()])
            .arg(format!("--fsize={bytes}:unlimited"))
            .status();
        assert!(status.unwrap().success());
    }

    /// As a power cut would, or the system when it runs out of memory.
    pub(crate) async fn kill(&mut self) {
        drop(self.server.take().unwrap());
        let under_way = self.under_way().await;
        self.cut_short.extend(under_way);
    }

    /// Nobody else writes to the database until the connection is closed.
    pub(crate) async fn hold_database(&self) -> SqliteConnection {
        let file = self.folder.path().join("omocast.db");
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        let hold = query("begin immediate").execute(&mut connection);
        hold.await.unwrap();
        connection
    }

    /// What the database of a dead server says is being sent. A copy is asked: whoever opens the database of one that
    /// died tidies up, and that is for the next server.
    async fn under_way(&self) -> Vec<MessageTo> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["omocast.db", "omocast.db-wal"] {
            std::fs::copy(self.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        let options = SqliteConnectOptions::new().filename(copy.path().join("omocast.db"));
        let mut connection = options.connect().await.unwrap();
        let rows = query(
            "select r.channel, c.external_id, d.position from delivery d
             join recipient r on r.id = d.recipient_id join customer c on c.id = r.customer_id
             where d.status = 'sending'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let rows = rows.iter().map(|row| {
            let channel = Channel::parse(row.get("channel")).unwrap();
            (
                channel,
                row.get("external_id"),
                row.get::<u32, _>("position") as usize,
            )
        });
        rows.collect()
    }

    /// What a dead server was handing over may be taken over at once, as after the minute that it takes otherwise.
    pub(crate) async fn let_leases_end(&self) {
        let store = self.open_store().await;
        query("update recipient set not_before = 0 where is_open = 1 and lease_owner is not null")
            .execute(store.raw())
            .await
            .unwrap();
        store.close().await;
    }

    /// The database, while no server runs.
    pub(crate) async fn open_store(&self) -> Store {
        assert!(self.server.is_none());
        let file = self.folder.path().join("omocast.db");
        Store::open(&file).await.unwrap()
    }

    /// Nobody reaches the platforms any more.
    pub(crate) async fn shut_platforms(&mut self) {
        let (shut, serving) = self.platforms.open.take().unwrap();
        drop(shut);
        serving.await.unwrap();
    }

    pub(crate) async fn open_platforms(&mut self) {
        let listener = TcpListener::bind(self.platforms.address).await.unwrap();
        self.platforms = Platforms::serve(listener, &self.sandbox);
        self.platforms.was_shut = true;
    }

    async fn sign_in(&mut self) {
        let sign_in = SignIn {
            email: EMAIL.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let answer = self.http.post(self.url(path::SESSION)).json(&sign_in);
        let answer = answer.send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.as_ref().unwrap().address)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let asked = self.http.get(self.url(path)).header("cookie", &self.cookie);
        let answer = asked.send().await.unwrap();
        let status = answer.status();
        let body = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self.http.get(self.url("/readyz")).send().await;
        asked.unwrap().status().is_success()
    }

    /// [`TEXTS`] to everybody.
    pub(crate) async fn broadcast(&self) -> BroadcastId {
        self.broadcast_with_key("chaos-0001").await
    }

    /// What is answered to one more broadcast.
    pub(crate) async fn try_broadcast(&self, key: &str) -> StatusCode {
        self.post_broadcast(key).await.status()
    }

    async fn post_broadcast(&self, key: &str) -> reqwest::Response {
        self.post(path::BROADCASTS, key)
            .json(&request())
            .send()
            .await
            .unwrap()
    }

    fn post(&self, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.http
            .post(self.url(path))
            .header("cookie", &self.cookie)
            .header(IDEMPOTENCY_KEY, key)
    }

    /// Sends again what failed of a broadcast.
    pub(crate) async fn retry(&self, broadcast: BroadcastId) -> BroadcastId {
        let asked = self.post(&path::broadcast_retry(broadcast), "chaos-retry");
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json::<Broadcast>().await.unwrap().summary.id
    }

    /// Dies while somebody waits for an answer, which can't be given: somebody else has the database.
    pub(crate) async fn die_before<T>(&mut self, asking: impl AsyncFn(&Self) -> T) {
        let held = self.hold_database().await;
        let answer = timeout(Duration::from_secs(1), asking(self)).await;
        assert!(answer.is_err(), "it was answered");
        self.kill().await;
        held.close().await.unwrap();
        self.start().await;
    }

    pub(crate) async fn broadcast_with_key(&self, key: &str) -> BroadcastId {
        let answer = self.post_broadcast(key).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json::<Broadcast>().await.unwrap().summary.id
    }

    pub(crate) async fn find(&self, broadcast: BroadcastId) -> Broadcast {
        self.get(&path::broadcast(broadcast)).await
    }

    pub(crate) async fn is_completed(&self, broadcast: BroadcastId) -> bool {
        self.find(broadcast).await.summary.status == BroadcastStatus::Completed
    }

    pub(crate) async fn until_completed(&self, broadcast: BroadcastId) {
        until("the broadcast is completed", async || {
            self.is_completed(broadcast).await
        })
        .await;
    }

    pub(crate) async fn outcomes(&self, broadcast: BroadcastId) -> Vec<Outcome> {
        let mut recipients = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("{}{after}", path::broadcast_recipients(broadcast));
            let page: RecipientPage = self.get(&path).await;
            recipients.extend(page.rows);
            match page.next {
                Some(next) => after = format!("?after={next}"),
                None => break,
            }
        }
        judge::outcomes(recipients, &self.sandbox)
    }

    pub(crate) async fn stop(&self, broadcast: BroadcastId) -> Broadcast {
        let answer = self
            .http
            .post(self.url(&path::broadcast_control(broadcast)))
            .header("cookie", &self.cookie)
            .json(&Control::Stop)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.json::<Controlled>().await.unwrap().broadcast
    }

    /// Waits until the broadcast is completed and judges it.
    pub(crate) async fn until_judged(&self, broadcast: BroadcastId) -> Vec<Outcome> {
        self.until_completed(broadcast).await;
        self.judge(broadcast).await
    }

    /// Waits until the platforms have told all they will, and until who got everything where that can be found out is
    /// unknown no longer; then checks everybody.
    pub(crate) async fn judge(&self, broadcast: BroadcastId) -> Vec<Outcome> {
        self.sandbox.settle().await;
        let outcomes = async || self.outcomes(broadcast).await;
        until("what arrived is known to have arrived", async || {
            let outcomes = outcomes().await;
            // Instagram's echoes do not name what they are about: they are known by their words, if at all.
            let mut told = outcomes
                .iter()
                .filter(|outcome| outcome.recipient.channel != Channel::Instagram);
            told.all(|outcome| !(outcome.is_unknown() && outcome.is_complete()))
        })
        .await;
        // An echo of Instagram may still come in between.
        until("the page says what the list says", async || {
            let told = self.find(broadcast).await.summary.progress.unknown;
            let outcomes = outcomes().await;
            let unknown = outcomes.iter().filter(|outcome| outcome.is_unknown());
            told == unknown.count() as u64
        })
        .await;
        let outcomes = outcomes().await;
        let mut evidence = Evidence::new(&self.sandbox, &self.cut_short);
        evidence.was_shut = self.platforms.was_shut;
        judge::check(&outcomes, &evidence);
        outcomes
    }
}

pub(crate) fn request() -> BroadcastRequest {
    let text = |text: &&str| OutgoingMessage::Text {
        text: (*text).to_owned(),
    };
    BroadcastRequest {
        audience: Audience {
            pick: Pick::AllExcept(Vec::new()),
            ..Audience::default()
        },
        content: Content::Messages(TEXTS.iter().map(text).collect()),
        surface: Surface::App,
        name_fallback: None,
        draft: None,
        send_at: None,
    }
}

/// The team, its accounts, and their stand-ins.
async fn set_up(app: &App, crowd: Crowd) -> (Sandbox, Team) {
    let team = app
        .store
        .create_team("Lativ", Plan::Omo, "Asia/Taipei", app.now());
    let team_id = team.await.unwrap();
    let member = NewMember {
        team_id,
        name: "小美".to_owned(),
        email: EMAIL.to_owned(),
        password_hash: password::hash(PASSWORD.to_owned()).await.unwrap(),
        role: Role::SalesRep,
        staff_code: None,
        shops: Vec::new(),
    };
    let member = app.store.create_member(member, app.now()).await.unwrap();
    let mut accounts = Vec::new();
    let mut stand_ins = Vec::new();
    for channel in CHANNELS {
        let account = NewAccount {
            team_id,
            channel,
            name: account_of(channel).to_owned(),
            external_id: account_of(channel).to_owned(),
            waba_id: (channel == Channel::Whatsapp).then(|| "100000000000001".to_owned()),
            display_phone: None,
        };
        let id = app.create_account(account, &credentials(channel)).await;
        let id = id.unwrap();
        let path = format!("webhooks/{}/{id}", channel.as_str());
        stand_ins.push(stand_in(channel, format!("http://unset.invalid/{path}")));
        accounts.push(id);
    }
    let config = SandboxConfig {
        state: None,
        accounts: stand_ins,
        receipts: Receipts::immediate(),
    };
    let sandbox = Sandbox::new(config).await.unwrap();
    // As patient as the platforms, for a server that is killed again and again.
    sandbox.set_webhook_retries(100);
    for channel in CHANNELS {
        for number in 0..crowd.of(channel) {
            let id = user(channel, number);
            let customer = Customer {
                name: format!("顧客 {id}"),
                id,
                phone: None,
                read_receipts: true,
            };
            sandbox.add_customer(account_of(channel), customer);
        }
    }
    (sandbox, Team { member, accounts })
}

fn credentials(channel: Channel) -> Credentials {
    let access_token = format!("{} token", channel.as_str());
    let app_secret = APP_SECRET.to_owned();
    let verify_token = "verify".to_owned();
    match channel {
        Channel::Line => Credentials::Line {
            channel_access_token: access_token,
            channel_secret: app_secret,
        },
        Channel::Facebook => Credentials::Facebook {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Instagram => Credentials::Instagram {
            access_token,
            app_secret,
            verify_token,
            page_id: None,
        },
        Channel::Whatsapp => Credentials::Whatsapp {
            access_token,
            app_secret,
            verify_token,
        },
        Channel::Web => Credentials::Web { secret: app_secret },
    }
}

fn stand_in(channel: Channel, webhook_url: String) -> Account {
    let access_token = format!("{} token", channel.as_str());
    let app_secret = APP_SECRET.to_owned();
    let verify_token = "verify".to_owned();
    let id = account_of(channel).to_owned();
    let name = "Lativ".to_owned();
    match channel {
        Channel::Line => Account::Line {
            name,
            destination: id,
            channel_access_token: access_token,
            channel_secret: app_secret,
            webhook_url,
            monthly_limit: None,
        },
        Channel::Facebook => Account::Facebook {
            name,
            page_id: id,
            access_token,
            app_secret,
            verify_token,
            webhook_url,
        },
        Channel::Instagram => Account::Instagram {
            name,
            ig_id: id,
            route: InstagramRoute::Login,
            access_token,
            app_secret,
            verify_token,
            webhook_url,
        },
        Channel::Whatsapp => Account::Whatsapp {
            name,
            waba_id: "100000000000001".to_owned(),
            phone_number_id: id,
            display_phone_number: "+886 2 5555 0001".to_owned(),
            access_token,
            app_secret,
            verify_token,
            webhook_url,
        },
        Channel::Web => Account::Web {
            name,
            site_id: id,
            secret: app_secret,
            webhook_url,
        },
    }
}

/// Everybody writes, and the member follows their events.
async fn write_and_follow(app: App, member: MemberId, sandbox: &Sandbox, crowd: Crowd) {
    let product = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", product.local_addr().unwrap());
    sandbox.set_webhook_base(&address);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(omocast_server::start(app.clone(), product, async move {
        drop(stopped.await);
    }));
    let mut said = Vec::new();
    for channel in CHANNELS {
        said.extend((0..crowd.of(channel)).map(|number| Utterance {
            account: account_of(channel).to_owned(),
            user: user(channel, number),
            text: "嗨".to_owned(),
            at_ms: None,
        }));
    }
    let count = said.len();
    sandbox.say(said).await.unwrap();
    let mut member = app.store.find_member(member).await.unwrap().unwrap();
    // Only to see what waits for anybody.
    member.role = Role::Admin;
    let pending = async |from| {
        let query = EventQuery {
            view: EventView::Pending,
            filter: Filter::default(),
            from,
            limit: 200,
        };
        app.store.list_events(&member, &query).await.unwrap()
    };
    until("everybody is heard", async || {
        pending(PageStart::First).await.total == count as u64
    })
    .await;
    loop {
        let rows = pending(PageStart::First).await.rows;
        if rows.is_empty() {
            break;
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let followed = app
            .store
            .act_on_events(&member, &ids, EventAction::Follow, app.now());
        assert_eq!(followed.await.unwrap().0.refused, []);
    }
    sandbox.settle().await;
    sandbox.reset_tally();
    drop(stop);
    serving.await.unwrap().unwrap();
}
