//! I11 and I12: a resizer reads out of its URL the options that were decided and the gate's URL with a token, and the
//! token opens to what was asked for.
//!
//! The parsers are those of `tests/dialects`, here with the keys that the document names; thumbor's and imgproxy's,
//! which the shipped policies use. `tests/dialects.rs` has all of them on policies of its own.

#[path = "../dialects/imgproxy.rs"]
mod imgproxy;
#[path = "../dialects/reading.rs"]
mod reading;
#[path = "../dialects/thumbor.rs"]
mod thumbor;
#[path = "../dialects/turned.rs"]
mod turned;

use pinhole::policy::decision::{Decision, Forward};

use reading::{Options, Reading};

use super::{Asked, Held, Subject, hold, violation};

/// Resizers that have no query in their URLs.
const WITHOUT_QUERY: &[&str] = &["imgproxy", "thumbor", "imagor", "ipx", "cloudflare"];

/// What was read, and how a decision is folded to be compared with it.
type Read = (Reading, fn(&mut Options));

/// What holds for the path of a resizer's request.
pub fn holds(subject: &Subject, asked: &Asked, forward: &Forward<'_>, canaries: &[&[u8]]) -> Held {
    let path = &forward.upstream.path;
    let (name, _) = subject.document.resizer();
    hold("I12", !WITHOUT_QUERY.contains(&name) || !path.contains('?'), || format!("a query in {path:?}"))?;
    let Some((reading, fold)) = read(subject, name, path)? else { return Ok(()) };
    let decided = forward.transform.as_ref().map(|transform| transform.to_options());
    let decided = decided.ok_or_else(|| violation("I11", "no transform".to_owned()))?;
    let mut decided =
        decided.iter().map(|(option, value)| (option.name().to_owned(), value.to_string())).collect();
    fold(&mut decided);
    hold("I11", reading.options == decided, || {
        format!("{:?} is read, {decided:?} was decided", reading.options)
    })?;
    let Some(source) = reading.source else {
        return hold("I11", forward.push.is_some(), || "no source".to_owned());
    };
    let gate = subject.document.at(&["gate", "url"]).as_str().unwrap_or_default().trim_end_matches('/');
    let token = source.strip_prefix(gate).and_then(|rest| rest.strip_prefix('/'));
    let token = token.ok_or_else(|| violation("I11", format!("{source:?} is not the gate's")))?;
    let at_gate = Asked { now: asked.now, ..Asked::get("gate", format!("/{token}").as_bytes()) };
    match subject.open(&at_gate, canaries)? {
        Decision::Forward(opened) => {
            let same = opened.source == forward.source && opened.origin.name() == forward.origin.name();
            hold("I11", same, || format!("{:?} was asked, {:?} is opened", forward.source, opened.source))
        }
        // The origin's credentials need a clock, and there is none.
        Decision::Reject(refusal) => {
            hold("I11", refusal.rejection.status() >= 500, || format!("{refusal:?}"))
        }
    }
}

/// What the resizer reads; nothing where there is no parser.
fn read(subject: &Subject, name: &str, path: &str) -> Result<Option<Read>, super::Violation> {
    let secret = |key| subject.document.resizers_secret(key).unwrap_or_default();
    let hex = |digits: &[u8]| {
        let pairs = digits.chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect::<Vec<u8>>()
    };
    let (reading, fold): (_, fn(&mut Options)) = match name {
        "thumbor" => (thumbor::read_with(path, secret("key")), thumbor::fold),
        "imgproxy" => (imgproxy::read_with(path, &hex(secret("key")), &hex(secret("salt"))), imgproxy::fold),
        _ => return Ok(None),
    };
    let reading = reading.ok_or_else(|| violation("I11", format!("{name} cannot read {path:?}")))?;
    Ok(Some((reading, fold)))
}
