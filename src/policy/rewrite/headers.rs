//! Headers that are said otherwise: of requests on their way to a provider, and of answers to a client.

use http::{HeaderMap, HeaderName, HeaderValue};

/// What becomes of some headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Those that are said no more.
    pub remove: Vec<HeaderName>,
    /// Those that are said so, whatever was said.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Those that are said besides.
    pub add: Vec<(HeaderName, HeaderValue)>,
}

impl Headers {
    /// Whether nothing becomes of any.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// Says them so.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
    }
}

/// Whether a header is nobody's to change: it shows who asks, says where a message ends or what it is, or is
/// the gateway's own.
#[must_use]
pub fn is_fixed(name: &str) -> bool {
    const CREDENTIALS: [&str; 9] = [
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "set-cookie",
        "www-authenticate",
        "proxy-authenticate",
    ];
    const FRAMING: [&str; 16] = [
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "accept",
        "accept-encoding",
        "http2-settings",
        "location",
    ];
    const OWN: [&str; 3] = ["x-tollgate-", "x-amz-", "sec-websocket-"];
    CREDENTIALS.contains(&name) || FRAMING.contains(&name) || OWN.iter().any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_out_then_set_then_added() {
        let name = HeaderName::from_static;
        let value = HeaderValue::from_static;
        let mut headers = HeaderMap::new();
        for (key, said) in [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")] {
            headers.append(name(key), value(said));
        }
        let rules = Headers {
            remove: vec![name("a"), name("z")],
            set: vec![(name("b"), value("2")), (name("d"), value("1"))],
            add: vec![(name("c"), value("2"))],
        };
        rules.apply(&mut headers);
        let said: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        for expected in [("b", "2"), ("c", "1"), ("c", "2"), ("d", "1")] {
            assert!(said.contains(&expected), "{said:?}");
        }
    }

    #[test]
    fn credentials_framing_and_the_gateways_own_are_fixed() {
        for fixed in ["authorization", "x-api-key", "content-length", "x-tollgate-model", "x-amz-date"] {
            assert!(is_fixed(fixed), "{fixed}");
        }
        assert!(!is_fixed("openai-beta") && !is_fixed("x-request-id"));
    }
}
