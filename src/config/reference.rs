//! References in texts: `${file:PATH}`, `${env:NAME}` and `${env:NAME:-default}`; `$${` is a
//! plain `${`.
//!
//! They keep secrets out of the file, and work in the values of variables too. What a reference
//! gives is taken as it is: references in it are not followed.

use std::io::Read as _;
use std::path::Path;

use super::environment::Variables;
use super::problem::Problems;
use super::tree::{Node, Value};

/// The most bytes that a file behind a reference may have.
const MOST_BYTES: u64 = 1 << 20;

/// Replaces the references in every text of a tree. Paths are relative to `folder`.
///
/// A text whose reference cannot be followed becomes nothing, and a problem.
pub(super) fn expand(node: &mut Node, variables: &Variables, folder: &Path, problems: &mut Problems) {
    match &mut node.value {
        Value::Null => {}
        Value::List(items) => {
            for item in items {
                expand(item, variables, folder, problems);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                expand(&mut entry.node, variables, folder, problems);
            }
        }
        Value::Text(text) if !text.contains("${") => {}
        Value::Text(text) => match expanded(text, variables, folder) {
            Ok(full) => {
                node.referred = true;
                *text = full;
            }
            Err(Broken { message, hint }) => {
                problems.error(&node.place, message, hint);
                node.value = Value::Null;
                node.referred = true;
            }
        },
    }
}

#[derive(Debug)]
struct Broken {
    message: String,
    hint: Option<String>,
}

fn expanded(text: &str, variables: &Variables, folder: &Path) -> Result<String, Broken> {
    let mut full = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(plain) = before.strip_suffix('$') {
            full.push_str(plain);
            full.push_str("${");
            rest = after;
            continue;
        }
        full.push_str(before);
        let Some((reference, after)) = after.split_once('}') else {
            return Err(Broken {
                message: "a reference has no closing brace".to_owned(),
                hint: Some("write $${ for a plain ${".to_owned()),
            });
        };
        full.push_str(&follow(reference, variables, folder)?);
        rest = after;
    }
    full.push_str(rest);
    Ok(full)
}

fn follow(reference: &str, variables: &Variables, folder: &Path) -> Result<String, Broken> {
    match reference.split_once(':') {
        Some(("file", path)) => read_file(path, folder),
        Some(("env", name)) => {
            let (name, default) = match name.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (name, None),
            };
            let set = variables.get(name).map(|(value, _)| value);
            set.or(default).map(str::to_owned).ok_or_else(|| Broken {
                message: format!("the environment variable {name} is not set"),
                hint: Some(format!("set it, or give a default: ${{env:{name}:-…}}")),
            })
        }
        _ => Err(Broken {
            message: "expected a reference of the form ${file:PATH} or ${env:NAME}".to_owned(),
            hint: is_name(reference).then(|| format!("did you mean ${{env:{reference}}}?")),
        }),
    }
}

/// Whether this looks like a variable's name, which may be shown.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The text of a file without the line ends that editors leave at its end.
fn read_file(path: &str, folder: &Path) -> Result<String, Broken> {
    let broken = |what: &str| Broken { message: format!("the file {path} {what}"), hint: None };
    let file = std::fs::File::open(folder.join(path)).map_err(|error| broken(&cannot_be_read(&error)))?;
    let mut text = String::new();
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| broken(&cannot_be_read(&error)))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(broken("is larger than 1 MiB"));
    }
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err(broken("is empty")) } else { Ok(text.to_owned()) }
}

/// The reason in words, without the system's own number for it.
pub(super) fn cannot_be_read(error: &std::io::Error) -> String {
    format!("cannot be read: {}", error.kind())
}
