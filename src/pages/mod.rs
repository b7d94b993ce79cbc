//! The pages, and the shell around them. A page never imports another.

pub mod broadcasts;
pub mod conversations;
pub mod shell;
pub mod sign_in;
