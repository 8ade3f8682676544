//! Requests, both ways.

mod calls;
pub(super) mod check;
mod format;
mod parse;
mod render;
mod thinking;
mod turns;

pub(super) use parse::{Limit, parse};
pub(super) use render::render;
