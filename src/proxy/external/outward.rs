//! Carries what guards elsewhere are asked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::prelude::HttpPeer;

use crate::clock;
use crate::policy::Key;
use crate::policy::guard::external::{Call, External, Failure, Lender, Question};
use crate::provider::Base;
use crate::provider::auth::Credential;
use crate::provider::auth::sigv4::{self, Head, Scope};
use crate::proxy::departure::resolve::Resolver;
use crate::proxy::keeping::background::Background;
use crate::proxy::minting::Credentials;
use crate::telemetry::Metrics;
use crate::units::Secret;

/// An answer may be this large, or as large as twice what was asked.
const LARGEST: usize = 1 << 20;
/// How long a connection is kept for the next question.
const IDLE: Duration = Duration::from_secs(30);

/// What asks guards that live elsewhere, for all workers.
pub struct Outward {
    resolver: Arc<Resolver>,
    credentials: Arc<Credentials>,
    background: Arc<Background>,
    pub(in crate::proxy) metrics: Arc<Metrics>,
    /// It holds every root certificate, so it is made when it is first needed.
    connector: OnceLock<Connector>,
}

impl std::fmt::Debug for Outward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outward")
    }
}

impl Outward {
    /// One that knows hosts and credentials from these, and what the gateway asks itself.
    #[must_use]
    pub fn new(
        resolver: &Arc<Resolver>,
        credentials: &Arc<Credentials>,
        background: &Arc<Background>,
        metrics: &Arc<Metrics>,
    ) -> Self {
        Self {
            resolver: Arc::clone(resolver),
            credentials: Arc::clone(credentials),
            background: Arc::clone(background),
            metrics: Arc::clone(metrics),
            connector: OnceLock::new(),
        }
    }

    /// Asks: the status and the body of the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn ask(
        &self,
        guard: &External,
        question: &Question,
        call: &Call,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let Some(base) = &guard.at else { return self.ask_own(guard, question, call).await };
        let address = self.resolver.address(&base.host, base.port).await;
        let address = address.ok_or_else(|| Failure::ill("no such host is known"))?;
        let mut peer = HttpPeer::new(address, base.tls, base.host.clone());
        peer.options.connection_timeout = Some(guard.timeout);
        peer.options.total_connection_timeout = Some(guard.timeout);
        peer.options.read_timeout = Some(guard.timeout);
        let mut head = head(&guard.headers, base, call).map_err(|_| Failure::of("its address is none"))?;
        if let Some(lender) = &guard.lender {
            self.show(&mut head, lender, guard.timeout, call).await?;
        }
        self.exchange(&peer, head, call).await
    }

    /// Asks a model of the gateway's own for a guard.
    async fn ask_own(
        &self,
        guard: &External,
        question: &Question,
        call: &Call,
    ) -> Result<(u16, Vec<u8>), Failure> {
        self.own(question.key.clone(), &guard.headers, guard.timeout, call).await
    }

    /// Asks a model of the gateway's own, as any client does: on behalf of this key, which pays.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn own(
        &self,
        key: Option<Arc<Key>>,
        headers: &[(String, Secret)],
        patience: Duration,
        call: &Call,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let own = self.background.own();
        let own = own.ok_or_else(|| Failure::of("this gateway has no address for its own requests"))?;
        let base = Base::parse(&format!("http://{own}")).map_err(|_| Failure::of("its address is none"))?;
        let asking = self.background.ask(key);
        let mut head = head(headers, &base, call).map_err(|_| Failure::of("its address is none"))?;
        let (name, value) = asking.header();
        head.insert_header(name, value).map_err(|_| Failure::of("its address is none"))?;
        let mut peer = HttpPeer::new(own, false, String::new());
        peer.options.read_timeout = Some(patience);
        self.exchange(&peer, head, call).await
    }

    /// Adds what a cloud lends to a head that is complete but for it.
    async fn show(
        &self,
        head: &mut RequestHeader,
        lender: &Lender,
        patience: Duration,
        call: &Call,
    ) -> Result<(), Failure> {
        let lent = self.credentials.lend(&lender.source, None, patience).await.map_err(Failure::ill)?;
        let shown = match &lent.minted.credential {
            Credential::Bearer(token) => vec![("authorization", format!("Bearer {}", token.expose()))],
            Credential::Aws(keys) => {
                let own: Vec<(&str, &str)> = ["content-type", "host"]
                    .into_iter()
                    .filter_map(|name| Some((name, head.headers.get(name)?.to_str().ok()?)))
                    .collect();
                let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
                let scope = Scope { region: &lender.region, service: lender.service };
                let own = Head { method: "POST", target: path, headers: &own };
                sigv4::sign(&own, &sigv4::hash(&call.body), keys, scope, clock::unix_seconds())
            }
            // No guard of Oracle's is known.
            Credential::Oracle(_) => return Err(Failure::of("its credential is none")),
        };
        for (name, value) in shown {
            let mut value =
                HeaderValue::try_from(value).map_err(|_| Failure::of("its credential is none"))?;
            value.set_sensitive(true);
            let told = head.insert_header(name, value);
            told.map_err(|_| Failure::of("its credential is none"))?;
        }
        Ok(())
    }

    async fn exchange(
        &self,
        peer: &HttpPeer,
        head: RequestHeader,
        call: &Call,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let body = Bytes::copy_from_slice(&call.body);
        loop {
            match self.attempt(peer, head.clone(), body.clone()).await {
                Ok(answer) => return Ok(answer),
                // A pooled connection may have died in its sleep.
                Err((why, true)) => log::debug!("a guard is asked once more: {why}"),
                Err((why, false)) => return Err(Failure::ill(why)),
            }
        }
    }

    /// One try. A failure says whether another may fare better.
    async fn attempt(
        &self,
        peer: &HttpPeer,
        head: RequestHeader,
        body: Bytes,
    ) -> Result<(u16, Vec<u8>), (&'static str, bool)> {
        const BROKEN: &str = "it broke off the connection";
        let most = LARGEST.max(body.len().saturating_mul(2));
        let connector = self.connector.get_or_init(|| Connector::new(None));
        let session = connector.get_http_session(peer).await;
        let (mut session, reused) = session.map_err(|_| ("it could not be reached", false))?;
        let early = |_| (BROKEN, reused);
        session.write_request_header(Box::new(head)).await.map_err(early)?;
        session.write_request_body(body, true).await.map_err(early)?;
        session.finish_request_body().await.map_err(early)?;
        session.read_response_header().await.map_err(early)?;
        let status = session.response_header().ok_or((BROKEN, false))?.status.as_u16();
        let mut said = Vec::new();
        while let Some(chunk) = session.read_response_body().await.map_err(|_| (BROKEN, false))? {
            said.extend_from_slice(&chunk);
            if said.len() > most {
                return Err(("its answer is too large", false));
            }
        }
        connector.release_http_session(session, peer, Some(IDLE)).await;
        Ok((status, said))
    }
}

fn head(headers: &[(String, Secret)], base: &Base, call: &Call) -> pingora::Result<RequestHeader> {
    const AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let path = format!("{}{}", base.path, call.target);
    let path = if path.is_empty() { "/" } else { &path };
    let mut head = RequestHeader::build("POST", path.as_bytes(), Some(8))?;
    head.insert_header("host", base.authority())?;
    head.insert_header("user-agent", AGENT)?;
    head.insert_header("accept", "application/json")?;
    head.insert_header("accept-encoding", "identity")?;
    head.insert_header("content-type", "application/json")?;
    for (name, value) in headers {
        // The configuration was held against what a header can say.
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.expose()))
        {
            value.set_sensitive(true);
            head.insert_header(name, value)?;
        }
    }
    head.insert_header("content-length", call.body.len())?;
    Ok(head)
}
