//! Which words may stand for one another, as short vectors: one a word, distilled from a model that reads.
//!
//! `scripts/distill` makes them and tells how. They are unpacked when a mode first wants them.

use std::io::Read;
use std::sync::LazyLock;

use brotli_decompressor::Decompressor;

use super::dictionary;

/// The vectors, packed by `scripts/distill/distill.py`; `vectors.txt` tells of what they are made.
const PACKED: &[u8] = include_bytes!("vectors.bin");
/// Numbers of one vector.
pub(in crate::cache::semantic) const DIMENSIONS: usize = 64;
/// Of a vector's packed form: how rare its word is, and two numbers a byte.
const ROW: usize = 1 + DIMENSIONS / 2;
/// Bytes of all of it unpacked, so that the buffer is allocated once.
const PLAIN_SIZE: usize = 400_000;
/// Of a word without a vector.
const NONE: u16 = u16::MAX;
/// How long a vector is.
const LENGTH: f32 = 127.0;

/// The direction of a word, or of several, with the length 127.
pub type Vector = [i8; DIMENSIONS];

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::unpack);

#[derive(Default)]
struct Vectors {
    /// Of each common word which vector is its own.
    places: Vec<u16>,
    rows: Vec<Vector>,
    rare: Vec<u8>,
    /// In order, each pair the lower place first.
    opposites: Vec<(u16, u16)>,
}

/// A word that has a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cache::semantic) struct Known(u16);

impl Vectors {
    fn unpack() -> Self {
        let mut plain = Vec::with_capacity(PLAIN_SIZE);
        // What is packed into the binary unpacks; a test reads it all.
        let _whole = Decompressor::new(PACKED, PACKED.len()).read_to_end(&mut plain);
        Self::read(&plain).unwrap_or_default()
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let (words, rest) = count(plain)?;
        let (bits, rest) = rest.split_at_checked(words.div_ceil(8))?;
        let (known, rest) = count(rest)?;
        let (rows, opposites) = rest.split_at_checked(known * ROW)?;
        let mut next = 0;
        let mut place = |at: usize| {
            let own = bits.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
            if !own {
                return NONE;
            }
            next += 1;
            next - 1
        };
        let places = (0..words).map(&mut place).collect();
        let pair = |pair: &[u8]| match pair {
            [a, b, c, d] => (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])),
            _ => (NONE, NONE),
        };
        let ordered = |(one, other): (u16, u16)| (one.min(other), one.max(other));
        let mut opposites: Vec<_> = opposites.chunks_exact(4).map(pair).map(ordered).collect();
        opposites.sort_unstable();
        let rare = rows.chunks_exact(ROW).filter_map(|row| row.first().copied()).collect();
        let rows = rows.chunks_exact(ROW).map(|row| unit(row.get(1..).unwrap_or_default())).collect();
        Some(Self { places, rows, rare, opposites })
    }
}

/// A count in four bytes, and what follows.
fn count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*count)).ok()?, rest))
}

/// A vector from its steps.
fn unit(packed: &[u8]) -> Vector {
    let mut steps = [0.0; DIMENSIONS];
    let halves = packed.iter().flat_map(|two| [two & 15, two >> 4]);
    for (step, half) in steps.iter_mut().zip(halves) {
        *step = f32::from(half) - 7.5;
    }
    of_length(&steps)
}

/// The vector in the direction of these numbers.
#[expect(clippy::cast_possible_truncation, reason = "no number of a vector is longer than the vector")]
pub(in crate::cache::semantic) fn of_length(numbers: &[f32; DIMENSIONS]) -> Vector {
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    let mut vector = [0; DIMENSIONS];
    if length > 0.0 {
        for (to, number) in vector.iter_mut().zip(numbers) {
            *to = (number / length * LENGTH).round() as i8;
        }
    }
    vector
}

/// How alike two vectors are: 1 where they are the same, 0 where they have nothing to do with one another.
pub(in crate::cache::semantic) fn alike(one: &Vector, other: &Vector) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "it is below 2 to the 20th")]
    let product = product(one, other) as f32;
    product / (LENGTH * LENGTH)
}

/// The product of two vectors: the larger, the more alike they are.
#[must_use]
pub fn product(one: &Vector, other: &Vector) -> i32 {
    one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum()
}

/// Unpacks the vectors, if they are not yet.
pub(in crate::cache::semantic) fn prepare() {
    LazyLock::force(&VECTORS);
}

impl Known {
    /// The vector of this word itself, if it has one.
    pub(in crate::cache::semantic) fn of(word: &str) -> Option<Self> {
        let place = *VECTORS.places.get(dictionary::number(word)?)?;
        (place != NONE).then_some(Self(place))
    }

    /// The vector of a word, or of what it is an ending of.
    pub(in crate::cache::semantic) fn or_base(word: &str) -> Option<Self> {
        Self::of(word).or_else(|| {
            let bases = || bases(word).into_iter().flatten();
            bases().find_map(|base| Self::of(&base)).or_else(|| {
                // *Endings* are of *ending*, and that of *end*.
                bases().find_map(|base| {
                    self::bases(&base).into_iter().flatten().find_map(|base| Self::of(&base))
                })
            })
        })
    }

    /// Its vector.
    pub(in crate::cache::semantic) fn vector(self) -> &'static Vector {
        const NOWHERE: &Vector = &[0; DIMENSIONS];
        VECTORS.rows.get(usize::from(self.0)).unwrap_or(NOWHERE)
    }

    /// How rare the word is: 0 of the most frequent, 1 of those that few know.
    pub(in crate::cache::semantic) fn rarity(self) -> f32 {
        f32::from(VECTORS.rare.get(usize::from(self.0)).copied().unwrap_or(u8::MAX)) / 255.0
    }

    /// Whether the two words are opposites.
    pub(in crate::cache::semantic) fn is_opposite(self, other: Self) -> bool {
        VECTORS.opposites.binary_search(&(self.0.min(other.0), self.0.max(other.0))).is_ok()
    }
}

/// What a word may be an ending of, likeliest first: as `scripts/distill/vocabulary.py` has it.
fn bases(word: &str) -> [Option<String>; 4] {
    if let Some(stem) =
        word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']))
    {
        let ies = stem.strip_suffix("ie").map(|stem| format!("{stem}y"));
        let hissed = |stem: &&str| ["s", "x", "z", "ch", "sh"].iter().any(|end| stem.ends_with(end));
        let es = stem.strip_suffix('e').filter(hissed).map(str::to_owned);
        return [ies, es, Some(stem.to_owned()), None];
    }
    let Some(stem) =
        word.strip_suffix("ed").or_else(|| word.strip_suffix("ing")).filter(|stem| stem.len() > 2)
    else {
        return [None, None, None, None];
    };
    let undoubled = stem
        .chars()
        .next_back()
        .and_then(|last| stem.strip_suffix(last)?.strip_suffix(last).map(|base| format!("{base}{last}")));
    [Some(stem.to_owned()), Some(format!("{stem}e")), undoubled, None]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_whole() {
        let Vectors { places, rows, rare, opposites } = &*VECTORS;
        assert_eq!(dictionary::number("zoom").map(|number| number < places.len()), Some(true));
        assert_eq!(places.iter().filter(|place| **place != NONE).count(), rows.len());
        assert_eq!(rows.len(), rare.len());
        assert!(rows.len() > 10_000 && opposites.len() > 500);
        assert!(opposites.iter().all(|(one, other)| one < other && usize::from(*other) < rows.len()));
        for row in rows {
            assert!((alike(row, row) - 1.0).abs() < 0.1, "{row:?}");
        }
    }

    #[test]
    fn words_are_as_alike_as_they_mean_the_same() {
        let between = |one: &str, other: &str| {
            alike(Known::of(one).unwrap().vector(), Known::of(other).unwrap().vector())
        };
        for (one, other) in [("buy", "purchase"), ("parcel", "package"), ("doctor", "physician")] {
            assert!(between(one, other) > 0.8, "{one} {other}");
        }
        for (one, other) in [("coffee", "tea"), ("cat", "dog"), ("buy", "sell"), ("milk", "engine")] {
            assert!(between(one, other) < 0.4, "{one} {other}");
        }
        assert!(Known::of("lock").unwrap().is_opposite(Known::of("unlock").unwrap()));
    }

    #[test]
    fn an_ending_has_the_vector_of_its_base_unless_it_is_a_word_of_its_own() {
        let of = |word: &str| Known::or_base(word).unwrap();
        assert_eq!(of("parcels"), of("parcel"));
        assert_eq!(of("cancelling"), of("cancel"));
        assert_eq!(Some(of("morning")), Known::of("morning"));
        assert_eq!(Known::or_base("kubernetes"), None);
    }
}
