//! The plain chat request, read without a JSON tree.
//!
//! Load tests send these by the hundred thousand. Whatever is not plain (content parts, tools,
//! directives, models with rules of their own) is left to the full reader and its checks.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use super::check::is_reasoning_model;
use super::read::shows_reasoning;
use super::{Form, vendor};
use crate::mock::dialect::Dialect;
use crate::mock::say::{Ask, tokens_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    #[serde(borrow)]
    user: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// The form of a plain request; `None` for any other, right or wrong.
pub(super) fn read(body: &[u8], path: &str) -> Option<Form> {
    let plain: Plain<'_> = serde_json::from_slice(body).ok()?;
    let known_roles = plain
        .messages
        .iter()
        .all(|message| matches!(&*message.role, "system" | "developer" | "user" | "assistant"));
    let in_range = plain.temperature.is_none_or(|value| (0.0..=2.0).contains(&value))
        && plain.top_p.is_none_or(|value| (0.0..=1.0).contains(&value))
        && plain.max_tokens != Some(0)
        && plain.max_completion_tokens != Some(0)
        && plain.user.is_none_or(|user| user.len() <= 64)
        && (plain.stream || plain.stream_options.is_none());
    let thinks = is_reasoning_model(&plain.model) || shows_reasoning(&plain.model);
    if !known_roles || !in_range || thinks || plain.model.is_empty() {
        return None;
    }
    let text = plain.messages.iter().rev().find(|message| message.role == "user")?;
    let mut hasher = DefaultHasher::new();
    plain.model.hash(&mut hasher);
    let mut bytes = 0;
    for message in &plain.messages {
        bytes += message.content.len();
        message.content.hash(&mut hasher);
    }
    let vendor = vendor(Dialect::OpenAi, path, &plain.model);
    Some(Form {
        ask: Ask {
            text: text.content.clone().into_owned(),
            model: plain.model.into_owned(),
            stream: plain.stream,
            prompt: tokens_of(bytes),
            print: hasher.finish(),
            limit: plain.max_completion_tokens.or(plain.max_tokens).map(|limit| limit as usize),
            ..Ask::default()
        },
        vendor,
        choices: 1,
        include_usage: plain.stream_options.is_some_and(|options| options.include_usage),
        ..Form::default()
    })
}
