//! Requests that are forms of several parts: sound to be written down, pictures to be changed.
//!
//! Only the model's part is looked for. Where it comes early in a large form, the rest is not read
//! but goes through; where it comes late, or the form is small, the form is held whole, within the
//! same bounds as any other body.

use std::borrow::Cow;
use std::sync::Arc;

use http::header;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use crate::account::Attribution;
use crate::dialect::Relayed;
use crate::ir::Dialect;
use crate::proxy::arrival::address;
use crate::proxy::arrival::ask::{self, Said};
use crate::proxy::arrival::asked::Asked;
use crate::proxy::arrival::body::Taken;
use crate::proxy::arrival::dispatch::key;
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt;
use crate::proxy::departure::onward;
use crate::proxy::departure::upload::Upload;
use crate::proxy::exchange::{Ask, Call, Exchange, Stage};
use crate::proxy::shared::Shared;
use crate::refusal::{Kind, Refusal};
use crate::wire::multipart::{Flaw, Reader};

/// A reader of the request's form, where it is one and may be.
pub(super) fn reader(asked: &Asked, head: &RequestHeader) -> Option<Reader> {
    let Asked::Relay(_) = asked else { return None };
    Reader::of(head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

/// Whether enough of a form came to know where it goes.
pub(super) fn is_enough(form: &mut Reader, came: &[u8]) -> bool {
    form.advance(came).is_ok() && form.field("model").is_some()
}

/// Finds the targets and prepares the first attempt.
///
/// # Errors
/// When the body is no form, or names no model that somebody serves.
pub(super) fn dispatch(
    shared: &Shared,
    session: &Session,
    exchange: &mut Exchange,
    relayed: Relayed,
    mut form: Reader,
    taken: Taken,
    share: Share,
) -> Result<(), Refusal> {
    let Taken { body, rest } = taken;
    form.advance(&body).map_err(malformed)?;
    let head = session.req_header();
    let text = |name: &str| {
        let part = form.field(name)?;
        Some(std::str::from_utf8(body.get(part.value.clone())?).ok()?.trim().to_owned())
    };
    let named = text("model").filter(|model| !model.is_empty());
    let model = address::deployment(head.uri.path())
        .or(named)
        .or_else(|| relayed.usual_model().map(str::to_owned))
        .ok_or_else(|| {
            let message = "the form has no part \"model\", or an empty one";
            Refusal::new(Kind::InvalidRequest, message).with_param("model")
        })?;
    let said = ask::read_headers(&head.headers);
    let times = said.times()?;
    let Said { strict, mut carried, attribution, priority, .. } = said;
    let attribution = Attribution::with_user(attribution, text("user").as_deref());
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    carried.extend(kind.map(|kind| ("content-type", kind.to_owned())));
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or("").to_owned());
    let mut ask = Ask {
        unsized_body: !head.headers.contains_key(header::CONTENT_LENGTH),
        stream: text("stream").is_some_and(|stream| stream.eq_ignore_ascii_case("true")),
        strict,
        assumed: relayed.assumed(|name| text(name).map(Cow::Owned), |name| text(name)?.parse().ok()),
        attribution,
        carried,
        form: Some(form),
        times,
        priority,
        rest,
        body,
        ..Ask::new(Dialect::OpenaiChat, path, query, model)
    };
    let world = &exchange.world;
    let chosen = ask::choose(
        world,
        &world.discovered.load(),
        exchange.key.as_deref(),
        &head.headers,
        &Asked::Relay(relayed),
        &mut ask,
    )?;
    let world = Arc::clone(world);
    exchange.wait_for(chosen.routing.as_ref().and_then(|routing| routing.way.times.as_ref()), &ask.times);
    let barred = onward::barred(chosen.routing.as_deref(), chosen.place);
    let key = key(shared, &world, &ask, &chosen.known, barred);
    let attempt = attempt::form(&ask, relayed, chosen.known, key)?;
    let upload = if rest > 0 { Upload::streamed(attempt.body.clone()) } else { Upload::Held };
    let call = Call::new(ask, chosen.targets, chosen.place, attempt, share);
    let call = Call { upload, routing: chosen.routing, ..call };
    exchange.stage = Stage::Away(Box::new(call));
    Ok(())
}

fn malformed(flaw: Flaw) -> Refusal {
    Refusal::new(Kind::InvalidRequest, format!("the body is not multipart/form-data: {flaw}"))
}
