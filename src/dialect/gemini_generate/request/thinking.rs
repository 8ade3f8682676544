//! `thinkingConfig`: whether and how hard to think. Gemini 2.5 is given a budget of tokens, Gemini
//! 3 a level (<https://ai.google.dev/gemini-api/docs/thinking>, seen 2026-11).

use super::super::case;
use super::super::types::{self, DIALECT};
use crate::catalog::profile::{Profile, ThinkingStyle};
use crate::dialect::Malformed;
use crate::ir::{Effort, Extras, Losses, Request, Thinking};
use crate::wire::json::{Json, Object};

const PREFIX: &str = "generationConfig.thinkingConfig.";

/// The least budget that every model takes which can be told not to think at all.
const LEAST: u64 = 512;

/// Reads `thinkingConfig`. Thoughts are not shown unless asked for.
pub(super) fn parse(json: &Json<'_>, extras: &mut Extras) -> Result<Thinking, Malformed> {
    let mut thinking = Thinking { visible: Some(false), ..Thinking::default() };
    for (name, value) in case::fields(case::object(json, "")?) {
        match &*name {
            "includeThoughts" => thinking.visible = Some(case::truth(value, &name)?),
            "thinkingBudget" => match case::signed(value, &name)? {
                0 => thinking.enabled = Some(false),
                budget => {
                    thinking.enabled = Some(true);
                    thinking.budget = u64::try_from(budget).ok();
                }
            },
            "thinkingLevel" => {
                let word = case::string(value, &name)?;
                thinking.effort = types::level(&word);
                if thinking.effort.is_none() && word != "THINKING_LEVEL_UNSPECIFIED" {
                    return Err(Malformed::new(name, "expected MINIMAL, LOW, MEDIUM or HIGH"));
                }
            }
            _ => extras.push(DIALECT, &format!("{PREFIX}{name}"), &case::compact(value)),
        }
    }
    Ok(thinking)
}

/// What the target is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Told {
    budget: Option<i64>,
    level: Option<&'static str>,
    visible: bool,
}

/// Adds `thinkingConfig`, if there is anything to say in it.
pub(super) fn write(o: &mut Object<'_>, request: &Request, profile: &Profile, losses: &mut Losses) {
    let Some(thinking) = &request.thinking else { return };
    let told = match profile.thinking {
        ThinkingStyle::GeminiBudget(least) => budget(thinking, least, request, profile, losses),
        ThinkingStyle::GeminiLevel { minimal } => level(thinking, minimal, losses),
        ThinkingStyle::None
        | ThinkingStyle::Effort
        | ThinkingStyle::Budget
        | ThinkingStyle::Adaptive
        | ThinkingStyle::Toggle
        | ThinkingStyle::Switch
        | ThinkingStyle::Template
        | ThinkingStyle::Object
        | ThinkingStyle::ObjectSwitch => {
            if !is_off(thinking) && (thinking.visible != Some(false) || asks(thinking)) {
                losses.dropped("reasoning_effort", "the model does not think");
            }
            return;
        }
    };
    let own: Vec<_> = request
        .extras
        .of(DIALECT)
        .filter_map(|extra| Some((extra.name.strip_prefix(PREFIX)?, extra.json.as_str())))
        .collect();
    if told == Told::default() && own.is_empty() {
        return;
    }
    o.object("thinkingConfig", |o| {
        if told.visible {
            o.bool("includeThoughts", true);
        }
        o.opt_number("thinkingBudget", told.budget);
        o.opt_string("thinkingLevel", told.level);
        for (name, json) in &own {
            o.raw(name, json);
        }
    });
}

fn is_off(thinking: &Thinking) -> bool {
    thinking.enabled == Some(false) || thinking.effort == Some(Effort::None)
}

fn asks(thinking: &Thinking) -> bool {
    thinking.enabled.is_some() || thinking.effort.is_some() || thinking.budget.is_some()
}

fn budget(
    thinking: &Thinking,
    least: u64,
    request: &Request,
    profile: &Profile,
    losses: &mut Losses,
) -> Told {
    let shown = thinking.visible.unwrap_or(asks(thinking));
    if is_off(thinking) {
        return none(least, losses);
    }
    let wanted = match (thinking.budget, thinking.effort) {
        (Some(budget), _) => budget,
        (None, Some(effort)) => tokens(clamp(effort, profile, losses), least),
        (None, None) => {
            let budget = (thinking.enabled == Some(true)).then_some(-1);
            return Told { budget, visible: shown, ..Told::default() };
        }
    };
    let mut budget = wanted;
    if budget < least {
        losses.clamped("thinking.budget_tokens", "below what the model takes");
        budget = least;
    }
    // The limit of the answer holds for thoughts and words together.
    if let Some(most) = request.sampling.max_tokens.filter(|most| budget >= *most) {
        budget = most.saturating_sub(1);
        if budget < least.max(LEAST) {
            losses.dropped("reasoning_effort", "max_tokens leaves no room to think");
            return none(least, &mut Losses::new());
        }
        losses.clamped("thinking.budget_tokens", "must leave room for the answer");
    }
    Told { budget: i64::try_from(budget).ok(), visible: shown, ..Told::default() }
}

/// As little thinking as can be had.
fn none(least: u64, losses: &mut Losses) -> Told {
    if least > 0 {
        losses.clamped("reasoning_effort", "the model always thinks a little");
    }
    Told { budget: i64::try_from(least).ok(), ..Told::default() }
}

const fn tokens(effort: Effort, least: u64) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal if least > 0 => least,
        Effort::Minimal => LEAST,
        Effort::Low => 1024,
        Effort::Medium => 2048,
        Effort::High | Effort::XHigh | Effort::Max => 4096,
    }
}

/// Brings an effort down to high, or to what the model knows.
fn clamp(effort: Effort, profile: &Profile, losses: &mut Losses) -> Effort {
    let most = profile.efforts.1.min(Effort::High).max(Effort::Minimal);
    if effort > most {
        losses.clamped("reasoning_effort", "the model knows no higher");
        return most;
    }
    effort
}

fn level(thinking: &Thinking, minimal: bool, losses: &mut Losses) -> Told {
    let shown = thinking.visible.unwrap_or(asks(thinking));
    let lowest = if minimal { Effort::Minimal } else { Effort::Low };
    if is_off(thinking) {
        losses.clamped("reasoning_effort", "the model always thinks a little");
        return Told { level: Some(types::level_word(lowest)), ..Told::default() };
    }
    let effort = match (thinking.effort, thinking.budget) {
        (Some(effort), _) => effort,
        (None, Some(budget)) => {
            losses.bent("thinking.budget_tokens", "said as a level");
            match budget {
                4096.. => Effort::High,
                2048.. => Effort::Medium,
                1024.. => Effort::Low,
                _ => Effort::Minimal,
            }
        }
        (None, None) => return Told { visible: shown, ..Told::default() },
    };
    if effort > Effort::High {
        losses.clamped("reasoning_effort", "the model knows no higher");
    }
    if effort < lowest {
        losses.clamped("reasoning_effort", "the model knows no lower");
    }
    Told { level: Some(types::level_word(effort.max(lowest))), visible: shown, ..Told::default() }
}
