//! Sixty-four bytes at a time: which of them are letters, digits and so on, as one bit each.
//!
//! A text is looked at before each request that is limited leaves, so a branch for each of its bytes is
//! too much. Here eight are told apart at once, in a word, without any.

/// So many bytes have a bit each.
pub(super) const BLOCK: usize = 64;

/// The highest bit of each byte of a word, and the lowest.
const HIGHEST: u64 = 0x8080_8080_8080_8080;
const LOWEST: u64 = 0x0101_0101_0101_0101;

/// Which bytes of a block are what; the first byte has the lowest bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) letters: u64,
    pub(super) digits: u64,
    pub(super) signs: u64,
    pub(super) blanks: u64,
    /// Those blanks that are spaces.
    pub(super) spaces: u64,
    /// Bytes of characters that ASCII has not.
    pub(super) high: u64,
}

impl Kinds {
    /// What the bytes of a block are, which may be a shorter one at the end of a text.
    pub(super) fn of(block: &[u8]) -> Self {
        let mut kinds = Self::default();
        let (words, rest) = block.as_chunks();
        let mut place = 0;
        for word in words {
            kinds.add(u64::from_le_bytes(*word), place);
            place += 8;
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            kinds.add(u64::from_le_bytes(word), place);
        }
        let left_over = u32::try_from(BLOCK - block.len().min(BLOCK)).unwrap_or(0);
        let filled = u64::MAX.checked_shr(left_over).unwrap_or(0);
        kinds.signs = filled & !(kinds.letters | kinds.digits | kinds.blanks | kinds.high);
        kinds
    }

    /// Takes eight bytes; what is none of these is a sign.
    const fn add(&mut self, word: u64, place: u32) {
        let low = word & !HIGHEST;
        let ascii = !word & HIGHEST;
        self.letters |= bits(within(low | (LOWEST << 5), b'a', b'z') & ascii) << place;
        let spaces = bits(within(low, b' ', b' ') & ascii) << place;
        self.spaces |= spaces;
        self.blanks |= spaces;
        // Of these most words have none.
        let digits = within(low, b'0', b'9') & ascii;
        if digits != 0 {
            self.digits |= bits(digits) << place;
        }
        let ends = within(low, b'\t', b'\r') & ascii;
        if ends != 0 {
            self.blanks |= bits(ends) << place;
        }
        if ascii != HIGHEST {
            self.high |= bits(word & HIGHEST) << place;
        }
    }
}

/// The highest bit of each byte of `low` that lies between two others, both included. All of them are
/// below 128, so that no sum runs over into the next byte.
const fn within(low: u64, from: u8, to: u8) -> u64 {
    let reaches = low + LOWEST * (0x80 - from as u64);
    let passes = low + LOWEST * (0x7f - to as u64);
    reaches & !passes & HIGHEST
}

/// The highest bits of eight bytes, side by side: each is multiplied to a place of its own in the top byte.
const fn bits(highest: u64) -> u64 {
    (highest >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_what_it_is_at_every_place() {
        for byte in 0..=255_u8 {
            for (length, place) in [(64, 0), (64, 7), (64, 63), (13, 12), (1, 0)] {
                let mut block = vec![b'!'; length];
                block[place] = byte;
                let kinds = Kinds::of(&block);
                let is = |mask: u64| mask >> place & 1 == 1;
                assert_eq!(is(kinds.letters), byte.is_ascii_alphabetic(), "{byte} at {place}");
                assert_eq!(is(kinds.digits), byte.is_ascii_digit(), "{byte} at {place}");
                assert_eq!(is(kinds.blanks), matches!(byte, b' ' | b'\t'..=b'\r'), "{byte} at {place}");
                assert_eq!(is(kinds.spaces), byte == b' ', "{byte} at {place}");
                assert_eq!(is(kinds.high), byte > 127, "{byte} at {place}");
                let all = kinds.letters | kinds.digits | kinds.blanks | kinds.signs | kinds.high;
                assert_eq!(all, u64::MAX >> (64 - length), "{byte} at {place}");
                let own = [kinds.letters, kinds.digits, kinds.blanks, kinds.signs, kinds.high];
                assert_eq!(own.into_iter().filter(|mask| is(*mask)).count(), 1, "{byte} at {place}");
            }
        }
    }
}
