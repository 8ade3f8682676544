//! An answer of Ollama's: one object, or one a line.

use serde_json::Value;

use super::Form;
use crate::mock::play::Frames;
use crate::mock::say::prose::Pieces;
use crate::mock::say::{Answer, Block, Call, Finish, quote};

/// What the answer depends on besides what is said.
pub(super) struct Shape<'a> {
    pub(super) form: Form,
    pub(super) model: &'a str,
    /// Tokens of the prompt, where they are told.
    pub(super) prompt: Option<usize>,
    pub(super) logprobs: bool,
}

impl Shape<'_> {
    /// An object up to where its words stand.
    fn lead(&self) -> String {
        format!(r#"{{"model":{},"created_at":"2025-10-17T23:14:07.414671Z""#, quote(self.model))
    }

    fn words(&self, text: &str, thinking: &str, calls: &[String]) -> String {
        let text = quote(text);
        let thinking =
            if thinking.is_empty() { String::new() } else { format!(r#","thinking":{}"#, quote(thinking)) };
        match self.form {
            Form::Generate => format!(r#""response":{text}{thinking}"#),
            Form::Chat => {
                let calls = if calls.is_empty() {
                    String::new()
                } else {
                    format!(r#","tool_calls":[{}]"#, calls.join(","))
                };
                format!(r#""message":{{"role":"assistant","content":{text}{thinking}{calls}}}"#)
            }
        }
    }

    fn end(&self, answer: &Answer) -> String {
        let reason = match &answer.finish {
            Finish::Stop | Finish::StopString(_) | Finish::Tools => "stop",
            Finish::Length => "length",
            Finish::Scripted(word) => word,
        };
        let prompt = self.prompt.map_or(String::new(), |tokens| format!(r#""prompt_eval_count":{tokens},"#));
        let count = match self.prompt {
            Some(_) => format!(r#""eval_count":{},"#, answer.tokens()),
            None => String::new(),
        };
        let context = if self.form == Form::Generate { r#","context":[128006,882,128007]"# } else { "" };
        format!(
            r#""done":true,"done_reason":{}{context},"total_duration":174560334,"load_duration":101397084,{prompt}"prompt_eval_duration":13074791,{count}"eval_duration":52479709"#,
            quote(reason)
        )
    }

    fn logprobs(&self, text: &str) -> String {
        if !self.logprobs || text.is_empty() {
            return String::new();
        }
        let bytes: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
        format!(
            r#","logprobs":[{{"token":{},"logprob":-0.0125,"bytes":[{}]}}]"#,
            quote(text),
            bytes.join(",")
        )
    }
}

fn call(call: &Call) -> String {
    format!(r#"{{"function":{{"name":{},"arguments":{}}}}}"#, quote(&call.name), call.arguments.text)
}

/// The whole reply.
pub(super) fn whole(shape: &Shape<'_>, answer: &Answer) -> String {
    let calls: Vec<_> = answer.calls().map(call).collect();
    let thinking = answer.reasoning.as_ref().map_or("", |pieces| &pieces.text);
    let text = answer.text();
    format!(
        "{},{}{},{}}}",
        shape.lead(),
        shape.words(&text, thinking, &calls),
        shape.logprobs(&text),
        shape.end(answer)
    )
}

const GOES_ON: &str = r#","done":false"#;

/// The reply as lines.
pub(super) fn stream(shape: &Shape<'_>, answer: &Answer) -> Frames {
    let mut frames = Frames::default();
    let mut line = |words: String, tokens: usize, rest: &str| {
        let line = format!("{},{words}{rest}}}\n", shape.lead());
        frames.bytes.extend_from_slice(line.as_bytes());
        frames.mark(tokens);
    };
    for (text, tokens) in answer.reasoning.iter().flat_map(Pieces::strides) {
        line(shape.words("", text, &[]), tokens, GOES_ON);
    }
    for block in &answer.blocks {
        match block {
            Block::Text(pieces) => {
                for (text, tokens) in pieces.strides() {
                    line(shape.words(text, "", &[]), tokens, &format!("{}{GOES_ON}", shape.logprobs(text)));
                }
            }
            Block::Call(made) => {
                let tokens = made.arguments.len() + 4;
                line(shape.words("", "", &[call(made)]), tokens, GOES_ON);
            }
        }
    }
    line(shape.words("", "", &[]), 0, &format!(",{}", shape.end(answer)));
    frames
}

/// What is said of a model that was loaded, or let go of.
pub(super) fn loaded(form: Form, body: &Value) -> String {
    let shape =
        Shape { form, model: body["model"].as_str().unwrap_or_default(), prompt: None, logprobs: false };
    let reason = if body["keep_alive"] == 0 { "unload" } else { "load" };
    format!(r#"{},{},"done":true,"done_reason":"{reason}"}}"#, shape.lead(), shape.words("", "", &[]))
}
