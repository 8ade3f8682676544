//! Claims about the mock as Bedrock.

use serde_json::{Value, json};

use super::{Got, connect, mock, read, with};
use crate::mock::Mock;
use crate::wire::event_stream::{Kind, Parser};
use std::io::Write;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";

fn ask(mock: &Mock, call: &str, body: &Value) -> Got {
    let head = format!("POST /model/{call} HTTP/1.1\r\nauthorization: Bearer k");
    super::send(mock, &head, &body.to_string())
}

fn converse(mock: &Mock, body: &Value) -> Got {
    ask(mock, &format!("{CLAUDE}/converse"), body)
}

fn said(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

/// The events and exceptions of a stream.
fn stream(mock: &Mock, body: &Value) -> Vec<(String, Value)> {
    let body = body.to_string();
    let mut peer = connect(mock);
    let head = format!("POST /model/{CLAUDE}/converse-stream HTTP/1.0\r\nauthorization: Bearer k");
    write!(peer, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("it reads");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut peer, &mut bytes).expect("an answer");
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let (mut parser, mut events) = (Parser::new(1 << 20), Vec::new());
    let read = parser.push(&bytes[at..], |message| {
        let name = match message.kind() {
            Kind::Event(name) | Kind::Exception(name) => name,
            Kind::Error { code, .. } => code,
        };
        events.push((name.to_owned(), serde_json::from_slice(message.payload()).expect("JSON")));
    });
    read.expect("sound messages");
    events
}

#[test]
fn a_stream_says_what_the_whole_answer_says() {
    let mock = mock();
    let whole = converse(&mock, &said("Tell me of rain")).json();
    let text = whole["output"]["message"]["content"][0]["text"].as_str().expect("text");
    let events = stream(&mock, &said("Tell me of rain"));
    let streamed: String = events.iter().filter_map(|(_, event)| event["delta"]["text"].as_str()).collect();
    assert_eq!(streamed, text);
    assert!(events.iter().all(|(name, _)| name != "contentBlockStart"), "text is not announced");
    assert!(events.iter().all(|(_, event)| event["p"].is_string()), "events are padded");
    assert_eq!(events.last().expect("an end").1["usage"], whole["usage"]);
    let broken = stream(&mock, &said("#mock stream_error=2"));
    assert_eq!(broken.last().expect("an end").0, "serviceUnavailableException");
}

#[test]
fn errors_name_their_exception_in_a_header() {
    let mock = mock();
    let got = converse(&mock, &said("#mock error=429"));
    assert_eq!((got.status, got.json()["message"].is_string()), (429, true));
    assert!(got.head.contains("x-amzn-errortype: ThrottlingException:"), "{}", got.head);
    let unsigned = {
        let mut peer = connect(&mock);
        let head = format!("POST /model/{CLAUDE}/converse HTTP/1.1\r\nconnection: close");
        write!(peer, "{head}\r\ncontent-length: 2\r\n\r\n{{}}").expect("it reads");
        read(peer)
    };
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.head.contains("x-amzn-errortype: MissingAuthenticationToken"), "{}", unsigned.head);
}

#[test]
fn a_marked_prefix_is_written_and_then_read() {
    let mock = mock();
    let body = json!({
        "system": [{"text": "You know all about the weather of the coast."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"text": "Tell me"}]}],
    });
    let first = converse(&mock, &body).json()["usage"].clone();
    assert_eq!(first["cacheDetails"][0]["ttl"], "1h");
    let second = converse(&mock, &body).json()["usage"].clone();
    assert_eq!(first["cacheWriteInputTokens"], second["cacheReadInputTokens"]);
    assert_eq!(
        (&second["cacheWriteInputTokens"], &first["totalTokens"]),
        (&json!(0), &second["totalTokens"])
    );
}

#[test]
fn bedrock_is_strict() {
    let mock = mock();
    let user = json!({"role": "user", "content": [{"text": "x"}]});
    let called =
        json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}]});
    let result = json!({"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "ok"}]}}]});
    let tools = json!({"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]});
    let file = |name: &str| json!({"document": {"format": "txt", "name": name, "source": {"bytes": "aGk="}}});
    let turn = |blocks: Value| json!({"messages": [{"role": "user", "content": blocks}]});
    for (fields, wanted) in [
        (json!({"messages": [called]}), "A conversation must start with a user message."),
        (
            json!({"messages": [user, user]}),
            "A conversation must alternate between user and assistant roles.",
        ),
        (turn(json!([])), "The content field in the Message object at messages.0 is empty."),
        (
            turn(json!([{"text": " "}])),
            "The text field in the ContentBlock object at messages.0.content.0 is blank.",
        ),
        (
            turn(json!([{"text": "x"}, file("a.b")])),
            "The value at messages.0.content.1.document.name isn't valid.",
        ),
        (turn(json!([file("a")])), "The content field at messages.0 must include a text block"),
        (turn(json!([{"text": "x"}, file("a"), file("a")])), "Messages contain duplicate document names."),
        (json!({"messages": [user, called, result]}), "The toolConfig field must be defined"),
        (
            json!({"messages": [user, called, user], "toolConfig": tools}),
            "Expected toolResult blocks at messages.2.content for the following Ids: t1",
        ),
        (
            json!({"messages": [result], "toolConfig": tools}),
            "The number of toolResult blocks at messages.0.content exceeds",
        ),
        (json!({"toolConfig": {"tools": []}}), "1 validation error detected: Value at 'toolConfig.tools'"),
        (
            json!({"inferenceConfig": {"maxTokens": 0}}),
            "1 validation error detected: Value at 'inferenceConfig.maxTokens'",
        ),
        (
            json!({"system": [{"text": ""}]}),
            "The text field in the SystemContentBlock object at system.0 is blank.",
        ),
        (
            json!({"inferenceConfig": {"temperature": 0.5, "topP": 0.5}}),
            "The model returned the following errors: `temperature` and `top_p` cannot both",
        ),
        (json!({"temperature": 0.5}), "The mock does not know the field temperature."),
    ] {
        let got = converse(&mock, &with(said("x"), fields));
        let message = got.json()["message"].as_str().expect("a message").to_owned();
        assert_eq!(got.status, 400, "{message}");
        assert!(message.starts_with(wanted), "{message}");
        assert!(got.head.contains("x-amzn-errortype: ValidationException:"), "{}", got.head);
    }
    assert_eq!(
        converse(&mock, &json!({"messages": [user, called, result], "toolConfig": tools})).status,
        200
    );
    for (model, fields, wanted) in [
        (
            "mistral.mistral-7b-instruct-v0%3A2",
            json!({"system": [{"text": "x"}]}),
            "This model doesn't support the system field.",
        ),
        (
            "meta.llama3-8b-instruct-v1%3A0",
            json!({"toolConfig": tools}),
            "This model doesn't support tool use.",
        ),
        (
            "openai.gpt-oss-20b-1%3A0",
            json!({"inferenceConfig": {"stopSequences": ["x"]}}),
            "This model doesn't support the stopSequences field.",
        ),
    ] {
        let got = ask(&mock, &format!("{model}/converse"), &with(said("x"), fields));
        assert!(got.json()["message"].as_str().is_some_and(|message| message.starts_with(wanted)), "{got:?}");
    }
    let streamed = with(said("x"), json!({"toolConfig": tools}));
    let got = ask(&mock, "meta.llama3-1-8b-instruct-v1%3A0/converse-stream", &streamed);
    assert_eq!(got.json()["message"], "This model doesn't support tool use in streaming mode.");
}
