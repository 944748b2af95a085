//! From what a visitor asks to what a resizer does and the gate gives away, and what has to be the same at both ends.
//!
//! INVARIANT: the options that the resizer reads are the policy's decision, and the source that it reads is the gate's
//! URL with the sealed token, which opens to what was asked for. `tests/dialects.rs` tries it on random requests, the
//! fuzz targets of the dialects on any.

use pinhole::policy::Policy;
use pinhole::policy::decision::Decision;
use pinhole::policy::rejection::Rejection;
use pinhole::resizer::SourceUrl;
use pinhole::transform::Transform;

use super::GATE;
use super::asked::{escape, segment};
use super::reading::Options;
use super::subjects::Subject;

/// What a visitor asks for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Options, as [`segment`] takes them.
    pub chosen: &'a [(usize, u32)],
    /// The source, not percent-encoded.
    pub source: &'a str,
    /// Whether its punctuation stands as it is.
    pub raw: bool,
    /// The formats that the visitor takes.
    pub accept: &'a str,
    /// A credential that is forwarded.
    pub authorization: &'a str,
    /// A cookie that is forwarded.
    pub session: &'a str,
}

pub fn request(path: String, others: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let pseudo = [(":method", "GET"), (":authority", "img.example.com"), (":path", path.as_str())];
    pseudo.iter().chain(others).map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// What was decided, in the words of a reading.
pub fn decided(subject: &Subject, transform: &Transform) -> Options {
    let options = transform.to_options();
    let mut options =
        options.iter().map(|(option, value)| (option.name().to_owned(), value.to_string())).collect();
    (subject.fold)(&mut options);
    options
}

fn same<T: PartialEq + std::fmt::Debug>(got: &T, wanted: &T, of: &str) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{got:?}, wanted {wanted:?}: {of}")) }
}

/// The whole way. Why the visitor was refused is no complaint.
pub fn whole(subject: &Subject, policy: &Policy, asked: &Asked<'_>) -> Result<Result<(), Rejection>, String> {
    let segment = segment(subject, asked.chosen);
    let path = escape(asked.source, if asked.raw { "/-._~!$&'()*+,:=@" } else { "/" });
    let cookie = format!("other=1; session={}", asked.session);
    let headers = [("accept", asked.accept), ("authorization", asked.authorization), ("cookie", &cookie)];
    let forward = match policy.decide(&request(format!("/{segment}/{path}"), &headers), true, None) {
        Decision::Forward(forward) => forward,
        Decision::Reject(refusal) => return Ok(Err(refusal.rejection)),
    };
    let url = &forward.upstream.path;
    let reading = (subject.read)(url).ok_or_else(|| format!("cannot be read: {url}"))?;
    let transform = forward.transform.as_ref().ok_or("the edge transforms")?;
    same(&reading.options, &decided(subject, transform), url)?;
    let read = reading.source.unwrap_or_default();
    let token = read.strip_prefix(GATE).ok_or_else(|| format!("reads {read}: {url}"))?;
    let session = format!("session={}", asked.session);
    let credentials = [("authorization", asked.authorization), ("cookie", session.as_str())];
    opens(policy, token, asked.source, &credentials).map(Ok)
}

/// That the gate gives away this source with these credentials for a token, and nothing else.
fn opens(policy: &Policy, path: &str, source: &str, credentials: &[(&str, &str)]) -> Result<(), String> {
    let Decision::Forward(opened) = policy.open(&request(path.to_owned(), &[]), true, None) else {
        return Err(format!("the gate does not know {path}"));
    };
    same(&opened.source.as_str(), &source, path)?;
    let forwarded: Vec<_> =
        opened.upstream.forwarded.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    let wanted: Vec<_> = credentials.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    same(&forwarded, &wanted, path)
}

/// That the resizer reads this text as a source, whatever it holds, and nothing of it as an option.
pub fn any_text(subject: &Subject, transform: &Transform, text: &str) -> Result<(), String> {
    let url = subject.resizer.path(transform, &SourceUrl::new(GATE, text));
    let url = url.ok_or("every dialect has this picture")?;
    let reading = (subject.read)(&url).ok_or_else(|| format!("cannot be read: {url}"))?;
    same(&reading.source, &Some(format!("{GATE}/{text}")), &url)?;
    same(&reading.options, &decided(subject, transform), &url)
}
