//! The HTTP interface, driven as a browser would: one module per resource.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod bindings;
mod bound_broadcasts;
mod broadcasts;
mod contents;
mod control;
mod drafts;
mod events;
mod line;
mod live;
mod media;
mod preflight;
mod replies;
mod saved_replies;
mod serving;
mod session;
mod speed;
mod storage;
mod support;
mod templates;
mod test_sends;
mod walk;
