//! What is said out of politeness, and sounds of thinking.

use super::asks::OPENERS;
use crate::cache::semantic::words::{Kind, Token, begins, ends};

/// Greetings that a question may begin with.
const GREETINGS: &[&str] =
    &["good afternoon", "good evening", "good morning", "greetings", "hello", "hey", "hi", "hiya", "howdy"];

/// Whom a greeting may name.
const GREETED: &[&str] = &[
    "again",
    "ai",
    "all",
    "assistant",
    "bot",
    "buddy",
    "chatgpt",
    "claude",
    "everybody",
    "everyone",
    "folks",
    "friend",
    "gemini",
    "guys",
    "madam",
    "mate",
    "sir",
    "support",
    "team",
    "there",
];

/// What may stand before a question without changing it.
const INTRODUCTIONS: &[&str] = &[
    "er",
    "i mean",
    "basically",
    "q",
    "urgent",
    "help",
    "hey quick question",
    "my question is",
    "lol",
    "a question",
    "a quick one",
    "a quick question",
    "actually",
    "alright",
    "anyway",
    "excuse me",
    "here is a question",
    "here is my question",
    "hope you are doing well",
    "hope you are well",
    "i had a question",
    "i had a quick question",
    "i have a question",
    "i have a quick question",
    "i have got a question",
    "i have got a quick question",
    "i hope you are doing well",
    "i hope you are well",
    "just a question",
    "just a quick one",
    "just a quick question",
    "just curious",
    "just out of curiosity",
    "just wondering",
    "my question",
    "oh",
    "ok",
    "okay",
    "one question",
    "one quick question",
    "out of curiosity",
    "please",
    "question",
    "quick one",
    "quick question",
    "quickly",
    "right",
    "so",
    "sorry",
    "sorry to bother you",
    "well",
    "yeah",
    "yep",
    "yes",
];

/// What may stand after a question without changing it, beyond a full stop.
const CLOSINGS: &[&str] = &[
    "please advise",
    "help",
    "lol",
    "thank u",
    "tia",
    "ty",
    "xx",
    "any help appreciated",
    "any help is appreciated",
    "any help would be appreciated",
    "any ideas",
    "appreciate it",
    "best",
    "best regards",
    "cheers",
    "cheers mate",
    "i appreciate it",
    "kind regards",
    "let me know",
    "many thanks",
    "much appreciated",
    "please and thank you",
    "please help",
    "please let me know",
    "regards",
    "ta",
    "thank you",
    "thank you in advance",
    "thank you so much",
    "thank you very much",
    "thanks",
    "thanks a lot",
    "thanks again",
    "thanks in advance",
    "thanks so much",
    "thanks very much",
];

/// Sounds of thinking.
const SOUNDS: &[&str] = &["erm", "hm", "hmm", "hmmm", "uh", "uhh", "uhm", "um", "umm"];

/// Takes off what is said out of politeness, and sounds of thinking.
pub(super) fn strip(tokens: &mut Vec<Token>) {
    sounds(tokens);
    stammers(tokens);
    feelings(tokens);
    loop {
        let parts = tokens.iter().take_while(|token| token.parts()).count();
        tokens.drain(..parts);
        let Some(count) = greeting(tokens).or_else(|| introduction(tokens)) else { break };
        tokens.drain(..count);
    }
    loop {
        while tokens.last().is_some_and(Token::parts) {
            tokens.pop();
        }
        let closing = CLOSINGS.iter().filter_map(|closing| ends(tokens, closing)).max();
        let Some(from) = closing.and_then(|count| tokens.len().checked_sub(count)) else { break };
        let apart = from.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(Token::parts);
        if !apart {
            break;
        }
        tokens.truncate(from);
    }
    // `can you please tell`, `could i please have`
    let polite = tokens.iter().enumerate().skip(2).find(|(at, token)| {
        token.is("please")
            && tokens.get(at - 2).is_some_and(|verb| verb.is_in(&["can", "could", "would", "will", "may"]))
    });
    if let Some(at) = polite.map(|(at, _)| at) {
        tokens.remove(at);
    }
}

fn greeting(tokens: &[Token]) -> Option<usize> {
    let mut count = GREETINGS.iter().filter_map(|greeting| begins(tokens, greeting)).max()?;
    if tokens.get(count).is_some_and(|token| token.is_in(GREETED)) {
        count += 1;
    }
    let next = tokens.get(count)?;
    (next.parts() || next.is_in(OPENERS) || introduction(tokens.get(count..)?).is_some()).then_some(count)
}

fn introduction(tokens: &[Token]) -> Option<usize> {
    let count = INTRODUCTIONS.iter().filter_map(|words| begins(tokens, words)).max()?;
    let next = tokens.get(count)?;
    (next.parts() || next.is_in(OPENERS) || greeting(tokens.get(count..)?).is_some()).then_some(count)
}

/// Takes away sounds of thinking, but for those that are asked about, such as in *what is um in German*.
fn sounds(tokens: &mut Vec<Token>) {
    const BEFORE_WORDS: &[&str] =
        &["a", "an", "and", "are", "between", "does", "is", "of", "or", "say", "the", "use", "was", "with"];
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let asked = before.is_some_and(|before| before.is_in(BEFORE_WORDS));
        let sound = tokens.get(at).is_some_and(|token| token.is_in(SOUNDS) && token.name.is_empty());
        if sound && !asked {
            tokens.remove(at);
        } else {
            at += 1;
        }
    }
}

/// Takes away little words that are said twice in a row.
fn stammers(tokens: &mut Vec<Token>) {
    const LITTLE: &[&str] = &["how", "i", "a", "an", "what", "my", "of", "to", "where", "when", "why"];
    tokens.dedup_by(|later, earlier| later.is_in(LITTLE) && later.text == earlier.text);
}

/// Takes away little pictures behind the end of a question, which say only how one feels. Before its end
/// they may be what it asks about.
fn feelings(tokens: &mut Vec<Token>) {
    let pictures = tokens.iter().rev().take_while(|token| is_picture(token)).count();
    let words = tokens.len() - pictures;
    let ended = words.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|end| end.kind == Kind::Stop);
    if ended {
        tokens.truncate(words);
    }
}

/// Whether it is a little picture.
fn is_picture(token: &Token) -> bool {
    token.kind == Kind::Sign
        && token.text.chars().all(
            |c| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}'),
        )
}
