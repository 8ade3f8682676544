//! Rules by which requests are said otherwise, as a human writes them.

use serde::Deserialize;

/// A rule by which requests are said otherwise before they go to a provider. Rules hold one after another,
/// in the order of their names.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Rewrite {
    /// A system prompt of your own. Default: none.
    pub(in crate::config) system_prompt: Option<SystemPrompt>,
    /// The keys that it is for, by name. Default: all, and those who have none.
    pub(in crate::config) keys: Vec<String>,
    /// The owners that it is for, each with all below it. Default: all.
    pub(in crate::config) owners: Vec<String>,
    /// The models and routes that it is for, by the name that clients use; `*` stands for any letters.
    /// Default: all.
    pub(in crate::config) models: Vec<String>,
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
