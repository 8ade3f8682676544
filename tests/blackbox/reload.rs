//! Reloads: never noticed by a request that runs, never half done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::{
    CLIENTS, Client, Conn, End, Heard, PATIENCE, Provider, Setup, Then, get, json_reply, mock, mock_page,
    wait,
};

#[test]
fn twenty_reloads_under_load_fail_no_request_and_cut_no_stream() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicUsize::new(0));
    let addr = gateway.addr;
    let mut threads = Vec::new();
    for client in CLIENTS {
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        threads.push(std::thread::spawn(move || {
            let mut conn = Conn::to(addr);
            while !stop.load(Ordering::Relaxed) {
                for target in CLIENTS {
                    conn.ask(&client.whole(target.model(), "#mock tokens=3")).ok();
                    let reply = conn.ask(&client.stream(target.model(), "#mock tokens=3")).ok();
                    assert!(client.is_complete(&reply.text()), "{}", reply.text());
                    done.fetch_add(2, Ordering::Relaxed);
                }
            }
        }));
    }
    // Streams that begin before the first reload and end after the last.
    let mut long: Vec<_> = CLIENTS
        .into_iter()
        .map(|client| {
            let request = client.stream("gpt-4o-mini", "#mock tokens=300 rate=100");
            let mut conn = gateway.conn();
            conn.send(&[request.head(), request.body].concat());
            let head = conn.head();
            (client, conn, head)
        })
        .collect();
    for _ in 0..20 {
        let before = done.load(Ordering::Relaxed);
        gateway.reload();
        wait("traffic between reloads", PATIENCE, || {
            (done.load(Ordering::Relaxed) >= before + 6).then_some(())
        });
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no request failed");
    }
    for (client, conn, head) in &mut long {
        let (text, end) = conn.rest(head);
        assert_eq!(end, End::Clean);
        assert!(client.is_complete(&text) && client.error_in(&text).is_none(), "{text}");
    }
    assert_eq!(gateway.generation(), 21);
    gateway.wait_metric("tollgate_config_reloads_total", &[("result", "ok")], 20.0);
    gateway.wait_metric("tollgate_config_generation", &[], 21.0);
    gateway.wait_idle();
    let broken = gateway.lines().into_iter().find(|line| line["outcome"] != "answered");
    assert_eq!(broken, None);
}

#[test]
fn a_changed_alias_takes_effect() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    let asked = |expected: &str| {
        for client in CLIENTS {
            let reply = gateway.ask(&client.whole("fast", "#mock tokens=2")).ok();
            assert_eq!(reply.header("x-tollgate-provider"), Some(expected));
        }
    };
    asked("openai");
    gateway.rewrite(|text| text.replace("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"));
    asked("openai");
    gateway.reload();
    asked("anthropic");
    gateway.rewrite(|text| text.replace("{fast: ", "{quick: "));
    gateway.reload();
    let reply = gateway.ask(&Client::Openai.whole("fast", "#mock tokens=2"));
    assert_eq!(reply.status, 404, "{}", reply.text());
}

#[test]
fn a_stream_keeps_the_world_it_began_in() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    let request = Client::Anthropic.stream("fast", "#mock tokens=60 rate=60");
    let mut conn = gateway.conn();
    conn.send(&[request.head(), request.body].concat());
    let mut head = conn.head();
    gateway.rewrite(|text| {
        let without: Vec<_> = text.lines().filter(|line| !line.contains("openai")).collect();
        without.join("\n") + "\n"
    });
    gateway.reload();
    assert_eq!(gateway.ask(&Client::Openai.whole("fast", "x")).status, 404);
    let (text, end) = conn.rest(&mut head);
    let line = wait("the stream's line", Duration::from_secs(5), || {
        gateway.lines().into_iter().find(|line| line["stream"] == true)
    });
    assert!(end == End::Clean && Client::Anthropic.is_complete(&text), "{end:?} {line} {text}");
    assert_eq!(line["outcome"], "answered", "{line}");
    assert!(line["cost_usd"].is_string(), "{line}");
}

#[test]
fn a_broken_file_leaves_the_old_world_serving_and_says_where() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    let good = "aliases: {fast: openai/gpt-4o-mini}";
    for wrong in ["aliases: {fast: [", "alliases: {}", "aliases: {fast: nobody/gpt-4o-mini}"] {
        gateway.rewrite(|text| text.replace(good, wrong));
        let (before, generation) = (gateway.said().len(), gateway.generation());
        gateway.signal("HUP");
        let refused = wait("the refusal on the status page", PATIENCE, || {
            let status = gateway.admin_page("/status").json();
            status["refused_reload"].as_array().filter(|problems| !problems.is_empty()).cloned()
        });
        // The aliases stand in the third line; a bracket left open is noticed further down.
        let line = if wrong.ends_with('[') { "tollgate.yaml:5:9:" } else { "tollgate.yaml:3:" };
        let place = |text: &str| text.contains(line);
        assert!(refused.iter().any(|problem| place(&problem.to_string())), "{refused:?}");
        let told = wait("the log to say so", PATIENCE, || {
            let told = gateway.said()[before..].join("\n");
            told.contains("the old one keeps serving").then_some(told)
        });
        assert!(place(&told), "line and column are told: {told}");
        assert_eq!(gateway.generation(), generation);
        gateway.ask(&Client::Openai.whole("fast", "#mock tokens=2")).ok();
        gateway.rewrite(|text| text.replace(wrong, good));
        gateway.reload();
        assert!(gateway.admin_page("/status").json()["refused_reload"].is_null());
    }
    gateway.wait_metric("tollgate_config_reloads_total", &[("result", "refused")], 3.0);
}

#[test]
fn every_kind_of_broken_file_is_refused_whole() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("aliases: {fast: openai/gpt-4o-mini}").start();
    let broken = [
        "alliases: {}",
        "aliases: {a: nobody/x}",
        "aliases: {a: [",
        "limits: {body: many}",
        "\u{0}",
        "aliases: {a: b, b: a}",
    ];
    for (number, wrong) in (1..).zip(broken) {
        gateway.rewrite(|text| text.replace("aliases: {fast: openai/gpt-4o-mini}", wrong));
        gateway.signal("HUP");
        gateway.wait_metric("tollgate_config_reloads_total", &[("result", "refused")], f64::from(number));
        gateway.ask(&Client::Openai.whole("fast", "#mock tokens=2")).ok();
        gateway.rewrite(|text| text.replace(wrong, "aliases: {fast: openai/gpt-4o-mini}"));
    }
    assert_eq!(gateway.generation(), 1);
    gateway.reload();
    gateway.ask(&Client::Openai.whole("fast", "#mock tokens=2")).ok();
}

#[test]
fn a_changed_listener_is_warned_about_and_changes_nothing() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let old = gateway.addr.to_string();
    gateway.rewrite(|text| text.replace(&format!("listen: {old}"), "listen: 127.0.0.1:1"));
    gateway.reload();
    let said = gateway.wait_said("listen changed");
    assert!(said.contains("restart"), "{said}");
    gateway.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
}

#[test]
fn a_changed_key_of_the_door_and_of_a_provider_take_effect() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("master_key: old-door-key").start();
    let ask = |key: &str| {
        let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
        gateway.ask(&request.header("authorization", &format!("Bearer {key}"))).status
    };
    assert_eq!((ask("old-door-key"), ask("new-door-key")), (200, 401));
    gateway.rewrite(|text| {
        text.replace("old-door-key", "new-door-key").replace("openai-secret", "other-secret")
    });
    gateway.reload();
    assert_eq!((ask("old-door-key"), ask("new-door-key")), (401, 200));
    assert_eq!(mock_page(&mock, "last")["headers"]["authorization"], "Bearer other-secret");
}

#[test]
fn a_signal_is_heard_while_a_provider_lets_discovery_wait() {
    let silent = Provider::start(|_, _| Then::Keep);
    let gateway = Setup::default()
        .provider(&format!("silent: {{vendor: custom, base_url: \"http://{}/v1\"}}", silent.addr))
        .env("TOLLGATE_DISCOVERY", "1h")
        .start();
    // Each new world asks for the models anew.
    for asked in 1..=3 {
        wait("the question after models", PATIENCE, || (silent.heard().len() >= asked).then_some(()));
        gateway.reload();
    }
}

#[test]
fn names_that_were_found_end_where_the_file_lists_models() {
    let lister = Provider::start(|_, stream| {
        Heard::answer(stream, &json_reply(200, r#"{"object":"list","data":[{"id":"found-model"}]}"#));
        Then::Keep
    });
    let written = format!("base_url: \"http://{}/v1\"", lister.addr);
    let gateway = Setup::default()
        .provider(&format!("lister: {{vendor: custom, {written}}}"))
        .env("TOLLGATE_DISCOVERY", "1h")
        .start();
    let is_listed = || gateway.ask(&get("/v1/models")).ok().text().contains("found-model");
    wait("what the provider lists", PATIENCE, || is_listed().then_some(()));
    gateway.rewrite(|text| text.replace(&written, &format!("{written}, models: [own]")));
    gateway.reload();
    for _ in 0..20 {
        assert!(!is_listed());
    }
}
