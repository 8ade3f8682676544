//! Framing: what turns bytes into pieces a dialect can read, and pieces back into bytes.
//!
//! Everything here is pure and knows no vendor. Input is borrowed wherever it can be, so a body
//! that only passes through is looked at once and copied at most once.

pub mod event_stream;
pub mod json;
pub mod json_array;
pub mod lens;
pub mod list;
pub mod multipart;
pub mod ndjson;
pub mod needle;
pub mod percent;
pub mod resp;
pub mod sse;
pub mod websocket;

#[cfg(test)]
pub(crate) mod xorshift;
