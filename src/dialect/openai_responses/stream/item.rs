//! One item of a stream that is read: its parts as blocks, and what was told of each.

use crate::dialect::openai_responses::reasoning::{self, BETWEEN, Sealed};
use crate::dialect::openai_responses::reply::part;
use crate::dialect::openai_responses::types::{compact, filled, kind, text};
use crate::dialect::openai_responses::{citations, items, namespace};
use crate::ir::{Block, Content, Delta, Event, Opening, Reasoning, Signature, ToolKind, unseal_id};
use crate::wire::json::Json;

/// Where events go, and how blocks are numbered.
pub(super) struct Out<'e> {
    pub(super) next: &'e mut u32,
    /// A seal that waits for the block it is on.
    pub(super) seal: &'e mut Option<Signature>,
    pub(super) events: &'e mut Vec<Event>,
}

impl Out<'_> {
    fn open(&mut self, opening: Opening) -> u32 {
        let index = *self.next;
        *self.next += 1;
        let sealed = matches!(opening, Opening::ToolCall { .. } | Opening::Text);
        self.events.push(Event::BlockStart { index, candidate: 0, opening });
        if let Some(seal) = self.seal.take_if(|_| sealed) {
            self.delta(index, Delta::Signature(seal));
        }
        index
    }

    fn delta(&mut self, index: u32, delta: Delta) {
        self.events.push(Event::Delta { index, delta });
    }

    fn whole(&mut self, block: Block) {
        let index = self.open(Opening::Whole(Box::new(block)));
        self.events.push(Event::BlockStop { index });
    }
}

/// One item.
#[derive(Debug)]
pub(super) struct Item {
    /// Its place in the output, where the vendor numbers them.
    pub(super) number: Option<u64>,
    /// Its id; "" where it has none.
    pub(super) id: String,
    parts: Vec<Part>,
    /// Whether it is a call that the client must make.
    call: bool,
    /// Whether nothing more is told of it.
    ended: bool,
}

/// One block of an item.
#[derive(Debug)]
struct Part {
    /// The number of the part of a message.
    number: u64,
    block: u32,
    speech: Speech,
    open: bool,
    /// Whether any of its words were told.
    grew: bool,
    /// How many of its sources were told.
    cited: usize,
    /// The part of a summary that was told last.
    paragraph: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    Text,
    Refusal,
    /// A summary of a thought.
    Summary,
    /// A thought itself.
    Thought,
    Arguments,
}

impl Speech {
    fn delta(self, text: &str) -> Delta {
        match self {
            Self::Text => Delta::Text(text.to_owned()),
            Self::Refusal => Delta::Refusal(text.to_owned()),
            Self::Summary | Self::Thought => Delta::Reasoning(text.to_owned()),
            Self::Arguments => Delta::Arguments(text.to_owned()),
        }
    }
}

impl Item {
    pub(super) fn new(number: Option<u64>, id: &str) -> Self {
        Self { number, id: id.to_owned(), parts: Vec::new(), call: false, ended: false }
    }

    /// Whether it is a call that the client must make.
    pub(super) const fn is_call(&self) -> bool {
        self.call
    }

    /// Takes an event, named without `response.`.
    pub(super) fn push(&mut self, what: &str, root: &Json<'_>, out: &mut Out<'_>) {
        if self.ended {
            return;
        }
        let number = root.get("content_index").and_then(Json::as_u64).unwrap_or_default();
        let delta = filled(root.get("delta").and_then(Json::as_str));
        match what {
            "output_item.added" => {
                if let Some(item) = root.field("item") {
                    self.begin(item, out);
                }
            }
            "output_item.done" => {
                if let Some(item) = root.field("item") {
                    self.end(item, out);
                }
            }
            "output_text.delta" => {
                self.say(Speech::Text, number, delta, out);
                probable(root, out);
            }
            "refusal.delta" => self.say(Speech::Refusal, number, delta, out),
            "reasoning_summary_text.delta" => {
                let paragraph = root.get("summary_index").and_then(Json::as_u64);
                self.think(Speech::Summary, paragraph.unwrap_or_default(), delta, out);
            }
            "reasoning_text.delta" => self.think(Speech::Thought, 0, delta, out),
            // Before its item, nobody knows what is called; the item's end tells the whole.
            "function_call_arguments.delta" | "custom_tool_call_input.delta" if self.call => {
                self.say(Speech::Arguments, 0, delta, out);
            }
            "output_text.annotation.added" => {
                if let Some(annotation) = root.field("annotation") {
                    let place = self.part(Speech::Text, number, out);
                    if let Some(part) = self.parts.get_mut(place).filter(|part| part.open) {
                        part.cited += 1;
                        out.delta(part.block, Delta::Citation(citations::parse(annotation)));
                    }
                }
            }
            "content_part.done" => {
                if let Some(part) = root.field("part") {
                    self.end_part(number, part, out);
                }
            }
            _ => {}
        }
    }

    /// The item begins; a call opens at once, since its name stands here.
    fn begin(&mut self, item: &Json<'_>, out: &mut Out<'_>) {
        match kind(item) {
            "function_call" => self.open_call(item, ToolKind::Function, out),
            "custom_tool_call" => self.open_call(item, ToolKind::Custom(None), out),
            _ => {}
        }
    }

    fn open_call(&mut self, item: &Json<'_>, kind: ToolKind, out: &mut Out<'_>) {
        if self.call {
            return;
        }
        self.call = true;
        let (id, riding) = unseal_id(text(item, "call_id"));
        let name = namespace::called(item);
        let block = out.open(Opening::ToolCall { id: id.to_owned(), name, kind });
        if let Some(seal) = riding {
            out.delta(block, Delta::Signature(seal));
        }
        self.add(0, block, Speech::Arguments);
    }

    fn add(&mut self, number: u64, block: u32, speech: Speech) -> usize {
        self.parts.push(Part { number, block, speech, open: true, grew: false, cited: 0, paragraph: 0 });
        self.parts.len() - 1
    }

    /// The place of the block for such words, opened now if it is not.
    fn part(&mut self, speech: Speech, number: u64, out: &mut Out<'_>) -> usize {
        let known = |part: &Part| part.number == number && part.speech == speech;
        if let Some(place) = self.parts.iter().position(known) {
            return place;
        }
        let opening = match speech {
            Speech::Text => Opening::Text,
            Speech::Refusal => Opening::Refusal,
            Speech::Summary | Speech::Thought => Opening::Reasoning,
            Speech::Arguments => {
                Opening::ToolCall { id: String::new(), name: String::new(), kind: ToolKind::Function }
            }
        };
        let block = out.open(opening);
        self.add(number, block, speech)
    }

    fn say(&mut self, speech: Speech, number: u64, words: Option<&str>, out: &mut Out<'_>) {
        let Some(words) = words else { return };
        let place = self.part(speech, number, out);
        if let Some(part) = self.parts.get_mut(place).filter(|part| part.open) {
            part.grew = true;
            out.delta(part.block, speech.delta(words));
        }
    }

    /// A thought is one block. Of a summary and the thought itself, what comes first is told.
    fn think(&mut self, speech: Speech, paragraph: u64, words: Option<&str>, out: &mut Out<'_>) {
        let other = |part: &Part| part.speech != speech && part.grew;
        let Some(words) = words.filter(|_| !self.parts.iter().any(other)) else { return };
        let place = self.part(speech, 0, out);
        if let Some(part) = self.parts.get_mut(place).filter(|part| part.open) {
            if part.grew && part.paragraph != paragraph {
                out.delta(part.block, speech.delta(BETWEEN));
            }
            part.paragraph = paragraph;
            part.grew = true;
            out.delta(part.block, speech.delta(words));
        }
    }

    /// A part of a message is complete: tells what was not told yet.
    fn end_part(&mut self, number: u64, value: &Json<'_>, out: &mut Out<'_>) {
        let block = part(value);
        let (speech, words) = match &block.content {
            Content::Text { text, .. } => (Speech::Text, text.as_str()),
            Content::Refusal(text) => (Speech::Refusal, text.as_str()),
            _ => return,
        };
        let place = self.part(speech, number, out);
        let Some(known) = self.parts.get_mut(place).filter(|known| known.open) else { return };
        if !known.grew && !words.is_empty() {
            out.delta(known.block, speech.delta(words));
        }
        if let Content::Text { citations, .. } = &block.content {
            for citation in citations.iter().skip(known.cited) {
                out.delta(known.block, Delta::Citation(citation.clone()));
            }
        }
        known.open = false;
        out.events.push(Event::BlockStop { index: known.block });
    }

    /// The item is complete: tells what was not told yet.
    pub(super) fn end(&mut self, item: &Json<'_>, out: &mut Out<'_>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        match kind(item) {
            "message" => {
                let parts = item.get("content").map(Json::elements).unwrap_or_default();
                for (number, value) in (0_u64..).zip(parts) {
                    match part(value).content {
                        Content::Text { .. } | Content::Refusal(_) => self.end_part(number, value, out),
                        content => out.whole(Block::new(content)),
                    }
                }
            }
            "reasoning" => self.end_thought(item, out),
            "function_call" => self.end_call(item, "arguments", ToolKind::Function, out),
            "custom_tool_call" => self.end_call(item, "input", ToolKind::Custom(None), out),
            "" => {}
            _ => out.whole(items::block(item)),
        }
        self.close(out);
    }

    fn end_thought(&mut self, item: &Json<'_>, out: &mut Out<'_>) {
        let seal = item.field("encrypted_content").and_then(Json::as_str).filter(|seal| !seal.is_empty());
        let seal: Option<Signature> = match seal.map(reasoning::sealed) {
            Some(Sealed::Own(seal)) => Some(seal),
            Some(Sealed::Redacted(seal)) => {
                let redacted = Reasoning { text: String::new(), redacted: Some(seal) };
                return out.whole(Block::new(Content::Reasoning(redacted)));
            }
            Some(Sealed::Next(seal)) => return *out.seal = Some(seal),
            // A stream cannot reach back to the block before; Google does without the seal of a text.
            Some(Sealed::Last(_)) => return,
            Some(Sealed::Nothing) | None => None,
        };
        let reasoning::Thought::Block(block) = reasoning::parse(item) else { return };
        let Content::Reasoning(Reasoning { text, .. }) = &block.content else { return };
        let grew = self.parts.iter().any(|part| part.grew);
        if !grew && (seal.is_some() || !text.is_empty()) {
            let place = self.part(Speech::Summary, 0, out);
            if let Some(part) = self.parts.get(place)
                && !text.is_empty()
            {
                out.delta(part.block, Delta::Reasoning(text.clone()));
            }
        }
        if let (Some(seal), Some(part)) = (seal, self.parts.first().filter(|part| part.open)) {
            out.delta(part.block, Delta::Signature(seal));
        }
    }

    fn end_call(&mut self, item: &Json<'_>, key: &str, kind: ToolKind, out: &mut Out<'_>) {
        self.open_call(item, kind, out);
        if let Some(part) = self.parts.iter_mut().find(|part| part.speech == Speech::Arguments && part.open)
            && !part.grew
            && let Some(said) = filled(item.get(key).and_then(Json::as_str))
        {
            part.grew = true;
            out.delta(part.block, Delta::Arguments(said.to_owned()));
        }
    }

    /// Nothing more comes.
    pub(super) fn close(&mut self, out: &mut Out<'_>) {
        self.ended = true;
        for part in self.parts.iter_mut().filter(|part| part.open) {
            part.open = false;
            out.events.push(Event::BlockStop { index: part.block });
        }
    }
}

fn probable(root: &Json<'_>, out: &mut Out<'_>) {
    if let Some(list) = root.field("logprobs").filter(|list| !list.elements().is_empty()) {
        let json = format!("{{\"content\":{}}}", compact(list));
        out.events.push(Event::Logprobs { candidate: 0, json });
    }
}
