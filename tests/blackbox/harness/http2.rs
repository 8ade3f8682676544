//! An HTTP/2 client with prior knowledge.

use std::future::poll_fn;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{End, PATIENCE, Reply, Request};

/// One HTTP/2 connection.
pub(crate) struct Http2 {
    runtime: Runtime,
    send: SendRequest<Bytes>,
}

impl Http2 {
    /// Connects.
    pub(crate) fn to(addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let send = runtime.block_on(async {
            let stream = TcpStream::connect(addr).await.expect("the gateway takes connections");
            stream.set_nodelay(true).expect("a live socket");
            let (send, connection) = h2::client::handshake(stream).await.expect("the gateway speaks HTTP/2");
            tokio::spawn(connection);
            send
        });
        Self { runtime, send }
    }

    /// Sends a request but only the beginning of its body; the status of the answer.
    pub(crate) fn ask_half(&mut self, request: &Request) -> Option<u16> {
        let send = self.send.clone();
        let asking = async {
            let mut send = send.ready().await.ok()?;
            let head = http::Request::builder()
                .method(request.method.as_str())
                .uri(format!("http://gateway{}", request.path))
                .header("content-length", request.body.len())
                .body(())
                .ok()?;
            let (answer, mut body) = send.send_request(head, false).ok()?;
            body.send_data(Bytes::from(request.body[..request.body.len() / 2].to_vec()), false).ok()?;
            let status = answer.await.ok()?.status().as_u16();
            drop(body);
            Some(status)
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asking).await }).ok().flatten()
    }

    /// The same as [`Http2::ask`], where the connection may fail.
    pub(crate) fn try_ask(&mut self, request: &Request) -> Option<Reply> {
        let send = self.send.clone();
        let asking = async { tokio::time::timeout(PATIENCE, try_ask(send, request)).await };
        self.runtime.block_on(asking).ok().flatten()
    }

    /// Sends a request and reads its whole answer; one that is `chunked` has no `content-length`.
    pub(crate) fn ask(&mut self, request: &Request) -> Reply {
        let send = self.send.clone();
        let asking = async { tokio::time::timeout(PATIENCE, ask(send, request)).await };
        self.runtime.block_on(asking).expect("the gateway answers in time")
    }
}

async fn ask(send: SendRequest<Bytes>, request: &Request) -> Reply {
    try_ask(send, request).await.expect("an answer")
}

async fn try_ask(send: SendRequest<Bytes>, request: &Request) -> Option<Reply> {
    let mut send = send.ready().await.ok()?;
    let mut head = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("http://gateway{}", request.path))
        .version(http::Version::HTTP_2);
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    if request.chunked.is_none() {
        head = head.header("content-length", request.body.len());
    }
    let head = head.body(()).expect("a well-formed request");
    let (answer, mut body) = send.send_request(head, request.body.is_empty()).expect("a stream");
    if !request.body.is_empty() {
        let mut left = Bytes::from(request.body.clone());
        while !left.is_empty() {
            body.reserve_capacity(left.len());
            // An early refusal resets the stream; its answer is still to be read.
            let Some(Ok(room)) = poll_fn(|context| body.poll_capacity(context)).await else { break };
            let piece = left.split_to(room.min(left.len()));
            if body.send_data(piece, left.is_empty()).is_err() {
                break;
            }
        }
    }
    let (head, mut stream) = answer.await.ok()?.into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect(),
        body: Vec::new(),
        end: End::Clean,
    };
    while let Some(piece) = stream.data().await {
        let Ok(piece) = piece else {
            reply.end = End::Cut;
            break;
        };
        let _ = stream.flow_control().release_capacity(piece.len());
        reply.body.extend_from_slice(&piece);
    }
    Some(reply)
}
