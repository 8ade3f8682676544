//! Where an automaton was in a text, so that it walks nowhere twice.
//!
//! A text may be full of places where a match could begin and none ends (`[[[[…`), and from each of them
//! the automaton runs on its own. Mostly these runs soon come to the same state, and from there on they
//! are one run: whoever meets an earlier one goes on where that stopped. So all of them together take
//! time in proportion to the text.

use regex_automata::hybrid::LazyStateID;

/// States are noted at each place that is a multiple of this.
const STRIDE: usize = 16;

/// The last run over a text that was noted.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The states at one such place after another, before the byte there was read.
    states: Vec<LazyStateID>,
    /// The first of those places.
    first: usize,
    /// How often the automaton's memory had been cleared by then: with that, states lose their meaning.
    cleared: usize,
    /// Where the last match ended.
    end: Option<usize>,
    /// Where the run stopped, once it has.
    stop: Option<Stop>,
    /// Whether the run that goes on is the one that is noted.
    own: bool,
}

/// How a run stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    /// Nothing could match any more.
    Dead,
    /// It looked no further than here, where it was in this state.
    Alive(usize, LazyStateID),
}

impl Trail {
    /// Another run begins, no earlier than the one before.
    pub(super) const fn begin(&mut self) {
        self.own = false;
    }

    /// The run comes to this place in this state. Where an earlier one was here in the same state: where the
    /// last match on its way ended, if there was one from here on, and how it stopped.
    pub(super) fn meet(
        &mut self,
        place: usize,
        state: LazyStateID,
        cleared: usize,
    ) -> Option<(Option<usize>, Stop)> {
        if !place.is_multiple_of(STRIDE) {
            return None;
        }
        if self.cleared != cleared {
            *self = Self { cleared, ..Self::default() };
        }
        if !self.own {
            let far = place.checked_sub(self.first);
            let noted = far.and_then(|far| self.states.get(far / STRIDE));
            if let Some(noted) = noted {
                // Where they differ they may still meet later.
                let stop = self.stop.filter(|_| *noted == state)?;
                self.own = true;
                return Some((self.end.filter(|end| *end >= place), stop));
            }
            self.states.clear();
            (self.first, self.end, self.stop, self.own) = (place, None, None, true);
        }
        self.states.push(state);
        None
    }

    /// A match ends here.
    pub(super) fn matched(&mut self, end: usize) {
        if self.own {
            self.end = Some(end);
        }
    }

    /// The run is over.
    pub(super) fn stop(&mut self, stop: Stop) {
        if self.own {
            self.stop = Some(stop);
        }
    }
}
