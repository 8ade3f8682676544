//! What asks for a question, and the order in which a question is asked.

use crate::cache::semantic::words::{Kind, Token, begins, dictionary};

/// Words that ask, after which an introduction may be left out without a comma.
pub(super) const OPENERS: &[&str] = &[
    "am", "are", "can", "could", "define", "describe", "did", "do", "does", "explain", "give", "had", "has",
    "have", "how", "i", "is", "list", "may", "might", "should", "show", "tell", "was", "were", "what",
    "when", "where", "which", "who", "whose", "why", "will", "would", "write",
];

/// Words by which a question asks for something.
pub(super) const ASKING: &[&str] = &["how", "what", "when", "where", "which", "who", "whose", "why"];

/// Verbs that trade places with their subject in a question.
pub(super) const AUXILIARIES: &[&str] = &[
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "should", "was", "were",
    "will", "would",
];

/// Words before a phrase that may stand before or after its question.
const FRONTED: &[&str] = &[
    "after", "as", "at", "before", "by", "during", "for", "from", "if", "in", "on", "to", "under", "when",
    "with", "within", "without",
];

/// What asks for a question that comes after it, in the order of a statement.
const ASKS: &[&str] = &[
    "any idea",
    "anybody know",
    "anyone know",
    "anyone knows",
    "can anybody tell me",
    "can anyone tell me",
    "can i ask",
    "can someone tell me",
    "can you explain",
    "can you explain to me",
    "can you help me understand",
    "can you let me know",
    "can you please explain",
    "can you please tell me",
    "can you remind me",
    "can you tell me",
    "could i ask",
    "could someone tell me",
    "could you explain",
    "could you explain to me",
    "could you let me know",
    "could you please explain",
    "could you please tell me",
    "could you remind me",
    "could you tell me",
    "do you happen to know",
    "do you have any idea",
    "do you know",
    "does anybody know",
    "does anyone here know",
    "does anyone know",
    "does someone know",
    "explain",
    "explain to me",
    "got any idea",
    "have you any idea",
    "help me understand",
    "i am trying to find out",
    "i am trying to understand",
    "i am wondering",
    "i can not figure out",
    "i do not know",
    "i forgot",
    "i need to know",
    "i want to ask",
    "i want to know",
    "i want to understand",
    "i wanted to ask",
    "i wanted to know",
    "i was wondering",
    "i wonder",
    "i would like to ask",
    "i would like to know",
    "i would like to understand",
    "i would love to know",
    "just wondering",
    "let me know",
    "may i ask",
    "may i know",
    "please can you explain",
    "please can you tell me",
    "please could you explain",
    "please could you tell me",
    "please explain",
    "please let me know",
    "please tell me",
    "remind me",
    "tell me",
    "tell us",
    "wanted to ask",
    "wondering",
    "would you tell me",
];

/// Words that tell how much of something is asked, with *how* before them.
const MEASURES: &[&str] =
    &["big", "deep", "far", "fast", "high", "large", "long", "many", "much", "often", "old", "soon", "tall"];
/// Words that begin a thing.
const BEFORE_THINGS: &[&str] = &[
    "a", "an", "he", "her", "his", "i", "it", "its", "my", "our", "she", "the", "their", "they", "this",
    "we", "you", "your",
];
/// The most ways to read one question that stands in the order of a statement.
const MOST_READINGS: usize = 6;

/// Takes away what asks for a question, and gives that question its own order. Where that takes a verb
/// that the statement has not, there are several readings, of which one at most is a question.
pub(super) fn unwrapped(mut tokens: Vec<Token>) -> Vec<Vec<Token>> {
    let asks = |ask: &&str| {
        let count = begins(&tokens, ask)?;
        let next = tokens.get(count)?;
        let parted = next.kind == Kind::Comma || next.kind == Kind::Colon;
        let next = if parted { tokens.get(count + 1)? } else { next };
        let asks = next.is_in(ASKING) || next.is("if") || next.is("whether");
        asks.then_some(count + usize::from(parted))
    };
    if let Some(count) = begins(&tokens, "how come") {
        tokens.splice(..count, [Token::word("why")]);
    } else if let Some(count) = ASKS.iter().filter_map(asks).max() {
        tokens.drain(..count);
    } else {
        return vec![tokens];
    }
    while tokens.last().is_some_and(Token::parts) {
        tokens.pop();
    }
    readings(tokens)
}

/// *Where my parcel is* becomes *where is my parcel*, *if it is open* becomes *is it open*, and *how a bill
/// becomes law* becomes *how does a bill become law*.
fn readings(mut tokens: Vec<Token>) -> Vec<Vec<Token>> {
    let whether = tokens.first().is_some_and(|first| first.is("if") || first.is("whether"));
    let how_to = begins(&tokens, "how to").is_some();
    if how_to || tokens.get(1).is_some_and(|second| !whether && second.is_in(AUXILIARIES)) {
        return vec![tokens];
    }
    let found = tokens.iter().skip(2).position(|token| token.is_in(AUXILIARIES)).map(|at| at + 2);
    let Some(at) = found else { return with_verb(&tokens) };
    // A sentence of its own, or a relative clause, may hold the verb.
    let inner = |token: &Token| token.parts() || token.is_in(&["that", "which"]);
    if tokens.iter().take(at).skip(1).any(inner) {
        return vec![tokens];
    }
    let verb = tokens.remove(at);
    if whether {
        tokens.splice(..1, [verb]);
        return vec![tokens];
    }
    // *What a notary does* asks what he does do.
    if at == tokens.len() && verb.is_in(&["do", "does", "did"]) {
        tokens.push(Token::word("do"));
    }
    let measure = tokens.first().is_some_and(|first| first.is("how"))
        && tokens.get(1).is_some_and(|second| second.is_in(MEASURES));
    let thing = tokens.get(2).is_some_and(|third| third.is_in(BEFORE_THINGS));
    let kept =
        tokens.first().is_some_and(|first| first.is("which") || first.is("whose")) || measure && !thing;
    let place = if kept { at } else { 1 + usize::from(measure) };
    tokens.insert(place.min(tokens.len()), verb);
    vec![tokens]
}

/// A statement without a verb that could change places: as it stands, and with such a verb.
fn with_verb(tokens: &[Token]) -> Vec<Vec<Token>> {
    let second = tokens.get(1).is_some_and(|second| second.is_in(MEASURES));
    let how = tokens.first().is_some_and(|first| first.is("how"));
    let place = 1 + usize::from(how && second);
    let mut all = vec![tokens.to_vec()];
    let mut add = |verb: &str, change: Option<(usize, String)>| {
        let mut reading = tokens.to_vec();
        if let Some((at, word)) = change
            && let Some(token) = reading.get_mut(at)
        {
            token.text = word;
        }
        reading.insert(place, Token::word(verb));
        if all.len() < MOST_READINGS {
            all.push(reading);
        }
    };
    add("do", None);
    for (at, token) in tokens.iter().enumerate().skip(place + 1).filter(|(_, token)| token.kind == Kind::Word)
    {
        if let Some(base) = dictionary::singular(&token.text) {
            add("does", Some((at, base)));
        }
        if let Some(base) = dictionary::present(&token.text) {
            add("did", Some((at, base)));
        }
    }
    all
}

/// Puts a phrase from before the question behind it: *on trains, is there wifi* asks *is there wifi on trains*.
pub(super) fn front(tokens: &mut Vec<Token>) {
    let Some(comma) = tokens.iter().position(Token::parts) else { return };
    let Some(mark) = tokens.get(comma).map(|token| token.kind) else { return };
    let asks = tokens.get(comma + 1).is_some_and(|next| next.is_in(OPENERS));
    let first_is = |words: &[&str]| tokens.first().is_some_and(|first| first.is_in(words));
    if !asks || comma == 0 {
        return;
    }
    let phrase = mark == Kind::Comma && first_is(FRONTED);
    let topic = mark == Kind::Colon && comma == 1 && !first_is(OPENERS);
    if !phrase && !topic {
        return;
    }
    while tokens.last().is_some_and(Token::parts) {
        tokens.pop();
    }
    if tokens.iter().skip(comma + 1).any(|token| token.kind == Kind::Stop) {
        return;
    }
    let mut head: Vec<_> = tokens.drain(..=comma).collect();
    head.pop();
    if topic {
        tokens.push(Token::word("in"));
    }
    tokens.append(&mut head);
}
