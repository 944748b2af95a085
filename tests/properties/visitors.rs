//! I18 to I25: what of a visitor's headers goes where.

use proptest::prelude::*;

use super::invariants::Asked;
use super::kept::failed;
use super::subjects::{HOST, SUBJECT, asked, get, headers, opened, reason, served, target, values};

/// What may go to a resizer, beside what joins traces.
const TO_RESIZER: &[&str] = &[
    ":method",
    ":scheme",
    ":authority",
    ":path",
    "x-pinhole-cluster",
    "x-forwarded-proto",
    "user-agent",
    "x-envoy-original-path",
    "cache-control",
];

/// A visitor of the members' pictures, whose three credentials go on.
fn member() -> Asked {
    get("/members/small/a.jpg")
}

/// The values of a header that the members' origin gets.
fn given(asked: &Asked, name: &str) -> Vec<String> {
    let forward = served(&SUBJECT, asked).unwrap().unwrap_or_else(|| panic!("refused: {asked}"));
    values(&opened(&SUBJECT, &forward.upstream.path, &[]), name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i18_no_header_is_sent_that_is_not_listed(asked in asked()) {
        if let Some(forward) = served(&SUBJECT, &asked)? {
            for (name, _) in forward.upstream.headers() {
                let traces = ["x-request-id", "traceparent", "tracestate", "b3"].contains(&name) || name.starts_with("x-b3-");
                prop_assert!(TO_RESIZER.contains(&name) || traces, "{}", name);
            }
            let source = opened(&SUBJECT, &forward.upstream.path, &[]);
            let own: &[&str] = match forward.origin.name() {
                "photos" => &["authorization"],
                "members" => &["x-key", "authorization", "x-amz-date", "cookie"],
                _ => &[],
            };
            for (name, _) in source.upstream.headers() {
                prop_assert!(name == "via" || TO_RESIZER[..7].contains(&name) || own.contains(&name), "{}", name);
            }
        }
    }

    #[test]
    fn i19_a_listed_header_goes_on_unchanged_and_once_and_no_other_does(
        value in "[!-~]{1,40}",
        count in 0..4_usize,
        others in headers(),
        name in "authorization|x-amz-date|x-amz-acl|proxy-authorization|x-key",
    ) {
        let spelled = |(index, name): (usize, &str)| if index % 2 == 0 { name.to_uppercase() } else { name.to_owned() };
        let plain = |other: &str| !["authorization", "x-amz-date", "cookie", "connection", "via"].contains(&other.to_lowercase().as_str());
        let others: Vec<_> = others.into_iter().filter(|(other, _)| plain(other)).collect();
        let asked = others.iter().fold(member(), |asked, (name, value)| asked.with(name, value));
        let asked = (0..count).map(|index| spelled((index, &name))).fold(asked, |asked, name| asked.with(&name, value.as_bytes()));
        let is_listed = ["authorization", "x-amz-date"].contains(&name.as_str());
        if is_listed && count > 1 {
            prop_assert!(served(&SUBJECT, &asked)?.is_none());
        } else if let Some(forward) = served(&SUBJECT, &asked)? {
            let got = values(&opened(&SUBJECT, &forward.upstream.path, &[]), &name);
            let escaped = value.as_bytes().escape_ascii().to_string();
            let want: Vec<String> = if name == "x-key" {
                vec!["of-the-members-alone".to_owned()]
            } else if is_listed && count == 1 {
                vec![escaped]
            } else {
                Vec::new()
            };
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn i22_no_canary_is_in_what_goes_on(
        target in target(),
        canary in "[a-z]{4}[A-Z0-9]{4}[!-~]{0,8}",
        names in prop::collection::vec(0..CANARIES.len(), 1..6),
    ) {
        let bytes = canary.as_bytes();
        let mut asked = get(&target);
        for index in names {
            let (name, form) = CANARIES[index];
            if target.starts_with("/members") && name.eq_ignore_ascii_case("authorization") {
                continue; // which these are given
            }
            asked = asked.with(name, form.replace("CANARY", &canary).as_bytes());
        }
        SUBJECT.decide(&asked, &[bytes]).map_err(failed)?;
        SUBJECT.open(&asked, &[bytes]).map_err(failed)?;
        // Nor is it in what a refusal says of the host, the query, the fragment.
        let joined = if target.contains('?') { "&" } else { "?" };
        for asked in [
            Asked::get(&format!("user:{canary}@{HOST}"), target.as_bytes()),
            get(&format!("{target}{joined}token={canary}")),
            get(&format!("{target}{joined}{canary}=1")),
            get(&format!("{target}#{canary}")),
        ] {
            prop_assert!(served(&SUBJECT, &asked)?.is_none(), "{}", asked);
            SUBJECT.decide(&asked, &[bytes]).map_err(failed)?;
        }
    }

    #[test]
    fn i23_a_secret_goes_to_its_own_origin_only(asked in asked()) {
        const SECRETS: [(&str, &str); 3] =
            [("photos", "of-the-photos-alone"), ("members", "of-the-members-alone"), ("stored", "of-the-store-alone")];
        if let Some(forward) = served(&SUBJECT, &asked)? {
            let source = opened(&SUBJECT, &forward.upstream.path, &[]);
            for (origin, secret) in SECRETS {
                let is_in = |forward: &pinhole::policy::decision::Forward<'_>| {
                    forward.upstream.headers().iter().any(|(_, value)| String::from_utf8_lossy(value).contains(secret))
                };
                prop_assert!(!is_in(&forward), "{} goes to the resizer", secret);
                prop_assert_eq!(is_in(&source), forward.origin.name() == origin, "{}", secret);
            }
        }
    }

    #[test]
    fn i25_pseudo_headers_are_sent_once_each_and_taken_once_each(asked in asked(), name in 0..4_usize, value in ".{0,9}") {
        let name = [":method", ":authority", ":path", ":scheme"][name];
        let first = served(&SUBJECT, &asked)?.is_some();
        let twice = asked.clone().with(name, value.as_bytes());
        // The scheme is ours: nobody looks at a visitor's.
        prop_assert_eq!(served(&SUBJECT, &twice)?.is_some(), first && name == ":scheme");
        let mut less = asked.clone();
        less.headers.retain(|(other, _)| other != name);
        prop_assert_eq!(served(&SUBJECT, &less)?.is_some(), first && name == ":scheme");
        let more = asked.with(":protocol", b"websocket").with("host", b"secret.example.com");
        prop_assert_eq!(served(&SUBJECT, &more)?.is_some(), first);
    }
}

/// Where a canary stands, and in which form.
const CANARIES: &[(&str, &str)] = &[
    ("authorization", "Bearer CANARY"),
    ("Authorization", "Basic CANARY"),
    ("proxy-authorization", "CANARY"),
    ("cookie", "CANARY=1; other=CANARY"),
    ("x-api-key", "CANARY"),
    ("x-amz-security-token", "CANARY"),
    ("x-forwarded-host", "CANARY"),
    ("x-forwarded-for", "CANARY"),
    ("x-forwarded-proto", "CANARY"),
    ("forwarded", "host=CANARY"),
    ("x-original-url", "/CANARY"),
    ("x-envoy-original-path", "/CANARY"),
    ("x-pinhole-cluster", "CANARY"),
    ("user-agent", "CANARY"),
    ("origin", "https://CANARY"),
    ("referer", "https://example.com/?token=CANARY"),
    ("accept", "image/webp;x=CANARY"),
    ("if-none-match", "\"CANARY\""),
    ("via", "1.1 CANARY"),
    ("range", "CANARY"),
    ("connection", "CANARY"),
    ("sec-ch-width", "CANARY"),
    ("b3", "!CANARY!"),
    ("CANARY", "1"),
];

#[test]
fn i20_what_is_nearly_a_listed_name_is_none() {
    for name in [
        "x_amz_date",
        "x-amz_date",
        "x-amz-date ",
        " x-amz-date",
        "x-amz-date\t",
        "x-amz-dat",
        "x-amz-datee",
        "xx-amz-date",
        "x-amz-date\0",
        "x\u{2010}amz-date",
    ] {
        assert_eq!(given(&member().with(name, b"canary"), "x-amz-date"), [""; 0], "{name:?}");
    }
    assert_eq!(given(&member().with("X-AMZ-Date", b"20260101"), "x-amz-date"), ["20260101"]);
    for name in ["authorization ", "authorization\t", "authorizatioN_", "authorization:"] {
        assert_eq!(given(&member().with(name, b"canary"), "authorization"), [""; 0], "{name:?}");
    }
}

#[test]
fn i21_what_belongs_to_the_hop_stays_there_and_nominating_takes_nothing_of_ours_away() {
    let own =
        ["authorization", "x-amz-date"].into_iter().fold(member(), |asked, name| asked.with(name, b"own"));
    for (nominated, left) in [
        ("close", ["own", "own"].as_slice()),
        ("authorization", &["own"]),
        ("Authorization, X-AMZ-DATE", &[]),
        (" x-amz-date ,close", &["own"]),
        ("x-key, via, user-agent, x-pinhole-cluster, :path, host, cookie", &["own", "own"]),
    ] {
        let asked = own.clone().with("connection", nominated.as_bytes());
        let got = [given(&asked, "authorization"), given(&asked, "x-amz-date")].concat();
        assert_eq!(got, left, "{nominated}");
        assert_eq!(given(&asked, "x-key"), ["of-the-members-alone"], "{nominated}");
        assert_eq!(given(&asked, "user-agent"), ["pinhole"], "{nominated}");
        assert_eq!(given(&asked, "via").len(), 1, "{nominated}");
    }
    for name in [
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "http2-settings",
    ] {
        assert_eq!(given(&member().with(name, b"canary"), name), [""; 0], "{name}");
    }
    assert_eq!(reason(&member().with("upgrade", b"h2c")), "body-not-allowed");
}

#[test]
fn i24_what_proxies_say_of_a_request_is_taken_from_no_visitor() {
    for name in [
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-internal",
        "x-envoy-retry-on",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-decorator-operation",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-real-ip",
        "forwarded",
        "via",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-pinhole-cluster",
        "x-pinhole-reason",
    ] {
        for asked in [
            member().with(name, b"canary"),
            member().with(name, b"canary").with(&name.to_uppercase(), b"canary"),
        ] {
            let forward = served(&SUBJECT, &asked).unwrap().unwrap_or_else(|| panic!("{name}"));
            let source = opened(&SUBJECT, &forward.upstream.path, &[(name, b"canary")]);
            let plain = served(&SUBJECT, &member()).unwrap().unwrap();
            assert_eq!(forward.upstream.headers(), plain.upstream.headers(), "{name}");
            let alone = opened(&SUBJECT, &plain.upstream.path, &[]);
            assert_eq!(source.upstream.headers(), alone.upstream.headers(), "{name}");
        }
    }
}
