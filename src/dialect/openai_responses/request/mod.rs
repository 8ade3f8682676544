//! Requests, both ways.

mod format;
mod history;
mod parse;
mod render;
mod turns;

pub(super) use parse::{is_message, parse};
pub(super) use render::render;
