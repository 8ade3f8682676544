//! One JSON line a request, with names and numbers only: never bodies, never secrets.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::account::Settled;
use crate::clock;
use crate::ir::Dialect;
use crate::telemetry::names::field;
use crate::units::PicoUsd;
use crate::wire::json::{self, Number};

/// Most lines are shorter than this.
const USUAL: usize = 1024;

/// A key as it stands in a line, made at compile time.
macro_rules! key {
    ($name:expr) => {
        key!(b',', $name)
    };
    ($before:expr, $name:expr) => {{
        const KEY: [u8; $name.len() + 4] = framed($before, $name);
        KEY.as_slice()
    }};
}

const fn framed<const LENGTH: usize>(before: u8, name: &str) -> [u8; LENGTH] {
    let mut key = [b'"'; LENGTH];
    if let ([first, _, middle @ .., _, last], name) = (key.as_mut_slice(), name.as_bytes()) {
        middle.copy_from_slice(name);
        (*first, *last) = (before, b':');
    }
    key
}

/// Appends the line of one finished request.
pub fn write(settled: &Settled, out: &mut Vec<u8>) {
    let record = &settled.record;
    out.reserve(USUAL);
    let mut line = Line { out };
    line.plain(key!(b'{', field::TIME), clock::rfc3339(record.at).as_str());
    line.plain(key!(field::REQUEST_ID), record.id.as_str());
    if let Some(trace) = &record.trace {
        line.plain(key!(field::TRACE), &trace.id.to_string());
        line.plain(key!(field::SPAN), &trace.span.to_string());
    }
    if let Some(key) = &record.key {
        line.text(key!("key"), &key.name);
        if !key.owner.is_empty() {
            line.text(key!("owner"), &key.owner);
        }
        line.texts(key!("labels"), &key.labels);
    }
    line.maybe(record.user(), |line, user| line.text(key!(field::USER), user));
    if let Some(said) = &record.attribution {
        line.maybe(said.session.as_deref(), |line, session| line.text(key!(field::SESSION), session));
        line.texts(key!("tags"), &said.tags);
    }
    line.maybe(record.address, |line, address| line.address(key!(field::CLIENT), address));
    line.plain(key!(field::OPERATION), record.operation);
    line.maybe(record.client.map(Dialect::name), |line, name| line.plain(key!("client_dialect"), name));
    line.maybe(record.provider.as_deref(), |line, name| line.text(key!(field::PROVIDER), name));
    line.text(key!(field::REQUEST_MODEL), shown(&record.asked_model));
    line.maybe(record.model.as_deref(), |line, model| line.text(key!("target_model"), shown(model)));
    line.maybe(record.metered.model.as_deref(), |line, model| {
        line.text(key!(field::RESPONSE_MODEL), shown(model));
    });
    line.maybe(record.metered.dialect.map(Dialect::name), |line, name| {
        line.plain(key!("target_dialect"), name);
    });
    line.truth(key!("verbatim"), record.verbatim);
    line.truth(key!("stream"), record.stream);
    line.number(key!(field::STATUS), record.status);
    line.plain(key!("outcome"), record.outcome.label());
    line.number(key!("attempts"), record.attempts);
    if !record.faults.is_empty() {
        line.key(key!("faults"));
        json::array(line.out, |faults| {
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
        line.text(key!("losses"), &record.losses.to_header());
    }
    if let Some(source) = settled.usage_source {
        line.number(key!(field::INPUT_TOKENS), settled.usage.total_input());
        line.number(key!(field::OUTPUT_TOKENS), settled.usage.total_output());
        line.number(key!(field::CACHE_READ_TOKENS), settled.usage.total_cache_read());
        line.number(key!(field::CACHE_WRITE_TOKENS), settled.usage.cache_write());
        if settled.usage.reasoning > 0 {
            line.number(key!("reasoning_tokens"), settled.usage.reasoning);
        }
        for (key, number) in [
            (key!("web_searches"), settled.usage.web_searches),
            (key!("images"), settled.usage.images),
            (key!("characters"), settled.usage.characters),
            (key!("seconds"), settled.usage.seconds),
            (key!("searches"), settled.usage.searches),
        ] {
            if number > 0 {
                line.number(key, number);
            }
        }
        line.plain(key!("usage_source"), source.label());
    }
    if record.staged {
        line.plain(key!("config"), "staged");
    }
    line.maybe(settled.cost, |line, cost| line.dollars(key!("cost_usd"), cost));
    line.maybe(record.cache, |line, tier| line.plain(key!("cache"), tier.name()));
    line.maybe(record.agreement, |line, agreement| line.plain(key!("cache_shadow"), agreement.name()));
    line.maybe(record.saved, |line, saved| line.dollars(key!("saved_usd"), saved));
    if !record.guards.is_empty() {
        line.key(key!("guards"));
        json::array(line.out, |guards| {
            for verdict in &record.guards {
                guards.object(|entry| {
                    entry.string("guard", &verdict.guard);
                    entry.string("rule", &verdict.rule);
                    entry.string("action", verdict.action.name());
                    entry.string("on", verdict.direction.name());
                    entry.number("count", verdict.count);
                });
            }
        });
    }
    line.milliseconds(key!("duration_ms"), record.timings.total);
    line.milliseconds(key!("overhead_ms"), record.timings.overhead);
    line.maybe(record.timings.upstream, |line, time| line.milliseconds(key!("upstream_ms"), time));
    line.maybe(record.timings.first_token, |line, time| line.milliseconds(key!("first_token_ms"), time));
    line.number(key!("bytes_in"), record.bytes.0);
    line.number(key!("bytes_out"), record.bytes.1);
    line.out.extend_from_slice(b"}\n");
}

/// A model's name is the client's own text; a line has room for so much of it.
pub(super) fn shown(model: &str) -> &str {
    const MOST: usize = 256;
    if model.len() <= MOST {
        return model;
    }
    let end = (0..=MOST).rev().find(|&end| model.is_char_boundary(end)).unwrap_or(0);
    model.get(..end).unwrap_or_default()
}

/// An object being written. All keys and most values are our own words, which need no escapes;
/// with the general writer, looking for them cost more than all the rest.
struct Line<'w> {
    out: &'w mut Vec<u8>,
}

impl Line<'_> {
    fn key(&mut self, key: &[u8]) {
        self.out.extend_from_slice(key);
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Adds text that needs no escapes.
    fn plain(&mut self, key: &[u8], text: &str) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }

    /// Adds any text.
    fn text(&mut self, key: &[u8], text: &str) {
        self.key(key);
        json::write_string(self.out, text);
    }

    fn address(&mut self, key: &[u8], address: IpAddr) {
        self.key(key);
        self.out.push(b'"');
        match address {
            IpAddr::V4(address) => {
                let [first, rest @ ..] = address.octets();
                self.digits(first);
                for part in rest {
                    self.out.push(b'.');
                    self.digits(part);
                }
            }
            IpAddr::V6(address) => {
                // Writing to a vector cannot fail.
                let _ = write!(self.out, "{address}");
            }
        }
        self.out.push(b'"');
    }

    /// Adds a list of any texts, unless it is empty.
    fn texts(&mut self, key: &[u8], texts: &[impl AsRef<str>]) {
        if !texts.is_empty() {
            self.key(key);
            json::array(self.out, |list| texts.iter().for_each(|text| list.string(text.as_ref())));
        }
    }

    fn truth(&mut self, key: &[u8], truth: bool) {
        self.key(key);
        self.out.extend_from_slice(if truth { b"true" } else { b"false" });
    }

    fn number(&mut self, key: &[u8], number: impl Number) {
        self.key(key);
        self.digits(number);
    }

    fn milliseconds(&mut self, key: &[u8], time: Duration) {
        self.key(key);
        let micros = time.subsec_micros();
        self.digits(time.as_secs().saturating_mul(1000).saturating_add(u64::from(micros / 1000)));
        self.out.push(b'.');
        // The leading one keeps the zeros behind it.
        self.after_one(u64::from(1000 + micros % 1000));
    }

    /// Adds an amount as text, exact and without trailing zeros.
    fn dollars(&mut self, key: &[u8], amount: PicoUsd) {
        const ONE_USD: u64 = 1_000_000_000_000;
        let Ok(pico) = u64::try_from(amount.0) else {
            return self.plain(key, &amount.to_string());
        };
        self.key(key);
        self.out.push(b'"');
        self.digits(pico / ONE_USD);
        if pico % ONE_USD > 0 {
            self.out.push(b'.');
            self.after_one(ONE_USD + pico % ONE_USD);
            while self.out.pop_if(|digit| *digit == b'0').is_some() {}
        }
        self.out.push(b'"');
    }

    fn digits(&mut self, number: impl Number) {
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Adds the digits of a number but for the first.
    fn after_one(&mut self, number: u64) {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(number).as_bytes();
        self.out.extend_from_slice(digits.get(1..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
