//! A plan in a prompt: which tool the model calls at each of its turns, as the model of an agent would.
//!
//! Every line `#call NAME ARGUMENTS` in a message of the user is one turn, with arguments in JSON. Agents
//! put words of their own beside the user's, also later in the conversation, so the last message that has
//! a plan counts, and the results since then tell how far it has come.

use serde_json::Value;

/// The call that a plan wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The tool's name.
    pub name: String,
    /// Its arguments, as JSON text of an object.
    pub arguments: String,
}

/// The next call of the plan in a conversation's turns, messages, contents or items.
#[must_use]
pub fn next(turns: &[Value]) -> Option<Planned> {
    let mut done = 0;
    for turn in turns.iter().rev() {
        if let Some(steps) = steps(turn) {
            return steps.into_iter().nth(done);
        }
        done += results(turn);
    }
    None
}

/// The plan that a turn of the user holds, if it holds one.
fn steps(turn: &Value) -> Option<Vec<Planned>> {
    if !matches!(turn["role"].as_str(), None | Some("user")) {
        return None;
    }
    let texts = match &turn["content"] {
        Value::String(text) => vec![text.as_str()],
        _ => parts(turn).filter_map(|part| part["text"].as_str()).collect(),
    };
    let steps: Vec<_> = texts.into_iter().flat_map(str::lines).filter_map(step).collect();
    (!steps.is_empty()).then_some(steps)
}

fn step(line: &str) -> Option<Planned> {
    let (name, arguments) = line.trim().strip_prefix("#call ")?.trim_start().split_once(' ')?;
    Some(Planned { name: name.to_owned(), arguments: arguments.trim().to_owned() })
}

/// How many results of tools a turn holds, in any dialect.
fn results(turn: &Value) -> usize {
    let whole = turn["role"] == "tool" || turn["type"].as_str().is_some_and(|kind| kind.ends_with("_output"));
    let part = |part: &&Value| {
        part["type"] == "tool_result"
            || ["toolResult", "functionResponse", "function_response"]
                .iter()
                .any(|key| part[*key].is_object())
    };
    usize::from(whole) + parts(turn).filter(part).count()
}

fn parts(turn: &Value) -> impl Iterator<Item = &Value> {
    ["content", "parts"].into_iter().filter_map(|key| turn[key].as_array()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_goes_on_with_each_result_in_every_dialect() {
        let plan = "Do it.\n#call look {\"at\": 1}\n  #call write {\"to\": 2}\n";
        let conversations = [
            (json!({"role": "user", "content": plan}), json!({"role": "tool", "content": "x"})),
            (
                json!({"role": "user", "content": [{"type": "text", "text": plan}]}),
                json!({"role": "user", "content": [{"type": "tool_result"}, {"type": "text", "text": "Mind."}]}),
            ),
            (
                json!({"role": "user", "content": [{"type": "input_text", "text": plan}]}),
                json!({"type": "function_call_output", "output": "x"}),
            ),
            (
                json!({"parts": [{"text": plan}]}),
                json!({"role": "user", "parts": [{"functionResponse": {}}]}),
            ),
            (
                json!({"role": "user", "content": [{"text": plan}]}),
                json!({"role": "user", "content": [{"toolResult": {}}]}),
            ),
        ];
        let named = |turns: &[&Value]| {
            next(&turns.iter().copied().cloned().collect::<Vec<_>>()).map(|step| (step.name, step.arguments))
        };
        for (user, result) in &conversations {
            let said = json!({"role": "assistant", "content": []});
            assert_eq!(named(&[user]), Some(("look".to_owned(), "{\"at\": 1}".to_owned())));
            let second = named(&[user, &said, result]);
            assert_eq!(second, Some(("write".to_owned(), "{\"to\": 2}".to_owned())));
            assert_eq!(named(&[user, &said, result, &said, result]), None);
        }
    }
}
