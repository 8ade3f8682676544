//! A configuration to be written, and how it is written as YAML.

use std::fmt;

use crate::wire::json;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Written {
    pub(super) const fn map() -> Self {
        Self::Map(Vec::new())
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Puts a value at a path of keys, in place of what is there.
    pub(super) fn put(&mut self, path: &[&str], value: Self) {
        let (Some((first, rest)), Self::Map(entries)) = (path.split_first(), &mut *self) else {
            *self = value;
            return;
        };
        match entries.iter_mut().find(|(key, _)| key == first) {
            Some((_, inner)) => inner.put(rest, value),
            None => {
                let mut inner = Self::map();
                inner.put(rest, value);
                entries.push(((*first).to_owned(), inner));
            }
        }
    }

    /// The text at a path of keys.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        match (self, path.split_first()) {
            (Self::Text(text), None) => Some(text),
            (Self::Map(entries), Some((first, rest))) => {
                entries.iter().find(|(key, _)| key == first).and_then(|(_, inner)| inner.text_at(rest))
            }
            (Self::Text(_) | Self::List(_) | Self::Map(_), _) => None,
        }
    }

    fn write(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => writeln!(f, " {}", scalar(text)),
            Self::List(items) if items.is_empty() => writeln!(f, " []"),
            Self::Map(entries) if entries.is_empty() => writeln!(f, " {{}}"),
            Self::List(items) if items.iter().all(|item| matches!(item, Self::Text(_))) => {
                writeln!(f, " {}", self.in_line())
            }
            Self::List(items) => {
                writeln!(f)?;
                items.iter().try_for_each(|item| writeln!(f, "{:depth$}- {}", "", item.in_line()))
            }
            Self::Map(entries) => {
                writeln!(f)?;
                Self::write_entries(entries, depth, f)
            }
        }
    }

    fn write_entries(entries: &[(String, Self)], depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in entries {
            write!(f, "{:depth$}{}:", "", scalar(key))?;
            value.write(depth + 2, f)?;
        }
        Ok(())
    }

    fn in_line(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::in_line).collect::<Vec<_>>().join(", "))
            }
            Self::Map(entries) => {
                let one = |(key, value): &(String, Self)| format!("{}: {}", scalar(key), value.in_line());
                format!("{{{}}}", entries.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(entries) => Self::write_entries(entries, 0, f),
            Self::Text(_) | Self::List(_) => writeln!(f, "{}", self.in_line()),
        }
    }
}

/// A text as it stands anywhere in YAML: bare where nothing in it means something there.
fn scalar(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let starts = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let means = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_word = !means.contains(&text.to_ascii_lowercase().as_str());
    if starts && is_word && text.bytes().all(plain) { text.to_owned() } else { json::string(text) }
}
