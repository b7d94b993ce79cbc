//! The server: routes, store, channels, webhooks, delivery.
#![recursion_limit = "256"]

pub mod announcer;
pub mod app;
pub mod attempts;
pub mod channels;
pub mod config;
pub mod delivery;
pub mod error;
pub mod follower;
pub mod live;
pub mod log;
pub mod media;
pub mod outbound;
pub mod password;
mod replies;
pub mod request;
pub mod router;
pub mod routes;
pub mod secrets;
pub mod sessions;
pub mod shutdown;
pub mod store;
pub mod sweep;
pub mod templates;
pub mod webhooks;
mod zone;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use omocast_contract::timestamp::DAY;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::Config;
use crate::shutdown::Shutdown;

/// How long requests and workers may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long a worker that broke waits before it starts again.
const RESTART: Duration = Duration::from_secs(2);
const TIDY_EVERY: Duration = Duration::from_secs(300);
/// How long webhooks that were given up are kept, in milliseconds: long enough to look into them.
const KEPT: i64 = 30 * DAY;
/// Milliseconds after which nobody waits for the answer to a reply any more.
const ABANDONED: i64 = 120_000;

/// Runs an installation until it is told to stop.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("can't listen on {}", config.listen))?;
    let public_url = config.public_url.clone();
    let app = App::open(config).await?;
    tracing::info!(public_url, "listening on {}", listener.local_addr()?);
    start(app, listener, shutdown_signal()).await
}

/// Runs the server on `listener` until `until` ends: answers requests, and works if its role says so.
pub async fn start(
    app: App,
    listener: TcpListener,
    until: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let (trigger, shutdown) = Shutdown::channel();
    let mut workers = JoinSet::new();
    if app.config.role.works() {
        workers.spawn(supervise(
            "webhooks",
            app.clone(),
            shutdown.clone(),
            |app, shutdown| webhooks::run(app, shutdown).map(told).boxed(),
        ));
        workers.spawn(supervise(
            "delivery",
            app.clone(),
            shutdown.clone(),
            |app, shutdown| delivery::run(app, shutdown).map(told).boxed(),
        ));
        workers.spawn(supervise(
            "templates",
            app.clone(),
            shutdown.clone(),
            |app, shutdown| templates::run(app, shutdown).map(told).boxed(),
        ));
        workers.spawn(supervise(
            "tidying",
            app.clone(),
            shutdown.clone(),
            |app, shutdown| tidy_up(app, shutdown).map(told).boxed(),
        ));
    }
    if !app.config.role.works() {
        workers.spawn(supervise(
            "follower",
            app.clone(),
            shutdown.clone(),
            |app, shutdown| follower::run(app, shutdown).map(told).boxed(),
        ));
    }
    let service = router::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.requested());
    let mut serving = tokio::spawn(server.into_future());
    let ended = tokio::select! {
        () = until => None,
        ended = &mut serving => Some(ended),
    };

    tracing::info!("stopping");
    trigger.stop();
    app.live.stop();
    let finished = tokio::time::timeout(GRACE, async {
        let ended = match ended {
            Some(ended) => ended,
            None => serving.await,
        };
        while workers.join_next().await.is_some() {}
        app.store.close().await;
        ended
    });
    match finished.await {
        Ok(ended) => Ok(ended??),
        Err(_) => {
            // What is still claimed is claimed again when its lease ends.
            tracing::warn!("stopped before everything was finished");
            Ok(())
        }
    }
}

/// Ends with Ctrl-C, or with the signal by which a service is stopped.
pub async fn shutdown_signal() {
    shutdown::signal().await;
}

/// Runs a worker until the shutdown; one that breaks is started again, and meanwhile the server is not ready.
async fn supervise(
    name: &'static str,
    app: App,
    shutdown: Shutdown,
    run: fn(App, Shutdown) -> BoxFuture<'static, String>,
) {
    while !shutdown.is_requested() {
        let ended = tokio::spawn(run(app.clone(), shutdown.clone())).await;
        if shutdown.is_requested() {
            break;
        }
        let cause = ended.unwrap_or_else(|error| error.to_string());
        tracing::error!(name, cause, "a worker stopped; it starts again");
        let _broken = app.health.break_down();
        tokio::select! {
            () = tokio::time::sleep(RESTART) => {}
            () = shutdown.requested() => {}
        }
    }
}

/// What a worker ended with, in words.
fn told(outcome: impl std::fmt::Debug) -> String {
    format!("{outcome:?}")
}

/// Forgets now and then what nobody needs any more.
async fn tidy_up(app: App, shutdown: Shutdown) {
    let mut swept_at = None;
    loop {
        let now = app.now();
        if swept_at.is_none_or(|at| now.since(at) >= DAY) {
            swept_at = Some(now);
            if let Err(error) = sweep::sweep(&app).await {
                let error = format!("{error:#}");
                tracing::warn!(error, "uploads that nothing uses could not be deleted");
            }
        }
        if let Err(error) = app.store.delete_expired_sessions(now).await {
            tracing::warn!(%error, "expired sessions could not be deleted");
        }
        if let Err(error) = app
            .store
            .settle_abandoned_replies(now.plus(-ABANDONED))
            .await
        {
            tracing::warn!(%error, "abandoned replies could not be settled");
        }
        if let Err(error) = app.store.delete_old_webhooks(now.plus(-KEPT)).await {
            tracing::warn!(%error, "old webhooks could not be deleted");
        }
        if let Err(error) = app.store.delete_old_platform_uploads(now).await {
            tracing::warn!(%error, "what platforms no longer keep could not be forgotten");
        }
        tokio::select! {
            () = tokio::time::sleep(TIDY_EVERY) => {}
            () = shutdown.requested() => return,
        }
    }
}
