//! A stricter policy never serves what a less strict one refuses.
//!
//! Stricter is: less of a list, a smaller bound that is refused beyond, one rule more. Neither a clamped
//! bound (a smaller one changes proportions) nor a route of which another covers the paths (the other one
//! takes over) is meant.

use std::sync::LazyLock;

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{load, request};

fn document() -> Value {
    json!({
        "presets": { "small": { "width": 150 }, "large": { "width": 900, "height": 600, "fit": "cover" } },
        "routes": [
            { "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos", "query": { "dpr": { "max": 2 } } },
            { "path": "/photos/(?<source>.+)", "origin": "photos",
              "query": { "width": { "min": 10, "max": 1000 }, "height": { "one_of": [100, 200, 400] },
                         "quality": { "max": 90 }, "format": { "one_of": ["auto", "webp", "png"] } },
              "limits": { "area": 300_000, "aspect_ratios": ["1:1", "2:1", "4:1"] } },
            { "path": "/cdn/(?<options>[^/]+)/(?<source>.+)", "origin": "photos",
              "query": { "width": { "max": 800 }, "blur": {}, "rotate": {} } }
        ],
        "origins": { "photos": { "url": "http://secret.example.com", "cluster": "photos" } },
        "resizer": { "thumbor": { "cluster": "r", "authority": "r", "key": { "env": "KEY" } } },
        "gate": { "url": "http://gate", "seal_key": { "env": "PINHOLE_SEAL_KEY" } }
    })
}

static LENIENT: LazyLock<Policy> = LazyLock::new(|| load(document().to_string().as_bytes()));

/// Where something becomes stricter, and what stands there then; nothing where it is taken away.
fn steps() -> Vec<(&'static str, Option<Value>)> {
    vec![
        ("/presets/large", None),
        ("/routes/2", None),
        ("/routes/0/query", None),
        ("/routes/0/query/dpr/max", Some(json!(1.5))),
        ("/routes/0/hosts", Some(json!(["*.example.com"]))),
        ("/routes/0/hosts", Some(json!(["other.example.com"]))),
        ("/routes/0/limits", Some(json!({ "width": 1000 }))),
        ("/routes/0/presets", Some(json!({ "small": { "width": 150, "quality": 50 } }))),
        ("/routes/1/sources", Some(json!({ "prefixes": ["public"] }))),
        ("/routes/1/sources", Some(json!({ "extensions": ["jpg"] }))),
        ("/routes/1/referrer", Some(json!({ "hosts": ["www.example.com"] }))),
        ("/routes/1/referrer", Some(json!({ "hosts": ["www.example.com"], "absent": "allow" }))),
        ("/routes/1/query/width/max", Some(json!(300))),
        ("/routes/1/query/width/min", Some(json!(100))),
        ("/routes/1/query/height/one_of", Some(json!([100, 400]))),
        ("/routes/1/query/format/one_of", Some(json!(["webp"]))),
        ("/routes/1/query/quality", None),
        ("/routes/1/limits/area", Some(json!(50_000))),
        ("/routes/1/limits/height", Some(json!(200))),
        ("/routes/1/limits/aspect_ratios", Some(json!(["2:1"]))),
        ("/routes/2/query/blur", Some(json!({ "max": 10 }))),
        ("/routes/2/query/rotate", Some(json!({ "one_of": [90] }))),
    ]
}

/// The document after some steps.
fn stricter(chosen: &[usize]) -> Value {
    let mut document = document();
    let steps = steps();
    // From the last to the first, so that no route moves before its own steps are done.
    for index in chosen.iter().rev() {
        let (place, value) = &steps[*index];
        let (parent, key) = place.rsplit_once('/').unwrap();
        match (document.pointer_mut(parent), value) {
            (Some(Value::Object(members)), Some(value)) => {
                drop(members.insert(key.to_owned(), value.clone()))
            }
            (Some(Value::Object(members)), None) => drop(members.remove(key)),
            (Some(Value::Array(items)), None) => drop(items.remove(key.parse().unwrap())),
            _ => {} // an earlier step took the place away
        }
    }
    document
}

const STARTS: &[&str] = &[
    "/images/small/",
    "/images/large/",
    "/images/none/",
    "/photos/",
    "/photos/public/",
    "/cdn/width=300/",
    "/cdn/width=900,rotate=90/",
    "/cdn/w=100,rotate=180,blur=20/",
    "/elsewhere/",
];

const SOURCES: &[&str] = &["a.jpg", "b.png", "c.svg", "d"];

const OPTIONS: &[&str] = &[
    "width=400",
    "width=5",
    "width=50",
    "width=150",
    "width=800",
    "height=400",
    "height=200",
    "height=150",
    "dpr=2",
    "dpr=1.2",
    "quality=80",
    "quality=99",
    "format=png",
    "format=auto",
    "blur=5",
    "rotate=90",
];

const REFERERS: &[Option<&str>] = &[None, Some("https://www.example.com/"), Some("https://evil.org/")];

fn target() -> impl Strategy<Value = String> {
    let (start, source) = (prop::sample::select(STARTS), prop::sample::select(SOURCES));
    let query = prop::collection::vec(prop::sample::select(OPTIONS), 0..4);
    (start, source, query).prop_map(|(start, source, query)| format!("{start}{source}?{}", query.join("&")))
}

/// Every start with every source and with up to two options.
fn targets() -> Vec<String> {
    let mut queries: Vec<String> = OPTIONS.iter().map(|option| (*option).to_owned()).collect();
    queries.extend(OPTIONS.iter().flat_map(|a| OPTIONS.iter().map(move |b| format!("{a}&{b}"))));
    queries.push(String::new());
    let paths =
        STARTS.iter().flat_map(|start| SOURCES[..2].iter().map(move |source| format!("{start}{source}")));
    paths
        .flat_map(|path| queries.iter().map(move |query| format!("{path}?{query}")).collect::<Vec<_>>())
        .collect()
}

fn passes(policy: &Policy, target: &str, referer: Option<&str>) -> bool {
    let extra = referer.map(|value| ("referer".to_owned(), value.as_bytes().to_vec()));
    let headers = request(target.as_bytes(), extra.into_iter().collect());
    matches!(policy.decide(&headers, true, None), Decision::Forward(_))
}

#[test]
fn i29_every_step_refuses_something_that_passed_and_no_refusal_becomes_a_pass() {
    let asked: Vec<_> = targets().into_iter().zip(REFERERS.iter().copied().cycle()).collect();
    let before: Vec<bool> =
        asked.iter().map(|(target, referer)| passes(&LENIENT, target, *referer)).collect();
    for (index, (place, value)) in steps().iter().enumerate() {
        let strict = load(stricter(&[index]).to_string().as_bytes());
        let mut refused = 0;
        for ((target, referer), before) in asked.iter().zip(&before) {
            let after = passes(&strict, target, *referer);
            assert!(*before || !after, "{place}: {target} passes");
            refused += u32::from(*before && !after);
        }
        // All requests here are for a host below the wildcard.
        assert_eq!(refused > 0, *value != Some(json!(["*.example.com"])), "{place} refuses {refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn i29_several_steps_together_let_nothing_through_either(
        chosen in prop::collection::vec(any::<bool>(), 22),
        targets in prop::collection::vec((target(), prop::sample::select(REFERERS)), 20),
    ) {
        let chosen: Vec<usize> = (0..steps().len()).filter(|index| chosen[*index]).collect();
        let strict = load(stricter(&chosen).to_string().as_bytes());
        for (target, referer) in targets {
            prop_assert!(passes(&LENIENT, &target, referer) || !passes(&strict, &target, referer), "{target}");
        }
    }
}
