//! Any request against any of the policies, at the gate; and tokens that the edge could have made, changed.
//!
//! ```text
//! knobs: policy │ bits: body follows, no clock, a token is made, with another key │ what changes its byte │ at this place, low │ high
//! parts: method │ authority │ path, or the source's where a token is made │ its origin │ header, or credential of the token …
//! ```

use pinhole::credentials::{CredentialName, is_header_value};
use pinhole::forwarding::Forwarded;
use pinhole::policy::decision::Decision;
use pinhole::policy::rejection::Rejection;
use pinhole::request::path::SourcePath;
use pinhole::seal::{SealKey, Source};
use pinhole::secret::Secret;

use super::super::input::{Headers, Input};
use super::super::invariants::Asked;
use super::super::policies;
use super::held;
use super::signature::NOW;

/// Runs one input.
pub fn run(data: &[u8]) {
    let input = Input::read(data, 5);
    let known = policies::chosen(input.knob(0));
    let made = input.bit(1, 2).then(|| token(&input)).flatten();
    let path = match &made {
        Some((_, token)) => format!("/{token}").into_bytes(),
        None => input.part(2).to_vec(),
    };
    let mut headers: Headers = vec![
        (":method".to_owned(), input.part(0).to_vec()),
        (":authority".to_owned(), input.part(1).to_vec()),
        (":path".to_owned(), path.clone()),
    ];
    headers.extend(input.headers(4));
    let now = (!input.bit(1, 1)).then_some(NOW);
    let asked = Asked { headers, ends: !input.bit(1, 0), now };
    let decision = match known.is_told_by(data) {
        false => held(known.subject.open(&asked, &[])),
        true => known.subject.policy.open(&asked.headers, asked.ends, asked.now),
    };

    let Decision::Forward(forward) = &decision else {
        if let (Some((source, token)), Decision::Reject(refusal)) = (&made, &decision) {
            let is_own =
                policies::seal_key().open(token).is_some() && !known.origin(&source.origin).is_null();
            assert!(
                !is_own || refusal.rejection != Rejection::NotSealed || known.pushes(),
                "the edge's own token is refused"
            );
        }
        return;
    };
    // There is one token for what was opened, and it is the one that came.
    let opened =
        policies::seal_key().open(std::str::from_utf8(path.get(1..).unwrap_or_default()).unwrap_or_default());
    let Some(opened) = opened else { return assert!(has_previous(known), "opened by no key") };
    assert_eq!((opened.origin.as_str(), &opened.path), (forward.origin.name(), &forward.source));
    let again = policies::seal_key().seal(&opened);
    assert_eq!(
        again.map(|token| format!("/{token}").into_bytes()),
        Some(path),
        "a second spelling of a token"
    );
    // What is forwarded is of the token, never of the request.
    for (name, value) in &forward.upstream.forwarded {
        let sealed =
            opened.forwarded.iter().any(|(other, secret)| other == name && secret.expose() == value.expose());
        assert!(sealed, "I23: {} is of the resizer's request", name.as_str());
    }
}

fn has_previous(known: &policies::Known) -> bool {
    !known.document["gate"]["previous_seal_key"].is_null()
}

/// A source and the token for it, one byte of which may be changed.
fn token(input: &Input<'_>) -> Option<(Source, String)> {
    let mut forwarded = Forwarded::new();
    for (name, value) in input.headers(4) {
        // The edge seals a name once, and only what a header can carry.
        let name =
            CredentialName::parse(&name).filter(|name| forwarded.iter().all(|(other, _)| other != name));
        forwarded
            .extend(name.map(|name| (name, Secret::new(value))).filter(|(_, value)| is_header_value(value)));
    }
    let source = Source { origin: input.text(3), path: SourcePath::parse(&input.text(2)).ok()?, forwarded };
    let key = if input.bit(1, 3) {
        SealKey::from_hex(&Secret::new("5eed".repeat(16)))?
    } else {
        policies::seal_key()
    };
    let mut token = key.seal(&source)?.into_bytes();
    let place = u16::from_be_bytes([input.knob(4), input.knob(3)]);
    let place = usize::from(place).checked_rem(token.len())?;
    *token.get_mut(place)? ^= input.knob(2);
    Some((source, String::from_utf8(token).ok()?))
}
