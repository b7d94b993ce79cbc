//! The pages, and the shell around them. A page never imports another; `customers` is a folder of two that share their parts.

pub mod broadcasts;
pub mod customers;
pub mod shell;
pub mod sign_in;
