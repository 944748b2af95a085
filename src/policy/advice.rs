//! What a refused request most likely meant: for operators, by way of `pinhole explain` and `pinhole replay`.
//!
//! INVARIANT: this is no part of the module that Envoy loads, so that no visitor is told the name of a
//! preset, of an option or of a host.

use std::fmt;

use super::Policy;
use super::decision::Refusal;
use super::host::HostPattern;
use super::limit::Limit;
use super::query::split_segment;
use super::rejection::Rejection;
use super::route::Route;
use crate::config::error::{nearest, quote};
use crate::options::OptionName;
use crate::request::path::Path;
use crate::request::{Headers, MOST_TARGET, Request};

/// At most so many names are listed.
const MOST_LISTED: usize = 12;

/// What was found in a request, and what the policy has in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The name that the policy does not have there.
    pub found: String,
    /// What that is a name of.
    pub kind: &'static str,
    /// The one that it is most likely a misspelling of.
    pub meant: Option<String>,
    /// All that the policy has.
    pub known: Vec<String>,
}

impl Advice {
    fn new(kind: &'static str, found: &str, known: Vec<String>) -> Advice {
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let meant = nearest(found, &names).filter(|near| *near != found).map(str::to_owned);
        Advice { found: found.to_owned(), kind, meant, known }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {}", self.kind, quote(&self.found))?;
        if let Some(meant) = &self.meant {
            return write!(f, "; did you mean {}?", quote(meant));
        }
        let listed: Vec<String> = self.known.iter().take(MOST_LISTED).map(|name| quote(name)).collect();
        match self.known.len().saturating_sub(listed.len()) {
            _ if listed.is_empty() => write!(f, "; the route has none"),
            0 => write!(f, "; there is {}", listed.join(", ")),
            more => write!(f, "; there is {} and {more} more", listed.join(", ")),
        }
    }
}

impl Policy {
    /// What a refused request most likely meant, where it names something that the policy does not have.
    pub fn advice(&self, headers: &Headers, refusal: &Refusal) -> Option<Advice> {
        let request = Request::parse(headers, true, MOST_TARGET).ok()?;
        let path = request.path().ok()?;
        let option = refusal.option.as_deref();
        match refusal.rejection {
            Rejection::NoRoute => self.other_route(request.host(), &path),
            Rejection::UnknownPreset => {
                let (_, route, found) = self.routes.find(request.host(), &path)?;
                let table = route.presets.as_ref().unwrap_or(&self.presets);
                Some(Advice::new("preset", found.preset?, table.keys().cloned().collect()))
            }
            Rejection::UnknownOption => {
                let (_, route, _) = self.routes.find(request.host(), &path)?;
                Some(Advice::new("option", option?, names_of(route)))
            }
            Rejection::MalformedOption | Rejection::ValueNotAllowed => {
                let (_, route, found) = self.routes.find(request.host(), &path)?;
                let query = request.query().ok()?;
                let segment =
                    found.options.and_then(|segment| split_segment(segment).ok()).unwrap_or_default();
                let mut named = query.iter().chain(segment);
                let (_, value) = named.find(|(name, _)| Some(*name) == option)?;
                let words = words_of(route, OptionName::named(option?)?)?;
                Some(Advice::new("value", value, words))
            }
            _ => None,
        }
    }

    /// For a path that no route of its host matches: the host or the beginning of a route that would.
    fn other_route(&self, host: &str, path: &Path) -> Option<Advice> {
        let elsewhere = self.routes.iter().filter(|route| route.pattern.find(path).is_some());
        let hosts: Vec<String> =
            elsewhere.filter_map(|route| route.hosts.as_ref()).flatten().map(name_of).collect();
        if !hosts.is_empty() {
            return Some(Advice::new("host", host, hosts));
        }
        self.routes.iter().find_map(|route| {
            let prefix = std::str::from_utf8(route.pattern.prefix()).ok()?;
            let depth = prefix.matches('/').count();
            let (end, _) = path.as_str().match_indices('/').nth(depth.checked_sub(1)?)?;
            let found = path.as_str().get(..=end)?;
            // Of a short beginning anything is a misspelling.
            let near = prefix.len() >= 5 && found != prefix && nearest(found, &[prefix]).is_some();
            near.then(|| Advice::new("path", found, vec![prefix.to_owned()]))
        })
    }
}

fn name_of(host: &HostPattern) -> String {
    match host {
        HostPattern::Exactly(name) => name.clone(),
        HostPattern::Below(name) => format!("*.{name}"),
    }
}

/// The options that a route lets requests name, by all of their names.
fn names_of(route: &Route) -> Vec<String> {
    let specs = route.query.iter().map(|(option, _)| option.spec());
    specs
        .flat_map(|spec| [spec.name].into_iter().chain(spec.aliases.iter().copied()))
        .map(str::to_owned)
        .collect()
}

/// The words that a route allows as values of an option. None where it takes numbers alone.
fn words_of(route: &Route, option: OptionName) -> Option<Vec<String>> {
    let words = match route.query.get(option)? {
        Limit::OneOf { words, .. } => words.iter().map(ToString::to_string).collect(),
        Limit::Range { .. } => Vec::new(),
    };
    Some(words).filter(|words: &Vec<String>| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::policy::decision::Decision;

    const POLICY: &str = r#"{
        "presets": { "small": { "width": 300 }, "medium": { "width": 600 } },
        "routes": [
            { "path": "/images/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos",
              "query": { "quality": { "max": 80 }, "format": { "one_of": ["webp", "jpeg"] } } },
            { "path": "/preset/(?<preset>[^/]+)/(?<source>.+)", "origin": "photos",
              "presets": { "p1": { "width": 1 }, "p2": { "width": 1 }, "p3": { "width": 1 }, "p4": { "width": 1 },
                           "p5": { "width": 1 }, "p6": { "width": 1 }, "p7": { "width": 1 }, "p8": { "width": 1 },
                           "p9": { "width": 1 }, "pa": { "width": 1 }, "pb": { "width": 1 }, "pc": { "width": 1 },
                           "pd": { "width": 1 } } },
            { "path": "/below/(?<source>.+)", "hosts": ["*.example.org"], "origin": "photos", "default": { "width": 1 } },
            { "path": "/own/(?<source>.+)", "hosts": ["img.example.com"], "origin": "photos", "default": { "width": 1 } }
        ],
        "origins": { "photos": { "url": "http://secret.example.com", "cluster": "photos" } },
        "resizer": { "thumbor": { "cluster": "r", "authority": "r", "key": { "value": "0123456789abcdef" } } },
        "gate": { "url": "http://g", "seal_key":
            { "value": "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00" } }
    }"#;

    fn advice(host: &str, target: &str) -> Option<String> {
        let policy = config::load(POLICY.as_bytes(), &|_| None).unwrap().policy;
        let headers = [(":method", "GET"), (":authority", host), (":path", target)]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        match policy.decide(&headers, true, None) {
            Decision::Reject(refusal) => {
                let advice = policy.advice(&headers, &refusal).map(|advice| advice.to_string());
                // What the visitor is told stays what it was.
                let told = format!("{:?}", refusal.reply());
                assert!(!told.contains("small") && !told.contains("did you mean"), "{told}");
                advice
            }
            Decision::Forward(_) => panic!("{target} is served"),
        }
    }

    #[test]
    fn a_near_miss_is_told_and_so_is_what_there_is() {
        for (target, want) in [
            ("/images/smal/a.jpg", Some("unknown preset `smal`; did you mean `small`?")),
            ("/images/SMALL/a.jpg", Some("unknown preset `SMALL`; did you mean `small`?")),
            ("/images/huge/a.jpg", Some("unknown preset `huge`; there is `medium`, `small`")),
            ("/images/small/a.jpg?qualty=3", Some("unknown option `qualty`; did you mean `quality`?")),
            ("/images/small/a.jpg?w=3", Some("unknown option `w`; there is `quality`, `q`, `format`, `f`")),
            (
                "/images/small/a.jpg?blur=3",
                Some("unknown option `blur`; there is `quality`, `q`, `format`, `f`"),
            ),
            ("/images/small/a.jpg?format=wepb", Some("unknown value `wepb`; did you mean `webp`?")),
            ("/images/small/a.jpg?quality=900", None),
            ("/image/small/a.jpg", Some("unknown path `/image/`; did you mean `/images/`?")),
            ("/own/a.jpg", Some("unknown host `x.example.com`; there is `img.example.com`")),
            ("/below/a.jpg", Some("unknown host `x.example.com`; there is `*.example.org`")),
            (
                "/preset/huge/a.jpg",
                Some(
                    "unknown preset `huge`; there is `p1`, `p2`, `p3`, `p4`, `p5`, `p6`, `p7`, `p8`, `p9`, `pa`, \
                     `pb`, `pc` and 1 more",
                ),
            ),
            ("/preset/p1/a.jpg?w=3", Some("unknown option `w`; the route has none")),
            ("/elsewhere/a.jpg", None),
            ("/images/small/../a.jpg", None),
        ] {
            assert_eq!(advice("x.example.com", target).as_deref(), want, "{target}");
        }
    }
}
