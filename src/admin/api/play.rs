//! The playground: asks the client listener of this process, and hands its answer on as it comes.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
};
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;
use pingora::protocols::http::client::HttpSession;
use tokio::sync::mpsc;

use super::{Call, Outcome};
use crate::admin::answer::{Answer, Cut, Piece};
use crate::admin::refused::Refused;

/// The header with the key to ask with.
const KEY: &str = "x-tollgate-play-key";

/// So many pieces of an answer wait for a page that reads slowly.
const AHEAD: usize = 16;

/// The longest silence of the client listener, which has bounds of its own that are shorter.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What asks the client listener, made when somebody first plays.
#[derive(Default)]
pub(in crate::admin) struct Player {
    connector: OnceLock<Connector>,
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Player")
    }
}

pub(super) async fn play(call: &Call<'_>) -> Outcome {
    let own = call.admin.shared.background.own();
    let own = own.ok_or_else(|| Refused::unavailable("nobody knows where the client listener is"))?;
    let head = head(call, &own.to_string()).map_err(|error| Refused::malformed(error.to_string()))?;
    let mut peer = HttpPeer::new(own, false, String::new());
    peer.options.connection_timeout = Some(Duration::from_secs(5));
    peer.options.read_timeout = Some(PATIENCE);
    let unreachable = |error: Box<pingora::Error>| {
        Refused::unavailable(format!("the client listener does not answer: {}", error.etype().as_str()))
    };
    let connector = call.admin.player.connector.get_or_init(|| Connector::new(None));
    let (mut session, _) = connector.get_http_session(&peer).await.map_err(unreachable)?;
    session.set_read_timeout(Some(PATIENCE));
    session.write_request_header(Box::new(head)).await.map_err(unreachable)?;
    session.write_request_body(call.ask.body.clone(), true).await.map_err(unreachable)?;
    session.finish_request_body().await.map_err(unreachable)?;
    session.read_response_header().await.map_err(unreachable)?;
    let Some(said) = session.response_header() else {
        return Err(Refused::unavailable("the client listener answered nothing"));
    };
    let status = said.status.as_u16();
    let headers = passed(&said.headers);
    let (pieces, waiting) = mpsc::channel(AHEAD);
    tokio::spawn(pump(session, pieces));
    let mut answer = Answer::pieces(status, "application/json", waiting);
    for (name, value) in headers {
        answer = answer.with_value(name, value);
    }
    Ok(answer)
}

/// Hands the body on until it ends or breaks off, or nobody waits for it any more.
async fn pump(mut session: HttpSession, pieces: mpsc::Sender<Piece>) {
    loop {
        let piece = tokio::select! {
            piece = session.read_response_body() => piece,
            () = pieces.closed() => break,
        };
        let piece = match piece {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => break,
            Err(_) => Err(Cut),
        };
        let goes_on = piece.is_ok();
        if pieces.send(piece).await.is_err() || !goes_on {
            break;
        }
    }
    session.shutdown().await;
}

/// The head as a client would send it, with the key of the page's own header.
fn head(call: &Call<'_>, host: &str) -> pingora::Result<RequestHeader> {
    let ask = call.ask;
    let query = if ask.query.is_empty() { String::new() } else { format!("?{}", ask.query) };
    let path = format!("/{}{query}", call.name);
    let mut head = RequestHeader::build(ask.method.clone(), path.as_bytes(), None)?;
    head.insert_header(HOST, host)?;
    for (name, value) in &ask.headers {
        let said = name.as_str();
        let is_ours = said == KEY || said == "x-tollgate-csrf";
        let passes = matches!(*name, ACCEPT | CONTENT_TYPE) || said.starts_with("anthropic-");
        if passes || (said.starts_with("x-tollgate-") && !is_ours) {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if let Some((name, value)) = ask.address.map(|address| call.admin.shared.background.speaks_for(address)) {
        head.insert_header(name, value)?;
    }
    if let Some(key) = ask.header(KEY) {
        head.insert_header(AUTHORIZATION, format!("Bearer {}", key.trim()))?;
    }
    head.insert_header(CONTENT_LENGTH, ask.body.len())?;
    Ok(head)
}

/// The headers of an answer that concern the page: what it is, and what the gateway says of it.
fn passed(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let passes = |name: &HeaderName| {
        let said = name.as_str();
        let starts =
            ["x-tollgate-", "x-ratelimit-", "anthropic-"].iter().any(|start| said.starts_with(start));
        starts || matches!(said, "content-type" | "x-request-id" | "retry-after")
    };
    headers
        .iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
