//! Nobody reaches the platforms for a while.

use std::collections::HashSet;
use std::time::Duration;

use omocast_contract::{BroadcastStatus, Channel, LogEvent};
use omocast_sandbox::{Outage, Platform, Trouble};
use omocast_server::config::Pace;

use crate::installation::{Crowd, Installation, account_of, until};
use crate::judge::{self, Evidence, Outcome, TEXTS};
use crate::platforms::{
    INSTAGRAM, LINE, NUMBER, PAGE, Setup, World, line_users, page_users, whatsapp_users,
};

const CROWD: Crowd = Crowd {
    line: 200,
    whatsapp: 60,
    facebook: 60,
    instagram: 40,
};

async fn until_some_are_out(installation: &Installation) {
    until("some messages are out", async || {
        let sandbox = &installation.sandbox;
        [Channel::Line, Channel::Whatsapp, Channel::Facebook]
            .iter()
            .all(|channel| sandbox.traffic(account_of(*channel)).sendings > 10)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_connections_cost_nothing_but_time() {
    let mut installation = Installation::new(CROWD).await;
    installation.set_pace(50);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until_some_are_out(&installation).await;
    installation.shut_platforms().await;
    until("every account rests", async || {
        installation.find(broadcast).await.summary.paused.len() == PLATFORMS.len()
    })
    .await;
    installation.open_platforms().await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

/// All platforms are down for a minute of the server's clock while a broadcast goes out: each account rests after ten
/// faults, is tried now and then, and goes on. Tells what became of everybody, and what a platform was asked meanwhile.
async fn outlast(outage: Outage) -> (Vec<Outcome>, Vec<(Channel, usize)>) {
    let mut world = World::with(Setup {
        pace: Pace {
            line: PACE,
            facebook: PACE,
            instagram: PACE,
            whatsapp: PACE,
        },
        ..Setup::default()
    })
    .await;
    let crowd = [
        (LINE, line_users(200)),
        (NUMBER, whatsapp_users(100)),
        (PAGE, page_users(100)),
        (INSTAGRAM, page_users(100)),
    ];
    for (account, users) in &crowd {
        world.customers(account, users).await;
    }
    world.sandbox.reset_tally();
    world.start_delivery();
    let world = world;
    let sandbox = &world.sandbox;
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("some messages are out", || {
            let mut accounts = crowd.iter();
            let are_out = accounts.all(|(account, _)| sandbox.traffic(account).sendings > 10);
            Box::pin(async move { are_out })
        })
        .await;
    let down_since = world.now();
    for (platform, _) in PLATFORMS {
        sandbox.go_down(platform, outage, Duration::from_secs(3_600));
    }
    let asked_before = sandbox.requests().len();
    let paused = async || world.find(broadcast).await.summary.paused;
    world
        .until("every account rests", || {
            Box::pin(async { paused().await.len() == crowd.len() })
        })
        .await;
    let mut trials = 0;
    loop {
        let next = paused().await.iter().map(|each| each.tried_at).min();
        let next = next.unwrap();
        if next.since(down_since) > 60_000 {
            break;
        }
        let left = next.since(world.now()).unsigned_abs();
        world.advance(Duration::from_millis(left));
        world
            .until("all of them were tried in vain", || {
                Box::pin(async { paused().await.iter().all(|each| each.tried_at > next) })
            })
            .await;
        trials += 1;
    }
    assert_eq!(trials, 2, "after ten seconds, and after thirty more");
    let requests = sandbox.requests();
    let asked = PLATFORMS.map(|(platform, channel)| {
        let of_it = requests[asked_before..].iter();
        (
            channel,
            of_it.filter(|each| each.platform == platform).count(),
        )
    });
    for (platform, _) in PLATFORMS {
        sandbox.come_back(platform);
    }
    world
        .until("the broadcast is completed", || {
            world.advance(Duration::from_secs(15));
            Box::pin(async {
                world.find(broadcast).await.summary.status == BroadcastStatus::Completed
            })
        })
        .await;
    let log = world.find(broadcast).await.log.into_iter();
    let mut events: Vec<_> = log.map(|entry| entry.event).collect();
    let count = events.len();
    events.retain(|event| !matches!(event, LogEvent::AccountPaused { .. }));
    assert_eq!(count - events.len(), crowd.len(), "each stopped once");
    let count = events.len();
    events.retain(|event| !matches!(event, LogEvent::AccountResumed { .. }));
    assert_eq!(count - events.len(), crowd.len(), "each went on once");
    let recipients = world.recipients(broadcast).await;
    let outcomes = judge::outcomes(recipients, sandbox);
    judge::check(&outcomes, &Evidence::new(sandbox, &HashSet::new()));
    (outcomes, asked.into())
}

const PLATFORMS: [(Platform, Channel); 4] = [
    (Platform::Line, Channel::Line),
    (Platform::Whatsapp, Channel::Whatsapp),
    (Platform::Facebook, Channel::Facebook),
    (Platform::Instagram, Channel::Instagram),
];

const PACE: u32 = 40;
/// The most customers of an account whom a platform that is down is asked to send something to: those who are handed
/// over side by side when the tenth fault is known, ten before them, two on trial, and as many as go side by side once
/// more: an answer of before may be taken in after the first faults.
const ASKED: usize = PACE as usize + 10 + 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_answers_for_platforms_that_are_down_costs_nothing_but_time() {
    let (outcomes, asked) = outlast(Outage::Unavailable).await;
    for (channel, requests) in asked {
        assert!((12..=ASKED).contains(&requests), "{channel:?}: {requests}");
    }
    for outcome in outcomes {
        assert!(outcome.is_complete() && !outcome.is_unknown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_that_reset_every_connection_are_left_alone_and_nothing_is_sent_twice() {
    let (outcomes, asked) = outlast(Outage::Reset).await;
    for (channel, requests) in asked {
        // Where a message may have arrived and can't be repeated, the customer's next is tried as well.
        let each = if channel == Channel::Line { 1 } else { 3 };
        assert!(
            (12..=ASKED * each).contains(&requests),
            "{channel:?}: {requests}"
        );
        let of_channel = |outcome: &&Outcome| outcome.recipient.channel == channel;
        let unknown = outcomes.iter().filter(of_channel);
        let unknown = unknown.filter(|outcome| outcome.is_unknown()).count();
        if channel == Channel::Line {
            assert_eq!(unknown, 0);
        } else {
            assert!((1..=ASKED).contains(&unknown), "{channel:?}: {unknown}");
        }
    }
    for outcome in outcomes {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_stop_wait_for_whoever_mends_them_though_the_server_dies() {
    let mut installation = Installation::new(CROWD).await;
    installation.set_pace(50);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until_some_are_out(&installation).await;
    let troubles = [
        (Channel::Line, Trouble::TokenRevoked),
        (Channel::Whatsapp, Trouble::Unpaid),
        (Channel::Facebook, Trouble::Locked),
    ];
    for (channel, trouble) in troubles {
        let account = account_of(channel);
        installation.sandbox.set_trouble(account, Some(trouble));
    }
    until("all of them are stopped", async || {
        installation.find(broadcast).await.summary.paused.len() == troubles.len()
    })
    .await;
    installation.kill().await;
    for (channel, _) in troubles {
        installation.sandbox.set_trouble(account_of(channel), None);
    }
    installation.let_leases_end().await;
    installation.start().await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}
