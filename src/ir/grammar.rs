//! The legal order of events, as a table.
//!
//! ```text
//! stream    = Start (block | Usage | Logprobs | Extras | Ping | Finish)* (Fault? End)
//! block     = BlockStart(i) Delta(i)* BlockStop(i)     blocks may overlap; i counts up from 0
//! Finish(c) comes at most once a candidate, after the candidate's last block closed
//! ```
//! Usage, Extras and Ping may also come after the last Finish. A stream whose upstream failed has Fault
//! before End and may leave blocks open.

use super::event::{Delta, Event, Opening};

/// What an event breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Something came before `Start`, or `Start` came twice.
    #[error("an answer begins with one start")]
    Start,
    /// A block's number is not the next one.
    #[error("blocks are numbered in order")]
    Numbering,
    /// A delta or stop for a block that is not open.
    #[error("only an open block grows or stops")]
    NotOpen,
    /// A delta of another kind than its block.
    #[error("a block grows by its own kind of delta")]
    WrongDelta,
    /// A candidate finished twice, with a block open, or went on after its finish.
    #[error("a candidate finishes once, after its blocks")]
    Finish,
    /// Something came after `End`, or after a fault.
    #[error("nothing follows the end")]
    AfterEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Before,
    Running,
    Failed,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    ToolCall,
    Whole,
}

/// Checks the order of a stream's events.
#[derive(Debug, Default)]
pub struct Checker {
    phase: Phase,
    open: Vec<(u32, u32, Kind)>,
    next: u32,
    finished: Vec<u32>,
}

impl Checker {
    /// A checker at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event.
    ///
    /// # Errors
    /// The rule that the event breaks.
    pub fn push(&mut self, event: &Event) -> Result<(), Broken> {
        match (self.phase, event) {
            (Phase::Before, Event::Start { .. }) => self.phase = Phase::Running,
            (Phase::Before, Event::Ping)
            | (
                Phase::Running,
                Event::Usage(_) | Event::Ping | Event::Logprobs { .. } | Event::Extras { .. },
            ) => {}
            (Phase::Before | Phase::Running, Event::Fault(_)) => self.phase = Phase::Failed,
            (Phase::Before, _) | (Phase::Running, Event::Start { .. }) => return Err(Broken::Start),
            (Phase::Running | Phase::Failed, Event::End) => self.phase = Phase::Ended,
            (Phase::Failed | Phase::Ended, _) => return Err(Broken::AfterEnd),
            (Phase::Running, Event::BlockStart { index, candidate, opening }) => {
                self.start(*index, *candidate, opening)?;
            }
            (Phase::Running, Event::Delta { index, delta }) => self.grow(*index, delta)?,
            (Phase::Running, Event::BlockStop { index }) => {
                let place = self.open.iter().position(|(open, ..)| open == index).ok_or(Broken::NotOpen)?;
                self.open.remove(place);
            }
            (Phase::Running, Event::Finish { candidate, .. }) => {
                let busy = self.open.iter().any(|(_, owner, _)| owner == candidate);
                if busy || self.finished.contains(candidate) {
                    return Err(Broken::Finish);
                }
                self.finished.push(*candidate);
            }
        }
        Ok(())
    }

    /// Whether `End` was seen.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    fn start(&mut self, index: u32, candidate: u32, opening: &Opening) -> Result<(), Broken> {
        if index != self.next {
            return Err(Broken::Numbering);
        }
        if self.finished.contains(&candidate) {
            return Err(Broken::Finish);
        }
        let kind = match opening {
            Opening::Text => Kind::Text,
            Opening::Reasoning => Kind::Reasoning,
            Opening::Refusal => Kind::Refusal,
            Opening::ToolCall { .. } => Kind::ToolCall,
            Opening::Whole(_) => Kind::Whole,
        };
        self.next += 1;
        self.open.push((index, candidate, kind));
        Ok(())
    }

    fn grow(&self, index: u32, delta: &Delta) -> Result<(), Broken> {
        let (.., kind) = self.open.iter().find(|(open, ..)| *open == index).ok_or(Broken::NotOpen)?;
        let fits = match delta {
            Delta::Text(_) | Delta::Citation(_) => *kind == Kind::Text,
            Delta::Reasoning(_) => *kind == Kind::Reasoning,
            Delta::Refusal(_) => *kind == Kind::Refusal,
            Delta::Arguments(_) => *kind == Kind::ToolCall,
            Delta::Signature(_) => *kind != Kind::Whole,
        };
        if fits { Ok(()) } else { Err(Broken::WrongDelta) }
    }
}
