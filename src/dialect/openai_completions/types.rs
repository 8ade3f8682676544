//! The words of the dialect and what they mean in the hub, both ways.

use crate::ir::{Block, Content, Dialect, Finish, FinishReason, Losses};
use crate::wire::json::Json;

/// This dialect.
pub(super) const OWN: Dialect = Dialect::OpenaiCompletions;

/// What a prompt's text is called in a ledger of losses.
pub(super) const PROMPT: &str = "messages";

/// Reads an end.
pub(super) fn parse_finish(word: &str, stop_sequence: Option<&str>) -> Finish {
    let reason = match word {
        "stop" | "eos" | "eos_token" | "end_turn" if stop_sequence.is_some() => FinishReason::StopSequence,
        "stop" | "eos" | "eos_token" | "end_turn" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "content_filter" | "safety" => FinishReason::ContentFilter,
        "tool_calls" => FinishReason::ToolCalls,
        _ => FinishReason::Other,
    };
    Finish { reason, stop_sequence: stop_sequence.map(str::to_owned), native: Some((OWN, word.to_owned())) }
}

/// The stop string that vLLM (`stop_reason`) and `SGLang` (`matched_stop`) name; a number there is
/// a token, which is no stop string of the client's.
pub(super) fn stop_sequence<'j>(choice: &'j Json<'_>) -> Option<&'j str> {
    let named = choice.field("stop_reason").or_else(|| choice.field("matched_stop"));
    named.and_then(Json::as_str)
}

/// The `finish_reason` for an end.
pub(super) fn finish_word<'f>(finish: &'f Finish, losses: &mut Losses) -> &'f str {
    if let Some((OWN, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::Length | FinishReason::ContextFull => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::ToolCalls => {
            losses.bent("finish_reason", "a text completion waits for no tools");
            "stop"
        }
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => "stop",
    }
}

/// The text that a block of an answer is here; what is no text is noted.
pub(super) fn said<'b>(block: &'b Block, losses: &mut Losses) -> &'b str {
    match &block.content {
        Content::Text { text, citations } => {
            if !citations.is_empty() {
                losses.dropped("content.citations", NO_PLACE);
            }
            return text;
        }
        Content::Refusal(text) => return text,
        Content::Reasoning(_) => note_unsaid(Unsaid::Reasoning, losses),
        Content::ToolCall(_) => note_unsaid(Unsaid::ToolCall, losses),
        Content::ToolResult(_)
        | Content::Image(_)
        | Content::Document(_)
        | Content::Audio(_)
        | Content::Video(_)
        | Content::Opaque { .. } => note_unsaid(Unsaid::Media, losses),
    }
    ""
}

const NO_PLACE: &str = "a text completion is text and nothing else";

/// What an answer may hold that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsaid {
    /// Thinking.
    Reasoning,
    /// A call of a tool.
    ToolCall,
    /// A picture, sound, a block of another dialect.
    Media,
    /// A source.
    Citation,
}

/// Notes what has no place in a text.
pub(super) fn note_unsaid(what: Unsaid, losses: &mut Losses) {
    let field = match what {
        Unsaid::Reasoning => "message.reasoning",
        Unsaid::ToolCall => "message.tool_calls",
        Unsaid::Media => "content",
        Unsaid::Citation => "content.citations",
    };
    losses.dropped(field, NO_PLACE);
}
