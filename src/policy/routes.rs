//! The routes of a policy, and which one serves a host and a path.
//!
//! The first route that matches, in the order of the policy, is found without asking all of them: those of other
//! hosts, and those whose paths begin otherwise, are passed over together. INVARIANT: the index only leaves out
//! routes that cannot match; whether one does is said by the route itself.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::host::HostPattern;
use super::pattern::Found;
use super::route::Route;
use crate::request::path::Path;

/// The routes of a policy, in its order.
#[derive(Debug, Default)]
pub struct Routes {
    list: Vec<Route>,
    /// Of the routes for all hosts.
    any: Prefixes,
    /// Of the others: by the host, or by a dot and the name below which hosts are.
    by_host: BTreeMap<String, Prefixes>,
}

impl Routes {
    /// Puts routes in order.
    pub fn new(list: Vec<Route>) -> Routes {
        let mut routes = Routes { list, ..Routes::default() };
        for (index, route) in routes.list.iter().enumerate() {
            match &route.hosts {
                None => routes.any.add(route.pattern.prefix(), index),
                Some(hosts) => {
                    for host in hosts {
                        let key = match host {
                            HostPattern::Exactly(name) => name.clone(),
                            HostPattern::Below(name) => format!(".{name}"),
                        };
                        routes.by_host.entry(key).or_default().add(route.pattern.prefix(), index);
                    }
                }
            }
        }
        [&mut routes.any].into_iter().chain(routes.by_host.values_mut()).for_each(Prefixes::link);
        routes
    }

    /// The first route that serves a host and a path, where it stands, and what its pattern found.
    pub fn find<'r>(&self, host: &str, path: &'r Path) -> Option<(usize, &Route, Found<'r>)> {
        let mut best = None;
        self.search(&self.any, host, path, &mut best);
        if !self.by_host.is_empty() {
            let below = host.match_indices('.').filter_map(|(dot, _)| host.get(dot..));
            for name in [host].into_iter().chain(below) {
                if let Some(prefixes) = self.by_host.get(name) {
                    self.search(prefixes, host, path, &mut best);
                }
            }
        }
        best
    }

    /// Asks the routes of `prefixes` that stand before the `best` one so far.
    fn search<'s, 'r>(
        &'s self,
        prefixes: &Prefixes,
        host: &str,
        path: &'r Path,
        best: &mut Option<(usize, &'s Route, Found<'r>)>,
    ) {
        for indices in prefixes.of(path.as_str().as_bytes()) {
            let first = best.as_ref().map_or(usize::MAX, |(index, _, _)| *index);
            let found = indices.iter().take_while(|index| **index < first).find_map(|index| {
                let route = self.list.get(*index)?;
                Some((*index, route, route.find(host, path)?))
            });
            if found.is_some() {
                *best = found;
            }
        }
    }

    /// The routes, in the order of the policy.
    pub fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.list.iter()
    }
}

/// Which routes can match a path, by what it begins with.
#[derive(Debug, Default)]
struct Prefixes(BTreeMap<Vec<u8>, Node>);

/// The routes with one prefix.
#[derive(Debug, Default)]
struct Node {
    /// In the order of the policy.
    routes: Vec<usize>,
    /// The length of the longest other prefix that this one begins with.
    shorter: Option<usize>,
}

impl Prefixes {
    fn add(&mut self, prefix: &[u8], route: usize) {
        match self.0.get_mut(prefix) {
            Some(node) if node.routes.last() == Some(&route) => {}
            Some(node) => node.routes.push(route),
            None => {
                self.0.insert(prefix.to_vec(), Node { routes: vec![route], shorter: None });
            }
        }
    }

    /// Once all are added: lets each prefix know of the next shorter one.
    fn link(&mut self) {
        // The prefixes of the one before that are still open, the longest last.
        let mut open: Vec<&[u8]> = Vec::new();
        for (prefix, node) in &mut self.0 {
            while open.last().is_some_and(|shorter| !prefix.starts_with(shorter)) {
                open.pop();
            }
            node.shorter = open.last().map(|shorter| shorter.len());
            open.push(prefix);
        }
    }

    /// The routes of each prefix with which `path` begins, the longest one first.
    fn of<'s>(&'s self, path: &[u8]) -> impl Iterator<Item = &'s [usize]> {
        let mut node = self.longest(path);
        std::iter::from_fn(move || {
            let Node { routes, shorter } = node?;
            node = shorter.and_then(|length| self.0.get(path.get(..length)?));
            Some(routes.as_slice())
        })
    }

    /// The longest prefix with which `path` begins.
    fn longest(&self, path: &[u8]) -> Option<&Node> {
        // In the order of bytes it is the last one before `path`, or one that this one begins with.
        let (before, node) =
            self.0.range::<[u8], _>((Bound::Unbounded, Bound::Included(path))).next_back()?;
        if path.starts_with(before) {
            return Some(node);
        }
        let common = before.iter().zip(path).take_while(|(one, other)| one == other).count();
        let mut shorter = node.shorter;
        while let Some(length) = shorter {
            let node = self.0.get(before.get(..length)?)?;
            if length <= common {
                return Some(node);
            }
            shorter = node.shorter;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::raw::Unresizable;
    use crate::options::Options;
    use crate::policy::bounds::Bounds;
    use crate::policy::pattern::Pattern;
    use crate::policy::query::QueryLimits;
    use crate::policy::route::{MAX_AGE, SourceRule};

    fn route(pattern: &str, hosts: &[&str]) -> Route {
        let hosts: Vec<_> = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
        Route {
            hosts: Some(hosts).filter(|hosts| !hosts.is_empty()),
            pattern: Pattern::parse(pattern).unwrap(),
            origin: "photos".into(),
            presets: None,
            query: QueryLimits::default(),
            default: Options::default(),
            bounds: Bounds::default(),
            sources: SourceRule::default(),
            signature: None,
            referrer: None,
            unresizable: Unresizable::Reject,
            fallback: None,
            max_age: MAX_AGE,
        }
    }

    /// Few enough that many of them match the same paths, in every order of prefixes.
    const PATTERNS: [&str; 14] = [
        "/(?<source>.+)",
        "(?<source>.+)",
        "/a(?<source>.+)",
        "/a/(?<source>.+)",
        "/a/(?<preset>[^/]+)/(?<source>.+)",
        "/a/b(?<source>.*)",
        "/a/b/(?<source>.+)",
        "/(?:a|b)/(?<source>.+)",
        "/b/(?<source>.+)",
        "/b+/(?<source>.+)",
        "/b/(?<options>[^/]*)/(?<source>a.*)",
        "(?i)/A/(?<source>.+)",
        "(?<source>/a/a)",
        r"/(?<source>.+)\.b",
    ];

    const HOSTS: [&str; 6] = ["a", "b", "a.b", "*.b", "*.a.b", "c.a.b"];

    fn any_route() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
        let hosts = proptest::sample::subsequence(&HOSTS, 0..3);
        (proptest::sample::select(&PATTERNS[..]), hosts)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn the_first_route_that_matches_is_found(
            list in proptest::collection::vec(any_route(), 0..12),
            path in "/[ab]{1,2}(/[ab.]?[ab]){0,3}",
            host in proptest::sample::select(&["a", "b", "a.b", "c.b", "c.a.b", "d.c.a.b", "c"][..]),
        ) {
            let routes = Routes::new(list.iter().map(|(pattern, hosts)| route(pattern, hosts)).collect());
            let path = Path::parse(&path).unwrap();
            let mut each = routes.iter().enumerate();
            let first = each.find_map(|(index, route)| Some((index, route.find(host, &path)?)));
            let found = routes.find(host, &path);
            prop_assert!(found.iter().all(|(index, route, _)| routes.iter().nth(*index).is_some_and(|other| std::ptr::eq(other, *route))));
            prop_assert_eq!(found.map(|(index, _, found)| (index, found)), first);
        }
    }
}
