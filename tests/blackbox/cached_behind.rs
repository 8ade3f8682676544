//! What is kept behind memory: on the disk, and on a server that a fleet shares.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cached::{calls, cold, part, question, said, send, with};
use crate::harness::{
    CLIENTS, Client, Conn, Gateway, PATIENCE, Redis, Reply, Request, Setup, get, mock, post, server_files,
    trusted, wait,
};

const KEYS: &str = "master_key: the-master-secret\n";

fn opened(request: Request) -> Request {
    with(request, "the-master-secret")
}

/// A gateway of a fleet that shares a server, with more of the cache's fields.
fn member(mock: &tollgate::mock::Mock, redis: &Redis, more: &str) -> Gateway {
    let cache =
        format!("{KEYS}cache: {{scope: shared, redis: {{url: \"{}\", timeout: 2s}}{more}}}", redis.url());
    let gateway = Setup::new(mock).yaml(&cache).start();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "redis")], 1.0);
    gateway
}

fn wait_written(gateway: &Gateway, tier: &str, number: f64) {
    gateway.wait_metric("tollgate_cache_tier_writes_total", &[("tier", tier), ("result", "kept")], number);
}

/// Lets go of what this names, and says what went.
fn purge(gateway: &Gateway, query: &str) -> Value {
    let request = Request { method: "DELETE".to_owned(), ..get(&format!("/api/v1/cache{query}")) };
    Conn::to(gateway.admin).ask(&opened(request)).ok().json()
}

/// Waits until it has heard how often something was let go of so far.
fn wait_heard(gateway: &Gateway) {
    wait("it to hear", PATIENCE, || gateway.data().join("cache/heard").exists().then_some(()));
}

fn lookups(gateway: &Gateway, tier: &str, result: &str) -> f64 {
    gateway.metric("tollgate_cache_tier_lookups_total", &[("tier", tier), ("result", result)])
}

#[test]
fn an_answer_on_the_disk_outlives_the_process() {
    let mock = mock();
    let mut gateway =
        Setup::new(&mock).yaml(&format!("{KEYS}cache: {{mode: safe, disk: {{bytes: 8MiB}}}}")).start();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    let ask = |text: &str, client, stream| opened(question(client, "gpt-4o-mini", text, stream));
    let first = gateway.ask(&ask("What is Go?", Client::Openai, true)).ok();
    assert_eq!((part(&first), lookups(&gateway, "disk", "miss")), ("miss", 1.0));
    let expected = said(Client::Openai, &first, true);
    wait("the answer and where it is found to be written", PATIENCE, || {
        (gateway.metric("tollgate_cache_tier_writes_total", &[("result", "kept")]) >= 2.0).then_some(())
    });
    for round in 0..2 {
        // However it ends.
        if round == 0 {
            gateway.signal("TERM");
            gateway.wait_end(PATIENCE);
        } else {
            gateway.kill();
        }
        gateway.start_again();
        gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
        let reply = gateway.ask(&ask("What is Go?", Client::Anthropic, false)).ok();
        assert_eq!(part(&reply), "hit; tier=disk");
        assert_eq!(said(Client::Anthropic, &reply, false), expected);
        assert!(reply.header("age").is_some());
        let line = gateway.line(&reply);
        assert_eq!((&line["cache"], &line["cost_usd"]), (&"disk".into(), &"0".into()), "{line}");
        let again = gateway.ask(&ask("What is Go?", Client::Gemini, true)).ok();
        assert_eq!(part(&again), "hit; tier=exact");
    }
    gateway.kill();
    gateway.start_again();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    let other = gateway.ask(&ask("Tell me about Go", Client::Openai, false)).ok();
    assert_eq!(said(Client::Openai, &other, false), expected);
    assert_eq!((part(&other), calls(&mock)), ("hit; tier=semantic", 1));
}

#[test]
fn a_folder_that_cannot_be_used_is_said_and_the_rest_goes_on() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml("cache: {disk: {bytes: 8MiB, path: /proc/nowhere}}").start();
    gateway.wait_said("no answers are kept on the disk");
    assert_eq!(part(&gateway.ask(&cold("a")).ok()), "miss");
    assert_eq!(part(&gateway.ask(&cold("a")).ok()), "hit; tier=exact");
}

#[test]
fn one_gateway_of_a_fleet_has_what_another_was_told() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ""));
    for (place, (writer, streams)) in
        CLIENTS.into_iter().flat_map(|client| [(client, false), (client, true)]).enumerate()
    {
        let text = format!("#mock tokens=9\nWhat is number {place}?");
        let first = one.ask(&opened(question(writer, "gpt-4o-mini", &text, streams))).ok();
        assert_eq!(part(&first), "miss");
        wait_written(&one, "redis", place as f64 + 1.0);
        let reader = CLIENTS[place % CLIENTS.len()];
        let reply = two.ask(&opened(question(reader, "gpt-4o-mini", &text, !streams))).ok();
        assert_eq!(part(&reply), "hit; tier=redis", "{writer:?} {streams} to {reader:?}");
        assert_eq!(said(reader, &reply, !streams), said(writer, &first, streams));
        let line = two.line(&reply);
        assert_eq!((&line["cache"], &line["attempts"]), (&"redis".into(), &0.into()), "{line}");
        let again = two.ask(&opened(question(reader, "gpt-4o-mini", &text, streams))).ok();
        assert_eq!(part(&again), "hit; tier=exact");
    }
    assert_eq!((calls(&mock), lookups(&two, "redis", "hit")), (6, 6.0));
    two.wait_metric("tollgate_cache_requests_total", &[("tier", "redis")], 6.0);
    // Nothing of what is asked stands in a name there, and all of it ends.
    let ttl: i64 =
        redis.ask("EVAL \"return redis.call('PTTL', redis.call('RANDOMKEY'))\" 0")[1..].parse().unwrap();
    assert!((1..=3_600_000).contains(&ttl), "{ttl}");
}

#[test]
fn what_a_client_says_of_the_cache_holds_behind_memory_too() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ""));
    let only = |text: &str| opened(cold(text)).header("cache-control", "only-if-cached");
    let unknown = two.ask(&only("a"));
    assert_eq!((unknown.status, calls(&mock)), (504, 0), "{}", unknown.text());
    assert_eq!(part(&one.ask(&opened(cold("a"))).ok()), "miss");
    wait_written(&one, "redis", 1.0);
    assert_eq!(part(&two.ask(&only("a")).ok()), "hit; tier=redis");
    let before = lookups(&two, "redis", "hit") + lookups(&two, "redis", "miss");
    let fresh = two.ask(&opened(cold("a")).header("cache-control", "no-cache")).ok();
    assert_eq!((part(&fresh), calls(&mock)), ("miss", 2));
    let free = two.ask(&opened(cold("a")).header("cache-control", "no-store")).ok();
    assert_eq!((part(&free), calls(&mock)), ("", 3));
    assert_eq!(lookups(&two, "redis", "hit") + lookups(&two, "redis", "miss"), before);
    std::thread::sleep(Duration::from_millis(1100));
    let three = member(&mock, &redis, "");
    let young = three.ask(&opened(cold("a")).header("cache-control", "max-age=0")).ok();
    assert_eq!((part(&young), calls(&mock)), ("miss", 4));
}

#[test]
fn vectors_of_a_fleet_are_made_once() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ""));
    let ask = |input: &[&str]| {
        opened(post("/v1/embeddings").json(&json!({"model": "text-embedding-3-small", "input": input})))
    };
    let first = one.ask(&ask(&["a", "b"])).ok();
    wait_written(&one, "redis", 2.0);
    let whole = two.ask(&ask(&["b", "a"])).ok();
    assert_eq!((part(&whole), calls(&mock)), ("hit; tier=redis", 1));
    // The same numbers, in however many digits.
    let vector = |reply: &Reply, place: usize| -> Vec<f32> {
        let data = reply.json()["data"][place]["embedding"].clone();
        data.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
    };
    assert!((vector(&whole, 0), vector(&whole, 1)) == (vector(&first, 1), vector(&first, 0)));
    let three = member(&mock, &redis, "");
    let partial = three.ask(&ask(&["c", "a"])).ok();
    assert_eq!((part(&partial), calls(&mock)), ("miss", 2));
    assert!(vector(&partial, 1) == vector(&first, 0));
    assert_eq!(partial.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(part(&three.ask(&ask(&["c", "a"])).ok()), "hit; tier=exact");
    for only in ["only-if-cached", "no-cache, only-if-cached"] {
        let only = three.ask(&ask(&["d", "a"]).header("cache-control", only));
        assert_eq!((only.status, calls(&mock)), (504, 2), "{}", only.text());
    }
}

#[test]
fn a_server_that_says_nothing_costs_its_bound_and_then_nothing() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let cache = format!("cache: {{redis: {{url: \"{}\", timeout: 300ms}}}}", redis.url());
    let gateway = Setup::new(&mock).yaml(&cache).start();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "redis")], 1.0);
    assert_eq!(part(&gateway.ask(&cold("warm")).ok()), "miss");
    redis.halt(true);
    let bound = Duration::from_millis(300);
    for number in 0..5 {
        let begun = Instant::now();
        assert_eq!(part(&gateway.ask(&cold(&format!("late {number}"))).ok()), "miss");
        assert!(begun.elapsed() >= bound && begun.elapsed() < bound * 6, "{:?}", begun.elapsed());
    }
    assert_eq!(lookups(&gateway, "redis", "late"), 5.0);
    for number in 0..5 {
        let begun = Instant::now();
        assert_eq!(part(&gateway.ask(&cold(&format!("rested {number}"))).ok()), "miss");
        assert!(begun.elapsed() < bound, "{:?}", begun.elapsed());
    }
    assert_eq!(lookups(&gateway, "redis", "resting"), 5.0);
    redis.halt(false);
    let mut asked = 0;
    wait("it is asked again", PATIENCE * 2, || {
        asked += 1;
        gateway.ask(&cold(&format!("again {asked}"))).ok();
        (lookups(&gateway, "redis", "miss") >= 2.0).then_some(())
    });
}

#[test]
fn a_server_that_goes_and_comes_again_is_found_again() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let gateway = member(&mock, &redis, "");
    assert_eq!(part(&gateway.ask(&opened(cold("a"))).ok()), "miss");
    wait_written(&gateway, "redis", 1.0);
    redis.kill();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "redis")], 0.0);
    gateway.wait_said("the cache's server");
    assert_eq!(part(&gateway.ask(&opened(cold("a"))).ok()), "hit; tier=exact");
    assert_eq!(part(&gateway.ask(&opened(cold("b"))).ok()), "miss");
    redis.start_again();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "redis")], 1.0);
    wait("an answer to be written", PATIENCE, || {
        gateway.ask(&opened(cold("c")).header("cache-control", "no-cache")).ok();
        (redis.ask("DBSIZE") != ":0").then_some(())
    });
}

#[test]
fn what_one_gateway_lets_go_of_is_gone_from_the_fleet() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ", disk: {bytes: 8MiB}"));
    two.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    wait_heard(&two);
    let tagged = |text: &str, tag: &str| opened(cold(text)).header("x-tollgate-tags", tag);
    for (text, tag) in [("a", "nightly"), ("b", "daily")] {
        assert_eq!(part(&two.ask(&tagged(text, tag)).ok()), "miss");
    }
    wait_written(&two, "redis", 2.0);
    wait_written(&two, "disk", 2.0);
    assert_eq!(part(&one.ask(&opened(cold("b"))).ok()), "hit; tier=redis");
    let purged = purge(&one, "?tag=nightly");
    assert_eq!(purged["tiers"], json!([{"name": "redis", "purged": true, "entries": 1}]), "{purged}");
    // The other hears of it in a moment, in memory and on its disk.
    wait("the other to hear of it", PATIENCE, || {
        let reply = two.ask(&opened(cold("a")).header("cache-control", "only-if-cached"));
        (reply.status == 504).then_some(())
    });
    assert_eq!(part(&two.ask(&opened(cold("b"))).ok()), "hit; tier=exact");
    assert_eq!(
        purge(&two, "")["tiers"],
        json!([{"name": "disk", "purged": true, "entries": 1}, {"name": "redis", "purged": true, "entries": 1}])
    );
    assert_eq!(part(&two.ask(&opened(cold("b"))).ok()), "miss");
}

#[test]
fn who_asks_the_same_meanwhile_waits_for_one_look_up() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ""));
    let known = one.ask(&opened(cold("known"))).ok();
    wait_written(&one, "redis", 1.0);
    redis.halt(true);
    let all: Vec<_> = (0..6).map(|_| send(&two, &opened(cold("known")))).collect();
    let others: Vec<_> = (0..6).map(|_| send(&two, &opened(cold("new")))).collect();
    std::thread::sleep(Duration::from_millis(300));
    redis.halt(false);
    let mut parts: Vec<_> = Vec::new();
    for mut conn in all {
        let reply = conn.reply().ok();
        assert_eq!(said(Client::Openai, &reply, false), said(Client::Openai, &known, false));
        parts.push(part(&reply).to_owned());
    }
    parts.sort();
    assert_eq!(parts.iter().filter(|part| *part == "hit; tier=redis").count(), 1, "{parts:?}");
    assert_eq!(parts.iter().filter(|part| *part == "hit; tier=exact").count(), 5, "{parts:?}");
    for mut conn in others {
        conn.reply().ok();
    }
    assert_eq!(calls(&mock), 2);
    assert_eq!((lookups(&two, "redis", "hit"), lookups(&two, "redis", "miss")), (1.0, 1.0));
}

#[test]
fn a_server_is_spoken_to_by_tls_with_a_user_and_a_database() {
    let (cert, key, ca) = server_files();
    let tls =
        ["--tls-port", "PORT", "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let user = ["--tls-auth-clients", "no", "--user", "gate", "on", ">p@ss", "~*", "&*", "+@all"];
    let nobody = ["--user", "default", "off"];
    let Some(redis) = Redis::start(&[tls.as_slice(), user.as_slice(), nobody.as_slice()].concat()) else {
        return;
    };
    let mock = mock();
    let port = redis.addr.port();
    let start = |login: &str| {
        let url = format!("rediss://{login}@localhost:{port}/3");
        Setup::new(&mock)
            .env("SSL_CERT_FILE", &trusted())
            .env("TOLLGATE_CACHE_REDIS_URL", &url)
            .env("TOLLGATE_CACHE_REDIS_TIMEOUT", "2s")
            .yaml(&format!("{KEYS}cache: {{scope: shared}}"))
            .start()
    };
    let (one, two) = (start("gate:p%40ss"), start("gate:p%40ss"));
    for gateway in [&one, &two] {
        gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "redis")], 1.0);
    }
    assert_eq!(part(&one.ask(&opened(cold("a"))).ok()), "miss");
    wait_written(&one, "redis", 1.0);
    assert_eq!(part(&two.ask(&opened(cold("a"))).ok()), "hit; tier=redis");
    let wrong = start("gate:the-wrong-word");
    let line = wrong.wait_said("the cache's server");
    assert!(line.contains("WRONGPASS") && !line.contains("the-wrong-word"), "{line}");
    assert_eq!(part(&wrong.ask(&opened(cold("a"))).ok()), "miss");
}

#[test]
fn a_gateway_that_was_away_hears_what_was_let_go_of() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, mut two) = (member(&mock, &redis, ""), member(&mock, &redis, ", disk: {bytes: 8MiB}"));
    two.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    assert_eq!(part(&two.ask(&opened(cold("a"))).ok()), "miss");
    wait_written(&two, "redis", 1.0);
    wait_written(&two, "disk", 1.0);
    wait_heard(&two);
    two.kill();
    assert_eq!(purge(&one, "?model=gpt-4o-mini")["tiers"][0]["entries"], 1);
    two.start_again();
    two.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    wait("it hears of it", PATIENCE, || {
        (two.metric("tollgate_cache_tier_entries", &[]) == 0.0).then_some(())
    });
    let reply = two.ask(&opened(cold("a")).header("cache-control", "only-if-cached"));
    assert_eq!(reply.status, 504, "{}", reply.text());
}

#[test]
fn what_is_let_go_of_is_heard_when_the_server_has_begun_anew() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mock = mock();
    let (one, two) = (member(&mock, &redis, ""), member(&mock, &redis, ", disk: {bytes: 8MiB}"));
    for _ in 0..2 {
        purge(&one, "?tag=nobody's");
    }
    let heard = || std::fs::read_to_string(two.data().join("cache/heard")).unwrap_or_default();
    wait("it to hear of both", PATIENCE, || (heard() == "2").then_some(()));
    assert_eq!(part(&two.ask(&opened(cold("a"))).ok()), "miss");
    wait_written(&two, "redis", 1.0);
    // It hears nothing of how the server is emptied.
    two.signal("STOP");
    redis.ask("FLUSHALL");
    purge(&one, "?model=gpt-4o-mini");
    two.signal("CONT");
    wait("it to hear of the third", PATIENCE, || {
        let reply = two.ask(&opened(cold("a")).header("cache-control", "only-if-cached"));
        (reply.status == 504).then_some(())
    });
}

#[test]
fn the_command_shows_what_a_running_gateway_keeps_and_lets_go_of_it() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .env("TOLLGATE_MASTER_KEY", "the-master-secret")
        .yaml("cache: {disk: {bytes: 8MiB}}")
        .start();
    gateway.wait_metric("tollgate_cache_tier_up", &[("tier", "disk")], 1.0);
    for (text, tag) in [("a", "a & b"), ("b", "daily")] {
        assert_eq!(part(&gateway.ask(&opened(cold(text)).header("x-tollgate-tags", tag)).ok()), "miss");
    }
    wait_written(&gateway, "disk", 2.0);
    let (well, shown) = gateway.command(&["cache", "show"]);
    assert!(
        well && shown.starts_with("memory  2 answers, ") && shown.contains("\ndisk    2 entries, "),
        "{shown}"
    );
    let (well, said) = gateway.command(&["cache", "purge", "--tag", "a & b"]);
    assert_eq!((well, said.as_str()), (true, "1 answers are gone from memory, 1 from disk\n"));
    assert_eq!(part(&gateway.ask(&opened(cold("b"))).ok()), "hit; tier=exact");
    assert!(gateway.command(&["cache", "purge", "--all"]).0);
    assert_eq!(part(&gateway.ask(&opened(cold("b"))).ok()), "miss");
    assert!(!gateway.command(&["cache", "purge"]).0, "what is meant must be said");
    assert!(!gateway.command(&["cache", "show", "--admin-key", "wrong"]).0);
}

#[test]
fn the_operator_sees_what_other_words_would_have_come_to() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml(&format!("{KEYS}cache: {{mode: exact, shadow: true, without_temperature: true}}"))
        .start();
    let shadow = || {
        let page = Conn::to(gateway.admin).ask(&opened(get("/api/v1/cache"))).ok().json();
        page["shadow"].clone()
    };
    let before = shadow();
    assert_eq!((&before["on"], &before["agreed"], &before["differed"]), (&true.into(), &0.into(), &0.into()));
    for text in ["What is Go?", "Tell me about Go"] {
        assert_eq!(part(&gateway.ask(&opened(cold(text))).ok()), "miss");
    }
    let seen = wait("the two answers to be compared", PATIENCE, || {
        let seen = shadow();
        (seen["agreed"].as_u64().unwrap() + seen["differed"].as_u64().unwrap() == 1).then_some(seen)
    });
    assert!(seen["cost_usd"].as_f64().unwrap() > 0.0, "{seen}");
}
