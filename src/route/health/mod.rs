//! Who is well: what attempts came to, and whom it is not worth asking for a while.
//!
//! A provider has a breaker for its host, one for each of its keys, one for each of its models, and one
//! for each key at each model, so that a bad key, a bad host and a bad model are told apart. All of it
//! is atomic, takes the time as it is handed in, and outlives the configuration ([`Board`]).

mod board;
mod breaker;
mod pace;
mod reach;
mod rest;
mod room;

pub use board::{Board, Credential, Health, Model};
pub use breaker::{BESIDE, Breaker, Rules, Stand};
pub use pace::{Busy, Pace};
pub use reach::{Failure, Reach, is_in};
pub use rest::Rest;
pub use room::Room;
