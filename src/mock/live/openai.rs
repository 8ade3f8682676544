//! A session in OpenAI's form, in its present words and in the older ones.

use std::io;

use base64::Engine as _;
use serde_json::{Value, json};

use super::Opening;
use super::socket::Socket;
use crate::mock::World;
use crate::mock::say::compose;
use crate::mock::say::script::{Flag, Script};
use crate::mock::say::{Answer, Ask, Block, Choice, Outcome, Tool, fingerprint, tokens_of};
use crate::wire::websocket::Kind;

/// What a session remembers.
struct Talk<'a> {
    world: &'a World,
    preview: bool,
    model: String,
    session: Value,
    /// What the client said last, and what its tools gave back.
    text: String,
    results: Vec<Outcome>,
    /// The tokens of all that was said, by what they are, and how many of them were said before.
    words: usize,
    sounds: usize,
    before: (usize, usize),
    /// Bytes of sound that are not committed.
    heard: usize,
}

/// An event that is said, or the end.
enum Next {
    Say(Value),
    Cut,
}

pub(super) async fn talk(socket: &mut Socket<'_>, opening: &Opening, world: &World) -> io::Result<()> {
    let mut talk = Talk::new(opening, world);
    let kind = if opening.transcribes && opening.preview { "transcription_session" } else { "session" };
    let created = talk.event(&format!("{kind}.created"), json!({"session": talk.session}));
    socket.say(Kind::Text, &created).await?;
    while let Some(message) = socket.next().await? {
        let said = match serde_json::from_slice::<Value>(&message) {
            Ok(event) => talk.take(&event, socket),
            Err(_) => vec![Next::Say(talk.error(
                "The message is not valid JSON.",
                "invalid_json",
                "",
                &Value::Null,
            ))],
        };
        for next in said {
            match next {
                Next::Say(event) => socket.say(Kind::Text, &event).await?,
                Next::Cut => return Ok(()),
            }
        }
    }
    Ok(())
}

impl<'a> Talk<'a> {
    fn new(opening: &Opening, world: &'a World) -> Self {
        let id = world.id("sess_", 21);
        let session = if opening.transcribes {
            json!({"id": id, "object": "realtime.transcription_session", "type": "transcription",
                "audio": {"input": {"transcription": null}}})
        } else if opening.preview {
            json!({"id": id, "object": "realtime.session", "model": opening.model, "modalities": ["text", "audio"],
                "instructions": "", "voice": "alloy", "tools": [], "tool_choice": "auto",
                "input_audio_transcription": null, "turn_detection": null})
        } else {
            json!({"id": id, "object": "realtime.session", "type": "realtime", "model": opening.model,
                "output_modalities": ["audio"], "instructions": "", "tools": [], "tool_choice": "auto",
                "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "transcription": null,
                    "turn_detection": null}, "output": {"voice": "marin", "speed": 1.0}}})
        };
        Self {
            world,
            preview: opening.preview,
            model: opening.model.clone(),
            session,
            text: String::new(),
            results: Vec::new(),
            words: 0,
            sounds: 0,
            before: (0, 0),
            heard: 0,
        }
    }

    fn event(&self, kind: &str, mut members: Value) -> Value {
        members["type"] = kind.into();
        members["event_id"] = self.world.id("event_", 21).into();
        members
    }

    fn error(&self, message: &str, code: &str, param: &str, event: &Value) -> Value {
        let param = if param.is_empty() { Value::Null } else { param.into() };
        self.event(
            "error",
            json!({"error": {"type": "invalid_request_error", "code": code, "message": message, "param": param,
                "event_id": event["event_id"]}}),
        )
    }

    fn take(&mut self, event: &Value, socket: &mut Socket<'_>) -> Vec<Next> {
        let said = match event["type"].as_str().unwrap_or_default() {
            "session.update" | "transcription_session.update" => vec![self.update(event)],
            "conversation.item.create" => self.create(event),
            "input_audio_buffer.append" => self.append(event).into_iter().collect(),
            "input_audio_buffer.commit" => self.commit(event),
            "response.create" => return self.respond(event, socket),
            "response.cancel" | "input_audio_buffer.clear" => Vec::new(),
            other => {
                let message = format!("Invalid value: '{other}'. Supported values are: 'session.update', …");
                vec![self.error(&message, "invalid_value", "type", event)]
            }
        };
        said.into_iter().map(Next::Say).collect()
    }

    fn update(&mut self, event: &Value) -> Value {
        let Some(changes) = event["session"].as_object() else {
            return self.error(
                "Missing required parameter: 'session'.",
                "missing_required_parameter",
                "session",
                event,
            );
        };
        if !self.preview && !changes.contains_key("type") {
            let message = "Missing required parameter: 'session.type'.";
            return self.error(message, "missing_required_parameter", "session.type", event);
        }
        if changes.get("model").is_some_and(|model| *model != self.session["model"]) {
            let message = "The model of a session cannot be changed.";
            return self.error(message, "cannot_update_model", "session.model", event);
        }
        merge(&mut self.session, &event["session"]);
        let kind = event["type"].as_str().unwrap_or_default().replace(".update", ".updated");
        self.event(&kind, json!({"session": self.session}))
    }

    fn create(&mut self, event: &Value) -> Vec<Value> {
        let mut item = event["item"].clone();
        match item["type"].as_str() {
            Some("message") => {
                let parts = item["content"].as_array().cloned().unwrap_or_default();
                let text: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
                self.text = text.join("\n");
                self.words += tokens_of(self.text.len());
                self.results.clear();
            }
            Some("function_call_output") => {
                let text = item["output"].as_str().unwrap_or_default().to_owned();
                self.words += tokens_of(text.len());
                self.results.push(Outcome { text, ..Outcome::default() });
            }
            other => {
                let message = format!("Invalid value: '{}'.", other.unwrap_or("null"));
                return vec![self.error(&message, "invalid_value", "item.type", event)];
            }
        }
        if item["id"].is_null() {
            item["id"] = self.world.id("item_", 21).into();
        }
        item["object"] = "realtime.item".into();
        item["status"] = "completed".into();
        self.added(&item)
    }

    fn added(&self, item: &Value) -> Vec<Value> {
        let members = || json!({"previous_item_id": null, "item": item});
        if self.preview {
            return vec![self.event("conversation.item.created", members())];
        }
        vec![
            self.event("conversation.item.added", members()),
            self.event("conversation.item.done", members()),
        ]
    }

    fn append(&mut self, event: &Value) -> Option<Value> {
        let audio = event["audio"].as_str().unwrap_or_default();
        match base64::engine::general_purpose::STANDARD.decode(audio) {
            Ok(bytes) => {
                self.heard += bytes.len();
                None
            }
            Err(_) => Some(self.error(
                "Invalid 'audio'. Expected base64-encoded audio bytes.",
                "invalid_value",
                "audio",
                event,
            )),
        }
    }

    /// Sound of 24,000 samples a second, of two bytes each, at ten tokens a second.
    fn commit(&mut self, event: &Value) -> Vec<Value> {
        if self.heard < 4_800 {
            let message =
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio.";
            return vec![self.error(message, "input_audio_buffer_commit_empty", "", event)];
        }
        let tokens = (self.heard / 4_800).max(1);
        let seconds = self.heard.div_ceil(48_000);
        self.sounds += tokens;
        self.heard = 0;
        "what was said aloud".clone_into(&mut self.text);
        let id = self.world.id("item_", 21);
        let item = json!({"id": id, "object": "realtime.item", "type": "message", "status": "completed",
            "role": "user", "content": [{"type": "input_audio", "transcript": null}]});
        let mut said = vec![
            self.event("input_audio_buffer.committed", json!({"previous_item_id": null, "item_id": id})),
        ];
        said.extend(self.added(&item));
        let new = &self.session["audio"]["input"]["transcription"]["model"];
        let by = new.as_str().or_else(|| self.session["input_audio_transcription"]["model"].as_str());
        if let Some(by) = by {
            let usage = if by == "whisper-1" {
                json!({"type": "duration", "seconds": seconds})
            } else {
                json!({"type": "tokens", "total_tokens": tokens + 5, "input_tokens": tokens,
                    "input_token_details": {"text_tokens": 0, "audio_tokens": tokens}, "output_tokens": 5})
            };
            said.push(self.event(
                "conversation.item.input_audio_transcription.completed",
                json!({"item_id": id, "content_index": 0, "transcript": self.text, "usage": usage}),
            ));
        }
        said
    }

    fn respond(&mut self, event: &Value, socket: &mut Socket<'_>) -> Vec<Next> {
        let asked = |name: &str| Some(&event["response"][name]).filter(|value| !value.is_null());
        let member = if self.preview { "modalities" } else { "output_modalities" };
        let modalities = asked(member).unwrap_or(&self.session[member]).clone();
        let aloud = modalities.as_array().is_some_and(|all| all.iter().any(|each| each == "audio"));
        let script = Script::read(&self.model, &self.text);
        socket.fragment = script.chunk;
        let answer = self.answer(&script, asked("tools").unwrap_or(&self.session["tools"]));
        let id = self.world.id("resp_", 21);
        let output: Vec<Value> = answer.blocks.iter().map(|block| self.item(block, aloud)).collect();
        let response = |status: &str, output: &[Value], usage: Value| {
            json!({"response": {"id": id, "object": "realtime.response", "status": status, "status_details": null,
                "output": output, member: modalities, "usage": usage}})
        };
        let mut said = vec![self.event("response.created", response("in_progress", &[], Value::Null))];
        if script.error.is_some() {
            let mut failed = response("failed", &[], Value::Null);
            failed["response"]["status_details"] = json!({"type": "failed", "error": {"type": "server_error",
                "code": null, "message": "The server had an error while processing your request."}});
            said.push(self.event("response.done", failed));
        } else {
            for (index, (block, item)) in answer.blocks.iter().zip(&output).enumerate() {
                said.extend(self.told(&id, index, block, item, aloud));
            }
            let usage = if script.has(Flag::NoUsage) { Value::Null } else { self.usage(&answer, aloud) };
            said.push(self.event("response.done", response("completed", &output, usage)));
        }
        let mut said: Vec<_> = said.into_iter().map(Next::Say).collect();
        if let Some(cut) = script.cut {
            said.truncate(cut);
            said.push(Next::Cut);
        }
        said
    }

    fn answer(&self, script: &Script, tools: &Value) -> Answer {
        let tools = tools.as_array().cloned().unwrap_or_default();
        let tool = |tool: &Value| {
            Some(Tool { name: tool["name"].as_str()?.to_owned(), schema: tool["parameters"].clone() })
        };
        let ask = Ask {
            model: self.model.clone(),
            text: self.text.clone(),
            prompt: self.words + self.sounds,
            print: fingerprint(&self.text),
            results: self.results.clone(),
            tools: tools.iter().filter_map(tool).collect(),
            choice: match self.session["tool_choice"].as_str() {
                Some("none") => Choice::None,
                Some("required") => Choice::Any,
                _ => Choice::Auto,
            },
            ..Ask::default()
        };
        compose::answer(&ask, script, self.world.options.tokens)
    }

    fn item(&self, block: &Block, aloud: bool) -> Value {
        match block {
            Block::Text(pieces) => {
                let part = match (aloud, self.preview) {
                    (true, false) => json!({"type": "output_audio", "transcript": pieces.text}),
                    (true, true) => json!({"type": "audio", "transcript": pieces.text}),
                    (false, false) => json!({"type": "output_text", "text": pieces.text}),
                    (false, true) => json!({"type": "text", "text": pieces.text}),
                };
                json!({"id": self.world.id("item_", 21), "object": "realtime.item", "type": "message",
                    "status": "completed", "role": "assistant", "content": [part]})
            }
            Block::Call(call) => json!({"id": self.world.id("item_", 21), "object": "realtime.item",
                "type": "function_call", "status": "completed", "name": call.name,
                "call_id": self.world.id("call_", 16), "arguments": call.arguments.text}),
        }
    }

    /// The events by which one item is told.
    fn told(&self, response: &str, index: usize, block: &Block, item: &Value, aloud: bool) -> Vec<Value> {
        let at = |more: Value| {
            let mut members = json!({"response_id": response, "output_index": index, "item_id": item["id"]});
            merge(&mut members, &more);
            members
        };
        let whole = || json!({"response_id": response, "output_index": index, "item": item});
        let prefix = if self.preview { "response." } else { "response.output_" };
        let mut said = vec![self.event("response.output_item.added", whole())];
        match block {
            Block::Call(call) => {
                for piece in call.arguments.iter() {
                    let members = at(json!({"call_id": item["call_id"], "delta": piece}));
                    said.push(self.event("response.function_call_arguments.delta", members));
                }
                let members = at(
                    json!({"call_id": item["call_id"], "name": call.name, "arguments": call.arguments.text}),
                );
                said.push(self.event("response.function_call_arguments.done", members));
            }
            Block::Text(pieces) => {
                let kind = if aloud { "audio_transcript" } else { "text" };
                for piece in pieces.iter() {
                    let members = at(json!({"content_index": 0, "delta": piece}));
                    said.push(self.event(&format!("{prefix}{kind}.delta"), members));
                    if aloud {
                        // A token of sound is fifty milliseconds.
                        let sound = base64::engine::general_purpose::STANDARD.encode([0_u8; 2_400]);
                        let members = at(json!({"content_index": 0, "delta": sound}));
                        said.push(self.event(&format!("{prefix}audio.delta"), members));
                    }
                }
                let name = if aloud { "transcript" } else { "text" };
                let members = at(json!({"content_index": 0, name: pieces.text}));
                said.push(self.event(&format!("{prefix}{kind}.done"), members));
            }
        }
        said.push(self.event("response.output_item.done", whole()));
        said
    }

    /// What was said before is read from the cache.
    fn usage(&mut self, answer: &Answer, aloud: bool) -> Value {
        let (words, sounds) = (self.words, self.sounds);
        let (cached_words, cached_sounds) = self.before;
        let all = answer.tokens();
        let spoken = if aloud { all } else { 0 };
        self.words += all;
        self.before = (words, sounds);
        json!({
            "total_tokens": words + sounds + all, "input_tokens": words + sounds, "output_tokens": all,
            "input_token_details": {"text_tokens": words, "audio_tokens": sounds, "image_tokens": 0,
                "cached_tokens": cached_words + cached_sounds,
                "cached_tokens_details": {"text_tokens": cached_words, "audio_tokens": cached_sounds, "image_tokens": 0}},
            "output_token_details": {"text_tokens": all - spoken, "audio_tokens": spoken}
        })
    }
}

/// Puts the members of one object into another, objects member by member.
fn merge(into: &mut Value, more: &Value) {
    let Some(more) = more.as_object() else { return };
    for (key, value) in more {
        if value.is_object() && into[key].is_object() {
            merge(&mut into[key], value);
        } else {
            into[key] = value.clone();
        }
    }
}
