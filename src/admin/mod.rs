//! The operator's listener: health, readiness, metrics, and what is served.

use std::sync::Arc;

use async_trait::async_trait;
use http::Response;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use pingora::services::listening::Service;

use crate::proxy::Shared;
use crate::proxy::keeper::LastReload;
use crate::wire::json;

/// The operator's pages.
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

    fn status(&self) -> Vec<u8> {
        let world = self.shared.world.load();
        let mut body = Vec::new();
        json::object(&mut body, |status| {
            status.string("version", env!("CARGO_PKG_VERSION"));
            status.number("generation", world.generation);
            status.number("in_flight", self.shared.metrics().in_flight());
            status.number("held_bytes", self.shared.held.now());
            status.bool("draining", self.shared.is_draining());
            status.array("providers", |list| {
                world.providers.iter().for_each(|provider| list.string(&provider.name))
            });
            match self.refused.load_full() {
                None => status.null("refused_reload"),
                Some(problems) => {
                    status.array("refused_reload", |list| problems.iter().for_each(|text| list.string(text)))
                }
            }
        });
        body
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        const JSON: &str = "application/json";
        const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
        let (status, kind, body) = match session.req_header().uri.path() {
            "/health" | "/health/liveness" => (200, JSON, b"{\"status\":\"ok\"}".to_vec()),
            "/ready" | "/health/readiness" if self.shared.is_draining() => {
                (503, JSON, b"{\"status\":\"draining\"}".to_vec())
            }
            "/ready" | "/health/readiness" => (200, JSON, b"{\"status\":\"ready\"}".to_vec()),
            "/metrics" => (200, TEXT, self.shared.metrics().render(self.shared.held.now())),
            "/status" | "/" => (200, JSON, self.status()),
            _ => (404, JSON, b"{\"error\":\"try /health, /ready, /metrics or /status\"}".to_vec()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        let length = response.body().len();
        response.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
        response.headers_mut().insert("content-length", length.into());
        response
    }
}
