//! Requests: a client's body → the hub, and the hub → a target's body.

mod documents;
mod history;
mod parse;
mod render;
mod turns;

pub(super) use parse::parse;
pub(super) use render::render;
