//! Content blocks, both ways: `read` takes them from clients and providers alike, `send` says
//! them to a provider. How a reply's blocks are said to a client stands in `reply`.

pub(super) mod media;
pub(super) mod read;
pub(super) mod send;
mod words;
