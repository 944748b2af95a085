//! `drive`: does one job after the other, each a closed loop, and says of each how long its answers took.
//!
//! INVARIANT: an answer with another status than the expected one ends the job with an error; nothing is counted that
//! was not what was meant to be measured.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::Failure;
use crate::connections::{Connections, Sender, read};
use crate::job::{Job, Report, Until};

/// Reads jobs until there are no more. Between them the connections rest.
pub fn drive(runtime: &Runtime) -> Result<(), Failure> {
    let mut connections = Connections::default();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Err(error) => json!({ "error": format!("job: {error}") }),
            Ok(job) => match runtime.block_on(run(Arc::new(job), &mut connections)) {
                Ok(report) => serde_json::to_value(report)?,
                Err(error) => json!({ "error": error.to_string() }),
            },
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// What the streams of one job have in common.
struct Shared {
    job: Arc<Job>,
    requests: Vec<Request<Empty<Bytes>>>,
    sent: AtomicU64,
    end: Option<Instant>,
}

impl Shared {
    fn new(job: Arc<Job>) -> Result<Shared, Failure> {
        let end = match job.until {
            Until::Seconds(seconds) => Instant::now().checked_add(Duration::try_from_secs_f64(seconds)?),
            Until::Requests(_) => None,
        };
        Ok(Shared { requests: job.requests()?, job, sent: AtomicU64::new(0), end })
    }

    /// The next request, if there is to be another.
    fn next(&self) -> Option<Request<Empty<Bytes>>> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let is_over = match self.job.until {
            Until::Requests(most) => number >= most,
            Until::Seconds(_) => self.end.is_none_or(|end| Instant::now() >= end),
        };
        let turn = usize::try_from(number).ok()?.checked_rem(self.requests.len())?;
        if is_over { None } else { self.requests.get(turn).cloned() }
    }
}

/// What one stream has seen.
struct Seen {
    latencies: Histogram<u32>,
    bytes: u64,
    each: Vec<u64>,
}

impl Seen {
    fn new() -> Result<Seen, Failure> {
        // Two digits of a value up to a minute, in microseconds.
        Ok(Seen { latencies: Histogram::new_with_max(60_000_000, 2)?, bytes: 0, each: Vec::new() })
    }
}

async fn run(job: Arc<Job>, connections: &mut Connections) -> Result<Report, Failure> {
    let senders = connections.take(&job).await?;
    let shared = Arc::new(Shared::new(job.clone())?);
    let start = Instant::now();
    let mut streams = JoinSet::new();
    for sender in senders {
        if let Sender::H2(sender) = &sender {
            for _ in 1..job.streams {
                streams.spawn(stream(Sender::H2(sender.clone()), shared.clone(), false));
            }
        }
        streams.spawn(stream(sender, shared.clone(), true));
    }
    let (mut all, mut kept) = (Seen::new()?, Vec::new());
    while let Some(ended) = streams.join_next().await {
        let (seen, sender) = ended??;
        all.latencies.add(&seen.latencies)?;
        all.bytes = all.bytes.saturating_add(seen.bytes);
        all.each.extend(seen.each);
        kept.extend(sender);
    }
    let seconds = start.elapsed().as_secs_f64();
    connections.keep(&job, kept);
    let quantile = |quantile| all.latencies.value_at_quantile(quantile);
    Ok(Report {
        requests: all.latencies.len(),
        seconds,
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        bytes: all.bytes,
        each: all.each,
    })
}

/// Asks and waits for the answer, again and again. Gives the sender back where it is the connection's only one.
async fn stream(
    mut sender: Sender,
    shared: Arc<Shared>,
    is_owner: bool,
) -> Result<(Seen, Option<Sender>), Failure> {
    let mut seen = Seen::new()?;
    while let Some(request) = shared.next() {
        let path = request.uri().path_and_query().cloned();
        let start = Instant::now();
        let response = sender.send(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let (length, beginning) = read(response.into_body()).await?;
        if status.as_u16() != shared.job.status {
            let beginning = String::from_utf8_lossy(beginning.get(..200).unwrap_or(&beginning)).into_owned();
            let (port, wanted) = (shared.job.port, shared.job.status);
            return Err(format!(
                "port {port}, {path:?}: wanted {wanted}, found {status} with {headers:?} and `{beginning}`"
            )
            .into());
        }
        let latency = u64::try_from(start.elapsed().as_micros())?;
        seen.latencies.saturating_record(latency);
        if shared.job.each {
            seen.each.push(latency);
        }
        seen.bytes = seen.bytes.saturating_add(length);
    }
    Ok((seen, is_owner.then_some(sender)))
}
