//! The vendors that Tollgate knows by name: one row each, and no code of their own.

use crate::catalog::quirks::Quirks;
use crate::catalog::{Catalog, Model};
use crate::dialect::{Ranks, Vectors};
use crate::ir::Dialect;

use super::auth::Auth;
use super::table;

/// One vendor, or one kind of server that people run themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vendor {
    /// The id in configuration, metrics and the catalogue.
    pub id: &'static str,
    /// Other spellings of the id that configuration may use.
    pub aliases: &'static [&'static str],
    /// The name for humans.
    pub name: &'static str,
    /// Where the preferred dialect is served, without a slash at its end; "" when only the user
    /// can know. `{braces}` hold a place that the user must fill in.
    pub base_url: &'static str,
    /// The environment variables that hold the key, the likeliest first.
    pub key_env: &'static [&'static str],
    /// Whether nothing works without a key.
    pub key_required: bool,
    /// How the key is sent.
    pub auth: Auth,
    /// How its addresses are laid out, where it serves the models of several makers by each
    /// maker's own API.
    pub platform: Platform,
    /// The dialects spoken, the preferred first, each with its own base address or "" for
    /// [`Vendor::base_url`]. Empty for vendors of vectors alone.
    pub speaks: &'static [(Dialect, &'static str)],
    /// How vectors are asked for, where they are served at all; they lie at
    /// [`Vendor::base_url`].
    pub embeddings: Option<Vectors>,
    /// How an order of documents is asked for, where it is; at [`Vendor::base_url`] too.
    pub rerank: Option<Ranks>,
    /// Where the OpenAI dialect is served below the base; `{model}` holds the model's place.
    pub chat_path: &'static str,
    /// The `api-version` to ask for where the vendor demands one (Azure).
    pub api_version: Option<&'static str>,
    /// Whether models are deployments with a path each (Azure OpenAI's classic addresses).
    pub deployments: bool,
    /// The ids under which the catalogue has this vendor's models, the best first.
    pub catalogue_ids: &'static [&'static str],
    /// Where the vendor differs from the norm.
    pub quirks: Quirks,
}

/// How a cloud lays out the addresses of other makers' models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// It does not: each dialect has its usual addresses.
    None,
    /// Google's Vertex: `/publishers/{maker}/models/{model}:{verb}` below a project and location.
    Vertex,
    /// Amazon's Bedrock: `/model/{model}/{verb}`.
    Bedrock,
    /// Amazon's `SageMaker`: `/endpoints/{name}/{verb}`, behind each of which one model is served.
    SageMaker,
    /// IBM's watsonx: `/ml/v1/text/{verb}`, or the same below a deployment.
    Watsonx,
    /// NVIDIA's Triton: `/v2/models/{model}/{verb}`.
    Triton,
    /// Replicate: `/models/{owner}/{name}/predictions`.
    Replicate,
}

impl Platform {
    /// Whether a model of that name is served in this dialect.
    #[must_use]
    pub fn serves(self, dialect: Dialect, model: &str) -> bool {
        match self {
            Self::None | Self::SageMaker | Self::Watsonx | Self::Triton | Self::Replicate => true,
            Self::Vertex => dialect == Self::on_vertex(model),
            Self::Bedrock => dialect != Dialect::AnthropicMessages || model.contains("anthropic.claude"),
        }
    }

    fn on_vertex(model: &str) -> Dialect {
        let name = model.rsplit("models/").next().unwrap_or(model);
        let google = model.starts_with("publishers/google/") || model.starts_with("endpoints/");
        if name.starts_with("claude") || name.starts_with("anthropic/") {
            Dialect::AnthropicMessages
        } else if google || !name.contains('/') && !is_mistral(name) || name.starts_with("google/") {
            Dialect::GeminiGenerate
        } else {
            Dialect::OpenaiChat
        }
    }
}

/// Mistral's models have a publisher's place of their own on Vertex, and speak OpenAI's dialect there.
#[must_use]
pub fn is_mistral(model: &str) -> bool {
    ["mistral", "codestral", "ministral"].iter().any(|name| model.starts_with(name))
}

impl Vendor {
    /// The vendor of that id or alias; hyphens count as underscores.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        let same = |known: &str| {
            known.len() == id.len()
                && known.bytes().zip(id.bytes()).all(|(known, byte)| match byte {
                    b'-' => known == b'_' || known == b'-',
                    other => known == other.to_ascii_lowercase(),
                })
        };
        table::all().find(|row| same(row.id) || row.aliases.iter().any(|alias| same(alias)))
    }

    /// Every vendor.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        table::all()
    }

    /// Every dialect spoken with its base address, the preferred first, where `own` is the base
    /// that the user has set, if any.
    ///
    /// The user's base stands for all dialects that share the vendor's one. A dialect with an
    /// address of its own is left out then, since nobody can say where it lies, unless the
    /// vendor's address is one that each user fills in: then the host is the user's.
    #[must_use]
    pub fn bases(&self, own: Option<&str>) -> Vec<(Dialect, String)> {
        let resolve = |base: &str| match (own, base) {
            (None, "") => Some(self.base_url.to_owned()),
            (None, apart) => Some(apart.to_owned()),
            (Some(own), "") => Some(own.trim_end_matches('/').to_owned()),
            (Some(own), apart) if apart.contains('{') => swap_host(own, apart),
            (Some(_), _) => None,
        };
        let spoken = self.speaks.iter();
        spoken.filter_map(|(dialect, base)| Some((*dialect, resolve(base)?))).collect()
    }

    /// Whether its address is filled in with a region or a project, which clouds' own variables say.
    #[must_use]
    pub const fn is_regional(&self) -> bool {
        matches!(self.auth, Auth::Aws { .. } | Auth::GoogleCloud | Auth::Ibm | Auth::Oracle)
    }

    /// What the catalogue knows of a model behind this vendor.
    #[must_use]
    pub fn model<'c>(&self, catalog: &'c Catalog, name: &str) -> Option<&'c Model> {
        let ids = if self.catalogue_ids.is_empty() { &[self.id] } else { self.catalogue_ids };
        let own = |id: &&str| catalog.find(id, name).filter(|model| model.provider == **id);
        ids.iter().find_map(own).or_else(|| catalog.find(ids.first()?, name))
    }
}

/// The scheme and host of one address with the path of another.
fn swap_host(own: &str, apart: &str) -> Option<String> {
    let split = |address: &str| {
        let start = address.find("://")? + 3;
        let rest = address.get(start..)?;
        Some(start + rest.find('/').unwrap_or(rest.len()))
    };
    let host = own.get(..split(own)?)?;
    let path = apart.get(split(apart)?..)?;
    Some(format!("{host}{path}"))
}
