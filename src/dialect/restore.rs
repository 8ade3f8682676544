//! What a rendered request had to bend and its answer must bend back.

use super::free_text;
use crate::ir::{
    Block, Content, Delta, Dialect, Event, Finish, FinishReason, Opening, Reply, Request, ToolKind,
};

/// What must be undone in the answer to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// Tool names as the target knows them, with what the client called them.
    pub names: Vec<(String, String)>,
    /// The forced tool whose arguments are the structured answer.
    pub answer_tool: Option<String>,
    /// Tools of free text, by the client's names, that went out as functions.
    pub free_text: Vec<String>,
    /// Whether the client knows calls only in OpenAI's older form.
    pub older_calls: bool,
    /// Whether the answer is told once more, under an id and a time of its own.
    pub anew: bool,
}

impl Restore {
    /// Nothing to undo.
    pub const NONE: Self =
        Self { names: Vec::new(), answer_tool: None, free_text: Vec::new(), older_calls: false, anew: false };

    /// What must be undone where tools of every kind went out as functions.
    #[must_use]
    pub fn functions(request: &Request) -> Self {
        let free = request.tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Custom(_)));
        let free_text = free.map(|tool| tool.name.clone()).collect();
        Self { free_text, older_calls: request.takes_one_call(), ..Self::NONE }
    }

    /// Whether there is nothing to undo.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Undoes in a whole answer.
    pub fn reply(&self, reply: &mut Reply) {
        if self.is_empty() {
            return;
        }
        if self.anew {
            (reply.id, reply.created) = (None, None);
        }
        for candidate in &mut reply.candidates {
            let mut answered = false;
            for block in &mut candidate.blocks {
                answered |= self.block(block);
            }
            let calls = candidate.blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
            if let Some(finish) = &mut candidate.finish {
                if answered && !calls {
                    settle(finish);
                }
                self.finish(finish);
            }
        }
    }

    fn block(&self, block: &mut Block) -> bool {
        let Content::ToolCall(call) = &mut block.content else { return false };
        if self.answer_tool.as_deref() == Some(&call.name) {
            let text = std::mem::take(&mut call.arguments);
            block.content = Content::Text { text, citations: Vec::new() };
            return true;
        }
        self.rename(&mut call.name);
        if self.bend_kind(&call.name, &mut call.kind) && matches!(call.kind, ToolKind::Custom(_)) {
            call.arguments = free_text::of(&call.arguments);
        }
        false
    }

    /// Gives a function the kind that the client's tool had; whether it was one.
    fn bend_kind(&self, name: &str, kind: &mut ToolKind) -> bool {
        let function = *kind == ToolKind::Function;
        if function && self.free_text.iter().any(|free| free == name) {
            *kind = ToolKind::Custom(None);
        } else if function && self.older_calls {
            *kind = ToolKind::Older;
        }
        function
    }

    /// Says of an end that waits for tools what clients of the older form expect.
    fn finish(&self, finish: &mut Finish) {
        if self.older_calls && finish.reason == FinishReason::ToolCalls {
            finish.native = Some((Dialect::OpenaiChat, "function_call".to_owned()));
        }
    }

    fn rename(&self, name: &mut String) {
        if let Some((_, original)) = self.names.iter().find(|(sent, _)| sent == name) {
            original.clone_into(name);
        }
    }
}

fn settle(finish: &mut Finish) {
    if finish.reason == FinishReason::ToolCalls {
        *finish = Finish::new(FinishReason::Stop);
    }
}

/// What becomes of an event of a stream.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Bent {
    /// It is told.
    Tell,
    /// It is told after another.
    TellAfter(Event),
    /// It is not told: what it held comes later.
    Hold,
}

/// Undoes in a stream, event by event.
#[derive(Debug, Default)]
pub struct StreamRestore {
    restore: Restore,
    /// The open blocks that are the structured answer.
    answers: Vec<u32>,
    /// The open calls whose arguments hold a free text.
    texts: Vec<(u32, free_text::Reader)>,
    answered: bool,
    called: bool,
}

impl StreamRestore {
    /// Undoes what `restore` says.
    #[must_use]
    pub fn new(restore: Restore) -> Self {
        Self { restore, ..Self::default() }
    }

    /// Bends one event back.
    pub fn event(&mut self, event: &mut Event) -> Bent {
        if self.restore.is_empty() {
            return Bent::Tell;
        }
        match event {
            Event::Start { id, created, .. } if self.restore.anew => (*id, *created) = (None, None),
            Event::BlockStart { index, opening, .. } => self.open(*index, opening),
            Event::Delta { index, delta } if self.answers.contains(index) => {
                if let Delta::Arguments(text) = delta {
                    *delta = Delta::Text(std::mem::take(text));
                }
            }
            Event::Delta { index, delta: Delta::Arguments(text) } => {
                if let Some((_, reader)) = self.texts.iter_mut().find(|(block, _)| block == index) {
                    *text = reader.push(text);
                    return if text.is_empty() { Bent::Hold } else { Bent::Tell };
                }
            }
            Event::BlockStop { index } => {
                self.answers.retain(|answer| answer != index);
                return self.close(*index);
            }
            Event::Finish { finish, .. } => {
                if self.answered && !self.called {
                    settle(finish);
                }
                self.restore.finish(finish);
            }
            _ => {}
        }
        Bent::Tell
    }

    /// Tells what was held of a text that ends.
    fn close(&mut self, index: u32) -> Bent {
        let Some(place) = self.texts.iter().position(|(block, _)| *block == index) else { return Bent::Tell };
        let rest = self.texts.swap_remove(place).1.finish();
        if rest.is_empty() {
            return Bent::Tell;
        }
        Bent::TellAfter(Event::Delta { index, delta: Delta::Arguments(rest) })
    }

    fn open(&mut self, index: u32, opening: &mut Opening) {
        let Opening::ToolCall { name, kind, .. } = opening else { return };
        if self.restore.answer_tool.as_deref() == Some(name) {
            *opening = Opening::Text;
            self.answers.push(index);
            self.answered = true;
        } else {
            self.restore.rename(name);
            self.called = true;
            if self.restore.bend_kind(name, kind) && matches!(kind, ToolKind::Custom(_)) {
                self.texts.push((index, free_text::Reader::default()));
            }
        }
    }
}
