//! Streams: an upstream's lines → events, and events → a client's lines.

mod parse;
mod render;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
