//! Counting an audience and making a broadcast: what is refused, what is made, and that it is made once.

use axum::http::StatusCode;
use futures::future::join_all;
use omocast_contract::api::{BroadcastPage, RecipientPage, path};
use omocast_contract::audience::{ChannelCount, SkippedCount};
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastRequest, BroadcastStatus, Channel, DeliveryStatus,
    EventId, EventStatus, Filter, MediaId, OutgoingMessage, Pick, Plan, ProblemCode, Reason, Role,
    RowId, Standing, Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Team, TestApp, User, only, text, to_all};

pub(crate) async fn shop() -> (TestApp, Team, User) {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    (app, team, rep)
}

pub(crate) async fn assert_nothing_was_made(app: &TestApp) {
    for table in ["broadcast", "recipient", "delivery"] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_broadcast_reaches_whom_it_can_and_skips_the_rest_with_a_reason() {
    let (app, team, rep) = shop().await;
    let long_ago = app.now().plus(-DAY);
    app.event(&team, Some(rep.id), |_| ()).await;
    app.event(&team, Some(rep.id), |event| event.is_blocked = true)
        .await;
    app.event(&team, Some(rep.id), |event| {
        event.channel = Channel::Whatsapp
    })
    .await;
    app.event(&team, Some(rep.id), |event| {
        (event.channel, event.last_inbound_at) = (Channel::Whatsapp, Some(long_ago))
    })
    .await;
    app.event(&team, Some(rep.id), |event| {
        (event.channel, event.last_inbound_at) = (Channel::Whatsapp, None)
    })
    .await;
    app.event(&team, Some(rep.id), |event| event.channel = Channel::Web)
        .await;
    app.event(&team, Some(rep.id), |event| {
        event.status = EventStatus::Ended
    })
    .await;

    let request = to_all(vec![text("  first\nline"), text("second")]);
    let count: AudienceCount = rep
        .post(path::AUDIENCE_COUNT, &request.audience)
        .await
        .json();
    let one = |channel| ChannelCount {
        channel,
        customers: 1,
    };
    let skipped = |reason, channel| SkippedCount {
        reason,
        channel,
        customers: 1,
    };
    assert_eq!(count.reached, [one(Channel::Line), one(Channel::Whatsapp)]);
    let expected = [
        skipped(Reason::Blocked, Channel::Line),
        skipped(Reason::WindowClosed, Channel::Whatsapp),
        skipped(Reason::NeverWrote, Channel::Whatsapp),
    ];
    assert_eq!(count.skipped, expected);

    let answer = rep.broadcast("press-0001", &request).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made: Broadcast = answer.json();
    assert_eq!(
        (made.summary.title.as_str(), made.summary.message_count),
        ("first line", 2)
    );
    assert_eq!(made.summary.status, BroadcastStatus::Sending);
    assert_eq!(
        (made.summary.progress.queued, made.summary.progress.skipped),
        (2, 3)
    );
    assert_eq!((made.tells_delivered, made.tells_read), (0, 0));
    assert_eq!(made.messages, request.content.messages());
    // Nothing has become of any message yet.
    assert_eq!(
        (app.count("recipient").await, app.count("delivery").await),
        (5, 0)
    );

    let recipients = format!(
        "{}?standing=skipped",
        path::broadcast_recipients(made.summary.id)
    );
    let page: RecipientPage = rep.get(&recipients).await.json();
    let mut reasons: Vec<_> = page.rows.iter().map(|row| row.reason).collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            Some(Reason::Blocked),
            Some(Reason::WindowClosed),
            Some(Reason::NeverWrote)
        ]
    );
    for reason in reasons {
        let reason = reason.unwrap();
        let narrowed = format!("{recipients}&reason={}", reason.as_str());
        let narrowed: RecipientPage = rep.get(&narrowed).await.json();
        let shown: Vec<_> = narrowed.rows.iter().map(|row| row.reason).collect();
        assert_eq!(shown, [Some(reason)]);
    }
    for row in &page.rows {
        assert!(
            row.deliveries.len() == 2
                && row
                    .deliveries
                    .iter()
                    .all(|d| d.status == DeliveryStatus::Skipped && d.reason == row.reason)
        );
    }
    let found: Broadcast = rep.get(&path::broadcast(made.summary.id)).await.json();
    assert_eq!(found, made);
    let listed: BroadcastPage = rep.get(path::BROADCASTS).await.json();
    assert_eq!((listed.rows, listed.next), (vec![made.summary], None));
}

#[tokio::test]
async fn bad_messages_are_refused_with_their_place_and_nothing_is_made() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    app.event(&team, Some(rep.id), |event| {
        event.channel = Channel::Whatsapp
    })
    .await;
    let other_team = app.team("OTHER", Plan::Omo).await;
    let stranger = app.user(&other_team, Role::SalesRep, &[]).await;
    let foreign = stranger.image(2_000).await.id;
    let large = rep.image(6 * 1024 * 1024).await.id;
    let image = |media| OutgoingMessage::Image {
        media,
        caption: None,
    };
    let none = MediaId(Uuid::from_u128(9));
    let cases: [(Vec<OutgoingMessage>, ProblemCode, &str, &[Channel]); 7] = [
        (vec![], ProblemCode::NoMessages, "messages", &[]),
        (
            vec![text("好"); 6],
            ProblemCode::TooManyMessages,
            "messages",
            &[],
        ),
        (
            vec![text("好"), text(" \n\u{200b}")],
            ProblemCode::TextEmpty,
            "messages[1]",
            &[],
        ),
        (
            vec![text(&"中".repeat(4_500))],
            ProblemCode::TextTooLong,
            "messages[0]",
            &[Channel::Whatsapp],
        ),
        (
            vec![image(none)],
            ProblemCode::MediaNotFound,
            "messages[0]",
            &[],
        ),
        (
            vec![image(foreign)],
            ProblemCode::MediaNotFound,
            "messages[0]",
            &[],
        ),
        (
            vec![text("好"), image(large)],
            ProblemCode::MediaTooLarge,
            "messages[1]",
            &[Channel::Whatsapp],
        ),
    ];
    for (messages, code, field, channels) in cases {
        let answer = rep.broadcast("press-0001", &to_all(messages)).await;
        answer.refused(code, Some(field));
        assert_eq!(answer.problem().channels, channels);
    }
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn a_text_too_long_for_a_channel_that_nobody_is_reached_on_is_fine() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    app.event(&team, Some(rep.id), |event| {
        (event.channel, event.is_blocked) = (Channel::Whatsapp, true)
    })
    .await;
    let answer = rep
        .broadcast("press-0001", &to_all(vec![text(&"中".repeat(4_500))]))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn events_that_may_not_get_it_are_named_and_nothing_is_made() {
    let (app, team, rep) = shop().await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let other_team = app.team("OTHER", Plan::Omo).await;
    let stranger = app.user(&other_team, Role::SalesRep, &[]).await;
    let good = app.event(&team, Some(manager.id), |_| ()).await;
    let reps = app.event(&team, Some(rep.id), |_| ()).await;
    let ended = app
        .event(&team, Some(manager.id), |event| {
            event.status = EventStatus::Ended
        })
        .await;
    let web = app
        .event(&team, Some(manager.id), |event| {
            event.channel = Channel::Web
        })
        .await;
    let foreign = app.event(&other_team, Some(stranger.id), |_| ()).await;
    let unknown = EventId(Uuid::from_u128(9));
    let pending = app.event(&team, None, |_| ()).await;
    let cases = [
        (reps, ProblemCode::EventNotYours),
        (ended, ProblemCode::EventEnded),
        (web, ProblemCode::WebChannelNotSupported),
        (foreign, ProblemCode::NotFound),
        (unknown, ProblemCode::NotFound),
        (pending, ProblemCode::NotFound),
    ];
    for (bad, code) in cases {
        let request = BroadcastRequest {
            audience: only(&[good, bad]),
            ..to_all(vec![text("好")])
        };
        manager
            .broadcast("press-0001", &request)
            .await
            .refused(code, Some("audience.pick[1]"));
    }
    // To the sales rep, a colleague's event is not there.
    let request = BroadcastRequest {
        audience: only(&[good]),
        ..to_all(vec![text("好")])
    };
    rep.broadcast("press-0001", &request)
        .await
        .refused(ProblemCode::NotFound, Some("audience.pick[0]"));
    assert_nothing_was_made(&app).await;

    // A preview of what cannot be sent any more tells why instead.
    let count: AudienceCount = manager
        .post(path::AUDIENCE_COUNT, &only(&[good, ended, web, reps]))
        .await
        .json();
    let reasons: Vec<_> = count.skipped.iter().map(|skipped| skipped.reason).collect();
    assert_eq!(
        (count.reached_total(), reasons),
        (
            1,
            vec![Reason::WebChannel, Reason::EventEnded, Reason::NotOwner]
        )
    );
    manager
        .post(path::AUDIENCE_COUNT, &only(&[foreign]))
        .await
        .refused(ProblemCode::NotFound, Some("audience.pick[0]"));
}

#[tokio::test]
async fn nobody_and_nobody_reachable_are_refused() {
    let (app, team, rep) = shop().await;
    let messages = vec![text("好")];
    rep.broadcast("press-0001", &to_all(messages.clone()))
        .await
        .refused(ProblemCode::AudienceEmpty, Some("audience"));
    let blocked = app
        .event(&team, Some(rep.id), |event| event.is_blocked = true)
        .await;
    rep.broadcast("press-0001", &to_all(messages.clone()))
        .await
        .refused(ProblemCode::AudienceUnreachable, Some("audience"));
    let nobody = BroadcastRequest {
        audience: only(&[]),
        ..to_all(messages.clone())
    };
    rep.broadcast("press-0001", &nobody)
        .await
        .refused(ProblemCode::AudienceEmpty, Some("audience"));
    let all_but = Audience {
        pick: Pick::AllExcept(vec![blocked.into()]),
        ..Audience::everything(Filter::default())
    };
    let nobody = BroadcastRequest {
        audience: all_but,
        ..to_all(messages)
    };
    rep.broadcast("press-0001", &nobody)
        .await
        .refused(ProblemCode::AudienceEmpty, Some("audience"));
    let many = Audience {
        pick: Pick::Only((0..10_001).map(|n| RowId(Uuid::from_u128(n))).collect()),
        ..Audience::default()
    };
    rep.post(path::AUDIENCE_COUNT, &many)
        .await
        .refused(ProblemCode::TooManyPicked, Some("audience"));
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn only_sales_roles_of_an_omo_team_broadcast() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let request = to_all(vec![text("好")]);
    for role in Role::ALL {
        let user = app.user(&team, role, &[]).await;
        app.event(&team, Some(user.id), |_| ()).await;
        let answer = user.broadcast("press-0001", &request).await;
        match role.may_broadcast(Plan::Omo) {
            Ok(()) => assert_eq!(answer.status, StatusCode::CREATED),
            Err(code) => {
                answer.refused(code, None);
                user.post(path::AUDIENCE_COUNT, &request.audience)
                    .await
                    .refused(code, None);
            }
        }
    }
    let standard = app.team("SMALL", Plan::Standard).await;
    let user = app.user(&standard, Role::SalesRep, &[]).await;
    user.broadcast("press-0001", &request)
        .await
        .refused(ProblemCode::PlanLacksOmo, None);
    user.post(path::AUDIENCE_COUNT, &request.audience)
        .await
        .refused(ProblemCode::PlanLacksOmo, None);
    app.nobody()
        .broadcast("press-0001", &request)
        .await
        .refused(ProblemCode::SignedOut, None);
}

#[tokio::test]
async fn the_same_key_is_one_broadcast_even_at_once() {
    let (app, team, rep) = shop().await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let request = to_all(vec![text("好")]);
    let answers = join_all((0..8).map(|_| rep.broadcast("press-0001", &request))).await;
    let made: Vec<Broadcast> = answers.iter().map(|answer| answer.json()).collect();
    assert!(made.iter().all(|one| one == &made[0]));
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == StatusCode::CREATED)
            .count(),
        1
    );
    assert_eq!(
        (app.count("broadcast").await, app.count("recipient").await),
        (1, 1)
    );

    let other = to_all(vec![text("不好")]);
    rep.broadcast("press-0001", &other)
        .await
        .refused(ProblemCode::IdempotencyKeyReused, None);
    // A repeat is answered though the audience could not be chosen any more.
    sqlx::query("update event set status = 'ended' where id = $1")
        .bind(event.to_string())
        .execute(app.app.store.raw())
        .await
        .unwrap();
    assert_eq!(
        rep.broadcast("press-0001", &request).await.status,
        StatusCode::OK
    );
    // Another member's key is another key.
    let colleague = app.user(&team, Role::SalesRep, &[]).await;
    app.event(&team, Some(colleague.id), |_| ()).await;
    assert_eq!(
        colleague.broadcast("press-0001", &request).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_broadcast_needs_a_key() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let request = to_all(vec![text("好")]);
    let missing = Some("Idempotency-Key");
    rep.post(path::BROADCASTS, &request)
        .await
        .refused(ProblemCode::IdempotencyKeyMissing, missing);
    for key in ["short", "with space", &"x".repeat(101), "semi;colon"] {
        rep.broadcast(key, &request)
            .await
            .refused(ProblemCode::IdempotencyKeyMissing, missing);
    }
    let malformed = [
        json!({}),
        json!({ "audience": { "pick": { "only": ["x"] } }, "messages": [] }),
        json!({ "extra": 1 }),
    ];
    for body in malformed {
        let answer = rep
            .post_with(
                path::BROADCASTS,
                &[("Idempotency-Key", "press-0001")],
                &body,
            )
            .await;
        assert_eq!(answer.problem().code, ProblemCode::MalformedRequest);
    }
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn each_role_sees_its_own_part_of_the_broadcasts() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let other = app.user(&team, Role::SalesRep, &["A2"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let supervisor = app.user(&team, Role::Supervisor, &[]).await;
    let mut made = Vec::new();
    for user in [&rep, &other] {
        app.event(&team, Some(user.id), |_| ()).await;
        let broadcast: Broadcast = user
            .broadcast("press-0001", &to_all(vec![text("好")]))
            .await
            .json();
        made.push(broadcast.summary.id);
    }
    for (user, seen) in [
        (&rep, vec![0]),
        (&other, vec![1]),
        (&manager, vec![0]),
        (&admin, vec![1, 0]),
    ] {
        let page: BroadcastPage = user.get(path::BROADCASTS).await.json();
        let expected: Vec<_> = seen.iter().map(|&at| made[at]).collect();
        assert_eq!(
            page.rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            expected
        );
        for (at, &id) in made.iter().enumerate() {
            let expected = if seen.contains(&at) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(user.get(&path::broadcast(id)).await.status, expected);
            assert_eq!(
                user.get(&path::broadcast_recipients(id)).await.status,
                expected
            );
        }
    }
    supervisor
        .get(path::BROADCASTS)
        .await
        .refused(ProblemCode::RoleMayNotSee, None);
    supervisor
        .get(&path::broadcast(made[0]))
        .await
        .refused(ProblemCode::RoleMayNotSee, None);
}

#[tokio::test]
async fn recipients_are_listed_as_the_report_counts_them() {
    let (app, team, rep) = shop().await;
    for _ in 0..5 {
        app.event(&team, Some(rep.id), |_| ()).await;
    }
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("好")]))
        .await
        .json();
    for (at, status) in ["sent", "delivered", "read", "failed"]
        .into_iter()
        .enumerate()
    {
        sqlx::query(
            "update recipient set status = $1 where customer_id =
             (select customer_id from recipient order by customer_id limit 1 offset $2)",
        )
        .bind(status)
        .bind(at as i64)
        .execute(app.app.store.raw())
        .await
        .unwrap();
    }
    let progress = rep
        .get(&path::broadcast(made.summary.id))
        .await
        .json::<Broadcast>()
        .summary
        .progress;
    for standing in Standing::ALL {
        let asked = format!(
            "{}?standing={}",
            path::broadcast_recipients(made.summary.id),
            standing.as_str()
        );
        let page: RecipientPage = rep.get(&asked).await.json();
        assert_eq!(
            page.rows.len() as u64,
            progress.of(standing),
            "{standing:?}"
        );
    }
    assert_eq!(
        Standing::ALL.map(|standing| progress.of(standing)),
        [3, 2, 1, 1, 0, 0, 1]
    );
}

#[tokio::test]
async fn lists_of_broadcasts_and_recipients_come_in_pages() {
    let (app, team, rep) = shop().await;
    for _ in 0..130 {
        app.event(&team, Some(rep.id), |_| ()).await;
    }
    let made: Broadcast = rep
        .broadcast("press-0001", &to_all(vec![text("好")]))
        .await
        .json();
    let first: RecipientPage = rep
        .get(&path::broadcast_recipients(made.summary.id))
        .await
        .json();
    let after = format!(
        "{}?after={}",
        path::broadcast_recipients(made.summary.id),
        first.next.unwrap()
    );
    let second: RecipientPage = rep.get(&after).await.json();
    assert_eq!(
        (first.rows.len(), second.rows.len(), second.next),
        (100, 30, None)
    );
    assert!(
        first
            .rows
            .iter()
            .chain(&second.rows)
            .map(|row| row.customer)
            .is_sorted()
    );

    for number in 0..31 {
        rep.broadcast(&format!("press-10{number:02}"), &to_all(vec![text("好")]))
            .await;
    }
    let first: BroadcastPage = rep.get(path::BROADCASTS).await.json();
    let second: BroadcastPage = rep
        .get(&format!(
            "{}?after={}",
            path::BROADCASTS,
            first.next.unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (first.rows.len(), second.rows.len(), second.next),
        (30, 2, None)
    );
    assert!(first.rows.iter().all(|row| row.progress.queued == 130));
}

/// The groups of the SQL and the rule itself, over every standing that makes a difference.
#[tokio::test]
async fn the_count_is_what_the_rule_says_of_each_customer() {
    let (app, team, rep) = shop().await;
    let other = app.user(&team, Role::SalesRep, &["A1"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let now = app.now();
    let mut expected = AudienceCount::default();
    let mut events = Vec::new();
    for channel in [Channel::Line, Channel::Whatsapp, Channel::Web] {
        for inbound in [
            None,
            Some(now),
            Some(now.plus(1 - DAY)),
            Some(now.plus(-DAY)),
            Some(now.plus(-DAY - HOUR)),
            Some(Timestamp(0)),
        ] {
            for is_blocked in [false, true] {
                for status in [EventStatus::InProgress, EventStatus::Ended] {
                    for owner in [manager.id, other.id] {
                        let id = app
                            .event(&team, Some(owner), |event| {
                                (
                                    event.channel,
                                    event.last_inbound_at,
                                    event.is_blocked,
                                    event.status,
                                ) = (channel, inbound, is_blocked, status);
                            })
                            .await;
                        events.push(id);
                        let standing = omocast_contract::reach::Standing {
                            channel,
                            tie: omocast_contract::reach::Tie::Event {
                                status,
                                is_owner: owner == manager.id,
                            },
                            last_inbound_at: inbound,
                            is_blocked,
                            has_opted_out: false,
                        };
                        match standing.reach(omocast_contract::reach::Outgoing::Messages, now) {
                            omocast_contract::Reach::Open => {
                                match expected.reached.iter_mut().find(|c| c.channel == channel) {
                                    Some(found) => found.customers += 1,
                                    None => expected.reached.push(ChannelCount {
                                        channel,
                                        customers: 1,
                                    }),
                                }
                            }
                            omocast_contract::Reach::Skipped(reason) => {
                                let found = expected
                                    .skipped
                                    .iter_mut()
                                    .find(|s| (s.reason, s.channel) == (reason, channel));
                                match found {
                                    Some(found) => found.customers += 1,
                                    None => expected.skipped.push(SkippedCount {
                                        reason,
                                        channel,
                                        customers: 1,
                                    }),
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    expected
        .skipped
        .sort_by_key(|found| (found.reason, found.channel));
    let count: AudienceCount = manager
        .post(path::AUDIENCE_COUNT, &only(&events))
        .await
        .json();
    assert_eq!(count, expected);
    drop(rep);
}
