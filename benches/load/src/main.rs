//! The load for the benches: an upstream that costs next to nothing (`serve`) and a client that asks as fast as it
//! is answered (`drive`). `benches/traffic.py` starts both, one process each.
//!
//! A package of its own, so that pinhole does not wait for its dependencies. Does not belong here: what is compared
//! with what, and the CPU time of Envoy (`benches/*.py`).

mod connections;
mod drive;
mod job;
mod serve;

use std::error::Error;

/// Whatever went wrong: all of it ends the program, or the job, with its text.
type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str =
    "wanted `serve PORT=BYTES|PORT=hold:MILLISECONDS|PORT=file:JPEG ...`, or `drive`, which reads jobs";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // One thread each: beside Envoy's worker there is one core, and more would take Envoy's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.split_first() {
        Some((verb, answers)) if verb == "serve" => runtime.block_on(serve::serve(answers)),
        Some((verb, [])) if verb == "drive" => drive::drive(&runtime),
        Some((other, _)) => Err(format!("found `{other}`; {USAGE}").into()),
        None => Err(USAGE.into()),
    }
}
