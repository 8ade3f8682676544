//! An answer that is told event by event, and held to its form where it ends.

use std::fmt;

use crate::dialect::{StreamParser, codec};
use crate::ir::fold::Fold;
use crate::ir::{Dialect, Event};

use super::super::memory::Memory;
use super::super::rule::Watch;
use super::Shape;

/// The form of longer answers is not looked at.
const LONGEST: usize = 4 << 20;

/// An answer that is told, as far as it is.
pub(in crate::policy::guard) struct Told {
    shape: Shape,
    parser: Box<dyn StreamParser>,
    fold: Fold,
    events: Vec<Event>,
    /// How long it is; nothing is kept of one that is too long.
    length: usize,
    /// How many answers began, and how many of them are over.
    begun: u32,
    over: usize,
    /// Whether only the events as they are framed tell at once that an answer is over: Gemini may say so and
    /// then go on, so that its parser waits.
    late: bool,
    /// Whether what stands behind its end waits until it was looked at.
    waits: bool,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Told {
    /// An answer in this dialect, of which nothing is told yet.
    pub(in crate::policy::guard) fn new(shape: Shape, dialect: Dialect, watch: &Watch) -> Self {
        Self {
            shape,
            parser: codec(dialect).stream_parser(),
            fold: Fold::new(),
            events: Vec::new(),
            length: 0,
            begun: 0,
            over: 0,
            late: dialect == Dialect::GeminiGenerate,
            waits: watch.ends_misshapen(),
        }
    }

    /// An event is told, with which so many answers seem to be over. Whether it, and all behind it, waits for the judgement.
    pub(in crate::policy::guard) fn hear(&mut self, name: Option<&str>, data: &[u8], over: usize) -> bool {
        self.length += data.len();
        if self.length > LONGEST {
            self.fold = Fold::new();
            return false;
        }
        self.parser.push(name, data, &mut self.events);
        self.take();
        if self.late {
            self.over += over;
        }
        self.waits && self.over > 0 && self.over >= self.begun as usize
    }

    fn take(&mut self) {
        for event in self.events.drain(..) {
            match &event {
                Event::BlockStart { candidate, .. } => {
                    self.begun = self.begun.max(candidate.saturating_add(1))
                }
                Event::Finish { .. } => self.over += usize::from(!self.late),
                Event::Start { .. }
                | Event::Delta { .. }
                | Event::BlockStop { .. }
                | Event::Logprobs { .. }
                | Event::Extras { .. }
                | Event::Usage(_)
                | Event::Ping
                | Event::Fault(_)
                | Event::End => {}
            }
            self.fold.push(event);
        }
    }

    /// It is over: looks at its form.
    pub(in crate::policy::guard) fn judge(mut self, watch: &Watch, memory: &mut Memory) {
        if self.length > LONGEST {
            return;
        }
        self.parser.finish(&mut self.events);
        self.take();
        // One that broke off is none.
        if let Ok(reply) = self.fold.finish() {
            watch.judge_shape(&self.shape, &reply, memory);
        }
    }
}
