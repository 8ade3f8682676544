//! What a message holds beside its words: pictures as bare base64, and what cannot be said.

use crate::dialect::Malformed;
use crate::dialect::place::Place;
use crate::dialect::unknown;
use crate::ir::{Block, Content, Dialect, Losses, Media, Source};
use crate::wire::json::Json;

use super::types::sniff;

/// Reads `images`.
pub(super) fn pictures(value: &Json<'_>, at: Place<'_>, blocks: &mut Vec<Block>) -> Result<(), Malformed> {
    for (index, picture) in at.list(value)?.iter().enumerate() {
        let data = at.element(index).string(picture)?;
        // Some clients leave the data URI around it.
        let data = data.split_once(";base64,").map_or(data, |(_, data)| data);
        let media = Media::new(Source::Base64(data.to_owned()), sniff(data));
        blocks.push(Block::new(Content::Image(media)));
    }
    Ok(())
}

/// What of some blocks can be said: the words in pieces, and the pictures.
#[derive(Debug, Default)]
pub(super) struct Said<'b> {
    /// The words, piece by piece.
    pub words: Vec<String>,
    /// The pictures' base64.
    pub pictures: Vec<&'b str>,
}

impl<'b> Said<'b> {
    /// Gathers what can be said of these blocks; the rest is noted.
    pub(super) fn of(own: Dialect, blocks: impl IntoIterator<Item = &'b Block>, losses: &mut Losses) -> Self {
        let mut said = Self::default();
        for block in blocks {
            said.add(own, block, losses);
        }
        said
    }

    fn add(&mut self, own: Dialect, block: &'b Block, losses: &mut Losses) {
        if block.cache.is_some() {
            losses.dropped("cache_control", "the target takes no cache marks");
        }
        unknown::note_lost(own, &block.extras, losses);
        match &block.content {
            Content::Text { text, citations } => {
                if !citations.is_empty() {
                    losses.dropped("messages.content.citations", "earlier sources are not sent");
                }
                if !self.pictures.is_empty() {
                    losses.bent("messages.content", "pictures stand beside the words");
                }
                self.words.push(text.clone());
            }
            Content::Refusal(text) => {
                losses.bent("messages.refusal", "said as text");
                self.words.push(text.clone());
            }
            Content::Image(Media { source: Source::Base64(data), .. }) => self.pictures.push(data),
            Content::Image(_) => {
                losses.dropped("messages.content.image", "the target does not read addresses");
            }
            Content::Document(Media { source: Source::Text(text), name, .. }) => {
                losses.bent("messages.content.document", "said as text");
                self.words
                    .push(name.as_ref().map_or_else(|| text.clone(), |name| format!("{name}\n\n{text}")));
            }
            Content::Document(_) => losses.dropped("messages.content.document", "the target takes none"),
            Content::Audio(_) => losses.dropped("messages.content.audio", "the target takes none"),
            Content::Video(_) => losses.dropped("messages.content.video", "the target takes none"),
            Content::Opaque { .. } => {
                losses.dropped("messages.content", "the part is only known to the dialect it came from");
            }
            // These have a place of their own.
            Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {}
        }
    }

    /// The words in one; several texts of a message are told apart by line ends.
    pub(super) fn text(&self, losses: &mut Losses) -> String {
        if self.words.len() > 1 {
            losses.bent("messages.content", "several texts are said as one");
        }
        self.words.join("\n")
    }
}
