//! Every fuzz target on a stable compiler: over its seeds, over what was found before, and over inputs made of both.
//!
//! What libFuzzer does better is to find its way by what an input reaches; here inputs are changed blindly. Variables, for
//! `.make/fuzz` and for one who looks for the reason of a crash:
//!
//! | variable | |
//! |---|---|
//! | `FUZZ_INPUT` | `one_input` runs this file of the directory of a target, which names it |
//! | `FUZZ_SEEDS` | `every_seed_holds` writes the seeds below this directory, too |
//! | `FUZZ_CORPUS` | `what_was_found_before_holds` runs what stands below this directory, too |
//! | `FUZZ_SECONDS` | how long `changed_inputs_hold` takes for each target, in the place of a number of inputs |
//! | `FUZZ_TARGETS` | only these targets, in `changed_inputs_hold` |
//! | `FUZZ_SEED` | where its random numbers begin, for the same inputs again |

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by panicking"
)]
#![expect(
    clippy::duplicate_mod,
    reason = "parsers that the targets share with the invariants, each a module of its own"
)]

#[path = "lib.rs"]
mod fuzz;
mod mutator;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuzz::{TARGETS, seeds};
use mutator::Mutator;

/// How many inputs a target is given where nobody says how long.
const INPUTS: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a directory, which may be absent.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A name that tells inputs apart.
fn name_of(input: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(input).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Runs an input; one that does not hold is written to a file, and the message says how to run it again.
fn run(target: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| fuzz::run(target, input))).is_err() {
        let directory = root().join("target/fuzz/artifacts").join(target);
        let path = directory.join(format!("crash-{}", name_of(input)));
        let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, input));
        let place = path.strip_prefix(root()).unwrap_or(&path).display();
        panic!(
            "{target} does not hold ({written:?}); again: FUZZ_INPUT={place} cargo test --test fuzz one_input"
        );
    }
}

#[test]
fn one_input() {
    let Some(path) = std::env::var_os("FUZZ_INPUT").map(PathBuf::from) else { return };
    let target = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let input = read(&path);
    println!("{}", input.escape_ascii());
    fuzz::run(&target.unwrap_or_else(|| panic!("the directory of a file is its target")), &input);
}

#[test]
fn every_seed_holds() {
    let into = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from);
    for (target, _) in TARGETS {
        let seeds = seeds::of(target);
        assert!(seeds.len() >= 50, "{target}: only {} seeds", seeds.len());
        for seed in &seeds {
            run(target, seed);
            if let Some(directory) = into.as_ref().map(|into| into.join(target)) {
                let path = directory.join(name_of(seed));
                let written = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, seed));
                written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        println!("{target}: {} seeds", seeds.len());
    }
}

#[test]
fn what_was_found_before_holds() {
    let more = std::env::var_os("FUZZ_CORPUS").map(PathBuf::from);
    for directory in [Some(root().join("tests/fuzz/regressions")), more].into_iter().flatten() {
        for (target, _) in TARGETS {
            let paths = files(&directory.join(target));
            paths.iter().for_each(|path| run(target, &read(path)));
            println!("{target}: {} inputs of {}", paths.len(), directory.display());
        }
    }
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for directory in files(&root().join("tests/fuzz/regressions")) {
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(named.contains(&name), "{}: no such target", directory.display());
    }
}

#[test]
fn changed_inputs_hold() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let limit = number("FUZZ_SECONDS").map(Duration::from_secs);
    let begin = number("FUZZ_SEED").unwrap_or_else(mutator::any_seed);
    println!("FUZZ_SEED={begin}");
    let only = std::env::var("FUZZ_TARGETS").unwrap_or_default();
    let only: Vec<&str> = only.split_whitespace().collect();
    for (target, _) in TARGETS.into_iter().filter(|(name, _)| only.is_empty() || only.contains(name)) {
        let mut mutator = Mutator::new(begin, seeds::of(target));
        let started = Instant::now();
        let mut count = 0_usize;
        while limit.map_or(count < INPUTS, |limit| started.elapsed() < limit) {
            run(target, &mutator.input());
            count += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{target}: {count} inputs in {seconds:.1} s");
    }
}

#[test]
fn every_dialect_has_a_target_and_every_target_a_binary() {
    let named: BTreeSet<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    for dialect in pinhole::resizer::DIALECTS {
        assert!(named.contains(dialect.name), "{}", dialect.name);
    }
    let manifest = include_str!("Cargo.toml");
    let binaries: BTreeSet<_> = manifest
        .split("[[bin]]\nname = \"")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .collect();
    assert_eq!(binaries, named);
}

#[test]
fn every_policy_is_there() {
    let known: BTreeSet<_> = fuzz::policies::ALL.iter().map(|known| known.name.to_owned()).collect();
    for directory in ["tests/cases/policies", "tests/config/good", "envoy"] {
        for path in files(&root().join(directory)) {
            let name = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().into_owned();
            if name.ends_with(".json") && !name.ends_with(".schema.json") {
                assert!(known.contains(&name), "{name} is not in tests/fuzz/policies.rs");
            }
        }
    }
}

/// What is fuzzed is what is shipped: the same versions of everything that both have.
#[test]
fn both_lock_files_have_the_same_versions() {
    let versions = |lock: &'static str| -> BTreeSet<(&str, &str)> {
        let packages = lock.split("[[package]]\n").skip(1);
        let field = |package: &'static str, name: &str| {
            package.split_once(&format!("{name} = \""))?.1.split_once('"').map(|(value, _)| value)
        };
        packages.filter_map(|package| Some((field(package, "name")?, field(package, "version")?))).collect()
    };
    let (own, fuzzed) = (versions(include_str!("../../Cargo.lock")), versions(include_str!("Cargo.lock")));
    let names: BTreeSet<&str> = own.iter().map(|(name, _)| *name).collect();
    for package in fuzzed.iter().filter(|(name, _)| names.contains(name)) {
        assert!(
            own.contains(package),
            "{package:?} is not in Cargo.lock: copy it to tests/fuzz and let cargo mend it"
        );
    }
}
