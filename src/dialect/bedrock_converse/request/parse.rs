//! A client's JSON → [`Request`].

use super::check::{self, within};
use super::fields;
use crate::dialect::bedrock_converse::content::read;
use crate::dialect::bedrock_converse::tools;
use crate::dialect::bedrock_converse::types::{DIALECT, parse_role, parse_tier};
use crate::dialect::{Head, Malformed};
use crate::ir::{Block, Effort, Format, Request, Role, Sampling, Turn};
use crate::wire::json::{self, Json};
use crate::wire::percent;

/// The members that have a place of their own in the hub.
const KNOWN: [&str; 8] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "additionalModelRequestFields",
    "outputConfig",
    "serviceTier",
    "requestMetadata",
];

/// Reads a request; its path names the model and whether to stream.
pub(in super::super) fn parse(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let Some((model, operation)) = model_of(head.path) else {
        return Err(Malformed::new("modelId", "the path must name a model"));
    };
    let json = json::parse(body)?;
    if !json.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let mut request = parse_body(&json)?;
    request.model = model;
    request.stream = operation == "converse-stream";
    request.stream_usage = true;
    Ok(request)
}

/// The model in a path such as `/model/us.amazon.nova-lite-v1%3A0/converse`, and the operation.
pub(in super::super) fn model_of(path: &str) -> Option<(String, &str)> {
    let (before, operation) = path.trim_end_matches('/').rsplit_once('/')?;
    let (_, model) = before.split_once("model/")?;
    (!model.is_empty()).then(|| (percent::decode_text(model).into_owned(), operation))
}

/// Reads everything of a request that stands in its body.
pub(in super::super) fn parse_body(json: &Json<'_>) -> Result<Request, Malformed> {
    let mut request = Request::default();
    if let Some(system) = json.field("system") {
        check::content("system", system)?;
        request.system = read::content(system);
    }
    let Some(messages) = json.field("messages") else {
        return Err(Malformed::new("messages", "expected a list of messages"));
    };
    check::messages(messages)?;
    for message in messages.elements() {
        let role = message.field("role").and_then(Json::as_str).and_then(parse_role);
        let blocks = message.field("content").map(read::history).unwrap_or_default();
        let role = role.unwrap_or(Role::User);
        if role == Role::System && request.turns.is_empty() && blocks.iter().all(is_text) {
            request.system.extend(blocks);
            continue;
        }
        let extras = read::extras(message, &["role", "content"]);
        request.turns.push(Turn { extras, ..Turn::new(role, blocks) });
    }
    if let Some(config) = json.field("inferenceConfig") {
        request.sampling = sampling(config).map_err(within("inferenceConfig"))?;
        let rest = read::extras(config, &["maxTokens", "temperature", "topP", "stopSequences"]);
        keep("inferenceConfig", &rest, &mut request);
    }
    if let Some(config) = json.field("toolConfig") {
        tools::parse(config, &mut request).map_err(within("toolConfig"))?;
    }
    if let Some(config) = json.field("outputConfig") {
        output(config, &mut request).map_err(within("outputConfig"))?;
    }
    if let Some(additional) = json.field("additionalModelRequestFields") {
        fields::parse(additional, &mut request).map_err(within("additionalModelRequestFields"))?;
    }
    let tier = json.at(&["serviceTier", "type"]).and_then(Json::as_str);
    request.service_tier = tier.map(parse_tier);
    request.metadata = json.field("requestMetadata").map(|labels| labels.raw().to_owned());
    for (key, value) in json.entries() {
        if !KNOWN.contains(&&**key) && !value.is_null() && &**key != "modelId" {
            request.extras.push(DIALECT, key, value.raw());
        }
    }
    Ok(request)
}

fn is_text(block: &Block) -> bool {
    block.as_text().is_some()
}

fn sampling(config: &Json<'_>) -> Result<Sampling, Malformed> {
    let mut stop = Vec::new();
    if let Some(list) = config.field("stopSequences") {
        if !list.is_array() {
            return Err(Malformed::new("stopSequences", "expected a list of strings"));
        }
        for (at, element) in list.elements().iter().enumerate() {
            let Some(text) = element.as_str() else {
                return Err(Malformed::new(format!("stopSequences[{at}]"), "expected a string"));
            };
            stop.push(text.to_owned());
        }
    }
    Ok(Sampling {
        max_tokens: read_as(config, "maxTokens", Json::as_u64, "expected a whole number")?,
        temperature: read_as(config, "temperature", Json::as_f64, "expected a number")?,
        top_p: read_as(config, "topP", Json::as_f64, "expected a number")?,
        stop,
        ..Sampling::default()
    })
}

/// The form of the answer, and how hard to work on it.
fn output(config: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    if let Some(effort) = config.field("effort") {
        let Some(effort) = effort.as_str().and_then(Effort::from_name) else {
            return Err(Malformed::new("effort", "expected an effort such as \"high\""));
        };
        request.thinking.get_or_insert_default().effort = Some(effort);
    }
    let rest = read::extras(config, &["effort", "textFormat"]);
    keep("outputConfig", &rest, request);
    let Some(format) = config.field("textFormat") else { return Ok(()) };
    if format.field("type").and_then(Json::as_str) != Some("json_schema") {
        return Err(Malformed::new("textFormat.type", "expected \"json_schema\""));
    }
    let definition = format.at(&["structure", "jsonSchema"]);
    let text = |key: &str| definition.and_then(|it| it.field(key)).and_then(Json::as_str);
    let Some(schema) = text("schema").filter(|schema| json::validate(schema.as_bytes()).is_ok()) else {
        let message = "expected a JSON schema as a string";
        return Err(Malformed::new("textFormat.structure.jsonSchema.schema", message));
    };
    request.format = Some(Format::JsonSchema {
        name: text("name").map(str::to_owned),
        description: text("description").map(str::to_owned),
        schema: schema.to_owned(),
        strict: None,
    });
    Ok(())
}

/// Keeps what the hub does not know of an object that it knows.
pub(super) fn keep(name: &str, rest: &crate::ir::Extras, request: &mut Request) {
    if rest.is_empty() {
        return;
    }
    let mut kept = Vec::new();
    json::object(&mut kept, |o| {
        for extra in rest.all() {
            o.raw(&extra.name, &extra.json);
        }
    });
    request.extras.push(DIALECT, name, &String::from_utf8_lossy(&kept));
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
