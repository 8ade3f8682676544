//! `usageMetadata`, which nests its counts: cached tokens and tokens of sound are inside the
//! prompt's, thoughts are beside the candidates'.

use std::sync::LazyLock;

use super::types::DIALECT;
use super::{case, grounding};
use crate::ir::{Extras, Usage};
use crate::wire::json::{self, Counts, Json, Object};
use crate::wire::lens;
use crate::wire::needle::{Found, Needle};

/// What a `usageMetadata` tells.
#[derive(Default)]
struct Told {
    prompt: u64,
    tools: u64,
    cached: u64,
    thoughts: u64,
    answered: Option<u64>,
    total: Option<u64>,
    /// Tokens of sound in the prompt, and those of them that were cached.
    heard: u64,
    heard_before: u64,
    /// Tokens of sound and of pictures in the answer.
    spoken: u64,
    drawn: u64,
}

/// Reads a `usageMetadata`, in one pass, as every slice of a stream has one.
pub(super) fn parse(json: &Json<'_>) -> Usage {
    let mut told = Told::default();
    for (name, value) in case::fields(json) {
        let count = || value.as_u64().unwrap_or_default();
        match &*name {
            "promptTokenCount" => told.prompt = count(),
            "toolUsePromptTokenCount" => told.tools = count(),
            "cachedContentTokenCount" => told.cached = count(),
            "thoughtsTokenCount" => told.thoughts = count(),
            "totalTokenCount" => told.total = value.as_u64(),
            "candidatesTokenCount" => told.answered = value.as_u64().or(told.answered),
            "responseTokenCount" => told.answered = told.answered.or(value.as_u64()),
            "promptTokensDetails" | "toolUsePromptTokensDetails" => {
                told.heard = told.heard.saturating_add(modality(value, "AUDIO"));
            }
            "cacheTokensDetails" => told.heard_before = modality(value, "AUDIO"),
            "candidatesTokensDetails" | "responseTokensDetails" => {
                told.spoken = modality(value, "AUDIO");
                told.drawn = modality(value, "IMAGE");
            }
            _ => {}
        }
    }
    partition(&told)
}

fn partition(told: &Told) -> Usage {
    let input = told.prompt.saturating_add(told.tools);
    let cached = told.cached.min(input);
    let heard = told.heard.saturating_sub(told.heard_before).min(input - cached);

    let (reasoning, total) = (told.thoughts, told.total);
    let answered = match (told.answered, total) {
        // Some endpoints count the thoughts among the candidates' tokens.
        (Some(answered), Some(total))
            if reasoning > 0 && answered >= reasoning && total == input.saturating_add(answered) =>
        {
            answered - reasoning
        }
        (Some(answered), _) => answered,
        (None, total) => total.unwrap_or_default().saturating_sub(input).saturating_sub(reasoning),
    };
    let spoken = told.spoken.min(answered);
    let drawn = told.drawn.min(answered - spoken);
    Usage {
        input: input - cached - heard,
        cache_read: cached,
        audio_input: heard,
        output: answered - spoken - drawn,
        reasoning,
        audio_output: spoken,
        image_output: drawn,
        ..Usage::default()
    }
}

/// The tokens of one modality in a list of details.
fn modality(details: &Json<'_>, kind: &str) -> u64 {
    details
        .elements()
        .iter()
        .filter(|detail| case::text(detail, "modality") == Some(kind))
        .filter_map(|detail| case::field(detail, "tokenCount")?.as_u64())
        .fold(0, u64::saturating_add)
}

static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usageMetadata\""));

/// What a slice tells of the usage so far, from the first of its bytes on; `None` where it tells none, or
/// something that no later slice tells anew.
#[must_use]
pub fn so_far(slice: &[u8]) -> Option<&[u8]> {
    /// What is longer is more than numbers.
    const LONGEST: usize = 4 << 10;
    let told = USAGE.behind(slice)?;
    let once = told.len() <= LONGEST && USAGE.behind(told).is_none();
    let start = slice.len() - told.len() - r#""usageMetadata""#.len();
    slice.get(start..).filter(|_| once && !grounding::tells_searches(slice))
}

/// Finds the usage of a whole answer or a slice.
///
/// Runs on every answer that passes unchanged: what lies before the usage is not read.
pub(super) fn find(source: &[u8]) -> Option<Usage> {
    let mut usage = match USAGE.object(source) {
        Found::Nothing => return None,
        Found::One(object) => match plain(object) {
            Some(usage) => usage,
            None => parse(&json::prefix(object).filter(counts_tokens)?),
        },
        // Calls hold their arguments as JSON, and so perhaps something of that name.
        Found::Several => parse(&json::parse(lens::find(source, "usageMetadata")?.as_bytes()).ok()?),
    };
    usage.web_searches = match grounding::count_searches(source) {
        0 => 0,
        searches
            if lens::find(source, "modelVersion")
                .is_some_and(|model| grounding::bills_each_search(model.trim_matches('"'))) =>
        {
            searches
        }
        _ => 1,
    };
    Some(usage)
}

/// The usage of an answer that is all text and spelt as documented, as it is nearly always.
fn plain(object: &[u8]) -> Option<Usage> {
    static AUDIO: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"AUDIO\""));
    static IMAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"IMAGE\""));
    let counts = Counts::prefix(object)?;
    let raw = counts.raw();
    // A count of 0 is no missing count where the total tells what is missing.
    let told = counts.at(&["candidatesTokenCount"]) > 0;
    if !told || memchr::memchr(b'_', raw).is_some() || AUDIO.is_in(raw) || IMAGE.is_in(raw) {
        return None;
    }
    let count = |name| counts.at(&[name]);
    let total = count("totalTokenCount");
    Some(partition(&Told {
        prompt: count("promptTokenCount"),
        tools: count("toolUsePromptTokenCount"),
        cached: count("cachedContentTokenCount"),
        thoughts: count("thoughtsTokenCount"),
        answered: Some(count("candidatesTokenCount")),
        total: (total > 0).then_some(total),
        ..Told::default()
    }))
}

/// Whether this is a count of tokens, and not a call's argument of that name.
fn counts_tokens(json: &Json<'_>) -> bool {
    ["promptTokenCount", "totalTokenCount", "candidatesTokenCount", "thoughtsTokenCount"]
        .iter()
        .any(|name| case::field(json, name).is_some())
}

/// Stands before the names of a `usageMetadata`'s members among the extras of an answer.
const PREFIX: &str = "usageMetadata.";

/// Keeps what is neither a count nor the tier, such as the kind of traffic.
pub(super) fn keep_extras(usage: Option<&Json<'_>>, extras: &mut Extras) {
    for (name, value) in usage.into_iter().flat_map(case::fields) {
        let known = name.ends_with("TokenCount") || name.ends_with("Details") || name == "serviceTier";
        if !known {
            extras.push(DIALECT, &format!("{PREFIX}{name}"), &case::compact(value));
        }
    }
}

/// The extras that belong in a `usageMetadata`, each with its name there.
pub(super) fn extras(extras: &Extras) -> impl Iterator<Item = (&str, &str)> {
    extras.of(DIALECT).filter_map(|extra| Some((extra.name.strip_prefix(PREFIX)?, extra.json.as_str())))
}

/// Adds the members of a `usageMetadata`.
pub(super) fn write(usage: &Usage, o: &mut Object<'_>) {
    let prompt = usage.total_input();
    let answered = usage.total_output().saturating_sub(usage.reasoning);
    o.number("promptTokenCount", prompt);
    o.number("candidatesTokenCount", answered);
    o.number("totalTokenCount", usage.total());
    if usage.cache_read > 0 {
        o.number("cachedContentTokenCount", usage.cache_read);
    }
    let text = prompt.saturating_sub(usage.audio_input);
    details(o, "promptTokensDetails", &[("TEXT", text), ("AUDIO", usage.audio_input)]);
    details(o, "cacheTokensDetails", &[("TEXT", usage.cache_read)]);
    if usage.audio_output + usage.image_output > 0 {
        let spoken = ("AUDIO", usage.audio_output);
        let drawn = ("IMAGE", usage.image_output);
        details(o, "candidatesTokensDetails", &[("TEXT", usage.output), spoken, drawn]);
    }
    if usage.reasoning > 0 {
        o.number("thoughtsTokenCount", usage.reasoning);
    }
}

fn details(o: &mut Object<'_>, name: &str, counts: &[(&str, u64)]) {
    if counts.iter().all(|(_, count)| *count == 0) {
        return;
    }
    o.array(name, |a| {
        for (kind, count) in counts.iter().filter(|(_, count)| *count > 0) {
            a.object(|o| {
                o.string("modality", kind);
                o.number("tokenCount", *count);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Usage {
        parse(&json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn cached_tokens_are_counted_once() {
        let usage = read(
            r#"{"promptTokenCount":1000,"cachedContentTokenCount":900,"candidatesTokenCount":10,
            "thoughtsTokenCount":50,"toolUsePromptTokenCount":5,"totalTokenCount":1065}"#,
        );
        assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (105, 900, 10, 50));
        assert_eq!(usage.total(), 1065);
    }

    #[test]
    fn thoughts_inside_the_candidates_count_are_not_counted_twice() {
        let usage = read(
            r#"{"promptTokenCount":10,"candidatesTokenCount":60,"thoughtsTokenCount":50,"totalTokenCount":70}"#,
        );
        assert_eq!((usage.output, usage.reasoning), (10, 50));
    }

    #[test]
    fn sound_and_pictures_have_classes_of_their_own() {
        let usage = read(
            r#"{"promptTokenCount":300,"cachedContentTokenCount":40,"candidatesTokenCount":1300,"totalTokenCount":1600,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":100},{"modality":"AUDIO","tokenCount":200}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":40}],
            "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}"#,
        );
        assert_eq!((usage.input, usage.audio_input, usage.cache_read), (100, 160, 40));
        assert_eq!((usage.output, usage.image_output), (10, 1290));
        assert_eq!(usage.total(), 1600);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let usage = Usage {
            input: 1,
            cache_read: 2,
            audio_input: 4,
            output: 8,
            reasoning: 16,
            audio_output: 32,
            image_output: 64,
            ..Usage::default()
        };
        let mut out = Vec::new();
        json::object(&mut out, |o| write(&usage, o));
        assert_eq!(parse(&json::parse(&out).unwrap()), usage);
    }

    #[test]
    fn output_that_is_not_told_follows_from_the_total() {
        assert_eq!(read(r#"{"promptTokenCount":8,"totalTokenCount":8}"#).output, 0);
        assert_eq!(read(r#"{"promptTokenCount":8,"totalTokenCount":20}"#).output, 12);
    }
}
