//! What becomes of what was found: verdicts, and changes to the text.

use std::ops::Range;

use super::clearing::Clearing;
use super::detector::Finding;
use super::memory::Memory;
use super::rule::{Action, Direction, NAMES, Watch};
use super::sieve::{Edit, Form};
use super::view::{Change, View, Written};

/// What is looked at, and how it is written.
pub(super) struct Shown<'a> {
    /// How, where it is written otherwise.
    pub(super) view: Option<&'a View>,
    /// What was taken out of it, where anything is.
    pub(super) clearing: Option<&'a Clearing>,
    pub(super) text: &'a str,
    /// Where that begins.
    pub(super) base: usize,
}

impl Shown<'_> {
    fn part(&self, shown: &Range<usize>) -> &str {
        let place = |at: usize| at.checked_sub(self.base);
        let part = place(shown.start).zip(place(shown.end));
        part.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    /// What of this can be changed; `Change::shown` is a part of it.
    pub(super) fn changes(&self, looked: Range<usize>) -> Vec<Change> {
        let shown = match self.clearing {
            Some(clearing) => clearing.came(looked.start)..clearing.came(looked.end),
            None => looked,
        };
        let mut changes = match self.view {
            Some(view) => view.changes(shown),
            None => vec![Change { raw: shown.clone(), shown, written: Written::Plain }],
        };
        if let Some(clearing) = self.clearing {
            for change in &mut changes {
                change.shown = clearing.looked(change.shown.start)..clearing.looked(change.shown.end);
            }
        }
        changes
    }
}

/// What becomes of findings, which are in their order and overlap with no others.
pub(super) fn decide(
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
