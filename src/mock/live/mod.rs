//! Realtime sessions over `WebSocket`, in OpenAI's form and in Gemini's.
#![allow(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by key reads null where there is nothing; it cannot panic"
)]

mod gemini;
mod openai;
pub(super) mod opening;
mod socket;

use base64::Engine as _;
use ring::digest;

use super::World;
use super::dialect::Dialect;
use super::errors::Refusal;
use super::http::Request;
use super::play::{Act, Conn};
use crate::wire::percent;
use socket::Socket;

/// A session that is to be opened.
#[derive(Debug)]
pub(super) struct Opening {
    spoken: Dialect,
    model: String,
    /// Whether OpenAI's older words are spoken.
    preview: bool,
    transcribes: bool,
    /// The answer to the handshake.
    head: String,
}

/// Whether this is an address of a session.
pub(super) fn is_place(path: &str) -> bool {
    path.ends_with("/realtime") || path.ends_with("/realtime/translations") || is_gemini(path)
}

/// Whether it is one of Gemini's.
pub(super) fn is_gemini(path: &str) -> bool {
    path.contains("/ws/google.ai.generativelanguage.") && path.ends_with(".BidiGenerateContent")
}

/// Answers a handshake; `None` where the path is of no session.
pub(super) fn answer(request: &Request<'_>, path: &str, spoken: Dialect) -> Option<Result<Act, Refusal>> {
    (request.method == "GET" && is_place(path)).then(|| open(request, spoken))
}

fn open(request: &Request<'_>, spoken: Dialect) -> Result<Act, Refusal> {
    let is = |name: &str, word: &str| {
        let value = request.header(name).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let Some(key) = request.header("sec-websocket-key").filter(|_| {
        is("upgrade", "websocket") && is("connection", "upgrade") && is("sec-websocket-version", "13")
    }) else {
        return Err(Refusal::bad("Expected a WebSocket handshake.").coded("websocket_expected"));
    };
    let named = request.param("model").or_else(|| request.param("deployment")).unwrap_or_default();
    let model = percent::decode_text(named).into_owned();
    let without = request.param("call_id").is_some() || request.param("intent").is_some();
    if spoken != Dialect::Gemini && model.is_empty() && !without {
        return Err(Refusal::bad("You must provide a model parameter.").at("model").coded("missing_model"));
    }
    if spoken == Dialect::Azure && request.param("api-version").is_none() {
        return Err(Refusal::bad("Resource not found").with_status(404));
    }
    if model.contains("nowhere") {
        let refusal = Refusal::bad(format!("The model `{model}` does not exist."));
        return Err(refusal.with_status(404).coded("model_not_found"));
    }
    let offered = request.header("sec-websocket-protocol").unwrap_or_default();
    let preview = spoken == Dialect::Azure
        || request.header("openai-beta") == Some("realtime=v1")
        || offered.contains("openai-beta.realtime-v1");
    let chosen = offered.split(',').map(str::trim).find(|name| *name == "realtime");
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\nx-request-id: req_live\r\nset-cookie: __cf_bm=1\r\n",
        accept(key)
    );
    if let Some(chosen) = chosen {
        head.push_str("sec-websocket-protocol: ");
        head.push_str(chosen);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let transcribes = request.param("intent") == Some("transcription");
    Ok(Act::Open(Box::new(Opening { spoken, model, preview, transcribes, head })))
}

/// What proves that a handshake was understood (RFC 6455 §4.2.2).
fn accept(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hash.as_ref())
}

/// Speaks until somebody ends it.
pub(super) async fn serve(conn: &mut Conn, opening: Opening, world: &World) {
    let mut socket = Socket::new(conn);
    if socket.raw(opening.head.as_bytes()).await.is_err() {
        return;
    }
    // A client that is gone ends its session.
    let _ = match opening.spoken {
        Dialect::Gemini => gemini::talk(&mut socket, world).await,
        Dialect::OpenAi
        | Dialect::Azure
        | Dialect::Anthropic
        | Dialect::Bedrock
        | Dialect::Ollama
        | Dialect::Cohere => openai::talk(&mut socket, &opening, world).await,
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_handshake_is_proved_as_in_the_rules_own_example() {
        assert_eq!(super::accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
