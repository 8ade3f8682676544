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

mod codecs;
mod decisions;
mod framing;
mod material;
mod transcode;

fn main() {
    divan::main();
}
