//! How everything that runs hears that the server stops.

use std::future::Future;

use tokio::sync::watch;

/// Tells that the server stops. Cheap to clone: one for each that runs.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Stops the server; so does dropping it.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Shutdown {
    /// A shutdown and what triggers it.
    pub fn channel() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (Trigger(sender), Self(receiver))
    }

    /// Whether the server is to stop.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the server is to stop.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut receiver = self.0.clone();
        async move {
            // An error means that the trigger is gone, which is the end as well.
            drop(receiver.wait_for(|&is_over| is_over).await);
        }
    }
}

impl Trigger {
    /// Stops the server.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Ends with Ctrl-C, or with the signal by which a service is stopped.
pub async fn signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
