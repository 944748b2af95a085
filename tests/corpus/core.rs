//! The corpus `tests/cases/*.json` on the core: each decision, field by field.

use std::collections::BTreeMap;

use super::file::{self, Case, ENVIRONMENT};
use pinhole::config;
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;

pub fn load(name: &str) -> Policy {
    let document = std::fs::read(file::root().join(name)).expect(name);
    let environment = BTreeMap::from(ENVIRONMENT);
    let loaded = config::load(&document, &|name| environment.get(name).map(|value| (*value).to_owned()));
    loaded.unwrap_or_else(|errors| panic!("{name}: {errors:#?}")).policy
}

/// What is wrong with a decision, or nothing.
fn complaint(policy: &Policy, case: &Case) -> Option<String> {
    let headers = case.request.headers();
    let decision = policy.decide(&headers, !case.request.body, None);
    match (&case.served, &case.refused, decision) {
        (Some(want), None, Decision::Forward(got)) => {
            let canonical = got.transform.as_ref().expect("the edge transforms").to_string();
            let pairs = [
                ("rule", want.rule.clone(), got.rule.to_string()),
                ("preset", format!("{:?}", want.preset.as_deref()), format!("{:?}", got.preset)),
                ("origin", want.origin.clone(), got.origin.name().to_owned()),
                ("source", want.source.clone(), got.source.as_str().to_owned()),
                ("canonical", want.canonical.clone(), canonical),
                ("cache", want.cache.clone(), got.answer.cache.control()),
                ("vary", want.vary.clone(), got.answer.vary.join(", ")),
            ];
            pairs
                .into_iter()
                .find(|(_, want, got)| want != got)
                .map(|(what, want, got)| format!("{what}: {got}, wanted {want}"))
        }
        (None, Some(want), Decision::Reject(got)) => {
            let got_rule = got.rule.to_string();
            let fits = got.rejection.reason() == want
                && case.status.is_none_or(|status| status == got.rejection.status())
                && case.rule.as_ref().is_none_or(|rule| *rule == got_rule)
                && case.option.as_ref().is_none_or(|option| Some(option) == got.option.as_ref());
            (!fits).then(|| {
                format!("{} {} by {got_rule}, wanted {want}", got.rejection.status(), got.rejection.reason())
            })
        }
        (Some(_), None, Decision::Reject(got)) => {
            Some(format!("refused as {} by {}, wanted served", got.rejection.reason(), got.rule))
        }
        (None, Some(want), Decision::Forward(got)) => Some(format!("served by {}, wanted {want}", got.rule)),
        _ => Some("a case says either `served` or `refused`".to_owned()),
    }
}

#[test]
fn every_case_is_decided_as_written() {
    let mut failures = Vec::new();
    let mut count = 0_usize;
    for (path, file) in file::files() {
        let policy = load(&file.policy);
        for case in &file.cases {
            count = count.saturating_add(1);
            if let Some(complaint) = complaint(&policy, case) {
                failures.push(format!("{}: {}: {complaint}", path.display(), case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases:\n{}", failures.len(), failures.join("\n"));
    println!("{count} cases");
}

#[test]
fn a_decision_does_not_depend_on_what_the_policy_does_not_read() {
    for (_, file) in file::files() {
        let policy = load(&file.policy);
        for case in file.cases.iter().filter(|case| !case.request.body) {
            let plain = case.request.headers();
            let mut noisy = vec![
                ("cookie".to_owned(), b"session=canary".to_vec()),
                ("authorization".to_owned(), b"Bearer canary".to_vec()),
                ("x-pinhole-cluster".to_owned(), b"canary".to_vec()),
                ("x-forwarded-host".to_owned(), b"canary".to_vec()),
                ("x-raw".to_owned(), b"\xff\xfe".to_vec()),
            ];
            noisy.extend(plain.iter().rev().map(|(name, value)| (name.to_uppercase(), value.clone())));
            // Repeated headers keep their order among themselves; nothing else of the order counts.
            if case.request.headers.len() > 1 {
                continue;
            }
            match (policy.decide(&plain, true, None), policy.decide(&noisy, true, None)) {
                (Decision::Forward(a), Decision::Forward(b)) => {
                    assert_eq!(a.upstream.headers(), b.upstream.headers(), "{}", case.name);
                    assert_eq!(a.answer, b.answer, "{}", case.name);
                }
                (Decision::Reject(a), Decision::Reject(b)) => assert_eq!(a, b, "{}", case.name),
                _ => panic!("{}: decided otherwise with other headers", case.name),
            }
        }
    }
}

#[test]
fn what_the_edge_seals_the_gate_opens_and_sends_below_the_base_path() {
    for (_, file) in file::files() {
        let policy = load(&file.policy);
        for case in &file.cases {
            let Decision::Forward(edge) = policy.decide(&case.request.headers(), !case.request.body, None)
            else {
                continue;
            };
            let path = &edge.upstream.path;
            let token = path.rsplit_once("%2F").expect("thumbor's source is encoded").1;
            let headers = [(":method", "GET"), (":authority", "gate"), (":path", &format!("/{token}"))]
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
            let Decision::Forward(gate) = policy.open(&headers, true, None) else {
                panic!("{}: not opened", case.name)
            };
            assert_eq!(gate.source, edge.source, "{}", case.name);
            let base = gate.origin.url().base();
            assert!(
                gate.upstream.path.starts_with(&format!("{base}/")),
                "{}: {}",
                case.name,
                gate.upstream.path
            );
        }
    }
}
