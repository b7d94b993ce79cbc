//! Broadcasts that are taken back, stopped, put off and retried; accounts that stop and are mended.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use omocast_contract::control::{GIVE_UP_AFTER, OVERDUE_AFTER};
use omocast_contract::{
    Audience, BroadcastStatus, Channel, Control, DeliveryStatus, EventView, LogEntry, LogEvent,
    Pick, Reason,
};
use omocast_sandbox::{Fault, Receipts, Usage};
use omocast_server::channels::Credentials;
use omocast_server::config::Pace;
use omocast_server::live::Notice;
use omocast_server::store::NewAccount;
use omocast_server::store::deliveries::{Outcome, Then};
use serde_json::json;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{
    LINE, LINE_SECRET, NUMBER, PAGE, Setup, World, line_users, page_users, text_message,
    whatsapp_users,
};
use crate::webhooks::post_whatsapp_field;

const TEXTS: [&str; 3] = ["一", "二", "三"];

/// A message a second, so that there is time to do something in between.
const SLOW: Pace = Pace {
    line: 1,
    facebook: 1,
    instagram: 1,
    whatsapp: 1,
};

/// What is taken is not delivered.
fn nothing_arrives() -> Receipts {
    let never = Duration::from_secs(24 * 60 * 60);
    Receipts {
        delivered_after: never,
        read_after: never,
        read_share: 0.0,
    }
}

fn held() -> Setup {
    Setup {
        hold: 8_000,
        ..Setup::default()
    }
}

#[tokio::test]
async fn what_is_taken_back_in_time_reaches_nobody_and_is_a_draft_again() {
    let mut world = World::with(held()).await;
    let users = line_users(3);
    world.customers(LINE, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    assert_eq!(
        world.find(broadcast).await.summary.status,
        BroadcastStatus::Held
    );
    world.advance(Duration::from_secs(7));
    let back = world.control(broadcast, Control::Stop).await;
    assert_eq!(back.broadcast.summary.status, BroadcastStatus::Cancelled);
    assert_eq!(back.broadcast.summary.progress.skipped, 3);
    assert_eq!(
        back.broadcast.log.last().unwrap().event,
        LogEvent::Cancelled
    );
    let member = world.member().await;
    let draft = world
        .app
        .store
        .find_draft(&member, back.draft.unwrap())
        .await
        .unwrap();
    assert_eq!(draft.messages, back.broadcast.messages);
    assert!(draft.audience.is_some());
    // Whatever would have gone out goes out now.
    world.advance(Duration::from_secs(60));
    let next = world.broadcast(&["別的"]).await;
    world.advance(Duration::from_secs(9));
    world.until_completed(next).await;
    for user in &users {
        assert_eq!(world.on_phone(LINE, user), ["別的"]);
    }
}

#[tokio::test]
async fn what_is_not_taken_back_begins_when_the_hold_is_over() {
    let mut world = World::with(held()).await;
    let users = whatsapp_users(2);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world.advance(Duration::from_secs(8));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 2);
    let events: Vec<_> = done.log.iter().map(|entry| &entry.event).collect();
    let accepted = LogEvent::Accepted { recipients: 2 };
    assert_eq!(events, [&accepted, &LogEvent::Completed]);
    assert_eq!(done.log[0].member.as_deref(), Some("小美"));
}

#[tokio::test]
async fn the_rest_is_stopped_and_what_was_handed_over_is_told() {
    let mut world = World::with(Setup {
        pace: SLOW,
        ..Setup::default()
    })
    .await;
    let users = whatsapp_users(5);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let arrived = || {
        let phones = users.iter().map(|user| world.on_phone(NUMBER, user).len());
        phones.sum::<usize>()
    };
    world
        .until("the first has it", || Box::pin(async { arrived() > 0 }))
        .await;
    let stopped = world.control(broadcast, Control::Stop).await;
    assert_eq!(stopped.broadcast.summary.status, BroadcastStatus::Stopped);
    assert_eq!(stopped.draft, None);
    let LogEvent::Stopped { handed_over, left } = stopped.broadcast.log.last().unwrap().event
    else {
        panic!("{:?}", stopped.broadcast.log);
    };
    assert_eq!(handed_over + left, 5);
    assert!(left >= 3, "{left} left");
    world
        .until("nothing is under way", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.waiting() == 0 })
        })
        .await;
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!((progress.accepted(), progress.skipped), (handed_over, left));
    assert_eq!(arrived() as u64, handed_over);
    assert_eq!(
        world.find(broadcast).await.summary.status,
        BroadcastStatus::Stopped
    );
    let reasons = world.find(broadcast).await.outcomes;
    assert_eq!(
        (reasons[0].reason, reasons[0].customers),
        (Some(Reason::Stopped), left)
    );
}

#[tokio::test]
async fn who_is_put_back_after_the_stop_is_stopped_too() {
    let mut world = World::new().await;
    let users = line_users(1);
    world.customers(LINE, &users).await;
    let broadcast = world.broadcast(&["一"]).await;
    let (store, owner) = (&world.app.store, Uuid::now_v7());
    let claim = store.claim_recipients(world.line, owner, world.now(), 10);
    let claimed = claim.await.unwrap().recipients.remove(0);
    let stopped = world.control(broadcast, Control::Stop).await;
    assert_eq!(stopped.broadcast.summary.status, BroadcastStatus::Stopped);
    // LINE asked to slow down.
    let put_back = Outcome {
        key: claimed.key,
        told: Vec::new(),
        then: Then::PutBack {
            after: 0,
            attempts: 1,
            reason: Some(Reason::RateLimited),
            code: None,
            may_have_arrived: false,
        },
        by: Some(owner),
        account: None,
    };
    store
        .record_outcomes(&[put_back], world.now())
        .await
        .unwrap();
    world.start_delivery();
    world
        .until("nobody waits", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.waiting() == 0 })
        })
        .await;
    let done = world.find(broadcast).await;
    assert_eq!(done.summary.progress.skipped, 1);
    assert_eq!(done.outcomes[0].reason, Some(Reason::Stopped));
    assert!(world.on_phone(LINE, &users[0]).is_empty());
}

#[tokio::test]
async fn what_line_may_have_taken_before_the_stop_is_found_out() {
    let mut world = World::with(Setup {
        timeout: Duration::from_millis(300),
        ..Setup::default()
    })
    .await;
    let users = line_users(1);
    world.customers(LINE, &users).await;
    let fault = Some(Fault::TimeoutAfterAccept);
    world.sandbox.set_fault(LINE, &users[0], fault);
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world
        .until("the push got no answer", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients[0].reason == Some(Reason::NoAnswer)
            })
        })
        .await;
    world.sandbox.set_fault(LINE, &users[0], None);
    let stopped = world.control(broadcast, Control::Stop).await;
    // It may be on the phone: not as though it had never been sent.
    assert_eq!(stopped.broadcast.summary.status, BroadcastStatus::Stopped);
    assert_eq!(stopped.draft, None);
    world.advance(Duration::from_secs(60));
    world
        .until("LINE has told", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.sent == 1 })
        })
        .await;
    assert_eq!(world.on_phone(LINE, &users[0]), ["一"]);
}

#[tokio::test]
async fn a_broadcast_that_missed_its_time_waits_for_its_senders_word() {
    let mut world = World::with(held()).await;
    let users = line_users(2);
    world.customers(LINE, &users).await;
    let broadcast = world.broadcast(&["一"]).await;
    world.advance(Duration::from_millis(OVERDUE_AFTER.unsigned_abs() + 9_000));
    world.start_delivery();
    let overdue = world
        .until_status(broadcast, BroadcastStatus::Overdue)
        .await;
    assert_eq!(overdue.summary.progress.waiting(), 2);
    assert!(world.on_phone(LINE, &users[0]).is_empty());
    world.control(broadcast, Control::SendNow).await;
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(LINE, &users[0]), ["一"]);
}

#[tokio::test]
async fn an_account_whose_token_is_wrong_waits_while_the_other_goes_on_and_goes_on_when_it_is_mended()
 {
    let mut world = World::with(Setup {
        line_token: "wrong",
        ..Setup::default()
    })
    .await;
    let (line, whatsapp) = (line_users(300), whatsapp_users(3));
    world.customers(LINE, &line).await;
    world.customers(NUMBER, &whatsapp).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let paused = world.until_paused(broadcast).await;
    assert_eq!(
        (paused.channel, paused.reason),
        (Channel::Line, Reason::AccountNotConnected)
    );
    world
        .until("the other account is done", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.accepted() == 3 })
        })
        .await;
    let pushes = || {
        let requests = world.sandbox.requests().into_iter();
        requests
            .filter(|request| request.path.ends_with("/push"))
            .count()
    };
    let in_vain = pushes();
    assert!(
        in_vain <= 200,
        "{in_vain} requests with a token that is wrong"
    );
    // It is tried again with one customer at a time, and in vain.
    world.advance(Duration::from_secs(11));
    world
        .until("it was tried again", || {
            Box::pin(async { pushes() == in_vain + 1 })
        })
        .await;
    assert_eq!(world.find(broadcast).await.summary.progress.waiting(), 300);
    let mended = Credentials::Line {
        channel_access_token: "line-token".to_owned(),
        channel_secret: LINE_SECRET.to_owned(),
    };
    let account = NewAccount {
        team_id: world.team,
        channel: Channel::Line,
        name: "台北店".to_owned(),
        external_id: LINE.to_owned(),
        waba_id: None,
        display_phone: None,
    };
    world.app.create_account(account, &mended).await.unwrap();
    world.advance(Duration::from_secs(61));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 303);
    assert_eq!(done.summary.paused, []);
    for user in &line {
        assert_eq!(world.on_phone(LINE, user), ["一"]);
    }
}

#[tokio::test]
async fn the_end_of_the_months_quota_stops_the_account_until_there_is_more() {
    let mut world = World::with(Setup {
        monthly_limit: Some(3),
        ..Setup::default()
    })
    .await;
    let users = line_users(10);
    world.customers(LINE, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    let paused = world.until_paused(broadcast).await;
    assert_eq!(paused.reason, Reason::MonthlyLimit);
    let progress = world.find(broadcast).await.summary.progress;
    assert_eq!((progress.accepted(), progress.waiting()), (3, 7));
    // Nobody expects it any more after three days.
    world.advance(Duration::from_millis(GIVE_UP_AFTER.unsigned_abs() + 1_000));
    let done = world.until_completed(broadcast).await;
    assert_eq!(
        (done.summary.progress.sent, done.summary.progress.failed),
        (3, 7)
    );
    assert_eq!(done.retryable, 7);
    let failed = world.recipients(broadcast).await.into_iter();
    let mut failed = failed.filter(|recipient| recipient.status == DeliveryStatus::Failed);
    assert!(failed.all(|recipient| recipient.reason == Some(Reason::WaitedTooLong)));
}

#[tokio::test]
async fn a_platform_that_is_down_uses_up_nobodys_attempts() {
    let mut world = World::new().await;
    let users = page_users(60);
    world.customers(PAGE, &users).await;
    for user in &users {
        let fault = Some(Fault::Status(503));
        world.sandbox.set_fault(PAGE, user, fault);
    }
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let paused = world.until_paused(broadcast).await;
    assert_eq!(paused.reason, Reason::PlatformFault);
    let refused = world.sandbox.requests().len();
    assert!(refused < 120, "{refused} requests");
    for user in &users {
        world.sandbox.set_fault(PAGE, user, None);
    }
    world.advance(Duration::from_secs(600));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 60);
    for user in &users {
        assert_eq!(world.on_phone(PAGE, user), ["一"]);
    }
}

#[tokio::test]
async fn an_outage_of_minutes_loses_nobody_of_a_broadcast_to_few() {
    let mut world = World::new().await;
    let (line, page) = (line_users(1), page_users(3));
    world.customers(LINE, &line).await;
    world.customers(PAGE, &page).await;
    let everybody = || {
        let page = page.iter().map(|user| (PAGE, user));
        line.iter().map(|user| (LINE, user)).chain(page)
    };
    for (account, user) in everybody() {
        let fault = Some(Fault::Status(503));
        world.sandbox.set_fault(account, user, fault);
    }
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let end = world.now().plus(20 * 60_000);
    world
        .until("twenty minutes have passed", || {
            world.advance(Duration::from_secs(20));
            Box::pin(async { world.now() > end })
        })
        .await;
    assert_eq!(world.find(broadcast).await.summary.progress.waiting(), 4);
    for (account, user) in everybody() {
        world.sandbox.set_fault(account, user, None);
    }
    world
        .until("it is completed", || {
            world.advance(Duration::from_secs(60));
            Box::pin(async {
                world.find(broadcast).await.summary.status == BroadcastStatus::Completed
            })
        })
        .await;
    let done = world.find(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 4);
    for (account, user) in everybody() {
        assert_eq!(world.on_phone(account, user), ["一"]);
    }
}

#[tokio::test]
async fn one_who_was_tried_in_vain_does_not_keep_an_account_stopped() {
    let mut world = World::new().await;
    let users = page_users(2);
    world.customers(PAGE, &users[..1]).await;
    let fault = Some(Fault::Code(2, None));
    world.sandbox.set_fault(PAGE, &users[0], fault);
    world.start_delivery();
    let first = world.broadcast(&["一"]).await;
    world
        .until("it was tried in vain", || {
            Box::pin(async {
                let recipients = world.recipients(first).await;
                recipients[0].reason == Some(Reason::PlatformFault)
            })
        })
        .await;
    let (store, now) = (&world.app.store, world.now());
    let pause = store.pause_account(world.page, Reason::PlatformFault, "2", now);
    pause.await.unwrap();
    let faulty = world.events(EventView::Mine).await.remove(0).id;
    // It is due before whatever begins now.
    world.advance(Duration::from_secs(5));
    world.customers(PAGE, &users[1..]).await;
    let audience = Audience {
        pick: Pick::AllExcept(vec![faulty.into()]),
        ..Audience::default()
    };
    let second = world.broadcast_to(audience, vec![text_message("二")]).await;
    world.advance(Duration::from_secs(11));
    let done = world.until_completed(second).await;
    assert_eq!(done.summary.progress.accepted(), 1);
    let resumed = |entry: &LogEntry| matches!(entry.event, LogEvent::AccountResumed { .. });
    assert!(done.log.iter().any(resumed), "{:?}", done.log);
}

#[tokio::test]
async fn a_database_that_fails_breaks_nothing_off() {
    let mut world = World::new().await;
    let users = whatsapp_users(3);
    world.customers(NUMBER, &users).await;
    for user in &users {
        // Long enough to break the database before anything is answered.
        let slow = Fault::Slow(Duration::from_secs(5));
        world.sandbox.set_fault(NUMBER, user, Some(slow));
    }
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world
        .until("requests are under way", || {
            Box::pin(async { world.sandbox.traffic(NUMBER).sendings == 3 })
        })
        .await;
    let raw = world.app.store.raw();
    let rename = async |from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(raw)
            .await
            .unwrap();
    };
    rename("broadcast", "gone").await;
    world.app.wake.deliveries.notify_one();
    world
        .until("somebody finds that it fails", || {
            Box::pin(async { world.app.health.broken_workers.load(Ordering::SeqCst) > 0 })
        })
        .await;
    rename("gone", "broadcast").await;
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 3);
    for user in &users {
        assert_eq!(world.on_phone(NUMBER, user), ["一"]);
    }
}

#[tokio::test]
async fn who_wrote_since_is_not_unreachable_whatever_is_told_late() {
    let mut world = World::with(Setup {
        receipts: nothing_arrives(),
        ..Setup::default()
    })
    .await;
    let user = whatsapp_users(1).remove(0);
    world.customers(NUMBER, std::slice::from_ref(&user)).await;
    world.start_delivery();
    let first = world.broadcast(&["一"]).await;
    world.until_completed(first).await;
    world.advance(Duration::from_secs(10));
    let seconds = (world.now().0 / 1_000).to_string();
    let message = json!({
        "from": user, "id": "wamid.late", "timestamp": seconds, "type": "text", "text": { "body": "在嗎" },
    });
    let contact = json!({ "profile": { "name": "顧客" }, "wa_id": user });
    let value = json!({ "contacts": [contact], "messages": [message] });
    post_whatsapp_field(&world, NUMBER, "messages", value).await;
    tell_failed(&world, &user, 131_026).await;
    world
        .until("both are known", || {
            Box::pin(async {
                world.find(first).await.summary.progress.failed == 1
                    && world.events(EventView::Mine).await[0].last_text == "在嗎"
            })
        })
        .await;
    let second = world.broadcast(&["二"]).await;
    let done = world.until_completed(second).await;
    assert_eq!(done.summary.progress.accepted(), 1, "{:?}", done.outcomes);
}

#[tokio::test]
async fn a_broadcasts_progress_is_told_four_times_a_second_at_most() {
    let mut world = World::new().await;
    let users = whatsapp_users(200);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let mut notices = world.app.live.subscribe();
    let began = Instant::now();
    let broadcast = world.broadcast(&["一"]).await;
    // Receipts come while it is being sent.
    world
        .until("everything is read", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.read == 200 })
        })
        .await;
    let mut told = 0;
    loop {
        match notices.try_recv().as_deref() {
            Ok(Notice::Broadcast { .. }) => told += 1,
            Ok(_) => {}
            Err(TryRecvError::Empty) => break,
            Err(error) => panic!("{error}"),
        }
    }
    // The first at once, and one at the end.
    let most = began.elapsed().as_millis() / 250 + 2;
    assert!((3..=most).contains(&told), "{told} notices, {most} wanted");
}

/// WhatsApp tells that nothing arrives of what it took for a customer: the account can't pay.
async fn tell_unpaid(world: &World, user: &str) {
    tell_failed(world, user, 131_042).await;
}

/// WhatsApp tells that what it took last for a customer failed.
async fn tell_failed(world: &World, user: &str, code: u32) {
    let message = world.sandbox.messages(NUMBER, user).pop().unwrap();
    let status = json!({
        "id": message.id,
        "status": "failed",
        "timestamp": (world.now().0 / 1_000).to_string(),
        "recipient_id": user,
        "errors": [{ "code": code, "title": "" }],
    });
    let value = json!({ "statuses": [status] });
    let answer = post_whatsapp_field(world, NUMBER, "messages", value).await;
    assert_eq!(answer, StatusCode::OK);
}

#[tokio::test]
async fn an_account_of_which_nothing_arrives_stops_while_it_is_being_sent() {
    let mut world = World::with(Setup {
        pace: Pace {
            whatsapp: 40,
            ..SLOW
        },
        receipts: nothing_arrives(),
        ..Setup::default()
    })
    .await;
    let users = whatsapp_users(120);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let reached = || {
        let users = users.iter();
        users.filter(|user| !world.on_phone(NUMBER, user).is_empty())
    };
    world
        .until("some messages are out", || {
            Box::pin(async { reached().count() >= 5 })
        })
        .await;
    let first = reached().next().unwrap();
    tell_unpaid(&world, first).await;
    let paused = world.until_paused(broadcast).await;
    assert_eq!(paused.reason, Reason::AccountPayment);
    // What is in hand comes back.
    let until_idle = async || {
        world
            .until("nobody is in hand", || {
                Box::pin(async { world.find(broadcast).await.summary.progress.sending == 0 })
            })
            .await;
        reached().cloned().collect::<BTreeSet<_>>()
    };
    let before = until_idle().await;
    assert!(before.len() < 100, "{} were sent it", before.len());

    // One shows whether it is mended, and the platform takes their message as it took the others'.
    world.advance(Duration::from_secs(11));
    world
        .until("it was tried again", || {
            Box::pin(async { reached().count() > before.len() })
        })
        .await;
    let trial = reached().find(|user| !before.contains(*user)).unwrap();
    tell_unpaid(&world, trial).await;
    world
        .until("that is known", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.failed == 2 })
        })
        .await;
    let after = until_idle().await;
    assert_eq!(after.len(), before.len() + 1);
    let found = world.find(broadcast).await;
    assert_eq!(found.summary.paused.len(), 1);

    world.advance(Duration::from_secs(31));
    let done = world.until_completed(broadcast).await;
    assert_eq!((done.summary.progress.accepted(), done.retryable), (118, 2));
    let resumed = done.log.iter();
    let resumed = resumed.filter(|entry| matches!(entry.event, LogEvent::AccountResumed { .. }));
    assert_eq!(resumed.count(), 1);
    // What is told late of a message that went out before is no news of the account.
    let late = before.iter().find(|user| *user != first).unwrap();
    tell_unpaid(&world, late).await;
    world
        .until("that is known", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.failed == 3 })
        })
        .await;
    let another = world.broadcast(&["二"]).await;
    world.until_completed(another).await;
}

#[tokio::test]
async fn what_failed_and_may_be_retried_is_sent_once_more_and_nothing_else() {
    let mut world = World::new().await;
    let users = whatsapp_users(4);
    world.customers(NUMBER, &users).await;
    // The first is not on WhatsApp; the second has a fault that passes; the third is never answered.
    world
        .sandbox
        .set_fault(NUMBER, &users[0], Some(Fault::Code(131_026, None)));
    world
        .sandbox
        .set_fault(NUMBER, &users[1], Some(Fault::Code(131_016, None)));
    world
        .sandbox
        .set_fault(NUMBER, &users[2], Some(Fault::ConnectionReset));
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    // Eight attempts, each later than the one before.
    world
        .until("all attempts were made", || {
            Box::pin(async {
                world.advance(Duration::from_secs(601));
                world.find(broadcast).await.summary.status == BroadcastStatus::Completed
            })
        })
        .await;
    let done = world.find(broadcast).await;
    let progress = done.summary.progress;
    assert_eq!(
        (progress.failed, progress.unknown, progress.accepted()),
        (2, 1, 1)
    );
    assert_eq!(done.retryable, 1);
    for user in &users {
        world.sandbox.set_fault(NUMBER, user, None);
    }
    let retry = world.retry(broadcast).await;
    assert_eq!(retry.summary.retry_of, Some(broadcast));
    assert_eq!(world.find(broadcast).await.retryable, 0);
    let retried = world.until_completed(retry.summary.id).await;
    assert_eq!(retried.summary.progress.total(), 1);
    assert_eq!(world.on_phone(NUMBER, &users[1]), TEXTS);
    assert!(world.on_phone(NUMBER, &users[0]).is_empty());
    assert!(world.on_phone(NUMBER, &users[2]).is_empty());
    assert_eq!(world.on_phone(NUMBER, &users[3]), TEXTS);
    let log = world.find(broadcast).await.log;
    let expected = LogEvent::Retried {
        broadcast: retry.summary.id,
        recipients: 1,
    };
    assert_eq!(log.last().unwrap().event, expected);
}

#[tokio::test]
async fn a_customer_of_whatsapp_gets_no_more_than_the_pair_rate_allows() {
    let mut world = World::new().await;
    let users = whatsapp_users(1);
    world.customers(NUMBER, &users).await;
    world.start_delivery();
    let texts: Vec<_> = ["一", "二", "三", "四", "五"].to_vec();
    for _ in 0..9 {
        let broadcast = world.broadcast(&texts).await;
        world.until_completed(broadcast).await;
    }
    assert_eq!(world.on_phone(NUMBER, &users[0]).len(), 45);
    let broadcast = world.broadcast(&["六"]).await;
    world
        .until("it has to wait", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients[0].reason == Some(Reason::RateLimited)
            })
        })
        .await;
    assert_eq!(world.on_phone(NUMBER, &users[0]).len(), 45);
    world.advance(Duration::from_secs(6));
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(NUMBER, &users[0]).len(), 46);
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut world = World::new().await;
    let users = whatsapp_users(3);
    world.customers(NUMBER, &users).await;
    for user in &users {
        world
            .sandbox
            .set_fault(NUMBER, user, Some(Fault::RateLimited));
    }
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world
        .until("they wait", || {
            Box::pin(async {
                let recipients = world.recipients(broadcast).await;
                recipients
                    .iter()
                    .all(|each| each.reason == Some(Reason::RateLimited))
            })
        })
        .await;
    for user in &users {
        world.sandbox.set_fault(NUMBER, user, None);
    }
    world.set_back(Duration::from_secs(7_200));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 3);
    for user in &users {
        assert_eq!(world.on_phone(NUMBER, user), ["一"]);
    }
}

#[tokio::test]
async fn an_account_that_has_used_up_what_meta_allows_rests_as_long_as_it_is_told() {
    let mut world = World::new().await;
    let users = page_users(20);
    world.customers(PAGE, &users).await;
    let throttled = Usage {
        call_count: 100,
        estimated_time_to_regain_access: 3,
    };
    world.sandbox.set_usage(PAGE, Some(throttled));
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    let arrived = || {
        let phones = users.iter().map(|user| world.on_phone(PAGE, user).len());
        phones.sum::<usize>()
    };
    world
        .until("it rests", || {
            Box::pin(async {
                let (store, now) = (&world.app.store, world.now());
                let is_resting = store.accounts_with_work(now).await.unwrap().is_empty();
                arrived() > 0
                    && is_resting
                    && world.find(broadcast).await.summary.progress.sending == 0
            })
        })
        .await;
    let before = arrived();
    assert!(before < 20, "{before} went out while it was throttled");
    world.sandbox.set_usage(PAGE, None);
    world.advance(Duration::from_secs(100));
    let work = world.app.store.accounts_with_work(world.now());
    assert_eq!(work.await.unwrap(), [], "three minutes are not over");
    world.advance(Duration::from_secs(90));
    world.until_completed(broadcast).await;
    for user in &users {
        assert_eq!(world.on_phone(PAGE, user), ["一"]);
    }
}
