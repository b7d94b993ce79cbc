//! Platforms that hang, break off and lie, and webhooks that get lost, over a server in this process whose clock the
//! test moves.

use std::collections::HashSet;
use std::time::Duration;

use omocast_contract::{BroadcastId, BroadcastStatus, Channel, DeliveryStatus};
use omocast_sandbox::{Chaos, Disorder, Fault};

use crate::installation::account_of;
use crate::judge::{self, Evidence, Outcome, TEXTS};
use crate::platforms::{
    INSTAGRAM, LINE, NUMBER, PAGE, Setup, World, line_users, page_users, whatsapp_users,
};
use crate::seed;

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any test.
const FOREVER: Duration = Duration::from_secs(3_600);

/// A member with customers on four channels, and a server that waits so long for an answer.
async fn crowded(timeout: Duration) -> World {
    let mut world = World::with(Setup {
        timeout,
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
    world.until_taken_in().await;
    let recipients = world.recipients(broadcast).await;
    let outcomes = judge::outcomes(recipients, &world.sandbox);
    judge::check(&outcomes, &Evidence::new(&world.sandbox, &HashSet::new()));
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
    let mut world = crowded(3 * SECOND).await;
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
    assert_eq!(outcomes.len(), 400);
    for outcome in &outcomes {
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
    assert_eq!(progress.waiting(), 0);
    // Of Meta's 200 customers two thirds meet no fault that costs them anything, and one in ten is refused.
    let complete = outcomes.iter().filter(|outcome| outcome.is_complete());
    assert!((300..360).contains(&complete.count()));
    assert!((1..40).contains(&progress.failed), "{progress:?}");
    assert!((1..100).contains(&progress.unknown), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_doubled_reversed_and_stray_webhooks_make_nothing_untrue() {
    let mut world = crowded(3 * SECOND).await;
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
    let unknown = outcomes.iter().filter(|outcome| outcome.is_unknown());
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!(progress.unknown, unknown.count() as u64);
    for outcome in &outcomes {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
    // Of Meta's 200 customers the three messages of three quarters are all taken.
    let complete = outcomes.iter().filter(|outcome| outcome.is_complete());
    assert!((310..390).contains(&complete.count()));
    assert!((1..100).contains(&progress.unknown), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_answers_slowly_gets_everything_once() {
    let mut world = crowded(FOREVER).await;
    for account in [LINE, NUMBER, PAGE] {
        let slow = Fault::Slow(Duration::from_millis(400));
        chaos(&world, account, &[(slow, 0.2)]);
    }
    let (_, outcomes) = deliver(&mut world).await;
    for outcome in &outcomes {
        assert!(outcome.is_complete() && !outcome.is_unknown());
    }
    for (account, requests) in [(LINE, 200), (NUMBER, 240), (PAGE, 240), (INSTAGRAM, 120)] {
        assert_eq!(world.sandbox.traffic(account).sendings, requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_an_answer_holds_nobody_else_up() {
    let mut world = crowded(FOREVER).await;
    let never_answered = [
        (Channel::Line, LINE, line_users(3)),
        (Channel::Whatsapp, NUMBER, whatsapp_users(3)),
        (Channel::Facebook, PAGE, page_users(3)),
    ];
    for (_, account, users) in &never_answered {
        for user in users {
            let fault = Fault::TimeoutAfterAccept;
            world.sandbox.set_fault(account, user, Some(fault));
        }
    }
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("all others have got everything", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.waiting() == 9 })
        })
        .await;
    for recipient in world.recipients(broadcast).await {
        let is_waiting = never_answered.iter().any(|(channel, _, users)| {
            let mut users = users.iter();
            *channel == recipient.channel && users.any(|user| recipient.name.ends_with(user))
        });
        let account = account_of(recipient.channel);
        let user = recipient.name.rsplit(' ').next().unwrap();
        let phone = world.on_phone(account, user);
        if !is_waiting {
            assert_eq!(phone, TEXTS, "{user}");
        }
        assert_eq!(recipient.status == DeliveryStatus::Sending, is_waiting);
    }
}
