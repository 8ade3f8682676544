//! One entry of `model_list`: a name, who serves it and how, and what it costs.

use crate::config::import::money::per_million;
use crate::config::import::text;
use crate::config::import::written::Written;
use crate::config::tree::{Entry, Node};
use crate::policy::rewrite::Param;
use crate::provider::Vendor;

use super::{Reader, place};

/// Fields that say where a provider is and with which credential, by what they are called there and
/// here.
const FIELDS: &[(&str, &[&str])] = &[
    ("api_key", &["api_key"]),
    ("api_version", &["api_version"]),
    ("aws_region_name", &["region"]),
    ("aws_access_key_id", &["auth", "access_key_id"]),
    ("aws_secret_access_key", &["auth", "secret_access_key"]),
    ("aws_session_token", &["auth", "session_token"]),
    ("aws_profile_name", &["auth", "profile"]),
    ("aws_role_name", &["auth", "role_arn"]),
    ("aws_session_name", &["auth", "role_session_name"]),
    ("aws_external_id", &["auth", "external_id"]),
    ("vertex_project", &["project"]),
    ("vertex_ai_project", &["project"]),
    ("vertex_location", &["location"]),
    ("vertex_ai_location", &["location"]),
    ("oci_region", &["region"]),
    ("oci_compartment_id", &["compartment"]),
    ("oci_tenancy", &["auth", "tenancy"]),
    ("oci_user", &["auth", "user"]),
    ("oci_fingerprint", &["auth", "fingerprint"]),
    ("oci_key", &["auth", "private_key"]),
    ("oci_key_file", &["auth", "key_file"]),
    ("project_id", &["project"]),
    ("space_id", &["space"]),
    ("tenant_id", &["auth", "tenant_id"]),
    ("client_id", &["auth", "client_id"]),
    ("client_secret", &["auth", "client_secret"]),
    ("azure_scope", &["auth", "scope"]),
    ("organization", &["headers", "openai-organization"]),
];

/// Prices and limits, likewise; prices are for one token there.
const PRICES: &[(&str, &str)] = &[
    ("input_cost_per_token", "input"),
    ("output_cost_per_token", "output"),
    ("cache_read_input_token_cost", "cache_read"),
    ("cache_creation_input_token_cost", "cache_write_5m"),
    ("cache_creation_input_token_cost_above_1hr", "cache_write_1h"),
    ("output_cost_per_reasoning_token", "reasoning"),
];
const LIMITS: &[(&str, &str)] = &[("max_input_tokens", "max_input"), ("max_output_tokens", "max_output")];

/// What has no counterpart, and why.
const NONE: &[(&str, &str)] = &[
    ("rpm", "limits are of keys, owners and labels, not of deployments"),
    ("tpm", "limits are of keys, owners and labels, not of deployments"),
    ("max_parallel_requests", "concurrency of a provider bounds what each of its models has in flight"),
    ("max_budget", "budgets are of keys, owners and labels, not of deployments"),
    ("budget_duration", "budgets are of keys, owners and labels, not of deployments"),
    ("weight", "a route's strategy: weighted knows weights of its targets"),
    ("timeout", "times are of routes and of all providers: timeouts.total, upstream.total_timeout"),
    (
        "stream_timeout",
        "times are of routes and of all providers: timeouts.first_byte, upstream.first_byte_timeout",
    ),
    ("max_retries", "attempts are counted for all providers: upstream.attempts"),
    ("num_retries", "attempts are counted for all providers: upstream.attempts"),
    ("drop_params", "what a provider cannot take is always left out and told, unless a route is strict"),
    ("mock_response", "answers are never made up; tollgate demo has a fake provider"),
    ("litellm_credential_name", "write the credential itself at the provider"),
    ("tags", "a route says for which requests a target is: when"),
    ("azure_ad_token", "a token that ends is lent by Entra: auth.tenant_id, client_id and client_secret"),
];

impl Reader {
    pub(super) fn deployment(&mut self, item: &Node) {
        let Some(name) = item.get("model_name").and_then(text).map(str::to_owned) else {
            return self.note(&item.place, "model_list: this entry has no model_name");
        };
        let Some(params) = item.get("litellm_params") else {
            return self.note(&item.place, format!("model_list: \"{name}\" has no litellm_params"));
        };
        let Some(model) = params.get("model").and_then(text).map(str::to_owned) else {
            return self.note(&params.place, format!("model_list: \"{name}\" has no model"));
        };
        let custom = params.get("custom_llm_provider").and_then(text);
        let api_base = params.get("api_base").or_else(|| params.get("base_url")).and_then(text);
        let api_base = api_base.map(|base| self.value(base));
        let Some((vendor, model)) = split(&model, custom, api_base.as_deref()) else {
            let message =
                format!("model_list: who serves \"{model}\" is not known here; \"{name}\" is left out");
            return self.note(&params.place, message);
        };
        let mut fields = Written::map();
        if let Some(base) = api_base {
            fields.put(&["base_url"], Written::Text(address(vendor, &base)));
        }
        let mut prices = Vec::new();
        let mut rank = 1;
        for entry in params.entries() {
            self.parameter(entry, &name, &mut fields, &mut prices, &mut rank);
        }
        for entry in item.get("model_info").map(Node::entries).unwrap_or_default() {
            self.info(entry, &name, &mut prices);
        }
        for entry in item.entries() {
            if !["model_name", "litellm_params", "model_info"].contains(&entry.key.as_str()) {
                self.note(&entry.place, format!("{} of \"{name}\" has no counterpart", entry.key));
            }
        }
        let wanted = name.strip_suffix("/*").filter(|stem| !stem.is_empty() && !stem.contains(['/', '*']));
        let wanted = wanted.unwrap_or(vendor);
        let Written::Map(fields) = fields else { return };
        let provider = self.draft.providers.name(vendor, wanted, &fields);
        self.offer(item, &name, &provider, &model, rank);
        if !prices.is_empty() {
            let mut correction = vec![
                ("provider".to_owned(), Written::text(&provider)),
                ("model".to_owned(), Written::text(&model)),
            ];
            correction.extend(prices);
            let correction = Written::Map(correction);
            if !self.draft.models.contains(&correction) {
                self.draft.models.push(correction);
            }
        }
    }

    /// What a name or a pattern of names stands for.
    fn offer(&mut self, item: &Node, name: &str, provider: &str, model: &str, rank: u64) {
        if !name.contains('*') {
            self.order.push((name.to_owned(), rank, format!("{provider}/{model}"), item.place.clone()));
            return;
        }
        if name == "*" {
            self.draft.file.put(&["default_provider"], Written::text(provider));
        } else if name.strip_suffix("/*") != Some(provider) && model != name {
            let message =
                format!("\"{name}\" is no pattern here: ask for {provider}/… or the model's own name");
            self.note(&item.place, message);
        }
    }

    fn parameter(
        &mut self,
        entry: &Entry,
        name: &str,
        fields: &mut Written,
        prices: &mut Vec<(String, Written)>,
        rank: &mut u64,
    ) {
        let key = entry.key.as_str();
        if let Some((_, path)) = FIELDS.iter().find(|(known, _)| *known == key) {
            if let Some(value) = self.written(&entry.node) {
                fields.put(path, value);
            }
            return;
        }
        match key {
            "model" | "custom_llm_provider" | "api_base" | "base_url" => {}
            "order" => *rank = text(&entry.node).and_then(|rank| rank.parse().ok()).unwrap_or(1),
            "vertex_credentials" => {
                if let Some(value) = text(&entry.node).map(|written| self.value(written)) {
                    let is_file = !value.starts_with('{') && !value.starts_with("${");
                    let field = if is_file { "credentials_file" } else { "credentials" };
                    fields.put(&["auth", field], Written::Text(value));
                }
            }
            "extra_headers" | "headers" => {
                for header in entry.node.entries() {
                    if let Some(value) = self.written(&header.node) {
                        fields.put(&["headers", &header.key], value);
                    }
                }
            }
            _ if Param::from_name(key).is_some() => self.default(entry, name),
            _ => self.price_or_note(entry, name, prices),
        }
    }

    /// A parameter that holds where the client says nothing.
    fn default(&mut self, entry: &Entry, name: &str) {
        let key = entry.key.as_str();
        let value = match self.written(&entry.node) {
            // There it is the name of what nobody else serves, and here it would be that of everything.
            Some(Written::Text(value)) if name != "*" => value,
            _ => return self.note(place(entry), format!("{key} of \"{name}\": write it under rewrites")),
        };
        let path = ["rewrites", name, "defaults", key];
        if self.draft.file.text_at(&path).is_some_and(|known| known != value) {
            let message =
                format!("{key} of \"{name}\": defaults are of a name, not of one of its deployments");
            return self.note(place(entry), message);
        }
        self.draft.file.put(&path, Written::Text(value));
        self.draft.file.put(&["rewrites", name, "models"], Written::List(vec![Written::text(name)]));
    }

    fn info(&mut self, entry: &Entry, name: &str, prices: &mut Vec<(String, Written)>) {
        match entry.key.as_str() {
            // What it is for is known by how it is asked; the id is LiteLLM's own.
            "mode" | "id" | "description" => {}
            "base_model" => {
                let message =
                    format!("base_model of \"{name}\": write the prices of the deployment under models:");
                self.note(place(entry), message);
            }
            _ => self.price_or_note(entry, name, prices),
        }
    }

    fn price_or_note(&mut self, entry: &Entry, name: &str, prices: &mut Vec<(String, Written)>) {
        let key = entry.key.as_str();
        let mut put = |field: &str, value: String| {
            if !prices.iter().any(|(known, _)| known == field) {
                prices.push((field.to_owned(), Written::Text(value)));
            }
        };
        if let Some((_, field)) = PRICES.iter().find(|(known, _)| *known == key) {
            match text(&entry.node).and_then(per_million) {
                Some((price, cut)) => {
                    put(field, price);
                    if cut {
                        self.note(
                            place(entry),
                            format!("{key} of \"{name}\" has more than six places a million"),
                        );
                    }
                }
                None => self.note(place(entry), format!("{key} of \"{name}\" is no price")),
            }
            return;
        }
        if let Some((_, field)) = LIMITS.iter().find(|(known, _)| *known == key) {
            match text(&entry.node).and_then(|text| text.parse::<u64>().ok()) {
                Some(limit) => put(field, limit.to_string()),
                None => self.note(place(entry), format!("{key} of \"{name}\" is no number")),
            }
            return;
        }
        let reason = NONE.iter().find(|(known, _)| *known == key).map(|(_, reason)| *reason);
        self.note(
            place(entry),
            format!("{key} of \"{name}\": {}", reason.unwrap_or("it has no counterpart")),
        );
    }
}

/// The vendor, and the model's name there.
fn split<'m>(model: &'m str, custom: Option<&str>, api_base: Option<&str>) -> Option<(&'static str, String)> {
    let (prefix, rest) = match (custom, model.split_once('/')) {
        (Some(custom), Some((first, rest))) if first == custom => (custom.to_owned(), rest),
        (Some(custom), _) => (custom.to_owned(), model),
        (None, Some((prefix, rest))) if Vendor::find(vendor(prefix)).is_some() => (prefix.to_owned(), rest),
        (None, _) => (maker(model).unwrap_or_default().to_owned(), model),
    };
    // How it is asked there is found here by itself.
    let ways: &[&str] = match prefix.as_str() {
        "bedrock" => &["converse/", "invoke/", "converse_like/"],
        "openai" | "azure" => &["responses/"],
        _ => &[],
    };
    let rest: &'m str = ways.iter().find_map(|way| rest.strip_prefix(way)).unwrap_or(rest);
    let found = Vendor::find(vendor(&prefix)).map(|vendor| vendor.id);
    let elsewhere = api_base.is_some_and(|base| !base.contains("openai.com") && !base.starts_with("${"));
    let found: &'static str = match found {
        Some("openai") if elsewhere => "custom",
        Some(found) => found,
        None if api_base.is_some() => "custom",
        None => return None,
    };
    Some((found, rest.to_owned()))
}

/// Our word for one of LiteLLM's providers.
fn vendor(prefix: &str) -> &str {
    match prefix {
        "vertex_ai_beta" => "vertex",
        "azure_text" => "azure",
        "text-completion-openai" | "openai_like" | "custom_openai" => "custom",
        "ollama_chat" => "ollama",
        "cohere_chat" => "cohere",
        "together_ai" => "together",
        other => other,
    }
}

/// Who makes a model that is named without anybody.
pub(in crate::config::import) fn maker(model: &str) -> Option<&'static str> {
    const MAKERS: &[(&str, &[&str])] = &[
        (
            "openai",
            &[
                "gpt-",
                "o1",
                "o3",
                "o4",
                "chatgpt-",
                "text-embedding-",
                "dall-e",
                "whisper",
                "tts-",
                "omni-moderation",
            ],
        ),
        ("anthropic", &["claude-"]),
        ("gemini", &["gemini-"]),
        ("cohere", &["command", "embed-", "rerank-"]),
        ("deepseek", &["deepseek-"]),
        ("mistral", &["mistral-", "codestral-", "magistral-"]),
        ("xai", &["grok-"]),
    ];
    let makes = |(_, starts): &&(&str, &[&str])| starts.iter().any(|start| model.starts_with(start));
    MAKERS.iter().find(makes).map(|(maker, _)| *maker)
}

/// An address as it is written here.
fn address(vendor: &str, base: &str) -> String {
    let base = base.trim_end_matches('/');
    // The path stands behind the host there, and here in the address.
    match vendor {
        "ollama" if !base.ends_with("/v1") && !base.starts_with("${") => format!("{base}/v1"),
        _ => base.to_owned(),
    }
}
