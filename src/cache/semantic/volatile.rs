//! Questions whose answers change with the day, or lean on what was said before.

use super::words::{Token, begins};

/// What changes from day to day, or is to differ from answer to answer.
const VOLATILE: &[&str] = &[
    "ago",
    "again",
    "another",
    "anymore",
    "bitcoin",
    "breaking",
    "btc",
    "currently",
    "eth",
    "ethereum",
    "forecast",
    "forecasts",
    "headline",
    "headlines",
    "lately",
    "latest",
    "newest",
    "news",
    "now",
    "nowadays",
    "price",
    "prices",
    "pricing",
    "random",
    "randomly",
    "recent",
    "recently",
    "standings",
    "stocks",
    "today",
    "todays",
    "tomorrow",
    "tomorrows",
    "tonight",
    "tonights",
    "trending",
    "upcoming",
    "weather",
    "yesterday",
    "yesterdays",
];

/// What changes from day to day, in other languages.
const VOLATILE_ELSEWHERE: &[&str] = &[
    "aktuell",
    "aktuelle",
    "ahora",
    "aujourd'hui",
    "aujourdhui",
    "clima",
    "demain",
    "domani",
    "gestern",
    "heute",
    "hier",
    "hoje",
    "hoy",
    "jetzt",
    "maintenant",
    "mañana",
    "meteo",
    "météo",
    "morgen",
    "nachrichten",
    "noticias",
    "nu",
    "oggi",
    "vandaag",
    "wetter",
];

/// The same, said in several words.
const VOLATILE_PHRASES: &[&str] = &[
    "last year's",
    "this year's",
    "last month's",
    "last week's",
    "next year's",
    "today's",
    "tomorrow's",
    "yesterday's",
    "at the moment",
    "at present",
    "current",
    "date is it",
    "day is it",
    "exchange rate",
    "exchange rates",
    "how old is",
    "in stock",
    "last hour",
    "last month",
    "last night",
    "last season",
    "last week",
    "last year",
    "live score",
    "live scores",
    "next month",
    "next week",
    "next weekend",
    "next year",
    "so far",
    "something else",
    "surprise me",
    "stock market",
    "temperature in",
    "temperature outside",
    "the date",
    "the score",
    "the time in",
    "this afternoon",
    "this evening",
    "this month",
    "this morning",
    "this season",
    "this summer",
    "this week",
    "this weekend",
    "this winter",
    "this year",
    "time is it",
    "to date",
    "who is the president",
    "who is the prime minister",
    "who is president",
    "year is it",
];

/// What looks like one of those and is not.
const STEADY_PHRASES: &[&str] =
    &["alternating current", "current account", "current accounts", "direct current", "electric current"];

/// What leans on what was said before.
const CONTEXT: &[&str] = &[
    "above", "all", "both", "continue", "earlier", "else", "former", "he", "her", "hers", "him", "his", "it",
    "its", "latter", "no", "ok", "okay", "one", "ones", "previous", "same", "she", "that", "their", "them",
    "these", "they", "this", "those", "yes", "your",
];

/// Whether its answer changes with the day, or is to change.
pub(super) fn is_volatile(tokens: &[Token]) -> bool {
    let steady = |at: usize| {
        STEADY_PHRASES.iter().any(|phrase| {
            let count = phrase.split(' ').count();
            (at.saturating_sub(count - 1)..=at)
                .any(|from| tokens.get(from..).is_some_and(|rest| begins(rest, phrase).is_some()))
        })
    };
    (0..tokens.len()).any(|at| {
        let Some(rest) = tokens.get(at..) else { return false };
        let said = rest.first().is_some_and(|token| token.is_in(VOLATILE))
            || VOLATILE_PHRASES.iter().any(|phrase| begins(rest, phrase).is_some());
        said && !steady(at)
    })
}

/// Whether the answer to a question in another language changes with the day.
pub(super) fn is_volatile_elsewhere(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| token.is_in(VOLATILE_ELSEWHERE))
}

/// Whether it leans on what was said before.
pub(super) fn leans(tokens: &[Token]) -> bool {
    let begins = tokens
        .first()
        .is_some_and(|first| first.is_in(&["and", "but", "or", "so", "then", "also", "what", "how"]));
    let about = tokens.get(1).is_some_and(|second| second.is("about"));
    tokens.iter().any(|token| token.is_in(CONTEXT))
        || tokens.first().is_some_and(|first| first.is_in(&["and", "but", "or", "then", "also"]))
        || begins && about
}
