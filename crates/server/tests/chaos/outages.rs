//! Nobody reaches the platforms for a while.

use std::time::Duration;

use omocast_contract::{Channel, DeliveryStatus};
use omocast_sandbox::{Outage, Platform, Trouble};

use crate::installation::{Crowd, Installation, account_of, until};

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
    until("somebody waits to be tried again", async || {
        let outcomes = installation.outcomes(broadcast).await;
        outcomes.iter().any(|outcome| {
            outcome.recipient.status == DeliveryStatus::Queued && outcome.recipient.reason.is_some()
        })
    })
    .await;
    installation.open_platforms().await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_answers_for_platforms_that_are_down_costs_nothing_but_time() {
    let mut installation = Installation::new(CROWD).await;
    installation.set_pace(50);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until_some_are_out(&installation).await;
    let platforms = [
        Platform::Line,
        Platform::Whatsapp,
        Platform::Facebook,
        Platform::Instagram,
    ];
    for platform in platforms {
        let minute = Duration::from_secs(60);
        installation
            .sandbox
            .go_down(platform, Outage::Unavailable, minute);
    }
    until("somebody waits to be tried again", async || {
        let outcomes = installation.outcomes(broadcast).await;
        outcomes.iter().any(|outcome| {
            outcome.recipient.status == DeliveryStatus::Queued && outcome.recipient.reason.is_some()
        })
    })
    .await;
    installation.sandbox.advance_clock(Duration::from_secs(60));
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete());
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
