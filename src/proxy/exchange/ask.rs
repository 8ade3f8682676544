//! What the client sent, in the forms in which attempts need it.

use std::sync::Arc;

use bytes::Bytes;

use crate::account::Attribution;
use crate::dialect::Framing;
use crate::ir::addressed::{Addressed, Fetched};
use crate::ir::{Dialect, Request, ServiceTier, Usage};
use crate::policy::rewrite::Steer;
use crate::proxy::allowance::Bounds;
use crate::proxy::caching::items::Items;
use crate::proxy::keeping::recall::Recall;
use crate::route::pressure::Priority;
use crate::route::way::Times;
use crate::wire::multipart::Reader;

/// What the client sent, in the forms in which attempts need it.
#[derive(Debug)]
pub struct Ask {
    /// What the client speaks.
    pub dialect: Dialect,
    /// The path as sent.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// The body as sent.
    pub body: Bytes,
    /// Where the parts of a body lie that is a form.
    pub form: Option<Reader>,
    /// How much of the body was not read.
    pub rest: usize,
    /// Whether the client did not foretell the body's length.
    pub unsized_body: bool,
    /// The body as parsed, where some attempt needed that.
    pub parsed: Option<Box<Request>>,
    /// The model as the client named it.
    pub model: String,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// How its stream is framed.
    pub framing: Framing,
    /// Whether usage belongs in the client's stream.
    pub stream_usage: bool,
    /// Whether a loss refuses the request.
    pub strict: bool,
    /// The service tier asked for.
    pub tier: Option<ServiceTier>,
    /// Whose name follows the ids in the answer, where there is a choice.
    pub owner: Option<String>,
    /// How its answers are bounded, where a key's rules want to know.
    pub bounds: Option<Bounds>,
    /// What the request itself tells to be billed by number, should the answer not tell better.
    pub assumed: Usage,
    /// On whose behalf the client says it asks.
    pub attribution: Option<Box<Attribution>>,
    /// Headers of the client that go on to a target of the same dialect.
    pub carried: Vec<(&'static str, String)>,
    /// Whether the answer is kept for the client, by whom it may be.
    pub keep: bool,
    /// What was found of what the request refers to.
    pub recall: Option<Box<Recall>>,
    /// Whether pictures behind addresses are got for targets that take bytes alone.
    pub fetches: bool,
    /// What must be got before the prepared attempt can be made.
    pub wants: Vec<Addressed>,
    /// What was got.
    pub fetched: Vec<Fetched>,
    /// The vectors that it wants, of which some may be there.
    pub items: Option<Arc<Items>>,
    /// How long the client waits, at most.
    pub times: Times,
    /// What an operator says of it that its dialect has no place for.
    pub steer: Steer,
    /// How much it matters, where the client says so.
    pub priority: Option<Priority>,
}

impl Ask {
    /// What is known of every request; of all else it says nothing.
    #[must_use]
    pub fn new(dialect: Dialect, path: String, query: String, model: String) -> Self {
        Self {
            dialect,
            path,
            query,
            body: Bytes::new(),
            form: None,
            rest: 0,
            unsized_body: false,
            parsed: None,
            model,
            stream: false,
            framing: Framing::Sse,
            stream_usage: true,
            strict: false,
            tier: None,
            owner: None,
            bounds: None,
            assumed: Usage::default(),
            attribution: None,
            carried: Vec::new(),
            keep: false,
            recall: None,
            fetches: false,
            wants: Vec::new(),
            fetched: Vec::new(),
            items: None,
            times: Times::default(),
            steer: Steer::default(),
            priority: None,
        }
    }
}
