//! Tool names and call ids in the spelling that the target takes, the same in every turn.

use std::borrow::Cow;

use crate::catalog::profile::ToolIdRule;
use crate::ir::{Content, Request, ToolChoice, ToolKind};

/// What a name without one usable character becomes.
const NAMELESS: &str = "tool";

/// The name of a tool that was called, without the marks of its own format that gpt-oss lets slip into
/// it (`get<|channel|>commentary`, seen of Bedrock 2026-08).
pub(in crate::dialect) fn unmarked(name: &str) -> &str {
    match name.split_once("<|") {
        Some((name, _)) if !name.is_empty() => name,
        Some(_) | None => name,
    }
}

/// The tool names of one request that had to be spelt otherwise.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Names {
    /// The client's name, and the one that is sent.
    respelt: Vec<(String, String)>,
    /// The longest name that the target takes.
    longest: usize,
}

impl Names {
    /// Respells the names in the tools, the history and the choice of a request to a target that
    /// takes names of at most `longest` bytes.
    pub(in crate::dialect) fn of(request: &Request, longest: usize) -> Self {
        let mut names = Self { respelt: Vec::new(), longest };
        for name in all(request).filter(|name| !is_clean(name, longest)) {
            if names.respelt.iter().all(|(client, _)| client != name) {
                let sent = names.free_spelling(name, request);
                names.respelt.push((name.to_owned(), sent));
            }
        }
        names
    }

    fn free_spelling(&self, name: &str, request: &Request) -> String {
        let words = word_characters(name);
        let plain = match words {
            _ if words.len() > self.longest => cut_with_hash(&words, name, self.longest),
            _ if words.trim_matches('_').is_empty() => format!("{NAMELESS}_{}", hash(name)),
            words => words,
        };
        let taken =
            all(request).any(|other| other == plain) || self.respelt.iter().any(|(_, sent)| *sent == plain);
        if taken { cut_with_hash(&plain, name, self.longest) } else { plain }
    }

    /// The name that is sent for the client's.
    pub(in crate::dialect) fn sent<'n>(&'n self, name: &'n str) -> &'n str {
        let respelt = self.respelt.iter().find(|(client, _)| client == name);
        respelt.map_or(name, |(_, sent)| sent)
    }

    /// The names as sent, with the client's own.
    pub(in crate::dialect) fn into_restore(self) -> Vec<(String, String)> {
        self.respelt.into_iter().map(|(client, sent)| (sent, client)).collect()
    }
}

/// Every name by which a request speaks of a tool that the client runs.
fn all(request: &Request) -> impl Iterator<Item = &str> {
    let tools = request.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Hosted { .. }));
    let history = request.turns.iter().flat_map(|turn| &turn.blocks);
    let called = history.filter_map(|block| match &block.content {
        Content::ToolCall(call) => Some(call.name.as_str()),
        _ => None,
    });
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Tool(name)) => std::slice::from_ref(name),
        Some(ToolChoice::Allowed(names, _)) => names.as_slice(),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => &[],
    };
    tools.map(|tool| tool.name.as_str()).chain(called).chain(chosen.iter().map(String::as_str))
}

fn is_clean(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len()) && name.bytes().all(is_word)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn word_characters(text: &str) -> String {
    let word = |c: char| if u8::try_from(c).is_ok_and(is_word) { c } else { '_' };
    text.chars().map(word).collect()
}

fn cut_with_hash(words: &str, original: &str, longest: usize) -> String {
    let kept: String = words.chars().take(longest.saturating_sub(9)).collect();
    format!("{kept}_{}", hash(original))
}

/// A text in at most so many word characters; the same text is always respelt alike, and two texts
/// never become one.
pub(in crate::dialect) fn shortened(text: &str, longest: usize) -> String {
    cut_with_hash(&word_characters(text), text, longest)
}

/// A call id in the spelling of the target. The same id is always respelt alike, and two ids
/// never become one.
pub(in crate::dialect) fn call_id(rule: ToolIdRule, id: &str) -> Cow<'_, str> {
    let is_sent_as_is = match rule {
        ToolIdRule::Any => true,
        ToolIdRule::Word => id.bytes().all(is_word),
        ToolIdRule::Short => id.len() <= 40,
        ToolIdRule::Nine => id.len() == 9 && id.bytes().all(|b| b.is_ascii_alphanumeric()),
    };
    if is_sent_as_is {
        return Cow::Borrowed(id);
    }
    Cow::Owned(match rule {
        ToolIdRule::Short => cut_with_hash(id, id, 40),
        ToolIdRule::Nine => format!("c{}", hash(id)),
        ToolIdRule::Any | ToolIdRule::Word => cut_with_hash(&word_characters(id), id, usize::MAX),
    })
}

/// Eight hexadecimal digits that are the same for the same text (FNV-1a).
fn hash(text: &str) -> String {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", text.bytes().fold(0x811c_9dc5, step))
}
