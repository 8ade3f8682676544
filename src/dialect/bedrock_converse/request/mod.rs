//! Requests, both ways.

pub(super) mod check;
mod fields;
mod format;
mod parse;
mod render;
mod turns;

pub(super) use parse::{model_of, parse, parse_body};
pub(super) use render::render;
