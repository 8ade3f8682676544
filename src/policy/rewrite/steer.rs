//! Changes for which a client's dialect has no place: made to what its request means, for targets that do.

use super::change::{Change, Deed, Subject};
use super::param::Param;
use crate::ir::{Effort, Request, Thinking};
use crate::wire::json;

/// Changes that are made to a request once it is parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steer(pub(super) Vec<Change>);

impl Steer {
    /// Whether how hard to think, which most dialects say in a way that depends on the model, may be said
    /// otherwise; asked is whether the request may say something of it itself.
    #[must_use]
    pub fn touches_thought(&self, is_said: impl Fn() -> bool) -> bool {
        let of_thought = |change: &&Change| change.subject == Subject::Param(Param::ReasoningEffort);
        self.0.iter().filter(of_thought).any(|change| match change.deed {
            Deed::Default(_) | Deed::Set(_) => true,
            Deed::Cap(_) | Deed::Remove => is_said(),
            Deed::Rename(_) => false,
        })
    }

    /// Makes the changes.
    pub fn apply(&self, request: &mut Request) {
        for change in &self.0 {
            if let Subject::Param(param) = change.subject {
                one(param, &change.deed, request);
            }
        }
    }
}

fn one(param: Param, deed: &Deed, request: &mut Request) {
    let sampling = &mut request.sampling;
    match param {
        Param::MaxTokens => number(&mut sampling.max_tokens, deed),
        Param::N => number(&mut sampling.candidates, deed),
        Param::TopK => number(&mut sampling.top_k, deed),
        Param::Seed => number(&mut sampling.seed, deed),
        Param::Temperature => number(&mut sampling.temperature, deed),
        Param::TopP => number(&mut sampling.top_p, deed),
        Param::PresencePenalty => number(&mut sampling.presence_penalty, deed),
        Param::FrequencyPenalty => number(&mut sampling.frequency_penalty, deed),
        Param::Stop => stop(&mut sampling.stop, deed),
        Param::ReasoningEffort => effort(&mut request.thinking, deed),
    }
}

fn number<N: std::str::FromStr + PartialOrd + Copy>(said: &mut Option<N>, deed: &Deed) {
    let value = |text: &String| text.parse::<N>().ok();
    match deed {
        Deed::Remove => *said = None,
        Deed::Default(text) => *said = said.or(value(text)),
        Deed::Set(text) => *said = value(text),
        Deed::Cap(text) => {
            let most = value(text);
            if said.zip(most).is_some_and(|(said, most)| said > most) {
                *said = most;
            }
        }
        Deed::Rename(_) => {}
    }
}

fn stop(said: &mut Vec<String>, deed: &Deed) {
    let words = |text: &String| -> Vec<String> {
        let list = json::parse(text.as_bytes()).ok();
        let words = list.iter().flat_map(json::Json::elements);
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    match deed {
        Deed::Remove => said.clear(),
        Deed::Default(text) if said.is_empty() => *said = words(text),
        Deed::Set(text) => *said = words(text),
        Deed::Default(_) | Deed::Cap(_) | Deed::Rename(_) => {}
    }
}

fn effort(said: &mut Option<Thinking>, deed: &Deed) {
    let word = |text: &str| Effort::from_name(text.trim_matches('"'));
    let visible = said.as_ref().and_then(|thinking| thinking.visible);
    let thinks = |effort: Effort| {
        let enabled = Some(effort != Effort::None);
        Thinking { enabled, effort: Some(effort), budget: None, visible }
    };
    match deed {
        Deed::Remove => *said = None,
        Deed::Set(text) => *said = word(text).map(thinks).or_else(|| said.take()),
        Deed::Default(text) => {
            if said.as_ref().and_then(Thinking::as_effort).is_none() {
                *said = word(text).map(thinks).or_else(|| said.take());
            }
        }
        Deed::Cap(text) => {
            let Some(most) = word(text) else { return };
            let Some(thinking) = said.as_ref() else { return };
            let tokens = thinking.budget.is_some_and(|budget| budget > budget_of(most));
            let harder =
                thinking.budget.is_none() && thinking.as_effort().is_some_and(|effort| effort > most);
            if tokens || harder || thinking.effort.is_some_and(|effort| effort > most) {
                *said = Some(thinks(most));
            }
        }
        Deed::Rename(_) => {}
    }
}

/// The budget beyond which somebody thinks harder than this.
const fn budget_of(effort: Effort) -> u64 {
    match effort {
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1024,
        Effort::Medium => 2048,
        Effort::High => 4096,
        Effort::XHigh => 8192,
        Effort::Max => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thinking(before: Option<Thinking>, deed: &Deed) -> Option<Thinking> {
        let mut said = before;
        effort(&mut said, deed);
        said
    }

    #[test]
    fn how_hard_to_think_is_bounded_however_it_was_said() {
        let cap = |before| thinking(Some(before), &Deed::Cap("\"medium\"".to_owned())).unwrap();
        let budget = |tokens| Thinking { enabled: Some(true), budget: Some(tokens), ..Thinking::default() };
        let word = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
        assert_eq!(cap(budget(2000)), budget(2000));
        assert_eq!(cap(budget(9000)).as_effort(), Some(Effort::Medium));
        assert_eq!(cap(budget(9000)).budget, None);
        assert_eq!(cap(word(Effort::High)).effort, Some(Effort::Medium));
        assert_eq!(cap(word(Effort::Low)), word(Effort::Low));
        assert_eq!(thinking(None, &Deed::Cap("\"low\"".to_owned())), None);
        let none = thinking(Some(budget(9000)), &Deed::Cap("\"none\"".to_owned())).unwrap();
        assert_eq!(none.as_effort(), Some(Effort::None));
    }

    #[test]
    fn a_default_holds_where_nothing_is_said() {
        let low = Deed::Default("\"low\"".to_owned());
        assert_eq!(thinking(None, &low).unwrap().effort, Some(Effort::Low));
        let off = Thinking { enabled: Some(false), ..Thinking::default() };
        assert_eq!(thinking(Some(off.clone()), &low), Some(off));
        let mut seed = None;
        number::<i64>(&mut seed, &Deed::Default("7".to_owned()));
        number::<i64>(&mut seed, &Deed::Default("8".to_owned()));
        assert_eq!(seed, Some(7));
        let mut words = Vec::new();
        stop(&mut words, &Deed::Set("[\"a\",\"b\"]".to_owned()));
        assert_eq!(words, ["a", "b"]);
    }
}
