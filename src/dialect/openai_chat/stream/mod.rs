//! Streams, both ways.

mod calls;
mod parse;
mod render;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
