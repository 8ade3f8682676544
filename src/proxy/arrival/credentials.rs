//! The credentials that a client shows.

use std::borrow::Cow;

use http::HeaderValue;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use pingora::http::RequestHeader;

use crate::wire::percent;

/// How a browser shows a key, which can set no headers: as a protocol that it offers.
const KEYS: [&str; 2] = ["openai-insecure-api-key.", "xai-client-secret."];

/// The protocols that a WebSocket's handshake offers.
pub fn protocols(head: &RequestHeader) -> impl Iterator<Item = &str> {
    let lines = head.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

/// Whether such a protocol says who the client is, which is between it and us.
#[must_use]
pub fn is_ours(protocol: &str) -> bool {
    const ACCOUNTS: [&str; 2] = ["openai-organization.", "openai-project."];
    KEYS.iter().chain(&ACCOUNTS).any(|beginning| protocol.starts_with(beginning))
}

/// All of them, wherever the client's SDK puts them. A client may show several, as
/// Anthropic's SDK does when both of its variables are set: the one that is meant for us opens.
///
/// AWS's SDKs sign their requests where they have no bearer token. The access key id of a signature
/// is taken as the credential, whatever the secret is: it opens as a bearer token would, and is
/// guarded as one is. The signature itself is not checked: the door keeps no secret in clear.
pub fn shown(head: &RequestHeader) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    let bearer = head.headers.get(AUTHORIZATION).and_then(|value| {
        let value = value.as_bytes();
        let (scheme, token) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
    });
    let signer = head.headers.get(AUTHORIZATION).and_then(|value| signer(value.as_bytes()));
    let query = |()| head.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("key="));
    let others = ["x-api-key", "api-key", "x-goog-api-key"].into_iter().filter_map(header);
    let in_headers = bearer.into_iter().chain(signer).chain(others);
    let in_query = std::iter::once(()).filter_map(query);
    let offered = protocols(head).filter_map(|name| KEYS.iter().find_map(|key| name.strip_prefix(key)));
    in_headers
        .chain(offered.map(str::as_bytes))
        .map(Cow::Borrowed)
        .chain(in_query.map(percent::decode))
        .filter(|key| !key.is_empty())
}

/// The access key id in a signature of AWS's: what stands in its credential before the date, the
/// region, the service and the last word.
fn signer(authorization: &[u8]) -> Option<&[u8]> {
    let signature = authorization.strip_prefix(b"AWS4-HMAC-SHA256")?;
    let (_, rest) = split_at_word(signature, b"Credential=")?;
    let end = rest.iter().position(|byte| matches!(byte, b',' | b' ')).unwrap_or(rest.len());
    let scope = rest.get(..end)?.rsplitn(5, |byte| *byte == b'/');
    scope.last().filter(|key| key.len() < end)
}

fn split_at_word<'t>(text: &'t [u8], word: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = memchr::memmem::find(text, word)?;
    Some((text.get(..at)?, text.get(at + word.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, path: &str) -> RequestHeader {
        RequestHeader::build(method, path.as_bytes(), None).unwrap()
    }

    #[test]
    fn the_signer_of_an_aws_request_is_its_credential() {
        let mut head = head("POST", "/model/m/converse");
        let signed = "AWS4-HMAC-SHA256 Credential=k/1/20261126/us-east-1/bedrock/aws4_request, \
            SignedHeaders=host;x-amz-date, Signature=00";
        head.insert_header("authorization", signed).unwrap();
        assert!(shown(&head).eq([&b"k/1"[..]]));
        head.insert_header("authorization", "AWS4-HMAC-SHA256 Credential=k-1, Signature=00").unwrap();
        assert_eq!(shown(&head).next(), None);
    }

    #[test]
    fn credentials_are_found_wherever_an_sdk_puts_them() {
        for (name, value) in [
            ("authorization", "Bearer k-1"),
            ("authorization", "bearer k-1"),
            ("x-api-key", "k-1"),
            ("api-key", "k-1"),
            ("x-goog-api-key", "k-1"),
        ] {
            let mut head = head("GET", "/v1/models");
            head.insert_header(name.to_owned(), value).unwrap();
            assert!(shown(&head).eq([&b"k-1"[..]]), "{name}");
        }
        assert!(shown(&head("GET", "/v1beta/models?alt=x&key=k%2D1")).eq([&b"k-1"[..]]));
        assert_eq!(shown(&head("GET", "/v1/models")).next(), None);
        let mut browser = head("GET", "/v1/realtime");
        let offered = "realtime, openai-insecure-api-key.k-1, openai-beta.realtime-v1";
        browser.insert_header("sec-websocket-protocol", offered).unwrap();
        assert!(shown(&browser).eq([&b"k-1"[..]]));
        assert_eq!(protocols(&browser).filter(|name| is_ours(name)).count(), 1);
        let mut both = head("GET", "/v1/models");
        both.insert_header("authorization", "Bearer k-1").unwrap();
        both.insert_header("x-api-key", "k-2").unwrap();
        assert!(shown(&both).eq([&b"k-1"[..], b"k-2"]));
    }
}
