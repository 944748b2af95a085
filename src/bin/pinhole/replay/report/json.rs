//! What a replay came to, as JSON: all that the tables have, with exact names.

use pinhole::policy::variants::RouteVariants;
use serde_json::{Map, Value, json};

use super::{JudgedAt, Report};
use crate::replay::count::Distinct;
use crate::replay::judge::Before;
use crate::replay::tally::{MOST_NAMED, RefusedRequest};

impl Report<'_, '_> {
    /// The same as JSON.
    pub fn json(&self) -> Value {
        let tally = self.tally;
        let logs: Vec<Value> =
            self.logs.iter().map(|(log, format)| json!({ "log": log, "format": format })).collect();
        let unread: Vec<Value> = tally
            .first_unread
            .iter()
            .map(|line| json!({ "log": line.log, "line": line.line, "reason": line.reason.to_string() }))
            .collect();
        let unjudged: Map<String, Value> =
            tally.unjudged.iter().map(|(why, count)| (why.to_string(), json!(count))).collect();
        let changes: Map<String, Value> = Before::ALL
            .iter()
            .map(|before| {
                let now =
                    json!({ "served": tally.change(*before, true), "refused": tally.change(*before, false) });
                (before.name().to_owned(), now)
            })
            .collect();
        let (transforms, sources) = (tally.by_transform.sorted(), tally.by_source.sorted());
        let by_transform: Vec<Value> = transforms
            .iter()
            .take(self.top)
            .map(|(transform, count)| json!({ "transform": transform, "requests": count }))
            .collect();
        let by_source: Vec<Value> = sources
            .iter()
            .take(self.top)
            .map(|((origin, source), count)| json!({ "origin": origin, "source": source, "pictures": count }))
            .collect();
        json!({
            "logs": logs,
            "requests": tally.requests(),
            "other_lines": tally.passed_over,
            "unreadable": { "lines": tally.unread, "first": unread },
            "without_host": { "requests": tally.hostless, "judged_as": self.host },
            "signed_urls_judged_at": match self.judged_at {
                None => Value::Null,
                Some(JudgedAt::Line) => json!("line"),
                Some(JudgedAt::Fixed(now)) => json!(now),
            },
            "unset_variables": self.unset,
            "served": tally.judged(true),
            "refused": tally.judged(false),
            "not_known": unjudged,
            "refused_by_reason": tally.reasons,
            "in_the_log": changes,
            "routes": self.json_of_routes(),
            "presets": tally.presets,
            "pictures": json_of_distinct(&tally.pictures),
            "sources": json_of_distinct(&tally.sources),
            "transforms": json_of_distinct(&tally.transforms),
            "most_frequent_transforms": by_transform,
            "sources_with_most_pictures": by_source,
            "newly_refused": self.json_of_refused(&tally.newly_refused.sorted()),
            "refused_most": self.json_of_refused(&tally.refused.sorted()),
            "counts_at_most_too_high": {
                "transforms": tally.by_transform.slack(),
                "sources": tally.by_source.slack(),
                "newly_refused": tally.newly_refused.slack(),
                "refused": tally.refused.slack(),
            },
            "names_kept": MOST_NAMED,
        })
    }

    fn json_of_routes(&self) -> Vec<Value> {
        let route = |(index, route): (usize, RouteVariants<'_>)| {
            let of = self.tally.routes.get(&index);
            json!({
                "rule": route.rule.to_string(),
                "path": route.path,
                "served": of.map_or(0, |of| of.served),
                "refused": of.map_or(0, |of| of.refused),
                "newly_refused": of.map_or(0, |of| of.newly_refused),
                "pictures": of.map(|of| json_of_distinct(&of.pictures)),
                "most_pictures_of_a_source": (route.count != u64::MAX).then_some(route.count),
            })
        };
        self.policy.variants().enumerate().map(route).collect()
    }

    fn json_of_refused(&self, requests: &[(RefusedRequest, u64)]) -> Vec<Value> {
        let one = |(request, count): &(RefusedRequest, u64)| {
            let RefusedRequest { reason, rule, host, target } = request;
            json!({
                "requests": count, "reason": reason, "rule": rule, "host": host, "path": target,
                "hint": self.hint(request),
            })
        };
        requests.iter().take(self.top).map(one).collect()
    }
}

fn json_of_distinct(count: &Distinct) -> Value {
    json!({ "count": count.count(), "exact": count.is_exact() })
}
