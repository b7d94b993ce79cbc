//! The disk is full while a broadcast goes out.

use std::process::Command;

use omocast_contract::{Channel, DeliveryStatus};
use omocast_sandbox::Platform;

use crate::installation::{Crowd, Installation, account_of, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_broadcast_and_room_lets_it_go_on() {
    let crowd = Crowd {
        line: 300,
        whatsapp: 100,
        facebook: 100,
        instagram: 50,
    };
    let mut installation = Installation::new(crowd).await;
    installation.set_pace(50);
    // The signal that goes with the limit is ignored, so that a write fails as on a full disk.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_omocast-server"),
        "serve",
    ]);
    installation.start_as(command).await;
    let broadcast = installation.broadcast().await;
    until("some messages are out", async || {
        let traffic = installation.sandbox.traffic(account_of(Channel::Line));
        traffic.sendings > 20
    })
    .await;
    installation.limit_files("4096");
    until("the server can't write any more", async || {
        !installation.is_ready().await
    })
    .await;
    let refused = installation.try_broadcast("chaos-0002").await;
    assert!(refused.is_server_error(), "{refused}");
    assert!(!installation.is_ready().await);
    installation.limit_files("unlimited");
    until("the server can write again", async || {
        installation.is_ready().await
    })
    .await;
    for outcome in installation.until_judged(broadcast).await {
        assert!(outcome.is_complete() && !outcome.is_unknown());
    }
    let requests = installation.sandbox.requests().into_iter();
    let mut repeats =
        requests.filter(|each| each.platform == Platform::Line && each.status == Some(409));
    assert!(repeats.next().is_none(), "nothing had to be asked again");
    // Of what the platforms told while nothing could be kept, nothing was taken, so they told it again.
    until("all of WhatsApp have read everything", async || {
        let outcomes = installation.outcomes(broadcast).await;
        let mut told = outcomes
            .iter()
            .filter(|outcome| outcome.recipient.channel == Channel::Whatsapp);
        told.all(|outcome| outcome.recipient.status == DeliveryStatus::Read)
    })
    .await;
    // Nor was the broadcast that was refused.
    let first = installation.broadcast_with_key("chaos-0001").await;
    assert_eq!(first, broadcast);
    let second = installation.broadcast_with_key("chaos-0002").await;
    assert_ne!(second, broadcast);
}
