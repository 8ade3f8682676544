//! What only one dialect understands, put in words for the others.

use std::borrow::Cow;

use super::extras::Dialect;
use super::losses::Losses;
use super::request::{Block, Content, Request, Role, Tool, ToolKind};

impl Request {
    /// The request as a target of this dialect can be told it: a block or a tool that only another
    /// dialect understands, but that can be put in words, is.
    #[must_use]
    pub fn worded_for(&self, dialect: Dialect, losses: &mut Losses) -> Cow<'_, Self> {
        if self.verbosity.is_some() && !takes_verbosity(dialect) {
            losses.dropped("verbosity", "the target cannot be told how wordy to be");
        }
        let turns = self.turns.iter().flat_map(|turn| &turn.blocks);
        let mut blocks = self.system.iter().chain(turns);
        if !blocks.any(|block| has_words(block, dialect))
            && !self.tools.iter().any(|tool| has_schema(tool, dialect))
        {
            return Cow::Borrowed(self);
        }
        let mut worded = self.clone();
        worded.system.iter_mut().for_each(|block| word(block, dialect, losses));
        for turn in &mut worded.turns {
            let joined = turn.role == Role::Assistant;
            let last = turn.blocks.len().saturating_sub(1);
            for (place, block) in turn.blocks.iter_mut().enumerate() {
                let foreign = has_words(block, dialect);
                word(block, dialect, losses);
                // Many targets join what the model said, and these words are a paragraph by themselves.
                if let Content::Text { text, .. } = &mut block.content
                    && foreign
                    && joined
                    && place < last
                {
                    text.truncate(text.trim_end().len());
                    text.push_str("\n\n");
                }
            }
        }
        for tool in worded.tools.iter_mut().filter(|tool| has_schema(tool, dialect)) {
            losses.bent("tools.hosted", "said as a function");
            tool.kind = ToolKind::Function;
        }
        Cow::Owned(worded)
    }
}

const fn takes_verbosity(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::OpenaiChat | Dialect::OpenaiResponses)
}

fn has_schema(tool: &Tool, dialect: Dialect) -> bool {
    matches!(&tool.kind, ToolKind::Hosted { dialect: own, .. } if *own != dialect) && tool.schema.is_some()
}

fn has_words(block: &Block, dialect: Dialect) -> bool {
    match &block.content {
        Content::Opaque { dialect: own, words, .. } => *own != dialect && words.is_some(),
        Content::ToolResult(result) => result.content.iter().any(|inner| has_words(inner, dialect)),
        _ => false,
    }
}

fn word(block: &mut Block, dialect: Dialect, losses: &mut Losses) {
    match &mut block.content {
        Content::Opaque { dialect: own, words, name, .. } if *own != dialect => {
            let Some(text) = words.take() else { return };
            losses.bent(format!("messages.content.{name}"), "said in words");
            block.content = Content::Text { text, citations: Vec::new() };
        }
        Content::ToolResult(result) => {
            result.content.iter_mut().for_each(|inner| word(inner, dialect, losses));
        }
        _ => {}
    }
}
