//! How far an upstream's stream has come.

use crate::fault::Fault;
use crate::ir::Event;
use crate::refusal::Kind;

/// How far a stream has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Phase {
    #[default]
    Before,
    Running,
    /// A fault was said; only the end is owed.
    Failed,
    Ended,
}

impl Phase {
    /// Whether nothing that still comes is read.
    pub(in crate::dialect) const fn is_over(self) -> bool {
        matches!(self, Self::Failed | Self::Ended)
    }

    /// Says a fault, after which only the end is owed.
    pub(in crate::dialect) fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        *self = Self::Failed;
        events.push(Event::Fault(fault));
    }

    /// Says the end.
    pub(in crate::dialect) fn end(&mut self, events: &mut Vec<Event>) {
        *self = Self::Ended;
        events.push(Event::End);
    }

    /// Nothing more comes: says what is owed, and that the answer is not whole where it is not.
    pub(in crate::dialect) fn finish(&mut self, events: &mut Vec<Event>) {
        if !self.is_over() {
            self.fail(Fault::new(Kind::BadGateway, "the provider's answer ended early"), events);
        }
        if *self != Self::Ended {
            self.end(events);
        }
    }
}
