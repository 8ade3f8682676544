//! Items → system blocks and turns.

use crate::dialect::Malformed;
use crate::dialect::openai_responses::reasoning::{self, Thought};
use crate::dialect::openai_responses::types::{OWN, arguments};
use crate::dialect::openai_responses::{content, extras, items, namespace};
use crate::dialect::place::Place;
use crate::ir::{Block, Content, Request, Role, Signature, ToolCall, ToolKind, ToolResult, Turn, unseal_id};
use crate::wire::json::{self, Json};

use super::parse::is_message;

/// Marks the system block that came as `instructions`.
pub(super) const INSTRUCTIONS: &str = "@instructions";

/// Keeps the role of a system message, of which this dialect has two.
pub(super) const ROLE: &str = "@role";

/// Marks the result of a tool that takes free text.
pub(super) const CUSTOM: &str = "@custom";

/// Reads `input` into a request.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>, request: &mut Request) -> Result<(), Malformed> {
    if let Some(text) = value.as_str() {
        request.turns.push(Turn::new(Role::User, vec![Block::text(text)]));
        return Ok(());
    }
    if !value.is_array() {
        return Err(at.expected("a string or a list of items"));
    }
    let mut reader = Reader { request, next: None };
    for (index, item) in value.elements().iter().enumerate() {
        reader.item(item, at.element(index))?;
    }
    Ok(())
}

struct Reader<'r> {
    request: &'r mut Request,
    /// A seal that waits for the block it is on.
    next: Option<Signature>,
}

impl Reader<'_> {
    fn item(&mut self, item: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(item)?;
        if is_message(item) {
            return self.message(item, at);
        }
        let kind = match item.field("type") {
            Some(kind) => at.member("type").string(kind)?,
            // OpenAI's own SDK leaves the type of a reference out.
            None if item.field("id").is_some() && item.entries().len() <= 2 => "item_reference",
            None => return Err(at.member("type").missing()),
        };
        match kind {
            "reasoning" => self.thought(item),
            "function_call" => self.call(item, "arguments", ToolKind::Function, at)?,
            "custom_tool_call" => self.call(item, "input", ToolKind::Custom(None), at)?,
            "function_call_output" | "custom_tool_call_output" => self.result(item, kind, at)?,
            kind if items::is_from_client(kind) => {
                self.request.turns.push(Turn::new(Role::User, vec![items::block(item)]));
            }
            "item_reference" => {
                let json = item.raw().to_owned();
                let name = kind.to_owned();
                self.assistant(Block::new(Content::Opaque { dialect: OWN, name, json, words: None }));
            }
            _ => self.assistant(items::block(item)),
        }
        Ok(())
    }

    fn message(&mut self, item: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        const KNOWN: [&str; 3] = ["type", "role", "content"];
        let mut blocks = Vec::new();
        let place = at.member("content");
        let value = item.field("content").ok_or_else(|| place.expected("a string or a list of parts"))?;
        content::parse(value, place, &mut blocks)?;
        if let Some(first) = blocks.first_mut() {
            extras::keep_item(item, &KNOWN, &mut first.extras);
        }
        match at.required(item, "role")? {
            "user" => self.request.turns.push(Turn::new(Role::User, blocks)),
            "assistant" => {
                self.begin_message();
                for block in blocks {
                    self.assistant(block);
                }
            }
            role @ ("system" | "developer") => {
                if let Some(first) = blocks.first_mut() {
                    extras::keep_moot(ROLE, &json::string(role), &mut first.extras);
                }
                if self.request.turns.is_empty() {
                    self.request.system.append(&mut blocks);
                } else {
                    self.request.turns.push(Turn::new(Role::System, blocks));
                }
            }
            _ => {
                let roles = "'assistant', 'system', 'developer' or 'user'";
                return Err(at.member("role").expected(roles));
            }
        }
        Ok(())
    }

    /// A message of the assistant's begins a turn of its own after another one.
    fn begin_message(&mut self) {
        let last = self.request.turns.last().filter(|turn| turn.role == Role::Assistant);
        let said = last.and_then(|turn| turn.blocks.last()).is_some_and(is_words);
        if said {
            self.request.turns.push(Turn::new(Role::Assistant, Vec::new()));
        }
    }

    /// Adds a block to the assistant's turn; what it says and calls in a row is one.
    fn assistant(&mut self, mut block: Block) {
        if matches!(block.content, Content::ToolCall(_) | Content::Text { .. })
            && let Some(seal) = self.next.take()
        {
            block.signature = Some(seal);
        }
        match self.request.turns.last_mut() {
            Some(turn) if turn.role == Role::Assistant => turn.blocks.push(block),
            _ => self.request.turns.push(Turn::new(Role::Assistant, vec![block])),
        }
    }

    fn thought(&mut self, item: &Json<'_>) {
        match reasoning::parse_history(item) {
            Thought::Block(block) => self.assistant(block),
            Thought::Next(seal) => self.next = Some(seal),
            Thought::Last(seal) => {
                let last = self.request.turns.last_mut().filter(|turn| turn.role == Role::Assistant);
                match last.and_then(|turn| turn.blocks.last_mut()) {
                    Some(block) => block.signature = Some(seal),
                    // Clients were seen to put all thoughts first.
                    None => self.next = Some(seal),
                }
            }
        }
    }

    fn call(&mut self, item: &Json<'_>, key: &str, kind: ToolKind, at: Place<'_>) -> Result<(), Malformed> {
        const KNOWN: [&str; 5] = ["type", "call_id", "name", "arguments", "input"];
        let (id, riding) = unseal_id(at.required(item, "call_id")?);
        let name = at.required(item, "name")?;
        let text =
            item.field(key).map(|text| text.as_str().unwrap_or_else(|| text.raw())).unwrap_or_default();
        let text = if kind == ToolKind::Function { arguments(text) } else { text };
        let mut block = Block::new(Content::ToolCall(ToolCall {
            id: id.to_owned(),
            name: namespace::called(item),
            arguments: text.to_owned(),
            kind,
        }));
        block.signature = riding;
        extras::keep_item(item, &KNOWN, &mut block.extras);
        if item.field("namespace").is_some() {
            namespace::keep_name(name, &mut block.extras);
        }
        self.assistant(block);
        Ok(())
    }

    fn result(&mut self, item: &Json<'_>, kind: &str, at: Place<'_>) -> Result<(), Malformed> {
        let call_id = unseal_id(at.required(item, "call_id")?).0.to_owned();
        let mut blocks = Vec::new();
        if let Some(output) = item.field("output") {
            if output.is_string() || output.is_array() {
                content::parse(output, at.member("output"), &mut blocks)?;
            } else {
                blocks.push(Block::text(output.raw()));
            }
        }
        let result = ToolResult { call_id, name: None, content: blocks, is_error: false };
        let mut block = Block::new(Content::ToolResult(result));
        extras::keep_item(item, &["type", "call_id", "output"], &mut block.extras);
        if kind == "custom_tool_call_output" {
            extras::keep_moot(CUSTOM, "true", &mut block.extras);
        }
        self.request.turns.push(Turn::new(Role::User, vec![block]));
        Ok(())
    }
}

/// Whether a block is a part of a message.
pub(super) fn is_words(block: &Block) -> bool {
    match &block.content {
        Content::Text { .. }
        | Content::Refusal(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Video(_) => true,
        Content::Opaque { name, .. } => is_part(name),
        Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) | Content::Image(_) => false,
    }
}

/// Whether an opaque block is a part and not an item.
fn is_part(name: &str) -> bool {
    name.starts_with("input_") || name.starts_with("output_")
}
