//! What looking at a text costs.

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use tollgate::dialect::Framing;
use tollgate::ir::Dialect;
use tollgate::policy::guard::{
    Action, Asker, Detector, Direction, Form, Guard, Memory, Screen, Spoken, Wanted, Watch, Words, pass, sift,
};

use crate::material::conversation;

const PROSE: &str = "The town hall meeting on 12 March 2024 was attended by 340 people; order 1234567 was shipped \
    (ref 2024-03-12), and \"most\" of them agreed.\nHere is code: let x = foo(bar[3], 42); return x + 1; see \
    https://example.com/docs/a?b=c for details. ";

fn watch(direction: Direction) -> Watch {
    let all = Detector::ALL.into_iter().fold(Wanted::NONE, Wanted::with);
    let words: Vec<_> = (0..50).map(|number| format!("forbidden topic {number}")).collect();
    let mut guard = Guard::new("all", all, Action::Mask);
    guard.words = Words::new(&[("topics", words.as_slice())]);
    guard.languages = vec!["en"];
    let asker = Asker { key: "", owner: "", model: "" };
    Watch::over(&[Arc::new(guard)], direction, &asker, |a, b| a == b, &[]).unwrap()
}

#[divan::bench]
fn all_local_guards_on_20_kb(bencher: Bencher) {
    let text = PROSE.repeat(20 * 1024 / PROSE.len() + 1);
    let (text, watch) = (&text[..20 * 1024], watch(Direction::Request));
    bencher
        .counter(BytesCount::of_str(text))
        .bench(|| sift(&watch, Form::Plain, black_box(text), b"", &mut Memory::default()));
}

#[divan::bench(args = [1024, 20 * 1024])]
fn guarded_body(bencher: Bencher, size: usize) {
    let (body, watch) = (conversation(Dialect::OpenaiChat, size), watch(Direction::Request));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| pass(&watch, Spoken::Asked, black_box(&body), &body, &mut Memory::default()));
}

#[divan::bench]
fn guarded_stream_of_200_events(bencher: Bencher) {
    let watch = Arc::new(watch(Direction::Answer));
    let words = PROSE.split_inclusive(' ').cycle().take(200);
    let events: Vec<_> = words
        .map(|word| {
            format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{}}},\"finish_reason\":null}}]}}\n\n",
                serde_json::to_string(word).unwrap()
            )
        })
        .collect();
    bencher.bench(|| {
        let mut screen = Screen::new(Arc::clone(&watch), Dialect::OpenaiChat, Framing::Sse);
        let (mut memory, mut out) = (Memory::default(), Vec::new());
        for event in &events {
            screen.push(black_box(event.as_bytes()), &mut memory, &mut out).unwrap();
        }
        screen.finish(&mut memory, &mut out);
        out.len()
    });
}
