//! What is posted so that a session can be had elsewhere.

use bytes::Bytes;
use http::header;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::dialect::Live;
use crate::dialect::live::opening::{self, Opening, SESSION};
use crate::ir::Dialect;
use crate::proxy::arrival::admission;
use crate::proxy::arrival::ask::{self, Said};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::live::{self, Query};
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::{self, malformed};
use crate::proxy::departure::onward;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::wire::multipart::Reader;

/// Finds the targets and prepares the first attempt.
///
/// # Errors
/// When the body is not what it says it is, or nobody serves what is asked for.
pub(super) fn dispatch(
    shared: &Shared,
    session: &Session,
    exchange: &mut Exchange,
    opening: Opening,
    body: Bytes,
    share: Share,
) -> Result<(), Refusal> {
    let world = &exchange.world;
    let head = session.req_header();
    let query = Query::of(world, head.uri.query().unwrap_or(""));
    let told = query.told(head);
    let (form, described) = described(head, opening, &body)?;
    let model = match described {
        Some(model) => model,
        None => query.model.clone(),
    };
    let mut ask = read(head, &query, model, form, body);
    let chosen = match told {
        None if !ask.model.is_empty() => {
            let (names, wanted) = (world.discovered.load(), Asked::Opening(opening));
            ask::choose(world, &names, exchange.key.as_deref(), &head.headers, &wanted, &mut ask)?
        }
        told => {
            let chosen = live::at(world, Live::Openai, told.as_deref(), &ask.model)?;
            admission::allow(world, exchange.key.as_deref(), &chosen.known.provider, &ask.model)?;
            chosen
        }
    };
    // Where another provider is meant by an id alone, this one's name must follow its own.
    ask.owner = Some(live::owner(world, chosen.known.index)).filter(|_| matches!(opening, Opening::Call(_)));
    let barred = onward::barred(chosen.routing.as_deref(), chosen.place);
    let key = super::dispatch::key(shared, world, &ask, &chosen.known, barred);
    let attempt = attempt::opening(&ask, opening, chosen.known, key)?;
    let call = Call::new(ask, chosen.targets, chosen.place, attempt, share);
    let call = Call { routing: chosen.routing, ..call };
    exchange.stage = Stage::Away(Box::new(call));
    Ok(())
}

/// The form that a body may be, and the model that it names, if it does.
fn described(
    head: &RequestHeader,
    opening: Opening,
    body: &[u8],
) -> Result<(Option<Reader>, Option<String>), Refusal> {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if let Some(mut form) = Reader::of(kind) {
        form.advance(body).map_err(|flaw| {
            Refusal::new(Kind::InvalidRequest, format!("the body is not multipart/form-data: {flaw}"))
        })?;
        let part = form.field(SESSION).and_then(|part| body.get(part.value.clone()));
        let wrong =
            |_| Refusal::new(Kind::InvalidRequest, "the part \"session\" is not JSON").with_param(SESSION);
        let model = part.map(opening::model).transpose().map_err(wrong)?.flatten();
        return Ok((Some(form), model.map(|(model, _)| model)));
    }
    // An offer alone is no JSON, and a secret may be asked for with no words at all.
    if kind.starts_with("application/sdp") || body.is_empty() || matches!(opening, Opening::Call("realtime"))
    {
        return Ok((None, None));
    }
    Ok((None, opening::model(body).map_err(malformed)?.map(|(model, _)| model)))
}

fn read(head: &RequestHeader, query: &Query, model: String, form: Option<Reader>, body: Bytes) -> Ask {
    let Said { strict, mut carried, attribution, .. } = ask::read_headers(&head.headers);
    for name in ["content-type", "openai-safety-identifier"] {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        carried.extend(value.map(|value| (name, value.to_owned())));
    }
    Ask {
        body,
        form,
        unsized_body: !head.headers.contains_key(header::CONTENT_LENGTH),
        strict,
        carried,
        attribution,
        ..Ask::new(Dialect::OpenaiChat, head.uri.path().to_owned(), query.rest.clone(), model)
    }
}
