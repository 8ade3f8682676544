//! Events → reply: the whole answer is the sum of its stream.

use super::event::{Delta, Event, Opening};
use super::reply::{Candidate, Reply};
use super::request::{Block, Content, Reasoning, ToolCall, ToolKind};
use crate::fault::Fault;

/// No provider gives more answers to one request; the bound keeps a hostile number from filling
/// memory.
const MOST_CANDIDATES: usize = 128;

/// Gathers the events of one stream into a reply.
#[derive(Debug, Default)]
pub struct Fold {
    reply: Reply,
    /// Where block number i went: its candidate and its place there.
    places: Vec<(usize, usize)>,
    fault: Option<Fault>,
}

impl Fold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event; events for blocks that never opened are ignored.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start { id, model, created, service_tier, extras } => {
                self.reply.id = id;
                self.reply.model = model;
                self.reply.created = created;
                self.reply.service_tier = service_tier;
                self.reply.extras = extras;
            }
            Event::BlockStart { candidate, opening, .. } => self.open(candidate as usize, opening),
            Event::Delta { index, delta } => {
                if let Some(block) = self.block(index) {
                    grow(block, delta);
                }
            }
            Event::Logprobs { candidate, json } => {
                if let Some(Candidate { logprobs, .. }) = self.candidate(candidate as usize) {
                    *logprobs = Some(match logprobs.take() {
                        Some(earlier) => join_logprobs(&earlier, &json),
                        None => json,
                    });
                }
            }
            Event::Extras { candidate: None, extras } => self.reply.extras.put(extras),
            Event::Extras { candidate: Some(candidate), extras } => {
                if let Some(candidate) = self.candidate(candidate as usize) {
                    candidate.extras.put(extras);
                }
            }
            Event::Usage(usage) => self.reply.usage.get_or_insert_default().merge(&usage),
            Event::Finish { candidate, finish } => {
                if let Some(candidate) = self.candidate(candidate as usize) {
                    candidate.finish = Some(finish);
                }
            }
            Event::Fault(fault) => self.fault = Some(fault),
            Event::BlockStop { .. } | Event::Ping | Event::End => {}
        }
    }

    /// The reply.
    ///
    /// # Errors
    /// The fault, when the stream held one.
    pub fn finish(mut self) -> Result<Reply, Fault> {
        for block in self.reply.candidates.iter_mut().flat_map(|candidate| &mut candidate.blocks) {
            if let Content::ToolCall(call) = &mut block.content
                && call.arguments.trim().is_empty()
                && !matches!(call.kind, ToolKind::Custom(_))
            {
                "{}".clone_into(&mut call.arguments);
            }
        }
        self.fault.map_or(Ok(self.reply), Err)
    }

    /// The candidate of this number; none when the number is beyond all reason.
    fn candidate(&mut self, number: usize) -> Option<&mut Candidate> {
        if self.reply.candidates.len() <= number && number < MOST_CANDIDATES {
            self.reply.candidates.resize_with(number + 1, Candidate::default);
        }
        self.reply.candidates.get_mut(number)
    }

    fn open(&mut self, number: usize, opening: Opening) {
        let block = match opening {
            Opening::Text => Block::text(""),
            Opening::Reasoning => Block::new(Content::Reasoning(Reasoning::default())),
            Opening::Refusal => Block::new(Content::Refusal(String::new())),
            Opening::ToolCall { id, name, kind } => {
                Block::new(Content::ToolCall(ToolCall { id, name, arguments: String::new(), kind }))
            }
            Opening::Whole(block) => *block,
        };
        let Some(candidate) = self.candidate(number) else {
            self.places.push((usize::MAX, 0));
            return;
        };
        candidate.blocks.push(block);
        let place = candidate.blocks.len() - 1;
        self.places.push((number, place));
    }

    fn block(&mut self, index: u32) -> Option<&mut Block> {
        let (candidate, place) = *self.places.get(index as usize)?;
        self.reply.candidates.get_mut(candidate)?.blocks.get_mut(place)
    }
}

fn grow(block: &mut Block, delta: Delta) {
    match (&mut block.content, delta) {
        (Content::Text { text, .. }, Delta::Text(more))
        | (Content::Reasoning(Reasoning { text, .. }), Delta::Reasoning(more))
        | (Content::Refusal(text), Delta::Refusal(more))
        | (Content::ToolCall(ToolCall { arguments: text, .. }), Delta::Arguments(more)) => {
            text.push_str(&more)
        }
        (Content::Text { citations, .. }, Delta::Citation(citation)) => citations.push(citation),
        (_, Delta::Signature(signature)) => block.signature = Some(signature),
        _ => {}
    }
}

/// Joins two `{"content":[…],…}` objects of log probabilities by their content arrays.
fn join_logprobs(earlier: &str, later: &str) -> String {
    let items = |json: &str| -> Option<String> {
        let start = json.find('[')? + 1;
        let end = json.rfind(']')?;
        json.get(start..end).map(str::to_owned)
    };
    match (items(earlier), items(later)) {
        (Some(a), Some(b)) if a.is_empty() => format!("{{\"content\":[{b}]}}"),
        (Some(a), Some(b)) if b.is_empty() => format!("{{\"content\":[{a}]}}"),
        (Some(a), Some(b)) => format!("{{\"content\":[{a},{b}]}}"),
        (None, _) => later.to_owned(),
        (_, None) => earlier.to_owned(),
    }
}

/// Folds all events of a finished stream.
///
/// # Errors
/// The fault, when the stream held one.
pub fn fold(events: impl IntoIterator<Item = Event>) -> Result<Reply, Fault> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}
