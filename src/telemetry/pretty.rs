//! One line a request for eyes: what one looks for first, in columns.

use std::io::Write as _;

use crate::account::{Outcome, Settled};
use crate::clock;
use crate::telemetry::access_log::shown;

/// Appends the line of one finished request.
pub(super) fn write(settled: &Settled, out: &mut Vec<u8>) {
    let record = &settled.record;
    let time = clock::rfc3339(record.at);
    let time = time.as_str().get(11..23).unwrap_or_default();
    let seconds = record.timings.total.as_secs_f64();
    // Writing to a vector cannot fail.
    let _ = write!(out, "{time} {} {:>8.3}s {:<10} ", record.status, seconds, record.operation);
    text(shown(&record.asked_model), out);
    if let Some(provider) = &record.provider {
        out.extend_from_slice(" → ".as_bytes());
        text(provider, out);
        if let Some(model) = record.model.as_deref().filter(|model| *model != record.asked_model) {
            out.push(b'/');
            text(shown(model), out);
        }
    }
    if settled.usage_source.is_some() {
        let (input, output) = (settled.usage.total_input(), settled.usage.total_output());
        let _ = write!(out, "  {input}+{output} tokens");
    }
    if let Some(cost) = settled.cost {
        let _ = write!(out, "  ${cost}");
    }
    if let Some(first) = record.timings.first_token {
        let _ = write!(out, "  first {:.3}s", first.as_secs_f64());
    }
    if record.attempts > 1 {
        let _ = write!(out, "  {} attempts", record.attempts);
    }
    if let Some(tier) = record.cache {
        let _ = write!(out, "  cache {}", tier.name());
    }
    if record.staged {
        out.extend_from_slice(b"  staged");
    }
    if record.outcome != Outcome::Answered {
        let _ = write!(out, "  {}", record.outcome.label());
    }
    if let Some(key) = &record.key {
        out.extend_from_slice(b"  ");
        text(&key.name, out);
    }
    let _ = writeln!(out, "  {}", record.id);
}

/// Adds any text: what would end the line or move the cursor is left out.
fn text(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        out.extend_from_slice(letter.encode_utf8(&mut buffer).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::sample::settled;

    #[test]
    fn a_line_says_first_what_is_looked_for_first() {
        let mut settled = settled("claude-x");
        let line = |settled: &Settled| {
            let mut out = Vec::new();
            write(settled, &mut out);
            String::from_utf8(out).unwrap()
        };
        let said = line(&settled);
        let expected =
            "12:34:56.789 200    1.234s chat       claude-x → anthropic  25+7 tokens  $0.5  first 0.003s  ";
        assert!(said.starts_with(expected) && said.ends_with('\n'), "{said}");
        settled.record.asked_model = "a\u{1b}[2Jb\nc".to_owned();
        settled.record.attempts = 3;
        settled.record.outcome = Outcome::ClientGone;
        let said = line(&settled);
        assert!(said.contains("a[2Jbc → anthropic/claude-x") && said.lines().count() == 1, "{said}");
        assert!(said.contains("3 attempts  client_gone"), "{said}");
    }
}
