//! The cache: identical questions cost one call.

pub mod semantic;
pub mod tier;

pub use tier::Tier;
