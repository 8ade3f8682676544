//! Traces and metrics by OTLP over real sockets: what a collector hears.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cached::cold;
use crate::harness::{
    CLIENTS, Client, Collector, Gateway, Heard, PATIENCE, Provider, Setup, Then, closed_port, json_reply,
    mock, mock_page, post, wait,
};

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const INTERNAL: u64 = 1;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn traced(mock: &tollgate::mock::Mock, collector: &Collector) -> Setup {
    Setup::new(mock)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.addr()))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

fn start(mock: &tollgate::mock::Mock, collector: &Collector) -> Gateway {
    traced(mock, collector).start()
}

#[test]
fn every_dialect_whole_or_streamed_has_a_span_and_its_attempt() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = start(&mock, &collector);
    for client in CLIENTS {
        for target in CLIENTS {
            for stream in [false, true] {
                let model = target.model();
                let text = "#mock tokens=5";
                let request = if stream { client.stream(model, text) } else { client.whole(model, text) };
                let reply = gateway.ask(&request).ok();
                let line = gateway.line(&reply);
                let trace = collector.trace(&reply.id());
                let [own, attempt] = trace.as_slice() else { panic!("{trace:#?}") };
                assert_eq!((own.kind, own.parent.as_str()), (SERVER, ""));
                assert_eq!(
                    (line["trace_id"].as_str(), line["span_id"].as_str()),
                    (Some(&*own.trace), Some(&*own.id))
                );
                assert_eq!(own.name, format!("chat {model}"));
                assert_eq!(own.text("gen_ai.operation.name"), "chat");
                assert_eq!(own.text("gen_ai.request.model"), model);
                assert_eq!(own.text("http.request.method"), "POST");
                for name in ["input_tokens", "output_tokens"] {
                    let name = format!("gen_ai.usage.{name}");
                    assert_eq!(own.attributes[&name], line[&name], "{own:?}");
                }
                let cost: f64 = line["cost_usd"].as_str().unwrap().parse().unwrap();
                assert!((own.number("tollgate.cost.usd") - cost).abs() < 1e-12);
                assert_eq!(own.number("http.response.status_code"), 200.0);
                assert!(!own.text("gen_ai.response.id").is_empty());
                assert!(!own.text("gen_ai.response.model").is_empty());
                assert_eq!(own.attributes["gen_ai.response.finish_reasons"].as_array().unwrap().len(), 1);
                assert_eq!(own.failure, None);
                assert_eq!(own.attributes.contains_key("gen_ai.response.time_to_first_chunk"), stream);
                assert_eq!(own.events.contains(&"tollgate.first_chunk".to_owned()), stream);
                assert_eq!(own.resource["service.name"], "tollgate");
                assert_eq!(own.flags & 0x301, 0x101);
                assert_eq!(attempt.kind, CLIENT);
                assert_eq!(attempt.text("tollgate.provider.name"), target.vendor());
                assert_eq!(attempt.number("server.port"), f64::from(mock.addr().port()));
                assert_eq!(attempt.number("http.response.status_code"), 200.0);
                let told = mock_page(&mock, "last")["headers"]["traceparent"].clone();
                assert_eq!(told, format!("00-{}-{}-01", own.trace, attempt.id));
            }
        }
    }
}

#[test]
fn a_clients_trace_is_continued_and_its_word_holds() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = start(&mock, &collector);
    let ask = |parent: &str| {
        let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=1");
        let reply = gateway.ask(&request.header("traceparent", parent).header("tracestate", "a=1,b=2")).ok();
        (reply.id(), mock_page(&mock, "last")["headers"].clone())
    };
    let (unheard, headers) = ask(&PARENT.replace("-01", "-00"));
    assert!(headers["traceparent"].as_str().unwrap().ends_with("-00"));
    let (heard, headers) = ask(PARENT);
    let trace = collector.trace(&heard);
    assert_eq!(trace[0].trace, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(trace[0].parent, "b7ad6b7169203331");
    assert_eq!(trace[0].flags & 0x301, 0x301);
    assert_eq!(trace[0].state, "a=1,b=2");
    assert_eq!(headers["tracestate"], "a=1,b=2");
    assert_eq!(headers["traceparent"], format!("00-{}-{}-01", trace[0].trace, trace[1].id));
    // What is malformed begins a trace of our own.
    let (fresh, headers) = ask("00-xyz-01");
    let trace = collector.trace(&fresh);
    assert_eq!((trace[0].parent.as_str(), trace[0].state.as_str()), ("", ""));
    assert_eq!(headers.get("tracestate"), None);
    let told = |id: &str| {
        collector.spans().iter().any(|span| span.attributes.get("tollgate.request.id") == Some(&id.into()))
    };
    assert!(told(&heard) && !told(&unheard));
}

#[test]
fn each_attempt_has_a_span_that_says_what_became_of_it() {
    let (mock, collector) = (mock(), Collector::start());
    let first = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(503, "{\"error\":{\"message\":\"no\"}}"));
        Then::Keep
    });
    let gateway = traced(&mock, &collector)
        .provider(&format!(
            "first: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_key: k}}",
            first.addr
        ))
        .provider(&format!(
            "second: {{vendor: custom, base_url: \"http://{}/v1\", models: [m], api_key: k}}",
            closed_port()
        ))
        .yaml("routes:\n  all: {targets: [first/m, second/m, openai/gpt-4o-mini]}")
        .start();
    let reply = gateway.ask(&Client::Openai.whole("all", "#mock tokens=2")).ok();
    let trace = collector.trace(&reply.id());
    let [own, one, two, three] = trace.as_slice() else { panic!("{trace:#?}") };
    assert_eq!(own.number("tollgate.attempts"), 3.0);
    assert_eq!(own.text("gen_ai.provider.name"), "openai");
    assert_eq!((one.text("error.type"), one.number("http.response.status_code")), ("503", 503.0));
    assert!(one.failure.is_some() && two.failure.is_some() && three.failure.is_none());
    assert_eq!((two.text("tollgate.provider.name"), two.text("error.type")), ("second", "bad_gateway"));
    assert_eq!(
        (two.number("http.request.resend_count"), three.number("http.request.resend_count")),
        (1.0, 2.0)
    );
    assert!(!one.attributes.contains_key("http.request.resend_count"));
    assert!(one.ended <= two.began && two.ended <= three.began);
    let head = &first.heard()[0].head;
    assert!(head.contains(&format!("traceparent: 00-{}-{}-01", own.trace, one.id)), "{head}");
}

#[test]
fn the_cache_and_guards_have_spans_where_they_take_part() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = traced(&mock, &collector)
        .yaml("cache: {mode: exact}")
        .yaml("guards: {pii: {detect: [pii], action: mask, on: [request]}, keys: {detect: [secrets], action: block}}")
        .start();
    let question = cold("#mock tokens=2 to anna.berg@example.com");
    let miss = gateway.ask(&question).ok();
    let trace = collector.trace(&miss.id());
    let kinds: Vec<_> = trace.iter().map(|span| (span.kind, span.name.as_str())).collect();
    let attempt = (CLIENT, "chat gpt-4o-mini");
    assert_eq!(kinds[1..], [(INTERNAL, "guard request"), (INTERNAL, "look up cache"), attempt]);
    assert_eq!(trace[1].attributes["tollgate.guard.findings"], json!(["pii/email"]));
    assert_eq!(trace[2].text("tollgate.cache.tier"), "miss");
    assert_eq!(trace[0].events, ["tollgate.guard.finding"]);
    let hit = gateway.ask(&question).ok();
    let trace = collector.trace(&hit.id());
    assert!(trace.iter().all(|span| span.kind != CLIENT), "{trace:#?}");
    assert_eq!(trace[0].text("tollgate.cache.tier"), "exact");
    assert_eq!(
        (trace[0].number("tollgate.cost.usd"), trace[0].number("tollgate.saved.usd") > 0.0),
        (0.0, true)
    );
    let blocked = gateway.ask(&cold("my token is ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"));
    let trace = collector.trace(&blocked.id());
    assert_eq!(trace.len(), 2);
    assert_eq!(trace[0].text("error.type"), "content_policy");
    assert_eq!(trace[1].attributes["tollgate.guard.findings"], json!(["keys/github-token"]));
    let said = format!("{:?}", collector.spans());
    assert!(!said.contains("anna.berg") && !said.contains("ghp_"), "no content is told");
}

#[test]
fn a_client_that_leaves_ends_its_span() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = start(&mock, &collector);
    let mut conn = gateway.conn();
    let request = Client::Openai.stream("gpt-4o-mini", "#mock tokens=4000 rate=200");
    conn.send(&[request.head(), request.body].concat());
    let head = conn.head();
    drop(conn);
    let trace = collector.trace(head.header("x-request-id").unwrap());
    assert_eq!(trace[0].text("tollgate.outcome"), "client_gone");
    assert_eq!(trace[0].failure, None);
    assert!(trace[1].ended > trace[1].began);
}

#[test]
fn a_part_of_all_traces_is_told_and_failures_in_any_case() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = traced(&mock, &collector)
        .env("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .env("TOLLGATE_OTLP_ERRORS", "true")
        .start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    let told = mock_page(&mock, "last")["headers"]["traceparent"].as_str().unwrap().to_owned();
    assert!(told.ends_with("-00"), "{told}");
    let failed = gateway.ask(&post("/v1/chat/completions").body("{"));
    assert_eq!(collector.trace(&failed.id())[0].text("error.type"), "invalid_request");
    let asked = Client::Openai.whole("gpt-4o-mini", "#mock tokens=1").header("traceparent", PARENT);
    let sampled = gateway.ask(&asked).ok();
    assert_eq!(collector.trace(&sampled.id()).len(), 2);
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn spans_go_as_json_packed_and_with_credentials_too() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = traced(&mock, &collector)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20c2VjcmV0,x-team=a")
        .env("OTEL_SERVICE_NAME", "door")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.name=other")
        .start();
    let reply = gateway.ask(&Client::Openai.stream("gpt-4o-mini", "#mock tokens=3")).ok();
    let trace = collector.trace(&reply.id());
    assert_eq!(trace.len(), 2);
    assert_eq!(trace[0].attributes["gen_ai.request.stream"], true);
    assert_eq!(trace[0].resource["service.name"], "door");
    assert_eq!(trace[0].resource["deployment.environment.name"], "test");
    let head = &collector.heard()[0].head;
    assert!(head.contains("authorization: basic c2vjcmv0") && head.contains("x-team: a"), "{head}");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let shown = gateway.admin_page("/status").text() + &gateway.said().join("\n");
    assert!(!shown.contains("c2VjcmV0"), "{shown}");
}

#[test]
fn a_busy_collector_is_asked_again_and_another_is_not() {
    let (mock, busy) = (mock(), Collector::saying(|number| if number == 0 { 503 } else { 200 }));
    let gateway = start(&mock, &busy);
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    assert_eq!(busy.trace(&reply.id()).len(), 2);
    gateway.wait_metric("tollgate_spans_sent_total", &[], 2.0);
    assert_eq!(gateway.metric("tollgate_spans_dropped_total", &[]), 0.0);
    let strict = Collector::saying(|_| 400);
    let gateway = start(&mock, &strict);
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    gateway.wait_metric("tollgate_spans_dropped_total", &[], 2.0);
    assert_eq!(strict.heard().len(), 1);
    gateway.wait_said("did not take them: it said 400");
}

#[test]
fn a_collector_that_says_nothing_slows_nobody_and_what_has_no_room_is_counted() {
    let mock = mock();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Setup::new(&mock)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", silent.local_addr().unwrap()))
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("TOLLGATE_OTLP_QUEUE", "16KiB")
        .start();
    let begun = Instant::now();
    let mut conn = gateway.conn();
    for _ in 0..50 {
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    wait("spans to be dropped", Duration::from_secs(5), || {
        (gateway.metric("tollgate_spans_dropped_total", &[]) > 20.0).then_some(())
    });
}

#[test]
fn the_last_spans_are_sent_while_the_process_ends() {
    let (mock, collector) = (mock(), Collector::start());
    let mut gateway = Setup::new(&mock)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.addr()))
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    assert!(collector.spans().is_empty());
    gateway.signal("TERM");
    assert!(gateway.wait_end(Duration::from_secs(10)).success());
    assert_eq!(collector.trace(&reply.id()).len(), 2);
}

#[test]
fn metrics_go_the_same_way_under_the_conventions_names() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = traced(&mock, &collector).env("OTEL_METRIC_EXPORT_INTERVAL", "100").start();
    for _ in 0..3 {
        gateway.ask(&Client::Openai.stream("gpt-4o-mini", "#mock tokens=5")).ok();
    }
    let requests = wait("the metrics", PATIENCE, || {
        collector.points("tollgate_requests_total").into_iter().find(|point| point.value == 3.0)
    });
    assert_eq!((requests.kind, requests.unit.as_str()), ("sum", "1"));
    assert_eq!(requests.attributes["gen_ai.provider.name"], "openai");
    assert_eq!(requests.attributes["outcome"], "answered");
    let lasted = &collector.points("gen_ai.client.operation.duration")[0];
    assert_eq!((lasted.kind, lasted.unit.as_str(), lasted.value), ("histogram", "s", 3.0));
    assert_eq!(lasted.attributes["gen_ai.request.model"], "gpt-4o-mini");
    assert_eq!(lasted.spread.0, lasted.spread.1 + 1);
    let tokens = collector.points("gen_ai.client.token.usage");
    let kinds: Vec<_> = tokens.iter().map(|point| point.attributes["gen_ai.token.type"].clone()).collect();
    assert!(kinds.contains(&json!("input")) && kinds.contains(&json!("output")), "{kinds:?}");
    assert_eq!(collector.points("tollgate_config_generation")[0].kind, "gauge");
    assert_eq!(collector.points("tollgate_cost_usd_total")[0].unit, "USD");
}

#[test]
fn without_a_collector_the_clients_trace_goes_on_as_it_came() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1").header("traceparent", PARENT)).ok();
    assert_eq!(mock_page(&mock, "last")["headers"]["traceparent"], PARENT);
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=1")).ok();
    assert_eq!(mock_page(&mock, "last")["headers"].get("traceparent"), None);
}

#[test]
fn what_is_said_is_told_in_every_dialect_where_an_operator_wants_that() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = traced(&mock, &collector)
        .env("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
        .yaml("cache: {mode: exact}")
        .yaml("guards: {pii: {detect: [email], action: mask_and_restore}}")
        .start();
    let told = |id: &str| {
        let own = &collector.trace(id)[0];
        let read = |name: &str| serde_json::from_str::<serde_json::Value>(own.text(name)).unwrap();
        (read("gen_ai.input.messages"), read("gen_ai.output.messages"))
    };
    let words = "#mock echo\nwrite to anna@example.org";
    for client in CLIENTS {
        for target in CLIENTS {
            for stream in [false, true] {
                let model = target.model();
                let request = if stream { client.stream(model, words) } else { client.whole(model, words) };
                let reply = gateway.ask(&request).ok();
                assert!(reply.text().contains("anna@example.org"), "{}", reply.text());
                let (asked, answered) = told(&reply.id());
                let said = &asked[0]["parts"][0];
                assert_eq!((&asked[0]["role"], &said["type"]), (&json!("user"), &json!("text")), "{asked}");
                assert!(said["content"].as_str().unwrap().starts_with("#mock echo\nwrite to "), "{asked}");
                let own = &answered[0];
                assert_eq!(
                    (&own["role"], &own["finish_reason"]),
                    (&json!("assistant"), &json!("stop")),
                    "{answered}"
                );
                assert!(own["parts"][0]["content"].as_str().unwrap().contains("write to "), "{answered}");
                assert!(!format!("{asked}{answered}").contains("anna@example.org"), "{asked} {answered}");
            }
        }
    }
    let tool = json!({"type": "function", "function": {"name": "f", "description": "d",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}});
    let body = json!({"model": "claude-sonnet-4-5", "tools": [tool], "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "#mock tool"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
        {"role": "assistant", "tool_calls": [{"id": "one", "type": "function",
            "function": {"name": "f", "arguments": "{\"a\":\"b\"}"}}]},
        {"role": "tool", "tool_call_id": "one", "content": "done"}]});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let own = &collector.trace(&reply.id())[0];
    let (asked, _) = told(&reply.id());
    assert_eq!(asked[0]["parts"][1]["modality"], "image");
    assert_eq!(asked[1]["parts"][0]["arguments"], json!({"a": "b"}));
    assert_eq!(asked[2]["role"], "tool");
    assert_eq!(asked[2]["parts"][0], json!({"type": "tool_call_response", "id": "one", "response": "done"}));
    assert!(own.text("gen_ai.system_instructions").contains("be kind"));
    assert!(own.text("gen_ai.tool.definitions").contains("\"parameters\""));
    assert!(
        !own.text("gen_ai.input.messages").contains("iVBOR")
            && !own.attributes.contains_key("tollgate.content.cut")
    );
    let long = Client::Openai.stream("gpt-4o-mini", &format!("#mock tokens=3 {}", "word ".repeat(40_000)));
    let own = &collector.trace(&gateway.ask(&long).ok().id())[0];
    assert!(own.text("gen_ai.input.messages").len() < 70_000);
    assert_eq!(own.attributes["tollgate.content.cut"], true);
}

#[test]
fn nothing_that_is_said_is_told_unasked() {
    let (mock, collector) = (mock(), Collector::start());
    let gateway = start(&mock, &collector);
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock echo\na-word-of-ours")).ok();
    let trace = collector.trace(&reply.id());
    assert!(!format!("{trace:?}").contains("a-word-of-ours"), "{trace:?}");
}
