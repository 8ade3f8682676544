//! Who may ask, for what and for how much: virtual keys, and the limits and budgets that bind them.
//!
//! Everything here is decided from values handed in, time among them. Nothing waits or locks on a
//! request's way, and nothing asks a clock, the disk or the network.

pub mod access;
pub mod address;
pub mod book;
pub mod forwarded;
pub mod guard;
pub mod guest;
pub mod key;
pub mod keyring;
pub mod operator;
pub mod outputs;
pub mod period;
pub mod reserve;
pub mod rewrite;
pub mod rule;
pub mod token;
pub mod window;

pub use access::Access;
pub use address::Network;
pub use book::{Book, Tally, hosts_of};
pub use forwarded::{Proxies, Teller};
pub use guest::{Guest, NoHost};
pub use key::{Closed, Home, Key};
pub use keyring::{Bounds, Digest, Draft, Keyring, Lock};
pub use operator::{Operator, Scope};
pub use outputs::Outputs;
pub use period::{Period, Shape, Span};
pub use reserve::{Claim, Full, Reservation, Spent, Standing, Subject, reserve};
pub use rule::{Bound, Measure, Node, Rule};
pub use window::{Moment, Window};
