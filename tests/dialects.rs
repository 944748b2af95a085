//! Every dialect, read back: a parser that is written from the resizer's side takes each emitted URL apart.
//!
//! INVARIANT: for whatever a visitor asks, the options that the resizer reads are the policy's decision, and
//! the source that it reads is the gate's URL with the sealed token, which opens to what was asked for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by panicking")]

use std::cell::Cell;
use std::collections::BTreeSet;

use pinhole::options::{self, OptionName};
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
#[path = "dialects/round_trip.rs"]
mod round_trip;
#[path = "dialects/strategies.rs"]
mod strategies;
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

use round_trip::Asked;
use strategies::{chosen, hostile, source};
use subjects::Subject;

const GATE: &str = "http://gate.internal:10001";

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
            let asked = Asked {
                chosen: &chosen,
                source: &source,
                raw,
                accept,
                authorization: &authorization,
                session: &session,
            };
            match round_trip::whole(&subject, &policy, &asked).map_err(TestCaseError::fail)? {
                Ok(()) => served.set(served.get().saturating_add(1)),
                // A resizer may have options that it does not have together; a fit may need a second side.
                Err(refused) => {
                    let expected = [Rejection::ValueNotAllowed, Rejection::MissingSize];
                    prop_assert!(expected.contains(&refused), "{asked:?}: {refused:?}");
                }
            }
            Ok(())
        });
        let (asked, served) = (asked.get(), served.get());
        assert!(served.saturating_mul(2) > asked, "{}: only {served} served of {asked}", subject.name);
    }
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
            round_trip::any_text(&subject, &transform, &text).map_err(TestCaseError::fail)
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
