//! The conversation as Anthropic and Bedrock take it: roles alternate, the user begins, every call
//! is answered in the very next turn, and results stand first there.
//!
//! The hub's conversations need none of this, so they are put in order here. Nothing is made up
//! without a word in the ledger.

mod calls;

use std::borrow::Cow;

use crate::catalog::profile::Profile;
use crate::ir::{Block, Content, Dialect, Extra, Losses, Request, Role, ToolCall, ToolResult, Turn};

/// What a target takes in its turns.
pub(in crate::dialect) trait Rules {
    /// What it speaks.
    fn dialect(&self) -> Dialect;

    /// What it tolerates.
    fn profile(&self) -> &Profile;

    /// Whether a block can be sent in a turn of this role; if not, the ledger says what is lost.
    fn is_sent(&self, block: &Block, role: Role, losses: &mut Losses) -> bool;

    /// Whether a block inside a tool result must follow it instead.
    fn is_moved_out(&self, block: &Block) -> bool;

    /// A call's id as the target takes it.
    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str>;

    /// What the ids begin with that are made up for calls without one.
    fn id_prefix(&self) -> &'static str;
}

/// One message as it will be sent.
#[derive(Debug)]
pub(in crate::dialect) struct Message<'a> {
    /// Who speaks.
    pub(in crate::dialect) role: Role,
    /// What is said, in order.
    pub(in crate::dialect) pieces: Vec<Piece<'a>>,
    /// Members of the message that only this dialect has.
    pub(in crate::dialect) extras: Vec<&'a Extra>,
}

/// One block as it will be sent.
#[derive(Debug)]
pub(in crate::dialect) enum Piece<'a> {
    /// A block of the client's.
    Block(&'a Block),
    /// Words that stand for a block of the client's, or for none.
    Text { text: String, from: Option<&'a Block> },
    /// A call, under the id that the target is told.
    Call { block: &'a Block, call: &'a ToolCall, id: Cow<'a, str> },
    /// The result of a call, under the same id.
    Result { block: &'a Block, result: &'a ToolResult, id: Cow<'a, str> },
    /// The result that a call never got.
    Missing { id: Cow<'a, str> },
}

/// What is said when nothing was: the API needs a first word from the user.
pub(in crate::dialect) const FIRST_WORD: &str = ".";

/// What stands before the operator's words where the target knows no system turns.
const OPERATOR_NOTE: &str = "Note from the operator, not from the user:";

/// What is said for the result that a call never got.
pub(in crate::dialect) const NO_RESULT: &str = "The result of this call is not known.";

/// Puts a request's turns in order.
pub(in crate::dialect) fn arrange<'a>(
    request: &'a Request,
    rules: &dyn Rules,
    losses: &mut Losses,
) -> Vec<Message<'a>> {
    let messages = gather(&request.turns, rules, losses);
    let mut messages = calls::answer(messages, rules, losses);
    end_well(&mut messages, rules.profile(), losses);
    if messages.first().is_none_or(|first| first.role != Role::User) {
        losses.bent("messages", "the user must have the first word");
        let word = Piece::Text { text: FIRST_WORD.to_owned(), from: None };
        messages.insert(0, Message { role: Role::User, pieces: vec![word], extras: Vec::new() });
    }
    messages
}

/// Joins neighbours of one role and leaves out what cannot be sent.
fn gather<'a>(turns: &'a [Turn], rules: &dyn Rules, losses: &mut Losses) -> Vec<Message<'a>> {
    let mut messages: Vec<Message<'a>> = Vec::with_capacity(turns.len());
    let mut rest = turns;
    while let [turn, after @ ..] = rest {
        rest = after;
        if turn.name.is_some() {
            losses.dropped("messages.name", "speakers have no names there");
        }
        let before = messages.last().map(|message| message.role);
        let role = role_sent(turn.role, before, after, rules.profile());
        let mut pieces = Vec::with_capacity(turn.blocks.len());
        for block in &turn.blocks {
            if rules.is_sent(block, role, losses) {
                pieces.extend(piece(block, turn.role, role, losses));
                pieces.extend(moved_out(block, rules, losses));
            }
        }
        push(&mut messages, role, pieces, own_extras(turn, rules.dialect(), losses));
    }
    messages
}

/// The role a turn is sent in. The API takes a system turn only right after the user's, with the
/// model's or nothing behind it.
fn role_sent(role: Role, before: Option<Role>, after: &[Turn], profile: &Profile) -> Role {
    if role != Role::System {
        return role;
    }
    let next = after.iter().map(|turn| turn.role).find(|role| *role != Role::System);
    let fits = matches!(before, Some(Role::User | Role::System)) && next != Some(Role::User);
    if profile.mid_system && fits { Role::System } else { Role::User }
}

fn piece<'a>(block: &'a Block, said: Role, sent: Role, losses: &mut Losses) -> Option<Piece<'a>> {
    let is_note = said == Role::System && sent != Role::System;
    Some(match &block.content {
        Content::Text { text, .. } if is_note => {
            losses.bent("messages.system", "said as the operator's note in a user turn");
            Piece::Text { text: format!("{OPERATOR_NOTE}\n{text}"), from: Some(block) }
        }
        Content::ToolCall(call) => Piece::Call { block, call, id: Cow::Borrowed(&call.id) },
        Content::ToolResult(result) => Piece::Result { block, result, id: Cow::Borrowed(&result.call_id) },
        Content::Text { .. } | Content::Opaque { .. } => Piece::Block(block),
        _ if said == Role::System => {
            losses.dropped("messages.system", "the operator can only say words");
            return None;
        }
        _ => Piece::Block(block),
    })
}

/// The media of a result that the target takes only behind it.
fn moved_out<'a>(block: &'a Block, rules: &dyn Rules, losses: &mut Losses) -> Vec<Piece<'a>> {
    let Content::ToolResult(result) = &block.content else { return Vec::new() };
    let moved = result.content.iter().filter(|inner| rules.is_moved_out(inner));
    let moved = moved.filter(|inner| rules.is_sent(inner, Role::User, losses));
    let pieces: Vec<Piece<'a>> = moved.map(Piece::Block).collect();
    if !pieces.is_empty() {
        losses.bent("messages.tool_result", "pictures follow the result");
    }
    pieces
}

fn own_extras<'a>(turn: &'a Turn, dialect: Dialect, losses: &mut Losses) -> Vec<&'a Extra> {
    let mut own = Vec::new();
    for extra in turn.extras.all() {
        if extra.dialect == dialect {
            own.push(extra);
        } else {
            losses.dropped(format!("messages.{}", extra.name), "only its own dialect has it");
        }
    }
    own
}

/// Adds a turn, to the last message where that is of the same role.
pub(in crate::dialect) fn push<'a>(
    messages: &mut Vec<Message<'a>>,
    role: Role,
    pieces: Vec<Piece<'a>>,
    extras: Vec<&'a Extra>,
) {
    if pieces.is_empty() {
        return;
    }
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.pieces.extend(pieces);
            for extra in extras {
                if last.extras.iter().all(|known| known.name != extra.name) {
                    last.extras.push(extra);
                }
            }
        }
        _ => messages.push(Message { role, pieces, extras }),
    }
}

/// Sees to the model's turn at the end, which it would continue: some models refuse it, and none
/// takes white space at its end. A paused turn that ends in a server tool's work stays as it is.
fn end_well(messages: &mut Vec<Message<'_>>, profile: &Profile, losses: &mut Losses) {
    let Some(last) = messages.last_mut().filter(|last| last.role == Role::Assistant) else { return };
    let paused =
        matches!(last.pieces.last(), Some(Piece::Block(Block { content: Content::Opaque { .. }, .. })));
    if paused {
        return;
    }
    if !profile.prefill {
        losses.dropped("messages.prefill", "the target does not continue the model's turn");
        messages.pop();
        return;
    }
    if let Some(Piece::Block(block)) = last.pieces.last()
        && let Some(text) = block.as_text()
        && text.trim_end().len() < text.len()
    {
        let text = text.trim_end().to_owned();
        let from = Some(*block);
        losses.clamped("messages.prefill", "white space at its end is refused");
        last.pieces.pop();
        last.pieces.push(Piece::Text { text, from });
    }
}

/// Whether the model's last turn called tools without showing its thought first, after which a
/// budget for thinking is refused.
pub(in crate::dialect) fn has_unthought_call(messages: &[Message<'_>]) -> bool {
    let last = messages.iter().rev().find(|message| message.role == Role::Assistant);
    last.is_some_and(|last| {
        let calls = last.pieces.iter().any(|piece| matches!(piece, Piece::Call { .. }));
        let thought =
            matches!(last.pieces.first(), Some(Piece::Block(Block { content: Content::Reasoning(_), .. })));
        calls && !thought
    })
}

/// Whether the conversation ends with words of the model that it shall continue.
pub(in crate::dialect) fn has_prefill(messages: &[Message<'_>]) -> bool {
    messages.last().is_some_and(|last| last.role == Role::Assistant)
}
