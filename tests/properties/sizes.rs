//! I13, I15 to I17: sizes are what the policy says, numbers are plain, and what is absent is the default.

use std::collections::BTreeSet;

use pinhole::policy::decision::Decision;
use proptest::prelude::*;

use super::invariants::size::is_number;
use super::subjects::{SUBJECT, get, reason, served};

/// What was taken for a number somewhere (SIZE-01), as it is written in a URL.
const NUMBERS: &[&str] = &[
    "",
    "0",
    "00",
    "01",
    "%2B1",
    "-1",
    "1.0",
    "1.",
    ".1",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
    "%EF%BC%91%EF%BC%90%EF%BC%90",
    "%D9%A1%D9%A0%D9%A0",
    "%20100",
    "100%20",
    "100px",
    "4294967297",
    "18446744073709551617",
    "99999999999999999999",
    "1_000",
    "1%2C000",
    "100,200",
    "100%00",
    "%31%30%30%25",
    "null",
    "true",
    "[100]",
    "100;",
    "1%2F2",
    "%C2%B2",
];

#[test]
fn i15_what_is_no_plain_number_is_refused_and_never_passed_over() {
    for number in NUMBERS {
        for target in [
            format!("/photos/a.jpg?width={number}"),
            format!("/photos/a.jpg?w={number}"),
            format!("/photos/a.jpg?height={number}"),
            format!("/strict/a.jpg?width={number}"),
            format!("/steps/a.jpg?width={number}"),
            format!("/cdn/width={number}/a.jpg"),
            format!("/cdn/height={number},width=300/a.jpg"),
        ] {
            assert_ne!(reason(&get(&target)), "served", "{target}");
        }
    }
    for twice in ["width=1&width=2", "w=1&width=1", "width=1&%77idth=1", "width=1&width="] {
        assert_eq!(reason(&get(&format!("/photos/a.jpg?{twice}"))), "repeated-option", "{twice}");
    }
    for number in ["1", "9", "10", "999", "1000"] {
        assert_eq!(reason(&get(&format!("/strict/a.jpg?width={number}"))), "served", "{number}");
    }
}

/// The width that a target is served with.
fn width(target: &str) -> Option<u32> {
    let asked = get(target);
    match SUBJECT.decide(&asked, &[]).unwrap_or_else(|violation| panic!("{violation}")) {
        Decision::Forward(forward) => Some(forward.transform.unwrap().frame.width()),
        Decision::Reject(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i15_only_plain_decimal_is_a_number(text in "[0-9]{1,9}|[-+0-9a-fxe._ ,٠-٩０-９]{0,6}") {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for route in ["photos", "steps"] {
            let served = served(&SUBJECT, &get(&format!("/{route}/a.jpg?width={escaped}")))?.is_some();
            prop_assert_eq!(served, is_number(&text), "{}", text);
        }
    }

    #[test]
    fn i13_a_side_is_the_one_that_was_asked_or_the_bound_or_a_step(asked in 1..20_000_u32) {
        prop_assert_eq!(width(&format!("/photos/a.jpg?width={asked}")), Some(asked.min(1000)));
        prop_assert_eq!(width(&format!("/strict/a.jpg?width={asked}")), (asked <= 1000).then_some(asked));
        let nearest = match asked {
            ..480 => 320,
            480..800 => 640,
            _ => 960,
        };
        prop_assert_eq!(width(&format!("/steps/a.jpg?width={asked}")), Some(nearest));
    }
}

#[test]
fn i16_a_hundred_thousand_widths_make_no_more_pictures_than_the_policy_lists() {
    const ACCEPT: [&str; 4] = ["image/avif,image/webp", "image/webp", "*/*", "image/jpeg"];
    let (mut paths, mut served) = (BTreeSet::new(), 0_u32);
    // A full cycle of widths in an order that looks random, with each ratio, format and `accept`.
    for turn in 0..100_000_u32 {
        let width = turn.wrapping_mul(7_919) % 99_991 + 1;
        let dpr = ["", "&dpr=1", "&dpr=2", "&dpr=1.5"][(turn / 7 % 4) as usize];
        let format = ["", "&format=auto", "&format=webp"][(turn / 3 % 3) as usize];
        let asked = get(&format!("/steps/a.jpg?width={width}{dpr}{format}"));
        let asked = asked.with("accept", ACCEPT[(turn % 4) as usize].as_bytes());
        if let Decision::Forward(forward) = SUBJECT.policy.decide(&asked.headers, true, None) {
            paths.insert(forward.upstream.path);
            served += 1;
        }
    }
    assert!(served > 50_000, "{served} served");
    // Three widths, in device pixels; the original's format, AVIF, WebP and JPEG.
    assert_eq!(paths.len(), 3 * 4);
}

#[test]
fn i17_a_side_that_nobody_asks_for_is_the_default_and_never_the_original() {
    for (target, want) in [
        ("/images/small/a.jpg", Some(300)),
        ("/images/large/a.jpg", Some(900)),
        ("/images/none/a.jpg", None),
        ("/photos/a.jpg", Some(600)),
        ("/photos/a.jpg?", Some(600)),
        ("/photos/a.jpg?format=webp", Some(600)),
        ("/strict/a.jpg", None),
        ("/steps/a.jpg?format=webp", Some(640)),
        ("/steps/a.jpg?dpr=2", Some(960)),
        ("/cdn/format=webp/a.jpg", None),
        ("/cdn/height=100/a.jpg", Some(0)),
        ("/embedded/a.jpg", Some(200)),
        ("/hinted/a.jpg", Some(1200)),
    ] {
        assert_eq!(width(target), want, "{target}");
    }
    let sizes = |target: &str| {
        let asked = get(target);
        match SUBJECT.policy.decide(&asked.headers, true, None) {
            Decision::Forward(forward) => forward.upstream.path.contains("/0x0/"),
            Decision::Reject(_) => false,
        }
    };
    assert!(!sizes("/cdn/height=100/a.jpg") && !sizes("/photos/a.jpg"));
}
