//! Pictures and documents behind addresses, got for targets that do not go there themselves.
//!
//! A client decides where this goes, so it goes to what is out in the open alone: what a name leads to
//! is judged after it was looked up, that very address is connected to, and each redirect is judged
//! likewise. Everything is bounded: how many, how large, how long, and by the budget of bytes held.

pub mod public;
mod web;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;
use tokio::time::timeout;

use crate::clock;
use crate::ir::Dialect;
use crate::ir::addressed::{Addressed, Fetched, Medium};
use crate::proxy::bytes_held::Share;
use crate::proxy::departure;
use crate::proxy::departure::resolve::Resolver;
use crate::proxy::exchange::Exchange;
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::snapshot::FetchImages;

use web::{Address, type_of};

/// So many redirects are followed.
const MOST_HOPS: usize = 3;

/// What gets them. It holds every root certificate, so it is made when it is first needed.
#[derive(Default)]
pub struct Fetcher {
    connector: OnceLock<Connector>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}

/// Gets what the next attempt is to send and does not have, and prepares that attempt with it.
///
/// # Errors
/// Why something cannot be had, or the request not be said with it.
pub async fn provide(shared: &Shared, exchange: &mut Exchange) -> Result<(), Refusal> {
    let world = Arc::clone(&exchange.world);
    let rules = &world.fetch_images;
    let most = world.downstream.held.as_usize();
    let deadline = exchange.deadline;
    let Some(call) = exchange.call() else { return Ok(()) };
    let wanted = std::mem::take(&mut call.ask.wants);
    let field = field(call.ask.dialect);
    let bad = |message: String| Refusal::new(Kind::InvalidRequest, message).with_param(field);
    if call.ask.fetched.len() + wanted.len() > rules.count as usize {
        return Err(bad(format!("the request holds more than {} addresses of pictures to get", rules.count)));
    }
    for Addressed { url, medium, times } in wanted {
        let visit = Visit { fetcher: &shared.fetcher, rules, most, times };
        let left = deadline.saturating_duration_since(clock::now());
        let got = match timeout(rules.timeout.min(left), visit.get(&url, &mut call.share)).await {
            Ok(got) => got,
            Err(_) => Err("it did not come in time".to_owned()),
        };
        let got = got.and_then(|bytes| fetched(url.clone(), medium, &bytes));
        match got {
            Ok(got) => call.ask.fetched.push(got),
            Err(why) => {
                let host = Address::parse(&url).map(|address| address.base.host).unwrap_or_default();
                let what = match medium {
                    Medium::Image => "picture",
                    Medium::Document => "document",
                };
                return Err(bad(format!("the {what} at {host} cannot be got: {why}")));
            }
        }
    }
    departure::prepare_anew(exchange)
}

fn fetched(url: String, medium: Medium, got: &Got) -> Result<Fetched, String> {
    let media_type = type_of(&got.body, got.content_type.as_deref(), medium)?;
    Ok(Fetched { url, media_type, base64: STANDARD.encode(&got.body) })
}

/// What the client calls the field that names an address.
const fn field(client: Dialect) -> &'static str {
    match client {
        Dialect::OpenaiChat | Dialect::OpenaiCompletions | Dialect::CohereChat => {
            "messages.content.image_url"
        }
        Dialect::OpenaiResponses => "input.content.image_url",
        Dialect::AnthropicMessages => "messages.content.source.url",
        Dialect::GeminiGenerate => "contents.parts.fileData.fileUri",
        Dialect::BedrockConverse => "messages.content.source",
        Dialect::OllamaChat | Dialect::OllamaGenerate => "messages.images",
    }
}

/// What an address answered with.
struct Got {
    body: Vec<u8>,
    content_type: Option<String>,
}

/// One visit to an address, and to where it leads.
struct Visit<'a> {
    fetcher: &'a Fetcher,
    rules: &'a FetchImages,
    /// How many bytes may be held in all.
    most: usize,
    /// How many blocks of the request are filled with what is got.
    times: usize,
}

/// What an address answers.
enum Said {
    Here(Got),
    Elsewhere(Address),
}

impl Visit<'_> {
    async fn get(&self, url: &str, share: &mut Share) -> Result<Got, String> {
        let mut address = Address::parse(url)?;
        for _ in 0..=MOST_HOPS {
            match self.ask(&address, share).await? {
                Said::Here(got) => return Ok(got),
                Said::Elsewhere(next) => address = next,
            }
        }
        Err("it redirects too often".to_owned())
    }

    async fn ask(&self, address: &Address, share: &mut Share) -> Result<Said, String> {
        const BROKEN: &str = "the connection broke off";
        let base = &address.base;
        if !base.tls && !self.rules.http {
            return Err("only https is gone to".to_owned());
        }
        let found = Resolver::once(&base.host).await;
        let open = found.iter().find(|ip| self.rules.private || public::is_public(**ip));
        let ip = *open.ok_or(if found.is_empty() {
            "there is no such host"
        } else {
            "its address is not a public one"
        })?;
        let mut peer = HttpPeer::new(SocketAddr::new(ip, base.port), base.tls, base.host.clone());
        peer.options.connection_timeout = Some(self.rules.timeout);
        peer.options.total_connection_timeout = Some(self.rules.timeout);
        peer.options.read_timeout = Some(self.rules.timeout);
        let connector = self.fetcher.connector.get_or_init(|| Connector::new(None));
        let session = connector.get_http_session(&peer).await;
        let (mut session, _) = session.map_err(|_| "it cannot be reached")?;
        let head = head(address).map_err(|_| "its address is none")?;
        session.write_request_header(Box::new(head)).await.map_err(|_| BROKEN)?;
        session.finish_request_body().await.map_err(|_| BROKEN)?;
        session.read_response_header().await.map_err(|_| BROKEN)?;
        let head = session.response_header().ok_or(BROKEN)?;
        let status = head.status.as_u16();
        let text =
            |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            let location = text("location").ok_or("it redirects to nowhere")?;
            return address.follow(&location).map(Said::Elsewhere);
        }
        if status != 200 {
            return Err(format!("it answered with status {status}"));
        }
        let content_type = text("content-type");
        let length = text("content-length").and_then(|length| length.parse::<usize>().ok());
        let limit = self.rules.size.as_usize();
        let too_large = || format!("it is larger than {}", self.rules.size);
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        // Not as large as a stranger says before there is room for it.
        let mut body = Vec::new();
        while let Some(chunk) = session.read_response_body().await.map_err(|_| BROKEN)? {
            self.take(&chunk, share)?;
            body.extend_from_slice(&chunk);
            if body.len() > limit {
                return Err(too_large());
            }
        }
        Ok(Said::Here(Got { body, content_type }))
    }

    /// Holds a piece, and what it grows to: its base64, which is kept, put into each block that names
    /// it, and said in the body.
    fn take(&self, chunk: &Bytes, share: &mut Share) -> Result<(), String> {
        let said = chunk.len().saturating_mul(self.times.saturating_mul(3).saturating_add(2));
        if share.grow(said, self.most) { Ok(()) } else { Err("there is no room for it now".to_owned()) }
    }
}

fn head(address: &Address) -> pingora::Result<RequestHeader> {
    const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let mut head = RequestHeader::build("GET", address.target.as_bytes(), Some(4))?;
    head.insert_header("host", address.base.authority())?;
    head.insert_header("user-agent", AGENT)?;
    head.insert_header("accept", "image/*, application/pdf;q=0.9, */*;q=0.1")?;
    head.insert_header("accept-encoding", "identity")?;
    Ok(head)
}
