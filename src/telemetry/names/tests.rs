use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// What stands in quotes in a part of the list of names.
fn names(of: &str) -> BTreeSet<&'static str> {
    let (_, rest) = include_str!("../names.rs").split_once(&format!("pub mod {of} {{")).unwrap();
    let (part, _) = rest.split_once("\n}").unwrap();
    part.lines().filter_map(|line| line.split('"').nth(1)).collect()
}

/// All words of a query that may name something, without what is in quotes.
fn words(query: &str) -> Vec<&str> {
    let plain = query.split('"').step_by(2);
    let words = plain.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

/// Holds a query to the metrics and labels that there are.
fn check(query: &str) {
    const FUNCTIONS: [&str; 16] = [
        "sum",
        "max",
        "by",
        "rate",
        "increase",
        "absent",
        "changes",
        "topk",
        "histogram_quantile",
        "le",
        "job",
        "on",
        "and",
        "or",
        "ignoring",
        "m",
    ];
    let (metrics, labels) = (names("metric"), names("label"));
    let mut found = 0;
    for word in words(query) {
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        if metrics.contains(base) {
            found += 1;
        } else {
            let known = labels.contains(word) || FUNCTIONS.contains(&word);
            assert!(known, "neither a metric nor a label of ours: {word} in {query}");
        }
    }
    assert!(found > 0, "no metric in {query}");
    let open = |c| query.matches(c).count();
    assert_eq!((open('('), open('{'), open('[')), (open(')'), open('}'), open(']')), "{query}");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Every text under a key, however deep.
fn under<'v>(value: &'v Value, key: &str, into: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get(key).and_then(Value::as_str));
            members.values().for_each(|member| under(member, key, into));
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, key, into)),
        _ => {}
    }
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let board: Value = serde_json::from_str(&read("conf/grafana/tollgate.json")).unwrap();
    let mut queries = Vec::new();
    under(&board, "expr", &mut queries);
    assert!(queries.len() > 20);
    for query in queries {
        check(&query.replace("[$__rate_interval]", "[5m]"));
    }
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn alerts_ask_for_metrics_that_there_are() {
    let rules: Value = serde_saphyr::from_str(&read("conf/prometheus/alerts.yml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 8);
    let mut alerts = BTreeSet::new();
    for rule in rules {
        check(rule["expr"].as_str().unwrap());
        assert!(alerts.insert(rule["alert"].as_str().unwrap()), "{rule}");
        assert!(
            rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(),
            "{rule}"
        );
    }
}
