//! One JSON line a request, with names and numbers only: never bodies, never secrets.

use std::io::Write as _;
use std::time::Duration;

use crate::account::Settled;
use crate::clock;
use crate::telemetry::names::field;
use crate::wire::json;

/// Appends the line of one finished request.
pub fn write(settled: &Settled, out: &mut Vec<u8>) {
    let record = &settled.record;
    json::object(out, |line| {
        line.string(field::TIME, &clock::rfc3339(record.at));
        line.string(field::REQUEST_ID, record.id.as_str());
        line.string(field::OPERATION, record.operation);
        line.opt_string("client_dialect", record.client.map(crate::ir::Dialect::name));
        line.opt_string(field::PROVIDER, record.provider.as_deref());
        line.string(field::REQUEST_MODEL, shown(&record.asked_model));
        line.opt_string("target_model", record.model.as_deref().map(shown));
        line.opt_string(field::RESPONSE_MODEL, record.metered.model.as_deref().map(shown));
        line.opt_string("target_dialect", record.metered.dialect.map(crate::ir::Dialect::name));
        line.bool("verbatim", record.verbatim);
        line.bool("stream", record.stream);
        line.number(field::STATUS, record.status);
        line.string("outcome", record.outcome.label());
        line.number("attempts", record.attempts);
        if !record.faults.is_empty() {
            line.array("faults", |faults| {
                for (provider, fault) in &record.faults {
                    faults.object(|entry| {
                        entry.string("provider", provider);
                        entry.string("kind", fault.kind.label());
                        entry.number("status", fault.status);
                    });
                }
            });
        }
        if !record.losses.is_empty() {
            line.string("losses", &record.losses.to_header());
        }
        if let Some(source) = settled.usage_source {
            line.number(field::INPUT_TOKENS, settled.usage.total_input());
            line.number(field::OUTPUT_TOKENS, settled.usage.total_output());
            line.number(field::CACHE_READ_TOKENS, settled.usage.cache_read);
            line.number(field::CACHE_WRITE_TOKENS, settled.usage.cache_write());
            if settled.usage.reasoning > 0 {
                line.number("reasoning_tokens", settled.usage.reasoning);
            }
            line.string("usage_source", source.label());
        }
        if let Some(cost) = settled.cost {
            line.string("cost_usd", &cost.to_string());
        }
        milliseconds(line, "duration_ms", Some(record.timings.total));
        milliseconds(line, "overhead_ms", Some(record.timings.overhead));
        milliseconds(line, "upstream_ms", record.timings.upstream);
        milliseconds(line, "first_token_ms", record.timings.first_token);
        line.number("bytes_in", record.bytes.0);
        line.number("bytes_out", record.bytes.1);
    });
    // Writing to a vector cannot fail.
    let _ = out.write_all(b"\n");
}

/// A model's name is the client's own text; a line has room for so much of it.
fn shown(model: &str) -> &str {
    const MOST: usize = 256;
    let end = (0..=MOST.min(model.len())).rev().find(|&end| model.is_char_boundary(end)).unwrap_or(0);
    model.get(..end).unwrap_or_default()
}

fn milliseconds(line: &mut json::Object<'_>, key: &str, time: Option<Duration>) {
    if let Some(time) = time {
        let micros = time.as_micros();
        line.raw(key, &format!("{}.{:03}", micros / 1000, micros % 1000));
    }
}
