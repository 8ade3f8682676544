//! One streamed choice: its words, thoughts, calls and end, put in the order of `ir::grammar`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::openai_chat::reasoning::{self, Details, ThinkingBlock};
use crate::dialect::openai_chat::reply::{citation, image_block, logprobs, searched};
use crate::dialect::openai_chat::tags::{Piece, Tags};
use crate::dialect::openai_chat::types::{OWN, filled, parse_finish, stop_sequence};
use crate::dialect::openai_chat::{content, inside, tools};
use crate::ir::{
    Block, Citation, Content, Delta, Event, Finish, FinishReason, Media, Opening, Reasoning, Signature,
    Source,
};
use crate::wire::json::{self, Json};

use super::calls::Calls;
use super::members::Members;
use super::parse::Out;

/// One answer among several.
#[derive(Debug, Default)]
pub(super) struct Choice {
    number: u32,
    /// The open block of words, and what they are.
    open: Option<(u32, Speech)>,
    /// Whether anything was said.
    spoke: bool,
    tags: Tags,
    calls: Calls,
    details: Details,
    /// Whether thought came as plain text, which details then only repeat.
    plain: bool,
    audio: Option<Audio>,
    /// What a search found, told at the end of the words unless they have sources of their own.
    sources: Vec<Citation>,
    cited: bool,
    /// Members that the codec does not know, told with the end.
    members: Members,
    /// An end that came together with content, after which some vendors send more.
    waiting: Option<(String, Option<String>)>,
    pub(super) finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Text,
    Reasoning,
    Refusal,
}

impl Speech {
    /// Words of this kind.
    pub(super) fn delta(self, text: String) -> Delta {
        match self {
            Self::Text => Delta::Text(text),
            Self::Reasoning => Delta::Reasoning(text),
            Self::Refusal => Delta::Refusal(text),
        }
    }

    /// Whether a member of a delta says words of this kind and does nothing else.
    pub(super) fn is_said_by(self, key: &str) -> bool {
        match self {
            Self::Text => key == "content",
            Self::Reasoning => key == "reasoning_content" || key == "reasoning",
            Self::Refusal => key == "refusal",
        }
    }
}

#[derive(Debug, Default)]
struct Audio {
    data: Vec<u8>,
    transcript: String,
    id: Option<String>,
    expires_at: Option<u64>,
}

pub(super) fn choice(choices: &mut Vec<Choice>, number: u32) -> &mut Choice {
    let place = choices.iter().position(|choice| choice.number == number);
    let place = place.unwrap_or_else(|| {
        choices.push(Choice { number, ..Choice::default() });
        choices.len() - 1
    });
    // The place was found or made just now.
    #[allow(clippy::indexing_slicing)]
    &mut choices[place]
}

impl Choice {
    pub(super) fn push(&mut self, value: &Json<'_>, out: &mut Out<'_>) {
        self.members.take(value);
        if self.finished {
            // Azure's filter may judge an answer after its end.
            self.members.tell(self.number, out.events);
            return;
        }
        let before = out.events.len();
        // Some vendors send the whole message once more at the end (MiniMax).
        let whole = || value.field("message").filter(|_| !self.spoke);
        if let Some(delta) = value.field("delta").or_else(whole) {
            self.delta(delta, out);
        } else if let Some(text) = filled(value.get("text").and_then(Json::as_str)) {
            self.say(Speech::Text, text, out);
        }
        if let Some(json) = logprobs(value) {
            out.events.push(Event::Logprobs { candidate: self.number, json });
        }
        let grew = out.events.len() > before;
        self.spoke |= grew;
        let word = filled(value.get("finish_reason").and_then(Json::as_str));
        if let Some(word) = word.filter(|word| *word != "null") {
            let stop = stop_sequence(value).map(str::to_owned);
            self.waiting = Some((word.to_owned(), stop));
        }
        if !grew {
            self.settle(out);
        }
    }

    fn delta(&mut self, delta: &Json<'_>, out: &mut Out<'_>) {
        self.think(delta, out);
        match delta.field("content") {
            Some(value) if value.is_array() => self.parts(value, out),
            Some(value) => {
                if let Some(text) = filled(value.as_str()) {
                    self.words(text, out);
                }
            }
            None => {}
        }
        if let Some(text) = filled(delta.get("refusal").and_then(Json::as_str)) {
            self.say(Speech::Refusal, text, out);
        }
        if let Some(seal) = tools::seal(delta) {
            let block = self.word_block(Speech::Text, out);
            out.delta(block, Delta::Signature(seal));
        }
        for annotation in items(delta, "annotations") {
            let block = self.word_block(Speech::Text, out);
            out.delta(block, Delta::Citation(citation(annotation)));
            self.cited = true;
        }
        for image in items(delta, "images").iter().filter_map(image_block) {
            self.close_words(out);
            out.whole(self.number, image);
        }
        if let Some(audio) = delta.field("audio") {
            self.audio.get_or_insert_default().take(audio);
        }
        let calls = items(delta, "tool_calls");
        for (more, call) in (0..calls.len()).rev().zip(calls) {
            self.end_words(out);
            self.close_words(out);
            self.seal_alone(out);
            self.calls.push(self.number, call, more, out);
        }
        if let Some(call) = delta.field("function_call") {
            self.end_words(out);
            self.close_words(out);
            self.calls.push(self.number, call, 0, out);
        }
    }

    fn think(&mut self, delta: &Json<'_>, out: &mut Out<'_>) {
        let mut blocks = false;
        for thinking in reasoning::thinking_blocks(delta) {
            blocks = true;
            match thinking {
                ThinkingBlock::Thinking(text, seal) => self.sealed(text, seal, out),
                ThinkingBlock::Redacted(seal) => {
                    self.close_words(out);
                    out.whole(self.number, redacted(seal));
                }
            }
        }
        self.plain |= blocks;
        self.details.take(delta);
        if blocks {
            return;
        }
        if let Some(text) = reasoning::text(delta) {
            self.plain = true;
            self.say(Speech::Reasoning, text, out);
        } else if !self.plain {
            let mut fresh = Details::default();
            fresh.take(delta);
            let text = fresh.text();
            if !text.is_empty() {
                self.say(Speech::Reasoning, &text, out);
            }
        }
    }

    /// Thought, and the seal that ends it.
    fn sealed(&mut self, text: &str, seal: Option<Signature>, out: &mut Out<'_>) {
        if !text.is_empty() {
            self.say(Speech::Reasoning, text, out);
        }
        if let Some(seal) = seal {
            let block = self.word_block(Speech::Reasoning, out);
            out.delta(block, Delta::Signature(seal));
            self.close_words(out);
        }
    }

    /// Mistral's and Databricks' list of parts.
    fn parts(&mut self, list: &Json<'_>, out: &mut Out<'_>) {
        for part in list.elements() {
            let text = part.as_str().or_else(|| part.get("text")?.as_str());
            match part.get("type").and_then(Json::as_str) {
                Some("thinking" | "reasoning") => {
                    let (text, seal) = inside::read(part).unwrap_or_default();
                    self.sealed(&text, seal, out);
                }
                Some("text" | "output_text") | None => {
                    if let Some(text) = filled(text) {
                        self.say(Speech::Text, text, out);
                    }
                }
                Some("image_url") => {
                    self.close_words(out);
                    if let Some(image) = image_block(part) {
                        out.whole(self.number, image);
                    }
                }
                Some(kind) => {
                    self.close_words(out);
                    out.whole(self.number, content::opaque(kind, part));
                }
            }
        }
    }

    /// Text that may begin with thought between tags.
    fn words(&mut self, text: &str, out: &mut Out<'_>) {
        if self.open.is_some() {
            self.tags.none_come();
        }
        let mut tags = std::mem::take(&mut self.tags);
        tags.push(text, &mut |piece| self.piece(piece, out));
        self.tags = tags;
    }

    /// No more text is to come, or something else before it.
    fn end_words(&mut self, out: &mut Out<'_>) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.finish(&mut |piece| self.piece(piece, out));
        self.tags = tags;
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Out<'_>) {
        match piece {
            Piece::Thought(text) => self.say(Speech::Reasoning, text, out),
            Piece::Words(text) => self.say(Speech::Text, text, out),
        }
    }

    fn say(&mut self, speech: Speech, text: &str, out: &mut Out<'_>) {
        let block = self.word_block(speech, out);
        out.delta(block, speech.delta(text.to_owned()));
    }

    /// The open block for such words, opened now if it is not.
    fn word_block(&mut self, speech: Speech, out: &mut Out<'_>) -> u32 {
        if let Some((block, open)) = self.open
            && open == speech
        {
            return block;
        }
        self.close_words(out);
        self.calls.close_complete(out);
        let opening = match speech {
            Speech::Text => Opening::Text,
            Speech::Reasoning => Opening::Reasoning,
            Speech::Refusal => Opening::Refusal,
        };
        let block = out.open(self.number, opening);
        self.open = Some((block, speech));
        block
    }

    /// What kind of words the block takes, if it is open and no end waits.
    pub(super) fn speaks(&self, block: u32) -> Option<Speech> {
        let (open, speech) = self.open?;
        (open == block && self.waiting.is_none() && !self.finished).then_some(speech)
    }

    fn close_words(&mut self, out: &mut Out<'_>) {
        let Some((block, speech)) = self.open.take() else {
            return;
        };
        if speech == Speech::Reasoning
            && let Some(seal) = self.details.seal()
        {
            out.delta(block, Delta::Signature(seal));
        }
        out.stop(block);
    }

    /// A seal on thought that nobody shows.
    fn seal_alone(&mut self, out: &mut Out<'_>) {
        if let Some(seal) = self.details.seal() {
            let block = out.open(self.number, Opening::Reasoning);
            out.delta(block, Delta::Signature(seal));
            out.stop(block);
        }
    }

    /// Takes what a search found, as far as it was not known.
    pub(super) fn source<'j>(&mut self, found: impl Iterator<Item = &'j Json<'j>>) {
        if self.sources.is_empty() {
            self.sources.extend(found.map(searched));
        }
    }

    pub(super) fn close(&mut self, out: &mut Out<'_>) {
        self.end_words(out);
        if let Some((block, Speech::Text)) = self.open
            && !self.cited
        {
            let sources = self.sources.drain(..);
            sources.for_each(|source| out.delta(block, Delta::Citation(source)));
        }
        self.close_words(out);
        self.seal_alone(out);
        if let Some(audio) = self.audio.take() {
            out.whole(self.number, audio.block());
        }
        self.calls.close_all(self.number, out);
        self.members.tell(self.number, out.events);
    }

    /// The stream says that it is complete. Some vendors do without saying why (NVIDIA).
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        self.settle(out);
        self.close(out);
        if self.spoke && !self.finished {
            let called = !self.calls.is_empty();
            let reason = if called { FinishReason::ToolCalls } else { FinishReason::Stop };
            self.finished = true;
            out.events.push(Event::Finish { candidate: self.number, finish: Finish::new(reason) });
        }
    }

    pub(super) fn settle(&mut self, out: &mut Out<'_>) {
        let Some((word, stop)) = self.waiting.take() else {
            return;
        };
        self.close(out);
        self.finished = true;
        let finish = parse_finish(&word, !self.calls.is_empty(), stop.as_deref());
        out.events.push(Event::Finish { candidate: self.number, finish });
    }
}

fn items<'j, 'a>(delta: &'j Json<'a>, key: &str) -> &'j [Json<'a>] {
    delta.get(key).map(Json::elements).unwrap_or_default()
}

fn redacted(seal: Signature) -> Block {
    Block::new(Content::Reasoning(Reasoning { text: String::new(), redacted: Some(seal) }))
}

impl Audio {
    /// Each piece is base64 of its own, so the bytes are joined and not the text.
    fn take(&mut self, audio: &Json<'_>) {
        let text = |key: &str| audio.get(key).and_then(Json::as_str);
        if let Some(data) = text("data")
            && let Ok(bytes) = STANDARD.decode(data)
        {
            self.data.extend_from_slice(&bytes);
        }
        self.transcript.push_str(text("transcript").unwrap_or_default());
        if let Some(id) = text("id") {
            self.id = Some(id.to_owned());
        }
        let expires_at = audio.get("expires_at").and_then(Json::as_u64);
        self.expires_at = expires_at.or(self.expires_at);
    }

    fn block(self) -> Block {
        let media = Media::new(Source::Base64(STANDARD.encode(&self.data)), None);
        let mut block = Block::new(Content::Audio(media));
        if let Some(id) = self.id {
            block.extras.push(OWN, "id", &json::string(&id));
        }
        if let Some(time) = self.expires_at {
            block.extras.push(OWN, "expires_at", &time.to_string());
        }
        if !self.transcript.is_empty() {
            let transcript = json::string(&self.transcript);
            block.extras.push(OWN, "transcript", &transcript);
        }
        block
    }
}
