//! Rules by which requests are said otherwise, as a human writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A rule by which requests are said otherwise before they go to a provider. Rules hold one after another,
/// in the order of their names.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Rewrite {
    /// A system prompt of your own. Default: none.
    pub(in crate::config) system_prompt: Option<SystemPrompt>,
    /// Exact places that stand elsewhere: `/from` → `/to`.
    pub(in crate::config) rename: BTreeMap<String, String>,
    /// What is said no more: parameters, and exact places such as `/metadata/team`.
    pub(in crate::config) remove: Vec<String>,
    /// What is said where the client says nothing. Parameters are `max_tokens`, `n`, `temperature`, `top_p`,
    /// `top_k`, `stop`, `seed`, `presence_penalty`, `frequency_penalty` and `reasoning_effort`, whatever the
    /// client's dialect calls them; a key that begins with `/` is an exact place in the body. A value that is
    /// JSON is taken as such, else as text.
    pub(in crate::config) defaults: BTreeMap<String, String>,
    /// What is said whatever the client says; written as `defaults` are.
    pub(in crate::config) set: BTreeMap<String, String>,
    /// The most that may be said, of parameters that are numbers and of `reasoning_effort`. Where nothing
    /// bounds an answer, `max_tokens` does.
    pub(in crate::config) caps: BTreeMap<String, String>,
    /// Headers that are said otherwise. Credentials and what frames a message are nobody's to change.
    pub(in crate::config) headers: Headers,
    /// The keys that it is for, by name. Default: all, and those who have none.
    pub(in crate::config) keys: Vec<String>,
    /// The owners that it is for, each with all below it. Default: all.
    pub(in crate::config) owners: Vec<String>,
    /// The models and routes that it is for, by the name that clients use; `*` stands for any letters.
    /// Default: all.
    pub(in crate::config) models: Vec<String>,
    /// What the clients speak that it is for: `openai_chat`, `anthropic_messages` … Default: all.
    pub(in crate::config) dialects: Vec<String>,
    /// The providers that its headers are for, by name. Default: all.
    pub(in crate::config) providers: Vec<String>,
}

/// A system prompt, and where it stands beside the client's own: one of the four.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct SystemPrompt {
    /// Said where the client says none.
    pub(in crate::config) inject: Option<String>,
    /// Said before the client's own.
    pub(in crate::config) prepend: Option<String>,
    /// Said behind the client's own.
    pub(in crate::config) append: Option<String>,
    /// Said in place of the client's own.
    pub(in crate::config) replace: Option<String>,
}

/// Headers that are said otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Headers {
    /// Of requests, on their way to the provider.
    pub(in crate::config) request: HeaderChanges,
    /// Of answers, on their way to the client.
    pub(in crate::config) response: HeaderChanges,
}

/// What becomes of some headers: first some are taken out, then set, then added.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct HeaderChanges {
    /// Said so, whatever was said: name → value.
    pub(in crate::config) set: BTreeMap<String, String>,
    /// Said besides what was said: name → value.
    pub(in crate::config) add: BTreeMap<String, String>,
    /// Said no more.
    pub(in crate::config) remove: Vec<String>,
}
