//! The pages that list customers to talk and to broadcast to: 對話 and 綁定顧客, and the parts that both are made of.
//!
//! Where one is stands in the address; what a list keeps and who is ticked is one `Audience` (`picking`),
//! which is the list's filter and the broadcast's audience alike, so that the two cannot differ.
//! A list is a `CustomerList` of its rows' type (`list`), shown by the one `ListPane`; what is made for those who are
//! chosen, `making` decides.

pub mod bound;
mod checking;
pub mod compose_pane;
pub mod conversations;
pub mod customer_pane;
pub mod drafts;
pub mod events;
pub mod list;
pub mod list_pane;
mod making;
mod news;
mod pickable;
pub mod picking;
pub mod saved_replies;
mod surface;
pub mod template_pane;
pub mod test_send;
pub mod thread_pane;
mod upload_jobs;
