//! JSON for human eyes.

use super::tree::{Json, Kind};

/// Spreads a value over lines; numbers and strings stay the text they were.
#[must_use]
pub fn pretty(value: &Json<'_>) -> String {
    let mut out = String::new();
    spread(value, 0, &mut out);
    out
}

fn spread(value: &Json<'_>, depth: usize, out: &mut String) {
    match value.kind() {
        Kind::Object(members) if !members.is_empty() => {
            enclose(('{', '}'), members, depth, out, |(key, value), out| {
                out.push_str(&super::string(key));
                out.push_str(": ");
                spread(value, depth + 1, out);
            });
        }
        Kind::Array(elements) if !elements.is_empty() => {
            enclose(('[', ']'), elements, depth, out, |value, out| spread(value, depth + 1, out));
        }
        Kind::Object(_) => out.push_str("{}"),
        Kind::Array(_) => out.push_str("[]"),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => out.push_str(value.raw()),
    }
}

fn enclose<T>(
    (open, close): (char, char),
    items: &[T],
    depth: usize,
    out: &mut String,
    write: impl Fn(&T, &mut String),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        out.push_str(&"  ".repeat(depth + 1));
        write(item, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn only_white_space_changes() {
        let text = r#"{"a":[1.50,{"b":"\u00e9"},[]],"c":{}}"#;
        let pretty = pretty(&json::parse(text.as_bytes()).unwrap());
        assert_eq!(
            pretty,
            "{\n  \"a\": [\n    1.50,\n    {\n      \"b\": \"\\u00e9\"\n    },\n    []\n  ],\n  \"c\": {}\n}"
        );
        assert_eq!(pretty.replace([' ', '\n'], ""), text);
    }
}
