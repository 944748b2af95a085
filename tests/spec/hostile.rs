//! Requests made of what attacks are made of, for both to decide about.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::compare::{Both, compare, load, request};

/// A policy with limits of each kind.
const LIMITS: &str = r#"{
  "presets": { "small": { "width": 300 }, "box": { "width": 300, "height": 200, "fit": "cover" },
               "tall": { "extends": "box", "height": 900 }, "dense": { "extends": "small", "dpr": 1.5 } },
  "routes": [
    { "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos", "query": { "dpr": { "max": 2 } } },
    { "path": "/clamped/(?<source>.+)", "origin": "photos", "default": { "width": 600 },
      "query": { "width": { "min": 10, "under": "clamp", "max": 1000, "over": "clamp" },
                 "height": { "max": 500, "over": "clamp" }, "dpr": { "max": 2, "over": "clamp" } } },
    { "path": "/strict/(?<source>.+)", "origin": "photos",
      "query": { "width": { "min": 10, "max": 1000 }, "height": { "max": 500 }, "dpr": {}, "fit": {} } },
    { "path": "/up/(?<source>.+)", "origin": "photos", "default": { "height": 100 },
      "query": { "width": { "one_of": [100, 300, 200], "else": "snap-up" }, "height": { "one_of": [50, 100] } } },
    { "path": "/nearest/(?<source>.+)", "origin": "photos",
      "query": { "width": { "one_of": [100, 200, 350], "else": "nearest" }, "dpr": { "one_of": [1, 1.5, 2], "else": "nearest" } } },
    { "path": "/bounded/(?<source>.+)", "origin": "photos", "query": { "width": { "max": 9000 }, "height": { "max": 9000 } },
      "limits": { "width": 800, "height": 600, "area": 300000, "over": "clamp" } },
    { "path": "/ratios/(?<source>.+)", "origin": "photos", "query": { "width": { "max": 9000 }, "height": { "max": 9000 } },
      "limits": { "area": 300000, "aspect_ratios": ["3:2", "1:1"] } },
    { "path": "/segment/(?<options>[^/]+)/(?<source>.+)", "origin": "photos", "query": { "width": { "max": 4000 }, "dpr": {} } }
  ],
  "origins": { "photos": { "url": "http://secret.example.com/hidden%20directory/%C3%A9", "cluster": "photos" } },
  "resizer": { "thumbor": { "cluster": "resizer", "authority": "thumbor.internal", "key": { "env": "THUMBOR_KEY" } } },
  "gate": { "url": "http://127.0.0.1:10001", "seal_key": { "env": "PINHOLE_SEAL_KEY" } }
}"#;

const ROUTES: &[&str] = &[
    "/images/small/",
    "/images/box/",
    "/images/tall/",
    "/images/dense/",
    "/images/none/",
    "/clamped/",
    "/strict/",
    "/up/",
    "/nearest/",
    "/bounded/",
    "/ratios/",
    "/segment/width=300/",
    "/segment/w=5000,dpr=2/",
    "/segment/dpr=0.5,width=77/",
    "/segment/x/",
    "/",
];

/// What attacks on paths are made of.
const PIECES: &[&str] = &[
    "a",
    "b.jpg",
    "%61",
    "/",
    "//",
    ".",
    "..",
    "...",
    "..;",
    ";",
    "%2e",
    "%2E%2e",
    "%252e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "%",
    "%zz",
    "%c0%af",
    "%c0%ae",
    "%e0%80%af",
    "%C3%A9",
    "%c3",
    "\u{e9}",
    "%00",
    "%0d%0a",
    "%7f",
    "%c2%80",
    "\0",
    "#",
    "%23",
    "%3b",
    "%3f",
    " ",
    "%20",
    "+",
    "@",
    ":",
    "%EF%BC%8E",
    "%EF%BC%8F",
    "%E2%80%A4",
    "%EF%B8%B0",
    "%EF%BC%9B",
    "%EF%BC%85",
    "%CD%BE",
    "%F0%9F%98%80",
    "&",
    "=",
    ",",
    "(",
    "~",
    "\"",
    "<",
];

const SIZES: &[&str] = &[
    "",
    "0",
    "00",
    "01",
    "1",
    "9",
    "10",
    "50",
    "100",
    "150",
    "275",
    "299",
    "300",
    "301",
    "500",
    "501",
    "999",
    "1000",
    "1001",
    "4000",
    "9999999",
    "10000000",
    "4294967297",
    "18446744073709551617",
    "99999999999999999999",
    "+1",
    "-1",
    "%2B1",
    "1.0",
    "1.5",
    "1e3",
    "0x10",
    "NaN",
    "Infinity",
    "%EF%BC%91%EF%BC%90%EF%BC%90",
    "%D9%A1%D9%A0%D9%A0",
    "%20100",
    "100px",
    "1_000",
    "100%00",
    "100,200",
    "%31%30",
];

const RATIOS: &[&str] = &[
    "", "0", "0.05", "0.1", "0.5", "1", "1.00", "1.25", "1.999", "2", "2.01", "3", "1.2345", "01", "1.",
    ".5", "9999999",
];

/// Targets of any kind.
fn target() -> impl Strategy<Value = String> {
    let source = prop_oneof![
        2 => Just("a.jpg".to_owned()),
        3 => prop::collection::vec(prop::sample::select(PIECES), 1..6).prop_map(|pieces| pieces.concat()),
    ];
    let side = prop_oneof![3 => prop::sample::select(SIZES).prop_map(str::to_owned), 2 => (1..1200_u32).prop_map(|side| side.to_string())];
    let option = prop_oneof![
        4 => (prop::sample::select(&["width", "w", "height", "h", "Width", "%77idth"]), side).prop_map(|(name, side)| format!("{name}={side}")),
        2 => prop::sample::select(RATIOS).prop_map(|ratio| format!("dpr={ratio}")),
        1 => prop::sample::select(&["fit=cover", "fit=contain", "nonsense=1", "width", "=1", ""]).prop_map(str::to_owned),
    ];
    (prop::sample::select(ROUTES), source, prop::collection::vec(option, 0..4)).prop_map(
        |(route, source, options)| {
            let query = if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
            format!("{route}{source}{query}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn i07_i13_both_decide_alike_about_hostile_requests(target in target()) {
        static BOTH: LazyLock<Both> = LazyLock::new(|| load(LIMITS.as_bytes()));
        compare(&BOTH, &request(target.as_bytes()), true).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn i07_both_decide_alike_about_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        static BOTH: LazyLock<Both> = LazyLock::new(|| load(LIMITS.as_bytes()));
        let target = [b"/clamped/".as_slice(), &bytes].concat();
        compare(&BOTH, &request(&target), true).map_err(TestCaseError::fail)?;
    }
}
