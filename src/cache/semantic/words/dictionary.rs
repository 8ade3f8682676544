//! Knows English words, and which word a misspelt one was meant to be.
//!
//! A word is mended only if no list has it, and only to a common word that is one slip of the
//! fingers away: two that are both words, such as *affect* and *effect*, never meet here.

use std::cmp::Ordering;
use std::hash::Hasher;
use std::io::Read;
use std::sync::LazyLock;

use brotli_decompressor::Decompressor;
use rustc_hash::FxHasher;

use super::lists;

/// The lists, packed by `scripts/dictionary-pack.py`; `dictionary.txt` tells whose they are.
const PACKED: &[u8] = include_bytes!("dictionary.bin");
/// Bytes of the lists unpacked, so that the buffer is allocated once.
const PLAIN_SIZE: usize = 900_000;
/// Shorter words have too many neighbours to be mended.
const SHORTEST: usize = 4;
/// From here on a letter may be doubled or not; in a shorter word only two may be swapped.
const SHORT: usize = 5;
/// From here on a letter may be missing, too many or another vowel.
const MEDIUM: usize = 6;
/// From here on any letter may be another.
const LONG: usize = 8;
/// More words than this that one may have meant are none.
pub(in crate::cache::semantic) const MOST_MEANT: usize = 3;

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::unpack);

struct Lists {
    common: Words,
    rare: Words,
    /// Where each word stands, by its hash: `VACANT`, or a place among the common words, or behind them
    /// one among the rare.
    places: Vec<u32>,
}

/// More places than words, so that few share one; a power of two.
const PLACES: usize = 1 << 18;
const VACANT: u32 = u32::MAX;

/// Words in order, end to end.
#[derive(Default)]
struct Words {
    text: String,
    starts: Vec<u32>,
}

impl Words {
    fn get(&self, at: usize) -> &str {
        let start = self.starts.get(at).map_or(self.text.len(), |at| *at as usize);
        let end = self.starts.get(at + 1).map_or(self.text.len(), |at| *at as usize);
        self.text.get(start..end).unwrap_or_default()
    }

    fn push(&mut self, word: &str) {
        self.starts.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.text.push_str(word);
    }

    /// Where `word` stands or would stand.
    fn place(&self, word: &str) -> usize {
        let (mut low, mut high) = (0, self.starts.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle) < word { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The words that begin like this, in order.
    fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.place(prefix);
        (from..self.starts.len()).map(|at| self.get(at)).take_while(move |word| word.starts_with(prefix))
    }
}

impl Lists {
    fn unpack() -> Self {
        let mut plain = String::with_capacity(PLAIN_SIZE);
        // What is packed into the binary unpacks; a test reads it all.
        let _whole = Decompressor::new(PACKED, PACKED.len()).read_to_string(&mut plain);
        let mut lists = [Words::default(), Words::default()];
        let [common, rare] = &mut lists;
        let (mut word, mut list) = (String::new(), common);
        let mut rest = plain.as_str();
        let mut later = Some(rare);
        while let Some(shared) = rest.bytes().next() {
            let tail = rest.get(1..).unwrap_or_default();
            let end = tail.find(|c: char| !c.is_ascii_lowercase() && c != '.').unwrap_or(tail.len());
            let (letters, more) = tail.split_at(end);
            rest = more;
            if letters == "." {
                let Some(next) = later.take() else { break };
                list = next;
                word.clear();
                continue;
            }
            word.truncate(usize::from(shared.saturating_sub(b'0')));
            word.push_str(letters);
            list.push(&word);
        }
        let [common, rare] = lists;
        let mut lists = Self { common, rare, places: vec![VACANT; PLACES] };
        for number in 0..lists.common.starts.len() + lists.rare.starts.len() {
            let mut place = place(lists.word(number));
            while lists.places.get(place).is_some_and(|number| *number != VACANT) {
                place = (place + 1) % PLACES;
            }
            if let Some(vacant) = lists.places.get_mut(place) {
                *vacant = u32::try_from(number).unwrap_or(VACANT);
            }
        }
        lists
    }

    /// A word by its number, the common ones first.
    fn word(&self, number: usize) -> &str {
        match number.checked_sub(self.common.starts.len()) {
            Some(number) => self.rare.get(number),
            None => self.common.get(number),
        }
    }

    /// The number of a word.
    fn find(&self, word: &str) -> Option<usize> {
        let mut place = place(word);
        loop {
            let number = self.places.get(place).filter(|number| **number != VACANT)?;
            if self.word(*number as usize) == word {
                return Some(*number as usize);
            }
            place = (place + 1) % PLACES;
        }
    }
}

/// Unpacks the lists, if they are not yet.
pub(in crate::cache::semantic) fn prepare() {
    LazyLock::force(&LISTS);
}

/// Where a word is looked for first.
fn place(word: &str) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(word.as_bytes());
    usize::try_from(hasher.finish() >> 20).unwrap_or_default() % PLACES
}

/// Whether it is an English word, or a well-known name, in small letters.
pub(in crate::cache::semantic) fn knows(word: &str) -> bool {
    LISTS.find(word).is_some() || lists::NAMES.contains(&word)
}

/// Whether it is an English word that many know.
pub(in crate::cache::semantic) fn is_common(word: &str) -> bool {
    number(word).is_some()
}

/// The place of a word among those that many know, in their order.
pub(in crate::cache::semantic) fn number(word: &str) -> Option<usize> {
    LISTS.find(word).filter(|number| *number < LISTS.common.starts.len())
}

/// The base of a verb in *-ing*, if there is exactly one that it can be of.
pub(in crate::cache::semantic) fn base(gerund: &str) -> Option<String> {
    let stem = gerund.strip_suffix("ing").filter(|stem| stem.len() >= 2)?;
    let undoubled = || {
        let last = stem.chars().next_back()?;
        let shorter = stem.strip_suffix(last)?;
        (shorter.ends_with(last) && !"lsz".contains(last)).then(|| shorter.to_owned())
    };
    let mut bases = [Some(stem.to_owned()), Some(format!("{stem}e")), undoubled()]
        .into_iter()
        .flatten()
        .filter(|base| is_common(base));
    let first = bases.next()?;
    bases.next().is_none().then_some(first)
}

/// The base of a verb in *-ed*, if it is one.
pub(in crate::cache::semantic) fn present(past: &str) -> Option<String> {
    let stem = past.strip_suffix("ed").filter(|stem| stem.len() >= 2)?;
    [stem.to_owned(), format!("{stem}e")].into_iter().find(|base| is_common(base))
}

/// The singular of a plural in *-s*, if both are words; of a verb in *-s* it is the base.
pub(in crate::cache::semantic) fn singular(plural: &str) -> Option<String> {
    let stem = plural.strip_suffix('s').filter(|stem| stem.len() >= 2 && !stem.ends_with(['s', 'u', 'i']))?;
    let ies = stem.strip_suffix("ie").map(|stem| format!("{stem}y"));
    let es = stem
        .strip_suffix('e')
        .filter(|stem| ["s", "x", "z", "ch", "sh"].iter().any(|end| stem.ends_with(end)))
        .map(str::to_owned);
    [ies, es, Some(stem.to_owned())].into_iter().flatten().find(|word| is_common(word))
}

/// The American spelling of a word that is spelt otherwise in Britain, by rule.
pub(in crate::cache::semantic) fn american(word: &str) -> Option<String> {
    const ISE: [&str; 7] = ["ise", "ises", "ised", "ising", "iser", "isation", "isations"];
    const OUR: [&str; 7] = ["our", "ours", "oured", "ouring", "ourite", "ourites", "ourhood"];
    const LLED: [&str; 4] = ["lled", "lling", "ller", "llers"];
    const LONG: usize = 8;
    let by = |endings: &[&str], shortest: usize, change: fn(&str) -> String| {
        let ending = endings.iter().find(|ending| word.ends_with(*ending))?;
        let stem = word.strip_suffix(ending).filter(|stem| stem.len() >= shortest)?;
        Some(format!("{stem}{}", change(ending))).filter(|word| is_common(word))
    };
    by(&ISE, 4, |ending| ending.replacen('s', "z", 1))
        .or_else(|| by(&OUR, 3, |ending| ending.replacen("our", "or", 1)))
        .or_else(|| by(&LLED, 4, |ending| ending.replacen("ll", "l", 1)).filter(|_| word.len() >= LONG))
}

/// What a word that nobody knows was meant to be: common words one slip away, at most [`MOST_MEANT`].
pub(in crate::cache::semantic) fn meant(word: &str) -> Vec<String> {
    let mut found: Vec<(Slip, String)> = Vec::new();
    if word.len() < SHORTEST || !word.bytes().all(|c| c.is_ascii_lowercase()) || knows(word) {
        return Vec::new();
    }
    // Nobody slips on the first letter; slips on the next two are made and looked up, later ones
    // are found among the words that begin alike.
    early_slips(word, |made| {
        if is_common(made)
            && let Some(slip) = slip(word, made)
            && !found.iter().any(|(_, one)| one == made)
        {
            found.push((slip, made.to_owned()));
        }
    });
    let prefix = word.get(..3).unwrap_or(word);
    for other in LISTS.common.beginning(prefix) {
        if other.len().abs_diff(word.len()) <= 2
            && let Some(slip) = slip(word, other)
            && !found.iter().any(|(_, one)| one == other)
        {
            found.push((slip, other.to_owned()));
        }
    }
    if is_term(word) {
        found.retain(|(slip, _)| *slip == Slip::Common);
    }
    let likeliest = found.iter().map(|(slip, _)| *slip).min();
    found.retain(|(slip, _)| Some(*slip) == likeliest);
    if found.len() > MOST_MEANT {
        found.clear();
    }
    found.into_iter().map(|(_, word)| word).collect()
}

/// Whether a word that no list has ends like those of chemistry and medicine, of which many are one letter apart.
pub(in crate::cache::semantic) fn is_term(word: &str) -> bool {
    ["ane", "ase", "ene", "ide", "ine", "ite", "ium", "ole", "ose", "pril"]
        .iter()
        .any(|end| word.ends_with(end))
}

/// Tells what the word would be without a slip on its second or third letter.
fn early_slips(word: &str, mut tell: impl FnMut(&str)) {
    let letters = word.as_bytes();
    let mut made = Vec::with_capacity(letters.len() + 1);
    let mut with = |at: usize, new: &[u8], skip: usize| {
        made.clear();
        made.extend_from_slice(letters.get(..at).unwrap_or_default());
        made.extend_from_slice(new);
        made.extend_from_slice(rest(letters, at + skip));
        tell(std::str::from_utf8(&made).unwrap_or_default());
    };
    for at in 1..=2 {
        let (Some(&this), Some(&next)) = (letters.get(at), letters.get(at + 1)) else { break };
        with(at, &[next, this], 2);
        with(at, &[], 1);
        for letter in b'a'..=b'z' {
            with(at, &[letter], 0);
            with(at, &[letter], 1);
        }
    }
}

fn rest(text: &[u8], from: usize) -> &[u8] {
    text.get(from..).unwrap_or_default()
}

/// What went wrong in a word, the likelier the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slip {
    /// A letter was doubled or not, perhaps in two places, or two were swapped.
    Common,
    /// A letter was left out or put in, or taken for another.
    Other,
}

/// By which one slip `typed` would be `word`.
fn slip(typed: &str, word: &str) -> Option<Slip> {
    let (a, b) = (typed.as_bytes(), word.as_bytes());
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    if head == 0 {
        return None;
    }
    let at = |text: &[u8], at: usize| text.get(head + at).copied();
    let (x, y) = (at(a, 0), at(b, 0));
    let swapped = x.is_some() && x == at(b, 1) && y == at(a, 1) && rest(a, head + 2) == rest(b, head + 2);
    let doubled = undoubled(a).eq(undoubled(b));
    if swapped || doubled && a.len() >= SHORT {
        return Some(Slip::Common);
    }
    let size = a.len().min(b.len());
    if size < MEDIUM - usize::from(a.len() != b.len()) {
        return None;
    }
    let other = match a.len().cmp(&b.len()) {
        Ordering::Less => rest(a, head) == rest(b, head + 1) && !adds_ending(a, b, head),
        Ordering::Greater => rest(a, head + 1) == rest(b, head) && !adds_ending(b, a, head),
        Ordering::Equal => {
            let vowels = [x, y].iter().flatten().all(|c| b"aeiouy".contains(c));
            let likely = if vowels {
                !ends_apart(a, b, head)
            } else {
                size >= LONG && head + 3 < a.len() || are_beside(x, y)
            };
            likely && rest(a, head + 1) == rest(b, head + 1)
        }
    };
    other.then_some(Slip::Other)
}

/// Whether two letters are neighbours on a keyboard.
fn are_beside(one: Option<u8>, other: Option<u8>) -> bool {
    const ROWS: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    ROWS.iter().any(|row| {
        row.windows(2).any(|pair| {
            let pair = (pair.first().copied(), pair.last().copied());
            pair == (one, other) || pair == (other, one)
        })
    })
}

/// Whether the longer word is the shorter one with another ending, which is another word.
fn adds_ending(shorter: &[u8], longer: &[u8], head: usize) -> bool {
    head == shorter.len() && longer.last().is_some_and(|c| b"sdrynaeio".contains(c))
}

/// Whether two words differ in the vowel of an ending that tells apart, as of *nitrite* and *nitrate*.
fn ends_apart(a: &[u8], b: &[u8], head: usize) -> bool {
    const SPELT_BOTH_WAYS: [(&[u8], &[u8]); 6] = [
        (b"ant", b"ent"),
        (b"ance", b"ence"),
        (b"ancy", b"ency"),
        (b"able", b"ible"),
        (b"er", b"or"),
        (b"ar", b"er"),
    ];
    let pair = |(one, two): &(&[u8], &[u8])| {
        (a.ends_with(one) && b.ends_with(two)) || (a.ends_with(two) && b.ends_with(one))
    };
    head + 4 > a.len() && !SPELT_BOTH_WAYS.iter().any(pair)
}

/// The letters of a word, those that stand twice once.
fn undoubled(word: &[u8]) -> impl Iterator<Item = u8> {
    let mut before = None;
    word.iter().copied().filter(move |letter| before.replace(*letter) != Some(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_unpack_whole() {
        assert_eq!((LISTS.common.starts.len(), LISTS.rare.starts.len()), (63_422, 25_069));
        for word in ["a", "broadband", "vegetarian", "zoos"] {
            assert!(is_common(word), "{word}");
        }
        assert!(knows("fahrenheit") && !is_common("fahrenheit"));
        assert!(!knows("vegitarian"));
    }

    #[test]
    fn slips_of_the_fingers_are_mended() {
        for (typed, word) in [
            ("chnage", "change"),
            ("adress", "address"),
            ("acount", "account"),
            ("conection", "connection"),
            ("vegitarian", "vegetarian"),
            ("emergancy", "emergency"),
            ("seperate", "separate"),
            ("definately", "definitely"),
            ("enviroment", "environment"),
            ("recieve", "receive"),
            ("tommorow", "tomorrow"),
            ("accomodation", "accommodation"),
        ] {
            assert_eq!(meant(typed), [word], "{typed}");
        }
    }

    #[test]
    fn words_and_names_are_left_alone() {
        for word in
            ["effect", "nitrite", "unarchive", "unmute", "deno", "redis", "nginx", "kafka", "svelte", "lua"]
        {
            assert!(meant(word).is_empty(), "{word}: {:?}", meant(word));
        }
    }
}
