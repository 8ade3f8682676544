//! A client's JSON → [`Request`].

use super::check::{self, within};
use crate::dialect::anthropic_messages::content::read;
use crate::dialect::anthropic_messages::tools;
use crate::dialect::anthropic_messages::types::{DIALECT, parse_role, parse_tier_asked};
use crate::dialect::{Head, Malformed};
use crate::ir::{Block, Content, Effort, Extras, Format, Request, Role, Sampling, Thinking, Turn};
use crate::wire::json::{self, Json};

/// Whether a request must say how many tokens it wants at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Limit {
    /// It must: a message is to be made.
    Required,
    /// It need not: tokens are only to be counted.
    Optional,
}

/// The members that have a place of their own in the hub.
const KNOWN: [&str; 16] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
];

/// Reads a request.
pub(in super::super) fn parse(head: &Head<'_>, body: &[u8], limit: Limit) -> Result<Request, Malformed> {
    let json = json::parse(body)?;
    if !json.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let Some(model) = string(&json, "model")?.filter(|model| !model.is_empty()) else {
        return Err(Malformed::new("model", "expected the name of a model"));
    };
    let sampling = sampling(&json)?;
    if limit == Limit::Required && sampling.max_tokens.is_none() {
        return Err(Malformed::new("max_tokens", "expected the most tokens to produce"));
    }
    let mut request = Request {
        model: model.to_owned(),
        stream: boolean(&json, "stream")?.unwrap_or_default(),
        stream_usage: true,
        sampling,
        service_tier: string(&json, "service_tier")?.map(parse_tier_asked),
        extras: extras(&json, head),
        ..Request::default()
    };
    if let Some(tools) = json.field("tools") {
        request.tools = tools::parse(tools)?;
    }
    read_conversation(&json, &mut request)?;
    if let Some(choice) = json.field("tool_choice") {
        let (choice, parallel) = tools::parse_choice(choice)?;
        request.tool_choice = Some(choice);
        request.parallel_tools = parallel;
    }
    read_thinking(&json, &mut request)?;
    read_format(&json, &mut request)?;
    read_metadata(&json, &mut request)?;
    Ok(request)
}

fn read_conversation(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    if let Some(system) = json.field("system") {
        check::system(system)?;
        request.system = read::content(system);
        take_billing_note(request);
    }
    let Some(messages) = json.field("messages") else {
        return Err(Malformed::new("messages", "expected a list of messages"));
    };
    check::messages(messages)?;
    for message in messages.elements() {
        let role = message.field("role").and_then(Json::as_str).and_then(parse_role);
        let role = role.unwrap_or(Role::User);
        let blocks = message.field("content").map(read::history).unwrap_or_default();
        if role == Role::System {
            let parts = message.field("content").map(Json::elements).unwrap_or_default();
            request.tools.extend(parts.iter().filter_map(tools::parse_inline));
        }
        if role == Role::System && request.turns.is_empty() && blocks.iter().all(is_text) {
            request.system.extend(blocks);
            continue;
        }
        let extras = read::extras(message, &["role", "content"]);
        request.turns.push(Turn { extras, ..Turn::new(role, blocks) });
    }
    Ok(())
}

/// Claude Code tells its own billing in a first system block, or in the first line of one. It differs
/// in every request and so keeps any other provider from reusing its prompt cache: it is put aside
/// for those who speak this dialect.
fn take_billing_note(request: &mut Request) {
    let mut notes = Vec::new();
    request.system.retain_mut(|block| {
        let Content::Text { text, .. } = &mut block.content else { return true };
        if !text.starts_with("x-anthropic-billing-header:") {
            return true;
        }
        let prompt = text.split_once('\n').map(|(_, prompt)| prompt.trim_start().to_owned());
        let prompt = prompt.unwrap_or_default();
        text.truncate(text.find('\n').unwrap_or(text.len()));
        notes.push(std::mem::replace(text, prompt));
        !text.is_empty()
    });
    for note in notes {
        request.extras.push(DIALECT, BILLING_EXTRA, &json::string(&note));
    }
}

/// The name under which a billing note is kept among the extras; it calls itself a header.
pub(super) const BILLING_EXTRA: &str = "header:x-anthropic-billing-header";

fn is_text(block: &Block) -> bool {
    block.as_text().is_some()
}

fn sampling(json: &Json<'_>) -> Result<Sampling, Malformed> {
    let mut stop = Vec::new();
    if let Some(list) = json.field("stop_sequences") {
        if !list.is_array() {
            return Err(Malformed::new("stop_sequences", "expected a list of strings"));
        }
        for (at, element) in list.elements().iter().enumerate() {
            let Some(text) = element.as_str() else {
                return Err(Malformed::new(format!("stop_sequences[{at}]"), "expected a string"));
            };
            stop.push(text.to_owned());
        }
    }
    Ok(Sampling {
        max_tokens: whole(json, "max_tokens")?,
        temperature: number(json, "temperature")?,
        top_p: number(json, "top_p")?,
        top_k: whole(json, "top_k")?,
        stop,
        ..Sampling::default()
    })
}

/// Thinking is said in two places: whether and within which budget, and how hard.
fn read_thinking(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    let mut thinking = Thinking::default();
    if let Some(config) = json.field("thinking") {
        match config.field("type").and_then(Json::as_str) {
            Some("enabled") => {
                thinking.enabled = Some(true);
                thinking.budget = whole(config, "budget_tokens").map_err(within("thinking"))?;
                if thinking.budget.is_none() {
                    let message = "expected the most tokens to think";
                    return Err(Malformed::new("thinking.budget_tokens", message));
                }
            }
            Some("adaptive") => thinking.enabled = Some(true),
            Some("disabled") => thinking.enabled = Some(false),
            // Says only how to go about thoughts (`block_binding`), not whether to have any.
            None if config.is_object() && config.field("type").is_none() => {}
            _ => {
                let message = "expected \"enabled\", \"disabled\" or \"adaptive\"";
                return Err(Malformed::new("thinking.type", message));
            }
        }
        thinking.visible = match config.field("display").and_then(Json::as_str) {
            Some("summarized") => Some(true),
            Some("omitted") => Some(false),
            _ => None,
        };
        // Another way of showing them ("updates") only this dialect has.
        let shown = if thinking.visible.is_some() { "display" } else { "" };
        let known = &["type", "budget_tokens", shown];
        keep_unknown("thinking", config, known, &mut request.extras);
    }
    if let Some(effort) = json.at(&["output_config", "effort"]).filter(|effort| !effort.is_null()) {
        let Some(effort) = effort.as_str().and_then(Effort::from_name) else {
            return Err(Malformed::new("output_config.effort", "expected an effort such as \"high\""));
        };
        thinking.effort = Some(effort);
    }
    if thinking != Thinking::default() {
        request.thinking = Some(thinking);
    }
    Ok(())
}

/// The form of the answer, in its place of today or in that of the beta.
fn read_format(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    let config = json.field("output_config");
    let config = config.filter(|config| config.is_object());
    if let Some(config) = config {
        keep_unknown("output_config", config, &["effort", "format"], &mut request.extras);
    }
    let today = config.and_then(|config| config.field("format"));
    let (path, format) = match (today, json.field("output_format")) {
        (Some(format), _) => ("output_config.format", format),
        (None, Some(format)) => ("output_format", format),
        (None, None) => return Ok(()),
    };
    if format.field("type").and_then(Json::as_str) != Some("json_schema") {
        return Err(Malformed::new(format!("{path}.type"), "expected \"json_schema\""));
    }
    let Some(schema) = format.field("schema").filter(|schema| schema.is_object()) else {
        return Err(Malformed::new(format!("{path}.schema"), "expected a JSON schema object"));
    };
    request.format = Some(Format::JsonSchema {
        name: None,
        description: None,
        schema: schema.raw().to_owned(),
        strict: None,
    });
    Ok(())
}

fn read_metadata(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    let Some(metadata) = json.field("metadata") else { return Ok(()) };
    if !metadata.is_object() {
        return Err(Malformed::new("metadata", "expected an object"));
    }
    let user = string(metadata, "user_id").map_err(within("metadata"))?;
    request.user = user.map(str::to_owned);
    keep_unknown("metadata", metadata, &["user_id"], &mut request.extras);
    Ok(())
}

/// The members that the hub has no place for, and the client's betas.
fn extras(json: &Json<'_>, head: &Head<'_>) -> Extras {
    let mut extras = Extras::NONE;
    for (key, value) in json.entries() {
        if !KNOWN.contains(&&**key) && !value.is_null() {
            extras.push(DIALECT, key, value.raw());
        }
    }
    let betas = head.headers.get_all(BETA_HEADER).iter();
    let betas: Vec<&str> = betas.filter_map(|value| value.to_str().ok()).collect();
    if !betas.is_empty() {
        extras.push(DIALECT, BETA_EXTRA, &json::string(&betas.join(",")));
    }
    extras
}

/// The header in which betas are asked for.
pub(super) const BETA_HEADER: &str = "anthropic-beta";

/// The name under which its value is kept among the extras.
pub(super) const BETA_EXTRA: &str = "header:anthropic-beta";

/// Keeps what the hub does not know of an object that it knows.
fn keep_unknown(name: &str, object: &Json<'_>, known: &[&str], extras: &mut Extras) {
    let unknown = || object.entries().iter().filter(|(key, _)| !known.contains(&&**key));
    if unknown().next().is_none() {
        return;
    }
    let mut rest = Vec::new();
    json::object(&mut rest, |o| {
        for (key, value) in unknown() {
            o.raw(key, value.raw());
        }
    });
    extras.push(DIALECT, name, &String::from_utf8_lossy(&rest));
}

fn string<'j>(json: &'j Json<'_>, key: &str) -> Result<Option<&'j str>, Malformed> {
    read_as(json, key, Json::as_str, "expected a string")
}

fn boolean(json: &Json<'_>, key: &str) -> Result<Option<bool>, Malformed> {
    read_as(json, key, Json::as_bool, "expected true or false")
}

fn whole(json: &Json<'_>, key: &str) -> Result<Option<u64>, Malformed> {
    read_as(json, key, Json::as_u64, "expected a whole number")
}

fn number(json: &Json<'_>, key: &str) -> Result<Option<f64>, Malformed> {
    read_as(json, key, Json::as_f64, "expected a number")
}

fn read_as<'j, 'a, T>(
    json: &'j Json<'a>,
    key: &str,
    read: impl FnOnce(&'j Json<'a>) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, Malformed> {
    let Some(value) = json.field(key) else { return Ok(None) };
    match read(value) {
        Some(read) => Ok(Some(read)),
        None => Err(Malformed::new(key, expected)),
    }
}
