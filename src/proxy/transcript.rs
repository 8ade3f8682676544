//! What is asked and answered in one request, taken along where its route or key wants bodies logged.

use crate::clock;
use crate::proxy::arrival::asked::Asked;
use crate::proxy::bytes_held::Share;
use crate::proxy::exchange::{Ask, Exchange};
use crate::proxy::shared::Shared;
use crate::store::ledger::bodies::{Bodies, Said};

/// What was asked and answered so far.
#[derive(Debug)]
pub struct Transcript {
    request: Said,
    response: Said,
    /// So many bytes of each.
    most: usize,
    share: Share,
    /// The bytes that may be held at one time.
    held: usize,
}

/// Begins to take along what is said, where that is wanted. What guards have masked is masked here, and what
/// opens a session or goes through unread is never taken along: there may be secrets in it.
pub fn begin(shared: &Shared, exchange: &mut Exchange, asked: &Asked, ask: &Ask) {
    let world = &exchange.world;
    let own = exchange.key.as_ref().and_then(|key| key.log_bodies);
    let portion = world.bodies.portion(&ask.model, own);
    let is_read =
        matches!(asked, Asked::Chat { .. } | Asked::Embed { .. } | Asked::Rerank(_) | Asked::Relay(_));
    if portion == 0 || !is_read || exchange.telemetry().bodies().is_none() {
        return;
    }
    if portion < 100 && clock::random() % 100 >= portion.into() {
        return;
    }
    let mut transcript = Transcript {
        request: Said::default(),
        response: Said::default(),
        most: world.bodies.most,
        share: shared.held.share(),
        held: world.downstream.held.as_usize(),
    };
    transcript.take(Side::Request, &ask.body);
    if ask.rest > 0 {
        transcript.request.cut();
    }
    exchange.transcript = Some(Box::new(transcript));
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

    /// All was said: leaves what was taken along of it to be logged.
    pub(super) fn leave_transcript(&mut self) {
        let Some(transcript) = self.transcript.take() else { return };
        let Some(bodies) = self.telemetry().bodies() else { return };
        let Transcript { request, response, share, .. } = *transcript;
        let masked = self.guarding.as_ref().map(|guarding| guarding.memory.masked().to_vec());
        bodies.leave(Bodies {
            id: (self.id.to_string(), self.in_background),
            at: self.at,
            request,
            response,
            masked: masked.unwrap_or_default(),
            held: Box::new(share),
        });
    }
}
