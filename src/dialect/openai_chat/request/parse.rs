//! A client's body → the hub's request.

use crate::dialect::openai_chat::extras::keep_one;
use crate::dialect::openai_chat::types::service_tier;
use crate::dialect::openai_chat::{tools, types};
use crate::dialect::place::Place;
use crate::dialect::{Head, Malformed};
use crate::ir::{Effort, Format, Request, Thinking, ToolChoice};
use crate::wire::json::{self, Json};

use super::turns;

/// Reads a request.
pub(in crate::dialect::openai_chat) fn parse(head: &Head<'_>, body: &[u8]) -> Result<Request, Malformed> {
    let root = json::parse(body)?;
    if !root.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let mut reader = Reader::default();
    for (key, value) in root.entries() {
        if !value.is_null() {
            reader.member(key, value, Place::Body.member(key))?;
        }
    }
    reader.finish(head)
}

#[derive(Default)]
struct Reader {
    request: Request,
    messages: bool,
    /// The limit under its newer name, which wins.
    max_completion_tokens: Option<u64>,
    /// The choice under its older name, which loses.
    function_call: Option<ToolChoice>,
}

impl Reader {
    fn member(&mut self, key: &str, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        let request = &mut self.request;
        let sampling = &mut request.sampling;
        match key {
            "model" => request.model = at.owned(value)?,
            "messages" => {
                self.messages = true;
                turns::parse(value, at, request)?;
            }
            "stream" => request.stream = at.truth(value)?,
            "stream_options" => self.stream_options(value, at)?,
            "tools" => request.tools.extend(tools::parse(value, at)?),
            "functions" => request.tools.extend(tools::parse_functions(value, at)?),
            "tool_choice" => match tools::parse_choice(value, at)? {
                Some(choice) => request.tool_choice = Some(choice),
                None => keep_one("", key, value, &mut request.extras),
            },
            "function_call" => self.function_call = tools::parse_choice(value, at)?,
            "parallel_tool_calls" => request.parallel_tools = Some(at.truth(value)?),
            "max_tokens" => sampling.max_tokens = limit(value, at)?,
            "max_completion_tokens" => self.max_completion_tokens = limit(value, at)?,
            "temperature" => sampling.temperature = Some(at.number(value)?),
            "top_p" => sampling.top_p = Some(at.number(value)?),
            "top_k" => sampling.top_k = limit(value, at)?,
            "n" => sampling.candidates = Some(at.count(value)?),
            "stop" => sampling.stop = stop(value, at)?,
            "seed" | "random_seed" => sampling.seed = Some(at.whole(value)?),
            "frequency_penalty" => sampling.frequency_penalty = Some(at.number(value)?),
            "presence_penalty" => sampling.presence_penalty = Some(at.number(value)?),
            "logprobs" => sampling.logprobs = Some(at.truth(value)?),
            "top_logprobs" => sampling.top_logprobs = Some(at.count(value)?),
            "logit_bias" => sampling.logit_bias = Some(at.object(value)?.raw().to_owned()),
            "response_format" => self.format(value, at)?,
            "reasoning_effort" => self.effort(key, value, at)?,
            "reasoning" => self.reasoning(value, at)?,
            "thinking" => self.thinking(value, at)?,
            "web_search_options" => request.tools.push(tools::parse_search(at.object(value)?)),
            "verbosity" => request.verbosity = Some(at.owned(value)?),
            "prompt_cache_key" => request.cache_key = Some(at.owned(value)?),
            "user" => request.user = Some(at.owned(value)?),
            "service_tier" => request.service_tier = Some(service_tier(at.string(value)?)),
            "metadata" => request.metadata = Some(at.object(value)?.raw().to_owned()),
            _ => keep_one("", key, value, &mut request.extras),
        }
        Ok(())
    }

    fn stream_options(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(value)?;
        let mut more = false;
        for (key, option) in value.entries() {
            match &**key {
                _ if option.is_null() => {}
                "include_usage" => {
                    self.request.stream_usage = at.member(key).truth(option)?;
                }
                _ => more = true,
            }
        }
        if more {
            keep_one("", "stream_options", value, &mut self.request.extras);
        }
        Ok(())
    }

    fn format(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(value)?;
        // llama.cpp, Together and others take the schema beside the type.
        let beside = value.field("schema").filter(|schema| schema.is_object());
        self.request.format = Some(match at.required(value, "type")? {
            "text" => Format::Text,
            "json_object" if beside.is_none() => Format::JsonObject,
            "json_schema" | "json_object" => {
                let place = at.member("json_schema");
                let given = value.field("json_schema").or(beside.map(|_| value));
                let given = given.ok_or_else(|| place.missing())?;
                place.object(given)?;
                let text = |key: &str| given.field(key).and_then(Json::as_str).map(str::to_owned);
                let schema = match given.field("schema") {
                    Some(schema) => place.member("schema").object(schema)?.raw(),
                    None => "{}",
                };
                Format::JsonSchema {
                    name: text("name"),
                    description: text("description"),
                    schema: schema.to_owned(),
                    strict: given.field("strict").and_then(Json::as_bool),
                }
            }
            _ => {
                keep_one("", "response_format", value, &mut self.request.extras);
                return Ok(());
            }
        });
        Ok(())
    }

    fn effort(&mut self, key: &str, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        match Effort::from_name(at.string(value)?) {
            Some(effort) => self.thought().effort = Some(effort),
            None => keep_one("", key, value, &mut self.request.extras),
        }
        Ok(())
    }

    fn thought(&mut self) -> &mut Thinking {
        self.request.thinking.get_or_insert_default()
    }

    /// OpenRouter's `reasoning`.
    fn reasoning(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(value)?;
        let mut unknown = false;
        let thinking = self.thought();
        for (key, option) in value.entries() {
            let place = at.member(key);
            match &**key {
                _ if option.is_null() => {}
                "effort" => match Effort::from_name(place.string(option)?) {
                    Some(effort) => thinking.effort = Some(effort),
                    None => unknown = true,
                },
                "max_tokens" => thinking.budget = Some(place.count(option)?),
                "enabled" => thinking.enabled = Some(place.truth(option)?),
                "exclude" => thinking.visible = Some(!place.truth(option)?),
                _ => {}
            }
        }
        if unknown {
            keep_one("", "reasoning", value, &mut self.request.extras);
        }
        Ok(())
    }

    /// Anthropic's `thinking`, which DeepSeek, Z.AI and others imitate without the budget.
    fn thinking(&mut self, value: &Json<'_>, at: Place<'_>) -> Result<(), Malformed> {
        at.object(value)?;
        let enabled = match at.required(value, "type")? {
            "enabled" | "adaptive" => Some(true),
            "disabled" => Some(false),
            _ => None,
        };
        let budget = value.field("budget_tokens");
        let budget = budget.map(|budget| at.member("budget_tokens").count(budget)).transpose()?;
        let thinking = self.thought();
        thinking.enabled = enabled;
        thinking.budget = budget.or(thinking.budget);
        Ok(())
    }

    fn finish(self, head: &Head<'_>) -> Result<Request, Malformed> {
        let mut request = self.request;
        if !self.messages {
            return Err(Place::Body.member("messages").missing());
        }
        if request.model.is_empty() {
            match deployment(head.path) {
                Some(name) => name.clone_into(&mut request.model),
                None => return Err(Place::Body.member("model").missing()),
            }
        }
        let sampling = &mut request.sampling;
        sampling.max_tokens = self.max_completion_tokens.or(sampling.max_tokens);
        request.tool_choice = request.tool_choice.or(self.function_call);
        Ok(request)
    }
}

/// A limit. Servers take -1 for "as many as there are", which is what leaving it out says.
fn limit(value: &Json<'_>, at: Place<'_>) -> Result<Option<u64>, Malformed> {
    if value.as_i64() == Some(-1) { Ok(None) } else { at.count(value).map(Some) }
}

fn stop(value: &Json<'_>, at: Place<'_>) -> Result<Vec<String>, Malformed> {
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    if !value.is_array() {
        return Err(at.expected("a string or a list of strings"));
    }
    let texts = value.elements().iter().enumerate();
    texts.map(|(index, text)| at.element(index).owned(text)).collect()
}

/// Azure names the model in the path: `/openai/deployments/{name}/chat/completions`.
fn deployment(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/deployments/")?;
    types::filled(rest.split('/').next())
}
