//! Pingora's glue: the phases of a request in the order in which they run.
//!
//! [`phases`] holds the `ProxyHttp` methods, each a few lines; what they call is told apart by
//! purpose. [`exchange`] is what one request carries from phase to phase.

pub mod allowance;
pub mod answer;
pub mod arrival;
pub mod bytes_held;
pub mod caching;
pub mod departure;
pub mod discovery;
pub mod dressing;
pub mod exchange;
pub mod exporting;
pub mod external;
pub mod fetching;
pub mod guarding;
mod holding;
pub mod issuers;
pub mod keeper;
pub mod keeping;
pub mod key_watch;
pub mod minting;
pub mod names;
pub mod packing;
pub mod phases;
pub mod probing;
pub mod recount;
pub mod rehearsal;
pub mod relay;
pub mod reloads;
pub mod returning;
pub mod rewriting;
pub mod serve;
pub mod shared;
pub mod tallying;
pub mod threshold;
pub mod tracing;
pub mod transcript;
mod waiting;

pub use phases::Gateway;
pub use shared::Shared;
