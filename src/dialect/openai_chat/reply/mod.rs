//! Whole answers, both ways.

mod parse;
mod render;

pub(super) use parse::{CHOICE, MESSAGE, citation, image_block, logprobs, parse, searched, sources};
pub(super) use render::{
    note_media_seal, render, stands_apart, write_audio, write_citation, write_end, write_image,
};
