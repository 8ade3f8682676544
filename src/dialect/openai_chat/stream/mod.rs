//! Streams, both ways.

mod calls;
mod choice;
mod members;
mod parse;
mod render;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
