use serde_json::Value;

use super::*;
use crate::wire::xorshift::XorShift;

const CORPUS: &[&str] = &[
    r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You are \"brief\".\nReply in one line."},{"role":"user","content":[{"type":"text","text":"Grüße, 世界 🌍 \ud83c\udf0d"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}],"temperature":0.70,"max_tokens":1024,"stream":true,"stop":null,"logit_bias":{"50256":-100}}"#,
    "[1, -0, 0.5, 1e10, -2.5E-3, 123456789012345678901234567890, 1E+2]",
    " {\t\"a\" : [ ] ,\r\n \"b\" : { } , \"\\u0063\\/\" : \"\\b\\f\\n\\r\\t\\\\\\/\\\"\" } \n",
    r#""only a string""#,
    "true",
    "null",
    "[[[[{\"deep\":[[[[]]]]}]]]]",
    r#"["\ud800","\udc00x","\ud83d\ude00","\ud83d\u0041","\u0000"]"#,
    "{\"a\":{\"x\":1,\"x\":2},\"\":\"\"}",
    "{}",
    "-12.5e+3",
];

fn mutate(random: &mut XorShift, source: &str) -> Vec<u8> {
    const BYTES: &[u8] = b"{}[]\",:\\/untfbr0159.eE+- \t\n\x00\x1f\x7f\xc3\xa9\xf0\xffaAd";
    let mut bytes = source.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() + 1);
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(4) {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ if at < bytes.len() => bytes[at] = byte,
            _ => bytes.push(byte),
        }
    }
    bytes
}

/// Whether `serde_json` finds the text well formed; it sees neither depth nor repeated keys so.
fn well_formed(source: &[u8]) -> bool {
    std::str::from_utf8(source).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

fn same(ours: &Json<'_>, theirs: &Value) {
    match (ours.kind(), theirs) {
        (Kind::Null, Value::Null) => {}
        (Kind::Bool(a), Value::Bool(b)) => assert_eq!(a, b),
        (Kind::Number(text), Value::Number(number)) => {
            assert_eq!(ours.raw(), *text);
            // Without its float_roundtrip feature serde_json may miss the nearest float by one.
            let (a, b) = (ours.as_f64().unwrap(), number.as_f64().unwrap());
            assert!((a - b).abs() <= b.abs() * f64::EPSILON, "{text}");
            if !text.contains(['.', 'e', 'E']) {
                let zero = *text == "-0";
                assert_eq!(ours.as_u64(), if zero { Some(0) } else { number.as_u64() });
                assert_eq!(ours.as_i64(), if zero { Some(0) } else { number.as_i64() });
            }
        }
        (Kind::String(a), Value::String(b)) => assert_eq!(a, b),
        (Kind::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b));
        }
        (Kind::Object(entries), Value::Object(map)) => {
            for (key, _) in entries {
                same(ours.get(key).unwrap(), &map[&**key]);
            }
            assert!(map.keys().all(|key| ours.get(key).is_some()));
        }
        (a, b) => panic!("{a:?} is not {b:?}"),
    }
}

fn agrees(source: &[u8]) {
    let ours = parse(source);
    assert_eq!(ours.as_ref().err(), validate(source).as_ref().err());
    match ours {
        Ok(json) => {
            assert!(well_formed(source), "accepted {:?}", source.escape_ascii().to_string());
            // A lone surrogate or an endless number is refused there and not here.
            if let Ok(value) = serde_json::from_slice::<Value>(source) {
                same(&json, &value);
            }
            let again = parse(json.raw().as_bytes()).unwrap();
            assert_eq!(again.raw(), json.raw());
        }
        Err(error) => {
            assert!(error.offset <= source.len());
            let known = matches!(error.reason, "duplicate key" | "nested too deeply");
            let shown = source.escape_ascii().to_string();
            assert!(known || !well_formed(source), "refused {shown}: {error}");
        }
    }
}

#[test]
fn reader_agrees_with_serde_json_on_the_corpus_and_every_beginning_of_it() {
    for source in CORPUS {
        parse(source.as_bytes()).unwrap();
        for end in 0..=source.len() {
            agrees(&source.as_bytes()[..end]);
        }
    }
}

#[test]
fn reader_agrees_with_serde_json_on_mutations() {
    let mut random = XorShift::new(0x2545_f491_4f6c_dd1d);
    for round in 0..30_000 {
        agrees(&mutate(&mut random, CORPUS[round % CORPUS.len()]));
    }
}

#[test]
fn reader_agrees_with_serde_json_on_strings_of_any_byte_at_any_place() {
    for length in 0..80 {
        for at in 0..length {
            for byte in [0, 0x1f, b' ', b'"', b'\\', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                let mut source = vec![b'a'; length];
                source[at] = byte;
                source.insert(0, b'"');
                source.push(b'"');
                agrees(&source);
            }
        }
    }
}

#[test]
fn clean_run_is_exact_for_every_byte_and_alignment() {
    for byte in 0..=255_u8 {
        for at in 0..200 {
            let mut bytes = [0xc3_u8; 200];
            bytes[at] = byte;
            let special = byte < 0x20 || byte == b'"' || byte == b'\\';
            assert_eq!(quoted::clean_run(&bytes), if special { at } else { 200 }, "{byte} at {at}");
        }
    }
}

#[test]
fn error_names_the_place() {
    let shown = |source: &str| parse(source.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        shown(r#"{"messages":[{},{},{"content":}]}"#),
        "expected a value at byte 30 (messages[2].content)"
    );
    assert_eq!(shown(""), "expected a value at byte 0");
    assert_eq!(shown("[1,2"), "expected a comma or ] at byte 4 ([1])");
    assert_eq!(shown("{} x"), "expected the end of the text at byte 3");
    assert_eq!(shown(r#"{"a":{"b]":[1,tru]}}"#), "expected a value at byte 14 (a.b][1])");
    assert_eq!(shown(r#"{"a":1,b:2}"#), "expected a key in quotes at byte 7");
    assert_eq!(shown("{\"a\":\"x\n\"}"), "unescaped control character in a string at byte 7 (a)");
    assert_eq!(shown(r#"{"a":"\u12g4"}"#), "invalid \\u escape at byte 6 (a)");
    assert_eq!(shown(r#"{"a":"\x"}"#), "unknown escape at byte 6 (a)");
    assert_eq!(shown("{\"a\":01}"), "expected a comma or } at byte 6 (a)");
    let utf8 = parse(b"{\"a\":[\"\xff\"]}").unwrap_err();
    assert_eq!(utf8.to_string(), "expected UTF-8 at byte 7 (a[0])");
}

#[test]
fn error_repeats_only_the_beginning_of_a_long_key() {
    let source = format!("{{\"{}\":!}}", "k".repeat(1000));
    let error = parse(source.as_bytes()).unwrap_err();
    assert_eq!(error.path, format!("{}…", "k".repeat(64)));
}

#[test]
fn key_repeated_outermost_is_refused_however_it_is_spelt() {
    let error = parse(br#"{"model":"a","n":1,"mod\u0065l":"b"}"#).unwrap_err();
    assert_eq!((error.reason, error.offset), ("duplicate key", 32));
    let many: Vec<String> = (0..1000).map(|n| format!("\"k{}\":0", n % 999)).collect();
    let many = format!("{{{}}}", many.join(","));
    assert_eq!(parse(many.as_bytes()).unwrap_err().path, "k0");
    assert_eq!(validate(many.as_bytes()), parse(many.as_bytes()).map(|_| ()));
}

#[test]
fn key_repeated_inside_gives_its_last_value() {
    let json = parse(br#"{"a":{"x":1,"x":2}}"#).unwrap();
    assert_eq!(json.at(&["a", "x"]).unwrap().as_u64(), Some(2));
    assert_eq!(json.get("a").unwrap().entries().len(), 2);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    parse(nested(128).as_bytes()).unwrap();
    assert_eq!(parse(nested(129).as_bytes()).unwrap_err().reason, "nested too deeply");
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()).unwrap_err().offset, 128);
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character() {
    let decoded = |source: &'static str| parse(source.as_bytes()).unwrap().into_string().unwrap();
    assert_eq!(decoded(r#""\ud83d\ude00""#), "😀");
    assert_eq!(decoded(r#""\ud83d!""#), "\u{fffd}!");
    assert_eq!(decoded(r#""\ud83d\u0041""#), "\u{fffd}A");
    assert_eq!(decoded(r#""\ud83d\ud83d\ude00""#), "\u{fffd}😀");
    assert_eq!(decoded(r#""\ude00\ud83d""#), "\u{fffd}\u{fffd}");
}

#[test]
fn numbers_are_kept_as_text_and_read_when_whole() {
    let json = parse(b"[0.70, 3.0, 3e2, 1.5e1, 15e-1, 30e-1, 18446744073709551615, 18446744073709551616, -9223372036854775808, -3.0, -0.0, 0e999999999999999999999, 1e400, 0.0001e4, 1e19, 1e20]").unwrap();
    let [raw, u64s, i64s] = [
        json.elements().iter().map(|n| n.raw().to_owned()).collect::<Vec<_>>().join(" "),
        format!("{:?}", json.elements().iter().map(Json::as_u64).collect::<Vec<_>>()),
        format!("{:?}", json.elements().iter().map(Json::as_i64).collect::<Vec<_>>()),
    ]
    .map(|text| text.replace("Some", ""));
    assert_eq!(
        raw,
        "0.70 3.0 3e2 1.5e1 15e-1 30e-1 18446744073709551615 18446744073709551616 -9223372036854775808 -3.0 -0.0 0e999999999999999999999 1e400 0.0001e4 1e19 1e20"
    );
    assert_eq!(
        u64s,
        "[None, (3), (300), (15), None, (3), (18446744073709551615), None, None, None, (0), (0), None, (1), (10000000000000000000), None]"
    );
    assert_eq!(
        i64s,
        "[None, (3), (300), (15), None, (3), None, None, (-9223372036854775808), (-3), (0), (0), None, (1), None, None]"
    );
    assert_eq!(json.elements()[0].as_f64(), Some(0.7));
    assert_eq!(json.elements()[12].as_f64(), None);
}

#[test]
fn lookups_tell_null_from_absent_only_when_asked() {
    let json = parse(br#"{"a":null,"b":{"c":[1]}}"#).unwrap();
    assert!(json.get("a").unwrap().is_null());
    assert!(json.field("a").is_none());
    assert!(json.get("x").is_none() && json.at(&["b", "c", "d"]).is_none());
    assert_eq!(json.at(&["b"]).unwrap().raw(), r#"{"c":[1]}"#);
    assert_eq!(json.elements().len(), 0);
    assert!(json.at(&["b", "c"]).unwrap().entries().is_empty());
}

#[test]
fn strings_without_escapes_are_borrowed() {
    let json = parse(br#"["plain", "esc\naped"]"#).unwrap();
    let [plain, escaped] = json.elements() else { panic!() };
    assert!(matches!(plain.kind(), Kind::String(std::borrow::Cow::Borrowed("plain"))));
    assert_eq!(escaped.as_str(), Some("esc\naped"));
    assert_eq!(escaped.raw(), r#""esc\naped""#);
}

#[test]
fn writer_puts_commas_where_they_belong() {
    let mut out = b"head ".to_vec();
    object(&mut out, |o| {
        assert!(o.is_empty());
        o.string("s", "a\"b");
        o.opt_string("none", None);
        o.raw("raw", "[ 1]");
        o.number("n", 7_u32);
        o.number("m", i64::MIN);
        o.float("f", 0.1);
        o.bool("b", true);
        o.null("z");
        o.object("o", |_| {});
        o.array("a", |a| {
            a.string("x");
            a.number(1_u64);
            a.float(f64::NAN);
            a.float(3.0);
            a.bool(false);
            a.null();
            a.object(|o| o.embed("k", |out| out.extend_from_slice(b"0")));
            a.array(|a| a.embed(|out| write_string(out, "é")));
            a.raw("{}");
        });
    });
    let expected = r#"head {"s":"a\"b","raw":[ 1],"n":7,"m":-9223372036854775808,"f":0.1,"b":true,"z":null,"o":{},"a":["x",1,null,3,false,null,{"k":0},["é"],{}]}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn written_floats_read_back_the_same() {
    let mut random = XorShift::new(7);
    let odd = [0.0, -0.0, 1e16, 1e300, 5e-324, f64::MAX, 0.1 + 0.2, 1e15, -2.5];
    let any = std::iter::repeat_with(|| f64::from_bits(random.below(usize::MAX) as u64));
    for number in odd.into_iter().chain(any.take(5000).filter(|n| n.is_finite())) {
        let mut out = Vec::new();
        array(&mut out, |a| a.float(number));
        let json = parse(&out).unwrap();
        assert_eq!(json.elements()[0].as_f64(), Some(number));
    }
}

#[test]
fn written_strings_equal_those_of_serde_json_in_meaning() {
    let all: String = (0..0x300).filter_map(char::from_u32).chain("😀 世界".chars()).collect();
    for text in ["", "a", "\"", "\\\\\n", "\u{7f}\u{2028}", &all] {
        let quoted = string(text);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        assert_eq!(parse(quoted.as_bytes()).unwrap().as_str(), Some(text));
    }
    assert_eq!(string("\u{1}\u{1f}é/\n"), r#""\u0001\u001fé/\n""#);
}
