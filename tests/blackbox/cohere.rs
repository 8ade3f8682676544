//! Cohere's chat v2: as it is to Cohere, translated to and from everybody else.

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Reply, Setup, Then, get, json_reply, mock, mock_page, post,
};

const COMMAND: &str = "cohere/command-a-03-2025";

fn gateway(mock: &tollgate::mock::Mock) -> Gateway {
    let at = mock.addr();
    Setup::new(mock)
        .provider(&format!("cohere: {{base_url: \"http://{at}/compatibility/v1\", api_key: k-1234}}"))
        .start()
}

fn chat(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = true.into();
    body
}

fn events(stream: &Reply) -> Vec<Value> {
    let text = stream.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("no JSON: {data}"))).collect()
}

fn words(events: &[Value]) -> String {
    let said = |event: &Value| event["delta"]["message"]["content"]["text"].as_str().map(str::to_owned);
    events.iter().filter_map(said).collect()
}

#[test]
fn a_body_goes_through_byte_for_byte_to_cohere() {
    let mock = mock();
    let gateway = gateway(&mock);
    let body = "{ \"messages\" :[{\"role\":\"user\",\"content\":\"h\\u00e9\"}],\"model\":\"command-a-03-2025\", \"p\":0.750, \
                \"safety_mode\":\"STRICT\",\"documents\":[{\"data\":{\"text\":\"x\"}}] }";
    let reply = gateway.ask(&post("/v2/chat").body(body)).ok();
    let arrived = mock_page(&mock, "last");
    assert_eq!(arrived["body_text"].as_str().unwrap(), body);
    assert_eq!(arrived["path"], "/v2/chat");
    let line = gateway.line(&reply);
    assert_eq!(line["verbatim"], true);
    assert_eq!(line["gen_ai.usage.output_tokens"], reply.json()["usage"]["billed_units"]["output_tokens"]);
    // Whoever asks in the form that it imitates is answered in that, by it.
    gateway.ask(&Client::Openai.whole("command-a-03-2025", "hi")).ok();
    assert_eq!(mock_page(&mock, "last")["path"], "/compatibility/v1/chat/completions");
}

#[test]
fn its_clients_are_answered_by_everybody() {
    let mock = mock();
    let gateway = gateway(&mock);
    for model in CLIENTS.map(Client::model).into_iter().chain([COMMAND]) {
        let body = chat(model, "Tell me of rain");
        let once = gateway.ask(&post("/v2/chat").json(&body)).ok().json();
        assert_eq!(once["finish_reason"], "COMPLETE", "{model}: {once}");
        let stream = gateway.ask(&post("/v2/chat").json(&streamed(body))).ok();
        assert_eq!(stream.header("content-type").unwrap().split(';').next(), Some("text/event-stream"));
        let told = events(&stream);
        assert_eq!(told[0]["type"], "message-start");
        let last = told.last().unwrap();
        assert_eq!(
            (&last["type"], &last["delta"]["finish_reason"]),
            (&json!("message-end"), &json!("COMPLETE"))
        );
        let text: String = once["message"]["content"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect();
        assert_eq!(words(&told), text, "{model}");
        assert!(text.starts_with("You asked: \"Tell me of rain\"."), "{model}: {text}");
        let billed = &last["delta"]["usage"]["billed_units"]["output_tokens"];
        assert_eq!(&gateway.line(&stream)["gen_ai.usage.output_tokens"], billed);
        assert!(billed.as_u64().unwrap() >= 60, "{last}");
    }
}

#[test]
fn every_other_client_is_answered_by_cohere() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!("cohere: {{base_url: \"http://{at}/compatibility/v1\", api_key: k-1234}}"))
        .start();
    for client in CLIENTS {
        let reply = gateway.ask(&client.whole("command-a-03-2025", "hello there")).ok();
        assert!(client.text(&reply.json()).contains("hello there"), "{client:?}");
        let path = mock_page(&mock, "last")["path"].as_str().unwrap().to_owned();
        assert_eq!(path == "/v2/chat", client != Client::Openai, "{client:?} at {path}");
        let stream = gateway.ask(&client.stream("command-a-03-2025", "hello there")).ok().text();
        assert!(client.streamed_text(&stream).contains("hello there"), "{client:?}: {stream}");
    }
}

#[test]
fn a_tool_is_called_and_its_result_is_heard() {
    let mock = mock();
    let gateway = gateway(&mock);
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "description": "",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    for model in CLIENTS.map(Client::model).into_iter().chain([COMMAND]) {
        let mut body = chat(model, "Weather? #mock tools=2");
        body["tools"] = tools.clone();
        let stream = gateway.ask(&post("/v2/chat").json(&streamed(body.clone()))).ok();
        let told = events(&stream);
        let starts = told.iter().filter(|event| event["type"] == "tool-call-start").count();
        assert_eq!((starts, &told.last().unwrap()["delta"]["finish_reason"]), (2, &json!("TOOL_CALL")));
        let first = gateway.ask(&post("/v2/chat").json(&body)).ok().json();
        let calls = first["message"]["tool_calls"].as_array().unwrap().clone();
        assert_eq!(calls.len(), 2, "{first}");
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(first["message"].clone());
        for (call, degrees) in calls.iter().zip([18, 19]) {
            let document = json!({"type": "document", "document": {"data": format!("{degrees} degrees")}});
            turns.push(json!({"role": "tool", "tool_call_id": call["id"], "content": [document]}));
        }
        let second = gateway.ask(&post("/v2/chat").json(&body)).ok().json();
        assert!(second["message"]["content"].is_array(), "{model}: {second}");
        let said = second["message"]["content"].as_array().unwrap().last().unwrap()["text"].clone();
        assert_eq!(said, "The tool said: 18 degrees\nThe tool said: 19 degrees", "{model}");
    }
}

#[test]
fn documents_are_read_by_whoever_is_asked() {
    let mock = mock();
    let gateway = gateway(&mock);
    let document = json!({"type": "document", "title": "Mocks", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "A mock says so."}});
    let body = json!({"model": COMMAND, "max_tokens": 100, "messages": [{"role": "user",
        "content": [document, {"type": "text", "text": "Who says so?"}]}]});
    gateway.ask(&post("/v1/messages").json(&body)).ok();
    let arrived: Value =
        serde_json::from_str(mock_page(&mock, "last")["body_text"].as_str().unwrap()).unwrap();
    assert_eq!(
        arrived["documents"],
        json!([{"data": {"title": "Mocks", "text": "A mock says so."}, "id": "Mocks"}])
    );
    let mut body = chat("claude-sonnet-4-5", "Who says so?");
    body["documents"] = json!([{"id": "mocks", "data": {"text": "A mock says so."}}]);
    let reply = gateway.ask(&post("/v2/chat").json(&body)).ok().json();
    let said = reply["message"]["content"][0]["text"].as_str().unwrap();
    assert!(said.starts_with("I see 1 document (text/plain"), "{reply}");
}

#[test]
fn an_error_is_a_sentence_and_inside_a_stream_an_end() {
    let mock = mock();
    let gateway = gateway(&mock);
    for model in CLIENTS.map(Client::model).into_iter().chain([COMMAND]) {
        for (status, script) in [(400, "error=400"), (429, "error=429"), (400, "context")] {
            let reply = gateway.ask(&post("/v2/chat").json(&chat(model, &format!("#mock {script}"))));
            assert_eq!(reply.status, status, "{model} {script}");
            assert!(reply.json()["message"].is_string(), "{model} {script}: {}", reply.text());
        }
        for script in ["cut=2", "end=2", "stream_error=2"] {
            let body = streamed(chat(model, &format!("#mock {script}")));
            let stream = gateway.ask(&post("/v2/chat").json(&body)).ok();
            let told = events(&stream);
            let last = &told.last().unwrap()["delta"];
            assert!(
                last["error"].is_string() && last["finish_reason"] == "ERROR",
                "{model} {script}: {told:?}"
            );
            assert!(told.iter().filter(|event| event["type"] == "message-end").count() == 1, "{told:?}");
        }
    }
    let reply = gateway.ask(&post("/v2/chat").json(&chat("no-such-model", "hi")));
    assert_eq!(reply.status, 404);
    assert!(reply.json()["message"].as_str().unwrap().contains("no-such-model"));
}

#[test]
fn a_broken_off_answer_of_cohere_is_an_error_to_everybody() {
    let mock = mock();
    let at = mock.addr();
    let gateway =
        Setup::default().provider(&format!("cohere: {{base_url: \"http://{at}\", api_key: k-1234}}")).start();
    for client in CLIENTS {
        for script in ["cut=2", "end=2", "stream_error=2"] {
            let stream = gateway.ask(&client.stream("command-a-03-2025", &format!("#mock {script}"))).ok();
            assert!(stream.text().contains("\"error\""), "{client:?} {script}: {}", stream.text());
        }
        let reply = gateway.ask(&client.whole("command-a-03-2025", "#mock error=401"));
        assert_eq!(reply.status, 401, "{client:?}: {}", reply.text());
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        // OpenAI's clients are answered in the form that it imitates.
        assert!(client == Client::Openai || message == "invalid api token", "{client:?}: {message}");
    }
}

#[test]
fn an_answer_of_cohere_goes_through_byte_for_byte() {
    const WHOLE: &str = "{ \"id\":\"a\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"h\\u00e9\"}]},\"finish_reason\":\"COMPLETE\", \"usage\":{\"billed_units\":{\"output_tokens\":2.0,\"input_tokens\":1.0}},\"x\":1.50}\n";
    const STREAM: &str = "event: message-start\ndata: {\"id\":\"a\", \"type\":\"message-start\"}\n\nevent: x\ndata: {\"type\":\"x\" }\n\nevent: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":1,\"output_tokens\":2}}}}\n\n";
    let provider = Provider::start(|heard, stream| {
        if !heard.body.windows(13).any(|window| window == b"\"stream\":true") {
            Heard::answer(stream, &json_reply(200, WHOLE));
            return Then::Keep;
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        Heard::answer(stream, format!("{head}{STREAM}").as_bytes());
        Then::Close
    });
    let at = provider.addr;
    let gateway =
        Setup::default().provider(&format!("cohere: {{base_url: \"http://{at}\", api_key: k}}")).start();
    let body = chat("command-a-03-2025", "hi");
    let reply = gateway.ask(&post("/v2/chat").json(&body)).ok();
    assert_eq!(reply.text(), WHOLE);
    assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 2);
    let stream = gateway.ask(&post("/v2/chat").json(&streamed(body))).ok();
    assert_eq!(stream.text(), STREAM);
    assert_eq!(gateway.line(&stream)["gen_ai.usage.output_tokens"], 2);
}

#[test]
fn its_sdk_is_shown_models_as_it_knows_them() {
    let mock = mock();
    let gateway = gateway(&mock);
    let ask = |path: &str| gateway.ask(&get(path).header("x-fern-sdk-name", "cohere"));
    let list = ask("/v1/models?page_size=1000").ok().json();
    let find = |name: &str| {
        let all = list["models"].as_array().unwrap();
        all.iter()
            .find(|model| model["name"] == name)
            .unwrap_or_else(|| panic!("no {name} in {list}"))
            .clone()
    };
    let mini = find("gpt-4o-mini");
    assert_eq!((&mini["endpoints"], &mini["context_length"]), (&json!(["chat"]), &json!(128_000)));
    assert_eq!(find("text-embedding-3-small")["endpoints"], json!(["embed"]));
    assert_eq!(ask("/v1/models/gpt-4o-mini").ok().json(), mini);
    let missing = ask("/v1/models/no-such-model");
    assert_eq!(missing.status, 404);
    assert!(missing.json()["message"].as_str().unwrap().contains("no-such-model"), "{}", missing.text());
    let plain = gateway.ask(&get("/v1/models/gpt-4o-mini")).ok().json();
    assert_eq!(plain["object"], "model", "others are shown OpenAI's");
}
