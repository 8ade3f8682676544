//! Black-box tests: the built binary on real sockets, in front of fake providers.

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
    clippy::while_let_loop,
    reason = "tests fail by panicking and say what they mean the short way"
)]

mod addresses;
mod admin;
mod alike;
mod alike_asked;
mod bedrock;
mod bodies;
mod breakers;
mod budgets;
mod cached;
mod cached_behind;
mod cached_flights;
mod cached_reach;
mod cached_vectors;
mod chaos;
mod clouds;
mod clouds_aws;
mod cohere;
mod completions;
mod crowd;
mod ending;
mod errors;
mod explain;
mod fetching;
mod flat;
mod forms;
mod guards;
mod harness;
mod hostile;
mod import;
mod kept;
mod keys;
mod latency;
mod leaving;
mod ledger;
mod lenders;
mod limits;
mod lines;
mod listing;
mod live;
mod metering;
mod odd;
mod ollama;
mod patience;
mod pressure;
mod ranks;
mod reload;
mod responses;
mod retries;
mod rewriting;
mod routes;
mod shelved;
mod streams;
mod through;
mod tls;
mod tls_faults;
mod tokens;
mod traces;
mod verbatim;
