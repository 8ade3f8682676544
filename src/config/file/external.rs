//! Guards that live elsewhere, as a human writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

use super::scalar::{Fraction, Key, Span};

/// A guard that lives elsewhere: a service that is asked what it makes of what is said.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ExternalGuard {
    /// What it is: `webhook` (anybody's own, by the contract in `docs/guards-webhook.md`),
    /// `openai_moderation`, `presidio`, `bedrock`, `azure_content_safety`, `model_armor`, or a `judge`: a model
    /// of one's own.
    pub(in crate::config) kind: ExternalKind,
    /// Where it is. Default: where `provider` is; of `openai_moderation`, `https://api.openai.com/v1`; of
    /// `model_armor`, by the location in `template`.
    #[serde(default)]
    pub(in crate::config) url: Option<String>,
    /// The provider whose address, keys and credentials it has, by name: for `openai_moderation`, `bedrock`
    /// and `model_armor`.
    #[serde(default)]
    pub(in crate::config) provider: Option<String>,
    /// The key that it is shown.
    #[serde(default)]
    pub(in crate::config) api_key: Option<Key>,
    /// Headers that it is sent besides.
    #[serde(default)]
    pub(in crate::config) headers: BTreeMap<String, Key>,
    /// When it is asked: `pre` about the request, before a provider is; `during` about the request beside the
    /// provider, whose answer waits; `post` about the answer. Or a list of these. Default: `pre`.
    #[serde(default)]
    pub(in crate::config) mode: ExternalModes,
    /// How long it may take. Default: `2s`; of a `judge`, `20s`.
    #[serde(default)]
    pub(in crate::config) timeout: Option<Span>,
    /// What becomes of what it could not look at: `closed` refuses it, `open` lets it pass, which is told.
    /// Default: `closed`.
    #[serde(default)]
    pub(in crate::config) on_failure: ExternalFailure,
    /// What becomes of what it finds, at most: `monitor` records it, `tag` tells the client too, `mask`
    /// changes what it masks, and `block` also ends what it does not let pass. Default: `block`.
    #[serde(default)]
    pub(in crate::config) action: ExternalAction,
    /// How much of a request it looks at: `all`, or what was said since the model spoke last (`last`).
    /// Default: `all`.
    #[serde(default)]
    pub(in crate::config) turns: ExternalTurns,
    /// How many characters of a streamed answer it looks at at a time; that much waits. Default: 1000.
    #[serde(default)]
    pub(in crate::config) window: Option<u64>,
    /// Of `openai_moderation`: the model that moderates, `omni-moderation-latest` by default. Of a `judge`: the
    /// model or route that judges.
    #[serde(default)]
    pub(in crate::config) model: Option<String>,
    /// Of `openai_moderation` and `azure_content_safety`: the categories that count. Default: all.
    #[serde(default)]
    pub(in crate::config) categories: Vec<String>,
    /// Of `openai_moderation` and `presidio`: from which score on something counts, 0 to 1. Default: as
    /// the service has it.
    #[serde(default)]
    pub(in crate::config) threshold: Option<Fraction>,
    /// Of `openai_moderation`: the same of one category.
    #[serde(default)]
    pub(in crate::config) thresholds: BTreeMap<String, Fraction>,
    /// Of `presidio`: the language of texts. Default: `en`.
    #[serde(default)]
    pub(in crate::config) language: Option<String>,
    /// Of `presidio`: what is looked for, as `PERSON`, `LOCATION`. Default: all that it knows.
    #[serde(default)]
    pub(in crate::config) entities: Vec<String>,
    /// Of `bedrock`: the guardrail's id or ARN.
    #[serde(default)]
    pub(in crate::config) guardrail: Option<String>,
    /// Of `bedrock`: its version. Default: `DRAFT`.
    #[serde(default)]
    pub(in crate::config) version: Option<String>,
    /// Of `azure_content_safety`: from which severity on a category counts, 0 to 6. Default: 2.
    #[serde(default)]
    pub(in crate::config) severity: Option<u64>,
    /// Of `azure_content_safety`: the same of one category.
    #[serde(default)]
    pub(in crate::config) severities: BTreeMap<String, u64>,
    /// Of `azure_content_safety`: lists of words that are kept there.
    #[serde(default)]
    pub(in crate::config) blocklists: Vec<String>,
    /// Of `azure_content_safety`: whether requests are looked at for attacks by prompt, too. Default: true.
    #[serde(default)]
    pub(in crate::config) shield: Option<bool>,
    /// Of `model_armor`: `projects/…/locations/…/templates/…`.
    #[serde(default)]
    pub(in crate::config) template: Option<String>,
    /// Of a `judge`: what may pass and what may not, in words. Default: a short list of harms.
    #[serde(default)]
    pub(in crate::config) prompt: Option<String>,
    /// The keys that it is for, by name. Default: all, and those who have none.
    #[serde(default)]
    pub(in crate::config) keys: Vec<String>,
    /// The owners that it is for, each with all below it. Default: all.
    #[serde(default)]
    pub(in crate::config) owners: Vec<String>,
    /// The models and routes that it is for, by the name that clients use; `*` stands for any letters.
    /// Default: all.
    #[serde(default)]
    pub(in crate::config) models: Vec<String>,
}

/// What a guard elsewhere is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum ExternalKind {
    /// Anybody's own.
    Webhook,
    /// OpenAI's moderation.
    OpenaiModeration,
    /// Presidio's analyzer.
    Presidio,
    /// A guardrail of Amazon Bedrock.
    Bedrock,
    /// Azure AI Content Safety.
    AzureContentSafety,
    /// Google's Model Armor.
    ModelArmor,
    /// A model of one's own.
    Judge,
}

/// When a guard elsewhere is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ExternalMode {
    /// Before a provider is.
    Pre,
    /// Beside that.
    During,
    /// About the answer.
    Post,
}

/// One of these words, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct ExternalModes(pub(in crate::config) Vec<ExternalMode>);

impl Default for ExternalModes {
    fn default() -> Self {
        Self(vec![ExternalMode::Pre])
    }
}

impl<'de> Deserialize<'de> for ExternalModes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Modes).map(Self)
    }
}

struct Modes;

impl<'de> Visitor<'de> for Modes {
    type Value = Vec<ExternalMode>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pre, during, post or a list of these")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        match word.trim().to_ascii_lowercase().as_str() {
            "pre" => Ok(vec![ExternalMode::Pre]),
            "during" => Ok(vec![ExternalMode::During]),
            "post" => Ok(vec![ExternalMode::Post]),
            _ => Err(E::custom("expected pre, during, post or a list of these")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Self::Value, A::Error> {
        let mut modes = Vec::new();
        while let Some(mode) = words.next_element()? {
            if !modes.contains(&mode) {
                modes.push(mode);
            }
        }
        if modes.is_empty() {
            return Err(A::Error::custom("expected pre, during, post or a list of these"));
        }
        Ok(modes)
    }
}

/// What becomes of what a guard elsewhere could not look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ExternalFailure {
    /// It is refused.
    #[default]
    Closed,
    /// It passes.
    Open,
}

/// What becomes of what a guard elsewhere finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ExternalAction {
    /// It is recorded.
    Monitor,
    /// The client is told too.
    Tag,
    /// What it masks is changed.
    Mask,
    /// What it does not let pass ends.
    #[default]
    Block,
}

/// How much of a request a guard elsewhere looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ExternalTurns {
    /// All of it.
    #[default]
    All,
    /// What was said since the model spoke last.
    Last,
}
