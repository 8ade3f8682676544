//! The vendors as data. A row says only where it departs from [`openai`], the commonest kind.

mod clouds;
mod hosts;
mod local;
mod makers;

use crate::catalog::profile::{Param, Params, ThinkingStyle};
use crate::catalog::quirks::Quirks;
use crate::dialect::{Ranks, Vectors};
use crate::ir::Dialect;

use super::auth::Auth;
use super::vendors::{Platform, Vendor};

/// Qwen's models can be told whether to think, but for those of one mind.
const QWEN: &[(&str, ThinkingStyle)] = &[
    ("qwen3-coder", ThinkingStyle::None),
    ("qwen3-max-preview", ThinkingStyle::None),
    ("qwen3", ThinkingStyle::Switch),
    ("qwen-plus", ThinkingStyle::Switch),
    ("qwen-flash", ThinkingStyle::Switch),
    ("qwen-turbo", ThinkingStyle::Switch),
];

/// Qwen's open models, whose thought their maker serves in streams alone.
const OPEN_QWEN: &[&str] = &[
    "qwen3-0.6b",
    "qwen3-1.7b",
    "qwen3-4b",
    "qwen3-8b",
    "qwen3-14b",
    "qwen3-32b",
    "qwen3-30b-a3b",
    "qwen3-235b-a22b",
];

/// Every row: makers of models, hosts of others' models, servers that people run themselves.
pub(super) fn all() -> impl Iterator<Item = &'static Vendor> {
    makers::VENDORS.iter().chain(clouds::VENDORS).chain(hosts::VENDORS).chain(local::VENDORS)
}

/// Chat and text completions at one address.
const TEXT_TOO: &[(Dialect, &str)] = &[(Dialect::OpenaiChat, ""), (Dialect::OpenaiCompletions, "")];

/// Chat completions and Responses at one address.
const RESPONSES: &[(Dialect, &str)] = &[(Dialect::OpenaiChat, ""), (Dialect::OpenaiResponses, "")];

/// Both, and text completions.
const ALL_THREE: &[(Dialect, &str)] =
    &[(Dialect::OpenaiChat, ""), (Dialect::OpenaiResponses, ""), (Dialect::OpenaiCompletions, "")];

/// A vendor that speaks OpenAI's dialect with a Bearer key and needs nothing else.
const fn openai(
    id: &'static str,
    name: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
) -> Vendor {
    Vendor {
        id,
        aliases: &[],
        name,
        base_url,
        key_env,
        key_required: true,
        auth: Auth::Bearer,
        platform: Platform::None,
        speaks: &[(Dialect::OpenaiChat, "")],
        embeddings: None,
        rerank: None,
        chat_path: "/chat/completions",
        api_version: None,
        deployments: false,
        catalogue_ids: &[],
        quirks: Quirks::NONE,
    }
}

/// The same, with vectors.
const fn with_vectors(vendor: &Vendor) -> Vendor {
    Vendor { embeddings: Some(Vectors::Openai), ..*vendor }
}

/// The same, with an order of documents as Jina's.
const fn with_ranks(vendor: &Vendor) -> Vendor {
    Vendor { rerank: Some(Ranks::Jina), ..*vendor }
}

/// A server that people run themselves, with or without a key. They all go on with a prompt, too.
const fn own_server(
    id: &'static str,
    name: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
) -> Vendor {
    let vendor = with_ranks(&with_vectors(&openai(id, name, base_url, key_env)));
    Vendor { key_required: false, speaks: TEXT_TOO, ..vendor }
}

/// A vendor of vectors alone.
const fn only_vectors(
    id: &'static str,
    name: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
) -> Vendor {
    Vendor { speaks: &[], ..with_vectors(&openai(id, name, base_url, key_env)) }
}

/// Quirks that are nothing but refused parameters.
const fn refuses(params: &[Param]) -> Quirks {
    Quirks { refuses: Params::of(params), ..Quirks::NONE }
}
