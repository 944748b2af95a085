//! The targets by their names, which are those of libFuzzer's binaries.

mod decide;
mod dialect;
mod gate;
mod policy;
mod response;
mod seal;
mod signature;

pub use signature::NOW;

use super::invariants::Violation;

/// A target: panics where something does not hold of the input.
pub type Target = fn(&[u8]);

/// All targets. The names of dialects are those of `pinhole::resizer::DIALECTS`.
pub const TARGETS: [(&str, Target); 14] = [
    ("decide", decide::run),
    ("gate", gate::run),
    ("policy", policy::run),
    ("response", response::run),
    ("seal", seal::run),
    ("signature", signature::run),
    ("imgproxy", |data| dialect::run("imgproxy", data)),
    ("thumbor", |data| dialect::run("thumbor", data)),
    ("imagor", |data| dialect::run("imagor", data)),
    ("imaginary", |data| dialect::run("imaginary", data)),
    ("weserv", |data| dialect::run("weserv", data)),
    ("ipx", |data| dialect::run("ipx", data)),
    ("cloudflare", |data| dialect::run("cloudflare", data)),
    ("template", |data| dialect::run("template", data)),
];

/// The target of this name.
pub fn named(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(other, _)| *other == name).map(|(_, target)| *target)
}

/// Panics with what was found, where an invariant does not hold.
fn held<T>(outcome: std::result::Result<T, Violation>) -> T {
    outcome.unwrap_or_else(|violation| panic!("{violation}"))
}

/// Runs the target of this name.
pub fn run(name: &str, data: &[u8]) {
    named(name).unwrap_or_else(|| panic!("there is no target {name}"))(data);
}
