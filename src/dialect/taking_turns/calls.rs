//! Calls and their results: each call is answered, once, in the very next turn, and results stand
//! first there.

use std::borrow::Cow;

use super::{Message, Piece, Rules, push};
use crate::ir::{Block, Losses, Role, ToolCall, ToolResult};

/// A call that waits for its result.
#[derive(Debug)]
struct Waiting<'a> {
    call: &'a ToolCall,
    id: Cow<'a, str>,
    answered: bool,
}

/// Sees to it that each call is answered, once, in the turn behind it.
pub(super) fn answer<'a>(
    messages: Vec<Message<'a>>,
    rules: &dyn Rules,
    losses: &mut Losses,
) -> Vec<Message<'a>> {
    let mut ordered: Vec<Message<'a>> = Vec::with_capacity(messages.len() + 1);
    let mut used: Vec<String> = Vec::new();
    let mut waiting: Vec<Waiting<'a>> = Vec::new();
    for mut message in messages {
        match message.role {
            Role::User => settle(&mut message, std::mem::take(&mut waiting), rules, losses),
            Role::Assistant | Role::System => {
                push_missing(&mut ordered, std::mem::take(&mut waiting), losses);
                waiting = claim_ids(&mut message, ordered.len(), &mut used, rules, losses);
            }
        }
        ordered.push(message);
    }
    push_missing(&mut ordered, waiting, losses);
    ordered
}

/// Gives each call of a turn its id, unlike all before: some providers count from zero each time.
fn claim_ids<'a>(
    message: &mut Message<'a>,
    turn: usize,
    used: &mut Vec<String>,
    rules: &dyn Rules,
    losses: &mut Losses,
) -> Vec<Waiting<'a>> {
    let mut waiting: Vec<Waiting<'a>> = Vec::new();
    message.pieces.retain_mut(|piece| {
        let Piece::Call { call, id, .. } = piece else { return true };
        let call = *call;
        if !call.id.is_empty() && waiting.iter().any(|known| known.call.id == call.id) {
            losses.dropped("messages.tool_calls", "one id stands for one call");
            return false;
        }
        *id = if call.id.is_empty() {
            Cow::Owned(format!("{}{turn}_{}", rules.id_prefix(), waiting.len()))
        } else {
            rules.call_id(&call.id)
        };
        if used.iter().any(|known| *known == **id) {
            *id = Cow::Owned(format!("{id}_{turn}"));
        }
        used.push(id.to_string());
        waiting.push(Waiting { call, id: id.clone(), answered: false });
        true
    });
    waiting
}

/// Puts the results of a user turn first, one for each waiting call; others become words.
fn settle<'a>(
    message: &mut Message<'a>,
    mut waiting: Vec<Waiting<'a>>,
    rules: &dyn Rules,
    losses: &mut Losses,
) {
    let has_results = message.pieces.iter().any(|piece| matches!(piece, Piece::Result { .. }));
    if waiting.is_empty() && !has_results {
        return;
    }
    let mut results: Vec<Piece<'a>> = Vec::new();
    let mut others: Vec<Piece<'a>> = Vec::new();
    for piece in std::mem::take(&mut message.pieces) {
        let Piece::Result { block, result, .. } = piece else {
            others.push(piece);
            continue;
        };
        let Some(call) = call_answered_by(result, &mut waiting) else {
            losses.bent("messages.tool_result", "a result without its call is said as text");
            others.extend(as_words(result, rules, losses));
            continue;
        };
        let answer = Piece::Result { block, result, id: call.id.clone() };
        if std::mem::replace(&mut call.answered, true) {
            losses.dropped("messages.tool_result", "the last result of a call counts");
            results.retain(|known| !matches!(known, Piece::Result { id, .. } if *id == call.id));
        }
        results.push(answer);
    }
    results.extend(missing(waiting, losses));
    results.extend(others);
    message.pieces = results;
}

/// The call that a result belongs to: by id, or where the client's dialect has no ids, the first
/// open call of that name.
fn call_answered_by<'w, 'a>(
    result: &ToolResult,
    waiting: &'w mut [Waiting<'a>],
) -> Option<&'w mut Waiting<'a>> {
    if !result.call_id.is_empty() {
        return waiting.iter_mut().find(|open| open.call.id == result.call_id);
    }
    let named = |open: &&mut Waiting<'a>| match &result.name {
        Some(name) => open.call.name == *name,
        None => true,
    };
    waiting.iter_mut().filter(|open| !open.answered && open.call.id.is_empty()).find(named)
}

fn as_words<'a>(result: &'a ToolResult, rules: &dyn Rules, losses: &mut Losses) -> Vec<Piece<'a>> {
    let mut text = String::from(if result.is_error { "Failed tool call" } else { "Tool result" });
    if let Some(name) = &result.name {
        text.push_str(" of ");
        text.push_str(name);
    }
    text.push(':');
    for words in result.content.iter().filter_map(Block::as_text) {
        text.push('\n');
        text.push_str(words);
    }
    let media = result.content.iter().filter(|inner| inner.as_text().is_none());
    let media = media.filter(|inner| !rules.is_moved_out(inner));
    let media = media.filter(|inner| rules.is_sent(inner, Role::User, losses));
    std::iter::once(Piece::Text { text, from: None }).chain(media.map(Piece::Block)).collect()
}

fn missing<'a>(waiting: Vec<Waiting<'a>>, losses: &mut Losses) -> Vec<Piece<'a>> {
    let open = waiting.into_iter().filter(|open| !open.answered);
    let pieces: Vec<Piece<'a>> = open.map(|open| Piece::Missing { id: open.id }).collect();
    if !pieces.is_empty() {
        losses.bent("messages.tool_calls", "a call without a result is answered with an error");
    }
    pieces
}

fn push_missing<'a>(messages: &mut Vec<Message<'a>>, waiting: Vec<Waiting<'a>>, losses: &mut Losses) {
    let pieces = missing(waiting, losses);
    push(messages, Role::User, pieces, Vec::new());
}
