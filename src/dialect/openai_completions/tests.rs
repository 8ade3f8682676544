use http::HeaderMap;

use super::*;
use crate::catalog::House;
use crate::dialect::{Framing, codec};
use crate::ir::{Dialect, FinishReason, Sampling};

fn read(body: &str) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    OpenaiCompletions
        .parse_request(&Head { path: "/v1/completions", query: "", headers: &headers }, body.as_bytes())
}

#[test]
fn a_prompt_is_what_a_user_says() {
    for prompt in [r#""Say hi""#, r#"["Say hi"]"#] {
        let request =
            read(&format!(r#"{{"model":"m","prompt":{prompt},"max_tokens":7,"logprobs":2,"n":3}}"#));
        let request = request.unwrap();
        assert_eq!(request.turns.len(), 1);
        assert_eq!(request.turns[0].blocks[0].as_text(), Some("Say hi"));
        let expected = Sampling {
            max_tokens: Some(7),
            logprobs: Some(true),
            top_logprobs: Some(2),
            candidates: Some(3),
            ..Sampling::default()
        };
        assert_eq!(request.sampling, expected);
    }
}

#[test]
fn what_only_a_server_of_prompts_can_take_is_refused_elsewhere() {
    for prompt in ["[1,2,3]", "[[1,2],[3]]", r#"["a","b"]"#] {
        let wrong = read(&format!(r#"{{"model":"m","prompt":{prompt}}}"#)).unwrap_err();
        assert_eq!(wrong.param, "prompt");
        assert!(wrong.message.contains("one string"), "{}", wrong.message);
    }
    assert_eq!(read(r#"{"model":"m"}"#).unwrap_err().param, "prompt");
    assert_eq!(read(r#"{"prompt":"a"}"#).unwrap_err().param, "model");
}

#[test]
fn what_a_chat_cannot_be_asked_is_a_loss_there() {
    let request =
        read(r#"{"model":"m","prompt":"a","suffix":"b","echo":true,"best_of":3,"user":"u"}"#).unwrap();
    let mut losses = Losses::new();
    let profile = Profile::norm(Dialect::OpenaiChat, House::Compatible);
    codec(Dialect::OpenaiChat).render_request(&request, "m", &profile, &mut losses);
    let lost: Vec<_> = losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(lost, ["suffix", "echo", "best_of"]);
    let request = read(r#"{"model":"m","prompt":"a","suffix":null,"echo":false,"best_of":1}"#).unwrap();
    assert!(request.extras.is_empty());
}

#[test]
fn log_probabilities_change_their_shape_and_come_back() {
    const OLD: &str = r#"{"tokens":[" a","\nb"],"token_logprobs":[-0.5,-1.25],"top_logprobs":[{" a":-0.5," c":-2},{"\nb":-1.25}],"text_offset":[0,2]}"#;
    let body =
        format!(r#"{{"choices":[{{"text":" a\nb","index":0,"logprobs":{OLD},"finish_reason":"length"}}]}}"#);
    let reply = OpenaiCompletions.parse_reply(body.as_bytes()).unwrap();
    let hub = reply.candidates[0].logprobs.clone().unwrap();
    assert!(hub.starts_with(
        r#"{"content":[{"token":" a","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":" a","#
    ));
    let seed = Seed {
        id: "1".into(),
        created: 1,
        model: "m".into(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    };
    let said = OpenaiCompletions.render_reply(&reply, &seed, &mut Losses::new());
    assert!(String::from_utf8(said).unwrap().contains(OLD));
}

#[test]
fn a_stream_tells_where_its_tokens_stand_in_the_whole_text() {
    let seed = Seed {
        id: "1".into(),
        created: 1,
        model: "m".into(),
        input_tokens: 0,
        asked: <_>::default(),
        kept: false,
    };
    let mut renderer =
        OpenaiCompletions.stream_renderer(&seed, StreamShape { framing: Framing::Sse, usage: false });
    let mut out = Vec::new();
    for token in ["é", "bc", "d"] {
        let json = format!(r#"{{"content":[{{"token":"{token}","logprob":-1,"top_logprobs":[]}}]}}"#);
        let event = crate::ir::Event::Logprobs { candidate: 0, json };
        renderer.push(&event, &mut out, &mut Losses::new());
    }
    let out = String::from_utf8(out).unwrap();
    for offset in ["[0]", "[1]", "[3]"] {
        assert!(out.contains(&format!(r#""text_offset":{offset}"#)), "{out}");
    }
}

#[test]
fn triton_s_pieces_come_to_its_whole_answer() {
    let said = |text: &str| format!(r#"{{"model_name":"m","model_version":"1","text_output":"{text}"}}"#);
    for pieces in [&["", "a", "b", ""][..], &["", ""], &["ab"]] {
        let (mut parser, mut events) = (OpenaiCompletions.stream_parser(), Vec::new());
        for piece in pieces {
            parser.push(None, said(piece).as_bytes(), &mut events);
        }
        parser.finish(&mut events);
        let whole = OpenaiCompletions.parse_reply(said(&pieces.concat()).as_bytes()).unwrap();
        assert_eq!(crate::ir::fold::fold(events).unwrap(), whole, "{pieces:?}");
    }
}

#[test]
fn an_answer_in_the_shape_of_a_chat_is_text_too() {
    let fim = br#"{"id":"1","object":"chat.completion","created":1,"model":"codestral-latest","choices":[{"index":0,"message":{"role":"assistant","content":"return a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}}"#;
    let reply = OpenaiCompletions.parse_reply(fim).unwrap();
    assert_eq!(reply.candidates[0].blocks[0].as_text(), Some("return a"));
    assert_eq!(reply.candidates[0].finish.as_ref().unwrap().reason, FinishReason::Stop);
}
