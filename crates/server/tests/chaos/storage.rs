//! The disk is full while a broadcast goes out.

use std::process::Command;

use omocast_contract::Channel;

use crate::installation::{Crowd, Installation, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_a_broadcast_and_room_lets_it_go_on() {
    let crowd = Crowd {
        line: 300,
        whatsapp: 100,
        facebook: 100,
        instagram: 50,
    };
    let mut installation = Installation::new(crowd).await;
    installation.set_pace(1);
    installation.start().await;
    let broadcast = installation.broadcast().await;
    installation.kill().await;
    installation.set_pace(80);
    installation.let_leases_end().await;
    let database = installation.folder.path().join("omocast.db");
    let bytes = std::fs::metadata(database).unwrap().len();
    // A few pages more than there are, in blocks of 512 bytes; the signal that goes with the limit is ignored, so that
    // a write fails as on a full disk.
    let blocks = bytes / 512 + 64;
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\""),
        env!("CARGO_BIN_EXE_omocast-server"),
        "serve",
    ]);
    installation.start_as(command).await;
    until("the server can't write any more", async || {
        !installation.is_ready().await
    })
    .await;
    installation.kill().await;
    installation.let_leases_end().await;
    installation.start().await;
    for outcome in installation.until_judged(broadcast).await {
        let is_line = outcome.recipient.channel == Channel::Line;
        assert!(outcome.is_complete() || (!is_line && outcome.is_unknown()));
    }
}
