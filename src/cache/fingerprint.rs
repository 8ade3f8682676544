//! What a request asks, as a number: equal for all that ask the same thing of the same route, however
//! they say it.
//!
//! What changes the answer is in it and nothing else: not the dialect, not the order of members, white
//! space or the form of numbers, not whether the client wants a stream, not on whose behalf it asks.
//! The number is a keyed hash, so that nobody outside can foretell or search for one.

use std::fmt;

use crate::ir::embed::{EmbedInput, EmbedRequest};
use crate::ir::{
    Block, Citation, Content, Dialect, Extra, Extras, Format, MOOT, Media, Request, Role, Sampling,
    Signature, Source, Thinking, Tool, ToolChoice, ToolKind, Turn,
};
use crate::provider::Base;
use crate::wire::json::{self, Json, Kind};

/// What a request asks, as a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Its bytes, under which an entry lies elsewhere.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The fingerprint with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A part of it, by which fingerprints are spread.
    #[must_use]
    pub fn part(self) -> u64 {
        self.0.first_chunk().map_or(0, |part| u64::from_le_bytes(*part))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// For whom, and of whom, something is asked. Answers never leave their realm.
#[derive(Debug, Clone, Copy)]
pub struct Realm<'a> {
    /// Who shares answers: a key, an owner, or "" for all.
    pub scope: &'a str,
    /// A part of it that the client keeps apart.
    pub namespace: &'a str,
    /// Who may answer, in the order in which they are tried: providers, the models there, and where those
    /// are, which a name may come to mean otherwise.
    pub targets: &'a [(&'a str, &'a str, &'a Base)],
    /// The client's dialect, where a loss on the way there or back refuses the request.
    pub strictly: Option<Dialect>,
}

/// Members that ask for nothing that shows in an answer.
const SILENT: [&str; 4] = ["safety_identifier", "prompt_cache_retention", "prompt_cache_options", "store"];

/// Members whose absence loses nothing, and that show in an answer all the same: what else is in it, and
/// whether its thoughts are.
const SHOWN: [&str; 3] = ["include", "reasoning.summary", "reasoning.generate_summary"];

/// The fingerprint of a request for a completion.
#[must_use]
pub fn of_request(key: &[u8; 32], realm: &Realm<'_>, request: &Request) -> Fingerprint {
    let mut canon = Canon::new(key, realm, 1);
    canon.request(request, &request.turns);
    canon.finish()
}

/// The fingerprints of a request for a completion whose last turn is a question with these forms. All else
/// is in them as it is in that of the request.
#[must_use]
pub fn of_question(
    key: &[u8; 32],
    realm: &Realm<'_>,
    request: &Request,
    forms: &[String],
) -> Vec<Fingerprint> {
    let Some((question, before)) = request.turns.split_last() else { return Vec::new() };
    let mut canon = Canon::new(key, realm, 3);
    canon.request(request, before);
    canon.maybe(question.name.as_deref());
    canon.extras(&question.extras);
    for block in &question.blocks {
        canon.extras(&block.extras);
    }
    let of_form = |form: &String| {
        let mut canon = canon.clone();
        canon.text(form);
        canon.finish()
    };
    forms.iter().map(of_form).collect()
}

/// The fingerprint of one of the things that a request wants embedded.
#[must_use]
pub fn of_input(
    key: &[u8; 32],
    realm: &Realm<'_>,
    request: &EmbedRequest,
    input: &EmbedInput,
) -> Fingerprint {
    let mut canon = Canon::new(key, realm, 2);
    match input {
        EmbedInput::Text(text) => {
            canon.mark(0);
            canon.text(text);
        }
        EmbedInput::Tokens(tokens) => {
            canon.mark(1);
            canon.count(tokens.len());
            for token in tokens {
                canon.number(*token);
            }
        }
    }
    canon.whole(request.dimensions);
    canon.maybe(request.task.as_deref());
    canon.maybe(request.title.as_deref());
    canon.extras(&request.extras);
    canon.finish()
}

/// So much is gathered for the hash at a time.
const HELD: usize = 256;

/// Hashes what it is told in one form. Every piece says its kind or its length, so that no two tellings
/// run into the same bytes.
#[derive(Clone)]
struct Canon<'r> {
    hash: blake3::Hasher,
    /// What the hash is not told yet: it is told little at a time, and each time costs.
    held: [u8; HELD],
    /// How much of that there is.
    many: usize,
    /// The ids of calls in the order in which they were met: a client makes them up anew each time.
    calls: Vec<&'r str>,
}

impl<'r> Canon<'r> {
    fn new(key: &[u8; 32], realm: &Realm<'_>, operation: u8) -> Self {
        let hash = blake3::Hasher::new_keyed(key);
        let mut canon = Self { hash, held: [0; HELD], many: 0, calls: Vec::new() };
        canon.mark(operation);
        canon.text(realm.scope);
        canon.text(realm.namespace);
        canon.maybe(realm.strictly.map(Dialect::name));
        canon.count(realm.targets.len());
        for (provider, model, base) in realm.targets {
            canon.text(provider);
            canon.text(model);
            canon.mark(u8::from(base.tls));
            canon.text(&base.host);
            canon.number(base.port.into());
            canon.text(&base.path);
        }
        canon
    }

    fn finish(mut self) -> Fingerprint {
        let mut half = [0; 16];
        self.pour();
        self.hash.finalize_xof().fill(&mut half);
        Fingerprint(half)
    }

    fn pour(&mut self) {
        self.hash.update(self.held.get(..self.many).unwrap_or_default());
        self.many = 0;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if bytes.len() > HELD - self.many {
            self.pour();
        }
        match self.held.get_mut(self.many..self.many + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.many += bytes.len();
            }
            None => {
                self.hash.update(bytes);
            }
        }
    }

    fn mark(&mut self, mark: u8) {
        self.bytes(&[mark]);
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.mark(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn whole(&mut self, number: Option<u64>) {
        self.mark(u8::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    fn float(&mut self, number: Option<f64>) {
        // Nought is nought, whatever its sign.
        self.whole(number.map(|number| if number == 0.0 { 0 } else { number.to_bits() }));
    }

    fn truth(&mut self, truth: Option<bool>) {
        self.mark(truth.map_or(2, u8::from));
    }

    fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn request(&mut self, request: &'r Request, turns: &'r [Turn]) {
        self.blocks(&request.system);
        self.count(turns.len());
        for turn in turns {
            self.turn(turn);
        }
        self.count(request.tools.len());
        for tool in &request.tools {
            self.tool(tool);
        }
        if !request.tools.is_empty() {
            self.choice(request.tool_choice.as_ref());
            self.truth(request.parallel_tools);
            self.mark(u8::from(request.validated));
        }
        self.sampling(&request.sampling);
        self.thinking(request.thinking.as_ref());
        self.format(request.format.as_ref());
        self.maybe(request.verbosity.as_deref());
        self.extras(&request.extras);
    }

    fn turn(&mut self, turn: &'r Turn) {
        self.mark(match turn.role {
            Role::System => 0,
            Role::User => 1,
            Role::Assistant => 2,
        });
        self.maybe(turn.name.as_deref());
        self.blocks(&turn.blocks);
        self.extras(&turn.extras);
    }

    fn blocks(&mut self, blocks: &'r [Block]) {
        self.count(blocks.len());
        for block in blocks {
            self.block(block);
        }
    }

    /// A block, without the mark after which its provider caches the prompt.
    fn block(&mut self, block: &'r Block) {
        match &block.content {
            Content::Text { text, citations } => {
                self.mark(0);
                self.text(text);
                self.count(citations.len());
                for citation in citations {
                    self.citation(citation);
                }
            }
            Content::Reasoning(reasoning) => {
                self.mark(1);
                self.text(&reasoning.text);
                self.seal(reasoning.redacted.as_ref());
            }
            Content::Refusal(text) => {
                self.mark(2);
                self.text(text);
            }
            Content::ToolCall(call) => {
                self.mark(3);
                self.call(&call.id);
                self.text(&call.name);
                self.json(&call.arguments);
                self.tool_kind(&call.kind);
            }
            Content::ToolResult(result) => {
                self.mark(4);
                // A name that only some dialects say is that of the call.
                self.call(&result.call_id);
                self.blocks(&result.content);
                self.mark(u8::from(result.is_error));
            }
            Content::Image(media) => self.media(5, media),
            Content::Document(media) => self.media(6, media),
            Content::Audio(media) => self.media(7, media),
            Content::Video(media) => self.media(8, media),
            Content::Opaque { dialect, name, json, words: _ } => {
                self.mark(9);
                self.text(dialect.name());
                self.text(name);
                self.json(json);
            }
        }
        self.seal(block.signature.as_ref());
        self.extras(&block.extras);
    }

    /// The place of a call among all calls.
    fn call(&mut self, id: &'r str) {
        let place = self.calls.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.calls.push(id);
            self.calls.len() - 1
        });
        self.count(place);
    }

    fn citation(&mut self, citation: &Citation) {
        self.maybe(citation.url.as_deref());
        self.maybe(citation.title.as_deref());
        self.maybe(citation.quote.as_deref());
        self.whole(citation.start);
        self.whole(citation.end);
    }

    fn seal(&mut self, seal: Option<&Signature>) {
        self.mark(u8::from(seal.is_some()));
        if let Some(seal) = seal {
            self.text(seal.dialect.name());
            self.text(&seal.value);
        }
    }

    fn media(&mut self, kind: u8, media: &Media) {
        self.mark(kind);
        let (mark, source) = match &media.source {
            Source::Base64(source) => (0, source),
            Source::Url(source) => (1, source),
            Source::File(source) => (2, source),
            Source::Text(source) => (3, source),
        };
        self.mark(mark);
        self.text(source);
        self.maybe(media.media_type.as_deref());
        self.maybe(media.name.as_deref());
        self.maybe(media.detail.as_deref());
    }

    fn tool(&mut self, tool: &Tool) {
        self.text(&tool.name);
        self.maybe(tool.description.as_deref());
        self.maybe_json(tool.schema.as_deref());
        self.truth(tool.strict);
        self.tool_kind(&tool.kind);
        self.extras(&tool.extras);
    }

    fn tool_kind(&mut self, kind: &ToolKind) {
        match kind {
            ToolKind::Function => self.mark(0),
            ToolKind::Custom(grammar) => {
                self.mark(1);
                self.maybe_json(grammar.as_deref());
            }
            ToolKind::Older => self.mark(2),
            ToolKind::Hosted { dialect, json, service: _ } => {
                self.mark(3);
                self.text(dialect.name());
                self.json(json);
            }
        }
    }

    fn choice(&mut self, choice: Option<&ToolChoice>) {
        match choice {
            None | Some(ToolChoice::Auto) => self.mark(0),
            Some(ToolChoice::None) => self.mark(1),
            Some(ToolChoice::Required) => self.mark(2),
            Some(ToolChoice::Tool(name)) => {
                self.mark(3);
                self.text(name);
            }
            Some(ToolChoice::Allowed(names, required)) => {
                self.mark(4);
                self.mark(u8::from(*required));
                self.texts(names);
            }
        }
    }

    /// How the answer is drawn; what is said that goes without saying is not told.
    fn sampling(&mut self, sampling: &Sampling) {
        let not = |usual: f64| move |number: &f64| (*number - usual).abs() > 0.0;
        self.whole(sampling.max_tokens);
        self.float(sampling.temperature);
        self.float(sampling.top_p);
        self.whole(sampling.top_k);
        self.texts(&sampling.stop);
        self.mark(u8::from(sampling.seed.is_some()));
        self.number(sampling.seed.unwrap_or(0).cast_unsigned());
        self.float(sampling.frequency_penalty.filter(not(0.0)));
        self.float(sampling.presence_penalty.filter(not(0.0)));
        self.whole(sampling.candidates.filter(|candidates| *candidates != 1));
        self.mark(u8::from(sampling.logprobs == Some(true)));
        self.whole(sampling.top_logprobs.filter(|logprobs| *logprobs > 0));
        self.maybe_json(sampling.logit_bias.as_deref());
    }

    fn thinking(&mut self, thinking: Option<&Thinking>) {
        let said = thinking.filter(|thinking| **thinking != Thinking::default());
        self.mark(u8::from(said.is_some()));
        if let Some(thinking) = said {
            self.truth(thinking.enabled);
            self.maybe(thinking.effort.map(crate::ir::Effort::name));
            self.whole(thinking.budget);
            self.truth(thinking.visible);
        }
    }

    fn format(&mut self, format: Option<&Format>) {
        match format {
            None | Some(Format::Text) => self.mark(0),
            Some(Format::JsonObject) => self.mark(1),
            Some(Format::JsonSchema { name, description, schema, strict }) => {
                self.mark(2);
                self.maybe(name.as_deref());
                self.maybe(description.as_deref());
                self.json(schema);
                self.truth(*strict);
            }
        }
    }

    /// What only one dialect understands, in an order of its own.
    fn extras(&mut self, extras: &Extras) {
        let told = |extra: &&Extra| match extra.name.strip_prefix(MOOT) {
            Some(moot) => SHOWN.contains(&moot) && extra.json != "[]",
            None => !SILENT.contains(&&*extra.name),
        };
        let mut told: Vec<_> = extras.all().iter().filter(told).collect();
        told.sort_by(|a, b| (a.dialect, &a.name).cmp(&(b.dialect, &b.name)));
        self.count(told.len());
        for extra in told {
            self.text(extra.dialect.name());
            self.text(&extra.name);
            self.json(&extra.json);
        }
    }

    fn maybe_json(&mut self, text: Option<&str>) {
        self.mark(u8::from(text.is_some()));
        if let Some(text) = text {
            self.json(text);
        }
    }

    /// A JSON text by what it means; any other text, such as what a tool of free text is given, as it is.
    fn json(&mut self, text: &str) {
        match json::parse(text.as_bytes()) {
            Ok(value) => {
                self.mark(1);
                self.value(&value);
            }
            Err(_) => {
                self.mark(0);
                self.text(text);
            }
        }
    }

    fn value(&mut self, value: &Json<'_>) {
        match value.kind() {
            Kind::Null => self.mark(0),
            Kind::Bool(truth) => self.mark(1 + u8::from(*truth)),
            Kind::Number(text) => self.numeral(value, text),
            Kind::String(text) => {
                self.mark(6);
                self.text(text);
            }
            Kind::Array(elements) => {
                self.mark(7);
                self.count(elements.len());
                for element in elements {
                    self.value(element);
                }
            }
            Kind::Object(members) => {
                self.mark(8);
                let mut members: Vec<_> = members.iter().collect();
                // Of a key that stands there twice the order still counts.
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                self.count(members.len());
                for (key, value) in members {
                    self.text(key);
                    self.value(value);
                }
            }
        }
    }

    /// A number by its value: `1`, `1.0` and `10e-1` are one.
    fn numeral(&mut self, value: &Json<'_>, text: &str) {
        if let Some(whole) = value.as_i64() {
            self.mark(3);
            return self.number(whole.cast_unsigned());
        }
        if let Some(large) = value.as_u64() {
            self.mark(4);
            return self.number(large);
        }
        let written_out = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match value.as_f64().filter(|_| !written_out) {
            Some(float) => {
                self.mark(5);
                self.float(Some(float));
            }
            // Beyond what a float tells apart.
            None => {
                self.mark(9);
                self.text(text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
