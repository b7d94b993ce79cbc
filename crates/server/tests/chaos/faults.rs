//! Platforms that hang, break off and lie, and webhooks that get lost, over a server in this process whose clock the
//! test moves.

use std::time::Duration;

use omocast_contract::{BroadcastId, BroadcastStatus, Channel, DeliveryStatus};
use omocast_sandbox::{Chaos, Disorder, Fault};

use crate::judge::{self, Outcome, TEXTS};
use crate::platforms::{
    INSTAGRAM, LINE, NUMBER, PAGE, SITE, Setup, World, line_users, page_users, whatsapp_users,
};
use crate::seed;

fn account_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Line => LINE,
        Channel::Whatsapp => NUMBER,
        Channel::Facebook => PAGE,
        Channel::Instagram => INSTAGRAM,
        Channel::Web => SITE,
    }
}

/// A member with customers on four channels, and a server that waits a second for an answer.
async fn crowded() -> World {
    let mut world = World::with(Setup {
        timeout: Duration::from_secs(1),
        ..Setup::default()
    })
    .await;
    world.customers(LINE, &line_users(200)).await;
    world.customers(NUMBER, &whatsapp_users(80)).await;
    world.customers(PAGE, &page_users(80)).await;
    world.customers(INSTAGRAM, &page_users(40)).await;
    world.sandbox.reset_tally();
    world
}

/// Lets the time pass that attempts wait for, until nothing is left to hand over.
async fn deliver(world: &mut World) -> (BroadcastId, Vec<Outcome>) {
    world.start_delivery();
    let world = &*world;
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("the broadcast is completed", || {
            world.advance(Duration::from_secs(15));
            Box::pin(async move {
                world.find(broadcast).await.summary.status == BroadcastStatus::Completed
            })
        })
        .await;
    world.sandbox.settle().await;
    world
        .until("the platforms' webhooks are processed", || {
            Box::pin(async {
                let due = world.app.store.due_webhooks(world.now(), 1).await;
                due.unwrap().is_empty()
            })
        })
        .await;
    let recipients = world.recipients(broadcast).await;
    let outcomes = judge::outcomes(recipients, &world.sandbox, account_of);
    (broadcast, outcomes)
}

fn chaos(world: &World, account: &str, shares: &[(Fault, f64)]) {
    let chaos = Chaos {
        seed: seed(),
        shares: shares.to_vec(),
    };
    world.sandbox.set_chaos(Some(account), Some(chaos));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_all_requests_goes_wrong_and_nobody_gets_anything_twice() {
    let mut world = crowded().await;
    let of_all = [
        (Fault::Status(500), 0.05),
        (Fault::RateLimited, 0.05),
        (Fault::RetryAfter(503, 2), 0.03),
        (Fault::Html(502), 0.03),
        (Fault::ConnectionReset, 0.04),
        (Fault::ResetAfterAccept, 0.04),
        (Fault::BreakOff(500), 0.02),
        (Fault::BreakOffAfterAccept, 0.03),
        (Fault::TimeoutAfterAccept, 0.01),
        (Fault::Slow(Duration::from_millis(150)), 0.05),
    ];
    chaos(&world, LINE, &of_all);
    let of_meta: Vec<_> = of_all
        .into_iter()
        .chain([
            (Fault::NoCode(400), 0.01),
            (Fault::Redirect, 0.01),
            (Fault::Code(131_000, None), 0.02),
        ])
        .collect();
    for account in [NUMBER, PAGE, INSTAGRAM] {
        chaos(&world, account, &of_meta);
    }
    let (broadcast, outcomes) = deliver(&mut world).await;
    judge::check(&outcomes);
    assert_eq!(outcomes.len(), 400);
    for outcome in outcomes {
        let recipient = &outcome.recipient;
        match recipient.channel {
            // All of these faults pass, and LINE knows a repeat.
            Channel::Line => assert!(outcome.is_complete(), "{recipient:?}"),
            _ => assert!(
                outcome.is_complete()
                    || matches!(
                        recipient.status,
                        DeliveryStatus::Unknown | DeliveryStatus::Failed
                    ),
                "{recipient:?}"
            ),
        }
    }
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!(progress.queued + progress.sending, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_doubled_reversed_and_stray_webhooks_make_nothing_untrue() {
    let mut world = crowded().await;
    let disorder = Disorder {
        seed: seed(),
        lost: 0.3,
        doubled: 0.5,
        is_reversed: true,
        has_strays: true,
        batch: 1_000,
    };
    world.sandbox.set_disorder(disorder);
    for account in [NUMBER, PAGE, INSTAGRAM] {
        let shares = [
            (Fault::ResetAfterAccept, 0.1),
            (Fault::ConnectionReset, 0.1),
        ];
        chaos(&world, account, &shares);
    }
    let (broadcast, outcomes) = deliver(&mut world).await;
    judge::check(&outcomes);
    let unknown = outcomes.iter().filter(|outcome| outcome.is_unknown());
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!(progress.unknown, unknown.count() as u64);
    for outcome in &outcomes {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_answers_slowly_holds_nobody_else_up_and_gets_nothing_twice() {
    let mut world = crowded().await;
    for (account, share) in [(LINE, 0.2), (NUMBER, 0.2), (PAGE, 0.2)] {
        let slow = Fault::Slow(Duration::from_millis(400));
        chaos(&world, account, &[(slow, share)]);
    }
    let (_, outcomes) = deliver(&mut world).await;
    judge::check(&outcomes);
    for outcome in &outcomes {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}
