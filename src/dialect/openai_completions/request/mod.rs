//! Requests: a client's body → the hub, and the hub → a target's body.

mod parse;
mod render;

pub(super) use parse::parse;
pub(super) use render::render;
