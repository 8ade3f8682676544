//! Schemas, answers of other dialects, and the small operations.

use serde_json::json;

use super::*;
use crate::fault::Fault;
use crate::ir::embed::{EmbedInput, EmbedRequest};
use crate::ir::{
    Block, Candidate, Citation, Dialect, Finish, Reasoning, Signature, ToolCall, ToolKind, Usage,
};
use crate::wire::json::parse;

fn subset(schema: &Value) -> (Value, String) {
    let text = schema.to_string();
    let mut losses = Losses::new();
    let tree = parse(text.as_bytes()).unwrap();
    let out = schema::write_subset(&tree, schema::Ordering::Left, "tools.parameters", &mut losses);
    let value = out.map_or(Value::Null, |out| serde_json::from_slice(&out).unwrap());
    (value, losses.to_header().replace("tools.parameters.", ""))
}

#[test]
fn null_among_types_and_values_is_not_lost() {
    let property = |schema: Value| {
        subset(&json!({"type": "object", "properties": {"p": schema}})).0["properties"]["p"].clone()
    };
    assert_eq!(property(json!({"type": ["string", "null"]})), json!({"type": "STRING", "nullable": true}));
    assert_eq!(
        property(json!({"type": ["string", "null"], "enum": ["a", "b", null]})),
        json!({"type": "STRING", "nullable": true, "enum": ["a", "b"]})
    );
    assert_eq!(
        property(json!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "description": "d"})),
        json!({"type": "INTEGER", "nullable": true, "minimum": 1, "description": "d"})
    );
    assert_eq!(
        property(
            json!({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}], "description": "d"})
        ),
        json!({"anyOf": [
            {"type": "INTEGER", "description": "d", "nullable": true},
            {"type": "STRING", "description": "d", "nullable": true}]})
    );
    assert_eq!(
        property(json!({"type": ["string", "number"]})),
        json!({"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]})
    );
    assert_eq!(property(json!({"const": "on"})), json!({"type": "STRING", "enum": ["on"]}));
    assert_eq!(property(json!({"type": "array"})), json!({"type": "ARRAY", "items": {"type": "OBJECT"}}));
}

#[test]
fn references_are_written_out_and_recursion_ends() {
    let (said, losses) = subset(&json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "additionalProperties": false, "required": ["name", "gone"], "properties": {
            "name": {"$ref": "#/$defs/name", "description": "own"},
            "other": {"$ref": "#/$defs/name"},
            "next": {"$ref": "#/$defs/node"}}},
          "name": {"type": "string", "format": "email", "description": "shared", "pattern": "^a"}}
    }));
    assert_eq!(
        said,
        json!({"type": "OBJECT", "required": ["name"], "properties": {
            "name": {"type": "STRING", "description": "own", "pattern": "^a"},
            "other": {"type": "STRING", "description": "shared", "pattern": "^a"},
            "next": {"type": "OBJECT"}}})
    );
    assert_eq!(losses, "format;dropped, $ref;bent");
    // Each level doubles, which must not fill memory.
    let mut defs = json!({"d0": {"type": "string"}});
    for level in 1..40 {
        let inner = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        defs[format!("d{level}")] = json!({"type": "object", "properties": {"a": inner, "b": inner}});
    }
    let (said, losses) = subset(&json!({"$ref": "#/$defs/d39", "$defs": defs}));
    assert!(said.to_string().len() < 500_000);
    assert_eq!(losses, "$ref;bent");
}

#[test]
fn limits_that_cannot_be_told_are_losses() {
    let (said, losses) = subset(&json!({"allOf": [
        {"type": "object", "properties": {"n": {"type": "integer", "enum": [1, 2], "exclusiveMinimum": 0, "format": "int32"}}},
        {"properties": {"s": {"type": "string", "enum": ["", "x"], "title": "S", "minLength": 1, "default": "x"}}, "required": ["s"]}],
        "not": {"type": "string"}}));
    assert_eq!(
        said,
        json!({"type": "OBJECT", "required": ["s"], "properties": {
            "n": {"type": "INTEGER", "format": "int32"},
            "s": {"type": "STRING", "title": "S", "enum": ["x"], "minLength": 1, "default": "x"}}})
    );
    assert_eq!(losses, "not;dropped, exclusiveMinimum;dropped, enum;dropped");
    assert_eq!(subset(&json!({"type": "object", "properties": {}})).0, Value::Null);
}

#[test]
fn a_schema_of_this_dialect_is_json_schema_in_the_hub() {
    let request = read(
        r#"{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"responseMimeType":"application/json",
        "responseSchema":{"type":"OBJECT","propertyOrdering":["b","a"],"properties":{
          "a":{"type":"STRING","nullable":true,"format":"enum","enum":["x"]},
          "b":{"type":"ARRAY","minItems":"1","items":{"type":"INTEGER"}}}}}}"#,
    );
    let Some(crate::ir::Format::JsonSchema { schema, .. }) = request.unwrap().format else { panic!() };
    assert_eq!(
        schema,
        r#"{"type":"object","properties":{"b":{"type":"array","minItems":1,"items":{"type":"integer"}},"a":{"type":["string","null"],"enum":["x",null]}}}"#
    );
}

fn foreign() -> Reply {
    let seal = |value: &str| Signature::new(Dialect::AnthropicMessages, value);
    let thought =
        |text: &str, redacted| Block::new(Content::Reasoning(Reasoning { text: text.to_owned(), redacted }));
    let citation = Citation {
        url: Some("https://a.example/".to_owned()),
        title: Some("A".to_owned()),
        quote: Some("Da".to_owned()),
        start: Some(0),
        end: Some(2),
        native: None,
    };
    let blocks = vec![
        Block { signature: Some(seal("EqQB/+==")), ..thought("Hm.", None) },
        thought("", Some(seal("EmwKAg=="))),
        Block::new(Content::Text { text: "Da.".to_owned(), citations: vec![citation] }),
        Block::new(Content::ToolCall(ToolCall {
            id: "toolu_1".to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"n":1.0}"#.to_owned(),
            kind: ToolKind::Function,
        })),
    ];
    let finish = Some(Finish {
        native: Some((Dialect::AnthropicMessages, "tool_use".to_owned())),
        ..Finish::new(FinishReason::ToolCalls)
    });
    Reply {
        id: Some("msg_1".to_owned()),
        model: Some("claude-x".to_owned()),
        candidates: vec![Candidate { blocks, finish, ..Candidate::default() }],
        usage: Some(Usage { input: 5, cache_read: 3, output: 7, reasoning: 2, ..Usage::default() }),
        ..Reply::default()
    }
}

#[test]
fn seals_of_another_dialect_survive_the_client_and_sources_are_told() {
    let reply = foreign();
    let whole = GeminiGenerate.render_reply(&reply, &seed(), &mut Losses::new());
    let said: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(said["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        said["candidates"][0]["groundingMetadata"]["groundingChunks"][0]["web"]["uri"],
        "https://a.example/"
    );
    let streamed = fold(listen(".sse", &speak(&unfold(reply.clone()), Framing::Sse))).unwrap();
    for heard in [GeminiGenerate.parse_reply(&whole).unwrap(), streamed] {
        let heard = &heard.candidates[0].blocks;
        let blocks = &reply.candidates[0].blocks;
        assert_eq!((&heard[..2], &heard[3]), (&blocks[..2], &blocks[3]));
    }
    // The client sends it all back, and the seal is its issuer's again.
    let turn = &said["candidates"][0]["content"];
    let body = json!({"contents": [{"parts": [{"text": "a"}]}, turn]}).to_string();
    let request = read(&body).unwrap();
    assert_eq!(&request.turns[1].blocks[..2], &reply.candidates[0].blocks[..2]);
    let (said, losses, _) = say(&request, &GEMINI_2);
    assert_eq!(said["contents"][1]["parts"][0], json!({"text": "Hm.", "thought": true}));
    assert_eq!(
        losses.to_header(),
        "messages.content.signature;dropped, messages.content.redacted_thinking;dropped"
    );
}

#[test]
fn a_source_of_a_place_that_no_text_has_is_told_without_it() {
    let citation =
        Citation { url: Some("https://a.example/".to_owned()), end: Some(u64::MAX), ..Citation::default() };
    let text = |text: &str, citations| Block::new(Content::Text { text: text.to_owned(), citations });
    let mut reply = foreign();
    reply.candidates[0].blocks = vec![text("Da.", Vec::new()), text("Dort.", vec![citation])];
    let last = String::from_utf8(speak(&unfold(reply), Framing::Sse)).unwrap();
    let last: Value = serde_json::from_str(last.trim_end().rsplit("data: ").next().unwrap()).unwrap();
    let told = &last["candidates"][0]["groundingMetadata"];
    assert_eq!(told["groundingChunks"][0]["web"]["uri"], "https://a.example/");
    assert_eq!(told["groundingSupports"], json!([]));
}

#[test]
fn each_event_is_said_at_once_and_the_end_waits_for_usage() {
    let mut renderer =
        GeminiGenerate.stream_renderer(&seed(), StreamShape { framing: Framing::Sse, usage: true });
    let mut sizes = Vec::new();
    let mut out = Vec::new();
    for event in unfold(foreign()) {
        let before = out.len();
        renderer.push(&event, &mut out, &mut Losses::new());
        if matches!(event, Event::Delta { .. } | Event::Finish { .. } | Event::Usage(_) | Event::End) {
            sizes.push(out.len() > before);
        }
    }
    // Thought, seal, text, citation (told last), arguments (whole at their end), finish, usage, end.
    assert_eq!(sizes, [true, true, true, false, false, false, true, false]);
    let text = String::from_utf8(out).unwrap();
    let last: Value = serde_json::from_str(text.trim_end().rsplit("data: ").next().unwrap()).unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["totalTokenCount"], 17);
    assert_eq!(last["usageMetadata"]["thoughtsTokenCount"], 2);
    assert_eq!((&last["modelVersion"], &last["responseId"]), (&json!("claude-x"), &json!("msg_1")));
}

#[test]
fn a_fault_in_a_stream_is_said_as_an_error_and_nothing_follows() {
    let fault = Fault::new(Kind::Overloaded, "too much");
    let events = [Event::Fault(fault), Event::Usage(Usage::default()), Event::End];
    for (framing, expected) in [
        (
            Framing::Sse,
            "data: {\"error\":{\"code\":503,\"message\":\"too much\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
        ),
        (
            Framing::JsonArray,
            "[{\"error\":{\"code\":503,\"message\":\"too much\",\"status\":\"UNAVAILABLE\"}}]",
        ),
    ] {
        assert_eq!(String::from_utf8(speak(&events, framing)).unwrap(), expected);
    }
}

#[test]
fn ends_keep_the_provider_s_word_and_the_text_before_them() {
    let find = |file: &str| {
        let (_, body) = corpus("replies").into_iter().find(|(name, _)| name == file).unwrap();
        GeminiGenerate.parse_reply(&body).unwrap().candidates.remove(0)
    };
    for (file, reason, native, text) in [
        ("safety-after-text.json", FinishReason::ContentFilter, "SAFETY", Some("First you take")),
        ("prompt-blocked.json", FinishReason::ContentFilter, "PROHIBITED_CONTENT", None),
        ("malformed-call.json", FinishReason::MalformedToolCall, "MALFORMED_FUNCTION_CALL", None),
        ("tool-call.json", FinishReason::ToolCalls, "STOP", Some("Let me look.")),
        ("cut-in-thought.json", FinishReason::Length, "MAX_TOKENS", None),
    ] {
        let candidate = find(file);
        let finish = candidate.finish.unwrap();
        assert_eq!((finish.reason, finish.native.unwrap().1.as_str()), (reason, native));
        assert_eq!(candidate.blocks.first().and_then(Block::as_text), text);
    }
}

#[test]
fn embeddings_are_read_and_said_in_both_forms() {
    let headers = HeaderMap::new();
    let head = |path| Head { path, query: "", headers: &headers };
    let one = embed::parse_request(
        &head("/v1beta/models/gemini-embedding-001:embedContent"),
        br#"{"content":{"parts":[{"text":"a"},{"text":"b"}]},"task_type":"RETRIEVAL_QUERY","outputDimensionality":8}"#,
    )
    .unwrap();
    assert_eq!((one.inputs[0].clone(), one.single), (EmbedInput::Text("a\nb".to_owned()), true));
    let body = embed::render_batch_request(&one, "gemini-embedding-001", &mut Losses::new());
    let again =
        embed::parse_batch_request(&head("/v1beta/models/gemini-embedding-001:batchEmbedContents"), &body);
    assert_eq!(again.unwrap(), EmbedRequest { single: false, ..one });
    let mixed = br#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"title":"t"}]}"#;
    let flaw = embed::parse_batch_request(&head("/v1beta/models/e:batchEmbedContents"), mixed).unwrap_err();
    assert_eq!(flaw.param, "requests[1].title");
    let reply =
        embed::parse_batch_reply(br#"{"embeddings":[{"values":[0.25,-1e-5]},{"values":[1,2]}]}"#).unwrap();
    assert_eq!(reply.vectors, [[0.25, -1e-5], [1.0, 2.0]]);
    assert_eq!(embed::parse_batch_reply(&embed::render_batch_reply(&reply)).unwrap(), reply);
    assert_eq!(embed::parse_batch_reply(&embed::render_reply(&reply)).unwrap().vectors, reply.vectors[..1]);
}

#[test]
fn tokens_are_counted_for_both_forms_of_the_question() {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1beta/models/m:countTokens", query: "", headers: &headers };
    let inner = r#"{"model":"models/other","contents":[{"parts":[{"text":"a"}]}]}"#;
    let outer = format!("{{\"generateContentRequest\":{inner}}}");
    let plain = count::parse_request(&head, inner.as_bytes()).unwrap();
    assert_eq!(count::parse_request(&head, outer.as_bytes()).unwrap(), plain);
    assert_eq!(plain.model, "m");
    assert_eq!(count::parse_reply(&count::render_reply(31)), Ok(31));
}

#[test]
fn models_are_listed_by_their_full_names() {
    let list: Value = serde_json::from_slice(&models::render_list(&[
        ("a", Some(10), None),
        ("tunedModels/b", None, Some(5)),
    ]))
    .unwrap();
    assert_eq!(
        (&list["models"][0]["name"], &list["models"][0]["inputTokenLimit"]),
        (&json!("models/a"), &json!(10))
    );
    assert_eq!(
        (&list["models"][1]["name"], &list["models"][1]["outputTokenLimit"]),
        (&json!("tunedModels/b"), &json!(5))
    );
}
