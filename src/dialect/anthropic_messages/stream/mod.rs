//! Streams, both ways: `message_start`, blocks one after another, `message_delta`, `message_stop`.
//!
//! Seen at <https://platform.claude.com/docs/en/build-with-claude/streaming> in November 2026.

mod parse;
mod render;
mod slot;

pub(super) use parse::Parser;
pub(super) use render::Renderer;
