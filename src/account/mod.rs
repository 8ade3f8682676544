//! What a call used, what it cost, and the one fact it leaves behind.

pub mod attribution;
pub mod cost;
pub mod count;
pub mod entry;
pub mod meter;
pub mod said;
pub mod settled;
pub mod tally;
pub mod trace;

pub use attribution::Attribution;
pub use entry::Entry;
pub use meter::{Meter, Metered};
pub use said::Said;
pub use settled::{Aside, Outcome, Record, Settled, Source, Timings, Used, settle};
pub use trace::Trace;
