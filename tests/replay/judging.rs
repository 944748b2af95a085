//! What is not in the log: headers, hosts, the time and the keys of signed URLs, secrets.

use std::process::Command;

use serde_json::{Value, json};

use crate::{POLICY, in_tmp, replay, told};

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

#[test]
fn what_pinhole_wrote_over_a_request_is_not_taken_for_the_visitors() {
    let line = json!({ "method": "GET", "path": "/images/large/a.jpg", "authority": "thumbor.internal",
                       "accept": null, "response_code": 200 });
    let arguments = [POLICY, "-", "--host", "img.example.com", "-H", "accept: image/webp", "--each"];
    let each = |line: &Value| -> Value {
        let output = replay(&arguments, format!("{line}\n").as_bytes());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let told = each(&line);
    assert_eq!(told["host"], "img.example.com");
    assert!(told["canonical"].as_str().unwrap().contains("format=webp"), "{told}");
    // Another server's log says what the visitor sent.
    let mut other = line;
    other["status"] = other["response_code"].take();
    other.as_object_mut().unwrap().remove("response_code");
    let told = each(&other);
    assert_eq!(told["host"], "thumbor.internal");
    assert!(!told["canonical"].as_str().unwrap().contains("format=webp"), "{told}");
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
    let bare = line(now, "/a.jpg");
    let told_bare = told(&[&policy, "-"], format!("{bare}\n").as_bytes(), 2);
    assert_eq!(told_bare["refused_by_reason"], json!({ "bad-signature": 1 }));
    let mut of_envoy = bare;
    of_envoy["response_code"] = json!(200);
    let told_bare = told(&[&policy, "-"], format!("{of_envoy}\n").as_bytes(), 0);
    let why = "no signature in the log; pinhole keeps them out of Envoy's";
    assert_eq!(told_bare["not_known"], json!({ why: 1 }));
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
