//! The stand-ins, as the product and a customer meet them: over HTTP, on ephemeral ports.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that helpers are tests too"
)]

mod accounts;
mod faults;
mod line;
mod messenger;
mod phone;
mod snapshot;
mod support;
mod templates;
mod web;
mod webhooks;
mod whatsapp;
