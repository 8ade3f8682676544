//! A checked generateContent request as an [`Ask`]. Google takes each key in camel and in snake case.

use serde_json::Value;

use crate::mock::say::media::{Media, Source};
use crate::mock::say::{Ask, Choice, Format, Outcome, Tool, fingerprint, plan, tokens_of};

/// The field of this (camel case) name, however it is spelt.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    const NONE: &Value = &Value::Null;
    let mut fields = object.as_object().into_iter().flatten();
    fields.find(|(found, _)| is_spelling(found, name)).map_or(NONE, |(_, value)| value)
}

/// Whether `found` is `camel`, or the same in snake case.
pub(super) fn is_spelling(found: &str, camel: &str) -> bool {
    let mut found = found.bytes();
    let mut snaked = false;
    for (index, wanted) in camel.bytes().enumerate() {
        let mut byte = found.next();
        // Only a whole name in one case counts, never a mixture.
        if wanted.is_ascii_uppercase() && byte == Some(b'_') {
            byte = found.next().map(|byte| byte.to_ascii_uppercase());
            snaked = true;
        } else if wanted.is_ascii_uppercase() && snaked && index > 0 {
            return false;
        }
        if byte != Some(wanted) {
            return false;
        }
    }
    found.next().is_none()
}

/// `functionCall` as `function_call`.
pub(super) fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Reads what the answer depends on; `body` has passed the checks.
pub(super) fn read(body: &Value, model: &str) -> Ask {
    let contents = body["contents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = contents.last().filter(|content| is_user(content));
    let results = last.map(results).unwrap_or_default();
    let spoken = contents.iter().rev().filter(|content| is_user(content));
    let text = spoken.map(text).find(|text| !text.is_empty()).unwrap_or_default();
    let config = field(body, "generationConfig");
    let stops = field(config, "stopSequences").as_array().into_iter().flatten();
    let limit = field(config, "maxOutputTokens").as_u64();
    let tools = tools(body);
    let prompt = weight(contents, body);
    Ask {
        model: model.to_owned(),
        stream: false,
        prompt: tokens_of(prompt),
        print: fingerprint(body["contents"].to_string()),
        media: last.map(|content| media(&content["parts"])).unwrap_or_default(),
        results,
        choice: choice(body),
        tools,
        planned: plan::next(contents),
        single: false,
        format: format(config),
        reasoning: reasoning(config, model, &text),
        limit: limit.and_then(|limit| usize::try_from(limit).ok()),
        stop: stops.filter_map(Value::as_str).map(str::to_owned).collect(),
        text,
    }
}

pub(super) fn is_user(content: &Value) -> bool {
    matches!(content["role"].as_str(), None | Some("user" | "function"))
}

fn parts(content: &Value) -> impl Iterator<Item = &Value> {
    content["parts"].as_array().into_iter().flatten()
}

fn text(content: &Value) -> String {
    parts(content).filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn media(parts: &Value) -> Vec<Media> {
    parts.as_array().into_iter().flatten().filter_map(medium).collect()
}

fn medium(part: &Value) -> Option<Media> {
    let inline = field(part, "inlineData");
    if let Some(data) = inline["data"].as_str() {
        let kind = field(inline, "mimeType").as_str().unwrap_or_default();
        let size = data.trim_end_matches('=').len() * 3 / 4;
        return Some(Media::of_type(kind, Source::Inline(size)));
    }
    let file = field(part, "fileData");
    let uri = field(file, "fileUri").as_str()?;
    let kind = field(file, "mimeType").as_str().unwrap_or_default();
    Some(Media::of_type(kind, Source::Remote(uri.to_owned())))
}

fn results(content: &Value) -> Vec<Outcome> {
    let answers = parts(content).map(|part| field(part, "functionResponse"));
    answers
        .filter(|answer| answer.is_object())
        .map(|answer| {
            let response = &answer["response"];
            let failed = response.get("error");
            let told =
                failed.or_else(|| ["output", "result", "content"].iter().find_map(|key| response.get(key)));
            Outcome {
                text: match told.unwrap_or(response) {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                },
                failed: failed.is_some(),
                media: media(&answer["parts"]),
            }
        })
        .collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools
        .flat_map(|tool| field(tool, "functionDeclarations").as_array().into_iter().flatten())
        .filter_map(|function| {
            let schema = match field(function, "parametersJsonSchema") {
                Value::Null => &function["parameters"],
                schema => schema,
            };
            Some(Tool { name: function["name"].as_str()?.to_owned(), schema: schema.clone() })
        })
        .collect()
}

fn choice(body: &Value) -> Choice {
    let calling = field(field(body, "toolConfig"), "functionCallingConfig");
    let allowed = field(calling, "allowedFunctionNames");
    match calling["mode"].as_str() {
        Some("NONE") => Choice::None,
        Some("ANY") => match allowed.get(0).and_then(Value::as_str) {
            Some(name) => Choice::Named(name.to_owned()),
            None => Choice::Any,
        },
        _ => Choice::Auto,
    }
}

fn format(config: &Value) -> Option<Format> {
    for key in ["responseJsonSchema", "_responseJsonSchema", "responseSchema"] {
        let schema = field(config, key);
        if schema.is_object() {
            return Some(Format::Schema(schema.clone()));
        }
    }
    (*field(config, "responseMimeType") == "application/json").then_some(Format::Json)
}

/// Thinking tokens. Kept small, so that a paced answer does not take minutes.
fn reasoning(config: &Value, model: &str, text: &str) -> usize {
    let thinking = field(config, "thinkingConfig");
    let thinks = model.starts_with("gemini-2.5") || model.starts_with("gemini-3");
    match (field(thinking, "thinkingBudget").as_i64(), field(thinking, "thinkingLevel").as_str()) {
        (Some(0), _) => 0,
        (Some(1..), _) => 32,
        (Some(_), _) => 48,
        (_, Some(level)) => match level.to_ascii_uppercase().as_str() {
            "MINIMAL" => 0,
            "LOW" => 16,
            "MEDIUM" => 32,
            _ => 64,
        },
        // The lite models think only when asked to; the others decide for themselves.
        _ if *field(thinking, "includeThoughts") == true => 48,
        _ if thinks && !model.contains("lite") && text.len() > 200 => 16,
        _ => 0,
    }
}

fn weight(contents: &[Value], body: &Value) -> usize {
    let bare = |value: &Value| {
        if value.is_null() { 0 } else { value.to_string().len() }
    };
    let part = |part: &Value| match part["text"].as_str() {
        Some(text) => text.len(),
        None if medium(part).is_some() => 1032,
        None => bare(part),
    };
    let spoken: usize = contents.iter().flat_map(parts).map(part).sum();
    let system: usize = parts(field(body, "systemInstruction")).map(part).sum();
    spoken + system + bare(&body["tools"])
}
