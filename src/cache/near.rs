//! Which questions were answered, to be compared with others one by one.
//!
//! Beside the entries that say under which number a question's answer is, this holds how the questions go:
//! in boxes of those that may be the same at all (`semantic::near`), of which a look-up reads one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::fingerprint::Fingerprint;
use super::semantic::near::{Sketch, Vector, may_share, product, score};

/// So many parts are locked apart.
const SHARDS: usize = 16;
/// The most questions of one box; of more, some make room.
const MOST: usize = 10_000;
/// So many of the likeliest are compared word by word.
const COMPARED: usize = 8;

/// A question that may be found by others like it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Those that may be the same question: of the same realm, with the same numbers, names, negations.
    pub box_of: Fingerprint,
    /// How it goes.
    pub sketch: Arc<Sketch>,
}

/// The questions that were answered.
#[derive(Debug, Default)]
pub struct Near {
    shards: [Mutex<FxHashMap<Fingerprint, Rows>>; SHARDS],
}

/// Those of one box. What most are told apart by lies end to end, so that all of it is read in one go.
#[derive(Debug, Default)]
struct Rows {
    marks: Vec<u64>,
    vectors: Vec<Vector>,
    questions: Vec<(Fingerprint, Arc<Sketch>)>,
}

impl Near {
    fn shard(&self, box_of: Fingerprint) -> Option<MutexGuard<'_, FxHashMap<Fingerprint, Rows>>> {
        let place = usize::try_from(box_of.part() % SHARDS as u64).unwrap_or(0);
        // What a panic left is whole but for a row, which then finds nothing.
        Some(self.shards.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes under which fingerprint a question is known.
    pub fn add(&self, place: &Place, known: Fingerprint) {
        let Some(mut shard) = self.shard(place.box_of) else { return };
        let rows = shard.entry(place.box_of).or_default();
        rows.remove(known);
        if rows.questions.len() >= MOST {
            // Any of them, so that the latest do not go before all others.
            let place = known.part() % rows.questions.len() as u64;
            rows.take_out(usize::try_from(place).unwrap_or(0));
        }
        rows.marks.push(place.sketch.marks());
        rows.vectors.push(*place.sketch.vector());
        rows.questions.push((known, Arc::clone(&place.sketch)));
    }

    /// A question's answer is gone.
    pub fn forget(&self, box_of: Fingerprint, known: Fingerprint) {
        let Some(mut shard) = self.shard(box_of) else { return };
        if let Some(rows) = shard.get_mut(&box_of) {
            rows.remove(known);
            if rows.questions.is_empty() {
                shard.remove(&box_of);
            }
        }
    }

    /// Whether it holds no question.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        (0..SHARDS).all(|place| self.shards[place].lock().unwrap().is_empty())
    }

    /// The questions that ask the same as this one, likeliest first.
    #[must_use]
    pub fn like(&self, place: &Place) -> Vec<Fingerprint> {
        let likeliest = {
            let Some(shard) = self.shard(place.box_of) else { return Vec::new() };
            shard.get(&place.box_of).map(|rows| rows.likeliest(&place.sketch)).unwrap_or_default()
        };
        let scored =
            likeliest.into_iter().filter_map(|(known, sketch)| Some((score(&place.sketch, &sketch)?, known)));
        let mut scored: Vec<_> = scored.collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().map(|(_, known)| known).collect()
    }
}

impl Rows {
    fn remove(&mut self, known: Fingerprint) {
        if let Some(at) = self.questions.iter().position(|(other, _)| *other == known) {
            self.take_out(at);
        }
    }

    /// Takes out the question at a place where there is one.
    fn take_out(&mut self, at: usize) {
        self.questions.swap_remove(at);
        self.vectors.swap_remove(at);
        self.marks.swap_remove(at);
    }

    /// The questions that are about the most alike.
    fn likeliest(&self, sketch: &Sketch) -> Vec<(Fingerprint, Arc<Sketch>)> {
        let mut best: Vec<(i32, usize)> = Vec::with_capacity(COMPARED + 1);
        let mut least = i32::MIN;
        let shares = |(_, marks): &(usize, &u64)| may_share(sketch.marks(), **marks);
        for (at, _) in self.marks.iter().enumerate().filter(shares) {
            let Some(row) = self.vectors.get(at) else { break };
            let alike = product(sketch.vector(), row);
            if alike > least || best.len() < COMPARED {
                let place = best.partition_point(|(other, _)| *other >= alike);
                best.insert(place, (alike, at));
                best.truncate(COMPARED);
                least = best.last().map_or(i32::MIN, |(alike, _)| *alike);
            }
        }
        best.iter().filter_map(|(_, at)| self.questions.get(*at).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_full_box_the_latest_questions_do_not_go_first() {
        let known = |at: usize| Fingerprint::from_bytes((at as u128).to_le_bytes());
        let sketch = Arc::new(Sketch::of("how do i cancel my gym contract early").unwrap());
        let place = Place { box_of: known(0), sketch };
        let near = Near::default();
        near.add(&place, known(0));
        {
            let mut shard = near.shard(place.box_of).unwrap();
            let rows = shard.get_mut(&place.box_of).unwrap();
            for at in 1..MOST {
                rows.marks.push(place.sketch.marks());
                rows.vectors.push(*place.sketch.vector());
                rows.questions.push((known(at), Arc::clone(&place.sketch)));
            }
        }
        let latest = [MOST + 7, MOST + 70, MOST + 700].map(known);
        for known in &latest {
            near.add(&place, *known);
        }
        let shard = near.shard(place.box_of).unwrap();
        let rows = shard.get(&place.box_of).unwrap();
        assert_eq!([rows.questions.len(), rows.vectors.len(), rows.marks.len()], [MOST; 3]);
        let holds = |known: &Fingerprint| rows.questions.iter().any(|(other, _)| other == known);
        assert!(latest.iter().all(holds));
    }
}
