//! The texts in a body, in whatever dialect: what was said, and what tools were told and told.
//!
//! All dialects keep what is said under a few members of their outermost object, and name what is no
//! text (ids, types, media) by keys that are much the same. So no dialect is known here, and no text is
//! missed because a member is new.

use std::sync::Arc;

use crate::account::count::estimate;
use crate::wire::json::{self, Texts};

use super::memory::Memory;
use super::rule::Watch;
use super::sieve::{Form, sift, sift_number};
use super::tokens::withheld;

/// A guard ends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The guard's name.
    pub guard: Arc<str>,
    /// The rule that found something; never what.
    pub rule: Arc<str>,
    /// Where in the body, such as `messages[2].content`.
    pub place: String,
}

/// Whose words a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// A client's: a request.
    Asked,
    /// A provider's: an answer, or an event of one.
    Answered,
}

/// What a value is, by the keys that lead to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The outermost object.
    Outside,
    /// No text.
    Skipped,
    /// What is said.
    Said,
    /// The arguments of a tool, as JSON in a string or as they are.
    Arguments,
    /// Under a provider's seal.
    Sealed,
    /// What tools are told and tell: any keys are theirs.
    Free,
}

impl Place {
    /// What a member of something in this place is.
    pub(super) fn inner(self, key: &str, spoken: Spoken) -> Self {
        match self {
            Self::Outside => outermost(key, spoken),
            Self::Said => within(key),
            Self::Arguments => Self::Free,
            // The seal itself is no text.
            Self::Sealed if within(key) == Self::Skipped => Self::Skipped,
            other @ (Self::Skipped | Self::Free | Self::Sealed) => other,
        }
    }
}

/// What goes on of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The body as it came.
    AsItCame,
    /// This instead.
    Anew(Vec<u8>),
    /// It is no JSON for us, so that not all of it was looked at; it may be some for others.
    Unread,
}

/// Looks at all texts of a body, and says what goes on. Names given to what is masked do not occur in `held`,
/// which is the body itself, or what it becomes a part of.
///
/// # Errors
/// When a guard ends it.
pub fn pass(
    watch: &Watch,
    spoken: Spoken,
    body: &[u8],
    held: &[u8],
    memory: &mut Memory,
) -> Result<Passed, Blocked> {
    memory.begin();
    let places = vec![Place::Outside];
    let counted = watch.counts().then_some(0);
    let mut walk = Body { watch, spoken, held, memory, places, name: String::new(), at: 0, counted };
    let anew = json::rewrite(body, &mut walk);
    let (mut at, counted) = (walk.at, walk.counted);
    if let Some(tokens) = counted.filter(|_| memory.blocked.is_none()) {
        watch.judge_tokens(tokens, |guard, rule| memory.note(guard, rule, watch.direction));
        // They have no place but the whole.
        at = 0;
    }
    match &memory.blocked {
        Some((guard, rule)) => {
            let place = json::place_of(body, at + 1);
            Err(Blocked { guard: Arc::clone(guard), rule: Arc::clone(rule), place })
        }
        None => Ok(match anew {
            Ok(None) => Passed::AsItCame,
            Ok(Some(anew)) if spoken == Spoken::Answered => Passed::Anew(withheld(anew)),
            Ok(Some(anew)) => Passed::Anew(anew),
            Err(_) => Passed::Unread,
        }),
    }
}

struct Body<'a> {
    watch: &'a Watch,
    spoken: Spoken,
    held: &'a [u8],
    memory: &'a mut Memory,
    places: Vec<Place>,
    /// The name of the member that began last where names are a tool's.
    name: String,
    /// Where the text begins that was looked at last.
    at: usize,
    /// How many tokens there were so far, where somebody wants to know.
    counted: Option<u64>,
}

impl Body<'_> {
    fn place(&self) -> Place {
        self.places.last().copied().unwrap_or(Place::Skipped)
    }
}

impl Texts for Body<'_> {
    fn enter(&mut self, key: &str) {
        let place = self.place().inner(key, self.spoken);
        if place == Place::Free {
            self.name.clear();
            self.name.push_str(key);
        }
        self.places.push(place);
    }

    fn leave(&mut self) {
        self.places.pop();
    }

    fn takes(&self) -> bool {
        self.place() != Place::Skipped && self.memory.blocked.is_none()
    }

    fn text(&mut self, at: usize, text: &str) -> Option<String> {
        let form = match self.place() {
            Place::Sealed => Form::Sealed,
            Place::Arguments if text.trim_start().starts_with(['{', '[']) => Form::Json,
            _ => Form::Plain,
        };
        if is_packed(text) {
            return None;
        }
        self.at = at;
        if let Some(tokens) = &mut self.counted {
            *tokens += estimate::tokens(text);
        }
        sift(self.watch, form, text, self.held, self.memory)
    }

    fn number(&mut self, at: usize, number: &str) -> Option<String> {
        // Elsewhere they are the dialect's own.
        if self.place() != Place::Free {
            return None;
        }
        self.at = at;
        sift_number(self.watch, &self.name, number, self.held, self.memory)
    }
}

/// What an outermost member is: what is said, but for names, settings and what else is no text.
fn outermost(key: &str, spoken: Spoken) -> Place {
    match key {
        // Settings of requests, and what is said in answers.
        "reasoning" | "thinking" if spoken == Spoken::Asked => Place::Skipped,
        "arguments" => Place::Arguments,
        // A request in a request.
        "generateContentRequest" | "generate_content_request" => Place::Outside,
        "user"
        | "stream"
        | "stop"
        | "stop_sequences"
        | "functions"
        | "function_call"
        | "response_format"
        | "reasoning_effort"
        | "verbosity"
        | "modalities"
        | "truncation"
        | "truncate"
        | "include"
        | "conversation"
        | "background"
        | "store"
        | "prompt_cache_key"
        | "prompt_cache_retention"
        | "safety_identifier"
        | "user_id"
        | "logit_bias"
        | "voice"
        | "size"
        | "quality"
        | "style"
        | "language"
        | "encoding_format"
        | "embedding_types"
        | "input_type"
        | "task"
        | "taskType"
        | "output_format"
        | "output_config"
        | "mcp_servers"
        | "betas"
        | "anthropic_version"
        | "anthropic_beta"
        | "context_management"
        | "generationConfig"
        | "generation_config"
        | "safetySettings"
        | "safety_settings"
        | "toolConfig"
        | "tool_config"
        | "cachedContent"
        | "cached_content"
        | "labels"
        | "modelId"
        | "inferenceConfig"
        | "additionalModelRequestFields"
        | "additionalModelResponseFieldPaths"
        | "guardrailConfig"
        | "performanceConfig"
        | "requestMetadata"
        | "serviceTier"
        | "options"
        | "keep_alive"
        | "images"
        | "provider"
        | "models"
        | "route"
        | "transforms"
        | "plugins"
        | "connectors"
        | "safety_mode"
        | "endpoint"
        | "completion_window"
        | "input_file_id"
        | "training_file"
        | "purpose"
        | "custom_id"
        | "event_id" | "system_fingerprint" | "done_reason" | "createTime" | "partial_image_b64"
        // It hides how long Bedrock's events are.
        | "p" => Place::Skipped,
        // A string is of one dialect, an object of another.
        "thinking" | "input" | "parameters" | "data" | "outputs" | "variables" => Place::Said,
        _ => within(key),
    }
}

/// What a member within is.
fn within(key: &str) -> Place {
    match key {
        "type"
        | "role"
        | "id"
        | "call_id"
        | "tool_call_id"
        | "tool_use_id"
        | "toolUseId"
        | "item_id"
        | "name"
        | "model"
        | "bytes"
        | "url"
        | "uri"
        | "image_url"
        | "file_url"
        | "fileUri"
        | "file_uri"
        | "file_id"
        | "file_data"
        | "b64_json"
        | "bytesBase64Encoded"
        | "signature"
        | "encrypted_content"
        | "thoughtSignature"
        | "thought_signature"
        | "redactedContent"
        | "media_type"
        | "mime_type"
        | "mimeType"
        | "format"
        | "status"
        | "detail"
        | "cache_control"
        | "object"
        | "finish_reason"
        | "finishReason"
        | "stop_reason"
        | "stopReason"
        | "service_tier"
        | "cachePoint"
        | "response_id"
        | "previous_response_id"
        | "container"
        | "tools"
        | "tool_choice"
        | "usage"
        | "metadata"
        | "logprobs"
        | "created_at"
        | "obfuscation"
        | "safetyRatings"
        | "modelVersion"
        | "responseId" => Place::Skipped,
        "thinking" | "reasoningText" | "reasoningContent" => Place::Sealed,
        "arguments" | "partial_json" => Place::Arguments,
        "input" | "args" | "json" | "parameters" | "functionResponse" | "function_response" | "variables"
        | "promptVariables" | "data" | "outputs" => Place::Free,
        _ => Place::Said,
    }
}

/// Whether this is base64 of something large, which holds no words, in one line or in lines as they are
/// wrapped; or an address that holds such.
pub(super) fn is_packed(text: &str) -> bool {
    const LARGE: usize = 512;
    /// Base64 is wrapped at 64 bytes or more; shorter lines are a list.
    const LINE: usize = 60;
    let behind_head = text.strip_prefix("data:").and_then(|address| address.split_once(','));
    let packed = match behind_head {
        Some((head, packed)) if head.ends_with(";base64") && !head.contains(char::is_whitespace) => packed,
        Some(_) | None => text,
    };
    let is_packed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
    let mut line = 0;
    let whole = packed.trim_ascii_end().bytes().all(|byte| match byte {
        b'\r' => true,
        b'\n' => std::mem::take(&mut line) >= LINE,
        byte => {
            line += 1;
            is_packed(byte)
        }
    });
    whole && packed.len() > LARGE
}

#[cfg(test)]
mod tests {
    use super::super::detector::Wanted;
    use super::super::rule::{Action, Asker, Direction, Guard};
    use super::*;

    fn watch(action: Action) -> Watch {
        let guard = Guard::new("pii", Wanted::PII, action);
        let asker = Asker { key: "", owner: "", model: "m" };
        Watch::over(&[Arc::new(guard)], Direction::Request, &asker, |a, b| a == b, &[]).unwrap()
    }

    fn masked(body: &str) -> Option<String> {
        let (body, memory) = (body.as_bytes(), &mut Memory::default());
        match pass(&watch(Action::Mask), Spoken::Asked, body, body, memory).unwrap() {
            Passed::Anew(anew) => Some(String::from_utf8(anew).unwrap()),
            Passed::AsItCame | Passed::Unread => None,
        }
    }

    #[test]
    fn what_only_others_can_read_is_no_body_that_was_looked_at() {
        let deep = format!("{{\"input\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for body in ["\u{feff}{\"input\":\"x\"}", "{\"a\":NaN}", "{\"a\":1} {}", "no JSON", &deep] {
            let (bytes, memory) = (body.as_bytes(), &mut Memory::default());
            let passed = pass(&watch(Action::Mask), Spoken::Asked, bytes, bytes, memory);
            assert_eq!(passed, Ok(Passed::Unread), "{body}");
        }
    }

    /// Each place in which a client of each dialect says something, and each that it must not touch.
    #[test]
    fn texts_are_found_in_every_dialect() {
        for (body, times) in [
            // Chat completions.
            (
                r#"{"model":"a@b.co","user":"a@b.co","messages":[{"role":"user","name":"a@b.co","content":"x a@b.co"},{"role":"user","content":[{"type":"text","text":"a@b.co"},{"type":"image_url","image_url":{"url":"https://a@b.co/"}}]},{"role":"assistant","tool_calls":[{"id":"a@b.co","type":"function","function":{"name":"f","arguments":"{\"to\":\"\\na@b.co\"}"}}]},{"role":"tool","tool_call_id":"c","content":"a@b.co"}]}"#,
                4,
            ),
            // Responses.
            (
                r#"{"instructions":"a@b.co","input":[{"role":"user","content":[{"type":"input_text","text":"a@b.co"}]},{"type":"function_call","call_id":"a@b.co","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"a@b.co"}],"metadata":{"a":"a@b.co"}}"#,
                3,
            ),
            (r#"{"input":"a@b.co"}"#, 1),
            // Messages.
            (
                r#"{"system":[{"type":"text","text":"a@b.co"}],"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a@b.co","signature":"a@b.co"},{"type":"tool_use","id":"t","name":"f","input":{"type":"a@b.co","id":"a@b.co","list":["a@b.co"]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"a@b.co"}]}]}]}"#,
                5,
            ),
            // Gemini.
            (
                r#"{"systemInstruction":{"parts":[{"text":"a@b.co"}]},"contents":[{"parts":[{"text":"a@b.co"},{"functionCall":{"name":"f","args":{"name":"a@b.co"}}},{"functionResponse":{"name":"f","response":{"url":"a@b.co"}}}]}]}"#,
                4,
            ),
            // Converse.
            (
                r#"{"system":[{"text":"a@b.co"}],"messages":[{"role":"user","content":[{"text":"a@b.co"},{"toolResult":{"toolUseId":"t","content":[{"json":{"type":"a@b.co"}}]}}]}]}"#,
                3,
            ),
            // Completions, Ollama, Cohere, embeddings, orders.
            (r#"{"prompt":"a@b.co","suffix":"a@b.co"}"#, 2),
            (
                r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"id":"a@b.co"}}}]}]}"#,
                1,
            ),
            (r#"{"query":"a@b.co","documents":["a@b.co",{"text":"a@b.co"}]}"#, 3),
            (r#"{"input":["a@b.co","none"]}"#, 1),
            // What is less usual, or new.
            (
                r#"{"prompt":{"id":"a@b.co","variables":{"name":"a@b.co","to":{"type":"input_text","text":"a@b.co"}}}}"#,
                2,
            ),
            (r#"{"prediction":{"type":"content","content":"a@b.co"},"whatever":"a@b.co"}"#, 2),
            (
                r#"{"generateContentRequest":{"model":"a@b.co","contents":[{"parts":[{"text":"a@b.co"}]}],"generationConfig":{"x":"a@b.co"}}}"#,
                1,
            ),
            (r#"{"instances":[{"content":"a@b.co"}],"inputText":"a@b.co","template":"a@b.co"}"#, 3),
            (
                r#"{"documents":[{"id":"a@b.co","data":{"id":"a@b.co","title":"a@b.co"}}],"tool_results":[{"call":{"name":"a@b.co","parameters":{"name":"a@b.co"}},"outputs":[{"url":"a@b.co"}]}]}"#,
                4,
            ),
            (r#"["a@b.co"]"#, 1),
        ] {
            let anew = masked(body).unwrap_or_default();
            assert_eq!(anew.matches("[EMAIL]").count(), times, "{anew}");
        }
    }

    #[test]
    fn answers_are_looked_at_whole_and_what_is_sealed_stays() {
        let guard = Guard::new("pii", Wanted::PII, Action::Mask);
        let asker = Asker { key: "", owner: "", model: "m" };
        let watch = Watch::over(&[Arc::new(guard)], Direction::Answer, &asker, |a, b| a == b, &[]).unwrap();
        let masked = |body: &str| {
            let mut memory = Memory::default();
            let passed = pass(&watch, Spoken::Answered, body.as_bytes(), b"", &mut memory).unwrap();
            let times: u32 = memory.verdicts.iter().map(|verdict| verdict.count).sum();
            let Passed::Anew(anew) = passed else { return (None, times) };
            (Some(String::from_utf8(anew).unwrap()), times)
        };
        let said = |body: &str| masked(body).0.unwrap();
        assert_eq!(
            said(r#"{"type":"response.code_interpreter_call_code.done","item_id":"a@b.co","code":"a@b.co"}"#),
            r#"{"type":"response.code_interpreter_call_code.done","item_id":"a@b.co","code":"[EMAIL]"}"#
        );
        assert_eq!(
            said(
                r#"{"text":"a@b.co","segments":[{"id":0,"text":"a@b.co"}],"words":[{"word":"a@b.co","start":0}]}"#
            ),
            r#"{"text":"[EMAIL]","segments":[{"id":0,"text":"[EMAIL]"}],"words":[{"word":"[EMAIL]","start":0}]}"#
        );
        assert_eq!(said(r#"{"response":"","thinking":"a@b.co"}"#), r#"{"response":"","thinking":"[EMAIL]"}"#);
        let chosen = r#"{"choices":[{"message":{"content":"a@b.co"},"logprobs":{"content":[{"token":"a@b","top_logprobs":[]}]}}]}"#;
        assert_eq!(said(chosen), r#"{"choices":[{"message":{"content":"[EMAIL]"},"logprobs":null}]}"#);
        let listed =
            r#"{"output":[{"content":[{"text":"a@b.co","logprobs":[{"token":"a@b"}]}]}],"top_logprobs":2}"#;
        assert_eq!(
            said(listed),
            r#"{"output":[{"content":[{"text":"[EMAIL]","logprobs":[]}]}],"top_logprobs":2}"#
        );
        let sealed = r#"{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"a@b.co","signature":"a@b.co"}}},{"reasoningContent":{"text":"a@b.co"}}]}}}"#;
        assert_eq!(masked(sealed), (None, 2));
    }

    #[test]
    fn numbers_that_a_tool_is_told_are_looked_at_and_no_others() {
        let body = r#"{"messages":[{"n":4111111111111111,"tool_calls":[{"function":{"arguments":{"phone":5552345678,"of":[4111111111111111,1]}}}]}],"seed":4111111111111111}"#;
        let expected = r#"{"messages":[{"n":4111111111111111,"tool_calls":[{"function":{"arguments":{"phone":"[PHONE]","of":["[CARD]",1]}}}]}],"seed":4111111111111111}"#;
        assert_eq!(masked(body).as_deref(), Some(expected));
    }

    #[test]
    fn a_body_in_which_nothing_is_found_stays_as_it_is() {
        assert_eq!(masked(r#"{"messages":[{"content":"\u0048ello \/ there"}]}"#), None);
        assert_eq!(masked("no JSON a@b.co"), None);
        let packed = format!(
            r#"{{"messages":[{{"content":[{{"source":{{"data":"{}"}}}}]}}]}}"#,
            "4111111111111111".repeat(99)
        );
        assert_eq!(masked(&packed), None);
    }

    #[test]
    fn words_that_only_begin_like_what_is_packed_are_looked_at() {
        let said = |text: &str| {
            let body = format!(r#"{{"input":{}}}"#, json::string(text));
            masked(&body).unwrap_or_default().matches("[EMAIL]").count()
        };
        assert_eq!(said("data: write to a@b.co"), 1);
        assert_eq!(said("data:image/png;base64,a@b.co"), 1);
        assert_eq!(said(&format!("data:;base64,{} a@b.co", "QUJD".repeat(200))), 1);
        assert_eq!(said(&format!("{} a@b.co", "a".repeat(513))), 1);
        let is = |text: &str| is_packed(text);
        assert!(is(&"QUJD".repeat(200)) && is(&format!("data:image/png;base64,{}", "QUJD".repeat(200))));
        assert!(is(&format!("{}\r\n", "QUJD".repeat(19)).repeat(9)));
        assert!(!is(&"4111111111111111\n".repeat(99)), "a column of cards");
        assert!(!is("QUJD") && !is(&format!("data:text/plain,{}", "QUJD".repeat(200))));
    }

    #[test]
    fn a_block_says_where_and_by_which_rule() {
        let body = br#"{"messages":[{"role":"user","content":"hi"},{"role":"user","content":"to a@b.co"}]}"#;
        let memory = &mut Memory::default();
        let blocked = pass(&watch(Action::Block), Spoken::Asked, body, body, memory).unwrap_err();
        assert_eq!((&*blocked.guard, &*blocked.rule), ("pii", "email"));
        assert_eq!(blocked.place, "messages[1].content");
    }
}
