//! I35, I37 and I38 on whole requests. `tests/signature.rs` has I31 to I36 on the signature itself.

use std::collections::BTreeSet;

use pinhole::policy::decision::Decision;
use proptest::prelude::*;

use super::invariants::Asked;
use super::kept::failed;
use super::subjects::{SUBJECT, get, served, signed};

const NOW: u64 = 1_800_000_000;

fn at(target: &str, now: Option<u64>) -> Asked {
    Asked { now, ..get(target) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn i35_what_is_served_was_served_before_and_what_is_over_stays_over(life in 1..86_400_u64, one in 0..200_000_u64, other in 0..200_000_u64) {
        let target = signed("a.jpg", &[("width", "300")], NOW + life);
        let (early, late) = (one.min(other), one.max(other));
        let served_at = |after: u64| Ok::<_, TestCaseError>(served(&SUBJECT, &at(&target, Some(NOW + after)))?.is_some());
        if served_at(late)? {
            prop_assert!(served_at(early)?, "at {} and not at {}", late, early);
        }
        if !served_at(early)? {
            prop_assert!(!served_at(late)?, "not at {} and at {}", early, late);
        }
        prop_assert_eq!(served_at(early)?, early < life);
        prop_assert!(served(&SUBJECT, &at(&target, None))?.is_none(), "served without a clock");
    }

    #[test]
    fn i38_nothing_is_served_unsigned_where_urls_are_signed(
        source in "[a-z]{1,8}\\.jpg",
        query in "|\\?|\\?width=[0-9]{1,4}|\\?(exp=[0-9]{1,10}&)?kid=k[0-9](&sig=[A-Za-z0-9_-]{0,44})?",
        spelled in "signed|%73igned|Signed|signed;x|signed%2F",
    ) {
        let asked = at(&format!("/{spelled}/{source}{query}"), Some(NOW));
        prop_assert!(served(&SUBJECT, &asked)?.is_none(), "{}", asked);
    }
}

#[test]
fn i37_whatever_is_wrong_with_a_signature_the_answer_is_the_same_byte_for_byte() {
    let good = signed("a.jpg", &[("width", "300")], NOW + 60);
    assert!(matches!(
        SUBJECT.policy.decide(&at(&good, Some(NOW)).headers, true, Some(NOW)),
        Decision::Forward(_)
    ));
    let (unsigned, tag) = good.split_once("&sig=").unwrap();
    let wrong = [
        ("/signed/a.jpg".to_owned(), Some(NOW)),
        (unsigned.to_owned(), Some(NOW)),
        (format!("{unsigned}&sig="), Some(NOW)),
        (format!("{unsigned}&sig={}", "A".repeat(43)), Some(NOW)),
        (format!("{unsigned}&sig={tag}A"), Some(NOW)),
        (format!("{unsigned}&SIG={tag}"), Some(NOW)),
        (format!("{good}&sig={tag}"), Some(NOW)),
        (format!("{good}&width=300"), Some(NOW)),
        (format!("{good}&nonsense=1"), Some(NOW)),
        (format!("{good}&"), Some(NOW)),
        (good.replace("width=300", "width=301"), Some(NOW)),
        (good.replace("kid=k1", "kid=k2"), Some(NOW)),
        (good.replace("exp=", "exp=0"), Some(NOW)),
        (good.replace("/a.jpg", "/b.jpg"), Some(NOW)),
        (good.clone(), Some(NOW + 60)),
        (good.clone(), Some(u64::MAX)),
        (good.clone(), Some(NOW - 86_400)),
        (good, None),
    ];
    let replies: BTreeSet<String> = wrong
        .iter()
        .map(|(target, now)| match SUBJECT.decide(&at(target, *now), &[]).map_err(failed).unwrap() {
            Decision::Reject(refusal) => format!("{:?}", refusal.reply()),
            Decision::Forward(_) => panic!("served: {target}"),
        })
        .collect();
    assert_eq!(replies.len(), 1, "{replies:#?}");
    assert!(replies.iter().all(|reply| reply.contains("bad-signature") && reply.contains("no-store")));
}
