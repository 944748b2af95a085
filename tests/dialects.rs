//! Every dialect, read back: a parser that is written from the resizer's side takes each emitted URL apart.
//!
//! INVARIANT: for whatever a visitor asks, the options that the resizer reads are the policy's decision, and
//! the source that it reads is the gate's URL with the sealed token, which opens to what was asked for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by panicking")]

use std::cell::Cell;
use std::collections::BTreeSet;

use pinhole::options::{self, OptionName};
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::policy::rejection::Rejection;
use pinhole::resizer::{DIALECTS, SourceUrl};
use pinhole::transform::Transform;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[path = "dialects/asked.rs"]
mod asked;
#[path = "dialects/cloudflare.rs"]
mod cloudflare;
#[path = "dialects/imaginary.rs"]
mod imaginary;
#[path = "dialects/imagor.rs"]
mod imagor;
#[path = "dialects/imgproxy.rs"]
mod imgproxy;
#[path = "dialects/ipx.rs"]
mod ipx;
#[path = "dialects/reading.rs"]
mod reading;
#[path = "dialects/subjects.rs"]
mod subjects;
#[path = "dialects/template.rs"]
mod template;
#[path = "dialects/thumbor.rs"]
mod thumbor;
#[path = "dialects/turned.rs"]
mod turned;
#[path = "dialects/weserv.rs"]
mod weserv;

use asked::{chosen, escape, hostile, segment, source};
use reading::Options;
use subjects::Subject;

const GATE: &str = "http://gate.internal:10001";

fn request(path: String, others: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let pseudo = [(":method", "GET"), (":authority", "img.example.com"), (":path", path.as_str())];
    pseudo.iter().chain(others).map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// What was decided, in the words of a reading.
fn decided(subject: &Subject, transform: &Transform) -> Options {
    let options = transform.to_options();
    let mut options =
        options.iter().map(|(option, value)| (option.name().to_owned(), value.to_string())).collect();
    (subject.fold)(&mut options);
    options
}

/// Runs a property for a resizer; a failure is told with the resizer's name.
fn check<S: Strategy>(subject: &Subject, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if let Err(error) = TestRunner::new(config).run(&strategy, test) {
        panic!("{}: {error}", subject.name);
    }
}

#[test]
fn every_dialect_is_tried() {
    let tried: BTreeSet<&str> =
        subjects::all().iter().map(|subject| subject.resizer.dialect().name).collect();
    assert_eq!(tried, DIALECTS.iter().map(|dialect| dialect.name).collect());
}

#[test]
fn i11_a_resizer_reads_what_the_policy_decided_and_a_token_that_opens_to_what_was_asked() {
    for subject in subjects::all() {
        let policy = subject.policy();
        let (asked, served) = (Cell::new(0_u32), Cell::new(0_u32));
        let accept = prop::sample::select(&["image/avif", "image/webp", "*/*"][..]);
        let secret = || "[!-~]{1,30}".prop_map(|text| text.replace([',', ';', '"', '\\'], "_"));
        let strategy = (chosen(), source(), any::<bool>(), accept, secret(), secret());
        check(&subject, strategy, |(chosen, source, raw, accept, authorization, session)| {
            asked.set(asked.get().saturating_add(1));
            let segment = segment(&subject, &chosen);
            let path = escape(&source, if raw { "/-._~!$&'()*+,:=@" } else { "/" });
            let cookie = format!("other=1; session={session}");
            let headers =
                [("accept", accept), ("authorization", authorization.as_str()), ("cookie", &cookie)];
            let forward = match policy.decide(&request(format!("/{segment}/{path}"), &headers), true, None) {
                Decision::Forward(forward) => forward,
                // A resizer may have options that it does not have together; a fit may need a second side.
                Decision::Reject(refusal) => {
                    let expected = [Rejection::ValueNotAllowed, Rejection::MissingSize];
                    prop_assert!(expected.contains(&refusal.rejection), "{segment}: {refusal:?}");
                    return Ok(());
                }
            };
            served.set(served.get().saturating_add(1));
            let url = &forward.upstream.path;
            let Some(reading) = (subject.read)(url) else {
                return Err(TestCaseError::fail(format!("cannot be read: {url}")));
            };
            prop_assert_eq!(&reading.options, &decided(&subject, &forward.transform.unwrap()), "{}", url);
            let read = reading.source.unwrap_or_default();
            let Some(token) = read.strip_prefix(GATE) else {
                return Err(TestCaseError::fail(format!("reads {read}: {url}")));
            };
            check_token(
                &policy,
                token,
                &source,
                &[("authorization", &authorization), ("cookie", &format!("session={session}"))],
            )
        });
        let (asked, served) = (asked.get(), served.get());
        assert!(served.saturating_mul(2) > asked, "{}: only {served} served of {asked}", subject.name);
    }
}

/// That the gate gives away this source with these credentials for a token, and nothing else.
fn check_token(
    policy: &Policy,
    path: &str,
    source: &str,
    credentials: &[(&str, &str)],
) -> Result<(), TestCaseError> {
    let Decision::Forward(opened) = policy.open(&request(path.to_owned(), &[]), true, None) else {
        return Err(TestCaseError::fail(format!("the gate does not know {path}")));
    };
    prop_assert_eq!(opened.source.as_str(), source);
    let forwarded: Vec<_> =
        opened.upstream.forwarded.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    let wanted: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    prop_assert_eq!(forwarded, wanted);
    Ok(())
}

/// A picture that every dialect has.
fn covered() -> Transform {
    let mut options = options::Options::default();
    for (option, text) in
        [(OptionName::Width, "300"), (OptionName::Height, "200"), (OptionName::Fit, "cover")]
    {
        options.set(option, option.spec().kind.parse(text).unwrap());
    }
    Transform::new(options, None).unwrap()
}

#[test]
fn a_resizer_reads_a_source_as_it_is_whatever_it_holds() {
    let transform = covered();
    for subject in subjects::all() {
        // Cloudflare gets the source as it is, which is right for what a token is made of.
        let text =
            if subject.name == "cloudflare" { "[A-Za-z0-9_-]{0,40}".boxed() } else { hostile().boxed() };
        check(&subject, text, |text| {
            let url = subject.resizer.path(&transform, &SourceUrl::new(GATE, &text)).unwrap();
            let Some(reading) = (subject.read)(&url) else {
                return Err(TestCaseError::fail(format!("cannot be read: {url}")));
            };
            prop_assert_eq!(reading.source, Some(format!("{GATE}/{text}")), "{}", url);
            prop_assert_eq!(reading.options, decided(&subject, &transform), "{}", url);
            Ok(())
        });
    }
}

#[test]
fn no_byte_of_a_url_is_passed_over() {
    for subject in subjects::all() {
        let url = subject.resizer.path(&covered(), &SourceUrl::new(GATE, "tok-en_1")).unwrap();
        let reading = (subject.read)(&url);
        assert!(reading.is_some(), "{}: {url}", subject.name);
        for (index, character) in url.char_indices().filter(|(_, character)| *character != 'x') {
            let mut changed = url.clone();
            changed.replace_range(index..=index, "x");
            assert_ne!(
                (subject.read)(&changed),
                reading,
                "{}: without {character:?}, {changed}",
                subject.name
            );
        }
    }
}
