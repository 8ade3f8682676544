//! Embeddings: `embedContent` for one text and `batchEmbedContents` for many, both ways.

use super::request::model_of;
use super::types::DIALECT;
use super::{case, usage};
use crate::dialect::{Head, Malformed};
use crate::ir::Losses;
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest, Encoding};
use crate::wire::json::{self, Json, Object};

/// Reads a client's `embedContent`.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(head: &Head<'_>, body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let json = json::parse(body)?;
    let mut request = EmbedRequest { single: true, ..EmbedRequest::default() };
    take(&json, &mut request)?;
    named(head, request)
}

/// Reads a client's `batchEmbedContents`.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes. Requests of one batch must agree in
/// all but their content.
pub fn parse_batch_request(head: &Head<'_>, body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let json = json::parse(body)?;
    let list = case::field(&json, "requests");
    let list = list.ok_or_else(|| Malformed::new("requests", "requests must be given"))?;
    let mut request = EmbedRequest::default();
    for (at, item) in case::list(list, "requests")?.iter().enumerate() {
        let mut one = EmbedRequest::default();
        take(item, &mut one).map_err(|flaw| case::within(format!("requests[{at}]"))(flaw))?;
        if at == 0 {
            request = one;
            continue;
        }
        for (name, differs) in [
            ("model", one.model != request.model),
            ("taskType", one.task != request.task),
            ("title", one.title != request.title),
            ("outputDimensionality", one.dimensions != request.dimensions),
        ] {
            if differs {
                let param = format!("requests[{at}].{name}");
                return Err(Malformed::new(param, "must be the same in all requests of a batch"));
            }
        }
        request.inputs.append(&mut one.inputs);
    }
    named(head, request)
}

fn named(head: &Head<'_>, mut request: EmbedRequest) -> Result<EmbedRequest, Malformed> {
    if let Some((model, _)) = model_of(head.path) {
        request.model = model;
    }
    if request.model.is_empty() {
        return Err(Malformed::new("model", "the path must name a model"));
    }
    if request.inputs.is_empty() {
        return Err(Malformed::new("requests", "expected at least one request"));
    }
    Ok(request)
}

fn take(json: &Json<'_>, request: &mut EmbedRequest) -> Result<(), Malformed> {
    for (name, value) in case::fields(case::object(json, "")?) {
        match &*name {
            "model" => {
                let model = case::string(value, "model")?;
                model.strip_prefix("models/").unwrap_or(&model).clone_into(&mut request.model);
            }
            "content" => {
                let text = words(value).map_err(case::within("content"))?;
                request.inputs.push(EmbedInput::Text(text));
            }
            "taskType" => request.task = Some(case::string(value, &name)?),
            "title" => request.title = Some(case::string(value, &name)?),
            "outputDimensionality" => request.dimensions = Some(case::whole(value, &name)?),
            _ => request.extras.push(DIALECT, &name, &case::compact(value)),
        }
    }
    if request.inputs.is_empty() {
        return Err(Malformed::new("content", "content must be given"));
    }
    Ok(())
}

/// The text of a content; several parts are one input, part by part on a line.
fn words(content: &Json<'_>) -> Result<String, Malformed> {
    let parts = case::field(case::object(content, "")?, "parts");
    let parts = parts.ok_or_else(|| Malformed::new("parts", "parts must be given"))?;
    let mut words = Vec::new();
    for (at, part) in case::list(parts, "parts")?.iter().enumerate() {
        let text = case::text(part, "text");
        words.push(
            text.ok_or_else(|| Malformed::new(format!("parts[{at}].text"), "only text can be embedded"))?,
        );
    }
    Ok(words.join("\n"))
}

/// The most texts that one `batchEmbedContents` may hold.
const MOST_INPUTS: usize = 100;

/// Checks that a request can be said as one `batchEmbedContents`.
///
/// # Errors
/// When it holds more inputs than that.
pub fn fits_batch(request: &EmbedRequest) -> Result<(), Malformed> {
    let count = request.inputs.len();
    if count <= MOST_INPUTS {
        return Ok(());
    }
    let message = format!(
        "the model's provider embeds at most {MOST_INPUTS} inputs in one request, this one has {count}"
    );
    Err(Malformed::new("input", message))
}

/// Says a request as `batchEmbedContents`, for a target that knows itself as `model`.
#[must_use]
pub fn render_batch_request(request: &EmbedRequest, model: &str, losses: &mut Losses) -> Vec<u8> {
    if request.user.is_some() {
        losses.dropped("user", "the end user cannot be named");
    }
    if request.encoding == Encoding::Base64 {
        losses.bent("encoding_format", "numbers come as text and are spelt anew");
    }
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.array("requests", |a| {
            for input in &request.inputs {
                // Numbers were refused before (`vectors`).
                if let EmbedInput::Text(text) = input {
                    a.object(|o| write_request(o, request, text, model));
                }
            }
        });
    });
    for extra in request.extras.all().iter().filter(|extra| extra.dialect != DIALECT) {
        losses.dropped(extra.name.clone(), "not known to this dialect");
    }
    out
}

fn write_request(o: &mut Object<'_>, request: &EmbedRequest, text: &str, model: &str) {
    let prefix = if model.contains('/') { "" } else { "models/" };
    o.string("model", &format!("{prefix}{model}"));
    o.object("content", |o| {
        o.array("parts", |a| a.object(|o| o.string("text", text)));
    });
    o.opt_string("taskType", request.task.as_deref());
    o.opt_string("title", request.title.as_deref());
    o.opt_number("outputDimensionality", request.dimensions);
    for extra in request.extras.of(DIALECT) {
        o.raw(&extra.name, &extra.json);
    }
}

/// Reads a provider's answer, of one text or of many.
///
/// # Errors
/// When the body holds no vectors.
pub fn parse_batch_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let list = case::field(&json, "embeddings").or_else(|| case::field(&json, "embedding"));
    let list = list.ok_or_else(|| Malformed::new("embeddings", "expected a list of embeddings"))?;
    let mut reply = EmbedReply::default();
    for (at, item) in case::items(list).iter().enumerate() {
        let values = case::field(item, "values").map(Json::elements).unwrap_or_default();
        let vector: Option<Vec<f32>> = values.iter().map(number).collect();
        let flaw = || Malformed::new(format!("embeddings[{at}].values"), "expected numbers");
        reply.vectors.push(vector.filter(|vector| !vector.is_empty()).ok_or_else(flaw)?);
    }
    reply.usage = case::field(&json, "usageMetadata").map(usage::parse);
    Ok(reply)
}

fn number(json: &Json<'_>) -> Option<f32> {
    json.as_f64()?;
    json.raw().parse().ok()
}

/// Says the vector of one text, as `embedContent` answers.
#[must_use]
pub fn render_reply(reply: &EmbedReply) -> Vec<u8> {
    let mut out = Vec::new();
    json::object(&mut out, |o| {
        let vector = reply.vectors.first().map(Vec::as_slice).unwrap_or_default();
        o.object("embedding", |o| write_values(o, vector));
        write_usage(o, reply);
    });
    out
}

/// Says the vectors of many texts, as `batchEmbedContents` answers.
#[must_use]
pub fn render_batch_reply(reply: &EmbedReply) -> Vec<u8> {
    let mut out = Vec::new();
    json::object(&mut out, |o| {
        o.array("embeddings", |a| {
            for vector in &reply.vectors {
                a.object(|o| write_values(o, vector));
            }
        });
        write_usage(o, reply);
    });
    out
}

fn write_values(o: &mut Object<'_>, vector: &[f32]) {
    o.array("values", |a| {
        let mut buffer = ryu::Buffer::new();
        for number in vector {
            // The shortest text of a single-precision number is half as long as a double's.
            a.raw(if number.is_finite() { buffer.format_finite(*number) } else { "0.0" });
        }
    });
}

fn write_usage(o: &mut Object<'_>, reply: &EmbedReply) {
    if let Some(usage) = &reply.usage {
        o.object("usageMetadata", |o| {
            o.number("promptTokenCount", usage.total_input());
            o.number("totalTokenCount", usage.total_input());
        });
    }
}
