//! `pinhole explain`: what the edge decides about one request, by which rule, and what goes upstream.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueHint;
use pinhole::policy::Policy;
use pinhole::policy::advice::Advice;
use pinhole::policy::decision::{Decision, Forward, Refusal};
use serde_json::{Value, json};

use crate::screen::{BAD, FAINT, GOOD, HEAD, NOTE, failed, say, styled};
use crate::url::{VisitorUrl, header};
use crate::{Outcome, load, now};

/// Explain what the edge does with a request: the decision, the rule that made it, and the upstream
/// requests with secrets masked.
///
/// For a request that is refused for a name that the policy does not have, also what it most likely meant.
/// Exit codes: 0 served, 1 failure, 2 refused, 3 invalid policy.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON. Secrets are taken from the environment.
    #[arg(value_hint = ValueHint::FilePath)]
    policy: PathBuf,
    /// What a visitor asks for: `http://host/path?query`, or `/path?query` for any host.
    url: String,
    /// A header of the request, such as `accept: image/webp`. May be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The method of the request.
    #[arg(short = 'X', long, default_value = "GET")]
    method: String,
    /// Print the decision as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Outcome {
    let headers = match request_headers(arguments) {
        Ok(headers) => headers,
        Err(message) => {
            failed(message);
            return Outcome::Failure;
        }
    };
    let loaded = match load(&arguments.policy) {
        Ok(loaded) => loaded,
        Err(outcome) => return outcome,
    };
    let policy = &loaded.policy;
    let decision = policy.decide(&headers, true, now());
    match (&decision, arguments.json) {
        (Decision::Forward(forward), false) => print_forward(policy, forward),
        (Decision::Reject(refusal), false) => print_refusal(refusal, policy.advice(&headers, refusal)),
        (Decision::Forward(forward), true) => say(format_args!("{:#}", json_of_forward(forward))),
        (Decision::Reject(refusal), true) => {
            say(format_args!("{:#}", json_of_refusal(refusal, policy.advice(&headers, refusal))));
        }
    }
    match decision {
        Decision::Forward(_) => Outcome::Good,
        Decision::Reject(_) => Outcome::Refused,
    }
}

/// The headers as Envoy would deliver them.
fn request_headers(arguments: &Arguments) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut headers = VisitorUrl::parse(&arguments.url)?.headers(&arguments.method);
    for text in &arguments.headers {
        headers.push(header(text)?);
    }
    Ok(headers)
}

/// A line with a name and what it is.
fn row(name: &str, value: impl std::fmt::Display) {
    say(format_args!("  {name:<11} {value}"));
}

/// A header of an upstream request.
fn header_row(name: &str, value: &str) {
    say(format_args!("  {} {value}", styled(FAINT, format_args!("{name}:"))));
}

fn print_forward<'p>(policy: &'p Policy, forward: &Forward<'p>) {
    say(format_args!("{} by {}", styled(GOOD, "served"), forward.rule));
    if let Some(preset) = forward.preset {
        row("preset", preset);
    }
    if let Some(transform) = &forward.transform {
        row("canonical", transform);
    }
    row("cache", forward.answer.cache.control());
    if !forward.answer.vary.is_empty() {
        row("vary", forward.answer.vary.join(", "));
    }
    say(format_args!("\n{}", styled(HEAD, "to the resizer")));
    for (name, value) in forward.upstream.headers() {
        header_row(name, &String::from_utf8_lossy(value));
    }
    let origin = forward.origin;
    let from = if forward.push.is_some() { "pinhole" } else { "the gate" };
    say(format_args!("\n{}", styled(HEAD, format_args!("from {from} to origin `{}`", origin.name()))));
    let Ok(request) = policy.source_request(forward, now()) else {
        say("  not signed: the clock is not known");
        return;
    };
    let is_secret = |name: &str| request.credentials.iter().any(|(other, _)| *other == name);
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value);
        match (name, value.split_once('?')) {
            (name, _) if is_secret(name) => header_row(name, "***"),
            (":path", Some((path, _))) => header_row(":path", &format!("{path}?***")),
            _ => header_row(name, &value),
        }
    }
    for name in origin.forward().names() {
        header_row(name, "what the visitor sends");
    }
}

fn print_refusal(refusal: &Refusal, advice: Option<Advice>) {
    let rejection = refusal.rejection;
    say(format_args!("{} by {}", styled(BAD, "refused"), refusal.rule));
    row("status", rejection.status());
    row("reason", rejection.reason());
    if let Some(option) = &refusal.option {
        row("option", option.escape_debug());
    }
    row("body", rejection.text());
    if let Some(advice) = advice {
        say(format_args!("{} {advice}", styled(NOTE, "hint:")));
    }
}

fn json_of_forward(forward: &Forward<'_>) -> Value {
    let transform = forward.transform.as_ref().map(|transform| {
        let options = transform.to_options();
        options.iter().map(|(option, value)| (option.name(), value.to_string())).collect::<BTreeMap<_, _>>()
    });
    let upstream: BTreeMap<_, _> = forward
        .upstream
        .headers()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    json!({
        "decision": "served",
        "rule": forward.rule.to_string(),
        "preset": forward.preset,
        "origin": forward.origin.name(),
        "source": forward.source.as_str(),
        "transform": transform,
        "canonical": forward.transform.as_ref().map(ToString::to_string),
        "cache": forward.answer.cache.control(),
        "vary": forward.answer.vary.join(", "),
        "upstream": upstream,
    })
}

fn json_of_refusal(refusal: &Refusal, advice: Option<Advice>) -> Value {
    json!({
        "decision": "refused",
        "rule": refusal.rule.to_string(),
        "reason": refusal.rejection.reason(),
        "status": refusal.rejection.status(),
        "option": refusal.option,
        "hint": advice.map(|advice| advice.to_string()),
    })
}
