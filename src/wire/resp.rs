//! RESP, which Redis and Valkey speak: commands out, replies in.
//!
//! Both versions of the protocol are read (redis.io, "Redis serialization protocol specification", seen
//! 2026-11-26); a server says the third only to those who ask for it.

use bytes::Bytes;

/// Replies that stand in one another more deeply than this are nobody's.
const DEEPEST: usize = 8;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing is there.
    Nil,
    /// A word, or a number that is no integer, as text.
    Text(Bytes),
    /// A number.
    Number(i64),
    /// Any bytes.
    Bulk(Bytes),
    /// Several.
    List(Vec<Self>),
    /// The command failed, for this reason.
    Error(Bytes),
}

/// These bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server said something that is no reply")]
pub struct Broken;

/// Adds a command.
pub fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    let mut line = |out: &mut Vec<u8>, kind: u8, number: usize| {
        out.push(kind);
        out.extend_from_slice(digits.format(number).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    line(out, b'*', parts.len());
    for part in parts {
        line(out, b'$', part.len());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

/// How long the reply is that these bytes begin with; `None` where more must come. One that is longer than
/// `most` is none.
///
/// # Errors
/// When they begin with no reply.
pub fn length(bytes: &[u8], most: usize) -> Result<Option<usize>, Broken> {
    let mut at = At { bytes, from: 0 };
    match at.skip(most, 0) {
        Ok(()) => Ok(Some(at.from)),
        Err(Stop::Open) if bytes.len() <= most => Ok(None),
        Err(Stop::Open | Stop::Broken) => Err(Broken),
    }
}

/// The reply that these bytes are, which shares them.
///
/// # Errors
/// When they are none.
pub fn read(bytes: &Bytes) -> Result<Reply, Broken> {
    let mut at = At { bytes, from: 0 };
    at.reply(bytes, 0).map_err(|_| Broken)
}

/// Why reading stops.
enum Stop {
    /// There are no more bytes.
    Open,
    /// They are no reply.
    Broken,
}

/// How a reply is said.
enum Form<'a> {
    Line(u8, &'a [u8]),
    Blob(u8, &'a [u8]),
    Nil,
    Items(usize),
}

struct At<'a> {
    bytes: &'a [u8],
    from: usize,
}

impl<'a> At<'a> {
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        // The longest line is an error's.
        const LONGEST: usize = 64 << 10;
        let rest = self.bytes.get(self.from..).unwrap_or_default();
        let end = match memchr::memchr(b'\n', rest) {
            Some(end) if end <= LONGEST => end,
            None if rest.len() <= LONGEST => return Err(Stop::Open),
            Some(_) | None => return Err(Stop::Broken),
        };
        self.from += end + 1;
        rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Stop::Broken)
    }

    fn form(&mut self, most: usize) -> Result<Form<'a>, Stop> {
        let line = self.line()?;
        let (kind, rest) = line.split_first().ok_or(Stop::Broken)?;
        Ok(match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' => Form::Line(*kind, rest),
            b'_' => Form::Nil,
            b'$' | b'!' | b'=' | b'*' | b'~' | b'>' if rest == b"-1" => Form::Nil,
            b'$' | b'!' | b'=' => {
                let length = count(rest).filter(|length| *length <= most).ok_or(Stop::Broken)?;
                let rest = self.bytes.get(self.from..).unwrap_or_default();
                let (blob, rest) = rest.split_at_checked(length).ok_or(Stop::Open)?;
                let end = rest.get(..2).ok_or(Stop::Open)?;
                if end != b"\r\n" {
                    return Err(Stop::Broken);
                }
                self.from += length + 2;
                Form::Blob(*kind, blob)
            }
            b'*' | b'~' | b'>' => Form::Items(count(rest).ok_or(Stop::Broken)?),
            b'%' => Form::Items(count(rest).and_then(|pairs| pairs.checked_mul(2)).ok_or(Stop::Broken)?),
            _ => return Err(Stop::Broken),
        })
    }

    fn skip(&mut self, most: usize, depth: usize) -> Result<(), Stop> {
        if depth > DEEPEST {
            return Err(Stop::Broken);
        }
        if let Form::Items(count) = self.form(most)? {
            for _ in 0..count {
                self.skip(most, depth + 1)?;
            }
        }
        Ok(())
    }

    fn reply(&mut self, whole: &Bytes, depth: usize) -> Result<Reply, Stop> {
        if depth > DEEPEST {
            return Err(Stop::Broken);
        }
        Ok(match self.form(usize::MAX)? {
            Form::Nil => Reply::Nil,
            Form::Line(b':', line) => {
                let number = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok());
                Reply::Number(number.ok_or(Stop::Broken)?)
            }
            Form::Line(b'-', line) => Reply::Error(whole.slice_ref(line)),
            Form::Line(_, line) => Reply::Text(whole.slice_ref(line)),
            Form::Blob(b'!', blob) => Reply::Error(whole.slice_ref(blob)),
            // What a verbatim text is of stands before it: `txt:`.
            Form::Blob(b'=', blob) => Reply::Bulk(whole.slice_ref(blob.get(4..).ok_or(Stop::Broken)?)),
            Form::Blob(_, blob) => Reply::Bulk(whole.slice_ref(blob)),
            Form::Items(count) => {
                // The number is only said: room is made for what is there.
                let mut items = Vec::with_capacity(count.min(64));
                for _ in 0..count {
                    items.push(self.reply(whole, depth + 1)?);
                }
                Reply::List(items)
            }
        })
    }
}

fn count(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    fn said(text: &'static str) -> Result<Reply, Broken> {
        let bytes = Bytes::from_static(text.as_bytes());
        assert_eq!(length(&bytes, MOST), Ok(Some(bytes.len())), "{text}");
        read(&bytes)
    }

    #[test]
    fn a_command_is_a_list_of_bytes() {
        let mut out = Vec::new();
        put(&mut out, &[b"SET", b"a\r\n", b""]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$0\r\n\r\n");
    }

    #[test]
    fn replies_of_both_versions_are_read() {
        let bulk = |text: &'static str| Reply::Bulk(text.into());
        assert_eq!(said("+OK\r\n"), Ok(Reply::Text("OK".into())));
        assert_eq!(said("-ERR no\r\n"), Ok(Reply::Error("ERR no".into())));
        assert_eq!(said("!6\r\nERR no\r\n"), Ok(Reply::Error("ERR no".into())));
        assert_eq!(said(":-7\r\n"), Ok(Reply::Number(-7)));
        assert_eq!(said("$4\r\na\r\nb\r\n"), Ok(bulk("a\r\nb")));
        assert_eq!(said("=7\r\ntxt:abc\r\n"), Ok(bulk("abc")));
        for nil in ["$-1\r\n", "*-1\r\n", "_\r\n"] {
            assert_eq!(said(nil), Ok(Reply::Nil));
        }
        let pair = || vec![bulk("0"), Reply::List(vec![bulk("k"), Reply::Nil])];
        assert_eq!(said("*2\r\n$1\r\n0\r\n*2\r\n$1\r\nk\r\n$-1\r\n"), Ok(Reply::List(pair())));
        assert_eq!(said("%1\r\n$1\r\n0\r\n~2\r\n$1\r\nk\r\n_\r\n"), Ok(Reply::List(pair())));
        assert_eq!(said("#t\r\n"), Ok(Reply::Text("t".into())));
    }

    #[test]
    fn a_reply_that_is_not_whole_is_waited_for_and_what_is_none_is_not() {
        let whole = b"*2\r\n$1\r\n0\r\n*1\r\n$3\r\nkey\r\n";
        for end in 0..whole.len() {
            assert_eq!(length(&whole[..end], MOST), Ok(None), "{end}");
        }
        assert_eq!(length(b"+OK\r\n:1\r\n", MOST), Ok(Some(5)));
        for none in [
            "HTTP/1.1 400\r\n",
            "$x\r\n",
            "$3\r\nabcd\r\n",
            "+OK\n",
            "$9999999\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        ] {
            assert_eq!(length(none.as_bytes(), MOST), Err(Broken), "{none}");
        }
    }
}
