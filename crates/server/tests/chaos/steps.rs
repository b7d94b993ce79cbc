//! The program is killed at each step of a delivery.

use std::time::Duration;

use omocast_contract::{BroadcastId, Channel, DeliveryStatus, Reason};
use omocast_sandbox::{Fault, ReceivedRequest};
use omocast_server::app::Clock;
use omocast_server::config::Pace;
use omocast_server::store::deliveries::{Outcome, RecipientKey, Then, Told};
use omocast_server::store::{Begins, CreatedBroadcast, Once};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::installation::{Crowd, Installation, account_of, request, until, user};
use crate::judge::TEXTS;

const FEW: Crowd = Crowd {
    line: 5,
    whatsapp: 5,
    facebook: 5,
    instagram: 5,
};

/// A second between two messages of an account: time enough to die in.
const SLOWEST: u32 = 1;
const QUICK: u32 = 80;

/// What was asked to be sent to a customer, in order.
fn sendings(installation: &Installation, user: &str) -> Vec<ReceivedRequest> {
    let requests = installation.sandbox.requests().into_iter();
    requests
        .filter(|request| {
            let body = &request.body;
            body["to"] == user || body["recipient"]["id"] == user
        })
        .filter(|request| request.method == "POST")
        .collect()
}

/// Dies, and another server takes over.
async fn die(installation: &mut Installation) {
    installation.kill().await;
    installation.let_leases_end().await;
    installation.start().await;
}

#[tokio::test]
async fn while_it_is_being_accepted() {
    let mut installation = Installation::new(FEW).await;
    installation.start().await;
    installation
        .die_before(async |server| server.broadcast().await)
        .await;
    // The browser asks again, and once more because that answer got lost.
    let broadcast = installation.broadcast().await;
    assert_eq!(installation.broadcast().await, broadcast);
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete());
    }
}

#[tokio::test]
async fn as_it_begins() {
    let mut installation = Installation::new(FEW).await;
    installation.set("OMOCAST_HOLD_SECONDS", "2");
    installation.start().await;
    let broadcast = installation.broadcast().await;
    let starts_at = installation.find(broadcast).await.summary.starts_at;
    let held = installation.hold_database().await;
    until("its time has come", async || {
        Clock::System.now().since(starts_at) > 500
    })
    .await;
    installation.kill().await;
    held.close().await.unwrap();
    installation.start().await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete());
    }
}

#[tokio::test]
async fn while_what_failed_is_being_sent_again() {
    let crowd = Crowd {
        line: 3,
        ..Crowd::default()
    };
    let mut installation = Installation::new(crowd).await;
    let failed = (DeliveryStatus::Failed, Some(Reason::PlatformFault));
    let first = handed_over(&installation, failed).await;
    installation.start().await;
    installation.until_completed(first).await;
    installation
        .die_before(async |server| server.retry(first).await)
        .await;
    let again = installation.retry(first).await;
    assert_eq!(installation.retry(first).await, again);
    let outcomes = installation.until_judged(again).await;
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(|outcome| outcome.is_complete()));
    assert_eq!(installation.find(first).await.retries.len(), 1);
}

#[tokio::test]
async fn in_the_hold_before_anything_is_handed_over() {
    let mut installation = Installation::new(FEW).await;
    installation.set("OMOCAST_HOLD_SECONDS", "5");
    installation.start().await;
    let broadcast = installation.broadcast().await;
    installation.kill().await;
    for channel in Channel::ALL {
        let traffic = installation.sandbox.traffic(account_of(channel));
        assert_eq!(traffic.sendings, 0, "it is held");
    }
    installation.start().await;
    // The browser did not learn what became of its request, and asks again.
    assert_eq!(installation.broadcast().await, broadcast);
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete());
    }
}

#[tokio::test]
async fn after_recipients_were_claimed() {
    let mut installation = Installation::new(FEW).await;
    installation.set_pace(SLOWEST);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until("each channel has taken one message", async || {
        let channels = [Channel::Line, Channel::Whatsapp, Channel::Facebook];
        channels.iter().all(|channel| {
            let accepted = installation.sandbox.accepted(account_of(*channel));
            !accepted.is_empty()
        })
    })
    .await;
    installation.set_pace(QUICK);
    die(&mut installation).await;
    let outcomes = installation.until_judged(broadcast).await;
    let of_instagram = |channel| channel == Channel::Instagram;
    let (instagram, others): (Vec<_>, Vec<_>) = outcomes
        .iter()
        .partition(|outcome| of_instagram(outcome.recipient.channel));
    // Another's first message may have been on its way as well.
    for outcome in others {
        let is_line = outcome.recipient.channel == Channel::Line;
        assert!(outcome.is_complete() || (!is_line && outcome.is_unknown()));
    }
    // The one whose outcome was not recorded, and that nothing tells of later.
    let unknown = instagram.iter().filter(|outcome| outcome.is_unknown());
    assert!(unknown.count() <= 1);
}

#[tokio::test]
async fn while_the_platform_has_not_answered() {
    let mut installation = Installation::new(FEW).await;
    let held = [Channel::Line, Channel::Whatsapp, Channel::Facebook];
    for channel in held {
        // One is taken, and one is dropped with the connection.
        let faults = [
            Fault::TimeoutAfterAccept,
            Fault::Slow(Duration::from_secs(600)),
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            let sandbox = &installation.sandbox;
            sandbox.set_fault(account_of(channel), &user(channel, number), Some(fault));
        }
    }
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until("every request that is held is there", async || {
        let mut all = held
            .iter()
            .flat_map(|channel| [user(*channel, 0), user(*channel, 1)]);
        all.all(|user| !sendings(&installation, &user).is_empty())
    })
    .await;
    installation.kill().await;
    for channel in held {
        for number in 0..2 {
            let sandbox = &installation.sandbox;
            sandbox.set_fault(account_of(channel), &user(channel, number), None);
        }
    }
    installation.let_leases_end().await;
    installation.start().await;
    let outcomes = installation.until_judged(broadcast).await;
    let of = |channel, number| {
        let user = user(channel, number);
        let mut outcomes = outcomes.iter();
        outcomes
            .find(|outcome| {
                outcome.recipient.channel == channel && outcome.recipient.name.ends_with(&user)
            })
            .unwrap()
    };
    for number in 0..2 {
        assert!(of(Channel::Line, number).is_complete());
    }
    let statuses = sendings(&installation, &user(Channel::Line, 0));
    assert_eq!(statuses.last().unwrap().status, Some(409));
    for channel in [Channel::Whatsapp, Channel::Facebook] {
        assert!(of(channel, 0).is_complete());
        let lost = of(channel, 1);
        assert_eq!(lost.phone, TEXTS[1..]);
        assert!(lost.is_unknown());
        let first = lost.recipient.deliveries[0].status;
        assert_eq!(first, DeliveryStatus::Unknown);
        assert_eq!(sendings(&installation, &user(channel, 1)).len(), 3);
    }
}

/// The platforms have answered, and the server can't write that down, because somebody else has the database.
#[tokio::test(flavor = "multi_thread")]
async fn right_after_the_answer() {
    let crowd = Crowd {
        line: 1,
        whatsapp: 1,
        facebook: 1,
        instagram: 1,
    };
    let channels = [
        Channel::Line,
        Channel::Whatsapp,
        Channel::Facebook,
        Channel::Instagram,
    ];
    let mut installation = Installation::new(crowd).await;
    let answer_after = |installation: &Installation, fault: Option<Fault>| {
        for channel in channels {
            let sandbox = &installation.sandbox;
            sandbox.set_fault(account_of(channel), &user(channel, 0), fault.clone());
        }
    };
    // Long enough to take the database before the first of them answers.
    let slow = Fault::Slow(Duration::from_secs(5));
    answer_after(&installation, Some(slow));
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until("everybody is asked", async || {
        let mut users = channels.iter().map(|channel| user(*channel, 0));
        users.all(|user| !sendings(&installation, &user).is_empty())
    })
    .await;
    let held = installation.hold_database().await;
    until("everybody has answered", async || {
        let mut users = channels.iter().map(|channel| user(*channel, 0));
        users.all(|user| sendings(&installation, &user)[0].status == Some(200))
    })
    .await;
    installation.kill().await;
    held.close().await.unwrap();
    for channel in &channels[1..] {
        let first = (*channel, user(*channel, 0), 0);
        assert!(installation.cut_short.contains(&first), "{first:?}");
    }
    answer_after(&installation, None);
    installation.let_leases_end().await;
    installation.start().await;
    for outcome in installation.until_judged(broadcast).await {
        // Nothing but its words tells of a message of Instagram.
        let may_be_unknown = outcome.recipient.channel == Channel::Instagram;
        assert!(outcome.is_complete() && (may_be_unknown || !outcome.is_unknown()));
    }
    for channel in channels {
        let statuses = sendings(&installation, &user(channel, 0)).into_iter();
        let statuses: Vec<_> = statuses.filter_map(|request| request.status).collect();
        let expected: &[u16] = match channel {
            Channel::Line => &[200, 409],
            _ => &[200, 200, 200],
        };
        assert_eq!(statuses, expected, "{channel:?}");
    }
}

#[tokio::test]
async fn between_two_messages_of_one_customer() {
    let crowd = Crowd {
        whatsapp: 1,
        facebook: 1,
        instagram: 1,
        ..Crowd::default()
    };
    let mut installation = Installation::new(crowd).await;
    installation.set_pace(SLOWEST);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    until("the first messages are recorded", async || {
        let outcomes = installation.outcomes(broadcast).await;
        outcomes.iter().all(|outcome| {
            let status = outcome.recipient.deliveries[0].status;
            !matches!(status, DeliveryStatus::Queued | DeliveryStatus::Sending)
        })
    })
    .await;
    installation.set_pace(QUICK);
    die(&mut installation).await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() || outcome.is_unknown());
    }
}

#[tokio::test]
async fn after_the_last_record_and_before_the_broadcast_is_completed() {
    let crowd = Crowd {
        line: 3,
        ..Crowd::default()
    };
    let mut installation = Installation::new(crowd).await;
    // Nothing but the database tells a later server that everything is done.
    let broadcast = handed_over(&installation, (DeliveryStatus::Sent, None)).await;
    installation.start().await;
    installation.until_completed(broadcast).await;
    assert_eq!(installation.find(broadcast).await.summary.progress.sent, 3);
    assert_eq!(
        installation
            .sandbox
            .traffic(account_of(Channel::Line))
            .sendings,
        0
    );
}

/// A broadcast to everybody on LINE, of whom this became before the server died.
async fn handed_over(
    installation: &Installation,
    fate: (DeliveryStatus, Option<Reason>),
) -> BroadcastId {
    let store = installation.open_store().await;
    let member = store.find_member(installation.team.member).await;
    let member = member.unwrap().unwrap();
    let now = Clock::System.now();
    let request = request();
    let once = Once {
        key: "chaos-0001",
        hash: "",
    };
    let (begins, pace) = (Begins::AfterHold(0), Pace::default());
    let created = store.create_broadcast(&member, &request, once, begins, &pace, now);
    let CreatedBroadcast::New(broadcast) = created.await.unwrap() else {
        panic!("the key is new");
    };
    let owner = Uuid::now_v7();
    let line = installation.team.accounts[0];
    let claim = store.claim_recipients(line, owner, now, 10).await.unwrap();
    assert_eq!(claim.recipients.len(), 3);
    let recipients = claim.recipients.iter();
    let outcomes: Vec<_> = recipients
        .map(|recipient| outcome(recipient.key, owner, fate))
        .collect();
    store.record_outcomes(&outcomes, now).await.unwrap();
    store.close().await;
    broadcast.summary.id
}

/// The same became of all messages to a recipient.
fn outcome(
    key: RecipientKey,
    by: Uuid,
    (status, reason): (DeliveryStatus, Option<Reason>),
) -> Outcome {
    let told = (0..3).map(|position| Told {
        position,
        status,
        reason,
        code: None,
        external_id: None,
    });
    Outcome {
        key,
        told: told.collect(),
        then: Then::Done,
        by: Some(by),
        account: None,
    }
}
