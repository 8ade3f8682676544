//! The words of the dialect and what they mean in the hub, both ways.

use crate::ir::{Dialect, Finish, FinishReason, Losses};
use crate::wire::json::Json;

pub(super) use crate::dialect::openai_words::{arguments, effort_of_budget, service_tier, tier_word};
pub(super) use crate::dialect::place::filled;
pub(super) use crate::dialect::unknown::compact;

/// This dialect.
pub(super) const OWN: Dialect = Dialect::OpenaiResponses;

/// The reason for an answer's end: its `status`, why it is incomplete, and whether it called tools.
pub(super) fn parse_finish(status: &str, why: Option<&str>, called: bool) -> Option<Finish> {
    let reason = match (status, why) {
        ("incomplete", Some("max_output_tokens" | "max_tokens")) => FinishReason::Length,
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("completed", _) if called => FinishReason::ToolCalls,
        ("completed", _) => FinishReason::Stop,
        ("in_progress" | "queued", _) => return None,
        _ => FinishReason::Other,
    };
    let word = why.filter(|_| status == "incomplete").unwrap_or(status);
    Some(Finish { reason, stop_sequence: None, native: Some((OWN, word.to_owned())) })
}

/// How an answer's end is said: its `status`, and why it is incomplete.
pub(super) fn finish_words(finish: Option<&Finish>) -> (&'static str, Option<&str>) {
    let Some(finish) = finish else { return ("completed", None) };
    let own = match &finish.native {
        Some((OWN, word)) => Some(word.as_str()),
        Some(_) | None => None,
    };
    match finish.reason {
        FinishReason::Length | FinishReason::ContextFull => ("incomplete", Some("max_output_tokens")),
        FinishReason::ContentFilter | FinishReason::Refusal => ("incomplete", Some("content_filter")),
        FinishReason::Other => match own {
            Some(word) if word != "completed" => ("incomplete", Some(word)),
            Some(_) | None => ("completed", None),
        },
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolCalls
        | FinishReason::Pause
        | FinishReason::MalformedToolCall => ("completed", None),
    }
}

/// Notes an end of which a status says less than was told.
pub(super) fn note_end(finish: Option<&Finish>, losses: &mut Losses) {
    let Some(finish) = finish else { return };
    let is_told = match finish.reason {
        FinishReason::Pause | FinishReason::MalformedToolCall => false,
        FinishReason::Other => matches!(finish.native, Some((OWN, _))),
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolCalls
        | FinishReason::Length
        | FinishReason::ContextFull
        | FinishReason::ContentFilter
        | FinishReason::Refusal => true,
    };
    if !is_told {
        losses.bent("finish_reason", "no status says this");
    }
}

/// The text under a key, "" where there is none.
pub(super) fn text<'j>(object: &'j Json<'_>, key: &str) -> &'j str {
    object.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// The type of an item, a part or an event, "" where it has none.
pub(super) fn kind<'j>(object: &'j Json<'_>) -> &'j str {
    text(object, "type")
}

/// An id of this dialect: its prefix says of what kind the item is.
pub(super) fn item_id(prefix: &str, seed: &str, number: usize) -> String {
    format!("{prefix}_{seed}{number:02x}")
}
