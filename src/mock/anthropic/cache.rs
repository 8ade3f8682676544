//! The prompt cache: prefixes up to a mark are remembered, and read when they come again.
//!
//! The real service ignores prefixes under a model's minimum (1024 tokens and more); the mock takes
//! any length, so that a test needs no long prompt.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::mock::World;
use crate::mock::say::tokens_of;

/// Tokens of a prompt by what the cache did with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cached {
    pub(super) read: usize,
    pub(super) write_5m: usize,
    pub(super) write_1h: usize,
    pub(super) rest: usize,
}

/// How long a marked prefix is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ttl {
    FiveMinutes,
    OneHour,
}

/// Where a block of the prompt ends.
struct Boundary {
    print: u64,
    bytes: usize,
    mark: Option<Ttl>,
}

/// Parts `prompt` tokens into read, written and neither, and remembers what was written.
pub(super) fn look_up(body: &Value, prompt: usize, world: &World) -> Cached {
    let boundaries = boundaries(body);
    let Some(last) = boundaries.iter().rposition(|boundary| boundary.mark.is_some()) else {
        return Cached { rest: prompt, ..Cached::default() };
    };
    let marked = boundaries.get(..=last).unwrap_or_default();
    let hit = marked.iter().rev().find(|boundary| world.knows(boundary.print));
    let tokens = |bytes: usize| {
        if bytes == 0 { 0 } else { tokens_of(bytes).min(prompt) }
    };
    let mut cached = Cached { read: hit.map_or(0, |hit| tokens(hit.bytes)), ..Cached::default() };
    let mut done = cached.read;
    for boundary in marked {
        let Some(ttl) = boundary.mark else { continue };
        world.seen_before(boundary.print);
        let reached = tokens(boundary.bytes);
        let new = reached.saturating_sub(done);
        match ttl {
            Ttl::FiveMinutes => cached.write_5m += new,
            Ttl::OneHour => cached.write_1h += new,
        }
        done = done.max(reached);
    }
    cached.rest = prompt - done;
    cached
}

/// The ends of all blocks in the order the cache sees them: tools, system, messages.
fn boundaries(body: &Value) -> Vec<Boundary> {
    let mut boundaries = Vec::new();
    let mut hasher = DefaultHasher::new();
    body["model"].as_str().hash(&mut hasher);
    let mut bytes = 0;
    let mut end = |role: &str, block: &Value| {
        role.hash(&mut hasher);
        let mut bare = block.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("cache_control");
        }
        bare.to_string().hash(&mut hasher);
        bytes += super::read::weight(block);
        let mark = match &block["cache_control"] {
            Value::Object(mark) if mark.get("ttl").is_some_and(|ttl| ttl == "1h") => Some(Ttl::OneHour),
            Value::Object(_) => Some(Ttl::FiveMinutes),
            _ => None,
        };
        boundaries.push(Boundary { print: hasher.finish(), bytes, mark });
    };
    for tool in body["tools"].as_array().into_iter().flatten() {
        end("tool", tool);
    }
    match &body["system"] {
        Value::Array(blocks) => blocks.iter().for_each(|block| end("system", block)),
        text => end("system", text),
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let role = message["role"].as_str().unwrap_or_default();
        match &message["content"] {
            Value::Array(blocks) => blocks.iter().for_each(|block| end(role, block)),
            text => end(role, text),
        }
    }
    // A mark on the request itself stands for one on its last block.
    if body["cache_control"].is_object()
        && let Some(last) = boundaries.last_mut()
    {
        last.mark.get_or_insert(Ttl::FiveMinutes);
    }
    boundaries
}
