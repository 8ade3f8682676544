//! What was asked and what it came to: sums, lists, one request, and requests as they finish.

use serde_json::{Value, json};

use super::{MASTER, path, raw, refused, schema, well, with};
use crate::harness::{Client, Conn, Gateway, PATIENCE, Request, Setup, get, mock, wait};

const KEYS: &str = "\
master_key: the-master-secret
upstream: {attempts: 1}
keys:
  web: {key: the-secret-of-web, owner: acme/web, labels: [prod]}
  job: {key: the-secret-of-job, owner: acme/night}
";

fn asked(client: Client, model: &str, text: &str, secret: &str) -> Request {
    with(client.whole(model, text), secret).header("x-tollgate-user", "ann").header("x-tollgate-tags", "a,b")
}

/// A gateway that has answered three requests and passed one failure on.
fn used(setup: Setup) -> Gateway {
    let gateway = setup.yaml(KEYS).start();
    for (client, model, text, secret) in [
        (Client::Openai, "gpt-4o-mini", "#mock tokens=2", "the-secret-of-web"),
        (Client::Openai, "gpt-4o-mini", "#mock tokens=4", "the-secret-of-web"),
        (Client::Anthropic, "claude-sonnet-4-5", "#mock tokens=3", "the-secret-of-job"),
        (Client::Openai, "gpt-4o-mini", "#mock error=500", "the-secret-of-web"),
    ] {
        gateway.ask(&asked(client, model, text, secret));
    }
    wait("the ledger", PATIENCE, || (listed(&gateway, "").len() == 4).then_some(()));
    gateway
}

fn listed(gateway: &Gateway, query: &str) -> Vec<Value> {
    well(gateway, "GET", &format!("/requests{query}"), None)["requests"].as_array().unwrap().clone()
}

#[test]
fn usage_is_told_by_group_and_by_time() {
    let mock = mock();
    let gateway = used(Setup::new(&mock));
    let usage = |query: &str| well(&gateway, "GET", &format!("/usage{query}"), None);
    let rows = |query: &str| usage(query)["rows"].as_array().unwrap().clone();
    let all = rows("");
    assert_eq!((all.len(), &all[0]["requests"], &all[0]["errors"]), (1, &json!(4), &json!(1)));
    assert_eq!(all[0]["tokens"]["output"], 9);
    let models = usage("?group=model,key&by=day");
    assert_eq!((&models["by"], &models["group"]), (&json!("day"), &json!(["model", "key"])));
    let claude = models["rows"].as_array().unwrap().iter().find(|row| row["group"]["key"] == "job").unwrap();
    assert_eq!((&claude["group"]["model"], &claude["requests"]), (&json!("claude-sonnet-4-5"), &json!(1)));
    assert!(claude["at"].is_string() && claude["cost_usd"].as_f64().unwrap() > 0.0);
    for (query, requests) in [
        ("?owner=acme", 4),
        ("?owner=acme/web", 3),
        ("?owner=acm", 0),
        ("?key=web&key=job", 4),
        ("?label=prod", 3),
        ("?user=ann&tag=b", 4),
        ("?status=error", 1),
        ("?status=200&client=anthropic_messages", 1),
        ("?model=gpt-4o-mini&status=ok", 2),
        ("?search=CLAUDE", 1),
        ("?from=2020-01-01&to=2020-01-02", 0),
        ("?from=1h", 4),
        ("?from=1h&to=9999-12-31", 4),
        ("?from=1970-01-01&by=week", 4),
    ] {
        let found: u64 = rows(query).iter().map(|row| row["requests"].as_u64().unwrap()).sum();
        assert_eq!(found, requests, "{query}");
    }
    for (query, field) in [
        ("?from=yesterday", "from"),
        ("?from=1h&to=2h", "to"),
        ("?by=century", "by"),
        ("?from=1970-01-01&to=9999-12-31&by=minute", "by"),
        ("?group=colour", "group"),
        ("?format=xls", "format"),
        ("?status=good", "status"),
        ("?modle=x", "modle"),
    ] {
        let (status, param, message) = refused(&gateway, "GET", &format!("/usage{query}"), None);
        assert_eq!((status, param), (400, json!(field)), "{query}: {message}");
    }
}

#[test]
fn usage_is_given_as_a_table_and_as_lines() {
    let mock = mock();
    let gateway = used(Setup::new(&mock));
    let page = |format: &str| {
        let to = path(&format!("/usage?group=key&format={format}"));
        raw(&gateway, &with(get(&to), MASTER)).ok()
    };
    let table = page("csv");
    assert_eq!(table.header("content-disposition"), Some("attachment; filename=\"tollgate-usage.csv\""));
    let text = table.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("key,requests,errors,") && lines.len() == 3, "{text}");
    assert!(lines.iter().any(|line| line.starts_with("web,3,1,")), "{text}");
    let cells = |line: &str| line.split(',').count();
    assert!(lines.iter().all(|line| cells(line) == cells(lines[0])), "{text}");
    assert!(page("parquet").body.starts_with(b"PAR1"));
    let text = page("jsonl").text();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() == 2 && rows.iter().any(|row| row["key"] == "job"), "{text}");
}

#[test]
fn the_overview_adds_up() {
    let mock = mock();
    let gateway = used(Setup::new(&mock));
    for (query, by) in [("", "hour"), ("?from=1h", "minute"), ("?from=30d", "day")] {
        let seen = well(&gateway, "GET", &format!("/overview{query}"), None);
        assert_eq!(seen["by"], by);
        let totals = &seen["totals"];
        assert_eq!((&totals["requests"], &totals["errors"]), (&json!(4), &json!(1)), "{query}");
        let series = seen["series"].as_array().unwrap();
        let sum = |name: &str| series.iter().map(|point| point[name].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("requests"), sum("tokens_out")), (4, 9), "{query}");
        assert!(series.len() > 24, "{query}: {}", series.len());
        let top = &seen["top"];
        assert_eq!(
            (&top["keys"][0]["name"], &top["providers"][0]["name"]),
            (&json!("job"), &json!("anthropic"))
        );
        assert_eq!(
            (&top["owners"][1]["name"], &top["owners"][1]["requests"]),
            (&json!("acme/web"), &json!(3))
        );
        assert_eq!(seen["now"]["generation"], 1);
    }
    // What is to come has no points, and what is long ago has few.
    for (query, by, most) in [
        ("?from=1h&to=9999-12-31", "minute", 62),
        ("?from=0", "month", 2000),
        ("?from=2000-01-01", "week", 2000),
    ] {
        let seen = well(&gateway, "GET", &format!("/overview{query}"), None);
        let points = seen["series"].as_array().unwrap().len();
        assert!(seen["by"] == by && (60..=most).contains(&points), "{query}: {points}");
        assert_eq!(seen["totals"]["requests"], 4, "{query}");
    }
    let narrow = well(&gateway, "GET", "/overview?key=web", None);
    assert_eq!(narrow["totals"]["requests"], 3);
    assert_eq!(well(&gateway, "GET", "/session", None)["first_run"], false);
    let tree = well(&gateway, "GET", "/owners", None);
    let acme = tree["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "acme").unwrap();
    assert_eq!(acme["requests"], 4);
}

#[test]
fn requests_are_listed_page_by_page_and_shown_in_full() {
    let mock = mock();
    let gateway = used(Setup::new(&mock));
    let first = well(&gateway, "GET", "/requests?limit=3", None);
    let next = first["next"].as_str().unwrap();
    let rest = well(&gateway, "GET", &format!("/requests?limit=3&before={next}"), None);
    assert_eq!(
        (first["requests"].as_array().unwrap().len(), rest["requests"].as_array().unwrap().len()),
        (3, 1)
    );
    assert!(rest["next"].is_null());
    let failed = &listed(&gateway, "?status=500")[0];
    assert_eq!((&failed["outcome"], &failed["attempts"]), (&json!("internal"), &json!(1)), "{failed}");
    assert_eq!(
        (&failed["key"]["name"], &failed["user"], &failed["tags"]),
        (&json!("web"), &json!("ann"), &json!(["a", "b"]))
    );
    let id = failed["id"].as_str().unwrap();
    let full = well(&gateway, "GET", &format!("/requests/{id}"), None);
    assert_eq!(full["attempts"], json!([{"provider": "openai", "fault": "internal", "status": 500}]));
    assert_eq!(refused(&gateway, "GET", "/requests/nothing", None).0, 404);
    assert_eq!(refused(&gateway, "GET", "/requests?before=x", None).1, json!("before"));
}

#[test]
fn requests_are_told_of_as_they_finish() {
    let mock = mock();
    let gateway = Setup::new(&mock).yaml(KEYS).start();
    let mut conn = Conn::to(gateway.admin);
    conn.send(&with(get(&path("/live?key=web")), MASTER).head());
    let mut head = conn.head();
    assert_eq!(head.status, 200);
    conn.read_until(&mut head, ": alive");
    gateway.ask(&asked(Client::Openai, "gpt-4o-mini", "#mock tokens=2", "the-secret-of-job")).ok();
    let told = gateway.ask(&asked(Client::Openai, "gpt-4o-mini", "#mock tokens=2", "the-secret-of-web")).ok();
    let heard = conn.read_until(&mut head, "\n\n");
    let data = heard.strip_prefix("event: request\ndata: ").unwrap().trim();
    let row: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&row["id"], &row["tokens"]["output"]), (&json!(told.id()), &json!(2)));
    schema::fits(&gateway, "Request", &row);
}

#[test]
fn who_listens_hears_nothing_once_its_key_or_session_ends() {
    let mock = mock();
    let operators = "{bob: {key: the-secret-of-bob}}";
    let gateway = Setup::new(&mock).yaml(KEYS).operators(operators).start();
    let login = super::request("POST", "/session").json(&json!({"key": MASTER}));
    let begun = raw(&gateway, &login).ok();
    let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let listen = |request: Request| {
        let mut conn = Conn::to(gateway.admin);
        conn.send(&request.head());
        let mut head = conn.head();
        conn.read_until(&mut head, ": alive");
        (conn, head)
    };
    let mut by_key = listen(with(get(&path("/live")), "the-secret-of-bob"));
    let mut by_session = listen(get(&path("/live")).header("cookie", &cookie));
    gateway.rewrite(|text| text.replace("the-secret-of-bob", "another-secret-of-bob"));
    well(&gateway, "POST", "/config/reload", None);
    let end = super::request("DELETE", "/session").header("cookie", &cookie).header("x-tollgate-csrf", "1");
    assert_eq!(raw(&gateway, &end).status, 204);
    let mut stays = listen(with(get(&path("/live")), MASTER));
    gateway.ask(&asked(Client::Openai, "gpt-4o-mini", "#mock tokens=2", "the-secret-of-web")).ok();
    stays.0.read_until(&mut stays.1, "event: request");
    for (conn, head) in [&mut by_key, &mut by_session] {
        let (rest, _) = conn.rest(head);
        assert!(!rest.contains("event: request"), "{rest}");
    }
}

#[test]
fn prices_are_run_again_over_what_was_used() {
    let mock = mock();
    let gateway = used(Setup::new(&mock));
    let reprice = |body: Value| well(&gateway, "POST", "/reprice", Some(&body));
    assert_eq!(reprice(json!({"since": "1h", "dry_run": true}))["changed"], 0);
    let dearer = "models: [{provider: openai, model: gpt-4o-mini, input: 1, output: 1000}]\n";
    gateway.rewrite(|text| format!("{text}{dearer}"));
    well(&gateway, "POST", "/config/reload", None);
    let looked = reprice(json!({"since": "1h", "dry_run": true}));
    assert_eq!(looked["changed"], 2);
    assert!(looked["after_usd"].as_f64() > looked["before_usd"].as_f64(), "{looked}");
    assert_eq!(reprice(json!({"since": "1h"})), looked);
    let row = &listed(&gateway, "?model=gpt-4o-mini&status=ok")[0];
    assert!(row["cost_usd"].as_f64() > row["first_cost_usd"].as_f64(), "{row}");
    let noted = &well(&gateway, "GET", "/audit", None)["entries"][0];
    assert_eq!((&noted["action"], &noted["detail"]["changed"]), (&json!("ledger.reprice"), &json!(2)));
    for (body, field) in
        [(json!({}), "since"), (json!({"since": "x"}), "since"), (json!({"since": 1, "til": 2}), "til")]
    {
        assert_eq!(refused(&gateway, "POST", "/reprice", Some(&body)).1, json!(field));
    }
}

#[test]
fn what_guards_found_is_told_apart_and_rooms_are_those_there_are() {
    let mock = mock();
    let yaml =
        format!("{KEYS}cache: off\nguards: {{pii: {{detect: [email], action: mask, on: [request]}}}}\n");
    let gateway = Setup::new(&mock).yaml(&yaml).start();
    for text in ["write to a@b.example and c@d.example", "write to a@b.example", "write to nobody"] {
        gateway.ask(&asked(Client::Openai, "gpt-4o-mini", text, "the-secret-of-web")).ok();
    }
    gateway.wait_idle();
    let found = wait("the rows", PATIENCE, || {
        let used = well(&gateway, "GET", "/usage?group=guard", None);
        let rows = used["rows"].as_array().unwrap();
        let mut found: Vec<(String, u64)> = rows
            .iter()
            .map(|row| {
                (row["group"]["guard"].as_str().unwrap().to_owned(), row["requests"].as_u64().unwrap())
            })
            .collect();
        found.sort();
        (found.iter().map(|(_, number)| number).sum::<u64>() == 3).then_some(found)
    });
    assert_eq!(found, [(String::new(), 1), ("pii/email=mask;request".to_owned(), 2)]);
    let searched = well(&gateway, "GET", "/requests?search=pii/email%3Dmask;request", None);
    assert_eq!(searched["requests"].as_array().unwrap().len(), 2);
    let rooms = |gateway: &Gateway| well(gateway, "GET", "/session", None)["rooms"].clone();
    assert_eq!(rooms(&gateway), json!(["guards"]));
    let kept =
        "master_key: the-master-secret\ncache: off\nkeys: {web: {key: the-secret-of-web, cache: exact}}\n";
    assert_eq!(rooms(&Setup::new(&mock).yaml(kept).start()), json!(["cache"]));
}
