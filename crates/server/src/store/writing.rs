//! A thread of its own for what writes much.
//!
//! There is one writer, and every transaction waits for the one before it. Between its statements a transaction waits
//! to be gone on with; among the requests that the server's threads have under way that takes many times as long as the
//! statements do, and the writer stands idle meanwhile.

use tokio::runtime::{Builder, Handle, Runtime};

/// The thread; it ends with the last who has it.
#[derive(Debug)]
pub(super) struct Writing(Option<Runtime>);

impl Writing {
    pub(super) fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("writing")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    pub(super) fn handle(&self) -> &Handle {
        self.0
            .as_ref()
            .expect("it runs until it is dropped")
            .handle()
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Whoever drops it may be a task, which must not wait.
            runtime.shutdown_background();
        }
    }
}
