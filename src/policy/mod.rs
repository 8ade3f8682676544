//! Who may ask, and for what: virtual keys and the rules that bind them.
//!
//! Everything here is decided from values handed in, time among them. Nothing waits or locks on a
//! request's way, and nothing asks a clock, the disk or the network.

pub mod access;
pub mod address;
pub mod key;
pub mod keyring;

pub use access::Access;
pub use address::Network;
pub use key::{Closed, Key};
pub use keyring::{Digest, Draft, Keyring, Lock};
