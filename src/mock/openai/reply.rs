//! An answer as a chat completion, or as a stream of chunks.

use super::{Form, Vendor};
use crate::mock::play::Frames;
use crate::mock::say::{Answer, Block, Call, Finish, quote, quote_into};
use crate::mock::{World, unix_now};

const REFUSED: &str = "I'm sorry, but I can't help with that.";
const SAFE: &str = r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;

/// The whole reply.
pub(super) fn whole(form: &Form, answer: &Answer, world: &World) -> Vec<u8> {
    let mut out = Vec::with_capacity(answer.text().len() + 1024);
    out.extend_from_slice(lead(form, world, "chat.completion").as_bytes());
    for index in 0..form.choices {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!(r#"{{"index":{index},"message":"#).as_bytes());
        message(&mut out, form, answer, world);
        out.extend_from_slice(br#","logprobs":"#);
        out.extend_from_slice(logprobs(form, &answer.text()).as_bytes());
        let finish = finish(form, &answer.finish);
        out.extend_from_slice(format!(r#","finish_reason":{finish}"#).as_bytes());
        if form.vendor == Vendor::Azure {
            out.extend_from_slice(format!(r#","content_filter_results":{SAFE}"#).as_bytes());
        }
        out.push(b'}');
    }
    out.push(b']');
    if !form.no_usage {
        out.extend_from_slice(br#","usage":"#);
        out.extend_from_slice(usage(form, answer).as_bytes());
    }
    if form.vendor == Vendor::Azure {
        let filtered = format!(r#"{{"prompt_index":0,"content_filter_results":{SAFE}}}"#);
        out.extend_from_slice(format!(r#","prompt_filter_results":[{filtered}]"#).as_bytes());
    }
    out.push(b'}');
    out
}

/// The reply as a stream.
pub(super) fn stream(form: &Form, answer: &Answer, world: &World) -> Frames {
    let mut chunks = Chunks {
        frames: Frames::default(),
        lead: format!("data: {}", lead(form, world, "chat.completion.chunk")),
        tail: if form.include_usage { ",\"usage\":null}\n\n" } else { "}\n\n" },
        form,
    };
    if form.vendor == Vendor::Azure {
        chunks.frames.push(&format!(
            "data: {{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\
             \"prompt_filter_results\":[{{\"prompt_index\":0,\"content_filter_results\":{SAFE}}}]}}\n\n"
        ));
    }
    let refused = is_refusal(&answer.finish);
    let opening = match answer.blocks.first() {
        Some(Block::Call(_)) => r#"{"role":"assistant","content":null}"#,
        _ if refused => r#"{"role":"assistant","content":null,"refusal":""}"#,
        _ => r#"{"role":"assistant","content":"","refusal":null}"#,
    };
    let shown = form.vendor == Vendor::Other;
    // Hidden reasoning takes its time before the first visible token.
    chunks.delta(opening, if shown { 0 } else { answer.reasoned() });
    let mut scratch = Vec::new();
    if let Some(reasoning) = answer.reasoning.as_ref().filter(|_| shown) {
        for (text, tokens) in reasoning.strides() {
            chunks.text(&mut scratch, r#"{"content":null,"reasoning_content":"#, text, tokens);
        }
    }
    let mut calls = 0;
    for block in &answer.blocks {
        match block {
            Block::Text(_) if refused => {
                for word in REFUSED.split_inclusive(' ') {
                    chunks.text(&mut scratch, r#"{"refusal":"#, word, 1);
                }
            }
            Block::Text(pieces) => {
                for (text, tokens) in pieces.strides() {
                    chunks.text(&mut scratch, r#"{"content":"#, text, tokens);
                }
            }
            Block::Call(call) => {
                chunks.call(call, calls, world);
                calls += 1;
            }
        }
    }
    if form.citations {
        chunks.delta(&format!(r#"{{"annotations":[{}]}}"#, citation()), 0);
    }
    chunks.finish(&finish(form, &answer.finish));
    if form.include_usage && !form.no_usage {
        let lead = &chunks.lead;
        let usage = format!("{lead}],\"usage\":{}}}\n\n", usage(form, answer));
        chunks.frames.push(&usage);
    }
    chunks.frames.push("data: [DONE]\n\n");
    chunks.frames
}

/// A stream being written.
struct Chunks<'a> {
    frames: Frames,
    /// Everything of a chunk up to the inside of `choices`.
    lead: String,
    tail: &'static str,
    form: &'a Form,
}

impl Chunks<'_> {
    /// One chunk per choice with this delta.
    fn delta(&mut self, delta: &str, tokens: usize) {
        self.chunk(delta.as_bytes(), "null", "null", tokens);
    }

    /// One chunk per choice whose delta is `opening`, then `text` as a string.
    fn text(&mut self, scratch: &mut Vec<u8>, opening: &str, text: &str, tokens: usize) {
        scratch.clear();
        scratch.extend_from_slice(opening.as_bytes());
        quote_into(scratch, text);
        scratch.push(b'}');
        if self.form.logprobs {
            let logprobs = logprobs(self.form, text);
            self.chunk(scratch, &logprobs, "null", tokens);
        } else {
            self.chunk(scratch, "null", "null", tokens);
        }
    }

    fn call(&mut self, call: &Call, index: usize, world: &World) {
        if self.form.older {
            self.delta(&format!("{{{}}}", older_call(&call.name, "")), 4);
            for token in call.arguments.iter() {
                self.delta(&format!(r#"{{"function_call":{{"arguments":{}}}}}"#, quote(token)), 1);
            }
            return;
        }
        let (id, name) = (world.id("call_", 24), quote(&call.name));
        self.delta(
            &format!(
                r#"{{"tool_calls":[{{"index":{index},"id":"{id}","type":"function","function":{{"name":{name},"arguments":""}}}}]}}"#
            ),
            4,
        );
        for token in call.arguments.iter() {
            let part = quote(token);
            self.delta(
                &format!(r#"{{"tool_calls":[{{"index":{index},"function":{{"arguments":{part}}}}}]}}"#),
                1,
            );
        }
    }

    fn finish(&mut self, finish: &str) {
        self.chunk(b"{}", "null", finish, 0);
    }

    fn chunk(&mut self, delta: &[u8], logprobs: &str, finish: &str, tokens: usize) {
        for index in 0..self.form.choices {
            let out = &mut self.frames.bytes;
            out.extend_from_slice(self.lead.as_bytes());
            out.extend_from_slice(br#"{"index":"#);
            out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
            out.extend_from_slice(br#","delta":"#);
            out.extend_from_slice(delta);
            out.extend_from_slice(br#","logprobs":"#);
            out.extend_from_slice(logprobs.as_bytes());
            out.extend_from_slice(br#","finish_reason":"#);
            out.extend_from_slice(finish.as_bytes());
            if self.form.vendor == Vendor::Azure {
                out.extend_from_slice(br#","content_filter_results":{}"#);
            }
            out.extend_from_slice(b"}]");
            out.extend_from_slice(self.tail.as_bytes());
            self.frames.mark(tokens);
        }
    }
}

/// A reply or chunk up to the inside of `choices`.
fn lead(form: &Form, world: &World, object: &str) -> String {
    let id = world.id("chatcmpl-", 29);
    let (created, model) = (unix_now(), quote(&form.ask.model));
    let tier = if form.vendor == Vendor::Other { "" } else { r#""service_tier":"default","# };
    format!(
        r#"{{"id":"{id}","object":"{object}","created":{created},"model":{model},{tier}"system_fingerprint":"fp_44709d6fcb","choices":["#
    )
}

fn message(out: &mut Vec<u8>, form: &Form, answer: &Answer, world: &World) {
    out.extend_from_slice(br#"{"role":"assistant","content":"#);
    let text = answer.text();
    let refused = is_refusal(&answer.finish);
    if refused || (text.is_empty() && answer.calls().next().is_some()) {
        out.extend_from_slice(b"null");
    } else {
        quote_into(out, &text);
    }
    if let (Some(reasoning), Vendor::Other) = (&answer.reasoning, form.vendor) {
        out.extend_from_slice(br#","reasoning_content":"#);
        quote_into(out, &reasoning.text);
    }
    let refusal = if refused { quote(REFUSED) } else { "null".to_owned() };
    out.extend_from_slice(format!(r#","refusal":{refusal}"#).as_bytes());
    if form.vendor != Vendor::Other || form.citations {
        let annotations = if form.citations { citation() } else { String::new() };
        out.extend_from_slice(format!(r#","annotations":[{annotations}]"#).as_bytes());
    }
    let calls: Vec<_> = answer.calls().map(|call| whole_call(call, world)).collect();
    if let Some(call) = answer.calls().next().filter(|_| form.older) {
        let call = older_call(&call.name, &call.arguments.text);
        out.extend_from_slice(format!(",{call}").as_bytes());
    } else if !calls.is_empty() {
        out.extend_from_slice(format!(r#","tool_calls":[{}]"#, calls.join(",")).as_bytes());
    }
    out.push(b'}');
}

fn whole_call(call: &Call, world: &World) -> String {
    let id = world.id("call_", 24);
    let (name, arguments) = (quote(&call.name), quote(&call.arguments.text));
    format!(r#"{{"id":"{id}","type":"function","function":{{"name":{name},"arguments":{arguments}}}}}"#)
}

/// A call as whoever asked with `functions` hears it, as a member.
fn older_call(name: &str, arguments: &str) -> String {
    format!(r#""function_call":{{"name":{},"arguments":{}}}"#, quote(name), quote(arguments))
}

fn citation() -> String {
    r#"{"type":"url_citation","url_citation":{"start_index":0,"end_index":12,"title":"Example","url":"https://example.com/source"}}"#.to_owned()
}

fn logprobs(form: &Form, text: &str) -> String {
    if !form.logprobs {
        return "null".to_owned();
    }
    let token = quote(text);
    let bytes: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    let bytes = bytes.join(",");
    format!(
        r#"{{"content":[{{"token":{token},"logprob":-0.0125,"bytes":[{bytes}],"top_logprobs":[]}}],"refusal":null}}"#
    )
}

fn usage(form: &Form, answer: &Answer) -> String {
    let (prompt, cached) = (form.ask.prompt, form.cached);
    let reasoning = answer.reasoned() * form.choices;
    let completion = answer.tokens() * form.choices;
    let total = prompt + completion;
    let extra = if form.vendor == Vendor::Other && form.ask.model.contains("deepseek") {
        let missed = prompt - cached;
        format!(r#","prompt_cache_hit_tokens":{cached},"prompt_cache_miss_tokens":{missed}"#)
    } else {
        String::new()
    };
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}{extra}}}"#
    )
}

fn is_refusal(finish: &Finish) -> bool {
    matches!(finish, Finish::Scripted(word) if word == "refusal")
}

fn finish(form: &Form, finish: &Finish) -> String {
    match finish {
        Finish::Tools if form.older => r#""function_call""#.to_owned(),
        Finish::Stop | Finish::StopString(_) => r#""stop""#.to_owned(),
        Finish::Length => r#""length""#.to_owned(),
        Finish::Tools => r#""tool_calls""#.to_owned(),
        Finish::Scripted(word) if word == "refusal" => r#""stop""#.to_owned(),
        Finish::Scripted(word) => quote(word),
    }
}
