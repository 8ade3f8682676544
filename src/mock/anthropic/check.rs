//! The refusals of the Messages API that concern the request as a whole.
//!
//! Wording as the service sends it (seen 2025-2026). Turns have their own file.

use serde_json::Value;

use super::{tools, turns};
use crate::mock::errors::Refusal;

const TOP: [&str; 31] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "tools",
    "tool_choice",
    "thinking",
    "service_tier",
    "container",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "inference_geo",
    "speed",
    "cache_control",
    "diagnostics",
    "user_profile_id",
    "workspace_id",
    "compaction",
    "fallbacks",
    "fallback_credit_token",
    "thread",
    "billing_policy",
    "safeguards",
];
const COUNT: [&str; 14] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "mcp_servers",
    "context_management",
    "output_config",
    "output_format",
    "cache_control",
    "speed",
    "user_profile_id",
    "workspace_id",
];

/// Refuses what `POST /v1/messages` refuses.
pub(super) fn check(body: &Value, beta: &str) -> Result<(), Refusal> {
    known(body, &TOP, "")?;
    let Some(limit) = body["max_tokens"].as_u64() else {
        return Err(match &body["max_tokens"] {
            Value::Null => required("max_tokens"),
            _ => Refusal::bad("max_tokens: Input should be a valid integer"),
        });
    };
    if limit == 0 {
        return Err(Refusal::bad("max_tokens: Input should be greater than or equal to 1"));
    }
    thread(body)?;
    shared(body, beta)?;
    sampling(body)?;
    thinking(body, limit)?;
    let stops = body["stop_sequences"].as_array().into_iter().flatten();
    if stops.filter_map(Value::as_str).any(|stop| stop.trim().is_empty()) {
        return Err(Refusal::bad("stop_sequences: each stop sequence must contain non-whitespace"));
    }
    known(&body["metadata"], &["user_id"], "metadata.")
}

/// Refuses what `POST /v1/messages/count_tokens` refuses.
pub(super) fn check_count(body: &Value, beta: &str) -> Result<(), Refusal> {
    known(body, &COUNT, "")?;
    shared(body, beta)
}

/// No conversation is kept here, as in an organization whose settings forbid it.
fn thread(body: &Value) -> Result<(), Refusal> {
    if body["thread"].is_null() {
        return Ok(());
    }
    Err(Refusal {
        details: r#""error_code":"thread_unsupported_request","unsupported":["inference_hooks"]"#.to_owned(),
        ..Refusal::bad("thread: your organization's settings do not allow threads.")
    })
}

fn shared(body: &Value, beta: &str) -> Result<(), Refusal> {
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(required("model"));
    };
    if !body["output_format"].is_null() && !beta.contains("structured-outputs") {
        return Err(extra("output_format"));
    }
    let beta_only = [
        "mcp_servers",
        "context_management",
        "compaction",
        "fallbacks",
        "fallback_credit_token",
        "thread",
        "billing_policy",
        "safeguards",
    ];
    for key in beta_only {
        if !body[key].is_null() && beta.is_empty() {
            return Err(extra(key));
        }
    }
    tools::output(body)?;
    tools::check(body)?;
    if forces(body) && is_self_willed(body) && version(model).is_some_and(|version| version >= (5, 1)) {
        return Err(Refusal::bad("tool_choice: type \"tool\" and \"any\" are not supported for this model."));
    }
    turns::check(body, model)?;
    marks(body)
}

fn sampling(body: &Value) -> Result<(), Refusal> {
    for key in ["temperature", "top_p"] {
        match body[key].as_f64() {
            Some(value) if value > 1.0 => {
                return Err(Refusal::bad(format!("{key}: range: 0..1")));
            }
            Some(value) if value < 0.0 => {
                return Err(Refusal::bad(format!("{key}: range: 0..1")));
            }
            _ => {}
        }
    }
    let model = body["model"].as_str().unwrap_or_default();
    let both = !body["temperature"].is_null() && !body["top_p"].is_null();
    if both && version(model).is_some_and(|version| version >= (4, 5)) {
        return Err(Refusal::bad(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only \
             one.",
        ));
    }
    if version(model).is_some_and(|version| version >= (4, 7)) {
        for key in ["temperature", "top_p", "top_k"] {
            let default = body[key].is_null() || body[key].as_f64() == Some(1.0);
            if !default {
                return Err(Refusal::bad(format!("`{key}` is deprecated for this model.")));
            }
        }
    }
    Ok(())
}

fn thinking(body: &Value, limit: u64) -> Result<(), Refusal> {
    let thinking = &body["thinking"];
    let version = version(body["model"].as_str().unwrap_or_default());
    match thinking["type"].as_str() {
        None if thinking.is_null() => return Ok(()),
        None if thinking["block_binding"].is_object() => {
            return known(thinking, &["block_binding"], "thinking.");
        }
        Some("disabled") if is_self_willed(body) => {
            return Err(Refusal::bad(
                "\"thinking.type.disabled\" is not supported for this model. Use \
                 \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.",
            ));
        }
        Some("disabled") => return known(thinking, &["type"], "thinking.disabled."),
        Some("enabled") => {
            known(thinking, &["type", "budget_tokens", "display"], "thinking.enabled.")?;
            if version.is_some_and(|version| version >= (4, 7)) {
                return Err(Refusal::bad(
                    "\"thinking.type.enabled\" is not supported for this model. Use \
                     \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking \
                     behavior.",
                ));
            }
            let Some(budget) = thinking["budget_tokens"].as_u64() else {
                return Err(required("thinking.enabled.budget_tokens"));
            };
            if budget < 1024 {
                return Err(Refusal::bad(
                    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                ));
            }
            if budget >= limit {
                return Err(Refusal::bad(
                    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult \
                     our documentation at \
                     https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
                ));
            }
        }
        Some("adaptive") => {
            known(thinking, &["type", "display", "block_binding"], "thinking.adaptive.")?;
            if version.is_some_and(|version| version < (4, 6)) {
                return Err(Refusal::bad("adaptive thinking is not supported on this model"));
            }
        }
        _ => {
            return Err(Refusal::bad(
                "thinking: Input tag found using 'type' does not match any of the expected tags: \
                 'disabled', 'enabled', 'adaptive'",
            ));
        }
    }
    if body["temperature"].as_f64().is_some_and(|value| (value - 1.0).abs() > f64::EPSILON) {
        return Err(Refusal::bad(
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. \
             Please consult our documentation at \
             https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
        ));
    }
    if body["top_p"].as_f64().is_some_and(|value| value < 0.95) {
        return Err(Refusal::bad(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
        ));
    }
    if !body["top_k"].is_null() {
        return Err(Refusal::bad("`top_k` must be unset when thinking is enabled."));
    }
    if thinking["type"] == "enabled" && forces(body) {
        return Err(Refusal::bad("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn forces(body: &Value) -> bool {
    matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool"))
}

/// Whether a model always thinks; from 5.5 on, and in these families from 5.1 on, it cannot be
/// forced to call a tool either.
fn is_self_willed(body: &Value) -> bool {
    let model = body["model"].as_str().unwrap_or_default();
    let always = ["fable", "mythos"].iter().any(|family| model.contains(family));
    always || (!model.contains("haiku") && version(model).is_some_and(|version| version >= (5, 5)))
}

/// At most four cache marks, and no long-lived one after a short-lived one.
fn marks(body: &Value) -> Result<(), Refusal> {
    let mut count = usize::from(body["cache_control"].is_object());
    let mut short = false;
    let mut see = |block: &Value| {
        let mark = &block["cache_control"];
        if mark.is_null() {
            return Ok(());
        }
        count += 1;
        if mark["type"] != "ephemeral" {
            return Err(Refusal::bad(
                "cache_control: Input tag found using 'type' does not match any of the expected \
                 tags: 'ephemeral'",
            ));
        }
        match mark["ttl"].as_str() {
            Some("1h") if short => Err(Refusal::bad(
                "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' \
                 cache_control block. Note that blocks are processed in the following order: \
                 `tools`, `system`, `messages`.",
            )),
            Some("1h") => Ok(()),
            None | Some("5m") => {
                short = true;
                Ok(())
            }
            Some(_) => Err(Refusal::bad("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")),
        }
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&body["tools"]).iter().try_for_each(&mut see)?;
    list(&body["system"]).iter().try_for_each(&mut see)?;
    for message in body["messages"].as_array().into_iter().flatten() {
        for block in message["content"].as_array().into_iter().flatten() {
            see(block)?;
            block["content"].as_array().into_iter().flatten().try_for_each(&mut see)?;
        }
    }
    if count > 4 {
        return Err(Refusal::bad(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {count}."
        )));
    }
    Ok(())
}

/// The generation in a model's name, as in `claude-opus-4-6`; `None` for names of another make.
pub(super) fn version(model: &str) -> Option<(u8, u8)> {
    let rest = model.strip_prefix("claude-")?;
    let mut numbers = rest.split(['-', '.', '@']).map(str::parse::<u8>).skip_while(Result::is_err);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
    Some((major, minor))
}

/// Whether `name` has only letters, digits, `_` and `-`, and at most `most` of them.
pub(super) fn is_name(name: &str, most: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= most && name.bytes().all(fits)
}

/// Refuses keys that are not in `keys`; `at` is the path to the object, with its dot.
pub(super) fn known(object: &Value, keys: &[&str], at: &str) -> Result<(), Refusal> {
    let mut fields = object.as_object().into_iter().flatten();
    match fields.find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(extra(&format!("{at}{key}"))),
        None => Ok(()),
    }
}

/// A field that must be there.
pub(super) fn required(at: &str) -> Refusal {
    Refusal::bad(format!("{at}: Field required"))
}

fn extra(at: &str) -> Refusal {
    Refusal::bad(format!("{at}: Extra inputs are not permitted"))
}
