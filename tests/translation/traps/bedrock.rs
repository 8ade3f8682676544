//! Bedrock's own traps, as target and as client.

use super::*;

fn none() -> Restore {
    Restore::default()
}

/// A Converse request with these members beside a short conversation.
fn converse(members: &Value) -> Value {
    with(json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}), members)
}

fn model(name: &'static str) -> Target {
    corpus::target(Bedrock, "bedrock", name)
}

/// A chat with one call that was answered, and these members.
fn called(members: &Value) -> Value {
    with(
        json!({"model": "m", "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "functions.get_weather:0",
                "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Rome\"}"}}]},
            {"role": "tool", "tool_call_id": "functions.get_weather:0", "content": "{\"sky\":\"clear\"}"},
        ]}),
        members,
    )
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "description": "",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}])
}

#[test]
fn tools_of_the_history_are_named_where_the_request_brings_none() {
    let said = say(Chat, &called(&json!({})), &sonnet_there());
    let tools = &said.body["toolConfig"]["tools"];
    assert_eq!(tools[0]["toolSpec"]["name"], "get_weather");
    assert_eq!(said.body["toolConfig"].get("toolChoice"), None);
    assert_eq!(said.body["system"][0]["text"], "Do not call any tool; answer in words.");
    assert!(said.lost("tools;bent"), "{}", said.losses);
}

#[test]
fn an_empty_description_is_not_said() {
    let said = say(Chat, &chat(&json!({"tools": tools()})), &sonnet_there());
    assert_eq!(said.body["toolConfig"]["tools"][0]["toolSpec"].get("description"), None);
}

#[test]
fn t07_a_choice_of_no_tool_leaves_the_tools_out() {
    let request = chat(&json!({"tools": tools(), "tool_choice": "none"}));
    let said = say(Chat, &request, &sonnet_there());
    assert_eq!(said.body.get("toolConfig"), None);
    let said = say(Chat, &called(&json!({"tools": tools(), "tool_choice": "none"})), &sonnet_there());
    assert!(said.body["toolConfig"]["tools"][0]["toolSpec"].is_object());
    assert!(said.lost("tool_choice;bent"), "{}", said.losses);
}

#[test]
fn t08_one_call_at_a_time_is_said_beside_the_choice_and_not_twice() {
    let request = chat(&json!({"tools": tools(), "parallel_tool_calls": false}));
    let said = say(Chat, &request, &sonnet_there());
    let alone = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(said.body["additionalModelRequestFields"]["tool_choice"], alone);
    let request = chat(&json!({"tools": tools(), "parallel_tool_calls": false, "tool_choice": "required"}));
    let said = say(Chat, &request, &sonnet_there());
    assert_eq!(said.body["toolConfig"]["toolChoice"], json!({"any": {}}));
    let beside = json!({"disable_parallel_tool_use": true});
    assert_eq!(said.body["additionalModelRequestFields"]["tool_choice"], beside);
    let said = say(Chat, &request, &nova());
    assert!(said.lost("parallel_tool_calls;dropped"), "{}", said.losses);
}

#[test]
fn t06_ids_keep_what_is_taken_and_are_cut_where_they_are_too_long() {
    let said = say(Chat, &called(&json!({"tools": tools()})), &sonnet_there());
    let call = &said.body["messages"][1]["content"][0]["toolUse"];
    assert_eq!(call["toolUseId"], "functions.get_weather:0");
    let long = "x".repeat(80);
    let request = called(&json!({"tools": tools()})).to_string().replace("functions.get_weather:0", &long);
    let said = say(Chat, &serde_json::from_str(&request).unwrap(), &sonnet_there());
    let id = said.body["messages"][1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert_eq!(id.len(), 64);
    assert_eq!(said.body["messages"][2]["content"][0]["toolResult"]["toolUseId"], id);
}

#[test]
fn mistral_is_told_that_a_result_is_json_and_hears_it_alone() {
    let mut request = called(&json!({"tools": tools()}));
    request["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "In one word."}));
    let said = say(Chat, &request, &model("mistral.pixtral-large-2502-v1:0"));
    let messages = said.body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(
        messages[2]["content"],
        json!([{"toolResult": {"toolUseId": "functions.get_weather:0",
        "content": [{"json": {"sky": "clear"}}]}}])
    );
    assert_eq!(messages[4]["content"], json!([{"text": "In one word."}]));
    let said = say(Chat, &request, &sonnet_there());
    assert_eq!(said.body["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn writer_takes_no_status_and_claude_does() {
    let request = claude(&json!({"messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "w", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true}]},
    ], "tools": [{"name": "w", "input_schema": {"type": "object"}}]}));
    let result = |said: &Said| said.body["messages"][2]["content"][0]["toolResult"].clone();
    let said = say(Claude, &request, &sonnet_there());
    assert_eq!(result(&said)["status"], "error");
    assert_eq!(result(&said)["content"], json!([{"text": "The tool failed and said nothing."}]));
    let said = say(Claude, &request, &model("writer.palmyra-x5-v1:0"));
    assert_eq!(result(&said).get("status"), None);
    assert!(said.lost("messages.tool_result.is_error;dropped"), "{}", said.losses);
}

#[test]
fn a_document_has_words_beside_it_and_a_name_of_its_own() {
    let file = |name: &str| {
        json!({"type": "file", "file": {"filename": name,
        "file_data": "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iago="}})
    };
    let request = chat(&json!({"messages": [{"role": "user",
        "content": [file("Q3_report (final).pdf"), file("Q3_report (final).pdf")]}]}));
    let said = say(Chat, &request, &sonnet_there());
    let content = said.body["messages"][0]["content"].as_array().unwrap();
    assert_eq!(content[0]["document"]["name"], "Q3 report (final)-pdf");
    assert_eq!(content[1]["document"]["name"], "Q3 report (final)-pdf 2");
    assert_eq!(content[0]["document"]["format"], "pdf");
    assert_eq!(content[2], json!({"text": "."}));
}

#[test]
fn t28_an_address_is_not_read_there_but_that_of_its_own_store() {
    let image = |url: &str| {
        let request = chat(&json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]}]}));
        say(Chat, &request, &sonnet_there())
    };
    let said = image("https://example.org/cat.png");
    assert!(said.lost("messages.content.image;dropped"), "{}", said.losses);
    let said = image("s3://my-bucket/cat.png");
    let shown = &said.body["messages"][0]["content"][1]["image"];
    assert_eq!(*shown, json!({"format": "png", "source": {"s3Location": {"uri": "s3://my-bucket/cat.png"}}}));
}

#[test]
fn what_lies_in_an_aws_store_is_told_to_nobody_else() {
    let request = converse(&json!({"messages": [{"role": "user", "content": [{"text": "What is it?"},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/cat.png"}}}}]}]}));
    for target in [gpt(), sonnet(), flash()] {
        let said = say(Bedrock, &request, &target);
        assert!(!said.body.to_string().contains("s3://"), "{}: {}", target.model, said.body);
        assert!(said.losses.contains("dropped"), "{}: {}", target.model, said.losses);
    }
}

#[test]
fn each_family_is_asked_to_think_in_its_own_field() {
    let request = chat(&json!({"reasoning_effort": "medium"}));
    let fields = |name| say(Chat, &request, &model(name)).body["additionalModelRequestFields"].clone();
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 2048}});
    assert_eq!(fields("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), budget);
    let adaptive = fields("us.anthropic.claude-opus-4-6-v1");
    assert_eq!(
        (&adaptive["thinking"]["type"], &adaptive["output_config"]["effort"]),
        (&json!("adaptive"), &json!("medium"))
    );
    let nova = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}});
    assert_eq!(fields("us.amazon.nova-2-lite-v1:0"), nova);
    assert_eq!(fields("openai.gpt-oss-120b-1:0"), json!({"reasoning_effort": "medium"}));
    assert_eq!(fields("deepseek.v3-v1:0"), json!({"reasoning_effort": "medium"}));
    assert_eq!(fields("qwen.qwen3-235b-a22b-2507-v1:0"), json!({"reasoning_config": "high"}));
    assert_eq!(fields("us.openai.gpt-5.6-sol"), json!({"reasoning": {"effort": "medium"}}));
    let said = say(Chat, &request, &model("amazon.nova-pro-v1:0"));
    assert_eq!(said.body.get("additionalModelRequestFields"), None);
    assert!(said.lost("reasoning_effort;dropped"), "{}", said.losses);
}

#[test]
fn nova_that_thinks_its_hardest_takes_no_limits() {
    let request =
        chat(&json!({"reasoning_effort": "high", "max_completion_tokens": 500, "temperature": 0.5}));
    let said = say(Chat, &request, &nova());
    assert_eq!(said.body.get("inferenceConfig"), None);
    assert!(said.lost("max_tokens;dropped") && said.lost("temperature;dropped"), "{}", said.losses);
}

#[test]
fn the_likeliest_tokens_are_limited_where_the_family_has_it() {
    let request = claude(&json!({"top_k": 40}));
    let fields = |name| say(Claude, &request, &model(name)).body["additionalModelRequestFields"].clone();
    assert_eq!(fields("anthropic.claude-3-haiku-20240307-v1:0"), json!({"top_k": 40}));
    assert_eq!(fields("us.amazon.nova-pro-v1:0"), json!({"inferenceConfig": {"topK": 40}}));
    assert!(say(Claude, &request, &model("meta.llama3-3-70b-instruct-v1:0")).lost("top_k;dropped"));
}

#[test]
fn models_without_a_place_for_the_operator_hear_it_from_the_user() {
    let request = chat(
        &json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}),
    );
    let said = say(Chat, &request, &model("mistral.mistral-7b-instruct-v0:2"));
    assert_eq!(said.body.get("system"), None);
    assert_eq!(said.body["messages"][0]["content"], json!([{"text": "Be brief."}, {"text": "Hi"}]));
}

#[test]
fn families_are_told_only_what_they_take() {
    let request =
        chat(&json!({"stop": ["END"], "temperature": 0.2, "tools": tools(), "tool_choice": "required"}));
    let llama = say(Chat, &request, &model("us.meta.llama4-scout-17b-instruct-v1:0"));
    assert_eq!(llama.body["inferenceConfig"], json!({"temperature": 0.2}));
    assert_eq!(llama.body["toolConfig"].get("toolChoice"), None);
    let gpt = say(Chat, &request, &model("us.openai.gpt-5.6-sol"));
    assert_eq!(gpt.body.get("inferenceConfig"), None);
    let nova = say(Chat, &request, &nova());
    assert_eq!(nova.body["toolConfig"]["toolChoice"], json!({"any": {}}));
    assert_eq!(nova.body["inferenceConfig"]["stopSequences"], json!(["END"]));
}

#[test]
fn seals_of_claude_hold_wherever_it_is_served() {
    let seal = "EqoBCkgIDRABGAIqQEovsWt4";
    let asked = |content: Value, from| {
        let request = if from == Claude {
            claude(
                &json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": content},
                {"role": "user", "content": "Go on"}]}),
            )
        } else {
            converse(&json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": content}, {"role": "user", "content": [{"text": "Go on"}]}]}))
        };
        [sonnet_there(), sonnet()]
            .map(|target| say(from, &request, &target).body["messages"][1]["content"].clone())
    };
    let here = json!([{"type": "thinking", "thinking": "Hm.", "signature": seal},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3p"}, {"type": "text", "text": "Yes."}]);
    let there = json!([{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": seal}}},
        {"reasoningContent": {"redactedContent": "RW13S0FoZ0JFZ3kzdmEzcA=="}}, {"text": "Yes."}]);
    for (content, from) in [(here.clone(), Claude), (there.clone(), Bedrock)] {
        assert_eq!(asked(content, from), [there.clone(), here.clone()], "{from:?}");
    }
}

#[test]
fn a_seal_of_gemini_rides_on_the_id_of_a_call() {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"functionCall":
        {"name": "get_weather", "args": {}}, "thoughtSignature": "CiQB4/Hc+A=="}]}, "finishReason": "STOP"}]});
    let said = answer(Gemini, &body, &none(), Bedrock);
    let message = said["output"]["message"].clone();
    let id = message["content"][0]["toolUse"]["toolUseId"].clone();
    let request = converse(
        &json!({"messages": [{"role": "user", "content": [{"text": "Weather?"}]}, message,
        {"role": "user", "content": [{"toolResult": {"toolUseId": id, "content": [{"text": "Fine."}]}}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": {"type": "object"}}}}]}}),
    );
    let back = say(Bedrock, &request, &gemini_3());
    assert_eq!(back.body["contents"][1]["parts"][0]["thoughtSignature"], "CiQB4/Hc+A==");
}

#[test]
fn t31_stop_reasons_have_words_on_both_sides() {
    let body = |reason: &str| {
        json!({"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
        "stopReason": reason, "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}})
    };
    for (reason, chat, claude) in [
        ("end_turn", "stop", "end_turn"),
        ("max_tokens", "length", "max_tokens"),
        ("stop_sequence", "stop", "stop_sequence"),
        ("guardrail_intervened", "content_filter", "refusal"),
        ("content_filtered", "content_filter", "refusal"),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
    ] {
        let said = answer(Bedrock, &body(reason), &none(), Chat);
        assert_eq!(said["choices"][0]["finish_reason"], chat);
        assert_eq!(answer(Bedrock, &body(reason), &none(), Claude)["stop_reason"], claude);
        assert_eq!(answer(Bedrock, &body(reason), &none(), Bedrock)["stopReason"], reason);
    }
}

#[test]
fn t01_a_call_without_arguments_is_said_with_an_empty_object() {
    let said = stream(
        Bedrock,
        &bedrock_stream(&[
            ("messageStart", json!({"role": "assistant"})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "now"}}}),
            ),
            ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": ""}}})),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            ("messageStop", json!({"stopReason": "tool_use"})),
            (
                "metadata",
                json!({"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, "metrics": {"latencyMs": 1}}),
            ),
        ]),
        &none(),
        Bedrock,
    );
    let names: Vec<&String> = said.iter().flat_map(|event| event.as_object().unwrap().keys()).collect();
    assert_eq!(
        names,
        [
            "messageStart",
            "contentBlockStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(said[2]["contentBlockDelta"]["delta"]["toolUse"]["input"], "{}");
    assert_eq!(said[5]["metadata"]["usage"]["totalTokens"], 7);
}

#[test]
fn the_betas_of_claudes_clients_reach_it_as_far_as_bedrock_knows_them() {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14".parse().unwrap());
    let head = tollgate::dialect::Head { path: "/v1/messages", query: "", headers: &headers };
    let request = codec(Claude).parse_request(&head, claude(&json!({})).to_string().as_bytes()).unwrap();
    let target = sonnet_there();
    let rendered = codec(Bedrock).render_request(&request, target.model, &target.profile, &mut Losses::new());
    let body: Value = serde_json::from_slice(&rendered.body).unwrap();
    assert_eq!(
        body["additionalModelRequestFields"]["anthropic_beta"],
        json!(["interleaved-thinking-2025-05-14"])
    );
}

#[test]
fn t40_errors_are_known_by_their_type_wherever_it_stands() {
    use tollgate::refusal::Kind;
    let kind = |status, headers: &[(&'static str, &'static str)], body: &str| {
        fault(Bedrock, status, headers, body).kind
    };
    let typed =
        [("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/")];
    assert_eq!(kind(400, &typed, r#"{"message":"slow"}"#), Kind::RateLimited);
    assert_eq!(
        kind(400, &[], r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#),
        Kind::Permission
    );
    assert_eq!(
        kind(400, &[], r#"{"message":"Input is too long for requested model."}"#),
        Kind::ContextWindow
    );
    assert_eq!(
        kind(429, &[], r#"{"message":"Too many tokens, please wait before trying again."}"#),
        Kind::RateLimited
    );
    assert_eq!(kind(424, &[], r#"{"message":"The model failed"}"#), Kind::BadGateway);
    assert_eq!(kind(408, &[], r#"{"message":"Model has timed out"}"#), Kind::Timeout);
}
