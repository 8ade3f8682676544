//! JSON laid out line by line, every number and string spelt as it was.

/// The same JSON text, indented by two spaces.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.trim().char_indices().peekable();
    let text = text.trim();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => {
                let end = string_end(text, at);
                out.push_str(&text[at..end]);
                while rest.next_if(|(next, _)| *next < end).is_some() {}
            }
            '{' | '[' => {
                while rest.next_if(|(_, next)| next.is_ascii_whitespace()).is_some() {}
                out.push(c);
                if let Some((_, close)) = rest.next_if(|(_, next)| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn string_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[test]
fn laying_out_changes_nothing_but_white_space() {
    let text = r#"{"a":[1.50,{},[] ,{"b":"{,\"}"}],"c":null}"#;
    let laid = json(text);
    let squeeze = |text: &str| text.split_ascii_whitespace().collect::<String>();
    assert_eq!(squeeze(&laid), squeeze(text));
    assert_eq!(laid.lines().count(), 11);
}
