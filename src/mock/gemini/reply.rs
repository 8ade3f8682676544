//! An answer as a GenerateContentResponse, or as a stream of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Form;
use crate::mock::World;
use crate::mock::play::Frames;
use crate::mock::say::media::decode;
use crate::mock::say::{Answer, Block, Finish, fingerprint, quote};

const SIGNED: &str = "mock-sig:";
/// Tokens in one chunk of a stream.
const RUN: usize = 4;

/// How a stream is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// `alt=sse`.
    Sse,
    /// A JSON array that grows element by element.
    Array,
}

/// Whether this mock made the signature, or it is one of the two stand-ins that Google names for
/// histories from elsewhere (ai.google.dev/gemini-api/docs/thought-signatures, seen 2026).
pub(super) fn is_signed(signature: &str) -> bool {
    matches!(signature, "skip_thought_signature_validator" | "context_engineering_is_the_way_to_go")
        || decode(signature).is_some_and(|bytes| bytes.starts_with(SIGNED.as_bytes()))
        // Google takes the seals of other sessions, and some clients send one for all calls.
        || decode(signature).is_some_and(|bytes| bytes.len() > 64 && matches!(bytes[..], [0x0a | 0x12, ..]))
        || decode(signature).is_some_and(|bytes| {
            bytes == b"skip_thought_signature_validator" || bytes == b"context_engineering_is_the_way_to_go"
        })
}

fn signature(answer: &Answer) -> String {
    let thought = answer.reasoning.as_ref().map_or("", |thought| thought.text.as_str());
    let called: String = answer.calls().map(|call| call.arguments.text.as_str()).collect();
    let print = fingerprint((thought, called));
    format!(r#","thoughtSignature":"{}""#, STANDARD.encode(format!("{SIGNED}{print:016x}")))
}

/// A part of the reply, with the tokens it stands for.
struct Part {
    json: String,
    tokens: usize,
    thought: bool,
}

/// The whole reply.
pub(super) fn whole(form: &Form, answer: &Answer, world: &World) -> Vec<u8> {
    let parts: Vec<_> = parts(form, answer, usize::MAX, world).into_iter().map(|part| part.json).collect();
    let (reason, message) = finish(&answer.finish);
    let grounding = grounding(form, answer);
    let candidates: Vec<_> = (0..form.candidates)
        .map(|index| {
            candidate(
                &parts.join(","),
                &format!(r#""finishReason":{reason},"#),
                index,
                &format!("{message}{grounding}"),
            )
        })
        .collect();
    let usage = usage(form, answer, Progress::Whole);
    let reply = response(form, &candidates.join(","), &usage, &world.id("", 22));
    reply.into_bytes()
}

/// The reply as a stream.
pub(super) fn stream(form: &Form, answer: &Answer, framing: Framing, world: &World) -> Frames {
    let id = world.id("", 22);
    let parts = parts(form, answer, RUN, world);
    let (reason, message) = finish(&answer.finish);
    let mut frames = Frames::default();
    let mut progress = (0, 0);
    let count = parts.len();
    for (number, part) in parts.iter().enumerate() {
        if part.thought {
            progress.1 += part.tokens;
        } else {
            progress.0 += part.tokens;
        }
        let last = number + 1 == count;
        let usage = if last {
            usage(form, answer, Progress::Whole)
        } else {
            usage(form, answer, Progress::Part { said: progress.0, thought: progress.1 })
        };
        for index in 0..form.candidates {
            let (ending, extra) = if last {
                let grounding = grounding(form, answer);
                (format!(r#""finishReason":{reason},"#), format!("{message}{grounding}"))
            } else {
                (String::new(), String::new())
            };
            let candidate = candidate(&part.json, &ending, index, &extra);
            let reply = response(form, &candidate, &usage, &id);
            match framing {
                Framing::Sse => {
                    let frame = format!("data: {reply}\r\n\r\n");
                    frames.bytes.extend_from_slice(frame.as_bytes());
                }
                Framing::Array => {
                    let opening = if number + index == 0 { "[" } else { ",\r\n" };
                    frames.bytes.extend_from_slice(opening.as_bytes());
                    frames.bytes.extend_from_slice(pretty(&reply).as_bytes());
                }
            }
            frames.mark(if index == 0 { part.tokens } else { 0 });
        }
    }
    if framing == Framing::Array {
        frames.push("\n]");
    }
    frames
}

/// The parts of the answer, text in runs of `run` tokens. There is always one.
fn parts(form: &Form, answer: &Answer, run: usize, world: &World) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut hidden = answer.reasoned();
    if let Some(thought) = answer.reasoning.as_ref().filter(|_| form.thoughts) {
        hidden = 0;
        for (text, tokens) in thought.runs(run) {
            let json = format!(r#"{{"text":{},"thought":true}}"#, quote(text));
            parts.push(Part { json, tokens, thought: true });
        }
    }
    // Gemini 3 signs every turn; older models only what they thought about.
    let signs = answer.reasoning.is_some() || form.ask.model.starts_with("gemini-3");
    let mut signed = !signs;
    let calls = answer.calls().next().is_some();
    for block in &answer.blocks {
        match block {
            Block::Text(pieces) => {
                for (text, tokens) in pieces.runs(run.max(pieces.len() / 2048 + 1)) {
                    let json = format!(r#"{{"text":{}}}"#, quote(text));
                    parts.push(Part { json, tokens, thought: false });
                }
            }
            Block::Call(call) => {
                let signature = if signed { String::new() } else { signature(answer) };
                signed = true;
                let (name, args) = (quote(&call.name), &call.arguments.text);
                let id = if form.ask.model.starts_with("gemini-3") {
                    format!(r#","id":"{}""#, world.id("", 8).to_lowercase())
                } else {
                    String::new()
                };
                let json = format!(r#"{{"functionCall":{{"name":{name},"args":{args}{id}}}{signature}}}"#);
                parts.push(Part { json, tokens: call.arguments.len() + 4, thought: false });
            }
        }
    }
    if !calls && !signed {
        // The signature of a text comes with its end: on the last part, in a stream on an empty one.
        let signature = signature(answer);
        match parts.last_mut() {
            Some(last) if run == usize::MAX && !last.thought => {
                last.json.truncate(last.json.len() - 1);
                last.json.push_str(&signature);
                last.json.push('}');
            }
            _ => {
                let json = format!(r#"{{"text":""{signature}}}"#);
                parts.push(Part { json, tokens: 0, thought: false });
            }
        }
    }
    if parts.is_empty() {
        parts.push(Part { json: String::new(), tokens: 0, thought: false });
    }
    if let Some(first) = parts.first_mut() {
        first.tokens += hidden;
    }
    parts
}

fn candidate(parts: &str, ending: &str, index: usize, extra: &str) -> String {
    let content = if parts.is_empty() {
        r#"{"role":"model"}"#.to_owned()
    } else {
        format!(r#"{{"parts":[{parts}],"role":"model"}}"#)
    };
    format!(r#"{{"content":{content},{ending}"index":{index}{extra}}}"#)
}

fn response(form: &Form, candidates: &str, usage: &str, id: &str) -> String {
    let model = quote(&form.ask.model);
    format!(r#"{{"candidates":[{candidates}]{usage},"modelVersion":{model},"responseId":"{id}"}}"#)
}

/// How far the usage of a chunk counts.
#[derive(Debug, Clone, Copy)]
enum Progress {
    Part { said: usize, thought: usize },
    Whole,
}

fn usage(form: &Form, answer: &Answer, progress: Progress) -> String {
    if form.no_usage {
        return String::new();
    }
    let (said, thought) = match progress {
        // Hidden thoughts are counted on the first part, though nothing shows of them.
        Progress::Part { said, .. } if !form.thoughts => {
            (said.saturating_sub(answer.reasoned()), answer.reasoned())
        }
        Progress::Part { said, thought } => (said, thought),
        Progress::Whole => ((answer.tokens() - answer.reasoned()) * form.candidates, answer.reasoned()),
    };
    let prompt = form.ask.prompt;
    let total = prompt + said + thought;
    let field = |name: &str, tokens: usize| match tokens {
        0 => String::new(),
        _ => format!(r#""{name}":{tokens},"#),
    };
    let (said, thought) = (field("candidatesTokenCount", said), field("thoughtsTokenCount", thought));
    let cached = match form.cached {
        0 => String::new(),
        n => format!(
            r#","cachedContentTokenCount":{n},"cacheTokensDetails":[{{"modality":"TEXT","tokenCount":{n}}}]"#
        ),
    };
    format!(
        r#","usageMetadata":{{"promptTokenCount":{prompt},{said}"totalTokenCount":{total},"promptTokensDetails":[{{"modality":"TEXT","tokenCount":{prompt}}}]{cached}{}{}}}"#,
        if thought.is_empty() { "" } else { "," },
        thought.trim_end_matches(',')
    )
}

fn grounding(form: &Form, answer: &Answer) -> String {
    if !form.citations {
        return String::new();
    }
    let cited: String = answer.text().chars().take(16).collect();
    format!(
        r#","groundingMetadata":{{"webSearchQueries":["mock"],"groundingChunks":[{{"web":{{"uri":"https://example.com/source","title":"example.com"}}}}],"groundingSupports":[{{"segment":{{"startIndex":0,"endIndex":{},"text":{}}},"groundingChunkIndices":[0]}}]}}"#,
        cited.len(),
        quote(&cited)
    )
}

/// The finish reason as JSON, and the message that comes with an unusual one.
fn finish(finish: &Finish) -> (String, String) {
    let word = match finish {
        Finish::Stop | Finish::StopString(_) | Finish::Tools => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Scripted(word) if word == "content_filter" || word == "refusal" => "SAFETY",
        Finish::Scripted(word) => word.as_str(),
    };
    let message = if word == "MALFORMED_FUNCTION_CALL" {
        r#","finishMessage":"Malformed function call: print(default_api.""#.to_owned()
    } else {
        String::new()
    };
    (quote(word), message)
}

/// Indented by two, as Google writes the elements of an array stream. `json` is compact.
fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut quoted = false;
    let mut escaped = false;
    let mut before = ' ';
    let mut letters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        match letter {
            _ if quoted => {
                quoted = escaped || letter != '"';
                escaped = letter == '\\' && !escaped;
                out.push(letter);
            }
            '{' | '[' => {
                depth += 1;
                out.push(letter);
                if !matches!(letters.peek(), Some('}' | ']')) {
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                if !matches!(before, '{' | '[') {
                    line(&mut out, depth);
                }
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                quoted = letter == '"';
                out.push(letter);
            }
        }
        before = letter;
    }
    out
}
