//! One attempt at one target: the body, path and headers it is asked with.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use crate::dialect::{Live, Malformed, Ranks, Restore, Vectors};
use crate::ir::embed::EmbedRequest;
use crate::ir::rerank::RerankRequest;
use crate::ir::{Dialect, Losses};
use crate::provider::Operation;
use crate::provider::url::{Protocol, Wanted};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::departure::targets::Known;
use crate::proxy::exchange::Ask;
use crate::proxy::relay::Find;
use crate::refusal::{Kind, Refusal};
use crate::wire::json;
use crate::wire::lens::Lens;

mod chat;
mod flat;
mod live;

pub(super) use chat::parse;
pub use flat::form;
pub use live::{live, opening};

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// The target.
    pub known: Arc<Known>,
    /// Which of the provider's keys it uses.
    pub key: usize,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// Headers that belong to the dialect.
    pub headers: Vec<(&'static str, String)>,
    /// What must happen to the answer.
    pub mode: Mode,
    /// What could not be said.
    pub losses: Losses,
    /// Whether what was said before was put before it.
    pub recalled: bool,
}

/// What must happen to an answer.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Nothing, but for a usage event that the client did not ask for.
    Verbatim {
        /// Whether such an event must be taken out.
        strip_usage: bool,
    },
    /// The same, though the request was said again: the target speaks the client's dialect and
    /// nothing of the request has to be undone.
    Rewritten {
        /// Whether such an event must be taken out.
        strip_usage: bool,
    },
    /// It is parsed and said again.
    Translate(Restore),
    /// Vectors: from the target's form to the client's, who asked this.
    Vectors(Vectors, Vectors, Arc<EmbedRequest>),
    /// An order of documents likewise.
    Ranks(Ranks, Ranks, Arc<RerankRequest>),
    /// Nothing; only its usage is understood.
    Relay(Find),
    /// The number of tokens, in the dialect that client and target share.
    Count,
    /// Nothing; it is not even known what was asked.
    Through(Find),
}

impl Attempt {
    /// One that posts this body, with no headers of its own, nothing lost and nothing recalled.
    #[must_use]
    pub fn posted(known: Arc<Known>, key: usize, path: String, body: Bytes, mode: Mode) -> Self {
        let (headers, losses) = (Vec::new(), Losses::new());
        Self { known, key, method: Method::POST, path, body, headers, mode, losses, recalled: false }
    }

    /// Whether the answer goes through byte for byte.
    #[must_use]
    pub const fn is_verbatim(&self) -> bool {
        matches!(self.mode, Mode::Verbatim { .. } | Mode::Count | Mode::Relay(_) | Mode::Through(_))
    }

    /// The dialect in which the target answers.
    #[must_use]
    pub fn upstream(&self) -> Dialect {
        match self.mode {
            Mode::Vectors(spoken, ..) => spoken.dialect(),
            Mode::Verbatim { .. }
            | Mode::Rewritten { .. }
            | Mode::Translate(_)
            | Mode::Ranks(..)
            | Mode::Relay(_)
            | Mode::Through(_)
            | Mode::Count => self.known.dialect,
        }
    }
}

/// Whether a target has what is asked for. A completion can be had from each, in whatever dialect.
#[must_use]
pub fn serves(asked: &Asked, known: &Known) -> bool {
    match asked {
        Asked::Embed { .. } => known.paths.embed.is_some(),
        Asked::Rerank(_) => known.paths.rank.is_some(),
        Asked::Relay(relayed) => known.path(Operation::Relayed(*relayed)).is_some(),
        Asked::Live(Live::Openai) | Asked::Opening(_) => {
            let wanted = Wanted { protocol: &Protocol::Current, place: "realtime", model: "", rest: "" };
            known.realtime(wanted).is_some()
        }
        Asked::Live(Live::Gemini) => known.dialect == Dialect::GeminiGenerate,
        Asked::Chat { .. }
        | Asked::Count { .. }
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Through(_)
        | Asked::Machine(_)
        | Asked::Health => true,
    }
}

/// Prepares an attempt; `lens` looks at the client's body.
///
/// # Errors
/// When the client's body is not what its dialect prescribes, when the target has no such
/// operation, or when something would be lost and the request is strict.
pub fn prepare(
    ask: &mut Ask,
    asked: &Asked,
    lens: &Lens<'_>,
    known: Arc<Known>,
    key: usize,
) -> Result<Attempt, Refusal> {
    let attempt = match asked {
        Asked::Embed { form, .. } => flat::vectors(ask, *form, lens, known, key)?,
        Asked::Rerank(form) => flat::ranks(ask, *form, lens, known, key)?,
        Asked::Relay(relayed) => flat::relay(ask, *relayed, lens, known, key)?,
        Asked::Count { .. } => flat::count(ask, lens, known, key)?,
        Asked::Chat { .. }
        | Asked::Models(_)
        | Asked::Model(..)
        | Asked::Shelved(_)
        | Asked::Through(_)
        | Asked::Machine(_)
        | Asked::Live(_)
        | Asked::Opening(_)
        | Asked::Health => chat::chat(ask, lens, known, key)?,
    };
    match attempt.losses.first() {
        Some(loss) if ask.strict => {
            let message =
                format!("{} cannot be carried to {}: {}", loss.field, attempt.known.provider, loss.why);
            let param = loss.field.clone().into_owned();
            Err(Refusal::new(Kind::InvalidRequest, message)
                .with_param(param)
                .with_code("unsupported_parameter"))
        }
        _ => Ok(attempt),
    }
}

/// The refusal of a body that is not what its form prescribes.
pub(in crate::proxy) fn unlike(wrong: Malformed) -> Refusal {
    let refusal = Refusal::new(Kind::InvalidRequest, wrong.message);
    if wrong.param.is_empty() { refusal } else { refusal.with_param(wrong.param) }
}

/// The refusal of a body that is not JSON.
#[must_use]
pub fn malformed(error: json::Error) -> Refusal {
    let refusal = Refusal::new(Kind::InvalidRequest, format!("the body is not valid JSON: {error}"));
    if error.path.is_empty() { refusal } else { refusal.with_param(error.path) }
}
