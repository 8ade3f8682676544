//! An upstream's whole answer → the hub's reply. Lenient: what is missing is missing.

use crate::dialect::Malformed;
use crate::dialect::openai_responses::reasoning::{self, Thought};
use crate::dialect::openai_responses::types::{
    OWN, arguments, compact, filled, kind, parse_finish, service_tier, text,
};
use crate::dialect::openai_responses::{citations, echo, error, extras, items, namespace, usage};
use crate::ir::{Block, Candidate, Content, Extras, Reply, Signature, ToolCall, ToolKind, unseal_id};
use crate::wire::json::{self, Json};

/// Reads a reply.
pub(in crate::dialect::openai_responses) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let root = json::parse(body)?;
    if let Some(fault) = error::of(&root) {
        return Err(Malformed::new("error", fault.message));
    }
    let output = root.field("output").filter(|output| output.is_array());
    let Some(output) = output else {
        return Err(Malformed::new("output", "expected a list of items"));
    };
    let mut reader = Reader::default();
    output.elements().iter().for_each(|item| reader.item(item));
    let Reader { blocks, logprobs, .. } = reader;
    let called = blocks.iter().any(|block| matches!(block.content, Content::ToolCall(_)));
    let candidate = Candidate {
        finish: finish(&root, called),
        blocks,
        logprobs: (!logprobs.is_empty()).then(|| format!("{{\"content\":[{}]}}", logprobs.join(","))),
        extras: Extras::NONE,
    };
    let string = |key: &str| filled(root.get(key).and_then(Json::as_str)).map(str::to_owned);
    Ok(Reply {
        id: string("id"),
        model: string("model"),
        created: created(&root),
        candidates: vec![candidate],
        usage: usage::of(&root),
        service_tier: string("service_tier").as_deref().map(service_tier),
        extras: members(&root),
    })
}

/// Why a response ended.
pub(in crate::dialect::openai_responses) fn finish(
    root: &Json<'_>,
    called: bool,
) -> Option<crate::ir::Finish> {
    let why = root.at(&["incomplete_details", "reason"]).and_then(Json::as_str);
    let status = filled(root.get("status").and_then(Json::as_str)).unwrap_or("completed");
    parse_finish(status, why, called)
}

/// The time of a response, which some vendors write with a fraction.
pub(in crate::dialect::openai_responses) fn created(root: &Json<'_>) -> Option<u64> {
    let seconds = root.get("created_at")?.as_f64()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds as u64;
    (whole > 0).then_some(whole)
}

/// The members of a response that are read, or say nothing of the answer.
const KNOWN: [&str; 11] = [
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "error",
    "incomplete_details",
    "model",
    "output",
    "usage",
    "service_tier",
];

/// The members of a response that nobody knows.
pub(in crate::dialect::openai_responses) fn members(root: &Json<'_>) -> Extras {
    let mut members = Extras::NONE;
    for (key, value) in root.entries() {
        if !KNOWN.contains(&&**key) && !echo::is_repeated(key) && !value.is_null() {
            extras::keep_moot(key, &compact(value), &mut members);
        }
    }
    members
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    /// The elements of the parts' log probabilities.
    logprobs: Vec<String>,
    /// A seal that waits for the block it is on.
    next: Option<Signature>,
}

impl Reader {
    fn item(&mut self, item: &Json<'_>) {
        match kind(item) {
            "message" => {
                for value in item.get("content").map(Json::elements).unwrap_or_default() {
                    for one in value.get("logprobs").map(Json::elements).unwrap_or_default() {
                        self.logprobs.push(compact(one));
                    }
                    self.push(part(value));
                }
            }
            "reasoning" => match reasoning::parse(item) {
                Thought::Block(block) if reasoning::is_empty(&block) => {}
                Thought::Block(block) => self.blocks.push(block),
                Thought::Next(seal) => self.next = Some(seal),
                Thought::Last(seal) => match self.blocks.last_mut() {
                    Some(block) => block.signature = Some(seal),
                    None => self.next = Some(seal),
                },
            },
            "function_call" => self.push(call(item, "arguments", ToolKind::Function)),
            "custom_tool_call" => self.push(call(item, "input", ToolKind::Custom(None))),
            "" => {}
            _ => self.blocks.push(items::block(item)),
        }
    }

    fn push(&mut self, mut block: Block) {
        block.signature = self.next.take().or(block.signature);
        self.blocks.push(block);
    }
}

/// Reads a part of a message.
pub(in crate::dialect::openai_responses) fn part(value: &Json<'_>) -> Block {
    match kind(value) {
        "output_text" | "text" => {
            let annotations = value.get("annotations").map(Json::elements).unwrap_or_default();
            Block::new(Content::Text {
                text: text(value, "text").to_owned(),
                citations: annotations.iter().map(citations::parse).collect(),
            })
        }
        "refusal" => Block::new(Content::Refusal(text(value, "refusal").to_owned())),
        other => Block::new(Content::Opaque {
            dialect: OWN,
            name: other.to_owned(),
            json: value.raw().to_owned(),
            words: None,
        }),
    }
}

fn call(item: &Json<'_>, key: &str, kind: ToolKind) -> Block {
    let said = item.field(key).map(|said| said.as_str().unwrap_or_else(|| said.raw())).unwrap_or_default();
    let said = if kind == ToolKind::Function { arguments(said) } else { said };
    let (id, riding) = unseal_id(text(item, "call_id"));
    let mut block = Block::new(Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: namespace::called(item),
        arguments: said.to_owned(),
        kind,
    }));
    block.signature = riding;
    block
}
