//! The conversation → `contents`: roles merged so that they alternate, and the results of a round
//! of calls together, right after the calls and in their order.

use super::super::content;
use super::super::names::Names;
use super::super::types::{self, DIALECT};
use super::render::note;
use crate::catalog::profile::Profile;
use crate::ir::{Block, Content, Extras, Losses, Request, Role, ToolCall, ToolResult, Turn};
use crate::wire::json::{self, Object};

/// The contents of one request.
pub(super) struct History<'r, 'c> {
    pub(super) turns: &'r [Turn],
    pub(super) profile: &'c Profile,
    pub(super) names: &'c mut Names,
    pub(super) losses: &'c mut Losses,
    contents: Vec<Contents>,
    /// The results already said, by turn and block.
    said: Vec<(usize, usize)>,
    /// Where the model's current turn begins: only there must calls be sealed.
    current: usize,
}

/// One content, not closed yet.
pub(super) struct Contents {
    role: Role,
    /// The parts with commas between them.
    parts: Vec<u8>,
    extras: Extras,
    /// The turns whose results this content holds, while it holds nothing else.
    results: Vec<usize>,
}

impl Contents {
    const fn new(role: Role) -> Self {
        Self { role, parts: Vec::new(), extras: Extras::NONE, results: Vec::new() }
    }

    pub(super) fn part(&mut self, seal: Option<&str>, extras: &Extras, says: impl FnOnce(&mut Object<'_>)) {
        self.comma();
        content::write_part(&mut self.parts, seal, extras, says);
    }

    pub(super) fn raw(&mut self, json: &str) {
        self.comma();
        self.parts.extend_from_slice(json.as_bytes());
    }

    fn comma(&mut self) {
        if !self.parts.is_empty() {
            self.parts.push(b',');
        }
    }
}

impl<'r, 'c> History<'r, 'c> {
    /// Lays out the contents of a request.
    pub(super) fn new(
        request: &'r Request,
        profile: &'c Profile,
        names: &'c mut Names,
        losses: &'c mut Losses,
    ) -> Self {
        let turns = request.turns.as_slice();
        let current = turns.iter().rposition(begins_turn).unwrap_or(0);
        let mut history = Self {
            turns,
            profile,
            names,
            losses,
            contents: Vec::with_capacity(turns.len()),
            said: Vec::new(),
            current,
        };
        history.lay_out();
        history
    }

    /// Appends the list of contents.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.reserve(self.contents.iter().map(|content| content.parts.len() + 32).sum());
        json::array(out, |a| {
            for mut content in self.contents {
                a.object(|o| {
                    o.string("role", types::role_word(content.role));
                    o.embed("parts", |out| {
                        out.push(b'[');
                        out.append(&mut content.parts);
                        out.push(b']');
                    });
                    for extra in content.extras.all() {
                        o.raw(&extra.name, &extra.json);
                    }
                });
            }
        });
    }

    fn lay_out(&mut self) {
        let turns = self.turns;
        let mut calls: Vec<&'r ToolCall> = Vec::new();
        for (at, turn) in turns.iter().enumerate() {
            self.note_turn(turn);
            if turn.role == Role::Assistant {
                self.model(at, turn, &mut calls);
                if turns.get(at + 1).is_none_or(|next| next.role != Role::Assistant) {
                    self.results(at, &std::mem::take(&mut calls));
                }
            } else {
                self.user(at, turn);
            }
        }
        self.contents.retain(|content| !content.parts.is_empty());
        // Who says nothing at all still asks: the model goes by its instructions.
        if self.contents.is_empty() && !turns.is_empty() {
            let mut content = Contents::new(Role::User);
            content.part(None, &Extras::NONE, |o| o.string("text", ""));
            self.contents.push(content);
        }
    }

    fn note_turn(&mut self, turn: &Turn) {
        if turn.name.is_some() {
            self.losses.dropped("messages.name", "speakers have no names");
        }
        if turn.role == Role::System {
            self.losses.bent("messages.system", "a later instruction is said by the user");
        }
        for extra in turn.extras.foreign(DIALECT) {
            self.losses.dropped(format!("messages.{}", extra.name), "not known to this dialect");
        }
    }

    fn model(&mut self, at: usize, turn: &'r Turn, calls: &mut Vec<&'r ToolCall>) {
        let mut content = self.content(at, Role::Assistant);
        keep_extras(&mut content.extras, &turn.extras);
        for block in &turn.blocks {
            if let Content::ToolCall(call) = &block.content {
                note(block, self.losses);
                self.call(&mut content, block, call, at >= self.current && calls.is_empty());
                calls.push(call);
            } else {
                self.block(&mut content, block, Role::Assistant);
            }
        }
        self.contents.push(content);
    }

    /// What the user says in one turn, but for results that were said before.
    fn user(&mut self, at: usize, turn: &'r Turn) {
        let mut content = self.content(at, Role::User);
        let before = content.parts.len();
        keep_extras(&mut content.extras, &turn.extras);
        for (place, block) in turn.blocks.iter().enumerate() {
            if self.said.contains(&(at, place)) {
                continue;
            }
            match &block.content {
                Content::ToolResult(result) => self.orphan(&mut content, at, block, result),
                _ => self.block(&mut content, block, turn.role),
            }
        }
        if content.parts.len() > before {
            content.results.clear();
        }
        self.contents.push(content);
    }

    /// The content that a turn goes into: the last one if the same side speaks on. The user's words
    /// do not join a round of results, unless they came in one turn and may.
    fn content(&mut self, at: usize, role: Role) -> Contents {
        let shared = !self.results_stand_alone();
        let joins = |last: &mut Contents| {
            last.role == role && (last.results.is_empty() || (shared && last.results.contains(&at)))
        };
        self.contents.pop_if(joins).unwrap_or_else(|| Contents::new(role))
    }

    /// The results of one round, wherever in the rest of the conversation they stand.
    fn results(&mut self, after: usize, calls: &[&'r ToolCall]) {
        let mut content = Contents::new(Role::User);
        let mut media = Vec::new();
        for call in calls {
            let Some((turn, place, block, result)) = self.find(after, &call.id) else { continue };
            self.said.push((turn, place));
            if !content.results.contains(&turn) {
                content.results.push(turn);
            }
            self.result(&mut content, block, result, &call.name, &mut media);
        }
        if self.results_stand_alone() && !media.is_empty() {
            self.contents.push(std::mem::replace(&mut content, Contents::new(Role::User)));
        }
        for block in media {
            self.block(&mut content, block, Role::User);
        }
        if !content.parts.is_empty() {
            self.contents.push(content);
        }
    }

    /// Whether nothing but results may stand in their content: newer models answer 400 (seen of
    /// Gemini 3.7 in 2026-09).
    const fn results_stand_alone(&self) -> bool {
        self.profile.requires_signature
    }

    fn find(&self, after: usize, id: &str) -> Option<(usize, usize, &'r Block, &'r ToolResult)> {
        let turns = self.turns.iter().enumerate().skip(after + 1);
        let mut blocks = turns.flat_map(|(at, turn)| {
            turn.blocks.iter().enumerate().map(move |(place, block)| (at, place, block))
        });
        blocks.find_map(|(at, place, block)| match &block.content {
            Content::ToolResult(result) if result.call_id == id && !self.said.contains(&(at, place)) => {
                Some((at, place, block, result))
            }
            _ => None,
        })
    }
}

/// Whether the user's own words begin a new turn of the model here.
fn begins_turn(turn: &Turn) -> bool {
    let is_result = |block: &Block| matches!(block.content, Content::ToolResult(_));
    turn.role != Role::Assistant && !turn.blocks.is_empty() && !turn.blocks.iter().any(is_result)
}

fn keep_extras(kept: &mut Extras, extras: &Extras) {
    for extra in extras.of(DIALECT) {
        if kept.json(DIALECT, &extra.name).is_none() {
            kept.push(DIALECT, &extra.name, &extra.json);
        }
    }
}
