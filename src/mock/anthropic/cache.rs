//! Which blocks of a prompt are marked for the cache.

use serde_json::Value;

use crate::mock::cache::{Boundary, Prefix, Ttl};

/// The ends of all blocks in the order the cache sees them: tools, system, messages.
pub(super) fn boundaries(body: &Value) -> Vec<Boundary> {
    let mut prefix = Prefix::new(body["model"].as_str().unwrap_or_default());
    let mut end = |role: &str, block: &Value| {
        let mut bare = block.clone();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("cache_control");
        }
        let mark = match &block["cache_control"] {
            Value::Object(mark) if mark.get("ttl").is_some_and(|ttl| ttl == "1h") => Some(Ttl::OneHour),
            Value::Object(_) => Some(Ttl::FiveMinutes),
            _ => None,
        };
        prefix.end(role, &bare, super::read::weight(block), mark);
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
    if body["cache_control"].is_object() {
        prefix.mark(Ttl::FiveMinutes);
    }
    prefix.boundaries
}
