//! What each role does with a request, and with an answer.

use std::hint::black_box;

use criterion::Criterion;
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::request::path::{Path, SourcePath};
use pinhole::seal::{SealKey, Source};
use pinhole::secret::Secret;
use pinhole::signature::grant::Grant;

use crate::policies::{SEAL_KEY, load, with_presets};
use crate::requests::{NOW, answer, resizer, visitor};

const SOURCE: &str = "2024/05/red-shoes-and-a-blue-hat.jpg";

/// The edge's decisions, and what it makes of an answer.
pub fn edge(criterion: &mut Criterion) {
    let policy = load(&with_presets(3));
    let signed = signed(&policy);
    let mut group = criterion.benchmark_group("decide");
    for (name, target, is_served) in [
        ("preset", format!("/images/medium/{SOURCE}"), true),
        ("preset-auto", format!("/images/large/{SOURCE}"), true),
        ("query", format!("/photos/{SOURCE}?width=640&format=auto"), true),
        (
            "options",
            format!("/cdn-cgi/image/width=640,height=480,fit=cover,quality=80,format=auto/{SOURCE}"),
            true,
        ),
        ("signed", signed, true),
        ("refused-preset", format!("/images/huge/{SOURCE}"), false),
        ("refused-route", format!("/wp-content/{SOURCE}"), false),
    ] {
        let headers = visitor(&target);
        let is_forward = matches!(policy.decide(&headers, true, NOW), Decision::Forward(_));
        assert_eq!(is_forward, is_served, "{target}");
        group.bench_function(name, |bencher| bencher.iter(|| policy.decide(black_box(&headers), true, NOW)));
    }
    let large = load(&with_presets(10_000));
    let headers = visitor(&format!("/images/medium/{SOURCE}"));
    assert!(matches!(large.decide(&headers, true, NOW), Decision::Forward(_)));
    group.bench_function("preset-of-10000", |bencher| {
        bencher.iter(|| large.decide(black_box(&headers), true, NOW));
    });
    group.finish();

    let headers = visitor(&format!("/images/medium/{SOURCE}"));
    let Decision::Forward(forward) = policy.decide(&headers, true, NOW) else { panic!("refused") };
    let answer = answer();
    criterion.bench_function("write/edge", |bencher| {
        bencher.iter(|| black_box(&forward).upstream.headers().len())
    });
    criterion.bench_function("judge/edge", |bencher| {
        bencher.iter(|| policy.judge(&forward.answer, black_box(&answer)));
    });
}

/// A URL that the policy's key signs.
fn signed(policy: &Policy) -> String {
    let (host, path) = ("img.example.com", format!("/signed/medium/{SOURCE}"));
    let (_, rule) = policy.signature_of(host, &Path::parse(&path).unwrap()).unwrap();
    let ring = &rule.unwrap().ring;
    let grant = Grant {
        host: host.to_owned(),
        path,
        parameters: Vec::new(),
        free: Vec::new(),
        exp: NOW.unwrap() + 3600,
        kid: ring.ids().next().unwrap().to_owned(),
    };
    ring.sign(&grant).unwrap()
}

/// The gate's decisions, and the seal by itself.
pub fn gate(criterion: &mut Criterion) {
    let policy = load(&with_presets(3));
    let key = SealKey::from_hex(&Secret::new(SEAL_KEY)).unwrap();
    let source = |origin: &str| Source {
        origin: origin.to_owned(),
        path: SourcePath::parse(SOURCE).unwrap(),
        forwarded: Vec::new(),
    };
    let token = |origin| key.seal(&source(origin)).unwrap();
    let mut group = criterion.benchmark_group("open");
    for (name, token, is_served) in [
        ("static-credentials", token("photos"), true),
        ("sigv4", token("s3"), true),
        ("refused", token("photos").replace(|c: char| c.is_ascii_digit(), "x"), false),
    ] {
        let headers = resizer(&token);
        let is_forward = matches!(policy.open(&headers, true, NOW), Decision::Forward(_));
        assert_eq!(is_forward, is_served, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| policy.open(black_box(&headers), true, NOW)));
    }
    group.finish();

    let (photos, sealed) = (source("photos"), token("photos"));
    criterion.bench_function("seal/seal", |bencher| bencher.iter(|| key.seal(black_box(&photos))));
    criterion.bench_function("seal/open", |bencher| bencher.iter(|| key.open(black_box(&sealed))));
}
