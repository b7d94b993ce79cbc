//! Data of before brought up to date: what was kept by earlier tables is found again by those of today.

use std::path::Path;

use omocast_contract::api::RecipientQuery;
use omocast_contract::message::{MessageContent, MessageOrigin};
use omocast_contract::{
    AccountId, BroadcastId, CustomerId, DeliveryStatus, EventId, MemberId, Reason, Timestamp,
};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, query};
use uuid::Uuid;

use super::known_as::{Known, KnownAs, find_known, learn};
use super::{Member, Store};

const NOW: i64 = 1_000 * omocast_contract::timestamp::DAY;

const MEMBER: MemberId = MemberId(Uuid::from_u128(2));
const ACCOUNT: AccountId = AccountId(Uuid::from_u128(3));
const BROADCAST: BroadcastId = BroadcastId(Uuid::from_u128(4));

fn customer(number: u128) -> CustomerId {
    CustomerId(Uuid::from_u128(10 + number))
}

fn event(number: u128) -> EventId {
    EventId(Uuid::from_u128(20 + number))
}

/// Makes a database as it was after the migration `version`, with these rows.
async fn fill(path: &Path, version: i64, rows: &[String]) {
    let all = sqlx::migrate!();
    let until = all.iter().filter(|one| one.version <= version).cloned();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true);
    let mut connection = options.connect().await.unwrap();
    let until = Migrator::with_migrations(until.collect());
    until.run(&mut connection).await.unwrap();
    for row in rows {
        let insert = query(AssertSqlSafe(row.as_str()));
        insert
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{row}: {error}"));
    }
    connection.close().await.unwrap();
}

/// A broadcast under way before deliveries had a number and threads read them: one customer got it and answered,
/// one can't be reached, one has not had their turn.
fn broadcast_under_way() -> Vec<String> {
    let team = Uuid::from_u128(1);
    let mut rows = vec![
        format!("insert into team (id, name, plan, time_zone, created_at) values ('{team}', 'ATELIER', 'omo', 'Asia/Taipei', 1)"),
        format!(
            "insert into member (id, team_id, name, email, password_hash, role, created_at)
             values ('{MEMBER}', '{team}', '小美', 'may@example.com', '', 'sales_rep', 1)"
        ),
        format!(
            "insert into account (id, team_id, channel, name, external_id, credentials, created_at)
             values ('{ACCOUNT}', '{team}', 'line', '店', 'U1', '', 1)"
        ),
        format!(
            "insert into broadcast (id, team_id, member_id, idempotency_key, request_hash, title, messages, message_count,
                                    audience, status, created_at, starts_at)
             values ('{BROADCAST}', '{team}', '{MEMBER}', 'key', '', '新品', '[{{\"type\":\"text\",\"text\":\"一\"}},{{\"type\":\"text\",\"text\":\"二\"}}]',
                     2, '{{}}', 'sending', {NOW}, {NOW})"
        ),
    ];
    let standing = [
        ("sent", "null", [("sent", "null"), ("read", "null")]),
        (
            "failed",
            "'blocked'",
            [
                ("failed", "'blocked'"),
                ("skipped", "'earlier_message_failed'"),
            ],
        ),
        ("queued", "null", [("queued", "null"), ("queued", "null")]),
    ];
    for (number, (status, reason, deliveries)) in (0..).zip(standing) {
        let (customer, event) = (customer(number), event(number));
        let is_open = i64::from(status == "queued");
        rows.extend([
            format!(
                "insert into customer (id, team_id, account_id, external_id, name, name_folded, created_at)
                 values ('{customer}', '{team}', '{ACCOUNT}', 'Ua{number}', '顧客 {number}', '顧客 {number}', 1)"
            ),
            format!(
                "insert into event (id, team_id, customer_id, account_id, channel, status, owner_id, last_message_at,
                                    last_inbound_at, created_at)
                 values ('{event}', '{team}', '{customer}', '{ACCOUNT}', 'line', 'in_progress', '{MEMBER}', {NOW}, {NOW}, 1)"
            ),
            format!(
                "insert into recipient (broadcast_id, customer_id, event_id, account_id, channel, status, reason, updated_at,
                                        is_open, name)
                 values ('{BROADCAST}', '{customer}', '{event}', '{ACCOUNT}', 'line', '{status}', {reason}, {NOW}, {is_open},
                         '顧客 {number}')"
            ),
        ]);
        for (position, (status, reason)) in (0_i64..).zip(deliveries) {
            let external = match status {
                "sent" | "read" => format!("'line-{position}'"),
                _ => "null".to_owned(),
            };
            rows.push(format!(
                "insert into delivery (broadcast_id, customer_id, position, status, reason, external_id, updated_at)
                 values ('{BROADCAST}', '{customer}', {position}, '{status}', {reason}, {external}, {NOW})"
            ));
            if external != "null" {
                let (id, at) = (Uuid::now_v7(), NOW + position);
                rows.push(format!(
                    "insert into message (id, team_id, event_id, account_id, direction, kind, text, at, external_id,
                                          member_id, broadcast_id, position, status)
                     values ('{id}', '{team}', '{event}', '{ACCOUNT}', 'outbound', 'text', '', {at}, {external}, '{MEMBER}',
                             '{BROADCAST}', {position}, '{status}')"
                ));
            }
        }
    }
    let (id, at, event) = (Uuid::now_v7(), NOW + 100, event(0));
    rows.push(format!(
        "insert into message (id, team_id, event_id, account_id, direction, kind, text, at, external_id)
         values ('{id}', '{team}', '{event}', '{ACCOUNT}', 'inbound', 'text', '好看', {at}, 'answer')"
    ));
    rows
}

/// What the store of today makes of the broadcast.
async fn reopened() -> (tempfile::TempDir, Store, Member) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("omocast.db");
    fill(&path, 6, &broadcast_under_way()).await;
    let store = Store::open(&path).await.unwrap();
    let member = store.find_member(MEMBER).await.unwrap().unwrap();
    (folder, store, member)
}

#[tokio::test]
async fn nothing_is_left_that_names_nothing() {
    let (_folder, store, _) = reopened().await;
    let broken = query("pragma foreign_key_check")
        .fetch_all(store.raw())
        .await
        .unwrap();
    assert_eq!(broken.len(), 0);
}

#[tokio::test]
async fn each_recipient_stands_where_they_stood_with_each_message() {
    let (_folder, store, member) = reopened().await;
    let asked = RecipientQuery::default();
    let page = store
        .list_recipients(&member, BROADCAST, &asked)
        .await
        .unwrap();
    let stand: Vec<_> = page
        .rows
        .iter()
        .map(|row| {
            let messages = row.deliveries.iter();
            let messages = messages.map(|each| (each.status, each.reason));
            (row.customer, row.status, messages.collect::<Vec<_>>())
        })
        .collect();
    use DeliveryStatus::{Failed, Queued, Read, Sent, Skipped};
    let failed = [
        (Failed, Some(Reason::Blocked)),
        (Skipped, Some(Reason::EarlierMessageFailed)),
    ];
    let expected = [
        (customer(0), Sent, [(Sent, None), (Read, None)]),
        (customer(1), Failed, failed),
        (customer(2), Queued, [(Queued, None), (Queued, None)]),
    ];
    assert_eq!(
        stand,
        expected.map(|(customer, status, messages)| (customer, status, messages.to_vec()))
    );
}

/// What became of a message of ours.
fn status_of(origin: MessageOrigin) -> Option<DeliveryStatus> {
    match origin {
        MessageOrigin::Outbound { status, .. } => Some(status),
        MessageOrigin::Inbound => None,
    }
}

#[tokio::test]
async fn the_thread_shows_what_was_sent_when_it_was_sent() {
    let (_folder, store, member) = reopened().await;
    let thread = store.find_thread(&member, event(0), None).await.unwrap();
    let shown: Vec<_> = thread
        .messages
        .into_iter()
        .map(|message| {
            (
                message.at.0 - NOW,
                status_of(message.origin),
                message.content,
            )
        })
        .collect();
    let text = |text: &str| MessageContent::Text { text: text.into() };
    let expected = [
        (0, Some(DeliveryStatus::Sent), text("一")),
        (1, Some(DeliveryStatus::Read), text("二")),
        (100, None, text("好看")),
    ];
    assert_eq!(shown, expected);
    let none = store.find_thread(&member, event(2), None).await.unwrap();
    assert_eq!(none.messages.len(), 0);
}

#[tokio::test]
async fn whoever_waited_is_handed_over_next_and_nobody_else() {
    let (_folder, store, _) = reopened().await;
    let claim = store
        .claim_recipients(ACCOUNT, Uuid::now_v7(), Timestamp(NOW + 1_000), 10)
        .await
        .unwrap();
    let claimed: Vec<_> = claim
        .recipients
        .iter()
        .map(|one| (one.customer, one.name.as_deref(), one.positions.as_slice()))
        .collect();
    assert_eq!(claimed, [(customer(2), Some("顧客 2"), [0, 1].as_slice())]);
    assert_eq!(claim.recipients[0].key.broadcast, BROADCAST);
}

/// Customers of WhatsApp before both ids of one were known: one by the number, one by the scoped id; and one of LINE.
fn customers_by_one_id() -> Vec<String> {
    let team = Uuid::from_u128(1);
    let line = Uuid::from_u128(5);
    let mut rows = vec![
        format!("insert into team (id, name, plan, time_zone, created_at) values ('{team}', 'ATELIER', 'omo', 'Asia/Taipei', 1)"),
        format!(
            "insert into account (id, team_id, channel, name, external_id, credentials, created_at)
             values ('{ACCOUNT}', '{team}', 'whatsapp', '店', '1', '', 1), ('{line}', '{team}', 'line', '店', 'U1', '', 1)"
        ),
    ];
    let customers = [
        (ACCOUNT.0, "886912345678", "'886912345678'"),
        (ACCOUNT.0, "TW.1", "null"),
        (line, "Ua1", "null"),
    ];
    rows.extend((0..).zip(customers).map(|(number, (account, id, phone))| {
        let customer = customer(number);
        format!(
            "insert into customer (id, team_id, account_id, external_id, name, name_folded, phone, phone_digits, created_at)
             values ('{customer}', '{team}', '{account}', '{id}', '', '', {phone}, {phone}, 1)"
        )
    }));
    rows
}

#[tokio::test]
async fn who_was_known_by_one_id_is_found_by_it_and_known_by_both_once_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("omocast.db");
    fill(&path, 9, &customers_by_one_id()).await;
    let store = Store::open(&path).await.unwrap();
    let scoped = |id: &str| KnownAs {
        external_id: id.to_owned(),
        scoped_id: Some(id.to_owned()),
    };
    let both = |number: &str, id: &str| KnownAs {
        external_id: number.to_owned(),
        ..scoped(id)
    };
    let mut tx = store.begin_write().await.unwrap();
    for (known_as, expected) in [
        (KnownAs::by("886912345678"), 0),
        (scoped("TW.1"), 1),
        (both("886900000000", "TW.1"), 1),
        (KnownAs::by("886900000000"), 1),
        (both("886912345678", "TW.2"), 0),
        (scoped("TW.2"), 0),
    ] {
        let known = find_known(&mut tx, ACCOUNT, &known_as).await.unwrap();
        assert_eq!(known, Known::One(customer(expected)), "{known_as:?}");
        learn(&mut tx, ACCOUNT, customer(expected), &known_as)
            .await
            .unwrap();
    }
    let nobody = find_known(&mut tx, ACCOUNT, &scoped("Ua1")).await.unwrap();
    assert_eq!(nobody, Known::Nobody);
    let two = both("886912345678", "TW.1");
    let two = find_known(&mut tx, ACCOUNT, &two).await.unwrap();
    let (first, second) = (customer(0), customer(1));
    assert_eq!(two, Known::Two { first, second });
}
