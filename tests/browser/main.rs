//! Components and pages in a real browser, over the in-memory server of the preview.
#![cfg(target_arch = "wasm32")]
#![expect(
    clippy::unwrap_used,
    reason = "in a test's helper, too, a panic is the report"
)]

use wasm_bindgen_test::wasm_bindgen_test_configure;

mod bound_customers;
mod broadcasts;
mod composer;
mod conversations;
mod delivery;
mod drafts;
mod emoji;
mod i18n;
mod saved_replies;
mod session;
mod stories;
mod support;
mod templates;
mod test_send;
mod ui;

wasm_bindgen_test_configure!(run_in_browser);
