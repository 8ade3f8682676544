//! The phases of a request, in the order in which Pingora runs them.

use std::io::Cursor;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader, StatusCode};
use pingora::modules::http::HttpModules;
use pingora::prelude::HttpPeer;
use pingora::protocols::Digest;
use pingora::protocols::http::ServerSession;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::{Error, ErrorSource, ErrorType, Result, RetryType};

use crate::clock;
use crate::fault::Fault;
use crate::ir::Dialect;
use crate::proxy::allowance;
use crate::proxy::answer::{self, Connection};
use crate::proxy::arrival;
use crate::proxy::departure;
use crate::proxy::dressing;
use crate::proxy::exchange::{self, Stage};
use crate::proxy::external;
use crate::proxy::packing;
use crate::proxy::returning;
use crate::proxy::shared::Shared;
use crate::proxy::threshold::vigil::{Broken, Phase};
use crate::refusal::{Kind, Refusal};

/// What a request carries, in a place of its own: Pingora moves it several times.
type Exchange = Box<exchange::Exchange>;

/// The gateway as one worker runs it.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    /// A gateway over the shared state.
    #[must_use]
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Box::new(exchange::Exchange::new(self.shared.world.load_full(), Arc::clone(&self.shared.telemetry)))
    }

    /// The default module compresses; answers of models are streams and gain nothing.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        arrival::arrive(&self.shared, session, exchange).await
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        if allowance::is_free(&self.shared, exchange) {
            return Ok(true);
        }
        // Apart, since its room would be made and given back for each request that nothing bounds.
        Box::pin(allowance::admit(&self.shared, session, exchange)).await
    }

    async fn upstream_peer(&self, session: &mut Session, exchange: &mut Exchange) -> Result<Box<HttpPeer>> {
        packing::forget(session);
        departure::peer(&self.shared, session, exchange).await
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        _fd: RawFd,
        connection: Option<&Digest>,
        exchange: &mut Exchange,
    ) -> Result<()> {
        departure::connected(exchange, connection);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        head: &mut RequestHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        departure::head(exchange, head)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        departure::feed(exchange, body, end);
        Ok(())
    }

    /// Called before [`Gateway::upstream_response_filter`], which is not told how an answer ends.
    async fn adjust_upstream_modules(
        &self,
        _session: &mut Session,
        _head: &ResponseHeader,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if let Some(call) = exchange.call() {
            call.alone = end;
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        returning::begin(&self.shared, session, exchange, head)
    }

    fn upstream_response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<Duration>> {
        let now = clock::now();
        let late = now > exchange.deadline;
        exchange.heard(end, now);
        if let exchange::Exchange { world, trace, stage: Stage::Away(call), .. } = &mut **exchange {
            call.unwrap(body);
            if let (Some(trace), Some(piece)) = (trace, body.as_ref())
                && trace.noted
            {
                trace.answer.push(piece);
            }
            call.relay.listen(body.as_ref(), end, now);
            if let Some(holding) = &mut call.holding {
                holding.0.hear(body.as_ref(), end);
            } else if let Some(tape) = &mut call.tape {
                tape.push(body.as_ref(), end, now);
            }
            if let (Some(tape), Some(piece)) = (&mut call.vectors, body.as_ref()) {
                tape.push(piece, &mut call.share, world.downstream.held.as_usize());
            }
        }
        if late && !end {
            return Err(Error::explain(ErrorType::ReadTimedout, "over the total time-out").into_up());
        }
        if self.shared.is_cutting() && !end {
            exchange.refusal = Some(ending());
            return Err(Error::explain(ErrorType::InternalError, "over the drain's limit").into_in());
        }
        Ok(None)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        if external::is_asked(exchange)
            && let Err(refusal) = Box::pin(external::verdict(exchange)).await
        {
            exchange.refusal = Some(refusal);
            return Error::e_explain(ErrorType::InternalError, "a guard refuses the request");
        }
        returning::head(session, exchange, head)
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<Duration>> {
        returning::speak(session, exchange, body, end)?;
        exchange.note(body.as_deref());
        if let (Some(call), Some(piece), false) = (exchange.call(), body.as_ref(), end) {
            call.note_said(piece, session.as_downstream().body_bytes_sent());
        }
        if end {
            exchange.conclude_tape();
            // Whoever has the last piece may ask again at once.
            if let Some(reserved) = &mut exchange.reserved {
                reserved.end();
            }
            if let Some(call) = exchange.call() {
                call.slot = None;
            }
        }
        Ok(None)
    }

    async fn response_trailer_filter(
        &self,
        session: &mut Session,
        trailers: &mut HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<Option<Bytes>> {
        trailers.clear();
        let mut said = returning::end(session, exchange);
        if external::waits(exchange) {
            said = Some(external::late::conclude(session, exchange).await?);
        }
        exchange.note(said.as_deref());
        exchange.conclude_tape();
        Ok(said)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        exchange: &mut Exchange,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if is_out_of_files(&error) {
            let message = "the gateway has too many connections open";
            exchange.refusal =
                Some(Refusal::new(Kind::Unavailable, message).with_retry_after(Duration::from_secs(1)));
            error.set_retry(false);
            return error;
        }
        let fault = connect_fault(error.etype());
        error.set_retry(departure::again(exchange, fault));
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        exchange: &mut Exchange,
        reused: bool,
    ) -> Box<Error> {
        match exchange.vigil.as_ref().and_then(|vigil| vigil.take_broken()) {
            Some(Broken::Late) => {
                error = Error::explain(ErrorType::ReadTimedout, "over a time-out").into_up()
            }
            Some(Broken::Cut) => {
                exchange.refusal = Some(ending());
                error = Error::explain(ErrorType::InternalError, "over the drain's limit").into_in();
            }
            None => {}
        }
        if *error.esource() == ErrorSource::Downstream {
            exchange.client_gone = true;
            error.set_retry(false);
        } else if external::waits(exchange) {
            // It is no failure (`external`).
            error.set_retry(false);
        } else if exchange.refusal.is_some() {
            // We ended it ourselves, and said why.
            error.set_retry(false);
        } else if session.response_written().is_some() {
            let fault = proxy_fault(error.etype());
            if let Stage::Away(call) = &exchange.stage {
                departure::judging::broke_off(call, &exchange.world, &fault);
            }
            exchange.fail(fault.into_refusal());
            error.set_retry(false);
        } else if matches!(error.etype(), ErrorType::HTTPStatus(_)) {
            // `returning` has noted the fault and prepared the next attempt, if any.
        } else if is_excused(&error, exchange, reused) && is_there_still(session, exchange) {
            error.set_retry(true);
        } else {
            let fault = proxy_fault(error.etype());
            error.set_retry(departure::again(exchange, fault));
        }
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        exchange: &mut Exchange,
    ) -> FailToProxy {
        let fault = exchange.faults.last().map(|(_, fault)| fault.clone());
        if *error.esource() == ErrorSource::Downstream {
            exchange.client_gone = true;
        } else if external::waits(exchange) {
            exchange.closed_well = Box::pin(external::late::tell(session, exchange)).await;
        } else {
            match fault {
                _ if exchange.refusal.is_some() => {}
                Some(fault) => exchange.fail(fault.into_refusal()),
                None => {
                    log::error!("request {}: {error}", exchange.id);
                    let message = "the gateway failed to proxy the request";
                    exchange.refusal = Some(Refusal::new(Kind::Internal, message));
                }
            }
            exchange.conclude_tape();
            let connection = if self.shared.is_draining() { Connection::Close } else { Connection::Keep };
            exchange.closed_well = returning::give_up(session, exchange, connection).await;
        }
        let status = exchange.refusal.as_ref().map_or(499, |refusal| refusal.status);
        FailToProxy { error_code: status, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, exchange: &mut Exchange) {
        if error.is_none() {
            returning::conclude_late(session, exchange).await;
        }
        exchange.client_gone |= error.is_some_and(|error| *error.esource() == ErrorSource::Downstream);
        if exchange.vigil.as_ref().is_some_and(|vigil| vigil.is_alone()) {
            exchange.client_gone = true;
            session.set_keepalive(None);
        }
        let written = session.response_written().map(|head| head.status.as_u16());
        let status = written.unwrap_or(if exchange.client_gone { 499 } else { 500 });
        let bytes = (session.body_bytes_read() as u64, session.body_bytes_sent() as u64);
        exchange.leave(status, bytes);
        exchange.stage = Stage::Here;
        if let Some(vigil) = &exchange.vigil {
            vigil.let_be();
            vigil.enter(Phase::Next);
            if exchange.closed_well && error.is_some() {
                let nobody = ServerSession::new_http1(Box::new(Cursor::new(Vec::new())));
                vigil.keep(std::mem::replace(session.as_downstream_mut(), nobody));
            }
        }
    }

    fn suppress_error_log(&self, _session: &Session, _exchange: &Exchange, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _exchange: &Exchange,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

/// The refusal of a request that the drain's limit ends.
pub(crate) fn ending() -> Refusal {
    Refusal::new(Kind::Unavailable, "the gateway is shutting down")
}

/// Whether no connection was tried, because the process or the system has no file left for it.
fn is_out_of_files(error: &Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    matches!(cause.and_then(std::io::Error::raw_os_error), Some(ENFILE | EMFILE))
}

/// What a failure to connect amounts to.
fn connect_fault(error: &ErrorType) -> Fault {
    match error {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => {
            Fault::new(Kind::Timeout, "the provider did not take the connection in time")
        }
        ErrorType::TLSHandshakeFailure | ErrorType::InvalidCert | ErrorType::TLSWantX509Lookup => {
            Fault::new(Kind::BadGateway, "the provider could not be reached over TLS")
        }
        _ => Fault::new(Kind::BadGateway, "the provider could not be reached"),
    }
}

/// Whether the next attempt can have the body too: what goes through is kept by Pingora for a while.
fn is_there_still(session: &Session, exchange: &mut Exchange) -> bool {
    let held = exchange.call().is_none_or(|call| call.upload.is_held());
    held || !session.as_downstream().retry_buffer_truncated()
}

/// Whether an attempt failed for no fault of the provider's, and so does not count.
fn is_excused(error: &Error, exchange: &mut Exchange, reused: bool) -> bool {
    let Some(call) = exchange.call().filter(|call| call.answered.is_none()) else { return false };
    match error.retry {
        // The pooled connection had died in its sleep; the upstream saw nothing of us.
        RetryType::ReusedOnly => reused,
        // The same behind TLS, where nobody said goodbye first. It shows at once; what breaks later
        // may have thought, and cost, a while.
        RetryType::Decided(false) if *error.etype() == ErrorType::ReadError => {
            let young = |sent| clock::now().saturating_duration_since(sent) < Duration::from_secs(1);
            reused && call.sent.is_some_and(young)
        }
        // The upstream closed the stream while it was being written to: it has answered already,
        // most likely that the body is too large. Pingora reads such an answer over HTTP/1.1 only.
        RetryType::Decided(false) => {
            let answered = *error.etype() == ErrorType::H2Error && error.cause.is_none();
            call.plain |= answered;
            answered && !std::mem::replace(&mut call.excused, true)
        }
        // The upstream goes away, or wants another version of HTTP, and has done nothing yet. One
        // that says so each time has a fault.
        RetryType::Decided(true) => {
            call.plain |= matches!(error.etype(), ErrorType::H2Downgrade | ErrorType::InvalidH2);
            !std::mem::replace(&mut call.excused, true)
        }
    }
}

/// What a failure on a connection amounts to.
fn proxy_fault(error: &ErrorType) -> Fault {
    match error {
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => {
            Fault::new(Kind::Timeout, "the provider did not answer in time")
        }
        _ => Fault::new(Kind::BadGateway, "the provider broke off the connection"),
    }
}

/// Writes a refusal that was decided before any upstream was asked; the request's body may not
/// have been read.
pub(crate) async fn refuse(
    session: &mut Session,
    exchange: &mut exchange::Exchange,
    dialect: Dialect,
    refusal: Refusal,
    connection: Connection,
) -> Result<bool> {
    let extra = dressing::own_headers(exchange);
    if let (Connection::Close, Some(vigil)) = (connection, &exchange.vigil) {
        vigil.linger();
    }
    // Apart, as few requests end so and each would carry the room for it.
    let written = Box::pin(answer::refuse(session, dialect, &refusal, connection, extra)).await;
    exchange.refusal = Some(refusal);
    written.map(|()| true)
}
