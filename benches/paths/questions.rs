//! What it takes to find a question among many by its forms.

use divan::Bencher;
use rustc_hash::FxHashMap;
use tollgate::cache::fingerprint::{Realm, of_question};
use tollgate::cache::near::{Near, Place};
use tollgate::cache::semantic::near::Sketch;
use tollgate::cache::semantic::{Turn, forms};
use tollgate::ir::{Block, Request, Role, Turn as Said};

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

/// The look-up of the mode `balanced` behind that: among ten thousand questions of one box, which is the worst that can be.
#[divan::bench]
fn like(bencher: Bencher) {
    let asked = Request { turns: vec![Said::new(Role::User, vec![Block::text("?")])], ..Request::default() };
    let realm = Realm { scope: "", namespace: "", targets: &[], strictly: None };
    let number = |text: &str| of_question(&[7; 32], &realm, &asked, &[text.to_owned()]).pop().unwrap();
    let place = |text: &str| {
        let form = forms(text, Turn::First).unwrap().swap_remove(0);
        let sketch = Sketch::of(&form).unwrap().into();
        Place { box_of: number("~"), sketch, text: None, meaning: None }
    };
    let verbs = ["cancel", "renew", "change", "find", "buy", "sell", "move", "lose", "print", "report"];
    let things = [
        "contract", "ticket", "passport", "invoice", "bicycle", "parcel", "garden", "printer", "meeting",
        "recipe",
    ];
    let near = Near::default();
    for at in 0..ASKED {
        let word = |of: &[&'static str; 10], place: u32| of[at / 10_usize.pow(place) % 10];
        let (verb, thing) = (word(&verbs, 0), word(&things, 1));
        let (other, last) = (word(&things, 2), word(&verbs, 3));
        near.add(
            &place(&format!("How do I {verb} my {thing} and {last} my {other}?")),
            number(&at.to_string()),
        );
    }
    let question = "How do I terminate my bike and purchase my recipe?";
    bencher.bench(|| near.like(&place(question)));
}
