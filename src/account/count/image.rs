//! What an image costs in tokens, from the size in its header.
//!
//! Vendors bill images by tiles or pixels, never by bytes, so the base64 text of an image must
//! not be counted. Only the first bytes of a file are read; nothing is decoded.

/// How a vendor bills images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRule {
    /// `OpenAI`, `detail: high` or `auto`: 85 tokens and 170 for each tile of 512 pixels, after
    /// shrinking to 2048 pixels square and then to 768 on the shorter side.
    OpenAiHigh,
    /// `OpenAI`, `detail: low`: 85 tokens.
    OpenAiLow,
    /// Claude up to 4.6: a token for 750 pixels, 1600 at most, long edge shrunk to 1568 pixels.
    Anthropic,
    /// Claude 4.7 and later: the same with 4784 tokens and 2576 pixels.
    AnthropicLarge,
    /// Gemini: 258 tokens for each tile of 768 pixels, one tile up to 384 pixels square.
    Gemini,
}

/// The tokens a vendor bills for an image of that many pixels.
#[must_use]
pub fn image_tokens(width: u32, height: u32, rule: ImageRule) -> u64 {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    match rule {
        ImageRule::OpenAiHigh => {
            let (width, height) = shrink(width, height, width.max(height), 2048);
            let (width, height) = shrink(width, height, width.min(height), 768);
            85 + 170 * width.div_ceil(512) * height.div_ceil(512)
        }
        ImageRule::OpenAiLow => 85,
        ImageRule::Anthropic => by_area(width, height, 1568, 1600),
        ImageRule::AnthropicLarge => by_area(width, height, 2576, 4784),
        ImageRule::Gemini if width <= 384 && height <= 384 => 258,
        ImageRule::Gemini => 258 * width.div_ceil(768) * height.div_ceil(768),
    }
}

/// Scales both sides so that `side`, one of them, is `limit` at most.
fn shrink(width: u64, height: u64, side: u64, limit: u64) -> (u64, u64) {
    if side <= limit {
        return (width, height);
    }
    let scaled = |length: u64| (length * limit / side).max(1);
    (scaled(width), scaled(height))
}

fn by_area(width: u64, height: u64, long_edge: u64, most: u64) -> u64 {
    let (width, height) = shrink(width, height, width.max(height), long_edge);
    (width * height).div_ceil(750).min(most)
}

/// Width and height in pixels of a PNG, JPEG, GIF or WebP file, from its first bytes.
///
/// `None` for anything else, and for a header cut short. A JPEG's size may lie tens of kilobytes
/// in, behind its metadata; the other formats need 30 bytes.
#[must_use]
pub fn image_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let size = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let side = |at| Some(u32::from_be_bytes(array(bytes, at)?));
        (side(16)?, side(20)?)
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        (little(bytes, 6)?, little(bytes, 8)?)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        webp(bytes)?
    } else if bytes.starts_with(b"\xFF\xD8") {
        jpeg(bytes)?
    } else {
        return None;
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match &array::<4>(bytes, 12)? {
        b"VP8 " => Some((little(bytes, 26)? & 0x3FFF, little(bytes, 28)? & 0x3FFF)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(array(bytes, 21)?);
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => {
            let side = |at| {
                let [low, middle, high] = array(bytes, at)?;
                Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
            };
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

/// Walks the segments up to the frame header.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [lead, marker] = array(bytes, at)?;
        if lead != 0xFF {
            return None;
        }
        match marker {
            // A fill byte before the marker.
            0xFF => at += 1,
            // Markers without a body.
            0x01 | 0xD0..=0xD8 => at += 2,
            // Frame headers; C4, C8 and CC among them mean other things.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let side = |at| Some(u32::from(u16::from_be_bytes(array(bytes, at)?)));
                return Some((side(at + 7)?, side(at + 5)?));
            }
            // The picture begins, or ends, and no frame header was seen.
            0xD9 | 0xDA => return None,
            _ => at += 2 + usize::from(u16::from_be_bytes(array(bytes, at + 2)?)),
        }
    }
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(array(bytes, at)?)))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
