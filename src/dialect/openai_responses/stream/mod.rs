//! Streams, both ways.

mod item;
mod message;
mod parse;
mod render;
mod slots;
mod tell;
mod whole;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
pub(super) use tell::write_error;
