//! What goes over the wire: connectors, webhooks and delivery, over the stand-ins of the platforms.

mod connectors;
mod delivery;
mod support;
mod throughput;
mod webhooks;
