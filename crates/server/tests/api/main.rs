//! The HTTP interface, driven as a browser would: one module per resource.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod broadcasts;
mod events;
mod live;
mod media;
mod replies;
mod serving;
mod session;
mod speed;
mod support;
mod walk;
