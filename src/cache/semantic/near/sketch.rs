//! What of a question must be equal, and what may be said in another word.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::little::{self, Little};
use crate::cache::semantic::words::dictionary;
use crate::cache::semantic::words::vectors::{self, DIMENSIONS, Known, Vector};

/// Shorter words have too many neighbours to be taken for misspelt ones.
const SHORTEST: usize = 5;
/// From here on there may be two slips in a word.
const LONG: usize = 8;

/// A question, as it is compared with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    /// What must be equal, in the order in which it is said: numbers, signs, names, words that nobody knows, and
    /// of little words all that tell who, whether, how much, where from and where to.
    must: String,
    /// Its words but for the little ones, in their order.
    pub(super) words: Vec<Word>,
    /// Little words that may differ.
    pub(super) little: Littles,
    /// What it is about.
    pub(super) vector: Vector,
    /// Two bits for each of its words.
    marks: u64,
}

/// Little words that may differ: helpers sorted, and what joins things as it is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Littles {
    pub(super) helpers: Vec<&'static str>,
    pub(super) places: Vec<&'static str>,
}

/// A word, in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// How much of what must be equal comes up to it: *with a passport and without a visa* is another question
    /// than *without a passport and with a visa*.
    pub(super) behind: usize,
    /// What is known of a word that may be said in another way; nothing of one that must be equal.
    pub(super) known: Option<Known>,
}

impl Sketch {
    /// The sketch of a question's form; `None` of one whose words must all be equal.
    #[must_use]
    pub fn of(form: &str) -> Option<Self> {
        // What stands between quotation marks, and another language, is compared letter by letter.
        if form.starts_with('=') || form.contains('"') {
            return None;
        }
        let pieces = little::joined(form);
        // Of a thing the article says whether one, any or a certain one is meant, and a helper is what is asked about.
        let thing = pieces.first().is_some_and(|(first, _)| *first == "about");
        let (mut must, mut words, mut little) = (Vec::new(), Vec::new(), Littles::default());
        let mut before = "";
        for (piece, text) in pieces {
            // A little word that is said twice is itself what is asked about.
            let twice = std::mem::replace(&mut before, piece) == piece;
            match little::of(piece) {
                Some(_) if twice => must.push(piece),
                Some(Little::Must(word)) => must.push(word),
                Some(Little::Article(word) | Little::Helper(word)) if thing => must.push(word),
                Some(Little::Article(_)) => {}
                Some(Little::Helper(word)) => little.helpers.push(word),
                Some(Little::Place(word)) => little.places.push(word),
                None => {
                    let known = known(piece);
                    // What nobody knows may be misspelt.
                    if known.is_none() && !may_be_misspelt(piece) {
                        must.push(piece);
                    }
                    words.push(Word { text, behind: must.len(), known });
                }
            }
        }
        if words.iter().all(|word| word.known.is_none()) {
            return None;
        }
        little.helpers.sort_unstable();
        let (vector, marks) = (mean(&words), words.iter().fold(0, |marks, word| marks | word.marks()));
        Some(Self { must: must.join(" "), words, little, vector, marks })
    }
}

impl Sketch {
    /// What must be equal.
    #[must_use]
    pub fn must(&self) -> &str {
        &self.must
    }

    /// What it is about.
    #[must_use]
    pub const fn vector(&self) -> &Vector {
        &self.vector
    }

    /// Two bits for each of its words.
    #[must_use]
    pub const fn marks(&self) -> u64 {
        self.marks
    }

    /// How many bytes it holds, with a box of its own where questions are looked for.
    #[must_use]
    pub fn weight(&self) -> usize {
        const BOX: usize = 512;
        let words: usize = self.words.iter().map(|word| word.text.len() + size_of::<Word>()).sum();
        BOX + size_of::<Self>() + self.must.len() + words
    }
}

/// The vector of a word in small letters that is no name.
fn known(piece: &str) -> Option<Known> {
    piece.bytes().all(|c| c.is_ascii_lowercase()).then(|| Known::or_base(piece)).flatten()
}

/// Whether it may be another word with a slip in it: small letters that are no word.
fn may_be_misspelt(piece: &str) -> bool {
    piece.len() >= SHORTEST && piece.bytes().all(|c| c.is_ascii_lowercase()) && !dictionary::knows(piece)
}

/// Whether one of two words is the other with a slip in it.
pub(super) fn is_slip(one: &Word, other: &Word) -> bool {
    let (misspelt, meant) = match (one.known, other.known) {
        (None, Some(_)) => (&one.text, &other.text),
        (Some(_), None) => (&other.text, &one.text),
        (None, None) | (Some(_), Some(_)) => return false,
    };
    let slips = usize::from(meant.len() >= LONG) + 1;
    // *Flickr* and *grindr* are names, and of terms many are one letter apart.
    let ends = |word: &str| word.as_bytes().last_chunk::<2>().copied();
    may_be_misspelt(misspelt)
        && meant.len() >= SHORTEST
        && ends(misspelt) == ends(meant)
        && !dictionary::is_term(misspelt)
        && distance(misspelt, meant) <= slips
}

/// How many letters of one word are missing, too many, others or swapped in the other one.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut row = Vec::with_capacity(above.len());
        row.push(at + 1);
        for (to, there) in other.iter().enumerate() {
            let get = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut least = (get(&above, to) + usize::from(letter != there))
                .min(get(&above, to + 1) + 1)
                .min(get(&row, to) + 1);
            let swapped =
                at > 0 && to > 0 && one.get(at - 1) == Some(there) && other.get(to - 1) == Some(letter);
            if swapped {
                least = least.min(get(&before, to - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

/// What words are about together, the rarer ones most.
fn mean(words: &[Word]) -> Vector {
    let mut sum = [0.0; DIMENSIONS];
    for (word, known) in words.iter().filter_map(|word| Some((word, word.known?))) {
        let weight = word.weight();
        for (sum, number) in sum.iter_mut().zip(known.vector()) {
            *sum += weight * f32::from(*number);
        }
    }
    vectors::of_length(&sum)
}

/// Whether the questions with these marks have two words in common, or all: without, no word stands for another. It
/// may say so of some that have not.
#[must_use]
pub const fn may_share(one: u64, other: u64) -> bool {
    // Two words have four bits, or three if two fall on one.
    let both = one & other;
    let fewer = both & both.wrapping_sub(1);
    one == other || fewer & fewer.wrapping_sub(1) != 0
}

impl Word {
    /// Two bits for it.
    fn marks(&self) -> u64 {
        let mut hasher = FxHasher::default();
        match self.known {
            Some(known) => known.hash(&mut hasher),
            None => hasher.write(self.text.as_bytes()),
        }
        let hash = hasher.finish();
        1 << (hash >> 58) | 1 << (hash >> 52 & 63)
    }

    /// How much it tells.
    pub(super) fn weight(&self) -> f32 {
        self.known.map_or(1.0, |known| 0.4 + known.rarity().sqrt())
    }
}
