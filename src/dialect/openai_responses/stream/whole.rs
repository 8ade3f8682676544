//! Items of a stream that is written that are told at once: pictures, other tools' items, thoughts that
//! hold no more than a seal.

use crate::dialect::openai_responses::extras;
use crate::dialect::openai_responses::reasoning::{self, Sealed};
use crate::dialect::openai_responses::reply::{note_media_seal, note_unsaid, write_picture};
use crate::dialect::openai_responses::types::{OWN, filled};
use crate::ir::{Block, Content, Losses, Media, Source};
use crate::wire::json::{self, Object};
use crate::wire::sse;

use super::render::Renderer;
use super::slots::{Kind, Slot};
use super::tell::{At, Part};

impl Renderer {
    pub(super) fn whole(&mut self, block: &Block, out: &mut Vec<u8>, losses: &mut Losses) {
        extras::note_lost(&block.extras, losses);
        match &block.content {
            Content::Reasoning(thought) => {
                let sealed = reasoning::own_seal(thought, block.signature.as_ref());
                self.thought_item(&thought.text, &sealed, out);
            }
            Content::Image(Media { source: Source::Base64(data), .. }) => {
                note_media_seal(block, losses);
                let (output, item) = self.place("ig");
                let item = filled(own_id(block).as_deref()).map_or(item, str::to_owned);
                self.added(output, out, |object| {
                    object.string("id", &item);
                    object.string("type", "image_generation_call");
                    object.string("status", "in_progress");
                    object.null("result");
                });
                let at = At { item: &item, output, part: Part::Whole };
                for name in
                    ["response.image_generation_call.in_progress", "response.image_generation_call.completed"]
                {
                    self.teller.tell(name, out, |event| at.write(event));
                }
                self.done(output, out, |object| write_picture(object, &item, block, data));
            }
            Content::Opaque { dialect: OWN, json, .. } => {
                let (output, _) = self.place("");
                self.teller.tell("response.output_item.added", out, |event| {
                    event.number("output_index", output);
                    event.raw("item", json);
                });
                let mut item = json.clone().into_bytes();
                sse::in_one_line(&mut item);
                self.teller.tell("response.output_item.done", out, |event| {
                    event.number("output_index", output);
                    event.embed("item", |out| out.extend_from_slice(&item));
                });
                if let Some(place) = self.items.get_mut(output) {
                    *place = item;
                }
            }
            Content::Text { text, .. } | Content::Refusal(text) => {
                let refuses = matches!(block.content, Content::Refusal(_));
                self.open_part(if refuses { Kind::Refusal } else { Kind::Text }, out);
                let Some(slot) = self.slots.pop() else { return };
                let slot = Slot { said: text.clone(), ..slot };
                self.stop_part(slot, out);
            }
            other => note_unsaid(other, losses),
        }
    }

    pub(super) fn thought_item(&mut self, shown: &str, sealed: &Sealed, out: &mut Vec<u8>) {
        let (output, item) = self.place("rs");
        let write = |object: &mut Object<'_>| {
            object.string("id", &item);
            object.string("type", "reasoning");
        };
        self.added(output, out, |object| {
            write(object);
            object.raw("summary", "[]");
        });
        self.done(output, out, |object| {
            write(object);
            reasoning::write(object, shown, Some(sealed));
        });
    }

    pub(super) fn seal_item(&mut self, sealed: &Sealed, out: &mut Vec<u8>) {
        self.thought_item("", sealed, out);
    }

    /// Says the seal of a text that something follows.
    pub(super) fn tell_seal(&mut self, out: &mut Vec<u8>) {
        if let Some(seal) = self.seal.take() {
            self.seal_item(&Sealed::Last(seal), out);
        }
    }
}

/// The id that a picture's item had.
fn own_id(block: &Block) -> Option<String> {
    let id = extras::moot(&block.extras, &format!("{}id", extras::ITEM))?;
    json::parse(id.as_bytes()).ok()?.into_string()
}
