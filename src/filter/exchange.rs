//! One request and its response: read, decide, apply; then read, judge, apply. Where sources are pushed, the
//! response is one of ours ([`super::push`]).
//!
//! Belongs here: the order of host calls, and what each callback may still do. Does not belong here:
//! any rule about requests or answers (`policy`, `response`). INVARIANT: an exchange replies at most
//! once, and after a reply all that it may do is to undo the form that Envoy gave it for gRPC; an answer
//! to a request that this exchange did not forward is never delivered as it is.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::host;
use super::push::{Push, Step};
use super::root::Active;
#[cfg(feature = "test-trap")]
use super::trap;
use crate::keeping::Keeping;
use crate::policy::decision::Decision;
use crate::policy::rejection::Rejection;
use crate::reply::LocalReply;
use crate::request::{Method, values};
use crate::response::{AnswerRule, OwnHeaders, Role, Verdict};
use crate::telemetry::Answered;

/// How far an exchange is.
enum State {
    /// No request headers were seen: an answer now is one that Envoy made before us.
    Fresh,
    /// The request went upstream.
    Forwarded(AnswerRule),
    /// The request is held while its picture is made.
    Pushing(Push),
    /// The headers of a good answer went on. The edge asks the resizer with GET for what the visitor
    /// asked with HEAD: then the body does not go on.
    Delivering {
        /// Whether the body is dropped.
        without_body: bool,
    },
    /// We answered; what passes now is our own. These headers are to be put into the place of those that
    /// Envoy made of it.
    Replied(Option<OwnHeaders>),
}

/// One request and its response.
pub struct Exchange {
    active: Option<Rc<Active>>,
    state: State,
    /// Whether Envoy would put a reply of ours into the form that gRPC has for errors: 200, without a body.
    in_grpc_form: bool,
}

impl Exchange {
    /// Without a policy, everything is refused.
    pub fn new(active: Option<Rc<Active>>) -> Exchange {
        Exchange { active, state: State::Fresh, in_grpc_form: false }
    }

    /// Refuses a request that goes nowhere.
    fn reject(&mut self, reply: &LocalReply) -> Action {
        if let (Some(active), Some(rejection)) = (&self.active, reply.rejection) {
            active.telemetry.rejected(rejection);
        }
        self.reply(reply)
    }

    /// Notes what becomes of an upstream's answer.
    fn note(&self, answered: Answered) {
        if let Some(active) = &self.active {
            active.telemetry.answered(answered);
        }
    }

    fn reply(&mut self, reply: &LocalReply) -> Action {
        self.state = State::Replied(self.in_grpc_form.then(|| reply.bare()));
        // Where the host refuses even this, pausing keeps the exchange from going on.
        let _ = host::reply(reply);
        Action::Pause
    }

    /// Replies in the place of an upstream's answer. That no filter sees again, so for gRPC it is the
    /// answer itself that is rewritten.
    fn reply_instead(&mut self, reply: &LocalReply) -> Action {
        self.note(Answered::by(reply));
        if !self.in_grpc_form {
            return self.reply(reply);
        }
        let headers = reply.bare();
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        match host::replace_response_headers(headers.chain([("content-length", &b"0"[..])]).collect()) {
            Ok(()) => {
                self.state = State::Delivering { without_body: true };
                Action::Continue
            }
            Err(_) => self.reply(reply),
        }
    }

    /// Decides and forwards, or says why not.
    fn forward(&mut self, ends: bool) -> Result<Action, LocalReply> {
        let plain = |rejection| LocalReply::new(rejection, None, false);
        let active = self.active.as_ref().ok_or_else(|| plain(Rejection::UpstreamFailed))?;
        let headers = host::request_headers().ok_or_else(|| plain(Rejection::MalformedRequest))?;
        self.in_grpc_form =
            values(&headers, "content-type").any(|value| value.starts_with(b"application/grpc"));
        let decision = match active.role {
            Role::Edge => active.policy.decide(&headers, ends, host::now()),
            Role::Gate => active.policy.open(&headers, ends, host::now()),
        };
        match decision {
            Decision::Reject(refusal) => {
                if let Some(path) = &refusal.logged_path {
                    host::log_path(path);
                }
                Err(refusal.reply())
            }
            Decision::Forward(forward) => {
                // Those of a pushed request go nowhere, but the access log looks at them.
                host::replace_request_headers(forward.upstream.headers())
                    .map_err(|_| plain(Rejection::UpstreamFailed))?;
                match Push::start(active, &forward) {
                    None => {
                        active.telemetry.forwarded(forward.preset);
                        self.state = State::Forwarded(forward.answer);
                        Ok(Action::Continue)
                    }
                    Some(Step::Wait(push)) => {
                        active.telemetry.forwarded(forward.preset);
                        self.state = State::Pushing(push);
                        Ok(Action::Pause)
                    }
                    Some(Step::Reply(reply)) => Err(reply),
                }
            }
        }
    }
}

impl Context for Exchange {
    fn on_http_call_response(&mut self, _call: u32, headers: usize, body: usize, _trailers: usize) {
        #[cfg(feature = "test-trap")]
        trap::in_headers(&if headers == 0 { Vec::new() } else { host::answer_headers() });
        // In every other state the visitor has his answer already.
        let State::Pushing(push) = std::mem::replace(&mut self.state, State::Replied(None)) else { return };
        match push.on_answer(headers, body) {
            Step::Wait(push) => self.state = State::Pushing(push),
            Step::Reply(reply) => {
                self.note(Answered::by(&reply));
                self.reply(&reply);
            }
        }
    }
}

impl HttpContext for Exchange {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        #[cfg(feature = "test-trap")]
        trap::in_headers(&host::request_headers().unwrap_or_default());
        match self.forward(end_of_stream) {
            Ok(action) => action,
            Err(reply) => self.reject(&reply),
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        #[cfg(feature = "test-trap")]
        trap::in_headers(&host::response_headers().unwrap_or_default());
        let rule = match std::mem::replace(&mut self.state, State::Replied(None)) {
            State::Replied(Some(headers)) => {
                // Where the host refuses, Envoy's form tells no more than ours.
                let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                let _ = host::replace_response_headers(headers);
                return Action::Continue;
            }
            State::Replied(None) => return Action::Continue,
            delivering @ State::Delivering { .. } => {
                self.state = delivering;
                return Action::Continue;
            }
            // Envoy has ended the wait.
            State::Pushing(push) => {
                let reply = push.reply(Rejection::UpstreamTimeout);
                self.note(Answered::by(&reply));
                return self.reply(&reply);
            }
            // Envoy refused the request before it came to us: a malformed path, too many headers.
            State::Fresh => return self.reject(&LocalReply::new(Rejection::MalformedRequest, None, false)),
            State::Forwarded(rule) => rule,
        };
        let headers = host::response_headers().unwrap_or_default();
        let rule = match (rule.ticket(), rule.role) {
            (Some(ticket), Role::Gate) => {
                host::note(&ticket.key(), &ticket.note(Keeping::of(&headers)));
                rule
            }
            (Some(ticket), Role::Edge) => {
                let note = host::noted(&ticket.key());
                rule.in_the_light_of(note.as_deref())
            }
            (None, _) => rule,
        };
        let Some(active) = &self.active else {
            return self.reply_instead(&rule.reply(Rejection::UpstreamFailed));
        };
        let rejection = match active.policy.judge(&rule, &headers) {
            Verdict::NotModified(headers) => return self.reply_instead(&LocalReply::not_modified(headers)),
            Verdict::Deliver(headers) => {
                let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
                match host::replace_response_headers(headers) {
                    Ok(()) => {
                        self.note(Answered::Deliver);
                        let without_body = rule.role == Role::Edge && rule.method == Method::Head;
                        self.state = State::Delivering { without_body };
                        return Action::Continue;
                    }
                    Err(_) => Rejection::UpstreamFailed,
                }
            }
            Verdict::Replace(rejection) => rejection,
        };
        self.reply_instead(&rule.reply(rejection))
    }

    fn on_http_response_body(&mut self, size: usize, _end_of_stream: bool) -> Action {
        #[cfg(feature = "test-trap")]
        trap::in_body(&host::response_body(size));
        if let State::Delivering { without_body: true } = self.state {
            host::drop_response_body(size);
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        if let State::Delivering { .. } = self.state {
            host::drop_response_trailers();
        }
        Action::Continue
    }
}
