//! Laws of streams: how bytes arrive does not matter, and events keep their order.

use tollgate::dialect::transcode::Transcoder;
use tollgate::dialect::{Restore, codec};
use tollgate::ir::grammar::Checker;
use tollgate::ir::{Dialect, Event, Finish, FinishReason, Losses, Opening};
use tollgate::wire::json_array;

use crate::chance::Chance;
use crate::corpus::{self, Kind, Recording, SSE, seed};
use crate::vendor::{self, Arguments};

/// Streams up to this long are cut at every byte.
const SHORT: usize = 1500;

fn server_sent() -> impl Iterator<Item = Recording> {
    corpus::all(Kind::Stream).filter(|recording| !recording.is_array())
}

/// What a client hears, and the events on the way, when the stream arrives in these pieces.
fn transcode<'a>(
    from: Dialect,
    to: Dialect,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Vec<Event>) {
    let mut pipe = Transcoder::new(from, to, Restore::default(), &seed(), SSE);
    let (mut out, mut events) = (Vec::new(), Vec::new());
    for piece in pieces {
        pipe.push(piece, &mut out, &mut |event| events.push(event.clone()));
    }
    pipe.finish(&mut out, &mut |event| events.push(event.clone()));
    (out, events)
}

#[test]
fn a_stream_says_the_same_however_its_bytes_arrive() {
    let mut chance = Chance::new(1);
    for recording in server_sent() {
        let (bytes, from) = (corpus::wire(&recording), recording.dialect);
        let bytes = bytes.as_slice();
        for to in Dialect::ALL {
            let whole = transcode(from, to, [bytes]);
            assert!(
                transcode(from, to, bytes.chunks(1)) == whole,
                "{} to {to:?}, byte by byte",
                recording.file
            );
            for _ in 0..4 {
                let mut cuts: Vec<usize> = (0..chance.below(12)).map(|_| chance.below(bytes.len())).collect();
                cuts.sort_unstable();
                cuts.push(bytes.len());
                let starts = std::iter::once(0).chain(cuts.iter().copied());
                let pieces = starts.zip(&cuts).map(|(start, end)| &bytes[start..*end]);
                assert!(
                    transcode(from, to, pieces) == whole,
                    "{} to {to:?}, cut at {cuts:?}",
                    recording.file
                );
            }
        }
        let to = from;
        let whole = transcode(from, to, [bytes]);
        for at in (0..bytes.len()).filter(|_| bytes.len() <= SHORT) {
            let (head, tail) = bytes.split_at(at);
            assert!(transcode(from, to, [head, tail]) == whole, "{} cut at {at}", recording.file);
        }
    }
}

#[test]
fn a_json_array_has_the_same_elements_however_its_bytes_arrive() {
    for recording in corpus::all(Kind::Stream).filter(Recording::is_array) {
        let whole: Vec<Vec<u8>> = corpus::frames(&recording).into_iter().map(|(_, data)| data).collect();
        for at in 0..recording.bytes.len() {
            let (head, tail) = recording.bytes.split_at(at);
            let mut parser = json_array::Parser::new(1 << 20);
            let mut elements = Vec::new();
            for piece in [head, tail] {
                parser.push(piece, |element| elements.push(element.to_vec())).unwrap();
            }
            assert!(elements == whole, "{} cut at {at}", recording.file);
        }
    }
}

#[test]
fn line_ends_comments_and_a_mark_at_the_start_change_nothing() {
    for recording in server_sent()
        .filter(|recording| recording.dialect != Dialect::BedrockConverse && recording.file.ends_with(".sse"))
    {
        let text = String::from_utf8(recording.bytes.clone()).unwrap();
        let from = recording.dialect;
        let whole = transcode(from, from, [text.as_bytes()]);
        let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
        let comments = text.replace("\n\n", "\n\n: keep-alive\n\nretry: 3000\nid: 7\n\n");
        let mark = format!("\u{feff}{text}");
        let tight = text.replace("\ndata: ", "\ndata:");
        for (how, varied) in [("CRLF", crlf), ("comments", comments), ("mark", mark), ("no space", tight)] {
            let said = transcode(from, from, varied.as_bytes().chunks(7));
            // A comment is a sign of life, and is passed on as one.
            assert!(without_pings(&said) == without_pings(&whole), "{} with {how}", recording.file);
        }
    }
}

fn without_pings((stream, events): &(Vec<u8>, Vec<Event>)) -> (String, Vec<Event>) {
    let text = String::from_utf8(stream.clone()).unwrap();
    let is_ping = |frame: &str| frame.starts_with(": ping") || frame.starts_with("event: ping");
    let frames: Vec<&str> = text.split("\n\n").filter(|frame| !is_ping(frame)).collect();
    (frames.join("\n\n"), events.iter().filter(|event| **event != Event::Ping).cloned().collect())
}

#[test]
fn every_parser_keeps_the_grammar_and_every_renderer_its_vendors() {
    for recording in corpus::all(Kind::Stream) {
        check(&corpus::events(&recording), Arguments::Whole, &recording.file);
    }
}

#[test]
fn a_tampered_stream_keeps_the_grammar_too() {
    let mut chance = Chance::new(2);
    let all: Vec<_> = corpus::all(Kind::Stream).map(|r| (r.dialect, corpus::frames(&r), r.file)).collect();
    for (dialect, frames, file) in &all {
        for round in 0..30 {
            let mut frames = frames.clone();
            for _ in 0..=chance.below(3) {
                tamper(&mut frames, &all, &mut chance);
            }
            let mut parser = codec(*dialect).stream_parser();
            let mut events = Vec::new();
            for (event, data) in &frames {
                parser.push(event.as_deref(), data, &mut events);
            }
            parser.finish(&mut events);
            // An upstream that waits for tools it did not call is believed.
            let calls =
                |event: &Event| matches!(event, Event::BlockStart { opening: Opening::ToolCall { .. }, .. });
            let calls = events.iter().any(calls);
            for event in events.iter_mut().filter(|_| !calls) {
                if let Event::Finish { finish, .. } = event {
                    *finish = Finish::new(FinishReason::Stop);
                }
            }
            check(&events, Arguments::Garbled, &format!("{file}, round {round}"));
        }
    }
}

type Frames = Vec<(Option<String>, Vec<u8>)>;

/// Loses, repeats, swaps, cuts or spoils a frame, or takes one from another stream.
fn tamper(frames: &mut Frames, all: &[(Dialect, Frames, String)], chance: &mut Chance) {
    if frames.is_empty() {
        return;
    }
    let at = chance.below(frames.len());
    match chance.below(7) {
        0 => drop(frames.remove(at)),
        1 => frames.insert(at, frames[at].clone()),
        2 => {
            let other = chance.below(frames.len());
            frames.swap(at, other);
        }
        3 => frames.truncate(at),
        4 => {
            let data = &mut frames[at].1;
            let end = chance.below(data.len() + 1);
            data.truncate(end);
        }
        5 => {
            let data = &mut frames[at].1;
            if !data.is_empty() {
                let place = chance.below(data.len());
                data[place] = *chance.pick(b"0{}[]\",:n\xff\\");
            }
        }
        _ => {
            let (_, others, _) = chance.pick(all);
            if !others.is_empty() {
                frames.insert(at, chance.pick(others).clone());
            }
        }
    }
}

/// Holds events to the hub's grammar, and what is said of them to each vendor's.
fn check(events: &[Event], arguments: Arguments, of: &str) {
    let mut checker = Checker::new();
    for event in events {
        if let Err(broken) = checker.push(event) {
            panic!("{of}: {broken} at {event:?} in {events:?}");
        }
    }
    assert!(checker.is_ended(), "{of} has no end: {events:?}");
    // Where nobody said how the answer ended, only Anthropic's clients are told something.
    let finished = |answer: u32| {
        let ends = |event: &Event| match event {
            Event::Finish { candidate, .. } => *candidate == answer,
            event => matches!(event, Event::Fault(_)),
        };
        events.iter().any(ends)
    };
    let unfinished = !finished(0)
        || events
            .iter()
            .any(|event| matches!(event, Event::BlockStart { candidate, .. } if !finished(*candidate)));
    for to in Dialect::ALL.into_iter().filter(|to| !unfinished || *to == Dialect::AnthropicMessages) {
        let mut renderer = codec(to).stream_renderer(&seed(), SSE);
        let mut out = Vec::new();
        for event in events {
            renderer.push(event, &mut out, &mut Losses::new());
        }
        if let Err(flaw) = vendor::stream(to, &out, arguments) {
            panic!("{of} to {}: {flaw}\n{}\nof {events:?}", to.name(), String::from_utf8_lossy(&out));
        }
    }
}
