//! Numbers in words become digits.

use super::text::{Kind, Token};

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const LARGE: [(&str, u64); 4] =
    [("hundred", 100), ("thousand", 1_000), ("million", 1_000_000), ("billion", 1_000_000_000)];

fn small(token: &Token) -> Option<u64> {
    let at = SMALL.iter().position(|word| token.is(word))?;
    u64::try_from(at).ok()
}

fn ten(token: &Token) -> Option<u64> {
    let at = TENS.iter().position(|word| token.is(word))?;
    u64::try_from(at + 2).ok()?.checked_mul(10)
}

fn large(token: &Token) -> Option<u64> {
    LARGE.iter().find(|(word, _)| token.is(word)).map(|(_, times)| *times)
}

/// A whole number at the head of `tokens`, and how many of them it takes.
fn number(tokens: &[Token]) -> Option<(u64, usize)> {
    let first = tokens.first()?;
    let (mut value, mut taken) = match first.kind {
        Kind::Number => (first.text.parse().ok().filter(|_| !first.text.starts_with('0'))?, 1),
        _ => match ten(first) {
            Some(tens) => match tokens.get(1).and_then(small).filter(|ones| (1..10).contains(ones)) {
                Some(ones) => (tens + ones, 2),
                None => (tens, 1),
            },
            None => (small(first)?, 1),
        },
    };
    while let Some(times) = tokens.get(taken).and_then(large) {
        value = u64::checked_mul(value, times)?;
        taken += 1;
    }
    Some((value, taken))
}

/// Writes all numbers of `tokens` in digits. *One* stays in *no one* and *which one*.
pub(in crate::cache::semantic) fn digits(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at < tokens.len() {
        let named = at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|before| {
            before.is_in(&[
                "no", "any", "every", "some", "which", "each", "this", "that", "the", "another", "only",
            ])
        });
        let lone = tokens.get(at).is_some_and(|token| token.is("one")) && (named || at + 1 == tokens.len());
        if !lone && let Some((value, taken)) = tokens.get(at..).and_then(number) {
            let number = Token { kind: Kind::Number, text: value.to_string(), ..Token::word("") };
            tokens.splice(at..at + taken, [number]);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tokens;
    use super::*;

    fn said(text: &str) -> String {
        let mut tokens = tokens(text).unwrap();
        digits(&mut tokens);
        tokens.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_in_words_are_numbers() {
        assert_eq!(said("fifteen percent of two hundred"), "15 percent of 200");
        assert_eq!(said("twenty-one days, 5 thousand, 1,000 and 007"), "21 days , 5000 , 1000 and 007");
        assert_eq!(said("no one, which one"), "no one , which one");
        assert_eq!(said("2.5 million"), "2.5 million");
    }
}
