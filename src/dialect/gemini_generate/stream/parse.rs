//! An upstream's stream → events. A whole answer is a stream of one slice.

use super::super::content::{self, Part, Said};
use super::super::grounding::{self, Offsets, Sources};
use super::super::types::{self, DIALECT};
use super::super::{case, error, logprobs, usage};
use super::partial::{self, Partial};
use super::usual::Usual;
use crate::dialect::StreamParser;
use crate::fault::Fault;
use crate::ir::extras::MOOT;
use crate::ir::{Block, Content, Delta, Event, Extras, Finish, Opening, Usage};
use crate::refusal::Kind;
use crate::units::civil;
use crate::wire::json::{self, Json};

/// Reads one stream.
///
/// The format has no last event, and older models give a finish reason with each slice, so the
/// end of a candidate is only told when the stream has closed.
#[derive(Debug, Default)]
pub(in super::super) struct Parser {
    phase: Phase,
    /// The number of the next block.
    next: u32,
    candidates: Vec<Candidate>,
    usage: Option<Usage>,
    /// Whether each search is billed, and not the answer that searches were made for.
    bills_each_search: bool,
    /// The shape of the last slice, if it did nothing but say words.
    usual: Option<Usual>,
    /// The counts of the last slice that was read by its shape alone; empty when they are told.
    counts: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Before,
    Running,
    Failed,
    Ended,
}

#[derive(Debug, Default)]
struct Candidate {
    open: Option<Open>,
    partial: Option<Partial>,
    finish: Option<Told>,
    called: bool,
    sources: Sources,
    /// How many text blocks it has so far, and whether all their text is ASCII.
    texts: u32,
    foreign: bool,
    /// Members without an event of their own, told at the end.
    extras: Extras,
}

/// How a candidate ends, in the provider's word.
#[derive(Debug)]
enum Told {
    Reason(String),
    Blocked(String),
}

/// A block that grows.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u32,
    thought: bool,
    /// Its seal came, so it grows no more.
    sealed: bool,
}

impl StreamParser for Parser {
    fn push(&mut self, _event: Option<&str>, data: &[u8], events: &mut Vec<Event>) {
        if data.trim_ascii().is_empty() || data == b"[DONE]" {
            return;
        }
        if self.is_usual(data, events) {
            return;
        }
        self.settle(events);
        let before = events.len();
        match json::parse(data) {
            Ok(json) => {
                self.json(&json, events);
                self.usual = Usual::of(data, &json, events.get(before..).unwrap_or_default());
            }
            Err(error) => {
                let message = format!("the provider sent an event that is not valid JSON: {error}");
                self.fail(Fault::new(Kind::BadGateway, message), events);
            }
        }
    }

    /// The counts of the last slice replace those before, so only they are worth reading.
    fn settle(&mut self, events: &mut Vec<Event>) {
        self.usual = None;
        let counts = std::mem::take(&mut self.counts);
        if let Some(json) = json::prefix(&counts) {
            self.used(usage::parse(&json), events);
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        self.settle(events);
        match self.phase {
            Phase::Ended => return,
            Phase::Before | Phase::Running
                if self.candidates.iter().all(|candidate| candidate.finish.is_none()) =>
            {
                let fault = Fault::new(Kind::BadGateway, "the provider's stream ended early");
                self.fail(fault, events);
            }
            Phase::Before | Phase::Running => self.close(events),
            Phase::Failed => {}
        }
        self.phase = Phase::Ended;
        events.push(Event::End);
    }
}

impl Parser {
    /// Reads a slice that is like the one before it but for its words and its counts.
    fn is_usual(&mut self, data: &[u8], events: &mut Vec<Event>) -> bool {
        let Some(Usual { mould, block, candidate }) = &self.usual else { return false };
        let Some((text, counts)) = mould.text_and_counts(data) else { return false };
        self.counts.clear();
        self.counts.extend_from_slice(counts);
        if text.is_empty() {
            return true;
        }
        if let Some(candidate) = self.candidates.get_mut(*candidate) {
            candidate.foreign |= !text.is_ascii();
        }
        events.push(Event::Delta { index: *block, delta: Delta::Text(text) });
        true
    }

    fn used(&mut self, usage: Usage, events: &mut Vec<Event>) {
        if self.usage.unwrap_or_default() != usage {
            self.usage = Some(usage);
            events.push(Event::Usage(usage));
        }
    }

    /// Takes one slice, or a list of them.
    pub(in super::super) fn json(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        for slice in case::items(json) {
            if matches!(self.phase, Phase::Failed | Phase::Ended) {
                return;
            }
            self.slice(slice, events);
        }
    }

    /// Ends every candidate.
    pub(in super::super) fn close(&mut self, events: &mut Vec<Event>) {
        let searches = self.candidates.iter().map(|candidate| candidate.sources.searches).sum::<u64>();
        if let Some(usage) = self.usage.as_mut().filter(|_| searches > 0) {
            usage.web_searches = if self.bills_each_search { searches } else { 1 };
            events.push(Event::Usage(*usage));
        }
        for (number, candidate) in (0..).zip(&mut self.candidates) {
            candidate.end(number, &mut self.next, events);
        }
    }

    fn fail(&mut self, fault: Fault, events: &mut Vec<Event>) {
        if !matches!(self.phase, Phase::Failed | Phase::Ended) {
            self.phase = Phase::Failed;
            events.push(Event::Fault(fault));
        }
    }

    fn slice(&mut self, json: &Json<'_>, events: &mut Vec<Event>) {
        let (mut usage, mut candidates, mut feedback) = (None, None, None);
        let mut late = Extras::NONE;
        for (name, value) in case::fields(json) {
            match &*name {
                "usageMetadata" => usage = Some(value),
                "candidates" => candidates = Some(value),
                "promptFeedback" => feedback = Some(value),
                "error" => {
                    self.fail(error::in_stream(value), events);
                    return;
                }
                _ => {}
            }
            let told = matches!(
                &*name,
                "usageMetadata" | "candidates" | "modelVersion" | "responseId" | "createTime"
            );
            if self.phase == Phase::Running && !told {
                late.push(DIALECT, &name, &case::compact(value));
            }
        }
        if !late.is_empty() {
            events.push(Event::Extras { candidate: None, extras: late });
        }
        if self.phase == Phase::Before {
            self.phase = Phase::Running;
            self.bills_each_search =
                case::text(json, "modelVersion").is_some_and(grounding::bills_each_search);
            events.push(start(json, usage));
        }
        if let Some(usage) = usage {
            self.used(usage::parse(usage), events);
        }
        let candidates = candidates.map(Json::elements).unwrap_or_default();
        for (at, candidate) in candidates.iter().enumerate() {
            // An index of 0 is left out by some.
            let told = case::field(candidate, "index").and_then(Json::as_u64);
            let number = told.and_then(|number| usize::try_from(number).ok()).unwrap_or(at);
            self.candidate(number.min(127), candidate, events);
        }
        if let Some(word) = feedback.and_then(|feedback| case::text(feedback, "blockReason")) {
            self.entry(0).finish = Some(Told::Blocked(word.to_owned()));
        }
    }

    fn entry(&mut self, number: usize) -> &mut Candidate {
        if self.candidates.len() <= number {
            self.candidates.resize_with(number + 1, Candidate::default);
        }
        let last = self.candidates.len() - 1;
        // The list was just made long enough.
        #[allow(clippy::indexing_slicing)]
        &mut self.candidates[number.min(last)]
    }

    fn candidate(&mut self, number: usize, json: &Json<'_>, events: &mut Vec<Event>) {
        let index = u32::try_from(number).unwrap_or_default();
        let mut next = self.next;
        let candidate = self.entry(number);
        let (mut content, mut reason, mut probabilities, mut sources) = (None, None, None, false);
        let mut extras = Extras::NONE;
        for (name, value) in case::fields(json) {
            match &*name {
                "content" => content = Some(value),
                "finishReason" => reason = value.as_str(),
                "logprobsResult" => probabilities = logprobs::parse(value),
                "index" => {}
                _ => {
                    sources |= matches!(&*name, "groundingMetadata" | "citationMetadata");
                    extras.push(DIALECT, &name, &case::compact(value));
                }
            }
        }
        candidate.keep(extras);
        let parts = content.and_then(|content| case::field(content, "parts"));
        for part in parts.map(case::items).unwrap_or_default() {
            candidate.part(index, part, &mut next, events);
        }
        if let Some(word) = reason.filter(|word| *word != "FINISH_REASON_UNSPECIFIED") {
            candidate.finish = Some(Told::Reason(word.to_owned()));
        }
        if sources {
            candidate.sources.take(json);
        }
        events.extend(probabilities.map(|json| Event::Logprobs { candidate: index, json }));
        self.next = next;
    }
}

impl Candidate {
    /// Keeps members of a slice, the latest of each but for one that says nothing any more.
    fn keep(&mut self, mut extras: Extras) {
        extras.retain(|extra| extra.json != "{}" || self.extras.json(DIALECT, &extra.name).is_none());
        self.extras.put(extras);
    }

    fn part(&mut self, number: u32, json: &Json<'_>, next: &mut u32, events: &mut Vec<Event>) {
        let piece = case::field(json, "functionCall").filter(|call| partial::is_piece(call));
        if let Some(piece) = piece {
            if let Some(begun) = Partial::begin(json, piece) {
                self.complete(number, next, events);
                self.partial = Some(begun);
            }
            if let Some(call) = &mut self.partial {
                call.grow(piece);
            }
        }
        if !piece.is_some_and(partial::continues) {
            self.complete(number, next, events);
        }
        if piece.is_some() {
            return;
        }
        let part = content::read(json).unwrap_or_else(|_| unreadable(json));
        match part.said {
            Said::Nothing => {}
            Said::Text { ref text, thought } => match part.signature {
                Some(ref seal) if thought && content::is_redacted(seal) => {
                    if let Some(block) = part.into_block() {
                        self.whole(number, block, next, events);
                    }
                }
                None if text.is_empty() => {}
                _ => self.grow(number, part, next, events),
            },
            Said::Block(_) => {
                if let Some(block) = part.into_block() {
                    self.whole(number, block, next, events);
                }
            }
        }
    }

    fn grow(&mut self, number: u32, part: Part, next: &mut u32, events: &mut Vec<Event>) {
        let Said::Text { text, thought } = part.said else { return };
        let open = match self.open.filter(|open| open.thought == thought && !open.sealed) {
            Some(open) => open,
            None => self.start(number, thought, next, events),
        };
        let index = open.index;
        if !text.is_empty() {
            self.foreign |= !thought && !text.is_ascii();
            let delta = if thought { Delta::Reasoning(text) } else { Delta::Text(text) };
            events.push(Event::Delta { index, delta });
        }
        if let Some(seal) = part.signature {
            events.push(Event::Delta { index, delta: Delta::Signature(seal) });
            self.open = Some(Open { sealed: true, ..open });
        }
    }

    fn start(&mut self, number: u32, thought: bool, next: &mut u32, events: &mut Vec<Event>) -> Open {
        self.stop(events);
        let index = *next;
        *next += 1;
        self.texts += u32::from(!thought);
        let opening = if thought { Opening::Reasoning } else { Opening::Text };
        events.push(Event::BlockStart { index, candidate: number, opening });
        *self.open.insert(Open { index, thought, sealed: false })
    }

    fn stop(&mut self, events: &mut Vec<Event>) {
        events.extend(self.open.take().map(|open| Event::BlockStop { index: open.index }));
    }

    /// Ends the call that came in pieces.
    fn complete(&mut self, number: u32, next: &mut u32, events: &mut Vec<Event>) {
        if let Some(call) = self.partial.take() {
            self.whole(number, call.into_block(), next, events);
        }
    }

    /// A block that came whole.
    fn whole(&mut self, number: u32, block: Block, next: &mut u32, events: &mut Vec<Event>) {
        self.stop(events);
        let index = *next;
        *next += 1;
        if let Content::ToolCall(call) = block.content {
            self.called = true;
            let opening = Opening::ToolCall { id: call.id, name: call.name, kind: call.kind };
            events.push(Event::BlockStart { index, candidate: number, opening });
            // Before the arguments: a client may want the seal with the beginning of the call.
            let seal = block.signature.map(Delta::Signature);
            events.extend(seal.map(|delta| Event::Delta { index, delta }));
            events.push(Event::Delta { index, delta: Delta::Arguments(call.arguments) });
        } else {
            let opening = Opening::Whole(Box::new(block));
            events.push(Event::BlockStart { index, candidate: number, opening });
        }
        events.push(Event::BlockStop { index });
    }

    fn end(&mut self, number: u32, next: &mut u32, events: &mut Vec<Event>) {
        self.complete(number, next, events);
        let plain = self.texts <= 1 && !self.foreign;
        let citations = self.sources.citations(if plain { Offsets::Plain } else { Offsets::Unknown });
        if !citations.is_empty() {
            let open = match self.open.filter(|open| !open.thought) {
                Some(open) => open,
                None => self.start(number, false, next, events),
            };
            events.extend(
                citations
                    .into_iter()
                    .map(|citation| Event::Delta { index: open.index, delta: Delta::Citation(citation) }),
            );
        }
        self.stop(events);
        let extras = std::mem::take(&mut self.extras);
        if !extras.is_empty() {
            events.push(Event::Extras { candidate: Some(number), extras });
        }
        let finish = match self.finish.take() {
            Some(Told::Reason(word)) => types::finish(&word, self.called),
            Some(Told::Blocked(word)) => types::blocked(&word),
            None => return,
        };
        events.push(Event::Finish { candidate: number, finish });
    }
}

/// A part that does not follow the rules is kept as it is.
fn unreadable(json: &Json<'_>) -> Part {
    let content =
        Content::Opaque { dialect: DIALECT, name: "part".to_owned(), json: case::compact(json), words: None };
    Part { said: Said::Block(content), signature: None, extras: Extras::NONE }
}

fn start(json: &Json<'_>, usage: Option<&Json<'_>>) -> Event {
    let mut extras = Extras::NONE;
    let mut created = None;
    for (name, value) in case::fields(json) {
        match &*name {
            "candidates" | "usageMetadata" | "modelVersion" | "responseId" => {}
            "createTime" => {
                created = value.as_str().and_then(civil::parse_rfc3339);
                // Others tell it in whole seconds.
                let mark = if created.is_some() { MOOT } else { "" };
                extras.push(DIALECT, &format!("{mark}{name}"), value.raw());
            }
            _ => extras.push(DIALECT, &name, &case::compact(value)),
        }
    }
    usage::keep_extras(usage, &mut extras);
    let tier = usage.and_then(|usage| case::text(usage, "serviceTier"));
    Event::Start {
        id: case::text(json, "responseId").map(str::to_owned),
        model: case::text(json, "modelVersion").map(str::to_owned),
        created,
        service_tier: tier.map(types::tier),
        extras,
    }
}

/// Whether a finish tells that the prompt itself was refused; only then is there no candidate.
pub(in super::super) fn is_block_of_prompt(finish: Option<&Finish>, extras: &Extras) -> bool {
    let feedback = extras.json(DIALECT, "promptFeedback");
    finish.is_some()
        && feedback
            .is_some_and(|feedback| feedback.contains("blockReason") || feedback.contains("block_reason"))
}
