//! `pinhole explain`: what the edge decides about one request, by which rule, and what goes upstream.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pinhole::policy::Policy;
use pinhole::policy::decision::{Decision, Forward, Refusal};
use serde_json::{Value, json};

use crate::url::VisitorUrl;
use crate::{Outcome, load, now};

/// Explain what the edge does with a request: the decision, the rule that made it, and the upstream
/// requests with secrets masked.
#[derive(clap::Args)]
pub struct Arguments {
    /// The policy document, JSON. Secrets are taken from the environment.
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
            eprintln!("pinhole: {message}");
            return Outcome::Failure;
        }
    };
    let loaded = match load(&arguments.policy) {
        Ok(loaded) => loaded,
        Err(outcome) => return outcome,
    };
    let decision = loaded.policy.decide(&headers, true, now());
    match (&decision, arguments.json) {
        (Decision::Forward(forward), false) => print_forward(&loaded.policy, forward),
        (Decision::Reject(refusal), false) => print_refusal(refusal),
        (Decision::Forward(forward), true) => println!("{:#}", json_of_forward(forward)),
        (Decision::Reject(refusal), true) => println!("{:#}", json_of_refusal(refusal)),
    }
    match decision {
        Decision::Forward(_) => Outcome::Good,
        Decision::Reject(_) => Outcome::Refused,
    }
}

/// The headers as Envoy would deliver them.
fn request_headers(arguments: &Arguments) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut headers = VisitorUrl::parse(&arguments.url)?.headers(&arguments.method);
    for header in &arguments.headers {
        let (name, value) = header
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| format!("-H: found `{header}`; wanted `name: value`"))?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
    }
    Ok(headers)
}

fn print_forward<'p>(policy: &'p Policy, forward: &Forward<'p>) {
    println!("served by {}", forward.rule);
    if let Some(preset) = forward.preset {
        println!("  preset      {preset}");
    }
    if let Some(transform) = &forward.transform {
        println!("  canonical   {transform}");
    }
    println!("  cache       {}", forward.answer.cache.control());
    if !forward.answer.vary.is_empty() {
        println!("  vary        {}", forward.answer.vary.join(", "));
    }
    println!("\nto the resizer");
    for (name, value) in forward.upstream.headers() {
        println!("  {name}: {}", String::from_utf8_lossy(value));
    }
    let origin = forward.origin;
    let from = if forward.push.is_some() { "pinhole" } else { "the gate" };
    println!("\nfrom {from} to origin `{}`", origin.name());
    let Ok(request) = policy.source_request(forward, now()) else {
        println!("  not signed: the clock is not known");
        return;
    };
    let is_secret = |name: &str| request.credentials.iter().any(|(other, _)| *other == name);
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value);
        match (name, value.split_once('?')) {
            (name, _) if is_secret(name) => println!("  {name}: ***"),
            (":path", Some((path, _))) => println!("  :path: {path}?***"),
            _ => println!("  {name}: {value}"),
        }
    }
    for name in origin.forward().names() {
        println!("  {name}: what the visitor sends");
    }
}

fn print_refusal(refusal: &Refusal) {
    let rejection = refusal.rejection;
    println!("refused by {}", refusal.rule);
    println!("  status      {}", rejection.status());
    println!("  reason      {}", rejection.reason());
    if let Some(option) = &refusal.option {
        println!("  option      {}", option.escape_debug());
    }
    println!("  body        {}", rejection.text());
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

fn json_of_refusal(refusal: &Refusal) -> Value {
    json!({
        "decision": "refused",
        "rule": refusal.rule.to_string(),
        "reason": refusal.rejection.reason(),
        "status": refusal.rejection.status(),
        "option": refusal.option,
    })
}
