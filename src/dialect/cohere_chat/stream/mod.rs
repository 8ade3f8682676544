//! Streams: an upstream's events → the hub's, and the hub's → a client's.

mod parse;
mod render;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
