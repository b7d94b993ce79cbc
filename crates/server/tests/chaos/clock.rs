//! The machine's clock jumps while a broadcast goes out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use omocast_server::app::Clock;

use crate::judge::TEXTS;
use crate::platforms::{LINE, NUMBER, World, line_users, whatsapp_users};

fn jump(world: &World, milliseconds: i64) {
    let Clock::Fixed(now) = &world.app.clock else {
        panic!("the clock is the test's");
    };
    now.fetch_add(milliseconds, Ordering::SeqCst);
    world.app.wake.deliveries.notify_one();
}

async fn check_jump(milliseconds: i64) {
    let mut world = World::new().await;
    let (line, whatsapp) = (line_users(300), whatsapp_users(60));
    world.customers(LINE, &line).await;
    world.customers(NUMBER, &whatsapp).await;
    world.start_delivery();
    let broadcast = world.broadcast(&TEXTS).await;
    world
        .until("some messages are out", || {
            Box::pin(async {
                let sendings = |account| world.sandbox.traffic(account).sendings;
                sendings(LINE) > 20 && sendings(NUMBER) > 20
            })
        })
        .await;
    jump(&world, milliseconds);
    // What was put off to a time that the clock has to come to again.
    let passed = milliseconds.unsigned_abs() + 60_000;
    world.advance(Duration::from_millis(passed));
    world.until_completed(broadcast).await;
    for (account, users) in [(LINE, &line), (NUMBER, &whatsapp)] {
        for user in users {
            assert_eq!(world.on_phone(account, user), TEXTS, "{user}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_by_ten_minutes() {
    check_jump(600_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_by_an_hour() {
    check_jump(-3_600_000).await;
}
