//! `pinhole replay`: what a policy would have done with the requests of an access log.
//!
//! ```text
//! bytes ──[lines]──▶ line ──[format]──▶ Entry ──[judge]──▶ Judgement ──[tally]──▶ Tally ──[report]──▶ text
//! ```
//!
//! Belongs here: arguments and the loop. INVARIANT: memory does not grow with the log; no line is dropped
//! without being counted.

mod count;
mod each;
mod entry;
mod format;
mod judge;
mod lines;
mod moment;
mod progress;
mod report;
mod stand_in;
mod tally;

use std::path::{Path, PathBuf};

use clap::ValueHint;

use crate::screen::failed;
use crate::url::header;
use crate::{Errors, Outcome, read, refused};

use entry::Unread;
use format::{Format, Line, Reader};
use judge::{Before, Judge};
use lines::{Lines, MOST_LINE, Next};
use progress::Progress;
use report::{JudgedAt, Report};
use tally::Tally;

/// Replay access logs: what the policy would have done with each request, beside what the log says was done.
///
/// For roll-outs of a new or stricter policy: what was served and would be refused is listed with its reason.
/// The formats are Envoy's and Istio's default text, JSON with their keys or nginx's, that of envoy/envoy.yaml,
/// the common and combined formats of nginx and Apache, and CloudFront's standard logs; also packed with gzip.
/// Requests are judged as they stand in the log: what Envoy normalises or refuses by itself before pinhole sees
/// it is not known here. `served` means that it goes to the resizer, whatever comes of that. No secret is
/// needed, but for signed URLs the keys of `signing`; what is not set in the environment is stood in for.
/// Memory does not grow with the logs: beyond 262,144 different pictures counts are estimates, marked with `~`,
/// and of transforms, sources and refused requests the 10,000 most frequent are kept.
///
/// Exit codes: 0 all that was served would still be served, 1 failure, 2 something that was served would be
/// refused, 3 invalid policy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON.
    #[arg(value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// The access logs; `-` is standard input.
    #[arg(required = true, value_name = "ACCESS_LOG", value_hint = ValueHint::FilePath)]
    logs: Vec<PathBuf>,
    /// The format of the logs; that of the first line that can be read where left out.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The host of requests whose log does not have it.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// A header of requests whose log does not have it, such as `accept: image/webp`. May be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The time at which signed URLs are judged, in seconds since 1970; that of each line where left out.
    #[arg(long, value_name = "SECONDS")]
    now: Option<u64>,
    /// How many of the most frequent refused requests, transforms, presets and sources are listed.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    top: usize,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Print the decision about each line instead, one JSON object a line.
    #[arg(long, conflicts_with = "json")]
    each: bool,
    /// Say on standard error how far it is, also where that is no terminal.
    #[arg(long)]
    progress: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let headers = match arguments.headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>() {
        Ok(headers) => headers,
        Err(message) => {
            failed(message);
            return Outcome::Failure;
        }
    };
    let document = match read(&arguments.policy) {
        Ok(document) => document,
        Err(outcome) => return outcome,
    };
    let dry = match stand_in::load(&document) {
        Ok(dry) => dry,
        Err(errors) => return refused(&arguments.policy, &Errors { errors, unset: Default::default() }),
    };
    let judge = Judge {
        policy: &dry.loaded.policy,
        lacks_signing_key: dry.lacks_signing_key,
        now: arguments.now,
        host: &arguments.host,
        headers: &headers,
    };
    let mut replay = Replay {
        judge,
        tally: Tally::default(),
        progress: Progress::new(arguments.progress),
        each: arguments.each,
    };
    let mut logs = Vec::new();
    for path in &arguments.logs {
        let name =
            if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let format = replay.log(path, &name, arguments.format);
        match format {
            Ok(format) => logs.push((name, format.map(Format::name))),
            Err(error) => {
                replay.progress.end();
                failed(format_args!("{name}: {error}"));
                return Outcome::Failure;
            }
        }
    }
    replay.progress.end();
    let tally = &replay.tally;
    let at = arguments.now.map_or(JudgedAt::Line, JudgedAt::Fixed);
    let report = Report {
        tally,
        policy: &dry.loaded.policy,
        logs,
        unset: dry.unset.iter().cloned().collect(),
        host: &arguments.host,
        judged_at: dry.asks_for_signatures.then_some(at),
        top: arguments.top,
    };
    match (arguments.each, arguments.json) {
        (true, _) => {}
        (false, true) => crate::screen::say(format_args!("{:#}", report.json())),
        (false, false) => report.print(),
    }
    if tally.requests() == 0 && tally.unread > 0 {
        failed("no line could be read");
        return Outcome::Failure;
    }
    if tally.change(Before::Served, false) > 0 { Outcome::Refused } else { Outcome::Good }
}

/// A replay under way.
struct Replay<'p> {
    judge: Judge<'p>,
    tally: Tally<'p>,
    progress: Progress,
    each: bool,
}

impl Replay<'_> {
    /// Reads a log to its end. Gives its format.
    fn log(&mut self, path: &Path, name: &str, format: Option<Format>) -> std::io::Result<Option<Format>> {
        let mut lines = Lines::open(path)?;
        let mut reader = Reader::new(format);
        for number in 1_u64.. {
            let read = match lines.next()? {
                Next::End => break,
                Next::TooLong => Err(Unread::TooLong(MOST_LINE)),
                Next::Line(line) => reader.read(line),
            };
            match read {
                Err(reason) => {
                    if self.each {
                        each::unread(name, number, &reason);
                    }
                    self.tally.unread(name, number, reason);
                }
                Ok(Line::Other) => self.tally.passed_over = self.tally.passed_over.saturating_add(1),
                Ok(Line::Entry(entry)) => {
                    let before = Before::of(entry.status);
                    let judgement = self.judge.judge(&entry);
                    if self.each {
                        each::judged(name, number, &self.judge, &entry, &judgement);
                    }
                    self.tally.add(&self.judge, &entry, before, &judgement);
                }
            }
            self.progress.step(&lines);
        }
        Ok(reader.format())
    }
}
