//! Requests, both ways.

pub(super) mod check;
mod format;
mod parse;
mod render;
mod turns;

pub(super) use parse::{Limit, parse};
pub(super) use render::render;
