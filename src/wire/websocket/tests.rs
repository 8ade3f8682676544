use super::*;

/// What the pieces say: messages whole, as text or as bytes, and control frames.
fn said(chunks: &[&[u8]]) -> (Vec<String>, Result<(), Broken>) {
    let mut reader = Reader::new();
    let (mut said, mut message) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let read = reader.push(chunk, |piece| match piece {
            Piece::Begin(kind) => message = format!("{kind:?} ").into_bytes(),
            Piece::Data(data) => message.extend_from_slice(data),
            Piece::End => said.push(String::from_utf8_lossy(&message).into_owned()),
            Piece::Control(control, payload) => {
                said.push(format!("{control:?} {}", String::from_utf8_lossy(payload)));
            }
        });
        if read.is_err() {
            return (said, read);
        }
    }
    (said, Ok(()))
}

/// Frames of every shape: masked and not, short, middling and long, in fragments with a ping between.
fn stream() -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, Kind::Text, b"Hello", None);
    write(&mut bytes, Kind::Text, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]));
    write(&mut bytes, Kind::Binary, &[b'x'; 126], Some([1, 2, 3, 4]));
    write(&mut bytes, Kind::Text, "y".repeat(70_000).as_bytes(), None);
    bytes.extend_from_slice(b"\x01\x03Hel\x89\x05Hello\x80\x02lo");
    bytes.extend_from_slice(b"\x02\x00\x00\x00\x80\x00\x8a\x00");
    close(&mut bytes, 1000, "done", Some([9, 9, 9, 9]));
    bytes
}

#[test]
fn the_rules_own_examples_are_read() {
    assert_eq!(said(&[b"\x81\x05Hello"]).0, ["Text Hello"]);
    assert_eq!(said(&[b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"]).0, ["Text Hello"]);
    assert_eq!(said(&[b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"]).0, ["Pong Hello"]);
}

#[test]
fn any_split_says_the_same() {
    let bytes = stream();
    let whole = said(&[&bytes]);
    assert_eq!(whole.0.len(), 9);
    assert_eq!(whole.0.get(4).map(String::as_str), Some("Ping Hello"), "{:?}", whole.0.get(4));
    assert_eq!(whole.0.get(5).map(String::as_str), Some("Text Hello"));
    for size in [1, 2, 3, 7, 64, 1000] {
        let chunks: Vec<_> = bytes.chunks(size).collect();
        assert_eq!(said(&chunks), whole, "{size}");
    }
    for at in 0..300 {
        let (before, after) = bytes.split_at(at);
        assert_eq!(said(&[before, after]), whole, "{at}");
    }
}

#[test]
fn what_is_no_frame_is_said_to_be_none() {
    let cases: [(&[u8], Broken); 9] = [
        (b"\xc1\x00", Broken::Reserved),
        (b"\x83\x00", Broken::Opcode),
        (b"\x8b\x00", Broken::Opcode),
        (b"\x80\x00", Broken::Order),
        (b"\x01\x00\x81\x00", Broken::Order),
        (b"\x09\x00", Broken::Control),
        (b"\x88\x7e", Broken::Control),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", Broken::Length),
        (b"HTTP/1.1", Broken::Opcode),
    ];
    for (bytes, broken) in cases {
        let expected = if bytes.starts_with(b"H") { Broken::Reserved } else { broken };
        assert_eq!(said(&[bytes]).1, Err(expected), "{bytes:?}");
        let mut reader = Reader::new();
        assert_eq!(reader.push(bytes, |_| {}), Err(expected));
        assert_eq!(reader.push(b"\x81\x00", |_| panic!("it has lost its place")), Err(expected));
        assert!(!reader.is_between_frames());
    }
}

#[test]
fn it_is_known_where_another_frame_may_stand() {
    let mut reader = Reader::new();
    let mut at = |bytes: &[u8]| {
        reader.push(bytes, |_| {}).unwrap();
        (reader.is_between_frames(), reader.is_between_messages())
    };
    assert_eq!(at(b""), (true, true));
    assert_eq!(at(b"\x01"), (false, false));
    assert_eq!(at(b"\x01a"), (true, false));
    assert_eq!(at(b"\x89\x01"), (false, false));
    assert_eq!(at(b"b\x80\x00"), (true, true));
}

#[test]
fn a_close_frame_tells_its_code_and_a_reason_that_fits() {
    let mut bytes = Vec::new();
    close(&mut bytes, 1011, &"é".repeat(100), None);
    let mut told = None;
    Reader::new()
        .push(&bytes, |piece| {
            if let Piece::Control(Control::Close, payload) = piece {
                let (code, reason) = closing(payload);
                told = Some((code, reason.to_owned()));
            }
        })
        .unwrap();
    assert_eq!(told, Some((1011, "é".repeat(61))));
    assert_eq!(closing(b""), (1005, ""));
}
