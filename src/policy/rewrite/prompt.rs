//! A system prompt of the operator's, said where each dialect says such a thing.

use std::borrow::Cow;

use super::turns;
use crate::dialect::Malformed;
use crate::ir::Dialect;
use crate::wire::json;
use crate::wire::lens::{Edit, Lens};
use crate::wire::list::List;

/// Where an operator's system prompt stands, beside the client's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nowhere, where there is one; else it is the only one.
    Inject,
    /// Before it.
    Prepend,
    /// Behind it.
    Append,
    /// In its place.
    Replace,
}

/// A system prompt of the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPrompt {
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub text: String,
}

/// What lies between two texts that become one.
const BETWEEN: &str = "\n\n";

impl SystemPrompt {
    /// What changes in a body of this dialect; nothing where it says so already, or where it is no body of
    /// this dialect, which its provider will say.
    ///
    /// # Errors
    /// When the body says what no system prompt can stand beside.
    pub fn edits(&self, dialect: Dialect, body: &Lens<'_>) -> Result<Vec<Edit>, Malformed> {
        match dialect {
            Dialect::OpenaiChat | Dialect::OllamaChat | Dialect::CohereChat => {
                turns::among(self, body, "messages")
            }
            Dialect::OpenaiResponses => self.instructions(body),
            Dialect::AnthropicMessages => self.beside_turns(body, "system", "messages", Blocks::Typed),
            Dialect::GeminiGenerate => self.of_gemini(body),
            Dialect::BedrockConverse => self.of_converse(body),
            Dialect::OllamaGenerate => Ok(self.member(body, "system", Blocks::None)?.into_iter().collect()),
            Dialect::OpenaiCompletions => self.prompts(body),
        }
    }

    /// A member of its own; where the client's own prompt may also stand in turns, those count too.
    fn beside_turns(
        &self,
        body: &Lens<'_>,
        member: &'static str,
        list: &'static str,
        blocks: Blocks,
    ) -> Result<Vec<Edit>, Malformed> {
        let turns = body.raw(list).and_then(List::new);
        let systems =
            turns.as_ref().map(|turns| turns::systems(turns, list)).transpose()?.unwrap_or_default();
        let has_one = systems.contains(&true);
        if self.place == Place::Inject && has_one {
            return Ok(Vec::new());
        }
        let mut edits: Vec<Edit> = self.member(body, member, blocks)?.into_iter().collect();
        if let (Place::Replace, Some(turns), true) = (self.place, turns, has_one) {
            let others = turns.only(|place| systems.get(place) != Some(&true));
            edits.push(Edit::Set { key: list.into(), value: others });
        }
        Ok(edits)
    }

    fn member(
        &self,
        body: &Lens<'_>,
        member: &'static str,
        blocks: Blocks,
    ) -> Result<Option<Edit>, Malformed> {
        let said = self.beside(body.raw(member), blocks);
        let said = said.map_err(|expected| Malformed::new(member, expected))?;
        Ok(said.map(|value| Edit::Set { key: member.into(), value }))
    }

    fn instructions(&self, body: &Lens<'_>) -> Result<Vec<Edit>, Malformed> {
        self.beside_turns(body, "instructions", "input", Blocks::None)
    }

    fn of_gemini(&self, body: &Lens<'_>) -> Result<Vec<Edit>, Malformed> {
        // A question of how many tokens a request has holds the request.
        let held = ["generateContentRequest", "generate_content_request"];
        if let Some(edits) = self.inside(body, &held, Self::of_gemini)? {
            return Ok(edits);
        }
        let cached = |key: &&str| body.raw(key).is_some_and(|raw| raw != "null");
        if let Some(key) = ["cachedContent", "cached_content"].into_iter().find(|key| cached(key)) {
            // What is cached has its own, beside which Gemini takes no other.
            return match self.place {
                Place::Inject => Ok(Vec::new()),
                Place::Prepend | Place::Append | Place::Replace => Err(Malformed::new(
                    key,
                    "this gateway has a system prompt of its own, which cannot stand beside cached content",
                )),
            };
        }
        let is_there = |key: &&&str| body.raw(key).is_some();
        let key = ["systemInstruction", "system_instruction"];
        let key = *key.iter().find(is_there).unwrap_or(&"systemInstruction");
        let wrong = |expected| Malformed::new(key, expected);
        let value = match body.raw(key).filter(|raw| *raw != "null") {
            Some(raw) if raw.starts_with('{') => {
                let content = Lens::new(raw.as_bytes()).map_err(|_| wrong("expected a content"))?;
                // A lone part stands for a list of one.
                let parts = content.raw("parts").map(listed);
                let parts = self.beside(parts.as_deref(), Blocks::Bare).map_err(wrong)?;
                let Some(value) = parts else { return Ok(Vec::new()) };
                let changed = content.apply(&[Edit::Set { key: "parts".into(), value }]);
                String::from_utf8(changed).unwrap_or_default()
            }
            // Some say it as a bare text.
            Some(raw) if raw.starts_with('"') => match self.beside(Some(raw), Blocks::None).map_err(wrong)? {
                Some(value) => value,
                None => return Ok(Vec::new()),
            },
            Some(_) => return Err(wrong("expected a content")),
            None => format!("{{\"parts\":[{}]}}", Blocks::Bare.block(&self.text)),
        };
        Ok(vec![Edit::Set { key: key.into(), value }])
    }

    fn of_converse(&self, body: &Lens<'_>) -> Result<Vec<Edit>, Malformed> {
        let counted = |of: &Self, input: &Lens<'_>| {
            Ok(of.inside(input, &["converse"], Self::of_converse)?.unwrap_or_default())
        };
        if let Some(edits) = self.inside(body, &["input"], counted)? {
            return Ok(edits);
        }
        Ok(self.member(body, "system", Blocks::Bare)?.into_iter().collect())
    }

    /// The same within a member that is an object; `None` where there is none.
    fn inside(
        &self,
        body: &Lens<'_>,
        keys: &[&'static str],
        edits: impl Fn(&Self, &Lens<'_>) -> Result<Vec<Edit>, Malformed>,
    ) -> Result<Option<Vec<Edit>>, Malformed> {
        let held = |key: &&'static str| Some((*key, body.raw(key).filter(|raw| raw.starts_with('{'))?));
        let Some((key, raw)) = keys.iter().find_map(held) else { return Ok(None) };
        let inner = Lens::new(raw.as_bytes())?;
        let edits = edits(self, &inner)?;
        if edits.is_empty() {
            return Ok(Some(edits));
        }
        let value = String::from_utf8(inner.apply(&edits)).unwrap_or_default();
        Ok(Some(vec![Edit::Set { key: key.into(), value }]))
    }

    /// A text completion has no system prompt: it begins with it.
    fn prompts(&self, body: &Lens<'_>) -> Result<Vec<Edit>, Malformed> {
        const EXPECTED: &str = "expected text, since this gateway has a system prompt before it";
        let before = Self { place: Place::Prepend, text: self.text.clone() };
        let wrong = |_| Malformed::new("prompt", EXPECTED);
        let value = match body.raw("prompt").filter(|raw| *raw != "null") {
            Some(raw) if raw.starts_with('[') => {
                let list = List::new(raw).ok_or_else(|| wrong(""))?;
                let mut each = Vec::with_capacity(list.len());
                for prompt in list.iter() {
                    each.extend(before.beside(Some(prompt), Blocks::None).map_err(wrong)?);
                }
                format!("[{}]", each.join(","))
            }
            raw => before.beside(raw, Blocks::None).map_err(wrong)?.unwrap_or_default(),
        };
        Ok(vec![Edit::Set { key: "prompt".into(), value }])
    }

    /// It and what was said: a text, or a list of blocks. `None` where that stays as it is; else what was
    /// expected.
    pub(super) fn beside(&self, said: Option<&str>, blocks: Blocks) -> Result<Option<String>, &'static str> {
        let alone = || match blocks {
            Blocks::Bare => format!("[{}]", blocks.block(&self.text)),
            Blocks::Typed | Blocks::None => json::string(&self.text),
        };
        let Some(said) = said.filter(|raw| !matches!(*raw, "null" | "\"\"")) else {
            return Ok(Some(alone()));
        };
        let list = List::new(said);
        if list.as_ref().is_some_and(List::is_empty) {
            return Ok(Some(alone()));
        }
        match self.place {
            Place::Inject => return Ok(None),
            Place::Replace => return Ok(Some(alone())),
            Place::Prepend | Place::Append => {}
        }
        let before = self.place == Place::Prepend;
        Ok(Some(match list {
            Some(list) if blocks != Blocks::None => {
                list.with(if before { 0 } else { list.len() }, &blocks.block(&self.text))
            }
            None if blocks != Blocks::Bare => {
                let own = text(said).ok_or("expected text")?;
                let (first, second) =
                    if before { (self.text.as_str(), &*own) } else { (&*own, self.text.as_str()) };
                json::string(&[first, BETWEEN, second].concat())
            }
            // A lone string where a list belongs.
            Some(_) => return Err("expected text"),
            None => return Err("expected a list"),
        }))
    }
}

/// What a dialect says texts in, where it says several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocks {
    /// `{"type":"text","text":…}`, or a bare string.
    Typed,
    /// `{"text":…}`, and never a string.
    Bare,
    /// Nothing but a string.
    None,
}

impl Blocks {
    fn block(self, text: &str) -> String {
        let text = json::string(text);
        match self {
            Self::Typed => format!("{{\"type\":\"text\",\"text\":{text}}}"),
            Self::Bare => format!("{{\"text\":{text}}}"),
            Self::None => text,
        }
    }
}

/// The text of a JSON string.
pub(super) fn text(raw: &str) -> Option<String> {
    json::parse(raw.as_bytes()).ok()?.as_str().map(str::to_owned)
}

/// A list as it is, or the list of something alone.
fn listed(raw: &str) -> Cow<'_, str> {
    if raw.starts_with('{') { Cow::Owned(format!("[{raw}]")) } else { Cow::Borrowed(raw) }
}

#[cfg(test)]
mod tests;
