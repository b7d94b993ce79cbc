//! What goes over the wire: connectors, webhooks and delivery, over the stand-ins of the platforms.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that helpers are tests too"
)]

mod bad_webhooks;
mod bindings;
mod connectors;
mod control;
mod delivery;
mod inbound_media;
mod media;
mod pages;
mod scoped_ids;
mod support;
mod templates;
mod throughput;
mod webhooks;
