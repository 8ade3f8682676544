//! Tool names and tool call ids that a target refuses, and what they are replaced with.
//!
//! Replacements depend on the text alone, so that they are the same in every turn of a conversation.

use std::borrow::Cow;

use crate::catalog::profile::ToolIdRule;
use crate::ir::{Content, Request, ToolChoice, ToolKind};

/// The longest tool name that the dialect takes.
const LONGEST: usize = 64;

/// The tool names of one request that had to change.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Names {
    /// What is sent, and what the client said.
    changed: Vec<(String, String)>,
}

impl Names {
    /// Finds what must change in a request's tools, history and choice.
    pub(in crate::dialect) fn of(request: &Request) -> Self {
        let mut all = Vec::new();
        visit(request, &mut |name| all.push(name));
        let mut names = Self::default();
        for &name in &all {
            if fits(name) || names.changed.iter().any(|(_, known)| known == name) {
                continue;
            }
            let mut sent = clean(name);
            let taken =
                |sent: &str| all.contains(&sent) || names.changed.iter().any(|(used, _)| used == sent);
            if taken(&sent) {
                sent = with_hash(&sent, name);
            }
            names.changed.push((sent, name.to_owned()));
        }
        names
    }

    /// The name as it is sent.
    pub(in crate::dialect) fn sent<'n>(&'n self, name: &'n str) -> &'n str {
        let found = self.changed.iter().find(|(_, original)| original == name);
        found.map_or(name, |(sent, _)| sent)
    }

    /// The changed names, as sent and as the client said them.
    pub(in crate::dialect) fn into_restore(self) -> Vec<(String, String)> {
        self.changed
    }
}

fn visit<'r>(request: &'r Request, on: &mut impl FnMut(&'r str)) {
    for tool in &request.tools {
        if !matches!(tool.kind, ToolKind::Hosted { .. }) {
            on(&tool.name);
        }
    }
    for block in request.turns.iter().flat_map(|turn| &turn.blocks) {
        match &block.content {
            Content::ToolCall(call) => on(&call.name),
            Content::ToolResult(result) => result.name.as_deref().into_iter().for_each(&mut *on),
            _ => {}
        }
    }
    match &request.tool_choice {
        Some(ToolChoice::Tool(name)) => on(name),
        Some(ToolChoice::Allowed(names, _)) => names.iter().for_each(|name| on(name)),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => {}
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(is_word)
}

fn clean(name: &str) -> String {
    let cleaned: String = name.chars().map(|c| if is_word(c) { c } else { '_' }).collect();
    if cleaned.is_empty() || cleaned.len() > LONGEST {
        return with_hash(&cleaned, name);
    }
    cleaned
}

fn with_hash(cleaned: &str, original: &str) -> String {
    let kept = cleaned.get(..LONGEST - 9).unwrap_or(cleaned);
    format!("{kept}_{:08x}", fnv(original) & 0xffff_ffff)
}

/// A tool call's id in the spelling that the target wants.
pub(in crate::dialect) fn tool_id(rule: ToolIdRule, id: &str) -> Cow<'_, str> {
    let fits = match rule {
        ToolIdRule::Any => true,
        ToolIdRule::Word => id.chars().all(is_word),
        ToolIdRule::Short => id.len() <= 40,
        ToolIdRule::Nine => id.len() == 9 && id.chars().all(|c| c.is_ascii_alphanumeric()),
    };
    if fits {
        return Cow::Borrowed(id);
    }
    Cow::Owned(match rule {
        ToolIdRule::Any => id.to_owned(),
        ToolIdRule::Word => with_hash(&clean(id), id),
        ToolIdRule::Short => format!("call_{:016x}", fnv(id)),
        ToolIdRule::Nine => nine(fnv(id)),
    })
}

/// A call's id within the 64 characters that OpenAI's Responses take.
pub(in crate::dialect) fn call_id(id: &str) -> Cow<'_, str> {
    if id.len() <= LONGEST { Cow::Borrowed(id) } else { Cow::Owned(format!("call_{:016x}", fnv(id))) }
}

fn nine(mut number: u64) -> String {
    let mut text = String::with_capacity(9);
    for _ in 0..9 {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        text.extend(char::from_digit(digit, 36));
        number /= 36;
    }
    text
}

/// An end user's name within the 64 characters that OpenAI takes, or a stable stand-in for it.
pub(in crate::dialect) fn user(name: &str) -> Cow<'_, str> {
    if name.chars().count() <= 64 {
        return Cow::Borrowed(name);
    }
    let reversed: String = name.chars().rev().collect();
    Cow::Owned(format!("{:016x}{:016x}", fnv(name), fnv(&reversed)))
}

/// FNV-1a: fixed for good, unlike the standard library's hashes.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
