//! How hard to think, in the many ways in which vendors of the dialect take it.

use crate::catalog::profile::{EffortBesideTools, Profile, ThinkingStyle};
use crate::dialect::openai_chat::types::{OWN, budget_of_effort, effort_of_budget};
use crate::ir::{Effort, Losses, Request, Thinking};
use crate::wire::json::Object;

/// Where the switch is that Qwen's maker takes, and where servers of open models take the same. A client
/// of the dialect may have said them itself.
const SWITCH: &str = "enable_thinking";
const TEMPLATE: &str = "chat_template_kwargs";

/// Writes how hard to think.
pub(super) fn write(
    body: &mut Object<'_>,
    request: &Request,
    beside: EffortBesideTools,
    profile: &Profile,
    losses: &mut Losses,
) {
    let thinking = request.thinking.as_ref();
    if beside != EffortBesideTools::Taken {
        let wanted = thinking.filter(|thinking| !is_off(thinking) && **thinking != only_visible(thinking));
        if wanted.is_some() {
            losses.dropped("reasoning_effort", "the target does not think where there are tools");
        }
        if beside == EffortBesideTools::Off || thinking.is_some_and(is_off) {
            body.string("reasoning_effort", Effort::None.name());
        }
        return;
    }
    let Some(thinking) = thinking else {
        if profile.thinking == ThinkingStyle::Switch {
            write_switch(body, request, None, profile, losses);
        }
        return;
    };
    let off = is_off(thinking);
    // OpenAI itself never shows it, and those that take extras do.
    let shows = !matches!(profile.thinking, ThinkingStyle::None | ThinkingStyle::Object);
    if thinking.visible == Some(false) && !off && profile.extras && shows {
        losses.dropped("reasoning.exclude", "the target cannot hide its thinking");
    }
    match profile.thinking {
        ThinkingStyle::None => {
            if !off && *thinking != only_visible(thinking) {
                losses.dropped("reasoning_effort", "the target cannot be told how to think");
            }
        }
        ThinkingStyle::Toggle => {
            note_unsaid(thinking, losses);
            if *thinking != only_visible(thinking) {
                let kind = if off { "disabled" } else { "enabled" };
                body.object("thinking", |object| object.string("type", kind));
            }
        }
        ThinkingStyle::Switch => write_switch(body, request, Some(thinking), profile, losses),
        ThinkingStyle::Template => {
            note_unsaid(thinking, losses);
            let said = request.extras.json(OWN, TEMPLATE).is_some();
            if !said && *thinking != only_visible(thinking) {
                body.object(TEMPLATE, |object| object.bool("enable_thinking", !off));
            }
        }
        ThinkingStyle::Object => write_object(body, thinking, losses),
        ThinkingStyle::ObjectSwitch => {
            note_unsaid(thinking, losses);
            if *thinking != only_visible(thinking) {
                body.object("reasoning", |object| object.bool("enabled", !off));
            }
        }
        ThinkingStyle::Budget => write_budget(body, thinking, off, losses),
        ThinkingStyle::Effort
        | ThinkingStyle::Adaptive
        | ThinkingStyle::GeminiBudget(_)
        | ThinkingStyle::GeminiLevel { .. } => write_effort(body, thinking, profile, losses),
    }
}

const fn only_visible(thinking: &Thinking) -> Thinking {
    Thinking { enabled: None, effort: None, budget: None, visible: thinking.visible }
}

fn is_off(thinking: &Thinking) -> bool {
    thinking.enabled == Some(false) || thinking.effort == Some(Effort::None) || thinking.budget == Some(0)
}

/// Notes how much was to be thought where it can only be said whether.
fn note_unsaid(thinking: &Thinking, losses: &mut Losses) {
    if thinking.budget.is_some_and(|budget| budget > 0) {
        losses.dropped("thinking.budget_tokens", "the target takes no budget");
    }
    if thinking.effort.is_some_and(|effort| effort > Effort::None) {
        losses.bent("reasoning_effort", "the target only thinks or does not");
    }
}

/// Qwen's switch. Models whose thought comes in streams alone must be told to do without elsewhere.
fn write_switch(
    body: &mut Object<'_>,
    request: &Request,
    thinking: Option<&Thinking>,
    profile: &Profile,
    losses: &mut Losses,
) {
    let wanted = thinking.filter(|thinking| **thinking != only_visible(thinking));
    let on = wanted.is_some_and(|thinking| !is_off(thinking));
    let cannot = !profile.whole_thought && !request.stream;
    if request.extras.json(OWN, SWITCH).is_some() || (wanted.is_none() && !cannot) {
        return;
    }
    if on && cannot {
        losses.dropped("thinking", "the model thinks only where it streams");
    }
    body.bool(SWITCH, on && !cannot);
    let Some(thinking) = wanted.filter(|_| on && !cannot) else { return };
    if let Some(budget) = thinking.budget {
        body.number("thinking_budget", budget);
    } else if thinking.effort.is_some() {
        losses.bent("reasoning_effort", "the target only thinks or does not");
    }
}

/// OpenRouter's object, which takes an effort or a budget, not both.
fn write_object(body: &mut Object<'_>, thinking: &Thinking, losses: &mut Losses) {
    let effort = if is_off(thinking) { Some(Effort::None) } else { thinking.effort };
    let said = effort.map(|effort| effort.min(Effort::XHigh));
    if said != effort {
        losses.clamped("reasoning_effort", "the target knows no such effort");
    }
    body.object("reasoning", |object| {
        if let Some(effort) = said {
            object.string("effort", effort.name());
        } else if let Some(budget) = thinking.budget {
            object.number("max_tokens", budget);
        } else {
            object.opt_bool("enabled", thinking.enabled);
        }
        if thinking.visible == Some(false) {
            object.bool("exclude", true);
        }
    });
}

fn write_budget(body: &mut Object<'_>, thinking: &Thinking, off: bool, losses: &mut Losses) {
    let from_effort = thinking.effort.map(budget_of_effort);
    if thinking.budget.is_none() && from_effort.is_some() {
        losses.bent("reasoning_effort", "said as a budget");
    }
    let budget = thinking.budget.or(from_effort);
    if off {
        body.raw("thinking", r#"{"type":"disabled"}"#);
    } else if budget.is_some() || thinking.enabled == Some(true) {
        body.object("thinking", |object| {
            object.string("type", "enabled");
            object.number(
                "budget_tokens",
                budget.unwrap_or_else(|| budget_of_effort(Effort::Medium)).max(1024),
            );
        });
    }
}

fn write_effort(body: &mut Object<'_>, thinking: &Thinking, profile: &Profile, losses: &mut Losses) {
    let wanted = if thinking.enabled == Some(false) {
        Some(Effort::None)
    } else if thinking.effort.is_some() {
        thinking.effort
    } else if let Some(budget) = thinking.budget {
        losses.bent("thinking.budget_tokens", "said as an effort");
        Some(effort_of_budget(budget))
    } else if thinking.enabled == Some(true) {
        losses.bent("thinking", "said as an effort");
        Some(Effort::Medium)
    } else {
        None
    };
    let Some(wanted) = wanted else { return };
    let effort = profile.effort(wanted);
    if effort != wanted {
        losses.clamped("reasoning_effort", "the target knows no such effort");
    }
    body.string("reasoning_effort", effort.name());
}
