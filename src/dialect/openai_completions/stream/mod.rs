//! Streams: an upstream's chunks → events, and events → a client's chunks.

mod parse;
mod render;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
