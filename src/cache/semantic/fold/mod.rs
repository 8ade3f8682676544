//! Folds a question into the form that all ways of asking it share.
//!
//! Only what cannot change the answer goes: courtesies, the way of asking, articles, spelling. Every
//! other word stays, in its place, so that a negation, a number, a name, an order or a unit more or
//! less makes another form.

mod asks;
mod courtesy;
mod forms;
mod names;
mod things;

use names::Hand;

use super::words::{self, Case, Kind, Token, dictionary, ends, lists, numbers};
use super::{Turn, Unfit, volatile};

/// The most forms that a question with misspelt words may have; more are none.
const MOST_FORMS: usize = 8;
/// The most words that are mended in one question.
const MOST_MENDED: usize = 4;
/// The most words that nobody knows for which a likely one is looked for, which takes its time.
const MOST_LOOKED_UP: usize = 2 * MOST_MENDED;
/// How many of a question's words must be English, of ten.
const ENGLISH_OF_TEN: usize = 5;

/// The forms under which a question may be found: as it is written, then with misspelt words mended.
///
/// # Errors
/// No other way of asking may be taken for this question.
pub(super) fn fold(question: &str, turn: Turn) -> Result<Vec<String>, Unfit> {
    let mut tokens = words::tokens(question)?;
    let hand = names::hand(&tokens);
    names::mark(&mut tokens, hand);
    open(&mut tokens);
    let mut looked_up = 0;
    let known: Vec<_> = tokens.iter().map(|token| known(token, &mut looked_up)).collect();
    if tokens.iter().any(|token| token.is_in(lists::ABOUT_WORDS)) || !is_english(&tokens, &known) {
        return plain(question, &tokens, turn).map(|form| vec![form]);
    }
    let mut found = Vec::new();
    for tokens in mended(&tokens, &known, hand) {
        for form in fold_one(tokens, turn)? {
            if !found.contains(&form) && found.len() < MOST_FORMS {
                found.push(form);
            }
        }
    }
    Ok(found)
}

/// The form of a question in another language, or about words: as it stands, but for blanks and for
/// marks at its end that say the same twice. Whether it leans on something cannot be told.
fn plain(question: &str, tokens: &[Token], turn: Turn) -> Result<String, Unfit> {
    if volatile::is_volatile(tokens) || volatile::is_volatile_elsewhere(tokens) {
        return Err(Unfit::Volatile);
    }
    if turn == Turn::Later {
        return Err(Unfit::Context);
    }
    let words: Vec<_> = question.split_whitespace().collect();
    let text = words.join(" ");
    let bare = text.trim_end_matches(['?', '!', '.', ' ', '\u{2026}']);
    let asks = text.get(bare.len()..).is_some_and(|marks| marks.contains('?'));
    if words.len() < 2 || bare.is_empty() {
        return Err(Unfit::Vague);
    }
    let mut letters = bare.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_lowercase).collect();
    // The sign stands in no form of an English question.
    Ok(format!("= {first}{}{}", letters.as_str(), if asks { "?" } else { "" }))
}

/// What is known of a piece.
enum Known {
    /// It is an English word, or says nothing of its language.
    Well,
    /// It is none, but may be meant to be one of these.
    Misspelt(Vec<String>),
    /// It is none.
    Not,
}

fn known(token: &Token, looked_up: &mut usize) -> Known {
    let word = token.text.trim_end_matches(['!', '^', '?']);
    if token.kind != Kind::Word || dictionary::knows(word.strip_suffix("'s").unwrap_or(word)) {
        return Known::Well;
    }
    *looked_up += 1;
    if *looked_up > MOST_LOOKED_UP {
        return Known::Not;
    }
    let meant = dictionary::meant(word);
    if meant.is_empty() { Known::Not } else { Known::Misspelt(meant) }
}

/// Whether it is English, as far as its words are any language's.
fn is_english(tokens: &[Token], known: &[Known]) -> bool {
    let (mut words, mut english, mut foreign) = (0, 0, 0);
    for (token, known) in tokens.iter().zip(known).filter(|(token, _)| token.kind == Kind::Word) {
        let is_known = !matches!(known, Known::Not);
        // A name is of no language, and neither are two letters.
        let name = token.text.len() <= 2 || matches!(token.case, Case::Upper | Case::Odd) && !is_known;
        if !name {
            words += 1;
            english += usize::from(is_known);
            foreign += usize::from(!token.text.is_ascii());
        }
    }
    english * 10 >= words * ENGLISH_OF_TEN && foreign <= 1
}

/// Writes short forms out, and words that are spelt in several ways in one.
fn open(tokens: &mut Vec<Token>) {
    let compares = compares(tokens);
    let mut at = 0;
    while let Some(token) = tokens.get_mut(at) {
        at += 1;
        if token.kind != Kind::Word {
            continue;
        }
        let small = token.case != Case::Upper && !compares;
        if let Some(word) = look_up(lists::SPELLINGS, &token.text).filter(|_| small) {
            word.clone_into(&mut token.text);
        } else if let Some(word) = dictionary::american(&token.text).filter(|_| !compares) {
            token.text = word;
        }
        let whole = look_up(lists::CONTRACTIONS, &token.text).map(str::to_owned);
        let ending = || {
            let (ending, long) = lists::ENDINGS.iter().find(|(ending, _)| token.text.ends_with(ending))?;
            Some(format!("{} {long}", token.text.strip_suffix(ending)?))
        };
        if let Some(long) = whole.or_else(ending) {
            tokens.splice(at - 1..at, long.split(' ').map(Token::word));
        } else if token.text.contains('\'') && !token.text.ends_with("'s") {
            token.text.retain(|c| c != '\'');
        }
    }
}

/// Whether it asks how two things differ, which may be two spellings or two words for the same.
fn compares(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| {
        token.is_in(&["compare", "differ", "difference", "differences", "different", "vs", "versus"])
    })
}

/// What a list has for a word.
fn look_up(list: &'static [(&str, &str)], word: &str) -> Option<&'static str> {
    list.iter().find(|(from, _)| *from == word).map(|(_, to)| *to)
}

/// The question as it is written, and with each misspelt word as each word that it may have meant.
fn mended(tokens: &[Token], known: &[Known], hand: Hand) -> Vec<Vec<Token>> {
    let mut all = vec![tokens.to_vec()];
    let between = tokens.iter().position(|token| token.is("between")).unwrap_or(tokens.len());
    let mut slips = 0;
    let mut whole = vec![tokens.to_vec()];
    for (at, (token, known)) in tokens.iter().zip(known).enumerate().take(between) {
        let name = hand == Hand::Careful && token.case != Case::Lower && at > 0;
        let Known::Misspelt(meant) = known else { continue };
        if name {
            continue;
        }
        slips += 1;
        if slips > MOST_MENDED || whole.len() * meant.len() > MOST_FORMS {
            return all;
        }
        let write = |question: &Vec<Token>, word: &str| {
            let mut question = question.clone();
            if let Some(token) = question.get_mut(at) {
                word.clone_into(&mut token.text);
            }
            question
        };
        whole = whole
            .iter()
            .flat_map(|one| meant.iter().map(|word| write(one, word)).collect::<Vec<_>>())
            .collect();
    }
    if slips > 0 {
        all.append(&mut whole);
    }
    all
}

/// The forms of a question whose words are taken as they are: one, or one a reading.
fn fold_one(mut tokens: Vec<Token>, turn: Turn) -> Result<Vec<String>, Unfit> {
    courtesy::strip(&mut tokens);
    if volatile::is_volatile(&tokens) {
        return Err(Unfit::Volatile);
    }
    if turn == Turn::Later && volatile::leans(&tokens) {
        return Err(Unfit::Context);
    }
    asks::front(&mut tokens);
    asks::unwrapped(tokens).into_iter().map(|tokens| form(tokens, turn)).collect()
}

/// The form of one reading of a question.
fn form(mut tokens: Vec<Token>, turn: Turn) -> Result<String, Unfit> {
    tokens.retain(|token| token.kind != Kind::Comma && token.kind != Kind::Colon);
    if !compares(&tokens) {
        join(&mut tokens);
    }
    forms::unify(&mut tokens);
    for ending in ["please", "to me", "for me"] {
        let dative = ending == "please" || tokens.first().is_some_and(|first| first.is("about"));
        if dative && let Some(count) = ends(&tokens, ending) {
            tokens.truncate(tokens.len() - count);
        }
    }
    numbers::digits(&mut tokens);
    things::shape(&mut tokens);
    things::leave_articles(&mut tokens);
    if !compares(&tokens) {
        same(&mut tokens);
    }
    let asks = tokens.first().is_some_and(|first| first.is("about"));
    let words = tokens.iter().filter(|token| !token.parts()).count();
    if words < 2 || (turn == Turn::Later && words < if asks { 4 } else { 3 }) {
        return Err(Unfit::Vague);
    }
    Ok(spoken(&tokens))
}

/// What stands in the form: the words, and behind names that are words, too, that they are names.
fn spoken(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&token.text);
        text.push_str(token.name);
    }
    text
}

/// Writes words that mean the same as one; not names, and not where both are in the question, which then
/// asks of their difference.
fn same(tokens: &mut [Token]) {
    let said: Vec<_> = tokens.iter().map(|token| token.text.clone()).collect();
    for token in tokens.iter_mut().filter(|token| token.kind == Kind::Word && token.name.is_empty()) {
        if let Some(same) =
            look_up(lists::SAME, &token.text).filter(|same| !said.iter().any(|one| one == same))
        {
            same.clone_into(&mut token.text);
        }
    }
}

/// Writes as one word what is written as several, too.
fn join(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at < tokens.len() {
        let joined = tokens.get(at..).and_then(|rest| {
            lists::JOINED.iter().find_map(|(from, to)| Some((words::begins(rest, from)?, *to)))
        });
        if let Some((count, to)) = joined {
            tokens.splice(at..at + count, to.split(' ').map(Token::word));
        }
        at += 1;
    }
}
