//! What it takes to find a question among many by its forms.

use divan::Bencher;
use rustc_hash::FxHashMap;
use tollgate::cache::semantic::{Turn, forms};

/// So many questions were asked before.
const ASKED: usize = 10_000;

const QUESTIONS: [&str; 5] = [
    "What is Go?",
    "Hello, can I pay my water bill in instalments please? Thanks",
    "How do I chnage the email adress on my acount?",
    "In Python, how do I sort a list of dictionaries by the value of a key without changing the list itself?",
    // Of words that nobody knows.
    "interxatiom consxderate prelimxnary accommodxte contrxversy dexelopment exaggerxted \
     indepexdence knowlexgeable mainxenance necexsarily occurxence perxuade quxstionnaire recommxnd",
];

/// The look-up of the mode `safe`: a question's forms, each looked for among ten thousand.
#[divan::bench(args = 0..QUESTIONS.len())]
fn alike(bencher: Bencher, which: usize) {
    let asked: FxHashMap<String, usize> = (0..ASKED)
        .filter_map(|number| {
            let question = format!("How do I reset the password of account number {number}?");
            Some((forms(&question, Turn::First).ok()?.pop()?, number))
        })
        .collect();
    let question = QUESTIONS[which];
    bencher.bench(|| forms(question, Turn::First).unwrap().iter().find_map(|form| asked.get(form)).copied());
}
