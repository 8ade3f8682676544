//! `generationConfig`: how the answer is drawn, what form it has, how hard to think about it.

use super::super::case;
use super::super::schema::{self, Ordering};
use super::super::tools::Answer;
use super::super::types::DIALECT;
use super::thinking;
use crate::catalog::profile::{Param, Profile, StructuredOutput};
use crate::dialect::Malformed;
use crate::ir::extras::MOOT;
use crate::ir::{Format, Losses, Request, Sampling, ToolChoice};
use crate::wire::json::{self, Json, Object};

const PREFIX: &str = "generationConfig.";
const JSON: &str = "application/json";

/// The most stop strings that are taken.
const MOST_STOPS: usize = 5;

/// What a client says of the answer's form, until it is known as a whole.
#[derive(Default)]
struct Form<'j, 'a> {
    mime: Option<&'j Json<'a>>,
    open_api: Option<&'j Json<'a>>,
    plain: Option<&'j Json<'a>>,
}

/// Reads `generationConfig` into the request.
pub(super) fn parse(json: &Json<'_>, request: &mut Request) -> Result<(), Malformed> {
    let mut form = Form::default();
    let sampling = &mut request.sampling;
    for (name, value) in case::fields(case::object(json, "")?) {
        match &*name {
            "temperature" => sampling.temperature = Some(case::number(value, &name)?),
            "topP" => sampling.top_p = Some(case::number(value, &name)?),
            "topK" => sampling.top_k = Some(case::whole(value, &name)?),
            "maxOutputTokens" => sampling.max_tokens = Some(case::whole(value, &name)?),
            "candidateCount" => sampling.candidates = Some(case::whole(value, &name)?),
            "stopSequences" => sampling.stop = case::strings(value, &name)?,
            "seed" => sampling.seed = Some(case::signed(value, &name)?),
            "presencePenalty" => sampling.presence_penalty = Some(case::number(value, &name)?),
            "frequencyPenalty" => sampling.frequency_penalty = Some(case::number(value, &name)?),
            "responseLogprobs" => sampling.logprobs = Some(case::truth(value, &name)?),
            "logprobs" => sampling.top_logprobs = Some(case::whole(value, &name)?),
            "thinkingConfig" => {
                let thinking = thinking::parse(value, &mut request.extras);
                request.thinking = Some(thinking.map_err(case::within(&name))?);
            }
            "responseMimeType" => form.mime = Some(value),
            "responseSchema" => form.open_api = Some(case::object(value, &name)?),
            "responseJsonSchema" | "_responseJsonSchema" => form.plain = Some(value),
            // Words alone are what nearly all models answer in anyway; most clients say so.
            "responseModalities" if is_text_alone(value) => {
                request.extras.push(DIALECT, &format!("{MOOT}{PREFIX}{name}"), &case::compact(value));
            }
            _ => request.extras.push(DIALECT, &format!("{PREFIX}{name}"), &case::compact(value)),
        }
    }
    form.parse(request)
}

fn is_text_alone(modalities: &Json<'_>) -> bool {
    matches!(case::items(modalities), [only] if only.as_str().is_some_and(|word| word.eq_ignore_ascii_case("TEXT")))
}

impl Form<'_, '_> {
    fn parse(&self, request: &mut Request) -> Result<(), Malformed> {
        let mime = self.mime.map(|mime| case::string(mime, "responseMimeType")).transpose()?;
        let schema = match (self.plain, self.open_api) {
            (Some(plain), _) => Some(plain.raw().to_owned()),
            (None, open_api) => open_api.map(schema::to_json_schema),
        };
        request.format = match (mime.as_deref(), schema) {
            (None | Some(JSON), Some(schema)) => {
                Some(Format::JsonSchema { name: None, description: None, schema, strict: None })
            }
            (Some(JSON), None) => Some(Format::JsonObject),
            (Some("text/plain"), None) => Some(Format::Text),
            // One word out of an enumeration, or a form not known here.
            (Some(_), _) => {
                let members = [
                    ("responseMimeType", self.mime),
                    ("responseSchema", self.open_api),
                    ("responseJsonSchema", self.plain),
                ];
                for (name, value) in members {
                    if let Some(value) = value {
                        request.extras.push(DIALECT, &format!("{PREFIX}{name}"), &case::compact(value));
                    }
                }
                None
            }
            (None, None) => None,
        };
        Ok(())
    }
}

/// How the form of the answer is asked for.
pub(super) enum Asked<'r> {
    /// It is not.
    Nothing,
    /// By a mime type, and a schema if there is one.
    Mime(&'static str, Option<&'r str>),
    /// By a tool whose arguments are the answer.
    Tool(Answer<'r>),
    /// By an instruction, and a mime type where that at least is known.
    Words(String, Option<&'static str>),
}

/// Decides how the form is asked for.
///
/// Before Gemini 3 a JSON mime type and functions exclude one another, and from then on a mime type
/// and a forced call (<https://ai.google.dev/gemini-api/docs/structured-output>, seen 2026-11).
pub(super) fn form<'r>(request: &'r Request, profile: &Profile, losses: &mut Losses) -> Asked<'r> {
    let Some(format) = &request.format else { return Asked::Nothing };
    if profile.refuses.has(Param::ResponseFormat) && *format != Format::Text {
        losses.dropped("response_format", "the model takes none");
        return Asked::Nothing;
    }
    let forced = matches!(
        request.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Tool(_) | ToolChoice::Allowed(_, true))
    );
    let exclusive = !request.tools.is_empty() && (forced || !profile.requires_signature);
    let style = match profile.structured_output {
        StructuredOutput::Native | StructuredOutput::JsonObject if exclusive => StructuredOutput::Tool,
        style => style,
    };
    match (format, style) {
        (Format::Text, _) => Asked::Mime("text/plain", None),
        (Format::JsonObject, StructuredOutput::Native | StructuredOutput::JsonObject) => {
            Asked::Mime(JSON, None)
        }
        (Format::JsonObject, _) => {
            losses.bent("response_format", "said as an instruction");
            Asked::Words("Answer with one JSON object and nothing else.".to_owned(), None)
        }
        (Format::JsonSchema { schema, .. }, StructuredOutput::Native) => Asked::Mime(JSON, Some(schema)),
        (Format::JsonSchema { schema, description, .. }, StructuredOutput::Tool) => {
            losses.bent("response_format", "said as a tool that takes the answer");
            Asked::Tool(Answer { schema, description: description.as_deref() })
        }
        (Format::JsonSchema { schema, .. }, style) => {
            losses.bent("response_format", "said as an instruction");
            let words = format!(
                "Answer with one JSON value and nothing else. It must be valid against this JSON schema: {schema}"
            );
            Asked::Words(words, (style == StructuredOutput::JsonObject).then_some(JSON))
        }
    }
}

/// Adds `generationConfig`, if there is anything to say in it.
pub(super) fn write(
    o: &mut Object<'_>,
    request: &Request,
    asked: &Asked<'_>,
    resolution: Option<&str>,
    profile: &Profile,
    losses: &mut Losses,
) {
    let mut config = Vec::new();
    json::object(&mut config, |o| {
        write_sampling(o, &request.sampling, profile, losses);
        write_form(o, asked, profile, losses);
        thinking::write(o, request, profile, losses);
        o.opt_string("mediaResolution", resolution);
        for extra in request.extras.of(DIALECT) {
            let name = extra.name.strip_prefix(MOOT).unwrap_or(&extra.name).strip_prefix(PREFIX);
            if let Some(name) = name.filter(|name| !name.contains('.')) {
                o.raw(name, &extra.json);
            }
        }
    });
    if config.len() > 2 {
        o.embed("generationConfig", |out| out.append(&mut config));
    }
}

fn write_sampling(o: &mut Object<'_>, sampling: &Sampling, profile: &Profile, losses: &mut Losses) {
    let mut takes = |param, name: &'static str, given: bool| {
        let refused = given && profile.refuses.has(param);
        if refused {
            losses.dropped(name, "the model refuses it");
        }
        given && !refused
    };
    let temperature = takes(Param::Temperature, "temperature", sampling.temperature.is_some());
    let top_p = takes(Param::TopP, "top_p", sampling.top_p.is_some());
    let top_k = takes(Param::TopK, "top_k", sampling.top_k.is_some());
    let stop = takes(Param::Stop, "stop", !sampling.stop.is_empty());
    let seed = takes(Param::Seed, "seed", sampling.seed.is_some());
    let count = takes(Param::N, "n", sampling.candidates.is_some_and(|n| n > 1));
    let presence = takes(Param::PresencePenalty, "presence_penalty", sampling.presence_penalty.is_some());
    let frequency = takes(Param::FrequencyPenalty, "frequency_penalty", sampling.frequency_penalty.is_some());
    let logprobs = takes(Param::Logprobs, "logprobs", sampling.logprobs == Some(true));
    let tops = takes(Param::Logprobs, "top_logprobs", sampling.top_logprobs.is_some());

    if temperature {
        write_temperature(o, sampling.temperature, profile, losses);
    }
    o.opt_float("topP", sampling.top_p.filter(|_| top_p));
    o.opt_number("topK", sampling.top_k.filter(|_| top_k));
    if let Some(most) = sampling.max_tokens {
        let limit = profile.max_output.unwrap_or(u64::MAX);
        if most > limit {
            losses.clamped("max_tokens", "the model produces fewer");
        }
        o.number("maxOutputTokens", most.min(limit));
    }
    if stop {
        write_stop(o, &sampling.stop, losses);
    }
    if let Some(seed) = sampling.seed.filter(|_| seed) {
        match i32::try_from(seed) {
            Ok(seed) => o.number("seed", seed),
            Err(_) => losses.dropped("seed", "it must fit 32 bits"),
        }
    }
    // One candidate is what comes without asking.
    if count || (sampling.candidates == Some(1) && !profile.refuses.has(Param::N)) {
        o.opt_number("candidateCount", sampling.candidates);
    }
    o.opt_float("presencePenalty", sampling.presence_penalty.filter(|_| presence));
    o.opt_float("frequencyPenalty", sampling.frequency_penalty.filter(|_| frequency));
    if logprobs {
        o.bool("responseLogprobs", true);
        if let Some(count) = sampling.top_logprobs.filter(|count| tops && *count > 0) {
            if count > 20 {
                losses.clamped("top_logprobs", "at most 20");
            }
            o.number("logprobs", count.min(20));
        }
    }
    if sampling.logit_bias.is_some() {
        losses.dropped("logit_bias", "the model's tokens cannot be named");
    }
}

fn write_temperature(o: &mut Object<'_>, temperature: Option<f64>, profile: &Profile, losses: &mut Losses) {
    match (temperature, profile.max_temperature) {
        (Some(_), None) => losses.dropped("temperature", "the model takes no other than its own"),
        (Some(wanted), Some(most)) if wanted > most => {
            losses.clamped("temperature", "above what the model takes");
            o.float("temperature", most);
        }
        (wanted, _) => o.opt_float("temperature", wanted),
    }
}

fn write_stop(o: &mut Object<'_>, stop: &[String], losses: &mut Losses) {
    let some = stop.iter().filter(|text| !text.is_empty());
    if some.clone().count() > MOST_STOPS {
        losses.clamped("stop", "at most five");
    }
    if some.clone().next().is_some() {
        o.array("stopSequences", |a| some.take(MOST_STOPS).for_each(|text| a.string(text)));
    }
}

fn write_form(o: &mut Object<'_>, asked: &Asked<'_>, profile: &Profile, losses: &mut Losses) {
    let (mime, schema) = match asked {
        Asked::Mime(mime, schema) => (Some(*mime), *schema),
        Asked::Words(_, mime) => (*mime, None),
        Asked::Nothing | Asked::Tool(_) => return,
    };
    o.opt_string("responseMimeType", mime);
    let Some(schema) = schema else { return };
    if profile.json_schema {
        o.embed("responseJsonSchema", |out| schema::write_plain(out, schema));
        return;
    }
    let Ok(tree) = json::parse(schema.as_bytes()) else { return };
    let place = "response_format.json_schema";
    if let Some(subset) = schema::write_subset(&tree, Ordering::Told, place, losses) {
        o.embed("responseSchema", |out| out.extend_from_slice(&subset));
    }
}
