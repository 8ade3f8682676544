//! Comma-separated values, as RFC 4180 has them.

use std::io::{self, Write};

use super::Value;

/// Writes one line.
pub(super) fn write(out: &mut impl Write, values: impl Iterator<Item = Value>) -> io::Result<()> {
    let mut line = String::new();
    for (place, value) in values.enumerate() {
        if place > 0 {
            line.push(',');
        }
        match value {
            Value::None => {}
            Value::Text(text) => push(&mut line, &text),
            Value::Number(number) => line.push_str(itoa::Buffer::new().format(number)),
            Value::Truth(truth) => line.push_str(if truth { "true" } else { "false" }),
            Value::Money(amount) => line.push_str(&amount.to_string()),
            Value::Millis(micros) => line.push_str(&super::columns::millis(micros)),
            Value::Moment(at) => line.push_str(crate::clock::rfc3339(at).as_str()),
        }
    }
    line.push_str("\r\n");
    out.write_all(line.as_bytes())
}

/// Adds a text. What a spreadsheet would take for a formula is made a text for it, since clients may
/// have written it.
fn push(line: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains([',', '"', '\n', '\r']) {
        line.push_str(text);
        return;
    }
    line.push('"');
    if formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PicoUsd;

    #[test]
    fn what_clients_write_breaks_no_line_and_is_no_formula() {
        let mut out = Vec::new();
        let values = [
            Value::Text("a,b".into()),
            Value::Text("say \"hi\"\n".into()),
            Value::Text("=1+1".into()),
            Value::None,
            Value::Money(PicoUsd(1_500_000)),
            Value::Number(-3),
            Value::Millis(1_234_056),
        ];
        write(&mut out, values.into_iter()).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "\"a,b\",\"say \"\"hi\"\"\n\",\"'=1+1\",,0.0000015,-3,1234.056\r\n");
    }
}
