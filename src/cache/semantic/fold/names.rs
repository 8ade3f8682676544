//! Words that are names as well, and what the size of letters tells of them.

use super::asks::OPENERS;
use crate::cache::semantic::words::{Case, Kind, Token, dictionary};

/// Common words that are names too, where the size of their letters tells which.
const TWOFOLD: &[&str] = &[
    "access", "aids", "can", "amazon", "apple", "apples", "august", "bard", "bath", "bolt", "buffalo",
    "canvas", "cats", "chili", "china", "chrome", "co", "concord", "cork", "dart", "docs", "drive", "echo",
    "edge", "elixir", "excel", "express", "fire", "flask", "flutter", "forms", "friends", "frozen", "gap",
    "grace", "groups", "hope", "it", "jaguar", "jordan", "lotus", "maps", "march", "mark", "mars", "may",
    "mercury", "meet", "meta", "mint", "nest", "nice", "notes", "notion", "numbers", "office", "orange",
    "outlook", "pages", "photos", "pin", "polish", "rails", "reading", "ruby", "rust", "safari", "salt",
    "sheets", "shell", "signal", "slack", "slides", "spark", "spring", "square", "stripe", "subway",
    "surface", "swift", "target", "teams", "turkey", "unity", "us", "visa", "wales", "who", "will",
    "windows", "word", "words", "zoom",
];

/// Little words among the twofold that are names only in large letters.
const LITTLE: &[&str] = &["can", "it", "may", "us", "who", "will"];

/// What beside a twofold word tells that it is a name, however its letters are written.
const NAMED_BY_NEXT: &[(&str, &[&str])] = &[
    ("amazon", &["prime", "echo", "web", "account"]),
    ("apple", &["pay", "music", "watch", "tv", "store", "id", "card", "wallet"]),
    ("apple", &["account", "maps"]),
    ("office", &["365"]),
    ("square", &["enix"]),
    ("uber", &["eats"]),
    ("visa", &["debit", "card", "credit"]),
    ("windows", &["7", "8", "10", "11", "xp", "vista", "server", "update"]),
];

/// Words that many know, which are hardly ever anything but a name.
const NAMES_ALONE: &[&str] = &[
    "bible", "eastern", "google", "internet", "japan", "northern", "python", "southern", "twitter", "vim",
    "western",
];

/// Units of two letters, which in large letters are other words.
const UNITS: &[&str] =
    &["cl", "ha", "in", "ma", "mg", "mi", "mj", "mm", "ms", "mv", "mw", "nm", "ns", "pa", "pm", "pt"];

/// Who wrote in which letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hand {
    /// Large letters begin sentences and names.
    Careful,
    /// All letters are small, or all large, or each word begins large: they tell nothing.
    Careless,
}

/// So few words that all begin large may be a word and a name.
const FEW: usize = 3;

/// What the letters of a question tell of its hand.
pub(super) fn hand(tokens: &[Token]) -> Hand {
    let words: Vec<_> = tokens
        .iter()
        .filter(|token| token.kind == Kind::Word && !token.is("i"))
        .map(|token| token.case)
        .collect();
    let small = words.iter().filter(|case| **case == Case::Lower).count();
    let small_i = tokens.iter().any(|token| token.is("i") && token.case == Case::Lower);
    let large = small == 0 && words.len() > 1;
    // *Update Steam* is no heading yet.
    let few = words.len() <= FEW && words.contains(&Case::Title);
    if small == words.len() || large && !few || small_i { Hand::Careless } else { Hand::Careful }
}

/// Marks words that are names as well, by what their letters tell.
pub(super) fn mark(tokens: &mut [Token], hand: Hand) {
    let mut first = true;
    let mut after_the = false;
    let mut before = Kind::Stop;
    let named: Vec<_> = (0..tokens.len()).map(|at| is_named(tokens, at)).collect();
    for (token, named) in tokens.iter_mut().zip(named) {
        let little = token.is_in(LITTLE);
        let mark = match (hand, token.case) {
            _ if token.is("us") && after_the => "!",
            _ if named => "^",
            (Hand::Careful, Case::Upper) => "!",
            (Hand::Careful, Case::Title) if !first => "^",
            (Hand::Careful, Case::Lower) => "",
            (Hand::Careful | Hand::Careless, _) if little => "",
            (Hand::Careful | Hand::Careless, _) => "?",
        };
        after_the = token.is("the");
        let opening = first;
        first = matches!(token.kind, Kind::Stop | Kind::Colon);
        if token.is_in(TWOFOLD) {
            token.text.push_str(mark);
        } else if hand == Hand::Careful && !opening {
            token.name = told(token, before);
        }
        before = token.kind;
    }
    // An article stands before what it is of; else it is a letter.
    for at in 0..tokens.len() {
        let of = tokens
            .get(at + 1)
            .is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Number | Kind::Quote));
        if let Some(letter) = tokens.get_mut(at).filter(|token| token.is("a") && !of) {
            letter.name = "^";
        }
    }
}

/// What the letters of a word within a careful sentence tell, if it is none of the twofold.
fn told(token: &Token, before: Kind) -> &'static str {
    let word = token.text.strip_suffix("'s").unwrap_or(&token.text);
    if token.kind != Kind::Word || word == "i" || NAMES_ALONE.contains(&word) {
        return "";
    }
    let opens = before == Kind::Comma && token.is_in(OPENERS);
    match (token.case, word.chars().count()) {
        // *A minor* is no minor, and *5 M* are no meters.
        (Case::Title, 1) if token.is("a") || before == Kind::Number => "^",
        (Case::Title, 2) if !opens => "^",
        (Case::Title, 3..) if !opens && dictionary::is_common(word) => "^",
        (Case::Upper, 2) if token.is_in(UNITS) => "!",
        (Case::Upper, 3..) if dictionary::is_common(word) => "!",
        (Case::Lower | Case::Title | Case::Upper | Case::Odd, _) => "",
    }
}

/// Whether what stands beside a word tells that it is a name.
fn is_named(tokens: &[Token], at: usize) -> bool {
    let maker = at
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|before| before.is_in(&["adobe", "apple", "google", "microsoft", "ms"]));
    let next = tokens.get(at + 1).map(|next| next.text.as_str()).unwrap_or_default();
    let known = |(word, nexts): &(&str, &[&str])| {
        tokens.get(at).is_some_and(|token| token.is(word)) && nexts.contains(&next)
    };
    maker || NAMED_BY_NEXT.iter().any(known)
}
