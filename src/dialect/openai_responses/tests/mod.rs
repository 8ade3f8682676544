//! Rules of the codec that no recording shows.

mod answers;
mod requests;

use bytes::Bytes;
use http::HeaderMap;

use super::OpenaiResponses;
use crate::catalog::profile::Profile;
use crate::catalog::{Catalog, Quirks};
use crate::dialect::{Codec, Framing, Head, Malformed, Seed, StreamShape};
use crate::ir::{Dialect, Event, Losses, Request};
use crate::wire::sse;

fn parse(body: &str) -> Result<Request, Malformed> {
    let headers = HeaderMap::new();
    let head = Head { path: "/v1/responses", query: "", headers: &headers };
    OpenaiResponses.parse_request(&head, body.as_bytes())
}

fn profile(model: &str) -> Profile {
    Profile::of(Dialect::OpenaiResponses, &Quirks::OWN, model, Catalog::builtin().find("openai", model))
}

/// A request as a target of OpenAI's is told it, and what that lost.
fn said(request: &Request, model: &str) -> (String, String) {
    let mut losses = Losses::new();
    let rendered = OpenaiResponses.render_request(request, model, &profile(model), &mut losses);
    (String::from_utf8(rendered.body).unwrap(), losses.to_header())
}

fn seed(asked: &str) -> Seed {
    Seed {
        id: "0198c0ffee00".into(),
        created: 1_700_000_000,
        model: "made-up".into(),
        input_tokens: 0,
        asked: Bytes::copy_from_slice(asked.as_bytes()),
        kept: false,
    }
}

/// The names and data of the events that a client is told.
fn told(events: &[Event], losses: &mut Losses) -> Vec<(String, String)> {
    let shape = StreamShape { framing: Framing::Sse, usage: true };
    let mut renderer = OpenaiResponses.stream_renderer(&seed(""), shape);
    let mut out = Vec::new();
    for event in events {
        renderer.push(event, &mut out, losses);
    }
    let mut frames = Vec::new();
    let on = |frame: sse::Frame<'_>| {
        let name = frame.event.unwrap_or_default().to_owned();
        frames.push((name, String::from_utf8(frame.data.to_vec()).unwrap()));
    };
    sse::Parser::new(1 << 20).push(&out, on).unwrap();
    frames
}

/// The events that the data of an upstream's frames mean.
fn heard(frames: &[&str]) -> Vec<Event> {
    let mut parser = OpenaiResponses.stream_parser();
    let mut events = Vec::new();
    for frame in frames {
        parser.push(None, frame.as_bytes(), &mut events);
    }
    parser.finish(&mut events);
    events
}
