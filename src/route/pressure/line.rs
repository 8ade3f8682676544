//! Who waits for a place, in the order in which they get one.
//!
//! Priorities share what is served by fixed weights, so that the highest hardly waits and the lowest does not
//! starve. Within one, owners take turns by their own weights (start-time fair queueing): whoever sends a
//! thousand requests waits behind whoever sends one.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Priority, Who};

/// What one turn of weight 1 counts.
const TURN: u64 = 1 << 20;

/// Those who wait, at most so many as [`Line::push`] is told.
#[derive(Debug, Default)]
pub struct Line {
    ranks: [Rank; 3],
    /// Where each of them stands.
    places: FxHashMap<u64, (Priority, u64)>,
}

/// Those of one priority.
#[derive(Debug, Default)]
struct Rank {
    /// By the turn in which each begins, and then by age.
    waiting: BTreeMap<(u64, u64), Who>,
    /// Where turns are now.
    turn: u64,
    /// Where the turns of each owner end.
    owners: FxHashMap<u64, u64>,
    /// How much was served of this rank, divided by its weight.
    served: u64,
}

impl Line {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many of that priority wait.
    #[must_use]
    pub fn waiting(&self, priority: Priority) -> usize {
        self.ranks.get(priority.place()).map_or(0, |rank| rank.waiting.len())
    }

    /// Lets one more wait, whose number is higher than all before. Where `most` wait already, the last of a
    /// lower priority must go, or the one whose turn would be later than this one's; else this one.
    ///
    /// # Errors
    /// Who must go.
    pub fn push(&mut self, id: u64, who: Who, most: usize) -> Result<(), (u64, Who)> {
        if self.is_empty() {
            // Nobody pays for what was served while nobody else wanted it.
            self.ranks.iter_mut().for_each(|rank| rank.served = 0);
        }
        let least = self.ranks.iter().filter(|rank| !rank.waiting.is_empty()).map(|rank| rank.served).min();
        let Some(rank) = self.ranks.get_mut(who.priority.place()) else {
            return Err((id, who));
        };
        if rank.waiting.is_empty() {
            // Who was away has saved nothing up.
            rank.served = rank.served.max(least.unwrap_or(0));
            rank.owners.clear();
        }
        let begins = rank.owners.get(&who.owner).copied().unwrap_or(0).max(rank.turn);
        rank.owners.insert(who.owner, begins + TURN / u64::from(who.weight.max(1)));
        rank.waiting.insert((begins, id), who);
        self.places.insert(id, (who.priority, begins));
        if self.places.len() <= most {
            return Ok(());
        }
        let lowest = self.ranks.iter().find(|rank| !rank.waiting.is_empty());
        let last = lowest.and_then(|rank| rank.waiting.iter().next_back());
        let (last, whose) = last.map_or((id, who), |((_, last), whose)| (*last, *whose));
        self.remove(last);
        Err((last, whose))
    }

    /// Whoever is next.
    pub fn pop(&mut self) -> Option<(u64, Who)> {
        let mut waiting = self.ranks.iter_mut().zip(Priority::ALL);
        // Whose next turn ends first; of two alike the higher.
        let next =
            waiting.by_ref().filter(|(rank, _)| !rank.waiting.is_empty()).min_by_key(|(rank, priority)| {
                (rank.served + TURN / priority.weight(), std::cmp::Reverse(*priority))
            });
        let (rank, priority) = next?;
        let ((begins, id), who) = rank.waiting.pop_first()?;
        rank.turn = begins;
        rank.served += TURN / priority.weight();
        self.places.remove(&id);
        Some((id, who))
    }

    /// Whoever has that number waits no more.
    pub fn remove(&mut self, id: u64) {
        if let Some((priority, begins)) = self.places.remove(&id)
            && let Some(rank) = self.ranks.get_mut(priority.place())
        {
            let gone = rank.waiting.remove(&(begins, id));
            // The last turn of an owner is given back; one in the middle leaves a gap, which costs it nothing
            // but its place.
            if let Some(who) = gone
                && let Some(ends) = rank.owners.get_mut(&who.owner)
                && *ends == begins + TURN / u64::from(who.weight.max(1))
            {
                *ends = begins;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn who(priority: Priority, owner: u64, weight: u32) -> Who {
        Who { priority, owner, weight }
    }

    fn served(line: &mut Line, count: usize) -> Vec<Who> {
        std::iter::from_fn(|| line.pop()).take(count).map(|(_, who)| who).collect()
    }

    #[test]
    fn owners_take_turns_by_their_weights_however_many_they_send() {
        let mut line = Line::default();
        for id in 0..100 {
            line.push(id, who(Priority::Normal, 1, 1), 1000).unwrap();
        }
        for id in 100..110 {
            line.push(id, who(Priority::Normal, 2, 1), 1000).unwrap();
        }
        for id in 110..140 {
            line.push(id, who(Priority::Normal, 3, 3), 1000).unwrap();
        }
        let first = served(&mut line, 25);
        let of = |owner| first.iter().filter(|who| who.owner == owner).count();
        assert!(of(1).abs_diff(5) <= 1 && of(2).abs_diff(5) <= 1 && of(3).abs_diff(15) <= 2, "{first:?}");
        // Those of one owner keep their order.
        let mut line = Line::default();
        (0..9).for_each(|id| line.push(id, who(Priority::High, 1, 2), 1000).unwrap());
        let order: Vec<_> = std::iter::from_fn(|| line.pop()).map(|(id, _)| id).collect();
        assert_eq!(order, (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_comes_later_does_not_wait_for_what_was_there_before() {
        let mut line = Line::default();
        (0..500).for_each(|id| line.push(id, who(Priority::Normal, 1, 1), 1000).unwrap());
        served(&mut line, 250);
        line.push(500, who(Priority::Normal, 2, 1), 1000).unwrap();
        let next = served(&mut line, 2);
        assert!(next.iter().any(|who| who.owner == 2), "{next:?}");
    }

    #[test]
    fn the_higher_priority_hardly_waits_and_the_lower_does_not_starve() {
        let mut line = Line::default();
        for id in 0..200 {
            line.push(id, who(Priority::Low, 1, 1), 1000).unwrap();
        }
        served(&mut line, 100);
        for id in 200..400 {
            line.push(id, who(Priority::High, 2, 1), 1000).unwrap();
        }
        let next = served(&mut line, 34);
        let low = next.iter().filter(|who| who.priority == Priority::Low).count();
        assert!((1..=3).contains(&low), "{low}");
        assert_eq!((line.waiting(Priority::Low), line.waiting(Priority::High)), (100 - low, 200 - 34 + low));
    }

    #[test]
    fn a_line_that_was_empty_owes_nothing_to_whoever_comes_first() {
        let mut line = Line::default();
        for id in 0..400 {
            line.push(id, who(Priority::High, 1, 1), 1000).unwrap();
        }
        served(&mut line, 400);
        for id in 400..500 {
            line.push(id, who(Priority::Low, 2, 1), 1000).unwrap();
        }
        line.push(500, who(Priority::High, 1, 1), 1000).unwrap();
        assert_eq!(served(&mut line, 1), [who(Priority::High, 1, 1)]);
    }

    #[test]
    fn of_too_many_the_least_important_must_go() {
        let mut line = Line::default();
        line.push(0, who(Priority::Low, 1, 1), 3).unwrap();
        line.push(1, who(Priority::Normal, 1, 1), 3).unwrap();
        line.push(2, who(Priority::Low, 1, 1), 3).unwrap();
        let mut push = |id, who| line.push(id, who, 3).map_err(|(out, _)| out);
        assert_eq!(push(3, who(Priority::High, 1, 1)), Err(2), "the last of the lowest");
        assert_eq!(push(4, who(Priority::Low, 1, 1)), Err(4), "itself");
        assert_eq!(push(5, who(Priority::Normal, 1, 1)), Err(0));
        assert_eq!(push(6, who(Priority::Normal, 9, 1)), Err(5), "whoever has had less goes before");
        assert_eq!(line.len(), 3);
        let order: Vec<_> = std::iter::from_fn(|| line.pop()).map(|(id, _)| id).collect();
        assert_eq!(order, [3, 1, 6]);
    }

    #[test]
    fn whoever_leaves_takes_no_turn_along() {
        let mut line = Line::default();
        for id in 0..50 {
            line.push(id, who(Priority::Normal, 1, 1), 100).unwrap();
        }
        (1..50).rev().for_each(|id| line.remove(id));
        line.remove(77);
        line.push(50, who(Priority::Normal, 2, 1), 100).unwrap();
        line.push(51, who(Priority::Normal, 1, 1), 100).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| line.pop()).map(|(id, _)| id).collect();
        assert_eq!(order, [0, 50, 51]);
    }
}
