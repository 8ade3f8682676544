//! Waiting for something with an eye on the client.

use pingora::Result;
use pingora::proxy::Session;
use tokio::time::timeout_at;

use crate::proxy::exchange::Exchange;
use crate::proxy::phases::ending;
use crate::proxy::threshold::vigil::Broken;
use crate::refusal::{Kind, Refusal};

/// Waits for something, with an eye on the client, on the time that there is, and on the drain. Otherwise what
/// the client is to be told instead.
///
/// # Errors
/// When the client is gone.
pub(super) async fn beside(
    session: &mut Session,
    exchange: &mut Exchange,
    what: impl Future<Output = ()>,
) -> Result<std::result::Result<(), Refusal>> {
    tokio::pin!(what);
    let late = || Refusal::new(Kind::Timeout, "the provider did not answer in time");
    loop {
        let left = tokio::select! {
            biased;
            done = timeout_at(exchange.deadline.into(), &mut what) => return Ok(done.map_err(|_| late())),
            left = session.as_downstream_mut().read_body_or_idle(true) => left,
        };
        let Err(error) = left else { continue };
        match exchange.vigil.as_ref().and_then(|vigil| vigil.take_broken()) {
            Some(Broken::Cut) => return Ok(Err(ending())),
            Some(Broken::Late) => return Ok(Err(late())),
            None => {
                exchange.client_gone = true;
                return Err(error.into_down());
            }
        }
    }
}
