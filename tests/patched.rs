//! What takes a crate's place (`patches/`) does what the crate did, for all that is asked of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use regex_automata::meta::Regex as Engine;
use regex_automata::util::syntax;

const REQUEST_LINE: &str = r"^\w+ (?P<uri>.+) HTTP/\d(?:\.\d)?";
const DIRECTIVE: &str = r#"(?-u)(?:^|(?:\s*[,;]\s*))([^\x00-\x20\(\)<>@,;:\\"/\[\]\?=\{\}\x7F]+)(?:=((?:[^\x00-\x20\(\)<>@,;:\\"/\[\]\?=\{\}\x7F]+|(?:"(?:[^"\\]|\\.)*"))))?"#;
const PACKABLE: &str =
    r"^(?:text/|application/|font/|image/(?:x-icon|svg\+xml|nd\.microsoft\.icon)|binary/octet-stream)";
const PART: &str = r"(?i)^\s*(?P<start>\d*)-(?P<end>\d*)\s*$";

type Groups<'h> = Vec<Option<&'h [u8]>>;

fn engine(pattern: &str) -> Engine {
    Engine::builder().syntax(syntax::Config::new().utf8(false)).build(pattern).unwrap()
}

/// The groups of all matches, as a real engine finds them.
fn expected<'h>(engine: &Engine, groups: usize, bytes: &'h [u8]) -> Vec<Groups<'h>> {
    let span = |group| move |found: &regex_automata::util::captures::Captures| found.get_group(group);
    let all = engine.captures_iter(bytes);
    all.map(|found| (1..=groups).map(|group| span(group)(&found).map(|span| &bytes[span])).collect())
        .collect()
}

/// Texts made of these pieces, each up to so many pieces long.
fn made_of(pieces: &[&'static [u8]], most: usize) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..most {
        last = last
            .iter()
            .flat_map(|text| pieces.iter().map(move |piece| [text.as_slice(), piece].concat()))
            .collect();
        all.extend(last.iter().cloned());
    }
    all
}

#[test]
fn directives_are_found_as_by_a_real_engine() {
    let (ours, real) = (regex::bytes::Regex::new(DIRECTIVE).unwrap(), engine(DIRECTIVE));
    let pieces: [&[u8]; 10] =
        [b"max-age", b"=", b"60", b",", b" ;", b"\"a b\"", b"\"", b"\\", b"\n", b"\xff("];
    for text in made_of(&pieces, 4) {
        let found: Vec<Groups<'_>> = ours
            .captures_iter(&text)
            .map(|found| (1..=2).map(|group| found.get(group).map(|found| found.as_bytes())).collect())
            .collect();
        assert_eq!(found, expected(&real, 2, &text), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn the_address_of_a_request_is_found_as_by_a_real_engine() {
    let (ours, real) = (regex::bytes::Regex::new(REQUEST_LINE).unwrap(), engine(REQUEST_LINE));
    let pieces: [&[u8]; 9] =
        [b"GET", b" ", b"/a<b>", b" HTTP/1.1", b" HTTP/2", b" HTTP/", b"\r\n", b"\xc3\xa9", b"\xff"];
    for text in made_of(&pieces, 4) {
        let found = ours.captures(&text);
        let uri = found.as_ref().and_then(|found| found.name("uri"));
        if let Some(uri) = &uri {
            assert_eq!(&text[uri.start()..uri.end()], uri.as_bytes());
        }
        let found: Vec<Groups<'_>> =
            found.iter().map(|_| vec![uri.as_ref().map(regex::bytes::Match::as_bytes)]).collect();
        assert_eq!(found, expected(&real, 1, &text), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn parts_and_kinds_are_found_as_by_a_real_engine() {
    let (part, real) = (regex::Regex::new(PART).unwrap(), engine(PART));
    for text in made_of(&[b"12", b"-", b" ", b"\t", b"a", b"\xe2\x80\x83"], 5) {
        let text = String::from_utf8(text).unwrap();
        let found: Vec<Groups<'_>> = part
            .captures(&text)
            .iter()
            .map(|found| {
                ["start", "end"].map(|name| found.name(name).map(|found| found.as_str().as_bytes())).into()
            })
            .collect();
        assert_eq!(found, expected(&real, 2, text.as_bytes()), "{text}");
    }
    let (kinds, real) = (regex::Regex::new(PACKABLE).unwrap(), engine(PACKABLE));
    for text in ["text/html", "text", "image/png", "image/svg+xml; a", "xtext/html", "binary/octet-stream"] {
        let found = kinds.find(text).is_some();
        assert_eq!(found, !expected(&real, 0, text.as_bytes()).is_empty(), "{text}");
    }
}

#[test]
fn any_other_expression_is_refused() {
    assert!(regex::Regex::new("a+").is_err() && regex::bytes::Regex::new("").is_err());
}

#[test]
fn a_certificate_of_any_kind_is_taken_and_its_serial_known() {
    use x509_parser::prelude::{FromDer, X509Certificate};

    let mut wanted = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    wanted.serial_number = Some(rcgen::SerialNumber::from_slice(&[0x12, 0x34, 0xab]));
    let key = rcgen::KeyPair::generate().unwrap();
    let made = wanted.self_signed(&key).unwrap();
    let serial = |der: &[u8]| X509Certificate::from_der(der).unwrap().1.raw_serial_as_string();
    assert_eq!(serial(made.der()), "12:34:ab");
    assert_eq!(
        (serial(b""), serial(&made.der()[..40]), serial(&[0x30, 0x84, 255, 255, 255, 255])),
        <_>::default()
    );
}
