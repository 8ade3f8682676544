//! Slices that are like the one before them but for their words and their counts.

use std::borrow::Cow;

use crate::dialect::mould::Mould;
use crate::ir::{Delta, Event};
use crate::wire::json::Json;

/// A slice that said words, and where they went.
#[derive(Debug)]
pub(super) struct Usual {
    pub(super) mould: Mould,
    /// The words' block.
    pub(super) block: u32,
    pub(super) candidate: usize,
}

impl Usual {
    /// The shape of a slice that did nothing but say words of one block.
    pub(super) fn of(data: &[u8], json: &Json<'_>, events: &[Event]) -> Option<Self> {
        let (Event::Delta { index, delta: Delta::Text(_) }, others) = events.split_last()? else {
            return None;
        };
        let told = others.iter().all(|event| matches!(event, Event::Usage(_)));
        let [candidate] = json.get("candidates")?.elements() else { return None };
        // Whatever else a candidate holds has its effect each time it comes.
        let known = |(name, _): &(Cow<'_, str>, _)| matches!(&**name, "content" | "index" | "safetyRatings");
        let plain = candidate.entries().iter().all(known);
        let [part] = candidate.at(&["content", "parts"])?.elements() else { return None };
        let [(_, text)] = part.entries() else { return None };
        if !told || !plain || !json.is_object() {
            return None;
        }
        let number = candidate.get("index").and_then(Json::as_u64).unwrap_or_default();
        Some(Self {
            mould: Mould::counting(data, text, json.get("usageMetadata")?)?,
            block: *index,
            candidate: usize::try_from(number).ok()?,
        })
    }
}
