//! OpenTelemetry's variables, which mean here what its specification says.
//!
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/> and
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/> (seen in November 2026).

use super::{Node, Place, Problems, Value, Variables};
use crate::config::tree::Entry;

/// How a variable's text stands for the value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spelling {
    /// `name=value` pairs, separated by commas, their letters perhaps as in an address.
    Pairs,
    /// A number of milliseconds.
    Milliseconds,
    /// `true` stands for false.
    Not,
    /// Names of exporters, of which this one is `otlp`.
    Exporter,
    /// A protocol, which may be one that is not spoken.
    Protocol,
    /// Where what was said is told.
    Capture,
}

pub(super) fn spelt(spelling: Spelling, value: &str, place: &Place, problems: &mut Problems) -> Option<Node> {
    Some(match spelling {
        Spelling::Pairs => {
            // What refers to a variable of its own is no list of pairs.
            let pairs = value.split(',').map(str::trim).filter(|pair| !pair.is_empty());
            let mut entries = Vec::new();
            for pair in pairs {
                let Some((name, value)) = pair.split_once('=') else {
                    problems.error(place, "expected name=value pairs, separated by commas", None);
                    return None;
                };
                let node = Node::text(place, decoded(value.trim()));
                entries.push(Entry { key: decoded(name.trim()), place: place.clone(), node });
            }
            Node::new(place, Value::Map(entries))
        }
        Spelling::Milliseconds if value.bytes().all(|byte| byte.is_ascii_digit()) => {
            Node::text(place, format!("{value}ms"))
        }
        // Whatever is not "true" is false there.
        Spelling::Not => Node::text(place, (!value.eq_ignore_ascii_case("true")).to_string()),
        Spelling::Exporter => {
            let known = value.split(',').map(str::trim).any(|name| name == "otlp");
            // Prometheus has its metrics without being told.
            if !known && !matches!(value, "none" | "prometheus") {
                problems.warning(place, "only otlp is spoken, so nothing is sent", None);
            }
            Node::text(place, known.to_string())
        }
        Spelling::Protocol if value == "grpc" => {
            problems.warning(place, "gRPC is not spoken; spans go by http/protobuf", None);
            return None;
        }
        Spelling::Capture => {
            let spans = match value.to_ascii_lowercase().as_str() {
                "true" | "span_only" | "span_and_event" => true,
                "false" | "no_content" => false,
                _ => {
                    problems.warning(place, "what was said is told in spans alone, so nothing is", None);
                    false
                }
            };
            Node::text(place, spans.to_string())
        }
        Spelling::Protocol | Spelling::Milliseconds => Node::text(place, value),
    })
}

/// Lays over what a sampler and its argument come to, unless Tollgate's own variable says it.
pub(super) fn sampler(tree: &mut Node, variables: &Variables, problems: &mut Problems) {
    let Some((name, place)) = variables.get("OTEL_TRACES_SAMPLER") else { return };
    let argument = variables.get("OTEL_TRACES_SAMPLER_ARG").map_or("1", |(value, _)| value.trim());
    let (kind, follows) = match name.trim().strip_prefix("parentbased_") {
        Some(kind) => (kind, true),
        None => (name.trim(), false),
    };
    let part = match kind {
        "always_on" => "1",
        "always_off" => "0",
        "traceidratio" => argument,
        _ => {
            problems.warning(place, "this sampler is not known, so it changes nothing", None);
            return;
        }
    };
    tree.put(&["telemetry", "otlp", "parent_based"], Node::text(place, follows.to_string()));
    if variables.get("TOLLGATE_OTLP_SAMPLE").is_none() {
        tree.put(&["telemetry", "otlp", "sample"], Node::text(place, part));
    }
}

/// A text whose letters may be written as in an address: `%20`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let letter = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match letter.filter(|_| first == b'%') {
            Some(letter) => {
                bytes.push(letter);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
