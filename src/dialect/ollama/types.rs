//! The words of the dialect and what they mean in the hub, both ways.

use crate::ir::{Dialect, Finish, FinishReason};

/// Which of the two forms is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Messages.
    Chat,
    /// A prompt.
    Generate,
}

impl Form {
    /// The form as a dialect.
    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Chat => Dialect::OllamaChat,
            Self::Generate => Dialect::OllamaGenerate,
        }
    }
}

/// Stands before the name of a member of `options` that is kept as unknown.
pub(super) const OPTION: &str = "options.";

/// Reads an end; a model that called tools waits for them, though it says that it stopped.
pub(super) fn parse_finish(form: Form, word: Option<&str>, called: bool) -> Finish {
    let reason = match word {
        None | Some("stop") if called => FinishReason::ToolCalls,
        None | Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(_) => FinishReason::Other,
    };
    Finish { reason, stop_sequence: None, native: word.map(|word| (form.dialect(), word.to_owned())) }
}

/// The `done_reason` for an end.
pub(super) fn finish_word(finish: Option<&Finish>) -> &str {
    let Some(finish) = finish else { return "stop" };
    if let Some((Dialect::OllamaChat | Dialect::OllamaGenerate, word)) = &finish.native {
        return word;
    }
    match finish.reason {
        FinishReason::Length | FinishReason::ContextFull => "length",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Stop
        | FinishReason::StopSequence
        | FinishReason::ToolCalls
        | FinishReason::Pause
        | FinishReason::MalformedToolCall
        | FinishReason::Other => "stop",
    }
}

/// What a picture is, told from the first characters of its base64: nobody says it here.
pub(super) fn sniff(base64: &str) -> Option<String> {
    const MAGIC: [(&str, &str); 4] =
        [("iVBORw0K", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    let found = MAGIC.iter().find(|(magic, _)| base64.starts_with(magic));
    found.map(|(_, media_type)| (*media_type).to_owned())
}

/// JSON arguments as an object, which is all that the dialect takes; what is none is put into one.
pub(super) fn arguments(text: &str) -> std::borrow::Cow<'_, str> {
    if text.trim().is_empty() {
        return "{}".into();
    }
    if is_object(text) { text.into() } else { crate::dialect::free_text::arguments(text).into() }
}

/// Whether arguments are an object, or none at all.
pub(super) fn is_object(text: &str) -> bool {
    text.trim().is_empty() || crate::wire::json::parse(text.as_bytes()).is_ok_and(|value| value.is_object())
}
