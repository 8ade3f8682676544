//! What a response repeats of its request. SDKs have these members in their types and believe that
//! they are always there.

use crate::dialect::Seed;
use crate::ir::ServiceTier;
use crate::wire::json::{self, Object};

use super::namespace::{self, Called, Named};
use super::types::{compact, tier_word};

/// The members of a response that repeat its request, or say what it has by default.
const MEMBERS: [&str; 24] = [
    "background",
    "conversation",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The members with what stands for each that the request did not say, in OpenAI's order.
const DEFAULTS: [(&str, &str); 19] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"},"verbosity":"medium"}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
    ("metadata", "{}"),
    ("service_tier", "\"auto\""),
];

/// What is repeated of one request, ready to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Echo {
    members: Vec<(&'static str, String)>,
    /// The conversation that the answer belongs to, as an object.
    conversation: Option<String>,
    kept: bool,
    namespaces: Vec<Named>,
}

impl Echo {
    /// What the client's own body says of itself.
    pub(super) fn of(seed: &Seed) -> Self {
        let asked = json::parse(&seed.asked).ok();
        let said = |key: &str| asked.as_ref().and_then(|asked| asked.field(key)).map(compact);
        let member = |(key, default): &(&'static str, &str)| {
            (*key, said(key).unwrap_or_else(|| (*default).to_owned()))
        };
        let conversation = asked.as_ref().and_then(|asked| asked.field("conversation"));
        Self {
            members: DEFAULTS.iter().map(member).collect(),
            conversation: conversation.map(|value| match value.as_str() {
                Some(_) => format!("{{\"id\":{}}}", value.raw()),
                None => compact(value),
            }),
            kept: seed.kept,
            namespaces: asked
                .as_ref()
                .and_then(|asked| asked.field("tools"))
                .map(namespace::read)
                .unwrap_or_default(),
        }
    }

    /// How the client knows the tool with this name in the hub.
    pub(super) fn called(&self, name: &str) -> Called {
        namespace::told(&self.namespaces, name)
    }

    /// Writes the members.
    pub(super) fn write(&self, response: &mut Object<'_>, tier: Option<&ServiceTier>) {
        response.bool("background", false);
        response.opt_raw("conversation", self.conversation.as_deref());
        for (key, value) in &self.members {
            match tier {
                Some(tier) if *key == "service_tier" => response.string(key, served_word(tier)),
                Some(_) | None => response.raw(key, value),
            }
        }
        response.bool("store", self.kept);
    }
}

/// The word for the tier that served an answer. OpenAI's own clients know no other vendor's words.
fn served_word(tier: &ServiceTier) -> &str {
    match tier_word(tier) {
        word @ ("auto" | "default" | "flex" | "scale" | "priority" | "fast" | "ultrafast") => word,
        _ => "default",
    }
}

/// Whether a member of a response only repeats its request.
pub(super) fn is_repeated(key: &str) -> bool {
    MEMBERS.contains(&key)
}
