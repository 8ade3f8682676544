//! An answer as Converse gives it, or as the messages of its stream.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Form;
use super::model::Model;
use crate::mock::World;
use crate::mock::anthropic::{redacted, signature};
use crate::mock::play::Frames;
use crate::mock::say::{Answer, Block, Finish, quote};
use crate::wire::event_stream::{self, Kind};

/// The whole reply.
pub(super) fn whole(form: &Form, answer: &Answer, world: &World) -> Vec<u8> {
    let mut blocks = Vec::new();
    if let Some(thinking) = &answer.reasoning {
        blocks.push(if form.redacted {
            format!(
                r#"{{"reasoningContent":{{"redactedContent":"{}"}}}}"#,
                STANDARD.encode(redacted(thinking))
            )
        } else {
            let (text, signed) = (quote(&thinking.text), seal(form, &thinking.text));
            let signed = signed.map(|signed| format!(r#""signature":"{signed}","#)).unwrap_or_default();
            format!(r#"{{"reasoningContent":{{"reasoningText":{{{signed}"text":{text}}}}}}}"#)
        });
    }
    for block in &answer.blocks {
        blocks.push(match block {
            Block::Text(pieces) if pieces.text.is_empty() => continue,
            Block::Text(pieces) if form.citations => {
                let (text, citation) = (quote(&pieces.text), citation(&pieces.text));
                format!(
                    r#"{{"citationsContent":{{"citations":[{citation}],"content":[{{"text":{text}}}]}}}}"#
                )
            }
            Block::Text(pieces) => format!(r#"{{"text":{}}}"#, quote(&pieces.text)),
            Block::Call(call) => format!(
                r#"{{"toolUse":{{"input":{},"name":{},"toolUseId":"{}"}}}}"#,
                call.arguments.text,
                quote(&call.name),
                world.id("tooluse_", 22)
            ),
        });
    }
    let (reason, extra) = finish(form, &answer.finish);
    let usage =
        if form.no_usage { String::new() } else { format!(r#","usage":{}"#, usage(form, answer.tokens())) };
    let tier = tier(form);
    format!(
        r#"{{"metrics":{{"latencyMs":412}},"output":{{"message":{{"content":[{}],"role":"assistant"}}}}{extra},"stopReason":{reason}{usage}{tier}}}"#,
        blocks.join(",")
    )
    .into_bytes()
}

/// The seal of a thought; only Claude seals its own.
fn seal(form: &Form, thought: &str) -> Option<String> {
    Model(&form.ask.model).is_claude().then(|| signature(thought))
}

/// The reply as a stream.
pub(super) fn stream(form: &Form, answer: &Answer, world: &World) -> Frames {
    let mut events = Events { frames: Frames::default(), index: 0, world };
    events.event("messageStart", r#""role":"assistant""#, 0);
    if let Some(thinking) = &answer.reasoning {
        if form.redacted {
            let data = STANDARD.encode(redacted(thinking));
            events.delta(&format!(r#"{{"reasoningContent":{{"redactedContent":"{data}"}}}}"#), 1);
        } else {
            for token in thinking.iter() {
                events.delta(&format!(r#"{{"reasoningContent":{{"text":{}}}}}"#, quote(token)), 1);
            }
            if let Some(signed) = seal(form, &thinking.text) {
                events.delta(&format!(r#"{{"reasoningContent":{{"signature":"{signed}"}}}}"#), 0);
            }
        }
        events.stop();
    }
    for block in &answer.blocks {
        match block {
            Block::Text(pieces) if pieces.text.is_empty() => {}
            // No text is announced, it is just said.
            Block::Text(pieces) => {
                for (text, tokens) in pieces.strides() {
                    events.delta(&format!(r#"{{"text":{}}}"#, quote(text)), tokens);
                }
                if form.citations {
                    events.delta(&format!(r#"{{"citation":{}}}"#, citation(&pieces.text)), 0);
                }
                events.stop();
            }
            Block::Call(call) => {
                let (id, name) = (world.id("tooluse_", 22), quote(&call.name));
                let start = format!(
                    r#""contentBlockIndex":{},"start":{{"toolUse":{{"name":{name},"toolUseId":"{id}"}}}}"#,
                    events.index
                );
                events.event("contentBlockStart", &start, 4);
                // Without arguments the service says nothing, or "".
                if call.arguments.text == "{}" {
                    events.delta(r#"{"toolUse":{"input":""}}"#, 0);
                } else {
                    for token in call.arguments.iter() {
                        events.delta(&format!(r#"{{"toolUse":{{"input":{}}}}}"#, quote(token)), 1);
                    }
                }
                events.stop();
            }
        }
    }
    let (reason, extra) = finish(form, &answer.finish);
    let extra = extra.trim_start_matches(',');
    let extra = if extra.is_empty() { String::new() } else { format!("{extra},") };
    events.event("messageStop", &format!(r#"{extra}"stopReason":{reason}"#), 0);
    let usage =
        if form.no_usage { String::new() } else { format!(r#","usage":{}"#, usage(form, answer.tokens())) };
    events.event("metadata", &format!(r#""metrics":{{"latencyMs":412}}{usage}{}"#, tier(form)), 0);
    events.frames
}

/// What ends a stream that fails on its way.
pub(in crate::mock) fn exception(name: &str, message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    event_stream::write(&mut out, Kind::Exception(name), |out| {
        out.extend_from_slice(format!(r#"{{"message":{}}}"#, quote(message)).as_bytes());
    });
    out
}

/// A stream being written.
struct Events<'a> {
    frames: Frames,
    index: usize,
    world: &'a World,
}

impl Events<'_> {
    /// One event of these members, and of padding, which keeps the lengths of words from those who
    /// watch the line.
    fn event(&mut self, name: &str, members: &str, tokens: usize) {
        const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let length = usize::try_from(self.world.roll() % 62).unwrap_or(0) + 1;
        let padding = PADDING.get(..length).unwrap_or(PADDING);
        event_stream::write(&mut self.frames.bytes, Kind::Event(name), |out| {
            for part in ["{", members, ",\"p\":\"", padding, "\"}"] {
                out.extend_from_slice(part.as_bytes());
            }
        });
        self.frames.mark(tokens);
    }

    fn delta(&mut self, delta: &str, tokens: usize) {
        let members = format!(r#""contentBlockIndex":{},"delta":{delta}"#, self.index);
        self.event("contentBlockDelta", &members, tokens);
    }

    fn stop(&mut self) {
        self.event("contentBlockStop", &format!(r#""contentBlockIndex":{}"#, self.index), 0);
        self.index += 1;
    }
}

fn usage(form: &Form, output: usize) -> String {
    let cached = form.cached;
    let written = cached.write_5m + cached.write_1h;
    let total = cached.rest + cached.read + written + output;
    let details: Vec<String> = [("5m", cached.write_5m), ("1h", cached.write_1h)]
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(ttl, tokens)| format!(r#"{{"inputTokens":{tokens},"ttl":"{ttl}"}}"#))
        .collect();
    let details = match details.as_slice() {
        [] => String::new(),
        details => format!(r#","cacheDetails":[{}]"#, details.join(",")),
    };
    format!(
        r#"{{"cacheReadInputTokens":{},"cacheWriteInputTokens":{written}{details},"inputTokens":{},"outputTokens":{output},"serverToolUsage":{{}},"totalTokens":{total}}}"#,
        cached.read, cached.rest
    )
}

fn tier(form: &Form) -> String {
    form.tier
        .as_ref()
        .map_or_else(String::new, |tier| format!(r#","serviceTier":{{"type":{}}}"#, quote(tier)))
}

fn citation(text: &str) -> String {
    let cited: String = text.chars().take(16).collect();
    let end = cited.chars().count();
    format!(
        r#"{{"location":{{"documentChar":{{"documentIndex":0,"end":{end},"start":0}}}},"sourceContent":[{{"text":{}}}],"title":"Mock document"}}"#,
        quote(&cited)
    )
}

/// The stop reason, and the members that say which stop string was hit.
fn finish(form: &Form, finish: &Finish) -> (String, String) {
    let word = match finish {
        Finish::Stop => "end_turn",
        Finish::StopString(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        Finish::Scripted(word) if word == "content_filter" => "content_filtered",
        Finish::Scripted(word) => word,
    };
    let extra = match finish {
        Finish::StopString(found) if form.tells_stop => {
            format!(r#","additionalModelResponseFields":{{"stop_sequence":{}}}"#, quote(found))
        }
        _ => String::new(),
    };
    (quote(word), extra)
}
