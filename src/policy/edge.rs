//! The edge's decision: from a visitor's request to the resizer's.
//!
//! The order of the checks is the order of the functions below: the request itself, the route, its
//! signature, the source, the options. INVARIANT: whatever a visitor learns from a refusal, he learns
//! only after every check before it has passed; a route that asks for signatures tells nobody without
//! one what else would be wrong.

use super::Policy;
use super::decision::{self, Fetch, Forward, Refusal, Rule, UpstreamRequest};
use super::pattern::Found;
use super::rejection::Rejection;
use super::route::{self, Route, SignatureRule};
use super::supply::{Gate, Supply};
use super::{fetch, query};
use crate::config::raw::Unresizable;
use crate::forwarding::Forwarded;
use crate::hints;
use crate::negotiate;
use crate::options::OptionName;
use crate::origin::Origin;
use crate::request::path::{Path, SourcePath};
use crate::request::query::Query;
use crate::request::{self, Headers, MOST_TARGET, Method, Request};
use crate::resizer::SourceUrl;
use crate::response::{AnswerRule, Cache, Privacy, Role};
use crate::seal::Source;
use crate::signature::Verified;
use crate::transform::{Format, Transform};
use crate::validators::Condition;

/// Longest token, in bytes: with the rest of the resizer's URL it fits into the 8 KiB request line that
/// servers commonly accept. Without forwarded credentials the longest source stays far below.
const MOST_SEALED: usize = 7168;

/// A route that matched, and where it stands in the policy.
#[derive(Clone, Copy)]
struct Matched<'p> {
    index: usize,
    route: &'p Route,
}

impl Matched<'_> {
    /// A refusal by a key of the route.
    fn refusal(&self, key: &'static str, rejection: Rejection) -> Refusal {
        Refusal::new(rejection, Rule::Key(self.index, key))
    }
}

/// What is to be done to a picture, and which request headers that depends on.
struct Chosen<'p> {
    preset: Option<&'p str>,
    transform: Transform,
    vary: Vec<&'static str>,
}

/// Decides about one request; see [`Policy::decide`].
pub(super) fn decide<'p>(
    policy: &'p Policy,
    headers: &Headers,
    ends: bool,
    now: Option<u64>,
) -> Result<Forward<'p>, Refusal> {
    let by_request = |rejection| Refusal::new(rejection, Rule::Request);
    let request = Request::parse(headers, ends, MOST_TARGET).map_err(by_request)?;
    if policy.supply.marks().via.is_in(headers) {
        return Err(by_request(Rejection::UpstreamLooped));
    }
    let path = request.path().map_err(by_request)?;
    let (matched, found) = find(policy, &request, &path)?;
    // A signed URL that is refused for something else opens its picture still: its query stays out of logs, too.
    let logged_path = || matched.route.signature.as_ref().map(|_| request.raw_path().to_owned());
    let forward = forward(policy, &request, (matched, &found), now);
    forward.map_err(|refusal| Refusal { logged_path: logged_path(), ..refusal })
}

/// Decides about a request to a route.
fn forward<'p>(
    policy: &'p Policy,
    request: &Request<'_>,
    (matched, found): (Matched<'p>, &Found<'_>),
    now: Option<u64>,
) -> Result<Forward<'p>, Refusal> {
    let headers = request.headers();
    let (query, life) = read_query(matched, request, now)?;
    let source = read_source(matched, found, headers)?;
    let Chosen { preset, transform, vary } = choose(policy, matched, found, &query, headers)?;

    // The policy defines every origin that a route names.
    let Matched { index, route } = matched;
    let failed = || Refusal::new(Rejection::UpstreamFailed, Rule::Route(index));
    let origin = policy.origins.get(&route.origin).ok_or_else(failed)?;
    let by_origin = |rejection| Refusal::new(rejection, Rule::Origin(index));
    let forwarded = origin.forward().collect(headers).map_err(by_origin)?;
    let supplied = match &policy.supply {
        Supply::Gate(gate) => seal(policy, gate, origin, (&source, forwarded), &transform),
        Supply::Push(limits) => {
            // GET, whatever was asked: only the whole source makes a picture.
            let upstream = fetch::request(policy, origin, (&source, forwarded), Method::Get, headers, now);
            upstream.map(|upstream| Supplied {
                path: policy.resizer.push_path(&transform),
                push: Some(Fetch { upstream, limits }),
                privacy: Privacy::Settled,
            })
        }
    };
    let Supplied { path, push, privacy } = supplied.map_err(by_origin)?;
    // The resizer has each of these options by itself; a few it does not have together.
    let not_together = || matched.refusal("query", Rejection::ValueNotAllowed);
    let path = path.ok_or_else(not_together)?;

    // Hosts that a route lists are names, and each of those is an authority.
    let authority = policy.resizer.authority.for_host(request.host()).ok_or_else(failed)?;
    // No cache keeps an answer for longer than its URL is valid.
    let max_age = life.map_or(route.max_age, |life| life.min(route.max_age));
    let cache = if origin.is_public() { Cache::Public { max_age } } else { Cache::Private };
    let upstream = UpstreamRequest {
        cluster: &policy.resizer.cluster,
        // Always GET: imgproxy answers HEAD without checking the signature, and only a GET makes the
        // picture whose size a HEAD must tell.
        method: Method::Get,
        scheme: "http",
        authority,
        path,
        credentials: Vec::new(),
        forwarded: Vec::new(),
        cache: Some(cache),
        via: None,
        context: decision::trace_context(headers),
        forwarded_proto: decision::forwarded_proto(headers),
        // A signed URL opens a picture to whoever reads it in a log, so its query stays out of there.
        original_path: Some(if life.is_some() { request.raw_path() } else { request.target() }.to_owned()),
    };
    let answer = AnswerRule {
        role: Role::Edge,
        method: request.method(),
        cache,
        vary,
        placeholder: route.unresizable == Unresizable::Placeholder,
        fallback: route.fallback.clone(),
        privacy,
        variant: transform.to_string(),
        last_modified: origin.last_modified(),
        condition: Condition::of(headers),
    };
    let rule = Rule::Route(index);
    Ok(Forward { rule, preset, origin, source, transform: Some(transform), upstream, push, answer })
}

/// How the resizer is asked, and how it comes by the source.
struct Supplied<'p> {
    /// The path of the resizer's request; `None` for options that it does not have together.
    path: Option<String>,
    push: Option<Fetch<'p>>,
    privacy: Privacy,
}

/// Seals the source into the URL that the resizer fetches.
fn seal<'p>(
    policy: &Policy,
    gate: &Gate,
    origin: &Origin,
    (source, forwarded): (&SourcePath, Forwarded),
    transform: &Transform,
) -> Result<Supplied<'p>, Rejection> {
    let sealed = Source { origin: origin.name().to_owned(), path: source.clone(), forwarded };
    // What cannot be sealed has credentials that are too large, since paths and names have their own limits.
    let token = gate.seal.seal(&sealed).filter(|token| token.len() <= MOST_SEALED);
    let token = token.ok_or(Rejection::CredentialsTooLarge)?;
    let path = policy.resizer.path(transform, &SourceUrl::new(&gate.url, &token));
    Ok(Supplied { path, push: None, privacy: gate.privacy(origin, &token, Role::Edge) })
}

/// The first route that matches.
fn find<'p, 'r>(
    policy: &'p Policy,
    request: &Request<'_>,
    path: &'r Path,
) -> Result<(Matched<'p>, Found<'r>), Refusal> {
    let found = policy.routes.find(request.host(), path);
    let (index, route, found) = found.ok_or_else(|| Refusal::new(Rejection::NoRoute, Rule::Routes))?;
    Ok((Matched { index, route }, found))
}

/// The query without its signature, and the seconds that the signature still holds.
fn read_query(
    matched: Matched<'_>,
    request: &Request<'_>,
    now: Option<u64>,
) -> Result<(Query, Option<u32>), Refusal> {
    let Some(SignatureRule { ring, terms }) = &matched.route.signature else {
        let refused = |rejection| Refusal {
            option: request.repeated_parameter(),
            ..Refusal::new(rejection, Rule::Request)
        };
        return Ok((request.query().map_err(refused)?, None));
    };
    let bad = || matched.refusal("signature", Rejection::BadSignature);
    let query = request.query().map_err(|_| bad())?;
    let verified = ring.verify(request.host(), request.target(), query, terms, now);
    let Verified { query, life } = verified.map_err(|_| bad())?;
    Ok((query, Some(life)))
}

/// The source, if the route gives it to this visitor and it can be resized.
fn read_source(matched: Matched<'_>, found: &Found<'_>, headers: &Headers) -> Result<SourcePath, Refusal> {
    let route = matched.route;
    let source = SourcePath::parse(found.source).map_err(|rejection| matched.refusal("path", rejection))?;
    route.sources.check(&source).map_err(|rejection| matched.refusal("sources", rejection))?;
    if let Some(referrer) = &route.referrer {
        referrer.check(headers).map_err(|rejection| matched.refusal("referrer", rejection))?;
    }
    if route::is_drawing(&source) {
        let placeholder = route.unresizable == Unresizable::Placeholder;
        let refusal = matched.refusal("unresizable", Rejection::NotResizable);
        return Err(Refusal { placeholder, ..refusal });
    }
    Ok(source)
}

/// What is to be done to the picture: preset, request, hints and bounds together.
fn choose<'p>(
    policy: &'p Policy,
    matched: Matched<'p>,
    found: &Found<'_>,
    query: &Query,
    headers: &Headers,
) -> Result<Chosen<'p>, Refusal> {
    let Matched { index, route } = matched;
    let (preset, base) = match found.preset {
        Some(name) => {
            let (table, rule) = match &route.presets {
                Some(own) => (own, Rule::Presets(Some(index))),
                None => (&policy.presets, Rule::Presets(None)),
            };
            let unknown = || Refusal::new(Rejection::UnknownPreset, rule);
            let (name, options) = table.get_key_value(name).ok_or_else(unknown)?;
            (Some(name.as_str()), options.clone().or(&route.default))
        }
        None => (None, route.default.clone()),
    };
    let segment = found.options.map(query::split_segment).transpose();
    let segment = segment.map_err(|rejection| matched.refusal("path", rejection))?;
    let refused = |(rejection, option, name): query::Refused| {
        let rule = option.map_or(Rule::Key(index, "query"), |option| Rule::Limit(index, option));
        Refusal { option: Some(name), ..Refusal::new(rejection, rule) }
    };
    let asked = route.query.read(query.iter().chain(segment.into_iter().flatten())).map_err(refused)?;
    let mut options = asked.options().clone().or(&base);
    let hinted = options.word(OptionName::Width) == Some("auto");
    let mut vary = hints::apply(&mut options, &route.query.breakpoints(), headers);
    route.query.limit_sides(&asked, hinted, &mut options).map_err(refused)?;
    if route.referrer.is_some() {
        // A cache that gave the answer to one site to another would undo the rule.
        vary.push("referer");
    }

    let format = match options.word(OptionName::Format) {
        Some("auto") => {
            vary.insert(0, "accept");
            let accept = request::values(headers, "accept");
            Some(negotiate::choose(accept, &policy.resizer.dialect().formats))
        }
        word => word.and_then(Format::named),
    };
    let missing = |_| Refusal::new(Rejection::MissingSize, Rule::Route(index));
    let transform = Transform::new(options, format).map_err(missing)?;
    let frame =
        route.bounds.apply(transform.frame).map_err(|rejection| matched.refusal("limits", rejection))?;
    Ok(Chosen { preset, transform: transform.framed(frame), vary })
}
