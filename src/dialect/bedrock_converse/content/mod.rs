//! Content blocks, both ways.

pub(super) mod media;
pub(super) mod read;
pub(super) mod send;
mod words;
