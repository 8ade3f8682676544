//! The blocks of a conversation → parts, and what of them a target does not take.

use super::super::types::{self, DIALECT};
use super::super::{content, media};
use super::history::{Contents, History};
use super::render::note;
use crate::catalog::profile::{Profile, ReasoningHistory};
use crate::dialect::free_text;
use crate::ir::{
    Block, Content, Losses, Media, Reasoning, Request, Role, Signature, Source, ToolCall, ToolKind,
    ToolResult,
};

/// Stands for a thought's seal that is lost
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>, seen 2026-11).
const BYPASS: &str = "skip_thought_signature_validator";

impl<'r> History<'r, '_> {
    pub(super) fn call(&mut self, content: &mut Contents, block: &Block, call: &ToolCall, must_seal: bool) {
        if let ToolKind::Hosted { .. } = call.kind {
            self.losses.dropped("messages.tool_calls.hosted", "another provider's own tool");
            return;
        }
        let custom = matches!(call.kind, ToolKind::Custom(_)).then(|| free_text::arguments(&call.arguments));
        if custom.is_some() || !content::are_arguments(&call.arguments) {
            self.losses.bent("messages.tool_calls.arguments", content::ONLY_AN_OBJECT);
        }
        let mut seal = self.seal(block.signature.as_ref());
        if seal.is_none() && must_seal && self.profile.requires_signature {
            self.losses.bent("messages.tool_calls.thought_signature", "missing, so its check is skipped");
            seal = Some(BYPASS);
        }
        let id = if self.profile.requires_signature { call.id.as_str() } else { "" };
        let name = self.names.clean(&call.name);
        content.part(seal, &block.extras, |o| {
            content::write_call(o, id, &name, custom.as_deref().unwrap_or(&call.arguments), &block.extras);
        });
    }

    /// A seal that the target can check.
    fn seal<'b>(&mut self, signature: Option<&'b Signature>) -> Option<&'b str> {
        let signature = signature?;
        if signature.dialect == DIALECT {
            return Some(&signature.value);
        }
        self.losses.dropped("messages.content.signature", "only its issuer can check it");
        None
    }

    pub(super) fn result(
        &mut self,
        content: &mut Contents,
        block: &'r Block,
        result: &'r ToolResult,
        name: &str,
        media: &mut Vec<&'r Block>,
    ) {
        note(block, self.losses);
        let mut texts = Vec::with_capacity(1);
        let mut parts = Vec::new();
        for inner in &result.content {
            note(inner, self.losses);
            match &inner.content {
                Content::Text { text, .. } | Content::Refusal(text) => texts.push(text.as_str()),
                Content::Image(_) | Content::Document(_) | Content::Audio(_) | Content::Video(_) => {
                    if self.profile.tool_result_media && is_held(&inner.content) {
                        parts.push(inner);
                    } else {
                        self.losses.bent("messages.tool.content", "media follow their result");
                        media.push(inner);
                    }
                }
                Content::Reasoning(_)
                | Content::ToolCall(_)
                | Content::ToolResult(_)
                | Content::Opaque { .. } => {
                    self.losses.dropped("messages.tool.content", "neither text nor media");
                }
            }
        }
        let parts: Vec<_> = parts.into_iter().filter(|part| self.takes(part)).collect();
        let text = texts.join("\n");
        // In a response, `$ref` is the name of one of its media, and any other is refused.
        let named =
            parts.iter().any(|part| media_of(&part.content).is_some_and(|media| media.name.is_some()));
        let refers = text.contains("\"$ref\"");
        if refers && !named && content::are_arguments(&text) {
            self.losses.bent("messages.tool.content", "a result with $ref is told as text");
        }
        let name = self.names.clean(name);
        let id = Some(result.call_id.as_str());
        let id = id.filter(|id| self.profile.requires_signature && !id.is_empty());
        content.part(None, &block.extras, |o| {
            o.object("functionResponse", |o| {
                o.opt_string("id", id);
                o.string("name", &name);
                o.embed("response", |out| {
                    if refers && !named {
                        content::write_words(out, &text, result.is_error);
                    } else {
                        content::write_answer(out, &text, result.is_error);
                    }
                });
                if !parts.is_empty() {
                    o.array("parts", |a| {
                        for part in &parts {
                            if let Some(media) = media_of(&part.content) {
                                let name = media.name.as_deref().filter(|_| refers);
                                a.object(|o| media::write_named(o, media, name));
                            }
                        }
                    });
                }
                content::write_inner_extras(o, &block.extras, "functionResponse");
            });
        });
    }

    /// A result whose call is not in the history, or was answered already.
    pub(super) fn orphan(
        &mut self,
        content: &mut Contents,
        at: usize,
        block: &'r Block,
        result: &'r ToolResult,
    ) {
        let called = self
            .turns
            .iter()
            .take(at)
            .flat_map(|turn| &turn.blocks)
            .any(|block| matches!(&block.content, Content::ToolCall(call) if call.id == result.call_id));
        if called {
            self.losses.dropped("messages.tool", "a second result of one call");
            return;
        }
        let mut media = Vec::new();
        if let Some(name) = &result.name {
            self.result(content, block, result, name, &mut media);
        } else {
            self.losses.bent("messages.tool", "the result of an unknown call, said as text");
            media.extend(&result.content);
        }
        for block in media {
            self.block(content, block, Role::User);
        }
    }

    pub(super) fn block(&mut self, content: &mut Contents, block: &Block, role: Role) {
        note(block, self.losses);
        match &block.content {
            Content::Text { text, citations } => {
                if !citations.is_empty() {
                    self.losses.dropped("messages.content.citations", "sources are not sent back");
                }
                let seal = self.seal(block.signature.as_ref());
                if text.is_empty() && seal.is_none() {
                    return;
                }
                content.part(seal, &block.extras, |o| match role {
                    Role::System => o.string("text", &format!("Note from the operator: {text}")),
                    Role::User | Role::Assistant => o.string("text", text),
                });
            }
            Content::Refusal(text) => {
                content.part(None, &block.extras, |o| o.string("text", text));
            }
            Content::Reasoning(thought) => self.thought(content, block, thought),
            Content::Image(media)
            | Content::Document(media)
            | Content::Audio(media)
            | Content::Video(media) => self.media(content, block, media),
            Content::Opaque { dialect: DIALECT, json, .. } => content.raw(json),
            Content::Opaque { name, .. } => {
                self.losses.dropped(format!("messages.content.{name}"), "only its own dialect has it");
            }
            Content::ToolCall(_) | Content::ToolResult(_) => {
                self.losses.dropped("messages.content", "on the wrong side of the conversation");
            }
        }
    }

    fn thought(&mut self, content: &mut Contents, block: &Block, thought: &Reasoning) {
        if thought.redacted.is_some() {
            self.losses.dropped("messages.content.redacted_thinking", "only its issuer can read it");
            return;
        }
        let seal = self.seal(block.signature.as_ref());
        if seal.is_none() && self.profile.reasoning_history == ReasoningHistory::Drop {
            self.losses.dropped("messages.reasoning_content", "the model does not take it back");
            return;
        }
        if !thought.text.is_empty() || seal.is_some() {
            content.part(seal, &block.extras, |o| content::write_text(o, &thought.text, true));
        }
    }

    fn media(&mut self, content: &mut Contents, block: &Block, media: &Media) {
        if !self.takes(block) {
            return;
        }
        if media.name.is_some() {
            self.losses.dropped("messages.content.file.filename", "media have no names");
        }
        let level = media.detail.as_deref().filter(|_| self.profile.requires_signature);
        let level = level.and_then(types::resolution);
        let seal = self.seal(block.signature.as_ref());
        content.part(seal, &block.extras, |o| {
            media::write_media(o, media);
            if let Some(level) = level {
                o.object("mediaResolution", |o| o.string("level", level));
            }
        });
    }

    /// Whether the target takes a block of media.
    fn takes(&mut self, block: &Block) -> bool {
        let profile = self.profile;
        let (media, field, known) = match &block.content {
            Content::Image(media) => (media, "messages.content.image_url", true),
            Content::Document(media) => (media, "messages.content.file", profile.documents),
            Content::Audio(media) => (media, "messages.content.input_audio", profile.audio_input),
            Content::Video(media) => (media, "messages.content.video", true),
            _ => return false,
        };
        let why = match &media.source {
            _ if !known => "the model takes none",
            Source::Url(url)
                if url.starts_with("s3:") || (!media::is_google_address(url) && !profile.image_urls) =>
            {
                "the provider does not fetch addresses"
            }
            Source::File(id) if !media::is_file_id(id) => "a file in another provider's store",
            _ => return true,
        };
        self.losses.dropped(field, why);
        false
    }
}

/// Whether a function's response takes these media, which must be there in bytes
/// (<https://ai.google.dev/gemini-api/docs/function-calling#multimodal>, seen 2026-11).
fn is_held(content: &Content) -> bool {
    let kinds = ["image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"];
    media_of(content).is_some_and(|media| {
        matches!(media.source, Source::Base64(_) | Source::Text(_))
            && media.media_type.as_deref().is_none_or(|kind| kinds.contains(&kind))
    })
}

const fn media_of(content: &Content) -> Option<&Media> {
    match content {
        Content::Image(media) | Content::Document(media) | Content::Audio(media) | Content::Video(media) => {
            Some(media)
        }
        _ => None,
    }
}

/// The resolution for all media, for models that take none for each: the highest one asked for.
pub(super) fn resolution(request: &Request, profile: &Profile, losses: &mut Losses) -> Option<&'static str> {
    let own = request.extras.json(DIALECT, "generationConfig.mediaResolution");
    if profile.requires_signature || own.is_some() {
        return None;
    }
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    let details = blocks.filter_map(|block| media_of(&block.content)?.detail.as_deref());
    let rank = |detail: &&str| match *detail {
        "low" => 1,
        "medium" => 2,
        "high" | "ultra_high" | "original" => 3,
        _ => 0,
    };
    let highest = details.filter(|detail| rank(detail) > 0).max_by_key(rank)?;
    losses.bent("messages.content.image_url.detail", "said for all media together");
    let highest = if highest == "ultra_high" { "high" } else { highest };
    types::resolution(highest)
}
