//! Usage: from the nested counts to the hub's partition, and back.

use std::sync::LazyLock;

use memchr::memmem;

use crate::dialect::openai_usage;
use crate::ir::Usage;
use crate::wire::json::{self, Counts, Json, Object};
use crate::wire::lens;
use crate::wire::needle::{Found, Needle};

/// Reads the usage of a response; searches are counted by their items.
pub(super) fn of(response: &Json<'_>) -> Option<Usage> {
    let usage = response.field("usage")?;
    let charged = openai_usage::charged(usage);
    let mut usage = partition(|path| usage.at(path).and_then(Json::as_u64).unwrap_or_default())?;
    usage.charged = charged;
    let items = response.get("output").map(Json::elements).unwrap_or_default();
    let searches = items.iter().filter(|item| is_search(item)).count() as u64;
    usage.web_searches = usage.web_searches.max(searches);
    Some(usage)
}

/// Whether an item is a search, which is billed; opening a page that it found is not.
fn is_search(item: &Json<'_>) -> bool {
    item.get("type").and_then(Json::as_str) == Some("web_search_call")
        && item.at(&["action", "type"]).and_then(Json::as_str).is_none_or(|action| action == "search")
}

fn partition(count: impl Fn(&[&str]) -> u64) -> Option<Usage> {
    let input = count(&["input_tokens"]);
    let output = count(&["output_tokens"]);
    let total = count(&["total_tokens"]);
    if input == 0 && output == 0 && total == 0 {
        return None;
    }
    let first = |paths: &[&[&str]]| {
        let mut counts = paths.iter().map(|path| count(path));
        counts.find(|tokens| *tokens > 0).unwrap_or_default()
    };
    let reasoning = count(&["output_tokens_details", "reasoning_tokens"]);
    let unexplained = total.saturating_sub(input.saturating_add(output));
    // Some vendors count thinking beside the output and not inside it.
    let output = if unexplained > 0 && unexplained == reasoning { output + reasoning } else { output };
    let reasoning = reasoning.min(output);
    let cache_read = count(&["input_tokens_details", "cached_tokens"]).min(input);
    let cache_write = first(&[
        &["input_tokens_details", "cache_creation_tokens"],
        &["input_tokens_details", "cache_write_tokens"],
    ])
    .min(input - cache_read);
    let one_hour =
        count(&["input_tokens_details", "cache_creation_token_details", "ephemeral_1h_input_tokens"])
            .min(cache_write);
    let uncached = input - cache_read - cache_write;
    let audio_input = count(&["input_tokens_details", "audio_tokens"]).min(uncached);
    let said = output - reasoning;
    let audio_output = count(&["output_tokens_details", "audio_tokens"]).min(said);
    let image_output = count(&["output_tokens_details", "image_tokens"]).min(said - audio_output);
    Some(Usage {
        input: uncached - audio_input,
        cache_read,
        cache_write_5m: cache_write - one_hour,
        cache_write_1h: one_hour,
        audio_input,
        output: said - audio_output - image_output,
        reasoning,
        audio_output,
        image_output,
        web_searches: first(&[
            &["server_side_tool_usage_details", "web_search_calls"],
            &["server_tool_use", "web_search_requests"],
        ]),
        ..Usage::default()
    })
}

/// Writes the members of a `usage` object.
pub(super) fn write(usage: &Usage, object: &mut Object<'_>) {
    object.number("input_tokens", usage.total_input());
    object.object("input_tokens_details", |details| {
        details.number("cached_tokens", usage.cache_read);
        // OpenAI's own clients demand it, also where nothing was written.
        details.number("cache_write_tokens", usage.cache_write());
        if usage.audio_input > 0 {
            details.number("audio_tokens", usage.audio_input);
        }
        if usage.cache_write() > 0 {
            details.number("cache_creation_tokens", usage.cache_write());
        }
        if usage.cache_write_1h > 0 {
            details.object("cache_creation_token_details", |split| {
                split.number("ephemeral_5m_input_tokens", usage.cache_write_5m);
                split.number("ephemeral_1h_input_tokens", usage.cache_write_1h);
            });
        }
    });
    object.number("output_tokens", usage.total_output());
    object.object("output_tokens_details", |details| {
        details.number("reasoning_tokens", usage.reasoning);
        if usage.audio_output > 0 {
            details.number("audio_tokens", usage.audio_output);
        }
        if usage.image_output > 0 {
            details.number("image_tokens", usage.image_output);
        }
    });
    object.number("total_tokens", usage.total());
    if usage.web_searches > 0 {
        object.object("server_tool_use", |searches| {
            searches.number("web_search_requests", usage.web_searches);
        });
    }
}

static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));

/// Finds the usage in the bytes of a response, or of the event that ends a stream, without reading
/// the rest.
///
/// Runs on every answer that passes unchanged. A search is an item of the output; only where there
/// is one is more than the usage read.
pub(in crate::dialect) fn find(bytes: &[u8]) -> Option<Usage> {
    static SEARCH: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new("web_search_call"));
    match USAGE.object(bytes) {
        Found::Nothing => return None,
        Found::One(object) if SEARCH.find(bytes).is_none() => {
            return match Counts::prefix(object) {
                Some(counts) => {
                    let counted = partition(|path| counts.at(path))?;
                    Some(Usage { charged: openai_usage::charged_in(&counts), ..counted })
                }
                None => {
                    let usage = json::prefix(object)?;
                    let charged = openai_usage::charged(&usage);
                    let counted =
                        partition(|path| usage.at(path).and_then(Json::as_u64).unwrap_or_default())?;
                    Some(Usage { charged, ..counted })
                }
            };
        }
        Found::One(_) | Found::Several => {}
    }
    let inner = lens::find(bytes, "response");
    let response = json::prefix(inner.map_or(bytes, str::as_bytes))?;
    of(&response)
}
