//! The corpus as an access log: `pinhole replay` decides each line as the core decides the request.

use std::io::Write;
use std::process::{Command, Stdio};

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use serde_json::{Map, Value, json};

use crate::core::load;
use crate::file::{self, Case, ENVIRONMENT, Request};

/// The headers that a log in JSON can have.
const LOGGED: [&str; 12] = [
    "accept",
    "referer",
    "save-data",
    "ect",
    "rtt",
    "downlink",
    "sec-ch-width",
    "sec-ch-viewport-width",
    "sec-ch-dpr",
    "sec-ch-ua-mobile",
    "viewport-width",
    "width",
];

fn each(policy: &str, arguments: &[&str], log: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(["replay", "--each", policy, "-"])
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    let log = log.to_owned();
    let writer = std::thread::spawn(move || input.write_all(log.as_bytes()));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("a thread").expect("all is read");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// What the core decides, in the words of `--each`.
fn decided(policy: &Policy, request: &Request) -> Value {
    match policy.decide(&request.headers(), !request.body, None) {
        Decision::Forward(forward) => json!({
            "decision": "served",
            "rule": forward.rule.to_string(),
            "preset": forward.preset,
            "origin": forward.origin.name(),
            "source": forward.source.as_str(),
            "canonical": forward.answer.variant,
        }),
        Decision::Reject(refusal) => json!({
            "decision": "refused",
            "rule": refusal.rule.to_string(),
            "reason": refusal.rejection.reason(),
            "status": refusal.rejection.status(),
            "option": refusal.option,
        }),
    }
}

#[track_caller]
fn compare(policy: &Policy, cases: &[&Case], told: &[Value]) {
    assert_eq!(told.len(), cases.len());
    for (case, told) in cases.iter().zip(told) {
        let want = decided(policy, &case.request);
        for (key, want) in want.as_object().into_iter().flatten() {
            assert_eq!(&told[key], want, "{}: {key}: {told}", case.name);
        }
    }
}

fn is_ascii(request: &Request) -> bool {
    let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
    [&request.method, &request.authority, &request.path]
        .into_iter()
        .chain(headers)
        .all(|text| text.is_ascii())
}

/// Whether a log in JSON can have this request: each header once, nothing that stands for nothing.
fn fits_json(case: &&Case) -> bool {
    let Request { method, authority, path, headers, .. } = &case.request;
    let texts = [method, authority, path].into_iter().chain(headers.iter().map(|(_, value)| value));
    let names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let once = names.iter().all(|name| names.iter().filter(|other| *other == name).count() == 1);
    let known = names.iter().all(|name| LOGGED.contains(&name.as_str()));
    texts.into_iter().all(|text| !text.is_empty() && text != "-") && once && known && is_ascii(&case.request)
}

#[test]
fn a_log_in_json_is_decided_as_the_core_decides_its_requests() {
    let mut count = 0_usize;
    for (_, file) in file::files() {
        let cases: Vec<&Case> = file.cases.iter().filter(fits_json).collect();
        let lines = cases.iter().map(|case| {
            let Request { method, authority, path, headers, body } = &case.request;
            let mut line = Map::new();
            for (key, value) in [("method", method), ("authority", authority), ("path", path)] {
                line.insert(key.to_owned(), json!(value));
            }
            line.insert("bytes_received".to_owned(), json!(u8::from(*body)));
            line.extend(headers.iter().map(|(name, value)| (name.replace('-', "_"), json!(value))));
            format!("{}\n", Value::Object(line))
        });
        let log: String = lines.collect();
        let path = file::root().join(&file.policy).display().to_string();
        compare(&load(&file.policy), &cases, &each(&path, &["--format", "json"], &log));
        count = count.saturating_add(cases.len());
    }
    assert!(count > 300, "only {count} cases fit");
}

/// Whether the combined format can have it: one host, no header but the referer, no body.
fn fits_combined(case: &&Case) -> bool {
    let Request { method, authority, path, headers, body } = &case.request;
    let headers_fit = match headers.as_slice() {
        [] => true,
        [(name, value)] => name.eq_ignore_ascii_case("referer") && !["", "-"].contains(&value.as_str()),
        _ => false,
    };
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    authority == "img.example.com" && headers_fit && is_method && path.starts_with('/') && !body
}

/// nginx's escapes; each character is a byte.
fn nginx(text: &str) -> String {
    let escaped = |c: char| match u32::from(c) {
        0..0x20 | 0x22 | 0x5c | 0x7f.. => format!("\\x{:02X}", u32::from(c)),
        _ => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[test]
fn a_log_of_nginx_is_decided_as_the_core_decides_its_requests() {
    let mut count = 0_usize;
    for (_, file) in file::files() {
        let cases: Vec<&Case> = file.cases.iter().filter(fits_combined).collect();
        let lines = cases.iter().map(|case| {
            let Request { method, path, headers, .. } = &case.request;
            let referer = headers.first().map_or("-".to_owned(), |(_, value)| nginx(value));
            let request = format!("{method} {} HTTP/1.1", nginx(path));
            format!("203.0.113.7 - - [24/Nov/2026:12:00:00 +0000] \"{request}\" 200 5 \"{referer}\" \"-\"\n")
        });
        let log: String = lines.collect();
        let path = file::root().join(&file.policy).display().to_string();
        let told = each(&path, &["--format", "combined", "--host", "img.example.com"], &log);
        compare(&load(&file.policy), &cases, &told);
        count = count.saturating_add(cases.len());
    }
    assert!(count > 300, "only {count} cases fit");
}
