//! What is asked and answered in one request, taken along where its route or key wants bodies logged, or
//! where an operator wants it in traces.

use std::sync::Arc;

use bytes::Bytes;

use crate::account::Said;
use crate::account::trace::Words;
use crate::clock;
use crate::ir::Dialect;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::bytes_held::Share;
use crate::proxy::exchange::{Ask, Exchange};
use crate::proxy::shared::Shared;
use crate::store::ledger::bodies::Bodies;
use crate::telemetry::Tracing;

/// What was asked and answered so far.
#[derive(Debug)]
pub struct Transcript {
    request: Said,
    response: Said,
    /// So many bytes of each.
    most: usize,
    /// So many of them are logged, where they are.
    logged: Option<usize>,
    /// What is told in a trace, where it is.
    told: Option<Told>,
    share: Share,
    /// The bytes that may be held at one time.
    held: usize,
}

/// What a trace needs to know of a request whose words it tells.
#[derive(Debug)]
struct Told {
    dialect: Dialect,
    streamed: bool,
    asked: Bytes,
}

/// Begins to take along what is said, where that is wanted. What guards have masked is masked here, and what
/// opens a session or goes through unread is never taken along: there may be secrets in it.
pub fn begin(shared: &Shared, exchange: &mut Exchange, asked: &Asked, ask: &Ask) {
    let world = &exchange.world;
    let logged = is_logged(exchange, asked, ask).then_some(world.bodies.most);
    let settings = exchange.tracing().map(Tracing::settings).filter(|settings| settings.content);
    let followed = settings.filter(|_| {
        exchange.trace.as_ref().is_some_and(|trace| trace.noted) && matches!(asked, Asked::Chat { .. })
    });
    // Words about what is said take more room than what is said.
    let told = followed.map(|settings| settings.content_limit.as_usize().saturating_mul(4));
    let Some(most) = logged.max(told) else { return };
    let mut transcript = Transcript {
        request: Said::default(),
        response: Said::default(),
        most,
        logged,
        told: told.map(|_| Told { dialect: ask.dialect, streamed: ask.stream, asked: ask.body.clone() }),
        share: shared.held.share(),
        held: world.downstream.held.as_usize(),
    };
    if logged.is_some() {
        transcript.take(Side::Request, &ask.body);
        if ask.rest > 0 {
            transcript.request.cut();
        }
    }
    exchange.transcript = Some(Box::new(transcript));
}

fn is_logged(exchange: &Exchange, asked: &Asked, ask: &Ask) -> bool {
    let own = exchange.key.as_ref().and_then(|key| key.log_bodies);
    let portion = exchange.world.bodies.portion(&ask.model, own);
    let is_read =
        matches!(asked, Asked::Chat { .. } | Asked::Embed { .. } | Asked::Rerank(_) | Asked::Relay(_));
    if portion == 0 || !is_read || exchange.telemetry().bodies().is_none() {
        return false;
    }
    portion >= 100 || clock::random() % 100 < portion.into()
}

/// Who says something.
#[derive(Debug, Clone, Copy)]
enum Side {
    Request,
    Response,
}

impl Transcript {
    fn take(&mut self, side: Side, piece: &[u8]) {
        let said = match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        };
        let wanted = piece.len().min(self.most.saturating_sub(said.len()));
        if said.is_cut() || !self.share.grow(wanted, self.held) {
            said.cut();
        } else {
            said.push(piece, self.most);
        }
    }
}

impl Exchange {
    /// A piece of the answer goes to the client.
    pub fn note(&mut self, piece: Option<&[u8]>) {
        if let (Some(transcript), Some(piece)) = (&mut self.transcript, piece) {
            transcript.take(Side::Response, piece);
        }
    }

    /// All was said: leaves what was taken along of it to be logged and told.
    pub(super) fn leave_transcript(&mut self) {
        let Some(transcript) = self.transcript.take() else { return };
        let Transcript { request, response, logged, told, share, .. } = *transcript;
        let masked = self.guarding.as_ref().map(|guarding| guarding.memory.masked().to_vec());
        let masked = masked.unwrap_or_default();
        // Whoever is done with it last gives back what it held.
        let share = Arc::new(share);
        if let (Some(most), Some(bodies)) = (logged, self.telemetry().bodies()) {
            bodies.leave(Bodies {
                id: (self.id.to_string(), self.in_background),
                at: self.at,
                request: request.within(most),
                response: response.within(most),
                masked: masked.clone(),
                held: Box::new(Arc::clone(&share)),
            });
        }
        if let (Some(Told { dialect, streamed, asked }), Some(trace)) = (told, &mut self.trace) {
            trace.asked = Some(asked);
            trace.words =
                Some(Box::new(Words { dialect, streamed, answer: response, masked, held: Box::new(share) }));
        }
    }
}
