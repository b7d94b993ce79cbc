//! Logs: for people or for machines, to the standard error output.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts writing logs. `RUST_LOG` says which, else `filter`.
/// A second start changes nothing.
pub fn start(filter: &str, is_json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for people: in a file they are noise.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // It fails only where logs are being written already.
    drop(if is_json {
        lines.json().try_init()
    } else {
        lines.with_target(false).try_init()
    });
}
