//! Translation between every pair of dialects: what is said (golden), what always holds (laws),
//! and what others got wrong (traps).

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

mod chance;
mod corpus;
mod essence;
mod golden;
mod laws;
mod pretty;
mod traps;
mod vendor;
mod vendor_anthropic;
mod vendor_bedrock;
mod vendor_chat;
mod vendor_cohere;
mod vendor_completions;
mod vendor_ollama;
mod vendor_responses;
