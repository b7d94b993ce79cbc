//! Broadcasts on their way to the phones.

use std::time::Duration;

use omocast_contract::live::LiveEvent;
use omocast_contract::message::MessageOrigin;
use omocast_contract::{
    BroadcastStatus, DeliveryStatus, EventAction, EventView, Plan, Reason, Role,
};
use omocast_sandbox::{Fault, Receipts};
use omocast_server::follower;
use omocast_server::live::{Live, Notice};
use omocast_server::shutdown::Shutdown;
use omocast_server::store::deliveries::{Begun, LEASE, Outcome, Then};
use omocast_server::store::{NewMember, Store};
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{LINE, NUMBER, Setup, World, line_users, whatsapp_users};

const TEXTS: [&str; 3] = ["一", "二", "三"];

#[tokio::test]
async fn everybody_gets_every_message_in_order() {
    let mut world = World::new().await;
    let (line, whatsapp) = (line_users(20), whatsapp_users(5));
    world.customers(LINE, &line).await;
    world.customers(NUMBER, &whatsapp).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world.until_completed(broadcast).await;
    for user in &line {
        assert_eq!(world.on_phone(LINE, user), TEXTS);
    }
    for user in &whatsapp {
        assert_eq!(world.on_phone(NUMBER, user), TEXTS);
    }
    let event = world.events(EventView::Mine).await.remove(0);
    assert_eq!(event.last_text, "三");
    let thread = world
        .app
        .store
        .find_thread(&world.member().await, event.id, None)
        .await
        .unwrap();
    assert_eq!(thread.messages.len(), 4);
    let is_of_broadcast = |origin: &MessageOrigin| {
        matches!(
            origin,
            MessageOrigin::Outbound {
                broadcast: Some(_),
                ..
            }
        )
    };
    assert!(
        thread.messages[1..]
            .iter()
            .all(|message| is_of_broadcast(&message.origin))
    );
    world
        .until("everything is read", || {
            Box::pin(async {
                let progress = world.find(broadcast).await.summary.progress;
                (progress.sent, progress.read) == (20, 5)
            })
        })
        .await;
}

#[tokio::test]
async fn statuses_may_come_in_any_order_and_before_the_answer() {
    let mut world = World::new().await;
    world.sandbox.set_disorder(true);
    let users = whatsapp_users(3);
    world.customers(NUMBER, &users).await;
    // The statuses are there long before the answer.
    world.sandbox.set_fault(
        NUMBER,
        &users[0],
        Some(Fault::Slow(Duration::from_millis(10))),
    );
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world.until_completed(broadcast).await;
    world
        .until("everything is read", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.read == 3 })
        })
        .await;
    for recipient in world.recipients(broadcast).await {
        assert!(
            recipient
                .deliveries
                .iter()
                .all(|delivery| delivery.status == DeliveryStatus::Read)
        );
    }
}

#[tokio::test]
async fn a_push_without_an_answer_is_repeated_and_arrives_once() {
    let mut world = World::with(Setup {
        timeout: Duration::from_millis(300),
        ..Setup::default()
    })
    .await;
    let users = line_users(2);
    world.customers(LINE, &users).await;
    world
        .sandbox
        .set_fault(LINE, &users[0], Some(Fault::TimeoutAfterAccept));
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("the first attempt has come to nothing", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients
                    .iter()
                    .any(|recipient| recipient.reason == Some(Reason::NoAnswer))
            })
        })
        .await;
    world.sandbox.set_fault(LINE, &users[0], None);
    world.advance(Duration::from_secs(3));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.sent, 2);
    assert_eq!(world.on_phone(LINE, &users[0]), TEXTS);
    let statuses: Vec<_> = world
        .sandbox
        .requests()
        .into_iter()
        .filter_map(|request| request.status)
        .collect();
    assert!(statuses.contains(&409), "{statuses:?}");
}

#[tokio::test]
async fn a_whatsapp_message_without_an_answer_is_unknown_until_its_status_comes() {
    let setup = Setup {
        timeout: Duration::from_millis(300),
        // The statuses are told after the broadcast is over.
        receipts: Receipts {
            read_share: 0.0,
            ..Receipts::immediate()
        },
        ..Setup::default()
    };
    let mut world = World::with(setup).await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    // Statuses wait while nobody processes webhooks.
    world.stop_last().await;
    world.start_delivery();
    world.sandbox.fail_next(Fault::TimeoutAfterAccept);
    let broadcast = world.broadcast(&TEXTS).await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.unknown, 1);
    let recipient = world.recipients(broadcast).await.remove(0);
    let statuses: Vec<_> = recipient
        .deliveries
        .iter()
        .map(|delivery| delivery.status)
        .collect();
    assert_eq!(
        statuses,
        [
            DeliveryStatus::Unknown,
            DeliveryStatus::Sent,
            DeliveryStatus::Sent
        ]
    );
    assert_eq!(recipient.reason, Some(Reason::NoAnswer));
    world.start_webhooks();
    world
        .until("the statuses have settled it", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.delivered == 1 })
        })
        .await;
    assert_eq!(world.on_phone(NUMBER, &users[0]), TEXTS);
    let event = world.events(EventView::Mine).await.remove(0);
    let thread = world
        .app
        .store
        .find_thread(&world.member().await, event.id, None)
        .await
        .unwrap();
    assert_eq!(thread.messages.len(), 4);
}

#[tokio::test]
async fn a_window_that_the_platform_says_is_closed() {
    let mut world = World::new().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world.sandbox.advance_clock(Duration::from_secs(25 * 3_600));
    world.start_delivery();
    let broadcast = world.broadcast(&["嗨"]).await;
    world
        .until("the platform has told that it failed", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.failed == 1 })
        })
        .await;
    let recipient = world.recipients(broadcast).await.remove(0);
    assert_eq!(recipient.reason, Some(Reason::WindowClosed));
    assert_eq!(recipient.platform_code.as_deref(), Some("131047"));
}

#[tokio::test]
async fn who_asks_to_slow_down_is_given_time() {
    let mut world = World::new().await;
    let users = line_users(3);
    world.customers(LINE, &users).await;
    world.sandbox.fail_next(Fault::RateLimited);
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("one has to wait", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients
                    .iter()
                    .any(|recipient| recipient.reason == Some(Reason::RateLimited))
            })
        })
        .await;
    world.advance(Duration::from_secs(2));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.sent, 3);
    for user in &users {
        assert_eq!(world.on_phone(LINE, user), TEXTS);
    }
}

#[tokio::test]
async fn a_fault_that_does_not_pass_is_given_up() {
    let mut world = World::new().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world
        .sandbox
        .set_fault(NUMBER, &users[0], Some(Fault::Status(500)));
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("it is given up", || {
            world.advance(Duration::from_secs(700));
            Box::pin(async { world.find(broadcast).await.summary.progress.failed == 1 })
        })
        .await;
    let recipient = world.recipients(broadcast).await.remove(0);
    let statuses: Vec<_> = recipient
        .deliveries
        .iter()
        .map(|delivery| (delivery.status, delivery.reason))
        .collect();
    let skipped = (DeliveryStatus::Skipped, Some(Reason::EarlierMessageFailed));
    assert_eq!(
        statuses,
        [
            (DeliveryStatus::Failed, Some(Reason::PlatformFault)),
            skipped,
            skipped
        ]
    );
    let requests = world
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/messages"))
        .count();
    assert_eq!(requests, 8);
}

#[tokio::test]
async fn what_changed_since_it_was_accepted_is_checked_again() {
    let mut world = World::new().await;
    world.customers(LINE, &line_users(3)).await;
    let broadcast = world.broadcast(&TEXTS).await;
    let rows = world.events(EventView::Mine).await;
    let member = world.member().await;
    world
        .app
        .store
        .act_on_event(&member, rows[0].id, EventAction::End, world.now())
        .await
        .unwrap();
    world.start_delivery();
    let done = world.until_completed(broadcast).await;
    assert_eq!(
        (done.summary.progress.sent, done.summary.progress.skipped),
        (2, 1)
    );
    let recipients = world.recipients(broadcast).await;
    let skipped = recipients
        .iter()
        .find(|recipient| recipient.status == DeliveryStatus::Skipped)
        .unwrap();
    assert_eq!(
        (skipped.event, skipped.reason),
        (Some(rows[0].id), Some(Reason::EventEnded))
    );
}

#[tokio::test]
async fn who_was_taken_over_by_a_colleague_is_written_to_by_them_alone() {
    let mut world = World::new().await;
    let users = line_users(3);
    world.customers(LINE, &users).await;
    let broadcast = world.broadcast(&TEXTS).await;
    let rows = world.events(EventView::Mine).await;
    let taken = rows[0].id;
    let store = &world.app.store;
    let colleague = NewMember {
        team_id: world.team,
        name: "阿明".to_owned(),
        email: "ming@example.com".to_owned(),
        password_hash: String::new(),
        role: Role::Admin,
        staff_code: None,
        shops: Vec::new(),
    };
    let colleague = store.create_member(colleague, world.now()).await.unwrap();
    let colleague = store.find_member(colleague).await.unwrap().unwrap();
    store
        .act_on_event(&colleague, taken, EventAction::Follow, world.now())
        .await
        .unwrap();
    world.start_delivery();
    world.until_completed(broadcast).await;
    let kept: Vec<_> = rows[1..].iter().map(|row| row.id).collect();
    for recipient in world.recipients(broadcast).await {
        let event = recipient.event.unwrap();
        let expected = if event == taken {
            (DeliveryStatus::Skipped, Some(Reason::NotOwner))
        } else {
            assert!(kept.contains(&event));
            (DeliveryStatus::Sent, None)
        };
        assert_eq!((recipient.status, recipient.reason), expected);
    }
    let mut got: Vec<_> = users
        .iter()
        .map(|user| world.on_phone(LINE, user))
        .collect();
    got.sort_unstable();
    assert_eq!(got, [vec![], TEXTS.to_vec(), TEXTS.to_vec()]);
}

#[tokio::test]
async fn who_may_no_longer_broadcast_does_not() {
    enum Lost {
        Role,
        Plan,
    }
    for lost in [Lost::Role, Lost::Plan] {
        let mut world = World::new().await;
        let users = line_users(2);
        world.customers(LINE, &users).await;
        let broadcast = world.broadcast(&TEXTS).await;
        let store = &world.app.store;
        match lost {
            Lost::Role => store.update_role(world.member, Role::Admin).await.unwrap(),
            Lost::Plan => store.update_plan(world.team, Plan::Standard).await.unwrap(),
        }
        world.start_delivery();
        let done = world.until_completed(broadcast).await;
        assert_eq!(done.summary.progress.skipped, 2);
        let recipients = world.recipients(broadcast).await;
        assert!(
            recipients
                .iter()
                .all(|recipient| recipient.reason == Some(Reason::SenderNotAllowed))
        );
        for user in &users {
            assert!(world.on_phone(LINE, user).is_empty());
        }
    }
}

#[tokio::test]
async fn whoever_takes_over_from_a_dead_worker_repeats_nothing_and_forgets_nobody() {
    let mut world = World::new().await;
    let (line, whatsapp) = (line_users(400), whatsapp_users(40));
    world.customers(LINE, &line).await;
    world.customers(NUMBER, &whatsapp).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("some messages are out", || {
            Box::pin(async {
                world
                    .sandbox
                    .requests()
                    .iter()
                    .filter(|request| is_sending(&request.path))
                    .count()
                    > 60
            })
        })
        .await;
    world.kill_last().await;
    world.start_delivery();
    world.advance(Duration::from_secs(61));
    world.until_completed(broadcast).await;
    for user in &line {
        assert_eq!(world.on_phone(LINE, user), TEXTS, "{user}");
    }
    // Every message is on the phone once, except one for which a worker died before its request was out:
    // whether it was cannot be known, so it is not repeated.
    for user in &whatsapp {
        let got = world.on_phone(NUMBER, user);
        let mut in_order = got.clone();
        in_order.dedup();
        assert_eq!(got, in_order, "{user}");
        assert!(got.len() >= 2, "{user}: {got:?}");
    }
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_leaves_everything_for_the_next() {
    let mut world = World::new().await;
    let (line, whatsapp) = (line_users(400), whatsapp_users(40));
    world.customers(LINE, &line).await;
    world.customers(NUMBER, &whatsapp).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("some messages are out", || {
            Box::pin(async {
                world
                    .sandbox
                    .requests()
                    .iter()
                    .filter(|request| is_sending(&request.path))
                    .count()
                    > 60
            })
        })
        .await;
    world.stop_last().await;
    world.start_delivery();
    // No lease has to end for it.
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.unknown, 0);
    for (account, users) in [(LINE, &line), (NUMBER, &whatsapp)] {
        for user in users {
            assert_eq!(world.on_phone(account, user), TEXTS, "{user}");
        }
    }
}

#[tokio::test]
async fn who_gives_a_recipient_back_does_not_forget_what_another_may_have_sent() {
    let mut world = World::new().await;
    world.customers(LINE, &line_users(1)).await;
    world.broadcast(&TEXTS).await;
    let store = &world.app.store;
    let mut seen = Vec::new();
    // The first gives back what it has not begun; the second dies; the others take over.
    for is_given_back in [true, false, true, true] {
        let owner = Uuid::now_v7();
        let claim = store
            .claim_recipients(world.line, owner, world.now(), 10)
            .await
            .unwrap();
        seen.push(claim.recipients[0].may_have_arrived);
        if is_given_back {
            store
                .release_recipients(claim.recipients, owner, world.now())
                .await
                .unwrap();
        } else {
            world.advance(Duration::from_millis(LEASE.unsigned_abs()));
        }
    }
    assert_eq!(seen, [false, false, true, true]);
}

#[tokio::test]
async fn a_worker_that_comes_back_after_its_lease_sends_nothing() {
    let mut world = World::new().await;
    world.customers(NUMBER, &whatsapp_users(1)).await;
    world.broadcast(&TEXTS).await;
    let store = &world.app.store;
    let (late, other, third) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let claim = store
        .claim_recipients(world.whatsapp, late, world.now(), 10)
        .await
        .unwrap();
    let key = claim.recipients[0].key;
    world.advance(Duration::from_millis(LEASE.unsigned_abs()));
    let claim = store
        .claim_recipients(world.whatsapp, other, world.now(), 10)
        .await
        .unwrap();
    assert_eq!(claim.recipients[0].key, key);

    let mut begun = Vec::new();
    for (owner, position) in [(late, 0), (other, 0), (other, 0), (late, 1)] {
        let one = Begun {
            key,
            position,
            owner,
        };
        begun.extend(store.begin_deliveries(&[one], world.now()).await.unwrap());
    }
    assert_eq!(begun, [false, true, false, false]);
    let put_back = Outcome {
        key,
        told: Vec::new(),
        then: Then::PutBack {
            after: 0,
            attempts: 1,
            reason: None,
            code: None,
            may_have_arrived: false,
        },
        by: Some(late),
        account: None,
    };
    store
        .record_outcomes(&[put_back], world.now())
        .await
        .unwrap();
    let claim = store
        .claim_recipients(world.whatsapp, third, world.now(), 10)
        .await
        .unwrap();
    assert!(claim.is_empty, "it is still the other's: {claim:?}");
}

fn is_sending(path: &str) -> bool {
    path.ends_with("/push") || path.ends_with("/messages")
}

#[tokio::test]
async fn the_pages_of_a_process_that_does_not_work_follow_all_the_same() {
    let mut world = World::new().await;
    let users = line_users(3);
    world.customers(LINE, &users).await;
    let file = world.app.config.data.join("omocast.db");
    let mut web = world.app.clone();
    web.store = Store::open(&file).await.unwrap();
    web.live = Live::default();
    let mut notices = web.live.subscribe();
    let (trigger, shutdown) = Shutdown::channel();
    let following = tokio::spawn(follower::run(web, shutdown));
    let broadcast = world.broadcast(&["一"]).await;
    let begun =
        async { while !matches!(&*notices.recv().await.unwrap(), Notice::Broadcast { .. }) {} };
    timeout(Duration::from_secs(60), begun).await.unwrap();
    world.start_delivery();
    let told = async {
        let (mut is_over, mut are_lists) = (false, false);
        while !(is_over && are_lists) {
            match &*notices.recv().await.unwrap() {
                Notice::Broadcast {
                    progress:
                        LiveEvent::BroadcastProgress {
                            broadcast: told,
                            status: BroadcastStatus::Completed,
                            progress,
                        },
                    ..
                } => {
                    assert_eq!((*told, progress.sent), (broadcast, 3));
                    is_over = true;
                }
                Notice::Everything => are_lists = true,
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(60), told).await.unwrap();
    trigger.stop();
    following.await.unwrap().unwrap();
}
