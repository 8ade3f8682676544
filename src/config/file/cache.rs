//! The cache as a human writes it.

use std::time::Duration;

use serde::Deserialize;

use super::scalar::{Degree, Fraction, Key, Size, Span};
use crate::cache::models::ALIKE;
use crate::units::ByteSize;

/// What is kept of answers, to answer the same question once more; may be written as its mode alone.
/// Only whole, good answers are kept, in memory and where it says so behind that, for whoever asks with the
/// same key.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("type" = ["object", "string", "boolean"])))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Cache {
    /// `exact`: the same question, in whatever dialect, is answered once more; `safe`: also the same question
    /// in other words; `balanced`: also with words in it that mean the same; `verified`: also where a model says
    /// that it is the same; `custom`: also where a model's vectors are about the same; or `off`. Default: `exact`.
    pub(in crate::config) mode: CacheMode,
    /// All that is kept at one time; what was used longest ago goes first. Default: `64MiB`.
    pub(in crate::config) room: Size,
    /// The largest answer that is kept or shared. Default: `2MiB`.
    pub(in crate::config) entry: Size,
    /// How long an answer is kept. Default: `1h`.
    pub(in crate::config) ttl: Span,
    /// Who shares answers: all that show one virtual `key`, all keys of one `owner`, or everybody
    /// (`shared`). Default: `key`.
    pub(in crate::config) scope: CacheScope,
    /// A request that wants a freer draw than this is asked anew each time, unless it names a seed.
    /// Default: 0.3.
    pub(in crate::config) temperature: Degree,
    /// Whether also requests are answered that name no temperature. Default: false in the modes `off` and
    /// `exact`, else true.
    pub(in crate::config) without_temperature: Option<bool>,
    /// Whether also requests with tools are answered. Default: false.
    pub(in crate::config) tools: bool,
    /// Whether the same question, asked while it is being answered, shares that answer. Default: true.
    pub(in crate::config) in_flight: bool,
    /// What becomes of an answer in flight when nobody waits for it any more: `cancel` it, or `finish` it
    /// and keep it. Default: `cancel`.
    pub(in crate::config) left: CacheLeft,
    /// How a stream is told once more: `at_once`, or at its `recorded` pace. Default: `at_once`.
    pub(in crate::config) replay: CacheReplay,
    /// Whether a question that was answered in other words is asked all the same, so that the answers can be
    /// compared: metrics say how many `safe` would have answered, or the mode that is said where that knows more,
    /// and how many of those answers agree. It sees what the cache answers: with
    /// `exact`, requests that name no temperature only where `without_temperature` is set. Default: false.
    pub(in crate::config) shadow: bool,
    /// The model that is asked in the mode `verified`.
    pub(in crate::config) verified: CacheVerified,
    /// The model that is asked in the mode `custom`.
    pub(in crate::config) custom: CacheCustom,
    /// What is kept on the disk too, so that it outlives the process.
    pub(in crate::config) disk: CacheDisk,
    /// What is kept on a server too, which several gateways share.
    pub(in crate::config) redis: CacheRedis,
}

/// A model that is asked whether a question is the same as one that was answered.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct CacheVerified {
    /// The model or route, by the name that clients use: a small, fast one that chats.
    pub(in crate::config) model: Option<String>,
    /// How long a question waits for its verdict; what is later is a miss. Default: `1s`.
    pub(in crate::config) timeout: Span,
}

impl Default for CacheVerified {
    fn default() -> Self {
        Self { model: None, timeout: Span(Duration::from_secs(1)) }
    }
}

/// A model that turns questions into vectors.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct CacheCustom {
    /// The model or route, by the name that clients use: one that makes embeddings.
    pub(in crate::config) model: Option<String>,
    /// How alike the vectors of two questions must be to share an answer, from 0 to 1 (their cosine). Default: 0.95.
    pub(in crate::config) threshold: Fraction,
    /// How long a question waits for its vector; what is later is a miss. Default: `100ms`.
    pub(in crate::config) timeout: Span,
}

impl Default for CacheCustom {
    fn default() -> Self {
        Self { model: None, threshold: Fraction(ALIKE), timeout: Span(Duration::from_millis(100)) }
    }
}

/// Answers on the disk.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct CacheDisk {
    /// All that is kept there at one time; what was used longest ago goes first. Default: none, and nothing
    /// is kept there. Needs a restart.
    pub(in crate::config) bytes: Option<Size>,
    /// The folder. Default: `cache` in `data_dir`. Needs a restart.
    pub(in crate::config) path: Option<String>,
}

/// Answers on a server of Redis or Valkey.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct CacheRedis {
    /// Where it is: `redis://user:password@host:6379/0`, or `rediss://…` for TLS. Default: none. Needs a
    /// restart.
    pub(in crate::config) url: Option<Key>,
    /// How long a look-up there may take; what takes longer is a miss. Default: `20ms`. Needs a restart.
    pub(in crate::config) timeout: Span,
    /// What all names there begin with. Default: `tollgate:cache:`. Needs a restart.
    pub(in crate::config) prefix: String,
    /// What all gateways that share it know, so that nobody else finds or makes answers there. Default: the
    /// master key. Needs a restart.
    pub(in crate::config) secret: Option<Key>,
}

impl Default for CacheRedis {
    fn default() -> Self {
        Self {
            url: None,
            timeout: Span(Duration::from_millis(20)),
            prefix: "tollgate:cache:".to_owned(),
            secret: None,
        }
    }
}

/// What a route or a key has otherwise than all; may be written as its mode alone. `off` has the last word.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("type" = ["object", "string", "boolean"])))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct CacheOtherwise {
    /// `exact`, `safe`, `balanced`, `verified`, `custom` or `off`.
    pub(in crate::config) mode: Option<CacheMode>,
    /// How long an answer is kept.
    pub(in crate::config) ttl: Option<Span>,
    /// Who shares answers: `key`, `owner` or `shared`.
    pub(in crate::config) scope: Option<CacheScope>,
    /// A request that wants a freer draw than this is asked anew each time.
    pub(in crate::config) temperature: Option<Degree>,
    /// Whether also requests are answered that name no temperature.
    pub(in crate::config) without_temperature: Option<bool>,
    /// Whether also requests with tools are answered.
    pub(in crate::config) tools: Option<bool>,
    /// Whether the same question, asked while it is being answered, shares that answer.
    pub(in crate::config) in_flight: Option<bool>,
    /// Whether a question that was answered in other words is asked all the same, to compare the answers.
    pub(in crate::config) shadow: Option<bool>,
}

/// Whether answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CacheMode {
    /// They are not.
    #[serde(alias = "false", alias = "no")]
    Off,
    /// For the same question.
    #[serde(alias = "on", alias = "true", alias = "yes")]
    Exact,
    /// For the same question, in the same words or in others, as far as rules tell.
    Safe,
    /// And as far as words tell that may stand for one another.
    Balanced,
    /// And as far as a model says so.
    Verified,
    /// And as far as a model's vectors tell.
    Custom,
}

/// Who shares answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CacheScope {
    /// All that show one virtual key.
    Key,
    /// All keys of one owner.
    Owner,
    /// Everybody.
    Shared,
}

/// What becomes of an answer that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CacheLeft {
    /// It is broken off.
    Cancel,
    /// It is heard to its end and kept.
    Finish,
}

/// How a stream is told once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CacheReplay {
    /// As fast as it is taken.
    AtOnce,
    /// At the pace at which it came.
    Recorded,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            mode: CacheMode::Exact,
            room: Size(ByteSize(64 << 20)),
            entry: Size(ByteSize(2 << 20)),
            ttl: Span(Duration::from_secs(3600)),
            scope: CacheScope::Key,
            temperature: Degree(0.3),
            without_temperature: None,
            tools: false,
            in_flight: true,
            left: CacheLeft::Cancel,
            replay: CacheReplay::AtOnce,
            shadow: false,
            verified: CacheVerified::default(),
            custom: CacheCustom::default(),
            disk: CacheDisk::default(),
            redis: CacheRedis::default(),
        }
    }
}
