//! Which questions were answered, to be compared with others one by one.
//!
//! Beside the entries that say under which number a question's answer is, this holds how the questions go:
//! in boxes of those that may be the same at all (`semantic::near`), of which a look-up reads one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::fingerprint::Fingerprint;
use super::meaning::Meaning;
use super::semantic::near::{Doubt, Sketch, Vector, doubt, may_share, product, score};

/// So many parts are locked apart.
const SHARDS: usize = 16;
/// The most questions of one box; of more, some make room.
const MOST: usize = 10_000;
/// Fewer, where each brings a model's vector: so many bytes of these are read for one look-up.
const MOST_NUMBERS: usize = 2 << 20;
/// So many of the likeliest are compared word by word.
const COMPARED: usize = 8;
/// A model is asked about no question that is less alike than this by its words, which 1 says are the same.
const WORTH_ASKING: f32 = 0.5;
/// The product of a vector with itself.
const SAME: f32 = 127.0 * 127.0;

/// A question that may be found by others like it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Those that may be the same question: of the same realm, with the same numbers, names, negations.
    pub box_of: Fingerprint,
    /// How it goes.
    pub sketch: Arc<Sketch>,
    /// In its own words, where a model is shown them that judges.
    pub text: Option<Arc<str>>,
    /// What it is about, where a model tells that.
    pub meaning: Option<Arc<Meaning>>,
}

impl Place {
    /// How many bytes it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.len());
        self.sketch.weight() + text + self.meaning.as_ref().map_or(0, |meaning| meaning.weight())
    }
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
    questions: Vec<(Fingerprint, Place)>,
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
        let numbers = place.meaning.as_ref().map_or(0, |meaning| meaning.weight());
        let most = MOST.min(MOST_NUMBERS.checked_div(numbers).unwrap_or(MOST).max(1));
        while rows.questions.len() >= most {
            // Any of them, so that the latest do not go before all others.
            let any = known.part() % rows.questions.len() as u64;
            rows.take_out(usize::try_from(any).unwrap_or(0));
        }
        rows.marks.push(place.sketch.marks());
        rows.vectors.push(*place.sketch.vector());
        rows.questions.push((known, place.clone()));
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
        let shares = |marks: u64| may_share(place.sketch.marks(), marks);
        let scored = self.likeliest(place, shares).into_iter();
        let scored = scored.filter_map(|(_, known, row)| Some((score(&place.sketch, &row.sketch)?, known)));
        in_order(scored.collect())
    }

    /// Whether there is a question with which this one could be compared by what it is about.
    #[must_use]
    pub fn has_meanings(&self, place: &Place) -> bool {
        let Some(shard) = self.shard(place.box_of) else { return false };
        let rows = shard.get(&place.box_of).map_or(&[][..], |rows| &rows.questions);
        rows.iter().any(|(_, row)| row.meaning.is_some())
    }

    /// The questions that are about the same to a model, at least so much, and that nothing keeps apart from this one
    /// to which such a model is blind; likeliest first.
    #[must_use]
    pub fn about_the_same(&self, place: &Place, meaning: &Meaning, threshold: f64) -> Vec<Fingerprint> {
        let told: Vec<_> = {
            let Some(shard) = self.shard(place.box_of) else { return Vec::new() };
            let rows = shard.get(&place.box_of).map_or(&[][..], |rows| &rows.questions);
            let told = |(known, row): &(Fingerprint, Place)| {
                Some((*known, row.meaning.clone()?, row.sketch.clone()))
            };
            rows.iter().filter_map(told).collect()
        };
        let alike = told.into_iter().map(|(known, there, sketch)| (meaning.alike(&there), known, sketch));
        let turned = |sketch: &Sketch| doubt(&place.sketch, sketch) == Some(Doubt::Turned);
        let alike = alike.filter(|(alike, _, sketch)| f64::from(*alike) >= threshold && turned(sketch));
        in_order(alike.map(|(alike, known, _)| (alike, known)).collect())
    }

    /// The question that is likeliest the same, if a model says so, in its own words.
    #[must_use]
    pub fn in_doubt(&self, place: &Place) -> Option<(Fingerprint, Arc<str>)> {
        #[expect(clippy::cast_precision_loss, reason = "it is below 2 to the 20th")]
        let is_worth_it = |alike: i32| alike as f32 >= WORTH_ASKING * SAME;
        self.likeliest(place, |_| true).into_iter().find_map(|(alike, known, row)| {
            let text = row.text.filter(|_| is_worth_it(alike))?;
            doubt(&place.sketch, &row.sketch).map(|_| (known, text))
        })
    }

    /// Those of a box whose marks will do and that are about the most alike, with how much they are.
    fn likeliest(&self, place: &Place, fits: impl Fn(u64) -> bool) -> Vec<(i32, Fingerprint, Place)> {
        let Some(shard) = self.shard(place.box_of) else { return Vec::new() };
        shard.get(&place.box_of).map(|rows| rows.likeliest(&place.sketch, fits)).unwrap_or_default()
    }
}

/// The surest first.
fn in_order(mut scored: Vec<(f32, Fingerprint)>) -> Vec<Fingerprint> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, known)| known).collect()
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

    /// The questions whose marks will do and that are about the most alike.
    fn likeliest(&self, sketch: &Sketch, fits: impl Fn(u64) -> bool) -> Vec<(i32, Fingerprint, Place)> {
        let mut best: Vec<(i32, usize)> = Vec::with_capacity(COMPARED + 1);
        let mut least = i32::MIN;
        for (at, _) in self.marks.iter().enumerate().filter(|(_, marks)| fits(**marks)) {
            let Some(row) = self.vectors.get(at) else { break };
            let alike = product(sketch.vector(), row);
            if alike > least || best.len() < COMPARED {
                let place = best.partition_point(|(other, _)| *other >= alike);
                best.insert(place, (alike, at));
                best.truncate(COMPARED);
                least = best.last().map_or(i32::MIN, |(alike, _)| *alike);
            }
        }
        let row = |(alike, at): (i32, usize)| {
            let (known, place) = self.questions.get(at)?;
            Some((alike, *known, place.clone()))
        };
        best.into_iter().filter_map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_full_box_the_latest_questions_do_not_go_first() {
        let known = |at: usize| Fingerprint::from_bytes((at as u128).to_le_bytes());
        let sketch = Arc::new(Sketch::of("how do i cancel my gym contract early").unwrap());
        let place = Place { box_of: known(0), sketch, text: None, meaning: None };
        let near = Near::default();
        near.add(&place, known(0));
        {
            let mut shard = near.shard(place.box_of).unwrap();
            let rows = shard.get_mut(&place.box_of).unwrap();
            for at in 1..MOST {
                rows.marks.push(place.sketch.marks());
                rows.vectors.push(*place.sketch.vector());
                rows.questions.push((known(at), place.clone()));
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
