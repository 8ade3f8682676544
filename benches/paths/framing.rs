//! The lens and the framing of streams.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use tollgate::ir::Dialect;
use tollgate::wire::lens::{self, Edit, Lens};
use tollgate::wire::{event_stream, json, sse};

use crate::material::{SIZES, conversation, stream};

#[divan::bench(args = SIZES)]
fn lens_new(bencher: Bencher, size: usize) {
    let body = conversation(Dialect::OpenaiChat, size);
    bencher.counter(BytesCount::new(body.len())).bench(|| Lens::new(black_box(&body)));
}

#[divan::bench(args = SIZES)]
fn lens_apply(bencher: Bencher, size: usize) {
    let body = conversation(Dialect::OpenaiChat, size);
    let lens = Lens::new(&body).unwrap();
    let edits = [
        Edit::Set { key: "model".into(), value: "\"gpt-4.1\"".to_owned() },
        Edit::Rename { from: "max_tokens".into(), to: "max_completion_tokens".into() },
        Edit::Remove { key: "temperature".into() },
    ];
    bencher.bench(|| lens.apply(black_box(&edits)));
}

#[divan::bench(args = SIZES)]
fn lens_find_last(bencher: Bencher, size: usize) {
    let mut body = conversation(Dialect::OpenaiChat, size);
    body.pop();
    body.extend_from_slice(br#","usage":{"total_tokens":1}}"#);
    bencher.counter(BytesCount::new(body.len())).bench(|| lens::find(black_box(&body), "usage"));
}

#[divan::bench(args = SIZES)]
fn json_tree(bencher: Bencher, size: usize) {
    let body = conversation(Dialect::OpenaiChat, size);
    bencher.counter(BytesCount::new(body.len())).bench(|| json::parse(black_box(&body)).is_ok());
}

/// A stream of about 100 events in pieces of 1400 bytes, as packets bring it.
#[divan::bench(args = [Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::GeminiGenerate])]
fn sse_push(bencher: Bencher, dialect: Dialect) {
    let bytes = stream(dialect);
    bencher.counter(BytesCount::new(bytes.len())).counter(ItemsCount::new(100_usize)).bench(|| {
        let mut parser = sse::Parser::new(1 << 20);
        let mut seen = 0;
        for piece in black_box(&bytes).chunks(1400) {
            let _ = parser.push(piece, |frame| seen += frame.data.len());
        }
        seen
    });
}

/// The same in AWS's binary messages, whose checksums are checked.
#[divan::bench]
fn event_stream_push(bencher: Bencher) {
    let bytes = stream(Dialect::BedrockConverse);
    bencher.counter(BytesCount::new(bytes.len())).counter(ItemsCount::new(100_usize)).bench(|| {
        let mut parser = event_stream::Parser::new(1 << 20);
        let mut seen = 0;
        for piece in black_box(&bytes).chunks(1400) {
            let _ = parser.push(piece, |message| seen += message.payload().len());
        }
        seen
    });
}
