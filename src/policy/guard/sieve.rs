//! The sieve: a text in pieces goes through, and what guards take out stays behind.

use std::ops::Range;
use std::sync::Arc;

use super::detector::Finding;
use super::memory::Memory;
use super::rule::{Action, Direction, NAMES, Watch};
use super::scanner::{Scanner, Sum, scan};
use super::view::{Change, View, Written};

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
    let sum = match form {
        Form::Plain | Form::Sealed => {
            let mut found = Vec::new();
            let sum = scan(&watch.panel, text, &mut found);
            decide(watch, form, &found, &Shown { view: None, text, base: 0 }, held, memory, &mut edits);
            sum
        }
        Form::Json => {
            let mut reading = Reading::new(watch, form);
            for piece in pieces(text) {
                reading.push(piece);
                reading.settle(watch, held, memory, &mut edits);
            }
            reading.finish(watch, held, memory, &mut edits)
        }
    };
    judge_sum(watch, &sum, memory);
    (!edits.is_empty()).then(|| apply(text, 0, &edits))
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
    decide(watch, Form::Plain, &found, &Shown { view: None, text: &text, base: 0 }, held, memory, &mut edits);
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

/// What is looked at, and how it is written.
struct Shown<'a> {
    /// How, where it is written otherwise.
    view: Option<&'a View>,
    text: &'a str,
    /// Where that begins.
    base: usize,
}

impl Shown<'_> {
    fn part(&self, shown: &Range<usize>) -> &str {
        let place = |at: usize| at.checked_sub(self.base);
        let part = place(shown.start).zip(place(shown.end));
        part.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    /// What of this can be changed.
    fn changes(&self, shown: Range<usize>) -> Vec<Change> {
        match self.view {
            Some(view) => view.changes(shown),
            None => vec![Change { raw: shown.clone(), shown, written: Written::Plain }],
        }
    }
}

/// What becomes of findings, which are in their order and overlap with no others.
fn decide(
    watch: &Watch,
    form: Form,
    found: &[Finding],
    shown: &Shown<'_>,
    held: &[u8],
    memory: &mut Memory,
    edits: &mut Vec<Edit>,
) {
    let mut spans: Vec<(Finding, Action)> = Vec::new();
    for finding in found {
        let mut action = Action::Monitor;
        if finding.guard == NAMES {
            action = Action::MaskAndRestore;
        } else {
            let own = shown.part(&(finding.start..finding.end));
            watch.judge(finding, own.as_bytes(), |guard, rule| {
                action = action.max(guard.action);
                memory.note(guard, rule, watch.direction);
            });
        }
        if !action.edits() || form == Form::Sealed {
            continue;
        }
        match spans.last_mut() {
            // What overlaps is taken out as one.
            Some((last, _)) if finding.start < last.end => {
                // A name within another spelling of it ends where that ends.
                last.end = last.end.max(finding.end);
            }
            _ => spans.push((*finding, action)),
        }
    }
    for (finding, action) in spans {
        for change in shown.changes(finding.start..finding.end) {
            // Of two things in one number the first has taken it all.
            if edits.last().is_some_and(|last| change.raw.start < last.end) {
                continue;
            }
            let instead = match (action, watch.direction) {
                _ if finding.guard == NAMES => restored(watch, change.written, &finding),
                (Action::MaskAndRestore, Direction::Request) => {
                    memory.name(finding.detector, shown.part(&change.shown), held)
                }
                _ => Memory::word(finding.detector),
            };
            let text = match change.written {
                Written::Plain | Written::Inside => instead,
                Written::Quoted => format!("\"{instead}\""),
            };
            edits.push(Edit { start: change.raw.start, end: change.raw.end, text });
        }
    }
}

/// What a name stands for, as it is written there.
fn restored(watch: &Watch, written: Written, finding: &Finding) -> String {
    let value = watch.names.get(usize::from(finding.rule)).map_or("", String::as_str);
    if written == Written::Plain {
        return value.to_owned();
    }
    let mut out = Vec::with_capacity(value.len() + 2);
    crate::wire::json::write_string(&mut out, value);
    let quoted = String::from_utf8(out).unwrap_or_default();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// A text that comes in pieces, as it is looked at.
#[derive(Debug)]
struct Reading {
    form: Form,
    /// How what is looked at is written, where it is written otherwise.
    view: Option<Box<View>>,
    scanner: Scanner,
    /// What is not decided, as it is looked at.
    text: String,
    /// How much of it was before that.
    base: usize,
    /// Up to where it is decided.
    until: usize,
    /// What was found in what is not decided.
    found: Vec<Finding>,
}

impl Reading {
    fn new(watch: &Watch, form: Form) -> Self {
        let view = (form == Form::Json).then(|| Box::new(View::new()));
        let scanner = Scanner::new(Arc::clone(&watch.panel));
        Self { form, view, scanner, text: String::new(), base: 0, until: 0, found: Vec::new() }
    }

    fn push(&mut self, piece: &str) {
        let known = self.text.len();
        match &mut self.view {
            Some(view) => view.push(piece, &mut self.text),
            None => self.text.push_str(piece),
        }
        let fresh = self.text.get(known..).unwrap_or_default();
        self.until = self.scanner.push(fresh, &mut self.found);
        let Some(view) = &self.view else { return };
        // A number is decided as a whole, and so is what is found in it and before it.
        let mut until = self.until;
        loop {
            until = view.whole(until);
            let across = self.found.iter().find(|finding| finding.start < until && finding.end > until);
            let Some(across) = across else { break };
            until = across.start;
        }
        self.until = until;
    }

    fn finish(&mut self, watch: &Watch, held: &[u8], memory: &mut Memory, edits: &mut Vec<Edit>) -> Sum {
        let sum = self.scanner.finish(&mut self.found);
        self.until = self.base + self.text.len();
        self.settle(watch, held, memory, edits);
        sum
    }

    /// Appends the changes to what is decided, and returns up to where that is, as it is written.
    fn settle(&mut self, watch: &Watch, held: &[u8], memory: &mut Memory, edits: &mut Vec<Edit>) -> usize {
        let until = self.until;
        let ready = self.found.partition_point(|finding| finding.start < until);
        let found = self.found.get(..ready).unwrap_or_default();
        let shown = Shown { view: self.view.as_deref(), text: &self.text, base: self.base };
        decide(watch, self.form, found, &shown, held, memory, edits);
        self.found.drain(..ready);
        self.text.drain(..until - self.base);
        self.base = until;
        let Some(view) = &mut self.view else { return until };
        let raw = view.raw(until);
        view.forget(until);
        raw
    }

    /// How much of the text came, as it is written.
    fn length(&self) -> usize {
        self.view.as_ref().map_or(self.base + self.text.len(), |view| view.length())
    }
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
        self.reading.push(piece);
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
