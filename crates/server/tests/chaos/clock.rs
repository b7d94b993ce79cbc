//! The machine's clock jumps while a broadcast goes out. The platforms' own does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use omocast_contract::{
    BroadcastId, BroadcastRequest, BroadcastStatus, Content, DeliveryStatus, Reason,
};
use omocast_sandbox::{Fault, Trouble};
use omocast_server::app::Clock;
use omocast_server::store::{Begins, CreatedBroadcast};
use tokio::time::{Instant, sleep};

use crate::installation::request;
use crate::judge::TEXTS;
use crate::platforms::{
    INSTAGRAM, LINE, NUMBER, PAGE, Setup, World, line_users, page_users, text_message,
    whatsapp_users,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// The customers of each account.
type Crowd = [(&'static str, Vec<String>); 4];

/// A member with customers on four channels, while the clock runs.
async fn crowded() -> (World, Crowd) {
    let mut world = World::new().await;
    let crowd = [
        (LINE, line_users(200)),
        (NUMBER, whatsapp_users(60)),
        (PAGE, page_users(60)),
        (INSTAGRAM, page_users(30)),
    ];
    for (account, users) in &crowd {
        world.customers(account, users).await;
    }
    world.sandbox.reset_tally();
    let_time_pass(&world);
    world.start_delivery();
    (world, crowd)
}

/// From now on the clock goes on by itself, as the machine's does.
fn let_time_pass(world: &World) {
    let Clock::Fixed(now) = world.app.clock.clone() else {
        panic!("the clock is the test's");
    };
    tokio::spawn(async move {
        let began = Instant::now();
        let mut told = 0;
        loop {
            sleep(Duration::from_millis(5)).await;
            let passed = i64::try_from(began.elapsed().as_millis()).unwrap();
            now.fetch_add(passed - told, Ordering::SeqCst);
            told = passed;
        }
    });
}

async fn until_some_are_out(world: &World) {
    let sendings = |account| world.sandbox.traffic(account).sendings;
    world
        .until("some messages are out", || {
            let are_out = [LINE, NUMBER, PAGE]
                .iter()
                .all(|account| sendings(account) > 20);
            Box::pin(async move { are_out })
        })
        .await;
}

fn check_phones(world: &World, crowd: &Crowd) {
    for (account, users) in crowd {
        for user in users {
            assert_eq!(world.on_phone(account, user), TEXTS, "{account} {user}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_by_ten_minutes() {
    let (world, crowd) = crowded().await;
    let broadcast = world.broadcast(&TEXTS).await;
    until_some_are_out(&world).await;
    world.advance(Duration::from_secs(600));
    world.until_completed(broadcast).await;
    check_phones(&world, &crowd);
}

/// The clock does not come to where it was: what was put off until then goes out all the same.
#[tokio::test(flavor = "multi_thread")]
async fn back_by_an_hour() {
    let (world, crowd) = crowded().await;
    // Somebody on each channel waits to be tried again, and an account rests.
    let [line, number, page, (_, resting)] = &crowd;
    let put_off = [line, number, page].map(|(account, users)| (*account, &users[0]));
    for (account, user) in put_off {
        let fault = Fault::Status(503);
        world.sandbox.set_fault(account, user, Some(fault));
    }
    let trouble = Trouble::TokenRevoked;
    world.sandbox.set_trouble(INSTAGRAM, Some(trouble));
    let broadcast = world.broadcast(&TEXTS).await;
    let left = put_off.len() + resting.len();
    world
        .until("all others have got everything", || {
            Box::pin(async {
                let summary = world.find(broadcast).await.summary;
                let are_left = summary.progress.queued == left as u64;
                are_left && summary.progress.sending == 0 && !summary.paused.is_empty()
            })
        })
        .await;
    for (account, user) in put_off {
        world.sandbox.set_fault(account, user, None);
    }
    world.sandbox.set_trouble(INSTAGRAM, None);
    world.set_back(HOUR);
    world.until_completed(broadcast).await;
    check_phones(&world, &crowd);
}

/// Who is being handed over meanwhile, and has a turn by the clock that was wrong, does not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn back_by_an_hour_in_the_middle() {
    let (world, crowd) = crowded().await;
    let broadcast = world.broadcast(&TEXTS).await;
    until_some_are_out(&world).await;
    world.set_back(HOUR);
    world.until_completed(broadcast).await;
    check_phones(&world, &crowd);
}

#[tokio::test]
async fn what_is_held_is_not_held_for_the_hour_that_the_clock_lost_and_what_is_scheduled_begins_by_the_clock()
 {
    let mut world = World::with(Setup {
        hold: 8_000,
        ..Setup::default()
    })
    .await;
    let crowd = [
        (LINE, line_users(3)),
        (NUMBER, whatsapp_users(3)),
        (PAGE, page_users(3)),
    ];
    for (account, users) in &crowd {
        world.customers(account, users).await;
    }
    world.start_delivery();
    let all_got = |texts: &[&str]| {
        for (account, users) in &crowd {
            for user in users {
                assert_eq!(world.on_phone(account, user), texts, "{user}");
            }
        }
    };
    let hold = 8 * SECOND;
    let ten_minutes = Duration::from_secs(600);
    // Who has not worked before the clock is set back sees no change.
    let first = world.broadcast(&["先"]).await;
    world.advance(hold);
    world.until_completed(first).await;
    let later = BroadcastRequest {
        content: Content::Messages(vec![text_message("之後")]),
        ..request()
    };
    let begins = Begins::At(world.now().plus(600_000));
    let CreatedBroadcast::New(scheduled) = world.create(&later, begins).await else {
        panic!("the key is new");
    };
    let scheduled = scheduled.summary.id;
    let held = world.broadcast(&["現在"]).await;
    world.set_back(HOUR);
    world
        .until("the worker has seen that", || {
            Box::pin(async { world.find(held).await.summary.starts_at == world.now().plus(8_000) })
        })
        .await;
    all_got(&["先"]);
    world.advance(hold);
    world.until_completed(held).await;
    all_got(&["先", "現在"]);
    // Another goes out a moment before, by which the worker has looked at what is due.
    world.advance(HOUR + ten_minutes - 2 * hold - SECOND);
    let another = world.broadcast(&["還沒"]).await;
    world.advance(hold);
    world.until_completed(another).await;
    assert_eq!(
        world.find(scheduled).await.summary.status,
        BroadcastStatus::Scheduled
    );
    world.advance(SECOND);
    world.until_completed(scheduled).await;
    all_got(&["先", "現在", "還沒", "之後"]);
}

/// LINE takes a push and does not answer; then the clock jumps, and the same time passes at LINE.
async fn jump_unanswered(by: Duration) -> (World, BroadcastId) {
    let mut world = World::with(Setup {
        timeout: 5 * SECOND,
        ..Setup::default()
    })
    .await;
    let users = line_users(1);
    world.customers(LINE, &users).await;
    let [user] = users.try_into().unwrap();
    let unanswered = Some(Fault::TimeoutAfterAccept);
    world.sandbox.set_fault(LINE, &user, unanswered);
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("nobody answered", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients[0].reason == Some(Reason::NoAnswer)
            })
        })
        .await;
    world.sandbox.set_fault(LINE, &user, None);
    world.sandbox.advance_clock(by);
    world.advance(by);
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(LINE, &user), TEXTS);
    (world, broadcast)
}

fn pushes(world: &World) -> Vec<Option<u16>> {
    let requests = world.sandbox.requests().into_iter();
    requests
        .filter(|request| request.path.ends_with("/message/push"))
        .map(|request| request.status)
        .collect()
}

#[tokio::test]
async fn forward_by_less_than_a_day_lets_line_know_a_repeat() {
    let (world, broadcast) = jump_unanswered(23 * HOUR).await;
    assert_eq!(pushes(&world), [None, Some(409)]);
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!(progress.accepted(), 1);
}

#[tokio::test]
async fn forward_by_more_than_a_day_repeats_nothing_that_line_did_not_answer() {
    let (world, broadcast) = jump_unanswered(25 * HOUR).await;
    assert_eq!(pushes(&world), [None]);
    let recipients = world.recipients(broadcast).await;
    assert_eq!(recipients[0].status, DeliveryStatus::Unknown);
    assert_eq!(recipients[0].reason, Some(Reason::NoAnswer));
}
