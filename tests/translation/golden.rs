//! Every recording said in every dialect, compared with what was said when somebody last read it.
//!
//! `TOLLGATE_BLESS=1` writes the files anew; a golden is accepted only after its diff was read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use http::HeaderMap;
use tollgate::dialect::{Framing, Malformed, Restore, StreamShape, codec};
use tollgate::ir::{Dialect, Losses};
use tollgate::wire::json;

use crate::corpus::{self, Kind, Recording, Target, seed};
use crate::pretty;

#[test]
fn requests_are_said_as_they_were_when_last_read() {
    compare(Kind::Request, request);
}

#[test]
fn replies_are_said_as_they_were_when_last_read() {
    compare(Kind::Reply, reply);
}

#[test]
fn streams_are_said_as_they_were_when_last_read() {
    compare(Kind::Stream, stream);
}

#[test]
fn errors_are_said_as_they_were_when_last_read() {
    compare(Kind::Error, error);
}

#[test]
fn every_dialect_has_recordings_and_every_pair_has_goldens() {
    for from in Dialect::ALL {
        for kind in Kind::ALL {
            assert!(!corpus::recordings(from, kind).is_empty(), "{} has no {}", from.name(), kind.folder());
            for to in Dialect::ALL {
                let folder = folder(from, to, kind);
                if blessing() {
                    continue;
                }
                let files = std::fs::read_dir(&folder).map(Iterator::count).unwrap_or_default();
                assert!(files > 0, "{} is empty", folder.display());
            }
        }
    }
}

/// Says every recording in every dialect and compares with the files; none may be missing, none
/// left over.
fn compare(kind: Kind, say: fn(&Recording, Dialect) -> String) {
    let bless = blessing();
    let mut differing = Vec::new();
    for from in Dialect::ALL {
        for to in Dialect::ALL {
            let folder = folder(from, to, kind);
            let mut known = BTreeSet::new();
            for recording in corpus::recordings(from, kind) {
                let path = folder.join(name(kind, &recording));
                let said = say(&recording, to);
                if bless {
                    std::fs::create_dir_all(&folder).unwrap();
                    std::fs::write(&path, &said).unwrap();
                } else if let Some(difference) = difference(&path, &said) {
                    differing.push(difference);
                }
                known.insert(path);
            }
            for left_over in files(&folder).filter(|path| !known.contains(path)) {
                if bless {
                    std::fs::remove_file(left_over).unwrap();
                } else {
                    differing.push(format!("{} belongs to no recording", left_over.display()));
                }
            }
        }
    }
    let count = differing.len();
    assert!(
        differing.is_empty(),
        "{count} goldens differ (TOLLGATE_BLESS=1 writes them):\n{}",
        differing.join("\n")
    );
}

fn blessing() -> bool {
    std::env::var_os("TOLLGATE_BLESS").is_some_and(|value| value == "1")
}

fn folder(from: Dialect, to: Dialect, kind: Kind) -> PathBuf {
    corpus::root().join("golden").join(from.name()).join(to.name()).join(kind.folder())
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path())
}

fn name(kind: Kind, recording: &Recording) -> String {
    match kind {
        Kind::Stream if recording.is_array() => format!("{}-array.sse", recording.stem()),
        Kind::Stream => recording.file.clone(),
        _ => format!("{}.json", recording.stem()),
    }
}

fn difference(path: &Path, said: &str) -> Option<String> {
    let Ok(golden) = std::fs::read_to_string(path) else {
        return Some(format!("{} is missing", path.display()));
    };
    if golden == said {
        return None;
    }
    let line = golden.lines().zip(said.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or_else(|| golden.lines().count().min(said.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").chars().take(200).collect::<String>();
    Some(format!("{}:{}\n  - {}\n  + {}", path.display(), line + 1, at(&golden), at(said)))
}

fn input(recording: &Recording, kind: Kind) -> String {
    format!("tests/corpus/{}/{}/{}", recording.dialect.name(), kind.folder(), recording.file)
}

fn request(recording: &Recording, to: Dialect) -> String {
    let request = match corpus::ask(recording.dialect, &recording.bytes) {
        Ok(request) => request,
        Err(malformed) => return refused(recording, Kind::Request, &malformed),
    };
    let mut said = Vec::new();
    for Target { model, profile, .. } in corpus::targets(to) {
        let mut losses = Losses::new();
        let rendered = codec(to).render_request(&request, model, &profile, &mut losses);
        let mut document = Document::new();
        document.string("target", model);
        document.losses(&losses);
        if !rendered.headers.is_empty() {
            let headers = rendered.headers.iter().map(|(name, value)| format!("{name}: {value}"));
            document.strings("headers", headers);
        }
        document.restore(&rendered.restore);
        document.json("body", &String::from_utf8(rendered.body).unwrap());
        said.push(document.end());
    }
    let mut document = Document::new();
    document.string("input", &input(recording, Kind::Request));
    document.json("said", &format!("[{}]", said.join(",")));
    document.file()
}

fn reply(recording: &Recording, to: Dialect) -> String {
    let parsed = match codec(recording.dialect).parse_reply(&recording.bytes) {
        Ok(parsed) => parsed,
        Err(malformed) => return refused(recording, Kind::Reply, &malformed),
    };
    let mut losses = Losses::new();
    let body = codec(to).render_reply(&parsed, &seed(), &mut losses);
    let mut document = Document::new();
    document.string("input", &input(recording, Kind::Reply));
    document.losses(&losses);
    document.json("body", &String::from_utf8(body).unwrap());
    document.file()
}

fn stream(recording: &Recording, to: Dialect) -> String {
    let framing = match to {
        Dialect::GeminiGenerate if recording.is_array() => Framing::JsonArray,
        _ => Framing::Sse,
    };
    let mut losses = Losses::new();
    let mut body = Vec::new();
    let mut renderer = codec(to).stream_renderer(&seed(), StreamShape { framing, usage: true });
    for event in corpus::events(recording) {
        renderer.push(&event, &mut body, &mut losses);
    }
    let mut out = format!(": input {}\n", input(recording, Kind::Stream));
    for loss in losses.iter() {
        writeln!(out, ": loss {} {}: {}", loss.kind.label(), loss.field, loss.why).unwrap();
    }
    out.push('\n');
    if to == Dialect::BedrockConverse {
        // Its messages are binary; these lines say what they hold.
        for (name, data) in corpus::written(to, &body) {
            let data = String::from_utf8(data).unwrap();
            write!(out, "event: {}\ndata: {data}\n\n", name.unwrap()).unwrap();
        }
        return out;
    }
    out.push_str(&String::from_utf8(body).unwrap());
    out
}

fn error(recording: &Recording, to: Dialect) -> String {
    let fault = codec(recording.dialect).parse_error(recording.status(), &HeaderMap::new(), &recording.bytes);
    let mut document = Document::new();
    document.string("input", &input(recording, Kind::Error));
    document.string("kind", fault.kind.label());
    document.string("retry", &format!("{:?}", fault.retry()));
    let refusal = fault.into_refusal();
    document.json("status", &refusal.status.to_string());
    if let Some(after) = refusal.retry_after {
        document.string("retry_after", &format!("{after:?}"));
    }
    document.json("body", &String::from_utf8(codec(to).render_error(&refusal)).unwrap());
    document.file()
}

fn refused(recording: &Recording, kind: Kind, malformed: &Malformed) -> String {
    let mut document = Document::new();
    document.string("input", &input(recording, kind));
    document.string("malformed", &malformed.param);
    document.string("message", &malformed.message);
    document.file()
}

/// A golden file that is JSON, member by member; what it quotes stays spelt as it was.
struct Document(String);

impl Document {
    const fn new() -> Self {
        Self(String::new())
    }

    fn json(&mut self, key: &str, json: &str) {
        let separator = if self.0.is_empty() { "" } else { "," };
        write!(self.0, "{separator}\"{key}\":{json}").unwrap();
    }

    fn string(&mut self, key: &str, text: &str) {
        self.json(key, &json::string(text));
    }

    fn strings(&mut self, key: &str, texts: impl Iterator<Item = String>) {
        let texts: Vec<String> = texts.map(|text| json::string(&text)).collect();
        self.json(key, &format!("[{}]", texts.join(",")));
    }

    fn losses(&mut self, losses: &Losses) {
        let lines = losses.iter().map(|loss| format!("{} {}: {}", loss.kind.label(), loss.field, loss.why));
        self.strings("losses", lines);
    }

    fn restore(&mut self, restore: &Restore) {
        if !restore.names.is_empty() {
            let names = restore.names.iter().map(|(sent, original)| format!("{sent} <- {original}"));
            self.strings("names", names);
        }
        if let Some(tool) = &restore.answer_tool {
            self.string("answer_tool", tool);
        }
        if !restore.free_text.is_empty() {
            self.strings("free_text", restore.free_text.iter().cloned());
        }
        if restore.older_calls {
            self.json("older_calls", "true");
        }
    }

    fn end(self) -> String {
        format!("{{{}}}", self.0)
    }

    fn file(self) -> String {
        pretty::json(&self.end()) + "\n"
    }
}
