//! Translation between every pair of dialects: what is said (golden), what always holds (laws),
//! and what others got wrong (traps).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chance;
mod corpus;
mod essence;
mod golden;
mod laws;
mod pretty;
mod traps;
mod vendor;
mod vendor_anthropic;
mod vendor_chat;
