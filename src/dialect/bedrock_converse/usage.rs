//! `usage`, both ways. `inputTokens` holds neither what was read from the cache nor what was written
//! to it; `outputTokens` holds the thinking, which the API does not tell apart.

use std::sync::LazyLock;

use crate::ir::Usage;
use crate::wire::json::{self, Counts, Json, Object};
use crate::wire::lens;
use crate::wire::needle::{Found, Needle};

/// Reads a `usage` object.
pub(super) fn parse(json: &Json<'_>) -> Usage {
    let count = |key: &str| json.field(key).and_then(Json::as_u64).unwrap_or_default();
    let details = json.field("cacheDetails").map(Json::elements).unwrap_or_default();
    let hours = details.iter().filter(|entry| entry.field("ttl").and_then(Json::as_str) == Some("1h"));
    let hours = hours.filter_map(|entry| entry.field("inputTokens").and_then(Json::as_u64));
    of(count, hours.fold(0, u64::saturating_add))
}

fn of(count: impl Fn(&str) -> u64, one_hour: u64) -> Usage {
    let written = count("cacheWriteInputTokens");
    let one_hour = one_hour.min(written);
    Usage {
        input: count("inputTokens"),
        cache_read: count("cacheReadInputTokens"),
        cache_write_5m: written - one_hour,
        cache_write_1h: one_hour,
        output: count("outputTokens"),
        ..Usage::default()
    }
}

/// Writes the members of a `usage` object.
pub(super) fn write(usage: &Usage, o: &mut Object<'_>) {
    o.number("inputTokens", usage.input.saturating_add(usage.audio_input));
    o.number("outputTokens", usage.total_output());
    o.number("totalTokens", usage.total());
    if usage.cache_read > 0 || usage.cache_write() > 0 {
        o.number("cacheReadInputTokens", usage.cache_read);
        o.number("cacheWriteInputTokens", usage.cache_write());
    }
    if usage.cache_write_1h > 0 {
        o.array("cacheDetails", |a| {
            for (ttl, tokens) in [("1h", usage.cache_write_1h), ("5m", usage.cache_write_5m)] {
                if tokens > 0 {
                    a.object(|o| {
                        o.string("ttl", ttl);
                        o.number("inputTokens", tokens);
                    });
                }
            }
        });
    }
}

static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));

/// Finds the usage of a whole reply, or of the event that carries a stream's.
///
/// Runs on every answer that passes unchanged: what lies before the usage is not read.
pub(super) fn find(source: &[u8]) -> Option<Usage> {
    match USAGE.object(source) {
        Found::Nothing => None,
        Found::One(object) => {
            plain(object).or_else(|| json::prefix(object).filter(counts_tokens).map(|json| parse(&json)))
        }
        Found::Several => {
            let text = lens::find(source, "usage")?;
            let json = json::parse(text.as_bytes()).ok()?;
            counts_tokens(&json).then(|| parse(&json))
        }
    }
}

/// The usage that its outermost counts tell, as it does unless something was written to a cache.
fn plain(object: &[u8]) -> Option<Usage> {
    let counts = Counts::prefix(object)?;
    let told = counts.at(&["inputTokens"]) > 0 || counts.at(&["outputTokens"]) > 0;
    (told && counts.at(&["cacheWriteInputTokens"]) == 0).then(|| of(|key| counts.at(&[key]), 0))
}

/// Whether this is a count of tokens, and not a tool's argument of that name.
fn counts_tokens(json: &Json<'_>) -> bool {
    json.get("inputTokens").is_some() || json.get("outputTokens").is_some()
}
