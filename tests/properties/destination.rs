//! I6 to I12: where a request goes, and in which one spelling. `properties.rs` and `dialects.rs` have more of it.

use pinhole::policy::decision::Decision;
use proptest::prelude::*;

use super::invariants::same::face;
use super::invariants::{Asked, path};
use super::kept::failed;
use super::subjects::{SUBJECT, asked, get, opened, reason, served, target, values};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i06_authority_scheme_and_cluster_are_the_policys(
        target in target(),
        authority in "(user:pass@)?(img\\.example\\.com|secret\\.example\\.com|127\\.0\\.0\\.1|[a-z]{1,9})(:[0-9]{1,5})?",
        scheme in "https?|HTTPS|gopher|javascript",
        cluster in "[a-z]{1,9}",
    ) {
        let mut asked = Asked::get(&authority, target.as_bytes()).with("x-pinhole-cluster", cluster.as_bytes());
        asked.headers[1].1 = scheme.into_bytes();
        if let Some(forward) = served(&SUBJECT, &asked)? {
            prop_assert_eq!(values(&forward, ":authority"), ["thumbor.internal"]);
            prop_assert_eq!(values(&forward, "x-pinhole-cluster"), ["resizer"]);
            prop_assert_eq!(values(&forward, ":scheme"), ["http"]);
            let source = opened(&SUBJECT, &forward.upstream.path, &[]);
            let (wanted, cluster, scheme) = match forward.origin.name() {
                "photos" => ("secret.example.com", "photos", "https"),
                "members" => ("members.example.com", "members", "https"),
                "stored" => ("account.blob.example.net", "azure", "https"),
                _ => ("127.0.0.1:9000", "open", "http"),
            };
            prop_assert_eq!(values(&source, ":authority"), [wanted]);
            prop_assert_eq!(values(&source, "x-pinhole-cluster"), [cluster]);
            prop_assert_eq!(values(&source, ":scheme"), [scheme]);
        }
    }

    #[test]
    fn i10_equal_pictures_have_equal_urls_and_others_have_others(one in asked(), other in asked()) {
        let (Some(one), Some(other)) = (served(&SUBJECT, &one)?, served(&SUBJECT, &other)?) else { return Ok(()) };
        let told = |forward: &pinhole::policy::decision::Forward<'_>| {
            let source = opened(&SUBJECT, &forward.upstream.path, &[]);
            let headers: Vec<_> = source.upstream.headers().iter().map(|(n, v)| format!("{n}: {}", v.escape_ascii())).collect();
            (headers, forward.transform.as_ref().map(ToString::to_string))
        };
        prop_assert_eq!(told(&one) == told(&other), one.upstream.path == other.upstream.path);
    }

    #[test]
    fn i12_no_query_of_a_visitor_goes_on(
        target in target(),
        name in prop::sample::select(&["acl", "versionId", "X-Amz-Signature", "response-content-type", "comp", "restype",
            "sig", "se", "url", "src", "imageUrl", "token", "partNumber", "list-type"]),
        value in "[a-z0-9]{0,9}",
    ) {
        let joined = if target.contains('?') { "&" } else { "?" };
        let asked = get(&format!("{target}{joined}{name}={value}"));
        prop_assert!(served(&SUBJECT, &asked)?.is_none(), "{}", asked);
        if let Some(forward) = served(&SUBJECT, &get(&target))? {
            prop_assert!(!forward.upstream.path.contains('?'));
            let source = opened(&SUBJECT, &forward.upstream.path, &[]);
            let query = source.upstream.path.split_once('?').map(|(_, query)| query);
            let own = (forward.origin.name() == "stored").then_some("sv=2022-11-02&sr=c&sp=r&sig=of-the-store-alone");
            prop_assert_eq!(query, own);
        }
    }
}

/// What Envoy makes of paths (`test/common/http/path_utility_test.cc`), and more of the kind.
const NORMALISED: &[(&str, &str)] = &[
    (r"/a/..\c", "/c"),
    ("/a/b/%2E./c", "/a/c"),
    ("/a/b/../c", "/a/c"),
    ("/a/./c", "/a/c"),
    ("/a//c", "/a/c"),
    ("/a/b/..", "/a/"),
    ("/..", "/"),
    (r"/a\b", "/a/b"),
    ("/%c0%af", "/%c0%af"),
    ("/%5c%25", "/%5c%25"),
    ("/a/%2F%2f/c", "/a/%2F%2f/c"),
    ("/xyz/.%00../abc", "/xyz/.%00../abc"),
    ("/AAAAA%%0000", "/AAAAA%%0000"),
];

#[test]
fn i09_no_accepted_path_is_one_that_envoys_normaliser_changes() {
    for (raw, normal) in NORMALISED {
        for path in [raw, normal] {
            let asked = get(&format!("/images/small{path}"));
            if *path == *raw || raw == normal {
                assert_eq!(reason(&asked), "malformed-path", "{path}");
            }
        }
    }
    for plain in ["/a.jpg", "/a/b.jpg", "/a%20b.jpg", "/%C3%A9.jpg", "/a...jpg", "/.a", "/a~b_c-d"] {
        assert_eq!(reason(&get(&format!("/images/small{plain}"))), "served", "{plain}");
    }
}

#[test]
fn i08_a_source_has_one_spelling_whatever_it_was_written_like() {
    let decided = |target: &str| {
        let asked = get(target);
        match SUBJECT.decide(&asked, &[]).map_err(failed).unwrap() {
            Decision::Forward(forward) => opened(&SUBJECT, &forward.upstream.path, &[]).upstream.path,
            Decision::Reject(refusal) => panic!("{target}: {refusal:?}"),
        }
    };
    for (written, source) in [
        ("a.jpg", "a.jpg"),
        ("%61%2Ejpg", "a.jpg"),
        ("caf%c3%a9.jpg", "caf%C3%A9.jpg"),
        ("a+b@2x(1)!.jpg", "a%2Bb%402x%281%29%21.jpg"),
        ("a%20b.jpg", "a%20b.jpg"),
    ] {
        assert_eq!(decided(&format!("/images/small/{written}")), format!("/hidden-directory/{source}"));
        assert_eq!(decided(&format!("/members/small/{written}")), format!("/a%20base/{source}"));
        assert_eq!(path::encode(&String::from_utf8(path::unescape(source.as_bytes())).unwrap()), source);
    }
    let one = get("/images/small/%61.jpg");
    let (first, again) =
        (SUBJECT.policy.decide(&one.headers, true, None), SUBJECT.policy.decide(&one.headers, true, None));
    assert_eq!(face(&first, true), face(&again, true));
}
