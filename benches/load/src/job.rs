//! The lines between `drive` and whoever gives it jobs.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Request, Version};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1, one request at a time.
    H1,
    /// HTTP/2 without TLS, by prior knowledge.
    H2,
}

/// When a job is done. What was begun is ended in any case.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// So many requests were sent.
    Requests(u64),
    /// So much time is over.
    Seconds(f64),
}

/// One job: the same requests in turn, on some connections, each stream sending when it was answered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Where Envoy listens on 127.0.0.1.
    pub port: u16,
    pub protocol: Protocol,
    /// Used in turn.
    pub paths: Vec<String>,
    pub host: String,
    pub headers: Vec<(String, String)>,
    pub until: Until,
    pub connections: usize,
    /// Requests at a time on one connection; 1 with `h1`.
    pub streams: usize,
    /// The only status that is right.
    pub status: u16,
    /// Whether the report lists every latency, for who puts several together.
    pub each: bool,
}

impl Job {
    /// The requests, ready to be sent.
    pub fn requests(&self) -> Result<Vec<Request<Empty<Bytes>>>, Failure> {
        if self.paths.is_empty() || self.connections == 0 || self.streams == 0 {
            return Err("a job has a path, a connection and a stream at least".into());
        }
        self.paths.iter().map(|path| self.request(path)).collect()
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>, Failure> {
        let request = match self.protocol {
            Protocol::H1 => Request::get(path).header("host", &self.host),
            Protocol::H2 => Request::get(format!("http://{}{path}", self.host)).version(Version::HTTP_2),
        };
        let add = |request: hyper::http::request::Builder, (name, value): &(String, String)| {
            request.header(name, value)
        };
        Ok(self.headers.iter().fold(request, add).body(Empty::new())?)
    }
}

/// What became of a job that went well. Times are of whole answers, body included.
#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: u64,
    pub seconds: f64,
    /// Microseconds.
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    /// Of all bodies.
    pub bytes: u64,
    /// Microseconds, in no order; empty unless the job asks for them.
    pub each: Vec<u64>,
}
