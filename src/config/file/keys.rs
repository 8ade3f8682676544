//! Virtual keys as a human writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::cache::CacheOtherwise;
use super::scalar::{Dollars, Key, Moment, Percent, Portion};

/// A virtual key: what a client shows, and what that opens. The same fields describe the keys that
/// `tollgate keys` makes.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct VirtualKey {
    /// The SHA-256 of its secret, as `tollgate keys hash` prints it.
    pub(in crate::config) hash: Option<String>,
    /// The secret itself, best given by reference, in place of its hash.
    pub(in crate::config) key: Option<Key>,
    /// Whose it is: `org/team/service`, or fewer parts. Default: nobody's.
    pub(in crate::config) owner: String,
    /// What it is counted under besides. Default: nothing.
    pub(in crate::config) labels: Vec<String>,
    /// Whether it is in use. Default: true.
    pub(in crate::config) enabled: bool,
    /// When it ends: `2027-01-31`, or `2027-01-31T12:00:00Z`. Default: never.
    pub(in crate::config) expires: Option<Moment>,
    /// The models it may ask for: by the name that clients use, the model's own or
    /// `provider/model`; `*` stands for any letters. Default: all.
    pub(in crate::config) models: Vec<String>,
    /// The routes and aliases it may ask for, likewise, whatever is behind them. Default: all,
    /// where `models` does not say otherwise.
    pub(in crate::config) routes: Vec<String>,
    /// The addresses it may be used from: `10.0.0.0/8`, `2001:db8::1`. Default: all.
    pub(in crate::config) addresses: Vec<String>,
    /// How much it may be used: limits of its own. Default: none.
    pub(in crate::config) limits: Vec<Limit>,
    /// How much it may spend: budgets of its own. Default: none.
    pub(in crate::config) budgets: Vec<Budget>,
    /// What may be kept of its answers, where that is otherwise than for all.
    pub(in crate::config) cache: Option<CacheOtherwise>,
    /// Of how many of its requests the ledger keeps what was asked and answered: `on`, `off`, or `10%`.
    /// Default: as the route says; `off` of either has the last word.
    pub(in crate::config) log_bodies: Option<Portion>,
    /// How much its requests matter while there is no room for all: `high`, `normal` or `low`. A client may
    /// ask for less by the header `x-tollgate-priority`. Default: `normal`.
    pub(in crate::config) priority: Priority,
    /// How many turns its owner has for one of another, while both wait before a model: 1 to 1000.
    /// Default: 1.
    pub(in crate::config) weight: u32,
    /// Notes for humans: name → text. The gateway does not read them.
    pub(in crate::config) metadata: BTreeMap<String, String>,
}

impl Default for VirtualKey {
    fn default() -> Self {
        Self {
            hash: None,
            key: None,
            owner: String::new(),
            labels: Vec::new(),
            enabled: true,
            expires: None,
            models: Vec::new(),
            routes: Vec::new(),
            addresses: Vec::new(),
            limits: Vec::new(),
            budgets: Vec::new(),
            cache: None,
            log_bodies: None,
            priority: Priority::default(),
            weight: 1,
            metadata: BTreeMap::new(),
        }
    }
}

/// How much requests matter while there is no room for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Priority {
    /// Somebody sits before them.
    High,
    /// As all.
    #[default]
    Normal,
    /// Nobody waits for them now.
    Low,
}

/// Limits and budgets of an owner or a label: of all its keys together.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Allowance {
    /// How much they may be used. Default: as much as they will.
    pub(in crate::config) limits: Vec<Limit>,
    /// How much they may spend. Default: as much as they will.
    pub(in crate::config) budgets: Vec<Budget>,
}

/// A limit: one or more amounts for a time, at every moment of it unless `calendar` is true.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Limit {
    /// Requests.
    pub(in crate::config) requests: Option<u64>,
    /// All tokens.
    pub(in crate::config) tokens: Option<u64>,
    /// Tokens of prompts.
    pub(in crate::config) tokens_in: Option<u64>,
    /// Tokens of answers.
    pub(in crate::config) tokens_out: Option<u64>,
    /// Requests that run at one time; it has no `per`.
    pub(in crate::config) concurrency: Option<u64>,
    /// `minute`, `hour` or `day`. Default: `minute`.
    pub(in crate::config) per: Option<LimitPer>,
    /// Whether the time begins with the clock: at the full minute, at midnight in UTC.
    /// Default: false.
    pub(in crate::config) calendar: bool,
    /// The models for which it holds; `*` stands for any letters. Default: all together.
    pub(in crate::config) model: Option<String>,
}

/// How long a limit is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum LimitPer {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
}

/// A budget: dollars for a time, by the calendar unless `rolling` is true.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Budget {
    /// US dollars.
    pub(in crate::config) usd: Option<Dollars>,
    /// `hour`, `day`, `week`, `month`, or `ever`, which is never renewed. Default: `month`.
    pub(in crate::config) per: Option<BudgetPer>,
    /// Whether it is the last hour, 24 hours, 7 or 30 days at every moment, instead of those of the
    /// calendar in UTC. Default: false.
    pub(in crate::config) rolling: bool,
    /// From which part of it on an alert is given: `80%`. Default: none.
    pub(in crate::config) soft: Option<Percent>,
    /// The models for which it holds; `*` stands for any letters. Default: all together.
    pub(in crate::config) model: Option<String>,
}

/// How long a budget lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum BudgetPer {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days, by the calendar from Monday.
    Week,
    /// A month of the calendar, or 30 days.
    Month,
    /// For ever.
    Ever,
}

/// What becomes of a request under a budget whose price nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Unpriced {
    /// It is refused, but for models on servers of one's own.
    #[default]
    Refuse,
    /// It is served and counts nothing.
    Allow,
}

/// What the master key opens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum MasterKeyFor {
    /// All that clients may ask for, and the operator's listener.
    #[default]
    Everything,
    /// The operator's listener alone; clients need keys of their own.
    Admin,
}

/// The header in which trusted proxies say where a client is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum TrustedHeader {
    /// `x-forwarded-for: client, proxy`.
    #[default]
    XForwardedFor,
    /// `forwarded: for=client, for=proxy`.
    Forwarded,
    /// `x-real-ip: client`.
    XRealIp,
}
