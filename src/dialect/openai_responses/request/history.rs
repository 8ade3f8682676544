//! System blocks and turns → items.

use crate::catalog::profile::Profile;
use crate::dialect::free_text;
use crate::dialect::openai_names::{Names, call_id};
use crate::dialect::openai_responses::content::{self, Speaker};
use crate::dialect::openai_responses::types::OWN;
use crate::dialect::openai_responses::{extras, namespace, reasoning, tools};
use crate::ir::{Block, Content, Losses, Media, Request, Role, Source, ToolCall, ToolKind, ToolResult, Turn};
use crate::wire::json::Array;

use super::turns::{CUSTOM, INSTRUCTIONS, ROLE, is_words};

/// The system blocks that go out as `instructions`: those that came so, and those of other dialects,
/// in which the system does not speak by messages.
pub(super) fn instructions(system: &[Block]) -> Option<String> {
    let texts: Vec<&str> =
        system.iter().filter(|block| !is_message(block)).filter_map(Block::as_text).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// Whether a system block came as a message of its own, or holds what no instructions can.
fn is_message(block: &Block) -> bool {
    block.as_text().is_none()
        || extras::moot(&block.extras, ROLE).is_some()
        || (extras::moot(&block.extras, INSTRUCTIONS).is_none() && block.extras.of(OWN).next().is_some())
}

/// Writes `input`, with `words` of the operator's before the turns.
pub(super) fn write(
    items: &mut Array<'_>,
    request: &Request,
    words: Option<&str>,
    profile: &Profile,
    names: &Names,
    losses: &mut Losses,
) {
    let turns = request.turns.iter().flat_map(|turn| &turn.blocks);
    let custom = turns.filter_map(|block| match &block.content {
        Content::ToolCall(ToolCall { id, kind: ToolKind::Custom(_), .. }) => Some(id.as_str()),
        _ => None,
    });
    let custom = custom.collect();
    let mut writer = Writer { items, profile, names, losses, custom, calls: 0, results: 0 };
    writer.system(&request.system);
    if let Some(words) = words {
        writer.message("developer", &[&Block::text(words)], Speaker::Input);
    }
    for turn in &request.turns {
        match turn.role {
            Role::User => writer.user(turn),
            Role::Assistant => writer.assistant(turn),
            Role::System => writer.operator(&turn.blocks.iter().collect::<Vec<_>>()),
        }
        if turn.name.is_some() {
            writer.losses.dropped("messages.name", "the target takes no names");
        }
        extras::note_lost(&turn.extras, writer.losses);
    }
    let last = request.turns.last().map(|turn| turn.role);
    if last == Some(Role::Assistant) && !profile.prefill {
        writer.losses.bent("messages.prefill", "the target answers anew and does not go on");
    }
}

struct Writer<'a, 'w, 'r> {
    items: &'a mut Array<'w>,
    profile: &'a Profile,
    names: &'a Names,
    losses: &'a mut Losses,
    /// The ids of calls of free text.
    custom: Vec<&'r str>,
    /// How many calls, and results, without an id were met: they are matched by their order.
    calls: u32,
    results: u32,
}

impl Writer<'_, '_, '_> {
    fn system(&mut self, blocks: &[Block]) {
        for block in blocks.iter().filter(|block| !is_message(block)) {
            content::sayable(block, self.profile, self.losses);
        }
        let said: Vec<&Block> = blocks.iter().filter(|block| is_message(block)).collect();
        // A message of its own begins where one did.
        let mut rest = said.as_slice();
        while let Some((_, more)) = rest.split_first() {
            let begins = |block: &&Block| extras::moot(&block.extras, ROLE).is_some();
            let end = more.iter().position(begins).unwrap_or(more.len()) + 1;
            let (message, after) = rest.split_at(end);
            self.operator(message);
            rest = after;
        }
    }

    fn operator(&mut self, blocks: &[&Block]) {
        let role = blocks.first().and_then(|first| extras::moot(&first.extras, ROLE));
        let usual = if self.profile.developer_role { "developer" } else { "system" };
        let role = role.map_or(usual, |role| role.trim_matches('"'));
        self.message(role, blocks, Speaker::Input);
    }

    fn message(&mut self, role: &str, blocks: &[&Block], speaker: Speaker) {
        let Self { items, profile, losses, .. } = self;
        items.object(|item| {
            item.string("type", "message");
            if let Some(first) = blocks.first() {
                extras::restore_item(&first.extras, item);
            }
            item.string("role", role);
            content::write(item, "content", blocks, speaker, profile, losses);
        });
    }

    /// Results are items of their own; what else a user says stays in its order.
    fn user(&mut self, turn: &Turn) {
        let mut said: Vec<&Block> = Vec::new();
        for block in &turn.blocks {
            match &block.content {
                Content::ToolResult(result) => {
                    if !said.is_empty() {
                        self.message("user", &said, Speaker::Input);
                        said.clear();
                    }
                    self.result(block, result);
                }
                Content::Opaque { dialect: OWN, json, .. } if !is_words(block) => self.items.raw(json),
                _ => said.push(block),
            }
        }
        if !said.is_empty() || turn.blocks.is_empty() {
            self.message("user", &said, Speaker::Input);
        }
    }

    fn result(&mut self, block: &Block, result: &ToolResult) {
        if result.call_id.is_empty() {
            self.results += 1;
        }
        if block.cache.is_some() {
            self.losses.dropped("cache_control", "the target takes no cache marks");
        }
        extras::note_lost(&block.extras, self.losses);
        let id = id_of(&result.call_id, self.results);
        let custom = extras::moot(&block.extras, CUSTOM).is_some()
            || (self.custom.contains(&result.call_id.as_str()) && tools::takes_custom(self.profile));
        let label = Block::text("Error:");
        let mut content: Vec<&Block> = result.content.iter().collect();
        if result.is_error {
            self.losses.bent("messages.tool.is_error", "said in words");
            let said = content.first().and_then(|block| block.as_text());
            if !said.is_some_and(|text| text.starts_with("Error") || text.starts_with("error")) {
                content.insert(0, &label);
            }
        }
        let Self { items, profile, losses, .. } = self;
        items.object(|item| {
            item.string("type", if custom { "custom_tool_call_output" } else { "function_call_output" });
            extras::restore_item(&block.extras, item);
            item.string("call_id", &id);
            if result.is_error && content.iter().all(|block| block.as_text().is_some()) {
                let texts: Vec<&str> = content.iter().filter_map(|block| block.as_text()).collect();
                item.string("output", &texts.join(" "));
            } else {
                content::write(item, "output", &content, Speaker::Input, profile, losses);
            }
        });
    }

    fn assistant(&mut self, turn: &Turn) {
        let mut said: Vec<&Block> = Vec::new();
        for block in &turn.blocks {
            if is_words(block) && (said.is_empty() || !extras::begins_item(&block.extras)) {
                self.speech(block, &mut said);
                continue;
            }
            self.utter(&mut said);
            match &block.content {
                Content::Reasoning(_) => reasoning::write_history(self.items, block, self.losses),
                Content::ToolCall(call) => self.call(block, call),
                Content::Image(_) => self.picture(block),
                Content::Opaque { dialect: OWN, json, .. } if !is_words(block) => self.items.raw(json),
                Content::ToolResult(_) => {
                    self.losses.dropped("messages.tool", "it stands where no result can be");
                }
                Content::Opaque { dialect, .. } if *dialect != OWN => {
                    content::sayable(block, self.profile, self.losses);
                }
                Content::Text { .. }
                | Content::Refusal(_)
                | Content::Document(_)
                | Content::Audio(_)
                | Content::Video(_)
                | Content::Opaque { .. } => self.speech(block, &mut said),
            }
        }
        self.utter(&mut said);
    }

    /// Adds what an assistant can say to its message.
    fn speech<'b>(&mut self, block: &'b Block, said: &mut Vec<&'b Block>) {
        match &block.content {
            Content::Document(Media { source: Source::Text(_), .. }) => said.push(block),
            Content::Document(_) | Content::Audio(_) | Content::Video(_) => {
                self.losses.dropped("messages.assistant.media", "assistants say only words");
            }
            Content::Text { citations, .. } => {
                if !citations.is_empty() {
                    self.losses.dropped("messages.content.citations", "earlier sources are not sent");
                }
                if block.signature.is_some() {
                    self.losses.dropped("messages.signature", "another provider issued the seal");
                }
                said.push(block);
            }
            _ => said.push(block),
        }
    }

    fn utter(&mut self, said: &mut Vec<&Block>) {
        if !said.is_empty() {
            self.message("assistant", said, Speaker::Output);
            said.clear();
        }
    }

    fn call(&mut self, block: &Block, call: &ToolCall) {
        self.calls += u32::from(call.id.is_empty());
        let id = id_of(&call.id, self.calls);
        if block.signature.is_some() {
            self.losses.dropped("messages.tool_calls.signature", "another provider issued the seal");
        }
        if block.cache.is_some() {
            self.losses.dropped("cache_control", "the target takes no cache marks");
        }
        extras::note_lost(&block.extras, self.losses);
        let free = matches!(call.kind, ToolKind::Custom(_));
        let (names, custom) = (self.names, free && tools::takes_custom(self.profile));
        self.items.object(|item| {
            item.string("type", if custom { "custom_tool_call" } else { "function_call" });
            // Who knows no free text knows no namespaces: both are OpenAI's own.
            let own = namespace::name(&block.extras).filter(|_| tools::takes_custom(self.profile));
            extras::restore_item_but(own.is_none().then_some("namespace"), &block.extras, item);
            item.string("call_id", &id);
            item.string("name", own.as_deref().unwrap_or_else(|| names.sent(&call.name)));
            match (custom, free) {
                (true, _) => item.string("input", &call.arguments),
                (false, true) => item.string("arguments", &free_text::arguments(&call.arguments)),
                (false, false) => item.string("arguments", &call.arguments),
            }
        });
    }

    /// A picture that OpenAI itself made is sent back as the call that made it; no other can be.
    fn picture(&mut self, block: &Block) {
        let Content::Image(Media { source: Source::Base64(data), .. }) = &block.content else {
            return self.losses.dropped("messages.assistant.media", "assistants say only words");
        };
        if !extras::begins_item(&block.extras) {
            return self.losses.dropped("messages.assistant.media", "assistants say only words");
        }
        self.items.object(|item| {
            item.string("type", "image_generation_call");
            extras::restore_item(&block.extras, item);
            item.string("result", data);
        });
    }
}

fn id_of(id: &str, number: u32) -> String {
    if id.is_empty() { format!("call_{number}") } else { call_id(id).into_owned() }
}
