//! Which target answers a request: names → targets, and how the body gets there.
//!
//! Everything here is decided from values handed in; nothing asks the network or a clock.

pub mod health;
pub mod plan;
pub mod pressure;
pub mod table;
pub mod way;

pub use plan::{Plan, WORDS, plan, wants_thought_beside_tools};
pub use table::{Choice, Names, Offer, Route, Table, Target, Unknown};
pub use way::Way;
