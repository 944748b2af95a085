//! `serve`: an upstream that answers every request alike, on one port for each answer.
//!
//! INVARIANT: a body is made once and shared, so that its size costs the upstream nothing but its sending.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// What one port answers with.
#[derive(Clone)]
struct Answer {
    port: u16,
    body: Bytes,
    /// How long a request waits for it.
    hold: Duration,
}

/// The body where only the time matters.
const SMALL: usize = 1024;

impl FromStr for Answer {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Answer, Failure> {
        let (port, what) = text.split_once('=').ok_or_else(|| format!("`{text}`: wanted `PORT=ANSWER`"))?;
        let filled = |length: usize| Bytes::from(vec![b'.'; length]);
        let (body, hold) = match what.split_once(':') {
            None => (filled(what.parse()?), Duration::ZERO),
            Some(("hold", time)) => (filled(SMALL), Duration::from_millis(time.parse()?)),
            Some(("file", path)) => (std::fs::read(path)?.into(), Duration::ZERO),
            Some((other, _)) => return Err(format!("`{other}`: wanted `hold` or `file`").into()),
        };
        Ok(Answer { port: port.parse()?, body, hold })
    }
}

/// Answers until the program is ended.
pub async fn serve(answers: &[String]) -> Result<(), Failure> {
    let mut ports = tokio::task::JoinSet::new();
    for answer in answers {
        let answer: Answer = answer.parse()?;
        let listener = TcpListener::bind(("127.0.0.1", answer.port)).await?;
        ports.spawn(accept(listener, answer));
    }
    match ports.join_next().await {
        None => Err("wanted at least one `PORT=ANSWER`".into()),
        Some(ended) => ended?,
    }
}

async fn accept(listener: TcpListener, answer: Answer) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(converse(stream, answer.clone()));
    }
}

async fn converse(stream: TcpStream, answer: Answer) {
    let service = service_fn(|_: Request<Incoming>| async {
        if !answer.hold.is_zero() {
            tokio::time::sleep(answer.hold).await;
        }
        // The headers that resizers send, in number and length.
        let mut response = Response::new(Full::new(answer.body.clone()));
        let headers = response.headers_mut();
        let set = [
            ("content-type", "image/jpeg"),
            ("etag", "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\""),
            ("cache-control", "max-age=86400,public"),
            ("server", "upstream/7.8.0"),
        ];
        for (name, value) in set {
            headers.insert(name, hyper::header::HeaderValue::from_static(value));
        }
        Ok::<_, Infallible>(response)
    });
    // A client that goes away is no event here.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
