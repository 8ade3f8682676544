//! The beginning of a stream, held back until there is something in it: until then another attempt may
//! still be made.

use bytes::Bytes;

use crate::dialect::transcode::Transcoder;
use crate::dialect::{Framing, Restore, Seed, StreamShape};
use crate::fault::Fault;
use crate::ir::{Delta, Dialect, Event, FinishReason, Opening};
use crate::refusal::Kind;
use crate::route::way::Cause;

/// More than this is not held: whatever it is, it is no beginning.
const MOST: usize = 1 << 20;

/// The beginning of a stream.
#[derive(Debug)]
pub struct Holding {
    /// Understands what came; what it says of it is for nobody.
    pipe: Transcoder,
    nobody: Vec<u8>,
    seen: Seen,
    /// What came from the provider, for those who take it along, and how many bytes that is.
    came: Vec<Bytes>,
    came_bytes: usize,
    /// What the client is to get.
    said: Vec<u8>,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    begun: bool,
    finish: Option<FinishReason>,
    fault: Option<Fault>,
}

/// What the beginning comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing yet.
    Waits,
    /// Something is in it, or it came to its end with nothing: it goes to the client.
    Goes,
    /// It failed, or came to its end with nothing in it, where that is a failure.
    Failed(Fault),
}

impl Holding {
    /// The beginning of a stream in this dialect.
    #[must_use]
    pub fn new(upstream: Dialect, seed: &Seed) -> Self {
        let shape = StreamShape { framing: Framing::of(upstream), usage: false };
        Self {
            pipe: Transcoder::new(upstream, upstream, Restore::NONE, seed, shape),
            nobody: Vec::new(),
            seen: Seen::default(),
            came: Vec::new(),
            came_bytes: 0,
            said: Vec::new(),
        }
    }

    /// A piece of the stream came from the provider.
    pub fn hear(&mut self, piece: Option<&Bytes>, end: bool) {
        let Self { pipe, nobody, seen, came, came_bytes, .. } = self;
        let mut see = |event: &Event| seen.see(event);
        if let Some(piece) = piece {
            pipe.push(piece, nobody, &mut see);
            came.push(piece.clone());
            *came_bytes += piece.len();
        }
        if end {
            pipe.finish(nobody, &mut see);
        }
        nobody.clear();
    }

    /// The client is to get this.
    pub fn say(&mut self, piece: Option<Bytes>) {
        self.said.extend_from_slice(&piece.unwrap_or_default());
    }

    /// What it comes to, at its end or before; `fails` says whether an answer of this cause has failed though
    /// it is whole.
    #[must_use]
    pub fn judge(&self, end: bool, fails: impl Fn(Cause) -> bool) -> Beginning {
        let Seen { begun, finish, fault } = &self.seen;
        if *begun || self.said.len().max(self.came_bytes) > MOST {
            return Beginning::Goes;
        }
        if let Some(fault) = fault {
            return Beginning::Failed(fault.clone());
        }
        match finish {
            Some(FinishReason::ContentFilter | FinishReason::Refusal) if fails(Cause::Content) => {
                let message = "the provider's rules forbid the answer";
                Beginning::Failed(Fault::new(Kind::ContentPolicy, message))
            }
            Some(_) if end && fails(Cause::Empty) => Beginning::Failed(Cause::empty()),
            Some(_) | None if end => Beginning::Goes,
            Some(_) | None => Beginning::Waits,
        }
    }

    /// What came from the provider, and what the client is to get.
    #[must_use]
    pub fn release(self) -> (Vec<Bytes>, Bytes) {
        (self.came, self.said.into())
    }
}

impl Seen {
    fn see(&mut self, event: &Event) {
        match event {
            Event::Delta { delta, .. } => {
                self.begun |= match delta {
                    Delta::Text(text) | Delta::Reasoning(text) | Delta::Refusal(text) => !text.is_empty(),
                    Delta::Arguments(_) | Delta::Signature(_) | Delta::Citation(_) => true,
                };
            }
            Event::BlockStart { opening, .. } => {
                self.begun |= match opening {
                    Opening::Text | Opening::Reasoning | Opening::Refusal => false,
                    Opening::ToolCall { .. } | Opening::Whole(_) => true,
                };
            }
            Event::Finish { finish, .. } => self.finish = Some(finish.reason),
            Event::Fault(fault) => {
                self.fault.get_or_insert_with(|| fault.clone());
            }
            Event::Start { .. }
            | Event::BlockStop { .. }
            | Event::Logprobs { .. }
            | Event::Extras { .. }
            | Event::Usage(_)
            | Event::Ping
            | Event::End => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(dialect: Dialect, pieces: &[&str], fails: &[Cause]) -> Vec<Beginning> {
        let (id, model, asked) = ("x".to_owned(), "m".to_owned(), Bytes::new());
        let seed = Seed { id, created: 1, model, input_tokens: 0, asked, kept: false };
        let mut holding = Holding::new(dialect, &seed);
        let last = pieces.len() - 1;
        let judge = |(place, piece): (usize, &&str)| {
            holding.hear(Some(&Bytes::copy_from_slice(piece.as_bytes())), place == last);
            holding.say(Some(Bytes::copy_from_slice(piece.as_bytes())));
            holding.judge(place == last, |cause| fails.contains(&cause))
        };
        pieces.iter().enumerate().map(judge).collect()
    }

    fn chat(delta: &str, finish: &str) -> String {
        format!(
            "data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    }

    #[test]
    fn a_stream_is_held_until_something_is_in_it() {
        let role = chat("{\"role\":\"assistant\",\"content\":\"\"}", "null");
        let word = chat("{\"content\":\"hi\"}", "null");
        let told = judged(Dialect::OpenaiChat, &[&role, &word, "data: [DONE]\n\n"], &[]);
        assert_eq!(told, [Beginning::Waits, Beginning::Goes, Beginning::Goes]);
        let thought = chat("{\"reasoning_content\":\"hm\"}", "null");
        assert_eq!(judged(Dialect::OpenaiChat, &[&role, &thought, ""], &[])[1], Beginning::Goes);
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\
            \"role\":\"assistant\",\"model\":\"x\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";
        let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
        let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        let told = judged(Dialect::AnthropicMessages, &[start, ping, error], &[]);
        assert_eq!(told[..2], [Beginning::Waits, Beginning::Waits]);
        assert!(matches!(&told[2], Beginning::Failed(fault) if fault.kind == Kind::Overloaded), "{told:?}");
    }

    #[test]
    fn more_than_a_beginning_is_not_held_though_the_client_gets_nothing_of_it() {
        let (id, model, asked) = ("x".to_owned(), "m".to_owned(), Bytes::new());
        let seed = Seed { id, created: 1, model, input_tokens: 0, asked, kept: false };
        let mut holding = Holding::new(Dialect::OpenaiChat, &seed);
        let comments = Bytes::from(": waiting\n\n".repeat(MOST / 22));
        for expected in [Beginning::Waits, Beginning::Waits, Beginning::Goes] {
            holding.hear(Some(&comments), false);
            assert_eq!(holding.judge(false, |_| false), expected);
        }
    }

    #[test]
    fn a_stream_that_breaks_off_before_anything_was_said_has_failed() {
        let role = chat("{\"role\":\"assistant\",\"content\":\"\"}", "null");
        let told = judged(Dialect::OpenaiChat, &[&role, ""], &[]);
        assert!(matches!(&told[1], Beginning::Failed(fault) if fault.kind == Kind::BadGateway), "{told:?}");
    }

    #[test]
    fn an_empty_answer_has_failed_only_where_that_is_said() {
        let role = chat("{\"role\":\"assistant\",\"content\":\"\"}", "null");
        let stop = chat("{}", "\"stop\"") + "data: [DONE]\n\n";
        assert_eq!(judged(Dialect::OpenaiChat, &[&role, &stop], &[])[1], Beginning::Goes);
        assert_eq!(
            judged(Dialect::OpenaiChat, &[&role, &stop], &[Cause::Empty])[1],
            Beginning::Failed(Cause::empty())
        );
        let filtered = chat("{}", "\"content_filter\"") + "data: [DONE]\n\n";
        let told = judged(Dialect::OpenaiChat, &[&role, &filtered], &[Cause::Content]);
        assert!(
            matches!(&told[1], Beginning::Failed(fault) if fault.kind == Kind::ContentPolicy),
            "{told:?}"
        );
    }
}
