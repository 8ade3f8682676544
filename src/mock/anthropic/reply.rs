//! An answer as a message, or as the events of one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Form;
use crate::mock::World;
use crate::mock::play::Frames;
use crate::mock::say::media::decode;
use crate::mock::say::prose::Pieces;
use crate::mock::say::{Answer, Block, Finish, fingerprint, quote, quote_into};

const SIGNED: &str = "mock-sig:";
const REDACTED: &str = "mock-redacted:";

/// The signature of a thinking block with this text.
pub(in crate::mock) fn signature(thinking: &str) -> String {
    STANDARD.encode(format!("{SIGNED}{:016x}", fingerprint(thinking)))
}

/// Whether this mock signed this text. A block whose text was left out counts by its signature alone.
pub(in crate::mock) fn is_signed(thinking: &str, signature: &str) -> bool {
    let decoded = decode(signature).and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.is_some_and(|decoded| match decoded.strip_prefix(SIGNED) {
        Some(hash) => thinking.is_empty() || hash == format!("{:016x}", fingerprint(thinking)),
        None => false,
    })
}

/// Whether `data` is of a redacted block that this mock sent.
pub(in crate::mock) fn is_redacted(data: &str) -> bool {
    decode(data).is_some_and(|bytes| bytes.starts_with(REDACTED.as_bytes()))
}

/// The data of a redacted block in place of this thinking.
pub(in crate::mock) fn redacted(thinking: &Pieces) -> String {
    STANDARD.encode(format!("{REDACTED}{:016x}", fingerprint(&thinking.text)))
}

/// The whole reply.
pub(super) fn whole(form: &Form, answer: &Answer, world: &World) -> Vec<u8> {
    let mut blocks = Vec::new();
    if let Some(thinking) = &answer.reasoning {
        blocks.push(if form.redacted {
            format!(r#"{{"type":"redacted_thinking","data":"{}"}}"#, redacted(thinking))
        } else {
            let text = if form.omitted { "" } else { &thinking.text };
            format!(
                r#"{{"type":"thinking","thinking":{},"signature":"{}"}}"#,
                quote(text),
                signature(&thinking.text)
            )
        });
    }
    for block in &answer.blocks {
        blocks.push(match block {
            // An answer of nothing has no blocks, as the service has it.
            Block::Text(pieces) if pieces.text.is_empty() => continue,
            Block::Text(pieces) if form.citations => format!(
                r#"{{"type":"text","text":{},"citations":[{}]}}"#,
                quote(&pieces.text),
                citation(&pieces.text)
            ),
            Block::Text(pieces) => format!(r#"{{"type":"text","text":{}}}"#, quote(&pieces.text)),
            Block::Call(call) => format!(
                r#"{{"type":"tool_use","id":"{}","name":{},"input":{}}}"#,
                world.id("toolu_01", 22),
                quote(&call.name),
                call.arguments.text
            ),
        });
    }
    let (reason, stop) = finish(&answer.finish);
    let usage = if form.no_usage {
        String::new()
    } else {
        format!(r#","usage":{}"#, usage(form, answer.tokens(), answer.reasoned()))
    };
    let (model, id) = (quote(&form.ask.model), world.id("msg_01", 22));
    format!(
        r#"{{"model":{model},"id":"{id}","type":"message","role":"assistant","content":[{}],"stop_reason":{reason},"stop_sequence":{stop},"stop_details":null{usage}}}"#,
        blocks.join(",")
    )
    .into_bytes()
}

/// The reply as a stream.
pub(super) fn stream(form: &Form, answer: &Answer, world: &World) -> Frames {
    let mut events = Events { frames: Frames::default(), index: 0, pinged: false };
    let (model, id) = (quote(&form.ask.model), world.id("msg_01", 22));
    let started = if form.no_usage { String::new() } else { format!(r#","usage":{}"#, usage(form, 1, 0)) };
    events.event(
        "message_start",
        &format!(
            r#","message":{{"model":{model},"id":"{id}","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null{started}}}"#
        ),
        0,
    );
    if let Some(thinking) = &answer.reasoning {
        if form.redacted {
            let data = redacted(thinking);
            events.start(&format!(r#"{{"type":"redacted_thinking","data":"{data}"}}"#));
        } else {
            events.start(r#"{"type":"thinking","thinking":"","signature":""}"#);
            for token in thinking.iter().filter(|_| !form.omitted) {
                events.delta("thinking_delta", "thinking", token, 1);
            }
            events.delta("signature_delta", "signature", &signature(&thinking.text), 0);
        }
        events.stop();
    }
    for block in &answer.blocks {
        match block {
            Block::Text(pieces) if pieces.text.is_empty() => {}
            Block::Text(pieces) => {
                events.start(if form.citations {
                    r#"{"type":"text","text":"","citations":[]}"#
                } else {
                    r#"{"type":"text","text":""}"#
                });
                for (text, tokens) in pieces.strides() {
                    events.delta("text_delta", "text", text, tokens);
                }
                if form.citations {
                    events.raw_delta(&format!(
                        r#"{{"type":"citations_delta","citation":{}}}"#,
                        citation(&pieces.text)
                    ));
                }
                events.stop();
            }
            Block::Call(call) => {
                let (id, name) = (world.id("toolu_01", 22), quote(&call.name));
                events.start(&format!(r#"{{"type":"tool_use","id":"{id}","name":{name},"input":{{}}}}"#));
                events.delta("input_json_delta", "partial_json", "", 4);
                // Without arguments the service sends the empty delta and nothing more.
                for token in call.arguments.iter().filter(|token| *token != "{}") {
                    events.delta("input_json_delta", "partial_json", token, 1);
                }
                events.stop();
            }
        }
    }
    let (reason, stop) = finish(&answer.finish);
    let ended = if form.no_usage {
        String::new()
    } else {
        let (input, output) = (input(form), answer.tokens());
        format!(r#","usage":{{{input},"output_tokens":{output}{}}}"#, thought(answer.reasoned()))
    };
    events.event(
        "message_delta",
        &format!(r#","delta":{{"stop_reason":{reason},"stop_sequence":{stop},"stop_details":null}}{ended}"#),
        0,
    );
    events.event("message_stop", "", 0);
    events.frames
}

/// A stream being written.
struct Events {
    frames: Frames,
    index: usize,
    pinged: bool,
}

impl Events {
    /// One event; `rest` follows the `type` in its data.
    fn event(&mut self, name: &str, rest: &str, tokens: usize) {
        let out = &mut self.frames.bytes;
        for part in ["event: ", name, "\ndata: {\"type\":\"", name, "\"", rest, "}\n\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        self.frames.mark(tokens);
    }

    fn start(&mut self, block: &str) {
        let index = self.index;
        self.event("content_block_start", &format!(r#","index":{index},"content_block":{block}"#), 0);
        if !self.pinged {
            self.pinged = true;
            self.event("ping", "", 0);
        }
    }

    fn delta(&mut self, kind: &str, field: &str, text: &str, tokens: usize) {
        let out = &mut self.frames.bytes;
        let opening = "event: content_block_delta\n\
            data: {\"type\":\"content_block_delta\",\"index\":";
        out.extend_from_slice(opening.as_bytes());
        out.extend_from_slice(itoa::Buffer::new().format(self.index).as_bytes());
        for part in [",\"delta\":{\"type\":\"", kind, "\",\"", field, "\":"] {
            out.extend_from_slice(part.as_bytes());
        }
        quote_into(out, text);
        out.extend_from_slice(b"}}\n\n");
        self.frames.mark(tokens);
    }

    fn raw_delta(&mut self, delta: &str) {
        let index = self.index;
        self.event("content_block_delta", &format!(r#","index":{index},"delta":{delta}"#), 0);
    }

    fn stop(&mut self) {
        let index = self.index;
        self.event("content_block_stop", &format!(r#","index":{index}"#), 0);
        self.index += 1;
    }
}

/// The input half of usage, without braces.
fn input(form: &Form) -> String {
    let cached = form.cached;
    let written = cached.write_5m + cached.write_1h;
    format!(
        r#""input_tokens":{},"cache_creation_input_tokens":{written},"cache_read_input_tokens":{},"cache_creation":{{"ephemeral_5m_input_tokens":{},"ephemeral_1h_input_tokens":{}}}"#,
        cached.rest, cached.read, cached.write_5m, cached.write_1h
    )
}

fn usage(form: &Form, output: usize, reasoned: usize) -> String {
    let (input, thought) = (input(form), thought(reasoned));
    format!(r#"{{{input},"output_tokens":{output}{thought},"service_tier":"standard"}}"#)
}

fn thought(reasoned: usize) -> String {
    match reasoned {
        0 => String::new(),
        _ => format!(r#","output_tokens_details":{{"thinking_tokens":{reasoned}}}"#),
    }
}

fn citation(text: &str) -> String {
    let cited: String = text.chars().take(16).collect();
    let end = cited.chars().count();
    format!(
        r#"{{"type":"char_location","cited_text":{},"document_index":0,"document_title":"Mock document","start_char_index":0,"end_char_index":{end},"file_id":null}}"#,
        quote(&cited)
    )
}

/// Stop reason and stop sequence, as JSON.
fn finish(finish: &Finish) -> (String, String) {
    let null = || "null".to_owned();
    match finish {
        Finish::Stop => (r#""end_turn""#.to_owned(), null()),
        Finish::StopString(found) => (r#""stop_sequence""#.to_owned(), quote(found)),
        Finish::Length => (r#""max_tokens""#.to_owned(), null()),
        Finish::Tools => (r#""tool_use""#.to_owned(), null()),
        Finish::Scripted(word) if word == "content_filter" => (r#""refusal""#.to_owned(), null()),
        Finish::Scripted(word) => (quote(word), null()),
    }
}
