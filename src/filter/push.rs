//! A pushed picture: two calls, and the answer made of them.
//!
//! The request is held while pinhole fetches the source from the hidden origin and posts it to the resizer.
//! Between the calls nothing of either body is kept: each lives as long as its callback. Belongs here: the order
//! of calls. Does not belong here: what an answer means (`response::push`). INVARIANT: each stage ends in the
//! next one or in exactly one reply; a visitor who went away takes the stage with him, and what was still asked
//! for is then answered to nobody.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::host;
use super::root::Active;
use crate::policy::decision::Forward;
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::response::AnswerRule;
use crate::response::push::{Answer, Source, judge_source};
use crate::telemetry;

/// A request to the resizer that waits for its body.
struct Resize {
    cluster: String,
    headers: Vec<(String, String)>,
    limit: Duration,
}

/// Which call is awaited.
enum Stage {
    /// The origin's answer.
    Fetching { rule: AnswerRule, resize: Resize, most: usize },
    /// The resizer's.
    Resizing { source: Source },
}

impl Stage {
    fn name(&self) -> telemetry::Stage {
        match self {
            Stage::Fetching { .. } => telemetry::Stage::Source,
            Stage::Resizing { .. } => telemetry::Stage::Picture,
        }
    }
}

/// A picture that is being made.
pub struct Push {
    active: Rc<Active>,
    stage: Stage,
    clock: Clock,
}

/// A call is ended by its limit if it ends no earlier than this before: clocks are read at two places.
const TOLERANCE: Duration = Duration::from_millis(20);

/// When a call was made, and how long it may take.
struct Clock {
    start: Option<SystemTime>,
    limit: Duration,
}

impl Clock {
    fn start(limit: Duration) -> Clock {
        Clock { start: host::clock(), limit }
    }

    /// How long the call has taken until now.
    fn elapsed(&self) -> Option<Duration> {
        host::clock()?.duration_since(self.start?).ok()
    }
}

/// How a push goes on.
pub enum Step {
    /// By waiting for the next answer.
    Wait(Push),
    /// Not at all: this is answered.
    Reply(LocalReply),
}

impl Push {
    /// Asks the origin. `None` for what is not pushed.
    pub fn start(active: &Rc<Active>, forward: &Forward<'_>) -> Option<Step> {
        let fetch = forward.push.as_ref()?;
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let failed = || Step::Reply(forward.answer.reply(Rejection::UpstreamFailed));
        let Some((headers, post)) = fetch.upstream.call("GET").zip(forward.upstream.call("POST")) else {
            return Some(failed());
        };
        let resize = Resize {
            cluster: forward.upstream.cluster.as_str().to_owned(),
            headers: post.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            limit: seconds(fetch.limits.resizer_seconds),
        };
        let limit = seconds(fetch.limits.origin_seconds);
        if host::call(fetch.upstream.cluster.as_str(), headers, None, limit).is_err() {
            return Some(Step::Reply(forward.answer.reply(Rejection::UpstreamUnavailable)));
        }
        let (rule, most) = (forward.answer.clone(), fetch.limits.source_bytes);
        let stage = Stage::Fetching { rule, resize, most };
        Some(Step::Wait(Push { active: active.clone(), stage, clock: Clock::start(limit) }))
    }

    /// What is answered where the wait is over.
    pub fn reply(&self, rejection: Rejection) -> LocalReply {
        match &self.stage {
            Stage::Fetching { rule, .. } => rule.reply(rejection),
            Stage::Resizing { source } => source.reply(rejection),
        }
    }

    /// Goes on with the answer that was awaited: so many headers, and a body of so many bytes.
    pub fn on_answer(self, headers: usize, body: usize) -> Step {
        let headers = if headers == 0 { Vec::new() } else { host::answer_headers() };
        let elapsed = self.clock.elapsed();
        let late = elapsed.is_some_and(|elapsed| elapsed.saturating_add(TOLERANCE) >= self.clock.limit);
        if let Some(elapsed) = elapsed {
            self.active.telemetry.pushed(self.stage.name(), elapsed);
        }
        let answer = Answer { headers: &headers, body, late };
        match self.stage {
            Stage::Fetching { rule, resize, most } => {
                match judge_source(rule, &self.active.policy.supply.marks().etags, answer, most) {
                    Err(reply) => Step::Reply(reply),
                    Ok(source) => resize.post(self.active, source, body),
                }
            }
            Stage::Resizing { source } => match source.judge_picture(answer) {
                Err(reply) => Step::Reply(reply),
                Ok(headers) => Step::Reply(match host::answer_body(body) {
                    Some(picture) => LocalReply::picture(headers, picture),
                    None => source.reply(Rejection::UpstreamFailed),
                }),
            },
        }
    }
}

impl Resize {
    /// Sends the source, which is the body of the answer that is being looked at.
    fn post(&self, active: Rc<Active>, source: Source, length: usize) -> Step {
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push(("content-type", source.media_type));
        let Some(body) = host::answer_body(length) else {
            return Step::Reply(source.reply(Rejection::UpstreamFailed));
        };
        match host::call(&self.cluster, headers, Some(&body), self.limit) {
            Ok(()) => Step::Wait(Push {
                active,
                stage: Stage::Resizing { source },
                clock: Clock::start(self.limit),
            }),
            Err(_) => Step::Reply(source.reply(Rejection::UpstreamUnavailable)),
        }
    }
}
