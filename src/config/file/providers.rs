//! Providers, and what is known otherwise of their models, as a human writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::auth::Auth;
use super::pressure::ClientGone;
use super::scalar::{Concurrency, Key, Usd};

/// A provider: a vendor with an address and keys.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Provider {
    /// The vendor's id, or `custom`. Default: the provider's own name.
    pub(in crate::config) vendor: Option<String>,
    /// The key. Default: that of the vendor's environment variable.
    pub(in crate::config) api_key: Option<Key>,
    /// Several keys, used in turn.
    pub(in crate::config) api_keys: Vec<Key>,
    /// The address, up to where the API begins; `{region}` in it is the `region`, or that of a route's target.
    /// Default: the vendor's.
    pub(in crate::config) base_url: Option<String>,
    /// The models it serves. Default: those of the vendor that are known.
    pub(in crate::config) models: Vec<String>,
    /// How many requests each of its models has in flight: a number, `adaptive`, or `off`.
    /// Default: as for all (`pressure`).
    pub(in crate::config) concurrency: Option<Concurrency>,
    /// What becomes of an answer whose client leaves: `close` lets the provider go at once; `drain` hears it to
    /// its end, for providers that bill all of it anyway and say only then how much that is.
    /// Default: `close`.
    pub(in crate::config) client_gone: ClientGone,
    /// Headers for every request to it. Default: none.
    pub(in crate::config) headers: BTreeMap<String, String>,
    /// Azure's `api-version`, Vertex's `v1` or `v1beta1`, watsonx' `version`. Default: the vendor's.
    pub(in crate::config) api_version: Option<String>,
    /// Amazon's region. Default: that of `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile. Or watsonx',
    /// default: that of `WATSONX_REGION`, else `us-south`. Or Oracle's, default: that of `OCI_REGION` or the
    /// profile. Or what stands in the `base_url`.
    pub(in crate::config) region: Option<String>,
    /// Google's project. Default: that of `VERTEX_PROJECT`, `GOOGLE_CLOUD_PROJECT` or the
    /// credentials. Or the id of watsonx', default: that of `WATSONX_PROJECT_ID`.
    pub(in crate::config) project: Option<String>,
    /// The id of watsonx' space, instead of a project. Default: that of `WATSONX_SPACE_ID`.
    pub(in crate::config) space: Option<String>,
    /// The OCID of Oracle's compartment. Default: that of `OCI_COMPARTMENT_ID`, else the tenancy.
    pub(in crate::config) compartment: Option<String>,
    /// Google's location: a region, `us`, `eu` or `global`. Default: that of `VERTEX_LOCATION` or
    /// `GOOGLE_CLOUD_LOCATION`, else `global`.
    pub(in crate::config) location: Option<String>,
    /// How a cloud lends credentials, for a provider without a key. Default: as the cloud's own
    /// tools find them, in the environment, in files and on the machine.
    pub(in crate::config) auth: Option<Auth>,
    /// What a `custom` vendor speaks. Default: `openai_chat`.
    pub(in crate::config) dialect: Option<Dialect>,
    /// Which of the dialects that its vendor speaks it does, where its server has not all of them.
    /// Default: all.
    pub(in crate::config) dialects: Vec<Dialect>,
}

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Dialect {
    /// OpenAI's chat completions.
    OpenaiChat,
    /// OpenAI's Responses.
    OpenaiResponses,
    /// Anthropic's messages.
    AnthropicMessages,
    /// Gemini's `generateContent`.
    GeminiGenerate,
    /// Bedrock Converse.
    BedrockConverse,
    /// OpenAI's text completions.
    OpenaiCompletions,
    /// Ollama's own chat.
    OllamaChat,
    /// Ollama's own prompts.
    OllamaGenerate,
    /// Cohere's chat.
    CohereChat,
}

impl From<Dialect> for crate::ir::Dialect {
    fn from(written: Dialect) -> Self {
        match written {
            Dialect::OpenaiChat => Self::OpenaiChat,
            Dialect::OpenaiResponses => Self::OpenaiResponses,
            Dialect::AnthropicMessages => Self::AnthropicMessages,
            Dialect::GeminiGenerate => Self::GeminiGenerate,
            Dialect::BedrockConverse => Self::BedrockConverse,
            Dialect::OpenaiCompletions => Self::OpenaiCompletions,
            Dialect::OllamaChat => Self::OllamaChat,
            Dialect::OllamaGenerate => Self::OllamaGenerate,
            Dialect::CohereChat => Self::CohereChat,
        }
    }
}

/// A correction of what is known of a model. Prices are in USD per million tokens, exact to the
/// sixth decimal place; they replace the built-in ones as a whole.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Correction {
    /// The provider's name or the vendor's id; `*` stands for any letters.
    pub(in crate::config) provider: String,
    /// The model's name there; `*` stands for any letters.
    pub(in crate::config) model: String,
    /// Input that is not cached.
    pub(in crate::config) input: Option<Usd>,
    /// Output.
    pub(in crate::config) output: Option<Usd>,
    /// Input read from the provider's cache. Default: as `input`.
    pub(in crate::config) cache_read: Option<Usd>,
    /// Input written to the provider's cache for five minutes. Default: as `input`.
    pub(in crate::config) cache_write_5m: Option<Usd>,
    /// Input written to the provider's cache for an hour. Default: as `cache_write_5m`.
    pub(in crate::config) cache_write_1h: Option<Usd>,
    /// Reasoning. Default: as `output`.
    pub(in crate::config) reasoning: Option<Usd>,
    /// The most tokens of a prompt. Default: as built in.
    pub(in crate::config) max_input: Option<u64>,
    /// The most tokens of a reply. Default: as built in.
    pub(in crate::config) max_output: Option<u64>,
}
