//! Whole answers, both ways.

use crate::dialect::openai_completions::logprobs;
use crate::dialect::openai_completions::types::{OWN, finish_word, parse_finish, said, stop_sequence};
use crate::dialect::place::filled;
use crate::dialect::{Malformed, Seed, openai_error, openai_usage, unknown};
use crate::ir::{Block, Candidate, Extras, Finish, FinishReason, Losses, Reply, Usage};
use crate::wire::json::{self, Json, Object};

/// The members of a reply that are read.
pub(super) const REPLY: [&str; 6] = ["id", "object", "created", "model", "choices", "usage"];

/// The members of a choice that are read, whole or streamed.
pub(super) const CHOICE: [&str; 8] =
    ["index", "text", "message", "delta", "finish_reason", "logprobs", "stop_reason", "error"];

/// More answers than this to one request are not believed.
const MOST_CHOICES: usize = 128;

/// Reads a reply.
pub(super) fn parse(body: &[u8]) -> Result<Reply, Malformed> {
    let root = json::parse(body)?;
    if let Some(text) = plain(&root) {
        return Ok(generated(&root, text));
    }
    if root.field("choices").is_none() && root.field("input").is_some() {
        return predicted(&root);
    }
    let choices = root.field("choices").filter(|choices| choices.is_array());
    let Some(choices) = choices else {
        return Err(Malformed::new("choices", "expected a list of choices"));
    };
    if let Some(fault) = openai_error::in_stream(None, &root) {
        return Err(Malformed::new("error", fault.message));
    }
    let text = |key: &str| filled(root.get(key).and_then(Json::as_str)).map(str::to_owned);
    let mut reply = Reply {
        id: text("id"),
        model: text("model"),
        created: root.get("created").and_then(Json::as_u64).filter(|seconds| *seconds > 0),
        usage: openai_usage::of(&root),
        ..Reply::default()
    };
    unknown::keep(OWN, &root, &REPLY, &mut reply.extras);
    for (place, choice) in choices.elements().iter().enumerate() {
        let index = choice.get("index").and_then(Json::as_u64);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let index = index.unwrap_or(place).min(MOST_CHOICES - 1);
        if reply.candidates.len() <= index {
            reply.candidates.resize_with(index + 1, Candidate::default);
        }
        if let Some(candidate) = reply.candidates.get_mut(index) {
            *candidate = parse_choice(choice);
        }
    }
    Ok(reply)
}

/// The text of an answer of Triton's, whole or a piece, which is that and the model's name.
pub(super) fn plain<'j>(root: &'j Json<'_>) -> Option<&'j str> {
    let output = root.field("text_output").filter(|_| root.field("choices").is_none())?;
    // Servers that answer several prompts at once make lists of one.
    output.as_str().or_else(|| output.elements().first()?.as_str())
}

fn generated(root: &Json<'_>, text: &str) -> Reply {
    let candidate = Candidate {
        blocks: filled(Some(text)).map(Block::text).into_iter().collect(),
        finish: Some(Finish::new(FinishReason::Stop)),
        ..Candidate::default()
    };
    let model = root.get("model_name").and_then(Json::as_str).map(str::to_owned);
    Reply { model, candidates: vec![candidate], ..Reply::default() }
}

/// Reads a prediction of Replicate's (<https://replicate.com/docs/reference/http>, seen 2026-11): its output
/// is a text or the pieces of one.
fn predicted(root: &Json<'_>) -> Result<Reply, Malformed> {
    if root.get("status").and_then(Json::as_str) != Some("succeeded") {
        return Err(Malformed::new("status", "expected a prediction that has succeeded"));
    }
    let output = root.field("output").ok_or_else(|| Malformed::new("output", "expected a text"))?;
    let pieces = output.elements().iter().filter_map(Json::as_str);
    let text: String = output.as_str().into_iter().chain(pieces).collect();
    let count = |name: &str| root.at(&["metrics", name]).and_then(Json::as_u64).unwrap_or_default();
    let (input, output) = (count("input_token_count"), count("output_token_count"));
    let reply = generated(root, &text);
    Ok(Reply {
        id: root.get("id").and_then(Json::as_str).map(str::to_owned),
        model: root.get("model").and_then(Json::as_str).map(str::to_owned),
        usage: (input + output > 0).then(|| Usage { input, output, ..Usage::default() }),
        ..reply
    })
}

fn parse_choice(choice: &Json<'_>) -> Candidate {
    let mut candidate = Candidate::default();
    candidate.blocks.extend(filled(words(choice)).map(Block::text));
    let word = filled(choice.get("finish_reason").and_then(Json::as_str));
    candidate.finish = word.map(|word| parse_finish(word, stop_sequence(choice)));
    candidate.logprobs = logprobs::parse(choice);
    unknown::keep(OWN, choice, &CHOICE, &mut candidate.extras);
    candidate
}

/// The text of a choice; Mistral answers text completions as it does chats.
pub(super) fn words<'j>(choice: &'j Json<'_>) -> Option<&'j str> {
    let chat = || choice.field("message").or_else(|| choice.field("delta"))?.get("content");
    choice.field("text").or_else(chat).and_then(Json::as_str)
}

/// Writes a reply.
pub(super) fn render(reply: &Reply, seed: &Seed, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    json::object(&mut out, |body| {
        match &reply.id {
            Some(id) => body.string("id", id),
            None => body.string("id", &format!("cmpl-{}", seed.id)),
        }
        body.string("object", "text_completion");
        body.number("created", reply.created.unwrap_or(seed.created));
        body.string("model", reply.model.as_deref().unwrap_or(&seed.model));
        body.array("choices", |choices| {
            for (index, candidate) in reply.candidates.iter().enumerate() {
                choices.object(|choice| write_candidate(choice, index, candidate, losses));
            }
        });
        if let Some(used) = &reply.usage {
            body.object("usage", |object| openai_usage::write(used, object));
        }
        give_back(&reply.extras, body, losses);
    });
    out
}

fn write_candidate(choice: &mut Object<'_>, index: usize, candidate: &Candidate, losses: &mut Losses) {
    let texts: Vec<&str> = candidate.blocks.iter().map(|block| said(block, losses)).collect();
    for block in &candidate.blocks {
        unknown::note_lost(OWN, &block.extras, losses);
    }
    choice.string("text", &texts.concat());
    choice.number("index", index);
    logprobs::write(choice, candidate.logprobs.as_deref(), &mut 0);
    match &candidate.finish {
        Some(finish) => {
            choice.string("finish_reason", finish_word(finish, losses));
            choice.opt_string("stop_reason", finish.stop_sequence.as_deref());
        }
        None => choice.null("finish_reason"),
    }
    give_back(&candidate.extras, choice, losses);
}

/// Gives back the dialect's own members; the others are lost.
pub(super) fn give_back(extras: &Extras, object: &mut Object<'_>, losses: &mut Losses) {
    unknown::restore(OWN, extras, object);
    unknown::note_lost(OWN, extras, losses);
}
