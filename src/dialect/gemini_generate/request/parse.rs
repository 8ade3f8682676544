//! A client's body → the hub. Model and method stand in the path.

use super::super::content::{Part, Said};
use super::super::types::{self, DIALECT};
use super::super::{case, content, tools};
use super::config;
use crate::dialect::{Head, Malformed};
use crate::ir::{Block, Content, Request, Role, ToolResult, Turn};
use crate::wire::json::{self, Json};
use crate::wire::percent;

/// Reads a client's request.
pub(in super::super) fn parse(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let json = json::parse(body)?;
    let mut request = parse_body(&json)?;
    if let Some((model, method)) = model_of(head.path) {
        request.model = model;
        request.stream = method == "streamGenerateContent";
    }
    if request.model.is_empty() {
        return Err(Malformed::new("model", "the path must name a model"));
    }
    Ok(request)
}

/// The model and the method that a path such as `/v1beta/models/gemini-2.5-pro:countTokens` names.
/// A model may hold slashes and colons; `tunedModels/` is part of its name, `models/` is not.
pub(in super::super) fn model_of(path: &str) -> Option<(String, String)> {
    let path = percent::decode_text(path);
    let (named, method) = path.rsplit_once(':')?;
    if let Some(at) = named.find("/tunedModels/") {
        let model = named.get(at + 1..)?;
        return Some((model.to_owned(), method.to_owned()));
    }
    let (_, model) = named.split_once("/models/")?;
    (!model.is_empty()).then(|| (model.to_owned(), method.to_owned()))
}

/// Reads the members of a `GenerateContentRequest`.
pub(in super::super) fn parse_body(json: &Json<'_>) -> Result<Request, Malformed> {
    let mut request = Request { stream_usage: true, ..Request::default() };
    let mut contents = None;
    for (name, value) in case::fields(case::object(json, "")?) {
        match &*name {
            "model" => {
                let model = case::string(value, "model")?;
                model.strip_prefix("models/").unwrap_or(&model).clone_into(&mut request.model);
            }
            "contents" => contents = Some(value),
            "systemInstruction" => request.system = system(value).map_err(case::within(&name))?,
            "tools" => request.tools = tools::parse(value)?,
            "toolConfig" => tools::parse_config(value, &mut request)?,
            "generationConfig" => {
                config::parse(value, &mut request).map_err(case::within(&name))?;
            }
            "serviceTier" => {
                request.service_tier = Some(types::tier(&case::string(value, &name)?));
            }
            _ => request.extras.push(DIALECT, &name, &case::compact(value)),
        }
    }
    let contents = contents.ok_or_else(|| Malformed::new("contents", "contents must be given"))?;
    request.turns = turns(contents)?;
    if request.turns.is_empty() {
        return Err(Malformed::new("contents", "expected at least one content with a part"));
    }
    Ok(request)
}

/// The system instruction: a content, all parts of it, or a bare string.
fn system(json: &Json<'_>) -> Result<Vec<Block>, Malformed> {
    if let Some(text) = json.as_str() {
        return Ok(vec![Block::text(text)]);
    }
    let parts = case::field(case::object(json, "")?, "parts");
    let mut blocks = Vec::new();
    for (at, part) in
        parts.map(|parts| case::list(parts, "parts")).transpose()?.unwrap_or_default().iter().enumerate()
    {
        let part = content::read(part).map_err(|flaw| case::within(format!("parts[{at}]"))(flaw))?;
        blocks.extend(part.into_block());
    }
    Ok(blocks)
}

fn turns(contents: &Json<'_>) -> Result<Vec<Turn>, Malformed> {
    let contents = case::list(contents, "contents")?;
    let mut calls = Calls::default();
    let mut turns = Vec::with_capacity(contents.len());
    for (at, content) in contents.iter().enumerate() {
        let turn = turn(at, content, &mut calls);
        let turn = turn.map_err(|flaw| case::within(format!("contents[{at}]"))(flaw))?;
        if !turn.blocks.is_empty() {
            turns.push(turn);
        }
    }
    rejoin(&mut turns);
    Ok(turns)
}

/// Puts thoughts together again that came in pieces, where another dialect sealed the last one: its
/// seal holds for the whole. Clients keep the slices of a stream as they came, as parts of one
/// content or as contents of their own.
fn rejoin(turns: &mut Vec<Turn>) {
    let foreign = |block: &Block| block.signature.as_ref().is_some_and(|seal| seal.dialect != DIALECT);
    if !turns.iter().flat_map(|turn| &turn.blocks).any(foreign) {
        return;
    }
    // The pieces said last, by turn and block, with no seal yet.
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    let mut text = String::new();
    let mut joined = Vec::new();
    for (at, turn) in turns.iter_mut().enumerate() {
        for (place, block) in turn.blocks.iter_mut().enumerate() {
            let sealed = foreign(block);
            match &mut block.content {
                Content::Reasoning(thought) if thought.redacted.is_none() && sealed => {
                    thought.text.insert_str(0, &text);
                    joined.append(&mut pieces);
                }
                Content::Reasoning(thought) if thought.redacted.is_none() && block.signature.is_none() => {
                    text.push_str(&thought.text);
                    pieces.push((at, place));
                    continue;
                }
                _ => pieces.clear(),
            }
            text.clear();
        }
    }
    for (at, place) in joined.into_iter().rev() {
        if let Some(turn) = turns.get_mut(at) {
            turn.blocks.remove(place);
        }
    }
    turns.retain(|turn| !turn.blocks.is_empty());
}

fn turn(number: usize, json: &Json<'_>, calls: &mut Calls) -> Result<Turn, Malformed> {
    let mut parts: &[Json<'_>] = &[];
    let mut turn = Turn::new(Role::User, Vec::new());
    for (name, value) in case::fields(json) {
        match &*name {
            "role" => {
                let role = value.as_str().and_then(|word| types::role(Some(word)));
                turn.role = role.ok_or_else(|| Malformed::new("role", "expected user or model"))?;
            }
            "parts" => parts = case::list(value, "parts")?,
            _ => turn.extras.push(DIALECT, &name, &case::compact(value)),
        }
    }
    calls.speak(turn.role);
    turn.blocks.reserve(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let within = |flaw| case::within(format!("parts[{at}]"))(flaw);
        let read = content::read(part).map_err(within)?;
        // What only describes, as `videoMetadata` by itself, describes the part before it.
        if matches!(read.said, Said::Nothing)
            && !read.extras.is_empty()
            && let Some(described) = turn.blocks.last_mut()
        {
            described.extras.put(read.extras);
            continue;
        }
        turn.blocks.push(block(number, at, read, turn.role, calls).map_err(within)?);
    }
    // Results answer the turn before, so they come before whatever else the user says.
    turn.blocks.sort_by_key(|block| !matches!(block.content, Content::ToolResult(_)));
    Ok(turn)
}

fn block(turn: usize, at: usize, part: Part, role: Role, calls: &mut Calls) -> Result<Block, Malformed> {
    let block = part.into_block();
    let mut block = block.ok_or_else(|| Malformed::new("", "expected a part that holds something"))?;
    match &mut block.content {
        Content::ToolCall(call) => {
            if role != Role::Assistant {
                return Err(Malformed::new("functionCall", "belongs in a content of the model"));
            }
            let made = call.id.is_empty();
            if made {
                call.id = format!("call_{turn}_{at}");
            }
            calls.called(&call.id, &call.name, made);
        }
        Content::ToolResult(result) => {
            if role != Role::User {
                return Err(Malformed::new("functionResponse", "belongs in a content of the user"));
            }
            calls.answered(result, || format!("call_{turn}_{at}"));
        }
        _ => {}
    }
    Ok(block)
}

/// The calls that wait for their results.
#[derive(Default)]
struct Calls {
    waiting: Vec<Waiting>,
    /// Whether the user spoke last, so that the model's next call begins a new round.
    user_spoke: bool,
}

struct Waiting {
    id: String,
    name: String,
    /// Whether the id was made up here.
    made: bool,
}

impl Calls {
    fn speak(&mut self, role: Role) {
        if role == Role::Assistant && self.user_spoke {
            self.waiting.clear();
        }
        self.user_spoke = role != Role::Assistant;
    }

    fn called(&mut self, id: &str, name: &str, made: bool) {
        self.waiting.push(Waiting { id: id.to_owned(), name: name.to_owned(), made });
    }

    /// Matches a result to its call: by id, else to the first call of that name that still waits.
    fn answered(&mut self, result: &mut ToolResult, fallback: impl FnOnce() -> String) {
        let by_id = |call: &Waiting| !result.call_id.is_empty() && call.id == result.call_id;
        let by_name = |call: &Waiting| {
            Some(&call.name) == result.name.as_ref() && (result.call_id.is_empty() || call.made)
        };
        let place = self.waiting.iter().position(by_id);
        match place.or_else(|| self.waiting.iter().position(by_name)) {
            Some(place) => {
                let call = self.waiting.remove(place);
                result.name.get_or_insert(call.name);
                result.call_id = call.id;
            }
            None if result.call_id.is_empty() => result.call_id = fallback(),
            None => {}
        }
    }
}
