//! Every fuzz target over the recordings and over a fixed set of recordings that were spoilt, so
//! that what a fuzzer found once is looked for on every run. `TOLLGATE_FUZZ_ROUNDS` runs longer.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and say what they mean the short way"
)]

#[path = "translation/chance.rs"]
mod chance;
#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;

use chance::Chance;
use targets::Target;

/// How many spoilt inputs each target is fed.
const ROUNDS: usize = 500;

/// What formats are made of, to be put where it does not belong.
const WORDS: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "1e999",
    "0.1",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\"",
    "\n\n",
    "\r\n",
    "data: ",
    "event: ",
    "data: [DONE]\n\n",
    ": \n",
    "\u{feff}",
    "\u{1f30d}",
    "[[[[[[[[",
    "{\"a\":",
    "\"role\":",
    "\"type\":",
    "\"content\":",
    "\"text\"",
    "\"tool_use\"",
    "\"index\":",
    "__thought__",
    "~a~",
    "~rn~",
    "\"output_index\":",
    "\"reasoning\"",
    "}}]}",
];

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = |folder: &&str| {
        let folder = tests.join(folder);
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap())
    };
    target.seeds.iter().flat_map(files).collect()
}

/// Flips, cuts, repeats, moves and mixes bytes, as a fuzzer does.
fn spoil(bytes: &mut Vec<u8>, others: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    let end = (at + chance.below(40)).min(bytes.len());
    match chance.below(8) {
        0 => drop(bytes.drain(at..end)),
        1 => {
            let copy = bytes[at..end].to_vec();
            let place = chance.below(bytes.len() + 1);
            bytes.splice(place..place, copy);
        }
        2 => bytes.truncate(at),
        3 => {
            let other = chance.pick(others);
            let from = chance.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        4 if at < bytes.len() => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
        5 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
        _ => {
            bytes.splice(at..at, chance.pick(WORDS).bytes());
        }
    }
}

fn run(name: &str) {
    let rounds =
        std::env::var("TOLLGATE_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let target = targets::ALL.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{name} has no recordings");
    let mut chance = Chance::new(name.bytes().map(u64::from).sum());
    seeds.iter().for_each(|seed| (target.feed)(seed));
    for _ in 0..rounds {
        let mut bytes = chance.pick(&seeds).clone();
        for _ in 0..=chance.below(4) {
            spoil(&mut bytes, &seeds, &mut chance);
        }
        let shown = Shown(&bytes, name);
        (target.feed)(&bytes);
        std::mem::forget(shown);
    }
}

/// Shows the input that a target panicked on.
struct Shown<'a>(&'a [u8], &'a str);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("{} broke on:\n{}\n({:?})", self.1, String::from_utf8_lossy(self.0), self.0);
    }
}

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_run_here() {
            let run = [$(stringify!($name)),*];
            assert!(targets::ALL.iter().map(|target| target.name).eq(run));
        }
    };
}

each! {
    json, lens, sse, sse_and_lens, event_stream, json_array, multipart, websocket, resp, packed, chat_request, anthropic_request, gemini_request,
    bedrock_request, chat_reply, anthropic_reply, gemini_reply, bedrock_reply, chat_stream, anthropic_stream,
    gemini_stream, bedrock_stream, chat_error, anthropic_error, gemini_error, bedrock_error,
    responses_request, responses_reply, responses_stream, responses_error, completions_request,
    completions_reply, completions_stream, completions_error, ollama_request, ollama_text_request,
    ollama_reply, ollama_text_reply, ollama_stream, ollama_text_stream, ollama_error, ollama_text_error, cohere_request,
    cohere_reply, cohere_stream, cohere_error, ndjson,
    embeddings, ranks, questions, counts, configuration,
}
