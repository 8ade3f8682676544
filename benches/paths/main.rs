//! What one request costs on the way through: reading, translating, framing, deciding, counting.
//!
//! `cargo bench` runs all in under a minute; `cargo bench -- transcode` only what has that name.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and say what they mean the short way"
)]

use std::time::Duration;

mod allowance;
mod cache;
mod codecs;
mod decisions;
mod framing;
mod guards;
mod material;
mod questions;
mod transcode;

/// The binary's own, without which the numbers would be another program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::Divan::from_args().min_time(Duration::from_millis(300)).main();
}
