//! The form of the answer: by the API's own field, by a tool, or by words.

use crate::catalog::profile::{Param, Profile, StructuredOutput};
use crate::dialect::bedrock_converse::tools::AnswerTool;
use crate::dialect::closed_schema;
use crate::ir::{Format, Losses, Request};
use crate::wire::json::{self, Object};

/// How a target is asked for the form of its answer.
#[derive(Debug, Default)]
pub(super) struct Shape<'a> {
    /// What stands in `outputConfig.textFormat`.
    pub(super) schema: Option<Schema<'a>>,
    /// The tool whose arguments are the answer.
    pub(super) tool: Option<AnswerTool<'a>>,
    /// An instruction to append to the system prompt.
    pub(super) words: Option<String>,
}

/// A schema that the target holds its model to.
#[derive(Debug)]
pub(super) struct Schema<'a> {
    name: Option<&'a str>,
    description: Option<&'a str>,
    json: String,
}

/// Plans the form of the answer to a request, by a model that is `free` to call a tool or not.
pub(super) fn plan<'a>(
    request: &'a Request,
    free: bool,
    profile: &Profile,
    losses: &mut Losses,
) -> Shape<'a> {
    let Some(Format::JsonSchema { name, description, schema, .. }) = &request.format else {
        if request.format != Some(Format::JsonObject) {
            return Shape::default();
        }
        losses.bent("response_format", "asked for in words");
        let words = "Answer with one JSON object and nothing else.".to_owned();
        return Shape { words: Some(words), ..Shape::default() };
    };
    let style = if profile.refuses.has(Param::ResponseFormat) {
        StructuredOutput::None
    } else {
        profile.structured_output
    };
    let (name, description) = (name.as_deref(), description.as_deref());
    match style {
        StructuredOutput::Native => {
            let cleaned = closed_schema::clean(schema);
            if cleaned.changed {
                losses.bent("response_format.schema", "the target cannot hold to all of it");
            }
            Shape { schema: Some(Schema { name, description, json: cleaned.json }), ..Shape::default() }
        }
        StructuredOutput::Tool if closed_schema::is_for_objects(schema) => {
            losses.bent("response_format", "asked for as the arguments of a tool");
            // A model that cannot be forced to call it must be told to.
            let free = free || !profile.forced_tool;
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

impl Schema<'_> {
    /// Writes `textFormat`. The schema is a string there.
    pub(super) fn write(&self, o: &mut Object<'_>) {
        o.object("textFormat", |o| {
            o.string("type", "json_schema");
            o.object("structure", |o| {
                o.object("jsonSchema", |o| {
                    o.embed("schema", |out| json::write_string(out, &self.json));
                    o.opt_string("name", self.name);
                    o.opt_string("description", self.description);
                });
            });
        });
    }
}
