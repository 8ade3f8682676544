//! What is worked out of a target that a worker has not served yet.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{Heads, Instead, Keeps, Known, Paths};
use crate::catalog::profile::{EffortBesideTools, Profile};
use crate::catalog::quirks::House;
use crate::catalog::{Flag, Model, PriceTable, names};
use crate::dialect::{Ranks, Vectors, ollama};
use crate::ir::Dialect;
use crate::provider::url::{self, path_for, versioned};
use crate::provider::{Base, Operation, Platform, Vendor};
use crate::proxy::departure::envelope::Envelope;
use crate::route::Target;
use crate::snapshot::{Provider, Snapshot};
use crate::units::Secret;

pub(super) fn learn(world: &Snapshot, target: &Target, client: Dialect) -> Option<Known> {
    let provider = world.providers.get(target.provider)?;
    let vendor = provider.vendor;
    let mut spoken = provider.spoken();
    spoken.retain(|(dialect, _)| vendor.platform.serves(*dialect, &target.model));
    let model = facts(world, provider, &target.model);
    let wanted = wanted(vendor, &target.model, model, client);
    // A vendor of vectors alone speaks no dialect; its vectors still have an address.
    let (dialect, base) = spoken
        .iter()
        .find(|(dialect, _)| *dialect == wanted)
        .or_else(|| spoken.first())
        .cloned()
        .unwrap_or_else(|| (Dialect::OpenaiChat, provider.base.clone()));
    let reach = Arc::new(provider.health.reach(&target.model, &provider.fingerprints()));
    let speaking = |dialect, base| {
        let known = speaking(world, target, provider, model, dialect, base)?;
        Some(Known { reach: Some(Arc::clone(&reach)), ..known })
    };
    let mut known = speaking(dialect, base)?;
    let only_there = Profile::only_responses(&vendor.quirks, &target.model, model);
    if dialect == Dialect::OpenaiResponses && provider.is_elsewhere() && !only_there {
        let chat = spoken.iter().find(|(spoken, _)| *spoken == Dialect::OpenaiChat).cloned();
        let chat = chat.and_then(|(dialect, base)| speaking(dialect, base));
        known.instead = chat.map(|chat| Instead { known: Arc::new(chat), needed: AtomicBool::new(false) });
    }
    if known.profile.together.effort_beside_tools != EffortBesideTools::Taken
        && let Some((dialect, base)) =
            spoken.into_iter().find(|(spoken, _)| *spoken == Dialect::OpenaiResponses)
    {
        known.bridge = speaking(dialect, base).map(Arc::new);
    }
    Some(known)
}

/// A number that is the same for a provider's model wherever and whenever it is asked for.
fn identity(provider: &str, model: &str) -> u64 {
    let mut hash = blake3::Hasher::new();
    hash.update(provider.as_bytes()).update(b"/").update(model.as_bytes());
    hash.finalize().as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// A target that is spoken to in this dialect at this address.
fn speaking(
    world: &Snapshot,
    target: &Target,
    provider: &Provider,
    model: Option<&Model>,
    dialect: Dialect,
    base: Base,
) -> Option<Known> {
    let vendor = provider.vendor;
    let path = |dialect, operation| {
        path_for(vendor, &base, dialect, operation, &target.model, provider.api_version.as_deref())
    };
    let envelope = Envelope::of(vendor.platform, dialect);
    let mut profile = Profile::of(dialect, &vendor.quirks, &target.model, model);
    profile.image_urls &= envelope.fetches();
    profile.document_urls &= envelope.fetches();
    let own = (dialect == Dialect::OllamaChat).then_some(Vectors::Ollama(ollama::embed::Form::Embed));
    let on_bedrock = || match vendor.platform {
        Platform::Bedrock => Vectors::on_bedrock(&target.model),
        Platform::None
        | Platform::Vertex
        | Platform::SageMaker
        | Platform::Watsonx
        | Platform::Triton
        | Platform::Replicate => None,
    };
    let embed = own.or(vendor.embeddings).or_else(on_bedrock).and_then(|form| {
        let (dialect, base) = (form.dialect(), &provider.base);
        let version = provider.api_version.as_deref();
        let path = match form.own_place() {
            Some(place) if vendor.platform == Platform::Watsonx => {
                url::watsonx_place(base, place, version.or(vendor.api_version))?
            }
            Some(place) => versioned(base, place),
            None => path_for(vendor, base, dialect, Operation::EmbedBatch, &target.model, version)?,
        };
        Some((form, path))
    });
    let ranks = vendor.platform == Platform::Bedrock && target.model.contains("rerank");
    let rank = vendor.rerank.or(ranks.then_some(Ranks::Bedrock)).and_then(|form| {
        let place = form.place();
        let path = match form {
            Ranks::CohereV1 | Ranks::CohereV2 => versioned(&provider.base, place),
            Ranks::Jina | Ranks::Voyage => format!("{}{place}", provider.base.path),
            Ranks::Bedrock => url::invoked(&provider.base, &target.model)?,
            Ranks::Watsonx => {
                let version = provider.api_version.as_deref().or(vendor.api_version);
                url::watsonx_place(&provider.base, place, version)?
            }
        };
        Some((form, path))
    });
    let (prices, price) = model.map(|model| prices(provider, model)).unzip();
    Some(Known {
        provider: provider.name.as_str().into(),
        index: target.provider,
        model: target.model.as_str().into(),
        cloud: provider.cloud.clone(),
        account: provider.account.clone(),
        dialect,
        keeps: Keeps::of(world, provider, dialect),
        threads: dialect == Dialect::AnthropicMessages && vendor.quirks.house == House::Own,
        envelope,
        profile,
        prices,
        price,
        longest: model.and_then(|model| model.max_output),
        heads: Heads {
            provider: printable(&provider.name),
            model: printable(&target.model),
            sent: sent(provider, dialect, &base),
        },
        paths: Paths {
            generate: path(dialect, Operation::Generate)?,
            stream: path(dialect, Operation::Stream)?,
            embed,
            rank,
            count: path(dialect, Operation::CountTokens),
        },
        bridge: None,
        instead: None,
        id: identity(&provider.name, &target.model),
        heard_out: provider.heard_out,
        cap: provider.cap,
        reach: None,
        base,
        vendor,
        api_version: provider.api_version.clone(),
    })
}

/// The dialect to look for first. OpenAI's own models go on with a prompt or answer in a chat, and
/// none does both; what others serve does both. Some models are served in Responses alone.
fn wanted(vendor: &Vendor, model: &str, known: Option<&Model>, client: Dialect) -> Dialect {
    if Profile::only_responses(&vendor.quirks, model, known) {
        return Dialect::OpenaiResponses;
    }
    let apart = vendor.quirks.house == House::Own;
    match client {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions if apart && names::only_completes(model) => {
            Dialect::OpenaiCompletions
        }
        Dialect::OpenaiCompletions if apart => Dialect::OpenaiChat,
        client => client,
    }
}

/// What the catalogue knows of a model behind a provider.
pub(super) fn facts<'w>(world: &'w Snapshot, provider: &Provider, model: &str) -> Option<&'w Model> {
    let name = names::without_region(&provider.name);
    let own = world.catalog.find(name, model);
    own.filter(|model| model.provider == name).or_else(|| provider.vendor.model(&world.catalog, model))
}

/// What a model costs at this provider's address, and the name of that price.
pub(super) fn prices(provider: &Provider, model: &Model) -> (Arc<PriceTable>, Arc<str>) {
    let raised = provider.base.keeps_to_region() && model.has(Flag::Regional) == Some(true);
    let prices = if raised { model.prices.regional() } else { model.prices.clone() };
    let name = format!("{}/{}@{}", provider.name, model.name, prices.version());
    (Arc::new(prices), name.into())
}

/// What a model costs at the provider of this name, and the name of that price; `None` where nobody
/// knows.
#[must_use]
pub fn price_of(world: &Snapshot, provider: &str, model: &str) -> Option<(Arc<PriceTable>, Arc<str>)> {
    let provider = world.providers.iter().find(|known| known.name == provider)?;
    facts(world, provider, model).map(|model| prices(provider, model))
}

/// A name as a header value: a client's own text may hold what no header may.
pub(super) fn printable(name: &str) -> HeaderValue {
    let text: String = name.chars().filter(char::is_ascii_graphic).take(256).collect();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

pub(super) fn sent(provider: &Provider, dialect: Dialect, base: &Base) -> Vec<HeaderMap> {
    const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let none = [Secret::default()];
    let keys = if provider.keys.is_empty() { &none[..] } else { &provider.keys };
    let legal = |name: &str, value: &str| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let head = |key: &Secret| {
        let mut head = HeaderMap::with_capacity(16);
        head.extend([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (header::USER_AGENT, HeaderValue::from_static(AGENT)),
            // Each request sets these anew, in a place that need not be made then.
            (header::ACCEPT, HeaderValue::from_static("application/json")),
            (header::CONTENT_LENGTH, HeaderValue::from_static("0")),
        ]);
        head.extend(legal("host", &base.authority()));
        for (name, value) in provider.vendor.auth.headers(dialect, key) {
            let secret = !key.is_empty() && value.contains(key.expose());
            if let Some((name, mut value)) = legal(name, &value) {
                value.set_sensitive(secret);
                head.insert(name, value);
            }
        }
        // The configuration has checked these; any may hold a secret.
        for (name, mut value) in provider.headers.iter().filter_map(|(name, value)| legal(name, value)) {
            value.set_sensitive(true);
            head.insert(name, value);
        }
        head
    };
    keys.iter().map(head).collect()
}
