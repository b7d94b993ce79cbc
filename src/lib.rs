//! omocast in the browser: shop staff broadcast to the customers they already talk to.
#![recursion_limit = "256"]

pub mod api;
pub mod app;
pub mod components;
pub mod drafts;
pub mod emoji;
#[cfg(feature = "preview")]
pub mod gallery;
pub mod i18n;
pub mod live;
pub mod pages;
pub mod part;
pub mod picture;
pub mod route;
pub mod session;
pub mod theme;
pub mod ui;
pub mod upload;
pub mod video;

pub use app::start;
