//! Blocks → JSON for a provider: what it would refuse is left out, and the ledger says so.

use crate::catalog::profile::{Converse, Profile};
use crate::dialect::bedrock_converse::types::{DIALECT, is_own_seal, mark_json, seal_text};
use crate::dialect::tool_names::Names;
use crate::ir::{
    Block, CacheMark, Citation, Content, Extras, Losses, Media, Reasoning, Role, Signature, ToolCall,
    ToolKind, ToolResult,
};
use crate::wire::json::{self, Array, Object};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::media::{self, Kind, Texts};
use super::read::{JSON_EXTRA, OWNER_EXTRA};

/// How many cache points one request may hold.
const MOST_MARKS: usize = 4;

/// Spends the cache points of one request, in the order in which the provider reads: tools,
/// system, messages.
#[derive(Debug)]
pub(in super::super) struct Marks {
    left: usize,
    known: bool,
    hour: bool,
    /// A point for five minutes was written; one for an hour may no longer follow.
    short: bool,
}

impl Marks {
    /// The points of a request to a target.
    pub(in super::super) const fn new(profile: &Profile) -> Self {
        Self { left: MOST_MARKS, known: profile.cache_marks, hour: profile.converse.cache_hour, short: false }
    }

    /// Writes the point for a mark, if that may stand.
    pub(in super::super) fn write(
        &mut self,
        mark: Option<CacheMark>,
        a: &mut Array<'_>,
        losses: &mut Losses,
    ) {
        let Some(mark) = mark else { return };
        if !self.known || self.left == 0 {
            let why = if self.known { "at most four are taken" } else { "the target has none" };
            losses.dropped("cache_control", why);
            return;
        }
        self.left -= 1;
        let long = mark == CacheMark::OneHour && self.hour && !self.short;
        if mark == CacheMark::OneHour && !long {
            losses.clamped("cache_control.ttl", "an hour is not taken here");
        }
        self.short |= !long;
        a.raw(mark_json(if long { mark } else { CacheMark::FiveMinutes }));
    }
}

/// Whether a block can be sent in a turn of this role; if not, the ledger says what is lost.
pub(in super::super) fn is_sent(block: &Block, role: Role, profile: &Profile, losses: &mut Losses) -> bool {
    let converse = &profile.converse;
    let why = match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) => {
            if !text.is_empty() && text.trim().is_empty() {
                losses.dropped("messages.content.text", "blank text is refused");
            }
            return !text.trim().is_empty();
        }
        Content::Reasoning(thought) => refuses_thought(block, thought, role, profile),
        Content::ToolCall(_) => {
            (role != Role::Assistant).then_some(("messages.content.tool_use", "only the model calls tools"))
        }
        Content::ToolResult(_) => (role == Role::Assistant)
            .then_some(("messages.content.tool_result", "only the user answers calls")),
        Content::Image(media) => refuses(Kind::Image, media, role, converse.images),
        Content::Document(media) => refuses(Kind::Document, media, role, profile.documents),
        Content::Audio(media) => refuses(Kind::Audio, media, role, profile.audio_input),
        Content::Video(media) => refuses(Kind::Video, media, role, converse.video),
        Content::Opaque { dialect, name, .. } => {
            if *dialect != DIALECT {
                losses.dropped(format!("messages.content.{name}"), "only its own dialect has it");
            }
            return *dialect == DIALECT;
        }
    };
    if let Some((field, why)) = why {
        losses.dropped(field, why);
    }
    why.is_none()
}

type Refused = Option<(&'static str, &'static str)>;

fn refuses_thought(block: &Block, thought: &Reasoning, role: Role, profile: &Profile) -> Refused {
    const FIELD: &str = "messages.content.thinking";
    let seal = thought.redacted.as_ref().or(block.signature.as_ref());
    if role != Role::Assistant {
        return Some((FIELD, "only the model thinks"));
    }
    match seal {
        Some(seal) if is_own_seal(seal) && seals(profile) => None,
        Some(_) if seals(profile) => Some((FIELD, "the seal is another provider's")),
        None if seals(profile) => Some((FIELD, "a thought without its seal is refused")),
        Some(_) | None => Some((FIELD, "the model takes no thoughts back")),
    }
}

/// Whether the model seals its thoughts and takes them back.
const fn seals(profile: &Profile) -> bool {
    matches!(profile.reasoning_history, crate::catalog::profile::ReasoningHistory::Keep)
}

fn refuses(kind: Kind, media: &Media, role: Role, taken: bool) -> Refused {
    let field = match kind {
        Kind::Image => "messages.content.image",
        Kind::Document => "messages.content.document",
        Kind::Audio => "messages.content.input_audio",
        Kind::Video => "messages.content.video",
    };
    let why = if role == Role::Assistant {
        "the model's turns hold none there"
    } else if !taken {
        "the target takes none"
    } else if !media::is_reachable(media) {
        "the target reads no addresses but s3:"
    } else if kind.format(media).is_none() {
        "the target has no word for its format"
    } else {
        return None;
    };
    Some((field, why))
}

/// Whether a block inside a tool result must follow it instead.
pub(in super::super) fn is_moved_out(block: &Block, converse: &Converse) -> bool {
    match &block.content {
        Content::Image(_) => !converse.result_images,
        Content::Document(_) => !converse.result_documents,
        Content::Video(_) => !converse.video,
        Content::Audio(_) => true,
        Content::Text { .. }
        | Content::Reasoning(_)
        | Content::Refusal(_)
        | Content::ToolCall(_)
        | Content::ToolResult(_)
        | Content::Opaque { .. } => false,
    }
}

/// Writes the blocks of one request.
#[derive(Debug)]
pub(in super::super) struct Writer<'a> {
    /// The tool names as the target knows them.
    pub(in super::super) names: &'a Names,
    /// What the target tolerates.
    pub(in super::super) profile: &'a Profile,
    /// The cache points that are left.
    pub(in super::super) marks: Marks,
    /// The names of the documents so far; no two may be alike.
    pub(in super::super) documents: Vec<String>,
}

impl Writer<'_> {
    /// Writes a text block, perhaps in other words than the block it stands for.
    pub(in super::super) fn text(
        &mut self,
        text: &str,
        from: Option<&Block>,
        a: &mut Array<'_>,
        losses: &mut Losses,
    ) {
        let citations = match from.map(|block| &block.content) {
            Some(Content::Text { citations, .. }) => citations.as_slice(),
            _ => &[],
        };
        a.object(|o| write_text(text, own_citations(citations, losses).as_slice(), o));
        if let Some(block) = from {
            self.tail(block, a, losses);
        }
    }

    /// Writes a call under the id that it is given.
    pub(in super::super) fn call(
        &mut self,
        block: &Block,
        call: &ToolCall,
        id: &str,
        a: &mut Array<'_>,
        losses: &mut Losses,
    ) {
        a.object(|o| {
            o.object("toolUse", |o| {
                o.string("toolUseId", id);
                o.string("name", self.names.sent(&call.name));
                write_input(call, o, losses);
                extra_members(&block.extras, o, losses);
            });
        });
        if block.signature.is_some() {
            losses.dropped("messages.content.signature", "a call has no place for a seal there");
        }
        self.tail(block, a, losses);
    }

    /// Writes a result under the id of the call that it answers.
    pub(in super::super) fn result(
        &mut self,
        block: &Block,
        result: &ToolResult,
        id: &str,
        a: &mut Array<'_>,
        losses: &mut Losses,
    ) {
        a.object(|o| {
            o.object("toolResult", |o| {
                o.string("toolUseId", id);
                o.array("content", |a| self.result_content(result, a, losses));
                if result.is_error && self.profile.converse.result_status {
                    o.string("status", "error");
                } else if result.is_error {
                    losses.dropped("messages.tool_result.is_error", "the target takes no status");
                }
                extra_members(&block.extras, o, losses);
            });
        });
        self.marks.write(block.cache, a, losses);
    }

    fn result_content(&mut self, result: &ToolResult, a: &mut Array<'_>, losses: &mut Losses) {
        let before = a.is_empty();
        for block in &result.content {
            let blank = block.as_text().is_some();
            let moved = is_moved_out(block, &self.profile.converse);
            if blank || (!moved && is_sent(block, Role::User, self.profile, losses)) {
                self.result_block(block, a, losses);
            }
        }
        if before && a.is_empty() {
            if result.is_error {
                losses.bent("messages.tool_result", "an error without words is refused");
            }
            let words = if result.is_error { "The tool failed and said nothing." } else { "" };
            a.object(|o| o.string("text", words));
        }
    }

    fn result_block(&mut self, block: &Block, a: &mut Array<'_>, losses: &mut Losses) {
        let Content::Text { text, .. } = &block.content else {
            self.block(block, a, losses);
            return;
        };
        let is_object = || text.trim_start().starts_with('{') && json::validate(text.as_bytes()).is_ok();
        match block.extras.json(DIALECT, JSON_EXTRA) {
            Some(value) => a.object(|o| o.raw("json", value)),
            None if self.profile.converse.json_results && is_object() => a.object(|o| o.raw("json", text)),
            None => a.object(|o| o.string("text", text)),
        }
        if block.cache.is_some() {
            losses.dropped("cache_control", "results hold none inside");
        }
    }

    /// Writes any other block.
    pub(in super::super) fn block(&mut self, block: &Block, a: &mut Array<'_>, losses: &mut Losses) {
        match &block.content {
            Content::Text { text, .. } => self.text(text, Some(block), a, losses),
            Content::Refusal(text) => {
                losses.bent("messages.refusal", "said as text");
                self.text(text, Some(block), a, losses);
            }
            Content::Opaque { json, .. } => {
                a.raw(json);
                self.tail(block, a, losses);
            }
            Content::Reasoning(thought) => a.object(|o| write_thought(block, thought, o)),
            Content::Image(media) => self.media(Kind::Image, media, block, a, losses),
            Content::Document(media) => self.media(Kind::Document, media, block, a, losses),
            Content::Audio(media) => self.media(Kind::Audio, media, block, a, losses),
            Content::Video(media) => self.media(Kind::Video, media, block, a, losses),
            Content::ToolCall(call) => self.call(block, call, &call.id, a, losses),
            Content::ToolResult(result) => self.result(block, result, &result.call_id, a, losses),
        }
    }

    fn media(&mut self, kind: Kind, media: &Media, block: &Block, a: &mut Array<'_>, losses: &mut Losses) {
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            losses.dropped("messages.content.image.detail", "pictures have no detail there");
        }
        let texts = if self.profile.converse.text_documents { Texts::Plain } else { Texts::Bytes };
        let name = (kind == Kind::Document).then(|| self.document_name(media.name.as_deref(), losses));
        a.object(|o| {
            o.object(kind.name(), |o| {
                o.opt_string("name", name.as_deref());
                media::write(kind, media, block.extras.json(DIALECT, OWNER_EXTRA), texts, o);
                extra_members(&block.extras, o, losses);
            });
        });
        self.tail(block, a, losses);
    }

    /// A name that the API takes for a document, unlike those before it.
    fn document_name(&mut self, name: Option<&str>, losses: &mut Losses) -> String {
        let plain = document_name(name.unwrap_or_default());
        if name.is_some_and(|name| name != plain) {
            losses.bent("messages.content.document.title", "names have few characters there");
        }
        let plain = if plain.is_empty() { "Document".to_owned() } else { plain };
        let mut unique = plain.clone();
        let mut number = 2;
        while self.documents.contains(&unique) {
            unique = format!("{plain} {number}");
            number += 1;
        }
        self.documents.push(unique.clone());
        unique
    }

    /// What may follow a block: a cache point.
    fn tail(&mut self, block: &Block, a: &mut Array<'_>, losses: &mut Losses) {
        let thinks = matches!(block.content, Content::Reasoning(_));
        let called = matches!(block.content, Content::ToolCall(_));
        if !thinks && !called && block.signature.is_some() {
            losses.dropped("messages.content.signature", "a text has no place for a seal there");
        }
        self.marks.write(block.cache, a, losses);
    }
}

/// The longest name of a document.
const LONGEST_NAME: usize = 200;

/// A name in the characters that a document's may have: letters, digits, hyphens, brackets, and
/// single spaces.
fn document_name(name: &str) -> String {
    let plain = |c: char| {
        let taken = c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
        if taken {
            c
        } else if c.is_whitespace() || c == '_' {
            ' '
        } else {
            '-'
        }
    };
    let plain: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Writes the members that only this dialect has; those of others are lost.
pub(in super::super) fn extra_members(extras: &Extras, o: &mut Object<'_>, losses: &mut Losses) {
    for extra in extras.foreign(DIALECT) {
        losses.dropped(format!("messages.content.{}", extra.name), "only its own dialect has it");
    }
    for extra in extras.of(DIALECT) {
        if ![JSON_EXTRA, OWNER_EXTRA].contains(&extra.name.as_str()) {
            o.raw(&extra.name, &extra.json);
        }
    }
}

/// Writes a text, with its sources where it has any.
pub(in super::super) fn write_text(text: &str, citations: &[String], o: &mut Object<'_>) {
    if citations.is_empty() {
        o.string("text", text);
        return;
    }
    o.object("citationsContent", |o| {
        o.array("content", |a| a.object(|o| o.string("text", text)));
        o.array("citations", |a| citations.iter().for_each(|citation| a.raw(citation)));
    });
}

/// The citations that this provider made; it knows nothing of those of others.
fn own_citations(citations: &[Citation], losses: &mut Losses) -> Vec<String> {
    let own = |citation: &Citation| match &citation.native {
        Some((DIALECT, json)) => Some(json.clone()),
        _ => None,
    };
    let kept: Vec<String> = citations.iter().filter_map(own).collect();
    if kept.len() < citations.len() {
        losses.dropped("messages.content.citations", "only the provider's own are taken");
    }
    kept
}

/// Writes a thought.
pub(in super::super) fn write_thought(block: &Block, thought: &Reasoning, o: &mut Object<'_>) {
    o.object("reasoningContent", |o| {
        if let Some(redacted) = &thought.redacted {
            o.string("redactedContent", &redacted_text(redacted));
            return;
        }
        o.object("reasoningText", |o| {
            o.string("text", &thought.text);
            o.opt_string("signature", block.signature.as_ref().map(seal_text).as_deref());
        });
    });
}

/// The text of a thought that only its issuer can read: the API packs what others give as text once
/// more in base64.
pub(in super::super) fn redacted_text(seal: &Signature) -> String {
    if seal.dialect == DIALECT { seal.value.clone() } else { STANDARD.encode(seal_text(seal)) }
}

/// Writes the arguments of a call, which must be an object.
pub(in super::super) fn write_input(call: &ToolCall, o: &mut Object<'_>, losses: &mut Losses) {
    let text = call.arguments.trim();
    if let ToolKind::Custom(_) = call.kind {
        losses.bent("tools.custom", "free text is said as one argument");
        o.object("input", |o| o.string("input", &call.arguments));
    } else if text.is_empty() {
        o.raw("input", "{}");
    } else if text.starts_with('{') && json::validate(text.as_bytes()).is_ok() {
        o.raw("input", text);
    } else {
        losses.bent("tool_calls.arguments", "arguments that are no object are said as text");
        o.object("input", |o| o.string("arguments", text));
    }
}
