//! The thing that is asked about, in one shape.

use crate::cache::semantic::words::{Case, Kind, Token, begins, dictionary, lists, plurals};

/// A thing of so many words says by its article whether one, any or a certain one is meant.
const SHORT_THING: usize = 2;

/// What one does to many at once, whose name is then not that of one: games, illnesses, what is worn.
const OF_MANY: &[&str] =
    &["claim", "cure", "get", "have", "heal", "play", "put", "read", "show", "take", "treat", "wear"];

/// Gives the thing that is asked about one shape: *Australia's capital* is *the capital of Australia*,
/// *the password for guests* the *guest password*, and *monads* are *a monad*.
pub(super) fn shape(tokens: &mut Vec<Token>) {
    if !tokens.first().is_some_and(|first| first.is("about")) {
        plurals(tokens);
        return;
    }
    let number = if tokens.len() > 1 { tokens.remove(1).text } else { String::new() };
    if let Some(owner) =
        tokens.iter().position(|token| token.text.ends_with("'s")).filter(|at| (1..=3).contains(at))
        && owner + 1 < tokens.len()
        && !tokens.iter().any(|token| token.is("of"))
    {
        let mut name: Vec<_> = tokens.drain(1..=owner).collect();
        if let Some(last) = name.last_mut() {
            last.text.truncate(last.text.len() - 2);
        }
        tokens.push(Token::word("of"));
        tokens.append(&mut name);
    }
    let last = tokens.len().saturating_sub(1);
    if (3..=6).contains(&last)
        && tokens.get(last - 1).is_some_and(|token| token.is("for"))
        && !tokens.iter().any(|token| token.is("of"))
        && let Some(whose) = tokens.last().and_then(|last| dictionary::singular(&last.text))
    {
        tokens.truncate(last - 1);
        let at = 1 + usize::from(tokens.get(1).is_some_and(|token| token.is_in(&["the", "a", "an"])));
        tokens.insert(at, Token::word(&whose));
    }
    let article = tokens.get(1).filter(|token| token.is_in(&["a", "an", "the"]) && token.name.is_empty());
    let article = article.map(|token| token.text.clone());
    let from = 1 + usize::from(article.is_some());
    if tokens.len() - from.min(tokens.len()) > SHORT_THING {
        return;
    }
    let named = tokens
        .get(from)
        .is_some_and(|token| token.is_in(&["us!", "uk", "eu", "internet", "moon", "sun", "earth", "web"]));
    let plural = tokens.last().filter(|last| last.kind == Kind::Word && !last.is_in(plurals::NO_PLURAL));
    let plural = plural.filter(|last| last.case == Case::Lower && number != "1" && article.is_none());
    let one = plural.and_then(|last| {
        // Of what is no English word the verb alone tells that it is many.
        let many = || last.text.strip_suffix('s').filter(|_| number == "*" && !dictionary::knows(&last.text));
        dictionary::singular(&last.text).or_else(|| many().map(str::to_owned))
    });
    let class = match (article.as_deref(), one) {
        (Some("the"), _) if !named => "the ",
        (Some("a" | "an"), _) => "any ",
        (_, Some(one)) => {
            if let Some(last) = tokens.last_mut() {
                last.text = one;
            }
            "any "
        }
        _ => "",
    };
    if article.is_some() {
        tokens.remove(1);
    }
    if let Some(first) = tokens.get_mut(1) {
        first.text.insert_str(0, class);
    }
}

/// *How do I boil eggs* asks how to boil an egg: a plural that nothing before it counts or points at.
fn plurals(tokens: &mut [Token]) {
    let verb = tokens.get(3).is_some_and(|verb| !verb.is_in(OF_MANY));
    if begins(tokens, "how do i").is_none() || !verb {
        return;
    }
    for at in 4..tokens.len() {
        let pointed = at.checked_sub(2).and_then(|from| tokens.get(from..at)).is_some_and(|before| {
            before.iter().any(|token| {
                token.kind != Kind::Word
                    || token.text.ends_with("'s")
                    || token.is_in(&[
                        "the",
                        "my",
                        "our",
                        "your",
                        "his",
                        "her",
                        "their",
                        "its",
                        "all",
                        "some",
                        "any",
                        "both",
                        "many",
                        "few",
                        "several",
                        "these",
                        "those",
                        "multiple",
                        "no",
                        "every",
                        "more",
                        "most",
                        "other",
                        "different",
                        "between",
                        "and",
                        "or",
                        "of",
                        "two",
                    ])
            })
        });
        if !pointed
            && let Some(token) = tokens.get_mut(at)
            && token.kind == Kind::Word
            && token.case == Case::Lower
            && !token.is_in(plurals::NO_PLURAL)
            && let Some(one) = dictionary::singular(&token.text)
        {
            token.text = one;
        }
    }
}

/// Leaves articles out where they tell nothing.
pub(super) fn leave_articles(tokens: &mut Vec<Token>) {
    let mut at = 0;
    while at < tokens.len() {
        let article =
            tokens.get(at).is_some_and(|token| token.is_in(&["a", "an", "the"]) && token.name.is_empty());
        let next = tokens.get(at + 1);
        let tells = next.is_none_or(|next| next.is_in(lists::KEEP_ARTICLE) || next.kind == Kind::Number);
        if article && !tells {
            tokens.remove(at);
        } else {
            at += 1;
        }
    }
}
