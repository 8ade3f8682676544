//! What the compiler cannot hold: the arrows between rooms, the invariants, the size of files.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and say what they mean the short way"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/` and the ring each lives in; an arrow may stay in its ring or go up.
const RINGS: &[(&str, u8)] = &[
    ("units", 0),
    ("clock", 0),
    ("ir", 1),
    ("wire", 1),
    ("refusal", 1),
    ("fault", 1),
    ("catalog", 2),
    ("dialect", 3),
    ("provider", 4),
    ("route", 5),
    ("account", 5),
    ("policy", 5),
    ("cache", 5),
    ("config", 6),
    ("snapshot", 6),
    ("store", 7),
    ("telemetry", 7),
    ("proxy", 8),
    ("admin", 8),
    ("mock", 8),
    ("cli", 9),
    ("lib", 9),
    ("main", 9),
];

/// Rooms that are pure functions of their input.
const PURE: &[&str] =
    &["ir", "wire", "catalog", "dialect", "provider", "route", "policy", "units", "refusal", "fault"];

/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "tokio::",
    "pingora",
    "log::",
    "std::net::Tcp",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "crate::clock",
    "RandomState",
];

/// Files longer than 600 lines, each with its excuse.
const LONG: &[(&str, &str)] = &[];

const LONGEST: usize = 600;

struct File {
    path: String,
    room: String,
    text: String,
    /// The text without comments and without its tests.
    code: String,
}

fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let tests = line.starts_with("#[cfg(test)]");
        if tests && lines.peek().is_some_and(|next| next.starts_with("mod tests {")) {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or(""));
        code.push('\n');
    }
    code
}

impl File {
    /// Whether the code names something, not as the tail of a longer name.
    fn names(&self, word: &str) -> bool {
        self.code.match_indices(word).any(|(at, _)| {
            let before = self.code.get(..at).and_then(|before| before.chars().next_back());
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<File> {
    let src = root().join("src");
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            let room = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(path).unwrap();
            File { path: inside, room, code: code(&text), text }
        })
        .collect()
}

fn ring(room: &str) -> u8 {
    RINGS.iter().find(|(known, _)| *known == room).unwrap_or_else(|| panic!("{room} has no ring")).1
}

#[test]
fn arrows_point_up() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| !file.is_test()) {
        let own = ring(&file.room);
        for (room, ring) in RINGS {
            let used =
                ["crate::", "crate::{"].iter().any(|path| file.code.contains(&format!("{path}{room}::")))
                    || file.code.contains(&format!("crate::{room};"));
            if used && *ring > own {
                wrong.push(format!("{} uses {room}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_rooms_reach_nothing_outside() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| PURE.contains(&file.room.as_str()) && !file.is_test()) {
        for word in IMPURE {
            if file.names(word) {
                wrong.push(format!("{} names {word}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_dialect_knows_another() {
    let dialects = [
        "openai_chat",
        "anthropic_messages",
        "gemini_generate",
        "bedrock_converse",
        "openai_completions",
        "ollama",
        "cohere_chat",
    ];
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| !file.is_test()) {
        let Some(own) = dialects.iter().find(|name| file.path.starts_with(&format!("dialect/{name}/")))
        else {
            continue;
        };
        for other in dialects.iter().filter(|other| other != &own) {
            if file.code.contains(&format!("{other}::")) {
                wrong.push(format!("{} uses {other}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_tree_of_values_stands_in_the_hub_or_in_a_codec() {
    let rooms = ["ir", "wire", "dialect", "route", "account"];
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|file| rooms.contains(&file.room.as_str()) && !file.is_test())
        .filter(|file| file.code.contains("serde_json"))
        .map(|file| file.path.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_plan_decides_between_verbatim_and_translate() {
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|file| file.path != "route/plan/mod.rs" && !file.is_test())
        .filter(|file| file.code.contains("Plan::Verbatim {") && !file.code.contains("match planned"))
        .map(|file| file.path.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn metric_and_log_names_are_spelt_in_one_file() {
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|file| file.path != "telemetry/names.rs" && !file.is_test())
        .filter(|file| ["\"gen_ai", "\"tollgate_"].iter().any(|name| file.code.contains(name)))
        .map(|file| file.path.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_have_one_purpose_and_an_end() {
    let wrong: Vec<_> = sources()
        .iter()
        .map(|file| (file.path.clone(), file.text.lines().count()))
        .filter(|(path, lines)| *lines > LONGEST && !LONG.iter().any(|(known, _)| known == path))
        .collect();
    assert!(wrong.is_empty(), "over {LONGEST} lines without an excuse: {wrong:#?}");
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|file| !file.text.starts_with("//!") && !file.is_test())
        .map(|file| file.path.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_over() {
    let words = [
        "TO".to_owned() + "DO",
        "FIX".to_owned() + "ME",
        "todo".to_owned() + "!",
        "#[ig".to_owned() + "nore",
    ];
    let mut wrong = Vec::new();
    for file in sources() {
        for word in words.iter().filter(|word| file.text.contains(word.as_str())) {
            wrong.push(format!("{} holds {word}", file.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_named_after_nothing() {
    let vague = ["utils", "util", "helpers", "helper", "common", "misc"];
    let wrong: Vec<_> = sources()
        .iter()
        .filter(|file| file.path.split('/').any(|part| vague.contains(&part.trim_end_matches(".rs"))))
        .map(|file| file.path.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rooms: BTreeMap<String, ()> = sources().into_iter().map(|file| (file.room, ())).collect();
    let missing: Vec<_> = rooms.keys().filter(|room| !map.contains(&format!("`{room}"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}
