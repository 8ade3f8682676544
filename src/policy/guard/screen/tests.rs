use super::super::detector::{Detector, Wanted};
use super::super::rule::{Action, Asker, Direction, Guard};
use super::*;
use crate::dialect::frames::{Frames, Piece as Framed};
use crate::dialect::{Seed, StreamParser, StreamShape, codec};
use crate::ir::{self, Delta, Finish, FinishReason, Losses, Opening, ToolKind};

const TEXT: &str = "Ask anna@example.com or pay 4111 1111 1111 1111, thanks.";
const MASKED: &str = "Ask [EMAIL] or pay [CARD], thanks.";
const ARGUMENTS: &str = r#"{"to":"x\nanna@example.com","n":[1,"é"]}"#;

fn watch(action: Action) -> Arc<Watch> {
    let guard = Arc::new(Guard::new("pii", Wanted::PII, action));
    let asker = Asker { key: "", owner: "", model: "m" };
    Arc::new(Watch::over(&[guard], Direction::Answer, &asker, |a, b| a == b, &[]).unwrap())
}

fn framing(dialect: Dialect) -> Framing {
    match Framing::of(dialect) {
        Framing::JsonArray => Framing::Sse,
        framing => framing,
    }
}

/// A stream of this dialect that says these pieces, and then calls a tool with these.
fn stream(dialect: Dialect, framing: Framing, said: &[&str], arguments: &[&str]) -> Vec<u8> {
    let start = ir::Event::Start {
        id: Some("r1".into()),
        model: Some("m".into()),
        created: Some(1),
        service_tier: None,
        extras: ir::Extras::NONE,
    };
    let mut events = vec![start, ir::Event::BlockStart { index: 0, candidate: 0, opening: Opening::Text }];
    let text = |piece: &&str| ir::Event::Delta { index: 0, delta: Delta::Text((*piece).to_owned()) };
    events.extend(said.iter().map(text));
    events.push(ir::Event::BlockStop { index: 0 });
    if !arguments.is_empty() {
        let opening = Opening::ToolCall { id: "call_1".into(), name: "f".into(), kind: ToolKind::Function };
        events.push(ir::Event::BlockStart { index: 1, candidate: 0, opening });
        let piece =
            |piece: &&str| ir::Event::Delta { index: 1, delta: Delta::Arguments((*piece).to_owned()) };
        events.extend(arguments.iter().map(piece));
        events.push(ir::Event::BlockStop { index: 1 });
    }
    events.push(ir::Event::Finish { candidate: 0, finish: Finish::new(FinishReason::Stop) });
    events.push(ir::Event::Usage(ir::Usage { input: 3, output: 4, ..ir::Usage::default() }));
    events.push(ir::Event::End);
    let seed = Seed {
        id: "r1".into(),
        created: 1,
        model: "m".into(),
        input_tokens: 3,
        asked: bytes::Bytes::new(),
        kept: false,
    };
    let mut renderer = codec(dialect).stream_renderer(&seed, StreamShape { framing, usage: true });
    let mut out = Vec::new();
    for event in &events {
        renderer.push(event, &mut out, &mut Losses::new());
    }
    out
}

/// What stands in a stream as far as it came, and who would be told of its end.
fn events(dialect: Dialect, bytes: &[u8]) -> (Vec<ir::Event>, Box<dyn StreamParser>) {
    let (mut frames, mut parser) = (Frames::of(dialect, 1 << 20), codec(dialect).stream_parser());
    let mut events = Vec::new();
    frames
        .push(bytes, |piece| {
            if let Framed::Data(event, data) = piece {
                parser.push(event, data, &mut events);
            }
        })
        .unwrap();
    (events, parser)
}

/// What a client reads in a stream: the words, and the arguments of tools.
fn read(dialect: Dialect, bytes: &[u8]) -> (String, String) {
    let (mut events, mut parser) = events(dialect, bytes);
    parser.finish(&mut events);
    let (mut text, mut arguments) = (String::new(), String::new());
    for event in events {
        match event {
            ir::Event::Delta { delta: Delta::Text(piece), .. } => text.push_str(&piece),
            ir::Event::Delta { delta: Delta::Arguments(piece), .. } => arguments.push_str(&piece),
            ir::Event::Fault(fault) => panic!("{fault:?}"),
            _ => {}
        }
    }
    (text, arguments)
}

fn screened(watch: &Arc<Watch>, dialect: Dialect, framing: Framing, bytes: &[u8], size: usize) -> Vec<u8> {
    let (mut screen, mut memory) = (Screen::new(Arc::clone(watch), dialect, framing), Memory::default());
    let mut out = Vec::new();
    for piece in bytes.chunks(size) {
        screen.push(piece, &mut memory, &mut out).unwrap();
    }
    screen.finish(&mut memory, &mut out);
    out
}

fn calls_tools(dialect: Dialect) -> bool {
    !matches!(dialect, Dialect::OpenaiCompletions | Dialect::OllamaGenerate)
}

#[test]
fn what_is_found_is_masked_in_every_dialect_wherever_the_words_are_cut() {
    let watch = watch(Action::Mask);
    for dialect in Dialect::ALL {
        for (cut, _) in TEXT.char_indices() {
            let bytes = stream(dialect, framing(dialect), &[&TEXT[..cut], &TEXT[cut..]], &[]);
            let out = screened(&watch, dialect, framing(dialect), &bytes, bytes.len());
            assert_eq!(read(dialect, &out).0, MASKED, "{dialect:?} {cut}");
            let told = String::from_utf8_lossy(&out);
            assert!(!told.contains("anna@") && !told.contains("4111"), "{dialect:?} {cut} {told}");
        }
        let letters: Vec<_> = TEXT.split_inclusive(|_| true).collect();
        let bytes = stream(dialect, framing(dialect), &letters, &[]);
        for size in [1, 7, 100, 1000] {
            let out = screened(&watch, dialect, framing(dialect), &bytes, size);
            assert_eq!(read(dialect, &out).0, MASKED, "{dialect:?} {size}");
        }
    }
}

#[test]
fn arguments_of_tools_are_masked_and_stay_json() {
    let watch = watch(Action::Mask);
    for dialect in Dialect::ALL.into_iter().filter(|dialect| calls_tools(*dialect)) {
        for (cut, _) in ARGUMENTS.char_indices() {
            let bytes =
                stream(dialect, framing(dialect), &["Well."], &[&ARGUMENTS[..cut], &ARGUMENTS[cut..]]);
            let out = screened(&watch, dialect, framing(dialect), &bytes, bytes.len());
            let (text, arguments) = read(dialect, &out);
            assert_eq!(text, "Well.", "{dialect:?}");
            assert_eq!(arguments, ARGUMENTS.replace("anna@example.com", "[EMAIL]"), "{dialect:?} {cut}");
            assert!(!String::from_utf8_lossy(&out).contains("anna@"), "{dialect:?} {cut}");
        }
    }
}

#[test]
fn a_stream_in_which_nothing_is_found_goes_through_byte_for_byte() {
    let watch = watch(Action::Mask);
    let said = ["Well, ", "th", "ere are 12 ", "of ", "them — ", "see e@", " and ", "4111 1111"];
    for dialect in Dialect::ALL {
        let calls: &[&str] = if calls_tools(dialect) { &["{\"n\":", "1}"] } else { &[] };
        let bytes = stream(dialect, framing(dialect), &said, calls);
        for size in [1, 13, bytes.len()] {
            let out = screened(&watch, dialect, framing(dialect), &bytes, size);
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&bytes), "{dialect:?}");
        }
    }
    let bytes = stream(Dialect::GeminiGenerate, Framing::JsonArray, &said, &[]);
    let out = screened(&watch, Dialect::GeminiGenerate, Framing::JsonArray, &bytes, 11);
    assert_eq!(json::parse(&out).unwrap().elements().len(), json::parse(&bytes).unwrap().elements().len());
}

#[test]
fn an_event_waits_for_the_next_one_at_most() {
    let watch = watch(Action::Mask);
    let words: Vec<_> = "This is what I know about the town and its people ".split_inclusive(' ').collect();
    for dialect in Dialect::ALL {
        let before = |count: usize| {
            let bytes = stream(dialect, framing(dialect), &words[..count], &[]);
            let whole = stream(dialect, framing(dialect), &words, &[]);
            let same = bytes.iter().zip(&whole).take_while(|(a, b)| a == b).count();
            let mut screen = Screen::new(Arc::clone(&watch), dialect, framing(dialect));
            let mut out = Vec::new();
            screen.push(&whole[..same], &mut Memory::default(), &mut out).unwrap();
            String::from_utf8_lossy(&out).into_owned()
        };
        assert!(before(3).contains(words[1]) || before(4).contains(words[1]), "{dialect:?} {}", before(3));
    }
}

#[test]
fn several_answers_of_one_stream_do_not_disturb_each_other() {
    let watch = watch(Action::Mask);
    let chunk = |index: u32, text: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"index\":{index},\"finish_reason\":null}}]}}\n\n"
        )
    };
    let over = |index: u32| {
        format!("data: {{\"choices\":[{{\"delta\":{{}},\"index\":{index},\"finish_reason\":\"stop\"}}]}}\n\n")
    };
    let bytes = [
        chunk(0, "to anna@ex"),
        chunk(1, "bob@"),
        over(2),
        chunk(0, "ample.com"),
        chunk(1, "example.org!"),
        over(0),
        over(1),
    ]
    .concat();
    let out = screened(&watch, Dialect::OpenaiChat, Framing::Sse, bytes.as_bytes(), 1000);
    let expected =
        [chunk(0, "to [EMAIL]"), chunk(1, "[EMAIL]"), over(2), chunk(0, ""), chunk(1, "!"), over(0), over(1)]
            .concat();
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn nothing_more_goes_on_behind_a_block() {
    let watch = watch(Action::Block);
    for dialect in Dialect::ALL {
        let bytes =
            stream(dialect, framing(dialect), &["Well then, ", "ask ", "anna@", "example.com ", "now"], &[]);
        let (mut screen, mut memory) =
            (Screen::new(Arc::clone(&watch), dialect, framing(dialect)), Memory::default());
        let mut out = Vec::new();
        screen.push(&bytes, &mut memory, &mut out).unwrap();
        screen.finish(&mut memory, &mut out);
        let told = String::from_utf8_lossy(&out);
        assert!(
            memory.blocked.is_some() && told.contains("Well") && !told.contains("anna"),
            "{dialect:?} {told}"
        );
    }
}

/// Signs of life, sources and usage come between two pieces of one word.
#[test]
fn an_event_without_words_ends_no_text() {
    let watch = watch(Action::Mask);
    let sse = |events: &[&str]| {
        events.iter().map(|event| format!("data: {event}\n\n")).collect::<Vec<_>>().concat()
    };
    for (dialect, before, between, behind, end) in [
        (
            Dialect::OpenaiResponses,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"pay 4111 1111 "}"#,
            r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{"type":"url_citation","title":"x"}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"1111 1111 now"}"#,
            r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"pay 4111 1111 1111 1111 now"}"#,
        ),
        (
            Dialect::OpenaiResponses,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"pay 4111 1111 "}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[]}}"#,
            r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"1111 1111 now"}"#,
            r#"{"type":"response.completed","response":{"output":[]}}"#,
        ),
        (
            Dialect::OpenaiResponses,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"pay 4111 1111 "}"#,
            r#"{"type":"keepalive","sequence_number":3}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"1111 1111 now"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[]}}"#,
        ),
        (
            Dialect::GeminiGenerate,
            r#"{"candidates":[{"content":{"parts":[{"text":"pay 4111 1111 "}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":""}]}}],"usageMetadata":{"promptTokenCount":3}}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"1111 1111 now"}]}}]}"#,
            r#"{"candidates":[{"finishReason":"STOP"}]}"#,
        ),
        (
            Dialect::CohereChat,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"pay 4111 1111 "}}}}"#,
            r#"{"type":"citation-end","index":0}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"1111 1111 now"}}}}"#,
            r#"{"type":"content-end","index":0}"#,
        ),
    ] {
        let bytes = sse(&[before, between, behind, end]);
        let out = screened(&watch, dialect, Framing::Sse, bytes.as_bytes(), bytes.len());
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("pay [CARD]") && !out.contains("1111"), "{dialect:?} {out}");
        // What an end names is told there, and does not wait for the stream's.
        let mut screen = Screen::new(Arc::clone(&watch), dialect, Framing::Sse);
        let mut told = Vec::new();
        screen.push(bytes.as_bytes(), &mut Memory::default(), &mut told).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), out, "{dialect:?}");
    }
}

#[test]
fn numbers_that_a_tool_is_told_are_masked_too() {
    let watch = watch(Action::Mask);
    let event = |card: &str| {
        let call = format!(r#"{{"name":"pay","args":{{"card":{card},"n":[1,2.5]}}}}"#);
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"functionCall\":{call}}}]}},\"index\":0}}]}}\n\n"
        )
    };
    let out =
        screened(&watch, Dialect::GeminiGenerate, Framing::Sse, event("4111111111111111").as_bytes(), 1000);
    assert_eq!(String::from_utf8(out).unwrap(), event("\"[CARD]\""));
}

#[test]
fn a_stream_keeps_its_end_back_until_its_form_was_judged() {
    let wanted = Wanted::NONE.with(Detector::Schema);
    let guard = Arc::new(Guard::new("form", wanted, Action::Block));
    let asker = Asker { key: "", owner: "", model: "m" };
    let watch = Watch::over(&[guard], Direction::Answer, &asker, |a, b| a == b, &[]).unwrap();
    let (watch, shape) = (Arc::new(watch), Shape::Schema(r#"{"required":["a"]}"#.to_owned()));
    for dialect in Dialect::ALL {
        let framing = framing(dialect);
        for (text, well) in [(r#"{"a":1}"#, true), (r#"{"b":1}"#, false)] {
            for cut in 1..text.len() {
                let bytes = stream(dialect, framing, &[&text[..cut], &text[cut..]], &[]);
                for size in [1, 7, bytes.len()] {
                    let screen = Screen::new(Arc::clone(&watch), dialect, framing);
                    let mut screen = screen.with_shape(Some(shape.clone()));
                    let (mut memory, mut out) = (Memory::default(), Vec::new());
                    for piece in bytes.chunks(size) {
                        screen.push(piece, &mut memory, &mut out).unwrap();
                    }
                    // All that was said has gone on, and nothing says that it is over.
                    assert!(out.len() < bytes.len(), "{dialect:?} {cut} {size}");
                    assert_eq!(
                        read_so_far(dialect, &out),
                        (text.to_owned(), false),
                        "{dialect:?} {cut} {size}"
                    );
                    screen.finish(&mut memory, &mut out);
                    assert_eq!(memory.blocked.is_none(), well, "{dialect:?} {cut} {size}");
                    assert_eq!(out == bytes, well, "{dialect:?} {cut} {size}");
                }
            }
        }
    }
}

/// The words of a stream that is not over yet, and whether it says that an answer is.
fn read_so_far(dialect: Dialect, bytes: &[u8]) -> (String, bool) {
    let (events, _) = events(dialect, bytes);
    let (mut text, mut over) = (String::new(), false);
    for event in events {
        match event {
            ir::Event::Delta { delta: Delta::Text(piece), .. } => text.push_str(&piece),
            ir::Event::Finish { .. } => over = true,
            _ => {}
        }
    }
    (text, over)
}
