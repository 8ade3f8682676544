//! The texts in one event of a stream: which of them go on from event to event, and which are whole.

use std::borrow::Cow;
use std::ops::Range;

use crate::ir::Dialect;
use crate::wire::json::{self, Json, Kind};

use super::super::body::{Place, Spoken, is_packed};
use super::super::sieve::Form;

/// One text in an event.
#[derive(Debug)]
pub(in crate::policy::guard) struct Piece<'a> {
    /// Where its string stands in the event's data, with its quotes.
    pub(in crate::policy::guard) span: Range<usize>,
    /// What it says.
    pub(in crate::policy::guard) text: Cow<'a, str>,
    /// Which text it is a piece of; none for one that is whole.
    pub(in crate::policy::guard) strand: Option<String>,
    pub(in crate::policy::guard) form: Form,
    /// Of a number that a tool is told: the name of the value that it stands in.
    pub(in crate::policy::guard) number: Option<String>,
}

/// What an event ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy::guard) enum Ends {
    /// No text.
    None,
    /// All texts that are open.
    All,
    /// Those of these answers, of several.
    Answers(Vec<String>),
}

/// What an event holds.
#[derive(Debug)]
pub(in crate::policy::guard) struct Read<'a> {
    /// Its texts.
    pub(in crate::policy::guard) pieces: Vec<Piece<'a>>,
    pub(in crate::policy::guard) ends: Ends,
    /// Whether its whole texts repeat what events before it have told.
    pub(in crate::policy::guard) repeats: bool,
}

/// Reads an event of this dialect; `None` for data that is no JSON.
pub(in crate::policy::guard) fn read(dialect: Dialect, data: &[u8]) -> Option<Read<'_>> {
    let root = json::parse(data).ok()?;
    let kind = root.get("type").and_then(Json::as_str).unwrap_or_default();
    let mut walk =
        Walk { dialect, data, kind, path: String::new(), numbers: String::new(), pieces: Vec::new() };
    walk.value(&root, Place::Outside, "");
    let pieces = walk.pieces;
    let ends = ends(dialect, &root, kind, pieces.iter().any(|piece| piece.strand.is_some()));
    Some(Read { pieces, ends, repeats: dialect == Dialect::OpenaiResponses && last(kind) != "delta" })
}

/// An event without words may come between two that belong together: a sign of life, a source, a part of
/// the usage. So a text is at its end where an event says so.
fn ends(dialect: Dialect, root: &Json<'_>, kind: &str, goes_on: bool) -> Ends {
    let all = |is: bool| if is { Ends::All } else { Ends::None };
    let finished = |list: &str, word: &str| {
        let answers = root.get(list).map(Json::elements).unwrap_or_default();
        let over = answers.iter().filter(|answer| answer.field(word).is_some());
        let numbers: Vec<_> = over.map(numbers).collect();
        if numbers.is_empty() { Ends::None } else { Ends::Answers(numbers) }
    };
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions => finished("choices", "finish_reason"),
        Dialect::GeminiGenerate => finished("candidates", "finishReason"),
        Dialect::OllamaChat | Dialect::OllamaGenerate => {
            all(root.get("done").and_then(Json::as_bool) == Some(true))
        }
        // What ends a part or an item tells its numbers, what ends the response has none.
        Dialect::OpenaiResponses => match last(kind) {
            "done" | "completed" | "failed" | "incomplete" | "error" => Ends::Answers(vec![numbers(root)]),
            _ => Ends::None,
        },
        Dialect::CohereChat => all(!goes_on && !kind.starts_with("citation-")),
        Dialect::AnthropicMessages | Dialect::BedrockConverse => all(!goes_on && kind != "ping"),
    }
}

/// The last word of a kind of event such as `response.output_text.delta`.
fn last(kind: &str) -> &str {
    kind.rsplit('.').next().unwrap_or_default()
}

/// The members by which events tell what they belong to.
const NUMBERS: [&str; 5] = ["index", "output_index", "content_index", "summary_index", "contentBlockIndex"];

fn numbers(object: &Json<'_>) -> String {
    let mut numbers = String::new();
    for name in NUMBERS {
        if let Some(number) = object.get(name) {
            numbers.push_str(number.raw());
            numbers.push(';');
        }
    }
    numbers
}

struct Walk<'a, 'k> {
    dialect: Dialect,
    data: &'a [u8],
    /// What the event says that it is.
    kind: &'k str,
    path: String,
    numbers: String,
    pieces: Vec<Piece<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, value: &Json<'a>, place: Place, name: &str) {
        match value.kind() {
            Kind::Object(members) => {
                let (path, told) = (self.path.len(), self.numbers.len());
                self.numbers.push_str(&numbers(value));
                for (key, member) in members {
                    let inner = place.inner(key, Spoken::Answered);
                    if inner != Place::Skipped {
                        self.path.push('/');
                        self.path.push_str(key);
                        self.value(member, inner, key);
                        self.path.truncate(path);
                    }
                }
                self.numbers.truncate(told);
            }
            Kind::Array(elements) => {
                for element in elements {
                    self.value(element, place, name);
                }
            }
            Kind::String(text) if !text.is_empty() && place != Place::Outside => {
                let strand = self.grows().then(|| format!("{}{}{}", self.numbers, self.path, self.kind));
                self.piece(value, place, strand);
            }
            Kind::Number(_) if place == Place::Free => {
                let (span, text) = (self.span(value), Cow::Owned(value.raw().to_owned()));
                let number = Some(name.to_owned());
                self.pieces.push(Piece { span, text, strand: None, form: Form::Plain, number });
            }
            Kind::String(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
        }
    }

    fn piece(&mut self, value: &Json<'a>, place: Place, strand: Option<String>) {
        let Kind::String(text) = value.kind() else { return };
        let arguments = place == Place::Arguments
            || self.kind.contains("arguments")
            || self.path.ends_with("/toolUse/input");
        let form = match (place, &strand) {
            (Place::Sealed, _) => Form::Sealed,
            (_, Some(_)) if arguments => Form::Json,
            (Place::Arguments, None) if text.trim_start().starts_with(['{', '[']) => Form::Json,
            _ => Form::Plain,
        };
        if strand.is_some() || !is_packed(text) {
            let span = self.span(value);
            self.pieces.push(Piece { span, text: text.clone(), strand, form, number: None });
        }
    }

    /// Where a value stands in the data.
    fn span(&self, value: &Json<'a>) -> Range<usize> {
        // Both are slices of one text, so the difference of their addresses is an offset.
        let start = value.raw().as_ptr() as usize - self.data.as_ptr() as usize;
        start..start + value.raw().len()
    }

    /// Whether what stands here goes on in the next event.
    fn grows(&self) -> bool {
        let path = self.path.as_str();
        match self.dialect {
            Dialect::GeminiGenerate => path.ends_with("/parts/text"),
            Dialect::OllamaChat => matches!(path, "/message/content" | "/message/thinking"),
            Dialect::OllamaGenerate => matches!(path, "/response" | "/thinking"),
            Dialect::OpenaiCompletions => path == "/choices/text",
            Dialect::OpenaiResponses => path == "/delta",
            Dialect::OpenaiChat
            | Dialect::AnthropicMessages
            | Dialect::BedrockConverse
            | Dialect::CohereChat => path.starts_with("/delta/") || path.starts_with("/choices/delta/"),
        }
    }
}
