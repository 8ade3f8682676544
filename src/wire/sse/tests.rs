use super::*;

type Seen = (Option<String>, Option<String>, Vec<u8>, Vec<u8>, bool);

fn own(frame: &Frame<'_>) -> Seen {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let data = frame.data.to_vec();
    (own(frame.event), own(frame.id), data, frame.raw.to_vec(), frame.comment_only)
}

fn frames(chunks: &[&[u8]]) -> Vec<Seen> {
    let mut parser = Parser::new(1 << 20);
    let mut seen = Vec::new();
    for chunk in chunks {
        parser.push(chunk, |frame| seen.push(own(&frame))).unwrap();
    }
    parser.finish(|frame| seen.push(own(&frame))).unwrap();
    assert_eq!(parser.pending(), 0);
    seen
}

fn data(source: &str) -> Vec<String> {
    let frames = frames(&[source.as_bytes()]).into_iter().filter(|frame| !frame.4);
    frames.map(|frame| String::from_utf8(frame.2).unwrap()).collect()
}

const FIXTURES: &[&str] = &[
    "data: {\"choices\":[{\"delta\":{\"content\":\"Grüße 🌍\"}}]}\n\ndata: {\"choices\":[]}\n\ndata: [DONE]\n\n",
    "event: message_start\r\ndata: {\"type\":\"message_start\"}\r\n\r\nevent: ping\r\ndata: {\"type\": \"ping\"}\r\n\r\n",
    "\u{feff}: OPENROUTER PROCESSING\n\ndata: a\ndata:  b\ndata\nid: 7\nretry: 10\n\ndata: no blank line",
    "\u{feff}data: bare\r\rdata: carriage\rdata: returns\r\r",
    "data: a\n\r\ndata: b\r\r\n\r\ndata: c\r\n\r\rdata: d\r\r\n",
    "\n\n\r\n\r\rdata: x\n\n\n",
    "\u{feff}\n\u{feff}data: not a field\n\nevent: x\nevent:\ndata:\n\nevent: y\n\n",
    "data: ends in a carriage return\r\n\r",
    "",
];

#[test]
fn every_cut_of_every_fixture_gives_the_same_frames() {
    for fixture in FIXTURES {
        let bytes = fixture.as_bytes();
        let whole = frames(&[bytes]);
        for cut in 0..=bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(frames(&[a, b]), whole, "{fixture:?} cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(frames(&single), whole, "{fixture:?} byte by byte");
    }
}

#[test]
fn every_pair_of_cuts_of_short_fixtures_gives_the_same_frames() {
    for fixture in FIXTURES {
        let bytes = fixture.as_bytes();
        let whole = frames(&[bytes]);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(frames(&parts), whole, "{fixture:?} cut at {first} and {second}");
            }
        }
    }
}

#[test]
fn frames_one_after_another_are_the_input_for_any_bytes_and_cuts() {
    const BYTES: &[u8] = b"\r\n\r\n\r\n: daevntidx\xef\xbb\xbf\xff\x00";
    let mut random = crate::wire::xorshift::XorShift::new(5);
    for _ in 0..20_000 {
        let mut input: Vec<u8> = if random.below(4) == 0 { BOM.to_vec() } else { Vec::new() };
        for _ in 0..random.below(40) {
            match random.below(4) {
                0 => input.extend_from_slice(b"data: x\n"),
                _ => input.push(BYTES[random.below(BYTES.len())]),
            }
        }
        let whole = frames(&[&input]);
        let joined: Vec<u8> = whole.iter().flat_map(|frame| frame.3.clone()).collect();
        assert_eq!(joined, input);
        let mut rest = &input[..];
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(random.below(rest.len().min(9)) + 1);
            parts.push(part);
            rest = after;
        }
        assert_eq!(frames(&parts), whole, "{:?}", input.escape_ascii().to_string());
    }
}

/// The rules once more, the slow way: normalise line ends, split, and read line by line.
fn slow(input: &[u8]) -> Vec<(Option<String>, Vec<u8>)> {
    let text = String::from_utf8_lossy(input).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut event, mut data) = (Vec::new(), None, None::<String>);
    for line in text.split('\n').chain([""]) {
        if line.is_empty() {
            if let Some(data) = data.take() {
                events.push((event.take(), data.into_bytes()));
            }
            event = None;
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => {
                data = Some(data.map_or(value.to_owned(), |data| data + "\n" + value));
            }
            "event" => event = Some(value.to_owned()).filter(|event| !event.is_empty()),
            _ => {}
        }
    }
    events
}

#[test]
fn events_are_those_of_the_rules_applied_the_slow_way() {
    const PIECES: [&str; 14] = [
        "data: a", "data:b", "data", "data:", "event: e", "event", "id: 1", ": c", "x", "\n", "\r", "\r\n",
        "\n\n", "\r\n\r\n",
    ];
    let mut random = crate::wire::xorshift::XorShift::new(11);
    for _ in 0..20_000 {
        let input: String = (0..random.below(24)).map(|_| PIECES[random.below(14)]).collect();
        let frames = frames(&[input.as_bytes()]).into_iter().filter(|frame| !frame.4);
        let found: Vec<_> = frames.map(|frame| (frame.0, frame.2)).collect();
        assert_eq!(found, slow(input.as_bytes()), "{input:?}");
    }
}

#[test]
fn one_leading_space_is_dropped_and_lines_are_joined() {
    assert_eq!(data("data:  a\ndata:b\ndata\n\n"), [" a\nb\n"]);
    assert_eq!(data("data:\n\n"), [""]);
    assert_eq!(data("datax: a\n data: b\n\n"), [""; 0]);
}

#[test]
fn event_and_id_are_the_last_of_the_frame() {
    let seen = frames(&[b"event: a\nevent: b\nid: 1\nid: 2\ndata: x\n\ndata: y\n\n"]);
    assert_eq!((seen[0].0.as_deref(), seen[0].1.as_deref()), (Some("b"), Some("2")));
    assert_eq!((&seen[1].0, &seen[1].1), (&None, &None));
}

#[test]
fn a_frame_without_data_says_so() {
    let seen = frames(&[b": keep-alive\n\nevent: x\n\ndata\n\n"]);
    let flags: Vec<bool> = seen.iter().map(|frame| frame.4).collect();
    assert_eq!(flags, [true, true, false]);
    assert_eq!(seen[0].3, b": keep-alive\n\n");
}

#[test]
fn whole_frames_are_slices_of_the_chunk() {
    let chunk = b"data: one\n\ndata: two\n\ndata: th";
    let mut parser = Parser::new(100);
    let mut seen = 0;
    let on = |frame: Frame<'_>| {
        seen += 1;
        assert!(chunk.as_ptr_range().contains(&frame.raw.as_ptr()));
        assert!(matches!(frame.data, Cow::Borrowed(_)));
    };
    parser.push(chunk, on).unwrap();
    assert_eq!((seen, parser.pending()), (2, 8));
}

#[test]
fn a_blank_line_after_bare_carriage_returns_needs_no_further_byte() {
    let mut parser = Parser::new(100);
    let mut seen = 0;
    parser.push(b"data: x\r\r", |_| seen += 1).unwrap();
    assert_eq!((seen, parser.pending()), (1, 0));
}

#[test]
fn the_limit_holds_however_the_frame_arrives() {
    for frame in ["data:12345\n\n", "data:123\r\n\r\n", "data:12345\r\r", "data:1234567"] {
        for (limit, fits) in [(12, true), (11, false)] {
            for size in 1..=frame.len() {
                let mut parser = Parser::new(limit);
                let mut count = 0;
                let mut result = Ok(());
                for chunk in frame.as_bytes().chunks(size) {
                    result = result.and_then(|()| parser.push(chunk, |_| count += 1));
                    assert!(parser.pending() <= limit + 1);
                }
                let result = result.and_then(|()| parser.finish(|_| count += 1));
                let found = (result.is_ok(), count == 1);
                assert_eq!(found, (fits, fits), "{frame:?} by {size}");
            }
        }
    }
}

#[test]
fn a_parser_that_failed_stays_so() {
    let mut parser = Parser::new(4);
    assert_eq!(parser.push(b"\n\ndata: long", |_| {}), Err(FrameTooLong { limit: 4 }));
    assert_eq!(parser.pending(), 0);
    assert!(parser.push(b"\n\n", |_| {}).is_err());
    assert!(parser.finish(|_| {}).is_err());
}

#[test]
fn what_is_written_reads_back() {
    for text in ["", "{}", " lead", "a\nb", "\n", "a\n\nb\n", "x\r\ny\rz"] {
        for event in [None, Some("delta")] {
            let mut out = Vec::new();
            write(&mut out, event, text.as_bytes());
            let [frame] = &frames(&[&out])[..] else { panic!("{text:?}") };
            assert_eq!(frame.0.as_deref(), event);
            let expected = text.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(String::from_utf8_lossy(&frame.2), expected);
        }
    }
    let mut out = Vec::new();
    write(&mut out, Some("ping"), b"{}");
    assert_eq!(out, b"event: ping\ndata: {}\n\n");
}

#[test]
fn an_event_name_cannot_smuggle_in_lines() {
    let mut out = Vec::new();
    write(&mut out, Some("a\ndata: evil"), b"good");
    assert_eq!(out, b"event: a\ndata: good\n\n");
}
