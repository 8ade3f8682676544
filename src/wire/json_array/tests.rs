use super::*;

fn split(chunks: &[&[u8]], limit: usize) -> (Vec<String>, Result<(), Error>) {
    let mut parser = Parser::new(limit);
    let mut seen = Vec::new();
    let own = |element: &[u8]| String::from_utf8(element.to_vec()).unwrap();
    for chunk in chunks {
        if let Err(error) = parser.push(chunk, |element| seen.push(own(element))) {
            assert_eq!(parser.finish(), Err(error));
            return (seen, Err(error));
        }
    }
    (seen, parser.finish())
}

const FIXTURES: &[&str] = &[
    "[{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Gr\u{fc}\u{df}e ]},[{ \\\"\\\\\"}]}}]\n}\n,\r\n{\"usage\": {}}\n]\n",
    " [ ] ",
    "[]",
    "[1, -2.5e3 ,true,null,\"a\\\"]\",[],{},[[]],\"\"]",
    "[{}]x",
    "[,]",
    "[{},]",
    "[{} {}]",
    "{}",
    "[1 2]",
    "[1",
    "[{\"a\":1}, {\"b",
    "",
];

#[test]
fn every_pair_of_cuts_gives_the_same_elements() {
    for fixture in FIXTURES {
        let bytes = fixture.as_bytes();
        let whole = split(&[bytes], 1000);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(split(&parts, 1000), whole, "{fixture:?} {first} {second}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(split(&single, 1000), whole, "{fixture:?}");
    }
}

#[test]
fn elements_are_those_that_serde_json_sees() {
    for fixture in FIXTURES {
        let (found, result) = split(&[fixture.as_bytes()], 1000);
        let Ok(expected) = serde_json::from_str::<Vec<serde_json::Value>>(fixture) else {
            assert!(result.is_err(), "{fixture}");
            continue;
        };
        assert_eq!(result, Ok(()));
        let found = found.iter().map(|element| serde_json::from_str(element).unwrap());
        assert_eq!(found.collect::<Vec<serde_json::Value>>(), expected);
        let trimmed = |element: &String| element.trim() == element;
        assert!(split(&[fixture.as_bytes()], 1000).0.iter().all(trimmed));
    }
}

#[test]
fn what_is_no_array_is_refused_in_words() {
    let error = |source: &str| split(&[source.as_bytes()], 1000).1.unwrap_err();
    assert_eq!(error("{}"), Error::Malformed("an array"));
    assert_eq!(error("[,]"), Error::Malformed("a value"));
    assert_eq!(error("[{} {}]"), Error::Malformed("a comma or ]"));
    assert_eq!(error("[{},]"), Error::Malformed("a value"));
    assert_eq!(error("[] 1"), Error::Malformed("the end of the text"));
    assert_eq!(error("[{}"), Error::Unfinished);
    assert_eq!(error("[{}").to_string(), "expected the end of the array");
}

#[test]
fn elements_before_an_error_are_delivered() {
    let (seen, result) = split(&[b"[{\"a\":1},{\"b\":2},", b"!"], 1000);
    assert_eq!(seen, ["{\"a\":1}", "{\"b\":2}"]);
    assert!(result.is_err());
}

#[test]
fn the_limit_holds_however_the_element_arrives() {
    let source = b"[\"12345678\",{\"123\":45}]";
    for size in 1..source.len() {
        let chunks: Vec<&[u8]> = source.chunks(size).collect();
        assert_eq!(split(&chunks, 10).1, Ok(()));
        assert_eq!(split(&chunks, 9), (vec![], Err(Error::TooLong(9))));
    }
}

#[test]
fn whole_elements_are_slices_of_the_chunk() {
    let chunk = b"[{\"a\":1}, 2, {";
    let mut parser = Parser::new(100);
    let on = |element: &[u8]| assert!(chunk.as_ptr_range().contains(&element.as_ptr()));
    parser.push(chunk, on).unwrap();
    assert_eq!(parser.pending(), 1);
}

#[test]
fn what_is_written_is_split_again() {
    let elements = ["{\"a\":[1]}", "{}", "{\"b\":\"]\"}"];
    for count in 0..=3 {
        let mut out = Vec::new();
        let mut writer = Writer::default();
        for element in &elements[..count] {
            writer.element(&mut out, element.as_bytes());
        }
        writer.finish(&mut out);
        assert_eq!(
            split(&[&out], 100),
            (elements[..count].iter().map(|e| (*e).to_owned()).collect(), Ok(()))
        );
    }
}
