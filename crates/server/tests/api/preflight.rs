//! Who is in each group of the check before sending: the very customers that it counts, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use omocast_contract::api::{PreflightCustomer, PreflightPage, TemplatePage, path};
use omocast_contract::timestamp::{DAY, HOUR};
use omocast_contract::{
    Audience, BroadcastRequest, Channel, Content, CustomerId, EventId, LocalTime, Pick, Plan,
    Preflight, ProblemCode, Reason, Role, TemplateFill,
};
use sqlx::query;

use crate::bindings::Shop;
use crate::broadcasts::{assert_nothing_was_made, shop};
use crate::support::{Answer, NewEvent, Team, TestApp, User, only, text, to_all};
use crate::templates::listed;

async fn page(
    user: &User,
    request: &BroadcastRequest,
    reason: Option<Reason>,
    after: Option<&str>,
) -> PreflightPage {
    let answer = ask(user, request, &asked(reason, after)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

fn asked(reason: Option<Reason>, after: Option<&str>) -> String {
    let reason = reason.map(|reason| format!("reason={}", reason.as_str()));
    let after = after.map(|after| format!("after={after}"));
    let both: Vec<String> = reason.into_iter().chain(after).collect();
    both.join("&")
}

async fn ask(user: &User, request: &BroadcastRequest, asked: &str) -> Answer {
    let path = format!("{}?{asked}", path::BROADCAST_PREFLIGHT_CUSTOMERS);
    user.post(&path, request).await
}

/// Everybody of a group, page by page.
async fn list(
    user: &User,
    request: &BroadcastRequest,
    reason: Option<Reason>,
) -> Vec<PreflightCustomer> {
    let mut found = page(user, request, reason, None).await;
    let mut rows = found.rows;
    while let Some(next) = found.next {
        found = page(user, request, reason, Some(&next)).await;
        assert!(!found.rows.is_empty());
        rows.append(&mut found.rows);
    }
    rows
}

/// How many customers each group has on each channel, and who they are: by the lists, which are what the check counts.
async fn lists_of_the_check(
    user: &User,
    request: &BroadcastRequest,
) -> (BTreeMap<(Option<Reason>, Channel), u64>, Vec<CustomerId>) {
    let answer = user.post(path::BROADCAST_PREFLIGHT, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let count = answer.json::<Preflight>().count;
    let reached = count
        .reached
        .iter()
        .map(|found| ((None, found.channel), found.customers));
    let skipped = count
        .skipped
        .iter()
        .map(|found| ((Some(found.reason), found.channel), found.customers));
    let counted: BTreeMap<_, _> = reached.chain(skipped).collect();

    let mut listed: BTreeMap<_, u64> = BTreeMap::new();
    let mut everybody = Vec::new();
    for reason in std::iter::once(None).chain(Reason::ALL.map(Some)) {
        for row in list(user, request, reason).await {
            *listed.entry((reason, row.channel)).or_default() += 1;
            everybody.push(row.customer);
        }
    }
    assert_eq!(listed, counted);
    let different: BTreeSet<_> = everybody.iter().collect();
    assert_eq!(different.len(), everybody.len(), "somebody is listed twice");
    (listed, everybody)
}

async fn set_customer(app: &TestApp, event: EventId, what: &'static str) {
    let sql = format!(
        "update customer set {what} where id = (select customer_id from event where id = $1)"
    );
    query(sqlx::AssertSqlSafe(sql))
        .bind(event.to_string())
        .execute(app.app.store.raw())
        .await
        .unwrap();
}

/// A salesperson's customers of every kind that the check tells apart, but for those of a stopped account.
async fn fill(app: &TestApp, team: &Team, rep: &User) {
    let day_ago = app.now().plus(-DAY);
    let event = async |arrange: &dyn Fn(&mut NewEvent)| {
        app.event(team, Some(rep.id), |event| arrange(event)).await
    };
    for _ in 0..55 {
        event(&|_| ()).await;
    }
    event(&|event| event.is_blocked = true).await;
    for channel in [Channel::Whatsapp, Channel::Facebook, Channel::Instagram] {
        event(&|event| event.channel = channel).await;
        event(&|event| (event.channel, event.last_inbound_at) = (channel, Some(day_ago))).await;
    }
    event(&|event| (event.channel, event.last_inbound_at) = (Channel::Whatsapp, None)).await;
    let stopped = event(&|event| event.channel = Channel::Whatsapp).await;
    set_customer(app, stopped, "marketing_stopped_at = 1").await;
    // One person on two channels, who wrote on WhatsApp last.
    let twins = [
        event(&|event| event.channel = Channel::Whatsapp).await,
        event(&|event| event.last_inbound_at = Some(event.last_message_at.plus(-HOUR))).await,
    ];
    for twin in twins {
        set_customer(
            app,
            twin,
            "phone = '886900000001', phone_digits = '886900000001'",
        )
        .await;
    }
    // The web chat takes no broadcasts.
    event(&|event| event.channel = Channel::Web).await;
}

#[tokio::test]
async fn the_lists_are_whom_the_check_counts() {
    let (app, team, rep) = shop().await;
    fill(&app, &team, &rep).await;
    let request = to_all(vec![text("hello")]);
    let (listed, everybody) = lists_of_the_check(&rep, &request).await;
    assert_eq!(everybody.len(), 66);
    assert_eq!(listed[&(None, Channel::Line)], 55);
    for group in [
        (Reason::Blocked, Channel::Line),
        (Reason::Duplicate, Channel::Line),
        (Reason::WindowClosed, Channel::Facebook),
        (Reason::NeverWrote, Channel::Whatsapp),
        (Reason::OptedOut, Channel::Whatsapp),
    ] {
        assert_eq!(listed[&(Some(group.0), group.1)], 1, "{group:?}");
    }

    // Through an account that has stopped nobody is reached, unless it begins later.
    let line = team.account(Channel::Line);
    let store = &app.app.store;
    let stop = store.pause_account(line, Reason::AccountRestricted, "", app.now());
    stop.await.unwrap();
    let (listed, _) = lists_of_the_check(&rep, &request).await;
    // The twin on LINE is among them: nobody is reached there.
    let restricted = (Some(Reason::AccountRestricted), Channel::Line);
    assert_eq!(listed[&restricted], 56);
    let in_taipei = app.now().plus(8 * HOUR + 2 * HOUR);
    let later = BroadcastRequest {
        send_at: LocalTime::parse(&in_taipei.to_string()[..16]),
        ..request
    };
    let (listed, _) = lists_of_the_check(&rep, &later).await;
    assert_eq!(listed[&(None, Channel::Line)], 55);
    assert_nothing_was_made(&app).await;
}

#[tokio::test]
async fn the_lists_of_a_template_are_whom_its_check_counts() {
    let (app, team, rep) = shop().await;
    let waba = "100000000000001";
    app.set_waba(&team, waba).await;
    app.list_at_meta(&team, waba, &[listed("sale", "特賣")])
        .await;
    fill(&app, &team, &rep).await;
    let path = format!("{}?waba={waba}", path::TEMPLATES);
    let template = rep.get(&path).await.json::<TemplatePage>().rows.remove(0);
    let request = BroadcastRequest {
        content: Content::Template(TemplateFill::of(&template)),
        ..to_all(Vec::new())
    };
    let (listed, everybody) = lists_of_the_check(&rep, &request).await;
    assert_eq!(everybody.len(), 66);
    assert_eq!(listed[&(None, Channel::Whatsapp)], 4);
    assert_eq!(listed[&(Some(Reason::NotWhatsapp), Channel::Line)], 57);
    assert_eq!(listed[&(Some(Reason::OptedOut), Channel::Whatsapp)], 1);
}

#[tokio::test]
async fn the_lists_of_bound_customers_are_whom_the_check_counts() {
    let shop = Shop::new().await;
    let silent = shop.silent(Channel::Line, "王淑芬").await;
    let blocked = shop.bound(&shop.rep, |event| event.is_blocked = true).await;
    let kept = shop.bound(&shop.rep, |_| ()).await;
    let colleagues = shop.bound(&shop.other, |_| ()).await;
    let request = |pick| BroadcastRequest {
        audience: Audience {
            pick,
            ..Audience::bound(Channel::Line)
        },
        ..to_all(vec![text("hello")])
    };
    let everything = request(Pick::AllExcept(Vec::new()));
    let (listed, mut everybody) = lists_of_the_check(&shop.rep, &everything).await;
    everybody.sort();
    let mut expected = [silent, blocked, kept];
    expected.sort();
    assert_eq!(everybody, expected);
    assert_eq!(listed[&(Some(Reason::Blocked), Channel::Line)], 1);
    let picked = request(Pick::Only(vec![kept.into(), blocked.into()]));
    let (_, everybody) = lists_of_the_check(&shop.rep, &picked).await;
    assert_eq!(everybody.len(), 2);
    // Who is bound to a colleague is refused as the check refuses them.
    let picked = request(Pick::Only(vec![kept.into(), colleagues.into()]));
    let checked = shop.rep.post(path::BROADCAST_PREFLIGHT, &picked).await;
    let answer = ask(&shop.rep, &picked, "").await;
    answer.refused(checked.problem().code, Some("audience.pick[1]"));
}

#[tokio::test]
async fn a_list_goes_page_by_page_from_the_newest_message() {
    let (app, team, rep) = shop().await;
    let mut events = Vec::new();
    for place in 0..120 {
        // Some at the same moment.
        let at = app.now().plus(-HOUR - place / 7 * 1_000);
        let event = app.event(&team, Some(rep.id), |event| event.last_message_at = at);
        events.push(event.await);
    }
    let request = to_all(vec![text("hello")]);
    let mut sizes = Vec::new();
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut found = page(&rep, &request, None, after.as_deref()).await;
        sizes.push(found.rows.len());
        rows.append(&mut found.rows);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(rows.is_sorted_by(|a, b| {
        (a.last_message_at, a.customer) > (b.last_message_at, b.customer)
    }));
    let mut listed: Vec<EventId> = rows.iter().map(|row| row.event).collect();
    listed.sort();
    events.sort();
    assert_eq!(listed, events);
    assert_eq!(rows[0].name, "陳怡君");
}

#[tokio::test]
async fn nobody_else_s_customers_are_listed() {
    let (app, team, rep) = shop().await;
    let colleague = app.user(&team, Role::SalesRep, &["A1"]).await;
    let mine = app.event(&team, Some(rep.id), |_| ()).await;
    let theirs = app.event(&team, Some(colleague.id), |_| ()).await;
    app.event(&team, None, |_| ()).await;
    let other_team = app.team("OTHER", Plan::Omo).await;
    let stranger = app.user(&other_team, Role::SalesRep, &[]).await;
    app.event(&other_team, Some(stranger.id), |_| ()).await;
    let request = to_all(vec![text("hello")]);
    let rows = list(&rep, &request, None).await;
    let events: Vec<EventId> = rows.iter().map(|row| row.event).collect();
    assert_eq!(events, [mine]);
    lists_of_the_check(&rep, &request).await;
    let named = BroadcastRequest {
        audience: only(&[mine, theirs]),
        ..request
    };
    let checked = rep.post(path::BROADCAST_PREFLIGHT, &named).await;
    let answer = ask(&rep, &named, "").await;
    answer.refused(checked.problem().code, Some("audience.pick[1]"));
}

#[tokio::test]
async fn who_may_not_broadcast_sees_no_list() {
    let (app, team, rep) = shop().await;
    app.event(&team, Some(rep.id), |_| ()).await;
    let request = to_all(vec![text("hello")]);
    let admin = app.user(&team, Role::Admin, &["A1"]).await;
    let answer = ask(&admin, &request, "").await;
    answer.refused(ProblemCode::RoleMayNotBroadcast, None);
}

#[tokio::test]
async fn what_is_no_group_and_no_page_is_refused() {
    let (app, team, rep) = shop().await;
    let event = app.event(&team, Some(rep.id), |_| ()).await;
    let request = to_all(vec![text("hello")]);
    for after in ["", "12", "x~y", &event.to_string()] {
        let answer = ask(&rep, &request, &asked(None, Some(after))).await;
        answer.refused(ProblemCode::MalformedRequest, Some("after"));
    }
    for nonsense in ["reason=bored", "channel=line"] {
        let answer = ask(&rep, &request, nonsense).await;
        answer.refused(ProblemCode::MalformedRequest, Some("query"));
    }
    // What could not be sent is not checked, either.
    let answer = ask(&rep, &to_all(vec![text("  ")]), "").await;
    answer.refused(ProblemCode::TextEmpty, Some("messages[0]"));
}
