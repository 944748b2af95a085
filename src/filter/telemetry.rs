//! Counts, and tells access logs: what becomes of requests and answers, and how long pushes take.
//!
//! All series are there from the first moment, at zero, so that their rates are known from the first request. Does not
//! belong here: their names ([`crate::telemetry`]). INVARIANT: nothing here can change what becomes of a request.

use std::time::Duration;

use proxy_wasm::types::MetricType;

use super::host;
use crate::config::Loaded;
use crate::policy::rejection::Rejection;
use crate::response::Role;
use crate::telemetry::{self as names, Answered, Decided, Gauge, Stage};

/// What access logs call the decision: `forward`, `reject` or, of an upstream's answer, `replace`.
const DECISION: &str = "pinhole_decision";
/// The reason of a rejection.
const REASON: &str = "pinhole_reason";
/// The preset that was asked for.
const PRESET: &str = "pinhole_preset";

/// The metrics of one role: Envoy's numbers for them, short lists that are searched from the front.
pub struct Telemetry {
    forwarded: Option<u32>,
    presets: Vec<(String, u32)>,
    other_presets: Option<u32>,
    rejected: Vec<(Rejection, u32)>,
    answered: Vec<(Answered, u32)>,
    push_source: Option<u32>,
    push_picture: Option<u32>,
}

impl Telemetry {
    /// Defines all metrics, and sets the gauges.
    pub fn new(role: Role, loaded: &Loaded) -> Telemetry {
        let counter = |name: &str| host::define(MetricType::Counter, name);
        let presets = names::presets(&loaded.policy);
        let of_preset = |preset: &str| counter(&names::requests(role, Decided::Forward, Some(preset)));
        // Only the edge reads presets.
        let (told, untold) = match role {
            Role::Edge => presets.split_at_checked(names::MOST_PRESETS).unwrap_or((&presets, &[])),
            Role::Gate => (&[][..], &[][..]),
        };
        let of_rejection =
            |rejection| Some((rejection, counter(&names::requests(role, Decided::Reject(rejection), None))?));
        let histogram = |stage| host::define(MetricType::Histogram, &names::push_duration(stage));
        let pushes = role == Role::Edge && loaded.policy.pushes();

        let gauge = |name: String, value: u64| {
            if let Some(gauge) = host::define(MetricType::Gauge, &name) {
                host::record(gauge, value);
            }
        };
        gauge(names::gauge(role, Gauge::Fingerprint), u64::from(loaded.fingerprint));
        gauge(names::gauge(role, Gauge::Routes), loaded.policy.routes.iter().count() as u64);
        gauge(names::gauge(role, Gauge::Presets), presets.len() as u64);
        gauge(names::build_info(), 1);

        Telemetry {
            forwarded: counter(&names::requests(role, Decided::Forward, None)),
            other_presets: untold.first().and_then(|_| of_preset(names::OTHER)),
            presets: told
                .iter()
                .filter_map(|preset| Some(((*preset).to_owned(), of_preset(preset)?)))
                .collect(),
            rejected: Rejection::ALL.into_iter().filter_map(of_rejection).collect(),
            answered: Answered::all()
                .filter_map(|answered| Some((answered, counter(&names::answers(role, answered))?)))
                .collect(),
            push_source: pushes.then(|| histogram(Stage::Source)).flatten(),
            push_picture: pushes.then(|| histogram(Stage::Picture)).flatten(),
        }
    }

    /// A request goes upstream.
    pub fn forwarded(&self, preset: Option<&str>) {
        let counter = match preset {
            None => self.forwarded,
            Some(preset) => {
                let own = self.presets.iter().find(|(name, _)| name == preset);
                own.map(|(_, counter)| *counter).or(self.other_presets)
            }
        };
        counter.into_iter().for_each(host::count);
        host::tell(DECISION, Decided::Forward.name());
        if let Some(preset) = preset {
            host::tell(PRESET, preset);
        }
    }

    /// A request is refused.
    pub fn rejected(&self, rejection: Rejection) {
        count(&self.rejected, rejection);
        host::tell(DECISION, Decided::Reject(rejection).name());
        host::tell(REASON, rejection.reason());
    }

    /// An upstream has answered.
    pub fn answered(&self, answered: Answered) {
        count(&self.answered, answered);
        // Of the others, `forward` says as much, and the status the rest.
        if let Answered::Replace(rejection) = answered {
            host::tell(DECISION, answered.name());
            host::tell(REASON, rejection.reason());
        }
    }

    /// A call of a pushed picture has ended.
    pub fn pushed(&self, stage: Stage, duration: Duration) {
        let histogram = match stage {
            Stage::Source => self.push_source,
            Stage::Picture => self.push_picture,
        };
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        histogram.into_iter().for_each(|histogram| host::record(histogram, milliseconds));
    }
}

fn count<T: PartialEq>(counters: &[(T, u32)], what: T) {
    if let Some((_, counter)) = counters.iter().find(|(other, _)| *other == what) {
        host::count(*counter);
    }
}
