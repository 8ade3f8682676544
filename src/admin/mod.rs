//! The operator's listener: probes, metrics, the dashboard.

pub mod answer;
pub mod ask;
pub mod board;
mod pages;
mod probes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use http::header::ALLOW;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use pingora::services::listening::Service;

use crate::admin::answer::Answer;
use crate::admin::ask::Ask;
use crate::proxy::Shared;
use crate::proxy::keeper::LastReload;

/// How long an idle connection is kept, in seconds.
const KEEPALIVE: u64 = 60;

/// How long a client may take for one read of its body, and for one write to it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the operator's listener serves.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
    refused: LastReload,
}

impl Admin {
    /// The pages over this state.
    #[must_use]
    pub const fn new(shared: Arc<Shared>, refused: LastReload) -> Self {
        Self { shared, refused }
    }

    /// The service at this address.
    #[must_use]
    pub fn service(self, address: &str) -> Service<Self> {
        let mut service = Service::new("admin".to_owned(), self);
        service.add_tcp(address);
        service.threads = Some(1);
        service
    }

    fn answer(&self, ask: &Ask) -> Answer {
        if !matches!(ask.method, Method::GET | Method::HEAD) {
            let said = b"{\"error\":\"expected GET\"}".to_vec();
            return Answer::json(405, said).with(ALLOW, "GET, HEAD");
        }
        let found = probes::page(self, &ask.path).or_else(|| pages::page(ask));
        found.unwrap_or_else(|| match ask.path.as_str() {
            "/" => probes::status(self),
            _ => Answer::json(404, b"{\"error\":\"try /health, /ready, /metrics or /status\"}".to_vec()),
        })
    }
}

#[async_trait]
impl HttpServerApp for Admin {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !matches!(session.read_request().await, Ok(true)) {
            return None;
        }
        session.set_keepalive((!*shutdown.borrow()).then_some(KEEPALIVE));
        session.set_read_timeout(Some(PATIENCE));
        session.set_write_timeout(Some(PATIENCE));
        let ask = Ask::of(&session);
        let answer = self.answer(&ask);
        if !session.is_body_done() {
            session.set_keepalive(None);
        }
        if !answer.send(&mut session).await {
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let stream = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }
}
