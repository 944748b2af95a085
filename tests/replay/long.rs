//! Long logs: memory and time.

use std::io::Write;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{POLICY, start};

/// The most memory that a process had so far, in kB.
fn peak_of(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends so many lines, each for a source and a width of its own; gives what is told, the seconds, the memory.
fn long_log(lines: u64) -> (Value, Duration, u64) {
    let mut child = start(&[POLICY, "-", "--json", "--progress"]);
    let mut input = std::io::BufWriter::new(child.stdin.take().unwrap());
    let begun = Instant::now();
    for line in 0..lines {
        let (source, width) = (line / 2, line % 1500);
        writeln!(
            input,
            "203.0.113.7 - - [24/Nov/2026:12:00:00 +0000] \"GET /strict/2026/{source}.jpg?width={width} HTTP/1.1\" 200 8497 \"https://www.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64)\""
        )
        .unwrap();
    }
    input.flush().unwrap();
    let peak = peak_of(&child);
    drop(input);
    let output = child.wait_with_output().unwrap();
    let elapsed = begun.elapsed();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains(" lines, "), "--progress tells how far it is");
    (serde_json::from_slice(&output.stdout).unwrap(), elapsed, peak)
}

#[test]
fn a_long_log_is_counted() {
    let (told, elapsed, _) = long_log(5000);
    assert_eq!(told["requests"], 5000);
    assert_eq!(told["pictures"]["exact"], true);
    assert!(elapsed < Duration::from_secs(120), "{elapsed:?}");
}

/// For the release build: `cargo test --release --test replay -- --ignored --nocapture`.
#[test]
#[ignore = "a minute of work"]
fn a_million_lines_take_bounded_memory_and_time() {
    let (_, _, small) = long_log(20_000);
    let (told, elapsed, peak) = long_log(1_000_000);
    let rate = 1_000_000_f64 / elapsed.as_secs_f64();
    println!("1,000,000 lines in {elapsed:?}: {rate:.0} a second; at most {peak} kB, {small} kB for 20,000");
    assert_eq!(told["requests"], 1_000_000);
    assert_eq!(told["pictures"]["exact"], false);
    // Two of three lines are served, each a picture of its own; five standard errors.
    let (pictures, served) = (told["pictures"]["count"].as_f64().unwrap(), told["served"].as_f64().unwrap());
    assert!((pictures / served - 1.0).abs() < 0.01, "{pictures} of {served}");
    assert!(peak < 96 * 1024, "{peak} kB");
    assert!(elapsed < Duration::from_secs(180), "{elapsed:?}");
}
