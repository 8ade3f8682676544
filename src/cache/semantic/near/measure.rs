//! How two questions differ, as numbers.

use super::sketch::{Sketch, Word, is_slip};
use crate::cache::semantic::words::vectors::{Known, alike};

/// How many numbers there are.
pub const MEASURES: usize = 11;
/// Words that are less alike than this stand for nothing of one another.
const LEAST_ALIKE: f32 = 0.3;
/// How many other words must be the same for a word to stand for another, and how much these must tell: alone,
/// words have more meanings than one.
const COMPANY: (usize, f32) = (2, 1.5);
/// What turns a word into its opposite.
const TURNING: &[&str] = &[
    "anti", "counter", "de", "dis", "ex", "il", "im", "in", "inter", "ir", "mal", "mis", "multi", "non",
    "out", "over", "post", "pre", "re", "semi", "sub", "super", "un", "under",
];
/// Endings by which a word tells of another thing than without them.
const TURNING_ENDINGS: &[&str] = &["less", "free", "proof"];

/// How two questions differ; `None` if something in them says that they ask something else, whatever the rest.
#[must_use]
pub fn measures(one: &Sketch, other: &Sketch) -> Option<[f32; MEASURES]> {
    if one.must() != other.must() {
        return None;
    }
    let pairing = Pairing::of(one, other)?;
    let count = |count: usize| f32::from(u8::try_from(count).unwrap_or(u8::MAX));
    let total = one.words.len() + other.words.len();
    let first = |swap: &&Swap| swap.one == 0 && swap.other == 0;
    let other_words = pairing.others_form + pairing.slips + pairing.swapped.len() > 0;
    let alone = pairing.shared.len() - pairing.slips < COMPANY.0 || pairing.told < COMPANY.1;
    // *Recommend a book* and *recommend books* ask for one and for many.
    if other_words && alone || pairing.many > 0 {
        return None;
    }
    let (here, there) = (&one.little.places, &other.little.places);
    let places = differing(&sorted(here), &sorted(there));
    // *For parking at a meter* and *at parking for a meter*.
    if places == 0 && here != there {
        return None;
    }
    Some([
        1.0,
        count(pairing.swapped.len()),
        pairing.swapped.iter().map(|swap| 1.0 - swap.alike).sum(),
        pairing.swapped.iter().map(|swap| swap.alike).fold(1.0, f32::min),
        count(pairing.left.len()),
        pairing.left.iter().map(|word| word.weight()).sum(),
        count(2 * pairing.shared.len()) / count(total.max(1)),
        count(differing(&one.little.helpers, &other.little.helpers)),
        count(places),
        alike(&one.vector, &other.vector),
        count(pairing.swapped.iter().filter(first).count()),
    ])
}

/// Which words of two questions stand for one another.
struct Pairing<'s> {
    /// The same words, and how much they tell.
    shared: Vec<(usize, usize)>,
    told: f32,
    /// How many of them have a slip of the fingers in them; how many another ending, and of these are one and many.
    slips: usize,
    others_form: usize,
    many: usize,
    swapped: Vec<Swap>,
    /// Words for which the other question has none.
    left: Vec<&'s Word>,
}

/// A word that stands for another.
struct Swap {
    one: usize,
    other: usize,
    alike: f32,
}

impl<'s> Pairing<'s> {
    fn of(one: &'s Sketch, other: &'s Sketch) -> Option<Self> {
        let mut taken = vec![false; other.words.len()];
        let mut shared = Vec::new();
        let mut rest = Vec::new();
        let (mut told, mut others_form, mut many) = (0.0, 0, 0);
        for (at, word) in one.words.iter().enumerate() {
            let free = |(to, _): &(usize, &Word)| !taken.get(*to).copied().unwrap_or(true);
            let there = || other.words.iter().enumerate().filter(free);
            let same = there().find(|(_, there)| there.text == word.text);
            let form = || there().find(|(_, there)| word.known.is_some() && there.known == word.known);
            let Some((to, there)) = same.or_else(form) else {
                rest.push((at, word));
                continue;
            };
            if there.text == word.text {
                told += word.weight();
            } else {
                others_form += 1;
                many += usize::from(is_many(&word.text, &there.text));
            }
            shared.push((at, to));
            if let Some(taken) = taken.get_mut(to) {
                *taken = true;
            }
        }
        let mut others: Vec<_> = other.words.iter().enumerate().collect();
        others.retain(|(to, _)| !taken.get(*to).copied().unwrap_or(true));
        if rest.iter().any(|(_, word)| others.iter().any(|(_, there)| says_otherwise(word, there))) {
            return None;
        }
        let mut slips = 0;
        rest.retain(|(at, word)| {
            let meant = others.iter().position(|(_, there)| is_slip(word, there));
            if let Some((to, there)) = meant.map(|meant| others.remove(meant)) {
                shared.push((*at, to));
                slips += 1;
                told += if word.known.is_some() { word.weight() } else { there.weight() };
            }
            meant.is_none()
        });
        // What nobody knows must be the same.
        if rest.iter().chain(&others).any(|(_, word)| word.known.is_none()) {
            return None;
        }
        let mut swapped = Vec::new();
        while let Some(best) = nearest(&rest, &others) {
            rest.retain(|(at, _)| *at != best.one);
            others.retain(|(to, _)| *to != best.other);
            swapped.push(best);
        }
        let left: Vec<_> = rest.into_iter().chain(others).map(|(_, word)| word).collect();
        let mut places: Vec<_> =
            shared.iter().copied().chain(swapped.iter().map(|swap| (swap.one, swap.other))).collect();
        places.sort_unstable();
        let aside = |(at, to): &(usize, usize)| {
            let behind = |words: &[Word], place: usize| words.get(place).map(|word| word.behind);
            behind(&one.words, *at) != behind(&other.words, *to)
        };
        let turns = places.iter().enumerate();
        let turns: usize = turns
            .map(|(at, (_, to))| places.iter().skip(at + 1).filter(|(_, later)| later < to).count())
            .sum();
        // Who does what to whom is told by the order, and of which word something is denied.
        if turns > 0 || places.iter().any(aside) {
            return None;
        }
        Some(Self { shared, told, slips, others_form, many, swapped, left })
    }
}

/// The two words that are most alike.
fn nearest(ones: &[(usize, &Word)], others: &[(usize, &Word)]) -> Option<Swap> {
    let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
    let swaps = pairs.filter_map(|((one, word), (other, there))| {
        let alike = alike(word.known?.vector(), there.known?.vector());
        Some(Swap { one: *one, other: *other, alike })
    });
    swaps.filter(|swap| swap.alike >= LEAST_ALIKE).max_by(|a, b| a.alike.total_cmp(&b.alike))
}

/// Whether one word is the opposite of the other.
pub(super) fn says_otherwise(word: &Word, there: &Word) -> bool {
    let opposites = |pair: Option<(Known, Known)>| pair.is_some_and(|(a, b)| a.is_opposite(b));
    is_turned(&word.text, &there.text)
        || opposites(word.known.zip(there.known))
        || opposites(compared(&word.text).zip(compared(&there.text)))
}

/// Whether one word is the other with a beginning or an end that turns it.
fn is_turned(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let beginning = long.strip_suffix(short).is_some_and(|before| TURNING.contains(&before));
    let ending = |ending: &&str| {
        long.strip_suffix(*ending).is_some_and(|stem| short.starts_with(stem) && stem.len() > 2)
    };
    // *Include* and *exclude*, *upload* and *download*.
    let both = || {
        TURNING.iter().any(|a| {
            one.strip_prefix(a).is_some_and(|stem| {
                stem.len() > 3 && TURNING.iter().any(|b| a != b && other.strip_prefix(b) == Some(stem))
            })
        })
    };
    beginning || TURNING_ENDINGS.iter().any(ending) || both()
}

/// What *longest* and *longer* are of.
fn compared(word: &str) -> Option<Known> {
    let stem = word.strip_suffix("est").or_else(|| word.strip_suffix("er"))?;
    let whole = |stem: &str| Known::of(stem).or_else(|| Known::of(&format!("{stem}e")));
    let y = || Known::of(&format!("{}y", stem.strip_suffix('i')?));
    let undoubled = || {
        let last = stem.chars().next_back()?;
        let shorter = stem.strip_suffix(last).filter(|shorter| shorter.ends_with(last))?;
        Known::of(shorter)
    };
    whole(stem).or_else(y).or_else(undoubled)
}

/// Whether one word is many of the other.
fn is_many(one: &str, other: &str) -> bool {
    one.ends_with('s') != other.ends_with('s')
}

fn sorted<'s>(words: &[&'s str]) -> Vec<&'s str> {
    let mut words = words.to_vec();
    words.sort_unstable();
    words
}

/// How many of two ordered lists' words the other one has not.
fn differing(mut ones: &[&str], mut others: &[&str]) -> usize {
    let mut count = 0;
    while let (Some((one, more)), Some((other, further))) = (ones.split_first(), others.split_first()) {
        count += usize::from(one != other);
        if one <= other {
            ones = more;
        }
        if other <= one {
            others = further;
        }
    }
    count + ones.len() + others.len()
}
