//! The same requests in every format, packed or not, and what cannot be read.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::{POLICY, in_tmp, replay, start, told};

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
fn every_command_of_the_document_runs() {
    let document = std::fs::read_to_string("envoy/replay.md").unwrap();
    let block = document.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let path = Path::new(env!("CARGO_BIN_EXE_pinhole")).parent().unwrap().display().to_string();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    for command in block.lines() {
        let output = Command::new("sh").args(["-c", command]).env("PATH", &path).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 2)), "{command}: {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{command}: {output:?}");
    }
    assert_eq!(block.lines().count(), 4);
    for format in ["envoy", "istio", "json", "pinhole", "combined", "cloudfront"] {
        assert!(document.contains(&format!("| `{format}` |")), "{format}");
    }
}
