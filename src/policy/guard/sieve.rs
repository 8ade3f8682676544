//! The sieve: a text in pieces goes through, and what guards take out stays behind.

use std::sync::Arc;

use super::memory::Memory;
use super::reading::Reading;
use super::rule::Watch;
use super::scanner::{Sum, scan};
use super::settle::{Shown, decide};

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words as they are.
    Plain,
    /// JSON text, such as the arguments of a tool.
    Json,
    /// Words under a provider's seal: they are looked at and never changed.
    Sealed,
}

/// A change: these bytes of the text give way to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where they begin, counted from the text's beginning.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// What stands there instead.
    pub text: String,
}

/// Looks at a whole text; gives what goes on instead, where that differs. `held` is what the text stands
/// in: names given to what is masked do not occur there.
#[must_use]
pub fn sift(watch: &Watch, form: Form, text: &str, held: &[u8], memory: &mut Memory) -> Option<String> {
    let mut edits = Vec::new();
    let cleared = watch.cleared.as_ref().filter(|_| form != Form::Sealed);
    let sum = if form == Form::Json || (cleared.is_some() && !text.is_ascii()) {
        let mut reading = Reading::new(watch, form);
        for piece in pieces(text) {
            reading.push(piece, watch, memory);
            reading.settle(watch, held, memory, &mut edits);
        }
        reading.finish(watch, held, memory, &mut edits)
    } else {
        let mut found = Vec::new();
        let sum = scan(cleared.unwrap_or(&watch.panel), text, &mut found);
        decide(watch, form, &found, &whole(text), held, memory, &mut edits);
        sum
    };
    judge_sum(watch, &sum, memory);
    (!edits.is_empty()).then(|| apply(text, 0, &edits))
}

/// A text that is looked at as it is written.
const fn whole(text: &str) -> Shown<'_> {
    Shown { view: None, clearing: None, text, base: 0 }
}

/// Looks at a number in a value of this name, which explains it; gives the words that go on instead, where
/// some do.
pub(super) fn sift_number(
    watch: &Watch,
    name: &str,
    number: &str,
    held: &[u8],
    memory: &mut Memory,
) -> Option<String> {
    let text = format!("{name}: {number}");
    let start = text.len() - number.len();
    let (mut found, mut edits) = (Vec::new(), Vec::new());
    let _ = scan(&watch.panel, &text, &mut found);
    // What is in the name is the tool's own. A number goes as a whole.
    found.retain(|finding| finding.end > start);
    for finding in &mut found {
        (finding.start, finding.end) = (start, text.len());
    }
    decide(watch, Form::Plain, &found, &whole(&text), held, memory, &mut edits);
    edits.into_iter().next().map(|edit| edit.text)
}

/// A text in pieces, so that little is known of all of it at a time.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    const PIECE: usize = 16 << 10;
    std::iter::from_fn(move || {
        let mut length = text.len().min(PIECE);
        while !text.is_char_boundary(length) {
            length += 1;
        }
        let (piece, rest) = text.split_at_checked(length)?;
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A text with these changes; `base` is where it begins.
fn apply(text: &str, base: usize, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = base;
    let part = |from: usize, to: usize| text.get(from - base..to - base).unwrap_or_default();
    for edit in edits {
        out.push_str(part(at, edit.start));
        out.push_str(&edit.text);
        at = edit.end;
    }
    out.push_str(part(at, base + text.len()));
    out
}

fn judge_sum(watch: &Watch, sum: &Sum, memory: &mut Memory) {
    watch.judge_sum(sum, |guard, rule| memory.note(guard, rule, watch.direction));
}

/// One text of an answer that comes in pieces.
#[derive(Debug)]
pub struct Sieve {
    watch: Arc<Watch>,
    reading: Reading,
}

impl Sieve {
    /// A sieve for one text of this form.
    #[must_use]
    pub fn new(watch: Arc<Watch>, form: Form) -> Self {
        let reading = Reading::new(&watch, form);
        Self { watch, reading }
    }

    /// Takes the next piece; appends the changes that are decided, and returns up to which byte of the whole
    /// text all is. No later change begins before that.
    pub fn push(&mut self, piece: &str, memory: &mut Memory, edits: &mut Vec<Edit>) -> usize {
        self.reading.push(piece, &self.watch, memory);
        self.reading.settle(&self.watch, &[], memory, edits)
    }

    /// The text is whole: the changes to the rest of it. Returns its length.
    pub fn finish(&mut self, memory: &mut Memory, edits: &mut Vec<Edit>) -> usize {
        let sum = self.reading.finish(&self.watch, &[], memory, edits);
        judge_sum(&self.watch, &sum, memory);
        self.reading.length()
    }
}

/// A sieve that keeps what is not decided itself, for texts that are said anew.
#[derive(Debug)]
pub struct Strand {
    sieve: Sieve,
    text: String,
    base: usize,
    edits: Vec<Edit>,
}

impl Strand {
    /// A strand for one text of this form.
    #[must_use]
    pub fn new(watch: Arc<Watch>, form: Form) -> Self {
        Self { sieve: Sieve::new(watch, form), text: String::new(), base: 0, edits: Vec::new() }
    }

    /// Takes the next piece, and gives what goes on.
    pub fn push(&mut self, piece: &str, memory: &mut Memory) -> String {
        self.text.push_str(piece);
        let until = self.sieve.push(piece, memory, &mut self.edits);
        self.release(until)
    }

    /// The text is whole: gives the rest.
    pub fn finish(&mut self, memory: &mut Memory) -> String {
        let until = self.sieve.finish(memory, &mut self.edits);
        self.release(until)
    }

    fn release(&mut self, until: usize) -> String {
        let text: String = self.text.drain(..until - self.base).collect();
        let said = apply(&text, self.base, &self.edits);
        self.edits.clear();
        self.base = until;
        said
    }
}

#[cfg(test)]
mod tests;
