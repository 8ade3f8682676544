//! Embeddings as OpenAI has them (`POST /v1/embeddings`), both ways
//! (<https://platform.openai.com/docs/api-reference/embeddings>, seen 2026-11).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Malformed;
use super::vectors::task::{self, Whose};
use crate::ir::embed::{EmbedInput, EmbedReply, EmbedRequest, Encoding};
use crate::ir::{Dialect, Losses, Usage};
use crate::wire::json::{self, Json, Object};
use crate::wire::lens;
use crate::wire::needle::Needle;

const DIALECT: Dialect = Dialect::OpenaiChat;

/// The members of an answer's usage that tell the same number.
const COUNTS: [&str; 2] = ["prompt_tokens", "total_tokens"];

/// How a vendor spells what OpenAI's form has, or has not.
#[derive(Debug)]
pub struct Spelling {
    /// The length of the vectors.
    dimensions: &'static str,
    /// What the vectors are for, in whose words, and the word where nobody says but one must.
    task: Option<(&'static str, Whose, Option<&'static str>)>,
    /// Numbers as base64.
    base64: (&'static str, &'static str),
    /// Whether the end user can be named.
    user: bool,
    /// Whether members that nobody knows may be sent.
    extras: bool,
    /// The most inputs of one request.
    pub most_inputs: usize,
}

/// OpenAI's own.
pub const OPENAI: Spelling = Spelling {
    dimensions: "dimensions",
    task: None,
    base64: ("encoding_format", "base64"),
    user: true,
    extras: true,
    most_inputs: usize::MAX,
};

/// Mistral's, which refuses what it does not know
/// (<https://docs.mistral.ai/api/endpoint/embeddings>, seen 2026-11).
pub const MISTRAL: Spelling =
    Spelling { dimensions: "output_dimension", user: false, extras: false, ..OPENAI };

/// Voyage's (<https://docs.voyageai.com/reference/embeddings-api>, seen 2026-11).
pub const VOYAGE: Spelling = Spelling {
    dimensions: "output_dimension",
    task: Some(("input_type", Whose::Voyage, None)),
    user: false,
    most_inputs: 1000,
    ..OPENAI
};

/// Jina's (<https://api.jina.ai/docs>, seen 2026-11).
pub const JINA: Spelling = Spelling {
    task: Some(("task", Whose::Jina, None)),
    base64: ("embedding_type", "base64"),
    user: false,
    most_inputs: 2048,
    ..OPENAI
};

/// NVIDIA's, whose models must be told what the vectors are for
/// (<https://docs.nvidia.com/nim/nemo-retriever/text-embedding>, seen 2026-11).
pub const NVIDIA: Spelling =
    Spelling { task: Some(("input_type", Whose::Nvidia, Some("passage"))), ..OPENAI };

/// Reads a client's request, in OpenAI's words or those of a vendor that changed some.
///
/// # Errors
/// Names the first field that is not as the dialect prescribes.
pub fn parse_request(body: &[u8]) -> Result<EmbedRequest, Malformed> {
    let json = json::parse(body)?;
    if !json.is_object() {
        return Err(Malformed::new("", "expected a JSON object"));
    }
    let mut request = EmbedRequest::default();
    for (name, value) in json.entries().iter().filter(|(_, value)| !value.is_null()) {
        match &**name {
            "model" => request.model = string(value, "model")?,
            "input" => (request.inputs, request.single) = inputs(value)?,
            "encoding_format" => {
                request.encoding = match value.as_str() {
                    Some("float") => Encoding::Float,
                    Some("base64") => Encoding::Base64,
                    _ => return Err(Malformed::new("encoding_format", "expected float or base64")),
                }
            }
            "dimensions" => {
                let number = value.as_u64().filter(|number| *number > 0);
                let flaw = || Malformed::new("dimensions", "expected a whole number above 0");
                request.dimensions = Some(number.ok_or_else(flaw)?);
            }
            "user" => request.user = Some(string(value, "user")?),
            "output_dimension" if request.dimensions.is_none() => {
                request.dimensions = value.as_u64().filter(|number| *number > 0);
            }
            "input_type" | "task" if value.as_str().and_then(task::meaning).is_some() => {
                request.task = value.as_str().and_then(task::meaning).map(str::to_owned);
            }
            "embedding_type" if matches!(value.as_str(), Some("float" | "base64")) => {
                let packed = value.as_str() == Some("base64");
                request.encoding = if packed { Encoding::Base64 } else { Encoding::Float };
            }
            _ => request.extras.push(DIALECT, name, value.raw()),
        }
    }
    if request.model.is_empty() {
        return Err(Malformed::new("model", "the model must be given"));
    }
    if request.inputs.is_empty() {
        return Err(Malformed::new("input", "expected a string, tokens, or a list of either"));
    }
    Ok(request)
}

fn string(json: &Json<'_>, name: &str) -> Result<String, Malformed> {
    let text = json.as_str().map(str::to_owned);
    text.ok_or_else(|| Malformed::new(name, "expected a string"))
}

/// The inputs, and whether it is one outside a list.
fn inputs(json: &Json<'_>) -> Result<(Vec<EmbedInput>, bool), Malformed> {
    if let Some(text) = json.as_str() {
        return Ok((vec![EmbedInput::Text(text.to_owned())], true));
    }
    if let Some(tokens) = tokens(json) {
        return Ok((vec![EmbedInput::Tokens(tokens)], true));
    }
    let one = |(at, item): (usize, &Json<'_>)| {
        let text = item.as_str().map(|text| EmbedInput::Text(text.to_owned()));
        text.or_else(|| tokens(item).map(EmbedInput::Tokens)).ok_or_else(|| {
            Malformed::new(format!("input[{at}]"), "expected a string or a list of token numbers")
        })
    };
    let list: Result<Vec<_>, _> = json.elements().iter().enumerate().map(one).collect();
    Ok((list?, false))
}

/// A list of token numbers with at least one in it.
fn tokens(json: &Json<'_>) -> Option<Vec<u64>> {
    let list = json.elements();
    if list.is_empty() {
        return None;
    }
    list.iter().map(Json::as_u64).collect()
}

/// Says a request to a target that knows itself as `model` and spells some things in its own way.
#[must_use]
pub fn render_request(
    request: &EmbedRequest,
    model: &str,
    spelling: &Spelling,
    losses: &mut Losses,
) -> Vec<u8> {
    if request.title.is_some() {
        losses.dropped("title", "vectors serve all purposes alike");
    }
    let mut out = Vec::with_capacity(256);
    json::object(&mut out, |o| {
        o.string("model", model);
        match request.inputs.as_slice() {
            [only] if request.single => o.embed("input", |out| write_input(out, only)),
            inputs => o.array("input", |a| {
                for input in inputs {
                    a.embed(|out| write_input(out, input));
                }
            }),
        }
        if request.encoding == Encoding::Base64 {
            let (name, word) = spelling.base64;
            o.string(name, word);
        }
        o.opt_number(spelling.dimensions, request.dimensions);
        write_task(o, request.task.as_deref(), spelling, losses);
        match request.user.as_deref() {
            Some(user) if spelling.user => o.string("user", user),
            Some(_) => losses.dropped("user", "the end user cannot be named"),
            None => {}
        }
        for extra in request.extras.all() {
            if extra.dialect == DIALECT && spelling.extras {
                o.raw(&extra.name, &extra.json);
            } else {
                losses.dropped(extra.name.clone(), "not known to this dialect");
            }
        }
    });
    out
}

fn write_task(o: &mut Object<'_>, told: Option<&str>, spelling: &Spelling, losses: &mut Losses) {
    let word = match (spelling.task, told) {
        (None, Some(_)) => {
            losses.dropped("taskType", "vectors serve all purposes alike");
            None
        }
        (Some((name, whose, usual)), Some(told)) => {
            let word = task::word(told, whose);
            if word.is_none() {
                losses.dropped("taskType", "the target has no word for it");
            }
            word.or(usual).map(|word| (name, word))
        }
        (Some((name, _, Some(usual))), None) => Some((name, usual)),
        (Some((_, _, None)) | None, None) => None,
    };
    if let Some((name, word)) = word {
        o.string(name, word);
    }
}

fn write_input(out: &mut Vec<u8>, input: &EmbedInput) {
    match input {
        EmbedInput::Text(text) => json::write_string(out, text),
        EmbedInput::Tokens(tokens) => {
            json::array(out, |a| tokens.iter().for_each(|token| a.number(*token)));
        }
    }
}

/// Reads a provider's answer; vectors are put in the order of their indexes.
///
/// # Errors
/// When the body holds no vectors.
pub fn parse_reply(body: &[u8]) -> Result<EmbedReply, Malformed> {
    let json = json::parse(body)?;
    let data = json.field("data").filter(|data| data.is_array());
    let data = data.ok_or_else(|| Malformed::new("data", "expected a list of embeddings"))?;
    let mut numbered = Vec::with_capacity(data.elements().len());
    let mut counted = json.field("usage").map(usage);
    let whole = counted.is_some();
    for (at, item) in data.elements().iter().enumerate() {
        let vector = item.field("embedding").and_then(numbers);
        let flaw = || Malformed::new(format!("data[{at}].embedding"), "expected numbers or base64");
        let index = item.field("index").and_then(Json::as_u64).unwrap_or(at as u64);
        numbered.push((index, vector.ok_or_else(flaw)?));
        // GigaChat counts vector by vector.
        if let Some(own) = item.field("usage").filter(|_| !whole).map(usage) {
            let counted = counted.get_or_insert_default();
            counted.input = counted.input.saturating_add(own.input);
        }
    }
    numbered.sort_by_key(|(index, _)| *index);
    let mut reply = EmbedReply {
        model: json.field("model").and_then(Json::as_str).map(str::to_owned),
        vectors: numbered.into_iter().map(|(_, vector)| vector).collect(),
        usage: counted,
        ..EmbedReply::default()
    };
    for (name, value) in json.entries() {
        if !matches!(&**name, "object" | "data" | "model" | "usage") {
            reply.extras.push(DIALECT, name, value.raw());
        }
    }
    Ok(reply)
}

fn usage(json: &Json<'_>) -> Usage {
    let count = COUNTS.iter().find_map(|name| json.field(name)?.as_u64());
    Usage { input: count.unwrap_or_default(), ..Usage::default() }
}

/// The numbers of a vector, as a list or packed.
pub(super) fn numbers(json: &Json<'_>) -> Option<Vec<f32>> {
    if let Some(text) = json.as_str() {
        let bytes = STANDARD.decode(text).ok()?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        return rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
    }
    let number = |number: &Json<'_>| {
        number.as_f64()?;
        number.raw().parse().ok()
    };
    json.is_array().then(|| json.elements().iter().map(number).collect())?
}

/// Says the vectors to a client, in the spelling that it asked for.
#[must_use]
pub fn render_reply(reply: &EmbedReply, model: &str, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::with_capacity(reply.vectors.iter().map(|vector| vector.len() * 12 + 64).sum());
    json::object(&mut out, |o| {
        o.string("object", "list");
        o.array("data", |a| {
            for (index, vector) in (0_u64..).zip(&reply.vectors) {
                a.object(|o| {
                    o.string("object", "embedding");
                    o.number("index", index);
                    o.embed("embedding", |out| write_numbers(out, vector, encoding));
                });
            }
        });
        o.string("model", reply.model.as_deref().unwrap_or(model));
        let tokens = reply.usage.map_or(0, |usage| usage.total_input());
        o.object("usage", |o| COUNTS.iter().for_each(|name| o.number(name, tokens)));
        for extra in reply.extras.of(DIALECT) {
            o.raw(&extra.name, &extra.json);
        }
    });
    out
}

/// Writes the numbers of a vector in this spelling.
pub(super) fn write_numbers(out: &mut Vec<u8>, vector: &[f32], encoding: Encoding) {
    match encoding {
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json::write_string(out, &STANDARD.encode(bytes));
        }
        Encoding::Float => json::array(out, |a| {
            let mut buffer = ryu::Buffer::new();
            for number in vector {
                a.raw(if number.is_finite() { buffer.format_finite(*number) } else { "0.0" });
            }
        }),
    }
}

/// Reads the usage out of a whole answer without reading the vectors.
#[must_use]
pub fn find_usage(body: &[u8]) -> Option<Usage> {
    static USAGE: LazyLock<Needle> = LazyLock::new(|| Needle::new("\"usage\""));
    let tail = body.get(memchr::memmem::rfind(body, b"\"usage\"")?..)?;
    // Behind the last one no list ends: it is the answer's own.
    if memchr::memchr(b']', tail).is_none() {
        return count(tail.get(memchr::memchr(b'{', tail)?..)?);
    }
    lens::find(body, "usage").and_then(|own| count(own.as_bytes())).or_else(|| {
        let counted = USAGE.values(body).filter_map(count);
        counted.reduce(|one, other| Usage { input: one.input.saturating_add(other.input), ..one })
    })
}

/// The count in the text of an object, which may go on behind it.
fn count(object: &[u8]) -> Option<Usage> {
    let end = memchr::memchr(b'}', object)?;
    // Counts may nest details, but stand before them.
    let count = COUNTS.iter().find_map(|name| lens::find(object.get(..=end)?, name)?.parse().ok())?;
    Some(Usage { input: count, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> EmbedRequest {
        parse_request(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_form_of_input_comes_back_as_it_was() {
        for input in ["\"a\"", "[\"a\",\"b\"]", "[\"a\"]", "[1,2,3]", "[[1,2],[3]]"] {
            let body = format!("{{\"model\":\"m\",\"input\":{input},\"dimensions\":8,\"x\":[1]}}");
            let mut losses = Losses::new();
            let said = render_request(&read(&body), "m", &OPENAI, &mut losses);
            assert_eq!(String::from_utf8(said).unwrap(), body);
            assert!(losses.is_empty());
        }
    }

    #[test]
    fn a_bad_input_is_named() {
        for (body, param) in [
            (r#"{"model":"m","input":["a",{}]}"#, "input[1]"),
            (r#"{"model":"m","input":[]}"#, "input"),
            (r#"{"model":"m","input":"a","encoding_format":"int8"}"#, "encoding_format"),
            (r#"{"input":"a"}"#, "model"),
            (r#"{"model":"m","input":"a","dimensions":0}"#, "dimensions"),
        ] {
            assert_eq!(parse_request(body.as_bytes()).unwrap_err().param, param);
        }
    }

    #[test]
    fn vectors_are_the_same_in_both_spellings_and_in_the_order_of_their_indexes() {
        let body = br#"{"object":"list","data":[
            {"object":"embedding","index":1,"embedding":[0.5,-1e-7]},
            {"object":"embedding","index":0,"embedding":"AACAPwAAAMA="}],
            "model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let reply = parse_reply(body).unwrap();
        assert_eq!(reply.vectors, [[1.0, -2.0], [0.5, -1e-7]]);
        assert_eq!(reply.usage.unwrap().input, 8);
        assert_eq!(find_usage(body), reply.usage);
        for encoding in [Encoding::Float, Encoding::Base64] {
            let said = render_reply(&reply, "other", encoding);
            assert_eq!(parse_reply(&said).unwrap(), reply);
        }
    }

    #[test]
    fn a_vendor_that_counts_vector_by_vector_is_added_up() {
        let body = br#"{"object":"list","data":[
            {"object":"embedding","embedding":[0.5],"index":0,"usage":{"prompt_tokens":6}},
            {"object":"embedding","embedding":[1.0],"usage":{"prompt_tokens":7},"index":1}],
            "model":"Embeddings"}"#;
        let reply = parse_reply(body).unwrap();
        assert_eq!(reply.usage.map(|usage| usage.input), Some(13));
        assert_eq!(find_usage(body), reply.usage);
        let nonsense = br#"{"data":[{"embedding":[1.0],"usage":{"prompt_tokens":18446744073709551615}},
            {"embedding":[1.0],"usage":{"prompt_tokens":7}}]}"#;
        let counted = parse_reply(nonsense).unwrap().usage;
        assert_eq!((counted.map(|usage| usage.input), find_usage(nonsense)), (Some(u64::MAX), counted));
        for body in [
            &br#"{"usage":{"total_tokens":5},"data":[{"embedding":[1.0]}]}"#[..],
            br#"{"data":[{"embedding":[1.0],"usage":{"prompt_tokens":6}}],"usage":{"total_tokens":5},"x":[]}"#,
        ] {
            assert_eq!(find_usage(body).map(|usage| usage.input), Some(5));
            assert_eq!(parse_reply(body).unwrap().usage, find_usage(body));
        }
    }

    #[test]
    fn a_task_is_a_loss() {
        let request =
            EmbedRequest { task: Some("RETRIEVAL_QUERY".to_owned()), ..read(r#"{"model":"m","input":"a"}"#) };
        let mut losses = Losses::new();
        let _said = render_request(&request, "m", &OPENAI, &mut losses);
        assert_eq!(losses.to_header(), "taskType;dropped");
    }
}
