//! Options on random requests: limits, the canonical form, the number of variants, stricter policies.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use pinhole::config;
use pinhole::config::raw::{Otherwise, Over};
use pinhole::options::value::{Number, Value};
use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::policy::limit::{Ladder, Limit};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::{environment, load, request};

/// A policy of one route at `/<options>/<source>` that has these other keys.
fn document(keys: &str) -> String {
    format!(
        r#"{{ "routes": [ {{ "path": "/(?<options>[^/]+)/(?<source>.+)", "origin": "photos", {keys} }} ],
            "origins": {{ "photos": {{ "url": "http://secret.example.com", "cluster": "photos" }} }},
            "resizer": {{ "thumbor": {{ "cluster": "r", "authority": "r", "key": {{ "env": "KEY" }} }} }},
            "gate": {{ "url": "http://gate", "seal_key": {{ "env": "PINHOLE_SEAL_KEY" }} }} }}"#
    )
}

/// All that thumbor has, except for the width.
const ALL_BUT_WIDTH: &str = r##""height": { "max": 12000 }, "dpr": {}, "fit": {}, "gravity": {},
    "rotate": {}, "flip": {}, "blur": {}, "sharpen": {}, "brightness": {}, "contrast": {}, "saturation": {},
    "metadata": {}, "quality": {},
    "slow-connection-quality": {}, "format": {}, "background": { "one_of": ["#ff8800", "white"] },
    "trim": { "one_of": ["border", "box:0;0;9;9"] }"##;

/// Lets everything through that has a number as its width.
static NUMBERS: LazyLock<Policy> = LazyLock::new(|| {
    load(document(&format!(r#""query": {{ "width": {{ "max": 12000 }}, {ALL_BUT_WIDTH} }}"#)).as_bytes())
});

/// Lets everything through, to widths of a list.
static LISTED: LazyLock<Policy> = LazyLock::new(|| {
    let width = r#"{ "one_of": ["auto", 1, 100, 250, 300], "else": "nearest" }"#;
    load(document(&format!(r#""query": {{ "width": {width}, {ALL_BUT_WIDTH} }}"#)).as_bytes())
});

/// A limit of each kind.
const SEVERAL: &str = r#""default": { "width": "auto", "quality": 77 },
    "query": { "width": { "max": 4, "over": "clamp" }, "height": { "one_of": [100, 200], "else": "snap-up" },
        "dpr": { "one_of": [1, 1.5, 2], "else": "nearest" }, "fit": { "one_of": ["cover", "pad"] },
        "quality": { "min": 50, "max": 52, "under": "clamp", "over": "clamp" }, "flip": { "one_of": ["h"] },
        "format": { "one_of": ["auto", "jpeg"] }, "slow-connection-quality": { "one_of": [30] } }"#;

/// What requests are put together from: names, long and short, with values within and beyond limits.
const ASKED: &[(&str, &[&str])] = &[
    ("width", &["1", "100", "250", "301", "4000", "auto", "0"]),
    ("w", &["2", "120", "300"]),
    ("height", &["1", "77", "200", "900"]),
    ("dpr", &["1", "1.5", "2", "3"]),
    ("fit", &["scale-down", "contain", "cover", "crop", "pad", "squeeze"]),
    ("gravity", &["left", "center", "auto"]),
    ("trim", &["border", "box:0;0;9;9", "1;2;3;4"]),
    ("rotate", &["0", "90", "180", "360"]),
    ("flip", &["h", "hv", "vh"]),
    ("background", &["%23ff8800", "rgb(255,136,0)", "White"]),
    ("blur", &["0", "3", "200"]),
    ("brightness", &["0", "1", "1.50", "1.5"]),
    ("metadata", &["none", "keep"]),
    ("quality", &["1", "50", "51", "low", "100"]),
    ("scq", &["30", "low"]),
    ("format", &["auto", "webp", "jpeg", "jpg"]),
];

/// Some of [`ASKED`] that have these names, each at most once, in any order.
fn options_of(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let asked: Vec<_> = ASKED.iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect();
    let chosen = prop::sample::subsequence(asked.clone(), 1..asked.len().min(7)).prop_shuffle();
    (chosen, any::<usize>()).prop_map(|(chosen, index)| {
        let named = chosen.iter().enumerate().map(|(place, (name, values))| {
            format!("{name}={}", values[(index >> (place * 4)) % values.len()])
        });
        named.collect::<Vec<_>>().join(",")
    })
}

fn options() -> impl Strategy<Value = String> {
    options_of(&[])
}

/// Headers that a decision may look at.
fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let pair = prop::sample::select(&[
        ("accept", "image/webp"),
        ("accept", "image/avif;q=0.5, image/webp"),
        ("sec-ch-width", "300"),
        ("width", "800"),
        ("viewport-width", "2000"),
        ("sec-ch-ua-mobile", "?1"),
        ("save-data", "on"),
        ("ect", "3g"),
        ("rtt", "100"),
    ]);
    let pair = pair.prop_map(|(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec()));
    prop::collection::vec(pair, 0..4)
}

/// The canonical form that a policy gives a request.
fn canonical(policy: &Policy, options: &str, headers: Vec<(String, Vec<u8>)>) -> Option<String> {
    match policy.decide(&request(format!("/{options}/a.jpg").as_bytes(), headers), true, None) {
        Decision::Forward(forward) => forward.transform.map(|transform| transform.to_string()),
        Decision::Reject(_) => None,
    }
}

/// Limits of all kinds.
fn limit() -> impl Strategy<Value = Limit> {
    let number = (1_u32..100_000).prop_map(Number::hundredths);
    let range = (number.clone(), number.clone(), any::<[bool; 2]>()).prop_map(|(a, b, clamps)| {
        let [under, over] = clamps.map(|clamps| if clamps { Over::Clamp } else { Over::Reject });
        Limit::Range { least: a.min(b), under, most: a.max(b), over }
    });
    let otherwise = prop::sample::select(&[Otherwise::Reject, Otherwise::SnapUp, Otherwise::Nearest]);
    let listed = (prop::collection::vec(number, 0..6), otherwise).prop_map(|(rungs, otherwise)| {
        Limit::OneOf { ladder: Ladder::new(rungs), words: vec![Value::Word("auto")], otherwise }
    });
    prop_oneof![range, listed]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn i14_clamping_and_snapping_are_monotone_and_idempotent(limit in limit(), a in 0_u32..120_000, b in 0_u32..120_000) {
        let apply = |number: u32| limit.apply(&Value::Number(Number::hundredths(number)));
        if let (Ok(less), Ok(more)) = (apply(a.min(b)), apply(a.max(b))) {
            prop_assert!(less <= more, "{less} for {}, {more} for {}", a.min(b), a.max(b));
            prop_assert_eq!(limit.apply(&less), Ok(less.clone()));
        }
    }

    #[test]
    fn i13_whatever_comes_out_is_within_the_limit(limit in limit(), asked in 0_u32..120_000) {
        if let Ok(Value::Number(number)) = limit.apply(&Value::Number(Number::hundredths(asked))) {
            match &limit {
                Limit::Range { least, most, .. } => prop_assert!((*least..=*most).contains(&number)),
                Limit::OneOf { ladder, .. } => prop_assert!(ladder.rungs().contains(&number)),
            }
        }
    }

    #[test]
    fn asking_for_the_canonical_form_gives_it_again(options in options(), headers in headers()) {
        for policy in [&*NUMBERS, &*LISTED] {
            if let Some(first) = canonical(policy, &options, headers.clone()) {
                let again = canonical(&NUMBERS, &first.replace('#', "%23"), Vec::new());
                prop_assert_eq!(again, Some(first));
            }
        }
    }

    #[test]
    fn the_order_of_options_is_nothing(options in options(), headers in headers()) {
        let mut reversed: Vec<&str> = options.split(',').collect();
        reversed.reverse();
        prop_assume!(!options.contains("rgb("));
        let forwards = canonical(&LISTED, &options, headers.clone());
        prop_assert_eq!(forwards, canonical(&LISTED, &reversed.join(","), headers));
    }

    #[test]
    fn i26_the_order_and_the_case_of_headers_are_nothing(
        options in options(),
        headers in headers().prop_flat_map(|headers| (Just(headers.clone()), Just(headers).prop_shuffle())),
        unlisted in prop::collection::vec(("x-[a-z]{1,9}|cookie|range|dnt", prop::collection::vec(any::<u8>(), 0..9)), 0..3),
    ) {
        let (plain, shuffled) = headers;
        let mut noisy: Vec<_> = shuffled.into_iter().map(|(name, value)| (name.to_uppercase(), value)).collect();
        noisy.extend(unlisted);
        let target = format!("/{options}/a.jpg");
        let mut noisy = request(target.as_bytes(), noisy);
        noisy.reverse();
        match (LISTED.decide(&request(target.as_bytes(), plain), true, None), LISTED.decide(&noisy, true, None)) {
            (Decision::Forward(a), Decision::Forward(b)) => {
                prop_assert_eq!(a.upstream.path, b.upstream.path);
                prop_assert_eq!(a.answer, b.answer);
            }
            (Decision::Reject(a), Decision::Reject(b)) => prop_assert_eq!(a, b),
            _ => prop_assert!(false, "decided otherwise"),
        }
    }
}

/// The number of variants that the policy says of its route.
fn count(keys: &str) -> usize {
    let bounded = document(&format!(r#"{keys}, "limits": {{ "variants": 1 }}"#));
    let errors = config::load(bounded.as_bytes(), &environment).expect_err("more than one variant");
    let message = errors[0].to_string();
    let count = message.split_once("found ").and_then(|(_, rest)| rest.split_once(" variants"));
    count.expect("a number of variants").0.parse().expect("a number")
}

/// The upstream paths that so many random requests reach.
fn reached(keys: &str, names: &'static [&'static str], requests: u32) -> BTreeSet<String> {
    let policy = load(document(keys).as_bytes());
    let config = ProptestConfig { cases: requests, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let strategy = (options_of(names), headers());
    let mut paths = BTreeSet::new();
    for _ in 0..requests {
        let (options, headers) = strategy.new_tree(&mut runner).expect("a value").current();
        let decision = policy.decide(&request(format!("/{options}/a.jpg").as_bytes(), headers), true, None);
        if let Decision::Forward(forward) = decision {
            paths.insert(forward.upstream.path);
        }
    }
    paths
}

#[test]
fn i16_no_more_variants_are_reached_than_the_policy_says() {
    let names = &["w", "height", "dpr", "fit", "quality", "flip", "format", "scq"];
    let (count, reached) = (count(SEVERAL), reached(SEVERAL, names, 100_000).len());
    assert!(reached <= count, "{reached} reached of {count}");
    assert!(reached > 500, "only {reached} reached of {count}: too few to tell");
    println!("{reached} reached of {count}");
}

#[test]

fn i16_no_more_variants_are_reached_of_auto_alone() {
    let keys = r#""query": { "width": { "one_of": ["auto"] } }"#;
    let (count, reached) = (count(keys), reached(keys, &["width", "height"], 5_000).len());
    assert!(reached <= count, "{reached} reached of {count}");
}
