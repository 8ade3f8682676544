//! Pingora's glue: the phases of a request in the order in which they run.
//!
//! [`phases`] holds the `ProxyHttp` methods, each a few lines; what they call is told apart by
//! purpose. [`exchange`] is what one request carries from phase to phase.

pub mod address;
pub mod answer;
pub mod arrival;
pub mod asked;
pub mod attempt;
pub mod body;
pub mod bytes_held;
pub mod departure;
pub mod discovery;
pub mod entrance;
pub mod exchange;
pub mod files;
pub mod keeper;
pub mod linger;
pub mod local;
pub mod names;
pub mod packing;
pub mod phases;
pub mod relay;
pub mod resolve;
pub mod returning;
pub mod serve;
pub mod shared;
pub mod targets;
pub mod threshold;
pub mod timer;
pub mod vigil;

pub use phases::Gateway;
pub use shared::Shared;
