//! The gate before a target: who goes through, who waits, and who is turned away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use rustc_hash::FxHashMap;

use super::ceiling::Ceiling;
use super::line::Line;
use super::{Cap, Priority, Who};

/// The gate before a target. Times are milliseconds of a clock that only goes forward.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    in_flight: u32,
    cap: Option<Cap>,
    ceiling: Ceiling,
    line: Line,
    calls: FxHashMap<u64, Call>,
    next: u64,
    /// Until when nobody is let through, since the target said so.
    shut: u64,
    /// How long a place is held, in milliseconds, as it was last.
    held: u64,
    counts: [Counts; 3],
}

/// How one of those stands who were let into the line.
#[derive(Debug)]
enum Call {
    Waits(Option<Waker>),
    Called,
    TurnedAway,
}

/// What became of those of one priority who found no place at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those who got one later.
    pub waited: u64,
    /// Those who waited for nothing: it took too long, or they left.
    pub late: u64,
    /// Those for whom there was no room in the line.
    pub turned_away: u64,
}

/// What became of somebody who wants a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// There was one.
    Through,
    /// There is none yet; this number waits.
    Waits(u64),
    /// There is none, and no room to wait.
    TurnedAway,
}

/// How a gate stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// How many may be in flight.
    pub number: u32,
    /// How many are.
    pub in_flight: u32,
    /// How many wait, of each priority from the lowest.
    pub waiting: [usize; 3],
    /// What became of the others, likewise.
    pub counts: [Counts; 3],
}

impl Gate {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants a place, or a place in a line of at most `most`.
    #[must_use]
    pub fn enter(&self, who: Who, cap: Cap, most: usize, now: u64) -> Entered {
        let mut inner = self.inner();
        inner.cap = Some(cap);
        inner.call(now);
        if inner.has_place(now) && inner.line.is_empty() {
            inner.in_flight += 1;
            return Entered::Through;
        }
        let id = inner.next;
        inner.next += 1;
        inner.calls.insert(id, Call::Waits(None));
        if let Err((out, whose)) = inner.line.push(id, who, most) {
            inner.count(whose.priority, |counts| counts.turned_away += 1);
            if out == id {
                inner.calls.remove(&id);
                return Entered::TurnedAway;
            }
            if let Some(Call::Waits(Some(waker))) = inner.calls.insert(out, Call::TurnedAway) {
                waker.wake();
            }
        }
        Entered::Waits(id)
    }

    /// Whether that number has a place now, or must go.
    pub fn poll(&self, id: u64, waker: &Waker) -> Poll<bool> {
        let mut inner = self.inner();
        match inner.calls.get_mut(&id) {
            Some(Call::Waits(known)) => {
                *known = Some(waker.clone());
                Poll::Pending
            }
            Some(Call::Called) => {
                inner.calls.remove(&id);
                Poll::Ready(true)
            }
            Some(Call::TurnedAway) | None => {
                inner.calls.remove(&id);
                Poll::Ready(false)
            }
        }
    }

    /// That number waits no more, whether or not it was called meanwhile.
    pub fn leave(&self, who: Who, id: u64, now: u64) {
        let mut inner = self.inner();
        match inner.calls.remove(&id) {
            Some(Call::Waits(_)) => {
                inner.line.remove(id);
                inner.count(who.priority, |counts| counts.late += 1);
            }
            Some(Call::Called) => {
                inner.in_flight = inner.in_flight.saturating_sub(1);
                inner.call(now);
            }
            Some(Call::TurnedAway) | None => {}
        }
    }

    /// A place is free again, which was held for so many milliseconds.
    pub fn done(&self, held: u64, now: u64) {
        let mut inner = self.inner();
        inner.in_flight = inner.in_flight.saturating_sub(1);
        inner.held = if inner.held == 0 { held } else { (inner.held * 7 + held) / 8 };
        inner.call(now);
    }

    /// An answer began so many microseconds after it was asked for.
    pub fn answered(&self, stream: bool, took: u64, cap: Cap, now: u64) {
        let mut inner = self.inner();
        let in_flight = inner.in_flight;
        inner.ceiling.answered(stream, took, in_flight, cap, now);
        inner.call(now);
    }

    /// The target has too many, and perhaps wants to be left alone until a time.
    pub fn refused(&self, until: Option<u64>, cap: Cap, now: u64) {
        let mut inner = self.inner();
        inner.ceiling.refused(cap, now);
        if let Some(until) = until {
            inner.shut = inner.shut.max(until);
        }
    }

    /// The target has room for nobody until then.
    pub fn shut(&self, until: u64) {
        let mut inner = self.inner();
        inner.shut = inner.shut.max(until);
    }

    /// When those who wait must look again by themselves, since nothing else would call them.
    #[must_use]
    pub fn opens(&self, now: u64) -> Option<u64> {
        Some(self.inner().shut).filter(|shut| *shut > now)
    }

    /// Calls those for whom there is a place now.
    pub fn call(&self, now: u64) {
        self.inner().call(now);
    }

    /// Whether there is a place now.
    #[must_use]
    pub fn has_place(&self, cap: Cap, now: u64) -> bool {
        let inner = self.inner();
        inner.line.is_empty() && now >= inner.shut && inner.in_flight < inner.ceiling.number(cap)
    }

    /// In about how many milliseconds whoever comes now would have a place.
    #[must_use]
    pub fn wait(&self, now: u64) -> u64 {
        let inner = self.inner();
        let number = u64::from(inner.number().max(1));
        let rounds = inner.line.len() as u64 / number + 1;
        rounds.saturating_mul(inner.held).max(inner.shut.saturating_sub(now))
    }

    /// How it stands; nothing where nobody ever wanted a place.
    #[must_use]
    pub fn stand(&self) -> Option<Stand> {
        let inner = self.inner();
        inner.cap?;
        Some(Stand {
            number: inner.number(),
            in_flight: inner.in_flight,
            waiting: Priority::ALL.map(|priority| inner.line.waiting(priority)),
            counts: inner.counts,
        })
    }
}

impl Inner {
    fn number(&self) -> u32 {
        self.cap.map_or(0, |cap| self.ceiling.number(cap))
    }

    fn has_place(&self, now: u64) -> bool {
        now >= self.shut && self.in_flight < self.number()
    }

    fn call(&mut self, now: u64) {
        while self.has_place(now)
            && let Some((id, who)) = self.line.pop()
        {
            self.in_flight += 1;
            self.count(who.priority, |counts| counts.waited += 1);
            if let Some(Call::Waits(Some(waker))) = self.calls.insert(id, Call::Called) {
                waker.wake();
            }
        }
    }

    fn count(&mut self, priority: Priority, add: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.counts.get_mut(priority.place()) {
            add(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn who(priority: Priority, owner: u64) -> Who {
        Who { priority, owner, weight: 1 }
    }

    fn poll(gate: &Gate, id: u64) -> Poll<bool> {
        gate.poll(id, Waker::noop())
    }

    #[test]
    fn who_finds_no_place_waits_for_one() {
        let (gate, cap, one) = (Gate::default(), Cap::fixed(2), who(Priority::Normal, 1));
        assert_eq!(gate.stand(), None);
        assert_eq!(gate.enter(one, cap, 2, 10), Entered::Through);
        assert_eq!(gate.enter(one, cap, 2, 10), Entered::Through);
        let [Entered::Waits(first), Entered::Waits(second)] = [(); 2].map(|()| gate.enter(one, cap, 2, 10))
        else {
            panic!("there was a place")
        };
        assert_eq!(gate.enter(one, cap, 2, 10), Entered::TurnedAway);
        assert_eq!((poll(&gate, first), gate.has_place(cap, 10)), (Poll::Pending, false));
        gate.done(40, 20);
        assert_eq!((poll(&gate, first), poll(&gate, second)), (Poll::Ready(true), Poll::Pending));
        gate.leave(one, second, 20);
        gate.done(40, 30);
        gate.done(40, 30);
        let stand = gate.stand().unwrap();
        assert_eq!((stand.in_flight, stand.waiting), (0, [0, 0, 0]));
        assert_eq!(stand.counts[1], Counts { waited: 1, late: 1, turned_away: 1 });
        assert!(gate.has_place(cap, 30));
    }

    #[test]
    fn who_leaves_after_being_called_gives_the_place_to_the_next() {
        let (gate, cap, one) = (Gate::default(), Cap::fixed(1), who(Priority::Normal, 1));
        assert_eq!(gate.enter(one, cap, 9, 1), Entered::Through);
        let Entered::Waits(first) = gate.enter(one, cap, 9, 1) else { panic!("there was a place") };
        let Entered::Waits(second) = gate.enter(one, cap, 9, 1) else { panic!("there was a place") };
        gate.done(1, 2);
        gate.leave(one, first, 2);
        assert_eq!(poll(&gate, second), Poll::Ready(true));
        gate.done(1, 3);
        assert_eq!(gate.stand().unwrap().in_flight, 0);
    }

    #[test]
    fn somebody_more_important_takes_a_place_in_a_full_line() {
        let (gate, cap) = (Gate::default(), Cap::fixed(1));
        assert_eq!(gate.enter(who(Priority::Low, 1), cap, 1, 1), Entered::Through);
        let Entered::Waits(low) = gate.enter(who(Priority::Low, 1), cap, 1, 1) else { panic!() };
        let Entered::Waits(high) = gate.enter(who(Priority::High, 2), cap, 1, 1) else { panic!() };
        assert_eq!((poll(&gate, low), poll(&gate, high)), (Poll::Ready(false), Poll::Pending));
    }

    #[test]
    fn nobody_goes_through_while_the_target_wants_to_be_left_alone() {
        let (gate, cap, one) = (Gate::default(), Cap::fixed(5), who(Priority::Normal, 1));
        gate.refused(Some(500), cap, 100);
        let Entered::Waits(id) = gate.enter(one, cap, 9, 100) else { panic!("it was let through") };
        assert_eq!((gate.opens(100), gate.wait(100)), (Some(500), 400));
        gate.call(499);
        assert_eq!(poll(&gate, id), Poll::Pending);
        gate.call(500);
        assert_eq!((poll(&gate, id), gate.opens(500)), (Poll::Ready(true), None));
    }

    /// A target with four places, which batches have had all of for long: what somebody who sits before it
    /// waits for, and what is left to the batches.
    #[test]
    fn interactive_traffic_does_not_starve_behind_batches() {
        let (gate, cap) = (Gate::default(), Cap::fixed(4));
        let (batch, person) = (who(Priority::Low, 1), who(Priority::High, 2));
        let mut waiting: Vec<(u64, bool, u64)> = Vec::new();
        let mut running: Vec<(u64, bool)> = Vec::new();
        let (mut waits, mut batches) = (Vec::new(), 0);
        for now in 0..4000_u64 {
            running.retain(|(ends, _)| {
                let runs = *ends > now;
                if !runs {
                    gate.done(100, now);
                }
                runs
            });
            let comes = [(batch, false, now % 10 == 0), (person, true, now % 50 == 0)];
            for (who, is_person, _) in comes.into_iter().filter(|(.., comes)| *comes) {
                match gate.enter(who, cap, 1000, now) {
                    Entered::Through => running.push((now + 100, is_person)),
                    Entered::Waits(id) => waiting.push((id, is_person, now)),
                    Entered::TurnedAway => panic!("the line is long enough"),
                }
            }
            waiting.retain(|(id, is_person, since)| {
                let called = poll(&gate, *id) == Poll::Ready(true);
                if called {
                    running.push((now + 100, *is_person));
                    batches += u32::from(!is_person);
                    if *is_person {
                        waits.push(now - since);
                    }
                }
                !called
            });
        }
        let longest = waits.iter().max().copied().unwrap_or(0);
        assert!(longest <= 200, "a person waited {longest} ms although two of four places would do");
        assert!(batches > 50, "batches get what is left: {batches}");
    }
}
