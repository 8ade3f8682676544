//! Where requests go and as whom: vendors, credentials and addresses, all as values.
//!
//! A vendor that speaks a known dialect is one row of [`vendors`]; [`auth`] says how its key is
//! sent, [`url`] where each operation lies, [`limits`] what its headers tell of its patience.

pub mod auth;
pub mod limits;
mod table;
#[cfg(test)]
mod tests;
pub mod through;
pub mod url;
pub mod vendors;

pub use auth::{Auth, Source};
pub use url::{Base, Operation};
pub use vendors::{Platform, Vendor};
