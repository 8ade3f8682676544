//! An attempt at a realtime session, or at what opens one elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::{Attempt, Mode, malformed};
use crate::dialect::Live;
use crate::dialect::live::{Opening, opening};
use crate::provider::url::{self, Protocol, Wanted};
use crate::proxy::departure::targets::Known;
use crate::proxy::departure::tunnel::Tunnel;
use crate::proxy::exchange::Ask;
use crate::proxy::relay::Find;
use crate::refusal::{Kind, Refusal};
use crate::wire::multipart::Reader;

/// Prepares an attempt to open a session.
///
/// # Errors
/// When the target has none.
pub fn live(ask: &Ask, tunnel: &Tunnel, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let path = match tunnel.live {
        Some(Live::Gemini) => Some(url::live::gemini(&known.base, &ask.path, &ask.query)),
        Some(Live::Openai) | None => {
            let (protocol, place) = (&tunnel.protocol, ask.path.as_str());
            known.realtime(Wanted { protocol, place, model: &known.model, rest: &ask.query })
        }
    };
    let Some(path) = path else {
        let message = format!("{} has no realtime sessions", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut headers = ask.carried.clone();
    // Azure's clients say it by the address.
    if tunnel.protocol != Protocol::Current && !headers.iter().any(|(name, _)| *name == "openai-beta") {
        headers.push(("openai-beta", "realtime=v1".to_owned()));
    }
    let attempt = Attempt::posted(known, key, path, Bytes::new(), Mode::Relay(Find::Any));
    Ok(Attempt { method: Method::GET, headers, ..attempt })
}

/// Prepares an attempt to have a session opened elsewhere.
///
/// # Errors
/// When the target has no sessions, or the model cannot be named in the client's words.
pub fn opening(ask: &Ask, opening: Opening, known: Arc<Known>, key: usize) -> Result<Attempt, Refusal> {
    let body = described(ask, &known)?;
    let in_query = ask.form.is_none() && matches!(opening, Opening::Call(_));
    let model = if in_query { &*known.model } else { "" };
    let wanted = Wanted { protocol: &Protocol::Current, place: opening.place(), model, rest: &ask.query };
    let Some(path) = known.realtime(wanted) else {
        let message = format!("{} has no realtime sessions", known.provider);
        return Err(Refusal::new(Kind::InvalidRequest, message).with_param("model"));
    };
    let mut headers = ask.carried.clone();
    headers.push(("accept", "*/*".to_owned()));
    let mode = Mode::Relay(Find::Any);
    Ok(Attempt { headers, ..Attempt::posted(known, key, path, body, mode) })
}

/// What describes a session, with the target's name of the model where it names one.
fn described(ask: &Ask, known: &Known) -> Result<Bytes, Refusal> {
    if ask.model == *known.model || ask.model.is_empty() {
        return Ok(ask.body.clone());
    }
    let part = ask.form.as_ref().and_then(|form| form.field(opening::SESSION));
    let place = part.map_or(0..ask.body.len(), |part| part.value.clone());
    let description = ask.body.get(place).unwrap_or_default();
    let Ok(Some((_, path))) = opening::model(description) else { return Ok(ask.body.clone()) };
    let said = opening::renamed(description, path, &known.model).map_err(malformed)?;
    Ok(match part {
        Some(part) => Reader::replaced(&ask.body, part, &String::from_utf8_lossy(&said)).into(),
        None => said.into(),
    })
}
