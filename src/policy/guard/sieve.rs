//! The sieve: a text in pieces goes through, and what guards take out stays behind.

use std::sync::Arc;

use super::detector::Finding;
use super::memory::Memory;
use super::rule::{Action, Direction, NAMES, Watch};
use super::scanner::{Scanner, Sum, scan};
use super::view::View;

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
    let shown;
    let seen = match form {
        Form::Plain | Form::Sealed => text,
        Form::Json => {
            shown = View::default().push(text);
            &shown
        }
    };
    let mut found = Vec::new();
    let sum = scan(&watch.panel, seen, &mut found);
    let mut edits = Vec::new();
    decide(
        watch,
        form,
        &found,
        &|start, end| text.get(start..end).unwrap_or_default(),
        held,
        memory,
        &mut edits,
    );
    judge_sum(watch, &sum, memory);
    (!edits.is_empty()).then(|| apply(text, 0, &edits))
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

/// What becomes of findings, which are in their order and overlap with no others.
fn decide<'t>(
    watch: &Watch,
    form: Form,
    found: &[Finding],
    text: &dyn Fn(usize, usize) -> &'t str,
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
            let own = text(finding.start, finding.end);
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
        let value = text(finding.start, finding.end);
        let instead = match (action, watch.direction) {
            _ if finding.guard == NAMES => restored(watch, form, &finding),
            (Action::MaskAndRestore, Direction::Request) => memory.name(finding.detector, value, held),
            _ => Memory::word(finding.detector),
        };
        edits.push(Edit { start: finding.start, end: finding.end, text: instead });
    }
}

/// What a name stands for, as it is written in such a text.
fn restored(watch: &Watch, form: Form, finding: &Finding) -> String {
    let value = watch.names.get(usize::from(finding.rule)).map_or("", String::as_str);
    if form != Form::Json {
        return value.to_owned();
    }
    let mut out = Vec::with_capacity(value.len() + 2);
    crate::wire::json::write_string(&mut out, value);
    let quoted = String::from_utf8(out).unwrap_or_default();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// One text of an answer that comes in pieces.
#[derive(Debug)]
pub struct Sieve {
    watch: Arc<Watch>,
    form: Form,
    view: View,
    scanner: Scanner,
    /// What is not decided, as it came.
    text: String,
    /// How much of the text was before that.
    base: usize,
    found: Vec<Finding>,
}

impl Sieve {
    /// A sieve for one text of this form.
    #[must_use]
    pub fn new(watch: Arc<Watch>, form: Form) -> Self {
        let scanner = Scanner::new(Arc::clone(&watch.panel));
        Self { watch, form, view: View::default(), scanner, text: String::new(), base: 0, found: Vec::new() }
    }

    /// Takes the next piece; appends the changes that are decided, and returns up to which byte of the whole
    /// text all is. No later change begins before that.
    pub fn push(&mut self, piece: &str, memory: &mut Memory, edits: &mut Vec<Edit>) -> usize {
        self.text.push_str(piece);
        let mut found = std::mem::take(&mut self.found);
        let until = match self.form {
            Form::Plain | Form::Sealed => self.scanner.push(piece, &mut found),
            Form::Json => self.scanner.push(&self.view.push(piece), &mut found),
        };
        self.settle(&mut found, until, memory, edits);
        until
    }

    /// The text is whole: the changes to the rest of it. Returns its length.
    pub fn finish(&mut self, memory: &mut Memory, edits: &mut Vec<Edit>) -> usize {
        let mut found = std::mem::take(&mut self.found);
        let sum = self.scanner.finish(&mut found);
        let until = self.base + self.text.len();
        self.settle(&mut found, until, memory, edits);
        judge_sum(&self.watch, &sum, memory);
        until
    }

    fn settle(&mut self, found: &mut Vec<Finding>, until: usize, memory: &mut Memory, edits: &mut Vec<Edit>) {
        let Self { watch, form, text, base, .. } = self;
        let part = |start: usize, end: usize| text.get(start - *base..end - *base).unwrap_or_default();
        decide(watch, *form, found, &part, &[], memory, edits);
        found.clear();
        self.found = std::mem::take(found);
        self.text.drain(..until - self.base);
        self.base = until;
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
