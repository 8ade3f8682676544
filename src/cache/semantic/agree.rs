//! Whether two answers say the same, as far as their words and numbers tell.

use std::collections::BTreeSet;

/// Shorter words stand in every answer.
const SHORTEST: usize = 4;
/// Of so few words of weight every number counts.
const FEW: usize = 30;

/// Whether the answer that `safe` would have given agrees with the one that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// It does.
    Agreed,
    /// It does not.
    Differed,
}

impl Agreement {
    /// The name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Differed => "differed",
        }
    }
}

/// Whether two answers to what may be the same question agree: most of what the shorter one says the longer
/// one says, too, and its numbers. It is a measure for the shadow mode, which serves nothing by it.
#[must_use]
pub fn agree(one: &str, other: &str) -> bool {
    let (one, other) = (Said::of(one), Said::of(other));
    let (shorter, longer) = if one.words.len() <= other.words.len() { (one, other) } else { (other, one) };
    let numbers = shorter.numbers.intersection(&longer.numbers).count();
    let numbers_agree = if shorter.words.len() <= FEW {
        numbers == shorter.numbers.len().min(longer.numbers.len())
    } else {
        numbers * 2 >= shorter.numbers.len().min(longer.numbers.len())
    };
    let words = shorter.words.intersection(&longer.words).count();
    numbers_agree && words * 2 >= shorter.words.len()
}

struct Said {
    words: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

impl Said {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let number = |piece: &str| piece.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        let pieces = || {
            text.split(|c: char| !c.is_alphanumeric() && c != '.' && c != ',')
                .map(|piece| piece.trim_matches(['.', ',']))
                .filter(|piece| !piece.is_empty())
        };
        let numbers = pieces().filter(|piece| number(piece)).map(|piece| piece.replace(',', ""));
        let words = pieces().filter(|piece| !number(piece));
        let weighty: BTreeSet<String> =
            words.clone().filter(|word| word.chars().count() >= SHORTEST).map(str::to_owned).collect();
        // "No." has no word of weight.
        let words = if weighty.is_empty() { words.map(str::to_owned).collect() } else { weighty };
        Self { words, numbers: numbers.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::agree;

    #[test]
    fn answers_agree_in_words_and_numbers() {
        assert!(agree("Paris.", "The capital of France is Paris."));
        assert!(!agree("Paris.", "The capital of Italy is Rome."));
        assert!(agree("It has 1,200 seats.", "The hall has 1200 seats"));
        assert!(!agree("It has 1200 seats.", "It has 1300 seats."));
        assert!(!agree("No.", "Yes.") && agree("No", "No."));
        let go = "Go is a statically typed, compiled programming language designed at Google.";
        let also = "Go, designed at Google in 2009, is a compiled and statically typed programming language.";
        let rust = "Rust is a language that checks ownership of memory while it compiles a crate.";
        assert!(agree(go, also) && !agree(go, rust));
    }
}
