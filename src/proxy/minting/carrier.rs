//! Carries requests for credentials to where they are lent, and reads the files beside them.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;

use crate::provider::auth::{Answer, Errand};
use crate::proxy::departure::resolve::Resolver;

/// An answer must be here by then.
const PATIENCE: Duration = Duration::from_secs(8);
/// A connection must stand by then; what a machine has of its own is near.
const CONNECT: Duration = Duration::from_secs(4);
/// An answer may be this large, and so may a file.
const LARGEST: usize = 1 << 20;

/// Carries requests for one credential.
pub(in crate::proxy) struct Carrier<'a> {
    resolver: &'a Resolver,
    /// It holds every root certificate, so it is made for a source that needs it and then dropped.
    connector: OnceLock<Connector>,
}

impl<'a> Carrier<'a> {
    pub(in crate::proxy) fn new(resolver: &'a Resolver) -> Self {
        Self { resolver, connector: OnceLock::new() }
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no answer, naming the host.
    pub(in crate::proxy) async fn ask(&self, errand: &Errand) -> Result<Answer, String> {
        let host = errand.base.authority();
        match tokio::time::timeout(PATIENCE, self.exchange(errand)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(format!("{host} could not be asked: {why}")),
            Err(_) => Err(format!("{host} did not answer in time")),
        }
    }

    async fn exchange(&self, errand: &Errand) -> Result<Answer, &'static str> {
        const BROKEN: &str = "it broke off the connection";
        let base = &errand.base;
        let address = self.resolver.address(&base.host, base.port).await.ok_or("no such host is known")?;
        let mut peer = HttpPeer::new(address, base.tls, base.host.clone());
        peer.options.connection_timeout = Some(CONNECT);
        peer.options.total_connection_timeout = Some(CONNECT);
        peer.options.read_timeout = Some(PATIENCE);
        let connector = self.connector.get_or_init(|| Connector::new(None));
        let session = connector.get_http_session(&peer).await;
        let (mut session, _) = session.map_err(|_| "it could not be reached")?;
        let head = head(errand).map_err(|_| "the request is malformed")?;
        session.write_request_header(Box::new(head)).await.map_err(|_| BROKEN)?;
        if !errand.body.is_empty() {
            let body = Bytes::copy_from_slice(errand.body.as_bytes());
            session.write_request_body(body, true).await.map_err(|_| BROKEN)?;
        }
        session.finish_request_body().await.map_err(|_| BROKEN)?;
        session.read_response_header().await.map_err(|_| BROKEN)?;
        let status = session.response_header().ok_or(BROKEN)?.status.as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = session.read_response_body().await.map_err(|_| BROKEN)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err("its answer is too large");
            }
        }
        Ok(Answer { status, body })
    }
}

fn head(errand: &Errand) -> pingora::Result<RequestHeader> {
    const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let mut head = RequestHeader::build(errand.method, errand.target.as_bytes(), Some(8))?;
    head.insert_header("host", errand.base.authority())?;
    head.insert_header("user-agent", AGENT)?;
    head.insert_header("accept-encoding", "identity")?;
    for (name, value) in &errand.headers {
        head.insert_header(*name, value)?;
    }
    if errand.method != "GET" {
        head.insert_header("content-length", errand.body.len())?;
    }
    Ok(head)
}

/// The text of a file that holds a token or a key.
///
/// # Errors
/// Why it cannot be read, naming it.
pub(super) fn read(path: &str) -> Result<String, String> {
    find(path)?.ok_or_else(|| format!("there is no file {path}"))
}

/// The same, with nothing for a file that is not there.
///
/// # Errors
/// Why it cannot be read, naming it.
pub(super) fn find(path: &str) -> Result<Option<String>, String> {
    let length = match std::fs::metadata(path) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("the file {path} cannot be read: {}", error.kind())),
    };
    if usize::try_from(length).is_ok_and(|length| length > LARGEST) {
        return Err(format!("the file {path} is too large for what it should hold"));
    }
    let text = std::fs::read_to_string(path);
    text.map(Some).map_err(|error| format!("the file {path} cannot be read: {}", error.kind()))
}
