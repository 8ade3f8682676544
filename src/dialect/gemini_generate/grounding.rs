//! Sources: `groundingMetadata` and `citationMetadata` of a candidate ↔ citations of its text.

use std::sync::LazyLock;

use super::case;
use super::types::DIALECT;
use crate::ir::{Citation, Extras, Losses};
use crate::wire::json::{self, Json, Object};
use crate::wire::json_array;
use crate::wire::needle::Needle;

/// What a candidate said of its sources so far. A stream may tell them more than once, each time
/// as a whole, so the fullest one is kept.
#[derive(Debug, Default)]
pub(super) struct Sources {
    grounding: Option<String>,
    chunks: usize,
    citation: Option<String>,
    /// How many searches were made.
    pub(super) searches: u64,
}

/// Whether offsets into the answer, which are told in bytes, are also counts of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offsets {
    /// They are: the candidate is one text of ASCII alone.
    Plain,
    /// They are not, or cannot be told.
    Unknown,
}

impl Sources {
    /// Takes what one slice of a candidate tells.
    pub(super) fn take(&mut self, candidate: &Json<'_>) {
        if let Some(grounding) = case::field(candidate, "groundingMetadata") {
            let chunks = elements(grounding, "groundingChunks").len();
            if chunks > 0 && chunks >= self.chunks {
                self.chunks = chunks;
                self.grounding = Some(case::compact(grounding));
            }
            let searches = elements(grounding, "webSearchQueries").len() as u64;
            self.searches = self.searches.max(searches);
        }
        if let Some(citation) = case::field(candidate, "citationMetadata") {
            self.citation = Some(case::compact(citation));
        }
    }

    /// The sources as citations; the first one carries the whole of what was said.
    pub(super) fn citations(&mut self, offsets: Offsets) -> Vec<Citation> {
        let mut citations = Vec::new();
        let mut native = String::new();
        for (name, text) in
            [("groundingMetadata", self.grounding.take()), ("citationMetadata", self.citation.take())]
        {
            let Some(text) = text else { continue };
            let Ok(json) = json::parse(text.as_bytes()) else { continue };
            if name == "groundingMetadata" {
                grounded(&json, offsets, &mut citations);
            } else {
                cited(&json, offsets, &mut citations);
            }
            native.push(if native.is_empty() { '{' } else { ',' });
            for piece in ["\"", name, "\":", &text] {
                native.push_str(piece);
            }
        }
        if let Some(first) = citations.first_mut() {
            native.push('}');
            first.native = Some((DIALECT, native));
        }
        citations
    }
}

/// Whether each search is billed, as it is from Gemini 3 on, and not the answer
/// (<https://ai.google.dev/gemini-api/docs/pricing>, seen 2026-11).
pub(super) fn bills_each_search(model: &str) -> bool {
    !["gemini-1", "gemini-2"].iter().any(|family| model.starts_with(family))
}

static SEARCHES: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"webSearchQueries\""));

/// Whether a slice may tell of searches.
pub(super) fn tells_searches(json: &[u8]) -> bool {
    SEARCHES.is_in(json)
}

/// How many searches a whole answer, or a slice, tells of; found without reading the rest.
pub(super) fn count_searches(json: &[u8]) -> u64 {
    let Some(list) = SEARCHES.values(json).next() else { return 0 };
    let mut searches = 0;
    // What follows the list is no part of it, and ends the count as an error.
    let _end = json_array::Parser::new(json.len()).push(list, |_| searches += 1);
    searches
}

fn elements<'j, 'a>(json: &'j Json<'a>, name: &str) -> &'j [Json<'a>] {
    case::field(json, name).map(Json::elements).unwrap_or_default()
}

fn grounded(json: &Json<'_>, offsets: Offsets, citations: &mut Vec<Citation>) {
    let chunks: Vec<Citation> = elements(json, "groundingChunks").iter().map(source).collect();
    let mut used = vec![false; chunks.len()];
    for support in elements(json, "groundingSupports") {
        let segment = case::field(support, "segment");
        for index in elements(support, "groundingChunkIndices").iter().filter_map(Json::as_u64) {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let Some(source) = chunks.get(index) else { continue };
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
            let mut citation = source.clone();
            if let Some(segment) = segment {
                citation.quote = case::text(segment, "text").map(str::to_owned);
                span(segment, offsets, &mut citation);
            }
            citations.push(citation);
        }
    }
    let unused = chunks.into_iter().zip(used).filter(|(_, used)| !used);
    citations.extend(unused.map(|(source, _)| source));
}

fn source(chunk: &Json<'_>) -> Citation {
    let kinds = ["web", "retrievedContext", "maps", "image"];
    let found = kinds.iter().find_map(|kind| case::field(chunk, kind));
    let text = |name| found.and_then(|found| case::text(found, name)).map(str::to_owned);
    Citation { url: text("uri").or_else(|| text("sourceUri")), title: text("title"), ..Citation::default() }
}

/// An offset of 0 is left out by the API.
fn span(segment: &Json<'_>, offsets: Offsets, citation: &mut Citation) {
    let end = case::field(segment, "endIndex").and_then(Json::as_u64);
    if offsets == Offsets::Plain && end.is_some() {
        citation.start = Some(case::field(segment, "startIndex").and_then(Json::as_u64).unwrap_or(0));
        citation.end = end;
    }
}

fn cited(json: &Json<'_>, offsets: Offsets, citations: &mut Vec<Citation>) {
    let lists = ["citationSources", "citations"].map(|name| elements(json, name));
    for item in lists.into_iter().flatten() {
        let text = |name| case::text(item, name).map(str::to_owned);
        let mut citation = Citation { url: text("uri"), title: text("title"), ..Citation::default() };
        span(item, offsets, &mut citation);
        citations.push(citation);
    }
}

/// Whether the members of a candidate tell its sources in this dialect's own words.
pub(super) fn is_told(extras: &Extras) -> bool {
    ["groundingMetadata", "citationMetadata"].iter().any(|name| extras.json(DIALECT, name).is_some())
}

/// What a source was given for: a piece of the candidate's words, all its texts taken as one, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'t> {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The piece itself, where it is still at hand.
    pub(super) text: Option<&'t str>,
}

impl<'t> Segment<'t> {
    /// What a citation of a text stands for: the place that it names, else, where it quotes its source,
    /// the whole text. `before` is how many bytes of other texts stand before this one.
    pub(super) fn of(citation: &Citation, text: &'t str, before: u64) -> Option<Self> {
        let place = |at: u64| {
            let at = usize::try_from(at).ok()?;
            text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(at)
        };
        let (start, end) = match citation.end {
            Some(end) => (place(citation.start.unwrap_or(0))?, place(end)?),
            None => (0, citation.quote.as_ref().map(|_| text.len())?),
        };
        let piece = text.get(start..end).filter(|piece| !piece.is_empty())?;
        Some(Self { start: before + start as u64, end: before + end as u64, text: Some(piece) })
    }
}

/// Adds the sources of a candidate to it, in its own words if they are this dialect's.
pub(super) fn write(o: &mut Object<'_>, cited: &[(&Citation, Option<Segment<'_>>)], losses: &mut Losses) {
    let native = cited.iter().find_map(|(citation, _)| match &citation.native {
        Some((DIALECT, text)) => Some(text),
        _ => None,
    });
    if let Some(Ok(native)) = native.map(|native| json::parse(native.as_bytes())) {
        for (name, value) in native.entries() {
            o.raw(name, value.raw());
        }
        return;
    }
    if cited.iter().any(|(citation, _)| !is_named(citation)) {
        losses.dropped("content.citations", "the source has neither an address nor a name");
    }
    let cited: Vec<_> = cited.iter().filter(|(citation, _)| is_named(citation)).collect();
    if cited.is_empty() {
        return;
    }
    o.object("groundingMetadata", |o| {
        o.array("groundingChunks", |a| {
            for (citation, _) in &cited {
                a.object(|o| chunk(o, citation));
            }
        });
        let mut supports: Vec<(Segment<'_>, Vec<u64>)> = Vec::new();
        for (index, (citation, segment)) in (0_u64..).zip(&cited) {
            if citation.url.is_some()
                && citation.quote.as_deref().is_some_and(|quote| !is_said(*segment, quote))
            {
                losses.dropped("content.citations.quote", "of a page there is no more than its address");
            }
            match (segment, supports.last_mut()) {
                (Some(segment), Some((last, indices))) if last == segment => indices.push(index),
                (Some(segment), _) => supports.push((*segment, vec![index])),
                (None, _) => {}
            }
        }
        o.array("groundingSupports", |a| {
            for (segment, indices) in &supports {
                a.object(|o| {
                    o.object("segment", |o| {
                        o.opt_number("startIndex", (segment.start > 0).then_some(segment.start));
                        o.number("endIndex", segment.end);
                        o.opt_string("text", segment.text);
                    });
                    o.array("groundingChunkIndices", |a| indices.iter().for_each(|index| a.number(*index)));
                });
            }
        });
    });
}

/// Whether anybody could find the source.
fn is_named(citation: &Citation) -> bool {
    citation.url.is_some() || citation.title.is_some() || citation.quote.is_some()
}

/// Whether the words quoted are the answer's own.
fn is_said(segment: Option<Segment<'_>>, quote: &str) -> bool {
    segment.and_then(|segment| segment.text).is_some_and(|text| text.contains(quote))
}

/// Writes one source: a page, or what stands nowhere in the web as something that was looked up.
fn chunk(o: &mut Object<'_>, citation: &Citation) {
    let title = citation.title.as_deref();
    match citation.url.as_deref() {
        Some(url) => o.object("web", |o| {
            o.string("uri", url);
            o.opt_string("title", title);
        }),
        None => o.object("retrievedContext", |o| {
            o.opt_string("title", title);
            o.opt_string("text", citation.quote.as_deref());
        }),
    }
}
