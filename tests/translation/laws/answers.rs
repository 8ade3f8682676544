//! Laws of answers: whole and streamed say the same, in every dialect.

use tollgate::dialect::{Restore, codec, transcode};
use tollgate::ir::fold::fold;
use tollgate::ir::unfold::unfold;
use tollgate::ir::{Dialect, Extras, Losses, Reply};

use crate::corpus::{self, Kind, SSE, seed};
use crate::essence::{answered, first};
use crate::vendor::{self, Arguments};

fn replies() -> impl Iterator<Item = (String, Dialect, Reply)> {
    corpus::all(Kind::Reply).map(|recording| {
        let reply = codec(recording.dialect).parse_reply(&recording.bytes).unwrap();
        (format!("{}/{}", recording.dialect.name(), recording.file), recording.dialect, reply)
    })
}

/// Reads what a renderer streamed, as its own dialect's parser does.
fn read_stream(dialect: Dialect, bytes: &[u8]) -> Reply {
    let mut parser = codec(dialect).stream_parser();
    let mut events = Vec::new();
    for (name, data) in corpus::written(dialect, bytes) {
        parser.push(name.as_deref(), &data, &mut events);
    }
    parser.finish(&mut events);
    fold(events).unwrap()
}

#[test]
fn a_stream_folds_to_its_twin() {
    let mut twins = 0;
    for dialect in Dialect::ALL {
        for reply in corpus::recordings(dialect, Kind::Reply) {
            let streams = corpus::recordings(dialect, Kind::Stream);
            let Some(stream) =
                streams.into_iter().find(|stream| !stream.is_array() && stream.stem() == reply.stem())
            else {
                continue;
            };
            twins += 1;
            let whole = codec(dialect).parse_reply(&reply.bytes).unwrap();
            let folded = fold(corpus::events(&stream)).unwrap();
            assert_eq!(folded.usage, whole.usage, "{}", reply.file);
            assert_eq!(folded.model, whole.model, "{}", reply.file);
            assert_eq!(folded.candidates.len(), whole.candidates.len(), "{}", reply.file);
            for (streamed, whole) in folded.candidates.iter().zip(&whole.candidates) {
                assert_eq!(answered(streamed), answered(whole), "{}", reply.file);
                assert_eq!(streamed.finish, whole.finish, "{}", reply.file);
                let seals = |of: &tollgate::ir::Candidate| {
                    of.blocks.iter().filter_map(|block| block.signature.clone()).collect::<Vec<_>>()
                };
                assert_eq!(seals(streamed), seals(whole), "{}", reply.file);
            }
        }
    }
    assert!(twins >= 30, "only {twins} twins");
}

#[test]
fn folding_undoes_unfolding() {
    for (name, _, mut reply) in replies() {
        // A stream has no place for what stands beside a candidate or a growing block.
        for candidate in &mut reply.candidates {
            candidate.extras = Extras::NONE;
        }
        let mut folded = fold(unfold(reply.clone())).unwrap();
        for (folded, block) in folded.candidates.iter_mut().zip(&reply.candidates) {
            for (folded, block) in folded.blocks.iter_mut().zip(&block.blocks) {
                folded.extras = block.extras.clone();
            }
        }
        assert_eq!(folded, reply, "{name}");
    }
}

#[test]
fn an_answer_is_well_formed_in_every_dialect() {
    for (name, _, reply) in replies() {
        for to in Dialect::ALL {
            let body = codec(to).render_reply(&reply, &seed(), &mut Losses::new());
            let flaw = vendor::reply(to, &body).err();
            assert_eq!(flaw, None, "{name} to {}: {}", to.name(), String::from_utf8_lossy(&body));
            let stream = transcode::stream(reply.clone(), to, &seed(), SSE, &mut Losses::new());
            let flaw = vendor::stream(to, &stream, Arguments::Whole).err();
            assert_eq!(flaw, None, "{name} to {}: {}", to.name(), String::from_utf8_lossy(&stream));
        }
    }
}

#[test]
fn an_answer_that_loses_nothing_says_the_same_in_every_dialect() {
    let mut kept = 0;
    for (name, _, reply) in replies() {
        for to in Dialect::ALL {
            let mut losses = Losses::new();
            let body = codec(to).render_reply(&reply, &seed(), &mut losses);
            let whole = codec(to).parse_reply(&body).unwrap();
            let stream = transcode::stream(reply.clone(), to, &seed(), SSE, &mut losses);
            let streamed = read_stream(to, &stream);
            assert_eq!(first(&streamed), first(&whole), "{name} to {}: streamed and whole differ", to.name());
            if !losses.iter().any(|loss| touches_content(&loss.field)) {
                assert_eq!(first(&whole), first(&reply), "{name} to {}", to.name());
                kept += 1;
            }
        }
    }
    assert!(kept > 100, "only {kept} answers were comparable");
}

#[test]
fn a_translated_stream_says_what_its_folded_answer_says() {
    for recording in corpus::all(Kind::Stream) {
        let events = corpus::events(&recording);
        let Ok(whole) = fold(events.clone()) else { continue };
        for to in Dialect::ALL {
            let mut renderer = codec(to).stream_renderer(&seed(), SSE);
            let (mut out, mut losses) = (Vec::new(), Losses::new());
            for event in &events {
                renderer.push(event, &mut out, &mut losses);
            }
            let body = codec(to).render_reply(&whole, &seed(), &mut losses);
            let rendered = codec(to).parse_reply(&body).unwrap();
            let streamed = read_stream(to, &out);
            let name = format!("{}/{} to {}", recording.dialect.name(), recording.file, to.name());
            assert_eq!(first(&streamed), first(&rendered), "{name}");
            assert_eq!(streamed.usage.unwrap_or_default(), rendered.usage.unwrap_or_default(), "{name}");
        }
    }
}

#[test]
fn the_pipe_for_whole_answers_is_parsing_and_rendering() {
    for recording in corpus::all(Kind::Reply) {
        for to in Dialect::ALL {
            let mut losses = Losses::new();
            let piped = transcode::reply(
                recording.dialect,
                to,
                &Restore::default(),
                &seed(),
                &recording.bytes,
                &mut losses,
            );
            let (reply, body) = piped.unwrap();
            assert_eq!(
                body,
                codec(to).render_reply(&reply, &seed(), &mut Losses::new()),
                "{}",
                recording.file
            );
        }
    }
}

/// Whether a loss is one of what is said; the others are about what stands beside it.
fn touches_content(field: &str) -> bool {
    ["message", "content", "refusal", "tools", "finish"].iter().any(|word| field.starts_with(word))
}
