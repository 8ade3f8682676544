//! Bedrock's Converse: as it is where it is spoken on both sides, translated where it is not, and
//! its binary streams whole, broken and cut.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::mock::Mock;
use tollgate::provider::auth::sigv4::{self, Head, Keys, Scope};
use tollgate::units::Secret;
use tollgate::wire::event_stream::{self, Kind, Parser};

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Reply, Request, Setup, Then, mock, mock_page, post,
};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const EVENTS: &str = "application/vnd.amazon.eventstream";

fn behind(mock: &Mock) -> Gateway {
    setup(mock).start()
}

fn setup(mock: &Mock) -> Setup {
    let at = mock.addr();
    Setup::new(mock).provider(&format!("bedrock: {{base_url: \"http://{at}\", api_key: bedrock-secret}}"))
}

fn place(model: &str, verb: &str) -> String {
    format!("/model/{}/{verb}", model.replace('%', "%25").replace(':', "%3A").replace('/', "%2F"))
}

fn question(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}], "inferenceConfig": {"maxTokens": 4096}})
}

fn whole(model: &str, text: &str) -> Request {
    post(&place(model, "converse")).json(&question(text))
}

fn stream(model: &str, text: &str) -> Request {
    post(&place(model, "converse-stream")).json(&question(text))
}

/// The messages of a stream, each with its kind and name, and whether one is left unfinished.
fn messages(bytes: &[u8]) -> (Vec<(&'static str, String, Value)>, bool) {
    let (mut parser, mut found) = (Parser::new(1 << 24), Vec::new());
    let read = parser.push(bytes, |message| {
        let payload = serde_json::from_slice(message.payload()).unwrap_or(Value::Null);
        found.push(match message.kind() {
            Kind::Event(name) => ("event", name.to_owned(), payload),
            Kind::Exception(name) => ("exception", name.to_owned(), payload),
            Kind::Error { code, .. } => ("error", code.to_owned(), payload),
        });
    });
    read.expect("sound messages");
    let unfinished = parser.finish().is_err();
    (found, unfinished)
}

fn events(reply: &Reply) -> Vec<(String, Value)> {
    assert_eq!(reply.header("content-type"), Some(EVENTS));
    let (found, unfinished) = messages(&reply.body);
    assert!(!unfinished, "a message is cut");
    found
        .into_iter()
        .map(|(kind, name, payload)| {
            assert_eq!(kind, "event", "{name} {payload}");
            (name, payload)
        })
        .collect()
}

fn said(events: &[(String, Value)]) -> String {
    events.iter().filter_map(|(_, event)| event["delta"]["text"].as_str()).collect()
}

/// What ends a broken stream.
fn exception(reply: &Reply) -> (String, String) {
    let (found, unfinished) = messages(&reply.body);
    assert!(!unfinished, "a message is cut");
    let (kind, name, payload) = found.last().expect("something is said");
    assert_eq!(*kind, "exception", "{name} {payload}");
    assert!(!found.iter().any(|(_, name, _)| name == "messageStop"), "it ends as if it were whole");
    (name.clone(), payload["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_conversation_goes_through_byte_for_byte() {
    let mock = mock();
    let gateway = behind(&mock);
    let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    for model in [CLAUDE, "eu.amazon.nova-lite-v1:0", "meta.llama3-3-70b-instruct-v1:0", arn] {
        for verb in ["converse", "converse-stream"] {
            let body = "{ \"messages\" : [{\"content\":[{\"text\":\"say \\u00e9\"}],  \"role\":\"user\"}],\
                \"inferenceConfig\":{\"temperature\":0.50}}";
            let reply = gateway.ask(&post(&place(model, verb)).body(body)).ok();
            let arrived = mock_page(&mock, "last");
            assert_eq!(arrived["body_text"], body, "{model}");
            assert_eq!(arrived["path"], place(model, verb));
            assert_eq!(arrived["headers"]["authorization"], "Bearer bedrock-secret");
            let accept = if verb == "converse" { "application/json" } else { EVENTS };
            assert_eq!(arrived["headers"]["accept"], accept);
            assert!(reply.header("x-amzn-requestid").is_some());
            let line = gateway.line(&reply);
            assert_eq!(
                (&line["verbatim"], &line["gen_ai.provider.name"]),
                (&json!(true), &json!("bedrock")),
                "{line}"
            );
            assert!(line["gen_ai.usage.output_tokens"].as_u64().unwrap() >= 60, "{line}");
        }
    }
}

#[test]
fn whole_answers_and_streams_of_the_dialect_agree() {
    let mock = mock();
    let gateway = behind(&mock);
    let reply = gateway.ask(&whole(CLAUDE, "Tell me of rain")).ok().json();
    let text = reply["output"]["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("You asked: \"Tell me of rain\"."), "{text}");
    let streamed = gateway.ask(&stream(CLAUDE, "Tell me of rain")).ok();
    let events = events(&streamed);
    assert_eq!(said(&events), text);
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names[0], names[1]), ("messageStart", "contentBlockDelta"));
    assert_eq!(names[names.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(events.last().unwrap().1["usage"], reply["usage"]);
    let line = gateway.line(&streamed);
    assert_eq!(line["gen_ai.usage.output_tokens"], reply["usage"]["outputTokens"]);
    assert!(
        line["cost_usd"].as_str().is_some_and(|cost| cost != "0")
            || line["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0),
        "{line}"
    );
}

/// A stream with headers and members that nobody knows, and what it is made of.
fn odd_stream() -> Vec<u8> {
    use event_stream::Value as Of;
    let mut out = Vec::new();
    let mut say = |name: &str, payload: &str| {
        let headers = [
            (":message-type", Of::Text("event")),
            ("x-odd", Of::Long(-7)),
            (":event-type", Of::Text(name)),
            ("x-bytes", Of::Bytes(b"\0\xff")),
        ];
        event_stream::message(&mut out, &headers, |out| out.extend_from_slice(payload.as_bytes()));
    };
    say("messageStart", r#"{"role":"assistant",  "p":"abc"}"#);
    say("somethingNew", r#"{"x":1.50}"#);
    say("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"h\u00e9"},"p":"ab"}"#);
    say("contentBlockStop", r#"{"contentBlockIndex":0}"#);
    say("messageStop", r#"{"stopReason":"end_turn"}"#);
    say(
        "metadata",
        r#"{"metrics":{"latencyMs":5},"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}"#,
    );
    out
}

/// A gateway before a provider that writes these bytes in pieces of this size, and then closes.
fn before(bytes: Vec<u8>, size: usize) -> (Provider, Gateway) {
    let provider = Provider::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {EVENTS}\r\nconnection: close\r\n\r\n");
        Heard::answer(stream, head.as_bytes());
        for piece in bytes.chunks(size) {
            Heard::answer(stream, piece);
            std::thread::sleep(Duration::from_micros(300));
        }
        Then::Close
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", api_key: k, models: [m]}}"))
        .start();
    (provider, gateway)
}

#[test]
fn a_stream_goes_through_byte_for_byte_however_it_is_cut() {
    for size in [1, 7, 64, 1 << 20] {
        let (_provider, gateway) = before(odd_stream(), size);
        let reply = gateway.ask(&stream("m", "hi")).ok();
        assert_eq!(reply.header("content-type"), Some(EVENTS));
        assert!(reply.body == odd_stream(), "pieces of {size}");
        assert_eq!(gateway.line(&reply)["gen_ai.usage.output_tokens"], 2);
    }
}

#[test]
fn a_message_is_passed_on_as_soon_as_it_is_whole() {
    let bytes = odd_stream();
    let first = usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap();
    let provider = Provider::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {EVENTS}\r\nconnection: close\r\n\r\n");
        Heard::answer(stream, head.as_bytes());
        // The first message, and most of the second, which then takes its time.
        Heard::answer(stream, &bytes[..first + 20]);
        std::thread::sleep(Duration::from_secs(2));
        Heard::answer(stream, &bytes[first + 20..]);
        Then::Close
    });
    let at = provider.addr;
    let gateway = Setup::default()
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", api_key: k, models: [m]}}"))
        .start();
    let begun = std::time::Instant::now();
    let mut conn = gateway.conn();
    let request = stream("m", "hi");
    conn.send(&[request.head(), request.framed_body()].concat());
    let mut head = conn.head();
    let crate::harness::Piece::Bytes(piece) = conn.piece(&mut head) else { panic!("an early end") };
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited for the second message");
    assert_eq!(piece.len(), first);
}

#[test]
fn each_client_is_answered_by_bedrock() {
    let mock = mock();
    let gateway = behind(&mock);
    for client in CLIENTS {
        for model in [CLAUDE, "us.amazon.nova-pro-v1:0", "openai.gpt-oss-120b-1:0"] {
            let reply = gateway.ask(&client.whole(model, "Tell me of rain")).ok();
            // Claude's own clients have it invoked in its own form.
            let own = client == Client::Anthropic && model == CLAUDE;
            assert_eq!(gateway.line(&reply)["verbatim"], own);
            let body = reply.json();
            let text = client.text(&body);
            assert!(text.starts_with("You asked: \"Tell me of rain\"."), "{client:?} {model}: {text}");
            let (input, output) = client.usage(&body);
            assert!(input > 0 && output >= 60, "{body}");
            let streamed = gateway.ask(&client.stream(model, "Tell me of rain")).ok();
            assert_eq!(streamed.header("content-type"), Some("text/event-stream"));
            assert_eq!(client.streamed_text(&streamed.text()), text, "{client:?} {model}");
            assert!(client.is_complete(&streamed.text()));
            let verb = if own { "invoke-with-response-stream" } else { "converse-stream" };
            assert_eq!(mock_page(&mock, "last")["path"], place(model, verb));
        }
    }
}

#[test]
fn a_bedrock_client_is_answered_by_each_provider() {
    let mock = mock();
    let gateway = behind(&mock);
    for target in CLIENTS {
        let model = target.model();
        let reply = gateway.ask(&whole(model, "Tell me of rain")).ok();
        let body = reply.json();
        let text = body["output"]["message"]["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("You asked: \"Tell me of rain\"."), "{body}");
        assert_eq!(
            (&body["stopReason"], &body["output"]["message"]["role"]),
            (&json!("end_turn"), &json!("assistant"))
        );
        let usage = &body["usage"];
        let sum = usage["inputTokens"].as_u64().unwrap() + usage["outputTokens"].as_u64().unwrap();
        assert_eq!(usage["totalTokens"], sum);
        assert!(body["metrics"]["latencyMs"].is_u64(), "{body}");
        let streamed = gateway.ask(&stream(model, "Tell me of rain")).ok();
        let events = events(&streamed);
        assert_eq!(said(&events), text, "{model}");
        let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.first(), Some(&"messageStart"));
        assert_eq!(names[names.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
        assert_eq!(events.last().unwrap().1["usage"]["outputTokens"], usage["outputTokens"], "{model}");
        assert_eq!(gateway.line(&streamed)["gen_ai.provider.name"], target.vendor());
    }
}

fn with_tool(mut body: Value) -> Value {
    body["toolConfig"] = json!({"tools": [{"toolSpec": {"name": "weather", "description": "Tells it", "inputSchema":
        {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}}]});
    body
}

#[test]
fn a_tool_is_called_and_its_answer_told_wherever_it_goes() {
    let mock = mock();
    let gateway = behind(&mock);
    let models = CLIENTS.map(Client::model);
    for model in models.into_iter().chain([CLAUDE, "meta.llama3-3-70b-instruct-v1:0"]) {
        let body = with_tool(question("What is the weather?"));
        let reply = gateway.ask(&post(&place(model, "converse")).json(&body)).ok().json();
        assert_eq!(reply["stopReason"], "tool_use", "{model}: {reply}");
        let called = reply["output"]["message"].clone();
        let call = &called["content"].as_array().unwrap().last().unwrap()["toolUse"];
        assert!(call["input"]["city"].is_string(), "{called}");
        let mut next = body.clone();
        let result =
            json!({"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"sky": "grey"}}]}});
        let turns = next["messages"].as_array_mut().unwrap();
        turns.extend([called.clone(), json!({"role": "user", "content": [result]})]);
        let reply = gateway.ask(&post(&place(model, "converse")).json(&next)).ok().json();
        let text = reply["output"]["message"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("grey"), "{model}: {text}");
        if model.starts_with("meta.") {
            continue;
        }
        let streamed = gateway.ask(&post(&place(model, "converse-stream")).json(&body)).ok();
        let events = events(&streamed);
        let start = events.iter().find(|(name, _)| name == "contentBlockStart").expect("calls are announced");
        assert_eq!(start.1["start"]["toolUse"]["name"], "weather");
        let input: String =
            events.iter().filter_map(|(_, event)| event["delta"]["toolUse"]["input"].as_str()).collect();
        let input: Value = serde_json::from_str(&input).unwrap();
        assert!(input["city"].is_string(), "{model}: {input}");
        let stop = events.iter().find(|(name, _)| name == "messageStop").unwrap();
        assert_eq!(stop.1["stopReason"], "tool_use");
    }
}

#[test]
fn a_model_that_cannot_stream_calls_is_asked_for_a_whole_answer() {
    let mock = mock();
    let gateway = behind(&mock);
    let model = "meta.llama3-3-70b-instruct-v1:0";
    let tool = json!([{"type": "function", "function": {"name": "weather", "parameters":
        {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let body = json!({"model": model, "stream": true, "tools": tool, "messages": [{"role": "user", "content": "hi"}]});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert!(reply.text().contains("\"name\":\"weather\""), "{}", reply.text());
    assert!(reply.text().contains("\"finish_reason\":\"tool_calls\""));
    assert_eq!(mock_page(&mock, "last")["path"], place(model, "converse"));
}

#[test]
fn an_exception_on_the_way_is_told_in_the_form_of_the_client() {
    let mock = mock();
    let gateway = behind(&mock);
    for client in CLIENTS {
        let reply = gateway.ask(&client.stream(CLAUDE, "#mock stream_error=4"));
        let error = client.error_in(&reply.text()).unwrap_or_else(|| panic!("{client:?}: {}", reply.text()));
        assert!(error.message.contains("Bedrock is unable to process your request"), "{error:?}");
        assert!(!client.is_complete(&reply.text()), "{client:?}");
        let reply = gateway.ask(&stream(client.model(), "#mock stream_error=4"));
        let (name, message) = exception(&reply);
        assert!(["serviceUnavailableException", "internalServerException"].contains(&&*name), "{name}");
        assert!(!message.is_empty());
    }
    let reply = gateway.ask(&stream(CLAUDE, "#mock stream_error=4"));
    let told = exception(&reply);
    assert_eq!(
        told,
        ("serviceUnavailableException".to_owned(), "Bedrock is unable to process your request.".to_owned())
    );
}

#[test]
fn a_stream_that_is_cut_ends_in_an_exception_and_not_as_if_whole() {
    let mock = mock();
    let gateway = behind(&mock);
    for script in ["cut=3", "end=3"] {
        for client in CLIENTS {
            let reply = gateway.ask(&client.stream(CLAUDE, &format!("#mock {script}")));
            assert!(client.error_in(&reply.text()).is_some(), "{client:?} {script}: {}", reply.text());
            let reply = gateway.ask(&stream(client.model(), &format!("#mock {script}")));
            exception(&reply);
        }
        let reply = gateway.ask(&stream(CLAUDE, &format!("#mock {script}")));
        exception(&reply);
        assert_ne!(gateway.line(&reply)["outcome"], "answered");
    }
    // Cut within a message, at each of its places, whose beginning must not reach the client.
    let bytes = odd_stream();
    let first = usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap();
    for after in [1, 8, 12, 40] {
        let (_provider, gateway) = before(bytes[..first + after].to_vec(), 1 << 20);
        let reply = gateway.ask(&stream("m", "hi"));
        let (found, _) = messages(&reply.body);
        assert_eq!(found[0].1, "messageStart");
        exception(&reply);
        for client in CLIENTS {
            let reply = gateway.ask(&client.stream("m", "hi"));
            assert!(client.error_in(&reply.text()).is_some(), "{client:?} {after}: {}", reply.text());
        }
    }
    // And one whose checksum is wrong.
    let mut broken = odd_stream();
    broken[first + 60] ^= 1;
    let (_provider, gateway) = before(broken, 1 << 20);
    exception(&gateway.ask(&stream("m", "hi")));
}

#[test]
fn errors_are_told_by_their_exceptions() {
    let mock = mock();
    let gateway = setup(&mock).yaml("upstream: {attempts: 1}").start();
    let models = CLIENTS.map(Client::model);
    for (status, name) in [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ] {
        for model in models.into_iter().chain([CLAUDE]) {
            let script = format!("#mock error={status}");
            for request in [whole(model, &script), stream(model, &script)] {
                let reply = gateway.ask(&request);
                let told = reply
                    .header("x-amzn-errortype")
                    .unwrap_or_else(|| panic!("{model} {status}: {}", reply.text()));
                assert!(told == name || told.starts_with(&format!("{name}:")), "{model} {status}: {told}");
                assert_eq!(reply.status, status, "{model}: {}", reply.text());
                assert!(reply.json()["message"].is_string(), "{}", reply.text());
            }
        }
        for client in CLIENTS {
            let reply = gateway.ask(&client.whole(CLAUDE, &format!("#mock error={status}")));
            assert_eq!(reply.status, status, "{client:?}: {}", reply.text());
            assert!(!client.refusal(&reply).message.is_empty());
        }
    }
    let reply = gateway.ask(&whole("gpt-4o-mini", "#mock context"));
    assert_eq!((reply.status, reply.header("x-amzn-errortype")), (400, Some("ValidationException")));
    let reply = gateway.ask(&Client::Openai.whole(CLAUDE, "#mock context"));
    assert_eq!(Client::Openai.refusal(&reply).code.as_deref(), Some("context_length_exceeded"));
    let bad = post(&place(CLAUDE, "converse")).json(&json!({"messages": 7}));
    let reply = gateway.ask(&bad);
    assert_eq!((reply.status, reply.header("x-amzn-errortype").is_some()), (400, true), "{}", reply.text());
}

#[test]
fn the_key_is_a_bearer_or_the_name_of_who_signs() {
    let mock = mock();
    let gateway = setup(&mock).env("TOLLGATE_MASTER_KEY", "master").start();
    let signed = |id: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/20261126/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={}",
            "0".repeat(64)
        )
    };
    for fine in ["Bearer master".to_owned(), signed("master")] {
        let reply = gateway.ask(&whole(CLAUDE, "hi").header("authorization", &fine)).ok();
        assert_eq!(reply.json()["stopReason"], "end_turn");
        let arrived = mock_page(&mock, "last")["headers"].to_string();
        assert!(!arrived.contains("master") && !arrived.contains("x-amz-date"), "{arrived}");
    }
    for wrong in [Some("Bearer other".to_owned()), Some(signed("other")), None] {
        let request = whole(CLAUDE, "hi");
        let request = match &wrong {
            Some(wrong) => request.header("authorization", wrong),
            None => request,
        };
        let reply = gateway.ask(&request);
        assert!(matches!(reply.status, 401 | 403), "{wrong:?}: {}", reply.text());
        assert!(reply.header("x-amzn-errortype").is_some(), "{wrong:?}");
    }
}

#[test]
fn a_request_is_signed_where_there_is_no_key() {
    let mock = mock();
    let at = mock.addr();
    let gateway = Setup::default()
        .provider(&format!("bedrock: {{base_url: \"http://{at}\", region: eu-west-1}}"))
        .env("AWS_ACCESS_KEY_ID", "AKID")
        .env("AWS_SECRET_ACCESS_KEY", "s3cret")
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .start();
    for request in [whole(CLAUDE, "hi"), stream(CLAUDE, "hi"), Client::Openai.stream(CLAUDE, "hi")] {
        gateway.ask(&request).ok();
        let arrived = mock_page(&mock, "last");
        let header = |name: &str| arrived["headers"][name].as_str().unwrap_or_default().to_owned();
        let (host, kind) = (header("host"), header("content-type"));
        let headers = [("content-type", kind.as_str()), ("host", host.as_str())];
        let head = Head { method: "POST", target: arrived["path"].as_str().unwrap(), headers: &headers };
        let keys = Keys {
            access_key: "AKID".to_owned(),
            secret_key: Secret::new("s3cret"),
            session_token: Secret::new(""),
        };
        let hash = sigv4::hash(arrived["body_text"].as_str().unwrap().as_bytes());
        let now = tollgate::clock::unix_seconds();
        let scope = Scope { region: "eu-west-1", service: "bedrock" };
        let fits = (now - 20..=now)
            .any(|moment| sigv4::sign(&head, &hash, &keys, scope, moment)[0].1 == header("authorization"));
        assert!(fits, "{arrived}");
    }
}

#[test]
fn tokens_are_counted_by_the_model_or_here() {
    let mock = mock();
    let gateway = behind(&mock);
    let body = json!({"input": {"converse": question("Tell me of rain")}});
    for model in [CLAUDE, "gpt-4o-mini"] {
        let reply = gateway.ask(&post(&place(model, "count-tokens")).json(&body)).ok().json();
        assert!(reply["inputTokens"].as_u64().unwrap() > 0, "{model}: {reply}");
    }
    let arrived = mock_page(&mock, "last");
    assert_eq!(arrived["path"], place("anthropic.claude-sonnet-4-5-20250929-v1:0", "count-tokens"));
}

#[test]
fn what_goes_through_to_bedrock_is_metered_too() {
    let mock = mock();
    let gateway = behind(&mock);
    for verb in ["converse", "converse-stream"] {
        let path = format!("/p/bedrock{}", place(CLAUDE, verb));
        let reply = gateway.ask(&post(&path).json(&question("Tell me of rain"))).ok();
        assert_eq!(mock_page(&mock, "last")["path"], place(CLAUDE, verb));
        let line = gateway.line(&reply);
        assert_eq!(line["gen_ai.usage.output_tokens"], 60, "{verb}: {line}");
    }
}

#[test]
fn vectors_and_ranks_come_from_bedrock_s_models_in_each_maker_s_form() {
    let mock = mock();
    let line = format!("bedrock: {{base_url: \"http://{}\", api_key: bedrock-secret}}", mock.addr());
    let gateway = Setup::default().provider(&line).start();
    let titan = "bedrock/amazon.titan-embed-text-v2:0";
    let body = json!({"model": titan, "input": "one", "dimensions": 256});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    assert_eq!(reply.json()["data"][0]["embedding"].as_array().map(Vec::len), Some(256), "{}", reply.text());
    assert!(reply.json()["usage"]["prompt_tokens"].as_u64() > Some(0), "{}", reply.text());
    let last = mock_page(&mock, "last");
    assert_eq!(last["path"], "/model/amazon.titan-embed-text-v2%3A0/invoke");
    assert_eq!(last["body"], json!({"inputText": "one", "dimensions": 256}));
    let refused =
        gateway.ask(&post("/v1/embeddings").json(&json!({"model": titan, "input": ["one", "two"]})));
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("input")));
    let body = json!({"model": "bedrock/cohere.embed-v4:0", "input": ["one", "two"]});
    let reply = gateway.ask(&post("/v1/embeddings").json(&body)).ok();
    assert_eq!(reply.json()["data"].as_array().map(Vec::len), Some(2), "{}", reply.text());
    let line = gateway.line(&reply);
    let told = line["gen_ai.usage.input_tokens"].as_u64();
    assert!(told > Some(0) && line["usage_source"] == "reported", "its head says it: {line}");
    assert_eq!(reply.json()["usage"]["prompt_tokens"].as_u64(), told);
    for model in ["bedrock/cohere.rerank-v3-5:0", "bedrock/amazon.rerank-v1:0"] {
        let body = json!({"model": model, "query": "q", "documents": ["a", "b"], "top_n": 1});
        let reply = gateway.ask(&post("/v2/rerank").json(&body)).ok();
        assert_eq!(reply.json()["results"].as_array().map(Vec::len), Some(1), "{}", reply.text());
        assert!(mock_page(&mock, "last")["body"]["model"].is_null());
    }
}
