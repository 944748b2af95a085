//! I39 to I49: what goes on of an upstream's answer, for any answer and any rule.

use pinhole::config::raw::{FallbackStatus, LastModified};
use pinhole::fallback::{Fallback, Image};
use pinhole::keeping::Keeping;
use pinhole::policy::decision::{Decision, Forward};
use pinhole::policy::rejection::Rejection;
use pinhole::request::Method;
use pinhole::response::{AnswerRule, Cache, Privacy, Role, Verdict};
use pinhole::validators::Condition;
use proptest::prelude::*;

use super::invariants::{Asked, Headers, answer};
use super::kept::failed;
use super::subjects::{SUBJECT, asked, get, served};

/// What no answer may pass on.
const CANARY: &str = "Canary-7f3a91";

/// Names under which upstreams tell of themselves; with the ones that are read.
const NAMES: &[&str] = &[
    "server",
    "Server",
    "x-powered-by",
    "x-amz-request-id",
    "x-amz-meta-owner",
    "x-goog-hash",
    "x-ms-blob-type",
    "set-cookie",
    "location",
    "link",
    "refresh",
    "content-location",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "age",
    "expires",
    "pragma",
    "surrogate-control",
    "cdn-cache-control",
    "alt-svc",
    "via",
    "x-cache",
    "www-authenticate",
    "x-envoy-upstream-service-time",
    "server-timing",
    "timing-allow-origin",
    "access-control-allow-origin",
    "trailer",
    "x-pinhole-reason",
    "x-zz-unheard-of",
    "connection",
    "transfer-encoding",
    "x-content-type-options",
    ":status",
    "content-type",
    "content-length",
    "content-encoding",
    "cache-control",
    "vary",
    "etag",
    "last-modified",
];

const VALUES: &[&str] = &[
    "200",
    "206",
    "301",
    "304",
    "404",
    "500",
    "image/jpeg",
    "IMAGE/PNG; charset=Canary-7f3a91",
    "image/svg+xml",
    "text/html",
    "image/tiff",
    "1234",
    "-1",
    "gzip",
    "identity",
    "public, s-maxage=31536000",
    "private",
    "no-store, Canary-7f3a91",
    "max-age=0",
    "*",
    "cookie",
    "Authorization",
    "accept",
    "\"Canary-7f3a91\"",
    "W/\"Canary-7f3a91\"",
    "Canary-7f3a91",
    "Tue, 24 Nov 2026 05:22:24 GMT",
    "sid=Canary-7f3a91; Path=/",
    "https://Canary-7f3a91.example.com/",
    "\u{ff}",
];

fn answers() -> impl Strategy<Value = Headers> {
    let value = prop_oneof![
        6 => prop::sample::select(VALUES).prop_map(|value| value.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    let header = (prop::sample::select(NAMES).prop_map(str::to_owned), value);
    // Most are of the kind that goes on.
    (prop::bool::weighted(0.7), prop::collection::vec(header, 0..8)).prop_flat_map(
        |(is_good, mut headers)| {
            if is_good {
                let own = [(":status", "200"), ("content-type", "image/webp; charset=Canary-7f3a91")];
                headers.retain(|(name, _)| {
                    !["content-encoding", ":status", "content-type"].contains(&name.as_str())
                });
                headers.extend(own.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
            }
            Just(headers).prop_shuffle()
        },
    )
}

fn rules() -> impl Strategy<Value = AnswerRule> {
    let cache =
        prop_oneof![Just(Cache::Private), (0..31_536_000_u32).prop_map(|max_age| Cache::Public { max_age })];
    let vary = prop::sample::subsequence(&["accept", "referer", "save-data, ect, rtt, downlink"][..], 0..=3);
    let fallback = prop::option::of((any::<bool>(), 0..=60_u32)).prop_map(|fallback| {
        fallback.map(|(is_ok, max_age)| Fallback {
            image: std::sync::Arc::new(Image::new(b"GIF89a".to_vec()).unwrap()),
            status: if is_ok { FallbackStatus::Ok } else { FallbackStatus::Error },
            max_age,
        })
    });
    let condition = prop::sample::select(&[
        None,
        Some(("if-none-match", "*")),
        Some(("if-none-match", "\"Canary-7f3a91\"")),
        Some(("if-modified-since", "Wed, 25 Nov 2026 05:22:24 GMT")),
    ]);
    (any::<[bool; 5]>(), cache, vary, fallback, condition).prop_map(
        |([edge, get, placeholder, refuses, shows], cache, vary, fallback, condition)| {
            let condition: Headers = condition
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .collect();
            AnswerRule {
                role: if edge { Role::Edge } else { Role::Gate },
                method: if get { Method::Get } else { Method::Head },
                cache,
                vary,
                placeholder,
                fallback,
                privacy: if refuses { Privacy::Refused } else { Privacy::Settled },
                variant: "width=300".to_owned(),
                last_modified: if shows { LastModified::Show } else { LastModified::Hide },
                condition: Condition::of(&condition),
            }
        },
    )
}

fn judged(rule: &AnswerRule, headers: &Headers) -> Result<Verdict, TestCaseError> {
    SUBJECT.judge(rule, headers, &[CANARY.as_bytes()]).map_err(failed)
}

/// The headers that go on; nothing where the answer is replaced.
fn own(verdict: &Verdict) -> Option<&Vec<(&'static str, String)>> {
    match verdict {
        Verdict::Deliver(headers) | Verdict::NotModified(headers) => Some(headers),
        Verdict::Replace(_) => None,
    }
}

fn values<'h>(headers: &'h [(&'static str, String)], name: &str) -> Vec<&'h str> {
    headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.as_str()).collect()
}

/// A request that goes on.
fn forwarded(asked: &Asked) -> Option<Box<Forward<'static>>> {
    match SUBJECT.policy.decide(&asked.headers, true, asked.now) {
        Decision::Forward(forward) => Some(forward),
        Decision::Reject(_) => None,
    }
}

/// What answers may depend on, and what not.
const HINTS: &[(&str, &str)] = &[
    ("accept", "image/avif,image/webp"),
    ("accept", "image/webp"),
    ("accept", "*/*"),
    ("save-data", "on"),
    ("ect", "3g"),
    ("sec-ch-width", "300"),
    ("sec-ch-width", "1000"),
    ("sec-ch-ua-mobile", "?1"),
    ("referer", "https://example.com/"),
    ("user-agent", "curl"),
    ("accept-encoding", "br"),
    ("cookie", "a=1"),
    ("dpr", "2"),
    ("viewport-width", "400"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn i39_no_name_goes_on_that_is_not_listed(rule in rules(), headers in answers()) {
        const LISTED: [&str; 8] = [":status", "content-type", "x-content-type-options", "content-length", "cache-control",
            "vary", "etag", "last-modified"];
        if let Some(own) = own(&judged(&rule, &headers)?) {
            for (name, _) in own {
                prop_assert!(LISTED.contains(name), "{}", name);
                prop_assert_eq!(values(own, name).len(), 1, "{}", name);
            }
        }
    }

    #[test]
    fn i40_nothing_of_what_an_upstream_says_of_itself_goes_on(rule in rules(), headers in answers()) {
        let verdict = judged(&rule, &headers)?;
        prop_assert!(!format!("{verdict:?}").to_lowercase().contains(&CANARY.to_lowercase()), "{:?}", verdict);
    }

    #[test]
    fn i41_a_status_is_200_or_304_of_ours_or_an_error_of_ours(rule in rules(), headers in answers(), status in "[1-5][0-9]{2}|[0-9]{0,4}|.{0,3}") {
        let mut headers = headers;
        headers.retain(|(name, _)| name != ":status");
        headers.push((":status".to_owned(), status.clone().into_bytes()));
        match judged(&rule, &headers)? {
            Verdict::Deliver(own) => prop_assert_eq!((values(&own, ":status"), status.as_str()), (vec!["200"], "200")),
            Verdict::NotModified(_) => prop_assert_eq!(status.as_str(), "200"),
            Verdict::Replace(rejection) => prop_assert!((400..600).contains(&rejection.status())),
        }
    }

    #[test]
    fn i42_an_error_has_one_of_a_few_bodies_whatever_the_upstream_said(rule in rules(), headers in answers()) {
        if let Verdict::Replace(rejection) = judged(&rule, &headers)? {
            let reply = rule.reply(rejection);
            let texts = Rejection::ALL.map(|rejection| format!("{}\n", rejection.text()).into_bytes());
            let is_ours = texts.contains(&reply.body) || reply.body.starts_with(b"\x89PNG") || reply.body == b"GIF89a";
            prop_assert!(is_ours, "{:?}", reply);
            prop_assert!(reply.headers.iter().all(|(name, _)| *name != "content-length"), "{:?}", reply);
        }
    }

    #[test]
    fn i43_what_goes_on_is_a_picture_and_says_so(
        rule in rules(),
        headers in answers(),
        kind in "image/(svg\\+xml|jpeg|PNG|tiff|x-icon|)(; ?[a-z]{0,5})?|text/html|application/(xml|octet-stream)|[ -~]{0,9}",
    ) {
        let mut headers = headers;
        headers.retain(|(name, _)| name != "content-type");
        headers.push(("content-type".to_owned(), kind.into_bytes()));
        if let Verdict::Deliver(own) = judged(&rule, &headers)? {
            let of_visitors = ["image/avif", "image/webp", "image/jpeg", "image/png", "image/gif"];
            let media = values(&own, "content-type")[0].to_owned();
            prop_assert!(of_visitors.contains(&media.as_str()) || rule.role == Role::Gate, "{}", media);
            prop_assert!(media.starts_with("image/") && !media.contains("svg"));
            prop_assert_eq!(values(&own, "x-content-type-options"), ["nosniff"]);
        }
    }

    #[test]
    fn i44_what_nobody_may_keep_says_exactly_that(rule in rules(), headers in answers()) {
        let rule = AnswerRule { cache: Cache::Private, ..rule };
        let verdict = judged(&rule, &headers)?;
        prop_assert!(!matches!(verdict, Verdict::NotModified(_)));
        if let Some(own) = own(&verdict) {
            prop_assert_eq!(values(own, "cache-control"), ["private, no-store"]);
            for name in ["etag", "last-modified", "expires", "age", "surrogate-control", "cdn-cache-control"] {
                prop_assert!(values(own, name).is_empty(), "{}", name);
            }
        }
    }

    #[test]
    fn i45_what_is_shared_has_no_cookie_and_varies_with_nobody_and_the_origins_no_wins(rule in rules(), headers in answers()) {
        let (role, privacy) = (Role::Gate, Privacy::Refused);
        let rule = AnswerRule { cache: Cache::Public { max_age: 60 }, role, privacy, ..rule };
        let verdict = judged(&rule, &headers)?;
        if Keeping::of(&headers) == Keeping::Private {
            prop_assert_eq!(&verdict, &Verdict::Replace(Rejection::PrivateSource));
        }
        if let Some(own) = own(&verdict) {
            prop_assert!(values(own, "set-cookie").is_empty());
            prop_assert_eq!(values(own, "vary").join(""), rule.vary.join(", "));
            let lists = |name: &str, word: &str| headers.iter().any(|(other, value)| {
                other == name && value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
            });
            prop_assert!(!["private", "no-store"].iter().any(|word| lists("cache-control", word)));
            prop_assert!(!["cookie", "authorization", "*"].iter().any(|word| lists("vary", word)));
        }
    }

    #[test]
    fn i46_an_error_is_not_kept_and_a_fallback_no_longer_than_a_minute(rule in rules(), index in 0..Rejection::ALL.len()) {
        let reply = rule.reply(Rejection::ALL[index]);
        let control = &reply.headers.iter().find(|(name, _)| *name == "cache-control").unwrap().1;
        match control.strip_prefix("public, max-age=") {
            Some(age) => {
                prop_assert!(age.parse::<u32>().unwrap() <= 60);
                prop_assert!(rule.fallback.is_some() && rule.cache != Cache::Private);
            }
            None => prop_assert!(control == "no-store" || control == "private, no-store"),
        }
        answer::holds(&rule, &Vec::new(), &Verdict::Replace(Rejection::ALL[index]), &[]).map_err(failed)?;
    }

    #[test]
    fn i47_there_is_exactly_one_cache_control(rule in rules(), headers in answers()) {
        let verdict = judged(&rule, &headers)?;
        let count = match (&verdict, own(&verdict)) {
            (_, Some(own)) => values(own, "cache-control").len(),
            (Verdict::Replace(rejection), _) => values(&rule.reply(*rejection).headers, "cache-control").len(),
            _ => 0,
        };
        prop_assert_eq!(count, 1);
    }

    #[test]
    fn i48_one_url_with_equal_headers_of_vary_is_one_upstream_request(
        target in prop::sample::select(&["/images/large/a.jpg", "/hinted/a.jpg", "/steps/a.jpg?format=auto", "/embedded/a.jpg", "/photos/a.jpg"]),
        one in prop::collection::vec(prop::sample::select(HINTS), 0..4),
        other in prop::collection::vec(prop::sample::select(HINTS), 0..4),
    ) {
        let with = |headers: Vec<(&str, &str)>| {
            headers.into_iter().fold(get(target), |asked, (name, value)| asked.with(name, value.as_bytes()))
        };
        let (one, other) = (with(one), with(other));
        let (Some(first), Some(second)) = (forwarded(&one), forwarded(&other)) else { return Ok(()) };
        // Of the same URL, what a cache tells apart are the headers of `vary`.
        let named = |headers: &Headers| -> Vec<(String, Vec<u8>)> {
            let vary = first.answer.vary.join(",");
            let is_named = |name: &str| vary.split(',').any(|other| other.trim().eq_ignore_ascii_case(name));
            let mut named: Vec<_> = headers.iter().filter(|(name, _)| is_named(name)).cloned().collect();
            named.sort();
            named
        };
        if named(&one.headers) == named(&other.headers) {
            prop_assert_eq!(&first.upstream.path, &second.upstream.path);
        }
    }

    #[test]
    fn i49_what_a_visitor_sends_beside_what_is_negotiated_changes_no_answer(asked in asked(), headers in answers()) {
        let plain = get(std::str::from_utf8(&asked.headers[3].1).unwrap());
        let read = ["accept", "if-none-match", "if-modified-since", "save-data", "sec-ch-width", "connection", "via"];
        let mut asked = asked;
        asked.headers.retain(|(name, _)| !read.contains(&name.to_lowercase().as_str()));
        let (Some(noisy), Some(plain)) = (served(&SUBJECT, &asked)?, served(&SUBJECT, &plain)?) else { return Ok(()) };
        // Without its word of the gate, and with it.
        for rule in [noisy.answer.clone(), noisy.answer.clone().in_the_light_of(None)] {
            judged(&rule, &headers)?;
        }
        if noisy.upstream.path == plain.upstream.path {
            prop_assert_eq!(judged(&noisy.answer, &headers)?, judged(&plain.answer, &headers)?);
        }
    }
}
