//! Requests: a client's body → the hub, and the hub → a target's body.

mod blocks;
mod config;
mod history;
mod parse;
mod render;
mod thinking;

pub(super) use parse::{model_of, parse, parse_body};
pub(super) use render::render;
