//! The byte form of an entry, for what outlives memory: another process reads what one has written.
//!
//! ```text
//! T G C  version  checksum (16)  made  until  kind  mark  provider  model  the rest by its kind
//! ```
//!
//! The checksum is a keyed hash over the fingerprint and all that follows, so that nothing is taken for an
//! answer that was torn, lies under another question's number, or was made by somebody without the key.
//! A version is never changed: what must be added makes another, and what is of another is a miss.

mod bytes;

use std::sync::Arc;
use std::time::Duration;

use ::bytes::Bytes;

use self::bytes::{Reader, put_bytes, put_list, put_number, put_text};
use super::entry::{Answer, Entry, Mark, Origin, Reworded, Vector};
use super::fingerprint::Fingerprint;
use crate::dialect::{Framing, Restore};
use crate::ir::{Dialect, Loss, LossKind, Losses};

/// What a packed entry begins with; the last byte is the version.
const MAGIC: [u8; 4] = *b"TGC\x01";
/// How long the checksum is.
const SUM: usize = 16;
/// So many bytes of a packed entry are enough to say whose it is, unless its names are very long.
pub const LABEL: usize = 1024;

/// What was packed.
#[derive(Debug)]
pub struct Unpacked {
    /// The entry.
    pub entry: Entry,
    /// When it was kept, in milliseconds since 1970.
    pub made: u64,
    /// When it ends.
    pub until: u64,
}

/// These bytes are no entry that this program packed under this key and fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no entry that was packed here")]
pub struct Broken;

/// Whose an entry is, without the rest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// By what it is found again.
    pub mark: Mark,
    /// Who answered.
    pub provider: Arc<str>,
    /// The model's name there.
    pub model: Arc<str>,
    /// When it was kept, in milliseconds since 1970.
    pub made: u64,
    /// How many answers it is.
    pub count: usize,
}

const ANSWER: u8 = 1;
const VECTOR: u8 = 2;
const REWORDED: u8 = 3;

/// The bytes of an entry that was kept and ends at these times, in milliseconds since 1970.
#[must_use]
pub fn pack(key: &[u8; 32], fingerprint: Fingerprint, entry: &Entry, made: u64, until: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(entry.weight());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; SUM]);
    put_number(&mut out, made);
    put_number(&mut out, until);
    out.push(match entry {
        Entry::Answer(_) => ANSWER,
        Entry::Vector(_) => VECTOR,
        Entry::Reworded(_) => REWORDED,
    });
    let mark = entry.mark();
    for text in [&mark.key, &mark.owner, &mark.asked] {
        put_text(&mut out, text);
    }
    put_list(&mut out, &mark.tags, |out, tag| put_text(out, tag));
    put_text(&mut out, entry.provider());
    put_text(&mut out, entry.model());
    match entry {
        Entry::Answer(answer) => put_answer(&mut out, answer),
        Entry::Vector(vector) => put_vector(&mut out, vector),
        Entry::Reworded(reworded) => out.extend_from_slice(&reworded.answered.to_bytes()),
    }
    let sum = out.get(MAGIC.len() + SUM..).map(|payload| checksum(key, fingerprint, payload));
    if let Some((place, sum)) = out.get_mut(MAGIC.len()..MAGIC.len() + SUM).zip(sum) {
        place.copy_from_slice(&sum);
    }
    out
}

/// The entry that was packed as these bytes, which it shares.
///
/// # Errors
/// When it was not, or not under this key and fingerprint.
pub fn unpack(key: &[u8; 32], fingerprint: Fingerprint, packed: &Bytes) -> Result<Unpacked, Broken> {
    let payload = payload(packed).ok_or(Broken)?;
    let sum = packed.get(MAGIC.len()..MAGIC.len() + SUM).ok_or(Broken)?;
    // Nobody learns by the time this takes what they could not read beside it.
    if checksum(key, fingerprint, payload) != *sum {
        return Err(Broken);
    }
    let mut from = Reader::new(payload);
    let Named { label, kind, until } = Named::read(&mut from).ok_or(Broken)?;
    let made = label.made;
    let entry = match kind {
        ANSWER => answer(&mut from, packed, label).map(Entry::Answer),
        VECTOR => vector(&mut from, label).map(Entry::Vector),
        REWORDED => reworded(&mut from, label).map(Entry::Reworded),
        _ => None,
    };
    let entry = entry.filter(|_| from.is_at_end()).ok_or(Broken)?;
    Ok(Unpacked { entry, made, until })
}

/// Whose a packed entry is, of which these are the first bytes; `None` where they do not say it. That they
/// are what was packed is not looked at.
#[must_use]
pub fn label(first: &[u8]) -> Option<Label> {
    Named::read(&mut Reader::new(payload(first)?)).map(|named| named.label)
}

fn payload(packed: &[u8]) -> Option<&[u8]> {
    packed.strip_prefix(&MAGIC)?.get(SUM..)
}

fn checksum(key: &[u8; 32], fingerprint: Fingerprint, payload: &[u8]) -> [u8; SUM] {
    let mut hash = blake3::Hasher::new_keyed(key);
    hash.update(&fingerprint.to_bytes());
    hash.update(payload);
    let mut sum = [0; SUM];
    hash.finalize_xof().fill(&mut sum);
    sum
}

/// What stands before the rest, and of which kind that is.
struct Named {
    label: Label,
    kind: u8,
    until: u64,
}

impl Named {
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (made, until, kind) = (from.number()?, from.number()?, from.byte()?);
        let (key, owner, asked) = (from.text()?.into(), from.text()?.into(), from.text()?.into());
        let tags = from.list(|from| from.text().map(Arc::from))?;
        let mark = Mark { key, owner, asked, tags };
        let (provider, model) = (from.text()?.into(), from.text()?.into());
        let count = usize::from(kind != REWORDED);
        Some(Self { label: Label { mark, provider, model, made, count }, kind, until })
    }
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    let Answer { origin, body, pace, mark: _ } = answer;
    put_text(out, origin.dialect.name());
    out.push(match origin.framing {
        None => 0,
        Some(Framing::Sse) => 1,
        Some(Framing::JsonArray) => 2,
        Some(Framing::AwsEvents) => 3,
        Some(Framing::Lines) => 4,
    });
    let Restore { names, answer_tool, free_text, older_calls, anew } = &origin.restore;
    put_list(out, names, |out, (sent, name)| {
        put_text(out, sent);
        put_text(out, name);
    });
    out.push(u8::from(answer_tool.is_some()) | u8::from(*older_calls) << 1 | u8::from(*anew) << 2);
    put_text(out, answer_tool.as_deref().unwrap_or_default());
    put_list(out, free_text, |out, name| put_text(out, name));
    let losses: Vec<_> = origin.losses.iter().collect();
    put_list(out, &losses, |out, loss| {
        put_text(out, &loss.field);
        out.push(match loss.kind {
            LossKind::Dropped => 0,
            LossKind::Clamped => 1,
            LossKind::Bent => 2,
        });
    });
    put_list(out, pace, |out, (after, to)| {
        put_number(out, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        put_number(out, *to as u64);
    });
    put_bytes(out, body);
}

fn answer(from: &mut Reader<'_>, packed: &Bytes, label: Label) -> Option<Answer> {
    let dialect = Dialect::from_name(from.text()?)?;
    let framing = match from.byte()? {
        0 => None,
        1 => Some(Framing::Sse),
        2 => Some(Framing::JsonArray),
        3 => Some(Framing::AwsEvents),
        4 => Some(Framing::Lines),
        _ => return None,
    };
    let names = from.list(|from| Some((from.text()?.to_owned(), from.text()?.to_owned())))?;
    let marks = from.byte()?;
    let answer_tool = from.text()?;
    let restore = Restore {
        names,
        answer_tool: (marks & 1 != 0).then(|| answer_tool.to_owned()),
        free_text: from.list(|from| from.text().map(str::to_owned))?,
        older_calls: marks & 2 != 0,
        anew: marks & 4 != 0,
    };
    let mut losses = Losses::new();
    for loss in from.list(loss)? {
        losses.add(loss);
    }
    let pace = from.list(|from| Some((Duration::from_micros(from.number()?), from.index()?)))?;
    let body = packed.slice_ref(from.bytes()?);
    let ends = std::iter::once(0).chain(pace.iter().map(|(_, to)| *to));
    let in_order = ends.is_sorted() && pace.last().is_none_or(|(_, to)| *to == body.len());
    let Label { mark, provider, model, .. } = label;
    let origin = Origin { dialect, framing, restore, provider, model, losses };
    in_order.then_some(Answer { origin, body, pace, mark })
}

fn loss(from: &mut Reader<'_>) -> Option<Loss> {
    let field = from.text()?.to_owned().into();
    let kind = match from.byte()? {
        0 => LossKind::Dropped,
        1 => LossKind::Clamped,
        2 => LossKind::Bent,
        _ => return None,
    };
    // The reason is constant text of whoever asked first; the field and what became of it is what is told.
    Some(Loss { field, kind, why: "its target could not be told" })
}

fn put_vector(out: &mut Vec<u8>, vector: &Vector) {
    out.push(u8::from(vector.named.is_some()) | u8::from(vector.tokens.is_some()) << 1);
    put_text(out, vector.named.as_deref().unwrap_or_default());
    put_number(out, vector.tokens.unwrap_or_default());
    put_number(out, vector.numbers.len() as u64);
    for number in &vector.numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn vector(from: &mut Reader<'_>, label: Label) -> Option<Vector> {
    let marks = from.byte()?;
    let (named, tokens) = (from.text()?, from.number()?);
    let count = from.index()?;
    let numbers = from.take(count.checked_mul(size_of::<f32>())?)?;
    let (numbers, _) = numbers.as_chunks();
    let Label { mark, provider, model, .. } = label;
    Some(Vector {
        numbers: numbers.iter().map(|number| f32::from_le_bytes(*number)).collect(),
        named: (marks & 1 != 0).then(|| named.to_owned()),
        tokens: (marks & 2 != 0).then_some(tokens),
        provider,
        model,
        mark,
    })
}

fn reworded(from: &mut Reader<'_>, label: Label) -> Option<Reworded> {
    let answered = Fingerprint::from_bytes(*from.take(16)?.first_chunk()?);
    let Label { mark, provider, model, .. } = label;
    // By words of their own questions are found in the memory of the gateway that was asked.
    Some(Reworded { answered, provider, model, mark, place: None, told: None })
}

#[cfg(test)]
mod tests;
