//! Takes out of a chat stream what only the gateway had asked for: its usage.
//!
//! `stream_options.include_usage` brings one event more, and in every other one a `"usage":null` that
//! strict clients which did not ask refuse (Mistral's own SDK for JavaScript does).

use std::sync::LazyLock;

use bytes::Bytes;

use super::passing::hear;
use crate::wire::needle::Needle;
use crate::wire::{lens, sse};

/// Takes the usage out of a stream.
#[derive(Debug, Default)]
pub(super) struct Strip {
    /// What goes on instead of the piece, where that differs.
    instead: Option<Bytes>,
}

impl Strip {
    /// What goes on instead of the piece that was listened to, once, where that differs.
    pub(super) const fn take(&mut self) -> Option<Bytes> {
        self.instead.take()
    }

    /// Listens, and notes what must go on instead of the piece: a frame that is not whole yet may
    /// turn out to be the usage event, and so waits. `on` hears each frame, and says whether it holds
    /// usage.
    pub(super) fn listen(
        &mut self,
        frames: &mut sse::Parser,
        chunk: Option<&Bytes>,
        end: bool,
        mut on: impl FnMut(&sse::Frame<'_>) -> bool,
    ) -> Result<(), sse::FrameTooLong> {
        static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));
        let empty = Bytes::new();
        let piece = chunk.unwrap_or(&empty);
        // How many bytes the frames so far had, and what is kept of them once it differs.
        let mut heard = 0;
        let mut kept = (frames.pending() > 0).then(Vec::new);
        let framed = hear(frames, chunk, end, |frame| {
            let usage_alone = on(&frame) && is_usage_alone(&frame.data);
            let cut = if usage_alone { Some(0..frame.raw.len()) } else { USAGE.null_member(frame.raw) };
            if cut.is_some() && kept.is_none() {
                let mut before = Vec::with_capacity(piece.len());
                before.extend_from_slice(piece.get(..heard).unwrap_or_default());
                kept = Some(before);
            }
            if let Some(kept) = &mut kept {
                let cut = cut.unwrap_or_default();
                kept.extend_from_slice(frame.raw.get(..cut.start).unwrap_or_default());
                kept.extend_from_slice(frame.raw.get(cut.end..).unwrap_or_default());
            }
            heard += frame.raw.len();
        });
        self.instead = match kept {
            Some(kept) => Some(kept.into()),
            None if heard < piece.len() => Some(piece.slice(..heard)),
            None => None,
        };
        framed
    }
}

/// Whether an event of a chat stream holds usage and nothing else.
fn is_usage_alone(data: &[u8]) -> bool {
    let is_empty = |list: &str| list.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'));
    lens::find(data, "choices").is_some_and(is_empty)
        && lens::find(data, "usage").is_some_and(|usage| usage.starts_with('{'))
}
