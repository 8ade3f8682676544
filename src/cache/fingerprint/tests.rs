use http::HeaderMap;

use super::*;
use crate::dialect::{Head, codec};
use crate::ir::embed::Encoding;

const KEY: [u8; 32] = [3; 32];
static BASE: Base = Base { tls: true, host: String::new(), port: 443, path: String::new() };
const REALM: Realm<'static> =
    Realm { scope: "key:web", namespace: "", targets: &[("openai", "gpt-4o", &BASE)], strictly: None };

fn parsed(dialect: Dialect, path: &str, body: &str) -> Request {
    let headers = HeaderMap::new();
    codec(dialect).parse_request(&Head { path, query: "", headers: &headers }, body.as_bytes()).unwrap()
}

fn chat(body: &str) -> Fingerprint {
    of_request(&KEY, &REALM, &parsed(Dialect::OpenaiChat, "/v1/chat/completions", body))
}

const PLAIN: &str = r#"{"model":"m","temperature":0,"max_tokens":100,"messages":[
    {"role":"system","content":"Be brief."},{"role":"user","content":"What is Go?"}]}"#;

#[test]
fn the_same_question_is_one_in_every_dialect() {
    let dialects = [
        (
            Dialect::AnthropicMessages,
            "/v1/messages",
            r#"{"system":"Be brief.","max_tokens":100,"temperature":0.0,"model":"m",
                "messages":[{"content":[{"type":"text","text":"What is Go?"}],"role":"user"}]}"#,
        ),
        (
            Dialect::OpenaiResponses,
            "/v1/responses",
            r#"{"model":"m","instructions":"Be brief.","input":"What is Go?","max_output_tokens":1e2,
                "temperature":0,"store":false,"stream":true}"#,
        ),
        (
            Dialect::GeminiGenerate,
            "/v1beta/models/m:generateContent",
            r#"{"systemInstruction":{"parts":[{"text":"Be brief."}]},
                "contents":[{"role":"user","parts":[{"text":"What is Go?"}]}],
                "generationConfig":{"temperature":0,"maxOutputTokens":100}}"#,
        ),
        (
            Dialect::BedrockConverse,
            "/model/m/converse",
            r#"{"system":[{"text":"Be brief."}],"messages":[{"role":"user","content":[{"text":"What is Go?"}]}],
                "inferenceConfig":{"maxTokens":100,"temperature":0}}"#,
        ),
        (
            Dialect::CohereChat,
            "/v2/chat",
            r#"{"model":"m","temperature":0,"max_tokens":100,"messages":[
                {"role":"system","content":"Be brief."},{"role":"user","content":"What is Go?"}]}"#,
        ),
        (
            Dialect::OllamaChat,
            "/api/chat",
            r#"{"model":"m","options":{"temperature":0,"num_predict":100},"messages":[
                {"role":"system","content":"Be brief."},{"role":"user","content":"What is Go?"}]}"#,
        ),
    ];
    for (dialect, path, body) in dialects {
        assert_eq!(of_request(&KEY, &REALM, &parsed(dialect, path, body)), chat(PLAIN), "{dialect:?}");
    }
}

#[test]
fn how_it_is_written_and_on_whose_behalf_changes_nothing() {
    for body in [
        r#"{"messages":[{"content":"Be brief.","role":"system"},{"content":"What is Go?","role":"user"}],
            "max_completion_tokens":100.0,"temperature":0.0,"model":"other"}"#,
        r#"{"model":"m","temperature":-0.0,"max_tokens":1e2,"stream":true,"stream_options":{"include_usage":true},
            "messages":[{"role":"system","content":"Be\u0020brief."},{"role":"user","content":"What is Go?"}]}"#,
        r#"{"model":"m","temperature":0,"max_tokens":100,"user":"ann","metadata":{"a":"b"},"n":1,"logprobs":false,
            "service_tier":"flex","safety_identifier":"x","prompt_cache_key":"k","frequency_penalty":0,
            "presence_penalty":0.0,"response_format":{"type":"text"},"store":true,
            "messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"What is Go?"}]}]}"#,
    ] {
        assert_eq!(chat(body), chat(PLAIN), "{body}");
    }
}

const TOOLS: &str = r#"{"model":"m","messages":[{"role":"user","content":"Go"},
    {"role":"assistant","content":null,"tool_calls":[{"id":"call_A","type":"function",
        "function":{"name":"f","arguments":"{\"a\":1,\"b\":[2.50]}"}}]},
    {"role":"tool","tool_call_id":"call_A","content":"done"}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":
        {"type":"object","properties":{"a":{"type":"integer","minimum":1},"b":{"type":"array"}}}}}]}"#;

#[test]
fn inside_schemas_arguments_and_unknown_members_order_space_and_ids_change_nothing() {
    let same = r#"{"tools":[{"function":{"parameters":
            {"properties":{"b":{"type":"array"},"a":{"minimum":1.0,"type":"integer"}},"type":"object"},
            "description":"d","name":"f"},"type":"function"}],"tool_choice":"auto","model":"m",
        "messages":[{"role":"user","content":"Go"},
        {"role":"assistant","tool_calls":[{"id":"call_other","type":"function",
            "function":{"name":"f","arguments":" { \"b\" : [25e-1], \"a\":1e0 } "}}]},
        {"role":"tool","tool_call_id":"call_other","content":"done"}]}"#;
    assert_eq!(chat(same), chat(TOOLS));
    let anthropic = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Go"},
        {"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"b":[2.5],"a":1}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"done"}]}],
        "tools":[{"name":"f","description":"d","input_schema":
            {"type":"object","properties":{"a":{"type":"integer","minimum":1},"b":{"type":"array"}}}}]}"#;
    let anthropic = of_request(&KEY, &REALM, &parsed(Dialect::AnthropicMessages, "/v1/messages", anthropic));
    assert_eq!(anthropic, chat(&TOOLS.replacen('{', r#"{"max_tokens":9,"#, 1)));
    let extra = |value: &str| chat(&PLAIN.replacen('{', &format!(r#"{{"x_new":{value},"#), 1));
    assert_eq!(extra(r#"{"a":1,"b":2}"#), extra(r#"{ "b":2.0, "a":1 }"#));
    assert_ne!(extra(r#"{"a":1,"b":2}"#), extra(r#"{"a":2,"b":1}"#));
    assert_ne!(extra("9007199254740993"), extra("9007199254740992.0"));
    assert_eq!(extra("18446744073709551616"), extra("18446744073709551616"));
    assert_ne!(extra("18446744073709551616"), extra("18446744073709551617"));
    assert_ne!(extra("[[],[]]"), extra("[[[]]]"));
}

#[test]
fn everything_that_changes_the_answer_changes_the_number() {
    let mut seen = vec![chat(PLAIN), chat(TOOLS)];
    let with = |member: &str| chat(&PLAIN.replacen('{', &format!("{{{member},"), 1));
    for member in [
        r#""top_p":0.5"#,
        r#""seed":1"#,
        r#""seed":0"#,
        r#""stop":["a"]"#,
        r#""stop":["a","b"]"#,
        r#""stop":["ab"]"#,
        r#""n":2"#,
        r#""logprobs":true"#,
        r#""logprobs":true,"top_logprobs":2"#,
        r#""frequency_penalty":0.5"#,
        r#""presence_penalty":0.5"#,
        r#""logit_bias":{"1":2}"#,
        r#""reasoning_effort":"low""#,
        r#""reasoning_effort":"high""#,
        r#""verbosity":"low""#,
        r#""response_format":{"type":"json_object"}"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}"#,
        r#""response_format":{"type":"json_schema","json_schema":{"name":"b","schema":{"type":"object"}}}"#,
        r#""tools":[{"type":"function","function":{"name":"f"}}]"#,
        r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#,
        r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none""#,
        r#""tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false"#,
        r#""tools":[{"type":"custom","custom":{"name":"f"}}]"#,
        r#""x_new":true"#,
    ] {
        seen.push(with(member));
    }
    for (from, to) in [
        (r#""temperature":0"#, r#""temperature":0.1"#),
        (r#""temperature":0,"#, ""),
        (r#""max_tokens":100"#, r#""max_tokens":101"#),
        ("What is Go?", "What is Rust?"),
        ("What is Go?", "what is Go?"),
        ("Be brief.", "Be brief"),
        (r#"{"role":"system","content":"Be brief."},"#, ""),
        (r#""role":"system","content":"Be brief.""#, r#""role":"user","content":"Be brief.""#),
        (r#""role":"system","content":"Be brief.""#, r#""role":"assistant","content":"Be brief.""#),
        (r#""content":"What is Go?""#, r#""name":"ann","content":"What is Go?""#),
        (
            r#""content":"What is Go?""#,
            r#""content":[{"type":"text","text":"What is Go?"},{"type":"image_url","image_url":{"url":"https://a/b.png"}}]"#,
        ),
    ] {
        assert!(PLAIN.contains(from), "{from}");
        seen.push(chat(&PLAIN.replacen(from, to, 1)));
    }
    for (from, to) in [("\\\"a\\\":1", "\\\"a\\\":2"), ("done", "failed"), ("\"minimum\":1", "\"minimum\":2")]
    {
        assert!(TOOLS.contains(from), "{from}");
        seen.push(chat(&TOOLS.replacen(from, to, 1)));
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "two of them are one");
}

#[test]
fn no_realm_shares_a_number_with_another() {
    let request = parsed(Dialect::OpenaiChat, "", PLAIN);
    let elsewhere = Base { port: 8443, ..BASE.clone() };
    let realms = [
        REALM,
        Realm { scope: "", ..REALM },
        Realm { scope: "key:we", namespace: "b", ..REALM },
        Realm { namespace: "b", ..REALM },
        Realm { targets: &[], ..REALM },
        Realm { targets: &[("openai", "gpt-4o", &elsewhere)], ..REALM },
        Realm { targets: &[("azure", "gpt-4o", &BASE)], ..REALM },
        Realm { targets: &[("openai", "gpt-4o", &BASE), ("azure", "gpt-4o", &BASE)], ..REALM },
        Realm { strictly: Some(Dialect::OpenaiChat), ..REALM },
    ];
    let mut seen: Vec<_> = realms.iter().map(|realm| of_request(&KEY, realm, &request)).collect();
    seen.push(of_request(&[4; 32], &REALM, &request));
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn one_input_is_the_same_among_whichever_others_and_however_its_vector_is_written() {
    let request = EmbedRequest { model: "m".into(), ..EmbedRequest::default() };
    let text = |text: &str| EmbedInput::Text(text.to_owned());
    let of = |request: &EmbedRequest, input: &EmbedInput| of_input(&KEY, &REALM, request, input);
    let plain = of(&request, &text("a"));
    let written = EmbedRequest {
        encoding: Encoding::Base64,
        single: true,
        user: Some("ann".into()),
        ..request.clone()
    };
    assert_eq!(of(&written, &text("a")), plain);
    let others = [
        of(&request, &text("b")),
        of(&request, &EmbedInput::Tokens(vec![97])),
        of(&EmbedRequest { dimensions: Some(8), ..request.clone() }, &text("a")),
        of(&EmbedRequest { task: Some("RETRIEVAL_QUERY".into()), ..request.clone() }, &text("a")),
        of(&EmbedRequest { title: Some("t".into()), ..request }, &text("a")),
    ];
    assert!(others.iter().all(|other| *other != plain), "{others:?}");
}

#[test]
fn what_else_is_to_be_in_an_answer_changes_the_number() {
    let with = |member: &str| {
        let body = format!(r#"{{"model":"m","input":"Why?"{member}}}"#);
        of_request(&KEY, &REALM, &parsed(Dialect::OpenaiResponses, "/v1/responses", &body))
    };
    let plain = with("");
    assert_eq!(with(r#","include":[]"#), plain);
    let mut seen = vec![plain];
    for member in [
        r#","include":["reasoning.encrypted_content"]"#,
        r#","include":["file_search_call.results"]"#,
        r#","reasoning":{"summary":"auto"}"#,
        r#","reasoning":{"summary":"detailed"}"#,
    ] {
        let number = with(member);
        assert!(!seen.contains(&number), "{member}");
        seen.push(number);
    }
}
