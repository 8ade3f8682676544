//! Changes to what a request says besides its words: parameters, and exact places.

use super::draft::Draft;
use super::param::Param;
use crate::dialect::Malformed;
use crate::ir::{Dialect, Effort};

/// What of a request changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A parameter, whatever the dialect calls it.
    Param(Param),
    /// An exact place in the body: the keys that lead there.
    Path(Vec<String>),
}

/// What becomes of it. Values are JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It stands elsewhere: the keys that lead there.
    Rename(Vec<String>),
    /// It is said no more.
    Remove,
    /// This is said where the client says nothing.
    Default(String),
    /// This is said, whatever the client says.
    Set(String),
    /// What is more becomes this.
    Cap(String),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What of a request changes.
    pub subject: Subject,
    /// What becomes of it.
    pub deed: Deed,
}

/// The least that Claude thinks, where a budget says how much.
const LEAST_BUDGET: u64 = 1024;

impl Change {
    /// Changes a body of this dialect. `false` where the dialect has no place for it.
    ///
    /// # Errors
    /// When something stands where an object belongs.
    pub(super) fn apply(&self, dialect: Dialect, draft: &mut Draft<'_, '_>) -> Result<bool, Malformed> {
        let param = match &self.subject {
            Subject::Path(path) => return self.at(draft, path).map(|()| true),
            Subject::Param(param) => *param,
        };
        let spots = param.spots(dialect);
        let Some(usual) = spots.first().map(|spot| usual(draft, spot)).transpose()? else { return Ok(false) };
        let mut said = Vec::new();
        for spot in spots {
            for path in spellings(spot) {
                if draft.at(&path)?.is_some() {
                    said.push(path);
                }
            }
        }
        match &self.deed {
            Deed::Remove => {
                for path in &said {
                    draft.put(path, None)?;
                }
            }
            Deed::Default(value) if said.is_empty() => draft.put(&usual, Some(value))?,
            Deed::Set(value) => {
                let place = said.first().cloned().unwrap_or(usual);
                for other in said.iter().skip(1) {
                    draft.put(other, None)?;
                }
                draft.put(&place, Some(value))?;
            }
            // An answer that nothing bounds is longer than any bound.
            Deed::Cap(most) if said.is_empty() && param == Param::MaxTokens => {
                draft.put(&usual, Some(most))?
            }
            Deed::Cap(most) => {
                for path in &said {
                    if draft.at(path)?.is_some_and(|said| exceeds(param, said, most)) {
                        draft.put(path, Some(most))?;
                    }
                }
            }
            Deed::Default(_) | Deed::Rename(_) => {}
        }
        if param == Param::MaxTokens {
            leave_room(dialect, draft, &spellings_of(param, dialect))?;
        }
        Ok(true)
    }

    /// Changes what stands at an exact place.
    fn at(&self, draft: &mut Draft<'_, '_>, path: &[String]) -> Result<(), Malformed> {
        let said = draft.at(path)?.map(str::to_owned);
        match (&self.deed, said) {
            (Deed::Rename(to), Some(said)) => {
                draft.put(path, None)?;
                draft.put(to, Some(&said))
            }
            (Deed::Remove, _) => draft.put(path, None),
            (Deed::Set(value), _) | (Deed::Default(value), None) => draft.put(path, Some(value)),
            (Deed::Cap(most), Some(said)) if is_more(&said, most) => draft.put(path, Some(most)),
            (Deed::Rename(_) | Deed::Default(_) | Deed::Cap(_), _) => Ok(()),
        }
    }
}

/// The paths that a place in a dialect may be spelt by.
fn spellings(spot: &'static str) -> Vec<Vec<&'static str>> {
    match spot.split_once('.') {
        None => spot.split('|').map(|key| vec![key]).collect(),
        Some((holders, keys)) => {
            let held = |holder| keys.split('|').map(move |key| vec![holder, key]);
            holders.split('|').flat_map(held).collect()
        }
    }
}

fn spellings_of(param: Param, dialect: Dialect) -> Vec<Vec<&'static str>> {
    param.spots(dialect).iter().flat_map(|spot| spellings(spot)).collect()
}

/// The path by which it is said anew: within the object that is there, where one is.
fn usual(draft: &Draft<'_, '_>, spot: &'static str) -> Result<Vec<&'static str>, Malformed> {
    let mut all = spellings(spot);
    let mut place = 0;
    for (at, path) in all.iter().enumerate() {
        if let [holder, _] = path.as_slice()
            && draft.at(&[*holder])?.is_some()
        {
            place = at;
            break;
        }
    }
    Ok(if place < all.len() { all.swap_remove(place) } else { Vec::new() })
}

/// Whether what is said is more than the most that may be.
fn exceeds(param: Param, said: &str, most: &str) -> bool {
    match param {
        Param::ReasoningEffort => {
            let effort = |word: &str| Effort::from_name(word.trim_matches('"'));
            effort(said).zip(effort(most)).is_some_and(|(said, most)| said > most)
        }
        // Ollama goes on for ever where less than nothing is said.
        Param::MaxTokens => is_more(said, most) || number(said).is_some_and(|said| said <= 0.0),
        Param::N
        | Param::Temperature
        | Param::TopP
        | Param::TopK
        | Param::Stop
        | Param::Seed
        | Param::PresencePenalty
        | Param::FrequencyPenalty => is_more(said, most),
    }
}

fn is_more(said: &str, most: &str) -> bool {
    number(said).zip(number(most)).is_some_and(|(said, most)| said > most)
}

/// A number, also where it is written as text, as Gemini takes it.
fn number(raw: &str) -> Option<f64> {
    raw.trim_matches('"').trim().parse().ok().filter(|number: &f64| !number.is_nan())
}

/// Claude's budget for thought must be below the bound of the answer.
fn leave_room(dialect: Dialect, draft: &mut Draft<'_, '_>, bounds: &[Vec<&str>]) -> Result<(), Malformed> {
    let thinking: &[&str] = match dialect {
        Dialect::AnthropicMessages => &["thinking"],
        Dialect::BedrockConverse => &["additionalModelRequestFields", "thinking"],
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiResponses
        | Dialect::GeminiGenerate
        | Dialect::OllamaChat
        | Dialect::OllamaGenerate
        | Dialect::CohereChat => return Ok(()),
    };
    let budget = [thinking, &["budget_tokens"]].concat();
    let whole = |raw: &str| raw.parse::<u64>().ok();
    let Some(asked) = draft.at(&budget)?.and_then(whole) else { return Ok(()) };
    let mut most = None;
    for bound in bounds {
        most = most.or(draft.at(bound)?.and_then(whole));
    }
    match most {
        Some(most) if asked >= most && most > LEAST_BUDGET => {
            draft.put(&budget, Some(&(most - 1).to_string()))
        }
        Some(most) if asked >= most => draft.put(thinking, None),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::lens::Lens;

    fn applied(dialect: Dialect, body: &str, changes: &[(Param, Deed)]) -> String {
        let lens = Lens::new(body.as_bytes()).unwrap();
        let mut draft = Draft::new(&lens);
        for (param, deed) in changes {
            let change = Change { subject: Subject::Param(*param), deed: deed.clone() };
            assert!(change.apply(dialect, &mut draft).unwrap(), "{param:?}");
        }
        String::from_utf8(lens.apply(&draft.into_edits())).unwrap()
    }

    fn cap(most: &str) -> Deed {
        Deed::Cap(most.to_owned())
    }

    #[test]
    fn a_parameter_is_found_where_each_dialect_says_it() {
        for (dialect, body, expected) in [
            (Dialect::OpenaiChat, r#"{"max_tokens":9000}"#, r#"{"max_tokens":100,"temperature":0.5}"#),
            (
                Dialect::OpenaiChat,
                r#"{"max_tokens":9,"max_completion_tokens":900}"#,
                r#"{"max_tokens":9,"max_completion_tokens":100,"temperature":0.5}"#,
            ),
            (Dialect::OpenaiChat, "{}", r#"{"max_completion_tokens":100,"temperature":0.5}"#),
            (
                Dialect::OpenaiResponses,
                r#"{"temperature":1}"#,
                r#"{"temperature":1,"max_output_tokens":100}"#,
            ),
            (
                Dialect::AnthropicMessages,
                r#"{"max_tokens":99,"temperature":null}"#,
                r#"{"max_tokens":99,"temperature":0.5}"#,
            ),
            (
                Dialect::GeminiGenerate,
                r#"{"generation_config":{"max_output_tokens":"900"}}"#,
                r#"{"generation_config":{"max_output_tokens":100,"temperature":0.5}}"#,
            ),
            (
                Dialect::GeminiGenerate,
                "{}",
                r#"{"generationConfig":{"maxOutputTokens":100,"temperature":0.5}}"#,
            ),
            (
                Dialect::BedrockConverse,
                r#"{"inferenceConfig":{"maxTokens":101}}"#,
                r#"{"inferenceConfig":{"maxTokens":100,"temperature":0.5}}"#,
            ),
            (
                Dialect::OllamaChat,
                r#"{"options":{"num_predict":-1}}"#,
                r#"{"options":{"num_predict":100,"temperature":0.5}}"#,
            ),
        ] {
            let changes =
                [(Param::MaxTokens, cap("100")), (Param::Temperature, Deed::Default("0.5".to_owned()))];
            assert_eq!(applied(dialect, body, &changes), expected, "{dialect:?}");
        }
    }

    #[test]
    fn what_is_set_or_taken_out_is_so_in_all_its_spellings() {
        let set = [(Param::MaxTokens, Deed::Set("5".to_owned()))];
        let body = r#"{"max_tokens":9,"max_completion_tokens":8}"#;
        assert_eq!(applied(Dialect::OpenaiChat, body, &set), r#"{"max_completion_tokens":5}"#);
        let remove = [(Param::ReasoningEffort, Deed::Remove)];
        let body = r#"{"reasoning_effort":"low","reasoning":{"effort":"low","summary":"auto"}}"#;
        assert_eq!(applied(Dialect::OpenaiChat, body, &remove), r#"{"reasoning":{"summary":"auto"}}"#);
        let most = [(Param::ReasoningEffort, cap("\"low\""))];
        let body = r#"{"reasoning":{"effort":"high"}}"#;
        assert_eq!(applied(Dialect::OpenaiResponses, body, &most), r#"{"reasoning":{"effort":"low"}}"#);
        let body = r#"{"reasoning":{"effort":"minimal"}}"#;
        assert_eq!(applied(Dialect::OpenaiResponses, body, &most), body);
    }

    #[test]
    fn thought_has_room_below_the_bound_of_the_answer() {
        let of = |most: &str| {
            let body = r#"{"max_tokens":32000,"thinking":{"type":"enabled","budget_tokens":31999}}"#;
            applied(Dialect::AnthropicMessages, body, &[(Param::MaxTokens, cap(most))])
        };
        assert_eq!(of("4096"), r#"{"max_tokens":4096,"thinking":{"type":"enabled","budget_tokens":4095}}"#);
        assert_eq!(of("1000"), r#"{"max_tokens":1000}"#);
        let converse =
            r#"{"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":5000}}}"#;
        assert_eq!(
            applied(Dialect::BedrockConverse, converse, &[(Param::MaxTokens, cap("2000"))]),
            r#"{"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1999}},"inferenceConfig":{"maxTokens":2000}}"#
        );
    }

    #[test]
    fn an_exact_place_is_changed_as_it_is_written() {
        let body = r#"{"metadata":{"team":"a"},"old":{"x":1},"n":9}"#;
        let lens = Lens::new(body.as_bytes()).unwrap();
        let mut draft = Draft::new(&lens);
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        for (place, deed) in [
            ("old/x", Deed::Rename(path("new/y"))),
            ("metadata/team", Deed::Set("\"b\"".to_owned())),
            ("metadata/job", Deed::Default("\"c\"".to_owned())),
            ("n", cap("3")),
            ("none", cap("3")),
            ("gone", Deed::Rename(path("x"))),
        ] {
            let change = Change { subject: Subject::Path(path(place)), deed };
            assert!(change.apply(Dialect::OpenaiChat, &mut draft).unwrap());
        }
        let said = String::from_utf8(lens.apply(&draft.into_edits())).unwrap();
        assert_eq!(said, r#"{"metadata":{"team":"b","job":"c"},"old":{},"n":3,"new":{"y":1}}"#);
    }

    #[test]
    fn what_a_dialect_has_no_word_for_is_told() {
        let lens = Lens::new(b"{}").unwrap();
        let mut draft = Draft::new(&lens);
        for (dialect, param) in [
            (Dialect::OpenaiResponses, Param::Seed),
            (Dialect::AnthropicMessages, Param::ReasoningEffort),
            (Dialect::BedrockConverse, Param::TopK),
        ] {
            let change = Change { subject: Subject::Param(param), deed: Deed::Set("1".to_owned()) };
            assert_eq!(change.apply(dialect, &mut draft), Ok(false));
        }
        assert!(draft.into_edits().is_empty());
    }
}
