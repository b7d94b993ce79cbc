//! How quick it is, when asked: `cargo test -p omocast-server --release --test platforms -- --ignored --nocapture`.

use std::time::Instant;

use crate::support::{LINE, World, line_users};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn ten_thousand_recipients_of_three_messages() {
    let mut world = World::new().await;
    let users = line_users(10_000);
    let start = Instant::now();
    world.customers(LINE, &users).await;
    let told = start.elapsed();
    world.start_delivery();
    let start = Instant::now();
    let broadcast = world.broadcast(&["一", "二", "三"]).await;
    let accepted = start.elapsed();
    let done = world.until_completed(broadcast).await;
    #[expect(clippy::print_stderr, reason = "a measurement is to be read")]
    {
        eprintln!(
            "customers {told:.1?}, accepted {accepted:.1?}, delivered {:.1?}: {:?}",
            start.elapsed(),
            done.summary.progress
        );
    }
    assert_eq!(done.summary.progress.sent, 10_000);
}
