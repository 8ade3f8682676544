//! Requests, both ways: `parse` and `turns` read the body and its messages, `render` and
//! `history` write them, `format` asks for structured answers.

mod format;
mod history;
mod parse;
mod render;
mod thinking;
mod turns;

pub(super) use parse::parse;
pub(super) use render::render;
