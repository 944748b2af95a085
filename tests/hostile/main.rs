//! Hostile corpora on the core: each line of any directory of payload files, at each place of a request.
//!
//!     cargo test --profile load --test hostile -- --dir DIR [--seed N] [--minutes N] [--sample N --sample-to FILE]
//!
//! Without `--dir`, as in a plain `cargo test`, it runs a sample of `payloads/` and, where they are, of the published
//! corpora beside the project, for 45 seconds. Ends with 1 for a violation and with 2 for a directory that cannot be used. `make test-hostile` runs
//! this and then the live half (`live.py`) on lines that are written here. INVARIANT: nothing is left out without a
//! word: files that cannot be read, lines that are cut, time that ran out.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by panicking, and this one prints what it ran"
)]

#[path = "../invariants/mod.rs"]
mod invariants;
mod judging;
mod lines;
mod requests;
mod sample;
mod tally;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;

use judging::{Judge, Policy};
use lines::{Corpus, Line, MOST_LINE, Seen};
use requests::{POSITIONS, SPELLINGS};
use sample::Sample;
use tally::{Found, Tally};

/// Lines that a worker takes at a time.
const BATCH: usize = 16;

/// What is run.
#[derive(Parser)]
struct Arguments {
    /// A directory of payload files; may be given again.
    #[arg(long = "dir", required = true)]
    directories: Vec<PathBuf>,
    /// Says which lines come first, where not all can be run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// After how many minutes it ends, if it has not run all lines before.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// How many lines are kept for the live half.
    #[arg(long, default_value_t = 0)]
    sample: usize,
    /// Where they are written.
    #[arg(long)]
    sample_to: Option<PathBuf>,
    /// Where the counts are written as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().collect();
    let arguments = match given.iter().any(|argument| argument.starts_with("--dir") || argument == "--help") {
        true => Arguments::parse_from(&given),
        false => match as_a_test(&given[1..]) {
            Some(arguments) => arguments,
            None => return ExitCode::SUCCESS,
        },
    };
    let mut corpus = Corpus::default();
    for directory in &arguments.directories {
        if !directory.is_dir() {
            let found = if directory.exists() { "a file" } else { "nothing" };
            eprintln!(
                "hostile: {} is {found}; wanted a directory of payload files, one payload a line",
                directory.display()
            );
            return ExitCode::from(2);
        }
        corpus.add(directory);
    }
    if corpus.files.is_empty() {
        let directories: Vec<_> =
            arguments.directories.iter().map(|path| path.display().to_string()).collect();
        eprintln!("hostile: no file in {}; wanted payload files, one payload a line", directories.join(", "));
        return ExitCode::from(2);
    }
    run(&arguments, &mut corpus)
}

/// What a plain `cargo test` runs; `None` where it asks for other tests.
fn as_a_test(given: &[String]) -> Option<Arguments> {
    if given.iter().any(|argument| argument == "--list") {
        println!("hostile: test");
        return None;
    }
    let mut filters = given.iter().filter(|argument| !argument.starts_with('-')).peekable();
    if filters.peek().is_some() && !filters.any(|filter| "hostile".contains(filter.as_str())) {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories = vec![root.join("tests/hostile/payloads")];
    let published = root.join("../shared/corpora");
    if published.is_dir() {
        directories.push(published);
    } else {
        eprintln!("hostile: not run: the published corpora, which are not at {}", published.display());
    }
    let directories =
        directories.into_iter().flat_map(|directory| ["--dir".into(), directory.into_os_string()]);
    // A development build takes a minute for our own payloads, and hours for the others.
    let bound = ["--minutes".into(), "0.75".into()];
    Some(Arguments::parse_from(std::iter::once("hostile".into()).chain(bound).chain(directories)))
}

fn run(arguments: &Arguments, corpus: &mut Corpus) -> ExitCode {
    let began = Instant::now();
    let policies = judging::policies();
    let (mut seen, mut sample) = (Seen::default(), Sample::new(arguments.sample));
    // A panic is counted as a violation and shown with its request.
    std::panic::set_hook(Box::new(|_| {}));
    let (tally, complete) = run_all(arguments, corpus, &policies, (&mut seen, &mut sample));
    let complete = complete && tally.lines == seen.distinct;
    let _ = std::panic::take_hook();

    let seconds = began.elapsed().as_secs_f64();
    let (run, served) = tally.totals();
    println!("{}", tally.table());
    for unread in &corpus.unread {
        println!("not read: {unread}");
    }
    if seen.cut > 0 {
        println!("{} lines are longer than {MOST_LINE} bytes and were run by their beginning", seen.cut);
    }
    let Seen { lines, distinct, .. } = seen;
    if !complete {
        println!(
            "not all: {} minutes are over; what was run is a sample by seed {}, {} of {} lines",
            arguments.minutes, arguments.seed, tally.lines, corpus.lines,
        );
    }
    let per_second = |count: u64| (count as f64 / seconds).round();
    println!(
        "core: {} files, {} lines, {lines} read, {distinct} of these distinct, {} run; {run} requests: {served} served, {} refused, {} violations; \
         {seconds:.1} s, {} requests and {} lines a second",
        corpus.files.len(),
        corpus.lines,
        tally.lines,
        run - served - tally.violations,
        tally.violations,
        per_second(run),
        per_second(tally.lines),
    );
    if let Some(path) = &arguments.sample_to {
        sample.write(path, corpus).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if sample.len() < distinct {
            println!(
                "for Envoy: {} of {distinct} distinct lines, a sample by the seed (SAMPLE=)",
                sample.len()
            );
        }
    }
    if let Some(path) = &arguments.report {
        let mut report = tally.json();
        report["files"] = corpus.files.len().into();
        report["unread"] = corpus.unread.clone().into();
        report["lines"] = corpus.lines.into();
        report["distinct"] = distinct.into();
        report["run"] = tally.lines.into();
        report["complete"] = complete.into();
        report["seconds"] = seconds.into();
        std::fs::write(path, report.to_string())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    match tally.first {
        None => ExitCode::SUCCESS,
        Some(first) => {
            for (kind, count) in &tally.kinds {
                println!("violated: {kind}, {count} times");
            }
            println!("\nthe first of {} violations\n{}", tally.violations, first.text);
            ExitCode::FAILURE
        }
    }
}

/// Runs every line, or as many as the time allows; says whether it was all.
fn run_all(
    arguments: &Arguments,
    corpus: &mut Corpus,
    policies: &[Policy],
    (seen, sample): (&mut Seen, &mut Sample),
) -> (Tally, bool) {
    let (send, receive) = sync_channel::<Vec<Line>>(4);
    let receive = Arc::new(Mutex::new(receive));
    let done = AtomicU64::new(0);
    let began = Instant::now();
    let ends = began + Duration::from_secs_f64(arguments.minutes * 60.0);
    let signed = judging::signed();
    let names: Vec<String> = corpus.files.iter().map(|path| path.display().to_string()).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || work(&receive, policies, (&signed, &names), (&done, ends));
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut complete = true;
        let mut said = began;
        for pass in 0..corpus.passes() {
            let mut batch = Vec::with_capacity(BATCH);
            let goes_on = corpus.pass(pass, arguments.seed, seen, |line| {
                sample.offer(&line);
                batch.push(line);
                if batch.len() == BATCH {
                    send.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))
                        .expect("workers end last");
                }
                if said.elapsed() > Duration::from_secs(10) {
                    said = Instant::now();
                    let done = done.load(Ordering::Relaxed);
                    eprintln!("core: {done} lines after {:.0} s", began.elapsed().as_secs_f64());
                }
                Instant::now() < ends
            });
            send.send(batch).expect("workers end last");
            if !goes_on {
                complete = false;
                break;
            }
        }
        drop(send);
        let mut tally = Tally::default();
        for worker in workers {
            tally.add(worker.join().expect("panics of requests are caught"));
        }
        (tally, complete)
    })
}

/// Runs lines until there are no more, or the time is over: then it only empties the queue.
fn work(
    receive: &Mutex<Receiver<Vec<Line>>>,
    policies: &[Policy],
    request: (&str, &[String]),
    (done, ends): (&AtomicU64, Instant),
) -> Tally {
    let (mut judge, mut tally) = (Judge::default(), Tally::default());
    while let Some(batch) = receive.lock().ok().and_then(|receive| receive.recv().ok()) {
        for line in batch.iter().filter(|_| Instant::now() < ends) {
            run_line(line, policies, request, (&mut judge, &mut tally));
            tally.lines += 1;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    tally
}

/// Runs one line in each spelling at each position under each policy.
fn run_line(
    line: &Line,
    policies: &[Policy],
    (signed, names): (&str, &[String]),
    (judge, tally): (&mut Judge, &mut Tally),
) {
    let mut written: Vec<Vec<u8>> = Vec::with_capacity(SPELLINGS.len());
    for (spelling, write) in SPELLINGS {
        let payload = write(&line.bytes);
        if written.contains(&payload) {
            continue; // a word of letters has fewer spellings
        }
        for (index, position) in POSITIONS.iter().enumerate() {
            for policy in policies.iter().filter(|policy| position.is_for(policy.name)) {
                let headers = position.request(&payload, signed);
                match judge.judge(policy, position.role, headers, position.is_in_path()) {
                    Ok(outcome) => tally.count(index, outcome),
                    Err(violation) => tally.violate(index, violation.invariant, || Found {
                        place: (line.file, line.number),
                        text: format!(
                            "  {}:{}\n  position: {}\n  spelling: {spelling}\n  policy:   tests/hostile/policies/{}.json\n  {violation}",
                            names[line.file], line.number, position.name, policy.name,
                        ),
                    }),
                }
            }
        }
        written.push(payload);
    }
}
