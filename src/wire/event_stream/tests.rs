//! Messages by the rules, by AWS's own examples, and cut at every byte.

use super::*;

const LIMIT: usize = 1 << 20;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The headers and the payload of each message.
type Told = Vec<(Vec<String>, Vec<u8>)>;

/// What the messages in these pieces say, and how it ended.
fn read_all(pieces: &[&[u8]], limit: usize) -> (Told, Result<(), Broken>) {
    let mut parser = Parser::new(limit);
    let mut told = Vec::new();
    for piece in pieces {
        let taken = parser.push(piece, |message| {
            let headers = message.headers().map(|(name, value)| format!("{name}={value:?}")).collect();
            told.push((headers, message.payload().to_vec()));
        });
        if taken.is_err() {
            return (told, taken);
        }
    }
    let end = parser.finish();
    (told, end)
}

/// Three messages, among them one with a header of every type.
fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, Kind::Event("contentBlockDelta"), |out| out.extend_from_slice(b"{\"a\":1}"));
    let every = [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("byte", Value::Byte(-5)),
        ("short", Value::Short(-300)),
        ("int", Value::Int(70_000)),
        ("long", Value::Long(i64::MIN)),
        ("bytes", Value::Bytes(&[0, 255])),
        ("text", Value::Text("größe")),
        ("time", Value::Timestamp(1_760_000_000_000)),
        ("uuid", Value::Uuid([7; 16])),
    ];
    message(&mut out, &every, |_| {});
    write(&mut out, Kind::Exception("throttlingException"), |out| {
        out.extend_from_slice(b"{\"message\":\"slow\"}");
    });
    out
}

#[test]
fn the_examples_of_the_rules_are_read_and_written() {
    let empty = hex("00000010 00000000 05c248eb 7d98c8ff");
    assert_eq!(read_all(&[&empty], LIMIT), (vec![(vec![], vec![])], Ok(())));
    let mut written = Vec::new();
    message(&mut written, &[], |_| {});
    assert_eq!(written, empty);

    let payload = hex("0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936");
    assert_eq!(read_all(&[&payload], LIMIT).0, [(vec![], b"{'foo':'bar'}".to_vec())]);

    let header = hex(
        "0000003d 00000020 07fd8396 0c 636f6e74656e742d74797065 07 0010 6170706c69636174696f6e2f6a736f6e \
         7b27666f6f273a27626172277d 8d9c08b1",
    );
    let told = read_all(&[&header], LIMIT).0;
    assert_eq!(
        told,
        [(vec!["content-type=Text(\"application/json\")".to_owned()], b"{'foo':'bar'}".to_vec())]
    );
    let mut written = Vec::new();
    message(&mut written, &[("content-type", Value::Text("application/json"))], |out| {
        out.extend_from_slice(b"{'foo':'bar'}");
    });
    assert_eq!(written, header);
}

#[test]
fn messages_are_the_same_however_their_bytes_arrive() {
    let bytes = sample();
    let whole = read_all(&[&bytes], LIMIT);
    assert_eq!((whole.0.len(), whole.1), (3, Ok(())));
    for first in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(first);
        assert_eq!(read_all(&[head, tail], LIMIT), whole, "cut at {first}");
        for second in (0..=tail.len()).step_by(7) {
            let (middle, end) = tail.split_at(second);
            assert_eq!(read_all(&[head, middle, end], LIMIT), whole, "cut at {first} and {second} more");
        }
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read_all(&single, LIMIT), whole, "byte by byte");
}

#[test]
fn a_message_is_delivered_with_its_last_byte() {
    let bytes = sample();
    let mut parser = Parser::new(LIMIT);
    let mut ends = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        parser.push(&[*byte], |message| ends.push((at + 1, message.raw().len()))).unwrap();
    }
    let lengths = ends.iter().map(|(_, length)| *length);
    let expected: Vec<usize> = lengths
        .scan(0, |sum, length| {
            *sum += length;
            Some(*sum)
        })
        .collect();
    assert_eq!(ends.iter().map(|(end, _)| *end).collect::<Vec<_>>(), expected);
    assert_eq!(parser.pending(), 0);
}

#[test]
fn headers_of_every_type_come_back() {
    let told = read_all(&[&sample()], LIMIT).0;
    assert_eq!(
        told[1].0,
        [
            "true=Bool(true)",
            "false=Bool(false)",
            "byte=Byte(-5)",
            "short=Short(-300)",
            "int=Int(70000)",
            "long=Long(-9223372036854775808)",
            "bytes=Bytes([0, 255])",
            "text=Text(\"größe\")",
            "time=Timestamp(1760000000000)",
            "uuid=Uuid([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])",
        ]
    );
}

#[test]
fn what_a_message_is_stands_in_its_headers() {
    let mut out = sample();
    write(&mut out, Kind::Error { code: "InternalFailure", message: "no" }, |_| {});
    let mut kinds = Vec::new();
    let mut parser = Parser::new(LIMIT);
    parser.push(&out, |message| kinds.push(format!("{:?}", message.kind()))).unwrap();
    assert_eq!(kinds[0], "Event(\"contentBlockDelta\")");
    assert_eq!(kinds[2], "Exception(\"throttlingException\")");
    assert_eq!(kinds[3], "Error { code: \"InternalFailure\", message: \"no\" }");
}

#[test]
fn any_byte_that_changes_is_noticed() {
    let mut bytes = Vec::new();
    write(&mut bytes, Kind::Event("metadata"), |out| out.extend_from_slice(b"{}"));
    for at in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= bit;
            let (told, end) = read_all(&[&spoilt], LIMIT);
            assert!(told.is_empty() && end.is_err(), "byte {at} changed and nobody noticed");
        }
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_held() {
    let prelude = |length: u32, headers: u32| {
        let mut bytes = [length.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    };
    let broken = |length, headers| read_all(&[&prelude(length, headers)], LIMIT).1.unwrap_err();
    assert_eq!(broken((1 << 20) + 1, 0), Broken::TooLong { limit: LIMIT });
    assert_eq!(broken(u32::MAX, 0), Broken::TooLong { limit: LIMIT });
    assert_eq!(broken(15, 0), Broken::Lengths);
    assert_eq!(broken(16, 1), Broken::Lengths);
    assert_eq!(broken(900_000, (128 << 10) + 1), Broken::Lengths);
    assert_eq!(broken(16, 0), Broken::Cut);
}

#[test]
fn headers_that_are_none_are_refused() {
    for headers in [
        &b"\x01a\x0a"[..],
        b"\x01a",
        b"\x05a\x00",
        b"\x01a\x07\x00\x05ab",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
    ] {
        let length = u32::try_from(headers.len() + 16).unwrap();
        let mut bytes = [length.to_be_bytes(), (length - 16).to_be_bytes()].concat();
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend_from_slice(headers);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        assert_eq!(read_all(&[&bytes], LIMIT), (vec![], Err(Broken::Headers)), "{headers:?}");
    }
}

#[test]
fn a_stream_that_is_cut_or_broken_stays_so() {
    let bytes = sample();
    let (told, end) = read_all(&[&bytes[..bytes.len() - 1]], LIMIT);
    assert_eq!((told.len(), end), (2, Err(Broken::Cut)));
    let mut parser = Parser::new(LIMIT);
    assert_eq!(parser.push(&[0; 12], |_| {}), Err(Broken::Checksum));
    assert_eq!(parser.push(&bytes, |_| panic!("nothing can be read any more")), Err(Broken::Checksum));
    assert_eq!(parser.finish(), Err(Broken::Checksum));
}
