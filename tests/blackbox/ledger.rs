//! The ledger: a row for every finished request, whatever ends the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;
use tollgate::clock;
use tollgate::ir::UsageSource;
use tollgate::store::ledger::{By, Filter, Grouping, Query, Reader, Row};

use crate::harness::{CLIENTS, Client, Conn, Gateway, PATIENCE, Request, Setup, mock, mock_page, post, wait};

fn all(gateway: &Gateway) -> Vec<Row> {
    let reader = Reader::open(&gateway.data()).unwrap();
    reader.list(&Filter::default(), None, 1_000_000).unwrap().rows
}

fn ids(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.entry.id.clone()).collect()
}

/// Waits until so many rows are there.
fn rows(gateway: &Gateway, count: usize) -> Vec<Row> {
    wait(&format!("{count} rows"), PATIENCE, || Some(all(gateway)).filter(|rows| rows.len() >= count))
}

fn segments(gateway: &Gateway) -> usize {
    let journal = gateway.data().join("journal");
    std::fs::read_dir(journal).map_or(0, |homes| {
        homes
            .filter_map(|home| std::fs::read_dir(home.ok()?.path()).ok())
            .flatten()
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some()))
            .count()
    })
}

/// The requests that the rows and the sums by the hour know, which must be the same.
fn counted(gateway: &Gateway) -> u64 {
    let reader = Reader::open(&gateway.data()).unwrap();
    let sums = |groups: Vec<Grouping>| -> u64 {
        let query = Query { groups, by: By::None, ..Query::default() };
        reader.usage(&query).unwrap().rows.iter().map(|row| row.sums.requests()).sum()
    };
    let (of_hours, of_rows) = (sums(vec![]), sums(vec![Grouping::Status]));
    assert_eq!(of_hours, of_rows);
    of_hours
}

#[test]
fn a_hundred_kills_under_load_lose_no_finished_request_and_count_none_twice() {
    const CLIENTS: usize = 3;
    let mock = mock();
    let mut gateway = Setup::new(&mock).env("TOLLGATE_ACCESS_LOG", "false").start();
    // What clients saw the end of, and what each of them had in hand when the process was killed.
    let (mut finished, mut open) = (BTreeSet::new(), 0);
    for round in 0..100_u64 {
        let addr = gateway.addr;
        let stop = AtomicBool::new(false);
        let seen: Vec<Vec<String>> = std::thread::scope(|scope| {
            let client = |number: usize| {
                let stop = &stop;
                move || {
                    let (mut conn, mut seen) = (Conn::to(addr), Vec::new());
                    for turn in number.. {
                        let client = if turn % 2 == 0 { Client::Openai } else { Client::Anthropic };
                        let request = if turn % 3 == 0 {
                            client.stream("gpt-4o-mini", "#mock tokens=2")
                        } else {
                            client.whole("gpt-4o-mini", "#mock tokens=2")
                        };
                        match conn.try_ask(&request) {
                            Ok(reply) if reply.status == 200 && reply.end == crate::harness::End::Clean => {
                                seen.push(reply.id());
                            }
                            Ok(_) | Err(_) => break,
                        }
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    seen
                }
            };
            let threads: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(client(number))).collect();
            std::thread::sleep(Duration::from_millis(15 + clock::random() % 60));
            gateway.kill();
            stop.store(true, Ordering::Relaxed);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for mut seen in seen {
            // A request is finished when its connection takes the next one: of the last nobody knows.
            seen.pop();
            open += 1;
            finished.extend(seen);
        }
        if round < 99 {
            gateway.start_again();
        }
    }
    gateway.start_again();
    let rows = all(&gateway);
    let known = ids(&rows);
    assert_eq!(known.len(), rows.len(), "none is counted twice");
    let lost: Vec<_> = finished.difference(&known).collect();
    assert!(lost.is_empty(), "{} of {} finished requests are lost: {lost:?}", lost.len(), finished.len());
    // The provider has answered no fewer than there are rows, but for what was cut off.
    let answered = mock_page(&mock, "stats")["requests"].as_u64().unwrap();
    assert!(finished.len() > 100, "{} requests are no load", finished.len());
    assert!(rows.len() as u64 <= answered, "{} rows of {answered} answers", rows.len());
    assert!(
        rows.len() as u64 + 2 * open >= answered,
        "{} rows of {answered} answers, {open} open",
        rows.len()
    );
    assert_eq!(counted(&gateway), rows.len() as u64);
    assert!(rows.iter().all(|row| row.entry.usage.output == 2 && row.entry.cost.is_some()));
}

#[test]
fn a_row_tells_all_that_is_known_of_its_request() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("keys:\n  web: {key: the-secret-of-web, owner: acme/search/api, labels: [prod, eu]}")
        .start();
    let request = Client::Anthropic
        .stream("gpt-4o-mini", "#mock tokens=17")
        .header("authorization", "Bearer the-secret-of-web")
        .header("x-tollgate-user", "ann")
        .header("x-tollgate-session", "s-1")
        .header("x-tollgate-tags", "red, blue");
    let reply = gateway.ask(&request).ok();
    let line = gateway.line(&reply);
    let row = rows(&gateway, 1).remove(0);
    let entry = &row.entry;
    assert_eq!(entry.id, reply.id());
    let (id, name) = entry.key.clone().unwrap();
    assert_eq!((name.as_str(), id.is_empty(), entry.owner.as_str()), ("web", false, "acme/search/api"));
    assert_eq!(
        (&entry.labels[..], &entry.tags[..]),
        (&["prod".into(), "eu".into()][..], &["red".into(), "blue".into()][..])
    );
    assert_eq!((entry.user.as_str(), entry.session.as_str()), ("ann", "s-1"));
    assert_eq!((entry.client.as_str(), entry.target_dialect.as_str()), ("anthropic_messages", "openai_chat"));
    assert_eq!(
        (entry.provider.as_str(), entry.model.as_str(), entry.operation.as_str()),
        ("openai", "gpt-4o-mini", "chat")
    );
    assert_eq!((entry.status, entry.outcome.as_str(), entry.stop.as_str()), (200, "answered", "stop"));
    assert_eq!((entry.attempts, entry.stream, entry.verbatim), (1, true, false));
    assert_eq!((entry.usage.output, entry.usage_source), (17, Some(UsageSource::Reported)));
    assert_eq!(entry.cost.unwrap().to_string(), line["cost_usd"].as_str().unwrap());
    let (price, version) = entry.price.clone().unwrap();
    assert_eq!((price.as_str(), version.len()), ("openai/gpt-4o-mini", 8));
    let timings = entry.timings;
    assert!(timings.total >= timings.first_token.unwrap() && timings.upstream.is_some());
    assert!(entry.bytes_in > 50 && entry.bytes_out > 100);
    assert!(!row.is_estimate && row.repriced.is_none());

    // What asks without a key leaves no row; what is refused with one does.
    assert_eq!(gateway.ask(&Client::Openai.whole("gpt-4o-mini", "x")).status, 401);
    let unknown =
        Client::Openai.whole("nobody-knows-me", "x").header("authorization", "Bearer the-secret-of-web");
    let refused = gateway.ask(&unknown);
    assert_eq!(refused.status, 404);
    let rows = rows(&gateway, 2);
    assert_eq!(ids(&rows), [reply.id(), refused.id()].into());
}

#[test]
fn what_must_be_counted_is_amended_once_it_is() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let reply = gateway.ask(&Client::Openai.stream("gpt-4o-mini", "#mock tokens=50 nousage")).ok();
    let line = gateway.line(&reply);
    let row = wait("the amendment", PATIENCE, || rows(&gateway, 1).pop().filter(|row| !row.is_estimate));
    assert_eq!(row.entry.usage_source, Some(UsageSource::Counted));
    assert_eq!(row.entry.usage.total_output(), line["gen_ai.usage.output_tokens"].as_u64().unwrap());
    assert_eq!(row.entry.cost.unwrap().to_string(), line["cost_usd"].as_str().unwrap());
    assert_eq!(counted(&gateway), 1);
}

#[test]
fn a_drain_leaves_everything_in_the_ledger_and_nothing_in_the_journal() {
    let mock = mock();
    let mut gateway = Setup::new(&mock).start();
    let mut conn = gateway.conn();
    for _ in 0..20 {
        conn.ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok();
    }
    let request = Client::Openai.stream("gpt-4o-mini", "#mock tokens=60 rate=100");
    let mut stream = gateway.conn();
    stream.send(&[request.head(), request.body].concat());
    let mut head = stream.head();
    gateway.signal("TERM");
    stream.rest(&mut head);
    assert_eq!(gateway.wait_end(PATIENCE).code(), Some(0));
    assert_eq!((all(&gateway).len(), segments(&gateway)), (21, 0));
    assert_eq!(std::fs::read_dir(gateway.data().join("journal")).unwrap().count(), 0);
}

#[test]
fn two_processes_of_an_upgrade_keep_one_ledger() {
    let mock = mock();
    let mut old = Setup::new(&mock).start();
    let request = Client::Openai.stream("gpt-4o-mini", "#mock tokens=200 rate=100");
    let mut stream = old.conn();
    stream.send(&[request.head(), request.body].concat());
    let mut head = stream.head();
    let mut seen = BTreeSet::from([head.header("x-request-id").unwrap().to_owned()]);
    let addr = old.addr;
    let ask = || Conn::to(addr).ask(&Client::Openai.whole("gpt-4o-mini", "#mock tokens=2")).ok().id();
    seen.extend((0..20).map(|_| ask()));
    let mut new = old.upgrade();
    for _ in 0..200 {
        seen.insert(ask());
    }
    stream.rest(&mut head);
    assert_eq!(old.wait_end(Duration::from_secs(20)).code(), Some(0));
    seen.extend((0..20).map(|_| ask()));
    // A client may have the last byte of an answer before the row of it is left.
    new.wait_idle();
    // What the new one has not moved yet is moved by the next.
    new.wait_idle();
    new.kill();
    new.start_again();
    let rows = all(&new);
    assert_eq!((ids(&rows), rows.len()), (seen, 241));
    assert_eq!(counted(&new), 241);
}

fn small(client: Client) -> Request {
    client.whole(client.model(), "#mock tokens=2")
}

#[test]
fn a_full_disk_lets_nothing_begin_until_it_takes_something_again() {
    let mock = mock();
    let gateway = Setup::new(&mock).start();
    let mut seen: BTreeSet<String> =
        CLIENTS.into_iter().map(|client| gateway.ask(&small(client)).ok().id()).collect();
    rows(&gateway, 3);
    let request = Client::Openai.stream("gpt-4o-mini", "#mock tokens=20 rate=50");
    let mut stream = gateway.conn();
    stream.send(&[request.head(), request.body].concat());
    let mut head = stream.head();
    seen.insert(head.header("x-request-id").unwrap().to_owned());
    gateway.limit_files(Some(0));
    // What is in flight comes to its end, and is the first that cannot be written.
    assert!(Client::Openai.is_complete(&stream.rest(&mut head).0));
    gateway.wait_said("THE LEDGER CANNOT BE WRITTEN");
    let before = mock_page(&mock, "stats")["requests"].as_u64().unwrap();
    for client in CLIENTS {
        let reply = gateway.ask(&small(client));
        assert_eq!(reply.status, 503, "{}", reply.text());
        let said = client.refusal(&reply);
        assert!(said.message.contains("cannot write down what requests use"), "{said:?}");
        assert_eq!(reply.header("retry-after"), Some("5"));
    }
    assert_eq!(mock_page(&mock, "stats")["requests"].as_u64().unwrap(), before, "nothing was begun");
    assert_eq!(gateway.admin_page("/ready").status, 503);
    let status = gateway.admin_page("/status").json();
    assert_eq!((&status["ledger"]["refusing"], &status["ledger"]["waiting"]), (&true.into(), &1.into()));
    gateway.wait_metric("tollgate_ledger_failing", &[], 1.0);

    gateway.limit_files(None);
    gateway.wait_said("the ledger can be written again");
    wait("it to serve again", PATIENCE, || {
        let reply = gateway.ask(&small(Client::Openai));
        (reply.status == 200).then(|| seen.insert(reply.id()))
    });
    assert_eq!(gateway.admin_page("/ready").status, 200);
    let known =
        wait("all rows", PATIENCE, || Some(ids(&all(&gateway))).filter(|known| seen.is_subset(known)));
    assert!(known.len() >= seen.len());
}

#[test]
fn a_full_disk_may_be_served_without_and_what_is_not_lost_is_written_later() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_LEDGER_WHEN_FULL", "serve").start();
    gateway.ask(&small(Client::Openai)).ok();
    rows(&gateway, 1);
    gateway.limit_files(Some(0));
    for _ in 0..30 {
        gateway.ask(&small(Client::Openai)).ok();
    }
    assert_eq!(gateway.admin_page("/ready").status, 200);
    gateway.wait_metric("tollgate_ledger_waiting_rows", &[], 30.0);
    assert_eq!(gateway.metric("tollgate_ledger_lost_rows", &[]), 0.0);
    gateway.limit_files(None);
    assert_eq!(rows(&gateway, 31).len(), 31);
    assert_eq!(counted(&gateway), 31);
}

#[test]
fn without_a_ledger_nothing_is_written() {
    let mock = mock();
    let gateway = Setup::new(&mock).env("TOLLGATE_LEDGER", "off").start();
    gateway.ask(&small(Client::Openai)).ok();
    assert!(!gateway.data().join("journal").exists() && !gateway.data().join("ledger.db").exists());
}

#[test]
fn what_a_gateway_before_has_left_is_told_apart_by_owner_and_model() {
    let mock = mock();
    let mut gateway = Setup::new(&mock)
        .yaml("keys:\n  one: {key: secret-one, owner: acme/a}\n  two: {key: secret-two, owner: acme/b}")
        .start();
    for (key, model, number) in
        [("one", "gpt-4o-mini", 3), ("two", "claude-sonnet-4-5", 2), ("two", "gpt-4o-mini", 1)]
    {
        for _ in 0..number {
            let request = post("/v1/chat/completions")
                .header("authorization", &format!("Bearer secret-{key}"))
                .json(&json!({"model": model, "messages": [{"role": "user", "content": "#mock tokens=3"}]}));
            gateway.ask(&request).ok();
        }
    }
    gateway.wait_idle();
    gateway.kill();
    gateway.start_again();
    let reader = Reader::open(&gateway.data()).unwrap();
    let query = Query { groups: vec![Grouping::Owner, Grouping::Model], ..Query::default() };
    let found = reader.usage(&query).unwrap().rows.into_iter();
    let found: BTreeMap<_, _> = found.map(|row| (row.group.join(" "), row.sums.requests())).collect();
    let expected = [("acme/a gpt-4o-mini", 3), ("acme/b claude-sonnet-4-5", 2), ("acme/b gpt-4o-mini", 1)];
    assert_eq!(found, expected.map(|(group, number)| (group.to_owned(), number)).into());
}

#[test]
fn what_limits_and_budgets_count_includes_every_finished_request_after_a_kill() {
    let mock = mock();
    let mut gateway = Setup::new(&mock)
        .yaml(
            "owners:\n  acme: {budgets: [{usd: 0.0003, per: month}]}\n\
             labels:\n  prod: {limits: [{tokens_out: 350, per: day}]}\n\
             keys:\n  web: {key: secret-web, owner: acme/search, limits: [{requests: 3, per: hour}]}\n  \
             job: {key: secret-job, owner: acme}\n  live: {key: secret-live, labels: [prod]}",
        )
        .start();
    let ask = |gateway: &Gateway, key: &str, tokens: u64| {
        let text = format!("#mock tokens={tokens}");
        let body = json!({"model": "gpt-4o-mini", "max_tokens": tokens, "messages": [{"role": "user", "content": text}]});
        let request = post("/v1/chat/completions").json(&body);
        gateway.ask(&request.header("authorization", &format!("Bearer secret-{key}"))).status
    };
    // Each kill comes before anything is written down of what was counted.
    for number in 0..3 {
        assert_eq!(ask(&gateway, "web", 1), 200, "request {number}");
        assert_eq!(ask(&gateway, "live", 100), 200, "request {number}");
        gateway.wait_idle();
        gateway.kill();
        gateway.start_again();
    }
    assert_eq!(ask(&gateway, "web", 1), 429);
    assert_eq!(ask(&gateway, "live", 100), 429);
    assert_eq!(ask(&gateway, "live", 10), 200);
    // 300 tokens of output are 0.00018 USD.
    assert_eq!(ask(&gateway, "job", 300), 200);
    gateway.wait_idle();
    gateway.kill();
    gateway.start_again();
    assert_eq!(ask(&gateway, "job", 300), 429);
    assert_eq!(ask(&gateway, "web", 1), 429, "nor is what was refused counted away");
}

#[test]
fn what_each_of_many_has_used_outlives_a_kill() {
    const SECRET: &str = "a-secret-of-32-letters-or-more-x";
    let mock = mock();
    let mut gateway = Setup::new(&mock)
        .yaml(&format!(
            "keys: {{staff: {{limits: [{{requests: 2, per: hour}}]}}, team: {{limits: [{{requests: 2, per: hour}}]}}}}\n\
             jwt:\n  \
             corp: {{issuer: corp, audience: [tollgate], secret: {SECRET}, as_key: staff, each: \"{{sub}}\"}}\n  \
             club: {{issuer: club, audience: [tollgate], secret: {SECRET}, as_key: team}}"
        ))
        .start();
    let token = |issuer: &str, who: &str| {
        let packed = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let claims =
            json!({"iss": issuer, "aud": "tollgate", "sub": who, "exp": clock::unix_seconds() + 900});
        let message = format!("{}.{}", packed(json!({"alg": "HS256"})), packed(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let ask = |gateway: &Gateway, issuer: &str, who: &str| {
        let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=2");
        gateway.ask(&request.header("authorization", &format!("Bearer {}", token(issuer, who)))).status
    };
    for number in 0..2 {
        // Those of the club share one limit, of the corporation each has that of the staff.
        let member = if number == 0 { "ann" } else { "bob" };
        assert_eq!((ask(&gateway, "corp", "ann"), ask(&gateway, "club", member)), (200, 200), "{number}");
        gateway.wait_idle();
        gateway.kill();
        gateway.start_again();
    }
    assert_eq!((ask(&gateway, "corp", "ann"), ask(&gateway, "club", "eve")), (429, 429));
    assert_eq!(ask(&gateway, "corp", "bob"), 200);
}

#[test]
fn prices_run_again_raise_no_budget_after_a_restart() {
    let mock = mock();
    let mut gateway =
        Setup::new(&mock).yaml("keys:\n  web: {key: secret-web, budgets: [{usd: 0.001, per: day}]}").start();
    let ask = |gateway: &Gateway| {
        let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=100");
        gateway.ask(&request.header("authorization", "Bearer secret-web")).status
    };
    assert_eq!(ask(&gateway), 200);
    rows(&gateway, 1);
    let mut before = String::new();
    gateway.rewrite(|text| {
        before.clone_from(&text);
        format!("{text}\nmodels:\n  - {{provider: openai, model: gpt-4o-mini, input: 0, output: 10000}}\n")
    });
    let (fine, said) = gateway.command(&["reprice", "--since", "1h"]);
    assert!(fine && said.starts_with("1 of 1 requests cost something else now: 1 USD in all"), "{said}");
    gateway.rewrite(|_| before);
    gateway.kill();
    gateway.start_again();
    assert_eq!(ask(&gateway), 200);
}

#[test]
fn what_a_cache_gave_still_counts_as_a_request_after_a_kill() {
    let mock = mock();
    let mut gateway = Setup::new(&mock)
        .yaml(
            "keys:\n  web: {key: secret-web, limits: [{requests: 3, per: day}, {tokens_out: 30, per: day}]}",
        )
        .start();
    let ask = |gateway: &Gateway, text: &str| {
        let body = json!({"model": "gpt-4o-mini", "max_tokens": 10, "temperature": 0,
            "messages": [{"role": "user", "content": format!("#mock tokens=10\n{text}")}]});
        let request = post("/v1/chat/completions").json(&body);
        let reply = gateway.ask(&request.header("authorization", "Bearer secret-web"));
        (reply.status, reply.header("x-tollgate-cache").unwrap_or("").to_owned())
    };
    assert_eq!(ask(&gateway, "one"), (200, "miss".to_owned()));
    assert_eq!(ask(&gateway, "one"), (200, "hit; tier=exact".to_owned()));
    gateway.wait_idle();
    gateway.kill();
    gateway.start_again();
    // Its tokens were nobody's: 20 of them are left, and one request.
    assert_eq!(ask(&gateway, "two").0, 200);
    gateway.wait_idle();
    gateway.kill();
    gateway.start_again();
    assert_eq!(ask(&gateway, "three").0, 429);
}

#[test]
fn what_was_used_is_told_exported_and_priced_again() {
    let mock = mock();
    let gateway = Setup::new(&mock)
        .yaml("keys:\n  one: {key: secret-one, owner: acme/a}\n  two: {key: secret-two, owner: acme/b}")
        .start();
    for (key, number) in [("one", 3), ("two", 1)] {
        for _ in 0..number {
            let request = Client::Openai.whole("gpt-4o-mini", "#mock tokens=100");
            gateway.ask(&request.header("authorization", &format!("Bearer secret-{key}"))).ok();
        }
    }
    rows(&gateway, 4);
    let (fine, table) = gateway.command(&["usage", "--group", "owner"]);
    assert!(fine, "{table}");
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..2], ["OWNER", "REQUESTS"]);
    assert_eq!(lines[2][..3], ["acme/a", "3", "0"], "{table}");
    assert_eq!(lines[4][..2], ["all", "4"], "{table}");
    let (fine, text) = gateway.command(&["usage", "--group", "key", "--key", "two", "--json"]);
    let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert!(fine && line["key"] == "two" && line["output_tokens"] == 100, "{text}");

    let (fine, csv) = gateway.command(&["usage", "export", "--owner", "acme/a"]);
    assert!(fine && csv.lines().count() == 4, "{csv}");
    let (fine, jsonl) = gateway.command(&["usage", "export", "--format", "jsonl"]);
    let first: serde_json::Value = serde_json::from_str(jsonl.lines().next().unwrap()).unwrap();
    assert!(fine && jsonl.lines().count() == 4 && first["tokens"]["output"] == 100, "{jsonl}");
    let (fine, _) = gateway.command(&["usage", "export", "--format", "parquet", "-o", "all.parquet"]);
    let parquet = std::fs::read(gateway.data().parent().unwrap().join("all.parquet")).unwrap();
    assert!(fine && parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    assert!(!gateway.command(&["usage", "--from", "soon"]).0);

    let before = counted(&gateway);
    gateway.rewrite(|text| {
        format!("{text}models:\n  - {{provider: openai, model: gpt-4o-mini, input: 0, output: 10}}\n")
    });
    let (fine, said) = gateway.command(&["reprice", "--since", "1h", "--dry-run"]);
    assert!(
        fine && said.starts_with("4 of 4 requests would cost something else now: 0.004 USD in all"),
        "{said}"
    );
    let (fine, said) = gateway.command(&["reprice", "--since", "1h"]);
    assert!(fine && said.starts_with("4 of 4 requests cost something else now"), "{said}");
    let (_, csv) = gateway.command(&["usage", "--group", "model", "--json"]);
    let line: serde_json::Value = serde_json::from_str(csv.trim()).unwrap();
    assert_eq!(line["cost_usd"], 0.004);
    assert_eq!(counted(&gateway), before);
    assert!(all(&gateway).iter().all(|row| row.repriced.is_some()));
}
