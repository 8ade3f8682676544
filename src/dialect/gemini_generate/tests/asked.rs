//! What becomes of requests: from clients, and to targets.

use serde_json::json;

use super::*;
use crate::ir::{
    Block, CacheMark, Dialect, Format, Media, Role, Signature, Source, Thinking, Tool, ToolCall, ToolChoice,
    ToolKind, ToolResult, Turn,
};

fn call(id: &str, name: &str, arguments: &str) -> Block {
    Block::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        kind: ToolKind::Function,
    }))
}

fn result(id: &str, content: Vec<Block>) -> Block {
    let call_id = id.to_owned();
    Block::new(Content::ToolResult(ToolResult { call_id, name: None, content, is_error: false }))
}

fn tool(name: &str, schema: Option<&str>) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        schema: schema.map(str::to_owned),
        strict: None,
        kind: ToolKind::Function,
        cache: None,
        extras: Extras::NONE,
    }
}

fn asked(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn user(text: &str) -> Turn {
    Turn::new(Role::User, vec![Block::text(text)])
}

#[test]
fn snake_case_is_read_like_camel_case() {
    let camel = r#"{"systemInstruction":"Be brief.","contents":[{"parts":{"text":"Hi"}},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{"a_b":1}},"thoughtSignature":"c2ln"}]},
        {"role":"function","parts":[{"functionResponse":{"name":"f","response":{"x_y":1}}},
          {"inlineData":{"mimeType":"image/png","data":"iVBO"}},
          {"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v"},"videoMetadata":{"fps":1}}]}],
        "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object"}}]}],
        "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
        "safetySettings":[],"generationConfig":{"topP":0.5,"maxOutputTokens":"7","stopSequences":["a"],
          "responseMimeType":"application/json","responseJsonSchema":{"type":"object"},
          "thinkingConfig":{"includeThoughts":true,"thinkingBudget":100}}}"#;
    let mut snake = camel.to_owned();
    for (from, to) in [
        ("systemInstruction", "system_instruction"),
        ("functionCallingConfig", "function_calling_config"),
        ("functionCall\"", "function_call\""),
        ("thoughtSignature", "thought_signature"),
        ("functionResponse", "function_response"),
        ("inlineData", "inline_data"),
        ("mimeType", "mime_type"),
        ("fileData", "file_data"),
        ("fileUri", "file_uri"),
        ("videoMetadata", "video_metadata"),
        ("functionDeclarations", "function_declarations"),
        ("parametersJsonSchema", "parameters_json_schema"),
        ("toolConfig", "tool_config"),
        ("allowedFunctionNames", "allowed_function_names"),
        ("safetySettings", "safety_settings"),
        ("generationConfig", "generation_config"),
        ("topP", "top_p"),
        ("maxOutputTokens", "max_output_tokens"),
        ("stopSequences", "stop_sequences"),
        ("responseMimeType", "response_mime_type"),
        ("responseJsonSchema", "response_json_schema"),
        ("thinkingConfig", "thinking_config"),
        ("includeThoughts", "include_thoughts"),
        ("thinkingBudget", "thinking_budget"),
    ] {
        assert!(snake.contains(from), "{from}");
        snake = snake.replace(from, to);
    }
    let request = read(camel).unwrap();
    assert_eq!(read(&snake).unwrap(), request);
    assert_eq!(request.sampling.max_tokens, Some(7));
    assert_eq!(request.turns[2].role, Role::User);
}

#[test]
fn two_calls_of_one_function_have_two_ids_and_results_come_before_words() {
    let request = read(
        r#"{"contents":[{"parts":[{"text":"go"}]},
        {"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1}}},{"functionCall":{"name":"g"}},{"functionCall":{"name":"f"}}]},
        {"role":"user","parts":[{"text":"and hurry"},{"functionResponse":{"name":"f","response":{"output":"one"}}},
          {"functionResponse":{"name":"f","response":{"output":"two"}}},{"functionResponse":{"name":"g","response":{"error":"no"}}}]}]}"#,
    )
    .unwrap();
    let ids: Vec<_> = request.turns[1]
        .blocks
        .iter()
        .map(|block| match &block.content {
            Content::ToolCall(call) => (call.id.as_str(), call.arguments.as_str()),
            _ => panic!(),
        })
        .collect();
    assert_eq!(ids, [("call_1_0", r#"{"n":1}"#), ("call_1_1", "{}"), ("call_1_2", "{}")]);
    let answers: Vec<_> = request.turns[2].blocks[..3]
        .iter()
        .map(|block| match &block.content {
            Content::ToolResult(result) => {
                (result.call_id.as_str(), result.content[0].as_text().unwrap(), result.is_error)
            }
            _ => panic!(),
        })
        .collect();
    assert_eq!(answers, [("call_1_0", "one", false), ("call_1_2", "two", false), ("call_1_1", "no", true)]);
    assert_eq!(request.turns[2].blocks[3].as_text(), Some("and hurry"));
}

#[test]
fn a_part_that_only_describes_belongs_to_the_part_before_it() {
    let body = r#"{"contents":[{"parts":[{"fileData":{"fileUri":"https://a/v.mp4","mimeType":"video/mp4"}},
        {"videoMetadata":{"startOffset":"2s"}}]}]}"#;
    let blocks = &read(body).unwrap().turns[0].blocks;
    assert_eq!(blocks.len(), 1);
    assert_eq!(
        blocks[0].extras.json(Dialect::GeminiGenerate, "videoMetadata"),
        Some(r#"{"startOffset":"2s"}"#)
    );
    let alone = read(r#"{"contents":[{"parts":[{"videoMetadata":{"startOffset":"2s"}}]}]}"#);
    assert_eq!(alone.unwrap_err().param, "contents[0].parts[0]");
}

#[test]
fn what_a_client_says_wrong_is_named() {
    for (body, param) in [
        ("{}", "contents"),
        (r#"{"contents":"hi"}"#, "contents"),
        (r#"{"contents":[{"role":"assistant","parts":[]}]}"#, "contents[0].role"),
        (r#"{"contents":[{"parts":[{"text":"a"},{"text":1}]}]}"#, "contents[0].parts[1].text"),
        (r#"{"contents":[{"parts":[{}]}]}"#, "contents[0].parts[0]"),
        (
            r#"{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png"}}]}]}"#,
            "contents[0].parts[0].inlineData.data",
        ),
        (
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"args":{}}}]}]}"#,
            "contents[0].parts[0].functionCall.name",
        ),
        (
            r#"{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"topK":"x"}}"#,
            "generationConfig.topK",
        ),
        (
            r#"{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"thinkingConfig":{"thinkingLevel":"xl"}}}"#,
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            r#"{"contents":[{"parts":[{"text":"a"}]}],"tools":[{"functionDeclarations":[{"name":"f"},{}]}]}"#,
            "tools[0].functionDeclarations[1].name",
        ),
        (
            r#"{"contents":[{"parts":[{"text":"a"}]}],"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}"#,
            "toolConfig.functionCallingConfig.mode",
        ),
    ] {
        assert_eq!(read(body).unwrap_err().param, param, "{body}");
    }
}

#[test]
fn results_follow_their_calls_in_their_order_and_roles_are_merged() {
    let chart = Block::new(Content::Image(Media::new(
        Source::Base64("iVBO".to_owned()),
        Some("image/png".to_owned()),
    )));
    let request = asked(vec![
        user("a"),
        user("b"),
        Turn::new(Role::Assistant, vec![call("1", "f", "")]),
        Turn::new(Role::Assistant, vec![call("2", "g", r#"{"x": 1.0}"#), Block::text("wait")]),
        Turn::new(Role::System, vec![Block::text("be quick")]),
        Turn::new(Role::User, vec![result("2", vec![Block::text("[1]"), chart])]),
        Turn::new(Role::User, vec![result("1", vec![Block::text(r#" {"ok":true}"#)])]),
        user("well?"),
    ]);
    let (said, losses, _) = say(&request, &Profile { tool_result_media: false, ..GEMINI_2 });
    assert_eq!(
        said,
        json!({"contents": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "f", "args": {}}},
                {"functionCall": {"name": "g", "args": {"x": 1.0}}}, {"text": "wait"}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"ok": true}}},
                {"functionResponse": {"name": "g", "response": {"output": "[1]"}}},
                {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
            {"role": "user", "parts": [{"text": "Note from the operator: be quick"}, {"text": "well?"}]},
        ]})
    );
    assert_eq!(losses.to_header(), "messages.tool.content;bent, messages.system;bent");
}

#[test]
fn a_lost_seal_is_skipped_once_a_step_and_only_in_the_current_turn() {
    let round = |first: &str, second: &str| {
        [
            Turn::new(Role::Assistant, vec![call(first, "f", "{}"), call(second, "f", "{}")]),
            Turn::new(Role::User, vec![result(first, vec![]), result(second, vec![])]),
        ]
    };
    let mut turns = vec![user("a")];
    turns.extend(round("1", "2"));
    turns.push(user("b"));
    turns.extend(round("3", "4"));
    turns[4].blocks[0].signature = Some(Signature::new(Dialect::AnthropicMessages, "EqQ="));
    let (said, losses, _) = say(&asked(turns.clone()), &GEMINI_3);
    let seals = |said: &Value| -> Vec<Value> {
        let parts = said["contents"].as_array().unwrap().iter().flat_map(|c| c["parts"].as_array().unwrap());
        parts
            .filter(|part| part["functionCall"].is_object())
            .map(|part| part["thoughtSignature"].clone())
            .collect()
    };
    let skip = json!("skip_thought_signature_validator");
    assert_eq!(seals(&said), [Value::Null, Value::Null, skip, Value::Null]);
    assert_eq!(
        losses.to_header(),
        "messages.content.signature;dropped, messages.tool_calls.thought_signature;bent"
    );
    assert_eq!(said["contents"][4]["parts"][1]["functionCall"]["id"], "4");
    turns[4].blocks[0].signature = Some(Signature::new(Dialect::GeminiGenerate, "Cg=="));
    let (said, losses, _) = say(&asked(turns), &GEMINI_3);
    assert_eq!(seals(&said)[2], "Cg==");
    assert!(losses.is_empty());
}

#[test]
fn names_are_cleaned_everywhere_and_restored() {
    let request = Request {
        tools: vec![tool("fs/read", None), tool("ok", None)],
        tool_choice: Some(ToolChoice::Tool("fs/read".to_owned())),
        ..asked(vec![
            user("a"),
            Turn::new(Role::Assistant, vec![call("1", "fs/read", "{}")]),
            Turn::new(Role::User, vec![result("1", vec![])]),
        ])
    };
    let (said, _, rendered) = say(&request, &GEMINI_2);
    assert_eq!(said["tools"][0]["functionDeclarations"][0]["name"], "fs_read");
    assert_eq!(said["contents"][1]["parts"][0]["functionCall"]["name"], "fs_read");
    assert_eq!(said["contents"][2]["parts"][0]["functionResponse"]["name"], "fs_read");
    assert_eq!(
        said["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": ["fs_read"]})
    );
    assert_eq!(rendered.restore.names, [("fs_read".to_owned(), "fs/read".to_owned())]);
}

#[test]
fn efforts_become_budgets_or_levels() {
    let think = |effort, max_tokens, profile: &Profile| {
        let mut request = asked(vec![user("a")]);
        request.thinking = Some(Thinking { effort: Some(effort), ..Thinking::default() });
        request.sampling.max_tokens = max_tokens;
        let (said, losses, _) = say(&request, profile);
        (said["generationConfig"]["thinkingConfig"].clone(), losses.to_header())
    };
    let budget = |tokens: u64| json!({"includeThoughts": true, "thinkingBudget": tokens});
    let level = |word: &str| json!({"includeThoughts": true, "thinkingLevel": word});
    assert_eq!(think(Effort::Low, None, &GEMINI_2), (budget(1024), String::new()));
    assert_eq!(think(Effort::High, None, &GEMINI_2), (budget(4096), String::new()));
    assert_eq!(think(Effort::Max, None, &GEMINI_2), (budget(4096), "reasoning_effort;clamped".to_owned()));
    assert_eq!(think(Effort::None, None, &GEMINI_2), (json!({"thinkingBudget": 0}), String::new()));
    assert_eq!(think(Effort::High, Some(2000), &GEMINI_2).0, budget(1999));
    assert_eq!(
        think(Effort::High, Some(100), &GEMINI_2),
        (json!({"thinkingBudget": 0}), "reasoning_effort;dropped".to_owned())
    );
    let pro = Profile { thinking: ThinkingStyle::GeminiBudget(128), ..GEMINI_2 };
    assert_eq!(
        think(Effort::None, None, &pro),
        (json!({"thinkingBudget": 128}), "reasoning_effort;clamped".to_owned())
    );
    assert_eq!(think(Effort::Minimal, None, &pro).0, budget(128));
    assert_eq!(think(Effort::Medium, None, &GEMINI_3), (level("medium"), String::new()));
    assert_eq!(think(Effort::XHigh, None, &GEMINI_3), (level("high"), "reasoning_effort;clamped".to_owned()));
    assert_eq!(
        think(Effort::None, None, &GEMINI_3),
        (json!({"thinkingLevel": "low"}), "reasoning_effort;clamped".to_owned())
    );
    let plain = Profile { thinking: ThinkingStyle::None, ..GEMINI_2 };
    assert_eq!(think(Effort::Low, None, &plain), (Value::Null, "reasoning_effort;dropped".to_owned()));
}

#[test]
fn what_cannot_be_said_is_a_loss() {
    let mut request = asked(vec![user("a")]);
    request.turns[0].name = Some("bob".to_owned());
    request.turns[0].blocks[0].cache = Some(CacheMark::OneHour);
    for url in ["https://example.org/a.png", "gs://b/a.png"] {
        let image = Content::Image(Media::new(Source::Url(url.to_owned()), None));
        request.turns[0].blocks.push(Block::new(image));
    }
    request.user = Some("u".to_owned());
    request.parallel_tools = Some(false);
    request.tools = vec![Tool { strict: Some(true), ..tool("f", None) }];
    request.sampling.stop = (0..6).map(|n| n.to_string()).collect();
    request.sampling.seed = Some(1 << 40);
    request.sampling.logit_bias = Some("{}".to_owned());
    request.sampling.temperature = Some(3.0);
    request.extras.push(Dialect::OpenaiChat, "store", "true");
    let (said, losses, _) = say(&request, &GEMINI_2);
    assert_eq!(
        losses.to_header(),
        "messages.name;dropped, cache_control;dropped, messages.content.image_url;dropped, \
         tools.strict;dropped, parallel_tool_calls;dropped, temperature;clamped, stop;clamped, \
         seed;dropped, logit_bias;dropped, user;dropped, store;dropped"
    );
    assert_eq!(
        said["contents"][0]["parts"][1],
        json!({"fileData": {"mimeType": "image/png", "fileUri": "gs://b/a.png"}})
    );
    let (said, _, _) = say(&request, &Profile { image_urls: true, ..GEMINI_2 });
    assert_eq!(said["contents"][0]["parts"][1]["fileData"]["fileUri"], "https://example.org/a.png");
}

#[test]
fn a_structured_answer_beside_tools_is_asked_for_by_a_tool() {
    let schema = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#.to_owned();
    let mut request = asked(vec![user("a")]);
    request.format = Some(Format::JsonSchema { name: None, description: None, schema, strict: Some(true) });
    request.tools = vec![tool("f", None)];
    let (said, losses, rendered) = say(&request, &GEMINI_2);
    assert_eq!(said["tools"][0]["functionDeclarations"][1]["name"], "json_answer");
    assert_eq!(said["toolConfig"]["functionCallingConfig"]["mode"], "ANY");
    assert_eq!(rendered.restore.answer_tool.as_deref(), Some("json_answer"));
    assert_eq!(losses.to_header(), "response_format;bent");
    let (said, losses, _) = say(&request, &GEMINI_3);
    assert_eq!(said["generationConfig"]["responseMimeType"], "application/json");
    assert!(losses.is_empty());
}
