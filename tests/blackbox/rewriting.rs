//! Rewriting over real sockets: what reaches the provider.

use serde_json::{Value, json};

use crate::harness::{CLIENTS, Client, Gateway, Setup, mock, mock_page, post};

const MODELS: [&str; 3] = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"];

fn setup(mock: &tollgate::mock::Mock, rules: &str) -> Gateway {
    Setup::new(mock).yaml(&format!("rewrites:\n  {rules}")).start()
}

fn arrived(mock: &tollgate::mock::Mock) -> Value {
    serde_json::from_str(mock_page(mock, "last")["body_text"].as_str().unwrap()).unwrap()
}

/// All that a body says as a system, in whatever dialect.
fn system(body: &Value) -> String {
    let texts = |value: &Value| -> Vec<String> {
        let blocks = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let text = |block: &Value| block.as_str().or(block["text"].as_str()).unwrap_or_default().to_owned();
        blocks.iter().map(text).collect()
    };
    let mut said = texts(&body["system"]);
    said.extend(texts(&body["instructions"]));
    said.extend(texts(&body["systemInstruction"]["parts"]));
    let turns = body["messages"].as_array().or(body["input"].as_array()).cloned().unwrap_or_default();
    let systems = turns.iter().filter(|turn| matches!(turn["role"].as_str(), Some("system" | "developer")));
    said.extend(systems.flat_map(|turn| texts(&turn["content"])));
    said.retain(|text| !text.is_empty());
    said.join("\n\n")
}

#[test]
fn a_system_prompt_reaches_every_provider_from_every_client_streamed_or_not() {
    let mock = mock();
    let gateway = setup(&mock, "house: {system_prompt: {prepend: Be kind.}}");
    for model in MODELS {
        for stream in [false, true] {
            for client in CLIENTS {
                let asked = "#mock tokens=2 hi";
                let request = if stream { client.stream(model, asked) } else { client.whole(model, asked) };
                gateway.ask(&request).ok();
                assert_eq!(system(&arrived(&mock)), "Be kind.", "{client:?} {model} {stream}");
            }
            let body = json!({"model": model, "input": "#mock tokens=2 hi", "stream": stream,
                "instructions": "Own."});
            gateway.ask(&post("/v1/responses").json(&body)).ok();
            assert_eq!(system(&arrived(&mock)), "Be kind.\n\nOwn.", "responses {model} {stream}");
        }
    }
}

#[test]
fn where_a_system_prompt_stands_is_as_it_is_written() {
    let mock = mock();
    for (place, own, none) in [
        ("inject", "Own.", "House."),
        ("prepend", "House.\n\nOwn.", "House."),
        ("append", "Own.\n\nHouse.", "House."),
        ("replace", "House.", "House."),
    ] {
        let gateway = setup(&mock, &format!("house: {{system_prompt: {{{place}: House.}}}}"));
        for model in MODELS {
            let hi = json!({"role": "user", "content": "#mock tokens=2 hi"});
            for (path, body) in [
                (
                    "/v1/chat/completions",
                    json!({"model": model, "messages": [{"role": "system", "content": "Own."}, hi]}),
                ),
                (
                    "/v1/messages",
                    json!({"model": model, "max_tokens": 9, "system": [{"type": "text", "text": "Own."}], "messages": [hi]}),
                ),
                ("/v1/responses", json!({"model": model, "instructions": "Own.", "input": [hi]})),
            ] {
                gateway.ask(&post(path).json(&body)).ok();
                assert_eq!(system(&arrived(&mock)), own, "{place} {path} {model}");
            }
            let gemini = format!("/v1beta/models/{model}:generateContent");
            let body = json!({"system_instruction": {"parts": {"text": "Own."}},
                "contents": [{"role": "user", "parts": [{"text": "#mock tokens=2 hi"}]}]});
            gateway.ask(&post(&gemini).json(&body)).ok();
            let mut heard = arrived(&mock);
            if let Some(said) = heard.get("system_instruction").cloned() {
                heard["systemInstruction"] = said;
            }
            if heard["systemInstruction"]["parts"].is_object() {
                heard["systemInstruction"]["parts"] = json!([heard["systemInstruction"]["parts"]]);
            }
            assert_eq!(system(&heard), own, "{place} gemini {model}");
            gateway.ask(&Client::Openai.whole(model, "#mock tokens=2 hi")).ok();
            assert_eq!(system(&arrived(&mock)), none, "{place} {model}");
        }
    }
}

#[test]
fn all_other_bytes_of_a_verbatim_body_stay_as_they_are() {
    let mock = mock();
    let gateway = setup(&mock, "house: {system_prompt: {append: B}}");
    let body = |said: &str| {
        format!(
            "{{ \"messages\" :[ {{\"content\":\"{said}\",\"role\" : \"system\"}},\n{{\"role\":\"user\",\
             \"content\":\"h\\u00e9\\/ #mock tokens=2\"}} ],\t\"model\": \"gpt-4o-mini\" , \"temperature\":1.50 }}"
        )
    };
    gateway.ask(&post("/v1/chat/completions").body(body("\\u0041"))).ok();
    assert_eq!(mock_page(&mock, "last")["body_text"], body("A\\n\\nB"));
}

#[test]
fn a_rule_is_for_whom_it_is_for_and_rules_hold_in_the_order_of_their_names() {
    let mock = mock();
    let yaml = "keys: {web: {key: the-secret-of-web, owner: acme/shop}, job: {key: the-secret-of-job, owner: acme}}\n\
        routes: {fast: {targets: [openai/gpt-4o-mini, anthropic/claude-sonnet-4-5]}}\n\
        rewrites:\n  1-shop: {system_prompt: {replace: Shop.}, owners: [acme/shop]}\n  \
        2-fast: {system_prompt: {append: Fast.}, models: [fast]}\n  3-job: {system_prompt: {inject: Job.}, keys: [job]}";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let heard = |secret: &str, model: &str| {
        let request = Client::Openai.whole(model, "#mock tokens=2 hi");
        gateway.ask(&request.header("authorization", &format!("Bearer {secret}"))).ok();
        system(&arrived(&mock))
    };
    assert_eq!(heard("the-secret-of-web", "fast"), "Shop.\n\nFast.");
    assert_eq!(heard("the-secret-of-web", "gpt-4o-mini"), "Shop.");
    assert_eq!(heard("the-secret-of-job", "fast"), "Fast.");
    assert_eq!(heard("the-secret-of-job", "gemini-2.5-flash"), "Job.");
}

#[test]
fn what_is_said_otherwise_is_counted_and_is_another_question_for_the_cache() {
    let mock = mock();
    let long = "word ".repeat(500);
    let yaml = format!(
        "keys: {{web: {{key: the-secret-of-web}}, job: {{key: the-secret-of-job}}}}\n\
         cache: {{mode: exact, scope: shared}}\n\
         rewrites: {{house: {{system_prompt: {{inject: \"{long}\"}}, keys: [web]}}}}"
    );
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    let ask = |secret: &str, path: &str, body: &Value| {
        gateway.ask(&post(path).json(body).header("authorization", &format!("Bearer {secret}"))).ok()
    };
    let body = json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}]});
    let counted = |secret: &str| {
        ask(secret, "/v1/messages/count_tokens", &body).json()["input_tokens"].as_u64().unwrap()
    };
    assert!(counted("the-secret-of-web") > 400 && counted("the-secret-of-job") < 100);
    let part = |secret: &str| {
        let hi = [json!({"role": "user", "content": "#mock tokens=2 hi"})];
        let body = json!({"model": "gpt-4o-mini", "temperature": 0, "messages": hi});
        let reply = ask(secret, "/v1/chat/completions", &body);
        reply.header("x-tollgate-cache").unwrap_or("").to_owned()
    };
    assert_eq!(part("the-secret-of-web"), "miss");
    assert_eq!(part("the-secret-of-job"), "miss");
    assert_eq!(part("the-secret-of-web"), "hit; tier=exact");
    assert_eq!(part("the-secret-of-job"), "hit; tier=exact");
}

#[test]
fn a_budget_reserves_for_the_prompt_that_is_sent() {
    let mock = mock();
    let long = "word ".repeat(5000);
    let yaml = format!(
        "keys: {{web: {{key: the-secret-of-web, limits: [{{tokens_in: 2000}}]}}}}\n\
         rewrites: {{house: {{system_prompt: {{append: \"{long}\"}}, models: [gpt-4o-mini]}}}}"
    );
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    let ask = |model: &str| {
        let request = Client::Openai.whole(model, "#mock tokens=2 hi");
        gateway.ask(&request.header("authorization", "Bearer the-secret-of-web")).status
    };
    assert_eq!(ask("gpt-4o-mini"), 429);
    assert_eq!(ask("gpt-4o"), 200);
}

#[test]
fn what_goes_through_is_rewritten_where_it_is_known() {
    let mock = mock();
    let gateway = setup(&mock, "house: {system_prompt: {inject: Be kind.}, models: [\"gpt-*\"]}");
    let body =
        json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=2 hi"}]});
    gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
    assert_eq!(system(&arrived(&mock)), "Be kind.");
}

#[test]
fn guards_do_not_look_at_what_the_operator_says() {
    let mock = mock();
    let yaml = "guards: {pii: {detect: [email], action: mask, on: [request]}}\n\
        rewrites: {house: {system_prompt: {inject: Write to help@example.com.}}}";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    let reply =
        gateway.ask(&Client::Anthropic.whole("gpt-4o-mini", "#mock tokens=2 I am a@example.com")).ok();
    let heard = arrived(&mock);
    assert_eq!(system(&heard), "Write to help@example.com.");
    assert!(!heard.to_string().contains("a@example.com"));
    assert_eq!(reply.header("x-tollgate-guards"), Some("pii/email=mask;request;1"));
}

#[test]
fn what_no_prompt_can_stand_beside_is_refused_in_the_clients_dialect() {
    let mock = mock();
    let gateway = setup(&mock, "house: {system_prompt: {prepend: Be kind.}}");
    let body = json!({"cachedContent": "cachedContents/x", "contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let refused = gateway.ask(&post("/v1beta/models/gemini-2.5-flash:generateContent").json(&body));
    assert_eq!(refused.status, 400);
    assert!(
        refused.json()["error"]["message"].as_str().unwrap().contains("cached content"),
        "{}",
        refused.text()
    );
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "system", "content": 7}]});
    let refused = gateway.ask(&post("/v1/chat/completions").json(&body));
    assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("messages[0].content")));
}

/// The bound of an answer, in whatever dialect.
fn bound(body: &Value) -> Option<u64> {
    let config = &body["generationConfig"];
    [
        &body["max_tokens"],
        &body["max_completion_tokens"],
        &body["max_output_tokens"],
        &config["maxOutputTokens"],
    ]
    .iter()
    .find_map(|value| value.as_u64())
}

#[test]
fn parameters_are_bounded_and_filled_in_for_every_provider_and_client_streamed_or_not() {
    let mock = mock();
    let gateway = setup(&mock, "b: {caps: {max_tokens: 64}, defaults: {temperature: 0.25}, remove: [top_p]}");
    for model in MODELS {
        for stream in [false, true] {
            for client in CLIENTS {
                let mut request = if stream {
                    client.stream(model, "#mock tokens=2")
                } else {
                    client.whole(model, "#mock tokens=2")
                };
                let mut body: Value = serde_json::from_slice(&request.body).unwrap();
                match client {
                    Client::Gemini => body["generationConfig"] = json!({"topP": 0.5, "maxOutputTokens": 999}),
                    Client::Openai | Client::Anthropic => {
                        body["top_p"] = json!(0.5);
                        body["max_tokens"] = json!(999);
                    }
                }
                request.body = serde_json::to_vec(&body).unwrap();
                gateway.ask(&request).ok();
                let heard = arrived(&mock);
                assert_eq!(bound(&heard), Some(64), "{client:?} {model} {stream}: {heard}");
                let text = heard.to_string();
                assert!(text.contains("\"temperature\":0.25"), "{client:?} {model} {stream}: {heard}");
                assert!(
                    !text.contains("\"top_p\"") && !text.contains("\"topP\""),
                    "{client:?} {model}: {heard}"
                );
            }
            let body = json!({"model": model, "input": "#mock tokens=2 hi", "stream": stream});
            gateway.ask(&post("/v1/responses").json(&body)).ok();
            let heard = arrived(&mock);
            assert_eq!(bound(&heard), Some(64), "responses {model} {stream}: {heard}");
        }
    }
}

#[test]
fn what_a_dialect_has_no_word_for_reaches_targets_that_have_one() {
    let mock = mock();
    let gateway = setup(&mock, "b: {set: {seed: 7, stop: END}}");
    gateway.ask(&Client::Anthropic.whole("gpt-4o-mini", "#mock tokens=2 hi")).ok();
    assert_eq!((&arrived(&mock)["seed"], &arrived(&mock)["stop"]), (&json!(7), &json!(["END"])));
    let body = json!({"model": "claude-sonnet-4-5", "input": "#mock tokens=2 hi"});
    gateway.ask(&post("/v1/responses").json(&body)).ok();
    assert_eq!(arrived(&mock)["stop_sequences"], json!(["END"]));
    gateway.ask(&Client::Anthropic.whole("claude-sonnet-4-5", "#mock tokens=2 hi")).ok();
    let heard = arrived(&mock);
    assert_eq!((&heard["stop_sequences"], heard.get("seed")), (&json!(["END"]), None));
}

#[test]
fn how_hard_to_think_is_bounded_in_whatever_way_it_is_said() {
    let mock = mock();
    let gateway = setup(&mock, "b: {caps: {reasoning_effort: low}}");
    let body = |budget: u64| {
        json!({"model": "claude-sonnet-4-5", "max_tokens": 9000, "metadata": {"user_id": "u"}, "messages": [{"role": "user", "content": "#mock tokens=2 hi"}],
            "thinking": {"type": "enabled", "budget_tokens": budget}})
    };
    gateway.ask(&post("/v1/messages").json(&body(8000))).ok();
    let heard = arrived(&mock);
    assert!(heard["thinking"]["budget_tokens"].as_u64().unwrap() <= 2048, "{heard}");
    assert_eq!(heard["metadata"]["user_id"], "u");
    gateway.ask(&post("/v1/messages").json(&body(1024))).ok();
    assert_eq!(arrived(&mock)["thinking"]["budget_tokens"], 1024);
    let body = json!({"model": "gpt-5-mini", "reasoning_effort": "high", "messages": [{"role": "user", "content": "#mock tokens=2 hi"}]});
    gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(arrived(&mock)["reasoning_effort"], "low");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "#mock tokens=2 hi"}]}],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 8000}}});
    gateway.ask(&post("/v1beta/models/gemini-2.5-flash:generateContent").json(&body)).ok();
    let budget = arrived(&mock)["generationConfig"]["thinkingConfig"]["thinkingBudget"].as_u64();
    assert!(budget.unwrap() <= 2048, "{budget:?}");
}

#[test]
fn a_request_that_says_nothing_of_what_is_bounded_passes_byte_for_byte() {
    let mock = mock();
    let gateway =
        setup(&mock, "b: {caps: {reasoning_effort: low, temperature: 1}, remove: [seed], rename: {/a: /b}}");
    for client in CLIENTS {
        let request = client.whole(client.model(), "nothing here");
        let spaced = String::from_utf8(request.body.clone()).unwrap().replace(':', " : ");
        gateway.ask(&request.body(spaced.clone())).ok();
        assert_eq!(mock_page(&mock, "last")["body_text"], spaced, "{client:?}");
    }
}

#[test]
fn exact_places_are_changed_for_the_dialects_that_they_are_of() {
    let mock = mock();
    let gateway = setup(
        &mock,
        "b: {set: {/metadata/team: blue, /top_k: 5}, rename: {/old: /user}, dialects: [openai_chat]}",
    );
    let body = json!({"model": "gpt-4o-mini", "old": "me", "metadata": {"job": "a"},
        "messages": [{"role": "user", "content": "#mock tokens=2 hi"}]});
    gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let heard = arrived(&mock);
    assert_eq!((&heard["metadata"], &heard["user"]), (&json!({"job": "a", "team": "blue"}), &json!("me")));
    assert_eq!(heard.get("old"), None);
    gateway.ask(&Client::Anthropic.whole("claude-sonnet-4-5", "#mock tokens=2 hi")).ok();
    assert_eq!(arrived(&mock).get("top_k"), None);
}

#[test]
fn a_count_has_no_parameters() {
    let mock = mock();
    let gateway = setup(&mock, "b: {caps: {max_tokens: 5}, defaults: {temperature: 0}}");
    let body = json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}]});
    gateway.ask(&post("/v1/messages/count_tokens").json(&body)).ok();
    assert_eq!(arrived(&mock), body);
}

#[test]
fn heads_are_dressed_on_their_way_out_and_back() {
    let mock = mock();
    let yaml = "rewrites:\n  a: {headers: {request: {set: {x-team: search}, remove: [openai-beta]}, \
        response: {set: {x-served-by: house}, remove: [server-timing]}}}\n  \
        b: {headers: {request: {add: {x-only: anthropic}}, response: {add: {x-only: anthropic}}}, providers: [anthropic]}";
    let gateway = Setup::new(&mock).yaml(yaml).start();
    for (model, only) in [("gpt-4o-mini", None), ("claude-sonnet-4-5", Some("anthropic"))] {
        for stream in [false, true] {
            let text = "#mock tokens=2 hi";
            let request =
                if stream { Client::Openai.stream(model, text) } else { Client::Openai.whole(model, text) };
            let reply = gateway.ask(&request.header("openai-beta", "a=b")).ok();
            let heard = mock_page(&mock, "last")["headers"].clone();
            assert_eq!(heard["x-team"], "search", "{heard}");
            assert_eq!(heard.get("openai-beta"), None, "{heard}");
            assert_eq!(heard.get("x-only").and_then(Value::as_str), only, "{heard}");
            assert_eq!(reply.header("x-served-by"), Some("house"));
            assert_eq!(reply.header("server-timing"), None);
            assert_eq!(reply.header("x-only"), only);
        }
    }
    let refused = gateway.ask(&Client::Openai.whole("no-such-model", "hi"));
    assert_eq!((refused.status, refused.header("x-served-by")), (404, Some("house")));
    let body = json!({"model": "gpt-4o-mini", "input": "hi"});
    gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    assert_eq!(mock_page(&mock, "last")["headers"]["x-team"], "search");
    let body =
        json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "#mock tokens=2 hi"}]});
    gateway.ask(&post("/p/openai/v1/chat/completions").json(&body)).ok();
    assert_eq!(mock_page(&mock, "last")["headers"]["x-team"], "search");
}
