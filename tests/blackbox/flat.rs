//! Operations that are relayed: routed by their model, metered, and otherwise left alone.

use serde_json::json;

use crate::harness::{Conn, Gateway, Provider, Setup, Then, json_reply, mock, mock_page, post};

fn gateway(mock: &tollgate::mock::Mock) -> Gateway {
    Setup::new(mock).start()
}

#[test]
fn a_relayed_request_goes_to_its_model_s_provider_with_the_model_s_name_there() {
    let mock = mock();
    let gateway = gateway(&mock);
    let body = json!({"model": "openai/omni-moderation-latest", "input": ["I kill time", "hello"]});
    let reply = gateway.ask(&post("/v1/moderations").json(&body)).ok();
    let results = reply.json();
    assert_eq!(
        (&results["results"][0]["flagged"], &results["results"][1]["flagged"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(reply.header("x-tollgate-model"), Some("omni-moderation-latest"));
    let last = mock_page(&mock, "last");
    assert!(last.to_string().contains(r#"\"model\":\"omni-moderation-latest\""#), "{last}");
    let line = gateway.line(&reply);
    assert_eq!((&line["gen_ai.operation.name"], &line["verbatim"]), (&json!("moderation"), &json!(true)));
}

#[test]
fn an_operation_without_a_model_has_its_usual_one() {
    let mock = mock();
    let gateway = gateway(&mock);
    let reply = gateway.ask(&post("/v1/moderations").json(&json!({"input": "hello"}))).ok();
    assert_eq!(reply.json()["model"], "omni-moderation-latest");
    let missing = gateway.ask(&post("/v1/audio/speech").json(&json!({"input": "hello", "voice": "ash"})));
    assert_eq!((missing.status, &missing.json()["error"]["param"]), (400, &json!("model")));
}

#[test]
fn a_picture_s_tokens_are_counted_whole_and_streamed() {
    let mock = mock();
    let gateway = gateway(&mock);
    for stream in [false, true] {
        let body = json!({"model": "gpt-image-1", "prompt": "a cat on a mat", "stream": stream, "partial_images": 2});
        let reply = gateway.ask(&post("/v1/images/generations").json(&body)).ok();
        if stream {
            assert_eq!(reply.text().matches("event: image_generation.partial_image").count(), 2);
            assert!(reply.header("content-type").unwrap().starts_with("text/event-stream"));
        }
        let line = gateway.line(&reply);
        assert_eq!(line["gen_ai.usage.output_tokens"], 272, "{line}");
        assert_eq!((&line["usage_source"], &line["stream"]), (&json!("reported"), &json!(stream)));
        assert!(line["cost_usd"].is_string() && line["images"].is_null(), "{line}");
    }
}

#[test]
fn what_is_billed_by_number_is_counted_from_the_request() {
    let mock = mock();
    let gateway = gateway(&mock);
    let picture = json!({"model": "dall-e-3", "prompt": "a cat", "n": 2});
    let line = gateway.line(&gateway.ask(&post("/v1/images/generations").json(&picture)).ok());
    assert_eq!(
        (&line["images"], &line["cost_usd"], &line["usage_source"]),
        (&json!(2), &json!("0.08"), &json!("counted"))
    );
    let speech = json!({"model": "tts-1", "input": "grüß dich", "voice": "ash"});
    let line = gateway.line(&gateway.ask(&post("/v1/audio/speech").json(&speech)).ok());
    assert_eq!((&line["characters"], &line["cost_usd"]), (&json!(9), &json!("0.000135")));
    gateway.wait_metric("tollgate_units_total", &[("unit", "character")], 9.0);
    gateway.wait_metric("tollgate_units_total", &[("unit", "image")], 2.0);
    let refused = gateway
        .ask(&post("/v1/images/generations").json(&json!({"model": "dall-e-3", "prompt": "a", "n": 99})));
    assert!(gateway.line(&refused)["images"].is_null());
}

#[test]
fn speech_comes_as_bytes_or_as_events() {
    let mock = mock();
    let gateway = gateway(&mock);
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(40);
    let mut body = json!({"model": "gpt-4o-mini-tts", "input": text, "voice": "coral"});
    let reply = gateway.ask(&post("/v1/audio/speech").json(&body)).ok();
    assert_eq!((reply.header("content-type"), reply.text() == text), (Some("audio/mpeg"), true));
    body["stream_format"] = "sse".into();
    let reply = gateway.ask(&post("/v1/audio/speech").json(&body)).ok();
    assert!(reply.text().contains("speech.audio.done"));
    let line = gateway.line(&reply);
    assert!(line["gen_ai.usage.output_tokens"].as_u64() > Some(0), "{line}");
}

#[test]
fn a_relayed_request_is_tried_elsewhere_when_its_provider_fails() {
    let failing = Provider::start(|_, stream| {
        crate::harness::Heard::answer(stream, &json_reply(500, r#"{"error":{"message":"no"}}"#));
        Then::Keep
    });
    let mock = mock();
    let gateway = Setup::new(&mock)
        .provider(&format!(
            "broken: {{vendor: openai, base_url: \"http://{}/v1\", api_key: k}}",
            failing.addr
        ))
        .yaml("routes:\n  pictures: {targets: [broken/gpt-image-1, openai/gpt-image-1]}")
        .start();
    let body = json!({"model": "pictures", "prompt": "a cat"});
    let reply = gateway.ask(&post("/v1/images/generations").json(&body)).ok();
    assert_eq!(gateway.line(&reply)["attempts"], 2);
}

#[test]
fn an_error_of_a_relayed_operation_is_the_provider_s_own() {
    let mock = mock();
    let gateway = gateway(&mock);
    let body = json!({"model": "gpt-image-1", "prompt": "a cat", "n": 11});
    let reply = gateway.ask(&post("/v1/images/generations").json(&body));
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("n")));
    let wrong = gateway.ask(&crate::harness::get("/v1/audio/speech"));
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[test]
fn a_client_that_leaves_in_the_middle_of_speech_takes_its_request_along() {
    let mock = mock();
    let gateway = gateway(&mock);
    let text = "#mock rate=5\n".to_owned() + &"a long story ".repeat(200);
    let body = json!({"model": "gpt-4o-mini-tts", "input": text, "voice": "coral"});
    let mut conn: Conn = gateway.conn();
    let request = post("/v1/audio/speech").json(&body);
    conn.send(&[request.head(), request.framed_body()].concat());
    let mut head = conn.head();
    let _first = conn.piece(&mut head);
    conn.reset();
    gateway.wait_idle();
    let line = gateway.line_where("gen_ai.operation.name", "speech");
    assert_eq!(line["outcome"], "client_gone");
}
