//! How a client hears what it may still ask for: headers in its own dialect's form, and refusals.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::clock;
use crate::ir::Dialect;
use crate::policy::{Claim, Full, Measure, Reservation, Standing};
use crate::refusal::{Kind, Refusal};
use crate::units::PicoUsd;

/// Budgets that are nearly spent.
const WARNING: HeaderName = HeaderName::from_static("x-tollgate-budget-warning");
/// SDKs of OpenAI and Anthropic do not ask again where this says so.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The headers that tell of one measure: its limit, what is left of it, and when that is all there again.
type Names = [HeaderName; 3];

/// As OpenAI's clients read them.
const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const TOKENS_IN: Names = [
    HeaderName::from_static("x-ratelimit-limit-input-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-input-tokens"),
    HeaderName::from_static("x-ratelimit-reset-input-tokens"),
];
const TOKENS_OUT: Names = [
    HeaderName::from_static("x-ratelimit-limit-output-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-output-tokens"),
    HeaderName::from_static("x-ratelimit-reset-output-tokens"),
];

/// As Anthropic's do.
const ANTHROPIC_REQUESTS: Names = [
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];
const ANTHROPIC_TOKENS: Names = [
    HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
];
const ANTHROPIC_TOKENS_IN: Names = [
    HeaderName::from_static("anthropic-ratelimit-input-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-input-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-input-tokens-reset"),
];
const ANTHROPIC_TOKENS_OUT: Names = [
    HeaderName::from_static("anthropic-ratelimit-output-tokens-limit"),
    HeaderName::from_static("anthropic-ratelimit-output-tokens-remaining"),
    HeaderName::from_static("anthropic-ratelimit-output-tokens-reset"),
];

/// The refusal of a request that a rule has no room for.
#[must_use]
pub fn refusal(full: &Full, claim: &Claim) -> Refusal {
    let Full { rule, wanted, left, after } = full;
    let spends = rule.bound.measure == Measure::Usd;
    let amount = |number: u64| match rule.bound.measure {
        Measure::Usd => format!("{} USD", PicoUsd(number.into())),
        _ => number.to_string(),
    };
    let noun = if spends { "budget" } else { "limit" };
    let mut message = format!("the {} has reached its {noun} of {}", rule.node, rule.bound);
    if *left > 0 && !matches!(rule.bound.measure, Measure::Requests | Measure::Concurrency) {
        message = format!(
            "the {} has {} left of its {noun} of {}, and this request may come to {}",
            rule.node,
            amount(*left),
            rule.bound,
            amount(*wanted)
        );
        if claim.is_capped && claim.tokens_out > 0 {
            message.push_str("; one for a shorter answer may fit");
        }
    }
    let (kind, code) = if spends {
        (Kind::Billing, "insufficient_quota")
    } else {
        (Kind::RateLimited, "rate_limit_exceeded")
    };
    let refusal = Refusal { status: 429, ..Refusal::new(kind, message) }.with_code(code);
    match after {
        Some(seconds) => refusal.with_retry_after(Duration::from_secs(*seconds)),
        None => refusal,
    }
}

/// Says how the limits of a running request stand, in the client's form.
pub fn stand(reserved: &Reservation, client: Dialect, headers: &mut HeaderMap) {
    let now = clock::unix_seconds();
    for measure in [Measure::Requests, Measure::Tokens, Measure::TokensIn, Measure::TokensOut] {
        if let Some(standing) = reserved.standing(measure, now) {
            tell(measure, standing, client, now, headers);
        }
    }
    let mut warnings = String::new();
    for (rule, level) in reserved.near_their_end(now) {
        let percent = u128::from(level) * 100 / u128::from(rule.bound.limit.max(1));
        if !warnings.is_empty() {
            warnings.push_str(", ");
        }
        // Writing to a text cannot fail.
        let _ = write!(warnings, "{} at {percent}% of {}", rule.node, rule.bound);
    }
    if let (false, Ok(value)) = (warnings.is_empty(), HeaderValue::from_str(&warnings)) {
        headers.insert(WARNING, value);
    }
}

/// Says the same of the rule that refused a request.
pub fn stand_full(full: &Full, client: Dialect, headers: &mut HeaderMap) {
    let now = clock::unix_seconds();
    let reset = full.rule.window.when_empty().map_or(0, |at| at.saturating_sub(now));
    tell(
        full.rule.bound.measure,
        Standing { limit: full.rule.bound.limit, left: full.left, reset },
        client,
        now,
        headers,
    );
    let soon = full.after.is_some_and(|seconds| seconds <= 60);
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(if soon { "true" } else { "false" }));
}

fn tell(measure: Measure, standing: Standing, client: Dialect, now: u64, headers: &mut HeaderMap) {
    let anthropic = client == Dialect::AnthropicMessages;
    let [limit, left, reset] = match (measure, anthropic) {
        (Measure::Requests, false) => REQUESTS,
        (Measure::Tokens, false) => TOKENS,
        (Measure::TokensIn, false) => TOKENS_IN,
        (Measure::TokensOut, false) => TOKENS_OUT,
        (Measure::Requests, true) => ANTHROPIC_REQUESTS,
        (Measure::Tokens, true) => ANTHROPIC_TOKENS,
        (Measure::TokensIn, true) => ANTHROPIC_TOKENS_IN,
        (Measure::TokensOut, true) => ANTHROPIC_TOKENS_OUT,
        (Measure::Concurrency | Measure::Usd, _) => return,
    };
    headers.insert(limit, standing.limit.into());
    headers.insert(left, standing.left.into());
    if let Ok(said) = said_reset(standing.reset, anthropic, now) {
        headers.insert(reset, said);
    }
}

/// When a limit is all there again: as a moment, or in how many seconds.
fn said_reset(after: u64, moment: bool, now: u64) -> Result<HeaderValue, header::InvalidHeaderValue> {
    if moment {
        return HeaderValue::try_from(crate::units::civil::rfc3339(now.saturating_add(after)));
    }
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(after);
    let mut seconds = String::with_capacity(digits.len() + 1);
    seconds.push_str(digits);
    seconds.push('s');
    HeaderValue::try_from(seconds)
}
