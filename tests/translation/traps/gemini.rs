//! Clients that speak Gemini's API, and what Gemini itself refuses.

use super::*;

fn none() -> Restore {
    Restore::default()
}

/// A request of a Gemini client with these members beside its contents.
fn asked(contents: &Value, members: &Value) -> Value {
    with(json!({"contents": contents}), members)
}

fn hi(members: &Value) -> Value {
    asked(&json!([{"role": "user", "parts": [{"text": "Hi"}]}]), members)
}

fn function(name: &str) -> Value {
    json!({"functionDeclarations": [{"name": name, "parameters": {"type": "OBJECT", "properties": {}}}]})
}

#[test]
fn every_part_of_an_instruction_arrives() {
    for system in [
        json!({"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}),
        json!({"role": "user", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]}),
    ] {
        for name in ["systemInstruction", "system_instruction"] {
            let request = hi(&json!({name: system}));
            let text = say(Gemini, &request, &gpt()).body["messages"][0].to_string();
            assert!(text.contains("Be brief.") && text.contains("Be kind."), "{text}");
            let system = &say(Gemini, &request, &sonnet()).body["system"];
            assert_eq!((&system[0]["text"], &system[1]["text"]), (&json!("Be brief."), &json!("Be kind.")));
        }
    }
    let request = hi(&json!({"systemInstruction": "Be brief."}));
    assert_eq!(say(Gemini, &request, &sonnet()).body["system"][0]["text"], "Be brief.");
}

#[test]
fn media_are_read_in_either_spelling_and_wherever_they_are() {
    for part in [
        json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo_-w"}}),
        json!({"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo/+w=="}}),
    ] {
        let request = asked(&json!([{"parts": [{"text": "?"}, part]}]), &json!({}));
        let said = say(Gemini, &request, &gpt());
        let url = &said.body["messages"][0]["content"][1]["image_url"]["url"];
        assert_eq!(url, "data:image/png;base64,iVBORw0KGgo/+w==");
        let said = say(Gemini, &request, &sonnet());
        assert_eq!(said.body["messages"][0]["content"][1]["source"]["data"], "iVBORw0KGgo/+w==");
    }
    let file = |uri: &str, kind: &str| json!([{"parts": [{"fileData": {"fileUri": uri, "mimeType": kind}}, {"text": "?"}]}]);
    let request = asked(&file("https://example.com/cat.png", "image/png"), &json!({}));
    let url = &say(Gemini, &request, &gpt()).body["messages"][0]["content"][0]["image_url"]["url"];
    assert_eq!(url, "https://example.com/cat.png");
    for (uri, kind) in [
        ("gs://bucket/cat.png", "image/png"),
        ("https://generativelanguage.googleapis.com/v1beta/files/abc", "application/pdf"),
        ("https://youtu.be/dQw4w9WgXcQ", "video/mp4"),
    ] {
        for target in [gpt(), sonnet()] {
            let said = say(Gemini, &asked(&file(uri, kind), &json!({})), &target);
            let text = said.body.to_string();
            assert!(text.contains(uri) != said.losses.contains("dropped"), "{text} {}", said.losses);
        }
    }
}

#[test]
fn a_thought_of_the_history_is_no_answer() {
    let contents = json!([{"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [{"text": "Secret plan.", "thought": true}, {"text": "Yes."}]},
        {"role": "user", "parts": [{"text": "On"}]}]);
    for target in [gpt(), thinking_gpt(), sonnet(), opus()] {
        let said = say(Gemini, &asked(&contents, &json!({})), &target);
        assert!(!said.body.to_string().contains("Secret plan."), "{}", said.body);
        assert!(said.losses.contains("dropped"), "{}", said.losses);
    }
    let said = say(Gemini, &asked(&contents, &json!({})), &flash());
    assert_eq!(said.body["contents"][1]["parts"][0], json!({"text": "Secret plan.", "thought": true}));
}

#[test]
fn steering_reaches_who_takes_it_and_is_a_loss_elsewhere() {
    let config = json!({"temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 7, "candidateCount": 2, "maxOutputTokens": 99,
        "stopSequences": ["END"], "presencePenalty": 0.1, "frequencyPenalty": 0.2});
    let said = say(Gemini, &hi(&json!({"generationConfig": config})), &gpt());
    for (name, value) in [
        ("temperature", json!(0.5)),
        ("top_p", json!(0.9)),
        ("seed", json!(7)),
        ("n", json!(2)),
        ("stop", json!(["END"])),
        ("presence_penalty", json!(0.1)),
        ("frequency_penalty", json!(0.2)),
    ] {
        assert_eq!(said.body[name], value, "{name}");
    }
    assert!(said.lost("top_k;dropped"), "{}", said.losses);
    let said = say(Gemini, &hi(&json!({"generationConfig": config})), &sonnet());
    assert_eq!((&said.body["top_k"], &said.body["max_tokens"]), (&json!(40), &json!(99)));
    for name in ["seed", "n", "presence_penalty", "frequency_penalty"] {
        assert!(said.losses.contains(name), "{name}: {}", said.losses);
    }

    let thinking = |config: Value| hi(&json!({"generationConfig": {"thinkingConfig": config}}));
    let said = say(Gemini, &thinking(json!({"thinkingLevel": "HIGH"})), &thinking_gpt());
    assert_eq!(said.body["reasoning_effort"], "high");
    let said = say(Gemini, &thinking(json!({"thinking_budget": 2048})), &sonnet());
    assert_eq!(said.body["thinking"]["budget_tokens"], 2048);
    let said = say(Gemini, &thinking(json!({"thinkingBudget": 0})), &sonnet());
    assert!(said.body.get("thinking").is_none_or(|thinking| thinking["type"] == "disabled"));

    let limited = |names: Value| {
        hi(&json!({"tools": [function("look"), function("go")], "toolConfig": {"functionCallingConfig": {
            "mode": "ANY", "allowedFunctionNames": names}}}))
    };
    let said = say(Gemini, &limited(json!(["go"])), &gpt());
    assert_eq!(said.body["tool_choice"]["function"]["name"], "go");
    let said = say(Gemini, &limited(json!(["go"])), &sonnet());
    assert_eq!(said.body["tool_choice"], json!({"type": "tool", "name": "go"}));
    for target in [gpt(), sonnet()] {
        let said = say(Gemini, &limited(json!(["go", "look"])), &target);
        let text = said.body["tool_choice"].to_string();
        assert!(text.contains("required") || text.contains("any"), "{text}");
    }
}

#[test]
fn a_seal_alone_behind_a_call_is_no_empty_text_to_claude_clients() {
    let parts = json!([{"functionCall": {"name": "f", "args": {}}}, {"text": "", "thoughtSignature": "CiQBVKhc7vB+"}]);
    let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    let whole = answer(Gemini, &body, &Restore::NONE, Claude);
    assert_eq!(whole["content"].as_array().map(Vec::len), Some(1), "{whole}");
    let events = stream(Gemini, &gemini_stream(&[body]), &Restore::NONE, Claude);
    let begun = events.iter().filter(|event| event["type"] == "content_block_start");
    assert_eq!(begun.map(|event| &event["content_block"]["type"]).collect::<Vec<_>>(), ["tool_use"]);
}

fn validated(schema: &Value) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}})
}

#[test]
fn validated_calls_are_strict_tools_where_the_schema_fits() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let closed = with(schema.clone(), &json!({"additionalProperties": false}));
    let said = say(Gemini, &validated(&schema), &gpt());
    let function = &said.body["tools"][0]["function"];
    assert_eq!((&function["strict"], &function["parameters"]), (&json!(true), &closed));
    assert_eq!((said.body["tool_choice"].as_str(), &*said.losses), (Some("auto"), ""));
    let said = say(Gemini, &validated(&schema), &sonnet());
    let tool = &said.body["tools"][0];
    assert_eq!((&tool["strict"], &tool["input_schema"]), (&json!(true), &closed));
    assert_eq!((&said.body["tool_choice"], &*said.losses), (&json!({"type": "auto"}), ""));
    // Among its own the mode is said as it was.
    let said = say(Gemini, &validated(&schema), &flash());
    assert_eq!(said.body["toolConfig"]["functionCallingConfig"]["mode"], "VALIDATED");
    assert_eq!(
        (said.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"].clone(), &*said.losses),
        (schema, "")
    );
}

#[test]
fn validated_calls_stay_as_they_are_where_the_schema_does_not_fit() {
    let lost = "toolConfig.functionCallingConfig.mode;dropped";
    // Only Anthropic takes a member that may be missing.
    let optional = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let said = say(Gemini, &validated(&optional), &gpt());
    assert_eq!((said.body["tools"][0]["function"].get("strict"), &*said.losses), (None, lost));
    assert_eq!(said.body["tools"][0]["function"]["parameters"], optional);
    let said = say(Gemini, &validated(&optional), &sonnet());
    assert_eq!((&said.body["tools"][0]["strict"], &*said.losses), (&json!(true), ""));
    // Only OpenAI holds to a bound.
    let bound = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 7}}, "required": ["days"]});
    assert_eq!(say(Gemini, &validated(&bound), &gpt()).losses, "");
    let said = say(Gemini, &validated(&bound), &sonnet());
    assert_eq!((said.body["tools"][0].get("strict"), &*said.losses), (None, lost));
    assert_eq!(said.body["tools"][0]["input_schema"], bound);
    // Who holds no tool to its schema, does not.
    let unheld = corpus::target(Chat, "mistral", "mistral-large-latest");
    let said = say(Gemini, &validated(&bound), &unheld);
    assert_eq!(said.body["tools"][0]["function"].get("strict").is_none(), said.lost(lost));
}

#[test]
fn what_holds_anyway_is_no_loss() {
    let request = hi(&json!({"generationConfig": {"responseModalities": ["TEXT"], "candidateCount": 1}}));
    for target in [gpt(), sonnet()] {
        assert_eq!(say(Gemini, &request, &target).losses, "");
    }
    let said = say(Gemini, &request, &flash());
    assert_eq!(said.body["generationConfig"]["responseModalities"], json!(["TEXT"]));
    let request = hi(&json!({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}));
    assert!(say(Gemini, &request, &gpt()).lost("generationConfig.responseModalities;dropped"));
}

#[test]
fn who_says_nothing_still_asks() {
    let request = asked(
        &json!([{"role": "user", "parts": [{"text": ""}]}]),
        &json!({"systemInstruction": {"parts": [{"text": "Tell a joke."}]}}),
    );
    for target in [flash(), gemini_3()] {
        let said = say(Gemini, &request, &target);
        assert_eq!(said.body["contents"], json!([{"role": "user", "parts": [{"text": ""}]}]));
    }
}

#[test]
fn a_streams_usage_is_told_to_a_gemini_client() {
    let chunk = |delta: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
    };
    let end = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
            "prompt_tokens_details": {"cached_tokens": 60}, "completion_tokens_details": {"reasoning_tokens": 20}}});
    let frames = [chunk(json!({"role": "assistant", "content": "Hi."})), end, usage];
    let text: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let said = stream(Chat, &(text + "data: [DONE]\n\n"), &none(), Gemini);
    let told = &said.last().unwrap()["usageMetadata"];
    for (name, count) in [
        ("promptTokenCount", 100),
        ("cachedContentTokenCount", 60),
        ("candidatesTokenCount", 10),
        ("thoughtsTokenCount", 20),
        ("totalTokenCount", 130),
    ] {
        assert_eq!(told[name], count, "{told}");
    }
}

#[test]
fn a_whole_answer_that_does_not_tell_why_it_ended_has_ended() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "Hello"}], "role": "model"}, "avgLogprobs": -0.1}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 1, "totalTokenCount": 8}, "modelVersion": "gemini-1.5-flash"});
    assert_eq!(answer(Gemini, &body, &none(), Chat)["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer(Gemini, &body, &none(), Claude)["stop_reason"], "end_turn");
    let silent = json!({"usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7}, "modelVersion": "gemini-2.5-pro"});
    assert!(answer(Gemini, &silent, &none(), Chat)["choices"][0]["finish_reason"].is_string());
    assert!(answer(Gemini, &silent, &none(), Claude)["stop_reason"].is_string());
}

#[test]
fn levels_that_a_model_refuses_are_not_sent() {
    for (model, level) in [
        ("gemini-3.1-pro-preview", "low"),
        ("gemini-3.7-flash", "low"),
        ("gemini-3-flash-preview", "minimal"),
    ] {
        let target = corpus::target(Gemini, "gemini", model);
        for effort in ["none", "minimal"] {
            let said = say(Chat, &chat(&json!({"reasoning_effort": effort})), &target);
            let config = &said.body["generationConfig"]["thinkingConfig"];
            assert_eq!(config["thinkingLevel"], level, "{model} {effort}");
            assert!(config.get("thinkingBudget").is_none(), "one of the two is all that may be said");
        }
    }
}

#[test]
fn penalties_that_a_model_refuses_are_losses() {
    let request = chat(&json!({"presence_penalty": 0.5, "frequency_penalty": 0.5}));
    for target in [flash(), gemini_3()] {
        let said = say(Chat, &request, &target);
        assert!(!said.body.to_string().contains("Penalty"), "{}", said.body);
        assert!(said.lost("presence_penalty;dropped") && said.lost("frequency_penalty;dropped"));
    }
}

#[test]
fn a_forced_call_and_a_json_answer_do_not_meet() {
    let shape = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "properties": {"x": {"type": "integer"}}}}});
    let tools = json!([{"type": "function", "function": {"name": "look"}}]);
    for (choice, mime) in [("auto", true), ("required", false)] {
        let request = chat(&json!({"response_format": shape, "tools": tools, "tool_choice": choice}));
        let said = say(Chat, &request, &gemini_3());
        assert_eq!(
            said.body["generationConfig"]["responseMimeType"] == "application/json",
            mime,
            "{}",
            said.body
        );
        assert_eq!(said.restore.answer_tool.is_none(), mime);
    }
}

#[test]
fn own_tools_beside_functions_are_mixed_as_gemini_3_demands() {
    let tools = json!([{"name": "look", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}]);
    let said = say(Claude, &claude(&json!({"tools": tools, "tool_choice": {"type": "auto"}})), &gemini_3());
    assert_eq!(said.body["tools"][1], json!({"googleSearch": {}}));
    assert_eq!(said.body["toolConfig"], json!({"includeServerSideToolInvocations": true}));
    let said = say(Claude, &claude(&json!({"tools": tools})), &flash());
    assert!(said.lost("tools.web_search;dropped") && said.body.get("toolConfig").is_none(), "{}", said.body);
    let alone = json!([{"type": "web_search_20250305", "name": "web_search"}]);
    let said = say(Claude, &claude(&json!({"tools": alone})), &gemini_3());
    assert!(said.body.get("toolConfig").is_none(), "{}", said.body);
}

#[test]
fn a_schema_in_a_result_is_no_reference_to_its_media() {
    let result = r##"{"schema":{"$ref":"#/$defs/a","$defs":{"a":{}}}}"##;
    let request = json!({"model": "m", "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": result}]});
    for target in [flash(), gemini_3()] {
        let said = say(Chat, &request, &target);
        let response = &said.body["contents"][2]["parts"][0]["functionResponse"]["response"];
        assert_eq!(response, &json!({"output": result}));
        assert!(said.lost("messages.tool.content;bent"), "{}", said.losses);
    }
    let own = json!([{"role": "user", "parts": [{"text": "Go"}]},
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {}}, "thoughtSignature": "CiQB4/Hc+A=="}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"photo": {"$ref": "a.png"}},
            "parts": [{"inlineData": {"mimeType": "image/png", "displayName": "a.png", "data": "iVBORw0KGgo="}}]}}]}]);
    assert_eq!(say(Gemini, &asked(&own, &json!({})), &gemini_3()).body["contents"], own);
}

#[test]
fn a_reference_with_company_is_written_out_for_gemini() {
    let parameters = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "definitions": {"Unit": {"type": "string", "enum": ["c", "f"]}},
        "properties": {"unit": {"$ref": "#/definitions/Unit", "title": "Unit"}, "kind": {"const": "now"}}});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}]);
    let said = say(Chat, &chat(&json!({"tools": tools})), &flash());
    let sent = &said.body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"];
    assert_eq!(sent["properties"]["unit"], json!({"title": "Unit", "type": "string", "enum": ["c", "f"]}));
    assert_eq!(sent["properties"]["kind"], json!({"type": "string", "enum": ["now"]}));
    assert!(sent.get("$schema").is_none() && sent.get("definitions").is_none(), "{sent}");
}

#[test]
fn names_that_were_cleaned_for_gemini_are_given_back_in_a_stream() {
    let odd = "mcp/größe lesen";
    let tools = json!([{"type": "function", "function": {"name": odd}}]);
    let choice = json!({"type": "function", "function": {"name": odd}});
    let asked = say(Chat, &chat(&json!({"tools": tools, "tool_choice": choice})), &flash());
    let config = &asked.body["toolConfig"]["functionCallingConfig"];
    let sent = config["allowedFunctionNames"][0].clone();
    assert_eq!(
        (&config["mode"], &asked.body["tools"][0]["functionDeclarations"][0]["name"]),
        (&json!("ANY"), &sent)
    );
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": sent, "args": {}}}]}, "finishReason": "STOP"}]});
    let said = stream(Gemini, &gemini_stream(&[body]), &asked.restore, Chat);
    assert!(
        said.iter().any(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == *odd),
        "{said:?}"
    );
}

#[test]
fn a_later_instruction_is_said_by_the_user_where_it_stood() {
    let request = json!({"model": "m", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"}, {"role": "system", "content": "Speak French."}, {"role": "user", "content": "Three"}]});
    let said = say(Chat, &request, &flash());
    let last = said.body["contents"][2].to_string();
    assert_eq!(said.body["contents"].as_array().unwrap().len(), 3, "roles alternate");
    assert!(last.find("French") < last.find("Three") && last.contains("operator"), "{last}");
    assert!(said.lost("messages.system;bent"), "{}", said.losses);
}

#[test]
fn words_do_not_share_a_content_with_results_at_gemini_3() {
    let request = json!({"model": "m", "max_tokens": 9, "tools": [{"name": "f", "input_schema": {"type": "object"}}], "messages": [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "ok"},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.gif"}}]}, {"type": "text", "text": "and hurry"}]}]});
    let said = say(Claude, &request, &gemini_3());
    let contents = said.body["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 4, "{}", said.body);
    let results = contents[2]["parts"].as_array().unwrap();
    assert!(results.iter().all(|part| part.get("functionResponse").is_some()), "{}", said.body);
    let rest = contents[3].to_string();
    assert!(rest.contains("cat.gif") && rest.contains("and hurry"), "{rest}");
    assert_eq!(say(Claude, &request, &flash()).body["contents"].as_array().unwrap().len(), 3);
}

#[test]
fn a_file_that_was_searched_is_no_web_page_to_claudes_clients() {
    let body = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Paris."}]}, "finishReason": "STOP",
        "groundingMetadata": {
            "groundingChunks": [{"retrievedContext": {"text": "Paris is", "fileSearchStore": "s"}}, {"web": {"uri": "https://a.example/", "title": "A"}}],
            "groundingSupports": [{"segment": {"endIndex": 6, "text": "Paris."}, "groundingChunkIndices": [0, 1]}]}}]});
    let said = answer(Gemini, &body, &none(), Claude);
    let cited = said["content"][0]["citations"].as_array().unwrap();
    assert_eq!((cited.len(), &cited[0]["url"]), (1, &json!("https://a.example/")), "{said}");
    let said = stream(Gemini, &gemini_stream(&[body]), &none(), Claude);
    let urls: Vec<&Value> =
        said.iter().map(|event| &event["delta"]["citation"]["url"]).filter(|url| url.is_string()).collect();
    assert_eq!(urls, ["https://a.example/"]);
}

#[test]
fn a_document_that_was_cited_is_something_retrieved_to_googles_clients() {
    let body = json!({"content": [{"type": "text", "text": "He is late.", "citations": [
            {"type": "page_location", "cited_text": "He came at ten.", "document_index": 0, "document_title": "Diary", "start_page_number": 1, "end_page_number": 2},
            {"type": "web_search_result_location", "cited_text": "late", "url": "https://a.example/", "title": "A", "encrypted_index": "E"}]}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}});
    let said = answer(Claude, &body, &none(), Gemini);
    let chunks = &said["candidates"][0]["groundingMetadata"]["groundingChunks"];
    assert_eq!(chunks[0]["retrievedContext"], json!({"title": "Diary", "text": "He came at ten."}), "{said}");
    assert_eq!(chunks[1]["web"]["uri"], "https://a.example/");
}

#[test]
fn the_words_that_a_source_was_given_for_are_told_in_bytes_to_googles_clients() {
    let page = json!({"type": "web_search_result_location", "cited_text": "a source's own words", "url": "https://a.example/", "title": "A", "encrypted_index": "E"});
    let body = json!({"content": [{"type": "text", "text": "Für Elise: "}, {"type": "text", "text": "schön.", "citations": [page, page]}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}});
    let said = answer(Claude, &body, &none(), Gemini);
    let supports = &said["candidates"][0]["groundingMetadata"]["groundingSupports"];
    assert_eq!(
        *supports,
        json!([{"segment": {"startIndex": 12, "endIndex": 19, "text": "schön."}, "groundingChunkIndices": [0, 1]}])
    );
    let text = |index: u32, text: &str| {
        vec![
            json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}),
        ]
    };
    let stop = |index: u32| json!({"type": "content_block_stop", "index": index});
    let mut events = [text(0, "Für Elise: "), vec![stop(0)], text(1, "schön.")].concat();
    events.insert(4, json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": page}}));
    events.insert(0, claude_start());
    events.push(stop(1));
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
    );
    let said = stream(Claude, &claude_stream(&events), &none(), Gemini);
    let told = said.iter().find_map(|slice| slice["candidates"][0].get("groundingMetadata")).unwrap();
    assert_eq!(
        told["groundingSupports"],
        json!([{"segment": {"startIndex": 12, "endIndex": 19}, "groundingChunkIndices": [0]}])
    );
}
