//! Ollama's own API: as it is to an Ollama, translated to and from everybody else.

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Reply, Setup, Then, get, json_reply, mock, mock_page, post,
};

const LLAMA: &str = "ollama/llama3.2";

fn gateway(mock: &tollgate::mock::Mock) -> Gateway {
    let at = mock.addr();
    Setup::new(mock).provider(&format!("ollama: {{base_url: \"http://{at}/v1\", api_key: k-1234}}")).start()
}

fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

fn prompt(model: &str, text: &str) -> Value {
    json!({"model": model, "prompt": text})
}

fn whole(mut body: Value) -> Value {
    body["stream"] = false.into();
    body
}

fn lines(stream: &Reply) -> Vec<Value> {
    let text = stream.text();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

/// All words of a stream.
fn words(lines: &[Value]) -> String {
    let said = |line: &Value| {
        let words = line["message"]["content"].as_str().or_else(|| line["response"].as_str());
        words.unwrap_or_default().to_owned()
    };
    lines.iter().map(said).collect()
}

#[test]
fn a_body_goes_through_byte_for_byte_to_an_ollama() {
    let mock = mock();
    let gateway = gateway(&mock);
    for (path, rest) in [
        ("/api/chat", "\"messages\" :[{\"role\":\"user\",\"content\":\"h\\u00e9\"}]"),
        ("/api/generate", "\"prompt\": \"h\\u00e9\", \"raw\":true"),
        ("/api/embed", "\"input\":[\"a\" ,\"b\"], \"truncate\":true"),
        ("/api/embeddings", "\"prompt\":\"a\""),
    ] {
        let body = format!(
            "{{ {rest},\"model\":\"llama3.2\", \"keep_alive\":\"5m\",\"options\":{{\"num_ctx\":1.0}} }}"
        );
        let reply = gateway.ask(&post(path).body(body.as_str())).ok();
        let arrived = mock_page(&mock, "last");
        assert_eq!(arrived["body_text"].as_str().unwrap(), body, "{path}");
        assert_eq!(arrived["path"], path);
        assert_eq!(gateway.line(&reply)["verbatim"], true, "{path}");
    }
}

#[test]
fn whoever_does_not_say_otherwise_gets_lines() {
    let mock = mock();
    let gateway = gateway(&mock);
    let models = CLIENTS.map(Client::model);
    for model in models.into_iter().chain([LLAMA]) {
        for (path, body) in [
            ("/api/chat", chat(model, "Tell me of rain")),
            ("/api/generate", prompt(model, "Tell me of rain")),
        ] {
            let stream = gateway.ask(&post(path).json(&body)).ok();
            assert_eq!(stream.header("content-type"), Some("application/x-ndjson"), "{model} {path}");
            let told = lines(&stream);
            assert!(told.len() > 5, "it did not stream: {model} {path}");
            let (last, before) = told.split_last().unwrap();
            assert!(before.iter().all(|line| line["done"] == false));
            assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
            let reply = gateway.ask(&post(path).json(&whole(body))).ok();
            let once = reply.json();
            assert_eq!(words(&told), words(std::slice::from_ref(&once)), "{model} {path}");
            assert!(words(&told).starts_with("You asked: \"Tell me of rain\"."), "{model} {path}");
            assert!(once["prompt_eval_count"].as_u64().unwrap() > 0, "{once}");
            assert!(last["eval_count"].as_u64().unwrap() >= 60 && once["eval_count"].as_u64().unwrap() >= 60);
            assert!(last["total_duration"].as_u64().unwrap() > 0);
            assert_eq!(gateway.line(&stream)["gen_ai.usage.output_tokens"], last["eval_count"]);
        }
    }
}

#[test]
fn every_other_client_is_answered_by_an_ollama() {
    let mock = mock();
    let at = mock.addr();
    // Those whose dialect it imitates are answered in it, the others out of its own.
    let gateway = Setup::default()
        .provider(&format!("ollama: {{base_url: \"http://{at}/v1\", api_key: k-1234}}"))
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("llama3.2", "hello there")).ok();
        assert!(client.text(&reply.json()).contains("hello there"), "{client:?}");
        let stream = gateway.ask(&client.stream("llama3.2", "hello there")).ok().text();
        assert!(client.streamed_text(&stream).contains("hello there"), "{client:?}: {stream}");
        let path = mock_page(&mock, "last")["path"].as_str().unwrap().to_owned();
        assert_eq!(path == "/api/chat", client == Client::Gemini, "{path}");
    }
}

#[test]
fn a_tool_is_called_without_an_id_and_its_result_finds_it() {
    let mock = mock();
    let gateway = gateway(&mock);
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "description": "",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    for model in CLIENTS.map(Client::model).into_iter().chain([LLAMA]) {
        let mut body = whole(chat(model, "Weather? #mock tools=2"));
        body["tools"] = tools.clone();
        let first = gateway.ask(&post("/api/chat").json(&body)).ok().json();
        let calls = first["message"]["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "{first}");
        let mut message = first["message"].clone();
        for call in message["tool_calls"].as_array_mut().unwrap() {
            assert!(call["function"]["arguments"]["city"].is_string(), "{call}");
            call.as_object_mut().unwrap().remove("id");
        }
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(message);
        turns.push(json!({"role": "tool", "content": "18 degrees", "tool_name": "get_weather"}));
        turns.push(json!({"role": "tool", "content": "19 degrees", "tool_name": "get_weather"}));
        let second = gateway.ask(&post("/api/chat").json(&body)).ok().json();
        let said = second["message"]["content"].as_str().unwrap();
        assert_eq!(said, "The tool said: 18 degrees\nThe tool said: 19 degrees", "{model}");
    }
}

#[test]
fn an_error_is_a_string_and_inside_a_stream_a_line() {
    let mock = mock();
    let gateway = gateway(&mock);
    for model in CLIENTS.map(Client::model).into_iter().chain([LLAMA]) {
        for (status, script) in [(400, "error=400"), (429, "error=429"), (400, "context")] {
            let reply = gateway.ask(&post("/api/chat").json(&whole(chat(model, &format!("#mock {script}")))));
            assert_eq!(reply.status, status, "{model} {script}");
            let said = reply.json();
            assert!(said["error"].is_string() && said.as_object().unwrap().len() == 1, "{said}");
        }
        for script in ["cut=2", "end=2", "stream_error=2"] {
            let stream = gateway.ask(&post("/api/chat").json(&chat(model, &format!("#mock {script}")))).ok();
            let told = lines(&stream);
            assert!(told.last().unwrap()["error"].is_string(), "{model} {script}: {told:?}");
            assert!(told.iter().all(|line| line["done"] != true), "{model} {script}");
        }
    }
    let reply = gateway.ask(&post("/api/chat").json(&chat("no-such-model", "hi")));
    assert_eq!(reply.status, 404);
    assert!(reply.json()["error"].as_str().unwrap().contains("no-such-model"));
    let reply = gateway.ask(&post("/api/chat").body("{\"model\":"));
    assert_eq!(reply.status, 400);
    assert!(reply.json()["error"].as_str().unwrap().contains("JSON"));
}

#[test]
fn a_line_cut_in_two_is_ended_before_the_error_is_told() {
    let provider = Provider::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
        let line =
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":false}\n{\"mod";
        Heard::answer(stream, format!("{head}{line}").as_bytes());
        Then::Close
    });
    let at = provider.addr;
    let gateway = Setup::default().provider(&format!("ollama: {{base_url: \"http://{at}\"}}")).start();
    let stream = gateway.ask(&post("/api/chat").json(&chat("llama3.2", "hi"))).text();
    let last = stream.lines().last().unwrap();
    assert!(serde_json::from_str::<Value>(last).unwrap()["error"].is_string(), "{stream}");
    let said = gateway.ask(&Client::Openai.stream("llama3.2", "hi"));
    assert!(said.status == 200 || said.status == 502);
}

#[test]
fn an_answer_of_an_ollama_goes_through_byte_for_byte() {
    const WHOLE: &str = "{ \"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},\"done\":true, \"x\":1.50}\n";
    const LINES: &str = "{ \"model\":\"m\",\"message\":{\"content\":\"h\\u00e9\"},\"done\" : false}\r\n{\"message\":{\"content\":\"\"},\"done\": true,\"eval_count\":2,\"x\":[1.50]}\n";
    let provider = Provider::start(|heard, stream| {
        if heard.body.windows(12).any(|window| window == b"\"stream\":fal") {
            Heard::answer(stream, &json_reply(200, WHOLE));
            return Then::Keep;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
        Heard::answer(stream, format!("{head}{LINES}").as_bytes());
        Then::Close
    });
    let at = provider.addr;
    let gateway = Setup::default().provider(&format!("ollama: {{base_url: \"http://{at}\"}}")).start();
    let body = chat("llama3.2", "hi");
    let stream = gateway.ask(&post("/api/chat").json(&body)).ok();
    assert_eq!(stream.text(), LINES);
    assert_eq!(gateway.line(&stream)["gen_ai.usage.output_tokens"], 2);
    assert_eq!(gateway.ask(&post("/api/chat").json(&whole(body))).ok().text(), WHOLE);
}

#[test]
fn what_clients_ask_of_a_machine_is_answered_here() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::new(&mock)
        .provider(&format!("house: {{vendor: ollama, base_url: \"http://{at}/v1\", models: [qwen3]}}"))
        .start();
    let tags = gateway.ask(&get("/api/tags")).ok().json();
    let names: Vec<_> =
        tags["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert!(names.iter().any(|name| name.ends_with("qwen3")) && names.contains(&"gpt-4o-mini"), "{names:?}");
    let first = &tags["models"][0];
    for key in ["model", "modified_at", "size", "digest", "details"] {
        assert!(first.get(key).is_some(), "{first}");
    }
    let show = |body: Value| gateway.ask(&post("/api/show").json(&body));
    let shown = show(json!({"model": "gpt-4o-mini"})).ok().json();
    assert_eq!(shown["model_info"]["remote.context_length"], 128_000);
    let capabilities = shown["capabilities"].as_array().unwrap();
    assert!(capabilities.contains(&json!("tools")) && capabilities.contains(&json!("vision")), "{shown}");
    assert_eq!(show(json!({"name": "gpt-4o-mini"})).ok().json(), shown);
    assert_eq!(show(json!({"model": "no-such"})).status, 404);
    assert_eq!(show(json!({})).status, 400);
    assert!(gateway.ask(&get("/api/version")).ok().json()["version"].is_string());
    assert_eq!(gateway.ask(&get("/api/ps")).ok().json(), json!({"models": []}));
    let pulled = gateway.ask(&post("/api/pull").json(&json!({"model": "llama3.2"})));
    assert!(
        pulled.status == 404 && pulled.json()["error"].as_str().unwrap().contains("kept here"),
        "{}",
        pulled.text()
    );
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
}

#[test]
fn a_model_that_is_only_to_be_loaded_is_loaded() {
    let mock = mock();
    let gateway = gateway(&mock);
    for (path, body, reason) in [
        ("/api/chat", json!({"model": "gpt-4o-mini", "messages": []}), "load"),
        ("/api/generate", json!({"model": "gpt-4o-mini"}), "load"),
        ("/api/generate", json!({"model": "gpt-4o-mini", "prompt": "", "keep_alive": 0}), "unload"),
    ] {
        let reply = gateway.ask(&post(path).json(&body)).ok().json();
        assert_eq!((&reply["done"], &reply["done_reason"]), (&json!(true), &json!(reason)), "{path}");
    }
    assert_eq!(mock_page(&mock, "stats")["requests"], 0);
    let reply = gateway.ask(&post("/api/chat").json(&json!({"model": LLAMA, "messages": []}))).ok();
    assert_eq!(reply.json()["done_reason"], "load");
    assert_eq!(mock_page(&mock, "stats")["requests"], 1);
}

#[test]
fn vectors_come_from_any_provider_that_has_them() {
    let mock = mock();
    let gateway = gateway(&mock);
    for model in ["text-embedding-3-small", "gemini-embedding-001", "ollama/nomic-embed-text"] {
        let body = json!({"model": model, "input": ["a", "b"]});
        let reply = gateway.ask(&post("/api/embed").json(&body)).ok().json();
        let vectors = reply["embeddings"].as_array().unwrap();
        assert!(vectors.len() == 2 && vectors.iter().all(|vector| vector[0].is_number()), "{model}: {reply}");
        let body = json!({"model": model, "prompt": "a"});
        let reply = gateway.ask(&post("/api/embeddings").json(&body)).ok().json();
        assert_eq!(
            reply["embedding"].as_array().unwrap().len(),
            vectors[0].as_array().unwrap().len(),
            "{model}"
        );
    }
}

#[test]
fn usage_that_a_machine_left_out_is_counted() {
    let mock = mock();
    let gateway = gateway(&mock);
    for client in CLIENTS {
        let stream = gateway.ask(&client.stream(LLAMA, "#mock nousage tokens=12\nhello")).ok();
        let counted = &gateway.line(&stream)["gen_ai.usage.output_tokens"];
        assert!(counted.as_u64().is_some_and(|tokens| tokens >= 6), "{client:?}: {counted}");
    }
    let stream = gateway.ask(&post("/api/chat").json(&chat(LLAMA, "#mock nousage tokens=12\nhello"))).ok();
    assert!(gateway.line(&stream)["gen_ai.usage.output_tokens"].as_u64().unwrap() >= 6);
}
