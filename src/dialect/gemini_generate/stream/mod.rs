//! Streams: each event is a slice of a whole answer, with the parts that are new in it.

mod parse;
mod partial;
mod render;
mod usual;

pub(super) use parse::{Parser, is_block_of_prompt};
pub(super) use render::{Renderer, note_foreign};
