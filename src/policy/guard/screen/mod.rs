//! A stream of an answer goes through, event by event, and what guards take out stays behind.
//!
//! An event goes on as it came as soon as nothing that begins in its texts can be found any more; what has
//! nothing found in it is never written anew. So an event waits for the next one at most, as long as
//! words are told, and not for the answer.

pub(super) mod cut;
pub(super) mod pieces;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::dialect::Framing;
use crate::ir::Dialect;
use crate::wire::json;

use super::memory::Memory;
use super::rule::Watch;
use super::shape::{Shape, Told};
use super::sieve::{Edit, Sieve, sift, sift_number};

use cut::{Cut, Event};
use pieces::{Ends, Piece, Read};

pub use cut::Unframed;

/// So many texts may be open at one time; more, and all are taken for whole.
const MOST_STRANDS: usize = 1024;

/// So much waits behind the end of an answer at most; more, and it is no end.
const MOST_BEHIND: usize = 1 << 20;

/// A stream that goes through.
#[derive(Debug)]
pub struct Screen {
    watch: Arc<Watch>,
    dialect: Dialect,
    framing: Framing,
    cut: Cut,
    strands: Vec<Strand>,
    /// Events in their order, the first of which waits.
    queue: VecDeque<Waiting>,
    /// How many events went on.
    told: u64,
    stopped: bool,
    /// What is told, where its form is looked at.
    shape: Option<Told>,
    /// What stands behind the end of the answer, and waits until its form was looked at; how many events.
    behind: Vec<u8>,
    behind_count: u64,
}

/// One text that goes on from event to event.
#[derive(Debug)]
struct Strand {
    id: String,
    sieve: Sieve,
    length: usize,
    decided: usize,
    edits: VecDeque<Edit>,
    over: bool,
}

/// An event that waits, or is about to go on.
#[derive(Debug)]
struct Waiting {
    event: Event,
    pieces: Vec<Part>,
    /// Strings and numbers that are said anew, with what is said.
    changes: Vec<(Range<usize>, String)>,
    /// How many answers end with it.
    over: usize,
}

/// A piece of a strand in an event.
#[derive(Debug)]
struct Part {
    span: Range<usize>,
    text: String,
    strand: usize,
    /// Where in the strand it begins.
    start: usize,
}

impl Screen {
    /// A stream in this dialect, framed so.
    #[must_use]
    pub fn new(watch: Arc<Watch>, dialect: Dialect, framing: Framing) -> Self {
        let (strands, queue) = (Vec::new(), VecDeque::new());
        Self {
            watch,
            dialect,
            framing,
            cut: Cut::new(framing),
            strands,
            queue,
            told: 0,
            stopped: false,
            shape: None,
            behind: Vec::new(),
            behind_count: 0,
        }
    }

    /// The same, of an answer that is to have this form.
    #[must_use]
    pub fn with_shape(self, shape: Option<Shape>) -> Self {
        let shape = shape.map(|shape| Told::new(shape, self.dialect, &self.watch));
        Self { shape, ..self }
    }

    /// What its client speaks, and how its stream is framed.
    #[must_use]
    pub const fn spoken(&self) -> (Dialect, Framing) {
        (self.dialect, self.framing)
    }

    /// How many events went on, each of them whole.
    #[must_use]
    pub const fn told(&self) -> u64 {
        self.told
    }

    /// The stream ends behind so many events, whatever of it came.
    pub const fn stop(&mut self, told: u64) {
        (self.stopped, self.told) = (true, told);
    }

    /// Whether it was ended before it came to its end.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes the next bytes and appends those that go on. Nothing more does once a guard blocks.
    ///
    /// # Errors
    /// When the bytes are no events, so that nobody can look into them.
    pub fn push(&mut self, bytes: &[u8], memory: &mut Memory, out: &mut Vec<u8>) -> Result<(), Unframed> {
        let mut events = Vec::new();
        let cut = self.cut.push(bytes, &mut events);
        self.take(events, memory, out);
        cut
    }

    /// The stream is over: appends the rest.
    pub fn finish(&mut self, memory: &mut Memory, out: &mut Vec<u8>) {
        let mut events = Vec::new();
        self.cut.finish(&mut events);
        self.take(events, memory, out);
        self.end(&Ends::All, memory);
        self.release(memory, out);
        if let Some(told) = self.shape.take().filter(|_| memory.blocked.is_none()) {
            told.judge(&self.watch, memory);
        }
        if memory.blocked.is_none() {
            self.told += std::mem::take(&mut self.behind_count);
            out.append(&mut self.behind);
            self.cut.close(out);
        }
    }

    fn take(&mut self, events: Vec<Event>, memory: &mut Memory, out: &mut Vec<u8>) {
        for event in events {
            if memory.blocked.is_some() {
                return;
            }
            if event.is_silent() {
                // A sign of life is one only at once.
                self.cut.pass(&event, out);
                continue;
            }
            let waiting = self.look(event, memory);
            self.queue.push_back(waiting);
            self.release(memory, out);
        }
    }

    /// Looks into an event.
    fn look(&mut self, event: Event, memory: &mut Memory) -> Waiting {
        let (mut parts, mut changes) = (Vec::new(), Vec::new());
        let ends = match pieces::read(self.dialect, event.data()) {
            Some(Read { pieces, ends, repeats }) => {
                for piece in pieces {
                    match piece.strand {
                        Some(_) => parts.push(self.grow(piece, memory)),
                        None => changes.extend(self.whole(&piece, event.data(), repeats, memory)),
                    }
                }
                ends
            }
            // `[DONE]`.
            None => Ends::All,
        };
        self.end(&ends, memory);
        let over = match ends {
            Ends::Answers(answers) => answers.len(),
            Ends::None | Ends::All => 0,
        };
        Waiting { event, pieces: parts, changes, over }
    }

    /// A text that goes on gets another piece.
    fn grow(&mut self, piece: Piece<'_>, memory: &mut Memory) -> Part {
        let id = piece.strand.unwrap_or_default();
        let open = self.strands.iter().position(|strand| !strand.over && strand.id == id);
        let place = open.unwrap_or_else(|| {
            if self.strands.len() >= MOST_STRANDS {
                self.end(&Ends::All, memory);
            }
            let sieve = Sieve::new(Arc::clone(&self.watch), piece.form);
            let edits = VecDeque::new();
            self.strands.push(Strand { id, sieve, length: 0, decided: 0, edits, over: false });
            self.strands.len() - 1
        });
        let start = self.strands.get_mut(place).map_or(0, |strand| {
            let (start, mut edits) = (strand.length, Vec::new());
            strand.length += piece.text.len();
            strand.decided = strand.sieve.push(&piece.text, memory, &mut edits);
            strand.edits.extend(edits);
            start
        });
        Part { span: piece.span, text: piece.text.into_owned(), strand: place, start }
    }

    /// A text that stands whole in an event: what is said instead.
    fn whole(
        &self,
        piece: &Piece<'_>,
        held: &[u8],
        again: bool,
        memory: &mut Memory,
    ) -> Option<(Range<usize>, String)> {
        // What was told before was counted then.
        let mut uncounted = Memory::default();
        let noted = if again { &mut uncounted } else { &mut *memory };
        let anew = match &piece.number {
            Some(name) => sift_number(&self.watch, name, &piece.text, held, noted),
            None => sift(&self.watch, piece.form, &piece.text, held, noted),
        };
        if let Some(blocked) = uncounted.blocked {
            memory.blocked.get_or_insert(blocked);
        }
        anew.map(|anew| (piece.span.clone(), anew))
    }

    /// Texts come to their end.
    fn end(&mut self, ends: &Ends, memory: &mut Memory) {
        for strand in self.strands.iter_mut().filter(|strand| !strand.over) {
            let over = match ends {
                Ends::None => false,
                Ends::All => true,
                Ends::Answers(numbers) => numbers.iter().any(|number| strand.id.starts_with(number.as_str())),
            };
            if over {
                let mut edits = Vec::new();
                strand.decided = strand.sieve.finish(memory, &mut edits);
                strand.edits.extend(edits);
                strand.over = true;
            }
        }
    }

    /// Lets go on what waits for nothing any more.
    fn release(&mut self, memory: &Memory, out: &mut Vec<u8>) {
        let decided = |part: &Part| {
            let strand = self.strands.get(part.strand);
            strand.is_none_or(|strand| strand.decided >= part.start + part.text.len())
        };
        let ready = self.queue.iter().take_while(|waiting| waiting.pieces.iter().all(decided)).count();
        if memory.blocked.is_some() {
            return;
        }
        for waiting in self.queue.drain(..ready) {
            let Waiting { event, pieces, mut changes, over } = waiting;
            for part in pieces {
                if let Some(strand) = self.strands.get_mut(part.strand)
                    && let Some(anew) = strand.anew(&part)
                {
                    changes.push((part.span, anew));
                }
            }
            changes.sort_unstable_by_key(|(span, _)| span.start);
            let anew = (!changes.is_empty()).then(|| spliced(event.data(), &changes));
            let data = anew.as_deref().unwrap_or_else(|| event.data());
            let waits = self.shape.as_mut().is_some_and(|told| told.hear(event.name(), data, over));
            let waits = (waits || self.behind_count > 0) && self.behind.len() < MOST_BEHIND;
            let out = if waits {
                self.behind_count += 1;
                &mut self.behind
            } else {
                self.told += 1 + std::mem::take(&mut self.behind_count);
                out.append(&mut self.behind);
                &mut *out
            };
            match anew {
                None => self.cut.pass(&event, out),
                Some(anew) => self.cut.write(&event, &anew, out),
            }
        }
        if self.queue.is_empty() {
            self.strands.retain(|strand| !strand.over);
        }
    }
}

impl Strand {
    /// What a piece says with the changes to it, if there are any. A change is said in the piece in which
    /// it begins.
    fn anew(&mut self, part: &Part) -> Option<String> {
        let (start, end) = (part.start, part.start + part.text.len());
        let mut anew: Option<String> = None;
        let mut at = start;
        while let Some(edit) = self.edits.front().filter(|edit| edit.start < end) {
            let said = anew.get_or_insert_default();
            if edit.start >= start {
                said.push_str(part.text.get(at - start..edit.start - start).unwrap_or_default());
                said.push_str(&edit.text);
            }
            at = edit.end.min(end);
            if edit.end > end {
                break;
            }
            self.edits.pop_front();
        }
        if let Some(said) = &mut anew {
            said.push_str(part.text.get(at - start..).unwrap_or_default());
        }
        anew
    }
}

/// Data with some of their strings and numbers said anew.
pub(super) fn spliced(data: &[u8], changes: &[(Range<usize>, String)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    for (span, anew) in changes {
        out.extend_from_slice(data.get(at..span.start).unwrap_or_default());
        json::write_string(&mut out, anew);
        at = span.end;
    }
    out.extend_from_slice(data.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
