//! A request waits for what guards elsewhere say, before anything is made of it.

use bytes::Bytes;
use pingora::proxy::Session;

use crate::proxy::arrival::ask::Chosen;
use crate::proxy::arrival::asked::{Asked, Through};
use crate::proxy::bytes_held::Share;
use crate::proxy::departure::attempt::malformed;
use crate::proxy::exchange::{Ask, Exchange};
use crate::proxy::external;
use crate::proxy::shared::Shared;
use crate::refusal::Refusal;
use crate::route::WORDS;
use crate::wire::lens::Lens;

use super::dispatch::{Sent, go_through, send};

/// A request that guards elsewhere are to be asked about before it goes on.
#[allow(clippy::large_enum_variant, reason = "it is boxed as a whole")]
pub(super) enum Paused {
    /// One that is understood.
    Ask { ask: Ask, chosen: Chosen, share: Share },
    /// One that goes through.
    Through { through: Through, body: Bytes, share: Share },
}

impl Paused {
    /// Asks them, and sends on what may go.
    ///
    /// # Errors
    /// When one of them does not let it pass.
    pub(super) async fn ask(
        self: Box<Self>,
        shared: &Shared,
        session: &mut Session,
        exchange: &mut Exchange,
        asked: &Asked,
    ) -> Result<Sent, Refusal> {
        let sent = match *self {
            Self::Ask { mut ask, chosen, share } => {
                if let Some(anew) = external::before(exchange, &ask.body).await? {
                    ask.body = anew;
                }
                let bytes = ask.body.clone();
                let lens = Lens::watching(&bytes, &WORDS).map_err(malformed)?;
                send(shared, session, exchange, asked, ask, &lens, chosen, share)?
            }
            Self::Through { through, body, share } => {
                let anew = external::before(exchange, &body).await?;
                go_through(shared, session, exchange, &through, anew.unwrap_or(body), share)?
            }
        };
        // Where no provider is asked, nobody waits for the head of its answer.
        if matches!(sent, Sent::Found(..) | Sent::Vectors(..)) {
            external::verdict(exchange).await?;
        }
        Ok(sent)
    }
}
