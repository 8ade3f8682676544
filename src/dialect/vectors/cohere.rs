//! Cohere's `/v1/embed` and `/v2/embed` (<https://docs.cohere.com/reference/embed>, seen 2026-11).

use std::sync::LazyLock;

use super::task::{self, Whose};
use crate::dialect::openai_embeddings::{numbers, write_numbers};
use crate::dialect::{Malformed, Seed};
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest, Encoding};
use crate::ir::{Dialect, Losses, Usage};
use crate::wire::json::{self, Counts, Json};
use crate::wire::needle::Needle;

/// Extras of this form are kept under the dialect of the endpoint's neighbours.
const DIALECT: Dialect = Dialect::OpenaiChat;

/// The most inputs of one request.
const MOST_INPUTS: usize = 96;

/// Members that only this form has, and that go back into it.
const OWN: [&str; 3] = ["truncate", "max_tokens", "priority"];

pub(super) fn parse_request(body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let json = json::parse(body)?;
    let mut request = EmbedRequest::default();
    for (name, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
        match &**name {
            "model" => request.model = string(value, name)?,
            "texts" => request.inputs.append(&mut texts(value)?),
            "inputs" => request.inputs.append(&mut mixed(value)?),
            "images" => return Err(Malformed::new("images", "only text can be embedded by this model")),
            "input_type" => {
                let word = string(value, name)?;
                request.task = Some(task::meaning(&word).map_or(word, str::to_owned));
            }
            "output_dimension" => {
                let number = value.as_u64().filter(|number| *number > 0);
                let flaw = || Malformed::new("output_dimension", "expected a whole number above 0");
                request.dimensions = Some(number.ok_or_else(flaw)?);
            }
            "embedding_types" => request.encoding = encoding(value)?,
            _ => request.extras.push(DIALECT, name, value.raw()),
        }
    }
    for (name, missing) in [("model", request.model.is_empty()), ("texts", request.inputs.is_empty())] {
        if missing {
            return Err(Malformed::new(name, format!("{name} must be given and not be empty")));
        }
    }
    Ok(request)
}

fn string(json: &Json<'_>, name: &str) -> Result<String, Malformed> {
    let text = json.as_str().map(str::to_owned);
    text.ok_or_else(|| Malformed::new(name, "expected a string"))
}

fn texts(json: &Json<'_>) -> Result<Vec<EmbedInput>, Malformed> {
    let one = |(at, item): (usize, &Json<'_>)| {
        let text = item.as_str().map(|text| EmbedInput::Text(text.to_owned()));
        text.ok_or_else(|| Malformed::new(format!("texts[{at}]"), "expected a string"))
    };
    json.elements().iter().enumerate().map(one).collect()
}

/// Inputs of several parts each; those of text are one text, part by part on a line.
fn mixed(json: &Json<'_>) -> Result<Vec<EmbedInput>, Malformed> {
    let mut inputs = Vec::new();
    for (at, item) in json.elements().iter().enumerate() {
        let mut words = Vec::new();
        for part in item.field("content").map(Json::elements).unwrap_or_default() {
            let text = part.field("text").and_then(Json::as_str);
            words.push(text.ok_or_else(|| {
                Malformed::new(format!("inputs[{at}].content"), "only text can be embedded by this model")
            })?);
        }
        inputs.push(EmbedInput::Text(words.join("\n")));
    }
    Ok(inputs)
}

/// One spelling is told; whoever wants several, or bits, must ask a model of Cohere's own.
fn encoding(json: &Json<'_>) -> Result<Encoding, Malformed> {
    let types: Option<Vec<&str>> = json.elements().iter().map(Json::as_str).collect();
    match types.as_deref() {
        Some(["float"] | []) => Ok(Encoding::Float),
        Some(["base64"]) => Ok(Encoding::Base64),
        _ => Err(Malformed::new("embedding_types", "this model gives float or base64, one of them")),
    }
}

pub(super) fn fits(request: &EmbedRequest) -> Result<(), Malformed> {
    super::fits(request, MOST_INPUTS)
}

pub(super) fn render_request(request: &EmbedRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model", model);
        o.array("texts", |a| {
            for input in &request.inputs {
                // Numbers were refused before (`in_words`).
                if let EmbedInput::Text(text) = input {
                    a.string(text);
                }
            }
        });
        // It must be told; what nobody said anything of is mostly to be found later.
        let told = request.task.as_deref();
        let word = told.map_or(Some("search_document"), |task| task::word(task, Whose::Cohere));
        if word.is_none() {
            losses.bent("task", "said as a document to be found");
        }
        o.string("input_type", word.unwrap_or("search_document"));
        o.array("embedding_types", |a| a.string("float"));
        o.opt_number("output_dimension", request.dimensions);
        if request.user.is_some() {
            losses.dropped("user", "the end user cannot be named");
        }
        if request.title.is_some() {
            losses.dropped("title", "titles are not known to this form");
        }
        for extra in request.extras.all() {
            if OWN.contains(&extra.name.as_str()) {
                o.raw(&extra.name, &extra.json);
            } else {
                losses.dropped(extra.name.clone(), "not known to this form");
            }
        }
    });
    out
}

pub(super) fn parse_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let flaw = || Malformed::new("embeddings", "expected lists of numbers");
    let told = json.field("embeddings").ok_or_else(flaw)?;
    // The first version gives a plain list.
    let list = told.field("float").unwrap_or(told);
    let vectors: Option<Vec<_>> = list.elements().iter().map(numbers).collect();
    Ok(EmbedReply {
        vectors: vectors.filter(|vectors| !vectors.is_empty()).ok_or_else(flaw)?,
        usage: find_usage(body),
        ..EmbedReply::default()
    })
}

pub(super) fn find_usage(body: &[u8]) -> Option<Usage> {
    static BILLED: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"billed_units\""));
    let counts = Counts::prefix(BILLED.values(body).last()?)?;
    let (words, pictures) = (counts.at(&["input_tokens"]), counts.at(&["image_tokens"]));
    (words + pictures > 0).then(|| Usage { input: words, image_input: pictures, ..Usage::default() })
}

pub(super) fn render_reply(
    version: &'static str,
    reply: &EmbedReply,
    asked: &EmbedRequest,
    seed: &Seed,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(reply.vectors.iter().map(|vector| vector.len() * 12 + 64).sum());
    json::object(&mut out, |o| {
        o.string("id", &seed.id);
        o.array("texts", |a| {
            for input in &asked.inputs {
                if let EmbedInput::Text(text) = input {
                    a.string(text);
                }
            }
        });
        // The first version gives a plain list to whoever names no types.
        let by_type = version == "2" || asked.encoding == Encoding::Base64;
        if by_type {
            let name = if asked.encoding == Encoding::Base64 { "base64" } else { "float" };
            o.object("embeddings", |o| {
                o.array(name, |a| {
                    reply.vectors.iter().for_each(|vector| {
                        a.embed(|out| write_numbers(out, vector, asked.encoding));
                    });
                });
            });
        } else {
            o.array("embeddings", |a| {
                reply.vectors.iter().for_each(|vector| {
                    a.embed(|out| write_numbers(out, vector, Encoding::Float));
                });
            });
        }
        o.object("meta", |o| {
            o.object("api_version", |o| o.string("version", version));
            o.object("billed_units", |o| {
                o.number("input_tokens", reply.usage.unwrap_or_default().total_input());
            });
        });
        o.string("response_type", if by_type { "embeddings_by_type" } else { "embeddings_floats" });
    });
    out
}
