//! The program is killed at moments that chance chooses.

use omocast_contract::{BroadcastStatus, Channel, LogEvent};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::installation::{Crowd, Installation, account_of, until};
use crate::seed;

const KILLS: usize = 20;
const PACE: u32 = 70;
/// The most that is under way on three channels: on each as much as the pace takes in half a second, and as much again
/// that was answered and is not written down.
const IN_HAND: usize = 3 * PACE as usize;

/// Waits until LINE was asked to send more than so often.
async fn until_asked(installation: &Installation, sendings: u64) {
    until("some messages are out", async || {
        let traffic = installation.sandbox.traffic(account_of(Channel::Line));
        traffic.sendings > sendings
    })
    .await;
}

/// How often the platforms were asked to send something.
fn sendings(installation: &Installation) -> u64 {
    let accounts = Channel::ALL.map(account_of).into_iter();
    accounts
        .map(|account| installation.sandbox.traffic(account).sendings)
        .sum()
}

/// Kills the server; the next takes over at once what it had in hand.
async fn restart(installation: &mut Installation) {
    installation.kill().await;
    installation.let_leases_end().await;
    installation.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_takes_over_when_the_leases_of_the_dead_one_end() {
    let crowd = Crowd {
        line: 200,
        whatsapp: 60,
        facebook: 60,
        instagram: 40,
    };
    let mut installation = Installation::new(crowd).await;
    installation.set_pace(50);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until_asked(&installation, 10).await;
    installation.kill().await;
    installation.start().await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_between_two_kills_goes_no_further() {
    let mut chance = StdRng::seed_from_u64(seed());
    let crowd = Crowd {
        line: 300,
        whatsapp: 100,
        facebook: 100,
        instagram: 60,
    };
    let mut installation = Installation::new(crowd).await;
    installation.set_pace(50);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until_asked(&installation, 10).await;
    restart(&mut installation).await;
    until_asked(&installation, chance.random_range(20..80)).await;
    let stopped = installation.stop(broadcast).await;
    restart(&mut installation).await;
    until("what was in hand is settled", async || {
        let found = installation.find(broadcast).await;
        found.summary.progress.waiting() == 0
    })
    .await;
    let outcomes = installation.judge(broadcast).await;
    let Some(LogEvent::Stopped { handed_over, left }) =
        stopped.log.last().map(|entry| entry.event.clone())
    else {
        panic!("{:?}", stopped.log);
    };
    // Who was left when it was stopped got nothing afterwards, whoever else had to be asked for once more.
    assert_eq!(outcomes.len() as u64, handed_over + left);
    let nothing = outcomes.iter().filter(|outcome| outcome.phone.is_empty());
    assert!(nothing.count() as u64 >= left);
    assert!(left > 100, "{left} were left");
    let summary = installation.find(broadcast).await.summary;
    assert_eq!(summary.status, BroadcastStatus::Stopped);
    assert!(summary.progress.skipped >= left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_twenty_times_repeats_nothing_and_forgets_nobody() {
    let mut chance = StdRng::seed_from_u64(seed());
    let crowd = Crowd {
        line: 1_000,
        whatsapp: 400,
        facebook: 350,
        instagram: 250,
    };
    let mut installation = Installation::new(crowd).await;
    // Slow enough to be killed on the way.
    installation.set_pace(PACE);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    for _ in 0..KILLS {
        let asked = sendings(&installation);
        // Together less than there is to send.
        let more = chance.random_range(5..160);
        until("more messages are out", async || {
            sendings(&installation) > asked + more
        })
        .await;
        assert!(
            !installation.is_completed(broadcast).await,
            "it is under way"
        );
        let known = installation.cut_short.len();
        restart(&mut installation).await;
        let cut_short = installation.cut_short.len() - known;
        assert!(cut_short <= IN_HAND, "{cut_short} messages were cut short");
    }
    let outcomes = installation.until_judged(broadcast).await;
    assert_eq!(outcomes.len(), 2_000);
    for outcome in &outcomes {
        let is_line = outcome.recipient.channel == Channel::Line;
        // LINE knows a repeat; elsewhere a message may be missing, but only where nobody can know: it was cut short.
        assert!(
            outcome.is_complete() || (!is_line && outcome.is_unknown()),
            "{} got {:?} and is {:?}",
            outcome.recipient.name,
            outcome.phone,
            outcome.recipient.status
        );
    }
}
