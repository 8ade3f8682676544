//! System blocks and turns → messages.

use crate::catalog::profile::{Profile, ReasoningHistory};
use crate::dialect::cohere_chat::types::{OWN, arguments};
use crate::dialect::data_uri::{titled, to_data_uri};
use crate::dialect::openai_names::Names;
use crate::dialect::{free_text, unknown};
use crate::ir::{Block, Content, Losses, Media, Request, Role, Source, ToolCall, ToolKind, ToolResult, Turn};
use crate::wire::json::{Array, Object};

use super::documents;

/// Writes the messages of a request, with `words` after the system's own.
pub(super) fn write(
    messages: &mut Array<'_>,
    request: &Request,
    words: Option<&str>,
    names: &Names,
    profile: &Profile,
    losses: &mut Losses,
) {
    let thinks = profile.reasoning_history != ReasoningHistory::Drop;
    let mut writer = Writer { messages, names, thinks, losses };
    let words = words.map(Block::text);
    let system: Vec<&Block> = request.system.iter().chain(&words).collect();
    if !system.is_empty() {
        writer.message("system", None, &system);
    }
    let last = request.turns.iter().rposition(|turn| turn.role == Role::User && !has_results(turn));
    for (index, turn) in request.turns.iter().enumerate() {
        match turn.role {
            Role::System => writer.message("system", Some(turn), &turn.blocks.iter().collect::<Vec<_>>()),
            Role::User => writer.user(turn, last == Some(index)),
            Role::Assistant => writer.assistant(turn),
        }
    }
    if request.turns.last().is_some_and(|turn| turn.role == Role::Assistant) && !profile.prefill {
        losses.bent("messages.prefill", "the target answers anew and does not go on");
    }
}

fn has_results(turn: &Turn) -> bool {
    turn.blocks.iter().any(|block| matches!(block.content, Content::ToolResult(_)))
}

struct Writer<'a, 'w> {
    messages: &'a mut Array<'w>,
    names: &'a Names,
    /// Whether the target is shown what was thought before.
    thinks: bool,
    losses: &'a mut Losses,
}

impl Writer<'_, '_> {
    fn message(&mut self, role: &str, turn: Option<&Turn>, blocks: &[&Block]) {
        let Self { messages, losses, .. } = self;
        let parts: Vec<&Block> = blocks.iter().copied().filter(|block| sayable(block, losses)).collect();
        messages.object(|message| {
            message.string("role", role);
            content(message, &parts);
            if let Some(turn) = turn {
                members(message, turn, losses);
            }
        });
    }

    /// Results come before the words of their turn, and documents beside all messages.
    fn user(&mut self, turn: &Turn, last: bool) {
        let mut shown = Vec::new();
        for block in &turn.blocks {
            if let Content::ToolResult(result) = &block.content {
                self.result(block, result, turn, &mut shown);
            }
        }
        let (given, rest): (Vec<&Block>, Vec<&Block>) = turn
            .blocks
            .iter()
            .filter(|block| !matches!(block.content, Content::ToolResult(_)))
            .partition(|block| documents::is_sayable(block));
        let first = turn.blocks.iter().take_while(|block| documents::is_sayable(block)).count();
        if !given.is_empty() && (!last || first < given.len()) {
            self.losses.bent("messages.content.document", "documents stand beside all messages");
        }
        for block in given {
            note_block(block, self.losses);
        }
        shown.extend(rest);
        if !shown.is_empty() || !has_results(turn) {
            self.message("user", Some(turn), &shown);
        }
    }

    fn result<'b>(&mut self, block: &Block, result: &'b ToolResult, turn: &Turn, shown: &mut Vec<&'b Block>) {
        note_block(block, self.losses);
        let stays = |block: &&Block| block.as_text().is_some() || documents::is_sayable(block);
        let (kept, others): (Vec<&Block>, Vec<&Block>) = result.content.iter().partition(stays);
        if !others.is_empty() {
            self.losses.bent("messages.tool.content", "said by the user after the results");
            shown.extend(others);
        }
        for block in &kept {
            note_block(block, self.losses);
        }
        let label = Block::text("Error:");
        let mut said = kept;
        if result.is_error {
            self.losses.bent("messages.tool.is_error", "said in words");
            let first = said.first().and_then(|block| block.as_text()).unwrap_or_default();
            if !first.starts_with("Error") && !first.starts_with("error") {
                said.insert(0, &label);
            }
        }
        let Self { messages, losses, .. } = self;
        messages.object(|message| {
            message.string("role", "tool");
            message.string("tool_call_id", &result.call_id);
            match said.as_slice() {
                [] => message.string("content", ""),
                [only] if only.as_text().is_some() && !documents::is_document(only) => {
                    message.string("content", only.as_text().unwrap_or_default());
                }
                several => message.array("content", |parts| {
                    for block in several {
                        if let Some(text) = block.as_text().filter(|_| !documents::is_document(block)) {
                            parts.object(|part| write_text(part, text));
                        } else {
                            parts.object(|part| {
                                part.string("type", "document");
                                part.embed("document", |out| documents::write(out, block));
                            });
                        }
                    }
                }),
            }
            members(message, turn, losses);
        });
    }

    /// Whether a thought is left out of the history.
    fn is_unsaid_thought(&self, block: &Block) -> bool {
        let Content::Reasoning(thought) = &block.content else { return false };
        thought.redacted.is_some() || thought.text.is_empty() || !self.thinks
    }

    fn note_seal(&mut self, block: &Block) {
        if block.signature.is_some() {
            self.losses.dropped("messages.signature", "another provider issued the seal");
        }
    }

    /// Words beside calls are the plan of those.
    fn assistant(&mut self, turn: &Turn) {
        let calls: Vec<(&Block, &ToolCall)> = turn.blocks.iter().filter_map(call_of).collect();
        let mut parts = Vec::new();
        let mut called = false;
        for block in &turn.blocks {
            if matches!(block.content, Content::ToolCall(_)) || self.is_unsaid_thought(block) {
                note_block(block, self.losses);
            }
            match &block.content {
                Content::ToolCall(_) => called = true,
                Content::Reasoning(thought) if thought.redacted.is_some() => {
                    self.losses.dropped("messages.redacted_thinking", "only its issuer can read it");
                }
                Content::Reasoning(thought) if !thought.text.is_empty() && !self.thinks => {
                    self.losses.dropped("messages.reasoning", "the target takes no earlier thinking");
                }
                Content::Reasoning(thought) if thought.text.is_empty() => self.note_seal(block),
                _ if sayable(block, self.losses) => {
                    if called {
                        self.losses.bent("messages.content", "text after a tool call is said before it");
                    }
                    self.note_seal(block);
                    parts.push(block);
                }
                _ => {}
            }
        }
        if calls.is_empty() && parts.is_empty() {
            return;
        }
        let plan: String = parts.iter().filter_map(|block| words_of(block)).collect();
        let planned = !calls.is_empty() && !plan.is_empty();
        if planned {
            parts.retain(|block| words_of(block).is_none());
        }
        let Self { messages, losses, names, .. } = self;
        messages.object(|message| {
            message.string("role", "assistant");
            if !parts.is_empty() {
                content(message, &parts);
            }
            if planned {
                message.string("tool_plan", &plan);
            }
            if !calls.is_empty() {
                message.array("tool_calls", |array| {
                    for (block, call) in &calls {
                        if block.signature.is_some() {
                            losses
                                .dropped("messages.tool_calls.signature", "another provider issued the seal");
                        }
                        array.object(|object| write_call(object, call, names.sent(&call.name)));
                    }
                });
            }
            members(message, turn, losses);
        });
    }
}

fn words_of(block: &Block) -> Option<&str> {
    match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) => Some(text),
        _ => None,
    }
}

fn call_of(block: &Block) -> Option<(&Block, &ToolCall)> {
    match &block.content {
        Content::ToolCall(call) => Some((block, call)),
        _ => None,
    }
}

fn write_call(object: &mut Object<'_>, call: &ToolCall, name: &str) {
    object.string("id", &call.id);
    object.string("type", "function");
    object.object("function", |function| {
        function.string("name", name);
        match call.kind {
            ToolKind::Custom(_) => function.string("arguments", &free_text::arguments(&call.arguments)),
            ToolKind::Function | ToolKind::Older | ToolKind::Hosted { .. } => {
                function.string("arguments", arguments(&call.arguments));
            }
        }
    });
}

/// Writes `content`: one text where that says it all, else a list of parts.
fn content(message: &mut Object<'_>, parts: &[&Block]) {
    match parts {
        [] => message.string("content", ""),
        [only] if words_of(only).is_some() => message.string("content", words_of(only).unwrap_or_default()),
        parts => message.array("content", |array| parts.iter().for_each(|block| write_part(array, block))),
    }
}

fn write_text(part: &mut Object<'_>, text: &str) {
    part.string("type", "text");
    part.string("text", text);
}

fn write_part(array: &mut Array<'_>, block: &Block) {
    match &block.content {
        Content::Opaque { json, .. } => array.raw(json),
        Content::Reasoning(thought) => array.object(|part| {
            part.string("type", "thinking");
            part.string("thinking", &thought.text);
        }),
        Content::Image(media) => array.object(|part| {
            part.string("type", "image_url");
            part.object("image_url", |link| {
                match &media.source {
                    Source::Base64(data) => {
                        link.string("url", &to_data_uri(media.media_type.as_deref(), "image/jpeg", data));
                    }
                    Source::Url(url) | Source::File(url) | Source::Text(url) => link.string("url", url),
                }
                link.opt_string("detail", media.detail.as_deref());
            });
        }),
        Content::Document(Media { source: Source::Text(text), name, .. }) => {
            array.object(|part| write_text(part, &titled(name.as_deref(), text)));
        }
        _ => array.object(|part| write_text(part, words_of(block).unwrap_or_default())),
    }
}

/// Whether the target can be told the block in a message; what it cannot be told is noted.
fn sayable(block: &Block, losses: &mut Losses) -> bool {
    let lost = match &block.content {
        Content::Text { citations, .. } => {
            if !citations.is_empty() {
                losses.dropped("messages.content.citations", "earlier sources are not sent");
            }
            None
        }
        Content::Refusal(_) => {
            losses.bent("messages.refusal", "said as text");
            None
        }
        Content::Document(Media { source: Source::Text(_), .. }) => {
            losses.bent("messages.content.document", "said as text");
            None
        }
        Content::Reasoning(_) | Content::Opaque { dialect: OWN, .. } => None,
        Content::Image(media) => match &media.source {
            Source::Base64(_) | Source::Url(_) => None,
            Source::File(_) | Source::Text(_) => Some("messages.content.image_url"),
        },
        Content::Document(_) => Some("messages.content.file"),
        Content::Audio(_) => Some("messages.content.input_audio"),
        Content::Video(_) => Some("messages.content.video_url"),
        Content::Opaque { .. } => Some("messages.content"),
        Content::ToolCall(_) => Some("messages.tool_calls"),
        Content::ToolResult(_) => Some("messages.tool"),
    };
    note_block(block, losses);
    if let Some(field) = lost {
        losses.dropped(field, "the target takes none");
    }
    lost.is_none()
}

fn note_block(block: &Block, losses: &mut Losses) {
    if block.cache.is_some() {
        losses.dropped("cache_control", "the target takes no cache marks");
    }
    unknown::note_lost(OWN, &block.extras, losses);
}

fn members(message: &mut Object<'_>, turn: &Turn, losses: &mut Losses) {
    if turn.name.is_some() {
        losses.dropped("messages.name", "the target takes no names");
    }
    unknown::restore(OWN, &turn.extras, message);
    unknown::note_lost(OWN, &turn.extras, losses);
}
