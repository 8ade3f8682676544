//! Requests: a client's body → the hub, and the hub → a target's body.

mod history;
mod options;
mod parse;
mod render;
mod turns;

pub(super) use history::write_call;
pub(super) use parse::parse;
pub(super) use render::render;
