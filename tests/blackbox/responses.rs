//! OpenAI's Responses as a client speaks them, to providers that do too and to those that do not.

use serde_json::{Value, json};
use tollgate::mock::Mock;

use crate::harness::{
    Client, Gateway, Heard, Provider, Reply, Setup, Then, json_reply, mock, mock_page, post,
};

/// The models that clients ask for, each of another vendor's or of another API alone.
const MODELS: [&str; 5] =
    ["gpt-4o-mini", "gpt-5-codex", "claude-sonnet-4-5", "gemini-2.5-flash", "llama-thinking"];

/// All vendors at this mock, and one that speaks chat completions alone.
fn setup(mock: &Mock) -> Setup {
    let house = format!(
        "house: {{vendor: custom, base_url: \"http://{}/house/v1\", models: [llama-thinking], api_key: k-1234}}",
        mock.addr()
    );
    Setup::new(mock).provider(&house)
}

fn asked(model: &str, input: impl Into<Value>) -> Value {
    json!({"model": model, "input": input.into()})
}

fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn ask(gateway: &Gateway, body: &Value) -> Reply {
    gateway.ask(&post("/v1/responses").json(body))
}

/// The words of a response.
fn text(response: &Value) -> String {
    let items = response["output"].as_array().unwrap().iter().filter(|item| item["type"] == "message");
    items.map(|item| item["content"][0]["text"].as_str().unwrap()).collect()
}

/// The events of a stream, whose numbers and names are as they should be.
fn events(reply: &Reply) -> Vec<Value> {
    let said = reply.text();
    let events: Vec<Value> =
        Client::events(&said).iter().map(|data| serde_json::from_str(data).expect(data)).collect();
    let names = said.lines().filter_map(|line| line.strip_prefix("event: "));
    assert!(names.eq(events.iter().map(|event| event["type"].as_str().unwrap())), "{said}");
    assert!(events.iter().enumerate().all(|(number, event)| event["sequence_number"] == number), "{said}");
    events
}

#[test]
fn every_model_answers_whole_and_streamed() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in MODELS {
        let body = with(asked(model, "#mock tokens=12\nhello"), json!({"instructions": "Be brief."}));
        let reply = ask(&gateway, &body).ok();
        let whole = reply.json();
        assert_eq!(
            (&whole["object"], &whole["status"]),
            (&json!("response"), &json!("completed")),
            "{whole}"
        );
        assert_eq!(whole["instructions"], "Be brief.", "{model}");
        let line = gateway.line(&reply);
        assert_eq!(line["client_dialect"], "openai_responses");
        assert_eq!(line["verbatim"], model.starts_with("gpt"), "{line}");
        assert_eq!(line["usage_source"], "reported");
        assert_eq!(line["gen_ai.usage.output_tokens"], whole["usage"]["output_tokens"], "{line}");
        let reply = ask(&gateway, &with(body, json!({"stream": true}))).ok();
        let told = events(&reply);
        let last = &told.last().unwrap();
        assert_eq!(last["type"], "response.completed", "{model}: {last}");
        assert_eq!(text(&last["response"]), text(&whole), "{model}");
        let deltas = told.iter().filter(|event| event["type"] == "response.output_text.delta");
        assert_eq!(deltas.map(|event| event["delta"].as_str().unwrap()).collect::<String>(), text(&whole));
        let line = gateway.line(&reply);
        assert_eq!(line["usage_source"], "reported", "{line}");
        assert_eq!(line["gen_ai.usage.output_tokens"], last["response"]["usage"]["output_tokens"], "{line}");
    }
}

#[test]
fn a_request_for_openai_goes_through_byte_for_byte() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let body = "{ \"model\" :\"gpt-4o-mini\",\n \"input\": [{\"role\":\"user\",\"content\":\"h\\u00e9 #mock tokens=2\"}] ,\"temperature\":1.50}";
    gateway.ask(&post("/v1/responses").body(body)).ok();
    let arrived = mock_page(&mock, "last");
    assert_eq!(
        (&arrived["body_text"], &arrived["path"]),
        (&json!(body), &json!("/v1/responses")),
        "{arrived}"
    );
    gateway.ask(&post("/openai/v1/responses").body(body.replace("gpt-4o-mini", "openai/gpt-4o-mini"))).ok();
    assert_eq!(mock_page(&mock, "last")["body_text"], body);
}

#[test]
fn a_stream_goes_through_byte_for_byte_and_is_metered() {
    const STREAM: &str = "event: response.created\ndata: { \"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\n\
        event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,  \"delta\":\"h\\u00e9\"}\n\n\
        event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",\"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\"}}],\"usage\":{\"input_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":5,\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":12}}}\n\n";
    let provider = Provider::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        Heard::answer(stream, format!("{head}{STREAM}").as_bytes());
        Then::Close
    });
    let line = format!("openai: {{base_url: \"http://{}/v1\", api_key: k-1234}}", provider.addr);
    let gateway = Setup::default().provider(&line).start();
    let reply = ask(&gateway, &with(asked("gpt-4o-mini", "hello"), json!({"stream": true}))).ok();
    assert_eq!(reply.text(), STREAM);
    let line = gateway.line(&reply);
    assert_eq!(
        (&line["gen_ai.usage.input_tokens"], &line["gen_ai.usage.output_tokens"]),
        (&json!(7), &json!(5)),
        "{line}"
    );
    assert_eq!((&line["usage_source"], &line["outcome"]), (&json!("reported"), &json!("answered")), "{line}");
}

#[test]
fn a_model_of_responses_alone_is_asked_there_by_every_client() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for client in [Client::Openai, Client::Anthropic, Client::Gemini] {
        for stream in [false, true] {
            let text = "#mock tokens=9\nhello";
            let request =
                if stream { client.stream("gpt-5-codex", text) } else { client.whole("gpt-5-codex", text) };
            let reply = gateway.ask(&request).ok();
            let arrived = mock_page(&mock, "last");
            assert_eq!(arrived["path"], "/v1/responses", "{client:?}");
            let sent: Value = serde_json::from_str(arrived["body_text"].as_str().unwrap()).unwrap();
            assert_eq!(
                (&sent["store"], &sent["include"][0]),
                (&json!(false), &json!("reasoning.encrypted_content"))
            );
            if stream {
                assert!(client.is_complete(&reply.text()), "{}", reply.text());
            }
            let line = gateway.line(&reply);
            assert_eq!(line["target_dialect"], "openai_responses", "{line}");
            assert_eq!(line["usage_source"], "reported", "{line}");
        }
        gateway.ask(&client.whole("gpt-4o-mini", "hello")).ok();
        assert_eq!(mock_page(&mock, "last")["path"], "/v1/chat/completions", "{client:?}");
    }
}

#[test]
fn what_only_a_provider_keeps_is_refused_by_name_elsewhere() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for (members, param, status, words) in [
        (json!({"previous_response_id": "resp_1"}), "previous_response_id", 400, "not found"),
        (json!({"conversation": {"id": "conv_1"}}), "conversation", 404, "not found"),
        (json!({"prompt": {"id": "pmpt_1"}}), "prompt", 400, "keep"),
        (json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input", 404, "not found"),
        (json!({"input": [{"id": "msg_1"}]}), "input", 400, "keep"),
    ] {
        let reply = ask(&gateway, &with(asked("claude-sonnet-4-5", "hello"), members.clone()));
        assert_eq!(reply.status, status, "{param}");
        let said = Client::Openai.refusal(&reply);
        assert_eq!(
            (said.param.as_deref(), said.kind.as_str()),
            (Some(param), "invalid_request_error"),
            "{said:?}"
        );
        assert!(said.message.contains(words), "{said:?}");
        // Their own provider has the word.
        ask(&gateway, &with(asked("gpt-4o-mini", "hello"), members.clone()));
        let sent: Value =
            serde_json::from_str(mock_page(&mock, "last")["body_text"].as_str().unwrap()).unwrap();
        assert_eq!(sent[param], members[param]);
    }
    let harmless = json!({"previous_response_id": null, "background": false, "store": true});
    ask(&gateway, &with(asked("claude-sonnet-4-5", "#mock tokens=2"), harmless)).ok();
}

#[test]
fn errors_are_in_openais_words_whoever_answers() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in MODELS {
        for (directive, status, code) in [
            ("error=400", 400, None),
            ("error=429 retry_after=7", 429, Some("rate_limit_exceeded")),
            ("context", 400, Some("context_length_exceeded")),
        ] {
            let reply = ask(&gateway, &asked(model, format!("#mock {directive}")));
            assert_eq!(reply.status, status, "{model}: {directive}");
            let said = Client::Openai.refusal(&reply);
            if code.is_some() {
                assert_eq!(said.code.as_deref(), code, "{model}: {said:?}");
            }
        }
    }
    let reply =
        ask(&gateway, &json!({"model": "claude-sonnet-4-5", "input": [{"role": "user", "content": 7}]}));
    let said = Client::Openai.refusal(&reply);
    assert_eq!((reply.status, said.param.as_deref()), (400, Some("input[0].content")), "{said:?}");
    let reply = ask(&gateway, &json!({"model": "claude-sonnet-4-5"}));
    assert_eq!(Client::Openai.refusal(&reply).param.as_deref(), Some("input"));
}

#[test]
fn a_stream_that_breaks_off_says_so_and_does_not_end_as_if_whole() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in MODELS {
        for directive in ["cut=5", "end=5", "stream_error=5"] {
            let body = with(asked(model, format!("#mock tokens=30 {directive}")), json!({"stream": true}));
            let said = ask(&gateway, &body).text();
            let told: Vec<Value> =
                Client::events(&said).iter().map(|data| serde_json::from_str(data).unwrap()).collect();
            let of = |name: &str| told.iter().filter(|event| event["type"] == name).count();
            assert_eq!(of("error"), 1, "{model}, {directive}: {said}");
            assert_eq!(of("response.completed"), 0, "{model}, {directive}: {said}");
            let error = told.iter().find(|event| event["type"] == "error").unwrap();
            assert!(error["error"]["message"].is_string(), "{error}");
            if !model.starts_with("gpt") {
                let last = told.last().unwrap();
                assert_eq!(last["type"], "response.failed", "{said}");
                assert!(last["response"]["error"]["message"].is_string(), "{said}");
            }
        }
    }
}

#[test]
fn a_limit_that_is_met_makes_an_answer_incomplete() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in MODELS {
        let body = with(asked(model, "#mock tokens=90 reasoning=0"), json!({"max_output_tokens": 20}));
        let whole = ask(&gateway, &body).ok().json();
        assert_eq!(whole["status"], "incomplete", "{model}: {whole}");
        assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
        let told = events(&ask(&gateway, &with(body, json!({"stream": true}))).ok());
        assert_eq!(told.last().unwrap()["type"], "response.incomplete", "{model}");
    }
}

fn tool() -> Value {
    json!([{"type": "function", "name": "get_weather", "description": "The weather", "strict": false,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}])
}

/// Adds an answer to a conversation, with a result for each of its calls; how many calls there were.
fn go_on(input: &mut Vec<Value>, response: &Value) -> usize {
    let items = response["output"].as_array().unwrap();
    input.extend(items.iter().cloned());
    let calls: Vec<_> = items.iter().filter(|item| item["type"] == "function_call").collect();
    for call in &calls {
        input.push(
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}),
        );
    }
    calls.len()
}

#[test]
fn a_conversation_keeps_its_seals_whoever_issued_them() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for (model, mark) in
        [("claude-sonnet-4-5", "~a~"), ("gemini-3-pro-preview", "~g~"), ("gpt-5-codex", "gAAAA")]
    {
        for stream in [false, true] {
            let mut input = vec![json!({"role": "user", "content": "What is the weather in Paris?"})];
            for turn in 0..3 {
                let body = json!({"model": model, "input": input, "tools": tool(), "stream": stream, "store": false,
                    "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]});
                let reply = ask(&gateway, &body).ok();
                let response =
                    if stream { events(&reply).pop().unwrap()["response"].clone() } else { reply.json() };
                let calls = go_on(&mut input, &response);
                if turn == 0 {
                    assert_eq!(calls, 1, "{response}");
                    let sealed = response["output"].to_string();
                    assert!(sealed.contains(mark), "{model}: {sealed}");
                } else {
                    // The provider checks the seals of what it is sent.
                    let sent = mock_page(&mock, "last")["body_text"].as_str().unwrap().to_owned();
                    assert!(
                        sent.contains("ignature") || sent.contains("encrypted_content"),
                        "{model}: {sent}"
                    );
                    assert!(!sent.contains(&format!("{mark}~")) && !sent.contains("~rn~"), "{sent}");
                    input.push(json!({"role": "user", "content": "And in Oslo, with no tool?"}));
                }
            }
        }
    }
}

#[test]
fn a_conversation_may_go_on_with_any_other_model() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let models = [
        "claude-sonnet-4-5",
        "gemini-3-pro-preview",
        "gpt-5-codex",
        "gpt-5",
        "gpt-4o-mini",
        "llama-thinking",
    ];
    for first in models {
        for second in models {
            let ask_one = |model: &str, input: &[Value]| {
                let mut body = json!({"model": model, "input": input, "tools": tool(), "store": false});
                if model != "gpt-4o-mini" {
                    body["reasoning"] = json!({"effort": "low", "summary": "auto"});
                    body["include"] = json!(["reasoning.encrypted_content"]);
                }
                let reply = ask(&gateway, &body);
                assert_eq!(reply.status, 200, "{first}, then {second}: {}", reply.text());
                reply.json()
            };
            let mut input = vec![json!({"role": "user", "content": "What is the weather in Paris?"})];
            for model in [first, second] {
                let response = ask_one(model, &input);
                go_on(&mut input, &response);
            }
            input.push(json!({"role": "user", "content": "And in Oslo, with no tool?"}));
            ask_one(first, &input);
        }
    }
}

#[test]
fn a_claude_client_keeps_openais_seals() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let tools = json!([{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    let mut messages = vec![json!({"role": "user", "content": "What is the weather in Paris?"})];
    for turn in 0..3 {
        let body = json!({"model": "gpt-5-codex", "max_tokens": 4000, "messages": messages, "tools": tools,
            "thinking": {"type": "enabled", "budget_tokens": 2000}});
        let request = post("/v1/messages").header("anthropic-version", "2023-06-01").json(&body);
        let reply = gateway.ask(&request).ok().json();
        messages.push(json!({"role": "assistant", "content": reply["content"]}));
        if turn == 0 {
            let thought = &reply["content"][0];
            assert!(thought["signature"].as_str().unwrap().starts_with("~r~gAAAA"), "{reply}");
            let call = &reply["content"][1]["id"];
            messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": "21"}]}));
        } else {
            let sent = mock_page(&mock, "last")["body_text"].as_str().unwrap().to_owned();
            assert!(sent.contains("\"encrypted_content\":\"gAAAA"), "{sent}");
            messages.push(json!({"role": "user", "content": "And in Oslo, with no tool?"}));
        }
    }
}

#[test]
fn tokens_are_counted_by_their_provider_or_here() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in MODELS {
        let reply = gateway
            .ask(&post("/v1/responses/input_tokens").json(&asked(model, "How many tokens is this?")))
            .ok();
        let counted = reply.json();
        assert_eq!(counted["object"], "response.input_tokens", "{model}");
        assert!(counted["input_tokens"].as_u64().unwrap() > 3, "{counted}");
        let relayed = mock_page(&mock, "last")["path"] == "/v1/responses/input_tokens";
        assert_eq!(relayed, model.starts_with("gpt"), "{model}");
        ask(&gateway, &asked("gpt-4o-mini", "#mock tokens=1")).ok();
    }
    let kept = with(asked("claude-sonnet-4-5", "More"), json!({"previous_response_id": "resp_1"}));
    let reply = gateway.ask(&post("/v1/responses/input_tokens").json(&kept));
    assert_eq!(Client::Openai.refusal(&reply).param.as_deref(), Some("previous_response_id"));
}

#[test]
fn a_tool_of_free_text_comes_back_as_one_from_models_that_know_none() {
    let mock = mock();
    let gateway = setup(&mock).start();
    for model in ["gpt-5-codex", "claude-sonnet-4-5", "gemini-2.5-flash", "llama-thinking"] {
        let body = json!({"model": model, "input": "Fix it.", "tool_choice": "required",
            "tools": [{"type": "custom", "name": "apply_patch", "description": "Edits a file"}]});
        let whole = ask(&gateway, &body).ok().json();
        let calls = |response: &Value| -> Vec<Value> {
            let items = response["output"].as_array().unwrap().iter();
            items.filter(|item| item["type"] == "custom_tool_call").cloned().collect()
        };
        let call = &calls(&whole)[0];
        assert!(call["input"].is_string() && call["call_id"].is_string(), "{whole}");
        let told = events(&ask(&gateway, &with(body, json!({"stream": true}))).ok());
        assert_eq!(calls(&told.last().unwrap()["response"]).len(), 1, "{model}");
        assert!(told.iter().any(|event| event["type"] == "response.custom_tool_call_input.done"), "{model}");
    }
}

#[test]
fn a_failed_response_of_status_200_is_an_error_to_other_clients() {
    let failed = r#"{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"It broke."},"output":[]}"#;
    let provider = Provider::start(move |_, stream| {
        Heard::answer(stream, &json_reply(200, failed));
        Then::Keep
    });
    let line = format!("openai: {{base_url: \"http://{}/v1\", api_key: k-1234}}", provider.addr);
    let gateway = Setup::default().provider(&line).start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-5-codex", "hello"));
    assert!(reply.status >= 500, "{}", reply.text());
    assert_eq!(Client::Openai.refusal(&reply).message, "It broke.");
    assert_eq!(
        ask(&gateway, &asked("gpt-5-codex", "hello")).ok().text(),
        failed,
        "its own clients get it as it is"
    );
}

#[test]
fn thought_beside_tools_is_asked_for_where_openai_has_it() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}]);
    let chat = |model: &str, members: Value| {
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": "hello"}], "tools": tools});
        gateway.ask(&post("/v1/chat/completions").json(&with(body, members))).ok()
    };
    let place = || mock_page(&mock, "last")["path"].as_str().unwrap().to_owned();
    for (model, effort, wanted) in [
        ("gpt-5.4", json!("high"), "/v1/responses"),
        ("gpt-5.4", json!("none"), "/v1/chat/completions"),
        ("gpt-5.4", Value::Null, "/v1/chat/completions"),
        ("gpt-5.6-terra", Value::Null, "/v1/responses"),
        ("gpt-5.6-terra", json!("none"), "/v1/chat/completions"),
        ("gpt-5.1", json!("high"), "/v1/chat/completions"),
    ] {
        let said = json!({"reasoning_effort": effort});
        let reply = chat(model, said.clone());
        assert_eq!(place(), wanted, "{model} {effort}");
        assert_eq!(reply.json()["object"], "chat.completion");
        assert!(reply.header("x-tollgate-losses").is_none(), "{model} {effort}");
        let streamed = chat(model, with(said, json!({"stream": true}))).text();
        assert!(streamed.contains("chat.completion.chunk") && streamed.contains("[DONE]"), "{streamed}");
        assert_eq!(place(), wanted, "{model} {effort}, streamed");
    }
    let body = json!({"model": "gpt-5.4", "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048},
        "messages": [{"role": "user", "content": "hello"}], "tools": [{"name": "look_up", "input_schema": {"type": "object"}}]});
    assert_eq!(gateway.ask(&post("/v1/messages").json(&body)).ok().json()["type"], "message");
    assert_eq!(place(), "/v1/responses");
}

/// A server that speaks chat completions and knows no Responses.
fn chat_alone() -> Provider {
    Provider::start(|heard, stream| {
        if heard.head.starts_with("post /v1/responses") {
            Heard::answer(stream, &json_reply(404, r#"{"detail":"Not Found"}"#));
        } else {
            let said = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
            Heard::answer(stream, &json_reply(200, said));
        }
        Then::Keep
    })
}

#[test]
fn a_server_without_responses_is_found_out_once_and_asked_in_chat() {
    let server = chat_alone();
    let mock = mock();
    let house = format!(
        "house: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k-1, models: [local-llama]}}",
        server.addr
    );
    let gateway = Setup::new(&mock).provider(&house).start();
    for _ in 0..12 {
        let reply = ask(&gateway, &asked("local-llama", "hello")).ok();
        assert_eq!(text(&reply.json()), "hi");
        assert_eq!(gateway.line(&reply)["attempts"], 1);
    }
    let heard = server.heard();
    let tried = heard.iter().filter(|heard| heard.head.starts_with("post /v1/responses")).count();
    // Each worker finds out for itself.
    assert!(tried < heard.len() / 2, "{tried} of {}", heard.len());
}

#[test]
fn a_provider_is_spoken_to_in_the_dialects_that_its_configuration_names() {
    let server = chat_alone();
    let mock = mock();
    let house = format!(
        "house: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k-1, models: [local-llama], dialects: [openai_chat]}}",
        server.addr
    );
    let gateway = Setup::new(&mock).provider(&house).start();
    assert_eq!(text(&ask(&gateway, &asked("local-llama", "hello")).ok().json()), "hi");
    assert!(server.heard().iter().all(|heard| heard.head.starts_with("post /v1/chat/completions")));
}

#[test]
fn a_conversation_is_made_short_where_that_can_be_done() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let compact = |model: &str, body: Value| {
        gateway.ask(&post("/v1/responses/compact").json(&with(asked(model, "hello"), body)))
    };
    let reply = compact("openai/gpt-4o-mini", json!({"instructions": "Be brief."})).ok();
    let said = reply.json();
    assert_eq!(said["object"], "response.compaction");
    assert_eq!(said["output"][1]["type"], "compaction");
    assert_eq!(mock_page(&mock, "last")["path"], "/v1/responses/compact");
    let line = gateway.line(&reply);
    assert_eq!(
        (&line["gen_ai.operation.name"], &line["usage_source"]),
        (&json!("compaction"), &json!("reported"))
    );
    assert_eq!(line["gen_ai.usage.output_tokens"], said["usage"]["output_tokens"]);
    assert!(line["cost_usd"].is_string(), "{line}");
    // What came of it goes on as it is.
    let on = ask(&gateway, &json!({"model": "gpt-4o-mini", "input": said["output"]}));
    assert_eq!(on.status, 200, "{}", on.text());
    for model in ["claude-sonnet-4-5", "gemini-2.5-flash", "llama-thinking"] {
        let refused = compact(model, json!({}));
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("model")), "{model}");
    }
}

#[test]
fn tools_of_a_namespace_are_called_by_every_model() {
    let mock = mock();
    let gateway = setup(&mock).start();
    let tool = json!({"type": "function", "name": "_list", "strict": false,
        "parameters": {"type": "object", "properties": {}}});
    let tools =
        json!([{"type": "namespace", "name": "mcp__dates__", "description": "Dates.", "tools": [tool]}]);
    let named = |item: &Value| {
        assert_eq!((&item["name"], &item["namespace"]), (&json!("_list"), &json!("mcp__dates__")), "{item}");
    };
    for model in ["claude-sonnet-4-5", "gemini-2.5-flash", "llama-thinking"] {
        let body = with(asked(model, "#mock tools=1"), json!({"tools": tools}));
        let whole = ask(&gateway, &body).ok().json();
        let call = whole["output"].as_array().unwrap().iter().find(|item| item["type"] == "function_call");
        let call = call.unwrap_or_else(|| panic!("{model}: {whole}"));
        named(call);
        assert!(mock_page(&mock, "last")["body_text"].as_str().unwrap().contains("mcp__dates___list"));
        let again = json!([{"role": "user", "content": "#mock tools=1"}, call,
            {"type": "function_call_output", "call_id": call["call_id"], "output": "[]"}]);
        ask(&gateway, &with(asked(model, again), json!({"tools": tools}))).ok();
        let events = events(&ask(&gateway, &with(body, json!({"stream": true}))).ok());
        let items = events.iter().filter(|event| event["item"]["type"] == "function_call");
        assert_eq!(items.inspect(|event| named(&event["item"])).count(), 2, "{model}: added and done");
    }
}
