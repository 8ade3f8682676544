//! Text in tokens: sensible prose of a wanted length, the same for the same prompt.

use std::sync::LazyLock;

/// Text with the places where its tokens end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// The whole text.
    pub text: String,
    ends: Vec<usize>,
}

const PLAIN: &str = "A gateway stands between the people who ask and the machines that answer, and its \
    first duty is to change nothing it was not told to change. It counts what passes, keeps what must \
    be kept, and lets the rest go by. When one road is closed it takes the next, and when all are \
    closed it says so plainly. Every token has an owner, every owner has a budget, and the sum of the \
    parts is the whole. That is why the numbers at the end of the month agree with the bill, and why \
    nobody has to guess.";

const WIDE: &str = "Grüße aus Zürich 🏔️ – the café serves naïve crêpes ☕ and 東京 の 天気 は 晴れ です。 \
    你好，世界！ 👩‍👩‍👧‍👦 families 🇨🇭 wave, Привет мир, שלום עולם, مرحبا بالعالم, 안녕하세요 세계 🎉 \
    and “quotes” with a back\\slash, a tab\tand 𝒎𝒂𝒕𝒉 symbols ≠ ≤ ∑.";

static PLAIN_WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| PLAIN.split_whitespace().collect());
static WIDE_WORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| WIDE.split(' ').filter(|word| !word.is_empty()).collect());

/// Which words prose is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// English.
    Plain,
    /// Emoji, CJK, right-to-left and characters that JSON escapes.
    Wide,
}

impl Pieces {
    /// An exact text, one token per word and none longer than about a dozen bytes.
    #[must_use]
    pub fn exact(text: String) -> Self {
        const LONGEST: usize = 12;
        let mut ends = Vec::with_capacity(text.len() / 5 + 1);
        let mut start = 0;
        let mut after_space = false;
        for (at, letter) in text.char_indices() {
            let space = letter.is_whitespace();
            // A token starts with its leading white space, as tokenizers have it.
            if at > start && ((space && !after_space) || at - start >= LONGEST) {
                ends.push(at);
                start = at;
            }
            after_space = space;
        }
        if text.len() > start {
            ends.push(text.len());
        }
        Self { text, ends }
    }

    /// `opening`, then prose, `tokens` tokens in all; `seed` picks where the prose starts.
    #[must_use]
    pub fn prose(opening: &str, seed: u64, tokens: usize, words: Words) -> Self {
        let vocabulary = match words {
            Words::Plain => &*PLAIN_WORDS,
            Words::Wide => &*WIDE_WORDS,
        };
        let skip = usize::try_from(seed % vocabulary.len().max(1) as u64).unwrap_or(0);
        let body = vocabulary.iter().copied().cycle().skip(skip);
        let mut pieces = Self { text: String::with_capacity(tokens * 6), ends: Vec::with_capacity(tokens) };
        for word in opening.split_ascii_whitespace().chain(body).take(tokens) {
            if !pieces.text.is_empty() {
                pieces.text.push(' ');
            }
            pieces.text.push_str(word);
            pieces.ends.push(pieces.text.len());
        }
        pieces
    }

    /// Prose of at least `bytes` bytes.
    #[must_use]
    pub fn big(bytes: usize, words: Words) -> Self {
        let mut pieces = Self::prose("", 0, bytes / 4 + 1, words);
        let enough = pieces.ends.partition_point(|end| *end < bytes) + 1;
        pieces.truncate(enough);
        pieces
    }

    /// How many tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let token = self.text.get(start..end).unwrap_or_default();
            start = end;
            token
        })
    }

    /// The text in runs of `count` tokens, each with how many it holds.
    pub fn runs(&self, count: usize) -> impl Iterator<Item = (&str, usize)> {
        let mut start = 0;
        self.ends.chunks(count.max(1)).map(move |run| {
            let end = run.last().copied().unwrap_or(start);
            let text = self.text.get(start..end).unwrap_or_default();
            start = end;
            (text, run.len())
        })
    }

    /// The text as a stream carries it: a token at a time, unless it is so long that the frames
    /// around the tokens would be many times its size.
    pub fn strides(&self) -> impl Iterator<Item = (&str, usize)> {
        const MOST_FRAMES: usize = 8192;
        self.runs(self.len() / MOST_FRAMES + 1)
    }

    /// Keeps the first `tokens` tokens.
    pub fn truncate(&mut self, tokens: usize) {
        self.ends.truncate(tokens);
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Keeps the first `bytes` bytes, a place where a character starts.
    pub fn cut(&mut self, bytes: usize) {
        self.text.truncate(bytes);
        self.ends.retain(|end| *end < bytes);
        if bytes > 0 {
            self.ends.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_the_wanted_tokens_and_repeats_itself() {
        let once = Pieces::prose("You asked about rain.", 7, 25, Words::Plain);
        assert_eq!(once.len(), 25);
        assert_eq!(once.iter().collect::<String>(), once.text);
        assert_eq!(once, Pieces::prose("You asked about rain.", 7, 25, Words::Plain));
    }

    #[test]
    fn exact_text_is_kept_to_the_byte() {
        for text in ["", "a", " a  b\n\nc ", "日本語のとても長いひとつづきのことば", "x{\"a\":1}"]
        {
            assert_eq!(Pieces::exact(text.to_owned()).iter().collect::<String>(), text);
        }
    }

    #[test]
    fn a_big_text_is_big_enough_and_not_much_more() {
        let text = Pieces::big(10_000, Words::Plain).text;
        assert!((10_000..10_020).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn runs_lose_nothing() {
        let pieces = Pieces::prose("", 3, 10, Words::Wide);
        assert_eq!(pieces.runs(4).map(|(text, _)| text).collect::<String>(), pieces.text);
        assert_eq!(pieces.runs(4).map(|(_, n)| n).collect::<Vec<_>>(), [4, 4, 2]);
    }
}
