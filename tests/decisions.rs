//! What a decision says beside what the corpus compares: the upstream request header by header, what becomes of the
//! answer, what access logs show, and the requests that pinhole makes itself.
//!
//! Most of it is seen live as well; here each rule fails by itself, and changes of the code (`make mutants`) are found.

#![expect(clippy::panic, reason = "a test says what it expects by panicking")]

use pinhole::config;
use pinhole::config::raw::LastModified;
use pinhole::credentials::Credentials;
use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Forward, Refusal, Rule};
use pinhole::policy::rejection::Rejection;
use pinhole::request::path::Path;
use pinhole::response::{Cache, Privacy, Verdict};

const NOW: Option<u64> = Some(1_800_000_000);

fn load(document: &str) -> Policy {
    let environment = |name: &str| {
        let key = "00112233445566778899aabbccddeeff";
        Some(if name == "PINHOLE_SEAL_KEY" { key.repeat(2) } else { key.to_owned() })
    };
    config::load(document.as_bytes(), &environment).unwrap_or_else(|errors| panic!("{errors:#?}")).policy
}

/// A policy with these routes, an open origin `photos` and a closed one `vault`.
fn policy(routes: &str, gate: &str) -> Policy {
    load(&format!(
        r#"{{ "presets": {{ "small": {{ "width": 300 }} }}, "routes": [{routes}],
          "origins": {{ "photos": {{ "url": "http://secret.example.com/base", "cluster": "photos" }},
                       "dated": {{ "url": "http://secret.example.com", "cluster": "dated", "last_modified": "show" }},
                       "vault": {{ "url": "http://secret.example.com/base", "cluster": "vault",
                                  "credentials": {{ "bearer": {{ "value": "canary" }} }} }} }},
          "resizer": {{ "thumbor": {{ "cluster": "resizer", "authority": "thumbor.internal",
                                     "key": {{ "env": "THUMBOR_KEY" }} }} }},
          "gate": {{ "url": "http://gate.internal", "seal_key": {{ "env": "PINHOLE_SEAL_KEY" }} {gate} }} }}"#
    ))
}

const PHOTOS: &str =
    r#"{ "path": "/photos/(?<source>.+)", "origin": "photos", "default": { "width": 600 } }"#;
const VAULT: &str = r#"{ "path": "/vault/(?<source>.+)", "origin": "vault", "default": { "width": 600 } }"#;

fn headers(target: &str, more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let own = [(":method", "GET"), (":authority", "img.example.com"), (":path", target)];
    let all = own.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

#[track_caller]
fn forwarded<'p>(policy: &'p Policy, target: &str, more: &[(&str, &str)]) -> Box<Forward<'p>> {
    match policy.decide(&headers(target, more), true, NOW) {
        Decision::Forward(forward) => forward,
        Decision::Reject(refusal) => panic!("{target}: {refusal:?}"),
    }
}

#[track_caller]
fn refused(policy: &Policy, target: &str, more: &[(&str, &str)]) -> Refusal {
    match policy.decide(&headers(target, more), true, NOW) {
        Decision::Forward(forward) => panic!("{target}: {forward:?}"),
        Decision::Reject(refusal) => refusal,
    }
}

/// The headers of an upstream request with these names.
fn sent(forward: &Forward<'_>, names: &[&str]) -> Vec<String> {
    let headers = forward.upstream.headers().into_iter().filter(|(name, _)| names.contains(name));
    headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect()
}

#[test]
fn traces_go_on_in_the_form_that_they_have() {
    let policy = policy(PHOTOS, "");
    let long = "a".repeat(512);
    let longer = "a".repeat(513);
    for (name, value, passes) in [
        ("x-request-id", "a b~", true),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("tracestate", &long, true),
        ("tracestate", &longer, false),
        ("tracestate", "", false),
        ("tracestate", "a\tb", false),
        ("tracestate", "é", false),
        ("b3", "80f198ee56343ba8-e457b5a2e4d86bd1-1", true),
        ("x-b3-traceid", "80f198ee56343ba8", true),
        ("x-b3-spanid", "a b", false),
        ("x-b3-flags", &longer, false),
        ("x-trace", "1", false),
    ] {
        let forward = forwarded(&policy, "/photos/a.jpg", &[(name, value)]);
        let wanted = passes.then(|| format!("{name}: {value}"));
        assert_eq!(sent(&forward, &[name]), Vec::from_iter(wanted), "{name}: {value}");
    }
}

#[test]
fn how_the_visitor_came_is_https_or_else_http() {
    let policy = policy(PHOTOS, "");
    for (said, want) in [("https", "https"), ("http", "http"), ("HTTPS", "http"), ("ftp", "http")] {
        let forward = forwarded(&policy, "/photos/a.jpg", &[("x-forwarded-proto", said)]);
        assert_eq!(sent(&forward, &["x-forwarded-proto"]), [format!("x-forwarded-proto: {want}")], "{said}");
    }
    let forward = forwarded(&policy, "/photos/a.jpg", &[]);
    assert_eq!(sent(&forward, &["x-forwarded-proto"]), ["x-forwarded-proto: http"]);
}

#[test]
fn the_request_to_the_resizer_is_this_and_debug_output_hides_it() {
    let policy = policy(PHOTOS, "");
    let forward = forwarded(&policy, "/photos/a.jpg", &[("cookie", "canary")]);
    let names: Vec<_> = forward.upstream.headers().into_iter().map(|(name, _)| name.to_owned()).collect();
    let plain =
        [":method", ":scheme", ":authority", ":path", "x-pinhole-cluster", "x-forwarded-proto", "user-agent"];
    assert_eq!(names, [&plain[..], &["x-envoy-original-path"]].concat());
    assert_eq!(sent(&forward, &["x-pinhole-cluster"]), ["x-pinhole-cluster: resizer"]);
    let method = [":method: GET".to_owned()];
    assert_eq!(sent(&forward, &[":method", "cookie"]), method);
    assert_eq!(format!("{:?}", forward.upstream), "UpstreamRequest(…)");
    assert!(!format!("{forward:?}").contains("secret.example.com"));
    assert_eq!(format!("{:?}", forward.origin.url().authority()), "Authority(…)");
    assert_eq!(format!("{:?}", Credentials::default()), "Credentials(…)");
}

#[test]
fn what_is_private_no_cache_on_the_way_keeps_either() {
    let policy = policy(&format!("{PHOTOS}, {VAULT}"), "");
    let control = |target| sent(&forwarded(&policy, target, &[]), &["cache-control"]);
    assert_eq!(control("/vault/a.jpg"), ["cache-control: no-store"]);
    assert!(control("/photos/a.jpg").is_empty());
}

#[test]
fn privacy_is_noted_or_refused_where_the_policy_would_share_and_settled_where_not() {
    let routes = format!("{PHOTOS}, {VAULT}");
    let both = |policy: &Policy, target: &str| {
        let edge = forwarded(policy, target, &[]);
        let gate = opened(policy, &edge);
        assert_eq!(format!("{:?}", gate.rule), "Gate");
        (edge.answer.privacy.clone(), gate.answer.privacy.clone())
    };
    let noting = policy(&routes, "");
    let (edge, gate) = both(&noting, "/photos/a.jpg");
    assert!(matches!(&edge, Privacy::Noted(_)) && edge == gate, "{edge:?} {gate:?}");
    assert_eq!(both(&noting, "/vault/a.jpg"), (Privacy::Settled, Privacy::Settled));
    let refusing = policy(&routes, r#", "private_sources": "refuse""#);
    assert_eq!(both(&refusing, "/photos/a.jpg"), (Privacy::Settled, Privacy::Refused));
    assert_eq!(both(&refusing, "/vault/a.jpg"), (Privacy::Settled, Privacy::Settled));
}

/// A policy whose one origin is given these credentials of visitors.
fn forwarding(list: &str) -> Policy {
    load(&format!(
        r#"{{ "routes": [{{ "path": "/m/(?<source>.+)", "origin": "members", "default": {{ "width": 600 }} }}],
          "origins": {{ "members": {{ "url": "http://secret.example.com", "cluster": "members", "credentials": {{ {list} }} }} }},
          "resizer": {{ "thumbor": {{ "cluster": "resizer", "authority": "thumbor.internal", "key": {{ "env": "THUMBOR_KEY" }} }} }},
          "gate": {{ "url": "http://gate.internal", "seal_key": {{ "env": "PINHOLE_SEAL_KEY" }} }} }}"#
    ))
}

#[test]
fn what_a_visitors_credentials_open_is_private_whichever_they_are() {
    for list in [
        r#""forward": ["authorization"]"#,
        r#""cookies": ["session"]"#,
        r#""forward": ["x-key"], "cookies": ["a"]"#,
    ] {
        let policy = forwarding(list);
        let edge = forwarded(&policy, "/m/a.jpg", &[]);
        assert_eq!(edge.answer.cache, Cache::Private, "{list}");
        let gate = opened(&policy, &edge);
        assert_eq!(gate.answer.cache, Cache::Private, "{list}");
    }
}

#[test]
fn the_gate_forwards_what_its_own_list_names_and_nothing_that_another_list_let_into_a_token() {
    let visitor = [("authorization", "Bearer a"), ("cookie", "session=b; other=c"), ("x-key", "d")];
    let names = ["authorization", "cookie", "x-key"];
    let longer = forwarding(r#""forward": ["authorization", "x-key"], "cookies": ["session"]"#);
    let edge = forwarded(&longer, "/m/a.jpg", &visitor);
    for (list, want) in [
        (
            r#""forward": ["authorization", "x-key"], "cookies": ["session"]"#,
            &["authorization: Bearer a", "x-key: d", "cookie: session=b"][..],
        ),
        (r#""forward": ["x-key"]"#, &["x-key: d"]),
        (r#""cookies": ["session"]"#, &["cookie: session=b"]),
    ] {
        assert_eq!(sent(&opened(&forwarding(list), &edge), &names), want, "{list}");
    }
}

/// What the gate of a policy makes of what an edge sealed.
#[track_caller]
fn opened<'p>(policy: &'p Policy, edge: &Forward<'_>) -> Box<Forward<'p>> {
    let Some((_, token)) = edge.upstream.path.rsplit_once("%2F") else { panic!("no token") };
    match policy.open(&headers(&format!("/{token}"), &[]), true, NOW) {
        Decision::Forward(gate) => gate,
        Decision::Reject(refusal) => panic!("{token}: {refusal:?}"),
    }
}

#[test]
fn a_rule_is_told_as_the_place_in_the_policy() {
    for (rule, want) in [
        (Rule::Presets(Some(3)), "routes[3].presets"),
        (Rule::Origin(3), "routes[3].origin"),
        (Rule::Gate, "gate"),
    ] {
        assert_eq!(rule.to_string(), want);
    }
}

#[test]
fn visitors_learn_when_a_source_was_changed_where_the_origin_says_so() {
    let shown = PHOTOS.replace("photos", "dated");
    let policy = policy(&format!("{PHOTOS}, {shown}"), "");
    for (target, want) in [("/photos/a.jpg", LastModified::Hide), ("/dated/a.jpg", LastModified::Show)] {
        assert_eq!(forwarded(&policy, target, &[]).answer.last_modified, want, "{target}");
    }
}

#[test]
fn a_placeholder_stands_only_where_the_route_says_so() {
    let route = |path: &str, unresizable: &str| {
        format!(
            r#"{{ "path": "/{path}/(?<source>.+)", "origin": "photos", "default": {{ "width": 9 }} {unresizable} }}"#
        )
    };
    let placeholder = r#", "unresizable": "placeholder""#;
    let policy = policy(&format!("{}, {}", route("shown", placeholder), route("told", "")), "");
    for (path, want) in [("shown", true), ("told", false)] {
        assert_eq!(forwarded(&policy, &format!("/{path}/a.jpg"), &[]).answer.placeholder, want, "{path}");
        let refusal = refused(&policy, &format!("/{path}/a.svg"), &[]);
        assert_eq!((refusal.rejection, refusal.placeholder), (Rejection::NotResizable, want), "{path}");
    }
}

#[test]
fn a_refused_signed_url_is_logged_without_its_query() {
    let signed = r#"{ "path": "/signed/(?<source>.+)", "origin": "photos", "default": { "width": 9 },
                      "signature": { "max_life": 60 } }"#;
    let key = "ab".repeat(32);
    let document = format!(
        r#"{{ "routes": [{signed}, {PHOTOS}], "signing": {{ "keys": {{ "k1": {{ "value": "{key}" }} }} }},
          "origins": {{ "photos": {{ "url": "http://secret.example.com", "cluster": "photos" }} }},
          "resizer": {{ "thumbor": {{ "cluster": "r", "authority": "r", "key": {{ "env": "THUMBOR_KEY" }} }} }},
          "gate": {{ "url": "http://gate.internal", "seal_key": {{ "env": "PINHOLE_SEAL_KEY" }} }} }}"#
    );
    let policy = load(&document);
    let refusal = refused(&policy, "/signed/%61.jpg?sig=canary", &[]);
    assert_eq!(refusal.rejection, Rejection::BadSignature);
    assert_eq!(refusal.logged_path.as_deref(), Some("/signed/%61.jpg"));
    assert_eq!(refused(&policy, "/photos/a.jpg?sig=canary", &[]).logged_path, None);

    let asks = |path: &str| policy.signature_of("img.example.com", &Path::parse(path).unwrap());
    assert!(matches!(asks("/signed/a.jpg"), Some((0, Some(_)))));
    assert!(matches!(asks("/photos/a.jpg"), Some((1, None))));
    assert!(asks("/elsewhere").is_none());
}

#[test]
fn a_parameter_that_is_there_twice_is_named() {
    let policy = policy(PHOTOS, "");
    let refusal = refused(&policy, "/photos/a.jpg?width=1&width=2", &[]);
    assert_eq!(refusal.option.as_deref(), Some("width"), "{refusal:?}");
}

#[test]
fn a_request_of_our_own_is_not_served_again() {
    let policy = policy(PHOTOS, "");
    let forward = forwarded(&policy, "/photos/a.jpg", &[]);
    let own = policy.source_request(&forward, NOW).unwrap();
    let via =
        String::from_utf8(own.headers().iter().find(|(name, _)| *name == "via").unwrap().1.to_vec()).unwrap();
    assert_eq!(refused(&policy, "/photos/a.jpg", &[("via", &via)]).rejection, Rejection::UpstreamLooped);
    assert_eq!((own.path.as_str(), own.authority.as_str()), ("/base/a.jpg", "secret.example.com"));
}

#[test]
fn pushed_sources_are_asked_for_with_what_opens_them_and_nothing_of_the_visitor() {
    let pushing = load(include_str!("config/good/imaginary-pushed.json"));
    assert!(pushing.pushes());
    assert!(!policy(PHOTOS, "").pushes());
    let forward = forwarded(&pushing, "/a.jpg?width=9", &[("x-request-id", "id"), ("cookie", "canary")]);
    let fetch = forward.push.as_ref().unwrap();
    assert_eq!(forward.answer.privacy, Privacy::Settled);
    assert_eq!((fetch.limits.source_bytes, fetch.limits.origin_seconds), (8_000_000, 5));
    let via = fetch.upstream.via.unwrap().value();
    let wanted = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "photos.internal"),
        (":path", "/a.jpg"),
        ("x-forwarded-proto", "http"),
        ("user-agent", "pinhole"),
        ("via", via),
    ];
    assert_eq!(fetch.upstream.call("GET").unwrap(), wanted);
    let posted = forward.upstream.call("POST").unwrap();
    assert_eq!(posted.first(), Some(&(":method", "POST")));
    let (_, path) = posted.iter().find(|(name, _)| *name == ":path").unwrap();
    assert!(path.contains("width=9&") && path.contains("&sign=") && !path.contains("url="), "{path}");
    assert!(posted.iter().all(|(name, _)| !["x-pinhole-cluster", "x-envoy-original-path"].contains(name)));
    assert_eq!(posted.iter().filter(|(name, _)| *name == ":method").count(), 1);
    // Where sources are pushed, there is nothing that a gate could open.
    let Decision::Reject(refusal) = pushing.open(&headers("/token", &[]), true, NOW) else {
        panic!("opened")
    };
    assert_eq!(refusal.rejection, Rejection::NotSealed);
}

#[test]
fn a_call_is_not_made_of_what_is_no_text() {
    let pushing = load(
        r#"{ "routes": [{ "path": "/(?<source>.+)", "origin": "photos", "default": { "width": 9 } }],
          "origins": { "photos": { "url": "http://photos.internal", "cluster": "photos",
                                   "credentials": { "forward": ["authorization"] } } },
          "resizer": { "imaginary": { "cluster": "r", "authority": "r", "key": { "env": "IMAGINARY_KEY" },
                                      "push": {} } } }"#,
    );
    let mut headers = headers("/a.jpg", &[]);
    headers.push(("authorization".to_owned(), b"Basic \xff".to_vec()));
    match pushing.decide(&headers, true, NOW) {
        Decision::Forward(forward) => assert_eq!(forward.push.unwrap().upstream.call("GET"), None),
        Decision::Reject(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn the_resizer_is_asked_under_its_own_name_or_under_the_visitors() {
    assert_eq!(policy(PHOTOS, "").resizer_authority(), Some("thumbor.internal"));
    let kept = load(include_str!("config/good/kept-authority.json"));
    assert_eq!(kept.resizer_authority(), None);
    let forward = forwarded(&kept, "/images/small/a.jpg", &[]);
    assert_eq!(sent(&forward, &[":authority"]), [":authority: img.example.com"]);
}

#[test]
fn an_answer_is_judged_by_the_policys_own_key() {
    let policy = policy(PHOTOS, "");
    let forward = forwarded(&policy, "/photos/a.jpg", &[]);
    let answer = [(":status", "200"), ("content-type", "image/png"), ("etag", "\"canary\"")];
    let answer = answer.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let Verdict::Deliver(delivered) = policy.judge(&forward.answer, &answer) else { panic!("not delivered") };
    assert!(delivered.contains(&("content-type", "image/png".to_owned())), "{delivered:?}");
    assert!(
        delivered.iter().any(|(name, value)| *name == "etag" && !value.contains("canary")),
        "{delivered:?}"
    );
}

#[test]
fn limits_of_sides_hold_for_what_the_request_made_larger_and_for_nothing_else() {
    let route = |default: &str| {
        format!(
            r#"{{ "path": "/photos/(?<source>.+)", "origin": "photos", "default": {{ {default} }},
                 "query": {{ "width": {{ "max": 1000, "over": "reject" }}, "dpr": {{}} }} }}"#
        )
    };
    // By naming the pixel ratio alone, a request has its hand in the policy's own side.
    let one = policy(&route(r#""width": 900"#), "");
    assert_eq!(refused(&one, "/photos/a.jpg?dpr=2", &[]).option.as_deref(), Some("dpr"));
    assert_eq!(refused(&one, "/photos/a.jpg?dpr=2&width=900", &[]).option.as_deref(), Some("width"));
    // What the policy asks for by itself is not limited, however large.
    for default in [r#""width": 900, "dpr": 2"#, r#""width": 1800"#] {
        let forward = policy(&route(default), "");
        let forward = forwarded(&forward, "/photos/a.jpg", &[]);
        assert_eq!(forward.transform.unwrap().to_string(), "width=1800", "{default}");
    }
    let large = policy(&route(r#""width": 1800"#), "");
    let forward = forwarded(&large, "/photos/a.jpg?dpr=1", &[]);
    assert_eq!(forward.transform.unwrap().to_string(), "width=1800");
}

#[test]
fn widths_are_chosen_from_the_list_only_where_auto_is_in_it() {
    let route = |list: &str| {
        format!(
            r#"{{ "path": "/photos/(?<source>.+)", "origin": "photos", "default": {{ "width": "auto" }},
                 "query": {{ "width": {{ "one_of": {list} }} }} }}"#
        )
    };
    for (list, want) in [(r#"["auto", 500, 700]"#, "width=500"), ("[500, 700]", "width=320")] {
        let policy = policy(&route(list), "");
        let forward = forwarded(&policy, "/photos/a.jpg", &[("sec-ch-width", "300")]);
        assert_eq!(forward.transform.unwrap().to_string(), want, "{list}");
    }
}
