use serde_json::{Map, Value};

use super::*;

fn set(key: &'static str, value: &str) -> Edit {
    Edit::Set { key: key.into(), value: value.into() }
}

fn remove(key: &'static str) -> Edit {
    Edit::Remove { key: key.into() }
}

fn rename(from: &'static str, to: &'static str) -> Edit {
    Edit::Rename { from: from.into(), to: to.into() }
}

fn applied(source: &str, edits: &[Edit]) -> String {
    let out = Lens::new(source.as_bytes()).unwrap().apply(edits);
    String::from_utf8(out).unwrap()
}

#[test]
fn reads_members_by_kind() {
    let source = br#" { "model" : "a\/b", "mod\u0065": 1, "stream":true,"n":3e2,"x":[1, 2],"z":null } "#;
    let lens = Lens::new(source).unwrap();
    assert_eq!(lens.source(), source);
    let keys: Vec<_> = lens.keys().collect();
    assert_eq!(keys, ["model", "mode", "stream", "n", "x", "z"]);
    assert_eq!(lens.string("model").as_deref(), Some("a/b"));
    assert_eq!(lens.raw("model"), Some(r#""a\/b""#));
    assert_eq!(lens.u64("mode"), Some(1));
    assert_eq!((lens.bool("stream"), lens.bool("n")), (Some(true), None));
    assert_eq!((lens.u64("n"), lens.u64("x"), lens.u64("z")), (Some(300), None, None));
    assert_eq!((lens.raw("x"), lens.raw("absent")), (Some("[1, 2]"), None));
    assert_eq!((lens.string("n"), lens.string("z")), (None, None));
}

#[test]
fn refuses_what_is_no_sound_object() {
    let reason = |source: &[u8]| Lens::new(source).unwrap_err().reason;
    assert_eq!(reason(b"[]"), "expected an object");
    assert_eq!(reason(b""), "expected an object");
    assert_eq!(reason(b"{}{}"), "expected the end of the text");
    assert_eq!(reason(br#"{"a":1,"\u0061":2}"#), "duplicate key");
    assert_eq!(reason(br#"{"a":[1,{"b":tru}]}"#), "expected a value");
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), "expected UTF-8");
    let error = Lens::new(br#"{"a":[1,{"b":tru}]}"#).unwrap_err();
    assert_eq!(error.path, "a[1].b");
}

#[test]
fn replaces_in_place_and_leaves_the_rest() {
    let source = "{ \"a\" :1 ,\n\t\"model\": \"x\" , \"f\": 1.50 }\n";
    assert_eq!(applied(source, &[]), source);
    assert_eq!(
        applied(source, &[set("model", "\"long name\"")]),
        "{ \"a\" :1 ,\n\t\"model\": \"long name\" , \"f\": 1.50 }\n"
    );
    assert_eq!(
        applied(source, &[set("new", "[]"), set("more", "{}")]),
        "{ \"a\" :1 ,\n\t\"model\": \"x\" , \"f\": 1.50,\"new\":[],\"more\":{} }\n"
    );
    assert_eq!(
        applied(source, &[rename("a", "b\"")]),
        "{ \"b\\\"\" :1 ,\n\t\"model\": \"x\" , \"f\": 1.50 }\n"
    );
}

#[test]
fn removal_leaves_exactly_one_comma_between_neighbours() {
    let source = "{ \"a\":1 , \"b\":2,\n\"c\":3 }";
    assert_eq!(applied(source, &[remove("a")]), "{ \"b\":2,\n\"c\":3 }");
    assert_eq!(applied(source, &[remove("b")]), "{ \"a\":1,\n\"c\":3 }");
    assert_eq!(applied(source, &[remove("c")]), "{ \"a\":1 , \"b\":2 }");
    assert_eq!(applied(source, &[remove("a"), remove("b")]), "{ \"c\":3 }");
    let all = [remove("c"), remove("a"), remove("b")];
    assert_eq!(applied(source, &all), "{  }");
    assert_eq!(applied(source, &[&all[..], &[set("d", "4")]].concat()), "{ \"d\":4 }");
}

#[test]
fn empty_objects_take_members() {
    assert_eq!(applied("{}", &[set("a", "1")]), r#"{"a":1}"#);
    assert_eq!(applied(" { } ", &[set("a", "1"), set("b", "2")]), " { \"a\":1,\"b\":2} ");
    assert_eq!(applied("{}", &[remove("a"), rename("a", "b")]), "{}");
}

#[test]
fn changes_see_those_before_them() {
    let source = r#"{"max_tokens":5,"b":1}"#;
    let moved = [rename("max_tokens", "limit"), set("limit", "9"), remove("max_tokens")];
    assert_eq!(applied(source, &moved), r#"{"limit":9,"b":1}"#);
    assert_eq!(applied(source, &[rename("max_tokens", "b")]), r#"{"b":5}"#);
    assert_eq!(applied(source, &[rename("b", "b")]), source);
    assert_eq!(applied(source, &[set("c", "1"), remove("c")]), source);
    let back = [remove("max_tokens"), set("max_tokens", "6")];
    assert_eq!(applied(source, &back), r#"{"b":1,"max_tokens":6}"#);
}

#[test]
fn an_edit_allocates_no_more_than_it_announced() {
    let lens = Lens::new(br#"{"model":"a","stream":true}"#).unwrap();
    let edits = [set("model", "\"bb\""), set("x", "{}"), rename("stream", "s")];
    let growth: usize = edits.iter().map(Edit::growth).sum();
    let out = lens.apply(&edits);
    assert_eq!(out.capacity(), lens.source().len() + growth);
}

/// What the changes mean, said once more with a map.
fn oracle(mut map: Map<String, Value>, edits: &[Edit]) -> Map<String, Value> {
    for edit in edits {
        match edit {
            Edit::Set { key, value } => {
                map.insert(key.to_string(), serde_json::from_str(value).unwrap());
            }
            Edit::Remove { key } => {
                map.remove(&**key);
            }
            Edit::Rename { from, to } => {
                if let Some(value) = map.remove(&**from) {
                    map.insert(to.to_string(), value);
                }
            }
        }
    }
    map
}

#[test]
fn apply_means_what_the_same_change_to_a_map_means() {
    const KEYS: [&str; 7] = ["a", "b\"", "é", "", "max_tokens", "x\n", "new"];
    const VALUES: [&str; 5] = ["1", "\"s,}\"", "[1, {\"a\":2}]", "{ }", "null"];
    const SPACE: [&str; 4] = ["", " ", "\n\t", " \r\n"];
    let mut random = crate::wire::xorshift::XorShift::new(99);
    for _ in 0..20_000 {
        let mut pick = |count| random.below(count);
        let mut space = || SPACE[pick(SPACE.len())];
        let mut members = Vec::new();
        let gaps: Vec<_> = (0..30).map(|_| space()).collect();
        for (index, key) in KEYS.iter().take(6).enumerate() {
            if pick(2) == 0 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|n| gaps[index * 4 + n]);
                let value = VALUES[pick(VALUES.len())];
                members.push(format!("{a}{}{b}:{c}{value}{d}", json::string(key)));
            }
        }
        let source = format!("{}{{{}{}}}{}", gaps[26], gaps[27], members.join(","), gaps[28]);
        let edits: Vec<Edit> = (0..pick(5))
            .map(|_| match (pick(3), KEYS[pick(7)], KEYS[pick(7)]) {
                (0, key, _) => set(key, VALUES[pick(VALUES.len())]),
                (1, key, _) => remove(key),
                (_, from, to) => rename(from, to),
            })
            .collect();
        let out = applied(&source, &edits);
        let expected = oracle(serde_json::from_str(&source).unwrap(), &edits);
        let found: Map<String, Value> = serde_json::from_str(&out).unwrap();
        assert_eq!(found, expected, "{source:?} {edits:?} {out:?}");
        Lens::new(out.as_bytes()).unwrap();
    }
}

#[test]
fn find_reads_no_further_than_it_must() {
    let source = br#" {"a":{"usage":1}, "us\u0061ge" : {"n": 2} , broken"#;
    assert_eq!(find(source, "usage"), Some(r#"{"n": 2}"#));
    assert_eq!(find(source, "a"), Some(r#"{"usage":1}"#));
    assert_eq!(find(source, "absent"), None);
    assert_eq!(find(b"[1]", "a"), None);
    assert_eq!(find(b"{}", "a"), None);
    assert_eq!(find(b"", "a"), None);
    assert_eq!(find(br#"{"a":"#, "a"), None);
    assert_eq!(find(br#"{"a":[1,}"#, "a"), None);
    assert_eq!(find(b"{\"a\":\"\xff\"}", "a"), None);
}

#[test]
fn a_walk_shows_what_lies_on_its_way_and_enters_nothing_else() {
    let walked = |source: &str| {
        let mut seen = Vec::new();
        let see = &mut |depth: usize, key: &str, span: Range<usize>| {
            seen.push(format!("{depth} {key} {}", source.get(span).unwrap()));
        };
        walk(source.as_bytes(), &["l", "o"], see).map(|()| seen)
    };
    let all = walked(r#" {"a" : [1, {"b":2}] ,"l":[ {"o":{"c":"d"},"e":null} ],"a":3} "#);
    assert_eq!(all.unwrap(), ["0 a [1, {\"b\":2}]", "2 c \"d\"", "1 e null", "0 a 3"]);
    assert_eq!(walked(r#"{"l":{"o":{}}}"#), Some(Vec::new()));
    for none in [
        r#"{"l":[{"o":{}},{}]}"#,
        r#"{"l":[]}"#,
        r#"{"l":[{"o":1}]}"#,
        r#"{"l":[{}]}"#,
        r#"{"l":{"o":{}},"l":{"o":{}}}"#,
        r#"{"l":{"o":{"\u0061":1}}}"#,
        r#"{"l":{"o":{}}} x"#,
        r#"{"l":{"o":{}}"#,
        "{}",
        "[]",
    ] {
        assert_eq!(walked(none), None, "{none}");
    }
}

#[test]
fn spans_are_replaced_in_their_order() {
    let spliced = |spans: &[(Range<usize>, String)]| splice(b"abcdef", spans);
    assert_eq!(spliced(&[(1..2, "X".into()), (4..6, String::new())]).unwrap(), b"aXcd");
    assert_eq!(spliced(&[(4..6, "X".into()), (1..2, "Y".into())]), None);
    assert_eq!(spliced(&[(5..9, "X".into())]), None);
}
