//! What this API takes in its turns, and how one is written.

use std::borrow::Cow;

use crate::catalog::profile::Profile;
use crate::dialect::anthropic_messages::content::send::{self, Writer};
use crate::dialect::anthropic_messages::types::{DIALECT, role_word};
use crate::dialect::taking_turns::{Message, NO_RESULT, Piece, Rules};
use crate::dialect::tool_names;
use crate::ir::{Block, Dialect, Losses, Role};
use crate::wire::json::Array;

/// What a target with these tolerances takes.
pub(super) struct Taken<'p>(pub(super) &'p Profile);

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
        send::is_moved_out(block, self.0)
    }

    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        tool_names::call_id(self.0.tool_id, id)
    }

    fn id_prefix(&self) -> &'static str {
        "toolu_"
    }
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
        Piece::Missing { id } => a.object(|o| {
            o.string("type", "tool_result");
            o.string("tool_use_id", id);
            o.string("content", NO_RESULT);
            o.bool("is_error", true);
        }),
    }
}
