//! Every token is counted once, and costs what the price list says.

use serde_json::{Value, json};

use crate::harness::{
    CLIENTS, Client, Gateway, Heard, Provider, Reply, Setup, Then, json_reply, mock, mock_page, post,
};

fn usage(line: &Value) -> (u64, u64) {
    let number = |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"));
    (number("gen_ai.usage.input_tokens"), number("gen_ai.usage.output_tokens"))
}

fn ask(gateway: &Gateway, client: Client, target: Client, stream: bool, text: &str) -> Reply {
    let request =
        if stream { client.stream(target.model(), text) } else { client.whole(target.model(), text) };
    gateway.ask(&request).ok()
}

#[test]
fn the_log_holds_what_the_provider_reported() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let text = "#mock tokens=17\nhow much is this?";
    for target in CLIENTS {
        // The provider's own word on it, asked without the gateway between.
        let secret = match target {
            Client::Openai => ("authorization", "Bearer k"),
            Client::Anthropic => ("x-api-key", "k"),
            Client::Gemini => ("x-goog-api-key", "k"),
        };
        let direct = target.whole(target.model(), text).header(secret.0, secret.1);
        let own = crate::harness::Conn::to(mock.addr()).ask(&direct).ok().json();
        let expected = target.usage(&own);
        assert_eq!(expected.1, 17, "{own}");
        for client in CLIENTS {
            for stream in [false, true] {
                let reply = ask(&gateway, client, target, stream, text);
                let line = gateway.line(&reply);
                let told = format!("{client:?} from {target:?}, stream {stream}: {line}");
                assert_eq!(usage(&line), expected, "{told}");
                assert_eq!(line["usage_source"], "reported", "{told}");
                assert_eq!(line["outcome"], "answered", "{told}");
                assert_eq!(line["stream"], stream, "{told}");
                assert_eq!(line["client_dialect"], client.dialect(), "{told}");
                assert_eq!(line["target_dialect"], target.dialect(), "{told}");
                assert_eq!(line["verbatim"], client == target, "{told}");
                assert_eq!(line["gen_ai.request.model"], target.model(), "{told}");
                assert_eq!(line["attempts"], 1, "{told}");
                assert_eq!(line["first_token_ms"].is_number(), stream, "{told}");
                assert!(line["cost_usd"].is_string(), "{told}");
                if !stream {
                    assert_eq!(client.usage(&reply.json()), expected, "what the client is told, {told}");
                }
            }
        }
    }
}

#[test]
fn gpt_4o_mini_costs_what_the_list_says() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut sum = 0.0;
    for stream in [false, true] {
        let reply =
            ask(&gateway, Client::Openai, Client::Openai, stream, "#mock tokens=100\nhow much is this?");
        let line = gateway.line(&reply);
        let (input, output) = usage(&line);
        // 0.15 and 0.60 USD per million tokens, in millionths of a millionth.
        let pico = input * 150_000 + output * 600_000;
        let expected = format!("0.{pico:012}");
        let expected = expected.trim_end_matches('0');
        let cost = line["cost_usd"].as_str().unwrap();
        assert_eq!(cost.trim_end_matches('0'), expected, "{line}");
        sum += cost.parse::<f64>().unwrap();
    }
    gateway.wait_metric("tollgate_cost_usd_total", &[("gen_ai_request_model", "gpt-4o-mini")], sum);
}

#[test]
fn the_metrics_have_the_same_sums_as_the_log() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut sums = [(0, 0); 3];
    for client in CLIENTS {
        for (target, sum) in CLIENTS.into_iter().zip(&mut sums) {
            for stream in [false, true] {
                let reply = ask(&gateway, client, target, stream, "#mock tokens=9\nhow much is this?");
                let (input, output) = usage(&gateway.line(&reply));
                *sum = (sum.0 + input, sum.1 + output);
            }
        }
    }
    for (target, (input, output)) in CLIENTS.into_iter().zip(sums) {
        let provider = ("gen_ai_provider_name", target.vendor());
        let whole = |number: u64| f64::from(u32::try_from(number).unwrap());
        gateway.wait_metric("tollgate_tokens_total", &[provider, ("class", "input")], whole(input));
        gateway.wait_metric("tollgate_tokens_total", &[provider, ("class", "output")], whole(output));
        gateway.wait_metric(
            "tollgate_tokens_total",
            &[provider, ("source", "reported")],
            whole(input + output),
        );
        gateway.wait_metric("tollgate_requests_total", &[provider, ("outcome", "answered")], 6.0);
        gateway.wait_metric("gen_ai_client_operation_time_to_first_chunk_seconds_count", &[provider], 3.0);
        gateway.wait_metric("gen_ai_client_operation_duration_seconds_count", &[provider], 6.0);
    }
    let read = |name: &str| gateway.lines().iter().map(|line| line[name].as_u64().unwrap_or(0)).sum::<u64>();
    assert_eq!(read("gen_ai.usage.input_tokens"), sums.iter().map(|sum| sum.0).sum::<u64>());
}

#[test]
fn usage_that_is_not_reported_is_counted_here() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    for client in CLIENTS {
        for target in CLIENTS {
            for stream in [false, true] {
                let reply =
                    ask(&gateway, client, target, stream, "#mock tokens=40 nousage\nhow much is this?");
                let line = gateway.line(&reply);
                let told = format!("{client:?} from {target:?}, stream {stream}: {line}");
                let (input, output) = usage(&line);
                let source = if target == Client::Openai { "counted" } else { "estimated" };
                assert_eq!(line["usage_source"], source, "{told}");
                assert!((10..40).contains(&input), "{told}");
                assert!((20..90).contains(&output), "{told}");
                assert!(line["cost_usd"].is_string(), "{told}");
            }
        }
    }
}

#[test]
fn cached_tokens_are_counted_once_and_cost_less() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let text = format!("#mock tokens=4\n{}", "many words of which nothing is new ".repeat(400));
    for client in [Client::Openai, Client::Gemini] {
        let first = gateway.line(&ask(&gateway, client, Client::Openai, false, &text));
        let second = gateway.line(&ask(&gateway, client, Client::Openai, false, &text));
        let third = gateway.line(&ask(&gateway, client, Client::Openai, true, &text));
        assert_eq!(usage(&first), usage(&second), "{first} {second}");
        for cached in [&second, &third] {
            let read = cached["gen_ai.usage.cache_read.input_tokens"].as_u64().unwrap();
            let (input, output) = usage(cached);
            assert!(read > 1000 && read <= input, "{cached}");
            let pico = (input - read) * 150_000 + read * 75_000 + output * 600_000;
            let expected = format!("0.{pico:012}");
            let cost = cached["cost_usd"].as_str().unwrap();
            assert_eq!(cost.trim_end_matches('0'), expected.trim_end_matches('0'), "{cached}");
        }
        mock_page(&mock, "reset");
    }
}

#[test]
fn losses_are_counted_by_field() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut body = Client::Openai.question("claude-sonnet-4-5", "#mock tokens=2", false);
    body["logit_bias"] = json!({"50256": -100});
    let reply = gateway.ask(&post("/v1/chat/completions").json(&body)).ok();
    let line = gateway.line(&reply);
    assert!(line["losses"].as_str().is_some_and(|losses| losses.contains("logit_bias")), "{line}");
    gateway.wait_metric(
        "tollgate_losses_total",
        &[("field", "logit_bias"), ("gen_ai_provider_name", "anthropic")],
        1.0,
    );
}

#[test]
fn a_refused_request_uses_and_costs_nothing() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let reply = gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock error=400"));
    assert_eq!(reply.status, 400);
    let line = gateway.line(&reply);
    assert_eq!(line["outcome"], "invalid_request");
    for absent in ["gen_ai.usage.input_tokens", "cost_usd", "usage_source"] {
        assert_eq!(line.get(absent), None, "{line}");
    }
}

#[test]
fn prices_of_the_configuration_win() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("models:\n  - {provider: openai, model: gpt-4o-mini, input: \"1.00\", output: \"2.00\"}")
        .start();
    let line = gateway.line(&ask(&gateway, Client::Gemini, Client::Openai, true, "#mock tokens=10\nhi"));
    let (input, output) = usage(&line);
    let pico = input * 1_000_000 + output * 2_000_000;
    let expected = format!("0.{pico:012}");
    assert_eq!(
        line["cost_usd"].as_str().unwrap().trim_end_matches('0'),
        expected.trim_end_matches('0'),
        "{line}"
    );
}

#[test]
fn no_prompt_and_no_secret_is_ever_logged() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .env("TOLLGATE_LOG", "trace")
        .env("TOLLGATE_ATTEMPTS", "2")
        .env("TOLLGATE_MASTER_KEY", "door-secret")
        .start();
    for client in CLIENTS {
        for directive in ["", "error=500", "error=429", "cut=2", "html", "nousage"] {
            for stream in [false, true] {
                let text = format!("#mock tokens=4 {directive}\nxylophone");
                let request = if stream {
                    client.stream("gemini-2.5-flash", &text)
                } else {
                    client.whole("gemini-2.5-flash", &text)
                };
                let reply = gateway.ask(&request.header("authorization", "Bearer door-secret"));
                gateway.line(&reply);
            }
        }
    }
    let all = format!("{:?} {:?} {}", gateway.lines(), gateway.said(), gateway.admin_page("/metrics").text());
    for secret in ["xylophone", "door-secret", "gemini-secret"] {
        assert!(!all.contains(secret), "{secret} was told");
    }
}

/// A provider whose answers, whole and streamed, have this usage.
fn billing(usage: &'static str) -> Provider {
    Provider::start(move |heard, stream| {
        let usage =
            format!(r#""usage":{{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,{usage}}}"#);
        let said = |object: &str, choice: &str| {
            format!(
                r#"{{"id":"c","object":"{object}","created":1,"model":"m","choices":[{choice}],{usage}}}"#
            )
        };
        if String::from_utf8_lossy(&heard.body).contains("\"stream\":true") {
            let chunk = r#"{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}"#;
            let comments = ": OPENROUTER PROCESSING\n\n";
            let body = format!(
                "{comments}data: {}\n\n{comments}data: [DONE]\n\n",
                said("chat.completion.chunk", chunk)
            );
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            Heard::answer(stream, (head + &body).as_bytes());
        } else {
            let choice =
                r#"{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}"#;
            Heard::answer(stream, &json_reply(200, &said("chat.completion", choice)));
        }
        Then::Keep
    })
}

#[test]
fn what_a_provider_says_it_charges_is_what_a_call_costs() {
    for (vendor, usage, costs) in [
        ("openrouter", r#""cost":0.00014"#, Some("0.00014")),
        ("openrouter", r#""cost":0"#, Some("0")),
        (
            "openrouter",
            r#""cost":0.0001,"is_byok":true,"cost_details":{"upstream_inference_cost":2e-3}"#,
            Some("0.0021"),
        ),
        (
            "openrouter",
            r#""cost":0.003,"is_byok":false,"cost_details":{"upstream_inference_cost":0.003}"#,
            Some("0.003"),
        ),
        (
            "perplexity",
            r#""cost":{"input_tokens_cost":0.001,"request_cost":0.005,"total_cost":0.006}"#,
            Some("0.006"),
        ),
        ("xai", r#""cost_in_usd_ticks":37756000"#, Some("0.0037756")),
        // Nobody knows in what money others count.
        ("custom", r#""cost":0.00014"#, None),
    ] {
        let provider = billing(usage);
        let mock = mock();
        let line = format!(
            "house: {{vendor: {vendor}, base_url: \"http://{}/v1\", api_key: k-1, models: [mystery]}}",
            provider.addr
        );
        let gateway = Setup::new(&mock).provider(&line).start();
        for client in [Client::Openai, Client::Gemini] {
            for request in [client.whole("house/mystery", "hi"), client.stream("house/mystery", "hi")] {
                let reply = gateway.ask(&request).ok();
                let line = gateway.line(&reply);
                assert_eq!(line["cost_usd"].as_str(), costs, "{vendor} {client:?}: {line}");
            }
        }
    }
}
