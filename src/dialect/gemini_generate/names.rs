//! Tool names as the target takes them: letters, digits and `_.:-`, a letter or `_` first, at
//! most 64 of them.

use std::borrow::Cow;

use crate::ir::Tool;

const MOST: usize = 64;

/// The names of one request, so that each is cleaned to the same one everywhere.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The names that are sound as they are, and so are taken.
    sound: Vec<String>,
    /// The names sent for others, with what the client calls them.
    cleaned: Vec<(String, String)>,
}

impl Names {
    /// The names of these tools.
    pub(super) fn new(tools: &[Tool]) -> Self {
        if tools.iter().all(|tool| is_sound(&tool.name)) {
            return Self::default();
        }
        let sound = tools.iter().filter(|tool| is_sound(&tool.name));
        Self { sound: sound.map(|tool| tool.name.clone()).collect(), cleaned: Vec::new() }
    }

    /// The name to send.
    pub(super) fn clean<'n>(&mut self, name: &'n str) -> Cow<'n, str> {
        if is_sound(name) {
            return Cow::Borrowed(name);
        }
        if let Some((sent, _)) = self.cleaned.iter().find(|(_, original)| original == name) {
            return Cow::Owned(sent.clone());
        }
        let plain = spell(name);
        let taken = self.sound.contains(&plain) || self.cleaned.iter().any(|(sent, _)| *sent == plain);
        let sent = if plain.len() > MOST || taken { hashed(&plain, name) } else { plain };
        self.cleaned.push((sent.clone(), name.to_owned()));
        Cow::Owned(sent)
    }

    /// What must be undone in the answer.
    pub(super) fn into_restore(self) -> Vec<(String, String)> {
        self.cleaned
    }
}

fn is_sound(name: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    name.len() <= MOST && name.as_bytes().first().is_some_and(first) && name.bytes().all(is_allowed)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
}

fn spell(name: &str) -> String {
    let word = |c: char| u8::try_from(c).is_ok_and(is_allowed);
    let mut plain: String = name.chars().map(|c| if word(c) { c } else { '_' }).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain.insert(0, '_');
    }
    plain
}

/// Cut to leave room for a hash of the whole name (FNV-1a, as it must never change).
fn hashed(plain: &str, name: &str) -> String {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = name.bytes().fold(0x811c_9dc5, mix);
    let cut = plain.get(..MOST - 9).unwrap_or(plain);
    format!("{cut}_{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned_the_same_way_each_time_and_never_meet() {
        let tools = ["a_b", "a/b", "ok.name:x-1"].map(|name| Tool {
            name: name.to_owned(),
            description: None,
            schema: None,
            strict: None,
            kind: crate::ir::ToolKind::Function,
            cache: None,
            extras: crate::ir::Extras::NONE,
        });
        let mut names = Names::new(&tools);
        assert_eq!(names.clean("ok.name:x-1"), "ok.name:x-1");
        let slashed = names.clean("a/b").into_owned();
        assert!(slashed.starts_with("a_b_"), "{slashed}");
        assert_eq!(names.clean("a/b"), slashed);
        assert_eq!(names.clean("wetter_für_münchen"), "wetter_f_r_m_nchen");
        assert_eq!(names.clean("2nd"), "_2nd");
        let long = "x".repeat(80);
        assert_eq!(names.clean(&long).len(), 64);
        assert_ne!(names.clean(&format!("{long}y")), names.clean(&long));
        assert_eq!(names.into_restore().len(), 5);
    }
}
