//! Usage as OpenAI tells it in chat and text completions: from vendors' nested and overlapping
//! counts to the hub's partition, and back.

use std::sync::LazyLock;

use super::openai_embeddings;
use crate::ir::Usage;
use crate::units::PicoUsd;
use crate::wire::json::{self, Counts, Json, Object};
use crate::wire::lens;
use crate::wire::needle::{Found, Needle};

/// Reads a `usage` object; `None` when it counts nothing.
pub(in crate::dialect) fn parse(usage: &Json<'_>) -> Option<Usage> {
    let counted = partition(|path| usage.at(path).and_then(Json::as_u64).unwrap_or_default())?;
    Some(Usage { charged: charged(usage), ..counted })
}

/// What a provider says it charges: in dollars (OpenRouter, Perplexity), or in xAI's ticks.
pub(in crate::dialect) fn charged(usage: &Json<'_>) -> Option<PicoUsd> {
    let dollars = |path: &[&str]| PicoUsd::from_dollars(usage.at(path)?.raw());
    let ticks = usage.get(TICKS).and_then(Json::as_u64);
    amount(dollars, ticks, || usage.get("is_byok").and_then(Json::as_bool) == Some(true))
}

/// The same of counts that were read without a tree.
pub(in crate::dialect) fn charged_in(counts: &Counts<'_>) -> Option<PicoUsd> {
    static OWN_KEY: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"is_byok\""));
    let ticks = Some(counts.at(&[TICKS])).filter(|ticks| *ticks > 0);
    let own_key = || OWN_KEY.values(counts.raw()).any(|value| value.starts_with(b"true"));
    amount(|path| counts.dollars(path), ticks, own_key)
}

const TICKS: &str = "cost_in_usd_ticks";

/// With a key of the user's own OpenRouter charges its fee, and the provider behind it the rest.
fn amount(
    dollars: impl Fn(&[&str]) -> Option<PicoUsd>,
    ticks: Option<u64>,
    own_key: impl Fn() -> bool,
) -> Option<PicoUsd> {
    /// Ten thousand million of them are a dollar.
    const TICK: u128 = 100;
    if let Some(ticks) = ticks {
        return Some(PicoUsd(u128::from(ticks) * TICK));
    }
    let Some(cost) = dollars(&["cost"]) else { return dollars(&["cost", "total_cost"]) };
    let behind = || dollars(&["cost_details", "upstream_inference_cost"]).filter(|_| own_key());
    Some(cost + behind().unwrap_or(PicoUsd::ZERO))
}

fn partition(count: impl Fn(&[&str]) -> u64) -> Option<Usage> {
    // GigaChat counts what its cache gave beside the prompt, and not in the total.
    let precached = count(&["precached_prompt_tokens"]);
    let prompt = count(&["prompt_tokens"]).saturating_add(precached);
    let completion = count(&["completion_tokens"]);
    let total = count(&["total_tokens"]).saturating_add(precached);
    if prompt == 0 && completion == 0 && total == 0 {
        return None;
    }
    let first = |paths: &[&[&str]]| {
        let mut counts = paths.iter().map(|path| count(path));
        counts.find(|tokens| *tokens > 0).unwrap_or_default()
    };
    let cache_read = first(&[
        &["prompt_tokens_details", "cached_tokens"],
        &["prompt_cache_hit_tokens"],
        &["cache_read_input_tokens"],
        &["cached_tokens"],
        &["num_cached_tokens"],
        &["precached_prompt_tokens"],
    ]);
    let cache_write = first(&[
        &["prompt_tokens_details", "cache_creation_tokens"],
        &["prompt_tokens_details", "cache_write_tokens"],
        &["prompt_tokens_details", "cache_creation_input_tokens"],
        &["cache_creation_input_tokens"],
    ]);
    let one_hour =
        count(&["prompt_tokens_details", "cache_creation_token_details", "ephemeral_1h_input_tokens"])
            .min(cache_write);
    let reasoning = first(&[&["completion_tokens_details", "reasoning_tokens"], &["reasoning_tokens"]]);
    let unexplained = total.saturating_sub(prompt.saturating_add(completion));
    let cited = count(&["citation_tokens"]);
    let (prompt, completion, reasoning) = if cited > 0 {
        // Perplexity's research counts what it read and thought beside the rest, total and all.
        (prompt.saturating_add(cited), completion.saturating_add(reasoning), reasoning)
    } else if unexplained == 0 {
        (prompt, completion, reasoning.min(completion))
    } else if reasoning == unexplained {
        // xAI counts thinking beside the completion, not inside it.
        (prompt, completion.saturating_add(reasoning), reasoning)
    } else if cache_read.saturating_add(cache_write) == unexplained {
        // Anthropic's habit: the prompt does not hold what the cache gave or took.
        (prompt.saturating_add(unexplained), completion, reasoning.min(completion))
    } else if prompt == 0 && completion == 0 {
        (total, 0, 0)
    } else if reasoning == 0 {
        // Gemini's own service in this dialect tells thinking only by the total.
        (prompt, completion.saturating_add(unexplained), unexplained)
    } else {
        (prompt, completion, reasoning.min(completion))
    };
    let cache_read = cache_read.min(prompt);
    let cache_write = cache_write.min(prompt - cache_read);
    let uncached = prompt - cache_read - cache_write;
    let audio_input = count(&["prompt_tokens_details", "audio_tokens"]).min(uncached);
    let spoken = completion - reasoning;
    let audio_output = count(&["completion_tokens_details", "audio_tokens"]).min(spoken);
    let image_output = count(&["completion_tokens_details", "image_tokens"]).min(spoken - audio_output);
    let cache_write_1h = one_hour.min(cache_write);
    Some(Usage {
        input: uncached - audio_input,
        cache_read,
        cache_write_5m: cache_write - cache_write_1h,
        cache_write_1h,
        audio_input,
        output: spoken - audio_output - image_output,
        reasoning,
        audio_output,
        image_output,
        web_searches: first(&[
            &["server_tool_use", "web_search_requests"],
            &["num_search_queries"],
            &["num_sources_used"],
        ]),
        ..Usage::default()
    })
}

/// Writes the members of a `usage` object.
pub(in crate::dialect) fn write(usage: &Usage, object: &mut Object<'_>) {
    object.number("prompt_tokens", usage.total_input());
    object.number("completion_tokens", usage.total_output());
    object.number("total_tokens", usage.total());
    object.object("prompt_tokens_details", |details| {
        details.number("cached_tokens", usage.cache_read);
        details.number("audio_tokens", usage.audio_input);
        if usage.cache_write() > 0 {
            details.number("cache_write_tokens", usage.cache_write());
            details.number("cache_creation_tokens", usage.cache_write());
        }
        if usage.cache_write_1h > 0 {
            details.object("cache_creation_token_details", |split| {
                split.number("ephemeral_5m_input_tokens", usage.cache_write_5m);
                split.number("ephemeral_1h_input_tokens", usage.cache_write_1h);
            });
        }
    });
    object.object("completion_tokens_details", |details| {
        details.number("reasoning_tokens", usage.reasoning);
        details.number("audio_tokens", usage.audio_output);
        if usage.image_output > 0 {
            details.number("image_tokens", usage.image_output);
        }
        details.number("accepted_prediction_tokens", 0_u8);
        details.number("rejected_prediction_tokens", 0_u8);
    });
    if let Some(charged) = usage.charged {
        object.raw("cost", &charged.to_string());
    }
    if usage.web_searches > 0 {
        object.object("server_tool_use", |searches| {
            searches.number("web_search_requests", usage.web_searches);
        });
    }
}

/// Finds the usage of a reply or a chunk: its own, or Groq's or Moonshot's within.
pub(in crate::dialect) fn of(root: &Json<'_>) -> Option<Usage> {
    let own = root.field("usage").and_then(parse);
    own.or_else(|| root.at(&["x_groq", "usage"]).and_then(parse)).or_else(|| {
        let choices = root.get("choices").map(Json::elements).unwrap_or_default();
        let inner = |choice: &Json<'_>| choice.field("usage").and_then(parse);
        choices.iter().find_map(inner)
    })
}

static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));

/// Finds the usage in the bytes of a reply or a chunk without reading the rest.
///
/// Runs on every answer that passes unchanged. Chunks before the last say null, and of several
/// places the outermost counts.
pub(in crate::dialect) fn find(bytes: &[u8]) -> Option<Usage> {
    match USAGE.object(bytes) {
        Found::Nothing => None,
        Found::One(object) => match Counts::prefix(object) {
            Some(counts) => {
                let counted = partition(|path| counts.at(path))?;
                Some(Usage { charged: charged_in(&counts), ..counted })
            }
            None => parse(&json::prefix(object)?),
        },
        Found::Several => find_outermost(bytes),
    }
}

fn find_outermost(bytes: &[u8]) -> Option<Usage> {
    if let Some(usage) = lens::find(bytes, "usage") {
        let usage = json::parse(usage.as_bytes()).ok()?;
        if usage.is_object() {
            return parse(&usage);
        }
    }
    if let Some(groq) = lens::find(bytes, "x_groq") {
        let groq = json::parse(groq.as_bytes()).ok()?;
        return groq.field("usage").and_then(parse);
    }
    let Some(choices) = lens::find(bytes, "choices") else {
        // Vectors that are counted one by one.
        return openai_embeddings::find_usage(bytes);
    };
    let choices = json::parse(choices.as_bytes()).ok()?;
    let inner = |choice: &Json<'_>| choice.field("usage").and_then(parse);
    choices.elements().iter().find_map(inner)
}
