//! A LINE that takes everything, for tests that are not about LINE.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub(crate) struct Line {
    pub(crate) address: String,
    got: Arc<(Mutex<Vec<Value>>, Notify)>,
}

impl Line {
    pub(crate) async fn start() -> Self {
        let got = Arc::new((Mutex::new(Vec::new()), Notify::new()));
        let state = got.clone();
        let push = post(async move |axum::Json(body): axum::Json<Value>| {
            let (pushes, pushed) = &*state;
            let mut pushes = pushes.lock().unwrap();
            let sent: Vec<Value> = (0..body["messages"].as_array().unwrap().len())
                .map(|at| json!({ "id": format!("{}-{at}", pushes.len() + 1) }))
                .collect();
            pushes.push(body);
            pushed.notify_one();
            axum::Json(json!({ "sentMessages": sent }))
        });
        let address = serve(Router::new().route("/v2/bot/message/push", push)).await;
        Self { address, got }
    }

    /// What it got so far.
    pub(crate) fn pushes(&self) -> Vec<Value> {
        self.got.0.lock().unwrap().clone()
    }

    /// Waits until it got `count` pushes.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let waiting = async {
            while self.pushes().len() < count {
                self.got.1.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap();
        self.pushes()
    }
}

/// Serves `router`, and tells where.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
