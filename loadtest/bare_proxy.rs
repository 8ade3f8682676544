//! A Pingora proxy without any logic: what the gateway's own work is measured against.
//!
//! It listens, pools and allocates exactly as the gateway does, so that the difference between the
//! two is what the gateway adds and nothing else. Usage: `bare_proxy LISTEN UPSTREAM`.

use std::net::SocketAddr;

use async_trait::async_trait;
use pingora::listeners::{L4BufferSettings, ListenerConfig, TcpSocketOptions};
use pingora::modules::http::HttpModules;
use pingora::prelude::HttpPeer;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::{Error, ErrorType, Result};
// For what the static build links in place of musl's own: both are measured with it.
use tollgate as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Everything goes to one place.
struct Bare(SocketAddr);

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    /// The gateway leaves the compression module out, so this does too.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Error::e_explain(ErrorType::InternalError, "usage: bare_proxy LISTEN UPSTREAM");
    };
    let Ok(upstream) = upstream.parse() else {
        return Error::e_explain(ErrorType::InternalError, "expected UPSTREAM as ADDR:PORT");
    };
    let conf = ServerConf {
        threads: 1,
        work_stealing: false,
        upstream_keepalive_pool_size: 512,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, Bare(upstream));
    service.threads = Some(1);
    let mut options = TcpSocketOptions::default();
    options.so_reuseport = Some(true);
    let listener = ListenerConfig::tcp(listen)
        .tcp_socket_options(options)
        .l4_buffer(L4BufferSettings::new(16 << 10, 8 << 10));
    service.add_listener(listener);
    server.add_service(service);
    server.run_forever()
}
