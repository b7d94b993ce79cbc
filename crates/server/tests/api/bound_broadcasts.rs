//! Broadcasts to bound customers (綁定顧客): whom they may name, whom they reach, and who is skipped and why.

use axum::http::StatusCode;
use omocast_contract::api::{RecipientPage, Thread, path};
use omocast_contract::timestamp::DAY;
use omocast_contract::{
    Audience, AudienceCount, Broadcast, BroadcastRequest, Channel, CustomerId, DeliveryStatus,
    EventStatus, Pick, Plan, ProblemCode, Reason, Role,
};
use uuid::Uuid;

use crate::bindings::Shop;
use crate::broadcasts::assert_nothing_was_made;
use crate::support::{NewEvent, User, text, to_all};

fn picked(channel: Channel, customers: &[CustomerId]) -> BroadcastRequest {
    BroadcastRequest {
        audience: Audience {
            pick: Pick::Only(customers.iter().map(|&customer| customer.into()).collect()),
            ..Audience::bound(channel)
        },
        ..to_all(vec![text("新品到店")])
    }
}

fn everything(channel: Channel) -> Audience {
    Audience {
        pick: Pick::AllExcept(Vec::new()),
        ..Audience::bound(channel)
    }
}

/// Whom a broadcast goes to, with the reason of those who are skipped.
async fn recipients(user: &User, made: &Broadcast) -> Vec<(CustomerId, Option<Reason>)> {
    let path = path::broadcast_recipients(made.summary.id);
    let page: RecipientPage = user.get(&path).await.json();
    let mut rows: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.customer, row.reason))
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn bound_customers_are_broadcast_to_on_one_channel_only() {
    let shop = Shop::new().await;
    let line = shop.bound(&shop.rep, |_| ()).await;
    let cases = [
        (vec![], ProblemCode::ChannelNotChosen),
        (
            vec![Channel::Line, Channel::Whatsapp],
            ProblemCode::ChannelsMixed,
        ),
        (vec![Channel::Facebook], ProblemCode::ChannelNotChosen),
    ];
    for (channels, code) in cases {
        let mut request = picked(Channel::Line, &[line]);
        request.audience.filter.channels = channels;
        let answer = shop.rep.post(path::AUDIENCE_COUNT, &request.audience).await;
        answer.refused(code, Some("audience"));
        let answer = shop.rep.broadcast("press-0001", &request).await;
        answer.refused(code, Some("audience"));
    }
    // Picked on the other channel, nobody is chosen.
    let answer = shop
        .rep
        .broadcast("press-0001", &picked(Channel::Whatsapp, &[line]))
        .await;
    answer.refused(ProblemCode::AudienceEmpty, Some("audience"));
    assert_nothing_was_made(&shop.app).await;
}

#[tokio::test]
async fn customers_of_others_are_refused_at_the_pick() {
    let shop = Shop::new().await;
    let of_rep = shop.bound(&shop.rep, |_| ()).await;
    let of_other = shop.bound(&shop.other, |_| ()).await;
    let of_manager = shop.bound(&shop.manager, |_| ()).await;
    let unbound = shop.bound(&shop.manager, |_| ()).await;
    shop.unbind(unbound).await;
    let foreign_team = shop.app.team("OTHER", Plan::Omo).await;
    let stranger = shop.app.user(&foreign_team, Role::SalesRep, &["A1"]).await;
    let event = shop.app.event(&foreign_team, Some(stranger.id), |_| ());
    let foreign = shop
        .app
        .bind(&foreign_team, event.await, stranger.id, "A1")
        .await;

    let at_second = Some("audience.pick[1]");
    let cases = [
        // The manager sees the team's list, and is told whose they are.
        (&shop.manager, of_rep, ProblemCode::CustomerNotYours),
        // Of a shop that the manager does not work in.
        (&shop.manager, of_other, ProblemCode::NotFound),
        (&shop.manager, foreign, ProblemCode::NotFound),
        (&shop.manager, unbound, ProblemCode::CustomerNotBound),
        (
            &shop.manager,
            CustomerId(Uuid::from_u128(7)),
            ProblemCode::NotFound,
        ),
        (&shop.rep, of_manager, ProblemCode::NotFound),
        (&shop.rep, foreign, ProblemCode::NotFound),
    ];
    for (user, forged, code) in cases {
        let own = if user.id == shop.rep.id {
            of_rep
        } else {
            of_manager
        };
        let request = picked(Channel::Line, &[own, forged]);
        let answer = user.broadcast("press-0001", &request).await;
        answer.refused(code, at_second);
        let answer = user.post(path::AUDIENCE_COUNT, &request.audience).await;
        if code == ProblemCode::NotFound {
            answer.refused(code, at_second);
        } else {
            let count: AudienceCount = answer.json();
            assert_eq!((count.reached_total(), count.skipped_total()), (1, 1));
            assert_eq!(count.skipped[0].reason, Reason::NotBound);
        }
    }
    assert_nothing_was_made(&shop.app).await;
    // 全選 of the manager is the manager's own.
    let request = BroadcastRequest {
        audience: everything(Channel::Line),
        ..to_all(vec![text("新品到店")])
    };
    let made: Broadcast = shop.manager.broadcast("press-0001", &request).await.json();
    assert_eq!(recipients(&shop.manager, &made).await, [(of_manager, None)]);
}

#[tokio::test]
async fn an_event_that_ended_or_never_was_is_no_bar() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let ended = shop
        .bound(&shop.rep, |event| event.status = EventStatus::Ended)
        .await;
    let silent = shop.silent(Channel::Line, "新朋友").await;
    let event = app.event(&shop.team, None, |_| ()).await;
    let pending = app.bind(&shop.team, event, shop.rep.id, "A1").await;
    let event = app.event(&shop.team, Some(shop.other.id), |_| ()).await;
    let followed_by_other = app.bind(&shop.team, event, shop.rep.id, "A1").await;
    let everybody = [ended, silent, pending, followed_by_other];

    let request = picked(Channel::Line, &everybody);
    let count: AudienceCount = shop
        .rep
        .post(path::AUDIENCE_COUNT, &request.audience)
        .await
        .json();
    assert_eq!((count.reached_total(), count.skipped_total()), (4, 0));
    let made: Broadcast = shop.rep.broadcast("press-0001", &request).await.json();
    let page: RecipientPage = shop
        .rep
        .get(&path::broadcast_recipients(made.summary.id))
        .await
        .json();
    let accounts: Vec<String> = sqlx::query_scalar("select distinct account_id from recipient")
        .fetch_all(app.app.store.raw())
        .await
        .unwrap();
    assert_eq!(accounts, [shop.team.account(Channel::Line).to_string()]);
    // Each has a thread that the seller can open.
    for row in &page.rows {
        let thread: Thread = shop.rep.get(&path::event(row.event.unwrap())).await.json();
        assert_eq!(thread.customer.id, row.customer);
    }
    assert_eq!(page.rows.len(), 4);
    let claim = app
        .app
        .store
        .claim_recipients(
            shop.team.account(Channel::Line),
            Uuid::now_v7(),
            app.now(),
            10,
        )
        .await
        .unwrap();
    let mut claimed: Vec<_> = claim
        .recipients
        .iter()
        .map(|recipient| recipient.customer)
        .collect();
    claimed.sort();
    let mut expected = everybody;
    expected.sort();
    assert_eq!(claimed, expected);
}

#[tokio::test]
async fn who_cannot_be_reached_is_skipped_with_the_reason() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let whatsapp = |event: &mut NewEvent| event.channel = Channel::Whatsapp;
    let open = shop.bound(&shop.rep, whatsapp).await;
    let long_ago = app.now().plus(-DAY);
    let closed = shop
        .bound(&shop.rep, |event| {
            (event.channel, event.last_inbound_at) = (Channel::Whatsapp, Some(long_ago))
        })
        .await;
    let blocked = shop
        .bound(&shop.rep, |event| {
            (event.channel, event.is_blocked) = (Channel::Whatsapp, true)
        })
        .await;
    let silent = shop.silent(Channel::Whatsapp, "Leo").await;
    let request = BroadcastRequest {
        audience: everything(Channel::Whatsapp),
        ..to_all(vec![text("新品到店")])
    };
    let count: AudienceCount = shop
        .rep
        .post(path::AUDIENCE_COUNT, &request.audience)
        .await
        .json();
    assert_eq!((count.reached_total(), count.skipped_total()), (1, 3));
    let made: Broadcast = shop.rep.broadcast("press-0001", &request).await.json();
    let mut expected = [
        (open, None),
        (closed, Some(Reason::WindowClosed)),
        (blocked, Some(Reason::Blocked)),
        (silent, Some(Reason::NeverWrote)),
    ];
    expected.sort();
    assert_eq!(recipients(&shop.rep, &made).await, expected);
}

#[tokio::test]
async fn who_was_unbound_after_being_chosen_is_skipped_at_hand_over() {
    let shop = Shop::new().await;
    let app = &shop.app;
    let stays = shop.bound(&shop.rep, |_| ()).await;
    let leaves = shop.bound(&shop.rep, |_| ()).await;
    let changes_seller = shop.bound(&shop.rep, |_| ()).await;
    let request = picked(Channel::Line, &[stays, leaves, changes_seller]);
    let made: Broadcast = shop.rep.broadcast("press-0001", &request).await.json();
    assert_eq!(made.summary.progress.queued, 3);

    shop.unbind(leaves).await;
    shop.unbind(changes_seller).await;
    let to = shop.a1(&shop.manager).await;
    let bound = app.app.bind_customer(shop.team.id, changes_seller, to);
    bound.await.unwrap();

    let line = shop.team.account(Channel::Line);
    let (store, now) = (&app.app.store, app.now());
    let claim = store.claim_recipients(line, Uuid::now_v7(), now, 10).await;
    let claim = claim.unwrap();
    assert_eq!(claim.recipients.len(), 1);
    assert_eq!(claim.recipients[0].customer, stays);
    let mut expected = [
        (stays, None),
        (leaves, Some(Reason::NotBound)),
        (changes_seller, Some(Reason::NotBound)),
    ];
    expected.sort();
    assert_eq!(recipients(&shop.rep, &made).await, expected);
    let skipped = format!(
        "{}?standing=skipped",
        path::broadcast_recipients(made.summary.id)
    );
    let page: RecipientPage = shop.rep.get(&skipped).await.json();
    assert!(page.rows.iter().all(|row| {
        row.deliveries[0].status == DeliveryStatus::Skipped
            && row.deliveries[0].reason == Some(Reason::NotBound)
    }));
}

#[tokio::test]
async fn a_broadcast_to_events_does_not_ask_for_a_binding() {
    let shop = Shop::new().await;
    let customer = shop.bound(&shop.rep, |_| ()).await;
    let made: Broadcast = shop
        .rep
        .broadcast("press-0001", &to_all(vec![text("嗨")]))
        .await
        .json();
    shop.unbind(customer).await;
    let line = shop.team.account(Channel::Line);
    let (store, now) = (&shop.app.app.store, shop.app.now());
    let claim = store.claim_recipients(line, Uuid::now_v7(), now, 10).await;
    assert!(claim.unwrap().recipients.is_empty());
    // Unbinding ended the event, which is the reason here.
    assert_eq!(
        recipients(&shop.rep, &made).await,
        [(customer, Some(Reason::EventEnded))]
    );
}

#[tokio::test]
async fn everything_is_what_the_filter_keeps_without_those_unticked() {
    let shop = Shop::new().await;
    let mut vips = Vec::new();
    for number in 0..6 {
        let customer = shop
            .bound(&shop.rep, |event| {
                if number % 2 == 0 {
                    event.tags = vec!["VIP".to_owned()];
                }
            })
            .await;
        if number % 2 == 0 {
            vips.push(customer);
        }
    }
    shop.bound(&shop.rep, |event| {
        (event.channel, event.tags) = (Channel::Whatsapp, vec!["VIP".to_owned()])
    })
    .await;
    shop.bound(&shop.other, |event| event.tags = vec!["VIP".to_owned()])
        .await;
    let mut audience = everything(Channel::Line);
    audience.filter.tags.tags = vec!["VIP".to_owned()];
    let count: AudienceCount = shop.rep.post(path::AUDIENCE_COUNT, &audience).await.json();
    assert_eq!(count.reached_total(), 3);
    audience.toggle(vips[1]);
    let request = BroadcastRequest {
        audience,
        ..to_all(vec![text("VIP 之夜")])
    };
    let made: Broadcast = shop.rep.broadcast("press-0001", &request).await.json();
    let mut expected = [(vips[0], None), (vips[2], None)];
    expected.sort();
    assert_eq!(recipients(&shop.rep, &made).await, expected);
}

#[tokio::test]
async fn an_audience_of_bound_customers_is_written_as_the_contract_says() {
    let shop = Shop::new().await;
    let customer = shop.bound(&shop.rep, |_| ()).await;
    let body = serde_json::json!({
        "source": "bound_customers",
        "filter": { "channels": ["line"] },
        "pick": { "only": [customer] },
    });
    let answer = shop.rep.post(path::AUDIENCE_COUNT, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json::<AudienceCount>().reached_total(), 1);
}
