//! The hub's request → a target's body.

use crate::catalog::profile::{Param, Profile};
use crate::dialect::openai_completions::types::{OWN, PROMPT};
use crate::dialect::{Rendered, unknown};
use crate::ir::{Block, Content, Format, Losses, Request, Role, Sampling};
use crate::wire::json::{self, Json, Object};

/// Writes a request for a target that knows itself as `model`.
pub(in crate::dialect::openai_completions) fn render(
    request: &Request,
    model: &str,
    profile: &Profile,
    losses: &mut Losses,
) -> Rendered {
    let mut body = Vec::with_capacity(512);
    json::object(&mut body, |body| {
        body.string("model", model);
        body.string("prompt", &prompt(request, losses));
        write_sampling(body, &request.sampling, profile, losses);
        body.opt_string("user", request.user.as_deref());
        if request.stream {
            body.bool("stream", true);
            write_stream_options(body, request, profile);
        }
        for extra in request.extras.of(OWN).filter(|extra| extra.name != "stream_options") {
            body.raw(&extra.name, &extra.json);
        }
        unknown::note_lost(OWN, &request.extras, losses);
    });
    note_lost(request, losses);
    Rendered { body, ..Rendered::default() }
}

/// The conversation as one text for the model to go on with.
fn prompt(request: &Request, losses: &mut Losses) -> String {
    if let ([], [turn]) = (request.system.as_slice(), request.turns.as_slice())
        && let [block] = turn.blocks.as_slice()
        && let Some(text) = block.as_text()
    {
        note_block(block, losses);
        if turn.role != Role::User {
            losses.bent(PROMPT, "said as one text");
        }
        return text.to_owned();
    }
    losses.bent(PROMPT, "said as one text");
    let mut pieces = vec![words(&request.system, losses)];
    for turn in &request.turns {
        let speaker = match turn.role {
            Role::System => "System",
            Role::User => "User",
            Role::Assistant => "Assistant",
        };
        if turn.name.is_some() {
            losses.dropped("messages.name", "a prompt has no names");
        }
        let words = words(&turn.blocks, losses);
        if !words.is_empty() {
            pieces.push(format!("{speaker}: {words}"));
        }
    }
    if request.turns.last().is_none_or(|turn| turn.role != Role::Assistant) {
        pieces.push("Assistant:".to_owned());
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n\n")
}

fn words(blocks: &[Block], losses: &mut Losses) -> String {
    let mut words = Vec::new();
    for block in blocks {
        note_block(block, losses);
        match &block.content {
            Content::Text { text, .. } | Content::Refusal(text) => words.push(text.clone()),
            Content::ToolResult(result) => words.push(self::words(&result.content, losses)),
            Content::Reasoning(_) => losses.dropped("messages.reasoning", "a prompt holds no thinking"),
            Content::ToolCall(_) => losses.dropped("messages.tool_calls", "a prompt holds no calls"),
            Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::Video(_)
            | Content::Opaque { .. } => losses.dropped("messages.content", "a prompt is text"),
        }
    }
    words.join("\n")
}

fn note_block(block: &Block, losses: &mut Losses) {
    if block.cache.is_some() {
        losses.dropped("cache_control", "a prompt has no cache marks");
    }
    unknown::note_lost(OWN, &block.extras, losses);
}

fn write_sampling(body: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    if let Some(wanted) = sampling.max_tokens {
        let most = profile.max_output.unwrap_or(u64::MAX);
        if wanted > most {
            losses.clamped("max_tokens", "the model cannot produce more");
        }
        body.number("max_tokens", wanted.min(most));
    }
    if let Some(wanted) = sampling.temperature {
        let most = profile.max_temperature.unwrap_or(2.0);
        if wanted > most {
            losses.clamped("temperature", "the target takes no higher one");
        }
        body.float("temperature", wanted.min(most));
    }
    body.opt_float("top_p", sampling.top_p);
    if let Some(top_k) = sampling.top_k {
        if profile.refuses.has(Param::TopK) {
            losses.dropped("top_k", "the target refuses it");
        } else {
            body.number("top_k", top_k);
        }
    }
    body.opt_float("frequency_penalty", sampling.frequency_penalty);
    body.opt_float("presence_penalty", sampling.presence_penalty);
    body.opt_number("n", sampling.candidates);
    if !sampling.stop.is_empty() {
        body.array("stop", |list| sampling.stop.iter().for_each(|text| list.string(text)));
    }
    body.opt_number(profile.seed_field, sampling.seed);
    if sampling.logprobs == Some(true) {
        body.number("logprobs", sampling.top_logprobs.unwrap_or(0));
    }
    body.opt_raw("logit_bias", sampling.logit_bias.as_deref());
}

/// Usage is asked for whether the client wants it or not: what a call cost must be known.
fn write_stream_options(body: &mut Object<'_>, request: &Request, profile: &Profile) {
    let given = request.extras.json(OWN, "stream_options");
    let given = given.and_then(|text| json::parse(text.as_bytes()).ok());
    if given.is_none() && !profile.include_usage {
        return;
    }
    body.object("stream_options", |options| {
        if profile.include_usage {
            options.bool("include_usage", true);
        }
        for (key, value) in given.as_ref().map(Json::entries).unwrap_or_default() {
            if key != "include_usage" {
                options.raw(key, value.raw());
            }
        }
    });
}

/// Notes what a text completion cannot be asked for.
fn note_lost(request: &Request, losses: &mut Losses) {
    const NO_CHAT: &str = "a text completion cannot be asked for it";
    let format = request.format.as_ref().is_some_and(|format| *format != Format::Text);
    let thinking = request.thinking.as_ref().is_some_and(|thinking| {
        thinking.enabled == Some(true) || thinking.effort.is_some() || thinking.budget.is_some()
    });
    for (field, asked) in [
        ("tools", !request.tools.is_empty()),
        ("response_format", format),
        ("reasoning_effort", thinking),
        ("service_tier", request.service_tier.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if asked {
            losses.dropped(field, NO_CHAT);
        }
    }
}
