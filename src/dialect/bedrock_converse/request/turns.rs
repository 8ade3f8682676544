//! What this API takes in its turns, what it wants beside documents and results, and how a turn is
//! written.

use std::borrow::Cow;

use crate::catalog::profile::{Beside, Profile};
use crate::dialect::bedrock_converse::content::send::{self, Writer};
use crate::dialect::bedrock_converse::types::{DIALECT, role_word};
use crate::dialect::taking_turns::{self, FIRST_WORD, Message, NO_RESULT, Piece, Rules};
use crate::dialect::tool_names;
use crate::ir::{Block, Content, Dialect, Losses, Request, Role};
use crate::wire::json::Array;

/// The longest id of a call.
const LONGEST_ID: usize = 64;

/// What a target with these tolerances takes.
struct Taken<'p>(&'p Profile);

impl Rules for Taken<'_> {
    fn dialect(&self) -> Dialect {
        DIALECT
    }

    fn profile(&self) -> &Profile {
        self.0
    }

    fn is_sent(&self, block: &Block, role: Role, losses: &mut Losses) -> bool {
        send::is_sent(block, role, self.0, losses)
    }

    fn is_moved_out(&self, block: &Block) -> bool {
        send::is_moved_out(block, &self.0.converse)
    }

    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        if id.len() <= LONGEST_ID && id.bytes().all(plain) {
            return Cow::Borrowed(id);
        }
        Cow::Owned(tool_names::shortened(id, LONGEST_ID))
    }

    fn id_prefix(&self) -> &'static str {
        "tooluse_"
    }
}

/// Puts a request's turns in the order that the target takes.
pub(super) fn arrange<'a>(request: &'a Request, profile: &Profile, losses: &mut Losses) -> Vec<Message<'a>> {
    let arranged = taking_turns::arrange(request, &Taken(profile), losses);
    let mut messages = Vec::with_capacity(arranged.len());
    for mut message in arranged {
        let Some(behind) = split(&mut message, profile.converse.beside_results) else {
            messages.push(message);
            continue;
        };
        losses.bent("messages.tool_result", "what stood beside results follows them");
        messages.push(message);
        messages.push(words(Role::Assistant, FIRST_WORD));
        messages.push(behind);
    }
    for message in &mut messages {
        if holds_only_documents(message) {
            losses.bent("messages.content", "a document is refused without words");
            message.pieces.push(Piece::Text { text: FIRST_WORD.to_owned(), from: None });
        }
    }
    messages
}

fn words<'a>(role: Role, text: &str) -> Message<'a> {
    let pieces = vec![Piece::Text { text: text.to_owned(), from: None }];
    Message { role, pieces, extras: Vec::new() }
}

/// Takes out of a turn what may not stand beside its results.
fn split<'a>(message: &mut Message<'a>, beside: Beside) -> Option<Message<'a>> {
    let is_result = |piece: &Piece<'_>| matches!(piece, Piece::Result { .. } | Piece::Missing { .. });
    if beside == Beside::Anything || !message.pieces.iter().any(is_result) {
        return None;
    }
    let stays = |piece: &Piece<'_>| match piece {
        Piece::Block(block) if beside == Beside::WordsAndImages => {
            !matches!(block.content, Content::Document(_) | Content::Video(_) | Content::Audio(_))
        }
        Piece::Text { .. } => beside == Beside::WordsAndImages,
        piece => is_result(piece),
    };
    if message.pieces.iter().all(stays) {
        return None;
    }
    // All that is no result goes, so that words stay with what they are about.
    let (results, others) = std::mem::take(&mut message.pieces).into_iter().partition(is_result);
    message.pieces = results;
    Some(Message { role: message.role, pieces: others, extras: Vec::new() })
}

fn holds_only_documents(message: &Message<'_>) -> bool {
    let mut documents = message
        .pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Block(Block { content: Content::Document(_), .. })));
    let has_words = message.pieces.iter().any(|piece| match piece {
        Piece::Text { .. } => true,
        Piece::Block(block) => block.as_text().is_some(),
        Piece::Call { .. } | Piece::Result { .. } | Piece::Missing { .. } => false,
    });
    documents.next().is_some() && !has_words
}

/// Writes a message.
pub(super) fn write(message: &Message<'_>, writer: &mut Writer<'_>, a: &mut Array<'_>, losses: &mut Losses) {
    a.object(|o| {
        o.string("role", role_word(message.role));
        o.array("content", |a| {
            for piece in &message.pieces {
                write_piece(piece, writer, a, losses);
            }
        });
        for extra in &message.extras {
            o.raw(&extra.name, &extra.json);
        }
    });
}

fn write_piece(piece: &Piece<'_>, writer: &mut Writer<'_>, a: &mut Array<'_>, losses: &mut Losses) {
    match piece {
        Piece::Block(block) => writer.block(block, a, losses),
        Piece::Text { text, from } => writer.text(text, *from, a, losses),
        Piece::Call { block, call, id } => writer.call(block, call, id, a, losses),
        Piece::Result { block, result, id } => writer.result(block, result, id, a, losses),
        Piece::Missing { id } => {
            let status = writer.profile.converse.result_status.then_some("error");
            a.object(|o| {
                o.object("toolResult", |o| {
                    o.string("toolUseId", id);
                    o.array("content", |a| a.object(|o| o.string("text", NO_RESULT)));
                    o.opt_string("status", status);
                });
            });
        }
    }
}
