//! LiteLLM's settings of the whole proxy, its router and its library.

use crate::config::import::written::Written;
use crate::config::import::{is_true, text};
use crate::config::tree::{Entry, Node, Value};

use super::{Reader, place};

/// What becomes of a setting.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning {
    /// It is so by itself here.
    Same,
    /// It has none, for this reason.
    None(&'static str),
    /// The key that opens everything.
    MasterKey,
    /// Attempts after the first.
    Retries,
    /// The time of a whole request.
    Timeout,
    /// The largest body, in MiB.
    BodyMib,
    /// Whether more is logged.
    Verbose,
    /// Whether what cannot be said is left out.
    DropParams,
    /// Other names to go on with.
    Fallbacks,
    /// Other names for names.
    Aliases,
}

use Meaning::{Aliases, BodyMib, DropParams, Fallbacks, MasterKey, Retries, Same, Timeout, Verbose};

type Meanings = &'static [(&'static str, Meaning)];

const NO_REDIS: Meaning = Meaning::None("nothing is kept in Redis");
const NO_CALLBACKS: Meaning =
    Meaning::None("nobody is called; the access log and Prometheus metrics tell of each request");
const NO_CACHE: Meaning = Meaning::None("what it configures there is not imported");
const NO_HEALTH: Meaning = Meaning::None("breakers say when a target that fails is left alone");
const ORDERED: Meaning =
    Meaning::None("targets of one name are tried in their order; a route's strategy says otherwise");
const NO_DATABASE: Meaning = Meaning::None("keys, tallies and responses are kept in data_dir");
const ON_KEYS: Meaning = Meaning::None("write it on keys, owners or labels");

pub(super) const LITELLM: Meanings = &[
    ("drop_params", DropParams),
    ("modify_params", Same),
    ("json_logs", Same),
    ("num_retries", Retries),
    ("request_timeout", Timeout),
    ("fallbacks", Fallbacks),
    ("model_group_alias", Aliases),
    ("set_verbose", Verbose),
    ("callbacks", NO_CALLBACKS),
    ("success_callback", NO_CALLBACKS),
    ("failure_callback", NO_CALLBACKS),
    ("service_callback", NO_CALLBACKS),
    ("turn_off_message_logging", Same),
    ("redact_user_api_key_info", Same),
    ("cache", NO_CACHE),
    ("cache_params", NO_CACHE),
    ("default_internal_user_params", ON_KEYS),
    ("max_budget", ON_KEYS),
    ("budget_duration", ON_KEYS),
    ("max_internal_user_budget", ON_KEYS),
    ("upperbound_key_generate_params", ON_KEYS),
    ("default_team_settings", ON_KEYS),
];

pub(super) const ROUTER: Meanings = &[
    ("routing_strategy", ORDERED),
    ("routing_strategy_args", ORDERED),
    ("num_retries", Retries),
    ("timeout", Timeout),
    ("fallbacks", Fallbacks),
    ("model_group_alias", Aliases),
    ("set_verbose", Verbose),
    ("debug_level", Meaning::None("the log's level is log.level")),
    ("retry_after", Meaning::None("other attempts are made at once, at the next target or key")),
    (
        "stream_timeout",
        Meaning::None("write it under upstream, or at a route: timeouts.first_byte, timeouts.idle"),
    ),
    ("allowed_fails", NO_HEALTH),
    ("cooldown_time", NO_HEALTH),
    ("disable_cooldowns", NO_HEALTH),
    ("allowed_fails_policy", NO_HEALTH),
    ("retry_policy", Meaning::None("which failures are tried elsewhere is not configured")),
    ("model_group_retry_policy", Meaning::None("which failures are tried elsewhere is not configured")),
    ("redis_url", NO_REDIS),
    ("redis_host", NO_REDIS),
    ("redis_port", NO_REDIS),
    ("redis_password", NO_REDIS),
    ("cache_responses", NO_CACHE),
    ("enable_tag_filtering", Meaning::None("a route says for which requests a target is: when")),
    ("provider_budget_config", ON_KEYS),
];

pub(super) const GENERAL: Meanings = &[
    ("master_key", MasterKey),
    ("max_request_size_mb", BodyMib),
    ("database_url", NO_DATABASE),
    ("database_connection_pool_limit", NO_DATABASE),
    ("store_model_in_db", NO_DATABASE),
    ("proxy_batch_write_at", NO_DATABASE),
    ("use_redis_transaction_buffer", NO_REDIS),
    ("disable_spend_logs", NO_CALLBACKS),
    ("store_prompts_in_spend_logs", NO_CALLBACKS),
    ("alerting", NO_CALLBACKS),
    ("alerting_threshold", NO_CALLBACKS),
    ("health_check_interval", NO_HEALTH),
    ("background_health_checks", NO_HEALTH),
    ("max_parallel_requests", ON_KEYS),
    ("global_max_parallel_requests", ON_KEYS),
    ("allowed_ips", Meaning::None("addresses are written on keys")),
    ("use_x_forwarded_for", Meaning::None("name your proxies: trusted_proxies")),
    ("enable_jwt_auth", Meaning::None("tokens are taken of the issuers under jwt:")),
    ("litellm_jwtauth", Meaning::None("tokens are taken of the issuers under jwt:")),
    ("custom_auth", Meaning::None("no code of others is run")),
    ("litellm_key_header_name", Meaning::None("keys are taken from every header that an SDK uses")),
    ("pass_through_endpoints", Meaning::None("every provider is reached under /p/ and its name")),
];

impl Reader {
    pub(super) fn settings(&mut self, node: &Node, meanings: Meanings, section: &str) {
        for entry in node.entries() {
            let known = meanings.iter().find(|(key, _)| *key == entry.key).map(|(_, meaning)| *meaning);
            let meaning = known.unwrap_or(Meaning::None("it has no counterpart"));
            self.setting(entry, meaning, section);
        }
    }

    fn setting(&mut self, entry: &Entry, meaning: Meaning, section: &str) {
        let key = format!("{section}.{}", entry.key);
        let written = text(&entry.node).unwrap_or_default();
        let number = written.parse::<u32>().ok();
        match meaning {
            Meaning::None(reason) => self.note(place(entry), format!("{key}: {reason}")),
            MasterKey => {
                if let Some(value) = self.written(&entry.node) {
                    self.draft.file.put(&["master_key"], value);
                }
            }
            Retries => match number {
                Some(retries) => {
                    let attempts = retries.saturating_add(1).clamp(1, 20).to_string();
                    self.draft.file.put(&["upstream", "attempts"], Written::Text(attempts));
                    let message = format!("{key}: a request makes so many attempts at all targets together");
                    self.note(place(entry), message);
                }
                None => self.note(place(entry), format!("{key}: expected a number")),
            },
            Timeout => match written.parse::<f64>().ok().filter(|seconds| *seconds > 0.0) {
                Some(seconds) => {
                    let millis = format!("{:.0}ms", seconds * 1000.0);
                    let time = if written.contains('.') { millis } else { format!("{written}s") };
                    self.draft.file.put(&["upstream", "total_timeout"], Written::Text(time));
                }
                None => self.note(place(entry), format!("{key}: expected a number of seconds")),
            },
            BodyMib => match number.filter(|size| *size > 0) {
                Some(size) => {
                    self.draft.file.put(&["limits", "body"], Written::Text(format!("{size}MiB")));
                }
                None => self.note(place(entry), format!("{key}: expected a whole number of MiB")),
            },
            Verbose if is_true(&entry.node) => {
                self.draft.file.put(&["log", "level"], Written::text("debug"));
            }
            DropParams if !is_true(&entry.node) => {
                self.draft.file.put(&["strict"], Written::text("true"));
                self.note(place(entry), format!("{key}: whatever would be lost is refused: strict"));
            }
            // It is so by itself.
            Same | Verbose | DropParams => {}
            Fallbacks => self.fallbacks(entry, &key),
            Aliases => self.aliases(entry, &key),
        }
    }

    /// `[{name: [others]}]`: the targets of the others stand behind those of the name.
    fn fallbacks(&mut self, entry: &Entry, key: &str) {
        for rule in entry.node.items().iter().flat_map(Node::entries) {
            let name = rule.key.as_str();
            if self.draft.targets(name).is_none() {
                self.note(&rule.place, format!("{key}: no entry of model_list is called \"{name}\""));
                continue;
            }
            for other in rule.node.items() {
                let Some(other) = text(other) else {
                    self.note(&rule.place, format!("{key}: another with words of its own is not imported"));
                    continue;
                };
                match self.draft.targets(other).cloned() {
                    Some(targets) => targets.into_iter().for_each(|target| self.draft.target(name, target)),
                    None => {
                        let message = format!("{key}: no entry of model_list is called \"{other}\"");
                        self.note(&rule.place, message);
                    }
                }
            }
        }
    }

    fn aliases(&mut self, entry: &Entry, key: &str) {
        for alias in entry.node.entries() {
            let target = match &alias.node.value {
                Value::Map(_) => alias.node.get("model").and_then(text),
                Value::Text(text) => Some(text.as_str()),
                Value::Null | Value::List(_) => None,
            };
            match target.filter(|target| self.draft.targets(target).is_some()) {
                Some(target) => self.draft.target(&alias.key, target.to_owned()),
                None => {
                    let message =
                        format!("{key}: no entry of model_list is called as \"{}\" says", alias.key);
                    self.note(&alias.place, message);
                }
            }
            if alias.node.get("hidden").is_some_and(is_true) {
                self.note(&alias.place, format!("{key}: \"{}\" is listed as any other name", alias.key));
            }
        }
    }
}
