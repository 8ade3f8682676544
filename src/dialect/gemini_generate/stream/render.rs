//! Events → a client's stream, as server-sent events or as one JSON array.

use super::super::content;
use super::super::grounding::{self, Segment};
use super::super::reply::{write_block, write_tail};
use super::super::types::{self, DIALECT};
use super::super::{error, logprobs, seal};
use super::parse::is_block_of_prompt;
use crate::dialect::{Framing, Seed, StreamRenderer, StreamShape};
use crate::ir::{Citation, Delta, Event, Extras, Finish, Losses, Opening, ServiceTier, Signature, Usage};
use crate::wire::json::{self, Object};
use crate::wire::{json_array, sse};

/// Writes one stream. Words go out as they come; a call goes out whole; why a candidate ended goes
/// out last, with the usage, and beside the last call where there is one: chats of Google's SDKs
/// forget a turn of which a slice holds no part or an empty text, and so the call that they answer.
pub(in super::super) struct Renderer {
    id: String,
    model: String,
    framing: Framing,
    array: Option<json_array::Writer>,
    extras: Extras,
    tier: Option<ServiceTier>,
    /// The open blocks by number.
    open: Vec<(u32, Open)>,
    candidates: Vec<Candidate>,
    usage: Option<Usage>,
    /// Whether the usage known was not told yet.
    untold: bool,
    finished: Vec<(u32, Finish)>,
    /// Whether a slice was sent.
    begun: bool,
    done: bool,
    slice: Vec<u8>,
    /// What a slice ends with that holds words and nothing else; empty until it is needed.
    tail: Vec<u8>,
}

struct Open {
    candidate: u32,
    kind: Kind,
}

enum Kind {
    /// Behind that many bytes of other texts.
    Text(u64),
    Thought,
    Call {
        id: String,
        name: String,
        arguments: String,
        seal: Option<Signature>,
    },
    Whole,
}

#[derive(Default)]
struct Candidate {
    cited: Vec<Cited>,
    /// How many bytes of text were said.
    said: u64,
    foreign: bool,
    /// The part that came whole and that nothing followed yet.
    held: Option<Vec<u8>>,
    /// Probabilities that wait for a slice with something to read.
    logprobs: Vec<String>,
    /// Members that are told at the end.
    extras: Extras,
}

/// A citation, and which text it is one of.
struct Cited {
    citation: Citation,
    block: u32,
    /// Where in all that is said the text begins and ends.
    text: (u64, u64),
}

impl Cited {
    /// What it stands for, as [`Segment::of`] tells it of a text that is at hand.
    fn segment(&self, foreign: bool) -> Option<Segment<'static>> {
        let (start, end) = match (self.citation.end, &self.citation.quote) {
            (Some(end), _) => {
                let place = |at: u64| self.text.0.saturating_add(at);
                (place(self.citation.start.unwrap_or(0)), place(end))
            }
            (None, Some(_)) => self.text,
            (None, None) => return None,
        };
        // Only of letters that are one byte each a place among them tells how many bytes these are.
        let is_known = self.citation.end.is_none() || !foreign;
        (is_known && start < end && end <= self.text.1).then_some(Segment { start, end, text: None })
    }
}

impl Renderer {
    pub(in super::super) fn new(seed: &Seed, shape: StreamShape) -> Self {
        Self {
            id: seed.id.clone(),
            model: seed.model.clone(),
            framing: shape.framing,
            array: Some(json_array::Writer::default()),
            extras: Extras::NONE,
            tier: None,
            open: Vec::new(),
            candidates: Vec::new(),
            usage: None,
            untold: false,
            finished: Vec::new(),
            begun: false,
            done: false,
            slice: Vec::with_capacity(512),
            tail: Vec::new(),
        }
    }

    fn start(
        &mut self,
        index: u32,
        candidate: u32,
        opening: &Opening,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        let kind = match opening {
            Opening::Text | Opening::Refusal => {
                Kind::Text(self.entry(candidate).map_or(0, |entry| entry.said))
            }
            Opening::Reasoning => Kind::Thought,
            Opening::ToolCall { id, name, .. } => {
                Kind::Call { id: id.clone(), name: name.clone(), arguments: String::new(), seal: None }
            }
            Opening::Whole(block) => {
                let mut part = Vec::new();
                if write_block(&mut part, block, losses) {
                    self.hold(candidate, part, out);
                }
                Kind::Whole
            }
        };
        self.open.push((index, Open { candidate, kind }));
    }

    fn grow(&mut self, index: u32, delta: &Delta, out: &mut Vec<u8>) {
        let Some((_, open)) = self.open.iter_mut().find(|(number, _)| *number == index) else {
            return;
        };
        let candidate = open.candidate;
        let thought = matches!(open.kind, Kind::Thought);
        match (delta, &mut open.kind) {
            (Delta::Arguments(more), Kind::Call { arguments, .. }) => arguments.push_str(more),
            (Delta::Signature(signature), Kind::Call { seal, .. }) => *seal = Some(signature.clone()),
            (Delta::Signature(signature), _) => {
                let seal = seal::carried(signature);
                self.text(candidate, "", thought, Some(&seal), out);
            }
            (Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text), _) => {
                self.text(candidate, text, thought, None, out);
            }
            (Delta::Citation(citation), kind) => {
                let from = if let Kind::Text(from) = kind { *from } else { 0 };
                let cited = Cited { citation: citation.clone(), block: index, text: (from, from) };
                if let Some(entry) = self.entry(candidate) {
                    entry.cited.push(cited);
                }
            }
            (Delta::Arguments(_), _) => {}
        }
    }

    fn text(&mut self, candidate: u32, text: &str, thought: bool, seal: Option<&str>, out: &mut Vec<u8>) {
        if let Some(entry) = self.entry(candidate) {
            entry.foreign |= !thought && !text.is_ascii();
            entry.said += if thought { 0 } else { text.len() as u64 };
        }
        self.release(candidate, out);
        if seal.is_none() && self.has_words_alone(candidate) {
            return self.words(candidate, text, thought, out);
        }
        self.parts(candidate, out, |parts| {
            content::write_part(parts, seal, &Extras::NONE, |o| content::write_text(o, text, thought));
        });
    }

    /// Whether the next slice tells nothing beside what is said in it, as nearly all of them.
    fn has_words_alone(&self, candidate: u32) -> bool {
        let entry = usize::try_from(candidate).ok().and_then(|number| self.candidates.get(number));
        self.framing == Framing::Sse
            && self.begun
            && !self.untold
            && self.extras.is_empty()
            && entry.is_none_or(|entry| entry.logprobs.is_empty())
    }

    /// Sends such a slice, exactly as [`Self::parts`] would: it is written for every few letters.
    fn words(&mut self, candidate: u32, text: &str, thought: bool, out: &mut Vec<u8>) {
        if self.tail.is_empty() {
            self.tail.extend_from_slice(b"}],\"modelVersion\":");
            json::write_string(&mut self.tail, &self.model);
            self.tail.extend_from_slice(b",\"responseId\":");
            json::write_string(&mut self.tail, &self.id);
            self.tail.extend_from_slice(b"}\r\n\r\n");
        }
        out.extend_from_slice(b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":");
        json::write_string(out, text);
        if thought {
            out.extend_from_slice(b",\"thought\":true");
        }
        out.extend_from_slice(b"}],\"role\":\"model\"},\"index\":");
        json::write_number(out, candidate);
        out.extend_from_slice(&self.tail);
    }

    /// Keeps a part that came whole until something follows it.
    fn hold(&mut self, candidate: u32, part: Vec<u8>, out: &mut Vec<u8>) {
        self.release(candidate, out);
        if let Some(entry) = self.entry(candidate) {
            entry.held = Some(part);
        }
    }

    /// Says what was held back of a candidate.
    fn release(&mut self, candidate: u32, out: &mut Vec<u8>) {
        if let Some(held) = self.entry(candidate).and_then(|entry| entry.held.take()) {
            self.parts(candidate, out, |parts| parts.extend_from_slice(&held));
        }
    }

    /// Says what was held back of all candidates but those that finished.
    fn release_open(&mut self, out: &mut Vec<u8>) {
        for candidate in (0_u32..).take(self.candidates.len()) {
            if !self.finished.iter().any(|(number, _)| *number == candidate) {
                self.release(candidate, out);
            }
        }
    }

    fn stop(&mut self, index: u32, out: &mut Vec<u8>, losses: &mut Losses) {
        let Some(place) = self.open.iter().position(|(number, _)| *number == index) else { return };
        let (_, open) = self.open.remove(place);
        if let Some(entry) = self.entry(open.candidate) {
            for cited in entry.cited.iter_mut().filter(|cited| cited.block == index) {
                cited.text.1 = entry.said;
            }
        }
        let Kind::Call { id, name, arguments, seal } = open.kind else { return };
        if !content::are_arguments(&arguments) {
            losses.bent("content.arguments", content::ONLY_AN_OBJECT);
        }
        let seal = seal.map(|seal| seal::carried(&seal));
        let mut part = Vec::with_capacity(arguments.len() + 64);
        content::write_part(&mut part, seal.as_deref(), &Extras::NONE, |o| {
            content::write_call(o, &id, &name, &arguments, &Extras::NONE);
        });
        self.hold(open.candidate, part, out);
    }

    fn entry(&mut self, candidate: u32) -> Option<&mut Candidate> {
        let number = usize::try_from(candidate).ok().filter(|number| *number < 128)?;
        if self.candidates.len() <= number {
            self.candidates.resize_with(number + 1, Candidate::default);
        }
        self.candidates.get_mut(number)
    }

    /// Sends a slice with new parts of one candidate.
    fn parts(&mut self, candidate: u32, out: &mut Vec<u8>, parts: impl FnOnce(&mut Vec<u8>)) {
        let logprobs = self.entry(candidate).map(|entry| std::mem::take(&mut entry.logprobs));
        self.slice(out, |o| {
            o.array("candidates", |a| {
                a.object(|o| {
                    o.object("content", |o| {
                        o.embed("parts", |out| {
                            out.push(b'[');
                            parts(out);
                            out.push(b']');
                        });
                        o.string("role", "model");
                    });
                    o.number("index", candidate);
                    logprobs::write(o, logprobs.as_deref().unwrap_or_default());
                });
            });
        });
    }

    /// Sends a slice: what `says` adds, what is new of the usage, and whose slice it is.
    fn slice(&mut self, out: &mut Vec<u8>, says: impl FnOnce(&mut Object<'_>)) {
        let mut slice = std::mem::take(&mut self.slice);
        slice.clear();
        let first = !std::mem::replace(&mut self.begun, true);
        let usage = self.usage.as_ref().filter(|_| self.untold);
        let tier = self.tier.as_ref().filter(|_| first || usage.is_some());
        self.untold = false;
        // What is told once is told with the next slice.
        let extras = std::mem::take(&mut self.extras);
        json::object(&mut slice, |o| {
            says(o);
            write_tail(o, &extras, usage, tier);
            o.string("modelVersion", &self.model);
            o.string("responseId", &self.id);
        });
        self.frame(out, &slice);
        self.slice = slice;
    }

    fn frame(&mut self, out: &mut Vec<u8>, json: &[u8]) {
        match self.framing {
            // Nobody asks Gemini for the others.
            Framing::Sse | Framing::AwsEvents | Framing::Lines => {
                out.extend_from_slice(b"data: ");
                let start = out.len();
                out.extend_from_slice(json);
                // Arguments may come in lines.
                sse::in_one_line(out.get_mut(start..).unwrap_or_default());
                out.extend_from_slice(b"\r\n\r\n");
            }
            Framing::JsonArray => {
                if let Some(array) = &mut self.array {
                    array.element(out, json);
                }
            }
        }
    }

    /// Sends why candidates ended, and all of the usage.
    fn flush(&mut self, out: &mut Vec<u8>, losses: &mut Losses) {
        self.untold = self.usage.is_some();
        let finished = std::mem::take(&mut self.finished);
        let mut candidates = std::mem::take(&mut self.candidates);
        let first = finished.first().map(|(_, finish)| finish);
        let blocked = !self.begun && is_block_of_prompt(first, &self.extras);
        self.slice(out, |o| {
            if !finished.is_empty() && !blocked {
                o.array("candidates", |a| {
                    for (number, finish) in &finished {
                        let number = *number;
                        let entry = usize::try_from(number).ok();
                        let entry = entry.and_then(|entry| candidates.get_mut(entry));
                        a.object(|o| write_end(o, number, finish, entry, losses));
                    }
                });
            }
        });
        self.candidates = candidates;
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.done = true;
        if self.framing == Framing::JsonArray
            && let Some(array) = self.array.take()
        {
            array.finish(out);
        }
    }
}

fn write_end(
    o: &mut Object<'_>,
    number: u32,
    finish: &Finish,
    mut entry: Option<&mut Candidate>,
    losses: &mut Losses,
) {
    let held = entry.as_mut().and_then(|entry| entry.held.take());
    o.object("content", |o| {
        match held {
            Some(held) => o.embed("parts", |out| {
                out.push(b'[');
                out.extend_from_slice(&held);
                out.push(b']');
            }),
            None => o.raw("parts", r#"[{"text":""}]"#),
        }
        o.string("role", "model");
    });
    o.string("finishReason", types::finish_word(finish));
    o.number("index", number);
    if let Some(entry) = entry {
        logprobs::write(o, &std::mem::take(&mut entry.logprobs));
        let cited = std::mem::take(&mut entry.cited);
        let cited: Vec<_> = cited.iter().map(|one| (&one.citation, one.segment(entry.foreign))).collect();
        let extras = std::mem::take(&mut entry.extras);
        for extra in extras.of(DIALECT) {
            o.raw(&extra.name, &extra.json);
        }
        if grounding::is_told(&extras) {
            return;
        }
        grounding::write(o, &cited, losses);
    }
}

impl StreamRenderer for Renderer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>, losses: &mut Losses) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, service_tier, extras, .. } => {
                if let Some(id) = id {
                    self.id.clone_from(id);
                }
                if let Some(model) = model {
                    self.model.clone_from(model);
                }
                self.tail.clear();
                self.tier.clone_from(service_tier);
                self.extras.clone_from(extras);
                note_foreign(extras, losses);
            }
            Event::BlockStart { index, candidate, opening } => {
                self.start(*index, *candidate, opening, out, losses);
            }
            Event::Delta { index, delta } => self.grow(*index, delta, out),
            Event::BlockStop { index } => self.stop(*index, out, losses),
            Event::Extras { candidate, extras } => {
                note_foreign(extras, losses);
                let kept = match candidate {
                    Some(candidate) => self.entry(*candidate).map(|entry| &mut entry.extras),
                    None => Some(&mut self.extras),
                };
                if let Some(kept) = kept.filter(|_| extras.of(DIALECT).next().is_some()) {
                    kept.put(extras.clone());
                }
            }
            Event::Logprobs { candidate, json } => {
                if let Some(entry) = self.entry(*candidate) {
                    entry.logprobs.push(json.clone());
                }
            }
            Event::Usage(usage) => {
                self.usage.get_or_insert_default().merge(usage);
                self.untold = true;
                if !self.finished.is_empty() {
                    self.flush(out, losses);
                }
            }
            Event::Finish { candidate, finish } => self.finished.push((*candidate, finish.clone())),
            Event::Ping => {}
            Event::Fault(fault) => {
                self.finished.clear();
                self.release_open(out);
                let json = error::render(&fault.clone().into_refusal());
                self.frame(out, &json);
                self.end(out);
            }
            Event::End => {
                self.release_open(out);
                if !self.finished.is_empty() || self.untold {
                    self.flush(out, losses);
                }
                self.end(out);
            }
        }
    }
}

/// Notes the members of an answer that only another dialect has.
pub(in super::super) fn note_foreign(extras: &Extras, losses: &mut Losses) {
    for extra in extras.foreign(DIALECT) {
        losses.dropped(extra.name.clone(), "not known to this dialect");
    }
}
