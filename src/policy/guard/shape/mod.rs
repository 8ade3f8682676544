//! The form that a request asks its answer to have, and whether the answer has it.

mod schema;
mod told;

use std::sync::Arc;

pub(super) use told::Told;

use crate::ir::{Candidate, Content, FinishReason, Format, Reply, Request};
use crate::wire::json;

use super::detector::Detector;
use super::memory::Memory;
use super::rule::{Action, Watch};

/// The form that an answer is asked to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A JSON object.
    Object,
    /// What this schema describes, as JSON text.
    Schema(String),
}

impl Shape {
    /// The form that a request asks for; `None` where it takes any.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        match request.format.as_ref()? {
            Format::Text => None,
            Format::JsonObject => Some(Self::Object),
            Format::JsonSchema { schema, .. } => Some(Self::Schema(schema.clone())),
        }
    }

    /// The word of the schema that a text breaks; `None` where it has the form.
    fn broken(&self, text: &str) -> Option<&'static str> {
        let Ok(value) = json::parse(text.trim().as_bytes()) else { return Some("json") };
        match self {
            Self::Object => (!value.is_object()).then_some("type"),
            // What is no schema describes nothing.
            Self::Schema(schema) => {
                let schema = json::parse(schema.as_bytes()).ok()?;
                schema::fits(&schema, &value).err().map(|misfit| misfit.word)
            }
        }
    }
}

impl Watch {
    /// Whether a guard looks at the form of answers.
    #[must_use]
    pub fn is_of_shapes(&self) -> bool {
        self.guards.iter().any(|guard| guard.detect.has(Detector::Schema))
    }

    /// Whether one of them ends those that do not have it.
    pub(super) fn ends_misshapen(&self) -> bool {
        let ends =
            |guard: &Arc<super::Guard>| guard.action == Action::Block && guard.detect.has(Detector::Schema);
        self.guards.iter().any(ends)
    }

    /// Looks at the form of a whole answer.
    pub fn judge_shape(&self, shape: &Shape, reply: &Reply, memory: &mut Memory) {
        let broken = reply.candidates.iter().find_map(|candidate| broken(shape, candidate));
        let Some(word) = broken else { return };
        for guard in self.guards.iter().filter(|guard| guard.detect.has(Detector::Schema)) {
            memory.note(guard, format!("schema/{word}").into(), self.direction);
        }
    }
}

/// The word of the schema that an answer breaks. One that calls tools is none yet, and one that was refused
/// or filtered says why in words.
fn broken(shape: &Shape, candidate: &Candidate) -> Option<&'static str> {
    let reason = candidate.finish.as_ref().map(|finish| finish.reason);
    let no_answer = matches!(
        reason,
        Some(
            FinishReason::ToolCalls
                | FinishReason::Refusal
                | FinishReason::ContentFilter
                | FinishReason::Pause
                | FinishReason::MalformedToolCall
        )
    );
    let mut text = String::new();
    for block in &candidate.blocks {
        match &block.content {
            Content::Text { text: said, .. } => text.push_str(said),
            Content::ToolCall(_) | Content::Refusal(_) => return None,
            Content::Reasoning(_)
            | Content::ToolResult(_)
            | Content::Image(_)
            | Content::Document(_)
            | Content::Audio(_)
            | Content::Video(_)
            | Content::Opaque { .. } => {}
        }
    }
    if no_answer { None } else { shape.broken(&text) }
}

#[cfg(test)]
mod tests {
    use super::super::detector::Wanted;
    use super::super::rule::{Asker, Direction, Guard};
    use super::*;
    use crate::ir::{Block, Finish};

    fn found(shape: &Shape, text: &str, reason: FinishReason) -> Vec<String> {
        let guard = Arc::new(Guard::new("form", Wanted::NONE.with(Detector::Schema), Action::Block));
        let asker = Asker { key: "", owner: "", model: "m" };
        let watch = Watch::over(&[guard], Direction::Answer, &asker, |a, b| a == b, &[]).unwrap();
        let candidate = Candidate {
            blocks: vec![Block::text(text)],
            finish: Some(Finish::new(reason)),
            ..Candidate::default()
        };
        let (reply, mut memory) =
            (Reply { candidates: vec![candidate], ..Reply::default() }, Memory::default());
        watch.judge_shape(shape, &reply, &mut memory);
        memory.verdicts.iter().map(|verdict| verdict.rule.to_string()).collect()
    }

    #[test]
    fn an_answer_is_held_to_the_form_that_was_asked_for() {
        let schema = Shape::Schema(r#"{"type":"object","required":["a"]}"#.to_owned());
        let stop = FinishReason::Stop;
        assert!(found(&schema, " {\"a\":1}\n", stop).is_empty());
        assert_eq!(found(&schema, "{\"b\":1}", stop), ["schema/required"]);
        assert_eq!(found(&schema, "```json\n{\"a\":1}\n```", stop), ["schema/json"]);
        assert_eq!(found(&schema, "{\"a\":", FinishReason::Length), ["schema/json"]);
        assert_eq!(found(&Shape::Object, "[1]", stop), ["schema/type"]);
        assert!(found(&Shape::Object, "I cannot do that", FinishReason::Refusal).is_empty());
        assert!(found(&Shape::Schema("no schema".to_owned()), "{}", stop).is_empty());
    }
}
