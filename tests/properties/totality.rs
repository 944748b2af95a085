//! I1 to I5: a decision about anything, always the same, in time, one, and a refusal where something fails.

use std::time::{Duration, Instant};

use pinhole::policy::decision::Decision;
use pinhole::policy::rejection::Rejection;
use pinhole::reply::LocalReply;
use proptest::prelude::*;

use super::invariants::same::face;
use super::invariants::{Asked, Subject, reply};
use super::kept::failed;
use super::subjects::{RICH, SUBJECT, asked, get, headers, subject};

/// A visitor whose credentials are looked for.
fn member() -> impl Strategy<Value = Asked> {
    let with = |asked: Asked, (name, value): (String, Vec<u8>)| asked.with(&name, &value);
    headers().prop_map(move |headers| headers.into_iter().fold(get("/members/small/a.jpg"), with))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i01_any_headers_in_any_number_and_order_give_a_decision(
        order in prop_oneof![asked(), member()].prop_flat_map(|asked| Just(asked.headers).prop_shuffle()),
        left_out in 0..30_usize,
        twice: bool,
        ends in prop::bool::weighted(0.9),
        now: Option<u64>,
    ) {
        let mut headers = order;
        if left_out < headers.len() {
            headers.remove(left_out);
        }
        if twice {
            headers.extend(headers.clone().into_iter().filter(|(name, _)| !name.starts_with(':')));
        }
        let asked = Asked { headers, ends, now };
        SUBJECT.decide(&asked, &[]).map_err(failed)?;
        SUBJECT.open(&asked, &[]).map_err(failed)?;
    }

    #[test]
    fn i02_two_policies_of_one_document_decide_alike_and_so_does_each_again(asked in asked()) {
        static OTHER: std::sync::LazyLock<Subject> = std::sync::LazyLock::new(|| subject(RICH));
        let decide = |subject: &'static Subject| face(&subject.policy.decide(&asked.headers, true, asked.now), true);
        let first = decide(&SUBJECT);
        prop_assert_eq!(&first, &decide(&SUBJECT));
        prop_assert_eq!(&first, &decide(&OTHER));
    }

    #[test]
    fn i03_what_goes_on_is_bounded_by_what_came(asked in asked(), padding in 0..40_000_usize, name in "cookie|traceparent|accept|x-request-id|authorization") {
        let asked = asked.with(&name, &vec![b'a'; padding]);
        // The bound is one of those that `decide` looks at.
        SUBJECT.decide(&asked, &[]).map_err(failed)?;
    }

    #[test]
    fn i05_there_is_one_outcome_which_is_one_request_or_one_reply(asked in asked()) {
        match SUBJECT.decide(&asked, &[]).map_err(failed)? {
            Decision::Reject(refusal) => prop_assert_eq!(refusal.reply(), refusal.reply()),
            Decision::Forward(forward) => {
                for name in [":method", ":scheme", ":authority", ":path", "x-pinhole-cluster"] {
                    let count = forward.upstream.headers().iter().filter(|(other, _)| *other == name).count();
                    prop_assert_eq!(count, 1, "{}", name);
                }
            }
        }
    }
}

/// Requests that are as long as one wants them to be, in each place that is read.
fn long(place: usize, bytes: usize) -> Option<Asked> {
    let repeat = |piece: &str| piece.repeat(bytes / piece.len());
    let members = get("/members/small/a.jpg");
    Some(match place {
        0 => get(&format!("/images/small/{}", repeat("%41/"))),
        1 => get(&format!("/photos/a.jpg?{}", repeat("a=1&"))),
        2 => members.with("cookie", repeat("a=1; ").as_bytes()),
        3 => members.with("connection", repeat("x,").as_bytes()),
        4 => members.with("via", repeat("1.1 a, ").as_bytes()),
        5 => get("/images/large/a.jpg").with("accept", repeat("image/x;q=0.1,").as_bytes()),
        6 => get("/embedded/a.jpg").with("referer", format!("https://{}", repeat("a.")).as_bytes()),
        7 => members.with("traceparent", repeat("0").as_bytes()),
        8 => members.with("if-none-match", repeat("\"a\", ").as_bytes()),
        9 => (0..bytes / 16).fold(members, |asked, _| asked.with("cookie", b"a=1;b=2;c=3")),
        10 => (0..bytes / 16).fold(members, |asked, number| asked.with(&format!("x-{number}"), b"aaaaaa")),
        11 => Asked::get(&repeat("a."), b"/images/small/a.jpg"),
        12 => get(&format!("/cdn/{}/a.jpg", repeat("width=1,"))),
        13 => get(&format!("/signed/a.jpg?{}", repeat("sig=A&"))),
        14 => get("/hinted/a.jpg").with("sec-ch-width", repeat("9").as_bytes()),
        15 => members.with("authorization", repeat("x").as_bytes()),
        _ => return None,
    })
}

/// The least time that a decision takes, edge and gate.
fn least(asked: &Asked) -> Duration {
    let once = || {
        let start = Instant::now();
        let _ = SUBJECT.policy.decide(&asked.headers, true, asked.now);
        let _ = SUBJECT.policy.open(&asked.headers, true, asked.now);
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn i03_sixteen_times_the_request_takes_about_sixteen_times_the_time() {
    const SMALL: usize = 64 << 10;
    for place in 0.. {
        let (Some(small), Some(large)) = (long(place, SMALL), long(place, SMALL * 16)) else { break };
        // Six times as long as linear time; quadratic time is sixteen times as long. A busy machine may disturb one of two.
        let times = || (least(&small).max(Duration::from_micros(50)), least(&large));
        let tries = [times(), times()];
        assert!(tries.iter().any(|(small, large)| *large < *small * 16 * 6), "place {place}: {tries:?}");
    }
}

#[test]
fn i03_a_mebibyte_is_decided_about_in_less_than_a_second() {
    let mut places = 0;
    for large in (0..).map_while(|place| long(place, 1 << 20)) {
        assert!(least(&large) < Duration::from_secs(1), "{} took {:?}", large.headers.len(), least(&large));
        places += 1;
    }
    assert_eq!(places, 16);
}

#[test]
fn i04_every_refusal_is_an_error_of_ours() {
    for rejection in Rejection::ALL {
        for placeholder in [false, true] {
            let reply = LocalReply::new(rejection, Some("width"), placeholder);
            reply::refused(&reply).unwrap_or_else(|violation| panic!("{violation}"));
        }
    }
}
