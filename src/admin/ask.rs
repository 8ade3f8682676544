//! What somebody asks of the operator's listener.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use pingora::protocols::http::ServerSession;

use crate::admin::refused::Refused;
use crate::proxy::bytes_held::Share;
use crate::wire::percent;

/// So many are told of at a time.
const MOST: u32 = 1000;

/// A request as it came; its body is empty until it is read.
#[derive(Debug, Clone)]
pub struct Ask {
    /// How it asks.
    pub method: Method,
    /// The path, as it was written.
    pub path: String,
    /// The query, as it was written.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// Where it comes from, if that is known.
    pub address: Option<IpAddr>,
    /// The body.
    pub body: Bytes,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than may be read.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
    /// Its client is gone, or takes too long.
    Gone,
}

impl Ask {
    /// The request that this session has read.
    #[must_use]
    pub fn of(session: &ServerSession) -> Self {
        let head = session.req_header();
        let address =
            session.client_addr().and_then(|address| address.as_inet()).map(std::net::SocketAddr::ip);
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            address,
            body: Bytes::new(),
        }
    }

    /// Reads the body, of at most so many bytes. It takes its share of what all bodies together may
    /// hold.
    ///
    /// # Errors
    /// When it is larger, there is no room for it, or it does not come.
    pub async fn read(
        &mut self,
        session: &mut ServerSession,
        most: usize,
        (share, room): (&mut Share, usize),
    ) -> Result<(), Unread> {
        let stated = self.header("content-length").and_then(|length| length.parse::<usize>().ok());
        if stated.is_some_and(|length| length > most) {
            return Err(Unread::TooLarge);
        }
        let mut body = BytesMut::new();
        while let Some(piece) = session.read_request_body().await.map_err(|_| Unread::Gone)? {
            if body.len() + piece.len() > most {
                return Err(Unread::TooLarge);
            }
            if !share.grow(piece.len(), room) {
                return Err(Unread::NoRoom);
            }
            body.extend_from_slice(&piece);
        }
        self.body = body.freeze();
        Ok(())
    }

    /// A header's value, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The values of a parameter of the query, in their order; empty ones count as not there.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let own = pairs.filter(move |(key, _)| of_form(key) == name).map(|(_, value)| of_form(value));
        own.filter(|value| !value.is_empty())
    }

    /// The last value of a parameter of the query.
    #[must_use]
    pub fn param<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        self.all(name).last()
    }

    /// The names in the query.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| of_form(pair.split_once('=').map_or(pair, |(name, _)| name)))
    }

    /// Whether a parameter of the query says yes.
    ///
    /// # Errors
    /// When it says neither yes nor no.
    pub fn flag(&self, name: &str) -> Result<bool, Refused> {
        match self.param(name).as_deref() {
            None | Some("false" | "no" | "0") => Ok(false),
            Some("true" | "yes" | "1") => Ok(true),
            Some(_) => Err(Refused::invalid(name, "expected true or false")),
        }
    }

    /// How many are asked for at a time.
    ///
    /// # Errors
    /// When that is no number, or too many.
    pub fn limit(&self, usual: u32) -> Result<u32, Refused> {
        let Some(text) = self.param("limit") else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
        number.ok_or_else(|| Refused::invalid("limit", format!("expected a number from 1 to {MOST}")))
    }
}

/// A name or a value of a query, where a plus is a space, as forms have it.
fn of_form(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        return percent::decode_text(&text.replace('+', " ")).into_owned().into();
    }
    percent::decode_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str) -> Ask {
        Ask {
            method: Method::GET,
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            address: None,
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_parameter_is_read_as_forms_write_it() {
        let ask = ask("owner=acme%2Fsearch&owner=b+c&empty=&%6dodel=x&broken=%zz%e");
        assert_eq!(ask.all("owner").collect::<Vec<_>>(), ["acme/search", "b c"]);
        assert_eq!(ask.param("owner").as_deref(), Some("b c"));
        assert_eq!((ask.param("empty"), ask.param("nothing")), (None, None));
        assert_eq!(ask.param("model").as_deref(), Some("x"));
        assert_eq!(ask.param("broken").as_deref(), Some("%zz%e"));
    }
}
