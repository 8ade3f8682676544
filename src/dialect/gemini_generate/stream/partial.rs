//! Calls whose arguments come in pieces (`streamFunctionCallArguments`,
//! <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling>, seen
//! 2026-11): each piece is a value with its place in the arguments.

use super::super::{case, seal};
use crate::ir::{Block, Content, ToolCall, ToolKind};
use crate::wire::json::{self, Json};

/// As deep as any JSON that is read here.
const DEEPEST: usize = 128;

/// A call that is not complete yet.
#[derive(Debug)]
pub(super) struct Partial {
    block: Block,
    /// The values so far, each with its path as it was told.
    values: Vec<(String, Value)>,
}

#[derive(Debug)]
enum Value {
    /// A string, which grows.
    Text(String),
    /// Anything else, as it was written.
    Plain(String),
}

/// One step of a path such as `$.rooms[0].name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step<'p> {
    Key(&'p str),
    Index(u64),
}

/// A value and what is left of the way to it.
type Leaf<'p> = (&'p [Step<'p>], &'p Value);

/// Whether a `functionCall` is a piece of a call: the first one has a name and tells that more
/// follow, those after it have no name, and the last one may hold nothing at all.
pub(super) fn is_piece(call: &Json<'_>) -> bool {
    let told = |name| case::field(call, name).is_some();
    call.is_object() && (told("willContinue") || told("partialArgs") || !(told("name") || told("args")))
}

/// Whether more pieces follow this one.
pub(super) fn continues(piece: &Json<'_>) -> bool {
    case::field(piece, "willContinue").and_then(Json::as_bool) == Some(true)
}

impl Partial {
    /// The call that the first piece begins; `None` if this is not the first one.
    pub(super) fn begin(part: &Json<'_>, piece: &Json<'_>) -> Option<Self> {
        let call = ToolCall {
            id: case::text(piece, "id").unwrap_or_default().to_owned(),
            name: case::text(piece, "name")?.to_owned(),
            arguments: String::new(),
            kind: ToolKind::Function,
        };
        let mut block = Block::new(Content::ToolCall(call));
        let told = case::text(part, "thoughtSignature").filter(|told| !told.is_empty());
        block.signature = told.map(seal::read);
        Some(Self { block, values: Vec::new() })
    }

    /// Takes the values of one piece.
    pub(super) fn grow(&mut self, piece: &Json<'_>) {
        if let Some(whole) = case::field(piece, "args").filter(|args| !args.entries().is_empty()) {
            self.values.push(("$".to_owned(), Value::Plain(case::compact(whole))));
        }
        for told in case::field(piece, "partialArgs").map(Json::elements).unwrap_or_default() {
            let Some(path) = case::text(told, "jsonPath") else { continue };
            let known = self.values.iter_mut().rfind(|(known, _)| known == path).map(|(_, value)| value);
            let value = match (case::text(told, "stringValue"), known) {
                (Some(more), Some(Value::Text(text))) => {
                    text.push_str(more);
                    continue;
                }
                (Some(text), _) => Value::Text(text.to_owned()),
                (None, _) => {
                    let value = ["numberValue", "boolValue"].iter().find_map(|name| case::field(told, name));
                    Value::Plain(value.map_or("null", Json::raw).to_owned())
                }
            };
            self.values.push((path.to_owned(), value));
        }
    }

    /// The call, complete.
    pub(super) fn into_block(mut self) -> Block {
        let paths: Vec<Vec<Step<'_>>> = self.values.iter().map(|(path, _)| steps(path)).collect();
        let leaves: Vec<Leaf<'_>> =
            paths.iter().map(Vec::as_slice).zip(self.values.iter().map(|(_, value)| value)).collect();
        let mut out = Vec::new();
        write(&mut out, &leaves);
        let arguments = String::from_utf8(out).unwrap_or_default();
        if let Content::ToolCall(call) = &mut self.block.content {
            call.arguments = if arguments.starts_with('{') { arguments } else { "{}".to_owned() };
        }
        self.block
    }
}

/// The steps of a path; the dollar sign is where it begins.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() && steps.len() < DEEPEST {
        let (step, after) = if let Some(inner) = rest.strip_prefix('[') {
            let quote = inner.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
            let (inner, end) = match quote {
                Some('"') => (inner.get(1..).unwrap_or_default(), "\"]"),
                Some(_) => (inner.get(1..).unwrap_or_default(), "']"),
                None => (inner, "]"),
            };
            let (name, after) = inner.split_once(end).unwrap_or((inner, ""));
            let index = name.parse().ok().filter(|_| quote.is_none());
            (index.map_or(Step::Key(name), Step::Index), after)
        } else {
            let name = rest.trim_start_matches('.');
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            (Step::Key(name), after)
        };
        steps.push(step);
        rest = after;
    }
    steps
}

/// Appends the value that these leaves are of.
fn write(out: &mut Vec<u8>, leaves: &[Leaf<'_>]) {
    let inner: Vec<(Step<'_>, Leaf<'_>)> = leaves
        .iter()
        .filter_map(|(path, value)| path.split_first().map(|(step, rest)| (*step, (rest, *value))))
        .collect();
    let Some((first, _)) = inner.first() else {
        match leaves.last() {
            Some((_, Value::Text(text))) => out.extend_from_slice(json::string(text).as_bytes()),
            Some((_, Value::Plain(text))) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(b"{}"),
        }
        return;
    };
    // Members in the order in which they were told, elements in the order of their numbers.
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (step, _) in &inner {
        if !steps.contains(step) {
            steps.push(*step);
        }
    }
    let of = |step: Step<'_>| -> Vec<Leaf<'_>> {
        inner.iter().filter(|(known, _)| *known == step).map(|(_, leaf)| *leaf).collect()
    };
    if let Step::Index(_) = first {
        steps.sort_unstable();
        json::array(out, |a| steps.iter().for_each(|step| a.embed(|out| write(out, &of(*step)))));
        return;
    }
    json::object(out, |o| {
        for step in &steps {
            if let Step::Key(key) = step {
                o.embed(key, |out| write(out, &of(*step)));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_places() {
        let piece = r#"{"name":"f","partialArgs":[
            {"jsonPath":"$.a.list[1].n","numberValue":0.50},{"jsonPath":"$.a.list[0].n","boolValue":true},
            {"jsonPath":"$.a.list[0]['x.y']","stringValue":"Bo"},{"json_path":"$.a.list[0]['x.y']","string_value":"\"b"},
            {"jsonPath":"$.none","nullValue":"NULL_VALUE"},{"jsonPath":"$[\"k\"]","stringValue":""}]}"#;
        let piece = json::parse(piece.as_bytes()).unwrap();
        let mut call = Partial::begin(&piece, &piece).unwrap();
        call.grow(&piece);
        let Content::ToolCall(call) = call.into_block().content else { panic!() };
        assert_eq!(
            call.arguments,
            r#"{"a":{"list":[{"n":true,"x.y":"Bo\"b"},{"n":0.50}]},"none":null,"k":""}"#
        );
    }
}
