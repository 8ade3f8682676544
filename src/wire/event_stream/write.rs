//! Messages as bytes.

use super::Value;

/// Appends one message.
///
/// Names longer than 255 bytes and values longer than 65535 cannot be said and are cut; a message
/// is never longer than its lengths can tell, since no answer is.
pub fn message(out: &mut Vec<u8>, headers: &[(&str, Value<'_>)], payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; super::PRELUDE]);
    for (name, value) in headers {
        write_header(out, name, *value);
    }
    let header_bytes = out.len() - start - super::PRELUDE;
    payload(out);
    let length = u32::try_from(out.len() - start + super::TAIL).unwrap_or(u32::MAX);
    let header_bytes = u32::try_from(header_bytes).unwrap_or(u32::MAX);
    if let Some(prelude) = out.get_mut(start..).and_then(|bytes| bytes.first_chunk_mut::<12>()) {
        let lengths = (u64::from(length) << 32 | u64::from(header_bytes)).to_be_bytes();
        let crc = crc32fast::hash(&lengths).to_be_bytes();
        for (place, byte) in prelude.iter_mut().zip(lengths.into_iter().chain(crc)) {
            *place = byte;
        }
    }
    let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
}

/// Appends one message with the headers that services write: its kind, its name, and that its
/// payload is JSON.
pub fn write(out: &mut Vec<u8>, kind: super::Kind<'_>, payload: impl FnOnce(&mut Vec<u8>)) {
    let json = (":content-type", Value::Text("application/json"));
    match kind {
        super::Kind::Event(name) => {
            let headers = [(":event-type", Value::Text(name)), json, (":message-type", Value::Text("event"))];
            message(out, &headers, payload);
        }
        super::Kind::Exception(name) => {
            let headers =
                [(":exception-type", Value::Text(name)), json, (":message-type", Value::Text("exception"))];
            message(out, &headers, payload);
        }
        super::Kind::Error { code, message: text } => {
            let headers = [
                (":error-code", Value::Text(code)),
                (":error-message", Value::Text(text)),
                (":message-type", Value::Text("error")),
            ];
            message(out, &headers, payload);
        }
    }
}

fn write_header(out: &mut Vec<u8>, name: &str, value: Value<'_>) {
    let name = cut(name.as_bytes(), usize::from(u8::MAX));
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name);
    match value {
        Value::Bool(truth) => out.push(u8::from(!truth)),
        Value::Byte(number) => sized(out, 2, &number.to_be_bytes()),
        Value::Short(number) => sized(out, 3, &number.to_be_bytes()),
        Value::Int(number) => sized(out, 4, &number.to_be_bytes()),
        Value::Long(number) => sized(out, 5, &number.to_be_bytes()),
        Value::Bytes(bytes) => counted(out, 6, bytes),
        Value::Text(text) => {
            let mut end = text.len().min(usize::from(u16::MAX));
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            counted(out, 7, cut(text.as_bytes(), end));
        }
        Value::Timestamp(number) => sized(out, 8, &number.to_be_bytes()),
        Value::Uuid(uuid) => sized(out, 9, &uuid),
    }
}

fn sized(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn counted(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let bytes = cut(bytes, usize::from(u16::MAX));
    out.push(kind);
    out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn cut(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}
