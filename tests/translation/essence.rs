//! What of a request or an answer must survive every translation that claims to lose nothing.

use serde_json::Value;
use tollgate::dialect::Restore;
use tollgate::ir::{Block, Candidate, Content, FinishReason, Media, Reply, Request, Role, Source, Usage};

/// One thing said, whoever says it.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// Words, joined over neighbouring blocks.
    Text(String),
    /// A call: the tool and its arguments.
    Call(String, Value),
    /// A result: which call of the conversation it answers, what it says without white space,
    /// whether it failed.
    Result(Option<usize>, Vec<Said>, bool),
    /// Media by kind and by what holds the bytes.
    Media(&'static str, String),
}

/// A request: instructions, turns, and names of tools.
#[derive(Debug, PartialEq)]
pub struct Asked {
    pub system: String,
    pub turns: Vec<(Role, Vec<Said>)>,
    pub tools: Vec<(String, Value)>,
}

/// The essence of a request; names that a rendering bent are bent back.
pub fn asked(request: &Request, restore: &Restore) -> Asked {
    let original = |name: &str| {
        let known = restore.names.iter().find(|(sent, _)| sent == name);
        known.map_or_else(|| name.to_owned(), |(_, original)| original.clone())
    };
    let mut calls: Vec<&str> = Vec::new();
    let mut turns: Vec<(Role, Vec<Said>)> = Vec::new();
    for turn in &request.turns {
        if turns.last().is_none_or(|(role, _)| *role != turn.role) {
            turns.push((turn.role, Vec::new()));
        }
        let said = &mut turns.last_mut().unwrap().1;
        for block in &turn.blocks {
            match &block.content {
                Content::ToolCall(call) => {
                    calls.push(&call.id);
                    add(said, Said::Call(original(&call.name), arguments(&call.arguments)));
                }
                Content::ToolResult(result) => {
                    let which = calls.iter().rposition(|id| *id == result.call_id);
                    let mut content = Vec::new();
                    result
                        .content
                        .iter()
                        .filter_map(plain)
                        .for_each(|piece| add(&mut content, squeeze(piece)));
                    add(said, Said::Result(which, content, result.is_error));
                }
                _ => plain(block).into_iter().for_each(|piece| add(said, piece)),
            }
        }
    }
    for (_, said) in &mut turns {
        // Results may be told in any order, and before the words beside them.
        let (mut results, rest): (Vec<_>, Vec<_>) =
            said.drain(..).partition(|said| matches!(said, Said::Result(..)));
        results.sort_by_key(|result| if let Said::Result(which, ..) = result { *which } else { None });
        said.extend(results);
        rest.into_iter().for_each(|piece| add(said, piece));
    }
    turns.retain(|(_, said)| !said.is_empty());
    let schema = |schema: Option<&str>| {
        let json = schema.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
        let names = json["properties"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
        Value::from(names.unwrap_or_default())
    };
    Asked {
        // Where instructions are one text, paragraphs stand apart.
        system: request
            .system
            .iter()
            .filter_map(Block::as_text)
            .collect::<Vec<_>>()
            .join("\n")
            .replace("\n\n", "\n"),
        turns,
        tools: request
            .tools
            .iter()
            .map(|tool| (original(&tool.name), schema(tool.schema.as_deref())))
            .collect(),
    }
}

/// The essence of an answer: what is said, why it ended, what it used.
#[derive(Debug, PartialEq)]
pub struct Answered {
    pub said: Vec<Said>,
    pub reasoning: String,
    pub finish: Option<FinishReason>,
}

/// The essence of one of an answer's candidates.
pub fn answered(candidate: &Candidate) -> Answered {
    let mut said = Vec::new();
    let mut reasoning = String::new();
    for block in &candidate.blocks {
        match &block.content {
            Content::Reasoning(thought) => reasoning.push_str(&thought.text),
            Content::ToolCall(call) => {
                add(&mut said, Said::Call(call.name.clone(), arguments(&call.arguments)))
            }
            Content::Refusal(text) => add(&mut said, Said::Text(text.clone())),
            _ => plain(block).into_iter().for_each(|piece| add(&mut said, piece)),
        }
    }
    // Chat tells pictures beside its words, and calls after all of them.
    said.sort_by_key(|piece| match piece {
        Said::Text(_) | Said::Result(..) => 0,
        Said::Media(..) => 1,
        Said::Call(..) => 2,
    });
    let mut joined = Vec::new();
    said.into_iter().for_each(|piece| add(&mut joined, piece));
    Answered {
        said: joined,
        reasoning,
        finish: candidate.finish.as_ref().map(|finish| coarse(finish.reason)),
    }
}

/// The essence of the first candidate.
pub fn first(reply: &Reply) -> Answered {
    reply.candidates.first().map(answered).unwrap_or_else(|| answered(&Candidate::default()))
}

/// The sums that every dialect can say: all input, what of it was cached, all output.
pub fn sums(usage: Option<&Usage>) -> (u64, u64, u64) {
    let usage = usage.copied().unwrap_or_default();
    (usage.total_input(), usage.cache_read, usage.total_output())
}

/// The reasons that every dialect has a word for.
const fn coarse(reason: FinishReason) -> FinishReason {
    match reason {
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => FinishReason::Stop,
        FinishReason::Length | FinishReason::ContextFull => FinishReason::Length,
        FinishReason::ToolCalls => FinishReason::ToolCalls,
        FinishReason::ContentFilter | FinishReason::Refusal => FinishReason::ContentFilter,
    }
}

fn plain(block: &Block) -> Option<Said> {
    match &block.content {
        Content::Text { text, .. } if text.is_empty() => None,
        Content::Text { text, .. } | Content::Refusal(text) => Some(Said::Text(text.clone())),
        Content::Image(media) => Some(Said::Media("image", bytes(media))),
        Content::Document(media) => Some(Said::Media("document", bytes(media))),
        Content::Audio(media) => Some(Said::Media("audio", bytes(media))),
        Content::Video(media) => Some(Said::Media("video", bytes(media))),
        _ => None,
    }
}

fn bytes(media: &Media) -> String {
    match &media.source {
        Source::Base64(text) | Source::Url(text) | Source::File(text) | Source::Text(text) => text.clone(),
    }
}

/// Results that are JSON may be laid out anew.
fn squeeze(piece: Said) -> Said {
    match piece {
        Said::Text(text) => Said::Text(text.split_ascii_whitespace().collect()),
        other => other,
    }
}

/// Arguments as a value; free text stays text.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Adds a piece; words join the words before them.
fn add(to: &mut Vec<Said>, piece: Said) {
    match (to.last_mut(), piece) {
        (Some(Said::Text(before)), Said::Text(text)) => before.push_str(&text),
        (_, piece) => to.push(piece),
    }
}
