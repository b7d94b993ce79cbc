//! The HTTP interface, driven as a browser would: one module per resource.

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
