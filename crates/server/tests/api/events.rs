//! Lists of events, their filter and paging, and what members do to events.

use std::collections::{BTreeMap, HashSet};

use axum::http::StatusCode;
use omocast_contract::api::{
    ActionRequest, BulkRequest, BulkResult, EventCounts, EventPage, EventQuery, EventRow,
    PageStart, Tags, Thread, path,
};
use omocast_contract::message::MessageOrigin;
use omocast_contract::timestamp::HOUR;
use omocast_contract::{
    Broadcast, BroadcastId, Channel, DeliveryStatus, EventAction, EventId, EventStatus, EventView,
    Filter, OutgoingMessage, Plan, ProblemCode, Role, TagFilter, TagMatch, Timestamp,
};
use proptest::prelude::*;
use serde_json::json;
use sqlx::query;
use uuid::Uuid;

use crate::support::{TestApp, User, to_all};

fn asking(view: EventView) -> EventQuery {
    EventQuery {
        view,
        filter: Filter::default(),
        from: PageStart::First,
        limit: 50,
    }
}

async fn list(user: &User, asked: &EventQuery) -> EventPage {
    user.post(path::EVENTS, asked).await.json()
}

async fn ids(user: &User, view: EventView) -> HashSet<EventId> {
    list(user, &asking(view))
        .await
        .rows
        .iter()
        .map(|row| row.id)
        .collect()
}

#[tokio::test]
async fn each_role_sees_its_own_part_and_the_counts_agree() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let other = app.user(&team, Role::SalesRep, &["A2"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    let agent = app.user(&team, Role::SupportAgent, &[]).await;
    let marketing = app.user(&team, Role::Marketing, &[]).await;
    let mine = app.event(&team, Some(rep.id), |_| ()).await;
    let ended = app
        .event(&team, Some(rep.id), |event| {
            event.status = EventStatus::Ended
        })
        .await;
    let others = app.event(&team, Some(other.id), |_| ()).await;
    let pending = app.event(&team, None, |_| ()).await;
    let nobodys = app
        .event(&team, None, |event| event.status = EventStatus::Ended)
        .await;

    let expected: [(&User, [Option<Vec<EventId>>; 4]); 6] = [
        (&rep, [Some(vec![mine]), None, None, Some(vec![ended])]),
        (&other, [Some(vec![others]), None, None, Some(vec![])]),
        (
            &manager,
            [Some(vec![]), Some(vec![mine]), None, Some(vec![ended])],
        ),
        (
            &admin,
            [
                Some(vec![]),
                Some(vec![mine, others]),
                Some(vec![pending]),
                Some(vec![ended, nobodys]),
            ],
        ),
        (
            &agent,
            [Some(vec![]), None, Some(vec![pending]), Some(vec![])],
        ),
        (&marketing, [None, None, None, None]),
    ];
    for (user, views) in expected {
        let counts: EventCounts = user.get(path::EVENT_COUNTS).await.json();
        let mut visible = HashSet::new();
        for (view, expected) in EventView::ALL.into_iter().zip(views) {
            assert_eq!(
                counts.of(view),
                expected.as_ref().map(|ids| ids.len() as u64),
                "{view:?}"
            );
            match expected {
                None => user
                    .post(path::EVENTS, &asking(view))
                    .await
                    .refused(ProblemCode::RoleMayNotSee, Some("view")),
                Some(expected) => {
                    let found = ids(user, view).await;
                    assert_eq!(found, expected.into_iter().collect(), "{view:?}");
                    visible.extend(found);
                }
            }
        }
        // What is in no list is not there at all.
        for event in [mine, ended, others, pending, nobodys] {
            let answer = user.get(&path::event(event)).await;
            if visible.contains(&event) {
                assert_eq!(answer.json::<Thread>().event.id, event);
            } else {
                answer.refused(ProblemCode::NotFound, None);
            }
        }
    }
}

#[tokio::test]
async fn paging_by_cursor_sees_every_row_once_while_rows_move_up() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let mut all = HashSet::new();
    for number in 0..45 {
        // Some share their moment.
        let at = app.now().plus(-(number / 3) * HOUR);
        all.insert(
            app.event(&team, Some(rep.id), |event| event.last_message_at = at)
                .await,
        );
    }
    let mut seen = Vec::new();
    let mut asked = EventQuery {
        limit: 7,
        ..asking(EventView::Mine)
    };
    loop {
        let page = list(&rep, &asked).await;
        assert_eq!(page.total, 45);
        let Some(last) = page.rows.last() else { break };
        asked.from = PageStart::After(last.cursor());
        seen.extend(page.rows.iter().map(|row| row.id));
        // The first row of the page gets a message, and so moves to the top.
        app.advance(1);
        query("update event set last_message_at = $1 where id = $2")
            .bind(app.now().0 + HOUR)
            .bind(page.rows[0].id.to_string())
            .execute(app.app.store.raw())
            .await
            .unwrap();
    }
    assert_eq!(seen.len(), 45);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), all);
}

#[tokio::test]
async fn a_jump_lands_on_the_row_that_scrolling_would_reach() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    for number in 0..20 {
        let at = app.now().plus(-(number / 2));
        app.event(&team, Some(rep.id), |event| event.last_message_at = at)
            .await;
    }
    let whole = list(&rep, &asking(EventView::Mine)).await;
    for row in [0, 1, 7, 19, 20, u64::MAX] {
        let page = list(
            &rep,
            &EventQuery {
                from: PageStart::Row(row),
                limit: 3,
                ..asking(EventView::Mine)
            },
        )
        .await;
        let expected: Vec<_> = whole
            .rows
            .iter()
            .skip(usize::try_from(row).unwrap())
            .take(3)
            .cloned()
            .collect();
        assert_eq!((page.rows, page.total), (expected, 20), "{row}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_in_a_query_is_refused() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let refused = [
        (
            json!({ "view": "mine", "limit": 0 }),
            ProblemCode::MalformedRequest,
            "limit",
        ),
        (
            json!({ "view": "mine", "limit": 201 }),
            ProblemCode::MalformedRequest,
            "limit",
        ),
        (
            json!({ "view": "mine", "from": { "after": "x" } }),
            ProblemCode::MalformedRequest,
            "from.after",
        ),
        (
            json!({ "view": "mine", "filter": { "name": "x".repeat(101) } }),
            ProblemCode::FilterTooLong,
            "filter",
        ),
    ];
    for (asked, code, field) in refused {
        rep.post(path::EVENTS, &asked)
            .await
            .refused(code, Some(field));
    }
    assert_eq!(
        rep.post(path::EVENTS, &json!({ "view": "all" }))
            .await
            .problem()
            .code,
        ProblemCode::MalformedRequest
    );
    rep.get("/api/events/7")
        .await
        .refused(ProblemCode::NotFound, None);
    rep.get(&path::event(EventId(Uuid::from_u128(7))))
        .await
        .refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn web_events_are_listed_but_cannot_be_ticked() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    app.event(&team, Some(rep.id), |event| event.channel = Channel::Web)
        .await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let page = list(&rep, &asking(EventView::Mine)).await;
    assert_eq!((page.rows.len(), page.total, page.selectable), (2, 2, 1));
}

#[tokio::test]
async fn opening_ones_own_event_makes_it_read_and_others_not() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let event = app
        .event(&team, Some(rep.id), |event| event.unread = 3)
        .await;
    assert_eq!(
        manager
            .get(&path::event(event))
            .await
            .json::<Thread>()
            .event
            .unread,
        3
    );
    assert_eq!(
        rep.get(&path::event(event))
            .await
            .json::<Thread>()
            .event
            .unread,
        0
    );
    assert_eq!(list(&rep, &asking(EventView::Mine)).await.rows[0].unread, 0);
}

#[tokio::test]
async fn a_thread_shows_the_newest_fifty_and_then_those_before() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    for number in 0..70_i64 {
        query(
            "insert into message (id, team_id, event_id, account_id, direction, kind, text, at)
             values ($1, $2, $3, $4, 'inbound', $5, $6, $7)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(team.id.to_string())
        .bind(event.to_string())
        .bind(team.account(Channel::Line).to_string())
        .bind(if number == 0 { "sticker" } else { "text" })
        .bind(number.to_string())
        .bind(number / 4)
        .execute(app.app.store.raw())
        .await
        .unwrap();
    }
    let newest: Thread = rep.get(&path::event(event)).await.json();
    assert_eq!((newest.messages.len(), newest.has_older), (50, true));
    assert!(
        newest
            .messages
            .is_sorted_by_key(|message| (message.at, message.id))
    );
    let before = format!("{}?before={}", path::event(event), newest.messages[0].id);
    let older: Thread = rep.get(&before).await.json();
    assert_eq!((older.messages.len(), older.has_older), (20, false));
    let seen: HashSet<_> = newest
        .messages
        .iter()
        .chain(&older.messages)
        .map(|message| message.id)
        .collect();
    assert_eq!(seen.len(), 70);
    rep.get(&format!("{}?before=7", path::event(event)))
        .await
        .refused(ProblemCode::MalformedRequest, Some("query"));
}

#[tokio::test]
async fn a_thread_shows_broadcasts_among_the_other_messages_however_it_is_paged() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let text = |text: &str| OutgoingMessage::Text { text: text.into() };
    for number in 0..30_i64 {
        // Two broadcasts and some other messages are of the same moment.
        query(
            "insert into message (id, team_id, event_id, account_id, direction, kind, text, at)
             values ($1, $2, $3, $4, 'inbound', 'text', 'hello', $5)",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(team.id.to_string())
        .bind(event.to_string())
        .bind(team.account(Channel::Line).to_string())
        .bind(number / 2)
        .execute(app.app.store.raw())
        .await
        .unwrap();
        let request = to_all(vec![text("0"), text("1"), text("2")]);
        let made: Broadcast = rep
            .broadcast(&format!("press-{number:04}"), &request)
            .await
            .json();
        let customer = app.recipients(&made).await[0];
        let told = [(DeliveryStatus::Sent, None); 3];
        let at = Timestamp(number / 2);
        app.tell(&made, customer, &told, at).await;
    }
    let mut all = Vec::new();
    let mut page = path::event(event);
    loop {
        let thread: Thread = rep.get(&page).await.json();
        let oldest = thread.messages[0].id;
        all.splice(0..0, thread.messages);
        if !thread.has_older {
            break;
        }
        page = format!("{}?before={oldest}", path::event(event));
    }
    assert_eq!(all.len(), 120);
    assert!(all.is_sorted_by_key(|message| (message.at, message.id)));
    let mut said: BTreeMap<BroadcastId, String> = BTreeMap::new();
    for message in &all {
        if let MessageOrigin::Outbound {
            broadcast: Some(broadcast),
            ..
        } = message.origin
        {
            said.entry(broadcast)
                .or_default()
                .push_str(message.content.words());
        }
    }
    assert_eq!(said.len(), 30);
    assert!(said.values().all(|said| said == "012"), "{said:?}");
}

#[tokio::test]
async fn what_a_broadcast_sent_brings_the_conversation_to_the_top_of_the_list() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let mut events = Vec::new();
    for minutes in [1, 2] {
        let at = app.now().plus(-minutes * HOUR / 60);
        events.push(
            app.event(&team, Some(rep.id), |event| event.last_message_at = at)
                .await,
        );
    }
    let listed = async || -> Vec<EventRow> { list(&rep, &asking(EventView::Mine)).await.rows };
    let ids = |rows: &[EventRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let before = listed().await;
    assert_eq!(ids(&before), [events[0], events[1]]);
    let request = to_all(vec![OutgoingMessage::Text {
        text: "hello".into(),
    }]);
    let made: Broadcast = rep.broadcast("press-0001", &request).await.json();
    app.advance(1_000);
    let sent = [(DeliveryStatus::Sent, None)];
    app.tell(&made, before[1].customer, &sent, app.now()).await;
    let after = listed().await;
    assert_eq!(ids(&after), [events[1], events[0]]);
    let row = &after[0];
    assert_eq!(
        (row.last_text.as_str(), row.last_message_at),
        ("hello", app.now())
    );
}

#[tokio::test]
async fn following_ending_and_reopening() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let agent = app.user(&team, Role::SupportAgent, &[]).await;
    let other = app.user(&team, Role::SupportAgent, &[]).await;
    let event = app.event(&team, None, |_| ()).await;
    let act = async |user: &User, action| {
        user.post(&path::event_action(event), &ActionRequest { action })
            .await
    };

    let row: EventRow = act(&agent, EventAction::Follow).await.json();
    assert_eq!(
        (row.status, row.owner_id),
        (EventStatus::InProgress, Some(agent.id))
    );
    act(&agent, EventAction::Follow)
        .await
        .refused(ProblemCode::EventAlreadyYours, None);
    act(&other, EventAction::End)
        .await
        .refused(ProblemCode::NotFound, None);
    let row: EventRow = act(&agent, EventAction::End).await.json();
    assert_eq!(
        (row.status, row.owner_id),
        (EventStatus::Ended, Some(agent.id))
    );
    act(&agent, EventAction::Follow)
        .await
        .refused(ProblemCode::EventEnded, None);
    let row: EventRow = act(&agent, EventAction::Reopen).await.json();
    assert_eq!(row.status, EventStatus::InProgress);
    act(&agent, EventAction::Reopen)
        .await
        .refused(ProblemCode::EventNotEnded, None);
}

#[tokio::test]
async fn a_bulk_action_changes_what_it_may_and_names_the_rest() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    let other = app.user(&team, Role::SalesRep, &[]).await;
    let mine = app.event(&team, Some(rep.id), |_| ()).await;
    let ended = app
        .event(&team, Some(rep.id), |event| {
            event.status = EventStatus::Ended
        })
        .await;
    let others = app.event(&team, Some(other.id), |_| ()).await;
    let request = BulkRequest {
        action: EventAction::End,
        events: vec![mine, ended, others, mine],
    };
    let result: BulkResult = rep.post(path::EVENTS_BULK, &request).await.json();
    let refused: Vec<_> = result
        .refused
        .iter()
        .map(|refused| (refused.event, refused.problem.code))
        .collect();
    assert_eq!(
        (result.done, refused),
        (
            1,
            vec![
                (ended, ProblemCode::EventEnded),
                (others, ProblemCode::NotFound)
            ]
        )
    );
    assert_eq!(ids(&rep, EventView::Ended).await, [mine, ended].into());

    let events = (0..501)
        .map(|number| EventId(Uuid::from_u128(number)))
        .collect();
    let answer = rep
        .post(
            path::EVENTS_BULK,
            &BulkRequest {
                action: EventAction::End,
                events,
            },
        )
        .await;
    answer.refused(ProblemCode::TooManyPicked, Some("events"));
}

#[tokio::test]
async fn tags_are_those_of_the_team() {
    let app = TestApp::new().await;
    let team = app.team("ATELIER", Plan::Omo).await;
    let other = app.team("OTHER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &[]).await;
    app.event(&team, Some(rep.id), |event| {
        event.tags = vec!["熟客".to_owned(), "VIP".to_owned()]
    })
    .await;
    app.event(&other, None, |event| event.tags = vec!["secret".to_owned()])
        .await;
    assert_eq!(
        rep.get(path::TAGS).await.json::<Tags>().tags,
        ["VIP", "熟客"]
    );
}

#[tokio::test]
async fn nobody_who_is_signed_out_sees_anything() {
    let app = TestApp::new().await;
    let nobody = app.nobody();
    nobody
        .post(path::EVENTS, &asking(EventView::Mine))
        .await
        .refused(ProblemCode::SignedOut, None);
    nobody
        .get(path::EVENT_COUNTS)
        .await
        .refused(ProblemCode::SignedOut, None);
    assert_eq!(
        nobody.get(path::LIVE).await.status,
        StatusCode::UNAUTHORIZED
    );
}

const TAGS: [&str; 3] = ["VIP", "新客", "a%_'\\"];
const NAMES: [&str; 7] = [
    "陳怡君",
    "Amy Chang",
    "AMY",
    "100% _cotton_",
    r"back\slash",
    "",
    "İstanbul ÄÖÜ",
];

fn some_filter() -> impl Strategy<Value = Filter> {
    let channels =
        proptest::sample::subsequence(vec![Channel::Line, Channel::Whatsapp, Channel::Web], 0..=3);
    let name = prop_oneof![
        Just(String::new()),
        proptest::sample::select(vec![
            "amy", " AMY ", "%", "_", "\\", "怡", "y c", "i̇", "äö", "x", "_c"
        ])
        .prop_map(str::to_owned),
    ];
    let matching = proptest::sample::select(vec![TagMatch::Any, TagMatch::All, TagMatch::None]);
    let tags = proptest::sample::subsequence(TAGS.to_vec(), 0..=3);
    (channels, name, matching, tags).prop_map(|(channels, name, matching, tags)| {
        let tags = TagFilter {
            matching,
            tags: tags.into_iter().map(str::to_owned).collect(),
        };
        Filter {
            channels,
            name,
            tags,
            ..Filter::default()
        }
    })
}

#[test]
fn the_filter_in_sql_keeps_what_the_rule_keeps() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (app, rep) = runtime.block_on(async {
        let app = TestApp::new().await;
        let team = app.team("ATELIER", Plan::Omo).await;
        let rep = app.user(&team, Role::SalesRep, &[]).await;
        let channels = [Channel::Line, Channel::Whatsapp, Channel::Web];
        for (at, name) in NAMES.into_iter().enumerate() {
            for tags in 0..8_usize {
                app.event(&team, Some(rep.id), |event| {
                    event.channel = channels[(at + tags) % 3];
                    event.name = name.to_owned();
                    event.tags = TAGS
                        .iter()
                        .enumerate()
                        .filter(|(bit, _)| tags & (1 << bit) != 0)
                        .map(|(_, tag)| tag.to_string())
                        .collect();
                })
                .await;
            }
        }
        (app, rep)
    });
    let all = runtime
        .block_on(list(
            &rep,
            &EventQuery {
                limit: 200,
                ..asking(EventView::Mine)
            },
        ))
        .rows;
    assert_eq!(all.len(), 56);
    proptest!(ProptestConfig::with_cases(300), |(filter in some_filter())| {
        let expected: Vec<_> = all.iter().filter(|row| filter.keeps(&omocast_contract::FilterFacts { channel: row.channel, name: &row.name, tags: &row.tags, waba: None, phone: None, shop: None })).map(|row| row.id).collect();
        let page = runtime.block_on(list(&rep, &EventQuery { filter, limit: 200, ..asking(EventView::Mine) }));
        prop_assert_eq!(page.total, expected.len() as u64);
        prop_assert_eq!(page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
    });
    drop(app);
}
