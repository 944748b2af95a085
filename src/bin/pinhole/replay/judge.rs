//! What a policy would have done with one entry of a log, and what had been done with it before.

use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Refusal, Rule};
use pinhole::policy::rejection::Rejection;
use pinhole::request::parse_host;
use pinhole::request::path::Path;

use super::entry::{Entry, Text};

/// What became of a request, as its log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// 2xx, or 304.
    Served,
    /// Any other 3xx.
    Redirected,
    /// 4xx.
    Refused,
    /// 5xx.
    Failed,
    /// The log has no status: nothing was answered.
    Unanswered,
}

impl Before {
    /// All, in the order in which they are told.
    pub const ALL: [Before; 5] =
        [Before::Served, Before::Redirected, Before::Refused, Before::Failed, Before::Unanswered];

    /// Of a status.
    pub fn of(status: Option<u16>) -> Before {
        match status {
            Some(200..=299 | 304) => Before::Served,
            Some(300..=399) => Before::Redirected,
            Some(400..=499) => Before::Refused,
            Some(_) => Before::Failed,
            None => Before::Unanswered,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Before::Served => "served",
            Before::Redirected => "redirected",
            Before::Refused => "refused",
            Before::Failed => "failed",
            Before::Unanswered => "unanswered",
        }
    }
}

/// Why it cannot be known what the policy would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unjudged {
    /// The key is a stand-in.
    #[error("a signed URL, and a key of `signing` is not set here")]
    NoKey,
    /// pinhole keeps the query of a signed URL out of Envoy's log.
    #[error("no signature in the log; pinhole keeps them out of Envoy's")]
    NoQuery,
}

/// What the policy would do.
pub enum Judgement<'p> {
    /// It goes to the resizer. What comes of that is not known.
    Served {
        /// The route.
        route: usize,
        /// The preset.
        preset: Option<&'p str>,
        /// The origin and the path of the source there.
        source: (&'p str, String),
        /// The transform, in its canonical form.
        transform: String,
    },
    /// It is refused.
    Refused {
        /// The route, if one matched.
        route: Option<usize>,
        /// Why, and by which rule.
        refusal: Refusal,
        /// Whether its query holds a signature, which is not shown.
        is_signed: bool,
    },
    /// That cannot be known.
    Unjudged(Unjudged),
}

/// Judges requests by a policy.
pub struct Judge<'p> {
    /// The policy.
    pub policy: &'p Policy,
    /// Whether a key of signed URLs is a stand-in.
    pub lacks_signing_key: bool,
    /// The time for all requests, instead of each one's own.
    pub now: Option<u64>,
    /// The host where the log has none.
    pub host: &'p str,
    /// Headers of requests whose log does not have them.
    pub headers: &'p [(String, Vec<u8>)],
}

impl<'p> Judge<'p> {
    /// The host of a request, if the log tells it. Of one that pinhole let through Envoy logs the resizer's
    /// authority, which pinhole wrote over the visitor's.
    pub fn logged_host<'e>(&self, entry: &'e Entry<'_>) -> Option<&'e [u8]> {
        let host = entry.host.as_deref()?;
        let own = self.policy.resizer_authority().map(str::as_bytes);
        (!entry.by_envoy || Some(host) != own).then_some(host)
    }

    /// The host of a request.
    pub fn host_of<'e>(&'e self, entry: &'e Entry<'_>) -> &'e [u8] {
        self.logged_host(entry).unwrap_or(self.host.as_bytes())
    }

    /// The headers of a request, as Envoy would deliver them.
    pub fn headers_of(&self, entry: &Entry<'_>) -> Vec<(String, Vec<u8>)> {
        let host = self.host_of(entry);
        let pseudo: [(&str, &[u8]); 4] = [
            (":method", &entry.method),
            (":scheme", b"http"),
            (":authority", host),
            (":path", &entry.target),
        ];
        let mut headers: Vec<(String, Vec<u8>)> =
            pseudo.map(|(name, value)| (name.to_owned(), value.to_vec())).to_vec();
        // A header that Envoy does not log may be one that pinhole took away.
        let tells = |value: &Option<Text<'_>>| value.is_some() || !entry.by_envoy;
        let logged = |name: &str| entry.headers.iter().any(|(other, value)| *other == name && tells(value));
        headers.extend(self.headers.iter().filter(|(name, _)| !logged(name)).cloned());
        let known = entry.headers.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        headers.extend(known.map(|(name, value)| ((*name).to_owned(), value.to_vec())));
        headers
    }

    /// Judges a request.
    pub fn judge(&self, entry: &Entry<'_>) -> Judgement<'p> {
        let headers = self.headers_of(entry);
        let at = self.now.or(entry.at);
        match self.policy.decide(&headers, !entry.has_body, at) {
            Decision::Forward(forward) => Judgement::Served {
                route: if let Rule::Route(route) = forward.rule { route } else { 0 },
                preset: forward.preset,
                source: (forward.origin.name(), forward.source.as_str().to_owned()),
                transform: forward.answer.variant,
            },
            Decision::Reject(refusal) => {
                let has_query = entry.target.contains(&b'?');
                let is_unsigned = refusal.rejection == Rejection::BadSignature;
                match (is_unsigned, has_query) {
                    (true, true) if self.lacks_signing_key => return Judgement::Unjudged(Unjudged::NoKey),
                    (true, false) if entry.by_envoy => return Judgement::Unjudged(Unjudged::NoQuery),
                    _ => {}
                }
                Judgement::Refused {
                    route: self.route_of(entry),
                    is_signed: refusal.logged_path.is_some() && has_query,
                    refusal,
                }
            }
        }
    }

    /// The route that matches a refused request.
    fn route_of(&self, entry: &Entry<'_>) -> Option<usize> {
        let host = parse_host(self.host_of(entry))?;
        let target = std::str::from_utf8(&entry.target).ok()?;
        let path = Path::parse(target.split_once('?').map_or(target, |(path, _)| path)).ok()?;
        self.policy.signature_of(&host, &path).map(|(route, _)| route)
    }
}
