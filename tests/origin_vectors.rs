//! Signatures for origins that others computed: AWS's own test suite and S3's documented example, run
//! through the call that the gate makes, and Wycheproof's HMAC-SHA1, which thumbor's URLs rest on.
//!
//! The corpora are in `../shared/corpora` beside the project; where they are absent, a line on stderr
//! says what was skipped. What a corpus has and pinhole does not use is named there as well.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use pinhole::credentials::aws::{Canonical, Key, Region};
use pinhole::credentials::moment::Moment;
use pinhole::credentials::word::Word;
use pinhole::seal::decode_hex;
use pinhole::secret::Secret;
use proptest::prelude::*;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A folder or file of the corpora, or a line that says that it is absent.
fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora").join(name);
    if !path.exists() {
        say(&format!("SKIPPED origin vectors: {name} is absent"));
        return None;
    }
    Some(path)
}

/// Not `eprintln!`, which is shown only where a test fails.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// 2015-08-30T12:36:00Z, the time of every case of AWS's suite.
const SUITE_TIME: u64 = 1_440_938_160;

/// What the suite writes into its requests and no request may hold.
const RAW: &AsciiSet = &CONTROLS.add(b' ');

/// A request of the suite as text: method, target, headers and body.
struct Case {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Case {
    fn parse(text: &str) -> Case {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap();
        let (method, rest) = line.split_once(' ').unwrap();
        let target = utf8_percent_encode(rest.strip_suffix(" HTTP/1.1").unwrap(), RAW).to_string();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                // A folded line belongs to the one before it (RFC 9112 5.2).
                None => headers.last_mut().unwrap().1.push_str(&format!(" {}", line.trim())),
            }
        }
        Case { method: method.to_owned(), target, headers, body: body.to_owned() }
    }

    /// Whether it is a request as the gate makes them: no query, a path that stays as it is, no header twice.
    fn is_the_gates(&self, context: &serde_json::Value) -> bool {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        let normal = !["/./", "/../", "//"].iter().any(|part| self.target.contains(part))
            && !self.target.ends_with("/.")
            && !self.target.ends_with("/..");
        let normal = normal || context["normalize"] == false;
        !self.target.contains('?') && normal && names.len() == self.headers.len()
    }

    /// `authorization` for this request, whose headers are all signed.
    fn authorization(&self, context: &serde_json::Value, unsigned: &[&str]) -> String {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let keys = &context["credentials"];
        let key =
            key(&text(&keys["access_key_id"]), &text(&keys["secret_access_key"]), &text(&context["region"]));
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let headers =
            names.iter().zip(&self.headers).map(|(name, (_, value))| (name.as_str(), value.as_str()));
        let headers = headers.filter(|(name, _)| !unsigned.contains(name)).collect();
        let payload: String = Sha256::digest(&self.body).iter().map(|byte| format!("{byte:02x}")).collect();
        let request = Canonical { method: &self.method, path: &self.target, headers, payload: &payload };
        key.authorization(&text(&context["service"]), request, Moment::new(SUITE_TIME).unwrap()).unwrap()
    }
}

fn key(id: &str, secret: &str, region: &str) -> Key {
    let word = |text: &str| Word::parse(&Secret::new(text), b"").unwrap();
    Key::new(&word(id), &word(secret), None, Region::parse(region).unwrap())
}

#[test]
fn every_case_of_awss_suite_that_is_like_a_gates_request() {
    let Some(suite) = corpus("aws-sigv4/v4") else { return };
    let mut cases: Vec<_> = std::fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let (mut checked, mut others) = (0, Vec::new());
    for directory in &cases {
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        let context: serde_json::Value = serde_json::from_str(&read("context.json")).unwrap();
        assert_eq!(context["timestamp"], "2015-08-30T12:36:00Z");
        let wanted = Case::parse(&read("header-signed-request.txt"));
        if !wanted.is_the_gates(&context) {
            others.push(directory.file_name().unwrap().to_string_lossy().into_owned());
            continue;
        }
        let mut unsigned = vec!["authorization"];
        if context["omit_session_token"] == true {
            unsigned.push("x-amz-security-token");
        }
        let (_, authorization) = wanted.headers.iter().find(|(name, _)| name == "Authorization").unwrap();
        assert_eq!(&wanted.authorization(&context, &unsigned), authorization, "{}", directory.display());
        checked += 1;
    }
    say(&format!(
        "aws-sigv4: {checked} of 38 cases by their headers; NOT USED, since no gate asks so: {others:?}"
    ));
    assert_eq!((checked, cases.len()), (23, 38));
}

proptest! {
    /// What the SDK's own writer of requests signs, with the settings of S3.
    #[test]
    fn the_sdk_signs_the_same(
        method in "GET|HEAD",
        path in "(/([a-zA-Z0-9_.~-]|%[0-9A-F]{2}){0,8}){1,4}",
        port in prop::option::of(1_u16..),
        names in prop::collection::btree_set("x-(amz-)?[a-e]{1,4}", 0..4),
        value in "[!-~]([ -~]{0,12}[!-~])?",
        seconds in 0_u64..253_402_300_800,
    ) {
        let host = format!("bucket.example.com{}", port.map(|port| format!(":{port}")).unwrap_or_default());
        let now = Moment::new(seconds).unwrap();
        let date = now.basic();
        let payload = "UNSIGNED-PAYLOAD";
        let mut headers = vec![("host", host.as_str())];
        headers.extend(names.iter().map(|name| (name.as_str(), value.as_str())));

        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = Credentials::new("id", "secret", None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("auto")
            .name("s3")
            .time(now.system_time())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("https://{host}{path}");
        let request =
            SignableRequest::new(&method, url, headers.clone().into_iter(), SignableBody::UnsignedPayload).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let wanted = instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned();

        headers.extend([("x-amz-date", date.as_str()), ("x-amz-content-sha256", payload)]);
        let request = Canonical { method: &method, path: &path, headers, payload };
        prop_assert_eq!(key("id", "secret", "auto").authorization("s3", request, now), Some(wanted));
    }
}

#[test]
fn the_documented_example_of_s3() {
    // "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference: GET Object. Its
    // request has a range and the hash of an empty body, which the gate's have not.
    let key = key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1");
    let payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let headers = vec![
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", payload),
        ("x-amz-date", "20130524T000000Z"),
    ];
    let request = Canonical { method: "GET", path: "/test.txt", headers, payload };
    let wanted = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                  SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                  Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert_eq!(key.authorization("s3", request, Moment::new(1_369_353_600).unwrap()).unwrap(), wanted);
}

#[test]
fn wycheproof_hmac_sha1() {
    let Some(path) = corpus("wycheproof/hmac_sha1_test.json") else { return };
    let corpus: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut checked = 0;
    for group in corpus["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let bytes = |field: &str| decode_hex(test[field].as_str().unwrap().as_bytes()).unwrap();
            let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&bytes("key")).unwrap();
            mac.update(&bytes("msg"));
            let right = mac.finalize().into_bytes().starts_with(&bytes("tag"));
            assert_eq!(right, test["result"] == "valid", "{}", test["tcId"]);
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} tests");
    say("wycheproof: NOT USED: HMAC-SHA512, which nothing here computes");
}
