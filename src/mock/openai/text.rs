//! OpenAI's text completions: a prompt that the model goes on with, whole and streamed.
//!
//! Strict like OpenAI for OpenAI's own models, of which only the oldest take prompts; other vendors
//! serve every model here.

use serde_json::Value;

use super::check::is_own_model;
use crate::mock::dialect::Dialect;
use crate::mock::errors::Refusal;
use crate::mock::http::Request;
use crate::mock::play::{Act, Body, Frames};
use crate::mock::say::script::{Flag, Script};
use crate::mock::say::{Answer, Ask, Finish, compose, fingerprint, quote, tokens_of};
use crate::mock::{World, unix_now};

const TOP: [&str; 19] = [
    "model",
    "prompt",
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
    "moderation",
];

/// What the answer depends on besides the [`Ask`].
struct Form {
    ask: Ask,
    /// What each choice begins with: nothing, or its prompt.
    echoes: Vec<String>,
    include_usage: bool,
    usage: bool,
    logprobs: bool,
}

/// Answers `POST …/completions`.
pub(in crate::mock) fn answer(
    request: &Request<'_>,
    path: &str,
    spoken: Dialect,
    world: &World,
) -> Result<Act, Refusal> {
    let body: Value =
        serde_json::from_slice(request.body).map_err(|error| Refusal::not_json(Dialect::OpenAi, &error))?;
    let own = matches!(path, "/v1/completions" | "/completions");
    let mut form = read(&body, own)?;
    let script = Script::read(&form.ask.model, &form.ask.text);
    if let Some(act) = spoken.mishap(world, &form.ask.model, &script) {
        return Ok(act);
    }
    form.usage = !script.has(Flag::NoUsage);
    let answer = compose::answer(&form.ask, &script, world.options.tokens);
    let (kind, said) = if form.ask.stream {
        ("text/event-stream; charset=utf-8", Body::Stream(stream(&form, &answer, world)))
    } else {
        ("application/json", Body::Whole(whole(&form, &answer, world).into_bytes()))
    };
    Ok(spoken.say(world, &script, kind, said, answer.tokens() * form.echoes.len()))
}

fn read(body: &Value, own: bool) -> Result<Form, Refusal> {
    let Some(fields) = body.as_object() else {
        return Err(Refusal::bad("Invalid body: expected a JSON object."));
    };
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return Err(Refusal::bad("you must provide a model parameter"));
    };
    let own = own && (is_own_model(model) || model.starts_with("davinci") || model.starts_with("babbage"));
    if own && is_own_model(model) && !model.contains("instruct") {
        return Err(Refusal::bad(
            "This is a chat model and not supported in the v1/completions endpoint. Did you mean to \
             use v1/chat/completions?",
        )
        .at("model")
        .with_status(404));
    }
    if own && let Some(unknown) = fields.keys().find(|key| !TOP.contains(&key.as_str())) {
        return Err(Refusal::bad(format!("Unrecognized request argument supplied: {unknown}")));
    }
    let number = |key: &str| body[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let each = number("n").unwrap_or(1);
    if number("best_of").is_some_and(|best| best < each) {
        return Err(Refusal::bad("You requested that the server return more choices than it generates."));
    }
    if own && number("logprobs").is_some_and(|most| most > 5) {
        return Err(
            Refusal::bad("Invalid value for 'logprobs': must be less than or equal to 5.").at("logprobs")
        );
    }
    let prompts = prompts(&body["prompt"])?;
    let bytes: usize = prompts.iter().map(String::len).sum();
    let echo = body["echo"] == true;
    let echoes = prompts.iter().flat_map(|prompt| {
        let text = if echo { prompt.clone() } else { String::new() };
        std::iter::repeat_n(text, each)
    });
    let stop = match &body["stop"] {
        Value::String(stop) => vec![stop.clone()],
        Value::Array(stops) => stops.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(Form {
        echoes: echoes.collect(),
        include_usage: body["stream_options"]["include_usage"] == true,
        usage: true,
        logprobs: body["logprobs"].is_u64(),
        ask: Ask {
            model: model.to_owned(),
            stream: body["stream"] == true,
            text: prompts.join("\n"),
            prompt: tokens_of(bytes),
            print: fingerprint(&prompts),
            limit: Some(number("max_tokens").unwrap_or(16)),
            stop,
            ..Ask::default()
        },
    })
}

/// A text, texts, the tokens of one, or those of several.
fn prompts(prompt: &Value) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::bad("Invalid type for 'prompt'.").at("prompt").coded("invalid_type");
    let tokens = |list: &[Value]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match prompt {
        Value::Null => Err(Refusal::bad("you must provide a prompt").at("prompt")),
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_u64) => Ok(vec![tokens(list)]),
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .map(|one| match one {
                Value::String(text) => Ok(text.clone()),
                Value::Array(list) if list.iter().all(Value::is_u64) => Ok(tokens(list)),
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    }
}

fn whole(form: &Form, answer: &Answer, world: &World) -> String {
    let (text, finish) = (answer.text(), finish(&answer.finish));
    let choices: Vec<_> = form
        .echoes
        .iter()
        .enumerate()
        .map(|(index, echo)| choice(form, index, &format!("{echo}{text}"), &finish))
        .collect();
    let usage = if form.usage { format!(r#","usage":{}"#, usage(form, answer)) } else { String::new() };
    format!("{}{}]{usage}}}", lead(form, world), choices.join(","))
}

fn stream(form: &Form, answer: &Answer, world: &World) -> Frames {
    let lead = format!("data: {}", lead(form, world));
    let tail = if form.include_usage { ",\"usage\":null}\n\n" } else { "}\n\n" };
    let mut frames = Frames::default();
    let mut say = |text: &str, finish: &str, tokens: usize, first: bool| {
        for (index, echo) in form.echoes.iter().enumerate() {
            let text = if first { format!("{echo}{text}") } else { text.to_owned() };
            let choice = choice(form, index, &text, finish);
            frames.bytes.extend_from_slice(format!("{lead}{choice}]{tail}").as_bytes());
            frames.mark(tokens);
        }
    };
    let mut first = true;
    for block in &answer.blocks {
        if let crate::mock::say::Block::Text(pieces) = block {
            for (text, tokens) in pieces.strides() {
                say(text, "null", tokens, first);
                first = false;
            }
        }
    }
    say("", &finish(&answer.finish), 0, first);
    if form.include_usage && form.usage {
        frames.push(&format!("{lead}],\"usage\":{}}}\n\n", usage(form, answer)));
    }
    frames.push("data: [DONE]\n\n");
    frames
}

/// An answer or a chunk up to the inside of `choices`.
fn lead(form: &Form, world: &World) -> String {
    let (id, created, model) = (world.id("cmpl-", 29), unix_now(), quote(&form.ask.model));
    format!(r#"{{"id":"{id}","object":"text_completion","created":{created},"model":{model},"choices":["#)
}

fn choice(form: &Form, index: usize, text: &str, finish: &str) -> String {
    let said = quote(text);
    let logprobs = if form.logprobs && !text.is_empty() {
        format!(
            r#"{{"tokens":[{said}],"token_logprobs":[-0.0125],"top_logprobs":[{{{said}:-0.0125}}],"text_offset":[0]}}"#
        )
    } else {
        "null".to_owned()
    };
    format!(r#"{{"text":{said},"index":{index},"logprobs":{logprobs},"finish_reason":{finish}}}"#)
}

fn usage(form: &Form, answer: &Answer) -> String {
    let (prompt, completion) = (form.ask.prompt, answer.tokens() * form.echoes.len());
    let total = prompt + completion;
    format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}}}"#)
}

fn finish(finish: &Finish) -> String {
    match finish {
        Finish::Stop | Finish::StopString(_) | Finish::Tools => r#""stop""#.to_owned(),
        Finish::Length => r#""length""#.to_owned(),
        Finish::Scripted(word) => quote(word),
    }
}
