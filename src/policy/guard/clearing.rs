//! Takes out what nobody sees, so that the rest is looked at as it goes on: `4111\u{200b}1111` is a number
//! once nothing stands between its parts.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::detector::{Detector, Finding, Wanted};
use super::memory::Memory;
use super::rule::Watch;
use super::scanner::{Panel, Scanner};

/// A text without what nobody sees in it.
#[derive(Debug)]
pub(super) struct Clearing {
    scanner: Scanner,
    /// What came and did not go on yet.
    held: String,
    /// How much came before that.
    at: usize,
    /// How much went on.
    cleared: usize,
    /// What was taken out, and not forgotten.
    runs: VecDeque<Run>,
    /// How many bytes were taken out and forgotten.
    gone: usize,
    found: Vec<Finding>,
}

#[derive(Debug)]
struct Run {
    /// Where it would stand in what goes on.
    cleared: usize,
    came: Range<usize>,
}

impl Clearing {
    pub(super) fn new() -> Self {
        let panel = Panel { wanted: Wanted::NONE.with(Detector::Invisible), ..Panel::default() };
        Self {
            scanner: Scanner::new(Arc::new(panel)),
            held: String::new(),
            at: 0,
            cleared: 0,
            runs: VecDeque::new(),
            gone: 0,
            found: Vec::new(),
        }
    }

    /// Takes the next piece and appends what goes on.
    pub(super) fn push(&mut self, piece: &str, watch: &Watch, memory: &mut Memory, out: &mut String) {
        self.held.push_str(piece);
        let until = self.scanner.push(piece, &mut self.found);
        self.pass(until, watch, memory, out);
    }

    /// The text is whole: the rest of it.
    pub(super) fn finish(&mut self, watch: &Watch, memory: &mut Memory, out: &mut String) {
        let _ = self.scanner.finish(&mut self.found);
        self.pass(self.at + self.held.len(), watch, memory, out);
    }

    fn pass(&mut self, until: usize, watch: &Watch, memory: &mut Memory, out: &mut String) {
        let base = self.at;
        for finding in self.found.drain(..) {
            let mut goes = false;
            let part = self.held.get(finding.start - base..finding.end - base).unwrap_or_default();
            watch.judge(&finding, part.as_bytes(), |guard, rule| {
                goes |= guard.action.edits();
                memory.note(guard, rule, watch.direction);
            });
            if goes {
                let before = self.held.get(self.at - base..finding.start - base).unwrap_or_default();
                out.push_str(before);
                self.cleared += before.len();
                self.at = finding.end;
                self.runs.push_back(Run { cleared: self.cleared, came: finding.start..finding.end });
            }
        }
        let rest = self.held.get(self.at - base..until - base).unwrap_or_default();
        out.push_str(rest);
        self.cleared += rest.len();
        self.at = until;
        self.held.drain(..until - base);
    }

    /// Where that came which goes on here, behind what was taken out here.
    pub(super) fn came(&self, cleared: usize) -> usize {
        let behind = self.runs.partition_point(|run| run.cleared <= cleared);
        match behind.checked_sub(1).and_then(|last| self.runs.get(last)) {
            Some(run) => run.came.end + (cleared - run.cleared),
            None => cleared + self.gone,
        }
    }

    /// Where that goes on which came here.
    pub(super) fn looked(&self, came: usize) -> usize {
        let behind = self.runs.partition_point(|run| run.came.start < came);
        match behind.checked_sub(1).and_then(|last| self.runs.get(last)) {
            Some(run) => run.cleared + came.saturating_sub(run.came.end),
            None => came.saturating_sub(self.gone),
        }
    }

    /// What was taken out up to here, which is then forgotten.
    pub(super) fn take(&mut self, cleared: usize) -> impl Iterator<Item = Range<usize>> {
        let ready = self.runs.partition_point(|run| run.cleared <= cleared);
        if let Some(last) = ready.checked_sub(1).and_then(|last| self.runs.get(last)) {
            self.gone = last.came.end - last.cleared;
        }
        self.runs.drain(..ready).map(|run| run.came)
    }
}
