//! What one request costs on the way through: reading, translating, framing, deciding, counting.
//!
//! `cargo bench` runs all in under a minute; `cargo bench -- transcode` only what has that name.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod codecs;
mod decisions;
mod framing;
mod material;
mod transcode;

fn main() {
    divan::main();
}
