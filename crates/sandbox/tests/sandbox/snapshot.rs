//! The state outlives the process.

use omocast_sandbox::{Receipts, Sandbox, SandboxConfig};
use serde_json::json;

use crate::support::{LINE, MAY, World, accounts, answer};

const KEY: &str = "123e4567-e89b-12d3-a456-426614174000";

#[tokio::test]
async fn customers_messages_retry_keys_and_quota_survive() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().to_owned());
    let push = |world: &World| {
        world
            .push(MAY, json!([{ "type": "text", "text": "留下" }]))
            .header("X-Line-Retry-Key", KEY)
    };
    let before = World::with(Some(10), state.clone()).await;
    assert_eq!(answer(push(&before)).await.0, 200);
    before.sandbox.block(LINE, MAY);
    before.sandbox.settle().await;
    before.sandbox.save().await.unwrap();

    let after = World::with(Some(10), state).await;
    assert_eq!(
        after.sandbox.messages(LINE, MAY),
        before.sandbox.messages(LINE, MAY)
    );
    assert_eq!(answer(push(&after)).await.0, 409);
    assert_eq!(
        answer(after.line_get(&format!("profile/{MAY}"))).await.0,
        404
    );
    let used = answer(after.line_get("message/quota/consumption")).await.1;
    assert_eq!(used["totalUsage"], 1);
}

#[tokio::test]
async fn serving_ends_with_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let config = SandboxConfig {
        state: Some(folder.path().to_owned()),
        accounts: accounts(None),
        receipts: Receipts::default(),
    };
    let sandbox = Sandbox::new(config).await.unwrap();
    sandbox.add_customer(LINE, crate::support::customer(MAY, "林小美"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(sandbox.serve(listener, async move {
        stopped.await.ok();
    }));
    // An open event stream must not hold the end up.
    let events = reqwest::get(format!("{base}/phone/{LINE}/{MAY}/events"))
        .await
        .unwrap();
    assert_eq!(events.status(), 200);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    let saved = std::fs::read_to_string(folder.path().join("sandbox.json")).unwrap();
    assert!(saved.contains("林小美"));
    drop(events);
}

#[tokio::test]
async fn a_broken_snapshot_is_an_error_not_an_empty_state() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sandbox.json"), "{").unwrap();
    let state = Some(folder.path().to_owned());
    let config = SandboxConfig {
        state,
        accounts: accounts(None),
        receipts: Receipts::default(),
    };
    assert!(Sandbox::new(config).await.is_err());
}
