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
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
    SigningSettings, UriPathNormalizationMode,
};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use pinhole::credentials::aws::{Scope, sign_for};
use pinhole::credentials::moment::Moment;
use pinhole::seal::decode_hex;
use sha1::Sha1;

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

    /// `authorization`, and the whole of what was added.
    fn signed(&self, context: &serde_json::Value) -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let keys = &context["credentials"];
        let credentials = Credentials::new(
            text(&keys["access_key_id"]).unwrap(),
            text(&keys["secret_access_key"]).unwrap(),
            text(&keys["token"]),
            None,
            "suite",
        );
        let mut settings = SigningSettings::default();
        // As for S3: the path is encoded once, here by the request itself.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = match context["normalize"].as_bool().unwrap() {
            true => UriPathNormalizationMode::Enabled,
            false => UriPathNormalizationMode::Disabled,
        };
        if context["sign_body"].as_bool().unwrap() {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        if context["omit_session_token"].as_bool() == Some(true) {
            settings.session_token_mode = SessionTokenMode::Exclude;
        }
        let url = format!("https://example.amazonaws.com{}", self.target);
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(self.body.as_bytes());
        let request = SignableRequest::new(&self.method, url, headers, body).unwrap();
        let (region, service) = (text(&context["region"]).unwrap(), text(&context["service"]).unwrap());
        let scope = Scope { region: &region, service: &service, settings };
        let signed = sign_for(&credentials, scope, request, Moment::new(SUITE_TIME).unwrap()).unwrap();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        signed.into_iter().map(|(name, value)| (name.to_owned(), text(value.expose()))).collect()
    }
}

#[test]
fn every_case_of_awss_suite() {
    let Some(suite) = corpus("aws-sigv4/v4") else { return };
    let mut cases: Vec<_> = std::fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for directory in &cases {
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        let context: serde_json::Value = serde_json::from_str(&read("context.json")).unwrap();
        assert_eq!(context["timestamp"], "2015-08-30T12:36:00Z");
        let signed = Case::parse(&read("request.txt")).signed(&context);
        let wanted = Case::parse(&read("header-signed-request.txt"));
        for (name, value) in &signed {
            let found = wanted.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            assert_eq!(found.map(|(_, value)| value), Some(value), "{}: {name}", directory.display());
        }
        assert!(signed.iter().any(|(name, _)| name == "authorization"), "{}", directory.display());
    }
    assert_eq!(cases.len(), 38);
    say(
        "aws-sigv4: 38 of 38 cases by their headers; NOT USED: the same cases with the signature in the query",
    );
}

#[test]
fn the_documented_example_of_s3() {
    // "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference: GET Object. Its
    // request has a range and the hash of an empty body, which the gate's have not.
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "example");
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let headers = [("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9")];
    let url = "https://examplebucket.s3.amazonaws.com/test.txt";
    let request = SignableRequest::new("GET", url, headers.into_iter(), SignableBody::Bytes(b"")).unwrap();
    let scope = Scope { region: "us-east-1", service: "s3", settings };
    let signed = sign_for(&credentials, scope, request, Moment::new(1_369_353_600).unwrap()).unwrap();
    let authorization = signed.iter().find(|(name, _)| *name == "authorization").unwrap();
    let wanted = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                  SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                  Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert_eq!(authorization.1.expose(), wanted.as_bytes());
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
