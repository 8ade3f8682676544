//! The prompt cache: prefixes up to a mark are remembered, and read when they come again.
//!
//! The real services ignore prefixes under a model's minimum (1024 tokens and more); the mock takes
//! any length, so that a test needs no long prompt.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::World;
use super::say::tokens_of;

/// Tokens of a prompt by what the cache did with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cached {
    pub(super) read: usize,
    pub(super) write_5m: usize,
    pub(super) write_1h: usize,
    pub(super) rest: usize,
}

/// How long a marked prefix is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ttl {
    FiveMinutes,
    OneHour,
}

/// Where a block of the prompt ends.
#[derive(Debug)]
pub(super) struct Boundary {
    print: u64,
    bytes: usize,
    mark: Option<Ttl>,
}

/// A prompt, block by block in the order the cache sees it.
#[derive(Debug)]
pub(super) struct Prefix {
    hasher: DefaultHasher,
    bytes: usize,
    pub(super) boundaries: Vec<Boundary>,
}

impl Prefix {
    /// The empty beginning of a prompt for this model.
    pub(super) fn new(model: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        model.hash(&mut hasher);
        Self { hasher, bytes: 0, boundaries: Vec::new() }
    }

    /// A block, bare of its mark, that counts for this many bytes.
    pub(super) fn end(&mut self, role: &str, bare: &Value, bytes: usize, mark: Option<Ttl>) {
        role.hash(&mut self.hasher);
        bare.to_string().hash(&mut self.hasher);
        self.bytes += bytes;
        self.boundaries.push(Boundary { print: self.hasher.finish(), bytes: self.bytes, mark });
    }

    /// Marks the last block, if it has no mark yet.
    pub(super) fn mark(&mut self, ttl: Ttl) {
        if let Some(last) = self.boundaries.last_mut() {
            last.mark.get_or_insert(ttl);
        }
    }
}

/// Parts `prompt` tokens into read, written and neither, and remembers what was written.
pub(super) fn look_up(boundaries: &[Boundary], prompt: usize, world: &World) -> Cached {
    let Some(last) = boundaries.iter().rposition(|boundary| boundary.mark.is_some()) else {
        return Cached { rest: prompt, ..Cached::default() };
    };
    let marked = boundaries.get(..=last).unwrap_or_default();
    let hit = marked.iter().rev().find(|boundary| world.knows(boundary.print));
    let tokens = |bytes: usize| {
        if bytes == 0 { 0 } else { tokens_of(bytes).min(prompt) }
    };
    let mut cached = Cached { read: hit.map_or(0, |hit| tokens(hit.bytes)), ..Cached::default() };
    let mut done = cached.read;
    for boundary in marked {
        let Some(ttl) = boundary.mark else { continue };
        world.seen_before(boundary.print);
        let reached = tokens(boundary.bytes);
        let new = reached.saturating_sub(done);
        match ttl {
            Ttl::FiveMinutes => cached.write_5m += new,
            Ttl::OneHour => cached.write_1h += new,
        }
        done = done.max(reached);
    }
    cached.rest = prompt - done;
    cached
}
