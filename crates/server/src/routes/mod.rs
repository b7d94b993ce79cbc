//! What each endpoint does: one file per resource, in the words of the contract.

pub mod assets;
pub mod audience;
pub mod bound_customers;
pub mod broadcasts;
pub mod drafts;
pub mod events;
pub mod health;
pub mod live;
pub mod media;
pub mod openapi;
pub mod saved_replies;
pub mod session;
pub mod templates;
pub mod test_sends;
