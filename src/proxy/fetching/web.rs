//! Addresses of the web as clients write them, where they lead, and what lies there.

use crate::ir::addressed::Medium;
use crate::provider::Base;

/// A longer address is not gone to.
const LONGEST: usize = 8192;

/// An address: where to connect, and what to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) base: Base,
    /// The path and query.
    pub(super) target: String,
}

impl Address {
    /// Reads an address such as `https://example.com/cat.png?size=2`.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim();
        if url.len() > LONGEST {
            return Err("its address is too long".to_owned());
        }
        let start = url.find("://").map(|at| at + 3).ok_or("it has no address of the web")?;
        let (before, rest) = url.split_at_checked(start).ok_or("it has no address of the web")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or("it has no address of the web")?;
        let base = Base::parse(&format!("{before}{authority}"))
            .map_err(|_| "its address names no host in the usual way".to_owned())?;
        Ok(Self { base, target: target_of(target) })
    }

    /// Where a redirect from here leads.
    pub(super) fn follow(&self, location: &str) -> Result<Self, String> {
        let scheme = if self.base.tls { "https" } else { "http" };
        let own = |target: &str| Self { base: self.base.clone(), target: target_of(target) };
        let path = self.target.split('?').next().unwrap_or_default();
        let next = if location.contains("://") && !location.starts_with(['/', '?']) {
            Self::parse(location)?
        } else if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{scheme}://{rest}"))?
        } else if location.starts_with('/') {
            own(location)
        } else if location.starts_with('?') {
            own(&format!("{path}{location}"))
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            own(&format!("{folder}/{location}"))
        };
        if self.base.tls && !next.base.tls {
            return Err("it redirects to where nothing is encrypted".to_owned());
        }
        Ok(next)
    }
}

/// A path and query as it can stand in a request's head.
fn target_of(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().map_or('0', char::from);
    let text = text.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        target.push('/');
    }
    for byte in text.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        {
            target.push(char::from(byte));
        } else {
            target.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    target
}

/// What bytes are: by how they begin, else by what their server says.
///
/// # Errors
/// When they are not what was looked for.
pub(super) fn type_of(body: &[u8], said: Option<&str>, medium: Medium) -> Result<String, String> {
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"RIFF", "image/webp"),
    ];
    let webp = || body.get(8..12) == Some(b"WEBP");
    let known =
        MAGIC.iter().find(|(magic, kind)| body.starts_with(magic) && (*kind != "image/webp" || webp()));
    let essence = said.and_then(|said| said.split(';').next()).map(|said| said.trim().to_ascii_lowercase());
    let kind = known.map(|(_, kind)| (*kind).to_owned()).or(essence).unwrap_or_default();
    let fits = match medium {
        Medium::Image => kind.starts_with("image/"),
        Medium::Document => kind == "application/pdf",
    };
    match (fits, body.is_empty()) {
        (_, true) => Err("there is nothing".to_owned()),
        (true, false) => Ok(kind),
        (false, false) => Err(match medium {
            Medium::Image => "it is no picture".to_owned(),
            Medium::Document => "it is no PDF".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> String {
        Address::parse(url).map_or_else(|why| why, |address| format!("{}{}", address.base, address.target))
    }

    #[test]
    fn addresses_are_read_as_clients_write_them() {
        assert_eq!(at("https://Example.com"), "https://example.com/");
        assert_eq!(at("https://a.b:8443/x y/ü.png?q={1}#top"), "https://a.b:8443/x%20y/%C3%BC.png?q=%7B1%7D");
        assert_eq!(at("http://[::1]/a"), "http://[::1]/a");
        assert_eq!(at("https://a?b=1"), "https://a/?b=1");
        for wrong in ["ftp://a/b", "https://user:pass@a/b", "https:///b", "data:image/png;base64,AA"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn redirects_lead_from_where_they_are_said() {
        let here = Address::parse("https://a.b/folder/one.png?x=1").unwrap();
        let to = |location: &str| here.follow(location).map(|next| format!("{}{}", next.base, next.target));
        assert_eq!(to("two.png").unwrap(), "https://a.b/folder/two.png");
        assert_eq!(to("/two.png").unwrap(), "https://a.b/two.png");
        assert_eq!(to("?x=2").unwrap(), "https://a.b/folder/one.png?x=2");
        assert_eq!(to("//c.d/e").unwrap(), "https://c.d/e");
        assert_eq!(to("https://c.d/e?u=https://f").unwrap(), "https://c.d/e?u=https://f");
        assert!(to("http://c.d/e").is_err());
    }

    #[test]
    fn bytes_are_what_they_begin_like() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        assert_eq!(type_of(png, Some("text/html"), Medium::Image).unwrap(), "image/png");
        assert_eq!(
            type_of(b"<svg/>", Some("Image/SVG+xml; charset=utf-8"), Medium::Image).unwrap(),
            "image/svg+xml"
        );
        assert_eq!(type_of(b"%PDF-1.7", None, Medium::Document).unwrap(), "application/pdf");
        for (body, said, medium) in [
            (&b"<html>"[..], Some("text/html"), Medium::Image),
            (&png[..], None, Medium::Document),
            (&b"RIFFxxxxWAVE"[..], None, Medium::Image),
            (&b""[..], Some("image/png"), Medium::Image),
        ] {
            assert!(type_of(body, said, medium).is_err());
        }
    }
}
