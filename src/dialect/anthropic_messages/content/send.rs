//! Blocks → JSON for a provider: what it would refuse is left out, and the ledger says so.

use crate::catalog::profile::Profile;
use crate::dialect::anthropic_messages::types::{DIALECT, mark_json};
use crate::dialect::tool_names::Names;
use crate::ir::{
    Block, CacheMark, Citation, Content, Extras, Losses, Media, Reasoning, Role, Signature, Source, ToolCall,
    ToolKind, ToolResult,
};
use crate::wire::json::{self, Array, Object};
use crate::wire::lens::{Edit, Lens};

use super::media::{self, Sent};

/// How many cache marks one request may hold.
const MOST_MARKS: usize = 4;

/// Spends the cache marks of one request, in the order in which the provider reads: tools,
/// system, messages.
#[derive(Debug)]
pub(in super::super) struct Marks {
    left: usize,
    known: bool,
    /// A mark for five minutes was written; one for an hour may no longer follow.
    short: bool,
}

impl Marks {
    /// The marks of a request to a target, of which `taken` are set otherwise.
    pub(in super::super) const fn new(profile: &Profile, taken: usize) -> Self {
        Self { left: MOST_MARKS.saturating_sub(taken), known: profile.cache_marks, short: false }
    }

    /// The mark that may be written for the one that was asked for.
    fn spend(&mut self, mark: Option<CacheMark>, losses: &mut Losses) -> Option<CacheMark> {
        let mark = mark?;
        if !self.known || self.left == 0 {
            let why = if self.known { "at most four are taken" } else { "the target has none" };
            losses.dropped("cache_control", why);
            return None;
        }
        self.left -= 1;
        if self.short && mark == CacheMark::OneHour {
            losses.clamped("cache_control.ttl", "an hour may not follow five minutes");
            return Some(CacheMark::FiveMinutes);
        }
        self.short |= mark == CacheMark::FiveMinutes;
        Some(mark)
    }

    /// Writes `cache_control`, in its own words where they said more than the mark does.
    pub(in super::super) fn write(
        &mut self,
        mark: Option<CacheMark>,
        extras: &Extras,
        o: &mut Object<'_>,
        losses: &mut Losses,
    ) {
        if let Some(mark) = self.spend(mark, losses) {
            let own = extras.json(DIALECT, "cache_control");
            o.raw("cache_control", own.unwrap_or(mark_json(mark)));
        }
    }

    /// Writes a block or tool that is kept whole, its mark included if that may stay.
    pub(in super::super) fn write_marked(
        &mut self,
        whole: &str,
        mark: Option<CacheMark>,
        out: &mut Vec<u8>,
        losses: &mut Losses,
    ) {
        let stays = mark.is_none() || self.spend(mark, losses).is_some();
        match Lens::new(whole.as_bytes()) {
            Ok(lens) if !stays => {
                out.extend(lens.apply(&[Edit::Remove { key: "cache_control".into() }]));
            }
            Ok(_) | Err(_) => out.extend_from_slice(whole.as_bytes()),
        }
    }
}

/// Writes the members that only this dialect has; those of others are lost.
pub(in super::super) fn extra_members(
    extras: &Extras,
    place: &'static str,
    o: &mut Object<'_>,
    losses: &mut Losses,
) {
    for extra in extras.foreign(DIALECT) {
        losses.dropped(format!("{place}.{}", extra.name), "only its own dialect has it");
    }
    for extra in extras.of(DIALECT).filter(|extra| extra.name != "cache_control") {
        o.raw(&extra.name, &extra.json);
    }
}

/// Whether a block can be sent in a turn of this role; if not, the ledger says what is lost.
pub(in super::super) fn is_sent(block: &Block, role: Role, profile: &Profile, losses: &mut Losses) -> bool {
    let why = match &block.content {
        Content::Text { text, .. } | Content::Refusal(text) => {
            if !text.is_empty() && text.trim().is_empty() {
                losses.dropped("messages.content.text", "blank text is refused");
            }
            return !text.trim().is_empty();
        }
        Content::Reasoning(thought) => refuses_thought(block, thought, role),
        Content::ToolCall(_) => {
            (role != Role::Assistant).then_some(("messages.content.tool_use", "only the model calls tools"))
        }
        Content::ToolResult(_) => (role == Role::Assistant)
            .then_some(("messages.content.tool_result", "only the user answers calls")),
        Content::Image(media) => refuses_image(media, role, profile),
        Content::Document(media) => refuses_document(media, role, profile),
        Content::Audio(_) => Some(("messages.content.input_audio", "the target takes no sound")),
        Content::Video(_) => Some(("messages.content.video", "the target takes no video")),
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

fn refuses_thought(block: &Block, thought: &Reasoning, role: Role) -> Refused {
    let seal = thought.redacted.as_ref().or(block.signature.as_ref());
    if role != Role::Assistant {
        return Some(("messages.content.thinking", "only the model thinks"));
    }
    match seal {
        Some(Signature { dialect: DIALECT, .. }) => None,
        Some(_) => Some(("messages.content.thinking", "the seal is another provider's")),
        None => Some(("messages.content.thinking", "a thought without its seal is refused")),
    }
}

fn refuses_image(media: &Media, role: Role, profile: &Profile) -> Refused {
    const FIELD: &str = "messages.content.image";
    match &media.source {
        _ if role == Role::Assistant => Some((FIELD, "the model's turns hold no pictures there")),
        Source::Url(url) if is_in_a_store(url) => Some((FIELD, "the target reads no cloud's own store")),
        Source::Url(_) if !profile.image_urls => Some((FIELD, "the target reads no addresses")),
        _ if !media::is_known_picture(media) => {
            Some((FIELD, "only JPEG, PNG, GIF and WebP are taken as pictures"))
        }
        _ => None,
    }
}

/// Whether only one cloud can read the address.
fn is_in_a_store(url: &str) -> bool {
    ["gs:", "s3:"].iter().any(|store| url.starts_with(store))
}

fn refuses_document(media: &Media, role: Role, profile: &Profile) -> Refused {
    const FIELD: &str = "messages.content.document";
    match &media.source {
        _ if role == Role::Assistant => Some((FIELD, "the model's turns hold no documents there")),
        _ if !profile.documents => Some((FIELD, "the target takes no documents")),
        Source::Url(url) if is_in_a_store(url) => Some((FIELD, "the target reads no cloud's own store")),
        _ if media::document_form(media).is_none() => {
            Some((FIELD, "only PDF and text are taken as documents"))
        }
        _ => None,
    }
}

/// Writes the blocks of one request.
#[derive(Debug)]
pub(in super::super) struct Writer<'a> {
    /// The tool names as the target knows them.
    pub(in super::super) names: &'a Names,
    /// What the target tolerates.
    pub(in super::super) profile: &'a Profile,
    /// The cache marks that are left.
    pub(in super::super) marks: Marks,
    /// The header betas without which something written is refused.
    pub(in super::super) betas: Vec<&'static str>,
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
        a.object(|o| {
            o.string("type", "text");
            o.string("text", text);
            let Some(block) = from else { return };
            if let Content::Text { citations, .. } = &block.content {
                write_citations(citations, o, losses);
            }
            self.tail(block, o, losses);
        });
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
            o.string("type", "tool_use");
            o.string("id", id);
            o.string("name", self.names.sent(&call.name));
            write_input(call, o, losses);
            self.tail(block, o, losses);
        });
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
            o.string("type", "tool_result");
            o.string("tool_use_id", id);
            self.result_content(result, o, losses);
            if result.is_error {
                o.bool("is_error", true);
            }
            self.tail(block, o, losses);
        });
    }

    fn result_content(&mut self, result: &ToolResult, o: &mut Object<'_>, losses: &mut Losses) {
        let profile = self.profile;
        let stays =
            |block: &&Block| is_sent(block, Role::User, profile, losses) && !is_moved_out(block, profile);
        let blocks: Vec<&Block> = result.content.iter().filter(stays).collect();
        match blocks.as_slice() {
            [] if result.is_error => {
                losses.bent("messages.tool_result", "an error without words is refused");
                o.string("content", "The tool failed and said nothing.");
            }
            [] => {}
            [Block { content: Content::Text { text, citations }, cache: None, extras, .. }]
                if citations.is_empty() && extras.is_empty() =>
            {
                o.string("content", text);
            }
            blocks => o.array("content", |a| {
                for block in blocks {
                    self.block(block, a, losses);
                }
            }),
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
                a.embed(|out| self.marks.write_marked(json, block.cache, out, losses));
            }
            Content::Reasoning(thought) => a.object(|o| {
                write_thought(block, thought, o);
                extra_members(&block.extras, "messages.content", o, losses);
            }),
            Content::Image(media) => a.object(|o| {
                o.string("type", "image");
                self.note_file(media);
                media::write_image(media, o, losses);
                self.tail(block, o, losses);
            }),
            Content::Document(media) => a.object(|o| {
                o.string("type", "document");
                self.note_file(media);
                let form = media::document_form(media).unwrap_or(Sent::AsIs);
                media::write_document(media, &form, o);
                self.tail(block, o, losses);
            }),
            Content::ToolCall(call) => self.call(block, call, &call.id, a, losses),
            Content::ToolResult(result) => self.result(block, result, &result.call_id, a, losses),
            Content::Audio(_) | Content::Video(_) => {}
        }
    }

    fn note_file(&mut self, media: &Media) {
        if matches!(media.source, Source::File(_)) && !self.betas.contains(&media::FILES_BETA) {
            self.betas.push(media::FILES_BETA);
        }
    }

    /// Writes what may stand on any block: members that only this dialect has, and a cache mark.
    fn tail(&mut self, block: &Block, o: &mut Object<'_>, losses: &mut Losses) {
        if block.signature.as_ref().is_some_and(|seal| seal.dialect != DIALECT) {
            losses.dropped("messages.content.signature", "the seal is another provider's");
        }
        extra_members(&block.extras, "messages.content", o, losses);
        self.marks.write(block.cache, &block.extras, o, losses);
    }
}

/// Whether a block inside a tool result must follow it instead.
pub(in super::super) fn is_moved_out(block: &Block, profile: &Profile) -> bool {
    !profile.tool_result_media && matches!(block.content, Content::Image(_) | Content::Document(_))
}

fn write_thought(block: &Block, thought: &Reasoning, o: &mut Object<'_>) {
    if let Some(redacted) = &thought.redacted {
        o.string("type", "redacted_thinking");
        o.string("data", &redacted.value);
        return;
    }
    o.string("type", "thinking");
    o.string("thinking", &thought.text);
    o.opt_string("signature", block.signature.as_ref().map(|seal| seal.value.as_str()));
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

/// Writes the citations that this provider made; it refuses those of others, and those that were
/// made up for a client of this dialect.
fn write_citations(citations: &[Citation], o: &mut Object<'_>, losses: &mut Losses) {
    let own = |citation: &Citation| match &citation.native {
        Some((DIALECT, json)) if !json.contains(r#""encrypted_index":"""#) => Some(json.clone()),
        _ => None,
    };
    let kept: Vec<String> = citations.iter().filter_map(own).collect();
    if kept.len() < citations.len() {
        losses.dropped("messages.content.citations", "only the provider's own are taken");
    }
    if kept.is_empty() {
        return;
    }
    o.array("citations", |a| {
        for json in &kept {
            a.raw(json);
        }
    });
}
