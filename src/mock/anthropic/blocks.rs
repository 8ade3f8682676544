//! The refusals of the Messages API that concern single blocks.

use serde_json::Value;

use super::check::{is_name, known, required};
use super::reply::{is_redacted, is_signed};
use crate::mock::errors::Refusal;
use crate::mock::say::media::{decode, sniff};

/// Checks one block of a message, or of a tool result, at the path `at`.
pub(super) fn check(block: &Value, at: &str, assistant: bool) -> Result<(), Refusal> {
    let Some(kind) = block["type"].as_str() else {
        return Err(required(&format!("{at}.type")));
    };
    let inner = format!("{at}.{kind}.");
    let (keys, of_assistant): (&[&str], _) = match kind {
        "text" => (&["type", "text", "cache_control", "citations"], None),
        "image" => (&["type", "source", "cache_control", "transformations"], Some(false)),
        "document" => (&["type", "source", "title", "context", "citations", "cache_control"], Some(false)),
        "tool_use" => {
            (&["type", "id", "name", "input", "cache_control", "caller", "toolset_name"], Some(true))
        }
        "tool_result" => {
            (&["type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"], Some(false))
        }
        "thinking" => (&["type", "thinking", "signature"], Some(true)),
        "redacted_thinking" => (&["type", "data"], Some(true)),
        "search_result" | "server_tool_use" | "container_upload" | "mcp_tool_use" | "mcp_tool_result"
        | "compaction" => return Ok(()),
        other if other.ends_with("_tool_result") => return Ok(()),
        other => {
            return Err(Refusal::bad(format!(
                "{at}: Input tag '{other}' found using 'type' does not match any of the expected \
                 tags: 'document', 'image', 'redacted_thinking', 'search_result', \
                 'server_tool_use', 'text', 'thinking', 'tool_result', 'tool_use', \
                 'web_search_tool_result'"
            )));
        }
    };
    known(block, keys, &inner)?;
    if of_assistant.is_some_and(|of_assistant| of_assistant != assistant) {
        let role = if assistant { "assistant" } else { "user" };
        let whose = if assistant { "user" } else { "assistant" };
        return Err(Refusal::bad(format!(
            "messages: `{kind}` blocks can only be in `{whose}` messages, not `{role}` ({at})"
        )));
    }
    held(block, kind, at, &inner)
}

/// Checks what a block of this kind holds; `inner` is the path of its fields.
fn held(block: &Value, kind: &str, at: &str, inner: &str) -> Result<(), Refusal> {
    match kind {
        "text" => match block["text"].as_str() {
            None => Err(required(&format!("{inner}text"))),
            Some("") => Err(Refusal::bad("messages: text content blocks must be non-empty")),
            Some(text) if text.trim().is_empty() => {
                Err(Refusal::bad("messages: text content blocks must contain non-whitespace text"))
            }
            Some(_) => Ok(()),
        },
        "image" => image(&block["source"], inner),
        "document" => document(&block["source"], inner),
        "tool_use" => {
            identified(block, "id", inner)?;
            if !block["name"].as_str().is_some_and(|name| is_name(name, 200)) {
                return Err(Refusal::bad(format!(
                    "{inner}name: String should match pattern '^[a-zA-Z0-9_-]{{1,200}}$'"
                )));
            }
            match &block["input"] {
                Value::Object(_) => Ok(()),
                Value::Null => Err(required(&format!("{inner}input"))),
                _ => Err(Refusal::bad(format!("{inner}input: Input should be a valid dictionary"))),
            }
        }
        "tool_result" => {
            identified(block, "tool_use_id", inner)?;
            for (number, part) in block["content"].as_array().into_iter().flatten().enumerate() {
                let at = format!("{inner}content.{number}");
                check(part, &at, false)?;
            }
            Ok(())
        }
        "thinking" => {
            let Some(signature) = block["signature"].as_str() else {
                return Err(required(&format!("{inner}signature")));
            };
            let Some(text) = block["thinking"].as_str() else {
                return Err(required(&format!("{inner}thinking")));
            };
            if is_signed(text, signature) {
                Ok(())
            } else {
                Err(Refusal::bad(format!("{at}: Invalid `signature` in `thinking` block")))
            }
        }
        "redacted_thinking" if !is_redacted(block["data"].as_str().unwrap_or_default()) => {
            Err(Refusal::bad(format!("{at}: Invalid `data` in `redacted_thinking` block")))
        }
        _ => Ok(()),
    }
}

fn identified(block: &Value, key: &str, at: &str) -> Result<(), Refusal> {
    match block[key].as_str() {
        None => Err(required(&format!("{at}{key}"))),
        Some(id) if is_name(id, usize::MAX) => Ok(()),
        Some(_) => Err(Refusal::bad(format!("{at}{key}: String should match pattern '^[a-zA-Z0-9_-]+$'"))),
    }
}

fn image(source: &Value, at: &str) -> Result<(), Refusal> {
    match source["type"].as_str() {
        Some("base64") => {
            known(source, &["type", "media_type", "data"], &format!("{at}source.base64."))?;
            let declared = source["media_type"].as_str().unwrap_or_default();
            if !["image/jpeg", "image/png", "image/gif", "image/webp"].contains(&declared) {
                return Err(Refusal::bad(format!(
                    "{at}source.base64.media_type: Input should be 'image/jpeg', 'image/png', \
                     'image/gif' or 'image/webp'"
                )));
            }
            let Some(bytes) = source["data"].as_str().and_then(decode) else {
                return Err(Refusal::bad(format!("{at}source.base64: invalid base64 data")));
            };
            match sniff(&bytes) {
                None => Err(Refusal::bad("Could not process image")),
                Some(found) if found != declared => Err(Refusal::bad(format!(
                    "{at}source.base64.data: The image was specified using the {declared} media \
                     type, but the image appears to be a {found} image"
                ))),
                Some(_) => Ok(()),
            }
        }
        Some("url") => match source["url"].as_str() {
            Some(url) if url.starts_with("https://") => Ok(()),
            _ => Err(Refusal::bad(format!("{at}source.url.url: Only HTTPS URLs are supported."))),
        },
        Some("file") => Ok(()),
        _ => Err(required(&format!("{at}source"))),
    }
}

fn document(source: &Value, at: &str) -> Result<(), Refusal> {
    match source["type"].as_str() {
        Some("base64") => {
            if source["media_type"] != "application/pdf" {
                return Err(Refusal::bad(format!(
                    "{at}source.base64.media_type: Input should be 'application/pdf'"
                )));
            }
            let bytes = source["data"].as_str().and_then(decode);
            if bytes.is_some_and(|bytes| bytes.starts_with(b"%PDF-")) {
                Ok(())
            } else {
                Err(Refusal::bad(format!("{at}source.base64.data: The PDF specified was not valid.")))
            }
        }
        Some("text") if source["media_type"] != "text/plain" => {
            Err(Refusal::bad(format!("{at}source.text.media_type: Input should be 'text/plain'")))
        }
        Some("text" | "url" | "file" | "content") => Ok(()),
        _ => Err(required(&format!("{at}source"))),
    }
}
