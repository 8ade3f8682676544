//! Whole answers, both ways.

mod parse;
mod render;

pub(super) use parse::{citation, image_block, logprobs, parse};
pub(super) use render::{render, write_audio, write_citation, write_end, write_image};
