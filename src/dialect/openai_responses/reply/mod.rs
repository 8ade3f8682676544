//! Whole answers, both ways.

mod parse;
mod render;

pub(super) use parse::{created, finish, members, parse, part};
pub(super) use render::{
    Place, call_id, note_hosted, note_last_seal, note_media_seal, note_unsaid, prefix_of, render, write_call,
    write_head, write_message, write_picture, write_tail,
};
