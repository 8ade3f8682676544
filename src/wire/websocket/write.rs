//! Writes whole frames.

use super::{Kind, MOST_CONTROL};

/// Appends a message as one frame, masked as a client must.
pub fn write(out: &mut Vec<u8>, kind: Kind, payload: &[u8], mask: Option<[u8; 4]>) {
    let opcode = match kind {
        Kind::Text => 1,
        Kind::Binary => 2,
    };
    frame(out, opcode, payload, mask);
}

/// Appends a close frame; a reason that is too long is cut.
pub fn close(out: &mut Vec<u8>, code: u16, reason: &str, mask: Option<[u8; 4]>) {
    let most = MOST_CONTROL - 2;
    let end = (0..=reason.len().min(most)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.get(..end).unwrap_or_default().as_bytes());
    frame(out, 8, &payload, mask);
}

fn frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(middle)) => {
            out.push(masked | 0x7e);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(masked | 0x7f);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    match mask {
        None => out.extend_from_slice(payload),
        Some(mask) => {
            out.extend_from_slice(&mask);
            out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}
