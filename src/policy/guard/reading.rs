//! A text that comes in pieces, as it is looked at: with its escapes read, and without what nobody sees.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::clearing::Clearing;
use super::detector::Finding;
use super::memory::Memory;
use super::rule::Watch;
use super::scanner::{Scanner, Sum};
use super::settle::{Shown, decide};
use super::sieve::{Edit, Form};
use super::view::{View, Written};

/// A text of which pieces came.
#[derive(Debug)]
pub(super) struct Reading {
    form: Form,
    /// How it is written, where that is not as it is looked at.
    view: Option<Box<View>>,
    /// What is taken out of it, where that is wanted.
    clearing: Option<Box<Clearing>>,
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
    pub(super) fn new(watch: &Watch, form: Form) -> Self {
        let view = (form == Form::Json).then(|| Box::new(View::new()));
        // What is sealed stays as it is, and so it is looked at.
        let cleared = watch.cleared.as_ref().filter(|_| form != Form::Sealed);
        let clearing = cleared.map(|_| Box::new(Clearing::new()));
        let scanner = Scanner::new(Arc::clone(cleared.unwrap_or(&watch.panel)));
        Self { form, view, clearing, scanner, text: String::new(), base: 0, until: 0, found: Vec::new() }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &str, watch: &Watch, memory: &mut Memory) {
        let shown = match &mut self.view {
            Some(view) => {
                let mut shown = String::with_capacity(piece.len());
                view.push(piece, &mut shown);
                Cow::Owned(shown)
            }
            None => Cow::Borrowed(piece),
        };
        let known = self.text.len();
        match &mut self.clearing {
            Some(clearing) => clearing.push(&shown, watch, memory, &mut self.text),
            None => self.text.push_str(&shown),
        }
        let fresh = self.text.get(known..).unwrap_or_default();
        self.until = self.scanner.push(fresh, &mut self.found);
        // A number is decided as a whole, and so is what is found in it and before it.
        while self.view.is_some() {
            self.until = self.whole(self.until);
            let until = self.until;
            let across = self.found.iter().find(|finding| finding.start < until && finding.end > until);
            let Some(across) = across else { break };
            self.until = across.start;
        }
    }

    /// The last place up to here that is in no number.
    fn whole(&self, until: usize) -> usize {
        let Some(view) = &self.view else { return until };
        let whole = view.whole(self.came(until));
        self.clearing.as_ref().map_or(whole, |clearing| clearing.looked(whole)).min(until)
    }

    /// Where that is shown which is looked at here.
    fn came(&self, looked: usize) -> usize {
        self.clearing.as_ref().map_or(looked, |clearing| clearing.came(looked))
    }

    /// The text is whole: the changes to the rest of it.
    pub(super) fn finish(
        &mut self,
        watch: &Watch,
        held: &[u8],
        memory: &mut Memory,
        edits: &mut Vec<Edit>,
    ) -> Sum {
        if let Some(clearing) = &mut self.clearing {
            let known = self.text.len();
            clearing.finish(watch, memory, &mut self.text);
            self.scanner.push(self.text.get(known..).unwrap_or_default(), &mut self.found);
        }
        let sum = self.scanner.finish(&mut self.found);
        self.until = self.base + self.text.len();
        self.settle(watch, held, memory, edits);
        sum
    }

    /// Appends the changes to what is decided, and returns up to where that is, as it is written.
    pub(super) fn settle(
        &mut self,
        watch: &Watch,
        held: &[u8],
        memory: &mut Memory,
        edits: &mut Vec<Edit>,
    ) -> usize {
        let (until, known) = (self.until, edits.len());
        let ready = self.found.partition_point(|finding| finding.start < until);
        let found = self.found.get(..ready).unwrap_or_default();
        let Self { view, clearing, text, base, .. } = self;
        let shown = Shown { view: view.as_deref(), clearing: clearing.as_deref(), text, base: *base };
        decide(watch, self.form, found, &shown, held, memory, edits);
        self.found.drain(..ready);
        self.text.drain(..until - self.base);
        self.base = until;
        if let Some(clearing) = &mut self.clearing {
            let gone = clearing.take(until);
            clear(gone, self.view.as_deref(), known, edits);
        }
        let came = self.came(until);
        let Some(view) = &mut self.view else { return came };
        let raw = view.raw(came);
        view.forget(came);
        raw
    }

    /// How much of the text came, as it is written, once it is whole.
    pub(super) fn length(&self) -> usize {
        let came = self.came(self.base + self.text.len());
        self.view.as_ref().map_or(came, |view| view.length())
    }
}

/// Adds changes that take out what nobody sees to those behind the `known` first.
fn clear(gone: impl Iterator<Item = Range<usize>>, view: Option<&View>, known: usize, edits: &mut Vec<Edit>) {
    for run in gone {
        match view {
            Some(view) => {
                let changes = view.changes(run).into_iter();
                let inside = changes.filter(|change| change.written != Written::Quoted);
                edits.extend(inside.map(|change| nothing(change.raw)));
            }
            None => edits.push(nothing(run)),
        }
    }
    let mut fresh = edits.split_off(known);
    fresh.sort_by_key(|edit| (edit.start, usize::MAX - edit.end));
    for edit in fresh {
        // What stands in something that is taken out goes with it.
        if edits.last().is_none_or(|last| edit.start >= last.end) {
            edits.push(edit);
        }
    }
}

const fn nothing(raw: Range<usize>) -> Edit {
    Edit { start: raw.start, end: raw.end, text: String::new() }
}
