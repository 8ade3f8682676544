//! Structured answers: the dialect's own schema field, or what comes nearest to it.

use crate::catalog::profile::{Param, Profile, StructuredOutput};
use crate::dialect::openai_chat::tools;
use crate::dialect::openai_schema::{fitting, in_words, is_strict, mentions_json};
use crate::ir::{Format, Losses, Request};
use crate::wire::json::{self, Object};

/// The tool whose arguments are the answer where schemas are only known for tools.
const ANSWER_TOOL: &str = "json_answer";

/// How a request's format is asked for.
#[derive(Debug, Default)]
pub(super) struct Plan<'r> {
    /// What `response_format` says.
    pub field: Field<'r>,
    /// The name and schema of the tool that stands in for it.
    pub tool: Option<(&'static str, &'r str)>,
    /// What is said in words after the system's instructions.
    pub instruction: Option<String>,
}

/// The contents of `response_format`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Field<'r> {
    /// It is left out.
    #[default]
    Nothing,
    /// `text`.
    Text,
    /// `json_object`.
    Object,
    /// `json_schema`, and whether it may be strict.
    Schema(&'r Format, Option<bool>),
}

/// Decides how to ask for a request's format.
pub(super) fn plan<'r>(request: &'r Request, profile: &Profile, losses: &mut Losses) -> Plan<'r> {
    let Some(format) = &request.format else {
        return Plan::default();
    };
    let crowded = !profile.together.format_beside_tools
        && request.tools.iter().any(|tool| tools::search_options(tool).is_none())
        && !profile.refuses.has(Param::Tools);
    let fits_tool = matches!(format, Format::JsonSchema { schema, .. } if is_object_schema(schema));
    let style = if profile.refuses.has(Param::ResponseFormat) || profile.older_tools && !fits_tool {
        StructuredOutput::None
    } else if crowded {
        let schema = matches!(format, Format::JsonSchema { .. });
        if schema { StructuredOutput::Tool } else { StructuredOutput::None }
    } else {
        profile.structured_output
    };
    match format {
        Format::Text if style == StructuredOutput::None => Plan::default(),
        Format::Text => Plan { field: Field::Text, ..Plan::default() },
        Format::JsonObject => object(request, style, losses),
        Format::JsonSchema { schema, strict, name, .. } => match style {
            StructuredOutput::Native => {
                // Dialects without names for schemas always hold the model to them.
                let held = || name.is_none() && is_strict(schema);
                let strict = strict.or_else(|| held().then_some(true));
                Plan { field: Field::Schema(format, fitting(schema, strict, losses)), ..Plan::default() }
            }
            StructuredOutput::Tool if is_object_schema(schema) => {
                losses.bent("response_format", "asked for as the arguments of a tool");
                Plan { tool: Some((ANSWER_TOOL, schema)), ..Plan::default() }
            }
            StructuredOutput::Tool | StructuredOutput::JsonObject if !crowded => {
                losses.bent("response_format", "the schema is only given in words");
                Plan { field: Field::Object, instruction: Some(in_words(schema)), tool: None }
            }
            StructuredOutput::Tool | StructuredOutput::JsonObject | StructuredOutput::None => {
                losses.bent("response_format", "only asked for in words");
                Plan { instruction: Some(in_words(schema)), ..Plan::default() }
            }
        },
    }
}

fn object<'r>(request: &Request, style: StructuredOutput, losses: &mut Losses) -> Plan<'r> {
    const IN_WORDS: &str = "Answer with one JSON object and nothing else.";
    if style == StructuredOutput::None {
        losses.bent("response_format", "only asked for in words");
        return Plan { instruction: Some(IN_WORDS.to_owned()), ..Plan::default() };
    }
    // OpenAI refuses JSON mode when no message mentions JSON.
    let mut blocks = request.system.iter().chain(request.turns.iter().flat_map(|turn| &turn.blocks));
    let mentioned = blocks.any(|block| block.as_text().is_some_and(mentions_json));
    if !mentioned {
        losses.bent("response_format", "JSON mode must also be asked for in words");
    }
    Plan { field: Field::Object, instruction: (!mentioned).then(|| IN_WORDS.to_owned()), tool: None }
}

fn is_object_schema(schema: &str) -> bool {
    let Ok(schema) = json::parse(schema.as_bytes()) else {
        return false;
    };
    match schema.get("type") {
        Some(kind) => kind.as_str() == Some("object"),
        None => schema.get("properties").is_some(),
    }
}

/// Writes `response_format`.
pub(super) fn write(body: &mut Object<'_>, field: Field<'_>) {
    match field {
        Field::Nothing => {}
        Field::Text => body.raw("response_format", r#"{"type":"text"}"#),
        Field::Object => body.raw("response_format", r#"{"type":"json_object"}"#),
        Field::Schema(format, strict) => {
            if let Format::JsonSchema { name, description, schema, .. } = format {
                body.object("response_format", |object| {
                    object.string("type", "json_schema");
                    object.object("json_schema", |object| {
                        object.string("name", name.as_deref().unwrap_or("answer"));
                        object.opt_string("description", description.as_deref());
                        object.raw("schema", schema);
                        object.opt_bool("strict", strict);
                    });
                });
            }
        }
    }
}
