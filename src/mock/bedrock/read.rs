//! A checked Converse request as an [`Ask`].

use serde_json::Value;

use crate::mock::cache::{Boundary, Prefix, Ttl};
use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, fingerprint, plan, tokens_of};

/// Reads what the answer depends on; `body` has passed the checks.
pub(super) fn read(body: &Value, model: &str, stream: bool) -> Ask {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message["role"] == "user");
    let spoken = messages.iter().rev().filter(|message| message["role"] == "user");
    let choice = &body["toolConfig"]["toolChoice"];
    let config = &body["inferenceConfig"];
    let stops = config["stopSequences"].as_array().into_iter().flatten();
    Ask {
        model: model.to_owned(),
        stream,
        text: spoken
            .map(|message| text(&message["content"]))
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        prompt: tokens_of(blocks(body).map(|(_, block)| weight(block)).sum()),
        print: fingerprint(body["messages"].to_string()),
        media: last.map(|message| media(&message["content"])).unwrap_or_default(),
        results: last.map(|message| results(&message["content"])).unwrap_or_default(),
        tools: tools(body),
        planned: plan::next(messages),
        choice: match choice["tool"]["name"].as_str() {
            Some(name) => Choice::Named(name.to_owned()),
            None if choice["any"].is_object() => Choice::Any,
            None => Choice::Auto,
        },
        single: body["additionalModelRequestFields"]["tool_choice"]["disable_parallel_tool_use"] == true,
        format: format(body),
        reasoning: reasoning(&body["additionalModelRequestFields"]),
        limit: config["maxTokens"].as_u64().and_then(|limit| usize::try_from(limit).ok()),
        stop: stops.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// All blocks in the order a model reads them, each with where it stands.
fn blocks(body: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let tools = list(&body["toolConfig"]["tools"]).iter().map(|tool| ("tool", tool));
    let system = list(&body["system"]).iter().map(|block| ("system", block));
    let turns = list(&body["messages"]).iter().flat_map(|message| {
        let role = message["role"].as_str().unwrap_or_default();
        list(&message["content"]).iter().map(move |block| (role, block))
    });
    tools.chain(system).chain(turns)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The ends of all blocks, of which some are marked for the prompt cache.
pub(super) fn boundaries(body: &Value, model: &str) -> Vec<Boundary> {
    let mut prefix = Prefix::new(model);
    for (role, block) in blocks(body) {
        match &block["cachePoint"] {
            Value::Object(point) if point.get("ttl").is_some_and(|ttl| ttl == "1h") => {
                prefix.mark(Ttl::OneHour)
            }
            Value::Object(_) => prefix.mark(Ttl::FiveMinutes),
            _ => prefix.end(role, block, weight(block), None),
        }
    }
    prefix.boundaries
}

fn text(content: &Value) -> String {
    let texts = content.as_array().into_iter().flatten().filter_map(|block| {
        block["text"].as_str().or_else(|| block["guardContent"]["text"]["text"].as_str())
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn media(content: &Value) -> Vec<Media> {
    content.as_array().into_iter().flatten().filter_map(medium).collect()
}

fn medium(block: &Value) -> Option<Media> {
    let what = ["image", "document", "video", "audio"].into_iter().find(|kind| block[*kind].is_object())?;
    let (source, format) = (&block[what]["source"], block[what]["format"].as_str().unwrap_or("txt"));
    let kind = match (what, format) {
        ("document", "pdf") => "application/pdf".to_owned(),
        ("document", "txt") => "text/plain".to_owned(),
        ("document", other) => format!("text/{other}"),
        (what, format) => format!("{what}/{format}"),
    };
    let source = if let Some(uri) = source["s3Location"]["uri"].as_str() {
        Source::Remote(uri.to_owned())
    } else if let Some(bytes) = source["bytes"].as_str() {
        Source::Inline(bytes.trim_end_matches('=').len() * 3 / 4)
    } else {
        Source::Inline(source["text"].as_str().map_or_else(|| source["content"].to_string().len(), str::len))
    };
    Some(Media { what, kind, source })
}

fn results(content: &Value) -> Vec<Outcome> {
    let results = content.as_array().into_iter().flatten().map(|block| &block["toolResult"]);
    results
        .filter(|result| result.is_object())
        .map(|result| {
            let parts = result["content"].as_array().into_iter().flatten();
            let said = parts.filter_map(|part| match &part["json"] {
                Value::Null => part["text"].as_str().map(str::to_owned),
                json => Some(json.to_string()),
            });
            Outcome {
                text: said.collect::<Vec<_>>().join("\n"),
                failed: result["status"] == "error",
                media: media(&result["content"]),
            }
        })
        .collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let specs = body["toolConfig"]["tools"].as_array().into_iter().flatten().map(|tool| &tool["toolSpec"]);
    specs
        .filter_map(|spec| {
            Some(Tool {
                name: spec["name"].as_str()?.to_owned(),
                schema: spec["inputSchema"]["json"].clone(),
            })
        })
        .collect()
}

fn format(body: &Value) -> Option<Format> {
    let schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str()?;
    Some(Format::Schema(serde_json::from_str(schema).ok()?))
}

/// Thinking tokens. Kept small, so that a paced answer does not take minutes.
fn reasoning(fields: &Value) -> usize {
    let effort = |word: Option<&str>| match word {
        Some("low" | "minimal") => 16,
        Some("medium") => 32,
        Some("xhigh" | "max") => 128,
        _ => 64,
    };
    let nova = &fields["reasoningConfig"];
    match fields["thinking"]["type"].as_str() {
        Some("enabled") => {
            let budget = fields["thinking"]["budget_tokens"].as_u64().unwrap_or(1024);
            usize::try_from(budget / 64).unwrap_or(16).clamp(16, 128)
        }
        Some("adaptive") => effort(fields["output_config"]["effort"].as_str()),
        _ if nova["type"] == "enabled" => effort(nova["maxReasoningEffort"].as_str()),
        _ => fields["reasoning_effort"].as_str().map_or(0, |word| effort(Some(word))),
    }
}

/// What a block counts for, in bytes of text. A picture or a page counts as 1024.
fn weight(block: &Value) -> usize {
    if let Some(text) = block["text"].as_str() {
        return text.len();
    }
    if block["cachePoint"].is_object() {
        return 0;
    }
    if ["image", "document", "video", "audio"].iter().any(|kind| block[*kind].is_object()) {
        return 1024;
    }
    if let Some(text) = block["reasoningContent"]["reasoningText"]["text"].as_str() {
        return text.len();
    }
    if block["toolUse"].is_object() {
        return block["toolUse"]["input"].to_string().len() + 16;
    }
    match block["toolResult"]["content"].as_array() {
        Some(parts) => parts.iter().map(weight).sum(),
        None => block.to_string().len(),
    }
}
