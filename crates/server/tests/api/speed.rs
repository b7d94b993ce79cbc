//! How long the lists of a very large team and a very large broadcast take. Run with
//! `cargo test --release -p omocast-server --test api -- --ignored --nocapture measure`.
#![expect(clippy::print_stderr, reason = "a measurement is for a person to read")]

use std::time::Instant;

use axum::http::StatusCode;
use omocast_contract::api::{EventPage, EventQuery, PageStart, path};
use omocast_contract::{
    Audience, AudienceCount, Channel, EventView, Filter, MemberId, Plan, Role, TagFilter, TagMatch,
};
use omocast_server::store::Store;
use sqlx::query;

use crate::support::{Team, TestApp, User, text, to_all};

/// `count` events in progress of `owner`, one in ten of them with a tag.
async fn fill(app: &TestApp, team: &Team, owner: MemberId, prefix: &str, count: i64) {
    let pool = app.app.store.raw();
    let mut tx = pool.begin().await.unwrap();
    let numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)";
    let id = "printf('%s-%012d', $2, i)";
    let customers = format!(
        "{numbers} insert into customer (id, team_id, account_id, external_id, name, name_folded, created_at)
         select {id}, $3, $4, {id}, '陳怡君 ' || i, '陳怡君 ' || i, 0 from n"
    );
    let tags = format!(
        "{numbers} insert into customer_tag (customer_id, tag) select {id}, 'VIP' from n where i % 10 = 0"
    );
    let events = format!(
        "{numbers} insert into event (id, team_id, customer_id, account_id, channel, status, owner_id, last_text, last_message_at,
                                      last_inbound_at, created_at)
         select {id}, $3, {id}, $4, 'line', 'in_progress', $5, 'hello', $6 - (i * 7919) % 1000000, $6, 0 from n"
    );
    for sql in [customers, tags, events] {
        query(sqlx::AssertSqlSafe(sql))
            .bind(count)
            .bind(prefix)
            .bind(team.id.to_string())
            .bind(team.account(Channel::Line).to_string())
            .bind(owner.to_string())
            .bind(app.now().0)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

async fn measure(what: &str, user: &User, asked: &EventQuery) -> EventPage {
    let mut best = f64::MAX;
    let mut page = None;
    for _ in 0..5 {
        let began = Instant::now();
        let answer = user.post(path::EVENTS, asked).await;
        best = best.min(began.elapsed().as_secs_f64() * 1_000.0);
        page = Some(answer.json::<EventPage>());
    }
    let page = page.unwrap();
    eprintln!(
        "{what}: {best:.1} ms, {} rows of {}",
        page.rows.len(),
        page.total
    );
    page
}

#[tokio::test]
#[ignore = "measures"]
async fn measure_a_hundred_thousand_events() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("omocast.db"))
        .await
        .unwrap();
    let app = TestApp::with_store(store, |_| ());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let admin = app.user(&team, Role::Admin, &[]).await;
    fill(&app, &team, rep.id, "0198c0de-0000-7000-8000", 100_000).await;

    let mine = EventQuery {
        view: EventView::Mine,
        filter: Filter::default(),
        from: PageStart::First,
        limit: 50,
    };
    let first = measure("first page", &rep, &mine).await;
    assert_eq!(first.total, 100_000);
    measure(
        "next page",
        &rep,
        &EventQuery {
            from: PageStart::After(first.rows[49].cursor()),
            ..mine.clone()
        },
    )
    .await;
    measure(
        "jump to row 90,000",
        &rep,
        &EventQuery {
            from: PageStart::Row(90_000),
            ..mine.clone()
        },
    )
    .await;
    let named = Filter {
        name: "君 999".to_owned(),
        ..Filter::default()
    };
    measure(
        "by name",
        &rep,
        &EventQuery {
            filter: named,
            ..mine.clone()
        },
    )
    .await;
    for matching in [TagMatch::Any, TagMatch::All, TagMatch::None] {
        let tagged = Filter {
            tags: TagFilter {
                matching,
                tags: vec!["VIP".to_owned()],
            },
            ..Filter::default()
        };
        measure(
            &format!("by tag, {matching:?}"),
            &rep,
            &EventQuery {
                filter: tagged,
                ..mine.clone()
            },
        )
        .await;
    }
    let team_view = EventQuery {
        view: EventView::Team,
        ..mine.clone()
    };
    measure("the shop's, for the manager", &manager, &team_view).await;
    measure("the team's, for the admin", &admin, &team_view).await;
    for (who, user) in [("sales rep", &rep), ("admin", &admin)] {
        let began = Instant::now();
        assert_eq!(user.get(path::EVENT_COUNTS).await.status, StatusCode::OK);
        eprintln!(
            "counts for the {who}: {:.1} ms",
            began.elapsed().as_secs_f64() * 1_000.0
        );
    }
    let began = Instant::now();
    let count: AudienceCount = rep
        .post(
            path::AUDIENCE_COUNT,
            &Audience::everything(Filter::default()),
        )
        .await
        .json();
    eprintln!(
        "audience of {}: {:.1} ms",
        count.reached_total(),
        began.elapsed().as_secs_f64() * 1_000.0
    );
}

#[tokio::test]
#[ignore = "measures"]
async fn measure_three_messages_to_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("omocast.db"))
        .await
        .unwrap();
    let app = TestApp::with_store(store, |_| ());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    fill(&app, &team, rep.id, "0198c0de-0000-7000-8000", 10_000).await;
    for press in 0..3 {
        let began = Instant::now();
        let answer = rep
            .broadcast(
                &format!("press-000{press}"),
                &to_all(vec![text("一"), text("二"), text("三")]),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED);
        eprintln!(
            "3 messages to 10,000: {:.0} ms",
            began.elapsed().as_secs_f64() * 1_000.0
        );
    }
    assert_eq!(app.count("delivery").await, 90_000);
    let began = Instant::now();
    assert_eq!(rep.get(path::BROADCASTS).await.status, StatusCode::OK);
    eprintln!(
        "list of broadcasts: {:.1} ms",
        began.elapsed().as_secs_f64() * 1_000.0
    );
}
