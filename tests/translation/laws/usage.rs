//! Laws of usage: no token is lost or counted twice on the way to a client.

use tollgate::dialect::codec;
use tollgate::ir::{Candidate, Dialect, Finish, FinishReason, Losses, Reply, Usage};

use crate::chance::Chance;
use crate::corpus::{self, Kind, seed};
use crate::essence::sums;

#[test]
fn usage_is_found_without_reading_the_whole_answer() {
    for recording in corpus::all(Kind::Reply) {
        let reply = codec(recording.dialect).parse_reply(&recording.bytes).unwrap();
        assert_eq!(codec(recording.dialect).find_usage(&recording.bytes), reply.usage, "{}", recording.file);
    }
}

#[test]
fn every_pair_of_dialects_keeps_the_sums() {
    for recording in corpus::all(Kind::Reply) {
        let reply = codec(recording.dialect).parse_reply(&recording.bytes).unwrap();
        for to in Dialect::ALL {
            let body = codec(to).render_reply(&reply, &seed(), &mut Losses::new());
            let told = codec(to).find_usage(&body);
            let name = format!("{} to {}", recording.file, to.name());
            if !tells_parts(to) {
                assert_eq!(few(to, told.as_ref()), few(to, reply.usage.as_ref()), "{name}");
                continue;
            }
            assert_eq!(sums(told.as_ref()), sums(reply.usage.as_ref()), "{name}");
            if to != Dialect::GeminiGenerate {
                let writes = |usage: Option<Usage>| {
                    usage.map_or((0, 0), |usage| (usage.cache_write_5m, usage.cache_write_1h))
                };
                assert_eq!(writes(told), writes(reply.usage), "{name}");
            }
        }
    }
}

#[test]
fn any_usage_keeps_its_sums_in_any_dialect() {
    let mut chance = Chance::new(3);
    for _ in 0..400 {
        let usage = any(&mut chance);
        for to in Dialect::ALL {
            let reply = Reply {
                candidates: vec![Candidate {
                    finish: Some(Finish::new(FinishReason::Stop)),
                    ..Candidate::default()
                }],
                usage: Some(usage),
                ..Reply::default()
            };
            let body = codec(to).render_reply(&reply, &seed(), &mut Losses::new());
            let told = codec(to).parse_reply(&body).unwrap().usage;
            if !tells_parts(to) {
                assert_eq!(few(to, told.as_ref()), few(to, Some(&usage)), "{} of {usage:?}", to.name());
                continue;
            }
            assert_eq!(sums(told.as_ref()), sums(Some(&usage)), "{} of {usage:?}", to.name());
            let told = told.unwrap();
            if to != Dialect::BedrockConverse {
                assert_eq!(told.reasoning, usage.reasoning, "{} of {usage:?}", to.name());
            }
            if to != Dialect::GeminiGenerate {
                let writes = (told.cache_write_5m, told.cache_write_1h);
                assert_eq!(
                    writes,
                    (usage.cache_write_5m, usage.cache_write_1h),
                    "{} of {usage:?}",
                    to.name()
                );
            }
            if !matches!(to, Dialect::AnthropicMessages | Dialect::BedrockConverse) {
                assert_eq!(told.audio_input, usage.audio_input, "{} of {usage:?}", to.name());
                assert_eq!(told.audio_output, usage.audio_output, "{} of {usage:?}", to.name());
                assert_eq!(told.image_output, usage.image_output, "{} of {usage:?}", to.name());
            }
        }
    }
}

/// Whether a dialect tells more than what of the input came from a cache.
fn tells_parts(dialect: Dialect) -> bool {
    !matches!(dialect, Dialect::OllamaChat | Dialect::OllamaGenerate | Dialect::CohereChat)
}

/// What such a dialect tells: all input and all output, and Cohere what was cached.
fn few(dialect: Dialect, usage: Option<&Usage>) -> (u64, u64, u64) {
    let (input, cached, output) = sums(usage);
    (input, if dialect == Dialect::CohereChat { cached } else { 0 }, output)
}

/// A partition in which about half of the classes are empty.
fn any(chance: &mut Chance) -> Usage {
    let mut some = || if chance.below(2) == 0 { 0 } else { chance.below(100_000) as u64 };
    Usage {
        input: some(),
        cache_read: some(),
        cache_write_5m: some(),
        cache_write_1h: some(),
        audio_input: some(),
        output: some(),
        reasoning: some(),
        audio_output: some(),
        image_output: some(),
        web_searches: 0,
        ..Usage::default()
    }
}
