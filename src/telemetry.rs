//! What operators see of pinhole: names of metrics, and the words of access logs and traces.
//!
//! A name has its labels in front, each as `label=.=value;.;`: the form that Istio's `extraStatTags` and the
//! `stats_tags` of `envoy.yaml` take apart again. Does not belong here: counting (`filter`). INVARIANT: every value
//! comes from a closed set (roles, decisions, rejections, the policy's presets, of which no more than
//! [`MOST_PRESETS`] are told apart), so that no visitor can make a series.

use crate::policy::Policy;
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::response::Role;

/// So many presets have a series of their own; the rest, in the order of their names, share [`OTHER`].
pub const MOST_PRESETS: usize = 100;

/// The label of the presets that have no series of their own. No preset can have this name.
pub const OTHER: &str = "_other";

/// What becomes of a request before anybody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decided {
    /// It goes upstream.
    Forward,
    /// It is refused.
    Reject(Rejection),
}

impl Decided {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Decided::Forward => "forward",
            Decided::Reject(_) => "reject",
        }
    }
}

/// What becomes of an upstream's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answered {
    /// The picture goes on.
    Deliver,
    /// The visitor has it already.
    NotModified,
    /// Something else is answered.
    Replace(Rejection),
}

impl Answered {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Answered> {
        [Answered::Deliver, Answered::NotModified].into_iter().chain(Rejection::ALL.map(Answered::Replace))
    }

    /// What is answered with this reply of pinhole's own.
    pub fn by(reply: &LocalReply) -> Answered {
        match reply.rejection {
            Some(rejection) => Answered::Replace(rejection),
            None if reply.status == 304 => Answered::NotModified,
            None => Answered::Deliver,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Answered::Deliver => "deliver",
            Answered::NotModified => "not-modified",
            Answered::Replace(_) => "replace",
        }
    }
}

/// One of the two calls of a pushed picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The origin's.
    Source,
    /// The resizer's.
    Picture,
}

/// What a gauge tells of the policy that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    /// The number by which its document is known.
    Fingerprint,
    /// The number of its routes.
    Routes,
    /// The number of its presets, those of routes of their own among them.
    Presets,
}

/// The name of a metric, and its labels in the order in which they are written.
fn name(metric: &str, labels: &[(&str, &str)]) -> String {
    let mut name = String::new();
    for (label, value) in labels {
        name.push_str(label);
        name.push_str("=.=");
        name.push_str(value);
        name.push_str(";.;");
    }
    name.push_str(metric);
    name
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Edge => "edge",
        Role::Gate => "gate",
    }
}

/// The counter of requests of a role that are decided like this; of a preset where it is one that is forwarded.
pub fn requests(role: Role, decided: Decided, preset: Option<&str>) -> String {
    let mut labels = vec![("role", role_name(role)), ("decision", decided.name())];
    if let Decided::Reject(rejection) = decided {
        labels.push(("reason", rejection.reason()));
    }
    labels.extend(preset.map(|preset| ("preset", preset)));
    name("pinhole_requests_total", &labels)
}

/// The counter of answers of a role that become this.
pub fn answers(role: Role, answered: Answered) -> String {
    let mut labels = vec![("role", role_name(role)), ("verdict", answered.name())];
    if let Answered::Replace(rejection) = answered {
        labels.push(("reason", rejection.reason()));
    }
    name("pinhole_answers_total", &labels)
}

/// The histogram of the time that a call of a pushed picture takes, in milliseconds.
pub fn push_duration(stage: Stage) -> String {
    let stage = match stage {
        Stage::Source => "source",
        Stage::Picture => "picture",
    };
    name("pinhole_push_duration_ms", &[("stage", stage)])
}

/// The gauge that tells this of the policy of a role.
pub fn gauge(role: Role, gauge: Gauge) -> String {
    let metric = match gauge {
        Gauge::Fingerprint => "pinhole_policy_fingerprint",
        Gauge::Routes => "pinhole_policy_routes",
        Gauge::Presets => "pinhole_policy_presets",
    };
    name(metric, &[("role", role_name(role))])
}

/// The gauge that is 1 for the version of the module.
pub fn build_info() -> String {
    name("pinhole_build_info", &[("version", env!("CARGO_PKG_VERSION"))])
}

/// The names of all presets of a policy, each once, sorted.
pub fn presets(policy: &Policy) -> Vec<&str> {
    let of_routes =
        policy.routes.iter().filter_map(|route| route.presets.as_ref()).flat_map(|own| own.keys());
    let mut names: Vec<&str> = policy.presets.keys().chain(of_routes).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_before_the_name() {
        for (got, want) in [
            (
                requests(Role::Edge, Decided::Forward, Some("small")),
                "role=.=edge;.;decision=.=forward;.;preset=.=small;.;pinhole_requests_total",
            ),
            (
                requests(Role::Gate, Decided::Reject(Rejection::NotSealed), None),
                "role=.=gate;.;decision=.=reject;.;reason=.=not-sealed;.;pinhole_requests_total",
            ),
            (
                answers(Role::Edge, Answered::Replace(Rejection::SourceNotFound)),
                "role=.=edge;.;verdict=.=replace;.;reason=.=source-not-found;.;pinhole_answers_total",
            ),
            (
                answers(Role::Edge, Answered::Deliver),
                "role=.=edge;.;verdict=.=deliver;.;pinhole_answers_total",
            ),
            (push_duration(Stage::Source), "stage=.=source;.;pinhole_push_duration_ms"),
            (push_duration(Stage::Picture), "stage=.=picture;.;pinhole_push_duration_ms"),
            (gauge(Role::Gate, Gauge::Routes), "role=.=gate;.;pinhole_policy_routes"),
            (gauge(Role::Edge, Gauge::Presets), "role=.=edge;.;pinhole_policy_presets"),
            (gauge(Role::Edge, Gauge::Fingerprint), "role=.=edge;.;pinhole_policy_fingerprint"),
            (build_info(), concat!("version=.=", env!("CARGO_PKG_VERSION"), ";.;pinhole_build_info")),
        ] {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn presets_are_listed_once_whoever_has_them() {
        let document = include_bytes!("../tests/cases/policies/hosts-and-presets.json");
        let environment =
            |name: &str| Some(if name == "THUMBOR_KEY" { "c0ffee00" } else { "5ea15ea1" }.repeat(8));
        let policy = crate::config::load(document, &environment).unwrap().policy;
        let names = presets(&policy);
        assert!(names.is_sorted() && names.len() > policy.presets.len(), "{names:?}");
        let own = policy.routes.iter().filter_map(|route| route.presets.as_ref()).flat_map(|own| own.keys());
        let mut all: Vec<_> = own.chain(policy.presets.keys()).map(String::as_str).collect();
        all.retain(|name| !names.contains(name));
        assert!(all.is_empty(), "{all:?}");
    }

    #[test]
    fn no_value_ends_a_label_early() {
        assert_eq!(Answered::all().count(), Rejection::ALL.len() + 2);
        let names = Answered::all().map(|answered| answers(Role::Edge, answered));
        for name in
            names.chain(Rejection::ALL.map(|reason| requests(Role::Edge, Decided::Reject(reason), None)))
        {
            assert_eq!(name.matches(";.;").count(), name.matches("=.=").count(), "{name}");
        }
    }

    #[test]
    fn a_reply_is_told_by_what_it_stands_for() {
        let not_modified = LocalReply::not_modified(Vec::new());
        let picture = LocalReply::picture(Vec::new(), Vec::new());
        let rejected = LocalReply::new(Rejection::NotAnImage, None, false);
        assert_eq!(Answered::by(&not_modified), Answered::NotModified);
        assert_eq!(Answered::by(&picture), Answered::Deliver);
        assert_eq!(Answered::by(&rejected), Answered::Replace(Rejection::NotAnImage));
    }
}
