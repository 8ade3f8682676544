//! An answer of Cohere's: one object, or events about it.

use crate::mock::World;
use crate::mock::play::Frames;
use crate::mock::say::prose::Pieces;
use crate::mock::say::{Answer, Block, Call, Finish, quote};

/// What the answer depends on besides what is said.
pub(super) struct Shape {
    /// Tokens of the prompt, where they are told.
    pub(super) prompt: Option<usize>,
    pub(super) logprobs: bool,
    /// Its first word is taken from a document.
    pub(super) cites: bool,
}

/// Tokens of the templates, which are not billed.
const TEMPLATES: usize = 495;

impl Shape {
    fn usage(&self, answer: &Answer) -> String {
        let Some(prompt) = self.prompt else { return String::new() };
        let (output, read) = (answer.tokens(), prompt + TEMPLATES);
        format!(
            r#","usage":{{"billed_units":{{"input_tokens":{prompt},"output_tokens":{output}}},"tokens":{{"input_tokens":{read},"output_tokens":{output}}},"cached_tokens":0}}"#
        )
    }
}

fn finish(finish: &Finish) -> &str {
    match finish {
        Finish::Stop => "COMPLETE",
        Finish::StopString(_) => "STOP_SEQUENCE",
        Finish::Length => "MAX_TOKENS",
        Finish::Tools => "TOOL_CALL",
        Finish::Scripted(word) => word,
    }
}

fn citation(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    format!(
        r#"{{"start":0,"end":{},"text":{},"sources":[{{"type":"document","id":"doc:0","document":{{"id":"doc:0","title":"Mocks","snippet":"A mock says so."}}}}],"content_index":0,"type":"TEXT_CONTENT"}}"#,
        word.chars().count(),
        quote(word)
    )
}

fn chance(text: &str) -> String {
    format!(r#"{{"token_ids":[{}],"text":{},"logprobs":[-0.0125]}}"#, text.len(), quote(text))
}

fn call(call: &Call, arguments: &str, world: &World) -> String {
    format!(
        r#"{{"id":"{}","type":"function","function":{{"name":{},"arguments":{}}}}}"#,
        world.id(&format!("{}_", call.name), 12),
        quote(&call.name),
        quote(arguments)
    )
}

/// The whole reply. What is said beside calls is the plan of those.
pub(super) fn whole(shape: &Shape, answer: &Answer, world: &World) -> String {
    let calls: Vec<_> = answer.calls().map(|made| call(made, &made.arguments.text, world)).collect();
    let mut parts = Vec::new();
    if let Some(thought) = &answer.reasoning {
        parts.push(format!(r#"{{"type":"thinking","thinking":{}}}"#, quote(&thought.text)));
    }
    let text = answer.text();
    let mut rest = String::new();
    if calls.is_empty() {
        parts.push(format!(r#"{{"type":"text","text":{}}}"#, quote(&text)));
        if shape.cites {
            rest = format!(r#","citations":[{}]"#, citation(&text));
        }
    } else {
        rest = format!(r#","tool_plan":{},"tool_calls":[{}]"#, quote(&text), calls.join(","));
    }
    let parts = if parts.is_empty() { String::new() } else { format!(r#","content":[{}]"#, parts.join(",")) };
    let logprobs = if shape.logprobs && calls.is_empty() {
        format!(r#","logprobs":[{}]"#, chance(&text))
    } else {
        String::new()
    };
    format!(
        r#"{{"id":"{}","message":{{"role":"assistant"{parts}{rest}}},"finish_reason":{}{}{logprobs}}}"#,
        world.id("", 32),
        quote(finish(&answer.finish)),
        shape.usage(answer)
    )
}

struct Events {
    frames: Frames,
}

impl Events {
    fn say(&mut self, name: &str, rest: &str, tokens: usize) {
        let frame = format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
        self.frames.bytes.extend_from_slice(frame.as_bytes());
        self.frames.mark(tokens);
    }

    fn about(&mut self, name: &str, index: usize, message: &str, tokens: usize) {
        self.say(name, &format!(r#","index":{index},"delta":{{"message":{{{message}}}}}"#), tokens);
    }

    fn content(&mut self, index: usize, kind: &str, pieces: &Pieces, logprobs: bool) {
        let start = format!(r#""content":{{"type":"{kind}","{kind}":""}}"#);
        self.about("content-start", index, &start, 0);
        for (text, tokens) in pieces.strides() {
            let chances = if logprobs { format!(r#","logprobs":{}"#, chance(text)) } else { String::new() };
            let delta = format!(
                r#","index":{index},"delta":{{"message":{{"content":{{"{kind}":{}}}}}}}{chances}"#,
                quote(text)
            );
            self.say("content-delta", &delta, tokens);
        }
    }

    fn call(&mut self, index: usize, made: &Call, world: &World) {
        let start = format!(r#""tool_calls":{}"#, call(made, "", world));
        self.about("tool-call-start", index, &start, 4);
        for token in made.arguments.iter() {
            let grown = format!(r#""tool_calls":{{"function":{{"arguments":{}}}}}"#, quote(token));
            self.about("tool-call-delta", index, &grown, 1);
        }
        self.say("tool-call-end", &format!(r#","index":{index}"#), 0);
    }
}

/// The reply as events.
pub(super) fn stream(shape: &Shape, answer: &Answer, world: &World) -> Frames {
    let mut events = Events { frames: Frames::default() };
    let id = world.id("", 32);
    let start = format!(
        r#","id":"{id}","delta":{{"message":{{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}}"#
    );
    events.say("message-start", &start, 0);
    let mut index = 0;
    if let Some(thought) = &answer.reasoning {
        events.content(index, "thinking", thought, false);
        events.say("content-end", &format!(r#","index":{index}"#), 0);
        index += 1;
    }
    let planned = answer.calls().next().is_some();
    for block in &answer.blocks {
        let Block::Text(pieces) = block else { continue };
        if planned {
            for (text, tokens) in pieces.strides() {
                events.say(
                    "tool-plan-delta",
                    &format!(r#","delta":{{"message":{{"tool_plan":{}}}}}"#, quote(text)),
                    tokens,
                );
            }
        } else {
            events.content(index, "text", pieces, shape.logprobs);
            if shape.cites {
                let cited = format!(r#""citations":{}"#, citation(&pieces.text));
                events.about("citation-start", 0, &cited, 0);
                events.say("citation-end", r#","index":0"#, 0);
            }
            events.say("content-end", &format!(r#","index":{index}"#), 0);
            index += 1;
        }
    }
    for (index, made) in answer.calls().enumerate() {
        events.call(index, made, world);
    }
    let reason = quote(finish(&answer.finish));
    let end = format!(r#","delta":{{"finish_reason":{reason}{}}}"#, shape.usage(answer));
    events.say("message-end", &end, 0);
    events.frames.push("data: [DONE]\n\n");
    events.frames
}
