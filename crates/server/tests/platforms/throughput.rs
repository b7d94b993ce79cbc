//! How quick delivery is, when asked (`cargo xtask bench delivery`): each figure is a ratio within one run.

#![expect(clippy::print_stderr, reason = "a measurement is to be read")]

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _, stdin};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use futures::stream::{self, StreamExt as _};
use omocast_contract::live::LiveEvent;
use omocast_contract::{BroadcastId, BroadcastStatus};
use omocast_sandbox::{Account, Rate, Receipts, Sandbox, SandboxConfig};
use omocast_server::channels::{Connectors, Uploads, http_client};
use omocast_server::config::Pace;
use omocast_server::live::Notice;
use reqwest::{Client, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::support::{
    LINE, NUMBER, Setup, World, customer, endpoints, line_users, platform_accounts, serve,
    utterance, whatsapp_users,
};

/// So quick that the pace never waits.
const OPEN: Pace = Pace {
    line: 1_000_000,
    facebook: 1_000_000,
    instagram: 1_000_000,
    whatsapp: 1_000_000,
};

/// What the whole path is to reach of what the stand-ins alone take.
const WANTED: f64 = 0.5;

/// How many requests the generator has under way: as many as the lane of an account.
const SIDE_BY_SIDE: usize = 256;
/// How often both are measured, one after the other: one time differs much from the next.
const ROUNDS: usize = 5;

/// Waits without asking the database, which has enough to do.
async fn until_completed(world: &World, broadcast: BroadcastId) {
    let mut notices = world.app.live.subscribe();
    loop {
        if let Notice::Broadcast { progress, .. } = &*notices.recv().await.unwrap()
            && let LiveEvent::BroadcastProgress {
                broadcast: told,
                status,
                ..
            } = progress
            && (*told, *status) == (broadcast, BroadcastStatus::Completed)
        {
            return;
        }
    }
}

/// Broadcasts to everybody, and tells how long it took to hand everything over, without the time of accepting it.
async fn broadcast(world: &mut World, texts: &[&str], users: usize) -> Duration {
    let broadcast = world.broadcast(texts).await;
    let start = world.app.now();
    world.start_delivery();
    until_completed(world, broadcast).await;
    let summary = world.find(broadcast).await.summary;
    assert_eq!(summary.progress.accepted(), users as u64);
    world.stop_last().await;
    let end = summary.completed_at.expect("it is completed");
    Duration::from_millis(end.since(start).unsigned_abs())
}

/// What the stand-ins are to stand in for.
#[derive(Serialize, Deserialize)]
struct Cast {
    account: Account,
    users: Vec<String>,
}

/// What the line with the address of the stand-ins begins with.
const ADDRESS: &str = "the stand-ins are at ";

/// The stand-ins in a process of their own, as the platforms are: with what is measured they share neither memory
/// nor threads. They end with whoever started them.
struct StandIns {
    address: String,
    process: Child,
    client: Client,
}

impl StandIns {
    async fn start(cast: &Cast) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--nocapture", "--exact"])
            .arg("throughput::the_stand_ins_alone")
            .env(IS_ALONE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.as_ref().unwrap();
        writeln!(stdin, "{}", serde_json::to_string(cast).unwrap()).unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        let address = spawn_blocking(|| {
            let mut lines = said.lines().map(Result::unwrap);
            lines.find_map(|line| {
                let address = line.strip_prefix(ADDRESS).map(str::to_owned);
                if address.is_none() {
                    eprintln!("{line}");
                }
                address
            })
        });
        Self {
            address: address.await.unwrap().expect("they say where they are"),
            process,
            client: Client::new(),
        }
    }

    async fn post(&self, path: &str, body: String) {
        let url = format!("{}{path}", self.address);
        let answer = self.client.post(url).body(body).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// From now on webhooks go to another base.
    async fn tell(&self, base: &str) {
        self.post("/tell", base.to_owned()).await;
    }

    /// Waits until everything is told.
    async fn settle(&self) {
        self.post("/control/settle", String::new()).await;
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// Set where this program is started to be the stand-ins.
const IS_ALONE: &str = "OMOCAST_STAND_INS_ALONE";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that a measurement starts"]
async fn the_stand_ins_alone() {
    if env::var_os(IS_ALONE).is_none() {
        return;
    }
    let mut cast = String::new();
    stdin().read_line(&mut cast).unwrap();
    let Cast { account, users } = serde_json::from_str(&cast).unwrap();
    let id = account.id().to_owned();
    let sandbox = Sandbox::new(SandboxConfig {
        state: None,
        accounts: vec![account],
        receipts: Receipts::immediate(),
    })
    .await
    .unwrap();
    sandbox.set_rate(&id, Rate::per_second(1e6));
    sandbox.set_webhook_base(&nobody().await);
    for user in &users {
        sandbox.add_customer(&id, customer(user));
    }
    let said = users.iter().map(|user| utterance(&id, user, "嗨"));
    sandbox.say(said.collect()).await.unwrap();
    let tell = {
        let sandbox = sandbox.clone();
        post(async move |base: String| sandbox.set_webhook_base(&base))
    };
    let address = serve(sandbox.router().route("/tell", tell)).await;
    eprintln!("{ADDRESS}{address}");
    let until_ended = spawn_blocking(|| io::copy(&mut stdin(), &mut io::sink()));
    until_ended.await.unwrap().unwrap();
}

/// Takes every webhook, and does nothing with it.
async fn nobody() -> String {
    serve(Router::new().fallback(async || StatusCode::OK)).await
}

/// Waits until what the stand-ins still have to tell is taken in.
async fn until_told(world: &World, stand_ins: &StandIns) {
    stand_ins.settle().await;
    world
        .until("nothing is left to take in", || {
            Box::pin(async {
                let waiting = world.app.store.due_webhooks(world.now(), 1).await;
                waiting.unwrap().is_empty()
            })
        })
        .await;
}

/// How long it takes to send the requests that we send without anything else around them.
async fn generate_load(
    client: &Client,
    users: &[String],
    request: impl Fn(&Client, &str) -> RequestBuilder,
) -> Duration {
    let start = Instant::now();
    let requests = users.iter().map(|user| {
        let request = request(client, user);
        async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap();
        }
    });
    stream::iter(requests)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<()>()
        .await;
    start.elapsed()
}

/// One account with its customers, here and at stand-ins that are a process of their own.
async fn open(id: &str, channel: &str, users: &[String]) -> (World, StandIns) {
    let mut world = World::with(Setup {
        pace: OPEN,
        is_clock_running: true,
        ..Setup::default()
    })
    .await;
    world.customers(id, users).await;
    let ours = if id == LINE {
        world.line
    } else {
        world.whatsapp
    };
    let accounts = platform_accounts(None);
    let account = accounts.iter().find(|account| account.id() == id).unwrap();
    let mut account = serde_json::to_value(account).unwrap();
    account["webhook_url"] = format!("http://unset.invalid/webhooks/{channel}/{ours}").into();
    let stand_ins = StandIns::start(&Cast {
        account: serde_json::from_value(account).unwrap(),
        users: users.to_vec(),
    })
    .await;
    world.app.connectors = Connectors::new(
        http_client().unwrap(),
        endpoints(&stand_ins.address),
        Uploads::new(world.app.store.clone(), world.app.clock.clone()),
    );
    (world, stand_ins)
}

/// Measures broadcasts, and after each the generator, which has the stand-ins for itself: they tell nobody what it sent.
async fn compare(
    what: &str,
    (mut world, stand_ins): (World, StandIns),
    users: &[String],
    texts: &[&str],
    request: impl Fn(&Client, &str) -> RequestBuilder,
) {
    let us = world.app.config.public_url.clone();
    let nobody = nobody().await;
    let client = Client::builder()
        .pool_max_idle_per_host(SIDE_BY_SIDE)
        .build()
        .unwrap();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        stand_ins.tell(&us).await;
        let ours = broadcast(&mut world, texts, users.len()).await;
        until_told(&world, &stand_ins).await;
        stand_ins.tell(&nobody).await;
        let plain = generate_load(&client, users, &request).await;
        stand_ins.settle().await;
        let [ours, plain] = [ours, plain].map(|time| users.len() as f64 / time.as_secs_f64());
        let ratio = ours / plain;
        eprintln!(
            "{what}: {ours:.0} requests a second; a plain load generator {plain:.0}; ratio {ratio:.2}"
        );
        rounds.push(ratio);
    }
    rounds.sort_unstable_by(f64::total_cmp);
    let middle = rounds[ROUNDS / 2];
    eprintln!("{what}: the middle is {middle:.2}");
    assert!(middle >= WANTED, "{what}: {WANTED} is wanted");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn the_whole_path_against_the_stand_ins_alone_on_line() {
    let users = line_users(20_000);
    let opened = open(LINE, "line", &users).await;
    let texts = ["一", "二", "三"];
    let messages = texts.map(|text| json!({ "type": "text", "text": text }));
    let url = format!("{}/line/v2/bot/message/push", opened.1.address);
    compare("LINE", opened, &users, &texts, |client, user| {
        client
            .post(&url)
            .bearer_auth("line-token")
            .header("x-line-retry-key", Uuid::now_v7().to_string())
            .json(&json!({ "to": user, "messages": messages }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn the_whole_path_against_the_stand_ins_alone_on_whatsapp() {
    let users = whatsapp_users(20_000);
    let opened = open(NUMBER, "whatsapp", &users).await;
    let url = format!("{}/graph/v26.0/{NUMBER}/messages", opened.1.address);
    let about = format!("{}.20000.0", BroadcastId(Uuid::now_v7()));
    compare("WhatsApp", opened, &users, &["一"], |client, user| {
        client.post(&url).bearer_auth("wa-token").json(&json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": user,
            "type": "text",
            "text": { "body": "一", "preview_url": false },
            "biz_opaque_callback_data": about,
        }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn the_pace_is_used_and_never_passed() {
    const PACE: usize = 80;
    let mut world = World::with(Setup {
        is_clock_running: true,
        ..Setup::default()
    })
    .await;
    let users = whatsapp_users(20 * PACE);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    let traffic = world.sandbox.traffic(NUMBER);
    // The last second is not a whole one.
    let whole = &traffic.by_second[..traffic.by_second.len() - 1];
    let used = f64::from(whole.iter().sum::<u32>()) / whole.len() as f64;
    eprintln!(
        "a pace of {PACE} a second: {used:.1} a second used ({:.1} %), at most {} in any second",
        100.0 * used / PACE as f64,
        traffic.peak
    );
    assert!(used >= 0.95 * PACE as f64, "95 % is wanted");
    assert!(traffic.peak <= PACE, "that is too quick");
}
