//! System blocks and turns → messages, or one prompt.

use crate::dialect::ollama::content::Said;
use crate::dialect::ollama::types::{Form, arguments};
use crate::dialect::{free_text, unknown};
use crate::ir::{
    Block, Content, Dialect, Losses, Request, Role, Signature, ToolCall, ToolKind, ToolResult, Turn, seal_id,
};
use crate::wire::json::{Array, Object};

const OWN: Dialect = Form::Chat.dialect();

/// Writes the messages of a request.
pub(super) fn write(messages: &mut Array<'_>, request: &Request, losses: &mut Losses) {
    let mut writer = Writer { messages, losses, names: Vec::new() };
    writer.system(&request.system);
    for turn in &request.turns {
        match turn.role {
            Role::System => writer.speech("system", turn),
            Role::User => writer.user(turn),
            Role::Assistant => writer.assistant(turn),
        }
    }
}

struct Writer<'a, 'w> {
    messages: &'a mut Array<'w>,
    losses: &'a mut Losses,
    /// The ids of the calls so far with their tools' names, which results must bear.
    names: Vec<(String, String)>,
}

impl Writer<'_, '_> {
    fn system(&mut self, blocks: &[Block]) {
        if blocks.is_empty() {
            return;
        }
        let said = Said::of(OWN, blocks, self.losses);
        self.messages.object(|message| {
            message.string("role", "system");
            message.string("content", &said.words.join("\n"));
            pictures(message, &said.pictures);
        });
    }

    fn speech(&mut self, role: &str, turn: &Turn) {
        let said = Said::of(OWN, &turn.blocks, self.losses);
        self.say(role, turn, &said);
    }

    fn say(&mut self, role: &str, turn: &Turn, said: &Said<'_>) {
        let Self { messages, losses, .. } = self;
        let text = said.text(losses);
        messages.object(|message| {
            message.string("role", role);
            message.string("content", &text);
            pictures(message, &said.pictures);
            members(message, turn, losses);
        });
    }

    /// Results come before the words of their turn; what they show is shown by the user behind them.
    fn user(&mut self, turn: &Turn) {
        let mut shown: Vec<&Block> = Vec::new();
        let (mut results, mut spoke) = (false, false);
        for block in &turn.blocks {
            match &block.content {
                Content::ToolResult(result) => {
                    results = true;
                    self.result(block, result, turn, &mut shown);
                }
                _ => spoke = true,
            }
        }
        let words = turn.blocks.iter().filter(|block| !matches!(block.content, Content::ToolResult(_)));
        if spoke || !shown.is_empty() || !results {
            let said = Said::of(OWN, shown.into_iter().chain(words), self.losses);
            self.say("user", turn, &said);
        }
    }

    fn result<'b>(&mut self, block: &Block, result: &'b ToolResult, turn: &Turn, shown: &mut Vec<&'b Block>) {
        let (words, others): (Vec<&Block>, Vec<&Block>) =
            result.content.iter().partition(|block| block.as_text().is_some());
        if !others.is_empty() {
            self.losses.bent("messages.tool.content", "said by the user after the results");
            shown.extend(others);
        }
        if block.cache.is_some() {
            self.losses.dropped("cache_control", "the target takes no cache marks");
        }
        unknown::note_lost(OWN, &block.extras, self.losses);
        let text = Said::of(OWN, words, self.losses).text(self.losses);
        let text = if result.is_error {
            self.losses.bent("messages.tool.is_error", "said in words");
            let labelled = text.starts_with("Error") || text.starts_with("error");
            if labelled { text } else { format!("Error: {text}") }
        } else {
            text
        };
        let called = self.names.iter().rev().find(|(id, _)| *id == result.call_id);
        let name = result.name.as_deref().or(called.map(|(_, name)| name.as_str()));
        let Self { messages, losses, .. } = self;
        messages.object(|message| {
            message.string("role", "tool");
            message.string("content", &text);
            message.opt_string("tool_name", name);
            // Newer servers match by it, older ones pass over it.
            message.string("tool_call_id", &result.call_id);
            members(message, turn, losses);
        });
    }

    fn assistant(&mut self, turn: &Turn) {
        let calls: Vec<(&Block, &ToolCall)> = turn.blocks.iter().filter_map(call_of).collect();
        let mut thought = String::new();
        let mut called = false;
        for block in &turn.blocks {
            match &block.content {
                Content::Reasoning(reasoning) => {
                    if reasoning.redacted.is_some() {
                        self.losses.dropped("messages.redacted_thinking", "only its issuer can read it");
                    } else if block.signature.is_some() {
                        self.losses
                            .dropped("messages.thinking.signature", "another provider issued the seal");
                    }
                    thought.push_str(&reasoning.text);
                }
                Content::ToolCall(_) => called = true,
                Content::Text { .. } if called => {
                    self.losses.bent("messages.content", "text after a tool call is said before it");
                }
                _ => {}
            }
        }
        let said = Said::of(OWN, &turn.blocks, self.losses);
        if calls.is_empty() && thought.is_empty() && said.words.is_empty() && said.pictures.is_empty() {
            return;
        }
        for (_, call) in &calls {
            self.names.push((call.id.clone(), call.name.clone()));
        }
        let Self { messages, losses, .. } = self;
        messages.object(|message| {
            message.string("role", "assistant");
            message.string("content", &said.words.concat());
            if !thought.is_empty() {
                message.string("thinking", &thought);
            }
            pictures(message, &said.pictures);
            if !calls.is_empty() {
                message.array("tool_calls", |array| {
                    for (block, call) in &calls {
                        if block.signature.is_some() {
                            losses
                                .dropped("messages.tool_calls.signature", "another provider issued the seal");
                        }
                        array.object(|object| write_call(object, call, None));
                    }
                });
            }
            members(message, turn, losses);
        });
    }
}

/// Writes a call, with the seal that may ride on its id.
pub(in crate::dialect::ollama) fn write_call(
    object: &mut Object<'_>,
    call: &ToolCall,
    seal: Option<&Signature>,
) {
    if !call.id.is_empty() {
        match seal.filter(|seal| seal.dialect == Dialect::GeminiGenerate) {
            Some(seal) => object.string("id", &seal_id(&call.id, seal)),
            None => object.string("id", &call.id),
        }
    }
    object.object("function", |function| {
        function.string("name", &call.name);
        if let ToolKind::Custom(_) = call.kind {
            function.raw("arguments", &free_text::arguments(&call.arguments));
        } else {
            function.raw("arguments", &arguments(&call.arguments));
        }
    });
}

fn call_of(block: &Block) -> Option<(&Block, &ToolCall)> {
    match &block.content {
        Content::ToolCall(call) => Some((block, call)),
        _ => None,
    }
}

fn pictures(message: &mut Object<'_>, pictures: &[&str]) {
    if !pictures.is_empty() {
        message.array("images", |list| pictures.iter().for_each(|data| list.string(data)));
    }
}

fn members(message: &mut Object<'_>, turn: &Turn, losses: &mut Losses) {
    if turn.name.is_some() {
        losses.dropped("messages.name", "the target takes no names");
    }
    unknown::restore(OWN, &turn.extras, message);
    unknown::note_lost(OWN, &turn.extras, losses);
}

/// Writes a conversation as one prompt.
pub(super) fn write_prompt(body: &mut Object<'_>, request: &Request, losses: &mut Losses) {
    let own = Form::Generate.dialect();
    let system = Said::of(own, &request.system, losses);
    if !system.words.is_empty() {
        body.string("system", &system.words.join("\n"));
    }
    let mut pieces = Vec::new();
    let mut shown = system.pictures;
    let alone = matches!(request.turns.as_slice(), [only] if only.role == Role::User);
    if !alone {
        losses.bent("messages", "said as one text");
    }
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.dropped("messages.name", "the target takes no names");
        }
        unknown::note_lost(own, &turn.extras, losses);
        let mut blocks: Vec<&Block> = Vec::new();
        for block in &turn.blocks {
            match &block.content {
                Content::ToolResult(result) => {
                    losses.bent("messages.tool", "said as text");
                    blocks.extend(&result.content);
                }
                Content::ToolCall(_) => losses.dropped("messages.tool_calls", "a prompt holds no calls"),
                Content::Reasoning(_) => losses.dropped("messages.reasoning", "a prompt holds no thinking"),
                _ => blocks.push(block),
            }
        }
        let said = Said::of(own, blocks, losses);
        let text = said.text(losses);
        shown.extend(said.pictures);
        if alone {
            pieces.push(text);
        } else if !text.is_empty() {
            let speaker = match turn.role {
                Role::System => "System",
                Role::User => "User",
                Role::Assistant => "Assistant",
            };
            pieces.push(format!("{speaker}: {text}"));
        }
    }
    if !alone {
        pieces.push("Assistant:".to_owned());
    }
    body.string("prompt", &pieces.join("\n\n"));
    pictures(body, &shown);
}
