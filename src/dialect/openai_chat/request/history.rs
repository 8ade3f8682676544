//! System blocks and turns → messages.

use crate::catalog::profile::{Named, Profile};
use crate::dialect::free_text;
use crate::dialect::openai_chat::extras::{self, Sent};
use crate::dialect::openai_chat::types::write_cache_mark;
use crate::dialect::openai_chat::{content, inside, older, reasoning, tools};
use crate::dialect::openai_names::{Names, tool_id};
use crate::ir::{
    Block, Content, Dialect, Losses, Request, Role, Signature, Source, ToolCall, ToolKind, ToolResult, Turn,
};
use crate::wire::json::{Array, Object};

/// Stands before a system message in the middle where only users may speak there.
const OPERATOR_NOTE: &str = "Note from the operator of this application, not from the user:";

/// Writes the messages of a request, with `words` after the system's own.
pub(super) fn write(
    messages: &mut Array<'_>,
    request: &Request,
    words: Option<&str>,
    profile: &Profile,
    names: &Names,
    losses: &mut Losses,
) {
    let mut writer = Writer { messages, profile, names, losses, calls: 0, results: 0, after_result: false };
    writer.system(&request.system, words);
    let mut turns = request.turns.as_slice();
    while let Some((turn, rest)) = turns.split_first() {
        match turn.role {
            Role::User => {
                let run = turns.iter().take_while(|turn| turn.role == Role::User).count();
                let (users, rest) = turns.split_at(run);
                writer.users(users);
                turns = rest;
            }
            Role::Assistant
                if profile.older_tools && turn.blocks.iter().any(|block| call_of(block).is_some()) =>
            {
                let run = rest.iter().take_while(|turn| turn.role == Role::User).count();
                writer.older_calls(turn, rest.get(..run).unwrap_or_default());
                turns = rest;
            }
            Role::Assistant => {
                writer.assistant(turn, rest.is_empty());
                turns = rest;
            }
            Role::System => {
                writer.note(turn);
                turns = rest;
            }
        }
    }
    let last = request.turns.last().map(|turn| turn.role);
    if last == Some(Role::Assistant) && !profile.prefill {
        losses.bent("messages.prefill", "the target answers anew and does not go on");
    }
}

struct Writer<'a, 'w> {
    messages: &'a mut Array<'w>,
    profile: &'a Profile,
    names: &'a Names,
    losses: &'a mut Losses,
    /// How many calls, and results, without an id were met: they are matched by their order.
    calls: u32,
    results: u32,
    /// Whether the last message was a tool's.
    after_result: bool,
}

impl Writer<'_, '_> {
    fn system(&mut self, blocks: &[Block], words: Option<&str>) {
        let words = words.map(Block::text);
        let mut all: Vec<&Block> = blocks.iter().chain(&words).collect();
        if self.profile.text_only_content {
            let texts = content::join(&all, "\n\n");
            for block in all {
                content::sayable(block, self.profile, self.losses);
            }
            if !texts.is_empty() {
                self.message("system", |object, _| object.string("content", &texts));
            }
            return;
        }
        // A message of its own begins where one with members of its own did.
        while !all.is_empty() {
            let own = |block: &&Block| {
                let mut names = block.extras.all().iter();
                names.any(|extra| extra.name.starts_with("message."))
            };
            let more = all.iter().skip(1).position(own);
            let rest = all.split_off(more.map_or(all.len(), |place| place + 1));
            let first = all.first().copied();
            self.message("system", |object, writer| {
                if let Some(first) = first
                    && extras::takes_own(writer.profile)
                {
                    extras::restore(&first.extras, "message.", object);
                }
                content::write(object, &all, writer.profile, writer.losses);
            });
            all = rest;
        }
    }

    fn message(&mut self, role: &str, f: impl FnOnce(&mut Object<'_>, &mut Inner<'_>)) {
        if self.after_result && !self.profile.together.user_after_tools && matches!(role, "user" | "system") {
            self.losses.bent("messages", "the assistant must speak between tool results and others");
            self.messages.object(|object| {
                object.string("role", "assistant");
                object.string("content", RECEIVED);
            });
        }
        self.after_result = role == "tool";
        let mut inner = Inner { profile: self.profile, losses: self.losses };
        self.messages.object(|object| {
            object.string("role", role);
            f(object, &mut inner);
        });
    }

    fn note(&mut self, turn: &Turn) {
        let blocks: Vec<&Block> = turn.blocks.iter().collect();
        if self.profile.mid_system {
            self.speech("system", turn, &blocks);
            return;
        }
        self.losses.bent("messages.system", "a system message after the first turn is said by the user");
        let mark = Block::text(OPERATOR_NOTE);
        let noted: Vec<&Block> = std::iter::once(&mark).chain(blocks).collect();
        self.speech("user", turn, &noted);
    }

    fn speech(&mut self, role: &str, turn: &Turn, blocks: &[&Block]) {
        self.message(role, |object, writer| {
            content::write(object, blocks, writer.profile, writer.losses);
            writer.turn_members(object, turn);
        });
    }

    /// User turns in a row: all results first, since they must follow the calls at once.
    fn users(&mut self, turns: &[Turn]) {
        let mut moved = Vec::new();
        for block in turns.iter().flat_map(|turn| &turn.blocks) {
            if let Content::ToolResult(result) = &block.content
                && !self.profile.older_tools
            {
                self.result(block, result, &mut moved);
            }
        }
        let is_result = |block: &&Block| matches!(block.content, Content::ToolResult(_));
        if let Some(first) = turns.first()
            && !self.profile.together.users_in_a_row
        {
            let rest = turns.iter().flat_map(|turn| &turn.blocks).filter(|block| !is_result(block));
            moved.extend(rest);
            if turns.iter().skip(1).any(|turn| turn.name.is_some() || !turn.extras.is_empty()) {
                self.losses.dropped("messages.name", "users in a row are said as one");
            }
            if !moved.is_empty() {
                self.speech("user", first, &moved);
            }
            return;
        }
        for turn in turns {
            let rest = turn.blocks.iter().filter(|block| !is_result(block));
            let said: Vec<&Block> = moved.drain(..).chain(rest).collect();
            if !said.is_empty() || turn.blocks.is_empty() {
                self.speech("user", turn, &said);
            }
        }
    }

    fn result<'b>(&mut self, block: &'b Block, result: &'b ToolResult, moved: &mut Vec<&'b Block>) {
        if result.call_id.is_empty() {
            self.results += 1;
        }
        let id = self.id(&result.call_id, self.results);
        let own = extras::takes_own(self.profile);
        let stays = |block: &&Block| {
            block.as_text().is_some() || (self.profile.tool_result_media && !is_plain_text(block))
        };
        let (mut kept, others): (Vec<&Block>, Vec<&Block>) = result.content.iter().partition(stays);
        let stand_in = Block::text(MOVED);
        if !others.is_empty() {
            self.losses.bent("messages.tool.content", "said by the user after the results");
            moved.extend(others);
            if kept.is_empty() {
                kept.push(&stand_in);
            }
        }
        let failed = result.is_error && !self.profile.extras;
        let label = Block::text("Error:");
        if failed {
            self.losses.bent("messages.tool.is_error", "said in words");
            let said = kept.first().and_then(|block| block.as_text());
            if !said.is_some_and(|text| text.starts_with("Error") || text.starts_with("error")) {
                kept.insert(0, &label);
            }
        }
        let names = self.names;
        self.message("tool", |object, writer| {
            object.string("tool_call_id", &id);
            if let Some(name) = result.name.as_deref().filter(|_| own) {
                object.string("name", names.sent(name));
            }
            if failed && kept.iter().all(|block| block.as_text().is_some()) {
                object.string("content", &content::join(&kept, " "));
            } else {
                content::write(object, &kept, writer.profile, writer.losses);
            }
            if result.is_error && !failed {
                object.bool("is_error", true);
            }
            writer.block_members(object, block);
        });
    }

    fn assistant(&mut self, turn: &Turn, last: bool) {
        let calls: Vec<(&Block, &ToolCall)> = turn.blocks.iter().filter_map(call_of).collect();
        let speech = self.speech_of(turn);
        let ids: Vec<String> = calls
            .iter()
            .map(|(_, call)| {
                self.calls += u32::from(call.id.is_empty());
                self.id(&call.id, self.calls)
            })
            .collect();
        if calls.is_empty() && speech.is_empty() {
            // Nothing but thought, which may not stand alone: noted, not said.
            let mut scrap = Vec::new();
            crate::wire::json::object(&mut scrap, |object| {
                let profile = self.profile;
                reasoning::write_history(object, &turn.blocks, false, profile, self.losses);
            });
            return;
        }
        let names = self.names;
        self.message("assistant", |object, writer| {
            writer.speech(object, &turn.blocks, &speech, !calls.is_empty());
            reasoning::write_history(object, &turn.blocks, !calls.is_empty(), writer.profile, writer.losses);
            if !calls.is_empty() {
                object.array("tool_calls", |array| {
                    for ((block, call), id) in calls.iter().zip(&ids) {
                        array.object(|object| {
                            object.string("id", id);
                            writer.call(object, block, call, names.sent(&call.name));
                        });
                    }
                });
            }
            if last && calls.is_empty() && writer.profile.together.prefix_mark {
                object.bool("prefix", true);
            }
            writer.turn_members(object, turn);
        });
    }

    /// A turn's calls in the older form, which has one in each message and its result at once behind it.
    fn older_calls(&mut self, turn: &Turn, users: &[Turn]) {
        let mut speech = self.speech_of(turn);
        let (calls, strays) = older::answered(turn, users);
        if strays > 0 {
            self.losses.dropped("messages.tool", "a result without its call");
        }
        let names = self.names;
        for (place, (call, result)) in calls.into_iter().enumerate() {
            let name = names.sent(&call.name);
            let said = std::mem::take(&mut speech);
            self.message("assistant", |object, writer| {
                object.string("content", &content::join(&said, ""));
                if place == 0 {
                    reasoning::write_history(object, &turn.blocks, true, writer.profile, writer.losses);
                    writer.turn_members(object, turn);
                }
                older::write_call(object, call, name);
            });
            if let Some(result) = result {
                self.message("function", |object, writer| {
                    older::write_result(object, result, name, writer.profile, writer.losses);
                });
            }
        }
    }

    /// The blocks of an assistant's turn that are said in `content` and its neighbours.
    fn speech_of<'t>(&mut self, turn: &'t Turn) -> Vec<&'t Block> {
        let mut speech = Vec::new();
        let mut called = false;
        for block in &turn.blocks {
            match &block.content {
                Content::Reasoning(_) => {}
                Content::ToolCall(_) => called = true,
                Content::Text { citations, .. } => {
                    if called {
                        self.losses.bent("messages.content", "text after a tool call is said before it");
                    }
                    if !citations.is_empty() {
                        self.losses.dropped("messages.content.citations", "earlier sources are not sent");
                    }
                    speech.push(block);
                }
                Content::Audio(media) if matches!(media.source, Source::File(_)) => {
                    speech.push(block);
                }
                Content::Refusal(_) => speech.push(block),
                Content::Image(_) | Content::Document(_) | Content::Audio(_) | Content::Video(_) => {
                    self.losses.dropped("messages.assistant.media", "assistants say only words");
                }
                Content::Opaque { .. } | Content::ToolResult(_) => {
                    if content::sayable(block, self.profile, self.losses) {
                        speech.push(block);
                    }
                }
            }
        }
        speech
    }

    fn id(&self, id: &str, number: u32) -> String {
        if id.is_empty() {
            return tool_id(self.profile.tool_id, &format!("call_{number}")).into_owned();
        }
        tool_id(self.profile.tool_id, id).into_owned()
    }
}

/// What an assistant says who must speak but did not.
const RECEIVED: &str = "OK";

/// What a tool message says whose whole content moved to the next message.
const MOVED: &str = "The result follows in the next message.";

fn is_plain_text(block: &Block) -> bool {
    matches!(&block.content, Content::Document(media) if matches!(media.source, Source::Text(_)))
}

fn call_of(block: &Block) -> Option<(&Block, &ToolCall)> {
    match &block.content {
        Content::ToolCall(call) => Some((block, call)),
        _ => None,
    }
}

/// What is needed inside one message.
struct Inner<'a> {
    profile: &'a Profile,
    losses: &'a mut Losses,
}

impl Inner<'_> {
    fn turn_members(&mut self, object: &mut Object<'_>, turn: &Turn) {
        let own = extras::takes_own(self.profile);
        if let Some(name) = &turn.name {
            let named = match self.profile.named {
                Named::Everyone => own,
                Named::Users => own && turn.role == Role::User,
                Named::Tools => false,
            };
            if named {
                object.string("name", name);
            } else {
                self.losses.dropped("messages.name", "the target takes no names");
            }
        }
        if own {
            extras::restore(&turn.extras, "", object);
        }
        extras::note_lost(&turn.extras, Sent::to(self.profile), self.losses);
    }

    fn block_members(&mut self, object: &mut Object<'_>, block: &Block) {
        if self.profile.cache_marks {
            write_cache_mark(object, block.cache);
        } else if block.cache.is_some() {
            self.losses.dropped("cache_control", "the target takes no cache marks");
        }
        if extras::takes_own(self.profile) {
            extras::restore(&block.extras, "", object);
        }
        extras::note_lost(&block.extras, Sent::to(self.profile), self.losses);
    }

    /// An assistant's words: `content`, `refusal` and `audio`.
    fn speech(&mut self, object: &mut Object<'_>, turn: &[Block], blocks: &[&Block], calls: bool) {
        let refuses = extras::takes_own(self.profile);
        let mut said = Vec::new();
        let mut refusal = None;
        let mut audio = None;
        let mut bent = Vec::new();
        for &block in blocks {
            match &block.content {
                Content::Refusal(text) if refuses => refusal = Some(text),
                Content::Refusal(text) => {
                    self.losses.bent("messages.refusal", "said as text");
                    bent.push(Block::text(text.as_str()));
                }
                Content::Audio(media) => audio = Some(media),
                _ => said.push(block),
            }
        }
        said.extend(&bent);
        self.seal(object, &said);
        let marked = |block: &&Block| block.cache.is_some() && self.profile.cache_marks;
        let plain = said.iter().all(|block| block.as_text().is_some());
        if inside::write(object, turn, &said, self.profile, self.losses) {
            // The thought stands in it.
        } else if said.is_empty() {
            let other = calls || refusal.is_some() || audio.is_some();
            if !other {
                object.string("content", "");
            } else if !self.profile.no_nulls {
                object.null("content");
            }
        } else if plain && !said.iter().any(marked) {
            for block in &said {
                content::sayable(block, self.profile, self.losses);
            }
            object.string("content", &content::join(&said, ""));
        } else {
            content::write(object, &said, self.profile, self.losses);
        }
        object.opt_string("refusal", refusal.map(String::as_str));
        if let Some(media) = audio
            && let Source::File(id) = &media.source
        {
            object.object("audio", |audio| audio.string("id", id));
        }
    }

    /// The seal on text, which Gemini issues and its own service in this dialect wants back.
    fn seal(&mut self, object: &mut Object<'_>, blocks: &[&Block]) {
        let mut seals = blocks.iter().rev().filter_map(|block| block.signature.as_ref());
        match seals.next() {
            Some(seal) if self.wants(seal) => tools::write_seal(object, seal),
            Some(_) => self.losses.dropped("messages.signature", "another provider issued the seal"),
            None => {}
        }
    }

    fn wants(&self, seal: &Signature) -> bool {
        seal.dialect == Dialect::GeminiGenerate && self.profile.requires_signature
    }

    fn call(&mut self, object: &mut Object<'_>, block: &Block, call: &ToolCall, name: &str) {
        match &call.kind {
            ToolKind::Custom(_) if !self.profile.developer_role => {
                let text = free_text::arguments(&call.arguments);
                tools::write_call(object, name, &text, &ToolKind::Function);
            }
            kind => tools::write_call(object, name, &call.arguments, kind),
        }
        match &block.signature {
            Some(seal) if self.wants(seal) => tools::write_seal(object, seal),
            Some(_) => {
                self.losses.dropped("messages.tool_calls.signature", "another provider issued the seal");
            }
            None => {}
        }
        self.block_members(object, block);
    }
}
