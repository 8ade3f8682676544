//! How Claude is asked to think, by whichever cloud: a budget on older models, an effort on newer
//! ones.

use super::taking_turns::{self, Message};
use crate::catalog::profile::{Profile, ThinkingStyle};
use crate::ir::{Effort, Losses, Request, Thinking};

/// What is said about thinking, and the limit that depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) struct Plan {
    /// The `max_tokens` to ask for.
    pub(in crate::dialect) max_tokens: u64,
    /// The `thinking` object.
    pub(in crate::dialect) mode: Mode,
    /// The effort in `output_config`.
    pub(in crate::dialect) effort: Option<Effort>,
}

/// The forms of the `thinking` object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Mode {
    /// There is none.
    Unsaid,
    /// Switched off.
    Off,
    /// So many tokens at most.
    Budget(u64),
    /// As the model sees fit; how the thoughts are shown.
    Adaptive(Option<&'static str>),
}

impl Mode {
    /// Whether the model will think.
    pub(in crate::dialect) const fn is_on(self) -> bool {
        matches!(self, Self::Budget(_) | Self::Adaptive(_))
    }

    /// Whether the model may not be forced to call a tool meanwhile.
    pub(in crate::dialect) const fn frees_tools(self) -> bool {
        matches!(self, Self::Budget(_))
    }
}

/// The least budget that the API takes.
const LEAST_BUDGET: u64 = 1024;

/// What is asked for at least, where the client gave no limit, of a model that thinks as it sees
/// fit: its thoughts count, and an answer must find room behind them.
const THINKERS_LIMIT: u64 = 16_384;

/// Plans the thinking of a request.
pub(in crate::dialect) fn plan(
    request: &Request,
    messages: &[Message<'_>],
    profile: &Profile,
    losses: &mut Losses,
) -> Plan {
    let thinking = request.thinking.as_ref();
    let plan = match thinking {
        Some(thinking) if is_wanted(thinking) => wanted(request, thinking, profile, losses),
        Some(thinking) => unwanted(request, thinking, profile, losses),
        None => without(request, Mode::Unsaid, profile, losses),
    };
    if plan.mode.is_on() && taking_turns::has_prefill(messages) {
        losses.dropped("thinking", "a model that thinks does not continue its turn");
        return Plan { mode: Mode::Unsaid, ..plan };
    }
    if matches!(plan.mode, Mode::Budget(_)) && taking_turns::has_unthought_call(messages) {
        losses.dropped("thinking", "the last call of a tool came without its thought");
        return Plan { mode: Mode::Unsaid, ..plan };
    }
    plan
}

fn is_wanted(thinking: &Thinking) -> bool {
    let off = thinking.enabled == Some(false)
        || thinking.budget == Some(0)
        || (thinking.effort == Some(Effort::None) && thinking.enabled.is_none());
    let said = thinking.enabled == Some(true) || thinking.budget.is_some() || thinking.effort.is_some();
    said && !off
}

const fn is_adaptive(profile: &Profile) -> bool {
    matches!(profile.thinking, ThinkingStyle::Adaptive)
}

/// A plan for a request that wants no thoughts, or does not say.
fn unwanted(request: &Request, thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Plan {
    let off = thinking.enabled == Some(false);
    if is_adaptive(profile) && profile.efforts.0 > Effort::None {
        // It refuses to be told not to think, and thinks hard unless told otherwise.
        losses.clamped(if off { "thinking" } else { "reasoning_effort" }, "the model always thinks");
        let effort = thinking.effort.filter(|effort| *effort > Effort::None).unwrap_or(Effort::Low);
        let effort = known_effort(effort, profile, losses);
        return Plan { effort, ..without(request, Mode::Unsaid, profile, losses) };
    }
    let said = off || is_adaptive(profile);
    let mode = if said && profile.thinking != ThinkingStyle::None { Mode::Off } else { Mode::Unsaid };
    let effort = thinking.effort.filter(|_| off && is_adaptive(profile));
    let effort = effort.map(|effort| {
        if effort > Effort::High {
            losses.clamped("reasoning_effort", "without thinking no higher one is taken");
        }
        effort.min(Effort::High)
    });
    let effort = effort.and_then(|effort| known_effort(effort, profile, losses));
    Plan { effort, ..without(request, mode, profile, losses) }
}

fn wanted(request: &Request, thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Plan {
    match profile.thinking {
        ThinkingStyle::None => {
            let field = if thinking.effort.is_some() { "reasoning_effort" } else { "thinking" };
            losses.dropped(field, "the model does not think");
            without(request, Mode::Unsaid, profile, losses)
        }
        ThinkingStyle::Adaptive => adaptive(request, thinking, profile, losses),
        ThinkingStyle::Budget
        | ThinkingStyle::Effort
        | ThinkingStyle::GeminiBudget(_)
        | ThinkingStyle::GeminiLevel { .. }
        | ThinkingStyle::Toggle
        | ThinkingStyle::Switch
        | ThinkingStyle::Template
        | ThinkingStyle::Object
        | ThinkingStyle::ObjectSwitch => budget(request, thinking, profile, losses),
    }
}

fn adaptive(request: &Request, thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Plan {
    if thinking.budget.is_some() {
        losses.bent("thinking.budget_tokens", "a budget is said as an effort");
    }
    let effort = thinking.effort.or(thinking.budget.map(budget_effort));
    let effort = effort.and_then(|effort| known_effort(effort, profile, losses));
    let display = match thinking.visible {
        Some(true) => Some("summarized"),
        Some(false) => Some("omitted"),
        // Dialects that ask by effort alone have no other word for wanting to see the thoughts,
        // and the newest models hide them unless told.
        None => thinking.enabled.is_none().then_some("summarized"),
    };
    Plan { effort, ..without(request, Mode::Adaptive(display), profile, losses) }
}

/// The effort in the range that the target knows; its own range begins at "low".
fn known_effort(effort: Effort, profile: &Profile, losses: &mut Losses) -> Option<Effort> {
    if effort == Effort::None {
        return None;
    }
    let (lowest, highest) = profile.efforts;
    let known = effort.min(highest).max(lowest).max(Effort::Low);
    let known = if known == Effort::XHigh && !profile.xhigh { Effort::Max.min(highest) } else { known };
    if known != effort {
        losses.clamped("reasoning_effort", "the target knows fewer efforts");
    }
    Some(known)
}

fn budget(request: &Request, thinking: &Thinking, profile: &Profile, losses: &mut Losses) -> Plan {
    let asked = match (thinking.budget, thinking.effort.and_then(effort_budget)) {
        (Some(budget), by_effort) => {
            if by_effort.is_some() {
                losses.dropped("reasoning_effort", "the budget says how hard to think");
            }
            budget
        }
        (None, Some(budget)) => budget,
        (None, None) => {
            losses.bent("thinking", "the model must be told a budget");
            effort_budget(Effort::High).unwrap_or(LEAST_BUDGET)
        }
    };
    if asked < LEAST_BUDGET {
        losses.clamped("thinking.budget_tokens", "at least 1024 are taken");
    }
    let asked = asked.max(LEAST_BUDGET);
    let plain = without(request, Mode::Unsaid, profile, losses);
    let max_tokens = match request.sampling.max_tokens {
        Some(_) => plain.max_tokens,
        None => capped(profile.default_max_tokens.saturating_add(asked), profile),
    };
    // The answer needs at least one token of its own.
    let room = max_tokens.saturating_sub(1);
    if room < LEAST_BUDGET {
        losses.dropped("thinking", "max_tokens leaves no room for it");
        return plain;
    }
    if asked > room {
        losses.clamped("thinking.budget_tokens", "it must stay below max_tokens");
    }
    Plan { max_tokens, mode: Mode::Budget(asked.min(room)), effort: None }
}

/// A plan in which the limit is only the client's, or the default.
fn without(request: &Request, mode: Mode, profile: &Profile, losses: &mut Losses) -> Plan {
    let max_tokens = request.sampling.max_tokens;
    if max_tokens.is_some_and(|asked| capped(asked, profile) < asked) {
        losses.clamped("max_tokens", "the model cannot produce so many");
    }
    let always = is_adaptive(profile) && profile.efforts.0 > Effort::None;
    let default = match mode {
        Mode::Adaptive(_) => profile.default_max_tokens.max(THINKERS_LIMIT),
        Mode::Unsaid if always => profile.default_max_tokens.max(THINKERS_LIMIT),
        Mode::Unsaid | Mode::Off | Mode::Budget(_) => profile.default_max_tokens,
    };
    let max_tokens = capped(max_tokens.unwrap_or(default), profile);
    Plan { max_tokens, mode, effort: None }
}

fn capped(tokens: u64, profile: &Profile) -> u64 {
    tokens.min(profile.max_output.unwrap_or(u64::MAX))
}

/// The thinking budget that stands for an effort on models that know no efforts.
const fn effort_budget(effort: Effort) -> Option<u64> {
    match effort {
        Effort::None => None,
        Effort::Minimal | Effort::Low => Some(1024),
        Effort::Medium => Some(2048),
        Effort::High => Some(4096),
        Effort::XHigh => Some(8192),
        Effort::Max => Some(16384),
    }
}

/// The effort that stands for a thinking budget on models that know no budgets.
pub(in crate::dialect) const fn budget_effort(budget: u64) -> Effort {
    match budget {
        0..2048 => Effort::Low,
        2048..4096 => Effort::Medium,
        4096..8192 => Effort::High,
        _ => Effort::XHigh,
    }
}
