//! What keeps two questions apart, whatever a model makes of them: one that turns them into vectors, or one that
//! is asked whether they are the same.
//!
//! Models that turn questions into vectors are blind where it matters most: *in the morning* and *in the evening*,
//! *full-time* and *part-time*, *from him to her* and *from her to him* are next to one another for all of them. So
//! where two questions are built the same and differ by a word or by little words, such a model is not even asked.

use super::measure::says_otherwise;
use super::sketch::{Sketch, Word, is_slip};

/// Of what must be equal for `balanced`, the little words by which a question may be put in another way.
const WAYS: &[&str] = &[
    "a", "about", "am", "an", "and", "are", "be", "by", "can", "do", "does", "has", "have", "how", "i", "is",
    "it", "like", "me", "my", "need", "one", "out", "please", "that", "the", "there", "this", "to", "up",
    "via", "what", "which", "will", "with",
];

/// How two questions may be the same that nothing here keeps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// They are built the same, and each word that differs stands in another's place.
    Worded,
    /// They are put in another way.
    Turned,
}

/// What must be equal whoever says that two questions are the same, in the order in which it is said: numbers, signs,
/// names, negations, words that nobody knows.
#[must_use]
pub fn fixed(sketch: &Sketch) -> String {
    let pieces: Vec<_> = sketch.must().split(' ').filter(|piece| !WAYS.contains(piece)).collect();
    pieces.join(" ")
}

/// Whether two questions may be the same, if a model says so.
#[must_use]
pub fn doubt(one: &Sketch, other: &Sketch) -> Option<Doubt> {
    if fixed(one) != fixed(other) {
        return None;
    }
    let left = |own: &'_ Sketch, there: &Sketch| -> Vec<usize> {
        let has = |word: &Word| there.words.iter().any(|there| is_same(word, there));
        let words = own.words.iter().enumerate();
        words.filter(|(_, word)| !has(word)).map(|(at, _)| at).collect()
    };
    let (here, there) = (left(one, other), left(other, one));
    // Only little words differ, of which no model makes much, or one is asked for instead of many.
    if here.is_empty() && there.is_empty() {
        return None;
    }
    let words = |own: &'_ Sketch, places: &[usize]| -> Vec<Word> {
        places.iter().filter_map(|at| own.words.get(*at).cloned()).collect()
    };
    let (ours, theirs) = (words(one, &here), words(other, &there));
    let unknown = ours.iter().chain(&theirs).any(|word| word.known.is_none());
    let opposed = ours.iter().any(|word| theirs.iter().any(|there| says_otherwise(word, there)));
    if unknown || opposed || is_crossed(one, other) {
        return None;
    }
    let alike = one.words.len() == other.words.len() && here == there;
    Some(if alike { Doubt::Worded } else { Doubt::Turned })
}

/// Whether two words are the same, but for an ending or a slip of the fingers.
fn is_same(one: &Word, other: &Word) -> bool {
    one.text == other.text || one.known.is_some() && one.known == other.known || is_slip(one, other)
}

/// Whether words that both have stand in another order.
fn is_crossed(one: &Sketch, other: &Sketch) -> bool {
    let place = |word: &Word| other.words.iter().position(|there| is_same(word, there));
    let places: Vec<_> = one.words.iter().filter_map(place).collect();
    !places.is_sorted()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::semantic::{Turn, forms};

    fn between(one: &str, other: &str) -> Option<Doubt> {
        let sketch =
            |question: &str| Sketch::of(forms(question, Turn::First).unwrap().first().unwrap()).unwrap();
        doubt(&sketch(one), &sketch(other))
    }

    #[test]
    fn numbers_names_negations_opposites_and_order_keep_apart() {
        for (one, other) in [
            ("Cancel my subscription", "Don't cancel my subscription"),
            ("Which plans include international calls?", "Which plans don't include international calls?"),
            ("Are dogs allowed in the restaurant?", "Are dogs banned from the restaurant?"),
            ("What are the benefits of remote work?", "What are the drawbacks of remote work?"),
            ("Is the clinic open on Sundays?", "Is the clinic closed on Sundays?"),
            ("How do I forward mail from him to her?", "How do I forward mail from her to him?"),
            ("Am I able to sue my bank?", "Is my bank able to sue me?"),
            (
                "How do I pay a parking fine to Camden Council?",
                "How do I pay a parking fine to Islington Council?",
            ),
            ("Name a country in Africa", "Name the countries in Africa"),
        ] {
            assert_eq!(between(one, other), None, "{one} / {other}");
        }
    }

    #[test]
    fn what_is_put_in_another_way_is_told_from_what_has_another_word() {
        let turned = Some(Doubt::Turned);
        assert_eq!(
            between("What causes a rainbow to form?", "What causes the formation of a rainbow?"),
            turned
        );
        assert_eq!(
            between(
                "What are the common side effects of amoxicillin?",
                "What side effects can amoxicillin cause?"
            ),
            turned
        );
        for (one, other) in [
            ("How do I erase a disk in Linux?", "How do I wipe a disk in Linux?"),
            ("Is the museum open in the morning?", "Is the museum open in the evening?"),
        ] {
            assert_eq!(between(one, other), Some(Doubt::Worded), "{one} / {other}");
        }
    }
}
