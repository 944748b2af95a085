//! The load for the benches: an upstream that costs next to nothing (`serve`) and a client that asks as fast as it
//! is answered (`drive`). `benches/traffic.py` starts both, one process each.
//!
//! It is a bench target so that `cargo test` does not build it; it measures nothing by itself. Does not belong here:
//! what is compared with what, and the CPU time of Envoy (`benches/*.py`).

mod connections;
mod drive;
mod job;
mod serve;

use std::error::Error;
use std::io::Write;

/// Whatever went wrong: all of it ends the program, or the job, with its text.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "load: the upstream and the client that `make bench` measures Envoy with; no bench by itself
load: `serve PORT=BYTES|PORT=hold:MILLISECONDS|PORT=file:JPEG ...`, or `drive` with jobs as JSON lines on its input";

fn main() -> Result<(), Failure> {
    // `cargo bench` adds `--bench` for every target.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // One thread each: beside Envoy's worker there is one core, and more would take Envoy's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.split_first() {
        Some((verb, answers)) if verb == "serve" => runtime.block_on(serve::serve(answers)),
        Some((verb, [])) if verb == "drive" => drive::drive(&runtime),
        Some((other, _)) => Err(format!("found `{other}`; {USAGE}").into()),
        None => Ok(writeln!(std::io::stdout(), "{USAGE}")?),
    }
}
