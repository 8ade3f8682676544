//! The cache: identical questions cost one call.
//!
//! What is kept is what the provider said, in its own bytes, under a number for what was asked
//! ([`fingerprint`]). So one entry serves each dialect, streamed or whole.

pub mod entry;
pub mod exact;
pub mod fingerprint;
pub mod flight;
pub mod meaning;
pub mod models;
pub mod near;
pub mod packed;
pub mod rules;
pub mod semantic;
pub mod tier;

pub use entry::{Answer, Entry, Mark, Origin, Reworded, Vector, Which};
pub use exact::{Exact, Flights, Found, Look, Stand};
pub use fingerprint::{Fingerprint, Realm};
pub use flight::{End, Flight, Listener, News};
pub use meaning::Meaning;
pub use models::{Embedder, Verifier};
pub use near::Place;
pub use rules::{Drawn, Left, Mode, OtherWords, Otherwise, Replay, Rules, Scope, Wish};
pub use tier::Tier;
