//! The form of the answer: by the API's own field, by a tool, or by words.

use crate::catalog::profile::{Param, Profile, StructuredOutput};
use crate::dialect::anthropic_messages::tools::AnswerTool;
use crate::dialect::closed_schema;
use crate::ir::{Format, Losses, Request};

/// How a target is asked for the form of its answer.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// The schema for `output_config.format`.
    pub(super) schema: Option<String>,
    /// The tool whose arguments are the answer.
    pub(super) tool: Option<AnswerTool<'a>>,
    /// An instruction to append to the system prompt.
    pub(super) words: Option<String>,
}

/// Plans the form of the answer to a request, by a model that is `free` to call a tool or not.
pub(super) fn plan<'a>(
    request: &'a Request,
    free: bool,
    profile: &Profile,
    losses: &mut Losses,
) -> Shape<'a> {
    match &request.format {
        None | Some(Format::Text) => Shape::default(),
        Some(Format::JsonObject) => {
            losses.bent("response_format", "asked for in words");
            let words = "Answer with one JSON object and nothing else.".to_owned();
            Shape { words: Some(words), ..Shape::default() }
        }
        Some(Format::JsonSchema { schema, description, .. }) => {
            by_schema(schema, description.as_deref(), free || !profile.forced_tool, profile, losses)
        }
    }
}

fn by_schema<'a>(
    schema: &'a str,
    description: Option<&'a str>,
    free: bool,
    profile: &Profile,
    losses: &mut Losses,
) -> Shape<'a> {
    let style = if profile.refuses.has(Param::ResponseFormat) {
        StructuredOutput::None
    } else {
        profile.structured_output
    };
    match style {
        StructuredOutput::Native => {
            if description.is_some() {
                losses.dropped("response_format.description", "schemas have no description there");
            }
            let cleaned = closed_schema::clean(schema);
            if cleaned.changed {
                losses.bent("response_format.schema", "the target cannot hold to all of it");
            }
            Shape { schema: Some(cleaned.json), ..Shape::default() }
        }
        StructuredOutput::Tool if closed_schema::is_for_objects(schema) => {
            losses.bent("response_format", "asked for as the arguments of a tool");
            // A model that cannot be forced to call it must be told to.
            let words = free.then(|| "Give the final answer by calling json_answer.".to_owned());
            Shape { tool: Some(AnswerTool { description, schema }), words, schema: None }
        }
        StructuredOutput::Tool | StructuredOutput::JsonObject | StructuredOutput::None => {
            losses.bent("response_format", "asked for in words");
            let words =
                format!("Answer with one JSON value that fits this schema, and nothing else:\n{schema}");
            Shape { words: Some(words), ..Shape::default() }
        }
    }
}
