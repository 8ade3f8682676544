//! Names with several targets, as a human writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::cache::CacheOtherwise;
use super::scalar::{Percent, Portion, Size, Span};

/// A name with several targets.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Route {
    /// `provider/model`, a model, an alias or another route each.
    pub(in crate::config) targets: Vec<Target>,
    /// How the first target of a request is chosen, and the next if it fails. Default: `fallback`.
    #[serde(default)]
    pub(in crate::config) strategy: Strategy,
    /// By what requests belong together that are to have the same target, with `sticky` and `canary`:
    /// `session` (the header `x-tollgate-session`), `user`, `prompt` (how it begins, so that the provider
    /// has it in its own cache), or `any` of them, in this order. Default: `any`.
    #[serde(default)]
    pub(in crate::config) sticky_by: Bond,
    /// How long a provider is waited for, where that is otherwise than for all (`upstream`).
    #[serde(default)]
    pub(in crate::config) timeouts: Timeouts,
    /// What is asked instead of the other targets when an attempt has failed of a cause.
    #[serde(default)]
    pub(in crate::config) fallbacks: Fallbacks,
    /// Whether a request is refused when a translation would lose something of it.
    /// Default: false.
    #[serde(default)]
    pub(in crate::config) strict: bool,
    /// What may be kept of its answers, where that is otherwise than for all.
    #[serde(default)]
    pub(in crate::config) cache: Option<CacheOtherwise>,
    /// Of how many requests the ledger keeps what was asked and answered: `on`, `off`, or `10%`.
    /// Default: `off`.
    #[serde(default)]
    pub(in crate::config) log_bodies: Option<Portion>,
}

/// How long a provider is waited for; what is absent is as for all.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Timeouts {
    /// To connect, TLS included.
    pub(in crate::config) connect: Option<Span>,
    /// Until the first byte of an answer.
    pub(in crate::config) first_byte: Option<Span>,
    /// Until a stream has something in it, from when it was asked for.
    pub(in crate::config) first_token: Option<Span>,
    /// The longest silence inside a streamed answer.
    pub(in crate::config) idle: Option<Span>,
    /// For the whole answer, all attempts together.
    pub(in crate::config) total: Option<Span>,
}

/// Targets for what failed of a cause, tried in their order instead of the route's other targets; written as
/// those are. A cause without targets is one of the route's own.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Fallbacks {
    /// The prompt is too long for the model: models that take longer ones.
    pub(in crate::config) context: Vec<String>,
    /// The provider's rules forbid the request or its answer.
    pub(in crate::config) content: Vec<String>,
    /// There were too many requests: 429.
    pub(in crate::config) rate_limit: Vec<String>,
    /// The provider has no capacity: 503, 529.
    pub(in crate::config) overload: Vec<String>,
    /// It took too long.
    pub(in crate::config) timeout: Vec<String>,
    /// It could not be reached, or something went wrong there.
    pub(in crate::config) error: Vec<String>,
    /// The answer had nothing in it.
    pub(in crate::config) empty: Vec<String>,
}

impl Fallbacks {
    /// Each cause's name with its targets.
    pub(in crate::config) fn all(&self) -> [(&'static str, &[String]); 7] {
        [
            ("context", &self.context),
            ("content", &self.content),
            ("rate_limit", &self.rate_limit),
            ("overload", &self.overload),
            ("timeout", &self.timeout),
            ("error", &self.error),
            ("empty", &self.empty),
        ]
    }
}

/// How targets are chosen among.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Strategy {
    /// In their order.
    #[default]
    Fallback,
    /// By chance, each as often as its weight says.
    Weighted,
    /// The quicker of two that chance names: how long answers take to begin, and how many are waited for.
    LeastLatency,
    /// The one with the fewest requests in flight for its weight.
    LeastBusy,
    /// The one where the request costs least.
    Cheapest,
    /// The same for all requests that belong together; among those, by weight.
    Sticky,
    /// Each target with a `share` gets that part of the requests; the others follow in their order.
    Canary,
}

/// By what requests belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Bond {
    /// The session, else the user, else how the prompt begins.
    #[default]
    Any,
    /// The session that the client names.
    Session,
    /// The user that the client names, else its key.
    User,
    /// How the prompt begins.
    Prompt,
}

/// One target of a route; may be written as its name alone.
#[allow(clippy::struct_field_names, reason = "it is what its users write")]
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(extend("type" = ["object", "string"])))]
pub(in crate::config) struct Target {
    /// `provider/model`, a model, an alias or another route, whose targets then stand here.
    pub(in crate::config) target: String,
    /// How much of the requests it gets, beside the others; 0 to 1000000, where 0 is asked last.
    /// Default: 1.
    #[serde(default)]
    pub(in crate::config) weight: Option<u32>,
    /// The part of the requests that it gets as a canary.
    #[serde(default)]
    pub(in crate::config) share: Option<Percent>,
    /// Which of its provider's keys it is asked with, counted from 1. Default: all of them.
    #[serde(default)]
    pub(in crate::config) keys: Vec<u32>,
    /// The region of its provider that it is asked in: a cloud's, or what stands for `{region}` in the
    /// `base_url`. Default: the provider's own.
    #[serde(default)]
    pub(in crate::config) region: Option<String>,
    /// For which requests it is. Default: for all.
    #[serde(default)]
    pub(in crate::config) when: Option<When>,
}

/// For which requests a target is: all that is said must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct When {
    /// Whose key belongs to one of these owners, or to what is below one.
    pub(in crate::config) owners: Vec<String>,
    /// Whose key has one of these labels.
    pub(in crate::config) labels: Vec<String>,
    /// That have these headers with these values; `*` is any value.
    pub(in crate::config) headers: BTreeMap<String, String>,
    /// Whose body is larger.
    pub(in crate::config) larger_than: Option<Size>,
    /// Whose body is at most so large.
    pub(in crate::config) at_most: Option<Size>,
    /// That have one of these in them: `text` (and nothing else), `image`, `audio`, `document`.
    pub(in crate::config) modalities: Vec<Modality>,
    /// That ask for a stream, or do not.
    pub(in crate::config) stream: Option<bool>,
}

/// What a request has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Modality {
    /// Nothing but text.
    Text,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A document or another file.
    Document,
}
