//! One limit or budget: what is counted, for how long together, and how much of it there may be.

use std::fmt;
use std::sync::Arc;

use crate::catalog::names::{matches, matches_target};
use crate::policy::period::{Period, Shape, Span};
use crate::policy::window::Window;
use crate::units::PicoUsd;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Requests.
    Requests,
    /// All tokens.
    Tokens,
    /// Tokens of prompts.
    TokensIn,
    /// Tokens of answers.
    TokensOut,
    /// Requests that run at one time.
    Concurrency,
    /// Money, in pico-USD.
    Usd,
}

impl Measure {
    /// The word for it in the configuration, in refusals and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::TokensIn => "tokens_in",
            Self::TokensOut => "tokens_out",
            Self::Concurrency => "concurrency",
            Self::Usd => "usd",
        }
    }
}

/// A limit or budget as written, before it has a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// What is counted.
    pub measure: Measure,
    /// For how long together.
    pub span: Span,
    /// How much there may be.
    pub limit: u64,
    /// From which amount on somebody is told.
    pub soft: Option<u64>,
    /// The models for which it holds, `*` standing for any letters; all where there is none.
    pub model: Option<String>,
}

impl Bound {
    /// What its window is kept under, for a node: it stays the same when the amount changes.
    #[must_use]
    pub fn id(&self, node: &str) -> String {
        let shape = match self.span.shape {
            Shape::Calendar => "calendar",
            Shape::Rolling => "rolling",
        };
        let (measure, period) = (self.measure.name(), self.span.period.name());
        let model = self.model.as_deref().unwrap_or("*");
        format!("{node}|{measure}|{period}|{shape}|{model}")
    }

    /// Whether it holds for a request for a model, which is `model` at a provider.
    #[must_use]
    pub fn holds_for(&self, asked: &str, provider: &str, model: &str) -> bool {
        let Some(pattern) = &self.model else { return true };
        matches(pattern, asked) || matches_target(pattern, provider, model)
    }

    /// Whether what it counts must be known when the process begins again.
    #[must_use]
    pub const fn outlives(&self) -> bool {
        !matches!(self.measure, Measure::Concurrency) && !matches!(self.span.period, Period::Minute)
    }
}

/// Where a rule stands: a key, an owner or a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `key`, `owner` or `label`.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// The key whose rules they are, where each has them who comes in as it with a token.
    pub host: Option<Arc<str>>,
}

impl Node {
    /// Its name for everybody: never that of a person.
    #[must_use]
    pub fn public_name(&self) -> &str {
        self.host.as_deref().unwrap_or(&self.name)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.kind, self.name)
    }
}

/// A limit or budget with what it has counted.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands.
    pub node: Node,
    /// What was written.
    pub bound: Bound,
    /// What it has counted.
    pub window: Arc<Window>,
}

impl Rule {
    /// Whether it holds for a request for a model, which is `model` at a provider.
    #[must_use]
    pub fn holds_for(&self, asked: &str, provider: &str, model: &str) -> bool {
        self.bound.holds_for(asked, provider, model)
    }
}

/// `1000 requests a minute`, `10 USD a month`, `5 USD in all`, `8 requests at a time`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measure {
            Measure::Usd => write!(f, "{} USD", PicoUsd(self.limit.into()))?,
            Measure::Requests | Measure::Concurrency => write!(f, "{} requests", self.limit)?,
            Measure::Tokens => write!(f, "{} tokens", self.limit)?,
            Measure::TokensIn => write!(f, "{} input tokens", self.limit)?,
            Measure::TokensOut => write!(f, "{} output tokens", self.limit)?,
        }
        match (self.measure, self.span.period) {
            (Measure::Concurrency, _) => f.write_str(" at a time")?,
            (_, Period::Ever) => f.write_str(" in all")?,
            (_, Period::Hour) => f.write_str(" an hour")?,
            (_, period) => write!(f, " a {}", period.name())?,
        }
        match &self.model {
            Some(model) => write!(f, " for {model}"),
            None => Ok(()),
        }
    }
}
