//! Messages → system blocks and turns.

use crate::dialect::ollama::content;
use crate::dialect::ollama::types::{Form, arguments};
use crate::dialect::place::{Place, filled};
use crate::dialect::{Malformed, unknown};
use crate::ir::{Block, Content, Reasoning, Request, Role, ToolCall, ToolKind, ToolResult, Turn, unseal_id};
use crate::wire::json::Json;

/// Reads `messages` into a request.
pub(super) fn parse(value: &Json<'_>, at: Place<'_>, request: &mut Request) -> Result<(), Malformed> {
    let mut reader = Reader { request, pending: Vec::new(), calls: 0 };
    for (index, message) in at.list(value)?.iter().enumerate() {
        reader.message(message, at.element(index))?;
    }
    Ok(())
}

struct Reader<'r> {
    request: &'r mut Request,
    /// Calls that wait for their results: name and id.
    pending: Vec<(String, String)>,
    /// How many calls were met.
    calls: u32,
}

/// The members of a message that are read.
const KNOWN: [&str; 9] =
    ["role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id", "name", "id"];

impl Reader<'_> {
    fn message(&mut self, message: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        let role = at.required(at.object(message)?, "role")?;
        let mut blocks = Vec::new();
        let text = match message.field("content") {
            Some(content) => at.member("content").string(content)?,
            None => "",
        };
        let turn_role = match role {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => {
                let thought = message.field("thinking").map(|it| at.member("thinking").string(it));
                let thought = filled(thought.transpose()?);
                blocks.extend(thought.map(|text| {
                    Block::new(Content::Reasoning(Reasoning { text: text.to_owned(), redacted: None }))
                }));
                Role::Assistant
            }
            "tool" => return self.result(message, text, at),
            _ => return Err(at.member("role").expected("'system', 'user', 'assistant' or 'tool'")),
        };
        let pictures = message.field("images");
        let calls = message.field("tool_calls").filter(|calls| !calls.elements().is_empty());
        let silent = text.is_empty() && (pictures.is_some() || calls.is_some() || !blocks.is_empty());
        if !silent {
            blocks.push(Block::text(text));
        }
        if let Some(pictures) = pictures {
            content::pictures(pictures, at.member("images"), &mut blocks)?;
        }
        if let Some(calls) = calls {
            self.calls(calls, at.member("tool_calls"), &mut blocks)?;
        }
        if turn_role == Role::System && self.request.turns.is_empty() {
            self.request.system.append(&mut blocks);
            return Ok(());
        }
        let mut turn = Turn::new(turn_role, blocks);
        unknown::keep(Form::Chat.dialect(), message, &KNOWN, &mut turn.extras);
        self.request.turns.push(turn);
        Ok(())
    }

    fn calls(&mut self, calls: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
        for (index, call) in at.list(calls)?.iter().enumerate() {
            let place = at.element(index);
            let within = place.member("function");
            let function = place.object(call)?.field("function").ok_or_else(|| within.missing())?;
            let name = within.required(function, "name")?.to_owned();
            self.calls += 1;
            let given = filled(call.get("id").and_then(Json::as_str));
            let (id, seal) = given.map_or((None, None), |id| {
                let (id, seal) = unseal_id(id);
                (Some(id.to_owned()), seal)
            });
            let id = id.unwrap_or_else(|| format!("call_{}", self.calls));
            let said = function.field("arguments").map_or("{}", |said| said.as_str().unwrap_or(said.raw()));
            self.pending.push((name.clone(), id.clone()));
            let mut block = Block::new(Content::ToolCall(ToolCall {
                id,
                name,
                arguments: arguments(said).into_owned(),
                kind: ToolKind::Function,
            }));
            block.signature = seal;
            blocks.push(block);
        }
        Ok(())
    }

    /// A result belongs to the call whose id it has, else to the first one of its tool that waits, else
    /// to the first that waits.
    fn result(&mut self, message: &Json<'_>, text: &str, at: Place<'_>) -> Result<(), Malformed> {
        let word = |key: &str| filled(message.get(key).and_then(Json::as_str));
        let id = word("tool_call_id").or_else(|| word("id")).map(|id| unseal_id(id).0);
        let name = word("tool_name").or_else(|| word("name"));
        let of_id = |(_, known): &(String, String)| Some(known.as_str()) == id;
        let of_name = |(known, _): &(String, String)| Some(known.as_str()) == name;
        let place = self.pending.iter().position(of_id).or_else(|| {
            let named = self.pending.iter().position(of_name);
            named.or_else(|| name.is_none().then_some(0)).filter(|_| id.is_none())
        });
        let waiting =
            place.filter(|place| *place < self.pending.len()).map(|place| self.pending.remove(place));
        let call_id = match (waiting, id) {
            (_, Some(id)) => id.to_owned(),
            (Some((_, id)), None) => id,
            (None, None) => format!("call_{}", name.unwrap_or("unknown")),
        };
        let mut content = vec![Block::text(text)];
        if let Some(pictures) = message.field("images") {
            content::pictures(pictures, at.member("images"), &mut content)?;
        }
        let block = Block::new(Content::ToolResult(ToolResult {
            call_id,
            name: name.map(str::to_owned),
            content,
            is_error: false,
        }));
        let mut turn = Turn::new(Role::User, vec![block]);
        unknown::keep(Form::Chat.dialect(), message, &KNOWN, &mut turn.extras);
        self.request.turns.push(turn);
        Ok(())
    }
}
