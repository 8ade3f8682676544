//! `usage`, both ways: what Anthropic counts apart stays apart, what it nests is taken apart.
//!
//! `input_tokens` holds neither cache reads nor cache writes; `output_tokens` holds the thinking.

use std::sync::LazyLock;

use memchr::memmem;

use super::types::tier_served_word;
use crate::ir::{ServiceTier, Usage};
use crate::wire::json::{self, Counts, Json, Object};
use crate::wire::lens;
use crate::wire::needle::{Found, Needle};

/// Reads a `usage` object.
///
/// The newest API also lists its sampling rounds as `iterations`. The object itself counts all of
/// them but those in which the conversation was compacted, which are billed too, and those of an
/// advisor, which are billed as another model's
/// (<https://platform.claude.com/docs/en/build-with-claude/compaction>, seen 2026-11).
pub(super) fn parse(json: &Json<'_>) -> Usage {
    let mut usage = parse_counts(|path| count(json, path));
    let counts_nothing = usage.total() == 0;
    for round in json.field("iterations").map(Json::elements).unwrap_or_default() {
        let kind = round.field("type").and_then(Json::as_str);
        if kind == Some(COMPACTION) || (counts_nothing && kind != Some("advisor_message")) {
            add(&mut usage, &parse_counts(|path| count(round, path)));
        }
    }
    usage.web_searches = count(json, &SEARCHES);
    usage
}

/// The kind of a round in which the conversation was compacted.
const COMPACTION: &str = "compaction";

const SEARCHES: [&str; 2] = ["server_tool_use", "web_search_requests"];

fn parse_counts(count: impl Fn(&[&str]) -> u64) -> Usage {
    let five_minutes = count(&["cache_creation", "ephemeral_5m_input_tokens"]);
    let one_hour = count(&["cache_creation", "ephemeral_1h_input_tokens"]);
    let written = match count(&["cache_creation_input_tokens"]) {
        0 => five_minutes.saturating_add(one_hour),
        total => total,
    };
    let one_hour = one_hour.min(written);
    let output = count(&["output_tokens"]);
    let reasoning = count(&["output_tokens_details", "thinking_tokens"]).min(output);
    Usage {
        input: count(&["input_tokens"]),
        cache_read: count(&["cache_read_input_tokens"]),
        cache_write_5m: written - one_hour,
        cache_write_1h: one_hour,
        output: output - reasoning,
        reasoning,
        ..Usage::default()
    }
}

fn count(json: &Json<'_>, path: &[&str]) -> u64 {
    json.at(path).and_then(Json::as_u64).unwrap_or_default()
}

const fn add(sum: &mut Usage, round: &Usage) {
    sum.input = sum.input.saturating_add(round.input);
    sum.cache_read = sum.cache_read.saturating_add(round.cache_read);
    sum.cache_write_5m = sum.cache_write_5m.saturating_add(round.cache_write_5m);
    sum.cache_write_1h = sum.cache_write_1h.saturating_add(round.cache_write_1h);
    sum.output = sum.output.saturating_add(round.output);
    sum.reasoning = sum.reasoning.saturating_add(round.reasoning);
}

/// Writes the members of a `usage` object in their full shape: clients read both cache counts
/// without asking whether they are there.
pub(super) fn write(usage: &Usage, tier: Option<&ServiceTier>, o: &mut Object<'_>) {
    o.number("input_tokens", usage.input.saturating_add(usage.audio_input));
    o.number("cache_creation_input_tokens", usage.cache_write());
    o.number("cache_read_input_tokens", usage.cache_read);
    o.object("cache_creation", |o| {
        o.number("ephemeral_5m_input_tokens", usage.cache_write_5m);
        o.number("ephemeral_1h_input_tokens", usage.cache_write_1h);
    });
    o.number("output_tokens", usage.total_output());
    if usage.reasoning > 0 {
        o.object("output_tokens_details", |o| o.number("thinking_tokens", usage.reasoning));
    }
    if usage.web_searches > 0 {
        // Anthropic's own clients demand both counts where there is one.
        o.object("server_tool_use", |o| {
            o.number("web_search_requests", usage.web_searches);
            o.number("web_fetch_requests", 0_u8);
        });
    }
    o.opt_string("service_tier", tier.map(tier_served_word));
}

static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));

/// Finds the usage of a whole message, or of the stream events that carry one.
///
/// Runs on every answer that passes unchanged: what lies before the usage is not read.
pub(super) fn find(source: &[u8]) -> Option<Usage> {
    match USAGE.object(source) {
        Found::Nothing => None,
        Found::One(object) => {
            plain(object).or_else(|| json::prefix(object).filter(counts_tokens).map(|json| parse(&json)))
        }
        Found::Several => find_own(source),
    }
}

/// The usage that its outermost counts tell, as it does nearly always.
fn plain(object: &[u8]) -> Option<Usage> {
    let counts = Counts::prefix(object)?;
    if counts.at(&["input_tokens"]) == 0 && counts.at(&["output_tokens"]) == 0 {
        return None;
    }
    if memmem::find(counts.raw(), COMPACTION.as_bytes()).is_some() {
        return None;
    }
    let mut usage = parse_counts(|path| counts.at(path));
    usage.web_searches = counts.at(&SEARCHES);
    Some(usage)
}

/// The usage at its proper place, where a tool's arguments hold something of that name too.
fn find_own(source: &[u8]) -> Option<Usage> {
    let text = lens::find(source, "usage").or_else(|| {
        let message = lens::find(source, "message")?;
        lens::find(message.as_bytes(), "usage")
    })?;
    let json = json::parse(text.as_bytes()).ok()?;
    json.is_object().then(|| parse(&json))
}

/// Whether this is a count of tokens, and not a tool's argument of that name.
fn counts_tokens(json: &Json<'_>) -> bool {
    json.get("input_tokens").is_some() || json.get("output_tokens").is_some()
}
