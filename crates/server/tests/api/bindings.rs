//! Bound customers (綁定顧客): who is bound to whom, who finds them in which list, and who opens their threads.

use std::collections::BTreeSet;

use omocast_contract::api::{
    ActionRequest, BoundCustomerPage, BoundCustomerQuery, BoundCustomerRow, EventPage, EventQuery,
    EventRow, PageStart, Thread, path,
};
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{
    BoundView, Channel, CustomerId, EventAction, EventId, EventStatus, EventView, Filter,
    FilterFacts, Plan, ProblemCode, Role, TagFilter, TagMatch, WabaId,
};
use omocast_server::store::{BoundTo, fold_name};
use sqlx::query;
use uuid::Uuid;

use crate::support::{NewEvent, Team, TestApp, User};

/// A team with two shops: `rep` and the manager work in A1, `other` in A2.
pub(crate) struct Shop {
    pub(crate) app: TestApp,
    pub(crate) team: Team,
    pub(crate) rep: User,
    pub(crate) other: User,
    pub(crate) manager: User,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let app = TestApp::new().await;
        let team = app.team("ATELIER", Plan::Omo).await;
        Self {
            rep: app.user(&team, Role::SalesRep, &["A1"]).await,
            other: app.user(&team, Role::SalesRep, &["A2"]).await,
            manager: app.user(&team, Role::SalesManager, &["A1"]).await,
            app,
            team,
        }
    }

    /// A customer bound to `seller`, whose event `seller` follows unless said otherwise.
    pub(crate) async fn bound(
        &self,
        seller: &User,
        arrange: impl FnOnce(&mut NewEvent),
    ) -> CustomerId {
        let event = self.app.event(&self.team, Some(seller.id), arrange).await;
        let shop = if seller.id == self.other.id {
            "A2"
        } else {
            "A1"
        };
        self.app.bind(&self.team, event, seller.id, shop).await
    }

    /// A customer whom the platform has told of, and who never wrote; bound to `rep`.
    pub(crate) async fn silent(&self, channel: Channel, name: &str) -> CustomerId {
        let id = CustomerId(Uuid::now_v7());
        query(
            "insert into customer (id, team_id, account_id, external_id, name, name_folded, created_at)
             values ($1, $2, $3, $1, $4, $5, 0)",
        )
        .bind(id.to_string())
        .bind(self.team.id.to_string())
        .bind(self.team.account(channel).to_string())
        .bind(name)
        .bind(fold_name(name))
        .execute(self.app.app.store.raw())
        .await
        .unwrap();
        let (app, to) = (&self.app.app, self.a1(&self.rep).await);
        app.bind_customer(self.team.id, id, to).await.unwrap();
        id
    }

    pub(crate) async fn a1(&self, seller: &User) -> BoundTo {
        BoundTo {
            seller: seller.id,
            shop: self.app.shop(&self.team, "A1").await,
        }
    }

    pub(crate) async fn unbind(&self, customer: CustomerId) {
        let app = &self.app.app;
        app.unbind_customer(self.team.id, customer).await.unwrap();
    }
}

fn all_of(view: BoundView) -> BoundCustomerQuery {
    BoundCustomerQuery {
        view,
        filter: Filter::default(),
        from: PageStart::First,
        limit: 200,
    }
}

async fn list(user: &User, asked: &BoundCustomerQuery) -> BoundCustomerPage {
    user.post(path::BOUND_CUSTOMERS, asked).await.json()
}

async fn rows(user: &User, view: BoundView) -> Vec<BoundCustomerRow> {
    let page = list(user, &all_of(view)).await;
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows
}

fn customers(rows: &[BoundCustomerRow]) -> BTreeSet<CustomerId> {
    rows.iter().map(|row| row.binding.customer).collect()
}

#[tokio::test]
async fn each_role_finds_its_own_lists() {
    let shop = Shop::new().await;
    let of_rep = shop.bound(&shop.rep, |_| ()).await;
    let of_other = shop.bound(&shop.other, |_| ()).await;
    let of_manager = shop.bound(&shop.manager, |_| ()).await;
    shop.app
        .event(&shop.team, Some(shop.rep.id), |event| {
            event.name = "not bound".to_owned()
        })
        .await;

    for (user, expected) in [
        (&shop.rep, of_rep),
        (&shop.other, of_other),
        (&shop.manager, of_manager),
    ] {
        let rows = rows(user, BoundView::Mine).await;
        assert_eq!(customers(&rows), [expected].into());
        assert_eq!((rows[0].binding.member, &rows[0].seller), (user.id, &None));
    }
    let team = rows(&shop.manager, BoundView::Team).await;
    assert_eq!(customers(&team), [of_rep, of_manager].into());
    let row = team.iter().find(|row| row.binding.customer == of_rep);
    let row = row.unwrap();
    let seller = row.seller.as_ref().unwrap();
    assert_eq!(
        (seller.role, seller.name.as_str(), row.shop.as_str()),
        (Role::SalesRep, "sales_rep of ATELIER", "shop A1")
    );
    assert_eq!(row.account, "ATELIER line");

    let without_shop = shop.app.user(&shop.team, Role::SalesManager, &[]).await;
    assert_eq!(rows(&without_shop, BoundView::Team).await, []);

    let refused = async |user: &User, view| {
        let answer = user.post(path::BOUND_CUSTOMERS, &all_of(view)).await;
        answer.refused(ProblemCode::RoleMayNotSee, Some("view"));
    };
    refused(&shop.rep, BoundView::Team).await;
    for role in Role::ALL {
        if !role.sees_bound(BoundView::Mine) {
            let user = shop.app.user(&shop.team, role, &["A1"]).await;
            refused(&user, BoundView::Mine).await;
            refused(&user, BoundView::Team).await;
        }
    }
    let plan = shop.app.team("STANDARD", Plan::Standard).await;
    let user = shop.app.user(&plan, Role::SalesManager, &["A1"]).await;
    let answer = user
        .post(path::BOUND_CUSTOMERS, &all_of(BoundView::Mine))
        .await;
    answer.refused(ProblemCode::PlanLacksOmo, None);
}

#[tokio::test]
async fn a_page_too_long_and_a_filter_too_long_are_refused() {
    let shop = Shop::new().await;
    for limit in [0, 201] {
        let asked = BoundCustomerQuery {
            limit,
            ..all_of(BoundView::Mine)
        };
        let answer = shop.rep.post(path::BOUND_CUSTOMERS, &asked).await;
        answer.refused(ProblemCode::MalformedRequest, Some("limit"));
    }
    let filter = Filter {
        name: "長".repeat(1_000),
        ..Filter::default()
    };
    let asked = BoundCustomerQuery {
        filter,
        ..all_of(BoundView::Mine)
    };
    let answer = shop.rep.post(path::BOUND_CUSTOMERS, &asked).await;
    answer.refused(ProblemCode::FilterTooLong, Some("filter"));
    let asked = BoundCustomerQuery {
        from: PageStart::After("yesterday".to_owned()),
        ..all_of(BoundView::Mine)
    };
    let answer = shop.rep.post(path::BOUND_CUSTOMERS, &asked).await;
    answer.refused(ProblemCode::MalformedRequest, Some("from.after"));
}

#[tokio::test]
async fn the_store_keeps_whom_the_contract_keeps() {
    let shop = Shop::new().await;
    let whatsapp = shop.team.account(Channel::Whatsapp);
    query("update account set waba_id = '2001' where id = $1")
        .bind(whatsapp.to_string())
        .execute(shop.app.app.store.raw())
        .await
        .unwrap();
    shop.bound(&shop.rep, |event| {
        (event.name, event.tags) = ("陳怡君 50%".to_owned(), vec!["VIP".to_owned()])
    })
    .await;
    shop.bound(&shop.rep, |event| {
        event.tags = vec!["VIP".to_owned(), "新客".to_owned()];
        (event.name, event.channel) = ("Amy".to_owned(), Channel::Whatsapp)
    })
    .await;
    let (app, store) = (&shop.app.app, &shop.app.app.store);
    for (phone, name) in [
        ("+886 912 345 678", "Leo"),
        ("+852 5550 0912", ""),
        ("886933000111", "陳小姐 912"),
    ] {
        let contact = store.create_contact(shop.team.id, whatsapp, phone, name, app.now());
        let to = shop.a1(&shop.rep).await;
        let contact = contact.await.unwrap();
        app.bind_customer(shop.team.id, contact, to).await.unwrap();
    }
    // In the manager's other shop.
    let manager = shop.app.user(&shop.team, Role::SalesManager, &["A3", "A4"]);
    let manager = manager.await;
    let event = shop.app.event(&shop.team, Some(manager.id), |_| ()).await;
    shop.app.bind(&shop.team, event, manager.id, "A3").await;
    let event = shop.app.event(&shop.team, Some(manager.id), |_| ()).await;
    shop.app.bind(&shop.team, event, manager.id, "A4").await;
    let a3 = shop.app.shop(&shop.team, "A3").await;

    let named = |name: &str| Filter {
        name: name.to_owned(),
        ..Filter::default()
    };
    let tagged = |matching| Filter {
        tags: TagFilter {
            matching,
            tags: vec!["VIP".to_owned(), "新客".to_owned()],
        },
        ..Filter::default()
    };
    let filters = [
        named(""),
        named(" 怡君 "),
        named("amy"),
        named("%"),
        named("0912"),
        named("0912-345"),
        named("+886 912"),
        named("912"),
        named("0"),
        named("09a"),
        tagged(TagMatch::Any),
        tagged(TagMatch::All),
        tagged(TagMatch::None),
        Filter {
            channels: vec![Channel::Whatsapp],
            ..Filter::default()
        },
        Filter {
            channels: Channel::ALL.to_vec(),
            ..Filter::default()
        },
        Filter {
            waba: Some(WabaId("2001".to_owned())),
            ..Filter::default()
        },
        Filter {
            waba: Some(WabaId("2002".to_owned())),
            ..Filter::default()
        },
        Filter {
            shops: vec![a3],
            ..Filter::default()
        },
        Filter {
            shops: vec![a3],
            ..named("陳")
        },
    ];
    let mut kept_at_all = 0;
    for user in [&shop.rep, &manager] {
        let all = rows(user, BoundView::Mine).await;
        assert!(!all.is_empty());
        for filter in &filters {
            let expected: BTreeSet<_> = all
                .iter()
                .filter(|row| {
                    let waba = WabaId("2001".to_owned());
                    filter.keeps(&FilterFacts {
                        channel: row.channel,
                        name: &row.name,
                        tags: &row.tags,
                        waba: (row.channel == Channel::Whatsapp).then_some(&waba),
                        phone: row.phone.as_deref(),
                        shop: Some(row.binding.shop),
                    })
                })
                .map(|row| row.binding.customer)
                .collect();
            let asked = BoundCustomerQuery {
                filter: filter.clone(),
                ..all_of(BoundView::Mine)
            };
            let page = list(user, &asked).await;
            assert_eq!(customers(&page.rows), expected, "{filter:?}");
            assert_eq!(page.total, expected.len() as u64, "{filter:?}");
            kept_at_all += expected.len();
        }
    }
    assert!(kept_at_all > 40, "{kept_at_all}");
}

#[tokio::test]
async fn a_list_is_paged_without_gaps_and_without_repeats() {
    let shop = Shop::new().await;
    for number in 0..25_i64 {
        // Several at the same moment, so that the order within it counts.
        let at = shop.app.now().plus(-HOUR * (number % 4));
        let seller = if number % 5 == 0 {
            &shop.manager
        } else {
            &shop.rep
        };
        shop.bound(seller, |event| event.last_message_at = at).await;
    }
    for (user, view, total) in [
        (&shop.rep, BoundView::Mine, 20),
        (&shop.manager, BoundView::Team, 25),
    ] {
        let all = rows(user, view).await;
        assert_eq!(all.len(), total);
        assert!(all.is_sorted_by(|a, b| a.last_contact_at >= b.last_contact_at));
        let mut walked = Vec::new();
        let mut from = PageStart::First;
        loop {
            let asked = BoundCustomerQuery {
                from,
                limit: 7,
                ..all_of(view)
            };
            let page = list(user, &asked).await;
            assert_eq!(page.total, total as u64);
            let Some(last) = page.rows.last() else { break };
            from = PageStart::After(last.cursor());
            walked.extend(page.rows);
        }
        assert_eq!(walked, all);
        let asked = BoundCustomerQuery {
            from: PageStart::Row(9),
            limit: 7,
            ..all_of(view)
        };
        assert_eq!(list(user, &asked).await.rows, all[9..16]);
    }
}

#[tokio::test]
async fn who_was_heard_of_last_comes_first() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let long_ago = app.now().plus(-30 * DAY);
    let wrote = shop
        .bound(&shop.rep, |event| event.last_message_at = long_ago)
        .await;
    let silent = shop.silent(Channel::Line, "新朋友").await;
    let listed = rows(&shop.rep, BoundView::Mine).await;
    assert_eq!(listed[0].binding.customer, silent);
    assert_eq!(listed[0].last_contact_at, listed[0].binding.bound_at);
    assert_eq!(
        (listed[1].binding.customer, listed[1].last_contact_at),
        (wrote, long_ago)
    );
    let event = listed[1].event.unwrap();
    query("update event set last_message_at = $1 where id = $2")
        .bind(app.now().plus(HOUR).0)
        .bind(event.to_string())
        .execute(app.app.store.raw())
        .await
        .unwrap();
    let listed = rows(&shop.rep, BoundView::Mine).await;
    assert_eq!(
        (listed[0].binding.customer, listed[0].last_contact_at),
        (wrote, app.now().plus(HOUR))
    );
}

#[tokio::test]
async fn only_a_seller_of_the_shop_gets_customers_of_line_and_whatsapp() {
    let shop = Shop::new().await;
    let (app, team) = (&shop.app, &shop.team);
    let event = app.event(team, Some(shop.rep.id), |event| {
        event.channel = Channel::Facebook
    });
    let event = event.await;
    let facebook: String = query_customer(app, event).await;
    let facebook: CustomerId = facebook.parse().unwrap();
    let line = shop.bound(&shop.rep, |_| ()).await;
    let admin = app.user(team, Role::Admin, &["A1"]).await;
    let bind = async |customer, to| {
        let refused = app.app.bind_customer(team.id, customer, to).await;
        refused.unwrap_err().problem().code
    };
    let a1 = shop.a1(&shop.rep).await;
    let others_shop = BoundTo {
        shop: app.shop(team, "A2").await,
        ..a1
    };
    assert_eq!(bind(facebook, a1).await, ProblemCode::ChannelNotChosen);
    assert_eq!(bind(line, others_shop).await, ProblemCode::NotFound);
    let to_admin = shop.a1(&admin).await;
    assert_eq!(bind(line, to_admin).await, ProblemCode::RoleMayNotBroadcast);
    // Who is bound stays with their seller; to bind them there again changes nothing.
    let to_manager = shop.a1(&shop.manager).await;
    assert_eq!(bind(line, to_manager).await, ProblemCode::CustomerNotYours);
    let before = rows(&shop.rep, BoundView::Mine).await;
    app.advance(HOUR);
    app.app.bind_customer(team.id, line, a1).await.unwrap();
    assert_eq!(rows(&shop.rep, BoundView::Mine).await, before);

    let other_team = app.team("OTHER", Plan::Omo).await;
    let refused = app.app.unbind_customer(other_team.id, line).await;
    let code = refused.unwrap_err().problem().code;
    assert_eq!(code, ProblemCode::CustomerNotBound);
    assert_eq!(rows(&shop.rep, BoundView::Mine).await, before);
}

async fn query_customer(app: &TestApp, event: EventId) -> String {
    sqlx::query_scalar("select customer_id from event where id = $1")
        .bind(event.to_string())
        .fetch_one(app.app.store.raw())
        .await
        .unwrap()
}

#[tokio::test]
async fn unbinding_ends_the_event_that_the_seller_follows_and_no_other() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let cases = [
        (Some(&shop.rep), EventStatus::InProgress, EventStatus::Ended),
        (
            Some(&shop.other),
            EventStatus::InProgress,
            EventStatus::InProgress,
        ),
        (None, EventStatus::Pending, EventStatus::Pending),
    ];
    let admin = app.user(&shop.team, Role::Admin, &[]).await;
    for (owner, before, after) in cases {
        let owner = owner.map(|owner| owner.id);
        let event = app
            .event(&shop.team, owner, |event| event.status = before)
            .await;
        let customer = app.bind(&shop.team, event, shop.rep.id, "A1").await;
        shop.unbind(customer).await;
        let thread: Thread = admin.get(&path::event(event)).await.json();
        assert_eq!((thread.event.status, thread.event.owner_id), (after, owner));
    }
    assert_eq!(rows(&shop.rep, BoundView::Mine).await, []);
}

#[tokio::test]
async fn a_seller_opens_the_thread_of_a_bound_customer_whoever_follows_it() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let event = app.event(&shop.team, None, |_| ()).await;
    let open = path::event(event);
    shop.rep
        .get(&open)
        .await
        .refused(ProblemCode::NotFound, None);
    let customer = app.bind(&shop.team, event, shop.rep.id, "A1").await;
    shop.rep.get(&open).await.json::<Thread>();
    // The team's list leads the manager there as well, and nobody of another shop.
    shop.manager.get(&open).await.json::<Thread>();
    shop.other
        .get(&open)
        .await
        .refused(ProblemCode::NotFound, None);

    let follow = ActionRequest {
        action: EventAction::Follow,
    };
    let row: EventRow = shop
        .rep
        .post(&path::event_action(event), &follow)
        .await
        .json();
    assert_eq!(row.owner_id, Some(shop.rep.id));
    let action = path::event_action(event);
    let follow = shop.other.post(&action, &follow).await;
    follow.refused(ProblemCode::NotFound, None);

    // What a colleague follows is opened, and not taken away.
    let theirs = app.event(&shop.team, Some(shop.other.id), |_| ()).await;
    app.bind(&shop.team, theirs, shop.rep.id, "A1").await;
    shop.rep.get(&path::event(theirs)).await.json::<Thread>();
    for taken in [EventAction::Follow, EventAction::End] {
        let action = ActionRequest { action: taken };
        let answer = shop.rep.post(&path::event_action(theirs), &action).await;
        answer.refused(ProblemCode::EventNotYours, None);
    }

    shop.unbind(customer).await;
    // Their own ended event they still see; the manager by the shop.
    shop.rep.get(&open).await.json::<Thread>();
    let silent = shop.silent(Channel::Line, "新朋友").await;
    let event = rows(&shop.rep, BoundView::Mine).await[0].event.unwrap();
    shop.rep.get(&path::event(event)).await.json::<Thread>();
    shop.unbind(silent).await;
    let answer = shop.rep.get(&path::event(event)).await;
    answer.refused(ProblemCode::NotFound, None);
}

#[tokio::test]
async fn who_never_wrote_is_in_no_list_of_events_of_a_seller() {
    let shop = Shop::new().await;
    shop.silent(Channel::Line, "新朋友").await;
    for user in [&shop.rep, &shop.manager] {
        for view in [EventView::Mine, EventView::Ended] {
            let asked = EventQuery {
                view,
                filter: Filter::default(),
                from: PageStart::First,
                limit: 50,
            };
            let page: EventPage = user.post(path::EVENTS, &asked).await.json();
            assert_eq!(page.total, 0, "{view:?}");
        }
    }
}

#[tokio::test]
async fn a_contact_added_by_number_is_one_however_the_number_is_written() {
    let shop = Shop::new().await;
    let (store, now) = (&shop.app.app.store, shop.app.now());
    let whatsapp = shop.team.account(Channel::Whatsapp);
    let add = async |phone, name| {
        let added = store.create_contact(shop.team.id, whatsapp, phone, name, now);
        added.await
    };
    let first = add("+886 912 345 678", "").await.unwrap();
    assert_eq!(add("886912345678", "Leo").await.unwrap(), first);
    assert_eq!(add("886-912-345-678", "Somebody").await.unwrap(), first);
    let names: Vec<String> = sqlx::query_scalar("select name from customer")
        .fetch_all(store.raw())
        .await
        .unwrap();
    assert_eq!(names, ["Leo"]);
    let code = |refused: Result<CustomerId, omocast_server::error::AppError>| {
        refused.unwrap_err().problem().code
    };
    assert_eq!(code(add("Leo", "Leo").await), ProblemCode::MalformedRequest);
    // WhatsApp alone knows people by their numbers, and a number of another team's is not ours.
    let line = shop.team.account(Channel::Line);
    let other_team = shop.app.team("OTHER", Plan::Omo).await;
    for (team, account) in [(shop.team.id, line), (other_team.id, whatsapp)] {
        let added = store.create_contact(team, account, "886912345678", "", now);
        assert_eq!(code(added.await), ProblemCode::NotFound);
    }
}
