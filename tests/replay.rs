//! `pinhole replay`: the same requests in every format, what cannot be read, signed URLs, and long logs.
//!
//! `tests/logs/` has the formats, each as its server's documentation has it, all with the same seven requests
//! and one line that is none. Their readers have properties of their own beside them; the corpus as a log is in
//! `tests/corpus/replay.rs`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const POLICY: &str = "tests/cases/policies/basic.json";

/// Starts a replay without any variable: it needs no secret.
fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .arg("replay")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn replay(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(arguments);
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn told(arguments: &[&str], input: &[u8], code: i32) -> Value {
    let output = replay(&[arguments, &["--json"]].concat(), input);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn in_tmp(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What every format has to come to.
#[track_caller]
fn check(told: &Value, format: &str) {
    assert_eq!(told["logs"][0]["format"], format);
    for (pointer, want) in [
        ("/requests", json!(7)),
        ("/served", json!(4)),
        ("/refused", json!(3)),
        ("/not_known", json!({})),
        ("/refused_by_reason", json!({ "method-not-allowed": 1, "over-limit": 1, "unknown-preset": 1 })),
        ("/in_the_log/served", json!({ "served": 3, "refused": 1 })),
        ("/in_the_log/refused", json!({ "served": 0, "refused": 2 })),
        ("/in_the_log/failed", json!({ "served": 1, "refused": 0 })),
        ("/pictures", json!({ "count": 3, "exact": true })),
        ("/sources", json!({ "count": 3, "exact": true })),
        ("/transforms", json!({ "count": 3, "exact": true })),
        ("/presets", json!({ "large": 1, "small": 2 })),
        ("/routes/0/served", json!(3)),
        ("/routes/0/refused", json!(2)),
        ("/routes/0/newly_refused", json!(1)),
        ("/routes/1/served", json!(1)),
        ("/routes/2/refused", json!(1)),
        ("/newly_refused/0/host", json!("img.example.com")),
        ("/newly_refused/0/path", json!("/images/smal/landscape.jpg")),
        ("/newly_refused/0/reason", json!("unknown-preset")),
        ("/newly_refused/0/rule", json!("presets")),
        ("/newly_refused/0/hint", json!("unknown preset `smal`; did you mean `small`?")),
        ("/newly_refused/1", Value::Null),
        ("/most_frequent_transforms/0", json!({ "transform": "width=300", "requests": 2 })),
        ("/unreadable/lines", json!(1)),
        ("/unset_variables", json!(["PHOTOS_TOKEN", "PINHOLE_SEAL_KEY", "THUMBOR_KEY"])),
    ] {
        assert_eq!(told.pointer(pointer).unwrap_or(&Value::Null), &want, "{format}: {pointer}");
    }
}

#[test]
fn every_format_tells_the_same_whether_it_is_named_or_found() {
    for (log, format, others, has_host) in [
        ("envoy.log", "envoy", 0, true),
        ("istio.log", "istio", 0, true),
        ("envoy-json.log", "json", 0, true),
        ("nginx-json.log", "json", 0, true),
        ("pinhole.log", "pinhole", 7, false),
        ("nginx-combined.log", "combined", 0, false),
        ("apache-common.log", "combined", 0, false),
        ("apache-vhost.log", "combined", 0, true),
        ("cloudfront.log", "cloudfront", 2, true),
    ] {
        let path = format!("tests/logs/{log}");
        for forced in [&[][..], &["--format", format]] {
            let arguments = [&[POLICY, &path, "--host", "img.example.com"], forced].concat();
            let told = told(&arguments, b"", 2);
            check(&told, format);
            assert_eq!(told["other_lines"], others, "{log}");
            let hostless = if has_host { 0 } else { 7 };
            assert_eq!(told["without_host"]["requests"], hostless, "{log}");
        }
    }
}

#[test]
fn a_log_may_be_packed_and_come_by_standard_input() {
    let log = std::fs::read("tests/logs/cloudfront.log").unwrap();
    // Files that were joined as they are have several gzip members.
    let (head, tail) = log.split_at(log.len() / 2);
    let packed = [head, tail].map(|part| {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(part).unwrap();
        packer.finish().unwrap()
    });
    let packed = packed.concat();
    let path = in_tmp("replay.log.gz", &packed);
    check(&told(&[POLICY, &path.display().to_string()], b"", 2), "cloudfront");
    check(&told(&[POLICY, "-"], &packed, 2), "cloudfront");
    check(&told(&[POLICY, "-"], &log, 2), "cloudfront");
    let cut = packed.get(..packed.len() - 20).unwrap();
    let output = replay(&[POLICY, "-"], cut);
    assert_eq!(output.status.code(), Some(1), "a file that is cut off is told: {output:?}");
}

#[test]
fn several_logs_add_up() {
    let told = told(&[POLICY, "tests/logs/envoy.log", "tests/logs/cloudfront.log"], b"", 2);
    assert_eq!((&told["requests"], &told["pictures"]["count"]), (&json!(14), &json!(3)));
    assert_eq!(told["logs"][1]["format"], "cloudfront");
}

#[test]
fn the_table_is_aligned_and_plain_in_a_pipe() {
    let output = replay(&[POLICY, "tests/logs/nginx-combined.log", "--host", "img.example.com"], b"");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(output.stderr, b"", "progress is for terminals");
    let printed = String::from_utf8(output.stdout).unwrap();
    if std::env::var_os("UPDATE_GALLERY").is_some() {
        std::fs::write("tests/logs/nginx-combined.out", &printed).unwrap();
    }
    let wanted = std::fs::read_to_string("tests/logs/nginx-combined.out").unwrap_or_default();
    assert_eq!(printed, wanted, "UPDATE_GALLERY=1 writes it anew");
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_the_first_ones_told() {
    let good = r#"1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "GET /images/small/a.jpg HTTP/1.1" 200 5 "-" "-""#;
    let handshake = r#"1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] "\x16\x03\x01" 400 5 "-" "-""#;
    let long = format!("{good}{}", "x".repeat(70_000));
    let log = [good, "nonsense\x1b[31m", "", handshake, &long, good, "{}", "a", "b", "c", good].join("\r\n");
    let told = told(&[POLICY, "-"], log.as_bytes(), 0);
    assert_eq!(
        (&told["requests"], &told["other_lines"], &told["unreadable"]["lines"]),
        (&json!(3), &json!(1), &json!(7))
    );
    let first: Vec<(u64, &str)> = told["unreadable"]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["line"].as_u64().unwrap(), line["reason"].as_str().unwrap()))
        .collect();
    let form = "not a line of the common or combined format";
    let handshake = "no request in it, but `\u{fffd}\u{fffd}\u{fffd}`";
    assert_eq!(first, [(2, form), (4, handshake), (5, "longer than 65536 bytes"), (7, form), (8, form)]);
}

#[test]
fn exit_codes_tell_the_outcomes_apart() {
    let line = |path: &str, status: u16| {
        format!("1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] \"GET {path} HTTP/1.1\" {status} 5\n").into_bytes()
    };
    let (served, refused) = ("/images/small/a.jpg", "/images/huge/a.jpg");
    for (arguments, input, code) in [
        (&[POLICY, "-"][..], line(served, 200), 0),
        (&[POLICY, "-"], line(served, 500), 0),
        (&[POLICY, "-"], line(refused, 404), 0),
        (&[POLICY, "-"], line(refused, 200), 2),
        (&[POLICY, "-"], line(refused, 304), 2),
        (&[POLICY, "-"], Vec::new(), 0),
        (&[POLICY, "-"], b"nonsense\n".to_vec(), 1),
        (&[POLICY, "no/such/file"], Vec::new(), 1),
        (&["no/such/policy", "-"], Vec::new(), 1),
        (&[POLICY, "-", "-H", "no colon"], Vec::new(), 1),
        (&[POLICY, "-", "--format", "nonsense"], Vec::new(), 1),
        (&[POLICY], Vec::new(), 1),
        (&["tests/config/bad/empty.json", "-"], Vec::new(), 3),
    ] {
        let mut child = start(arguments);
        // What ends before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(&input);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[test]
fn headers_and_hosts_that_the_log_lacks_can_be_given() {
    let log =
        b"1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] \"GET /images/large/a.jpg HTTP/1.1\" 200 5 \"-\" \"-\"\n";
    let transform = |arguments: &[&str]| {
        let told = told(&[&[POLICY, "-"], arguments].concat(), log, 0);
        told["most_frequent_transforms"][0]["transform"].as_str().unwrap().to_owned()
    };
    assert!(!transform(&[]).contains("webp"));
    assert!(transform(&["-H", "accept: image/webp"]).contains("format=webp"));

    // What the log has counts before what is given: it says that there was no referer.
    let policy = "tests/cases/policies/referrers.json";
    let document: Value = serde_json::from_slice(&std::fs::read(policy).unwrap()).unwrap();
    let host = document["routes"][0]["referrer"]["hosts"][0].as_str().unwrap().replace('*', "www");
    let referer = format!("referer: https://{host}/");
    let combined = "1.2.3.4 - - [24/Nov/2026:12:00:00 +0000] \"GET /strict/a.jpg HTTP/1.1\" 200 5";
    let refused = |log: &str| {
        let output = replay(&[policy, "-", "-H", &referer, "--each"], log.as_bytes());
        let each: Value = serde_json::from_slice(&output.stdout).unwrap();
        each["reason"] == "referrer-not-allowed"
    };
    assert!(refused(&format!("{combined} \"-\" \"-\"\n")), "the log has the header");
    assert!(!refused(&format!("{combined}\n")), "the log does not have it");
}

/// A policy with a signed route, whose key is this or a variable.
fn signed_policy(name: &str, key: &Value) -> String {
    let mut policy: Value = serde_json::from_slice(&std::fs::read(POLICY).unwrap()).unwrap();
    policy["signing"] = json!({ "keys": { "k1": key } });
    policy["routes"] = json!([{ "path": "/(?<source>.+)", "origin": "photos", "default": { "width": 100 },
                                "signature": { "max_life": 3600 } }]);
    in_tmp(name, policy.to_string().as_bytes()).display().to_string()
}

#[test]
fn signed_urls_are_judged_at_the_time_of_their_line_and_not_shown() {
    let key = "0ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba1100ddba110";
    let policy = signed_policy("replay-signed.json", &json!({ "value": key }));
    let sign = Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(["sign", &policy, "http://img.example.com/a.jpg", "--expires-in", "600"])
        .env("PHOTOS_TOKEN", "x")
        .env("THUMBOR_KEY", "corpus-key-corpus-key-corpus-key")
        .env("PINHOLE_SEAL_KEY", key.replace('d', "e"))
        .output()
        .unwrap();
    assert_eq!(sign.status.code(), Some(0), "{sign:?}");
    let url = String::from_utf8(sign.stdout).unwrap();
    let target = url.trim().strip_prefix("http://img.example.com").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let line = |at: u64, target: &str| json!({ "msec": at, "method": "GET", "path": target, "authority": "img.example.com", "status": 200 });
    let log = |at: u64| format!("{}\n", line(at, target)).into_bytes();

    let fresh = told(&[&policy, "-"], &log(now), 0);
    assert_eq!((&fresh["served"], &fresh["signed_urls_judged_at"]), (&json!(1), &json!("line")));
    let expired = told(&[&policy, "-"], &log(now + 601), 2);
    assert_eq!(expired["refused_by_reason"], json!({ "bad-signature": 1 }));
    assert_eq!(expired["newly_refused"][0]["path"], "/a.jpg", "the signature is not repeated");
    let fixed = told(&[&policy, "-", "--now", &now.to_string()], &log(now + 601), 0);
    assert_eq!((&fixed["served"], &fixed["signed_urls_judged_at"]), (&json!(1), &json!(now)));

    // Without its key nothing is known of a signature, and pinhole keeps it out of Envoy's log.
    let keyless = signed_policy("replay-keyless.json", &json!({ "env": "NO_SUCH_KEY" }));
    let told_keyless = told(&[&keyless, "-"], &log(now), 0);
    assert_eq!(
        told_keyless["not_known"],
        json!({ "a signed URL, and a key of `signing` is not set here": 1 })
    );
    let bare = format!("{}\n", line(now, "/a.jpg"));
    let told_bare = told(&[&policy, "-"], bare.as_bytes(), 0);
    assert_eq!(told_bare["not_known"], json!({ "a signed URL, whose query is not in the log": 1 }));
}

#[test]
fn every_shipped_policy_can_be_replayed_without_a_secret() {
    for directory in ["envoy", "tests/config/good"] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".json") && !name.ends_with(".schema.json") {
                told(&[&path.display().to_string(), "-"], b"", 0);
            }
        }
    }
    // Shared access signatures are queries, which other stand-ins are not.
    let recipes = std::fs::read_to_string("envoy/origins.md").unwrap();
    for recipe in recipes.split("```json\n").skip(1) {
        let recipe = recipe.split_once("\n```").unwrap().0;
        let mut policy: Value = serde_json::from_slice(&std::fs::read(POLICY).unwrap()).unwrap();
        policy["origins"]["photos"] = serde_json::from_str(recipe).unwrap();
        let path = in_tmp("replay-recipe.json", policy.to_string().as_bytes());
        told(&[&path.display().to_string(), "-"], b"", 0);
    }
}

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
