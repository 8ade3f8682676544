//! Answers are held to the form that their request asks for.

use serde_json::{Value, json};

use super::{MODELS, setup};
use crate::harness::{CLIENTS, Client, Gateway, Reply, Setup, mock, post};

const WELL: &str = "{\"city\": \"Paris\", \"size\": 3}";
const ILL: &str = "{\"city\": \"Paris\"}";

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["city", "size"], "additionalProperties": false})
}

/// Asks for this form and this answer.
fn ask(gateway: &Gateway, client: Option<Client>, model: &str, stream: bool, said: &str) -> Reply {
    let text = format!("#mock echo\n{said}");
    let Some(client) = client else {
        let format = json!({"format": {"type": "json_schema", "name": "city", "schema": schema()}});
        let body = json!({"model": model, "stream": stream, "input": text, "text": format});
        return gateway.ask(&post("/v1/responses").json(&body));
    };
    let mut body = client.question(model, &text, stream);
    match client {
        Client::Openai => {
            body["response_format"] =
                json!({"type": "json_schema", "json_schema": {"name": "city", "schema": schema()}});
        }
        Client::Anthropic => {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema()}});
        }
        Client::Gemini => {
            body["generationConfig"] =
                json!({"responseMimeType": "application/json", "responseJsonSchema": schema()});
        }
    }
    let request = post(&client.path(model, stream)).json(&body);
    gateway.ask(&if client == Client::Anthropic {
        request.header("anthropic-version", "2023-06-01")
    } else {
        request
    })
}

#[test]
fn an_answer_without_its_form_is_told_of_in_every_dialect_streamed_or_not() {
    let mock = mock();
    let gateway = setup(&mock, "form: {detect: [schema], action: tag}");
    let verdict =
        json!([{"guard": "form", "rule": "schema/required", "action": "tag", "on": "answer", "count": 1}]);
    for client in CLIENTS.into_iter().map(Some).chain([None]) {
        for model in MODELS {
            for stream in [false, true] {
                let ill = ask(&gateway, client, model, stream, ILL).ok();
                assert_eq!(gateway.line(&ill)["guards"], verdict, "{client:?} {model} {stream}");
                assert!(ill.text().contains("Paris"), "{client:?} {model} {stream}");
                if !stream {
                    assert_eq!(ill.header("x-tollgate-guards"), Some("form/schema/required=tag;answer;1"));
                }
                let well = ask(&gateway, client, model, stream, WELL).ok();
                assert!(
                    gateway.line(&well)["guards"].as_array().is_none_or(Vec::is_empty),
                    "{client:?} {model} {stream}"
                );
            }
        }
    }
}

#[test]
fn an_answer_without_its_form_is_ended_where_a_guard_says_so() {
    let mock = mock();
    let gateway = setup(&mock, "form: {detect: [schema], action: block, on: [answer]}");
    let plain = Setup::new(&mock).start();
    for client in CLIENTS.into_iter().map(Some).chain([None]) {
        for model in MODELS {
            let whole = ask(&gateway, client, model, false, ILL);
            assert_eq!(whole.status, 400, "{client:?} {model} {}", whole.text());
            assert!(whole.text().contains("schema/required"), "{}", whole.text());
            let stream = ask(&gateway, client, model, true, ILL);
            let text = stream.text();
            assert!(text.contains("schema/required"), "{client:?} {model}: {text}");
            // Nothing that says that it ended well.
            for end in [
                "\"finish_reason\":\"stop\"",
                "\"finishReason\":\"STOP\"",
                "message_stop",
                "response.completed",
            ] {
                assert!(!text.replace(": ", ":").contains(end), "{client:?} {model}: {text}");
            }
            ask(&gateway, client, model, false, WELL).ok();
            let well = ask(&gateway, client, model, true, WELL).ok().text();
            let as_ever = ask(&plain, client, model, true, WELL).ok().text();
            assert_eq!(
                well.matches("data:").count(),
                as_ever.matches("data:").count(),
                "{client:?} {model}: {well}"
            );
        }
    }
}

#[test]
fn what_was_asked_for_in_no_form_has_any() {
    let mock = mock();
    let gateway = setup(&mock, "form: {detect: [schema], action: block, on: [answer]}");
    for client in CLIENTS {
        for stream in [false, true] {
            let text = "#mock echo\nno JSON at all";
            let request =
                if stream { client.stream(client.model(), text) } else { client.whole(client.model(), text) };
            gateway.ask(&request).ok();
        }
    }
    let body = json!({"model": "gpt-4o-mini", "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "#mock echo\nno JSON at all"}]});
    assert_eq!(gateway.ask(&post("/v1/chat/completions").json(&body)).status, 400);
}
