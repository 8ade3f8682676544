//! W3C Trace Context: which trace a request belongs to, as headers say it.
//!
//! <https://www.w3.org/TR/trace-context/> (level 1, seen in November 2026).

use std::fmt;

/// The number of a trace; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The number of a span within its trace; never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

/// The part of all traces that is all of them.
pub const ALL: u64 = 1 << 63;

/// What a `traceparent` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: TraceId,
    /// The span that asks.
    pub span: SpanId,
    /// Whether whoever asks records it.
    pub sampled: bool,
}

impl TraceId {
    /// The trace with this number; zero, which is none, becomes one.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(if number == 0 { 1 } else { number })
    }

    /// Its sixteen bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Whether it is among this part of all traces, [`ALL`] being all. Everybody who samples by its last
    /// bits, as the specification has it, decides alike.
    #[must_use]
    pub const fn is_within(self, part: u64) -> bool {
        #[allow(clippy::cast_possible_truncation, reason = "the last bits are wanted")]
        let last = self.0 as u64;
        last >> 1 < part
    }
}

impl SpanId {
    /// The span with this number; zero, which is none, becomes one.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(if number == 0 { 1 } else { number })
    }

    /// Its eight bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl Context {
    /// Reads a `traceparent`; nothing where it is malformed. Of later versions, what this one knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim_ascii().splitn(5, '-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_later = version != "00";
        if (parts.next().is_some() && !is_later) || version == "ff" {
            return None;
        }
        hex(version, 2)?;
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        let flags = hex(flags, 2)?;
        (trace != 0 && span != 0).then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            sampled: flags & 1 == 1,
        })
    }
}

/// So many digits of lower case, and nothing else.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let legal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == digits && legal).then(|| u128::from_str_radix(text, 16).ok())?
}

/// As a `traceparent` has it.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_survives_being_read_and_said() {
        let context = Context::parse(PARENT).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), PARENT);
        assert!(!Context::parse(&PARENT.replace("-01", "-02")).unwrap().sampled);
        assert!(Context::parse(&format!(" {PARENT}\t")).is_some());
        let later = format!("{}-more", PARENT.replacen("00", "cc", 1));
        assert_eq!(Context::parse(&later).unwrap().to_string(), PARENT);
    }

    #[test]
    fn what_is_malformed_is_none() {
        let zero = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        for bad in [
            "",
            "00",
            &PARENT.to_ascii_uppercase(),
            &format!("{PARENT}-more"),
            &PARENT.replacen("00", "ff", 1),
            &PARENT.replacen("00", "0g", 1),
            &PARENT.replace("b7ad6b7169203331", "0000000000000000"),
            &PARENT.replace("b7ad", "b7a"),
            &PARENT.replace("-01", "-1"),
            &zero,
        ] {
            assert_eq!(Context::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_part_of_all_traces_is_told_by_their_last_bits() {
        let low = TraceId::new(0xffff_0000_0000_0000_0000_0000_0000_0001);
        let high = TraceId::new(0x0000_0000_0000_0001_ffff_ffff_ffff_ffff);
        let middle = TraceId::new(0x4000_0000_0000_0000);
        assert!(low.is_within(1) && !low.is_within(0));
        assert!(!high.is_within(ALL - 1) && high.is_within(ALL));
        assert!(middle.is_within(ALL / 4 + 1) && !middle.is_within(ALL / 4));
    }
}
