//! pinhole and the second one, side by side.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use pinhole::config;
use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Forward, Refusal, Rule};
use serde_json::Value;

use crate::size::Size;
use crate::{document, file, path, size};

/// A policy, twice.
pub struct Both {
    policy: Policy,
    document: Value,
}

pub fn load(document: &[u8]) -> Both {
    let environment = BTreeMap::from(file::ENVIRONMENT);
    let loaded = config::load(document, &|name| environment.get(name).map(|value| (*value).to_owned()));
    Both { policy: loaded.unwrap().policy, document: serde_json::from_slice(document).unwrap() }
}

/// What the second one had a say in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compared {
    /// Refused before the path is looked at.
    Nothing,
    /// The path is none.
    NoPath,
    /// No route, no preset, or a source that is none.
    NoRoute,
    /// Refused for the size.
    NoSize,
    /// Refused for what the second one does not know.
    Others,
    /// Served, path and size as they have to be.
    Served,
    /// Served, in a size that hints choose.
    Hinted,
}

/// Refusals that come before the path.
const BEFORE: [&str; 6] = [
    "malformed-request",
    "malformed-host",
    "method-not-allowed",
    "body-not-allowed",
    "path-too-long",
    "upstream-looped",
];

/// The options that a size is made of.
const SIDES: [&str; 5] = ["width", "w", "height", "h", "dpr"];

/// Whether a refusal is about the size.
fn is_about_size(refusal: &Refusal) -> bool {
    if refusal.rejection.reason() == "malformed-query" {
        return false; // it may still name what is repeated
    }
    let bounds = matches!(refusal.rule, Rule::Key(_, "limits"));
    let side = refusal.option.as_deref().is_some_and(|option| SIDES.contains(&option));
    bounds || side || ["missing-size", "aspect-not-allowed"].contains(&refusal.rejection.reason())
}

/// Has both decide, and says what the second one had a say in, or where they differ.
pub fn compare(both: &Both, headers: &[(String, Vec<u8>)], ends: bool) -> Result<Compared, String> {
    let decision = both.policy.decide(headers, ends, Some(1_800_000_000));
    let reason = match &decision {
        Decision::Reject(refusal) => refusal.rejection.reason(),
        Decision::Forward(_) => "served",
    };
    if BEFORE.contains(&reason) {
        return Ok(Compared::Nothing);
    }
    let value = |name: &str| &headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).unwrap().1;
    let target = value(":path");
    let at = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let differs = |what: &str| Err(format!("{what}, and {reason}: {}", target.escape_ascii()));
    let Some(text) = path::read(&target[..at]) else {
        let is_refused = reason == "malformed-path" || (reason == "malformed-query" && target.len() > at);
        return if is_refused { Ok(Compared::NoPath) } else { differs("the path is none") };
    };
    let host = String::from_utf8(value(":authority").clone()).unwrap().to_lowercase();
    let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let Some(matched) = document::find(&both.document, host, &text) else {
        // What is no text stands behind the question mark.
        let fits = reason == "no-route" || std::str::from_utf8(target).is_err();
        return if fits { Ok(Compared::NoRoute) } else { differs("no route") };
    };
    let refusal = match &decision {
        Decision::Forward(forward) => {
            return served(both, &matched, forward, target.get(at + 1..)).or_else(|what| differs(&what));
        }
        Decision::Reject(refusal) => refusal,
    };
    if ["malformed-path", "no-route"].contains(&reason)
        && matches!(refusal.rule, Rule::Request | Rule::Routes)
    {
        return differs("the path is one, and there is a route");
    }
    if !path::is_source(&matched.source) {
        return Ok(Compared::NoRoute);
    }
    if reason == "malformed-path" {
        return differs("the source is one");
    }
    let Some((named, beside)) = options(both, &matched, target.get(at + 1..)) else {
        return Ok(Compared::Others);
    };
    match size::decide(matched.route, &named, &beside) {
        _ if !is_about_size(refusal) => Ok(Compared::Others),
        Size::Hinted => Ok(Compared::Others),
        Size::Refused(reasons) if reasons.contains(&reason) => Ok(Compared::NoSize),
        Size::Refused(reasons) => differs(&format!("refused for {reasons:?}")),
        found @ Size::Box { .. } => differs(&format!("{found:?}")),
    }
}

type Options = (Vec<(String, String)>, serde_json::Map<String, Value>);

/// What a request names, and what the policy has beside; nothing where there is no such query or preset.
fn options(both: &Both, matched: &document::Matched<'_>, query: Option<&[u8]>) -> Option<Options> {
    let query = query.map(|query| std::str::from_utf8(query).map_err(|_| ())).transpose().ok()?;
    let named = document::named(query, matched.segment.as_deref())?;
    let mut beside = matched.route["default"].as_object().cloned().unwrap_or_default();
    if let Some(name) = &matched.preset {
        beside.extend(document::preset(&both.document, matched.route, name)?);
    }
    Some((named, beside))
}

/// What is served has to be a source below the base, in the one spelling, and of the size.
fn served(
    both: &Both,
    matched: &document::Matched<'_>,
    forward: &Forward<'_>,
    query: Option<&[u8]>,
) -> Result<Compared, String> {
    if !path::is_source(&matched.source) {
        return Err("the source is none".to_owned());
    }
    let origin = matched.route["origin"].as_str().unwrap();
    let url = both.document["origins"][origin]["url"].as_str().unwrap();
    let base = url.splitn(4, '/').nth(3).unwrap_or_default().trim_end_matches('/');
    let base = if base.is_empty() {
        String::new()
    } else {
        path::spell(&path::read(format!("/{base}").as_bytes()).unwrap())
    };
    let want = format!("{base}/{}", path::spell(&matched.source));
    let sent = both.policy.source_request(forward, Some(1_800_000_000)).unwrap().path;
    if sent != want {
        return Err(format!("{want} is the source's path, and {sent} is asked for"));
    }
    let Some((named, beside)) = options(both, matched, query) else {
        return Err("no such query or preset".to_owned());
    };
    let frame = forward.transform.as_ref().unwrap().frame;
    let got = (u64::from(frame.width()), u64::from(frame.height()));
    match size::decide(matched.route, &named, &beside) {
        Size::Hinted => Ok(Compared::Hinted),
        Size::Box { width, height, exact: true } if (width, height) == got => Ok(Compared::Served),
        // Shrunk, in which order is not said: as large, to within a pixel or a hundredth.
        Size::Box { width, height, exact: false }
            if [(width, got.0), (height, got.1)]
                .iter()
                .all(|(want, got)| want.abs_diff(*got) <= 1 + want / 100) =>
        {
            Ok(Compared::Served)
        }
        other => Err(format!("{other:?}, and {got:?} is asked for")),
    }
}

pub fn request(target: &[u8]) -> Vec<(String, Vec<u8>)> {
    let pseudo = [(":method", &b"GET"[..]), (":authority", b"img.example.com"), (":path", target)];
    pseudo.map(|(name, value)| (name.to_owned(), value.to_vec())).to_vec()
}

/// How often the second one had a say, by kind.
type Counts = BTreeMap<Compared, u32>;

#[test]
fn i07_i13_both_decide_alike_about_every_case_of_the_corpus() {
    let mut counts = Counts::new();
    for (name, cases) in file::files() {
        let both = load(&std::fs::read(file::root().join(&cases.policy)).unwrap());
        for case in &cases.cases {
            let compared = compare(&both, &case.request.headers(), !case.request.body);
            let compared =
                compared.unwrap_or_else(|what| panic!("{}: {}: {what}", name.display(), case.name));
            *counts.entry(compared).or_default() += 1;
        }
    }
    println!("{counts:?}");
    for (kind, least) in
        [(Compared::Served, 300), (Compared::NoPath, 20), (Compared::NoSize, 100), (Compared::NoRoute, 20)]
    {
        assert!(counts[&kind] >= least, "{kind:?}: {counts:?}");
    }
}

/// All texts of a JSON document.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

/// The lines of a file of the corpora: texts of JSON, lines of the rest.
fn lines(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        let mut inner: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inner.sort();
        return inner.iter().for_each(|path| lines(path, found));
    }
    let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    match serde_json::from_str(&text) {
        Ok(value) => texts(&value, found),
        Err(_) => found.extend(text.split([' ', '\n']).map(str::to_owned)),
    }
}

#[test]
fn i07_i13_both_decide_alike_about_every_line_of_published_urls() {
    let both = load(include_bytes!("../cases/policies/basic.json"));
    let mut counts = Counts::new();
    for name in ["url-wpt", "url-signing-kats", "aws-sigv4"] {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora").join(name);
        if !corpus.exists() {
            let _ = writeln!(std::io::stderr(), "SKIPPED the URLs of {name}: {} is absent", corpus.display());
            continue;
        }
        let mut found = Vec::new();
        lines(&corpus, &mut found);
        assert!(found.len() > 40, "only {} lines of {name}", found.len());
        for line in found {
            // As the whole target, as a source, as the value of a width; as it is, and without what no line can hold.
            let tail = line.split_once("://").map_or(line.as_str(), |(_, rest)| rest);
            for target in [
                line.clone(),
                format!("/images/small/{line}"),
                format!("/images/small/{}", tail.trim_start_matches('/')),
                format!("/images/small{}", line.replace(' ', "%20")),
                format!("/strict/a.jpg?width={line}"),
            ] {
                let compared = compare(&both, &request(target.as_bytes()), true)
                    .unwrap_or_else(|what| panic!("{name}: {what}"));
                *counts.entry(compared).or_default() += 1;
            }
        }
    }
    println!("{counts:?}");
}
