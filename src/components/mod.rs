//! Components that know the domain. They never call the API: data in by props, intent out by callbacks.

pub mod channel_badge;
pub mod composer;
pub mod confirm_broadcast;
pub mod customer_panel;
pub mod error_text;
pub mod event_row;
pub mod filter_chips;
pub mod filter_dialog;
pub mod message_bubble;
pub mod message_editor;
pub mod preview_phone;
pub mod progress_figures;
pub mod progress_meter;
pub mod reason_text;
pub mod recipient_table;
pub mod reply_box;
pub mod select_bar;
pub mod send_bar;
pub mod status_chip;
pub mod thread_view;
