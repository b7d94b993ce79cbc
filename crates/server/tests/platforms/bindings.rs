//! Bound customers (綁定顧客): who asks for a seller by code, and what reaches them on their phones.

use std::time::Duration;

use omocast_contract::api::{BoundCustomerQuery, BoundCustomerRow, PageStart, Thread};
use omocast_contract::message::MessageOrigin;
use omocast_contract::{
    AccountId, Audience, BoundView, Channel, EventAction, EventStatus, EventView, Filter, MemberId,
    Pick, Reason, Role, ShopId,
};
use omocast_sandbox::Identity;
use omocast_server::live::Notice;
use omocast_server::store::{BoundTo, Member, NewMember};
use tokio::time::timeout;

use crate::support::{
    LINE, NUMBER, OTHER_NUMBER, PAGE, SCOPED, World, customer, line_users, page_users,
    text_message, utterance, whatsapp_users,
};

const TEXTS: [&str; 3] = ["一", "二", "三"];

/// A world with a seller of two shops, who is the one to broadcast, and another of the second shop.
struct Sellers {
    world: World,
    /// S001.
    may: MemberId,
    /// S002.
    other: MemberId,
    first_shop: ShopId,
}

impl Sellers {
    async fn new() -> Self {
        let mut world = World::new().await;
        let store = &world.app.store;
        // Made in another order than that of their codes, which is what makes one the first.
        let second = store.create_shop(world.team, "A02", "中山門市").await;
        let first = store.create_shop(world.team, "A01", "信義門市").await;
        let (first_shop, second_shop) = (first.unwrap(), second.unwrap());
        let may = member(&world, "S001", Role::SalesRep, &[second_shop, first_shop]).await;
        let other = member(&world, "S002", Role::SalesRep, &[second_shop]).await;
        world.member = may;
        world.start_webhooks();
        Self {
            world,
            may,
            other,
            first_shop,
        }
    }

    async fn find(&self, member: MemberId) -> Member {
        let found = self.world.app.store.find_member(member).await;
        found.unwrap().unwrap()
    }

    async fn list(&self, seller: MemberId, filter: Filter) -> Vec<BoundCustomerRow> {
        let asked = BoundCustomerQuery {
            view: BoundView::Mine,
            filter,
            from: PageStart::First,
            limit: 200,
        };
        let member = self.find(seller).await;
        let page = self.world.app.store.list_bound_customers(&member, &asked);
        page.await.unwrap().rows
    }

    async fn all(&self, seller: MemberId) -> Vec<BoundCustomerRow> {
        self.list(seller, Filter::default()).await
    }

    async fn say(&self, account: &str, user: &str, text: &str) {
        let said = vec![utterance(account, user, text)];
        self.world.sandbox.say(said).await.unwrap();
    }

    /// The customer asks for S001 and is bound to them.
    async fn bound(&self, account: &str, user: &str) -> BoundCustomerRow {
        self.world.sandbox.add_customer(account, customer(user));
        let before = self.all(self.may).await.len();
        self.say(account, user, "聯絡專員 S001").await;
        let name = format!("顧客 {user}");
        self.world
            .until("the customer is bound", || {
                Box::pin(async move { self.all(self.may).await.len() > before })
            })
            .await;
        let rows = self.all(self.may).await;
        rows.into_iter().find(|row| row.name == name).unwrap()
    }

    async fn thread(&self, row: &BoundCustomerRow) -> Thread {
        let member = self.find(self.may).await;
        let event = row.event.unwrap();
        let store = &self.world.app.store;
        store.find_thread(&member, event, None).await.unwrap()
    }

    async fn end(&self, row: &BoundCustomerRow) {
        let member = self.find(self.may).await;
        let (store, now) = (&self.world.app.store, self.world.now());
        store
            .act_on_event(&member, row.event.unwrap(), EventAction::End, now)
            .await
            .unwrap();
    }
}

async fn member(world: &World, code: &str, role: Role, shops: &[ShopId]) -> MemberId {
    let member = NewMember {
        team_id: world.team,
        name: format!("員工 {code}"),
        email: format!("{code}@example.com"),
        password_hash: String::new(),
        role,
        staff_code: Some(code.to_owned()),
        shops: shops.to_vec(),
    };
    let made = world.app.store.create_member(member, world.now()).await;
    made.unwrap()
}

fn everything(channel: Channel) -> Audience {
    Audience {
        pick: Pick::AllExcept(Vec::new()),
        ..Audience::bound(channel)
    }
}

#[tokio::test]
async fn who_asks_for_a_seller_by_code_is_bound_to_them_in_their_first_shop() {
    let sellers = Sellers::new().await;
    let (line, whatsapp) = (&line_users(1)[0], &whatsapp_users(1)[0]);
    let on_line = sellers.bound(LINE, line).await;
    let on_whatsapp = sellers.bound(NUMBER, whatsapp).await;
    for (row, channel) in [(&on_line, Channel::Line), (&on_whatsapp, Channel::Whatsapp)] {
        assert_eq!(row.channel, channel);
        assert_eq!(
            (row.binding.member, row.binding.shop, row.shop.as_str()),
            (sellers.may, sellers.first_shop, "信義門市")
        );
        let thread = sellers.thread(row).await;
        assert_eq!(
            (thread.event.status, thread.event.owner_id),
            (EventStatus::InProgress, Some(sellers.may))
        );
    }
    // Found by the number as it is spoken.
    let spoken = Filter {
        name: format!("0{}", whatsapp.strip_prefix("886").unwrap()),
        ..Filter::default()
    };
    let found = sellers.list(sellers.may, spoken).await;
    assert_eq!(found, [on_whatsapp]);

    // Facebook has no bindings: the event is theirs, the customer is not.
    let page = &page_users(1)[0];
    sellers.world.sandbox.add_customer(PAGE, customer(page));
    sellers.say(PAGE, page, "聯絡專員 S001").await;
    let world = &sellers.world;
    world
        .until("the event is theirs", || {
            Box::pin(async { world.events(EventView::Mine).await.len() == 3 })
        })
        .await;
    assert_eq!(sellers.all(sellers.may).await.len(), 2);
}

#[tokio::test]
async fn only_who_sells_in_a_shop_gets_bound_customers_by_code() {
    let sellers = Sellers::new().await;
    let world = &sellers.world;
    let agent = member(world, "C001", Role::SupportAgent, &[sellers.first_shop]).await;
    let homeless = member(world, "S009", Role::SalesRep, &[]).await;
    let users = line_users(2);
    for (user, code, owner) in [(&users[0], "C001", agent), (&users[1], "S009", homeless)] {
        world.sandbox.add_customer(LINE, customer(user));
        sellers.say(LINE, user, &format!("聯絡專員 {code}")).await;
        let owner = sellers.find(owner).await;
        world
            .until("the event is theirs", || {
                let owner = &owner;
                Box::pin(async move {
                    let counts = world.app.store.count_events(owner).await;
                    counts.unwrap().mine == Some(1)
                })
            })
            .await;
        assert_eq!(sellers.all(owner.id).await, []);
    }
}

#[tokio::test]
async fn who_is_bound_stays_with_their_seller_whomever_they_ask_for() {
    let sellers = Sellers::new().await;
    let users = line_users(2);
    let row = sellers.bound(LINE, &users[0]).await;
    sellers.end(&row).await;
    sellers.say(LINE, &users[0], "聯絡專員 S002").await;
    let world = &sellers.world;
    world
        .until("the event is in progress again", || {
            Box::pin(async { world.events(EventView::Mine).await.len() == 1 })
        })
        .await;
    assert_eq!(
        world.events(EventView::Mine).await[0].id,
        row.event.unwrap()
    );
    assert_eq!(sellers.all(sellers.other).await, []);

    // An event that a colleague follows stays theirs, though the customer is bound now.
    world.sandbox.add_customer(LINE, customer(&users[1]));
    sellers.say(LINE, &users[1], "嗨").await;
    let pending = world.until_pending(1).await;
    let mut colleague = sellers.find(sellers.other).await;
    colleague.role = Role::Admin;
    let (store, now) = (&world.app.store, world.now());
    store
        .act_on_event(&colleague, pending[0].id, EventAction::Follow, now)
        .await
        .unwrap();
    let row = sellers.bound(LINE, &users[1]).await;
    assert_eq!(row.event, Some(pending[0].id));
    let thread = sellers.thread(&row).await;
    assert_eq!(
        (thread.event.status, thread.event.owner_id),
        (EventStatus::InProgress, Some(sellers.other))
    );
}

#[tokio::test]
async fn a_broadcast_on_line_reaches_bound_customers_whatever_became_of_their_events() {
    let mut sellers = Sellers::new().await;
    let users = line_users(3);
    let open = sellers.bound(LINE, &users[0]).await;
    let ended = sellers.bound(LINE, &users[1]).await;
    sellers.end(&ended).await;
    // Follows the account again after a block, and never wrote.
    let world = &sellers.world;
    world.sandbox.add_customer(LINE, customer(&users[2]));
    world.sandbox.block(LINE, &users[2]);
    world.sandbox.advance_clock(Duration::from_secs(1));
    world.sandbox.unblock(LINE, &users[2]);
    world.advance(Duration::from_secs(2));
    let silent = bind_known(&sellers, &users[2]).await;
    assert_eq!(sellers.thread(&silent).await.messages, []);

    sellers.world.start_delivery();
    let world = &sellers.world;
    let messages = TEXTS.map(text_message).to_vec();
    let broadcast = world.broadcast_to(everything(Channel::Line), messages);
    let done = world.until_completed(broadcast.await).await;
    assert_eq!(done.summary.progress.sent, 3);
    for user in &users {
        assert_eq!(world.on_phone(LINE, user), TEXTS);
    }
    for (row, status, words_before) in [
        (&open, EventStatus::InProgress, 1),
        (&ended, EventStatus::Ended, 1),
        (&silent, EventStatus::Ended, 0),
    ] {
        let thread = sellers.thread(row).await;
        assert_eq!(
            (thread.event.status, thread.event.owner_id),
            (status, Some(sellers.may))
        );
        assert_eq!(thread.event.last_text, "三");
        let sent = &thread.messages[words_before..];
        assert_eq!(sent.len(), 3);
        assert!(sent.iter().all(|message| matches!(
            message.origin,
            MessageOrigin::Outbound {
                broadcast: Some(id),
                ..
            } if id == done.summary.id
        )));
    }
    // What was sent is found again in the sender's 已結束.
    let found = world.events(EventView::Ended).await;
    assert_eq!(found.len(), 2);

    // The first words of somebody who never wrote wake the event like any other's.
    sellers.say(LINE, &users[2], "謝謝").await;
    let woken = world.until_pending(1).await;
    assert_eq!(
        (woken[0].id, woken[0].owner_id),
        (silent.event.unwrap(), None)
    );
    assert_eq!(sellers.thread(&silent).await.messages.len(), 4);
}

/// Binds a LINE customer of whom the platform has told.
async fn bind_known(sellers: &Sellers, user: &str) -> BoundCustomerRow {
    let world = &sellers.world;
    let known = || async {
        let found: Option<String> =
            sqlx::query_scalar("select id from customer where external_id = $1 and is_blocked = 0")
                .bind(user)
                .fetch_optional(world.app.store.raw())
                .await
                .unwrap();
        found
    };
    world
        .until("the platform has told of them", || {
            let known = known();
            Box::pin(async move { known.await.is_some() })
        })
        .await;
    let id = known().await.unwrap().parse().unwrap();
    let to = BoundTo {
        seller: sellers.may,
        shop: sellers.first_shop,
    };
    world.app.bind_customer(world.team, id, to).await.unwrap();
    let rows = sellers.all(sellers.may).await;
    rows.into_iter()
        .find(|row| row.binding.customer == id)
        .unwrap()
}

#[tokio::test]
async fn a_broadcast_on_whatsapp_goes_out_by_the_number_that_each_customer_writes_to() {
    let mut sellers = Sellers::new().await;
    let users = whatsapp_users(3);
    sellers.bound(NUMBER, &users[0]).await;
    sellers.bound(OTHER_NUMBER, &users[1]).await;
    let world = &sellers.world;
    let (store, now) = (&world.app.store, world.now());
    let added = store.create_contact(world.team, world.whatsapp, &users[2], "新朋友", now);
    let added = added.await.unwrap();
    let to = BoundTo {
        seller: sellers.may,
        shop: sellers.first_shop,
    };
    world
        .app
        .bind_customer(world.team, added, to)
        .await
        .unwrap();

    sellers.world.start_delivery();
    let world = &sellers.world;
    let messages = vec![text_message("新品到店")];
    let broadcast = world.broadcast_to(everything(Channel::Whatsapp), messages);
    let done = world.until_completed(broadcast.await).await;
    assert_eq!(world.on_phone(NUMBER, &users[0]), ["新品到店"]);
    assert_eq!(world.on_phone(OTHER_NUMBER, &users[1]), ["新品到店"]);
    assert_eq!(done.summary.progress.skipped, 1);
    let recipients = world.recipients(done.summary.id).await;
    let skipped = recipients.iter().find(|row| row.customer == added);
    assert_eq!(skipped.unwrap().reason, Some(Reason::NeverWrote));
    for account in [NUMBER, OTHER_NUMBER] {
        assert_eq!(world.on_phone(account, &users[2]), [""; 0]);
    }

    // Who was added by number and writes is the same customer.
    sellers.say(NUMBER, &users[2], "嗨").await;
    world.until_pending(1).await;
    let rows = sellers.all(sellers.may).await;
    assert_eq!(rows.len(), 3);
    let row = rows.iter().find(|row| row.binding.customer == added);
    assert!(row.unwrap().last_inbound_at.is_some());
}

#[tokio::test]
async fn a_message_of_a_bound_customer_moves_them_up_and_is_told() {
    let sellers = Sellers::new().await;
    let users = line_users(2);
    let first = sellers.bound(LINE, &users[0]).await;
    let world = &sellers.world;
    world.advance(Duration::from_secs(60));
    world.sandbox.advance_clock(Duration::from_secs(60));
    let second = sellers.bound(LINE, &users[1]).await;
    assert_eq!(sellers.all(sellers.may).await[0], second);

    world.advance(Duration::from_secs(60));
    world.sandbox.advance_clock(Duration::from_secs(60));
    let mut notices = world.app.live.subscribe();
    sellers.say(LINE, &users[0], "嗨").await;
    let list = BoundTo {
        seller: sellers.may,
        shop: sellers.first_shop,
    };
    let told = async {
        loop {
            let notice = notices.recv().await.unwrap();
            if let Notice::BoundCustomers { lists, .. } = &*notice {
                return lists.clone();
            }
        }
    };
    let told = timeout(Duration::from_secs(30), told).await.unwrap();
    assert_eq!(told, [list].into());
    let rows = sellers.all(sellers.may).await;
    assert_eq!(rows[0].binding, first.binding);
    assert!(rows[0].last_contact_at > second.last_contact_at);
}

#[tokio::test]
async fn a_reply_moves_a_bound_customer_up() {
    let sellers = Sellers::new().await;
    let users = line_users(2);
    let first = sellers.bound(LINE, &users[0]).await;
    let world = &sellers.world;
    world.advance(Duration::from_secs(60));
    world.sandbox.advance_clock(Duration::from_secs(60));
    sellers.bound(LINE, &users[1]).await;
    world.advance(Duration::from_secs(60));
    let (store, now) = (&world.app.store, world.now());
    let (member, event) = (sellers.find(sellers.may).await, first.event.unwrap());
    let id = omocast_contract::MessageId(uuid::Uuid::now_v7());
    let (account, reply): (AccountId, _) = (world.line, text_message("您好"));
    store
        .begin_reply(&member, event, account, id, &reply, now)
        .await
        .unwrap();
    let outcome = omocast_server::store::ReplyOutcome {
        status: omocast_contract::DeliveryStatus::Sent,
        reason: None,
        external_id: Some("1".to_owned()),
    };
    store.finish_reply(event, id, &outcome, now).await.unwrap();
    let rows = sellers.all(sellers.may).await;
    assert_eq!(
        (rows[0].binding, rows[0].last_contact_at),
        (first.binding, now)
    );
}

#[tokio::test]
async fn the_binding_of_one_of_two_goes_over_to_the_person_they_are() {
    let mut sellers = Sellers::new().await;
    let user = &whatsapp_users(1)[0];
    let identity = |has_username| Identity {
        scoped_id: Some(SCOPED.to_owned()),
        has_username,
    };
    sellers.world.sandbox.add_customer(NUMBER, customer(user));
    sellers.say(NUMBER, user, "嗨").await;
    sellers.world.until_pending(1).await;
    let sandbox = sellers.world.sandbox.clone();
    sandbox.set_identity(NUMBER, user, identity(true));
    let before = sellers.bound(NUMBER, user).await;
    sandbox.set_identity(NUMBER, user, identity(false));
    sellers.say(NUMBER, user, "是我").await;
    let world = &sellers.world;
    world
        .until("the other is bound", || {
            Box::pin(async {
                let [row] = sellers.all(sellers.may).await.try_into().unwrap();
                row.binding.customer != before.binding.customer
            })
        })
        .await;
    let [row] = sellers.all(sellers.may).await.try_into().unwrap();
    let thread = sellers.thread(&row).await;
    assert_eq!(thread.messages.len(), 3);
    assert_eq!(thread.event.owner_id, Some(sellers.may));
    assert_eq!(row.last_contact_at, thread.event.last_message_at);
    sellers.world.start_delivery();
    let messages = vec![text_message("一")];
    let audience = everything(Channel::Whatsapp);
    let broadcast = sellers.world.broadcast_to(audience, messages).await;
    sellers.world.until_completed(broadcast).await;
    assert_eq!(sellers.world.on_phone(NUMBER, user), ["一"]);
}

#[tokio::test]
async fn of_two_who_are_bound_and_turn_out_to_be_one_the_number_stays_with_its_seller() {
    let sellers = Sellers::new().await;
    let user = &whatsapp_users(1)[0];
    let sandbox = &sellers.world.sandbox;
    sandbox.add_customer(NUMBER, customer(user));
    sellers.say(NUMBER, user, "聯絡專員 S002").await;
    let world = &sellers.world;
    world
        .until("the number is bound", || {
            Box::pin(async { sellers.all(sellers.other).await.len() == 1 })
        })
        .await;
    let before = sellers.all(sellers.other).await;
    for has_username in [true, false] {
        let scoped_id = Some(SCOPED.to_owned());
        let identity = Identity {
            scoped_id,
            has_username,
        };
        sandbox.set_identity(NUMBER, user, identity);
        sellers.say(NUMBER, user, "聯絡專員 S001").await;
        let mine = usize::from(has_username);
        world
            .until("the webhook is taken in", || {
                let sellers = &sellers;
                Box::pin(async move { sellers.all(sellers.may).await.len() == mine })
            })
            .await;
    }
    let after = sellers.all(sellers.other).await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].binding, before[0].binding);
}
