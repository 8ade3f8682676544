//! Forms of several parts, taken apart the plain way: split at every boundary.

use serde_json::{Map, Value};

use crate::mock::errors::Refusal;
use crate::mock::http::Request;

/// The names of a form's files, and their bytes.
pub(in crate::mock) type Files = Vec<(String, Vec<u8>)>;

/// The text fields of a form as JSON strings, and its files: name and size.
pub(in crate::mock) fn read(request: &Request<'_>) -> Result<(Value, Vec<(String, usize)>), Refusal> {
    let (fields, files) = read_whole(request)?;
    Ok((fields, files.into_iter().map(|(name, bytes)| (name, bytes.len())).collect()))
}

/// The same, with the files' bytes.
pub(in crate::mock) fn read_whole(request: &Request<'_>) -> Result<(Value, Files), Refusal> {
    let bad = || Refusal::bad("Could not parse multipart form");
    let kind = request.header("content-type").unwrap_or_default();
    let (_, boundary) = kind.split_once("boundary=").ok_or_else(bad)?;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let body: Vec<u8> = [b"\r\n", request.body].concat();
    let pieces = split(&body, format!("\r\n{delimiter}").as_bytes());
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Err(bad()) };
    if !first.is_empty() || !last.starts_with(b"--") {
        return Err(bad());
    }
    let (mut fields, mut files) = (Map::new(), Vec::new());
    for piece in pieces.get(1..pieces.len() - 1).unwrap_or_default() {
        let mut halves = split(piece, b"\r\n\r\n").into_iter();
        let head = String::from_utf8_lossy(halves.next().unwrap_or_default()).into_owned();
        let value = piece.get(head.len() + 4..).ok_or_else(bad)?;
        let name = head.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or_else(bad)?;
        if head.contains("filename") {
            files.push((name.to_owned(), value.to_vec()));
        } else {
            fields.insert(name.to_owned(), String::from_utf8_lossy(value).into_owned().into());
        }
    }
    Ok((fields.into(), files))
}

fn split<'b>(mut body: &'b [u8], at: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    while let Some(found) = memchr::memmem::find(body, at) {
        pieces.push(body.get(..found).unwrap_or_default());
        body = body.get(found + at.len()..).unwrap_or_default();
    }
    pieces.push(body);
    pieces
}
