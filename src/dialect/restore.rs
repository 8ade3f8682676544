//! What a rendered request had to bend and its answer must bend back.

use crate::ir::{Block, Content, Delta, Event, Finish, FinishReason, Opening, Reply};

/// What must be undone in the answer to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// Tool names as the target knows them, with what the client called them.
    pub names: Vec<(String, String)>,
    /// The forced tool whose arguments are the structured answer.
    pub answer_tool: Option<String>,
}

impl Restore {
    /// Whether there is nothing to undo.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.answer_tool.is_none()
    }

    /// Undoes in a whole answer.
    pub fn reply(&self, reply: &mut Reply) {
        if self.is_empty() {
            return;
        }
        for candidate in &mut reply.candidates {
            let mut answered = false;
            for block in &mut candidate.blocks {
                answered |= self.block(block);
            }
            let calls = candidate.blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
            if let Some(finish) = &mut candidate.finish
                && answered
                && !calls
            {
                settle(finish);
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
        false
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

/// Undoes in a stream, event by event.
#[derive(Debug, Default)]
pub struct StreamRestore {
    restore: Restore,
    /// The open blocks that are the structured answer.
    answers: Vec<u32>,
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
    pub fn event(&mut self, event: &mut Event) {
        if self.restore.is_empty() {
            return;
        }
        match event {
            Event::BlockStart { index, opening, .. } => self.open(*index, opening),
            Event::Delta { index, delta } if self.answers.contains(index) => {
                if let Delta::Arguments(text) = delta {
                    *delta = Delta::Text(std::mem::take(text));
                }
            }
            Event::BlockStop { index } => self.answers.retain(|answer| answer != index),
            Event::Finish { finish, .. } if self.answered && !self.called => settle(finish),
            _ => {}
        }
    }

    fn open(&mut self, index: u32, opening: &mut Opening) {
        let Opening::ToolCall { name, .. } = opening else { return };
        if self.restore.answer_tool.as_deref() == Some(name) {
            *opening = Opening::Text;
            self.answers.push(index);
            self.answered = true;
        } else {
            self.restore.rename(name);
            self.called = true;
        }
    }
}
