//! AWS Signature Version 4 over one whole request, as every service but S3 reads it.
//!
//! The rule is AWS's "Create a signed AWS API request" (seen November 2026); the tests hold it to
//! the vectors that AWS publishes.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use ring::{digest, hmac};

use crate::units::{Secret, civil};
use crate::wire::percent;

/// The name of the method, as the header says it.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a request is signed with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Keys {
    /// The id of the access key.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret_key: Secret,
    /// What short-lived keys must show beside their signature; empty for lasting ones.
    pub session_token: Secret,
}

/// Where a signature counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The region, such as `eu-central-1`.
    pub region: &'a str,
    /// The service's name in signatures, such as `bedrock`.
    pub service: &'a str,
}

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a str,
    /// The path and query as they go over the wire.
    pub target: &'a str,
    /// The headers to sign, `host` among them, with lower-case names.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The headers that a signed request carries beside those in `head`: `x-amz-date`,
/// `x-amz-security-token` where there is one, and `authorization`.
///
/// `body_hash` is what [`hash`] gives for the body, `now` is in seconds since 1970.
#[must_use]
pub fn sign(
    head: &Head<'_>,
    body_hash: &str,
    keys: &Keys,
    scope: Scope<'_>,
    now: u64,
) -> Vec<(&'static str, String)> {
    let date = timestamp(now);
    let day = date.get(..8).unwrap_or_default();
    let mut headers = head.headers.to_vec();
    headers.push(("x-amz-date", &date));
    if !keys.session_token.is_empty() {
        headers.push(("x-amz-security-token", keys.session_token.expose()));
    }
    let (lines, names) = canonical_headers(&mut headers);
    let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
    let request = [head.method, &canonical_path(path), &canonical_query(query), &lines, &names, body_hash];
    let Scope { region, service } = scope;
    let credential = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{date}\n{credential}\n{}", hash(request.join("\n").as_bytes()));
    let mut key = hmac_sha256(format!("AWS4{}", keys.secret_key.expose()).as_bytes(), day);
    for part in [region, service, "aws4_request", &text] {
        key = hmac_sha256(key.as_ref(), part);
    }
    let authorization = format!(
        "{ALGORITHM} Credential={}/{credential}, SignedHeaders={names}, Signature={}",
        keys.access_key,
        hex(key.as_ref())
    );
    let mut signed = vec![("authorization", authorization), ("x-amz-date", date)];
    if !keys.session_token.is_empty() {
        signed.push(("x-amz-security-token", keys.session_token.expose().to_owned()));
    }
    signed
}

/// The SHA-256 of a body in lower-case hexadecimal.
#[must_use]
pub fn hash(body: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, body).as_ref())
}

fn hmac_sha256(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20150830T123600Z`.
fn timestamp(now: u64) -> String {
    let text = civil::rfc3339(now);
    text.chars().filter(|letter| !matches!(letter, '-' | ':')).collect()
}

/// The headers as lines in the order of their names, and those names.
fn canonical_headers(headers: &mut [(&str, &str)]) -> (String, String) {
    headers.sort_by_key(|(name, _)| *name);
    let (mut lines, mut names) = (String::new(), String::new());
    let mut last = "";
    for (name, value) in headers.iter() {
        let words = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        if *name == last {
            lines.pop();
            lines.extend([",", &words, "\n"]);
            continue;
        }
        lines.extend([name, ":", &words, "\n"]);
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
        last = name;
    }
    (lines, names)
}

/// The path without steps that lead nowhere, and encoded once more than on the wire.
fn canonical_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut out = String::with_capacity(path.len() + 16);
    for part in &parts {
        out.push('/');
        encode(&mut out, part.as_bytes());
    }
    if parts.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    out
}

/// The pairs of the query in the order of their encoded names.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let [name, value] = [name, value].map(|text| {
            let mut out = String::with_capacity(text.len());
            encode(&mut out, &percent::decode(text));
            out
        });
        pairs.push((name, value));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Everything but letters, digits, `-`, `.`, `_` and `~` is encoded.
pub(super) fn encode(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
