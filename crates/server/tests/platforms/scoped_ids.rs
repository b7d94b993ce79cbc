//! WhatsApp's two ids of one person: the number, and the business-scoped id that alone is told of who takes a username.

use std::time::Duration;

use axum::http::StatusCode;
use omocast_contract::api::Thread;
use omocast_contract::{
    Audience, Channel, DeliveryStatus, EventAction, EventId, EventStatus, EventView, Pick, Reason,
    Role,
};
use omocast_sandbox::{Identity, Notice};
use serde_json::{Value, json};

use crate::support::{
    NUMBER, SCOPED, Setup, World, customer, text_message, utterance, whatsapp_users,
};
use crate::templates::hello;
use crate::webhooks::post_whatsapp_field;

/// By what the business is told of somebody.
#[derive(Clone, Copy)]
enum Told {
    Number,
    Scoped,
    Both,
}

impl World {
    fn tell(&self, user: &str, told: Told) {
        let identity = match told {
            Told::Number => Identity::default(),
            Told::Scoped | Told::Both => Identity {
                scoped_id: Some(SCOPED.to_owned()),
                has_username: matches!(told, Told::Scoped),
            },
        };
        self.sandbox.set_identity(NUMBER, user, identity);
    }

    /// The customer writes, and is told like this.
    async fn hear(&self, user: &str, told: Told, words: &str) {
        self.tell(user, told);
        let said = vec![utterance(NUMBER, user, words)];
        self.sandbox.say(said).await.unwrap();
        self.until_taken_in().await;
    }

    async fn prefer(&self, ids: Value, value: &str, second: i64) {
        let mut preference = ids;
        preference["category"] = "marketing_messages".into();
        preference["value"] = value.into();
        preference["timestamp"] = second.into();
        let told = json!({ "user_preferences": [preference] });
        let status = post_whatsapp_field(self, NUMBER, "user_preferences", told).await;
        assert_eq!(status, StatusCode::OK);
        self.until_taken_in().await;
    }

    async fn thread_of(&self, event: EventId) -> Thread {
        let mut member = self.member().await;
        member.role = Role::Admin;
        let thread = self.app.store.find_thread(&member, event, None).await;
        thread.unwrap()
    }

    /// To whom the product wrote, by the field that says so.
    fn written_to(&self) -> Vec<Value> {
        let requests = self.sandbox.requests();
        let sent = requests
            .iter()
            .filter(|one| one.path.ends_with("/messages"));
        sent.map(|one| json!([one.body["to"], one.body["recipient"]]))
            .collect()
    }

    async fn ended(&self) -> Vec<EventId> {
        let role = self.member().await.role;
        let store = &self.app.store;
        store.update_role(self.member, Role::Admin).await.unwrap();
        let rows = self.events(EventView::Ended).await;
        store.update_role(self.member, role).await.unwrap();
        rows.iter().map(|row| row.id).collect()
    }
}

#[tokio::test]
async fn who_takes_a_username_stays_the_same_customer() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    world.sandbox.add_customer(NUMBER, customer(user));
    world.tell(user, Told::Both);
    world.customers(NUMBER, std::slice::from_ref(user)).await;
    world.hear(user, Told::Scoped, "還在嗎").await;
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!((event.unread, event.last_text.as_str()), (2, "還在嗎"));
    assert_eq!(world.until_pending(0).await.len(), 0);
    let thread = world.thread_of(event.id).await;
    assert_eq!(thread.messages.len(), 2);
    assert_eq!(thread.customer.phone.as_deref(), Some(user.as_str()));
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(NUMBER, user), ["一"]);
    // As long as a number is known, it is written to.
    assert_eq!(world.written_to(), [json!([user, null])]);
    world
        .until("the broadcast is read", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.read == 1 })
        })
        .await;
}

#[tokio::test]
async fn whose_number_is_told_later_is_the_customer_of_before() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    world.sandbox.add_customer(NUMBER, customer(user));
    world.tell(user, Told::Scoped);
    world.customers(NUMBER, std::slice::from_ref(user)).await;
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    for told in [Told::Both, Told::Number, Told::Scoped] {
        world.hear(user, told, "還在嗎").await;
    }
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!(event.unread, 4);
    let thread = world.thread_of(event.id).await;
    assert_eq!(thread.customer.phone.as_deref(), Some(user.as_str()));
    let broadcast = world.broadcast(&["二"]).await;
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(NUMBER, user), ["一", "二"]);
    let written_to = [json!([null, SCOPED]), json!([user, null])];
    assert_eq!(world.written_to(), written_to);
}

#[tokio::test]
async fn a_status_that_tells_both_ids_is_enough_to_know_both() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    world.customers(NUMBER, std::slice::from_ref(user)).await;
    world.tell(user, Told::Both);
    world.start_delivery();
    let broadcast = world.broadcast(&["一"]).await;
    world.until_completed(broadcast).await;
    world
        .until("the broadcast is read", || {
            Box::pin(async { world.find(broadcast).await.summary.progress.read == 1 })
        })
        .await;
    world.hear(user, Told::Scoped, "還在嗎").await;
    let events = world.events(EventView::Mine).await;
    assert_eq!(events.iter().map(|event| event.unread).sum::<u32>(), 2);
    assert_eq!((events.len(), world.until_pending(0).await.len()), (1, 0));
}

#[tokio::test]
async fn who_stops_marketing_by_either_id_has_stopped_it() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    world.sandbox.add_customer(NUMBER, customer(user));
    world.tell(user, Told::Both);
    world.customers(NUMBER, std::slice::from_ref(user)).await;
    let second = world.now().0 / 1_000 - 100;
    let (number, scoped) = (json!({ "wa_id": user }), json!({ "user_id": SCOPED }));
    let told = [
        (&scoped, "stop", true),
        (&number, "resume", false),
        (&number, "stop", true),
        (&scoped, "resume", false),
    ];
    for (at, (ids, value, has_stopped)) in (second..).zip(told) {
        world.prefer(ids.clone(), value, at).await;
        assert_eq!(world.has_stopped_marketing().await, has_stopped, "{value}");
    }
}

#[tokio::test]
async fn two_who_turn_out_to_be_one_person_get_a_broadcast_once() {
    let mut world = World::with(Setup {
        hold: 8_000,
        ..Setup::default()
    })
    .await;
    let user = &whatsapp_users(1)[0];
    let [number, _scoped] = world.strangers(user).await;
    let store = &world.app.store;
    let tags = [(Channel::Whatsapp, NUMBER, SCOPED, "VIP")];
    store.tag_customers(&tags).await.unwrap();
    let to_both = world.broadcast(&["一"]).await;
    assert_eq!(world.recipients(to_both).await.len(), 2);
    world.hear(user, Told::Both, "是我").await;

    // One conversation goes on, with all that was said.
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!((event.id, event.unread), (number, 3));
    assert_eq!(event.tags, ["VIP"]);
    assert_eq!(world.thread_of(event.id).await.messages.len(), 3);
    for told in [Told::Scoped, Told::Number] {
        world.hear(user, told, "還在嗎").await;
    }
    assert_eq!(world.events(EventView::Mine).await[0].unread, 5);

    // What was accepted before is handed over once, and so is what is sent to both, whoever takes the other up again.
    let [other] = world.ended().await.try_into().unwrap();
    world.reopen(other).await;
    let again = world.broadcast(&["二"]).await;
    assert_eq!(world.find(again).await.summary.progress.skipped, 1);
    world.start_delivery();
    world.advance(Duration::from_secs(9));
    for broadcast in [to_both, again] {
        world.until_completed(broadcast).await;
        let mut became: Vec<_> = world.recipients(broadcast).await;
        became.sort_by_key(|one| one.event != Some(number));
        let became = became.iter().map(|one| (one.status, one.reason));
        let became: Vec<_> = became.collect();
        assert_eq!(became[0].1, None);
        assert_eq!(
            became[1],
            (DeliveryStatus::Skipped, Some(Reason::Duplicate))
        );
    }
    assert_eq!(world.on_phone(NUMBER, user), ["一", "二"]);
    assert_eq!(
        world.written_to(),
        [json!([user, null]), json!([user, null])]
    );
}

#[tokio::test]
async fn two_may_turn_out_to_be_one_person_in_the_middle_of_a_webhook() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    let [number, scoped] = world.strangers(user).await;
    let now = (world.now().0 / 1_000).to_string();
    let message = |id: &str, number: Value| {
        json!({
            "from": number, "from_user_id": SCOPED, "id": id, "timestamp": now, "type": "text",
            "text": { "body": id },
        })
    };
    let messages = [
        message("一", Value::Null),
        message("二", user.as_str().into()),
        message("三", Value::Null),
    ];
    let told = json!({ "messages": messages });
    let status = post_whatsapp_field(&world, NUMBER, "messages", told).await;
    assert_eq!(status, StatusCode::OK);
    world.until_taken_in().await;
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!((event.id, event.unread), (number, 5));
    assert_eq!(world.thread_of(number).await.messages.len(), 5);
    assert_eq!(world.ended().await, [scoped]);
}

#[tokio::test]
async fn a_broadcast_that_waits_for_one_of_two_arrives_at_the_person_they_are() {
    let mut world = World::with(Setup {
        hold: 8_000,
        ..Setup::default()
    })
    .await;
    let user = &whatsapp_users(1)[0];
    let [number, scoped] = world.strangers(user).await;
    let only = Audience {
        pick: Pick::Only(vec![scoped.into()]),
        ..Audience::default()
    };
    let messages = vec![text_message("一")];
    let broadcast = world.broadcast_to(only, messages).await;
    world.hear(user, Told::Both, "是我").await;
    world.start_delivery();
    world.advance(Duration::from_secs(9));
    world.until_completed(broadcast).await;
    assert_eq!(world.on_phone(NUMBER, user), ["一"]);
    let recipients = world.recipients(broadcast).await;
    assert_eq!(recipients[0].event, Some(number));
    // The three words of the customer, and the broadcast.
    assert_eq!(world.thread_of(number).await.messages.len(), 4);
}

#[tokio::test]
async fn who_was_left_out_under_one_id_gets_what_waits_for_the_other() {
    let mut world = World::with(Setup {
        hold: 8_000,
        ..Setup::default()
    })
    .await;
    let user = &whatsapp_users(1)[0];
    let [number, _] = world.strangers(user).await;
    sqlx::query("update customer set is_blocked = 1 where external_id = $1")
        .bind(user)
        .execute(world.app.store.raw())
        .await
        .unwrap();
    let broadcast = world.broadcast(&["一"]).await;
    assert_eq!(world.find(broadcast).await.summary.progress.skipped, 1);
    // Who writes under one id has blocked nobody under the other.
    world.hear(user, Told::Both, "是我").await;
    world.start_delivery();
    world.advance(Duration::from_secs(9));
    let done = world.until_completed(broadcast).await;
    assert_eq!(done.summary.progress.accepted(), 1);
    assert_eq!(world.on_phone(NUMBER, user), ["一"]);
    let recipients = world.recipients(broadcast).await;
    assert_eq!(recipients[0].event, Some(number));
}

#[tokio::test]
async fn who_was_added_by_number_and_wrote_under_a_username_keeps_the_conversation() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    let (store, now) = (&world.app.store, world.now());
    let added = store.create_contact(world.team, world.whatsapp, user, "林佩珊", now);
    let added = added.await.unwrap();
    world.sandbox.add_customer(NUMBER, customer(user));
    world.tell(user, Told::Scoped);
    world.customers(NUMBER, std::slice::from_ref(user)).await;
    let [before] = world.events(EventView::Mine).await.try_into().unwrap();
    world.hear(user, Told::Both, "是我").await;
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!(
        (event.id, event.customer, event.unread),
        (before.id, added, 2)
    );
    assert!(world.ended().await.is_empty());
}

#[tokio::test]
async fn whoever_has_one_of_two_in_hand_goes_on_with_the_person_they_are() {
    let mut world = World::new().await;
    let user = &whatsapp_users(1)[0];
    let [number, scoped] = world.strangers(user).await;
    let member = world.member().await;
    let (store, now) = (&world.app.store, world.now());
    let ended = store.act_on_event(&member, number, EventAction::End, now);
    ended.await.unwrap();
    let code = store.create_test_code(&member, "4F7K2Q", now.plus(1_000));
    code.await.unwrap();
    world.hear(user, Told::Scoped, "測試 4F7K2Q").await;
    // Neither has said a word since: a stop of marketing tells that they are one.
    let second = now.0 / 1_000 - 100;
    world
        .prefer(json!({ "user_id": SCOPED }), "stop", second)
        .await;
    let both = json!({ "wa_id": user, "user_id": SCOPED });
    world.prefer(both, "resume", second - 50).await;
    let [event] = world.events(EventView::Mine).await.try_into().unwrap();
    assert_eq!((event.id, event.status), (number, EventStatus::InProgress));
    assert_eq!(world.ended().await, [scoped]);
    // What was said of marketing last holds for the person, and tests go to them as before.
    assert!(world.has_stopped_marketing().await);
    let target = store.find_test_target(&member, Channel::Whatsapp).await;
    assert_eq!(target.unwrap().unwrap().event, number);
}

impl World {
    /// One user is taken for two customers, whom the member follows: the number's event, and that of the scoped id.
    async fn strangers(&mut self, user: &str) -> [EventId; 2] {
        self.sandbox.add_customer(NUMBER, customer(user));
        let mut events = Vec::new();
        for told in [Told::Number, Told::Scoped] {
            self.tell(user, told);
            self.customers(NUMBER, &[user.to_owned()]).await;
            let mine = self.events(EventView::Mine).await;
            let new = mine.iter().map(|event| event.id);
            events.extend(new.filter(|id| !events.contains(id)).collect::<Vec<_>>());
        }
        events.try_into().unwrap()
    }

    async fn reopen(&self, event: EventId) {
        let mut member = self.member().await;
        member.role = Role::Admin;
        let (store, now) = (&self.app.store, self.now());
        let reopened = store.act_on_event(&member, event, EventAction::Reopen, now);
        reopened.await.unwrap();
        let mine = self.events(EventView::Mine).await;
        assert!(mine.iter().any(|row| row.id == event));
    }

    /// Whether the one customer there is would be left out of marketing.
    async fn has_stopped_marketing(&self) -> bool {
        self.put(hello(), Notice::Lost);
        self.read_templates().await;
        let count = self.count("hello").await;
        let customers = count.reached_total() + count.skipped_total();
        assert_eq!(customers, 1, "{count:?}");
        count
            .skipped
            .iter()
            .any(|one| one.reason == Reason::OptedOut)
    }
}
