//! The hub → a target's body. Model and method go into the path, which is not written here.

use super::super::names::Names;
use super::super::tools;
use super::super::types::{self, DIALECT};
use super::blocks;
use super::config::{self, Asked};
use super::history::History;
use crate::catalog::profile::{Param, Profile};
use crate::dialect::{Rendered, Restore};
use crate::ir::{Block, Content, Losses, Request, ServiceTier};
use crate::wire::json::{self, Object};

/// Says a request to a target.
pub(in super::super) fn render(request: &Request, profile: &Profile, losses: &mut Losses) -> Rendered {
    let mut names = Names::new(&request.tools);
    let asked = config::form(request, profile, losses);
    let words = match &asked {
        Asked::Words(words, _) => Some(words.as_str()),
        _ => None,
    };
    let answer = match &asked {
        Asked::Tool(answer) => Some(answer),
        _ => None,
    };
    let system = system(request, losses);
    let mut body = Vec::with_capacity(2048);
    json::object(&mut body, |o| {
        let alone = request.turns.is_empty() && !system.is_empty();
        if alone {
            losses.bent("messages.system", "there is no other message, so the user says it");
            o.array("contents", |a| {
                a.object(|o| {
                    o.string("role", "user");
                    write_system(o, &system, words);
                });
            });
        } else {
            if !system.is_empty() || words.is_some() {
                o.object("systemInstruction", |o| write_system(o, &system, words));
            }
            let history = History::new(request, profile, &mut names, losses);
            o.embed("contents", |out| history.write(out));
        }
        tools::write(o, request, answer, &mut names, profile, losses);
        let resolution = blocks::resolution(request, profile, losses);
        config::write(o, request, &asked, resolution, profile, losses);
        write_rest(o, request, profile, losses);
    });
    let restore = Restore {
        names: names.into_restore(),
        answer_tool: answer.map(|_| tools::ANSWER.to_owned()),
        ..Restore::functions(request)
    };
    Rendered { body, headers: Vec::new(), restore }
}

/// The system's words; there can be nothing else in it.
fn system<'r>(request: &'r Request, losses: &mut Losses) -> Vec<&'r str> {
    let mut words = Vec::with_capacity(request.system.len());
    for block in &request.system {
        note(block, losses);
        match &block.content {
            Content::Text { text, .. } if text.is_empty() => {}
            Content::Text { text, .. } => words.push(text.as_str()),
            _ => losses.dropped("messages.system.content", "only text may instruct"),
        }
    }
    words
}

/// Notes what no part of a block can carry.
pub(super) fn note(block: &Block, losses: &mut Losses) {
    if block.cache.is_some() {
        losses.dropped("cache_control", "prompts are cached without marks");
    }
    for extra in block.extras.foreign(DIALECT) {
        losses.dropped(format!("messages.content.{}", extra.name), "not known to this dialect");
    }
}

fn write_system(o: &mut Object<'_>, system: &[&str], words: Option<&str>) {
    o.array("parts", |a| {
        for text in system.iter().copied().chain(words) {
            a.object(|o| o.string("text", text));
        }
    });
}

fn write_rest(o: &mut Object<'_>, request: &Request, profile: &Profile, losses: &mut Losses) {
    if let Some(tier) = &request.service_tier {
        match types::tier_word(tier) {
            Some(word) if !profile.refuses.has(Param::ServiceTier) => o.string("serviceTier", word),
            _ if matches!(tier, ServiceTier::Auto | ServiceTier::Standard) => {}
            _ => losses.dropped("service_tier", "the provider has no such tier"),
        }
    }
    if request.user.is_some() {
        losses.dropped("user", "the end user cannot be named");
    }
    if request.metadata.is_some() {
        losses.dropped("metadata", "requests carry no labels");
    }
    for extra in request.extras.foreign(DIALECT) {
        losses.dropped(extra.name.clone(), "not known to this dialect");
    }
    for extra in request.extras.of(DIALECT) {
        if !extra.name.contains('.') {
            o.raw(&extra.name, &extra.json);
        }
    }
}
