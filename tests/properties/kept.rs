//! The invariants of one decision, held against the corpus and against requests made of what attacks are made of.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pinhole::policy::decision::Decision;
use proptest::prelude::*;

use super::invariants::{Asked, Subject, Violation};
use super::{environment, file, hostile_target};

/// The shipped policy.
pub static SUBJECT: LazyLock<Subject> = LazyLock::new(|| subject(include_bytes!("../../envoy/policy.json")));

pub fn subject(document: &[u8]) -> Subject {
    Subject::load(document, &environment).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A violation as the failure of a test.
pub fn failed(violation: Violation) -> TestCaseError {
    TestCaseError::fail(violation.to_string())
}

#[test]
fn every_case_of_the_corpus_keeps_the_invariants() {
    let environment = BTreeMap::from(file::ENVIRONMENT);
    let environment = |name: &str| environment.get(name).map(|value| (*value).to_owned());
    let (mut served, mut refused) = (0, 0);
    for (path, cases) in file::files() {
        let document = std::fs::read(file::root().join(&cases.policy)).unwrap();
        let subject = Subject::load(&document, &environment).unwrap();
        for case in cases.cases {
            let asked = Asked { ends: !case.request.body, ..Asked::new(case.request.headers()) };
            match subject.decide(&asked, &[]) {
                Ok(Decision::Forward(_)) => served += 1,
                Ok(Decision::Reject(_)) => refused += 1,
                Err(violation) => panic!("{}: {}: {violation}", path.display(), case.name),
            }
        }
    }
    assert!(served > 300 && refused > 300, "{served} served, {refused} refused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_hostile_target_keeps_the_invariants(target in hostile_target(), canary in "[a-z]{8}") {
        let asked = Asked::get("img.example.com", &target)
            .with("authorization", format!("Bearer {canary}").as_bytes())
            .with("cookie", format!("a={canary}").as_bytes())
            .with("x-forwarded-host", canary.as_bytes());
        prop_assume!(!String::from_utf8_lossy(&target).contains(&canary));
        SUBJECT.decide(&asked, &[canary.as_bytes()]).map_err(failed)?;
    }
}
