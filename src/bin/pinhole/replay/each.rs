//! The decision about each line, as a JSON object: for `jq`, and for whoever wants to see all of them.

use serde_json::json;

use super::entry::{Entry, Unread};
use super::judge::{Before, Judge, Judgement};
use crate::screen::say;

/// Tells of a line that could not be read.
pub fn unread(log: &str, line: u64, reason: &Unread) {
    say(json!({ "log": log, "line": line, "decision": "unreadable", "why": reason.to_string() }));
}

/// Tells of a request.
pub fn judged(log: &str, line: u64, judge: &Judge<'_>, entry: &Entry<'_>, judgement: &Judgement<'_>) {
    let target = String::from_utf8_lossy(&entry.target);
    let mut object = json!({
        "log": log,
        "line": line,
        "host": String::from_utf8_lossy(judge.host_of(entry)),
        "path": target,
        "in_the_log": Before::of(entry.status).name(),
        "status_in_the_log": entry.status,
    });
    let more = match judgement {
        Judgement::Served { route, preset, source: (origin, source), transform } => json!({
            "decision": "served",
            "rule": format!("routes[{route}]"),
            "preset": preset,
            "origin": origin,
            "source": source,
            "canonical": transform,
        }),
        Judgement::Refused { refusal, .. } => json!({
            "decision": "refused",
            "rule": refusal.rule.to_string(),
            "reason": refusal.rejection.reason(),
            "status": refusal.rejection.status(),
            "option": refusal.option,
        }),
        Judgement::Unjudged(why) => json!({ "decision": "not known", "why": why.to_string() }),
    };
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    say(object);
}
