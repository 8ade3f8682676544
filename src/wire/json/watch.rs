//! Words that a reader wants to know of, wherever in a text they stand as a string.

/// No word is this long.
const LONGEST: usize = 64;

/// A set of words and beginnings of words; each has a bit.
///
/// One pass over a body can so tell whether it holds, say, a member `cache_control` at any depth,
/// without looking for each word on its own. Strings are compared as they are spelt: a word that
/// is written with escapes goes unseen.
#[derive(Debug)]
pub struct Watch {
    words: &'static [&'static str],
    beginnings: &'static [&'static str],
    /// The bits of the words that have so many bytes.
    of_length: [u64; LONGEST],
    /// Bit n is set when a beginning starts with the byte n of the lower half of ASCII.
    firsts: u128,
}

impl Watch {
    /// Nothing is watched for.
    pub const NONE: Self = Self::new(&[], &[]);

    /// The bit of a `null` that stands as a value.
    pub const NULL: u64 = 1 << 63;

    /// Watches for these words and beginnings: at most 63 in all, of at most 63 bytes.
    #[must_use]
    #[allow(clippy::indexing_slicing)]
    pub const fn new(words: &'static [&'static str], beginnings: &'static [&'static str]) -> Self {
        let mut of_length = [0; LONGEST];
        let mut bit = 1;
        let mut rest = words;
        while let [first, others @ ..] = rest {
            // A word that is too long does not compile.
            of_length[first.len()] |= bit;
            bit <<= 1;
            rest = others;
        }
        let mut firsts = 0;
        let mut rest = beginnings;
        while let [first, others @ ..] = rest {
            if let [byte, ..] = first.as_bytes() {
                firsts |= 1 << (*byte & 127);
            }
            rest = others;
        }
        Self { words, beginnings, of_length, firsts }
    }

    /// The bit of a word; 0 if it is not watched for.
    #[must_use]
    pub const fn bit(&self, word: &str) -> u64 {
        let mut bit = 1;
        let mut rest = self.words;
        while let [first, others @ ..] = rest {
            if same(first.as_bytes(), word.as_bytes()) {
                return bit;
            }
            bit <<= 1;
            rest = others;
        }
        0
    }

    /// The bits of all beginnings.
    #[must_use]
    pub const fn beginnings(&self) -> u64 {
        ((1 << self.beginnings.len()) - 1) << self.words.len()
    }

    /// The bits that a string sets.
    #[inline]
    pub(crate) fn bits(&self, string: &[u8]) -> u64 {
        let mut bits = 0;
        let mut likely = self.of_length.get(string.len()).copied().unwrap_or(0);
        while likely != 0 {
            let place = likely.trailing_zeros();
            if self.words.get(place as usize).is_some_and(|word| word.as_bytes() == string) {
                bits |= 1 << place;
                break;
            }
            likely &= likely - 1;
        }
        if let Some(first) = string.first()
            && self.firsts >> (first & 127) & 1 == 1
        {
            let place = self.beginnings.iter().position(|word| string.starts_with(word.as_bytes()));
            bits |= place.map_or(0, |place| 1 << (self.words.len() + place));
        }
        bits
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let (mut a, mut b) = (a, b);
    loop {
        match (a, b) {
            ([], []) => return true,
            ([x, more @ ..], [y, rest @ ..]) if *x == *y => (a, b) = (more, rest),
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WATCH: Watch = Watch::new(&["strict", "cache_control"], &["~a~"]);

    #[test]
    fn words_are_known_whole_and_beginnings_by_their_start() {
        assert_eq!(WATCH.bits(b"strict"), WATCH.bit("strict"));
        assert_eq!(WATCH.bits(b"cache_control"), WATCH.bit("cache_control"));
        assert_eq!(WATCH.bits(b"~a~seal"), WATCH.beginnings());
        assert_eq!(WATCH.bits(b"strictly") | WATCH.bits(b"") | WATCH.bits(b"a~"), 0);
        assert_eq!(WATCH.bit("unknown"), 0);
    }
}
