//! The forms of questions: which ways of asking ask the same.

use super::asks::{ASKING, AUXILIARIES};
use crate::cache::semantic::words::{Kind, Token, begins, dictionary, ends};

/// What must follow a way of asking for it to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Anything.
    Any,
    /// A verb in *-ing*, which becomes its base.
    Gerund,
    /// A thing, not another question.
    Thing,
    /// One of these words, which stays.
    One(&'static [&'static str]),
    /// Any other word, which stays.
    But(&'static [&'static str]),
}

/// A way of asking, and the one that stands for it.
struct Form {
    from: &'static str,
    next: Next,
    to: &'static str,
}

const fn any(from: &'static str, to: &'static str) -> Form {
    Form { from, next: Next::Any, to }
}

const fn gerund(from: &'static str, to: &'static str) -> Form {
    Form { from, next: Next::Gerund, to }
}

const fn thing(from: &'static str, to: &'static str) -> Form {
    Form { from, next: Next::Thing, to }
}

/// Whom one speaks to, in whichever way one asks for it.
const REACH: Next = Next::One(&[
    "ask", "call", "complain", "contact", "email", "notify", "phone", "report", "speak", "talk", "tell",
]);
/// Things that anyone does in the same way, so that *you* is nobody.
const ANYONE: Next = Next::One(&[
    "bake",
    "boil",
    "calculate",
    "compute",
    "convert",
    "cook",
    "declare",
    "draw",
    "fold",
    "fry",
    "grill",
    "install",
    "knit",
    "make",
    "measure",
    "peel",
    "play",
    "poach",
    "prune",
    "reverse",
    "roast",
    "sew",
    "solve",
    "sort",
    "tie",
]);
/// What *what are* asks of somebody, not about something.
const WHO_IS_MEANT: &[&str] = &["you", "they", "we"];

/// The forms, tried from the first to the last until none fits; where two begin alike the longer stands first.
const FORMS: &[Form] = &[
    // Somebody is asked to do it.
    any("would you be able to", ""),
    any("would you be so kind as to", ""),
    any("are you able to", ""),
    any("can you please", ""),
    any("can you kindly", ""),
    any("can you help me to", ""),
    any("could you please", ""),
    any("could you kindly", ""),
    any("would you please", ""),
    any("will you please", ""),
    gerund("would you mind", ""),
    any("can you", ""),
    any("could you", ""),
    any("would you kindly", ""),
    any("i want you to", ""),
    any("i need you to", ""),
    any("i would like you to", ""),
    any("please", ""),
    any("kindly", ""),
    // How it is done.
    any("how can i", "how do i"),
    Form { from: "how could i", next: ANYONE, to: "how do i" },
    Form { from: "how would i", next: ANYONE, to: "how do i" },
    Form { from: "how might i", next: ANYONE, to: "how do i" },
    any("how does one", "how do i"),
    any("how can one", "how do i"),
    gerund("how do i go about", "how do i"),
    any("how to", "how do i"),
    Form { from: "how do you", next: ANYONE, to: "how do i" },
    any("explain to me how to", "how do i"),
    any("explain how to", "how do i"),
    any("show me how to", "how do i"),
    any("show me how i can", "how do i"),
    any("teach me how to", "how do i"),
    any("tell me how to", "how do i"),
    any("what is the way to", "how do i"),
    any("what is a way to", "how do i"),
    any("what are the steps to", "how do i"),
    gerund("what are the steps for", "how do i"),
    gerund("what are the steps involved in", "how do i"),
    any("what steps do i take to", "how do i"),
    any("what steps do i need to take to", "how do i"),
    any("what do i need to do to", "how do i"),
    any("what do i have to do to", "how do i"),
    gerund("what is the process for", "how do i"),
    gerund("what is the process of", "how do i"),
    any("what is the process to", "how do i"),
    gerund("what is the procedure for", "how do i"),
    any("what is the procedure to", "how do i"),
    gerund("what is the method for", "how do i"),
    any("is there a way to", "how do i"),
    any("is there a way for me to", "how do i"),
    any("is there a way i can", "how do i"),
    any("is there any way to", "how do i"),
    any("is there any way i can", "how do i"),
    // Whether one can.
    Form { from: "could i", next: Next::But(&["be", "have"]), to: "can i" },
    any("may i", "can i"),
    any("am i able to", "can i"),
    any("will i be able to", "can i"),
    any("would i be able to", "can i"),
    any("is it possible for me to", "can i"),
    any("is it possible to", "can i"),
    any("would it be possible for me to", "can i"),
    any("would it be possible to", "can i"),
    any("do i have to", "do i need to"),
    any("must i", "do i need to"),
    any("is it necessary to", "do i need to"),
    any("is it necessary for me to", "do i need to"),
    // Whom and where.
    Form { from: "who should i", next: REACH, to: "who do i" },
    Form { from: "who can i", next: REACH, to: "who do i" },
    any("where can i", "where do i"),
    any("where could i", "where do i"),
    // What it is.
    any("what city is the capital of", "what is capital of"),
    any("which city is the capital of", "what is capital of"),
    thing("what exactly is", "what is"),
    thing("what exactly are", "what are"),
    thing("tell me about", "about"),
    thing("tell me a bit about", "about"),
    thing("tell me a little about", "about"),
    thing("tell me something about", "about"),
    thing("give me an overview of", "about"),
    thing("give me some information about", "about"),
    thing("give me some information on", "about"),
    thing("give me information about", "about"),
    thing("give me information on", "about"),
    thing("i want to know about", "about"),
    thing("i would like to know about", "about"),
    thing("i want to learn about", "about"),
    thing("what do you know about", "about"),
    thing("what can you tell me about", "about"),
    thing("explain to me", "about"),
    thing("explain", "about"),
    // Who made it.
    any("who is the author of", "who wrote"),
    any("who was the author of", "who wrote"),
    any("who is the inventor of", "who invented"),
    any("who was the inventor of", "who invented"),
];

/// Wishes that a question follows, and the questions that then stand for *how*.
const WISHES: &[&str] =
    &["i want to", "i would like to", "i need to", "i wish to", "i am trying to", "i am looking to"];
const HOW_THEN: &[&str] = &[
    "how do i do that",
    "how do i do this",
    "how do i do it",
    "how do i go about it",
    "how do i go about that",
    "how do i go about this",
    "how can i do that",
    "how can i do this",
    "how can i do it",
    "what steps do i take",
    "what do i need to do",
    "how do i",
    "how can i",
];

/// Gives a question the form that stands for all that ask the same.
pub(super) fn unify(tokens: &mut Vec<Token>) {
    wish(tokens);
    // Each form takes something away or is the last of its kind, so that this ends; the bound is for
    // those who add forms.
    for _ in 0..4 {
        if !FORMS.iter().any(|form| apply(form, tokens)) {
            break;
        }
    }
    which(tokens);
    cost(tokens);
    needed(tokens);
    taken(tokens);
    if begins(tokens, "how many").is_some()
        && let Some(at) = (0..tokens.len())
            .find(|&at| tokens.get(at..).is_some_and(|rest| begins(rest, "are there").is_some()))
    {
        tokens.remove(at + 1);
    }
    if begins(tokens, "what are").is_some() && !tokens.get(2).is_some_and(|next| next.is_in(WHO_IS_MEANT)) {
        tokens.splice(..2, [Token::word("about"), Token::word("*")]);
    } else if begins(tokens, "what is").is_some() {
        tokens.splice(..2, [Token::word("about"), Token::word("1")]);
    } else if begins(tokens, "about").is_some() {
        tokens.insert(1, Token::word("?"));
    } else if is_bare_thing(tokens) {
        tokens.splice(..0, [Token::word("about"), Token::word("?")]);
    }
}

/// *I want to X, how do I do that?* asks how to X.
fn wish(tokens: &mut Vec<Token>) {
    let Some(head) = WISHES.iter().find_map(|wish| begins(tokens, wish)) else { return };
    let Some(tail) = HOW_THEN.iter().filter_map(|then| ends(tokens, then)).max() else { return };
    if head + tail < tokens.len() {
        tokens.truncate(tokens.len() - tail);
        while tokens.last().is_some_and(Token::parts) {
            tokens.pop();
        }
        tokens.splice(..head, ["how", "do", "i"].map(Token::word));
    }
}

fn apply(form: &Form, tokens: &mut Vec<Token>) -> bool {
    let Some(count) = begins(tokens, form.from) else { return false };
    let Some(next) = tokens.get(count) else { return false };
    let fits = match form.next {
        Next::Any => next.kind == Kind::Word,
        Next::Thing => {
            !next.is_in(ASKING) && !next.is_in(&["if", "whether", "this", "that", "it", "your", "yourself"])
        }
        Next::One(words) => next.is_in(words),
        Next::But(words) => next.kind == Kind::Word && !next.is_in(words),
        Next::Gerund => match dictionary::base(&next.text) {
            Some(base) => {
                if let Some(next) = tokens.get_mut(count) {
                    *next = Token::word(&base);
                }
                true
            }
            None => false,
        },
    };
    if fits {
        tokens.splice(..count, form.to.split(' ').filter(|word| !word.is_empty()).map(Token::word));
    }
    fits
}

/// *Which colour* asks what *what colour* does.
fn which(tokens: &mut [Token]) {
    let thing = tokens.get(1).is_some_and(|next| {
        next.kind == Kind::Word
            && !next.is_in(&["is", "are", "of", "one", "ones", "was", "were", "do", "does", "to"])
    });
    if thing
        && let Some(first) = tokens.first_mut()
        && first.is("which")
    {
        *first = Token::word("what");
    }
}

/// *How much does X cost* asks what X costs.
fn cost(tokens: &mut Vec<Token>) {
    let count =
        ["how much does", "how much do", "what does", "what do"].iter().find_map(|ask| begins(tokens, ask));
    let Some(count) = count else {
        if let Some(count) = begins(tokens, "what is the cost of") {
            tokens.splice(..count, [Token::word("cost")]);
        }
        return;
    };
    if tokens.last().is_some_and(|last| last.is("cost")) && tokens.len() > count + 1 {
        tokens.pop();
        tokens.splice(..count, [Token::word("cost")]);
    } else if let Some(to) = tokens.get(count..).and_then(|rest| begins(rest, "it cost to")) {
        tokens.splice(..count + to, ["cost", "to"].map(Token::word));
    }
}

/// *What documents are needed to* asks what documents I need to.
fn needed(tokens: &mut Vec<Token>) {
    let at = tokens.iter().position(|token| token.is("are")).filter(|at| (2..=3).contains(at));
    let Some(at) = at else { return };
    let needed = tokens.get(at + 1).is_some_and(|token| token.is_in(&["needed", "required"]));
    if needed
        && tokens.first().is_some_and(|first| first.is("what"))
        && tokens.get(at + 2).is_some_and(|to| to.is("to"))
    {
        tokens.splice(at..at + 2, ["do", "i", "need"].map(Token::word));
    }
}

/// *How long does it take for X to* asks how long X takes to.
fn taken(tokens: &mut Vec<Token>) {
    let Some(count) = begins(tokens, "how long does it take for") else { return };
    let to = tokens.iter().position(|token| token.is("to"));
    if let Some(to) = to.filter(|to| (count + 1..count + 5).contains(to)) {
        tokens.insert(to, Token::word("take"));
        tokens.drain(3..count);
    }
}

/// Whether it only names something of something, such as *capital of France*, which asks what that is.
fn is_bare_thing(tokens: &[Token]) -> bool {
    let named = |token: &Token| {
        !token.parts()
            && !token.is_in(ASKING)
            && !token.is_in(AUXILIARIES)
            && !token.is_in(&["i", "you", "we", "me", "my", "please", "not", "no"])
    };
    let of = tokens.iter().position(|token| token.is("of"));
    let nouns = of.is_some_and(|of| {
        let head = tokens.get(1..of).unwrap_or_default();
        (1..=3).contains(&of)
            && of + 1 < tokens.len()
            && !head.iter().any(|token| token.is_in(&["a", "an", "the"]))
    });
    nouns
        && tokens.len() <= 8
        && tokens.iter().all(named)
        && !tokens.first().is_some_and(|first| {
            first.is_in(&[
                "write",
                "give",
                "list",
                "find",
                "make",
                "draw",
                "tell",
                "get",
                "cancel",
                "show",
                "create",
                "send",
                "think",
                "dispose",
                "take",
                "because",
                "instead",
                "kind",
                "sort",
                "calculate",
                "compute",
                "convert",
                "name",
                "describe",
                "compare",
                "copy",
                "add",
                "buy",
                "order",
                "request",
                "check",
                "change",
            ])
        })
}
