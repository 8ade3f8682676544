//! A client's body → the hub's request.

use crate::dialect::Malformed;
use crate::dialect::openai_responses::types::{compact, kind, service_tier};
use crate::dialect::openai_responses::{extras, tools};
use crate::dialect::place::Place;
use crate::ir::{Block, Effort, Format, Request, Thinking};
use crate::wire::json::{self, Json};

use super::turns;

/// Reads a request.
pub(in crate::dialect::openai_responses) fn parse(body: &[u8]) -> Result<Request, Malformed> {
    let root = json::parse(body)?;
    if !root.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let mut reader = Reader::default();
    // A stream tells its usage always.
    reader.request.stream_usage = true;
    for (key, value) in root.entries() {
        if !value.is_null() {
            reader.member(key, value, Place::Body.member(key))?;
        }
    }
    reader.finish()
}

/// Members that say what goes without saying: nothing is lost where they cannot be said.
const IDLE: [(&str, &str); 5] = [
    ("background", "false"),
    ("truncation", "\"disabled\""),
    ("store", "false"),
    // The gateway keeps it itself.
    ("store", "true"),
    ("top_logprobs", "0"),
];

/// Members that change no answer.
const QUIET: [&str; 3] = ["prompt_cache_retention", "stream_options", "client_metadata"];

#[derive(Default)]
struct Reader {
    request: Request,
    instructions: Option<Block>,
    input: bool,
    /// Whether something else than `input` may say what to answer.
    elsewhere: bool,
}

impl Reader {
    fn member(&mut self, key: &str, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        let request = &mut self.request;
        let sampling = &mut request.sampling;
        match key {
            "model" => request.model = at.owned(value)?,
            "input" => {
                self.input = true;
                turns::parse(value, at, request)?;
            }
            "instructions" => {
                let mut block = Block::text(at.string(value)?);
                extras::keep_moot(turns::INSTRUCTIONS, "true", &mut block.extras);
                self.instructions = Some(block);
            }
            "stream" => request.stream = at.truth(value)?,
            "tools" => request.tools.extend(tools::parse(value, at)?),
            "tool_choice" => match tools::parse_choice(value, at)? {
                Some(choice) => request.tool_choice = Some(choice),
                None => extras::keep(key, value, &mut request.extras),
            },
            "parallel_tool_calls" => request.parallel_tools = Some(at.truth(value)?),
            "max_output_tokens" => sampling.max_tokens = Some(at.count(value)?),
            "temperature" => sampling.temperature = Some(at.number(value)?),
            "top_p" => sampling.top_p = Some(at.number(value)?),
            "top_logprobs" if at.count(value)? > 0 => {
                sampling.top_logprobs = Some(at.count(value)?);
            }
            "include" => self.include(value, at)?,
            "text" => self.text(value, at)?,
            "reasoning" => self.reasoning(value, at)?,
            "user" => request.user = Some(at.owned(value)?),
            "safety_identifier" => {
                let user = at.owned(value)?;
                extras::keep_moot("@safety_identifier", value.raw(), &mut request.extras);
                request.user.get_or_insert(user);
            }
            "prompt_cache_key" => request.cache_key = Some(at.owned(value)?),
            "service_tier" => request.service_tier = Some(service_tier(at.string(value)?)),
            "metadata" => request.metadata = Some(at.object(value)?.raw().to_owned()),
            key => {
                self.elsewhere |= matches!(key, "previous_response_id" | "conversation" | "prompt");
                let idle = IDLE.contains(&(key, value.raw())) || QUIET.contains(&key);
                if idle {
                    extras::keep_moot(key, &compact(value), &mut request.extras);
                } else {
                    extras::keep(key, value, &mut request.extras);
                }
            }
        }
        Ok(())
    }

    /// What else the answer should hold: mostly more of what the provider's own tools found, which
    /// asks for nothing where there are none.
    fn include(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        for (index, item) in at.list(value)?.iter().enumerate() {
            if at.element(index).string(item)? == "message.output_text.logprobs" {
                self.request.sampling.logprobs = Some(true);
            }
        }
        extras::keep_moot("include", &compact(value), &mut self.request.extras);
        Ok(())
    }

    fn text(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        for (key, option) in at.object(value)?.entries() {
            let place = at.member(key);
            match &**key {
                _ if option.is_null() => {}
                "verbosity" => self.request.verbosity = Some(place.owned(option)?),
                "format" => self.format(option, place)?,
                key => extras::keep(&format!("text.{key}"), option, &mut self.request.extras),
            }
        }
        Ok(())
    }

    fn format(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(value)?;
        self.request.format = Some(match at.required(value, "type")? {
            "text" => Format::Text,
            "json_object" => Format::JsonObject,
            "json_schema" => {
                // As chat completions have it, which some clients mix up.
                let given = value.field("json_schema").unwrap_or(value);
                let text = |key: &str| given.field(key).and_then(Json::as_str).map(str::to_owned);
                let place = at.member("schema");
                let schema = given.field("schema").ok_or_else(|| place.missing())?;
                Format::JsonSchema {
                    name: text("name"),
                    description: text("description"),
                    schema: place.object(schema)?.raw().to_owned(),
                    strict: given.field("strict").and_then(Json::as_bool),
                }
            }
            _ => {
                extras::keep("text.format", value, &mut self.request.extras);
                return Ok(());
            }
        });
        Ok(())
    }

    fn reasoning(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        let mut thinking = Thinking::default();
        for (key, option) in at.object(value)?.entries() {
            let place = at.member(key);
            match &**key {
                _ if option.is_null() => {}
                "effort" => match Effort::from_name(place.string(option)?) {
                    Some(effort) => thinking.effort = Some(effort),
                    None => extras::keep("reasoning.effort", option, &mut self.request.extras),
                },
                "summary" | "generate_summary" => {
                    thinking.visible = Some(place.string(option)? != "none");
                    extras::keep_moot(&format!("reasoning.{key}"), option.raw(), &mut self.request.extras);
                }
                key => extras::keep(&format!("reasoning.{key}"), option, &mut self.request.extras),
            }
        }
        if thinking != Thinking::default() {
            self.request.thinking = Some(thinking);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Request, Malformed> {
        if !self.input && !self.elsewhere {
            return Err(Place::Body.member("input").missing());
        }
        if self.request.model.is_empty() && !self.elsewhere {
            return Err(Place::Body.member("model").missing());
        }
        if let Some(instructions) = self.instructions {
            self.request.system.insert(0, instructions);
        }
        // Whether an answer is kept where nobody said so is another thing here than elsewhere.
        let said = |extra: &crate::ir::Extra| extra.name.ends_with("store");
        if !self.request.extras.all().iter().any(said) {
            extras::keep_moot("@store", "null", &mut self.request.extras);
        }
        Ok(self.request)
    }
}

/// Whether an item has no type of its own and is a message all the same.
pub(in crate::dialect::openai_responses) fn is_message(item: &Json<'_>) -> bool {
    kind(item) == "message" || (item.field("type").is_none() && item.field("role").is_some())
}
