//! Messages → system blocks and turns.

use crate::dialect::Malformed;
use crate::dialect::openai_chat::types::{OWN, arguments, cache_mark, filled};
use crate::dialect::openai_chat::{content, extras, reasoning, tools};
use crate::dialect::place::Place;
use crate::ir::{
    Block, CacheMark, Content, Media, Request, Role, Source, ToolCall, ToolKind, ToolResult, Turn, unseal_id,
};
use crate::wire::json::{self, Json};

/// Reads `messages` into a request.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>, request: &mut Request) -> Result<(), Malformed> {
    let messages = at.list(value)?;
    if messages.is_empty() {
        return Err(at.expected("at least one message"));
    }
    let mut reader = Reader { request, pending: Vec::new() };
    for (index, message) in messages.iter().enumerate() {
        reader.message(message, at.element(index))?;
    }
    Ok(())
}

struct Reader<'r> {
    request: &'r mut Request,
    /// Calls of the older kind, which have no ids, that wait for their results: name and the id
    /// made up for them.
    pending: Vec<(String, String)>,
}

impl Reader<'_> {
    fn message(&mut self, message: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(message)?;
        let turn = match at.required(message, "role")? {
            "system" | "developer" => return self.system(message, at),
            "user" => user(message, at)?,
            "assistant" => self.assistant(message, at)?,
            "tool" => tool(message, at)?,
            "function" => self.function(message, at)?,
            _ => {
                let roles = "'system', 'developer', 'user', 'assistant' or 'tool'";
                return Err(at.member("role").expected(roles));
            }
        };
        self.request.turns.push(turn);
        Ok(())
    }

    fn system(&mut self, message: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        let mut turn = turn(message, Role::System, &[], at)?;
        read_content(message, at, &mut turn.blocks)?;
        mark_last(&mut turn.blocks, cache_mark(message));
        if !self.request.turns.is_empty() {
            self.request.turns.push(turn);
            return Ok(());
        }
        if let Some(first) = turn.blocks.first_mut() {
            if let Some(name) = &turn.name {
                first.extras.push(OWN, "message.name", &json::string(name));
            }
            for extra in turn.extras.all() {
                let name = format!("message.{}", extra.name);
                first.extras.push(OWN, &name, &extra.json);
            }
        }
        self.request.system.append(&mut turn.blocks);
        Ok(())
    }

    fn assistant(&mut self, message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
        const KNOWN: [&str; 5] = ["refusal", "audio", "tool_calls", "function_call", "extra_content"];
        let mut turn = turn(message, Role::Assistant, &KNOWN, at)?;
        let blocks = &mut turn.blocks;
        reasoning::parse(message, blocks);
        let before = blocks.len();
        if let Some(value) = message.field("content") {
            content::parse(value, at.member("content"), blocks)?;
        }
        // An empty string beside tool calls is how many clients spell null.
        let calls = !message.get("tool_calls").map(Json::elements).unwrap_or_default().is_empty();
        if calls
            && let Some(first) = blocks.get(before)
            && first.as_text() == Some("")
        {
            blocks.remove(before);
        }
        if let Some(seal) = tools::seal(message) {
            let mut texts = blocks.iter_mut().rev();
            if let Some(text) = texts.find(|block| block.as_text().is_some()) {
                text.signature = Some(seal);
            }
        }
        if let Some(refusal) = message.field("refusal") {
            let text = at.member("refusal").owned(refusal)?;
            blocks.push(Block::new(Content::Refusal(text)));
        }
        if let Some(audio) = message.field("audio") {
            let place = at.member("audio");
            let id = place.required(audio, "id")?.to_owned();
            let media = Media::new(Source::File(id), None);
            blocks.push(Block::new(Content::Audio(media)));
        }
        self.calls(message, at, blocks)?;
        mark_last(blocks, cache_mark(message));
        Ok(turn)
    }

    fn calls(&mut self, message: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
        if let Some(calls) = message.field("tool_calls") {
            let place = at.member("tool_calls");
            for (index, call) in place.list(calls)?.iter().enumerate() {
                let place = place.element(index);
                place.object(call)?;
                let block = tools::call_block(call)
                    .ok_or_else(|| place.member("function").member("name").missing())?;
                blocks.push(block);
            }
        }
        if let Some(call) = message.field("function_call") {
            let place = at.member("function_call");
            let name = place.required(call, "name")?.to_owned();
            let text = call.get("arguments").and_then(Json::as_str);
            let id = format!("call_function_{}", self.request.turns.len());
            self.pending.push((name.clone(), id.clone()));
            let mut block = Block::new(Content::ToolCall(ToolCall {
                id,
                name,
                arguments: arguments(text.unwrap_or_default()).to_owned(),
                kind: ToolKind::Function,
            }));
            block.signature = tools::seal(call);
            blocks.push(block);
        }
        Ok(())
    }

    fn function(&mut self, message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
        let name = at.required(message, "name")?;
        let waiting = self.pending.iter().position(|(called, _)| called == name);
        let call_id = match waiting {
            Some(place) => self.pending.remove(place).1,
            None => format!("call_function_{name}"),
        };
        result(message, at, call_id)
    }
}

/// A turn with the speaker's name and the members that are neither `known` nor everyone's.
fn turn(message: &Json<'_>, role: Role, known: &[&str], at: Place<'_>) -> Result<Turn, Malformed> {
    let mut turn = Turn::new(role, Vec::new());
    for (key, value) in message.entries() {
        match &**key {
            "role" | "content" | "cache_control" => {}
            _ if value.is_null() => {}
            "name" => {
                let name = at.member(key).string(value)?;
                turn.name = filled(Some(name)).map(str::to_owned);
            }
            key if role == Role::Assistant && reasoning::MEMBERS.contains(&key) => {}
            key if known.contains(&key) => {}
            // Answers that clients send back say so of every one.
            "annotations" if value.elements().is_empty() => {}
            key => extras::keep_one("", key, value, &mut turn.extras),
        }
    }
    Ok(turn)
}

/// Reads a `content` that must be there.
fn read_content(message: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
    let place = at.member("content");
    match message.field("content") {
        Some(value) => content::parse(value, place, blocks),
        None => Err(place.expected("a string or a list of parts")),
    }
}

fn mark_last(blocks: &mut [Block], mark: Option<CacheMark>) {
    if let (Some(mark), Some(last)) = (mark, blocks.last_mut()) {
        last.cache = Some(mark);
    }
}

fn user(message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
    let mut turn = turn(message, Role::User, &[], at)?;
    read_content(message, at, &mut turn.blocks)?;
    mark_last(&mut turn.blocks, cache_mark(message));
    Ok(turn)
}

fn tool(message: &Json<'_>, at: Place<'_>) -> Result<Turn, Malformed> {
    let id = at.required(message, "tool_call_id")?;
    result(message, at, unseal_id(id).0.to_owned())
}

fn result(message: &Json<'_>, at: Place<'_>, call_id: String) -> Result<Turn, Malformed> {
    let mut turn = turn(message, Role::User, &["tool_call_id", "is_error"], at)?;
    let mut blocks = Vec::new();
    if let Some(value) = message.field("content") {
        content::parse(value, at.member("content"), &mut blocks)?;
    }
    let is_error = match message.field("is_error") {
        Some(value) => at.member("is_error").truth(value)?,
        None => false,
    };
    let mut block = Block::new(Content::ToolResult(ToolResult {
        call_id,
        name: turn.name.take(),
        content: blocks,
        is_error,
    }));
    block.cache = cache_mark(message);
    block.extras = std::mem::take(&mut turn.extras);
    turn.blocks.push(block);
    Ok(turn)
}
