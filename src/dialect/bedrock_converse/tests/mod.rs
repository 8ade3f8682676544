//! What no recording shows: mistakes of clients by the path of the field, counts, and exceptions.

use http::HeaderMap;

use super::{BedrockConverse, count, read_exception};
use crate::dialect::{Codec, Head, Malformed};
use crate::ir::{Content, Event, Reply, Request, Role, Usage};
use crate::refusal::Kind;

fn parse(body: &str) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    let path = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0/converse-stream";
    BedrockConverse.parse_request(&Head { path, query: "", headers: &headers }, body.as_bytes())
}

#[test]
fn the_path_says_the_model_and_whether_to_stream() {
    let request = parse(r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#).unwrap();
    assert_eq!(request.model, "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0");
    assert!(request.stream && request.stream_usage);
}

#[test]
fn a_mistake_is_named_by_its_path() {
    let user = |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
    for (body, param) in [
        (r#"{"system":[]}"#.to_owned(), "messages"),
        (r#"{"messages":[]}"#.to_owned(), "messages"),
        (r#"{"messages":[{"role":"tool","content":[]}]}"#.to_owned(), "messages[0].role"),
        (r#"{"messages":[{"role":"user"}]}"#.to_owned(), "messages[0].content"),
        (user("\"Hi\""), "messages[0].content"),
        (user("[{}]"), "messages[0].content[0]"),
        (user(r#"[{"text":"a","image":{}}]"#), "messages[0].content[0]"),
        (user(r#"[{"text":1}]"#), "messages[0].content[0].text"),
        (user(r#"[{"image":{"source":{"bytes":"x"}}}]"#), "messages[0].content[0].image.format"),
        (user(r#"[{"image":{"format":"png"}}]"#), "messages[0].content[0].image.source"),
        (user(r#"[{"toolResult":{"content":[]}}]"#), "messages[0].content[0].toolResult.toolUseId"),
        (
            user(r#"[{"toolResult":{"toolUseId":"t","content":[{"text":2}]}}]"#),
            "messages[0].content[0].toolResult.content[0].text",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"maxTokens":"9"}}"#.to_owned(),
            "inferenceConfig.maxTokens",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"text":"a"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}]}}"#
                .to_owned(),
            "toolConfig.tools[0].toolSpec.inputSchema.json",
        ),
    ] {
        assert_eq!(parse(&body).unwrap_err().param, param, "{body}");
    }
}

#[test]
fn tokens_are_counted_of_what_would_be_asked() {
    let headers = HeaderMap::new();
    let head = Head { path: "/model/amazon.nova-lite-v1%3A0/count-tokens", query: "", headers: &headers };
    let asked = r#"{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}}}"#;
    let request = count::parse_request(&head, asked.as_bytes()).unwrap();
    assert_eq!((request.model.as_str(), request.turns[0].role), ("amazon.nova-lite-v1:0", Role::User));
    assert_eq!(count::render_reply(12), b"{\"inputTokens\":12}");
    let wrong = count::parse_request(&head, br#"{"input":{"invokeModel":{"body":"e30="}}}"#).unwrap_err();
    assert_eq!(wrong.param, "input.converse");
}

#[test]
fn an_exception_is_known_by_its_name() {
    let kind = |name: &str, payload: &str| read_exception(name, payload.as_bytes()).kind;
    assert_eq!(kind("throttlingException", r#"{"message":"slow"}"#), Kind::RateLimited);
    assert_eq!(kind("modelStreamErrorException", r#"{"originalMessage":"no"}"#), Kind::BadGateway);
    assert_eq!(kind("validationException", r#"{"message":"Input is too long"}"#), Kind::ContextWindow);
    assert_eq!(kind("someNewException", "not JSON"), Kind::Internal);
}

#[test]
fn usage_is_one_partition_whatever_was_cached() {
    let find = |usage: &str| BedrockConverse.find_usage(format!(r#"{{"usage":{usage}}}"#).as_bytes());
    let told =
        find(r#"{"inputTokens":3,"outputTokens":5,"totalTokens":108,"cacheReadInputTokens":100}"#).unwrap();
    assert_eq!((told.total(), told.cache_read), (108, 100));
    let written = find(
        r#"{"inputTokens":3,"outputTokens":5,"cacheWriteInputTokens":70,"cacheDetails":[{"ttl":"1h","inputTokens":50},{"ttl":"5m","inputTokens":20}]}"#,
    );
    let expected = Usage { input: 3, cache_write_5m: 20, cache_write_1h: 50, output: 5, ..Usage::default() };
    assert_eq!(written, Some(expected));
    assert_eq!(find(r#"{"input":{"usage":{"a":1}}}"#), None);
}

#[test]
fn a_block_of_another_kind_ends_the_one_in_its_place() {
    let mut parser = BedrockConverse.stream_parser();
    let mut events = Vec::new();
    for (name, data) in [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm."}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Yes."}}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
    ] {
        parser.push(Some(name), data.as_bytes(), &mut events);
    }
    parser.finish(&mut events);
    assert_eq!(events.last(), Some(&Event::End));
    let reply: Reply = crate::ir::fold::fold(events).unwrap();
    let [thought, text] = reply.candidates[0].blocks.as_slice() else { panic!("{reply:?}") };
    assert!(matches!(&thought.content, Content::Reasoning(thought) if thought.text == "Hm."));
    assert_eq!(text.as_text(), Some("Yes."));
}
