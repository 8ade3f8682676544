//! What the gateway answers without an upstream: lists of models, counts of tokens, health.

use http::HeaderMap;

use crate::account::tally;
use crate::catalog::{Flag, Mode, Model};
use crate::dialect::cohere_chat::models::Listed;
use crate::dialect::ollama::models::Loading;
use crate::dialect::{
    Head, anthropic_messages, bedrock_converse, codec, cohere_chat, gemini_generate, ollama, openai_chat,
    openai_responses,
};
use crate::ir::Dialect;
use crate::policy::Key;
use crate::proxy::arrival::admission;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::exchange::Ask;
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::Snapshot;
use crate::wire::lens::Lens;

/// The list of the models that a key may ask for, in the client's shape.
#[must_use]
pub fn models(world: &Snapshot, key: Option<&Key>, dialect: Dialect) -> Vec<u8> {
    let names = world.discovered.load();
    let mut listed = world.table.list(&names);
    if let Some(key) = key.filter(|key| !key.access.is_for_all_models()) {
        listed.retain(|(name, _)| admission::may_ask(world, &names, key, name));
    }
    let owner =
        |index: &usize| world.providers.get(*index).map_or("tollgate", |provider| provider.name.as_str());
    match dialect {
        // Bedrock lists its models elsewhere, and its clients ask for none here.
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::BedrockConverse => {
            let models: Vec<_> = listed.iter().map(|(name, index)| (name.as_str(), owner(index))).collect();
            openai_chat::models::render_list(&models)
        }
        Dialect::AnthropicMessages => {
            let models: Vec<_> = listed.iter().map(|(name, _)| (name.as_str(), name.as_str())).collect();
            anthropic_messages::models::render_models(&models)
        }
        Dialect::CohereChat => {
            let models: Vec<_> = listed.iter().map(|(name, index)| for_cohere(world, name, *index)).collect();
            cohere_chat::models::render_list(&models)
        }
        Dialect::OllamaChat | Dialect::OllamaGenerate => {
            let models: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
            ollama::models::render_list(&models)
        }
        Dialect::GeminiGenerate => {
            let models: Vec<_> =
                listed.iter().map(|(name, index)| with_limits(world, name, *index)).collect();
            gemini_generate::models::render_list(&models)
        }
    }
}

/// One model in the client's shape.
///
/// # Errors
/// 404 with the nearest names; 403 where the key may not ask for it.
pub fn model(world: &Snapshot, key: Option<&Key>, dialect: Dialect, name: &str) -> Result<Vec<u8>, Refusal> {
    let choice = admission::choose(world, &world.discovered.load(), key, name)?;
    let index = choice.targets.first().map_or(0, |target| target.provider);
    let owner = world.providers.get(index).map_or("tollgate", |provider| provider.name.as_str());
    Ok(match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::BedrockConverse => openai_chat::models::render_one(name, owner),
        Dialect::AnthropicMessages => anthropic_messages::models::render_model(name, name),
        Dialect::CohereChat => cohere_chat::models::render_one(&for_cohere(world, name, index)),
        Dialect::OllamaChat | Dialect::OllamaGenerate => shown(world, name, index),
        Dialect::GeminiGenerate => gemini_generate::models::render_one(&with_limits(world, name, index)),
    })
}

/// What the catalogue knows of a model.
fn known<'w>(world: &'w Snapshot, name: &str, index: usize) -> Option<&'w Model> {
    let ids = world.providers.get(index).map_or(&[][..], |provider| provider.vendor.catalogue_ids);
    ids.iter().find_map(|id| world.catalog.find(id, name))
}

fn for_cohere<'a>(world: &Snapshot, name: &'a str, index: usize) -> Listed<'a> {
    let known = known(world, name, index);
    let endpoint = match known.map_or(Mode::Chat, |model| model.mode) {
        Mode::Chat | Mode::Responses => Some("chat"),
        Mode::Embedding => Some("embed"),
        Mode::Rerank => Some("rerank"),
        Mode::Completion => Some("generate"),
        Mode::Image | Mode::Speech | Mode::Transcription | Mode::Moderation | Mode::Realtime => None,
    };
    Listed { name, endpoint, context: known.and_then(|model| model.max_input) }
}

fn with_limits<'a>(world: &Snapshot, name: &'a str, index: usize) -> (&'a str, Option<u64>, Option<u64>) {
    let known = known(world, name, index);
    (name, known.and_then(|model| model.max_input), known.and_then(|model| model.max_output))
}

/// What is known of the model that an Ollama client names in its body.
///
/// # Errors
/// 404 with the nearest names; 400 when the body names none.
pub fn show(world: &Snapshot, key: Option<&Key>, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let name = ollama::models::parse_show(body)
        .map_err(|wrong| Refusal::new(Kind::InvalidRequest, wrong.message).with_param(wrong.param))?;
    model(world, key, Dialect::OllamaChat, &name)
}

fn shown(world: &Snapshot, name: &str, index: usize) -> Vec<u8> {
    let known = known(world, name, index);
    // Whether a model has what the catalogue says nothing of, its provider may say.
    let has = |flag| known.and_then(|model| model.has(flag)).unwrap_or(false);
    let mut capabilities = vec!["completion"];
    for (capability, told) in [
        ("tools", known.and_then(|model| model.has(Flag::Tools)).unwrap_or(true)),
        ("vision", has(Flag::Vision)),
        ("thinking", has(Flag::Reasoning)),
    ] {
        capabilities.extend(told.then_some(capability));
    }
    ollama::models::render_show(name, known.and_then(|model| model.max_input), &capabilities)
}

/// The answer to an Ollama client that only wants a model in memory, or out of it; none to any other.
#[must_use]
pub fn loaded(asked: &Asked, lens: &Lens<'_>, now: u64) -> Option<Vec<u8>> {
    let empty = |key: &str| match lens.raw(key) {
        None | Some("null" | "\"\"") => true,
        Some(list) => list.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']')),
    };
    let (form, idle) = match asked {
        Asked::Chat { dialect: Dialect::OllamaChat, .. } => (Loading::Chat, empty("messages")),
        Asked::Chat { dialect: Dialect::OllamaGenerate, .. } => (Loading::Generate, empty("prompt")),
        _ => return None,
    };
    let unload = matches!(lens.raw("keep_alive"), Some("0" | "\"0\"" | "\"0s\""));
    let model = lens.string("model").unwrap_or_default();
    idle.then(|| ollama::models::render_loaded(form, &model, now, unload))
}

/// The refusal of a model's name that nothing answers to.
#[must_use]
pub fn unknown_model(name: &str, nearest: &[String]) -> Refusal {
    let shown: String = name.chars().take(128).collect();
    let hint = match nearest {
        [] => "no provider is configured for it".to_owned(),
        nearest => format!("did you mean {}?", nearest.join(", ")),
    };
    Refusal::new(Kind::NotFound, format!("the model \"{shown}\" does not exist here; {hint}"))
        .with_param("model")
        .with_code("model_not_found")
}

/// Counts a prompt's tokens here, for a target that cannot.
///
/// # Errors
/// When the body is not what its dialect prescribes.
pub fn count(shared: &Shared, ask: &Ask, model: &str) -> Result<Vec<u8>, Refusal> {
    let headers = HeaderMap::new();
    let head = Head { path: &ask.path, query: &ask.query, headers: &headers };
    let parsed = match ask.dialect {
        Dialect::GeminiGenerate => gemini_generate::count::parse_request(&head, &ask.body),
        Dialect::BedrockConverse => bedrock_converse::count::parse_request(&head, &ask.body),
        Dialect::OpenaiResponses => codec(ask.dialect).parse_request(&head, &ask.body),
        Dialect::AnthropicMessages
        | Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => anthropic_messages::count::parse_count_request(&head, &ask.body),
    };
    let request =
        parsed.map_err(|wrong| Refusal::new(Kind::InvalidRequest, wrong.message).with_param(wrong.param))?;
    let tokens = tally::request(model, &request, shared.telemetry.calibration()).tokens;
    Ok(match ask.dialect {
        Dialect::GeminiGenerate => gemini_generate::count::render_reply(tokens),
        Dialect::BedrockConverse => bedrock_converse::count::render_reply(tokens),
        Dialect::OpenaiResponses => openai_responses::count::render_count(tokens),
        Dialect::AnthropicMessages
        | Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => anthropic_messages::count::render_count(tokens),
    })
}
