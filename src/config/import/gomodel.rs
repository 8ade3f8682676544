//! GoModel's environment. Most of its names are read here as they are; they are written down with
//! those that are not.

use crate::config::environment::{self, Variables};
use crate::config::problem::{Place, Problems};
use crate::config::tree::{Node, Value};
use crate::wire::json::{self, Json};

use super::litellm::maker;
use super::written::Written;
use super::{Draft, Imported, paths};

/// What has no counterpart, by the beginning of its name, and why.
const NONE: &[(&str, &str)] = &[
    (
        "LOGGING_",
        "routes and keys say whose bodies are logged (log_bodies); the access log has a line for each request",
    ),
    ("USAGE_", "what requests used and cost is always recorded"),
    ("BUDGETS_", "budgets hold wherever they are written"),
    ("RATE_LIMITS_", "limits hold wherever they are written, and are kept each second"),
    ("STORAGE_TYPE", "keys, tallies and responses are kept in data_dir, in a file of SQLite"),
    ("SQLITE_", "keys, tallies and responses are kept in data_dir"),
    ("POSTGRES_", "keys, tallies and responses are kept in data_dir, in a file of SQLite"),
    ("MONGODB_", "keys, tallies and responses are kept in data_dir, in a file of SQLite"),
    ("MEDIA_", "no media are stored"),
    ("REDIS_", "nothing is kept in Redis"),
    ("SEMANTIC_CACHE_", "what it configures there is not imported"),
    ("RESPONSE_CACHE_", "what it configures there is not imported"),
    ("GUARDRAILS_", "what it configures there is not imported"),
    ("ENABLE_GUARDRAILS", "what it configures there is not imported"),
    ("PLUGINS_", "there are no plugins"),
    ("MCP_", "there is no MCP gateway"),
    ("METRICS_", "metrics are always there, at /metrics of the operator's listener"),
    ("OTEL_", "read from the environment as it is"),
    ("ADMIN_", "the operator has a listener of his own: admin.listen, or off"),
    ("DASHBOARD_", "the operator has a listener of his own"),
    ("RETRY_", "other attempts are made at once, at the next target or key"),
    ("CIRCUIT_BREAKER_", "breakers say when a target that fails is left alone"),
    ("FAILOVER_", "targets of a route are tried in their order, upstream.attempts at most"),
    ("SESSION_", "sessions are told by x-tollgate-session alone"),
    ("TAGGING_", "tags are told by x-tollgate-tags alone"),
    ("USER_PATH_HEADER", "who owns a request is its key's affair"),
    ("USERS", "which models somebody may ask for is written on keys"),
    ("SET_PROVIDER_RATE_LIMIT_", "limits are of keys, owners and labels, not of providers"),
    ("SERVER_TRUSTED_HOPS", "proxies are told by their networks: trusted_proxies"),
    ("HTTP_PROXY", "providers are reached directly"),
    ("HTTPS_PROXY", "providers are reached directly"),
    ("NO_PROXY", "providers are reached directly"),
    ("MODEL_LIST_URL", "prices and limits of models are built in; models: corrects them"),
    ("MODELS_ENABLED_BY_DEFAULT", "which models somebody may ask for is written on keys"),
    ("CONFIGURED_PROVIDER_MODELS_MODE", "a provider's models are those that are listed, where some are"),
    ("ENABLE_PASSTHROUGH_ROUTES", "/p/… is always there, and held to the key's models"),
    ("ENABLED_PASSTHROUGH_PROVIDERS", "/p/… is there for all providers"),
    ("REALTIME_ENABLED", "realtime sessions are always there"),
    ("LOG_FORMAT", "log.format says in which form the log is"),
    ("GOMODEL_", "there is no such setting"),
];

/// What all such names end with, and why they have no counterpart.
const NONE_AT_END: &[(&str, &str)] = &[
    ("_SESSION_STICKY_KEYS", "a provider's keys are used in turn"),
    ("_PROXY_URL", "providers are reached directly"),
    ("_MODEL_FILTER_INCLUDE", "a provider's models are listed by name"),
    ("_MODEL_FILTER_EXCLUDE", "a provider's models are listed by name"),
    ("_MODEL_FILTER_MAX_PRICE_PER_MTOK", "models are not chosen by their price"),
];

/// Tollgate's words for what an env file of GoModel says; `name` is the file's for humans. Secrets
/// become references to their variables.
#[must_use]
pub fn gomodel(name: &str, text: &str) -> Imported {
    let mut draft = Draft::new(Problems::default());
    let mut variables = Variables::default();
    variables.add_file(name, text, &mut draft.notes);
    let mut ours = Variables::default();
    for (name, value, place) in variables.iter() {
        match name {
            "SERVER_TRUSTED_PROXIES" => trusted(value, place, &mut draft),
            "SERVER_CLIENT_IP_HEADER" => header(value, place, &mut draft),
            "HTTP_STREAM_IDLE_TIMEOUT" => ours.set("TOLLGATE_IDLE_TIMEOUT", value, place),
            "STREAM_STALL_TIMEOUT" => ours.set("TOLLGATE_WRITE_TIMEOUT", value, place),
            "VIRTUAL_MODELS" => virtual_models(value, place, &mut draft),
            "FAILOVER_RULES_JSON" => failover(value, place, &mut draft),
            "BEDROCK_BASE_URL" | "BEDROCK_MANTLE_BASE_URL" if !value.contains("://") => {
                let provider = name.trim_end_matches("_BASE_URL").to_ascii_lowercase();
                draft.file.put(&["providers", &provider, "region"], Written::text(value.trim()));
            }
            _ => {
                if let Some(owner) = name.strip_prefix("SET_BUDGET_") {
                    rules("budgets", owner, paths::budgets(value), place, &mut draft);
                } else if let Some(owner) = name.strip_prefix("SET_RATE_LIMIT_") {
                    rules("limits", owner, paths::limits(value), place, &mut draft);
                } else if environment::is_understood(name) {
                    ours.set(name, &secret(name, value), place);
                } else if environment::is_of_clouds(name) {
                    // Read of the environment as they are; here they say which clouds there are.
                    ours.set(name, value, place);
                } else {
                    let reason = reason(name).unwrap_or("there is no such setting");
                    draft.note(place, format!("{name}: {reason}"));
                }
            }
        }
    }
    let mut tree = Node::new(&Place::Nowhere, Value::Null);
    environment::lay_over(&mut tree, &ours, &mut draft.notes);
    let mut found = written(&tree);
    if let Written::Map(entries) = &draft.file {
        for (key, value) in entries {
            merge(&mut found, key, value);
        }
    }
    draft.file = found;
    draft.finish("gomodel")
}

/// A secret is not written down where its variable can be referred to.
fn secret(name: &str, value: &str) -> String {
    if environment::is_secret(name) { format!("${{env:{name}}}") } else { value.to_owned() }
}

fn reason(name: &str) -> Option<&'static str> {
    let at_end = NONE_AT_END.iter().find(|(end, _)| name.ends_with(end));
    let none = at_end.or_else(|| NONE.iter().find(|(start, _)| name.starts_with(start)));
    none.map(|(_, reason)| *reason)
}

fn written(node: &Node) -> Written {
    match &node.value {
        Value::Null => Written::map(),
        Value::Text(text) => Written::text(text),
        Value::List(items) => Written::List(items.iter().map(written).collect()),
        Value::Map(entries) => {
            Written::Map(entries.iter().map(|entry| (entry.key.clone(), written(&entry.node))).collect())
        }
    }
}

/// Adds what is not there yet.
fn merge(into: &mut Written, key: &str, value: &Written) {
    match value {
        Written::Map(entries) if !entries.is_empty() => {
            if let Written::Map(known) = into {
                let place = known.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                    known.push((key.to_owned(), Written::map()));
                    known.len() - 1
                });
                if let Some((_, inner)) = known.get_mut(place) {
                    for (key, value) in entries {
                        merge(inner, key, value);
                    }
                }
            }
        }
        Written::Map(_) | Written::Text(_) | Written::List(_) => into.put(&[key], value.clone()),
    }
}

fn trusted(value: &str, place: &Place, draft: &mut Draft) {
    let mut networks = Vec::new();
    for entry in value.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let preset: &[&str] = match entry.to_ascii_lowercase().as_str() {
            "loopback" => &["127.0.0.0/8", "::1"],
            "private" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
            _ if entry.parse::<crate::policy::Network>().is_ok() => &[entry],
            _ => {
                draft.note(place, format!("SERVER_TRUSTED_PROXIES: \"{entry}\" is no network"));
                continue;
            }
        };
        networks.extend(preset.iter().map(|network| Written::text(*network)));
    }
    draft.file.put(&["trusted_proxies"], Written::List(networks));
}

fn header(value: &str, place: &Place, draft: &mut Draft) {
    match value.trim().to_ascii_lowercase().as_str() {
        header @ ("x-forwarded-for" | "x-real-ip") => {
            draft.file.put(&["trusted_header"], Written::text(header));
        }
        other => {
            let message = format!("SERVER_CLIENT_IP_HEADER: clients' addresses are not read from {other}");
            draft.note(place, message);
        }
    }
}

fn rules(kind: &str, owner: &str, found: Result<Vec<Written>, String>, place: &Place, draft: &mut Draft) {
    let path = paths::path(owner);
    match found {
        Ok(_) if path.is_empty() => {
            let message = format!("{kind} for everybody: there is no owner of all; write them on owners");
            draft.note(place, message);
        }
        Ok(rules) => draft.file.put(&["owners", &path, kind], Written::List(rules)),
        Err(why) => draft.note(place, format!("{kind} of {path}: {why}")),
    }
}

/// The name of a target, with its provider in front where that stands apart.
fn target(tree: &Json<'_>) -> Option<String> {
    let word = |name: &str| tree.field(name).and_then(Json::as_str).filter(|word| !word.is_empty());
    let model = tree.as_str().or_else(|| word("model"))?;
    Some(word("provider").map_or_else(|| model.to_owned(), |provider| format!("{provider}/{model}")))
}

fn virtual_models(value: &str, place: &Place, draft: &mut Draft) {
    let Ok(tree) = json::parse(value.as_bytes()) else {
        return draft.note(place, "VIRTUAL_MODELS: expected a list as JSON");
    };
    for model in tree.elements() {
        let word = |name: &str| model.field(name).and_then(Json::as_str).unwrap_or_default();
        let source = word("source");
        let several = model.field("targets").map(Json::elements).unwrap_or_default();
        let one = model.field("target").and_then(target);
        let targets: Vec<String> = one.into_iter().chain(several.iter().filter_map(target)).collect();
        if model.field("enabled").and_then(Json::as_bool) == Some(false) {
            draft.note(place, format!("VIRTUAL_MODELS: \"{source}\" is switched off there, and left out"));
            continue;
        }
        if source.is_empty() || targets.is_empty() {
            let message = format!(
                "VIRTUAL_MODELS: \"{source}\" has no targets; what keys may ask for is written on them"
            );
            draft.note(place, message);
            continue;
        }
        let spread = several.len() > 1 && word("strategy") != "failover";
        if spread || several.iter().any(|target| target.field("weight").is_some()) {
            let message = format!(
                "VIRTUAL_MODELS: the targets of \"{source}\" are tried in their order; a route's strategy shares them out"
            );
            draft.note(place, message);
        }
        for name in ["user_paths", "slowdown"] {
            if model.field(name).is_some() {
                draft.note(place, format!("VIRTUAL_MODELS: {name} of \"{source}\" has no counterpart"));
            }
        }
        for target in targets {
            draft.target(source, target);
        }
    }
}

fn failover(value: &str, place: &Place, draft: &mut Draft) {
    let Ok(tree) = json::parse(value.as_bytes()) else {
        return draft.note(place, "FAILOVER_RULES_JSON: expected an object as JSON");
    };
    for (model, others) in tree.entries() {
        let Some(maker) = maker(model) else {
            let message = format!(
                "FAILOVER_RULES_JSON: who serves \"{model}\" first is not said; write a route with a name of its own"
            );
            draft.note(place, message);
            continue;
        };
        draft.target(model, format!("{maker}/{model}"));
        others.elements().iter().filter_map(target).for_each(|other| draft.target(model, other));
    }
}
