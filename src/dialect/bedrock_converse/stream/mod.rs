//! Streams, both ways.

mod parse;
mod render;
mod slot;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
