//! The check before sending, and what may be done with a broadcast afterwards: by whom, when, and what is refused.

use axum::http::StatusCode;
use omocast_contract::api::{BroadcastPage, IDEMPOTENCY_KEY, RecipientPage, path};
use omocast_contract::audience::SkippedCount;
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{
    Broadcast, BroadcastRequest, BroadcastStatus, Channel, Control, Controlled, DeliveryStatus,
    EventId, EventView, LocalTime, LogEvent, Part, Plan, Preflight, ProblemCode, Reason, Role,
    Timestamp, Waits,
};
use serde_json::json;
use sqlx::query;

use crate::broadcasts::{assert_nothing_was_made, shop};
use crate::support::{Team, TestApp, User, text, to_all};

/// A shop whose broadcasts are held for eight seconds.
async fn holding() -> (TestApp, Team, User) {
    let store = omocast_server::store::Store::in_memory().await.unwrap();
    let app = TestApp::with_store(store, |config| config.hold = 8_000);
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    (app, team, rep)
}

/// A moment as the clocks in Taipei, eight hours ahead, show it.
fn in_taipei(at: Timestamp) -> LocalTime {
    LocalTime::parse(&at.plus(8 * HOUR).to_string()[..16]).unwrap()
}

async fn control(user: &User, broadcast: &Broadcast, control: Control) -> Controlled {
    let answer = user
        .post(&path::broadcast_control(broadcast.summary.id), &control)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

async fn refused(user: &User, broadcast: &Broadcast, control: Control, code: ProblemCode) {
    let answer = user
        .post(&path::broadcast_control(broadcast.summary.id), &control)
        .await;
    answer.refused(code, None);
}

async fn set_phone(app: &TestApp, event: EventId, phone: &str) {
    query("update customer set phone = $2, phone_digits = $2 where id = (select customer_id from event where id = $1)")
        .bind(event.to_string())
        .bind(phone)
        .execute(app.app.store.raw())
        .await
        .unwrap();
}

async fn check(user: &User, request: &BroadcastRequest) -> Preflight {
    let answer = user.post(path::BROADCAST_PREFLIGHT, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

fn skipped(count: &Preflight, reason: Reason) -> Vec<SkippedCount> {
    let all = count.count.skipped.iter().copied();
    all.filter(|skipped| skipped.reason == reason).collect()
}

#[tokio::test]
async fn one_person_on_two_channels_gets_it_where_they_wrote_last() {
    let (app, team, rep) = shop().await;
    let whatsapp = app
        .event(&team, Some(rep.id), |event| {
            event.channel = Channel::Whatsapp
        })
        .await;
    let line = app
        .event(&team, Some(rep.id), |event| {
            event.last_inbound_at = Some(event.last_message_at.plus(-2 * HOUR));
        })
        .await;
    let other = app.event(&team, Some(rep.id), |_| ()).await;
    for (event, phone) in [
        (whatsapp, "886900000001"),
        (line, "886900000001"),
        (other, "886900000002"),
    ] {
        set_phone(&app, event, phone).await;
    }
    let request = to_all(vec![text("hello")]);
    let found = check(&rep, &request).await;
    assert_eq!(found.count.reached_total(), 2);
    let twice = SkippedCount {
        reason: Reason::Duplicate,
        channel: Channel::Line,
        customers: 1,
    };
    assert_eq!(skipped(&found, Reason::Duplicate), [twice]);
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    let progress = made.summary.progress;
    assert_eq!((progress.waiting(), progress.skipped), (2, 1));
    assert_eq!(made.outcomes[0].reason, Some(Reason::Duplicate));
    // Where the newer can't be reached, the other is.
    query("update customer set is_blocked = 1 where id = (select customer_id from event where id = $1)")
        .bind(whatsapp.to_string())
        .execute(app.app.store.raw())
        .await
        .unwrap();
    let found = check(&rep, &request).await;
    assert_eq!(found.count.reached_total(), 2);
    assert_eq!(skipped(&found, Reason::Duplicate), []);
}

#[tokio::test]
async fn customers_of_an_account_that_has_stopped_are_told_before_sending() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    app.event(&team, Some(rep.id), |event| {
        event.channel = Channel::Whatsapp
    })
    .await;
    let line = team.account(Channel::Line);
    let (store, now) = (&app.app.store, app.now());
    let stop = store.pause_account(line, Reason::AccountRestricted, "", now);
    stop.await.unwrap();
    let request = to_all(vec![text("hello")]);
    let found = check(&rep, &request).await;
    assert_eq!(found.count.reached_total(), 1);
    assert_eq!(skipped(&found, Reason::AccountRestricted).len(), 1);
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    assert_eq!(made.outcomes[0].reason, Some(Reason::AccountRestricted));
    // Once it is to be tried again it may be mended.
    app.advance(60_000);
    assert_eq!(check(&rep, &request).await.count.reached_total(), 2);
}

/// So much is left of 500 that the LINE account may send this month.
async fn line_has_left(app: &TestApp, team: &Team, left: u64) {
    let (line, told) = (team.account(Channel::Line), (Some(500), 500 - left));
    let kept = app.app.store.keep_quota(line, Some(told), app.now());
    kept.await.unwrap();
}

#[tokio::test]
async fn who_has_too_little_left_this_month_is_told_how_much_and_refused() {
    let (app, team, rep) = shop().await;
    for _ in 0..3 {
        app.event(&team, Some(rep.id), |_| ()).await;
    }
    line_has_left(&app, &team, 2).await;
    let request = to_all(vec![text("one"), text("two")]);
    let found = check(&rep, &request).await;
    let [quota] = found.quotas.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((quota.needed, quota.left, quota.limit), (3, 2, 500));
    assert!(quota.is_short());
    let answer = rep.broadcast("press-0001", &request).await;
    answer.refused(ProblemCode::QuotaShort, Some("audience"));
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn what_waits_to_be_sent_is_taken_from_the_quota() {
    let (app, team, rep) = shop().await;
    for _ in 0..3 {
        app.event(&team, Some(rep.id), |_| ()).await;
    }
    line_has_left(&app, &team, 5).await;
    let request = to_all(vec![text("one")]);
    let first = rep.broadcast("press-0001", &request).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let second = rep.broadcast("press-0002", &request).await;
    second.refused(ProblemCode::QuotaShort, Some("audience"));
    // What has gone out is, too, until LINE tells anew what is used.
    let first: Broadcast = first.json();
    for customer in app.recipients(&first).await {
        let told = [(DeliveryStatus::Sent, None)];
        app.tell(&first, customer, &told, app.now()).await;
    }
    assert_eq!(check(&rep, &request).await.quotas[0].left, 2);
    let third = rep.broadcast("press-0003", &request).await;
    third.refused(ProblemCode::QuotaShort, Some("audience"));
}

#[tokio::test]
async fn a_check_tells_how_long_it_takes_at_the_accounts_pace() {
    let (app, team, rep) = shop().await;
    for _ in 0..100 {
        app.event(&team, Some(rep.id), |event| {
            event.channel = Channel::Whatsapp
        })
        .await;
    }
    let found = check(&rep, &to_all(vec![text("one"), text("two")])).await;
    // 200 messages at 80 a second.
    assert_eq!(found.seconds, 3);
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn a_check_refuses_what_sending_would() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let empty = rep
        .post(path::BROADCAST_PREFLIGHT, &to_all(vec![text("  ")]))
        .await;
    empty.refused(ProblemCode::TextEmpty, Some("messages[0]"));
}

#[tokio::test]
async fn a_broadcast_is_put_off_and_put_off_again_and_called_off() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    // Their window is closed now; they may write before it begins, when whoever can be reached is looked at again.
    app.event(&team, Some(rep.id), |event| {
        (event.channel, event.last_inbound_at) = (Channel::Whatsapp, None);
    })
    .await;
    app.event(&team, Some(rep.id), |event| {
        event.channel = Channel::Whatsapp
    })
    .await;
    let minutes = |minutes: i64| {
        let at = app.now().plus(minutes * 60_000);
        Timestamp(at.0 / 60_000 * 60_000)
    };
    let later = minutes(120);
    let request = BroadcastRequest {
        send_at: Some(in_taipei(later)),
        ..to_all(vec![text("hello")])
    };
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    assert_eq!(made.summary.status, BroadcastStatus::Scheduled);
    assert_eq!(made.summary.starts_at, later);
    assert_eq!(made.summary.progress.waiting(), 3);
    let scheduled = LogEvent::Scheduled {
        starts_at: later,
        recipients: 2,
    };
    assert_eq!(made.log[0].event, scheduled);

    let store = &app.app.store;
    let begins_at = async |at| {
        store.start_due(at).await.unwrap();
        store.accounts_with_work(at).await.unwrap().len()
    };
    assert_eq!(begins_at(minutes(119)).await, 0);
    let sooner = minutes(60);
    let send_at = in_taipei(sooner);
    let moved = control(&rep, &made, Control::Reschedule { send_at }).await;
    assert_eq!(moved.broadcast.summary.starts_at, sooner);
    assert_eq!(begins_at(minutes(59)).await, 0);
    assert_eq!(begins_at(minutes(61)).await, 2);

    let off = control(&rep, &made, Control::Stop).await;
    assert_eq!(off.broadcast.summary.status, BroadcastStatus::Cancelled);
    assert!(off.draft.is_some());
    assert_eq!(begins_at(minutes(121)).await, 0);
    refused(&rep, &made, Control::SendNow, ProblemCode::BroadcastOver).await;
    assert_eq!(app.count("draft").await, 1);
}

#[tokio::test]
async fn no_broadcast_is_put_off_to_a_time_that_does_not_come() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    for (at, code) in [
        (app.now().plus(-HOUR), ProblemCode::ScheduleTooSoon),
        (app.now(), ProblemCode::ScheduleTooSoon),
        (app.now().plus(91 * DAY), ProblemCode::ScheduleTooFar),
    ] {
        let request = BroadcastRequest {
            send_at: Some(in_taipei(at)),
            ..to_all(vec![text("hello")])
        };
        let answer = rep.broadcast("press-0001", &request).await;
        answer.refused(code, Some("send_at"));
        let answer = rep.post(path::BROADCAST_PREFLIGHT, &request).await;
        answer.refused(code, Some("send_at"));
    }
    let mut nonsense = serde_json::to_value(to_all(vec![text("hello")])).unwrap();
    nonsense["send_at"] = json!("tomorrow");
    let answer = rep
        .post_with(
            path::BROADCASTS,
            &[(IDEMPOTENCY_KEY, "press-0002")],
            &nonsense,
        )
        .await;
    assert_eq!(answer.problem().code, ProblemCode::MalformedRequest);
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn who_sees_a_broadcast_may_stop_it_and_only_its_sender_may_do_more() {
    let (app, team, rep) = holding().await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let stranger = app.user(&team, Role::SalesRep, &["A2"]).await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("hello")]))
        .await
        .json();
    assert_eq!(made.summary.status, BroadcastStatus::Held);
    refused(&stranger, &made, Control::Stop, ProblemCode::NotFound).await;
    refused(
        &manager,
        &made,
        Control::SendNow,
        ProblemCode::BroadcastNotYours,
    )
    .await;
    refused(&rep, &made, Control::SendNow, ProblemCode::BroadcastStarted).await;
    let stopped = control(&manager, &made, Control::Stop).await;
    assert_eq!(stopped.broadcast.summary.status, BroadcastStatus::Cancelled);
    // What somebody else wrote is not put among one's own drafts.
    assert_eq!(stopped.draft, None);
    let entry = stopped.broadcast.log.last().unwrap();
    assert_eq!(entry.event, LogEvent::Cancelled);
    assert_eq!(entry.member.as_deref(), Some("sales_manager of ATELIER"));
    refused(&rep, &made, Control::Stop, ProblemCode::BroadcastOver).await;
}

#[tokio::test]
async fn a_retry_is_made_once_and_of_what_may_be_retried() {
    let (app, team, rep) = shop().await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    for _ in 0..3 {
        app.event(&team, Some(rep.id), |event| {
            event.channel = Channel::Whatsapp
        })
        .await;
    }
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("hello")]))
        .await
        .json();
    let path = path::broadcast_retry(made.summary.id);
    let early = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0001")], &())
        .await;
    early.refused(ProblemCode::BroadcastNotOver, None);
    let fates = [
        (DeliveryStatus::Failed, Reason::PlatformFault),
        (DeliveryStatus::Failed, Reason::Unreachable),
        (DeliveryStatus::Unknown, Reason::NoAnswer),
    ];
    for (customer, (status, reason)) in app.recipients(&made).await.into_iter().zip(fates) {
        let told = [(status, Some(reason))];
        app.tell(&made, customer, &told, app.now()).await;
    }
    app.app.store.complete_broadcasts(app.now()).await.unwrap();

    let not_theirs = manager
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0001")], &())
        .await;
    not_theirs.refused(ProblemCode::BroadcastNotYours, None);
    let keyless = rep.post(&path, &()).await;
    keyless.refused(ProblemCode::IdempotencyKeyMissing, Some("Idempotency-Key"));
    let first = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0001")], &())
        .await;
    assert_eq!(first.status, StatusCode::CREATED);
    let retry: Broadcast = first.json();
    assert_eq!(retry.summary.progress.total(), 1);
    let again = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0001")], &())
        .await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json::<Broadcast>().summary.id, retry.summary.id);
    let other = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0002")], &())
        .await;
    other.refused(ProblemCode::NothingToRetry, None);
    // The first tells what the retry reached.
    let first: Broadcast = rep.get(&path::broadcast(made.summary.id)).await.json();
    assert_eq!(first.retries, std::slice::from_ref(&retry.summary));
    assert_eq!((first.retryable, retry.retries.len()), (0, 0));
    // A retry that was taken back before its turn can be made again.
    let taken_back = control(&rep, &retry, Control::Stop).await;
    let summary = &taken_back.broadcast.summary;
    assert_eq!(
        (summary.status, summary.stopped),
        (BroadcastStatus::Cancelled, 1)
    );
    let anew = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0003")], &())
        .await;
    assert_eq!(anew.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_request_that_is_repeated_when_its_time_is_near_is_the_same_broadcast() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let at = Timestamp((app.now().0 / 60_000 + 2) * 60_000);
    let request = BroadcastRequest {
        send_at: Some(in_taipei(at)),
        ..to_all(vec![text("hello")])
    };
    let first = rep.broadcast("press-0001", &request).await;
    assert_eq!(first.status, StatusCode::CREATED);
    app.advance(100_000);
    let again = rep.broadcast("press-0001", &request).await;
    assert_eq!(again.status, StatusCode::OK);
    let id = |answer: &crate::support::Answer| answer.json::<Broadcast>().summary.id;
    assert_eq!(id(&again), id(&first));
}

#[tokio::test]
async fn an_account_with_a_passing_fault_keeps_nobody_out_of_a_new_broadcast() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let (store, now) = (&app.app.store, app.now());
    let line = team.account(Channel::Line);
    let stop = store.pause_account(line, Reason::PlatformFault, "503", now);
    stop.await.unwrap();
    let made = rep
        .broadcast("press-0001", &to_all(vec![text("hello")]))
        .await;
    assert_eq!(made.json::<Broadcast>().summary.progress.waiting(), 1);
}

#[tokio::test]
async fn a_retry_that_is_taken_back_is_no_draft_for_everybody() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("one"), text("two")]))
        .await
        .json();
    let customer = app.recipients(&made).await[0];
    let told = [
        (DeliveryStatus::Failed, Some(Reason::RateLimited)),
        (DeliveryStatus::Skipped, Some(Reason::EarlierMessageFailed)),
    ];
    app.tell(&made, customer, &told, app.now()).await;
    app.app.store.complete_broadcasts(app.now()).await.unwrap();
    let path = path::broadcast_retry(made.summary.id);
    let retry: Broadcast = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0001")], &())
        .await
        .json();
    // The first of its two messages arrives before it is stopped.
    let told = [(DeliveryStatus::Sent, None)];
    app.tell(&retry, customer, &told, app.now()).await;
    let stopped = control(&rep, &retry, Control::Stop).await;
    assert_eq!(stopped.broadcast.summary.status, BroadcastStatus::Stopped);
    assert_eq!(stopped.draft, None);
    let expected = LogEvent::Stopped {
        handed_over: 1,
        left: 0,
    };
    assert_eq!(stopped.broadcast.log.last().unwrap().event, expected);
    // What arrived is not sent again by another.
    let again = rep
        .post_with(&path, &[(IDEMPOTENCY_KEY, "retry-0002")], &())
        .await;
    again.refused(ProblemCode::NothingToRetry, None);
}

#[tokio::test]
async fn what_is_begun_later_or_retried_asks_the_quota_too() {
    let (app, team, rep) = shop().await;
    for _ in 0..3 {
        app.event(&team, Some(rep.id), |_| ()).await;
    }
    let mut request = to_all(vec![text("one"), text("two")]);
    request.send_at = Some(in_taipei(app.now().plus(DAY)));
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    line_has_left(&app, &team, 2).await;
    refused(&rep, &made, Control::SendNow, ProblemCode::QuotaShort).await;
    let kept: Broadcast = rep.get(&path::broadcast(made.summary.id)).await.json();
    assert_eq!(kept.summary.status, BroadcastStatus::Scheduled);
    line_has_left(&app, &team, 3).await;
    let begun = control(&rep, &made, Control::SendNow).await.broadcast;
    assert_eq!(begun.summary.status, BroadcastStatus::Sending);

    // All of it fails: of no message anything is known but what is known of its recipient.
    for customer in app.recipients(&made).await {
        let told = [(DeliveryStatus::Failed, Some(Reason::WaitedTooLong)); 2];
        app.tell(&made, customer, &told, app.now()).await;
    }
    assert_eq!(app.count("delivery").await, 0);
    app.app.store.complete_broadcasts(app.now()).await.unwrap();
    let retry = async |key: &str| {
        let path = path::broadcast_retry(made.summary.id);
        rep.post_with(&path, &[(IDEMPOTENCY_KEY, key)], &()).await
    };
    line_has_left(&app, &team, 2).await;
    let short = retry("retry-0001").await;
    short.refused(ProblemCode::QuotaShort, None);
    line_has_left(&app, &team, 3).await;
    let again: Broadcast = retry("retry-0001").await.json();
    assert_eq!(again.summary.progress.queued, 3);
    // Each gets both messages again.
    for (broadcast, expected) in [
        (&made, (DeliveryStatus::Failed, Some(Reason::WaitedTooLong))),
        (&again, (DeliveryStatus::Queued, None)),
    ] {
        let path = path::broadcast_recipients(broadcast.summary.id);
        let page: RecipientPage = rep.get(&path).await.json();
        for row in &page.rows {
            let deliveries = row.deliveries.iter().map(|each| (each.status, each.reason));
            assert_eq!(deliveries.collect::<Vec<_>>(), [expected; 2]);
        }
    }
}

#[tokio::test]
async fn who_got_a_part_is_told_from_who_got_nothing() {
    let (app, team, rep) = shop().await;
    for _ in 0..4 {
        app.event(&team, Some(rep.id), |event| {
            event.channel = Channel::Whatsapp
        })
        .await;
    }
    let messages = vec![text("one"), text("two"), text("three")];
    let made: Broadcast = rep.broadcast("press-0001", &to_all(messages)).await.json();
    let customers = app.recipients(&made).await;
    let sent = (DeliveryStatus::Sent, None);
    let failed = (DeliveryStatus::Failed, Some(Reason::PlatformFault));
    let skipped = (DeliveryStatus::Skipped, Some(Reason::EarlierMessageFailed));
    let fates = [
        [sent, failed, skipped],
        [failed, skipped, skipped],
        [(DeliveryStatus::Read, None), failed, skipped],
        [sent; 3],
    ];
    for (&customer, told) in customers.iter().zip(fates) {
        app.tell(&made, customer, &told, app.now()).await;
    }
    let found: Broadcast = rep.get(&path::broadcast(made.summary.id)).await.json();
    let outcomes: Vec<_> = found
        .outcomes
        .iter()
        .map(|outcome| (outcome.part, outcome.customers))
        .collect();
    assert_eq!(outcomes, [(Part::new(1, 3), 2), (None, 1)]);
    // Each is listed by itself.
    let listed = async |asked: &str| -> Vec<_> {
        let recipients = path::broadcast_recipients(made.summary.id);
        let asked = format!("{recipients}?standing=failed&reason=platform_fault&{asked}");
        let page: RecipientPage = rep.get(&asked).await.json();
        page.rows.iter().map(|row| row.customer).collect()
    };
    assert_eq!(listed("got=1&of=3").await, [customers[0], customers[2]]);
    assert_eq!(listed("got=0").await, [customers[1]]);
    assert_eq!(listed("got=1&of=2").await, []);
}

#[tokio::test]
async fn the_list_tells_what_waits_for_an_account_that_stopped() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    app.event(&team, Some(rep.id), |event| {
        event.channel = Channel::Whatsapp
    })
    .await;
    let request = to_all(vec![text("hello")]);
    rep.broadcast("press-0001", &request).await;
    let listed = async || -> BroadcastPage { rep.get(path::BROADCASTS).await.json() };
    assert_eq!(listed().await.rows[0].paused, []);
    let (store, now) = (&app.app.store, app.now());
    let stop = store.pause_account(
        team.account(Channel::Line),
        Reason::MonthlyLimit,
        "429",
        now,
    );
    stop.await.unwrap();
    let page = listed().await;
    let [paused] = page.rows[0].paused.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!(
        (paused.channel, paused.reason, paused.waiting),
        (Channel::Line, Reason::MonthlyLimit, 1)
    );
}

#[tokio::test]
async fn what_only_waits_takes_no_seconds() {
    let (app, team, rep) = shop().await;
    for channel in [Channel::Line, Channel::Whatsapp, Channel::Whatsapp] {
        app.event(&team, Some(rep.id), |event| event.channel = channel)
            .await;
    }
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("hello")]))
        .await
        .json();
    assert_eq!((made.seconds_left, made.waits), (1, None));
    let find = async || -> Broadcast { rep.get(&path::broadcast(made.summary.id)).await.json() };
    // One is put back until later.
    let (pool, later) = (app.app.store.raw(), app.now().plus(90_000));
    query("update recipient set not_before = $1 where customer_id = (select customer_id from recipient where channel = 'whatsapp' limit 1)")
        .bind(later.0)
        .execute(pool)
        .await
        .unwrap();
    let waits = |customers, until| Some(Waits { customers, until });
    let found = find().await;
    assert_eq!((found.seconds_left, found.waits), (1, waits(1, later)));
    // Whoever is being handed over is not waited for.
    query("update recipient set lease_owner = 'somebody'")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(find().await.waits, None);
    query("update recipient set lease_owner = null")
        .execute(pool)
        .await
        .unwrap();
    // The platform holds back one account, and another has stopped.
    let held = app.now().plus(60_000);
    let (store, whatsapp) = (&app.app.store, team.account(Channel::Whatsapp));
    store.hold_turns(whatsapp, held).await.unwrap();
    let found = find().await;
    assert_eq!((found.seconds_left, found.waits), (1, waits(2, held)));
    let stop = store.pause_account(
        team.account(Channel::Line),
        Reason::MonthlyLimit,
        "429",
        app.now(),
    );
    stop.await.unwrap();
    let found = find().await;
    let tried_at = found.summary.paused[0].tried_at;
    assert_eq!(
        (found.seconds_left, found.waits),
        (0, waits(3, held.min(tried_at)))
    );
}

#[tokio::test]
async fn recipients_lead_to_the_conversations_that_the_member_may_open() {
    let (app, team, rep) = shop().await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let stranger = app.user(&team, Role::SalesRep, &["B2"]).await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("hello")]))
        .await
        .json();
    let recipients = path::broadcast_recipients(made.summary.id);
    let view = async |user: &User| {
        let page: RecipientPage = user.get(&recipients).await.json();
        let row = page.rows.into_iter().next().unwrap();
        // What is said here, the thread says, too.
        let thread = user.get(&path::event(row.event.unwrap())).await;
        assert_eq!(row.view.is_some(), thread.status == StatusCode::OK);
        row.view
    };
    assert_eq!(view(&rep).await, Some(EventView::Mine));
    assert_eq!(view(&manager).await, Some(EventView::Team));
    // Somebody of another shop follows it by now.
    query("update event set owner_id = $1")
        .bind(stranger.id.to_string())
        .execute(app.app.store.raw())
        .await
        .unwrap();
    assert_eq!(view(&rep).await, None);
    assert_eq!(view(&manager).await, None);
}
