//! How long the lists of a very large team and a very large broadcast take. Run with
//! `cargo test --release -p omocast-server --test api -- --ignored --nocapture measure`.
#![expect(clippy::print_stderr, reason = "a measurement is for a person to read")]

use std::time::Instant;

use axum::http::StatusCode;
use omocast_contract::api::{
    BoundCustomerPage, BoundCustomerQuery, EventPage, EventQuery, PageStart, path,
};
use omocast_contract::{
    Audience, AudienceCount, BoundView, BroadcastRequest, Channel, CustomerId, EventView, Filter,
    MemberId, Pick, Plan, Role, RowId, TagFilter, TagMatch,
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
    measure_check(&app, &rep, &to_all(vec![text("一")])).await;
}

/// The check before sending, and the first page of those who are reached and of those who are blocked: one alone, so that
/// all are looked at.
async fn measure_check(app: &TestApp, user: &User, request: &BroadcastRequest) {
    query("update customer set is_blocked = 1 where id = (select min(id) from customer)")
        .execute(app.app.store.raw())
        .await
        .unwrap();
    let reached = path::BROADCAST_PREFLIGHT_CUSTOMERS;
    let blocked = format!("{reached}?reason=blocked");
    for path in [path::BROADCAST_PREFLIGHT, reached, &blocked] {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            let answer = user.post(path, request).await;
            best = best.min(began.elapsed().as_secs_f64() * 1_000.0);
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        }
        eprintln!("{path}: {best:.1} ms");
    }
}

/// Binds every customer of `owner` to them in this shop.
async fn bind_all(app: &TestApp, team: &Team, owner: MemberId, shop: &str) {
    query(
        "insert into binding (customer_id, team_id, member_id, shop_id, event_id, channel, bound_at, last_contact_at,
                              last_inbound_at)
         select e.customer_id, e.team_id, e.owner_id, $2, e.id, e.channel, 0, e.last_message_at, e.last_inbound_at
         from event e where e.owner_id = $1",
    )
    .bind(owner.to_string())
    .bind(app.shop(team, shop).await.to_string())
    .execute(app.app.store.raw())
    .await
    .unwrap();
}

#[tokio::test]
#[ignore = "measures"]
async fn measure_a_hundred_thousand_bound_customers() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("omocast.db"))
        .await
        .unwrap();
    let app = TestApp::with_store(store, |_| ());
    let team = app.team("ATELIER", Plan::Omo).await;
    let rep = app.user(&team, Role::SalesRep, &["A1"]).await;
    let other = app.user(&team, Role::SalesRep, &["A2"]).await;
    let manager = app.user(&team, Role::SalesManager, &["A1"]).await;
    let of_both = app.user(&team, Role::SalesManager, &["A1", "A2"]).await;
    fill(&app, &team, rep.id, "0198c0de-0000-7000-8000", 100_000).await;
    fill(&app, &team, other.id, "0198c0de-0000-7000-9000", 20_000).await;
    // The last digits of the id, behind the country's code.
    query("update customer set phone_digits = '8869' || substr(id, -8), phone = '+8869' || substr(id, -8)")
        .execute(app.app.store.raw())
        .await
        .unwrap();
    bind_all(&app, &team, rep.id, "A1").await;
    bind_all(&app, &team, other.id, "A2").await;

    let mine = BoundCustomerQuery {
        view: BoundView::Mine,
        filter: Filter {
            channels: vec![Channel::Line],
            ..Filter::default()
        },
        from: PageStart::First,
        limit: 50,
    };
    let first = measure_bound("first page", &rep, &mine).await;
    assert_eq!(first.total, 100_000);
    let from = |from| BoundCustomerQuery {
        from,
        ..mine.clone()
    };
    let next = from(PageStart::After(first.rows[49].cursor()));
    measure_bound("next page", &rep, &next).await;
    measure_bound("jump to row 90,000", &rep, &from(PageStart::Row(90_000))).await;
    for (what, name) in [("by name", "君 999"), ("by phone", "0900-099-9")] {
        let filter = Filter {
            name: name.to_owned(),
            ..mine.filter.clone()
        };
        let asked = BoundCustomerQuery {
            filter,
            ..mine.clone()
        };
        let found = measure_bound(what, &rep, &asked).await;
        assert!(found.total > 0);
    }
    let of_team = BoundCustomerQuery {
        view: BoundView::Team,
        ..mine.clone()
    };
    measure_bound("the shop's, for the manager", &manager, &of_team).await;
    measure_bound("of two shops, for their manager", &of_both, &of_team).await;

    let everything = Audience {
        pick: Pick::AllExcept(Vec::new()),
        ..Audience::bound(Channel::Line)
    };
    let began = Instant::now();
    let count: AudienceCount = rep.post(path::AUDIENCE_COUNT, &everything).await.json();
    eprintln!(
        "audience of {}: {:.1} ms",
        count.reached_total(),
        began.elapsed().as_secs_f64() * 1_000.0
    );
    let request = BroadcastRequest {
        audience: everything.clone(),
        ..to_all(vec![text("一")])
    };
    measure_check(&app, &rep, &request).await;
    let ten_thousand: Vec<RowId> = sqlx::query_scalar::<_, String>(
        "select customer_id from binding where member_id = $1 limit 10000",
    )
    .bind(rep.id.to_string())
    .fetch_all(app.app.store.raw())
    .await
    .unwrap()
    .iter()
    .map(|id| id.parse::<CustomerId>().unwrap().into())
    .collect();
    let request = BroadcastRequest {
        audience: Audience {
            pick: Pick::Only(ten_thousand),
            ..everything
        },
        ..to_all(vec![text("一"), text("二"), text("三")])
    };
    let began = Instant::now();
    let answer = rep.broadcast("press-0001", &request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    eprintln!(
        "3 messages to 10,000 picked: {:.0} ms",
        began.elapsed().as_secs_f64() * 1_000.0
    );
}

async fn measure_bound(what: &str, user: &User, asked: &BoundCustomerQuery) -> BoundCustomerPage {
    let mut best = f64::MAX;
    let mut page = None;
    for _ in 0..5 {
        let began = Instant::now();
        let answer = user.post(path::BOUND_CUSTOMERS, asked).await;
        best = best.min(began.elapsed().as_secs_f64() * 1_000.0);
        page = Some(answer.json::<BoundCustomerPage>());
    }
    let page = page.unwrap();
    eprintln!(
        "bound, {what}: {best:.1} ms, {} rows of {}",
        page.rows.len(),
        page.total
    );
    page
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
