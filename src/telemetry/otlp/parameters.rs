//! The parameters of a request that the conventions name, read from its body as its client said it.

use super::span::{Span, Value};
use crate::telemetry::names::span as name;
use crate::wire::json::{Json, parse};
use crate::wire::lens::Lens;

/// Where dialects that keep parameters apart have them: Gemini, Bedrock, Ollama.
const APART: [&str; 4] = ["generationConfig", "generation_config", "inferenceConfig", "options"];

/// Numbers, and the members that hold them.
const FLOATS: [(&str, &[&str]); 5] = [
    (name::TEMPERATURE, &["temperature"]),
    (name::TOP_P, &["top_p", "topP", "p"]),
    (name::TOP_K, &["top_k", "topK", "k"]),
    (name::FREQUENCY_PENALTY, &["frequency_penalty", "frequencyPenalty"]),
    (name::PRESENCE_PENALTY, &["presence_penalty", "presencePenalty"]),
];
const INTEGERS: [(&str, &[&str]); 3] = [
    (
        name::MAX_TOKENS,
        &[
            "max_completion_tokens",
            "max_output_tokens",
            "max_tokens",
            "maxOutputTokens",
            "maxTokens",
            "num_predict",
        ],
    ),
    (name::SEED, &["seed"]),
    (name::CHOICES, &["n", "candidateCount"]),
];
const STOPS: [&str; 3] = ["stop", "stop_sequences", "stopSequences"];

/// Adds the parameters that a body holds.
pub(super) fn read(body: &[u8], span: &mut Span) {
    let Ok(lens) = Lens::new(body) else { return };
    let apart = APART.iter().find_map(|key| lens.raw(key));
    let apart = apart.and_then(|raw| Lens::new(raw.as_bytes()).ok());
    let find =
        |names: &[&str]| names.iter().find_map(|key| lens.raw(key).or_else(|| apart.as_ref()?.raw(key)));
    for (attribute, names) in FLOATS {
        span.maybe(attribute, find(names).and_then(|raw| raw.parse::<f64>().ok()));
    }
    for (attribute, names) in INTEGERS {
        let number = find(names).and_then(|raw| raw.parse::<i64>().ok());
        // One choice is what everybody has who asks for none.
        span.maybe(attribute, number.filter(|number| attribute != name::CHOICES || *number != 1));
    }
    if let Some(stops) = find(&STOPS).and_then(|raw| parse(raw.as_bytes()).ok().map(|json| texts(&json)))
        && !stops.is_empty()
    {
        span.set(name::STOP, Value::Texts(stops));
    }
}

/// One text, or a few of them.
fn texts(json: &Json<'_>) -> Vec<String> {
    /// No dialect has more.
    const MOST: usize = 16;
    let one = json.as_str().into_iter();
    one.chain(json.elements().iter().filter_map(Json::as_str)).take(MOST).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::trace::{SpanId, TraceId};
    use crate::telemetry::otlp::span::{Attributes, Kind};

    fn parameters(body: &str) -> Vec<(String, Value)> {
        let mut span = Span {
            trace: TraceId::new(1),
            id: SpanId::new(1),
            parent: None,
            is_remote: false,
            sampled: true,
            state: String::new(),
            name: String::new(),
            kind: Kind::Server,
            began: 0,
            ended: 0,
            attributes: Attributes::new(),
            events: Vec::new(),
            failure: None,
        };
        read(body.as_bytes(), &mut span);
        span.attributes.into_iter().map(|(name, value)| (name.into_owned(), value)).collect()
    }

    #[test]
    fn each_dialect_has_its_own_words_for_them() {
        let expected = vec![
            (name::TEMPERATURE.to_owned(), Value::Float(0.5)),
            (name::MAX_TOKENS.to_owned(), Value::Integer(64)),
            (name::STOP.to_owned(), Value::Texts(vec!["END".to_owned()])),
        ];
        for body in [
            r#"{"temperature":0.5,"max_completion_tokens":64,"stop":"END","n":1}"#,
            r#"{"temperature":0.5,"max_tokens":64,"stop_sequences":["END"]}"#,
            r#"{"generationConfig":{"temperature":0.5,"maxOutputTokens":64,"stopSequences":["END"]}}"#,
            r#"{"inferenceConfig":{"temperature":0.5,"maxTokens":64,"stopSequences":["END"]}}"#,
            r#"{"options":{"temperature":0.5,"num_predict":64,"stop":["END"]}}"#,
        ] {
            assert_eq!(parameters(body), expected, "{body}");
        }
        for none in [r#"{"temperature":null,"stop":null,"seed":"x"}"#, "no json"] {
            assert!(parameters(none).is_empty(), "{none}");
        }
    }
}
