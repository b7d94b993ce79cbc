//! How quick delivery is, when asked (`cargo xtask bench delivery`): each figure is a ratio within one run.

#![expect(clippy::print_stderr, reason = "a measurement is to be read")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use futures::stream::{self, StreamExt as _};
use omocast_contract::live::LiveEvent;
use omocast_contract::{BroadcastId, BroadcastStatus, Timestamp};
use omocast_sandbox::Rate;
use omocast_server::config::Pace;
use omocast_server::live::Notice;
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use uuid::Uuid;

use crate::support::{LINE, NUMBER, Setup, World, line_users, serve, whatsapp_users};

/// So quick that the pace never waits.
const OPEN: Pace = Pace {
    line: 1_000_000,
    facebook: 1_000_000,
    instagram: 1_000_000,
    whatsapp: 1_000_000,
};

/// How many requests the generator has under way: as many as the lane of an account.
const SIDE_BY_SIDE: usize = 256;
/// How often the generator sends them all: one time differs much from the next.
const ROUNDS: usize = 5;

fn open() -> Setup {
    Setup {
        pace: OPEN,
        is_clock_running: true,
        ..Setup::default()
    }
}

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

/// Leaves the stand-ins alone: what they still have to tell is taken in, and from now on they tell it to nobody.
async fn leave_alone(world: &World) {
    world.sandbox.settle().await;
    world
        .until("nothing is left to take in", || {
            Box::pin(async {
                let waiting = world.app.store.due_webhooks(world.now(), 1).await;
                waiting.unwrap().is_empty()
            })
        })
        .await;
    let nobody = serve(Router::new().fallback(async || StatusCode::OK)).await;
    world.sandbox.set_webhook_base(&nobody);
}

fn time_until(end: Option<Timestamp>, start: Timestamp) -> Duration {
    let millis = end.expect("it is completed").since(start);
    Duration::from_millis(millis.unsigned_abs())
}

/// How long it takes to send the requests that we send without anything else around them: the middle of several times.
async fn generate_load(
    users: &[String],
    request: impl Fn(&Client, &str) -> RequestBuilder,
) -> Duration {
    let client = Client::builder()
        .pool_max_idle_per_host(SIDE_BY_SIDE)
        .build()
        .unwrap();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(send_all(&client, users, &request).await);
    }
    times.sort_unstable();
    times[ROUNDS / 2]
}

async fn send_all(
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

fn compare(what: &str, count: usize, ours: Duration, plain: Duration) {
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    eprintln!(
        "{what}: {:.0} requests a second; a plain load generator {:.0}; ratio {:.2} (0.5 wanted)",
        rate(ours),
        rate(plain),
        rate(ours) / rate(plain)
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn the_whole_path_against_the_stand_ins_alone_on_line() {
    let mut world = World::with(open()).await;
    world.sandbox.set_rate(LINE, Rate::per_second(1e6));
    let users = line_users(20_000);
    world.customers(LINE, &users).await;
    let broadcast = world.broadcast(&["一", "二", "三"]).await;
    let start = world.app.now();
    world.start_delivery();
    until_completed(&world, broadcast).await;
    let done = world.find(broadcast).await;
    let ours = time_until(done.summary.completed_at, start);
    assert_eq!(done.summary.progress.sent, 20_000);
    leave_alone(&world).await;
    let texts = ["一", "二", "三"].map(|text| json!({ "type": "text", "text": text }));
    let url = format!("{}/line/v2/bot/message/push", world.platforms);
    let plain = generate_load(&users, |client, user| {
        client
            .post(&url)
            .bearer_auth("line-token")
            .header("x-line-retry-key", Uuid::now_v7().to_string())
            .json(&json!({ "to": user, "messages": texts }))
    })
    .await;
    compare("LINE", users.len(), ours, plain);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn the_whole_path_against_the_stand_ins_alone_on_whatsapp() {
    let mut world = World::with(open()).await;
    world.sandbox.set_rate(NUMBER, Rate::per_second(1e6));
    let users = whatsapp_users(20_000);
    world.customers(NUMBER, &users).await;
    let broadcast = world.broadcast(&["一"]).await;
    let start = world.app.now();
    world.start_delivery();
    until_completed(&world, broadcast).await;
    let done = world.find(broadcast).await;
    let ours = time_until(done.summary.completed_at, start);
    assert_eq!(done.summary.progress.accepted(), 20_000);
    leave_alone(&world).await;
    let url = format!("{}/graph/v26.0/{NUMBER}/messages", world.platforms);
    let about = format!("{broadcast}.1.0");
    let plain = generate_load(&users, |client, user| {
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
    compare("WhatsApp", users.len(), ours, plain);
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
        "a pace of {PACE} a second: {used:.1} a second used ({:.1} %; 95 wanted), at most {} in any second",
        100.0 * used / PACE as f64,
        traffic.peak
    );
}
