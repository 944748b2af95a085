//! The connections of `drive`: kept from job to job, so that no job measures how one is made.

use std::collections::HashMap;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::Failure;
use crate::job::{Job, Protocol};

/// One connection's sending end.
pub enum Sender {
    H1(http1::SendRequest<Empty<Bytes>>),
    H2(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    async fn open(port: u16, protocol: Protocol) -> Result<Sender, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::H1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Sender::H1(sender)
            }
            Protocol::H2 => {
                // Windows that never stop a megabyte.
                let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(4 << 20)
                    .initial_connection_window_size(16 << 20)
                    .handshake(stream)
                    .await?;
                tokio::spawn(connection);
                Sender::H2(sender)
            }
        })
    }

    /// Sends a request when the connection is free for it.
    pub async fn send(&mut self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, Failure> {
        Ok(match self {
            Sender::H1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::H2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        })
    }
}

/// The idle ones, by where they lead.
#[derive(Default)]
pub struct Connections(HashMap<(u16, Protocol), Vec<Sender>>);

impl Connections {
    /// As many as the job asks for: kept ones first. They are gone from here until `keep`.
    pub async fn take(&mut self, job: &Job) -> Result<Vec<Sender>, Failure> {
        let idle = self.0.remove(&(job.port, job.protocol)).unwrap_or_default();
        let mut taken: Vec<Sender> = idle.into_iter().take(job.connections).collect();
        while taken.len() < job.connections {
            taken.push(Sender::open(job.port, job.protocol).await?);
        }
        Ok(taken)
    }

    /// Keeps them for the next job.
    pub fn keep(&mut self, job: &Job, senders: Vec<Sender>) {
        self.0.insert((job.port, job.protocol), senders);
    }
}

/// Reads a body to its end: its length, and its beginning.
pub async fn read(mut body: Incoming) -> Result<(u64, Bytes), Failure> {
    let (mut length, mut beginning) = (0_u64, Bytes::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length = length.saturating_add(u64::try_from(data.len())?);
            if beginning.is_empty() {
                beginning = data;
            }
        }
    }
    Ok((length, beginning))
}
